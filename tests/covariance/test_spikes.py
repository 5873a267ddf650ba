import numpy as np
import pytest

from rmtlib import as_rng
from rmtlib.covariance import (
    covariance_spike,
    estimate_spike_strength,
    population_spike,
    signal_plus_noise_spike,
)
from rmtlib.laws import Discrete, MarchenkoPastur, SampleCovariance

TWO_ATOMS = Discrete([1.0, 6.0], [0.5, 0.5])


def spiked_draws(population, spike, n, draws, seed):
    """Eigenvalues (draws, p) and squared first entries of the eigenvectors, spike first."""
    rng = as_rng(seed)
    scale = np.sqrt(np.append(spike, population))[:, None]
    samples = [scale * rng.standard_normal((scale.size, n)) for _ in range(draws)]
    pairs = [np.linalg.eigh(X @ X.T / n) for X in samples]
    return np.array([values for values, _ in pairs]), np.array([v[0] ** 2 for _, v in pairs])


def agrees(simulated, theory, n, bias=6.0):
    """The mean of the draws: 3.5 standard errors and the O(1/n) of the theorem."""
    error = np.std(simulated, ddof=1) / np.sqrt(len(simulated))
    assert abs(np.mean(simulated) - theory) < 3.5 * error + bias * max(theory, 1) / n


@pytest.mark.parametrize(
    ("strength", "ratio", "position", "alignment", "variance"),
    [
        (0.8, 0.25, 2.3625, 0.4642857143, 3.94875),
        (2, 0.25, 3.375, 0.8333333333, 16.875),
        (-0.8, 0.25, 0.1375, 0.8863636364, 0.04875),
        (4, 2, 7.5, 0.5833333333, 43.75),
    ],
)
def test_reference_numbers_of_covariance_spikes(strength, ratio, position, alignment, variance):
    spike = covariance_spike(strength, ratio=ratio)
    assert spike.isolated is True
    assert spike.position == pytest.approx(position, rel=1e-12)
    assert spike.alignment == pytest.approx(alignment, abs=5e-11)
    assert spike.variance == pytest.approx(variance, rel=1e-12)
    assert spike.threshold == np.sqrt(ratio)


@pytest.mark.parametrize(
    ("eigenvalue", "position", "alignment"),
    [(3, 2.775, 0.8513513514), (10, 10.80555556, 0.8207654956)],
)
def test_reference_numbers_of_a_spike_in_a_gap_and_right_of_the_bulk(
    eigenvalue, position, alignment
):
    spike = population_spike(eigenvalue, TWO_ATOMS, ratio=0.1)
    assert spike.isolated is True
    assert spike.position == pytest.approx(position, rel=5e-10)
    assert spike.alignment == pytest.approx(alignment, abs=5e-11)


@pytest.mark.parametrize(("strength", "ratio"), [(2.0, 0.25), (-0.8, 0.25), (4.0, 2.0)])
def test_spike_of_white_noise_is_where_the_theorem_says(strength, ratio):
    n = 400
    p = int(ratio * n)
    values, alignments = spiked_draws(np.ones(p - 1), 1 + strength, n, 24 if p < n else 6, 7)
    spike = covariance_spike(strength, ratio=ratio)
    which = -1 if strength > 0 else 0
    agrees(values[:, which], spike.position, n)
    agrees(alignments[:, which], spike.alignment, n)


def test_spike_fluctuates_with_the_stated_variance():
    n, p, draws = 400, 100, 300
    largest = spiked_draws(np.ones(p - 1), 3.0, n, draws, 11)[0][:, -1]
    # relative error of a variance: sqrt(2 / 300) = 0.08, 3.5 of them
    assert n * largest.var() == pytest.approx(covariance_spike(2.0, ratio=0.25).variance, rel=0.29)


