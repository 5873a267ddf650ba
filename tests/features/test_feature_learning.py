"""One gradient step: the gradient, its rank, the spike, and the errors of the readout."""

from dataclasses import astuple, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from rmtlib import ConvergenceError, as_rng
from rmtlib import features as fl
from rmtlib._gaussian import hermite_rows
from rmtlib.activations import ABS, ERF, GAUSSIAN, LINEAR, RELU, SIGN, TANH, Activation, Quadratic
from rmtlib.covariance import signal_plus_noise_spike
from rmtlib.features import ridge_risk, simulate_errors

CENTERED_RELU = RELU.centered()
STEEP_ERF = ERF.affine(stretch=3)
SIZES = {"features_per_dimension": 2, "samples_per_dimension": 8}


def cost(W, draw, activation):
    f = draw.beta @ activation(W @ draw.X) / np.sqrt(draw.beta.size)
    return np.sum((draw.y - f) ** 2) / (2 * draw.y.size)


@pytest.mark.parametrize("activation", [TANH, ERF, RELU, Quadratic(1, 0.5, 0.2)], ids=str)
def test_gradient_is_minus_the_derivative_of_the_cost(activation):
    draw = fl.teacher_student(TANH, p=4, n=20, N=6, noise=0.1, rng=0)
    beta = np.sqrt(20) * draw.beta  # a readout that matters in the residual
    draw = replace(draw, beta=beta)
    G = fl.first_layer_gradient(activation, draw.W, beta, draw.X, draw.y)
    h = 1e-6
    for i, j in [(0, 0), (3, 2), (5, 3)]:
        shift = np.zeros_like(G)
        shift[i, j] = h
        up, down = cost(draw.W + shift, draw, activation), cost(draw.W - shift, draw, activation)
        # central differences: h^2, and rounding eps / h times the cost
        assert G[i, j] == pytest.approx(-(up - down) / (2 * h), abs=3e-9 * (1 + up))


