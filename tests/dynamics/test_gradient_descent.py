"""Gradient descent on ridge regression: reference numbers, three independent routes, limits."""

from dataclasses import astuple

import numpy as np
import pytest
from contour import contour_moments
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.special import ive, ndtr

from rmtlib import ConvergenceError, as_rng
from rmtlib.data import standardize_classes
from rmtlib.dynamics import Tuning, TwoClassDescent, descend, descent_filters, sgd_loss
from rmtlib.dynamics._filters import Clock
from rmtlib.dynamics._quadrature import nodes
from rmtlib.laws import MarchenkoPastur

# c, rho, sigma^2, alpha, t, gamma; E_test, V_test, E_train, V_train, test error.
ROWS = [
    ((0.5, 4, 0.1, 0.01, 100, 0),
     (0.7516742611, 0.2048982467, 0.8456335438, 0.1173243055, 0.04839862403)),
    ((0.5, 1, 0.1, 0.01, 300, 0),
     (0.4654529612, 0.4506364469, 0.6981794419, 0.1815750474, 0.2440398973)),
    ((1, 2, 0.1, 0.1, 100, 0),
     (0.6268224695, 0.7573307623, 0.9402337043, 0.03889592861, 0.2356761033)),
    ((1, 2, 0.1, 0.1, 100, 0.5),
     (0.4999785597, 0.2498964335, 0.7499678395, 0.06253608601, 0.1586154995)),
    ((2, 3, 0.5, 0.01, 100, 0.2),
     (0.5308115442, 0.3811956130, 0.8846859070, 0.04364382067, 0.1949665833)),
    ((2, 1, 0.5, 0.01, 1000, 0),
     (0.3321817508, 0.8916757075, 0.9965452524, 0.0002856711839, 0.3625012777)),
]  # fmt: skip


def moments(run):
    return np.array(astuple(run)[:4])


@pytest.mark.parametrize("contour", [False, True], ids=["real", "contour"])
@pytest.mark.parametrize(("row", "expected"), ROWS)
def test_reference_numbers(contour, row, expected):
    c, rho, variance, alpha, t, gamma = row
    model = TwoClassDescent(c, rho, init_variance=variance, ridge=gamma)
    found = contour_moments(model, [t], alpha) if contour else moments(model.at([t], alpha))
    found = [*found[:, 0], ndtr(-found[0, 0] / np.sqrt(found[1, 0]))]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert model.at([t], alpha).test_error[0] == pytest.approx(expected[-1], rel=1e-9)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    c=st.floats(0.05, 5), rho=st.floats(0.1, 9), variance=st.floats(0, 3),
    reach=st.floats(0.01, 200), gamma=st.one_of(st.just(0.0), st.floats(0, 2)),
)  # fmt: skip
def test_real_form_equals_contour_form(c, rho, variance, reach, gamma):
    model = TwoClassDescent(c, rho, init_variance=variance, ridge=gamma)
    times = np.array([0.1, 1.0]) * reach / 0.1
    real, contour = moments(model.at(times, 0.1)), contour_moments(model, times, 0.1)
    np.testing.assert_allclose(real, contour, atol=1e-10 * (1 + real.max()))


@pytest.mark.parametrize("c", [0.5, 1 - 1e-4, 1.0, 1 + 1e-4, 2.0])
@pytest.mark.parametrize("shift", [-1e-3, -1e-4, 0.0, 1e-4, 1e-3])
def test_rule_is_exact_at_the_phase_transition_and_at_equal_sizes(c, shift):
    model = TwoClassDescent(c, np.sqrt(c) * (1 + shift), init_variance=0.3)
    real = moments(model.at([1, 100], 1.0))
    contour = contour_moments(model, [1, 100], 1.0, points=8000)
    np.testing.assert_allclose(real, contour, atol=2e-12)


def test_atoms_that_are_not_smoothed_would_be_wrong_by_1e_minus_5():
    c, rho = 0.5, np.sqrt(0.5) * 1.0001
    x, omega, _ = TwoClassDescent(c, rho, init_variance=0).measures()
    sharp = omega.copy()
    sharp[-2] = (rho**2 - c) / rho
    assert omega @ x == pytest.approx(rho * (1 + rho + c), rel=1e-13)
    assert abs(sharp @ x / (rho * (1 + rho + c)) - 1) > 1e-5


