"""``python -m rmtlib`` on a table with 2.5 samples a variable, as a user calls it."""

import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from rmtlib import as_rng

ROOT = Path(__file__).resolve().parents[1]
_FOLDER = TemporaryDirectory()


@cache
def table(p: int, suffix: str) -> Path:
    """File of white noise, shape (2.5 p, p)."""
    rows = as_rng(0).standard_normal((5 * p // 2, p))
    path = Path(_FOLDER.name) / f"noise{p}{suffix}"
    if suffix == ".npy":
        np.save(path, rows)
    else:
        np.savetxt(path, rows, fmt="%.6g", delimiter=",")
    return path


def shell(path: Path) -> str:
    """What the command prints, start of Python and figure included."""
    command = [sys.executable, "-m", "rmtlib", str(path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
