r"""Isolated eigenvalues and their eigenvectors: what principal components can see.

Data X have shape (p, n), columns are samples, and ``ratio`` is c = p / n
throughout. A spike is a direction in which the population differs from the
bulk by a finite amount; past a threshold it pulls one eigenvalue of
:math:`\frac1nXX^{\mathsf T}` out of the bulk, and the eigenvector turns toward
it. What the largest eigenvalue does without a spike, and the test for one, is in
`rmtlib.tracy_widom`; its functions can be imported from here too.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq, minimize_scalar

from rmtlib._checks import positive, real_array
from rmtlib.laws import SampleCovariance, SpectralLaw

_RATIO = "ratio = p / n"


@dataclass(frozen=True)
class Spike:
    r"""Limits for one spike; every field but ``threshold`` has the shape of the input.

    Parameters
    ----------
    position : float or ndarray
        Limit of the sample eigenvalue; the edge that it sticks to if not isolated.
    alignment : float or ndarray
        Limit of :math:`|u^{\mathsf T}\hat u|^2`; 0 if not isolated.
    isolated : bool or ndarray
        Whether the sample eigenvalue leaves the bulk.
    threshold : float
        Value of the parameter beyond which it does.
    variance : float or ndarray
        Variance of the Gaussian limit of :math:`\sqrt n(\lambda-\lambda_\infty)`;
        NaN where it is not known, and below the threshold, where the
        fluctuations are of order :math:`n^{-2/3}` and not Gaussian.
    """

    position: float | np.ndarray
    alignment: float | np.ndarray
    isolated: bool | np.ndarray
    threshold: float
    variance: float | np.ndarray


@dataclass(frozen=True)
class SignalSpike:
    r"""Limits for a rank-one signal in white noise.

    Parameters
    ----------
    position : float or ndarray
        Limit of the largest eigenvalue; the upper edge if not isolated.
    left_alignment : float or ndarray
        Limit of the squared cosine with the signal in the space of dimension p.
    right_alignment : float or ndarray
        The same in the space of the n samples, with :math:`j/\sqrt n`.
    isolated : bool or ndarray
        Whether the largest eigenvalue leaves the bulk.
    threshold : float
        Strength beyond which it does.
    """

    position: float | np.ndarray
    left_alignment: float | np.ndarray
    right_alignment: float | np.ndarray
    isolated: bool | np.ndarray
    threshold: float


def _unwrap(value: np.ndarray) -> float | bool | np.ndarray:
    return value.item() if np.ndim(value) == 0 else value


def covariance_spike_threshold(ratio: float) -> float:
    r"""Smallest strength at which a covariance spike is visible, :math:`\sqrt c`.

    Parameters
    ----------
    ratio : float
        c = p / n > 0.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If ``ratio`` is not positive.

    Notes
    -----
    :cite:t:`BBP05,BS06`. The transition is smeared over a window of width
    :math:`n^{-1/3}` in the strength.

    Example
    -------
    >>> covariance_spike_threshold(0.25)
    0.5
    """
    return float(np.sqrt(positive("ratio", ratio, _RATIO)))


def covariance_spike(strength: ArrayLike, ratio: float) -> Spike:
    r"""Sample eigenvalue and eigenvector of one spike in a white population.

    Matrix :math:`\frac1nXX^{\mathsf T}`, columns of X with covariance
    :math:`C=I+\ell\,uu^{\mathsf T}`, :math:`\|u\|=1`, :math:`p/n\to c`. For
    :math:`|\ell|>\sqrt c`,

    .. math::

        \lambda\to(1+\ell)\Bigl(1+\frac c\ell\Bigr),\qquad
        |u^{\mathsf T}\hat u|^2\to\frac{1-c/\ell^2}{1+c/\ell},\qquad
        \sqrt n(\lambda-\lambda_\infty)\Rightarrow
        \mathcal N\bigl(0,\;2(1+\ell)^2(1-c/\ell^2)\bigr).

    For :math:`|\ell|\le\sqrt c` the eigenvalue sticks to the edge
    :math:`(1\pm\sqrt c)^2` on the side of the spike, and the alignment is 0.

    Parameters
    ----------
    strength : array_like
        :math:`\ell>-1`, any shape: the population eigenvalue is :math:`1+\ell`.
        A negative spike leaves the bulk on its left, for c < 1 only.
    ratio : float
        c = p / n > 0.

    Returns
    -------
    Spike
        Fields of the shape of ``strength``; ``threshold`` is :math:`\sqrt c`, for
        the absolute value of the strength. The variance is that of real
        Gaussian data.

    Raises
    ------
    ValueError
        If a strength is at most -1, or ``ratio`` is not positive.

    Notes
    -----
    Positions from :cite:t:`BBP05,BS06`, alignment and fluctuations from
    :cite:t:`Paul07`. Above the threshold the error at finite size is
    :math:`O(n^{-1/2})`, the standard deviation of ``variance``; at it,
    :math:`O(n^{-1/3})` in the alignment.

    Example
    -------
    >>> spike = covariance_spike(2.0, 0.25)
    >>> spike.position == (1 + 2) * (1 + 0.25 / 2)
    True
    >>> round(spike.alignment, 10)
    0.8333333333
    """
    c = positive("ratio", ratio, _RATIO)
    ell = real_array("strength", strength).astype(float)
    if np.any(ell <= -1):
        raise ValueError(
            f"strength must be greater than -1, got {ell.min():g} "
            "(the population eigenvalue is 1 + strength)"
        )
    isolated = np.abs(ell) > np.sqrt(c)
    edge = (1 + np.where(ell < 0, -1, 1) * np.sqrt(c)) ** 2
    ell = np.where(isolated, ell, np.inf)
    position = np.where(isolated, (1 + ell) * (1 + c / ell), edge)
    alignment = np.where(isolated, (1 - c / ell**2) / (1 + c / ell), 0.0)
    variance = np.where(isolated, 2 * (1 + ell) ** 2 * (1 - c / ell**2), np.nan)
    return Spike(
        *map(_unwrap, (position, alignment, isolated)), float(np.sqrt(c)), _unwrap(variance)
    )


def estimate_spike_strength(position: ArrayLike, ratio: float) -> np.ndarray | float:
    r"""Spike strength from the position of a sample eigenvalue: the inverse of the bias.

    Eigenvalues of :math:`\frac1nXX^{\mathsf T}` with a white bulk of variance 1,
    as in `covariance_spike`. Solves :math:`\lambda=(1+\ell)(1+c/\ell)` with
    :math:`|\ell|>\sqrt c`:

    .. math:: \ell=\tfrac12\Bigl(b\pm\sqrt{b^2-4c}\Bigr),\qquad b=\lambda-1-c,

    with the sign of b.

    Parameters
    ----------
    position : array_like
        :math:`\lambda\ge0`, any shape.
    ratio : float
        c = p / n > 0.

    Returns
    -------
    ndarray or float
        :math:`\ell`; 0 where the eigenvalue is not right of the bulk nor, for
        c < 1, left of it: nothing is then known but :math:`|\ell|\le\sqrt c`.

    Raises
    ------
    ValueError
        If a position is negative, or ``ratio`` is not positive.

    Notes
    -----
    :cite:t:`BS06`; used in this way by :cite:t:`DGJ18`. The error is
    :math:`O(n^{-1/2})`, and grows as the spike nears the threshold.

    Example
    -------
    >>> estimate_spike_strength(covariance_spike(2.0, 0.25).position, 0.25)
    2.0
    """
    c = positive("ratio", ratio, _RATIO)
    position = real_array("position", position).astype(float)
    if np.any(position < 0):
        raise ValueError(
            f"position must be nonnegative, got {position.min():g} (eigenvalue of X X.T / n)"
        )
    b = position - 1 - c
    outside = (b > 2 * np.sqrt(c)) | ((b < -2 * np.sqrt(c)) & (c < 1))
    root = np.sqrt(np.maximum(b**2 - 4 * c, 0))
    return _unwrap(np.where(outside, (b + np.copysign(root, b)) / 2, 0.0))


def _stieltjes_and_derivative(law: SpectralLaw, x: float, distance: float) -> tuple[float, float]:
    """m(x) and m'(x) outside the support, by Cauchy's formula on a half circle."""
    radius = distance / 2
    circle = np.exp(1j * np.pi * (np.arange(32) + 0.5) / 32)
    m = law.stieltjes(x + radius * circle)
    return float(np.mean(m.real)), float(np.mean((m / circle).real) / radius)


def _gap(law: SpectralLaw, x: float) -> tuple[float, float]:
    """Largest interval around x that the law does not charge."""
    atoms = [(t, t) for t, _ in law.atoms]
    pieces = [(float(low), float(high)) for low, high in law.bands()] + atoms
    if any(low <= x <= high for low, high in pieces):
        raise ValueError(
            f"eigenvalue must be outside the support of population, got {x:g} "
            "(it is the isolated one)"
        )
    below = max((high for _, high in pieces if high < x), default=-np.inf)
    above = min((low for low, _ in pieces if low > x), default=np.inf)
    return below, above


def population_spike(eigenvalue: float, ratio: float, population: SpectralLaw) -> Spike:
    r"""Sample eigenvalue and eigenvector of an isolated population eigenvalue, any bulk.

    Matrix :math:`\frac1nXX^{\mathsf T}`, :math:`X=C^{1/2}Z` with Z of unit
    variance; the spectrum of C is :math:`\nu`, and one further eigenvalue
    :math:`\alpha` (not :math:`\alpha-1`) outside the support of :math:`\nu`:

    .. math::

        \psi(\alpha)=\alpha+c\,\alpha\int\frac{t\,\nu(dt)}{\alpha-t},\qquad
        \psi'(\alpha)=1-c\int\frac{t^2\,\nu(dt)}{(\alpha-t)^2}.

    If :math:`\psi'(\alpha)>0` the sample eigenvalue is at :math:`\psi(\alpha)`, with
    squared alignment :math:`\alpha\,\psi'(\alpha)/\psi(\alpha)`. Otherwise it is not
    isolated.

    Parameters
    ----------
    eigenvalue : float
        :math:`\alpha>0`, right of the bulk, left of it or in a gap.
    ratio : float
        c = p / n > 0.
    population : SpectralLaw
        :math:`\nu`, on [0, inf): for example a `rmtlib.laws.Discrete` law.

    Returns
    -------
    Spike
        ``threshold`` is the end of the interval of isolated :math:`\alpha` that is
        nearest to ``eigenvalue`` (left of the bulk it can be negative: then no
        :math:`\alpha` there is isolated), and a non-isolated eigenvalue sticks to the image
        of that end. Where the bulks on both sides of a gap have merged,
        ``threshold`` is NaN and ``position`` is the quantile of the sample law at
        :math:`\nu([0,\alpha))`: the place of its rank inside the bulk.
        ``variance`` is NaN.

    Raises
    ------
    ValueError
        If ``eigenvalue`` or ``ratio`` is not positive, ``population`` has negative
        values, or ``eigenvalue`` is in its support.

    Notes
    -----
    :cite:t:`BS06,BGN12`; :math:`\psi(\alpha)=x(-1/\alpha)` with the inverse function
    x of :cite:t:`SC95`. The error is :math:`O(n^{-1/2})`.

    Example
    -------
    With :math:`\nu=\delta_1` this is `covariance_spike`:

    >>> from rmtlib.laws import Discrete
    >>> spike = population_spike(3.0, 0.25, Discrete([1.0], [1.0]))
    >>> round(spike.position, 10), round(spike.alignment, 10), round(spike.threshold, 10)
    (3.375, 0.8333333333, 1.5)
    """
    alpha = positive("eigenvalue", eigenvalue, "an eigenvalue of the population covariance")
    c = positive("ratio", ratio, _RATIO)
    if not isinstance(population, SpectralLaw):
        raise ValueError(
            f"population must be a SpectralLaw, got {type(population).__name__} "
            "(for a list of eigenvalues: Discrete(eigenvalues))"
        )
    low, high = map(float, population.support())
    if low < 0:
        raise ValueError(f"population must be a law on [0, inf), got values from {low:g}")
    below, above = _gap(population, alpha)

    def psi(a: float) -> tuple[float, float]:
        m, slope = _stieltjes_and_derivative(population, a, min(a - below, above - a))
        # int t/(a-t) = -1 - a m  and  int t^2/(a-t)^2 = 1 + 2 a m + a^2 m'
        return a - c * a * (1 + a * m), 1 - c * (1 + 2 * a * m + a**2 * slope)

    def slope(a: float) -> float:
        return psi(a)[1]

    reach = 1.01 * high * (1 + np.sqrt(c))  # beyond it psi' > 0 in any case
    inside = alpha
    if slope(alpha) <= 0:
        if np.isinf(above):
            inside = below + reach
        elif np.isinf(below):
            inside = above - reach
        else:
            inside = minimize_scalar(lambda a: -slope(a), bounds=(below, above)).x
            if slope(inside) <= 0:
                place = SampleCovariance(c, population).ppf(population.cdf(alpha))
                return Spike(float(place), 0.0, False, np.nan, np.nan)
    ends = [_critical(slope, edge, inside) for edge in (below, above) if np.isfinite(edge)]
    threshold = min(ends, key=lambda a: abs(a - alpha))
    if inside != alpha:
        return Spike(psi(threshold)[0], 0.0, False, threshold, np.nan)
    position, derivative = psi(alpha)
    return Spike(position, alpha * derivative / position, True, threshold, np.nan)


def _critical(slope: Callable[[float], float], edge: float, inside: float) -> float:
    """Zero of the slope between an edge of the population and a point where it is positive."""
    start = edge + 1e-9 * (inside - edge)
    return brentq(slope, start, inside, xtol=1e-14) if slope(start) < 0 else edge


def signal_plus_noise_spike(strength: ArrayLike, ratio: float) -> SignalSpike:
    r"""Largest eigenvalue and its two singular vectors for a rank-one signal in noise.

    Matrix :math:`\frac1nXX^{\mathsf T}`, :math:`X=\mu j^{\mathsf T}+Z` of size (p, n),
    :math:`j\in\{\pm1\}^n` (two classes at :math:`\pm\mu`), Z independent of unit
    variance, :math:`\rho=\|\mu\|^2`, :math:`p/n\to c`. For :math:`\rho>\sqrt c`,

    .. math::

        \lambda_1\to\frac{(1+\rho)(c+\rho)}\rho,\qquad
        \frac{|\mu^{\mathsf T}\hat u|^2}{\|\mu\|^2}\to\frac{\rho^2-c}{\rho(\rho+c)},\qquad
        \frac{|j^{\mathsf T}\hat v|^2}n\to\frac{\rho^2-c}{\rho(\rho+1)}.

    Otherwise the eigenvalue sticks to :math:`(1+\sqrt c)^2` and both alignments are 0.

    Parameters
    ----------
    strength : array_like
        :math:`\rho\ge0`, any shape.
    ratio : float
        c = p / n > 0.

    Returns
    -------
    SignalSpike
        Fields of the shape of ``strength``; ``threshold`` is :math:`\sqrt c`.

    Raises
    ------
    ValueError
        If a strength is negative, or ``ratio`` is not positive.

    Notes
    -----
    :cite:t:`BGN12`. The error at finite size is :math:`O(n^{-1/2})` above the threshold.

    Example
    -------
    Many samples show the direction of the means exactly, not every label:

    >>> spike = signal_plus_noise_spike(4.0, 1e-12)
    >>> round(spike.left_alignment, 6), round(spike.right_alignment, 6)
    (1.0, 0.8)
    """
    c = positive("ratio", ratio, _RATIO)
    rho = real_array("strength", strength).astype(float)
    if np.any(rho < 0):
        raise ValueError(
            f"strength must be nonnegative, got {rho.min():g} (the squared norm of the mean)"
        )
    isolated = rho > np.sqrt(c)
    rho = np.where(isolated, rho, np.inf)
    position = np.where(isolated, (1 + rho) * (1 + c / rho), (1 + np.sqrt(c)) ** 2)
    left = np.where(isolated, (1 - c / rho**2) / (1 + c / rho), 0.0)
    right = np.where(isolated, (1 - c / rho**2) / (1 + 1 / rho), 0.0)
    return SignalSpike(*map(_unwrap, (position, left, right, isolated)), float(np.sqrt(c)))
