r"""Kernels of random features: two-point Gaussian expectations of an activation.

For w with independent standard normal entries and columns x, y of the data,

.. math::

    K(x,y)=\mathbb E\bigl[\sigma(w^{\mathsf T}x)\,\sigma(w^{\mathsf T}y)\bigr]
    =\mathbb E[\sigma(u)\sigma(v)],\qquad
    (u,v)\sim\mathcal N\Bigl(0,\begin{bmatrix}a&s\\s&b\end{bmatrix}\Bigr),

with :math:`a=\|x\|^2,\ b=\|y\|^2,\ s=x^{\mathsf T}y`: the limit of
:math:`\frac1N\Sigma^{\mathsf T}\Sigma`, :math:`\Sigma=\sigma(WX)` of shape (N, n), as the
number N of features grows. Nothing here divides by p: data carry their own scale.

Below, :math:`\rho=s/\sqrt{ab}` and :math:`\alpha=\arcsin\rho`, on which closed forms and series
depend.
"""

import numpy as np

from rmtlib import _checks
from rmtlib._types import ArrayLike
from rmtlib.activations import Activation, Quadratic, as_activation
from rmtlib.kernels._pairs import angle, evaluator, fill, on_diagonal, overwrite

_COLUMNS = "columns are samples"
_COLLINEAR = np.arcsin(1 - 1e-6)  # |alpha| above which it is computed from the columns


def two_point(
    activation: Activation | str,
    variance_u: ArrayLike,
    variance_v: ArrayLike,
    covariance: ArrayLike,
    *,
    derivative: bool = False,
) -> float | np.ndarray:
    r"""Two-point expectation of an activation, elementwise.

    .. math::

        \mathbb E[\sigma(u)\sigma(v)]\ \text{ or }\ \mathbb E[\sigma'(u)\sigma'(v)],\qquad
        (u,v)\sim\mathcal N\Bigl(0,\begin{bmatrix}a&s\\s&b\end{bmatrix}\Bigr) .

    Parameters
    ----------
    activation : Activation or str
        :math:`\sigma`.
    variance_u, variance_v : array_like
        a and b, nonnegative.
    covariance : array_like
        s, with :math:`s^2\le ab`; the three broadcast.
    derivative : bool
        Expectation of the product of derivatives.

    Returns
    -------
    float or ndarray
        Of the broadcast shape.

    Raises
    ------
    ValueError
        Also if a derivative is asked of an activation that jumps and has no closed form.
    ~rmtlib.ConvergenceError
        If quadrature does not resolve the activation, here and in the kernels below.

    Notes
    -----
    Closed forms: arc-cosine and error-function kernels, tabulated in
    :cite:t:`CouilletLiao22`, chapter 5. Piecewise-constant and clipped functions by
    Plackett's identity; others by the Mehler series, cut where the Cauchy-Schwarz bound
    of its rest is below 1e-12 of :math:`\sqrt{\mathbb E\sigma(u)^2\,\mathbb E\sigma(v)^2}`,
    and by quadrature where 400 terms are not enough (about 10 ms a pair).

    Near :math:`\rho=\pm1` a rounding of s by :math:`\epsilon` moves the expectation of a
    function that jumps by :math:`\sqrt\epsilon`: :math:`1-10^{-8}` for the sign at
    :math:`a,b,s=1.1,9.9,3.3`. `random_feature_kernel` sees the data and loses nothing.

    Example
    -------
    >>> from rmtlib.activations import SIGN
    >>> bool(abs(two_point(SIGN, 1, 4, 1) - 1 / 3) < 1e-15)  # (2 / pi) arcsin(1 / 2)
    True
    """
    activation = as_activation(activation)
    a = _checks.nonnegative_array("variance_u", variance_u, "a variance")
    b = _checks.nonnegative_array("variance_v", variance_v, "a variance")
    s = _checks.real_array("covariance", covariance).astype(float)
    try:
        a, b, s = np.broadcast_arrays(a, b, s)
    except ValueError as error:
        raise ValueError(
            "covariance must broadcast with the variances, got shapes "
            f"{a.shape}, {b.shape} and {s.shape}"
        ) from error
    _check_covariances(a, b, s, "covariance")
    shape = s.shape
    a, b, s = (np.array(v, dtype=float).ravel() for v in (a, b, s))
    if s.size == 0:
        return s.reshape(shape)
    i = np.arange(s.size)
    found = evaluator(activation, a, b, derivative)(i, i, s, angle(a, b, s))
    equal = (a == b) & (s == a)
    if equal.any():
        found = np.array(found)
        found[equal] = on_diagonal(activation, a[equal], derivative)
    return _checks.scalar_out(np.array(found).reshape(shape))


