"""Activations: Gaussian moments, Hermite coefficients, d and Gram coefficients."""

import pickle
from dataclasses import astuple, fields

import numpy as np
import pytest
import torch

from rmtlib import ConvergenceError
from rmtlib._gaussian import hermite_rows
from rmtlib.activations import (
    ABS,
    CATALOGUE,
    COS,
    ERF,
    GAUSSIAN,
    LEAKY_RELU,
    RELU,
    SIGMOID,
    SIN,
    TANH,
    Activation,
    Clip,
    GaussianMoments,
    Quadratic,
    Steps,
    TwoSlopes,
    as_activation,
    leaky_relu,
)

STEPS = Steps([-1, 0.4], [1.3, 0, 1.3])
EXTRA = {"clip": Clip(1.2, 0.8), "steps": STEPS, "quadratic 2": Quadratic(0.5, -1, 2)}
ALL = CATALOGUE | EXTRA
CLOSED = {name: f for name, f in ALL.items() if f.closed_form}
WAVES = Activation(
    "waves",
    lambda t: np.sin(2 * t) + np.cos(1.5 * t) - 2 * np.exp(-2) * t - np.exp(-9 / 8),
    lambda t: 2 * np.cos(2 * t) - 1.5 * np.sin(1.5 * t) - 2 * np.exp(-2),
)
FIELDS = [field.name for field in fields(GaussianMoments)]
VARIANCES = np.array([1e-6, 1e-2, 0.5, 1.0, 1.69, 20.0, 100.0])


def without_form(f):
    """The same function, integrated numerically."""
    return Activation(f.name, f.value, f.derivative, f.kinks, f.jumps)


@pytest.mark.parametrize("name", CLOSED)
def test_closed_forms_are_the_integrals(name):
    f = CLOSED[name]
    exact, integral = (astuple(g.moments(VARIANCES)) for g in (f, without_form(f)))
    units = (1, VARIANCES**0.5, VARIANCES, 1, VARIANCES, VARIANCES)
    finite = [i for i in range(6) if not (i == 5 and f.jumps)]
    size = np.max([np.abs(integral[i] * units[i]) for i in finite], axis=0)
    for i in finite:  # rounding of sums of about 1000 terms, relative to the largest moment
        gap = np.abs(exact[i] - integral[i]) * units[i]
        assert np.all(gap <= 1e-13 * size), FIELDS[i]
    if f.jumps:
        assert np.all(np.isinf(exact[5]))


@pytest.mark.parametrize(
    ("f", "field", "value"),
    [
        (RELU, "mean", 0.518624964522),
        (RELU, "mean_curvature", 0.306878677232),
        (RELU, "centered_second_moment", 0.576028146175),
        (RELU, "centered_second_moment_slope", 0.340845056908),
        (COS, "mean_curvature", -0.429557358211),
        (COS, "centered_second_moment", 0.332504203374),
        (COS, "centered_second_moment_slope", 0.150472069258),
        (ERF, "mean_derivative", 0.539160421382),
        (ERF, "centered_second_moment", 0.56117608473),
        (ERF, "centered_second_moment_slope", 0.104353050116),
        (Clip(1.2, 0.8), "mean_derivative", 0.470307744641),
        (Clip(1.2, 0.8), "centered_second_moment", 0.46988503662),
        (Clip(1.2, 0.8), "centered_second_moment_slope", 0.0477608483799),
        (STEPS, "mean", 0.780047320618),
        (STEPS, "mean_derivative", 0.0837270524101),
        (STEPS, "mean_curvature", 0.265662351113),
        (STEPS, "centered_second_moment", 0.4055876944),
        (STEPS, "centered_second_moment_slope", -0.0345486769514),
    ],
    ids=str,
)
def test_moments_at_standard_deviation_1_3(f, field, value):
    assert getattr(f.moments(1.3**2), field) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("name", ALL)
