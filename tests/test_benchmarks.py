"""Every fast path of the benchmarks equals the obvious way; what does not fit is refused."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import naive, report  # noqa: E402
from benchmarks.accuracy import STUDIES, Study  # noqa: E402
from benchmarks.cases import CASES, Case, difference  # noqa: E402
from rmtlib import as_rng  # noqa: E402
from rmtlib.laws import Discrete, SampleCovariance, wishart_eigenvalues  # noqa: E402

DISTINCT = list({(case.make, *case.small.items()): case for case in CASES}.values())


@pytest.mark.parametrize("case", DISTINCT, ids=[case.make.__name__ for case in DISTINCT])
def test_fast_path_equals_the_obvious_way(case: Case):
    library, other = case.make(**case.small)
    assert difference(library(), other()) <= case.tol, case.why


@pytest.mark.parametrize("study", STUDIES, ids=map(str, STUDIES))
def test_no_estimator_of_a_study_is_far_from_the_truth(study: Study):
    draws = study.draw(**study.small)
    assert len(draws) == study.small["draws"]
    for name, estimate in study.estimators.items():
        errors = [study.error(estimate(draw), **study.small) for draw in draws]
        # a covariance without shrinkage is off by 0.7 to 1 at p = 20, n = 40
        assert np.abs(np.mean(errors)) < 0.7, name


def test_fixed_point_at_a_height_is_the_transform_of_the_law_there():
    atoms, weights, height = [1.0, 3.0, 7.0], [1 / 3] * 3, 1e-2
    law = SampleCovariance(0.1, Discrete(atoms, weights))
    x = np.linspace(*law.support(), 40)
    exact = law.stieltjes(x + 1j * height).imag / np.pi
    found = naive.silverstein_density(x, 0.1, atoms, weights, height)
    np.testing.assert_allclose(found, exact, atol=1e-7)


def test_bidiagonal_model_and_data_have_the_moments_of_a_wishart_matrix():
    p, n, draws = 20, 30, 2000
    exact = 1.0, 1 + (p + 1) / n
    for eigenvalues in (
        wishart_eigenvalues(p, n, size=draws, rng=0),
        naive.wishart_eigenvalues(p, n, draws, as_rng(1)),
    ):
        moments = np.array([np.mean(eigenvalues**k, axis=1) for k in (1, 2)])
        error = moments.std(axis=1, ddof=1) / np.sqrt(draws)
        assert np.all(np.abs(moments.mean(axis=1) - exact) < 4 * error)


def test_difference_is_relative_to_the_largest_entry_of_each_array():
    assert difference([[1.0, 200.0]], [[2.0, 100.0]]) == 1.0
    assert difference([np.ones(2), [1e-6]], [np.ones(2), [2e-6]]) == 0.5
    with pytest.raises(ValueError, match=r"one shape, got \(2,\) and \(1,\)"):
        difference(torch.ones(2).numpy(), np.ones(1))


def test_report_puts_both_ways_of_a_case_in_one_row(tmp_path, monkeypatch, capsys):
    def one(group, seconds, **extra):
        return {"group": group, "stats": {"min": seconds}, "extra_info": extra}

    case = {"kind": "ratio", "subject": "kernel", "what": "kernel", "against": "loops"}
    point = {"kind": "growth", "what": "k", "unit": "n", "floor": "eigh", "exponent": 3, "size": 9}
    call = {"what": "k", "instead": "pairs", "size": 9, "added": 5, "result": 4, "obvious": 99}
    study = {"what": "noise", "estimator": "median", "draws": 4, "error": 0.1, "spread": 0.25}
    run = {
        "machine_info": {
            "cpu": {"brand_raw": "Processor"},
            "system": "Linux",
            "python_version": "3.11.7",
            "small": True,
        },
        "benchmarks": [
            one("case", 0.5, way="library", **case),
            one("case", 2.0, way="other", difference=1e-12, **case),
            one("point", 3.0, way="library", **point),
            one("point", 2.0, way="floor", **point),
            one(None, 1.0, kind="memory", **call),
            one(None, 2.0, kind="accuracy", **study),
        ],
    }
    (tmp_path / "run.json").write_text(json.dumps(run))
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    monkeypatch.setattr(report, "PACKAGES", ("numpy",))
    report.main(str(tmp_path / "run.json"))
    tables = {
        name: [
            line.split("\t")
            for line in (tmp_path / f"{name}.txt").read_text().splitlines()
            if not line.startswith("#")
        ]
        for name in ("ratios", "growth", "memory", "accuracy")
    }
    assert tables["ratios"] == [
        ["subject", "what", "against", "library", "other", "difference"],
        ["kernel", "kernel", "loops", "0.5", "2", "1.0e-12"],
    ]
    assert tables["growth"][1] == ["k", "n", "eigh", "3", "9", "3", "2"]
    assert tables["memory"][1] == ["k", "pairs", "9", "5", "4", "99"]
    assert tables["accuracy"] == [
        ["what", "estimator", "draws", "error", "spread", "seconds"],
        ["noise", "median", "4", "0.1", "0.25", "0.5"],
    ]
    header = (tmp_path / "ratios.txt").read_text().splitlines()[:2]
    assert header[0] == "# Made by `make bench` at small sizes, for a quick look"
    assert header[1] == "# Processor, one thread; Linux, Python 3.11.7"
    assert "kernel\tkernel\tloops" in capsys.readouterr().out