@settings(max_examples=60, deadline=None, derandomize=True)
@given(c=st.floats(0.01, 50), rho=st.floats(0.01, 50))
def test_masses_means_and_variance_of_the_measures(c, rho):
    # Exact identities; the variance of omega / rho is c whatever rho.
    x, omega, mu = TwoClassDescent(c, rho, init_variance=0).measures()
    mean = omega @ x / rho
    assert omega.sum() == pytest.approx(rho, rel=1e-11)
    assert mu.sum() == pytest.approx(1, rel=1e-11)
    assert mu @ x == pytest.approx(1, rel=1e-11)
    assert mu @ x**2 == pytest.approx(1 + c, rel=1e-11)
    assert mean == pytest.approx(1 + rho + c, rel=1e-11)
    assert omega @ (x - mean) ** 2 / rho == pytest.approx(c, rel=1e-8)


@pytest.mark.parametrize(("c", "rho"), [(0.5, 2.0), (0.5, 0.4), (2.0, 3.0), (2.0, 1.0)])
def test_nodes_integrate_the_densities_of_the_measures(c, rho):
    low, high = (1 - np.sqrt(c)) ** 2, (1 + np.sqrt(c)) ** 2
    spike = (1 + rho) * (1 + c / rho)

    def density(x):
        return np.sqrt((x - low) * (high - x)) / (2 * np.pi * (spike - x))

    x, omega, _ = TwoClassDescent(c, rho, init_variance=0).measures()
    bulk, _ = quad(lambda s: np.exp(-s) * density(s), low, high, epsabs=1e-12)
    atom = max(rho**2 - c, 0) / rho * np.exp(-spike)
    assert omega @ np.exp(-x) == pytest.approx(bulk + atom, abs=1e-10)


def test_stieltjes_transform_of_omega_is_that_of_the_resolvent_at_the_mean():
    c, rho, z = 0.7, 1.5, 0.3 + 0.4j
    x, omega, mu = TwoClassDescent(c, rho, init_variance=0).measures()
    m = MarchenkoPastur(c).stieltjes(z)
    assert mu @ (1 / (x - z)) == pytest.approx(m, abs=1e-12)
    assert omega @ (1 / (x - z)) == pytest.approx(rho * m / ((rho + c) * m + 1), abs=1e-12)


@pytest.mark.parametrize("spread", [0.0, 0.7])
def test_bessel_functions_at_equal_sizes_and_threshold_up_to_late_times(spread):
    # c = rho = 1: x = 2 + 2 cos(angle), nu and omega have densities (1 - cos) and (1 + cos) / pi
    T = np.concatenate([[0.0], np.geomspace(1e-3, 1e6, 60), np.linspace(1e4, 2e4, 7)])

    def decayed(s):  # integral of exp(-s x) with respect to nu, and of x exp(-s x)
        return ive(0, 2 * s) + ive(1, 2 * s), ive(1, 2 * s) / np.where(s > 0, s, 1) + (s == 0)

    def done(s):  # integral of (1 - exp(-s x)) / x with respect to omega
        return (1 - ive(0, 2 * s)) / 2

    def twice(s):
        return s * decayed(s)[0]

    run = TwoClassDescent(1, 1, init_variance=spread).at(T, learning_rate=1)
    left, left_x = decayed(2 * T)
    V = 2 * twice(T) - twice(2 * T) + spread * left
    V_train = 2 * (2 * done(T) - done(2 * T)) + spread * left_x - 4 * done(T) ** 2
    np.testing.assert_allclose(run.test_mean, done(T), atol=3e-15)
    np.testing.assert_allclose(run.test_variance, V, atol=1e-14, rtol=1e-12)
    np.testing.assert_allclose(run.train_variance, V_train, atol=1e-14)


@pytest.mark.parametrize(("dynamics", "rate"), [("flow", 1.0), ("steps", 0.4)])
def test_late_times_at_equal_sizes_need_few_modes(monkeypatch, dynamics, rate):
    computed, filters = [], Clock.filters

    def counted(*args):
        found = filters(*args)
        computed.append(found[0].size)
        return found

    monkeypatch.setattr(Clock, "filters", counted)
    times = np.round(np.geomspace(1, 1e6 / rate, 1000))
    model = TwoClassDescent(1.0, 2.0, init_variance=0.1)
    late = model.at(times, rate, dynamics=dynamics)
    assert sum(computed) < 2e5  # of ten million
    one = model.at(times[-1:], rate, dynamics=dynamics)
    np.testing.assert_allclose(moments(late)[:, -1:], moments(one), rtol=1e-12, atol=1e-14)


def test_start_has_error_one_half_and_the_variance_of_the_initialization():
    run = TwoClassDescent(2, 3, init_variance=0.5, ridge=1).at([0], 0.1)
    np.testing.assert_allclose(moments(run)[:, 0], [0, 0.5, 0, 0.5], atol=1e-13)
    assert run.test_error[0] == run.train_error[0] == 0.5
    still = TwoClassDescent(2, 3, init_variance=0).at(0, 0.1)
    assert still.test_error == still.train_error == 0.5
    assert {type(value) for value in astuple(still)} == {float}


