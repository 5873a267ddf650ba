r"""The Fuss-Catalan laws: squared singular values of products of Gaussian matrices.

:math:`M=W^L\cdots W^1(W^L\cdots W^1)^{\mathsf T}`, each factor n x n with independent
entries of variance 1/n: the Jacobian of a linear network of depth L. For L = 1 it is
the Marchenko-Pastur law of ratio 1.
"""

from math import comb

import numpy as np
from numpy.typing import ArrayLike

from rmtlib._checks import count, real_array


def fuss_catalan_pdf(x: ArrayLike, depth: int) -> np.ndarray | float:
    r"""Density for a linear network with Gaussian weights of variance 1/n, in closed form.

    With :math:`0<\theta<\pi/(L+1)`,

    .. math::

        x=\frac{\sin^{L+1}((L+1)\theta)}{\sin\theta\,\sin^L(L\theta)},\qquad
        \rho(x)=\frac{\sin^2\theta\,\sin^{L-1}(L\theta)}{\pi\sin^L((L+1)\theta)} .

    Parameters
    ----------
    x : array_like of numbers
        Points, any shape.
    depth : integer >= 1
        L, the number of factors.

    Returns
    -------
    float or ndarray of the shape of ``x``
        Zero outside :math:`(0,(L+1)^{L+1}/L^L)`.

    Raises
    ------
    ValueError
        If ``depth`` is not an integer >= 1, or a point is not finite.

    Notes
    -----
    Source: :cite:t:`PensonZyczkowski11`.

    Example
    -------
    >>> bool(abs(fuss_catalan_pdf(0.5, 2) - 1 / np.pi) < 1e-13)
    True
    """
    x, L = real_array("x", x).astype(float), count("depth", depth, why="number of factors")
    log_edge = (L + 1) * np.log(L + 1) - L * np.log(L)
    density = np.zeros(x.shape)
    inside = (x > 0) & (x < np.exp(log_edge))
    if not inside.any():
        return density[()]
    log_x = np.log(x[inside])
    # with d = pi - (L + 1) theta, log x increases in log d
    low, high = np.full(log_x.shape, -745.0), np.full(log_x.shape, np.log(np.pi))
    for _ in range(75):
        middle = (low + high) / 2
        below = _fuss_catalan(np.exp(middle), L)[0] < log_x
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    density[inside] = np.exp(_fuss_catalan(np.exp(high), L)[1])
    return density[()]


def _fuss_catalan(d: np.ndarray, L: int) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of x and density at theta = (pi - d) / (L + 1)."""
    theta = (np.pi - d) / (L + 1)
    last, first, rest = np.sin(d), np.sin(theta), np.sin(L * theta)
    log_x = (L + 1) * np.log(last) - np.log(first) - L * np.log(rest)
    return log_x, 2 * np.log(first) + (L - 1) * np.log(rest) - L * np.log(last) - np.log(np.pi)


def fuss_catalan_moment(k: int, depth: int) -> float:
    r"""Moment :math:`\frac1{Lk+1}\binom{(L+1)k}k` of the law of `fuss_catalan_pdf`.

    Parameters
    ----------
    k : integer >= 0
        Order.
    depth : integer >= 1
        L.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument is not an integer in its range.

    Notes
    -----
    Source: :cite:t:`PensonZyczkowski11`.

    Example
    -------
    >>> [fuss_catalan_moment(k, 1) for k in range(5)]  # Catalan numbers
    [1.0, 1.0, 2.0, 5.0, 14.0]
    """
    k, L = count("k", k, at_least=0), count("depth", depth, why="number of factors")
    return comb((L + 1) * k, k) / (L * k + 1)
