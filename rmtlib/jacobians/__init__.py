"""Singular values of input-output Jacobians."""

from rmtlib.jacobians._law import JacobianLaw
from rmtlib.jacobians._mean_field import (
    CriticalPoint,
    critical_point,
    fixed_point_variance,
    preactivation_variances,
    susceptibility,
    variance_map,
)
from rmtlib.jacobians._samples import sample_jacobian, sample_spectrum
from rmtlib.jacobians._slopes import diamond, s_transform, squared_slopes

__all__ = [
    "CriticalPoint",
    "JacobianLaw",
    "critical_point",
    "diamond",
    "fixed_point_variance",
    "preactivation_variances",
    "s_transform",
    "sample_jacobian",
    "sample_spectrum",
    "squared_slopes",
    "susceptibility",
    "variance_map",
]
