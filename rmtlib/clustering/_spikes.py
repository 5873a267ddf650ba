r"""What kernel spectral clustering can see: isolated eigenvalues and their eigenvectors.

Distance kernels :math:`K_{ij}=f(\frac1p\|x_i-x_j\|^2)` of two classes, not divided by n;
``ratio`` is c = p / n.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from rmtlib import _checks
from rmtlib.clustering._distance_kernels import RadialProfile
from rmtlib.covariance import signal_plus_noise_spike


@dataclass(frozen=True)
class KernelSpike:
    r"""Limits for the informative eigenvalue; arrays have the shape of the input.

    Parameters
    ----------
    strength, threshold : float or ndarray, float
        What the theorem compares; see the function.
    isolated : bool or ndarray
        Whether the eigenvalue leaves the bulk.
    eigenvalue : float or ndarray
        Its limit; the edge of the bulk that it sticks to if not isolated.
    spike_alignment : float or ndarray
        Squared cosine of its eigenvector with the direction that makes the spike.
    alignment : float or ndarray
        Squared cosine with the classes :math:`j/\sqrt n`.
    accuracy : float or ndarray
        Share of points that the signs of the eigenvector classify correctly.
    bulk : tuple of two floats
        Edges of the bulk of the kernel matrix.
    shift : float
        F: place of the n - p equal eigenvalues when n > p.
    """

    strength: float | np.ndarray
    threshold: float
    isolated: bool | np.ndarray
    eigenvalue: float | np.ndarray
    spike_alignment: float | np.ndarray
    alignment: float | np.ndarray
    accuracy: float | np.ndarray
    bulk: tuple[float, float]
    shift: float


def clustering_accuracy(alignment: ArrayLike) -> np.ndarray | float:
    r"""Accuracy of the signs of an eigenvector with given alignment to the classes.

    For :math:`\hat v_i=\sqrt\zeta\,j_i/\sqrt n+\sqrt{(1-\zeta)/n}\,\mathcal N(0,1)`,

    .. math:: \text{accuracy}=\Phi\Bigl(\sqrt{\tfrac\zeta{1-\zeta}}\Bigr).

    Parameters
    ----------
    alignment : array_like
        :math:`\zeta` in [0, 1], any shape.

    Returns
    -------
    ndarray or float

    Raises
    ------
    ValueError
        If an alignment is outside [0, 1].

    Notes
    -----
    Residuals are exactly Gaussian for means in white noise, by rotation invariance
    :cite:p:`CouilletLiao22`. One data set of n points deviates by :math:`O(n^{-1/2})`.

    Example
    -------
    >>> clustering_accuracy([0.0, 0.5, 1.0]).round(4)
    array([0.5   , 0.8413, 1.    ])
    """
    zeta = _checks.real_array("alignment", alignment).astype(float)
    if np.any((zeta < 0) | (zeta > 1)):
        bad = zeta[(zeta < 0) | (zeta > 1)].flat[0]
        raise ValueError(f"alignment must be between 0 and 1, got {bad:g} (a squared cosine)")
    noise = np.maximum(1 - zeta, np.finfo(float).tiny)
    accuracy = ndtr(np.sqrt(zeta / noise))
    return float(accuracy) if accuracy.ndim == 0 else accuracy


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

    Raises
    ------
    ValueError
        If ``mean_strength`` is negative or a parameter is not finite.

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


def _decreasing(profile: RadialProfile, tau: float) -> tuple[float, float, float]:
    f, first, second = profile.at(tau)
    if not first < 0:
        raise ValueError(
            f"profile must decrease at {tau:g}, got derivative {first:g} "
            "(nearer points must be more similar)"
        )
    return f, first, second


def _bulk(first: float, shift: float, c: float) -> tuple[float, float]:
    return tuple(float(-2 * first * (1 + sign / np.sqrt(c)) ** 2 + shift) for sign in (-1, 1))


def mean_spike(strength: ArrayLike, ratio: float, profile: RadialProfile) -> KernelSpike:
    r"""What kernel spectral clustering sees of a difference of means.

    Two balanced classes :math:`\mathcal N(\pm\mu,I)`, :math:`\rho=\|\mu\|^2`
    (:math:`\frac14\|\mu_1-\mu_2\|^2`), kernel :math:`K_{ij}=f(\frac1p\|x_i-x_j\|^2)`,
    :math:`\tau=2`, :math:`F=f(0)-f(\tau)+\tau f'(\tau)`. For :math:`\rho>\sqrt c` the second
    eigenvalue of K, of the centered kernel the first, is isolated:

    .. math::

        \lambda=-2f'(\tau)\frac{(1+\rho)(c+\rho)}{c\,\rho}+F,\qquad
        \zeta=\frac{\rho^2-c}{\rho(\rho+1)},\qquad
        \text{accuracy}=\Phi\Bigl(\sqrt{\tfrac{\rho^2-c}{\rho+c}}\Bigr),

    and the bulk is :math:`-2f'(\tau)(1\pm1/\sqrt c)^2+F`, with a mass 1 - c at F when n > p.

    Parameters
    ----------
    strength : array_like
        :math:`\rho\ge0`, any shape.
    ratio : float
        c = p / n > 0.
    profile : RadialProfile
        f, decreasing at 2.

    Returns
    -------
    KernelSpike
        ``strength`` is :math:`\rho` and ``threshold`` is :math:`\sqrt c`.

    Raises
    ------
    ValueError
        If a strength is negative, ``ratio`` is not positive, or :math:`f'(2)\ge0`.

    Notes
    -----
    :cite:t:`CBG16,BGN12,CouilletLiao22`. The error is :math:`O(n^{-1/2})`; near the
    threshold, and for the accuracy below it, :math:`O(n^{-1/3})`.

    Example
    -------
    Alignment and accuracy do not depend on the kernel:

    >>> from rmtlib.clustering import heat_kernel
    >>> spike = mean_spike(4.0, 0.5, heat_kernel())
    >>> round(spike.eigenvalue, 9), spike.alignment, round(spike.accuracy, 10)
    (4.402884831, 0.775, 0.9682676228)
    """
    c = _checks.positive("ratio", ratio, "ratio = p / n")
    spike = signal_plus_noise_spike(strength, c)
    _, first, _ = _decreasing(profile, 2.0)
    shift = profile.shift(2.0)
    rho = np.asarray(strength, dtype=float)
    return KernelSpike(
        strength=float(rho) if rho.ndim == 0 else rho,
        threshold=spike.threshold,
        isolated=spike.isolated,
        eigenvalue=-2 * first * spike.position / c + shift,
        spike_alignment=spike.right_alignment,
        alignment=spike.right_alignment,
        accuracy=clustering_accuracy(spike.right_alignment),
        bulk=_bulk(first, shift, c),
        shift=shift,
    )


def trace_spike(
    trace_difference: ArrayLike, ratio: float, profile: RadialProfile, operator: str = "kernel"
) -> KernelSpike:
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
    ratio : float
        c = p / n > 0.
    profile : RadialProfile
        f, positive and decreasing at 2.
    operator : {"kernel", "centered", "laplacian"}
        K from its second eigenvector on, `center` of K, or :math:`f(\tau)` times
        `normalized_laplacian` of K from its second eigenvector on.

    Returns
    -------
    KernelSpike
        ``strength`` is s and ``threshold`` is :math:`\gamma+\sqrt\gamma`.

    Raises
    ------
    ValueError
        If ``ratio`` is not positive, :math:`f'(2)\ge0`, ``operator`` is unknown, or
        :math:`f(2)\le0` where the operator needs it.

    Notes
    -----
    :cite:t:`CBG16,CouilletLiao22`; for the Laplacian often quoted with a coefficient 5/4
    of :math:`f'^2/f`, which simulations contradict. The error is :math:`O(n^{-1/2})`.

    Example
    -------
    >>> from rmtlib.clustering import heat_kernel
    >>> spike = trace_spike(2.5, 0.25, heat_kernel(), operator="centered")
    >>> spike.strength, round(spike.eigenvalue, 9), round(spike.accuracy, 10)
    (8.25, 4.013365423, 0.8847589231)
    >>> trace_spike(2.5, 0.25, heat_kernel(), operator="kernel").isolated
    False
    """
    t = _checks.real_array("trace_difference", trace_difference).astype(float)
    c = _checks.positive("ratio", ratio, "ratio = p / n")
    operator = _checks.one_of("operator", operator, ("kernel", "centered", "laplacian"))
    f, first, second = _decreasing(profile, 2.0)
    beta = second
    if operator != "centered":
        if f <= 0:
            raise ValueError(f"profile must be positive at 2, got {f:g} (beta = f'' - f'^2 / f)")
        beta = second - first**2 / f
        if abs(beta) < 1e-12 * abs(second):
            beta = 0.0  # f = exp(-k t), where the difference is rounding
    alpha, gamma, shift = -2 * first, 1 / c, profile.shift(2.0)
    s = beta * (2 + t**2) / (c * alpha)
    isolated = (s > gamma + np.sqrt(gamma)) | ((s < gamma - np.sqrt(gamma)) & (s != 0))
    bulk = _bulk(first, shift, c)
    kept = np.where(isolated, s, np.inf)
    x = np.where(isolated, s, 0.0) + np.where(isolated, 1 / (1 - gamma / kept), 0.0)
    eigenvalue = np.where(isolated, alpha * x + shift, np.where(s < 0, *bulk))
    spike_alignment = np.where(isolated, 1 - gamma / (kept - gamma) ** 2, 0.0)
    alignment = spike_alignment * t**2 / (2 + t**2)
    fields = (s, isolated, eigenvalue, spike_alignment, alignment)
    s, isolated, eigenvalue, spike_alignment, alignment = (
        field.item() if np.ndim(field) == 0 else field for field in map(np.asarray, fields)
    )
    return KernelSpike(
        strength=s,
        threshold=float(gamma + np.sqrt(gamma)),
        isolated=isolated,
        eigenvalue=eigenvalue,
        spike_alignment=spike_alignment,
        alignment=alignment,
        accuracy=clustering_accuracy(alignment),
        bulk=bulk,
        shift=shift,
    )
