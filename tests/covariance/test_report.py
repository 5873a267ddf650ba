import subprocess
import sys

import numpy as np
import pytest

from rmtlib import as_rng
from rmtlib.__main__ import main, read
from rmtlib.covariance import covariance_spike, report


class Frame:
    """What of a data frame matters: values, and names of rows and columns."""

    def __init__(self, values, index):
        self.values, self.index, self.columns = values, index, list(range(values.shape[1]))

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)


def data(p, n, strengths, rng, beta=1):
    X = rng.standard_normal((p, n))
    if beta == 2:
        X = (X + 1j * rng.standard_normal((p, n))) / np.sqrt(2)
    X[: len(strengths)] *= np.sqrt(1 + np.array(strengths))[:, None]
    return X


@pytest.mark.parametrize("beta", [1, 2])
def test_strengths_and_alignments_are_within_their_errors(beta):
    p, n, strengths, draws = 60, 180, [12.0, 5.0], 30
    scores = []
    for seed in range(draws):
        X = data(p, n, strengths, as_rng(seed), beta)
        result = report(X, standardize=False)
        assert result.components.count >= 2
        assert result.beta == result.components.beta == beta
        C = X - X.mean(axis=1, keepdims=True)
        vectors = np.linalg.eigh(C @ C.conj().T)[1][:, [-1, -2]]
        true = np.degrees(np.arccos(np.abs([vectors[0, 0], vectors[1, 1]])))
        assert np.all(np.abs(result.angle[:2] - true) < 20)
        scores.append((result.strength[:2] - strengths) / result.strength_error[:2])
    scores = np.array(scores)
    # standard scores over 30 draws, the smaller spike two and a half times above the square
    # of its threshold: a fifth for the order 1/n that the limit theorem leaves out
    assert np.all(np.abs(scores.mean(axis=0)) < 3 / np.sqrt(draws) + 0.2)
    np.testing.assert_allclose(scores.std(axis=0), 1, atol=0.35)
    expected = covariance_spike(result.strength, ratio=(p - 2) / (n - 1)).alignment
    np.testing.assert_allclose(np.cos(np.radians(result.angle[:2])) ** 2, expected[:2], rtol=0.02)


def test_error_of_the_angle_is_the_derivative_of_its_formula():
    result = report(data(60, 180, [12.0], as_rng(0)), standardize=False)
    c, step = (60 - result.components.count) / 179, 1e-6
    up, down = (covariance_spike(result.strength + s * step, ratio=c).alignment for s in (1, -1))
    turned = np.degrees(np.arccos(np.sqrt(down)) - np.arccos(np.sqrt(up))) / (2 * step)
    np.testing.assert_allclose(result.angle_error, turned * result.strength_error, rtol=1e-5)


def test_text_says_sizes_noise_components_and_two_sentences_of_advice():
    text = str(report(data(60, 180, [12.0, 5.0], as_rng(1)), standardize=False))
    assert text.startswith("60 variables, 180 samples (real); they count for 179")
    for words in ("noise variance", "components: 2", "degrees", "SpikeShrinkage", "not evidence"):
        assert words in text
    nothing = report(data(60, 600, [], as_rng(2)), standardize=False)
    assert nothing.components.count == 0
    assert "No component out of the bulk" in str(nothing)
    many = report(data(20, 20_000, [], as_rng(1)))
    assert "No need to shrink" in str(many)


def test_a_bulk_that_is_not_white_is_counted_with_all_the_variance_as_noise():
    rng = as_rng(2)
    X = np.exp(rng.standard_normal(80))[:, None] * rng.standard_normal((80, 400))
    result = report(X, standardize=False)
    assert result.components.variance == pytest.approx(result.eigenvalues.mean())
    assert result.components.count < result.noise.spikes
    assert "not that of white noise" in result.advice[0]
    # scaled to variance 1 it is white, with nothing in it
    assert report(X).components.count == 0
    assert report(X).noise.variance == pytest.approx(1, rel=0.01)


