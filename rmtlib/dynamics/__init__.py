"""Gradient descent on least squares: in the two-class model, with momentum, on single samples."""

from rmtlib.dynamics._contour import ellipse
from rmtlib.dynamics._filters import descent_filters
from rmtlib.dynamics._momentum import Tuning
from rmtlib.dynamics._sgd import sgd_loss
from rmtlib.dynamics._simulate import descend
from rmtlib.dynamics._statistics import DescentStatistics
from rmtlib.dynamics._two_class import Stopping, TwoClassDescent

__all__ = [
    "DescentStatistics",
    "Stopping",
    "Tuning",
    "TwoClassDescent",
    "descend",
    "descent_filters",
    "ellipse",
    "sgd_loss",
]
