"""Numbers and conditions that the chapter on kernel spectral clustering states."""

import re

import numpy as np
import pytest
from notebook import markdown, numbers, solution
from scipy.linalg import eigh
from scipy.optimize import brentq
from scipy.stats import norm

from rmtlib import clustering, data, mixtures
from rmtlib.clustering import RadialProfile, mean_spike, quadratic_profile, trace_spike

CHAPTER = "kernel_spectral_clustering"
heat = clustering.HEAT


def exponential(a):
    return RadialProfile(
        f"exp(-{a} t)",
        lambda t: np.exp(-a * t),
        lambda t: -a * np.exp(-a * t),
        lambda t: a**2 * np.exp(-a * t),
    )


def stated_call(text):
    """Value of the call of trace_spike that a solution prints."""
    (call,) = re.findall(r"`(trace_spike\(.*?\))`", text)
    return eval(
        call, {"trace_spike": trace_spike, "quadratic_profile": quadratic_profile, "heat": heat}
    )


def sample(mixture, n, rng):
    X, labels = mixture.sample(n, rng=rng)
    return X, np.where(labels == 1, 1, -1)


def test_a_kernel_that_is_not_positive_puts_the_classes_first():
    assert markdown(CHAPTER).count("f' < 0 < f$") == 2
    X, j = sample(mixtures.two_classes(4.0, p=100), 200, 1)
    squared = clustering.squared_distances(X)
    for shift, place in [(0.0, 2), (3.0, 1)]:
        _, vectors = np.linalg.eigh(np.exp(-squared / 2) - shift)
        assert (j @ vectors[:, -place]) ** 2 / 200 > 0.5


def test_ranks_of_the_terms_made_of_norms_and_projections():
    text = markdown(CHAPTER)
    assert "a matrix of rank two made of norms, for two classes one of rank four" in text
    mixture = mixtures.two_classes(4.0, p=40)
    X, labels = mixture.sample(60, rng=2)
    terms = clustering.linearization_terms(X, labels, mixture, heat)
    ranks = [
        np.linalg.matrix_rank(terms[name], tol=1e-10) for name in ("norms", "cross", "quadratic")
    ]
    assert ranks == [2, 4, 3]


def test_norms_overtake_the_classes_in_the_centered_kernel_at_the_stated_bandwidth():
    text = solution(CHAPTER, "ex-kc-bandwidth")
    (shift,) = numbers(r"beyond \$\\kappa = (\d) \+ \\rho\$", text)
    rho, c = 1.5, 0.5
    for a, first in [(shift + rho - 0.01, "means"), (shift + rho + 0.01, "norms")]:
        means = mean_spike(rho, exponential(a), ratio=c).position
        norms = trace_spike(0.0, exponential(a), ratio=c, operator="centered").position
        assert (norms > means) == (first == "norms")
    assert not trace_spike(0.0, exponential(4.0), ratio=c).isolated  # K: none
    (one, two) = numbers(r"is largest at \$\\kappa = (\d)/(\d)\$", text)
    a = np.linspace(0.05, 3, 2951)
    assert a[np.argmax(2 * a * np.exp(-2 * a))] == pytest.approx(one / two, abs=2e-3)


