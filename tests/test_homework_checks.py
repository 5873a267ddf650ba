"""The checks of the problem sets: what they accept, what they say."""

import numpy as np
import pytest

from rmtlib import homework, laws
from rmtlib.homework import ProblemSet, Withheld, Wrong
from rmtlib.laws import MarchenkoPastur


def grader_folder(tmp_path, monkeypatch, student, name="a_set"):
    folder = tmp_path / "autograded" / student / name
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)


def test_students_and_problems_have_their_own_data_and_keep_them():
    draws = [
        ProblemSet(name, student, key).rng(problem).random()
        for name, student, key, problem in [
            ("a_set", "ada", "", "one"),
            ("a_set", "bob", "", "one"),
            ("a_set", "ada", "", "two"),
            ("b_set", "ada", "", "one"),
            ("a_set", "ada", "k", "one"),
        ]
    ]
    assert len(set(draws)) == len(draws)
    assert ProblemSet("a_set", "ada").rng("one").random() == draws[0]
    assert ProblemSet("a_set", "ada").hidden_rng("one").random() not in draws


@pytest.mark.parametrize("student", ["your-id", "", "a b", "../eve"])
def test_what_is_not_an_id_is_refused(student):
    with pytest.raises(ValueError, match="student"):
        ProblemSet("a_set", student)


def test_graded_data_are_those_of_the_folder(tmp_path, monkeypatch):
    own = ProblemSet("a_set", "ada").rng("one").random()
    grader_folder(tmp_path, monkeypatch, "ada")
    copied = ProblemSet("a_set", "bob")
    assert copied.rng("one").random() == own
    with pytest.raises(Wrong, match=r"'bob'.*'ada'"):
        copied.check_identity()
    ProblemSet("a_set", "ada").check_identity()


def test_a_stub_is_graded_although_it_has_no_id(tmp_path, monkeypatch):
    grader_folder(tmp_path, monkeypatch, "ada")
    with pytest.raises(Wrong, match="your-id"):
        ProblemSet("a_set", "your-id").check_identity()


def test_a_course_secret_asks_for_the_key_and_changes_the_hidden_data(tmp_path, monkeypatch):
    hidden = ProblemSet("a_set", "ada").hidden_rng("one").random()
    monkeypatch.setenv(homework.SECRET, "autumn")
    assert ProblemSet("a_set", "ada").hidden_rng("one").random() != hidden
    key = homework._student_key("ada")
    own = ProblemSet("a_set", "ada", key).rng("one").random()
    grader_folder(tmp_path, monkeypatch, "ada")
    assert ProblemSet("a_set", "ada").rng("one").random() == own
    ProblemSet("a_set", "ada", key).check_identity()
    with pytest.raises(Wrong, match="key"):
        ProblemSet("a_set", "ada").check_identity()


def test_keys_differ_between_students_and_secrets_and_are_empty_without_one():
    keys = {homework._student_key(s, secret) for s in ("ada", "bob") for secret in ("x", "y")}
    assert len(keys) == 4
    assert homework._student_key("ada", "") == ""


def test_comparison_gives_the_hint_that_fits():
    hints = [(3.0, "that is thrice"), (2.0, "that is twice")]
    homework.compare("it", 1.05, 1, 0.1, hints)
    with pytest.raises(Wrong, match="it is 2, but should be 1: that is twice"):
        homework.compare("it", 2.0, 1, 0.1, hints)
    with pytest.raises(Wrong, match=r"should be 1$"):
        homework.compare("it", 5.0, 1, 0.1, hints)


@pytest.mark.parametrize("bad", [None, "x", np.nan, np.inf, [1, 2], 1j])
def test_what_is_not_a_number_is_said(bad):
    with pytest.raises(Wrong, match="it must be"):
        homework.compare("it", bad, 1, 0.1)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: None, "return statement"),
        (lambda x: "text", "not an array"),
        (lambda x: 1.0, "entry by entry"),
        (lambda x: x * np.nan, "NaN"),
        (lambda x: [object()] * len(x), "not an array"),
    ],
)
def test_what_a_function_returns_is_looked_at(function, message):
    with pytest.raises(Wrong, match=message):
        homework.returns_array("f", function, np.ones(3))


@pytest.mark.parametrize("ratio", [0.3, 1.0, 4.0])
def test_mass_and_moments_of_a_density_are_exact(ratio):
    law = MarchenkoPastur(ratio)
    moments = [homework.mass(law.pdf, law.bands(), k) for k in range(3)]
    np.testing.assert_allclose(moments, [min(1, 1 / ratio), 1, 1 + ratio], rtol=1e-10)


def test_slope_of_a_power_law_is_its_exponent_and_errors_must_be_positive():
    x = np.array([10.0, 30.0, 90.0])
    assert homework.log_slope(x, 7 * x**-0.5) == pytest.approx(-0.5)
    for bad in (0, -1, np.nan, np.inf):
        with pytest.raises(Wrong, match="positive and finite"):
            homework.log_slope(x, [1, bad, 1])


def test_withheld_functions_raise_for_every_reference_and_come_back():
    with homework.withheld("laws.MarchenkoPastur"), pytest.raises(Withheld, match="yourself"):
        laws.MarchenkoPastur(0.5)
    assert laws.MarchenkoPastur is MarchenkoPastur
    with pytest.raises(ZeroDivisionError), homework.withheld("laws.MarchenkoPastur"):
        _ = 1 / 0
    assert laws.MarchenkoPastur is MarchenkoPastur


def test_a_name_that_was_imported_into_the_notebook_raises_too(monkeypatch):
    import __main__

    monkeypatch.setattr(__main__, "MarchenkoPastur", MarchenkoPastur, raising=False)
    with homework.withheld("laws.MarchenkoPastur"), pytest.raises(Withheld):
        __main__.MarchenkoPastur(0.5)
    assert __main__.MarchenkoPastur is MarchenkoPastur


def test_a_misspelt_name_is_an_error_of_the_set():
    with pytest.raises(AttributeError), homework.withheld("laws.MarchenkoPasture"):
        pass
