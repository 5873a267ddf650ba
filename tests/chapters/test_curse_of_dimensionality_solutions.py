"""Numbers and conditions that the chapter on the curse of dimensionality states."""

import numpy as np
import pytest
from notebook import markdown, numbers, solution
from scipy.stats import norm
from sklearn.neighbors import KNeighborsClassifier

from rmtlib import covariance, data, mixtures

CHAPTER = "curse_of_dimensionality"


def test_mean_and_variance_of_a_squared_distance():
    text = solution(CHAPTER, "ex-cd-variance")
    mean, variance = numbers(
        r"mean \$(\d)\\operatorname\{tr\}C\$ and variance \$(\d)\\operatorname\{tr\}C\^2", text
    )
    spectrum = np.array([0.5, 1.0, 2.0, 4.0])
    draws = np.random.default_rng(1).standard_normal((2, 200_000, 4)) * np.sqrt(spectrum)
    squared = np.sum((draws[0] - draws[1]) ** 2, axis=1)
    assert squared.mean() == pytest.approx(mean * spectrum.sum(), rel=0.01)
    assert squared.var() == pytest.approx(variance * np.sum(spectrum**2), rel=0.03)


def test_a_distance_keeps_its_auc_when_the_separation_grows_like_a_fourth_root():
    (root,) = numbers(r"needs \$10\^\{1/(\d)\}\$ times", solution(CHAPTER, "ex-cd-slider"))
    for separation in (1.8, 3.2):
        small, large = (
            mixtures.distance_auc_limit(separation * factor ** (1 / root), p=10 * factor)
            for factor in (1, 100)
        )
        assert small == pytest.approx(large, abs=1e-12)
        assert mixtures.distance_auc(separation, p=10) == pytest.approx(small, abs=0.05)


def test_inner_products_have_the_stated_auc():
    factor, under = numbers(
        r"which gives \$\\Phi.*= \\Phi\\bigl\(\\Delta\^2/\((\d)\\sqrt\{(\d)p\}\)",
        solution(CHAPTER, "ex-cd-angles"),
    )
    p, pairs, separation = 900, 3000, 6.0
    rng = np.random.default_rng(2)
    mean = np.zeros(p)
    mean[0] = separation / 2
    products = [
        np.sum(
            (rng.standard_normal((pairs, p)) + mean) * (rng.standard_normal((pairs, p)) + s * mean),
            axis=1,
        )
        for s in (1, -1)
    ]
    order = np.argsort(np.argsort(np.concatenate(products[::-1])))
    auc = (order[pairs:].mean() - (pairs - 1) / 2) / pairs
    assert auc == pytest.approx(norm.cdf(separation**2 / (factor * np.sqrt(under * p))), abs=0.025)


def test_inverse_of_a_sample_covariance_costs_a_root_of_one_minus_c():
    (power,) = numbers(r"m'\(0\) = \\frac\{1\}\{\(1 - c\)\^(\d)\}", solution(CHAPTER, "ex-cd-lda"))
    p, n = 200, 500
    X = np.random.default_rng(3).standard_normal((p, n))
    inverse = np.linalg.inv(X @ X.T / n)
    c = p / n
    assert np.trace(inverse) / p == pytest.approx(1 / (1 - c), rel=0.03)
    assert np.sum(inverse**2) / p == pytest.approx((1 - c) ** -power, rel=0.06)


def test_neighbors_lie_in_the_narrow_class_when_traces_differ():
    solution(CHAPTER, "ex-cd-trace")
    p, n, contrast = 400, 2000, 4.0
    both = mixtures.two_classes(0, p=p, covariances=[1, 1 + contrast / np.sqrt(p)])
    X, labels = both.sample(n, rng=4)
    T, truth = both.sample(400, rng=5)
    found = KNeighborsClassifier(1, algorithm="brute").fit(X.T, labels).predict(T.T)
    assert np.mean(found == 0) > 0.9
    assert abs(np.mean(found == truth) - 0.5) < 0.1
    assert mixtures.isotropic_quadratic_error(contrast, p=p) < 0.1


