"""The result of every route to the errors of gradient descent."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr

from rmtlib._checks import scalar_out
from rmtlib._types import ArrayLike


@dataclass(frozen=True, eq=False)
class DescentStatistics:
    r"""Means and variances of the scores :math:`y\,w(t)^{\mathsf T} x`, and the error rates.

    All are arrays of one shape, or numbers.

    Attributes
    ----------
    test_mean, test_variance
        :math:`\mu^{\mathsf T} w(t)` and :math:`\|w(t)\|^2`.
    train_mean, train_variance
        The same of the scores of the training samples.
    test_error, train_error
        Share of misclassified samples; :math:`Q(E / \sqrt V)` with the Gaussian tail Q.
    """

    test_mean: np.ndarray | float
    test_variance: np.ndarray | float
    train_mean: np.ndarray | float
    train_variance: np.ndarray | float
    test_error: np.ndarray | float
    train_error: np.ndarray | float

    def __getitem__(self, index: Any) -> "DescentStatistics":
        """The statistics of one time, draw or ridge: all arrays at this index."""
        return DescentStatistics(*(scalar_out(values[index]) for values in vars(self).values()))


def gaussian_statistics(
    test_mean: ArrayLike, test_variance: ArrayLike, train_mean: ArrayLike, train_variance: ArrayLike
) -> DescentStatistics:
    """Statistics with the error rates of Gaussian scores; no variance and a mean: no error."""
    moments = [np.asarray(v) for v in (test_mean, test_variance, train_mean, train_variance)]
    moments[3] = np.maximum(moments[3], 0.0)
    errors = []
    for E, V in (moments[:2], moments[2:]):
        certain = np.where(E > 0, np.inf, 0.0)
        errors.append(ndtr(-np.divide(E, np.sqrt(V), out=certain, where=V > 0)))
    return DescentStatistics(*(scalar_out(values) for values in (*moments, *errors)))
