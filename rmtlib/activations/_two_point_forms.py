r"""Closed forms of two-point Gaussian expectations of the base functions of activations.

:math:`\mathbb E[f(u)f(v)]` and :math:`\mathbb E[f'(u)f'(v)]` for Gaussian u, v of
variances a, b and covariance s, where f is one of the base functions of
`rmtlib.gaussian_moments.Form`. Functions take a, b, s and :math:`\alpha=\arcsin\rho`,
:math:`\rho=s/\sqrt{ab}`: :math:`\sqrt{1-\rho^2}=\cos\alpha`, and rounding in
:math:`\rho` near 1 is a hundred million times larger in :math:`\alpha`.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import erf, ndtr


def _slopes(a, b, s, alpha, right, left):
    mean, even = (right - left) / 2, (right + left) / 2
    absolute = 2 / np.pi * (np.sqrt(a * b) * np.cos(alpha) + s * alpha)
    return mean**2 * s + even**2 * absolute


def _slopes_derivative(a, b, s, alpha, right, left):
    return ((right - left) / 2) ** 2 + ((right + left) / 2) ** 2 * 2 / np.pi * alpha


def _erf(a, b, s, alpha):
    # arcsin(2 s / sqrt((1 + 2 a)(1 + 2 b))), stable when the argument is near 1
    return 2 / np.pi * np.arctan2(2 * s, _erf_root(a, b, alpha))


def _erf_root(a, b, alpha):
    """sqrt((1 + 2 a)(1 + 2 b) - 4 s^2)."""
    return np.sqrt(1 + 2 * a + 2 * b + 4 * a * b * np.cos(alpha) ** 2)


def _erf_derivative(a, b, s, alpha):
    return 4 / np.pi / _erf_root(a, b, alpha)


def _exponentials(a, b, s):
    """exp(-|x - y|^2 / 2) and exp(-|x + y|^2 / 2): no overflow at large norms."""
    return np.exp(np.minimum(s - (a + b) / 2, 0)), np.exp(np.minimum(-s - (a + b) / 2, 0))


def _sin(a, b, s, alpha):
    minus, plus = _exponentials(a, b, s)
    return (minus - plus) / 2


def _cos(a, b, s, alpha):
    minus, plus = _exponentials(a, b, s)
    return (minus + plus) / 2


def _determinant(a, b, alpha):
    """(1 + a)(1 + b) - s^2."""
    return 1 + a + b + a * b * np.cos(alpha) ** 2


def _gaussian(a, b, s, alpha):
    return _determinant(a, b, alpha) ** -0.5


def _gaussian_derivative(a, b, s, alpha):
    return s * _determinant(a, b, alpha) ** -1.5


def _quadratic(a, b, s, alpha, c2, c1, c0):
    return c2**2 * (a * b + 2 * s**2) + c1**2 * s + c0 * c2 * (a + b) + c0**2


def _quadratic_derivative(a, b, s, alpha, c2, c1, c0):
    return 4 * c2**2 * s + c1**2


# Piecewise functions with jumps c_j at r_j (of the value, or of the slope), by Plackett's
# identity: an integral over the correlation sin(theta), theta from 0 to alpha, of w(theta).


def _plackett(a, b, alpha, points, jumps, factor=None):
    r"""Integral of factor(theta) w(theta), w = sum_jk c_j c_k exp(-Q_jk(theta)) / (2 pi)."""
    reach = np.max(np.abs(np.sin(alpha)), initial=0.0)
    far = reach > 0.9
    x, weight = np.polynomial.legendre.leggauss(12 if far or reach <= 0.5 else 20)
    x, weight = (1 + x) / 2, weight / 2
    if far:  # panels that halve towards alpha, where w may fall steeply
        ends = 1 - np.concatenate([2.0 ** -np.arange(45), [0.0]])
        size = np.diff(ends)[:, None]
        x, weight = (ends[:-1, None] + size * x).ravel(), (size * weight).ravel()
    h, k = (np.array(points)[:, None] / np.sqrt(v.ravel()) for v in (a, b))
    h, k = h.reshape(len(points), *a.shape), k.reshape(len(points), *b.shape)
    total = np.zeros(np.broadcast_shapes(a.shape, b.shape, alpha.shape))
    side = np.where(alpha < 0, -1.0, 1.0)
    pairs = [
        ((h[i] - side * k[j]) ** 2 / 2, side * h[i] * k[j], c * d / (2 * np.pi))
        for i, c in enumerate(jumps)
        for j, d in enumerate(jumps)
    ]
    for node, mass in zip(x, weight, strict=True):
        theta = node * alpha
        cos, sin = np.cos(theta) ** 2, 1 + np.abs(np.sin(theta))
        w = sum(cc * np.exp(-(gap / cos + product / sin)) for gap, product, cc in pairs)
        total += mass * (w if factor is None else factor(theta) * w)
    return alpha * total


def _split(function):
    """Call ``function(a, b, s, alpha)`` apart on the few entries with |rho| > 0.9."""

    def evaluate(a, b, s, alpha, *parameters):
        a, b, s, alpha = np.broadcast_arrays(a, b, s, alpha)
        far = np.abs(np.sin(alpha)) > 0.9
        result = np.empty(s.shape)
        for part in (far, ~far):
            if part.any():
                entries = (v[part] for v in (a, b, s, alpha))
                result[part] = function(*entries, *parameters)
        return result

    return evaluate


def _hardtanh_slope(v):
    """E f' at variance v."""
    return erf(1 / np.sqrt(2 * v))


