r"""Distance kernels of large-dimensional data, and their linearization for mixtures.

Data X have shape (p, n), columns are samples, and

.. math:: K_{ij}=f\Bigl(\frac1p\|x_i-x_j\|^2\Bigr),\qquad K_{ii}=f(0),

is not divided by n: its eigenvalues range from order n (the constant vector)
to order 1 (the bulk, and what shows the classes). In large dimension all
distances concentrate around :math:`\tau=\frac2p\mathrm{tr}\,C^\circ`, so that only
:math:`f(0)` and :math:`f,f',f''` at :math:`\tau` matter.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rmtlib import _checks
from rmtlib._types import ArrayLike
from rmtlib.mixtures import GaussianMixture

_COLUMNS = "columns are samples"
_CACHED = 2**14  # entries of a block


@dataclass(frozen=True)
class RadialProfile:
    r"""A kernel as a function f of the squared distance, with two derivatives.

    Parameters
    ----------
    name : str
        For legends.
    value, first, second : callable
        :math:`f,f',f''` on [0, inf), vectorized. The profile itself can be called
        like ``value``.

    Example
    -------
    >>> def f(t): return 1 / (1 + t)
    >>> def first(t): return -1 / (1 + t) ** 2
    >>> def second(t): return 2 / (1 + t) ** 3
    >>> inverse = RadialProfile("inverse", f, first, second)
    >>> inverse(1.0), inverse.first(1.0)
    (0.5, -0.25)
    """

    name: str
    value: Callable[[np.ndarray], np.ndarray]
    first: Callable[[np.ndarray], np.ndarray]
    second: Callable[[np.ndarray], np.ndarray]

    def __call__(self, t: np.ndarray) -> np.ndarray:
        """Value f(t)."""
        return self.value(t)

    def at(self, center: float) -> tuple[float, float, float]:
        """The three numbers f, f', f'' at one point."""
        return float(self.value(center)), float(self.first(center)), float(self.second(center))

    def shift(self, center: float) -> float:
        r"""The number :math:`F=f(0)-f(\tau)+\tau f'(\tau)` at the given center.

        K contains F times the identity: F moves the whole spectrum.
        """
        f, first, _ = self.at(center)
        return float(self.value(0.0)) - f + center * first

    def bulk(self, ratio: float) -> tuple[float, float]:
        r"""Edges :math:`-2f'(2)(1\pm1/\sqrt c)^2+F` of the bulk of K for white noise, c = p / n.

        For n > p there are n - p further eigenvalues at ``shift(2.0)``, the F of the formula.
        """
        c = _checks.positive("ratio", ratio, "ratio = p / n")
        ends = -2 * self.first(2.0) * (1 + np.array([-1, 1]) / np.sqrt(c)) ** 2 + self.shift(2.0)
        return float(ends[0]), float(ends[1])


#: The heat (Gaussian) kernel f(t) = exp(-t / 2).
HEAT = RadialProfile(
    "heat",
    lambda t: np.exp(-0.5 * t),
    lambda t: -np.exp(-0.5 * t) / 2,
    lambda t: np.exp(-0.5 * t) / 4,
)


def quadratic_profile(
    value: float, first: float, second: float, center: float = 2.0
) -> RadialProfile:
    r"""The quadratic kernel with given value and derivatives at one distance.

    .. math:: f(t)=a+b\,(t-\tau)+\tfrac12d\,(t-\tau)^2 .

    Parameters
    ----------
    value, first, second : float
        a, b and d: :math:`f,f',f''` at the center. Mean differences are seen through
        b, covariance differences through d.
    center : float
        :math:`\tau\ge0`: 2 for data with identity covariance.

    Returns
    -------
    RadialProfile

    Example
    -------
    >>> quadratic_profile(5, -1, 3).at(2.0)
    (5.0, -1.0, 3.0)
    """
    a, b, d = (
        _checks.finite(name, number)
        for name, number in (("value", value), ("first", first), ("second", second))
    )
    tau = _checks.nonnegative("center", center, "a squared distance")
    return RadialProfile(
        "quadratic",
        lambda t: a + b * (t - tau) + d / 2 * (t - tau) ** 2,
        lambda t: b + d * (t - tau),
        lambda t: d + 0.0 * t,
    )


