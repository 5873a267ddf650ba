"""Kernel spectral clustering: distance kernels, their linearization, spikes, the algorithm."""

from ._distance_kernels import HEAT as HEAT
from ._distance_kernels import RadialProfile as RadialProfile
from ._distance_kernels import center as center
from ._distance_kernels import distance_kernel as distance_kernel
from ._distance_kernels import linearization_terms as linearization_terms
from ._distance_kernels import normalized_laplacian as normalized_laplacian
from ._distance_kernels import quadratic_profile as quadratic_profile
from ._distance_kernels import squared_distances as squared_distances
from ._spectral import matched_accuracy as matched_accuracy
from ._spectral import spectral_clustering as spectral_clustering
from ._spectral import spectral_embedding as spectral_embedding
from ._spikes import bayes_accuracy as bayes_accuracy
from ._spikes import clustering_accuracy as clustering_accuracy
from ._spikes import mean_spike as mean_spike
from ._spikes import trace_spike as trace_spike
