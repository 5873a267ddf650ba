import numpy as np
import pytest
from scipy.linalg import eigh
from scipy.special import ndtr
from scipy.stats import chi2, ncx2

from rmtlib import as_rng
from rmtlib.mixtures import (
    GaussianMixture,
    distance_auc,
    distance_auc_limit,
    isotropic_quadratic_error,
    nearest_neighbor_accuracy,
    plug_in_linear_discriminant_error,
    standard_example,
    two_classes,
)
from rmtlib.mixtures._errors import _race


def opposite_means(p, distance, **kwargs):
    means = np.zeros((p, 2))
    means[0] = distance / 2, -distance / 2
    return GaussianMixture(means, **kwargs)


def wishart(p, seed):
    G = as_rng(seed).standard_normal((p, 2 * p))
    return G @ G.T / (2 * p)


def within_errors(simulated, theory, count, errors=4):
    """A proportion of `count` independent trials agrees within 4 standard errors."""
    assert abs(simulated - theory) < errors * np.sqrt(theory * (1 - theory) / count)


# Sampling


@pytest.mark.parametrize("n", [1, 2, 3, 10, 11, 97, 1000])
@pytest.mark.parametrize("weights", [(0.5, 0.3, 0.2), (1 / 3, 1 / 3, 1 / 3), (0.29, 0.01, 0.7)])
def test_class_sizes_sum_to_n_and_differ_from_the_weights_by_less_than_one(n, weights):
    sizes = GaussianMixture([[0, 1, 2]], weights=weights).class_sizes(n)
    assert sizes.sum() == n
    assert np.max(np.abs(sizes - n * np.array(weights))) < 1


def test_class_sizes_are_exact_when_n_times_weights_is_whole():
    sizes = GaussianMixture([[0, 1, 2]], weights=(0.29, 0.01, 0.7)).class_sizes(100)
    assert sizes.tolist() == [29, 1, 70]


def test_samples_are_sorted_by_class_with_fixed_sizes():
    X, labels = GaussianMixture(np.zeros((3, 2)), weights=(0.25, 0.75)).sample(20, rng=0)
    assert X.shape == (3, 20)
    assert labels.tolist() == [0] * 5 + [1] * 15


def test_random_labels_are_independent_draws_with_the_weights():
    _, labels = GaussianMixture([[0, 9]], weights=(0.2, 0.8)).sample(
        20_000, random_labels=True, rng=1
    )
    within_errors(np.mean(labels == 0), 0.2, labels.size)
    # Lag-one independence: class 0 follows class 0 as often as anything else.
    within_errors(np.mean((labels[1:] == 0) & (labels[:-1] == 0)), 0.04, labels.size - 1)


@pytest.mark.parametrize("random_labels", [False, True])
def test_random_labels_say_which_class_each_column_is_from(random_labels):
    mixture = GaussianMixture([[0.0, 100.0]], weights=(0.4, 0.6))
    X, labels = mixture.sample(50, random_labels=random_labels, rng=2)
    assert np.array_equal(labels, (X[0] > 50).astype(int))


def test_same_seed_same_draws_and_a_generator_continues():
    mixture = opposite_means(4, 1.0)
    first, second = mixture.sample(5, rng=7)[0], mixture.sample(5, rng=7)[0]
    assert np.array_equal(first, second)
    rng = as_rng(7)
    assert np.array_equal(mixture.sample(5, rng=rng)[0], first)
    assert not np.array_equal(mixture.sample(5, rng=rng)[0], first)


def test_normalize_divides_by_the_square_root_of_p():
    mixture = opposite_means(9, 1.0, covariances=[2, np.arange(1, 10)])
    plain, normalized = mixture.sample(6, rng=3)[0], mixture.sample(6, normalize=True, rng=3)[0]
    assert np.allclose(plain / 3, normalized, rtol=1e-15, atol=0)


