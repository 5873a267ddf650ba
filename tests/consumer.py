"""What a user's script looks like to a type checker; `test_guards` runs mypy on it."""

from typing import assert_type

import numpy as np

from rmtlib import (
    ConvergenceError,
    activations,
    as_rng,
    book,
    clustering,
    covariance,
    curvature,
    data,
    dynamics,
    features,
    homework,
    jacobians,
    kernels,
    laws,
    mixtures,
    networks,
    quantization,
    replicate,
)


def spectra() -> float:
    """Laws and covariances."""
    law = laws.MarchenkoPastur(0.5)
    lam = laws.wishart_eigenvalues(100, 200, rng=0)
    assert_type(lam, np.ndarray)
    assert_type(laws.kolmogorov_distance(lam, law), float)
    assert_type(laws.diagnose(lam, ratio=0.5).cause, str)
    spike = covariance.covariance_spike(2.0, ratio=0.5)
    assert_type(spike, covariance.Outlier)
    assert_type(spike.threshold, float)
    shrunk = covariance.nonlinear_shrinkage(lam, n=200)
    assert_type(shrunk, np.ndarray)
    return law.mean() + laws.TracyWidom().mean()


def classes() -> float:
    """Mixtures, clustering and data."""
    mixture = mixtures.two_classes(2.0, p=20)
    X, labels = mixture.sample(100, rng=as_rng(1))
    K = clustering.distance_kernel(X, clustering.quadratic_profile(1.0, -0.5, 0.25))
    assert_type(K, np.ndarray)
    assert_type(clustering.bayes_accuracy(1.0), float)
    digits = data.load("digits", classes=[3, 8]).pair(3, 8).centered(squared_norm=1.0)
    assert_type(digits, data.Dataset)
    assert_type(data.stored("compression").where(width=500), data.Table)
    signal = data.standardize_classes(X, labels)[2]
    assert_type(signal, float)
    return signal + mixtures.plug_in_linear_discriminant_error(2.0, ratio=0.5)


def networks_and_kernels() -> np.ndarray:
    """Activations, kernels, quantization, features and networks."""
    relu = activations.as_activation("ReLU")
    assert_type(relu, activations.Activation)
    layers = kernels.kernel_coefficients([relu, "erf"], 1.0)
    assert_type(layers[0].variance, float)
    X = as_rng(0).standard_normal((20, 30))
    limit = kernels.deep_kernels([relu, "erf"], X)
    assert_type(limit, kernels.DeepKernels)
    assert_type(kernels.operator_norm(limit.conjugate), float)
    match = quantization.match_activation(relu, 1.0, "two-level")
    Sigma = features.random_features(match.activation, X, 50, rng=0)
    assert_type(Sigma, np.ndarray)
    assert_type(quantization.memory_bits(100, sparsity=0.5), float)
    network = networks.MLP([20, 40, 1], "ReLU", rng=0)
    history = networks.train(network, X, X[0], steps=2, learning_rate=0.1)
    kernel = networks.empirical_tangent_kernel(network, X)
    return np.asarray(kernel * history.loss[-1])


def training() -> float:
    """Dynamics, curvature and Jacobians."""
    model = dynamics.TwoClassDescent(0.5, 2.0, init_variance=0.1)
    stop = model.optimal_stopping(learning_rate=0.1)
    assert_type(stop.time, float)
    law = curvature.HessianLaw(0.5, 0.1)
    estimate = curvature.spectral_estimate(np.eye(4), steps=3, rng=0)
    assert_type(estimate, curvature.SpectralEstimate)
    try:
        variance = jacobians.fixed_point_variance("tanh", weight_variance=1.5)
    except ConvergenceError:
        variance = np.nan
    assert_type(jacobians.critical_point("tanh", 0.5), jacobians.CriticalPoint)
    return law.mean() + variance


def course() -> None:
    """What pages and problem sets use."""
    draws = replicate(lambda rng: rng.standard_normal(), 20, rng=0)
    tolerance = book.standard_errors(4) + 0.01
    book.agree("mean", 0.0, draws, tol=tolerance, wrong={"one": 1.0})
    quiz = book.quiz_number("Two?", 2.0)
    assert_type(quiz.check("2"), tuple[bool | None, str])
    mine = homework.ProblemSet("laws", "ada")
    homework.compare("the mean", mine.rng("a").random(), 0.5, 0.5)
    with homework.withheld("laws.MarchenkoPastur"):
        homework.check(True, "fine")
    book.plots.use_style()
    book.plots.describe(book.plots.spectrum([1.0, 2.0]), "Two eigenvalues.")


if __name__ == "__main__":
    print(spectra(), classes(), networks_and_kernels().shape, training())
    course()
