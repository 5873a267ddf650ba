"""Spectral laws: one battery for every law, closed forms, reference numbers, sampling."""

import numpy as np
import pytest
from battery import Battery, interior_points
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from rmtlib import ConvergenceError, as_rng
from rmtlib.laws import (
    Discrete,
    FussCatalan,
    MarchenkoPastur,
    SampleCovariance,
    Semicircle,
    SpectralLaw,
    sample_covariance_eigenvalues,
    wishart_eigenvalues,
)

THREE = Discrete([1.0, 3.0, 7.0])
NULL = Discrete([0.0, 1.0, 4.0], [0.5, 0.25, 0.25])

LAWS = [
    *(MarchenkoPastur(c, v) for c in (0.01, 0.5, 1.0, 2.0, 50.0) for v in (1.0, 2.5)),
    Semicircle(),
    Semicircle(0.3),
    *(SampleCovariance(c, Discrete([2.0])) for c in (0.5, 1.0, 2.0)),
    *(SampleCovariance(c, Discrete([1.0, 6.0], [0.8, 0.2])) for c in (0.1, 1.0, 3.0)),
    *(SampleCovariance(c, THREE) for c in (0.1, 1.0, 2.0)),
    *(SampleCovariance(c, NULL) for c in (0.1, 1.0, 2.0, 3.0)),
    *(SampleCovariance(c, MarchenkoPastur(0.5)) for c in (0.3, 1.0, 2.0)),
    SampleCovariance(0.3, MarchenkoPastur(2.0)),
    SampleCovariance(1.0, MarchenkoPastur(1.0)),
    SampleCovariance(0.05, Discrete(np.linspace(1.0, 4.0, 40))),
    *(FussCatalan(depth) for depth in (1, 2, 5)),
]


@pytest.mark.parametrize("law", LAWS, ids=repr)
class TestLaws(Battery):
    pass


# --- Marchenko-Pastur ---

MP_REFERENCE = [
    # c, E-, E+, density(1), F(1), median, m(-1), m(1+0.1i)
    (0.01, 0.81, 1.21, 3.179117498, 0.5106129843, 0.9966656763, 0.5012499922,
     -0.1055903607 + 6.181954656j),
    (0.5, 0.08578643763, 2.914213562, 0.4210843993, 0.5760042150, 0.8304658816, 0.5615528128,
     -0.4108467896 + 1.268269410j),
    (2.0, 0.1715728753, 5.828427125, 0.1591549431, 0.6591549431, 0.0, 0.7071067812,
     -0.4725874778 + 0.5235040951j),
]  # fmt: skip


@pytest.mark.parametrize(
    ("c", "low", "high", "density", "mass", "median", "real", "off"), MP_REFERENCE
)
def test_marchenko_pastur_reference_numbers(c, low, high, density, mass, median, real, off):
    law = MarchenkoPastur(c)
    assert law.bands()[0] == pytest.approx([low, high], rel=1e-9)
    assert law.pdf(1.0) == pytest.approx(density, rel=1e-9)
    assert law.cdf(1.0) == pytest.approx(mass, rel=1e-9)
    assert law.ppf(0.5) == pytest.approx(median, rel=1e-9)
    assert law.stieltjes(-1.0) == pytest.approx(real, rel=1e-9)
    assert law.stieltjes(1 + 0.1j) == pytest.approx(off, rel=1e-9)


def test_marchenko_pastur_moments_are_narayana_polynomials():
    c, v = 0.3, 1.7
    moments = [1, 1, 1 + c, 1 + 3 * c + c**2, 1 + 6 * c + 6 * c**2 + c**3]
    law = MarchenkoPastur(c, v)
    assert [law.moment(k) / v**k for k in range(5)] == pytest.approx(moments, rel=1e-14)


