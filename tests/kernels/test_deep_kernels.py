"""Conjugate and tangent kernels of deep networks: exact, finite width, their scalars."""

import tracemalloc

import numpy as np
import pytest

from rmtlib import _checks
from rmtlib.activations import ABS, COS, ERF, RELU, SIGN, SIN, TANH, Activation, Quadratic
from rmtlib.kernels import KernelCoefficients, conjugate_kernel, deep_kernels, kernel_coefficients


def slope(sizes, errors):
    return np.polyfit(np.log(sizes), np.log(errors), 1)[0]


def scalars(layer):
    return layer.variance, *layer.alpha, layer.tangent_variance, *layer.beta


def pair(kernels):
    return kernels.conjugate, kernels.tangent


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
    found = np.sqrt(layer.variance), *layer.alpha[:4], *layer.beta[:3], layer.tangent_variance
    np.testing.assert_allclose(found, (scale, *alphas, *betas, tangent), rtol=0, atol=2e-12)
    assert (layer.alpha[4], layer.beta[4]) == (0, 0)


def test_coefficients_do_not_depend_on_offsets_of_the_activations():
    plain = kernel_coefficients([RELU, ERF], 1.7)[-1]
    moved = kernel_coefficients([RELU.affine(offset=3), ERF.affine(offset=-1)], 1.7)[-1]
    np.testing.assert_allclose(scalars(moved), scalars(plain), rtol=1e-12)


def test_homogeneous_networks_scale_with_the_data():
    one, four = (kernel_coefficients([RELU] * 3, s)[-1] for s in (1.0, 4.0))
    assert four.variance == pytest.approx(4 * one.variance, rel=1e-14)
    assert four.alpha[0] == one.alpha[0]
    assert four.alpha[2] == pytest.approx(one.alpha[2] / 4, rel=1e-14)  # of squared inner products
    assert four.tangent_variance == pytest.approx(4 * one.tangent_variance, rel=1e-14)


def test_layers_of_the_recursion_carry_what_matching_needs():
    layers = kernel_coefficients([TANH, ABS], 0.9)
    assert layers[0] == KernelCoefficients.of_data(0.9)
    assert scalars(layers[2]) == scalars(layers[1].then(ABS))
    # mean of the centered activation, and the variance that goes on
    assert layers[2].moments.mean == pytest.approx(0, abs=1e-15)
    assert layers[2].moments.centered_second_moment == layers[2].variance
    assert layers[2].activation.moments(layers[1].variance).mean == pytest.approx(0, abs=1e-15)


DATA = np.array([[1.0, 0.6, -0.3], [0.0, 0.8, 0.4]])


def test_exact_kernels_of_three_points():
    K, Theta = pair(deep_kernels([RELU, ERF], DATA, input_variance=1))
    found = K[0, 1], K[0, 2], K[2, 2], Theta[0, 1], Theta[2, 2]
    wanted = 0.13704894809, -0.0529189124992, 0.128188433698, 0.440130354021, 0.388087367443
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-11)
    K, Theta = pair(deep_kernels([RELU] * 3, DATA, input_variance=1))
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
    K, Theta = pair(deep_kernels([RELU], DATA, centered=False))
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
    linear = Quadratic(0, 1, 0)
    X = _checks.as_rng(1).standard_normal((3, 5))
    K, Theta = pair(deep_kernels([linear] * 4, X))
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
    rng = _checks.as_rng(2)
    X = rng.standard_normal((20, 12)) / np.sqrt(20)
    layers = kernel_coefficients([RELU, ERF], 1.0)
    activations = [layer.activation for layer in layers[1:]]
    limit = pair(deep_kernels([RELU, ERF], X, input_variance=1.0))
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
    plain = pair(deep_kernels([RELU, ERF], X, centered=False))
    for k in (0, 1):
        gap = np.linalg.norm(plain[k] - limit[k]) / np.linalg.norm(limit[k])
        assert gap > 3 * errors[-1][k]


def test_kurtosis_term_is_absent_for_odd_activations_and_at_fourth_moment_three():
    assert kernel_coefficients([RELU], 1, weight_fourth_moment=3)[-1].alpha[4] == 0
    odd = kernel_coefficients([ERF, RELU], 1, weight_fourth_moment=10)[-1]
    assert odd.alpha[4] == odd.beta[4] == 0
    relu = kernel_coefficients([RELU, RELU], 1, weight_fourth_moment=10)[-1]
    e2 = RELU.moments(1).mean_curvature
    assert relu.alpha[4] == pytest.approx(7 / 4 * e2**2 / 4)
    assert relu.beta[4] == pytest.approx(2 * relu.alpha[4])


