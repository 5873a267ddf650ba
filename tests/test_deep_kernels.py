"""Conjugate and tangent kernels of deep networks: exact, finite width, large dimension."""

import tracemalloc
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest

from rmtlib import inputs
from rmtlib.activations import (
    ABS,
    COS,
    ERF,
    GAUSSIAN,
    RELU,
    SIGN,
    SIN,
    TANH,
    Activation,
    quadratic,
)
from rmtlib.deep_kernels import (
    KernelCoefficients,
    conjugate_equivalent,
    deep_kernels,
    entrywise_equivalent,
    first_layer,
    kernel_coefficients,
    next_layer,
    operator_norm,
    tangent_equivalent,
    tangent_flow,
)
from rmtlib.kernels import conjugate_kernel, random_feature_kernel, weight_moment_correction
from rmtlib.mixtures import GaussianMixture
from rmtlib.quantization import ternary_kurtosis

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


@pytest.mark.parametrize(
    ("activations", "scale", "alphas", "betas", "tangent"),
    [
        (
            [RELU],
            0.583819370104,
            (0.25, 0.039788735773, 0.0795774715459, 0.340845056908),
            (0.5, 0.039788735773, 0.238732414638),
            0.840845056908,
        ),
        (
            [RELU] * 2,
            0.340845056908,
            (0.0625, 0.0235089778521, 0.0344863118529, 0.116175352819),
            (0.1875, 0.0334561617953, 0.152537191378),
            0.536597881273,
        ),
        (
            [RELU] * 3,
            0.198991946427,
            (0.015625, 0.0104997148797, 0.0112972702739, 0.0395977947428),
            (0.0625, 0.0188637553285, 0.0654857219824),
            0.307896735379,
        ),
        (
            [ABS, RELU, COS],
            0.0823731715249,
            (0, 0.00338833594327, 0, 0.0127476152401),
            (0, 0.00338833594327, 0),
            0.0951601644252,
        ),
        (
            [ERF] * 2,
            0.565604994392,
            (0.280117450367, 0, 0, 0.0740979347557),
            (0.840352351101, 0, 0),
            1.09860621347,
        ),
        (
            [SIN] * 3,
            0.468739489188,
            (0.178755561524, 0, 0, 0.0319535507758),
            (0.715022246097, 0, 0),
            1.0,
        ),
    ],
    ids=["relu", "relu2", "relu3", "mixed", "erf2", "sin3"],
)
def test_coefficients_at_variance_one(activations, scale, alphas, betas, tangent):
    layer = kernel_coefficients(activations, 1)[-1]
    found = np.sqrt(layer.variance), *layer[1:5], *layer[7:10], layer.tangent_variance
    np.testing.assert_allclose(found, (scale, *alphas, *betas, tangent), rtol=0, atol=2e-12)
    assert (layer.alpha5, layer.beta5) == (0, 0)


def test_coefficients_do_not_depend_on_offsets_of_the_activations():
    plain = kernel_coefficients([RELU, ERF], 1.7)[-1]
    moved = kernel_coefficients([RELU.affine(offset=3), ERF.affine(offset=-1)], 1.7)[-1]
    np.testing.assert_allclose(moved[:11], plain[:11], rtol=1e-12)


def test_homogeneous_networks_scale_with_the_data():
    one, four = (kernel_coefficients([RELU] * 3, s)[-1] for s in (1.0, 4.0))
    assert four.variance == pytest.approx(4 * one.variance, rel=1e-14)
    assert four.alpha1 == one.alpha1
    assert four.alpha3 == pytest.approx(one.alpha3 / 4, rel=1e-14)  # of squared inner products
    assert four.tangent_variance == pytest.approx(4 * one.tangent_variance, rel=1e-14)


def test_layers_of_the_recursion_carry_what_matching_needs():
    layers = kernel_coefficients([TANH, ABS], 0.9)
    assert layers[0] == first_layer(0.9)
    assert layers[2][:11] == next_layer(layers[1], ABS)[:11]
    # mean of the centered activation, and the variance that goes on
    assert layers[2].moments.mean == pytest.approx(0, abs=1e-15)
    assert layers[2].moments.centered_second_moment == layers[2].variance
    assert layers[2].activation.moments(layers[1].variance).mean == pytest.approx(0, abs=1e-15)


