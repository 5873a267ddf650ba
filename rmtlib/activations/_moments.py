r"""Gaussian expectations of one function, by quadrature and in closed form.

With :math:`\xi\sim\mathcal N(0,1)` and s a variance, expectations of
:math:`f(\sqrt s\,\xi)`, of its derivatives, and against Hermite polynomials. Here is
the machinery below `rmtlib.activations`, whose functions know their own moments.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erf, erfc, ndtr

_REACH = 13.0  # the normal density is below 1e-37 beyond
_STEPS = np.arange(-_REACH, _REACH + 1)[None]


class GaussianMoments(NamedTuple):
    r"""What layers of a random network see of an activation, at one variance s.

    With :math:`t=\sqrt s\,\xi` and :math:`g=\sigma-\mathbb E\sigma(t)`; the symbols
    in parentheses are those of the recursions for deep kernels.
    """

    mean: float | np.ndarray
    r""":math:`\mathbb E\sigma(t)` (m)."""
    mean_derivative: float | np.ndarray
    r""":math:`\mathbb E\sigma'(t)=\mathbb E[\xi\sigma(t)]/\sqrt s` (:math:`e_1`)."""
    mean_curvature: float | np.ndarray
    r""":math:`\mathbb E\sigma''(t)=\mathbb E[(\xi^2-1)\sigma(t)]/s` (:math:`e_2`)."""
    centered_second_moment: float | np.ndarray
    r""":math:`\mathbb E g(t)^2` (:math:`s_2`)."""
    centered_second_moment_slope: float | np.ndarray
    r""":math:`\frac{d}{ds}\mathbb E g(t)^2=\mathbb E[(\xi^2-1)g(t)^2]/(2s)`, g frozen (q)."""
    mean_squared_derivative: float | np.ndarray
    r""":math:`\mathbb E\sigma'(t)^2` (:math:`v_1`), infinite if :math:`\sigma` jumps."""


class DCoefficients(NamedTuple):
    r"""The three numbers by which the kernel of random features depends on the activation."""

    d0: float
    d1: float
    d2: float


class GramParameters(NamedTuple):
    r"""What the spectrum of a nonlinear Gram matrix sees of an activation, after centering."""

    eta: float
    zeta: float
    theta: float


@dataclass(frozen=True)
class Form:
    """Closed form of an activation: ``gain * base(stretch * t) + offset``.

    Parameters
    ----------
    family : str
        Base function: "slopes", "erf", "sin", "cos", "gaussian", "quadratic",
        "hardtanh" or "steps".
    parameters : tuple
        Of the base function.
    gain, offset, stretch : float
        The affine maps around it.
    """

    family: str
    parameters: tuple = ()
    gain: float = 1.0
    offset: float = 0.0
    stretch: float = 1.0


def gaussian_nodes(
    variance: np.ndarray, breaks: ArrayLike, order: int = 24, center: ArrayLike = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    r"""Gauss-Legendre nodes and weights for :math:`\mathbb E f(\sqrt s\,\xi)`, row i for s_i.

    Panels end at ``breaks``, at unit steps of :math:`\xi` and at powers of two of
    the distance to ``center``: functions of scale one are resolved at any variance.

    Parameters
    ----------
    variance : ndarray, shape (n,)
        Positive variances s.
    breaks : array_like, shape (m,) or (n, m)
        Points of :math:`t=\sqrt s\,\xi` where f is not smooth.
    order : int
        Nodes a panel.
    center : float or array_like, shape (n,)
        Where f varies on the scale one, in t.

    Returns
    -------
    xi, weight : ndarray, shape (n, count)
        The weights contain the normal density.
    """
    n, scale = variance.size, np.sqrt(variance)[:, None]
    powers = 2.0 ** np.arange(-2, 12)
    graded = np.reshape(center, (-1, 1)) + np.concatenate([-powers, [0.0], powers])
    marks = [graded, np.atleast_2d(np.asarray(breaks, dtype=float)), scale * _STEPS]
    ends = np.concatenate([np.broadcast_to(mark, (n, mark.shape[1])) for mark in marks], axis=1)
    ends = np.sort(np.clip(ends, -_REACH * scale, _REACH * scale), axis=1) / scale
    x, w = np.polynomial.legendre.leggauss(order)
    half = np.diff(ends, axis=1)[:, :, None] / 2
    shape = n, half.shape[1] * order
    xi = (ends[:, :-1, None] + half * (1 + x)).reshape(shape)
    weight = (half * w).reshape(shape) * _density(xi)
    return xi, weight


def hermite_rows(
    function: Callable[[np.ndarray], np.ndarray],
    variance: np.ndarray,
    breaks: ArrayLike,
    count: int,
    order: int = 24,
) -> np.ndarray:
    r"""Hermite coefficients :math:`f_k(s_i)`, of shape (count, n), without a convergence check.

    Parameters
    ----------
    function : callable
        f, vectorized.
    variance : ndarray, shape (n,)
        Positive variances.
    breaks : array_like, shape (m,)
        Points where f is not smooth.
    count, order : int
        How many coefficients, nodes a panel.

    Returns
    -------
    ndarray, shape (count, n)
    """
    xi, weight = gaussian_nodes(variance, breaks, order)
    weighted = weight * function(np.sqrt(variance)[:, None] * xi)
    found = np.empty((count, variance.size))
    previous, current = np.zeros_like(xi), np.ones_like(xi)
    for k in range(count):
        found[k] = np.einsum("ij,ij->i", weighted, current)
        # sqrt(k + 1) he_{k+1} = x he_k - sqrt(k) he_{k-1}
        following = (xi * current - np.sqrt(k) * previous) / np.sqrt(k + 1)
        previous, current = current, following
    return found


def _density(x: np.ndarray) -> np.ndarray:
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


# Closed forms: (m, e1, e2, s2, q, v1) of the base functions at variance s.


def _slopes(s: np.ndarray, a: float, b: float) -> tuple:
    tau = np.sqrt(s)
    q = (a**2 + b**2) / 2 - (a + b) ** 2 / (2 * np.pi)
    e2 = (a + b) / (np.sqrt(2 * np.pi) * tau)
    return (a + b) * tau / np.sqrt(2 * np.pi), (a - b) / 2, e2, s * q, q, (a**2 + b**2) / 2


def _erf(s: np.ndarray) -> tuple:
    s2 = 2 / np.pi * np.arctan2(2 * s, np.sqrt(1 + 4 * s))
    q = 4 / (np.pi * (1 + 2 * s) * np.sqrt(1 + 4 * s))
    return 0.0, 2 / np.sqrt(np.pi * (1 + 2 * s)), 0.0, s2, q, 4 / (np.pi * np.sqrt(1 + 4 * s))


def _sin(s: np.ndarray) -> tuple:
    v1 = (1 + np.exp(-2 * s)) / 2
    return 0.0, np.exp(-s / 2), 0.0, -np.expm1(-2 * s) / 2, np.exp(-2 * s), v1


def _cos(s: np.ndarray) -> tuple:
    m = np.exp(-s / 2)
    decay = -np.expm1(-s)
    return m, 0.0, -m, decay**2 / 2, np.exp(-s) * decay, -np.expm1(-2 * s) / 2


def _gaussian(s: np.ndarray) -> tuple:
    one, two = 1 + s, np.sqrt(1 + 2 * s)
    # 1/two - 1/one and 1/one^2 - 1/two^3, without cancellation at small s
    s2 = s**2 / ((one + two) * one * two)
    q = (2 * s + 6 * s**2 + 4 * s**3 - s**4) / ((two**3 + one**2) * one**2 * two**3)
    return one**-0.5, 0.0, -(one**-1.5), s2, q, s * two**-3


def _quadratic(s: np.ndarray, c2: float, c1: float, c0: float) -> tuple:
    q = 4 * c2**2 * s + c1**2
    return c2 * s + c0, c1, 2 * c2, 2 * c2**2 * s**2 + c1**2 * s, q, q


def _hardtanh(s: np.ndarray) -> tuple:
    k = 1 / np.sqrt(s)
    inside, outside = erf(k / np.sqrt(2)), erfc(k / np.sqrt(2))
    q = inside - 2 * k * _density(k)
    return 0.0, inside, 0.0, s * q + outside, q, inside


def _steps(s: np.ndarray, thresholds: tuple, levels: tuple) -> tuple:
    u = np.array(thresholds)[:, None] / np.sqrt(s)
    v = np.array(levels)[:, None]
    jump, density = np.diff(v, axis=0), _density(u)
    # mass of [u_k, u_{k+1}], from the tail on its own side
    edges = np.concatenate([np.full((1, s.size), -np.inf), u, np.full((1, s.size), np.inf)])
    low, high = edges[:-1], edges[1:]
    P = np.where(low > 0, ndtr(-low) - ndtr(-high), ndtr(high) - ndtr(low))
    m = np.sum(P * v, axis=0)
    e1 = np.sum(jump * density, axis=0) / np.sqrt(s)
    e2 = np.sum(jump * u * density, axis=0) / s
    s2 = np.sum(P * (v - m) ** 2, axis=0)
    q = np.sum(np.diff((v - m) ** 2, axis=0) * u * density, axis=0) / (2 * s)
    return m, e1, e2, s2, q, np.inf


_MOMENTS: dict[str, Callable] = {
    "slopes": _slopes,
    "erf": _erf,
    "sin": _sin,
    "cos": _cos,
    "gaussian": _gaussian,
    "quadratic": _quadratic,
    "hardtanh": _hardtanh,
    "steps": _steps,
}


def closed_form_moments(form: Form, variance: np.ndarray) -> tuple:
    """Fields of `GaussianMoments` of a f(c t) + b from those of f at variance c^2 s.

    Parameters
    ----------
    form : Form
        The function.
    variance : ndarray, shape (n,)
        Positive variances s.

    Returns
    -------
    tuple of six numbers or arrays of shape (n,)
    """
    a, b, c, s = form.gain, form.offset, form.stretch, variance
    m, e1, e2, s2, q, v1 = _MOMENTS[form.family](c**2 * s, *form.parameters)
    gain = np.broadcast_to(a**2 * c**2, s.shape)
    slope = np.multiply(gain, v1, out=np.zeros_like(s), where=gain > 0)
    return a * m + b, a * c * e1, a * c**2 * e2, a**2 * s2, a**2 * c**2 * q, slope
