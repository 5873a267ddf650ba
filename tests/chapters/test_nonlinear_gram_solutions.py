"""Numbers that the solutions and quizzes of the chapter on Gram matrices state."""

import math
import re

import numpy as np
import pytest
from notebook import markdown, numbers, solution

from rmtlib.activations import ABS, RELU, TANH, leaky_relu
from rmtlib.features import DeepGram, NonlinearGram
from rmtlib.laws import sample_covariance_eigenvalues

CHAPTER = "nonlinear_gram"


def unit(activation):
    return activation.centered().affine(activation.gram_parameters().eta ** -0.5)


def test_leaky_relu():
    text = solution(CHAPTER, "ex-ng-leaky")
    (quarter,) = numbers(r"\\zeta = \\frac1(\d)\(1 \+ c\)\^2", text)
    (share,) = numbers(r"\(1 - (\d)/\\pi\)", text)
    linear, white = numbers(r"linear end is \$c = (\d)\$, the .* end \$c = (-\d)\$", text)
    for s in (linear, 0.3, white):
        at = leaky_relu(s).gram_parameters()
        zeta = (1 + s) ** 2 / quarter
        assert at.zeta == pytest.approx(zeta, abs=1e-12)
        assert at.eta == pytest.approx(zeta + (1 - s) ** 2 / quarter * (1 - share / math.pi))


def test_edge_of_a_product():
    text = solution(CHAPTER, "ex-ng-edge")
    y, top, bottom = numbers(r"y_c = (\d)\$, where \$z = (\d+)/(\d)\$", text)
    law = NonlinearGram(1.0, 1.0, features_per_sample=1.0, features_per_dimension=1.0)
    assert law.outlier_threshold == pytest.approx(y)
    assert law.support()[1] == pytest.approx(top / bottom)
    (white,) = numbers(r"threshold is \$y_c = (\d)\$", text)
    white_law = NonlinearGram(1.0, 0.0, features_per_sample=1.0, features_per_dimension=1.0)
    assert white_law.outlier_threshold == pytest.approx(white)
    assert "three times the squared strength" in text
    assert y / white == 3


def test_third_moment():
    text = solution(CHAPTER, "ex-ng-third")
    first, top, bottom, third, below = numbers(
        r"M_1 = (\d)\$, \$M_2 = (\d)/(\d)\$ and \$M_3 = (\d+)/(\d)\$", text
    )
    law = NonlinearGram(1.0, 0.5, features_per_sample=1.0, features_per_dimension=1.0)
    assert [law.moment(k) for k in (1, 2, 3)] == pytest.approx([first, top / bottom, third / below])


def test_depth_at_which_the_variance_saturates():
    text = solution(CHAPTER, "ex-ng-depth")
    assert "tanh this takes more than a dozen layers, for ReLU a handful" in text
    (share,) = numbers(r"reach (\d+) % of its limit", markdown(CHAPTER))
    layers = {}
    for name, activation in {"tanh": TANH, "ReLU": RELU}.items():
        at = activation.gram_parameters()
        zeta = at.zeta / at.eta
        count = math.ceil(math.log(1 - share / 100) / (2 * math.log(zeta)))
        sizes = np.cumsum(zeta ** (2.0 * np.arange(count)))[-2:]
        limit = 1 / (1 - zeta**2)
        assert sizes[0] < share / 100 * limit <= sizes[1]
        layers[name] = count - 1
    law = DeepGram(zeta, samples_per_dimension=1.0, samples_per_feature=[1.0] * layers["ReLU"])
    assert law.var() == pytest.approx(sizes[1])
    assert layers["tanh"] > 12
    assert 2 <= layers["ReLU"] <= 6


def test_normalized_samples_remove_one_of_two_outliers():
    assert "one of the outliers disappears" in solution(CHAPTER, "ex-ng-norm")
    f, rng = unit(ABS), np.random.default_rng(0)
    N, p = 600, 150
    W, X = rng.standard_normal((N, p)), rng.standard_normal((p, N))
    edge = NonlinearGram(1.0, 0.0, features_per_sample=1.0, features_per_dimension=N / p)
    beyond = []
    for data in (X, X * np.sqrt(p) / np.linalg.norm(X, axis=0)):
        lam = sample_covariance_eigenvalues(f(W @ data / np.sqrt(p)))
        beyond.append(int(np.sum(lam > edge.support()[1] + 0.35)))
    assert beyond == [2, 1]


def test_norms_of_weights_with_a_covariance_fluctuate_as_stated():
    text = solution(CHAPTER, "ex-ng-open")
    (factor,) = numbers(r"\\kappa_w = (\d)\\operatorname\{tr\}\\Sigma\^2/p", text)
    rng, p = np.random.default_rng(1), 200
    variances = np.repeat([0.5, 1.5], p // 2)
    norms = np.sum(rng.standard_normal((20_000, p)) ** 2 * variances, axis=1) / p
    assert p * norms.var() == pytest.approx(factor * np.mean(variances**2), rel=0.05)


def test_width_at_which_outliers_of_the_absolute_value_appear():
    text = solution(CHAPTER, "ex-ng-width")
    (shift,) = numbers(r"both pass it at \$b = \\pi - (\d)\$", text)
    f = unit(ABS)
    at, b = f.gram_parameters(), math.pi - shift
    assert at.theta**2 == pytest.approx(2 / b)
    for moment, width in ((3.0, b), (8.0, 2 / 7 * b)):
        for change, outliers in ((0.99, 0), (1.01, 1)):
            law = NonlinearGram(
                at.eta, at.zeta, features_per_sample=1.0, features_per_dimension=change * width
            )
            assert law.outliers(at.theta, moment, 1.0).isolated.sum() == outliers


def test_the_necessary_condition_of_relu():
    at = RELU.gram_parameters()
    (needed,) = numbers(r"it needs \$\\kappa > (\d)\\pi\$", markdown(CHAPTER))
    assert 4 * at.zeta / at.theta**2 == pytest.approx(needed * math.pi)


def test_the_population_is_linear_up_to_rank_two_and_a_small_norm():
    """E f(w x) f(w x)^T is a linear kernel, one term of means and one of norms."""
    assert re.search(r"up to rank two and a vanishing norm", markdown(CHAPTER))
    from rmtlib.kernels import conjugate_kernel

    f, rng, left = unit(ABS), np.random.default_rng(2), {}
    theta = f.gram_parameters().theta
    for p in (100, 400):
        N = 2 * p
        W = rng.standard_normal((N, p))
        gram = W @ W.T / p
        alpha = np.diag(gram) - 1
        rest = conjugate_kernel(f, gram) - np.eye(N) - theta**2 / 2 / p
        one = np.linalg.norm(rest, 2)
        two = np.linalg.norm(rest - theta**2 / 4 * np.outer(alpha, alpha), 2)
        left[p] = one, two
    assert left[400][0] > 0.8 * theta**2
    assert left[400][1] < 0.62 * left[100][1]
