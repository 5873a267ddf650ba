"""README's examples run as they are printed."""

import importlib
import re
from pathlib import Path

import numpy as np
import pytest

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(\w+)` \| [^|]+ \| `(.+)` \|$", README, re.MULTILINE)

pytestmark = pytest.mark.book


def test_every_package_has_its_row():
    import rmtlib

    packages = {name for name in rmtlib.__all__ if name.islower() and not name.startswith("_")}
    assert {name for name, _ in ROWS} == packages - {"as_rng", "replicate"}


@pytest.mark.parametrize(("package", "example"), ROWS, ids=[name for name, _ in ROWS])
def test_example_of_a_package_runs(package, example, monkeypatch):
    monkeypatch.setenv("RMTLIB_OFFLINE", "1")
    X = np.random.default_rng(0).standard_normal((20, 30))
    names = {
        package: importlib.import_module(f"rmtlib.{package}"),
        "X": X,
        "K": X.T @ X / 20,
        "draws": np.ones(3),
    }
    example = example.replace("tol=..., wrong={...}", 'tol=0.1, why="a", wrong={"two": 2.0}')
    eval(example, names)


def test_example_of_the_library_runs():
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(code, {})