def test_quantized_networks_have_a_conjugate_kernel_and_no_tangent_kernel():
    K, Theta = pair(deep_kernels([SIGN, RELU], DATA, tangent=False))
    assert np.all(np.isfinite(K))
    assert Theta is None
    with pytest.raises(ValueError, match="activations must not jump, got 'sign'"):
        deep_kernels([RELU, SIGN], DATA)
    assert np.isinf(kernel_coefficients([SIGN, RELU], 1)[-1].tangent_variance)


def test_memory_is_a_few_matrices():
    n = 1000
    X = _checks.as_rng(3).standard_normal((40, n)) / np.sqrt(40)
    deep_kernels([RELU], X[:, :9])
    tracemalloc.start()
    deep_kernels([RELU] * 2, X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # six matrices and the blocks: at n = 4000 less than 1 GB
    assert peak < 6.5 * 8 * n**2 + 30 * 8 * 256 * n


def test_integers_are_data_too():
    whole = np.array([[1, 0], [2, 1]])
    np.testing.assert_array_equal(
        deep_kernels([RELU], whole).tangent, deep_kernels([RELU], whole.astype(float)).tangent
    )
    two, also = (kernel_coefficients([RELU], s)[-1] for s in (2, 2.0))
    assert scalars(two) == scalars(also)


LAYER = kernel_coefficients([RELU], 1.0)[-1]
CONSTANT = Activation("constant", np.ones_like, np.zeros_like)


@pytest.mark.parametrize("bad", [0, -1, np.nan, np.inf, "one", None, [1.0]], ids=str)
def test_input_variance_is_positive(bad):
    with pytest.raises(ValueError, match="input_variance must be"):
        KernelCoefficients.of_data(bad)
    with pytest.raises(ValueError, match="input_variance must be"):
        kernel_coefficients([RELU], bad)
    if bad is not None:
        with pytest.raises(ValueError, match="input_variance must be"):
            deep_kernels([RELU], DATA, input_variance=bad)


@pytest.mark.parametrize("bad", [RELU, "relu", [], None, ["nothing"], [RELU, np.tanh]], ids=str)
def test_activations_are_a_nonempty_list(bad):
    with pytest.raises(ValueError, match="activations"):
        kernel_coefficients(bad, 1.0)
    with pytest.raises(ValueError, match="activations"):
        deep_kernels(bad, DATA)


@pytest.mark.parametrize("bad", [0.9, np.nan, np.inf, "three", None], ids=str)
def test_fourth_moments_are_at_least_one(bad):
    with pytest.raises(ValueError, match="weight_fourth_moment must be"):
        LAYER.then(RELU, weight_fourth_moment=bad)
    with pytest.raises(ValueError, match="weight_fourth_moment must be"):
        kernel_coefficients([RELU], 1.0, weight_fourth_moment=bad)


def test_steps_of_the_recursion_refuse_what_they_cannot_continue():
    with pytest.raises(ValueError, match="weight_fourth_moment must be 3 behind the first layer"):
        LAYER.then(RELU, weight_fourth_moment=10)
    with pytest.raises(ValueError, match="activation must be an Activation"):
        LAYER.then(np.tanh)
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


@pytest.mark.parametrize("bad", [0, -3, 2.5], ids=str)
def test_block_size_is_a_positive_integer(bad):
    with pytest.raises(ValueError, match="block_size must be"):
        deep_kernels([RELU], DATA, block_size=bad)


def test_names_of_the_catalogue_are_activations():
    np.testing.assert_array_equal(
        deep_kernels(["relu", ERF], DATA).tangent, deep_kernels([RELU, ERF], DATA).tangent
    )
    assert scalars(kernel_coefficients(["ReLU"], 1.0)[-1]) == scalars(LAYER)


def test_scalars_are_python_floats():
    layer = kernel_coefficients(["tanh", "relu"], 1)[-1]
    assert {type(x) for x in scalars(layer)} == {float}


@pytest.mark.parametrize("block_size", [1, 2, 5, 256])
def test_blocks_do_not_matter(block_size):
    X = _checks.as_rng(11).standard_normal((4, 5))
    whole, cut = (deep_kernels([RELU, TANH], X, block_size=size) for size in (256, block_size))
    np.testing.assert_allclose(cut.conjugate, whole.conjugate, rtol=0, atol=2e-12)
    np.testing.assert_allclose(cut.tangent, whole.tangent, rtol=0, atol=2e-12)
    np.testing.assert_array_equal(cut.tangent, cut.tangent.T)
