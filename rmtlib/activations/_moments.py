r"""The numbers by which random matrices depend on an activation."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class GaussianMoments:
    r"""What layers of a random network see of an activation, at one variance s.

    With :math:`t=\sqrt s\,\xi,\ \xi\sim\mathcal N(0,1)` and
    :math:`g=\sigma-\mathbb E\sigma(t)`; the symbols in parentheses are those of the
    recursions for deep kernels. Floats, or arrays for an array of variances.
    """

    mean: float | np.ndarray
    r""":math:`\mathbb E\sigma(t)` (m)."""
    mean_derivative: float | np.ndarray
    r""":math:`\mathbb E\sigma'(t)=\mathbb E[\xi\sigma(t)]/\sqrt s` (:math:`e_1`)."""
    mean_curvature: float | np.ndarray
    r""":math:`\mathbb E\sigma''(t)=\mathbb E[(\xi^2-1)\sigma(t)]/s` (:math:`e_2`)."""
    centered_second_moment: float | np.ndarray
    r""":math:`\mathbb E g(t)^2` (:math:`s_2`)."""
    centered_second_moment_slope: float | np.ndarray
    r""":math:`\frac{d}{ds}\mathbb E g(t)^2=\mathbb E[(\xi^2-1)g(t)^2]/(2s)`, g frozen (q)."""
    mean_squared_derivative: float | np.ndarray
    r""":math:`\mathbb E\sigma'(t)^2` (:math:`v_1`), infinite if :math:`\sigma` jumps."""

    @property
    def second_moment(self) -> float | np.ndarray:
        r""":math:`\mathbb E\sigma(t)^2`."""
        return self.centered_second_moment + self.mean**2


@dataclass(frozen=True)
class DCoefficients:
    r"""The three numbers by which the kernel of random features depends on the activation.

    The sum of two is that of both families of features together.
    """

    d0: float
    d1: float
    d2: float

    def __add__(self, other: "DCoefficients") -> "DCoefficients":
        if not isinstance(other, DCoefficients):
            return NotImplemented
        return DCoefficients(self.d0 + other.d0, self.d1 + other.d1, self.d2 + other.d2)


@dataclass(frozen=True)
class GramParameters:
    r"""What the spectrum of a nonlinear Gram matrix sees of an activation, after centering."""

    eta: float
    zeta: float
    theta: float
