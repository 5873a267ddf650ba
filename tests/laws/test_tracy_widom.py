import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import kstest

from rmtlib import as_rng
from rmtlib.laws import (
    TRACY_WIDOM_MEAN,
    TRACY_WIDOM_VARIANCE,
    sample_covariance_eigenvalues,
    tracy_widom_cdf,
    tracy_widom_pdf,
    tracy_widom_ppf,
    tracy_widom_sf,
    wishart_eigenvalues,
)


@pytest.fixture(scope="module")
def quadrature():
    node, weight = np.polynomial.legendre.leggauss(100)
    x = 1 + 11 * node  # (-10, 12): the tails outside weigh less than 1e-12
    return x, 11 * weight * tracy_widom_pdf(x)


def test_mean_and_variance_are_those_of_the_literature(quadrature):
    x, weight = quadrature
    assert weight.sum() == pytest.approx(1, abs=1e-11)
    mean = weight @ x
    assert mean == pytest.approx(-1.2065335745820, abs=1e-10)
    assert weight @ x**2 - mean**2 == pytest.approx(1.6077810345810, abs=1e-9)
    assert (TRACY_WIDOM_MEAN, TRACY_WIDOM_VARIANCE) == (-1.2065335745820, 1.6077810345810)


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
    assert tracy_widom_ppf(q) == pytest.approx(x, abs=0.0051)
    assert tracy_widom_cdf(tracy_widom_ppf(q)) == pytest.approx(q, abs=1e-13)


def test_density_is_the_derivative_of_the_distribution_function():
    for low, high in ((-8.0, -3.0), (-3.0, 0.0), (0.0, 6.0)):
        mass = quad(tracy_widom_pdf, low, high, epsabs=1e-12, epsrel=1e-10)[0]
        assert mass == pytest.approx(tracy_widom_cdf(high) - tracy_widom_cdf(low), abs=1e-11)


def test_both_tails_are_those_of_the_asymptotics():
    x = np.array([10.0, 30.0])
    upper = np.exp(-2 / 3 * x**1.5) / (4 * np.sqrt(np.pi) * x**0.75)
    # next term of the integral of Ai: 1 - 41 / (48 x^1.5)
    assert tracy_widom_sf(x) / upper == pytest.approx(1 - 41 / 48 / x**1.5, abs=2 / x[0] ** 3)
    # log F ~ -|x|^3 / 24 - |x|^1.5 / (3 sqrt 2): of order log |x| apart
    x = np.array([-5.0, -8.0])
    main = -(np.abs(x) ** 3) / 24 - np.abs(x) ** 1.5 / (3 * np.sqrt(2))
    gap = np.log(tracy_widom_cdf(x)) - main
    assert gap[1] - gap[0] == pytest.approx(-np.log(8 / 5) / 16, abs=0.01)


def test_tails_complement_each_other_and_end_quietly():
    x = np.linspace(-7, 7, 29)
    assert tracy_widom_cdf(x) + tracy_widom_sf(x) == pytest.approx(np.ones(29), abs=1e-14)
    assert np.all(np.diff(tracy_widom_cdf(x)) > 0)
    far = np.array([-1e8, -12.5, 1e3, 1e8])
    assert tracy_widom_cdf(far).tolist() == [0, 0, 1, 1]
    assert tracy_widom_pdf(far).tolist() == [0, 0, 0, 0]
    assert tracy_widom_sf(far).tolist() == [1, 1, 0, 0]


def test_quantiles_invert_the_distribution_function_far_into_the_tails():
    q = np.array([1e-10, 1e-6, 0.2, 1 - 1e-6, 1 - 1e-10])
    assert tracy_widom_cdf(tracy_widom_ppf(q)) == pytest.approx(q, rel=1e-9)
    assert tracy_widom_sf(tracy_widom_ppf(q[3:])) == pytest.approx([1e-6, 1e-10], rel=1e-5)


def test_shapes_are_kept():
    for function in (tracy_widom_cdf, tracy_widom_pdf, tracy_widom_sf):
        assert isinstance(function(0), float)
        assert function(np.zeros((2, 3), dtype=int)).shape == (2, 3)
        assert function([]).shape == (0,)
    assert isinstance(tracy_widom_ppf(0.5), float)
    assert tracy_widom_ppf([[0.1], [0.2]]).shape == (2, 1)


@pytest.mark.parametrize("bad", [np.nan, [np.inf], "a", [[1], [1, 2]], 1j])
@pytest.mark.parametrize(
    "function", [tracy_widom_cdf, tracy_widom_pdf, tracy_widom_sf, tracy_widom_ppf]
)
def test_bad_points_are_refused(function, bad):
    with pytest.raises(ValueError, match="must be"):
        function(bad)


@pytest.mark.parametrize("q", [0, 1, -0.1, 1.5, [0.5, 1e-12]])
def test_quantile_levels_out_of_range_are_refused(q):
    with pytest.raises(ValueError, match="q must be between"):
        tracy_widom_ppf(q)
