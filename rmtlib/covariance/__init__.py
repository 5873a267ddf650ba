"""What sample covariance matrices say about their population: spikes, shrinkage, a test."""

from rmtlib.covariance._largest_eigenvalue import (
    EigenvalueTest,
    largest_eigenvalue_scale,
    largest_eigenvalue_test,
)
from rmtlib.covariance._outlier import Outlier
from rmtlib.covariance._shrinkage import nonlinear_shrinkage, oracle_shrinkage
from rmtlib.covariance._spikes import (
    covariance_spike,
    estimate_spike_strength,
    population_spike,
    signal_plus_noise_spike,
)

__all__ = [
    "EigenvalueTest",
    "Outlier",
    "covariance_spike",
    "estimate_spike_strength",
    "largest_eigenvalue_scale",
    "largest_eigenvalue_test",
    "nonlinear_shrinkage",
    "oracle_shrinkage",
    "population_spike",
    "signal_plus_noise_spike",
]
