"""Equivalents of deep kernels in large dimension: rates, wrong variants, doors."""

from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest

from rmtlib import _checks
from rmtlib.activations import ABS, COS, ERF, GAUSSIAN, RELU, SIGN, Quadratic
from rmtlib.kernels import (
    KernelCoefficients,
    conjugate_kernel,
    deep_kernels,
    entrywise_equivalent,
    kernel_coefficients,
    mixture_equivalent,
    operator_norm,
    random_feature_kernel,
    weight_moment_correction,
)
from rmtlib.mixtures import GaussianMixture

SIZES = np.array([200, 400, 800])


def mixture(p):
    """Two classes that differ in mean, trace and shape of the covariance."""
    means = np.zeros((p, 2))
    means[0, 0] = means[1, 1] = 2
    i = np.arange(p)
    return GaussianMixture(means, [1.0, (1 + 4 / np.sqrt(p)) * 0.4 ** np.abs(i[:, None] - i)])


def sample(n, rng=0):
    model = mixture(round(0.8 * n))
    X, labels = model.sample(n, normalize=True, rng=rng)
    return model, X, labels


def slope(sizes, errors):
    return np.polyfit(np.log(sizes), np.log(errors), 1)[0]


DRAWS = 4


@lru_cache(12)  # one network
def exact(name, n, draw):
    """Data and both exact kernels of one of `NETWORKS`."""
    model, X, labels = sample(n, rng=draw)
    s = model.typical_squared_norm()
    kernels = deep_kernels(NETWORKS[name], X, input_variance=s)
    return model, X, labels, (kernels.conjugate, kernels.tangent)


def errors_of(name, tangent, variant=lambda layers: layers[-1]):
    """Operator norm of exact minus equivalent at `SIZES`, mean of some draws."""
    errors = np.empty((SIZES.size, DRAWS))
    for i, draw in np.ndindex(errors.shape):
        model, X, labels, kernels = exact(name, int(SIZES[i]), draw)
        layer = variant(kernel_coefficients(NETWORKS[name], model.typical_squared_norm()))
        near = mixture_equivalent(layer, X, labels, model, tangent=tangent).matrix()
        errors[i, draw] = operator_norm(kernels[tangent] - near)
    return errors.mean(axis=1)


NETWORKS = {
    "relu": [RELU],
    "relu2": [RELU] * 2,
    "mixed": [ABS, RELU, COS],
    "quadratic": [Quadratic(0.2, 1, 0), RELU, GAUSSIAN],
    "erf2": [ERF] * 2,
}


def excess_slope(name, tangent, variant=lambda layers: layers[-1]):
    """Slope of the errors in units of what the theorem leaves out.

    That is the largest fluctuation of a squared norm, of order sqrt(log n / n): the slope is
    zero, negative while smaller terms matter, and +0.4 for errors that do not vanish.
    """
    largest = np.empty((SIZES.size, DRAWS))
    for i, draw in np.ndindex(largest.shape):
        model, X, *_ = exact(name, int(SIZES[i]), draw)
        delta = np.sum(X**2, axis=0) - model.typical_squared_norm()
        largest[i, draw] = np.max(np.abs(delta))
    largest = largest.mean(axis=1)
    return slope(SIZES, errors_of(name, tangent, variant) / largest)


@pytest.mark.parametrize("tangent", [False, True], ids=["conjugate", "tangent"])
@pytest.mark.parametrize("name", NETWORKS)
def test_equivalents_approach_exact_kernels_in_operator_norm(name, tangent):
    assert -0.35 < excess_slope(name, tangent) < 0.075
    assert slope(SIZES, errors_of(name, tangent)) == pytest.approx(-0.55, abs=0.3)


def with_identity_term(layers):
    """The coefficient of the identity minus tau_0^4 alpha_3, as printed in 2023."""
    last = layers[-1]
    return replace(last, variance=last.variance - layers[0].variance ** 2 * last.alpha[2])


def recursion(layers, alpha4_power=2, curvature=1.0, start=1.0, third=0.5):
    """The recursion of alpha_2, alpha_3 with other constants in it."""
    two, three, four = 0.0, 0.0, start
    for before, layer in pairwise(layers):
        e1, e2 = layer.moments.mean_derivative, layer.moments.mean_curvature
        two = e1**2 * two + e2**2 / 4 * four**alpha4_power
        three = e1**2 * three + third * e2**2 * before.alpha[0] ** 2
        four *= curvature * layer.moments.centered_second_moment_slope
    last = layers[-1]
    return replace(last, alpha=(last.alpha[0], two, three, *last.alpha[3:]))


