"""Few inputs for a network whose whole Hessian is wanted."""

import numpy as np

from rmtlib import _checks
from rmtlib._types import ArrayLike


def principal_features(X: ArrayLike, components: int) -> np.ndarray:
    r"""Leading principal components of data, for networks with a Hessian of moderate size.

    The components of the centered columns along the leading eigenvectors of their
    covariance, on a common scale such that the mean square of all entries is one.

    Parameters
    ----------
    X : array_like, shape (p, n)
        Data, columns are samples.
    components : integer >= 1
        Number of components k, at most p and n.

    Returns
    -------
    array, shape (k, n)
        Rows in the order of decreasing variance; the sign of each is such that
        its largest entry in absolute value is positive.

    Notes
    -----
    No model: a linear map of the data. Relative variances are kept (no whitening).

    Example
    -------
    >>> principal_features([[0, 0, 0, 4], [1, 1, 1, 1]], 1).round(3)
    array([[-0.577, -0.577, -0.577,  1.732]])
    """
    X = _checks.matrix("X", X).astype(float)
    k = _checks.count("components", components)
    if k > min(X.shape):
        raise ValueError(f"components must be at most min(p, n) = {min(X.shape)}, got {k}")
    centered = X - X.mean(axis=1, keepdims=True)
    if np.abs(centered).max() <= 1e3 * np.finfo(float).eps * np.abs(X).max():
        raise ValueError("X must have columns that differ, got equal ones")
    features = np.linalg.svd(centered, full_matrices=False)[0][:, :k].T @ centered
    sign = np.sign(features[np.arange(k), np.abs(features).argmax(axis=1)])
    return features * (sign / np.sqrt(np.mean(features**2)))[:, None]
