"""Gaussian mixtures in high dimension, and the errors of classifiers on them."""

from ._errors import distance_auc as distance_auc
from ._errors import distance_auc_limit as distance_auc_limit
from ._errors import isotropic_quadratic_error as isotropic_quadratic_error
from ._errors import nearest_neighbor_accuracy as nearest_neighbor_accuracy
from ._errors import plug_in_linear_discriminant_error as plug_in_linear_discriminant_error
from ._examples import standard_example as standard_example
from ._examples import two_classes as two_classes
from ._mixture import GaussianMixture as GaussianMixture
from ._mixture import SecondOrder as SecondOrder
