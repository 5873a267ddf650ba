"""Numbers that the solutions of the chapter on random features state."""

import math

import numpy as np
import pytest
from notebook import numbers, solution

from rmtlib import activations, features, quantization

CHAPTER = "random_features"


@pytest.mark.parametrize("variance", [0.5, 2.0])
def test_three_numbers_by_hand(variance):
    text = solution(CHAPTER, "ex-rf-d")
    (share,) = numbers(r"d_0 = \\tau_0\^2\(1 - (\d+)/\\pi\)", text)
    (factor,) = numbers(r"d_2 = 1/\((\d+)\\pi\\tau_0\^2\)", text)
    d = activations.ABS.d_coefficients(variance)
    assert d.d0 == pytest.approx(variance * (1 - share / math.pi))
    assert d.d1 == pytest.approx(0, abs=1e-12)
    assert d.d2 == pytest.approx(1 / (factor * math.pi * variance))
    one, two = numbers(r"\$d_1 = \\frac(\d)(\d)\(1 \+ a\)\^2\$", text)
    bent = activations.leaky_relu(0.3).d_coefficients(variance)
    assert bent.d1 == pytest.approx(one / two * 1.3**2)
    assert bent.d0 == pytest.approx(0.7**2 / 4 * d.d0)
    assert bent.d2 == pytest.approx(0.7**2 / 4 * d.d2)


def test_an_isotropic_kernel():
    text = solution(CHAPTER, "ex-rf-isotropic")
    assert r"tends to $\frac nN - 1$" in text
    assert r"the sum is $1 - N/n$" in text
    n = 40
    theory = features.RandomFeatureRidge(np.eye(n), np.ones(n))
    for N in (10, 30):
        errors = theory.errors(N, 1e-10)
        assert errors.effective_ridge == pytest.approx(n / N - 1, rel=1e-6)
        assert errors.train == pytest.approx(1 - N / n, rel=1e-6)
    for N, limit in [(n, math.sqrt(1e-10)), (60, 1e-10 * n / (60 - n))]:
        assert theory.errors(N, 1e-10).effective_ridge == pytest.approx(limit, rel=1e-4)


def test_a_linear_network_has_no_peak_where_its_kernel_has_low_rank():
    assert "yet the test error stays finite" in solution(CHAPTER, "ex-rf-rank")
    draws = np.random.default_rng(1)
    widths = np.array([20, 49, 50, 51, 100, 190, 200, 210, 800])

    def task(p, n=200):
        X = draws.standard_normal((p, 2 * n)) / np.sqrt(p)
        y = np.sqrt(p) * X[0] + 0.5 * draws.standard_normal(2 * n)
        return X, y, features.RandomFeatureRidge(X.T @ X, y, n)

    X, y, low = task(50)
    curve = low.errors(widths, 1e-9)
    assert curve.test.max() == curve.test[0]
    assert curve.effective_ridge[1] > 1e-3
    assert curve.effective_ridge[3] < 1e-6
    least_squares = np.linalg.lstsq(X[:, :200].T, y[:200])[0]
    expected = np.mean((y[200:] - least_squares @ X[:, 200:]) ** 2)
    assert curve.test[4:] == pytest.approx(np.full(5, expected), rel=1e-3)
    high = task(400)[2].errors(widths, 1e-9)
    assert widths[high.test.argmax()] == 200
    assert high.test.max() > 100 * high.test[-1]


def test_a_growing_model_has_its_lower_minimum_on_the_left():
    text = solution(CHAPTER, "ex-rf-growing")
    assert "far below the descent on the right" in text
    assert "no minimum inside" in text
    n, D, s2 = 100, 400, 0.2
    squares = np.arange(1, D + 1) ** -2.0
    squares /= squares.sum()

    def curve(inside, sizes):
        return np.array(
            [
                s2
                + 1
                - r
                + features.ridgeless_risk_finite(p=int(p), n=n, signal=r, noise=s2 + 1 - r)
                for p, r in zip(sizes, inside, strict=True)
            ]
        )

    left, right = np.arange(1, 95), np.arange(106, D + 1)
    ordered = [curve(np.cumsum(squares)[side - 1], side) for side in (left, right)]
    assert 1 < left[ordered[0].argmin()] < 20
    assert ordered[0].min() < 0.5 * ordered[1].min()
    shuffled = curve(left / D, left)
    assert np.all(np.diff(shuffled) > 0)
    draws = np.random.default_rng(2)
    p, beta, found = 10, np.sqrt(squares), []
    for _ in range(200):
        X = draws.standard_normal((D, n))
        y = beta @ X + math.sqrt(s2) * draws.standard_normal(n)
        fit = np.zeros(D)
        fit[:p] = np.linalg.lstsq(X[:p].T, y)[0]
        found.append(np.sum((fit - beta) ** 2) + s2)
    spread = 4 * np.std(found) / math.sqrt(len(found))
    assert np.mean(found) == pytest.approx(ordered[0][p - 1], abs=spread)


def test_the_fourth_moment_of_very_sparse_weights():
    (stated,) = numbers(r"1/\(1 - \\varepsilon\) = (\d+)\$", solution(CHAPTER, "ex-rf-structured"))
    assert stated == pytest.approx(1 / (1 - 0.99))
    weights = quantization.ternary_weights((1000, 1000), 0.99, rng=3)
    assert stated == pytest.approx(np.mean(weights**4), rel=0.05)


def test_fourier_features_in_pairs():
    text = solution(CHAPTER, "ex-rf-pairs")
    assert r"e^{-(\|x\|^2 + \|x'\|^2)/2}\cosh x^{\mathsf T}x'" in text
    draws = np.random.default_rng(4)
    x, z = draws.standard_normal((2, 3)) / 2
    w = draws.standard_normal((400_000, 3))
    size, inner = np.exp(-(x @ x + z @ z) / 2), x @ z
    for f, h in [(np.cos, np.cosh), (np.sin, np.sinh)]:
        product = f(w @ x) * f(w @ z)
        spread = 4 * product.std() / math.sqrt(product.size)
        assert size * h(inner) == pytest.approx(product.mean(), abs=spread)
