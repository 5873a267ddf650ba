"""The distance between eigenvalues and a law, and the slip that explains it."""

import numpy as np
import pytest

from rmtlib import as_rng
from rmtlib.laws import (
    Discrete,
    MarchenkoPastur,
    Semicircle,
    diagnose,
    kolmogorov_distance,
    wishart_eigenvalues,
)


def test_kolmogorov_distance_of_quantiles_is_half_a_step():
    law, p = MarchenkoPastur(0.3), 50
    quantiles = law.ppf((np.arange(p) + 0.5) / p)
    assert kolmogorov_distance(quantiles, law) == pytest.approx(0.5 / p, abs=1e-9)


def test_kolmogorov_distance_counts_the_atom():
    lam = wishart_eigenvalues(400, 200, rng=1)
    assert kolmogorov_distance(lam, MarchenkoPastur(2.0)) < 5 / 400
    without_zeros = lam[200:]
    assert kolmogorov_distance(without_zeros, MarchenkoPastur(2.0)) > 0.49


def shape(p, n):
    return as_rng(2).standard_normal((p, n))


SLIPS = {
    "none": lambda X, n: X @ X.T / n,
    "divided by p": lambda X, n: X @ X.T / X.shape[0],
    "not divided by n": lambda X, n: X @ X.T,
    "divided by sqrt(n)": lambda X, n: X @ X.T / np.sqrt(n),
    "transposed": lambda X, n: X.T @ X / X.shape[0],
    "transposed and divided by n": lambda X, n: X.T @ X / n,
    "uncentered": lambda X, n: (X + 0.5) @ (X + 0.5).T / n,
    "variance": lambda X, n: 2.25 * X @ X.T / n,
    "unknown": lambda X, n: X.T @ np.diag(np.linspace(0.1, 4, X.shape[0])) @ X / n,
}


@pytest.mark.parametrize("entries", ["gaussian", "uniform"])
@pytest.mark.parametrize("n", [150, 600, 1200])
@pytest.mark.parametrize("slip", SLIPS)
def test_diagnose_names_the_slip(slip, n, entries):
    p = 300
    X = shape(p, n) if entries == "gaussian" else as_rng(3).uniform(-1, 1, (p, n)) * np.sqrt(3)
    assert diagnose(np.linalg.eigvalsh(SLIPS[slip](X, n)), ratio=p / n).cause == slip


def test_diagnose_accepts_draws_at_many_ratios():
    for p, n in [(200, 250), (200, 200), (250, 200), (100, 10_000), (400, 40)]:
        assert diagnose(wishart_eigenvalues(p, n, rng=p + n), ratio=p / n).cause == "none", (p, n)


@pytest.mark.parametrize(
    ("eigenvalues", "ratio", "message"),
    [
        ([], 0.5, "eigenvalues must be nonempty"),
        ([1.0, np.nan], 0.5, "eigenvalues must be finite"),
        ([-1.0, 2.0], 0.5, "eigenvalues must be nonnegative"),
        ([1.0], -0.5, "ratio must be positive, got -0.5"),
        ([[1.0]], 0.5, "eigenvalues must be a vector"),
    ],
)
def test_diagnose_refuses_bad_input(eigenvalues, ratio, message):
    with pytest.raises(ValueError, match=message):
        diagnose(eigenvalues, ratio=ratio)


def test_diagnose_takes_integers():
    assert diagnose(np.arange(1, 50), ratio=1).cause == "unknown"


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_rounding_zeros_are_zeros(kind):
    X = as_rng(0).standard_normal((200, 50)).astype(kind)
    lam = np.linalg.eigvalsh(X @ X.T / kind(50))
    assert np.any(lam < 0)
    assert kolmogorov_distance(lam, MarchenkoPastur(4.0)) < 0.02
    assert diagnose(lam, ratio=4.0).cause == "none"


def test_rounding_moves_eigenvalues_onto_any_atom_of_the_law():
    law = Discrete([-1.0, 0.0, 2.0])
    near = law.points + 1e-14 * np.array([1.0, -1.0, 1.0])
    assert kolmogorov_distance(np.repeat(near, 4), law) == pytest.approx(0, abs=1e-15)
    assert kolmogorov_distance([-1.0, 0.0, 0.0, 2.0], law) == pytest.approx(1 / 12)


@pytest.mark.parametrize("eigenvalues", [[1.0], [1.0, 2.0, 3.0], np.ones(19)])
def test_diagnose_refuses_too_few_eigenvalues(eigenvalues):
    with pytest.raises(ValueError, match="eigenvalues must be at least 20"):
        diagnose(eigenvalues, ratio=0.5)


def test_diagnose_takes_matrices_of_low_rank_and_constant_ones():
    assert diagnose(np.append(np.zeros(30), 1.0), ratio=0.5).cause == "unknown"
    assert diagnose(np.ones(30), ratio=0.5).cause == "unknown"


def test_distance_needs_a_law():
    with pytest.raises(ValueError, match="law must be a SpectralLaw, got float"):
        kolmogorov_distance([1.0, 2.0], 0.5)
    assert kolmogorov_distance([-1.0, 1.0], Semicircle()) < 0.5
