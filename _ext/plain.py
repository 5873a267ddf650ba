"""The plain edition: each chapter as a notebook that any reader of notebooks can show.

Colab, JupyterLab, VS Code and GitHub do not read MyST. After the pages are written, each
chapter is written once more, into ``plain/`` of the site: directives become titled Markdown
under the page's own numbers, solutions fold, roles become links, captions stand below their
figures, and code that the page folds is folded. The download and Colab buttons lead there.
"""

import html
import json
import posixpath
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from address import PLAIN, SETUP_MARK
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms import SphinxTransformer

BLOCK = re.compile(
    r"^(`{3,}|:{3,})(?:\{([\w:-]+)\})?[ \t]*([^\n]*)\n(.*?)^\1[ \t]*$", re.MULTILINE | re.DOTALL
)
OPTIONS = re.compile(r"\A(?::[\w-]+:[^\n]*\n)+")
DISPLAY = re.compile(r"^\$\$\n(.*?)\n\$\$(?: \(([\w-]+)\))?$", re.MULTILINE | re.DOTALL)
ROLE = re.compile(r"\{([\w:]+)\}`([^`]+)`")
LABEL = re.compile(r"^\(([\w-]+)\)=\n", re.MULTILINE)
LINK = re.compile(r"(?<=\]\()(?!#|\w+:)([^)\s]+)(?=\))")
DOMAINS = {"eq": ("math", "eq"), "numref": ("std", "numref"), "ref": ("std", "ref")}
FOLDED = {"hide-input", "hide-cell", "remove-input", "remove-cell"}


def is_chapter(app: Sphinx, docname: str) -> bool:
    return app.env.doc2path(docname).endswith(".ipynb")


class Page:
    """A chapter as the build has numbered it, and how its Markdown reads without MyST."""

    def __init__(self, app: Sphinx, docname: str) -> None:
        self.app, self.env, self.docname = app, app.env, docname
        self.numbers = self.env.toc_fignumbers.get(docname, {})
        self.references = self._references()
        self.titles: dict[str, str] = {}

    def _references(self) -> dict[tuple[str, str, str], str]:
        """What each reference of the page says, by its domain, type and target."""
        tree = self.env.get_doctree(self.docname)
        found = {}
        for node in list(tree.findall(addnodes.pending_xref)):
            key = (node["refdomain"], node["reftype"], node["reftarget"])
            found.setdefault(key, nodes.inline("", "", node.deepcopy()))
        tree.children = [nodes.paragraph("", "", *found.values())]
        self.env.temp_data["docname"] = self.docname
        resolver = SphinxTransformer(tree)
        resolver.set_environment(self.env)
        resolver.add_transforms(self.app.registry.get_post_transforms())
        resolver.apply_transforms()
        return {key: self._markdown(node) for key, node in found.items()}

    def _markdown(self, node: nodes.Node) -> str:
        if isinstance(node, nodes.Text):
            return node.astext()
        inside = "".join(self._markdown(child) for child in node.children)
        if isinstance(node, nodes.reference):
            uri = node.get("refuri") or f"#{node['refid']}"
            return f"[{inside}]({self._place(uri)})"
        return f"*{inside}*" if isinstance(node, nodes.emphasis) else inside

    def _place(self, uri: str) -> str:
        """Where an address relative to the page leads from the plain edition.

        To a page of the site where its address is known; else to the chapter's notebook
        beside this one, or to the page in the built site around it.
        """
        path, _, anchor = uri.partition("#")
        anchor = f"#{anchor}" if anchor else ""
        if ":" in path or not path:
            return uri
        path = posixpath.normpath(posixpath.join(posixpath.dirname(self.docname), path)).lstrip("/")
        docname, suffix = posixpath.splitext(path)
        if docname == self.docname and anchor:
            return anchor
        if site := self.app.config.html_baseurl:
            return f"{site.rstrip('/')}/{path}{anchor}"
        if suffix == ".html" and docname in self.env.found_docs and is_chapter(self.app, docname):
            return f"{posixpath.basename(docname)}.ipynb{anchor}"
        return f"../{path}{anchor}"

    def link(self, target: str) -> str:
        """Address of a Markdown link's target: a source file or a label."""
        path, _, anchor = target.partition("#")
        stem, suffix = posixpath.splitext(path)
        if suffix in (".ipynb", ".md"):
            return self._place(f"{stem}.html" + (f"#{anchor}" if anchor else ""))
        labels = self.env.get_domain("std").anonlabels
        if target not in labels:
            raise ExtensionError(f"{self.docname}: nothing is called {target!r}")
        docname, anchor = labels[target]
        uri = self.app.builder.get_relative_uri(self.docname, docname)
        return self._place(f"{uri}#{anchor}")

    def number(self, kind: str, label: str) -> str:
        """Number of what has this label, as on the page: ``5.3``."""
        if label not in self.numbers.get(kind, {}):
            raise ExtensionError(f"{self.docname}: the {kind} {label!r} has no number")
        return ".".join(map(str, self.numbers[kind][label]))

    def convert(self, text: str) -> str:
        """The Markdown of a cell without directives, roles and labels."""
        parts, start = [], 0
        for block in BLOCK.finditer(text):
            parts.append(self._prose(text[start : block.start()]))
            parts.append(self._directive(*block.groups()[1:]) if block[2] else block[0])
            start = block.end()
        return "".join([*parts, self._prose(text[start:])])

    def _prose(self, text: str) -> str:
        text = LABEL.sub(lambda m: f"{anchor(m[1])}\n\n", text)
        text = DISPLAY.sub(self._display, text)
        return ROLE.sub(self._role, LINK.sub(lambda m: self.link(m[1]), text))

    def _display(self, found: re.Match) -> str:
        if not found[2]:
            return found[0]
        place = f"equation-{found[2]}"
        tag = rf"\tag{{{self.number('displaymath', place)}}}"
        return f"{anchor(place)}\n$$\n{found[1]}\n{tag}\n$$"

    def _role(self, found: re.Match) -> str:
        name, content = found.groups()
        if name == "download":
            text, target = re.fullmatch(r"(.+?)\s*<(.+)>", content).groups()
            path = posixpath.normpath(posixpath.join(posixpath.dirname(self.docname), target))
            return f"[{text}]({self._place(f'/_downloads/{self.env.dlfiles[path][1]}')})"
        if name == "ref" and (named := re.fullmatch(r"(.+?)\s*<(.+)>", content)):
            return f"[{named[1]}]({self.link(named[2])})"
        domain, kind = DOMAINS.get(name) or (*name.split(":"), "")[:2]
        if (domain, kind, content) not in self.references:
            raise ExtensionError(f"{self.docname}: the role {found[0]} has no plain form")
        return self.references[domain, kind, content]

    def _directive(self, name: str, title: str, body: str) -> str:
        said = OPTIONS.match(body)
        options = dict(re.findall(r"^:([\w-]+):[ \t]*(.*)$", said[0], re.MULTILINE) if said else ())
        body = self.convert(body[said.end() if said else 0 :]).strip()
        kind, label = name.removeprefix("prf:"), options.get("label", "")
        named = f" ({title.rstrip('.')})" if title else ""
        if kind == "proof":
            return f"*Proof{named}.* {body}"
        if kind == "solution":
            head = f"Solution to Exercise {self.number('exercise', title)}{self.titles[title]}"
            return folded(head, body)
        if kind == "exercise":
            self.titles[label] = named
            return f"{anchor(label)}**Exercise {self.number(kind, label)}{named}.** {body}"
        if kind == "admonition":
            if "dropdown" in options.get("class", ""):
                return folded(title, body)
            return f"---\n\n**{title}.**\n\n{body}\n\n---"
        if name.startswith("prf:"):
            head = f"{kind.title()} {self.number(kind, label)}{named}"
            return f"---\n\n{anchor(label)}**{head}.**\n\n{body}\n\n---"
        raise ExtensionError(f"{self.docname}: the directive {name!r} has no plain form")

    def caption(self, figure: dict[str, str]) -> dict[str, Any]:
        """The cell below a code cell that draws a figure."""
        _, place = self.env.get_domain("std").anonlabels[figure["name"]]
        head = self.app.config.numfig_format["figure"] % self.number("figure", place)
        source = f"{anchor(place)}**{head}.** {self.convert(figure['caption'])}"
        return {
            "cell_type": "markdown",
            "id": f"caption-{place}"[:64],
            "metadata": {},
            "source": source.splitlines(keepends=True),
        }

    def notebook(self, source: dict[str, Any]) -> dict[str, Any]:
        """The chapter ``source`` in the plain edition."""
        cells = []
        for cell in source["cells"]:
            text, metadata = "".join(cell["source"]), dict(cell["metadata"])
            figure = metadata.pop("mystnb", {}).get("figure", {})
            if cell["cell_type"] == "markdown":
                text = self.convert(text)
            elif is_folded(text, metadata.pop("tags", ())):
                text = f"#@title {form_title(text)}\n{text}"
                metadata |= {"cellView": "form", "jupyter": {"source_hidden": True}}
            lines = text.splitlines(keepends=True)
            cells.append({**cell, "metadata": metadata, "source": lines})
            if "caption" in figure:
                cells.append(self.caption(figure))
        return {**source, "cells": cells}


