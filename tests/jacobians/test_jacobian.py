"""Spectra of Jacobians: mean field, the layers' equation, closed forms, samples."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from rmtlib import ConvergenceError, as_rng
from rmtlib.activations import (
    ABS,
    ARCTAN,
    COS,
    ERF,
    GAUSSIAN,
    HARDTANH,
    LEAKY_RELU,
    LINEAR,
    RELU,
    SIGN,
    SIN,
    STEP,
    TANH,
    Activation,
    Quadratic,
)
from rmtlib.jacobians import (
    JacobianLaw,
    SquaredSlopes,
    critical_point,
    fixed_point_variance,
    preactivation_variances,
    sample_jacobian,
    sample_spectrum,
    susceptibility,
)
from rmtlib.jacobians._mean_field import _next_variance
from rmtlib.laws import (
    Discrete,
    FussCatalan,
    MarchenkoPastur,
    SampleCovariance,
    kolmogorov_distance,
)

UNIT_ERF = ERF.affine(stretch=np.sqrt(np.pi) / 2)  # slope one at the origin
POINTS = np.array([0.1, 0.5, 1.0, 2.0])


def one_layer(slopes, previous, z):
    """Pastur's system for one layer above a law, by damped iteration: m, k, h."""
    K, nu = slopes.points, slopes.weights
    k, step = nu @ K, np.inf
    while abs(step) > 1e-14 * abs(k):
        h = (1 + z / k * previous.stieltjes(z / k)) / k
        step = np.sum(nu * K / (1 + K * h)) - k
        k = k + step / 2
    return (k * h - 1) / z, k, h


def s_transform(slopes, w):
    """S-transform at one w in (-P(K > 0), 0)."""
    K, nu = slopes.points, slopes.weights
    h = np.exp(brentq(lambda s: nu @ (K / (np.exp(-s) + K)) + w, -600, 600, rtol=1e-14))
    return -(1 + w) * h / w


def two_layers(activation, weight_variance=1.0, bias_variance=0.1, **rest):
    return JacobianLaw.of_network(
        activation, depth=2, weight_variance=weight_variance, bias_variance=bias_variance, **rest
    )


LAWS = {
    "linear, 1": JacobianLaw(LINEAR, [1.0]),
    "linear, 2": JacobianLaw(LINEAR, [1.0, 1.0]),
    "linear, 32": JacobianLaw(LINEAR, np.ones(32)),
    "HardTanh, 2": two_layers(HARDTANH),
    "tanh, 2": two_layers(TANH),
    "erf, 2": two_layers(UNIT_ERF),
    "ReLU, 2": two_layers(RELU, 2.0, 0.0),
    "ReLU, 2, orthogonal": JacobianLaw.critical(RELU, depth=2, variance=1.0),
    "HardTanh, 3, critical": JacobianLaw.critical(
        HARDTANH, depth=3, variance=0.5, weights="gaussian"
    ),
    "HardTanh, 8, orthogonal": JacobianLaw.critical(HARDTANH, depth=8, variance=0.5),
    "HardTanh, 4, orthogonal, atom": JacobianLaw.critical(HARDTANH, depth=4, variance=0.15),
    "tanh, 4, orthogonal": JacobianLaw.critical(TANH, depth=4, variance=0.2),
    "arctan, 3, orthogonal": JacobianLaw.critical(ARCTAN, depth=3, variance=0.5),
}
every_law = pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)


# Mean field


def test_mean_field_variances_and_fixed_points_are_the_known_ones():
    q = preactivation_variances(HARDTANH, depth=2, bias_variance=0.1)
    np.testing.assert_allclose(q, [1.1, 0.634798972], rtol=1e-9)
    assert fixed_point_variance(TANH, weight_variance=1.0, bias_variance=0.1) == pytest.approx(
        0.2949850618, rel=1e-9
    )
    assert fixed_point_variance(HARDTANH, weight_variance=1.0, bias_variance=0.1) == pytest.approx(
        0.4473857525, rel=1e-9
    )
    assert susceptibility(
        TANH, fixed_point_variance(TANH, weight_variance=1.0, bias_variance=0.1)
    ) == pytest.approx(0.6888389207, rel=1e-9)


def test_fixed_point_is_where_deep_layers_end():
    q = preactivation_variances(TANH, depth=200, weight_variance=2.0, bias_variance=0.3)
    assert fixed_point_variance(TANH, weight_variance=2.0, bias_variance=0.3) == pytest.approx(
        q[-1], rel=1e-12
    )
    next_one = preactivation_variances(TANH, depth=201, weight_variance=2.0, bias_variance=0.3)[-1]
    assert next_one == pytest.approx(q[-1], rel=1e-12)


