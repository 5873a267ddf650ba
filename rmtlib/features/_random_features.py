"""Draws of random features, and ridge regression on features as they are."""

from collections.abc import Callable

import numpy as np

from rmtlib._checks import as_rng, count, matrix, nonnegative_array, scalar_out, vector
from rmtlib._types import ArrayLike
from rmtlib.activations import Activation, as_activation
from rmtlib.features._errors import RidgeErrors
from rmtlib.quantization import ternary_weights


def random_features(
    activation: Activation | str | Callable[[np.ndarray], np.ndarray],
    X: ArrayLike,
    features: int,
    *,
    sparsity: float | None = None,
    rng: int | np.random.Generator | None = None,
) -> np.ndarray:
    r"""One draw of random features :math:`\Sigma = f(W X)`, shape (N, n).

    Split the columns afterward into training and test samples: they share W.

    Parameters
    ----------
    activation : Activation, str or function
        f; a function is applied to an array entry by entry.
    X : matrix of shape (p, n)
        Data, one sample a column.
    features : integer >= 1
        N.
    sparsity : number in [0, 1) or None
        None for standard Gaussian W; otherwise that of `rmtlib.quantization.ternary_weights`.
    rng : None, int or Generator
        Source of randomness.

    Notes
    -----
    Sparse signs: :cite:t:`AliLiaoCouillet22`. The limiting kernel does not depend on the law of W
    if :math:`d_2 = 0`, if the fourth moment is 3, or if classes share their diagonal
    profile; fewer than about 10 nonzero entries a row are too few.

    Example
    -------
    >>> random_features("sign", np.eye(2), 5, rng=0).shape
    (5, 2)
    """
    f = activation if callable(activation) else as_activation(activation)
    X = matrix("X", X).astype(float)
    N, rng = count("features", features), as_rng(rng)
    if sparsity is None:
        W = rng.standard_normal((N, X.shape[0]))
    else:
        W = ternary_weights((N, X.shape[0]), sparsity, rng=rng)
    return matrix("activation(W X)", f(W @ X), shape=(N, X.shape[1]))


def simulate_errors(Sigma: ArrayLike, y: ArrayLike, n: int, ridge: ArrayLike) -> RidgeErrors:
    r"""Training and test error of ridge regression on given features, for many ridges at once.

    .. math::

        \beta = \arg\min \frac1n \|y - \Sigma^{\mathsf T} \beta\|^2 + \gamma \|\beta\|^2
              = \tfrac1n \Sigma\, (\tfrac1n \Sigma^{\mathsf T} \Sigma + \gamma I)^{-1} y

    on the first n samples, from one decomposition; at :math:`\gamma = 0` the solution of least
    norm.

    Parameters
    ----------
    Sigma : matrix
        Features of training and test samples with the same weights, one sample a column.
    y : vector
        Targets of all samples.
    n : integer >= 1
        Number of training samples; if they are all, the test error is NaN.
    ridge : array of nonnegative numbers
        :math:`\gamma`, any shape, that of the result.

    Notes
    -----
    Exact for these features; compare with `RandomFeatureRidge.errors`.

    Example
    -------
    >>> errors = simulate_errors([[1.0, 1.0, 1.0]], [1.0, 3.0, 2.0], n=2, ridge=[0.0, 1.0])
    >>> errors.train.round(12), errors.test.round(12)
    (array([1., 2.]), array([0., 1.]))
    """
    Sigma = matrix("Sigma", Sigma).astype(float)
    y = vector("y", y, length=Sigma.shape[1]).astype(float)
    n = count("n", n)
    if n > y.size:
        raise ValueError(f"n must be at most {y.size}, the number of samples, got {n}")
    gamma = nonnegative_array("ridge", ridge)
    return fit(Sigma[:, :n], y[:n], Sigma[:, n:], y[n:], gamma)


def fit(
    S: np.ndarray, y: np.ndarray, T: np.ndarray, y_test: np.ndarray, ridge: np.ndarray
) -> RidgeErrors:
    """Errors on the test features T of ridge regression on the features S."""
    lam, U, projected = _modes(S, y)
    inverse = np.where(lam > 0, 1 / np.where(lam > 0, lam + ridge.reshape(-1, 1), 1.0), 0.0)
    beta = (inverse * projected) @ U.T
    train = np.mean((y - beta @ S) ** 2, axis=1)
    test = np.mean((y_test - beta @ T) ** 2, axis=1) if y_test.size else np.nan * train
    train, test = (scalar_out(error.reshape(ridge.shape)) for error in (train, test))
    return RidgeErrors(train, test, ridge=scalar_out(ridge))


def _modes(S: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvalues of S S' / n, 0 up to rounding, its eigenvectors, and S y / n in them."""
    N, n = S.shape
    if n >= 2 * N:  # several times faster, and accurate where nothing is lost by squaring
        lam, U = np.linalg.eigh(S @ S.T / n)
        if lam[0] > 1e-7 * lam[-1]:
            return lam, U, U.T @ (S @ y / n)
    U, s, Vt = np.linalg.svd(S, full_matrices=False)
    s = np.where(s > max(N, n) * np.finfo(float).eps * s[0], s, 0.0)
    return s**2 / n, U, s / n * (Vt @ y)