def _check_covariances(a, b, s, name: str) -> None:
    excess = np.abs(s) - np.sqrt(a) * np.sqrt(b)
    worst = np.max(excess - 1e-9 * np.sqrt(a) * np.sqrt(b), initial=0.0)
    if worst > 0:
        raise ValueError(
            f"{name} must be at most the geometric mean of the variances, got {worst:g} more "
            "(Cauchy-Schwarz inequality)"
        )


def conjugate_kernel(
    activation: Activation | str, K: ArrayLike, *, block_size: int = 256
) -> np.ndarray:
    r"""Kernel :math:`\mathbb E[\sigma(u_i)\sigma(u_j)]` for Gaussian u of covariance K.

    One layer of the recursion for conjugate kernels; the diagonal is exact, and
    temporary arrays hold ``block_size`` rows. For a centered kernel use
    ``activation.centered(variance)``.

    Parameters
    ----------
    activation : Activation or str
        :math:`\sigma`.
    K : array_like, shape (n, n)
        Covariance or Gram matrix, symmetric and positive semidefinite.
    block_size : integer >= 1
        Rows computed at a time.

    Returns
    -------
    ndarray, shape (n, n)
        Exactly symmetric.

    Notes
    -----
    Source: :cite:t:`CouilletLiao22`, chapter 5. The Gram matrix of N random features
    differs from it by :math:`O(N^{-1/2})` entrywise.

    Example
    -------
    >>> from rmtlib.activations import RELU
    >>> conjugate_kernel(RELU, [[2.0, 0.0], [0.0, 2.0]]).round(4)
    array([[1.    , 0.3183],
           [0.3183, 1.    ]])
    """
    return _of_covariance(activation, K, block_size, derivative=False)


def derivative_kernel(
    activation: Activation | str, K: ArrayLike, *, block_size: int = 256
) -> np.ndarray:
    r"""Kernel :math:`\mathbb E[\sigma'(u_i)\sigma'(u_j)]` for Gaussian u of covariance K.

    Parameters
    ----------
    activation : Activation or str
        :math:`\sigma`; if it jumps, entries of collinear columns are infinite: quantized
        activations have no neural tangent kernel.
    K : array_like, shape (n, n)
        Covariance or Gram matrix.
    block_size : integer >= 1
        Rows computed at a time.

    Returns
    -------
    ndarray, shape (n, n)
        Exactly symmetric.

    Raises
    ------
    ValueError
        Also if the activation jumps and has no closed form.

    Notes
    -----
    Source: :cite:t:`CouilletLiao22`, chapter 5.

    Example
    -------
    >>> from rmtlib.activations import RELU
    >>> derivative_kernel(RELU, [[2.0, 0.0], [0.0, 2.0]])
    array([[0.5 , 0.25],
           [0.25, 0.5 ]])
    """
    return _of_covariance(activation, K, block_size, derivative=True)


def _of_covariance(activation, K, block_size, derivative: bool) -> np.ndarray:
    activation = as_activation(activation)
    block_size = _checks.count("block_size", block_size)
    K = _checks.symmetric("K", K, why="a covariance matrix").astype(float, copy=False)
    a = np.diag(K).copy()
    if a.min() < 0:
        raise ValueError(f"K must have a nonnegative diagonal, got {a.min():g}")
    for start in range(0, a.size, block_size):
        rows = slice(start, start + block_size)
        _check_covariances(a[rows, None], a[None, :], K[rows], "K")

    evaluate = evaluator(activation, a, a, derivative)
    return overwrite(K.copy(), evaluate, block_size, on_diagonal(activation, a, derivative))


