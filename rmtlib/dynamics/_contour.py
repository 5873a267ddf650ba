r"""The statistics of gradient flow by contour integrals: the theorem as it was proved."""

import numpy as np

from rmtlib._checks import ConvergenceError, count, finite, positive
from rmtlib.dynamics._filters import Clock
from rmtlib.dynamics._statistics import DescentStatistics, gaussian_statistics
from rmtlib.laws import MarchenkoPastur


def ellipse(
    low: float, high: float, *, margin: float, points: int
) -> tuple[np.ndarray, np.ndarray]:
    r"""Nodes and weights of contour integrals along an ellipse around an interval.

    The ellipse with foci at the ends of the interval, positively oriented, with the trapezoidal
    rule in its angle :math:`\theta`:

    .. math::

        z = \frac{a + b}2 + \frac{b - a}2 \cos(\theta - i h), \qquad
        \frac1{2 \pi i} \oint F(z) dz \approx \sum_j w_j F(z_j) .

    Parameters
    ----------
    low, high : numbers
        a < b, the ends of the interval.
    margin : positive number
        Distance from an end of the interval to the ellipse, along the axis.
    points : integer >= 1
        N, number of nodes, equidistant in angle.

    Returns
    -------
    z, weights : complex arrays, shape (points,)

    Notes
    -----
    The error falls like :math:`e^{-h N}`, :math:`\cosh h = 1 + 2\,\text{margin} / (b - a)`, for
    an integrand with singularities on the interval only.

    Example
    -------
    >>> z, weights = ellipse(-1.0, 1.0, margin=0.5, points=128)
    >>> abs(np.sum(weights / z) - 1) < 1e-12, abs(np.sum(weights / (z - 2))) < 1e-12
    (np.True_, np.True_)
    """
    a, b = finite("low", low), finite("high", high)
    if a >= b:
        raise ValueError(f"low must be below high = {b:g}, got {a:g}")
    return _ellipse(a, b, positive("margin", margin), count("points", points))


def _ellipse(a: float, b: float, margin: float, N: int) -> tuple[np.ndarray, np.ndarray]:
    h = np.arccosh(1 + 2 * margin / (b - a))
    angle = 2 * np.pi * (np.arange(N) + 0.5) / N - 1j * h
    half = (b - a) / 2
    # dz / (2 pi i) with d(theta) = 2 pi / N
    return (a + b) / 2 + half * np.cos(angle), 1j * half * np.sin(angle) / N


def contour_statistics(
    clock: Clock, c: float, rho: float, sigma2: float, gamma: float, N: int
) -> DescentStatistics:
    """Statistics of the flow from the integrals in `TwoClassDescent.at`, on N nodes."""
    t, alpha = clock.t[:, None], clock.alpha
    low = gamma + (0.0 if c >= 1 else (1 - np.sqrt(c)) ** 2)
    high = gamma + max((1 + np.sqrt(c)) ** 2, (1 + rho) * (1 + c / rho) if rho**2 > c else 0.0)
    reach = 0.5 / (alpha * t.max()) if t.max() else np.inf  # f grows to the left of the origin
    margin = min(1.0, low + reach)
    z, weights = _ellipse(low, high, margin, N)
    left = np.argmin(z.real)
    turn = alpha * t.max() * abs(z[left] - z[left - 1])  # of f from node to node
    if turn > 1.6 or N * np.arccosh(1 + 2 * margin / (high - low)) < 25:
        raise ConvergenceError(
            f"{N} points do not resolve the contour at learning_rate * t = "
            f"{alpha * t.max():g}: take more"
        )
    m = MarchenkoPastur(c).stieltjes(z - gamma)
    D = (rho + c) * m + 1
    f = np.exp(-alpha * t * z)
    done = -np.expm1(-alpha * t * z) / z
    squares = done**2 / D - sigma2 * f**2 * m
    E = -(done * (rho * m / D)) @ weights
    E_train = (done / D) @ weights
    V_train = (squares * (z - gamma)) @ weights - E_train**2
    return gaussian_statistics(E.real, (squares @ weights).real, E_train.real, V_train.real)
