r"""Ridge regression on several nonlinearities of the same random projections.

Cosines and sines of one matrix of weights are the best known case, random Fourier
features. The families share their weights, so they do not average independently: each
has its own effective width.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rmtlib._checks import ConvergenceError, covariance, positive, real_array, vector

_RESIDUAL = 1e-10


def _stack(name: str, value: ArrayLike, shape: tuple[int, ...], k: int | None = None) -> np.ndarray:
    """Float array of one array of the given shape for each of k >= 1 families."""
    array = real_array(name, value, ndim=1 + len(shape)).astype(float)
    if array.shape[1:] != shape or len(array) == 0 or (k is not None and len(array) != k):
        wanted = ", ".join(map(str, ("families" if k is None else k, *shape)))
        raise ValueError(f"{name} must be of shape ({wanted}), got shape {array.shape}")
    return array


@dataclass(frozen=True)
class FamilyErrors:
    r"""Limits for several feature families that share their weights.

    Parameters
    ----------
    deltas : ndarray, shape (k,)
        :math:`\delta_a`, one for each family.
    train : float
        Training mean squared error.
    test : float
        Test mean squared error.
    residual : float
        Largest relative residual of the equations for :math:`\delta`.
    """

    deltas: np.ndarray
    train: float
    test: float
    residual: float


def family_errors(
    kernels: Sequence[ArrayLike],
    y: ArrayLike,
    cross_kernels: Sequence[ArrayLike],
    y_test: ArrayLike,
    test_diagonals: Sequence[ArrayLike],
    features: float,
    ridge: float,
) -> FamilyErrors:
    r"""Errors of ridge regression on several nonlinearities of the same random projections.

    Features :math:`\Sigma = [f_1(W X); \dots; f_k(W X)]`, W of shape (N, p) with standard Gaussian
    entries, for example cosine and sine (random Fourier features): kN features in all. Objective
    :math:`\frac1n \|y - \Sigma^{\mathsf T} \beta\|^2 + \gamma \|\beta\|^2`. Cross kernels
    :math:`\mathbb E f_a f_b` must vanish. With :math:`u_a = 1 / (1 + \delta_a)`,

    .. math::

        \bar Q = \Bigl(\frac Nn \sum_a u_a K_a + \gamma I\Bigr)^{-1}, \qquad
        \delta_a = \frac1n \operatorname{tr} \bar Q K_a ,

    .. math::

        E_{\rm train} &= \frac{\gamma^2}n \Bigl[\|\bar Q y\|^2
            + \frac Nn \sum_a u_a^2 [(I - M)^{-1} v]_a\, g_a\Bigr], \\
        E_{\rm test} &= \frac1{\hat n} \|\hat y - \Phi^{\mathsf T} \bar Q y\|^2
            + \frac Nn \sum_a u_a^2 [(I - M)^{-1} \tfrac gn]_a\, w_a ,

    where :math:`M_{ab} = \frac Nn u_b^2\, \frac1n \operatorname{tr} \bar Q K_a \bar Q K_b`,
    :math:`v_a = \frac1n \operatorname{tr} \bar Q K_a \bar Q`,
    :math:`g_a = y^{\mathsf T} \bar Q K_a \bar Q y`,
    :math:`\Phi = \frac Nn \sum_a u_a K_{a, X \hat X}` and :math:`w_a` the mean over test samples of
    :math:`K_{a, \hat X \hat X} - 2 K_{a, \hat X X} \bar Q \Phi
    + \Phi^{\mathsf T} \bar Q K_a \bar Q \Phi`.
    The equations for :math:`\delta` have an increasing concave right side: Newton's method goes
    down from :math:`\frac1{n \gamma} \operatorname{tr} K_a` to the solution.

    Parameters
    ----------
    kernels : sequence of k symmetric positive semidefinite matrices of shape (n, n)
        Kernels of the training samples, one a family.
    y : vector of n numbers
        Training targets.
    cross_kernels : sequence of k matrices of shape (n, n_test)
        Kernels between training and test samples.
    y_test : vector of n_test numbers
        Test targets.
    test_diagonals : sequence of k vectors of n_test numbers
        Diagonals of the kernels of the test samples.
    features : positive number
        N, rows of W.
    ridge : positive number
        :math:`\gamma`.

    Returns
    -------
    FamilyErrors

    Raises
    ------
    ValueError
        If shapes or lengths differ, a kernel is not positive semidefinite, or ``features`` or
        ``ridge`` is not positive.
    ~rmtlib.ConvergenceError
        If the equations are not solved to 1e-10.

    Notes
    -----
    Random Fourier features: section 5.5 of :cite:t:`CouilletLiao22`. Relative errors O(1/n).

    Example
    -------
    One family is `rmtlib.features.prepare`:

    >>> K, y, cross = np.diag([1.0, 2.0]), [1.0, -1.0], [[0.5], [0.2]]
    >>> one = family_errors([K], y, [cross], [1.0], [[1.0]], features=3, ridge=0.1)
    >>> from rmtlib.features import prepare
    >>> two = prepare(K, y, cross, [1.0], [1.0]).errors(features=3, ridge=0.1)
    >>> bool(abs(one.test - two.test) < 1e-12)
    True
    """
    y = vector("y", y).astype(float)
    y_test = vector("y_test", y_test).astype(float)
    n, n_test = y.size, y_test.size
    K = _stack("kernels", kernels, (n, n))
    k = len(K)
    cross = _stack("cross_kernels", cross_kernels, (n, n_test), k)
    diagonal = _stack("test_diagonals", test_diagonals, (n_test,), k)
    for one in K:
        covariance("kernels", one)
    N, gamma = positive("features", features), positive("ridge", ridge)
    delta = np.einsum("aii->a", K) / (n * gamma)
    for _ in range(60):
        u = 1 / (1 + delta)
        Q = np.linalg.inv(N / n * np.tensordot(u, K, 1) + gamma * np.eye(n))
        QK = Q @ K
        excess = np.einsum("aii->a", QK) / n - delta
        M = N / n**2 * np.einsum("aij,bji->ab", QK, QK, optimize=True) * u**2
        if np.max(np.abs(excess) / (1 + delta)) < 1e-13:
            break
        delta = np.maximum(delta + np.linalg.solve(np.eye(k) - M, excess), 0.0)
    residual = float(np.max(np.abs(excess) / (1 + delta)))
    if not residual <= _RESIDUAL:
        raise ConvergenceError(
            f"equations for delta not solved at N = {N:g}, ridge = {gamma:g}: "
            f"relative residual {residual:.2g} > {_RESIDUAL:g}"
        )
    Qy = Q @ y
    v, g = np.einsum("aij,ji->a", QK, Q) / n, np.einsum("i,aij,j->a", Qy, K, Qy, optimize=True)
    Phi = N / n * np.tensordot(u, cross, 1)
    QPhi = Q @ Phi
    w = np.mean(
        diagonal - 2 * np.sum(cross * QPhi, axis=1) + np.sum(QPhi * (K @ QPhi), axis=1), axis=1
    )
    weight = N / n * np.linalg.solve((np.eye(k) - M).T, (u**2 * np.array([g, w])).T)
    train = gamma**2 / n * (Qy @ Qy + v @ weight[:, 0])
    test = np.mean((y_test - Phi.T @ Qy) ** 2) + g / n @ weight[:, 1]
    return FamilyErrors(delta, float(train), float(test), residual)
