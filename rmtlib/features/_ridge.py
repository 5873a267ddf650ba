r"""Ridge regression on random features: what it costs to have N of them, and n samples.

Data X have shape (p, n), columns are samples; features are
:math:`\Sigma = f(W X)` of shape (N, n), W of shape (N, p) with independent
standard Gaussian rows, and

.. math:: K = \mathbb E_w[f(X^{\mathsf T} w)\, f(w^{\mathsf T} X)]

is their limiting kernel (`rmtlib.kernels` has closed forms). The ridge
:math:`\gamma` belongs to the objective
:math:`\frac1n \|y - \Sigma^{\mathsf T} \beta\|^2 + \gamma \|\beta\|^2` throughout.
"""

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from rmtlib import _checks
from rmtlib._types import ArrayLike
from rmtlib.features._errors import RidgeErrors

_RESIDUAL = 1e-10


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
        raise _checks.ConvergenceError(
            f"effective ridge not found for N = {N:g}, ridge = {ridge:g}: "
            f"relative residual {residual:.2g} > {_RESIDUAL:g}"
        )
    return float(np.exp(log_kappa))


def _roots(lam: np.ndarray, N: np.ndarray, ridge: np.ndarray) -> np.ndarray:
    pairs = zip(N.flat, ridge.flat, strict=True)
    return np.reshape([_root(lam[lam > 0], lam.size, *pair) for pair in pairs], N.shape)