def test_the_signal_dies_without_bias_below_the_threshold_and_lives_above():
    assert fixed_point_variance(TANH, weight_variance=0.9) == 0.0
    assert fixed_point_variance(TANH, weight_variance=1.2) > 0.1


def test_fixed_point_names_why_there_is_none():
    with pytest.raises(ConvergenceError, match="grows without bound"):
        fixed_point_variance(RELU, weight_variance=2.5, bias_variance=0.1)
    with pytest.raises(ConvergenceError, match="every variance"):
        fixed_point_variance(RELU, weight_variance=2.0, bias_variance=0.0)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (TANH, (1.326412628, 0.004776178688)),
        (HARDTANH, (1.026006514, 0.004045180937)),
        (RELU, (2.0, 0.0)),
    ],
    ids=["tanh", "HardTanh", "ReLU"],
)
def test_critical_point_makes_the_variance_fixed_and_the_gradient_neutral(activation, expected):
    found = critical_point(activation, 0.2)
    weight, bias = found.weight_variance, found.bias_variance
    np.testing.assert_allclose((weight, bias), expected, rtol=1e-9)
    assert _next_variance(activation, 0.2, weight, bias) == pytest.approx(0.2, rel=1e-12)
    chi = susceptibility(activation, 0.2, weight_variance=weight)
    assert chi == pytest.approx(1, rel=1e-14)


@pytest.mark.parametrize("function", [fixed_point_variance, susceptibility, critical_point])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0, 0.0, "x", [[1.0], [1.0, 2.0]]], ids=str)
def test_mean_field_refuses_bad_numbers(function, bad):
    if function is fixed_point_variance:
        with pytest.raises(ValueError, match="weight_variance"):
            fixed_point_variance(TANH, weight_variance=bad)
    else:
        with pytest.raises(ValueError, match="variance"):
            function(TANH, bad)


def test_mean_field_refuses_what_has_no_critical_point():
    with pytest.raises(ValueError, match="mean squared derivative"):
        critical_point(SIGN, 1.0)
    with pytest.raises(ValueError, match="bias"):
        critical_point(LINEAR.affine(offset=3.0), 1.0)
    for depth in (0, -1, 2.0, "two"):
        with pytest.raises(ValueError, match="depth"):
            preactivation_variances(TANH, depth=depth)


# Squared slopes


@pytest.mark.parametrize(
    ("activation", "first", "second"),
    [
        (TANH, 0.5924257934, 0.4559935292),
        (HARDTANH, 0.8427007929, 0.8427007929),
        (UNIT_ERF, 0.623686243, 0.4913786798),
        (RELU, 0.5, 0.5),
        (LINEAR, 1.0, 1.0),
    ],
    ids=["tanh", "HardTanh", "erf", "ReLU", "linear"],
)
def test_moments_of_squared_slopes_are_the_known_ones(activation, first, second):
    slopes = SquaredSlopes(activation, 0.5)
    assert slopes.moment(1) == pytest.approx(first, rel=1e-9)
    assert slopes.moment(2) == pytest.approx(second, rel=1e-9)
    assert slopes.weights.sum() == pytest.approx(1, abs=1e-14)


def test_squared_slopes_of_piecewise_linear_functions_are_finite_laws():
    assert SquaredSlopes(HARDTANH, 0.5).points.tolist() == [0, 1]
    assert SquaredSlopes(LEAKY_RELU, 0.5).points == pytest.approx([1e-4, 1])


def test_unit_erf_has_the_transform_of_its_closed_form_density():
    # K = exp(-pi t^2 / 2): density u^(1/(pi q) - 1) / (pi sqrt(q) sqrt(-log u))
    q, h = 0.7, 3.0
    exact = quad(
        lambda s: 2 * s * np.exp(-(s**2) / (np.pi * q)) / (np.pi * np.sqrt(q) * s)
        * h / (np.exp(s**2) + h), 0, 8, epsabs=1e-13,
    )[0]  # fmt: skip
    slopes = SquaredSlopes(UNIT_ERF, q)
    K = slopes.points
    assert slopes.weights @ (h * K / (1 + h * K)) == pytest.approx(exact, rel=1e-11)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0, 0.0, "x"], ids=str)
