r"""Deep equilibrium models in torch: a layer defined by an equation.

.. math::

    z^*=\frac1{\sqrt m}\,g(\sigma_aAz^*+\sigma_bBx),\qquad f(x)=\beta^{\mathsf T}z^*,\qquad
    g=\phi-\mathbb E\phi(\tau_*\xi),\quad\xi\sim\mathcal N(0,1),

with standard normal entries in A, B and :math:`\beta` at the start. `solve_fixed_point` solves such
equations by Picard iteration or with Anderson's acceleration, `DeepEquilibrium` is the torch
module. Its backward pass solves a second, linear equation at the solution instead of going
back through the iterations, so that memory does not depend on their number.

Tensors hold samples in rows, shape (n, width), as everywhere in torch. The kernels of the
model for m large are in `rmtlib.equilibrium_kernels`.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike

from rmtlib import _checks
from rmtlib._checks import ConvergenceError
from rmtlib.activations import CATALOGUE, Activation
from rmtlib.kernels import EquilibriumKernels, equilibrium_variance
from rmtlib.networks._activations import torch_activation

METHODS = ("picard", "anderson")


class FixedPoint(NamedTuple):
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
    ValueError
        If an argument is out of range, or F changes the shape.
    ~rmtlib.ConvergenceError
        If values stop being finite, or the cap is met.

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
            length = F.norm(dim=1).max()
            gap = r.norm(dim=1).max()
            residual = float(gap / length) if length > 0 else float(gap)
            history.append(residual)
            if not np.isfinite(residual):
                break
            if residual <= tol:
                return FixedPoint(F, len(history), residual, np.array(history))
            z = F
            if method == "anderson":
                if past:
                    z = F - _combination(F, r, past)
                past = [*past[-memory:], (F, r)]
    message = (
        f"the iteration ({method}) diverges"
        if not np.isfinite(history[-1])
        else f"no fixed point after {cap} iterations ({method}), residual {history[-1]:.2g}"
    )
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


class _Equilibrium(torch.autograd.Function):
    """The solution as a function of A and of the injected input, with implicit gradients."""

    @staticmethod
    def forward(ctx, A, injected, model):
        def preactivation(z):
            return model.feedback * z @ A.T + injected

        model.solution = model.solve(
            lambda z: model.g(preactivation(z)) / model.m**0.5,
            torch.zeros_like(injected),
            lambda z: model.slopes(preactivation(torch.nan_to_num(z))),
        )
        z = model.solution.value
        ctx.model = model
        ctx.save_for_backward(A, z, injected)
        return z

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        A, z, injected = ctx.saved_tensors
        model = ctx.model
        a = model.feedback
        slopes = model.slopes(a * z @ A.T + injected)
        D = slopes / model.m**0.5
        model.adjoint = model.solve(
            lambda v: gradient + a * (D * v) @ A, gradient, lambda v: slopes
        )
        Dv = D * model.adjoint.value
        return a * Dv.T @ z, Dv, None


class DeepEquilibrium(torch.nn.Module):
    r"""A deep equilibrium model with one implicit layer and a linear readout.

    :math:`z^*=\frac1{\sqrt m}g(\sigma_aAz^*+\sigma_bBx)` and :math:`f(x)=\beta z^*`, with A of
    shape (m, m), B of shape (m, p) and :math:`\beta` of shape (outputs, m), all three trained.
    In the backward pass, with :math:`u=\sigma_aAz^*+\sigma_bBx`,
    :math:`D=\mathrm{diag}(\phi'(u))/\sqrt m` and :math:`\partial` the gradient of the loss in
    :math:`z^*`,

    .. math::

        v=\partial+\sigma_aA^{\mathsf T}Dv,\qquad
        \nabla_A=\sigma_a\sum_iD_iv_i\,z_i^{*\mathsf T},\qquad
        \nabla_B=\sigma_b\sum_iD_iv_i\,x_i^{\mathsf T} .

    Nothing divides Bx by :math:`\sqrt p`: the data carry their own scale. ``solution`` and
    ``adjoint`` hold the `FixedPoint` of the last forward and backward pass.

    Parameters
    ----------
    p, m, outputs : integers >= 1
        Dimension of the data, width, number of outputs.
    activation : Activation or str
        :math:`\phi`, or its name in the catalogue.
    feedback : nonnegative number
        :math:`\sigma_a`.
    injection : positive number
        :math:`\sigma_b`.
    input_variance : positive number
        :math:`\tau_0^2`, the typical :math:`\|x\|^2`, which decides the centering constant.
    centered : bool
        Whether to subtract the constant.
    method : str
        "picard" or "anderson", of both passes.
    tol : positive number, optional
        As in `solve_fixed_point`. It bounds the error of the gradient too, up to the factor
        1 / (1 - rate).
    max_iterations : integer >= 1
        Cap, of both passes.
    rng : None, int or numpy.random.Generator
        Randomness of the weights.
    dtype : torch dtype
        float64 or float32.

    Raises
    ------
    ValueError
        If an argument is out of range.
    ~rmtlib.ConvergenceError
        In the constructor if the variance of the preactivations has no equilibrium; in the
        forward and backward passes if the iteration does not converge, naming the estimate
        :math:`\sigma_a\sqrt{\mathbb E\phi'^2}` of its spectral radius, from the slopes.

    Notes
    -----
    Source: :cite:t:`BaiKolterKoltun19`; centered and in this normalization
    :cite:t:`Ling24`. The solution is unique if :math:`\sigma_a\|A\|L/\sqrt m<1`, L the
    Lipschitz constant of the activation and :math:`\|A\|\approx2\sqrt m`; the iteration
    converges from nearby if :math:`\sigma_a^2\,\mathbb E\phi'^2<1`.

    Example
    -------
    >>> model = DeepEquilibrium(3, 50, 1, "tanh", feedback=0.4, rng=0)
    >>> x = torch.ones(2, 3, dtype=torch.float64) / 3**0.5
    >>> z = model.features(x)
    >>> bool(torch.allclose(z, model.update(z, x)))
    True
    """

    def __init__(
        self,
        p: int,
        m: int,
        outputs: int,
        activation: Activation | str,
        *,
        feedback: float,
        injection: float = 1.0,
        input_variance: float = 1.0,
        centered: bool = True,
        method: str = "picard",
        tol: float | None = None,
        max_iterations: int = 1000,
        rng: int | np.random.Generator | None = None,
        dtype: torch.dtype = torch.float64,
    ):
        super().__init__()
        self.p, self.m = _checks.count("p", p), _checks.count("m", m)
        outputs = _checks.count("outputs", outputs)
        if isinstance(activation, str):
            activation = CATALOGUE[_checks.one_of("activation", activation, tuple(CATALOGUE))]
        self.feedback = _checks.nonnegative("feedback", feedback, "scale of the feedback weights")
        self.injection = _checks.positive("injection", injection, "scale of the input weights")
        variance = equilibrium_variance(
            activation, feedback=feedback, injection=injection, input_variance=input_variance
        )
        self.activation = activation.centered(variance) if centered else activation
        self.g = torch_activation(self.activation)
        self.method = _checks.one_of("method", method, METHODS)
        self.tol = None if tol is None else _checks.positive("tol", tol)
        self.max_iterations = _checks.count("max_iterations", max_iterations)
        source = torch.Generator().manual_seed(int(_checks.as_rng(rng).integers(2**62)))
        shapes = {"A": (self.m, self.m), "B": (self.m, self.p), "beta": (outputs, self.m)}
        for name, shape in shapes.items():
            entries = torch.empty(shape, dtype=dtype).normal_(generator=source)
            setattr(self, name, torch.nn.Parameter(entries))
        self.solution: FixedPoint | None = None
        self.adjoint: FixedPoint | None = None

    def slopes(self, u: torch.Tensor) -> torch.Tensor:
        """Derivatives of the activation at u, of the same shape."""
        with torch.enable_grad():
            u = u.detach().requires_grad_()
            return torch.autograd.grad(self.g(u).sum(), u)[0]

    def update(self, z: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """One iteration, from z of shape (n, m), at inputs of shape (n, p)."""
        u = self.feedback * z @ self.A.T + self.injection * rows @ self.B.T
        return self.g(u) / self.m**0.5

    def solve(self, function: Callable, start: torch.Tensor, slopes: Callable) -> FixedPoint:
        """`solve_fixed_point` with the settings of the model; ``slopes`` are for its message."""
        return solve_fixed_point(
            function,
            start,
            method=self.method,
            tol=self.tol,
            max_iterations=self.max_iterations,
            cause=lambda z: self._cause(slopes(z)),
        )

    def features(self, rows: torch.Tensor) -> torch.Tensor:
        """The equilibria, shape (n, m), from rows of shape (n, p)."""
        return _Equilibrium.apply(self.A, self.injection * rows @ self.B.T, self)

    def unrolled(self, rows: torch.Tensor, depth: int) -> torch.Tensor:
        """The state after ``depth`` iterations from zero, with ordinary gradients."""
        z = rows.new_zeros(len(rows), self.m)
        injected = self.injection * rows @ self.B.T
        for _ in range(_checks.count("depth", depth)):
            z = self.g(self.feedback * z @ self.A.T + injected) / self.m**0.5
        return z

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Outputs, shape (n, outputs), from rows of shape (n, p)."""
        return self.features(rows) @ self.beta.T

    def spectral_radius(self, rows: torch.Tensor) -> float:
        r"""Estimate :math:`\sigma_a\sqrt{\mathbb E\phi'^2}`, from the slopes at equilibrium."""
        with torch.no_grad():
            z = self.features(rows)
            u = self.feedback * z @ self.A.T + self.injection * rows @ self.B.T
        return self._radius(self.slopes(u))

    def kernels(self, X: ArrayLike) -> EquilibriumKernels:
        r"""Conjugate and tangent kernel of this model, of one output and finite width.

        .. math::

            \hat G_{ij}=z_i^{*\mathsf T}z_j^*,\qquad
            \hat H_{ij}=\hat G_{ij}+q_i^{\mathsf T}q_j
            (\sigma_a^2\hat G_{ij}+\sigma_b^2x_i^{\mathsf T}x_j),\qquad q_i=D_iv_i .

        Parameters
        ----------
        X : array_like, shape (p, n)
            Data, columns are samples.

        Returns
        -------
        EquilibriumKernels
            With the iterations and the residual of the backward pass.

        Raises
        ------
        ValueError
            If X is not a finite matrix of p rows, or the model has several outputs.
        ~rmtlib.ConvergenceError
            If an iteration does not converge.
        """
        if len(self.beta) != 1:
            raise ValueError(f"model must have one output, got {len(self.beta)}")
        X = _checks.matrix("X", X, shape=(self.p, None), why="columns are samples")
        rows = torch.as_tensor(X.T.copy()).to(self.A)
        injected = (self.injection * rows @ self.B.T).detach().requires_grad_()
        z = _Equilibrium.apply(self.A.detach(), injected, self)
        (q,) = torch.autograd.grad((z @ self.beta.detach().T).sum(), injected)
        G = z @ z.T
        H = G + (q @ q.T) * (self.feedback**2 * G + self.injection**2 * rows @ rows.T)
        G, H = (K.detach().cpu().numpy() for K in (G, H))
        return EquilibriumKernels(G, H, self.adjoint.iterations, self.adjoint.residual)

    def _radius(self, slopes: torch.Tensor) -> float:
        return self.feedback * float(slopes.pow(2).mean()) ** 0.5

    def _cause(self, slopes: torch.Tensor) -> str:
        """Why an iteration failed."""
        radius = self._radius(slopes)
        formula = f"spectral radius sigma_a * sqrt(E[phi'^2]) = {radius:.4g}"
        if radius >= 1:
            return f"no stable equilibrium, {formula} >= 1"
        return f"{formula} < 1, raise max_iterations or tol"
