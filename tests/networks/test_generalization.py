"""Margin and PAC-Bayes bounds: closed forms, limits, that they hold, bad input."""

import numpy as np
import pytest

from rmtlib import as_rng
from rmtlib.networks import margin_bound, pac_bayes_bound


def kl(a, b):
    return sum(x * np.log(x / y) for x, y in ((a, b), (1 - a, 1 - b)) if x > 0)


@pytest.mark.parametrize("error", [0.0, 0.01, 0.2, 0.5])
@pytest.mark.parametrize("divergence", [0, 3, 40])
def test_pac_bayes_bound_solves_its_equation(error, divergence):
    n, d = 500, 0.03
    L = pac_bayes_bound(error, divergence, n=n, failure=d)
    assert error < L
    assert kl(error, L) == pytest.approx((divergence + np.log(2 * np.sqrt(n) / d)) / n, rel=1e-8)


def test_pac_bayes_bound_is_one_when_the_budget_is_large():
    assert pac_bayes_bound(0.1, 1e6, n=100) == 1.0
    assert pac_bayes_bound(1.0, 0.0, n=100) == 1.0


def test_pac_bayes_bound_holds_for_a_fixed_classifier_in_most_draws():
    # Q = P: the classifier does not depend on the data, errors are binomial
    n, L, d = 200, 0.1, 0.2
    errors = as_rng(0).binomial(n, L, size=400) / n
    broken = np.mean([pac_bayes_bound(e, 0.0, n=n, failure=d) < L for e in errors])
    assert broken <= d


def test_margin_bound_is_the_least_over_a_fine_grid_of_margins():
    margins = as_rng(1).normal(2.0, 1.5, size=300)
    R, d = 0.05, 0.05
    grid = np.concatenate([np.geomspace(1e-2, 50, 2000), margins[margins > 0]])
    values = [np.mean(margins < k) + 2 * R / k for k in grid]
    expected = min(values) + 3 * np.sqrt(np.log(2 / d) / 600)
    assert margin_bound(margins, R, failure=d) == pytest.approx(expected, abs=1e-12)


def test_margin_bound_without_complexity_is_the_training_error_and_a_deviation():
    margins = np.array([1.0, -1.0, 2.0, 3.0])
    assert margin_bound(margins, 0, failure=0.1) == pytest.approx(
        0.25 + 3 * np.sqrt(np.log(20) / 8)
    )


def test_margin_bound_does_not_change_when_outputs_and_complexity_scale_together():
    margins = as_rng(2).normal(1.0, 1.0, size=50)
    assert margin_bound(margins, 0.1) == pytest.approx(margin_bound(7 * margins, 0.7))


def test_nothing_right_leaves_the_bound_at_one_and_a_deviation():
    assert margin_bound([-1, -2], 0.1) == pytest.approx(1 + 3 * np.sqrt(np.log(40) / 4))


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"error": -0.1}, "error"),
        ({"error": 1.1}, "error"),
        ({"error": np.nan}, "error"),
        ({"divergence": -1}, "divergence"),
        ({"divergence": np.inf}, "divergence"),
        ({"n": 0}, "n"),
        ({"n": 10.0}, "n"),
        ({"failure": 0}, "failure"),
        ({"failure": 1.5}, "failure"),
    ],
)
def test_bad_input_is_refused_by_name(options, name):
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        pac_bayes_bound(**({"error": 0.1, "divergence": 3, "n": 50} | options))


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"margins": []}, "margins"),
        ({"margins": [1, np.nan]}, "margins"),
        ({"margins": [[1, 2]]}, "margins"),
        ({"complexity": -1}, "complexity"),
        ({"complexity": np.nan}, "complexity"),
        ({"failure": -0.1}, "failure"),
    ],
)
def test_bad_margins_are_refused_by_name(options, name):
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        margin_bound(**({"margins": [1, 2], "complexity": 0.1} | options))
