r"""Kernel spectral clustering: the two-step algorithm, and how well it did.

The matrices are those of `distance_kernel`; `mean_spike` and `trace_spike` predict what
the algorithm finds.
"""

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture as ExpectationMaximization

from rmtlib import _checks
from rmtlib._types import ArrayLike, Seed


def spectral_embedding(K: ArrayLike, components: int) -> tuple[np.ndarray, np.ndarray]:
    r"""Largest eigenvalues of a symmetric matrix and their eigenvectors.

    Row i of the eigenvectors is the representation of the sample i that
    `spectral_clustering` works with. Signs are fixed: the entry of largest absolute
    value is positive.

    Parameters
    ----------
    K : array_like, shape (n, n)
        Symmetric.
    components : int
        How many, at most n.

    Returns
    -------
    eigenvalues : ndarray, shape (components,)
        Decreasing.
    eigenvectors : ndarray, shape (n, components)
        Columns of norm 1.

    Example
    -------
    >>> values, vectors = spectral_embedding([[2.0, 1.0], [1.0, 2.0]], 1)
    >>> values.round(12), np.abs(vectors[0, 0]).round(4)
    (array([3.]), np.float64(0.7071))
    """
    K = _checks.symmetric("K", K)
    n = len(K)
    k = _checks.count("components", components)
    _checks.between("components", k, 1, n, "K is n x n")
    values, vectors = eigh(K, subset_by_index=(n - k, n - 1))
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(k)]
    return values[::-1], (vectors * np.sign(largest))[:, ::-1]


def spectral_clustering(
    K: ArrayLike,
    classes: int,
    *,
    method: str = "k-means",
    components: int | None = None,
    rng: Seed = None,
) -> np.ndarray:
    r"""Two-step clustering: eigenvectors of a kernel matrix, then k-means or EM on their rows.

    Parameters
    ----------
    K : array_like, shape (n, n)
        A kernel matrix, its `center` or its `normalized_laplacian`.
    classes : int
        Number of classes, at most n.
    method : {"k-means", "em"}
        k-means, or expectation-maximization for a Gaussian mixture.
    components : int, optional
        Number of leading eigenvectors; by default ``classes``. The centered kernel
        needs one less than K.
    rng : None, int or Generator
        For the starting points.

    Returns
    -------
    ndarray of int, shape (n,)
        Labels 0 to ``classes`` - 1, numbered arbitrarily: compare with
        `matched_accuracy`.

    Notes
    -----
    :cite:t:`NgJordanWeiss02,LiaoTalk24`. k-means and EM are those of scikit-learn, on
    rows multiplied by :math:`\sqrt n`.

    Example
    -------
    >>> K = np.kron(np.eye(2), np.ones((3, 3))) + 0.1
    >>> matched_accuracy(spectral_clustering(K, 2, rng=0), [0, 0, 0, 1, 1, 1])
    1.0
    """
    method = _checks.one_of("method", method, ("k-means", "em"))
    classes = _checks.count("classes", classes)
    rows = spectral_embedding(K, classes if components is None else components)[1]
    _checks.between("classes", classes, 1, len(rows), "K is n x n")
    rows = np.sqrt(len(rows)) * rows
    seed = int(_checks.as_rng(rng).integers(2**31))
    if method == "k-means":
        return KMeans(classes, n_init=10, random_state=seed).fit_predict(rows)
    em = ExpectationMaximization(classes, n_init=5, max_iter=500, random_state=seed)
    return em.fit_predict(rows)


def matched_accuracy(predicted: ArrayLike, labels: ArrayLike) -> float:
    r"""Share of correct labels under the best matching of clusters to classes.

    For two classes, :math:`\max(a,1-a)` with a the share of equal labels. The signs of an
    eigenvector v are ``matched_accuracy(v > 0, labels)``, above 1/2 by about
    :math:`0.4/\sqrt n` for a vector that knows nothing.

    Parameters
    ----------
    predicted, labels : array_like, shape (n,)
        Integers or booleans, numbered in any way.

    Returns
    -------
    float

    Notes
    -----
    The matching is an assignment problem, solved exactly by SciPy.

    Example
    -------
    >>> matched_accuracy([0, 0, 1, 2], [7, 7, 3, 3])
    0.75
    """
    predicted = _checks.labels("predicted", predicted)
    labels = _checks.labels("labels", labels, predicted.size, "one per prediction")
    overlap = (predicted == np.unique(predicted)[:, None]).astype(int) @ (
        labels[:, None] == np.unique(labels)
    )
    return float(overlap[linear_sum_assignment(overlap, maximize=True)].sum() / labels.size)