@pytest.mark.parametrize("eigenvalue", [3.0, 10.0])
def test_spike_of_a_two_atom_bulk_is_where_the_theorem_says(eigenvalue):
    n, p = 2000, 200
    bulk = np.repeat(TWO_ATOMS.points, p // 2)[1:]
    values, alignments = spiked_draws(bulk, eigenvalue, n, 10, 5)
    which = -1 if eigenvalue > 6 else p // 2 - 1
    spike = population_spike(eigenvalue, TWO_ATOMS, ratio=0.1)
    agrees(values[:, which], spike.position, n)
    agrees(alignments[:, which], spike.alignment, n)


def test_position_and_slope_match_the_edge_at_the_threshold():
    ratio = 0.3
    critical = np.sqrt(ratio)
    for sign in (1, -1):
        edge = (1 + sign * critical) ** 2
        steps = np.array([1e-3, 2e-3])
        gaps = np.abs(covariance_spike(sign * (critical + steps), ratio=ratio).position - edge)
        assert gaps[1] / gaps[0] == pytest.approx(4, rel=0.01)
        below = covariance_spike(sign * (critical - 1e-9), ratio=ratio)
        assert (below.position, below.alignment) == (pytest.approx(edge), 0)
        assert not below.isolated
        assert np.isnan(below.variance)
    assert not covariance_spike(critical, ratio=ratio).isolated
    assert covariance_spike(0, ratio=ratio).position == pytest.approx((1 + critical) ** 2)


def test_no_spike_leaves_on_the_left_with_fewer_samples_than_dimensions():
    assert not np.any(covariance_spike(np.linspace(-0.999, 0, 20), ratio=1.0).isolated)


def test_fields_have_the_shape_of_the_strength():
    spike = covariance_spike([[1, 2, 3], [0, 0, 4]], ratio=0.5)
    assert (
        spike.position.shape
        == spike.edge.shape
        == spike.alignment.shape
        == spike.variance.shape
        == (2, 3)
    )
    assert spike.isolated.tolist() == [[True] * 3, [False, False, True]]
    assert isinstance(covariance_spike(1, ratio=0.5).position, float)
    assert covariance_spike([], ratio=0.5).position.shape == (0,)


@pytest.mark.parametrize("ratio", [0.1, 0.25, 1.0, 3.0])
def test_strength_is_recovered_from_the_position(ratio):
    critical = np.sqrt(ratio)
    strength = np.concatenate([critical + np.logspace(-2, 3, 9), [-critical - 0.1, -0.99]])
    strength = strength[(strength > -1) & (np.abs(strength) > critical)]
    position = covariance_spike(strength, ratio=ratio).position
    assert estimate_spike_strength(position, ratio=ratio) == pytest.approx(strength, rel=1e-9)
    assert estimate_spike_strength((1 + critical) ** 2 - 1e-9, ratio=ratio) == 0
    assert estimate_spike_strength(0.0, ratio=ratio) == pytest.approx(-1 if ratio < 1 else 0)


@pytest.mark.parametrize("ratio", [0.2, 0.9, 1.0, 2.5])
def test_population_spike_of_a_single_atom_is_the_covariance_spike(ratio):
    for alpha in (0.05, 0.4, 0.9, 1.1, 2.0, 2.7, 50.0):
        one = population_spike(alpha, Discrete([1.0]), ratio=ratio)
        white = covariance_spike(alpha - 1, ratio=ratio)
        assert one.isolated == white.isolated
        assert one.position == pytest.approx(white.position, rel=1e-10)
        assert one.alignment == pytest.approx(white.alignment, rel=1e-9, abs=1e-12)
        assert abs(one.threshold - 1) == pytest.approx(white.threshold, rel=1e-9)


@pytest.mark.parametrize(
    ("ratio", "population"), [(0.1, TWO_ATOMS), (0.3, MarchenkoPastur(0.5)), (2.0, TWO_ATOMS)]
)
def test_a_hidden_spike_sticks_to_an_edge_of_the_sample_law(ratio, population):
    edges = SampleCovariance(ratio, population).bands()
    high = population.support()[1]
    spike = population_spike(high * 1.01, population, ratio=ratio)
    assert (spike.isolated, spike.alignment) == (False, 0.0)
    assert spike.position == pytest.approx(edges[-1, 1], rel=1e-9)
    just_above = population_spike(spike.threshold * (1 + 1e-6), population, ratio=ratio)
    assert just_above.isolated
    assert just_above.position == pytest.approx(edges[-1, 1], rel=1e-9)
    assert 0 < just_above.alignment < 1e-4


def test_a_hidden_spike_in_an_open_gap_sticks_to_the_nearer_side():
    bands = SampleCovariance(0.1, TWO_ATOMS).bands()
    for alpha, edge in ((0.9, bands[0, 0]), (1.1, bands[0, 1]), (5.5, bands[1, 0])):
        spike = population_spike(alpha, TWO_ATOMS, ratio=0.1)
        assert not spike.isolated
        assert spike.position == pytest.approx(edge, rel=1e-9)


def test_a_spike_in_a_closed_gap_is_lost_in_the_bulk():
    law = SampleCovariance(1.5, TWO_ATOMS)
    assert len(law.bands()) == 1
    spike = population_spike(3.0, TWO_ATOMS, ratio=1.5)
    assert (spike.isolated, spike.alignment) == (False, 0.0)
    assert np.isnan(spike.threshold)
    assert np.isnan(spike.edge)
    assert law.cdf(spike.position) == pytest.approx(0.5, abs=1e-9)


def test_signal_in_noise_agrees_with_the_equal_covariance_spike():
    rho = np.array([0.3, 0.8, 2.0, 9.0])
    signal, spike = signal_plus_noise_spike(rho, ratio=0.5), covariance_spike(rho, ratio=0.5)
    assert signal.position == pytest.approx(spike.position, rel=1e-14)
    assert signal.alignment == pytest.approx(spike.alignment, rel=1e-14)
    assert signal.isolated.tolist() == [False, True, True, True]
    # (rho^2 - c) / (rho (rho + 1))
    assert signal_plus_noise_spike(4, ratio=0.5).right_alignment == pytest.approx(0.775, rel=1e-14)
    # with c = 1 both spaces are alike
    square = signal_plus_noise_spike(rho, ratio=1.0)
    assert square.alignment == pytest.approx(square.right_alignment, rel=1e-14)


@pytest.mark.parametrize("ratio", [0.5, 2.0])
def test_both_singular_vectors_of_a_signal_in_noise_turn_as_the_theorem_says(ratio):
    n, rho = 300, 4.0
    p = int(ratio * n)
    rng = as_rng(2)
    j = np.repeat([1.0, -1.0], n // 2)
    found = []
    for _ in range(8):
        X = rng.standard_normal((p, n))
        X[0] += np.sqrt(rho) * j
        left, singular, right = np.linalg.svd(X, full_matrices=False)
        found.append((singular[0] ** 2 / n, left[0, 0] ** 2, (right[0] @ j) ** 2 / n))
    theory = signal_plus_noise_spike(rho, ratio=ratio)
    found = np.array(found)
    agrees(found[:, 0], theory.position, n)
    agrees(found[:, 1], theory.alignment, n)
    agrees(found[:, 2], theory.right_alignment, n)


BAD_NUMBERS = [np.nan, np.inf, "1", None, 1j]
BAD_ARRAYS = [*BAD_NUMBERS, [1.0, np.nan], [[1], [1, 2]]]


@pytest.mark.parametrize(
    "function", [covariance_spike, signal_plus_noise_spike, estimate_spike_strength]
)
class TestBadArguments:
    @pytest.mark.parametrize("bad", BAD_ARRAYS)
    def test_first_argument(self, function, bad):
        with pytest.raises(ValueError, match="must be"):
            function(bad, ratio=0.5)

    @pytest.mark.parametrize("bad", [*BAD_NUMBERS, 0, -0.5, [0.5, 0.6]])
    def test_ratio(self, function, bad):
        with pytest.raises(ValueError, match="ratio must be"):
            function(2.0, ratio=bad)


@pytest.mark.parametrize(
    ("function", "bad", "message"),
    [
        (covariance_spike, [0.0, -1], "strength must be greater than -1, got -1"),
        (signal_plus_noise_spike, [-0.1], "strength must be nonnegative, got -0.1"),
        (estimate_spike_strength, [1, -2], "position must be nonnegative, got -2"),
    ],
)
def test_parameters_out_of_range_are_named(function, bad, message):
    with pytest.raises(ValueError, match=message):
        function(bad, ratio=0.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.nan, TWO_ATOMS, 0.5), "eigenvalue must be finite"),
        ((-1, TWO_ATOMS, 0.5), "eigenvalue must be positive"),
        ((3, TWO_ATOMS, 0), "ratio must be positive"),
        ((6, TWO_ATOMS, 0.5), "outside the support of population, got 6"),
        ((1, MarchenkoPastur(0.5), 0.5), "outside the support"),
        ((3, Discrete([-1.0, 1.0]), 0.5), r"population must be a law on \[0, inf\)"),
        ((3, [1.0, 6.0], 0.5), "population must be a SpectralLaw, got list"),
    ],
)
def test_bad_arguments_of_population_spikes_are_refused(arguments, message):
    eigenvalue, population, ratio = arguments
    with pytest.raises(ValueError, match=message):
        population_spike(eigenvalue, population, ratio=ratio)


def test_strength_of_rounding_zeros():
    X = as_rng(0).standard_normal((200, 50))
    for dtype in (np.float64, np.float32):
        eigenvalues = np.linalg.eigvalsh((X @ X.T / 50).astype(dtype))
        assert eigenvalues.min() < 0
        assert np.all(estimate_spike_strength(eigenvalues[:190], ratio=4.0) == 0)
    assert estimate_spike_strength(-2.8e-15, ratio=4.0) == 0
    assert estimate_spike_strength([-2.8e-15, 1.0], ratio=0.5).tolist() == [-1, 0]
