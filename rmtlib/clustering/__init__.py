"""Kernel spectral clustering: distance kernels, their linearization, spikes, the algorithm."""

from rmtlib.clustering._distance_kernels import (
    HEAT,
    RadialProfile,
    center,
    distance_kernel,
    linearization_terms,
    linearized_kernel,
    normalized_laplacian,
    quadratic_profile,
    squared_distances,
)
from rmtlib.clustering._spectral import matched_accuracy, spectral_clustering, spectral_embedding
from rmtlib.clustering._spikes import bayes_accuracy, clustering_accuracy, mean_spike, trace_spike

__all__ = [
    "HEAT",
    "RadialProfile",
    "bayes_accuracy",
    "center",
    "clustering_accuracy",
    "distance_kernel",
    "linearization_terms",
    "linearized_kernel",
    "matched_accuracy",
    "mean_spike",
    "normalized_laplacian",
    "quadratic_profile",
    "spectral_clustering",
    "spectral_embedding",
    "squared_distances",
    "trace_spike",
]
