"""Numbers that the primer's solutions and its theorem on depth state."""

import math

import numpy as np
import pytest
from notebook import numbers, solution
from scipy.optimize import linprog

CHAPTER = "deep_learning_primer"


def least_error_of_one_layer(knots, signs, x, target):
    """Smallest largest error of a constant plus ReLU units with given kinks and directions."""
    A = np.c_[np.ones(x.size), np.maximum(signs * (x[:, None] - knots), 0)]
    column = -np.ones((x.size, 1))
    constraints = np.r_[np.c_[A, column], np.c_[-A, column]]
    found = linprog(
        np.r_[np.zeros(A.shape[1]), 1.0],
        A_ub=constraints,
        b_ub=np.r_[target, -target],
        bounds=[(None, None)] * A.shape[1] + [(0, None)],
    )
    return found.fun


@pytest.mark.parametrize("k", [2, 3, 4])
def test_a_sawtooth_needs_two_to_the_depth_minus_one_units_in_one_layer(k):
    points = 2**k
    x, target = np.arange(points + 1) / points, np.arange(points + 1) % 2
    knots, signs = x[1:-1], np.ones(points - 1)
    signs[[1, -1]] = -1
    assert least_error_of_one_layer(knots, signs, x, target) < 0.2
    draws = np.random.default_rng(k)
    for _ in range(20):
        fewer = np.sort(draws.uniform(0, 1, points - 2))
        either_way = draws.choice([-1.0, 1.0], points - 2)
        assert least_error_of_one_layer(fewer, either_way, x, target) > 0.5 - 1e-9


@pytest.mark.parametrize("m", [2, 3, 4, 5])
def test_equally_spaced_units_draw_a_sawtooth_from_two_to_its_depth(m):
    assert "$N = 2^m$" in solution(CHAPTER, "ex-dl-slider")
    x = np.arange(2**9 + 1) / 2**9
    target = np.abs((x * 2 ** (m - 1) + 0.5) % 1 - 0.5) * 2
    for units in range(2, 2**m + 1):
        hinges = np.maximum(x[:, None] - np.arange(units) / units, 0)
        hinges = np.hstack([np.ones((x.size, 1)), hinges])
        error = np.max(np.abs(hinges @ np.linalg.lstsq(hinges, target)[0] - target))
        assert (error < 1e-9) == (units == 2**m)


def test_a_small_network_has_twelve_permutations_of_its_hidden_units():
    (stated,) = numbers(r"= (\d+)\$ ways", solution(CHAPTER, "ex-dl-symmetry"))
    assert stated == math.factorial(2) * math.factorial(3)


def test_back_propagation_saves_a_factor_of_a_thousand_from_the_stated_width():
    (width,) = numbers(r"for \$N \\ge (\d+)\$", solution(CHAPTER, "ex-dl-price"))

    def ratio(n):
        forward = n * n + n * n + n
        backward = (n * n + n) + (n * n + n * n + n)  # W^T delta but for layer 1, outer products
        return forward * (forward + 1) / (forward + backward)

    assert ratio(width) > 1000 > ratio(width - 1)


@pytest.mark.parametrize("m", [1, 2, 5])
def test_partial_sums_of_sawteeth_miss_the_square_by_a_quarter_to_the_power(m):
    x = np.arange(2**13 + 1) / 2**13
    tooth, total = x.copy(), x.copy()
    for k in range(1, m + 1):
        tooth = 2 * tooth - 4 * np.maximum(tooth - 0.5, 0)
        total = total - tooth / 4**k
    assert np.max(np.abs(total - x**2)) == pytest.approx(4.0 ** -(m + 1), rel=1e-6)


def test_singular_values_of_the_circular_convolution():
    D = np.eye(6) - np.roll(np.eye(6), 1, axis=1)
    squares = np.sort(np.linalg.svd(D, compute_uv=False) ** 2)
    stated = np.sort(2 - 2 * np.cos(2 * np.pi * np.arange(6) / 6))
    np.testing.assert_allclose(squares, stated, atol=1e-14)