def test_marchenko_pastur_atom_and_hard_edge():
    assert MarchenkoPastur(4.0).atoms == ((0.0, 0.75),)
    assert MarchenkoPastur(4.0).support() == (0.0, 9.0)
    assert MarchenkoPastur(4.0).cdf(0.0) == 0.75
    assert MarchenkoPastur(1.0).atoms == ()
    assert MarchenkoPastur(1.0).pdf(0.0) == np.inf
    # density near the hard edge: 1 / (pi sqrt(x))
    assert MarchenkoPastur(1.0).pdf(1e-12) == pytest.approx(1e6 / np.pi, rel=1e-10)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    exponent=st.floats(-3, 3) | st.sampled_from([1e-9, -1e-9, 1e-6]),
    variance=st.floats(-3, 3).map(lambda e: 10**e),
    share=st.floats(-0.5, 1.5),
    height=st.floats(-12, 3),
)
def test_marchenko_pastur_equation_holds_over_six_decades(exponent, variance, share, height):
    c = 10**exponent
    law = MarchenkoPastur(c, variance)
    low, high = law.bands()[0]
    z = low + share * (high - low) + 1j * high * 10**height
    m = law.stieltjes(z)
    terms = np.array([c * variance * z * m**2, (z + (c - 1) * variance) * m, 1])
    assert m.imag > 0
    assert abs(terms.sum()) <= 1e-12 * np.abs(terms).max()
    assert law.cdf(high) == pytest.approx(1, abs=1e-12)
    x = low + 0.4 * (high - low)
    theta = np.arccos((x / variance - 1 - c) / (2 * np.sqrt(c)))
    above = quad(
        lambda t: 2 * np.sin(t) ** 2 / (np.pi * (1 + c + 2 * np.sqrt(c) * np.cos(t))), 0, theta
    )[0]
    assert law.cdf(x) == pytest.approx(1 - above, abs=1e-12)
    assert SpectralLaw.moment(law, 2) == pytest.approx(law.moment(2), rel=1e-11)


def test_quantiles_end_at_any_scale():
    unit = MarchenkoPastur(0.5)
    for variance in (1e-310, 1e-200, 1e200):
        law = MarchenkoPastur(0.5, variance)
        assert law.ppf(0.5) / variance == pytest.approx(unit.ppf(0.5), rel=1e-12)
    assert Semicircle().ppf([0.2, 0.5, 0.8]) == pytest.approx(
        [-Semicircle().ppf(0.8), 0, Semicircle().ppf(0.8)], abs=1e-15
    )


def test_marchenko_pastur_inverse_moment_of_a_full_rank_covariance():
    # integral of 1/x = 1 / (1 - c): the transform at 0, real and regular for c < 1
    for c in (1e-3, 0.25, 0.9):
        assert MarchenkoPastur(c).stieltjes(0.0) == pytest.approx(1 / (1 - c), rel=1e-13)
        law = SampleCovariance(c, Discrete([2.0, 4.0]))
        assert law.stieltjes(0.0) == pytest.approx(0.375 / (1 - c), rel=1e-12)


# --- Silverstein ---


@pytest.mark.parametrize(
    ("c", "edges", "densities", "m", "companion"),
    [
        (
            0.1,
            [0.6004175610, 1.285018437, 1.936307124, 3.999018575, 4.928488498, 9.984083138],
            [0.5572973605, 0.1964387459],
            0.0612147955 + 0.3749962971j,
            -0.4174079322 + 0.1433819827j,
        ),
        (
            2.0,
            [0.4195774568, 26.43211084],
            [0.0809651535, 0.0459864972],
            -0.2074757183 + 0.2196379025j,
            0.0556367987 + 0.3216287462j,
        ),
    ],
)
def test_three_atoms_reference_numbers(c, edges, densities, m, companion):
    law = SampleCovariance(c, THREE)
    assert law.bands().ravel() == pytest.approx(edges, rel=1e-9)
    assert law.pdf([1.0, 3.0]) == pytest.approx(densities, rel=2e-9)
    assert law.stieltjes(2 + 0.5j) == pytest.approx(m, rel=1e-9)
    assert law.companion(2 + 0.5j) == pytest.approx(companion, rel=1e-9)
    assert law.atoms == (((0.0, 0.5),) if c == 2 else ())


