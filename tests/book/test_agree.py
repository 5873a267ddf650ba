"""`agree` passes, fails and can't be fooled; `diagnose` names the slip."""

import numpy as np
import pytest

from rmtlib import as_rng
from rmtlib.book import Disagreement, agree, diagnose, kolmogorov_distance, standard_errors
from rmtlib.laws import MarchenkoPastur, sample_covariance_eigenvalues, wishart_eigenvalues

FAIR = {"tol": 0.1, "why": "a test", "wrong": {"twice": 2.0}}


def test_agree_prints_theory_simulation_sizes_and_distances(capsys):
    agree("a mean", 1.0, [0.9, 1.1], sizes="p = 3", **FAIR)
    printed = capsys.readouterr().out.replace("\N{NO-BREAK SPACE}", " ")
    assert printed == (
        "ok  a mean: theory 1, simulation 1 ± 0.1 (p = 3)\n"
        "    |difference| 0 <= 0.1: a test\n"
        "    would fail: twice (10 tol away)\n"
    )


def test_agree_raises_when_theory_and_simulation_differ():
    with pytest.raises(Disagreement, match=r"DISAGREE .*(.|\n)*0.2 is not <= 0.1"):
        agree("a mean", 1.0, 1.2, **FAIR)


def test_agree_raises_when_a_wrong_value_would_pass():
    with pytest.raises(Disagreement, match="can't tell the theory from nearly right"):
        agree("a mean", 1.0, 1.0, tol=0.1, why="a test", wrong={"nearly right": 1.05})


def test_agree_compares_curves_point_by_point():
    curve = np.linspace(0, 1, 5)
    agree("a curve", curve, curve + 0.05, tol=0.1, why="a test", wrong={"shifted": curve + 0.3})
    with pytest.raises(Disagreement):
        agree("a curve", curve, curve + np.eye(5)[2], **FAIR)


def test_tolerance_in_standard_errors_follows_the_draws():
    draws = as_rng(0).standard_normal(400)
    agree("mean", 0.0, draws, tol=standard_errors(4), why="a test", wrong={"one": 1.0})
    with pytest.raises(Disagreement):
        agree("mean", 0.5, draws, tol=standard_errors(4), why="a test", wrong={"one": 1.0})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"wrong": {}}, "wrong must name"),
        ({"tol": 0}, "tol must be positive"),
        ({"tol": -1}, "tol must be positive"),
        ({"tol": np.nan}, "tol must be finite"),
        ({"tol": standard_errors(3)}, "needs draws"),
        ({"theory": np.nan}, "theory must be finite"),
        ({"simulation": np.inf}, "simulation must be finite"),
        ({"simulation": np.ones((2, 2, 2))}, "simulation must be of the shape"),
        ({"wrong": {"x": np.nan}}, r"wrong\['x'\] must be finite"),
    ],
)
def test_agree_refuses_bad_input(change, message):
    arguments = {"theory": 1.0, "simulation": 1.0, **FAIR} | change
    with pytest.raises(ValueError, match=message):
        agree("a mean", arguments.pop("theory"), arguments.pop("simulation"), **arguments)


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
    assert diagnose(np.linalg.eigvalsh(SLIPS[slip](X, n)), p / n).cause == slip


def test_diagnose_accepts_draws_at_many_ratios():
    for p, n in [(200, 250), (200, 200), (250, 200), (100, 10_000), (400, 40)]:
        assert diagnose(wishart_eigenvalues(p, n, rng=p + n), p / n).cause == "none", (p, n)


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
        diagnose(eigenvalues, ratio)


def test_diagnose_takes_integers():
    assert diagnose(np.arange(1, 50), 1).cause == "unknown"


def test_sample_covariance_of_integers_is_computed_in_floats():
    X = as_rng(4).integers(-3, 4, size=(20, 40))
    expected = np.linalg.eigvalsh(X @ X.T / 40)
    np.testing.assert_allclose(sample_covariance_eigenvalues(X), expected, atol=1e-12)
