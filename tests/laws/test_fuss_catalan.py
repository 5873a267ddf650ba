"""The Fuss-Catalan laws, against Marchenko-Pastur, products and their moments."""

import numpy as np
import pytest
from scipy.integrate import quad

from rmtlib.laws import FussCatalan, MarchenkoPastur, SpectralLaw


def test_density_has_the_moments_of_its_formula():
    law = FussCatalan(2)
    # x = edge * s^3 tames the singularity x^(-2/3) at 0
    for k in (0, 1, 2):
        value = quad(
            lambda s, k=k: law.pdf(6.75 * s**3) * (6.75 * s**3) ** k * 20.25 * s**2,
            0, 1, epsabs=1e-11, limit=200,
        )[0]  # fmt: skip
        assert value == pytest.approx(law.moment(k), abs=1e-9)


def test_depth_one_is_marchenko_pastur_up_to_the_edge():
    law, closed = FussCatalan(1), MarchenkoPastur(1.0)
    x = np.array([1e-300, 1e-12, 1e-3, 1.0, 3.9])
    assert law.pdf(x) == pytest.approx(closed.pdf(x), rel=1e-10)
    assert law.cdf(x) == pytest.approx(closed.cdf(x), abs=1e-15)
    near = 4 * (1 - 1e-10)  # an error of 1e-16 in x is one of 1e-6 in the density
    assert law.pdf(near) == pytest.approx(closed.pdf(near), rel=2e-6)
    z = np.array([1 + 1e-9j, 1 + 0.1j, -0.01, -5, 4.0001, 100, 1e6j, 1e-9j, -1e-200])
    assert law.stieltjes(z) == pytest.approx(closed.stieltjes(z), rel=1e-12)
    assert law.stieltjes(z[:-1], True) == pytest.approx(closed.stieltjes(z[:-1], True), rel=1e-11)


def test_law_is_the_free_power_of_a_square_white_matrix():
    law, square = FussCatalan(3), MarchenkoPastur(1.0)
    product = square @ square @ square
    x = np.array([0.01, 0.5, 3.0, 9.0])
    assert product.pdf(x) == pytest.approx(law.pdf(x), rel=1e-10)
    z = np.array([0.5 + 0.1j, -2.0, 12.0])
    assert product.stieltjes(z) == pytest.approx(law.stieltjes(z), rel=1e-10)


@pytest.mark.parametrize("depth", [30, 200])
def test_deep_laws_keep_mass_and_moments(depth):
    law = FussCatalan(depth)
    nodes, weights = law._quadrature
    assert [weights @ nodes**k for k in range(4)] == pytest.approx(
        [law.moment(k) for k in range(4)], rel=1e-11
    )
    assert weights @ (1 / (nodes + 1)) == pytest.approx(law.stieltjes(-1.0), rel=1e-10)
    assert law.cdf(law.ppf(0.3)) == pytest.approx(0.3, abs=1e-12)
    assert SpectralLaw.var(law) == pytest.approx(law.var(), rel=1e-11) == depth


@pytest.mark.parametrize("depth", [0, -1, 2.0, "two"])
def test_bad_depths_are_refused(depth):
    with pytest.raises(ValueError, match="depth"):
        FussCatalan(depth)


def test_nan_is_refused_and_the_density_is_zero_outside():
    with pytest.raises(ValueError, match="x"):
        FussCatalan(2).pdf(np.nan)
    assert FussCatalan(2).pdf([-1, 7]).tolist() == [0, 0]
    assert FussCatalan(2).pdf(0) == np.inf