def _pairs(features: ArrayLike, ridge: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    return np.broadcast_arrays(
        _checks.positive_array("features", features), _checks.nonnegative_array("ridge", ridge)
    )


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
    features, ridge : arrays of positive and nonnegative numbers
        N and :math:`\gamma`, of shapes that broadcast.

    Returns
    -------
    array of the common shape; 0 at ``ridge`` 0 if N is at least the rank of K.

    Raises
    ------
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
    lam = _checks.eigenvalues("eigenvalues", eigenvalues, "of a kernel")
    return _checks.scalar_out(_roots(lam, *_pairs(features, ridge)))


def _divide(top: ArrayLike, bottom: np.ndarray, otherwise: ArrayLike) -> np.ndarray:
    """Quotient where the denominator is positive."""
    out = np.array(np.broadcast_to(otherwise, bottom.shape), dtype=float)
    return np.divide(top, bottom, out=out, where=bottom > 0)


class RandomFeatureRidge:
    r"""Deterministic equivalent of random-feature ridge regression, ready for any N and ridge.

    Kernel :math:`K = \mathbb E f(w^{\mathsf T} x) f(w^{\mathsf T} x')` of all samples, the
    first n of them for training; features :math:`\Sigma = f(W X)`, objective
    :math:`\frac1n \|y - \Sigma^{\mathsf T} \beta\|^2 + \gamma \|\beta\|^2`. The only
    eigendecomposition, of the training block, costs :math:`O(n^3)`; each N and ridge then
    :math:`O(n \hat n)`, :math:`\hat n` the number of test samples.

    Parameters
    ----------
    K : symmetric matrix
        Limiting kernel of training and test samples, positive semidefinite. Of the block of the
        test samples the diagonal is used only.
    y : vector
        Targets of all samples.
    n : integer >= 1 or None
        Number of training samples; None for all: nothing is then known of the test error.

    Notes
    -----
    :cite:t:`LouartLiaoCouillet18` for Lipschitz f and Gaussian W. Relative errors O(1/n).

    Example
    -------
    Isotropic kernel without ridge, N = n / 2: the training error is 1 - N / n

    >>> theory = RandomFeatureRidge(np.eye(4), np.ones(4))
    >>> round(theory.errors(features=2, ridge=0.0).train, 12)
    0.5
    """

    def __init__(self, K: ArrayLike, y: ArrayLike, n: int | None = None):
        K = _checks.symmetric("K", K).astype(float)
        y = _checks.vector("y", y, length=len(K)).astype(float)
        n = len(K) if n is None else _checks.count("n", n)
        if n > len(K):
            raise ValueError(f"n must be at most {len(K)}, the size of K, got {n}")
        values, U = np.linalg.eigh((K[:n, :n] + K[:n, :n].T) / 2)
        self._eigenvalues = _checks.eigenvalues(
            "eigenvalues of K", values, "a kernel is positive semidefinite"
        )
        self._targets, self._test_targets = U.T @ y[:n], y[n:]
        self._cross, self._test_diagonal = U.T @ K[:n, n:], np.diag(K)[n:]
        null = self._eigenvalues == 0
        leak = np.max(np.abs(self._cross[null]), initial=0.0)
        if leak > 1e-5 * np.max(np.abs(self._cross), initial=1e-300):
            raise ValueError(
                "K between training and test samples must be in the range of its training block, "
                f"got a component {leak:.3g} in the null space (K is positive semidefinite)"
            )
        self._cross[null] = 0.0

    def __repr__(self) -> str:
        n, n_test = self._cross.shape
        return f"RandomFeatureRidge(n={n}, n_test={n_test})"

    @property
    def eigenvalues(self) -> np.ndarray:
        """Eigenvalues of the training kernel, ascending; 0 where they are so up to rounding."""
        return self._eigenvalues.copy()

    def errors(self, features: ArrayLike, ridge: ArrayLike) -> RidgeErrors:
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
        features, ridge : arrays of positive and nonnegative numbers
            N and :math:`\gamma`, of shapes that broadcast.

        Returns
        -------
        RidgeErrors
            At ridge 0 and N equal to the rank of K the variance is infinite, unless the kernel
            of all samples has that rank: then it is 0.

        Notes
        -----
        :cite:t:`LouartLiaoCouillet18`, eq. for fixed targets; relative errors O(1/n) in
        the mean and :math:`O(n^{-1/2})` for one draw of W.
        """
        N, gamma = _pairs(features, ridge)
        lam, y, cross, n_test = self._eigenvalues, self._targets, self._cross, self._cross.shape[1]
        kappa = _roots(lam, N, gamma).reshape(-1, 1)
        inverse = _divide(1.0, lam + kappa, 0.0)
        share, rest = lam * inverse, np.where(lam > 0, kappa * inverse, 1.0)
        mixed = np.sum(share * rest, axis=1)
        spare = N.reshape(-1, 1) - np.count_nonzero(lam)
        D = _divide(lam.size * gamma.reshape(-1, 1), kappa, spare)[:, 0] + mixed
        train = rest**2 @ y**2 + _divide(mixed, D, 1.0) * ((share * rest) @ y**2)
        bias = variance = np.full(D.shape, np.nan)
        if n_test:
            bias = np.mean((self._test_targets - (inverse * y) @ cross) ** 2, axis=1)
            energy = self._test_diagonal.mean()
            left = energy - (inverse * (1 + rest)) @ np.sum(cross**2, axis=1) / n_test
            at_peak = np.where(left > np.sqrt(np.finfo(float).eps) * energy, np.inf, 0.0)
            variance = _divide((share * inverse) @ y**2 * np.maximum(left, 0.0), D, at_peak)
        fields = (train / lam.size, bias + variance, bias, variance, kappa[:, 0], gamma)
        return RidgeErrors(*(_checks.scalar_out(np.reshape(field, N.shape)) for field in fields))

    def best(self, features: ArrayLike) -> RidgeErrors:
        r"""Errors at the ridge of least test error, for each number of features.

        Parameters
        ----------
        features : array of positive numbers
            N, any shape.

        Returns
        -------
        RidgeErrors
            ``ridge`` is the best one between :math:`10^{-8}` and :math:`10^4` times
            :math:`\frac Nn \lambda_{\max}`.

        Example
        -------
        >>> theory = RandomFeatureRidge(np.eye(3) + 0.5, [1.0, 0.5, 1.0], n=2)
        >>> best = theory.best(4)
        >>> near = theory.errors(4, [0.9 * best.ridge, 1.1 * best.ridge])
        >>> bool(best.test < near.test.min())
        True
        """
        N = _checks.positive_array("features", features)
        if not self._test_targets.size:
            raise ValueError("n must be less than the size of K, got all samples (no test error)")
        grid = np.log(self._eigenvalues[-1]) + np.linspace(np.log(1e-8), np.log(1e4), 85)
        ridge = np.empty(N.shape)
        for index in np.ndindex(N.shape):

            def test(log: ArrayLike, width: float = N[index]) -> np.ndarray | float:
                return self.errors(width, width / self._eigenvalues.size * np.exp(log)).test

            k = int(np.argmin(test(grid)))
            ends = grid[max(k - 1, 0)], grid[min(k + 1, grid.size - 1)]
            found = minimize_scalar(test, bounds=ends, method="bounded", options={"xatol": 1e-6})
            ridge[index] = N[index] / self._eigenvalues.size * np.exp(found.x)
        return self.errors(N, ridge)

    def degrees_of_freedom(self, effective: ArrayLike, order: int = 1) -> np.ndarray | float:
        r"""Trace :math:`\operatorname{tr} [K (K + \kappa I)^{-1}]^k`, at most N for k = 1.

        Parameters
        ----------
        effective : array of positive numbers
            :math:`\kappa`, any shape.
        order : integer >= 1
            k; D of `errors` is N minus the trace of order 2.
        """
        kappa, k = _checks.positive_array("effective", effective), _checks.count("order", order)
        share = self._eigenvalues / (self._eigenvalues + kappa[..., None])
        return _checks.scalar_out(np.sum(share**k, axis=-1))
