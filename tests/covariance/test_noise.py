import sys
from pathlib import Path

import numpy as np
import pytest

from rmtlib import as_rng
from rmtlib.covariance import count_components, fit_noise
from rmtlib.laws import kolmogorov_distance, sample_covariance_eigenvalues, wishart_eigenvalues

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.accuracy import median_noise, quantile_noise, spiked, strong

# draws fall with the size: the spread of the mean is what the bias is compared with
GRID = [(20, 200, 40), (20, 20, 40), (24, 20, 40), (100, 200, 30), (100, 50, 30), (400, 800, 4)]


@pytest.mark.parametrize("share", [0.0, 0.1])
@pytest.mark.parametrize(("p", "n", "draws"), GRID)
def test_noise_variance_is_nearly_unbiased_with_a_tenth_of_signal(p, n, draws, share):
    rng = as_rng(1)
    k = round(share * p)
    drawn = [spiked(p, n, strong(p, n, k), rng) for _ in range(draws)]
    fits = [fit_noise(eigenvalues, n=n) for eigenvalues in drawn]
    variances = np.array([fit.variance for fit in fits])
    error = np.sqrt(2 / ((p - k) * (n - k)))
    assert np.mean([fit.standard_error for fit in fits]) == pytest.approx(error, rel=0.1)
    # the spread of the mean, and a bias of a fifth of the standard error of one fit
    assert abs(variances.mean() - 1) < 3.5 * error / np.sqrt(draws) + 0.2 * error
    if draws >= 30:
        assert variances.std() == pytest.approx(error, rel=0.45)
        found = np.mean([fit.spikes == k for fit in fits])
        assert found > 0.85 - 2 * np.sqrt(0.05 / draws)
    if share and p >= 100:
        others = [
            np.mean([estimate(eigenvalues, n) for eigenvalues in drawn]) - 1
            for estimate in (median_noise, quantile_noise)
        ]
        assert min(others) > 0.05 > 5 * abs(variances.mean() - 1)


def test_error_is_half_the_variance_for_complex_data():
    rng, p, n, draws = as_rng(2), 30, 60, 60
    fits = [fit_noise(spiked(p, n, [9.0, 20], rng, beta=2), n=n, beta=2) for _ in range(draws)]
    variances = np.array([fit.variance for fit in fits])
    assert abs(variances.mean() - 1) < 3.5 * fits[0].standard_error / np.sqrt(draws) + 1 / (p * n)
    assert variances.std() == pytest.approx(1 / np.sqrt(28 * 58), rel=0.35)


def test_known_number_of_spikes_is_used_and_scale_does_not_matter():
    rng = as_rng(3)
    eigenvalues = spiked(50, 100, [30.0, 20, 8], rng)
    fit = fit_noise(eigenvalues, n=100, spikes=3)
    assert fit.spikes == 3
    scaled = fit_noise(7 * eigenvalues[::-1], n=100, spikes=3)
    assert scaled.variance == pytest.approx(7 * fit.variance, rel=1e-10)
    assert scaled.misfit == pytest.approx(fit.misfit, rel=1e-6)
    none = fit_noise(eigenvalues, n=100, spikes=0)
    assert none.variance == pytest.approx(eigenvalues.mean())


@pytest.mark.parametrize(("p", "n"), [(20, 40), (100, 50), (500, 1000)])
def test_misfit_is_small_for_noise_and_large_for_another_bulk(p, n):
    draws = wishart_eigenvalues(p, n, size=20, rng=4)
    misfits = [fit_noise(draw, n=n).misfit for draw in draws]
    assert max(misfits) < 4
    fit = fit_noise(draws[0], n=n)
    rest = np.sort(draws[0])[: p - fit.spikes]
    assert fit.misfit == pytest.approx((p - fit.spikes) * kolmogorov_distance(rest, fit.law))
    if p >= 100:  # fewer eigenvalues fit many laws
        rng = as_rng(5)
        X = np.exp(rng.standard_normal((p, 1))) * rng.standard_normal((p, n))
        assert fit_noise(sample_covariance_eigenvalues(X), n=n).misfit > 1.5 * max(misfits)


def test_many_equal_components_do_not_hide_each_other():
    rng = as_rng(6)
    eigenvalues = spiked(200, 400, np.full(20, 5.0), rng)
    found = count_components(eigenvalues, n=400)
    assert found.count == 20
    assert found.pvalues.shape == (21,)
    assert found.pvalues[:20].max() < 0.05 < found.pvalues[20]
    # parallel analysis has no noise variance of its own: they use up the trace
    assert count_components(eigenvalues, n=400, method="parallel").count == 20
    assert count_components(eigenvalues, n=400, variance=1.0).count == 20


