"""Solutions of z = F(z) for torch tensors, by Picard iteration or Anderson's acceleration."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from rmtlib import _checks
from rmtlib._checks import ConvergenceError

METHODS = ("picard", "anderson")


@dataclass(frozen=True, eq=False)
class FixedPoint:
    """What `solve_fixed_point` returns."""

    value: torch.Tensor
    """The solution, of the shape of the start."""
    iterations: int
    """Evaluations of the map."""
    residual: float
    """Length of the last correction over that of the solution, largest over samples."""
    history: np.ndarray
    """The residual at every iteration."""


def solve_fixed_point(
    function: Callable[[torch.Tensor], torch.Tensor],
    start: torch.Tensor,
    *,
    method: str = "picard",
    memory: int = 5,
    tol: float | None = None,
    max_iterations: int = 1000,
    cause: Callable[[torch.Tensor], str] | None = None,
) -> FixedPoint:
    r"""Solution of :math:`z=F(z)`, one for every row, without gradients.

    Picard iteration is :math:`z\leftarrow F(z)`. Anderson's acceleration keeps the last
    values and residuals :math:`r=F(z)-z` and goes to

    .. math:: z\leftarrow F(z)-\sum_j\gamma_j\,\Delta F_j,\qquad
        \gamma=\arg\min\Bigl\|r-\sum_j\gamma_j\,\Delta r_j\Bigr\|,

    with :math:`\Delta` the differences of successive iterates, row by row. A solution is
    accepted when the correction :math:`\|F(z)-z\|` of every row is at most ``tol`` times the
    longest row of F(z).

    Parameters
    ----------
    function : callable
        F, from a tensor of shape (n, m) to one of the same shape, row by row.
    start : tensor, shape (n, m)
        Where to begin; float32 or float64, on any device.
    method : str
        "picard" or "anderson".
    memory : integer >= 1
        Differences kept by "anderson".
    tol : positive number, optional
        By default 1e-10 in float64 and 1e-5 in float32.
    max_iterations : integer >= 1
        Cap on evaluations of F.
    cause : callable, optional
        Called with the last iterate on failure; what it returns ends the message.

    Returns
    -------
    FixedPoint

    Raises
    ------
    ~rmtlib.ConvergenceError
        If values or their lengths stop being finite, or the cap is met.

    Notes
    -----
    Source: :cite:t:`Anderson65`, :cite:t:`WalkerNi11`; :cite:t:`BaiKolterKoltun19` for its use
    in networks. If F contracts at rate :math:`\rho`, the error is at most
    ``residual`` / :math:`(1-\rho)` times the norm of the solution.

    Example
    -------
    >>> z = torch.ones(1, 1, dtype=torch.float64)
    >>> round(solve_fixed_point(torch.cos, z).value.item(), 9)
    0.739085133
    """
    if not isinstance(start, torch.Tensor) or start.ndim != 2 or not start.is_floating_point():
        raise ValueError(f"start must be a floating-point tensor of shape (n, m), got {start!r}")
    _checks.one_of("method", method, METHODS)
    memory = _checks.count("memory", memory)
    cap = _checks.count("max_iterations", max_iterations)
    if tol is None:
        tol = 1e-10 if start.dtype == torch.float64 else 1e-5
    tol = _checks.positive("tol", tol)
    z, history = start.detach(), []
    past: list[tuple[torch.Tensor, torch.Tensor]] = []  # (F, r), oldest first
    with torch.no_grad():
        for _ in range(cap):
            F = function(z)
            if F.shape != z.shape:
                raise ValueError(
                    f"function must keep the shape {tuple(z.shape)}, got {tuple(F.shape)}"
                )
            r = F - z
            length, gap = (float(x.norm(dim=1).max()) for x in (F, r))
            residual = gap / length if length > 0 else gap
            history.append(residual)
            if not (np.isfinite(length) and np.isfinite(gap)):
                message = f"the iteration ({method}) diverges"
                break
            if residual <= tol:
                return FixedPoint(F, len(history), residual, np.array(history))
            z = F
            if method == "anderson":
                if past:
                    z = F - _combination(F, r, past)
                past = [*past[-memory:], (F, r)]
        else:
            message = f"no fixed point after {cap} iterations ({method}), residual {residual:.2g}"
    raise ConvergenceError(message + (f": {cause(z)}" if cause else "; raise max_iterations"))


def _combination(F: torch.Tensor, r: torch.Tensor, past: list) -> torch.Tensor:
    """What Anderson's acceleration subtracts from F, row by row."""
    values = torch.stack([f for f, _ in past] + [F], dim=2).diff(dim=2)
    residuals = torch.stack([s for _, s in past] + [r], dim=2).diff(dim=2)
    gram = residuals.transpose(1, 2) @ residuals
    size = gram.diagonal(dim1=1, dim2=2).sum(1)[:, None, None]
    tiny = torch.finfo(F.dtype)
    ridge = (10 * tiny.eps * size + tiny.tiny) * torch.eye(gram.shape[1]).to(F)
    gamma = torch.linalg.solve(gram + ridge, residuals.transpose(1, 2) @ r[:, :, None])
    return (values @ gamma)[:, :, 0]
