r"""Covariance estimators that keep the sample eigenvectors and correct the eigenvalues.

.. math::

    \hat\Sigma=\hat U\,\mathrm{diag}(\delta_1,\dots,\delta_p)\,\hat U^{\mathsf T},\qquad
    \tfrac1nXX^{\mathsf T}=\hat U\,\mathrm{diag}(\lambda_1,\dots,\lambda_p)\,\hat U^{\mathsf T}.

Every function maps the vector of sample eigenvalues :math:`\lambda_i`, X of shape
(p, n), to the vector of the :math:`\delta_i`. Linear shrinkage is
`sklearn.covariance.LedoitWolf`.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy

from rmtlib._checks import count, one_of, positive, vector
from rmtlib.covariance._spikes import covariance_spike, estimate_spike_strength
from rmtlib.laws import SampleCovariance


def shrink_eigenvalues(
    eigenvalues: ArrayLike, ratio: float, loss: str = "frobenius", variance: float = 1.0
) -> np.ndarray:
    r"""Best eigenvalues for a population with a few spikes in white noise.

    Eigenvalues of :math:`\frac1nXX^{\mathsf T}`, population
    :math:`C=\sigma^2(I+\sum_k\ell_ku_ku_k^{\mathsf T})`. With :math:`\ell` the strength
    that the eigenvalue :math:`\lambda` points to (`rmtlib.covariance.estimate_spike_strength`)
    and :math:`\zeta` the squared alignment of its eigenvector
    (`rmtlib.covariance.covariance_spike`):

    .. math::

        \frac{\delta}{\sigma^2}=
        \begin{cases}
        1+\ell\,\zeta & \text{Frobenius norm},\\
        1+\ell & \text{operator norm},\\
        (1+\ell)/\bigl(1+\ell(1-\zeta)\bigr) & \text{Stein's loss},
        \end{cases}

    and :math:`\delta=\sigma^2` for the eigenvalues of the bulk.

    Parameters
    ----------
    eigenvalues : array_like, shape (p,)
        Nonnegative, in any order.
    ratio : float
        c = p / n > 0.
    loss : {"frobenius", "operator", "stein"}
        Norm of the error :math:`\hat\Sigma-C`, or Stein's
        :math:`\mathrm{tr}\,C^{-1}\hat\Sigma-\log\det C^{-1}\hat\Sigma-p`.
    variance : float
        :math:`\sigma^2>0`, the noise variance.

    Returns
    -------
    ndarray, shape (p,)
        In the order of ``eigenvalues``.

    Raises
    ------
    ValueError
        If an eigenvalue is negative, ``ratio`` or ``variance`` is not positive, or
        ``loss`` is unknown.

    Notes
    -----
    :cite:t:`DGJ18`. Optimal in the limit for a fixed number of spikes; the error of
    one :math:`\delta` is :math:`O(n^{-1/2})`. The operator shrinker jumps from 1 to
    :math:`1+\sqrt c` at the edge of the bulk, so that an eigenvalue just above the edge
    by chance, of order :math:`n^{-2/3}`, is taken for a spike; the Frobenius one is
    continuous.

    Example
    -------
    >>> shrink_eigenvalues([0.3, 1.0, 3.375], ratio=0.25, loss="operator")
    array([1., 1., 3.])
    >>> shrink_eigenvalues([0.3, 1.0, 3.375], ratio=0.25).round(4)
    array([1.    , 1.    , 2.6667])
    """
    eigenvalues = vector("eigenvalues", eigenvalues)
    loss = one_of("loss", loss, ("frobenius", "operator", "stein"))
    variance = positive("variance", variance)
    ell = estimate_spike_strength(eigenvalues / variance, ratio)
    zeta = covariance_spike(ell, ratio).alignment
    if loss == "frobenius":
        delta = 1 + ell * zeta
    elif loss == "operator":
        delta = 1 + ell
    else:
        delta = (1 + ell) / (1 + ell * (1 - zeta))
    return variance * delta


def oracle_shrinkage(eigenvalues: ArrayLike, law: SampleCovariance) -> np.ndarray:
    r"""Limit of the best eigenvalues when the population law is known.

    Eigenvalues of :math:`\frac1nXX^{\mathsf T}`, population law :math:`\nu`. The best
    :math:`\delta_i` for the Frobenius norm is :math:`\hat u_i^{\mathsf T}C\hat u_i`, whose
    limit at :math:`\lambda_i=x` is

    .. math::

        \delta(x)=\frac{x}{|1-c-c\,x\,m(x+i0)|^2}=\frac1{x\,|\tilde m(x+i0)|^2},\qquad
        \delta(0)=\frac1{(c-1)\,\tilde m(0)}\quad(c>1),

    m the Stieltjes transform of the limiting law of the eigenvalues and
    :math:`\tilde m=c\,m-(1-c)/z` its companion.

    Parameters
    ----------
    eigenvalues : array_like, shape (p,)
        Nonnegative, in any order.
    law : SampleCovariance
        With the ratio c and the population law :math:`\nu`, without mass at 0.

    Returns
    -------
    ndarray, shape (p,)
        In the order of ``eigenvalues``.

    Raises
    ------
    ValueError
        If an eigenvalue is negative, or zero for c <= 1, or ``law`` is of another type.

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
    x = vector("eigenvalues", eigenvalues).astype(float)
    if not isinstance(law, SampleCovariance):
        raise ValueError(
            f"law must be a SampleCovariance, got {type(law).__name__} "
            "(its companion transform is needed)"
        )
    c = law.ratio
    if x.min() < 0 or (x.min() == 0 and c <= 1):
        rule = "nonnegative" if c > 1 else "positive for ratio <= 1"
        raise ValueError(f"eigenvalues must be {rule}, got {x.min():g} (those of X X.T / n)")
    delta, some = np.empty_like(x), x > 0
    m_tilde = law.companion_stieltjes(x[some] * (1 + 1e-10j))
    delta[some] = 1 / (x[some] * np.abs(m_tilde) ** 2)
    if not some.all():
        delta[~some] = 1 / ((c - 1) * np.real(law.companion_stieltjes(0.0)))
    return delta


def nonlinear_shrinkage(eigenvalues: ArrayLike, n: int) -> np.ndarray:
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
    n : int
        Number of samples, at least 12; one less if their mean was subtracted.

    Returns
    -------
    ndarray, shape (p,)
        In the order of ``eigenvalues``.

    Raises
    ------
    ValueError
        If n < 12, or one of the min(p, n) largest eigenvalues is not positive.

    Notes
    -----
    :cite:t:`LedoitWolf20`. The distance to the oracle is
    :math:`O(n^{-1/3})` up to logarithms.

    Example
    -------
    >>> from rmtlib.laws import wishart_eigenvalues
    >>> delta = nonlinear_shrinkage(wishart_eigenvalues(200, 400, rng=0), 400)
    >>> bool(np.mean((delta - 1) ** 2) < 0.01)
    True
    """
    eigenvalues = vector("eigenvalues", eigenvalues).astype(float)
    n = count("n", n, at_least=12, why="the kernel must cover several eigenvalues")
    p, rank = eigenvalues.size, min(eigenvalues.size, n)
    c = p / n
    order = np.argsort(eigenvalues)
    lam = eigenvalues[order][p - rank :]
    if lam[0] <= 1e-12 * lam[-1]:
        raise ValueError(
            f"the min(p, n) = {rank} largest eigenvalues must be positive, got {lam[0]:g} "
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
        hilbert_at_zero = np.mean(_epanechnikov_hilbert(np.array(-1 / h)) / (h * lam))
        delta[order[p - rank :]] = 1 / (np.pi**2 * lam * (f**2 + hilbert**2))
        delta[order[: p - rank]] = n / (np.pi * (p - n) * hilbert_at_zero)
    return delta


def _epanechnikov(x: np.ndarray) -> np.ndarray:
    return 3 / (4 * np.sqrt(5)) * np.maximum(1 - x**2 / 5, 0)


def _epanechnikov_hilbert(x: np.ndarray) -> np.ndarray:
    """Hilbert transform (1/pi) pv int k(t) / (t - x) dt."""
    a, b = np.sqrt(5) - x, np.sqrt(5) + x  # 1 - x**2 / 5 = a * b / 5
    logs = xlogy(a * b, np.abs(a)) - xlogy(a * b, np.abs(b))
    return (-3 / 10 * x + 3 / (20 * np.sqrt(5)) * logs) / np.pi
