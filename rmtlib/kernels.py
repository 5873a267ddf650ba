r"""Kernels of random features: two-point Gaussian expectations of an activation.

For w with independent standard normal entries and columns x, y of the data,

.. math::

    K(x,y)=\mathbb E\bigl[\sigma(w^{\mathsf T}x)\,\sigma(w^{\mathsf T}y)\bigr]
    =\mathbb E[\sigma(u)\sigma(v)],\qquad
    (u,v)\sim\mathcal N\Bigl(0,\begin{bmatrix}a&s\\s&b\end{bmatrix}\Bigr),

with :math:`a=\|x\|^2,\ b=\|y\|^2,\ s=x^{\mathsf T}y`: the limit of
:math:`\frac1N\Sigma^{\mathsf T}\Sigma`, :math:`\Sigma=\sigma(WX)` of shape (N, n), as the
number N of features grows. Nothing here divides by p: data carry their own scale.

Below, :math:`\rho=s/\sqrt{ab}` and :math:`\alpha=\arcsin\rho`. Closed forms take
:math:`\alpha`, because :math:`\sqrt{1-\rho^2}=\cos\alpha` and because rounding in
:math:`\rho` near 1 is a hundred million times larger in :math:`\alpha`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erf, ndtr

from rmtlib import inputs
from rmtlib.activations import Activation, gaussian_nodes, hermite_rows
from rmtlib.inputs import ConvergenceError

_COLUMNS = "columns are samples"
_TERMS = 400  # at most, of the Mehler series
_TOLERANCE = 1e-12
_COLLINEAR = 1e-6  # 1 - |rho| below which the angle is computed from the columns


# Closed forms of E[f(u) f(v)] and E[f'(u) f'(v)] for the base functions of the catalogue.


def _slopes(a, b, s, alpha, right, left):
    mean, even = (right - left) / 2, (right + left) / 2
    absolute = 2 / np.pi * (np.sqrt(a * b) * np.cos(alpha) + s * alpha)
    return mean**2 * s + even**2 * absolute


def _slopes_derivative(a, b, s, alpha, right, left):
    return ((right - left) / 2) ** 2 + ((right + left) / 2) ** 2 * 2 / np.pi * alpha


def _erf(a, b, s, alpha):
    # arcsin(2 s / sqrt((1 + 2 a)(1 + 2 b))), stable when the argument is near 1
    return 2 / np.pi * np.arctan2(2 * s, _erf_root(a, b, alpha))


def _erf_root(a, b, alpha):
    """sqrt((1 + 2 a)(1 + 2 b) - 4 s^2)."""
    return np.sqrt(1 + 2 * a + 2 * b + 4 * a * b * np.cos(alpha) ** 2)


def _erf_derivative(a, b, s, alpha):
    return 4 / np.pi / _erf_root(a, b, alpha)


def _exponentials(a, b, s):
    """exp(-|x - y|^2 / 2) and exp(-|x + y|^2 / 2): no overflow at large norms."""
    return np.exp(np.minimum(s - (a + b) / 2, 0)), np.exp(np.minimum(-s - (a + b) / 2, 0))


def _sin(a, b, s, alpha):
    minus, plus = _exponentials(a, b, s)
    return (minus - plus) / 2


def _cos(a, b, s, alpha):
    minus, plus = _exponentials(a, b, s)
    return (minus + plus) / 2


def _determinant(a, b, alpha):
    """(1 + a)(1 + b) - s^2."""
    return 1 + a + b + a * b * np.cos(alpha) ** 2


def _gaussian(a, b, s, alpha):
    return _determinant(a, b, alpha) ** -0.5


def _gaussian_derivative(a, b, s, alpha):
    return s * _determinant(a, b, alpha) ** -1.5


def _quadratic(a, b, s, alpha, c2, c1, c0):
    return c2**2 * (a * b + 2 * s**2) + c1**2 * s + c0 * c2 * (a + b) + c0**2


def _quadratic_derivative(a, b, s, alpha, c2, c1, c0):
    return 4 * c2**2 * s + c1**2


# Piecewise functions with jumps c_j at r_j (of the value, or of the slope), by Plackett's
# identity: an integral over the correlation sin(theta), theta from 0 to alpha, of w(theta).


def _plackett(a, b, alpha, points, jumps, factor=None):
    r"""Integral of factor(theta) w(theta), w = sum_jk c_j c_k exp(-Q_jk(theta)) / (2 pi)."""
    reach = np.max(np.abs(np.sin(alpha)), initial=0.0)
    far = reach > 0.9
    x, weight = np.polynomial.legendre.leggauss(12 if far or reach <= 0.5 else 20)
    x, weight = (1 + x) / 2, weight / 2
    if far:  # panels that halve towards alpha, where w may fall steeply
        ends = 1 - np.concatenate([2.0 ** -np.arange(45), [0.0]])
        size = np.diff(ends)[:, None]
        x, weight = (ends[:-1, None] + size * x).ravel(), (size * weight).ravel()
    h, k = (np.array(points)[:, None] / np.sqrt(v.ravel()) for v in (a, b))
    h, k = h.reshape(len(points), *a.shape), k.reshape(len(points), *b.shape)
    total = np.zeros(np.broadcast_shapes(a.shape, b.shape, alpha.shape))
    side = np.where(alpha < 0, -1.0, 1.0)
    pairs = [
        ((h[i] - side * k[j]) ** 2 / 2, side * h[i] * k[j], c * d / (2 * np.pi))
        for i, c in enumerate(jumps)
        for j, d in enumerate(jumps)
    ]
    for node, mass in zip(x, weight, strict=True):
        theta = node * alpha
        cos, sin = np.cos(theta) ** 2, 1 + np.abs(np.sin(theta))
        w = sum(cc * np.exp(-(gap / cos + product / sin)) for gap, product, cc in pairs)
        total += mass * (w if factor is None else factor(theta) * w)
    return alpha * total


def _split(function):
    """Call ``function(a, b, s, alpha)`` apart on the few entries with |rho| > 0.9."""

    def evaluate(a, b, s, alpha, *parameters):
        a, b, s, alpha = np.broadcast_arrays(a, b, s, alpha)
        far = np.abs(np.sin(alpha)) > 0.9
        result = np.empty(s.shape)
        for part in (far, ~far):
            if part.any():
                entries = (v[part] for v in (a, b, s, alpha))
                result[part] = function(*entries, *parameters)
        return result

    return evaluate


def _hardtanh_slope(v):
    """E f' at variance v."""
    return erf(1 / np.sqrt(2 * v))


