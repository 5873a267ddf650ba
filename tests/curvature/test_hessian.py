"""Hessian laws: the battery of every law, reference numbers, free sums, matrices."""

import numpy as np
import pytest
from battery import Battery, interior_points
from scipy.integrate import quad

from rmtlib import as_rng
from rmtlib.curvature import HessianLaw, ReluHessianLaw, sample_hessian
from rmtlib.laws import FreePoisson, MarchenkoPastur, Semicircle, kolmogorov_distance

HESSIANS = [
    *(HessianLaw(phi, energy) for phi, energy in [(0.5, 0.1), (0.25, 0.5), (1.0, 1.0)]),
    HessianLaw(0.9, HessianLaw.critical_energy(0.9)),
    HessianLaw(2.0, 0.02),  # one band
    HessianLaw(4.0, 0.001),  # two bands
    HessianLaw(4.0, 0.4),  # two bands that nearly touch
    HessianLaw(0.02, 3.0),
    HessianLaw(30.0, 1e-4),
    ReluHessianLaw(0.5, 0.5),
    ReluHessianLaw(1.5, 1.0),
    ReluHessianLaw(2.0, 1.0),  # a hard edge at 0
    ReluHessianLaw(3.0, 1.0),  # an atom at 0
    ReluHessianLaw(8.0, 0.02),
    FreePoisson([-1.0, 2.0], [0.3, 0.4]),
    FreePoisson([3.0], [0.2], 0.5),
]


@pytest.mark.parametrize("law", HESSIANS, ids=repr)
class TestHessianLaws(Battery):
    pass


REFERENCE = [
    # energy, phi, edges, index, density(0), density(1)
    (0.1, 0.5, [-0.3876947458, 3.076610811], 0.1135620321, 0.4055563131, 0.3866200136),
    (0.05, 0.5, [-0.1981884221, 2.996228762], 0.06363572573, 0.4516311762, 0.4078133927),
    (0.5, 0.25, [-1.193895359, 3.296260546], 0.2253487116, 0.2613235984, 0.2857556562),
    (1.0, 1.0, [-2.232400918, 4.938433653], 0.3262520580, 0.1918812022, 0.1896602977),
    (0.02, 2.0, [-0.2987737465, 5.840138689], 0.2720754784, 1.143040264, 0.1624353508),
    (0.001, 4.0, [-0.07762352489, 0.07729006801, 1.001000125, 9.000333332],
     0.3760272512, 6.164258390, 0.0),
]  # fmt: skip


@pytest.mark.parametrize(("energy", "phi", "edges", "alpha", "zero", "one"), REFERENCE)
def test_reference_numbers(energy, phi, edges, alpha, zero, one):
    law = HessianLaw(phi, energy)
    assert law.bands().ravel() == pytest.approx(edges, rel=2e-9)
    assert law.index() == pytest.approx(alpha, rel=1e-9)
    assert law.pdf([0.0, 1.0]) == pytest.approx([zero, one], rel=1e-9)


def test_relu_reference_numbers():
    density = ReluHessianLaw(0.5, 0.5).pdf([-0.2, 0.5, 2.0])
    assert density == pytest.approx([0.2172429033, 0.5149742659, 0.2199509143], rel=1e-9)
    for phi, energy, alpha in [
        (0.5, 0.5, 0.07754045725),
        (0.5, 2.0, 0.1754796561),
        (1.5, 1.0, 0.2575008166),
    ]:
        assert ReluHessianLaw(phi, energy).index() == pytest.approx(alpha, rel=1e-9)


def test_transform_solves_the_cubic_whose_constant_term_is_minus_one():
    phi, energy, z = 0.5, 0.1, 0.3 + 0.05j
    G = -HessianLaw(phi, energy).stieltjes(z)
    assert pytest.approx(-0.4692460284 - 1.349957797j, rel=1e-9) == G
    cubic = 2 * energy * phi * G**3 - (2 * energy + z * phi) * G**2 + (z + phi - 1) * G
    assert cubic == pytest.approx(1.0, rel=1e-13)


