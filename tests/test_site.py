"""The built site in a real browser: pages, sliders, quizzes, accessibility, no network."""

import gzip
import importlib.util
import json
import re
import sys
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from pages import NOT_YET, PICTURE_BY

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
CHAPTERS = sorted(p.stem for p in (ROOT / "chapters").glob("*.ipynb"))
REFERENCE = sorted(p.stem for p in (ROOT / "chapters").glob("*.md"))
API = ["chapters/api", *(f"chapters/api/{p.stem}" for p in (ROOT / "chapters/api").glob("*.md"))]
PAGE_BUDGET = 400_000
sys.path.insert(0, str(ROOT / "_ext"))

pytestmark = [pytest.mark.site, pytest.mark.book]
COMPUTED = ["index", *(f"chapters/{name}" for name in CHAPTERS)]
PAGES = [*COMPUTED, *(f"chapters/{name}" for name in REFERENCE), *sorted(API[1:])]


@cache
def extension():
    spec = importlib.util.spec_from_file_location("rmt_book", ROOT / "_ext" / "rmt_book.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["rmt_book"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", autouse=True)
def _site_is_built_and_current():
    if not (SITE / "fingerprint.txt").exists():
        pytest.skip("the site is not built: run `make book`")
    built = (SITE / "fingerprint.txt").read_text().strip()
    assert built == extension().fingerprint(), "the site is stale: run `make book`"


def has_formulas(page):
    return 'class="math' in (SITE / f"{page}.html").read_text(encoding="utf-8")


