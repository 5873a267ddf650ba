r"""Law of a weighted sum of the Gram matrices of all layers: what a tangent kernel is made of.

With :math:`K_\ell = \frac1{N_\ell} Y_\ell^{\mathsf T} Y_\ell`, given the layers before, the last
term is a sample covariance of population :math:`\Phi_\ell = \zeta_\ell K_{\ell-1} + 1 -
\zeta_\ell`, and a resolvent sees it as :math:`\Phi_\ell / s_\ell`, one number a layer. One layer
after the other is replaced in this way, until :math:`K_0` is left, whose law is known.
"""

import numpy as np
from scipy.optimize import root

from rmtlib._checks import ConvergenceError, solved
from rmtlib.laws import MarchenkoPastur, SpectralLaw


class WeightedGrams(SpectralLaw):
    r"""Law of :math:`\sum_\ell c_\ell K_\ell`, l = 0 ... L, white data in :math:`K_0`.

    With :math:`R = (\sum_\ell c_\ell K_\ell - z)^{-1}`, n times n, and traces divided by n,

    .. math::

        s_\ell = \frac1{C_\ell} + \gamma_\ell F_\ell, \quad
        F_\ell = \zeta_\ell T_{\ell-1} + (1 - \zeta_\ell)\, m, \quad
        T_\ell = \frac{F_\ell}{1 + \gamma_\ell C_\ell F_\ell}, \quad
        C_{\ell-1} = c_{\ell-1} + \frac{\zeta_\ell}{s_\ell}, \quad C_L = c_L,

    where :math:`m` and :math:`T_0` are the traces of R and :math:`K_0 R` for
    :math:`R = (C_0 K_0 - z + \sum_\ell (1 - \zeta_\ell) / s_\ell)^{-1}`. The map of s to the right
    side keeps the upper half plane, where it has one fixed point.

    Parameters
    ----------
    ratios : sequence of L + 1 positive numbers
        n / p and n / N of each layer.
    zetas : sequence of L numbers in (0, 1]
    weights : sequence of L + 1 positive numbers, or of L zeros and a positive number
    """

    def __init__(self, ratios: list[float], zetas: list[float], weights: list[float]):
        self.ratios, self.zetas, self.weights = ratios, zetas, weights
        self._first = MarchenkoPastur(ratios[0])
        # Rows of a linear layer lie in the span of the layer before.
        ranks, linear = 1 / np.array(ratios), np.array([0.0, *zetas]) == 1
        if weights[0]:
            ranks = ranks[~linear].sum(keepdims=True)
        else:
            ranks = ranks[np.flatnonzero(~linear)[-1] :]
        self._rank = min(1.0, float(ranks.min()))
        self._hardness = int(np.sum(np.abs(np.append(ranks, 1.0) - self._rank) < 1e-14)) - 1
        self._bands = self._find_bands() if zetas else weights[0] * self._first.bands()
        self._singular = np.append(self._bands.ravel(), 0.0)

    @property
    def atoms(self) -> tuple[tuple[float, float], ...]:
        """At 0, of what is missing to full rank."""
        mass = 1 - self._rank
        return ((0.0, mass),) if mass > 1e-14 else ()

    def mean(self) -> float:
        """Mean: the sum of the weights."""
        return float(sum(self.weights))

    def _map(self, s: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, ...]:
        """(new s, its Jacobian in s, derivative in z, m, gradient of m in s, dm/dz).

        s of shape (k, L); the last axis of every derivative is (s_1, ..., s_L, z).
        """
        size, L = s.shape
        unit = np.eye(L + 1)
        one = np.zeros((size, L + 1), dtype=complex)
        C = [(np.full(size, self.weights[-1], dtype=complex), one)]
        point, point_d = z, one + unit[L]
        for k in range(L - 1, -1, -1):
            inverse = 1 / s[:, k]
            inverse_d = -(inverse**2)[:, None] * unit[k]
            zeta = self.zetas[k]
            C.append((self.weights[k] + zeta * inverse, zeta * inverse_d))
            point, point_d = point - (1 - zeta) * inverse, point_d - (1 - zeta) * inverse_d
        C.reverse()
        c, c_d = C[0]
        u, u_d = point / c, (point_d - (point / c)[:, None] * c_d) / c[:, None]
        below = u.imag < 0
        parts = self._first._transforms(np.where(below, u.conj(), u))
        m, slope, t, t_slope = (np.where(below, part.conj(), part) for part in parts)
        m, m_d = m / c, (slope[:, None] * u_d - (m / c)[:, None] * c_d) / c[:, None]
        t, t_d = t / c, (t_slope[:, None] * u_d - (t / c)[:, None] * c_d) / c[:, None]
        new, new_d = np.empty_like(s), np.empty((size, L, L + 1), dtype=complex)
        for k in range(L):
            ratio, zeta, (c, c_d) = self.ratios[k + 1], self.zetas[k], C[k + 1]
            F, F_d = zeta * t + (1 - zeta) * m, zeta * t_d + (1 - zeta) * m_d
            new[:, k] = 1 / c + ratio * F
            new_d[:, k] = ratio * F_d - c_d / (c**2)[:, None]
            share = 1 / (1 + ratio * c * F)
            t = F * share
            t_d = (share**2)[:, None] * (F_d - ratio * (F**2)[:, None] * c_d)
        return new, new_d[..., :L], new_d[..., L], m, m_d[..., :L], m_d[..., L]

    def _newton(self, s: np.ndarray, z: np.ndarray, tol: float, most: int) -> np.ndarray:
        """Newton's method for 1 / s, which stays smooth near the pole of m at an atom."""
        s, active = s.copy(), np.arange(z.size)
        eye = np.eye(s.shape[1])
        for _ in range(most):
            here = s[active]
            f, slope = self._map(here, z[active])[:2]
            matrix = eye - slope * (here[:, None, :] / f[:, :, None]) ** 2
            good = np.isfinite(matrix).all(axis=(1, 2)) & (np.linalg.det(matrix) != 0)
            change = 1 / f - 1 / here
            change[good] = np.linalg.solve(matrix[good], change[good, :, None])[..., 0]
            new = here / (1 + here * change)
            above = z[active].imag > 0
            poor = ~np.isfinite(new).all(axis=1) | (above & (new.imag <= 0).any(axis=1))
            new[poor] = f[poor]
            s[active] = new
            active = active[poor | (np.abs(here * change) > tol).any(axis=1)]
            if not active.size:
                break
        return s

    def _descend(
        self, z: np.ndarray, lowest: np.ndarray, tol: float = 1e-10
    ) -> tuple[np.ndarray, ...]:
        """`_map` at its fixed points, continued from far above through heights to ``lowest``."""
        scale = 10 * (self._bound(1) + np.abs(z).max())
        height = np.full(z.shape, scale)
        s = np.full((z.size, len(self.zetas)), 1j * 1.0) + 1 / self.weights[-1]
        with np.errstate(all="ignore"):
            for _ in range(30):
                s = self._map(s, z + 1j * height)[0]
            active = np.arange(z.size)
            while active.size:
                height[active] = np.maximum(height[active] / 6, lowest[active])
                s[active] = self._newton(s[active], z[active] + 1j * height[active], 1e-5, 8)
                active = active[height[active] > lowest[active]]
            s = self._newton(s, z, 4e-15, 30)
            found = self._map(s, z)
        error = (np.abs(found[0] - s) / np.abs(s)).max(axis=1, initial=0)
        solved("equations of the layers", z, error, tol)
        return found

    def _bound(self, side: int) -> float:
        """Bound of the support, above (side 1) or below (-1), from those of every layer."""
        end, bound = 1.0, 0.0
        for ratio, zeta, weight in zip(self.ratios, [0.0, *self.zetas], self.weights, strict=True):
            end = max(1 + side * ratio**0.5, 0.0) ** 2 * (zeta * end + 1 - zeta)
            bound += weight * end
        return bound

    def _inside(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Whether there is a density at x (just above, m is far from real), and s."""
        z = x * (1 + 1e-12j)
        s, _, _, m, *_ = self._descend(z, z.imag, 1e-6)
        return m.imag / np.abs(m) > 1e-5, s.real

    def _find_bands(self) -> np.ndarray:
        low, high = 0.999 * self._bound(-1), 1.001 * self._bound(1)
        wave = low + (high - low) * np.sin(np.linspace(0, np.pi / 2, 300)) ** 2
        x = np.unique(np.r_[wave[wave > 0], np.geomspace(max(low, 1e-13 * high), high, 400)])
        ends, _ = self._inside(x)
        turn = np.flatnonzero(ends[1:] != ends[:-1])
        left, right, enter = x[turn], x[turn + 1], ends[turn + 1]
        if self._hardness:  # the first band starts at 0
            left, right, enter = (end[enter[:1].sum() :] for end in (left, right, enter))
        edges = [self._edge(*bracket) for bracket in zip(left, right, enter, strict=True)]
        if self._hardness:
            edges.insert(0, 0.0)
        if not edges or len(edges) % 2:
            raise ConvergenceError(f"the ends of the bands of {self!r} were not found: {edges}")
        return np.reshape(edges, (-1, 2))

    def _edge(self, left: float, right: float, enter: bool) -> float:
        """Edge between two points: a section search, then the equations with slope 0."""
        for _ in range(4):
            x = np.linspace(left, right, 22)[1:-1]
            inside, s = self._inside(x)
            k = int(np.argmax(inside == enter)) if np.any(inside == enter) else x.size
            points = np.r_[left, x, right]
            left, right = points[k], points[k + 1]
            last = s[min(max(k - enter, 0), x.size - 1)]

        def equations(w: np.ndarray) -> np.ndarray:
            f, slope = self._map(w[None, :-1].astype(complex), w[-1:] + 0j)[:2]
            tangent = np.linalg.det(np.eye(w.size - 1) - slope[0].real)
            return np.r_[f[0].real / w[:-1] - 1, tangent]

        with np.errstate(all="ignore"):  # the side without a density
            w = root(equations, np.r_[last, left if enter else right], tol=1e-15).x
        near = abs(w[-1] - left) <= 1e-3 * left
        return float(w[-1]) if near else float(left if enter else right)

    def _solve(self, z: np.ndarray) -> tuple[np.ndarray, ...]:
        distance = np.abs(z[:, None] - self._singular).min(axis=1)
        return self._descend(z, np.maximum(1e-4 * distance - z.imag, 1e-30))

    def _density(self, x: np.ndarray) -> np.ndarray:
        return np.abs(self._solve(x.astype(complex))[3].imag) / np.pi

    def _transform(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        _, slope, in_z, m, m_s, m_z = self._solve(z)
        s_z = np.linalg.solve(np.eye(slope.shape[1]) - slope, in_z[..., None])[..., 0]
        return m, m_z + np.sum(m_s * s_z, axis=1)
