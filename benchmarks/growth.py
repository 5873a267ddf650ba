"""How cost grows: one function at three sizes, beside the operation it should come down to."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import eigvalsh_tridiagonal

from benchmarks import command
from benchmarks.cases import Way, classes, covariance_density, descent_by_quadrature
from rmtlib import as_rng
from rmtlib.activations import RELU, TANH
from rmtlib.covariance import report as covariance_report
from rmtlib.curvature import spectral_estimate
from rmtlib.dynamics import descend
from rmtlib.features import RandomFeatureRidge
from rmtlib.jacobians import JacobianLaw, SquaredSlopes
from rmtlib.kernels import random_feature_kernel
from rmtlib.laws import sample_covariance_eigenvalues, wishart_eigenvalues
from rmtlib.networks import MLP, DeepEquilibrium, empirical_tangent_kernel


@dataclass(frozen=True)
class Growth:
    """A function of one size and its floor.

    Parameters
    ----------
    what, size : str
        The function, and what its size is.
    floor : str
        The operation that the cost comes down to.
    make : callable
        From the size to the function and the floor, both ready to be timed.
    sizes : tuple of int
        Three sizes.
    exponent : float
        Growth that the count of operations predicts.
    """

    what: str
    size: str
    floor: str
    make: Callable[[int], tuple[Way, Way]]
    sizes: tuple[int, int, int]
    exponent: float


def _product(rows: int, inner: int, columns: int) -> Way:
    rng = as_rng(9)
    A, B = rng.standard_normal((rows, inner)), rng.standard_normal((inner, columns))
    return lambda: A @ B


def equivalent(n: int) -> tuple[Way, Way]:
    X, y = classes(n, 64, n)
    K = random_feature_kernel(RELU, X)
    return lambda: RandomFeatureRidge(K, y, n), lambda: np.linalg.eigh(K[:n, :n])


def sweep(widths: int) -> tuple[Way, Way]:
    n, n_test = 512, 256
    X, y = classes(n, n_test, n)
    K = random_feature_kernel(RELU, X)
    theory = RandomFeatureRidge(K, y, n)
    N = np.linspace(n / 8, 3 * n, widths)
    return lambda: theory.errors(N, 1e-2), _product(widths, n, n_test)


def covariance(p: int) -> tuple[Way, Way]:
    X = as_rng(0).standard_normal((p, 2 * p))
    return (lambda: sample_covariance_eigenvalues(X), lambda: np.linalg.eigvalsh(X @ X.T / (2 * p)))


def report(p: int) -> tuple[Way, Way]:
    X = as_rng(0).standard_normal((p, 5 * p // 2))
    return lambda: covariance_report(X), lambda: np.linalg.eigh(X @ X.T)[0]


def shell(suffix: str) -> Callable[[int], tuple[Way, Way]]:
    def make(p: int) -> tuple[Way, Way]:
        path = command.table(p, suffix)
        return lambda: command.shell(path), report(p)[1]

    return make


def bidiagonal(p: int) -> tuple[Way, Way]:
    rng = as_rng(0)
    main, side = rng.chisquare(p, size=p), rng.chisquare(p, size=p - 1)
    return lambda: wishart_eigenvalues(p, 2 * p, rng=0), lambda: eigvalsh_tridiagonal(main, side)


def descent(p: int) -> tuple[Way, Way]:
    rng = as_rng(0)
    X, start = rng.standard_normal((p, 2 * p)), rng.standard_normal(p)
    times, y = np.geomspace(1, 1000, 30), rng.standard_normal(2 * p)
    return (
        lambda: descend(X, y, start, times, learning_rate=0.1),
        lambda: np.linalg.eigh(X @ X.T / (2 * p)),
    )


def descent_theory(times: int) -> tuple[Way, Way]:
    rates = as_rng(0).random((times, 102))
    return descent_by_quadrature(times)[0], lambda: np.exp(rates)


def kernel(activation) -> Callable[[int], tuple[Way, Way]]:
    def make(n: int) -> tuple[Way, Way]:
        X = as_rng(0).standard_normal((n, n)) / np.sqrt(n)
        return lambda: random_feature_kernel(activation, X), lambda: X.T @ X

    return make


def tangent(n: int) -> tuple[Way, Way]:
    network = MLP([n, n, n, 1], "tanh", rng=0)
    X = as_rng(1).standard_normal((n, n))
    return lambda: empirical_tangent_kernel(network, X), _product(n, n, n)


def quadrature(n: int) -> tuple[Way, Way]:
    A = as_rng(0).standard_normal((n, n))
    A, v = (A + A.T) / np.sqrt(2 * n), as_rng(1).standard_normal(n)

    def products() -> None:
        for _ in range(4 * 40):
            A @ v

    return lambda: spectral_estimate(A, steps=40, probes=4, reorthogonalize=False, rng=0), products


def density(points: int) -> tuple[Way, Way]:
    matrices = as_rng(0).standard_normal((points, 4, 4))
    return covariance_density(points)[0], lambda: np.linalg.eigvals(matrices)


def jacobian(points: int) -> tuple[Way, Way]:
    law = JacobianLaw(TANH, np.full(32, 0.5))
    x = np.geomspace(1e-3, 0.99, points) * law.support()[1]
    u, K = (1 + 1j) * x, SquaredSlopes(TANH, 0.5).points
    return lambda: law.pdf(x), lambda: 1 / (1 + u[:, None] * K)


def equilibrium(m: int) -> tuple[Way, Way]:
    model = DeepEquilibrium("tanh", p=m, m=m, outputs=1, feedback=0.5, rng=0)
    rows = torch.as_tensor(as_rng(1).standard_normal((m, m)) / np.sqrt(m))
    with torch.no_grad():
        model.features(rows)
    turns = model.solution.iterations
    A, B = rows @ rows.T, rows.clone()

    def forward() -> torch.Tensor:
        with torch.no_grad():
            return model.features(rows)

    def products() -> None:
        for _ in range(turns + 1):
            A @ B

    return forward, products


EIGENVECTORS, _EIGH = "eigenvectors by LAPACK", "X X.T and its eigenvectors"
GROWTH = [
    Growth("equivalent of random features", "n", EIGENVECTORS, equivalent, (400, 800, 1600), 3),
    Growth("all times of a descent", "p", EIGENVECTORS, descent, (400, 800, 1600), 3),
    Growth(
        "spectrum of a sample covariance",
        "p",
        "one product and its eigenvalues",
        covariance,
        (400, 800, 1600),
        3,
    ),
    Growth("report, n = 2.5 p", "p", _EIGH, report, (500, 1000, 2000), 3),
    Growth("python -m rmtlib FILE.csv, n = 2.5 p", "p", _EIGH, shell(".csv"), (500, 1000, 2000), 2),
    Growth("python -m rmtlib FILE.npy, n = 2.5 p", "p", _EIGH, shell(".npy"), (500, 1000, 2000), 3),
    Growth(
        "Wishart eigenvalues",
        "p",
        "those of a tridiagonal matrix",
        bidiagonal,
        (500, 1000, 2000),
        2,
    ),
    Growth("ReLU kernel, p = n", "n", "one matrix product", kernel(RELU), (500, 1000, 2000), 3),
    Growth("tanh kernel, p = n", "n", "one matrix product", kernel(TANH), (500, 1000, 2000), 3),
    Growth("tangent kernel, width n", "n", "one matrix product", tangent, (500, 1000, 2000), 3),
    Growth("equilibrium, m = n", "m", "a product each iteration", equilibrium, (250, 500, 1000), 3),
    Growth(
        "Lanczos quadrature", "n", "its products with vectors", quadrature, (1000, 2000, 4000), 2
    ),
    Growth("error curve", "widths", "one matrix product", sweep, (250, 1000, 4000), 1),
    Growth(
        "theory of a descent",
        "times",
        "one exponential each node",
        descent_theory,
        (1000, 4000, 16000),
        1,
    ),
    Growth(
        "density of a sample covariance",
        "points",
        "eigenvalues of 4 by 4 matrices",
        density,
        (1000, 4000, 16000),
        1,
    ),
    Growth(
        "density of a Jacobian, 32 layers",
        "points",
        "one pass over the slopes",
        jacobian,
        (1000, 2000, 4000),
        1,
    ),
]