@contextmanager
def opened(browser, page, theme="light", width=1280, javascript=True):
    """A page from the folder on disk; errors and requests to the outside are collected."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=theme, java_script_enabled=javascript
    )
    context.add_init_script(f"localStorage.setItem('mode', '{theme}')")
    context.add_init_script(f"localStorage.setItem('theme', '{theme}')")
    tab = context.new_page()
    tab.address, tab.problems, tab.outside = page, [], []
    tab.on("pageerror", lambda error: tab.problems.append(str(error)))
    tab.on("console", lambda m: tab.problems.append(m.text) if m.type == "error" else None)
    tab.on(
        "request",
        lambda r: tab.outside.append(r.url) if r.url.startswith(("http:", "https:")) else None,
    )
    tab.goto((SITE / f"{page}.html").as_uri())
    tab.wait_for_load_state("load")
    if javascript and has_formulas(page):
        tab.wait_for_selector("mjx-container", state="attached", timeout=20_000)
    tab.wait_for_timeout(300)
    yield tab
    context.close()


def serious_violations(tab, formulas=False):
    """What axe finds serious or critical on a page, one line for each element.

    Formulas take most of its time, and all are MathJax's own markup: one chapter keeps them.
    """
    from axe_playwright_python.sync_playwright import Axe

    if not formulas:
        tab.eval_on_selector_all("mjx-container", "found => found.map(e => e.replaceWith('x'))")
    quick = {"resultTypes": ["violations"], "preload": False}
    return sorted(
        f"{violation['id']}: {node['html'][:160]}"
        for violation in Axe().run(tab, options=quick).response["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    )


@pytest.fixture(scope="class")
def tab(request, browser):
    """A page that stays open for all tests of a class; `opens` says which and how."""
    with opened(browser, **request.param) as tab:
        yield tab


def opens(pages, **how):
    """Run the tests of a class, which one process does, on each of these pages."""
    tabs = [pytest.param({"page": page, **how}, id=page) for page in pages]
    return pytest.mark.parametrize("tab", tabs, indirect=True, scope="class")


@opens(PAGES)
class TestOnADesk:
    def test_page_is_quiet_and_makes_no_external_request(self, tab):
        assert not tab.problems
        assert not tab.outside

    def test_every_picture_has_a_text_alternative(self, tab):
        alts = tab.eval_on_selector_all(
            ".bd-article img", "images => images.map(i => i.getAttribute('alt'))"
        )
        assert all(alt and not alt.startswith(("../", "_images", "/")) for alt in alts), alts

    def test_formulas_are_typeset_from_the_site_itself(self, tab):
        assert (tab.locator("mjx-container").count() > 0) == has_formulas(tab.address)
        assert not tab.outside

    def test_page_has_no_serious_accessibility_violation(self, tab):
        assert serious_violations(tab) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_formulas_have_no_serious_accessibility_violation(browser, theme):
    with opened(browser, "chapters/curse_of_dimensionality", theme=theme) as tab:
        assert serious_violations(tab, formulas=True) == []


@opens(API)
class TestReference:
    def test_no_formula_and_no_line_of_code_is_wider_than_the_column(self, tab):
        wide = tab.eval_on_selector_all(
            "article :is(mjx-container[display], div.math, table, pre, dt.sig)",
            """found => found.filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth)
                .map(e => (e.closest("dl.py") ?? e).querySelector("dt")?.id ?? e.textContent)""",
        )
        assert not wide

    def test_every_name_of_the_table_leads_to_its_entry(self, tab):
        links = tab.eval_on_selector_all(
            "table.names td:first-child", "found => found.map(e => e.querySelector('a')?.href)"
        )
        assert links
        assert all(links), links


@opens(COMPUTED[1:])
class TestCode:
    def test_quizzes_and_set_up_are_not_on_the_page(self, tab):
        code = tab.eval_on_selector_all(".cell_input", "found => found.map(e => e.textContent)")
        assert not [text for text in code if re.search(r"quiz_\w+\(|# Set-up", text)]

    def test_first_picture_is_near_the_top(self, tab):
        if tab.address.removeprefix("chapters/") not in NOT_YET:
            first = tab.locator(".bd-article :is(figure, .cell_output) img").first
            assert first.bounding_box()["y"] <= PICTURE_BY

    def test_one_switch_opens_all_code_and_is_remembered(self, browser, tab):
        page = browser.new_page()  # without the script of `opened` that writes to the storage too
        page.goto(tab.url)
        folds, switch = page.locator("details.code-fold"), page.locator("button.code-switch")
        assert folds.count() > 5
        assert not folds.first.evaluate("e => e.open")
        switch.click()
        assert folds.evaluate_all("found => found.every(e => e.open)")
        page.reload()
        assert switch.inner_text() == "Fold all code"
        assert folds.first.evaluate("e => e.open")
        switch.click()
        assert not folds.first.evaluate("e => e.open")
        page.close()

    def test_checks_are_one_line_each_and_explained_once(self, tab):
        assert tab.locator("p.rmt-how").count() == 1
        checks = tab.locator("details.rmt-check")
        assert checks.count() >= 3
        checks.first.locator("summary").click()
        assert "Would fail" in checks.first.inner_text()


@opens(PAGES, theme="dark")
class TestInTheDark:
    def test_page_has_no_serious_accessibility_violation(self, tab):
        assert serious_violations(tab) == []


@opens(PAGES, width=390)
class TestOnAPhone:
    def test_page_does_not_scroll_sideways(self, tab):
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390

    def test_a_phone_is_shown_the_narrow_form_of_each_figure(self, tab):
        shown = tab.eval_on_selector_all(
            "picture img",
            """found => found.map(i => { i.loading = "eager"; i.scrollIntoView();
                return i.currentSrc; })""",
        )
        assert all("-narrow." in source for source in shown), shown
        if tab.address in COMPUTED[1:] and tab.address.removeprefix("chapters/") not in NOT_YET:
            assert shown

    def test_page_fits_a_width_of_320(self, tab):
        tab.set_viewport_size({"width": 320, "height": 900})
        wide = tab.evaluate("document.documentElement.scrollWidth")
        tab.set_viewport_size({"width": 390, "height": 900})
        assert wide <= 320

    def test_formulas_of_theorems_fit(self, tab):
        inside = "div.proof:is(.theorem, .lemma, .proposition, .corollary, .definition)"
        assert max(overflowing(tab, inside), default=0) <= 40

    def test_number_of_an_equation_has_its_own_line(self, tab):
        shared = tab.eval_on_selector_all(
            "div.math:has(> .eqno)",
            """found => found.filter(e => {
                const line = e.querySelector(".eqno").getBoundingClientRect();
                const formula = e.querySelector("mjx-container").getBoundingClientRect();
                return line.height && line.top < formula.bottom - 2 && formula.top < line.bottom;
            }).map(e => e.id)""",
        )
        assert not shared

    def test_a_formula_that_scrolls_shows_its_edge(self, tab):
        wide = "mjx-container[display=true]"
        marked = tab.locator(f"{wide}.goes-on").count()
        assert marked == sum(over > 1 for over in overflowing(tab))


def overflowing(tab, inside="body"):
    """By how many pixels each displayed formula is wider than its box."""
    return tab.eval_on_selector_all(
        f"{inside} mjx-container[display=true]",
        "found => found.map(e => e.scrollWidth - e.clientWidth)",
    )


def test_at_most_ten_formulas_of_the_book_scroll_on_a_phone(browser):
    wide = {}
    for page in COMPUTED[1:]:
        with opened(browser, page, width=390) as tab:
            wide[page] = sum(over > 1 for over in overflowing(tab))
    assert sum(wide.values()) <= 10, wide


@opens(PAGES)
class TestLargeText:
    def test_page_with_text_twice_as_large_keeps_its_columns(self, tab):
        tab.evaluate("document.documentElement.style.fontSize = '200%'")
        tab.wait_for_timeout(200)
        assert tab.evaluate("document.documentElement.scrollWidth") <= 1280
        columns = ".bd-sidebar-primary", ".bd-article-container", ".bd-sidebar-secondary"
        boxes = [tab.locator(name).bounding_box() for name in columns if tab.locator(name).count()]
        ends = [(box["x"], box["x"] + box["width"]) for box in boxes if box]
        assert len(ends) >= 2
        assert all(right <= left + 1 for (_, right), (left, _) in pairwise(ends)), ends
        assert boxes[1]["width"] > 500


def picture(explorer):
    return explorer.locator("img").first.get_attribute("src")


def explorers_and_quizzes(page):
    cells = json.loads((ROOT / f"{page}.ipynb").read_text())["cells"]
    code = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    return (
        len(re.findall(r"^explore\(", code, re.MULTILINE)),
        len(re.findall(r"^quiz_number\(", code, re.MULTILINE)),
        len(re.findall(r"^quiz_choice\(", code, re.MULTILINE)),
    )


@opens(COMPUTED[1:])
class TestInteraction:
    def test_every_slider_moves_by_keyboard_and_shows_another_picture(self, tab):
        sliders = tab.locator("input[type=range]")
        assert tab.locator(".rmt-explorer").count() == explorers_and_quizzes(tab.address)[0]
        assert sliders.count() >= 1
        for k in range(sliders.count()):
            slider = sliders.nth(k)
            explorer = slider.locator("xpath=ancestor::*[contains(@class, 'rmt-explorer')]")
            slider.focus()
            seen = {picture(explorer)}
            slider.press("Home")
            seen.add(picture(explorer))
            slider.press("End")
            seen.add(picture(explorer))
            assert len(seen) >= 2, f"slider {k} shows one picture only"
            assert (
                explorer.locator("img").first.evaluate("i => i.complete ? i.naturalWidth : 1") > 0
            )
        assert not tab.problems

    def test_first_explorer_answers_a_key_in_a_tenth_of_a_second(self, tab):
        slider = tab.locator(".rmt-explorer input[type=range]").first
        slider.press("Home")
        slider.evaluate(
            """slider => {
                const image = slider.closest(".rmt-explorer").querySelector("img");
                slider.addEventListener("keydown", () => {
                    const start = performance.now();
                    new MutationObserver(async () => {
                        await image.decode();
                        window.took ??= performance.now() - start;
                    }).observe(image, { attributes: true });
                }, { once: true, capture: true });
            }"""
        )
        slider.press("End")
        tab.wait_for_function("window.took !== undefined", timeout=5_000)
        assert tab.evaluate("window.took") <= 100

    def test_quizzes_answer_wrong_and_right(self, tab):
        _, numbers, choices = explorers_and_quizzes(tab.address)
        quizzes = tab.locator(".rmt-quiz")
        assert quizzes.count() == numbers + choices
        for k in range(quizzes.count()):
            quiz = quizzes.nth(k)
            status = quiz.locator("[role=status]")
            check = quiz.get_by_role("button", name="Check")
            radios = quiz.locator("input[type=radio]")
            if radios.count():
                verdicts = []
                for r in range(radios.count()):
                    radios.nth(r).check()
                    check.click()
                    verdicts.append(status.inner_text())
                assert len(set(verdicts)) == radios.count(), "each option has its own explanation"
            else:
                quiz.locator("input").first.fill("-12345.678")
                check.click()
                assert status.inner_text().strip()
        assert not tab.problems


@pytest.mark.parametrize("page", COMPUTED)
def test_page_stays_within_its_budget_over_the_wire(page):
    html = SITE / f"{page}.html"
    text = html.read_text(encoding="utf-8")
    pictures = {
        (html.parent / src).resolve() for src in re.findall(r'<img[^>]*?src="([^":]+)"', text)
    }
    size = len(gzip.compress(text.encode()))
    for picture in pictures:
        data = picture.read_bytes()
        size += len(gzip.compress(data)) if picture.suffix == ".svg" else len(data)
    assert size <= PAGE_BUDGET, f"{size} bytes"


def test_page_without_javascript_keeps_picture_and_question(browser):
    with opened(browser, "chapters/sample_covariance", javascript=False) as tab:
        assert tab.locator(".rmt-explorer img").first.evaluate("i => i.naturalWidth") > 0
        assert not tab.locator("input[type=range]").first.is_visible()
        assert "how many eigenvalues" in tab.locator(".rmt-quiz").first.inner_text()


def test_search_finds_a_chapter(browser):
    with opened(browser, "search") as tab:
        tab.goto((SITE / "search.html").as_uri() + "?q=covariance")
        tab.wait_for_selector("ul.search li", timeout=20_000)
        assert "Sample covariance" in tab.locator("#search-results").inner_text()
