"""What every law must satisfy, as a class of tests."""

import numpy as np
import pytest
from scipy.integrate import quad

from rmtlib import as_rng
from rmtlib.laws import SpectralLaw


def interior_points(law, each=7):
    """Points inside the bands, away from the edges."""
    shares = np.linspace(0.03, 0.97, each)
    return np.concatenate([low + shares * (high - low) for low, high in law.bands()])


def width(law):
    return max(map(abs, law.support()))


class Battery:
    """What is true of every law that has a continuous part; subclasses parametrize ``law``."""

    def test_mass_with_atoms_is_one(self, law):
        low, high = law.support()
        atoms = sum(mass for _, mass in law.atoms)
        assert law.cdf(high) == pytest.approx(1.0, abs=1e-11)
        assert law.cdf(low - 1.0) == 0.0
        assert SpectralLaw.moment(law, 0) == pytest.approx(1.0, abs=1e-11)
        assert np.ptp(SpectralLaw._continuous_cdf(law, np.array([low - 1, high + 1]))) == (
            pytest.approx(1 - atoms, abs=1e-11)
        )

    def test_cdf_is_the_integral_of_the_density(self, law):
        low, high = law.bands()[0]
        atom_below = sum(mass for position, mass in law.atoms if position <= low)
        for share in (0.2, 0.7):
            x = low + share * (high - low)
            # x = low + (x - low) u**6 removes every edge singularity x**(-k/(k+1)), k <= 2
            integral = quad(
                lambda u, x=x, low=low: (
                    float(law.pdf(low + (x - low) * u**6)) * 6 * u**5 * (x - low)
                ),
                0,
                1,
                epsabs=1e-10,
                epsrel=1e-10,
            )[0]
            assert law.cdf(x) - atom_below == pytest.approx(integral, abs=3e-9)

    def test_density_is_zero_outside_and_positive_inside(self, law):
        bands = law.bands()
        assert np.all(law.pdf(interior_points(law)) > 0)
        outside = [bands[0, 0] - 0.1, bands[-1, 1] + 0.1, *0.5 * (bands[:-1, 1] + bands[1:, 0])]
        assert np.all(law.pdf(outside) == 0)

    def test_cdf_is_nondecreasing_and_jumps_at_the_atoms_by_their_mass(self, law):
        low, high = law.support()
        assert np.all(np.diff(law.cdf(np.linspace(low - 0.1, high + 0.1, 400))) >= -1e-14)
        for position, mass in law.atoms:
            step = 1e-13 * width(law)
            assert law.cdf(position) - law.cdf(position - step) == pytest.approx(mass, abs=1e-5)

    def test_ppf_inverts_cdf(self, law):
        x = interior_points(law)
        assert law.ppf(law.cdf(x)) == pytest.approx(x, rel=1e-8, abs=1e-10)
        q = np.linspace(0, 1, 23)
        assert np.all(law.cdf(law.ppf(q)) >= q - 1e-12)
        assert np.all(np.diff(law.ppf(q)) >= 0)
        assert law.ppf(0.0) == law.support()[0]
        assert law.ppf(1.0) <= law.support()[1]
        for position, mass in law.atoms:
            assert law.ppf(law.cdf(position) - 0.5 * mass) == position

    def test_moments_are_the_contour_integrals_of_the_transform(self, law):
        low, high = law.support()
        center, radius = 0.5 * (low + high), 1.5 * (high - low)
        # N points of a circle: the error decays as 3**-N, 3 the ratio of the radii
        turn = np.exp(2j * np.pi * (np.arange(80) + 0.5) / 80)
        z = center + radius * turn
        m = law.stieltjes(z)
        for k in range(5):
            contour = -np.mean(m * z**k * radius * turn)
            size = width(law) ** k
            assert law.moment(k) == pytest.approx(contour.real, rel=1e-10, abs=1e-10 * size)
            assert SpectralLaw.moment(law, k) == pytest.approx(law.moment(k), abs=1e-10 * size)
        assert law.mean() == pytest.approx(law.moment(1), abs=1e-11 * width(law))
        second = law.moment(2) - law.mean() ** 2
        assert law.var() == pytest.approx(second, abs=1e-11 * width(law) ** 2)

    def test_density_is_the_jump_of_the_transform(self, law):
        x = interior_points(law)
        y = 1e-11 * np.diff(law.bands(), axis=1).min()
        jump = law.stieltjes(x + 1j * y).imag / np.pi
        atoms = sum(mass * y / ((x - position) ** 2 + y**2) / np.pi for position, mass in law.atoms)
        assert jump - atoms == pytest.approx(law.pdf(x), rel=1e-8)

    def test_transform_is_minus_one_over_z_far_away(self, law):
        z = 1e6 * width(law) * np.array([1, 1j, -1, -1j, 1 + 1j])
        # next term of the expansion: - mean / z**2
        assert -z * law.stieltjes(z) == pytest.approx(1 + law.mean() / z, abs=1e-11)
        huge = np.array([1e300, 1e200j, -1e300 + 1e299j])
        assert -huge * law.stieltjes(huge) == pytest.approx(np.ones(3), abs=1e-12)
        assert np.all(law.stieltjes(huge, derivative=True) == 0)

    def test_transform_is_real_increasing_outside_and_conjugate_below(self, law):
        low, high = law.support()
        x = high + width(law) * np.array([0.01, 0.1, 1.0])
        m = law.stieltjes(x)
        assert m.dtype == float
        assert np.all(m < 0)
        assert np.all(np.diff(m) > 0)
        assert np.all(law.stieltjes(low - x) > 0)
        z = x + 0.3j
        assert np.array_equal(law.stieltjes(z.conj()), law.stieltjes(z).conj())
        assert np.all(law.stieltjes(z).imag > 0)
        assert law.stieltjes(x + 0j) == pytest.approx(m, rel=1e-12)

    def test_transform_in_the_gaps_is_the_integral_against_the_density(self, law):
        bands = law.bands()
        gaps = 0.5 * (bands[:-1, 1] + bands[1:, 0])
        nodes, weights = law._quadrature
        for z in [law.support()[0] - 0.5, *gaps]:
            if any(abs(z - position) < 1e-9 for position, _ in law.atoms):
                continue
            direct = weights @ (1 / (nodes - z)) + sum(w / (x - z) for x, w in law.atoms)
            assert law.stieltjes(z) == pytest.approx(direct, rel=1e-7)

    def test_derivative_of_the_transform_is_its_difference_quotient(self, law):
        z = interior_points(law, 3) + 0.2j * width(law)
        h = 1e-5 * width(law)
        quotient = (law.stieltjes(z + h) - law.stieltjes(z - h)) / (2 * h)
        assert law.stieltjes(z, derivative=True) == pytest.approx(quotient, rel=1e-7)
        high = law.support()[1]
        x = high + width(law) * np.array([0.5, 2.0])
        nodes, weights = law._quadrature
        direct = (1 / (nodes - x[:, None]) ** 2) @ weights
        direct += sum(w / (position - x) ** 2 for position, w in law.atoms)
        assert law.stieltjes(x, derivative=True) == pytest.approx(direct, rel=1e-9)
        assert isinstance(law.stieltjes(x[0], derivative=True), float)

    def test_companion_is_the_transform_of_the_transposed_data(self, law):
        z = interior_points(law, 3) + 0.2j * width(law) * np.array([[1], [-1]])
        m, slope = law.stieltjes(z), law.stieltjes(z, derivative=True)
        for c in (0.5, 1.0, 3.0):
            companion = SpectralLaw.companion(law, z, ratio=c)
            assert companion == pytest.approx(c * m - (1 - c) / z, rel=1e-11)
            slopes = SpectralLaw.companion(law, z, ratio=c, derivative=True)
            assert slopes == pytest.approx(c * slope + (1 - c) / z**2, rel=1e-11)
        if hasattr(law, "ratio") and type(law).companion is not SpectralLaw.companion:
            for derivative in (False, True):
                own = law.companion(z, derivative)
                general = SpectralLaw.companion(law, z, ratio=law.ratio, derivative=derivative)
                assert own == pytest.approx(general, rel=1e-9)

    def test_real_z_on_the_support_is_refused(self, law):
        with pytest.raises(ValueError, match="density"):
            law.stieltjes(law.bands().mean(axis=1)[0])
        for position, _ in law.atoms:
            with pytest.raises(ValueError, match=r"atom|density"):
                law.stieltjes([position])

    def test_draws_follow_the_law_and_the_seed(self, law):
        draws = law.rvs(400, rng=5)
        assert np.array_equal(draws, law.rvs(400, rng=as_rng(5)))
        assert not np.array_equal(draws, law.rvs(400, rng=6))
        assert law.rvs((2, 3), rng=1).shape == (2, 3)
        grid = np.sort(np.concatenate([interior_points(law), [x for x, _ in law.atoms]]))
        # Dvoretzky-Kiefer-Wolfowitz: P(sup > t) <= 2 exp(-2 n t**2) = 1e-4 at t = 0.111
        empirical = np.mean(draws[:, None] <= grid, axis=0)
        assert np.max(np.abs(empirical - law.cdf(grid))) < 0.111

    def test_shapes_are_kept_and_scalars_give_scalars(self, law):
        x = interior_points(law)[:4].reshape(2, 2)
        for function in (law.pdf, law.cdf, lambda t: law.stieltjes(t + 1j)):
            assert function(x).shape == (2, 2)
            assert isinstance(function(x[0, 0]), float | complex)
            assert function(x)[0, 0] == pytest.approx(function(x[0, 0]), rel=1e-11)
            assert function(np.empty((0, 3))).shape == (0, 3)
        assert isinstance(law.ppf(0.5), float)
        assert isinstance(law.rvs(rng=0), float)
        assert np.isfinite(law.pdf(np.array([1, 2], dtype=np.int64))).all()

    def test_numbers_that_are_none_are_refused(self, law):
        for bad in (np.nan, np.inf, [1.0, np.nan], [[1.0], [1.0, 2.0]], "x", None, 1j):
            for function in (law.pdf, law.cdf, law.ppf):
                with pytest.raises(ValueError, match="must be"):
                    function(bad)
            if bad != 1j:
                with pytest.raises(ValueError, match="must be"):
                    law.stieltjes(bad)
        for bad in (-0.1, 1.1, [0.5, 2.0]):
            with pytest.raises(ValueError, match="q must be between 0 and 1"):
                law.ppf(bad)
        for bad in (-1, 1.0, True, "2"):
            with pytest.raises(ValueError, match="k must be an integer"):
                law.moment(bad)
        with pytest.raises(ValueError, match="rng must be"):
            law.rvs(3, rng="seed")

    def test_repr_is_short_and_bands_cannot_be_changed_from_outside(self, law):
        assert type(law).__name__[:4] in repr(law) or "+" in repr(law) or "@" in repr(law)
        bands = law.bands()
        bands[:] = 0
        assert np.all(law.bands()[:, 1] > law.bands()[:, 0])
