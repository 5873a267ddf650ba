r"""Ridge regression on random features: what it costs to have N of them, and n samples.

Data X have shape (p, n), columns are samples; features are
:math:`\Sigma = f(W X)` of shape (N, n), W of shape (N, p) with independent
standard Gaussian rows, and

.. math:: K = \mathbb E_w[f(X^{\mathsf T} w)\, f(w^{\mathsf T} X)]

is their limiting kernel (`rmtlib.kernels` has closed forms). The ridge
:math:`\gamma` belongs to the objective
:math:`\frac1n \|y - \Sigma^{\mathsf T} \beta\|^2 + \gamma \|\beta\|^2` throughout.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from rmtlib._checks import (
    ConvergenceError,
    as_rng,
    count,
    matrix,
    nonnegative_array,
    positive,
    positive_array,
    symmetric,
    vector,
)
from rmtlib.quantization import ternary_weights

_RESIDUAL = 1e-10


def _spectrum(name: str, eigenvalues: np.ndarray) -> np.ndarray:
    """Eigenvalues with those that are zero up to rounding set to zero."""
    noise = 10 * eigenvalues.size * np.finfo(eigenvalues.dtype).eps * np.abs(eigenvalues).max()
    if eigenvalues.min() < -noise or eigenvalues.max() <= 0:
        wrong = eigenvalues.min() if eigenvalues.min() < -noise else eigenvalues.max()
        raise ValueError(
            f"{name} must be positive semidefinite and not zero, got eigenvalue {wrong:.3g}"
        )
    return np.where(eigenvalues > noise, eigenvalues, 0.0).astype(float)


def _root(lam: np.ndarray, n: int, N: float, ridge: float) -> float:
    """Effective ridge, lam the positive eigenvalues of K."""
    r = lam.size
    if ridge == 0 and r <= N:
        return 0.0

    def excess(log_kappa: float) -> float:
        # N = df1 + n ridge / kappa, df1 = r - kappa tr R, with no difference of like terms
        kappa = np.exp(log_kappa)
        left = np.sum(kappa / (lam + kappa)) + max(N - r, 0.0)
        return np.log(left) - np.log(n * ridge / kappa + max(r - N, 0.0))

    low = max(ridge * n / N, lam.min() * max(r - N, 0.0) / r)
    ends = np.log(low) - 1e-6, np.log((lam.sum() + n * ridge) / N) + 1e-6
    log_kappa = brentq(excess, *ends, xtol=1e-15, rtol=1e-15)
    residual = abs(excess(log_kappa))
    if not residual <= _RESIDUAL:
        raise ConvergenceError(
            f"effective ridge not found for N = {N:g}, ridge = {ridge:g}: "
            f"relative residual {residual:.2g} > {_RESIDUAL:g}"
        )
    return float(np.exp(log_kappa))


def effective_ridge(
    eigenvalues: ArrayLike, features: ArrayLike, ridge: ArrayLike
) -> np.ndarray | float:
    r"""Effective ridge: finitely many features act as the limiting kernel with this ridge.

    The resolvent of :math:`\frac1n \Sigma^{\mathsf T} \Sigma` at ridge :math:`\gamma` is close to
    :math:`\frac\kappa\gamma (K + \kappa I)^{-1}`, with :math:`\kappa` the positive root of

    .. math:: N = \sum_i \frac{\lambda_i}{\lambda_i + \kappa} + \frac{n \gamma}{\kappa}, \qquad
              \lambda_i = \lambda_i(K),

    that is :math:`\bar Q = (\frac Nn \frac K{1 + \delta} + \gamma I)^{-1}` with
    :math:`\delta = \frac1n \operatorname{tr} \bar Q K` and
    :math:`\kappa = \gamma \frac nN (1 + \delta)`. It is between :math:`\gamma n / N` and
    :math:`(\operatorname{tr} K + n \gamma) / N`, and found there by Brent's method.

    Parameters
    ----------
    eigenvalues : vector of n nonnegative numbers
        Eigenvalues of K, zeros included.
    features : array of positive numbers
        N, any shape.
    ridge : array of nonnegative numbers
        :math:`\gamma`, of a shape that broadcasts with ``features``.

    Returns
    -------
    array of the common shape; 0 at ``ridge`` 0 if N is at least the rank of K.

    Raises
    ------
    ValueError
        If an eigenvalue or a ridge is negative, all eigenvalues are 0, or a width is not positive.
    ~rmtlib.ConvergenceError
        If the equation is not solved to 1e-10.

    Notes
    -----
    :cite:t:`LouartLiaoCouillet18`; corollary in :cite:t:`LiaoTalk24`. Traces of the resolvent
    differ from their equivalent by O(1/n).

    Example
    -------
    All eigenvalues 1: kappa**2 + (1 - n / N - ridge * n / N) kappa = ridge * n / N

    >>> kappa = effective_ridge([1.0, 1.0], features=4, ridge=0.5)
    >>> bool(abs(kappa**2 + 0.25 * kappa - 0.25) < 1e-12)
    True
    """
    lam = _spectrum("eigenvalues", vector("eigenvalues", eigenvalues))
    N, ridge = np.broadcast_arrays(
        positive_array("features", features), nonnegative_array("ridge", ridge)
    )
    kappa = [_root(lam[lam > 0], lam.size, *pair) for pair in zip(N.flat, ridge.flat, strict=True)]
    return np.reshape(kappa, N.shape)[()]


@dataclass(frozen=True)
class RandomFeatureErrors:
    r"""Limits for random-feature ridge regression; fields have the shape of (features, ridge).

    Parameters
    ----------
    effective_ridge : float or ndarray
        :math:`\kappa`.
    train : float or ndarray
        Training mean squared error.
    bias : float or ndarray
        Test error of kernel ridge regression with ridge :math:`\kappa`.
    variance : float or ndarray
        Test error that the randomness of finitely many features adds.
    degrees_of_freedom : float or ndarray
        :math:`\operatorname{tr} K (K + \kappa I)^{-1} \le N`.
    """

    effective_ridge: float | np.ndarray
    train: float | np.ndarray
    bias: float | np.ndarray
    variance: float | np.ndarray
    degrees_of_freedom: float | np.ndarray

    @property
    def test(self) -> float | np.ndarray:
        """Test mean squared error, the sum of bias and variance."""
        return self.bias + self.variance


@dataclass(frozen=True, repr=False)
class RandomFeatureRegression:
    r"""Deterministic equivalent of random-feature ridge regression, ready for any N and ridge.

    Made by `prepare`, with the only eigendecomposition
    :math:`K = U \operatorname{diag}(\lambda) U^{\mathsf T}`.

    Parameters
    ----------
    eigenvalues : ndarray, shape (n,)
        :math:`\lambda`, ascending; zero where they are so up to rounding.
    targets : ndarray, shape (n,)
        :math:`U^{\mathsf T} y`.
    cross : ndarray, shape (n, n_test)
        :math:`U^{\mathsf T} K_{X \hat X}`.
    test_targets : ndarray, shape (n_test,)
        Targets of the test samples.
    test_energy : float
        :math:`\frac1{\hat n} \operatorname{tr} K_{\hat X \hat X}`.
    """

    eigenvalues: np.ndarray
    targets: np.ndarray
    cross: np.ndarray
    test_targets: np.ndarray
    test_energy: float

    def __repr__(self) -> str:
        n, n_test = self.cross.shape
        return f"RandomFeatureRegression(n={n}, n_test={n_test})"

    def errors(self, features: ArrayLike, ridge: ArrayLike) -> RandomFeatureErrors:
        r"""Training and test error at any number of features and any ridge.

        With :math:`R = (K + \kappa I)^{-1}`, :math:`\kappa` of `effective_ridge` and
        :math:`D = N - \operatorname{tr} (K R)^2 = \frac{n \gamma}\kappa
        + \kappa \operatorname{tr} K R^2`,

        .. math::

            E_{\rm train} &= \frac{\kappa^2}n\, y^{\mathsf T} R^2 y + \frac\kappa n
                \frac{\kappa \operatorname{tr} K R^2}{D}\, y^{\mathsf T} R K R y, \\
            E_{\rm test} &= \frac1{\hat n} \|\hat y - K_{\hat X X} R y\|^2
                + \frac{y^{\mathsf T} R K R y}{D} \frac1{\hat n} \operatorname{tr}
                [K_{\hat X \hat X} - K_{\hat X X} (R + \kappa R^2) K_{X \hat X}] .

        Parameters
        ----------
        features : array of positive numbers
            N, any shape.
        ridge : array of nonnegative numbers
            :math:`\gamma`, of a shape that broadcasts with ``features``.

        Returns
        -------
        RandomFeatureErrors
            At ridge 0 and N equal to the rank of K the variance is infinite.

        Raises
        ------
        ValueError
            If a width is not positive or a ridge is negative.
        ~rmtlib.ConvergenceError
            If an effective ridge is not found.

        Notes
        -----
        :cite:t:`LouartLiaoCouillet18`, eq. for fixed targets; relative errors O(1/n) in
        the mean and :math:`O(n^{-1/2})` for one draw of W.
        """
        N, gamma = np.broadcast_arrays(
            positive_array("features", features), nonnegative_array("ridge", ridge)
        )
        kappa = np.asarray(effective_ridge(self.eigenvalues, N, gamma)).reshape(-1, 1)
        lam, y = self.eigenvalues, self.targets
        n, n_test = self.cross.shape
        inverse = np.where(lam + kappa > 0, 1 / np.where(lam + kappa > 0, lam + kappa, 1.0), 0.0)
        share = lam * inverse
        rest = np.where(lam > 0, kappa * inverse, 1.0)
        spare = np.where(
            kappa > 0,
            n * gamma.reshape(-1, 1) / np.where(kappa > 0, kappa, 1.0),
            N.reshape(-1, 1) - np.count_nonzero(lam),
        )[:, 0]
        mixed = np.sum(share * rest, axis=1)
        D = spare + mixed
        train = rest**2 @ y**2
        train += np.where(D > 0, mixed / np.where(D > 0, D, 1.0), 1.0) * ((share * rest) @ y**2)
        bias = np.mean((self.test_targets - (inverse * y) @ self.cross) ** 2, axis=1)
        left = self.test_energy - (inverse * (1 + rest)) @ np.sum(self.cross**2, axis=1) / n_test
        strength = (share * inverse) @ y**2
        variance = np.full(D.shape, np.inf)
        np.divide(strength * np.maximum(left, 0.0), D, out=variance, where=D > 0)
        fields = (kappa[:, 0], train / n, bias, variance, share.sum(axis=1))
        return RandomFeatureErrors(*(field.reshape(N.shape)[()] for field in fields))

    def peak_constant(self) -> float:
        r"""Constant C of the interpolation peak: test error :math:`C / \sqrt\gamma` at N = n.

        .. math::

            C = \frac{y^{\mathsf T} K^{-1} y \; \frac1{\hat n} \operatorname{tr}
                [K_{\hat X \hat X} - K_{\hat X X} K^{-1} K_{X \hat X}]}
                {2 \sqrt{n \operatorname{tr} K^{-1}}} , \qquad \gamma \to 0 .

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If K is singular: the peak is then not at N = n.

        Notes
        -----
        Expansion of the test error of :cite:t:`LouartLiaoCouillet18` at
        :math:`\kappa \simeq \sqrt{n \gamma / \operatorname{tr} K^{-1}}`; the relative error is
        :math:`O(\sqrt\gamma)`.
        """
        lam = self.eigenvalues
        if lam.min() == 0:
            raise ValueError(
                f"K must be nonsingular, got rank {np.count_nonzero(lam)} of {lam.size} "
                "(the formula needs the inverse of K)"
            )
        n, n_test = self.cross.shape
        left = self.test_energy - np.sum(self.cross**2 / lam[:, None]) / n_test
        return float(np.sum(self.targets**2 / lam) * left / (2 * np.sqrt(n * np.sum(1 / lam))))

    def ridge_for(self, features: float, effective: float) -> float:
        r"""Ridge at which a given effective ridge is reached: the equation read backward.

        .. math:: \gamma = \frac\kappa n \Bigl(N - \sum_i \frac{\lambda_i}{\lambda_i + \kappa}\Bigr)

        A kernel whose identity part :math:`d_0 I` is larger by a gap g (ternary features
        matched to another activation) has the same bias at :math:`\kappa - g`; the variance term
        is not matched, and is lost only for :math:`N \gg n`.

        Parameters
        ----------
        features : positive number
            N.
        effective : positive number
            :math:`\kappa` wanted.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If no ridge reaches it: N features without any ridge already act as a larger one.
        """
        N, kappa = positive("features", features), positive("effective", effective)
        used = np.sum(self.eigenvalues / (self.eigenvalues + kappa))
        if used > N:
            raise ValueError(
                f"effective must be at least {effective_ridge(self.eigenvalues, N, 0.0):g}, "
                f"got {kappa:g} (effective ridge of {N:g} features without ridge)"
            )
        return float(kappa * (N - used) / self.eigenvalues.size)


def prepare(
    K: ArrayLike,
    y: ArrayLike,
    K_cross: ArrayLike,
    y_test: ArrayLike,
    K_test_diagonal: ArrayLike,
) -> RandomFeatureRegression:
    r"""Deterministic equivalent of random-feature ridge regression from the limiting kernel.

    Kernels :math:`K = \mathbb E f(w^{\mathsf T} x) f(w^{\mathsf T} x')`; features
    :math:`\Sigma = f(W X)`, objective
    :math:`\frac1n \|y - \Sigma^{\mathsf T} \beta\|^2 + \gamma \|\beta\|^2`. The
    eigendecomposition of K costs :math:`O(n^3)`; each N and ridge then :math:`O(n \hat n)`.

    Parameters
    ----------
    K : symmetric positive semidefinite matrix of shape (n, n)
        Kernel of the training samples.
    y : vector of n numbers
        Training targets.
    K_cross : matrix of shape (n, n_test)
        Kernel between training and test samples.
    y_test : vector of n_test numbers
        Test targets.
    K_test_diagonal : vector of n_test numbers
        Diagonal of the kernel of the test samples; nothing else of it is needed.

    Returns
    -------
    RandomFeatureRegression

    Raises
    ------
    ValueError
        If K is not symmetric positive semidefinite, K_cross is not in its range, or a shape
        does not match.

    Notes
    -----
    :cite:t:`LouartLiaoCouillet18` for Lipschitz f and Gaussian W. Relative errors O(1/n).

    Example
    -------
    Isotropic kernel without ridge, N = n / 2: the training error is 1 - N / n

    >>> theory = prepare(np.eye(4), np.ones(4), np.zeros((4, 1)), [0.0], [1.0])
    >>> round(float(theory.errors(features=2, ridge=0.0).train), 12)
    0.5
    """
    K = symmetric("K", K).astype(float)
    n = K.shape[0]
    y = vector("y", y, length=n).astype(float)
    cross = matrix("K_cross", K_cross, shape=(n, None)).astype(float)
    y_test = vector("y_test", y_test, length=cross.shape[1]).astype(float)
    diagonal = vector("K_test_diagonal", K_test_diagonal, length=cross.shape[1]).astype(float)
    eigenvalues, U = np.linalg.eigh((K + K.T) / 2)
    eigenvalues, cross = _spectrum("K", eigenvalues), U.T @ cross
    null = eigenvalues == 0
    leak = np.max(np.abs(cross[null]), initial=0.0)
    if leak > 1e-5 * np.max(np.abs(cross), initial=1e-300):
        raise ValueError(
            f"K_cross must be in the range of K, got a component {leak:.3g} in its null space "
            "(together they are blocks of one positive semidefinite kernel)"
        )
    cross[null] = 0.0
    return RandomFeatureRegression(eigenvalues, U.T @ y, cross, y_test, float(diagonal.mean()))


def simulate_errors(
    features: ArrayLike, y: ArrayLike, test_features: ArrayLike, y_test: ArrayLike, ridge: ArrayLike
) -> tuple[np.ndarray | float, np.ndarray | float]:
    r"""Training and test error of ridge regression on given features, for many ridges at once.

    .. math::

        \beta = \arg\min \frac1n \|y - \Sigma^{\mathsf T} \beta\|^2 + \gamma \|\beta\|^2
              = \tfrac1n \Sigma\, (\tfrac1n \Sigma^{\mathsf T} \Sigma + \gamma I)^{-1} y ,

    from one singular value decomposition; at :math:`\gamma = 0` the solution of least norm.

    Parameters
    ----------
    features : matrix of shape (N, n)
        :math:`\Sigma`, one sample a column.
    y : vector of n numbers
        Training targets.
    test_features : matrix of shape (N, n_test)
        Features of the test samples, with the same weights.
    y_test : vector of n_test numbers
        Test targets.
    ridge : array of nonnegative numbers
        :math:`\gamma`, any shape.

    Returns
    -------
    train, test : arrays of the shape of ``ridge``
        Mean squared errors.

    Raises
    ------
    ValueError
        If a shape does not match or a ridge is negative.

    Notes
    -----
    Exact for these features; compare with `RandomFeatureRegression.errors`.

    Example
    -------
    >>> train, test = simulate_errors([[1.0, 1.0]], [1.0, 3.0], [[1.0]], [2.0], ridge=[0.0, 1.0])
    >>> train.round(12), test.round(12)
    (array([1., 2.]), array([0., 1.]))
    """
    S = matrix("features", features).astype(float)
    y = vector("y", y, length=S.shape[1]).astype(float)
    T = matrix("test_features", test_features, shape=(S.shape[0], None)).astype(float)
    y_test = vector("y_test", y_test, length=T.shape[1]).astype(float)
    gamma = nonnegative_array("ridge", ridge)
    n = y.size
    U, s, Vt = np.linalg.svd(S, full_matrices=False)
    s = np.where(s > max(S.shape) * np.finfo(float).eps * s[0], s, 0.0)
    scaled = s**2 / n + gamma.reshape(-1, 1)
    inverse = np.where(s > 0, 1 / np.where(s > 0, scaled, 1.0), 0.0)
    beta = inverse * s / n * (Vt @ y)
    train = np.mean((y - (beta * s) @ Vt) ** 2, axis=1)
    test = np.mean((y_test - beta @ (U.T @ T)) ** 2, axis=1)
    return train.reshape(gamma.shape)[()], test.reshape(gamma.shape)[()]


def random_features(
    X: ArrayLike,
    activation: Callable[[np.ndarray], np.ndarray],
    features: int,
    sparsity: float | None = None,
    rng: int | np.random.Generator | None = None,
) -> np.ndarray:
    r"""One draw of random features :math:`\Sigma = f(W X)`, shape (N, n).

    Split the columns afterward into training and test samples: they share W.

    Parameters
    ----------
    X : matrix of shape (p, n)
        Data, one sample a column.
    activation : function
        f, applied to an array entry by entry.
    features : integer >= 1
        N.
    sparsity : number in [0, 1) or None
        None for standard Gaussian W; otherwise that of `rmtlib.quantization.ternary_weights`.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    array of shape (N, n)

    Raises
    ------
    ValueError
        If X is not a matrix, a number is out of range, or the activation changes the shape.

    Notes
    -----
    Sparse signs: :cite:t:`AliLiaoCouillet22`. The limiting kernel does not depend on the law of W
    if :math:`d_2 = 0`, if the fourth moment is 3, or if classes share their diagonal
    profile; fewer than about 10 nonzero entries a row are too few.

    Example
    -------
    >>> random_features(np.eye(2), np.sign, 5, rng=0).shape
    (5, 2)
    """
    X = matrix("X", X).astype(float)
    N = count("features", features)
    rng = as_rng(rng)
    if sparsity is None:
        W = rng.standard_normal((N, X.shape[0]))
    else:
        W = ternary_weights((N, X.shape[0]), sparsity, rng=rng)
    if not callable(activation):
        raise ValueError(f"activation must be a function, got {type(activation).__name__}")
    Sigma = np.asarray(activation(W @ X))
    return matrix("activation(W X)", Sigma, shape=(N, X.shape[1]))
