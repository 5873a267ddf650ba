"""The book as one file: ``make pdf`` prints the pages of the built site through Chromium.

The pages are put into one document first, so that links between pages lead to pages of the
file and headings become its bookmarks. Left out are the API, folded code and what only works
on a screen; the solutions of a chapter stand at its end.
"""

import os
import posixpath
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from bs4 import BeautifulSoup, Tag

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
MOST_PAGES = 480
NAME = "random-matrix-theory-for-machine-learning.pdf"
SCREEN_ONLY = (
    "script, details.code-fold, button, a.headerlink, .rmt-controls, .rmt-quiz input[type=text],"
    " .rmt-quiz [role=status], p.rmt-how, source, .sd-card-footer a"
)
HEAD = """<!DOCTYPE html>
<html lang="en" data-theme="light" data-mode="light"><head><meta charset="utf-8">
<title>Random matrix theory for machine learning</title>
{styles}
<style>{print_style}</style>
{mathjax}
</head><body><main class="bd-main"><div class="bd-content">"""
PRINT = """
html, body { font-size: 11pt; background: white; }
main.bd-main, .bd-main .bd-content { display: block !important; max-width: none; }
article.bd-article { padding: 0; }
.bd-main .bd-content .bd-article h1:first-of-type { display: block; }
article.bd-article ~ article.bd-article > section > h1 { break-before: page; }
h1 { font-size: 2rem; margin-top: 0; } h2 { font-size: 1.5rem; } h3 { font-size: 1.2rem; }
h1, h2, h3, .rubric, .admonition-title, thead { break-after: avoid; }
p { orphans: 3; widows: 3; }
figure, .rmt, .cell_input, pre, tr, mjx-container[display="true"], div.math { break-inside: avoid; }
div.proof:is(.theorem, .lemma, .proposition, .definition), div.exercise { break-inside: avoid; }
figcaption { break-before: avoid; }
figure img, .cell_output img, .rmt img { max-height: 8cm; object-fit: contain; }
.sd-card { break-inside: avoid; }
pre, code { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 8.5pt; }
div.proof, div.admonition, .rmt { box-shadow: none; }
div.math, mjx-container { overflow: visible; }
table { font-size: 9pt; }
table code { font-size: 7pt; }
a { text-decoration: none !important; }
"""
PAPER = {
    "format": "A4",
    "margin": {"top": "20mm", "bottom": "20mm", "left": "21mm", "right": "21mm"},
}
FOOTER = (
    '<div style="width:100%; text-align:center; font-size:8pt; font-family:sans-serif">'
    '<span class="pageNumber"></span></div>'
)


def order(toc: Path = ROOT / "_toc.yml") -> list[str]:
    """Names of the pages in their order, without the API."""
    contents = yaml.safe_load(toc.read_text(encoding="utf-8"))
    parts = contents.get("parts", [contents])
    pages = [page["file"] for part in parts for page in part["chapters"]]
    return [contents["root"], *(page for page in pages if page != "chapters/api")]


def anchor(page: str, name: str = "") -> str:
    """The id in the whole document of an id on a page, or of the page itself."""
    return re.sub(r"[^\w-]", "-", f"{page}--{name}")


def moved(link: str, page: str, pages: Sequence[str]) -> str | None:
    """A link of a page in the whole document; None for one that leads out of it."""
    parts = urlsplit(link)
    if parts.scheme in ("http", "https", "mailto"):
        return link
    folder = posixpath.dirname(page)
    target = posixpath.normpath(posixpath.join(folder, unquote(parts.path))) if parts.path else page
    target = target.removesuffix(".html")
    return f"#{anchor(target, unquote(parts.fragment))}" if target in pages else None


def article(page: str, pages: Sequence[str], site: Path) -> Tag:
    """The text of a page as it is printed."""
    soup = BeautifulSoup((site / f"{page}.html").read_text(encoding="utf-8"), "html.parser")
    text = soup.select_one("article.bd-article")
    for node in text.select(SCREEN_ONLY):
        node.decompose()
    for node in text.select(".cell:not(:has(.cell_output, .cell_input))"):
        node.decompose()
    for node in text.find_all(id=True):
        node["id"] = anchor(page, node["id"])
    text["id"] = anchor(page)
    for link in text.find_all("a", href=True):
        if (new := moved(link["href"], page, pages)) is None:
            link.unwrap()
        else:
            link["href"] = new
    for image in text.find_all("img"):
        image.attrs.pop("loading", None)
        if not urlsplit(image["src"]).scheme:
            image["src"] = (site / posixpath.dirname(page) / image["src"]).resolve().as_uri()
    put_solutions_last(soup, text)
    return text


