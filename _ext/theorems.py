"""``theorem-index``: every statement of the chapters with source, slide, function, figure, check.

A statement's zone runs from its cell to the next statement or the next section. What is
computed, drawn and checked there is what the table names.
"""

import importlib
import json
import re
from pathlib import Path

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[1]
STATEMENT = re.compile(
    r"^`{3,}\{prf:(theorem|lemma|proposition|corollary|definition)\}[ ]*(.*)\n"
    r"(?:.*\n)*?:label: (\S+)",
    re.MULTILINE,
)
CITED = re.compile(r"\{cite:[pt]\}`([^`]+)`")
CALLED = re.compile(
    r"\b(laws|covariance|mixtures|clustering|activations|kernels|quantization|features|dynamics"
    r"|curvature|jacobians|networks)\.([A-Za-z_]\w*)"
)
CHECKED = re.compile(r"\bagree\(\s*f?\"([^\"{]+)\"")


def chapters() -> list[Path]:
    """The notebooks in the order of the table of contents."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    names = [entry["file"] for part in contents["parts"] for entry in part["chapters"]]
    return [path for name in names if (path := ROOT / f"{name}.ipynb").exists()]


def statements(notebook: Path) -> list[dict]:
    """Statements of a chapter, each with what its zone cites, calls, draws and checks."""
    found, zone = [], None
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            if re.match(r"##? ", text):
                zone = None
            for kind, title, label in STATEMENT.findall(text):
                zone = {"kind": kind, "title": title.strip(), "label": label}
                zone |= {"sources": {}, "functions": {}, "figures": [], "checks": []}
                found.append(zone)
            if zone and (zone["label"] in text or not zone["sources"]):
                for keys in CITED.findall(text):
                    zone["sources"] |= dict.fromkeys(keys.replace(" ", "").split(","))
        elif zone:
            for package, name in CALLED.findall(text):
                if not name.isupper() and name in dir(importlib.import_module(f"rmtlib.{package}")):
                    zone["functions"][f"rmtlib.{package}.{name}"] = None
            figure = cell["metadata"].get("mystnb", {}).get("figure", {}).get("name")
            if figure:
                zone["figures"].append(figure)
            zone["checks"] += CHECKED.findall(text)
    return found


def slides(label: str, path: Path = ROOT / "_ext" / "slides.yml") -> list[tuple[str, str]]:
    """Sources of the course that state this, each with the title of its slide or section."""
    places = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [
        (source, title)
        for source, titles in places.items()
        for title, labels in titles.items()
        if label in labels
    ]


class TheoremIndex(SphinxDirective):
    """One table a chapter."""

    def run(self) -> list[nodes.Node]:
        """Headings and tables."""
        lines = []
        self.env.note_dependency(str(ROOT / "_ext" / "slides.yml"))
        for notebook in chapters():
            self.env.note_dependency(str(notebook))
            lines += [f"```{{rubric}} [](/chapters/{notebook.name})", "```", ""]
            lines += ["````{list-table}", ":header-rows: 1", ":widths: 28 24 26 22", ""]
            lines += ["* - Statement", "  - Source", "  - Function", "  - Figures and checks"]
            for row in statements(notebook):
                title = f": {row['title']}" if row["title"] else ""
                shown_by = slides(row["label"])
                cited = ",".join(key for key in row["sources"] if key not in dict(shown_by))
                named = [f"{{cite:t}}`{source}`, *{title}*" for source, title in shown_by]
                named[:0] = [f"{{cite:t}}`{cited}`"] if cited else []
                functions = ", ".join(f"{{py:obj}}`~{name}`" for name in row["functions"])
                shown = ", ".join(f"{{numref}}`{name}`" for name in row["figures"])
                checks = "; ".join(row["checks"])
                lines += [
                    f"* - {{prf:ref}}`{row['label']}`{title}",
                    f"  - {'; '.join(named) or 'proved here'}",
                    f"  - {functions}",
                    f"  - {shown}{'. ' if shown and checks else ''}{checks}",
                ]
            lines += ["````", ""]
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("theorem-index", TheoremIndex)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