DATA = np.array([[1.0, 0.6, -0.3], [0.0, 0.8, 0.4]])


def test_exact_kernels_of_three_points():
    K, Theta = deep_kernels([RELU, ERF], DATA, input_variance=1)
    found = K[0, 1], K[0, 2], K[2, 2], Theta[0, 1], Theta[2, 2]
    wanted = 0.13704894809, -0.0529189124992, 0.128188433698, 0.440130354021, 0.388087367443
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-11)
    K, Theta = deep_kernels([RELU] * 3, DATA, input_variance=1)
    np.testing.assert_allclose(
        (K[0, 1], Theta[0, 1]), (0.0150888802873, 0.0751623737135), rtol=0, atol=1e-12
    )


def test_centering_subtracts_one_constant_though_means_vary_with_the_norm():
    K = deep_kernels([RELU], DATA, input_variance=1, tangent=False).conjugate
    plain = conjugate_kernel(RELU, DATA.T @ DATA)
    m, means = RELU.moments(1).mean, RELU.moments(np.sum(DATA**2, axis=0)).mean
    np.testing.assert_allclose(K, plain - m * (means[:, None] + means) + m**2, atol=1e-15)
    assert np.max(np.abs(K - (plain - m**2))) > 0.05  # the shortcut


def test_uncentered_kernels_are_those_of_the_activation_itself():
    K, Theta = deep_kernels([RELU], DATA, centered=False)
    angle = np.arccos(0.6)
    np.testing.assert_allclose(
        (K[0, 1], Theta[0, 1]),
        (
            (np.sin(angle) + (np.pi - angle) * 0.6) / (2 * np.pi),
            (np.sin(angle) + 2 * (np.pi - angle) * 0.6) / (2 * np.pi),
        ),
        rtol=1e-14,
    )


def test_linear_network_has_a_tangent_kernel_of_depth_plus_one_terms():
    linear = quadratic(0, 1, 0)
    X = inputs.as_rng(1).standard_normal((3, 5))
    K, Theta = deep_kernels([linear] * 4, X)
    np.testing.assert_allclose(K, X.T @ X, atol=1e-13)
    np.testing.assert_allclose(Theta, 5 * X.T @ X, atol=1e-12)


def finite_network(activations, X, width, rng):
    """Gram matrices of features and of gradients, by forward and backward passes."""
    H, grams, slopes, weights = X, [X.T @ X], [], []
    for g in activations:
        W = rng.standard_normal((width, len(H)))
        H = W @ H
        slopes.append(g.derivative(H) / np.sqrt(width))
        H = g.value(H) / np.sqrt(width)
        weights.append(W)
        grams.append(H.T @ H)
    B = rng.standard_normal((width, 1)) * slopes[-1]
    Theta = grams[-1] + grams[-2] * (B.T @ B)
    for layer in range(len(activations) - 2, -1, -1):
        B = (weights[layer + 1].T @ B) * slopes[layer]
        Theta += grams[layer] * (B.T @ B)
    return grams[-1], Theta


def test_finite_networks_approach_both_kernels_like_one_over_root_width():
    rng = inputs.as_rng(2)
    X = rng.standard_normal((20, 12)) / np.sqrt(20)
    layers = kernel_coefficients([RELU, ERF], 1.0)
    activations = [layer.activation for layer in layers[1:]]
    limit = deep_kernels([RELU, ERF], X, input_variance=1.0)
    widths, errors = np.array([64, 256, 1024]), []
    for width in widths:
        draws = [finite_network(activations, X, width, rng) for _ in range(10)]
        errors.append(
            [
                np.mean([np.linalg.norm(d[k] - limit[k]) for d in draws]) / np.linalg.norm(limit[k])
                for k in (0, 1)
            ]
        )
    for k in (0, 1):
        # the mean of 10 norms of relative spread 0.3 fixes the slope to about 0.08
        assert slope(widths, np.array(errors)[:, k]) == pytest.approx(-0.5, abs=0.15)
    # forgetting to center would show
    plain = deep_kernels([RELU, ERF], X, centered=False)
    for k in (0, 1):
        gap = np.linalg.norm(plain[k] - limit[k]) / np.linalg.norm(limit[k])
        assert gap > 3 * errors[-1][k]


