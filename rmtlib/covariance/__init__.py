"""What sample covariance matrices say about their population: spikes, shrinkage, a test."""

from ._largest_eigenvalue import EigenvalueTest as EigenvalueTest
from ._largest_eigenvalue import largest_eigenvalue_scale as largest_eigenvalue_scale
from ._largest_eigenvalue import largest_eigenvalue_test as largest_eigenvalue_test
from ._outlier import Outlier as Outlier
from ._shrinkage import nonlinear_shrinkage as nonlinear_shrinkage
from ._shrinkage import oracle_shrinkage as oracle_shrinkage
from ._spikes import covariance_spike as covariance_spike
from ._spikes import estimate_spike_strength as estimate_spike_strength
from ._spikes import population_spike as population_spike
from ._spikes import signal_plus_noise_spike as signal_plus_noise_spike