def test_each_of_three_separated_bulks_carries_the_mass_of_its_atom():
    law = SampleCovariance(0.1, THREE)
    assert np.diff(law.cdf(law.bands()), axis=1).ravel() == pytest.approx([1 / 3] * 3, abs=1e-13)


@pytest.mark.parametrize("c", [0.1, 0.5, 1.0, 2.0, 3.0])
def test_atom_at_zero_is_the_larger_of_the_two_ranks(c):
    law = SampleCovariance(c, NULL)
    assert law.atoms == ((0.0, max(0.5, 1 - 1 / c)),)
    assert (law.bands()[0, 0] == 0) == (c == 2)  # hard edge when c (1 - nu{0}) = 1


@pytest.mark.parametrize("c", [1e-3, 0.3, 1.0, 2.5, 1e3])
def test_one_atom_is_marchenko_pastur(c):
    law, closed = SampleCovariance(c, Discrete([1.5])), MarchenkoPastur(c, 1.5)
    assert law.bands() == pytest.approx(closed.bands(), rel=1e-12, abs=1e-13)
    x = interior_points(closed)
    assert law.pdf(x) == pytest.approx(closed.pdf(x), rel=1e-10)
    z = x + 0.1j
    assert law.stieltjes(z) == pytest.approx(closed.stieltjes(z), rel=1e-12)


@pytest.mark.parametrize("pair", [(0.3, 0.5), (0.5, 3.0), (2.0, 0.7), (1.0, 0.4), (1.0, 1.0)])
def test_covariance_of_a_covariance_is_symmetric_in_the_two_ratios(pair):
    a, b = pair
    first = SampleCovariance(a, MarchenkoPastur(b))
    second = SampleCovariance(b, MarchenkoPastur(a))
    assert first.bands() == pytest.approx(second.bands(), rel=1e-12)
    x = interior_points(first)
    assert first.pdf(x) == pytest.approx(second.pdf(x), rel=1e-11)
    assert first.atoms == second.atoms


def test_continuation_agrees_with_the_eigenvalues(monkeypatch):
    law = SampleCovariance(0.1, THREE)
    x = interior_points(law, 200)
    z = np.concatenate([x + 1e-8j, x + 0.3j, [0.1, 1.5, 4.5, 12.0, -3.0]])
    densities, transforms = law.pdf(x), law.stieltjes(z)
    monkeypatch.setattr("rmtlib.laws._sample_covariance._MOST_ATOMS_BY_EIGENVALUES", 0)
    assert law.pdf(x) == pytest.approx(densities, rel=1e-10)
    assert law.stieltjes(z) == pytest.approx(transforms, rel=1e-10)


def test_an_unsolved_equation_raises_instead_of_returning_numbers(monkeypatch):
    law = SampleCovariance(0.3, MarchenkoPastur(0.5))
    monkeypatch.setattr(
        "rmtlib.laws._sample_covariance.follow", lambda step, z, singular: z + 1e-3j
    )
    with pytest.raises(ConvergenceError, match="Silverstein equation not solved at z = 1"):
        law.pdf(1.0)


def test_many_atoms_approach_the_continuous_population():
    # midpoint quantiles of a law: K atoms, error O(1/K**2) in smooth statistics, edges worse
    population = MarchenkoPastur(0.5)
    errors = []
    for size in (20, 80):
        atoms = Discrete(population.ppf((np.arange(size) + 0.5) / size))
        z = 2 + 0.5j
        errors.append(
            abs(
                SampleCovariance(0.7, atoms).stieltjes(z)
                - SampleCovariance(0.7, population).stieltjes(z)
            )
        )
    assert errors[0] < 1e-3
    assert errors[1] < errors[0] / 6


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    exponent=st.floats(-3, 3),
    points=st.lists(st.floats(-3, 3), min_size=1, max_size=6),
    share=st.floats(0.001, 0.999),
    height=st.floats(-9, 2),
)
def test_silverstein_equation_holds_over_six_decades(exponent, points, share, height):
    c, population = 10**exponent, Discrete(10 ** np.array(points))
    law = SampleCovariance(c, population)
    t, w = population.points, population.weights
    for low, high in law.bands():
        x = low + share * (high - low)
        assert law.pdf(x) > 0
        z = x + 1j * high * 10**height
        companion, m = law.companion(z), law.stieltjes(z)
        right = np.array([-1 / companion, *c * w * t / (1 + t * companion)])
        assert companion.imag > 0
        assert m.imag > 0
        assert abs(right.sum() - z) <= 1e-10 * max(abs(z), np.abs(right).max())
        assert abs(companion - c * m + (1 - c) / z) <= 1e-10 * (abs(companion) + abs((1 - c) / z))
    assert SpectralLaw.moment(law, 0) == pytest.approx(1, abs=1e-9)
    assert SpectralLaw.moment(law, 2) == pytest.approx(law.moment(2), rel=1e-9)