def test_logarithm_bound_of_the_divergence():
    (least,) = numbers(
        r"with \$\|\\eta_k\| \\le \\frac(\d\d)\$", solution(CHAPTER, "ex-cd-impossible")
    )
    assert least == 12  # the fraction one half
    a = np.linspace(-0.5, 0.5, 2001)
    assert np.all(a - np.log1p(a) <= a**2 + 1e-15)


def test_plug_in_ratio_is_wrong_by_the_stated_factor():
    extra, under = numbers(
        r"by a factor \$\(\\Delta\^2 \+ (\d)\)/\(\\sqrt(\d)", solution(CHAPTER, "ex-cd-own")
    )
    p, separation, found = 300, 2.0, []
    rng = np.random.default_rng(6)
    for _ in range(8):
        X, labels = mixtures.two_classes(separation, p=p).sample(p, rng=rng)
        classes = [X[:, labels == a] for a in (0, 1)]
        gap = classes[0].mean(axis=1) - classes[1].mean(axis=1)
        C = (np.cov(classes[0]) + np.cov(classes[1])) / 2
        found.append(gap @ gap / np.linalg.norm(C) / (separation**2 / np.sqrt(p)))
    stated = (separation**2 + extra) / (np.sqrt(under) * separation**2)
    assert np.mean(found) == pytest.approx(stated, rel=0.1)


def error_of_the_centroid_rule(C_root, gap, n, rng, draws=4000):
    """Mean error for class 1, exact given the training set; C_root is C^(1/2), diagonal."""
    noise = rng.standard_normal((2, draws, gap.size)) * C_root
    w = gap + 2 / np.sqrt(n) * noise[0]
    score = w @ gap / 2 - np.sum(w * noise[1], axis=1) / np.sqrt(n)
    return norm.cdf(-score / np.linalg.norm(w * C_root, axis=1)).mean()


@pytest.mark.parametrize("n", [100, 10_000])
def test_price_of_centroids_needs_noise_in_many_directions(n):
    assert r"$\|C\|$ bounded and $\|C\|_F \to \infty$" in markdown(CHAPTER)
    squared = 4 / np.sqrt(n)
    rng = np.random.default_rng(7)
    narrow = error_of_the_centroid_rule(
        np.array([1.0, 0.0]), np.array([0.0, np.sqrt(squared)]), n, rng
    )
    assert norm.cdf(-1) - narrow > 0.04  # the formula does not hold for a C of rank one
    q = 300
    wide = error_of_the_centroid_rule(
        np.r_[np.ones(q), 0.0], np.r_[np.zeros(q), np.sqrt(squared * np.sqrt(q))], n, rng
    )
    assert wide == pytest.approx(norm.cdf(-1), abs=0.01)


def test_pooling_pixels_keeps_more_signal_than_noise_and_a_random_projection_does_not():
    assert "averages over neighboring pixels do" in markdown(CHAPTER)
    images = data.load("digits", classes=(3, 8))
    X, high = images.X, images.labels == 8
    gap = X[:, high].mean(axis=1) - X[:, ~high].mean(axis=1)
    C = (np.cov(X[:, high]) + np.cov(X[:, ~high])) / 2 + gap @ gap / 9 * np.eye(64)
    rows, columns = np.divmod(np.arange(64), 8)
    pool = (4 * (rows // 2) + columns // 2 == np.arange(16)[:, None]) / 2
    rng = np.random.default_rng(8)

    def ratio(A):
        return np.sum((A @ gap) ** 2) / np.linalg.norm(A @ C @ A.T)

    plain = ratio(np.eye(64))
    assert ratio(pool) > 1.2 * plain
    assert np.mean([ratio(rng.standard_normal((16, 64))) for _ in range(20)]) < 0.8 * plain


def test_the_two_singular_vectors_of_a_spike_have_the_stated_alignments():
    text = markdown(CHAPTER)
    assert r"has the squared cosine $(1 - c/\rho^2)/(1 + 1/\rho)$ with the classes" in text
    assert r"with the direction of the means is $(1 - c/\rho^2)/(1 + c/\rho)$" in text
    rho, c = 9 / 4, 1 / 2
    spike = covariance.signal_plus_noise_spike(rho, ratio=c)
    assert spike.right_alignment == pytest.approx((1 - c / rho**2) / (1 + 1 / rho))
    assert spike.alignment == pytest.approx((1 - c / rho**2) / (1 + c / rho))
