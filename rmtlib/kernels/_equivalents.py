r"""Conjugate and tangent kernels of deep random networks in large dimension.

For points of a mixture of K classes, divided by :math:`\sqrt p`, both kernels of
`~rmtlib.kernels.deep_kernels` are close in operator norm to

.. math:: \alpha X^{\mathsf T}X+VAV^{\mathsf T}+\gamma I_n,

a linear kernel, a matrix of rank K + 1 and an identity. The network acts through the scalars
of `~rmtlib.kernels.kernel_coefficients`, the data through second-order statistics.
`entrywise_equivalent` needs no classes.
"""

from dataclasses import dataclass

import numpy as np

from rmtlib import _checks
from rmtlib._types import ArrayLike
from rmtlib.kernels._deep import VARIANCE, KernelCoefficients
from rmtlib.mixtures import GaussianMixture

_COLUMNS = "columns are samples, divided by sqrt(p)"


@dataclass(frozen=True, eq=False)
class KernelEquivalent:
    r"""A kernel in large dimension: linear kernel, low rank, identity.

    .. math:: \tilde K=\alpha X^{\mathsf T}X+VAV^{\mathsf T}+\gamma I_n .
    """

    X: np.ndarray
    """The data, shape (p, n)."""
    linear: float
    r""":math:`\alpha`."""
    V: np.ndarray
    r""":math:`[J/\sqrt p,\psi]`: class indicators and fluctuation of the norms, (n, K + 1)."""
    core: np.ndarray
    """:math:`A`, shape (K + 1, K + 1)."""
    identity: float
    r""":math:`\gamma`."""

    def matrix(self) -> np.ndarray:
        """The matrix, shape (n, n)."""
        K = self.linear * (self.X.T @ self.X)
        K += self.V @ self.core @ self.V.T
        K.flat[:: len(K) + 1] += self.identity
        return (K + K.T) / 2


