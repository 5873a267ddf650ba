"""Networks of few levels that have the kernel of another network."""

import numpy as np
import pytest
from scipy.optimize import brentq, least_squares
from scipy.special import ndtr, ndtri

from rmtlib import as_rng
from rmtlib.activations import ABS, COS, ERF, RELU, SIGN, SIN, TANH, Activation, Steps, leaky_relu
from rmtlib.kernels import deep_kernels, kernel_coefficients
from rmtlib.quantization import match_network, scale_match
from rmtlib.quantization._scale import largest_share, scale_slack

MIXED = [ABS, RELU, COS]
LAYERS = (1, 2, 3)


def moments_by_sampling(f, variance, rng):
    """e_1, e_2 and q from their definition, as means over a stratified normal sample."""
    n = 400_000
    xi = ndtri((np.arange(n) + rng.random(n)) / n)
    value = f(np.sqrt(variance) * xi)
    g = value - value.mean()
    e1 = np.mean(xi * g) / np.sqrt(variance)
    e2 = np.mean((xi**2 - 1) * g) / variance
    return e1, e2, np.mean((xi**2 - 1) * g**2) / (2 * variance)


# delta of two and of three levels


@pytest.mark.parametrize(
    ("net", "two", "three", "dense"),
    [
        ([RELU], 0.3797144744, 0.0559559919, 0.3408450569),
        ([RELU] * 2, 0.3426197264, 0.0484774052, 0.1161753528),
        ([RELU] * 3, 0.4108847767, 0.0330129617, 0.0395977947),
        (MIXED, 0.0687794925, 0.0330457601, 0.0067853394),
        ([SIN] * 3, 0.1168603244, 0.1168603244, 0.3365770331 - 0.1168603244),
    ],
)
def test_ridge_shift_of_the_table(net, two, three, dense):
    for kind, expected in (("two-level", two), ("three-level", three), ("weights-only", 0.0)):
        match = match_network(net, 1.0, kind=kind)
        assert match.ridge_shift == pytest.approx(expected, abs=6e-11)
        assert match.dense[-1].variance == pytest.approx(dense, abs=1.1e-10)


def test_two_level_layers_of_three_relu_layers():
    match = match_network([RELU] * 3, 1.0, kind="two-level")
    expected = [
        (-2.4087430757, 0.999530938518, 2.2125334509),
        (1.68237375313, -2.02233297183, 0.729954202169),
        (1.46326336351, -1.16217324056, 0.440190436062),
    ]
    for f, row in zip(match.activations, expected, strict=True):
        found = [f.levels[0] - f.levels[1], *f.thresholds]
        np.testing.assert_allclose(found, row, rtol=0, atol=6e-11)
    scales = np.sqrt([layer.variance for layer in match.compressed])
    np.testing.assert_allclose(
        scales, [1, 0.848857780368, 0.67734413645, 0.671179984375], rtol=0, atol=6e-12
    )


def test_two_level_layers_of_a_mixed_network():
    match = match_network(MIXED, 1.0, kind="two-level")
    expected = [
        (1.7071626769, -1.19209431518, 1.19209431518),
        (-1.50987704155, 0.717117431179, 2.16133757379),
        (0.591792592506, -0.554653501303, 0.554653501303),
    ]
    for f, row in zip(match.activations, expected, strict=True):
        found = [np.sign(row[0]) * abs(f.levels[0] - f.levels[1]), *f.thresholds]
        np.testing.assert_allclose(found, row, rtol=0, atol=6e-11)


def random_restarts(e1, e2, q, tau, starts):
    """(a, r_1, r_2) of all exact two-level matches that least squares finds."""

    def gaps(x):
        a, u = x[0], np.sort(x[1:])
        density = np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi)
        first, second = a * np.diff(density)[0] / tau, a * np.diff(u * density)[0] / tau**2
        slope = a * (1 - 2 * (ndtr(u[0]) + ndtr(-u[1]))) * second / 2
        return first - e1, second - e2, slope - q

    ends = [least_squares(gaps, start, xtol=1e-15) for start in starts]
    return [[x[0], *(tau * np.sort(x[1:]))] for x in (e.x for e in ends if e.cost < 1e-20)]


@pytest.mark.parametrize(("net", "variance"), [([RELU] * 2, 1.0), ([leaky_relu(0.3)], 2.5)])
def test_bracketed_two_level_layers_are_what_random_restarts_find(net, variance):
    match, rng = match_network(net, variance, kind="two-level"), as_rng(1)
    target, own, f = match.dense[-1].moments, match.compressed[-2], match.activations[-1]
    wanted = target.mean_derivative, target.mean_curvature, target.centered_second_moment_slope
    starts = rng.normal(scale=2, size=(12, 3))
    found = random_restarts(*wanted, np.sqrt(own.variance), starts)
    assert found
    for other in found:
        np.testing.assert_allclose([f.levels[0] - f.levels[1], *f.thresholds], other, atol=1e-7)


