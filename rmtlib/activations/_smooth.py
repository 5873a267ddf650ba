"""Smooth activations: error function, waves, Gaussian bump, polynomials, sigmoids."""

from dataclasses import dataclass

import numpy as np
from scipy.special import erf, expit

from rmtlib import _checks
from rmtlib.activations._activation import Activation, ClosedForm


@dataclass(frozen=True)
class Quadratic(ClosedForm):
    r"""The polynomial :math:`c_2t^2+c_1t+c_0`.

    Parameters
    ----------
    curvature, slope, offset : float
        :math:`c_2,c_1,c_0`.
    name : str
        For legends.

    Example
    -------
    >>> Quadratic(1, 2, 3)(2)
    11.0
    """

    curvature: float
    slope: float
    offset: float
    name: str = "quadratic"
    needs_angles = False

    def __post_init__(self):
        for key in ("curvature", "slope", "offset"):
            self.__dict__[key] = _checks.finite(key, getattr(self, key))

    def value(self, t):
        return (self.curvature * t + self.slope) * t + self.offset

    def derivative(self, t):
        return 2 * self.curvature * t + self.slope

    torch_function = value

    def _affine(self, gain: float, offset: float, stretch: float) -> "Quadratic":
        c2, c1 = gain * stretch**2 * self.curvature, gain * stretch * self.slope
        return Quadratic(c2, c1, gain * self.offset + offset, self.name)

    def _moments(self, s):
        c2, c1, c0 = self.curvature, self.slope, self.offset
        q = 4 * c2**2 * s + c1**2
        return c2 * s + c0, c1, 2 * c2, 2 * c2**2 * s**2 + c1**2 * s, q, q

    def product(self, a, b, s, alpha):
        c2, c1, c0 = self.curvature, self.slope, self.offset
        return c2**2 * (a * b + 2 * s**2) + c1**2 * s + c0 * c2 * (a + b) + c0**2

    def derivative_product(self, a, b, s, alpha):
        return 4 * self.curvature**2 * s + self.slope**2


@dataclass(frozen=True, repr=False)
class _Erf(ClosedForm):
    name = torch_name = "erf"
    value = erf

    def derivative(self, t):
        return 2 / np.sqrt(np.pi) * np.exp(-(t**2))

    def _moments(self, s):
        s2 = 2 / np.pi * np.arctan2(2 * s, np.sqrt(1 + 4 * s))
        q = 4 / (np.pi * (1 + 2 * s) * np.sqrt(1 + 4 * s))
        return 0.0, 2 / np.sqrt(np.pi * (1 + 2 * s)), 0.0, s2, q, 4 / (np.pi * np.sqrt(1 + 4 * s))

    def _root(self, a, b, alpha):
        """sqrt((1 + 2 a)(1 + 2 b) - 4 s^2)."""
        return np.sqrt(1 + 2 * a + 2 * b + 4 * a * b * np.cos(alpha) ** 2)

    def product(self, a, b, s, alpha):
        # arcsin(2 s / sqrt((1 + 2 a)(1 + 2 b))), stable when the argument is near 1
        return 2 / np.pi * np.arctan2(2 * s, self._root(a, b, alpha))

    def derivative_product(self, a, b, s, alpha):
        return 4 / np.pi / self._root(a, b, alpha)


def _waves(a, b, s):
    """exp(-|x - y|^2 / 2) and exp(-|x + y|^2 / 2): no overflow at large norms."""
    return np.exp(np.minimum(s - (a + b) / 2, 0)), np.exp(np.minimum(-s - (a + b) / 2, 0))


def _of_sines(self, a, b, s, alpha):
    minus, plus = _waves(a, b, s)
    return (minus - plus) / 2


def _of_cosines(self, a, b, s, alpha):
    minus, plus = _waves(a, b, s)
    return (minus + plus) / 2


@dataclass(frozen=True, repr=False)
class _Sin(ClosedForm):
    name = torch_name = "sin"
    needs_angles = False
    value, derivative = np.sin, np.cos
    product, derivative_product = _of_sines, _of_cosines

    def _moments(self, s):
        v1 = (1 + np.exp(-2 * s)) / 2
        return 0.0, np.exp(-s / 2), 0.0, -np.expm1(-2 * s) / 2, np.exp(-2 * s), v1


@dataclass(frozen=True, repr=False)
class _Cos(ClosedForm):
    name = torch_name = "cos"
    needs_angles = False
    value = np.cos
    product, derivative_product = _of_cosines, _of_sines

    def derivative(self, t):
        return -np.sin(t)

    def _moments(self, s):
        m, decay = np.exp(-s / 2), -np.expm1(-s)
        return m, 0.0, -m, decay**2 / 2, np.exp(-s) * decay, -np.expm1(-2 * s) / 2


@dataclass(frozen=True, repr=False)
class _Gaussian(ClosedForm):
    name = "gaussian"

    def value(self, t):
        return np.exp(-(t**2) / 2)

    def derivative(self, t):
        return -t * np.exp(-(t**2) / 2)

    def torch_function(self, t):
        return (-(t**2) / 2).exp()

    def _moments(self, s):
        one, two = 1 + s, np.sqrt(1 + 2 * s)
        # 1/two - 1/one and 1/one^2 - 1/two^3, without cancellation at small s
        s2 = s**2 / ((one + two) * one * two)
        q = (2 * s + 6 * s**2 + 4 * s**3 - s**4) / ((two**3 + one**2) * one**2 * two**3)
        return one**-0.5, 0.0, -(one**-1.5), s2, q, s * two**-3

    def _determinant(self, a, b, alpha):
        """(1 + a)(1 + b) - s^2."""
        return 1 + a + b + a * b * np.cos(alpha) ** 2

    def product(self, a, b, s, alpha):
        return self._determinant(a, b, alpha) ** -0.5

    def derivative_product(self, a, b, s, alpha):
        return s * self._determinant(a, b, alpha) ** -1.5


@dataclass(frozen=True, repr=False)
class _Tanh(Activation):
    name = torch_name = "tanh"
    value = np.tanh

    def derivative(self, t):
        return 1 / np.cosh(np.clip(t, -300, 300)) ** 2


@dataclass(frozen=True, repr=False)
class _Sigmoid(Activation):
    name = torch_name = "sigmoid"
    value = expit

    def derivative(self, t):
        return expit(t) * expit(-t)


@dataclass(frozen=True, repr=False)
class _Arctan(Activation):
    name = torch_name = "arctan"
    value = np.arctan

    def derivative(self, t):
        return 1 / (1 + t**2)


ERF, SIN, COS, GAUSSIAN = _Erf(), _Sin(), _Cos(), _Gaussian()
TANH, SIGMOID, ARCTAN = _Tanh(), _Sigmoid(), _Arctan()
_HE2 = Quadratic(np.sqrt(0.5), 0, -np.sqrt(0.5))

SMOOTH: tuple[Activation, ...] = (TANH, SIGMOID, ARCTAN, ERF, SIN, COS, GAUSSIAN, _HE2)
