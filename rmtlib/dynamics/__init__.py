"""Gradient descent in the two-class model."""

from rmtlib.dynamics._contour import contour_statistics, ellipse
from rmtlib.dynamics._modes import (
    Tuning,
    best_tuning,
    descend,
    momentum_factors,
    momentum_rate,
    sgd_loss,
    simulate_descent,
    standardize_classes,
)
from rmtlib.dynamics._two_class import (
    DescentStatistics,
    Stopping,
    best_error,
    converged_statistics,
    descent_filters,
    descent_measures,
    descent_statistics,
    optimal_stopping,
)

__all__ = [
    "DescentStatistics",
    "Stopping",
    "Tuning",
    "best_error",
    "best_tuning",
    "contour_statistics",
    "converged_statistics",
    "descend",
    "descent_filters",
    "descent_measures",
    "descent_statistics",
    "ellipse",
    "momentum_factors",
    "momentum_rate",
    "optimal_stopping",
    "sgd_loss",
    "simulate_descent",
    "standardize_classes",
]