def test_slope_is_the_derivative_of_the_second_moment(name):
    f, s, h = ALL[name], 0.7, 1e-4
    g = f.centered(s)  # the mean stays frozen

    def second(variance):
        return g.moments(variance).second_moment

    slope = (second(s + h) - second(s - h)) / (2 * h)  # error of order h^2
    assert f.moments(s).centered_second_moment_slope == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_derivative_is_the_slope_of_the_value(name):
    f = ALL[name]
    t = np.array([-2.3, -0.7, -0.1, 0.3, 0.9, 1.9])
    slope = (f(t + 1e-5) - f(t - 1e-5)) / 2e-5
    np.testing.assert_allclose(f.derivative(t), slope, atol=1e-8)


@pytest.mark.parametrize(
    ("f", "d0", "d1", "d2"),
    [
        (RELU, 0.07267604553, 0.25, 0.04973591972),
        (ERF, 0.03023256896, 0.4897075172, 0),
        (COS, 0.1516192949, 0, 0.1123322410),
        (GAUSSIAN, 0.06461811739, 0, 0.04286694102),
        (TANH, 0.02032425581, 0.4172035155, 0),
        (SIGMOID, 0.0004305117582, 0.04545617827, 0),
        (Steps([-0.7, 0.4], [-1.2, 0, 1.2]), 0.1490141694, 0.7714911556, 0.002633552480),
    ],
    ids=str,
)
def test_d_coefficients_at_variance_0_8(f, d0, d1, d2):
    np.testing.assert_allclose(
        astuple(f.d_coefficients(0.8)), (d0, d1, d2), rtol=5e-10, atol=1e-15
    )  # ten digits


def test_d_coefficients_of_cosines_and_sines_add_up_to_those_of_the_gaussian_kernel():
    tau = 0.8
    total = astuple(COS.d_coefficients(tau) + SIN.d_coefficients(tau))
    exact = (1 - np.exp(-tau) * (1 + tau), np.exp(-tau), np.exp(-tau) / 4)
    np.testing.assert_allclose(total, exact, rtol=1e-13)


@pytest.mark.parametrize("tau", [1e-4, 1e-2, 0.1])
def test_d0_keeps_its_digits_at_small_variance(tau):
    # Taylor series of 1/2 (1 - e^(-2 tau)) - tau e^(-tau); the next term is -tau^6/180 * 13
    exact = tau**3 / 6 - tau**4 / 6 + 11 * tau**5 / 120
    assert SIN.d_coefficients(tau).d0 == pytest.approx(exact, rel=max(1e-11, tau**3), abs=0)


@pytest.mark.parametrize("name", ALL)
def test_d0_is_at_least_the_second_hermite_mode(name):
    for tau in (0.1, 1.0, 4.0):
        d = ALL[name].d_coefficients(tau)
        assert d.d0 >= 2 * tau**2 * d.d2 * (1 - 1e-12) - 1e-15


def hermite(f, count, variance=1.0):
    """The first Hermite coefficients of f, as the Mehler series uses them."""
    return hermite_rows(f.value, np.array([variance]), f.kinks + f.jumps, count, 24)[:, 0]


@pytest.mark.parametrize("f", [TANH, GAUSSIAN, COS, SIGMOID, WAVES], ids=lambda f: f.name)
def test_parseval_for_smooth_activations(f):
    second = f.moments(0.6).second_moment
    assert np.sum(hermite(f, 60, 0.6) ** 2) == pytest.approx(second, rel=1e-13)


@pytest.mark.parametrize("name", ALL)
def test_first_hermite_coefficients_are_the_moments(name):
    s = 1.7
    m, e1, e2 = astuple(ALL[name].moments(s))[:3]
    expected = (m, np.sqrt(s) * e1, s * e2 / np.sqrt(2))
    np.testing.assert_allclose(hermite(ALL[name], 3, s), expected, atol=1e-13)


def test_hermite_coefficients_of_relu_in_closed_form():
    # f_k = (-1)^(k/2+1) (k-3)!! / sqrt(2 pi k!) for even k >= 2
    f = hermite(RELU, 7)
    exact = [1 / np.sqrt(2 * np.pi), 0.5, 1 / np.sqrt(4 * np.pi), 0, -1 / np.sqrt(48 * np.pi)]
    np.testing.assert_allclose(f[:5], exact, atol=1e-14)
    assert f[6] == pytest.approx(3 / np.sqrt(2 * np.pi * 720), abs=1e-14)