def test_squared_slopes_refuses_bad_variances(bad):
    with pytest.raises(ValueError, match="variance"):
        SquaredSlopes(TANH, bad)


def test_jumps_and_constants_have_no_jacobian():
    with pytest.raises(ValueError, match="jump"):
        SquaredSlopes(STEP, 1.0)
    with pytest.raises(ValueError, match="constant"):
        SquaredSlopes(Activation("one", np.ones_like, np.zeros_like), 1.0)


# The law against closed forms and reference numbers


@pytest.mark.parametrize("depth", [1, 2, 4, 20, 32])
def test_linear_network_is_the_fuss_catalan_law(depth):
    law = JacobianLaw(LINEAR, np.ones(depth))
    high = (depth + 1) ** (depth + 1) / depth**depth
    assert law.support() == pytest.approx((0, high), rel=1e-13)
    x = high * np.concatenate([np.geomspace(1e-9, 1e-2, 60), np.linspace(0.011, 0.98, 100)])
    np.testing.assert_allclose(law.pdf(x), FussCatalan(depth).pdf(x), rtol=1e-12)
    for k in range(6):
        assert law.moment(k) == pytest.approx(FussCatalan(depth).moment(k), rel=1e-12)


def test_one_gaussian_layer_is_marchenko_pastur():
    law = JacobianLaw(LINEAR, [1.0], weight_variance=3.0)
    x = np.linspace(0.05, 11.9, 50)
    np.testing.assert_allclose(law.pdf(x), MarchenkoPastur(1.0, 3.0).pdf(x), rtol=1e-11)


def test_one_clipped_layer_is_a_sample_covariance_with_missing_samples():
    law = JacobianLaw(HARDTANH, [1.0])
    p = SquaredSlopes(HARDTANH, 1.0).share
    general = SampleCovariance(1.0, Discrete([0, 1], [1 - p, p]))
    np.testing.assert_allclose(law.bands(), general.bands(), rtol=1e-9)
    x = np.linspace(*law.bands()[0], 40)[1:-1]
    np.testing.assert_allclose(law.pdf(x), general.pdf(x), rtol=1e-8)


@pytest.mark.parametrize(
    ("name", "density", "top"),
    [
        ("linear, 2", (1.079720562, 0.3183098862, 0.1789791275, 0.09386048257), 6.75),
        ("HardTanh, 2", (0.9204149356, 0.2720004968, 0.1486289627, 0.07171468658), 4.415497705),
        ("tanh, 2", (1.197974337, 0.2809422054, 0.1322498052, 0.03845100254), 2.40572464),
        ("erf, 2", (1.18805986, 0.2861567911, 0.1376198867, 0.04544716339), 2.583238275),
        ("ReLU, 2", (0.4494252457, 0.1601795911, 0.0964941665, 0.0550358772), 11.09016994),
        ("linear, 32", (0.2225353948, 0.04364044739, 0.02138125395, 0.01035924693), 88.34067427),
    ],
)
def test_density_and_edge_are_the_reference_numbers(name, density, top):
    np.testing.assert_allclose(LAWS[name].pdf(POINTS), density, rtol=1e-9)
    assert LAWS[name].support()[1] == pytest.approx(top, rel=1e-9)


def test_hardtanh_has_the_reference_cdf_transform_atom_and_gap():
    law = LAWS["HardTanh, 2"]
    expected = (0.5275744433, 0.7116078415, 0.8108105128, 0.9136988282)
    np.testing.assert_allclose(law.cdf(POINTS), expected, atol=1e-10)
    m = law.stieltjes(np.array([-0.5, 0.3 + 0.1j]))
    np.testing.assert_allclose(m, [1.44066083, -1.503888342 + 1.635674076j], rtol=1e-8)
    assert law.atoms == ((0.0, pytest.approx(0.3403557424, rel=1e-9)),)
    assert law.bands()[0] == pytest.approx([0.001667259807, 4.415497705], rel=1e-9)


def test_tanh_has_the_reference_transform():
    m = LAWS["tanh, 2"].stieltjes(np.array([-0.5, 0.3 + 0.1j]))
    np.testing.assert_allclose(m, [1.584416854, -1.903974424 + 1.869943301j], rtol=1e-9)


