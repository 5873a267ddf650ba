"""What is known of a ridge regression."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RidgeErrors:
    r"""Mean squared errors of a ridge regression, predicted or measured.

    Fields have the shape of the parameters that were varied, and are NaN where
    the function that returns the result does not know them.

    Parameters
    ----------
    train, test : float or ndarray
        Training and test error.
    bias : float or ndarray
        Test error with infinitely many features at the effective ridge.
    variance : float or ndarray
        Test error that the randomness of finitely many features adds.
    effective_ridge : float or ndarray
        :math:`\kappa`.
    ridge : float or ndarray
        The ridge that was given, or found to be the best.
    """

    train: float | np.ndarray
    test: float | np.ndarray
    bias: float | np.ndarray = np.nan
    variance: float | np.ndarray = np.nan
    effective_ridge: float | np.ndarray = np.nan
    ridge: float | np.ndarray = np.nan
