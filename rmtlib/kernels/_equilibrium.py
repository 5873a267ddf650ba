r"""Kernels of deep equilibrium models, and explicit networks that have the same ones.

The model, with normal weights :math:`A\in\mathbb R^{m\times m},\ B\in\mathbb R^{m\times p}`
and :math:`\beta\in\mathbb R^m` of variance one,

.. math::

    z^*=\frac1{\sqrt m}\,g(\sigma_aAz^*+\sigma_bBx),\qquad f(x)=\beta^{\mathsf T}z^*,\qquad
    g=\phi-\mathbb E\phi(\tau_*\xi),\quad\xi\sim\mathcal N(0,1) .

``feedback`` is :math:`\sigma_a` and ``injection`` is :math:`\sigma_b`, both scales. Nothing
divides :math:`Bx`: the data carry their own scale, :math:`\|x_i\|=O(1)`, and
:math:`\tau_0^2` is the typical :math:`\|x_i\|^2`. The variance of the preactivations at
equilibrium is :math:`\tau_*^2`.

In large dimension an equilibrium is one more set of
`~rmtlib.kernels.KernelCoefficients`: `equilibrium_coefficients` returns them, and
`rmtlib.kernels.conjugate_equivalent` and its tangent sibling take them as they are.
An explicit network with the same coefficients has the same kernel:
`rmtlib.equilibrium_matching` finds one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from rmtlib import _checks
from rmtlib._checks import ConvergenceError
from rmtlib.activations import Activation
from rmtlib.kernels._deep import KernelCoefficients
from rmtlib.kernels._two_point import conjugate_kernel, derivative_kernel

_FEEDBACK = "scale of the weights that feed the state back"
_INJECTION = "scale of the weights that inject the input"
_VARIANCE = "typical squared norm of a sample"


class EquilibriumKernels(NamedTuple):
    """The two kernels of an equilibrium model: what `equilibrium_kernels` returns."""

    conjugate: np.ndarray
    """G, limit of the Gram matrix of the equilibria, shape (n, n)."""
    tangent: np.ndarray | None
    """H, limit of the Gram matrix of the gradients, shape (n, n)."""
    sweeps: int
    """Evaluations of the conjugate kernel; of a finite model, of the backward iteration."""
    residual: float
    """Largest entry of the last correction."""


def equilibrium_variance(
    activation: Activation, *, feedback: float, injection: float = 1.0, input_variance: float = 1.0
) -> float:
    r"""Variance of the preactivations at equilibrium.

    The smallest solution of

    .. math::

        \tau_*^2=\sigma_a^2\,\mathbb Eg^2(\tau_*\xi)+\sigma_b^2\tau_0^2,\qquad
        g=\phi-\mathbb E\phi(\tau_*\xi) .

    Parameters
    ----------
    activation : Activation
        :math:`\phi`; it is centered here.
    feedback : nonnegative number
        :math:`\sigma_a`.
    injection : positive number
        :math:`\sigma_b`.
    input_variance : positive number
        :math:`\tau_0^2`.

    Returns
    -------
    float
        :math:`\tau_*^2`, a variance.

    Raises
    ------
    ValueError
        If an argument is out of range.
    ~rmtlib.ConvergenceError
        If there is no solution: the feedback amplifies variances without bound.

    Notes
    -----
    Source: :cite:t:`Ling24`. For a positively homogeneous activation it is
    :math:`\sigma_b^2\tau_0^2/(1-\sigma_a^2q)`, q of `~rmtlib.activations.GaussianMoments`.

    Example
    -------
    >>> from rmtlib.activations import LINEAR
    >>> round(equilibrium_variance(LINEAR, feedback=0.6), 12)  # 1 / (1 - 0.36)
    1.5625
    """
    _check_activation(activation)
    a = _checks.nonnegative("feedback", feedback, _FEEDBACK)
    b = _checks.positive("injection", injection, _INJECTION)
    source = b**2 * _checks.positive("input_variance", input_variance, _VARIANCE)

    def excess(s: float) -> float:
        return a**2 * activation.moments(s).centered_second_moment + source - s

    if a == 0:
        return source
    low = source
    for _ in range(120):
        high = 1.25 * low
        if excess(high) <= 0:
            return float(brentq(excess, low, high, xtol=1e-15 * source, rtol=1e-14))
        low = high
    raise ConvergenceError(
        f"no equilibrium of {activation.name}: at feedback = {a:g} the variance of the "
        f"preactivations grows without bound"
    )


def equilibrium_coefficients(
    activation: Activation, *, feedback: float, injection: float = 1.0, input_variance: float = 1.0
) -> KernelCoefficients:
    r"""The scalars that the kernels of an equilibrium depend on in large dimension.

    With :math:`e_1=\mathbb Eg',\ e_2=\mathbb Eg'',\ q=\frac12\mathbb E[(g^2)''],\
    v_1=\mathbb E[g'^2]` at :math:`\tau_*\xi`, and :math:`\omega_i=\sigma_a^2\alpha_i+\sigma_b^2`,

    .. math::

        \begin{aligned}
        \alpha_1&=\frac{\sigma_b^2e_1^2}{1-\sigma_a^2e_1^2},
        &\alpha_4&=\frac{\sigma_b^2q}{1-\sigma_a^2q},
        &\alpha_2&=\frac{\frac14e_2^2\omega_4^2}{1-\sigma_a^2e_1^2},
        &\alpha_3&=\frac{\frac12e_2^2\omega_1^2}{1-\sigma_a^2e_1^2},\\
        \beta_1&=\frac{\alpha_1+\sigma_b^2e_1^2}{1-\sigma_a^2e_1^2},
        &\beta_2&=\frac{\alpha_2}{1-\sigma_a^2e_1^2},
        &\beta_3&=\frac{\alpha_3+e_2^2\omega_1(\sigma_a^2\beta_1+\sigma_b^2)}{1-\sigma_a^2e_1^2},
        &\kappa^2&=\frac{\gamma_*^2+v_1\sigma_b^2\tau_0^2}{1-\sigma_a^2v_1} .
        \end{aligned}

    Parameters
    ----------
    activation : Activation
        :math:`\phi`; it is centered here.
    feedback : nonnegative number
        :math:`\sigma_a`; 0 gives one explicit layer.
    injection : positive number
        :math:`\sigma_b`.
    input_variance : positive number
        :math:`\tau_0^2`.

    Returns
    -------
    KernelCoefficients
        ``variance`` is :math:`\gamma_*^2=\mathbb Eg^2`, ``tangent_variance`` is
        :math:`\kappa^2`; ``activation`` is g, with ``moments`` at :math:`\tau_*^2`. To be given
        to `rmtlib.kernels.conjugate_equivalent` and
        `rmtlib.kernels.tangent_equivalent`.

    Raises
    ------
    ValueError
        If an argument is out of range.
    ~rmtlib.ConvergenceError
        If there is no stable equilibrium: the spectral radius :math:`\sigma_a\sqrt{v_1}` of
        the iteration is 1 or more.

    Notes
    -----
    Source: :cite:t:`Ling24`, with centered activations.

    Example
    -------
    >>> from rmtlib.activations import RELU
    >>> layer = equilibrium_coefficients(RELU, feedback=0.4)
    >>> bool(abs(layer.alpha1 - 0.25 / 0.96) < 1e-15)
    True
    """
    s = equilibrium_variance(
        activation, feedback=feedback, injection=injection, input_variance=input_variance
    )
    a2, b2, s0 = float(feedback) ** 2, float(injection) ** 2, float(input_variance)
    g = activation.centered(s)
    moments = g.moments(s)
    _, e1, e2, s2, q, v1 = moments
    if a2 * v1 >= 1:
        raise ConvergenceError(
            f"no stable equilibrium of {activation.name}: spectral radius "
            f"sigma_a * sqrt(E[phi'^2]) = {np.sqrt(a2 * v1):.4g} >= 1"
        )
    rest = 1 - a2 * e1**2
    one, four = b2 * e1**2 / rest, b2 * q / (1 - a2 * q)
    w1, w4 = a2 * one + b2, a2 * four + b2
    two, three = e2**2 / 4 * w4**2 / rest, e2**2 / 2 * w1**2 / rest
    b_one = (one + b2 * e1**2) / rest
    b_three = (three + e2**2 * w1 * (a2 * b_one + b2)) / rest
    kappa2 = (s2 + v1 * b2 * s0) / (1 - a2 * v1)
    return KernelCoefficients(
        s2, one, two, three, four, 0.0, kappa2, b_one, two / rest, b_three, 0.0, g, moments
    )


def equilibrium_kernels(
    activation: Activation,
    X: ArrayLike,
    *,
    feedback: float,
    injection: float = 1.0,
    input_variance: float | None = None,
    tangent: bool = True,
    tol: float = 1e-12,
    max_sweeps: int = 500,
) -> EquilibriumKernels:
    r"""Conjugate and tangent kernel of an equilibrium model of infinite width, for given data.

    .. math::

        G=\mathbb E[g(u)g(v)],\quad\dot G=\mathbb E[\phi'(u)\phi'(v)],\quad
        (u,v)\sim\mathcal N(0,\Lambda),\quad\Lambda=\sigma_a^2G+\sigma_b^2X^{\mathsf T}X,
        \qquad H=\frac{G+\sigma_b^2\,\dot G\circ X^{\mathsf T}X}{1-\sigma_a^2\dot G}

    entry by entry; H is for gradients in A, B and :math:`\beta`. The diagonal is solved first,
    one number a sample; the other entries by the iteration
    :math:`G\leftarrow G+(\mathbb E[g(u)g(v)]-G)/(1-\sigma_a^2e_1^2)`, whose denominator is the
    slope at a pair of orthogonal samples.

    Parameters
    ----------
    activation : Activation
        :math:`\phi`, without jumps if the tangent kernel is wanted; it is centered here.
    X : array_like, shape (p, n)
        The data, :math:`\|x_i\|=O(1)`. For kernels between training and test data, put them
        side by side and cut the result.
    feedback : nonnegative number
        :math:`\sigma_a`.
    injection : positive number
        :math:`\sigma_b`.
    input_variance : positive number, optional
        :math:`\tau_0^2` of the centering constant; by default the mean of :math:`\|x_i\|^2`.
    tangent : bool
        Whether to compute H too.
    tol : positive number
        Largest correction of an entry at the end, relative to the largest entry.
    max_sweeps : integer >= 1
        Cap on the iterations.

    Returns
    -------
    EquilibriumKernels

    Raises
    ------
    ValueError
        If an argument is not as above.
    ~rmtlib.ConvergenceError
        If there is no stable equilibrium, or the iteration meets its cap.

    Notes
    -----
    Source: :cite:t:`FengKolter20`, :cite:t:`Ling24`. Weights tied between iterations and
    independent ones have the same limit. Kernels of models of width m differ by
    :math:`O(m^{-1/2})`.

    Example
    -------
    >>> from rmtlib.activations import LINEAR
    >>> G, H, *_ = equilibrium_kernels(LINEAR, [[1.0, 0.5]], feedback=0.6)
    >>> bool(np.allclose(G, [[1.5625, 0.78125], [0.78125, 0.390625]]))
    True
    """
    X = _checks.matrix("X", X, why="columns are samples").astype(float, copy=False)
    tol = _checks.positive("tol", tol)
    cap = _checks.count("max_sweeps", max_sweeps)
    gram = X.T @ X
    if input_variance is None:
        input_variance = float(np.mean(np.diag(gram)))
    _check_activation(activation)
    if tangent and activation.jumps:
        raise ValueError(
            f"activation must not jump, got {activation.name!r} (the tangent kernel of a jump is "
            "infinite on the diagonal; ask for tangent=False)"
        )
    layer = equilibrium_coefficients(
        activation, feedback=feedback, injection=injection, input_variance=input_variance
    )
    a2, b2, g = float(feedback) ** 2, float(injection) ** 2, layer.activation
    scale = layer.variance
    rest = 1 - a2 * layer.moments.mean_derivative**2
    diagonal = _diagonal(g, b2 * np.diag(gram), a2, layer, tol, cap)
    # the first guess: off the diagonal, the linear part of the fixed point
    G = layer.alpha1 * gram
    np.fill_diagonal(G, diagonal)
    spread = np.sqrt(a2 * diagonal + b2 * np.diag(gram))
    roof = np.outer(spread, spread)
    sweeps, residual = 0, np.inf
    while residual > tol * scale:
        if sweeps == cap:
            raise ConvergenceError(
                f"the kernel did not converge: corrections of {residual:.2g} after {cap} sweeps "
                f"at feedback = {feedback:g}; raise max_sweeps"
            )
        Lambda = np.clip(a2 * G + b2 * gram, -roof, roof)
        step = (conjugate_kernel(g, Lambda) - G) / rest
        np.fill_diagonal(step, 0.0)
        residual = float(np.max(np.abs(step)))
        G += step
        sweeps += 1
    if not tangent:
        return EquilibriumKernels(G, None, sweeps, residual)
    slopes = derivative_kernel(g, np.clip(a2 * G + b2 * gram, -roof, roof))
    if a2 * slopes.max() >= 1:
        raise ConvergenceError(
            "no stable equilibrium for a sample: spectral radius sigma_a * sqrt(E[phi'^2]) = "
            f"{np.sqrt(a2 * slopes.max()):.4g} >= 1"
        )
    H = (G + b2 * slopes * gram) / (1 - a2 * slopes)
    return EquilibriumKernels(G, H, sweeps, residual)


def _diagonal(g: Activation, source, a2: float, layer: KernelCoefficients, tol, cap) -> np.ndarray:
    """E g^2 for every sample, from the variance ``source`` that its input injects."""
    rest = 1 - a2 * layer.moments.centered_second_moment_slope
    found = np.full(source.shape, layer.variance)
    for _ in range(cap):
        moments = g.moments(np.maximum(a2 * found + source, np.finfo(float).tiny))
        step = (moments.centered_second_moment + moments.mean**2 - found) / rest
        found = np.maximum(found + step, 0)
        if not np.all(np.isfinite(found)):
            break
        if np.max(np.abs(step)) <= tol * layer.variance:
            return found
    raise ConvergenceError(
        "no equilibrium for some sample: the variance of its preactivations does not settle "
        f"within {cap} iterations (its norm may be too far from the typical one)"
    )


def _check_activation(activation: Activation) -> None:
    if not isinstance(activation, Activation):
        raise ValueError(f"activation must be an Activation, got {activation!r}")
