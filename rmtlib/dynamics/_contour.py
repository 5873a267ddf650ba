r"""Gradient descent on ridge regression by contour integrals: the theorem as it was proved.

Model, objective and names of `rmtlib.gradient_descent`.
"""

import numpy as np
from numpy.typing import ArrayLike

from rmtlib._checks import ConvergenceError, count, finite, positive
from rmtlib.dynamics._two_class import DescentStatistics, clock, gaussian_statistics, model
from rmtlib.laws import MarchenkoPastur


def ellipse(low: float, high: float, margin: float, points: int) -> tuple[np.ndarray, np.ndarray]:
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
        Number of nodes, equidistant in angle.

    Returns
    -------
    z, weights : complex arrays, shape (points,)

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    The error falls like :math:`e^{-h N}`, :math:`\cosh h = 1 + 2\,\text{margin} / (b - a)`, for
    an integrand with singularities on the interval only.

    Example
    -------
    >>> z, weights = ellipse(-1.0, 1.0, 0.5, points=128)
    >>> abs(np.sum(weights / z) - 1) < 1e-12, abs(np.sum(weights / (z - 2))) < 1e-12
    (np.True_, np.True_)
    """
    a, b = finite("low", low), finite("high", high)
    if a >= b:
        raise ValueError(f"low must be below high = {b:g}, got {a:g}")
    h = np.arccosh(1 + 2 * positive("margin", margin) / (b - a))
    N = count("points", points)
    angle = 2 * np.pi * (np.arange(N) + 0.5) / N - 1j * h
    half = (b - a) / 2
    # dz / (2 pi i) with d(theta) = 2 pi / N
    return (a + b) / 2 + half * np.cos(angle), 1j * half * np.sin(angle) / N


def contour_statistics(
    times: ArrayLike,
    ratio: float,
    signal: float,
    *,
    init_variance: float,
    learning_rate: float,
    ridge: float = 0.0,
    points: int = 4000,
) -> DescentStatistics:
    r"""`descent_statistics` of gradient flow from the contour integrals of the theorem.

    With :math:`f_t(z) = e^{-\alpha t z}`, m(z) the Stieltjes transform of the Marchenko-Pastur
    law shifted by :math:`\gamma`, and :math:`D = (\rho + c) m + 1`,

    .. math::

        E_{\rm test} &= \frac{-1}{2 \pi i} \oint \frac{1 - f_t}z \frac{\rho m}D dz, &
        V_{\rm test} &= \frac1{2 \pi i} \oint \Bigl[\frac{(1 - f_t)^2}{z^2 D}
            - \sigma^2 f_t^2 m\Bigr] dz, \\
        E_{\rm train} &= \frac1{2 \pi i} \oint \frac{1 - f_t}z \frac{dz}D, &
        V_{\rm train} &= \frac1{2 \pi i} \oint (z - \gamma) \Bigl[\frac{(1 - f_t)^2}{z^2 D}
            - \sigma^2 f_t^2 m\Bigr] dz - E_{\rm train}^2

    on a positive contour around the bulk and the spike, shifted by :math:`\gamma`, and for c > 1
    around :math:`\gamma`. It shares no line with `descent_statistics`, which is faster.

    Parameters
    ----------
    times, ratio, signal, init_variance, learning_rate, ridge
        As in `rmtlib.dynamics.descent_statistics`.
    points : integer >= 1
        Nodes of the contour.

    Returns
    -------
    DescentStatistics
        Of arrays of shape (T,).

    Raises
    ------
    ValueError
        If a number is out of range.
    ~rmtlib.ConvergenceError
        If the nodes are too few for the latest time.

    Notes
    -----
    :cite:t:`LiaoCouillet18,LiaoTalk24`; the slides print the sign of :math:`E_{\rm train}` and
    the factor :math:`z - \gamma` of :math:`V_{\rm train}` differently. Accurate to 1e-12 for
    :math:`\alpha t \le 1000`.

    Example
    -------
    >>> run = contour_statistics([0, 5], 0.5, 1.0, init_variance=0.2, learning_rate=0.1)
    >>> np.round(run.test_variance[0], 12), np.round(run.test_error[0], 12)
    (np.float64(0.2), np.float64(0.5))
    """
    c, rho, sigma2, gamma = model(ratio, signal, init_variance, ridge)
    t, alpha = clock(times, learning_rate)
    t = t[:, None]
    low = gamma + (0.0 if c >= 1 else (1 - np.sqrt(c)) ** 2)
    high = gamma + max((1 + np.sqrt(c)) ** 2, (1 + rho) * (1 + c / rho) if rho**2 > c else 0.0)
    reach = 0.5 / (alpha * t.max()) if t.max() else np.inf  # f grows to the left of the origin
    margin = min(1.0, low + reach)
    z, weights = ellipse(low, high, margin, points)
    left = np.argmin(z.real)
    turn = alpha * t.max() * abs(z[left] - z[left - 1])  # of f from node to node
    if turn > 1.6 or points * np.arccosh(1 + 2 * margin / (high - low)) < 25:
        raise ConvergenceError(
            f"{points} points do not resolve the contour at learning_rate * t = "
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