@pytest.mark.parametrize("gain", [1e-8, 1e8])
@pytest.mark.parametrize("kind", ["two-level", "three-level"])
def test_matching_does_not_depend_on_the_scale_of_a_homogeneous_network(kind, gain):
    one = match_network([RELU] * 3, 1.0, kind=kind)
    first, *others = match_network([RELU.affine(gain=gain), RELU, RELU], 1.0, kind=kind).activations
    np.testing.assert_allclose(first.levels, gain * np.array(one.activations[0].levels), rtol=1e-5)
    for f, g in zip(others, one.activations[1:], strict=True):
        np.testing.assert_allclose(f.thresholds, gain * np.array(g.thresholds), rtol=1e-5)


def test_odd_networks_have_a_closed_form():
    match = match_network([SIN] * 3, 1.0, kind="two-level")
    thresholds = [f.thresholds[1] for f in match.activations]
    levels = [f.levels[2] for f in match.activations]
    np.testing.assert_allclose(thresholds, [0.6120031902, 0.4124873151, 0.3692623008], atol=1e-7)
    np.testing.assert_allclose(levels, [0.9167369612, 0.8206710536, 0.7890964127], atol=1e-7)
    closed = match.dense[-1].alpha[0] / largest_share(3) ** 3
    assert match.compressed[-1].variance == pytest.approx(closed, abs=1e-12)


def test_three_level_layer_of_relu():
    f = match_network([RELU] * 3, 1.0).activations[0]  # flat: thresholds have half the digits
    np.testing.assert_allclose(f.thresholds, [0.3571506, 1.5041392], atol=1e-6)
    np.testing.assert_allclose(f.levels - f.levels[1], [-0.8225470, 0, 1.4926529], atol=1e-6)


# the match, by definition


@pytest.mark.parametrize("kind", ["two-level", "three-level"])
@pytest.mark.parametrize("net", [[RELU] * 3, MIXED, [TANH, RELU, ERF]], ids=str)
@pytest.mark.parametrize("variance", [0.3, 4])
def test_coefficients_of_the_kernels_agree(net, kind, variance):
    match = match_network(net, variance, kind=kind)
    dense, compressed = (
        np.array(layers[-1].alpha[:3]) for layers in (match.dense, match.compressed)
    )
    np.testing.assert_allclose(compressed, dense, rtol=0, atol=1e-12 * abs(dense).max())
    again = kernel_coefficients(match.activations, variance)  # from the activations alone
    found, wanted = again[-1], match.compressed[-1]
    np.testing.assert_allclose(found.alpha[:3], wanted.alpha[:3], rtol=1e-12, atol=1e-15)
    assert found.variance == pytest.approx(wanted.variance, rel=1e-12)
    assert match.residuals == pytest.approx((0, 0, 0), abs=1e-12)


def test_matches_exist_whatever_the_variance():
    for f in (RELU, TANH, ERF, SIN, COS, ABS):
        for variance in np.geomspace(0.02, 20, 12):
            match_network([f], variance)


@pytest.mark.parametrize("kind", ["two-level", "three-level"])
def test_hidden_moments_agree_with_their_definition(kind):
    match = match_network([RELU] * 3, 1.0, kind=kind)
    for depth, f in enumerate(match.activations):
        variance = match.compressed[depth].variance
        target = RELU.moments(match.dense[depth].variance)
        e1, e2, q = moments_by_sampling(f, variance, as_rng(depth))
        # means of 4e5 stratified points: 1e-3 is ten times their error, a tenth of the gap below
        assert abs(e1) == pytest.approx(target.mean_derivative, abs=1e-3)
        assert abs(e2) == pytest.approx(target.mean_curvature, abs=2e-3)
        if depth < 2:
            assert q == pytest.approx(target.centered_second_moment_slope, abs=2e-3)


def test_last_slope_is_free():
    """Three levels drop q in the last layer, and the noise is smaller for it."""
    match = match_network([RELU] * 2, 1.0)
    first, last = match.compressed[1:], match.dense[1:]
    assert first[0].alpha[3] == pytest.approx(last[0].alpha[3], abs=1e-12)
    assert abs(first[1].alpha[3] - last[1].alpha[3]) > 1e-3


