r"""Step functions of few levels with given Hermite coefficients: the equations and their roots.

Everything is in units of the scale :math:`\tau` of the preactivation: thresholds u, and
:math:`F=\tau e_1,\ S=\tau^2e_2`, :math:`\tau^2q` and :math:`s_2` of the target, which are
:math:`\mathbb E\,\xi\sigma,\ \mathbb E(\xi^2-1)\sigma,\ \frac12\mathbb E(\xi^2-1)\sigma^2` and the
variance of a centered function :math:`\sigma(\tau\xi)`. Each function returns thresholds and
levels.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq, minimize, minimize_scalar
from scipy.special import ndtr

from rmtlib._checks import ConvergenceError
from rmtlib._gaussian import normal_density

_FAR = 20.0  # farthest threshold that is tried
Levels = tuple[np.ndarray, np.ndarray]


def impossible(kind: str, name: str, why: str) -> ValueError:
    return ValueError(f"kind {kind!r} cannot match {name}: {why}")


def two_level(F: float, S: float, q: float) -> Levels:
    """1 outside [u_1, u_2]: w(u_1) = w(u_2) for e_1 / e_2, then R = 0 for q."""
    G, H = abs(F / S), 2 * q / S**2

    # plain floats: these run some two hundred times a match
    def density(u: float) -> float:
        return math.exp(-u * u / 2) / math.sqrt(2 * math.pi)

    def upper_tail(u: float) -> float:
        return math.erfc(u / math.sqrt(2)) / 2

    def w(u: float) -> float:
        return (1 - G * u) * density(u)

    def curvature(first: float, second: float) -> float:
        return second * density(second) - first * density(first)

    def remainder(first: float, second: float) -> float:
        return 1 - 2 * (upper_tail(-first) + upper_tail(second)) - H * curvature(first, second)

    if G < 1e-10:  # even: 1 - 4 Phi(-u) = 2 H u phi(u)
        second = brentq(lambda u: remainder(-u, u), 1e-12, 38.0, xtol=1e-15)
        first = -second
    else:
        root = math.sqrt(1 + 4 * G**2)
        low, high, zero = -2 * G / (1 + root), (1 + root) / (2 * G), 1 / G
        # one threshold between an extremum of w and its zero, the other beyond the extremum
        if (1 - 2 * upper_tail(zero)) - H * zero * density(zero) > 0:
            between, beyond, side = (low, zero), (-40.0, low), 1.0
        else:
            between, beyond, side = (zero, high), (high, high + 40.0), -1.0

        def both(inner: float) -> tuple[float, float]:
            level = side * max(side * w(inner), 0.0)
            outer = brentq(lambda u: w(u) - level, *beyond, xtol=1e-15)
            return (outer, inner) if side > 0 else (inner, outer)

        first, second = both(brentq(lambda u: remainder(*both(u)), *between, xtol=1e-15))
    a = S / curvature(first, second)
    # F / S > 0 was assumed: t -> -t otherwise
    u = (first, second) if F * S >= 0 else (-second, -first)
    return np.array(u), a * np.array([1.0, 0.0, 1.0])


def odd(F: float, q: float, name: str) -> Levels:
    """Unique root of u / (4 phi(u)) = q / e_1^2, increasing in u."""
    if F == 0:
        raise impossible("two-level", name, "its mean derivative and curvature are 0")
    ratio = q / F**2
    if ratio < -1e-12:
        raise impossible("two-level", name, f"its second moment decreases, by {q:.3g}")
    if ratio <= 1e-14:
        return np.zeros(1), F / (2 * normal_density(0.0)) * np.array([-1.0, 1.0])
    u = brentq(lambda u: np.log(u / (4 * normal_density(u) * ratio)), 1e-16, 37.0, xtol=1e-16)
    return np.array([-u, u]), F / (2 * normal_density(u)) * np.array([-1.0, 0.0, 1.0])


def _outer_levels(F: float, S: float, u1, u2) -> tuple:
    """c_1, c_2 of the levels -c_1, 0, c_2 with the given F and S, the mean, the variance."""
    c1 = (F * u2 - S) / ((u2 - u1) * normal_density(u1))
    c2 = (S - F * u1) / ((u2 - u1) * normal_density(u2))
    P, Q = ndtr(u1), ndtr(-u2)
    mean = Q * c2 - P * c1
    return c1, c2, mean, P * c1**2 + Q * c2**2 - mean**2


def three_level(F: float, S: float, name: str) -> Levels:
    """Levels -c_1, 0, c_2 of the least variance."""
    if F == 0 and S == 0:
        raise impossible("three-level", name, "its mean derivative and curvature are 0")

    def variance(x: np.ndarray) -> np.ndarray:
        return _outer_levels(F, S, x[0], x[0] + np.exp(x[1]))[3]

    grid = np.meshgrid(np.linspace(-4, 4, 81), np.linspace(-3, 2, 51), indexing="ij")
    values = variance(np.array(grid))
    start = np.array([axis.flat[np.argmin(values)] for axis in grid])
    tolerance = {"xatol": 1e-9, "fatol": 1e-14 * values.min(), "maxfev": 4000, "maxiter": 4000}
    found = minimize(variance, start, method="Nelder-Mead", options=tolerance)
    if not found.success:
        raise ConvergenceError(f"least variance of a three-level match of {name}: {found.message}")
    u = np.array([found.x[0], found.x[0] + np.exp(found.x[1])])
    c1, c2, _, _ = _outer_levels(F, S, *u)
    return u, np.array([-c1, 0.0, c2])


def three_level_with_slope(F: float, S: float, q: float, name: str) -> Levels:
    """The same among those with the right q.

    Their thresholds form curves in the plane; the best cell of a grid along them is polished
    in u_1, with u_2 bracketed.
    """

    def slope_gap(u1, u2):
        c1, c2, m, _ = _outer_levels(F, S, u1, u2)
        left = c1 * (c1 + 2 * m) * u1 * normal_density(u1)
        return (c2 * (c2 - 2 * m) * u2 * normal_density(u2) - left) / 2 - q

    def variance(u1, u2):
        return _outer_levels(F, S, u1, u2)[3]

    gaps = np.geomspace(1e-3, 8, 300)

    def crossings(u1: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values = slope_gap(u1[:, None], u1[:, None] + gaps)
        return np.nonzero(np.sign(values[:, :-1]) != np.sign(values[:, 1:]))

    def partner(u1: float) -> float:
        """The u_2 of least variance."""
        _, spots = crossings(np.array([u1]))
        roots = [
            brentq(lambda u2: slope_gap(u1, u2), u1 + gaps[k], u1 + gaps[k + 1], xtol=1e-15)
            for k in spots
        ]
        return min(roots, key=lambda u2: variance(u1, u2), default=np.nan)

    def best(u1: float) -> float:
        value = variance(u1, partner(u1))
        return value if np.isfinite(value) else np.inf

    grid = np.linspace(-4, 4, 161)
    rows, spots = crossings(grid)
    if not rows.size:
        raise ConvergenceError(f"no three-level match of {name} with thresholds below 4")
    rough = variance(grid[rows], grid[rows] + np.sqrt(gaps[spots] * gaps[spots + 1]))
    start = grid[rows[np.argmin(rough)]]
    reach = 2 * (grid[1] - grid[0])
    ends = start - reach, start + reach
    polished = minimize_scalar(best, bounds=ends, options={"xatol": 1e-11})
    u1 = float(min(polished.x, start, key=best))
    u2 = partner(u1)
    c1, c2, _, _ = _outer_levels(F, S, u1, u2)
    return np.array([u1, u2]), np.array([-c1, 0.0, c2])


def ternary(F: float, S: float, s2: float, name: str) -> Levels:
    r"""Levels -A, 0, A with thresholds m - w and m + w.

    The ratio of S and F asks for :math:`m-w\tanh(mw)=S/F`. With S / F > 0 this is one curve over
    :math:`m\ge S/F`, from w = 0 on, and one over m < 0, each with a single w for an m;
    with S = 0 also m = 0 with any w. Where the variance crosses :math:`s_2` on a curve is an
    exact match, the narrowest is taken; elsewhere the least variance is.
    """
    if F == 0:
        if S == 0:
            raise impossible("ternary", name, "its mean derivative and curvature are 0")
        return _even(S, s2)
    ratio, steps = abs(S / F), np.concatenate([[0.0], np.geomspace(1e-4, _FAR, 600)])

    def gap(m, w):
        P, M = ndtr(-(m + w)), ndtr(m - w)
        amplitude = F / (normal_density(m + w) + normal_density(m - w))
        return amplitude**2 * (P + M - (P - M) ** 2) - s2

    def right(x):
        return ratio + x, _width(ratio + x, ratio)

    def left(x):
        return -x, _width(-x, ratio)

    def middle(x):
        return 0.0 * x, x

    exact, inexact = [], []
    for curve in (right, left) if ratio else (middle, right):
        x = steps if curve is not left else steps[1:]
        x = x[np.sum(np.abs(curve(x)), axis=0) < _FAR]
        found, inner = _crossings(lambda x, curve=curve: gap(*curve(x)), x, 1e-12 * s2)
        exact += [curve(root) for root in found]
        inexact.append(curve(inner))
    if exact:
        m, w = min(exact, key=lambda point: point[1])
    else:
        m, w = min(inexact, key=lambda point: gap(*point))
    m = math.copysign(m, m * S * F) if S else m
    level = F / (normal_density(m + w) + normal_density(m - w))
    if w == 0:
        return np.array([m]), level * np.array([-1.0, 1.0])
    return np.array([m - w, m + w]), level * np.array([-1.0, 0.0, 1.0])


def _width(m, ratio: float):
    """The w > 0 with w tanh(m w) = m - ratio: x tanh x = y for x = |m| w, by Newton's method."""
    m = np.asarray(m, dtype=float)
    y = m * (m - ratio)
    x = np.sqrt(y + y**2)
    for _ in range(12):
        tanh = np.tanh(x)
        slope = tanh + x * (1 - tanh**2)
        x = x - np.divide(x * tanh - y, slope, out=np.zeros_like(x), where=slope > 0)
    return np.divide(x, np.abs(m), out=np.ones_like(x), where=m != 0)