def distances(N, student, teacher, seed):
    draw = fl.teacher_student(teacher, p=N // 2, n=N, N=N, rng=seed)
    G = fl.first_layer_gradient(student, draw.W, draw.beta, draw.X, draw.y)
    A = fl.rank_one_gradient(student, draw.beta, draw.X, draw.y)
    norms = [np.linalg.norm(M, 2) for M in (G - A, A)]
    return np.sqrt(N) * np.array([*norms, np.linalg.norm(G)])


@pytest.mark.parametrize(
    ("student", "teacher", "at_500"), [(TANH, RELU, 0.0422), (ERF, ERF, 0.0398)], ids=str
)
def test_gradient_is_of_rank_one_up_to_order_one_over_root_N(student, teacher, at_500):
    sizes = np.array([125, 250, 500])
    found = np.array(
        [np.mean([distances(N, student, teacher, s) for s in range(12)], axis=0) for N in sizes]
    )
    slope = np.polyfit(np.log(sizes), np.log(found[:, 0]), 1)[0]
    # one draw scatters by 20, 14 and 8 %: 0.045 in the slope of the means
    assert slope == pytest.approx(-0.5, abs=0.17)
    assert found[-1, 0] == pytest.approx(at_500, rel=0.15)
    # spectral and Frobenius norm of the step stay of order one
    assert np.all((found[:, 1] > 0.25) & (found[:, 2] < 0.75))


def test_rank_one_part_vanishes_for_even_students():
    draw = fl.teacher_student(TANH, p=5, n=9, N=7, rng=1)
    A = fl.rank_one_gradient(GAUSSIAN, draw.beta, draw.X, draw.y)
    assert np.max(np.abs(A)) < 1e-15
    spike = fl.one_step_spike(GAUSSIAN, TANH, 9.0, **SIZES)
    assert not spike.isolated
    assert spike.strength < 1e-14  # no step size reaches the threshold


def test_reference_numbers_of_the_spike():
    spike = fl.one_step_spike(
        TANH, CENTERED_RELU, 6, features_per_dimension=2, samples_per_dimension=4, noise=0.01
    )
    overlap = fl.gradient_overlap(CENTERED_RELU, samples_per_dimension=4, noise=0.01)
    found = [
        spike.strength,
        spike.position,
        spike.alignment,
        spike.right_alignment,
        spike.right_alignment * overlap,
    ]
    expected = [2.111959316, 2.812252697, 0.6210136164, 0.7347446221, 0.5439148023]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    below = fl.one_step_spike(
        TANH, CENTERED_RELU, 3, features_per_dimension=2, samples_per_dimension=2, noise=0.01
    )
    assert below.strength == pytest.approx(1.185203761, rel=1e-9)
    assert below.position == pytest.approx(2.414213562, rel=1e-9)
    assert below.position == below.edge
    assert not below.isolated


def test_spike_is_continuous_at_its_threshold_and_vanishes_below():
    sizes = {"features_per_dimension": 0.7, "samples_per_dimension": 3}
    unit = fl.one_step_spike(ERF, TANH, 1.0, **sizes)
    threshold = unit.threshold / unit.strength
    spike = fl.one_step_spike(ERF, TANH, threshold * np.array([0.5, 1 - 1e-9, 1 + 1e-9]), **sizes)
    np.testing.assert_allclose(spike.position, 1 + np.sqrt(0.7), rtol=1e-12)
    assert spike.edge == pytest.approx(1 + np.sqrt(0.7), rel=1e-14)
    assert spike.isolated.tolist() == [False, False, True]
    for alignment in (spike.alignment, spike.right_alignment):
        assert alignment[0] == alignment[1] == 0
        assert 0 < alignment[2] < 1e-8


def test_spike_agrees_with_the_network_after_one_step():
    p, n, N, eta, found = 200, 800, 400, 8.0, []
    for seed in range(6):
        draw = fl.teacher_student(CENTERED_RELU, p=p, n=n, N=N, noise=0.01, rng=seed)
        G = fl.first_layer_gradient(TANH, draw.W, draw.beta, draw.X, draw.y)
        left, s, right = np.linalg.svd(draw.W + eta * np.sqrt(N) * G, full_matrices=False)
        data = draw.X @ draw.y
        theta = eta * TANH.moments(1.0).mean_derivative * np.linalg.norm(data) / n
        spike = signal_plus_noise_spike((theta * np.linalg.norm(draw.beta)) ** 2, ratio=N / p)
        found.append(
            [
                s[0] - np.sqrt(spike.position),
                (left[:, 0] @ draw.beta) ** 2 / np.sum(draw.beta**2) - spike.alignment,
                (right[0] @ data) ** 2 / np.sum(data**2) - spike.right_alignment,
                (right[0] @ draw.direction) ** 2,
                theta,
            ]
        )
    mean = np.mean(found, axis=0)
    limit = fl.one_step_spike(
        TANH, CENTERED_RELU, eta, features_per_dimension=2, samples_per_dimension=4, noise=0.01
    )
    overlap = fl.gradient_overlap(CENTERED_RELU, samples_per_dimension=4, noise=0.01)
    # the gradient beyond its rank-one part: a bias of order N^(-1/2) = 0.05, and scatter 0.015
    assert np.all(np.abs(mean[:3]) < [0.075, 0.03, 0.05])
    assert mean[3] == pytest.approx(limit.right_alignment * overlap, abs=0.07)
    assert mean[4] == pytest.approx(limit.strength, rel=0.09)  # one draw scatters by 6 %


def test_overlap_of_the_gradient_is_that_of_the_data():
    found = []
    for seed in range(20):
        draw = fl.teacher_student(TANH, p=100, n=300, N=1, noise=0.2, rng=seed)
        data = draw.X @ draw.y
        found.append((data @ draw.direction) ** 2 / (data @ data))
    # one draw scatters by 0.05, and a bias of order 1 / n
    theory = fl.gradient_overlap(TANH, samples_per_dimension=3.0, noise=0.2)
    assert np.mean(found) == pytest.approx(theory, abs=0.04)


@pytest.mark.parametrize("teacher", [TANH, STEEP_ERF, RELU, Quadratic(0.5, 1, -2)], ids=str)
def test_single_direction_bound_is_the_sum_over_hermite_coefficients(teacher):
    k, breaks = np.arange(160), teacher.kinks + teacher.jumps
    f = hermite_rows(teacher.value, np.ones(1), breaks, 160, 24)[:, 0]
    omega = np.array([0.0, 0.3, 0.8])
    powers = omega[:, None] ** k
    plain = np.sum((f**2 * (1 - powers))[:, 2:], axis=1)
    both = plain - np.sum(
        (f**2 * k * powers / np.where(omega > 0, omega, 1)[:, None])[:, 2:], 1
    ) * (1 - omega)
    # kinked teachers: the coefficients beyond 160 hold 1e-4 of the energy
    np.testing.assert_allclose(fl.single_direction_bound(teacher, omega), plain, atol=2e-4)
    modulated = fl.single_direction_bound(teacher, omega, modulated=True)
    np.testing.assert_allclose(modulated, both, atol=2e-4)
    assert fl.single_direction_bound(teacher, 0) == pytest.approx(teacher.d_coefficients(1.0).d0)
    assert fl.single_direction_bound(teacher, 1.0) == pytest.approx(0, abs=1e-12)
    assert fl.single_direction_bound(teacher, 1.0, modulated=True) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("modulated", [False, True])
def test_single_direction_bound_is_the_residual_of_a_regression(modulated):
    omega, n, rng = 0.6, 200_000, as_rng(3)
    t, s = rng.standard_normal((2, n))
    y = STEEP_ERF(np.sqrt(omega) * t + np.sqrt(1 - omega) * s)
    powers = np.array([np.clip(t, -4, 4) ** k for k in range(12)])
    design = np.vstack([powers, powers * s if modulated else s])
    residual = y - design.T @ np.linalg.lstsq(design.T, y, rcond=None)[0]
    bound = fl.single_direction_bound(STEEP_ERF, omega, modulated)
    assert np.mean(residual**2) == pytest.approx(bound, rel=0.02)  # n^(-1/2), 12 powers


def test_small_steps_agree_with_simulations():
    # means of four draws at N = 512, n = 2048, best ridge; 1.5 % standard error, and the
    # error that finite N makes at step size 3
    found = fl.small_step_errors(TANH, TANH, [0, 1, 3], noise=0.05, **SIZES).test
    np.testing.assert_allclose(found[:2], [0.0700, 0.0681], rtol=0.02)
    np.testing.assert_allclose(found[2], 0.0578, rtol=0.05)
    found = fl.small_step_errors(TANH, STEEP_ERF, [0, 1, 3], noise=0.05, **SIZES).test
    np.testing.assert_allclose(found, [0.275, 0.270, 0.244], rtol=0.03)
    found = fl.small_step_errors(TANH, CENTERED_RELU, [0, 1, 3], noise=0.05, **SIZES).test
    np.testing.assert_allclose(found, [0.132, 0.131, 0.124], rtol=0.03)


def test_simulated_step_follows_the_small_step_errors():
    sizes = {"p": 100, "n": 400, "N": 100, "ridge": [0.1, 1.0], "noise": 0.1}
    draws = [fl.simulate_one_step(ERF, TANH, [0.0, 2.0], **sizes, rng=k) for k in range(16)]
    theory = [
        fl.small_step_errors(
            ERF,
            TANH,
            [0.0, 2.0],
            ridge=ridge,
            noise=0.1,
            features_per_dimension=1,
            samples_per_dimension=4,
        )
        for ridge in (0.1, 1.0)
    ]
    for name in ("train", "test"):
        found = [getattr(draw, name) for draw in draws]
        expected = np.transpose([getattr(errors, name) for errors in theory])
        mean, error = np.mean(found, axis=0), np.std(found, axis=0) / 4
        # 4 standard errors (2 % each), and O(1 / n) relative
        assert np.all(np.abs(mean - expected) < 4 * error + 0.01 * mean), name
        assert np.all(error < 0.04 * mean)


@pytest.mark.parametrize(
    ("student", "teacher", "measured"),
    [(TANH, RELU, 0.341), (TANH, TANH.affine(offset=1), 1.246), (RELU, RELU, None)],
    ids=lambda value: getattr(value, "name", value),
)
def test_mean_of_the_labels_counts_unless_the_features_have_one(student, teacher, measured):
    ratios = {"features_per_dimension": 2, "samples_per_dimension": 4}
    theory = fl.small_step_errors(student, teacher, 1.0, ridge=0.3, **ratios).test
    found = fl.simulate_one_step(
        student, teacher, 1.0, p=150, n=600, N=300, ridge=0.3, size=12, rng=3
    ).test
    error = np.std(found) / np.sqrt(12)
    assert theory == pytest.approx(found.mean(), abs=4 * error + 0.02 * theory)
    if measured:
        assert theory == pytest.approx(measured, rel=0.05)


def trace_formula(N, p, n, ridge, theta, omega, noise, rng):
    """The equivalent for ridge regression on Gaussian features, with matrices; tanh, tanh.

    Averaged over the signs of two of the vectors: their cross terms drop out.
    """
    moments, d = TANH.moments(1.0), TANH.d_coefficients(1.0).d0
    h, power = moments.mean_derivative**2, moments.centered_second_moment + noise
    W = rng.standard_normal((N, p)) / np.sqrt(p)
    b, u, v = rng.standard_normal(N), rng.standard_normal(p), rng.standard_normal(p)
    b, u = b / np.linalg.norm(b), u / np.linalg.norm(u)
    v -= u * (u @ v)
    v /= np.linalg.norm(v)
    errors = []
    for sign in (1, -1):
        W1 = W + sign * theta * np.outer(b, u)
        lam, U = np.linalg.eigh(h * W1 @ W1.T + d * np.eye(N))

        def gap(log, lam=lam):
            return np.sum(lam / (lam + np.exp(log))) / n + ridge / np.exp(log) - 1

        kappa = np.exp(brentq(gap, -12, 8))
        R = 1 / (lam + kappa)
        for other in (1, -1):
            direction = np.sqrt(omega) * u + other * np.sqrt(1 - omega) * v
            form = (U.T @ (h * W1 @ direction)) ** 2
            left = power - np.sum(form * R) - kappa * np.sum(form * R**2)
            errors.append(left / (1 - np.sum((lam * R) ** 2) / n) - noise)
    return np.mean(errors)


@pytest.mark.parametrize("c", [0.5, 2.0])
def test_small_step_formula_is_the_trace_formula_of_large_matrices(c):
    p, ratio, theta, ridge, noise, rng = 300, 4.0, 1.7, 0.2, 0.1, as_rng(5)
    omega = fl.gradient_overlap(TANH, samples_per_dimension=ratio, noise=noise)
    sizes = {"features_per_dimension": c, "samples_per_dimension": ratio}
    unit = fl.one_step_spike(TANH, TANH, 1.0, noise=noise, **sizes).strength
    found = fl.small_step_errors(TANH, TANH, theta / unit, ridge=ridge, noise=noise, **sizes)
    exact = [
        trace_formula(round(c * p), p, ratio * p, ridge, theta, omega, noise, rng) for _ in range(8)
    ]
    error = np.std(exact) / np.sqrt(8)
    assert error < 0.015 * found.test
    # four standard errors, and a bias of order 1 / p
    assert found.test == pytest.approx(np.mean(exact), abs=4 * error + 3e-3 * found.test)
    assert found.ridge == ridge


@pytest.mark.parametrize("ridge", [1e-3, 0.3])
def test_many_linear_neurons_are_linear_regression(ridge):
    d, noise, c = TANH.d_coefficients(1.0).d0, 0.1, 1e6
    slope = TANH.moments(1.0).mean_derivative
    found = fl.small_step_errors(
        LINEAR,
        TANH,
        0,
        ridge=ridge * c,  # W'W is close to c I
        noise=noise,
        features_per_dimension=c,
        samples_per_dimension=4,
    )
    expected = d + ridge_risk(0.25, ridge, signal=slope**2, noise=d + noise)
    assert found.test == pytest.approx(expected, rel=1e-3)  # spread c^(-1/2) of W'W


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    eta=st.floats(0, 1e4),
    c=st.floats(0.1, 10),
    ratio=st.floats(0.2, 50),
    noise=st.floats(0, 2),
    teacher=st.sampled_from([TANH, STEEP_ERF, CENTERED_RELU, LINEAR]),
)
def test_small_steps_stay_above_the_best_affine_predictor(eta, c, ratio, noise, teacher):
    sizes = {"features_per_dimension": c, "samples_per_dimension": ratio, "noise": noise}
    best = fl.small_step_errors(TANH, teacher, eta, **sizes)
    bound = fl.single_direction_bound(teacher, 0)
    assert bound - 1e-9 <= best.test <= teacher.moments(1.0).centered_second_moment * (1 + 1e-4)
    if best.ridge > 1e-6:
        again = fl.small_step_errors(TANH, teacher, eta, ridge=best.ridge, **sizes)
        assert again.test == pytest.approx(best.test, rel=1e-6)
        for factor in (0.8, 1.25):
            other = fl.small_step_errors(TANH, teacher, eta, ridge=factor * best.ridge, **sizes)
            assert other.test >= best.test * (1 - 1e-9)