@pytest.mark.parametrize(
    ("activation", "q", "weights", "expected"),
    [
        (LINEAR, 1.0, "gaussian", (6.75, 12.20703125, 23.09206063, 88.34067427)),
        (RELU, 1.0, "gaussian", (11.09016994, 21.85824932, 43.54897889, 173.9841922)),
        (RELU, 1.0, "orthogonal", (4.0, 9.481481481, 20.37199758, 85.62228179)),
        (HARDTANH, 0.15, "orthogonal", (1.019939878, 1.040277355, 1.082176975, 1.371491615)),
        (TANH, 0.05, "orthogonal", (1.18187639, 1.327595187, 1.56966938, 2.696266967)),
        (TANH, 0.5, "orthogonal", (2.547898705, 4.212958251, 7.493688553, 27.04238332)),
        (UNIT_ERF, 0.05, "orthogonal", (1.146277593, 1.262046587, 1.452079687, 2.309903793)),
        (TANH, 0.05, "gaussian", (6.830504494, 12.36048343, 23.3906485, 89.50848393)),
    ],
)
def test_largest_singular_value_on_the_critical_line(activation, q, weights, expected):
    laws = [
        JacobianLaw.critical(activation, depth=depth, variance=q, weights=weights)
        for depth in (2, 4, 8, 32)
    ]
    np.testing.assert_allclose([law.support()[1] for law in laws], expected, rtol=2e-9)


def test_top_of_orthogonal_hardtanh_is_the_atom_of_unclipped_directions_or_the_band():
    p = SquaredSlopes(HARDTANH, 0.5).share
    for depth in (2, 4):  # depth (1 - p) < 1: an atom at weight_variance^depth = p^-depth
        assert JacobianLaw.critical(HARDTANH, depth=depth, variance=0.5).support()[
            1
        ] == pytest.approx(p**-depth, rel=1e-12)
    for depth in (8, 32):
        edge = (1 - p) / p * depth**depth / (depth - 1) ** (depth - 1)
        law = JacobianLaw.critical(HARDTANH, depth=depth, variance=0.5)
        assert law.support()[1] == pytest.approx(edge, rel=1e-12)
        assert len(law.atoms) == 1


@pytest.mark.parametrize("q", [0.15, 0.5])
def test_band_of_orthogonal_hardtanh_has_its_edge_at_every_depth(q):
    p = SquaredSlopes(HARDTANH, q).share
    for depth in (2, 8, 32, 64, 128):
        edge = (1 - p) / p * depth * (1 + 1 / (depth - 1)) ** (depth - 1)
        low, high = JacobianLaw.critical(HARDTANH, depth=depth, variance=q).bands()[0]
        assert (low, high) == (0, pytest.approx(edge, rel=1e-12))


@pytest.mark.parametrize("depth", [2, 32, 128])
@pytest.mark.parametrize("variance", [0.008, 0.0145, 0.015, 0.0155, 0.017, 0.02])
def test_a_network_that_clips_almost_nothing_has_a_law(depth, variance):
    law = JacobianLaw.critical(HARDTANH, depth=depth, variance=variance)
    band, (*_, (place, mass)) = law.bands(), law.atoms
    assert mass == pytest.approx(1, abs=1e-8)
    assert place == pytest.approx(1, abs=1e-8)
    assert np.all(band < 1e-7)


def test_two_clipped_rotations_are_a_product_of_projections():
    p = SquaredSlopes(HARDTANH, 0.5).share
    law = JacobianLaw(HARDTANH, [0.5, 0.5], weights="orthogonal")
    assert law.atoms == ((0.0, pytest.approx(1 - p)), (1.0, pytest.approx(2 * p - 1)))
    assert law.bands()[0] == pytest.approx([0, 4 * p * (1 - p)], rel=1e-12)
    x = np.linspace(0, 4 * p * (1 - p), 50)[1:-1]
    exact = np.sqrt(4 * p * (1 - p) * x - x**2) / (2 * np.pi * x * (1 - x))
    np.testing.assert_allclose(law.pdf(x), exact, rtol=1e-12)


def test_two_orthogonal_relu_layers_follow_the_arcsine_law():
    law = LAWS["ReLU, 2, orthogonal"]
    x = np.linspace(0.01, 3.99, 40)
    np.testing.assert_allclose(law.pdf(x), 1 / (2 * np.pi * np.sqrt(x * (4 - x))), rtol=1e-12)
    assert law.atoms == ((0.0, pytest.approx(0.5, rel=1e-14)),)


@pytest.mark.parametrize(
    ("name", "law", "expected"),
    [
        ("ReLU", LAWS["ReLU, 2"], (1, 5, 33, 249)),
        ("ReLU orthogonal", LAWS["ReLU, 2, orthogonal"], (1, 3, 10, 35)),
    ],
)
def test_moments_of_relu_networks_are_integers(name, law, expected):
    assert [law.moment(k) for k in range(1, 5)] == pytest.approx(expected, rel=1e-12)


