r"""Isolated eigenvalues and their eigenvectors: what principal components can see.

Data X have shape (p, n), columns are samples, and ``ratio`` is c = p / n. A spike is a
direction in which the population differs from the bulk by a finite amount; past a
threshold it pulls one eigenvalue of :math:`\frac1nXX^{\mathsf T}` out of the bulk, and
the eigenvector turns toward it. `largest_eigenvalue_test` asks whether there is one.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from rmtlib._checks import instance, nonnegative_array, positive, real_array, scalar_out
from rmtlib._data_checks import dyson_index
from rmtlib._types import ArrayLike
from rmtlib.covariance._outlier import Outlier
from rmtlib.laws import SampleCovariance, SpectralLaw

_RATIO = "ratio = p / n"


def covariance_spike(strength: ArrayLike, *, ratio: float, beta: int = 1) -> Outlier:
    r"""Sample eigenvalue and eigenvector of one spike in a white population.

    Matrix :math:`\frac1nXX^{\mathsf T}`, columns of X with covariance
    :math:`C=I+\ell\,uu^{\mathsf T}`, :math:`\|u\|=1`, :math:`p/n\to c`. For
    :math:`|\ell|>\sqrt c`,

    .. math::

        \lambda\to(1+\ell)\Bigl(1+\frac c\ell\Bigr),\qquad
        |u^{\mathsf T}\hat u|^2\to\frac{1-c/\ell^2}{1+c/\ell},\qquad
        \sqrt n(\lambda-\lambda_\infty)\Rightarrow
        \mathcal N\bigl(0,\;\tfrac2\beta(1+\ell)^2(1-c/\ell^2)\bigr).

    Otherwise the eigenvalue sticks to the edge :math:`(1\pm\sqrt c)^2` on the side of the
    spike, and the alignment is 0.

    Parameters
    ----------
    strength : array_like
        :math:`\ell>-1`, any shape: the population eigenvalue is :math:`1+\ell`.
        A negative spike leaves the bulk on its left, for c < 1 only.
    ratio : float
        c = p / n > 0.
    beta : 1 or 2
        1 for real data, 2 for complex data.

    Returns
    -------
    Outlier
        ``threshold`` is :math:`\sqrt c`, for the absolute value of the strength;
        ``variance`` that of Gaussian data.

    Notes
    -----
    Positions from :cite:t:`BBP05,BS06`, alignment and fluctuations from
    :cite:t:`Paul07`. Above the threshold the error at finite size is
    :math:`O(n^{-1/2})`, the standard deviation of ``variance``; at it,
    :math:`O(n^{-1/3})` in the alignment, and the transition is smeared over a window
    of width :math:`n^{-1/3}` in the strength.

    Example
    -------
    >>> spike = covariance_spike(2.0, ratio=0.25)
    >>> spike.position == (1 + 2) * (1 + 0.25 / 2)
    True
    >>> round(spike.alignment, 10)
    0.8333333333
    """
    c, beta = positive("ratio", ratio, _RATIO), dyson_index(beta)
    strength = real_array("strength", strength).astype(float)
    if np.any(strength <= -1):
        raise ValueError(
            f"strength must be greater than -1, got {strength.min():g} "
            "(the population eigenvalue is 1 + strength)"
        )
    isolated = np.abs(strength) > np.sqrt(c)
    edge = (1 + np.where(strength < 0, -1, 1) * np.sqrt(c)) ** 2
    ell = np.where(isolated, strength, np.inf)
    return Outlier(
        strength=strength,
        threshold=np.sqrt(c),
        isolated=isolated,
        position=np.where(isolated, (1 + ell) * (1 + c / ell), edge),
        edge=edge,
        alignment=np.where(isolated, (1 - c / ell**2) / (1 + c / ell), 0.0),
        variance=np.where(isolated, 2 / beta * (1 + ell) ** 2 * (1 - c / ell**2), np.nan),
    )


def estimate_spike_strength(position: ArrayLike, *, ratio: float) -> np.ndarray | float:
    r"""Spike strength from the position of a sample eigenvalue: the inverse of the bias.

    Eigenvalues of :math:`\frac1nXX^{\mathsf T}` with a white bulk of variance 1,
    as in `covariance_spike`. Solves :math:`\lambda=(1+\ell)(1+c/\ell)` with
    :math:`|\ell|>\sqrt c`:

    .. math:: \ell=\tfrac12\Bigl(b\pm\sqrt{b^2-4c}\Bigr),\qquad b=\lambda-1-c,

    with the sign of b.

    Parameters
    ----------
    position : array_like
        :math:`\lambda\ge0` up to rounding, any shape.
    ratio : float
        c = p / n > 0.

    Returns
    -------
    ndarray or float
        :math:`\ell`; 0 where the eigenvalue is not right of the bulk nor, for
        c < 1, left of it: nothing is then known but :math:`|\ell|\le\sqrt c`.

    Notes
    -----
    :cite:t:`BS06`; used in this way by :cite:t:`DGJ18`. The error is
    :math:`O(n^{-1/2})`, and grows as the spike nears the threshold.

    Example
    -------
    >>> estimate_spike_strength(covariance_spike(2.0, ratio=0.25).position, ratio=0.25)
    2.0
    """
    c = positive("ratio", ratio, _RATIO)
    position = real_array("position", position)
    rounding = 100 * np.finfo(position.dtype).eps * position.size
    if np.any(position < -rounding * position.max(initial=1.0)):
        raise ValueError(
            f"position must be nonnegative, got {position.min():g} (eigenvalue of X X.T / n)"
        )
    b = np.maximum(position.astype(float), 0) - 1 - c
    outside = (b > 2 * np.sqrt(c)) | ((b < -2 * np.sqrt(c)) & (c < 1))
    root = np.sqrt(np.maximum(b**2 - 4 * c, 0))
    return scalar_out(np.where(outside, (b + np.copysign(root, b)) / 2, 0.0))


def population_spike(eigenvalue: float, population: SpectralLaw, *, ratio: float) -> Outlier:
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
    population : SpectralLaw
        :math:`\nu`, on [0, inf): for example a `rmtlib.laws.Discrete` law.
    ratio : float
        c = p / n > 0.

    Returns
    -------
    Outlier
        ``strength`` is :math:`\alpha`. ``threshold`` is the end of the interval of
        isolated :math:`\alpha` that is nearest (left of the bulk it can be negative:
        then no :math:`\alpha` there is isolated), and ``edge`` its image. Where the
        bulks on both sides of a gap have merged, both are NaN and ``position`` is the
        quantile of the sample law at :math:`\nu([0,\alpha))`: the place of its rank
        inside the bulk. ``variance`` is NaN.

    Notes
    -----
    :cite:t:`BS06,BGN12`; :math:`\psi(\alpha)=x(-1/\alpha)` with the inverse function
    x of :cite:t:`SC95`. The error is :math:`O(n^{-1/2})`.

    Example
    -------
    With :math:`\nu=\delta_1` this is `covariance_spike`:

    >>> from rmtlib.laws import Discrete
    >>> spike = population_spike(3.0, Discrete([1.0], [1.0]), ratio=0.25)
    >>> round(spike.position, 10), round(spike.alignment, 10), round(spike.threshold, 10)
    (3.375, 0.8333333333, 1.5)
    """
    alpha = positive("eigenvalue", eigenvalue, "an eigenvalue of the population covariance")
    c = positive("ratio", ratio, _RATIO)
    instance("population", population, SpectralLaw, "a list of eigenvalues: Discrete(eigenvalues)")
    low, high = map(float, population.support())
    if low < 0:
        raise ValueError(f"population must be a law on [0, inf), got values from {low:g}")
    below, above = _gap(population, alpha)

    def psi(a: float) -> tuple[float, float]:
        m, slope = population.stieltjes(a), population.stieltjes(a, derivative=True)
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
    isolated, merged = inside == alpha, slope(inside) <= 0
    if merged:
        threshold = edge = np.nan
        place = SampleCovariance(c, population).ppf(population.cdf(alpha))
    else:
        ends = [_critical(slope, end, inside) for end in (below, above) if np.isfinite(end)]
        threshold = min(ends, key=lambda a: abs(a - alpha))
        place = edge = psi(threshold)[0]
    position, derivative = psi(alpha)
    return Outlier(
        strength=alpha,
        threshold=threshold,
        isolated=isolated,
        position=position if isolated else place,
        edge=edge,
        alignment=alpha * derivative / position if isolated else 0.0,
    )


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


