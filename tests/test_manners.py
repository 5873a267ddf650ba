"""Icon, descriptions, a page for lost visitors; glossary, solutions and statements at work."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
CHAPTERS = sorted(p.stem for p in (ROOT / "chapters").glob("*.ipynb"))
pytestmark = [pytest.mark.site, pytest.mark.book]


@pytest.fixture(scope="module", autouse=True)
def _built():
    if not SITE.exists():
        pytest.skip("the site is not built: run `make book`")


@pytest.fixture
def tab(browser):
    context = browser.new_context()
    yield context.new_page()
    context.close()


def source(page):
    return (SITE / f"{page}.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["index", *(f"chapters/{name}" for name in CHAPTERS)])
def test_a_page_describes_itself_in_sentences(page):
    (text,) = re.findall(r'<meta name="description" content="([^"]+)"', source(page))
    assert 40 < len(text) <= 320
    assert text[-1] in ".?…"
    assert 'property="og:title"' in source(page)
    assert "favicon.svg" in source(page)


def test_descriptions_differ():
    texts = [
        re.search(r'"description" content="([^"]+)"', source(f"chapters/{c}"))[1] for c in CHAPTERS
    ]
    assert len(set(texts)) == len(CHAPTERS)


def test_a_lost_visitor_finds_the_first_page():
    assert 'href="index.html"' in source("404")


def test_a_term_shows_its_definition_on_focus_and_escape_closes_it(tab):
    tab.goto((SITE / "chapters" / "sample_covariance.html").as_uri())
    term = tab.locator("a.term").first
    term.focus()
    box = tab.locator("#term-definition")
    assert box.is_visible()
    assert box.inner_text() == term.get_attribute("data-definition")
    assert term.get_attribute("aria-describedby") == "term-definition"
    tab.keyboard.press("Escape")
    assert not box.is_visible()


def test_a_term_is_marked_once_in_a_chapter(tab):
    for name in CHAPTERS:
        links = re.findall(r'class="term" href="glossary.html#([^"]+)"', source(f"chapters/{name}"))
        assert links, name
        assert len(links) == len(set(links)), name


def test_the_title_of_a_solution_opens_it(tab):
    tab.goto((SITE / "chapters" / "sample_covariance.html").as_uri())
    tab.wait_for_timeout(500)
    solution = tab.locator(".solution.dropdown").first
    content = solution.locator("section").first
    assert not content.is_visible()
    solution.locator(".admonition-title a").click()
    assert content.is_visible()


def test_the_index_of_theorems_is_complete():
    page = source("chapters/theorems")
    for name in CHAPTERS:
        text = (ROOT / "chapters" / f"{name}.ipynb").read_text(encoding="utf-8")
        for label in re.findall(r":label: (thm-[\w-]+)", text):
            assert f"{name}.html#{label}" in page, label


def test_the_index_of_theorems_names_the_slides_of_the_five_sources():
    places = yaml.safe_load((ROOT / "_ext" / "slides.yml").read_text(encoding="utf-8"))
    assert len(places) == 5
    page = source("chapters/theorems")
    labels = set(re.findall(r"html#((?:thm|prp|prop|def|rf|nc)-[\w-]+)", page))
    for titles in places.values():
        for title, stated in titles.items():
            assert stated
            assert set(stated) <= labels, title
            assert f"<em>{title}</em>" in page
