r"""Free additive and multiplicative convolution of any two laws, by subordination.

``a + b`` is the spectrum of A + B and ``a @ b`` that of :math:`A^{1/2} B A^{1/2}`
when the eigenvectors of A and B are in general position (one of the two
matrices is turned by a Haar rotation), in the limit of large dimension.
"""

from functools import cached_property

import numpy as np

from rmtlib.laws._base import SpectralLaw
from rmtlib.laws._closed_forms import Discrete
from rmtlib.laws._subordination import FreeConvolution, _End


class FreeSum(FreeConvolution):
    r"""Free additive convolution: spectrum of A + B, eigenvectors in general position.

    A and B are symmetric matrices of the same large size with the spectra
    ``a`` and ``b``, one of them turned by a Haar rotation. With
    :math:`F = -1 / m`, the subordination points satisfy

    .. math:: F_a(\omega_1) = F_b(\omega_2) = \omega_1 + \omega_2 - z = F(z) ;

    :math:`\omega_1 \mapsto z + h_b(z + h_a(\omega_1))`, :math:`h(w) = F(w) - w`,
    has one fixed point in the upper half plane. The complement of the support
    is where :math:`dz/dm = 1 / m_a'(\omega_1) + 1 / m_b'(\omega_2) - 1 / m^2 > 0`
    on the real axis. An atom at x + y has mass :math:`a\{x\} + b\{y\} - 1`, if positive.

    Parameters
    ----------
    a : SpectralLaw
        First law.
    b : SpectralLaw
        Second law.

    Notes
    -----
    Subordination and fixed point: :cite:t:`BelinschiBercovici07`; asymptotic
    freeness: :cite:t:`Voiculescu91`. Traces of smooth functions of a
    sum with a Haar rotation differ from their limit by O(1/n). An
    equation off by more than 1e-10 raises ``rmtlib.ConvergenceError``.

    Example
    -------
    >>> from rmtlib.laws import Semicircle
    >>> law = Semicircle(1.0) + Semicircle(3.0)
    >>> bool(abs(law.pdf(1.0) - Semicircle(4.0).pdf(1.0)) < 1e-12)
    True
    """

    _symbol = "+"

    @cached_property
    def _corners(self) -> list[tuple[float, float]]:
        pairs = [(x + y, v + w - 1) for x, v in self._a.atoms for y, w in self._b.atoms]
        return sorted(pair for pair in pairs if pair[1] > -1e-14)

    def _delicate(self, s: np.ndarray) -> np.ndarray:
        (low_a, high_a), (low_b, high_b) = self._a.support(), self._b.support()
        return np.abs(s) * (high_a - low_a + high_b - low_b) < 1e-4

    @staticmethod
    def _s(law: SpectralLaw, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        m, slope = law._transform(point.astype(complex))
        return m.real, slope.real

    @staticmethod
    def _z(w1, s1, slope1, w2, s2, slope2) -> tuple[np.ndarray, np.ndarray]:
        terms = np.array([s1**2 / slope1, s2**2 / slope2, -np.ones_like(s1)])
        return w1 + w2 + 1 / s1, terms.sum(axis=0) / np.abs(terms).sum(axis=0)

    def _second(self, w1: np.ndarray, z: np.ndarray) -> np.ndarray:
        return z - 1 / self._a._transform(w1)[0] - w1

    def _step(self, w1: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        m, slope = self._a._transform(w1)
        w2, bend = z - 1 / m - w1, slope / m**2 - 1
        m, slope = self._b._transform(w2)
        return z - 1 / m - w2, (slope / m**2 - 1) * bend

    def _m(self, z: np.ndarray, w1: np.ndarray) -> np.ndarray:
        return self._a._transform(w1)[0]

    def _slope(self, z: np.ndarray, w1: np.ndarray, step_slope: np.ndarray) -> np.ndarray:
        m, slope = self._a._transform(w1)
        m_b, slope_b = self._b._transform(z - 1 / m - w1)
        return slope * (slope_b / m_b**2) / (1 - step_slope)

    def mean(self) -> float:
        """Mean: the sum of the means."""
        return self._a.mean() + self._b.mean()

    def var(self) -> float:
        """Variance: the sum of the variances."""
        return self._a.var() + self._b.var()


class FreeProduct(FreeConvolution):
    r"""Free multiplicative convolution: spectrum of the product of two positive matrices.

    A and B are symmetric positive semidefinite matrices of the same large size
    with the spectra ``a`` and ``b``, one of them turned by a Haar rotation; the
    law is that of :math:`A^{1/2} B A^{1/2}`. With
    :math:`t(z) = 1 + z m(z) = \int x \mu(dx) / (x - z)`, the subordination points satisfy

    .. math:: t_a(\omega_1) = t_b(\omega_2) = t(z), \qquad
              \omega_1 \omega_2 = z\,\frac{t - 1}{t} ;

    they are the fixed point of :math:`\omega_1 \mapsto z u_b(z u_a(\omega_1))`,
    :math:`u(w) = m(w) / t(w)`. The complement of the support is where
    :math:`dz/dt > 0` on the real axis. The atom at 0 has mass
    :math:`\max(a\{0\}, b\{0\})`, one at xy mass :math:`a\{x\} + b\{y\} - 1`, if positive.

    Parameters
    ----------
    a : SpectralLaw
        First law, on [0, infinity), not all at 0.
    b : SpectralLaw
        Second law, the same.

    Notes
    -----
    Subordination and fixed point: :cite:t:`BelinschiBercovici07`; asymptotic
    freeness: :cite:t:`Voiculescu91`. Traces of smooth functions of a
    product with a Haar rotation differ from their limit by O(1/n). An
    equation off by more than 1e-10 raises ``rmtlib.ConvergenceError``.

    Example
    -------
    >>> from rmtlib.laws import Discrete, SampleCovariance, MarchenkoPastur
    >>> population = Discrete([1.0, 3.0])
    >>> law = MarchenkoPastur(0.5) @ population
    >>> bool(abs(law.pdf(2.0) - SampleCovariance(0.5, population).pdf(2.0)) < 1e-12)
    True
    """

    _symbol = "@"
    _shunned = (0.0,)

    def __init__(self, a: SpectralLaw, b: SpectralLaw):
        super().__init__(a, b)
        self._hardness = max(1, a._hardness_at_zero + b._hardness_at_zero)

    @cached_property
    def _corners(self) -> list[tuple[float, float]]:
        zero = max(dict(law.atoms).get(0.0, 0.0) for law in (self._a, self._b))
        pairs = [
            (x * y, v + w - 1) for x, v in self._a.atoms for y, w in self._b.atoms if x * y > 0
        ]
        pairs = [pair for pair in pairs if pair[1] > -1e-14]
        return sorted([(0.0, zero), *pairs] if zero else pairs)

    def _delicate(self, s: np.ndarray) -> np.ndarray:
        return (np.abs(s) < 1e-4) | (np.abs(s - 1) < 1e-7)

    def _tidy(self, end: _End, scale: float) -> _End:
        """A hard edge is at 0: there z is of second order in the points, or ends with them."""
        ends_at_zero = end.limit and any(np.any(law.bands() == 0) for law in (self._a, self._b))
        if ends_at_zero or end.z < 1e-24 * scale:
            return _End(0.0, 0.0)
        return super()._tidy(end, scale)

    @staticmethod
    def _s(law: SpectralLaw, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if law.atoms and law.atoms[0][0] == 0:
            near = law._blurred * law.support()[1]
            point = np.where(np.abs(point) < near, near, point)
        t, slope = law._transforms(point.astype(complex))[2:]
        return t.real, slope.real

    @staticmethod
    def _z(w1, s1, slope1, w2, s2, slope2) -> tuple[np.ndarray, np.ndarray]:
        w1, w2 = (np.where(w == 0, 1e-150, w) for w in (w1, w2))
        m1, m2 = (s1 - 1) / w1, (s2 - 1) / w2
        terms = np.array([s1 * m1 / slope1, s2 * m2 / slope2, -np.ones_like(s1)])
        return w2 * s1 / m1, np.sign(w1 * w2) * terms.sum(axis=0) / np.abs(terms).sum(axis=0)

    def _second(self, w1: np.ndarray, z: np.ndarray) -> np.ndarray:
        return z * _u(self._a, w1)[0]

    def _step(self, w1: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        u, bend_a = _u(self._a, w1)
        u, bend_b = _u(self._b, z * u)
        return z * u, z**2 * bend_b * bend_a

    def _m(self, z: np.ndarray, w1: np.ndarray) -> np.ndarray:
        return w1 * self._a._transform(w1)[0] / z

    def _slope(self, z: np.ndarray, w1: np.ndarray, step_slope: np.ndarray) -> np.ndarray:
        t, slope = self._t_from(z, w1, step_slope)
        return (slope - (t - 1) / z) / z

    def _t_from(self, z, w1, step_slope) -> tuple[np.ndarray, np.ndarray]:
        _, _, t, slope = self._a._transforms(w1)
        u_a, _ = _u(self._a, w1)
        u_b, bend_b = _u(self._b, z * u_a)
        return t, slope * (u_b + z * bend_b * u_a) / (1 - step_slope)

    def _transforms(self, z: np.ndarray) -> tuple[np.ndarray, ...]:
        if np.any(np.abs(z) < 2 * self.support()[1]):
            return super()._transforms(z)
        t, slope = self._t_from(z, *self._subordinate(z))
        m = (t - 1) / z
        return m, (slope - m) / z, t, slope

    def _transform(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        at_zero = z == 0
        m, slope = np.empty_like(z), np.empty_like(z)
        if not at_zero.all():
            m[~at_zero], slope[~at_zero] = super()._transform(z[~at_zero])
        if at_zero.any():
            (a1, a2), (b1, b2) = (law._transform(z[at_zero]) for law in (self._a, self._b))
            # 1 / x has the law of a product again: multiply means and second cumulants.
            m[at_zero], slope[at_zero] = a1 * b1, a2 * b1**2 + a1**2 * b2 - a1**2 * b1**2
        return m, slope

    def mean(self) -> float:
        """Mean: the product of the means."""
        return self._a.mean() * self._b.mean()

    def var(self) -> float:
        """Variance: var(a) mean(b)**2 + mean(a)**2 var(b)."""
        return self._a.var() * self._b.mean() ** 2 + self._a.mean() ** 2 * self._b.var()


def _u(law: SpectralLaw, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    m, slope, t, _ = law._transforms(w)
    return m / t, (slope - m**2) / t**2


class _Affine(SpectralLaw):
    """Law of scale * x + shift, scale > 0."""

    def __init__(self, law: SpectralLaw, scale: float, shift: float):
        self._law, self._scale, self._shift = law, scale, shift
        self._hardness = law._hardness if shift == 0 else 0

    def __repr__(self) -> str:
        return f"({self._scale:g} * {self._law!r} + {self._shift:g})"

    @property
    def atoms(self) -> tuple[tuple[float, float], ...]:
        return tuple((self._scale * x + self._shift, w) for x, w in self._law.atoms)

    def bands(self) -> np.ndarray:
        return self._scale * self._law.bands() + self._shift

    def _density(self, x: np.ndarray) -> np.ndarray:
        return self._law._density((x - self._shift) / self._scale) / self._scale

    def _transform(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        m, slope = self._law._transform((z - self._shift) / self._scale)
        return m / self._scale, slope / self._scale**2

    def _transforms(self, z: np.ndarray) -> tuple[np.ndarray, ...]:
        if self._shift:
            return super()._transforms(z)
        m, slope, t, t_slope = self._law._transforms(z / self._scale)
        return m / self._scale, slope / self._scale**2, t, t_slope / self._scale

    def _continuous_cdf(self, x: np.ndarray) -> np.ndarray:
        return self._law._continuous_cdf((x - self._shift) / self._scale)

    @cached_property
    def _quadrature(self) -> tuple[np.ndarray, np.ndarray]:
        nodes, weights = self._law._quadrature
        return self._scale * nodes + self._shift, weights

    def mean(self) -> float:
        return self._scale * self._law.mean() + self._shift

    def var(self) -> float:
        return self._scale**2 * self._law.var()


def _affine(law: SpectralLaw, scale: float, shift: float) -> SpectralLaw:
    if scale == 0:
        return Discrete([shift])
    if isinstance(law, Discrete):
        return Discrete(scale * law.points + shift, law.weights)
    if isinstance(law, _Affine):
        return _Affine(law._law, scale * law._scale, scale * law._shift + shift)
    return law if (scale, shift) == (1, 0) else _Affine(law, scale, shift)


def free_sum(a: SpectralLaw, b: SpectralLaw) -> SpectralLaw:
    """``a + b``; a single atom shifts the other law exactly."""
    for law, other in ((a, b), (b, a)):
        if isinstance(law, Discrete) and law.points.size == 1:
            return _affine(other, 1.0, float(law.points[0]))
    return FreeSum(a, b)


def free_product(a: SpectralLaw, b: SpectralLaw) -> SpectralLaw:
    """``a @ b``; a single atom scales the other law exactly."""
    for name, law in (("first", a), ("second", b)):
        low, high = law.support()
        if low < 0:
            raise ValueError(
                f"the {name} law must be on [0, infinity), got support [{low:g}, {high:g}] "
                "(a free product needs positive semidefinite matrices)"
            )
    for law, other in ((a, b), (b, a)):
        if isinstance(law, Discrete) and law.points.size == 1:
            return _affine(other, float(law.points[0]), 0.0)
    return FreeProduct(a, b)
