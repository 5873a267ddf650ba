"""Numbers that the chapter on one step states in its text and its solutions."""

import math

import numpy as np
import pytest
from notebook import markdown, numbers, solution

from rmtlib.activations import ERF, RELU, SIGN, TANH, Activation, Quadratic
from rmtlib.features import (
    first_layer_gradient,
    gradient_overlap,
    one_step_spike,
    ridge_risk,
    simulate_one_step,
    single_direction_bound,
    small_step_errors,
    teacher_student,
)

CHAPTER = "one_step_feature_learning"
NOISE = 0.05


def test_prediction_at_initialization_has_the_stated_variance():
    (power,) = numbers(r"Var\} f\(x\) = \\frac(\d)N", markdown(CHAPTER))
    rng, N = np.random.default_rng(0), 400
    values = []
    for _ in range(30):
        draw = teacher_student("tanh", p=40, n=50, N=N, rng=rng)
        values.append(draw.beta @ np.tanh(draw.W @ draw.X) / np.sqrt(N))
    expected = power * TANH.moments(1.0).second_moment / N
    assert np.mean(np.square(values)) == pytest.approx(expected, rel=0.2)


def test_threshold_with_infinitely_many_samples():
    text = solution(CHAPTER, "ex-os-infinite")
    root, slope = numbers(r"\\eta = \\bar c\^\{1/(\d)\}/\\mu_1\^(\d)", text)
    mu = TANH.moments(1.0).mean_derivative
    for c in (0.5, 8.0):
        spike = one_step_spike(
            "tanh", "tanh", 1, features_per_dimension=c, samples_per_dimension=1e9
        )
        assert c ** (1 / root) / mu**slope == pytest.approx(
            spike.threshold / spike.strength, rel=1e-6
        )


def test_threshold_and_overlap_of_a_blind_spike():
    text = solution(CHAPTER, "ex-os-blind")
    energy, overlap = numbers(r"\\mathbb E\\,y\^2 = (\d)\$, so \$\\omega = (\d)\$", text)
    root, factor = numbers(r"\\eta = 2\^\{1/(\d)\}/\(\\mu_1\\sqrt(\d)\)", text)
    teacher = Quadratic(1, 0, -1)
    assert teacher.moments(1.0).second_moment == pytest.approx(energy)
    assert gradient_overlap(teacher, samples_per_dimension=1) == pytest.approx(overlap, abs=1e-12)
    spike = one_step_spike("tanh", teacher, 1, features_per_dimension=2, samples_per_dimension=1)
    stated = 2 ** (1 / root) / (TANH.moments(1.0).mean_derivative * math.sqrt(factor))
    assert spike.threshold / spike.strength == pytest.approx(stated, rel=1e-9)


def test_bound_of_the_sign_and_its_square_root():
    text = solution(CHAPTER, "ex-os-mehler")
    (constant,) = numbers(r"K\(\\omega\) = \\frac(\d)\\pi\\arcsin", text)
    omega = np.array([0.1, 0.5, 0.9])
    c = constant / np.pi
    stated = 1 - c * np.arcsin(omega) - c * (1 - omega)
    np.testing.assert_allclose(single_direction_bound(SIGN, omega), stated, rtol=1e-9)
    assert numbers(r"\\frac2\\pi\\sqrt\{(\d)\(1 - \\omega\)\}", text) == [2]
    rest = 1e-8
    assert single_direction_bound(SIGN, 1 - rest) == pytest.approx(
        c * math.sqrt(2 * rest), rel=1e-3
    )


