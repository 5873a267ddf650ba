import numpy as np
import pytest
from scipy.linalg import toeplitz
from scipy.special import ndtr

from rmtlib import as_rng
from rmtlib.clustering import (
    HEAT,
    RadialProfile,
    bayes_accuracy,
    center,
    clustering_accuracy,
    distance_kernel,
    linearization_terms,
    matched_accuracy,
    mean_spike,
    normalized_laplacian,
    quadratic_profile,
    spectral_clustering,
    spectral_embedding,
    squared_distances,
    trace_spike,
)
from rmtlib.mixtures import GaussianMixture

TERMS = ("constant", "gram", "means", "identity", "norms", "cross", "quadratic")


def opposite_means(p, strength):
    means = np.zeros((p, 2))
    means[0] = np.sqrt(strength), -np.sqrt(strength)
    return GaussianMixture(means)


def opposite_traces(p, t):
    return GaussianMixture(np.zeros((p, 2)), [1 + t / np.sqrt(p), 1 - t / np.sqrt(p)])


def general_mixture(p):
    """Three classes of different sizes, means, traces and shapes."""
    means = np.zeros((p, 3))
    means[:3] = np.diag([1.5, -1.0, 0.5])
    covariances = [toeplitz(0.4 ** np.arange(p)), 1 + 1 / np.sqrt(p), np.linspace(0.5, 1.5, p)]
    return GaussianMixture(means, covariances, [0.5, 0.25, 0.25])


def signs(labels):
    return np.where(labels == labels[0], 1.0, -1.0)


def accuracy_of(spike):
    return clustering_accuracy(spike.alignment)


def alignment_with_norms(spike, ratio):
    """A of the docstring of `trace_spike`, from its strength."""
    return 1 - 1 / ratio / (spike.strength - 1 / ratio) ** 2


def alignment(vector, labels):
    return (vector @ signs(labels)) ** 2 / len(labels)


# Kernel matrices


def test_kernel_entries_are_the_profile_of_the_distance():
    X = as_rng(0).standard_normal((7, 5))
    K = distance_kernel(X, HEAT)
    for i in range(5):
        for j in range(5):
            distance = np.sum((X[:, i] - X[:, j]) ** 2) / 7
            assert K[i, j] == pytest.approx(np.exp(-distance / 2), rel=1e-13)
    assert np.array_equal(K, K.T)


def test_diagonal_is_exact_and_distances_are_never_negative():
    centers = np.repeat([[1.0, -1.0]], 20, axis=1)  # two points with 20 near copies each
    X = centers + 1e-9 * as_rng(0).standard_normal((30, 40))
    distances = squared_distances(X)
    assert distances.min() == 0
    assert np.all(np.diag(distances) == 0)
    assert np.all(np.diag(distance_kernel(X, lambda t: np.sqrt(t) + 2)) == 2)


def test_distances_do_not_depend_on_the_origin():
    X = as_rng(0).standard_normal((3, 40))
    # 1e6 is rounded to 1e-10
    assert squared_distances(1e6 + X) == pytest.approx(squared_distances(X), abs=1e-8)


def test_centering_is_the_projection_on_both_sides_and_is_done_once():
    K = distance_kernel(as_rng(1).standard_normal((4, 9)), HEAT)
    P = np.eye(9) - 1 / 9
    assert center(K) == pytest.approx(P @ K @ P, abs=1e-15)
    assert center(center(K)) == pytest.approx(center(K), abs=1e-15)
    assert np.abs(center(K).sum(axis=0)).max() < 1e-14


def test_laplacian_has_largest_eigenvalue_n_with_the_roots_of_the_degrees():
    K = distance_kernel(as_rng(1).standard_normal((4, 9)), HEAT)
    D = np.diag(K.sum(axis=1))
    L = normalized_laplacian(K)
    inverse_root = np.diag(1 / np.sqrt(np.diag(D)))
    expected = 9 * inverse_root @ K @ inverse_root
    assert pytest.approx(expected, rel=1e-14) == L
    values, vectors = spectral_embedding(L, 1)
    assert values[0] == pytest.approx(9, rel=1e-14)
    assert vectors[:, 0] ** 2 == pytest.approx(np.diag(D) / K.sum(), rel=1e-12)


