"""The tangent kernel's law: against simulated networks, free products and its own identities."""

import numpy as np
import pytest

from rmtlib import ConvergenceError
from rmtlib.activations import RELU, TANH
from rmtlib.features import DeepGram
from rmtlib.features._weighted_grams import WeightedGrams
from rmtlib.laws import Discrete, MarchenkoPastur


def unit(activation):
    eta = activation.gram_parameters().eta
    return activation.centered().affine(eta**-0.5)


def tangent_kernel(activation, p, widths, n, rng):
    """Gram matrix of all gradients, layer by layer: back-propagation by hand.

    The readout has length sqrt(N): its square's fluctuation is a factor on the kernel of W.
    """
    outputs, slopes, weights = [rng.standard_normal((p, n))], [], []
    for N in widths:
        weights.append(rng.standard_normal((N, len(outputs[-1]))))
        h = weights[-1] @ outputs[-1] / np.sqrt(len(outputs[-1]))
        outputs.append(activation(h))
        slopes.append(activation.derivative(h))
    readout = rng.standard_normal(widths[-1])
    back = (readout / np.linalg.norm(readout))[:, None] * slopes[-1]
    kernel = outputs[-1].T @ outputs[-1] / widths[-1]
    for k in range(len(widths) - 1, -1, -1):
        kernel += (back.T @ back) * (outputs[k].T @ outputs[k] / len(outputs[k]))
        if k:
            back = weights[k].T @ back / np.sqrt(len(weights[k].T)) * slopes[k - 1]
    return kernel


def law_of(activation, p, widths, n):
    moments = activation.moments(1.0)
    gram = DeepGram(
        moments.mean_derivative**2,
        samples_per_dimension=n / p,
        samples_per_feature=[n / N for N in widths],
    )
    return gram.tangent(moments.mean_squared_derivative)


@pytest.mark.parametrize(
    ("activation", "p", "widths", "n"),
    [
        (unit(TANH), 300, [600], 600),
        (unit(RELU), 900, [300], 450),
        (unit(TANH), 300, [600, 450], 600),
        (unit(RELU), 600, [400, 800, 500], 400),
    ],
    ids=["tanh", "ReLU", "tanh, two layers", "ReLU, three layers"],
)
def test_spectrum_of_simulated_networks(activation, p, widths, n):
    law = law_of(activation, p, widths, n)
    kernel = tangent_kernel(activation, p, widths, n, np.random.default_rng(len(widths)))
    moments = activation.moments(1.0)
    ratios = {"samples_per_dimension": n / p, "samples_per_feature": [n / N for N in widths]}
    zeta = moments.mean_derivative**2
    conjugate = DeepGram(zeta, **ratios)
    unshifted = law + Discrete([-law.mean() + sum(zeta**k for k in range(len(widths) + 1))])
    wrong = [conjugate, unshifted, DeepGram(1.0, **ratios).tangent(1.0)]
    for z in (-1.0, -0.2):
        found, limit = np.trace(np.linalg.inv(kernel - z * np.eye(n))) / n, law.stieltjes(z)
        assert found == pytest.approx(limit, rel=16 / n)
        assert all(abs(other.stieltjes(z) / limit - 1) > 40 / n for other in wrong)


RATIOS = [(1, 0.5), (0.5, 2), (4, 10), (10, 0.1), (2, 2), (3, 0.5), (4, 4 / 3)]


