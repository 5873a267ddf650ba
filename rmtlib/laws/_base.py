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
from functools import cached_property

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import ArrayLike

from rmtlib._checks import as_rng, count, real_array

_NODES = 16
_U = np.cos(np.pi * (np.arange(_NODES) + 0.5) / _NODES)
_TO_COEFFICIENTS = chebyshev.chebvander(_U, _NODES - 1).T * (2 / _NODES)
_TO_COEFFICIENTS[0] /= 2
_WEIGHTS = chebyshev.chebval(1.0, chebyshev.chebint(_TO_COEFFICIENTS, lbnd=-1))
_SMALLEST_PANEL = 1e-9


def complex_points(z: ArrayLike) -> np.ndarray:
    """Array of finite complex or real numbers.

    Raises
    ------
    ValueError
        If ``z`` is ragged, not numeric, or holds NaN or infinities.
    """
    try:
        points = np.asarray(z)
    except ValueError as error:
        raise ValueError("z must be a rectangular array, got a ragged sequence") from error
    if points.dtype.kind != "c":
        return real_array("z", points)
    if not np.all(np.isfinite(points)):
        raise ValueError(f"z must be finite, got {points[~np.isfinite(points)][0]}")
    return points


def quantile_levels(q: ArrayLike) -> np.ndarray:
    """Array of probabilities in [0, 1].

    Raises
    ------
    ValueError
        If an entry is outside [0, 1], NaN, or ``q`` is not a numeric array.
    """
    q = real_array("q", q).astype(float)
    if q.size and (q.min() < 0 or q.max() > 1):
        wrong = q.min() if q.min() < 0 else q.max()
        raise ValueError(f"q must be between 0 and 1, got {wrong:g} (q is a probability)")
    return q


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

    def _transforms(self, z: np.ndarray) -> tuple[np.ndarray, ...]:
        """Tuple (m, dm/dz, t, dt/dz), t = 1 + z m the integral of x / (x - z).

        This default loses digits of t far from the support.
        """
        m, slope = self._transform(z)
        return m, slope, 1 + z * m, m + z * slope

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
        q = quantile_levels(q)
        flat = q.ravel()
        low, high = self.support()
        left, right = np.full(flat.shape, low), np.full(flat.shape, high)
        right[flat <= self.cdf(low)] = low
        while np.any(right - left > 4e-16 * np.abs(right) + 1e-40 * (high - low)):
            middle = 0.5 * (left + right)
            enough = self.cdf(middle) >= flat
            right = np.where(enough, middle, right)
            left = np.where(enough, left, middle)
        quantile = right
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

    def stieltjes(self, z: ArrayLike) -> np.ndarray | complex | float:
        r"""Stieltjes transform :math:`m(z) = \int \mu(dx) / (x - z)`.

        Parameters
        ----------
        z : array of complex numbers, or of real numbers outside the support
            Points, any shape.

        Returns
        -------
        array of the shape of ``z``, real where ``z`` is a real array.

        Raises
        ------
        ValueError
            If a real ``z`` lies in a band or on an atom.
        """
        z = complex_points(z)
        flat = z.ravel().astype(complex)
        self._refuse_support(flat)
        below = flat.imag < 0
        m = self._transform(np.where(below, flat.conj(), flat))[0] if flat.size else flat
        m = np.where(below, m.conj(), m).reshape(z.shape)
        return (m if z.dtype.kind == "c" else m.real)[()]

    def _refuse_support(self, z: np.ndarray) -> None:
        x = z.real[z.imag == 0]
        for low, high in self.bands():
            if np.any((low <= x) & (x <= high)):
                wrong = x[(low <= x) & (x <= high)][0]
                raise ValueError(
                    f"z must be off the real axis or outside the support, got {wrong:g} "
                    f"(the law has a density on [{low:g}, {high:g}])"
                )
        for position, _ in self.atoms:
            if np.any(x == position):
                raise ValueError(
                    f"z must not be an atom, got {position:g} (the transform has a pole there)"
                )

    @cached_property
    def _panels(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Per band: panel ends in phi, Chebyshev antiderivatives of the mass, mass to the left."""
        return [self._band_panels(low, high)[:3] for low, high in self.bands()]

    @cached_property
    def _quadrature(self) -> tuple[np.ndarray, np.ndarray]:
        """Nodes x and weights w with sum w f(x) the integral of f against the continuous part."""
        parts = [self._band_panels(low, high)[3:] for low, high in self.bands()]
        if not parts:
            return np.empty(0), np.empty(0)
        return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))

    def _power(self, low: float) -> int:
        return self._hardness + 1 if low == 0 else 1

    def _band_panels(self, low: float, high: float) -> tuple[np.ndarray, ...]:
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
            done = (tail < 1e-13) | (half < _SMALLEST_PANEL)
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
        return (
            np.append(ends[order, 0], np.pi),
            antiderivative,
            np.concatenate([[0.0], mass]),
            np.concatenate(nodes),
            np.concatenate(weights),
        )

    def _continuous_cdf(self, x: np.ndarray) -> np.ndarray:
        total = np.zeros(x.shape)
        for (low, high), (ends, antiderivative, mass) in zip(
            self.bands(), self._panels, strict=True
        ):
            power = self._power(low)
            fraction = np.clip((x - low) / (high - low), 0, 1) ** (1 / power)
            phi = np.pi - 2 * np.arcsin(np.sqrt(1 - fraction))
            if power == 1:
                upper = np.clip((high - x) / (high - low), 0, 1)
                phi = 2 * np.arctan2(np.sqrt(fraction), np.sqrt(upper))
            panel = np.clip(np.searchsorted(ends, phi, side="right") - 1, 0, len(mass) - 2)
            u = (2 * phi - ends[panel] - ends[panel + 1]) / (ends[panel + 1] - ends[panel])
            here = chebyshev.chebval(u, antiderivative[:, panel], tensor=False)
            total += np.where(phi >= np.pi, mass[-1], (mass[panel] + here) * (phi > 0))
        return total
