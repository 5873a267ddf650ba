"""Fixed points in the upper half plane, continued from far above down to the real axis."""

from collections.abc import Callable

import numpy as np


def follow(
    step: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
    z: np.ndarray,
    singular: np.ndarray,
) -> np.ndarray:
    r"""Fixed point w = f(w, z) in the upper half plane, continued down to z from far above.

    The path is :math:`z + i y`, y from ten times the size of the problem down
    by factors of 4; Newton's method follows it, and where its step would leave the
    half plane the fixed-point step, which never does, is taken instead.

    Parameters
    ----------
    step : function
        (w, z) to (f, df/dw), vectorized.
    z : complex vector
        Targets, with Im z >= 0.
    singular : vector
        Real points at which w(z) is not analytic: edges and atoms.

    Returns
    -------
    vector of the shape of ``z``; the caller checks the residual.
    """
    distance = np.abs(z[:, None] - singular).min(axis=1)
    lowest = np.maximum(1e-4 * distance - z.imag, 0.0)
    y = np.full(z.shape, 10 * (np.abs(singular).max() + np.abs(z).max()))
    w = z + 1j * y
    for _ in range(20):
        w = step(w, z + 1j * y)[0]
    active = np.arange(z.size)
    while active.size:
        y[active] = np.maximum(y[active] / 4, lowest[active])
        w[active] = _newton(step, w[active], z[active] + 1j * y[active], 1e-4, 8)
        active = active[y[active] > np.maximum(lowest[active], 1e-4 * z.imag[active])]
    return _newton(step, w, z, 2e-15, 40)


def _newton(step: Callable, w: np.ndarray, z: np.ndarray, tol: float, most: int) -> np.ndarray:
    w = w.copy()
    active = np.arange(z.size)
    for _ in range(most):
        f, slope = step(w[active], z[active])
        with np.errstate(divide="ignore", invalid="ignore"):
            change = (f - w[active]) / (1 - slope)
        new = w[active] + change
        above = z[active].imag > 0
        poor = ~np.isfinite(new) | (above & (new.imag <= 0))
        new[poor] = f[poor]
        w[active] = new
        active = active[poor | (np.abs(change) > tol * np.abs(new))]
        if not active.size:
            break
    return w
