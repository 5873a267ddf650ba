r"""The Tracy-Widom law of the largest eigenvalue, real case (:math:`\beta=1`).

The largest eigenvalue of a large real symmetric random matrix without spikes,
centered at the edge of the bulk and divided by its own scale (for sample
covariances see `largest_eigenvalue_scale`), follows this law;
`largest_eigenvalue_test` turns it into a test for a spike.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import airy

from rmtlib._checks import ConvergenceError, count, positive, real_array, vector

TRACY_WIDOM_MEAN = -1.2065335745820
TRACY_WIDOM_VARIANCE = 1.6077810345810

_NODES = 32  # against 96 nodes: 3e-14 in F and F', 1e-12 relative in 1 - F up to x = 50
_LOWEST, _HIGHEST = -12.0, 120.0  # F(-12) < 1e-34; 1 - F(120) is below the smallest float
_AIRY_END = 10.0  # the cut costs of order Ai(10)^2 = 1e-20


@dataclass(frozen=True)
class EigenvalueTest:
    """Outcome of `largest_eigenvalue_test`.

    Parameters
    ----------
    statistic : float
        (largest - center) / scale: Tracy-Widom under the hypothesis of no spike.
    pvalue : float
        Probability of a larger statistic under that hypothesis.
    largest, center, scale : float
        The largest eigenvalue in units of the noise variance, and what it is
        compared with (`largest_eigenvalue_scale`).
    variance : float
        The noise variance, given or estimated.
    """

    statistic: float
    pvalue: float
    largest: float
    center: float
    scale: float
    variance: float


def _determinant(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log F and F' at each point of the vector x >= -12, by Gauss-Legendre quadrature."""
    node, weight = np.polynomial.legendre.leggauss(_NODES)
    length = np.maximum(_AIRY_END - x, 4.0)
    u = np.outer(length, (node + 1) / 2)
    root = np.sqrt(np.outer(length, weight / 2))
    i, j = np.triu_indices(_NODES)  # the kernel is symmetric, and airy is what costs
    kernel, derivative = np.empty((2, x.size, _NODES, _NODES))
    kernel[:, i, j], derivative[:, i, j] = airy(u[:, i] + u[:, j] + x[:, None])[:2]
    kernel[:, j, i], derivative[:, j, i] = kernel[:, i, j], derivative[:, i, j]
    outer = root[:, :, None] * root[:, None, :]
    eigenvalues, vectors = np.linalg.eigh(outer * kernel)
    eigenvalues = np.minimum(eigenvalues, 1 - np.finfo(float).eps)
    log_cdf = np.sum(np.log1p(-eigenvalues), axis=1)
    diagonal = np.sum(vectors * (outer * derivative @ vectors), axis=1)
    pdf = 0.0 - np.exp(log_cdf) * np.sum(diagonal / (1 - eigenvalues), axis=1)
    return log_cdf, pdf