def put_solutions_last(soup: BeautifulSoup, text: Tag) -> None:
    """Open the solutions of a page and move them to its end."""
    solutions = text.select("div.solution")
    if not solutions:
        return
    part, heading = soup.new_tag("section"), soup.new_tag("h2")
    heading.string = "Solutions"
    part.append(heading)
    for node in text.select(".dropdown"):
        node["class"].remove("dropdown")
    for solution in solutions:
        part.append(solution.extract())
    text.find("section").append(part)


def document(pages: Sequence[str], site: Path = SITE) -> str:
    """The whole book as one HTML document."""
    first = BeautifulSoup((site / f"{pages[-1]}.html").read_text(encoding="utf-8"), "html.parser")
    base = site / posixpath.dirname(pages[-1])
    styles = [
        f'<link rel="stylesheet" href="{(base / urlsplit(link["href"]).path).resolve().as_uri()}">'
        for link in first.select("link[rel=stylesheet]")
    ]
    scripts = (site / "_static" / "mathjax").glob("tex-*.js")
    mathjax = [
        '<script>window.MathJax = {options: {processHtmlClass: "tex2jax_process|math"}}</script>',
        *(f'<script defer src="{path.as_uri()}"></script>' for path in scripts),
    ]
    head = HEAD.format(styles="\n".join(styles), print_style=PRINT, mathjax="\n".join(mathjax))
    return "\n".join([head, *(str(article(page, pages, site)) for page in pages)])


def write(html: str, target: Path) -> None:
    """Print a document; formulas are set before, and a figure that is missing is an error."""
    from playwright.sync_api import sync_playwright

    source = target.with_suffix(".html")
    source.write_text(html, encoding="utf-8")
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = os.environ.get("RMTLIB_CHROMIUM") or next(filter(None, map(shutil.which, names)), "")
    if not chromium:
        sys.exit("make pdf needs Chromium: install it, or name it in RMTLIB_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1000, "height": 1400})
        tab.emulate_media(media="print", color_scheme="light")
        tab.goto(source.as_uri(), timeout=120_000)
        tab.wait_for_function("window.MathJax?.startup?.promise", timeout=60_000)
        tab.evaluate("MathJax.startup.promise.then(() => true)")
        missing = tab.evaluate(
            "Promise.all([...document.images].map(i => i.decode().then(() => '', () => i.alt)))"
        )
        if any(missing):
            raise RuntimeError(f"pictures that could not be drawn: {list(filter(None, missing))}")
        tab.pdf(
            path=target,
            outline=True,
            tagged=True,
            print_background=True,
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=FOOTER,
            **PAPER,
        )
        browser.close()
    source.unlink()


def link_from_landing_page(site: Path = SITE) -> None:
    """Say on the first page, below its first paragraph, that the file is there."""
    index = site / "index.html"
    before, article, after = index.read_text(encoding="utf-8").partition("<article")
    if (site / NAME).exists() and NAME not in after:
        note = f'</p>\n<p><a href="{NAME}">The whole book as one PDF</a>, for paper.</p>'
        index.write_text(before + article + after.replace("</p>", note, 1), encoding="utf-8")


def main(target: str = "", *pages: str) -> None:
    """Print the book and say so on the site's first page, or print some pages into a file."""
    from pypdf import PdfReader

    path = Path(target).resolve() if target else SITE / NAME
    write(document(pages or order()), path)
    count = len(PdfReader(path).pages)
    if count > MOST_PAGES:
        sys.exit(f"The book has {count} pages, more than {MOST_PAGES}.")
    link_from_landing_page()
    print(f"The book is {path}: {count} pages, {path.stat().st_size / 1e6:.0f} MB.")


if __name__ == "__main__":
    main(*sys.argv[1:])
