r"""Descent on least squares, eigenvector by eigenvector: momentum, samples, stochastic steps.

Data X of shape (p, n), samples in columns; a quadratic objective
:math:`\frac12 w^{\mathsf T} A w - b^{\mathsf T} w` has in the eigenbasis of A one independent
problem an eigenvalue :math:`\lambda`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from rmtlib import _checks
from rmtlib._checks import between, count, matrix, nonnegative, nonnegative_array, positive, vector
from rmtlib._replicate import replicate
from rmtlib.dynamics._two_class import (
    DescentStatistics,
    clock,
    descent_filters,
    descent_measures,
    model,
)


def momentum_factors(
    eigenvalues: ArrayLike, steps: ArrayLike, *, learning_rate: float, momentum: float = 0.0
) -> np.ndarray:
    r"""What k steps with momentum leave of the error along each eigenvector.

    The iteration :math:`z \leftarrow \beta z + \nabla f`, :math:`w \leftarrow w - \alpha z` from
    z = 0; along an eigenvector the pair (z, error) is multiplied by

    .. math::

        M = \begin{pmatrix} \beta & \lambda \\ -\alpha \beta & 1 - \alpha \lambda \end{pmatrix},

    and the factor is the lower right entry of :math:`M^k`: :math:`(1 - \alpha \lambda)^k` at
    :math:`\beta = 0`.

    Parameters
    ----------
    eigenvalues : array, shape (d,)
        :math:`\lambda \ge 0`.
    steps : array of integers >= 0, shape (T,)
        k.
    learning_rate : positive number
        :math:`\alpha`.
    momentum : number in [0, 1)
        :math:`\beta`.

    Returns
    -------
    array, shape (T, d)

    Raises
    ------
    ValueError
        If a number is out of range, or a number of steps is not an integer.

    Notes
    -----
    :cite:t:`Goh17`. Exact; by repeated squaring, with no loop over steps.

    Example
    -------
    >>> momentum_factors([1.0, 2.0], [0, 2], learning_rate=0.5, momentum=0.0)
    array([[1.  , 1.  ],
           [0.25, 0.  ]])
    """
    lam = nonnegative_array("eigenvalues", vector("eigenvalues", eigenvalues))
    k = nonnegative_array("steps", vector("steps", steps))
    if np.any(k != np.round(k)):
        raise ValueError(f"steps must be integers, got {k[np.argmax(k != np.round(k))]:g}")
    alpha, beta = _step(learning_rate, momentum)
    bits = k.astype(np.int64)
    square = np.empty((lam.size, 2, 2))
    square[:, 0, 0], square[:, 0, 1] = beta, lam
    square[:, 1, 0], square[:, 1, 1] = -alpha * beta, 1 - alpha * lam
    power = np.broadcast_to(np.eye(2), (k.size, lam.size, 2, 2)).copy()
    with np.errstate(over="ignore", invalid="ignore"):  # unstable modes diverge
        while bits.any():
            odd = bits % 2 == 1
            power[odd] = power[odd] @ square
            bits //= 2
            square = square @ square
    return power[..., 1, 1]


def _step(learning_rate: float, momentum: float) -> tuple[float, float]:
    beta = between("momentum", momentum, 0.0, np.nextafter(1.0, 0.0), "below 1")
    return positive("learning_rate", learning_rate), beta


def momentum_rate(
    eigenvalues: ArrayLike, *, learning_rate: float, momentum: float = 0.0
) -> np.ndarray:
    r"""Factor by which the error along an eigenvector shrinks in a step, after many steps.

    The spectral radius of the matrix of `momentum_factors`. It is :math:`\sqrt\beta` where the
    mode oscillates, :math:`(1 - \sqrt{\alpha \lambda})^2 < \beta <
    (1 + \sqrt{\alpha \lambda})^2`, and below 1 iff :math:`0 < \alpha \lambda < 2 + 2 \beta`.

    Parameters
    ----------
    eigenvalues : array of nonnegative numbers, any shape
        :math:`\lambda`.
    learning_rate : positive number
        :math:`\alpha`.
    momentum : number in [0, 1)
        :math:`\beta`.

    Returns
    -------
    array of the shape of ``eigenvalues``

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    :cite:t:`Goh17`. Exact.

    Example
    -------
    >>> momentum_rate([0.5, 1.0], learning_rate=1.0, momentum=0.25)
    array([0.5, 0.5])
    """
    alpha, beta = _step(learning_rate, momentum)
    lam = nonnegative_array("eigenvalues", eigenvalues)
    half_trace = (1 + beta - alpha * lam) / 2
    discriminant = half_trace**2 - beta
    real = np.abs(half_trace) + np.sqrt(np.maximum(discriminant, 0.0))
    return np.where(discriminant < 0, np.sqrt(beta), real)[()]


@dataclass(frozen=True)
class Tuning:
    """The best step for a range of eigenvalues, and the rate of its slowest mode."""

    learning_rate: float
    momentum: float
    rate: float


def best_tuning(smallest: float, largest: float, *, momentum: bool = True) -> Tuning:
    r"""Learning rate and momentum that make the slowest mode as fast as possible.

    With eigenvalues in [a, b] and :math:`\kappa = b / a`:

    .. math::

        \alpha = \frac2{a + b}, \quad \text{rate } \frac{\kappa - 1}{\kappa + 1}
        \qquad\text{and}\qquad
        \alpha = \Bigl(\frac2{\sqrt a + \sqrt b}\Bigr)^{\!2}, \quad
        \beta = \Bigl(\frac{\sqrt b - \sqrt a}{\sqrt b + \sqrt a}\Bigr)^{\!2}, \quad
        \text{rate } \frac{\sqrt\kappa - 1}{\sqrt\kappa + 1}

    without and with momentum.

    Parameters
    ----------
    smallest, largest : positive numbers
        a <= b.
    momentum : bool
        Whether to use momentum.

    Returns
    -------
    Tuning

    Raises
    ------
    ValueError
        If a number is not positive, or the order is wrong.

    Notes
    -----
    :cite:t:`Polyak64,Goh17`. At the best momentum the matrices of the extreme modes are
    defective: the error falls like k times rate**k.

    Example
    -------
    At the edges of the Marchenko-Pastur law the best momentum is the ratio p / n:

    >>> best = best_tuning((1 - 0.5) ** 2, (1 + 0.5) ** 2)
    >>> best.learning_rate, best.momentum, best.rate
    (1.0, 0.25, 0.5)
    """
    a, b = positive("smallest", smallest), positive("largest", largest)
    if a > b:
        raise ValueError(f"smallest must be at most largest = {b:g}, got {a:g}")
    if not momentum:
        return Tuning(2 / (a + b), 0.0, (b - a) / (b + a))
    rate = (np.sqrt(b) - np.sqrt(a)) / (np.sqrt(b) + np.sqrt(a))
    return Tuning(float((2 / (np.sqrt(a) + np.sqrt(b))) ** 2), float(rate**2), float(rate))


def descend(
    X: ArrayLike,
    y: ArrayLike,
    start: ArrayLike,
    times: ArrayLike,
    *,
    learning_rate: float,
    ridge: ArrayLike = 0.0,
    dynamics: str = "flow",
) -> np.ndarray:
    r"""Weights of ridge regression at all times, from one eigendecomposition.

    Objective :math:`\frac1{2n} \|y - X^{\mathsf T} w\|^2 + \frac\gamma2 \|w\|^2`,
    :math:`\frac1n X X^{\mathsf T} = U \Lambda U^{\mathsf T}`, and with the filters of
    `descent_filters` at :math:`\lambda + \gamma`

    .. math::

        w(t) = U \bigl( f \odot U^{\mathsf T} w_0 + g \odot U^{\mathsf T} \tfrac1n X y \bigr) .

    Parameters
    ----------
    X : array, shape (p, n)
        Samples in columns.
    y : array, shape (n,)
        Targets.
    start : array, shape (p,)
        :math:`w_0`.
    times : array, shape (T,)
        Times of the flow, or numbers of steps.
    learning_rate : positive number
        :math:`\alpha`.
    ridge : nonnegative number, or array of shape (R,)
        :math:`\gamma`, or several.
    dynamics : "flow" or "steps"
        Gradient flow, or gradient descent.

    Returns
    -------
    array, shape (p, T), or (R, p, T) for several ridges

    Raises
    ------
    ValueError
        If a number is out of range, or shapes do not match.

    Notes
    -----
    Exact up to rounding; singular matrices included.

    Example
    -------
    >>> descend([[1.0, 0.0], [0.0, 1.0]], [2, 4], [0, 0], [1], learning_rate=1.0, dynamics="steps")
    array([[1.],
           [2.]])
    """
    X = matrix("X", X)
    p, n = X.shape
    y = vector("y", y, length=n)
    w0 = vector("start", start, length=p)
    ridges = nonnegative_array("ridge", ridge)
    gammas = vector("ridge", np.atleast_1d(ridges))
    lam, U = np.linalg.eigh(X @ X.T / n)
    lam = np.where(lam > 1e-13 * lam[-1], lam, 0.0)  # exact zeros stay exact
    begin, drive = U.T @ w0, U.T @ (X @ y) / n
    paths = []
    for gamma in gammas:
        f, g = descent_filters(lam + gamma, times, learning_rate=learning_rate, dynamics=dynamics)
        paths.append(U @ (f * begin + g * drive).T)
    return np.array(paths) if ridges.ndim else paths[0]


def simulate_descent(
    p: int,
    n: int,
    times: ArrayLike,
    signal: float,
    *,
    init_variance: float,
    learning_rate: float,
    ridge: ArrayLike = 0.0,
    dynamics: str = "flow",
    draws: int = 1,
    rng: int | np.random.Generator | None = None,
) -> DescentStatistics:
    r"""Simulated runs of the model of `gradient_descent`, with their true error rates.

    Every draw has new data and a new start. The test error is exact given w(t),
    :math:`Q(\mu^{\mathsf T} w / \|w\|)`; the training error is the share of the n samples on the
    wrong side. The class mean is along the first axis: the model is rotation invariant.

    Parameters
    ----------
    p, n : integers >= 1
        Dimension and number of samples.
    times : array, shape (T,)
        Times of the flow, or numbers of steps.
    signal : positive number
        :math:`\rho = \|\mu\|^2`.
    init_variance : nonnegative number
        :math:`\sigma^2`.
    learning_rate : positive number
        :math:`\alpha`.
    ridge : nonnegative number, or array of shape (R,)
        :math:`\gamma`, or several on the same draws.
    dynamics : "flow" or "steps"
        Gradient flow, or gradient descent.
    draws : integer >= 1
        Number of independent runs.
    rng : None, int or Generator
        Randomness.

    Returns
    -------
    DescentStatistics
        Of arrays of shape (draws, T), or (draws, R, T) for several ridges.

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    One eigendecomposition of a p x p matrix a draw, for all times and ridges. The draws go
    through `replicates.replicate`, and so to as many workers as joblib is given.

    Example
    -------
    >>> run = simulate_descent(8, 20, [0, 5], 4.0, init_variance=0.0, learning_rate=0.1, rng=0)
    >>> run.test_error.shape, run.test_error[0, 0].item()
    ((1, 2), 0.5)
    """
    p, n = count("p", p), count("n", n)
    _, rho, sigma2, _ = model(p / n, signal, init_variance)
    y = np.where(np.arange(n) % 2, 1.0, -1.0)

    def run(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        X = rng.standard_normal((p, n))
        X[0] += np.sqrt(rho) * y
        w0 = np.sqrt(sigma2 / p) * rng.standard_normal(p)
        w = descend(X, y, w0, times, learning_rate=learning_rate, ridge=ridge, dynamics=dynamics)
        scores = y[:, None] * (X.T @ w)
        E, V = np.sqrt(rho) * w[..., 0, :], np.sum(w**2, axis=-2)
        exponent = np.divide(E, np.sqrt(V), out=np.zeros_like(E), where=V > 0)
        wrong = np.mean(scores < 0, axis=-2) + np.mean(scores == 0, axis=-2) / 2
        return E, V, scores.mean(axis=-2), scores.var(axis=-2), ndtr(-exponent), wrong

    runs = replicate(run, draws, rng=rng)
    return DescentStatistics(*(np.array(column) for column in zip(*runs, strict=True)))


def standardize_classes(X: ArrayLike, labels: ArrayLike) -> tuple[np.ndarray, np.ndarray, float]:
    r"""Two classes of real data in the units of the model, and their signal.

    The middle between the two class means is moved to the origin, and all coordinates are
    divided by one number, the root of the mean variance v within the classes, so that the noise
    has unit variance on average. Then :math:`\hat\rho = \|\hat\mu_2 - \hat\mu_1\|^2 / (4 v)`.

    Parameters
    ----------
    X : array, shape (p, n)
        Samples in columns.
    labels : array of integers, shape (n,)
        Exactly two different values; the smaller one becomes y = -1.

    Returns
    -------
    X : array, shape (p, n)
        The data in the model's units.
    y : array, shape (n,)
        Labels -1 and 1.
    signal : float
        :math:`\hat\rho`.

    Raises
    ------
    ValueError
        If shapes do not match, there are not two classes, or the classes do not vary.

    Notes
    -----
    Use all the data there are, not the training sample only: the mean of n samples carries
    noise of squared norm p / n.

    Example
    -------
    >>> Z, y, rho = standardize_classes([[0, 2, 6, 8], [1, 1, 1, 1]], [1, 1, 7, 7])
    >>> rho, y
    (18.0, array([-1., -1.,  1.,  1.]))
    """
    X = matrix("X", X)
    kinds = _checks.labels("labels", labels, length=X.shape[1])
    values = np.unique(kinds)
    if values.size != 2:
        raise ValueError(f"labels must have exactly two values, got {values.size}")
    y = np.where(kinds == values[1], 1.0, -1.0)
    low, high = (X[:, y == side].mean(axis=1, keepdims=True) for side in (-1, 1))
    variance = np.mean((X - np.where(y > 0, high, low)) ** 2)
    if variance == 0:
        raise ValueError("X must vary within the classes, got columns equal to the class means")
    signal = float(np.sum((high - low) ** 2) / (4 * variance))
    return (X - (low + high) / 2) / np.sqrt(variance), y, signal


def sgd_loss(
    times: ArrayLike, ratio: float, signal: float, noise: float, *, learning_rate: float
) -> np.ndarray:
    r"""Training loss of stochastic gradient descent on least squares, in the limit.

    Responses :math:`y = X^{\mathsf T} \beta + \varepsilon` on white data, :math:`\|\beta\|^2 =
    r^2` (``signal``), noise of variance :math:`s^2` (``noise``), start at zero; step
    :math:`w \leftarrow w - \frac\eta p x_i (x_i^{\mathsf T} w - y_i)` with i drawn anew among the
    n samples. At step k = t p the loss :math:`\frac1n \|y - X^{\mathsf T} w\|^2` tends to the
    solution of

    .. math::

        \psi(t) = h(t) + \eta^2 \int_0^t \kappa(t - u)\,\psi(u)\,du, \qquad
        \kappa(u) = \int x^2 e^{-2 \eta x u} \nu(dx),

    with the Marchenko-Pastur law :math:`\nu` and the loss of gradient flow
    :math:`h(t) = \int (r^2 x + s^2 c)\,e^{-2 \eta x t} \nu(dx) + s^2 (1 - c)`.

    Parameters
    ----------
    times : array, shape (T,)
        t >= 0, steps divided by p; at c within 2 percent of 1 at most :math:`2\cdot10^4/\eta`.
    ratio : positive number
        c = p / n.
    signal, noise : nonnegative numbers
        :math:`r^2` and :math:`s^2`.
    learning_rate : positive number
        :math:`\eta`; the loss stays bounded for :math:`\eta < 2` only.

    Returns
    -------
    array, shape (T,)

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    :cite:t:`Paquette21`. On the nodes of `descent_measures` the equation is a linear
    differential equation with a diagonal matrix plus one of rank one; its eigenvectors give all
    times at once. Fluctuations of a run are :math:`O(n^{-1/2})`.

    Example
    -------
    As time grows the loss is that of least squares divided by :math:`1 - \eta / 2`:

    >>> loss = sgd_loss([0, 1000], 0.5, 1.0, 0.3, learning_rate=1.0)
    >>> np.round(loss, 10)
    array([1.3, 0.3])
    """
    t, eta = clock(times, learning_rate)
    c = positive("ratio", ratio, "ratio = p / n")
    r2 = nonnegative("signal", signal, "squared norm of the coefficients")
    s2 = nonnegative("noise", noise, "variance of the label noise")
    points = min(10 * np.sqrt(2 * eta * t.max()), 40 / max(abs(np.log(c)), 1e-300))
    if points > 2000:
        raise ValueError(
            f"times must be at most {2e4 / eta:g} at ratio {c:g}, got {t.max():g} "
            "(near p = n ever smaller eigenvalues would have to be resolved)"
        )
    x, _, nu = (values[:-2] for values in descent_measures(c, 1.0, max(100, int(points) + 1)))
    # Losses y of the nodes: y' = -2 eta x y + eta^2 nu x^2 (sum y + floor); y = sqrt(nu) x u.
    floor = s2 * max(1 - c, 0.0)
    side = np.sqrt(nu) * x
    rates, V = np.linalg.eigh(np.diag(-2 * eta * x) + eta**2 * np.outer(side, side))
    start = V.T @ (np.sqrt(nu) * (r2 + s2 * c / x))
    drive = V.T @ (eta**2 * side * floor)
    growth = np.exp(np.outer(t, rates))
    flat = np.abs(rates) < 1e-12
    done = np.where(flat, t[:, None], np.expm1(np.outer(t, rates)) / np.where(flat, 1, rates))
    return floor + (growth * start + done * drive) @ (V.T @ side)