def test_training_mean_is_a_fixed_multiple_of_the_test_mean():
    run = TwoClassDescent(2, 3, init_variance=0.5).at([1, 50], 0.1)
    np.testing.assert_allclose(run.train_mean / run.test_mean, (3 + 2) / 3, rtol=1e-12)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(c=st.floats(0.1, 4), rho=st.floats(0.2, 6), variance=st.floats(0, 2), gamma=st.floats(0, 3))
def test_no_time_start_or_ridge_beats_the_cauchy_schwarz_bound(c, rho, variance, gamma):
    model = TwoClassDescent(c, rho, init_variance=variance, ridge=gamma)
    run = model.at(np.geomspace(0.01, 1e4, 40), 1.0)
    assert run.test_error.min() >= model.best_error() * (1 - 1e-12)


@pytest.mark.parametrize("limit", [{"ridge": 1e7, "t": 1.0}, {"ridge": 0.0, "t": 1e-7}])
def test_bound_is_approached_as_time_vanishes_or_ridge_grows(limit):
    model = TwoClassDescent(0.5, 4.0, init_variance=0, ridge=limit["ridge"])
    assert model.at(limit["t"], 1).test_error == pytest.approx(model.best_error(), rel=1e-5)


@pytest.mark.parametrize(
    ("c", "gamma"), [(0.5, 0), (2, 0), (0.5, 0.3), (1, 0.3), (2, 0.3), (0.9, 0), (1.1, 0)]
)
def test_late_times_reach_the_closed_form(c, gamma):
    model = TwoClassDescent(c, 3, init_variance=0.5, ridge=gamma)
    np.testing.assert_allclose(moments(model.at(3e4, 1)), moments(model.limit()), atol=1e-11)


def test_overfitting_factor_and_its_exact_condition():
    def exponent(c, rho, variance):
        run = TwoClassDescent(c, rho, init_variance=variance).limit()
        return run.test_mean / np.sqrt(run.test_variance)

    assert exponent(0.5, 4, 0.7) == pytest.approx(1.333333333, rel=1e-9)
    assert exponent(2, 3, 0) == pytest.approx(0.9486832981, rel=1e-9)
    assert exponent(2, 3, 0.5) == pytest.approx(0.7442084075, rel=1e-9)
    for c, variance in ((0.3, 2.0), (3.0, 0.0)):
        factor = np.sqrt(1 - min(c, 1 / c))
        assert exponent(c, 2, variance) == pytest.approx(factor * 2 / np.sqrt(2 + c), rel=1e-12)
    equal = TwoClassDescent(1.0, 2.0, init_variance=0.1).limit()
    assert equal.test_error == 0.5
    assert np.isinf(equal.test_variance)


def test_at_equal_sizes_the_exponent_decays_like_a_fourth_root_of_time():
    run = TwoClassDescent(1.0, 2.0, init_variance=0).at([1e5, 1e6], 1)
    exponent = run.test_mean / np.sqrt(run.test_variance)
    # next order is (alpha t)^(-1/2) relative
    np.testing.assert_allclose(exponent * [1e5**0.25, 1e6**0.25], 1.419, rtol=5e-3)


@pytest.mark.parametrize(
    ("variance", "time", "error"),
    [
        (0.01, 40.37473, 0.03392749897),
        (0.1, 96.90661, 0.04838848865),
        (0.5, 304.0534, 0.06985879903),
        (1, 514.7398, 0.07810138635),
        (2, 836.6197, 0.08404360401),
        (0, 0, 0.02967321940),
    ],
)
def test_optimal_stopping_reference(variance, time, error):
    stop = TwoClassDescent(0.5, 4, init_variance=variance).optimal_stopping(0.01)
    assert stop.time == pytest.approx(time, rel=1e-6)
    assert stop.error == pytest.approx(error, rel=1e-9)


@pytest.mark.parametrize(("c", "rho"), [(0.5, 4.0), (2.0, 1.0), (1.0, 2.0)])
def test_optimal_stopping_of_a_small_start_has_its_fourth_root_law(c, rho):
    ratios = [
        TwoClassDescent(c, rho, init_variance=v).optimal_stopping(0.5).time
        * 0.5 / (4 * v / (c * (rho + c))) ** 0.25
        for v in (1e-6, 1e-10)
    ]  # fmt: skip
    # corrections are of the order of the time itself, 1/10 of it at the second
    assert abs(ratios[0] - 1) < 0.06
    assert abs(ratios[1] - 1) < 0.006


