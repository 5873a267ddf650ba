"""The one writer of stored tables; `rmtlib.data.stored` reads them."""

import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from textwrap import wrap

import numpy as np

FOLDER = Path(__file__).resolve().parents[1] / "rmtlib" / "data" / "tables"
STARTED = time.perf_counter()


def comments(title: str, header: Mapping[str, str]) -> list[str]:
    """The lines above the table."""
    marks = {"initial_indent": "# ", "subsequent_indent": "#   "}
    whole = {"break_long_words": False, "break_on_hyphens": False}
    facts = [title, *(f"{key}: {value}" for key, value in header.items())]
    return [line for fact in facts for line in wrap(fact, 98, **marks, **whole)]


def text(title: str, header: Mapping[str, str], formats: Mapping[str, str], rows: Iterable) -> str:
    """The file's text; ``formats`` gives each column's format, of ``cost[20]`` for 20 numbers."""
    lines = [*comments(title, header), ",".join(formats)]
    for row in rows:
        cells = []
        for value, form in zip(row, formats.values(), strict=True):
            cells += [format(entry, form) for entry in np.atleast_1d(value).tolist()]
        lines.append(",".join(cells))
    return "\n".join(lines) + "\n"


def write(
    name: str,
    title: str,
    formats: Mapping[str, str],
    rows: Iterable,
    *,
    seeds: str,
    sizes: str,
    quick: bool = False,
    **more: object,
) -> None:
    """Store a table, or print it after a trial.

    Command and time are filled in; ``more`` holds further lines of the header.
    """
    command = " ".join(["python", f"experiments/{Path(sys.argv[0]).name}", *sys.argv[1:]])
    header = {"command": command, "seeds": seeds, "sizes": sizes}
    header |= {"time": f"{time.perf_counter() - STARTED:.0f} s"} | more
    content = text(title, header, formats, rows)
    if quick:
        print(content)
    else:
        (FOLDER / f"{name}.txt").write_text(content, encoding="utf-8")
