"""Jacobians of wide random networks: mean field, laws of singular values, samples."""

from ._law import JacobianLaw as JacobianLaw
from ._mean_field import CriticalPoint as CriticalPoint
from ._mean_field import critical_point as critical_point
from ._mean_field import fixed_point_variance as fixed_point_variance
from ._mean_field import preactivation_variances as preactivation_variances
from ._mean_field import susceptibility as susceptibility
from ._samples import sample_jacobian as sample_jacobian
from ._samples import sample_spectrum as sample_spectrum
from ._slopes import SquaredSlopes as SquaredSlopes
