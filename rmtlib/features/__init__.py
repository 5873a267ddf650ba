"""Regression on random features, spectra of features, one step of feature learning."""

from ._deep_gram import DeepGram as DeepGram
from ._errors import RidgeErrors as RidgeErrors
from ._gram import NonlinearGram as NonlinearGram
from ._linear import ridge_risk as ridge_risk
from ._linear import ridgeless_risk as ridgeless_risk
from ._linear import ridgeless_risk_finite as ridgeless_risk_finite
from ._one_step import TeacherStudent as TeacherStudent
from ._one_step import first_layer_gradient as first_layer_gradient
from ._one_step import gradient_overlap as gradient_overlap
from ._one_step import one_step_spike as one_step_spike
from ._one_step import rank_one_gradient as rank_one_gradient
from ._one_step import teacher_student as teacher_student
from ._one_step_errors import simulate_one_step as simulate_one_step
from ._one_step_errors import single_direction_bound as single_direction_bound
from ._one_step_errors import small_step_errors as small_step_errors
from ._random_features import random_features as random_features
from ._random_features import simulate_errors as simulate_errors
from ._ridge import RandomFeatureRidge as RandomFeatureRidge
from ._ridge import effective_ridge as effective_ridge
