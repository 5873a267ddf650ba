"""Which code is on a page: ideas are open, plumbing is folded, quizzes and set-up are not there."""

import ast
import re

from docutils import nodes
from sphinx.application import Sphinx

LONGEST = 24  # lines of a cell that is open without being asked to
PLUMBING = {"agree", "explore", "plots"}


class folded(nodes.Element):
    """Code behind a click."""


def _names(tree: ast.AST) -> set[str]:
    """Names that a cell calls, by function or by module."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            value = node.func
            while isinstance(value, ast.Attribute):
                value = value.value
            if isinstance(value, ast.Name):
                found.add(value.id)
    return found


def treatment(source: str, metadata: dict) -> str:
    """What happens to a cell's code on the page: ``open``, ``fold`` or ``gone``.

    Gone are the set-up cell and quizzes, whose code holds the answer. Folded are cells that
    make a figure or an explorer, check, import, or are long. The tags ``show-input``,
    ``hide-input`` and ``remove-input`` decide otherwise, but do not show a quiz.
    """
    tags = metadata.get("tags", [])
    tree = ast.parse(re.sub(r"^(\s*)[%!].*$", r"\1pass", source, flags=re.MULTILINE))
    names = _names(tree)
    if source.startswith("# Set-up:") or any(name.startswith("quiz_") for name in names):
        return "gone"
    for tag, kind in (("remove", "gone"), ("show", "open"), ("hide", "fold")):
        if f"{tag}-input" in tags or f"{tag}-cell" in tags:
            return kind
    plumbing = names & PLUMBING or any(
        isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body
    )
    long = len(source.splitlines()) > LONGEST
    return "fold" if plumbing or long or "figure" in metadata.get("mystnb", {}) else "open"


def fold(app: Sphinx, doctree: nodes.document) -> None:
    """Fold the code of a page, below what it shows, or take it out."""
    for cell in list(doctree.findall(nodes.container)):
        if cell.get("nb_element") != "cell_code" or not cell.children:
            continue
        code = cell[0]
        if code.get("nb_element") != "cell_code_source":
            continue
        source = code.astext()
        kind = treatment(source, cell["cell_metadata"])
        cell.attributes.pop("hide_mode", None)
        if kind == "open":
            continue
        cell.remove(code)
        if kind == "fold":
            cell["classes"].append("folded")
            cell += folded("", code, lines=len(source.splitlines()))
        elif not cell.children or source.startswith("# Set-up:"):
            cell.parent.remove(cell)


def visit(translator: nodes.NodeVisitor, node: folded) -> None:
    lines = f"{node['lines']} line{'s' * (node['lines'] > 1)}"
    translator.body.append(
        f'<details class="code-fold"><summary>Code <span>{lines}</span></summary>\n'
    )


def depart(translator: nodes.NodeVisitor, node: folded) -> None:
    translator.body.append("</details>\n")


def setup(app: Sphinx) -> None:
    """Called by the book's extension."""
    ignore = (lambda translator, node: None,) * 2
    app.add_node(folded, html=(visit, depart), latex=ignore, text=ignore)
    app.connect("doctree-read", fold)
