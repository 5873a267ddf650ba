"""Free convolutions: against closed forms, atoms, cumulants and random rotations."""

from operator import add, matmul

import numpy as np
import pytest
from battery import Battery, interior_points
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rmtlib import ConvergenceError, as_rng
from rmtlib.laws import Discrete, MarchenkoPastur, SampleCovariance, Semicircle, SpectralLaw
from rmtlib.laws._free import FreeProduct, FreeSum

SIGN = Discrete([-1.0, 1.0])
THREE = Discrete([1.0, 3.0, 7.0])

FREE_LAWS = [
    Semicircle(1.0) + Semicircle(3.0),
    MarchenkoPastur(0.5) + Semicircle(0.5),
    MarchenkoPastur(2.0) + Semicircle(0.01),
    MarchenkoPastur(4.0) + MarchenkoPastur(4.0),
    SIGN + Semicircle(0.01),
    Discrete([-1.0, 0.0, 5.0]) + MarchenkoPastur(1.0, 0.3),
    Discrete([-1.0, 1.0], [0.3, 0.7]) + Discrete([-1.0, 1.0], [0.2, 0.8]),
    MarchenkoPastur(0.1) @ THREE,
    THREE @ MarchenkoPastur(2.0),
    MarchenkoPastur(1.0) @ MarchenkoPastur(0.5),
    MarchenkoPastur(1.0) @ MarchenkoPastur(1.0),
    MarchenkoPastur(2.0) @ MarchenkoPastur(2.0),
    Discrete([0.0, 1.0]) @ Discrete([0.0, 1.0], [0.25, 0.75]),
    Discrete([1.0, 5.0], [0.6, 0.4]) @ Discrete([2.0, 3.0], [0.3, 0.7]),
    MarchenkoPastur(0.3) + Discrete([2.0]),
    MarchenkoPastur(1.0) @ Discrete([2.0]),
]


@pytest.mark.parametrize("law", FREE_LAWS, ids=repr)
class TestFreeLaws(Battery):
    pass


CLOSED = [
    (Semicircle(1.0) + Semicircle(3.0), Semicircle(4.0)),
    # MP(c, v) is free Poisson of rate 1 / c and jump c v: equal jumps, rates add
    (MarchenkoPastur(0.5, 2.0) + MarchenkoPastur(2.0, 0.5), MarchenkoPastur(0.4, 2.5)),
    (MarchenkoPastur(2.0) + MarchenkoPastur(2.0), MarchenkoPastur(1.0, 2.0)),
    (MarchenkoPastur(4.0) + MarchenkoPastur(4.0), MarchenkoPastur(2.0, 2.0)),
    *(
        (left, SampleCovariance(c, population))
        for c in (0.1, 1.0, 2.0)
        for population in (THREE, Discrete([0.0, 1.0, 4.0], [0.5, 0.25, 0.25]))
        for left in (MarchenkoPastur(c) @ population, population @ MarchenkoPastur(c))
    ),
    (MarchenkoPastur(0.3) @ MarchenkoPastur(0.5), SampleCovariance(0.3, MarchenkoPastur(0.5))),
    (MarchenkoPastur(0.5) @ Discrete([4.0]), MarchenkoPastur(0.5, 4.0)),
]


@pytest.mark.parametrize(("law", "closed"), CLOSED, ids=lambda law: repr(law))
def test_convolution_is_the_closed_form(law, closed):
    scale = closed.support()[1]
    assert law.bands() == pytest.approx(closed.bands(), abs=1e-11 * scale)
    x = interior_points(closed, 40)
    assert law.pdf(x) == pytest.approx(closed.pdf(x), rel=1e-11)
    assert law.cdf(x) == pytest.approx(closed.cdf(x), abs=1e-11)
    z = np.concatenate([x + 1e-3j, x + 2j, [-0.5, 1.5 * scale]])
    if closed.support()[0] >= 0:
        assert law.stieltjes(z) == pytest.approx(closed.stieltjes(z), rel=1e-11)
    assert [x for x, _ in law.atoms] == [x for x, _ in closed.atoms]
    assert [w for _, w in law.atoms] == pytest.approx([w for _, w in closed.atoms])


