"""Numbers that the chapter on equilibrium models and its solutions state."""

import numpy as np
import pytest
from notebook import markdown, numbers, solution

from rmtlib import activations, as_rng, kernels

CHAPTER = "deep_equilibrium"


def test_linear_equilibrium():
    text = solution(CHAPTER, "ex-de-linear")
    (denominator,) = numbers(r"\$X\^\{\\mathsf T\}X\$ in \$G\$ is \$1/([\d.]+)\$", text)
    X = as_rng(0).standard_normal((20, 5)) / np.sqrt(20)
    found = kernels.Equilibrium("linear", feedback=0.6).kernels(X)
    np.testing.assert_allclose(found.conjugate, X.T @ X / denominator, rtol=1e-8)
    tangent = (found.conjugate + X.T @ X) / (1 - 0.6**2)
    np.testing.assert_allclose(found.tangent, tangent, rtol=1e-8)


def test_one_layer_misses_the_third_coefficient_only():
    (factor,) = numbers(r"The latter is \$(\d)\\alpha_2\$", solution(CHAPTER, "ex-de-one-layer"))
    layer = kernels.Equilibrium("ReLU", feedback=0.6).coefficients
    net = kernels.match_two_slopes(layer, depth=1, closest=True)
    found = kernels.kernel_coefficients(net, 1.0)[-1]
    for k in (0, 1, 3):
        assert found.alpha[k] == pytest.approx(layer.alpha[k], rel=1e-9)
    assert found.alpha[2] == pytest.approx(factor * found.alpha[1], rel=1e-9)
    assert found.alpha[2] > 1.01 * layer.alpha[2]


def test_the_wrong_order_has_the_same_eigenvalues_and_another_gradient():
    rng = as_rng(1)
    A, D = rng.standard_normal((40, 40)), np.diag(rng.uniform(0.2, 1, 40))
    radii = [np.abs(np.linalg.eigvals(M)).max() for M in (A.T @ D, D @ A.T)]
    assert radii[0] == pytest.approx(radii[1], rel=1e-9)
    assert np.linalg.norm(A.T @ D - D @ A.T) > 0.1 * np.linalg.norm(A.T @ D)


def test_conditions_of_the_conjugate_kernel():
    text = solution(CHAPTER, "ex-de-conditions")
    (factor,) = numbers(r"q = v_1 - \(a \+ b\)\^2/\((\d)\\pi\)", text)
    for a, b in ((1.0, 0.0), (1.0, 0.3), (0.7, -0.2)):
        at = activations.TwoSlopes(a, b).moments(1.7)
        expected = at.mean_squared_derivative - (a + b) ** 2 / (factor * np.pi)
        assert at.centered_second_moment_slope == pytest.approx(expected, rel=1e-9)
        assert at.mean_squared_derivative >= at.mean_derivative**2
    assert activations.GAUSSIAN.moments(10.0).centered_second_moment_slope < 0


def test_a_spectral_radius_fluctuates_at_the_stated_rate():
    (power,) = numbers(r"fluctuates by \$O\(m\^\{-1/(\d)\}\)\$", solution(CHAPTER, "ex-de-edge"))
    rng = as_rng(2)
    spread = []
    for m in (8, 64):
        A = rng.standard_normal((200, m, m)) / np.sqrt(m)
        spread.append(np.abs(np.linalg.eigvals(A)).max(axis=1).std())
    slope = np.log(spread[0] / spread[1]) / np.log(8)
    # up to logarithms; each deviation is known to 1 / sqrt(400)
    assert slope == pytest.approx(1 / power, abs=4 / np.sqrt(400) / np.log(8) * np.sqrt(2))


def test_constants_of_the_matching_theorem():
    two, first = numbers(r"times \$(\d)\(\\pi - (\d)\)\\tau_0\^2\$, telescopes", markdown(CHAPTER))
    (second,) = numbers(r"times \$\(\\pi - (\d)\)\\tau_0\^2\$, into the sum", markdown(CHAPTER))
    variance, u = 1.3, 0.16 / 4
    x0 = (0.5 - 1 / (2 * np.pi)) * 4 - 1
    G, H = x0 / (1 - u * (1 + x0)), x0 * (1 - u * (1 + x0)) / (1 - u) ** 2
    settings = {"feedback": 0.4, "input_variance": variance}
    alpha = kernels.Equilibrium("ReLU", **settings).coefficients.alpha
    assert alpha[1] / alpha[0] * two * (np.pi - first) * variance == pytest.approx(G, rel=1e-9)
    assert alpha[2] / alpha[0] * (np.pi - second) * variance == pytest.approx(H, rel=1e-9)


def test_rates_of_the_conjugate_kernel():
    relu, tanh = (activations.CATALOGUE[k].moments(1.0) for k in ("ReLU", "tanh"))
    assert relu.centered_second_moment_slope > relu.mean_derivative**2
    assert tanh.centered_second_moment_slope < tanh.mean_derivative**2
    f, feedback = activations.TANH, 0.8
    model = kernels.Equilibrium(f, feedback=feedback)
    X = np.eye(2)
    X[:, 1] = [0.1, np.sqrt(0.99)]
    g, limit, kernel = model.coefficients.activation, model.kernels(X).conjugate, np.zeros((2, 2))
    gaps = []
    for _ in range(14):
        kernel = kernels.conjugate_kernel(g, feedback**2 * kernel + X.T @ X)
        gaps.append(abs(kernel - limit)[0, 1])
    rate = (gaps[12] / gaps[8]) ** 0.25
    at = f.moments(model.variance)
    # a pair of cosine 0.1: next order is its square
    assert rate == pytest.approx(feedback**2 * at.mean_derivative**2, rel=0.03)
