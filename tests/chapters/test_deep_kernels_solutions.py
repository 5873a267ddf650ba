"""Numbers and rates that the solutions on deep kernels state."""

from itertools import pairwise

import numpy as np
import pytest
from notebook import markdown, numbers, solution

from rmtlib import activations, kernels, mixtures

CHAPTER = "deep_kernels"
DATA = kernels.KernelCoefficients.of_data


def sampled(n, seed, ratio=0.8):
    """A mixture in dimension ratio * n with n points, the classes, and tau_0^2."""
    mixture = mixtures.standard_example(round(ratio * n))
    X, labels = mixture.sample(n, normalize=True, rng=seed)
    return mixture, X, labels, mixture.typical_squared_norm()


def without_ones(K):
    """The matrix with the vector of ones projected out on both sides."""
    centered = K - K.mean(axis=0)
    return centered - centered.mean(axis=1, keepdims=True)


def test_the_share_of_the_linear_kernel():
    text = solution(CHAPTER, "ex-dk-share")
    stated, depth = numbers(
        r"\\approx (0\.\d+)\$\. Less than one percent is left from \$L = (\d+)\$", text
    )
    r = np.pi / (2 * (np.pi - 1))
    assert stated == round(r, 3)
    layers = kernels.kernel_coefficients([activations.RELU] * 40, 1.7)
    shares = np.array([1.7 * layer.alpha[0] / layer.variance for layer in layers])
    np.testing.assert_allclose(shares, r ** np.arange(41), rtol=1e-10)
    assert shares[int(depth)] < 0.01 < shares[int(depth) - 1]
    L = np.arange(41)
    np.testing.assert_allclose([layer.beta[0] for layer in layers], (L + 1) / 4.0**L, rtol=1e-12)
    tangent = np.array([layer.tangent_variance for layer in layers])
    assert tangent[40] / tangent[39] == pytest.approx(0.5, abs=1e-4)
    tangent_shares = 1.7 * (L + 1) / 4.0**L / tangent
    assert tangent_shares[20] < shares[20] / 10


def test_an_even_layer_before_or_after_an_odd_one():
    text = solution(CHAPTER, "ex-dk-even")
    for formula in (
        r"$\alpha_{1,2} = \frac14e_2^2$ and $\alpha_{1,3} = \frac12e_2^2$; erf then multiplies",
        r"$\alpha_{2,2} = \frac14e_2^2\alpha_{1,4}^2$",
        r"$\alpha_{2,3} = \frac12e_2^2\alpha_{1,1}^2$",
    ):
        assert formula in text
    even, odd = activations.ABS, activations.ERF
    first = DATA(1.0).then(even)
    e2 = first.moments.mean_curvature
    assert first.alpha[:3] == pytest.approx((0, e2**2 / 4, e2**2 / 2))
    behind = first.then(odd)
    e1 = behind.moments.mean_derivative
    assert behind.alpha[1:3] == pytest.approx((e1**2 * e2**2 / 4, e1**2 * e2**2 / 2))
    first = DATA(1.0).then(odd)
    assert first.alpha[1:3] == pytest.approx((0, 0), abs=1e-14)
    last = first.then(even)
    e2, one, four = last.moments.mean_curvature, first.alpha[0], first.alpha[3]
    assert last.alpha[:3] == pytest.approx((0, e2**2 / 4 * four**2, e2**2 / 2 * one**2))
    assert four == pytest.approx(first.moments.centered_second_moment_slope)


def test_without_centering_only_the_projected_kernel_converges():
    assert r"vanishes like $n^{-1/2}$" in solution(CHAPTER, "ex-dk-uncentered")
    sizes, whole, projected, predicted = np.array([200, 400, 800]), [], [], []
    for n in sizes:
        mixture, X, labels, s = sampled(n, 3)
        K = kernels.deep_kernels([activations.RELU], X, centered=False, tangent=False).conjugate
        layer = DATA(s).then(activations.RELU)
        mean = np.sqrt(s / 2 / np.pi)
        near = kernels.mixture_equivalent(layer, X, labels, mixture).matrix() + mean**2
        whole.append(kernels.operator_norm(K - near))
        projected.append(kernels.operator_norm(without_ones(K - near)))
        delta = np.linalg.norm(np.sum(X**2, axis=0) - s)
        predicted.append(mean * layer.moments.mean_curvature / 2 * delta * np.sqrt(n))
    slope, rate = (np.polyfit(np.log(sizes), np.log(v), 1)[0] for v in (whole, projected))
    assert slope == pytest.approx(0.5, abs=0.15)
    assert rate == pytest.approx(-0.5, abs=0.2)
    np.testing.assert_allclose(whole, predicted, rtol=0.2)


