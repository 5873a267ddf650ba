"""Jacobians of wide random networks: mean field, laws of singular values, samples."""

from rmtlib.jacobians._law import JacobianLaw
from rmtlib.jacobians._mean_field import (
    CriticalPoint,
    critical_point,
    fixed_point_variance,
    preactivation_variances,
    susceptibility,
)
from rmtlib.jacobians._samples import sample_jacobian, sample_spectrum
from rmtlib.jacobians._slopes import SquaredSlopes, one_layer

__all__ = [
    "CriticalPoint",
    "JacobianLaw",
    "SquaredSlopes",
    "critical_point",
    "fixed_point_variance",
    "one_layer",
    "preactivation_variances",
    "sample_jacobian",
    "sample_spectrum",
    "susceptibility",
]
