r"""Errors of classification rules between two Gaussian classes, in closed form.

What each rule knows: the best rule everything, a linear rule the means that it
estimates, a distance or a nearest neighbor only the points.
"""

import numpy as np
from scipy.special import betainc, chdtr, chdtrc, ndtr
from scipy.stats import ncx2, poisson

from rmtlib import _checks

_WHY_CONTRAST = "class 2 has covariance (1 + contrast / sqrt(p)) I, which must be positive"


def isotropic_quadratic_error(contrast: float, *, p: int) -> float:
    r"""Exact Bayes error between two centered classes that differ by their scale.

    :math:`C_1 = I_p` and :math:`C_2 = s^2 I_p` with
    :math:`s^2 = 1 + \varepsilon/\sqrt p`, equal weights. The optimal rule
    compares :math:`\|x\|^2` with :math:`\theta = p \log s^2 / (1 - s^{-2})`:

    .. math:: \tfrac12 \bigl[P(\chi_p^2 > \theta) + P(\chi_p^2 < \theta / s^2)\bigr]
              \quad (\varepsilon > 0),

    with the two inequalities reversed for :math:`\varepsilon < 0`.

    Parameters
    ----------
    contrast : float
        :math:`\varepsilon`, larger than :math:`-\sqrt p`; zero gives 1/2.
    p : int
        Dimension, at least 1.

    Returns
    -------
    float

    Notes
    -----
    Tends to :math:`Q(|\varepsilon| / (2\sqrt 2))`, the value of `GaussianMixture.bayes_error`,
    at rate :math:`O(p^{-1/2})`.

    Example
    -------
    >>> print(f"{isotropic_quadratic_error(3.0, p=256):.10f}")
    0.1656994137
    """
    p = _checks.count("p", p)
    x = _checks.finite("contrast", contrast) / np.sqrt(p)
    if x <= -1:
        raise ValueError(
            f"contrast must be > -sqrt(p) = {-np.sqrt(p):g}, got {contrast:g} ({_WHY_CONTRAST})"
        )
    if x == 0:
        return 0.5
    s2 = 1 + x
    theta = p * np.log1p(x) * s2 / x
    if x > 0:
        return float(chdtrc(p, theta) + chdtr(p, theta / s2)) / 2
    return float(chdtr(p, theta) + chdtrc(p, theta / s2)) / 2


def plug_in_linear_discriminant_error(distance: float, *, ratio: float) -> float:
    r"""Limiting error of linear discriminant analysis with estimated means.

    Two classes of equal weight with identity covariance (known) and means at
    distance :math:`\Delta`, estimated from n points in all, n/2 per class:
    :math:`\|\hat\mu_1 - \hat\mu_2\|^2 \to \Delta^2 + 4c`, and

    .. math:: Q\Bigl(\frac{\Delta^2}{2\sqrt{\Delta^2 + 4c}}\Bigr), \qquad c = p/n .

    Parameters
    ----------
    distance : float
        :math:`\Delta \ge 0`, Mahalanobis distance between the means.
    ratio : float
        :math:`c = p/n \ge 0`, n the number of training points in both
        classes together; 0 for known means.

    Returns
    -------
    float

    Notes
    -----
    The finite-size error is O(1/n) on average; one training set deviates by :math:`O(n^{-1/2})`.

    Example
    -------
    >>> print(f"{plug_in_linear_discriminant_error(3, ratio=0.5):.10f}")
    0.0874222168
    """
    delta = _checks.nonnegative("distance", distance)
    c = _checks.nonnegative("ratio", ratio, "ratio = p / n")
    if delta == 0:
        return 0.5
    return float(ndtr(-(delta**2) / (2 * np.sqrt(delta**2 + 4 * c))))


