r"""Conjugate and neural tangent kernels of deep random networks, exact and in large dimension.

The network, with entries of all weights independent, of mean 0 and variance 1,

.. math::

    f(x)=\frac1{\sqrt{d_L}}w^{\mathsf T}g_L\Bigl(\frac1{\sqrt{d_{L-1}}}W_L\,g_{L-1}\bigl(\cdots
    g_1(W_1x)\bigr)\Bigr),\\
    g_\ell=\sigma_\ell-\mathbb E\sigma_\ell(\tau_{\ell-1}\xi),
    \quad\xi\sim\mathcal N(0,1) .

Nothing divides :math:`W_1x`: the data carry their own scale, :math:`\|x_i\|=O(1)`
(``GaussianMixture.sample(normalize=True)``). :math:`\tau_\ell^2` is the variance of the
preactivations behind layer :math:`\ell`, :math:`\tau_0^2` the typical :math:`\|x_i\|^2`.
Each activation is centered by one constant, its mean at the typical variance.

Three descriptions of one kernel live here: `deep_kernels` computes it exactly for given data
and infinite widths, `kernel_coefficients` follows the few scalars on which it depends in
large dimension, `conjugate_equivalent` and `tangent_equivalent` put them together.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.linalg import eigsh

from rmtlib import inputs
from rmtlib.activations import Activation, GaussianMoments
from rmtlib.inputs import ConvergenceError
from rmtlib.kernels import conjugate_kernel, derivative_kernel
from rmtlib.mixtures import GaussianMixture

_COLUMNS = "columns are samples, divided by sqrt(p)"


class DeepKernels(NamedTuple):
    """The two kernels of a network: what `deep_kernels` returns."""

    conjugate: np.ndarray
    """Limit of the Gram matrix of the last features, shape (n, n)."""
    tangent: np.ndarray | None
    """Limit of the Gram matrix of the gradients, shape (n, n)."""


class KernelCoefficients(NamedTuple):
    r"""The scalars of one layer :math:`\ell`: see `kernel_coefficients`.

    Layer 0 is the data: :math:`\alpha=(1,0,0,1)`, :math:`\beta=(1,0,0)` and both variances
    :math:`\tau_0^2`.
    """

    variance: float
    r"""The variance :math:`\tau_\ell^2`, the diagonal of the conjugate kernel."""
    alpha1: float
    r"""Of :math:`X^{\mathsf T}X`."""
    alpha2: float
    r"""Of the fluctuation of the norms."""
    alpha3: float
    r"""Of the squared inner products, :math:`JTJ^{\mathsf T}/p`."""
    alpha4: float
    r"""How much of a fluctuation of :math:`\|x_i\|^2` reaches the diagonal; may be negative."""
    alpha5: float
    r"""Of the kurtosis of the first weights; 0 for normal ones."""
    tangent_variance: float
    r""":math:`\kappa_\ell^2`, the diagonal of the tangent kernel; infinite after a jump."""
    beta1: float
    r"""As :math:`\alpha_{\ell,1}`, of the tangent kernel."""
    beta2: float
    r"""As :math:`\alpha_{\ell,2}`, of the tangent kernel."""
    beta3: float
    r"""As :math:`\alpha_{\ell,3}`, of the tangent kernel."""
    beta5: float
    r"""As :math:`\alpha_{\ell,5}`, of the tangent kernel."""
    activation: Activation | None
    r""":math:`g_\ell`, centered; None for the data."""
    moments: GaussianMoments | None
    r"""Of :math:`g_\ell` at the variance :math:`\tau_{\ell-1}^2` of its argument."""


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


def first_layer(input_variance: float) -> KernelCoefficients:
    r"""Coefficients of the data: the start of the recursion.

    .. math:: \alpha_{0}=(1,0,0,1),\qquad\beta_0=(1,0,0),\qquad\kappa_0^2=\tau_0^2 .

    Parameters
    ----------
    input_variance : positive number
        :math:`\tau_0^2`, a variance.

    Returns
    -------
    KernelCoefficients

    Raises
    ------
    ValueError
        If ``input_variance`` is not positive.

    Example
    -------
    >>> first_layer(1).alpha4
    1.0
    """
    s = inputs.positive("input_variance", input_variance, "typical squared norm of a sample")
    return KernelCoefficients(s, 1.0, 0.0, 0.0, 1.0, 0.0, s, 1.0, 0.0, 0.0, 0.0, None, None)


def next_layer(
    layer: KernelCoefficients, activation: Activation, *, weight_fourth_moment: float = 3.0
) -> KernelCoefficients:
    r"""Coefficients behind one more activation: a step of the recursion.

    With the moments :math:`e_1=\mathbb Eg',\ e_2=\mathbb Eg'',\ q=\frac12\mathbb E[(g^2)''],
    \ v_1=\mathbb E[g'^2]` of the centered activation at :math:`\tau_{\ell-1}\xi`,

    .. math::

        \begin{aligned}
        \tau_\ell^2&=\mathbb Eg^2,
        &\kappa_\ell^2&=\tau_\ell^2+v_1\kappa_{\ell-1}^2,\\
        \alpha_{\ell,1}&=e_1^2\alpha_{\ell-1,1},
        &\beta_{\ell,1}&=\alpha_{\ell,1}+e_1^2\beta_{\ell-1,1},\\
        \alpha_{\ell,2}&=e_1^2\alpha_{\ell-1,2}+\tfrac14e_2^2\alpha_{\ell-1,4}^2,
        &\beta_{\ell,2}&=\alpha_{\ell,2}+e_1^2\beta_{\ell-1,2},\\
        \alpha_{\ell,3}&=e_1^2\alpha_{\ell-1,3}+\tfrac12e_2^2\alpha_{\ell-1,1}^2,
        &\beta_{\ell,3}&=\alpha_{\ell,3}+e_1^2\beta_{\ell-1,3}
        +e_2^2\alpha_{\ell-1,1}\beta_{\ell-1,1},\\
        \alpha_{\ell,4}&=q\,\alpha_{\ell-1,4},\\
        \alpha_{\ell,5}&=e_1^2\alpha_{\ell-1,5}+\tfrac14e_2^2(\mathbb EW^4-3)_{\ell=1},
        &\beta_{\ell,5}&=\alpha_{\ell,5}+e_1^2\beta_{\ell-1,5} .
        \end{aligned}

    Parameters
    ----------
    layer : KernelCoefficients
        Layer :math:`\ell-1`.
    activation : Activation
        :math:`\sigma_\ell`; it is centered here.
    weight_fourth_moment : number >= 1
        :math:`\mathbb EW^4` of the symmetric weights of the first layer; later layers do not
        see theirs.

    Returns
    -------
    KernelCoefficients

    Raises
    ------
    ValueError
        If an argument is not as above, or the activation before this one is constant.
    ~rmtlib.inputs.ConvergenceError
        If quadrature does not resolve the activation.

    Notes
    -----
    Source: :cite:t:`Gu22`; the start of the recursion and the terms with index 5, which the
    paper does not have, follow from its proof with fourth cumulants kept.

    Example
    -------
    >>> from rmtlib.activations import RELU
    >>> next_layer(first_layer(2.0), RELU)[:3]  # tau_1^2 = 2 (1/2 - 1/(2 pi)), 1/4, ...
    (0.6816901138162..., 0.25, 0.0198943678864...)
    """
    _check_layer(layer)
    _check_activation("activation", activation)
    m4 = inputs.finite("weight_fourth_moment", weight_fourth_moment, "of weights of variance 1")
    if m4 < 1:
        raise ValueError(
            f"weight_fourth_moment must be at least 1, got {m4:g} (of weights of variance 1)"
        )
    if m4 != 3 and layer.moments is not None:
        raise ValueError(
            f"weight_fourth_moment must be 3 behind the first layer, got {m4:g} "
            "(deeper weights act through sums over many neurons)"
        )
    if layer.variance == 0:
        raise ValueError("layer must have a positive variance, got 0 (a constant activation)")
    g = activation.centered(layer.variance)
    moments = g.moments(layer.variance)
    _, e1, e2, s2, q, v1 = moments
    a1 = e1**2 * layer.alpha1
    a2 = e1**2 * layer.alpha2 + e2**2 / 4 * layer.alpha4**2
    a3 = e1**2 * layer.alpha3 + e2**2 / 2 * layer.alpha1**2
    a4 = q * layer.alpha4
    a5 = e1**2 * layer.alpha5 + e2**2 / 4 * (m4 - 3)
    kappa2 = s2 + v1 * layer.tangent_variance
    b1 = a1 + e1**2 * layer.beta1
    b2 = a2 + e1**2 * layer.beta2
    b3 = a3 + e1**2 * layer.beta3 + e2**2 * layer.alpha1 * layer.beta1
    b5 = a5 + e1**2 * layer.beta5
    return KernelCoefficients(s2, a1, a2, a3, a4, a5, kappa2, b1, b2, b3, b5, g, moments)


def kernel_coefficients(
    activations: Sequence[Activation], input_variance: float, *, weight_fourth_moment: float = 3.0
) -> tuple[KernelCoefficients, ...]:
    r"""Coefficients of all layers, from the data (index 0) to the last activation.

    The recursion of `next_layer`, from `first_layer`. In large dimension the conjugate and
    tangent kernels of layer :math:`\ell` depend on the activations through these scalars only;
    the list of centered activations is ``[layer.activation for layer in layers[1:]]``.

    Parameters
    ----------
    activations : sequence of Activation
        :math:`\sigma_1,\dots,\sigma_L`; centered or not, the result is the same.
    input_variance : positive number
        :math:`\tau_0^2`, a variance: typical :math:`\|x_i\|^2`.
    weight_fourth_moment : number >= 1
        :math:`\mathbb EW^4` of the first layer, 3 for normal weights.

    Returns
    -------
    tuple of L + 1 KernelCoefficients

    Raises
    ------
    ValueError
        If an argument is not as above, or an activation but the last is constant.
    ~rmtlib.inputs.ConvergenceError
        If quadrature does not resolve an activation.

    Notes
    -----
    Source: :cite:t:`Gu22`, :cite:t:`LiaoTalk24`. One evaluation of Gaussian moments a layer.

    Example
    -------
    For the sine, :math:`\kappa_\ell^2=1` at every depth if :math:`\tau_0=1`.

    >>> from rmtlib.activations import SIN
    >>> layers = kernel_coefficients([SIN] * 5, 1.0)
    >>> all(abs(layer.tangent_variance - 1) < 1e-14 for layer in layers)
    True
    """
    layers = [first_layer(input_variance)]
    for depth, activation in enumerate(_checked(activations)):
        m4 = 3.0 if depth else weight_fourth_moment
        layers.append(next_layer(layers[-1], activation, weight_fourth_moment=m4))
    return tuple(layers)


def deep_kernels(
    activations: Sequence[Activation],
    X: ArrayLike,
    *,
    input_variance: float | None = None,
    centered: bool = True,
    tangent: bool = True,
    block_size: int = 256,
) -> DeepKernels:
    r"""Conjugate and neural tangent kernel of given data, for layers of infinite width.

    .. math::

        K_0=\Theta_0=X^{\mathsf T}X,\qquad
        K_\ell=\mathbb E[g_\ell(u)g_\ell(v)],\qquad
        \Theta_\ell=K_\ell+\Theta_{\ell-1}\circ\mathbb E[g_\ell'(u)g_\ell'(v)],

    entry (i, j) with :math:`(u,v)` normal, of mean 0, with variances
    :math:`[K_{\ell-1}]_{ii},[K_{\ell-1}]_{jj}` and covariance :math:`[K_{\ell-1}]_{ij}`.
    The centering constant of a layer is the same for all samples, while the mean of the
    activation is not: it varies with :math:`[K_{\ell-1}]_{ii}`.

    Parameters
    ----------
    activations : sequence of Activation
        :math:`\sigma_1,\dots,\sigma_L`, mixed as one likes.
    X : array_like, shape (p, n)
        The data, :math:`\|x_i\|=O(1)`. For kernels between training and test data, put them
        side by side and cut the result.
    input_variance : positive number, optional
        :math:`\tau_0^2` of the centering constants; by default the mean of :math:`\|x_i\|^2`.
    centered : bool
        Whether to subtract the constants; without, activations are taken as they are.
    tangent : bool
        Whether to compute :math:`\Theta` too.
    block_size : integer >= 1
        Rows computed at a time.

    Returns
    -------
    DeepKernels
        Of the last layer; ``tangent`` is None if not wanted.

    Raises
    ------
    ValueError
        If an argument is not as above, or a tangent kernel is asked of an activation that
        jumps: its diagonal would be infinite.
    ~rmtlib.inputs.ConvergenceError
        If quadrature does not resolve an activation.

    Notes
    -----
    Source: :cite:t:`ChoSaul09`, :cite:t:`LeeBahri18` for the conjugate kernel,
    :cite:t:`JacotGabrielHongler18` for the tangent kernel. Kernels of networks of width d differ by
    :math:`O(d^{-1/2})`. At most six matrices of shape (n, n) are in memory at a time.

    Example
    -------
    >>> from rmtlib.activations import LINEAR
    >>> K, Theta = deep_kernels([LINEAR] * 3, [[1.0, 0.5]])
    >>> bool(np.allclose(K, [[1, 0.5], [0.5, 0.25]])), bool(np.allclose(Theta, 4 * K))
    (True, True)
    """
    activations = _checked(activations)
    X = inputs.matrix("X", X, why=_COLUMNS).astype(float, copy=False)
    if tangent:
        for activation in activations:
            if activation.jumps:
                raise ValueError(
                    f"activations must not jump, got {activation.name!r} (the tangent kernel of "
                    "a jump is infinite on the diagonal; ask for tangent=False)"
                )
    if centered:
        if input_variance is None:
            input_variance = float(np.mean(np.sum(X**2, axis=0)))
        layers = kernel_coefficients(activations, input_variance)
        activations = [layer.activation for layer in layers[1:]]
    K = X.T @ X
    Theta = K
    for g in activations:
        if tangent:
            derivative = derivative_kernel(g, K, block_size=block_size)
            derivative *= Theta
            Theta = derivative
        K = conjugate_kernel(g, K, block_size=block_size)
        if tangent:
            Theta += K
    return DeepKernels(K, Theta if tangent else None)


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
        From `kernel_coefficients` at ``mixture.typical_squared_norm()``.
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
    `deep_kernels` is :math:`O(\sqrt{\log n/n})` if all
    activations are centered and the weights are symmetric; the norms
    :math:`\|x_i\|^2` make it that large.

    Example
    -------
    >>> from rmtlib.activations import LINEAR
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
        From `kernel_coefficients` at ``mixture.typical_squared_norm()``.
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
    X = inputs.matrix("X", X, (mixture.p, None), _COLUMNS).astype(float, copy=False)
    labels = inputs.labels("labels", labels, X.shape[1], "one per column of X")
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
        From `kernel_coefficients` at ``input_variance``, for normal weights.
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
    >>> layer = kernel_coefficients([LINEAR], 1.0)[-1]
    >>> entrywise_equivalent(layer, [[1.0, 0.5]], input_variance=1.0)
    array([[1.  , 0.5 ],
           [0.5 , 0.25]])
    """
    _check_layer(layer)
    if tangent:
        _check_tangent(layer)
    X = inputs.matrix("X", X, why=_COLUMNS).astype(float, copy=False)
    G = X.T @ X
    if input_variance is None:
        input_variance = float(np.mean(np.diag(G)))
    s = inputs.positive("input_variance", input_variance, "typical squared norm of a sample")
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


