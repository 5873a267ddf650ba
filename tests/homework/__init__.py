"""Typical wrong solutions of the problem sets, one module a set."""

import json
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2] / "exercises" / "source"


@dataclass(frozen=True)
class Mistake:
    """A change of the solution that costs points.

    ``loses`` names the graded cells that must fail, each with words that the
    message to the student must contain; every other graded cell must pass.
    """

    name: str
    cell: str
    old: str
    new: str
    loses: dict[str, str]

    def planted(self, name: str) -> str:
        """The code of the set's cell with the mistake in it."""
        text = (SOURCES / name / f"{name}.ipynb").read_text(encoding="utf-8")
        (code,) = (
            "".join(cell["source"])
            for cell in json.loads(text)["cells"]
            if cell["metadata"].get("nbgrader", {}).get("grade_id") == self.cell
        )
        assert code.count(self.old) == 1, f"{self.old!r} is not once in {self.cell}"
        return code.replace(self.old, self.new)