def test_sum_of_two_free_signs_is_the_arcsine_law():
    law = SIGN + SIGN
    assert law.bands() == pytest.approx(np.array([[-2.0, 2.0]]), abs=1e-13)
    assert law.atoms == ()
    x = np.linspace(-1.9, 1.9, 12)
    assert law.pdf(x) == pytest.approx(1 / (np.pi * np.sqrt(4 - x**2)), rel=1e-12)
    assert law.cdf(x) == pytest.approx(0.5 + np.arcsin(x / 2) / np.pi, abs=1e-11)


def test_product_of_two_free_projections_is_the_jacobi_law():
    # ranks a and b: edges a + b - 2ab -+ sqrt(4 a b (1 - a)(1 - b)), Voiculescu's example
    a, b = 0.5, 0.75
    law = Discrete([0.0, 1.0], [1 - a, a]) @ Discrete([0.0, 1.0], [1 - b, b])
    edges = a + b - 2 * a * b + np.array([-1, 1]) * np.sqrt(4 * a * b * (1 - a) * (1 - b))
    assert law.bands()[0] == pytest.approx(edges, rel=1e-11)
    assert law.atoms == ((0.0, 1 - min(a, b)), (1.0, a + b - 1))
    x = edges.mean() + np.array([-0.3, 0.0, 0.3])
    density = np.sqrt((x - edges[0]) * (edges[1] - x)) / (2 * np.pi * x * (1 - x))
    assert law.pdf(x) == pytest.approx(density, rel=1e-11)


def test_sign_plus_semicircle_splits_below_variance_one():
    # gap of the law of +-1 plus a semicircle of variance v closes at v = 1
    assert len((SIGN + Semicircle(0.99)).bands()) == 2
    assert len((SIGN + Semicircle(1.01)).bands()) == 1
    cusp = SIGN + Semicircle(1.0)
    assert cusp.bands().ravel() == pytest.approx(np.array([-1, 1]) * 1.5 * np.sqrt(3), rel=1e-9)
    x = 1e-6
    assert cusp.pdf(x) == pytest.approx(np.sqrt(3) / (2 * np.pi) * x ** (1 / 3), rel=1e-3)


def test_triple_product_of_square_white_matrices_has_fuss_catalan_moments():
    law = MarchenkoPastur(1.0) @ MarchenkoPastur(1.0) @ MarchenkoPastur(1.0)
    assert law.support() == pytest.approx((0.0, 4**4 / 3**3), rel=1e-10, abs=1e-12)
    assert [SpectralLaw.moment(law, k) for k in range(5)] == pytest.approx([1, 1, 4, 22, 140])


def free_cumulants(law):
    m1, m2, m3, m4 = (law.moment(k) for k in (1, 2, 3, 4))
    return np.array(
        [
            m1,
            m2 - m1**2,
            m3 - 3 * m1 * m2 + 2 * m1**3,
            m4 - 4 * m1 * m3 - 2 * m2**2 + 10 * m1**2 * m2 - 5 * m1**4,
        ]
    )


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (MarchenkoPastur(0.5), Semicircle(0.5)),
        (MarchenkoPastur(2.0), SIGN),
        (Discrete([0.0, 1.0, 4.0]), Discrete([-2.0, 1.0], [0.3, 0.7])),
        (SampleCovariance(0.5, Discrete([1.0, 4.0])), MarchenkoPastur(3.0, 0.4)),
    ],
)
def test_free_cumulants_add(a, b):
    assert free_cumulants(a + b) == pytest.approx(free_cumulants(a) + free_cumulants(b), rel=1e-8)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    ratio=st.floats(-3, 3).map(lambda e: 10**e),
    variance=st.floats(-3, 3).map(lambda e: 10**e),
    kind=st.sampled_from(["semicircle", "poisson", "product"]),
)
def test_convolution_has_mass_one_and_the_right_variance_over_six_decades(ratio, variance, kind):
    other = Semicircle(variance) if kind == "semicircle" else MarchenkoPastur(variance)
    first = MarchenkoPastur(ratio)
    law = first @ other if kind == "product" else first + other
    assert SpectralLaw.moment(law, 0) == pytest.approx(1, abs=1e-8)
    assert SpectralLaw.mean(law) == pytest.approx(law.mean(), rel=1e-8)
    assert SpectralLaw.var(law) == pytest.approx(law.var(), rel=1e-7)


def haar(n, rng):
    return stats.ortho_group.rvs(n, random_state=rng)


