"""Limiting spectral laws in closed form."""

from math import comb

import numpy as np

from rmtlib._checks import (
    positive,
    probabilities,
    real_array,
    scalar_out,
    unit_interval_array,
    vector,
)
from rmtlib._types import ArrayLike
from rmtlib.laws._base import SpectralLaw


class MarchenkoPastur(SpectralLaw):
    r"""Marchenko-Pastur law: spectrum of the sample covariance of white data.

    Limit of the eigenvalues of :math:`\frac1n X X^{\mathsf T}`, X of shape
    (p, n) with independent entries of mean 0 and variance v, at
    :math:`p / n \to c` (``ratio``). With :math:`E_\pm = v (1 \pm \sqrt c)^2`,

    .. math::

        \mu(dx) = \left(1 - \tfrac1c\right)^+ \delta_0(dx)
            + \frac{\sqrt{(x - E_-)^+ (E_+ - x)^+}}{2 \pi c v x}\,dx, \qquad
        c v z m^2 + (z + (c - 1) v) m + 1 = 0 .

    The spectrum of :math:`\frac1p X^{\mathsf T} X` (n by n) is the law of
    ratio n / p. At c = 1 the density is unbounded at the hard edge 0. Moments are the
    Narayana polynomials :math:`v^k \sum_{r<k} \frac{c^r}{r+1} \binom kr \binom{k-1}r`.

    Parameters
    ----------
    ratio : positive number
        c = p / n.
    variance : positive number
        v, the variance of an entry of X.

    Notes
    -----
    Law: :cite:t:`MP67`. Traces of smooth functions of the eigenvalues differ
    from their limit by O(1/p), the CDF by O(1/p) up to logarithms, the extreme
    eigenvalues by O(p^(-2/3)) :cite:p:`Johnstone01`.

    Example
    -------
    >>> law = MarchenkoPastur(0.25)
    >>> law.support()
    (0.25, 2.25)
    >>> law.moment(2)  # 1 + c
    1.25
    """

    _hardness = 1
    _blurred = 1e-100

    def __init__(self, ratio: float, variance: float = 1.0):
        self.ratio = positive("ratio", ratio, "ratio = p / n")
        self.variance = positive("variance", variance)
        root = np.sqrt(self.ratio)
        # (1 - c) / (1 + sqrt(c)) = 1 - sqrt(c), without cancellation near c = 1
        self._low = self.variance * ((1 - self.ratio) / (1 + root)) ** 2
        self._high = self.variance * (1 + root) ** 2
        self._bands = np.array([[self._low, self._high]])

    @property
    def atoms(self) -> tuple[tuple[float, float], ...]:
        """Atom at 0 of mass 1 - 1/c if c > 1."""
        return ((0.0, 1 - 1 / self.ratio),) if self.ratio > 1 else ()

    def _density(self, x: np.ndarray) -> np.ndarray:
        product = (x - self._low) * (self._high - x)
        return np.sqrt(product) / (2 * np.pi * self.ratio * self.variance * x)

    def _transforms(self, z: np.ndarray) -> tuple[np.ndarray, ...]:
        c, v = self.ratio, self.variance
        s = np.sqrt(z - self._low) * np.sqrt(z - self._high)
        b = (1 - c) * v - z
        # The two roots have product 1 / (c v z): take the one free of cancellation.
        plus, minus = b + s, b - s
        stable = np.abs(minus) >= np.abs(plus)
        m = np.where(stable, 2.0, plus) / np.where(stable, minus, 2 * c * v * z)
        factor = 1 + c * v * m
        t = v * m / factor
        return m, -m * factor / s, t, -t / s

    def companion(self, z: ArrayLike, derivative: bool = False) -> np.ndarray | complex | float:
        r"""Transform of :math:`\frac1n X^{\mathsf T} X`, the law of ratio 1/c and variance c v.

        Parameters
        ----------
        z : array of complex numbers, or of real numbers outside that law's support
            Points, any shape.
        derivative : bool
            Return the derivative instead.

        Returns
        -------
        array of the shape of ``z``, real where ``z`` is a real array.
        """
        other = MarchenkoPastur(1 / self.ratio, self.ratio * self.variance)
        return other.stieltjes(z, derivative)

    def _continuous_cdf(self, x: np.ndarray) -> np.ndarray:
        below, above = np.clip(x - self._low, 0, None), np.clip(self._high - x, 0, None)
        theta = 2 * np.arctan2(np.sqrt(above), np.sqrt(below))
        # x / v = 1 + c + 2 sqrt(c) cos(theta); ratio and 1 / ratio share the law up to scale.
        c = min(self.ratio, 1 / self.ratio)
        s = np.sqrt(c)
        alpha = np.arctan2(s * np.sin(theta), 1 + s * np.cos(theta))
        mass_above = (theta - np.sin(theta) / s + (1 / c - 1) * alpha) / np.pi
        mass_above = np.where(above > 0, np.where(below > 0, mass_above, 1.0), 0.0)
        return (1 - mass_above) * min(1.0, 1 / self.ratio)

    def _moment(self, k: int) -> float:
        terms = (self.ratio**r * comb(k, r) * comb(k - 1, r) / (r + 1) for r in range(k))
        return self.variance**k * sum(terms) if k else 1.0

    def var(self) -> float:
        """Variance of the law, c v**2."""
        return self.ratio * self.variance**2


