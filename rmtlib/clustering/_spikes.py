r"""What kernel spectral clustering can see: isolated eigenvalues and their eigenvectors.

Distance kernels :math:`K_{ij}=f(\frac1p\|x_i-x_j\|^2)` of two classes, not divided by n;
``ratio`` is c = p / n.
"""

import numpy as np
from scipy.special import ndtr

from rmtlib import _checks
from rmtlib._types import ArrayLike
from rmtlib.clustering._distance_kernels import RadialProfile
from rmtlib.covariance import Outlier, signal_plus_noise_spike


def clustering_accuracy(alignment: ArrayLike) -> np.ndarray | float:
    r"""Accuracy of the signs of an eigenvector with given alignment to the classes.

    For :math:`\hat v_i=\sqrt\zeta\,j_i/\sqrt n+\sqrt{(1-\zeta)/n}\,\mathcal N(0,1)`,

    .. math:: \text{accuracy}=\Phi\Bigl(\sqrt{\tfrac\zeta{1-\zeta}}\Bigr).

    Parameters
    ----------
    alignment : array_like
        :math:`\zeta` in [0, 1], any shape: a squared cosine.

    Returns
    -------
    ndarray or float

    Notes
    -----
    Residuals are exactly Gaussian for means in white noise, by rotation invariance
    :cite:p:`CouilletLiao22`. One data set of n points deviates by :math:`O(n^{-1/2})`.

    Example
    -------
    >>> clustering_accuracy([0.0, 0.5, 1.0]).round(4)
    array([0.5   , 0.8413, 1.    ])
    """
    zeta = _checks.unit_interval_array("alignment", alignment, "a squared cosine")
    noise = np.maximum(1 - zeta, np.finfo(float).tiny)
    return _checks.scalar_out(ndtr(np.sqrt(zeta / noise)))


def bayes_accuracy(mean_strength: float = 0.0, trace_difference: float = 0.0) -> float:
    r"""Best possible accuracy, knowing the two balanced classes :math:`\pm`.

    .. math:: x\sim\mathcal N\bigl(\pm\mu,(1\pm t/\sqrt p)I\bigr),\quad\rho=\|\mu\|^2:
              \qquad\Phi\Bigl(\sqrt{\rho+t^2/2}\Bigr).

    Parameters
    ----------
    mean_strength : float
        :math:`\rho\ge0`, a quarter of the squared distance of the means.
    trace_difference : float
        t, any sign.

    Returns
    -------
    float

    Notes
    -----
    Exact for t = 0, otherwise a limit reached at rate :math:`p^{-1/2}`
    :cite:p:`CouilletLiao22`.

    Example
    -------
    >>> round(bayes_accuracy(mean_strength=9 / 4), 10)
    0.9331927987
    """
    rho = _checks.nonnegative("mean_strength", mean_strength, "a squared norm")
    t = _checks.finite("trace_difference", trace_difference)
    return float(ndtr(np.sqrt(rho + t**2 / 2)))


def _decreasing(profile: RadialProfile) -> tuple[float, float, float]:
    """The numbers f, f', f'' at 2, of a profile that decreases there."""
    _checks.instance("profile", profile, RadialProfile, "f with two derivatives")
    f, first, second = profile.at(2.0)
    if not first < 0:
        raise ValueError(
            f"profile must decrease at 2, got derivative {first:g} "
            "(nearer points must be more similar)"
        )
    return f, first, second


def mean_spike(strength: ArrayLike, profile: RadialProfile, *, ratio: float) -> Outlier:
    r"""What kernel spectral clustering sees of a difference of means.

    Two balanced classes :math:`\mathcal N(\pm\mu,I)`, :math:`\rho=\|\mu\|^2`
    (:math:`\frac14\|\mu_1-\mu_2\|^2`), kernel :math:`K_{ij}=f(\frac1p\|x_i-x_j\|^2)`,
    :math:`\tau=2`, :math:`F=f(0)-f(\tau)+\tau f'(\tau)`. For :math:`\rho>\sqrt c` the second
    eigenvalue of K, of the centered kernel the first, is isolated:

    .. math::

        \lambda=-2f'(\tau)\frac{(1+\rho)(c+\rho)}{c\,\rho}+F,\qquad
        \zeta=\frac{\rho^2-c}{\rho(\rho+1)},\qquad
        \text{accuracy}=\Phi\Bigl(\sqrt{\tfrac{\rho^2-c}{\rho+c}}\Bigr).

    Parameters
    ----------
    strength : array_like
        :math:`\rho\ge0`, any shape.
    profile : RadialProfile
        f, decreasing at 2.
    ratio : float
        c = p / n > 0.

    Returns
    -------
    Outlier
        ``alignment`` is :math:`\zeta`, with the classes :math:`j/\sqrt n`
        (`clustering_accuracy` makes the accuracy of it); ``edge`` is the upper one of
        ``profile.bulk(ratio)``; ``threshold`` is :math:`\sqrt c`.

    Notes
    -----
    :cite:t:`CBG16,BGN12,CouilletLiao22`. The error is :math:`O(n^{-1/2})`; near the
    threshold, and for the accuracy below it, :math:`O(n^{-1/3})`.

    Example
    -------
    Alignment and accuracy do not depend on the kernel:

    >>> from rmtlib.clustering import HEAT
    >>> spike = mean_spike(4.0, HEAT, ratio=0.5)
    >>> round(spike.position, 9), spike.alignment, round(clustering_accuracy(0.775), 10)
    (4.402884831, 0.775, 0.9682676228)
    """
    c = _checks.positive("ratio", ratio, "ratio = p / n")
    spike = signal_plus_noise_spike(strength, ratio=c)
    _, first, _ = _decreasing(profile)
    return Outlier(
        strength=spike.strength,
        threshold=spike.threshold,
        isolated=spike.isolated,
        position=-2 * first * spike.position / c + profile.shift(2.0),
        edge=profile.bulk(c)[1],
        alignment=spike.right_alignment,
    )