@pytest.mark.parametrize("kind", ["number", "vector", "matrix"])
def test_sample_covariance_of_a_class_is_its_covariance(kind):
    p, n = 5, 40_000
    C = {"number": 2.5, "vector": np.arange(1.0, 6.0), "matrix": wishart(p, 4)}[kind]
    mixture = GaussianMixture(np.full((p, 1), 3.0), covariances=[C])
    X, _ = mixture.sample(n, rng=5)
    Z = X - 3.0
    full = mixture.covariance_matrix(0)
    # Var of (Z Z^T / n)_ij is (C_ii C_jj + C_ij^2) / n; 5 standard errors for 15 entries.
    errors = np.sqrt((np.outer(np.diag(full), np.diag(full)) + full**2) / n)
    assert np.max(np.abs(Z @ Z.T / n - full) / errors) < 5
    assert np.max(np.abs(Z.mean(axis=1)) / np.sqrt(np.diag(full) / n)) < 5


def test_three_ways_to_write_a_covariance_give_the_same_mixture():
    p = 6
    as_number, as_vector, as_matrix = (
        opposite_means(p, 2.0, covariances=[C, 3 * C if np.ndim(C) else 3.0])
        for C in (1.0, np.ones(p), np.eye(p))
    )
    X, labels = as_number.sample(20, rng=6)
    for other in (as_vector, as_matrix):
        assert np.allclose(other.sample(20, rng=6)[0], X, atol=1e-14)
        assert other.bayes_error() == pytest.approx(as_number.bayes_error(), rel=1e-12)
        assert np.allclose(other._log_densities(X), as_number._log_densities(X))
        mine, theirs = other.second_order(), as_number.second_order()
        assert np.allclose(mine.t, theirs.t, atol=1e-14)
        assert np.allclose(mine.T, theirs.T, atol=1e-14)
        assert np.allclose(other.norm_fluctuation(X, labels), as_number.norm_fluctuation(X, labels))


def test_a_singular_covariance_can_be_sampled():
    X, _ = GaussianMixture(np.zeros((2, 1)), covariances=[[[1, 1], [1, 1]]]).sample(9, rng=0)
    assert np.allclose(X[0], X[1], atol=1e-7)


def test_the_mixture_keeps_its_own_read_only_copies():
    means = np.zeros((2, 2))
    mixture = GaussianMixture(means)
    means[0, 0] = 5
    assert mixture.means[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        mixture.means[0, 0] = 1


def test_attributes_and_repr():
    mixture = GaussianMixture(np.zeros((7, 3)), weights=(0.5, 0.25, 0.25))
    assert (mixture.p, mixture.K) == (7, 3)
    assert repr(mixture) == "GaussianMixture(p=7, K=3, weights=(0.5, 0.25, 0.25))"


# Optimal errors


def test_bayes_error_with_equal_covariances_is_the_gaussian_tail_at_half_the_distance():
    mixture = opposite_means(50, 3.0)
    assert mixture.bayes_separation() == pytest.approx(3.0, rel=1e-14)
    assert mixture.bayes_error() == pytest.approx(0.0668072013, abs=5e-11)


def test_bayes_error_of_means_and_covariances_together():
    # |mu_1 - mu_2|^2 = 1, |C_1 - C_2|_F^2 = 9, mean covariance I.
    p = 64
    mixture = opposite_means(p, 1.0, covariances=[1 + 1.5 / np.sqrt(p), 1 - 1.5 / np.sqrt(p)])
    assert mixture.bayes_error() == pytest.approx(0.1204773344, abs=5e-11)


def test_bayes_separation_does_not_depend_on_the_basis():
    p = 12
    Q, _ = np.linalg.qr(as_rng(8).standard_normal((p, p)))
    means = as_rng(9).standard_normal((p, 2))
    C1, C2 = np.linspace(1, 2, p), np.linspace(3, 1, p)
    straight = GaussianMixture(means, covariances=[C1, C2], weights=(0.3, 0.7))
    turned = GaussianMixture(
        Q @ means, covariances=[(Q * C1) @ Q.T, (Q * C2) @ Q.T], weights=(0.3, 0.7)
    )
    assert turned.bayes_separation() == pytest.approx(straight.bayes_separation(), rel=1e-12)
    X = straight.sample(10, rng=1)[0]
    assert np.allclose(turned._log_densities(Q @ X), straight._log_densities(X))


@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.2, 0.8), (0.95, 0.05)])
def test_optimal_rule_makes_the_predicted_number_of_errors(weights):
    p, n = 10, 20_000
    C = wishart(p, 10)
    mixture = GaussianMixture(
        np.sqrt(C.diagonal()[:, None]) * [0.3, -0.3], covariances=[C, C], weights=weights
    )
    X, labels = mixture.sample(n, random_labels=True, rng=11)
    error = np.mean(mixture.bayes_classify(X) != labels)
    within_errors(error, mixture.bayes_error(), n)


