"""The obvious ways: each quantity of the library as a first script would compute it.

They are written for plainness, once, and serve twice: the tests compare the
library with them at small sizes, the benchmarks at sizes of the book.
"""

from collections.abc import Sequence
from math import acos, exp, pi, sqrt

import numpy as np
import torch
from scipy.integrate import quad
from scipy.linalg import solve
from scipy.optimize import minimize
from scipy.special import ndtr

from rmtlib.activations import Activation, Steps
from rmtlib.networks import DeepEquilibrium


def silverstein_density(
    x: np.ndarray, ratio: float, points: Sequence[float], weights: Sequence[float], height: float
) -> np.ndarray:
    """Density of a sample covariance at a height above the axis: a fixed point for every x.

    The unknown is the transform of the Gram matrix, which has an atom at 0 besides.
    """
    t, w = np.array(points), np.array(weights)
    density = []
    for z in x + 1j * height:
        m, change = -1 / z, 1.0
        while change > 1e-9:
            new = 1 / (ratio * np.sum(w * t / (1 + t * m)) - z)
            m, change = new, abs(new - m)
        density.append((m + (1 - ratio) / z).imag / (np.pi * ratio))
    return np.array(density)


def error_curve(
    K: np.ndarray,
    y: np.ndarray,
    cross: np.ndarray,
    y_test: np.ndarray,
    diagonal: np.ndarray,
    widths: Sequence[int],
    ridge: float,
) -> np.ndarray:
    """Training and test error of random features: inverses until delta settles, a width at a time.

    The formulas are those of Louart, Liao and Couillet as they print them. Shape (2, widths).
    """
    n, errors = y.size, []
    for N in widths:
        delta, change = 0.0, 1.0
        while change > 1e-10:
            Kbar = N / n * K / (1 + delta)
            Q = np.linalg.inv(Kbar + ridge * np.eye(n))
            new = np.trace(Q @ K) / n
            delta, change = new, abs(new - delta) / new
        Qy, KQ = Q @ y, Kbar @ Q
        rest = 1 - np.trace(KQ @ KQ) / N
        strength = Qy @ Kbar @ Qy / N / rest
        train = ridge**2 / n * (Qy @ Qy + np.trace(Q @ KQ) * strength)
        beside = N / n * cross / (1 + delta)
        left = np.mean(N / n * diagonal / (1 + delta))
        left -= np.trace(beside.T @ Q @ (beside + ridge * Q @ beside)) / y_test.size
        errors.append((train, np.mean((y_test - beside.T @ Qy) ** 2) + strength * left))
    return np.transpose(errors)


def descent_curve(
    times: Sequence[float], ratio: float, signal: float, init_variance: float, learning_rate: float
) -> np.ndarray:
    """Test error of gradient flow without ridge, three integrals by ``quad`` at every time."""
    low, high = (1 - sqrt(ratio)) ** 2, (1 + sqrt(ratio)) ** 2
    spike = (1 + signal) * (1 + ratio / signal)
    mass = max(signal**2 - ratio, 0) / signal

    def arc(x: float) -> float:
        return sqrt((x - low) * (high - x)) / (2 * pi)

    def integral(function, density) -> float:
        return quad(lambda x: function(x) * density(x), low, high, limit=200, epsabs=1e-11)[0]

    errors = []
    for t in times:

        def left(x: float, t=t) -> float:
            return exp(-learning_rate * t * x)

        def done(x: float, left=left) -> float:
            return (1 - left(x)) / x

        def signal_density(x: float) -> float:
            return arc(x) / (spike - x)

        mean = integral(done, signal_density) + mass * done(spike)
        square = integral(lambda x, f=done: f(x) ** 2, signal_density) + mass * done(spike) ** 2
        start = integral(lambda x, f=left: f(x) ** 2, lambda x: arc(x) / (ratio * x))
        start += max(1 - 1 / ratio, 0)
        variance = (1 + ratio / signal) * square + init_variance * start
        errors.append(ndtr(-mean / sqrt(variance)))
    return np.array(errors)


def descend_by_steps(
    X: np.ndarray, y: np.ndarray, start: np.ndarray, steps: int, learning_rate: float
) -> np.ndarray:
    """Weights after 1, ..., steps steps of gradient descent on least squares, shape (p, steps)."""
    w, path = start, []
    for _ in range(steps):
        w = w - learning_rate / y.size * (X @ (X.T @ w - y))
        path.append(w)
    return np.transpose(path)