@pytest.mark.parametrize(("phi", "energy"), [(0.5, 0.1), (1.0, 1e-3), (2.0, 0.02), (4.0, 0.001)])
def test_hessian_law_is_marchenko_pastur_plus_semicircle(phi, energy):
    law, general = HessianLaw(phi, energy), MarchenkoPastur(phi) + Semicircle(2 * energy)
    assert law.bands() == pytest.approx(general.bands(), abs=1e-9)
    x = interior_points(law, 40)
    assert law.pdf(x) == pytest.approx(general.pdf(x), abs=1e-8)
    assert law.cdf(x) == pytest.approx(general.cdf(x), abs=1e-8)
    z = x + 0.1j
    assert law.stieltjes(z) == pytest.approx(general.stieltjes(z), rel=1e-12)


@pytest.mark.parametrize(("phi", "energy"), [(0.5, 0.5), (1.5, 1.0), (3.0, 1.0)])
def test_relu_law_is_marchenko_pastur_plus_its_residual_part(phi, energy):
    t = phi * np.sqrt(energy / 2)
    part = FreePoisson([t, -t], [0.5 / phi, 0.5 / phi])
    assert part.moment(2) == pytest.approx(energy * phi / 2, rel=1e-14)
    assert part.moment(4) / part.moment(2) ** 2 == pytest.approx(2 + phi, rel=1e-13)
    assert dict(part.atoms).get(0.0, 0.0) == pytest.approx(max(0, 1 - 1 / phi), abs=1e-14)
    law, general = ReluHessianLaw(phi, energy), MarchenkoPastur(phi) + part
    x = interior_points(law, 20)
    assert law.pdf(x) == pytest.approx(general.pdf(x), abs=1e-8)
    assert law.cdf(x) == pytest.approx(general.cdf(x), abs=1e-8)
    assert np.array(law.atoms) == pytest.approx(np.array(general.atoms))


def test_relu_transform_solves_the_quartic():
    phi, energy, z = 0.7, 0.4, 0.3 + 0.05j
    G, q = -ReluHessianLaw(phi, energy).stieltjes(z), energy * phi**2
    quartic = [
        z * q * phi,
        2 * q - q * phi - z * q,
        q - energy * phi - 2 * z * phi,
        2 * z - 2 + 2 * phi,
        -2,
    ]
    assert abs(np.polyval(quartic, G)) < 1e-13


def test_one_complex_pair_at_most_solves_the_quartic_on_the_real_axis():
    # why the root of largest imaginary part is the transform, without tracking it
    rng = as_rng(1)
    for _ in range(300):
        phi, energy = 10 ** rng.uniform(-1.5, 1.5), 10 ** rng.uniform(-3, 1.5)
        law = ReluHessianLaw(phi, energy)
        x = rng.uniform(*law.support(), size=20)
        k = law._poles.size
        arrow = np.tile(np.diag(np.append(0.0, law._poles)), (20, 1, 1))
        arrow[:, 0, 0] = x - law._shift
        arrow[:, 0, 1:], arrow[:, 1:, 0] = -np.sqrt(law._strengths), np.sqrt(law._strengths)
        w = np.linalg.eigvals(arrow)
        assert w.shape == (20, k + 1)
        assert np.all(np.sum(np.imag(w) > 1e-7 * np.abs(w), axis=1) <= 1)


def test_moments_are_those_of_the_free_cumulants():
    phi, energy = 0.7, 0.3
    law, two = HessianLaw(phi, energy), phi + 2 * energy
    moments = [1, 1, 1 + two, 1 + 3 * two + phi**2]
    moments.append(1 + 6 * two + 2 * two**2 + 4 * phi**2 + phi**3)
    assert [law.moment(k) for k in range(5)] == pytest.approx(moments, rel=1e-14)
    assert [law.free_cumulant(k) for k in (1, 2, 3)] == pytest.approx([1, two, phi**2])


