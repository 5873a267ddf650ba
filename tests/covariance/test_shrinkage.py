import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from rmtlib import as_rng
from rmtlib.covariance import nonlinear_shrinkage, oracle_shrinkage
from rmtlib.laws import Discrete, MarchenkoPastur, SampleCovariance, wishart_eigenvalues

THREE_ATOMS = Discrete([1.0, 3.0, 10.0], [0.2, 0.4, 0.4])


def sample(p, n, seed):
    """Population variances, data, eigenvalues, and u_i^T C u_i, for three atoms."""
    variances = np.repeat(THREE_ATOMS.points, (p * THREE_ATOMS.weights).round().astype(int))
    X = np.sqrt(variances)[:, None] * as_rng(seed).standard_normal((p, n))
    values, vectors = np.linalg.eigh(X @ X.T / n)
    if p > n:
        values[: p - n] = 0
    return variances, X, values, vectors, vectors.T**2 @ variances


# The oracle


def test_oracle_of_a_white_population_is_its_variance():
    for ratio in (0.1, 0.7, 3.0):
        law = SampleCovariance(ratio, Discrete([2.0]))
        x = 2 * MarchenkoPastur(ratio).ppf(np.linspace(max(0, 1 - 1 / ratio) + 0.01, 0.99, 20))
        assert oracle_shrinkage(x, law) == pytest.approx(np.full(20, 2.0), rel=1e-7)
    assert oracle_shrinkage([0, 3], law) == pytest.approx([2, 2], rel=1e-7)


@pytest.mark.parametrize("ratio", [0.25, 2.0])
def test_oracle_from_the_defining_formula_with_the_transform_of_the_law(ratio):
    law = SampleCovariance(ratio, THREE_ATOMS)
    low, high = law.bands()[-1]
    x = np.linspace(low, high, 9)[1:-1]
    m = law.stieltjes(x + 1e-9j)
    delta = x / np.abs(1 - ratio - ratio * x * m) ** 2
    assert oracle_shrinkage(x, law) == pytest.approx(delta, rel=1e-6)


@pytest.mark.parametrize(("p", "n", "most"), [(200, 400, 0.04), (400, 200, 0.11)])
def test_oracle_is_the_variance_of_the_population_along_the_sample_eigenvectors(p, n, most):
    law = SampleCovariance(p / n, THREE_ATOMS)
    _, _, values, _, along = sample(p, n, 5)
    oracle = oracle_shrinkage(values, law)
    # means over 50 neighbors; a single one fluctuates by O(p^-1/2), more for p > n
    gap = (along - oracle).reshape(-1, 50).mean(axis=1) / oracle.reshape(-1, 50).mean(axis=1)
    assert np.max(np.abs(gap)) < most
    assert oracle.sum() == pytest.approx(p * THREE_ATOMS.mean(), rel=0.02)


# The estimate


@pytest.mark.parametrize(("p", "n"), [(100, 300), (100, 400), (300, 100), (250, 150)])
def test_estimate_is_the_oracle_up_to_the_stated_rate(p, n):
    law = SampleCovariance(p / n, THREE_ATOMS)
    _, _, values, _, _ = sample(p, n, 6)
    estimate, oracle = nonlinear_shrinkage(values, n=n), oracle_shrinkage(values, law)
    error = np.sqrt(np.mean((estimate - oracle) ** 2) / np.mean(oracle**2))
    assert error < n ** (-1 / 3)
    sample_error = np.sqrt(np.mean((values - oracle) ** 2) / np.mean(oracle**2))
    assert error < sample_error / 2


def test_estimate_approaches_the_oracle():
    law = SampleCovariance(0.25, THREE_ATOMS)
    errors = []
    for p in (50, 800):
        values = sample(p, 4 * p, 8)[2]
        gap = nonlinear_shrinkage(values, n=4 * p) - oracle_shrinkage(values, law)
        errors.append(np.sqrt(np.mean(gap**2)))
    assert errors[1] < errors[0] / 1.6  # 16^(1/3) = 2.5, less a logarithm


@pytest.mark.parametrize(("p", "n", "share"), [(200, 600, 0.6), (300, 150, 0.1)])
def test_estimate_has_a_smaller_loss_than_linear_shrinkage(p, n, share):
    variances, X, values, vectors, along = sample(p, n, 7)
    C = np.diag(variances)

    def loss(delta):
        return np.sum(((vectors * delta) @ vectors.T - C) ** 2) / p

    linear = np.sum((LedoitWolf(assume_centered=True).fit(X.T).covariance_ - C) ** 2) / p
    nonlinear, best = loss(nonlinear_shrinkage(values, n=n)), loss(along)
    assert best < nonlinear < linear < loss(values)
    assert (linear - nonlinear) / (linear - best) > share  # of the possible improvement


