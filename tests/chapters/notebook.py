"""Text of a chapter's cells, for tests of the numbers that its prose states."""

import json
import re
from pathlib import Path

CHAPTERS = Path(__file__).resolve().parents[2] / "chapters"


def solution(chapter: str, label: str) -> str:
    """Text of the solution of the exercise ``label``."""
    text = markdown(chapter)
    found = re.search(rf"```+\{{solution\}} {re.escape(label)}\n(.*?)\n```+", text, re.DOTALL)
    assert found, f"{chapter} has no solution of {label}"
    return found[1]


def markdown(chapter: str) -> str:
    """All the text cells of a chapter, joined by empty lines."""
    notebook = json.loads((CHAPTERS / f"{chapter}.ipynb").read_text(encoding="utf-8"))
    return "\n\n".join(
        "".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown"
    )


def numbers(pattern: str, text: str) -> list[float]:
    """The groups of a regular expression in the text, as numbers; it must be there once."""
    found = re.findall(pattern, text)
    assert len(found) == 1, f"{len(found)} places match {pattern!r}"
    groups = found[0] if isinstance(found[0], tuple) else (found[0],)
    return [float(group) for group in groups]
