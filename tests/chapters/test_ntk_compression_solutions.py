"""Numbers that the solutions of the chapter on compression state."""

import math
import re

import numpy as np
import pytest
from notebook import numbers, solution

from rmtlib import activations, data, kernels, quantization

CHAPTER = "ntk_compression"


def spaced(pattern, text):
    """A number printed in groups of three digits."""
    (found,) = re.findall(pattern, text)
    return int(re.sub(r"\D", "", found))


def test_the_bits_of_a_network():
    text = solution(CHAPTER, "ex-nc-bits")
    weights = 784 * 2000 + 2000 * 2000 + 2000 * 1100 + 1100 * 5
    neurons = 2000 + 2000 + 1100
    assert spaced(r"There are \$([\d\\,]+)\$ weights", text) == weights
    assert spaced(r"and \$(\d+)\$ activations", text) == neurons

    def bits(**kind):
        return quantization.memory_bits(weights, neurons, activation_bits=1, **kind)

    dense = quantization.memory_bits(weights, neurons, model="dense")
    assert spaced(r"gives ([\d ]+) bits for the dense", text) == dense
    published = bits(sparsity=0.9, model="published")
    assert spaced(r"network, ([\d ]+) published", text) == pytest.approx(published)
    (entropy,) = numbers(r"about ([\d.]+) million at the entropy", text)
    assert entropy == pytest.approx(bits(sparsity=0.9, model="entropy") / 1e6, abs=0.005)
    assert spaced(r"entropy and ([\d ]+) in two bits", text) == bits(model="fixed")


def test_odd_networks():
    (stated,) = numbers(r"ridge_shift` is \$([\d.]+)\$", solution(CHAPTER, "ex-nc-odd"))
    layers = [activations.SIN] * 3
    assert stated == pytest.approx(quantization.match_network(layers, 1.0).ridge_shift, abs=5e-5)
    last = kernels.kernel_coefficients(layers, 1.0)[-1]
    share = quantization.scale_match(layers, 1.0, levels=3).limit
    assert stated == pytest.approx(last.alpha[0] / share - last.variance, abs=5e-5)


@pytest.mark.parametrize("kind", ["two-level", "three-level"])
def test_shifts_of_homogeneous_networks_scale_with_the_variance(kind):
    assert r"$\delta\propto\tau_0^2$" in solution(CHAPTER, "ex-nc-homogeneous")
    layers = [activations.RELU] * 2
    shifts = [quantization.match_network(layers, v, kind=kind).ridge_shift for v in (1.0, 4.0)]
    assert shifts[1] / shifts[0] == pytest.approx(4, rel=1e-6)


def test_only_the_last_layer():
    text = solution(CHAPTER, "ex-nc-last")
    shift, variance = numbers(
        r"shift is \$([\d.]+)\\,\\tau_2\^2\$, a sixth of \$\\tau_3\^2 = ([\d.]+)\\,", text
    )
    scale = kernels.kernel_coefficients([activations.RELU] * 3, 1.0)
    match = quantization.match_activation("ReLU", scale[2].variance, "three-level")
    assert shift == pytest.approx(match.excess / scale[2].variance, abs=5e-4)
    assert variance == pytest.approx(scale[3].variance / scale[2].variance, abs=5e-4)
    assert shift / variance == pytest.approx(1 / 6, abs=0.01)


def test_images_instead_of_mixtures():
    text = solution(CHAPTER, "ex-nc-images")
    assert "Predicted classes agree for all but a few images in a hundred" in text
    images = data.load("mnist", classes=(3, 8), n=(400, 0), fallback="digits").pair(3, 8)
    X, y = images.X[:, :400], images.labels[:400]
    X = X - X[:, :200].mean(axis=1, keepdims=True)
    X *= math.sqrt(X.shape[1] / np.sum(X**2))
    layers = [activations.RELU] * 3
    match = quantization.match_network(layers, 1.0)
    dense, coarse = (
        kernels.deep_kernels(f, X, input_variance=1.0, tangent=False).conjugate
        for f in (layers, match.activations)
    )

    def predict(K, ridge):
        return K[200:, :200] @ np.linalg.solve(K[:200, :200] + ridge * np.eye(200), y[:200])

    ridge = 1.5 * match.ridge_shift
    one, two = predict(dense, ridge), predict(coarse, ridge - match.ridge_shift)
    assert np.mean(np.sign(one) != np.sign(two)) < 0.05
    assert 0.02 < np.std(one - two) / np.std(one) < 0.5


def test_norms_carry_the_fourth_cumulant_of_the_data():
    assert "carry the fourth cumulant" in solution(CHAPTER, "ex-nc-graphs")
    layer = kernels.kernel_coefficients([activations.RELU], 1.0)[1]
    linear, norms, shapes = layer.alpha[:3]
    draws, plain, corrected = np.random.default_rng(5), [], []
    for n in (200, 800):
        X = np.where(draws.random((n, n)) < 0.3, draws.standard_normal((n, n)), 0)
        X /= np.sqrt(0.3 * n)  # entries of kurtosis 10
        K = kernels.deep_kernels([activations.RELU], X, input_variance=1.0, tangent=False).conjugate
        fluctuation = np.sum(X**2, axis=0) - 1
        flat = np.full((n, n), 1 / n)
        tilde = linear * X.T @ X + norms * np.outer(fluctuation, fluctuation)
        tilde += shapes * flat + (layer.variance - linear) * np.eye(n)
        plain.append(np.linalg.norm(K - tilde, 2))
        corrected.append(np.linalg.norm(K - tilde - norms * 7 * flat, 2))
    assert plain[0] < 0.1
    assert plain[1] < 0.6 * plain[0]
    assert min(corrected) > 0.2