@pytest.mark.parametrize(("first", "ratio"), RATIOS)
@pytest.mark.parametrize("zeta", [0.4, 1.0])
def test_one_layer_is_an_explicit_free_product(first, ratio, zeta):
    law = DeepGram(zeta, samples_per_dimension=first, samples_per_feature=[ratio]).tangent(1.5)
    population = Discrete([zeta]) @ MarchenkoPastur(first) + Discrete([1 - zeta])
    free = (MarchenkoPastur(ratio) + Discrete([1.0])) @ population + Discrete([0.5])
    np.testing.assert_allclose(law.bands(), free.bands(), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(law.atoms, free.atoms, rtol=1e-12)
    x = np.linspace(*law.support(), 41)[1:-1]
    np.testing.assert_allclose(law.pdf(x), free.pdf(x), rtol=1e-9, atol=1e-12)
    z = np.array([0.3 + 1e-3j, -1.0, 2 * law.support()[1]])
    for derivative in (False, True):
        found, expected = law.stieltjes(z, derivative), free.stieltjes(z, derivative)
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_one_linear_layer_is_the_product_with_one_plus_wishart_without_shift():
    law = DeepGram(1.0, samples_per_dimension=0.5, samples_per_feature=[0.25]).tangent(1.0)
    free = (MarchenkoPastur(0.25) + Discrete([1.0])) @ MarchenkoPastur(0.5)
    np.testing.assert_allclose(law.bands(), free.bands(), rtol=1e-12)


def test_zeta_zero_leaves_the_last_layer_and_a_shift():
    law = DeepGram(0.0, samples_per_dimension=3.0, samples_per_feature=[2.0, 0.5]).tangent(2.0)
    expected = MarchenkoPastur(0.5) + Discrete([2.0 + 4.0])
    np.testing.assert_allclose(law.bands(), expected.bands(), rtol=1e-14)


def test_layers_before_a_layer_of_slope_zero_only_shift():
    sizes = {"samples_per_dimension": 3.0, "samples_per_feature": [2.0, 0.5, 0.8]}
    law = DeepGram([0.9, 0.0, 0.6], **sizes).tangent([1.2, 3.0, 1.5])
    short = DeepGram(0.6, samples_per_dimension=0.5, samples_per_feature=[0.8]).tangent(1.5)
    shift = 1.2 * 3.0 * 1.5 + 3.0 * 1.5
    np.testing.assert_allclose(law.bands(), short.bands() + shift, rtol=1e-13)


def test_a_wide_network_has_the_kernel_of_infinite_width():
    zeta, slope, n_p = 0.7, 1.4, 0.5
    law = DeepGram(zeta, samples_per_dimension=n_p, samples_per_feature=[1e-9, 1e-9])
    kernel = MarchenkoPastur(n_p).bands() * 3 * zeta**2 + 1 - zeta**2 + zeta * (1 - zeta)
    kernel += slope**2 - zeta**2 + slope - zeta
    np.testing.assert_allclose(law.tangent(slope).bands(), kernel, rtol=1e-3)


@pytest.mark.parametrize(
    ("ratios", "zeta"),
    [([0.1, 3.0, 0.7], 0.6), ([6.0, 0.2, 0.3, 1.0], 0.95), ([1.0, 8.0], 0.05), ([3.0, 2.0], 0.999)],
)
def test_mass_mean_and_second_moment(ratios, zeta):
    layers = len(ratios) - 1
    weights = [zeta ** (layers - k) for k in range(layers + 1)]
    law = WeightedGrams(ratios, [zeta] * layers, weights)
    nodes, quadrature = law._quadrature
    assert quadrature @ nodes == pytest.approx(sum(weights), rel=1e-9)
    # tr K_j K_k = 1 + cov; K_k is seen from K_j, j <= k, as its population of that layer.
    variance = [ratios[0]]
    for ratio in ratios[1:]:
        variance.append(zeta**2 * variance[-1] + ratio)
    second = sum(
        weights[j] * weights[k] * (1 + zeta ** abs(k - j) * variance[min(j, k)])
        for j in range(layers + 1)
        for k in range(layers + 1)
    )
    assert quadrature @ nodes**2 == pytest.approx(second, rel=1e-8)


def test_bad_slopes_are_refused():
    law = DeepGram(0.5, samples_per_dimension=1.0, samples_per_feature=[1.0, 1.0])
    with pytest.raises(ValueError, match=r"squared_slope must be at least 1, .* got 0.9"):
        law.tangent(0.9)
    with pytest.raises(ValueError, match=r"squared_slope must be of shape \(\) or \(2,\)"):
        law.tangent([1.0, 1.0, 1.0])
    for bad in (np.nan, np.inf, "x", -1.0):
        with pytest.raises(ValueError, match="squared_slope"):
            law.tangent(bad)


def test_an_unsolved_equation_raises_instead_of_returning_numbers(monkeypatch):
    law = WeightedGrams([1.0, 0.5], [0.7], [0.7, 1.0])
    monkeypatch.setattr(WeightedGrams, "_newton", lambda self, s, z, tol, most: s + 1e-4)
    with pytest.raises(ConvergenceError, match="equations of the layers not solved"):
        law.pdf(1.0)
