"""Canonical form of the notebooks: no outputs, sorted keys, readable cell ids."""

import json
import re
import sys
from pathlib import Path

import nbformat

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
KEPT = ("mystnb", "nbgrader", "tags")


def canonical(text: str) -> str:
    """The notebook ``text`` without outputs, counts and editor's metadata.

    A cell keeps the metadata that the book and the grader read (``mystnb``,
    ``tags``, ``nbgrader``). Its id is made of the first words of its text, so
    that differences between two versions name the cell.
    """
    notebook = nbformat.reads(text, as_version=4)
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    notebook.nbformat_minor = 5
    seen: set[str] = set()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        cell.source = "\n".join(line.rstrip() for line in cell.source.strip().splitlines())
        cell.metadata = {k: cell.metadata[k] for k in KEPT if k in cell.metadata}
        cell.pop("attachments", None)
        words = re.findall(r"[a-z0-9]+", cell.source.lower())
        name = "-".join(words[:5])[:40].strip("-") or "empty"
        cell.id = next(i for i in (name, *(f"{name}-{k}" for k in range(2, 999))) if i not in seen)
        seen.add(cell.id)
    nbformat.validate(notebook)
    return json.dumps(_split(notebook), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _split(notebook: nbformat.NotebookNode) -> dict:
    plain = json.loads(nbformat.writes(notebook))
    for cell in plain["cells"]:
        cell["source"] = "".join(cell["source"]).splitlines(keepends=True)
    return plain


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        path.write_text(canonical(path.read_text(encoding="utf-8")), encoding="utf-8")
