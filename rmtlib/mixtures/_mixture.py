r"""Gaussian mixtures in large dimension: sampling, optimal errors, second-order statistics.

The data of the course: n points in dimension p, in K classes,

.. math:: x_i \sim \mathcal N(\mu_a, C_a) \quad\text{with probability}\quad \pi_a .

A class is *hard but possible* to recognize when :math:`\|\mu_1-\mu_2\|` or
:math:`\|C_1-C_2\|_F` stays of order one while p grows; distances and norms
then concentrate, and what remains of the classes is counted by
`GaussianMixture.second_order`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtr

from rmtlib import _checks
from rmtlib._types import ArrayLike
from rmtlib.mixtures import _linear_algebra as linear


@dataclass(frozen=True)
class SecondOrder:
    r"""Second-order statistics of a mixture, returned by `GaussianMixture.second_order`.

    Parameters
    ----------
    t : array, shape (K,)
        :math:`t_a = \frac1{\sqrt p} \mathrm{tr}(C_a - C^\circ)`.
    T : array, shape (K, K)
        :math:`T_{ab} = \frac1p \mathrm{tr}(C_a C_b)`.
    """

    t: np.ndarray
    T: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class GaussianMixture:
    r"""Mixture of K Gaussian classes in dimension p.

    The points are not normalized: :math:`\|x_i\|^2` is of order p, unless
    `sample` is asked to divide by :math:`\sqrt p`.

    .. math:: x_i = \mu_a + C_a^{1/2} w_i, \qquad w_i \sim \mathcal N(0, I_p),
              \qquad P(a) = \pi_a .

    Parameters
    ----------
    means : array, shape (p, K)
        One column :math:`\mu_a` per class; classes are numbered 0 to K - 1.
    covariances : sequence of K items, optional
        Each :math:`C_a` is a number c >= 0 (c times the identity), a vector of
        p variances >= 0 (diagonal), or a positive semidefinite (p, p) matrix.
        The identity for every class by default. The attribute holds vectors
        and matrices: a number becomes p equal variances.
    weights : array, shape (K,), optional
        Positive class probabilities :math:`\pi_a` that sum to one; equal by default.

    Notes
    -----
    The setting of :cite:`CBG16`, :cite:`CouilletLiao22`.

    Example
    -------
    >>> import numpy as np
    >>> mu = np.zeros((100, 1))
    >>> mu[0] = 1.5
    >>> mixture = GaussianMixture(np.hstack([mu, -mu]))
    >>> X, labels = mixture.sample(40, rng=0)
    >>> X.shape, labels[:3], labels[-3:]
    ((100, 40), array([0, 0, 0]), array([1, 1, 1]))
    >>> print(f"{mixture.bayes_error():.10f}")  # Q(3 / 2)
    0.0668072013
    """

    means: ArrayLike
    covariances: Sequence | None = None
    weights: ArrayLike | None = None

    def __post_init__(self) -> None:
        means = _checks.matrix("means", self.means, why="one column per class, p rows")
        p, K = means.shape
        given = [1.0] * K if self.covariances is None else self.covariances
        items = len(given) if isinstance(given, Sequence) or np.ndim(given) else 0
        if items != K:
            got = f"{items} items" if items else repr(given)
            raise ValueError(f"covariances must be {K} items, got {got} (one per column of means)")
        covariances = [linear.covariance(f"covariances[{a}]", C, p) for a, C in enumerate(given)]
        weights = np.full(K, 1 / K)
        if self.weights is not None:
            weights = _checks.probabilities("weights", self.weights, K, "one per column of means")
        object.__setattr__(self, "means", linear.constant(means))
        object.__setattr__(self, "covariances", tuple(map(linear.constant, covariances)))
        object.__setattr__(self, "weights", linear.constant(weights))

    def __repr__(self) -> str:
        weights = ", ".join(f"{weight:g}" for weight in self.weights)
        return f"GaussianMixture(p={self.p}, K={self.K}, weights=({weights}))"

    @property
    def p(self) -> int:
        """Dimension of the points."""
        return self.means.shape[0]

    @property
    def K(self) -> int:
        """Number of classes."""
        return self.means.shape[1]

    @cached_property
    def _roots(self) -> tuple[np.ndarray, ...]:
        return tuple(map(linear.root, self.covariances))

    @cached_property
    def _traces(self) -> np.ndarray:
        return np.array([linear.diagonal(C).sum() for C in self.covariances])

    @cached_property
    def _mean_covariance(self) -> np.ndarray:
        if all(C.ndim == 1 for C in self.covariances):
            return self.weights @ np.stack(self.covariances)
        return sum(
            pi * linear.dense(C) for pi, C in zip(self.weights, self.covariances, strict=True)
        )

    def covariance_matrix(self, label: int) -> np.ndarray:
        """Covariance of one class as a full matrix.

        Parameters
        ----------
        label : int
            The class, from 0 to K - 1.

        Returns
        -------
        array, shape (p, p)
        """
        label = _checks.count("label", label, 0)
        _checks.between("label", label, 0, self.K - 1, "classes are numbered from 0")
        return linear.dense(self.covariances[label])

    def class_sizes(self, n: int) -> np.ndarray:
        """Class sizes nearest to ``n * weights`` that sum to n (largest remainders).

        Parameters
        ----------
        n : int
            Number of points, at least 1.

        Returns
        -------
        integer array, shape (K,)

        Example
        -------
        >>> GaussianMixture([[0, 1, 2]]).class_sizes(11)
        array([4, 4, 3])
        """
        ideal = _checks.count("n", n) * self.weights
        sizes = np.floor(ideal).astype(int)
        largest = np.argsort(sizes - ideal, kind="stable")[: n - sizes.sum()]
        sizes[largest] += 1
        return sizes

    def sample(
        self,
        n: int,
        *,
        normalize: bool = False,
        random_labels: bool = False,
        rng: int | np.random.Generator | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        r"""Draw n points and their labels.

        By default the class sizes are fixed (`class_sizes`) and the points
        sorted by class, so that the blocks of a kernel matrix are visible.

        Parameters
        ----------
        n : int
            Number of points, at least 1.
        normalize : bool
            Divide the points by :math:`\sqrt p`, so that :math:`\|x_i\|` is of order one.
        random_labels : bool
            Draw the labels independently with probabilities ``weights``
            instead; the points are then in random order.
        rng : None, int or Generator
            Randomness.

        Returns
        -------
        X : array, shape (p, n)
            Columns are samples.
        labels : integer array, shape (n,)
            Numbers 0 to K - 1.

        Example
        -------
        >>> X, labels = GaussianMixture([[0.0, 9.0]], weights=[0.75, 0.25]).sample(4, rng=1)
        >>> labels
        array([0, 0, 0, 1])
        """
        sizes = self.class_sizes(n)
        rng = _checks.as_rng(rng)
        labels = np.repeat(np.arange(self.K), sizes)
        if random_labels:
            labels = rng.choice(self.K, size=n, p=self.weights)
        X = rng.standard_normal((self.p, n))
        for a, root in enumerate(self._roots):
            mine = labels == a
            X[:, mine] = linear.times(root, X[:, mine]) + self.means[:, [a]]
        return (X / np.sqrt(self.p) if normalize else X), labels

    def typical_squared_norm(self) -> float:
        r"""Limit of :math:`\|x_i\|^2 / p`: ``tr C° / p``, a variance.

        Of :math:`\|x_i\|^2` itself when `sample` normalizes. Squared distances
        :math:`\|x_i - x_j\|^2 / p` concentrate at twice this value.

        Notes
        -----
        Assumes :math:`\|\mu_a\|` of order one and
        :math:`\mathrm{tr}(C_a - C^\circ)` of order :math:`\sqrt p`. One point deviates
        by :math:`O(p^{-1/2})`.
        """
        return float(linear.diagonal(self._mean_covariance).mean())

    def second_order(self) -> SecondOrder:
        r"""Second-order statistics t and T of the classes.

        With the means and `norm_fluctuation` they hold all that a kernel matrix of the
        data sees of the classes.

        Notes
        -----
        :cite:`CBG16`, :cite:`LiaoTalk24`. There :math:`C^\circ` has the empirical
        proportions :math:`n_a / n`; here it has the weights, which differ by O(1/n)
        when class sizes are fixed.

        Example
        -------
        >>> import numpy as np
        >>> mixture = GaussianMixture(np.zeros((100, 2)), covariances=[1.1, 0.9])
        >>> statistics = mixture.second_order()
        >>> statistics.t.round(12), statistics.T.round(12)
        (array([ 1., -1.]), array([[1.21, 0.99],
               [0.99, 0.81]]))
        """
        t = (self._traces - self.weights @ self._traces) / np.sqrt(self.p)
        T = [[linear.trace_product(A, B) for A in self.covariances] for B in self.covariances]
        return SecondOrder(t, np.array(T) / self.p)

    def norm_fluctuation(
        self, X: ArrayLike, labels: ArrayLike, *, normalize: bool = False
    ) -> np.ndarray:
        r"""Fluctuation of the squared norm of each centered point around its mean.

        .. math:: \psi_i = \|z_i\|^2 - \frac1p \mathrm{tr}\, C_a, \qquad
                  z_i = (x_i - \mu_a) / \sqrt p .

        Parameters
        ----------
        X : array, shape (p, n)
            The points, as `sample` returns them.
        labels : integer array, shape (n,)
            Their classes.
        normalize : bool
            As in the call of `sample`: whether ``X`` is divided by
            :math:`\sqrt p` already. The result is the same either way.

        Returns
        -------
        array, shape (n,)
            Of order :math:`p^{-1/2}`: the variance is :math:`2 T_{aa} / p`.
        """
        X = _checks.matrix("X", X, (self.p, None), "columns are samples")
        labels = _checks.labels("labels", labels, X.shape[1], "one per column of X")
        for label in (labels.min(), labels.max()):
            _checks.between("labels", label, 0, self.K - 1, "classes are numbered from 0")
        scale = 1 if normalize else np.sqrt(self.p)
        z = X / scale - self.means[:, labels] / np.sqrt(self.p)
        return np.sum(z**2, axis=0) - self._traces[labels] / self.p

    def bayes_separation(self) -> float:
        r"""Distance d between two classes as the optimal rule sees it.

        .. math:: d^2 = \|C^{\circ\,-1/2} (\mu_1 - \mu_2)\|^2
                  + \tfrac12 \mathrm{tr} \bigl[\bigl(C^{\circ\,-1}(C_1 - C_2)\bigr)^2\bigr] .

        Notes
        -----
        :cite:`CouilletLiao22`, :cite:`LiaoTalk24`. The Frobenius norm of
        :math:`C_1 - C_2` is the sharp quantity, not its operator norm: a
        rank-one difference of operator norm :math:`3/\sqrt p` is invisible.

        Example
        -------
        >>> import numpy as np
        >>> means = np.zeros((400, 2))
        >>> means[0] = [3, 0]
        >>> print(f"{GaussianMixture(means).bayes_separation():.6f}")
        3.000000
        """
        if self.K != 2:
            raise ValueError(f"means must have 2 columns, got {self.K} (a rule for two classes)")
        (C1, C2), C = self.covariances, self._mean_covariance
        difference = self.means[:, 0] - self.means[:, 1]
        linear.nonsingular("the mean covariance", C)
        if C.ndim == 1:
            d2 = np.sum(difference**2 / C) + np.sum(((C1 - C2) / C) ** 2) / 2
        else:
            M = np.linalg.solve(C, linear.dense(C1) - linear.dense(C2))
            d2 = difference @ np.linalg.solve(C, difference) + np.sum(M * M.T) / 2
        return float(np.sqrt(d2))

    def bayes_error(self) -> float:
        r"""Error of the optimal rule between two classes, in large dimension.

        The log-likelihood ratio is asymptotically :math:`\mathcal N(\pm d^2/2, d^2)`, so that

        .. math:: \pi_1 Q\Bigl(\frac d2 + \frac{\log(\pi_1/\pi_2)}d\Bigr)
                  + \pi_2 Q\Bigl(\frac d2 - \frac{\log(\pi_1/\pi_2)}d\Bigr),

        which is :math:`Q(d/2)` for equal weights (Q the Gaussian tail, d from
        `bayes_separation`).

        Notes
        -----
        :cite:`CouilletLiao22`. Exact for equal covariances. Otherwise it needs d of order
        one and :math:`\|C_1 - C_2\| \to 0`; the error is :math:`O(p^{-1/2})` for
        :math:`C_1 - C_2` proportional to the identity, and the formula is wrong when the
        difference sits in a few directions.

        Example
        -------
        >>> import numpy as np
        >>> mixture = GaussianMixture(np.zeros((900, 2)), covariances=[1.05, 0.95])
        >>> print(f"{mixture.bayes_error():.10f}")  # Q(3 / (2 sqrt(2)))
        0.1444221832
        """
        d = self.bayes_separation()
        if d == 0:
            return float(self.weights.min())
        pi1, pi2 = self.weights
        shift = np.log(pi1 / pi2) / d
        return float(pi1 * ndtr(-d / 2 - shift) + pi2 * ndtr(-d / 2 + shift))

    def bayes_classify(self, X: ArrayLike) -> np.ndarray:
        r"""Most probable class of each point, knowing the mixture.

        .. math:: \arg\max_a \; \log \pi_a - \tfrac12 (x-\mu_a)^{\mathsf T} C_a^{-1} (x-\mu_a)
                  - \tfrac12 \log\det C_a .

        Parameters
        ----------
        X : array, shape (p, n)
            Points that are not divided by :math:`\sqrt p`.

        Returns
        -------
        integer array, shape (n,)

        Example
        -------
        >>> GaussianMixture([[0.0, 4.0, 8.0]]).bayes_classify([[-1, 3, 7, 9]])
        array([0, 1, 2, 2])
        """
        return np.argmax(np.log(self.weights)[:, None] + self._log_densities(X), axis=0)

    def _log_densities(self, X: ArrayLike) -> np.ndarray:
        X = _checks.matrix("X", X, (self.p, None), "columns are samples")
        densities = []
        for a, (C, mean) in enumerate(zip(self.covariances, self.means.T, strict=True)):
            linear.nonsingular(f"covariances[{a}]", C)
            Z = X - mean[:, None]
            CinvZ = Z / C[:, None] if C.ndim == 1 else np.linalg.solve(C, Z)
            logdet = np.sum(np.log(C)) if C.ndim == 1 else np.linalg.slogdet(C).logabsdet
            densities.append(-np.sum(Z * CinvZ, axis=0) / 2 - logdet / 2)
        return np.stack(densities)