def test_free_poisson_of_one_jump_is_marchenko_pastur():
    for c in (0.1, 0.5, 1.0, 4.0):
        law, closed = FreePoisson([c], [1 / c]), MarchenkoPastur(c)
        assert law.bands() == pytest.approx(closed.bands(), rel=1e-12, abs=1e-14)
        x = interior_points(closed)
        assert law.pdf(x) == pytest.approx(closed.pdf(x), rel=1e-11)
        assert law.cdf(x) == pytest.approx(closed.cdf(x), abs=1e-12)
        assert np.array(law.atoms) == pytest.approx(np.array(closed.atoms))
    assert FreePoisson([2.0, 2.0], [0.1, 0.3]).bands() == pytest.approx(
        FreePoisson([2], [0.4]).bands()
    )


@pytest.mark.parametrize(("phi", "energy"), [(2.0, 1e-6), (2.0, 1e-4), (2.0, 1e-2), (2.0, 1.0)])
def test_relu_density_at_the_critical_ratio_is_that_of_the_quartic_down_to_the_hard_edge(
    phi, energy
):
    # in units in which the roots are of order one: w = t u, jumps +- t small beside phi
    law, t = ReluHessianLaw(phi, energy), phi * np.sqrt(energy / 2)
    x = np.concatenate([-np.geomspace(1e-6, 1, 9), np.geomspace(1e-6, 1, 9)]) * 0.5 * t**2
    density = []
    for z in x:
        # rates 1/phi and 1/(2 phi); all terms of z(w) times the denominators, divided by t
        square, big = np.array([1.0, 0, -1]), phi / t
        quartic = np.polymul(np.polymul([-1, z / t], [1, -big]), square)
        quartic = np.polysub(quartic, np.polymul([1 / t, 0], square))
        quartic = np.polysub(quartic, np.polymul([1 / phi, 0], [1, -big]))
        u = max(np.roots(quartic), key=np.imag)
        density.append(u.imag / (np.pi * t * np.abs(u) ** 2))
    assert law.pdf(x) == pytest.approx(np.array(density), rel=1e-5, abs=1e-5)
    if energy == 1e-4:
        assert law.pdf(-1.4e-8) == pytest.approx(1256.81, rel=1e-5)  # by 60 digits


# --- critical energies ---

CRITICAL = [
    # phi, critical energy, coefficient of the index, critical energy of the ReLU model
    (0.10, 0.08343458848, 0.1297475231, 3.126117909),
    (0.25, 0.04350952642, 0.07483273779, 0.627416998),
    (0.50, 0.01127124297, 0.03350066642, 0.08103670981),
    (0.75, 0.001266198591, 0.01267668122, 0.006305132641),
    (0.90, 7.665898583e-05, 0.004428387049, 0.0003303204041),
]


@pytest.mark.parametrize(("phi", "energy", "coefficient", "relu"), CRITICAL)
def test_critical_energy_reference_numbers(phi, energy, coefficient, relu):
    assert HessianLaw.critical_energy(phi) == pytest.approx(energy, rel=1e-9)
    assert HessianLaw.index_coefficient(phi) == pytest.approx(coefficient, rel=1e-9)
    assert ReluHessianLaw.critical_energy(phi) == pytest.approx(relu, rel=1e-9)


@pytest.mark.parametrize("law", [HessianLaw, ReluHessianLaw])
@pytest.mark.parametrize("phi", [0.1, 0.5, 0.9])
def test_lower_edge_is_zero_at_the_critical_energy(law, phi):
    e = law.critical_energy(phi)
    assert law(phi, e).support()[0] == pytest.approx(0, abs=1e-13)
    assert law(phi, 0.999 * e).index() == 0
    assert law(phi, 1.001 * e).index() > 0


