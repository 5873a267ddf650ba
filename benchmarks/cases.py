"""What is compared with what: the library's way and the obvious one, at two sizes.

The benchmarks time both ways at ``sizes``; ``tests/test_benchmarks.py`` checks at the
``small`` ones that they agree, and so do the benchmarks at theirs. Cases that need
packages besides those of the course are in `benchmarks.peers`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.covariance import LedoitWolf
from sklearn.metrics.pairwise import rbf_kernel

from benchmarks import figures, naive
from rmtlib import as_rng
from rmtlib.activations import COS, ERF, RELU, SIN
from rmtlib.clustering import HEAT, distance_kernel
from rmtlib.covariance import NonlinearShrinkage, count_components
from rmtlib.curvature import Curvature, spectral_estimate
from rmtlib.dynamics import TwoClassDescent, descend
from rmtlib.features import RandomFeatureRidge
from rmtlib.jacobians import JacobianLaw
from rmtlib.kernels import random_feature_kernel
from rmtlib.laws import (
    Discrete,
    SampleCovariance,
    sample_covariance_eigenvalues,
    wishart_eigenvalues,
)
from rmtlib.mixtures import two_classes
from rmtlib.networks import MLP, DeepEquilibrium, empirical_tangent_kernel
from rmtlib.quantization import match_activation

Way = Callable[[], Any]


@dataclass(frozen=True)
class Case:
    """Two ways to one result.

    Parameters
    ----------
    subject : str
        Section of the page.
    what, against : str
        The result, with fields of ``sizes`` in braces, and the other way to it.
    make : callable
        From sizes to the two ways, the library's first; what they share is done in it.
    sizes : dict
        Sizes in the benchmarks.
    tol : float
        Largest difference allowed, relative to the largest entry.
    why : str
        Where the tolerance comes from.
    small : dict
        Sizes in the tests, and in the benchmarks with ``--small``.
    once : bool
        The other way takes long and is timed a single time, the first.
    """

    subject: str
    what: str
    against: str
    make: Callable[..., tuple[Way, Way]]
    sizes: dict[str, int]
    tol: float
    why: str
    small: dict[str, int]
    once: bool = False

    def __str__(self) -> str:
        return f"{self.make.__name__}-{self.against}"


def difference(ours: Any, theirs: Any) -> float:
    """Largest difference of two results, relative to the largest entry of each array."""
    if isinstance(ours, list | tuple):
        return max(difference(*pair) for pair in zip(ours, theirs, strict=True))
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    if ours.shape != theirs.shape:
        raise ValueError(f"results must have one shape, got {ours.shape} and {theirs.shape}")
    return float(np.max(np.abs(ours - theirs)) / np.max(np.abs(theirs)))


def covariance_density(points: int) -> tuple[Way, Way]:
    atoms, weights = [1.0, 3.0, 7.0], [1 / 3] * 3
    law = SampleCovariance(0.1, Discrete(atoms, weights))
    x = np.linspace(*law.support(), points)
    return (
        lambda: law.pdf(x),
        lambda: naive.silverstein_density(x, 0.1, atoms, weights, height=1e-4),
    )


def jacobian_density(points: int, depth: int) -> tuple[Way, Way]:
    law, half = (JacobianLaw(ERF, np.full(L, 0.5)) for L in (depth, depth // 2))
    x = np.geomspace(1e-3, 0.99, points) * law.support()[1]
    return lambda: law.pdf(x), lambda: (half @ half).pdf(x)


def classes(n: int, n_test: int, p: int) -> tuple[np.ndarray, np.ndarray]:
    """Two Gaussian classes in the scaling of random features, and their labels -1 and 1."""
    X, labels = two_classes(4.0, p=p).sample(n + n_test, normalize=True, rng=0)
    return X, 2.0 * labels - 1


def equivalent(X: np.ndarray, y: np.ndarray, n: int) -> RandomFeatureRidge:
    """Deterministic equivalent of ReLU features, from data whose first n columns are trained on."""
    return RandomFeatureRidge(random_feature_kernel(RELU, X), y, n)


def error_sweep(n: int, widths: int) -> tuple[Way, Way]:
    X, y = classes(n, n // 2, n // 2)
    K = random_feature_kernel(RELU, X)
    kernels = K[:n, :n], y[:n], K[:n, n:], y[n:], np.diag(K)[n:]
    N, ridge = np.linspace(n // 8, 3 * n, widths).astype(int), 1e-2

    def sweep() -> tuple[np.ndarray, np.ndarray]:
        errors = RandomFeatureRidge(K, y, n).errors(N, ridge)
        return errors.train, errors.test

    return sweep, lambda: tuple(naive.error_curve(*kernels, N, ridge))


def double_descent(n: int, widths: int, draws: int) -> tuple[Way, Way]:
    p, ridge, rng = n // 2, 1e-2, as_rng(1)
    X, y = classes(n, n // 2, p)
    N = np.unique(np.linspace(0, 3.5, widths + 1)[1:] * n).round().astype(int)

    def theory() -> tuple[np.ndarray, np.ndarray]:
        errors = equivalent(X, y, n).errors(N, ridge)
        return errors.train, errors.test

    def simulation() -> tuple[np.ndarray, np.ndarray]:
        runs = [
            figures.cut_network_errors(rng.standard_normal((N[-1], p)), X, y, n, RELU, N, ridge)
            for _ in range(draws)
        ]
        return tuple(np.mean(runs, axis=0))

    return theory, simulation


def cut_networks(n: int, widths: int) -> tuple[Way, Way]:
    p, ridge = n // 2, 1e-2
    X, y = classes(n, n // 2, p)
    N = np.unique(np.linspace(0, 3.5, widths + 1)[1:] * n).round().astype(int)
    W = as_rng(1).standard_normal((N[-1], p))
    setting = (W, X, y, n, RELU, N, ridge)
    return lambda: figures.cut_network_errors(*setting), lambda: naive.network_errors(*setting)


def descent_by_quadrature(times: int) -> tuple[Way, Way]:
    t, model = np.geomspace(3, 3000, times), TwoClassDescent(0.5, 1.0, init_variance=0.1)
    return (
        lambda: model.at(t, 0.01).test_error,
        lambda: naive.descent_curve(t, 0.5, 1.0, 0.1, 0.01),
    )


def _stepping(p: int, steps: int, draws: int) -> tuple[Callable, Way]:
    """The runs of the descent figure, and their errors step by step."""
    runs = figures.draw_descents(draws, p, 2 * p, 1.0, 0.1, as_rng(1))

    def errors(weights: Callable) -> np.ndarray:
        return figures.descent_errors(runs, 1.0, weights)

    return errors, lambda: errors(lambda *run: naive.descend_by_steps(*run, steps, 0.1))


def descent_theory(p: int, steps: int, draws: int) -> tuple[Way, Way]:
    def theory() -> np.ndarray:
        model = TwoClassDescent(0.5, 1.0, init_variance=0.1)
        run = model.at(np.arange(1, steps + 1), 0.1, dynamics="steps")
        return np.array([run.test_error, run.train_error])

    return theory, _stepping(p, steps, draws)[1]


def descent_runs(p: int, steps: int, draws: int) -> tuple[Way, Way]:
    errors, by_steps = _stepping(p, steps, draws)
    times = np.arange(1, steps + 1)

    def modes(X: np.ndarray, y: np.ndarray, start: np.ndarray) -> np.ndarray:
        return descend(X, y, start, times, learning_rate=0.1, dynamics="steps")

    return lambda: errors(modes), by_steps


def wishart(p: int, draws: int) -> tuple[Way, Way]:
    def moments(eigenvalues: np.ndarray) -> list[float]:
        return [np.mean(eigenvalues**k) for k in (1, 2, 3)]

    return (
        lambda: moments(wishart_eigenvalues(p, 2 * p, size=draws, rng=0)),
        lambda: moments(naive.wishart_eigenvalues(p, 2 * p, draws, as_rng(1))),
    )


def parallel_analysis(p: int, draws: int) -> tuple[Way, Way]:
    n = 2 * p
    X = as_rng(0).standard_normal((p, n))
    lam = sample_covariance_eigenvalues(X)
    return (
        lambda: count_components(lam, n=n, method="parallel", draws=draws).threshold,
        lambda: naive.parallel_threshold(X, draws, as_rng(1)),
    )


def shrinkage_error(p: int, n: int) -> tuple[Way, Way]:
    variances = np.array([1.0, 3, 7])[np.arange(p) % 3]
    rows = as_rng(0).standard_normal((n, p)) * np.sqrt(variances)

    def error(estimator) -> Way:
        scaled = p * np.mean(variances) ** 2
        return lambda: estimator().fit(rows).error_norm(np.diag(variances)) / scaled

    return error(NonlinearShrinkage), error(LedoitWolf)


def relu_kernel(n: int, p: int) -> tuple[Way, Way]:
    X = as_rng(0).standard_normal((p, n)) / np.sqrt(p)
    return lambda: random_feature_kernel(RELU, X), lambda: naive.relu_kernel(X)


def heat_by_pairs(n: int, p: int) -> tuple[Way, Way]:
    X = as_rng(0).standard_normal((p, n))
    return lambda: distance_kernel(X, HEAT), lambda: naive.heat_kernel(X)


def heat_by_sklearn(n: int, p: int) -> tuple[Way, Way]:
    X = as_rng(0).standard_normal((p, n))
    return lambda: distance_kernel(X, HEAT), lambda: rbf_kernel(X.T, gamma=1 / (2 * p))


def fourier_by_sklearn(n: int, p: int) -> tuple[Way, Way]:
    X = as_rng(0).standard_normal((p, n)) / np.sqrt(p)
    return (
        lambda: random_feature_kernel(COS, X) + random_feature_kernel(SIN, X),
        lambda: rbf_kernel(X.T, gamma=1 / 2),
    )


def matching(tries: int) -> tuple[Way, Way]:
    def ours() -> np.ndarray:
        steps = match_activation(RELU, 1.0, "two-level").activation
        return np.tile(np.sort(np.abs([*steps.thresholds, steps.levels[0]])), (tries, 1))

    def theirs() -> np.ndarray:
        rng = as_rng(0)
        found = [naive.match_two_levels(RELU, 1.0, rng) for _ in range(tries)]
        return np.sort(np.abs(found), axis=1)

    return ours, theirs


def labelled_images(p: int, width: int, n: int) -> tuple[MLP, torch.Tensor, torch.Tensor]:
    """A tanh network with ten outputs, samples and random labels."""
    network = MLP([p, width, 10], "tanh", rng=0)
    rows = torch.as_tensor(as_rng(1).standard_normal((n, p)))
    return network, rows, torch.as_tensor(as_rng(2).integers(10, size=n))


def exact_hessian(p: int, width: int, n: int, probes: int) -> tuple[Way, Way]:
    network, rows, labels = labelled_images(p, width, n)
    x, smoothing = np.linspace(-0.1, 0.3, 400), 0.01

    def quadrature() -> np.ndarray:
        H = Curvature(network, rows, labels, loss="cross-entropy").hessian
        return spectral_estimate(H, probes=probes, rng=0).density(x, smoothing)[0]

    def exact() -> np.ndarray:
        eigenvalues = np.linalg.eigvalsh(naive.hessian(network, rows, labels))
        return naive.spectral_density(eigenvalues, x, smoothing)

    return quadrature, exact


def equilibrium_model(
    p: int, m: int, n: int
) -> tuple[DeepEquilibrium, torch.Tensor, torch.Tensor, Way]:
    """A model, samples, targets, and the gradients of the squared loss by the library."""
    model = DeepEquilibrium("tanh", p=p, m=m, outputs=1, feedback=0.7, rng=0, tol=1e-10)
    rows = torch.as_tensor(as_rng(1).standard_normal((n, p)) / np.sqrt(p))
    targets = torch.as_tensor(as_rng(2).standard_normal((n, 1)))

    def gradients() -> list[np.ndarray]:
        loss = ((model(rows) - targets) ** 2).mean()
        return [g.numpy() for g in torch.autograd.grad(loss, list(model.parameters()))]

    return model, rows, targets, gradients


def unrolled(p: int, m: int, n: int, depth: int) -> tuple[Way, Way]:
    model, rows, targets, gradients = equilibrium_model(p, m, n)
    return gradients, lambda: naive.equilibrium_gradients(model, rows, targets, depth)


def tangent(n: int, width: int) -> tuple[Way, Way]:
    network = MLP([100, width, width, 1], "tanh", rng=0)
    X = as_rng(1).standard_normal((100, n))
    rows = torch.as_tensor(X.T.copy())
    return (
        lambda: empirical_tangent_kernel(network, X),
        lambda: naive.tangent_kernel(network, rows),
    )


JACOBIAN = [
    Case(
        "jacobian",
        "density of a Jacobian of {depth} layers at {points} points",
        "free product of its two halves",
        jacobian_density,
        {"points": 100, "depth": L},
        1e-9,
        "both solve their equations to 1e-10",
        {"points": 5, "depth": min(L, 4)},
        once=True,
    )
    for L in (2, 8, 32)
]

CASES = [
    Case(
        "density",
        "density of a sample covariance at {points} points",
        "a fixed point for each",
        covariance_density,
        {"points": 1000},
        0.04,
        "the square root of the height 1e-4, at the edges, over a density of 0.6: 0.02, twice",
        {"points": 60},
        once=True,
    ),
    *JACOBIAN,
    Case(
        "curve",
        "error curve at {widths} widths, n = {n}",
        "inverses for each width",
        error_sweep,
        {"n": 256, "widths": 50},
        1e-7,
        "the fixed point stops at relative changes of 1e-10",
        {"n": 40, "widths": 12},
        once=True,
    ),
    Case(
        "descent",
        "error of gradient flow at {times} times",
        "quadrature at each",
        descent_by_quadrature,
        {"times": 1000},
        1e-9,
        "absolute tolerance 1e-11 of the quadrature",
        {"times": 30},
    ),
    Case(
        "descent",
        "errors at {steps} steps, from the theory",
        "{draws} runs, step by step",
        descent_theory,
        {"p": 256, "steps": 1000, "draws": 50},
        0.05,
        "training and test errors of one run fluctuate like p^(-1/2), divided by their number",
        {"p": 100, "steps": 30, "draws": 20},
    ),
    Case(
        "descent",
        "{draws} runs of {steps} steps, p = {p}",
        "step by step",
        descent_runs,
        {"p": 256, "steps": 1000, "draws": 50},
        1e-10,
        "rounding; training errors are counts, equal unless a score is zero up to rounding",
        {"p": 20, "steps": 40, "draws": 3},
    ),
    Case(
        "figure",
        "double descent from the theory: {widths} widths, n = {n}",
        "{draws} networks cut to each width",
        double_descent,
        {"n": 1024, "widths": 70, "draws": 30},
        0.1,
        "errors of order n^(-1/2) for one draw and 1/n in the mean, largest at the peak",
        {"n": 300, "widths": 7, "draws": 20},
        once=True,
    ),
    Case(
        "figure",
        "one network cut to {widths} widths, n = {n}",
        "each width from nothing",
        cut_networks,
        {"n": 1024, "widths": 70},
        1e-6,
        "rounding times the condition number at this ridge",
        {"n": 48, "widths": 9},
        once=True,
    ),
    Case(
        "wishart",
        "{draws} draws of {p} Wishart eigenvalues",
        "the spectrum of the data",
        wishart,
        {"p": 500, "draws": 20},
        0.02,
        "moments of one draw fluctuate like 1/p, divided by the root of the draws: 0.01 at most",
        {"p": 60, "draws": 100},
    ),
    Case(
        "covariance",
        "parallel analysis by {draws} draws of noise, p = {p}",
        "permutations of the data",
        parallel_analysis,
        {"p": 500, "draws": 50},
        0.05,
        "a quantile of draws whose largest eigenvalues vary by p^(-2/3): 0.016, times three",
        {"p": 60, "draws": 100},
        once=True,
    ),
    Case(
        "covariance",
        "nonlinear shrinkage of {n} samples, p = {p}, and its error",
        "scikit-learn's LedoitWolf",
        shrinkage_error,
        {"p": 500, "n": 1000},
        0.5,
        "two estimators: the difference of their errors is what is shown",
        {"p": 60, "n": 120},
    ),
    Case(
        "kernel",
        "ReLU kernel, n = {n}",
        "two loops over samples",
        relu_kernel,
        {"n": 1000, "p": 200},
        1e-7,
        "rounding of a cosine near 1 is its root in the angle",
        {"n": 40, "p": 10},
    ),
    Case(
        "kernel",
        "heat kernel, n = {n}",
        "two loops over samples",
        heat_by_pairs,
        {"n": 1000, "p": 200},
        1e-12,
        "rounding",
        {"n": 40, "p": 10},
    ),
    Case(
        "kernel",
        "heat kernel, n = {n}",
        "scikit-learn",
        heat_by_sklearn,
        {"n": 2000, "p": 200},
        1e-12,
        "rounding",
        {"n": 40, "p": 10},
    ),
    Case(
        "kernel",
        "kernel of random Fourier features, n = {n}",
        "scikit-learn",
        fourier_by_sklearn,
        {"n": 2000, "p": 200},
        1e-12,
        "rounding",
        {"n": 40, "p": 10},
    ),
    Case(
        "matching",
        "two-level match of ReLU",
        "minimization from random starts",
        matching,
        {"tries": 1},
        1e-6,
        "the minimization stops at a squared misfit of 1e-17",
        {"tries": 1},
    ),
    Case(
        "hessian",
        "density of a Hessian by {probes} probes",
        "all its eigenvalues",
        exact_hessian,
        {"p": 50, "width": 40, "n": 400, "probes": 10},
        0.1,
        "relative standard error of order (parameters times probes)^(-1/2): 0.02, times five",
        {"p": 5, "width": 6, "n": 30, "probes": 40},
        once=True,
    ),
    Case(
        "equilibrium",
        "gradient of an equilibrium of width {m}",
        "back-propagation through {depth} layers",
        unrolled,
        {"p": 100, "m": 500, "n": 200, "depth": 60},
        1e-8,
        "both contract to 1e-10 of the solution",
        {"p": 5, "m": 40, "n": 8, "depth": 60},
    ),
    Case(
        "tangent",
        "tangent kernel, n = {n}, width {width}",
        "a backward pass for each sample",
        tangent,
        {"n": 200, "width": 512},
        1e-12,
        "rounding",
        {"n": 12, "width": 16},
    ),
]