def _crossings(gap: Callable, x: np.ndarray, tiny: float) -> tuple[list[float], float]:
    """Roots of ``gap`` on a grid, and where it is least."""
    values = gap(x)
    if abs(values[0]) <= tiny:
        return [float(x[0])], float(x[0])
    spots = np.flatnonzero(np.sign(values[:-1]) * np.sign(values[1:]) < 0)
    roots = [brentq(gap, x[i], x[i + 1], xtol=1e-15) for i in spots]
    k = int(np.argmin(values))
    if k == 0:
        return roots, float(x[0])
    ends = x[k - 1], x[min(k + 1, x.size - 1)]
    least = minimize_scalar(gap, bounds=ends, options={"xatol": 1e-12})
    if least.fun < -tiny and not roots:  # between two points of the grid
        roots = [brentq(gap, end, least.x, xtol=1e-15) for end in ends if gap(end) > 0]
    return roots, float(least.x)


def _even(S: float, s2: float) -> Levels:
    """A outside [-u, u]: A = S / (2 u phi(u)), then P (1 - P) A^2 = s2, or the smallest."""

    def gap(u: float) -> float:
        P = 2 * ndtr(-u)
        return P * (1 - P) * (S / (2 * u * normal_density(u))) ** 2 - s2

    least = minimize_scalar(gap, bounds=(0.5, 3.0), options={"xatol": 1e-12})
    u = float(least.x)
    if least.fun < 0:
        u = brentq(gap, 1e-9, u, xtol=1e-15)
    return np.array([-u, u]), S / (2 * u * normal_density(u)) * np.array([1.0, 0.0, 1.0])