def test_bayes_separation_is_a_sum_over_the_eigenvalues_of_the_pencil():
    # W^T C W = I and W^T (C_1 - C_2) W = diag(values); C_1 and C_2 do not commute.
    p = 7
    C1, C2 = wishart(p, 23), wishart(p, 24)
    means = as_rng(25).standard_normal((p, 2))
    mixture = GaussianMixture(means, covariances=[C1, C2], weights=(0.3, 0.7))
    values, W = eigh(C1 - C2, 0.3 * C1 + 0.7 * C2)
    d2 = np.sum((W.T @ (means[:, 0] - means[:, 1])) ** 2) + np.sum(values**2) / 2
    assert mixture.bayes_separation() == pytest.approx(np.sqrt(d2), rel=1e-12)


def test_classes_that_differ_by_nothing_are_decided_by_the_larger_weight():
    mixture = GaussianMixture(np.zeros((3, 2)), weights=(0.3, 0.7))
    assert mixture.bayes_separation() == 0
    assert mixture.bayes_error() == pytest.approx(0.3, rel=1e-15)


def test_exact_quadratic_error_reference_value():
    assert isotropic_quadratic_error(3.0, p=256) == pytest.approx(0.1656994137, abs=5e-11)
    assert isotropic_quadratic_error(0, p=7) == 0.5


@pytest.mark.parametrize("contrast", [3.0, -3.0])
def test_exact_quadratic_error_tends_to_its_limit_at_rate_one_over_sqrt_p(contrast):
    limit = ndtr(-3 / (2 * np.sqrt(2)))
    assert limit == pytest.approx(0.1444221832, abs=5e-11)
    # The difference is sign(contrast) 0.36 / sqrt(p) (1 + O(1/sqrt(p))).
    for p in (1024, 4096, 16384):
        scaled = (isotropic_quadratic_error(contrast, p=p) - limit) * np.sqrt(p) / np.sign(contrast)
        assert scaled == pytest.approx(0.361, abs=0.5 / np.sqrt(p))


@pytest.mark.parametrize("contrast", [3.0, -3.0])
def test_likelihood_rule_makes_the_exact_number_of_quadratic_errors(contrast):
    p, n = 64, 20_000
    mixture = GaussianMixture(np.zeros((p, 2)), covariances=[1.0, 1 + contrast / np.sqrt(p)])
    X, labels = mixture.sample(n, rng=14)
    error = np.mean(mixture.bayes_classify(X) != labels)
    within_errors(error, isotropic_quadratic_error(contrast, p=p), n)


def test_exact_quadratic_error_integrates_the_smaller_density():
    p, s2 = 9, 1 + 2 / 3
    r = np.linspace(0, 200, 400_001)
    smaller = np.minimum(chi2.pdf(r, p), chi2.pdf(r / s2, p) / s2)
    assert isotropic_quadratic_error(2.0, p=p) == pytest.approx(
        np.trapezoid(smaller, r) / 2, abs=1e-8
    )


def test_a_rank_one_difference_of_the_same_operator_norm_is_invisible():
    # Exact error for diag(s2, 1, ..., 1) against the identity is the one-dimensional one.
    p = 1024
    spread = isotropic_quadratic_error(3.0, p=p)
    s2 = 1 + 3 / np.sqrt(p)
    one_direction = isotropic_quadratic_error(s2 - 1, p=1)
    assert spread < 0.16
    assert one_direction == pytest.approx(0.4892, abs=5e-5)


def test_plug_in_error_reference_values_and_known_means():
    assert plug_in_linear_discriminant_error(3, ratio=0.5) == pytest.approx(0.0874222168, abs=5e-11)
    assert plug_in_linear_discriminant_error(3, ratio=2) == pytest.approx(0.1375461883, abs=5e-11)
    assert plug_in_linear_discriminant_error(3, ratio=0) == pytest.approx(0.0668072013, abs=5e-11)
    assert plug_in_linear_discriminant_error(0, ratio=0) == 0.5


