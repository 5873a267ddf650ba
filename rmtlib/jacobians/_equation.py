r"""The one equation behind the spectrum of a Jacobian, and its solution.

The squared slopes of the layers l = 1, ..., L have laws :math:`\nu_l`, the weights the
variance :math:`\sigma_w^2`. One number u for all layers solves

.. math:: \mathbb E\frac{Kh_l}{1+Kh_l}=u\quad(K\sim\nu_l),\qquad
    -z=\frac{1-u}u\prod_{l=1}^L\frac{\sigma_w^2u}{h_l}
    \ \text{ (orthogonal weights: divided by }(1-u)^L).

On the negative axis u is real and unique; elsewhere it is followed along the arc
:math:`z=|z|e^{ia}` from there, by Newton's method on the logarithm of the equation.
Everything stays in the closed upper half plane.
"""

from functools import cached_property

import numpy as np
from scipy.optimize import brentq

from rmtlib._checks import ConvergenceError
from rmtlib.jacobians._slopes import SquaredSlopes

_TOLERANCE = 1e-10
_ANCHORS = 24
_CHUNK = 2**16  # complex numbers in the largest array: the processor's cache holds a few of them


class LayersEquation:
    r"""The equation of given layers.

    With one nonzero slope in each layer (``binary``), :math:`h_l` is eliminated, and the
    arrays of the h have no rows.

    Parameters
    ----------
    slopes : list of G SquaredSlopes
        Laws of the squared slopes, one for each group of equal layers.
    counts : array of integers >= 1, shape (G,)
        Layers in each group, L in all.
    weight_variance : positive number
        :math:`\sigma_w^2`.
    orthogonal : bool
        Whether the weights are orthogonal.
    """

    def __init__(
        self,
        slopes: list[SquaredSlopes],
        counts: np.ndarray,
        weight_variance: float,
        orthogonal: bool,
    ):
        self.depth, self.weight_variance = int(counts.sum()), weight_variance
        self.power = 1.0 - self.depth * orthogonal  # of 1 - u
        self.binary = all(np.sum(group.points > 0) == 1 for group in slopes)
        shares = np.array([group.share for group in slopes])
        if self.binary and np.ptp(shares) == 0:  # positively homogeneous: all layers are equal
            slopes, counts, shares = slopes[:1], np.array([self.depth]), shares[:1]
        self.slopes, self.counts, self.shares = slopes, counts, shares
        self.nodes = [(group.points, group.weights) for group in slopes]
        self.tops = np.array([points[-1] for points, _ in self.nodes])

    def value(self, u: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, ...]:
        """Logarithm of -z(u) and its derivative in u; residuals and derivatives of the h_l(u)."""
        log_z = self.power * _log_lower(1 - u) - _log_upper(u)
        log_z = log_z + self.depth * np.log(self.weight_variance)
        slope = -self.power / (1 - u) - 1 / u
        if self.binary:
            for c, p, top in zip(self.counts, self.shares, self.tops, strict=True):
                log_z = log_z + c * (np.log(top) + _log_lower(p - u))
                slope = slope - c / (p - u)
            return log_z, np.where(slope == 0, 1e-150, slope), np.zeros_like(h), np.ones_like(h)
        residual, derivative = np.empty_like(h), np.empty_like(h)
        log_z, slope = log_z + self.depth * _log_upper(u), slope + self.depth / u
        for g, (c, (K, nu)) in enumerate(zip(self.counts, self.nodes, strict=True)):
            D = 1 / (1 + h[g][:, None] * K)
            residual[g] = h[g] * (D @ (nu * K)) - u
            derivative[g] = (D * D) @ (nu * K)
            log_z = log_z - c * _log_upper(h[g])
            slope = slope - c / (h[g] * derivative[g])
        return log_z, slope, residual, derivative

    def integral(self, u: np.ndarray, h: np.ndarray) -> np.ndarray:
        """Integral of log(-z(u)) in u, up to a constant."""
        log_u = _log_upper(u)
        J = -self.power * ((1 - u) * _log_lower(1 - u) + u) - u * log_u + u
        J = J + self.depth * u * np.log(self.weight_variance)
        for g, (c, (K, nu)) in enumerate(zip(self.counts, self.nodes, strict=True)):
            if self.binary:
                p = self.shares[g]
                J = J + c * (u * np.log(self.tops[g]) - u - (p - u) * _log_lower(p - u))
            else:
                logs = _log_upper(1 + h[g][:, None] * K) @ nu
                J = J + c * (u * log_u - u - u * _log_upper(h[g]) + logs)
        return J

    def real(self, w: float) -> tuple[float, float]:
        """Log z and its derivative in log w at a real w = -u where z > 0; w > 0 unless binary."""
        # Orthogonal weights: power - 1 + depth is 0, and the rest is small at large w.
        slope = self.power - 1 + self.depth - self.power / (1 + w)
        if self.binary:
            log_z = self.value(np.array([-w + 0j]), np.empty((0, 1)))[0].real[0]
            return log_z, slope - self.counts @ (self.shares / (self.shares + w))
        log_z = self.power * np.log1p(w) + (self.depth - 1) * np.log(w)
        log_z = log_z + self.depth * np.log(self.weight_variance)
        for c, (K, nu) in zip(self.counts, self.nodes, strict=True):
            log_t, gain = _inverse_psi(K, nu, w)
            log_z -= c * log_t
            slope -= c * w / gain
        return log_z, slope

    @cached_property
    def floor(self) -> float:
        """Point below which u is its limit at 0 but for 1e-12 of it, and loses digits."""
        log_z, missing = self._near_zero
        return np.exp(np.interp(1e-12, missing, log_z))

    @cached_property
    def decay(self) -> float:
        """Exponent a of the mass near 0: what is missing of u is like a power a of z."""
        log_z, missing = self._near_zero
        ends = np.interp(np.log([1e-9, 1e-8]), np.log(missing), log_z)
        inverse = np.diff(ends)[0] / np.log(10)
        whole = abs(inverse - round(inverse)) < 1e-3 + 1e-5 * inverse
        return 1 / (round(inverse) if whole else inverse)

    @property
    def _near_zero(self) -> tuple[np.ndarray, np.ndarray]:
        log_z, log_u, _ = self.negative_axis
        missing = 1 - np.exp(log_u) / self.shares.min()
        if not missing[0] <= 1e-9:
            raise ConvergenceError(
                f"the mass near 0 is not resolved: slopes have log scales beyond {log_z[0]:.3g}, "
                "where the activation is saturated"
            )
        kept = np.flatnonzero(missing > 1e-4)[0]
        return log_z[:kept], missing[:kept]

    @cached_property
    def negative_axis(self) -> tuple[np.ndarray, ...]:
        """Table of log(-z) (ascending), log u and log h_l for negative z."""
        low = self.shares.min()
        if self.binary:
            x, h = np.linspace(-600, 36, 3000), np.empty((0, 3000))
        else:
            smallest = min(points[points > 0][0] for points, _ in self.nodes)
            far = min(8 - np.log10(smallest), 300.0)  # where the smallest slopes are resolved
            grid = np.concatenate([np.logspace(-250, 30, 3000), np.arange(30.1, far, 0.1)])
            grid[3000:] = 10 ** grid[3000:]
            x, *others = (_logit(K, nu, grid) for K, nu in self.nodes)
            h = np.array([grid] + [np.exp(np.interp(x, y, np.log(grid))) for y in others])
        u = low / (1 + np.exp(-x))
        kept = (u > 1e-250) & (u < low * (1 - 1e-15))
        u, h = u[kept], h[:, kept]
        log_z = self.value(u.astype(complex), h.astype(complex))[0].real
        order = np.argsort(log_z)
        return log_z[order], np.log(u[order]), np.log(h[:, order])

    def solve(self, log_size: np.ndarray, angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Solution (u, h_l) at z = exp(log_size + i angle).

        ``log_size`` and ``angle``, numbers in [0, pi] with 0 the upper side of the positive
        axis, have shape (N,); u has shape (N,), h has shape (G, N), (0, N) for binary layers.
        `~rmtlib.ConvergenceError` if a point is not solved to 1e-10.
        """
        solved = [
            self._follow(log_size[piece], angle[piece]) for piece in self._pieces(log_size.size)
        ]
        return tuple(np.concatenate(arrays, axis=-1) for arrays in zip(*solved, strict=True))

    def above(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Solution (u, h_l) just above points x > 0 of the real axis, like `solve`.

        Of many points some are followed from the negative axis; the others start from
        a line between these anchors, and are followed too if they end elsewhere.
        """
        log_x, where = np.unique(np.log(x), return_inverse=True)
        if log_x.size <= 2 * _ANCHORS:
            u, h = self.solve(log_x, np.zeros_like(log_x))
            return u[where], h[:, where]
        nodes = np.unique(np.linspace(0, log_x.size - 1, _ANCHORS).astype(int))
        anchors = np.vstack(self.solve(log_x[nodes], np.zeros(nodes.size)))
        left = np.clip(
            np.searchsorted(nodes, np.arange(log_x.size), "right") - 1, 0, nodes.size - 2
        )
        part = (log_x - log_x[nodes[left]]) / (log_x[nodes[left + 1]] - log_x[nodes[left]])
        step = anchors[:, left + 1] - anchors[:, left]
        guess = anchors[:, left] + part * step
        values = np.empty_like(guess)
        for piece in self._pieces(log_x.size):
            start, target = guess[:, piece], log_x[piece] - 1j * np.pi
            u, h = self._newton(start[0], start[1:], target, 8, 1e-10)
            error = self._error(u, h, target)
            values[:, piece] = np.vstack([u, h])
            strayed = np.any(
                np.abs(values[:, piece] - start) > np.abs(step[:, piece]) + 1e-9 * np.abs(start),
                axis=0,
            )
            again = piece[strayed | (u.imag < -1e-12 * np.abs(u)) | ~(error < 1e-12)]
            if again.size:
                values[:, again] = np.vstack(self.solve(log_x[again], np.zeros(again.size)))
        return values[0, where], values[1:, where]

    def _pieces(self, points: int) -> list[np.ndarray]:
        """Indices 0, ..., points - 1 in pieces for which the largest array keeps to its size."""
        width = 2 if self.binary else self.nodes[0][0].size
        return np.array_split(np.arange(points), max(1, -(-points * width // _CHUNK)))

    def _start(self, log_size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Solution at z = -exp(log_size), by interpolation."""
        log_z, log_u, log_h = self.negative_axis
        u = np.exp(np.interp(log_size, log_z, log_u))
        h = np.empty((len(log_h), u.size))
        for g, row in enumerate(log_h):
            h[g] = np.exp(np.interp(log_size, log_z, row))
        return u.astype(complex), h.astype(complex)

    def _newton(self, u, h, log_minus_z, steps, enough):
        """Newton for (u, h_l) at given log(-z), in log scale, until steps are below enough."""
        for _ in range(steps):
            log_z, slope, residual, derivative = self.value(u, h)
            error = log_minus_z - log_z
            if not self.binary:
                error = error - self.counts @ (residual / (h * derivative))
            du = _damped(error / slope, np.minimum(np.abs(u), np.abs(1 - u)))
            dh = _damped((du - residual) / derivative, np.abs(h))
            u, h = u + du, h + dh
            if np.all(np.abs(du) <= enough * np.minimum(np.abs(u), np.abs(1 - u))):
                break
        return u, h

    def _error(self, u: np.ndarray, h: np.ndarray, log_minus_z: np.ndarray) -> np.ndarray:
        """Relative error of z, or of u where the equation is too steep for the rounding of u."""
        log_z, slope, residual, _ = self.value(u, h)
        error = np.max(np.abs(residual / u), axis=0, initial=0.0) + np.abs(log_z - log_minus_z)
        return error * np.minimum(1, 1e3 / np.maximum(np.abs(u * slope), 1e-9))

    def _follow(
        self, log_size: np.ndarray, angle: np.ndarray, refine: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        """Solution (u, h_l) at z = exp(log_size + i angle), followed from angle pi."""
        u, h = self._start(log_size)
        u, h = self._newton(u, h, log_size + 0j, 40, 1e-12)
        before = np.full_like(log_size, np.pi)
        for part in _arc(refine):
            now = angle + (np.pi - angle) * part
            _, slope, _, derivative = self.value(u, h)
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


def _log_upper(x: np.ndarray) -> np.ndarray:
    """Logarithm on the closed upper half plane, argument in [0, pi] whatever the rounding."""
    return np.log(-1j * x) + 0.5j * np.pi


def _log_lower(x: np.ndarray) -> np.ndarray:
    """Logarithm on the closed lower half plane, argument in [-pi, 0]."""
    return np.log(1j * x) - 0.5j * np.pi


def _logit(K: np.ndarray, nu: np.ndarray, h: np.ndarray) -> np.ndarray:
    """Logit of u / share at real h > 0."""
    K, nu = K[K > 0], nu[K > 0]
    D = 1 / (1 + h[:, None] * K)
    return np.log(h) + np.log(D @ (nu * K)) - np.log(D @ nu)


def _inverse_psi(K: np.ndarray, nu: np.ndarray, w: float) -> tuple[float, float]:
    """Pair log t and t psi'(t) at psi(t) = E[tK / (1 - tK)] = w > 0, 0 < t < 1 / max K."""
    K, top = K / K[-1], K[-1]

    def parts(s: float) -> tuple[np.ndarray, np.ndarray]:
        t = 1 / (1 + np.exp(-s))
        return t * K, (1 - K) + K / (1 + np.exp(s))  # tK, 1 - tK

    def psi(s: float) -> float:
        above, below = parts(s)
        return np.log(nu @ (above / below)) - np.log(w)

    s = brentq(psi, -60, 60 if psi(60.0) > 0 else 700, xtol=1e-13, rtol=1e-14)
    above, below = parts(s)
    return -np.logaddexp(0, -s) - np.log(top), float(nu @ (above / below**2))


def _arc(refine: int) -> np.ndarray:
    """Shares of the way from the angle of z to pi: even steps, then ever smaller ones, then 0."""
    even = np.linspace(1, 0.04, 24 * refine + 1)[1:]
    return np.concatenate([even, 0.04 * 0.5 ** (np.arange(1, 31 * refine + 1) / refine), [0.0]])


def _damped(step: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The step, shortened to half of the size."""
    half = 0.5 * size
    return step * (half / np.maximum(np.maximum(np.abs(step), half), 1e-300))
