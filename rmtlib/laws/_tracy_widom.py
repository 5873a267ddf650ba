r"""The Tracy-Widom laws of the largest eigenvalue of real and complex random matrices."""

from functools import cache

import numpy as np
from numpy.polynomial import chebyshev
from scipy.special import airy

from rmtlib._checks import ConvergenceError, real_array, scalar_out
from rmtlib._data_checks import dyson_index
from rmtlib._types import ArrayLike

_NODES = 32  # against 96 nodes: 3e-14 in F and F', 1e-12 relative in 1 - F up to x = 50
_NODE, _WEIGHT = np.polynomial.legendre.leggauss(_NODES)
_LOWEST, _HIGHEST = -12.0, 120.0  # F(-12) < 1e-34; 1 - F(120) is below the smallest float
_AIRY_END = 10.0  # the cut costs of order Ai(10)^2 = 1e-20
_FIRST, _STEP, _PIECES, _DEGREE = -8.0, 2.0, 12, 19  # of the table, up to x = 16


class TracyWidom:
    r"""Tracy-Widom law: fluctuations of the largest eigenvalue without spikes.

    Limit of :math:`(\lambda_1-\mu_{np})/\sigma_{np}` for the largest eigenvalue of
    :math:`\frac1nXX^*`, X of shape (p, n) with independent standard Gaussian entries, real
    or complex; center and scale are ``covariance.largest_eigenvalue_scale(p=p, n=n)``. The
    distribution function and the density are

    .. math::

        F(x)&=\det(I-B_x^\beta)_{L^2(0,\infty)},\qquad B_x(u,v)=\mathrm{Ai}(u+v+x),\\
        F'(x)&=-\beta F(x)\,\mathrm{tr}\bigl[(I-B_x^\beta)^{-1}B_x^{\beta-1}B_x'\bigr] .

    Parameters
    ----------
    beta : 1 or 2
        Dyson's index: 1 for real symmetric matrices, 2 for complex Hermitian ones.

    Notes
    -----
    The laws are those of :cite:t:`TracyWidom96`, the determinant for real matrices that of
    :cite:t:`FerrariSpohn05`; for covariance matrices see :cite:t:`Johnstone01`. They are
    reached at rate :math:`n^{-2/3}` for p and n of the same order. The determinant is
    discretized by Gauss-Legendre quadrature, which converges exponentially
    :cite:p:`Bornemann10`; between -8 and 16 its logarithms are read from piecewise Chebyshev
    series, made at the first call. The absolute error of distribution function and density
    is below 1e-12. Functions are vectorized; a scalar gives a float.

    Example
    -------
    The 95 % point that tests of the largest eigenvalue use:

    >>> law = TracyWidom()
    >>> round(law.ppf(0.95), 4), round(law.cdf(0.9793), 4)
    (0.9793, 0.95)
    """

    def __init__(self, beta: int = 1):
        self._beta = dyson_index(beta)

    def __repr__(self) -> str:
        return f"TracyWidom(beta={self._beta})"

    def pdf(self, x: ArrayLike) -> np.ndarray | float:
        """Density F' at real points of any shape."""
        return scalar_out(self._evaluate(x)[1])

    def cdf(self, x: ArrayLike) -> np.ndarray | float:
        """Distribution function F at real points of any shape; 0 below -12, where F < 1e-34."""
        return scalar_out(np.exp(self._evaluate(x)[0]))

    def sf(self, x: ArrayLike) -> np.ndarray | float:
        r"""Upper tail probability 1 - F at real points of any shape.

        Computed as :math:`-\mathrm{expm1}(\log F)`, so that the relative error stays small
        where it is tiny: :math:`1-F(x)\sim e^{-\frac23x^{3/2}}/(4\sqrt\pi\,x^{3/4})` for
        real matrices, :math:`e^{-\frac43x^{3/2}}/(16\pi\,x^{3/2})` for complex ones.

        Example
        -------
        >>> x = 20.0
        >>> tail = np.exp(-2 / 3 * x**1.5) / (4 * np.sqrt(np.pi) * x**0.75)
        >>> bool(abs(TracyWidom().sf(x) / tail - 1) < 0.02)
        True
        """
        return scalar_out(0.0 - np.expm1(self._evaluate(x)[0]))

    def ppf(self, q: ArrayLike) -> np.ndarray | float:
        r"""Quantile: the x with F(x) = q.

        Newton's method on the logarithm of :math:`F/(1-F)`, from a table.

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
        ~rmtlib.ConvergenceError
            If :math:`|F(x)-q|` stays above :math:`10^{-9}\min(q,1-q)+10^{-14}`.
        """
        q = real_array("q", q).astype(float)
        if np.any((q < 1e-10) | (q > 1 - 1e-10)):
            bad = q[(q < 1e-10) | (q > 1 - 1e-10)].flat[0]
            raise ValueError(f"q must be between 1e-10 and 1 - 1e-10, got {bad:g} (a probability)")
        logit = np.log(q) - np.log1p(-q)
        grid = np.linspace(-8.0, 10.5 / self._beta, 75)
        log_grid = self._evaluate(grid)[0]
        x = np.interp(logit, log_grid - np.log(-np.expm1(log_grid)), grid)
        for _ in range(5):
            log_cdf, pdf = self._evaluate(x)
            cdf, sf = np.exp(log_cdf), -np.expm1(log_cdf)
            x = x - (log_cdf - np.log(sf) - logit) * cdf * sf / pdf
        error = np.abs(np.exp(self._evaluate(x)[0]) - q)
        if np.any(error > 1e-9 * np.minimum(q, 1 - q) + 1e-14):
            raise ConvergenceError(f"TracyWidom.ppf: |F(x) - q| = {error.max():.2g} after 5 steps")
        return scalar_out(x)

    def mean(self) -> float:
        """Mean."""
        return (-1.2065335745820, -1.7710868074116)[self._beta - 1]

    def var(self) -> float:
        """Variance."""
        return (1.6077810345810, 0.8131947928329)[self._beta - 1]

    def _evaluate(self, x: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Log F and F' at points of any shape."""
        points = np.minimum(real_array("x", x).astype(float), _HIGHEST)
        x = points.ravel()
        log_cdf, pdf = np.full(x.size, -np.inf), np.zeros(x.size)
        piece = np.floor((x - _FIRST) / _STEP)
        table = (piece >= 0) & (piece < _PIECES)
        log_cdf[table], pdf[table] = _interpolated(x[table], piece[table].astype(int), self._beta)
        outside = np.flatnonzero(~table & (x >= _LOWEST))
        for part in np.array_split(outside, 1 + outside.size // 256):
            log_cdf[part], pdf[part] = _determinant(x[part], self._beta)
        return log_cdf.reshape(points.shape), pdf.reshape(points.shape)


@cache
def _table(beta: int) -> np.ndarray:
    """Chebyshev coefficients of log(-log F) and log F', shape (degree + 1, 2, pieces)."""
    u = chebyshev.chebpts1(_DEGREE + 1)
    x = _FIRST + _STEP * (np.arange(_PIECES)[:, None] + (1 + u) / 2)
    log_cdf, pdf = _determinant(x.ravel(), beta)
    values = np.log([-log_cdf, pdf]).reshape(-1, u.size)
    return chebyshev.chebfit(u, values.T, _DEGREE).reshape(u.size, 2, _PIECES)


def _interpolated(x: np.ndarray, piece: np.ndarray, beta: int) -> tuple[np.ndarray, np.ndarray]:
    """Log F and F' at points of the vector x, each on its piece of the table."""
    u = 2 * (x - _FIRST) / _STEP - 2 * piece - 1
    inner, log_pdf = chebyshev.chebval(u, _table(beta)[:, :, piece], tensor=False)
    return -np.exp(inner), np.exp(log_pdf)


def _determinant(x: np.ndarray, beta: int) -> tuple[np.ndarray, np.ndarray]:
    """Log F and F' at each point of the vector x >= -12, by Gauss-Legendre quadrature."""
    length = np.maximum(_AIRY_END - x, 4.0)
    u = np.outer(length, (_NODE + 1) / 2)
    root = np.sqrt(np.outer(length, _WEIGHT / 2))
    i, j = np.triu_indices(_NODES)  # the kernel is symmetric, and airy is what costs
    kernel, derivative = np.empty((2, x.size, _NODES, _NODES))
    kernel[:, i, j], derivative[:, i, j] = airy(u[:, i] + u[:, j] + x[:, None])[:2]
    kernel[:, j, i], derivative[:, j, i] = kernel[:, i, j], derivative[:, i, j]
    outer = root[:, :, None] * root[:, None, :]
    eigenvalues, vectors = np.linalg.eigh(outer * kernel)
    power = np.minimum(eigenvalues**beta, 1 - np.finfo(float).eps)
    log_cdf = np.sum(np.log1p(-power), axis=1)
    slope = beta * eigenvalues ** (beta - 1)
    slope = slope * np.sum(vectors * (outer * derivative @ vectors), axis=1)
    return log_cdf, 0.0 - np.exp(log_cdf) * np.sum(slope / (1 - power), axis=1)