def is_folded(code: str, tags: Iterable[str]) -> bool:
    """Whether the notebook folds a cell: set-up, quizzes, and what is tagged."""
    return bool(FOLDED & set(tags)) or form_title(code) != "Show the code"


def form_title(code: str) -> str:
    """What stands above folded code."""
    if code.startswith(SETUP_MARK):
        return "Set-up"
    return "Question" if re.search(r"^quiz_", code, re.MULTILINE) else "Show the code"


def anchor(place: str) -> str:
    return f'<a id="{place}"></a>'


def folded(title: str, body: str) -> str:
    return f"<details>\n<summary><b>{html.escape(title)}</b></summary>\n\n{body}\n\n</details>"


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the plain edition of all chapters beside the pages."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir) / PLAIN
    folder.mkdir(exist_ok=True)
    for docname in sorted(filter(lambda name: is_chapter(app, name), app.env.found_docs)):
        source = json.loads(Path(app.env.doc2path(docname)).read_text(encoding="utf-8"))
        made = json.dumps(
            Page(app, docname).notebook(source), indent=1, sort_keys=True, ensure_ascii=False
        )
        name = f"{posixpath.basename(docname)}.ipynb"
        (folder / name).write_text(made + "\n", encoding="utf-8")


def point(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Make the download and Colab buttons of a chapter lead to its plain edition."""
    if not doctree or not is_chapter(app, page):
        return
    name = f"{posixpath.basename(page)}.ipynb"
    for group in context.get("header_buttons", ()):
        for button in group.get("buttons", ()):
            if button.get("label") == "download-source-button":
                button["url"] = context["pathto"](f"{PLAIN}/{name}", 1)
            elif button["text"] == "Colab":
                before, _, _ = button["url"].partition("/blob/")
                button["url"] = f"{before}/blob/{PLAIN}/{name}"


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("build-finished", write)
    app.connect("html-page-context", point, priority=900)  # after the theme
    return {"parallel_read_safe": True, "parallel_write_safe": True}
