r"""Singular values of the input-output Jacobian of a wide random network.

The network is :math:`y^l=W^lx^{l-1}+b^l,\ x^l=\sigma(y^l)`, l = 1, ..., L, of width n, and

.. math:: J=\frac{\partial x^L}{\partial x^0}=D^LW^L\cdots D^1W^1,\qquad
    D^l=\operatorname{diag}\sigma'(y^l),\qquad M=JJ^{\mathsf T} .

Entries of :math:`W^l` are independent, of mean zero and variance :math:`\sigma_w^2/n`,
or :math:`W^l=\sigma_wO^l` with Haar orthogonal :math:`O^l`. In the limit :math:`D^l` may
be replaced by an independent copy, and the law of M is a free product that
depends on the laws :math:`\nu_l` of :math:`K=\sigma'(\sqrt{q^l}\,\xi)^2` only. With

.. math:: \mathbb E\frac{Kh_l}{1+Kh_l}=u\quad(K\sim\nu_l),\qquad
    -z=\frac{1-u}u\prod_{l=1}^L\frac{\sigma_w^2u}{h_l}
    \ \text{ (orthogonal: divided by }(1-u)^L),

one number u for all layers, :math:`m(z)=(u-1)/z`. On the negative axis u is real and
unique; elsewhere it is followed along the arc :math:`z=|z|e^{ia}` from there.

Networks of finite width differ by O(1/n) (linear) and :math:`O(n^{-1/2})` for one
sample, where the rank of :math:`D^l` and the variances fluctuate.
"""

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from rmtlib.activations import Activation
from rmtlib.inputs import (
    ConvergenceError,
    count,
    one_of,
    positive,
    positive_array,
    vector,
)
from rmtlib.mean_field import critical_point, preactivation_variances
from rmtlib.slopes import Slopes, inverse_psi, squared_slopes
from rmtlib.spectral_law import SpectralLaw

_WEIGHTS = ("gaussian", "orthogonal")
_TOLERANCE = 1e-10
_NOTHING = 1e-13  # mass below the band of a law that has no lower edge
_ANCHORS = 24
_CHUNK = 2**18  # complex numbers in the largest array of the solver


