"""Gradient descent on least squares: in the two-class model, with momentum, on single samples."""

from ._filters import descent_filters as descent_filters
from ._momentum import Tuning as Tuning
from ._sgd import sgd_loss as sgd_loss
from ._simulate import descend as descend
from ._statistics import DescentStatistics as DescentStatistics
from ._two_class import Stopping as Stopping
from ._two_class import TwoClassDescent as TwoClassDescent