@every_law
def test_mass_below_the_top_is_one_and_cdf_has_the_density_as_slope(law):
    low, high = law.bands()[0]
    total = sum(mass for _, mass in law.atoms)
    assert law.cdf(law.support()[1]) == 1
    x = low + (high - low) * np.array([0.05, 0.2, 0.5, 0.8, 0.95])
    step = 1e-4 * x
    slope = (law.cdf(x + step) - law.cdf(x - step)) / (2 * step)
    np.testing.assert_allclose(slope, law.pdf(x), rtol=2e-5)  # error step^2 rho''' / 6 rho
    before_top = np.array([high - 1e-12 * (high - low)])
    above = sum(mass for position, mass in law.atoms if position > high)
    assert law.cdf(before_top)[0] == pytest.approx(1 - above, abs=2e-6)  # square root edge
    at_zero = sum(mass for position, mass in law.atoms if position == 0)
    assert law.cdf(high * 1e-300) == pytest.approx(at_zero, abs=1e-9)
    assert 0 < 1 - total <= 1


@every_law
def test_moments_are_integrals_of_the_density(law):
    low, high = law.bands()[0]
    t = (np.polynomial.legendre.leggauss(400)[0] + 1) / 2
    w = np.polynomial.legendre.leggauss(400)[1] / 2
    power = 2 * max(1, law.depth)  # tames x^(1/r - 1) at 0
    phi = np.pi / 2 * t
    x = low + (high - low) * np.sin(phi) ** power
    jacobian = (high - low) * power * np.sin(phi) ** (power - 1) * np.cos(phi) * np.pi / 2
    inside = x > max(low, 1e-150)
    x, jacobian, w = x[inside], jacobian[inside], w[inside]
    for k in (1, 2, 3):
        atoms = sum(mass * position**k for position, mass in law.atoms)
        assert w @ (law.pdf(x) * x**k * jacobian) + atoms == pytest.approx(law.moment(k), rel=1e-6)
    spread = law.var() / law.mean() ** 2
    assert law.relative_variance == pytest.approx(spread, rel=1e-9)


@every_law
def test_transform_is_the_integral_and_the_density_its_boundary_value(law):
    z = np.array([-0.3, 0.4 + 0.3j, 2 + 1j])
    m = law.stieltjes(z)
    np.testing.assert_allclose(law.stieltjes(np.conj(z)), np.conj(m), rtol=1e-12)
    assert np.all(m[1:].imag > 0)
    slopes = (law.stieltjes(z + 1e-5) - law.stieltjes(z - 1e-5)) / 2e-5
    np.testing.assert_allclose(law._transform(z.astype(complex))[1], slopes, rtol=1e-6)
    x = np.mean(law.bands()[0])
    assert law.stieltjes(x + 1e-9j).imag / np.pi == pytest.approx(law.pdf(x), rel=1e-6)
    far = 1e5 * (1 + 1j)
    expected = -sum(law.moment(k) / far ** (k + 1) for k in range(3))
    assert law.stieltjes(far) == pytest.approx(expected, rel=1e-9)


@every_law
def test_many_points_give_what_single_points_give(law):
    low, high = law.bands()[0]
    x = as_rng(0).uniform(low, high, 300)
    chosen = np.argsort(x)[[0, 1, 7, 100, 299]]
    np.testing.assert_allclose(law.pdf(x)[chosen], law.pdf(x[chosen]), rtol=1e-7)


def test_very_deep_networks_keep_to_the_upper_half_plane_up_to_the_edge():
    # at depth 128 the coarse path to some of these points ends at the conjugate solution
    law = JacobianLaw.critical(TANH, depth=128, variance=0.1)
    s = np.linspace(0.9, 0.999, 30) * np.sqrt(law.support()[1])
    density = law.pdf(s**2)
    assert np.all(density > 0)
    assert np.all(np.diff(density) < 0)


@every_law
def test_outside_the_band_the_density_is_zero_and_the_cdf_flat(law):
    low, high = law.bands()[0]
    top = law.support()[1]
    assert law.pdf(np.array([-1.0, high * 1.001, top + 1])).tolist() == [0, 0, 0]
    assert law.cdf(np.array([-0.1, top])).tolist() == [0, 1]
    assert law.ppf(1.0) == pytest.approx(top, rel=1e-7)  # cdf is 1 to rounding before
    middle = law.cdf((low + high) / 2)
    assert law.ppf(middle) == pytest.approx((low + high) / 2, rel=1e-9)


