import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from rmtlib import as_rng
from rmtlib.covariance import (
    covariance_spike,
    covariance_spike_threshold,
    nonlinear_shrinkage,
    oracle_shrinkage,
    shrink_eigenvalues,
)
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


# Spiked model


@pytest.mark.parametrize("strength", [0.8, 2.0, 20.0, -0.8])
def test_spiked_shrinkers_are_the_minimizers_of_their_losses(strength):
    """The block of the plane of u and its estimate: diag(1 + l, 1) and I + (delta - 1) v v^T."""
    ratio = 0.25
    spike = covariance_spike(strength, ratio)
    v = np.sqrt([spike.alignment, 1 - spike.alignment])
    C = np.diag([1 + strength, 1.0])
    grid = np.linspace(0.01, 30, 29991)[:, None, None]
    estimates = np.eye(2) + (grid - 1) * np.outer(v, v)
    errors = np.linalg.eigvalsh(estimates - C)
    ratios = np.linalg.solve(C, estimates)
    losses = {
        "frobenius": np.sum(errors**2, axis=1),
        "operator": np.abs(errors).max(axis=1),
        "stein": np.trace(ratios, axis1=1, axis2=2) - np.log(np.linalg.det(ratios)),
    }
    for loss, values in losses.items():
        best = grid[values.argmin(), 0, 0]
        assert shrink_eigenvalues([spike.position], ratio, loss)[0] == pytest.approx(
            best, abs=0.0006
        )


@pytest.mark.parametrize("loss", ["frobenius", "operator", "stein"])
def test_the_bulk_shrinks_to_the_noise_variance(loss):
    bulk = 2 * MarchenkoPastur(0.5).ppf(np.linspace(0.001, 0.999, 50))
    assert shrink_eigenvalues(bulk, 0.5, loss, variance=2.0) == pytest.approx(np.full(50, 2.0))
    wide = np.append(np.zeros(5), [1.0, 5.0])  # c > 1: zeros are in the bulk as well
    assert shrink_eigenvalues(wide, 2.0, loss).tolist() == [1.0] * 7


def test_frobenius_shrinker_is_continuous_at_the_edge_and_the_operator_shrinker_jumps():
    ratio = 0.3
    critical = covariance_spike_threshold(ratio)
    above = [(1 + critical) ** 2 + 1e-12]
    assert shrink_eigenvalues(above, ratio)[0] == pytest.approx(1, abs=1e-5)
    assert shrink_eigenvalues(above, ratio, "operator")[0] == pytest.approx(1 + critical, abs=1e-5)


def test_spiked_shrinkage_beats_the_sample_covariance_and_linear_shrinkage():
    p, n = 100, 200
    C = np.ones(p)
    C[:2] = 9.0, 5.0
    X = np.sqrt(C)[:, None] * as_rng(4).standard_normal((p, n))
    values, vectors = np.linalg.eigh(X @ X.T / n)
    shrunk = (vectors * shrink_eigenvalues(values, p / n)) @ vectors.T
    linear = LedoitWolf(assume_centered=True).fit(X.T).covariance_
    loss = [np.sum((S - np.diag(C)) ** 2) for S in (shrunk, linear, X @ X.T / n)]
    # limit: sum of l^2 (1 - zeta^2) over the spikes; an estimate of l has error O(n^-1/2)
    strengths = np.array([8.0, 4.0])
    limit = np.sum(strengths**2 * (1 - covariance_spike(strengths, p / n).alignment ** 2))
    assert loss[0] < 1.3 * limit
    assert loss[0] < loss[1] / 1.5
    assert loss[1] < loss[2]


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
    estimate, oracle = nonlinear_shrinkage(values, n), oracle_shrinkage(values, law)
    error = np.sqrt(np.mean((estimate - oracle) ** 2) / np.mean(oracle**2))
    assert error < n ** (-1 / 3)
    sample_error = np.sqrt(np.mean((values - oracle) ** 2) / np.mean(oracle**2))
    assert error < sample_error / 2