@pytest.mark.parametrize(
    "profile", [HEAT, quadratic_profile(5, -1, 3), quadratic_profile(1, 2, 3, 4)]
)
def test_derivatives_of_the_profiles_are_derivatives(profile):
    for t in (0.0, 1.3, 2.0, 5.0):
        step = 1e-5
        value, first, second = profile.at(t)
        assert value == profile(t)
        slope = (profile(t + step) - profile(t - step)) / (2 * step)
        assert first == pytest.approx(slope, rel=1e-8)
        slope = (profile.first(t + step) - profile.first(t - step)) / (2 * step)
        assert second == pytest.approx(slope, rel=1e-8)
    assert profile.shift(2.0) == profile(0.0) - profile(2.0) + 2 * profile.first(2.0)


def test_quadratic_profile_has_the_given_numbers():
    assert quadratic_profile(5, -1, 3).at(2.0) == (5, -1, 3)
    assert quadratic_profile(5, -1, 3, center=4).at(4.0) == (5, -1, 3)
    t = np.array([0.0, 1.0, 7.0])
    assert quadratic_profile(5, -1, 3)(t) == pytest.approx(1.5 * (t - 2) ** 2 - (t - 2) + 5)
    assert quadratic_profile(5, -1, 3).second(t).tolist() == [3, 3, 3]


# Linearization


@pytest.mark.parametrize("make", [general_mixture, lambda p: opposite_means(p, 1.0)])
def test_linearization_error_is_of_order_one_over_root_p(make):
    """sqrt(p) times the error is a constant, about 2 to 3 for these mixtures."""
    scaled = []
    for p in (64, 128, 256, 512):
        mixture = make(p)
        X, labels = mixture.sample(2 * p, rng=p)
        terms = linearization_terms(X, labels, mixture, HEAT)
        error = distance_kernel(X, HEAT) - sum(terms.values())
        scaled.append(np.sqrt(p) * np.linalg.norm(error, 2))
    assert max(scaled) < 4
    assert min(scaled) > 1
    assert max(scaled) / min(scaled) < 1.6  # a rate of p^-1/4 or p^-3/4 would give 1.7


@pytest.fixture(scope="module")
def expansion():
    mixture = general_mixture(512)
    X, labels = mixture.sample(1024, rng=3)
    K = distance_kernel(X, HEAT)
    terms = linearization_terms(X, labels, mixture, HEAT)
    return K, terms, np.linalg.norm(K - sum(terms.values()), 2)


def test_terms_sum_to_the_linearized_kernel(expansion):
    _, terms, error = expansion
    assert tuple(terms) == TERMS
    assert error < 4 / np.sqrt(512)


@pytest.mark.parametrize("key", TERMS)
def test_no_term_of_the_linearization_can_be_left_out_or_doubled(expansion, key):
    K, terms, error = expansion
    for factor in (0, 2):
        others = sum((factor if name == key else 1) * term for name, term in terms.items())
        assert np.linalg.norm(K - others, 2) > 1.7 * error


def test_short_form_of_the_expansion_gets_worse_and_its_repairs_do_not():
    """Without the term of the norms the error grows like sqrt(n), with it it stays."""
    short, repaired, full = [], [], []
    for p in (128, 512):
        mixture = opposite_means(p, 1.0)
        X, labels = mixture.sample(2 * p, rng=1)
        K = distance_kernel(X, HEAT)
        terms = linearization_terms(X, labels, mixture, HEAT)
        short.append(np.linalg.norm(K - sum(terms[k] for k in TERMS[:3]), 2))
        repaired.append(np.linalg.norm(K - sum(terms[k] for k in TERMS[:6]), 2))
        full.append(np.linalg.norm(K - sum(terms.values()), 2))
    assert short[1] / short[0] == pytest.approx(2, abs=0.3)
    # the norm of (e^-1 / 2)(psi 1^T + 1 psi^T), |psi|^2 = 2 n / p, is n / (e sqrt(2 p))
    assert short[1] == pytest.approx(1024 / (np.e * np.sqrt(2 * 512)), rel=0.2)
    assert repaired[1] / repaired[0] == pytest.approx(1, abs=0.15)
    assert full[1] / full[0] == pytest.approx(1 / 2, abs=0.15)


