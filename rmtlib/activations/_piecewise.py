r"""Activations with kinks or jumps: two slopes, clipped lines, steps.

Two-point expectations of the last two are Plackett's identity: an integral over the
correlation :math:`\sin\theta`, :math:`\theta` from 0 to :math:`\alpha`, of

.. math:: w(\theta)=\frac1{2\pi}\sum_{jk}c_jc_k\,e^{-Q_{jk}(\theta)}

with the jumps :math:`c_j` (of the value, or of the slope) and a quadratic form Q of the
points where they are.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import erf, erfc, ndtr

from rmtlib import _checks
from rmtlib._gaussian import normal_density
from rmtlib.activations._activation import Activation, ClosedForm


def _plackett(a, b, s, alpha, points, jumps, power):
    """Integral of (s - sqrt(a b) sin(theta))**power w(theta) from 0 to alpha.

    The few entries with |rho| > 0.9, where w may fall steeply, are integrated apart.
    """
    a, b, s, alpha = np.broadcast_arrays(a, b, s, alpha)
    far = np.abs(np.sin(alpha)) > 0.9
    total = np.empty(alpha.shape)
    for part in (far, ~far):
        if part.any():
            chosen = (v[part] for v in (a, b, s, alpha))
            total[part] = _integral(*chosen, points, jumps, power)
    return total


def _integral(a, b, s, alpha, points, jumps, power):
    reach = np.max(np.abs(np.sin(alpha)), initial=0.0)
    far = reach > 0.9
    x, weight = np.polynomial.legendre.leggauss(12 if far or reach <= 0.5 else 20)
    x, weight = (1 + x) / 2, weight / 2
    if far:  # panels that halve towards alpha
        ends = 1 - np.concatenate([2.0 ** -np.arange(45), [0.0]])
        size = np.diff(ends)[:, None]
        x, weight = (ends[:-1, None] + size * x).ravel(), (size * weight).ravel()
    h, k = (np.array(points)[:, None] / np.sqrt(v) for v in (a, b))
    total, side = np.zeros(alpha.size), np.where(alpha < 0, -1.0, 1.0)
    pairs = [
        ((h[i] - side * k[j]) ** 2 / 2, side * h[i] * k[j], c * d / (2 * np.pi))
        for i, c in enumerate(jumps)
        for j, d in enumerate(jumps)
    ]
    for node, mass in zip(x, weight, strict=True):
        theta = node * alpha
        cos, sin = np.cos(theta) ** 2, 1 + np.abs(np.sin(theta))
        w = sum(cc * np.exp(-(gap / cos + product / sin)) for gap, product, cc in pairs)
        total += mass * ((s - np.sqrt(a * b) * np.sin(theta)) * w if power else w)
    return alpha * total


@dataclass(frozen=True)
class TwoSlopes(ClosedForm):
    r"""The positively homogeneous function :math:`a\,t^++b\,(-t)^+`.

    Parameters
    ----------
    right, left : float
        a and b: (1, 0) is ReLU, (1, 1) the absolute value, (1, -1) linear.
    name : str
        For legends.

    Example
    -------
    >>> TwoSlopes(1, 1).moments(4.0).mean_squared_derivative
    1.0
    """

    right: float
    left: float
    name: str = "two slopes"

    def __post_init__(self):
        for key in ("right", "left"):
            self.__dict__[key] = _checks.finite(key, getattr(self, key))

    @property
    def kinks(self) -> tuple[float, ...]:
        return () if self.right == -self.left else (0.0,)

    def value(self, t):
        return np.where(t > 0, self.right * t, -self.left * t)

    def derivative(self, t):
        at_zero = 0.0 if self.kinks else self.right
        return np.where(t > 0, self.right, np.where(t < 0, -self.left, at_zero))

    def torch_function(self, t):
        return (self.right - self.left) / 2 * t + (self.right + self.left) / 2 * t.abs()

    def _moments(self, s):
        a, b, tau = self.right, self.left, np.sqrt(s)
        q = (a**2 + b**2) / 2 - (a + b) ** 2 / (2 * np.pi)
        e2 = (a + b) / (np.sqrt(2 * np.pi) * tau)
        return (a + b) * tau / np.sqrt(2 * np.pi), (a - b) / 2, e2, s * q, q, (a**2 + b**2) / 2

    def product(self, a, b, s, alpha):
        odd, even = (self.right - self.left) / 2, (self.right + self.left) / 2
        absolute = 2 / np.pi * (np.sqrt(a * b) * np.cos(alpha) + s * alpha)
        return odd**2 * s + even**2 * absolute

    def derivative_product(self, a, b, s, alpha):
        odd, even = (self.right - self.left) / 2, (self.right + self.left) / 2
        return odd**2 + even**2 * 2 / np.pi * alpha


def leaky_relu(slope: float = 0.01) -> TwoSlopes:
    r"""The leaky ReLU :math:`\max(t,0)+\text{slope}\cdot\min(t,0)`.

    Parameters
    ----------
    slope : float
        Slope on the left; torch's default is 0.01.

    Example
    -------
    >>> leaky_relu(0.1)([-1.0, 1.0])
    array([-0.1,  1. ])
    """
    return TwoSlopes(1.0, -_checks.finite("slope", slope), name="leaky ReLU")


@dataclass(frozen=True)
class Clip(ClosedForm):
    r"""The clipped line :math:`\max(-c,\min(\alpha t,c))`.

    Parameters
    ----------
    slope, level : positive numbers
        :math:`\alpha` and c.
    name : str
        For legends.

    Example
    -------
    >>> Clip(2, 1)([-3, 0.25])
    array([-1. ,  0.5])
    """

    slope: float = 1.0
    level: float = 1.0
    name: str = "clip"

    def __post_init__(self):
        for key in ("slope", "level"):
            self.__dict__[key] = _checks.positive(key, getattr(self, key))

    @property
    def kinks(self) -> tuple[float, ...]:
        return -self.level / self.slope, self.level / self.slope

    def value(self, t):
        return np.clip(self.slope * t, -self.level, self.level)

    def derivative(self, t):
        return self.slope * (np.abs(self.slope * t) < self.level)

    def torch_function(self, t):
        return (self.slope * t).clamp(-self.level, self.level)

    def _moments(self, s):
        k, slope = self.kinks[1] / np.sqrt(s), self.slope
        inside, outside = erf(k / np.sqrt(2)), erfc(k / np.sqrt(2))
        q = slope**2 * (inside - 2 * k * normal_density(k))
        return 0.0, slope * inside, 0.0, s * q + self.level**2 * outside, q, slope**2 * inside

    def _mean_slope(self, v):
        return self.slope * erf(self.kinks[1] / np.sqrt(2 * v))

    def product(self, a, b, s, alpha):
        line, jumps = self._mean_slope(a) * self._mean_slope(b) * s, (self.slope, -self.slope)
        return line + _plackett(a, b, s, alpha, self.kinks, jumps, power=1)

    def derivative_product(self, a, b, s, alpha):
        line, jumps = self._mean_slope(a) * self._mean_slope(b), (self.slope, -self.slope)
        return line + _plackett(a, b, s, alpha, self.kinks, jumps, power=0)


@dataclass(frozen=True, eq=False)
class Steps(ClosedForm):
    r"""Piecewise-constant activation: level :math:`v_k` between two thresholds.

    .. math:: \sigma(t)=v_0+\sum_j(v_j-v_{j-1})\,1_{t>r_j} .

    Parameters
    ----------
    thresholds : array_like, shape (M,), M >= 1
        :math:`r_1<\dots<r_M`.
    levels : array_like, shape (M + 1,)
        :math:`v_0,\dots,v_M`.
    name : str
        For legends.

    Notes
    -----
    Quantized activations of :cite:t:`LiaoTalk23`. The expected squared derivative
    is infinite: networks of such functions have a conjugate kernel and no
    neural tangent kernel.

    Example
    -------
    >>> ternary = Steps([-1, 2], [-1, 0, 1])
    >>> ternary([-3, 0, 1, 5])
    array([-1.,  0.,  0.,  1.])
    """

    thresholds: np.ndarray
    levels: np.ndarray
    name: str = "steps"

    def __post_init__(self):
        r = np.array(_checks.vector("thresholds", self.thresholds), dtype=float)
        v = _checks.vector("levels", self.levels, r.size + 1, "one more than thresholds")
        v = np.array(v, dtype=float)
        if np.any(np.diff(r) <= 0):
            raise ValueError(f"thresholds must be increasing, got {r.tolist()}")
        r.flags.writeable = v.flags.writeable = False
        self.__dict__.update(thresholds=r, levels=v)

    @property
    def jumps(self) -> tuple[float, ...]:
        return tuple(self.thresholds.tolist())

    def value(self, t):
        return self.levels[np.searchsorted(self.thresholds, t)]

    def derivative(self, t):
        return np.zeros(np.shape(t))

    def torch_function(self, t):
        return t.new_tensor(self.levels)[sum((t > r).long() for r in self.jumps)]

    def _affine(self, gain: float, offset: float, stretch: float) -> "Steps":
        return type(self)(self.thresholds / stretch, gain * self.levels + offset, self.name)

    def _moments(self, s):
        u, v = self.thresholds[:, None] / np.sqrt(s), self.levels[:, None]
        jump, density = np.diff(v, axis=0), normal_density(u)
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

    def _mean(self, v):
        sizes = zip(np.diff(self.levels), self.thresholds, strict=True)
        return self.levels[0] + sum(c * ndtr(-r / np.sqrt(v)) for c, r in sizes)

    def product(self, a, b, s, alpha):
        means, sizes = self._mean(a) * self._mean(b), np.diff(self.levels)
        if not np.any(self.thresholds):  # one jump, at 0
            return means + sizes[0] ** 2 * alpha / (2 * np.pi)
        return means + _plackett(a, b, s, alpha, self.thresholds, sizes, power=0)

    def derivative_product(self, a, b, s, alpha):
        """Jumps times the density of (u, v) at pairs of thresholds: infinite if collinear."""
        a, b, alpha = np.broadcast_arrays(a, b, alpha)
        collinear = np.abs(alpha) >= np.pi / 2 * (1 - 1e-15)
        cos = np.where(collinear, 0.0, np.cos(alpha))
        side = np.where(alpha < 0, -1.0, 1.0)
        total, sizes = np.zeros(alpha.shape), np.diff(self.levels)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for c, r in zip(sizes, self.thresholds, strict=True):
                for d, q in zip(sizes, self.thresholds, strict=True):
                    h, k = r / np.sqrt(a), q / np.sqrt(b)
                    gap = (h - side * k) ** 2 / 2
                    gap = np.divide(gap, cos**2, out=np.zeros_like(gap), where=gap > 0)
                    total += c * d * np.exp(-gap - side * h * k / (1 + np.abs(np.sin(alpha))))
            return np.where(total == 0, 0.0, total / (2 * np.pi * np.sqrt(a * b) * cos))


class _MidSteps(Steps):
    """Steps with the mean of the two levels at a threshold: 0 at 0 for the sign."""

    def value(self, t):
        below = self.levels[np.searchsorted(self.thresholds, t)]
        return (below + self.levels[np.searchsorted(self.thresholds, t, side="right")]) / 2

    def torch_function(self, t):
        above = t.new_tensor(self.levels)[sum((t >= r).long() for r in self.jumps)]
        return (super().torch_function(t) + above) / 2


LINEAR = TwoSlopes(1.0, -1.0, name="linear")
RELU = TwoSlopes(1.0, 0.0, name="ReLU")
LEAKY_RELU = leaky_relu()
ABS = TwoSlopes(1.0, 1.0, name="abs")
HARDTANH = Clip(name="hardtanh")
SIGN = _MidSteps([0.0], [-1.0, 1.0], name="sign")
STEP = Steps([0.0], [0.0, 1.0], name="step")

PIECEWISE: tuple[Activation, ...] = (LINEAR, RELU, LEAKY_RELU, ABS, HARDTANH, SIGN, STEP)
