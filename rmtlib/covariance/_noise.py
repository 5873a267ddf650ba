"""How large the noise is, and how many eigenvalues stand out of it."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq

from rmtlib import _checks, _data_checks
from rmtlib._types import ArrayLike
from rmtlib.covariance._largest_eigenvalue import largest_eigenvalue_scale, ratio_pvalue
from rmtlib.covariance._spikes import estimate_spike_strength
from rmtlib.laws import MarchenkoPastur, TracyWidom, kolmogorov_distance


@dataclass(frozen=True)
class NoiseFit:
    r"""Outcome of `fit_noise`.

    Parameters
    ----------
    variance, standard_error : float
        Variance of the noise and its standard error.
    spikes : int
        Number of largest eigenvalues that were taken for signal.
    misfit : float
        Largest difference of the distribution functions of the other eigenvalues and of
        ``law``, times their number. For white noise 1.6 on
        average at p = 20 and 3.7 at p = 2000, below 2.4 and 4.3 in 99 of 100 draws; far
        above it there is no white bulk, and variance and number mean little.
    law : MarchenkoPastur
        Law of the other eigenvalues.
    """

    variance: float
    standard_error: float
    spikes: int
    misfit: float
    law: MarchenkoPastur


def fit_noise(
    eigenvalues: ArrayLike, *, n: float, spikes: int | None = None, beta: int = 1
) -> NoiseFit:
    r"""Variance of white noise from the eigenvalues of data that hold signal as well.

    Eigenvalues :math:`\lambda_1\ge\lambda_2\ge\dots` of :math:`\frac1nXX^*`; the population
    covariance has k large eigenvalues, the others are :math:`\sigma^2`. With
    :math:`c=(p-k)/n` and the strengths :math:`\ell_j` that `estimate_spike_strength` finds
    for :math:`\lambda_j/\sigma^2`, the variance solves

    .. math::

        \sigma^2=\frac1{p-k}\Bigl(\sum_{j>k}\lambda_j
        +\sum_{j\le k}\bigl(\lambda_j-\sigma^2(1+\ell_j)\bigr)\Bigr),

    where the second sum is the noise that the spikes carry with them.

    Parameters
    ----------
    eigenvalues : array_like, shape (p,)
        All p of them, zeros included, in any order.
    n : float
        Number of samples; one less if their mean was subtracted, the effective number if
        they are correlated.
    spikes : int or None
        k, at most half of min(p, n); None finds it by the test that `count_components`
        describes, at level 5 %.
    beta : 1 or 2
        1 for real data, 2 for complex data.

    Returns
    -------
    NoiseFit

    Notes
    -----
    Equation: :cite:t:`KritchmanNadler08`. The relative standard error is
    :math:`\sqrt{2/(\beta(p-k)(n-k))}`, that of the mean of so many squares. A spike below
    the threshold stays in the noise and adds its strength over p. Simulated at p = 20 to
    2000, p/n = 0.1 to 2, none or a tenth of the population eigenvalues at 10 times the noise
    and above, k unknown: the bias is below 0.4 % from p = 100 on and 0.8 % at p = 20, the
    spread 0.9 to 1.3 times the standard error. The median of the eigenvalues
    (:cite:t:`GavishDonoho14`) is 4 to 20 % too large with signal. Where components are half of
    min(p, n) the bias is 9 %.

    Example
    -------
    >>> from rmtlib.laws import wishart_eigenvalues
    >>> noise = 3.0 * wishart_eigenvalues(200, 400, rng=0)
    >>> fit = fit_noise(np.append(noise[:-1], 60.0), n=400)
    >>> fit.spikes, bool(abs(fit.variance - 3) < 3 * fit.standard_error)
    (1, True)
    """
    lam = descending(eigenvalues, n)
    beta = _data_checks.dyson_index(beta)
    if spikes is None:
        k = search(lam, n, beta, 0.05)
    else:
        k = _checks.count("spikes", spikes, at_least=0)
        if k > min(lam.size, n) // 2:
            raise ValueError(
                f"spikes must be at most half of min(p, n) = {min(lam.size, n):g}, got {k} "
                "(the others have to show what is noise)"
            )
    variance, p = noise_variance(lam, n, k), lam.size
    law = MarchenkoPastur((p - k) / (n - k), variance * (n - k) / n)
    return NoiseFit(
        variance=variance,
        standard_error=variance * float(np.sqrt(2 / (beta * (p - k) * (n - k)))),
        spikes=k,
        misfit=(p - k) * float(kolmogorov_distance(lam[k:], law)),
        law=law,
    )


def descending(eigenvalues: ArrayLike, n: float) -> np.ndarray:
    """Checked eigenvalues, the largest first; those that n samples force to be zero are."""
    lam = -np.sort(-_checks.eigenvalues("eigenvalues", eigenvalues))
    rank = min(lam.size, round(_data_checks.samples("n", n)))
    if rank < 2 or lam[rank - 1] == 0:
        positive = np.count_nonzero(lam)
        raise ValueError(
            f"eigenvalues must have min(p, n) = {rank} >= 2 positive ones, got {positive} (pass "
            "n - 1 if the mean was subtracted; leave out zeros of variables that others determine)"
        )
    return lam


def noise_variance(lam: np.ndarray, n: float, k: int) -> float:
    """Solution of the equation of `fit_noise`."""
    p, rest = lam.size, lam[k:].sum()
    if k == 0:
        return float(rest / p)

    def excess(variance: float) -> float:
        strength = estimate_spike_strength(lam[:k] / variance, ratio=(p - k) / n)
        return variance * (p + np.sum(np.maximum(strength, 0))) - lam.sum()

    # between the means without and with the spikes, each moved by a factor that rounding can't
    return float(brentq(excess, rest / (p - k) / 2, 2 * lam.mean(), xtol=1e-300, rtol=1e-14))


def candidate_ratio(lam: np.ndarray, n: float, k: int) -> float:
    """The largest of lam[k:] over the mean of its noise, if the k above are signal."""
    return lam[k] / (noise_variance(lam, n, k) * (1 - k / n))


def search(lam: np.ndarray, n: float, beta: int, level: float) -> int:
    """Number of spikes: the next eigenvalue is not significant, and the last one is."""

    def significant(k: int) -> bool:
        ratio = candidate_ratio(lam, n, k)
        return ratio_pvalue(ratio, p=lam.size - k, n=n - k, beta=beta) <= level

    most = round(min(lam.size, n)) // 2
    k = _by_the_median(lam, n, beta, most)
    while k < most and significant(k):
        k += 1
    while k > 0 and not significant(k - 1):
        k -= 1
    return k


def _by_the_median(lam: np.ndarray, n: float, beta: int, most: int) -> int:
    """A start that many spikes don't hide: counts above the edge that the median sets."""
    k, rank, q = 0, round(min(lam.size, n)), quantile(beta, 0.05)
    while True:
        p, m = lam.size - k, n - k
        median = _median(min(p, m) / max(p, m)) * max(1, p / m)
        variance = np.median(lam[k:rank]) / median
        center, scale = largest_eigenvalue_scale(p=p, n=m, beta=beta)
        found = int(np.sum(lam > variance * (center + q * scale)))
        if found <= k or found > most:
            return k
        k = found


@lru_cache(maxsize=1024)
def _median(ratio: float) -> float:
    return float(MarchenkoPastur(ratio).ppf(0.5))


@lru_cache(maxsize=1024)
def quantile(beta: int, level: float) -> float:
    """What a Tracy-Widom variable exceeds with this probability."""
    return float(TracyWidom(beta).ppf(1 - level))