class TangentFlow(NamedTuple):
    """Outputs of a network under gradient flow: what `tangent_flow` returns."""

    train: np.ndarray
    """At the training points, shape (times, n)."""
    test: np.ndarray | None
    """At the test points, shape (times, m), if there are any."""


def tangent_flow(
    Theta: ArrayLike,
    y: ArrayLike,
    times: ArrayLike,
    *,
    initial: ArrayLike | None = None,
    Theta_cross: ArrayLike | None = None,
    initial_test: ArrayLike | None = None,
) -> TangentFlow:
    r"""Outputs of a very wide network trained by gradient flow, from its tangent kernel.

    For the cost :math:`\frac12\sum_i(f(x_i)-y_i)^2` and a kernel that does not move,
    :math:`\dot u=-\Theta(u-y)`, so that

    .. math::

        u(t)=y+e^{-t\Theta}(u_0-y),\qquad
        f(x,t)=f(x,0)+\theta(x)^{\mathsf T}\Theta^{-1}\bigl(I-e^{-t\Theta}\bigr)(y-u_0),

    :math:`\theta(x)` the kernel between x and the training points. For the cost with
    :math:`\frac1{2n}` in front, multiply times by n.

    Parameters
    ----------
    Theta : array_like, shape (n, n)
        Positive semidefinite.
    y : array_like, shape (n,)
        Targets.
    times : array_like, shape (T,)
        Nonnegative times.
    initial : array_like, shape (n,), optional
        :math:`u_0`, outputs before training; 0 by default.
    Theta_cross : array_like, shape (n, m), optional
        Kernel between training and test points, :math:`\theta(x)` in its columns.
    initial_test : array_like, shape (m,), optional
        :math:`f(x,0)`; 0 by default.

    Returns
    -------
    TangentFlow

    Raises
    ------
    ValueError
        If shapes do not fit, a time is negative, Theta is not positive semidefinite, or
        ``initial_test`` is given without ``Theta_cross``.

    Notes
    -----
    Source: :cite:t:`JacotGabrielHongler18`, :cite:t:`LeeXiao19`. Networks of width d differ by
    :math:`O(d^{-1/2})`. One eigendecomposition serves all times.

    Example
    -------
    >>> flow = tangent_flow([[2.0]], [1.0], [0.0, np.log(2) / 2], Theta_cross=[[1.0, 2.0]])
    >>> flow.train.ravel(), flow.test[1]
    (array([0. , 0.5]), array([0.25, 0.5 ]))
    """
    Theta = inputs.symmetric("Theta", Theta, why="a kernel matrix").astype(float, copy=False)
    n = len(Theta)
    y = inputs.vector("y", y, n, "one target per row of Theta").astype(float)
    times = inputs.vector("times", times).astype(float)
    inputs.nonnegative("times", float(times.min()))
    u0 = np.zeros(n)
    if initial is not None:
        u0 = inputs.vector("initial", initial, n, "one output per row of Theta").astype(float)
    lam, U = np.linalg.eigh(Theta)
    if lam[0] < -1e-9 * max(lam[-1], 0.0) or lam[-1] < 0:
        raise ValueError(f"Theta must be positive semidefinite, got eigenvalue {lam[0]:.3g}")
    lam = np.maximum(lam, 0.0)
    r = U.T @ (y - u0)
    decay = np.exp(-times[:, None] * lam)
    train = y - (decay * r) @ U.T
    if Theta_cross is None:
        if initial_test is not None:
            raise ValueError("initial_test needs Theta_cross, got None")
        return TangentFlow(train, None)
    cross = inputs.matrix("Theta_cross", Theta_cross, (n, None), "training points in rows")
    f0 = np.zeros(cross.shape[1])
    if initial_test is not None:
        f0 = inputs.vector("initial_test", initial_test, f0.size, "one per test point")
    tiny = lam <= np.finfo(float).eps * lam[-1]
    growth = np.where(
        tiny, times[:, None], -np.expm1(-times[:, None] * lam) / np.where(tiny, 1.0, lam)
    )
    return TangentFlow(train, f0 + (growth * r) @ (U.T @ cross))


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
    ~rmtlib.inputs.ConvergenceError
        If the iteration does not converge.

    Example
    -------
    >>> operator_norm([[0.0, 2.0], [2.0, -3.0]])
    4.0
    """
    A = inputs.symmetric("A", A).astype(float, copy=False)
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


def _checked(activations: Iterable[Activation]) -> list[Activation]:
    if isinstance(activations, Activation) or not np.iterable(activations):
        raise ValueError(f"activations must be a list of Activation, got {activations!r}")
    activations = list(activations)
    if not activations:
        raise ValueError("activations must be nonempty, got [] (one a hidden layer)")
    for depth, activation in enumerate(activations):
        _check_activation(f"activations[{depth}]", activation)
    return activations


def _check_activation(name: str, activation: Activation) -> None:
    if not isinstance(activation, Activation):
        raise ValueError(f"{name} must be an Activation, got {activation!r}")


def _check_layer(layer: KernelCoefficients) -> None:
    if not isinstance(layer, KernelCoefficients):
        raise ValueError(f"layer must be KernelCoefficients, got {layer!r}")


def _check_tangent(layer: KernelCoefficients) -> None:
    if not np.isfinite(layer.tangent_variance):
        raise ValueError(
            "layer must have a finite tangent variance, got inf (an activation jumps: there is "
            "no tangent kernel)"
        )
