"""Distance between simulations and limits against the size, for every law and curve.

Command: python experiments/how_close.py [--quick]
         (--quick: the two smallest sizes, prints the table and writes nothing)
Model:   each function below; n is the size that grows, all ratios stay fixed.
Sizes:   n = 50, 100, 200, 400; DRAWS draws, FEW of kernels.
Seeds:   [place of the quantity, n]; draws spawned from it.
Time:    about three minutes
Writes:  the table how_close: the root mean square of the distance over the draws, and the rate
         that is proved (an exponent of 1/n; 0 where none is known).
"""

import argparse
from collections.abc import Callable
from functools import cache

import numpy as np
from _tables import write
from scipy.special import ndtr
from tqdm import tqdm

from rmtlib import (
    clustering,
    covariance,
    curvature,
    dynamics,
    features,
    jacobians,
    kernels,
    laws,
    mixtures,
    quantization,
)

SIZES = (50, 100, 200, 400)
DRAWS = {50: 100, 100: 60, 200: 40, 400: 20}
FEW = {50: 12, 100: 8, 200: 6, 400: 4}  # of the kernels, which are matrices themselves
UNKNOWN = 0.0
Generator = np.random.Generator


def kolmogorov(law: laws.SpectralLaw) -> Callable:
    """Distance of the spectra that a function draws from a law."""

    def of(draw: Callable[[int, Generator], np.ndarray]) -> Callable[[int, Generator], float]:
        return lambda n, rng: laws.kolmogorov_distance(draw(n, rng), law)

    return of


