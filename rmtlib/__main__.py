"""`python -m rmtlib data.csv` reports on a table whose rows are samples."""

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from rmtlib.covariance import report


def main(arguments: Sequence[str] | None = None) -> int:
    """Report on a file; returns 0, or 2 with one sentence where it can't be read."""
    parser = argparse.ArgumentParser(
        prog="python -m rmtlib",
        description="Noise and components of a table: rows are samples, columns variables.",
    )
    parser.add_argument("file", type=Path, help="a .csv (one line of names is welcome) or a .npy")
    parser.add_argument("--ordered", action="store_true", help="rows are in the order of time")
    parser.add_argument("--raw", action="store_true", help="variables have one unit: no scaling")
    parser.add_argument("--figure", type=Path, help="where to draw; FILE.report.png by default")
    given = parser.parse_args(arguments)
    try:
        rows, names = read(given.file)
        result = report(rows.T, standardize=not given.raw, ordered=given.ordered, names=names)
    except (OSError, ValueError) as error:
        print(f"{given.file}: {error}", file=sys.stderr)
        return 2
    print(result)
    try:
        from rmtlib.book import plots
    except ImportError as error:
        print(f"no figure: {error}", file=sys.stderr)
        return 0
    import matplotlib

    matplotlib.use("agg")
    plots.use_style()
    path = given.figure or given.file.with_suffix(".report.png")
    plots.report(result).savefig(path, dpi=200)
    print(f"figure: {path}")
    return 0


def read(path: Path) -> tuple[np.ndarray, list[str] | None]:
    """Rows of a file and the names of its columns, if it has them."""
    if path.suffix == ".npy":
        return np.load(path, allow_pickle=False), None
    with path.open(encoding="utf-8-sig") as file:
        first = file.readline()
        delimiter = max(",;\t ", key=first.strip().count)
        cells = [cell.strip().strip('"') for cell in first.strip().split(delimiter)]
        names = None if all(map(_is_number, cells)) else cells
        if names is None:
            file.seek(0)
        with tqdm(total=path.stat().st_size, unit="B", unit_scale=True, desc=path.name) as bar:
            lines = _lines(file, delimiter, bar)
            try:
                rows = np.loadtxt(lines, delimiter=delimiter, ndmin=2)
            except ValueError as error:
                raise ValueError(_named(str(error), names)) from error
    return rows, names


def _lines(file: Iterable[str], delimiter: str, bar: tqdm) -> Iterator[str]:
    """Lines, their empty cells as NaN, which the report names."""
    for line in file:
        bar.update(len(line))
        if delimiter * 2 in line or delimiter in (line[:1], line.rstrip("\r\n")[-1:]):
            line = delimiter.join(cell.strip() or "nan" for cell in line.split(delimiter))
        yield line


def _named(message: str, names: list[str] | None) -> str:
    """What np.loadtxt says of a cell, with the name of its column."""
    found = re.search(r"string (.*) to float64 at row (\d+), column (\d+)", message)
    if not found:
        return message
    text, row, column = found[1], int(found[2]), int(found[3])
    name = column if names is None else repr(names[column - 1])
    return f"cells must be numbers, got {text} in column {name}, row {row + 1} of the data"


def _is_number(cell: str) -> bool:
    try:
        float(cell or "nan")
    except ValueError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
