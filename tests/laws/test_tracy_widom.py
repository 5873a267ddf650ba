import numpy as np
import pytest
from scipy.integrate import quad

from rmtlib.laws import TracyWidom
from rmtlib.laws._tracy_widom import _determinant

LAW = TracyWidom()


@pytest.fixture(scope="module")
def quadrature():
    node, weight = np.polynomial.legendre.leggauss(100)
    x = 1 + 11 * node  # (-10, 12): the tails outside weigh less than 1e-12
    return x, 11 * weight * LAW.pdf(x)


def test_mean_and_variance_are_those_of_the_literature(quadrature):
    x, weight = quadrature
    assert weight.sum() == pytest.approx(1, abs=1e-11)
    mean = weight @ x
    assert mean == pytest.approx(-1.2065335745820, abs=1e-10)
    assert weight @ x**2 - mean**2 == pytest.approx(1.6077810345810, abs=1e-9)
    assert (LAW.mean(), LAW.var()) == (-1.2065335745820, 1.6077810345810)


@pytest.mark.parametrize(
    ("q", "x"),
    # Johnstone 2001, table 1
    list(
        zip(
            (0.01, 0.05, 0.10, 0.30, 0.50, 0.70, 0.90, 0.95, 0.99),
            (-3.90, -3.18, -2.78, -1.91, -1.27, -0.59, 0.45, 0.98, 2.02),
            strict=True,
        )
    ),
)
def test_percentiles_are_those_of_the_published_table(q, x):
    assert LAW.ppf(q) == pytest.approx(x, abs=0.0051)
    assert LAW.cdf(LAW.ppf(q)) == pytest.approx(q, abs=1e-13)


def test_density_is_the_derivative_of_the_distribution_function():
    for low, high in ((-8.0, -3.0), (-3.0, 0.0), (0.0, 6.0)):
        mass = quad(LAW.pdf, low, high, epsabs=1e-12, epsrel=1e-10)[0]
        assert mass == pytest.approx(LAW.cdf(high) - LAW.cdf(low), abs=1e-11)


def test_both_tails_are_those_of_the_asymptotics():
    x = np.array([10.0, 30.0])
    upper = np.exp(-2 / 3 * x**1.5) / (4 * np.sqrt(np.pi) * x**0.75)
    # next term of the integral of Ai: 1 - 41 / (48 x^1.5)
    assert LAW.sf(x) / upper == pytest.approx(1 - 41 / 48 / x**1.5, abs=2 / x[0] ** 3)
    # log F ~ -|x|^3 / 24 - |x|^1.5 / (3 sqrt 2): of order log |x| apart
    x = np.array([-5.0, -8.0])
    main = -(np.abs(x) ** 3) / 24 - np.abs(x) ** 1.5 / (3 * np.sqrt(2))
    gap = np.log(LAW.cdf(x)) - main
    assert gap[1] - gap[0] == pytest.approx(-np.log(8 / 5) / 16, abs=0.01)


def test_tails_complement_each_other_and_end_quietly():
    x = np.linspace(-7, 7, 29)
    assert LAW.cdf(x) + LAW.sf(x) == pytest.approx(np.ones(29), abs=1e-14)
    assert np.all(np.diff(LAW.cdf(x)) > 0)
    far = np.array([-1e8, -12.5, 1e3, 1e8])
    assert LAW.cdf(far).tolist() == [0, 0, 1, 1]
    assert LAW.pdf(far).tolist() == [0, 0, 0, 0]
    assert LAW.sf(far).tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("beta", [1, 2])
def test_table_and_determinant_are_the_same_function(beta):
    law, x = TracyWidom(beta), np.append(np.linspace(-9, 17, 1301), np.nextafter([-8, 16], -20))
    log_cdf, pdf = _determinant(x, beta)
    np.testing.assert_allclose(law.cdf(x), np.exp(log_cdf), rtol=0, atol=1e-14)
    np.testing.assert_allclose(law.pdf(x), pdf, rtol=0, atol=2e-14)
    np.testing.assert_allclose(law.sf(x), -np.expm1(log_cdf), rtol=1e-12)


def test_quantiles_invert_the_distribution_function_far_into_the_tails():
    q = np.array([1e-10, 1e-6, 0.2, 1 - 1e-6, 1 - 1e-10])
    assert LAW.cdf(LAW.ppf(q)) == pytest.approx(q, rel=1e-9)
    assert LAW.sf(LAW.ppf(q[3:])) == pytest.approx([1e-6, 1e-10], rel=1e-5)


def test_shapes_are_kept():
    for function in (LAW.cdf, LAW.pdf, LAW.sf):
        assert isinstance(function(0), float)
        assert function(np.zeros((2, 3), dtype=int)).shape == (2, 3)
        assert function([]).shape == (0,)
    assert isinstance(LAW.ppf(0.5), float)
    assert LAW.ppf([[0.1], [0.2]]).shape == (2, 1)


@pytest.mark.parametrize("bad", [np.nan, [np.inf], "a", [[1], [1, 2]], 1j])
@pytest.mark.parametrize("function", [LAW.cdf, LAW.pdf, LAW.sf, LAW.ppf])
def test_bad_points_are_refused(function, bad):
    with pytest.raises(ValueError, match="must be"):
        function(bad)


@pytest.mark.parametrize("q", [0, 1, -0.1, 1.5, [0.5, 1e-12]])
def test_quantile_levels_out_of_range_are_refused(q):
    with pytest.raises(ValueError, match="q must be between"):
        LAW.ppf(q)


def test_laws_of_real_and_complex_matrices_are_known():
    assert repr(LAW) == "TracyWidom(beta=1)"
    for bad in (3, 4, 1.0, "1", True, None):
        with pytest.raises(ValueError, match="beta must be 1 or 2"):
            TracyWidom(bad)


def test_complex_law_has_its_known_values_and_moments():
    law = TracyWidom(2)
    assert repr(law) == "TracyWidom(beta=2)"
    # values of Bornemann's table of the determinant of the Airy kernel
    assert law.cdf([-2.0, 0.0]) == pytest.approx([0.41322414250512, 0.96937282835526], abs=1e-12)
    x = np.linspace(-12, 10, 4001)
    density, step = law.pdf(x), x[1] - x[0]
    assert density.sum() * step == pytest.approx(1, abs=1e-12)
    assert (x * density).sum() * step == pytest.approx(law.mean(), abs=1e-10)
    assert ((x - law.mean()) ** 2 * density).sum() * step == pytest.approx(law.var(), abs=1e-10)
    q = np.array([1e-8, 0.05, 0.5, 0.95, 1 - 1e-8])
    np.testing.assert_allclose(law.cdf(law.ppf(q)), q, rtol=1e-8)
