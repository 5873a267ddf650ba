r"""Lanczos and stochastic Lanczos quadrature: spectra of matrices known by their products.

A Hessian with a million rows is never stored; its product with a vector costs two
gradients. `lanczos` turns k products into a k by k tridiagonal matrix, and
`spectral_estimate` turns a few of those into an estimate of the whole spectrum
with error bars. Matrices are arrays, SciPy sparse matrices or SciPy ``LinearOperator``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg import eigh_tridiagonal
from scipy.sparse.linalg import LinearOperator, aslinearoperator
from scipy.special import ndtr

from rmtlib import _checks
from rmtlib._types import ArrayLike, Seed


@dataclass(frozen=True, eq=False)
class Lanczos:
    """What `lanczos` returns.

    Parameters
    ----------
    diagonal
        Diagonal of the tridiagonal matrix, shape (k,).
    off_diagonal
        Its entries beside the diagonal, positive, shape (k - 1,).
    basis
        Orthonormal columns, the first one proportional to the start, shape (n, k); None
        without reorthogonalization.
    exhausted
        Whether the start lies in an invariant subspace of dimension k, so that
        Ritz values are eigenvalues and the quadrature is exact.
    """

    diagonal: np.ndarray
    off_diagonal: np.ndarray
    basis: np.ndarray | None
    exhausted: bool

    @cached_property
    def _ritz(self) -> tuple[np.ndarray, np.ndarray]:
        values, vectors = eigh_tridiagonal(self.diagonal, self.off_diagonal)
        return values, vectors[0] ** 2

    @property
    def ritz_values(self) -> np.ndarray:
        """Eigenvalues of the tridiagonal matrix, ascending, shape (k,)."""
        return self._ritz[0]

    @property
    def weights(self) -> np.ndarray:
        """Squared first components of its eigenvectors, shape (k,), of sum 1."""
        return self._ritz[1]


def lanczos(A: Any, start: ArrayLike, steps: int, *, reorthogonalize: bool = True) -> Lanczos:
    r"""Run k steps of the Lanczos algorithm on a symmetric matrix.

    From :math:`q_1 = v / |v|`, it builds orthonormal :math:`q_1, \dots, q_k` with

    .. math::

        A q_j = \beta_{j-1} q_{j-1} + \alpha_j q_j + \beta_j q_{j+1} ,

    the tridiagonal matrix of A in the space of
    :math:`q_1, Aq_1, \dots, A^{k-1}q_1`. Its eigenvalues :math:`\theta_i` (Ritz values) and the
    squares :math:`w_i` of the first components of its eigenvectors satisfy
    :math:`\sum_i w_i\, g(\theta_i) = q_1^{\mathsf T} g(A)\, q_1` for all polynomials g of degree
    at most 2k - 1.

    Parameters
    ----------
    A : array, sparse matrix or LinearOperator, shape (n, n)
        A symmetric matrix. Only products with it are used.
    start : vector of n numbers, not all zero
        v.
    steps : integer >= 1
        k; at most n are made, fewer when an invariant subspace has been found.
    reorthogonalize : bool
        Make each new vector orthogonal to all earlier ones, twice. Without it
        rounding lets converged Ritz values come back as copies, with the right
        total weight; memory is then that of three vectors instead of k.

    Returns
    -------
    Lanczos

    Raises
    ------
    ValueError
        If ``A`` is found not to be symmetric.
    ~rmtlib.ConvergenceError
        If a product is not finite.

    Notes
    -----
    :cite:t:`GolubMeurant10`. For a large random matrix and a start independent of it
    the coefficients differ from those of its law by O(n^(-1/2)).

    Example
    -------
    >>> result = lanczos(np.diag([1.0, 2.0, 4.0]), [1, 1, 1], 3)
    >>> result.ritz_values.round(12), result.weights.round(12)
    (array([1., 2., 4.]), array([0.33333333, 0.33333333, 0.33333333]))
    """
    A = _operator(A)
    n, steps = A.shape[0], _checks.count("steps", steps)
    start = _checks.vector("start", start, length=n, why=f"A has {n} rows")
    if not start.any():
        raise ValueError("start must not be zero")
    return _lanczos(A, start, steps, reorthogonalize)


def _lanczos(A: LinearOperator, start: np.ndarray, steps: int, reorthogonalize: bool) -> Lanczos:
    n = A.shape[0]
    # Powers of two as units, here and below: squares neither overflow nor vanish.
    q = np.ldexp(start, -np.frexp(np.abs(start).max())[1]).astype(A.dtype)
    q, previous, beta = q / np.linalg.norm(q), np.zeros_like(q), 0.0
    tiny = 50 * np.finfo(A.dtype).eps
    alphas, betas, scale, exponent = [], [], 0.0, 0
    basis = np.empty((min(steps, n), n), dtype=A.dtype) if reorthogonalize else None
    for j in range(min(steps, n)):
        product = np.asarray(A.matvec(q)).reshape(n)
        if not np.all(np.isfinite(product)):
            raise _checks.ConvergenceError(f"product {j + 1} with A is not finite")
        if scale == 0:
            exponent = int(np.frexp(np.abs(product).max())[1])
        product = np.ldexp(product, -exponent)
        scale = max(scale, float(np.linalg.norm(product)))
        r = product - beta * previous
        alphas.append(float(q @ r))
        r -= alphas[-1] * q
        if basis is not None:
            basis[j] = q
            Q = basis[: j + 1]
            overlap = Q @ r
            # Two earlier terms are all that a symmetric matrix leaves.
            if np.max(np.abs(overlap)) > np.sqrt(tiny) * scale:
                raise ValueError("A must be symmetric: A q is not orthogonal to earlier vectors")
            r -= Q.T @ overlap
            r -= Q.T @ (Q @ r)
        beta = float(np.linalg.norm(r))
        if beta <= tiny * scale:
            break
        betas.append(beta)
        previous, q = q, r / beta
    k = len(alphas)
    return Lanczos(
        diagonal=np.ldexp(alphas, exponent),
        off_diagonal=np.ldexp(betas[: k - 1], exponent),
        basis=None if basis is None else basis[:k].T,
        exhausted=len(betas) < k or k == n,
    )


@dataclass(frozen=True, eq=False)
class SpectralEstimate:
    r"""Estimate of the law of the eigenvalues of a matrix, with error bars.

    Each probe gives a discrete law; the estimate is their average and the error bar
    the standard deviation over probes divided by the root of their number (NaN for
    a single probe).

    Parameters
    ----------
    points
        Ritz values of each probe, shape (probes, k).
    weights
        Their weights, of the same shape; each row has sum 1.
    """

    points: np.ndarray
    weights: np.ndarray

    def mean_of(self, f: Callable[[np.ndarray], np.ndarray]) -> tuple[float, float]:
        r"""Estimate of :math:`\frac1n \mathrm{tr} f(A)` and its standard error.

        Parameters
        ----------
        f : function of an array
            Vectorized.

        Returns
        -------
        value, error : float
        """
        value, error = _average(np.sum(self.weights * f(self.points), axis=1))
        return float(value), float(error)

    def density(self, x: ArrayLike, width: float | None = None) -> tuple[np.ndarray, np.ndarray]:
        r"""Density at x of the estimate smoothed by a Gaussian, and its standard error.

        .. math::

            \hat\rho(x) = \sum_i w_i\, \frac{1}{\sqrt{2\pi}\,s}\, e^{-(x - \theta_i)^2 / 2 s^2} .

        It is normalized by its weights and never by a sum over the grid.

        Parameters
        ----------
        x : array of real numbers
            Points, any shape.
        width : positive number, optional
            s; one percent of the range of the Ritz values by default.

        Returns
        -------
        density, error : arrays of the shape of ``x``
        """
        x, s = _checks.real_array("x", x), self._width(width)
        bumps = np.exp(-(((x[..., None, None] - self.points) / s) ** 2) / 2)
        return _average(np.sum(self.weights * bumps, axis=-1) / (np.sqrt(2 * np.pi) * s))

    def cdf(self, x: ArrayLike, width: float | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Mass of (-infinity, x] and its standard error; smoothed if ``width`` is given.

        Parameters
        ----------
        x : array of real numbers
            Points, any shape.
        width : positive number, optional
            Standard deviation of a Gaussian smoothing; none by default.

        Returns
        -------
        mass, error : arrays of the shape of ``x``
        """
        x = _checks.real_array("x", x)[..., None, None]
        if width is None:
            step = self.points <= x
        else:
            step = ndtr((x - self.points) / _checks.positive("width", width))
        return _average(np.sum(self.weights * step, axis=-1))

    def _width(self, width: float | None) -> float:
        if width is not None:
            return _checks.positive("width", width)
        return 0.01 * float(np.ptp(self.points)) or 1e-2 * abs(float(self.points.flat[0])) or 1e-2


