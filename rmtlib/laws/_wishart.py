"""Eigenvalues of sample covariance matrices: of given data, and drawn exactly."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh_tridiagonal, eigvalsh_tridiagonal

from rmtlib._checks import as_rng, count, finite
from rmtlib._data_checks import data_matrix, dyson_index
from rmtlib._types import ArrayLike


@dataclass(frozen=True)
class TopEigenpair:
    """Largest eigenvalue, and squared scalar product of its eigenvector and the spike."""

    position: float | np.ndarray
    alignment: float | np.ndarray


def wishart_eigenvalues(
    p: int,
    n: int,
    *,
    size: int | None = None,
    beta: int = 1,
    rng: int | np.random.Generator | None = None,
) -> np.ndarray:
    r"""Eigenvalues of a white Wishart matrix, drawn exactly without forming the data.

    The matrix is :math:`\frac1n X X^*`, X of shape (p, n) with independent standard
    Gaussian entries, real (:math:`\beta=1`) or complex (:math:`\beta=2`). For
    :math:`p \le n` its eigenvalues have the law of those of
    :math:`\frac1{\beta n} B B^{\mathsf T}`, B lower bidiagonal with independent entries

    .. math::

        B_{ii} \sim \chi_{\beta(n - i + 1)}, \qquad B_{i+1,i} \sim \chi_{\beta(p - i)}, \qquad
        i = 1, 2, \dots

    a tridiagonal problem of cost O(p^2). For p > n the roles of p and n are
    exchanged and p - n exact zeros are added.

    Parameters
    ----------
    p : integer >= 1
        Dimension: rows of X.
    n : integer >= 1
        Samples: columns of X.
    size : integer >= 1 or None
        Number of independent matrices; None for one.
    beta : 1 or 2
        1 for real data, 2 for complex data.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    array of shape (p,) or (size, p), ascending in the last axis.

    Notes
    -----
    Bidiagonal model: :cite:t:`DumitriuEdelman02`. No finite-size error: the
    law of the eigenvalues is exact at every p and n.

    Example
    -------
    >>> wishart_eigenvalues(3, 1, rng=0)[:2]
    array([0., 0.])
    """
    p, n = count("p", p), count("n", n)
    draws = 1 if size is None else count("size", size)
    rng = as_rng(rng)
    rank, longer = min(p, n), max(p, n)
    main, side = _tridiagonal(rank, longer, draws, dyson_index(beta), rng)
    eigenvalues = np.zeros((draws, p))
    for row, d, e in zip(eigenvalues, main / n, side / n, strict=True):
        row[p - rank :] = np.maximum(eigvalsh_tridiagonal(d, e), 0.0) if rank > 1 else d
    return eigenvalues[0] if size is None else eigenvalues


def sample_covariance_eigenvalues(X: ArrayLike) -> np.ndarray:
    r"""Eigenvalues of the sample covariance :math:`\frac1n X X^*` of real or complex data X.

    Columns of X are samples; nothing is centered. The smaller of the two Gram
    matrices :math:`\frac1n X X^*` and :math:`\frac1n X^* X` is diagonalized; for p > n,
    p - n exact zeros are added.

    Parameters
    ----------
    X : matrix of shape (p, n)
        Data, one sample a column.

    Returns
    -------
    array of shape (p,), ascending.

    Notes
    -----
    For white X compare with ``MarchenkoPastur(p / n)`` :cite:p:`MP67`; for a
    population covariance C with ``SampleCovariance(p / n, Discrete(...))``
    :cite:p:`SB95`. Differences of smooth linear statistics are O(1/p).

    Example
    -------
    >>> sample_covariance_eigenvalues([[3.0], [4.0]])
    array([ 0., 25.])
    """
    X = data_matrix("X", X)
    p, n = X.shape
    gram = X @ X.conj().T if p <= n else X.conj().T @ X
    positive_part = np.maximum(np.linalg.eigvalsh(gram / n), 0.0)
    return np.concatenate([np.zeros(p - positive_part.size), positive_part])


def spiked_wishart(
    strength: float,
    *,
    p: int,
    n: int,
    size: int | None = None,
    beta: int = 1,
    rng: int | np.random.Generator | None = None,
) -> TopEigenpair:
    r"""Top eigenvalue, and alignment of its eigenvector, of a spiked sample covariance.

    The matrix is :math:`\frac1n XX^*` with :math:`X=(I+\ell uu^*)^{1/2}Z`, Z of
    size (p, n) with independent standard Gaussian entries, real (:math:`\beta=1`)
    or complex (:math:`\beta=2`). Take u for the first basis vector. Reflections of
    the columns and of the rows 2 to p, none of which moves u, make
    :math:`\sqrt\beta Z` lower bidiagonal with independent entries

    .. math::

        B_{ii}\sim\chi_{\beta(n-i+1)},\qquad B_{i+1,i}\sim\chi_{\beta(p-i)},

    and the spike multiplies :math:`B_{11}` by :math:`\sqrt{1+\ell}`. What is left
    is the top eigenpair of a tridiagonal matrix, at a cost of O(p).

    Parameters
    ----------
    strength : float
        :math:`\ell > -1`; 0 gives pure noise.
    p, n : int
        Dimension and number of samples, at least 2.
    size : int or None
        Number of independent draws; None for one.
    beta : 1 or 2
        1 for real data, 2 for complex data.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    result with the fields ``position`` and ``alignment``
        Largest eigenvalue :math:`\lambda_1` and :math:`|u^*\hat u_1|^2`:
        arrays of shape (size,), or floats.

    Notes
    -----
    Bidiagonal model: :cite:t:`DumitriuEdelman02`. The draws are exact at every
    p and n.

    Example
    -------
    >>> spiked_wishart(1000.0, p=100, n=200, rng=0).alignment > 0.99
    True
    """
    p, n = count("p", p, at_least=2), count("n", n, at_least=2)
    draws = 1 if size is None else count("size", size)
    ell = finite("strength", strength)
    if ell <= -1:
        raise ValueError(f"strength must be > -1, got {ell:g} (1 + strength is a variance)")
    rng = as_rng(rng)
    main, side = _tridiagonal(p, n, draws, dyson_index(beta), rng, first=np.sqrt(1 + ell))
    position, alignment = np.empty((2, draws))
    top = (main.shape[1] - 1,) * 2
    for k, (d, e) in enumerate(zip(main / n, side / n, strict=True)):
        value, vector = eigh_tridiagonal(d, e, select="i", select_range=top)
        position[k], alignment[k] = value[0], vector[0, 0] ** 2
    if size is None:
        return TopEigenpair(float(position[0]), float(alignment[0]))
    return TopEigenpair(position, alignment)


def _tridiagonal(
    p: int, n: int, draws: int, beta: int, rng: np.random.Generator, first: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Diagonals of B @ B.T / beta without its zero rows; ``first`` multiplies row 1 of the data."""
    i = np.arange(1, min(p, n + 1) + 1)
    B = np.sqrt(rng.chisquare(beta * np.maximum(n - i + 1, 1), size=(draws, i.size)) / beta)
    B[:, i > n] = 0.0
    B[:, 0] *= first
    below = np.sqrt(rng.chisquare(beta * (p - i[:-1]), size=(draws, i.size - 1)) / beta)
    main = B**2
    main[:, 1:] += below**2
    return main, B[:, :-1] * below