def test_gram_parameters_of_the_functions_of_the_report():
    """Four activations proposed for zeta = 0 and eta = 1; as coded only the third has both."""
    expected = {  # mean, eta, zeta, theta
        GAUSSIAN.affine(np.sqrt(5), -1, 2): (0, 2 / 3, 0, -0.8),
        WAVES: (0, 0.8267249868, 0, -0.7304680516),
        ABS.centered().affine((1 - 2 / np.pi) ** -0.5): (0, 1, 0, 1.323608097),
        GAUSSIAN.affine(-4 / np.sqrt(3), 1): (-0.6329931619, 0.4125347690, 0, 0.8164965809),
    }
    for f, values in expected.items():
        found = f.moments(1.0).mean, *astuple(f.gram_parameters())
        np.testing.assert_allclose(found, values, atol=5e-10)


def test_gain_that_a_product_with_erf_needs():
    f = GAUSSIAN.affine(-4 / np.sqrt(3), 1)
    odd = Activation(
        "odd",
        lambda t: f(t) * ERF(t),
        lambda t: f.derivative(t) * ERF(t) + f(t) * ERF.derivative(t),
    )
    at = odd.gram_parameters()
    assert at.eta**-0.5 == pytest.approx(2.3402754330, rel=1e-10)
    assert at.zeta == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", ALL)
def test_affine_maps_of_closed_forms_are_affine_maps_of_functions(name):
    f = ALL[name].affine(-2, 0.5, 3)
    t = np.array([-1.1, 0.2, 2.0])
    np.testing.assert_allclose(f(t), -2 * ALL[name](3 * t) + 0.5, rtol=1e-14)
    found, integral = (astuple(g.moments(0.3)) for g in (f, without_form(f)))
    np.testing.assert_allclose(found[:5], integral[:5], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("variance", [1e-8, 1.0, 1e4])
def test_smooth_functions_are_resolved_at_any_variance(variance):
    # E tanh^2 -> variance at 0, 1 - 2 sqrt(2 / (pi s)) at infinity
    second = TANH.moments(variance).centered_second_moment
    if variance < 1e-3:
        assert second == pytest.approx(variance, rel=3 * variance)
    if variance > 1e3:
        # 1 - tanh^2 has integral 2; the next term is of order s^(-3/2)
        assert second == pytest.approx(1 - 2 / np.sqrt(2 * np.pi * variance), abs=variance**-1.5)


def test_kink_that_is_not_declared_raises():
    hidden = Activation("hidden", lambda t: np.abs(t - 0.37), lambda t: np.sign(t - 0.37))
    with pytest.raises(ConvergenceError, match="declare its kinks"):
        hidden.moments(1.0)
    shown = Activation("shown", hidden.value, hidden.derivative, kinks=[0.37])
    assert shown.moments(1.0).mean_squared_derivative == pytest.approx(1, rel=1e-13)


def test_function_that_oscillates_too_fast_raises():
    with pytest.raises(ConvergenceError, match="oscillates"):
        WAVES.moments(1e4)


def test_leaky_relu_has_the_slope_of_torch():
    np.testing.assert_array_equal(LEAKY_RELU([-100, 0, 2]), [-1, 0, 2])


def test_values_at_kinks_and_jumps():
    assert TwoSlopes(1, -1)(0) == 0
    np.testing.assert_array_equal(STEPS([-1, 0.4, 0.5]), [1.3, 0, 1.3])
    np.testing.assert_array_equal(CATALOGUE["step"]([-1, 0, 1]), [0, 0, 1])
    np.testing.assert_array_equal(CATALOGUE["sign"]([-1, 0, 1]), [-1, 0, 1])
    np.testing.assert_array_equal(Clip(2, 3)([-9, 1, 9]), [-3, 2, 3])
    assert STEPS.thresholds.tolist() == [-1, 0.4]
    assert STEPS.levels.tolist() == [1.3, 0, 1.3]


def test_moments_keep_the_shape_of_the_variance():
    found = astuple(ABS.moments(np.ones((2, 3))))
    assert {moment.shape for moment in found} == {(2, 3)}
    assert all(isinstance(moment, float) for moment in astuple(ABS.moments(2)))
    assert {moment.shape for moment in astuple(TANH.moments(np.ones((0,))))} == {(0,)}
    assert isinstance(ABS.moments(2).second_moment, float)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 0, -1, "one", 1j, [[1.0], [1.0, 2.0]]])
