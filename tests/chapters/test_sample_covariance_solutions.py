"""Numbers that the solutions of the first chapter state."""

import numpy as np
import pytest
from notebook import numbers, solution

from rmtlib.covariance import covariance_spike
from rmtlib.laws import Discrete, SampleCovariance

CHAPTER = "sample_covariance"


def test_second_moment_of_a_gaussian_sample_covariance_is_off_by_one_over_n():
    assert "1 + c + \\frac1n" in solution(CHAPTER, "ex-sc-moments")
    p, n = 12, 30
    draws = [
        np.sum((X @ X.T / n) ** 2) / p
        for X in np.random.default_rng(0).standard_normal((40_000, p, n))
    ]
    error = np.std(draws) / np.sqrt(len(draws))
    assert abs(np.mean(draws) - (1 + p / n + 1 / n)) < 4 * error < 1 / n / 2


def test_transposed_data_have_an_atom_and_the_same_edges():
    (factor,) = numbers(r"by \$n/p = (\d)\$", solution(CHAPTER, "ex-sc-diagnose"))
    X = np.random.default_rng(1).standard_normal((300, 600))
    by_p = np.linalg.eigvalsh(X @ X.T / 300)
    transposed = np.linalg.eigvalsh(X.T @ X / 600)
    assert by_p.max() / transposed.max() == pytest.approx(factor, rel=1e-12)
    assert np.mean(transposed < 1e-9) == 0.5


def test_a_weak_direction_leaves_the_bulk_below_minus_the_root_of_the_ratio():
    (threshold,) = numbers(r"-\\sqrt c = -1/(\d)", solution(CHAPTER, "ex-sc-below"))
    below, above = (covariance_spike(-1 / threshold + d, ratio=0.25) for d in (-1e-6, 1e-6))
    assert below.isolated
    assert not above.isolated


def test_for_more_variables_than_samples_no_eigenvalue_goes_below_the_bulk():
    p, n = 800, 200
    rng = np.random.default_rng(2)
    edge = (np.sqrt(p / n) - 1) ** 2
    Z = rng.standard_normal((p, n))
    for strength in (0.0, -0.5, -0.99):
        X = Z.copy()
        X[0] *= np.sqrt(1 + strength)
        smallest = np.linalg.eigvalsh(X.T @ X / n)[0]
        assert abs(smallest - edge) < 0.12
        assert smallest > edge / 2  # the bulk does not reach zero


def test_two_bands_merge_at_the_ratio_of_the_solution():
    text = solution(CHAPTER, "ex-sc-slider")
    assert "c < \\frac{2(s - 1)^2}{(1 + s^{2/3})^3}" in text
    stated = numbers(
        r"At \$s = 2.5\$ the right side is (\d\.\d+).*at \$s = 3\$ it is (\d\.\d+)", text
    )
    for s, rounded in zip((2.5, 3.0), stated, strict=True):
        limit = 2 * (s - 1) ** 2 / (1 + s ** (2 / 3)) ** 3
        assert limit == pytest.approx(rounded, abs=5e-4)
        bands = [
            len(SampleCovariance(c, Discrete([1, s])).bands()) for c in (0.99 * limit, 1.01 * limit)
        ]
        assert bands == [2, 1]
