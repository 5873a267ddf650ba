r"""What every limiting spectral law can do: density, CDF, quantiles, moments, Stieltjes transform.

A law is given by its atoms, the bands of its continuous part, its density
inside the bands and its Stieltjes transform; the rest follows by quadrature.
On a band :math:`[a, b]` every integral is taken in the angle

.. math:: x = a + (b - a)\sin^2(\varphi / 2),\qquad 0 \le \varphi \le \pi,

which turns square-root edges into an analytic integrand (:math:`\sin^{2k+2}` where
the density is :math:`x^{-k/(k+1)}` at 0), on Chebyshev panels that are bisected until
their last coefficients vanish.
"""

import abc
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.polynomial import chebyshev

from rmtlib._checks import (
    ConvergenceError,
    as_rng,
    complex_array,
    count,
    positive,
    real_array,
    scalar_out,
    unit_interval_array,
)
from rmtlib._types import ArrayLike

_NODES = 16
_U = np.cos(np.pi * (np.arange(_NODES) + 0.5) / _NODES)
_TO_COEFFICIENTS = chebyshev.chebvander(_U, _NODES - 1).T * (2 / _NODES)
_TO_COEFFICIENTS[0] /= 2
_WEIGHTS = chebyshev.chebval(1.0, chebyshev.chebint(_TO_COEFFICIENTS, lbnd=-1))
_SMALLEST_PANEL = 1e-12
_MOST_PANELS = 1000


@dataclass(frozen=True)
class _Panels:
    """Chebyshev panels of one band in phi: their ends, antiderivatives, mass to the left."""

    ends: np.ndarray
    antiderivative: np.ndarray
    mass: np.ndarray
    nodes: np.ndarray
    weights: np.ndarray