def test_optimal_stopping_is_no_worse_than_any_time_on_a_grid():
    for c, rho, variance, gamma in [(0.5, 4, 100, 0), (2, 1, 0.5, 0), (1, 2, 0.1, 0.5)]:
        model = TwoClassDescent(c, rho, init_variance=variance, ridge=gamma)
        run = model.at(np.geomspace(1e-3, 1e6, 300), 0.1)
        assert model.optimal_stopping(0.1).error <= run.test_error.min() + 1e-12


@pytest.mark.parametrize("dynamics", ["flow", "steps"])
@pytest.mark.parametrize(("p", "n"), [(6, 20), (20, 6)])
def test_eigenmodes_equal_the_explicit_recursion(dynamics, p, n):
    rng = as_rng(1)
    X, y, w = rng.standard_normal((p, n)), rng.standard_normal(n), rng.standard_normal(p)
    paths = descend(X, y, w, [0, 3, 40], learning_rate=0.1, ridge=0.2, dynamics=dynamics)
    substeps = 1 if dynamics == "steps" else 4000
    for k in range(40 * substeps + 1):
        if k == 3 * substeps:
            # Euler's error is O(1 / substeps)
            np.testing.assert_allclose(paths[:, 1], w, atol=1e-12 if substeps == 1 else 1e-3)
        w = w - 0.1 / substeps * (X @ (X.T @ w - y) / n + 0.2 * w)
        if k == 0:
            first = w
    np.testing.assert_allclose(
        paths[:, 0] - 0.1 / substeps * (X @ (X.T @ paths[:, 0] - y) / n + 0.2 * paths[:, 0]), first
    )
    if substeps == 1:
        last = descend(X, y, paths[:, 2], [1], learning_rate=0.1, ridge=0.2, dynamics="steps")
        np.testing.assert_allclose(last[:, 0], w, atol=1e-11)


def test_several_ridges_share_a_draw():
    def simulate(model, size=3, times=(0, 5, 50), **options):
        return model.simulate(times, 0.1, n=12, size=size, rng=6, **options)

    model = TwoClassDescent(9 / 12, 2.0, init_variance=0.3)
    both = simulate(model, ridges=[0.0, 0.4])
    for index, ridge in enumerate([0.0, 0.4]):
        one = simulate(TwoClassDescent(9 / 12, 2.0, init_variance=0.3, ridge=ridge))
        for several, alone in zip(astuple(both[:, index]), astuple(one), strict=True):
            assert alone.shape == (3, 3)
            np.testing.assert_allclose(several, alone, rtol=1e-12, atol=1e-15)
    assert simulate(model).test_mean.shape == (3, 3)
    assert simulate(model, size=None).test_mean.shape == (3,)
    assert simulate(model, size=None, times=7).test_mean == simulate(model, times=7).test_mean[0]
    with pytest.raises(ValueError, match="ridges must be a vector"):
        simulate(model, ridges=[[0.0]])


def test_filters_are_exact_where_digits_could_be_lost():
    lam = np.array([0.0, 1e-12, 1.9])
    f, g = descent_filters(lam, [0, 1, 2, 1001], learning_rate=1.0, dynamics="steps")
    np.testing.assert_allclose(f[:, 2], [1, -0.9, 0.81, (-0.9) ** 1001], rtol=1e-12)
    np.testing.assert_allclose(g[:, 0], [0, 1, 2, 1001])
    np.testing.assert_allclose(g[:, 1], [0, 1, 2, 1001], rtol=1e-8)
    f, g = descent_filters(lam, [0, 1, 2, 1001], learning_rate=1.0)
    np.testing.assert_allclose(g[:, 1], [0, 1, 2, 1001], rtol=1e-8)
    np.testing.assert_allclose(f + lam * g, 1, atol=1e-14)


def test_steps_tend_to_the_flow_at_first_order_in_the_learning_rate():
    model = TwoClassDescent(0.5, 4, init_variance=0.1)
    flow = model.at(1, 1.0).test_mean
    gaps = []
    for alpha in (0.02, 0.01):
        steps = model.at(round(1 / alpha), alpha, dynamics="steps")
        gaps.append(steps.test_mean - flow)
        if alpha == 0.01:
            assert steps.test_mean == pytest.approx(0.7522308932, rel=1e-9)
    assert gaps[0] / gaps[1] == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize(
    ("p", "n", "gamma", "dynamics"),
    [(200, 400, 0.0, "flow"), (300, 150, 0.2, "flow"), (200, 200, 0.0, "steps")],
)
def test_simulation_agrees_with_the_theory(p, n, gamma, dynamics):
    times, draws = [10, 100, 500], 30
    model = TwoClassDescent(p / n, 2.0, init_variance=0.3, ridge=gamma)
    theory = astuple(model.at(times, 0.02, dynamics=dynamics))
    runs = astuple(model.simulate(times, 0.02, n=n, size=draws, dynamics=dynamics, rng=3))
    for expected, found in zip(theory, runs, strict=True):
        error = found.std(axis=0, ddof=1) / np.sqrt(draws)
        # bias O(1/n), four standard errors of the mean
        assert np.all(np.abs(found.mean(axis=0) - expected) < 4 * error + 3 / n)


