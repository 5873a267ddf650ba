r"""Mean field of wide random networks: variances from layer to layer, and the edge of chaos.

The network is :math:`y^l=W^lx^{l-1}+b^l,\ x^l=\sigma(y^l)`, with n neurons a layer,
independent entries of :math:`W^l` of mean zero and variance :math:`\sigma_w^2/n` (or
:math:`W^l=\sigma_w` times a Haar orthogonal matrix) and biases of variance
:math:`\sigma_b^2`. As n grows the entries of :math:`y^l` become Gaussian, and
everything follows from their variance :math:`q^l`, the *preactivation* variance of
layer l.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from rmtlib._checks import ConvergenceError, count, nonnegative, positive, positive_array
from rmtlib.activations import Activation

_TINY, _HUGE = 1e-12, 1e12


class CriticalPoint(NamedTuple):
    r"""Variances of weights and biases at the edge of chaos."""

    weight_variance: float
    bias_variance: float


def variance_map(
    activation: Activation,
    variance: ArrayLike,
    weight_variance: float = 1.0,
    bias_variance: float = 0.0,
) -> np.ndarray | float:
    r"""Preactivation variance of the next layer.

    .. math:: q\mapsto\sigma_w^2\,\mathbb E\sigma(\sqrt q\,\xi)^2+\sigma_b^2,
        \qquad\xi\sim\mathcal N(0,1) .

    Parameters
    ----------
    activation : Activation
        :math:`\sigma`.
    variance : positive number or array_like of them
        q.
    weight_variance : positive number
        :math:`\sigma_w^2`.
    bias_variance : number >= 0
        :math:`\sigma_b^2`.

    Returns
    -------
    float or ndarray of the shape of ``variance``

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Notes
    -----
    Source: :cite:t:`Poole16`, equation 3. At width n the variance of one network
    differs by :math:`O(n^{-1/2})`.

    Example
    -------
    >>> from rmtlib.activations import RELU
    >>> bool(abs(variance_map(RELU, 3.0, weight_variance=2.0) - 3.0) < 1e-14)
    True
    """
    weight = positive("weight_variance", weight_variance)
    bias = nonnegative("bias_variance", bias_variance)
    moments = activation.moments(positive_array("variance", variance, "of the preactivation"))
    return weight * (moments.centered_second_moment + np.square(moments.mean)) + bias


def preactivation_variances(
    activation: Activation,
    depth: int,
    *,
    weight_variance: float = 1.0,
    bias_variance: float = 0.0,
    input_variance: float = 1.0,
) -> np.ndarray:
    r"""Variances :math:`q^1,\dots,q^L` of all layers.

    .. math:: q^1=\sigma_w^2q^0+\sigma_b^2,\qquad
        q^{l+1}=\sigma_w^2\,\mathbb E\sigma(\sqrt{q^l}\,\xi)^2+\sigma_b^2 .

    Parameters
    ----------
    activation : Activation
        :math:`\sigma`.
    depth : integer >= 1
        L.
    weight_variance : positive number
        :math:`\sigma_w^2`.
    bias_variance : number >= 0
        :math:`\sigma_b^2`.
    input_variance : positive number
        :math:`q^0=\|x^0\|^2/n`.

    Returns
    -------
    ndarray, shape (depth,)

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Notes
    -----
    Source: :cite:t:`Poole16`.

    Example
    -------
    >>> from rmtlib.activations import HARDTANH
    >>> preactivation_variances(HARDTANH, 2, bias_variance=0.1)
    array([1.1       , 0.63479897])
    """
    depth = count("depth", depth, why="number of layers")
    weight = positive("weight_variance", weight_variance)
    bias = nonnegative("bias_variance", bias_variance)
    variances = [weight * positive("input_variance", input_variance) + bias]
    while len(variances) < depth:
        variances.append(variance_map(activation, variances[-1], weight, bias))
    return np.array(variances)


def fixed_point_variance(
    activation: Activation, weight_variance: float = 1.0, bias_variance: float = 0.0
) -> float:
    r"""The variance :math:`q^*` to which the layers of a deep network converge.

    .. math:: q^*=\sigma_w^2\,\mathbb E\sigma(\sqrt{q^*}\,\xi)^2+\sigma_b^2

    It is 0 when the signal dies out, which takes :math:`\sigma_b=0`.

    Parameters
    ----------
    activation : Activation
        :math:`\sigma`, with a map that crosses the diagonal once, as those of
        tanh, HardTanh and ReLU do.
    weight_variance : positive number
        :math:`\sigma_w^2`.
    bias_variance : number >= 0
        :math:`\sigma_b^2`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument is out of its range.
    ~rmtlib.ConvergenceError
        If the variance grows without bound, or every variance is a fixed point.

    Notes
    -----
    Source: :cite:t:`Poole16`. Solved with Brent's method, since iteration of the map
    takes :math:`O(1/q^*)` steps on the critical line.

    Example
    -------
    >>> from rmtlib.activations import LINEAR
    >>> abs(fixed_point_variance(LINEAR, 0.5, 1.0) - 2.0) < 1e-9
    True
    """
    weight = positive("weight_variance", weight_variance)
    bias = nonnegative("bias_variance", bias_variance)

    def growth(log_q: float) -> float:
        return variance_map(activation, np.exp(log_q), weight, bias) / np.exp(log_q) - 1

    low, high = growth(np.log(_TINY)), growth(np.log(_HUGE))
    if abs(low) < 1e-9 and abs(high) < 1e-9:
        raise ConvergenceError(
            f"every variance is a fixed point at weight_variance = {weight:g}: "
            "the limit is that of the input"
        )
    if high >= 0:
        raise ConvergenceError(
            f"no fixed point: with weight_variance = {weight:g} the variance grows without bound"
        )
    if low <= 0:
        return 0.0
    return float(np.exp(brentq(growth, np.log(_TINY), np.log(_HUGE), xtol=1e-14, rtol=1e-14)))


def susceptibility(
    activation: Activation, variance: ArrayLike, weight_variance: float = 1.0
) -> np.ndarray | float:
    r"""Factor by which one layer multiplies the mean squared gradient.

    .. math:: \chi=\sigma_w^2\,\mathbb E\sigma'(\sqrt q\,\xi)^2

    At :math:`q^*`, nearby inputs converge if :math:`\chi<1` (order) and separate if
    :math:`\chi>1` (chaos).

    Parameters
    ----------
    activation : Activation
        :math:`\sigma`.
    variance : positive number or array_like of them
        q.
    weight_variance : positive number
        :math:`\sigma_w^2`.

    Returns
    -------
    float or ndarray of the shape of ``variance``

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Notes
    -----
    Source: :cite:t:`Poole16,Schoenholz17`.

    Example
    -------
    >>> from rmtlib.activations import RELU
    >>> susceptibility(RELU, 5.0, 2.0)
    1.0
    """
    weight = positive("weight_variance", weight_variance)
    q = positive_array("variance", variance, "of the preactivation")
    return weight * activation.moments(q).mean_squared_derivative


def critical_point(activation: Activation, variance: float) -> CriticalPoint:
    r"""Weights and biases at the edge of chaos, for a given fixed point :math:`q^*`.

    .. math:: \sigma_w^2=\frac1{\mathbb E\sigma'(\sqrt{q^*}\xi)^2},\qquad
        \sigma_b^2=q^*-\sigma_w^2\,\mathbb E\sigma(\sqrt{q^*}\xi)^2

    Parameters
    ----------
    activation : Activation
        :math:`\sigma`.
    variance : positive number
        :math:`q^*`.

    Returns
    -------
    CriticalPoint
        With ``weight_variance`` and ``bias_variance``.

    Raises
    ------
    ValueError
        If ``variance`` is not positive, or no bias variance >= 0 does it.

    Notes
    -----
    Source: :cite:t:`PenningtonSchoenholzGanguli17`.

    Example
    -------
    >>> from rmtlib.activations import RELU
    >>> critical_point(RELU, 0.7)
    CriticalPoint(weight_variance=2.0, bias_variance=0.0)
    """
    q = positive("variance", variance, "fixed point of the preactivation")
    slope = susceptibility(activation, q)
    if not 0 < slope < np.inf:
        raise ValueError(
            f"activation must have a mean squared derivative > 0 and finite, got {slope:g} "
            f"({activation.name})"
        )
    weight = 1 / slope
    bias = q - variance_map(activation, q, weight)
    if bias < -1e-12 * q:
        raise ValueError(
            f"variance must be one that a bias can reach, got {q:g} ({activation.name} is critical "
            f"there with bias variance {bias:.3g} only)"
        )
    return CriticalPoint(float(weight), float(max(bias, 0.0)) if bias > 1e-15 * q else 0.0)
