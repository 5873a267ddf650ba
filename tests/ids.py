"""Run the problem sets' solutions for many students and all planted mistakes: `make ids`.

Each set runs in one process, for students without a course secret and with one, in whose seeds
keys and secret enter; only the cells that an id changes are executed again. A solution that
loses a point, or a mistake that a check lets pass, makes this script fail. ``SETS=a,b`` takes
some of the sets, ``IDS=200-300`` other ids than the first hundred.
"""

import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SETS = sorted(path.stem for path in (HERE.parent / "exercises").glob("source/*/*.ipynb"))
SECRET = "the secret of a course"


def students(first: int = 0, last: int = 100) -> list[str]:
    """Ids as courses have them: names, numbers, addresses."""
    forms = ("student{}", "s.{}-x", "{}", "a_{}@uni.example")
    return [forms[k % len(forms)].format(k) for k in range(first, last)]


def said(name: str, answers: list[dict], secret: str = "") -> list[dict[str, str]]:
    """What the graded cells of a set say of each answer, from one process."""
    done = subprocess.run(
        [sys.executable, "-m", "homework.running", name],
        cwd=HERE,
        env={**os.environ, "RMTLIB_COURSE_SECRET": secret},
        input=json.dumps(answers),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def lost(name: str, ids: list[str], secret: str = "") -> dict[str, dict[str, str]]:
    """Checks that refuse the solution of some student, and what they say."""
    from rmtlib.homework import _student_key

    answers = [{"student": one, "key": _student_key(one, secret)} for one in ids]
    found = zip(ids, said(name, answers, secret), strict=True)
    refused = {one: {cell: words for cell, words in cells.items() if words} for one, cells in found}
    return {one: cells for one, cells in refused.items() if cells}


def unseen(name: str) -> list[str]:
    """Planted mistakes that a check lets pass."""
    mistakes = importlib.import_module(f"homework.{name}").MISTAKES
    answers = [{"cells": {one.cell: one.planted(name)}} for one in mistakes]
    return [
        f"{one.name}: {cell}"
        for one, cells in zip(mistakes, said(name, answers), strict=True)
        for cell, hint in one.loses.items()
        if hint not in cells[cell] or not cells[cell]
    ]


def main() -> int:
    """Run the sets one by one, print what was lost and what was not seen."""
    sys.path.insert(0, str(HERE))
    chosen = os.environ.get("SETS", "").split(",") if os.environ.get("SETS") else SETS
    first, last = map(int, os.environ.get("IDS", "0-100").split("-"))
    wrong = 0
    for name in chosen:
        start = time.monotonic()
        refused = lost(name, students(first, last)), lost(name, students(first, last), SECRET)
        passed = unseen(name)
        wrong += sum(map(len, refused)) + len(passed)
        took = time.monotonic() - start
        print(
            f"{name}: {2 * (last - first)} ids, {sum(map(len, refused))} refused;"
            f" mistakes that pass: {len(passed)}; {took:.0f} s",
            flush=True,
        )
        for one, cells in [pair for found in refused for pair in found.items()]:
            print(f"    {one}: {cells}", flush=True)
        for one in passed:
            print(f"    {one}", flush=True)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
