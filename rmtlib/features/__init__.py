"""Regression on random features, spectra of features, one step of feature learning."""

from rmtlib.features._families import FamilyErrors, family_errors
from rmtlib.features._gram import DeepGram, GramOutliers, NonlinearGram, deep_gram, gram_outliers
from rmtlib.features._linear import ridge_risk, ridgeless_risk, ridgeless_risk_finite
from rmtlib.features._one_step import (
    OneStepSpike,
    TeacherStudent,
    first_layer_gradient,
    gradient_overlap,
    one_step_spike,
    rank_one_gradient,
    singular_value_density,
    teacher_student,
)
from rmtlib.features._one_step_errors import (
    SmallStepErrors,
    simulate_one_step,
    single_direction_bound,
    small_step_errors,
)
from rmtlib.features._ridge import (
    RandomFeatureErrors,
    RandomFeatureRegression,
    effective_ridge,
    prepare,
    random_features,
    simulate_errors,
)

__all__ = [
    "DeepGram",
    "FamilyErrors",
    "GramOutliers",
    "NonlinearGram",
    "OneStepSpike",
    "RandomFeatureErrors",
    "RandomFeatureRegression",
    "SmallStepErrors",
    "TeacherStudent",
    "deep_gram",
    "effective_ridge",
    "family_errors",
    "first_layer_gradient",
    "gradient_overlap",
    "gram_outliers",
    "one_step_spike",
    "prepare",
    "random_features",
    "rank_one_gradient",
    "ridge_risk",
    "ridgeless_risk",
    "ridgeless_risk_finite",
    "simulate_errors",
    "simulate_one_step",
    "single_direction_bound",
    "singular_value_density",
    "small_step_errors",
    "teacher_student",
]