def test_estimate_approaches_the_oracle():
    law = SampleCovariance(0.25, THREE_ATOMS)
    errors = []
    for p in (50, 800):
        values = sample(p, 4 * p, 8)[2]
        gap = nonlinear_shrinkage(values, 4 * p) - oracle_shrinkage(values, law)
        errors.append(np.sqrt(np.mean(gap**2)))
    assert errors[1] < errors[0] / 1.6  # 16^(1/3) = 2.5, less a logarithm


@pytest.mark.parametrize(("p", "n", "share"), [(200, 600, 0.6), (300, 150, 0.1)])
def test_estimate_has_a_smaller_loss_than_linear_shrinkage(p, n, share):
    variances, X, values, vectors, along = sample(p, n, 7)
    C = np.diag(variances)

    def loss(delta):
        return np.sum(((vectors * delta) @ vectors.T - C) ** 2) / p

    linear = np.sum((LedoitWolf(assume_centered=True).fit(X.T).covariance_ - C) ** 2) / p
    nonlinear, best = loss(nonlinear_shrinkage(values, n)), loss(along)
    assert best < nonlinear < linear < loss(values)
    assert (linear - nonlinear) / (linear - best) > share  # of the possible improvement


@pytest.mark.parametrize(("p", "n"), [(200, 400), (400, 200), (30, 3000)])
def test_white_noise_shrinks_to_its_variance(p, n):
    delta = nonlinear_shrinkage(3 * wishart_eigenvalues(p, n, rng=1), n)
    assert np.sqrt(np.mean((delta / 3 - 1) ** 2)) < n ** (-1 / 3)


def test_order_and_units_of_the_eigenvalues_do_not_matter():
    values = sample(60, 100, 9)[2]
    for n in (100, 40):
        if n == 40:
            values = sample(60, 40, 9)[2]
        delta = nonlinear_shrinkage(values, n)
        order = as_rng(0).permutation(60)
        assert nonlinear_shrinkage(values[order], n) == pytest.approx(delta[order], rel=1e-12)
        assert nonlinear_shrinkage(5 * values, n) == pytest.approx(5 * delta, rel=1e-6)
        assert np.all(delta > 0)


def test_integer_eigenvalues_work():
    assert nonlinear_shrinkage([1, 2, 3], 20) == pytest.approx(
        nonlinear_shrinkage([1.0, 2.0, 3.0], 20)
    )
    assert shrink_eigenvalues([1, 9], 0.5)[0] == 1


LAW = SampleCovariance(0.5, THREE_ATOMS)


@pytest.mark.parametrize("bad", [[], [np.nan], [np.inf, 1], [[1.0]], "a", 1.0, [-1.0, 1.0]])
@pytest.mark.parametrize(
    "function",
    [
        lambda x: shrink_eigenvalues(x, 0.5),
        lambda x: oracle_shrinkage(x, LAW),
        lambda x: nonlinear_shrinkage(x, 20),
    ],
)
def test_bad_eigenvalues_are_refused(function, bad):
    with pytest.raises(ValueError, match="must be"):
        function(bad)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: shrink_eigenvalues([1.0], -1), "ratio must be positive"),
        (lambda: shrink_eigenvalues([1.0], 1, "nuclear"), "loss must be one of 'frobenius'"),
        (lambda: shrink_eigenvalues([1.0], 1, variance=0), "variance must be positive"),
        (lambda: oracle_shrinkage([0.0], LAW), "positive for ratio <= 1, got 0"),
        (lambda: oracle_shrinkage([1.0], MarchenkoPastur(0.5)), "SampleCovariance, got"),
        (lambda: nonlinear_shrinkage([1.0, 2.0], 11), "n must be an integer >= 12"),
        (lambda: nonlinear_shrinkage([1.0, 2.0], 20.0), "n must be an integer"),
        (lambda: nonlinear_shrinkage([0.0, 2.0], 20), r"min\(p, n\) = 2 largest"),
    ],
)
def test_other_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