def test_companion_is_the_law_of_the_transposed_data():
    rng = as_rng(3)
    X = np.sqrt([[1.0], [3.0], [7.0]] * 100) * rng.standard_normal((300, 150))
    z = 2 + 0.5j
    trace = np.mean(1 / (np.linalg.eigvalsh(X.T @ X / 150) - z))
    companion = SampleCovariance(2.0, THREE).companion(z)
    # error of the p-trace at p = 300: rms 4.2e-3 at c = 2; the companion's is c times it
    assert abs(trace - companion) < 4 * 2 * 4.2e-3
    assert abs(trace - SampleCovariance(2.0, THREE).stieltjes(z)) > 0.1


def test_companion_at_zero():
    assert SampleCovariance(2.0, Discrete([1.0])).companion(0.0) == (
        pytest.approx(1.0, rel=1e-12)  # 1 / (c - 1)
    )
    with pytest.raises(ValueError, match="singular"):
        SampleCovariance(0.5, THREE).companion(0.0)


@pytest.mark.parametrize("population", [Discrete([-1.0, 1.0]), Discrete([0.0]), Semicircle()])
def test_population_off_the_half_line_is_refused(population):
    with pytest.raises(ValueError, match="population must be on"):
        SampleCovariance(0.5, population)


@pytest.mark.parametrize("population", [[1.0, 2.0], 3.0, None])
def test_population_that_is_no_law_is_refused(population):
    with pytest.raises(ValueError, match="population must be a SpectralLaw"):
        SampleCovariance(0.5, population)


@pytest.mark.parametrize("bad", [0, -0.5, np.nan, np.inf, "1", None, [0.5], 1j, True])
def test_parameters_that_are_not_positive_numbers_are_refused(bad):
    with pytest.raises(ValueError, match="ratio must be"):
        MarchenkoPastur(bad)
    with pytest.raises(ValueError, match="variance must be"):
        MarchenkoPastur(0.5, bad)
    with pytest.raises(ValueError, match="variance must be"):
        Semicircle(bad)
    with pytest.raises(ValueError, match="ratio must be"):
        SampleCovariance(bad, THREE)


def test_laws_are_immutable():
    with pytest.raises(AttributeError):
        MarchenkoPastur(0.5).ratio = 2.0
    with pytest.raises(ValueError, match="read-only"):
        THREE.points[0] = 5.0
    points = np.array([1.0, 2.0])
    law = Discrete(points)
    points[0] = 9.0
    assert law.points.tolist() == [1.0, 2.0]


# --- Discrete ---


def test_discrete_sorts_merges_and_drops():
    law = Discrete([3, 1, 3, 2], [0.2, 0.5, 0.3, 0.0])
    assert law.points.tolist() == [1.0, 3.0]
    assert law.weights.tolist() == [0.5, 0.5]
    assert law.atoms == ((1.0, 0.5), (3.0, 0.5))
    assert law.bands().shape == (0, 2)
    assert law.support() == (1.0, 3.0)