def test_short_form_has_the_published_coefficients():
    p = 50
    mixture = opposite_means(p, 1.7)
    X, labels = mixture.sample(20, rng=0)
    Z = X - mixture.means[:, labels]
    terms = linearization_terms(X, labels, mixture, HEAT)
    j = signs(labels)
    assert terms["constant"] == pytest.approx(np.full((20, 20), np.exp(-1)))
    assert terms["gram"] == pytest.approx(np.exp(-1) * Z.T @ Z / p, rel=1e-12)
    g = np.exp(-1) / 4 * 4 * 1.7  # g(Delta) = e^-1 Delta^2 / 4
    assert terms["means"] == pytest.approx(g * (np.outer(j, j) - 1) / p, abs=1e-15)
    assert terms["identity"] == pytest.approx(0.2642411177 * np.eye(20), abs=5e-11)


def test_sum_of_gram_means_and_cross_terms_is_the_gram_matrix_of_the_data_when_centered():
    mixture = opposite_means(40, 2.0)
    X, labels = mixture.sample(30, rng=0)
    terms = linearization_terms(X, labels, mixture, HEAT)
    informative = center(terms["gram"] + terms["means"] + terms["cross"])
    assert informative == pytest.approx(center(np.exp(-1) * X.T @ X / 40), abs=1e-14)


def test_the_equivalent_of_the_centered_kernel():
    for p, most in ((128, 0.35), (512, 0.175)):  # half the error at four times the size
        mixture = opposite_means(p, 1.0)
        n = 2 * p
        X, labels = mixture.sample(n, rng=2)
        psi = mixture.norm_fluctuation(X, labels)
        simple = center(np.exp(-1) * (X.T @ X / p + np.outer(psi, psi) / 4))
        simple += (1 - 2 / np.e) * center(np.eye(n))
        assert np.linalg.norm(center(distance_kernel(X, HEAT)) - simple, 2) < most


# Means


@pytest.mark.parametrize(
    ("strength", "ratio", "eigenvalue", "alignment", "accuracy", "edge"),
    [
        (4, 0.5, 4.402884831, 0.775, 0.9682676228, 2.408399631),
        (1, 0.5, 2.471517765, 0.25, 0.7181485692, 2.408399631),
        (3, 2, 1.490505922, 0.5833333333, 0.8816382147, 1.336320374),
    ],
)
def test_reference_numbers_of_mean_spikes(strength, ratio, eigenvalue, alignment, accuracy, edge):
    spike = mean_spike(strength, HEAT, ratio=ratio)
    assert spike.isolated is True
    assert spike.position == pytest.approx(eigenvalue, abs=6e-10)
    assert spike.alignment == pytest.approx(alignment, abs=5e-11)
    assert accuracy_of(spike) == pytest.approx(accuracy, abs=5e-11)
    assert accuracy_of(spike) == pytest.approx(
        ndtr(np.sqrt((strength**2 - ratio) / (strength + ratio))), rel=1e-14
    )
    assert spike.edge == HEAT.bulk(ratio)[1] == pytest.approx(edge, abs=6e-10)
    assert HEAT.shift(2.0) == pytest.approx(0.2642411177, abs=5e-11)
    assert spike.threshold == np.sqrt(ratio)


@pytest.mark.parametrize(("strength", "ratio"), [(2.0, 0.5), (4.0, 2.0)])
def test_second_eigenvector_of_the_kernel_shows_the_means_as_predicted(strength, ratio):
    n, draws = 500, 6
    mixture = opposite_means(int(ratio * n), strength)
    spike = mean_spike(strength, HEAT, ratio=ratio)
    rng = as_rng(4)
    found = []
    for _ in range(draws):
        X, labels = mixture.sample(n, rng=rng)
        K = distance_kernel(X, HEAT)
        values, vectors = spectral_embedding(K, 2)
        top, first = spectral_embedding(center(K), 1)
        measured = []
        for value, vector in ((values[1], vectors[:, 1]), (top[0], first[:, 0])):
            measured += [value, alignment(vector, labels), matched_accuracy(vector > 0, labels)]
        found.append(measured)
    mean, error = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / np.sqrt(draws)
    theory = np.array([spike.position, spike.alignment, accuracy_of(spike)])
    # 3.5 standard errors and a finite-size bias of order 1 / sqrt(n p), relative
    room = 3.5 * error + 3 * np.tile(theory, 2) / np.sqrt(n * mixture.p)
    assert np.all(np.abs(mean - np.tile(theory, 2)) < room)
    assert bayes_accuracy(strength) - accuracy_of(spike) > room[2]  # it is not the Bayes accuracy