def squared_distances(X: ArrayLike) -> np.ndarray:
    r"""Normalized squared distances :math:`\frac1p\|x_i-x_j\|^2` of all pairs of columns.

    Parameters
    ----------
    X : array_like, shape (p, n)
        The data.

    Returns
    -------
    ndarray, shape (n, n)
        Symmetric, nonnegative, with zeros on the diagonal.

    Notes
    -----
    From the Gram matrix of the centered data, clipped at 0: the rounding error is
    relative to the squared norms, not to the distance.

    Example
    -------
    >>> squared_distances([[0, 3], [0, 4]])
    array([[ 0. , 12.5],
           [12.5,  0. ]])
    """
    return _of_distances(X, lambda distances: distances)


def _of_distances(X: ArrayLike, function: Callable[[np.ndarray], ArrayLike]) -> np.ndarray:
    """The function of all squared distances, by blocks of rows that fit into the cache."""
    X = _checks.matrix("X", X, why=_COLUMNS)
    X = (X - X.mean(axis=1, keepdims=True)) * np.sqrt(2 / X.shape[0])
    K = X.T @ X
    norms = np.diag(K) / 2
    size = max(1, _CACHED // norms.size)
    for start in range(0, norms.size, size):
        block, part = K[start : start + size], norms[start : start + size]
        np.subtract(part[:, None] + norms, block, out=block)
        block[...] = function(np.maximum(block, 0, out=block))
    return K


def distance_kernel(X: ArrayLike, profile: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    r"""Kernel matrix :math:`K_{ij}=f(\frac1p\|x_i-x_j\|^2)`, :math:`K_{ii}=f(0)`.

    Parameters
    ----------
    X : array_like, shape (p, n)
        The data.
    profile : RadialProfile or callable
        f, vectorized.

    Returns
    -------
    ndarray, shape (n, n)

    Notes
    -----
    The kernel matrices of :cite:t:`ElKaroui10,CBG16`.

    Example
    -------
    >>> K = distance_kernel([[0, 2, 0], [0, 0, 2]], HEAT)
    >>> np.log(K).round(4) + 0.0
    array([[ 0., -1., -1.],
           [-1.,  0., -2.],
           [-1., -2.,  0.]])
    """

    def values(d: np.ndarray) -> np.ndarray:
        why = "f of the squared distances"
        return _checks.matrix("profile(distances)", profile(d), d.shape, why)

    return _of_distances(X, values)


def center(K: ArrayLike) -> np.ndarray:
    r"""Centered kernel :math:`PKP`, :math:`P=I-\frac1n11^{\mathsf T}`.

    The kernel of the data without the constant vector, which dominates K. Its
    informative eigenvectors start with the first, those of K with the second.

    Parameters
    ----------
    K : array_like, shape (n, n)
        Symmetric.

    Returns
    -------
    ndarray, shape (n, n)

    Example
    -------
    >>> center([[2.0, 1.0], [1.0, 2.0]])
    array([[ 0.5, -0.5],
           [-0.5,  0.5]])
    """
    K = _checks.symmetric("K", K)
    mean = K.mean(axis=0)
    return K - mean - mean[:, None] + mean.mean()


def normalized_laplacian(K: ArrayLike) -> np.ndarray:
    r"""Normalized Laplacian :math:`n\,D^{-1/2}KD^{-1/2}`, :math:`D=\mathrm{diag}(K1_n)`.

    Largest eigenvalue n, with eigenvector :math:`D^{1/2}1`; the informative ones follow.
    Graph theory often calls the identity minus :math:`D^{-1/2}KD^{-1/2}` by this name.

    Parameters
    ----------
    K : array_like, shape (n, n)
        Symmetric, with positive row sums.

    Returns
    -------
    ndarray, shape (n, n)

    Notes
    -----
    The matrix of :cite:t:`NgJordanWeiss02`, times n so that its bulk has the order of
    that of K.

    Example
    -------
    >>> normalized_laplacian([[2.0, 1.0], [1.0, 2.0]]).round(4)
    array([[1.3333, 0.6667],
           [0.6667, 1.3333]])
    """
    K = _checks.symmetric("K", K)
    degrees = K.sum(axis=0)
    if degrees.min() <= 0:
        raise ValueError(
            f"K must have positive row sums, got {degrees.min():g} (D^(-1/2) needs them)"
        )
    roots = np.sqrt(degrees)
    return len(K) * K / roots / roots[:, None]


def linearization_terms(
    X: ArrayLike, labels: ArrayLike, mixture: GaussianMixture, profile: RadialProfile
) -> dict[str, np.ndarray]:
    r"""Terms of the linearized kernel matrix of a Gaussian mixture, one by one.

    Kernel :math:`K_{ij}=f(\frac1p\|x_i-x_j\|^2)`, not divided by n, columns
    :math:`x_i=\mu_a+w_i`, :math:`w_i\sim\mathcal N(0,C_a)`. With
    :math:`\tau=\frac2p\mathrm{tr}\,C^\circ`, :math:`C^\circ=\sum_a\pi_aC_a`,
    :math:`u_i=\frac1p(\|w_i\|^2-\mathrm{tr}\,C^\circ)`, and :math:`f,f',f''` at :math:`\tau`:

    - ``constant``: :math:`f`, of operator norm n;
    - ``gram``: :math:`-\frac2pf'\,w_i^{\mathsf T}w_j`, of norm O(1) like the others
      where nothing is said;
    - ``means``: :math:`\frac1pf'\,\|\mu_a-\mu_b\|^2`, a and b the classes of i and j;
    - ``identity``: :math:`(f(0)-f+\tau f')\,\delta_{ij}`;
    - ``norms``: :math:`f'\,(u_i+u_j)`, of norm :math:`\sqrt n`;
    - ``cross``: :math:`\frac2pf'\,(\mu_a-\mu_b)^{\mathsf T}(w_i-w_j)`;
    - ``quadratic``: :math:`\frac12f''\,[(u_i+u_j)^2+\frac4{p^2}\mathrm{tr}\,C_aC_b]`.

    The first three are the usual short form of the theorem (for two balanced classes
    ``means`` is a multiple of :math:`jj^{\mathsf T}-11^{\mathsf T}`); none of the other
    four tends to zero.

    Parameters
    ----------
    X : array_like, shape (p, n)
        Data of the mixture, not normalized.
    labels : array_like, shape (n,)
        Classes 0 to K - 1 of the columns.
    mixture : GaussianMixture
        Means and covariances.
    profile : RadialProfile
        f, with :math:`f'''` bounded near :math:`\tau`.

    Returns
    -------
    dict of str to ndarray of shape (n, n)
        In the order of the list.

    Notes
    -----
    :cite:t:`CBG16`; first order in :cite:t:`ElKaroui10`; short form in
    :cite:t:`LiaoTalk24`. The sum is at :math:`O(p^{-1/2})` from K in operator norm, for
    means and :math:`p^{-1/2}\mathrm{tr}(C_a-C_b)` of order 1.

    Example
    -------
    For a linear profile the expansion is exact off the diagonal:

    >>> mixture = GaussianMixture(np.eye(5)[:, :2])
    >>> X, labels = mixture.sample(4, rng=0)
    >>> f = quadratic_profile(1.0, -0.5, 0.0)
    >>> error = distance_kernel(X, f) - sum(linearization_terms(X, labels, mixture, f).values())
    >>> bool(np.abs(error - np.diag(np.diag(error))).max() < 1e-13)
    True
    """
    _checks.instance("mixture", mixture, GaussianMixture)
    _checks.instance("profile", profile, RadialProfile, "f with two derivatives")
    psi = mixture.norm_fluctuation(X, labels)  # checks both
    X, labels = np.asarray(X), np.asarray(labels)
    p, n = X.shape
    second_order = mixture.second_order()
    u = psi + second_order.t[labels] / np.sqrt(p)
    tau = 2 * mixture.typical_squared_norm()
    f, first, second = profile.at(tau)
    W = X - mixture.means[:, labels]
    gram = W.T @ W
    pairs = np.ix_(labels, labels)
    gaps, traces = squared_distances(mixture.means)[pairs], second_order.T[pairs]
    projections = mixture.means.T @ W  # mu_a^T w_i
    own = projections[labels, np.arange(n)]
    other = projections[labels, :]  # other[i, j] = mu_a^T w_j, a the class of i
    return {
        "constant": np.full((n, n), f),
        "gram": -2 / p * first * gram,
        "means": first * gaps,
        "identity": profile.shift(tau) * np.eye(n),
        "norms": first * (u[:, None] + u),
        "cross": 2 / p * first * (own[:, None] + own - other - other.T),
        "quadratic": second / 2 * ((u[:, None] + u) ** 2 + 4 / p * traces),
    }
