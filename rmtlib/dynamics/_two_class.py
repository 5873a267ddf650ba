r"""Gradient descent on ridge regression, at every time, in large dimension.

Two classes :math:`x_i = y_i \mu + z_i`, :math:`y_i = \pm 1`, :math:`z_i \sim \mathcal N(0, I_p)`
(not divided by :math:`\sqrt p`), in the columns of X of shape (p, n). The objective is
:math:`L(w) = \frac1{2n} \|y - X^{\mathsf T} w\|^2 + \frac\gamma2 \|w\|^2`, the start
:math:`w_0 \sim \mathcal N(0, \frac{\sigma^2}p I_p)`. Throughout, ``ratio`` is c = p / n,
``signal`` is :math:`\rho = \|\mu\|^2`, ``init_variance`` is :math:`\sigma^2`, ``learning_rate``
is :math:`\alpha` and ``ridge`` is :math:`\gamma`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import expit, ndtr

from rmtlib._checks import count, nonnegative, nonnegative_array, one_of, positive, vector
from rmtlib.laws import MarchenkoPastur


@dataclass(frozen=True)
class DescentStatistics:
    r"""Means and variances of the scores :math:`y\,w(t)^{\mathsf T} x`, and the error rates.

    All are arrays of one shape.

    Attributes
    ----------
    test_mean, test_variance
        :math:`\mu^{\mathsf T} w(t)` and :math:`\|w(t)\|^2`.
    train_mean, train_variance
        The same of the scores of the training samples.
    test_error, train_error
        Share of misclassified samples; :math:`Q(E / \sqrt V)` with the Gaussian tail Q.
    """

    test_mean: np.ndarray
    test_variance: np.ndarray
    train_mean: np.ndarray
    train_variance: np.ndarray
    test_error: np.ndarray
    train_error: np.ndarray

    def __getitem__(self, index: Any) -> "DescentStatistics":
        """The statistics at an index of their arrays."""
        return DescentStatistics(*(values[index] for values in vars(self).values()))


def gaussian_statistics(
    test_mean: np.ndarray,
    test_variance: np.ndarray,
    train_mean: np.ndarray,
    train_variance: np.ndarray,
) -> DescentStatistics:
    """Statistics with the error rates of Gaussian scores; no variance and a mean: no error."""
    V_train = np.maximum(train_variance, 0.0)
    errors = []
    for E, V in ((test_mean, test_variance), (train_mean, V_train)):
        certain = np.where(np.asarray(E) > 0, np.inf, 0.0)
        errors.append(ndtr(-np.divide(E, np.sqrt(V), out=certain, where=np.asarray(V) > 0)))
    return DescentStatistics(test_mean, test_variance, train_mean, V_train, *errors)


def model(
    ratio: float, signal: float, init_variance: float = 0.0, ridge: float = 0.0
) -> tuple[float, float, float, float]:
    """The door of the model's constants: c, rho, sigma squared and gamma."""
    return (
        positive("ratio", ratio, "ratio = p / n"),
        positive("signal", signal, "squared norm of the class mean"),
        nonnegative("init_variance", init_variance, "squared norm of the start"),
        nonnegative("ridge", ridge),
    )


def clock(times: ArrayLike, learning_rate: float) -> tuple[np.ndarray, float]:
    """The door of the times and of alpha."""
    t = nonnegative_array("times", vector("times", times))
    return t, positive("learning_rate", learning_rate)


