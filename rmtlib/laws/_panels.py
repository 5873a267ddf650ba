r"""Integrals over one band of a law, on Chebyshev panels in the angle.

With :math:`x = a + (b - a)\sin^{2k}(\varphi / 2)`, k = 1 but for hard edges, square-root
edges become analytic; panels are bisected until their last coefficients vanish.
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
_SMALLEST_PANEL = 1e-12
_MOST_PANELS = 1000


@dataclass(frozen=True)
class Panels:
    """One band: the ends of its panels in phi, antiderivatives, mass to the left, nodes."""

    low: float
    high: float
    power: int
    ends: np.ndarray
    antiderivative: np.ndarray
    mass: np.ndarray
    nodes: np.ndarray
    weights: np.ndarray

    def mass_below(self, x: np.ndarray) -> np.ndarray:
        """Mass of the band left of each x."""
        ends, mass, width = self.ends, self.mass, self.high - self.low
        fraction = np.clip((x - self.low) / width, 0, 1) ** (1 / self.power)
        phi = np.pi - 2 * np.arcsin(np.sqrt(1 - fraction))
        if self.power == 1:
            upper = np.clip((self.high - x) / width, 0, 1)
            phi = 2 * np.arctan2(np.sqrt(fraction), np.sqrt(upper))
        panel = np.clip(np.searchsorted(ends, phi, side="right") - 1, 0, len(mass) - 2)
        u = (2 * phi - ends[panel] - ends[panel + 1]) / (ends[panel + 1] - ends[panel])
        here = chebyshev.chebval(u, self.antiderivative[:, panel], tensor=False)
        return np.where(phi >= np.pi, mass[-1], (mass[panel] + here) * (phi > 0))


def band_panels(
    density: Callable[[np.ndarray], np.ndarray], low: float, high: float, power: int
) -> Panels:
    """Panels of the band [low, high] of a density."""
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
        done = (tail < 1e-13) | (half < _SMALLEST_PANEL) | (len(todo) > _MOST_PANELS)
        ends.append(todo[done])
        coefficients.append(coefficient[done])
        nodes.append(x[done].ravel())
        weights.append((g * half[:, None] * _WEIGHTS)[done].ravel())
        left, right, middle = *todo[~done].T, todo[~done].mean(axis=1)
        todo = np.concatenate([np.c_[left, middle], np.c_[middle, right]])
    ends, coefficients = np.concatenate(ends), np.concatenate(coefficients)
    order = np.argsort(ends[:, 0])
    antiderivative = chebyshev.chebint(coefficients[order].T, lbnd=-1)
    return Panels(
        low=low,
        high=high,
        power=power,
        ends=np.append(ends[order, 0], np.pi),
        antiderivative=antiderivative,
        mass=np.concatenate([[0.0], np.cumsum(antiderivative.sum(axis=0))]),
        nodes=np.concatenate(nodes),
        weights=np.concatenate(weights),
    )