def distance_auc(distance: float, *, p: int) -> float:
    r"""Exact probability that a between-class distance exceeds a within-class one.

    Two Gaussian classes with identity covariance, means at distance
    :math:`\Delta`. Squared distances are :math:`2\chi_p^2` within a class and
    :math:`2\chi_p'^2(\Delta^2/2)` between classes. The noncentral variable is
    :math:`\chi_{p+2J}^2` with J Poisson of mean :math:`\Delta^2/4`, hence, with
    independent pairs and I the regularized incomplete beta function,

    .. math:: \mathrm{AUC} = \sum_{j\ge0} P(J = j)\, I_{1/2}\bigl(\tfrac p2, \tfrac p2 + j\bigr).

    Parameters
    ----------
    distance : float
        :math:`\Delta \ge 0`.
    p : int
        Dimension, at least 1.

    Returns
    -------
    float
        Between 1/2 and 1.

    Notes
    -----
    The Poisson tails below 1e-16 are left out of the sum.

    Example
    -------
    >>> print(f"{distance_auc(3, p=100):.10f}")
    0.5869533529
    """
    delta = _checks.nonnegative("distance", distance)
    p = _checks.count("p", p)
    mean = delta**2 / 4
    j = np.arange(poisson.ppf(1e-16, mean), poisson.isf(1e-16, mean) + 1)
    return float(poisson.pmf(j, mean) @ betainc(p / 2, p / 2 + j, 0.5))


def distance_auc_limit(distance: float, *, p: int) -> float:
    r"""Large-dimensional equivalent of `distance_auc`: distances lose the classes.

    .. math:: \Phi\Bigl(\frac{\Delta^2}{4\sqrt p}\Bigr) .

    Parameters
    ----------
    distance : float
        :math:`\Delta \ge 0`.
    p : int
        Dimension, at least 1.

    Returns
    -------
    float

    Notes
    -----
    The difference with `distance_auc` is :math:`O(p^{-3/2})` for fixed :math:`\Delta`.

    Example
    -------
    >>> print(f"{distance_auc_limit(3, p=100):.10f}")
    0.5890103629
    """
    delta = _checks.nonnegative("distance", distance)
    return float(ndtr(delta**2 / (4 * np.sqrt(_checks.count("p", p)))))


def nearest_neighbor_accuracy(distance: float, *, p: float, n: int) -> float:
    r"""Accuracy of the nearest of n labeled neighbors, between white classes.

    Two classes with identity covariance and means at distance :math:`\Delta`,
    h = n/2 labeled points in each. Let u be the coordinate of a new point along
    the line of the means, measured from its own mean, and approximate the other
    p - 1 squared coordinates of the new point by their mean. Squared distances to
    the two classes are then noncentral chi-square variables of p degrees of
    freedom, with noncentralities :math:`u^2+p-1` and :math:`(u+\Delta)^2+p-1`, and

    .. math::

        \mathrm{accuracy}=\mathbb E_u\int \bar F_{\rm other}(t)^h\;
        d\bigl[1-\bar F_{\rm own}(t)^h\bigr],

    where :math:`\bar F` are the two survival functions.

    Parameters
    ----------
    distance : float
        :math:`\Delta \ge 0`.
    p : float
        Dimension, 5 to 1e8; an effective dimension need not be an integer.
    n : int
        Number of labeled points, at least 2.

    Returns
    -------
    float
        Between 1/2 and 1.

    Notes
    -----
    :math:`\frac12+\Delta^2 e_n/(4\sqrt{6p})` to first order, with :math:`e_n` the mean of
    the maximum of n standard normals. Quadrature: 2e-5. The fluctuation of the
    squared coordinates that is left out changes the accuracy by O(1/p).

    Example
    -------
    >>> nearest_neighbor_accuracy(0.0, p=100, n=500)
    0.5
    """
    delta = _checks.nonnegative("distance", distance)
    p = _checks.between("p", p, 5, 1e8, "norms concentrate only from 5 on")
    n = _checks.count("n", n, at_least=2)
    delta = min(delta, 10 * np.sqrt(p) + 100)  # there no neighbor is of the other class
    return 0.5 if delta == 0 else _race(delta, p, n, nodes=24, steps=1600)


def _race(delta: float, p: float, n: int, nodes: int, steps: int) -> float:
    h = n / 2
    u, weights = np.polynomial.hermite_e.hermegauss(nodes)
    own, other = u**2 + p - 1, (u + delta) ** 2 + p - 1
    low = ncx2.ppf(1e-8 / h, p, own.min())
    high = ncx2.ppf(min(20 / h, 0.999), p, own.max())
    t = np.linspace(low, high, steps)[:, None]
    own_is_farther = ncx2.sf(t, p, own) ** h
    other_is_farther = ncx2.sf(t, p, other) ** h
    middle = (other_is_farther[1:] + other_is_farther[:-1]) / 2
    wins = np.sum(-np.diff(own_is_farther, axis=0) * middle, axis=0)
    return float(weights @ wins / weights.sum())
