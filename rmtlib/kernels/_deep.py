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
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rmtlib import _checks
from rmtlib._types import ArrayLike
from rmtlib.activations import Activation, GaussianMoments, as_activation
from rmtlib.kernels._pairs import evaluator, mirror, on_diagonal, overwrite

VARIANCE = "typical squared norm of a sample"


@dataclass(frozen=True, eq=False)
class DeepKernels:
    """The two kernels of a network, deep or at equilibrium, in the limit or of one draw."""

    conjugate: np.ndarray
    """Limit of the Gram matrix of the last features, shape (n, n)."""
    tangent: np.ndarray | None
    """Limit of the Gram matrix of the gradients, shape (n, n)."""


@dataclass(frozen=True)
class KernelCoefficients:
    r"""The scalars of one layer :math:`\ell` on which its kernels depend in large dimension.

    :math:`\alpha_{\ell,k}` is ``alpha[k - 1]``, the coefficient in the conjugate kernel of

    1. :math:`X^{\mathsf T}X`,
    2. the fluctuations of the norms,
    3. the squared inner products, :math:`JTJ^{\mathsf T}/p`;
    4. how much of a fluctuation of :math:`\|x_i\|^2` reaches the diagonal, may be negative;
    5. of the kurtosis of the first weights, 0 for normal ones.

    Example
    -------
    >>> layer = KernelCoefficients.of_data(2.0).then("ReLU")
    >>> layer.variance, layer.alpha[:2]  # tau_1^2 = 2 (1/2 - 1/(2 pi)), ...
    (0.6816901138162..., (0.25, 0.0198943678864...))
    """

    variance: float
    r"""The variance :math:`\tau_\ell^2`, the diagonal of the conjugate kernel."""
    alpha: tuple[float, float, float, float, float]
    r""":math:`\alpha_{\ell,1},\dots,\alpha_{\ell,5}`."""
    tangent_variance: float
    r""":math:`\kappa_\ell^2`, the diagonal of the tangent kernel; infinite after a jump."""
    beta: tuple[float, float, float, float, float]
    r"""The same of the tangent kernel; :math:`\beta_{\ell,4}` is not needed, NaN."""
    activation: Activation | None = None
    r""":math:`g_\ell`, centered; None for the data."""
    moments: GaussianMoments | None = None
    r"""Of :math:`g_\ell` at the variance :math:`\tau_{\ell-1}^2` of its argument."""

    @classmethod
    def of_data(cls, input_variance: float) -> "KernelCoefficients":
        r"""Layer 0, the start of the recursion.

        .. math:: \alpha_0=(1,0,0,1,0),\qquad\beta_0=(1,0,0,\cdot,0),\qquad\kappa_0^2=\tau_0^2 .

        Parameters
        ----------
        input_variance : positive number
            :math:`\tau_0^2`, a variance.
        """
        s = _checks.positive("input_variance", input_variance, VARIANCE)
        return cls(s, (1.0, 0.0, 0.0, 1.0, 0.0), s, (1.0, 0.0, 0.0, np.nan, 0.0))

    def then(
        self, activation: Activation | str, *, weight_fourth_moment: float = 3.0
    ) -> "KernelCoefficients":
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
        activation : Activation or str
            :math:`\sigma_\ell`; it is centered here.
        weight_fourth_moment : number >= 1
            :math:`\mathbb EW^4` of the symmetric weights of the first layer; later layers do
            not see theirs.

        Notes
        -----
        Source: :cite:t:`Gu22`; the start of the recursion and the terms with index 5, which
        the paper does not have, follow from its proof with fourth cumulants kept.
        """
        activation = as_activation(activation)
        why = "of weights of variance 1"
        m4 = _checks.between("weight_fourth_moment", weight_fourth_moment, 1, np.inf, why)
        if m4 != 3 and self.moments is not None:
            raise ValueError(
                f"weight_fourth_moment must be 3 behind the first layer, got {m4:g} "
                "(deeper weights act through sums over many neurons)"
            )
        if self.variance == 0:
            raise ValueError("layer must have a positive variance, got 0 (a constant activation)")
        moments = activation.moments(self.variance)
        e1, e2 = moments.mean_derivative, moments.mean_curvature
        a1, a2, a3, a4, a5 = self.alpha
        b1, b2, b3, _, b5 = self.beta
        one = e1**2 * a1
        two = e1**2 * a2 + e2**2 / 4 * a4**2
        three = e1**2 * a3 + e2**2 / 2 * a1**2
        four = moments.centered_second_moment_slope * a4
        five = e1**2 * a5 + e2**2 / 4 * (m4 - 3)
        b3 = three + e1**2 * b3 + e2**2 * a1 * b1
        return KernelCoefficients(
            moments.centered_second_moment,
            (one, two, three, four, five),
            moments.centered_second_moment
            + moments.mean_squared_derivative * self.tangent_variance,
            (one + e1**2 * b1, two + e1**2 * b2, b3, np.nan, five + e1**2 * b5),
            activation.affine(offset=-moments.mean),
            replace(moments, mean=0.0),
        )


def kernel_coefficients(
    activations: Sequence[Activation | str],
    input_variance: float,
    *,
    weight_fourth_moment: float = 3.0,
) -> tuple[KernelCoefficients, ...]:
    r"""Coefficients of all layers, from the data (index 0) to the last activation.

    The recursion of `KernelCoefficients.then`, from `KernelCoefficients.of_data`. In large
    dimension the conjugate and tangent kernels of layer :math:`\ell` depend on the activations
    through these scalars only; the list of centered activations is
    ``[layer.activation for layer in layers[1:]]``.

    Parameters
    ----------
    activations : sequence of Activation or str
        :math:`\sigma_1,\dots,\sigma_L`; centered or not, the result is the same.
    input_variance : positive number
        :math:`\tau_0^2`, a variance: typical :math:`\|x_i\|^2`.
    weight_fourth_moment : number >= 1
        :math:`\mathbb EW^4` of the first layer, 3 for normal weights.

    Returns
    -------
    tuple of L + 1 KernelCoefficients

    Notes
    -----
    Source: :cite:t:`Gu22`, :cite:t:`LiaoTalk24`. One evaluation of Gaussian moments a layer.

    Example
    -------
    For the sine, :math:`\kappa_\ell^2=1` at every depth if :math:`\tau_0=1`.

    >>> layers = kernel_coefficients(["sin"] * 5, 1.0)
    >>> all(abs(layer.tangent_variance - 1) < 1e-14 for layer in layers)
    True
    """
    layers = [KernelCoefficients.of_data(input_variance)]
    for depth, activation in enumerate(_checked(activations)):
        m4 = 3.0 if depth else weight_fourth_moment
        layers.append(layers[-1].then(activation, weight_fourth_moment=m4))
    return tuple(layers)


def deep_kernels(
    activations: Sequence[Activation | str],
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
    activations : sequence of Activation or str
        :math:`\sigma_1,\dots,\sigma_L`, mixed as one likes; without jumps if the tangent
        kernel is wanted.
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
    ~rmtlib.ConvergenceError
        If quadrature does not resolve an activation.

    Notes
    -----
    Source: :cite:t:`ChoSaul09`, :cite:t:`LeeBahri18` for the conjugate kernel,
    :cite:t:`JacotGabrielHongler18` for the tangent kernel. Kernels of networks of width d differ
    by :math:`O(d^{-1/2})`.

    Example
    -------
    >>> kernels = deep_kernels(["linear"] * 3, [[1.0, 0.5]])
    >>> kernels.conjugate, kernels.tangent
    (array([[1.  , 0.5 ],
           [0.5 , 0.25]]), array([[4., 2.],
           [2., 1.]]))
    """
    activations = _checked(activations)
    X = _checks.matrix("X", X, why="columns are samples, divided by sqrt(p)")
    X = X.astype(float, copy=False)
    block_size = _checks.count("block_size", block_size)
    for activation in activations if tangent else ():
        refuse_jumps("activations", activation)
    K = X.T @ X
    if centered:
        if input_variance is None:
            input_variance = float(np.mean(np.sum(X**2, axis=0)))
        layers = kernel_coefficients(activations, input_variance)
        activations = [layer.activation for layer in layers[1:]]
    Theta = K.copy() if tangent else None
    for g in activations:
        advance(g, K, Theta, block_size)
    return DeepKernels(K, Theta)