def test_eigenvectors_know_nothing_of_the_means_below_the_threshold():
    n = 600
    mixture = opposite_means(300, 0.2)
    X, labels = mixture.sample(n, rng=0)
    spike = mean_spike(0.2, HEAT, ratio=0.5)
    assert (spike.isolated, spike.alignment, accuracy_of(spike)) == (False, 0, 0.5)
    assert spike.position == spike.edge
    values, vectors = spectral_embedding(distance_kernel(X, HEAT), 4)
    assert max(alignment(v, labels) for v in vectors.T) < 0.1
    # the edge, within a few Tracy-Widom scales n^(-2/3)
    assert values[1] == pytest.approx(spike.edge, abs=5 * n ** (-2 / 3))


def test_bulk_and_atom_of_the_centered_kernel():
    X, _ = opposite_means(150, 0.0).sample(600, rng=1)
    values = np.linalg.eigvalsh(center(distance_kernel(X, HEAT)))
    # n - p eigenvalues at F, one at 0 (centering), up to the p^-1/2 of the theorem
    at_shift = np.abs(values - HEAT.shift(2.0)) < 2 / np.sqrt(150)
    assert np.sum(at_shift) == pytest.approx(600 - 150, abs=3)
    low, high = HEAT.bulk(0.25)
    assert values[600 - 150 + 2] == pytest.approx(low, abs=2 / np.sqrt(150))
    assert values[-1] == pytest.approx(high, abs=2 / np.sqrt(150))


def test_accuracy_tends_to_the_bayes_accuracy_with_many_samples():
    assert accuracy_of(mean_spike(2.0, HEAT, ratio=1e-9)) == pytest.approx(
        bayes_accuracy(2.0), abs=1e-8
    )
    assert bayes_accuracy(2.0) == ndtr(np.sqrt(2))


def test_alignment_and_accuracy_do_not_depend_on_the_kernel():
    rho = np.array([0.1, 1.0, 5.0])
    heat, other = (mean_spike(rho, f, ratio=0.3) for f in (HEAT, quadratic_profile(9, -3, 8)))
    assert np.array_equal(heat.alignment, other.alignment)
    assert np.array_equal(accuracy_of(heat), accuracy_of(other))
    assert heat.position.shape == (3,)
    assert not np.any(np.isclose(heat.position, other.position))


# Traces


@pytest.mark.parametrize(
    ("profile", "operator", "strength", "eigenvalue", "spike_alignment", "alignment", "accuracy"),
    [
        (HEAT, "centered", 8.25, 4.013365423, 0.7785467128, 0.5898081158, 0.8847589231),
        (
            quadratic_profile(5, -1, 3), "kernel",
            46.2, 100.5895735, 0.9977538690, 0.7558741432, 0.9607635151,
        ),
    ],
)  # fmt: skip
def test_reference_numbers_of_trace_spikes(
    profile, operator, strength, eigenvalue, spike_alignment, alignment, accuracy
):
    spike = trace_spike(2.5, profile, ratio=0.25, operator=operator)
    assert spike.isolated is True
    assert spike.strength == pytest.approx(strength, rel=1e-14)
    assert spike.position == pytest.approx(eigenvalue, rel=5e-10)
    assert alignment_with_norms(spike, 0.25) == pytest.approx(spike_alignment, abs=5e-11)
    assert spike.alignment == pytest.approx(alignment, abs=5e-11)
    assert accuracy_of(spike) == pytest.approx(accuracy, abs=5e-11)
    assert spike.threshold == 6.0


def test_spike_of_the_norms_alone_is_in_the_gap_and_shows_nothing():
    spike = trace_spike(0.0, HEAT, ratio=0.1, operator="centered")
    assert spike.position == pytest.approx(1.7358, abs=5e-5)
    assert (alignment_with_norms(spike, 0.1), spike.alignment) == (pytest.approx(0.6), 0)
    assert HEAT.shift(2.0) < spike.position < spike.edge
    n, p = 1500, 150
    mixture = opposite_means(p, 0.0)
    X, labels = mixture.sample(n, rng=6)
    values, vectors = np.linalg.eigh(center(distance_kernel(X, HEAT)))
    psi = mixture.norm_fluctuation(X, labels)
    cosines = (vectors.T @ (psi / np.linalg.norm(psi))) ** 2
    assert values[cosines.argmax()] == pytest.approx(spike.position, abs=3 / np.sqrt(p))
    assert cosines.max() == pytest.approx(0.6, abs=1.5 / np.sqrt(p))