def random_feature_kernel(
    activation: Activation | str,
    X: ArrayLike,
    Y: ArrayLike | None = None,
    *,
    derivative: bool = False,
    block_size: int = 256,
) -> np.ndarray:
    r"""Limiting kernel of random features :math:`\sigma(WX)`, W of standard normal entries.

    .. math:: K_{ij}=\mathbb E_w[\sigma(w^{\mathsf T}x_i)\,\sigma(w^{\mathsf T}y_j)] .

    Norms are computed column by column and angles of nearly collinear columns from
    their difference: duplicate and opposite columns are exact to rounding.

    Parameters
    ----------
    activation : Activation or str
        :math:`\sigma`.
    X : array_like, shape (p, n)
        The data, already scaled (divide by :math:`\sqrt p` if entries have variance one).
    Y : array_like, shape (p, m), optional
        Other data; by default X itself, with an exact diagonal.
    derivative : bool
        Kernel of :math:`\sigma'` instead.
    block_size : integer >= 1
        Rows computed at a time.

    Returns
    -------
    ndarray, shape (n, n) or (n, m)

    Notes
    -----
    Source: :cite:t:`CouilletLiao22`, chapter 5, and :cite:t:`LiaoTalk24`. With N features
    the entries of :math:`\frac1N\Sigma^{\mathsf T}\Sigma` have standard error
    :math:`O(N^{-1/2})`.

    Example
    -------
    >>> from rmtlib.activations import COS
    >>> K = random_feature_kernel(COS, [[0.0, 1.0]])  # E cos(w)^2 = (1 + exp(-2)) / 2
    >>> bool(np.allclose(K, [[1, np.exp(-1 / 2)], [np.exp(-1 / 2), (1 + np.exp(-2)) / 2]]))
    True
    """
    activation = as_activation(activation)
    block_size = _checks.count("block_size", block_size)
    X = _checks.matrix("X", X, why=_COLUMNS).astype(float, copy=False)
    a = np.einsum("ki,ki->i", X, X)
    if Y is None:
        Y, b, diagonal = X, a, on_diagonal(activation, a, derivative)
    else:
        Y = _checks.matrix("Y", Y, shape=(X.shape[0], None), why=_COLUMNS).astype(float, copy=False)
        b, diagonal = np.einsum("ki,ki->i", Y, Y), None

    def pairs(rows, columns):
        s = X[:, rows].T @ Y[:, columns]
        if not activation.needs_angles:
            return s, np.zeros_like(s)
        alpha = angle(a[rows, None], b[None, columns], s)
        close = np.abs(alpha) > _COLLINEAR
        if diagonal is not None:
            np.fill_diagonal(close, False)
        for i in np.flatnonzero(close.any(axis=1)):
            j = np.flatnonzero(close[i])
            x, y = X[:, rows][:, i], Y[:, columns][:, j]
            side = np.sign(s[i, j])
            unit = x / np.linalg.norm(x)
            chord = np.linalg.norm(unit[:, None] - side * y / np.linalg.norm(y, axis=0), axis=0)
            alpha[i, j] = side * (np.pi / 2 - 2 * np.arcsin(chord / 2))
        return s, alpha

    evaluate = evaluator(activation, a, b, derivative)
    return fill(np.empty((a.size, b.size)), pairs, evaluate, block_size, diagonal)


def weight_moment_correction(
    activation: Activation | str,
    X: ArrayLike,
    Y: ArrayLike | None = None,
    *,
    third_moment: float = 0.0,
    fourth_moment: float = 3.0,
) -> np.ndarray:
    r"""What non-Gaussian weights add to the kernel of a quadratic activation, exactly.

    For :math:`\sigma(t)=c_2t^2+c_1t+c_0` and w with independent entries of mean 0,
    variance 1 and moments :math:`m_3,m_4`, the kernel is that of Gaussian weights plus

    .. math:: c_2^2(m_4-3)\sum_kx_k^2y_k^2+c_2c_1m_3\sum_k(x_k^2y_k+x_ky_k^2) .

    Parameters
    ----------
    activation : Quadratic or str
        Such a function, `rmtlib.activations.Quadratic`.
    X : array_like, shape (p, n)
        The data.
    Y : array_like, shape (p, m), optional
        Other data; by default X.
    third_moment, fourth_moment : float
        :math:`m_3` and :math:`m_4\ge1+m_3^2`.

    Returns
    -------
    ndarray, shape (n, m)

    Notes
    -----
    Source: a computation with cumulants; the kernel is asymptotically independent of the
    law of w :cite:p:`LiaoTalk24` up to this term, which vanishes for symmetric weights of
    kurtosis 3.

    Example
    -------
    >>> from rmtlib.activations import Quadratic
    >>> weight_moment_correction(Quadratic(1, 0, 0), [[1.0]], fourth_moment=1)  # w = +1 or -1
    array([[-2.]])
    """
    activation = as_activation(activation)
    if not isinstance(activation, Quadratic):
        raise ValueError(f"activation must be quadratic, got {activation.name!r}")
    m3 = _checks.finite("third_moment", third_moment)
    m4 = _checks.finite("fourth_moment", fourth_moment)
    if m4 < 1 + m3**2:
        raise ValueError(f"fourth_moment must be at least 1 + third_moment^2, got {m4:g}")
    X = _checks.matrix("X", X, why=_COLUMNS).astype(float)
    Y = X if Y is None else _checks.matrix("Y", Y, (X.shape[0], None), _COLUMNS).astype(float)
    c2, c1 = activation.curvature, activation.slope
    cubic = (X**2).T @ Y + X.T @ Y**2
    return c2**2 * (m4 - 3) * (X**2).T @ Y**2 + c2 * c1 * m3 * cubic