@_split
def _hardtanh(a, b, s, alpha):
    def factor(theta):
        return s - np.sqrt(a * b) * np.sin(theta)

    line = _hardtanh_slope(a) * _hardtanh_slope(b) * s
    return line + _plackett(a, b, alpha, (-1.0, 1.0), (1.0, -1.0), factor)


@_split
def _hardtanh_derivative(a, b, s, alpha):
    line = _hardtanh_slope(a) * _hardtanh_slope(b)
    return line + _plackett(a, b, alpha, (-1.0, 1.0), (1.0, -1.0))


def _steps_mean(v, thresholds, levels):
    return levels[0] + sum(
        c * ndtr(-r / np.sqrt(v)) for c, r in zip(np.diff(levels), thresholds, strict=True)
    )


@_split
def _steps(a, b, s, alpha, thresholds, levels):
    means = _steps_mean(a, thresholds, levels) * _steps_mean(b, thresholds, levels)
    jumps = np.diff(levels)
    if not np.any(thresholds):  # one jump, at 0
        return means + jumps[0] ** 2 * alpha / (2 * np.pi)
    return means + _plackett(a, b, alpha, thresholds, jumps)


def _steps_derivative(a, b, s, alpha, thresholds, levels):
    """Jumps times the density of (u, v) at pairs of thresholds: infinite if collinear."""
    a, b, alpha = np.broadcast_arrays(a, b, alpha)
    collinear = np.abs(alpha) >= np.pi / 2 * (1 - 1e-15)
    cos = np.where(collinear, 0.0, np.cos(alpha))
    side = np.where(alpha < 0, -1.0, 1.0)
    total = np.zeros(alpha.shape)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for c, r in zip(np.diff(levels), thresholds, strict=True):
            for d, q in zip(np.diff(levels), thresholds, strict=True):
                h, k = r / np.sqrt(a), q / np.sqrt(b)
                gap = (h - side * k) ** 2 / 2
                gap = np.divide(gap, cos**2, out=np.zeros_like(gap), where=gap > 0)
                total += c * d * np.exp(-gap - side * h * k / (1 + np.abs(np.sin(alpha))))
        return np.where(total == 0, 0.0, total / (2 * np.pi * np.sqrt(a * b) * cos))