class JacobianLaw(SpectralLaw):
    r"""Limiting law of the eigenvalues of :math:`M=JJ^{\mathsf T}`: squared singular values of J.

    Parameters
    ----------
    activation : Activation
        :math:`\sigma`, continuous, with a bounded derivative.
    variances : array_like, shape (L,)
        Preactivation variances :math:`q^1,\dots,q^L`, for example from
        `rmtlib.mean_field.preactivation_variances`.
    weight_variance : positive number
        :math:`\sigma_w^2`.
    weights : "gaussian" or "orthogonal"
        "gaussian" stands for all independent entries with a finite fourth moment.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    ~rmtlib.inputs.ConvergenceError
        By the methods, if a point is not solved to 1e-10.

    Notes
    -----
    Source: :cite:t:`PenningtonSchoenholzGanguli18,Pastur20,PasturSlavin20,Pastur22`.
    Atoms: :math:`1-\min_lp_l` at 0, with :math:`p_l=P(K^l\ne0)`; for orthogonal weights
    and slopes 0 or 1, :math:`(1-\sum_l(1-p_l))^+` at :math:`\sigma_w^{2L}`.

    Example
    -------
    >>> from rmtlib.activations import LINEAR
    >>> law = JacobianLaw(LINEAR, [1.0, 1.0])
    >>> abs(law.support()[1] - 6.75) < 1e-12, bool(abs(law.pdf(0.5) - 1 / np.pi) < 1e-13)
    (True, True)
    """

    def __init__(
        self,
        activation: Activation,
        variances: ArrayLike,
        weight_variance: float = 1.0,
        weights: str = "gaussian",
    ):
        self.variances = positive_array("variances", vector("variances", variances))
        self.weight_variance = positive("weight_variance", weight_variance)
        self.weights = one_of("weights", weights, _WEIGHTS)
        self.activation, self.depth = activation, self.variances.size
        if self.weights == "orthogonal" and self.depth == 1:
            raise ValueError(
                "variances must have at least 2 entries, got 1 (orthogonal weights: one layer has "
                "the law of the squared slopes themselves)"
            )
        groups: list[list] = []  # [variance, multiplicity]
        for q in self.variances:
            if groups and abs(groups[-1][0] - q) <= 1e-13 * q:
                groups[-1][1] += 1
            else:
                groups.append([q, 1])
        self._counts = np.array([multiplicity for _, multiplicity in groups])
        self._slopes = [squared_slopes(activation, q) for q, _ in groups]
        self._shares = np.array([slopes.share for slopes in self._slopes])
        self._binary = all(np.sum(slopes.points > 0) == 1 for slopes in self._slopes)
        self._tops = np.array([slopes.points[-1] for slopes in self._slopes])
        if self._binary and np.ptp(self._shares) == 0:  # positively homogeneous, or linear
            self._merge()
        several = not self._binary and any(slopes.points.size < 10 for slopes in self._slopes)
        if several and self.weights == "orthogonal":
            raise ValueError(
                f"activation must have one nonzero absolute slope or a continuum of them for "
                f"orthogonal weights: {activation.name} (atoms in between are not implemented)"
            )
        self._power_of_log = 1.0 - self.depth * (self.weights == "orthogonal")

    @classmethod
    def of_network(
        cls,
        activation: Activation,
        depth: int,
        *,
        weight_variance: float = 1.0,
        bias_variance: float = 0.0,
        input_variance: float = 1.0,
        weights: str = "gaussian",
    ) -> "JacobianLaw":
        r"""Law of a network whose input has the variance :math:`q^0`, by mean field.

        Parameters
        ----------
        activation : Activation
            :math:`\sigma`.
        depth : integer >= 1
            L.
        weight_variance, bias_variance, input_variance : numbers
            :math:`\sigma_w^2>0,\ \sigma_b^2\ge0,\ q^0>0`.
        weights : "gaussian" or "orthogonal"
            Law of the weights.

        Returns
        -------
        JacobianLaw

        Raises
        ------
        ValueError
            If an argument is out of its range.
        """
        variances = preactivation_variances(
            activation,
            depth,
            weight_variance=weight_variance,
            bias_variance=bias_variance,
            input_variance=input_variance,
        )
        return cls(activation, variances, weight_variance, weights)

    @classmethod
    def critical(
        cls, activation: Activation, depth: int, variance: float, weights: str = "orthogonal"
    ) -> "JacobianLaw":
        r"""Law at the edge of chaos, with all layers at the fixed point :math:`q^*`: mean one.

        Parameters
        ----------
        activation : Activation
            :math:`\sigma`.
        depth : integer >= 1
            L.
        variance : positive number
            :math:`q^*`.
        weights : "gaussian" or "orthogonal"
            Law of the weights.

        Returns
        -------
        JacobianLaw

        Raises
        ------
        ValueError
            If an argument is out of its range.
        """
        depth = count("depth", depth, why="number of layers")
        weight_variance = critical_point(activation, variance).weight_variance
        return cls(activation, np.full(depth, float(variance)), weight_variance, weights)

    def _merge(self) -> None:
        self._counts = np.array([self.depth])
        self._slopes, self._shares, self._tops = (
            self._slopes[:1],
            self._shares[:1],
            self._tops[:1],
        )

    # The equation: its logarithm, and derivatives in log scale, in the closed upper half plane.

    def _equation(self, u: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, ...]:
        """Logarithm of -z(u), its derivative in u, and residuals and slopes of the h_l(u)."""
        log_z = self._power_of_log * _log_lower(1 - u) - _log_upper(u)
        log_z = log_z + self.depth * np.log(self.weight_variance)
        slope = -self._power_of_log / (1 - u) - 1 / u
        if self._binary:
            for c, p, top in zip(self._counts, self._shares, self._tops, strict=True):
                log_z = log_z + c * (np.log(top) + _log_lower(p - u))
                slope = slope - c / (p - u)
            return log_z, np.where(slope == 0, 1e-150, slope), np.zeros_like(h), np.ones_like(h)
        residual, derivative = np.empty_like(h), np.empty_like(h)
        log_z, slope = log_z + self.depth * _log_upper(u), slope + self.depth / u
        for g, (c, (K, nu)) in enumerate(zip(self._counts, self._slopes, strict=True)):
            D = 1 / (1 + h[g][:, None] * K)
            residual[g] = h[g] * (D @ (nu * K)) - u
            derivative[g] = (D * D) @ (nu * K)
            log_z = log_z - c * _log_upper(h[g])
            slope = slope - c / (h[g] * derivative[g])
        return log_z, slope, residual, derivative

    @cached_property
    def _negative_axis(self) -> tuple[np.ndarray, ...]:
        """Table of log(-z) (ascending), log u and log h_l for negative z."""
        low = self._shares.min()
        if self._binary:
            x, h = np.linspace(-600, 36, 3000), np.empty((0, 3000))
        else:
            grid = np.logspace(-250, 30, 3000)
            x, *others = (self._logit(slopes, grid) for slopes in self._slopes)
            h = np.array([grid] + [np.exp(np.interp(x, y, np.log(grid))) for y in others])
        u = low / (1 + np.exp(-x))
        kept = (u > 1e-250) & (u < low * (1 - 1e-15))
        u, h = u[kept], h[:, kept]
        log_z = self._equation(u.astype(complex), h.astype(complex))[0].real
        order = np.argsort(log_z)
        return log_z[order], np.log(u[order]), np.log(h[:, order])

    def _start(self, log_size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Solution at z = -exp(log_size), by interpolation."""
        log_z, log_u, log_h = self._negative_axis
        u = np.exp(np.interp(log_size, log_z, log_u))
        h = np.empty((len(log_h), u.size))
        for g, row in enumerate(log_h):
            h[g] = np.exp(np.interp(log_size, log_z, row))
        return u.astype(complex), h.astype(complex)

    @staticmethod
    def _logit(slopes: Slopes, h: np.ndarray) -> np.ndarray:
        """Logit of u / share at real h > 0."""
        K, nu = slopes.points[slopes.points > 0], slopes.weights[slopes.points > 0]
        D = 1 / (1 + h[:, None] * K)
        return np.log(h) + np.log(D @ (nu * K)) - np.log(D @ nu)

    def _newton(self, u, h, log_minus_z, steps, enough):
        """Newton for (u, h_l) at given log(-z), in log scale, until steps are below enough."""
        for _ in range(steps):
            log_z, slope, residual, derivative = self._equation(u, h)
            error = log_minus_z - log_z
            if not self._binary:
                error = error - self._counts @ (residual / (h * derivative))
            du = _damped(error / slope, np.minimum(np.abs(u), np.abs(1 - u)))
            dh = _damped((du - residual) / derivative, np.abs(h))
            u, h = u + du, h + dh
            if np.all(np.abs(du) <= enough * np.minimum(np.abs(u), np.abs(1 - u))):
                break
        return u, h

    def _error(self, u: np.ndarray, h: np.ndarray, log_minus_z: np.ndarray) -> np.ndarray:
        """Relative error of z, or of u where the equation is too steep for the rounding of u."""
        log_z, slope, residual, _ = self._equation(u, h)
        error = np.max(np.abs(residual / u), axis=0, initial=0.0) + np.abs(log_z - log_minus_z)
        return error * np.minimum(1, 1e3 / np.maximum(np.abs(u * slope), 1e-9))

    def _solve(self, log_size: np.ndarray, angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Solution (u, h_l) at z = exp(log_size + i angle), in pieces of bounded memory."""
        width = 2 if self._binary else self._slopes[0].points.size
        pieces = max(1, -(-log_size.size * width // _CHUNK))
        solved = [
            self._follow(*part)
            for part in zip(
                np.array_split(log_size, pieces), np.array_split(angle, pieces), strict=True
            )
        ]
        return tuple(np.concatenate(arrays, axis=-1) for arrays in zip(*solved, strict=True))

    def _above(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Solution (u, h_l) just above points x > 0 of the real axis.

        Of many points some are followed from the negative axis; the others start from
        a line between these anchors, and are followed too if they end elsewhere.
        """
        log_x, where = np.unique(np.log(x), return_inverse=True)
        if log_x.size <= 2 * _ANCHORS:
            u, h = self._solve(log_x, np.zeros_like(log_x))
            return u[where], h[:, where]
        nodes = np.unique(np.linspace(0, log_x.size - 1, _ANCHORS).astype(int))
        anchors = np.vstack(self._solve(log_x[nodes], np.zeros(nodes.size)))
        left = np.clip(
            np.searchsorted(nodes, np.arange(log_x.size), "right") - 1, 0, nodes.size - 2
        )
        part = (log_x - log_x[nodes[left]]) / (log_x[nodes[left + 1]] - log_x[nodes[left]])
        step = anchors[:, left + 1] - anchors[:, left]
        guess = anchors[:, left] + part * step
        values = np.empty_like(guess)
        width = 2 if self._binary else self._slopes[0].points.size
        for piece in np.array_split(np.arange(log_x.size), -(-log_x.size * width // _CHUNK)):
            start, target = guess[:, piece], log_x[piece] - 1j * np.pi
            u, h = self._newton(start[0], start[1:], target, 8, 1e-14)
            error = self._error(u, h, target)
            values[:, piece] = np.vstack([u, h])
            strayed = np.any(
                np.abs(values[:, piece] - start) > np.abs(step[:, piece]) + 1e-9 * np.abs(start),
                axis=0,
            )
            again = piece[strayed | (u.imag < -1e-12 * np.abs(u)) | ~(error < 1e-12)]
            if again.size:
                values[:, again] = np.vstack(self._solve(log_x[again], np.zeros(again.size)))
        return values[0, where], values[1:, where]

    def _follow(
        self, log_size: np.ndarray, angle: np.ndarray, refine: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        """Solution (u, h_l) at z = exp(log_size + i angle), followed from angle pi."""
        u, h = self._start(log_size)
        u, h = self._newton(u, h, log_size + 0j, 40, 1e-12)
        before = np.full_like(log_size, np.pi)
        for part in _arc(refine):
            now = angle + (np.pi - angle) * part
            _, slope, _, derivative = self._equation(u, h)
            du = _damped(1j * (now - before) / slope, np.minimum(np.abs(u), np.abs(1 - u)))
            u, h = u + du, h + _damped(du / derivative, np.abs(h))
            u, h = self._newton(u, h, log_size + 1j * (now - np.pi), 6, 1e-5)
            before = now
        target = log_size + 1j * (angle - np.pi)
        u, h = self._newton(u, h, target, 30, 1e-14)
        error = self._error(u, h, target)
        failed = ~(error <= _TOLERANCE) | (u.imag < -1e-7 * np.abs(u))
        if failed.any():
            if refine > 16:
                size, gap, side = (x[failed][0] for x in (np.exp(log_size), error, u.imag))
                raise ConvergenceError(
                    f"the layers' equation is not solved at |z| = {size:.6g} (error {gap:.2g}, "
                    f"Im u = {side:.2g}): z may be too close to an edge of the law or of the law "
                    "of a layer's slopes"
                )
            u[failed], h[:, failed] = self._follow(log_size[failed], angle[failed], 4 * refine)
        return u, h

    # Atoms and edges.

    @cached_property
    def atoms(self) -> tuple[tuple[float, float], ...]:
        """Pairs (position, mass), positions ascending."""
        zero = 1 - self._shares.min()
        found = [(0.0, float(zero))] if zero > 1e-14 else []
        if self.weights == "orthogonal" and self._binary:
            whole = 1 - np.sum(self._counts * (1 - self._shares))
            if whole > 1e-14:
                found.append((self._top, float(whole)))
        return tuple(found)

    @property
    def _top(self) -> float:
        """Where directions sit that no layer clips, for orthogonal weights."""
        return float(self.weight_variance**self.depth * np.prod(self._tops**self._counts))

    @cached_property
    def _edges(self) -> np.ndarray:
        if 1 - sum(mass for _, mass in self.atoms) < 1e-14:
            return np.empty((0, 2))
        return np.array([[self._lower_edge(), self._upper_edge()]])

    def bands(self) -> np.ndarray:
        """Interval that carries the continuous part, shape (1, 2); empty if the law is discrete.

        Activations with several slopes may leave gaps in it, where the density is 0. Smooth
        ones with orthogonal weights have no lower edge: it starts where 1e-13 is left.
        """
        return self._edges.copy()

    def _log_z(self, w: float) -> float:
        """Log z at a real w = -u where z > 0; slopes 0 and K only."""
        u = np.array([-w + 0j])
        return float(self._equation(u, np.empty((0, 1)))[0][0].real)

    def _rate(self, w: float) -> float:
        """Derivative of log z in w; slopes 0 and K only."""
        return self._power_of_log / (1 + w) - 1 / w + np.sum(self._counts / (self._shares + w))

    def _lower_edge(self) -> float:
        if not self._binary and self.weights == "orthogonal":
            # Positive down to 0, but with a mass below x of at most x^k E M^-k.
            with np.errstate(over="ignore", invalid="ignore"):
                moments = [(k, self._power_moment(k, -1)) for k in (1, 2, 4, 8, 12)]
            return max((_NOTHING / m) ** (1 / k) for k, m in moments if 0 < m < np.inf)
        shares = np.repeat(self._shares, self._counts)
        if self._power_of_log == 1:
            shares = np.append(shares, 1.0)
        low, second = np.sort(shares)[:2]
        if not self._binary or second - low < 1e-12:
            return 0.0
        gap = second - low
        w = brentq(self._rate, -second + 1e-9 * gap, -low - 1e-9 * gap, xtol=1e-18, rtol=1e-15)
        return float(np.exp(self._log_z(w)))

    def _upper_edge(self) -> float:
        if self._binary:
            whole = 1 - np.sum(self._counts * (1 - self._shares))
            if self.weights == "orthogonal" and abs(whole) < 1e-12:
                return self._top
            above = -1.0 if self.weights == "orthogonal" and whole > 0 else 1.0

            def at(s: float) -> float:
                return np.exp(s) if above > 0 else -1 - np.exp(s)

            s = brentq(lambda s: self._rate(at(s)), -30, 30, xtol=1e-14, rtol=1e-14)
            return float(np.exp(self._log_z(at(s))))

        def state(s: float) -> tuple[float, float]:
            """Log z and its derivative in log w, w = exp(s) > 0."""
            w = np.exp(s)
            log_z = (
                self._power_of_log * np.log1p(w)
                - s
                + self.depth * (s + np.log(self.weight_variance))
            )
            rate = self._power_of_log * w / (1 + w) - 1 + self.depth
            for c, slopes in zip(self._counts, self._slopes, strict=True):
                log_t, gain = inverse_psi(slopes, w)
                log_z -= c * log_t
                rate -= c * w / gain
            return log_z, rate

        s = brentq(lambda s: state(s)[1], -16, 12, xtol=1e-12, rtol=1e-13)
        return float(np.exp(state(s)[0]))

    # What a SpectralLaw gives.

    def _density(self, x: np.ndarray) -> np.ndarray:
        # below the floor the power law, exact to 1e-12
        resolved = np.maximum(x, self._floor)
        power = 1 / (1 + self._hardness) - 1
        return self._above(resolved)[0].imag / (np.pi * resolved) * (x / resolved) ** power

    @property
    def _floor(self) -> float:
        """Where u differs from its limit at 0 by 1e-12 of it: no digits are left far below."""
        log_z, log_u, _ = self._negative_axis
        return np.exp(np.interp(1e-12, 1 - np.exp(log_u[:200]) / self._shares.min(), log_z[:200]))

    @property
    def _hardness(self) -> int:
        if not self._edges.size or self._edges[0, 0] > 0:
            return 0
        if not self._binary:
            return self.depth
        ties = int(np.sum(self._counts[self._shares < self._shares.min() + 1e-12]))
        return ties - 1 + (self._power_of_log == 1 and self._shares.min() > 1 - 1e-12)

    def _transform(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self._transforms(z)[:2]

    def _transforms(self, z: np.ndarray) -> tuple[np.ndarray, ...]:
        u, h = self._solve(np.log(np.abs(z)), np.abs(np.angle(z)))  # -1 - 0j is -1
        du = 1 / (self._equation(u, h)[1] * z)
        m = (u - 1) / z
        return m, (du - m) / z, u, du

    def _continuous_cdf(self, x: np.ndarray) -> np.ndarray:
        mass = np.zeros(x.shape)
        for low, high in self._edges:
            mass[x >= high] = 1 - sum(weight for _, weight in self.atoms)
            inside = (low < x) & (x < high)
            if inside.any():
                mass[inside] = self._mass_up_to(x[inside])
        return mass

    def _mass_up_to(self, x: np.ndarray) -> np.ndarray:
        r"""Mass of the continuous part on [0, x]: the integral of Im u dlog(z) / pi by parts."""
        x = np.maximum(x, self._floor)
        u, h = self._above(x)
        log_u, log_rest = _log_upper(u), _log_lower(1 - u)
        J = -self._power_of_log * ((1 - u) * log_rest + u) - u * log_u + u
        J = J + self.depth * u * np.log(self.weight_variance)
        for g, (c, slopes) in enumerate(zip(self._counts, self._slopes, strict=True)):
            if self._binary:
                p = self._shares[g]
                J = J + c * (u * np.log(self._tops[g]) - u - (p - u) * _log_lower(p - u))
            else:
                logs = _log_upper(1 + h[g][:, None] * slopes.points) @ slopes.weights
                J = J + c * (u * log_u - u - u * _log_upper(h[g]) + logs)
        total = 1 + np.imag(u * (np.log(x) - 1j * np.pi) - J) / np.pi
        below = sum(weight for position, weight in self.atoms if position <= x.min(initial=np.inf))
        return np.clip(total - below, 0.0, 1.0)

    def moment(self, k: int) -> float:
        r"""Moment of order k, by inversion of series.

        .. math:: m_k=\frac1k[w^{k-1}]\Bigl((1+w)\prod_l\frac{\sigma_w^2w}{\chi_l(w)}\Bigr)^k,
            \qquad\chi_l\text{ the inverse of }\psi_l(t)=\sum_{k\ge1}\mathbb EK_l^k\,t^k

        Parameters
        ----------
        k : integer >= 0
            Order.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If ``k`` is not one.
        """
        return self._power_moment(count("k", k, at_least=0), 1)

    def _power_moment(self, k: int, sign: int) -> float:
        """Moment of order sign * k: the inverse of M is a free product too."""
        if k == 0:
            return 1.0
        series = _power(np.array([1.0, 1.0] + [0.0] * k)[:k], self._power_of_log)
        for c, slopes in zip(self._counts, self._slopes, strict=True):
            psi = np.array([slopes.moment(sign * j) for j in range(1, k + 1)])
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
        spread = [s.moment(2) / s.moment(1) ** 2 - 1 for s in self._slopes]
        return float(self._counts @ spread + self.depth * (self.weights == "gaussian"))


def _arc(refine: int) -> np.ndarray:
    """Shares of the way from the angle of z to pi: even steps, then ever smaller ones, then 0."""
    even = np.linspace(1, 0.04, 24 * refine + 1)[1:]
    return np.concatenate([even, 0.04 * 0.5 ** (np.arange(1, 31 * refine + 1) / refine), [0.0]])


def _damped(step: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The step, shortened to half of the size."""
    return step * np.minimum(1, 0.5 * size / np.maximum(np.abs(step), 1e-300))


def _power(a: np.ndarray, exponent: float) -> np.ndarray:
    """Real power of a power series with a[0] > 0, truncated."""
    b = np.zeros_like(a)
    b[0] = a[0] ** exponent
    for n in range(1, a.size):
        j = np.arange(1, n + 1)
        b[n] = ((exponent * j - (n - j)) @ (a[j] * b[n - j])) / (n * a[0])
    return b


def _log_upper(x: np.ndarray) -> np.ndarray:
    """Logarithm on the closed upper half plane, argument in [0, pi] whatever the rounding."""
    return np.log(-1j * x) + 0.5j * np.pi


def _log_lower(x: np.ndarray) -> np.ndarray:
    """Logarithm on the closed lower half plane, argument in [-pi, 0]."""
    return np.log(1j * x) - 0.5j * np.pi
