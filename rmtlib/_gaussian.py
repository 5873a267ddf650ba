r"""Gaussian expectations by quadrature: nodes that resolve functions at any variance."""

from collections.abc import Callable

import numpy as np

from rmtlib._types import ArrayLike

_REACH = 13.0  # the normal density is below 1e-37 beyond
_STEPS = np.arange(-_REACH, _REACH + 1)[None]


def normal_density(x: ArrayLike) -> np.ndarray:
    """Standard normal density."""
    return np.exp(-np.square(x) / 2) / np.sqrt(2 * np.pi)


def gaussian_nodes(
    variance: np.ndarray, breaks: ArrayLike, order: int = 24, center: ArrayLike = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    r"""Gauss-Legendre nodes and weights for :math:`\mathbb E f(\sqrt s\,\xi)`, row i for s_i.

    Panels end at ``breaks``, at unit steps of :math:`\xi` and at powers of two of
    the distance to ``center``: functions of scale one are resolved at any variance.

    Parameters
    ----------
    variance : ndarray, shape (n,)
        Positive variances s.
    breaks : array_like, shape (m,) or (n, m)
        Points of :math:`t=\sqrt s\,\xi` where f is not smooth.
    order : int
        Nodes a panel.
    center : float or array_like, shape (n,)
        Where f varies on the scale one, in t.

    Returns
    -------
    xi, weight : ndarray, shape (n, count)
        The weights contain the normal density.
    """
    n, scale = variance.size, np.sqrt(variance)[:, None]
    powers = 2.0 ** np.arange(-2, 12)
    graded = np.reshape(center, (-1, 1)) + np.concatenate([-powers, [0.0], powers])
    marks = [graded, np.atleast_2d(np.asarray(breaks, dtype=float)), scale * _STEPS]
    ends = np.concatenate([np.broadcast_to(mark, (n, mark.shape[1])) for mark in marks], axis=1)
    ends = np.sort(np.clip(ends, -_REACH * scale, _REACH * scale), axis=1) / scale
    x, w = np.polynomial.legendre.leggauss(order)
    half = np.diff(ends, axis=1)[:, :, None] / 2
    shape = n, half.shape[1] * order
    xi = (ends[:, :-1, None] + half * (1 + x)).reshape(shape)
    weight = (half * w).reshape(shape) * normal_density(xi)
    return xi, weight


def hermite_rows(
    function: Callable[[np.ndarray], np.ndarray],
    variance: np.ndarray,
    breaks: ArrayLike,
    count: int,
    order: int,
) -> np.ndarray:
    r"""Hermite coefficients :math:`\mathbb E[f(\sqrt{s_i}\,\xi)\,\mathrm{He}_k(\xi)]/\sqrt{k!}`.

    An array of shape (count, n), row k, column i, without a check of convergence.
    """
    xi, weight = gaussian_nodes(variance, breaks, order)
    weighted = weight * function(np.sqrt(variance)[:, None] * xi)
    found = np.empty((count, variance.size))
    previous, current = np.zeros_like(xi), np.ones_like(xi)
    for k in range(count):
        found[k] = np.einsum("ij,ij->i", weighted, current)
        # sqrt(k + 1) he_{k+1} = x he_k - sqrt(k) he_{k-1}
        following = (xi * current - np.sqrt(k) * previous) / np.sqrt(k + 1)
        previous, current = current, following
    return found