def test_test_error_of_a_run_is_that_of_fresh_samples():
    p, n = 20, 60
    run = TwoClassDescent(p / n, 2.0, init_variance=0.5).simulate([30], 0.05, n=n, rng=5)
    (rng,) = as_rng(5).spawn(1)  # as `replicate` does
    y = np.where(np.arange(n) % 2, 1.0, -1.0)
    X = rng.standard_normal((p, n))
    X[0] += np.sqrt(2.0) * y
    w = descend(X, y, np.sqrt(0.5 / p) * rng.standard_normal(p), [30], learning_rate=0.05)[:, 0]
    fresh = rng.standard_normal((p, 100_000))
    fresh[0] += np.sqrt(2.0)
    rate = np.mean(w @ fresh < 0)
    assert run.test_error[0] == pytest.approx(rate, abs=4 * np.sqrt(0.25 / 100_000))


def test_momentum_factors_equal_the_recursion():
    lam, alpha, beta = np.array([0.0, 0.3, 1.0, 2.9]), 0.8, 0.6
    z, x, path = np.zeros(4), np.ones(4), [np.ones(4)]
    for _ in range(30):
        z = beta * z + lam * x
        x = x - alpha * z
        path.append(x)
    steps = np.arange(31)
    found = Tuning(alpha, beta).factors(lam, steps)
    np.testing.assert_allclose(found, path, atol=1e-12)
    plain = Tuning(0.5).factors(lam, steps)
    filters, _ = descent_filters(lam, steps, learning_rate=0.5, dynamics="steps")
    np.testing.assert_allclose(plain, filters, atol=1e-14)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(lam=st.floats(0.01, 5), alpha=st.floats(0.01, 3), beta=st.floats(0, 0.99))
def test_rate_is_the_spectral_radius_and_stability_is_below_two_plus_two_beta(lam, alpha, beta):
    M = np.array([[beta, lam], [-alpha * beta, 1 - alpha * lam]])
    radius = np.max(np.abs(np.linalg.eigvals(M)))
    rate = Tuning(alpha, beta).rate(lam)
    assert rate == pytest.approx(radius, abs=1e-6)  # a double root costs half of the digits
    if abs(alpha * lam - 2 - 2 * beta) > 1e-6:
        assert (rate < 1) == (alpha * lam < 2 + 2 * beta)


@pytest.mark.parametrize("momentum", [False, True])
def test_best_tuning_minimizes_the_rate_of_the_slowest_mode(momentum):
    best = Tuning.best(0.3, 4.0, momentum=momentum)

    def slowest(step):
        alpha, beta = step[0], step[1] if momentum else 0.0
        if alpha <= 0 or not 0 <= beta < 1:
            return 2.0
        return np.max(Tuning(alpha, beta).rate([0.3, 4.0]))

    rate = np.sqrt(best.momentum) if momentum else (4.0 - 0.3) / (4.0 + 0.3)
    assert slowest([best.learning_rate, best.momentum]) == pytest.approx(rate, abs=1e-14)
    found = minimize(
        slowest, [0.3, 0.2], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-9}
    )
    assert rate == pytest.approx(found.fun, abs=1e-4)
    assert rate <= found.fun + 1e-9


@pytest.mark.parametrize("c", [0.25, 0.5, 2.0])
def test_on_the_marchenko_pastur_bulk_the_best_momentum_is_the_ratio(c):
    edges = (1 - np.sqrt(c)) ** 2, (1 + np.sqrt(c)) ** 2
    best = Tuning.best(*edges)
    small = min(c, 1 / c)
    assert best.momentum == pytest.approx(small, rel=1e-12)
    assert best.learning_rate == pytest.approx(min(1, 1 / c), rel=1e-12)
    assert best.rate(edges) == pytest.approx(np.sqrt([small] * 2), rel=1e-12)
    plain = Tuning.best(*edges, momentum=False)
    assert plain.learning_rate == pytest.approx(1 / (1 + c), rel=1e-12)
    assert plain.rate(edges) == pytest.approx([2 * np.sqrt(c) / (1 + c)] * 2, rel=1e-12)