@pytest.mark.parametrize("depth", [1, 2, 3, 8])
def test_hard_edge_of_linear_networks_has_the_fuss_catalan_exponent(depth):
    # rho ~ sin(pi / (L + 1)) / pi * x^(-L / (L + 1)), relative correction x^(1 / (L + 1))
    x = 1e-4 ** (depth + 1)
    constant = np.sin(np.pi / (depth + 1)) / np.pi
    found = JacobianLaw(LINEAR, np.ones(depth)).pdf(x) * x ** (depth / (depth + 1))
    assert found == pytest.approx(constant, rel=20 * 1e-4)


def test_hard_edge_of_two_relu_layers():
    assert LAWS["ReLU, 2"].pdf(1e-10) * 1e-5 == pytest.approx(1 / (2 * np.pi), rel=1e-4)


def test_orthogonal_linear_network_has_one_atom():
    law = JacobianLaw(LINEAR, np.ones(5), weight_variance=2.0, weights="orthogonal")
    assert law.atoms == ((32.0, 1.0),)
    assert law.bands().shape == (0, 2)
    assert law.cdf([31.0, 32.0]).tolist() == [0, 1]
    assert (law.mean(), law.relative_variance) == (32.0, 0.0)
    assert law.stieltjes(-1.0) == pytest.approx(1 / 33)


def test_absolute_value_has_the_law_of_the_linear_network():
    x = np.linspace(0.1, 6, 20)
    np.testing.assert_allclose(
        JacobianLaw(ABS, [1, 1]).pdf(x), LAWS["linear, 2"].pdf(x), rtol=1e-12
    )


# Three routes to one law


@pytest.mark.parametrize("activation", [HARDTANH, TANH], ids=["HardTanh", "tanh"])
@pytest.mark.parametrize("z", [-0.5, 0.3 + 0.1j, 1.5 + 0.5j])
def test_pasturs_system_layer_by_layer_is_the_one_equation(activation, z):
    q = preactivation_variances(activation, depth=2, bias_variance=0.1)
    first = JacobianLaw(activation, q[:1])
    m, k, h = one_layer(SquaredSlopes(activation, q[1]), first, z)
    law = JacobianLaw(activation, q)
    assert m == pytest.approx(law.stieltjes(z), rel=1e-10)
    assert k * h - z * m == pytest.approx(1, rel=1e-12)


def test_first_layer_acts_on_the_identity_and_not_on_nothing():
    # without delta_1 at the end, one layer would have no Marchenko-Pastur factor
    m, _, _ = one_layer(SquaredSlopes(TANH, 1.0), Discrete([1.0]), -0.5)
    assert m == pytest.approx(JacobianLaw(TANH, [1.0]).stieltjes(-0.5), rel=1e-10)


@pytest.mark.parametrize("weights", ["gaussian", "orthogonal"])
def test_s_transforms_of_layers_multiply(weights):
    q = preactivation_variances(TANH, depth=3, weight_variance=1.5, bias_variance=0.1)
    law = JacobianLaw(TANH, q, weight_variance=1.5, weights=weights)
    xi = np.array([0.05, 0.3, 1.0, 4.0])
    w = -xi * law.stieltjes(-xi) * -1 - 1  # psi(1 / z) = -(1 + z m) at z = -xi
    direct = (1 + w) / w / -xi
    layers = [[s_transform(SquaredSlopes(TANH, v), x) for x in w] for v in q]
    mixing = 1 / (1.5 * (1 + w)) if weights == "gaussian" else 1 / 1.5
    np.testing.assert_allclose(np.prod(layers, axis=0) * mixing**3, direct, rtol=1e-10)


def test_relative_variance_near_the_origin_of_tanh_is_eight_depth_q_squared():
    # next term of relative order q: 0.94 at q = 0.01
    law = JacobianLaw.critical(TANH, depth=10, variance=0.001)
    assert law.relative_variance == pytest.approx(8 * 10 * 0.001**2, rel=0.01)


# Samples


def spectra(activation, n, depth, size, seed=0, **network):
    return sample_spectrum(
        activation, n=n, depth=depth, size=size, rng=as_rng(seed), **network
    ).ravel()