@pytest.mark.parametrize("method", ["moments", "d_coefficients", "gram_parameters", "centered"])
def test_variance_must_be_positive(method, bad):
    with pytest.raises(ValueError, match="variance"):
        getattr(TANH, method)(bad)


@pytest.mark.parametrize("bad", [np.nan, np.inf, "one", 1j])
@pytest.mark.parametrize(
    ("call", "key"),
    [
        (leaky_relu, "slope"),
        (lambda x: TwoSlopes(x, 1), "right"),
        (lambda x: TwoSlopes(1, x), "left"),
        (lambda x: Clip(x, 1), "slope"),
        (lambda x: Clip(1, x), "level"),
        (lambda x: Quadratic(x, 1, 1), "curvature"),
        (lambda x: Quadratic(1, x, 1), "slope"),
        (lambda x: Quadratic(1, 1, x), "offset"),
        (lambda x: Steps([x], [0, 1]), "thresholds"),
        (lambda x: Steps([0], [x, 1]), "levels"),
        (lambda x: RELU.affine(gain=x), "gain"),
        (lambda x: RELU.affine(offset=x), "offset"),
        (lambda x: RELU.affine(stretch=x), "stretch"),
        (lambda x: RELU(x), "t"),
        (lambda x: Activation("f", np.tanh, np.cosh, kinks=[x]), "kinks"),
        (lambda x: Activation("f", np.tanh, np.cosh, jumps=[x]), "jumps"),
    ],
)
def test_what_is_not_finite_is_refused_by_name(call, key, bad):
    with pytest.raises(ValueError, match=rf"\b{key}\b"):
        call(bad)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Steps([], [1]), "thresholds"),
        (lambda: Steps([1, 1], [0, 1, 2]), "increasing"),
        (lambda: Steps([1], [0]), "levels"),
        (lambda: Clip(0, 1), "slope must be positive"),
        (lambda: Clip(1, -1), "level must be positive"),
        (lambda: RELU.affine(stretch=0), "stretch must be positive"),
        (lambda: Activation("f", 3, np.cosh), "value must be a function"),
        (lambda: Activation("f", np.tanh, None), "derivative must be a function"),
    ],
)
def test_bad_arguments_are_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_catalogue_names_are_those_of_the_functions():
    assert all(f.name == name for name, f in CATALOGUE.items())
    assert len(CATALOGUE) == 15
    assert CATALOGUE["ReLU"] is RELU
    assert as_activation("RELU") is RELU


@pytest.mark.parametrize("f", ALL.values(), ids=lambda f: f.name)
def test_activations_survive_pickling(f):
    t = np.array([-1.3, 0.0, 0.45, 2.0])
    for g in (f, f.centered(), f.affine(-2, 0.5, 3)):
        again = pickle.loads(pickle.dumps(g))
        np.testing.assert_array_equal(again(t), g(t))
        assert (again.moments(0.7), again.name) == (g.moments(0.7), g.name)
        function = pickle.loads(pickle.dumps(g.torch_function))
        inside = torch.tensor(t[t != 0])  # jumps are at -1, 0, 0.4 and at their images
        np.testing.assert_allclose(function(inside), g(inside.numpy()), atol=1e-14)


def test_activations_cannot_be_changed():
    for f in (RELU, TANH, STEPS, RELU.centered(), WAVES):
        with pytest.raises(AttributeError):
            f.name = "other"
    with pytest.raises(ValueError, match="read-only"):
        STEPS.levels[0] = 5.0