def test_standardized_classes_have_the_models_mean_and_variance():
    rng = as_rng(2)
    kinds = np.repeat([3, 8], [4000, 1000])
    X = 5 + 2 * rng.standard_normal((4, 5000))
    X[1] += 3 * (kinds == 8)
    Z, y, signal = standardize_classes(X, kinds)
    assert set(y) == {-1.0, 1.0}
    assert np.all((y == 1) == (kinds == 8))
    middle = (Z[:, y > 0].mean(axis=1) + Z[:, y < 0].mean(axis=1)) / 2
    np.testing.assert_allclose(middle, 0, atol=1e-12)
    # |difference|^2 / (4 variance) = 9 / 16, estimated with an error O(n^-1/2)
    assert signal == pytest.approx(9 / 16, rel=0.15)
    assert np.mean((Z - np.outer((Z * y).mean(axis=1), y)) ** 2) == pytest.approx(1, rel=0.05)


def sgd(p, n, signal, noise, eta, epochs, rng):
    X = rng.standard_normal((p, n))
    beta = rng.standard_normal(p)
    y = np.sqrt(signal) * beta @ X / np.linalg.norm(beta) + np.sqrt(noise) * rng.standard_normal(n)
    w, losses, columns = np.zeros(p), [], np.ascontiguousarray(X.T)
    for draws in rng.integers(n, size=(epochs, p)):
        losses.append(np.mean((y - w @ X) ** 2))
        for i in draws:
            w -= eta / p * (columns[i] @ w - y[i]) * columns[i]
    return losses


@pytest.mark.parametrize(("c", "eta"), [(0.5, 1.0), (2.0, 0.7)])
def test_sgd_follows_its_volterra_equation(c, eta):
    n, epochs, draws, rng = 300, 6, 12, as_rng(4)
    runs = np.array([sgd(int(c * n), n, 1.0, 0.3, eta, epochs, rng) for _ in range(draws)])
    theory = sgd_loss(np.arange(epochs), ratio=c, signal=1.0, noise=0.3, learning_rate=eta)
    error = runs.std(axis=0, ddof=1) / np.sqrt(draws)
    # bias O(1/n), four standard errors
    assert np.all(np.abs(runs.mean(axis=0) - theory) < 4 * error + 3 / n)


def test_sgd_loss_solves_the_volterra_equation_by_another_method():
    c, eta, noise = 0.6, 1.2, 0.3
    t, dt = np.linspace(0, 3, 3001, retstep=True)
    x, _, mu = nodes(c, 1.0, 100)
    decay = np.exp(-2 * eta * np.outer(t, x))
    h = decay @ ((x + noise * c) * mu) + noise * (1 - c)
    kernel = eta**2 * decay @ (x**2 * mu)
    psi = np.empty_like(t)
    for k in range(t.size):  # trapezoidal rule, error O(dt^2)
        past = 0.0
        if k:
            past = dt * (kernel[k:0:-1] @ psi[:k] - kernel[k] * psi[0] / 2)
        psi[k] = (h[k] + past) / (1 - dt * kernel[0] / 2 * (k > 0))
    np.testing.assert_allclose(
        sgd_loss(t, ratio=c, signal=1.0, noise=noise, learning_rate=eta), psi, atol=1e-5
    )


@pytest.mark.parametrize("eta", [0.4, 1.0])
def test_sgd_without_noise_at_equal_sizes_falls_like_a_power_of_time(eta):
    # nu has density 1 / (pi sqrt(x)) at 0, so h(t) ~ (2 eta t)^(-3/2) / (2 sqrt(pi));
    # kappa falls faster, and the feedback multiplies by 1 / (1 - eta / 2)
    t = 2e4 / eta
    loss = sgd_loss(t, ratio=1.0, signal=1.0, noise=0.0, learning_rate=eta)
    tail = (2 * eta * t) ** -1.5 / (2 * np.sqrt(np.pi))
    assert loss == pytest.approx(tail / (1 - eta / 2), rel=3e-4)


def test_sgd_settles_above_least_squares_and_diverges_beyond_its_critical_step():
    c, noise = 0.5, 0.4
    for eta in (0.2, 1.0, 1.5):
        floor = noise * (1 - c) / (1 - eta / 2)
        late = sgd_loss(1e4, ratio=c, signal=1, noise=noise, learning_rate=eta)
        assert late == pytest.approx(floor, rel=1e-9)
    model = {"ratio": c, "signal": 1, "noise": noise}
    assert np.all(np.diff(sgd_loss([1, 20, 40], learning_rate=2.2, **model)) > 0)
    tiny = sgd_loss(0.5 / 1e-6, learning_rate=1e-6, **model)
    flow = quad(
        lambda s: (s + noise * c) * np.exp(-s) * MarchenkoPastur(c).pdf(s),
        *MarchenkoPastur(c).support(),
    )[0]
    assert tiny == pytest.approx(flow + noise * (1 - c), abs=1e-5)


