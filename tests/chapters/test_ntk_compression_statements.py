"""Statements of the chapter on compression that it does not check on its page."""

import numpy as np
import pytest
import torch
from notebook import markdown, numbers, solution
from scipy.stats import norm

from rmtlib import activations, as_rng, data, kernels, mixtures, networks, quantization

CHAPTER = "ntk_compression"
RELU = activations.RELU
QUANTILES = norm.ppf((np.arange(400_000) + 0.5) / 400_000)


def noise(layers):
    """The constant of the proposition on the noise of a finite width."""
    total = 0.0
    for layer in layers[1:]:
        total = total * layer.moments.mean_derivative**4 + layer.variance**2
    return np.sqrt(total)


def test_slack_of_relu_is_a_distance_from_the_region_that_sets_reach():
    assert "convex region" in markdown(CHAPTER)
    at = RELU.moments(1.0)
    e1, e2, q = at.mean_derivative, at.mean_curvature, at.centered_second_moment_slope
    b = np.sqrt(4 * q**2 / e2**2 + 4 * at.centered_second_moment)
    share = (1 - 2 * q / (e2 * b)) / 2

    def modes(low, high):
        a, c = norm.pdf(low), norm.pdf(high)
        lower, upper = (np.where(np.isfinite(x), x, 0) for x in (low, high))
        return np.array([a - c, lower * a - upper * c])

    s = np.linspace(0, share, 200)
    complement = modes(norm.ppf(s), norm.ppf(s + 1 - share))
    s = np.linspace(0, 1 - share, 200)
    border = np.hstack([modes(norm.ppf(s), norm.ppf(s + share)), -complement])
    theta = np.linspace(0, 2 * np.pi, 2001)
    direction = np.array([np.cos(theta), np.sin(theta)])
    needed = np.array([e1, e2]) / b
    slack = np.min((border.T @ direction).max(axis=0) - needed @ direction)
    found = quantization.scale_match([RELU], 1.0).slack
    assert found == pytest.approx(slack, abs=2e-4)
    assert found < -1e-3


def test_two_values_have_at_most_the_first_mode_of_a_sign():
    cuts = np.sort(as_rng(3).normal(size=(4000, 4)), axis=1)  # unions of two intervals
    mass = norm.cdf(cuts[:, 1::2]) - norm.cdf(cuts[:, ::2])
    mean = norm.pdf(cuts[:, ::2]) - norm.pdf(cuts[:, 1::2])
    P, first = mass.sum(axis=1), mean.sum(axis=1)
    assert np.max(first**2 / (P * (1 - P))) <= 2 / np.pi < np.pi / 2 / (np.pi - 1)


def test_best_cuts_of_three_levels_are_symmetric():
    a, b = np.meshgrid(np.linspace(-3, 3, 301), np.linspace(-3, 3, 301))
    outer = norm.pdf(a) ** 2 / norm.cdf(a) + norm.pdf(b) ** 2 / norm.sf(b)
    with np.errstate(divide="ignore", invalid="ignore"):
        inner = (norm.pdf(a) - norm.pdf(b)) ** 2 / (norm.cdf(b) - norm.cdf(a))
    limit = quantization.scale_match([activations.ERF], 1.0, levels=3).limit
    assert np.max(np.where(a < b, outer + inner, 0)) == pytest.approx(limit, abs=1e-3)


def test_level_of_the_match_of_a_nearly_linear_function():
    assert "the level is $2|q/e_2|$ or more" in markdown(CHAPTER)
    bent = activations.leaky_relu(0.99)
    at = bent.moments(1.0)
    level = 2 * at.centered_second_moment_slope / at.mean_curvature
    found = quantization.match_activation(bent, 1.0, "two-level").activation.levels
    assert level <= np.max(np.abs(found)) <= level + 4  # P is about one over the level


def test_shift_of_sines_at_large_variance_is_negative():
    assert "in place of $\\sin$ at large variance they are smaller" in markdown(CHAPTER).lower()
    match = quantization.match_network([activations.SIN], 4.0)
    steps, sines = match.activations[0](2 * QUANTILES), np.sin(2 * QUANTILES)
    assert match.ridge_shift == pytest.approx(np.mean(steps**2) - np.mean(sines**2), abs=1e-4)
    assert match.ridge_shift < 0


def test_noise_with_a_first_layer_that_is_even():
    mixture = mixtures.standard_example(320)
    X, _ = mixture.sample(90, normalize=True, rng=1)
    v, net = mixture.typical_squared_norm(), [activations.ABS, RELU, RELU]
    layers = kernels.kernel_coefficients(net, v)
    exact = kernels.deep_kernels(net, X, input_variance=v, tangent=False).conjugate
    found = []
    for seed in range(2):
        functions = [layer.activation for layer in layers[1:]]
        network = networks.MLP((320, 1000, 1000, 1000, 1), functions, rng=seed)
        Sigma = networks.last_features(network, np.sqrt(320) * X)
        found.append(np.std((Sigma.T @ Sigma - exact)[~np.eye(90, dtype=bool)]))
    expected = noise(layers) / np.sqrt(1000)
    assert np.mean(found) == pytest.approx(expected, rel=0.15)
    assert layers[-1].variance / np.sqrt(1000) < 0.8 * expected  # the last layer alone