@pytest.fixture(scope="module")
def traces():
    n, p = 1000, 250
    X, labels = opposite_traces(p, 2.5).sample(n, rng=5)
    return X, labels, distance_kernel(X, HEAT)


def test_heat_kernel_is_blind_to_traces_and_centering_brings_them_back(traces):
    _, labels, K = traces
    for operator, matrix in (("kernel", K), ("laplacian", normalized_laplacian(K))):
        spike = trace_spike(2.5, HEAT, ratio=0.25, operator=operator)
        assert (spike.strength, spike.isolated, spike.alignment) == (0, False, 0)
        vectors = spectral_embedding(matrix, 6)[1][:, 1:]
        assert max(alignment(v, labels) for v in vectors.T) < 0.05
    spike = trace_spike(2.5, HEAT, ratio=0.25, operator="centered")
    values, vectors = spectral_embedding(center(K), 2)
    # over draws the standard deviations are 0.08, 0.03 and 0.016: 3 of them, and 1 / sqrt(n)
    assert values[0] == pytest.approx(spike.position, abs=0.27)
    assert values[1] == pytest.approx(spike.edge, abs=0.2)  # the edge is 0.44 lower
    assert alignment(vectors[:, 0], labels) == pytest.approx(spike.alignment, abs=0.12)
    assert matched_accuracy(vectors[:, 0] > 0, labels) == pytest.approx(
        accuracy_of(spike), abs=0.08
    )


@pytest.mark.parametrize("rate", [0.3, 0.7, 2.0])
def test_every_exponential_profile_is_blind_to_traces(rate):
    profile = RadialProfile(
        "exponential",
        lambda t: np.exp(-rate * t),
        lambda t: -rate * np.exp(-rate * t),
        lambda t: rate**2 * np.exp(-rate * t),
    )
    spike = trace_spike([0.0, 5.0], profile, ratio=0.1)
    assert spike.strength.tolist() == [0, 0]
    assert not np.any(spike.isolated)


def test_top_eigenvector_of_the_heat_kernel_holds_the_traces_at_bayes_accuracy():
    n, p, t = 1000, 500, 1.0
    X, labels = opposite_traces(p, t).sample(n, rng=1)
    top = spectral_embedding(distance_kernel(X, HEAT), 1)[1][:, 0]
    best = bayes_accuracy(trace_difference=t)
    assert best == pytest.approx(0.7602, abs=5e-5)
    # one data set: 3 sqrt(a (1 - a) / n)
    assert matched_accuracy(top - top.mean() > 0, labels) == pytest.approx(best, abs=0.04)


def test_laplacian_sees_the_traces_with_the_coefficient_of_the_kernel(traces):
    X, _, _ = traces
    profile = quadratic_profile(2, -2, 1)
    kernel, laplacian = (
        trace_spike(2.5, profile, ratio=0.25, operator=o) for o in ("kernel", "laplacian")
    )
    assert kernel == laplacian
    assert kernel.position == pytest.approx(-28.31, abs=0.005)
    K = distance_kernel(X, profile)
    lowest = np.linalg.eigvalsh(2.0 * normalized_laplacian(K))[0]
    # converges slowly, like 90 / sqrt(n) +- 0.8; the coefficient 5/4 would give -44.48
    assert abs(lowest - laplacian.position) < 3 * 0.8 + 90 / np.sqrt(1000)
    centered = trace_spike(2.5, profile, ratio=0.25, operator="centered")
    assert centered.position == pytest.approx(42.76, abs=0.005)
    top = spectral_embedding(center(K), 1)[0][0]
    assert top == pytest.approx(centered.position, rel=5 / np.sqrt(1000))


