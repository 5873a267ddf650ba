"""What a site owes its visitors: icon, descriptions, cards, a page for lost ones, a map.

Cards are pictures of 1200 x 630 with the page's title, made where `html.baseurl` is stated:
networks that show them ask for whole addresses. The map of the site needs it, too.
"""

import re
from collections.abc import Iterator
from html import escape
from io import BytesIO
from pathlib import Path
from urllib.parse import urljoin

import numpy as np
from docutils import nodes
from pdf import link_from_landing_page
from sphinx.application import Sphinx
from sphinx.config import Config

SHORTEST, LONGEST = 60, 160
FONT = re.compile(r'<link rel="preload" as="font"[^>]*>\n?')
FIELD = 'id="search-input"'
LOST = """<h1>This page does not exist</h1>
<p>The address may be an old one. The <a href="{home}">table of chapters</a> is on the first
page, and the search field finds chapters by what they are about.</p>"""


def configure(app: Sphinx, config: Config) -> None:
    config.html_favicon = "_ext/assets/favicon.svg"


def description(doctree: nodes.document | None) -> str:
    """The first sentences of a page, as many as fit."""
    if doctree is None:
        return ""
    paragraphs = (
        p for p in doctree.findall(nodes.paragraph) if isinstance(p.parent, nodes.section)
    )
    text = re.sub(r"</?a\b[^>]*>", "", next((p.astext() for p in paragraphs), ""))
    text = re.sub(r"\s+", " ", text)
    sentences, kept = re.split(r"(?<=[.?]) ", text), ""
    for sentence in sentences:
        if len(kept) > SHORTEST and len(kept) + len(sentence) > LONGEST:
            break
        kept = f"{kept} {sentence}".strip()
    return kept if len(kept) <= 2 * LONGEST else kept[: LONGEST - 1].rsplit(" ", 1)[0] + "…"


def card(title: str) -> bytes:
    """A PNG picture of a page's title over a law."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from rmtlib.laws import MarchenkoPastur, wishart_eigenvalues

    figure = Figure(figsize=(12, 6.3), dpi=100)
    ax = figure.add_axes((0, 0, 1, 0.55))
    law = MarchenkoPastur(0.5)
    low, high = law.support()
    x = low + (high - low) * np.sin(np.linspace(0, np.pi / 2, 400)) ** 2
    ax.hist(wishart_eigenvalues(1000, 2000, rng=0), 70, density=True, color="#8fb8de")
    ax.plot(x, law.pdf(x), color="#c0392b", lw=4)
    ax.axis("off")
    figure.text(0.06, 0.78, title, fontsize=44 if len(title) < 36 else 34, weight="bold")
    figure.text(0.06, 0.68, "Random matrix theory for machine learning", fontsize=24)
    picture = BytesIO()
    FigureCanvasAgg(figure).print_png(picture)
    return picture.getvalue()


def introduce(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Description, card and address in the head of a page; scripts only once."""
    scripts = {}
    for script in context.get("script_files", ()):
        body = str(script.attributes.get("body", "")) if hasattr(script, "attributes") else ""
        if "thebe" not in f"{script} {body}".lower():
            scripts.setdefault((str(script), body), script)
    context["script_files"] = list(scripts.values())
    home = app.config.html_baseurl
    title = re.sub(r"<[^>]+>", "", context.get("title") or app.config.project)
    text = description(doctree) or title
    facts = {"og:title": title, "og:description": text, "og:type": "article"}
    facts |= {"og:site_name": app.config.html_title}
    if home and doctree is not None:
        address = urljoin(home, context["pathto"](page).lstrip("#") or f"{page}.html")
        name = f"_static/cards/{page.replace('/', '-')}.png"
        path = Path(app.outdir) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(card(title))
        facts |= {"og:url": address, "og:image": urljoin(home, name)}
        facts |= {"twitter:card": "summary_large_image"}
    tags = [f'<meta name="description" content="{escape(text)}">']
    tags += [f'<meta property="{key}" content="{escape(value)}">' for key, value in facts.items()]
    context["metatags"] = context.get("metatags", "") + "\n".join(tags)


def lost(app: Sphinx) -> Iterator[tuple[str, dict, str]]:
    """The page of missing addresses."""
    home = (
        urljoin(app.config.html_baseurl, "index.html") if app.config.html_baseurl else "index.html"
    )
    yield "404", {"title": "Not found", "body": LOST.format(home=home)}, "page.html"


def quiet(app: Sphinx, exception: Exception | None) -> None:
    """Take out fonts that the theme asks for and does not use: browsers complain of them.

    The search page has two fields of one id; the second gets its own.
    """
    if exception or app.builder.format != "html":
        return
    for path in Path(app.outdir).rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        mended = FONT.sub("", text)
        if path.stem == "search":
            before, _, after = mended.rpartition(FIELD)
            mended = f'{before}id="search-page"{after}' if FIELD in before else mended
        if mended != text:
            path.write_text(mended, encoding="utf-8")
    link_from_landing_page(Path(app.outdir))


def chart(app: Sphinx, exception: Exception | None) -> None:
    """The map of the site, for search engines."""
    home = app.config.html_baseurl
    if exception or app.builder.format != "html" or not home:
        return
    pages = sorted(app.env.found_docs)
    urls = "".join(f"<url><loc>{escape(urljoin(home, page))}.html</loc></url>\n" for page in pages)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    body = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}</urlset>\n'
    (Path(app.outdir) / "sitemap.xml").write_text(head + body, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", configure)
    app.connect("html-page-context", introduce, priority=950)  # after the theme
    app.connect("html-collect-pages", lost)
    app.connect("build-finished", quiet)
    app.connect("build-finished", chart)
    app.add_js_file("solutions.js")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