def _evaluate(x: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    points = np.minimum(real_array("x", x).astype(float), _HIGHEST)
    log_cdf, pdf = np.full(points.size, -np.inf), np.zeros(points.size)
    inside = np.flatnonzero(points.ravel() >= _LOWEST)
    for part in np.array_split(inside, max(1, inside.size // 256)):
        if part.size:
            log_cdf[part], pdf[part] = _determinant(points.ravel()[part])
    return log_cdf.reshape(points.shape), pdf.reshape(points.shape)


def tracy_widom_cdf(x: ArrayLike) -> np.ndarray | float:
    r"""Distribution function of the Tracy-Widom law of real symmetric matrices.

    Limit of :math:`P\{(\lambda_1-\mu_{np})/\sigma_{np}\le x\}` for the largest
    eigenvalue of :math:`\frac1nXX^{\mathsf T}`, X of size (p, n) with
    independent standard Gaussian entries:

    .. math:: F_1(x)=\det(I-B_x)_{L^2(0,\infty)},\qquad B_x(u,v)=\mathrm{Ai}(u+v+x).

    Parameters
    ----------
    x : array_like
        Any real numbers.

    Returns
    -------
    ndarray or float
        Of the shape of ``x``. Exactly 0 below -12, where the true value is
        under 1e-34.

    Raises
    ------
    ValueError
        If ``x`` is not an array of finite real numbers.

    Notes
    -----
    The law is that of :cite:t:`TracyWidom96`; its appearance for covariance
    matrices is :cite:t:`Johnstone01`. The determinant is discretized by
    Gauss-Legendre quadrature, which converges exponentially
    :cite:p:`Bornemann10`; the absolute error is below 1e-12.
    The law itself is reached at rate :math:`n^{-2/3}` with Johnstone's
    centering for p and n of the same order.

    Example
    -------
    The 95 % point that tests of the largest eigenvalue use:

    >>> round(tracy_widom_cdf(0.9793), 4)
    0.95
    """
    cdf = np.exp(_evaluate(x)[0])
    return float(cdf) if cdf.ndim == 0 else cdf


def tracy_widom_sf(x: ArrayLike) -> np.ndarray | float:
    r"""Upper tail probability :math:`1-F_1(x)`, accurate where it is tiny.

    Parameters
    ----------
    x : array_like
        Any real numbers.

    Returns
    -------
    ndarray or float
        Of the shape of ``x``.

    Raises
    ------
    ValueError
        If ``x`` is not an array of finite real numbers.

    Notes
    -----
    As `tracy_widom_cdf`; computed as :math:`-\mathrm{expm1}(\log\det(I-B_x))`
    from the eigenvalues of :math:`B_x`, so that the relative error stays small:
    :math:`1-F_1(x)\sim e^{-\frac23x^{3/2}}/(4\sqrt\pi\,x^{3/4})`,
    the integral of Ai over half a line.

    Example
    -------
    >>> x = 20.0
    >>> tail = np.exp(-2 / 3 * x**1.5) / (4 * np.sqrt(np.pi) * x**0.75)
    >>> bool(abs(tracy_widom_sf(x) / tail - 1) < 0.02)
    True
    """
    sf = 0.0 - np.expm1(_evaluate(x)[0])
    return float(sf) if sf.ndim == 0 else sf


def tracy_widom_pdf(x: ArrayLike) -> np.ndarray | float:
    r"""Density of the Tracy-Widom law of real symmetric matrices.

    .. math:: F_1'(x)=-F_1(x)\,\mathrm{tr}\bigl[(I-B_x)^{-1}B_x'\bigr],
              \qquad B_x'(u,v)=\mathrm{Ai}'(u+v+x).

    Parameters
    ----------
    x : array_like
        Any real numbers.

    Returns
    -------
    ndarray or float
        Of the shape of ``x``.

    Raises
    ------
    ValueError
        If ``x`` is not an array of finite real numbers.

    Notes
    -----
    As `tracy_widom_cdf`; the absolute error is below 1e-12.

    Example
    -------
    >>> x, step = np.linspace(-10, 8, 181, retstep=True)
    >>> mean = step * np.sum(x * tracy_widom_pdf(x))
    >>> bool(abs(mean - TRACY_WIDOM_MEAN) < 1e-6)
    True
    """
    pdf = _evaluate(x)[1]
    return float(pdf) if pdf.ndim == 0 else pdf


def tracy_widom_ppf(q: ArrayLike) -> np.ndarray | float:
    r"""Quantile of the Tracy-Widom law: the x with :math:`F_1(x)=q`.

    Parameters
    ----------
    q : array_like
        Probabilities between 1e-10 and 1 - 1e-10.

    Returns
    -------
    ndarray or float
        Of the shape of ``q``.

    Raises
    ------
    ValueError
        If a probability is outside that range.
    ~rmtlib.ConvergenceError
        If Newton's method leaves :math:`|F_1(x)-q|` above
        :math:`10^{-9}\min(q,1-q)+10^{-14}`.

    Notes
    -----
    Newton's method on the logarithm of :math:`F_1/(1-F_1)`, from a table.
    Source and accuracy as `tracy_widom_cdf`.

    Example
    -------
    >>> round(tracy_widom_ppf(0.99), 4)
    2.0234
    """
    q = real_array("q", q).astype(float)
    if np.any((q < 1e-10) | (q > 1 - 1e-10)):
        bad = q[(q < 1e-10) | (q > 1 - 1e-10)].flat[0]
        raise ValueError(f"q must be between 1e-10 and 1 - 1e-10, got {bad:g} (a probability)")
    logit = np.log(q) - np.log1p(-q)
    grid = np.linspace(-8.0, 10.5, 75)
    log_grid = _evaluate(grid)[0]
    x = np.interp(logit, log_grid - np.log(-np.expm1(log_grid)), grid)
    for _ in range(5):
        log_cdf, pdf = _evaluate(x)
        cdf, sf = np.exp(log_cdf), -np.expm1(log_cdf)
        x = x - (log_cdf - np.log(sf) - logit) * cdf * sf / pdf
    error = np.abs(np.exp(_evaluate(x)[0]) - q)
    if np.any(error > 1e-9 * np.minimum(q, 1 - q) + 1e-14):
        raise ConvergenceError(f"tracy_widom_ppf: |F(x) - q| = {error.max():.2g} after 5 steps")
    return float(x) if x.ndim == 0 else x


def largest_eigenvalue_scale(p: int, n: int) -> tuple[float, float]:
    r"""Center and scale of the largest eigenvalue of white noise.

    Matrix :math:`\frac1nXX^{\mathsf T}`, X of size (p, n) with independent standard
    Gaussian entries: :math:`(\lambda_1-\mu_{np})/\sigma_{np}` tends to the
    Tracy-Widom law `tracy_widom_cdf`. For :math:`p\le n`

    .. math::

        \mu_{np}=\tfrac1n\bigl(\sqrt{n-1}+\sqrt p\bigr)^2,\qquad
        \sigma_{np}=\tfrac1n\bigl(\sqrt{n-1}+\sqrt p\bigr)
        \Bigl(\tfrac1{\sqrt{n-1}}+\tfrac1{\sqrt p}\Bigr)^{1/3},

    and for p > n the two sizes exchange their roles (except in the factor 1/n).

    Parameters
    ----------
    p, n : int
        Dimension and number of samples, the larger at least 2.

    Returns
    -------
    center, scale : float
        :math:`\mu_{np}` and :math:`\sigma_{np}`.

    Raises
    ------
    ValueError
        If a size is not a positive integer, or both are 1.

    Notes
    -----
    :cite:t:`Johnstone01`, theorem 1.1. The scale is of order :math:`n^{-2/3}`; the
    distribution function differs from its limit by a few hundredths at p = 10.

    Example
    -------
    The center tends to the edge of the Marchenko-Pastur law, here at (1 + 1/2)^2:

    >>> center, scale = largest_eigenvalue_scale(10_000, 40_000)
    >>> abs(center - 2.25) < scale
    True
    """
    p, n = count("p", p), count("n", n, why="number of samples")
    small, large = min(p, n), max(p, n)
    count("max(p, n)", large, at_least=2, why="one number has no largest eigenvalue")
    sum_of_roots = np.sqrt(large - 1) + np.sqrt(small)
    center = sum_of_roots**2 / n
    scale = sum_of_roots / n * (1 / np.sqrt(large - 1) + 1 / np.sqrt(small)) ** (1 / 3)
    return float(center), float(scale)


def largest_eigenvalue_test(
    eigenvalues: ArrayLike, n: int, variance: float | None = 1.0
) -> EigenvalueTest:
    r"""Test for a positive spike in white noise, by the largest sample eigenvalue.

    Eigenvalues of :math:`\frac1nXX^{\mathsf T}`, X of size (p, n) with independent
    Gaussian entries of mean 0 and the given variance if there is no spike:

    .. math:: T=\frac{\lambda_1/\sigma^2-\mu_{np}}{\sigma_{np}},\qquad
              \text{p-value}=1-F_1(T).

    Parameters
    ----------
    eigenvalues : array_like, shape (p,)
        All p of them, zeros included, in any order.
    n : int
        Number of samples; one less if their mean was subtracted.
    variance : float or None
        Noise variance :math:`\sigma^2`; None estimates it by the mean of the
        eigenvalues, which a strong spike biases upward: the test is then slightly
        conservative.

    Returns
    -------
    EigenvalueTest

    Raises
    ------
    ValueError
        If an eigenvalue is negative beyond rounding, all are zero, or a size or
        the variance is not positive.

    Notes
    -----
    :cite:t:`Johnstone01`. The level is exact up to :math:`O(n^{-2/3})` (p of the order
    of n); the test sees spikes above :math:`\sqrt c` only, with power tending to 1.

    Example
    -------
    >>> center, scale = largest_eigenvalue_scale(4, 100)
    >>> test = largest_eigenvalue_test([0.7, 0.9, 1.1, center + 0.9793 * scale], n=100)
    >>> round(test.statistic, 4), round(test.pvalue, 3)
    (0.9793, 0.05)
    """
    eigenvalues = vector("eigenvalues", eigenvalues).astype(float)
    largest = eigenvalues.max()
    if eigenvalues.min() < -1e-10 * abs(largest) or largest <= 0:
        raise ValueError(
            "eigenvalues must be nonnegative and not all zero, "
            f"got {eigenvalues.min():g} to {largest:g} (those of X X.T / n)"
        )
    center, scale = largest_eigenvalue_scale(eigenvalues.size, n)
    noise = eigenvalues.mean() if variance is None else positive("variance", variance)
    statistic = (largest / noise - center) / scale
    return EigenvalueTest(
        statistic=float(statistic),
        pvalue=tracy_widom_sf(statistic),
        largest=float(largest / noise),
        center=center,
        scale=scale,
        variance=float(noise),
    )