def test_reused_samples_lower_the_training_error_and_raise_the_test_error():
    assert "training error is lower" in solution(CHAPTER, "ex-os-reuse")
    rng, N, p = np.random.default_rng(3), 120, 60
    gaps = {}
    for ratio in (2, 12):
        errors = np.zeros((2, 2))
        for _ in range(12):
            n = ratio * p
            draw = teacher_student("tanh", p=p, n=n, N=N, noise=NOISE, rng=rng)
            G = first_layer_gradient("tanh", draw.W, draw.beta, draw.X, draw.y)
            W1 = draw.W + N * G
            fresh = rng.standard_normal((2, p, n))
            labels = np.tanh(draw.direction @ fresh)
            labels[0] += np.sqrt(NOISE) * rng.standard_normal(n)
            test = np.tanh(W1 @ fresh[1])
            for k, (X, y) in enumerate([(fresh[0], labels[0]), (draw.X, draw.y)]):
                F = np.tanh(W1 @ X)
                a = np.linalg.solve(F @ F.T / n + 0.1 * np.eye(N), F @ y / n)
                errors[k] += np.mean((y - a @ F) ** 2), np.mean((labels[1] - a @ test) ** 2)
        (train, unseen), (train_again, unseen_again) = errors
        assert train_again < train
        assert unseen_again > unseen
        gaps[ratio] = unseen_again / unseen - 1
    assert gaps[2] > gaps[12]


def test_shares_left_by_a_direction_that_is_half_right():
    cubic = Activation(
        "cubic",
        lambda t: (t**3 - 3 * t) / np.sqrt(6) + t,
        lambda t: (3 * t**2 - 3) / np.sqrt(6) + 1,
    )
    assert single_direction_bound(cubic, 0.5) == pytest.approx(7 / 8)
    assert single_direction_bound(cubic, 0.5, modulated=True) == pytest.approx(1 / 2)


def test_large_steps_on_a_steep_teacher_go_below_what_one_direction_gives():
    from rmtlib import data

    rows = data.stored("one_step_errors").where(kind=1, teacher=1)
    rows = rows.where(step_size=rows["step_size"].max())
    many = rows["n"] >= 8 * rows["p"]
    omega = gradient_overlap(
        ERF.affine(stretch=3), samples_per_dimension=(rows["n"] / rows["p"])[many], noise=NOISE
    )
    error = rows["mean_test_error"][many]
    assert np.all(error < single_direction_bound(ERF.affine(stretch=3), omega))
    assert np.all(error > single_direction_bound(ERF.affine(stretch=3), omega, modulated=True))


def test_with_few_samples_a_short_step_can_be_ahead_of_regression_on_the_inputs():
    assert "with few the network can be ahead" in markdown(CHAPTER)
    rest, signal = single_direction_bound(TANH, 0), TANH.moments(1.0).mean_derivative ** 2

    def inputs(ratio):
        best = (rest + NOISE) / (ratio * signal)
        return rest + ridge_risk(1 / ratio, best, signal=signal, noise=rest + NOISE)

    sizes = {"p": 60, "n": 60, "N": 1200}
    found = simulate_one_step(
        TANH, TANH, 8, **sizes, ridge=[0.3, 1.0, 3.0], noise=NOISE, size=30, rng=3
    ).test.min(axis=1)
    assert found.mean() + 3 * found.std(ddof=1) / np.sqrt(30) < inputs(1)
    for ratio in (64, 256):
        error = small_step_errors(
            TANH, TANH, 5, noise=NOISE, features_per_dimension=8, samples_per_dimension=ratio
        ).test
        assert inputs(ratio) < error


def test_a_long_step_pays_with_enough_samples_and_never_for_an_even_teacher():
    assert "The nonlinear part of the centered ReLU is even" in solution(CHAPTER, "ex-os-enough")
    steps = np.geomspace(0.5, 200, 7)

    def lowest(teacher, ratio):
        sizes = {"p": 48, "n": 48 * ratio, "N": 96, "n_test": 1000, "noise": NOISE, "size": 4}
        return (
            simulate_one_step(
                "tanh", teacher, steps, ridge=np.geomspace(3e-3, 300, 8), rng=5, **sizes
            )
            .test.min(axis=2)
            .mean(axis=0)
            .min()
        )

    line = single_direction_bound(TANH, 0)
    assert lowest(TANH, 3) > 1.2 * line
    assert lowest(TANH, 12) < 0.8 * line
    even = RELU.centered()
    assert lowest(even, 16) > single_direction_bound(even, 0)