@pytest.mark.parametrize("kind", ["sum", "product"])
def test_a_haar_rotation_makes_matrices_free_at_rate_one_over_n(kind):
    a, b = Discrete([0.5, 1.0, 4.0]), Discrete([1.0, 2.0])
    law = a + b if kind == "sum" else a @ b
    z = 3.0 + 0.5j
    for n in (60, 240):
        rng = as_rng(n)
        errors = []
        for _ in range(6):
            turn = haar(n, rng)
            rotated = (turn * np.repeat(b.points, n // 2)) @ turn.T
            d = np.repeat(a.points, n // 3)
            matrix = (
                np.diag(d) + rotated
                if kind == "sum"
                else np.sqrt(d)[:, None] * rotated * np.sqrt(d)
            )
            errors.append(np.mean(1 / (np.linalg.eigvalsh(matrix) - z)) - law.stieltjes(z))
        # rms of one draw between 0.3 / n and 0.8 / n (measured)
        assert np.sqrt(np.mean(np.abs(errors) ** 2)) < 1.2 / n


def test_atoms_of_sums_and_products():
    a, b = Discrete([0.0, 1.0], [0.7, 0.3]), Discrete([0.0, 2.0], [0.6, 0.4])
    positions, masses = zip(*(a + b).atoms, strict=True)
    assert positions == (0.0, 2.0)
    assert masses == pytest.approx([0.3, 0.1])
    assert (a @ b).atoms == ((0.0, 0.7),)
    assert (a + Semicircle()).atoms == ()


def test_a_single_atom_shifts_and_scales_exactly():
    law, x = MarchenkoPastur(2.0), np.linspace(0.1, 12, 7)
    shifted, scaled = law + Discrete([3.0]), Discrete([2.0]) @ law
    assert np.array_equal(shifted.pdf(x + 3), law.pdf(x + 3 - 3))
    assert shifted.atoms == ((3.0, 0.5),)
    assert scaled.cdf(x) == pytest.approx(law.cdf(x / 2), rel=1e-14)
    assert (THREE + Discrete([1.0])).points.tolist() == [2.0, 4.0, 8.0]
    assert (THREE @ Discrete([0.0])).points.tolist() == [0.0]
    again = scaled + Discrete([1.0]) + Discrete([1.0])
    assert again.support() == pytest.approx((2.0, 2 + 2 * law.support()[1]))
    assert (law + Discrete([0.0])) is law


def test_sum_and_product_do_not_depend_on_the_order():
    for first, second in (
        (MarchenkoPastur(0.5) + SIGN, SIGN + MarchenkoPastur(0.5)),
        (MarchenkoPastur(2.0) @ THREE, THREE @ MarchenkoPastur(2.0)),
    ):
        x = interior_points(first)
        assert first.bands() == pytest.approx(second.bands(), rel=1e-11)
        assert first.pdf(x) == pytest.approx(second.pdf(x), rel=1e-11)


def test_inverse_moments_of_a_product_multiply_and_the_derivative_at_zero_is_right():
    law = MarchenkoPastur(0.3) @ MarchenkoPastur(0.5)
    assert law.stieltjes(0.0) == pytest.approx(1 / (0.7 * 0.5), rel=1e-12)
    h = 1e-4 * law.support()[0]
    quotient = (law.stieltjes(h) - law.stieltjes(-h)) / (2 * h)
    assert law._transform(np.zeros(1, complex))[1][0].real == pytest.approx(quotient, rel=1e-6)


def test_an_unsolved_equation_raises_instead_of_returning_numbers(monkeypatch):
    law = MarchenkoPastur(0.5) + Semicircle(0.5)
    monkeypatch.setattr("rmtlib.laws._subordination.follow", lambda step, z, singular: z + 1e-3j)
    with pytest.raises(ConvergenceError, match="subordination equations not solved at z = 1"):
        law.pdf(1.0)
    with pytest.raises(ConvergenceError, match="relative residual"):
        law.stieltjes([1 + 1j, 9.0])


def test_operators_make_free_sums_and_products():
    assert isinstance(SIGN + Semicircle(), FreeSum)
    assert isinstance(THREE @ MarchenkoPastur(0.5), FreeProduct)
    assert repr(SIGN + Semicircle()) == f"({SIGN!r} + {Semicircle()!r})"


@pytest.mark.parametrize("bad", [1.0, None, "law", [1.0, 2.0], np.nan])
def test_what_is_no_law_is_refused(bad):
    for operator in (add, matmul):
        with pytest.raises(TypeError):
            operator(bad, THREE)
        with pytest.raises(TypeError):
            operator(THREE, bad)


def test_products_need_laws_on_the_half_line():
    for pair in ((SIGN, THREE), (THREE, Semicircle())):
        with pytest.raises(ValueError, match=r"must be on \[0, infinity\)"):
            matmul(*pair)


@pytest.mark.parametrize(
    "law",
    [
        MarchenkoPastur(0.5) + Semicircle(0.5),
        MarchenkoPastur(2.0) @ THREE,
        SampleCovariance(0.5, THREE),
    ],
    ids=repr,
)
def test_subordination_points_satisfy_their_equations(law):
    z = np.array([[3.0 + 0.1j, 1 - 2j], [40 + 0j, 0.5 + 1e-6j]])
    first, second = law.subordination(z)
    assert first.shape == z.shape
    if isinstance(law, FreeSum):
        m = law.stieltjes(z)
        found = law._a.stieltjes(first), law._b.stieltjes(second)
        assert first + second - z == pytest.approx(-1 / m, rel=1e-9)
    else:
        a, b = (
            (law._a, law._b)
            if isinstance(law, FreeProduct)
            else (MarchenkoPastur(law.ratio), law.population)
        )
        m = 1 + z * law.stieltjes(z)
        found = 1 + first * a.stieltjes(first), 1 + second * b.stieltjes(second)
        assert first * second == pytest.approx(z * (m - 1) / m, rel=1e-9)
    assert found[0] == pytest.approx(m, rel=1e-9)
    assert found[1] == pytest.approx(m, rel=1e-9)
    assert all(isinstance(point, float) for point in law.subordination(50.0))


def test_points_of_the_sample_covariance_are_those_of_the_product():
    first, second = SampleCovariance(2.0, THREE), MarchenkoPastur(2.0) @ THREE
    z = np.array([2 + 0.1j, 30 + 0j, 0.1 + 1j])
    for a, b in zip(first.subordination(z), second.subordination(z), strict=True):
        assert a == pytest.approx(b, rel=1e-9)


# --- narrow bands, hard edges, moments: nothing is lost ---


def test_moments_of_shifted_and_scaled_laws_come_from_the_inner_law():
    law = MarchenkoPastur(1.0, 1e-6) + Discrete([1.0])
    assert law.var() == pytest.approx(1e-12, rel=1e-12)
    assert SpectralLaw.var(law) == pytest.approx(1e-12, rel=1e-3)
    assert law.mean() == 1 + 1e-6
    assert law.moment(3) == pytest.approx(1 + 3e-6, rel=1e-11)


@pytest.mark.parametrize(
    ("law", "point", "mass"),
    [
        (MarchenkoPastur(1e-8) @ Discrete([1.0, 1e5]), 2.0, 0.5),
        (Discrete([0.0, 1.0, 5.0]) + Discrete([0.0, 1e-8]), 0.5, 1 / 3),
        (Discrete([1e-3, 1.0]) @ MarchenkoPastur(1e-6), 0.5, 0.5),
        (Discrete([1.0, 1.0001]) + Semicircle(), 1.00005, 0.5),
    ],
    ids=repr,
)
def test_narrow_bands_carry_their_mass(law, point, mass):
    assert law.cdf(point) == pytest.approx(mass, abs=1e-9)
    assert SpectralLaw.moment(law, 0) == pytest.approx(1, abs=1e-9)


def test_two_free_projections_of_rank_one_half_have_the_arcsine_law():
    law = Discrete([0.0, 1.0]) @ Discrete([0.0, 1.0])
    assert law.atoms == ((0.0, 0.5),)
    assert law.bands() == pytest.approx(np.array([[0.0, 1.0]]), abs=1e-14)
    x = np.array([0.01, 0.3, 0.9])
    assert law.cdf(x) == pytest.approx(0.5 + np.arcsin(np.sqrt(x)) / np.pi, abs=1e-9)


def test_a_law_that_lost_mass_raises():
    wide = Discrete([1.0, 1e6]) @ Discrete([1.0, 1e6])
    assert wide.support()[0] == pytest.approx(1.0)
    with pytest.raises(ConvergenceError, match="instead of 1"):
        wide.cdf(0.5)  # the two bands touch at 1e6, where rounding blurs the edges
    with pytest.raises(ConvergenceError, match="instead of 1"):
        (Discrete([-1.0, 0.0, 1.0]) + Semicircle(1e-30)).cdf(0.5)  # bands of few rounding errors
