"""The book as one file: bookmarks, links and solutions of three of its pages, printed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
sys.path.insert(0, str(ROOT / "_ext"))
import pdf  # noqa: E402

PAGES = ["chapters/one_step_feature_learning", "chapters/notation", "chapters/bibliography"]
pytestmark = [pytest.mark.site, pytest.mark.book]


@pytest.fixture(scope="module", autouse=True)
def _built():
    if not SITE.exists():
        pytest.skip("the site is not built: run `make book`")


@pytest.fixture(scope="module")
def html():
    return pdf.document(PAGES)


@pytest.fixture(scope="module")
def printed(chromium, tmp_path_factory):
    from pypdf import PdfReader

    target = tmp_path_factory.mktemp("pdf") / "three.pdf"
    command = [sys.executable, ROOT / "_ext" / "pdf.py", target, *PAGES]
    subprocess.run(command, env={**os.environ, "RMTLIB_CHROMIUM": chromium}, check=True)
    return PdfReader(target)


def titles(outline):
    for item in outline:
        yield from titles(item) if isinstance(item, list) else [item.title]


def test_the_book_is_all_pages_but_the_reference_of_the_library():
    pages = pdf.order()
    assert pages[:2] == ["index", "chapters/sample_covariance"]
    assert pages[-1] == "chapters/bibliography"
    assert not [page for page in pages if "api" in page]
    assert all((SITE / f"{page}.html").exists() for page in pages)


def test_headings_are_bookmarks(printed):
    found = list(titles(printed.outline))
    assert "8. One gradient step" in found
    assert "Notation" in found
    assert "Solutions" in found


def test_links_lead_to_pages_of_the_file_or_to_the_web(printed):
    inside, outside, far = 0, 0, 0
    places = printed.named_destinations
    for number, page in enumerate(printed.pages):
        for link in page.get("/Annots") or ():
            link = link.get_object()
            if "/A" in link and link["/A"]["/S"] == "/URI":
                assert link["/A"]["/URI"].startswith(("https://", "http://", "mailto:"))
                outside += 1
                continue
            target = printed.get_destination_page_number(places[link["/Dest"]])
            inside += 1
            far += target > number + 5
    assert inside > 60
    assert outside > 0
    assert far > 0  # to another page of the book


def test_code_that_is_folded_and_controls_are_left_out(html):
    soup = BeautifulSoup(html, "html.parser")
    assert not soup.select("details.code-fold, .rmt-controls, article script, button")
    assert len(soup.select(".rmt-explorer img")) == 3
    assert "file:" not in {link["href"].partition("/")[0] for link in soup.select("a[href]")}


def test_solutions_stand_open_at_the_end_of_their_chapter(html):
    chapter = BeautifulSoup(html, "html.parser").select_one("article")
    assert chapter.select("div.solution")
    assert not chapter.select("div.solution.dropdown")
    after = chapter.find("h2", string="Solutions").find_all_next("div", class_="exercise")
    assert not [node for node in after if chapter in node.parents]


def test_no_formula_is_cut(browser, html, tmp_path):
    source = tmp_path / "three.html"
    source.write_text(html, encoding="utf-8")
    tab = browser.new_page(viewport={"width": 635, "height": 900})  # the width of the text
    tab.emulate_media(media="print")
    tab.goto(source.as_uri())
    tab.wait_for_function("window.MathJax?.startup?.promise")
    tab.evaluate("MathJax.startup.promise.then(() => true)")
    wide = tab.eval_on_selector_all(
        "mjx-container[display=true]",
        "found => found.filter(e => e.scrollWidth > e.clientWidth + 1).length",
    )
    assert tab.locator("mjx-container[display=true]").count() > 10
    assert wide == 0
    tab.close()


def test_landing_page_links_the_file_once_when_it_is_there(tmp_path):
    index = tmp_path / "index.html"
    index.write_text("<p>outside</p><article><p>first</p><p>second</p></article>")
    pdf.link_from_landing_page(tmp_path)
    assert pdf.NAME not in index.read_text()
    (tmp_path / pdf.NAME).write_bytes(b"")
    for _ in range(2):
        pdf.link_from_landing_page(tmp_path)
        assert index.read_text().count(pdf.NAME) == 1
    paragraphs = BeautifulSoup(index.read_text(), "html.parser").select("article p")
    assert [p.a is not None for p in paragraphs] == [False, True, False]