def test_discrete_cdf_ppf_moments_and_transform():
    law = Discrete([1.0, 2.0, 4.0], [0.5, 0.25, 0.25])
    assert law.cdf([0.9, 1.0, 3.0, 4.0]).tolist() == [0.0, 0.5, 0.75, 1.0]
    assert law.ppf([0.0, 0.5, 0.51, 0.75, 1.0]).tolist() == [1.0, 1.0, 2.0, 2.0, 4.0]
    assert law.pdf([1.0, 1.5]).tolist() == [0.0, 0.0]
    assert [law.moment(k) for k in range(3)] == [1.0, 2.0, 5.5]
    assert (law.mean(), law.var()) == (2.0, 1.5)
    assert law.stieltjes(3.0) == -0.25 - 0.25 + 0.25
    with pytest.raises(ValueError, match="atom"):
        law.stieltjes(2.0)
    counts = np.unique(law.rvs(4000, rng=0), return_counts=True)[1]
    assert stats.chisquare(counts, [2000, 1000, 1000]).pvalue > 1e-3


@pytest.mark.parametrize(
    ("points", "weights", "message"),
    [
        ([], None, "nonempty"),
        ([np.nan, 1.0], None, "finite"),
        ([[1.0, 2.0]], None, "vector"),
        ([1.0, 2.0], [0.5, 0.6], "sum to 1"),
        ([1.0, 2.0], [1.5, -0.5], "nonnegative"),
        ([1.0, 2.0], [1.0], "shape"),
        ("ab", None, "numbers"),
    ],
)
def test_discrete_refuses_what_is_no_law(points, weights, message):
    with pytest.raises(ValueError, match=message):
        Discrete(points, weights)


# --- eigenvalues of matrices ---


def dense_eigenvalues(p, n, draws, seed):
    X = as_rng(seed).standard_normal((draws, p, n))
    return np.linalg.eigvalsh(X @ X.transpose(0, 2, 1) / n)


@pytest.mark.parametrize(("p", "n"), [(12, 12), (8, 30), (30, 8), (1, 5), (5, 1), (1, 1)])
def test_bidiagonal_model_has_the_law_of_the_dense_matrix(p, n):
    draws = 3000
    fast, dense = (
        wishart_eigenvalues(p, n, size=draws, rng=1),
        dense_eigenvalues(p, n, draws, seed=2),
    )
    assert fast.shape == (draws, p)
    assert np.all(np.diff(fast) >= 0)
    assert np.all(fast[:, : max(p - n, 0)] == 0)
    for k in (1, 2, 3):
        a, b = np.sum(fast**k, axis=1), np.sum(dense**k, axis=1)
        # 4.5 standard errors of a difference of means, and of a ratio of variances
        assert abs(a.mean() - b.mean()) < 4.5 * np.sqrt((a.var() + b.var()) / draws)
        spread = np.sqrt(
            sum(np.mean((s - s.mean()) ** 4) / s.var() ** 2 - 1 for s in (a, b)) / draws
        )
        assert abs(np.log(a.var() / b.var())) < 4.5 * spread
    for which in (-1, max(p - n, 0)):
        assert stats.ks_2samp(fast[:, which], dense[:, which]).pvalue > 1e-4


def test_mean_traces_of_a_wishart_matrix_are_exact():
    # E tr W = p, E tr W^2 = p (n + p + 1) / n for W = X X^T / n
    p, n, draws = 40, 60, 4000
    eigenvalues = wishart_eigenvalues(p, n, size=draws, rng=7)
    for k, expected in ((1, p), (2, p * (n + p + 1) / n)):
        traces = np.sum(eigenvalues**k, axis=1)
        assert abs(traces.mean() - expected) < 4 * traces.std() / np.sqrt(draws)


@pytest.mark.parametrize("c", [0.5, 1.0, 2.0])
def test_spectral_cdf_converges_at_rate_one_over_p(c):
    law = MarchenkoPastur(c)
    for p in (100, 400, 1600):
        eigenvalues = np.sort(wishart_eigenvalues(p, round(p / c), size=4, rng=p), axis=1)
        top = np.arange(1, p + 1) / p
        theory = law.cdf(eigenvalues)
        # the p - n zeros are one jump: compare above it only
        above = eigenvalues > 0
        gap = np.abs(theory - top)[above]
        # measured constants 2.4 to 3.5 (the largest of p gaps grows like log p)
        assert gap.max() < 6.0 / p