def test_linear_samples_have_the_law_up_to_one_over_n():
    n = 200
    lam = sample_spectrum(LINEAR, n=n, depth=2, rng=as_rng(1))
    assert kolmogorov_distance(lam, LAWS["linear, 2"]) < 5 / n


@pytest.mark.parametrize(
    ("name", "activation", "depth", "network"),
    [
        ("HardTanh, 2", HARDTANH, 2, {"bias_variance": 0.1}),
        ("tanh, 2", TANH, 2, {"bias_variance": 0.1}),
        ("ReLU, 2", RELU, 2, {"weight_variance": 2.0}),
    ],
)
@pytest.mark.parametrize("frozen", [False, True], ids=["true", "frozen"])
def test_nonlinear_samples_have_the_law_up_to_one_over_sqrt_n(
    name, activation, depth, network, frozen
):
    n, size = 200, 4
    lam = spectra(activation, n, depth, size, frozen=frozen, **network)
    lam = np.where(lam < 1e-13, 0, lam)
    assert kolmogorov_distance(lam, LAWS[name]) < 1 / np.sqrt(n)


def test_orthogonal_critical_samples_have_the_law():
    n, point = 150, critical_point(TANH, 0.2)
    weight, bias = point.weight_variance, point.bias_variance
    lam = spectra(
        TANH, n, 4, 4, weight_variance=weight, bias_variance=bias,
        input_variance=(0.2 - bias) / weight, weights="orthogonal",
    )  # fmt: skip
    assert kolmogorov_distance(lam, LAWS["tanh, 4, orthogonal"]) < 1 / np.sqrt(n)


def test_sign_entries_give_the_gaussian_law():
    def signs(rng, shape):
        return rng.choice([-1.0, 1.0], shape)

    lam = spectra(HARDTANH, 200, 2, 4, bias_variance=0.1, weights=signs)
    lam = np.where(lam < 1e-13, 0, lam)
    assert kolmogorov_distance(lam, LAWS["HardTanh, 2"]) < 1 / np.sqrt(200)


def test_samples_are_the_jacobian_of_the_network():
    def forward(x):
        rng = as_rng(3)
        rng.standard_normal(n)  # the input's draw
        for _ in range(3):
            W = np.sqrt(1.3 / n) * rng.standard_normal((n, n))
            x = np.tanh(W @ x + np.sqrt(0.2) * rng.standard_normal(n))
        return x

    n, rng = 8, as_rng(3)
    J = sample_jacobian(TANH, n=n, depth=3, weight_variance=1.3, bias_variance=0.2, rng=as_rng(3))
    x = rng.standard_normal(n)
    x *= np.sqrt(n) / np.linalg.norm(x)
    e = 1e-6 * np.eye(n)
    numeric = np.column_stack([(forward(x + d) - forward(x - d)) / 2e-6 for d in e])
    np.testing.assert_allclose(J, numeric, atol=1e-8)


def test_same_seed_gives_the_same_samples():
    one, two = (sample_spectrum(TANH, n=20, depth=2, size=2, rng=5) for _ in range(2))
    assert one.shape == (2, 20)
    np.testing.assert_array_equal(one, two)


# Bad input


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"variances": []}, "variances"),
        ({"variances": [1.0, np.nan]}, "variances"),
        ({"variances": [1.0, -1.0]}, "variances"),
        ({"variances": [[1.0]]}, "variances"),
        ({"variances": [[1.0], [1.0, 2.0]]}, "variances"),
        ({"weight_variance": 0.0}, "weight_variance"),
        ({"weight_variance": np.inf}, "weight_variance"),
        ({"weights": "uniform"}, "weights"),
        ({"weights": "orthogonal", "variances": [1.0]}, "variances"),
        ({"activation": SIGN}, "activation"),
        ({"activation": LEAKY_RELU, "weights": "orthogonal"}, "activation"),
        ({"activation": Quadratic(1, 0, 0)}, "activation"),
    ],
)  # fmt: skip
def test_law_refuses_bad_input(change, name):
    with pytest.raises(ValueError, match=name):
        JacobianLaw(**({"activation": TANH, "variances": [1.0, 1.0]} | change))