def test_critical_energy_has_its_published_form_and_limits():
    phi = np.array([0.1, 0.3, 0.6])
    published = (1 - 20 * phi - 8 * phi**2 + (1 + 8 * phi) ** 1.5) / 16
    assert HessianLaw.critical_energy(phi) == pytest.approx(published, rel=1e-13)
    assert HessianLaw.critical_energy(1e-300) == 0.125
    assert HessianLaw.critical_energy([1.0, 2.0]).tolist() == [0.0, 0.0]
    d = 1e-5
    series = 2 / 27 * d**3 + 2 / 81 * d**4 + 8 / 729 * d**5
    assert HessianLaw.critical_energy(1 - d) == pytest.approx(series, rel=1e-10)
    chi = 1 + 16 * phi - 8 * phi**2
    published = (27 - 18 * chi - chi**2 + 8 * chi**1.5) / (32 * phi * (1 - phi) ** 3)
    assert ReluHessianLaw.critical_energy(phi) == pytest.approx(published, rel=1e-12)
    assert ReluHessianLaw.critical_energy([1.0, 2.0]).tolist() == [0.0, 0.0]


def test_index_just_above_the_critical_energy_grows_with_power_three_halves():
    phi, e = 0.5, HessianLaw.critical_energy(0.5)
    ratios = [
        HessianLaw(phi, e * (1 + d)).index() / (HessianLaw.index_coefficient(phi) * d**1.5)
        for d in (1e-1, 1e-2, 1e-3)
    ]
    # the first correction is linear in the excess
    assert ratios == pytest.approx([0.934, 0.9929, 0.99929], abs=2e-4)


def test_index_limits():
    assert HessianLaw(0.5, 1e8).index() == pytest.approx(0.5, abs=1e-3)
    assert HessianLaw(4.0, 1e-9).index() == pytest.approx(0.375, abs=1e-4)
    for energy, ratio in [(1e-4, 0.9805), (1e-6, 0.9958)]:
        leading = 3 * np.sqrt(3) / (4 * np.pi) * (2 * energy) ** (1 / 3)
        assert HessianLaw(1.0, energy).index() / leading == pytest.approx(ratio, abs=1e-4)
    law = HessianLaw(0.5, 0.1)
    assert law.index() == pytest.approx(quad(law.pdf, law.support()[0], 0)[0], abs=1e-9)
    with_atom = ReluHessianLaw(3.0, 1.0)
    assert with_atom.cdf(0.0) - with_atom.index() == pytest.approx(1 / 3, abs=1e-13)


@pytest.mark.parametrize("phi", [1.5, 2.0, 4.0])
def test_bands_merge_where_both_derivatives_of_z_vanish(phi):
    e = 0.5 * phi * (np.cbrt(phi) - 1) ** 3
    assert len(HessianLaw(phi, 0.999 * e).bands()) == 2
    assert len(HessianLaw(phi, 1.001 * e).bands()) == 1


@pytest.mark.parametrize(("phi", "energy", "mass"), [(4.0, 0.001, 0.75), (3.0, 0.004, 2 / 3)])
def test_lower_band_carries_the_broadened_zero_modes(phi, energy, mass):
    law = HessianLaw(phi, energy)
    assert law.cdf(law.bands()[0, 1]) == pytest.approx(mass, abs=1e-12)


# --- matrices ---


@pytest.mark.parametrize(("phi", "energy"), [(0.5, 0.1), (2.0, 0.02), (0.25, 0.5)])
def test_eigenvalues_of_one_matrix_follow_the_law_within_six_over_n(phi, energy):
    n = 300
    H0, H1 = sample_hessian(parameters=n, residuals=round(n / phi), energy=energy, rng=4)
    lam, law = np.linalg.eigvalsh(H0 + H1), HessianLaw(phi, energy)
    assert kolmogorov_distance(lam, law) < 6 / n
    assert np.mean(lam < 0) == pytest.approx(law.index(), abs=4 / n)