def test_ordered_samples_get_their_own_law_and_number():
    rng = as_rng(3)
    X = rng.standard_normal((60, 300))
    for t in range(1, 300):
        X[:, t] = 0.6 * X[:, t - 1] + 0.8 * X[:, t]
    plain, ordered = report(X), report(X, ordered=True)
    assert plain.components.count > 0
    assert "ordered=True" in str(plain)
    assert ordered.components.count == 0
    assert ordered.notes == ()
    assert ordered.samples < 200
    assert ordered.noise.misfit < plain.noise.misfit
    assert ordered.noise.misfit < 4


def test_dependent_variables_are_left_out_and_said():
    X = data(30, 200, [9.0], as_rng(4))
    result = report(np.vstack([X, X[:3] + X[3:6]]), standardize=False)
    assert result.eigenvalues.size == 30
    assert "3 variables are determined by the others" in str(result)


def test_more_variables_than_samples_work():
    result = report(data(200, 50, [60.0], as_rng(5)), standardize=False)
    assert result.components.count == 1
    assert np.count_nonzero(result.eigenvalues > 1e-10) == 49


def test_what_cannot_be_read_is_refused_by_name():
    X = data(5, 40, [], as_rng(6))
    names = ["age", "height", "weight", "income", "score"]
    with pytest.raises(ValueError, match="got nan in variable 'weight', sample 3"):
        report(
            np.where((np.arange(5) == 2)[:, None] & (np.arange(40) == 3), np.nan, X), names=names
        )
    X[1] = 4.2
    with pytest.raises(ValueError, match="same value in all samples of variable 'height'"):
        report(Frame(X, names))
    with pytest.raises(ValueError, match="same value in all samples of variable 1"):
        report(X)
    with pytest.raises(ValueError, match="names must be 5"):
        report(X, names=["a"])
    with pytest.raises(ValueError, match="2 rows and 3 columns"):
        report(np.ones((1, 5)))
    with pytest.raises(ValueError, match="X must be an array of real numbers"):
        report(np.array([["a", "b", "c"]] * 3))


HEAD = "age,height,weight\n"


def table(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_is_read_with_or_without_names(tmp_path):
    body = "1,2,3\n4,5,6.5\n"
    rows, names = read(table(tmp_path, HEAD + body))
    assert names == ["age", "height", "weight"]
    np.testing.assert_array_equal(rows, [[1, 2, 3], [4, 5, 6.5]])
    rows, names = read(table(tmp_path, body.replace(",", ";")))
    assert names is None
    np.testing.assert_array_equal(rows, [[1, 2, 3], [4, 5, 6.5]])
    np.save(tmp_path / "table.npy", rows)
    np.testing.assert_array_equal(read(tmp_path / "table.npy")[0], rows)


def test_the_command_reports_and_draws(tmp_path, capsys):
    path = tmp_path / "numbers.csv"
    np.savetxt(path, data(20, 100, [9.0], as_rng(8)).T, delimiter=",")
    assert main([str(path), "--raw"]) == 0
    out = capsys.readouterr().out
    assert "components: 1" in out
    assert (tmp_path / "numbers.report.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (HEAD + "1,2,3\n4,,6\n7,8,1\n", "nan in variable 'height', sample 1"),
        (HEAD + "1,2,3\n4,yes,6\n7,8,1\n", "got 'yes' in column 'height', row 2"),
        (HEAD + "1,2,3\n4,2,6\n7,2,1\n2,2,2\n", "all samples of variable 'height'"),
        (None, "No such file"),
    ],
)
def test_the_command_says_in_one_sentence_what_it_cannot_read(tmp_path, capsys, text, sentence):
    path = table(tmp_path, text) if text else tmp_path / "missing.csv"
    assert main([str(path)]) == 2
    assert sentence in capsys.readouterr().err.splitlines()[-1]


def test_the_command_names_the_extra_that_draws(tmp_path):
    path = tmp_path / "numbers.csv"
    np.savetxt(path, data(20, 100, [9.0], as_rng(8)).T, delimiter=",")
    code = (
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'matplotlib':\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        f"from rmtlib.__main__ import main\nsys.exit(main([{str(path)!r}]))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "components" in ran.stdout
    assert "no figure: rmtlib.book needs matplotlib: pip install rmtlib[book]" in ran.stderr
