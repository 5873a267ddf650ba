r"""Gradient descent on ridge regression, at every time, in large dimension."""

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import ndtr

from rmtlib._checks import count, nonnegative, nonnegative_array, positive, vector
from rmtlib._replicate import replicate
from rmtlib._types import ArrayLike
from rmtlib.dynamics._filters import clock
from rmtlib.dynamics._quadrature import nodes, quadrature_statistics
from rmtlib.dynamics._simulate import paths
from rmtlib.dynamics._statistics import DescentStatistics, gaussian_statistics


@dataclass(frozen=True)
class Stopping:
    """When to stop, and the test error then; time is 0 or infinity where a limit is best."""

    time: float
    error: float


@dataclass(frozen=True)
class TwoClassDescent:
    r"""A linear classifier of two classes, trained by gradient descent from a random start.

    Two classes :math:`x_i = y_i \mu + z_i`, :math:`y_i = \pm 1`, :math:`z_i \sim \mathcal N(0,
    I_p)` (not divided by :math:`\sqrt p`), in the columns of X of shape (p, n). The objective is
    :math:`L(w) = \frac1{2n} \|y - X^{\mathsf T} w\|^2 + \frac\gamma2 \|w\|^2`, the start
    :math:`w_0 \sim \mathcal N(0, \frac{\sigma^2}p I_p)`, the learning rate :math:`\alpha`.

    Parameters
    ----------
    ratio : positive number
        c = p / n.
    signal : positive number
        :math:`\rho = \|\mu\|^2`.
    init_variance : nonnegative number
        :math:`\sigma^2`, squared norm of the start.
    ridge : nonnegative number
        :math:`\gamma`.

    Notes
    -----
    :cite:t:`LiaoCouillet18`; slides of :cite:t:`LiaoTalk24`. The fluctuations of one run are
    :math:`O(n^{-1/2})`.

    Example
    -------
    One infinitesimal step from zero is the best that the model allows:

    >>> model = TwoClassDescent(0.5, 4.0, init_variance=0.0)
    >>> bool(np.isclose(model.at(1e-9, learning_rate=1).test_error, model.best_error()))
    True
    """

    ratio: float
    signal: float
    init_variance: float = field(kw_only=True)
    ridge: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        positive("ratio", self.ratio, "ratio = p / n")
        positive("signal", self.signal, "squared norm of the class mean")
        nonnegative("init_variance", self.init_variance, "squared norm of the start")
        nonnegative("ridge", self.ridge)

    @property
    def _constants(self) -> tuple[float, float, float, float]:
        return float(self.ratio), float(self.signal), float(self.init_variance), float(self.ridge)

    def measures(self, points: int = 100) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        r"""Common nodes and weights of the two measures that govern the dynamics.

        With :math:`E_\pm = (1 \pm \sqrt c)^2` and :math:`\lambda_s = (1 + \rho)(1 + c / \rho)`,

        .. math::

            \nu(dx) &= \frac{\sqrt{(x - E_-)^+ (E_+ - x)^+}}{2 \pi c x} dx
                + \Bigl(1 - \frac1c\Bigr)^{\!+} \delta_0(dx), \\
            \omega(dx) &= \frac{\sqrt{(x - E_-)^+ (E_+ - x)^+}}{2 \pi (\lambda_s - x)} dx
                + \frac{(\rho^2 - c)^+}\rho \delta_{\lambda_s}(dx) :

        :math:`\nu` is the Marchenko-Pastur law, the spectrum of :math:`\frac1n X X^{\mathsf T}`
        seen by a random start, and :math:`\omega` the spectrum seen by the class mean.

        Parameters
        ----------
        points : integer >= 1
            M, number of nodes on the bulk. Atoms near their threshold are smoothed such that
            the error of the rule cancels.

        Returns
        -------
        x, omega, nu : arrays, shape (points + 2,)
            Nodes on the bulk in decreasing order, then :math:`\lambda_s` and 0; and the weights.

        Example
        -------
        The mass of omega is rho, and a share 1 - c / rho**2 of it is in the atom:

        >>> x, omega, nu = TwoClassDescent(0.5, 2.0, init_variance=0).measures()
        >>> np.round([omega.sum(), omega[-2] / omega.sum(), nu.sum()], 12)
        array([2.   , 0.875, 1.   ])
        """
        c, rho, *_ = self._constants
        return nodes(c, rho, count("points", points))

    def at(
        self, times: ArrayLike, learning_rate: float, *, dynamics: str = "flow"
    ) -> DescentStatistics:
        r"""Training and test statistics of the classifier w(t), in the limit.

        With the measures of `measures`, the filters f, g of `descent_filters` at
        :math:`\lambda = x + \gamma`, and :math:`k = (\rho + c) / \rho`, the real form is

        .. math::

            E_{\rm test} &= \int g\,d\omega, & V_{\rm test} &= k \int g^2 d\omega
                + \sigma^2 \int f^2 d\nu, \\
            E_{\rm train} &= k E_{\rm test}, & V_{\rm train} &= k \int x g^2 d\omega
                + \sigma^2 \int x f^2 d\nu - E_{\rm train}^2 .

        The theorem was proved for the flow, by contour integrals. (The slides print the sign of
        :math:`E_{\rm train}` and a factor of :math:`V_{\rm train}` differently.)

        Parameters
        ----------
        times : array, shape (T,), or number
            Times t >= 0 of gradient flow, or numbers of steps of gradient descent.
        learning_rate : positive number
            :math:`\alpha`; for steps below :math:`2 / (\gamma + \lambda_{\max})`.
        dynamics : "flow" or "steps"
            Gradient flow, or gradient descent (the same real form, exactly).

        Returns
        -------
        DescentStatistics
            Of arrays of shape (T,), or of numbers.

        Raises
        ------
        ~rmtlib.ConvergenceError
            If near c = 1 without ridge the latest time would need too many nodes.

        Notes
        -----
        The real form is accurate to about 1e-14; 1000 times take a few milliseconds, also at c = 1
        and late times: there :math:`e^{-\alpha t x}` needs about :math:`10 \sqrt{\alpha t}` nodes,
        but is zero on all but a few of them.
        """
        run = quadrature_statistics(clock(times, learning_rate, dynamics), *self._constants)
        return run if np.ndim(times) else run[0]

    def limit(self) -> DescentStatistics:
        r"""The limit of `at` as t grows: ridge regression, or interpolation.

        With m the Stieltjes transform of ``MarchenkoPastur(c)`` at :math:`-\gamma` and
        :math:`D = (\rho + c) m + 1`, for :math:`\gamma > 0`

        .. math::

            E_{\rm test} = \frac{\rho m}D, \quad V_{\rm test} = \frac{(\rho + c) m'}{D^2}, \quad
            E_{\rm train} = k E_{\rm test}, \quad
            V_{\rm train} = k E_{\rm test} - \gamma V_{\rm test} - E_{\rm train}^2 .

        At :math:`\gamma = 0` and c < 1 the same at m = 1 / (1 - c); at c > 1 training samples are
        interpolated, :math:`E_{\rm test} = \frac\rho{\rho + c}`, and the part of the start that
        no sample sees stays: :math:`V_{\rm test} = \frac c{(\rho + c)(c - 1)} + \sigma^2
        (1 - \frac1c)`.

        Returns
        -------
        DescentStatistics
            Of numbers. At c = 1 without ridge the test variance is infinite, the error 1/2.

        Example
        -------
        >>> run = TwoClassDescent(1.0, 2.0, init_variance=0.1, ridge=0.5).limit()
        >>> round(run.test_mean / run.test_variance**0.5, 12)
        1.0
        """
        c, rho, sigma2, gamma = self._constants
        # The quadratic equation of m, solved for 1 / m; m' / m**2 = (1 / m + c) / root.
        gap = 1 - c + gamma
        root = np.hypot(gap, 2 * np.sqrt(c * gamma))
        inverse = (root + gap) / 2 if gap >= 0 else 2 * c * gamma / (root - gap)
        D = rho + c + inverse
        E = rho / D
        V = (rho + c) / D * (inverse + c) / D / root if root else np.inf
        if gamma == 0 and c >= 1:
            return gaussian_statistics(E, V + sigma2 * (1 - 1 / c), 1.0, 0.0)
        E_train = (rho + c) / rho * E
        return gaussian_statistics(E, V, E_train, E_train - gamma * V - E_train**2)

    def best_error(self) -> float:
        r"""The smallest test error that any time, start and ridge can reach.

        By the Cauchy-Schwarz inequality and :math:`\int d\omega = \rho`,

        .. math:: E_{\rm test} / \sqrt{V_{\rm test}} \le \rho / \sqrt{\rho + c} .

        Equality needs :math:`\sigma = 0` and a constant filter g on the support of
        :math:`\omega`: it is approached as :math:`t \to 0` from a zero start, or as
        :math:`\gamma \to \infty`. The error is that of the classifier :math:`w \propto X y`.

        Returns
        -------
        float
            :math:`Q(\rho / \sqrt{\rho + c})`.

        Example
        -------
        >>> round(TwoClassDescent(0.5, 4.0, init_variance=0.1).best_error(), 10)
        0.0296732194
        """
        c, rho, *_ = self._constants
        return float(ndtr(-rho / np.sqrt(rho + c)))

    def optimal_stopping(self, learning_rate: float) -> Stopping:
        r"""Time of gradient flow with the least test error.

        The maximum of :math:`E_{\rm test} / \sqrt{V_{\rm test}}` over :math:`\log t`: a grid
        brackets it, a bounded search refines it. From a zero start the best time is 0, from a
        small one :math:`\alpha t_* \simeq \bigl(4 \sigma^2 / (c (\rho + c))\bigr)^{1/4}`.

        Parameters
        ----------
        learning_rate : positive number
            :math:`\alpha`.

        Returns
        -------
        Stopping

        Raises
        ------
        ~rmtlib.ConvergenceError
            As `at`, from huge starts at c = 1 (the best time is of their order).

        Notes
        -----
        The time is accurate to about 1e-7 (the minimum is flat), the error to 1e-14.

        Example
        -------
        >>> stop = TwoClassDescent(0.5, 4.0, init_variance=0.1).optimal_stopping(0.01)
        >>> round(stop.time, 2), round(stop.error, 8)
        (96.91, 0.04838849)
        """
        c, rho, sigma2, gamma = self._constants
        alpha = positive("learning_rate", learning_rate)
        if sigma2 == 0:
            return Stopping(0.0, self.best_error())

        def exponent(log_times: ArrayLike) -> np.ndarray:
            run = quadrature_statistics(clock(np.exp(log_times), 1.0), *self._constants)
            return run.test_mean / np.sqrt(run.test_variance)

        guess = (4 * sigma2 / (c * (rho + c))) ** 0.25
        first, last = 0.01 * min(guess, 1 / (1 + gamma)), max(1e5, 10 * sigma2 * (rho + c))
        finer = np.log(last / first) / np.log(1e5 / first)
        grid = np.log(np.geomspace(first, last, 1 + int(np.ceil(160 * finer))))
        best = int(np.argmax(exponent(grid)))
        if best == grid.size - 1:
            return Stopping(np.inf, self.limit().test_error)
        bracket, tolerance = (grid[best - 1], grid[best + 1]), {"xatol": 1e-9}
        found = minimize_scalar(lambda s: -exponent(s)[0], bounds=bracket, options=tolerance)
        return Stopping(float(np.exp(found.x) / alpha), float(ndtr(found.fun)))

    def simulate(
        self,
        times: ArrayLike,
        learning_rate: float,
        *,
        n: int,
        size: int | None = None,
        ridges: ArrayLike | None = None,
        dynamics: str = "flow",
        rng: int | np.random.Generator | None = None,
    ) -> DescentStatistics:
        r"""Simulated runs of the model, with their true error rates.

        Every run has new data and a new start. The test error is exact given w(t),
        :math:`Q(\mu^{\mathsf T} w / \|w\|)`; the training error is the share of the n samples on
        the wrong side. The class mean is along the first axis: the model is rotation invariant.

        Parameters
        ----------
        times : array, shape (T,), or number
            Times of the flow, or numbers of steps.
        learning_rate : positive number
            :math:`\alpha`.
        n : integer >= 1
            Number of samples; the dimension is c n, rounded.
        size : integer >= 1 or None
            Number of independent runs; None for one.
        ridges : array of nonnegative numbers, shape (R,), or None
            Several ridges on the same draws, in the place of the model's.
        dynamics : "flow" or "steps"
            Gradient flow, or gradient descent.
        rng : None, int or Generator
            Randomness.

        Returns
        -------
        DescentStatistics
            Of arrays of shape ([size,] [R,] [T]): an axis for each of the three that is given.

        Notes
        -----
        One eigendecomposition of a p x p matrix a run, for all times and ridges. The runs go
        through `rmtlib.replicate`, and so to as many workers as joblib is given.

        Example
        -------
        >>> model = TwoClassDescent(0.4, 4.0, init_variance=0.0)
        >>> run = model.simulate([0, 5], learning_rate=0.1, n=20, rng=0)
        >>> run.test_error.shape, run.test_error[0].item()
        ((2,), 0.5)
        """
        c, rho, sigma2, gamma = self._constants
        ticks = clock(times, learning_rate, dynamics)
        n, draws = count("n", n), 1 if size is None else count("size", size)
        p = round(c * n)
        if p < 1:
            raise ValueError(f"n must be at least {0.5 / c:g}, got {n} (p = ratio * n)")
        several = [gamma] if ridges is None else ridges
        gammas = nonnegative_array("ridges", vector("ridges", several))
        y = np.where(np.arange(n) % 2, 1.0, -1.0)

        def run(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
            X = rng.standard_normal((p, n))
            X[0] += np.sqrt(rho) * y
            w = paths(ticks, X, y, np.sqrt(sigma2 / p) * rng.standard_normal(p), gammas)
            scores = y[:, None] * (X.T @ w)
            E, V = np.sqrt(rho) * w[..., 0, :], np.sum(w**2, axis=-2)
            wrong = np.mean(scores < 0, axis=-2) + np.mean(scores == 0, axis=-2) / 2
            return E, V, scores.mean(axis=-2), scores.var(axis=-2), wrong

        *moments, wrong = map(np.array, zip(*replicate(run, draws, rng=rng), strict=True))
        runs = replace(gaussian_statistics(*moments), train_error=wrong)
        given = (size is not None, ridges is not None, np.ndim(times) > 0)
        return runs[tuple(slice(None) if axis else 0 for axis in given)]