def test_three_levels_have_less_noise_than_two():
    for depth in LAYERS:
        two, three = (
            match_network([RELU] * depth, 1.0, kind=kind).ridge_shift
            for kind in ("two-level", "three-level")
        )
        assert 0 < 6 * three < two


def test_hidden_three_levels_have_the_least_noise():
    """No other three-level function with the same e_1, e_2, q, on a line through the optimum."""
    match = match_network([RELU] * 2, 1.0)
    f, target = match.activations[0], RELU.moments(1.0)
    least, slope = f.moments(1.0).centered_second_moment, target.centered_second_moment_slope

    def steps(u1, u2):
        phi1, phi2 = (np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi) for u in (u1, u2))
        F, S = target.mean_derivative, target.mean_curvature
        c1, c2 = (F * u2 - S) / (u2 - u1) / phi1, (S - F * u1) / (u2 - u1) / phi2
        return Steps((u1, u2), (-c1, 0, c2))

    def gap(u2, u1):
        return steps(u1, u2).moments(1.0).centered_second_moment_slope - slope

    for shift in (-0.05, 0.05):
        u1 = f.thresholds[0] + shift
        u2 = brentq(gap, f.thresholds[1] - 0.2, f.thresholds[1] + 0.2, args=(u1,))
        assert steps(u1, u2).moments(1.0).centered_second_moment > least + 1e-6


@pytest.mark.parametrize("kind", ["two-level", "three-level"])
def test_kernels_differ_by_a_multiple_of_the_identity(kind):
    """In operator norm, at a rate; with the multiple forgotten the difference stays."""
    errors = []
    for p in (100, 400):
        X = as_rng(p).standard_normal((p, p)) / np.sqrt(p)
        match = match_network([RELU] * 2, 1.0, kind=kind)
        dense = deep_kernels([RELU] * 2, X, input_variance=1.0, tangent=False).conjugate
        small = deep_kernels(match.activations, X, input_variance=1.0, tangent=False).conjugate
        gap = small - dense - match.ridge_shift * np.eye(p)
        errors.append(abs(np.linalg.eigvalsh(gap)).max())
    # O(p^(-1/2)) halves; the logarithm and the draw are worth a third
    assert errors[1] < 0.7 * errors[0]
    assert errors[1] < 0.5 * match.ridge_shift


def test_predictors_agree_at_the_shifted_ridge():
    p, n = 300, 200
    X = as_rng(1).standard_normal((p, 2 * n)) / np.sqrt(p)
    y = np.sign(as_rng(2).standard_normal(p) @ X[:, :n])
    match = match_network([RELU], 1.0)
    delta, ridge = match.ridge_shift, 0.3

    def predict(net, ridge):
        K = deep_kernels(net, X, input_variance=1.0, tangent=False).conjugate
        return K[n:, :n] @ np.linalg.solve(K[:n, :n] + ridge * np.eye(n), y)

    reference = predict([RELU], ridge)
    size = np.sqrt(np.mean(reference**2))
    shifted, plain = (
        np.sqrt(np.mean((predict(match.activations, r) - reference) ** 2)) / size
        for r in (ridge - delta, ridge)
    )
    assert shifted < 0.02  # 1/sqrt(p) = 0.06 times coefficients below one
    assert plain > 3 * shifted


def test_activations_are_plain_steps_of_few_levels():
    for kind, levels, bits in (("two-level", 2, 1), ("three-level", 3, 2)):
        match = match_network([RELU] * 2, 1.0, kind=kind)
        assert all(isinstance(f, Steps) for f in match.activations)
        assert all(np.unique(f.levels).size == levels for f in match.activations)
        assert match.activation_bits == bits
    kept = match_network([RELU, SIGN], 1.0, kind="weights-only")
    assert kept.activation_bits == 32
    assert isinstance(kept.activations[1], Steps)
    assert match_network([ERF], 1.0, kind="two-level").activation_bits == 2  # odd: three levels


def test_activations_are_centered_at_their_own_variance():
    for kind in ("two-level", "three-level", "weights-only"):
        match = match_network([RELU] * 3, 1.0, kind=kind)
        for f, below in zip(match.activations, match.compressed, strict=False):
            assert f.moments(below.variance).mean == pytest.approx(0, abs=1e-14)


def test_centering_of_the_original_does_not_matter():
    plain, centered = (match_network([f] * 2, 1.0) for f in (RELU, RELU.affine(offset=-3.0)))
    assert plain.ridge_shift == pytest.approx(centered.ridge_shift, abs=1e-12)


# existence with the scale


