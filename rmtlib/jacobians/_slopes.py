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
from rmtlib._types import ArrayLike
from rmtlib.activations import Activation, as_activation
from rmtlib.laws import Discrete, SpectralLaw


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

    def s_transform(self, w: ArrayLike) -> np.ndarray | float:
        r"""S-transform, multiplicative under free products.

        .. math:: S_K(w)=\frac{1+w}w\,\chi_K(w),\qquad\psi_K(\chi_K(w))=w,
            \qquad\psi_K(t)=\mathbb E\frac{Kt}{1-Kt} .

        For :math:`\frac1nXX^{\mathsf T}` with square X it is :math:`1/(1+w)`.

        Parameters
        ----------
        w : array_like of numbers in (-share, 0)
            Points.

        Returns
        -------
        float or ndarray of the shape of ``w``

        Notes
        -----
        Source: :cite:t:`PenningtonSchoenholzGanguli17`.

        Example
        -------
        >>> S = SquaredSlopes("ReLU", 1.0).s_transform(-0.25)  # (1 + w) / (1/2 + w)
        >>> bool(abs(S - 3.0) < 1e-12)
        True
        """
        w = _checks.real_array("w", w).astype(float)
        if w.size and not (-self.share < w.min() and w.max() < 0):
            wrong = w.max() if w.max() >= 0 else w.min()
            raise ValueError(f"w must be between {-self.share:g} and 0, got {wrong:g}")
        K, nu = self.points, self.weights

        def root(u: float) -> float:
            def gap(log_h: float) -> float:
                h = np.exp(log_h)
                return nu @ (K * h / (1 + K * h)) - u

            return np.exp(brentq(gap, -600, 600, xtol=1e-14, rtol=1e-14))

        h = np.array([root(-x) for x in w.ravel()]).reshape(w.shape)
        return _checks.scalar_out((1 + w) * h / -w)


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


def one_layer(
    slopes: SquaredSlopes, previous: SpectralLaw, z: complex, *, weight_variance: float = 1.0
) -> tuple[complex, complex, complex]:
    r"""One layer of the recursion :math:`\nu_{M^l}=\nu_K\diamond\nu_{M^{l-1}}`, at one z.

    .. math::

        k=\int\frac{\lambda\,\nu_K(d\lambda)}{1+\lambda h},\qquad
        h=\int\frac{\lambda\,\nu_R(d\lambda)}{\lambda k-z},\qquad
        m(z)=\frac{kh-1}z,

    with R of the law of :math:`M^{l-1}` and :math:`\sigma_w^2K` for K. Solved by
    damped iteration of k, slow and simple: `~rmtlib.jacobians.JacobianLaw` is the fast way.

    Parameters
    ----------
    slopes : SquaredSlopes
        :math:`\nu_K`.
    previous : SpectralLaw
        Law of :math:`M^{l-1}`; ``Discrete([1])`` for the first layer.
    z : complex
        Point with positive imaginary part, or a negative number.
    weight_variance : positive number
        :math:`\sigma_w^2`.

    Returns
    -------
    m, k, h : complex
        The Stieltjes transform of the law of :math:`M^l`, and the solution.

    Raises
    ------
    ~rmtlib.ConvergenceError
        If the iteration does not converge.

    Notes
    -----
    Source: :cite:t:`Pastur20,PasturSlavin20`.

    Example
    -------
    >>> from rmtlib.laws import Discrete, MarchenkoPastur
    >>> m, k, h = one_layer(SquaredSlopes("linear", 1.0), Discrete([1.0]), -0.5)
    >>> bool(abs(m - MarchenkoPastur(1.0).stieltjes(-0.5)) < 1e-12)
    True
    """
    slopes = _checks.instance("slopes", slopes, SquaredSlopes)
    previous = _checks.instance("previous", previous, SpectralLaw)
    point = _checks.complex_array("z", z)
    if point.ndim or not (point.imag > 0 or (point.imag == 0 and point.real < 0)):
        raise ValueError(f"z must be one point, negative or of positive imaginary part, got {z}")
    z = point.item()
    K, nu = _checks.positive("weight_variance", weight_variance) * slopes.points, slopes.weights
    k = complex(nu @ K)
    for _ in range(5000):
        h = (1 + z / k * previous.stieltjes(z / k)) / k
        gap = np.sum(nu * K / (1 + K * h)) - k
        if abs(gap) <= 1e-14 * abs(k):
            return complex((k * h - 1) / z), k, complex(h)
        k = complex(k + gap / 2)
    raise _checks.ConvergenceError(
        f"the iteration for k does not converge at z = {z}: last step {abs(gap):.2g}"
    )