def test_law_takes_integers():
    assert JacobianLaw(LINEAR, [1, 1], weight_variance=1).pdf(1) == pytest.approx(0.1789791275)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"n": 1}, "n"),
        ({"n": 10.0}, "n"),
        ({"depth": 0}, "depth"),
        ({"weight_variance": -1.0}, "weight_variance"),
        ({"bias_variance": -1.0}, "bias_variance"),
        ({"bias_variance": np.nan}, "bias_variance"),
        ({"input_variance": 0.0}, "input_variance"),
        ({"weights": "cauchy"}, "weights"),
        ({"size": 0}, "size"),
        ({"rng": "seed"}, "rng"),
    ],
)
def test_samples_refuse_bad_input(change, name):
    with pytest.raises(ValueError, match=name):
        sample_spectrum(**({"activation": TANH, "n": 10, "depth": 2, "rng": 0} | change))


# Slopes that go down to zero


@pytest.mark.parametrize(
    ("activation", "depth", "q"),
    [(ERF, 8, 1.0), (ERF, 2, 2.0), (TANH, 20, 5.0), (GAUSSIAN, 3, 3.0), (GAUSSIAN, 3, 8.0)],
    ids=["erf", "erf, wide", "tanh", "gaussian", "gaussian, wide"],
)
def test_orthogonal_laws_without_inverse_moments_have_a_band(activation, depth, q):
    law = JacobianLaw.critical(activation, depth=depth, variance=q)
    low, high = law.bands()[0]
    assert 0 <= low < 1e-100 < 1 < high
    assert law.cdf(high) == 1
    s, weight = np.polynomial.legendre.leggauss(20)
    t = (1 + s) / 2
    mass = weight @ (law.pdf(high * (1 - t**2 / 2)) * high * t) / 2  # smooth in t at the edge
    assert law.cdf(high / 2) == pytest.approx(1 - mass, abs=1e-6)
    assert law.cdf(low * (1 + 1e-9)) < 1e-10


@pytest.mark.parametrize(
    ("activation", "q"), [(SIN, 0.4), (SIN, 0.1), (COS, 1.3), (COS, 3.0), (COS, 4.4)], ids=str
)
def test_a_top_slope_of_negligible_weight_moves_no_edge(activation, q):
    law = JacobianLaw(activation, [q, q])
    low, high = law.support()
    assert low == 0
    # the density ends at a square root there, and is not cut before it
    x = high * (1 - np.array([1e-3, 4e-3]))
    assert law.pdf(x)[1] / law.pdf(x)[0] == pytest.approx(2, rel=0.01)


def test_mean_of_two_layers_of_sines_is_the_integral_of_the_density():
    law = JacobianLaw(SIN, [0.4, 0.4])
    high = law.support()[1]
    s, weight = np.polynomial.legendre.leggauss(40)
    phi = np.pi / 4 * (1 + s)
    x = high * np.sin(phi) ** 4
    slope = 4 * high * np.sin(phi) ** 3 * np.cos(phi)
    assert np.pi / 4 * weight @ (law.pdf(x) * x * slope) == pytest.approx(law.mean(), rel=1e-6)


def test_hard_edge_of_one_layer_of_sines_is_that_of_its_vanishing_slopes():
    # E[1 / (1 + h cos^2)] = c / sqrt(h), c = pi times the density of the zeros of the slope
    zeros = np.pi * (np.arange(-5, 5) + 0.5)
    c = np.pi * np.sum(np.exp(-(zeros**2) / 2)) / np.sqrt(2 * np.pi)
    law = JacobianLaw(SIN, [1.0])
    for x in (1e-8, 1e-14, 1e-40):  # relative correction of order x^(1/3)
        exact = c ** (2 / 3) * np.sin(np.pi / 3) / np.pi * x ** (-2 / 3)
        assert law.pdf(x) == pytest.approx(exact, rel=2 * x ** (1 / 3) + 2e-5)
    h = 1e5
    u = quad(
        lambda t: np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi) * h / (h + 1 + np.tan(t) ** 2),
        -10, 10, points=zeros, limit=2000, epsabs=1e-13,
    )[0]  # fmt: skip
    z = -(1 - u) / h
    assert law.stieltjes(z) == pytest.approx((u - 1) / z, rel=1e-9)


@pytest.mark.parametrize("weights", ["gaussian", "orthogonal"])
def test_points_near_zero_are_solved_without_a_warning(weights):
    # warnings are errors here; 1 + z m is u, a probability on the negative axis
    law = JacobianLaw(TANH, [0.5] * 8, weights=weights)
    for size in (1e-7, 1e-12, *([1e-40, 1e-100] if weights == "gaussian" else [])):
        for z in (-size, -size + 1e-3j * size, 1j * size):
            m = law.stieltjes(z)
            assert 0 <= 1 + np.real(z * m) <= 1
            assert np.isfinite(m)