MODEL = {"ratio": 0.5, "signal": 4.0, "init_variance": 0.1}
BAD = [
    (lambda **k: TwoClassDescent(**(MODEL | k)), ["ratio", "signal", "init_variance", "ridge"]),
    (lambda **k: TwoClassDescent(**MODEL).at(**({"times": [1.0], "learning_rate": 1} | k)),
     ["times", "learning_rate"]),
    (lambda **k: TwoClassDescent(**MODEL).optimal_stopping(**k), ["learning_rate"]),
    (lambda **k: TwoClassDescent(**MODEL).simulate(**({"times": [1.0], "learning_rate": 1,
                                                       "n": 8} | k)),
     ["times", "learning_rate", "n", "size", "ridges"]),
    (lambda **k: TwoClassDescent(**MODEL).measures(**k), ["points"]),
    (lambda **k: sgd_loss(**({"times": [1.0], "ratio": 1, "signal": 1, "noise": 0,
                              "learning_rate": 1} | k)),
     ["times", "ratio", "signal", "noise", "learning_rate"]),
    (lambda **k: Tuning(**({"learning_rate": 1} | k)), ["learning_rate", "momentum"]),
    (lambda **k: Tuning(1).factors(**({"eigenvalues": [1.0], "steps": [2]} | k)),
     ["eigenvalues", "steps"]),
    (lambda **k: Tuning.best(**({"smallest": 1, "largest": 2} | k)), ["smallest", "largest"]),
]  # fmt: skip


@pytest.mark.parametrize("bad", [-1, np.nan, np.inf], ids=str)
@pytest.mark.parametrize(
    ("function", "name"), [(function, name) for function, names in BAD for name in names]
)
def test_values_out_of_range_are_refused_by_name(function, name, bad):
    value = [1.0, bad] if name in ("times", "eigenvalues", "steps", "ridges") else bad
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        function(**{name: value})