def test_ridgeless_step_is_refused_at_the_interpolation_threshold_only():
    sizes = {"features_per_dimension": 2, "samples_per_dimension": 2}
    with pytest.raises(ValueError, match="ridge must be positive"):
        fl.small_step_errors(TANH, TANH, 1, ridge=0, **sizes)
    near = fl.small_step_errors(
        TANH, TANH, 1, ridge=0, features_per_dimension=2, samples_per_dimension=2.02
    )
    away = fl.small_step_errors(TANH, TANH, 1, ridge=0.1, **sizes)
    assert near.test > 10 * away.test


@pytest.mark.parametrize(
    "extreme",
    [
        {"features_per_dimension": 1e12, "samples_per_dimension": 1e-12},
        {"features_per_dimension": 1e-300, "samples_per_dimension": 1.0, "ridge": 1.0},
        {"features_per_dimension": 1.0, "samples_per_dimension": 1e-300, "ridge": 1e-9},
        {"features_per_dimension": 1.0, "samples_per_dimension": 2.0, "ridge": 1e300},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid", "ignore:divide")
def test_extreme_sizes_raise_or_are_right(extreme):
    variance = TANH.moments(1.0).centered_second_moment
    try:
        found = fl.small_step_errors(ERF, TANH, 1.0, noise=0.1, **extreme)
    except (ConvergenceError, ValueError):
        return
    assert fl.single_direction_bound(TANH, 0) <= found.test <= variance * (1 + 1e-6)


def test_large_step_beats_the_best_affine_predictor_and_a_small_one_does_not():
    p, n, N = 96, 16 * 96, 192
    steps = np.array([1.0, 3 * np.sqrt(N)])
    draws = [
        fl.simulate_one_step(
            TANH, STEEP_ERF, steps, p=p, n=n, N=N, ridge=np.geomspace(0.01, 10, 10), rng=seed
        ).test.min(axis=1)
        for seed in range(3)
    ]
    small, large = np.mean(draws, axis=0)
    bound = fl.single_direction_bound(STEEP_ERF, 0)
    assert large < 0.8 * bound < bound < small


@pytest.mark.parametrize("n", [40, 15])
def test_readout_from_the_gram_matrix_is_ridge_regression(n):
    # the same draws by hand, in the order of the function
    rng, p, N, gamma = as_rng(11), 6, 20, np.array([[0.01, 1.0]])
    draw = fl.teacher_student(TANH, p=p, n=n, N=N, noise=0.3, rng=rng)
    G = fl.first_layer_gradient(ERF, draw.W, draw.beta, draw.X, draw.y)
    W1 = draw.W + 2 * np.sqrt(N) * G
    X = rng.standard_normal((p, n))
    y = TANH(draw.direction @ X) + np.sqrt(0.3) * rng.standard_normal(n)
    X_test = rng.standard_normal((p, 50))
    rng.standard_normal(50)  # the test sample's noise, of variance zero
    y_test = TANH(draw.direction @ X_test)
    found = fl.simulate_one_step(
        ERF, TANH, [2], p=p, n=n, N=N, ridge=gamma, noise=0.3, n_test=50, rng=as_rng(11)
    )
    columns, labels = ERF(W1 @ np.hstack([X, X_test])), np.append(y, y_test)
    expected = simulate_errors(columns, labels, n, gamma)
    np.testing.assert_allclose(found.test, expected.test[None], rtol=1e-9)
    np.testing.assert_allclose(found.train, expected.train[None], rtol=1e-9)


def test_small_integers_are_computed_with_in_double_precision():
    ridge = {"ridge": [0.1, 1.0], "n_test": 30}
    wide = fl.simulate_one_step(TANH, TANH, 2.0, p=6, n=20, N=5, **ridge, rng=0)
    sizes = {name: np.int8(k) for name, k in {"p": 6, "n": 20, "N": 5}.items()}
    found = fl.simulate_one_step(TANH, TANH, 2.0, **sizes, **ridge, rng=0)
    assert found.test.dtype == float
    np.testing.assert_array_equal(found.test, wide.test)
    np.testing.assert_array_equal(found.train, wide.train)


def test_size_is_a_number_of_draws_one_after_another():
    sizes = {"p": 6, "n": 20, "N": 5, "ridge": [0.1, 1.0], "n_test": 30}
    rng = as_rng(4)
    one = [fl.simulate_one_step(TANH, TANH, [0, 1, 2], **sizes, rng=rng).test for _ in range(6)]
    many = fl.simulate_one_step(TANH, TANH, [0, 1, 2], **sizes, size=(2, 3), rng=4)
    np.testing.assert_array_equal(many.test, np.reshape(one, (2, 3, 3, 2)))
    assert many.train.shape == many.ridge.shape == (2, 3, 3, 2)
    for bad in (0, 1.5, "x", (2, -1)):
        with pytest.raises(ValueError, match="size must be"):
            fl.simulate_one_step(TANH, TANH, 1, **sizes, size=bad)


def test_same_seed_same_draw():
    first, second = (fl.teacher_student(TANH, p=3, n=4, N=5, noise=0.5, rng=7) for _ in range(2))
    for left, right in zip(astuple(first), astuple(second), strict=True):
        np.testing.assert_array_equal(left, right)
    assert np.linalg.norm(first.direction) == pytest.approx(1)


GOOD = {
    "teacher_student": {"p": 3, "n": 4, "N": 5, "teacher": TANH, "noise": 1},
    "first_layer_gradient": {
        "W": [[1, 2], [3, 4]],
        "beta": [1, 2],
        "X": [[1, 0, 2], [0, 1, 1]],
        "y": [1, 2, 3],
        "activation": TANH,
    },
    "rank_one_gradient": {"beta": [1, 2], "X": [[1, 0]], "y": [1, 2], "activation": TANH},
    "gradient_overlap": {"samples_per_dimension": 2, "teacher": TANH, "noise": 1},
    "one_step_spike": {"step_size": 1, "student": TANH, "teacher": TANH, "noise": 1, **SIZES},
    "single_direction_bound": {"overlap": 1, "teacher": TANH},
    "small_step_errors": {
        "step_size": 1,
        "student": TANH,
        "teacher": TANH,
        "noise": 1,
        "ridge": 1,
        **SIZES,
    },
    "simulate_one_step": {
        "p": 3,
        "n": 4,
        "N": 5,
        "step_size": 1,
        "student": TANH,
        "teacher": TANH,
        "ridge": 1,
        "noise": 1,
        "n_test": 5,
    },
}


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("teacher_student", {"p": 0}),
        ("teacher_student", {"n": 2.5}),
        ("teacher_student", {"N": -1}),
        ("teacher_student", {"noise": -1}),
        ("teacher_student", {"teacher": np.tanh}),
        ("first_layer_gradient", {"W": [[1, np.nan], [3, 4]]}),
        ("first_layer_gradient", {"beta": [1, 2, 3]}),
        ("first_layer_gradient", {"X": [[1, 2, 3]]}),
        ("first_layer_gradient", {"y": [1, np.nan, 2]}),
        ("first_layer_gradient", {"y": [1, 2]}),
        ("first_layer_gradient", {"activation": SIGN}),
        ("first_layer_gradient", {"activation": np.tanh}),
        ("rank_one_gradient", {"beta": []}),
        ("rank_one_gradient", {"X": [1, 2]}),
        ("rank_one_gradient", {"y": [1, 2, 3]}),
        ("rank_one_gradient", {"activation": SIGN}),
        ("gradient_overlap", {"samples_per_dimension": [1, 0]}),
        ("gradient_overlap", {"samples_per_dimension": np.inf}),
        ("gradient_overlap", {"noise": -0.1}),
        ("gradient_overlap", {"teacher": "no such"}),
        ("one_step_spike", {"step_size": -1}),
        ("one_step_spike", {"step_size": np.nan}),
        ("one_step_spike", {"student": SIGN}),
        ("one_step_spike", {"teacher": None}),
        ("one_step_spike", {"features_per_dimension": 0}),
        ("one_step_spike", {"samples_per_dimension": -1}),
        ("one_step_spike", {"noise": np.inf}),
        ("single_direction_bound", {"overlap": 1.01}),
        ("single_direction_bound", {"overlap": -0.01}),
        ("single_direction_bound", {"overlap": [[0.1], [0.2, 0.3]]}),
        ("single_direction_bound", {"teacher": 3}),
        ("small_step_errors", {"step_size": [-1.0]}),
        ("small_step_errors", {"student": ABS}),
        ("small_step_errors", {"student": SIGN}),
        ("small_step_errors", {"ridge": -1}),
        ("small_step_errors", {"noise": -1}),
        ("small_step_errors", {"features_per_dimension": np.nan}),
        ("small_step_errors", {"samples_per_dimension": 0}),
        ("simulate_one_step", {"ridge": [-1.0]}),
        ("simulate_one_step", {"step_size": np.inf}),
        ("simulate_one_step", {"n_test": 0}),
        ("simulate_one_step", {"student": SIGN}),
        ("simulate_one_step", {"n": 0}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value)),
)
def test_bad_input_is_refused_by_name(name, bad):
    function, key = getattr(fl, name), next(iter(bad))
    function(**GOOD[name])  # integers are right
    with pytest.raises(ValueError, match=rf"\b{key}\b"):
        function(**GOOD[name] | bad)


def test_labels_that_vanish_leave_no_spike():
    zero = Activation("zero", np.zeros_like, np.zeros_like)
    spike = fl.one_step_spike(TANH, zero, [0.0, 5.0], **SIZES)
    assert not np.any(spike.isolated)
    with pytest.raises(ValueError, match="teacher must not vanish"):
        fl.gradient_overlap(zero, samples_per_dimension=2)
