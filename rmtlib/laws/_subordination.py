r"""Subordination: the machinery that free sums and free products share.

The transform of a free convolution of a and b at z is a transform of a at a
subordinated point :math:`\omega_1(z)`, and of b at :math:`\omega_2(z)`
:cite:p:`BelinschiBercovici07`. This module finds the two points, and the edges
of the support, from what distinguishes the sum from the product: the functions
that `FreeSum` and `FreeProduct` define.
"""

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from scipy.optimize import brentq

from rmtlib._checks import ConvergenceError, solved
from rmtlib._types import ArrayLike
from rmtlib.laws._base import SpectralLaw
from rmtlib.laws._continuation import follow

_DEPTH = np.logspace(-12, -0.31, 90)
_GRID = np.unique(np.concatenate([_DEPTH, 1 - _DEPTH, np.linspace(0.02, 0.98, 60)]))


class _Component:
    """One interval of the complement of a law's support, with s increasing along it.

    The coordinate v is the point itself in a gap; outside the hull it is
    -1 / (point - center), so that infinity is the inner point v = 0.
    """

    def __init__(self, s_of, low: float, high: float, center: float | None):
        self.center, self.s_of = center, s_of
        if np.isinf(high):
            self.v = np.tan(np.pi * (_GRID - 0.5)) / abs(center)
        else:
            self.v = low + (high - low) * _GRID
        if center is not None:
            self.v = self.v[self.v != 0]
            self.v = self.v[np.abs(self.point(self.v)) > 1e-13 * abs(center)]
        with np.errstate(divide="ignore", invalid="ignore"):
            self.s = self.at(self.v)[1]
        regular = np.isfinite(self.s)  # not rounded onto an end
        self.v, self.s = self.v[regular], self.s[regular]
        keep = np.concatenate([[True], np.diff(np.maximum.accumulate(self.s)) > 0])
        self.v, self.s = self.v[keep], self.s[keep]

    def point(self, v: np.ndarray) -> np.ndarray:
        """Point of the real line at coordinate v."""
        return v if self.center is None else self.center - 1 / v

    def at(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Point, s and ds/d(point)."""
        point = self.point(v)
        return (point, *self.s_of(point))

    def invert(self, s: np.ndarray) -> np.ndarray:
        """Coordinates v with s(v) = s: Newton, kept inside a shrinking bracket."""
        i = np.clip(np.searchsorted(self.s, s), 1, self.s.size - 1)
        low, high = self.v[i - 1], self.v[i]
        share = (s - self.s[i - 1]) / (self.s[i] - self.s[i - 1])
        v = low + np.clip(share, 0, 1) * (high - low)
        for _ in range(80):
            v = np.where(v == 0, 0.5 * (v + high), v)
            _, here, slope = self.at(v)
            low, high = np.where(here <= s, v, low), np.where(here >= s, v, high)
            newton = v + (s - here) / (slope if self.center is None else slope / v**2)
            new = np.where((low < newton) & (newton < high), newton, 0.5 * (low + high))
            if np.all(np.abs(new - v) <= 4e-16 * np.abs(v)):
                break
            v = new
        return v


@dataclass(frozen=True)
class _End:
    """End z of an interval without continuous spectrum, and the mass below it, modulo 1.

    ``limit`` tells that the points of both laws end there, not that a band begins.
    """

    z: float
    below: float
    limit: bool = False


class FreeConvolution(SpectralLaw):
    """What the sum and the product share: bands from the real axis, density by continuation.

    s is the quantity that subordination makes equal, s_a(w1) = s_b(w2) = s(z).
    The complement of the support is where dz/ds > 0 on real w1 and w2. A subclass has

    - ``_s(law, point)``: s and ds/dw at real points outside the support of one law;
    - ``_z(w1, s1, slope1, w2, s2, slope2)``: z, and dz/ds relative to the size of its terms;
    - ``_delicate(s)``: where dz/ds, although regular, is a difference of large numbers;
    - ``_step(w1, z)``: one turn of the subordination equations, and its derivative in w1;
    - ``_second(w1, z)``: the second subordination point, from the first;
    - ``_m(z, w1)`` and ``_slope(z, w1, step_slope)``: the Stieltjes transform and its derivative;
    - ``_corners``: pairs of an atom's position and mass, ascending; mass 0 makes a singular edge.
    """

    #: How it is written, and the points besides edges and atoms that continuation shuns.
    _symbol = ""
    _shunned: tuple[float, ...] = ()

    def __init__(self, a: SpectralLaw, b: SpectralLaw):
        self._a, self._b = a, b

    def __repr__(self) -> str:
        return f"({self._a!r} {self._symbol} {self._b!r})"

    def _components(self, law: SpectralLaw) -> list[_Component]:
        s_of, parts = partial(self._s, law), law._parts(without=self._shunned)
        low, top = parts[0]
        gaps = []
        for left, right in parts[1:]:
            if left > top:
                gaps.append((top, left))
            top = max(top, right)
        center = 0.5 * (low + top)
        reach = 1 / (top - center) if top > low else np.inf
        outer = _Component(s_of, -reach, reach, center)
        return [outer, *(_Component(s_of, left, right, None) for left, right in gaps)]

    @cached_property
    def _free_intervals(self) -> list[tuple[_End, _End]]:
        """Intervals of the real axis without continuous spectrum, atoms at their ends."""
        firsts, seconds = self._components(self._a), self._components(self._b)
        found = []
        for i, first in enumerate(firsts):
            for j, second in enumerate(seconds):
                found += self._pair(first, second, outer=i == 0 and j == 0)
        return sorted(found, key=lambda ends: ends[0].z)

    def _pair(self, first: _Component, second: _Component, outer: bool) -> list[tuple[_End, _End]]:
        low, high = max(first.s[0], second.s[0]), min(first.s[-1], second.s[-1])
        if low >= high:
            return []

        def at(s):
            return first.at(first.invert(s)), second.at(second.invert(s))

        def end(s, limit):
            # The mass below z is the sum of those below the two points, modulo 1.
            (w1, *rest), (w2, *others) = at(np.array([s]))
            z = self._z(w1, *rest, w2, *others)[0][0]
            return _End(float(z), float(self._a.cdf(w1[0]) + self._b.cdf(w2[0])), limit)

        def excess(s):
            first_at, second_at = at(np.array([s]))
            return self._z(*first_at, *second_at)[1][0]

        s = np.unique(np.concatenate([first.s, second.s]))
        s = s[(low <= s) & (s <= high) & ~self._delicate(s)]
        if not s.size:
            return []
        first_at, second_at = at(s)
        free = np.concatenate([[False], self._z(*first_at, *second_at)[1] > 1e-12, [False]])
        starts, stops = (
            np.flatnonzero(free[1:] & ~free[:-1]),
            np.flatnonzero(free[:-1] & ~free[1:]),
        )

        def edge(k, step):
            """The end beyond the free point s[k]: where excess vanishes, or the last point."""
            beyond = k + step
            if 0 <= beyond < s.size and excess(s[k]) * excess(s[beyond]) < 0:
                return end(brentq(excess, *sorted((s[k], s[beyond])), xtol=1e-300), False)
            return end(s[k], True)

        intervals = []
        for start, stop in zip(starts, stops - 1, strict=True):
            left, right = edge(start, -1), edge(stop, 1)
            if outer and s[start] < 0 < s[stop]:
                intervals += [(_End(-np.inf, 0.0), right), (left, _End(np.inf, 0.0))]
            else:
                intervals.append((left, right))
        return intervals

    @property
    def atoms(self) -> tuple[tuple[float, float], ...]:
        """Pairs (position, mass), positions ascending."""
        return tuple(pair for pair in self._corners if pair[1] > 1e-14)

    def _tidy(self, end: _End, scale: float) -> _End:
        """An end, on the corner that it misses by the distance of the last point from it."""
        corners = [x for x, mass in self._corners if mass <= 1e-14]
        near = min(corners, key=lambda x: abs(x - end.z), default=np.inf)
        return _End(near, end.below) if end.limit and abs(near - end.z) < 1e-9 * scale else end

    @cached_property
    def _bands(self) -> np.ndarray:
        """What lies between free intervals and carries more mass than the atoms there."""
        ends = self._free_intervals
        if not ends:
            raise ConvergenceError(f"no end of the support of {self!r} was found")
        scale = max(abs(ends[0][1].z), abs(ends[-1][0].z))
        ends = [[self._tidy(end, scale) for end in pair] for pair in ends]
        last, between = ends[0][1], []
        for low, high in ends[1:]:
            if low.z > last.z:
                between.append((last, low))
            last = max(last, high, key=lambda end: end.z)
        mass = np.array([(right.below - left.below) % 1 for left, right in between])
        for position, weight in self.atoms:
            if position in self._shunned and between[0][0].z > position:
                continue  # the laws' points pass by it
            gaps = [max(left.z - position, position - right.z, 0) for left, right in between]
            mass[np.argmin(gaps)] -= weight
        mass = (mass + 1e-9) % 1 - 1e-9  # rounding may give 1 for 0
        total = mass.sum() + sum(weight for _, weight in self.atoms)
        width = np.array([right.z - left.z for left, right in between])
        mass[np.argmax(width)] += round(1 - total)  # 1 is 0, modulo 1
        if abs(total + round(1 - total) - 1) > 1e-9:
            raise ConvergenceError(f"a band of {self!r} was missed: its mass is {total:.12g}")
        kept = (mass > 1e-9) | (width > 1e-8 * scale)
        bands = [(left.z, right.z) for left, right in between]
        return np.reshape(np.array(bands)[kept], (-1, 2))

    @cached_property
    def _singular(self) -> np.ndarray:
        atoms = (position for position, _ in self.atoms)
        return np.array([*self._bands.ravel(), *atoms, *self._shunned])

    def _subordinate(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        w1 = follow(self._step, z, self._singular)
        f, slope = self._step(w1, z)
        solved("subordination equations", z, np.abs(f - w1) / (np.abs(z) + np.abs(w1)))
        return w1, slope

    def subordination(self, z: ArrayLike) -> tuple[np.ndarray | complex | float, ...]:
        r"""Subordination points :math:`\omega_1(z)` and :math:`\omega_2(z)`.

        For a sum :math:`m(z) = m_a(\omega_1) = m_b(\omega_2)`; for a product the same
        holds with :math:`t(z) = 1 + z m(z)` in place of m.

        Parameters
        ----------
        z : array of complex numbers, or of real numbers outside the support
            Points, any shape.

        Returns
        -------
        pair of arrays of the shape of ``z``
        """

        def points(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            w1 = self._subordinate(z)[0]
            return w1, self._second(w1, z)

        return self._off_support(points, z)

    def _density(self, x: np.ndarray) -> np.ndarray:
        z = x.astype(complex)
        return np.abs(self._m(z, self._subordinate(z)[0]).imag) / np.pi

    def _transform(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        m, slope = np.empty_like(z), np.empty_like(z)
        distance = np.abs(z[:, None] - self._singular).min(axis=1)
        bands = self._bands
        in_gap = (10 * z.imag < distance) & (bands[0, 0] < z.real) & (z.real < bands[-1, 1])
        in_gap &= ~((bands[:, 0] <= z.real[:, None]) & (z.real[:, None] <= bands[:, 1])).any(axis=1)
        rest = ~in_gap
        if rest.any():
            w1, step_slope = self._subordinate(z[rest])
            m[rest] = self._m(z[rest], w1)
            slope[rest] = self._slope(z[rest], w1, step_slope)
        if in_gap.any():
            # In a gap s may vanish, where w1 or w2 is infinite: mean over a circle around z.
            turn = np.exp(2j * np.pi * (np.arange(40) + 0.5) / 40)
            radius = 0.4 * distance[in_gap, None]
            circle = z[in_gap, None] + radius * turn
            above = np.where(circle.imag < 0, circle.conj(), circle).ravel()
            around = self._m(above, self._subordinate(above)[0]).reshape(circle.shape)
            around = np.where(circle.imag < 0, around.conj(), around)
            m[in_gap] = around.mean(axis=1)
            slope[in_gap] = (around / (radius * turn)).mean(axis=1)
        return m, slope
