"""Times and memory of the course itself against its budgets: chapters, builds, tests, pages.

Command: python benchmarks/course.py [--chapters NAME ...] [--builds] [--tests]
         (`make budgets`: all chapters, --builds and --tests)
Chapters are executed one after the other, each alone in a fresh kernel, as a reader does and
as the build does. For the builds and the tests the committed course is cloned into a temporary
folder, where README's commands run with no virtual environment and no cache of the package
installer.
Writes:  benchmarks/results/course.txt, one line a quantity: what, name, value, unit, budget.
         Lines that are not measured stay.
"""

import argparse
import gzip
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
RESULT = Path(__file__).parent / "results" / "course.txt"
PEAK = "import resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"


def chapter_cost(path: Path, static: bool) -> tuple[float, float]:
    """Seconds and peak memory (MB) of a chapter alone, as in the build or as a reader runs it."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(PEAK))
    folder = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, timeout=300, resources=folder)
    start = time.perf_counter()
    client.execute(env=os.environ | {"RMTLIB_STATIC": str(int(static))})
    return time.perf_counter() - start, float(notebook.cells[-1].outputs[0].text)


def seconds(folder: Path, *targets: str) -> float:
    """Time of a call of make in ``folder``."""
    environment = os.environ | {"PIP_NO_CACHE_DIR": "1", "CI": "true"}
    start = time.perf_counter()
    subprocess.run(["make", *targets], cwd=folder, env=environment, check=True)
    return time.perf_counter() - start


def page_size(page: Path) -> float:
    """Kilobytes of a page and its pictures, compressed as a server would."""
    text = page.read_text(encoding="utf-8")
    names = set(re.findall(r'<img[^>]*?src="([^":]+)"', text))
    parts = [text.encode(), *((page.parent / name).read_bytes() for name in names)]
    return sum(min(len(part), len(gzip.compress(part))) for part in parts) / 1000


Row = tuple[str, str, float, str, int]


def chapter_rows(paths: list[Path]) -> Iterator[Row]:
    """Time and memory of chapters."""
    for path in paths:
        spent, peak = chapter_cost(path, static=False)
        yield "chapter executed", path.stem, spent, "s", 20
        yield "peak memory", path.stem, peak, "MB", 1000
        spent, _ = chapter_cost(path, static=True)
        yield "chapter with frames", path.stem, spent, "s", 25


def clone_rows(builds: bool, tests: bool) -> Iterator[Row]:
    """Times of README's commands in a clone, and the pages that they make."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "course"
        subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
        if builds:
            yield "book", "from nothing installed", seconds(clone, "book"), "s", 720
            yield "book", "with a warm cache", seconds(clone, "book"), "s", 30
            for path in sorted((clone / "chapters").glob("*.ipynb")):
                page = clone / "_build" / "html" / "chapters" / f"{path.stem}.html"
                yield "page over the wire", path.stem, page_size(page), "kB", 400
        if tests:
            yield "tests", "make test", seconds(clone, "test"), "s", 1500
            yield "tests", "make test-fast", seconds(clone, "test-fast"), "s", 120


def stored() -> dict[tuple[str, str], list[str]]:
    """Lines of the table as it is."""
    lines = RESULT.read_text(encoding="utf-8").splitlines()[2:] if RESULT.exists() else []
    return {tuple(line.split(",")[:2]): line.split(",") for line in lines}


def main() -> None:
    """Measure, print what exceeds its budget, store each line when it is known."""
    chapters = {path.stem: path for path in sorted((ROOT / "chapters").glob("*.ipynb"))}
    parser = argparse.ArgumentParser()
    parser.add_argument("--chapters", nargs="*", choices=chapters, default=list(chapters))
    parser.add_argument("--builds", action="store_true", help="build the book in a clone")
    parser.add_argument("--tests", action="store_true", help="run all tests in a clone")
    options = parser.parse_args()
    rows = stored()
    measured = chain(
        chapter_rows([chapters[name] for name in options.chapters]),
        clone_rows(options.builds, options.tests) if options.builds or options.tests else (),
    )
    for what, name, value, unit, budget in measured:
        rows[what, name] = [what, name, f"{value:.1f}", unit, str(budget)]
        verdict = "" if value <= budget else "   over budget"
        print(f"{what:>20}  {name:<28}{value:8.1f} {unit:<2} of {budget}{verdict}", flush=True)
        header = f"# benchmarks/course.py on {os.cpu_count()} cores\nwhat,name,value,unit,budget\n"
        RESULT.write_text(header + "".join(f"{','.join(row)}\n" for row in rows.values()))


if __name__ == "__main__":
    main()
