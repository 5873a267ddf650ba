r"""Conjugate and tangent kernels of deep random networks in large dimension.

For points of a mixture of K classes, divided by :math:`\sqrt p`, both kernels of
`rmtlib.deep_kernels` are close in operator norm to

.. math:: \alpha X^{\mathsf T}X+VAV^{\mathsf T}+\gamma I_n,

a linear kernel, a matrix of rank K + 1 and an identity. The network acts through the scalars
of `rmtlib.kernels.kernel_coefficients`, the data through second-order statistics.
`entrywise_equivalent` needs no classes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.linalg import eigsh

from rmtlib import _checks
from rmtlib._checks import ConvergenceError
from rmtlib.kernels._deep import KernelCoefficients
from rmtlib.mixtures import GaussianMixture

_COLUMNS = "columns are samples, divided by sqrt(p)"


@dataclass(frozen=True, eq=False)
class KernelEquivalent:
    r"""A kernel in large dimension: linear kernel, low rank, identity.

    .. math:: \tilde K=\alpha X^{\mathsf T}X+VAV^{\mathsf T}+\gamma I_n .

    Parameters
    ----------
    X : ndarray, shape (p, n)
        The data.
    linear : float
        :math:`\alpha`.
    V : ndarray, shape (n, K + 1)
        :math:`[J/\sqrt p,\psi]`: class indicators and fluctuation of the norms.
    core : ndarray, shape (K + 1, K + 1)
        :math:`A`.
    identity : float
        :math:`\gamma`.
    """

    X: np.ndarray
    linear: float
    V: np.ndarray
    core: np.ndarray
    identity: float

    def matrix(self) -> np.ndarray:
        """The matrix, shape (n, n)."""
        K = self.linear * (self.X.T @ self.X)
        K += self.V @ self.core @ self.V.T
        K.flat[:: len(K) + 1] += self.identity
        return (K + K.T) / 2


def conjugate_equivalent(
    layer: KernelCoefficients, X: ArrayLike, labels: ArrayLike, mixture: GaussianMixture
) -> KernelEquivalent:
    r"""Conjugate kernel of data from a mixture, in large dimension.

    .. math::

        \tilde K_\ell=\alpha_{\ell,1}X^{\mathsf T}X+VA_\ell V^{\mathsf T}
        +(\tau_\ell^2-\tau_0^2\alpha_{\ell,1})I_n,\qquad V=[J/\sqrt p,\psi],

    .. math::

        A_\ell=\begin{bmatrix}\alpha_{\ell,2}tt^{\mathsf T}+\alpha_{\ell,3}T
        +\alpha_{\ell,5}T^{\mathrm d}&\alpha_{\ell,2}t\\
        \alpha_{\ell,2}t^{\mathsf T}&\alpha_{\ell,2}\end{bmatrix},\qquad
        T^{\mathrm d}_{ab}=\frac1p\mathrm{tr}(C_a\circ C_b),

    with :math:`\tau_0^2=\mathrm{tr}\,C^\circ/p`, t, T and :math:`\psi` of
    `rmtlib.mixtures.GaussianMixture.second_order`.

    Parameters
    ----------
    layer : KernelCoefficients
        From `~rmtlib.kernels.kernel_coefficients` at ``mixture.typical_squared_norm()``.
    X : array_like, shape (p, n)
        Points of the mixture divided by :math:`\sqrt p`, as ``sample(normalize=True)``
        returns them.
    labels : integer array, shape (n,)
        Their classes.
    mixture : GaussianMixture
        Where they come from.

    Returns
    -------
    KernelEquivalent

    Raises
    ------
    ValueError
        If shapes do not fit, or X is not divided by :math:`\sqrt p`.

    Notes
    -----
    Source: :cite:t:`Gu22`, :cite:t:`LiaoTalk24`; the coefficient of the identity in
    :cite:t:`LiaoTalk23` has another term. The operator norm of the difference from
    `~rmtlib.kernels.deep_kernels` is :math:`O(\sqrt{\log n/n})` if all
    activations are centered and the weights are symmetric; the norms
    :math:`\|x_i\|^2` make it that large.

    Example
    -------
    >>> from rmtlib.activations import LINEAR
    >>> from rmtlib.kernels import kernel_coefficients
    >>> mixture = GaussianMixture([[2.0, -2.0]] * 9)
    >>> X, labels = mixture.sample(4, normalize=True, rng=0)
    >>> layer = kernel_coefficients([LINEAR], 1.0)[-1]
    >>> K = conjugate_equivalent(layer, X, labels, mixture).matrix()
    >>> bool(np.allclose(K, X.T @ X))
    True
    """
    _check_layer(layer)
    alphas = layer.alpha1, layer.alpha2, layer.alpha3, layer.alpha5
    return _equivalent(alphas, layer.variance, X, labels, mixture)


def tangent_equivalent(
    layer: KernelCoefficients, X: ArrayLike, labels: ArrayLike, mixture: GaussianMixture
) -> KernelEquivalent:
    r"""Neural tangent kernel of data from a mixture, in large dimension.

    .. math::

        \tilde\Theta_\ell=\beta_{\ell,1}X^{\mathsf T}X+VB_\ell V^{\mathsf T}
        +(\kappa_\ell^2-\tau_0^2\beta_{\ell,1})I_n,

    :math:`B_\ell` made of :math:`\beta` as :math:`A_\ell` of :math:`\alpha` in
    `conjugate_equivalent`.

    Parameters
    ----------
    layer : KernelCoefficients
        From `~rmtlib.kernels.kernel_coefficients` at ``mixture.typical_squared_norm()``.
    X : array_like, shape (p, n)
        Points of the mixture divided by :math:`\sqrt p`.
    labels : integer array, shape (n,)
        Their classes.
    mixture : GaussianMixture
        Where they come from.

    Returns
    -------
    KernelEquivalent

    Raises
    ------
    ValueError
        As `conjugate_equivalent`, and if an activation jumps.

    Notes
    -----
    Source and order of the error as in `conjugate_equivalent`.

    Example
    -------
    >>> from rmtlib.activations import LINEAR
    >>> from rmtlib.kernels import kernel_coefficients
    >>> mixture = GaussianMixture([[2.0, -2.0]] * 9)
    >>> X, labels = mixture.sample(4, normalize=True, rng=0)
    >>> layer = kernel_coefficients([LINEAR], 1.0)[-1]
    >>> Theta = tangent_equivalent(layer, X, labels, mixture).matrix()
    >>> bool(np.allclose(Theta, 2 * X.T @ X))
    True
    """
    _check_layer(layer)
    _check_tangent(layer)
    betas = layer.beta1, layer.beta2, layer.beta3, layer.beta5
    return _equivalent(betas, layer.tangent_variance, X, labels, mixture)


def _equivalent(coefficients, diagonal: float, X, labels, mixture) -> KernelEquivalent:
    if not isinstance(mixture, GaussianMixture):
        raise ValueError(f"mixture must be a GaussianMixture, got {mixture!r}")
    X = _checks.matrix("X", X, (mixture.p, None), _COLUMNS).astype(float, copy=False)
    labels = _checks.labels("labels", labels, X.shape[1], "one per column of X")
    psi = mixture.norm_fluctuation(X, labels, normalize=True)
    expected = mixture.typical_squared_norm() + np.max(np.sum(mixture.means**2, axis=0)) / mixture.p
    found = float(np.mean(np.sum(X**2, axis=0)))
    if mixture.p > 8 and found > mixture.p / 2 * expected:
        raise ValueError(
            f"X must be divided by sqrt(p), got a mean squared norm of {found:.3g} (the mixture "
            f"expects about {expected:.3g})"
        )
    one, two, three, five = coefficients
    t, T, _ = mixture.second_order()
    variances = np.array([np.diag(mixture.covariance_matrix(a)) for a in range(mixture.K)])
    Td = variances @ variances.T / mixture.p
    A = np.empty((mixture.K + 1, mixture.K + 1))
    A[:-1, :-1] = two * np.outer(t, t) + three * T + five * Td
    A[:-1, -1] = A[-1, :-1] = two * t
    A[-1, -1] = two
    J = labels[:, None] == np.arange(mixture.K)
    V = np.column_stack([J / np.sqrt(mixture.p), psi])
    gamma = diagonal - mixture.typical_squared_norm() * one
    return KernelEquivalent(X, float(one), V, A, float(gamma))


def entrywise_equivalent(
    layer: KernelCoefficients,
    X: ArrayLike,
    *,
    input_variance: float | None = None,
    tangent: bool = False,
) -> np.ndarray:
    r"""Equivalent of a deep kernel that needs neither classes nor a mixture.

    With :math:`G=X^{\mathsf T}X` and :math:`\delta_i=\|x_i\|^2-\tau_0^2`,

    .. math::

        \tilde K_\ell=\alpha_{\ell,1}G+\alpha_{\ell,2}\,\delta\delta^{\mathsf T}
        +\alpha_{\ell,3}\,G\circ G
        +\bigl(\tau_\ell^2-\tau_0^2\alpha_{\ell,1}-\tau_0^4\alpha_{\ell,3}\bigr)I_n .

    Here the squared inner products are kept, with :math:`\tau_0^4` on their diagonal; hence the
    last term of the identity, which `conjugate_equivalent` must not have.

    Parameters
    ----------
    layer : KernelCoefficients
        From `~rmtlib.kernels.kernel_coefficients` at ``input_variance``, for normal weights.
    X : array_like, shape (p, n)
        The data, :math:`\|x_i\|=O(1)`.
    input_variance : positive number, optional
        :math:`\tau_0^2`; by default the mean of :math:`\|x_i\|^2`.
    tangent : bool
        The tangent kernel, :math:`\beta` for :math:`\alpha` and :math:`\kappa_\ell^2` for
        :math:`\tau_\ell^2`.

    Returns
    -------
    ndarray, shape (n, n)

    Raises
    ------
    ValueError
        If an argument is not as above, or a tangent kernel is asked of an activation that
        jumps.

    Notes
    -----
    Source: the proof of :cite:t:`Gu22` before its last step, and :cite:t:`ElKaroui10`. The
    error is that of `conjugate_equivalent` for mixtures; for data with inner products of order
    one, such as images, the expansion is a rough one.

    Example
    -------
    >>> from rmtlib.activations import LINEAR
    >>> from rmtlib.kernels import kernel_coefficients
    >>> layer = kernel_coefficients([LINEAR], 1.0)[-1]
    >>> entrywise_equivalent(layer, [[1.0, 0.5]], input_variance=1.0)
    array([[1.  , 0.5 ],
           [0.5 , 0.25]])
    """
    _check_layer(layer)
    if tangent:
        _check_tangent(layer)
    X = _checks.matrix("X", X, why=_COLUMNS).astype(float, copy=False)
    G = X.T @ X
    if input_variance is None:
        input_variance = float(np.mean(np.diag(G)))
    s = _checks.positive("input_variance", input_variance, "typical squared norm of a sample")
    one, two, three = (
        (layer.beta1, layer.beta2, layer.beta3)
        if tangent
        else (layer.alpha1, layer.alpha2, layer.alpha3)
    )
    diagonal = layer.tangent_variance if tangent else layer.variance
    delta = np.diag(G) - s
    K = one * G + two * np.outer(delta, delta) + three * G**2
    K.flat[:: len(K) + 1] += diagonal - s * one - s**2 * three
    return K


def operator_norm(A: ArrayLike) -> float:
    r"""Largest :math:`|\lambda|` of a symmetric matrix, by Lanczos iteration.

    Parameters
    ----------
    A : array_like, shape (n, n)
        Symmetric.

    Returns
    -------
    float
        To a relative accuracy of 1e-6.

    Raises
    ------
    ValueError
        If A is not symmetric.
    ~rmtlib.ConvergenceError
        If the iteration does not converge.

    Example
    -------
    >>> operator_norm([[0.0, 2.0], [2.0, -3.0]])
    4.0
    """
    A = _checks.symmetric("A", A).astype(float, copy=False)
    if len(A) <= 200:
        return float(np.max(np.abs(np.linalg.eigvalsh(A))))
    if not A.any():
        return 0.0
    start = np.random.default_rng(0).standard_normal(len(A))
    try:
        top = eigsh(A, 1, which="LM", v0=start, tol=1e-6, ncv=40, return_eigenvectors=False)
    except RuntimeError as error:  # ArpackNoConvergence
        raise ConvergenceError(f"Lanczos iteration does not converge: {error}") from error
    return float(abs(top[0]))


def _check_layer(layer: KernelCoefficients) -> None:
    if not isinstance(layer, KernelCoefficients):
        raise ValueError(f"layer must be KernelCoefficients, got {layer!r}")


def _check_tangent(layer: KernelCoefficients) -> None:
    if not np.isfinite(layer.tangent_variance):
        raise ValueError(
            "layer must have a finite tangent variance, got inf (an activation jumps: there is "
            "no tangent kernel)"
        )
