r"""Covariance estimators that keep the sample eigenvectors and correct the eigenvalues.

With the eigenvalues :math:`\lambda_i` and eigenvectors :math:`\hat u_i` of
:math:`\frac1nXX^{\mathsf T}` they are :math:`\sum_i\delta_i\hat u_i\hat u_i^{\mathsf T}`; every
function maps the vector of the :math:`\lambda_i` to that of the :math:`\delta_i`.
Linear shrinkage is `sklearn.covariance.LedoitWolf`.
"""

import numpy as np
from scipy.special import xlogy

from rmtlib import _checks, _data_checks
from rmtlib._types import ArrayLike
from rmtlib.covariance._noise import descending, fit_noise
from rmtlib.covariance._spikes import covariance_spike, estimate_spike_strength
from rmtlib.laws import SampleCovariance

LOSSES = ("frobenius", "precision", "operator")


def oracle_shrinkage(eigenvalues: ArrayLike, law: SampleCovariance) -> np.ndarray:
    r"""Limit of the best eigenvalues when the population law is known.

    The best :math:`\delta_i` for the Frobenius norm is :math:`\hat u_i^{\mathsf T}C\hat u_i`,
    whose limit at :math:`\lambda_i=x` is

    .. math::

        \delta(x)=\frac{x}{|1-c-c\,x\,m(x+i0)|^2}=\frac1{x\,|\tilde m(x+i0)|^2},\qquad
        \delta(0)=\frac1{(c-1)\,\tilde m(0)}\quad(c>1),

    m the Stieltjes transform of the limiting law of the eigenvalues and
    :math:`\tilde m=c\,m-(1-c)/z` its companion.

    Parameters
    ----------
    eigenvalues : array_like, shape (p,)
        All p of them, in any order; zero only for c > 1.
    law : SampleCovariance
        With the ratio c and the population law :math:`\nu`, without mass at 0.

    Returns
    -------
    ndarray, shape (p,)

    Notes
    -----
    :cite:t:`LedoitPeche11,LedoitWolf20`. An average of
    :math:`\hat u_i^{\mathsf T}C\hat u_i` over a fixed share of the eigenvalues is
    reached at rate 1/p; the single one fluctuates by :math:`O(p^{-1/2})`.

    Example
    -------
    White population: everything shrinks to the variance.

    >>> from rmtlib.laws import Discrete
    >>> law = SampleCovariance(0.5, Discrete([2.0], [1.0]))
    >>> oracle_shrinkage([0.5, 2.0, 5.0], law).round(6)
    array([2., 2., 2.])
    """
    x = _checks.eigenvalues("eigenvalues", eigenvalues)
    c = _checks.instance("law", law, SampleCovariance, "its population is needed").ratio
    some = x > 0
    if c <= 1 and not some.all():
        raise ValueError("eigenvalues must be positive for ratio <= 1, got 0 (of X X.T / n)")
    delta = np.empty_like(x)
    delta[some] = 1 / (x[some] * np.abs(law.companion(x[some] * (1 + 1e-10j))) ** 2)
    if not some.all():
        delta[~some] = 1 / ((c - 1) * np.real(law.companion(0.0)))
    return delta


def spike_shrinkage(
    eigenvalues: ArrayLike,
    *,
    n: float,
    loss: str = "frobenius",
    spikes: int | None = None,
    beta: int = 1,
) -> np.ndarray:
    r"""Best eigenvalues for a few components in white noise.

    Eigenvalues of :math:`\frac1nXX^*`; noise variance :math:`\sigma^2` and number k of
    components by `fit_noise`, strengths :math:`\ell` by `estimate_spike_strength` with
    :math:`c=(p-k)/n`, squared alignments :math:`a=(1-c/\ell^2)/(1+c/\ell)`. The k largest
    become

    .. math::

        \frac{\delta}{\sigma^2}=1+a\,\ell\ \text{(Frobenius)},\qquad
        \frac{1+\ell}{1+(1-a)\,\ell}\ \text{(precision)},\qquad
        1+\ell\ \text{(operator)},

    the others :math:`\sigma^2`.

    Parameters
    ----------
    eigenvalues : array_like, shape (p,)
        All p of them, in any order.
    n : float
        Number of samples; one less if their mean was subtracted.
    loss : str
        "frobenius" and "operator" norm of the error of the covariance, or "precision" for the
        Frobenius norm of the error of its inverse.
    spikes : int or None
        k, if it is known.
    beta : 1 or 2
        1 for real data, 2 for complex data.

    Returns
    -------
    ndarray, shape (p,)

    Notes
    -----
    :cite:t:`DGJ18`, whose 26 losses include these three.

    Example
    -------
    >>> from rmtlib.laws import wishart_eigenvalues
    >>> noise = wishart_eigenvalues(200, 400, rng=0)
    >>> spike_shrinkage(np.append(noise[:-1], 5.0), n=400)[[0, -1]].round(2)
    array([0.99, 3.81])
    """
    loss = _checks.one_of("loss", loss, LOSSES)
    lam = descending(eigenvalues, n)
    fit = fit_noise(lam, n=n, spikes=spikes, beta=beta)
    k, c = fit.spikes, (lam.size - fit.spikes) / n
    ell = np.maximum(estimate_spike_strength(lam[:k] / fit.variance, ratio=c), 0)
    a = np.asarray(covariance_spike(ell, ratio=c).alignment)
    best = {"frobenius": 1 + a * ell, "precision": (1 + ell) / (1 + (1 - a) * ell)}
    delta = np.ones(lam.size)
    delta[:k] = best.get(loss, 1 + ell)
    order = np.argsort(-np.asarray(eigenvalues), kind="stable")
    delta[order] = fit.variance * delta
    return delta