def _critical(slope: Callable[[float], float], edge: float, inside: float) -> float:
    """Zero of the slope between an edge of the population and a point where it is positive."""
    start = edge + 1e-9 * (inside - edge)
    return brentq(slope, start, inside, xtol=1e-14) if slope(start) < 0 else edge


def signal_plus_noise_spike(strength: ArrayLike, *, ratio: float) -> Outlier:
    r"""Largest eigenvalue and its two singular vectors for a rank-one signal in noise.

    Matrix :math:`\frac1nXX^{\mathsf T}`, :math:`X=\mu j^{\mathsf T}+Z` of size (p, n),
    :math:`j\in\{\pm1\}^n` (two classes at :math:`\pm\mu`), Z independent of unit
    variance, :math:`\rho=\|\mu\|^2`, :math:`p/n\to c`. For :math:`\rho>\sqrt c`,

    .. math::

        \lambda_1\to\frac{(1+\rho)(c+\rho)}\rho,\qquad
        \frac{|\mu^{\mathsf T}\hat u|^2}{\|\mu\|^2}\to\frac{\rho^2-c}{\rho(\rho+c)},\qquad
        \frac{|j^{\mathsf T}\hat v|^2}n\to\frac{\rho^2-c}{\rho(\rho+1)}.

    Otherwise the eigenvalue sticks to :math:`(1+\sqrt c)^2` and both alignments are 0.
    Eigenvalue and left vector are those of `covariance_spike`.

    Parameters
    ----------
    strength : array_like
        :math:`\rho\ge0`, any shape.
    ratio : float
        c = p / n > 0.

    Returns
    -------
    Outlier
        ``threshold`` is :math:`\sqrt c`; ``alignment`` is that of :math:`\hat u` in
        dimension p, ``right_alignment`` that of :math:`\hat v` among the n samples.

    Notes
    -----
    :cite:t:`BGN12`. The error at finite size is :math:`O(n^{-1/2})` above the threshold.

    Example
    -------
    Many samples show the direction of the means exactly, not every label:

    >>> spike = signal_plus_noise_spike(4.0, ratio=1e-12)
    >>> round(spike.alignment, 6), round(spike.right_alignment, 6)
    (1.0, 0.8)
    """
    rho = nonnegative_array("strength", strength, "the squared norm of the mean")
    spike = covariance_spike(rho, ratio=ratio)
    rho = np.where(spike.isolated, rho, np.inf)
    right = np.where(spike.isolated, (1 - ratio / rho**2) / (1 + 1 / rho), 0.0)
    return replace(spike, right_alignment=right, variance=np.nan)
