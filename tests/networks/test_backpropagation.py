"""The NumPy network of the primer: gradients, copies, descent, bad input."""

import numpy as np
import pytest

from rmtlib import as_rng
from rmtlib.networks import SigmoidNetwork

X = as_rng(0).standard_normal((2, 7))
Y = as_rng(1).uniform(size=(2, 7))


def network(**options):
    return SigmoidNetwork([2, 4, 3, 2], rng=3, **options)


def test_gradient_is_the_derivative_of_the_cost():
    net, h = network(), 1e-5
    for parameters, slopes in zip((net.W, net.b), net.gradient(X, Y), strict=True):
        for P, slope in zip(parameters, slopes, strict=True):
            for at in np.ndindex(P.shape):
                kept = P[at]
                P[at] = kept + h
                above = net.cost(X, Y)
                P[at] = kept - h
                below = net.cost(X, Y)
                P[at] = kept
                # central differences: error h^2 times a third derivative of order one
                assert slope[at] == pytest.approx((above - below) / (2 * h), abs=1e-9)


def test_gradient_of_all_samples_is_the_mean_of_the_samples_gradients():
    net = network()
    whole = net.gradient(X, Y)[0][0]
    single = [net.gradient(X[:, [k]], Y[:, [k]])[0][0] for k in range(7)]
    np.testing.assert_allclose(whole, np.mean(single, axis=0), atol=1e-16)


def test_copies_train_as_the_same_networks_do_alone():
    many = network(copies=3)
    alone = []
    for k in range(3):
        one = network()
        one.W, one.b = [W[k].copy() for W in many.W], [b[k].copy() for b in many.b]
        alone.append(one.descend(X, Y, steps=20, learning_rate=0.5, record_every=10, rng=4))
    costs = many.descend(X, Y, steps=20, learning_rate=0.5, record_every=10, rng=4)
    assert costs.shape == (3, 3)
    np.testing.assert_allclose(costs.T, alone, rtol=1e-12)


def test_small_full_batch_steps_never_raise_the_cost():
    costs = network().descend(X, Y, steps=200, learning_rate=0.1, batch=None, record_every=1)
    assert np.all(np.diff(costs) < 0)


def test_outputs_stay_between_zero_and_one_for_huge_inputs():
    out = network().forward(1e6 * X)[-1]
    assert np.all((out >= 0) & (out <= 1))


def test_same_seed_gives_the_same_training():
    runs = [network().descend(X, Y, steps=30, learning_rate=0.1, rng=5) for _ in range(2)]
    np.testing.assert_array_equal(*runs)


def test_integer_data_are_right():
    costs = [
        network().descend(A, B, steps=5, learning_rate=1, rng=5)
        for A, B in (([[0, 1], [1, 0]], [[1, 0], [0, 1]]), (np.eye(2)[::-1], np.eye(2)))
    ]
    np.testing.assert_array_equal(*costs)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"widths": [2]}, "widths"),
        ({"widths": [2, 0, 1]}, "widths"),
        ({"widths": [2, 2.5]}, "widths"),
        ({"widths": []}, "widths"),
        ({"scale": 0}, "scale"),
        ({"scale": np.nan}, "scale"),
        ({"copies": 0}, "copies"),
        ({"rng": "one"}, "rng"),
    ],
)
def test_bad_networks_are_refused_by_name(options, name):
    with pytest.raises(ValueError, match=name):
        SigmoidNetwork(**({"widths": [2, 2]} | options))


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"X": np.full((2, 7), np.nan)}, "X"),
        ({"X": np.ones((3, 7))}, "X"),
        ({"X": np.ones((2, 0))}, "X"),
        ({"X": [[1, 2], [3]]}, "X"),
        ({"Y": np.ones((2, 6))}, "Y"),
        ({"Y": np.full((2, 7), np.inf)}, "Y"),
        ({"steps": 0}, "steps"),
        ({"steps": 2.0}, "steps"),
        ({"learning_rate": -1}, "learning_rate"),
        ({"learning_rate": np.inf}, "learning_rate"),
        ({"batch": 0}, "batch"),
        ({"record_every": 0}, "record_every"),
    ],
)
def test_bad_training_is_refused_by_name(options, name):
    with pytest.raises(ValueError, match=name):
        network().descend(**({"X": X, "Y": Y, "steps": 3, "learning_rate": 0.1} | options))
