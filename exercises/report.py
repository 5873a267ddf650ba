"""What a grader should look at by hand: `python report.py SET`.

Prints a line for every submission that crashed, lacks graded cells, came
under another student's name, or printed more than a megabyte. Runs in the
grader's environment and folder.
"""

import sys
from pathlib import Path

from nbgrader.api import Gradebook

LARGE = 1_000_000


def report(name: str, course: Path) -> list[str]:
    """One line for each oddity among the submissions of a problem set."""
    lines = []
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        for submission in book.assignment_submissions(name):
            student = submission.student.id
            folder = course / "autograded" / student / name
            made = folder / f"{name}.ipynb"
            if not made.exists():
                lines.append(f"{student}: not graded, the kernel died")
                continue
            size = made.stat().st_size
            if size > LARGE:
                lines.append(f"{student}: {size / LARGE:.0f} MB of output")
            grades = [
                grade
                for notebook in submission.notebooks
                for grade in notebook.grades
                if grade.cell.cell_type == "code"
            ]
            missing = [g.name for g in grades if g.auto_score is None]
            if missing:
                cells = ", ".join(missing)
                lines.append(f"{student}: graded cells missing: {cells}")
            if any(
                g.name == "identity" and g.auto_score == 0 for g in grades
            ):
                lines.append(f"{student}: carries another id or key")
    return lines


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Name one problem set: python report.py SET")
    for line in report(sys.argv[1], Path.cwd()):
        print(line)