_PRODUCTS: dict[str, tuple[Callable, Callable]] = {
    "slopes": (_slopes, _slopes_derivative),
    "erf": (_erf, _erf_derivative),
    "sin": (_sin, _cos),
    "cos": (_cos, _sin),
    "gaussian": (_gaussian, _gaussian_derivative),
    "quadratic": (_quadratic, _quadratic_derivative),
    "hardtanh": (_hardtanh, _hardtanh_derivative),
    "steps": (_steps, _steps_derivative),
}


# Activations without closed form: the Mehler series, and quadrature where it is too long.


class _Series:
    r"""Mehler series of one activation at variances a_1, ..., a_n.

    .. math::

        \mathbb E\sigma(u)\sigma(v)=\sum_kf_k(a)f_k(b)\rho^k,\qquad
        \Bigl|\sum_{k>m}\Bigr|\le|\rho|^{m+1}\sqrt{T_m(a)T_m(b)},\quad
        T_m=\mathbb E\sigma^2-\sum_{k\le m}f_k^2 .
    """

    def __init__(self, activation: Activation, variance: np.ndarray):
        self.activation, self.variance = activation, variance
        distinct, back = np.unique(variance, return_inverse=True)
        moments = activation.moments(distinct)
        square = moments.centered_second_moment + moments.mean**2
        parts = np.array_split(distinct, -(-distinct.size // 256))
        for count in (24, 48, 96, 200, _TERMS):
            rows = np.concatenate([hermite_rows(activation, v, count, 16) for v in parts], axis=1)
            rest = np.maximum(square - np.cumsum(rows**2, axis=0), 0)
            tail = np.sqrt(rest / np.maximum(square, np.finfo(float).tiny))
            if np.max(tail[-1]) ** 2 <= _TOLERANCE / 10:
                break
        self.square, self.rows, self.tail = square[back], rows[:, back], tail[:, back]

    def at(self, index: np.ndarray) -> "_Series":
        """The same series at some of the variances, arranged as ``index``."""
        part = object.__new__(_Series)
        part.activation = self.activation
        part.variance, part.square = self.variance[index], self.square[index]
        part.rows, part.tail = self.rows[:, index], self.tail[:, index]
        return part


def _general(left: _Series, right: _Series, alpha: np.ndarray) -> np.ndarray:
    rho = np.sin(alpha)
    terms = min(len(left.rows), len(right.rows))
    bound = np.abs(rho) ** terms * left.tail[terms - 1] * right.tail[terms - 1]
    far = bound > _TOLERANCE
    near = np.where(far, 0.0, rho)
    reach, last = np.max(np.abs(near), initial=0.0), terms - 1
    for k in range(terms):
        if reach ** (k + 1) * np.max(left.tail[k]) * np.max(right.tail[k]) <= _TOLERANCE:
            last = k
            break
    K = left.rows[last] * right.rows[last] + np.zeros(rho.shape)
    for k in range(last - 1, -1, -1):
        K = K * near + left.rows[k] * right.rows[k]
    if far.any():
        a, b = (np.broadcast_to(x.variance, rho.shape)[far] for x in (left, right))
        size = np.broadcast_to(np.sqrt(left.square * right.square), rho.shape)[far]
        K[far] = _quadrature(left.activation, a, b, alpha[far], size)
    return K


def _quadrature(activation: Activation, a, b, alpha, size) -> np.ndarray:
    """E sigma(u) sigma(v) pair by pair; ``size`` bounds it."""
    found = np.empty(a.shape)
    for i in range(a.size):
        coarse, found[i] = (_pair(activation, a[i], b[i], alpha[i], order) for order in (8, 12))
        if not abs(found[i] - coarse) <= 1e-9 * size[i]:
            raise ConvergenceError(
                f"two-point quadrature of {activation.name} does not converge at variances "
                f"{a[i]:.3g} and {b[i]:.3g}: declare its kinks and jumps"
            )
    return found


def _pair(activation: Activation, a: float, b: float, alpha: float, order: int) -> float:
    """E sigma(u) E[sigma(v) | u]: given u, v has mean rho sqrt(b / a) u, scale sqrt(b) cos."""
    breaks = np.array(activation.kinks + activation.jumps)
    ratio = np.sin(alpha) * np.sqrt(b / a)
    scale = max(np.sqrt(b) * np.cos(alpha), 1e-15)
    # given u, the expectation varies on this scale where v crosses a break
    steps = scale / ratio * np.array([-8.0, -4, -2, -1, 0, 1, 2, 4, 8])
    marks = np.concatenate([breaks, (breaks[:, None] / ratio + steps).ravel()])
    xi, weight = gaussian_nodes(np.array([a]), marks, order)
    u = np.sqrt(a) * xi[0]
    mean = ratio * u
    inner, mass = gaussian_nodes(
        np.full(u.size, scale**2), breaks - mean[:, None], order, center=-mean
    )
    given_u = np.sum(mass * activation.value(mean[:, None] + scale * inner), axis=1)
    return float(np.sum(weight[0] * activation.value(u) * given_u))


def _evaluator(activation: Activation, a: np.ndarray, b: np.ndarray, derivative: bool) -> Callable:
    """Function of index arrays i into a, j into b, and of s and alpha at (i, j)."""
    tiny = np.sqrt(np.finfo(float).tiny)
    same = b is a
    zeros = a <= tiny, b <= tiny
    a, b = np.where(zeros[0], 1.0, a), np.where(zeros[1], 1.0, b)
    form, sigma = activation.form, activation
    if derivative and form is None:
        if activation.jumps:
            raise ValueError(
                f"activation must not jump, got jumps at {activation.jumps} "
                "(the kernel of its derivative is infinite on the diagonal)"
            )
        sigma = Activation(
            f"{activation.name}'", activation.derivative, np.zeros_like, jumps=activation.kinks
        )
    kind = "mean_derivative" if derivative and form else "mean"
    mean = getattr(sigma.moments(a), kind)
    means = mean, mean if same else getattr(sigma.moments(b), kind)
    at_zero = float((activation.derivative if derivative else activation.value)(np.zeros(())))

    if form is None:
        left = _Series(sigma, a)
        right = left if same else _Series(sigma, b)

        def regular(i, j, s, alpha):
            return _general(left.at(i), right.at(j), alpha)

    else:
        product = _PRODUCTS[form.family][derivative]
        gain, offset, square = form.gain, form.offset, form.stretch**2

        def regular(i, j, s, alpha):
            base = product(square * a[i], square * b[j], square * s, alpha, *form.parameters)
            if derivative:
                return gain**2 * square * base
            return gain**2 * base + offset * (means[0][i] + means[1][j] - offset)

    def evaluate(i, j, s, alpha):
        K = np.broadcast_to(regular(i, j, s, alpha), s.shape)
        first, second = zeros[0][i], zeros[1][j]
        if first.any() or second.any():  # sigma(0) times the mean of the other
            left = np.where(first, at_zero, means[0][i])
            right = np.where(second, at_zero, means[1][j])
            K = np.where(first | second, left * right, K)
        return K

    return evaluate


def _diagonal(activation: Activation, a: np.ndarray, derivative: bool) -> np.ndarray:
    """E sigma(u)^2 or E sigma'(u)^2 at variances a, by the one-dimensional formulas."""
    zero = a <= np.sqrt(np.finfo(float).tiny)
    moments = activation.moments(np.where(zero, 1.0, a))
    at_zero = (activation.derivative if derivative else activation.value)(np.zeros(a.shape))
    square = moments.centered_second_moment + moments.mean**2
    if derivative:
        square = moments.mean_squared_derivative
    return np.where(zero, at_zero**2, square)


def _angle(a: np.ndarray, b: np.ndarray, s: np.ndarray) -> np.ndarray:
    """arcsin(rho), 0 where a or b is 0."""
    scale = np.sqrt(a) * np.sqrt(b)
    rho = np.divide(
        s, scale, out=np.zeros(np.broadcast_shapes(scale.shape, s.shape)), where=scale > 0
    )
    equal = (a == b) & (np.abs(s) == a)
    return np.arcsin(np.where(equal, np.sign(s), np.clip(rho, -1, 1)))


def _fill(evaluate: Callable, pairs: Callable, shape: tuple, block_size: int, diagonal=None):
    """Matrix of a kernel, block of rows by block of rows; symmetric if it has a diagonal."""
    K = np.empty(shape)
    for start in range(0, shape[0], block_size):
        rows = slice(start, min(start + block_size, shape[0]))
        first = start if diagonal is not None else 0
        s, alpha = pairs(rows, slice(first, shape[1]))
        if diagonal is not None:
            np.fill_diagonal(s, 0.0)
            np.fill_diagonal(alpha, 0.0)
        i = np.arange(rows.start, rows.stop)[:, None]
        j = np.arange(first, shape[1])[None, :]
        K[rows, first:] = evaluate(i, j, s, alpha)
        if diagonal is not None:
            square = K[rows, rows]
            K[rows, rows] = np.triu(square) + np.triu(square, 1).T
            K[rows.stop :, rows] = K[rows, rows.stop :].T
    if diagonal is not None:
        np.fill_diagonal(K, diagonal)
    return K


def two_point(
    activation: Activation,
    variance_u: ArrayLike,
    variance_v: ArrayLike,
    covariance: ArrayLike,
    *,
    derivative: bool = False,
) -> np.ndarray:
    r"""Two-point expectation of an activation, elementwise.

    .. math::

        \mathbb E[\sigma(u)\sigma(v)]\ \text{ or }\ \mathbb E[\sigma'(u)\sigma'(v)],\qquad
        (u,v)\sim\mathcal N\Bigl(0,\begin{bmatrix}a&s\\s&b\end{bmatrix}\Bigr) .

    Parameters
    ----------
    activation : Activation
        :math:`\sigma`.
    variance_u, variance_v : array_like
        a and b, nonnegative.
    covariance : array_like
        s, with :math:`s^2\le ab`; the three broadcast.
    derivative : bool
        Expectation of the product of derivatives.

    Returns
    -------
    ndarray
        Of the broadcast shape.

    Raises
    ------
    ValueError
        If a variance is negative, the covariance too large, or a derivative is asked of
        an activation that jumps and has no closed form.
    ~rmtlib.inputs.ConvergenceError
        If quadrature does not resolve the activation.

    Notes
    -----
    Closed forms: arc-cosine and error-function kernels, tabulated in
    :cite:t:`CouilletLiao22`, chapter 5. Piecewise-constant and clipped functions by
    Plackett's identity; others by the Mehler series, cut where the Cauchy-Schwarz bound
    of its rest is below 1e-12 of :math:`\sqrt{\mathbb E\sigma(u)^2\,\mathbb E\sigma(v)^2}`,
    and by quadrature where 400 terms are not enough (about 10 ms a pair). Monte Carlo with N
    features has standard error of order :math:`N^{-1/2}`.

    Example
    -------
    >>> from rmtlib.activations import SIGN
    >>> bool(abs(two_point(SIGN, 1, 4, 1) - 1 / 3) < 1e-15)  # (2 / pi) arcsin(1 / 2)
    True
    """
    names = ("variance_u", "variance_v", "covariance")
    a, b, s = (
        inputs.real_array(name, value).astype(float)
        for name, value in zip(names, (variance_u, variance_v, covariance), strict=True)
    )
    for name, v in zip(names[:2], (a, b), strict=True):
        if np.any(v < 0):
            raise ValueError(f"{name} must be nonnegative, got {v.min():g} (a variance)")
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
    found = _evaluator(activation, a, b, derivative)(i, i, s, _angle(a, b, s))
    equal = (a == b) & (s == a)
    if equal.any():
        found = np.array(found)
        found[equal] = _diagonal(activation, a[equal], derivative)
    return np.array(found).reshape(shape)


def _check_covariances(a, b, s, name: str) -> None:
    excess = np.abs(s) - np.sqrt(a) * np.sqrt(b)
    worst = np.max(excess - 1e-9 * np.sqrt(a) * np.sqrt(b), initial=0.0)
    if worst > 0:
        raise ValueError(
            f"{name} must be at most the geometric mean of the variances, got {worst:g} more "
            "(Cauchy-Schwarz inequality)"
        )


def conjugate_kernel(activation: Activation, K: ArrayLike, *, block_size: int = 256) -> np.ndarray:
    r"""Kernel :math:`\mathbb E[\sigma(u_i)\sigma(u_j)]` for Gaussian u of covariance K.

    One layer of the recursion for conjugate kernels; the diagonal is exact, and
    temporary arrays hold ``block_size`` rows. For a centered kernel use
    ``activation.centered(variance)``.

    Parameters
    ----------
    activation : Activation
        :math:`\sigma`.
    K : array_like, shape (n, n)
        Covariance or Gram matrix, symmetric and positive semidefinite.
    block_size : integer >= 1
        Rows computed at a time.

    Returns
    -------
    ndarray, shape (n, n)
        Exactly symmetric.

    Raises
    ------
    ValueError
        If K is not symmetric, or an entry exceeds what its diagonal allows.
    ~rmtlib.inputs.ConvergenceError
        If quadrature does not resolve the activation.

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


def derivative_kernel(activation: Activation, K: ArrayLike, *, block_size: int = 256) -> np.ndarray:
    r"""Kernel :math:`\mathbb E[\sigma'(u_i)\sigma'(u_j)]` for Gaussian u of covariance K.

    Parameters
    ----------
    activation : Activation
        :math:`\sigma`; if it jumps, entries of collinear columns are infinite.
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
        As `conjugate_kernel`, and if the activation jumps and has no closed form.
    ~rmtlib.inputs.ConvergenceError
        If quadrature does not resolve the activation.

    Notes
    -----
    Source: :cite:t:`CouilletLiao22`, chapter 5. Used by the recursion of neural tangent
    kernels: no such kernel exists for quantized activations, whose diagonal here is infinite.

    Example
    -------
    >>> from rmtlib.activations import RELU
    >>> derivative_kernel(RELU, [[2.0, 0.0], [0.0, 2.0]])
    array([[0.5 , 0.25],
           [0.25, 0.5 ]])
    """
    return _of_covariance(activation, K, block_size, derivative=True)


def _of_covariance(activation, K, block_size, derivative: bool) -> np.ndarray:
    block_size = inputs.count("block_size", block_size)
    K = inputs.symmetric("K", K, why="a covariance matrix").astype(float, copy=False)
    a = np.diag(K).copy()
    if a.min() < 0:
        raise ValueError(f"K must have a nonnegative diagonal, got {a.min():g}")
    for start in range(0, a.size, block_size):
        rows = slice(start, start + block_size)
        _check_covariances(a[rows, None], a[None, :], K[rows], "K")

    def pairs(rows, columns):
        s = K[rows, columns].copy()
        return s, _angle(a[rows, None], a[None, columns], s)

    evaluate = _evaluator(activation, a, a, derivative)
    return _fill(evaluate, pairs, K.shape, block_size, _diagonal(activation, a, derivative))


def random_feature_kernel(
    activation: Activation,
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
    activation : Activation
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

    Raises
    ------
    ValueError
        If the shapes do not fit, or a derivative is asked of an activation that jumps and
        has no closed form.
    ~rmtlib.inputs.ConvergenceError
        If quadrature does not resolve the activation.

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
    block_size = inputs.count("block_size", block_size)
    X = inputs.matrix("X", X, why=_COLUMNS).astype(float, copy=False)
    a = np.einsum("ki,ki->i", X, X)
    if Y is None:
        Y, b, diagonal = X, a, _diagonal(activation, a, derivative)
    else:
        Y = inputs.matrix("Y", Y, shape=(X.shape[0], None), why=_COLUMNS).astype(float, copy=False)
        b, diagonal = np.einsum("ki,ki->i", Y, Y), None

    def pairs(rows, columns):
        s = X[:, rows].T @ Y[:, columns]
        alpha = _angle(a[rows, None], b[None, columns], s)
        close = 1 - np.abs(np.sin(alpha)) < _COLLINEAR
        for i in np.flatnonzero(close.any(axis=1)):
            j = np.flatnonzero(close[i])
            x, y = X[:, rows][:, i], Y[:, columns][:, j]
            side = np.sign(s[i, j])
            unit = x / np.linalg.norm(x)
            chord = np.linalg.norm(unit[:, None] - side * y / np.linalg.norm(y, axis=0), axis=0)
            alpha[i, j] = side * (np.pi / 2 - 2 * np.arcsin(chord / 2))
        return s, alpha

    evaluate = _evaluator(activation, a, b, derivative)
    return _fill(evaluate, pairs, (a.size, b.size), block_size, diagonal)


def weight_moment_correction(
    activation: Activation,
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
    activation : Activation
        Made by `rmtlib.activations.quadratic`.
    X : array_like, shape (p, n)
        The data.
    Y : array_like, shape (p, m), optional
        Other data; by default X.
    third_moment, fourth_moment : float
        :math:`m_3` and :math:`m_4\ge1+m_3^2`.

    Returns
    -------
    ndarray, shape (n, m)

    Raises
    ------
    ValueError
        If the activation is not quadratic, or no distribution has these moments.

    Notes
    -----
    Source: a computation with cumulants; the kernel is asymptotically independent of the
    law of w :cite:p:`LiaoTalk24` up to this term, which vanishes for symmetric weights of
    kurtosis 3.

    Example
    -------
    >>> from rmtlib.activations import quadratic
    >>> weight_moment_correction(quadratic(1, 0, 0), [[1.0]], fourth_moment=1)  # w = +1 or -1
    array([[-2.]])
    """
    form = activation.form
    if form is None or form.family != "quadratic":
        raise ValueError(f"activation must be quadratic, got {activation.name!r}")
    m3 = inputs.finite("third_moment", third_moment)
    m4 = inputs.finite("fourth_moment", fourth_moment)
    if m4 < 1 + m3**2:
        raise ValueError(f"fourth_moment must be at least 1 + third_moment^2, got {m4:g}")
    X = inputs.matrix("X", X, why=_COLUMNS).astype(float)
    Y = X if Y is None else inputs.matrix("Y", Y, (X.shape[0], None), _COLUMNS).astype(float)
    c2, c1 = (
        form.gain * form.stretch**2 * form.parameters[0],
        form.gain * form.stretch * form.parameters[1],
    )
    cubic = (X**2).T @ Y + X.T @ Y**2
    return c2**2 * (m4 - 3) * (X**2).T @ Y**2 + c2 * c1 * m3 * cubic
