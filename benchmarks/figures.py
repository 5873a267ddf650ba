"""The two simulated figures of the book that are benchmarked as a whole."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.linalg import solve
from scipy.special import ndtr

from rmtlib.activations import Activation


def cut_network_errors(
    W: np.ndarray,
    X: np.ndarray,
    y: np.ndarray,
    n: int,
    activation: Activation,
    widths: Sequence[int],
    ridge: float,
) -> np.ndarray:
    """Errors of `naive.network_errors` with every row of features computed and used once."""
    S = activation(W[: widths[-1]] @ X)
    gram, errors = 0.0, []
    for N, new in zip(widths, np.split(S[:, :n], widths[:-1]), strict=True):
        gram = gram + new.T @ new / n
        Qy = solve(gram + ridge * np.eye(n), y[:n], assume_a="pos")
        predicted = S[:N, n:].T @ (S[:N, :n] @ Qy) / n
        errors.append((ridge**2 * np.mean(Qy**2), np.mean((y[n:] - predicted) ** 2)))
    return np.transpose(errors)


def draw_descents(
    draws: int, p: int, n: int, signal: float, init_variance: float, rng: np.random.Generator
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Data, labels and starts of the descent figure, the class mean along the first axis."""
    y, runs = np.where(np.arange(n) % 2, 1.0, -1.0), []
    for _ in range(draws):
        X = rng.standard_normal((p, n))
        X[0] += np.sqrt(signal) * y
        runs.append((X, y, np.sqrt(init_variance / p) * rng.standard_normal(p)))
    return runs


def descent_errors(
    runs: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]],
    signal: float,
    weights: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """Test and training error over time, averaged over the runs: shape (2, times)."""
    errors = []
    for X, y, start in runs:
        w = weights(X, y, start)
        test = ndtr(-np.sqrt(signal) * w[0] / np.sqrt(np.sum(w**2, axis=0)))
        errors.append((test, np.mean(y[:, None] * (X.T @ w) < 0, axis=0)))
    return np.mean(errors, axis=0)