@pytest.mark.parametrize("beta", [1, 2])
@pytest.mark.parametrize("large", [[], [9.0, 8], [40.0, 30, 20]])
def test_the_count_is_the_number_of_spikes_of_the_fit(large, beta):
    rng, found = as_rng(11), set()
    for _ in range(12):
        eigenvalues = spiked(20, 40, large, rng, beta)
        eigenvalues[-len(large) - 1] *= 1.2  # near the limit, on either side of it
        count = count_components(eigenvalues, n=40, beta=beta).count
        assert count == fit_noise(eigenvalues, n=40, beta=beta).spikes
        found.add(count)
    assert len(found) > 1


@pytest.mark.parametrize("beta", [1, 2])
@pytest.mark.parametrize("method", ["tracy-widom", "parallel"])
@pytest.mark.parametrize("variance", [None, 1.0])
def test_level_of_the_count_is_right_without_signal(method, variance, beta):
    draws = wishart_eigenvalues(20, 40, size=150, beta=beta, rng=7)
    wrong = [
        (
            fit_noise(draw, n=40, beta=beta).spikes
            if (method, variance) == ("tracy-widom", None)  # the same search, nothing around it
            else count_components(draw, n=40, method=method, variance=variance, beta=beta).count
        )
        > 0
        for draw in draws
    ]
    # 150 draws: 3 standard errors are 5.3 %; a fifth of nominal is 1 %
    assert abs(np.mean(wrong) - 0.05) < 0.063


def test_too_many_are_counted_as_rarely_behind_strong_components():
    rng = as_rng(8)
    counts = [fit_noise(spiked(30, 60, [40.0, 30, 20], rng), n=60).spikes for _ in range(200)]
    assert np.mean(np.array(counts) > 3) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 100)
    assert np.mean(np.array(counts) < 3) == 0


def test_threshold_is_four_over_root_three_for_square_matrices():
    eigenvalues = spiked(100, 100, [50.0, 20], as_rng(9))
    found = count_components(eigenvalues, n=100, method="threshold", variance=1.0)
    assert found.threshold == pytest.approx(16 / 3)
    assert (found.count, found.pvalues.size, found.variance) == (2, 0, 1.0)
    # omega(1) = 2.858 times the median singular value
    unknown = count_components(eigenvalues, n=100, method="threshold")
    assert unknown.threshold == pytest.approx(2.858**2 * np.median(eigenvalues), rel=1e-3)


@pytest.mark.parametrize("method", ["tracy-widom", "threshold", "parallel"])
@pytest.mark.parametrize("variance", [None, 2.0])
def test_the_next_eigenvalue_is_below_the_threshold_and_the_last_above(method, variance):
    for p, n in ((40, 80), (80, 40)):
        eigenvalues = 2 * spiked(p, n, [30.0, 20], as_rng(12))
        found = count_components(eigenvalues, n=n, method=method, variance=variance)
        ordered = np.sort(eigenvalues)[::-1]
        assert found.count == 2
        assert ordered[2] <= found.threshold < ordered[1]
        assert (found.method, found.beta) == (method, 1)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"n": 0.5}, "n must be at least 1"),
        ({"n": 100, "spikes": 11}, "spikes must be at most half"),
        ({"n": 100, "spikes": -1}, "spikes must be an integer >= 0"),
        ({"n": 100, "beta": 4}, "beta must be 1 or 2"),
        ({"n": 1}, "positive ones"),
    ],
)
def test_bad_arguments_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        fit_noise(np.linspace(1, 2, 20), **arguments)


def test_zeros_of_dependent_variables_are_refused_with_the_way_out():
    eigenvalues = np.append(np.linspace(1, 2, 18), [0.0, 1e-17])
    with pytest.raises(ValueError, match=r"min\(p, n\) = 20 .* got 18 .* n - 1 if the mean"):
        fit_noise(eigenvalues, n=100)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"method": "kaiser"}, "method must be one of"),
        ({"level": 0.0}, "level must be between"),
        ({"variance": -1.0}, "variance must be positive"),
        ({"draws": 0}, "draws must be"),
    ],
)
def test_bad_arguments_of_the_count_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        count_components(np.linspace(1, 2, 20), n=100, **arguments)
