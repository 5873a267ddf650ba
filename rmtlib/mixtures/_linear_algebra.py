"""Covariances that are stored as a vector of variances (diagonal) or as a full matrix."""

import numpy as np

from rmtlib import _checks
from rmtlib._types import ArrayLike


def covariance(name: str, value: ArrayLike, p: int) -> np.ndarray:
    """The vector or matrix that a number, p variances or a (p, p) matrix stand for."""
    array = _checks.real_array(name, value)
    if array.ndim == 0:
        return np.full(p, _checks.nonnegative(name, array, "a variance"))
    if array.ndim == 1:
        array = _checks.vector(name, array, p, "p variances")
        return _checks.nonnegative_array(name, array, "a variance")
    return _checks.covariance(name, array, p, "p rows and columns")


def constant(array: np.ndarray) -> np.ndarray:
    array = np.array(array, dtype=float)
    array.flags.writeable = False
    return array


def dense(C: np.ndarray) -> np.ndarray:
    return np.diag(C) if C.ndim == 1 else C


def diagonal(C: np.ndarray) -> np.ndarray:
    return C if C.ndim == 1 else np.diag(C)


def trace_product(A: np.ndarray, B: np.ndarray) -> float:
    return np.sum(A * B) if A.ndim == B.ndim else np.sum(diagonal(A) * diagonal(B))


def root(C: np.ndarray) -> np.ndarray:
    if C.ndim == 1:
        return np.sqrt(C)
    values, vectors = np.linalg.eigh(C)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def times(C: np.ndarray, X: np.ndarray) -> np.ndarray:
    return C[:, None] * X if C.ndim == 1 else C @ X


def nonsingular(name: str, C: np.ndarray) -> None:
    values = C if C.ndim == 1 else np.linalg.eigvalsh(C)
    if values.min() <= 1e3 * np.finfo(float).eps * values.max():
        raise ValueError(
            f"{name} must be positive definite, got eigenvalue {values.min():.3g} "
            "(the density needs its inverse)"
        )