def test_entries_of_the_residual_part_have_variance_two_energy_over_n():
    n, energy = 200, 0.3
    H1 = sample_hessian(parameters=n, residuals=10, energy=energy, rng=5)[1]
    off = H1[np.triu_indices(n, 1)]
    # relative standard error of a variance from N numbers: sqrt(2 / N)
    assert off.var() * n / (2 * energy) == pytest.approx(1, abs=4 * np.sqrt(2 / off.size))


# --- bad input ---


@pytest.mark.parametrize("law", [HessianLaw, ReluHessianLaw])
@pytest.mark.parametrize("bad", [np.nan, np.inf, 0, -1, "one", None, [1.0], True])
def test_what_is_not_a_positive_number_is_refused_by_name(law, bad):
    with pytest.raises(ValueError, match="parameters_per_residual"):
        law(bad, 1.0)
    with pytest.raises(ValueError, match="energy"):
        law(1.0, bad)


def test_bad_free_poisson_laws_are_refused():
    for arguments, name in [
        (([0.0], [1.0]), "jumps"),
        (([], []), "jumps"),
        (([np.nan], [1.0]), "jumps"),
        (([1.0], [0.0]), "rates"),
        (([1.0], [1.0, 2.0]), "rates"),
        (([1.0], [np.inf]), "rates"),
        (([1.0], [1.0], -1.0), "variance"),
        (([1.0], [1.0], np.nan), "variance"),
    ]:
        with pytest.raises(ValueError, match=f"{name} must be"):
            FreePoisson(*arguments)
    for bad in (0, 1.0, "2"):
        with pytest.raises(ValueError, match="k must be an integer"):
            HessianLaw(0.5, 0.1).free_cumulant(bad)


@pytest.mark.parametrize(
    "function",
    [HessianLaw.critical_energy, ReluHessianLaw.critical_energy, HessianLaw.index_coefficient],
)
def test_functions_of_the_ratio_keep_shapes_and_refuse_the_rest(function):
    assert type(function(0.5)) is float
    assert function([[0.2, 0.5]]).shape == (1, 2)
    assert function(np.empty((0, 2))).shape == (0, 2)
    for bad in (0.0, -1, np.nan, [0.5, np.inf], "x", 1j, None):
        with pytest.raises(ValueError, match="parameters_per_residual must be"):
            function(bad)
    if function is HessianLaw.index_coefficient:
        with pytest.raises(ValueError, match="must be below 1"):
            function(1)


def test_samples_draw_many_and_refuse_bad_values():
    function, names = sample_hessian, ("parameters", "residuals")
    good = dict.fromkeys(names, 3) | {"energy": 1.0}
    for name in (*names, "size"):
        for bad in (0, -1, 2.0, np.nan, "3"):
            with pytest.raises(ValueError, match=f"{name} must be"):
                function(**(good | {name: bad}))
    for bad in (-1.0, np.nan, "1"):
        with pytest.raises(ValueError, match="energy must be"):
            function(**(good | {"energy": bad}))
    with pytest.raises(ValueError, match="rng must be"):
        function(**good, rng="seed")
    again = [function(**good, rng=seed) for seed in (2, 2, 3)]
    assert np.array_equal(again[0], again[1])
    assert not np.array_equal(again[0], again[2])
    many, one = np.array(function(**good, size=4, rng=5)), np.array(again[0])
    *pair, draws, rows, columns = many.shape
    assert (draws, (*pair, rows, columns)) == (4, one.shape)
    np.testing.assert_allclose(many, np.swapaxes(many, -1, -2), atol=1e-15)
    assert not np.allclose(many[..., 0, :, :], many[..., 1, :, :])


def test_jumps_that_differ_by_rounding_open_no_gap():
    once, twice = FreePoisson([1.0], [1.0]), FreePoisson([1.0, np.nextafter(1.0, 2.0)], [0.5, 0.5])
    assert twice.bands() == pytest.approx(once.bands(), abs=1e-12)
    x = np.linspace(0.1, 3.9, 20)
    assert twice.pdf(x) == pytest.approx(once.pdf(x), rel=1e-10)
