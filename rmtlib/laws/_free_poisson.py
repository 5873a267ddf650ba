r"""Free compound Poisson laws: sums of free, scaled Wishart matrices, with a semicircle if wanted.

They are the laws whose equation is rational, z a sum of simple fractions of
:math:`w = -1/m`: every function is in closed form up to the eigenvalues of one
small matrix, and edges are where the derivative of that sum vanishes.
"""

from functools import cached_property

import numpy as np
from scipy.optimize import brentq

from rmtlib._checks import count, nonnegative, vector
from rmtlib._types import ArrayLike
from rmtlib.laws._base import SpectralLaw


class FreePoisson(SpectralLaw):
    r"""Free compound Poisson law, with a semicircle added if wanted.

    Limit of the eigenvalues of :math:`X^{\mathsf T} T X + \sqrt{v}\, W`: X of shape
    (N, n) with independent entries of variance 1/n, T diagonal with a share
    :math:`r_j n` of its N entries equal to :math:`t_j`, W symmetric (n, n) with
    entries of variance 1/n. With :math:`w = -1 / m`,

    .. math::

        z = w + \sum_j \frac{r_j t_j\, w}{w - t_j} + \frac vw ,
        \qquad R(g) = \sum_j \frac{r_j t_j}{1 - t_j g} + v g .

    The free cumulants are :math:`\kappa_k = \sum_j r_j t_j^k + v\,\delta_{k2}`. Without a
    semicircle there is an atom of mass :math:`1 - \sum_j r_j` at 0, if positive. The map
    :math:`w \mapsto z` has one preimage with :math:`\Im w > 0` for each z in the upper
    half plane; gaps of the support are the images of the real intervals where
    :math:`\sum_j r_j t_j^2 / (w - t_j)^2 + v / w^2 < 1`. By parts, the mass above x is

    .. math::

        \frac1\pi \Im \Big[ \big(1 - \textstyle\sum_j r_j\big) \log w
        + \sum_j r_j \Big( \log(w - t_j) + \frac{t_j}{w - t_j} \Big) + \frac{v}{2 w^2} \Big] .

    Parameters
    ----------
    jumps : vector of K nonzero numbers
        t; equal jumps are merged.
    rates : vector of K positive numbers
        r; the Marchenko-Pastur law of ratio c has jump c and rate 1 / c.
    variance : number >= 0
        v, the variance of the semicircle.

    Notes
    -----
    Free compound Poisson laws: :cite:t:`Voiculescu91`; the equation is that of
    :cite:t:`MP67` for weighted samples. Traces of smooth functions of the
    eigenvalues differ from their limit by O(1/n), extreme eigenvalues by O(n^(-2/3)).

    Example
    -------
    >>> from rmtlib.laws import MarchenkoPastur
    >>> law = FreePoisson([0.5], [2.0])
    >>> bool(abs(law.pdf(1.0) - MarchenkoPastur(0.5).pdf(1.0)) < 1e-14)
    True
    """

    def __init__(self, jumps: ArrayLike, rates: ArrayLike, variance: float = 0.0):
        jumps = vector("jumps", jumps).astype(float)
        rates = vector("rates", rates, length=jumps.size).astype(float)
        if np.any(jumps == 0):
            raise ValueError("jumps must be nonzero, got 0 (a jump of 0 changes nothing)")
        if rates.min() <= 0:
            raise ValueError(f"rates must be positive, got {rates.min():g}")
        self.variance = nonnegative("variance", variance, "of the semicircle")
        self.jumps, which = np.unique(jumps, return_inverse=True)
        self.rates = np.bincount(which, rates)
        poles, strengths = self.jumps, self.rates * self.jumps**2
        if self.variance:
            poles, strengths = np.append(poles, 0.0), np.append(strengths, self.variance)
        order = np.argsort(poles)
        self._poles, self._strengths = poles[order], strengths[order]
        self._shift = float(self.jumps @ self.rates)

    @property
    def _at_zero(self) -> np.ndarray:
        """Edges at w = 0: there z(w) is quadratic, and the density goes as x**(-1/2)."""
        return np.abs(self._edges) < 1e-14 * np.abs(self._edges).max() * (not self.variance)

    @cached_property
    def _hardness(self) -> int:
        return int(self._at_zero.any())

    @cached_property
    def atoms(self) -> tuple[tuple[float, float], ...]:
        """Atom at 0 of mass 1 - (sum of the rates) if positive and there is no semicircle."""
        mass = 1 - self.rates.sum()
        return ((0.0, float(mass)),) if mass > 1e-14 and not self.variance else ()

    @property
    def _bands(self) -> np.ndarray:
        x = self._z(self._edges)
        x[self._at_zero] = 0.0
        return x.reshape(-1, 2)

    def _z(self, w: np.ndarray) -> np.ndarray:
        # As in the class's formula, arranged so that nothing cancels near w = 0.
        w = w[..., None]
        terms = (1 - self.rates.sum()) * w + (w**2 / (w - self.jumps)) @ self.rates[:, None]
        return (terms + self.variance / w if self.variance else terms)[..., 0]

    def _pull(self, w: np.ndarray, power: int = 2) -> np.ndarray:
        """1 - dz/dw, or for power 3 half the second derivative of z."""
        return (1 / (w[..., None] - self._poles) ** power) @ self._strengths

    @cached_property
    def _edges(self) -> np.ndarray:
        """Real w with dz/dw = 0, ascending: lower and upper end of each band in turn."""
        p, a = self._poles, self._strengths
        tiny = 1e-18 * (np.abs(p).max() + np.sqrt(a.sum()))

        def root(low: float, high: float, power: int = 2) -> float:
            def f(w: float) -> float:
                return float(self._pull(np.array(w), power)) - (power == 2)

            if f(low) * f(high) > 0:  # by rounding: low and high are equal but for it
                return min((low, high), key=lambda w: abs(f(w)))
            return brentq(f, low, high, xtol=tiny, rtol=1e-15)

        near, far = 1 - 1e-12, 1 + 1e-12
        edges = [root(p[0] - far * np.sqrt(a.sum()), p[0] - near * np.sqrt(a[0]))]
        for j in np.flatnonzero(np.diff(p) > 1e-13 * np.abs(p[1:])):  # else no gap can open
            # dz/dw is concave between poles: its maximum is where the second derivative vanishes
            r = np.cbrt([a[j] / a[j + 1 :].sum(), a[: j + 1].sum() / a[j + 1]])
            top = root(*(p[j] + (p[j + 1] - p[j]) * r / (1 + r)), power=3)
            if self._pull(np.array(top)) < 1:
                edges.append(root(p[j] + near * np.sqrt(a[j]), top))
                edges.append(root(top, p[j + 1] - near * np.sqrt(a[j + 1])))
        edges.append(root(p[-1] + near * np.sqrt(a[-1]), p[-1] + far * np.sqrt(a.sum())))
        return np.array(edges)

    def _w(self, z: np.ndarray) -> np.ndarray:
        """The preimage of z, as an eigenvalue of an arrow matrix; z on the real axis or above."""
        k = self._poles.size
        arrow = np.zeros((*z.shape, k + 1, k + 1), dtype=z.dtype)
        arrow[..., 0, 0] = z - self._shift
        arrow[..., 0, 1:], arrow[..., 1:, 0] = -np.sqrt(self._strengths), np.sqrt(self._strengths)
        arrow[..., 1:, 1:] = np.diag(self._poles)
        w = np.linalg.eigvals(arrow).astype(complex)
        # In the support and above the axis the one with Im w > 0, else the one with dz/dw > 0.
        off_axis = (w.imag > 1e-9 * np.abs(w)).any(axis=-1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            falling = np.where(off_axis, -w.imag, np.nan_to_num(self._pull(w).real, nan=np.inf))
        w = np.take_along_axis(w, falling.argmin(axis=-1)[..., None], axis=-1)[..., 0]
        rounds, trusted = 2, 1e-3
        if self._hardness:  # z = -a w**2 - b w**3 - ... near w = 0
            a, b = (self.rates / self.jumps).sum(), (self.rates / self.jumps**2).sum()
            edge = 1j * np.sqrt(z.astype(complex) / a)
            near = np.abs(z) < 1e-8 * np.abs(self._poles).max()
            near &= np.abs(edge) * b < 0.03 * np.abs(a)
            w[near] = edge[near]
            rounds, trusted = 4, 0.1
        for _ in range(rounds):
            with np.errstate(divide="ignore", invalid="ignore"):
                newton = (self._z(w) - z) / (1 - self._pull(w))
            w = np.where(np.abs(newton) < trusted * np.abs(w), w - newton, w)
        return w

    def _preimage(self, z: np.ndarray) -> np.ndarray:
        on_axis = z.imag == 0
        w = np.empty(z.shape, dtype=complex)
        w[on_axis], w[~on_axis] = self._w(z.real[on_axis]), self._w(z[~on_axis])
        return w

    def _density(self, x: np.ndarray) -> np.ndarray:
        w = self._w(x)
        return np.clip(w.imag, 0, None) / (np.pi * np.abs(w) ** 2)

    def _transform(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        w = self._preimage(z)
        return -1 / w, 1 / (w**2 * (1 - self._pull(w)))

    def _mass_above(self, w: np.ndarray) -> np.ndarray:
        """Mass of (x, infinity), x = z(w), from w on the real axis or above."""
        t, r, v = self.jumps, self.rates, self.variance
        w = w.astype(complex)
        difference = w[..., None] - t
        inside = np.angle(difference) + (t / difference).imag
        bend = v / 2 * (1 / w**2).imag if v else 0.0
        return ((1 - r.sum()) * np.angle(w) + inside @ r + bend) / np.pi

    def _continuous_cdf(self, x: np.ndarray) -> np.ndarray:
        total = np.zeros(x.shape)
        above = self._mass_above(self._edges).reshape(-1, 2)
        for (low, high), (above_low, above_high) in zip(self.bands(), above, strict=True):
            total[x >= high] += above_low - above_high
            inside = (low < x) & (x < high)
            below = above_low - self._mass_above(self._w(x[inside]))
            total[inside] += np.clip(below, 0, above_low - above_high)
        return total

    def index(self) -> float:
        """Share of negative eigenvalues: the mass of the open half line below 0."""
        return float(self._continuous_cdf(np.zeros(1))[0])

    def free_cumulant(self, k: int) -> float:
        r"""Free cumulant :math:`\kappa_k = \sum_j r_j t_j^k + v\,\delta_{k2}`.

        Parameters
        ----------
        k : integer >= 1
            Order.
        """
        k = count("k", k)
        return float(self.rates @ self.jumps**k + self.variance * (k == 2))

    def _moment(self, k: int) -> float:
        # M = 1 + sum_s kappa_s (t M)^s for the series M(t) of the moments
        series = np.eye(1, k + 1)[0]
        for _ in range(k):
            shifted, total = np.append(0.0, series[:-1]), np.zeros(k + 1)
            for s in range(k, 0, -1):
                total[0] += self.free_cumulant(s)
                total = np.convolve(total, shifted)[: k + 1]
            series = total + np.eye(1, k + 1)[0]
        return float(series[k])

    def var(self) -> float:
        """Variance: the second free cumulant."""
        return self.free_cumulant(2)