def test_mean_resolvent_trace_converges_at_rate_one_over_p():
    law = MarchenkoPastur(0.5)
    exact = law.stieltjes(-0.5)
    for p in (100, 400, 1600):
        traces = np.mean(1 / (wishart_eigenvalues(p, 2 * p, size=16, rng=p) + 0.5), axis=1)
        # rms 0.54 / p measured, bias included
        assert np.sqrt(np.mean((traces - exact) ** 2)) < 0.8 / p


@pytest.mark.parametrize(("c", "constant"), [(0.1, 1.0), (2.0, 1.6)])
def test_sample_covariance_resolvent_converges_at_rate_one_over_p(c, constant):
    law, z = SampleCovariance(c, THREE), 2 + 0.5j
    for p in (60, 180):
        n = round(p / c)
        rng = as_rng(p)
        root = np.sqrt(np.repeat([[1.0], [3.0], [7.0]], p // 3, axis=0))
        errors = [
            np.mean(1 / (sample_covariance_eigenvalues(root * rng.standard_normal((p, n))) - z))
            - law.stieltjes(z)
            for _ in range(12)
        ]
        # rms of one draw about 0.9 / p at c = 0.1 and 1.4 / p at c = 2
        assert np.sqrt(np.mean(np.abs(errors) ** 2)) < 1.3 * constant / p


def test_no_eigenvalue_falls_in_the_gaps_and_the_bulks_have_exact_counts():
    p, n = 300, 3000
    root = np.sqrt(np.repeat([[1.0], [3.0], [7.0]], 100, axis=0))
    eigenvalues = sample_covariance_eigenvalues(root * as_rng(0).standard_normal((p, n)))
    bands = SampleCovariance(0.1, THREE).bands()
    gaps = 0.5 * (bands[:-1, 1] + bands[1:, 0])
    assert np.histogram(eigenvalues, [0, *gaps, np.inf])[0].tolist() == [100, 100, 100]


def test_sample_covariance_eigenvalues_are_those_of_the_dense_product():
    for p, n in ((5, 9), (9, 5), (6, 6)):
        X = as_rng(0).standard_normal((p, n))
        eigenvalues = sample_covariance_eigenvalues(X)
        assert eigenvalues == pytest.approx(np.linalg.eigvalsh(X @ X.T / n), abs=1e-14)
        assert eigenvalues.shape == (p,)
        assert np.all(eigenvalues[: max(p - n, 0)] == 0)
    assert sample_covariance_eigenvalues([[1, 2], [3, 4]]) == pytest.approx(
        [(15 - np.sqrt(221)) / 2, (15 + np.sqrt(221)) / 2]
    )


def test_sample_covariance_of_integers_is_computed_in_floats():
    X = as_rng(4).integers(-3, 4, size=(20, 40))
    expected = np.linalg.eigvalsh(X @ X.T / 40)
    np.testing.assert_allclose(sample_covariance_eigenvalues(X), expected, atol=1e-12)


@pytest.mark.parametrize("bad", [[], [[]], [1.0, 2.0], [[np.nan]], [[1.0], [1.0, 2.0]], [["a"]]])
def test_data_that_is_no_matrix_is_refused(bad):
    with pytest.raises(ValueError, match="X must be"):
        sample_covariance_eigenvalues(bad)


@pytest.mark.parametrize("bad", [0, -1, 2.5, np.nan, "3", None, True])
def test_sizes_that_are_no_integers_are_refused(bad):
    with pytest.raises(ValueError, match="p must be an integer"):
        wishart_eigenvalues(bad, 3)
    with pytest.raises(ValueError, match="n must be an integer"):
        wishart_eigenvalues(3, bad)
    if bad is not None:
        with pytest.raises(ValueError, match="size must be an integer"):
            wishart_eigenvalues(3, 3, size=bad)


def test_one_matrix_is_the_first_of_many_and_seeds_repeat():
    assert wishart_eigenvalues(4, 6, rng=0).shape == (4,)
    assert np.array_equal(
        wishart_eigenvalues(4, 6, size=1, rng=0)[0], wishart_eigenvalues(4, 6, rng=0)
    )