def mixture_equivalent(
    layer: KernelCoefficients,
    X: ArrayLike,
    labels: ArrayLike,
    mixture: GaussianMixture,
    *,
    tangent: bool = False,
) -> KernelEquivalent:
    r"""Conjugate or tangent kernel of data from a mixture, in large dimension.

    .. math::

        \tilde K_\ell=\alpha_{\ell,1}X^{\mathsf T}X+VA_\ell V^{\mathsf T}
        +(\tau_\ell^2-\tau_0^2\alpha_{\ell,1})I_n,\qquad V=[J/\sqrt p,\psi],

    .. math::

        A_\ell=\begin{bmatrix}\alpha_{\ell,2}tt^{\mathsf T}+\alpha_{\ell,3}T
        +\alpha_{\ell,5}T^{\mathrm d}&\alpha_{\ell,2}t\\
        \alpha_{\ell,2}t^{\mathsf T}&\alpha_{\ell,2}\end{bmatrix},\qquad
        T^{\mathrm d}_{ab}=\frac1p\mathrm{tr}(C_a\circ C_b),

    with :math:`\tau_0^2=\mathrm{tr}\,C^\circ/p`, t, T and :math:`\psi` of
    `rmtlib.mixtures.GaussianMixture.second_order`; the tangent kernel
    :math:`\tilde\Theta_\ell` with :math:`\beta` for :math:`\alpha` and :math:`\kappa_\ell^2`
    for :math:`\tau_\ell^2`.

    Parameters
    ----------
    layer : KernelCoefficients
        From `~rmtlib.kernels.kernel_coefficients` or
        `~rmtlib.kernels.Equilibrium` at ``mixture.typical_squared_norm()``.
    X : array_like, shape (p, n)
        Points of the mixture divided by :math:`\sqrt p`, as ``sample(normalize=True)``
        returns them.
    labels : integer array, shape (n,)
        Their classes.
    mixture : GaussianMixture
        Where they come from.
    tangent : bool
        The tangent kernel; no activation may jump.

    Returns
    -------
    KernelEquivalent

    Notes
    -----
    Source: :cite:t:`Gu22`, :cite:t:`LiaoTalk24`; the coefficient of the identity in
    :cite:t:`LiaoTalk23` has another term. The operator norm of the difference from
    `~rmtlib.kernels.deep_kernels` is :math:`O(\sqrt{\log n/n})` if all
    activations are centered and the weights are symmetric; the norms
    :math:`\|x_i\|^2` make it that large.

    Example
    -------
    >>> from rmtlib.kernels import kernel_coefficients
    >>> mixture = GaussianMixture([[2.0, -2.0]] * 9)
    >>> X, labels = mixture.sample(4, normalize=True, rng=0)
    >>> layer = kernel_coefficients(["linear"], 1.0)[-1]
    >>> K, Theta = (
    ...     mixture_equivalent(layer, X, labels, mixture, tangent=which).matrix()
    ...     for which in (False, True)
    ... )
    >>> bool(np.allclose(K, X.T @ X)), bool(np.allclose(Theta, 2 * X.T @ X))
    (True, True)
    """
    diagonal, (one, two, three, _, five) = _terms(layer, tangent)
    mixture = _checks.instance("mixture", mixture, GaussianMixture)
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
    second_order = mixture.second_order()
    t, T = second_order.t, second_order.T
    variances = np.array([np.diag(mixture.covariance_matrix(a)) for a in range(mixture.K)])
    Td = variances @ variances.T / mixture.p
    tt = np.outer(t, t)
    A = np.block([[two * tt + three * T + five * Td, two * t[:, None]], [two * t[None], two]])
    J = labels[:, None] == np.arange(mixture.K)
    V = np.column_stack([J / np.sqrt(mixture.p), psi])
    gamma = diagonal - mixture.typical_squared_norm() * one
    return KernelEquivalent(X, one, V, A, float(gamma))


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
    last term of the identity, which `mixture_equivalent` must not have.

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
        :math:`\tau_\ell^2`; no activation may jump.

    Returns
    -------
    ndarray, shape (n, n)

    Notes
    -----
    Source: the proof of :cite:t:`Gu22` before its last step, and :cite:t:`ElKaroui10`. The
    error is that of `mixture_equivalent` for mixtures; for data with inner products of order
    one, such as images, the expansion is a rough one.

    Example
    -------
    >>> from rmtlib.kernels import kernel_coefficients
    >>> layer = kernel_coefficients(["linear"], 1.0)[-1]
    >>> entrywise_equivalent(layer, [[1.0, 0.5]], input_variance=1.0)
    array([[1.  , 0.5 ],
           [0.5 , 0.25]])
    """
    diagonal, (one, two, three, _, _) = _terms(layer, tangent)
    X = _checks.matrix("X", X, why=_COLUMNS).astype(float, copy=False)
    G = X.T @ X
    if input_variance is None:
        input_variance = float(np.mean(np.diag(G)))
    s = _checks.positive("input_variance", input_variance, VARIANCE)
    delta = np.diag(G) - s
    K = one * G + two * np.outer(delta, delta) + three * G**2
    K.flat[:: len(K) + 1] += diagonal - s * one - s**2 * three
    return K


def operator_norm(A: ArrayLike) -> float:
    r"""Largest :math:`|\lambda|` of a symmetric matrix.

    Parameters
    ----------
    A : array_like, shape (n, n)
        Symmetric.

    Returns
    -------
    float

    Example
    -------
    >>> operator_norm([[0.0, 2.0], [2.0, -3.0]])
    4.0
    """
    return float(np.abs(np.linalg.eigvalsh(_checks.symmetric("A", A).astype(float))).max())


def _terms(layer: KernelCoefficients, tangent: bool) -> tuple[float, tuple[float, ...]]:
    """The diagonal and the five coefficients of one of the kernels."""
    layer = _checks.instance("layer", layer, KernelCoefficients)
    if not tangent:
        return layer.variance, layer.alpha
    if not np.isfinite(layer.tangent_variance):
        raise ValueError(
            "layer must have a finite tangent variance, got inf (an activation jumps: there is "
            "no tangent kernel)"
        )
    return layer.tangent_variance, layer.beta