def descent_filters(
    eigenvalues: ArrayLike, times: ArrayLike, *, learning_rate: float, dynamics: str = "flow"
) -> tuple[np.ndarray, np.ndarray]:
    r"""What descent has left of the start, and done toward the solution, along eigenvectors.

    On :math:`\frac12 w^{\mathsf T} A w - b^{\mathsf T} w` the component of w along an
    eigenvector of A of eigenvalue :math:`\lambda` is :math:`f\,w_0 + g\,b` with

    .. math::

        f = e^{-\alpha t \lambda} \text{ (flow)}, \quad
        f = (1 - \alpha \lambda)^k \text{ (steps)}, \qquad g = \frac{1 - f}\lambda .

    Parameters
    ----------
    eigenvalues : array, shape (d,)
        Eigenvalues :math:`\lambda \ge 0` of A; at 0, g is :math:`\alpha t`.
    times : array, shape (T,)
        Times t >= 0 of the flow, or numbers k of steps.
    learning_rate : positive number
        :math:`\alpha`.
    dynamics : "flow" or "steps"
        Gradient flow, or gradient descent.

    Returns
    -------
    f, g : arrays, shape (T, d)

    Raises
    ------
    ValueError
        If a number is out of range, or the numbers of steps are not integers.

    Notes
    -----
    Exact, with no loop over steps. :cite:t:`AliKolterTibshirani19`.

    Example
    -------
    >>> f, g = descent_filters([0.0, 1.0, 2.0], [2], learning_rate=0.5, dynamics="steps")
    >>> f, g
    (array([[1.  , 0.25, 0.  ]]), array([[1.  , 0.75, 0.5 ]]))
    """
    lam = nonnegative_array("eigenvalues", vector("eigenvalues", eigenvalues))
    t, alpha = clock(times, learning_rate)
    t = t[:, None]
    if one_of("dynamics", dynamics, ("flow", "steps")) == "flow":
        log_f = -alpha * t * lam
        f, done = np.exp(log_f), -np.expm1(log_f)
    else:
        if np.any(t != np.round(t)):
            raise ValueError(f"times must be integers, got {t.flat[np.argmax(t != np.round(t))]:g}")
        small = alpha * lam < 0.5
        with np.errstate(over="ignore"):  # beyond alpha lambda = 2 the steps diverge
            f = (1 - alpha * lam) ** t
        done = np.where(small, -np.expm1(t * np.log1p(-np.where(small, alpha * lam, 0))), 1 - f)
    g = np.divide(done, lam, out=np.broadcast_to(alpha * t, done.shape).copy(), where=lam > 0)
    return f, g


