"""Gradient flow and gradient descent along one eigenvector."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from rmtlib._checks import nonnegative_array, one_of, positive, vector
from rmtlib._types import ArrayLike


@dataclass(frozen=True, eq=False)
class Clock:
    """Times t of shape (T,), learning rate alpha, and "flow" or "steps"."""

    t: np.ndarray
    alpha: float
    dynamics: str

    def __getitem__(self, index: Any) -> "Clock":
        return Clock(self.t[index], self.alpha, self.dynamics)

    def filters(self, lam: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`descent_filters` at checked eigenvalues."""
        t, rate = self.t[:, None], self.alpha * lam
        if self.dynamics == "flow":
            log_f = -self.alpha * t * lam
            f, done = np.exp(log_f), -np.expm1(log_f)
        else:
            small = rate < 0.5
            with np.errstate(over="ignore"):  # beyond alpha lambda = 2 the steps diverge
                f = (1 - rate) ** t
            done = np.where(small, -np.expm1(t * np.log1p(-np.where(small, rate, 0))), 1 - f)
        at_zero = np.broadcast_to(self.alpha * t, done.shape).copy()
        return f, np.divide(done, lam, out=at_zero, where=lam > 0)


def clock(times: ArrayLike, learning_rate: float, dynamics: str = "flow") -> Clock:
    """The door of times, alpha and the kind of dynamics."""
    t = vector("times", np.atleast_1d(nonnegative_array("times", times)))
    if one_of("dynamics", dynamics, ("flow", "steps")) == "steps" and np.any(t != np.round(t)):
        raise ValueError(f"times must be integers, got {t[np.argmax(t != np.round(t))]:g}")
    return Clock(t, positive("learning_rate", learning_rate), dynamics)


def descent_filters(
    eigenvalues: ArrayLike, times: ArrayLike, *, learning_rate: float, dynamics: str = "flow"
) -> tuple[np.ndarray, np.ndarray]:
    r"""What descent has left of the start, and done toward the solution, along eigenvectors.

    On :math:`\frac12 w^{\mathsf T} A w - b^{\mathsf T} w` the component of w along an
    eigenvector of A of eigenvalue :math:`\lambda` is :math:`f\,w_0 + g\,b` with

    .. math::

        f = e^{-\alpha t \lambda} \text{ (flow)}, \quad
        f = (1 - \alpha \lambda)^k \text{ (steps)}, \qquad g = \frac{1 - f}\lambda .

    Parameters
    ----------
    eigenvalues : array, shape (d,)
        Eigenvalues :math:`\lambda \ge 0` of A; at 0, g is :math:`\alpha t`.
    times : array, shape (T,)
        Times t >= 0 of the flow, or numbers k of steps.
    learning_rate : positive number
        :math:`\alpha`.
    dynamics : "flow" or "steps"
        Gradient flow, or gradient descent.

    Returns
    -------
    f, g : arrays, shape (T, d)

    Notes
    -----
    Exact, with no loop over steps. :cite:t:`AliKolterTibshirani19`.

    Example
    -------
    >>> f, g = descent_filters([0.0, 1.0, 2.0], [2], learning_rate=0.5, dynamics="steps")
    >>> f, g
    (array([[1.  , 0.25, 0.  ]]), array([[1.  , 0.75, 0.5 ]]))
    """
    lam = nonnegative_array("eigenvalues", vector("eigenvalues", eigenvalues))
    return clock(times, learning_rate, dynamics).filters(lam)