def advance(g: Activation, K: np.ndarray, Theta: np.ndarray | None, block_size: int = 256) -> None:
    """Both kernels one layer on, in place."""
    a = np.diag(K).copy()
    products, diagonal = evaluator(g, a, a, derivative=False), on_diagonal(g, a, derivative=False)
    if Theta is None:
        overwrite(K, products, block_size, diagonal)
        return
    slopes = evaluator(g, a, a, derivative=True)
    tangent = np.diag(Theta) * on_diagonal(g, a, derivative=True) + diagonal

    def evaluate(i, j, s, alpha):
        found = products(i, j, s, alpha)
        rows, right = slice(i[0, 0], i[-1, 0] + 1), slice(j[0, 0], None)
        Theta[rows, right] *= slopes(i, j, s, alpha)
        Theta[rows, right] += found
        mirror(Theta, rows)
        return found

    overwrite(K, evaluate, block_size, diagonal)
    np.fill_diagonal(Theta, tangent)


def refuse_jumps(name: str, activation: Activation) -> None:
    """A tangent kernel needs a continuous activation."""
    if activation.jumps:
        raise ValueError(
            f"{name} must not jump, got {activation.name!r} (the tangent kernel of "
            "a jump is infinite on the diagonal; ask for tangent=False)"
        )


def _checked(activations: Sequence[Activation | str]) -> list[Activation]:
    if isinstance(activations, Activation | str) or not np.iterable(activations):
        raise ValueError(f"activations must be a list of Activation, got {activations!r}")
    found = [as_activation(f, f"activations[{depth}]") for depth, f in enumerate(activations)]
    if not found:
        raise ValueError("activations must be nonempty, got [] (one a hidden layer)")
    return found
