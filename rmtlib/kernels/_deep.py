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

`deep_kernels` computes both kernels exactly, for given data and infinite widths;
`kernel_coefficients` follows the few scalars on which they depend in large dimension.
`rmtlib.kernel_equivalents` makes kernels of those scalars.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rmtlib import _checks
from rmtlib.activations import Activation, GaussianMoments
from rmtlib.kernels._two_point import conjugate_kernel, derivative_kernel


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
    s = _checks.positive("input_variance", input_variance, "typical squared norm of a sample")
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
    ~rmtlib.ConvergenceError
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
    if not isinstance(layer, KernelCoefficients):
        raise ValueError(f"layer must be KernelCoefficients, got {layer!r}")
    _check_activation("activation", activation)
    m4 = _checks.finite("weight_fourth_moment", weight_fourth_moment, "of weights of variance 1")
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
    moments = activation.moments(layer.variance)
    g = activation.affine(offset=-moments.mean)
    moments = moments._replace(mean=0.0)
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
    ~rmtlib.ConvergenceError
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
    ~rmtlib.ConvergenceError
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
    X = _checks.matrix("X", X, why="columns are samples, divided by sqrt(p)")
    X = X.astype(float, copy=False)
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
