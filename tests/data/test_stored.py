"""Stored tables: one format, read and written in one place."""

import sys
from pathlib import Path

import numpy as np
import pytest

from rmtlib.data import Table, _stored, stored

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "experiments"))

NAMES = _stored.names()


@pytest.mark.parametrize("name", NAMES)
def test_a_table_says_how_it_was_made_and_is_small(name):
    table = stored(name)
    assert isinstance(table, Table)
    assert {"title", "command", "seeds", "sizes", "time"} <= set(table.header)
    script = table.header["command"].split()[1]
    assert (ROOT / script).is_file()
    assert (_stored.FOLDER / f"{name}.txt").stat().st_size < 100_000
    assert str(table).splitlines()[1] == f"command: {table.header['command']}"
    assert not any(old in str(table) for old in ("descent_modes", "rmtlib.freeness"))


def test_tables_are_those_that_experiments_write():
    scripts = " ".join(path.read_text() for path in (ROOT / "experiments").glob("[a-z]*.py"))
    assert not [name for name in NAMES if f'"{name}"' not in scripts]


def test_columns_have_the_types_of_their_entries():
    table = stored("deep_equilibrium_accuracy")
    assert [table[c].dtype.kind for c in ("data", "width", "accuracy", "learning_rate")] == [
        *("U", "i", "f", "f")
    ]
    assert np.isnan(table.where(weights="frozen")["learning_rate"]).all()
    assert stored("higham_network")["cost"].shape == (101, 20)


def test_where_selects_rows_and_refuses_an_empty_selection():
    table = stored("ternary_features")
    rows = table.where(kind="ternary-90", features=500)
    assert len(rows) == 3
    assert set(rows["kind"]) == {"ternary-90"}
    assert len(table.where(sparsity=0.9)) == np.sum(table["sparsity"] == 0.9)
    with pytest.raises(ValueError, match="has no row with"):
        table.where(kind="quaternary")
    with pytest.raises(ValueError, match="column must be one of 'kind'"):
        table.where(size=3)
    with pytest.raises(ValueError, match="column must be one of 'kind'"):
        table["size"]


def test_an_unknown_table_is_refused():
    with pytest.raises(ValueError, match="name must be one of 'compression'"):
        stored("missing")


def test_what_the_writer_writes_is_read_back():
    from _tables import text

    header = {"command": "python x.py", "seeds": "0", "sizes": "a: b, " + 40 * "long ", "time": "1"}
    rows = [("a", 1, 0.5, [1.0, 2.0]), ("b", 20, np.nan, [3.0, 4e-9])]
    formats = {"kind": "", "n": "d", "share": ".3f", "cost[2]": ".2e"}
    written = text("Two rows, " + 30 * "of what is here ", header, formats, rows)
    assert written.splitlines()[-1] == "b,20,nan,3.00e+00,4.00e-09"
    assert max(map(len, written.splitlines())) <= 98
    table = _stored.parse("rows", written)
    assert table.header["sizes"] == header["sizes"].strip()
    assert table["kind"].tolist() == ["a", "b"]
    assert table["n"].tolist() == [1, 20]
    assert table["cost"].tolist() == [[1.0, 2.0], [3.0, 4e-9]]
    assert len(table.where(kind="b")) == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_writer_keeps_the_header_of_a_stored_table(name):
    from _tables import comments

    table = stored(name)
    lines = (_stored.FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    facts = {key: value for key, value in table.header.items() if key != "title"}
    assert comments(table.header["title"], facts) == [line for line in lines if line[0] == "#"]
