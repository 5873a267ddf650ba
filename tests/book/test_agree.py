"""`agree` passes, fails and can't be fooled."""

import os
import subprocess
import sys

import numpy as np
import pytest

from rmtlib import as_rng
from rmtlib.book import Disagreement, _check, agree, standard_errors

FAIR = {"tol": 0.1, "why": "a test", "wrong": {"twice": 2.0}}


def test_agree_prints_theory_simulation_sizes_and_distances(capsys):
    agree("a mean", 1.0, [0.9, 1.1], sizes="p = 3", **FAIR)
    assert capsys.readouterr().out == (
        "ok  a mean: theory 1, simulation 1 ± 0.1, tolerance 0.1\n"
        "    difference 0; a test (p = 3)\n"
        "    would fail: twice (10 tolerances away)\n"
    )


@pytest.mark.parametrize("encoding", ["ascii", "gbk", "cp932", "cp1252", "utf-8"])
def test_agree_prints_in_a_terminal_of_any_encoding(encoding):
    code = (
        "from rmtlib.book import agree\n"
        "agree('a mean, \u221aN', 1.0, [0.9, 1.1], tol=0.1, why='test', wrong={'2': 2.0},"
        " sizes='p = 3')\n"
        "agree('a curve', [0, 1], [0, 1], tol=0.1, why='test', wrong={'2': 2.0})\n"
    )
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr
    printed = ran.stdout.decode(encoding)
    assert any(f"simulation 1 {sign} 0.1, tolerance 0.1" in printed for sign in ("±", "+-"))
    assert "would fail: 2 (10 tolerances away)" in printed


def test_agree_raises_when_theory_and_simulation_differ():
    with pytest.raises(Disagreement, match=r"DISAGREE .*tolerance 0.1(.|\n)*difference 0.2"):
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


def test_tolerances_add():
    draws = as_rng(0).standard_normal(400)
    settings = {"wrong": {"one": 1.0}}
    bias = abs(draws.mean() - 0.5)
    with pytest.raises(Disagreement):
        agree("mean", 0.5, draws, tol=standard_errors(1), **settings)
    for tol in (standard_errors(1) + bias, bias + standard_errors(1)):
        agree("mean", 0.5, draws, tol=tol, wrong={"three": 3.0})
    curve = np.linspace(0, 1, 5)
    tolerance = np.array([1, 0.1, 0.1, 0.1, 0.1]) + standard_errors(1)
    draws = curve + np.array([[0.9, 0, 0, 0, 0], [0.8, 0, 0, 0, 0]])
    agree("curve", curve, draws, tol=tolerance, wrong={"shifted": curve + 0.3})
    with pytest.raises(Disagreement):
        agree("curve", curve, draws[:, ::-1], tol=tolerance, wrong={"shifted": curve + 0.3})


def test_the_reason_may_come_from_the_tolerance(capsys):
    draws = as_rng(0).standard_normal(400)
    agree("mean", 0.0, draws, tol=standard_errors(4) + 0.01, wrong={"one": 1.0})
    assert "4 standard errors and a bias of 0.01" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(ValueError, match="why must say where tol comes from"):
        agree("mean", 0.0, draws, tol=0.3, wrong={"one": 1.0})
    with pytest.raises(ValueError, match="tol must be nonnegative, got -1"):
        standard_errors(4) + -1


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


def test_on_the_page_a_check_is_one_line_and_the_first_explains_itself(monkeypatch):
    shown = []
    monkeypatch.setenv("RMTLIB_STATIC", "1")
    monkeypatch.setattr(_check, "_explained", False)
    monkeypatch.setattr(_check, "show", shown.append)
    for _ in range(2):
        agree("p < n & more", 1.0, [0.9, 1.1], **FAIR)
    first, second = (bundle["text/html"] for bundle in shown)
    assert first.count("How to read a check") == 1
    assert first.endswith(second)
    line, rest = second.split("</summary>")
    assert line.endswith("p &lt; n &amp; more: theory 1, simulation 1 ± 0.1, tolerance 0.1")
    assert "a test" in rest
    assert "twice (10 tolerances away)" in rest
    assert shown[0]["text/plain"].startswith("ok  p < n & more")