def test_short_form_has_the_stated_eigenvalue_and_threshold():
    assert r"the threshold is $\rho > 1 + \sqrt c$" in solution(CHAPTER, "ex-kc-cross")
    p, n, rho = 400, 800, 4.0
    c = p / n
    j = np.where(np.arange(n) < n // 2, 1.0, -1.0)
    W = np.random.default_rng(3).standard_normal((p, n))
    top = eigh(
        W.T @ W / p + rho / p * np.outer(j, j), eigvals_only=True, subset_by_index=[n - 1, n - 1]
    )
    assert top[0] == pytest.approx(rho / c * (rho - 1 + c) / (rho - 1), abs=4 * 4 / np.sqrt(n))
    s = (1 + np.sqrt(c)) / c
    assert s + s / (s - 1 / c) == pytest.approx((1 + 1 / np.sqrt(c)) ** 2)  # the edge


def test_nine_points_in_ten_lie_between_two_stops_of_the_slider():
    low, high = numbers(
        r"between \$\\rho = ([\d.]+)\$ and \$([\d.]+)\$", solution(CHAPTER, "ex-kc-slider")
    )
    accuracies = [
        clustering.clustering_accuracy(mean_spike(rho, heat, ratio=2.0).alignment)
        for rho in (low, 3.26, high)
    ]
    assert accuracies == sorted(accuracies)
    assert accuracies[1] == pytest.approx(0.9, abs=1e-3)


def test_points_for_an_accuracy():
    assert r"n/p = \frac{1 + q^2}{\rho(\rho - q^2)}" in solution(CHAPTER, "ex-kc-samples")
    rho, q = 2.0, 1.2
    c = rho * (rho - q**2) / (1 + q**2)
    alignment = mean_spike(rho, heat, ratio=c).alignment
    assert clustering.clustering_accuracy(alignment) == pytest.approx(norm.cdf(q))


def test_meaningless_eigenvalue_in_the_gap():
    text = solution(CHAPTER, "ex-kc-gap")
    (slope,) = numbers(r"squared cosine \$1 - (\d)c\$", text)
    (bound,) = numbers(r"requires \$c < 1/(\d)\$", text)
    for c, isolated in [(1 / bound - 0.01, True), (1 / bound + 0.01, False)]:
        assert trace_spike(0.0, heat, ratio=c, operator="centered").isolated is isolated
    p, n = 90, 900
    X = np.random.default_rng(4).standard_normal((p, n))
    values, vectors = np.linalg.eigh(clustering.center(clustering.distance_kernel(X, heat)))
    place = stated_call(text).position
    assert heat.shift(2.0) < place < heat.bulk(p / n)[0]
    norms = np.sum(X**2, axis=0)
    norms = (norms - norms.mean()) / np.linalg.norm(norms - norms.mean())
    best = np.argmax((norms @ vectors) ** 2)
    assert values[best] == pytest.approx(place, abs=0.05)
    assert (norms @ vectors[:, best]) ** 2 == pytest.approx(1 - slope * p / n, abs=0.12)


def test_coefficient_of_the_laplacian():
    text = solution(CHAPTER, "ex-kc-laplacian")
    stated = stated_call(text).position
    profile, c, t = quadratic_profile(2, -2, 1), 0.25, 2.5

    def place(beta):
        ell = beta * (2 + t**2) / 4 - 1
        return profile.shift(2.0) + 4 * (1 + ell) * (c + ell) / (c * ell)

    assert stated == pytest.approx(place(-1.0))
    assert stated - place(-1.5) > 0.5
    rng, found, sizes = np.random.default_rng(5), [], (400, 1000)
    for n in sizes:
        p = n // 4
        scale = t / np.sqrt(p)
        both = mixtures.two_classes(0, p=p, covariances=[1 + scale, 1 - scale])
        K = clustering.distance_kernel(both.sample(n, rng=rng)[0], profile)
        L = 2 * clustering.normalized_laplacian(K)
        found.append(eigh(L, eigvals_only=True, subset_by_index=[0, 0])[0])
    x = np.array(sizes) ** -0.5
    limit = found[1] - x[1] * (found[0] - found[1]) / (x[0] - x[1])
    assert abs(limit - stated) < abs(limit - place(-1.5))


def test_boundaries_of_two_means_and_of_em():
    text = solution(CHAPTER, "ex-kc-em")
    em, em_share = numbers(r"\\log 9 = ([\d.]+)\$; a share ([\d.]+) is", text)
    two, two_share = numbers(r"\$\\theta = ([\d.]+)\$: .* a share ([\d.]+) is", text)
    share, width = 0.9, 0.3

    def right(s):
        return share * norm.cdf(s / width) + (1 - share) * norm.cdf((1 - s) / width)

    def excess(s):
        below = share * norm.cdf(s / width), (1 - share) * norm.cdf((s - 1) / width)
        sums = (
            -width * (share * norm.pdf(s / width) + (1 - share) * norm.pdf((s - 1) / width))
            + below[1]
        )
        rest = 1 - sum(below)
        return sums / sum(below) + (1 - share - sums) / rest - 2 * s

    assert em == pytest.approx(0.5 + width**2 * np.log(9), abs=5e-4)
    assert two == pytest.approx(brentq(excess, 0.0, 0.6), abs=5e-4)
    assert em_share == pytest.approx(right(em), abs=6e-4)
    assert two_share == pytest.approx(right(two), abs=1e-3)


def test_shirts_hardly_differ_along_their_leading_component():
    assert "Later eigenvectors may do better (here the next one does)" in solution(
        CHAPTER, "ex-kc-pair"
    )
    try:
        images = data.load("fashion-mnist", classes=(0, 6))
    except data.DataUnavailable as missing:
        pytest.skip(f"no Fashion-MNIST here: {missing}")
    X = images.centered(train_only=False, squared_norm=len(images.X)).X
    mu = X @ np.where(images.labels == 6, 1, -1) / images.labels.size
    share, E = eigh(X @ X.T / images.labels.size, subset_by_index=[len(X) - 2, len(X) - 1])
    second, first = (mu @ E) ** 2 / share
    assert first < 0.05 < 0.2 < second
