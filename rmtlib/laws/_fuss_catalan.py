r"""The Fuss-Catalan laws: squared singular values of products of Gaussian matrices."""

from functools import cached_property
from math import comb

import numpy as np

from rmtlib._checks import ConvergenceError, count
from rmtlib.laws._base import SpectralLaw

_STEPS = 10


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
        self._depth = self._hardness = count("depth", depth, why="number of factors")
        L = self._depth
        self._edge = (L + 1) * (1 + 1 / L) ** L

    def __repr__(self) -> str:
        return f"FussCatalan(depth={self._depth})"

    @property
    def depth(self) -> int:
        """Number L of factors."""
        return self._depth

    @property
    def atoms(self) -> tuple[tuple[float, float], ...]:
        """None."""
        return ()

    def bands(self) -> np.ndarray:
        """The interval between 0 and the edge, shape (1, 2)."""
        return np.array([[0.0, self._edge]])

    def _theta(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pair of theta and pi - (L + 1) theta, each to its own relative precision.

        Newton's method for the logarithm of the smaller of the two, in which the
        logarithm of log(edge / x), for the other one log x itself, is almost linear.
        """
        L, target = self._depth, np.log(x / self._edge)
        near = x > 0.5 * self._edge
        target[near] = np.log1p((x[near] - self._edge) / self._edge)
        upper = target > self._shrinking(np.array(np.pi / (2 * L + 2)))
        theta, rest = np.empty((2, *x.shape))

        goal = np.log(-target[upper])
        v = 0.5 * (goal - np.log(L * (L + 1) / 2))
        for _ in range(_STEPS):
            v = np.minimum(v, np.log(np.pi / (2 * L + 2)))
            angle = np.exp(v)
            value = self._shrinking(angle)
            slope = np.full(v.shape, 2.0)
            wide = (L + 1) * angle > 0.01
            slope[wide] = (angle * self._slope(angle) / value)[wide]
            v = v - (np.log(-value) - goal) / slope
        theta[upper] = np.exp(v)
        rest[upper] = np.pi - (L + 1) * theta[upper]

        goal, last = target[~upper], np.pi / (L + 1)
        v = (goal + np.log(self._edge * np.sin(last)) + L * np.log(np.sin(L * last))) / (L + 1)
        for _ in range(_STEPS):
            v = np.minimum(v, np.log(np.pi / 2))
            angle = np.exp(v)
            other = (np.pi - angle) / (L + 1)
            slope = -angle * self._slope(other) / (L + 1)
            v = v - (self._growing(other, angle) - goal) / slope
        rest[~upper] = np.exp(v)
        theta[~upper] = (np.pi - rest[~upper]) / (L + 1)
        return theta, rest

    def _slope(self, theta: np.ndarray) -> np.ndarray:
        """Derivative of log x in theta."""
        L = self._depth
        last, rest = (L + 1) ** 2 / np.tan((L + 1) * theta), L**2 / np.tan(L * theta)
        return last - 1 / np.tan(theta) - rest

    def _shrinking(self, theta: np.ndarray) -> np.ndarray:
        """Logarithm of x / edge, from theta: near the edge it is of the order of its square."""
        L = self._depth
        return (L + 1) * _log_sinc((L + 1) * theta) - _log_sinc(theta) - L * _log_sinc(L * theta)

    def _growing(self, theta: np.ndarray, rest: np.ndarray) -> np.ndarray:
        L = self._depth
        sines = (L + 1) * np.log(np.sin(rest)) - np.log(np.sin(theta))
        return sines - L * np.log(np.sin(L * theta)) - np.log(self._edge)

    def _density(self, x: np.ndarray) -> np.ndarray:
        L, (theta, rest) = self._depth, self._theta(x)
        sines = 2 * np.log(np.sin(theta)) + (L - 1) * np.log(np.sin(L * theta))
        return np.exp(sines - L * np.log(np.sin(rest))) / np.pi

    def _continuous_cdf(self, x: np.ndarray) -> np.ndarray:
        L, mass = self._depth, np.where(x >= self._edge, 1.0, 0.0)
        inside = (x > 0) & (x < self._edge)
        theta, rest = self._theta(x[inside])
        curved = L * np.sin(theta) * np.sin(rest) / np.sin(L * theta)
        mass[inside] = (rest + curved) / np.pi
        return mass

    @cached_property
    def _quadrature(self) -> tuple[np.ndarray, np.ndarray]:
        """Gauss-Legendre quadrature in theta, in which everything is analytic."""
        L, (node, weight) = self._depth, np.polynomial.legendre.leggauss(300)
        rest = np.pi * (node + 1) / 2
        theta = (np.pi - rest) / (L + 1)
        ratio = np.sin(theta) / np.sin(L * theta)
        slope = np.cos(rest) * ratio - np.sin(rest) * (
            np.cos(theta) / np.sin(L * theta) - ratio * L / np.tan(L * theta)
        ) / (L + 1)
        x = self._edge * np.exp(self._growing(theta, rest))
        return x, weight / 2 * (1 + L * slope)

    def _w(self, z: np.ndarray) -> np.ndarray:
        """Solution of w = z (1 - 1/w)^L above the axis, or on it outside the support.

        Newton's method for log w, followed from i infinity to i |z| and then along the
        circle: no singularity of w(z) is near.
        """
        L, modulus, angle = self._depth, np.log(np.abs(z)), np.angle(z)
        far = np.maximum(modulus, np.log(1e3 * self._edge))
        path = [far + (modulus - far) * s + 0.5j * np.pi for s in np.linspace(0, 1, 200)]
        turns = angle + (np.pi / 2 - angle) * 0.5 ** np.arange(1.0, 60)[:, None]
        path += [*(modulus + 1j * turns), modulus + 1j * angle]
        u = path[0].copy()
        for target in path:
            for _ in range(4):
                w = np.exp(u)
                step = (u - L * np.log1p(-1 / w) - target) / (1 - L / (w - 1))
                u = u - step
        w = np.exp(u)
        error = np.abs(u - L * np.log1p(-1 / w) - target)
        if not np.all(error <= 1e-10):
            raise ConvergenceError(
                f"Fuss-Catalan equation not solved at z = {z[np.argmax(error)]:.6g}: "
                f"residual {error.max():.2g} > 1e-10"
            )
        return w

    def _transforms(self, z: np.ndarray) -> tuple[np.ndarray, ...]:
        w = self._w(z)
        r, t = w / z, 1 / (1 - w)
        m, t_slope = r * t, r * t**2 / (1 + self._depth * t)
        return m, (t_slope - m) / z, t, t_slope

    def _transform(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self._transforms(z)[:2]

    def _moment(self, k: int) -> float:
        return comb((self._depth + 1) * k, k) / (self._depth * k + 1)

    def var(self) -> float:
        """Variance, L."""
        return float(self._depth)


def _log_sinc(t: np.ndarray) -> np.ndarray:
    """log(sin t / t), to relative precision near 0."""
    square = np.square(t)
    near = -square / 6 * (1 + square / 30 * (1 + square * 4 / 63 * (1 + square * 3 / 40)))
    return np.where(square < 1e-3, near, np.log(np.sin(t) / t))