DRAWS = 4


@lru_cache(12)  # one network
def exact(name, n, draw):
    """Data and both exact kernels of one of `NETWORKS`."""
    model, X, labels = sample(n, rng=draw)
    s = model.typical_squared_norm()
    return model, X, labels, deep_kernels(NETWORKS[name], X, input_variance=s)


def errors_of(name, tangent, variant=lambda layers: layers[-1]):
    """Operator norm of exact minus equivalent at `SIZES`, mean of some draws."""
    errors = np.empty((SIZES.size, DRAWS))
    for i, draw in np.ndindex(errors.shape):
        model, X, labels, kernels = exact(name, int(SIZES[i]), draw)
        layer = variant(kernel_coefficients(NETWORKS[name], model.typical_squared_norm()))
        equivalent = (conjugate_equivalent, tangent_equivalent)[tangent]
        near = equivalent(layer, X, labels, model).matrix()
        errors[i, draw] = operator_norm(kernels[tangent] - near)
    return errors.mean(axis=1)


NETWORKS = {
    "relu": [RELU],
    "relu2": [RELU] * 2,
    "mixed": [ABS, RELU, COS],
    "quadratic": [quadratic(0.2, 1, 0), RELU, GAUSSIAN],
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
    return last._replace(variance=last.variance - layers[0].variance ** 2 * last.alpha3)


def recursion(layers, alpha4_power=2, curvature=1.0, start=1.0, third=0.5):
    """The recursion of alpha_2, alpha_3 with other constants in it."""
    two, three, four = 0.0, 0.0, start
    for before, layer in pairwise(layers):
        e1, e2, q = layer.moments[1], layer.moments[2], layer.moments[4]
        two = e1**2 * two + e2**2 / 4 * four**alpha4_power
        three = e1**2 * three + third * e2**2 * before.alpha1**2
        four *= curvature * q
    return layers[-1]._replace(alpha2=two, alpha3=three)


WRONG = {
    "term of 2023": with_identity_term,
    "alpha4 not squared": lambda layers: recursion(layers, alpha4_power=1),
    "whole second derivative": lambda layers: recursion(layers, curvature=2.0),
    "alpha4 starts at 0": lambda layers: recursion(layers, start=0.0),
    "alpha3 without 1/2": lambda layers: recursion(layers, third=1.0),
    "no alpha2": lambda layers: layers[-1]._replace(alpha2=0.0),
    "variance for scale": lambda layers: layers[-1]._replace(variance=layers[-1].variance ** 0.5),
}


@pytest.mark.parametrize("variant", WRONG.values(), ids=WRONG)
def test_wrong_recursions_do_not_vanish(variant):
    assert excess_slope("relu2", False, variant) > 0.1


def test_right_recursion_written_again_is_the_same():
    layers = kernel_coefficients([RELU] * 3, 1.3)
    np.testing.assert_allclose(recursion(layers)[:5], layers[-1][:5], rtol=1e-14)


WRONG_TANGENT = {
    "diagonal starts at the scale": lambda layers: layers[-1]._replace(
        tangent_variance=layers[-1].tangent_variance + 0.1
    ),
    "no cross term": lambda layers: layers[-1]._replace(beta3=layers[-1].alpha3),
    "conjugate coefficients": lambda layers: layers[-1]._replace(beta1=layers[-1].alpha1),
}


@pytest.mark.parametrize("variant", WRONG_TANGENT.values(), ids=WRONG_TANGENT)
def test_wrong_tangent_recursions_do_not_vanish(variant):
    assert excess_slope("relu", True, variant) > 0.1


def test_equivalent_entry_by_entry():
    model, X, labels = sample(50)
    layer = kernel_coefficients([RELU] * 2, model.typical_squared_norm())[-1]
    found = conjugate_equivalent(layer, X, labels, model).matrix()
    t, T, psi = model.second_order()
    delta = t[labels] / np.sqrt(model.p) + psi(X, labels, normalize=True)
    wanted = layer.alpha1 * (X.T @ X - model.typical_squared_norm() * np.eye(50))
    wanted += layer.alpha2 * np.outer(delta, delta)
    wanted += layer.alpha3 * T[np.ix_(labels, labels)] / model.p
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
        three = layer.beta3 if tangent else layer.alpha3
        wrong[i] = operator_norm(kernels[tangent] - near - s**2 * three * np.eye(n))
    assert slope(SIZES, errors) < -0.32  # rate: -0.42, one draw a size
    assert errors[-1] < wrong[-1] / 2  # without the term that squared norms ask for


def test_equivalent_without_classes_takes_the_scale_of_the_data():
    X = inputs.as_rng(8).standard_normal((60, 30)) / np.sqrt(60)
    layer = kernel_coefficients([RELU] * 2, float(np.mean(np.sum(X**2, axis=0))))[-1]
    one = entrywise_equivalent(layer, X)
    scaled = kernel_coefficients([RELU] * 2, 9 * float(np.mean(np.sum(X**2, axis=0))))[-1]
    np.testing.assert_allclose(entrywise_equivalent(scaled, 3 * X), 9 * one, atol=1e-12)
    with pytest.raises(ValueError, match="finite tangent variance"):
        entrywise_equivalent(kernel_coefficients([SIGN], 1.0)[-1], X, tangent=True)
    with pytest.raises(ValueError, match="layer must be KernelCoefficients"):
        entrywise_equivalent(None, X)
    with pytest.raises(ValueError, match="input_variance must be"):
        entrywise_equivalent(layer, X, input_variance=-1)
    with pytest.raises(ValueError, match=r"\bX must be"):
        entrywise_equivalent(layer, X[0])


QUADRATIC = quadratic(0.5, 1, 0)


def kurtosis_errors(fourth_moment, corrected=True, deeper=False):
    """Exact kernel of a quadratic activation with such weights, minus the equivalent."""
    first = quadratic(0.3, 1, 0) if deeper else QUADRATIC
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
        errors[i] = operator_norm(K - conjugate_equivalent(layers[-1], X, labels, model).matrix())
    return errors


@pytest.mark.parametrize(("sparsity", "deeper"), [(0.0, False), (0.9, False), (0.9, True)], ids=str)
def test_kurtosis_of_the_first_weights_adds_a_term(sparsity, deeper):
    m4 = ternary_kurtosis(sparsity)
    corrected = kurtosis_errors(m4, True, deeper)
    plain = kurtosis_errors(m4, False, deeper)
    assert slope(SIZES, corrected) < -0.38 < slope(SIZES, plain)  # rate: -0.42, or steeper
    assert plain[-1] > 1.5 * corrected[-1]


def test_kurtosis_term_is_absent_for_odd_activations_and_at_sparsity_two_thirds():
    assert ternary_kurtosis(2 / 3) == pytest.approx(3)
    assert kernel_coefficients([RELU], 1, weight_fourth_moment=3)[-1].alpha5 == 0
    odd = kernel_coefficients([ERF, RELU], 1, weight_fourth_moment=10)[-1]
    assert odd.alpha5 == odd.beta5 == 0
    relu = kernel_coefficients([RELU, RELU], 1, weight_fourth_moment=10)[-1]
    e2 = RELU.moments(1).mean_curvature
    assert relu.alpha5 == pytest.approx(7 / 4 * e2**2 / 4)
    assert relu.beta5 == pytest.approx(2 * relu.alpha5)


def test_quantized_networks_have_a_conjugate_kernel_and_no_tangent_kernel():
    K, Theta = deep_kernels([SIGN, RELU], DATA, tangent=False)
    assert np.all(np.isfinite(K))
    assert Theta is None
    with pytest.raises(ValueError, match="activations must not jump, got 'sign'"):
        deep_kernels([RELU, SIGN], DATA)
    layer = kernel_coefficients([SIGN, RELU], 1)[-1]
    assert np.isinf(layer.tangent_variance)
    model, X, labels = sample(20)
    conjugate_equivalent(layer, X, labels, model)
    with pytest.raises(ValueError, match="layer must have a finite tangent variance"):
        tangent_equivalent(layer, X, labels, model)


def test_memory_is_a_few_matrices():
    n = 1000
    X = inputs.as_rng(3).standard_normal((40, n)) / np.sqrt(40)
    deep_kernels([RELU], X[:, :9])
    tracemalloc.start()
    deep_kernels([RELU] * 2, X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # six matrices and the blocks: at n = 4000 less than 1 GB
    assert peak < 6.5 * 8 * n**2 + 30 * 8 * 256 * n


def test_flow_solves_its_differential_equation():
    rng = inputs.as_rng(4)
    G = rng.standard_normal((6, 4))
    Theta = G.T @ G
    y, u0, times = rng.standard_normal(4), rng.standard_normal(4), np.array([0.3, 0.3 + 1e-6])
    u = tangent_flow(Theta, y, times, initial=u0).train
    np.testing.assert_allclose((u[1] - u[0]) / 1e-6, -Theta @ (u[0] - y), atol=1e-3)
    np.testing.assert_allclose(tangent_flow(Theta, y, [0], initial=u0).train[0], u0, atol=1e-14)


def test_flow_at_the_training_points_is_the_same_by_both_formulas():
    rng = inputs.as_rng(5)
    G = rng.standard_normal((6, 4))
    Theta, y, u0 = G.T @ G, rng.standard_normal(4), rng.standard_normal(4)
    flow = tangent_flow(Theta, y, [0.0, 0.1, 500.0], initial=u0, Theta_cross=Theta, initial_test=u0)
    np.testing.assert_allclose(flow.test, flow.train, atol=1e-12)
    np.testing.assert_allclose(flow.train[2], y, atol=1e-2)


def test_flow_ends_at_ridgeless_kernel_regression():
    rng = inputs.as_rng(6)
    G = rng.standard_normal((9, 7))
    Theta = G.T @ G
    y = rng.standard_normal(4)
    flow = tangent_flow(Theta[:4, :4], y, [1e6], Theta_cross=Theta[:4, 4:])
    wanted = Theta[4:, :4] @ np.linalg.solve(Theta[:4, :4], y)
    np.testing.assert_allclose(flow.test[0], wanted, rtol=1e-9)


def test_flow_leaves_null_directions_where_they_are():
    flow = tangent_flow([[1, 0], [0, 0]], [1, 1], [3.0], Theta_cross=[[0], [2]])
    np.testing.assert_allclose(flow.train[0], [1 - np.exp(-3), 0])
    np.testing.assert_allclose(flow.test[0], [6.0])  # grows like t, as the formula says


@pytest.mark.parametrize("n", [5, 300])
def test_operator_norm_is_the_spectral_norm(n):
    A = inputs.as_rng(7).standard_normal((n, n))
    A = A + A.T
    assert operator_norm(A) == pytest.approx(np.linalg.norm(A, 2), rel=1e-5)
    assert operator_norm(-A) == pytest.approx(operator_norm(A), rel=1e-5)
    assert operator_norm(np.zeros((n, n))) == 0


def test_integers_are_data_too():
    whole = np.array([[1, 0], [2, 1]])
    np.testing.assert_array_equal(
        deep_kernels([RELU], whole).tangent, deep_kernels([RELU], whole.astype(float)).tangent
    )
    assert kernel_coefficients([RELU], 2)[-1][:11] == kernel_coefficients([RELU], 2.0)[-1][:11]


MODEL, X, LABELS = sample(20)
LAYER = kernel_coefficients([RELU], 1.0)[-1]
CONSTANT = Activation("constant", np.ones_like, np.zeros_like)


@pytest.mark.parametrize("bad", [0, -1, np.nan, np.inf, "one", None, [1.0]], ids=str)
def test_input_variance_is_positive(bad):
    with pytest.raises(ValueError, match="input_variance must be"):
        first_layer(bad)
    with pytest.raises(ValueError, match="input_variance must be"):
        kernel_coefficients([RELU], bad)
    if bad is not None:
        with pytest.raises(ValueError, match="input_variance must be"):
            deep_kernels([RELU], DATA, input_variance=bad)


@pytest.mark.parametrize("bad", [RELU, [], None, ["relu"], [RELU, np.tanh]], ids=str)
def test_activations_are_a_nonempty_list(bad):
    with pytest.raises(ValueError, match="activations"):
        kernel_coefficients(bad, 1.0)
    with pytest.raises(ValueError, match="activations"):
        deep_kernels(bad, DATA)


@pytest.mark.parametrize("bad", [0.9, np.nan, np.inf, "three", None], ids=str)
def test_fourth_moments_are_at_least_one(bad):
    with pytest.raises(ValueError, match="weight_fourth_moment must be"):
        next_layer(LAYER, RELU, weight_fourth_moment=bad)
    with pytest.raises(ValueError, match="weight_fourth_moment must be"):
        kernel_coefficients([RELU], 1.0, weight_fourth_moment=bad)


def test_steps_of_the_recursion_refuse_what_they_cannot_continue():
    with pytest.raises(ValueError, match="weight_fourth_moment must be 3 behind the first layer"):
        next_layer(LAYER, RELU, weight_fourth_moment=10)
    with pytest.raises(ValueError, match="layer must be KernelCoefficients"):
        next_layer(1.0, RELU)
    with pytest.raises(ValueError, match="activation must be an Activation"):
        next_layer(LAYER, np.tanh)
    with pytest.raises(ValueError, match="constant activation"):
        kernel_coefficients([CONSTANT, RELU], 1.0)


@pytest.mark.parametrize(
    "bad",
    [[1.0, 2.0], [[np.nan, 1.0]], [[np.inf, 1.0]], np.empty((0, 3)), [[1.0], [1.0, 2.0]], "X"],
    ids=["vector", "nan", "inf", "empty", "ragged", "text"],
)
def test_data_are_a_finite_matrix(bad):
    with pytest.raises(ValueError, match=r"\bX must be"):
        deep_kernels([RELU], bad)
    for equivalent in (conjugate_equivalent, tangent_equivalent):
        with pytest.raises(ValueError, match=r"\bX must be"):
            equivalent(LAYER, bad, LABELS, MODEL)


@pytest.mark.parametrize("bad", [0, -3, 2.5], ids=str)
def test_block_size_is_a_positive_integer(bad):
    with pytest.raises(ValueError, match="block_size must be"):
        deep_kernels([RELU], DATA, block_size=bad)


@pytest.mark.parametrize("equivalent", [conjugate_equivalent, tangent_equivalent])
def test_equivalents_refuse_what_does_not_fit(equivalent):
    assert isinstance(LAYER, KernelCoefficients)
    with pytest.raises(ValueError, match=r"X must be divided by sqrt\(p\)"):
        equivalent(LAYER, X * np.sqrt(MODEL.p), LABELS, MODEL)
    with pytest.raises(ValueError, match=r"X must be of shape"):
        equivalent(LAYER, X[1:], LABELS, MODEL)
    with pytest.raises(ValueError, match="labels must be"):
        equivalent(LAYER, X, LABELS[1:], MODEL)
    with pytest.raises(ValueError, match="labels must be"):
        equivalent(LAYER, X, LABELS + 1, MODEL)
    with pytest.raises(ValueError, match="mixture must be a GaussianMixture"):
        equivalent(LAYER, X, LABELS, None)
    with pytest.raises(ValueError, match="layer must be KernelCoefficients"):
        equivalent([RELU], X, LABELS, MODEL)


GOOD = {"Theta": [[2.0, 1.0], [1.0, 2.0]], "y": [1.0, 2.0], "times": [0.0, 1.0]}


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("Theta", [[1.0, 2.0]]),
        ("Theta", [[1.0, 2.0], [0.0, 1.0]]),
        ("Theta", [[1.0, 2.0], [2.0, 1.0]]),
        ("Theta", [[np.nan, 0.0], [0.0, 1.0]]),
        ("y", [1.0]),
        ("y", [1.0, np.inf]),
        ("times", []),
        ("times", [-1.0]),
        ("times", 1.0),
        ("times", [np.nan]),
        ("initial", [0.0]),
        ("Theta_cross", [[1.0]]),
        ("initial_test", [1.0]),
    ],
)
def test_flow_refuses_bad_input_by_name(name, bad):
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        tangent_flow(**(GOOD | {name: bad}))


def test_flow_refuses_initial_outputs_of_another_size():
    with pytest.raises(ValueError, match="initial_test must be of shape"):
        tangent_flow(**GOOD, Theta_cross=[[1.0], [0.0]], initial_test=[1.0, 2.0])


@pytest.mark.parametrize("bad", [[[1.0, 2.0]], [[1.0, 2.0], [0.0, 1.0]], [[np.nan]], [1.0]])
def test_operator_norm_wants_a_symmetric_matrix(bad):
    with pytest.raises(ValueError, match=r"\bA must be"):
        operator_norm(bad)
