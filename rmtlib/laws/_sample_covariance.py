r"""Sample covariance with any population covariance: the Silverstein equation.

Everything is expressed in the subordination variable
:math:`\omega = -1 / \tilde m`, with :math:`\tilde m` the companion transform:
the point at which the population's own transform is evaluated.
"""

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from rmtlib._checks import instance, positive, solved
from rmtlib._types import ArrayLike
from rmtlib.laws._base import SpectralLaw
from rmtlib.laws._continuation import follow
from rmtlib.laws._free_poisson import FreePoisson

_MOST_ATOMS_BY_EIGENVALUES = 15


class SampleCovariance(SpectralLaw):
    r"""Spectrum of a sample covariance with any population covariance.

    Limit of the eigenvalues of :math:`\frac1n X X^{\mathsf T}`,
    :math:`X = C^{1/2} Z` of shape (p, n), Z with independent entries of mean 0
    and variance 1, at :math:`p / n \to c` (``ratio``); the eigenvalues of C
    have the limiting law :math:`\nu` (``population``). The companion
    :math:`\tilde m = c m - (1 - c) / z`, transform of
    :math:`\frac1n X^{\mathsf T} X`, is the unique solution in the upper half plane of

    .. math::

        z = -\frac{1}{\tilde m} + c \int \frac{t\,\nu(dt)}{1 + t \tilde m}, \qquad
        m = -\frac1z \int \frac{\nu(dt)}{1 + t \tilde m} .

    With :math:`\omega = -1 / \tilde m` this reads
    :math:`z = \omega\,(1 - c S)`, :math:`S = \int t\,\nu(dt) / (t - \omega)`, and
    :math:`m = \omega\, m_\nu(\omega) / z`. For K atoms the solutions are the
    eigenvalues of a matrix of size K + 1; on the real axis exactly one
    complex pair exists inside a band. For other populations the solution is
    continued from far above the axis. Edges are the zeros of
    :math:`dz / d\omega = 1 - c \int t^2 \nu(dt) / (t - \omega)^2`, concave
    between two neighboring parts of the population's support.

    Parameters
    ----------
    ratio : positive number
        c = p / n.
    population : SpectralLaw
        Law of the eigenvalues of C, on [0, infinity), not all at 0.

    Notes
    -----
    Equation: :cite:t:`SB95`; support: :cite:t:`SC95`. Traces of smooth
    functions of the eigenvalues differ from their limit by O(1/p). A solution
    whose equation is off by more than 1e-10 raises
    ``rmtlib.ConvergenceError``.

    Example
    -------
    >>> from rmtlib.laws import Discrete, MarchenkoPastur
    >>> law = SampleCovariance(0.5, Discrete([2.0]))
    >>> bool(abs(law.pdf(1.0) - MarchenkoPastur(0.5, variance=2.0).pdf(1.0)) < 1e-14)
    True
    """

    _blurred = 1e-100

    def __init__(self, ratio: float, population: SpectralLaw):
        self.ratio = positive("ratio", ratio, "ratio = p / n")
        why = "for a list of eigenvalues: Discrete(eigenvalues)"
        instance("population", population, SpectralLaw, why)
        low, high = population.support()
        if low < 0 or high <= 0:
            raise ValueError(
                f"population must be on [0, infinity) and not all at 0, got support "
                f"[{low:g}, {high:g}] (eigenvalues of a covariance)"
            )
        self.population = population
        self._null = dict(population.atoms).get(0.0, 0.0)
        positive_atoms = [(t, w) for t, w in population.atoms if t > 0]
        discrete = population.bands().size == 0
        self._points, self._weights = np.array(positive_atoms).T if discrete else (None, None)
        self._bands = np.array(self._find_bands(population._parts(without=(0.0,))))
        self._hardness = population._hardness_at_zero + (
            abs(self.ratio * (1 - self._null) - 1) < 1e-14
        )
        self._singular = np.append(self._bands.ravel(), 0.0)
        if discrete:  # the companion's law, but for its atom
            self._arrow = FreePoisson(self._points, self.ratio * self._weights)

    @property
    def atoms(self) -> tuple[tuple[float, float], ...]:
        """Atom at 0 of mass max(mass of the population at 0, 1 - 1/c), if positive."""
        mass = max(self._null, 1 - 1 / self.ratio)
        return ((0.0, mass),) if mass > 0 else ()

    def _averages(self, omega: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """S, the mean of t / (t - omega), and Q, the mean of t**2 / (t - omega)**2."""
        if self._points is not None:
            share = self._points / (self._points - omega[..., None])
            return share @ self._weights, share**2 @ self._weights
        t, slope = self.population._transforms(omega)[2:]
        return t, t + omega * slope

    def _find_bands(self, parts: list[list[float]]) -> list[list[float]]:
        c, scale = self.ratio, parts[-1][1]

        def excess(omega: float) -> float:
            return c * self._averages(np.array([omega + 0j]))[1][0].real - 1

        def edge(omega: float) -> float:
            return omega * (1 - c * self._averages(np.array([omega + 0j]))[0][0].real)

        def zero(end: float, other: float) -> float:
            """Zero of excess between the end of a part of the population and another point."""
            start = end + 1e-13 * max(end, 1e-3 * scale) * np.sign(other - end)
            if excess(start) <= 0:
                return start
            return brentq(excess, start, other, xtol=1e-300, rtol=1e-15)

        reach = 1.01 * np.sqrt(c) * scale
        if abs(c * (1 - self._null) - 1) < 1e-14 or (
            parts[0][0] == 0 and c * (1 - self._null) <= 1
        ):
            edges = [0.0]
        else:
            edges = [edge(zero(parts[0][0], parts[0][0] - reach))]
        top = parts[0][1]
        for low, high in parts[1:]:
            # Points that differ by rounding have no gap that any ratio in reach would open.
            if low - top > 1e-13 * low:
                lowest = minimize_scalar(
                    excess, bounds=(top, low), method="bounded", options={"xatol": 1e-9 * low}
                ).x
                if excess(lowest) < 0:
                    edges += [edge(zero(top, lowest)), edge(zero(low, lowest))]
            top = max(top, high)
        edges.append(edge(zero(top, top + reach)))
        return np.reshape(edges, (-1, 2)).tolist()

    def _subordinate(self, z: np.ndarray) -> np.ndarray:
        """Point omega(z) = -1 / companion transform."""
        few = self._points is not None and self._points.size <= _MOST_ATOMS_BY_EIGENVALUES
        omega = self._arrow._preimage(z) if few else follow(self._step, z, self._singular)
        error = self._error(omega, z)
        retry = ~(error <= 1e-12) | (self._in_band(z) & (omega.imag <= 0))
        if few and retry.any():
            omega[retry] = follow(self._step, z[retry], self._singular)
            error = self._error(omega, z)
        solved("Silverstein equation", z, error)
        return omega

    def _error(self, omega: np.ndarray, z: np.ndarray) -> np.ndarray:
        s = self._averages(omega)[0]
        return np.abs(omega * (1 - self.ratio * s) - z) / (np.abs(z) + np.abs(omega) + 1e-300)

    def _in_band(self, z: np.ndarray) -> np.ndarray:
        x = z.real[:, None]
        return (z.imag == 0) & ((self._bands[:, 0] < x) & (x < self._bands[:, 1])).any(axis=1)

    def _step(self, omega: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        s, q = self._averages(omega)
        return z + self.ratio * omega * s, self.ratio * q

    def _density(self, x: np.ndarray) -> np.ndarray:
        omega = self._subordinate(x.astype(complex))
        return np.abs((-1 / omega).imag) / (np.pi * self.ratio)

    def _transforms(self, z: np.ndarray) -> tuple[np.ndarray, ...]:
        c, omega = self.ratio, self._subordinate(z)
        m, slope, t, t_slope = self.population._transforms(omega)
        # omega / z = 1 / (1 - c t), finite at z = 0
        r = np.where(z == 0, 1 / np.where(z == 0, 1 - c * t, 1), omega / np.where(z == 0, 1, z))
        rate = 1 - c * (t + omega * t_slope)
        return m * r, (slope * r + m * c * t_slope * r**2) / rate, t, t_slope / rate

    def companion(self, z: ArrayLike, derivative: bool = False) -> np.ndarray | complex | float:
        r"""Companion transform, that of the spectrum of :math:`\frac1n X^{\mathsf T} X`.

        Parameters
        ----------
        z : array of complex numbers, or of real numbers outside the companion's support
            Points, any shape.
        derivative : bool
            Return the derivative instead.

        Returns
        -------
        array of the shape of ``z``, real where ``z`` is a real array.
        """

        def transform(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            if np.any(z == 0) and self.ratio * (1 - self._null) <= 1:
                raise ValueError("z must not be 0, got 0 (the companion is singular there)")
            omega = self._subordinate(z)
            slope = 1 - self.ratio * self._averages(omega)[1]
            return -1 / omega, 1 / (omega**2 * slope)

        return self._off_support(transform, z, atoms=False)[bool(derivative)]

    def subordination(self, z: ArrayLike) -> tuple[np.ndarray | complex | float, ...]:
        r"""Points of the law as the free product of ``MarchenkoPastur(ratio)`` and the population.

        With :math:`t(z) = 1 + z m(z)` they satisfy
        :math:`t_{\mathrm{MP}}(\omega_1) = t_\nu(\omega) = t(z)`, where
        :math:`\omega = -1 / \tilde m(z)` and :math:`\omega_1 \omega = z (t - 1) / t`.

        Parameters
        ----------
        z : array of complex numbers, or of real numbers outside the support
            Points, any shape.

        Returns
        -------
        pair of arrays of the shape of ``z``
            :math:`\omega_1` and :math:`\omega`.
        """

        def points(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            omega = self._subordinate(z)
            t = self._averages(omega)[0]
            return (1 - self.ratio * t) * (t - 1) / t, omega

        return self._off_support(points, z)

    def var(self) -> float:
        """Variance: that of the population plus c a_1**2."""
        return self.population.var() + self.ratio * self.population.mean() ** 2

    def _moment(self, k: int) -> float:
        if k not in (1, 2, 3):
            return super()._moment(k)
        c = self.ratio
        a1, a2, a3 = (self.population.moment(j) for j in (1, 2, 3))
        return (a1, a2 + c * a1**2, a3 + 3 * c * a1 * a2 + c**2 * a1**3)[k - 1]
