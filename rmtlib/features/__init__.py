"""Regression on random features, spectra of features, one step of feature learning."""

from rmtlib.features._deep_gram import DeepGram
from rmtlib.features._errors import RidgeErrors
from rmtlib.features._gram import NonlinearGram
from rmtlib.features._linear import ridge_risk, ridgeless_risk, ridgeless_risk_finite
from rmtlib.features._one_step import (
    TeacherStudent,
    first_layer_gradient,
    gradient_overlap,
    one_step_spike,
    rank_one_gradient,
    teacher_student,
)
from rmtlib.features._one_step_errors import (
    simulate_one_step,
    single_direction_bound,
    small_step_errors,
)
from rmtlib.features._random_features import random_features, simulate_errors
from rmtlib.features._ridge import RandomFeatureRidge, effective_ridge

__all__ = [
    "DeepGram",
    "NonlinearGram",
    "RandomFeatureRidge",
    "RidgeErrors",
    "TeacherStudent",
    "effective_ridge",
    "first_layer_gradient",
    "gradient_overlap",
    "one_step_spike",
    "random_features",
    "rank_one_gradient",
    "ridge_risk",
    "ridgeless_risk",
    "ridgeless_risk_finite",
    "simulate_errors",
    "simulate_one_step",
    "single_direction_bound",
    "small_step_errors",
    "teacher_student",
]