@pytest.mark.parametrize("ratio", [0.5, 2.0])
def test_plug_in_rule_makes_the_predicted_errors_on_average(ratio):
    # The error given the estimated means is exact, so only the mean over training sets is random:
    # bias O(1/n), spread over training sets measured.
    p = 400
    n = int(p / ratio)
    mixture = opposite_means(p, 3.0)
    rng = as_rng(15)
    errors = []
    for _ in range(60):
        X, labels = mixture.sample(n, rng=rng)
        first, second = X[:, labels == 0].mean(axis=1), X[:, labels == 1].mean(axis=1)
        w, middle = first - second, (first + second) / 2
        margins = (w @ (mixture.means - middle[:, None])) / np.linalg.norm(w)
        errors.append((ndtr(-margins[0]) + ndtr(margins[1])) / 2)
    mean, spread = np.mean(errors), np.std(errors) / np.sqrt(len(errors))
    theory = plug_in_linear_discriminant_error(3.0, ratio=ratio)
    assert abs(mean - theory) < 4 * spread + 0.5 / n
    assert 4 * spread + 0.5 / n < 0.1 * theory


# Distances


def test_distance_auc_reference_values():
    assert distance_auc(3, p=100) == pytest.approx(0.5869533529, abs=5e-11)
    assert distance_auc_limit(3, p=100) == pytest.approx(0.5890103629, abs=5e-11)
    assert distance_auc(0, p=10) == pytest.approx(0.5, rel=1e-14)
    assert distance_auc(1e3, p=10) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(("distance", "p"), [(1.0, 1), (3.0, 20), (8.0, 5)])
def test_distance_auc_is_the_noncentral_chi_square_integral(distance, p):
    # P(between > within) = 1 - int F_between(x) f_within(x) dx, on the uniform scale of within.
    u, w = np.polynomial.legendre.leggauss(2000)
    within = chi2.ppf((u + 1) / 2, p)
    integral = w @ ncx2.sf(within, p, distance**2 / 2) / 2
    # ppf has a square-root singularity at 0 for p = 1: the quadrature is good to 1e-6 there.
    assert distance_auc(distance, p=p) == pytest.approx(integral, abs=1e-6)


def test_distance_auc_by_simulation():
    p, pairs = 30, 20_000
    same, both = GaussianMixture(np.zeros((p, 1))), opposite_means(p, 4.0)
    within, between = (
        np.sum((X[:, :pairs] - X[:, pairs:]) ** 2, axis=0)
        for X in (same.sample(2 * pairs, rng=16)[0], both.sample(2 * pairs, rng=17)[0])
    )
    within_errors(np.mean(between > within), distance_auc(4.0, p=p), pairs)


def test_distance_auc_tends_to_its_limit_at_rate_p_to_the_minus_three_halves():
    gaps = [
        p**1.5 * (distance_auc(3, p=p) - distance_auc_limit(3, p=p)) for p in (1600, 6400, 25600)
    ]
    assert gaps == pytest.approx([-2.24] * 3, rel=0.01)


# Second-order statistics


def three_classes(p):
    covariances = [1 + 1 / np.sqrt(p), np.linspace(0.5, 1.5, p), wishart(p, 18)]
    means = as_rng(19).standard_normal((p, 3)) / np.sqrt(p)
    return GaussianMixture(means, covariances=covariances, weights=(0.5, 0.3, 0.2))


def test_second_order_statistics_are_traces_of_full_matrices():
    p = 20
    mixture = three_classes(p)
    C = [mixture.covariance_matrix(a) for a in range(3)]
    mean = 0.5 * C[0] + 0.3 * C[1] + 0.2 * C[2]
    second_order = mixture.second_order()
    t, T = second_order.t, second_order.T
    assert np.allclose(mixture._mean_covariance, mean, rtol=1e-14)
    assert np.allclose(t, [np.trace(A - mean) / np.sqrt(p) for A in C], atol=1e-13)
    assert np.allclose(T, [[np.trace(A @ B) / p for A in C] for B in C], rtol=1e-13)
    assert mixture.weights @ t == pytest.approx(0, abs=1e-13)
    assert mixture.typical_squared_norm() == pytest.approx(np.trace(mean) / p, rel=1e-14)


