"""Stored tables: results of long runs, in one text format.

Comment lines first, ``# what it is`` and then ``# command: ...``, ``# seeds: ...``,
``# sizes: ...``, ``# time: ...`` (a longer value goes on in lines that begin with three
spaces); then a line of column names and the rows, separated by commas. A column
``cost[20]`` stands for 20 numbers a row.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from rmtlib import _checks

FOLDER = files("rmtlib.data").joinpath("tables")


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """Rows of a stored table, and how they were made.

    ``table["width"]`` is a column; printing a table shows its header.

    Parameters
    ----------
    name : str
        Name of the table.
    header : mapping of str to str
        ``title``, ``command``, ``seeds``, ``sizes``, ``time``, and what else is said.
    rows : structured array, shape (n,)
        ``rows[i]["width"]`` is one entry.
    """

    name: str
    header: Mapping[str, str]
    rows: np.ndarray

    def __repr__(self) -> str:
        return f"Table({self.name!r}, {len(self)} rows of {', '.join(self.rows.dtype.names)})"

    def __str__(self) -> str:
        title, *facts = (f"{key}: {value}" for key, value in self.header.items())
        return "\n".join([title.removeprefix("title: "), *facts])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, column: str) -> np.ndarray:
        return self.rows[_checks.one_of("column", column, self.rows.dtype.names)]

    def where(self, **values: float | str) -> "Table":
        """The rows in which these columns have these values; an error if there is none.

        Example
        -------
        >>> len(stored("compression").where(data="digits", width=500, method="dense"))
        5
        """
        keep = np.ones(len(self), dtype=bool)
        for column, value in values.items():
            entries = self[column]
            keep &= entries == value if entries.dtype.kind == "U" else np.isclose(entries, value)
        if not keep.any():
            raise ValueError(f"{self.name} has no row with {values}")
        return Table(self.name, self.header, self.rows[keep])


def names() -> tuple[str, ...]:
    """Names of the tables that come with the library."""
    return tuple(sorted(file.name.removesuffix(".txt") for file in FOLDER.iterdir()))


def stored(name: str) -> Table:
    """A table of results that comes with the library.

    The tables are made by the scripts in ``experiments/``; ``print(table)`` says
    by which command, with which seeds and sizes, and how long it took.

    Parameters
    ----------
    name : str
        Name of the table, for example ``"compression"``.

    Returns
    -------
    Table

    Example
    -------
    >>> table = stored("tangent_kernel_widths")
    >>> len(table), table["width"].tolist()[-1], table.header["seeds"]
    (60, 1024, '0 to 9')
    """
    _checks.one_of("name", name, names())
    return parse(name, FOLDER.joinpath(f"{name}.txt").read_text("utf-8"))


def parse(name: str, text: str) -> Table:
    """Table in the format of this file."""
    lines = text.replace("\n#   ", " ").splitlines()
    comments = [line[2:] for line in lines if line.startswith("# ")]
    columns, *rows = (line.split(",") for line in lines if not line.startswith("#"))
    header = {"title": comments[0]} | dict(line.split(": ", 1) for line in comments[1:])
    fields, parts, start = [], [], 0
    for column in columns:
        label, size = re.fullmatch(r"(\w+)(?:\[(\d+)\])?", column).groups()
        width = int(size or 1)
        entries = np.array([row[start : start + width] for row in rows])
        parts.append(_numbers(entries if size else entries[:, 0]))
        fields.append((label, parts[-1].dtype, parts[-1].shape[1:]))
        start += width
    table = np.empty(len(rows), dtype=fields)
    for (label, _, _), part in zip(fields, parts, strict=True):
        table[label] = part
    return Table(name, header, table)


def _numbers(entries: np.ndarray) -> np.ndarray:
    """Integers if all entries are, floats if all are numbers, else the texts."""
    for kind in (int, float):
        try:
            return entries.astype(kind)
        except ValueError:
            continue
    return entries
