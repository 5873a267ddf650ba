r"""Squared slopes of an activation: the law that one layer contributes to a Jacobian.

A layer of a wide network multiplies the Jacobian by :math:`D^lW^l` with
:math:`D^l=\operatorname{diag}\sigma'(y^l)`, and enters the spectrum of
:math:`M^l=J^lJ^{l\mathsf T}` through the law :math:`\nu_K` of :math:`K=\sigma'(\sqrt q\,\xi)^2`,
:math:`\xi\sim\mathcal N(0,1)`, q the variance of the preactivation.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from rmtlib._checks import ConvergenceError, positive, real_array
from rmtlib.activations import Activation
from rmtlib.activations._moments import gaussian_nodes
from rmtlib.laws import SpectralLaw


class Slopes(NamedTuple):
    r"""Law of :math:`K=\sigma'(\sqrt q\,\xi)^2`, exact if finite, else by Gauss-Legendre nodes."""

    points: np.ndarray
    weights: np.ndarray

    @property
    def share(self) -> float:
        """Probability that K is not zero."""
        return float(min(1.0, np.sum(self.weights[self.points > 0])))

    def moment(self, k: int) -> float:
        r""":math:`\mu_k=\mathbb EK^k`."""
        return float(self.weights @ self.points**k)


def squared_slopes(activation: Activation, variance: float) -> Slopes:
    r"""Law of the squared slope :math:`K=\sigma'(\sqrt q\,\xi)^2,\ \xi\sim\mathcal N(0,1)`.

    Parameters
    ----------
    activation : Activation
        :math:`\sigma`, without jumps.
    variance : positive number
        q, the variance of the preactivation.

    Returns
    -------
    Slopes
        Points (ascending) and their probabilities.

    Raises
    ------
    ValueError
        If ``variance`` is not positive, or the activation jumps, is constant or has
        an unbounded slope.

    Notes
    -----
    Source: :cite:t:`PenningtonSchoenholzGanguli18,Pastur20`.

    Example
    -------
    >>> from rmtlib.activations import RELU
    >>> slopes = squared_slopes(RELU, 3.0)
    >>> slopes.points.tolist(), slopes.weights.round(12).tolist()
    ([0.0, 1.0], [0.5, 0.5])
    """
    q = positive("variance", variance, "of the preactivation")
    if activation.jumps:
        raise ValueError(f"activation must not jump (the Jacobian is singular): {activation.name}")
    xi, weight = (x[0] for x in gaussian_nodes(np.array([q]), activation.kinks, order=16))
    kept = weight > 1e-24
    values = activation.derivative(np.sqrt(q) * xi[kept]) ** 2
    points, where = np.unique(values, return_inverse=True)
    weights = np.bincount(where, weight[kept])
    beyond = activation.derivative(np.array([-2.0, 2.0]) * np.sqrt(q) * xi[kept][-1]) ** 2
    if np.max(beyond) > 1.0001 * points[-1]:
        raise ValueError(
            f"activation must have a bounded slope, attained where the preactivation has "
            f"mass: {activation.name} at variance {q:g}"
        )
    if points[-1] == 0:
        raise ValueError(
            f"activation must not be constant (its Jacobian is zero): {activation.name}"
        )
    return Slopes(points, weights / weights.sum())


def diamond(
    slopes: Slopes, previous: SpectralLaw, z: complex, weight_variance: float = 1.0
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
    slopes : Slopes
        :math:`\nu_K`, from `squared_slopes`.
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
    ValueError
        If z is neither in the upper half plane nor negative.
    ~rmtlib.ConvergenceError
        If the iteration does not converge.

    Notes
    -----
    Source: :cite:t:`Pastur20,PasturSlavin20`.

    Example
    -------
    >>> from rmtlib.activations import LINEAR
    >>> from rmtlib.laws import Discrete, MarchenkoPastur
    >>> m, k, h = diamond(squared_slopes(LINEAR, 1.0), Discrete([1.0]), -0.5)
    >>> bool(abs(m - MarchenkoPastur(1.0).stieltjes(-0.5)) < 1e-12)
    True
    """
    if not np.isscalar(z) or isinstance(z, (str, bool)) or not np.isfinite(z):
        raise ValueError(f"z must be a finite number, got {z!r}")
    if not (np.imag(z) > 0 or (np.imag(z) == 0 and np.real(z) < 0)):
        raise ValueError(f"z must be negative or have a positive imaginary part, got {z}")
    K, nu = positive("weight_variance", weight_variance) * slopes.points, slopes.weights
    k = complex(nu @ K)
    for _ in range(5000):
        h = (1 + z / k * previous.stieltjes(z / k)) / k
        gap = np.sum(nu * K / (1 + K * h)) - k
        if abs(gap) <= 1e-14 * abs(k):
            return (k * h - 1) / z, k, h
        k += gap / 2
    raise ConvergenceError(
        f"the iteration for k does not converge at z = {z}: last step {abs(gap):.2g}"
    )


def s_transform(slopes: Slopes, w: ArrayLike) -> np.ndarray | float:
    r"""S-transform of the law of K, multiplicative under free products.

    .. math:: S_K(w)=\frac{1+w}w\,\chi_K(w),\qquad\psi_K(\chi_K(w))=w,
        \qquad\psi_K(t)=\mathbb E\frac{Kt}{1-Kt} .

    For :math:`\frac1nXX^{\mathsf T}` with square X it is :math:`1/(1+w)`.

    Parameters
    ----------
    slopes : Slopes
        From `squared_slopes`.
    w : array_like of numbers in (-P(K > 0), 0)
        Points.

    Returns
    -------
    float or ndarray of the shape of ``w``

    Raises
    ------
    ValueError
        If a point is outside the interval.

    Notes
    -----
    Source: :cite:t:`PenningtonSchoenholzGanguli17`.

    Example
    -------
    >>> from rmtlib.activations import RELU
    >>> S = s_transform(squared_slopes(RELU, 1.0), -0.25)  # (1 + w) / (1/2 + w)
    >>> bool(abs(S - 3.0) < 1e-12)
    True
    """
    w = real_array("w", w).astype(float)
    if w.size and not (-slopes.share < w.min() and w.max() < 0):
        wrong = w.max() if w.max() >= 0 else w.min()
        raise ValueError(f"w must be between {-slopes.share:g} and 0, got {wrong:g}")
    K, nu = slopes.points, slopes.weights

    def root(u: float) -> float:
        def gap(log_h: float) -> float:
            h = np.exp(log_h)
            return nu @ (K * h / (1 + K * h)) - u

        return np.exp(brentq(gap, -600, 600, xtol=1e-14, rtol=1e-14))

    h = np.array([root(-x) for x in w.ravel()]).reshape(w.shape)
    return ((1 + w) * h / -w)[()]


def inverse_psi(slopes: Slopes, w: float) -> tuple[float, float]:
    """Pair log t and t psi'(t) at psi(t) = E[tK / (1 - tK)] = w > 0, 0 < t < 1 / max K."""
    K, nu = slopes.points / slopes.points[-1], slopes.weights

    def parts(s: float) -> tuple[np.ndarray, np.ndarray]:
        t = 1 / (1 + np.exp(-s))
        return t * K, (1 - K) + K / (1 + np.exp(s))  # tK, 1 - tK

    def psi(s: float) -> float:
        top, bottom = parts(s)
        return np.log(nu @ (top / bottom)) - np.log(w)

    s = brentq(psi, -60, 60, xtol=1e-13, rtol=1e-14)
    top, bottom = parts(s)
    return -np.logaddexp(0, -s) - np.log(slopes.points[-1]), float(nu @ (top / bottom**2))