@pytest.mark.parametrize("ratio", [0.25, 2.0])
def test_trace_spikes_meet_the_edges_where_they_appear(ratio):
    gamma = 1 / ratio
    sides = ((1, 1), (-1, 0)) if gamma > 1 else ((1, 1),)
    for sign, edge in sides:
        critical = gamma + sign * np.sqrt(gamma)
        # f' = -1/2: s = f'' (2 + t^2) / c, critical at t = 1
        profile = quadratic_profile(1, -0.5, critical * ratio / 3)
        t = 1 + sign * np.array([-1e-6, 1e-6])
        spike = trace_spike(t, profile, ratio=ratio, operator="centered")
        assert spike.isolated.tolist() == [False, True]
        assert spike.edge[1] == profile.bulk(ratio)[edge]
        assert spike.position[1] == pytest.approx(spike.edge[1], rel=1e-9)
        assert spike.position[0] == profile.bulk(ratio)[1]  # no rank-one term pushes the edge down
        assert spike.alignment == pytest.approx([0, 0], abs=1e-4)


def test_accuracy_from_traces_is_below_the_bayes_accuracy():
    t = np.linspace(0.1, 6, 20)
    spike = trace_spike(t, quadratic_profile(5, -1, 3), ratio=0.25)
    assert np.all(accuracy_of(spike) <= ndtr(t / np.sqrt(2)))
    strong = trace_spike(t, quadratic_profile(5, -1e-6, 3), ratio=0.25)
    assert accuracy_of(strong) == pytest.approx(ndtr(t / np.sqrt(2)), abs=1e-6)
    assert bayes_accuracy(1.0, 2.0) == ndtr(np.sqrt(3))


# The algorithm


def test_embedding_is_the_leading_eigenpairs_with_a_fixed_sign():
    A = as_rng(0).standard_normal((12, 12))
    values, vectors = spectral_embedding(A + A.T, 3)
    assert values == pytest.approx(np.linalg.eigvalsh(A + A.T)[:-4:-1], rel=1e-12)
    assert (A + A.T) @ vectors == pytest.approx(vectors * values, abs=1e-12)
    assert np.all(vectors.max(axis=0) == np.abs(vectors).max(axis=0))
    assert spectral_embedding(A + A.T, 12)[1].shape == (12, 12)


@pytest.mark.parametrize("method", ["k-means", "em"])
def test_two_step_algorithm_reaches_the_predicted_accuracy(method):
    n, strength, ratio = 600, 4.0, 0.5
    X, labels = opposite_means(300, strength).sample(n, rng=3)
    K = distance_kernel(X, HEAT)
    accuracy = accuracy_of(mean_spike(strength, HEAT, ratio=ratio))
    room = 4 * np.sqrt(accuracy * (1 - accuracy) / n)
    for matrix, components in ((K, None), (center(K), 1), (normalized_laplacian(K), 2)):
        found = spectral_clustering(matrix, 2, method=method, components=components, rng=0)
        assert abs(matched_accuracy(found, labels) - accuracy) < room
    again = spectral_clustering(K, 2, method=method, rng=0)
    assert np.array_equal(again, spectral_clustering(K, 2, method=method, rng=0))


def test_three_classes_in_small_dimension_are_found():
    X, labels = GaussianMixture(6 * np.eye(3)).sample(60, rng=0)
    found = spectral_clustering(distance_kernel(X, HEAT), 3, rng=1)
    assert matched_accuracy(found, labels) == 1
    assert set(found) == {0, 1, 2}


def test_accuracies_do_not_depend_on_signs_and_names():
    labels = np.array([5, 5, 5, 9, 9])
    vector = np.array([0.1, 0.2, -0.1, -0.5, -0.6])
    assert matched_accuracy(vector > 0, labels) == matched_accuracy(-vector > 0, labels) == 0.8
    assert matched_accuracy([1, 1, 0, 0, 0], labels) == 0.8
    assert matched_accuracy([3, 3, 1, 2, 2], [0, 0, 1, 2, 2]) == 1
    assert matched_accuracy([0, 0, 0, 0], [0, 1, 2, 3]) == 0.25


