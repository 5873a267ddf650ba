import numpy as np
import pytest

from rmtlib import as_rng
from rmtlib.covariance import (
    autocorrelation,
    correlated_samples_law,
    effective_samples,
    largest_eigenvalue_test,
)
from rmtlib.laws import (
    Discrete,
    SampleCovariance,
    kolmogorov_distance,
    sample_covariance_eigenvalues,
)


def ar1(p, n, memory, rng):
    """Autoregressive samples of variance 1, columns in order of time."""
    X = rng.standard_normal((p, n))
    for t in range(1, n):
        X[:, t] = memory * X[:, t - 1] + np.sqrt(1 - memory**2) * X[:, t]
    return X


@pytest.mark.parametrize(("p", "n", "memory"), [(100, 400, 0.8), (150, 150, 0.5), (200, 100, 0.5)])
def test_law_of_correlated_samples_is_that_of_an_autoregression(p, n, memory):
    scales = np.repeat([1.0, 3.0], [p - p // 2, p // 2])
    X = np.sqrt(scales)[:, None] * ar1(p, n, memory, as_rng(1))
    lam = sample_covariance_eigenvalues(X)
    r = memory ** np.arange(60)
    law = correlated_samples_law(r, ratio=p / n, population=Discrete([1.0, 3.0]))
    # eigenvalues keep to the law within O(1/p); one draw of a smooth statistic moves by more
    assert kolmogorov_distance(lam, law) < 6 / p
    naive = SampleCovariance(p / n, Discrete([1.0, 3.0]))
    assert kolmogorov_distance(lam, naive) > 2 * kolmogorov_distance(lam, law)


def test_moments_of_the_law_are_those_of_the_two_covariances():
    r, c = 0.5 ** np.arange(40), 0.3
    law = correlated_samples_law(r, ratio=c, population=Discrete([1.0, 3.0]))
    assert law.mean() == pytest.approx(2)
    # var = var(nu) + c (tr T^2 / n) mean(nu)^2, tr T^2 / n = (1 + 1/4) / (1 - 1/4)
    assert law.var() == pytest.approx(1 + c * (5 / 3) * 4)


def test_autocorrelation_is_found_and_independent_samples_have_none():
    X = ar1(60, 600, 0.7, as_rng(2))
    r = autocorrelation(X)
    # one lag has a standard error of about sqrt(2 (1 + r^2) / (1 - r^2) / (n p)) = 0.013
    np.testing.assert_allclose(r[:5], 0.7 ** np.arange(5), atol=4 * 0.013)
    np.testing.assert_allclose(autocorrelation(1j * X + X), r, rtol=1e-10)
    sizes = [autocorrelation(as_rng(seed).standard_normal((60, 200))).size for seed in range(20)]
    assert np.mean(np.array(sizes) == 1) > 0.7


@pytest.mark.parametrize("memory", [0.5, 0.8])
def test_effective_samples_give_the_test_its_level_back(memory):
    p, n, draws, rng = 60, 240, 60, as_rng(3)
    known = effective_samples(memory ** np.arange(60), p=p, n=n)
    alarms = {"all": 0, "known": 0, "estimated": 0}
    for _ in range(draws):
        X = ar1(p, n, memory, rng)
        lam = sample_covariance_eigenvalues(X)
        estimated = effective_samples(autocorrelation(X), p=p, n=n)
        for name, count in (("all", n), ("known", known), ("estimated", estimated)):
            test = largest_eigenvalue_test(lam, n=count, variance=None)
            alarms[name] += (test.pvalue < 0.05) / draws
    # three standard errors at 5 %, and what the shape of the law and an estimate add
    assert alarms["known"] < 0.05 + 3 * np.sqrt(0.05 * 0.95 / draws)
    assert alarms["estimated"] < 0.2
    assert alarms["all"] > 0.95


def test_independent_samples_count_in_full():
    assert effective_samples([1.0], p=50, n=80) == pytest.approx(80, rel=1e-9)
    moments = 400 * (1 - 0.5**2) / (1 + 0.5**2)
    assert effective_samples(0.5 ** np.arange(40), p=200, n=400) < moments


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: autocorrelation(np.ones((3, 3))), "at least 4 columns"),
        (lambda: autocorrelation(np.ones((3, 9))), "X must vary"),
        (lambda: correlated_samples_law([0.5, 0.2], ratio=1.0), "must begin with 1"),
        (lambda: correlated_samples_law([1.0, 2.0], ratio=1.0), "be at most 1"),
        (lambda: effective_samples([1.0], p=0, n=3), "p must be"),
    ],
)
def test_bad_arguments_are_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
