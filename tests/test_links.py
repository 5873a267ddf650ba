"""Links, anchors, headings and ids of the built site, read from its files."""

import re
from collections import Counter
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

SITE = Path(__file__).resolve().parents[1] / "_build" / "html"
pytestmark = [pytest.mark.site, pytest.mark.book]


@pytest.fixture(scope="module", autouse=True)
def _built():
    if not SITE.exists():
        pytest.skip("the site is not built: run `make book`")


class Page(HTMLParser):
    """What a page holds: addresses that it names, ids, levels of the headings of its article."""

    def __init__(self, text):
        super().__init__()
        self.links, self.ids, self.headings, self.depth = [], [], [], 0
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        facts = dict(attributes)
        self.links += [facts[key] for key in ("href", "src") if facts.get(key)]
        self.ids += [facts[key] for key in ("id",) if facts.get(key)]
        self.depth += tag == "article"
        if self.depth and re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag):
        self.depth -= tag == "article"


@cache
def page(path):
    return Page(path.read_text(encoding="utf-8"))


def pages():
    return [path for path in sorted(SITE.rglob("*.html")) if "_static" not in path.parts]


def test_every_internal_link_and_anchor_resolves():
    broken, seen = [], 0
    for path in pages():
        for link in page(path).links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            seen += 1
            fragment = unquote(parts.fragment)
            if not target.is_file() or (
                fragment and target.suffix == ".html" and fragment not in page(target).ids
            ):
                broken.append(f"{path.relative_to(SITE)}: {link}")
    assert seen > 5_000
    assert not broken, "\n".join(broken)


def test_ids_are_unique_on_each_page():
    twice = {
        str(path.relative_to(SITE)): found
        for path in pages()
        if (found := [name for name, n in Counter(page(path).ids).items() if n > 1])
    }
    assert not twice


def test_headings_are_in_order():
    for path in pages():
        levels = page(path).headings
        if path.stem in ("genindex", "search", "404"):
            continue
        assert levels[:1] == [1], path
        assert levels.count(1) == 1, path
        for above, level in pairwise(levels):
            assert level <= above + 1, (path, levels)
