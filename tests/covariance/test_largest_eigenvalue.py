import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import kstest

from rmtlib import as_rng
from rmtlib.covariance import largest_eigenvalue_scale, largest_eigenvalue_test
from rmtlib.covariance._largest_eigenvalue import ratio_pvalue
from rmtlib.laws import TracyWidom, sample_covariance_eigenvalues, wishart_eigenvalues
from rmtlib.laws._wishart import _tridiagonal

LAW = TracyWidom()


def share_above(limit, *, p, n, beta=1, draws=20_000, of_the_mean=False):
    """Share of white draws whose largest eigenvalue exceeds a limit, perhaps times their mean.

    It does not where all pivots of limit - T are positive, T the tridiagonal model.
    """
    rng, above, part = as_rng(1), 0, 4000
    for size in [part] * (draws // part):
        main, side = _tridiagonal(min(p, n), max(p, n), size, beta, rng)
        limits = limit * (main.sum(axis=1) / p if of_the_mean else n)
        pivot, positive = limits - main[:, 0], np.full(size, True)
        for d, e in zip(main.T[1:], side.T, strict=True):
            positive &= pivot > 0
            pivot = limits - d - e**2 / pivot
        above += size - np.count_nonzero(positive & (pivot > 0))
    return above / draws


@pytest.mark.parametrize("beta", [1, 2])
@pytest.mark.parametrize(("p", "n"), [(2, 9), (12, 7), (1, 4)])
def test_pivots_count_the_draws_above_a_limit(p, n, beta):
    eigenvalues = wishart_eigenvalues(p, n, size=4000, beta=beta, rng=1)
    largest, mean = eigenvalues[:, -1], eigenvalues.mean(axis=1)
    for q in (0.2, 0.95):
        limit = np.quantile(largest, q)
        found = share_above(limit, p=p, n=n, beta=beta, draws=4000)
        assert found == pytest.approx(np.mean(largest > limit), abs=1 / 4000)
        if p > 1:
            limit = np.quantile(largest / mean, q)
            found = share_above(limit, p=p, n=n, beta=beta, draws=4000, of_the_mean=True)
            assert found == pytest.approx(np.mean(largest / mean > limit), abs=1 / 4000)


def test_scale_has_its_limit_and_is_symmetric_in_the_two_sizes():
    center, scale = largest_eigenvalue_scale(p=500, n=50_000)
    assert center + scale * LAW.mean() == pytest.approx(1.2077, abs=5e-5)
    # sigma ~ n^(-2/3) c^(-1/6) (1 + sqrt c)^(4/3)
    p, n = 20_000, 80_000
    asymptotic = n ** (-2 / 3) * 0.25 ** (-1 / 6) * 1.5 ** (4 / 3)
    assert largest_eigenvalue_scale(p=p, n=n)[1] == pytest.approx(asymptotic, rel=2 / p)
    tall, wide = largest_eigenvalue_scale(p=300, n=100), largest_eigenvalue_scale(p=100, n=300)
    assert np.array(tall) * 100 == pytest.approx(np.array(wide) * 300, rel=1e-14)


@pytest.mark.parametrize(("p", "n"), [(60, 240), (240, 60)])
def test_largest_white_eigenvalue_follows_the_law(p, n):
    largest = wishart_eigenvalues(p, n, size=600, rng=1)[:, -1]
    center, scale = largest_eigenvalue_scale(p=p, n=n)
    statistic = (largest - center) / scale
    # the law itself is off by about 0.02 at these sizes, 600 draws add 0.055 at the 5 % level
    assert kstest(statistic, LAW.cdf).statistic < 0.075
    standard_error = np.sqrt(LAW.var() / 600)
    assert abs(statistic.mean() - LAW.mean()) < 3 * standard_error + 0.05
    assert statistic.var() == pytest.approx(LAW.var(), rel=0.25)


@pytest.mark.parametrize(("p", "n"), [(2, 100), (3, 1000), (10, 100), (50, 20)])
def test_level_of_the_test_is_right_in_small_dimension(p, n):
    """Johnstone's centering gives 2.7, 2.6, 3.8 and 4.4 % at nominal 5 %."""
    center, scale = largest_eigenvalue_scale(p=p, n=n)
    level = share_above(center + scale * LAW.ppf(0.95), p=p, n=n, draws=40_000)
    # 40,000 draws: one standard error is 0.1 %
    assert 0.040 < level < 0.052


@pytest.mark.parametrize("variance", [1.0, 4.0, None])
def test_pvalues_of_pure_noise_are_uniform_and_a_spike_is_found(variance):
    p, n = 80, 160
    noise = (1 if variance == 1.0 else 2) * as_rng(3).standard_normal((200, p, n))
    pvalues = [
        largest_eigenvalue_test(sample_covariance_eigenvalues(X), n=n, variance=variance).pvalue
        for X in noise
    ]
    # 200 draws: rejections at 10 % within 3 sqrt(0.09 / 200) = 0.064
    assert abs(np.mean(np.array(pvalues) < 0.1) - 0.1) < 0.064
    assert kstest(pvalues, "uniform").pvalue > 0.001
    noise[0, 0] *= np.sqrt(1 + 4)  # twice the threshold and more
    test = largest_eigenvalue_test(sample_covariance_eigenvalues(noise[0]), n=n, variance=variance)
    assert test.pvalue < 1e-6
    assert test.statistic == (test.largest - test.center) / test.scale
    if variance is None:
        assert test.variance == pytest.approx(4 * (1 + 4 / p), rel=5 * np.sqrt(2 / (p * n)))


@pytest.mark.parametrize(
    ("p", "n"), [(0, 5), (5, 0), (1, 1), (2.0, 5), (5, True), (-1, 3), (5, 0.5), (5, np.nan)]
)
def test_bad_sizes_are_refused(p, n):
    with pytest.raises(ValueError, match="must be"):
        largest_eigenvalue_scale(p=p, n=n)


def test_effective_numbers_of_samples_need_not_be_integers():
    low, middle, high = (largest_eigenvalue_scale(p=40, n=n)[0] for n in (99, 99.5, 100))
    assert low > middle > high
    assert middle == pytest.approx((low + high) / 2, rel=1e-5)


def level(p, n, beta, known):
    """Share of white draws that the test rejects at 5 %."""
    center, scale = largest_eigenvalue_scale(p=p, n=n, beta=beta)
    if known:
        return share_above(center + scale * TracyWidom(beta).ppf(0.95), p=p, n=n, beta=beta)

    def pvalue(ratio):
        return ratio_pvalue(ratio, p=p, n=n, beta=beta)

    ratios = center + scale * np.linspace(-4, 6, 31)
    assert np.all(np.diff(pvalue(ratios)) <= 0)
    limit = brentq(lambda ratio: pvalue(ratio) - 0.05, ratios[0], ratios[-1])
    return share_above(limit, p=p, n=n, beta=beta, of_the_mean=True)


@pytest.mark.parametrize("beta", [1, 2])
@pytest.mark.parametrize(
    ("p", "n", "known"),
    [
        (2, 100, True),
        (3, 1000, True),
        (10, 15, True),
        (2000, 1000, True),
        (2, 100, False),
        (5, 50, False),
        (10, 15, False),
        (10, 100, False),
        (50, 20, False),
    ],
)
def test_levels_are_within_a_fifth_of_nominal(p, n, beta, known):
    # 20,000 draws: one standard error is 0.15 %
    assert 0.04 < level(p, n, beta, known) < 0.06


def test_the_correction_for_an_unknown_variance_is_needed():
    """Without it the level at (10, 15) is a third of nominal."""
    center, scale = largest_eigenvalue_scale(p=10, n=15)
    naive = share_above(center + scale * LAW.ppf(0.95), p=10, n=15, of_the_mean=True)
    assert naive < 0.03 < level(10, 15, 1, known=False)


def test_far_pvalues_are_positive_and_decrease():
    pvalues = ratio_pvalue(np.array([3.0, 4.0, 6.0, 10.0, 20.0]), p=100, n=100, beta=1)
    assert np.all(np.diff(pvalues) < 0)
    assert pvalues[-1] > 0


def test_exact_draws_and_correction_meet_where_one_takes_over():
    """p-values at p = 10 by the correction against 20,000 draws, near 5 %."""
    eigenvalues = wishart_eigenvalues(10, 200, size=20_000, rng=9)
    ratio = np.quantile(eigenvalues[:, -1] / eigenvalues.mean(axis=1), 0.95)
    assert ratio_pvalue(ratio, p=10, n=200, beta=1) == pytest.approx(0.05, rel=0.2)


def test_complex_noise_needs_its_own_law():
    p, n = 60, 120
    rng = as_rng(2)
    X = (rng.standard_normal((200, p, n)) + 1j * rng.standard_normal((200, p, n))) / np.sqrt(2)
    statistics = [
        largest_eigenvalue_test(sample_covariance_eigenvalues(x), n=n, beta=2).statistic for x in X
    ]
    assert kstest(statistics, TracyWidom(2).cdf).pvalue > 0.001
    assert kstest(statistics, LAW.cdf).pvalue < 1e-6


@pytest.mark.parametrize(
    ("eigenvalues", "n", "variance"),
    [
        ([], 5, 1.0),
        ([1.0, np.nan], 5, 1.0),
        ([[1.0, 2.0]], 5, 1.0),
        ([-1.0, 2.0], 5, 1.0),
        ([0.0, 0.0], 5, None),
        ([1.0, 2.0], 5, 0.0),
        ([1.0, 2.0], 5, np.inf),
        ([1.0, 2.0], 0.5, 1.0),
    ],
)
def test_bad_arguments_of_the_test_are_refused(eigenvalues, n, variance):
    with pytest.raises(ValueError, match="must be"):
        largest_eigenvalue_test(eigenvalues, n=n, variance=variance)


def test_integer_eigenvalues_work():
    assert largest_eigenvalue_test([1, 2, 3], n=50) == largest_eigenvalue_test(
        [1.0, 2.0, 3.0], n=50
    )


def test_rounding_zeros_of_either_precision_are_zeros():
    X = as_rng(0).standard_normal((200, 50))
    eigenvalues = np.linalg.eigvalsh(X @ X.T / 50)
    single = np.linalg.eigvalsh((X @ X.T / 50).astype(np.float32))
    assert eigenvalues.min() < 0
    assert single.min() < 0
    tests = [largest_eigenvalue_test(values, n=50) for values in (eigenvalues, single)]
    assert tests[0].statistic == pytest.approx(tests[1].statistic, abs=1e-4)
