r"""Explicit networks with the kernel of a deep equilibrium model.

In large dimension the conjugate kernel of an equilibrium depends on four numbers
(`~rmtlib.kernels.Equilibrium.coefficients`), and so does that of an explicit
network. A network whose numbers are the same has the same kernel: one layer of clipped lines
for odd activations (`match_clip`), a few layers of leaky ReLUs for positively homogeneous
ones (`match_two_slopes`), either by `~rmtlib.kernels.Equilibrium.matched_network`. How few,
and up to which feedback, is `feedback_limit`.

:math:`\tau_0^2` is ``input_variance``, the typical :math:`\|x_i\|^2` of data that carry
their own scale; ``feedback`` and ``injection`` are the scales :math:`\sigma_a,\sigma_b`
of the equilibrium's weights.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import erf

from rmtlib import _checks
from rmtlib.activations import Activation, Clip, TwoSlopes, as_activation
from rmtlib.kernels._deep import VARIANCE, KernelCoefficients

_K = 1 / 4 - 1 / (2 * np.pi)


def match_clip(
    layer: KernelCoefficients, *, input_variance: float = 1.0, tangent: bool = False
) -> Clip:
    r"""One layer of clipped lines with a given kernel.

    For a kernel without quadratic terms, :math:`\alpha_2=\alpha_3=0`, a single layer with
    activation :math:`\max(-c,\min(\alpha t,c))` has the same two numbers if

    .. math::

        \frac{E^2}{E-2k\varphi(k)+k^2(1-E)}=\frac{\alpha_1\tau_0^2}{\gamma_*^2},\quad
        E=\mathrm{erf}\frac k{\sqrt2},\qquad\alpha=\frac{\sqrt{\alpha_1}}E,\quad c=k\alpha\tau_0,

    or, for the tangent kernel,

    .. math::

        \frac{2E-2k\varphi(k)+k^2(1-E)}{2E^2}=\frac{\kappa^2}{\beta_1\tau_0^2},\qquad
        \alpha=\frac{\sqrt{\beta_1/2}}E,\quad c=k\alpha\tau_0 .

    Parameters
    ----------
    layer : KernelCoefficients
        What to match, from `~rmtlib.kernels.Equilibrium` or
        `~rmtlib.kernels.kernel_coefficients`.
    input_variance : positive number
        :math:`\tau_0^2`, the same as behind ``layer``.
    tangent : bool
        Match the tangent kernel; the conjugate kernels then differ.

    Returns
    -------
    Clip
        For ``deep_kernels([activation], X)``.

    Notes
    -----
    Source: :cite:t:`Ling24`. A clipped line exists if
    :math:`2/\pi<\alpha_1\tau_0^2/\gamma_*^2<1`.

    Example
    -------
    >>> from rmtlib.kernels import Equilibrium
    >>> match_clip(Equilibrium("erf", feedback=0.4).coefficients).level
    0.96079861529...
    """
    layer = _checks.instance("layer", layer, KernelCoefficients)
    s0 = _checks.positive("input_variance", input_variance, VARIANCE)
    linear, total, quadratic = layer.alpha[0], layer.variance, layer.alpha[1:3]
    if tangent:
        linear, total, quadratic = layer.beta[0] / 2, layer.tangent_variance, layer.beta[1:3]
    if max(quadratic) * s0 > 1e-9 * total or linear <= 0:
        raise ValueError(
            "layer must have a linear part and no quadratic terms, got linear coefficient "
            f"{linear:.3g} and quadratic ones {quadratic[0]:.3g}, {quadratic[1]:.3g} "
            "(an odd activation has none)"
        )
    goal = linear * s0 / total

    def excess(k: float) -> float:
        line, tail = erf(k / np.sqrt(2)), np.sqrt(2 / np.pi) * k * np.exp(-(k**2) / 2)
        second = line - tail + k**2 * (1 - line)
        return line**2 / (second + line * tangent) - goal

    low, high = 1e-4, 6.0
    if not excess(low) < 0 < excess(high):
        limits = (0.0, 0.5) if tangent else (2 / np.pi, 1.0)
        raise ValueError(
            "layer must have a linear share (alpha1 * input_variance / variance; for the tangent "
            f"kernel half of beta1) between {limits[0]:.4g} and {limits[1]:g}, got {goal:.4g} "
            "(no clipped line has this kernel)"
        )
    k = brentq(excess, low, high, xtol=1e-14, rtol=1e-14)
    slope = np.sqrt(linear) / erf(k / np.sqrt(2))
    return Clip(slope, k * slope * np.sqrt(s0))


def match_two_slopes(
    layer: KernelCoefficients, *, depth: int = 2, input_variance: float = 1.0, closest: bool = False
) -> tuple[TwoSlopes, ...]:
    r"""Layers of leaky ReLUs with the conjugate kernel of a homogeneous equilibrium.

    Layers :math:`a_\ell t^++b_\ell(-t)^+`, with :math:`P_\ell=(\frac{a_\ell-b_\ell}2)^2,
    \ S_\ell=(a_\ell+b_\ell)^2,\ k=\frac14-\frac1{2\pi}` and
    :math:`x_\ell=kS_\ell/P_\ell`, have the coefficients of ``layer`` if
    :math:`\prod_\ell P_\ell=\alpha_1` and

    .. math::

        \prod_\ell(1+x_\ell)=1+\mathcal G,\quad
        \sum_\ell\frac{x_\ell}{\prod_{j<\ell}(1+x_j)}=\mathcal H,\qquad
        \mathcal G=8\pi k\tau_0^2\frac{\alpha_2}{\alpha_1},\quad
        \mathcal H=4\pi k\tau_0^2\frac{\alpha_3}{\alpha_1} .

    Two layers solve :math:`x_1^3+(2-\mathcal H)x_1^2-2\mathcal Hx_1+\mathcal G-\mathcal H=0`;
    of its roots in :math:`[0,\mathcal G]` the largest is taken. More layers start from those
    that make :math:`\mathcal H` smallest, :math:`x_{\ell+1}=x_\ell+x_\ell^2/2`, and move
    nonlinearity into the first until the sum is right. Scales are such that
    :math:`\tau_\ell=\tau_0` before the last layer.

    Parameters
    ----------
    layer : KernelCoefficients
        What to match, of a positively homogeneous activation.
    depth : integer >= 1
        Number of layers.
    input_variance : positive number
        :math:`\tau_0^2`, the same as behind ``layer``.
    closest : bool
        Where ``depth`` is too small, give the layers with the nearest :math:`\mathcal H`: all
        coefficients but :math:`\alpha_3` are then right.

    Returns
    -------
    tuple of ``depth`` TwoSlopes
        For ``deep_kernels(activations, X)``.

    Notes
    -----
    A ``depth`` that is too small is refused: see `feedback_limit`. Source: two layers
    :cite:t:`Ling24`; the conditions for other depths follow from the same coefficients.

    Example
    -------
    >>> from rmtlib.kernels import Equilibrium
    >>> first, second = match_two_slopes(Equilibrium("ReLU", feedback=0.4).coefficients)
    >>> (first.right, first.left), (second.right, second.left)
    ((1.710519230..., -0.00499766...), (0.729273219..., -0.46059641...))
    """
    layer = _checks.instance("layer", layer, KernelCoefficients)
    L = _checks.count("depth", depth, why="number of layers")
    s0 = _checks.positive("input_variance", input_variance, VARIANCE)
    if layer.activation is None or layer.alpha[0] <= 0 or layer.alpha[1] <= 0:
        raise ValueError(
            "layer must be of a positively homogeneous, nonlinear activation, got alpha1 = "
            f"{layer.alpha[0]:.3g}, alpha2 = {layer.alpha[1]:.3g}"
        )
    G = 8 * np.pi * _K * s0 * layer.alpha[1] / layer.alpha[0]
    H = 4 * np.pi * _K * s0 * layer.alpha[2] / layer.alpha[0]
    if abs(layer.variance / (s0 * layer.alpha[0] * (1 + G)) - 1) > 1e-6:
        raise ValueError(
            "layer must be of a positively homogeneous activation at this input_variance, got "
            f"variance {layer.variance:.4g} where its coefficients ask for "
            f"{s0 * layer.alpha[0] * (1 + G):.4g}"
        )
    smallest = _smallest_sum(G, L)
    slack = 1e-9 * G
    if not closest and not _sum(smallest) - slack <= H <= G + slack:
        least = next((d for d in range(1, 200) if _sum(_smallest_sum(G, d)) <= H), None)
        cure = f"{least} are needed" if least else "no number is enough without injecting the input"
        raise ValueError(f"depth must be large enough for this equilibrium, got {L} ({cure})")
    two = L == 2 and _sum(smallest) <= H
    x = _two_layers(G, H) if two else _more_layers(G, H, smallest)
    P = 1 / (1 + x)
    P[-1] = layer.alpha[0] / np.prod(P[:-1])
    root, mean = np.sqrt(x * P / _K) / 2, np.sqrt(P)
    return tuple(
        TwoSlopes(even + odd, even - odd, name=f"leaky ReLU {i}")
        for i, (even, odd) in enumerate(zip(root, mean, strict=True), 1)
    )


def _sum(x: np.ndarray) -> float:
    """The sum of x_l / prod_{j<l} (1 + x_j)."""
    return float(np.sum(x / np.cumprod(np.concatenate([[1.0], 1 + x[:-1]]))))


def _chain(first: float, L: int) -> np.ndarray:
    """x_1 and its successors x + x^2 / 2."""
    x = np.full(L, first)
    for i in range(1, L):
        x[i] = min(x[i - 1] + x[i - 1] ** 2 / 2, 1e6)
    return x


def _smallest_sum(G: float, L: int) -> np.ndarray:
    """The x of L layers with prod (1 + x) = 1 + G and the smallest `_sum`."""
    goal = np.log1p(G)
    if L == 1:
        return np.array([G])
    first = brentq(
        lambda x: np.sum(np.log1p(_chain(x, L))) - goal, 0.0, G, xtol=1e-15 * G, rtol=1e-14
    )
    return _chain(first, L)


def _two_layers(G: float, H: float) -> np.ndarray:
    roots = np.roots([1.0, 2 - H, -2 * H, G - H])
    real = roots[np.abs(roots.imag) < 1e-6 * (1 + G)].real
    x = np.max(real[real <= G * (1 + 1e-9)])
    x = min(max(x, 0.0), G)
    return np.array([x, (1 + G) / (1 + x) - 1])


def _more_layers(G: float, H: float, smallest: np.ndarray) -> np.ndarray:
    first = np.zeros(len(smallest))
    first[0] = np.log1p(G)

    def layers(share: float) -> np.ndarray:
        return np.expm1((1 - share) * np.log1p(smallest) + share * first)

    excess = [_sum(layers(share)) - H for share in (0.0, 1.0)]
    if len(smallest) == 1 or excess[0] >= 0 or excess[1] <= 0:
        return layers(float(abs(excess[1]) < abs(excess[0])))
    return layers(brentq(lambda share: _sum(layers(share)) - H, 0.0, 1.0, xtol=1e-15))


def feedback_limit(activation: Activation | str, depth: int | None = None) -> float:
    r"""Largest feedback at which leaky-ReLU layers have the kernel of a homogeneous equilibrium.

    With :math:`u=\sigma_a^2e_1^2` and :math:`x=q/e_1^2-1`, both numbers of the matching
    equations are closed forms,

    .. math::

        \mathcal G=\frac x{1-u(1+x)},\qquad\mathcal H=\frac{x\,(1-u(1+x))}{(1-u)^2} ;

    ``depth`` layers reach :math:`\mathcal H\ge\mathcal H_{\min}(\mathcal G)`, and any number
    of them :math:`\mathcal H>\mathcal G/(1+\mathcal G)`, that is
    :math:`\sigma_a^2(e_1^2+q)<1`. Neither :math:`\sigma_b` nor :math:`\tau_0` matters.

    Parameters
    ----------
    activation : Activation or str
        Of the form :math:`at^++b(-t)^+`, with :math:`|a|\ne|b|`.
    depth : integer >= 1, optional
        Number of layers; any number by default.

    Returns
    -------
    float
        A limit on :math:`\sigma_a`; 0 for one layer.

    Example
    -------
    >>> feedback_limit("ReLU", 2), feedback_limit("ReLU")
    (0.923464419..., 1.300957762...)
    """
    activation = as_activation(activation)
    slopes = isinstance(activation, TwoSlopes) and (activation.right, activation.left)
    if not slopes or abs(slopes[0]) == abs(slopes[1]):
        raise ValueError(
            f"activation must be a leaky ReLU with two different slopes, got {activation.name!r}"
        )
    moments = activation.moments(1.0)
    e, q = moments.mean_derivative**2, moments.centered_second_moment_slope
    limit = float(1 / np.sqrt(e + q))
    if depth is None:
        return limit
    L = _checks.count("depth", depth, why="number of layers")
    if L == 1:
        return 0.0
    x = q / e - 1

    def excess(feedback: float) -> float:
        u = feedback**2 * e
        left = 1 - u * (1 + x)
        return x * left / (1 - u) ** 2 - _sum(_smallest_sum(x / left, L))

    low = 1e-3 / np.sqrt(e + q)
    return float(brentq(excess, low, limit, xtol=1e-13))
