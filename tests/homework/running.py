"""A problem set in one process: what an answer changes is run again, and nothing else.

    python -m homework.running SET < answers.json

reads a list of answers, each with a ``student`` and a ``key`` or with ``cells`` that replace
those of the same name in the reference solution, and writes for each one what the graded cells
say: an empty text for one that passes.
"""

import ast
import json
import os
import symtable
import sys
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("MPLBACKEND", "agg")

import matplotlib.pyplot as plt

EXERCISES = Path(__file__).resolve().parents[2] / "exercises"
REFERENCE = {"student": "ada", "key": ""}


def grade_id(cell: dict) -> str | None:
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


def is_graded(cell: dict) -> bool:
    return cell["metadata"].get("nbgrader", {}).get("grade", False)


def with_id(code: str, student: str, key: str) -> str:
    """The cell that says who answers, filled in."""
    code = code.replace('STUDENT = "your-id"', f"STUDENT = {student!r}")
    return code.replace('KEY = ""', f"KEY = {key!r}")


def _names(node: ast.AST, context: type) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, context)}


def _changed_inside(node: ast.AST) -> set[str]:
    """Names whose items or attributes a statement sets."""
    found = set()
    for n in ast.walk(node):
        if isinstance(getattr(n, "ctx", None), ast.Store):
            while isinstance(n, ast.Subscript | ast.Attribute):
                n = n.value
            if isinstance(n, ast.Name):
                found.add(n.id)
    return found


def _read(statements: list[ast.stmt], bound: set[str]) -> set[str]:
    """Names that statements read before they bind them; ``bound`` grows by what is bound."""
    read: set[str] = set()
    for node in statements:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            inside = _names(node, ast.Store) | {
                a.arg for a in ast.walk(node) if isinstance(a, ast.arg)
            }
            read |= _names(node, ast.Load) - inside - bound
            bound.add(node.name)
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(name.asname or name.name).partition(".")[0] for name in node.names}
            continue
        blocks = [
            block for key in ("body", "orelse", "finalbody") if (block := getattr(node, key, None))
        ]
        blocks += [handler.body for handler in getattr(node, "handlers", ())]
        head = [
            child
            for child in ast.iter_child_nodes(node)
            if not isinstance(child, ast.stmt | ast.ExceptHandler)
        ]
        loaded = set().union(*(_names(child, ast.Load) for child in head))
        if isinstance(node, ast.AugAssign):
            loaded |= _names(node.target, ast.Store)
        read |= loaded - bound
        here = bound if isinstance(node, ast.With) or not blocks else set(bound)
        here |= set().union(*(_names(child, ast.Store) for child in head))
        for block in blocks:
            read |= _read(block, here if isinstance(node, ast.With) else set(here))
    return read


def globals_of(code: str) -> tuple[set[str], set[str]]:
    """Names of the notebook that a cell reads, and those that it binds or changes."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return set(), set()
    top = symtable.symtable(code, "cell", "exec")
    bound = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    changed = set().union(*map(_changed_inside, tree.body)) & set(top.get_identifiers())
    return _read(tree.body, set()), bound | changed


class Notebook:
    """The reference solution, executed once, with the state before each of its cells."""

    def __init__(self, name: str) -> None:
        text = (EXERCISES / "source" / name / f"{name}.ipynb").read_text(encoding="utf-8")
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        self.ids = [grade_id(cell) for cell in cells]
        self.graded = [is_graded(cell) for cell in cells]
        self.source = ["".join(cell["source"]) for cell in cells]
        self.code = [with_id(code, **REFERENCE) for code in self.source]
        self.state: dict[str, Any] = {"__name__": "__main__"}
        self.before, self.said = [], []
        for code in self.code:
            self.before.append(dict(self.state))
            self.said.append(self._run(code))
        self.before.append(dict(self.state))

    def _run(self, code: str) -> str:
        """Execute a cell in the present state; what it raises, in words."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                exec(compile(code, "cell", "exec"), self.state)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        finally:
            plt.close("all")
        return ""

    def answer(
        self, student: str = "ada", key: str = "", cells: dict[str, str] | None = None
    ) -> dict[str, str]:
        """What the graded cells say of these cells in place of the reference's."""
        replaced = cells or {}
        if unknown := replaced.keys() - set(self.ids):
            raise KeyError(f"no cell is called {unknown.pop()!r}")
        new = [
            with_id(replaced.get(name, code), student, key)
            for name, code in zip(self.ids, self.source, strict=True)
        ]
        changed = [mine != theirs for mine, theirs in zip(new, self.code, strict=True)]
        first = changed.index(True) if any(changed) else len(new)
        self.state.clear()
        self.state.update(self.before[first])
        said, dirty = self.said[:first], set()
        for k in range(first, len(new)):
            read, bound = globals_of(new[k])
            if changed[k]:
                bound |= globals_of(self.code[k])[1]
            if changed[k] or read & dirty:
                said.append(self._run(new[k]))
                dirty |= bound
                continue
            said.append(self.said[k])
            dirty -= bound
            for name in bound:
                self.state.pop(name, None)
                if name in self.before[k + 1]:
                    self.state[name] = self.before[k + 1][name]
        return {
            name: words
            for name, words, graded in zip(self.ids, said, self.graded, strict=True)
            if graded
        }


def main() -> None:
    answers = json.load(sys.stdin)
    out, sys.stdout = sys.stdout, sys.stderr
    notebook = Notebook(sys.argv[1])
    json.dump([notebook.answer(**answer) for answer in answers], out)


if __name__ == "__main__":
    main()
