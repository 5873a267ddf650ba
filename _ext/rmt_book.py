"""Sphinx extension of the book.

It switches the kernels of the build to static explorers, keys the cache of
executed notebooks on everything that a page depends on, serves vendored files,
copies the alternative text that `rmtlib.book.plots` writes into each figure onto
the page, tables the public names of a package, and leaves out the buttons that
need the repository's address while that address is empty.
"""

import hashlib
import html
import importlib
import inspect
import os
import posixpath
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from bs4 import BeautifulSoup
from docutils import nodes
from names import public
from PIL import Image
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

sys.path.insert(0, str(Path(__file__).parent))
import folding

from rmtlib.book._figures import NARROW_MARK
from rmtlib.data._download import files_at_hand
from rmtlib.data._files import EDITIONS

ROOT = Path(__file__).resolve().parents[1]
REPEATED = re.compile(r' id="(?:proof|(?:proof|exercise|solution)-content)"')
DEPENDENCIES = (
    "rmtlib/**/*.py",
    "rmtlib/book/assets/*",
    "rmtlib/data/*.txt",
    "rmtlib/data/tables/*",
    "benchmarks/results/*",
    "requirements.txt",
    "constraints.txt",
)
log = logging.getLogger(__name__)


def fingerprint() -> str:
    """Hash of all that the pages depend on besides their own text."""
    digest = hashlib.sha256(b"static")
    for pattern in DEPENDENCIES:
        for path in sorted(ROOT.glob(pattern)):
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    for name in EDITIONS:
        for path in files_at_hand(name):
            digest.update(f"{path} {path.stat().st_size}".encode())
    return digest.hexdigest()[:16]


def configure(app: Sphinx, config: Config) -> None:
    config.html_static_path += [str(ROOT / "_vendor"), str(ROOT / "_ext" / "assets")]
    key = fingerprint()
    cache = Path(app.outdir).parent / f"cache-{key}"
    for stale in cache.parent.glob("cache-*"):
        if stale != cache:
            shutil.rmtree(stale)
    config.nb_execution_cache_path = str(cache)
    options = config.html_theme_options
    options |= {"show_toc_level": 2, "navigation_with_keys": False}
    known = bool(options.get("repository_url"))
    options["use_repository_button"] = options["use_issues_button"] = known
    launch = options.get("launch_buttons", {})
    options["launch_buttons"] = {k: v for k, v in launch.items() if known and v}


def description(path: Path) -> str:
    """The alternative text stored in an SVG or PNG file, or an empty string."""
    if path.suffix == ".svg":
        text = path.read_text(encoding="utf-8")
        _, found, rest = text.partition("<dc:description>")
        return html.unescape(rest.partition("</dc:description>")[0]) if found else ""
    with Image.open(path) as image:
        return image.info.get("Description", "") if path.suffix == ".png" else ""


class picture(nodes.Element):
    """A figure and the narrow form of it that a phone shows."""


class narrow_image(nodes.image):
    """The narrow form, which only `picture` writes."""


def visit_picture(translator: nodes.NodeVisitor, node: picture) -> None:
    builder = translator.builder
    source = posixpath.join(builder.imgpath, builder.images[node[1]["uri"]])
    media = f'<source media="(max-width: 600px)" srcset="{html.escape(source)}">'
    translator.body.append(f"<picture>{media}")


def depart_picture(translator: nodes.NodeVisitor, node: picture) -> None:
    translator.body.append("</picture>")


def skip(translator: nodes.NodeVisitor, node: nodes.Element) -> None:
    raise nodes.SkipNode


def ignore(translator: nodes.NodeVisitor, node: nodes.Element) -> None:
    pass


def split_forms(path: Path) -> Path:
    """Leave the wide form in a figure's file, and the narrow one in a file beside it."""
    narrow = path.with_stem(f"{path.stem}-narrow")
    wide, found, rest = path.read_bytes().partition(NARROW_MARK.encode())
    if found:
        path.write_bytes(wide)
        narrow.write_bytes(rest)
    return narrow


def describe_figures(app: Sphinx, doctree: nodes.document) -> None:
    """Give computed figures their text, their narrow form, and classes for the style sheet."""
    for image in list(doctree.findall(nodes.image)):
        uri = image["uri"]
        if "jupyter_execute" not in uri:
            if not image.get("alt"):
                log.warning("image without alternative text: %s", uri, location=image)
            continue
        path = Path(app.srcdir) / uri.lstrip("/")
        narrow = split_forms(path)
        alt = description(path)
        if not alt:
            log.warning("computed figure without alternative text: %s", uri, location=image)
        image["alt"] = alt
        image["classes"].append("ink" if path.suffix == ".svg" else "paper")
        if narrow.exists():
            other = narrow_image(uri=posixpath.join(posixpath.dirname(uri), narrow.name))
            image.replace_self(picture("", image.deepcopy(), other))