def test_a_gaussian_vector_of_given_alignment_has_the_stated_accuracy():
    n = 200_000
    rng = as_rng(0)
    j = np.repeat([1, -1], n // 2)
    vector = np.sqrt(0.3) * j + np.sqrt(0.7) * rng.standard_normal(n)
    assert matched_accuracy(vector > 0, j) == pytest.approx(clustering_accuracy(0.3), abs=0.004)
    assert [clustering_accuracy(a) for a in (0, 0.5, 1)] == [0.5, ndtr(1), 1]


# Bad input

X, LABELS = opposite_means(6, 1.0).sample(8, rng=0)
MIXTURE = opposite_means(6, 1.0)


@pytest.mark.parametrize("bad", [[], [1.0, 2.0], [[np.nan, 1.0]], [[1, 2], [3]], [["a"]], [[]]])
@pytest.mark.parametrize(
    "function",
    [
        squared_distances,
        center,
        normalized_laplacian,
        lambda A: distance_kernel(A, HEAT),
        lambda A: linearization_terms(A, LABELS, MIXTURE, HEAT),
        lambda A: spectral_embedding(A, 1),
        lambda A: spectral_clustering(A, 2, rng=0),
    ],
)
def test_bad_matrices_are_refused(function, bad):
    with pytest.raises(ValueError, match="must be"):
        function(bad)


SKEW = np.array([[0.0, 1.0], [-1.0, 0.0]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: center(SKEW), "K must be symmetric"),
        (lambda: normalized_laplacian(-np.eye(2)), "K must have positive row sums, got -1"),
        (lambda: spectral_embedding(np.eye(3), 4), "components must be between 1 and 3, got 4"),
        (lambda: spectral_embedding(np.eye(3), 0), "components must be an integer >= 1"),
        (
            lambda: spectral_clustering(np.eye(3), 2, method="kmeans"),
            "method must be one of 'k-means'",
        ),
        (lambda: spectral_clustering(np.eye(3), 4, components=1), "classes must be between 1"),
        (lambda: spectral_clustering(np.eye(3), 2, rng="a"), "rng must be None"),
        (lambda: distance_kernel(X, lambda t: t + np.inf), r"profile\(distances\) must be finite"),
        (lambda: linearization_terms(X, LABELS[:-1], MIXTURE, HEAT), "labels must be of shape"),
        (
            lambda: linearization_terms(X, LABELS + 1, MIXTURE, HEAT),
            "labels must be between 0 and 1",
        ),
        (lambda: linearization_terms(X[1:], LABELS, MIXTURE, HEAT), "X must be of shape"),
        (lambda: quadratic_profile(np.nan, 1, 1), "value must be finite"),
        (lambda: quadratic_profile(1, "b", 1), "first must be a real number"),
        (lambda: quadratic_profile(1, 1, 1, -2), "center must be nonnegative"),
        (lambda: clustering_accuracy([0.5, 1.1]), "alignment must be between 0 and 1, got 1.1"),
        (lambda: clustering_accuracy(np.nan), "alignment must be finite"),
        (lambda: bayes_accuracy(-1), "mean_strength must be nonnegative"),
        (lambda: bayes_accuracy(1, np.inf), "trace_difference must be finite"),
        (lambda: mean_spike(-1, HEAT, ratio=0.5), "strength must be nonnegative"),
        (lambda: mean_spike(np.nan, HEAT, ratio=0.5), "strength must be finite"),
        (lambda: mean_spike(1, HEAT, ratio=-0.5), "ratio must be positive"),
        (lambda: mean_spike(1, quadratic_profile(1, 0, 1), ratio=1), "profile must decrease at 2"),
        (lambda: trace_spike(1, HEAT, ratio=0), "ratio must be positive"),
        (lambda: trace_spike([[1], [1, 2]], HEAT, ratio=1), "trace_difference must be"),
        (lambda: trace_spike(1, HEAT, ratio=1, operator="K"), "operator must be one of"),
        (
            lambda: trace_spike(1, quadratic_profile(-1, -1, 1), ratio=1),
            "profile must be positive at 2",
        ),
        (lambda: trace_spike(1, quadratic_profile(1, 1, 1), ratio=1), "profile must decrease"),
        (lambda: matched_accuracy([True, False], [0, 1, 1]), "labels must be of shape"),
        (lambda: matched_accuracy([0.5, 1], [0, 1]), "predicted must be a nonempty vector"),
        (lambda: matched_accuracy([0, 1], [0, 1, 1]), "labels must be of shape"),
    ],
)
def test_other_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_integer_data_work():
    data = np.arange(12).reshape(3, 4) % 5
    assert np.array_equal(distance_kernel(data, HEAT), distance_kernel(data.astype(float), HEAT))
    assert center([[2, 1], [1, 2]]).tolist() == [[0.5, -0.5], [-0.5, 0.5]]
    flat = RadialProfile("linear", lambda t: 3 - t, lambda t: -1.0, lambda t: 0.0)
    assert mean_spike(3, flat, ratio=1).alignment == mean_spike(3.0, HEAT, ratio=1.0).alignment
