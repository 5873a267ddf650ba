r"""What every limiting spectral law can do: density, CDF, quantiles, moments, Stieltjes transform.

A law is given by its atoms, the bands of its continuous part, its density
inside the bands and its Stieltjes transform; the rest follows by quadrature.
"""

import abc
import inspect
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from rmtlib import _checks
from rmtlib._types import ArrayLike, Seed
from rmtlib.laws._panels import Panels, band_panels


class SpectralLaw(abc.ABC):
    r"""A probability law on the real line: limit of the spectrum of a large matrix.

    It has atoms, and a continuous part with a density on finitely many bands.
    Its Stieltjes transform is :math:`m(z) = \int \mu(dx) / (x - z)`, with
    :math:`\Im m > 0` in the upper half plane. Laws are immutable. Functions
    are vectorized; a scalar gives a Python number.

    For large symmetric matrices A and B with these laws and eigenvectors in general
    position (one is turned by a Haar rotation), ``a + b`` is the law of A + B, and
    ``a @ b`` that of :math:`A^{1/2} B A^{1/2}`, both positive semidefinite: free
    convolutions, by subordination :cite:p:`BelinschiBercovici07,Voiculescu91`, whose points
    the method ``subordination`` of the result gives. Traces of smooth functions differ
    from their limit by O(1/n). Integrals raise `ConvergenceError` where the total mass
    is off by more than 1e-9.

    Example
    -------
    >>> from rmtlib.laws import Discrete, Semicircle
    >>> (Semicircle() + Discrete([3.0])).support()
    (1.0, 5.0)
    """

    #: k where the density is x**(-k / (k + 1)) at a band that starts at 0; 0 if it is bounded.
    _hardness = 0

    #: The bands, in an attribute or a property.
    _bands: np.ndarray

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self) and not name.startswith("_"):
            raise AttributeError(f"{name} can't be set again: laws are immutable")
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        names = inspect.signature(type(self)).parameters
        shown = [f"{name}={_short(getattr(self, name))}" for name in names if hasattr(self, name)]
        return f"{type(self).__name__}({', '.join(shown)})"

    @property
    def atoms(self) -> tuple[tuple[float, float], ...]:
        """Pairs (position, mass), positions ascending."""
        return ()

    def bands(self) -> np.ndarray:
        """Intervals of the continuous part, ascending, shape (k, 2)."""
        return self._bands.copy()

    @abc.abstractmethod
    def _density(self, x: np.ndarray) -> np.ndarray:
        """Density at points strictly inside the bands."""

    def _transform(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pair (m, dm/dz) at complex z above the real axis, or on it outside the support.

        A law defines this or `_transforms`.
        """
        return self._transforms(z)[:2]

    @property
    def _hardness_at_zero(self) -> int:
        return self._hardness if np.any(self.bands() == 0) else 0

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

    def _parts(self, without: tuple[float, ...] = ()) -> list[list[float]]:
        """Bands, and atoms but for some as intervals of length 0, ascending."""
        return sorted(
            [*self.bands().tolist(), *([x, x] for x, _ in self.atoms if x not in without)]
        )

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
        """
        x = _checks.real_array("x", x).astype(float)
        flat = x.ravel()
        density = np.zeros(flat.shape)
        inside = np.zeros(flat.shape, dtype=bool)
        for low, high in self.bands():
            inside |= (low < flat) & (flat < high)
            if low == 0 and self._hardness:
                density[flat == 0] = np.inf
        if inside.any():
            density[inside] = self._density(flat[inside])
        return _checks.scalar_out(density.reshape(x.shape))

    def cdf(self, x: ArrayLike) -> np.ndarray | float:
        """Mass of (-infinity, x], atoms included.

        Parameters
        ----------
        x : array of real numbers
            Points, any shape.

        Returns
        -------
        array of the shape of ``x``.
        """
        x = _checks.real_array("x", x).astype(float)
        mass = self._continuous_cdf(x.ravel()).reshape(x.shape)
        for position, weight in self.atoms:
            mass = mass + weight * (x >= position)
        return _checks.scalar_out(np.clip(mass, 0.0, 1.0))

    def ppf(self, q: ArrayLike) -> np.ndarray | float:
        """Quantile: the smallest x with cdf(x) >= q; for q = 0 the left end of the support.

        Parameters
        ----------
        q : array of numbers in [0, 1]
            Probabilities, any shape.

        Returns
        -------
        array of the shape of ``q``.
        """
        q = _checks.unit_interval_array("q", q, "a probability")
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
        return _checks.scalar_out(quantile.reshape(q.shape))

    def rvs(
        self, size: int | tuple[int, ...] | None = None, rng: Seed = None
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
        """
        return self.ppf(_checks.as_rng(rng).random(size))

    def moment(self, k: int) -> float:
        """Moment of order ``k``: the integral of x**k, atoms included.

        Parameters
        ----------
        k : integer >= 0
            Order.
        """
        return self._moment(_checks.count("k", k, at_least=0))

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
        return self._off_support(self._anywhere, z)[bool(derivative)]

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
        c = _checks.positive("ratio", ratio, "ratio = p / n")

        def transform(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            if np.any(z == 0):
                raise ValueError("z must not be 0, got 0 (the companion is singular there)")
            m, slope = self._anywhere(z)
            return c * m - (1 - c) / z, c * slope + (1 - c) / z / z

        return self._off_support(transform, z)[bool(derivative)]

    def _anywhere(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `_transform`, and -1/z where z is so far that squares of it overflow."""
        top = max(map(abs, self.support()))
        far = np.abs(z) > 1e100 * top
        m, slope = self._transform(np.where(far, 2j * top, z))
        pole = -1 / np.where(far, z, 1)
        return np.where(far, pole, m), np.where(far, pole**2, slope)

    def _off_support(self, function: Callable, z: ArrayLike, atoms: bool = True) -> tuple:
        """What ``function`` gives above the axis, at any z off the support."""
        z = _checks.complex_array("z", z)
        flat = z.ravel().astype(complex)
        self._refuse_support(flat, atoms)
        below = flat.imag < 0
        values = function(np.where(below, flat.conj(), flat)) if z.size else (flat, flat)
        values = (np.where(below, value.conj(), value).reshape(z.shape) for value in values)
        real = z.dtype.kind != "c"
        return tuple(_checks.scalar_out(value.real if real else value) for value in values)

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
    def _panels(self) -> list[Panels]:
        """Chebyshev panels of each band; their total mass is checked."""
        panels = [
            band_panels(self._density, low, high, self._hardness + 1 if low == 0 else 1)
            for low, high in self.bands()
        ]
        mass = sum(band.mass[-1] for band in panels) + sum(mass for _, mass in self.atoms)
        if not abs(mass - 1) <= 1e-9:
            raise _checks.ConvergenceError(
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

    def _continuous_cdf(self, x: np.ndarray) -> np.ndarray:
        return sum((band.mass_below(x) for band in self._panels), np.zeros(x.shape))


def _short(value: Any) -> str:
    """A parameter of a law as `repr` shows it."""
    if isinstance(value, np.ndarray):
        number = {"float": "{:g}".format}
        return np.array2string(value, separator=", ", threshold=6, edgeitems=2, formatter=number)
    return f"{value:g}" if isinstance(value, float) else repr(value)


def _ordinal(x: float) -> int:
    """Place of a float64 among all of them, as an integer."""
    bits = int(np.float64(x).view(np.int64))
    return bits if bits >= 0 else -(bits + 2**63)


def _from_ordinal(place: np.ndarray) -> np.ndarray:
    return np.copysign(np.abs(place).view(np.float64), place)
