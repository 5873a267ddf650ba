"""Descent on least squares with given or simulated data, eigenvector by eigenvector."""

import numpy as np

from rmtlib._checks import matrix, nonnegative_array, vector
from rmtlib._types import ArrayLike
from rmtlib.dynamics._filters import Clock, clock


def descend(
    X: ArrayLike,
    y: ArrayLike,
    start: ArrayLike,
    times: ArrayLike,
    *,
    learning_rate: float,
    ridge: ArrayLike = 0.0,
    dynamics: str = "flow",
) -> np.ndarray:
    r"""Weights of ridge regression at all times, from one eigendecomposition.

    Objective :math:`\frac1{2n} \|y - X^{\mathsf T} w\|^2 + \frac\gamma2 \|w\|^2`,
    :math:`\frac1n X X^{\mathsf T} = U \Lambda U^{\mathsf T}`, and with the filters of
    `descent_filters` at :math:`\lambda + \gamma`

    .. math::

        w(t) = U \bigl( f \odot U^{\mathsf T} w_0 + g \odot U^{\mathsf T} \tfrac1n X y \bigr) .

    Parameters
    ----------
    X : array, shape (p, n)
        Samples in columns.
    y : array, shape (n,)
        Targets.
    start : array, shape (p,)
        :math:`w_0`.
    times : array, shape (T,)
        Times of the flow, or numbers of steps.
    learning_rate : positive number
        :math:`\alpha`.
    ridge : nonnegative number, or array of shape (R,)
        :math:`\gamma`, or several.
    dynamics : "flow" or "steps"
        Gradient flow, or gradient descent.

    Returns
    -------
    array, shape (p, T), or (R, p, T) for several ridges

    Notes
    -----
    Exact up to rounding; singular matrices included.

    Example
    -------
    >>> descend([[1.0, 0.0], [0.0, 1.0]], [2, 4], [0, 0], [1], learning_rate=1.0, dynamics="steps")
    array([[1.],
           [2.]])
    """
    X = matrix("X", X).astype(float, copy=False)
    p, n = X.shape
    y = vector("y", y, length=n)
    w0 = vector("start", start, length=p)
    ridges = nonnegative_array("ridge", ridge)
    gammas = vector("ridge", np.atleast_1d(ridges))
    found = paths(clock(times, learning_rate, dynamics), X, y, w0, gammas)
    return found if ridges.ndim else found[0]


def paths(
    clock: Clock, X: np.ndarray, y: np.ndarray, w0: np.ndarray, gammas: np.ndarray
) -> np.ndarray:
    """Weights at all times for every ridge, shape (ridges, p, T)."""
    lam, U = np.linalg.eigh(X @ X.T / y.size)
    lam = np.where(lam > 1e-13 * lam[-1], lam, 0.0)  # exact zeros stay exact
    begin, drive = U.T @ w0, U.T @ (X @ y) / y.size
    filters = (clock.filters(lam + gamma) for gamma in gammas)
    return np.array([U @ (f * begin + g * drive).T for f, g in filters])