def test_a_better_diagonal():
    assert r"with $\gamma_0 = 1$" in solution(CHAPTER, "ex-dk-diagonal")
    chosen, s, step = [activations.ERF, activations.RELU, activations.RELU], 1.3, 1e-5
    layers = kernels.kernel_coefficients(chosen, s)
    slope = 1.0
    for before, layer in pairwise(layers):
        g, v = layer.activation, before.variance
        bend = (
            g.moments(v + step).mean_squared_derivative
            - g.moments(v - step).mean_squared_derivative
        ) / (2 * step)
        slope = (
            layer.alpha[3]
            + layer.moments.mean_squared_derivative * slope
            + before.tangent_variance * before.alpha[3] * bend
        )
    points = np.diag(np.sqrt([s - step, s + step]))
    diagonal = np.diag(kernels.deep_kernels(chosen, points, input_variance=s).tangent)
    assert slope == pytest.approx((diagonal[1] - diagonal[0]) / (2 * step), rel=1e-5)

    errors = []
    for n in (200, 800):
        mixture, X, labels, s = sampled(n, 5)
        layer = kernels.kernel_coefficients([activations.RELU] * 2, s)[-1]
        K = kernels.deep_kernels(
            [activations.RELU] * 2, X, input_variance=s, tangent=False
        ).conjugate
        near = kernels.mixture_equivalent(layer, X, labels, mixture).matrix()
        before = kernels.operator_norm(K - near)
        np.fill_diagonal(near, layer.variance + layer.alpha[3] * (np.sum(X**2, axis=0) - s))
        errors.append((before, kernels.operator_norm(K - near)))
    errors = np.array(errors)
    assert "falls by about a quarter" in solution(CHAPTER, "ex-dk-diagonal")
    np.testing.assert_allclose(errors[:, 1] / errors[:, 0], 0.75, atol=0.08)
    assert np.log(errors[1, 1] / errors[0, 1]) / np.log(4) == pytest.approx(-0.5, abs=0.12)


def test_skewed_weights():
    text = solution(CHAPTER, "ex-dk-skewed")
    assert r"\frac{\mathbb E W^3}2e_1e_2" in text
    curve, m3, sizes, found = activations.Quadratic(0.5, 1, 0), 0.7, (150, 600), []
    for n in sizes:
        for seed in range(4):
            mixture, X, _, s = sampled(n, seed)
            extra = kernels.weight_moment_correction(curve, X, third_moment=m3)
            e1, e2 = curve.moments(s).mean_derivative, curve.moments(s).mean_curvature
            spreads = [np.diag(mixture.covariance_matrix(a)) for a in range(mixture.K)]
            v = mixture.weights @ spreads @ X / mixture.p
            near = m3 / 2 * e1 * e2 * (v[:, None] + v)
            parts = near, extra - near, without_ones(extra)
            found.append([kernels.operator_norm(part) for part in parts])
    named, left, projected = np.reshape(found, (2, 4, 3)).mean(axis=1).T
    assert named[1] == pytest.approx(named[0], rel=0.25)  # of order one
    assert left[1] < named[1] / 2
    for rest in (left, projected):
        assert np.log(rest[1] / rest[0]) / np.log(4) == pytest.approx(-0.5, abs=0.15)


def test_training_error_of_a_deep_network_on_a_mixture():
    assert "DuLingQiuLiao23" in markdown(CHAPTER)
    gaps = []
    for n in (150, 600):
        mixture, X, labels, s = sampled(n, 9)
        chosen, y = [activations.RELU] * 2, np.where(labels, 1.0, -1.0)
        exact = kernels.deep_kernels(chosen, X, input_variance=s)
        layer = kernels.kernel_coefficients(chosen, s)[-1]
        times = np.array([0.5, 1, 2, 4]) / layer.tangent_variance
        curves = []
        for K in (
            exact.tangent,
            kernels.mixture_equivalent(layer, X, labels, mixture, tangent=True).matrix(),
            exact.conjugate,
        ):
            run = kernels.tangent_flow(K, y, times)
            curves.append(np.mean((run.outputs - y) ** 2, axis=1))
        gaps.append(np.max(np.abs(curves[1] - curves[0])))
        assert np.max(np.abs(curves[2] - curves[0])) > 0.1
    assert gaps[1] < 0.6 * gaps[0] < 0.03


def test_the_channel_of_the_shapes_becomes_wider_than_that_of_the_means():
    text = solution(CHAPTER, "ex-dk-channels")
    assert "passes 1 in the sixth" in text
    layers = kernels.kernel_coefficients([activations.RELU] * 12, 1.0)
    ratio = np.array([layer.alpha[2] / layer.alpha[0] for layer in layers])
    assert ratio[5] < 1 < ratio[6]
    r = np.pi / (2 * (np.pi - 1))
    np.testing.assert_allclose(np.diff(ratio), r ** np.arange(12) / np.pi, rtol=1e-10)
    mixed = kernels.kernel_coefficients([activations.ABS] + [activations.ERF] * 5, 1.0)[-1]
    even = kernels.kernel_coefficients([activations.ABS] * 3, 1.0)[-1]
    assert mixed.alpha[0] == pytest.approx(0, abs=1e-14)
    assert mixed.alpha[2] > 0
    assert even.alpha[2] == pytest.approx(0, abs=1e-14)