@pytest.mark.parametrize("normalize", [False, True])
def test_norm_fluctuation_is_centered_with_variance_2_T_over_p(normalize):
    p, n = 50, 6000
    mixture = three_classes(p)
    X, labels = mixture.sample(n, normalize=normalize, rng=20)
    psi = mixture.norm_fluctuation(X, labels, normalize=normalize)
    T = mixture.second_order().T
    for a, size in enumerate(mixture.class_sizes(n)):
        values, variance = psi[labels == a], 2 * T[a, a] / p
        assert abs(values.mean()) < 4 * np.sqrt(variance / size)
        # Relative standard error of a variance is sqrt((kurtosis - 1) / size), kurtosis < 3.6 here.
        assert values.var() == pytest.approx(variance, rel=4 * np.sqrt(2.6 / size))


def test_norm_fluctuation_is_the_same_for_normalized_points():
    mixture = three_classes(15)
    (X, labels), (Y, _) = (mixture.sample(30, normalize=flag, rng=21) for flag in (False, True))
    assert np.allclose(
        mixture.norm_fluctuation(X, labels),
        mixture.norm_fluctuation(Y, labels, normalize=True),
        atol=1e-14,
    )


def test_typical_squared_norm_is_the_limit_of_the_squared_norms():
    p = 2000
    mixture = three_classes(p)
    X, _ = mixture.sample(100, normalize=True, rng=22)
    # |mu_a|^2 / p = O(1/p); each norm fluctuates by sqrt(2 T / p) and t_a / sqrt(p), |t| <= 1.
    assert np.mean(np.sum(X**2, axis=0)) == pytest.approx(
        mixture.typical_squared_norm(), abs=4 * np.sqrt(2 * 1.5 / p / 100) + 1 / p + 1 / p
    )


# Bad input

