r"""The Fuss-Catalan laws: squared singular values of products of Gaussian matrices."""

from functools import cached_property
from math import comb

import numpy as np

from rmtlib._checks import count, solved
from rmtlib.laws._base import SpectralLaw


class FussCatalan(SpectralLaw):
    r"""Fuss-Catalan law: Jacobian of a linear network with Gaussian weights.

    Limit of the eigenvalues of
    :math:`W^L\cdots W^1(W^L\cdots W^1)^{\mathsf T}`, each factor n x n with independent
    entries of variance 1/n. With :math:`0<\theta<\pi/(L+1)`,

    .. math::

        x=\frac{\sin^{L+1}((L+1)\theta)}{\sin\theta\,\sin^L(L\theta)},\qquad
        \rho(x)=\frac{\sin^2\theta\,\sin^{L-1}(L\theta)}{\pi\sin^L((L+1)\theta)},\qquad
        \int_x^\infty\rho=\frac{L+1}\pi\,\theta
            -\frac{L\sin\theta\sin((L+1)\theta)}{\pi\sin(L\theta)} .

    The support is :math:`(0,(L+1)^{L+1}/L^L)`, with :math:`\rho\sim x^{-L/(L+1)}` at 0.
    Moments are the Fuss-Catalan numbers :math:`\frac1{Lk+1}\binom{(L+1)k}k`; the
    transform is :math:`1+zm=1/(1-w)`, where :math:`w=z\,(1-1/w)^L`. For L = 1 it is the
    Marchenko-Pastur law of ratio 1, and in general its L-th free power.

    Parameters
    ----------
    depth : integer >= 1
        L, the number of factors.

    Notes
    -----
    Source: :cite:t:`PensonZyczkowski11`.

    Example
    -------
    >>> law = FussCatalan(2)
    >>> bool(abs(law.pdf(0.5) - 1 / np.pi) < 1e-14), [law.moment(k) for k in range(5)]
    (True, [1.0, 1.0, 3.0, 12.0, 55.0])
    """

    def __init__(self, depth: int):
        self.depth = self._hardness = count("depth", depth, why="number of factors")
        L = self.depth
        self._edge = (L + 1) * (1 + 1 / L) ** L
        self._bands = np.array([[0.0, self._edge]])

    def _w(self, z: np.ndarray) -> np.ndarray:
        """Solution of w = z (1 - 1/w)^L above the axis, or on it.

        Newton's method for log w, followed from i infinity to i |z| and then along the
        circle: no singularity of w(z) is near.
        """
        L, modulus, angle = self.depth, np.log(np.abs(z)), np.angle(z)
        far = np.maximum(modulus, np.log(1e3 * self._edge))
        path = [far + (modulus - far) * share + 0.5j * np.pi for share in np.linspace(0, 1, 60)]
        path += [modulus + 1j * (angle + (np.pi / 2 - angle) * 0.5**k) for k in range(1, 56)]
        u = path[0].copy()
        for target in [*path, *[modulus + 1j * angle] * 8]:
            for _ in range(2):
                w = np.exp(u)
                u = u - (u - L * np.log1p(-1 / w) - target) / (1 - L / (w - 1))
        solved("Fuss-Catalan equation", z, np.abs(u - L * np.log1p(-np.exp(-u)) - target))
        return np.exp(u)

    def _density(self, x: np.ndarray) -> np.ndarray:
        w = self._w(x.astype(complex))
        return np.abs((w / (1 - w)).imag / x) / np.pi

    def _continuous_cdf(self, x: np.ndarray) -> np.ndarray:
        mass = np.where(x >= self._edge, 1.0, 0.0)
        inside = (x > 0) & (x < self._edge)
        # the integral of m dz, in w
        w = self._w(x[inside].astype(complex))
        mass[inside] = 1 - (np.angle(w - 1) + (self.depth / (w - 1)).imag) / np.pi
        return mass

    @cached_property
    def _quadrature(self) -> tuple[np.ndarray, np.ndarray]:
        """Gauss-Legendre quadrature in theta, in which everything is analytic."""
        L, (node, weight) = self.depth, np.polynomial.legendre.leggauss(300)
        theta = np.pi * (node + 1) / (2 * L + 2)
        first, rest, last = (np.sin(k * theta) for k in (1, L, L + 1))
        x = np.exp((L + 1) * np.log(last) - np.log(first) - L * np.log(rest))
        slopes = 1 / np.tan(theta) + (L + 1) / np.tan((L + 1) * theta) - L / np.tan(L * theta)
        return x, weight / 2 * (1 - L / (L + 1) * first * last / rest * slopes)

    def _transforms(self, z: np.ndarray) -> tuple[np.ndarray, ...]:
        w = self._w(z)
        r, t = w / z, 1 / (1 - w)
        m, t_slope = r * t, r * t**2 / (1 + self.depth * t)
        return m, (t_slope - m) / z, t, t_slope

    def _moment(self, k: int) -> float:
        return comb((self.depth + 1) * k, k) / (self.depth * k + 1)

    def var(self) -> float:
        """Variance, L."""
        return float(self.depth)
