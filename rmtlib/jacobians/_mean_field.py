r"""Mean field of wide random networks: variances from layer to layer, and the edge of chaos.

The network is :math:`y^l=W^lx^{l-1}+b^l,\ x^l=\sigma(y^l)`, with n neurons a layer,
independent entries of :math:`W^l` of mean zero and variance :math:`\sigma_w^2/n` (or
:math:`W^l=\sigma_w` times a Haar orthogonal matrix) and biases of variance
:math:`\sigma_b^2`. As n grows the entries of :math:`y^l` become Gaussian, and
everything follows from their variance :math:`q^l`, the *preactivation* variance of
layer l. At width n the variance of one network differs by :math:`O(n^{-1/2})`.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from rmtlib._checks import ConvergenceError, count, nonnegative, positive, positive_array
from rmtlib._types import ArrayLike
from rmtlib.activations import Activation, as_activation

_TINY, _HUGE = 1e-12, 1e12


@dataclass(frozen=True)
class CriticalPoint:
    r"""Variances of weights and biases at the edge of chaos, from `critical_point`."""

    weight_variance: float
    bias_variance: float


def _next_variance(activation: Activation, q: float, weight: float, bias: float) -> float:
    r"""Preactivation variance :math:`\sigma_w^2\,\mathbb E\sigma(\sqrt q\,\xi)^2+\sigma_b^2`."""
    return weight * activation.moments(q).second_moment + bias


def preactivation_variances(
    activation: Activation | str,
    *,
    depth: int,
    weight_variance: float = 1.0,
    bias_variance: float = 0.0,
    input_variance: float = 1.0,
) -> np.ndarray:
    r"""Variances :math:`q^1,\dots,q^L` of all layers.

    .. math:: q^1=\sigma_w^2q^0+\sigma_b^2,\qquad
        q^{l+1}=\sigma_w^2\,\mathbb E\sigma(\sqrt{q^l}\,\xi)^2+\sigma_b^2,
        \qquad\xi\sim\mathcal N(0,1) .

    Parameters
    ----------
    activation : Activation or name
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

    Notes
    -----
    Source: :cite:t:`Poole16`, equation 3.

    Example
    -------
    >>> preactivation_variances("HardTanh", depth=2, bias_variance=0.1)
    array([1.1       , 0.63479897])
    """
    activation = as_activation(activation)
    depth = count("depth", depth, why="number of layers")
    weight = positive("weight_variance", weight_variance)
    bias = nonnegative("bias_variance", bias_variance)
    variances = [weight * positive("input_variance", input_variance) + bias]
    while len(variances) < depth:
        variances.append(_next_variance(activation, variances[-1], weight, bias))
    return np.array(variances)


def fixed_point_variance(
    activation: Activation | str, *, weight_variance: float = 1.0, bias_variance: float = 0.0
) -> float:
    r"""The variance :math:`q^*` to which the layers of a deep network converge.

    .. math:: q^*=\sigma_w^2\,\mathbb E\sigma(\sqrt{q^*}\,\xi)^2+\sigma_b^2

    It is 0 when the signal dies out, which takes :math:`\sigma_b=0`.

    Parameters
    ----------
    activation : Activation or name
        :math:`\sigma`, with a map that crosses the diagonal once, as those of
        tanh, HardTanh and ReLU do.
    weight_variance : positive number
        :math:`\sigma_w^2`.
    bias_variance : number >= 0
        :math:`\sigma_b^2`.

    Raises
    ------
    ~rmtlib.ConvergenceError
        If the variance grows without bound, or every variance is a fixed point.

    Notes
    -----
    Source: :cite:t:`Poole16`. Solved with Brent's method, since iteration of the map
    takes :math:`O(1/q^*)` steps on the critical line.

    Example
    -------
    >>> abs(fixed_point_variance("linear", weight_variance=0.5, bias_variance=1) - 2) < 1e-9
    True
    """
    activation = as_activation(activation)
    weight = positive("weight_variance", weight_variance)
    bias = nonnegative("bias_variance", bias_variance)

    def growth(log_q: float) -> float:
        return _next_variance(activation, np.exp(log_q), weight, bias) / np.exp(log_q) - 1

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
    activation: Activation | str, variance: ArrayLike, *, weight_variance: float = 1.0
) -> np.ndarray | float:
    r"""Factor by which one layer multiplies the mean squared gradient.

    .. math:: \chi=\sigma_w^2\,\mathbb E\sigma'(\sqrt q\,\xi)^2

    At :math:`q^*`, nearby inputs converge if :math:`\chi<1` (order) and separate if
    :math:`\chi>1` (chaos).

    Parameters
    ----------
    activation : Activation or name
        :math:`\sigma`.
    variance : positive number or array_like of them
        q.
    weight_variance : positive number
        :math:`\sigma_w^2`.

    Returns
    -------
    float or ndarray of the shape of ``variance``

    Notes
    -----
    Source: :cite:t:`Poole16,Schoenholz17`.

    Example
    -------
    >>> susceptibility("ReLU", 5.0, weight_variance=2.0)
    1.0
    """
    weight = positive("weight_variance", weight_variance)
    q = positive_array("variance", variance, "of the preactivation")
    return weight * as_activation(activation).moments(q).mean_squared_derivative


def critical_point(activation: Activation | str, variance: float) -> CriticalPoint:
    r"""Weights and biases at the edge of chaos, for a given fixed point :math:`q^*`.

    .. math:: \sigma_w^2=\frac1{\mathbb E\sigma'(\sqrt{q^*}\xi)^2},\qquad
        \sigma_b^2=q^*-\sigma_w^2\,\mathbb E\sigma(\sqrt{q^*}\xi)^2

    Parameters
    ----------
    activation : Activation or name
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
        If no bias variance >= 0 makes :math:`q^*` critical.

    Notes
    -----
    Source: :cite:t:`PenningtonSchoenholzGanguli17`.

    Example
    -------
    >>> critical_point("ReLU", 0.7)
    CriticalPoint(weight_variance=2.0, bias_variance=0.0)
    """
    activation = as_activation(activation)
    q = positive("variance", variance, "fixed point of the preactivation")
    slope = activation.moments(q).mean_squared_derivative
    if not 0 < slope < np.inf:
        raise ValueError(
            f"activation must have a mean squared derivative > 0 and finite, got {slope:g} "
            f"({activation.name})"
        )
    weight = 1 / slope
    bias = q - _next_variance(activation, q, weight, 0.0)
    if bias < -1e-12 * q:
        raise ValueError(
            f"variance must be one that a bias can reach, got {q:g} ({activation.name} is critical "
            f"there with bias variance {bias:.3g} only)"
        )
    return CriticalPoint(float(weight), float(bias) if bias > 1e-15 * q else 0.0)