def wishart_eigenvalues(p: int, n: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Eigenvalues of X X^T / n from the data themselves, shape (size, p)."""
    draws = (rng.standard_normal((p, n)) for _ in range(size))
    return np.array([np.linalg.eigvalsh(X @ X.T / n) for X in draws])


def parallel_threshold(X: np.ndarray, draws: int, rng: np.random.Generator) -> float:
    """Quantile 0.95 of the largest eigenvalue when each variable is permuted by itself."""
    n = X.shape[1]
    permuted = (rng.permuted(X, axis=1) for _ in range(draws))
    return float(np.quantile([np.linalg.eigvalsh(Y @ Y.T / n)[-1] for Y in permuted], 0.95))


def relu_kernel(X: np.ndarray) -> np.ndarray:
    """Arc-cosine kernel of the columns, two loops over samples."""
    n = X.shape[1]
    norms = [sqrt(X[:, i] @ X[:, i]) for i in range(n)]
    K = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            size = norms[i] * norms[j]
            cosine = min(max(X[:, i] @ X[:, j] / size, -1.0), 1.0) if i != j else 1.0
            angle = acos(cosine)
            K[i, j] = size / (2 * pi) * (sqrt(1 - cosine**2) + (pi - angle) * cosine)
    return K


def heat_kernel(X: np.ndarray) -> np.ndarray:
    """Kernel exp(-|x - y|^2 / 2p) of the columns, two loops over samples."""
    p, n = X.shape
    K = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            gap = X[:, i] - X[:, j]
            K[i, j] = exp(-(gap @ gap) / (2 * p))
    return K


def match_two_levels(target: Activation, variance: float, rng: np.random.Generator) -> np.ndarray:
    """Two thresholds and a level with the target's moments: minimize from random starts."""
    wanted = target.moments(variance)

    def moments(x: np.ndarray):
        first, second = np.sort(x[:2])
        return Steps([first, second], [x[2], 0.0, x[2]]).moments(variance)

    def misfit(x: np.ndarray) -> float:
        if x[0] == x[1] or x[2] == 0:
            return 1.0
        found = moments(x)
        return (
            (abs(found.mean_derivative) - abs(wanted.mean_derivative)) ** 2
            + (abs(found.mean_curvature) - abs(wanted.mean_curvature)) ** 2
            + (found.centered_second_moment_slope - wanted.centered_second_moment_slope) ** 2
        )

    while True:
        found = minimize(
            misfit,
            rng.standard_normal(3),
            method="Nelder-Mead",
            options={"xatol": 1e-10, "fatol": 1e-20, "maxiter": 2000, "maxfev": 2000},
        )
        if found.fun < 1e-17:
            return np.array([*np.sort(found.x[:2]), found.x[2]])


def hessian(network: torch.nn.Module, rows: torch.Tensor, labels: torch.Tensor) -> np.ndarray:
    """Hessian of the cross-entropy in all parameters, a row for each of them."""
    parameters = list(network.parameters())
    loss = torch.nn.functional.cross_entropy(network(rows), labels)
    slopes = torch.autograd.grad(loss, parameters, create_graph=True)
    slope = torch.cat([s.reshape(-1) for s in slopes])
    matrix = []
    for entry in slope:
        row = torch.autograd.grad(entry, parameters, retain_graph=True)
        matrix.append(torch.cat([r.reshape(-1) for r in row]))
    return torch.stack(matrix).numpy()


def spectral_density(eigenvalues: np.ndarray, x: np.ndarray, width: float) -> np.ndarray:
    """Density of eigenvalues smoothed by a Gaussian of this standard deviation."""
    bumps = np.exp(-(((x[:, None] - eigenvalues) / width) ** 2) / 2)
    return bumps.mean(axis=1) / (sqrt(2 * pi) * width)


def equilibrium_gradients(
    model: DeepEquilibrium, rows: torch.Tensor, targets: torch.Tensor, depth: int
) -> list[np.ndarray]:
    """Gradients of the squared loss through an explicit network of this depth."""
    outputs = model.unrolled(rows, depth) @ model.beta.T
    loss = ((outputs - targets) ** 2).mean()
    return [g.numpy() for g in torch.autograd.grad(loss, list(model.parameters()))]


def tangent_kernel(network: torch.nn.Module, rows: torch.Tensor) -> np.ndarray:
    """Gram matrix of the gradients of the only output, one backward pass a sample."""
    parameters, gradients = list(network.parameters()), []
    for row in rows:
        slopes = torch.autograd.grad(network(row[None])[0, 0], parameters)
        gradients.append(torch.cat([s.reshape(-1) for s in slopes]))
    J = torch.stack(gradients)
    return (J @ J.T).numpy()


def network_errors(
    W: np.ndarray,
    X: np.ndarray,
    y: np.ndarray,
    n: int,
    activation: Activation,
    widths: Sequence[int],
    ridge: float,
) -> np.ndarray:
    """Training and test error of the networks of rows W[:N], each from nothing: shape (2, widths).

    The first n columns of X are training samples.
    """
    errors = []
    for N in widths:
        S = activation(W[:N] @ X)
        train, test = S[:, :n], S[:, n:]
        Qy = solve(train.T @ train / n + ridge * np.eye(n), y[:n], assume_a="pos")
        predicted = test.T @ (train @ Qy) / n
        errors.append((ridge**2 * np.mean(Qy**2), np.mean((y[n:] - predicted) ** 2)))
    return np.transpose(errors)
