r"""Two-point Gaussian expectations of any activation.

:math:`\mathbb E[\sigma(u)\sigma(v)]` for Gaussian u, v of variances a, b and correlation
:math:`\rho=\sin\alpha`: by the Mehler series, and by quadrature where that is too long.
"""

import numpy as np

from rmtlib._checks import ConvergenceError
from rmtlib._gaussian import gaussian_nodes, hermite_rows
from rmtlib.activations import Activation

_TERMS = 400  # at most, of the Mehler series
_TOLERANCE = 1e-12


class MehlerSeries:
    r"""Mehler series of one activation at variances a_1, ..., a_n.

    .. math::

        \mathbb E\sigma(u)\sigma(v)=\sum_kf_k(a)f_k(b)\rho^k,\qquad
        \Bigl|\sum_{k>m}\Bigr|\le|\rho|^{m+1}\sqrt{T_m(a)T_m(b)},\quad
        T_m=\mathbb E\sigma^2-\sum_{k\le m}f_k^2 .

    Parameters
    ----------
    activation : Activation
        :math:`\sigma`.
    variance : ndarray, shape (n,)
        Positive variances.
    """

    def __init__(self, activation: Activation, variance: np.ndarray):
        self.activation, self.variance = activation, variance
        distinct, back = np.unique(variance, return_inverse=True)
        square = activation.moments(distinct).second_moment
        parts = np.array_split(distinct, -(-distinct.size // 256))
        breaks = activation.kinks + activation.jumps
        for count in (24, 48, 96, 200, _TERMS):
            rows = np.concatenate(
                [hermite_rows(activation.value, v, breaks, count, 16) for v in parts], axis=1
            )
            rest = np.maximum(square - np.cumsum(rows**2, axis=0), 0)
            tail = np.sqrt(rest / np.maximum(square, np.finfo(float).tiny))
            if np.max(tail[-1]) ** 2 <= _TOLERANCE / 10:
                break
        self.square, self.rows, self.tail = square[back], rows[:, back], tail[:, back]

    def at(self, index: np.ndarray) -> "MehlerSeries":
        """The same series at some of the variances, arranged as ``index``."""
        part = object.__new__(MehlerSeries)
        part.activation = self.activation
        part.variance, part.square = self.variance[index], self.square[index]
        part.rows, part.tail = self.rows[:, index], self.tail[:, index]
        return part


def series_expectation(left: MehlerSeries, right: MehlerSeries, alpha: np.ndarray) -> np.ndarray:
    r"""Expectation at variances of ``left`` and ``right`` and correlation :math:`\sin\alpha`.

    Terms whose rest is below 1e-12 are left out; where 400 terms are not enough, quadrature.

    Parameters
    ----------
    left, right : MehlerSeries
        Of the same activation, arranged to broadcast with ``alpha``.
    alpha : ndarray
        :math:`\alpha`.

    Returns
    -------
    ndarray, of the shape of ``alpha``

    Raises
    ------
    ~rmtlib.ConvergenceError
        If quadrature does not resolve the activation.
    """
    rho = np.sin(alpha)
    terms = min(len(left.rows), len(right.rows))
    bound = np.abs(rho) ** terms * left.tail[terms - 1] * right.tail[terms - 1]
    far = bound > _TOLERANCE
    near = np.where(far, 0.0, rho)
    reach, last = np.max(np.abs(near), initial=0.0), terms - 1
    for k in range(terms):
        if reach ** (k + 1) * np.max(left.tail[k]) * np.max(right.tail[k]) <= _TOLERANCE:
            last = k
            break
    K = left.rows[last] * right.rows[last] + np.zeros(rho.shape)
    for k in range(last - 1, -1, -1):
        K = K * near + left.rows[k] * right.rows[k]
    if far.any():
        a, b = (np.broadcast_to(x.variance, rho.shape)[far] for x in (left, right))
        size = np.broadcast_to(np.sqrt(left.square * right.square), rho.shape)[far]
        K[far] = _quadrature(left.activation, a, b, alpha[far], size)
    return K


def _quadrature(activation: Activation, a, b, alpha, size) -> np.ndarray:
    """E sigma(u) sigma(v) pair by pair; ``size`` bounds it."""
    found = np.empty(a.shape)
    for i in range(a.size):
        coarse, found[i] = (_pair(activation, a[i], b[i], alpha[i], order) for order in (8, 12))
        if not abs(found[i] - coarse) <= 1e-9 * size[i]:
            raise ConvergenceError(
                f"two-point quadrature of {activation.name} does not converge at variances "
                f"{a[i]:.3g} and {b[i]:.3g}: declare its kinks and jumps"
            )
    return found


def _pair(activation: Activation, a: float, b: float, alpha: float, order: int) -> float:
    """E sigma(u) E[sigma(v) | u]: given u, v has mean rho sqrt(b / a) u, scale sqrt(b) cos."""
    breaks = np.array(activation.kinks + activation.jumps)
    ratio = np.sin(alpha) * np.sqrt(b / a)
    scale = max(np.sqrt(b) * np.cos(alpha), 1e-15)
    # given u, the expectation varies on this scale where v crosses a break
    steps = scale / ratio * np.array([-8.0, -4, -2, -1, 0, 1, 2, 4, 8])
    marks = np.concatenate([breaks, (breaks[:, None] / ratio + steps).ravel()])
    xi, weight = gaussian_nodes(np.array([a]), marks, order)
    u = np.sqrt(a) * xi[0]
    mean = ratio * u
    inner, mass = gaussian_nodes(
        np.full(u.size, scale**2), breaks - mean[:, None], order, center=-mean
    )
    given_u = np.sum(mass * activation.value(mean[:, None] + scale * inner), axis=1)
    return float(np.sum(weight[0] * activation.value(u) * given_u))
