"""Times and memory of the course itself against its budgets: chapters, builds, tests, pages.

Command: python benchmarks/course.py [--tests]     (`make budgets` runs it with --tests)
It clones the committed course into a temporary folder and there, with no virtual environment
and no cache of the package installer, runs README's commands. Chapters are executed one after
the other, each alone in a fresh kernel.
Writes:  benchmarks/results/course.txt, one line a quantity: what, name, value, unit, budget.
"""

import argparse
import gzip
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
RESULT = Path(__file__).parent / "results" / "course.txt"
PEAK = "import resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"


def chapter_cost(path: Path) -> tuple[float, float]:
    """Seconds and peak memory (MB) of a chapter, executed alone as a reader would."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(PEAK))
    client = NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}}
    )
    start = time.perf_counter()
    client.execute()
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


def measure(tests: bool) -> Iterator[tuple[str, str, float, str, int]]:
    """Rows of the table: what, name, value, unit, budget."""
    chapters = sorted((ROOT / "chapters").glob("*.ipynb"))
    for path in chapters:
        spent, peak = chapter_cost(path)
        yield "chapter executed", path.stem, spent, "s", 20
        yield "peak memory", path.stem, peak, "MB", 1000
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "course"
        subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
        yield "book", "from nothing installed", seconds(clone, "book"), "s", 720
        yield "book", "with a warm cache", seconds(clone, "book"), "s", 30
        (cache,) = (clone / "_build").glob("cache-*")
        for record in get_cache(cache).list_cache_records():
            if record.uri.endswith(".ipynb"):
                name, spent = Path(record.uri).stem, record.data["execution_seconds"]
                yield "chapter with frames", name, spent, "s", 25
        for path in chapters:
            page = clone / "_build" / "html" / "chapters" / f"{path.stem}.html"
            yield "page over the wire", path.stem, page_size(page), "kB", 400
        if tests:
            yield "tests", "make test", seconds(clone, "test"), "s", 1500
            yield "tests", "make test-fast", seconds(clone, "test-fast"), "s", 120


def main() -> None:
    """Measure, print what exceeds its budget, store the table row by row."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tests", action="store_true", help="run all tests too")
    with RESULT.open("w", encoding="utf-8") as table:
        table.write(f"# benchmarks/course.py on {os.cpu_count()} cores\n")
        table.write("what,name,value,unit,budget\n")
        for what, name, value, unit, budget in measure(parser.parse_args().tests):
            table.write(f"{what},{name},{value:.1f},{unit},{budget}\n")
            table.flush()
            verdict = "" if value <= budget else "   over budget"
            print(f"{what:>20}  {name:<28}{value:8.1f} {unit:<2} of {budget}{verdict}", flush=True)


if __name__ == "__main__":
    main()