I2 = np.eye(2)
BAD_MIXTURES = [
    ({"means": np.zeros(3)}, "means must be a matrix, got shape"),
    ({"means": np.zeros((0, 2))}, "means must be nonempty"),
    ({"means": [[0, np.nan]]}, "means must be finite, got nan"),
    ({"means": [[0, np.inf]]}, "means must be finite, got inf"),
    ({"means": [[0, 1], [2]]}, "means must be a rectangular array"),
    ({"means": [["a", "b"]]}, "means must be an array of real numbers"),
    ({"means": I2, "covariances": 2.0}, "covariances must be 2 items, got 2.0"),
    ({"means": I2, "covariances": [1.0]}, "covariances must be 2 items, got 1 items"),
    ({"means": I2, "covariances": [1.0, -1.0]}, r"covariances\[1\] must be nonnegative, got -1"),
    ({"means": I2, "covariances": [1.0, np.nan]}, r"covariances\[1\] must be finite"),
    ({"means": I2, "covariances": [1.0, [1, 2, 3]]}, r"covariances\[1\] must be of shape \(2,\)"),
    ({"means": I2, "covariances": [[1, -2], 1.0]}, r"covariances\[0\] must be nonnegative, got -2"),
    ({"means": I2, "covariances": [np.eye(3), 1]}, r"covariances\[0\] must be of shape \(2, 2\)"),
    ({"means": I2, "covariances": [[[1, 2], [0, 1]], 1]}, r"covariances\[0\] must be symmetric"),
    ({"means": I2, "covariances": [[[1, 2], [2, 1]], 1]}, "must be positive semidefinite"),
    ({"means": I2, "covariances": "ab"}, r"covariances\[0\] must be an array of real numbers"),
    ({"means": I2, "weights": [0.5, 0.6]}, "weights must be probabilities that sum to 1"),
    ({"means": I2, "weights": [1.0, 0.0]}, "weights must be positive, got 0"),
    ({"means": I2, "weights": [1.0]}, r"weights must be of shape \(2,\)"),
    ({"means": I2, "weights": [0.5, np.nan]}, "weights must be finite"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_MIXTURES)
def test_bad_mixtures_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(**arguments)


BAD_CALLS = [
    (lambda m: m.sample(0), "n must be an integer >= 1, got 0"),
    (lambda m: m.sample(2.5), "n must be an integer"),
    (lambda m: m.sample(3, rng="seed"), "rng must be None"),
    (lambda m: m.class_sizes(-1), "n must be an integer >= 1"),
    (lambda m: m.covariance_matrix(2), "label must be between 0 and 1"),
    (lambda m: m.covariance_matrix(-1), "label must be an integer >= 0"),
    (lambda m: m.covariance_matrix(0.5), "label must be an integer"),
    (lambda m: m.bayes_classify(np.zeros((3, 2))), r"X must be of shape \(2, any\)"),
    (lambda m: m.bayes_classify(np.zeros(2)), "X must be a matrix"),
    (lambda m: m.bayes_classify(np.zeros((2, 0))), "X must be nonempty"),
    (lambda m: m.bayes_classify([[0], [np.nan]]), r"X must be finite, got nan at index \(1, 0"),
    (lambda m: m.bayes_classify([[0], [np.inf]]), "X must be finite"),
    (lambda m: m.norm_fluctuation(np.zeros((2, 3)), [0, 1]), r"labels must be of shape \(3,\)"),
    (
        lambda m: m.norm_fluctuation(np.zeros((2, 2)), [0, 2]),
        "labels must be between 0 and 1, got 2",
    ),
    (lambda m: m.norm_fluctuation(np.zeros((2, 2)), [-1, 0]), "labels must be between 0 and 1"),
    (
        lambda m: m.norm_fluctuation(np.zeros((2, 2)), [0.0, 1.0]),
        "labels must be a nonempty vector",
    ),
    (lambda m: m.norm_fluctuation([[1, np.nan], [0, 0]], [0, 1]), "X must be finite"),
    (lambda m: isotropic_quadratic_error(1.0, p=0), "p must be an integer >= 1"),
    (lambda m: isotropic_quadratic_error(-2.0, p=4), "contrast must be > -sqrt"),
    (lambda m: isotropic_quadratic_error(np.nan, p=4), "contrast must be finite"),
    (lambda m: plug_in_linear_discriminant_error(-1, ratio=1), "distance must be nonnegative"),
    (
        lambda m: plug_in_linear_discriminant_error(1, ratio=-0.5),
        "ratio must be nonnegative, got -0.5",
    ),
    (lambda m: plug_in_linear_discriminant_error(1, ratio=np.inf), "ratio must be finite"),
    (lambda m: distance_auc(-1, p=3), "distance must be nonnegative"),
    (lambda m: distance_auc(1, p=3.0), "p must be an integer"),
    (lambda m: distance_auc(np.nan, p=3), "distance must be finite"),
    (lambda m: distance_auc_limit(-1, p=3), "distance must be nonnegative"),
    (lambda m: distance_auc_limit(1, p=0), "p must be an integer >= 1"),
]


@pytest.mark.parametrize(("call", "message"), BAD_CALLS)
def test_bad_calls_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(GaussianMixture(I2))


@pytest.mark.parametrize("method", ["bayes_separation", "bayes_error"])
def test_two_class_formulas_refuse_another_number_of_classes(method):
    with pytest.raises(ValueError, match="means must have 2 columns, got 3"):
        getattr(GaussianMixture(np.zeros((4, 3))), method)()


@pytest.mark.parametrize("C", [0.0, [1.0, 0.0], [[1.0, 1.0], [1.0, 1.0]]])
def test_densities_refuse_a_singular_covariance(C):
    mixture = GaussianMixture(I2, covariances=[C, 1.0])
    with pytest.raises(ValueError, match=r"covariances\[0\] must be positive definite"):
        mixture.bayes_classify(I2)


def test_separation_refuses_a_singular_mean_covariance():
    with pytest.raises(ValueError, match="the mean covariance must be positive definite"):
        GaussianMixture(I2, covariances=[0.0, [1.0, 0.0]]).bayes_separation()


def test_integer_input_is_the_same_as_float_input():
    integers = GaussianMixture([[2, 0], [0, 0]], covariances=[1, [1, 2]])
    floats = GaussianMixture([[2.0, 0.0], [0.0, 0.0]], covariances=[1.0, [1.0, 2.0]])
    assert np.array_equal(integers.sample(4, rng=0)[0], floats.sample(4, rng=0)[0])
    assert integers.bayes_error() == floats.bayes_error()
    X = np.array([[1, 2], [3, 4]])
    assert np.array_equal(integers._log_densities(X), floats._log_densities(1.0 * X))
    assert distance_auc(3, p=100) == distance_auc(3.0, p=np.int64(100))


def test_data_in_single_precision_is_accepted():
    mixture = opposite_means(2, 2.0)
    X = mixture.sample(50, rng=0)[0]
    single = mixture._log_densities(X.astype(np.float32))
    assert np.allclose(single, mixture._log_densities(X), rtol=1e-5, atol=1e-5)


# Nearest neighbors


@pytest.mark.parametrize(("p", "n"), [(5, 100), (60, 500)])
def test_nearest_neighbor_accuracy_is_that_of_simulated_points(p, n):
    rng, tests, draws = as_rng(p), 1000, 8
    mixture, right = two_classes(3.0, p=p), 0
    for _ in range(draws):
        X, labels = mixture.sample(n, rng=rng)
        Y, wanted = mixture.sample(tests, rng=rng)
        squared = np.sum(X**2, axis=0)[:, None] - 2 * X.T @ Y
        right += np.sum(labels[np.argmin(squared, axis=0)] == wanted)
    expected = nearest_neighbor_accuracy(3.0, p=p, n=n)
    # the new points share n labeled ones: twice the binomial error; bias of order 1/p
    error = 2 * np.sqrt(expected * (1 - expected) / (draws * tests))
    assert abs(right / (draws * tests) - expected) < 3 * error + 0.05 / p


def test_nearest_neighbor_quadrature_is_converged():
    for p, n in [(5, 2), (50, 500), (1000, 4000)]:
        fine = _race(3.0, p, n, nodes=48, steps=6400)
        assert nearest_neighbor_accuracy(3.0, p=p, n=n) == pytest.approx(fine, abs=2e-5)


@pytest.mark.parametrize("distance", [200.0, 1e3, 1e12])
def test_far_classes_are_told_apart_by_the_nearest_neighbor(distance):
    # at 1e12 the noncentral law of SciPy is NaN
    assert nearest_neighbor_accuracy(distance, p=100, n=500) == pytest.approx(1, abs=2e-5)


def test_nearest_neighbor_falls_to_chance_like_its_first_order():
    # gain s e_n h^2 / (n (n - 1)), s = Delta^2 / sqrt(6 p), e_4 = mean of the maximum of 4 normals
    p, n, e_4 = 40_000.0, 4, 1.0293753730
    first_order = 0.5 + 9 / np.sqrt(6 * p) * e_4 * (n / 2) ** 2 / (n * (n - 1))
    assert nearest_neighbor_accuracy(3.0, p=p, n=n) == pytest.approx(first_order, abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 10, 10), "distance must be nonnegative"),
        ((1, 2, 10), "p must be between 5 and 1e"),
        ((1, 10, 1), "n must be an integer >= 2"),
        ((1, 10, 10.0), "n must be an integer"),
        ((np.nan, 10, 10), "distance must be finite"),
    ],
)
def test_nearest_neighbor_accuracy_refuses_bad_input(arguments, message):
    distance, p, n = arguments
    with pytest.raises(ValueError, match=message):
        nearest_neighbor_accuracy(distance, p=p, n=n)


def test_two_classes_are_a_mixture_with_opposite_means():
    mixture = two_classes(3, p=4)
    np.testing.assert_array_equal(mixture.means, [[1.5, -1.5], [0, 0], [0, 0], [0, 0]])
    with pytest.raises(ValueError, match="separation must be nonnegative"):
        two_classes(-1, p=4)


def test_the_standard_example_has_other_means_traces_and_shapes():
    mixture = standard_example(4)
    np.testing.assert_array_equal(mixture.means.T, 2 * np.eye(4)[:2])
    np.testing.assert_array_equal(mixture.covariance_matrix(0), np.eye(4))
    np.testing.assert_allclose(mixture.covariance_matrix(1)[0], 3 * 0.4 ** np.arange(4))
    with pytest.raises(ValueError, match="p must be an integer >= 2"):
        standard_example(1)