@pytest.mark.parametrize(("p", "n"), [(200, 400), (400, 200), (30, 3000)])
def test_white_noise_shrinks_to_its_variance(p, n):
    delta = nonlinear_shrinkage(3 * wishart_eigenvalues(p, n, rng=1), n=n)
    assert np.sqrt(np.mean((delta / 3 - 1) ** 2)) < n ** (-1 / 3)


def test_order_and_units_of_the_eigenvalues_do_not_matter():
    values = sample(60, 100, 9)[2]
    for n in (100, 40):
        if n == 40:
            values = sample(60, 40, 9)[2]
        delta = nonlinear_shrinkage(values, n=n)
        order = as_rng(0).permutation(60)
        assert nonlinear_shrinkage(values[order], n=n) == pytest.approx(delta[order], rel=1e-12)
        assert nonlinear_shrinkage(5 * values, n=n) == pytest.approx(5 * delta, rel=1e-6)
        assert np.all(delta > 0)


def test_integer_eigenvalues_work():
    assert nonlinear_shrinkage([1, 2, 3], n=20) == pytest.approx(
        nonlinear_shrinkage([1.0, 2.0, 3.0], n=20)
    )


LAW = SampleCovariance(0.5, THREE_ATOMS)


@pytest.mark.parametrize("bad", [[], [np.nan], [np.inf, 1], [[1.0]], "a", 1.0, [-1.0, 1.0]])
@pytest.mark.parametrize(
    "function", [lambda x: oracle_shrinkage(x, LAW), lambda x: nonlinear_shrinkage(x, n=20)]
)
def test_bad_eigenvalues_are_refused(function, bad):
    with pytest.raises(ValueError, match="must be"):
        function(bad)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: oracle_shrinkage([0.0, 1.0], LAW), "positive for ratio <= 1, got 0"),
        (lambda: oracle_shrinkage([1.0], MarchenkoPastur(0.5)), "SampleCovariance, got"),
        (lambda: nonlinear_shrinkage([1.0, 2.0], n=11), "n must be at least 12"),
        (lambda: nonlinear_shrinkage([1.0, 2.0], n="20"), "n must be a real number"),
        (lambda: nonlinear_shrinkage([0.0, 2.0], n=20), r"min\(p, n\) = 2 largest"),
    ],
)
def test_other_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_wide_spectra_keep_their_largest_eigenvalues():
    """Far from an eigenvalue the closed form of the Hilbert transform cancels."""
    wide = nonlinear_shrinkage(np.geomspace(1e-6, 1, 40), n=80)
    assert wide[-1] == pytest.approx(0.8693606263307, rel=1e-9)
    # scale invariance: the top of a wide spectrum does not see how small the rest is
    wider = nonlinear_shrinkage(np.append(1e-3 * np.geomspace(1e-6, 1e-5, 20), 1.0), n=80)
    widest = nonlinear_shrinkage(np.append(1e-5 * np.geomspace(1e-6, 1e-5, 20), 1.0), n=80)
    assert wider[-1] == pytest.approx(widest[-1], rel=1e-6)


@pytest.mark.parametrize(("p", "n"), [(40, 80), (40, 20)])
def test_one_strong_direction_is_shrunk_like_a_spike(p, n):
    spike = 1e5
    values = wishart_eigenvalues(p, n, rng=2)
    values[-1] = spike
    # of a spike l the best value is l times its alignment: l minus O(c l / l), here far from 2.81
    assert nonlinear_shrinkage(values, n=n)[-1] == pytest.approx(spike, rel=0.1)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_null_eigenvalues_of_white_data_get_the_variance(dtype):
    X = as_rng(0).standard_normal((200, 50))
    eigenvalues = np.linalg.eigvalsh((X @ X.T / 50).astype(dtype))
    assert eigenvalues.min() < 0
    oracle = oracle_shrinkage(eigenvalues, SampleCovariance(4.0, Discrete([1.0])))
    assert oracle[:150] == pytest.approx(np.ones(150), abs=1e-12)
    estimate = nonlinear_shrinkage(eigenvalues, n=50)
    assert np.ptp(estimate[:150]) == 0
    assert np.sqrt(np.mean((estimate - 1) ** 2)) < 50 ** (-1 / 3)


def test_an_eigenvalue_that_drowns_in_rounding_is_named_as_that():
    values = np.append(wishart_eigenvalues(99, 100, rng=0), 1e12)
    with pytest.raises(ValueError, match="must be positive, got 0 up to rounding"):
        nonlinear_shrinkage(values, n=100)
