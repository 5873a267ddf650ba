"""What is known of an eigenvalue that leaves a bulk."""

from dataclasses import dataclass, fields

import numpy as np

from rmtlib._checks import scalar_out


@dataclass(frozen=True)
class Outlier:
    r"""Limits for one isolated eigenvalue (or singular value) and its eigenvector.

    Arrays have the shape of the parameter that was varied; an array without axes
    becomes a number. The function that returns the result says of which matrix.

    Parameters
    ----------
    strength : float or ndarray
        What is compared with the threshold.
    threshold : float
        Strength beyond which the eigenvalue leaves the bulk.
    isolated : bool or ndarray
        Whether it does.
    position : float or ndarray
        Limit of the eigenvalue; ``edge`` if it is not isolated.
    edge : float or ndarray
        Edge of the bulk on the side of the eigenvalue.
    alignment : float or ndarray
        Limit of the squared cosine of the eigenvector (the left singular vector)
        with the direction that makes the spike; 0 if not isolated.
    right_alignment : float or ndarray
        The same for the right singular vector; NaN where the matrix has one side.
    variance : float or ndarray
        Variance of the Gaussian limit of :math:`\sqrt n(\lambda-\lambda_\infty)`;
        NaN where it is not known, and where the eigenvalue is not isolated: its
        fluctuations are then of order :math:`n^{-2/3}` and not Gaussian.
    """

    strength: float | np.ndarray
    threshold: float
    isolated: bool | np.ndarray
    position: float | np.ndarray
    edge: float | np.ndarray
    alignment: float | np.ndarray
    right_alignment: float | np.ndarray = np.nan
    variance: float | np.ndarray = np.nan

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray | np.generic):
                object.__setattr__(self, field.name, scalar_out(value))