def nonlinear_shrinkage(eigenvalues: ArrayLike, *, n: float) -> np.ndarray:
    r"""Analytical nonlinear shrinkage: the oracle, its law estimated from the eigenvalues.

    Eigenvalues of :math:`\frac1nXX^{\mathsf T}`, c = p / n. In `oracle_shrinkage`,
    :math:`m(\lambda+i0)=\pi(\mathcal H_f(\lambda)+i\,f(\lambda))` is replaced by a kernel
    estimate with the Epanechnikov kernel k and bandwidths
    :math:`h_j=n^{-1/3}\lambda_j` proportional to the eigenvalue:

    .. math::

        f(\lambda)=\frac1p\sum_j\frac1{h_j}k\Bigl(\frac{\lambda-\lambda_j}{h_j}\Bigr),\qquad
        k(x)=\frac{3}{4\sqrt5}\Bigl(1-\frac{x^2}5\Bigr)^+,\qquad
        \delta(\lambda)=\frac{\lambda}
        {\bigl(\pi c\lambda f\bigr)^2+\bigl(1-c-\pi c\lambda\mathcal H_f\bigr)^2},

    :math:`\mathcal H_f` the same sum with the Hilbert transform of k. For p > n the sums
    run over the n positive eigenvalues with weight 1/n, and

    .. math::

        \delta(\lambda)=\frac1{\pi^2\lambda\,(f^2+\mathcal H_f^2)},\qquad
        \delta(0)=\frac n{\pi(p-n)\,\mathcal H_f(0)}.

    Parameters
    ----------
    eigenvalues : array_like, shape (p,)
        All p of them, in any order; for p > n the smallest p - n are taken as zero.
    n : float
        Number of samples, at least 12; one less if their mean was subtracted, the effective
        number if they are correlated.

    Returns
    -------
    ndarray, shape (p,)

    Notes
    -----
    :cite:t:`LedoitWolf20`. The distance to the oracle is
    :math:`O(n^{-1/3})` up to logarithms, at fixed :math:`c\ne1`. If p and n differ by less
    than about :math:`n^{1/3}`, a few of the smallest eigenvalues stay far too small: for
    white noise, n = 200 and p = 200 half of the draws have one below 0.01 instead of 1. The
    mean squared error of all barely sees it (0.037, against 0.027 at p = 195), an inverse does.
    `NonlinearShrinkage` mends that.

    Example
    -------
    >>> from rmtlib.laws import wishart_eigenvalues
    >>> delta = nonlinear_shrinkage(wishart_eigenvalues(200, 400, rng=0), n=400)
    >>> bool(np.mean((delta - 1) ** 2) < 0.01)
    True
    """
    eigenvalues = _checks.eigenvalues("eigenvalues", eigenvalues)
    if _data_checks.samples("n", n) < 12:
        raise ValueError(
            f"n must be at least 12, got {n:g} (the kernel covers several eigenvalues)"
        )
    p, rank = eigenvalues.size, min(eigenvalues.size, round(n))
    c = p / n
    order = np.argsort(eigenvalues)
    lam = eigenvalues[order][p - rank :]
    if lam[0] == 0:
        raise ValueError(
            f"the min(p, n) = {rank} largest eigenvalues must be positive, got 0 up to rounding "
            "(pass n - 1 if the mean was subtracted)"
        )
    h = n ** (-1 / 3)
    x = (lam[:, None] - lam) / (h * lam)
    f = np.mean(_epanechnikov(x) / (h * lam), axis=1)
    hilbert = np.mean(_epanechnikov_hilbert(x) / (h * lam), axis=1)
    delta = np.empty(p)
    if p <= n:
        delta[order] = lam / ((np.pi * c * lam * f) ** 2 + (1 - c - np.pi * c * lam * hilbert) ** 2)
    else:
        hilbert_at_zero = np.mean(_epanechnikov_hilbert(np.array([-1 / h])) / (h * lam))
        delta[order[p - rank :]] = 1 / (np.pi**2 * lam * (f**2 + hilbert**2))
        delta[order[: p - rank]] = n / (np.pi * (p - n) * hilbert_at_zero)
    return delta


def _epanechnikov(x: np.ndarray) -> np.ndarray:
    return 3 / (4 * np.sqrt(5)) * np.maximum(1 - x**2 / 5, 0)


def _epanechnikov_hilbert(x: np.ndarray) -> np.ndarray:
    """Hilbert transform (1/pi) pv int k(t) / (t - x) dt."""
    near = np.clip(x, -20, 20)
    a, b = np.sqrt(5) - near, np.sqrt(5) + near  # 1 - x**2 / 5 = a * b / 5
    with np.errstate(divide="ignore"):
        found = -3 / 10 * near + 3 / (20 * np.sqrt(5)) * xlogy(a * b, np.abs(a / b))
    # far away the closed form cancels: minus the sum of 3 5^j / ((2j + 1)(2j + 3)) / x^(2j + 1)
    far = np.abs(x) > 20
    moments = 3 / ((2 * np.arange(9) + 1) * (2 * np.arange(9) + 3))
    found[far] = -np.polynomial.polynomial.polyval(5 / x[far] ** 2, moments) / x[far]
    return found / np.pi
