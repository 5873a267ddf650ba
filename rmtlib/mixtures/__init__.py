"""Gaussian mixtures in high dimension, and the errors of classifiers on them."""

from rmtlib.mixtures._errors import (
    distance_auc,
    distance_auc_limit,
    isotropic_quadratic_error,
    nearest_neighbor_accuracy,
    plug_in_linear_discriminant_error,
)
from rmtlib.mixtures._examples import standard_example, two_classes
from rmtlib.mixtures._mixture import GaussianMixture, SecondOrder

__all__ = [
    "GaussianMixture",
    "SecondOrder",
    "distance_auc",
    "distance_auc_limit",
    "isotropic_quadratic_error",
    "nearest_neighbor_accuracy",
    "plug_in_linear_discriminant_error",
    "standard_example",
    "two_classes",
]