def test_tangent_kernel_of_ternary_weights_along_the_constant_vector():
    G = as_rng(10).standard_normal((400, 400)) / 20
    layer = kernels.kernel_coefficients([RELU], 1.0)[1]
    U = quantization.ternary_weights((10_000, 400), 0.9, rng=11) @ G
    along = np.sum(layer.activation(U), axis=1) ** 2 / 400
    along += np.sum(((U > 0) @ G.T) ** 2, axis=1) / 400
    same = np.sum(kernels.deep_kernels([RELU], G, input_variance=1.0).tangent) / 400
    expected = same + layer.moments.mean_curvature**2 / 4 * (1 / (1 - 0.9) - 3)
    error = along.std() / np.sqrt(along.size)
    assert np.mean(along) == pytest.approx(expected, abs=4 * error)
    assert abs(np.mean(along) - same) > 8 * error


def test_tangent_kernel_of_a_network_that_keeps_its_zeros():
    assert r"\Theta_L^{\mathrm{kept}} = K_L + (1 - \varepsilon)" in markdown(CHAPTER)
    X = data.load("digits").X[:, :12]
    X = X - X.mean(axis=1, keepdims=True)
    X *= np.sqrt(X.size / np.sum(X**2))
    limit = kernels.deep_kernels([RELU] * 2, X / 8, input_variance=1.0)
    relus = [f.activation for f in kernels.kernel_coefficients([RELU] * 2, 1.0)[1:]]
    network = networks.MLP((64, 1000, 1000, 1), relus, rng=8)
    start = networks.compress(network, 1.0, sparsity=0.9, kind="weights-only", rng=9)
    start = start.network.network.requires_grad_(True)
    gradients = []
    for row in torch.as_tensor(X.T):
        start.zero_grad()
        start(row[None])[0, 0].backward()
        gradients.append(torch.cat([(W.grad * (W != 0)).ravel() for W in start.weights]))
    G = torch.stack(gradients)

    def summary(kernel):
        return np.array([np.trace(kernel), np.linalg.eigvalsh(kernel)[-1]]) / len(kernel)

    K, Theta = limit.conjugate, limit.tangent
    kept = summary(K + 0.1 * (Theta - K))
    tol = 4 / np.sqrt(1000) * kept.max()
    np.testing.assert_allclose(summary((G @ G.T).numpy()), kept, rtol=0, atol=tol)
    for wrong in (Theta, 0.1 * Theta, K):
        assert np.max(np.abs(summary(wrong) - kept)) > tol


def test_three_levels_take_more_width_at_equal_accuracy_than_at_equal_noise():
    assert "they mostly take more of them" in markdown(CHAPTER)
    table, factors = data.stored("compression"), []
    for name in ("mnist", "fashion-mnist", "cifar10", "digits"):
        rows = table.where(data=name)
        N = np.unique(rows["width"])

        def curve(method, zeros, rows=rows, N=N):
            found = rows.where(method=method, sparsity=zeros)
            return np.array([found.where(width=w)["test_accuracy"].mean() for w in N])

        dense = curve("dense", 0)
        for zeros in (0, 0.5, 0.9):
            ours = curve("three-level", zeros)
            inside = (ours > dense[0]) & (ours < dense[-1])
            factors.extend(N[inside] / np.exp(np.interp(ours[inside], dense, np.log(N))))
    match = quantization.match_network([RELU] * 3, 1.0)
    assert np.median(factors) > (noise(match.compressed) / noise(match.dense)) ** 2


@pytest.mark.parametrize("share", [0.2, 0.1 + 2 * norm.isf(0.05) * norm.pdf(norm.isf(0.05))])
def test_pruned_random_networks_are_networks_of_a_smaller_variance(share):
    assert "random weights with a smaller variance" in markdown(CHAPTER)
    digits = data.load("digits").X[:, :300]
    X = digits - digits.mean(axis=1, keepdims=True)
    X *= np.sqrt(X.size / np.sum(X**2))
    layers = [f.activation for f in kernels.kernel_coefficients([RELU] * 3, 1.0)[1:]]
    sizes = (64, 500, 500, 500, 1)
    dense = networks.MLP(sizes, layers, rng=3)
    plain = networks.MLP(sizes, layers, rng=3, scale=np.sqrt(share))
    pruned = networks.magnitude_pruned(dense, 0.9)
    if share == 0.2:
        pruned = networks.zeroed(dense, 0.8, rng=5)

    def trace(network):
        return np.mean(np.sum(networks.last_features(network, X) ** 2, axis=0))

    assert trace(pruned) == pytest.approx(trace(plain), rel=0.15)
    assert trace(pruned) < 0.8 * trace(dense)


def test_factors_of_width_that_the_solutions_state():
    (factor,) = numbers(
        r"\\nu_\{\\mathrm c\}\^2/\\nu\^2 = ([\d.]+)\$: the", solution(CHAPTER, "ex-nc-odd")
    )
    match = quantization.match_network([activations.SIN] * 3, 1.0)
    assert factor == round((noise(match.compressed) / noise(match.dense)) ** 2, 2)
    one, all_three = numbers(
        r"is \$([\d.]+)\$, where three quantized layers have \$([\d.]+)\$",
        solution(CHAPTER, "ex-nc-last"),
    )
    dense = kernels.kernel_coefficients([RELU] * 3, 1.0)
    steps = quantization.match_activation(RELU, dense[2].variance, "three-level").activation
    assert one == round((noise([*dense[:3], dense[2].then(steps)]) / noise(dense)) ** 2, 2)
    match = quantization.match_network([RELU] * 3, 1.0)
    assert all_three == round((noise(match.compressed) / noise(match.dense)) ** 2, 2)


def test_ridge_of_the_compressed_network():
    (stated,) = numbers(r"at a ridge of about \$([\d.]+)\$", solution(CHAPTER, "ex-nc-ridge"))
    v = mixtures.standard_example(320).typical_squared_norm()
    assert stated == round(0.1 - quantization.match_network([RELU] * 3, v).ridge_shift, 2)