def spectral_estimate(
    A: Any,
    *,
    steps: int = 80,
    probes: int = 10,
    start: str = "rademacher",
    reorthogonalize: bool = True,
    rng: Seed = None,
) -> SpectralEstimate:
    r"""Stochastic Lanczos quadrature: the law of the eigenvalues from products with vectors.

    For a random v of norm one with independent directions, the law
    :math:`\sum_i (u_i^{\mathsf T} v)^2 \delta_{\lambda_i}` has expectation
    :math:`\frac1n \sum_i \delta_{\lambda_i}`; k steps of `lanczos` from v reproduce its
    first 2k - 1 moments. The estimate averages the laws of a few probes, never their
    eigenvalues.

    Two errors add up. Quadrature: after smoothing with a width s it is negligible from
    about :math:`k = 0.4\,(\lambda_{\max} - \lambda_{\min}) / s`. Probes: for F = f(A) one probe
    estimates :math:`\frac1n \mathrm{tr} F` with the standard deviation

    .. math::

        \frac1n \sqrt{2 \Big(\|F\|_F^2 - \sum_i F_{ii}^2\Big)} \quad\text{(signs)}, \qquad
        \frac1n \sqrt{\frac{2 n}{n + 2} \Big(\|F\|_F^2 - \frac{(\mathrm{tr} F)^2}{n}\Big)}
        \quad\text{(sphere)} ,

    exactly; N probes divide it by :math:`\sqrt N`, more steps do not reduce it.

    Parameters
    ----------
    A : array, sparse matrix or LinearOperator, shape (n, n)
        A symmetric matrix. Only products with it are used, steps times probes of them.
    steps : integer >= 1
        k.
    probes : integer >= 1
        Number of random starts; error bars need two.
    start : str
        "rademacher" for signs, "gaussian" for a direction uniform on the sphere.
    reorthogonalize : bool
        As in `lanczos`. Densities do not need it, lists of Ritz values do.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    SpectralEstimate

    Raises
    ------
    ~rmtlib.ConvergenceError
        If a product is not finite.

    Notes
    -----
    :cite:t:`UbaruChenSaad17`; standard deviations: :cite:t:`Hutchinson90`. Masses of short
    intervals, the index above all, converge slowly in the number of steps: many Ritz values are
    needed near the end of the interval.

    Example
    -------
    >>> estimate = spectral_estimate(np.diag(np.arange(1.0, 101)), steps=20, probes=4, rng=0)
    >>> value, error = estimate.mean_of(lambda x: x**2)
    >>> round(value, 9)  # 101 * 201 / 6: signs are exact on a diagonal matrix
    3383.5
    """
    A = _operator(A)
    n, steps, probes = A.shape[0], _checks.count("steps", steps), _checks.count("probes", probes)
    _checks.one_of("start", start, ("rademacher", "gaussian"))
    rng = _checks.as_rng(rng)
    points, weights = np.zeros((2, probes, min(steps, n)))
    for row in range(probes):
        v = rng.standard_normal(n)
        v = np.where(v < 0, -1.0, 1.0) if start == "rademacher" else v
        result = _lanczos(A, v, steps, reorthogonalize)
        k = result.diagonal.size
        points[row, :k], weights[row, :k] = result.ritz_values, result.weights
        points[row, k:] = result.ritz_values[-1]
    return SpectralEstimate(points, weights)


def _operator(A: Any) -> LinearOperator:
    """A as a square LinearOperator of real floating-point numbers."""
    if isinstance(A, np.ndarray | list | tuple):
        A = _checks.matrix("A", A)
    try:
        operator = aslinearoperator(A)
    except TypeError as error:
        raise ValueError(
            f"A must be an array, a sparse matrix or a LinearOperator, got {type(A).__name__}"
        ) from error
    if operator.shape[0] != operator.shape[1]:
        raise ValueError(f"A must be square, got shape {operator.shape}")
    kind = getattr(operator.dtype, "kind", "")
    if kind == "c":
        raise ValueError("A must be real, got a complex matrix")
    if kind != "f":
        operator = LinearOperator(operator.shape, matvec=operator.matvec, dtype=float)
    return operator


def _average(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the last axis (probes) and its standard error, NaN for one probe."""
    n = values.shape[-1]
    mean = values.mean(axis=-1)
    if n == 1:
        return mean, np.full_like(mean, np.nan)
    return mean, values.std(axis=-1, ddof=1) / np.sqrt(n)
