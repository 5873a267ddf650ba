"""The checks at the door, one by one."""

import numpy as np
import pytest

from rmtlib import _checks


@pytest.mark.parametrize("rng", [1.5, "a", True, -1, np.random.RandomState(0)], ids=str)
def test_as_rng_refuses_what_is_no_seed(rng):
    with pytest.raises(ValueError, match="rng must be None, an integer >= 0 or"):
        _checks.as_rng(rng)


def test_as_rng_keeps_a_generator_and_its_stream():
    generator = np.random.default_rng(0)
    assert _checks.as_rng(generator) is generator


def test_fresh_generators_differ_and_global_state_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the state that must not move
    a, b = _checks.as_rng(None).random(4), _checks.as_rng(None).random(4)
    assert not np.array_equal(a, b)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_seed_shift_changes_every_seed(monkeypatch):
    monkeypatch.delenv("RMTLIB_SEED_SHIFT", raising=False)
    plain = _checks.as_rng(5).random(3)
    monkeypatch.setenv("RMTLIB_SEED_SHIFT", "0")
    np.testing.assert_array_equal(_checks.as_rng(5).random(3), plain)
    draws = [plain]
    for shift in ("1", "2"):
        monkeypatch.setenv("RMTLIB_SEED_SHIFT", shift)
        draws.append(_checks.as_rng(5).random(3))
        np.testing.assert_array_equal(_checks.as_rng(5).random(3), draws[-1])
    assert len({tuple(d) for d in draws}) == 3


@pytest.mark.parametrize("value", [3, 3.0, np.float32(3), np.int8(3), np.array(3.0)], ids=repr)
def test_real_numbers_become_floats(value):
    assert _checks.finite("x", value) == 3.0
    assert type(_checks.finite("x", value)) is float


@pytest.mark.parametrize("value", [True, "3", None, [3], 3j, np.array([3.0])], ids=repr)
def test_what_is_not_one_real_number_is_refused(value):
    with pytest.raises(ValueError, match="x must be a real number"):
        _checks.finite("x", value)


def test_messages_name_parameter_rule_value_and_reason():
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared below
        _checks.positive("ratio", -0.5, "ratio = p / n")
    assert str(caught.value) == "ratio must be positive, got -0.5 (ratio = p / n)"


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (_checks.nonnegative, -1, "x must be nonnegative, got -1"),
        (_checks.positive_array, [1, 0], "x must be positive, got 0"),
        (_checks.nonnegative_array, [1, -2], "x must be nonnegative, got -2"),
        (_checks.count, 3.0, "x must be an integer, got 3.0"),
        (_checks.count, True, "x must be an integer, got True"),
        (_checks.count, 0, "x must be an integer >= 1, got 0"),
        (_checks.vector, [[1]], r"x must be a vector, got shape \(1, 1\)"),
        (_checks.vector, [], r"x must be nonempty, got shape \(0,\)"),
        (_checks.matrix, [1], r"x must be a matrix, got shape \(1,\)"),
        (_checks.matrix, [[1], [1, 2]], "x must be a rectangular array of numbers"),
        (_checks.matrix, [["a"]], "x must be an array of real numbers"),
        (_checks.matrix, [[1j]], "x must be an array of real numbers"),
        (_checks.matrix, [[1, np.nan]], r"x must be finite, got nan at index \(0, 1\)"),
        (_checks.symmetric, [[1, 2]], "x must be square"),
        (_checks.symmetric, [[1, 2], [0, 1]], "x must be symmetric"),
        (_checks.covariance, [[1, 2], [2, 1]], "x must be positive semidefinite"),
        (_checks.probabilities, [0.5, 0.6], "x must be probabilities that sum to 1, got sum 1.1"),
        (_checks.probabilities, [1.5, -0.5], "x must be positive, got -0.5"),
        (_checks.labels, [0.5], "x must be a nonempty vector of integers"),
        (_checks.labels, [], "x must be a nonempty vector of integers"),
    ],
)
def test_bad_values_are_refused(check, value, message):
    with pytest.raises(ValueError, match=message):
        check("x", value)


@pytest.mark.parametrize(
    ("check", "value", "keywords", "message"),
    [
        (_checks.between, 2, {"low": 0, "high": 1}, "x must be between 0 and 1, got 2"),
        (_checks.one_of, "c", {"allowed": ("a", "b")}, "x must be one of 'a', 'b', got 'c'"),
        (_checks.vector, [1, 2], {"length": 3}, r"x must be of shape \(3,\), got shape \(2,\)"),
        (_checks.labels, [1, 2], {"length": 3}, r"x must be of shape \(3,\), got shape \(2,\)"),
        (_checks.matrix, [[1, 2]], {"shape": (2, None)}, r"x must be of shape \(2, any\)"),
        (_checks.symmetric, np.eye(2), {"size": 3}, r"x must be of shape \(3, 3\)"),
    ],
)
def test_sizes_and_choices_are_checked(check, value, keywords, message):
    with pytest.raises(ValueError, match=message):
        check("x", value, **keywords)


def test_rounding_is_forgiven_where_it_belongs():
    A = np.random.default_rng(0).standard_normal((5, 3))
    _checks.symmetric("x", A @ A.T + 1e-15 * np.triu(np.ones((5, 5))))
    _checks.covariance("x", A @ A.T)


def test_float32_stays_and_integers_become_float64():
    assert _checks.real_array("x", np.ones(2, np.float32)).dtype == np.float32
    assert _checks.real_array("x", [1, 2]).dtype == np.float64
    assert _checks.real_array("x", np.ones(2, np.float16)).dtype == np.float64