def with_term(layer, name, k, value):
    """The layer with another k-th coefficient of ``name``, alpha or beta."""
    terms = getattr(layer, name)
    return replace(layer, **{name: (*terms[: k - 1], value, *terms[k:])})


WRONG = {
    "term of 2023": with_identity_term,
    "alpha4 not squared": lambda layers: recursion(layers, alpha4_power=1),
    "whole second derivative": lambda layers: recursion(layers, curvature=2.0),
    "alpha4 starts at 0": lambda layers: recursion(layers, start=0.0),
    "alpha3 without 1/2": lambda layers: recursion(layers, third=1.0),
    "no alpha2": lambda layers: with_term(layers[-1], "alpha", 2, 0.0),
    "variance for scale": lambda layers: replace(layers[-1], variance=layers[-1].variance ** 0.5),
}


@pytest.mark.parametrize("variant", WRONG.values(), ids=WRONG)
def test_wrong_recursions_do_not_vanish(variant):
    assert excess_slope("relu2", False, variant) > 0.1


def test_right_recursion_written_again_is_the_same():
    layers = kernel_coefficients([RELU] * 3, 1.3)
    np.testing.assert_allclose(recursion(layers).alpha, layers[-1].alpha, rtol=1e-14)


WRONG_TANGENT = {
    "diagonal starts at the scale": lambda layers: replace(
        layers[-1], tangent_variance=layers[-1].tangent_variance + 0.1
    ),
    "no cross term": lambda layers: with_term(layers[-1], "beta", 3, layers[-1].alpha[2]),
    "conjugate coefficients": lambda layers: with_term(layers[-1], "beta", 1, layers[-1].alpha[0]),
}


@pytest.mark.parametrize("variant", WRONG_TANGENT.values(), ids=WRONG_TANGENT)
def test_wrong_tangent_recursions_do_not_vanish(variant):
    assert excess_slope("relu", True, variant) > 0.1


def test_equivalent_entry_by_entry():
    model, X, labels = sample(50)
    layer = kernel_coefficients([RELU] * 2, model.typical_squared_norm())[-1]
    found = mixture_equivalent(layer, X, labels, model).matrix()
    second_order = model.second_order()
    t, T = second_order.t, second_order.T
    delta = t[labels] / np.sqrt(model.p) + model.norm_fluctuation(X, labels, normalize=True)
    wanted = layer.alpha[0] * (X.T @ X - model.typical_squared_norm() * np.eye(50))
    wanted += layer.alpha[1] * np.outer(delta, delta)
    wanted += layer.alpha[2] * T[np.ix_(labels, labels)] / model.p
    wanted += layer.variance * np.eye(50)
    np.testing.assert_allclose(found, wanted, atol=1e-15)
    np.testing.assert_array_equal(found, found.T)


@pytest.mark.parametrize("tangent", [False, True], ids=["conjugate", "tangent"])
@pytest.mark.parametrize("name", ["relu", "relu2"])
def test_equivalent_without_classes_approaches_the_exact_kernel(name, tangent):
    errors, wrong = np.empty((2, SIZES.size))
    for i, n in enumerate(SIZES):
        model, X, _, kernels = exact(name, int(n), 0)
        s = model.typical_squared_norm()
        layer = kernel_coefficients(NETWORKS[name], s)[-1]
        near = entrywise_equivalent(layer, X, input_variance=s, tangent=tangent)
        errors[i] = operator_norm(kernels[tangent] - near)
        three = layer.beta[2] if tangent else layer.alpha[2]
        wrong[i] = operator_norm(kernels[tangent] - near - s**2 * three * np.eye(n))
    assert slope(SIZES, errors) < -0.32  # rate: -0.42, one draw a size
    assert errors[-1] < wrong[-1] / 2  # without the term that squared norms ask for


def test_equivalent_without_classes_takes_the_scale_of_the_data():
    X = _checks.as_rng(8).standard_normal((60, 30)) / np.sqrt(60)
    layer = kernel_coefficients([RELU] * 2, float(np.mean(np.sum(X**2, axis=0))))[-1]
    one = entrywise_equivalent(layer, X)
    scaled = kernel_coefficients([RELU] * 2, 9 * float(np.mean(np.sum(X**2, axis=0))))[-1]
    np.testing.assert_allclose(entrywise_equivalent(scaled, 3 * X), 9 * one, atol=1e-12)
    with pytest.raises(ValueError, match="finite tangent variance"):
        entrywise_equivalent(kernel_coefficients([SIGN], 1.0)[-1], X, tangent=True)
    with pytest.raises(ValueError, match="layer must be a KernelCoefficients"):
        entrywise_equivalent(None, X)
    with pytest.raises(ValueError, match="input_variance must be"):
        entrywise_equivalent(layer, X, input_variance=-1)
    with pytest.raises(ValueError, match=r"\bX must be"):
        entrywise_equivalent(layer, X[0])