@_split
def _hardtanh(a, b, s, alpha):
    def factor(theta):
        return s - np.sqrt(a * b) * np.sin(theta)

    line = _hardtanh_slope(a) * _hardtanh_slope(b) * s
    return line + _plackett(a, b, alpha, (-1.0, 1.0), (1.0, -1.0), factor)


@_split
def _hardtanh_derivative(a, b, s, alpha):
    line = _hardtanh_slope(a) * _hardtanh_slope(b)
    return line + _plackett(a, b, alpha, (-1.0, 1.0), (1.0, -1.0))


def _steps_mean(v, thresholds, levels):
    return levels[0] + sum(
        c * ndtr(-r / np.sqrt(v)) for c, r in zip(np.diff(levels), thresholds, strict=True)
    )


@_split
def _steps(a, b, s, alpha, thresholds, levels):
    means = _steps_mean(a, thresholds, levels) * _steps_mean(b, thresholds, levels)
    jumps = np.diff(levels)
    if not np.any(thresholds):  # one jump, at 0
        return means + jumps[0] ** 2 * alpha / (2 * np.pi)
    return means + _plackett(a, b, alpha, thresholds, jumps)


def _steps_derivative(a, b, s, alpha, thresholds, levels):
    """Jumps times the density of (u, v) at pairs of thresholds: infinite if collinear."""
    a, b, alpha = np.broadcast_arrays(a, b, alpha)
    collinear = np.abs(alpha) >= np.pi / 2 * (1 - 1e-15)
    cos = np.where(collinear, 0.0, np.cos(alpha))
    side = np.where(alpha < 0, -1.0, 1.0)
    total = np.zeros(alpha.shape)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for c, r in zip(np.diff(levels), thresholds, strict=True):
            for d, q in zip(np.diff(levels), thresholds, strict=True):
                h, k = r / np.sqrt(a), q / np.sqrt(b)
                gap = (h - side * k) ** 2 / 2
                gap = np.divide(gap, cos**2, out=np.zeros_like(gap), where=gap > 0)
                total += c * d * np.exp(-gap - side * h * k / (1 + np.abs(np.sin(alpha))))
        return np.where(total == 0, 0.0, total / (2 * np.pi * np.sqrt(a * b) * cos))


PRODUCTS: dict[str, tuple[Callable, Callable]] = {
    "slopes": (_slopes, _slopes_derivative),
    "erf": (_erf, _erf_derivative),
    "sin": (_sin, _cos),
    "cos": (_cos, _sin),
    "gaussian": (_gaussian, _gaussian_derivative),
    "quadratic": (_quadratic, _quadratic_derivative),
    "hardtanh": (_hardtanh, _hardtanh_derivative),
    "steps": (_steps, _steps_derivative),
}
