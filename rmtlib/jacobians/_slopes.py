r"""Squared slopes of an activation: the law that one layer contributes to a Jacobian.

A layer of a wide network multiplies the Jacobian by :math:`D^lW^l` with
:math:`D^l=\operatorname{diag}\sigma'(y^l)`, and enters the spectrum of
:math:`M^l=J^lJ^{l\mathsf T}` through the law :math:`\nu_K` of :math:`K=\sigma'(\sqrt q\,\xi)^2`,
:math:`\xi\sim\mathcal N(0,1)`, q the variance of the preactivation.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq

from rmtlib import _checks
from rmtlib._gaussian import gaussian_nodes
from rmtlib.activations import Activation, as_activation
from rmtlib.laws import Discrete


class SquaredSlopes(Discrete):
    r"""Law of the squared slope :math:`K=\sigma'(\sqrt q\,\xi)^2,\ \xi\sim\mathcal N(0,1)`.

    Exact where K takes finitely many values, by Gauss-Legendre nodes otherwise.

    Parameters
    ----------
    activation : Activation or name
        :math:`\sigma`, without jumps, not constant and of bounded slope.
    variance : positive number
        q, the variance of the preactivation.

    Notes
    -----
    Source: :cite:t:`PenningtonSchoenholzGanguli18,Pastur20`.

    Example
    -------
    >>> slopes = SquaredSlopes("ReLU", 3.0)
    >>> slopes.points.tolist(), slopes.weights.round(12).tolist(), round(slopes.share, 12)
    ([0.0, 1.0], [0.5, 0.5], 0.5)
    """

    def __init__(self, activation: Activation | str, variance: float):
        activation = as_activation(activation)
        name = activation.name
        q = _checks.positive("variance", variance, "of the preactivation")
        if activation.jumps:
            raise ValueError(f"activation must not jump (the Jacobian is singular): {name}")
        t, weight = _nodes(q, activation.kinks)
        zeros = _zeros(activation, t)
        if zeros:  # the density of K is infinite at 0: ever smaller panels
            near = 4.0 ** -np.arange(23)
            graded = np.add.outer(zeros, np.concatenate([-near, [0.0], near])).ravel()
            t, weight = _nodes(q, [*activation.kinks, *graded])
        values = activation.derivative(t) ** 2
        beyond = activation.derivative(np.array([-2.0, 2.0]) * t[-1]) ** 2
        if np.max(beyond) > 1.0001 * np.max(values):
            raise ValueError(
                f"activation must have a bounded slope, attained where the preactivation has "
                f"mass: {name} at variance {q:g}"
            )
        if not np.any(values):
            raise ValueError(f"activation must not be constant (its Jacobian is zero): {name}")
        points, where = np.unique(values, return_inverse=True)
        weights = np.bincount(where, weight)
        super().__init__(points, weights / weights.sum())

    @property
    def share(self) -> float:
        """Probability that K is not zero."""
        return float(min(1.0, np.sum(self.weights[self.points > 0])))

    def _moment(self, k: int) -> float:
        return float(self.weights @ self.points**k)


def _nodes(q: float, breaks: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Nodes for N(0, q) and their weights, where these are not negligible."""
    xi, weight = (x[0] for x in gaussian_nodes(np.array([q]), breaks, order=16))
    return np.sqrt(q) * xi[weight > 1e-24], weight[weight > 1e-24]


def _zeros(activation: Activation, t: np.ndarray) -> list[float]:
    """Points between ascending t where the slope changes its sign without a jump."""
    slope = activation.derivative(t)
    found = []
    for i in np.flatnonzero(slope[:-1] * slope[1:] < 0):
        if not any(t[i] <= kink <= t[i + 1] for kink in activation.kinks):
            found.append(float(brentq(activation.derivative, t[i], t[i + 1], xtol=1e-15)))
    return found
