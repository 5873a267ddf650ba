"""Activations of few levels with the moments of another one."""

from dataclasses import astuple

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import norm

from rmtlib import ConvergenceError, _checks
from rmtlib.activations import (
    ABS,
    COS,
    ERF,
    GAUSSIAN,
    LINEAR,
    RELU,
    SIGN,
    SIN,
    STEP,
    TANH,
    DCoefficients,
    GaussianMoments,
    Quadratic,
    Steps,
    leaky_relu,
)
from rmtlib.kernels import random_feature_kernel
from rmtlib.quantization import match_activation
from rmtlib.quantization._activation import match_moments

QUADRATIC = Quadratic(np.sqrt(0.5), 0, -np.sqrt(0.5))


def fourier(tau):
    """d0, d1, d2 of cosines and sines together."""
    return DCoefficients(1 - np.exp(-tau) * (1 + tau), np.exp(-tau), np.exp(-tau) / 4)


@pytest.mark.parametrize(
    ("target", "tau", "levels", "thresholds", "gap"),
    [
        (RELU, 1, 1.0351438, (0.53475048, 1.4609172), 0.06282708024),
        (ERF, 1, 0.98466027, (-0.6120032, 0.6120032), 0.05952044187),
        (COS, 1, 1.5382098, (-1.482072, 1.482072), 0.08222202844),
        (fourier(1), 1, 1.5117922, (0.77471552, 1.6299511), 0.05486816007),
        (fourier(2), 2, 1.780512338, (1.928283201, 2.083825584), 0),
        (SIGN, 3, 1, (0,), 0),
    ],
    ids=["ReLU", "erf", "cos", "RFF at 1", "RFF at 2", "sign"],
)
def test_ternary_matches_of_the_table(target, tau, levels, thresholds, gap):
    match = match_activation(target, tau, "ternary")
    # thresholds from a minimization are known to the square root of the rounding error
    np.testing.assert_allclose(match.activation.thresholds, thresholds, atol=1e-6)
    assert np.max(np.abs(match.activation.levels)) == pytest.approx(levels, abs=1e-6)
    assert match.excess == pytest.approx(gap, abs=6e-12)


@pytest.mark.parametrize(("target", "tau"), [(ERF, 4.117398), (SIN, 1.148565)])
def test_odd_targets_are_matched_exactly_from_a_variance_on(target, tau):
    below, above = (match_activation(target, tau * x, "ternary").excess for x in (0.999, 1.001))
    assert below > 1e-6
    assert abs(above) < 1e-12


def test_fourier_features_are_matched_exactly_from_1_41841():
    assert match_activation(fourier(1.418), 1.418, "ternary").excess > 1e-6
    assert abs(match_activation(fourier(1.419), 1.419, "ternary").excess) < 1e-12


@pytest.mark.parametrize("tau", np.arange(2.2, 3.15, 0.1))
def test_fourier_features_are_matched_exactly_on_the_other_branch(tau):
    match = match_activation(fourier(tau), tau, "ternary")
    assert abs(match.excess) < 1e-12
    found, exact = match.activation.d_coefficients(tau), fourier(tau)
    np.testing.assert_allclose(astuple(found), astuple(exact), rtol=1e-10)


def test_amplitude_and_thresholds_on_the_other_branch():
    steps = match_activation(fourier(2.6), 2.6, "ternary").activation
    assert steps.levels[2] == pytest.approx(4.709054885, abs=1e-9)
    np.testing.assert_allclose(steps.thresholds, (-5.257685893, 2.768553430), atol=1e-8)


def test_linear_function_is_never_matched():
    # least d0 / (tau d1) of ternary functions, at the Lloyd-Max threshold
    for tau in (0.1, 1, 10):
        excess = match_activation(LINEAR, tau, "ternary").excess
        assert excess / tau == pytest.approx(0.2348332215, abs=1e-9)


TARGETS = [RELU, ABS, COS, GAUSSIAN, ERF, TANH, STEP, leaky_relu(-0.3), Quadratic(1, -2, 0)]


