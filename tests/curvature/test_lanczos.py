"""Lanczos: exact coefficients, exact moments, limits of random matrices, breakdown, error bars."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from rmtlib import ConvergenceError, as_rng
from rmtlib.curvature import lanczos, sample_hessian, spectral_estimate
from rmtlib.laws import MarchenkoPastur


def wishart(n, phi, seed):
    return sample_hessian(parameters=n, residuals=round(n / phi), energy=0, rng=seed)[0]


def trace_deviation(F, start="rademacher"):
    """Standard deviation of the estimate of tr F / n from one probe (formulas of its docstring)."""
    n = len(F)
    if start == "rademacher":
        return np.sqrt(2 * (np.sum(F**2) - np.sum(np.diag(F) ** 2))) / n
    return np.sqrt(2 * n / (n + 2) * (np.sum(F**2) - np.trace(F) ** 2 / n)) / n


# --- exact ---


def test_coefficients_of_equidistant_eigenvalues_are_those_of_discrete_chebyshev_polynomials():
    n, k = 23, 8
    result = lanczos(np.diag(np.arange(1.0, n + 1)), np.ones(n), k)
    j = np.arange(1, k)
    assert result.diagonal == pytest.approx(np.full(k, (n + 1) / 2), rel=5e-15)
    beta = j / 2 * np.sqrt((n**2 - j**2) / (4 * j**2 - 1))
    assert result.off_diagonal == pytest.approx(beta, rel=5e-15)
    assert not result.exhausted


def test_quadrature_is_exact_up_to_degree_2k_minus_1_and_no_further():
    n, k = 23, 4
    eigenvalues = np.arange(1.0, n + 1)
    result = lanczos(np.diag(eigenvalues), np.ones(n), k)
    assert result.weights.sum() == pytest.approx(1, rel=1e-14)
    for degree in range(2 * k):
        moment = result.weights @ result.ritz_values**degree
        assert moment == pytest.approx(np.mean(eigenvalues**degree), rel=1e-13)
    moment = result.weights @ result.ritz_values ** (2 * k)
    assert moment < 0.9999 * np.mean(eigenvalues ** (2 * k))


def test_basis_is_orthonormal_and_makes_the_matrix_tridiagonal():
    A, k = wishart(80, 0.5, 1), 30
    result = lanczos(A, as_rng(2).standard_normal(80), k)
    Q = result.basis
    assert pytest.approx(np.eye(k), abs=1e-13) == Q.T @ Q
    T = (
        np.diag(result.diagonal)
        + np.diag(result.off_diagonal, 1)
        + np.diag(result.off_diagonal, -1)
    )
    assert pytest.approx(T, abs=1e-12) == Q.T @ A @ Q


def test_a_full_run_finds_all_eigenvalues():
    A = wishart(40, 0.5, 3)
    result = lanczos(A, as_rng(4).standard_normal(40), 100)
    assert result.ritz_values == pytest.approx(np.linalg.eigvalsh(A), abs=1e-11)
    assert result.exhausted


@pytest.mark.parametrize("reorthogonalize", [True, False])
def test_breakdown_stops_with_the_exact_measure(reorthogonalize):
    # three distinct eigenvalues: an invariant subspace of dimension three
    A = np.diag(np.repeat([1.0, 2.0, 5.0], [4, 3, 3]))
    result = lanczos(A, np.ones(10), 8, reorthogonalize=reorthogonalize)
    assert result.exhausted
    assert result.ritz_values == pytest.approx([1, 2, 5], abs=1e-12)
    assert result.weights == pytest.approx([0.4, 0.3, 0.3], abs=1e-12)
    assert lanczos(np.zeros((4, 4)), np.ones(4), 3).ritz_values.tolist() == [0.0]
    assert lanczos(np.eye(4), np.ones(4), 3).ritz_values == pytest.approx([1.0])
    estimate = spectral_estimate(A, steps=8, probes=3, start="gaussian", rng=0)
    assert estimate.weights.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-12)
    assert np.allclose(np.abs(estimate.points[..., None] - [1, 2, 5]).min(axis=-1), 0, atol=1e-12)


def test_ghosts_appear_without_reorthogonalization_and_their_weight_is_right():
    rng, n = as_rng(5), 300
    eigenvalues = np.concatenate([rng.uniform(0, 1, n - 1), [5.0]])
    start = rng.standard_normal(n)
    weight = start[-1] ** 2 / (start @ start)
    with_ghosts = lanczos(np.diag(eigenvalues), start, 120, reorthogonalize=False)
    without = lanczos(np.diag(eigenvalues), start, 120)
    for result, copies in ((with_ghosts, range(3, 12)), (without, [1])):
        near = np.abs(result.ritz_values - 5) < 1e-6
        assert near.sum() in copies
        assert result.weights[near].sum() == pytest.approx(weight, rel=1e-10)


# --- limits ---


def test_coefficients_of_a_large_random_matrix_are_those_of_its_law():
    # free sum: 1, sqrt(phi + 2 energy), 1 + phi^2 / (phi + 2 energy); rate n^(-1/2), measured 1.4
    n, phi, energy = 1000, 0.5, 0.1
    H0, H1 = sample_hessian(parameters=n, residuals=round(n / phi), energy=energy, rng=6)
    start = as_rng(7).standard_normal(n)
    full, covariance = lanczos(H0 + H1, start, 2), lanczos(H0, start, 4)
    two = phi + 2 * energy
    tol = 3 / np.sqrt(n)
    assert full.diagonal == pytest.approx([1, 1 + phi**2 / two], abs=tol)
    assert full.off_diagonal == pytest.approx([np.sqrt(two)], abs=tol)
    assert covariance.diagonal == pytest.approx([1, 1.5, 1.5, 1.5], abs=2 * tol)
    assert covariance.off_diagonal == pytest.approx(np.full(3, np.sqrt(phi)), abs=tol)


def test_estimated_density_of_a_wishart_matrix_is_marchenko_pastur():
    n, phi = 800, 0.5
    law = MarchenkoPastur(phi)
    estimate = spectral_estimate(wishart(n, phi, 8), steps=40, probes=40, rng=9)
    x, width = np.linspace(0.3, 2.6, 24), 0.06
    density, error = estimate.density(x, width)
    # smoothing biases by width^2 rho'' / 2 < 0.003; one probe has variance rho / (1.77 width n)
    predicted = np.sqrt(law.pdf(x) / (np.sqrt(np.pi) * width * n * 40))
    assert np.all(np.abs(density - law.pdf(x)) < 4 * predicted + 0.003)
    assert np.median(error / predicted) == pytest.approx(1, abs=0.25)
    grid = np.linspace(-1, 4, 4001)
    mass = np.sum(estimate.density(grid, width)[0]) * (grid[1] - grid[0])
    assert mass == pytest.approx(1, abs=1e-6)
    cdf, error = estimate.cdf(x, width)
    assert np.max(np.abs(cdf - law.cdf(x)) - 4 * error) < 0.002
    assert estimate.cdf([-1.0, 9.0])[0] == pytest.approx([0, 1], abs=1e-12)


@pytest.mark.parametrize("start", ["rademacher", "gaussian"])
def test_error_bars_and_predicted_deviation_agree_with_the_spread_over_probes(start):
    A = wishart(60, 0.5, 10)
    probes = 400
    estimate = spectral_estimate(A, steps=3, probes=probes, start=start, rng=11)
    for f, F in [(lambda x: x, A), (lambda x: x**2, A @ A)]:
        value, error = estimate.mean_of(f)
        # relative standard error of a standard deviation: sqrt(1 / (2 probes)) = 0.035
        assert error * np.sqrt(probes) == pytest.approx(trace_deviation(F, start), rel=0.14)
        assert value == pytest.approx(np.trace(F) / 60, abs=4 * error)


def test_more_probes_and_not_more_steps_reduce_the_error_of_the_trace():
    A = wishart(100, 0.5, 12)
    for steps in (3, 30):
        value, _ = spectral_estimate(A, steps=steps, probes=1, rng=13).mean_of(lambda x: x)
        start = np.where(as_rng(13).standard_normal(100) < 0, -1.0, 1.0)
        assert value == pytest.approx(start @ A @ start / 100, rel=1e-12)


def test_signs_are_exact_on_a_diagonal_matrix():
    assert trace_deviation(np.diag([1.0, 2.0, 7.0])) == 0
    assert trace_deviation(np.eye(3), "gaussian") == 0
    value, error = spectral_estimate(np.diag([1.0, 2.0, 6.0]), steps=3, probes=2, rng=0).mean_of(
        np.square
    )
    assert value == pytest.approx(41 / 3, rel=1e-13)
    assert error == pytest.approx(0, abs=1e-12)


# --- inputs ---


def test_arrays_sparse_matrices_and_operators_give_the_same():
    d = np.arange(1, 8)
    forms = [
        np.diag(d),
        np.diag(d).tolist(),
        csr_matrix(np.diag(d)),
        csr_matrix(np.diag(d).astype(float)),
        aslinearoperator(np.diag(d)),
        LinearOperator((7, 7), matvec=lambda v: d * v.ravel()),
    ]
    expected = lanczos(np.diag(d.astype(float)), np.ones(7), 4)
    for A in forms:
        result = lanczos(A, np.ones(7, dtype=int), 4)
        assert result.diagonal == pytest.approx(expected.diagonal, rel=1e-14)
        assert result.off_diagonal == pytest.approx(expected.off_diagonal, rel=1e-14)
    single = lanczos(np.diag(d).astype(np.float32), np.ones(7), 4)
    assert single.basis.dtype == np.float32
    assert single.diagonal == pytest.approx(expected.diagonal, rel=1e-5)


def test_one_probe_has_no_error_bar():
    estimate = spectral_estimate(np.diag([1.0, 2.0]), steps=2, probes=1, rng=0)
    assert np.isnan(estimate.mean_of(np.abs)[1])
    assert np.isnan(estimate.density([1.0])[1]).all()


def test_same_seed_same_estimate():
    A = wishart(30, 0.5, 14)
    first, same, other = (
        spectral_estimate(A, steps=5, probes=2, rng=seed).points for seed in (1, 1, 2)
    )
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_a_matrix_that_is_not_symmetric_is_refused():
    A = as_rng(15).standard_normal((30, 30))
    with pytest.raises(ValueError, match="A must be symmetric"):
        lanczos(A, np.ones(30), 10)


def test_a_product_that_is_not_finite_raises():
    A = LinearOperator((3, 3), matvec=lambda v: v * np.nan, dtype=float)
    with pytest.raises(ConvergenceError, match="product 1 with A is not finite"):
        lanczos(A, np.ones(3), 2)


@pytest.mark.parametrize(
    "A",
    [np.ones((2, 3)), [[1.0, np.nan], [0.0, 1.0]], [[1.0], [1.0, 2.0]], "x", None, 3.0, [],
     np.eye(3) * 1j, aslinearoperator(np.eye(3) * 1j), aslinearoperator(np.ones((2, 3)))],
    ids=range(10),
)  # fmt: skip
def test_what_is_not_a_square_real_matrix_is_refused(A):
    with pytest.raises(ValueError, match="A must be"):
        lanczos(A, np.ones(3), 2)
    with pytest.raises(ValueError, match="A must be"):
        spectral_estimate(A, steps=2, probes=2)


def test_bad_arguments_are_refused_by_name():
    A = np.eye(3)
    for start in (np.ones(2), np.zeros(3), [1, np.nan, 0], "x", np.ones((3, 1)), []):
        with pytest.raises(ValueError, match="start must"):
            lanczos(A, start, 2)
    for bad in (0, -1, 2.0, "3", None, np.nan, True):
        with pytest.raises(ValueError, match="steps must be"):
            lanczos(A, np.ones(3), bad)
        with pytest.raises(ValueError, match="steps must be"):
            spectral_estimate(A, steps=bad)
        with pytest.raises(ValueError, match="probes must be"):
            spectral_estimate(A, steps=2, probes=bad)
    for bad in ("uniform", None, 3):
        with pytest.raises(ValueError, match="start must be one of"):
            spectral_estimate(A, steps=2, probes=2, start=bad)
    with pytest.raises(ValueError, match="rng must be"):
        spectral_estimate(A, steps=2, probes=2, rng="seed")
    estimate = spectral_estimate(A, steps=2, probes=2, rng=0)
    for bad in (0.0, -1.0, np.nan, "1"):
        with pytest.raises(ValueError, match="width must be"):
            estimate.density([1.0], bad)
        with pytest.raises(ValueError, match="width must be"):
            estimate.cdf([1.0], bad)
    for bad in (np.nan, [np.inf], "x"):
        with pytest.raises(ValueError, match="x must be"):
            estimate.density(bad)
        with pytest.raises(ValueError, match="x must be"):
            estimate.cdf(bad)


@pytest.mark.parametrize("reorthogonalize", [True, False])
@pytest.mark.parametrize("matrix", [1e-300, 1e-200, 1e200, 1e300])
@pytest.mark.parametrize("start", [1e-300, 1e300])
def test_tiny_and_huge_numbers_change_units_only(matrix, start, reorthogonalize):
    A, v = wishart(30, 0.5, 16), as_rng(17).standard_normal(30)
    usual = lanczos(A, v, 6, reorthogonalize=reorthogonalize)
    scaled = lanczos(matrix * A, start * v, 6, reorthogonalize=reorthogonalize)
    assert scaled.diagonal / matrix == pytest.approx(usual.diagonal, rel=1e-12)
    assert scaled.off_diagonal / matrix == pytest.approx(usual.off_diagonal, rel=1e-12)
    assert scaled.exhausted == usual.exhausted
    weights = usual.weights
    assert scaled.ritz_values / matrix == pytest.approx(usual.ritz_values, rel=1e-10)
    assert scaled.weights == pytest.approx(weights, abs=1e-12)