def keep_punctuation(app: Sphinx, doctree: nodes.document) -> None:
    """Tie the mark behind an inline formula to it, so that no line begins with a comma."""
    for math in list(doctree.findall(nodes.math)):
        parent, at = math.parent, math.parent.index(math)
        after = parent[at + 1] if at + 1 < len(parent) else None
        if isinstance(after, nodes.Text) and after[:1] in tuple(".,;:)?"):
            tied = nodes.inline("", "", math, nodes.Text(after[0]), classes=["tied"])
            parent[at : at + 2] = [tied, nodes.Text(after[1:])]


def mend(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Take out a role whose entries do not honor it, and repeated ids; give status its titles."""
    if "body" in context:
        body = context["body"].replace('<div role="list" class="citation-list">', "<div>")
        for name, title in app.env.titles.items() if page == "chapters/status" else ():
            body = body.replace(f">{name}<", f">{html.escape(title.astext())}<")
        context["body"] = REPEATED.sub("", body)
    if "generate_toctree_html" in context:
        contents = context["generate_toctree_html"]
        context["generate_toctree_html"] = lambda **how: name_toggles(contents(**how))


def name_toggles(contents: BeautifulSoup) -> BeautifulSoup:
    """Give the switches that unfold the list of pages a name for screen readers."""
    for summary in contents.select("summary"):
        summary["aria-label"] = "Pages below"
    return contents


def record(app: Sphinx, exception: Exception | None) -> None:
    """Leave the fingerprint beside the pages, for the tests to compare."""
    if exception is None and app.builder.format == "html":
        (Path(app.outdir) / "fingerprint.txt").write_text(fingerprint() + "\n")


def is_constant(value: object) -> bool:
    return not (inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value))


def first_line(value: object) -> str:
    """What a name is, in one line: the first sentence of its docstring, or its value."""
    if isinstance(value, Mapping):
        return "constant: " + ", ".join(f"``{key!r}``" for key in value)
    if is_constant(value):
        return f"constant: ``{value!r}``"
    return " ".join((inspect.getdoc(value) or "").partition("\n\n")[0].split())


class Names(SphinxDirective):
    """``.. names:: rmtlib.laws``: a table of a package's public names, one line each.

    The lines are those of the docstrings. Constants, which have none, are link targets here.
    """

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The table."""
        package = self.arguments[0]
        module = importlib.import_module(package)
        lines = [".. list-table::", "   :class: names", "   :widths: auto", ""]
        values = {name: getattr(module, name) for name in sorted(public(module), key=str.lower)}
        constants = [name for name, value in values.items() if is_constant(value)]
        names = [*(name for name in values if name not in constants), *constants]
        for name in names:
            text = first_line(values[name])
            if not text:
                log.warning("%s.%s has no docstring", package, name, location=self.get_location())
            lines += [f"   * - :py:obj:`~{package}.{name}`", f"     - {text}"]
        (table,) = self.parse_text_to_nodes("\n".join(lines))
        for name, row in zip(names, table.findall(nodes.row), strict=True):
            if name in constants:
                target = f"{package}.{name}"
                row["ids"].append(target)
                self.env.get_domain("py").note_object(target, "data", target, location=row)
        return [table]


def link_names(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list
) -> None:
    """Make links of the public names that a docstring quotes."""
    package = name
    while package not in sys.modules:
        package = package.rpartition(".")[0]
    names = public(sys.modules[package])

    def link(quoted: re.Match) -> str:
        if quoted[1].startswith(("rmtlib.", "~rmtlib.")):
            return f":py:obj:`{quoted[1]}`"
        known = quoted[1].partition(".")[0] in names
        return f":py:obj:`~{package}.{quoted[1]}`" if known else quoted[0]

    lines[:] = [re.sub(r"(?<![:`\w])`(~?[A-Za-z_][\w.]*)`(?![`_])", link, line) for line in lines]


def setup(app: Sphinx) -> dict[str, bool]:
    os.environ["RMTLIB_STATIC"] = "1"
    app.connect("config-inited", configure)
    app.add_node(picture, html=(visit_picture, depart_picture), latex=(ignore, ignore))
    app.add_node(narrow_image, html=(skip, None), latex=(skip, None), text=(skip, None))
    folding.setup(app)
    app.connect("doctree-read", describe_figures, priority=400)  # before images are collected
    app.connect("doctree-read", keep_punctuation)
    app.connect("html-page-context", mend, priority=900)  # after the theme
    app.connect("autodoc-process-docstring", link_names, priority=400)  # before napoleon
    app.connect("build-finished", record)
    app.add_directive("names", Names)
    app.add_css_file("book.css")
    app.add_js_file("book.js")
    code = b"".join(path.read_bytes() for path in sorted((ROOT / "_ext").glob("*.py")))
    version = int(hashlib.sha256(code).hexdigest()[:7], 16)  # a changed extension rereads all
    return {"env_version": version, "parallel_read_safe": True, "parallel_write_safe": True}