QUADRATIC = Quadratic(0.5, 1, 0)


def kurtosis_errors(fourth_moment, corrected=True, deeper=False):
    """Exact kernel of a quadratic activation with such weights, minus the equivalent."""
    first = Quadratic(0.3, 1, 0) if deeper else QUADRATIC
    errors = np.zeros(SIZES.size)
    for i, n in enumerate(SIZES):
        model, X, labels = sample(n)
        activations = [first, RELU] if deeper else [first]
        layers = kernel_coefficients(
            activations,
            model.typical_squared_norm(),
            weight_fourth_moment=fourth_moment if corrected else 3.0,
        )
        K = random_feature_kernel(layers[1].activation, X)
        K += weight_moment_correction(first, X, fourth_moment=fourth_moment)
        if deeper:
            K = conjugate_kernel(layers[2].activation, K)
        errors[i] = operator_norm(K - mixture_equivalent(layers[-1], X, labels, model).matrix())
    return errors


@pytest.mark.parametrize(("sparsity", "deeper"), [(0.0, False), (0.9, False), (0.9, True)], ids=str)
def test_kurtosis_of_the_first_weights_adds_a_term(sparsity, deeper):
    m4 = 1 / (1 - sparsity)  # of ternary weights of variance 1
    corrected = kurtosis_errors(m4, True, deeper)
    plain = kurtosis_errors(m4, False, deeper)
    assert slope(SIZES, corrected) < -0.38 < slope(SIZES, plain)  # rate: -0.42, or steeper
    assert plain[-1] > 1.5 * corrected[-1]


@pytest.mark.parametrize("n", [5, 300])
def test_operator_norm_is_the_spectral_norm(n):
    A = _checks.as_rng(7).standard_normal((n, n))
    A = A + A.T
    assert operator_norm(A) == pytest.approx(np.linalg.norm(A, 2), rel=1e-5)
    assert operator_norm(-A) == pytest.approx(operator_norm(A), rel=1e-5)
    assert operator_norm(np.zeros((n, n))) == 0


MODEL, X, LABELS = sample(20)
LAYER = kernel_coefficients([RELU], 1.0)[-1]


def test_quantized_networks_have_no_tangent_equivalent():
    layer = kernel_coefficients([SIGN, RELU], 1)[-1]
    mixture_equivalent(layer, X, LABELS, MODEL)
    with pytest.raises(ValueError, match="layer must have a finite tangent variance"):
        mixture_equivalent(layer, X, LABELS, MODEL, tangent=True)


@pytest.mark.parametrize(
    "bad",
    [[1.0, 2.0], [[np.nan, 1.0]], [[np.inf, 1.0]], np.empty((0, 3)), [[1.0], [1.0, 2.0]], "X"],
    ids=["vector", "nan", "inf", "empty", "ragged", "text"],
)
@pytest.mark.parametrize("tangent", [False, True])
def test_data_are_a_finite_matrix(tangent, bad):
    with pytest.raises(ValueError, match=r"\bX must be"):
        mixture_equivalent(LAYER, bad, LABELS, MODEL, tangent=tangent)


@pytest.mark.parametrize("tangent", [False, True])
def test_equivalents_refuse_what_does_not_fit(tangent):
    assert isinstance(LAYER, KernelCoefficients)
    with pytest.raises(ValueError, match=r"X must be divided by sqrt\(p\)"):
        mixture_equivalent(LAYER, X * np.sqrt(MODEL.p), LABELS, MODEL, tangent=tangent)
    with pytest.raises(ValueError, match=r"X must be of shape"):
        mixture_equivalent(LAYER, X[1:], LABELS, MODEL, tangent=tangent)
    with pytest.raises(ValueError, match="labels must be"):
        mixture_equivalent(LAYER, X, LABELS[1:], MODEL, tangent=tangent)
    with pytest.raises(ValueError, match="labels must be"):
        mixture_equivalent(LAYER, X, LABELS + 1, MODEL, tangent=tangent)
    with pytest.raises(ValueError, match="mixture must be a GaussianMixture"):
        mixture_equivalent(LAYER, X, LABELS, None, tangent=tangent)
    with pytest.raises(ValueError, match="layer must be a KernelCoefficients"):
        mixture_equivalent([RELU], X, LABELS, MODEL, tangent=tangent)


@pytest.mark.parametrize("bad", [[[1.0, 2.0]], [[1.0, 2.0], [0.0, 1.0]], [[np.nan]], [1.0]])
def test_operator_norm_wants_a_symmetric_matrix(bad):
    with pytest.raises(ValueError, match=r"\bA must be"):
        operator_norm(bad)
