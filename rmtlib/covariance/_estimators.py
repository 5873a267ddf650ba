"""Shrinkage as estimators in scikit-learn's manner: rows are samples here."""

from typing import Any, Self

import numpy as np
from sklearn.covariance import EmpiricalCovariance
from sklearn.isotonic import isotonic_regression
from sklearn.utils.validation import validate_data

from rmtlib._types import ArrayLike
from rmtlib.covariance._shrinkage import nonlinear_shrinkage, spike_shrinkage

_FEWEST = 12


class _Shrinkage(EmpiricalCovariance):
    """Keeps the sample eigenvectors; a subclass changes the eigenvalues by ``_shrunk(lam, n)``."""

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Estimate the covariance of the rows of X.

        Parameters
        ----------
        X : array_like, shape (n_samples, n_features)
            Data; float32 is computed and returned in single precision.
        y : ignored

        Returns
        -------
        self
        """
        X = validate_data(self, X, dtype=[np.float64, np.float32], ensure_min_samples=2)
        samples, p = X.shape
        self.location_ = np.zeros(p, X.dtype) if self.assume_centered else X.mean(axis=0)
        centered = X - self.location_
        n = samples if self.assume_centered else samples - 1
        constant = np.flatnonzero(np.ptp(centered, axis=0) == 0)
        if p > 1 and constant.size and samples > 1:
            raise ValueError(
                f"X must vary in every column, column {constant[0]} is constant (drop it: along "
                "it nothing is to be estimated)"
            )
        vectors, lam = self._principal(centered, n)
        rank = lam.size
        delta = self._shrunk(np.append(lam, np.zeros(p - rank)), n) if p > 1 else lam
        self.eigenvalues_ = delta
        # p - rank directions without data share the last eigenvalue
        rest = delta[rank] if rank < p else 0.0
        self.covariance_ = self._assemble(vectors, delta[:rank], rest)
        inverse = 1 / rest if rank < p else 0.0
        precision = self._assemble(vectors, 1 / delta[:rank], inverse)
        self.precision_ = precision if self.store_precision else None
        return self

    @staticmethod
    def _principal(X: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvectors and eigenvalues of X.T @ X / n, the largest first, without forced zeros."""
        rank = min(n, X.shape[1])
        if X.shape[1] <= X.shape[0]:
            lam, vectors = np.linalg.eigh(X.T @ X / n)
        else:
            lam, left = np.linalg.eigh(X @ X.T / n)
            vectors = X.T @ left / np.sqrt(n * np.maximum(lam, np.finfo(X.dtype).tiny))
        return vectors[:, ::-1][:, :rank], lam[::-1][:rank]

    @staticmethod
    def _assemble(vectors: np.ndarray, values: np.ndarray, rest: float) -> np.ndarray:
        matrix = (vectors * (values - rest).astype(vectors.dtype)) @ vectors.T
        matrix = (matrix + matrix.T) / 2
        matrix[np.diag_indices_from(matrix)] += rest
        return matrix


class SpikeShrinkage(_Shrinkage):
    r"""Covariance of a few components in white noise, as an estimator of scikit-learn.

    `spike_shrinkage` of the sample eigenvalues, with the sample eigenvectors. **Rows are
    samples here**, as everywhere in scikit-learn.

    Parameters
    ----------
    loss : str
        "frobenius", "precision" or "operator".
    spikes : int or None
        Number of components; None finds it.
    store_precision : bool
        Whether to keep the inverse.
    assume_centered : bool
        Whether the mean is known to be 0; otherwise it is subtracted, and n is one less.

    Notes
    -----
    After `fit`: ``covariance_`` and ``precision_``, shape (n_features, n_features), the estimate
    and its inverse; ``location_``, the mean, and ``eigenvalues_``, those of the estimate, the
    largest first, both of shape (n_features,).

    :cite:t:`DGJ18`. Methods `score`, `mahalanobis`, `error_norm` are those of
    `sklearn.covariance.EmpiricalCovariance`. Needs two positive eigenvalues at least, and no
    constant column.

    Example
    -------
    >>> rows = np.random.default_rng(0).standard_normal((300, 200))
    >>> rows[:, 0] *= 3
    >>> bool(SpikeShrinkage().fit(rows).error_norm(np.diag([9.0] + [1.0] * 199)) < 10)
    True
    """

    def __init__(
        self,
        *,
        loss: str = "frobenius",
        spikes: int | None = None,
        store_precision: bool = True,
        assume_centered: bool = False,
    ):
        self.loss = loss
        self.spikes = spikes
        super().__init__(store_precision=store_precision, assume_centered=assume_centered)

    def _shrunk(self, lam: np.ndarray, n: int) -> np.ndarray:
        return spike_shrinkage(lam, n=n, loss=self.loss, spikes=self.spikes)


class NonlinearShrinkage(_Shrinkage):
    r"""Covariance by analytical nonlinear shrinkage, as an estimator of scikit-learn.

    `nonlinear_shrinkage` of the sample eigenvalues, with the sample eigenvectors. **Rows are
    samples here**, as everywhere in scikit-learn. Afterwards an isotonic regression makes the
    eigenvalues increase with those of the sample: they do for nearly all populations, and it
    removes the large values that the formula gives to a few small eigenvalues when p is
    close to n.

    Parameters
    ----------
    store_precision : bool
        Whether to keep the inverse.
    assume_centered : bool
        Whether the mean is known to be 0; otherwise it is subtracted, and n is one less.

    Notes
    -----
    After `fit`: ``covariance_`` and ``precision_``, shape (n_features, n_features), the estimate
    and its inverse; ``location_``, the mean, and ``eigenvalues_``, those of the estimate, the
    largest first, both of shape (n_features,).

    :cite:t:`LedoitWolf20`. Below 12 samples the kernel has nothing to stand on and all
    eigenvalues become their mean. Mean squared error of the eigenvalues of white noise at
    p = n = 200: 0.02 instead of 0.8. No constant column.

    Example
    -------
    >>> rows = np.random.default_rng(0).standard_normal((300, 200)) * np.linspace(1, 3, 200)
    >>> bool(np.linalg.cond(NonlinearShrinkage().fit(rows).covariance_) < 30)
    True
    """

    def _shrunk(self, lam: np.ndarray, n: int) -> np.ndarray:
        if n < _FEWEST:
            return np.full(lam.size, lam.mean())
        return isotonic_regression(nonlinear_shrinkage(lam, n=n), increasing=False)