def model(signal=1.0):
    return TwoClassDescent(1, signal, init_variance=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: model().at([], 1), "times"),
        (lambda: model(0.0), "signal"),
        (lambda: model().at([1], 1, dynamics="sgd"), "dynamics must be one of"),
        (lambda: model().at([1.5], 0.1, dynamics="steps"), "times must be integers"),
        (lambda: model(4).at([1], 0.4, dynamics="steps"), "learning_rate must be below 0.32"),
        (lambda: TwoClassDescent(0.01, 1, init_variance=0).simulate([1], 1, n=9), "n must be at"),
        (lambda: sgd_loss([0, 1e5], ratio=1, signal=1, noise=1, learning_rate=1),
         "times must be at most 20000"),
        (lambda: Tuning(1).factors([1.0], [1.5]), "steps must be integers"),
        (lambda: Tuning(1).factors([1.0], [2.0**63]), "steps must be integers below 2"),
        (lambda: Tuning(1, momentum=1.0), "momentum"),
        (lambda: Tuning(1).rate([-0.1]), "eigenvalues"),
        (lambda: Tuning.best(2, 1), "smallest must be at most"),
        (lambda: descend(np.eye(2), [1, 2, 3], [0, 0], [1], learning_rate=1), "y must be"),
        (lambda: descend(np.eye(2), [1, 2], [0], [1], learning_rate=1), "start must be"),
        (lambda: standardize_classes(np.eye(3), [1, 2, 3]), "exactly two"),
        (lambda: standardize_classes(np.eye(2), [1, 2]), "must vary"),
        (lambda: standardize_classes(np.eye(2), [1]), "labels"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_a_reason(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_steps_below_the_threshold_have_no_spike_to_diverge():
    # rho**2 < c: the spike's place lies far out, where |1 - alpha x| > 1, but carries no mass.
    weak = TwoClassDescent(0.9, 0.05, init_variance=0.1)
    run, flow = weak.at([500], 0.3, dynamics="steps"), weak.at([500], 0.3)
    np.testing.assert_allclose(moments(run), moments(flow), rtol=0.05)


@pytest.mark.parametrize(
    ("c", "rho", "limit"),
    [(0.5, 0.6, 1.996), (0.5, 0.3, 1.9999), (1.0, 0.8, 1.9999), (2, 1.2, 1.99)],
)
def test_steps_near_the_limit_of_stability_equal_a_fine_rule(c, rho, limit):
    # alpha times the upper edge is just below 2; at the spike's place, without a spike, above
    alpha, k = limit / (1 + np.sqrt(c)) ** 2, np.array([10, 5000, 20000])
    x, omega, nu = (np.delete(v, -2) for v in nodes(c, rho, 4000))  # the atom is 0
    f, g = descent_filters(x, k, learning_rate=alpha, dynamics="steps")
    E, V = g @ omega, (rho + c) / rho * g**2 @ omega + 0.3 * f**2 @ nu
    run = TwoClassDescent(c, rho, init_variance=0.3).at(k, alpha, dynamics="steps")
    np.testing.assert_allclose(run.test_mean, E, rtol=1e-12)
    np.testing.assert_allclose(run.test_variance, V, rtol=1e-11)


def test_late_times_do_not_overflow_and_interpolation_has_no_training_error():
    run = TwoClassDescent(2.0, 1.0, init_variance=1.0).at([1e8], 1.0)
    assert run.train_error[0] == 0
    assert run.train_variance[0] < 1e-12
    assert ndtr(-run.test_mean / np.sqrt(run.test_variance))[0] == run.test_error[0]


def test_unstable_modes_overflow_to_infinity_and_many_steps_end():
    diverging, steps = Tuning(1.0), [512, 513, 2**62, 2**63 - 1024]
    assert diverging.factors([5.0], steps).ravel().tolist() == [np.inf, -np.inf, np.inf, np.inf]
    assert (
        diverging.factors([0.5, 1.0], steps).tolist()
        == [[0.5**512, 0.0], [0.5**513, 0.0]] + [[0.0, 0.0]] * 2
    )
    momentum = Tuning(0.5, 0.9).factors([0.0, 20.0], [2000])
    assert momentum[0, 0] == 1
    assert np.isinf(momentum[0, 1])


@pytest.mark.parametrize(("c", "rho", "variance"), [(1.0, 3.0, 1e8), (1.0, 50.0, 1e7)])
def test_a_huge_start_at_equal_sizes_is_outgrown_at_a_time_of_its_order(c, rho, variance):
    model = TwoClassDescent(c, rho, init_variance=variance)
    stop = model.optimal_stopping(1.0)
    around = model.at(stop.time * np.array([0.5, 0.9, 1.0, 1.1, 2.0]), 1.0).test_error
    assert np.isfinite(stop.time)
    assert around.argmin() == 2
    assert around[2] == pytest.approx(stop.error, rel=1e-12)
    if rho == 3:
        assert stop.time == pytest.approx(2.4e8, rel=0.02)
        assert stop.error == pytest.approx(0.4958, abs=5e-5)


@pytest.mark.parametrize("ridge", [1e-12, 1e-160, 1e-300, 5e-324])
@pytest.mark.parametrize("c", [0.5, 2.0])
def test_a_tiny_ridge_is_the_limit_of_small_ridges(c, ridge):
    tiny = TwoClassDescent(c, 3, init_variance=1, ridge=ridge).limit()
    none = TwoClassDescent(c, 3, init_variance=0).limit()
    np.testing.assert_allclose(moments(tiny), moments(none), rtol=1e-10, atol=1e-11)
    assert tiny.test_error == pytest.approx(none.test_error, rel=1e-10)


@pytest.mark.parametrize("c", [0.3, 1.0, 4.0])
def test_limit_is_the_formula_with_the_stieltjes_transform_and_its_derivative(c):
    rho, gamma, step = 1.7, 0.4, 1e-4
    low, m, high = (MarchenkoPastur(c).stieltjes(-gamma + s).real for s in (-step, 0, step))
    run = TwoClassDescent(c, rho, init_variance=2, ridge=gamma).limit()
    D = (rho + c) * m + 1
    assert run.test_mean == pytest.approx(rho * m / D, rel=1e-14)
    # a central difference, error O(step^2)
    variance = (rho + c) * (high - low) / (2 * step) / D**2
    assert run.test_variance == pytest.approx(variance, rel=1e-6)


def test_times_that_no_quadrature_resolves_are_refused():
    with pytest.raises(ConvergenceError, match="near p = n"):
        TwoClassDescent(1.0, 2.0, init_variance=1).at([1.0, 1e14], 1.0)
    with pytest.raises(ConvergenceError, match="near p = n"):
        TwoClassDescent(1.0, 2.0, init_variance=1e20).optimal_stopping(1.0)
    stopped = TwoClassDescent(1.0, 2.0, init_variance=1, ridge=1e-6)  # by its ridge
    np.testing.assert_allclose(moments(stopped.at(1e14, 1.0)), moments(stopped.limit()), rtol=1e-9)
