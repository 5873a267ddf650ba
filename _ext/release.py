"""Write the student notebooks of the problem sets: `make release`."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from notebooks import canonical

EXERCISES = Path(__file__).resolve().parents[1] / "exercises"


def release(grading: Path) -> None:
    """Make exercises/release from exercises/source with the grader in the folder ``grading``."""
    environment = {**os.environ, "PATH": f"{grading}{os.pathsep}{os.environ['PATH']}"}
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(EXERCISES / "source", Path(folder) / "source")
        shutil.copy(EXERCISES / "nbgrader_config.py", folder)
        command = ["nbgrader", "generate_assignment", "--force", "--log-level=WARN"]
        for made in sorted((EXERCISES / "source").glob("*/*.ipynb")):
            name = made.stem
            subprocess.run([*command, name], cwd=folder, env=environment, check=True)
            target = EXERCISES / "release" / name / made.name
            target.parent.mkdir(parents=True, exist_ok=True)
            text = (Path(folder) / "release" / name / made.name).read_text(encoding="utf-8")
            target.write_text(canonical(text), encoding="utf-8")


if __name__ == "__main__":
    release(Path(sys.argv[1]).absolute())