def test_largest_first_mode_shares():
    assert largest_share(2) == pytest.approx(0.6366197724, abs=1e-10)
    assert largest_share(3) == pytest.approx(0.809825960752, abs=1e-12)
    sign = Steps([0.0], [-1.0, 1.0]).moments(2.0)
    share = sign.mean_derivative**2 * 2 / sign.centered_second_moment
    assert share == pytest.approx(largest_share(2), abs=1e-14)


@pytest.mark.parametrize(("depth", "expected"), [(1, -0.0858519), (2, -0.2665923), (3, -0.6110615)])
def test_scale_slack_of_relu(depth, expected):
    match = match_network([RELU] * depth, 1.0, kind="two-level")
    slack = scale_slack(match.dense[-1].moments, match.compressed[-2].variance)
    assert slack == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("u", [(-1.2, 0.4), (0.3, 2.0), (-1.0, 1.0)])
@pytest.mark.parametrize("level", [2.0, -0.7])
@pytest.mark.parametrize("variance", [1.0, 0.4])
def test_scale_slack_of_two_level_functions_is_zero(u, level, variance):
    """Outside of an interval is extreme: exactly on the boundary of what sets reach."""
    f = Steps(np.sqrt(variance) * np.array(u), [level, 0.0, level])
    assert scale_slack(f.moments(variance), variance) == pytest.approx(0, abs=1e-9)


def test_scale_slack_is_positive_inside():
    """A union of two intervals is not extreme."""
    f = Steps([-1.5, -0.5, 0.3, 1.1], [1.0, 0.0, 1.0, 0.0, 1.0])
    assert scale_slack(f.moments(1.0), 1.0) > 1e-3


def test_scale_slack_of_even_functions_is_the_bound_on_the_second_mode():
    """Two levels have at most 0.652244854073 of their variance there, abs has 1 / (pi - 2)."""
    assert scale_slack(ABS.moments(1.0), 1.0) < -0.05
    best = Steps([-1.48207241, 1.48207241], [1.0, 0.0, 1.0]).moments(1.0)
    share = best.mean_curvature**2 / 2 / best.centered_second_moment
    assert share == pytest.approx(0.652244854073, abs=1e-11)


@pytest.mark.parametrize(
    ("net", "levels", "message"),
    [
        ([RELU], 2, "first-mode share 0.733 > 0.637"),
        ([RELU] * 3, 2, "first-mode share 0.395 > 0.258"),
        ([ERF], 3, "first-mode share 0.914 > 0.810"),
        ([SIN] * 2, 3, "first-mode share 0.825 > 0.656"),
        ([ABS], 2, "its first two modes are out of reach of two levels, by 0.079"),
    ],
)
def test_scale_that_no_network_of_few_levels_has_is_impossible(net, levels, message):
    verdict = scale_match(net, 1.0, levels=levels)
    assert not verdict.possible
    assert verdict.reason.startswith(message)


def test_scale_of_two_level_functions_is_possible():
    two = scale_match([Steps([-1.2, 0.4], [2.0, 0.0, 2.0])], 1.0)
    assert two.possible
    assert two.slack == pytest.approx(0, abs=1e-9)
    three = scale_match([RELU] * 3, 1.0, levels=3)
    assert three.possible
    assert np.isnan(three.slack)


# bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: match_network([RELU], 1.0, kind="odd"), "kind must be"),
        (lambda: match_network([RELU], 0.0), "input_variance must be positive"),
        (lambda: match_network([RELU], np.nan), "input_variance"),
        (lambda: match_network([RELU], np.inf), "input_variance"),
        (lambda: match_network([], 1.0), "activations"),
        (lambda: match_network(["no such function"], 1.0), "activations"),
        (lambda: scale_match([RELU], -1.0), "input_variance"),
        (lambda: scale_match([RELU], 1.0, levels=4), "levels must be 2 or 3"),
        (lambda: scale_match([np.tanh], 1.0), "activations"),
        (lambda: scale_match([RELU], np.nan), "input_variance"),
        (lambda: scale_match([RELU], 1.0, levels=1), "levels must be 2 or 3"),
        (lambda: scale_match([RELU], 1.0, levels=2.5), "levels"),
        (lambda: match_network([RELU] * 2, 1.0, kind="ternary"), "later layers need its slope"),
    ],
)
def test_bad_arguments_are_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_constant_function_is_refused():
    flat = Activation("flat", np.zeros_like, np.zeros_like)
    with pytest.raises(ValueError, match="a constant activation"):
        match_network([flat, RELU], 1.0)
    with pytest.raises(ValueError, match="cannot match"):
        match_network([flat], 1.0)


def test_integers_are_right():
    one, two = match_network([RELU], 2), match_network([RELU], 2.0)
    assert one.ridge_shift == two.ridge_shift