def descent_measures(
    ratio: float, signal: float, points: int = 100
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Common nodes and weights of the two measures that govern the dynamics.

    With :math:`E_\pm = (1 \pm \sqrt c)^2` and :math:`\lambda_s = (1 + \rho)(1 + c / \rho)`,

    .. math::

        \nu(dx) &= \frac{\sqrt{(x - E_-)^+ (E_+ - x)^+}}{2 \pi c x} dx
            + \Bigl(1 - \frac1c\Bigr)^{\!+} \delta_0(dx), \\
        \omega(dx) &= \frac{\sqrt{(x - E_-)^+ (E_+ - x)^+}}{2 \pi (\lambda_s - x)} dx
            + \frac{(\rho^2 - c)^+}\rho \delta_{\lambda_s}(dx) :

    :math:`\nu` is the Marchenko-Pastur law, the spectrum of :math:`\frac1n X X^{\mathsf T}` seen
    by a random start, and :math:`\omega` the spectrum seen by the class mean.

    Parameters
    ----------
    ratio, signal : positive numbers
        c and :math:`\rho`.
    points : integer >= 1
        M, number of nodes on the bulk.

    Returns
    -------
    x, omega, nu : arrays, shape (points + 2,)
        Nodes on the bulk in decreasing order, then :math:`\lambda_s` and 0; and the weights.

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    Midpoint rule in the angle of :math:`x = 1 + c + 2 \sqrt c \cos\theta`. The poles at
    :math:`\lambda_s` and 0 would spoil it near :math:`\rho = \sqrt c` and c = 1; there the atoms
    are multiplied by :math:`(1 + (\sqrt c / \rho)^{2M})^{-1}` and :math:`(1 + c^{-M})^{-1}`, and
    are kept below the threshold (negative and tiny): this cancels the error of the rule exactly.

    Example
    -------
    The mass of omega is rho, and a share 1 - c / rho**2 of it is in the atom:

    >>> x, omega, nu = descent_measures(0.5, 2.0)
    >>> np.round([omega.sum(), omega[-2] / omega.sum(), nu.sum()], 12)
    array([2.   , 0.875, 1.   ])
    """
    c, rho, *_ = model(ratio, signal)
    M = count("points", points)
    theta = (np.arange(M) + 0.5) * np.pi / M
    root = np.sqrt(c)
    x = (1 - root) ** 2 + 4 * root * np.cos(theta / 2) ** 2
    sine = np.sin(theta) ** 2
    to_spike = (rho - root) ** 2 / rho + 4 * root * np.sin(theta / 2) ** 2
    spike_mass = (rho**2 - c) / rho * expit(2 * M * np.log(rho / root))
    zero_mass = (1 - 1 / c) * expit(M * np.log(c))
    spike = (1 + rho) * (1 + c / rho)
    return (
        np.append(x, [spike, 0.0]),
        np.append(2 * c / M * sine / to_spike, [spike_mass, 0.0]),
        np.append(2 / M * sine / x, [0.0, zero_mass]),
    )


def descent_statistics(
    times: ArrayLike,
    ratio: float,
    signal: float,
    *,
    init_variance: float,
    learning_rate: float,
    ridge: float = 0.0,
    dynamics: str = "flow",
) -> DescentStatistics:
    r"""Training and test statistics of the classifier w(t), in the limit.

    With the measures of `descent_measures`, the filters f, g of `descent_filters` at
    :math:`\lambda = x + \gamma`, and :math:`k = (\rho + c) / \rho`,

    .. math::

        E_{\rm test} &= \int g\,d\omega, & V_{\rm test} &= k \int g^2 d\omega
            + \sigma^2 \int f^2 d\nu, \\
        E_{\rm train} &= k E_{\rm test}, & V_{\rm train} &= k \int x g^2 d\omega
            + \sigma^2 \int x f^2 d\nu - E_{\rm train}^2 ,

    and the error rates are :math:`Q(E / \sqrt V)`.

    Parameters
    ----------
    times : array, shape (T,)
        Times t >= 0 of gradient flow, or numbers of steps of gradient descent.
    ratio, signal : positive numbers
        c and :math:`\rho`.
    init_variance : nonnegative number
        :math:`\sigma^2`, squared norm of the start.
    learning_rate : positive number
        :math:`\alpha`; for steps below :math:`2 / (\gamma + \lambda_{\max})`.
    ridge : nonnegative number
        :math:`\gamma`.
    dynamics : "flow" or "steps"
        Gradient flow, or gradient descent (the same formulas, exactly).

    Returns
    -------
    DescentStatistics
        Of arrays of shape (T,).

    Raises
    ------
    ValueError
        If a number is out of range, or the steps diverge.

    Notes
    -----
    :cite:t:`LiaoCouillet18`; slides of :cite:t:`LiaoTalk24`. The fluctuations of one draw are
    :math:`O(n^{-1/2})`. Computed to about 1e-14; 1000 times take a few milliseconds, also at
    c = 1 and late times: there :math:`e^{-\alpha t x}` needs about
    :math:`10 \sqrt{\alpha t}` nodes, but is zero on all but a few of them.

    Example
    -------
    One infinitesimal step from zero is the best that the model allows (`best_error`):

    >>> run = descent_statistics([1e-9], 0.5, 4.0, init_variance=0, learning_rate=1)
    >>> bool(np.isclose(run.test_error[0], best_error(0.5, 4.0)))
    True
    """
    c, rho, sigma2, gamma = model(ratio, signal, init_variance, ridge)
    t, alpha = clock(times, learning_rate)
    edge, spike = (1 + np.sqrt(c)) ** 2, (1 + rho) * (1 + c / rho)
    largest = gamma + (spike if rho**2 > c else edge)
    if dynamics == "steps" and alpha * largest >= 2:
        raise ValueError(
            f"learning_rate must be below {2 / largest:g}, got {alpha:g} "
            f"(steps diverge beyond 2 / {largest:g}, the largest eigenvalue)"
        )
    needed = 10 * np.sqrt(alpha * t)  # resolves exp(-alpha t x) at the lower edge
    needed = np.minimum(needed, 40 / max(abs(np.log(c)), 1e-300))  # resolves 1 / x
    factor = alpha * (edge + gamma) - 1
    if dynamics == "steps" and factor > 0:
        lasting = np.minimum(t, 40 / -np.log(factor))  # until the upper edge has arrived
        needed = np.maximum(needed, 10 * np.sqrt(alpha * lasting / factor))
        if alpha * (spike + gamma) >= 2:  # f grows at omega's pole: let its error vanish
            needed = np.maximum(needed, 40 / np.log(np.sqrt(c) / rho))
    doublings = np.ceil(np.log2(np.maximum(needed / 100, 1)))
    integrals = np.empty((5, t.size))
    for power in np.unique(doublings):
        some = doublings == power
        x, omega, nu = descent_measures(c, rho, int(100 * 2**power))
        if rho**2 <= c and abs(omega[-2]) < 1e-17 * rho:
            x[-2] = x[0]  # no atom; and no power of a number beyond 1 at its place
        integrals[:, some] = _integrals(t[some], x, omega, nu, gamma, alpha, dynamics)
    g, gg, xgg, ff, xff = integrals
    k = (rho + c) / rho
    V_train = k * xgg + sigma2 * xff - (k * g) ** 2
    return gaussian_statistics(g, k * gg + sigma2 * ff, k * g, V_train)


def _integrals(
    t: np.ndarray,
    x: np.ndarray,
    omega: np.ndarray,
    nu: np.ndarray,
    gamma: float,
    alpha: float,
    dynamics: str,
) -> np.ndarray:
    """Of g, g^2, x g^2 with respect to omega, of f^2, x f^2 with respect to nu."""
    lam = x + gamma
    first = descent_filters(lam, [t.min()], learning_rate=alpha, dynamics=dynamics)[0][0]
    moving = np.abs(first) > 1e-18  # the other modes have arrived: f = 0, g = 1 / lambda
    moving[np.argmin(lam)] = True
    f, g = descent_filters(lam[moving], t, learning_rate=alpha, dynamics=dynamics)
    there, share = 1 / lam[~moving], omega[~moving]
    x, omega, nu, settled = x[moving], omega[moving], nu[moving], x[~moving]
    return np.array(
        [
            g @ omega + there @ share,
            g**2 @ omega + there**2 @ share,
            g**2 @ (x * omega) + there**2 @ (settled * share),
            f**2 @ nu,
            f**2 @ (x * nu),
        ]
    )


def converged_statistics(
    ratio: float, signal: float, *, init_variance: float, ridge: float = 0.0
) -> DescentStatistics:
    r"""The limit of `descent_statistics` as t grows: ridge regression, or interpolation.

    With m the Stieltjes transform of ``MarchenkoPastur(c)`` at :math:`-\gamma` and
    :math:`D = (\rho + c) m + 1`, for :math:`\gamma > 0`

    .. math::

        E_{\rm test} = \frac{\rho m}D, \quad V_{\rm test} = \frac{(\rho + c) m'}{D^2}, \quad
        E_{\rm train} = k E_{\rm test}, \quad
        V_{\rm train} = k E_{\rm test} - \gamma V_{\rm test} - E_{\rm train}^2 .

    At :math:`\gamma = 0` and c < 1 the same at m = 1 / (1 - c); at c > 1 training samples are
    interpolated, :math:`E_{\rm test} = \frac\rho{\rho + c}`, and the part of the start that no
    sample sees stays: :math:`V_{\rm test} = \frac c{(\rho + c)(c - 1)} + \sigma^2 (1 - \frac1c)`.

    Parameters
    ----------
    ratio, signal : positive numbers
        c and :math:`\rho`.
    init_variance : nonnegative number
        :math:`\sigma^2`; it matters at c > 1 without ridge only.
    ridge : nonnegative number
        :math:`\gamma`.

    Returns
    -------
    DescentStatistics
        Of numbers. At c = 1 without ridge the test variance is infinite, the error 1/2.

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    :cite:t:`LiaoCouillet18`, with the condition on :math:`\sigma^2` at c > 1.

    Example
    -------
    >>> run = converged_statistics(1.0, 2.0, init_variance=0.1, ridge=0.5)
    >>> round(float(run.test_mean / run.test_variance**0.5), 12)
    1.0
    """
    c, rho, sigma2, gamma = model(ratio, signal, init_variance, ridge)
    k = (rho + c) / rho
    if gamma == 0 and c >= 1:
        V = c / ((rho + c) * (c - 1)) + sigma2 * (1 - 1 / c) if c > 1 else np.inf
        return gaussian_statistics(rho / (rho + c), V, 1.0, 0.0)
    m = 1 / (1 - c) if gamma == 0 else MarchenkoPastur(c).stieltjes(-gamma).real
    slope = m * (1 + c * m) / (1 - c + gamma + 2 * c * gamma * m)  # m', from m's equation
    D = (rho + c) * m + 1
    E, V = rho * m / D, (rho + c) * slope / D**2
    return gaussian_statistics(E, V, k * E, k * E - gamma * V - (k * E) ** 2)


def best_error(ratio: float, signal: float) -> float:
    r"""The smallest test error that any time, start and ridge can reach.

    By the Cauchy-Schwarz inequality and :math:`\int d\omega = \rho`,

    .. math:: E_{\rm test} / \sqrt{V_{\rm test}} \le \rho / \sqrt{\rho + c} .

    Equality needs :math:`\sigma = 0` and a constant filter g on the support of :math:`\omega`:
    it is approached as :math:`t \to 0` from a zero start, or as :math:`\gamma \to \infty`.

    Parameters
    ----------
    ratio, signal : positive numbers
        c and :math:`\rho`.

    Returns
    -------
    float
        :math:`Q(\rho / \sqrt{\rho + c})`.

    Raises
    ------
    ValueError
        If a number is not positive.

    Notes
    -----
    :cite:t:`LiaoCouillet18`. The error of the classifier :math:`w \propto X y`.

    Example
    -------
    >>> round(best_error(0.5, 4.0), 10)
    0.0296732194
    """
    c, rho, *_ = model(ratio, signal)
    return float(ndtr(-rho / np.sqrt(rho + c)))


@dataclass(frozen=True)
class Stopping:
    """When to stop, and the test error then; time is 0 or infinity where a limit is best."""

    time: float
    error: float


def optimal_stopping(
    ratio: float,
    signal: float,
    *,
    init_variance: float,
    learning_rate: float,
    ridge: float = 0.0,
) -> Stopping:
    r"""Time of gradient flow with the least test error.

    The maximum of :math:`E_{\rm test} / \sqrt{V_{\rm test}}` over :math:`\log t`: a grid
    brackets it, a bounded search refines it. For a small start
    :math:`\alpha t_* \simeq \bigl(4 \sigma^2 / (c (\rho + c))\bigr)^{1/4}`.

    Parameters
    ----------
    ratio, signal : positive numbers
        c and :math:`\rho`.
    init_variance : nonnegative number
        :math:`\sigma^2`; at 0 the best time is 0.
    learning_rate : positive number
        :math:`\alpha`.
    ridge : nonnegative number
        :math:`\gamma`.

    Returns
    -------
    Stopping

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    :cite:t:`LiaoCouillet18`. The time is accurate to about 1e-7 (the minimum is flat), the
    error to 1e-14.

    Example
    -------
    >>> stop = optimal_stopping(0.5, 4.0, init_variance=0.1, learning_rate=0.01)
    >>> round(stop.time, 2), round(stop.error, 8)
    (96.91, 0.04838849)
    """
    c, rho, sigma2, gamma = model(ratio, signal, init_variance, ridge)
    alpha = positive("learning_rate", learning_rate)
    if sigma2 == 0:
        return Stopping(0.0, best_error(c, rho))

    def exponent(log_times: ArrayLike) -> np.ndarray:
        run = descent_statistics(
            np.exp(np.atleast_1d(log_times)), c, rho,
            init_variance=sigma2, learning_rate=1.0, ridge=gamma,
        )  # fmt: skip
        return run.test_mean / np.sqrt(run.test_variance)

    guess = (4 * sigma2 / (c * (rho + c))) ** 0.25
    grid = np.log(np.geomspace(0.01 * min(guess, 1 / (1 + gamma)), 1e5, 161))
    best = int(np.argmax(exponent(grid)))
    limit = converged_statistics(c, rho, init_variance=sigma2, ridge=gamma)
    if best == grid.size - 1:
        return Stopping(np.inf, float(limit.test_error))
    found = minimize_scalar(
        lambda s: -exponent(s)[0], bounds=(grid[best - 1], grid[best + 1]), method="bounded",
        options={"xatol": 1e-9},
    )  # fmt: skip
    return Stopping(float(np.exp(found.x) / alpha), float(ndtr(found.fun)))
