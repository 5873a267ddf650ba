"""What sample covariance matrices say of their population: noise, components, shrinkage."""

from .._lazy import lazily as _lazily
from ._components import Components as Components
from ._components import count_components as count_components
from ._correlated import autocorrelation as autocorrelation
from ._correlated import correlated_samples_law as correlated_samples_law
from ._correlated import effective_samples as effective_samples
from ._largest_eigenvalue import EigenvalueTest as EigenvalueTest
from ._largest_eigenvalue import largest_eigenvalue_scale as largest_eigenvalue_scale
from ._largest_eigenvalue import largest_eigenvalue_test as largest_eigenvalue_test
from ._noise import NoiseFit as NoiseFit
from ._noise import fit_noise as fit_noise
from ._outlier import Outlier as Outlier
from ._report import Report as Report
from ._report import report as report
from ._shrinkage import nonlinear_shrinkage as nonlinear_shrinkage
from ._shrinkage import oracle_shrinkage as oracle_shrinkage
from ._shrinkage import spike_shrinkage as spike_shrinkage
from ._spikes import covariance_spike as covariance_spike
from ._spikes import estimate_spike_strength as estimate_spike_strength
from ._spikes import population_spike as population_spike
from ._spikes import signal_plus_noise_spike as signal_plus_noise_spike

# scikit-learn takes half a second to import
__getattr__, __dir__ = _lazily(__name__, {"_estimators": ("NonlinearShrinkage", "SpikeShrinkage")})
