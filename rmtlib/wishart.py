"""Exact draws of what a Gaussian sample covariance shows, without forming the data."""

import numpy as np
from scipy.linalg import eigh_tridiagonal

from rmtlib.inputs import as_rng, count, finite


def spiked_wishart(
    p: int,
    n: int,
    strength: float,
    size: int = 1,
    rng: int | np.random.Generator | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Top eigenvalue, and alignment of its eigenvector, of a spiked sample covariance.

    The matrix is :math:`\frac1n XX^{\mathsf T}` with
    :math:`X=(I+\ell uu^{\mathsf T})^{1/2}Z`, Z of size (p, n) with independent
    standard Gaussian entries. Take u for the first basis vector. Reflections of
    the columns and of the rows 2 to p, none of which moves u, make Z lower
    bidiagonal with independent entries

    .. math::

        B_{ii}\sim\chi_{n-i+1},\qquad B_{i+1,i}\sim\chi_{p-i},

    and the spike multiplies :math:`B_{11}` by :math:`\sqrt{1+\ell}`. What is left
    is the top eigenpair of a tridiagonal matrix, at a cost of O(p).

    Parameters
    ----------
    p, n : int
        Dimension and number of samples, at least 2.
    strength : float
        :math:`\ell > -1`; 0 gives pure noise.
    size : int
        Number of independent draws.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    position, alignment : arrays, shape (size,)
        Largest eigenvalue :math:`\lambda_1` and :math:`|u^{\mathsf T}\hat u_1|^2`.

    Raises
    ------
    ValueError
        If a size is not an integer in its range or ``strength <= -1``.

    Notes
    -----
    Bidiagonal model: :cite:t:`DumitriuEdelman02`. The draws are exact at every
    p and n.

    Example
    -------
    >>> position, alignment = spiked_wishart(100, 200, 1000.0, size=5, rng=0)
    >>> bool(np.all(alignment > 0.99))
    True
    """
    p, n = count("p", p, at_least=2), count("n", n, at_least=2)
    draws = count("size", size)
    ell = finite("strength", strength)
    if ell <= -1:
        raise ValueError(f"strength must be > -1, got {ell:g} (1 + strength is a variance)")
    rng = as_rng(rng)
    rows = min(p, n + 1)
    i = np.arange(1, rows + 1)
    B = np.sqrt(rng.chisquare(np.maximum(n - i + 1, 1), size=(draws, rows)))
    B[:, i > n] = 0.0
    B[:, 0] *= np.sqrt(1 + ell)
    below = np.sqrt(rng.chisquare(p - i[:-1], size=(draws, rows - 1)))
    main = B**2
    main[:, 1:] += below**2
    side = B[:, :-1] * below
    position, alignment = np.empty((2, draws))
    top = (rows - 1, rows - 1)
    for k, (d, e) in enumerate(zip(main / n, side / n, strict=True)):
        value, vector = eigh_tridiagonal(d, e, select="i", select_range=top)
        position[k], alignment[k] = value[0], vector[0, 0] ** 2
    return position, alignment
