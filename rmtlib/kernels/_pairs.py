"""Two-point expectations of an activation at many pairs of one set of variances."""

from collections.abc import Callable

import numpy as np

from rmtlib.activations import Activation
from rmtlib.kernels._mehler import MehlerSeries, series_expectation


def evaluator(activation: Activation, a: np.ndarray, b: np.ndarray, derivative: bool) -> Callable:
    """Function of index arrays i into a, j into b, and of s and alpha at (i, j)."""
    tiny = np.sqrt(np.finfo(float).tiny)
    same = b is a
    zeros = a <= tiny, b <= tiny
    a, b = np.where(zeros[0], 1.0, a), np.where(zeros[1], 1.0, b)
    sigma, closed = activation, activation.closed_form
    if derivative and not closed:
        if activation.jumps:
            raise ValueError(
                f"activation must not jump, got jumps at {activation.jumps} "
                "(the kernel of its derivative is infinite on the diagonal)"
            )
        sigma = Activation(
            f"{activation.name}'", activation.derivative, np.zeros_like, jumps=activation.kinks
        )
    kind = "mean_derivative" if derivative and closed else "mean"
    mean = getattr(sigma.moments(a), kind)
    means = mean, mean if same else getattr(sigma.moments(b), kind)
    at_zero = float((activation.derivative if derivative else activation.value)(np.zeros(())))

    if closed:
        product = activation.derivative_product if derivative else activation.product

        def regular(i, j, s, alpha):
            return product(a[i], b[j], s, alpha)

    else:
        left = MehlerSeries(sigma, a)
        right = left if same else MehlerSeries(sigma, b)

        def regular(i, j, s, alpha):
            return series_expectation(left.at(i), right.at(j), alpha)

    def evaluate(i, j, s, alpha):
        K = np.broadcast_to(regular(i, j, s, alpha), s.shape)
        first, second = zeros[0][i], zeros[1][j]
        if first.any() or second.any():  # sigma(0) times the mean of the other
            left = np.where(first, at_zero, means[0][i])
            right = np.where(second, at_zero, means[1][j])
            K = np.where(first | second, left * right, K)
        return K

    return evaluate


def on_diagonal(activation: Activation, a: np.ndarray, derivative: bool) -> np.ndarray:
    """E sigma(u)^2 or E sigma'(u)^2 at variances a, by the one-dimensional formulas."""
    zero = a <= np.sqrt(np.finfo(float).tiny)
    moments = activation.moments(np.where(zero, 1.0, a))
    at_zero = (activation.derivative if derivative else activation.value)(np.zeros(a.shape))
    square = moments.mean_squared_derivative if derivative else moments.second_moment
    return np.where(zero, at_zero**2, square)


def angle(a: np.ndarray, b: np.ndarray, s: np.ndarray) -> np.ndarray:
    """arcsin(rho), 0 where a or b is 0."""
    scale = np.sqrt(a) * np.sqrt(b)
    rho = np.divide(
        s, scale, out=np.zeros(np.broadcast_shapes(scale.shape, s.shape)), where=scale > 0
    )
    equal = (a == b) & (np.abs(s) == a)
    return np.arcsin(np.where(equal, np.sign(s), np.clip(rho, -1, 1)))


def fill(
    K: np.ndarray, pairs: Callable, evaluate: Callable, block_size: int, diagonal=None
) -> np.ndarray:
    """K from (s, alpha) of pairs, by blocks of rows; with a diagonal it is symmetric."""
    n, m = K.shape
    for start in range(0, n, block_size):
        rows = slice(start, min(start + block_size, n))
        columns = slice(0 if diagonal is None else start, m)
        s, alpha = pairs(rows, columns)
        if diagonal is not None:
            np.fill_diagonal(s, 0.0)
            np.fill_diagonal(alpha, 0.0)
        i, j = np.arange(n)[rows, None], np.arange(m)[None, columns]
        K[rows, columns] = evaluate(i, j, s, alpha)
        if diagonal is not None:
            mirror(K, rows)
    if diagonal is not None:
        np.fill_diagonal(K, diagonal)
    return K


def mirror(K: np.ndarray, rows: slice) -> None:
    """Copies rows of the upper triangle to the lower one."""
    square = np.triu(K[rows, rows])
    K[rows, rows] = square + np.triu(square, 1).T
    K[rows.stop :, rows] = K[rows, rows.stop :].T


def overwrite(K: np.ndarray, evaluate: Callable, block_size: int, diagonal) -> np.ndarray:
    """The covariance K by expectations at its pairs, in place."""
    a = np.diag(K).copy()

    def pairs(rows: slice, columns: slice) -> tuple[np.ndarray, np.ndarray]:
        s = K[rows, columns].copy()
        return s, angle(a[rows, None], a[None, columns], s)

    return fill(K, pairs, evaluate, block_size, diagonal)
