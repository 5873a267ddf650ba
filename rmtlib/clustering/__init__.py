"""Kernel spectral clustering: distance kernels, their linearization, spikes, the algorithm."""

from rmtlib.clustering._distance_kernels import (
    RadialProfile,
    center,
    distance_kernel,
    heat_kernel,
    linearization_terms,
    linearized_kernel,
    normalized_laplacian,
    quadratic_profile,
    squared_distances,
)
from rmtlib.clustering._spectral import (
    matched_accuracy,
    spectral_clustering,
    spectral_embedding,
    two_class_accuracy,
)
from rmtlib.clustering._spikes import (
    KernelSpike,
    bayes_accuracy,
    clustering_accuracy,
    mean_spike,
    trace_spike,
)

__all__ = [
    "KernelSpike",
    "RadialProfile",
    "bayes_accuracy",
    "center",
    "clustering_accuracy",
    "distance_kernel",
    "heat_kernel",
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
    "two_class_accuracy",
]