class Semicircle(SpectralLaw):
    r"""Wigner's semicircle law: spectrum of a symmetric matrix with independent entries.

    Limit of the eigenvalues of :math:`W / \sqrt n`, W symmetric n by n with
    independent entries of mean 0 and variance v above the diagonal:

    .. math::

        \mu(dx) = \frac{\sqrt{(4 v - x^2)^+}}{2 \pi v}\,dx, \qquad v m^2 + z m + 1 = 0 .

    Parameters
    ----------
    variance : positive number
        v, the variance of the law; its edges are at ±2 sqrt(v).

    Notes
    -----
    Chapter 2 of :cite:t:`CouilletLiao22`. Traces of smooth functions differ
    from their limit by O(1/n), the extreme eigenvalues by O(n^(-2/3)).

    Example
    -------
    >>> law = Semicircle(4.0)
    >>> law.support(), law.moment(4)  # Catalan number 2 times v**2
    ((-4.0, 4.0), 32.0)
    """

    def __init__(self, variance: float = 1.0):
        self.variance = positive("variance", variance)
        self._radius = 2 * np.sqrt(self.variance)
        self._bands = np.array([[-self._radius, self._radius]])

    def _density(self, x: np.ndarray) -> np.ndarray:
        product = (self._radius - x) * (self._radius + x)
        return np.sqrt(product) / (2 * np.pi * self.variance)

    def _transform(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        s = np.sqrt(z - self._radius) * np.sqrt(z + self._radius)
        m = -2 / (z + s)
        return m, -m / s

    def _continuous_cdf(self, x: np.ndarray) -> np.ndarray:
        u = np.clip(x / self._radius, -1, 1)
        return 0.5 + (np.arcsin(u) + u * np.sqrt((1 - u) * (1 + u))) / np.pi

    def _moment(self, k: int) -> float:
        half = k // 2
        return 0.0 if k % 2 else comb(k, half) / (half + 1) * self.variance**half

    def var(self) -> float:
        """Variance v of the law."""
        return self.variance


class Discrete(SpectralLaw):
    r"""Law with finitely many atoms: spectrum of a population covariance.

    .. math::

        \nu = \sum_k w_k \delta_{t_k}, \qquad m(z) = \sum_k \frac{w_k}{t_k - z} .

    Points are sorted; equal points are merged and points of weight 0 dropped.

    Parameters
    ----------
    points : vector of K real numbers
        Positions t.
    weights : vector of K nonnegative numbers of sum 1
        Masses w; equal by default.

    Notes
    -----
    No limit is taken: the law of the eigenvalues of a matrix C is
    ``Discrete(eigenvalues)``, exactly.

    Example
    -------
    >>> float(Discrete([6, 1, 1]).stieltjes(-2.0))  # (1/8 + 1/3 + 1/3) / 3
    0.2638888888888889
    """

    _blurred = 1e-100
    _bands = np.empty((0, 2))

    def __init__(self, points: ArrayLike, weights: ArrayLike | None = None):
        points = vector("points", points).astype(float)
        if weights is None:
            weights = np.full(points.size, 1 / points.size)
        weights = probabilities("weights", weights, points.size, zero=True)
        self.points, which = np.unique(points[weights > 0], return_inverse=True)
        self.weights = np.bincount(which, weights[weights > 0]) / weights.sum()
        self.points.flags.writeable = self.weights.flags.writeable = False

    @property
    def atoms(self) -> tuple[tuple[float, float], ...]:
        """Pairs (position, mass)."""
        return tuple(zip(self.points.tolist(), self.weights.tolist(), strict=True))

    def _density(self, x: np.ndarray) -> np.ndarray:
        return np.zeros(x.shape)

    def _transform(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pole = 1 / (self.points - z[..., None])
        return pole @ self.weights, pole**2 @ self.weights

    def _transforms(self, z: np.ndarray) -> tuple[np.ndarray, ...]:
        # An atom at 0 has no part in t.
        nonzero = self.points != 0
        weights = self.weights[nonzero] * self.points[nonzero]
        pole = 1 / (self.points[nonzero] - z[..., None])
        return *self._transform(z), pole @ weights, pole**2 @ weights

    def cdf(self, x: ArrayLike) -> np.ndarray | float:
        """Mass of (-infinity, x], for x of any shape."""
        cumulative = np.append(0.0, self._cumulative())
        found = np.searchsorted(self.points, real_array("x", x), side="right")
        return scalar_out(cumulative[found])

    def ppf(self, q: ArrayLike) -> np.ndarray | float:
        """Quantile: the smallest atom t with cdf(t) >= q, for q of any shape."""
        q = unit_interval_array("q", q, "a probability")
        return scalar_out(self.points[np.searchsorted(self._cumulative(), q)])

    def _cumulative(self) -> np.ndarray:
        cumulative = np.cumsum(self.weights)
        cumulative[-1] = 1.0
        return cumulative