def trace_spike(
    trace_difference: ArrayLike, profile: RadialProfile, *, ratio: float, operator: str = "kernel"
) -> Outlier:
    r"""What kernel spectral clustering sees of a difference of traces.

    Two balanced classes :math:`\mathcal N(0,(1\pm t/\sqrt p)I)`, kernel
    :math:`K_{ij}=f(\frac1p\|x_i-x_j\|^2)`, all derivatives at :math:`\tau=2`. The squared
    norms enter as :math:`\beta\,uu^{\mathsf T}`, with

    .. math::

        \beta=f''\ (PKP),\qquad \beta=f''-\frac{f'^2}f\ (K\text{ and Laplacian}),\qquad
        \alpha=-2f',\quad\gamma=\frac1c,\quad s=\frac{\beta(2+t^2)}{c\,\alpha}.

    If :math:`s>\gamma+\sqrt\gamma`, or :math:`s<\gamma-\sqrt\gamma`, an eigenvalue is isolated:

    .. math::

        \lambda=\alpha\Bigl(s+\frac s{s-\gamma}\Bigr)+F,\qquad
        A=1-\frac\gamma{(s-\gamma)^2},\qquad \zeta=A\,\frac{t^2}{2+t^2},

    A the squared cosine with u, :math:`\zeta` with the classes. The heat kernel has
    :math:`\beta=0` for K and for the Laplacian: their eigenvectors from the second on are
    blind to the traces; centering makes them visible. With t = 0 the isolated
    eigenvalue, if there is one, shows the norms of the noise and nothing else.

    Parameters
    ----------
    trace_difference : array_like
        t, any shape.
    profile : RadialProfile
        f, positive and decreasing at 2.
    ratio : float
        c = p / n > 0.
    operator : {"kernel", "centered", "laplacian"}
        K from its second eigenvector on, `center` of K, or :math:`f(\tau)` times
        `normalized_laplacian` of K from its second eigenvector on.

    Returns
    -------
    Outlier
        ``strength`` is s, ``threshold`` the upper one, :math:`\gamma+\sqrt\gamma`,
        ``alignment`` is :math:`\zeta`, with the classes.

    Notes
    -----
    :cite:t:`CBG16,CouilletLiao22`; for the Laplacian often quoted with a coefficient 5/4
    of :math:`f'^2/f`, which simulations contradict. The error is :math:`O(n^{-1/2})`.

    Example
    -------
    >>> from rmtlib.clustering import HEAT
    >>> spike = trace_spike(2.5, HEAT, ratio=0.25, operator="centered")
    >>> spike.strength, round(spike.position, 9), round(spike.alignment, 10)
    (8.25, 4.013365423, 0.5898081158)
    >>> trace_spike(2.5, HEAT, ratio=0.25, operator="kernel").isolated
    False
    """
    t = _checks.real_array("trace_difference", trace_difference).astype(float)
    c = _checks.positive("ratio", ratio, "ratio = p / n")
    operator = _checks.one_of("operator", operator, ("kernel", "centered", "laplacian"))
    f, first, second = _decreasing(profile)
    beta = second
    if operator != "centered":
        if f <= 0:
            raise ValueError(f"profile must be positive at 2, got {f:g} (beta = f'' - f'^2 / f)")
        beta = second - first**2 / f
        if abs(beta) < 1e-12 * abs(second):
            beta = 0.0  # f = exp(-k t), where the difference is rounding
    alpha, gamma = -2 * first, 1 / c
    s = beta * (2 + t**2) / (c * alpha)
    above, below = s > gamma + np.sqrt(gamma), (s < gamma - np.sqrt(gamma)) & (s != 0)
    isolated = above | below
    low, high = profile.bulk(c)
    edge = np.where(below | (s < 0), low, high)
    kept = np.where(isolated, s, np.inf)
    x = np.where(isolated, s, 0.0) + 1 / (1 - gamma / kept)
    return Outlier(
        strength=s,
        threshold=gamma + np.sqrt(gamma),
        isolated=isolated,
        position=np.where(isolated, alpha * x + profile.shift(2.0), edge),
        edge=edge,
        alignment=np.where(isolated, 1 - gamma / (kept - gamma) ** 2, 0.0) * t**2 / (2 + t**2),
    )