class SpectralLaw(abc.ABC):
    r"""A probability law on the real line: limit of the spectrum of a large matrix.

    It has atoms, and a continuous part with a density on finitely many bands.
    Its Stieltjes transform is :math:`m(z) = \int \mu(dx) / (x - z)`, with
    :math:`\Im m > 0` in the upper half plane. Laws are immutable. Functions
    are vectorized; a scalar gives a scalar.
    """

    #: k where the density is x**(-k / (k + 1)) at a band that starts at 0; 0 if it is bounded.
    _hardness = 0

    @property
    @abc.abstractmethod
    def atoms(self) -> tuple[tuple[float, float], ...]:
        """Pairs (position, mass), positions ascending."""

    @abc.abstractmethod
    def bands(self) -> np.ndarray:
        """Intervals of the continuous part, ascending, shape (k, 2)."""

    @abc.abstractmethod
    def _density(self, x: np.ndarray) -> np.ndarray:
        """Density at points strictly inside the bands."""

    @abc.abstractmethod
    def _transform(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pair (m, dm/dz) at complex z above the real axis, or on it outside the support."""

    #: Share of the scale below which `_transforms` loses t to the pole of m at an atom at 0.
    _blurred = 1e-9

    def _transforms(self, z: np.ndarray) -> tuple[np.ndarray, ...]:
        """Tuple (m, dm/dz, t, dt/dz), t = 1 + z m the integral of x / (x - z).

        This default loses digits of t far from the support.
        """
        m, slope = self._transform(z)
        return m, slope, 1 + z * m, m + z * slope

    def __add__(self, other: "SpectralLaw") -> "SpectralLaw":
        """Free sum: the law of A + B, eigenvectors in general position."""
        from rmtlib.laws._free import free_sum

        return free_sum(self, other) if isinstance(other, SpectralLaw) else NotImplemented

    def __matmul__(self, other: "SpectralLaw") -> "SpectralLaw":
        r"""Free product: the law of :math:`A^{1/2} B A^{1/2}`, both positive semidefinite."""
        from rmtlib.laws._free import free_product

        return free_product(self, other) if isinstance(other, SpectralLaw) else NotImplemented

    def support(self) -> tuple[float, float]:
        """Smallest interval (low, high) that carries all the mass, atoms included."""
        points = [*self.bands().ravel(), *(position for position, _ in self.atoms)]
        return float(min(points)), float(max(points))

    def pdf(self, x: ArrayLike) -> np.ndarray | float:
        """Density of the continuous part; atoms are not in it.

        Parameters
        ----------
        x : array of real numbers
            Points, any shape.

        Returns
        -------
        array of the shape of ``x``; infinite at 0 where 0 is a hard edge.

        Raises
        ------
        ValueError
            If ``x`` is not an array of finite real numbers.
        """
        x = real_array("x", x).astype(float)
        flat = x.ravel()
        density = np.zeros(flat.shape)
        inside = np.zeros(flat.shape, dtype=bool)
        for low, high in self.bands():
            inside |= (low < flat) & (flat < high)
            if low == 0 and self._hardness:
                density[flat == 0] = np.inf
        if inside.any():
            density[inside] = self._density(flat[inside])
        return density.reshape(x.shape)[()]

    def cdf(self, x: ArrayLike) -> np.ndarray | float:
        """Mass of (-infinity, x], atoms included.

        Parameters
        ----------
        x : array of real numbers
            Points, any shape.

        Returns
        -------
        array of the shape of ``x``.

        Raises
        ------
        ValueError
            If ``x`` is not an array of finite real numbers.
        """
        x = real_array("x", x).astype(float)
        mass = self._continuous_cdf(x.ravel()).reshape(x.shape)
        for position, weight in self.atoms:
            mass = mass + weight * (x >= position)
        return np.clip(mass, 0.0, 1.0)[()]

    def ppf(self, q: ArrayLike) -> np.ndarray | float:
        """Quantile: the smallest x with cdf(x) >= q; for q = 0 the left end of the support.

        Parameters
        ----------
        q : array of numbers in [0, 1]
            Probabilities, any shape.

        Returns
        -------
        array of the shape of ``q``.

        Raises
        ------
        ValueError
            If an entry of ``q`` is outside [0, 1].
        """
        q = unit_interval_array("q", q, "a probability")
        flat = q.ravel()
        low, high = self.support()
        # Bisection on the floats in their order, so that it ends at any scale.
        left, right = np.full(flat.shape, _ordinal(low)), np.full(flat.shape, _ordinal(high))
        right[flat <= self.cdf(low)] = _ordinal(low)
        while np.any(right > left + 1):
            middle = left // 2 + right // 2 + (left & right & 1)
            enough = self.cdf(_from_ordinal(middle)) >= flat
            right, left = np.where(enough, middle, right), np.where(enough, left, middle)
        quantile = _from_ordinal(right)
        for position, weight in self.atoms:
            top = self.cdf(position)
            quantile[(top - weight < flat) & (flat <= top + 4e-16)] = position
        quantile[flat == 0] = low
        return quantile.reshape(q.shape)[()]

    def rvs(
        self,
        size: int | tuple[int, ...] | None = None,
        rng: int | np.random.Generator | None = None,
    ) -> np.ndarray | float:
        """Independent draws from the law (eigenvalues of one matrix are far more regular).

        Parameters
        ----------
        size : int, tuple of ints or None
            Shape of the result; None for one number.
        rng : None, int or Generator
            Source of randomness.

        Returns
        -------
        array of shape ``size``.

        Raises
        ------
        ValueError
            If ``rng`` is not one of these.
        """
        return self.ppf(as_rng(rng).random(size))

    def moment(self, k: int) -> float:
        """Moment of order ``k``: the integral of x**k, atoms included.

        Parameters
        ----------
        k : integer >= 0
            Order.

        Raises
        ------
        ValueError
            If ``k`` is not one.
        """
        return self._moment(count("k", k, at_least=0))

    def _moment(self, k: int) -> float:
        """Moment of order k >= 0; laws with a formula for it have their own."""
        nodes, weights = self._quadrature
        return float(
            weights @ nodes**k + sum(weight * position**k for position, weight in self.atoms)
        )

    def mean(self) -> float:
        """Mean, atoms included."""
        return self.moment(1)

    def var(self) -> float:
        """Variance, atoms included."""
        center = self.mean()
        nodes, weights = self._quadrature
        return float(
            weights @ (nodes - center) ** 2
            + sum(weight * (position - center) ** 2 for position, weight in self.atoms)
        )

    def stieltjes(self, z: ArrayLike, derivative: bool = False) -> np.ndarray | complex | float:
        r"""Stieltjes transform :math:`m(z) = \int \mu(dx) / (x - z)`, or its derivative.

        Parameters
        ----------
        z : array of complex numbers, or of real numbers outside the support
            Points, any shape.
        derivative : bool
            Return :math:`m'(z) = \int \mu(dx) / (x - z)^2` instead.

        Returns
        -------
        array of the shape of ``z``, real where ``z`` is a real array.
        """
        return self._off_support(self._transform, z)[bool(derivative)]

    def companion(
        self, z: ArrayLike, *, ratio: float, derivative: bool = False
    ) -> np.ndarray | complex | float:
        r"""Companion transform :math:`\tilde m(z) = c\,m(z) - (1 - c) / z`, or its derivative.

        If the law is that of :math:`\frac1n X X^{\mathsf T}`, X of shape (p, n) and
        :math:`c = p / n`, this is the transform of :math:`\frac1n X^{\mathsf T} X`.

        Parameters
        ----------
        z : array of complex numbers, or of real numbers outside the support, not 0
            Points, any shape.
        ratio : positive number
            c = p / n.
        derivative : bool
            Return :math:`\tilde m'(z)` instead.

        Returns
        -------
        array of the shape of ``z``, real where ``z`` is a real array.
        """
        c = positive("ratio", ratio, "ratio = p / n")

        def transform(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            if np.any(z == 0):
                raise ValueError("z must not be 0, got 0 (the companion is singular there)")
            m, slope = self._transform(z)
            return c * m - (1 - c) / z, c * slope + (1 - c) / z**2

        return self._off_support(transform, z)[bool(derivative)]

    def _off_support(self, function: Callable, z: ArrayLike, atoms: bool = True) -> tuple:
        """What ``function`` gives above the axis, at any z off the support."""
        z = complex_array("z", z)
        flat = z.ravel().astype(complex)
        self._refuse_support(flat, atoms)
        below = flat.imag < 0
        values = function(np.where(below, flat.conj(), flat)) if z.size else (flat, flat)
        values = (np.where(below, value.conj(), value).reshape(z.shape) for value in values)
        real = z.dtype.kind != "c"
        return tuple(scalar_out(value.real if real else value) for value in values)

    def _refuse_support(self, z: np.ndarray, atoms: bool) -> None:
        x = z.real[z.imag == 0]
        for low, high in self.bands():
            if np.any((low <= x) & (x <= high)):
                wrong = x[(low <= x) & (x <= high)][0]
                raise ValueError(
                    f"z must be off the real axis or outside the support, got {wrong:g} "
                    f"(the law has a density on [{low:g}, {high:g}])"
                )
        for position, _ in self.atoms if atoms else ():
            if np.any(x == position):
                raise ValueError(
                    f"z must not be an atom, got {position:g} (the transform has a pole there)"
                )

    @cached_property
    def _panels(self) -> list["_Panels"]:
        """Chebyshev panels of each band; their total mass is checked."""
        panels = [self._band_panels(low, high) for low, high in self.bands()]
        mass = sum(band.mass[-1] for band in panels) + sum(mass for _, mass in self.atoms)
        if not abs(mass - 1) <= 1e-9:
            raise ConvergenceError(
                f"{self!r} has mass {mass:.12g} instead of 1: a band was missed, "
                "or its density is too singular for the quadrature"
            )
        return panels

    @cached_property
    def _quadrature(self) -> tuple[np.ndarray, np.ndarray]:
        """Nodes x and weights w with sum w f(x) the integral of f against the continuous part."""
        empty = np.empty(0)
        nodes = np.concatenate([empty, *(band.nodes for band in self._panels)])
        return nodes, np.concatenate([empty, *(band.weights for band in self._panels)])

    def _power(self, low: float) -> int:
        return self._hardness + 1 if low == 0 else 1

    def _band_panels(self, low: float, high: float) -> "_Panels":
        power, width = self._power(low), high - low
        todo = np.linspace(0, np.pi, 5)
        todo = np.stack([todo[:-1], todo[1:]], axis=1)
        ends, coefficients, nodes, weights = [], [], [], []
        while len(todo):
            half = (todo[:, 1] - todo[:, 0]) / 2
            phi = todo.mean(axis=1)[:, None] + half[:, None] * _U
            sine, cosine = np.sin(phi / 2), np.cos(phi / 2)
            upper = 1 - sine ** (2 * power) if power > 1 else cosine**2
            x = np.where(sine**2 < 0.5, low + width * sine ** (2 * power), high - width * upper)
            inside = (low < x) & (x < high)
            density = np.zeros(x.shape)
            density[inside] = self._density(x[inside])
            g = density * width * power * sine ** (2 * power - 1) * cosine
            coefficient = (g @ _TO_COEFFICIENTS.T) * half[:, None]
            tail = np.abs(coefficient[:, -3:]).max(axis=1)
            # Edges keep few panels active; many at once are bisecting rounding errors.
            done = (tail < 1e-13) | (half < _SMALLEST_PANEL) | (len(todo) > _MOST_PANELS)
            ends.append(todo[done])
            coefficients.append(coefficient[done])
            nodes.append(x[done].ravel())
            weights.append((g * half[:, None] * _WEIGHTS)[done].ravel())
            middle = todo[~done].mean(axis=1)
            todo = np.concatenate(
                [
                    np.stack([todo[~done, 0], middle], axis=1),
                    np.stack([middle, todo[~done, 1]], axis=1),
                ]
            )
        ends, coefficients = np.concatenate(ends), np.concatenate(coefficients)
        order = np.argsort(ends[:, 0])
        antiderivative = chebyshev.chebint(coefficients[order].T, lbnd=-1)
        mass = np.cumsum(antiderivative.sum(axis=0))
        return _Panels(
            ends=np.append(ends[order, 0], np.pi),
            antiderivative=antiderivative,
            mass=np.concatenate([[0.0], mass]),
            nodes=np.concatenate(nodes),
            weights=np.concatenate(weights),
        )

    def _continuous_cdf(self, x: np.ndarray) -> np.ndarray:
        total = np.zeros(x.shape)
        for (low, high), band in zip(self.bands(), self._panels, strict=True):
            ends, mass, power = band.ends, band.mass, self._power(low)
            fraction = np.clip((x - low) / (high - low), 0, 1) ** (1 / power)
            phi = np.pi - 2 * np.arcsin(np.sqrt(1 - fraction))
            if power == 1:
                upper = np.clip((high - x) / (high - low), 0, 1)
                phi = 2 * np.arctan2(np.sqrt(fraction), np.sqrt(upper))
            panel = np.clip(np.searchsorted(ends, phi, side="right") - 1, 0, len(mass) - 2)
            u = (2 * phi - ends[panel] - ends[panel + 1]) / (ends[panel + 1] - ends[panel])
            here = chebyshev.chebval(u, band.antiderivative[:, panel], tensor=False)
            total += np.where(phi >= np.pi, mass[-1], (mass[panel] + here) * (phi > 0))
        return total


def _ordinal(x: float) -> int:
    """Place of a float64 among all of them, as an integer."""
    bits = int(np.float64(x).view(np.int64))
    return bits if bits >= 0 else -(bits + 2**63)


def _from_ordinal(place: np.ndarray) -> np.ndarray:
    return np.copysign(np.abs(place).view(np.float64), place)
