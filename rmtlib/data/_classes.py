"""Real data in the units of a model."""

import numpy as np

from rmtlib import _checks
from rmtlib._types import ArrayLike


def standardize_classes(X: ArrayLike, labels: ArrayLike) -> tuple[np.ndarray, np.ndarray, float]:
    r"""Two classes of real data in the units of the two-class model, and their signal.

    The model is `rmtlib.dynamics.TwoClassDescent`.

    The middle between the two class means is moved to the origin, and all coordinates are
    divided by one number, the root of the mean variance v within the classes, so that the noise
    has unit variance on average. Then :math:`\hat\rho = \|\hat\mu_2 - \hat\mu_1\|^2 / (4 v)`.

    Parameters
    ----------
    X : array, shape (p, n)
        Samples in columns.
    labels : array of integers, shape (n,)
        Exactly two different values; the smaller one becomes y = -1.

    Returns
    -------
    X : array, shape (p, n)
        The data in the model's units.
    y : array, shape (n,)
        Labels -1 and 1.
    signal : float
        :math:`\hat\rho`.

    Notes
    -----
    Use all the data there are, not the training sample only: the mean of n samples carries
    noise of squared norm p / n.

    Example
    -------
    >>> Z, y, rho = standardize_classes([[0, 2, 6, 8], [1, 1, 1, 1]], [1, 1, 7, 7])
    >>> rho, y
    (18.0, array([-1., -1.,  1.,  1.]))
    """
    X = _checks.matrix("X", X).astype(float)
    kinds = _checks.labels("labels", labels, length=X.shape[1])
    values = np.unique(kinds)
    if values.size != 2:
        raise ValueError(f"labels must have exactly two values, got {values.size}")
    y = np.where(kinds == values[1], 1.0, -1.0)
    low, high = (X[:, y == side].mean(axis=1, keepdims=True) for side in (-1, 1))
    variance = np.mean((X - np.where(y > 0, high, low)) ** 2)
    if variance == 0:
        raise ValueError("X must vary within the classes, got columns equal to the class means")
    signal = float(np.sum((high - low) ** 2) / (4 * variance))
    return (X - (low + high) / 2) / np.sqrt(variance), y, signal
