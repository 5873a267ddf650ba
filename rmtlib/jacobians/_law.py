"""The limiting law of the squared singular values of a Jacobian."""

from functools import cached_property

import numpy as np
from scipy.optimize import brentq

from rmtlib._checks import count, one_of, positive, positive_array, vector
from rmtlib._types import ArrayLike
from rmtlib.activations import Activation, as_activation
from rmtlib.jacobians._equation import LayersEquation
from rmtlib.jacobians._mean_field import critical_point, preactivation_variances
from rmtlib.jacobians._slopes import SquaredSlopes
from rmtlib.laws import SpectralLaw

_WEIGHTS = ("gaussian", "orthogonal")
_NOTHING = 1e-13  # mass below the band of a law that has no lower edge


class JacobianLaw(SpectralLaw):
    r"""Limiting law of the eigenvalues of :math:`M=JJ^{\mathsf T}`: squared singular values of J.

    The network is :math:`y^l=W^lx^{l-1}+b^l,\ x^l=\sigma(y^l)`, l = 1, ..., L, of width n, and

    .. math:: J=\frac{\partial x^L}{\partial x^0}=D^LW^L\cdots D^1W^1,\qquad
        D^l=\operatorname{diag}\sigma'(y^l) .

    Entries of :math:`W^l` are independent, of mean zero and variance :math:`\sigma_w^2/n`,
    or :math:`W^l=\sigma_wO^l` with Haar orthogonal :math:`O^l`. In the limit :math:`D^l` may
    be replaced by an independent copy, and the law of M is a free product that depends on the
    laws :math:`\nu_l` of :math:`K=\sigma'(\sqrt{q^l}\,\xi)^2` only: :math:`m(z)=(u-1)/z` with

    .. math:: \mathbb E\frac{Kh_l}{1+Kh_l}=u\quad(K\sim\nu_l),\qquad
        -z=\frac{1-u}u\prod_{l=1}^L\frac{\sigma_w^2u}{h_l}
        \ \text{ (orthogonal: divided by }(1-u)^L) .

    Networks of finite width differ by O(1/n) (linear) and :math:`O(n^{-1/2})` for one sample,
    where the rank of :math:`D^l` and the variances fluctuate.

    Parameters
    ----------
    activation : Activation or name
        :math:`\sigma`, continuous, with a bounded derivative.
    variances : array_like, shape (L,)
        Preactivation variances :math:`q^1,\dots,q^L`, for example from
        `rmtlib.jacobians.preactivation_variances`.
    weight_variance : positive number
        :math:`\sigma_w^2`.
    weights : "gaussian" or "orthogonal"
        "gaussian" stands for all independent entries with a finite fourth moment.

    Raises
    ------
    ValueError
        For orthogonal weights, if there is one layer or an activation with finitely many
        slopes has several nonzero ones.
    ~rmtlib.ConvergenceError
        By the methods, if a point is not solved to 1e-10.

    Notes
    -----
    Source: :cite:t:`PenningtonSchoenholzGanguli18,Pastur20,PasturSlavin20,Pastur22`.
    Moments, by inversion of series:

    .. math:: m_k=\frac1k[w^{k-1}]\Bigl((1+w)\prod_l\frac{\sigma_w^2w}{\chi_l(w)}\Bigr)^k,
        \qquad\chi_l\text{ the inverse of }\psi_l(t)=\sum_{k\ge1}\mathbb EK_l^k\,t^k .

    Atoms: :math:`1-\min_lp_l` at 0, with :math:`p_l=P(K^l\ne0)`; for orthogonal weights
    and slopes 0 or 1, :math:`(1-\sum_l(1-p_l))^+` at :math:`\sigma_w^{2L}`.

    The continuous part has one band, if any. Activations with several slopes may leave gaps in
    it, where the density is 0. Smooth ones with orthogonal weights have no lower edge: it
    starts where a mass of 1e-13 is left.

    Example
    -------
    >>> law = JacobianLaw("linear", [1.0, 1.0])
    >>> abs(law.support()[1] - 6.75) < 1e-12, bool(abs(law.pdf(0.5) - 1 / np.pi) < 1e-13)
    (True, True)
    """

    def __init__(
        self,
        activation: Activation | str,
        variances: ArrayLike,
        *,
        weight_variance: float = 1.0,
        weights: str = "gaussian",
    ):
        self.variances = positive_array("variances", vector("variances", variances))
        self.weight_variance = positive("weight_variance", weight_variance)
        self.weights = one_of("weights", weights, _WEIGHTS)
        self.activation, self.depth = as_activation(activation), self.variances.size
        if self.weights == "orthogonal" and self.depth == 1:
            raise ValueError(
                "variances must have at least 2 entries, got 1 (orthogonal weights: one layer has "
                "the law of the squared slopes themselves)"
            )
        steps = np.abs(np.diff(self.variances)) > 1e-13 * self.variances[:-1]
        first = np.flatnonzero(np.append(True, steps))  # of equal layers
        counts = np.diff(np.append(first, self.depth))
        slopes = [SquaredSlopes(self.activation, q) for q in self.variances[first]]
        orthogonal = self.weights == "orthogonal"
        self._equation = LayersEquation(slopes, counts, self.weight_variance, orthogonal)
        several = not self._equation.binary and any(group.points.size < 10 for group in slopes)
        if several and orthogonal:
            raise ValueError(
                f"activation must have one nonzero absolute slope or a continuum of them for "
                f"orthogonal weights: {self.activation.name} (atoms in between are not implemented)"
            )

    @classmethod
    def of_network(
        cls,
        activation: Activation | str,
        *,
        depth: int,
        weight_variance: float = 1.0,
        weights: str = "gaussian",
        **others: float,
    ) -> "JacobianLaw":
        """Law of a network of this depth, with the variances of its layers by mean field.

        ``others`` are ``bias_variance`` and ``input_variance`` of
        `rmtlib.jacobians.preactivation_variances`.
        """
        variances = preactivation_variances(
            activation, depth=depth, weight_variance=weight_variance, **others
        )
        return cls(activation, variances, weight_variance=weight_variance, weights=weights)

    @classmethod
    def critical(
        cls,
        activation: Activation | str,
        *,
        depth: int,
        variance: float,
        weights: str = "orthogonal",
    ) -> "JacobianLaw":
        r"""Law at the edge of chaos, with all layers at the fixed point :math:`q^*`: mean one.

        The weights have the variance of `rmtlib.jacobians.critical_point` at ``variance``.
        """
        depth = count("depth", depth, why="number of layers")
        weight = critical_point(activation, variance).weight_variance
        variances = np.full(depth, float(variance))
        return cls(activation, variances, weight_variance=weight, weights=weights)

    # Atoms and edges.

    @property
    def _whole(self) -> float:
        """Share of the directions that no layer clips, less the overlaps that are forced."""
        return float(1 - self._equation.counts @ (1 - self._equation.shares))

    @property
    def _top(self) -> float:
        """Where they sit, for orthogonal weights."""
        tops, counts = self._equation.tops, self._equation.counts
        return float(self.weight_variance**self.depth * np.prod(tops**counts))

    @cached_property
    def atoms(self) -> tuple[tuple[float, float], ...]:
        """Pairs (position, mass), positions ascending."""
        zero = 1 - self._equation.shares.min()
        found = [(0.0, float(zero))] if zero > 1e-14 else []
        if self.weights == "orthogonal" and self._equation.binary and self._whole > 1e-14:
            found.append((self._top, self._whole))
        return tuple(found)

    @cached_property
    def _bands(self) -> np.ndarray:
        if 1 - sum(mass for _, mass in self.atoms) < 1e-12:  # rounding
            return np.empty((0, 2))
        return np.array([[self._lower_edge(), self._upper_edge()]])

    def _lower_edge(self) -> float:
        equation = self._equation
        if not equation.binary and self.weights == "orthogonal":
            # Positive down to 0, but with a mass below x of at most x^k E M^-k.
            with np.errstate(all="ignore"):
                moments = [(k, self._power_moment(k, -1)) for k in (1, 2, 4, 8, 12)]
            bounds = ((_NOTHING / m) ** (1 / k) for k, m in moments if 0 < m < np.inf)
            return max(bounds, default=equation.floor)
        shares = np.repeat(equation.shares, equation.counts)
        if self.weights == "gaussian":
            shares = np.append(shares, 1.0)
        low, second = np.sort(shares)[:2]
        if not equation.binary or second - low < 1e-12:
            return 0.0
        gap = second - low
        ends = -second + 1e-9 * gap, -low - 1e-9 * gap
        w = brentq(lambda w: equation.real(w)[1], *ends, xtol=1e-18, rtol=1e-15)
        return float(np.exp(equation.real(w)[0]))

    def _upper_edge(self) -> float:
        clipped = self.weights == "orthogonal" and self._equation.binary
        if clipped and abs(self._whole) < 1e-12:
            return self._top

        def at(s: float) -> tuple[float, float]:
            w = -1 - np.exp(s) if clipped and self._whole > 0 else np.exp(s)
            return self._equation.real(w)

        ends = (-30, 30) if self._equation.binary else (-16, 12)
        s = brentq(lambda s: at(s)[1], *ends, xtol=1e-13, rtol=1e-14)
        return float(np.exp(at(s)[0]))

    # What a SpectralLaw gives.

    def _density(self, x: np.ndarray) -> np.ndarray:
        # below the floor the power law, exact to 1e-12
        resolved = np.maximum(x, self._equation.floor)
        power = 1 / (1 + self._hardness) - 1
        u, _ = self._equation.above(resolved)
        return u.imag / (np.pi * resolved) * (x / resolved) ** power

    @property
    def _hardness(self) -> float:
        if not self._bands.size or self._bands[0, 0] > 0:
            return 0
        return 1 / self._equation.decay - 1

    def _transforms(self, z: np.ndarray) -> tuple[np.ndarray, ...]:
        u, h = self._equation.solve(np.log(np.abs(z)), np.abs(np.angle(z)))  # -1 - 0j is -1
        du = 1 / (self._equation.value(u, h)[1] * z)
        m = (u - 1) / z
        return m, (du - m) / z, u, du

    def _continuous_cdf(self, x: np.ndarray) -> np.ndarray:
        mass = np.zeros(x.shape)
        for low, high in self._bands:
            mass[x >= high] = 1 - sum(weight for _, weight in self.atoms)
            inside = (low < x) & (x < high)
            if inside.any():
                mass[inside] = self._mass_up_to(x[inside])
        return mass

    def _mass_up_to(self, x: np.ndarray) -> np.ndarray:
        r"""Mass of the continuous part on [0, x]: the integral of Im u dlog(z) / pi by parts."""
        x = np.maximum(x, self._equation.floor)
        u, h = self._equation.above(x)
        J = self._equation.integral(u, h)
        total = 1 + np.imag(u * (np.log(x) - 1j * np.pi) - J) / np.pi
        below = sum(weight for position, weight in self.atoms if position <= x.min(initial=np.inf))
        return np.clip(total - below, 0.0, 1.0)

    def _moment(self, k: int) -> float:
        return self._power_moment(k, 1)

    def _power_moment(self, k: int, sign: int) -> float:
        """Moment of order sign * k: the inverse of M is a free product too."""
        if k == 0:
            return 1.0
        series = _power(np.array([1.0, 1.0] + [0.0] * k)[:k], self._equation.power)
        for c, slopes in zip(self._equation.counts, self._equation.slopes, strict=True):
            psi = np.array([slopes._moment(sign * j) for j in range(1, k + 1)])
            # chi(w) / w by Lagrange: [w^j] chi = (1/j) [t^(j-1)] (t / psi)^j
            chi = np.array([_power(psi, -float(j))[j - 1] / j for j in range(1, k + 1)])
            series = np.convolve(series, _power(chi, -float(c)))[:k]
        scale = self.weight_variance ** (sign * self.depth * k)
        return float(scale * _power(series, float(k))[k - 1] / k)

    def var(self) -> float:
        """Variance, atoms included."""
        return self.moment(2) - self.moment(1) ** 2

    @property
    def relative_variance(self) -> float:
        r"""Variance over squared mean, zero for an isometry.

        It is :math:`\sum_l(\mu_2^l/(\mu_1^l)^2-1+[\text{Gaussian}])`, with the moments of
        :math:`K^l`. Dynamical isometry is this number staying bounded, at mean one, as L grows.
        """
        spread = [s.moment(2) / s.moment(1) ** 2 - 1 for s in self._equation.slopes]
        return float(self._equation.counts @ spread + self.depth * (self.weights == "gaussian"))


def _power(a: np.ndarray, exponent: float) -> np.ndarray:
    """Real power of a power series with a[0] > 0, truncated."""
    b = np.zeros_like(a)
    b[0] = a[0] ** exponent
    for n in range(1, a.size):
        j = np.arange(1, n + 1)
        b[n] = ((exponent * j - (n - j)) @ (a[j] * b[n - j])) / (n * a[0])
    return b
