r"""Integrals against a density on one band, by Chebyshev panels.

On a band :math:`[a, b]` every integral is taken in the angle

.. math:: x = a + (b - a)\sin^2(\varphi / 2),\qquad 0 \le \varphi \le \pi,

which turns square-root edges into an analytic integrand (:math:`\sin^{2k+2}` where
the density is :math:`x^{-k/(k+1)}` at 0), on panels that are bisected until their last
coefficients vanish.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev

_NODES = 16
_U = np.cos(np.pi * (np.arange(_NODES) + 0.5) / _NODES)
_TO_COEFFICIENTS = chebyshev.chebvander(_U, _NODES - 1).T * (2 / _NODES)
_TO_COEFFICIENTS[0] /= 2
_WEIGHTS = chebyshev.chebval(1.0, chebyshev.chebint(_TO_COEFFICIENTS, lbnd=-1))
_SMALLEST = 1e-12
_MOST = 1000


@dataclass(frozen=True)
class Panels:
    """Panels of the band [low, high]; ``power`` is k + 1."""

    low: float
    high: float
    power: int
    ends: np.ndarray  # in the angle
    antiderivative: np.ndarray  # Chebyshev coefficients of the mass, a column a panel
    mass: np.ndarray  # to the left of each end
    nodes: np.ndarray
    weights: np.ndarray

    def mass_below(self, x: np.ndarray) -> np.ndarray:
        """Mass of the band in (-infinity, x]."""
        width, last = self.high - self.low, len(self.mass) - 2
        fraction = np.clip((x - self.low) / width, 0, 1) ** (1 / self.power)
        phi = np.pi - 2 * np.arcsin(np.sqrt(1 - fraction))
        if self.power == 1:
            upper = np.clip((self.high - x) / width, 0, 1)
            phi = 2 * np.arctan2(np.sqrt(fraction), np.sqrt(upper))
        panel = np.clip(np.searchsorted(self.ends, phi, side="right") - 1, 0, last)
        start, stop = self.ends[panel], self.ends[panel + 1]
        u = (2 * phi - start - stop) / (stop - start)
        here = chebyshev.chebval(u, self.antiderivative[:, panel], tensor=False)
        return np.where(phi >= np.pi, self.mass[-1], (self.mass[panel] + here) * (phi > 0))


def band_panels(density: Callable, low: float, high: float, power: int) -> Panels:
    """Panels that resolve a density on [low, high], x**(1 / power - 1) at ``low``."""
    width = high - low
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
        values = np.zeros(x.shape)
        values[inside] = density(x[inside])
        g = values * width * power * sine ** (2 * power - 1) * cosine
        coefficient = (g @ _TO_COEFFICIENTS.T) * half[:, None]
        tail = np.abs(coefficient[:, -3:]).max(axis=1)
        # Edges keep few panels active; many at once are bisecting rounding errors.
        done = (tail < 1e-13) | (half < _SMALLEST) | (len(todo) > _MOST)
        ends.append(todo[done])
        coefficients.append(coefficient[done])
        nodes.append(x[done].ravel())
        weights.append((g * half[:, None] * _WEIGHTS)[done].ravel())
        middle = todo[~done].mean(axis=1)
        left, right = todo[~done].T
        todo = np.stack([np.append(left, middle), np.append(middle, right)], axis=1)
    ends, coefficients = np.concatenate(ends), np.concatenate(coefficients)
    order = np.argsort(ends[:, 0])
    antiderivative = chebyshev.chebint(coefficients[order].T, lbnd=-1)
    return Panels(
        low=low,
        high=high,
        power=power,
        ends=np.append(ends[order, 0], np.pi),
        antiderivative=antiderivative,
        mass=np.append(0.0, np.cumsum(antiderivative.sum(axis=0))),
        nodes=np.concatenate(nodes),
        weights=np.concatenate(weights),
    )