@pytest.mark.parametrize("kind", ["two-level", "three-level", "ternary"])
@pytest.mark.parametrize("target", TARGETS)
def test_matched_moments_are_equal_wherever_a_match_exists(kind, target):
    s = 0.8
    match = match_activation(target, s, kind)
    exact, found = target.moments(s), match.activation.moments(s)
    for field in match.matched:
        # equal up to a common sign
        left, right = abs(getattr(found, field)), abs(getattr(exact, field))
        assert left == pytest.approx(right, abs=1e-12)
    assert ("centered_second_moment_slope" in match.matched) == (kind == "two-level")
    assert found.mean_derivative * found.mean_curvature == pytest.approx(
        exact.mean_derivative * exact.mean_curvature, abs=1e-12
    )


@pytest.mark.parametrize(
    ("tau", "dense", "level", "thresholds", "following"),
    [
        (1, 1, -2.4087430757, (0.999530938518, 2.2125334509), 0.848857780368),
        (
            0.848857780368,
            0.583819370104,
            1.68237375313,
            (-2.02233297183, 0.729954202169),
            0.67734413645,
        ),
    ],
)
def test_two_level_layers_of_a_relu_network(tau, dense, level, thresholds, following):
    match = match_activation(RELU, tau**2, "two-level", target_variance=dense**2)
    np.testing.assert_allclose(match.activation.thresholds, thresholds, atol=2e-10)
    np.testing.assert_allclose(match.activation.levels, [level, 0, level], atol=2e-10)
    assert match.moments.centered_second_moment == pytest.approx(following**2, abs=1e-11)


@pytest.mark.parametrize(
    ("target", "level", "threshold"), [(ABS, 1.7071626769, 1.19209431518)], ids=["abs"]
)
def test_two_level_match_of_even_functions_is_even(target, level, threshold):
    match = match_activation(target, 1.0, "two-level")
    np.testing.assert_allclose(match.activation.thresholds, [-threshold, threshold], atol=1e-10)
    assert match.activation.levels[0] == pytest.approx(level, abs=1e-10)


def test_two_level_matches_exist_whatever_the_moments():
    rng = _checks.as_rng(0)
    for _ in range(40):
        c2, c1 = rng.standard_normal(2) * 10 ** rng.uniform(-1, 1, 2)
        s = 10 ** rng.uniform(-1, 1)
        match = match_activation(Quadratic(c2, c1, 0), s, "two-level")
        assert max(abs(x) for x in match.residuals.values()) < 1e-7 * (4 * c2**2 * s + c1**2 + 1)


def test_three_level_match_of_relu_has_the_least_variance():
    match = match_activation(RELU, 1.0, "three-level")
    assert match.excess == pytest.approx(0.0559559919, abs=5.1e-11)
    assert np.sqrt(match.moments.centered_second_moment) == pytest.approx(0.629921462, abs=5.1e-10)
    # flat optimum: thresholds are known to half the digits of the variance
    np.testing.assert_allclose(match.activation.thresholds, (0.4005174, 1.4405196), atol=1e-6)
    np.testing.assert_allclose(match.activation.levels, (-0.8391191, 0, 1.3515097), atol=1e-6)


def test_three_levels_cost_less_than_two():
    for target in (RELU, ABS, COS):
        two, three = (match_activation(target, 1.0, kind) for kind in ("two-level", "three-level"))
        assert 0 < three.excess < two.excess


def test_odd_match_solves_its_scalar_equation():
    s = 1.3
    match = match_activation(SIN, s, "two-level")
    m = SIN.moments(s)
    u = match.activation.thresholds[1] / np.sqrt(s)
    density = np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi)
    ratio = m.centered_second_moment_slope / m.mean_derivative**2
    assert u / (4 * density) == pytest.approx(ratio, rel=1e-12)
    assert match.excess == pytest.approx(
        2 * match.activation.levels[2] ** 2 * ndtr(-u) - m.centered_second_moment, abs=1e-14
    )


