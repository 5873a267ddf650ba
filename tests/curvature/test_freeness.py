"""Freeness: of Wishart and Wigner, of rotated matrices, and its failure for related ones."""

import numpy as np
import pytest

from rmtlib import as_rng
from rmtlib.curvature import freeness, sample_hessian


def score(value, control):
    """Deviation from the controls in standard deviations."""
    return (value - control.mean()) / control.std(ddof=1)


def test_independent_wishart_and_gaussian_matrices_are_free():
    n = 120
    H0, H1 = sample_hessian(parameters=n, residuals=2 * n, energy=0.1, rng=1)
    result = freeness(H0, H1, rotations=12, rng=2)
    # both ratios are O(1/n), like their controls
    assert abs(result.mixed) < 6 / n
    assert abs(result.square) < 6 / n
    assert np.max(np.abs(result.mixed_control)) < 8 / n
    assert np.max(np.abs(result.square_control)) < 8 / n
    # spectra of free copies differ by O(1/n) in units of the spectrum's width
    assert result.distance.mean() < 4 / n
    assert result.distance.mean() == pytest.approx(result.distance_control.mean(), rel=0.6)


def test_commuting_independent_matrices_give_mixed_moment_one_and_square_zero():
    rng, n = as_rng(3), 2000
    a, b = rng.standard_normal(n), rng.standard_normal(n)
    small = slice(0, 200)
    result = freeness(np.diag(a[small]), np.diag(b[small]), rotations=4, rng=4)
    # a mean of 200 products of squares of normal numbers, standard deviation sqrt(8 / 200) = 0.2
    assert result.mixed == pytest.approx(1, abs=0.8)
    assert result.mixed == pytest.approx(result.square + 1, rel=1e-10)
    assert score(result.mixed, result.mixed_control) > 10


def test_a_matrix_is_not_free_from_itself():
    A = sample_hessian(parameters=80, residuals=160, energy=0.0, rng=5)[0]
    result = freeness(A, A, rotations=5, rng=6)
    lam = np.linalg.eigvalsh(A)
    centered = lam - lam.mean()
    assert result.mixed == pytest.approx(np.mean(centered**4) / np.mean(centered**2) ** 2)
    assert result.eigenvalues == pytest.approx(2 * lam)
    assert score(result.mixed, result.mixed_control) > 10
    assert score(result.square, result.square_control) > 10
    assert result.distance.mean() > 10 * result.distance_control.mean()


def test_rotation_keeps_trace_and_frobenius_norm_of_the_sum_of_squares():
    H0, H1 = sample_hessian(parameters=40, residuals=80, energy=0.5, rng=7)
    result = freeness(H0, H1, rotations=3, rng=8)
    assert result.rotated.sum(axis=1) == pytest.approx(np.full(3, np.trace(H0 + H1)))
    assert result.rotated.shape == (3, 40)


def test_statistics_do_not_depend_on_shift_or_scale():
    H0, H1 = sample_hessian(parameters=30, residuals=60, energy=0.5, rng=9)
    first = freeness(H0, H1, rotations=2, rng=0)
    second = freeness(3 * H0 + 5 * np.eye(30), 0.1 * H1, rotations=2, rng=0)
    assert second.mixed == pytest.approx(first.mixed)
    assert second.square == pytest.approx(first.square)


def test_same_seed_same_controls():
    A, B = sample_hessian(parameters=10, residuals=20, energy=0.5, rng=10)
    first, same, other = (freeness(A, B, rotations=2, rng=seed).mixed_control for seed in (1, 1, 2))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_bad_input_is_refused_by_name():
    good = np.diag([1, 2, 4])
    for bad in (np.ones((2, 3)), [[1.0, 2.0], [3.0, 4.0]], np.full((3, 3), np.nan), "x", [], [1.0]):
        with pytest.raises(ValueError, match="A must be"):
            freeness(bad, good)
        with pytest.raises(ValueError, match="B must be"):
            freeness(good, bad)
    with pytest.raises(ValueError, match="B must be"):
        freeness(good, np.eye(2))
    for A, B, name in [(np.eye(3), good, "A"), (good, 2 * np.eye(3), "B")]:
        with pytest.raises(ValueError, match=f"{name} must not be a multiple of the identity"):
            freeness(A, B)
    for bad in (0, 1, 2.0, np.nan, "3", None):
        with pytest.raises(ValueError, match="rotations must be"):
            freeness(good, good, rotations=bad)
    with pytest.raises(ValueError, match="rng must be"):
        freeness(good, good, rotations=2, rng="seed")