@kolmogorov(laws.MarchenkoPastur(0.5))
def white_noise(n: int, rng: Generator) -> np.ndarray:
    return laws.wishart_eigenvalues(n // 2, n, rng=rng)


def largest_eigenvalue(n: int, rng: Generator) -> float:
    top = laws.wishart_eigenvalues(n // 2, n, rng=rng).max()
    return abs(top - laws.MarchenkoPastur(0.5).support()[1])


@kolmogorov(laws.SampleCovariance(0.5, laws.Discrete([1, 7])))
def two_variances(n: int, rng: Generator) -> np.ndarray:
    scale = np.sqrt(np.repeat([1.0, 7.0], n // 4))[:, None]
    return laws.sample_covariance_eigenvalues(scale * rng.standard_normal((n // 4 * 2, n)))


def spike(n: int, rng: Generator) -> tuple[float, float]:
    found = laws.spiked_wishart(2.0, p=n // 2, n=n, rng=rng)
    limit = covariance.covariance_spike(2.0, ratio=0.5)
    return found.position - limit.position, found.alignment - limit.alignment


def spike_position(n: int, rng: Generator) -> float:
    return abs(spike(n, rng)[0])


def spike_alignment(n: int, rng: Generator) -> float:
    return abs(spike(n, rng)[1])


@kolmogorov(laws.Semicircle())
def wigner(n: int, rng: Generator) -> np.ndarray:
    A = rng.standard_normal((n, n))
    return np.linalg.eigvalsh((A + A.T) / np.sqrt(2 * n))


@kolmogorov(curvature.HessianLaw(0.5, 0.3))
def hessian(n: int, rng: Generator) -> np.ndarray:
    H0, H1 = curvature.sample_hessian(parameters=n, residuals=2 * n, energy=0.3, rng=rng)
    return np.linalg.eigvalsh(H0 + H1)


@kolmogorov(laws.FussCatalan(2))
def product(n: int, rng: Generator) -> np.ndarray:
    A, B = rng.standard_normal((2, n, n)) / np.sqrt(n)
    return np.linalg.svd(A @ B, compute_uv=False) ** 2


@cache
def gram_law() -> laws.SpectralLaw:
    shape = {"features_per_sample": 0.5, "features_per_dimension": 1.0}
    parameters = activation().gram_parameters()
    return features.NonlinearGram(parameters.eta, parameters.zeta, **shape)


@cache
def activation():
    from rmtlib import activations

    return activations.as_activation("tanh")


def nonlinear_gram(n: int, rng: Generator) -> float:
    X, W = rng.standard_normal((n // 2, n)), rng.standard_normal((n // 2, n // 2))
    Y = activation().value(W @ X / np.sqrt(n // 2))
    return laws.kolmogorov_distance(laws.sample_covariance_eigenvalues(Y), gram_law())


@cache
def jacobian_table() -> tuple[np.ndarray, np.ndarray]:
    law = jacobians.JacobianLaw("tanh", jacobians.preactivation_variances("tanh", depth=2))
    x = law.support()[1] * np.linspace(0, 1, 1500) ** 4
    return x, law.cdf(x)


def jacobian(n: int, rng: Generator) -> float:
    """Kolmogorov distance, with a table of the limit, whose points cost milliseconds each."""
    spectrum = np.sort(jacobians.sample_spectrum("tanh", n=n, depth=2, rng=rng))
    F = np.interp(spectrum, *jacobian_table())
    return max(np.max(np.arange(1, n + 1) / n - F), np.max(F - np.arange(n) / n))


def ridgeless(n: int, rng: Generator) -> float:
    p = n // 2
    X, beta = rng.standard_normal((p, n)), rng.standard_normal(p) / np.sqrt(p)
    y = X.T @ beta + rng.standard_normal(n)
    error = np.linalg.lstsq(X.T, y)[0] - beta
    return abs(error @ error - features.ridgeless_risk(0.5, signal=1.0, noise=1.0))


def feature_ridge(n: int, rng: Generator) -> float:
    """Test error of a ridge regression on relu features, against its equivalent."""
    p, tests = n // 2, 2 * n
    X = rng.standard_normal((p, n + tests)) / np.sqrt(p)
    y = np.sign(X[0])
    model = features.RandomFeatureRidge(kernels.random_feature_kernel("relu", X), y, n)
    theory = model.errors(2 * n, 0.1).test
    Sigma = features.random_features("relu", X, 2 * n, rng=rng)
    found = features.simulate_errors(Sigma, y, n, 0.1).test
    return abs(found - theory) / theory


def descent(n: int, rng: Generator) -> float:
    model = dynamics.TwoClassDescent(0.5, 2.0, init_variance=0.1)
    theory = model.at(300.0, learning_rate=0.01).test_error
    run = model.simulate([300.0], learning_rate=0.01, n=n, rng=rng)
    return abs(float(np.squeeze(run.test_error)) - theory)


def deep_kernel(n: int, rng: Generator) -> float:
    """Operator norm between a conjugate kernel of three layers and its equivalent."""
    X = rng.standard_normal((n, n)) / np.sqrt(n)
    names = ["erf", "relu", "erf"]
    K = kernels.deep_kernels(names, X, input_variance=1.0, tangent=False).conjugate
    layer = kernels.kernel_coefficients(names, 1.0)[-1]
    return kernels.operator_norm(K - kernels.entrywise_equivalent(layer, X, input_variance=1.0))


def equilibrium_kernel(n: int, rng: Generator) -> float:
    X = rng.standard_normal((n, n)) / np.sqrt(n)
    model = kernels.Equilibrium("erf", feedback=0.5)
    K = model.kernels(X, tangent=False).conjugate
    return kernels.operator_norm(K - kernels.entrywise_equivalent(model.coefficients, X))


def plug_in_discriminant(n: int, rng: Generator) -> float:
    """Exact error of the rule with estimated means, against its limit."""
    p, labels = n // 2, np.repeat([-1.0, 1.0], n // 2)
    mean = np.zeros(p)
    mean[0] = 1.0
    X = mean[:, None] * labels + rng.standard_normal((p, n))
    ones, others = X[:, labels > 0].mean(axis=1), X[:, labels < 0].mean(axis=1)
    direction, middle = ones - others, (ones + others) / 2
    sides = np.array([direction @ (mean - middle), direction @ (mean + middle)])
    error = ndtr(-sides / np.linalg.norm(direction)).mean()
    return abs(error - mixtures.plug_in_linear_discriminant_error(2.0, ratio=0.5))


def clustering_share(n: int, rng: Generator) -> float:
    """Share of points that the centered heat kernel classifies, against its limit."""
    p, labels = n // 2, np.repeat([-1.0, 1.0], n // 2)
    X = rng.standard_normal((p, n))
    X[0] += 2.0 * labels
    K = clustering.center(clustering.distance_kernel(X, clustering.HEAT))
    vector = np.linalg.eigh(K)[1][:, -1]
    share = np.mean(np.sign(vector) == labels)
    limit = clustering.mean_spike(4.0, clustering.HEAT, ratio=0.5)
    return abs(max(share, 1 - share) - clustering.clustering_accuracy(limit.alignment))


@cache
def tangent_law() -> laws.SpectralLaw:
    centered = activation().centered(1.0)
    moments = centered.affine(centered.moments(1.0).second_moment ** -0.5).moments(1.0)
    gram = features.DeepGram(
        moments.mean_derivative**2, samples_per_dimension=2.0, samples_per_feature=[1.0]
    )
    return gram.tangent(moments.mean_squared_derivative)


def tangent_kernel(n: int, rng: Generator) -> float:
    """Kolmogorov distance of the tangent kernel of one hidden layer, both layers trained."""
    centered = activation().centered(1.0)
    sigma = centered.affine(centered.moments(1.0).second_moment ** -0.5)
    p = n // 2
    X = rng.standard_normal((p, n)) / np.sqrt(p)
    H = rng.standard_normal((n, p)) @ X
    slopes = sigma.derivative(H) * rng.choice([-1.0, 1.0], n)[:, None]
    Y = sigma.value(H)
    kernel = Y.T @ Y / n + (slopes.T @ slopes / n) * (X.T @ X)
    return laws.kolmogorov_distance(np.linalg.eigvalsh(kernel), tangent_law())


@cache
def one_step_theory() -> float:
    return float(
        features.small_step_errors(
            "tanh", "tanh", 1.0, features_per_dimension=1.0, samples_per_dimension=2.0, ridge=0.1
        ).test
    )


def one_step(n: int, rng: Generator) -> float:
    """Test error after a gradient step of order one and a ridge regression."""
    found = features.simulate_one_step(
        "tanh", "tanh", 1.0, p=n // 2, n=n, N=n // 2, ridge=0.1, n_test=4000, rng=rng
    )
    return abs(float(found.test) - one_step_theory())


@cache
def two_levels():
    return quantization.match_network(["relu"], 1.0, kind="two-level")


def matched_kernels(n: int, rng: Generator) -> float:
    """Operator norm between the centered kernels of relu and its match, up to a multiple of I."""
    X = rng.standard_normal((n, n)) / np.sqrt(n)
    match = two_levels()
    dense = kernels.random_feature_kernel("relu", X)
    difference = dense - kernels.random_feature_kernel(match.activations[0], X)
    np.fill_diagonal(difference, (difference.sum() - np.trace(difference)) / (n * (n - 1)))
    return kernels.operator_norm(clustering.center((difference + difference.T) / 2))


# Name, chapter, what the distance is, the proved rate, and the function.
QUANTITIES = [
    ("Marčenko-Pastur law", "sample_covariance", "Kolmogorov distance", 1, white_noise),
    ("largest eigenvalue of noise", "sample_covariance", "distance from the edge", 2 / 3,
     largest_eigenvalue),
    ("law of two variances", "sample_covariance", "Kolmogorov distance", UNKNOWN, two_variances),
    ("position of a spike", "sample_covariance", "distance", 1 / 2, spike_position),
    ("alignment of a spike", "sample_covariance", "distance of squared cosines", 1 / 2,
     spike_alignment),
    ("ridgeless least squares", "random_features", "distance of risks", 1 / 2, ridgeless),
    ("ridge on random features", "random_features", "relative distance of test errors", UNKNOWN,
     feature_ridge),
    ("nonlinear Gram law", "nonlinear_gram", "Kolmogorov distance", UNKNOWN, nonlinear_gram),
    ("descent before it converges", "gradient_descent_dynamics",
     "distance of test errors", UNKNOWN, descent),
    ("kernel of three layers", "deep_kernels", "operator norm", 1 / 2, deep_kernel),
    ("semicircle law", "hessian_spectra", "Kolmogorov distance", 1, wigner),
    ("law of the Hessian", "hessian_spectra", "Kolmogorov distance", UNKNOWN, hessian),
    ("product of two matrices", "jacobian_spectra", "Kolmogorov distance", UNKNOWN, product),
    ("Jacobian of two layers", "jacobian_spectra", "Kolmogorov distance", UNKNOWN, jacobian),
    ("kernel of an equilibrium", "deep_equilibrium", "operator norm", 1 / 2, equilibrium_kernel),
    ("discriminant with estimated means", "curse_of_dimensionality", "distance of errors", 1 / 2,
     plug_in_discriminant),
    ("accuracy of clustering", "kernel_spectral_clustering", "distance of shares", UNKNOWN,
     clustering_share),
    ("law of the tangent kernel", "nonlinear_gram", "Kolmogorov distance", UNKNOWN,
     tangent_kernel),
    ("error after one step", "one_step_feature_learning", "distance of test errors", UNKNOWN,
     one_step),
    ("kernels of a layer and its match", "ntk_compression", "operator norm", UNKNOWN,
     matched_kernels),
]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    rows = []
    cases = [(k, n) for k in range(len(QUANTITIES)) for n in (SIZES[:2] if quick else SIZES)]
    for k, n in tqdm(cases, disable=None):
        name, chapter, distance, rate, draw = QUANTITIES[k]
        draws = (FEW if distance == "operator norm" else DRAWS)[n]
        children = np.random.default_rng([k, n]).spawn(draws)
        found = np.array([draw(n, rng) for rng in children])
        rows.append((name, chapter, distance, rate, n, draws, np.sqrt(np.mean(found**2))))
    write(
        "how_close",
        "distance between simulation and limit",
        {"quantity": "s", "chapter": "s", "distance": "s", "rate": ".3f", "n": "d", "draws": "d",
         "error": ".4g"},
        rows,
        seeds="[place of the quantity, n], draws spawned from it",
        sizes=f"n = {', '.join(map(str, SIZES))}; draws in the column",
        quick=quick,
    )  # fmt: skip


if __name__ == "__main__":
    main()