def test_kernel_of_a_match_is_the_kernel_of_its_target_plus_the_excess():
    # p^(-1/2) rate: the distance at p and at 4 p
    def distance(p):
        X = _checks.as_rng(p).standard_normal((p, p // 2)) / np.sqrt(p)
        match = match_activation(RELU, 1.0, "three-level")
        K, Q = (random_feature_kernel(f.centered(1.0), X) for f in (RELU, match.activation))
        P = np.eye(p // 2) - 2 / p
        return np.linalg.norm(P @ (Q - K - match.excess * np.eye(p // 2)) @ P, 2)

    small, large = distance(800), distance(200)
    assert small < 0.75 * large
    # without the excess the distance does not vanish: it is the excess, 0.056
    assert small < 0.056 / 2


@pytest.mark.parametrize("kind", ["two-level", "ternary"])
def test_kernels_of_matches_are_equal_after_centering_only(kind):
    p = 400
    X = _checks.as_rng(0).standard_normal((p, p)) / np.sqrt(p)
    match = match_activation("ReLU", 1.0, kind)

    def distance(f, g):
        gap = random_feature_kernel(g, X) - random_feature_kernel(f, X)
        return np.linalg.norm(gap - match.excess * np.eye(p), 2)

    # means of the features differ: a matrix of rank one and of norm n times a constant
    assert distance(RELU, match.activation) > 10
    centered = distance(RELU.centered(1.0), match.activation.centered(1.0))
    assert centered < 6 / np.sqrt(p)


def test_moments_out_of_reach_of_double_precision_raise():
    wanted = GaussianMoments(0.0, 0.0232, -9.06e-07, 1.0, -69.7, np.inf)
    with pytest.raises(ConvergenceError, match="two-level"):
        match_moments(wanted, 1.0, "two-level", "extreme", slope=True)


@pytest.mark.parametrize("kind", ["two-level", "three-level", "ternary"])
def test_constant_is_not_matched(kind):
    with pytest.raises(ValueError, match="cannot match"):
        match_activation(Quadratic(0, 0, 1), 1.0, kind)


@pytest.mark.parametrize("kind", ["two-level", "weights-only"])
def test_coefficients_do_not_determine_the_slope(kind):
    with pytest.raises(ValueError, match="do not determine"):
        match_activation(fourier(1), 1.0, kind)


# least noise of ternary functions: the linear one and the second Hermite polynomial have none
FLOORS = {"odd": (LINEAR, 0.2348332215, 0.6120031810), "even": (QUADRATIC, 0.533167, 1.482072)}


@pytest.mark.parametrize("parity", FLOORS)
def test_ternary_noise_floors_are_reference_numbers(parity):
    target, excess, threshold = FLOORS[parity]
    match = match_activation(target, 1.0, "ternary")
    assert match.excess == pytest.approx(excess, rel=1e-9 if parity == "odd" else 1e-6)
    # minimizers are known to the square root of rounding
    assert match.activation.thresholds[1] == pytest.approx(threshold, rel=1e-6)


@pytest.mark.parametrize("parity", FLOORS)
def test_ternary_noise_floor_is_attained_by_that_function_and_no_other(parity):
    z = np.linspace(-12, 12, 2_400_001)
    weight = norm.pdf(z) * (z[1] - z[0])

    def ratio(u):
        f = (z > u) * 1.0 + (z < -u) * (1.0 if parity == "even" else -1.0)
        d1, root = (weight @ (z * f)) ** 2, weight @ ((z**2 - 1) * f)
        d0 = weight @ f**2 - (weight @ f) ** 2 - d1
        return d0 / d1 if parity == "odd" else d0 / (root**2 / 2) - 1

    match = match_activation(FLOORS[parity][0], 1.0, "ternary")
    floor, threshold = match.excess, match.activation.thresholds[1]
    # grid of step 1e-5: the thresholds are off by half a step
    assert ratio(threshold) == pytest.approx(floor, rel=3e-4)
    assert min(ratio(0.9 * threshold), ratio(1.1 * threshold)) > floor * 1.001


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0, -1, "one", 1j, [[1.0, 2.0], [3.0]]])
@pytest.mark.parametrize("key", ["variance", "target_variance"])
def test_variances_are_positive(key, bad):
    with pytest.raises(ValueError, match=rf"\b{key}\b"):
        match_activation(RELU, **({"variance": 1.0} | {key: bad}))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: match_activation(RELU, 1, "binary"), "kind must be one of"),
        (lambda: match_activation(np.tanh, 1), "activation must be"),
        (lambda: match_activation(DCoefficients(np.nan, 1, 1), 1), "activation.d0 must be finite"),
        (lambda: match_activation(DCoefficients(1, -1, 1), 1), "activation.d1 must be nonnegative"),
    ],
)
def test_bad_arguments_are_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_integers_are_right():
    left, right = match_activation(ERF, 2, "two-level"), match_activation("erf", 2.0, "two-level")
    np.testing.assert_array_equal(left.activation.levels, right.activation.levels)
    assert isinstance(left.activation, Steps)
