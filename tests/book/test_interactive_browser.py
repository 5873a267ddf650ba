"""Explorers and quizzes on a page, driven in a real browser from a file."""

import hashlib
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from test_interactive import LONG, REPLIES, bars, bars_explorer, edge_quiz, frames_of_bars, noise

from rmtlib.book import _explorers as explorers
from rmtlib.book import explore, quiz_choice, quiz_number

pytestmark = pytest.mark.book

MATHJAX = Path(__file__).resolve().parents[2].joinpath("_vendor", "mathjax", "tex-mml-chtml.js")
DARK = {
    "text-base": "#ced6dd",
    "text-muted": "#9ca4af",
    "background": "#121212",
    "surface": "#29313d",
    "border": "#48566b",
    "primary": "#528fe4",
    "success": "#5fb488",
    "danger": "#e78894",
}
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Explorers</title>
<meta name="viewport" content="width=device-width">
<style>body {{ margin: 0; font: 16px sans-serif; }} main {{ padding: 1rem; }}
@media (prefers-color-scheme: dark) {{ :root {{ color-scheme: dark; {dark} }}
body {{ background: #121212; color: #ced6dd; }} }}</style>
<script async src="{mathjax}"></script></head>
<body><main><h1>Explorers</h1>{body}</main></body></html>"""
CHOICE = quiz_choice(
    "The spectrum, with p fixed and n growing,",
    [("stays as it is", False, r"What does \(p/n\) do?"), ("shrinks", True, "c tends to 0.")],
)
ZERO = quiz_number("Mean?", 0)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A page of two explorers and three questions, one of them twice."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RMTLIB_STATIC", "1")
        patch.setattr(explorers, "_rendered", 0)
        parts = [bars_explorer(), edge_quiz(), explore(noise, k=[-1.5, 2, 3], alt="Noise")]
    body = "\n".join(part.bundle["text/html"] for part in [*parts, CHOICE, ZERO, edge_quiz()])
    dark = "".join(f"--pst-color-{name}: {color};" for name, color in DARK.items())
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(PAGE.format(body=body, dark=dark, mathjax=MATHJAX.as_uri()), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def page(browser, address):
    """The page, opened; whatever it complains of or asks from elsewhere fails the test."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(5000)
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda r: complaints.append(r.url) if r.url.startswith("http") else None)
    open_page(page, address)
    yield page
    page.close()
    assert complaints == []


def open_page(page, address):
    page.goto(address)
    page.wait_for_function("window.MathJax?.startup?.promise")
    page.evaluate("MathJax.startup.promise")


def picture(explorer):
    """Hash of the pixels that a reader sees."""
    image = explorer.locator("img")
    image.evaluate("image => image.decode()")
    return hashlib.sha256(image.screenshot()).hexdigest()


def test_arrow_home_and_end_keys_change_the_picture(page):
    explorer = page.locator(".rmt-explorer").first
    slider = explorer.get_by_role("slider", name="c")
    assert slider.get_attribute("aria-valuetext") == "0.5"
    start = picture(explorer)
    slider.focus()
    seen = {}
    for key, value in {"ArrowRight": "2", "Home": "0.25", "End": "2", "ArrowLeft": "0.5"}.items():
        page.keyboard.press(key)
        assert slider.get_attribute("aria-valuetext") == value
        assert explorer.locator("output").first.inner_text() == value
        alt = f'A "histogram" <1>: c = {value}, n = 10, draw = second.'
        assert explorer.locator("img").get_attribute("alt") == alt
        seen.setdefault(value, set()).add(picture(explorer))
    assert {value: len(hashes) for value, hashes in seen.items()} == {"2": 1, "0.25": 1, "0.5": 1}
    assert seen["0.5"] == {start}
    assert len(set.union(*seen.values())) == 3


def test_caption_follows_and_its_formula_is_set(page):
    explorer = page.locator(".rmt-explorer").first
    for name in ("c", "n"):
        explorer.get_by_role("slider", name=name).press("End")
    caption = explorer.locator(".rmt-caption")
    assert caption.locator("mjx-container").count() == 1
    _, text = bars(2, 20, "second")
    plt.close("all")
    assert caption.inner_text().endswith(text.partition(",")[2])


def test_choice_changes_the_picture_by_mouse_and_by_keyboard(page):
    explorer = page.locator(".rmt-explorer").first
    start = picture(explorer)
    explorer.get_by_role("radio", name="first").click()
    other = picture(explorer)
    assert other != start
    page.keyboard.press("ArrowRight")
    assert picture(explorer) == start


def test_page_rebuilds_every_frame_exactly(page):
    explorer = page.locator(".rmt-explorer").first
    rebuilt = explorer.evaluate(
        """async root => {
          const [c, n] = root.querySelectorAll("input[type=range]");
          const draws = root.querySelectorAll("input[type=radio]");
          const image = root.querySelector("img"), found = [];
          for (c.value = 0; ; c.value++) {
            for (n.value = 0; ; n.value++) {
              for (const draw of draws) {
                draw.checked = true;
                draw.dispatchEvent(new Event("input", { bubbles: true }));
                await image.decode();
                found.push(await (await fetch(image.src)).text());
              }
              if (n.value === n.max) break;
            }
            if (c.value === c.max) break;
          }
          return found;
        }"""
    )
    assert rebuilt == ["\n".join(lines) for lines, _ in frames_of_bars(bars_explorer())]


def test_image_frames_change_too(page):
    explorer = page.locator(".rmt-explorer").nth(1)
    slider = explorer.get_by_role("slider")
    assert slider.get_attribute("aria-valuetext") == "−1.5"
    seen = [picture(explorer)]
    for key in ("ArrowRight", "End", "Home"):
        slider.press(key)
        seen.append(picture(explorer))
    assert len(set(seen)) == 3
    assert seen[-1] == seen[0]


def test_number_quiz_answers_wrong_right_and_unreadable(page):
    quiz = page.locator(".rmt-quiz").first
    reply, verdict = quiz.get_by_role("textbox", name="Your answer"), quiz.get_by_role("status")
    assert verdict.inner_text() == ""
    reply.fill("1,5")
    reply.press("Enter")
    assert verdict.inner_text().startswith("Not yet. Square")
    assert verdict.locator("mjx-container").count() == 1
    assert quiz.get_attribute("data-verdict") == "wrong"
    reply.fill("9/4")
    assert verdict.inner_text() == ""
    quiz.get_by_role("button", name="Check").click()
    assert verdict.inner_text().startswith("Right.")
    assert quiz.get_attribute("data-verdict") == "right"
    reply.fill("two")
    reply.press("Enter")
    assert verdict.inner_text() == edge_quiz().check("two")[1]
    assert page.locator(".rmt-quiz").last.get_by_role("status").inner_text() == ""


def test_choice_quiz_answers_by_keyboard(page):
    quiz = page.locator(".rmt-quiz").nth(1)
    verdict = quiz.get_by_role("status")
    quiz.get_by_role("button", name="Check").click()
    assert verdict.inner_text() == "Choose one of the answers."
    quiz.get_by_role("radio").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    assert verdict.inner_text().startswith("Not yet. What does")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert verdict.inner_text() == "Right. c tends to 0."


def test_page_and_python_read_every_reply_alike(page):
    more = ["1.509", "1.5149", "2.2726", "-9/4", "0.01", "-0.0101", "2.25e0/1", "22500e-4"]
    replies = [*REPLIES, *more, *LONG.values()]
    check = "(root, replies) => replies.map(root.rmtCheck)"
    for k, quiz in {0: edge_quiz(), 2: ZERO}.items():
        expected = [list(quiz.check(reply)) for reply in replies]
        assert page.locator(".rmt-quiz").nth(k).evaluate(check, replies) == expected
    expected = [list(CHOICE.check(k)) for k in (0, 1, None)]
    assert page.locator(".rmt-quiz").nth(1).evaluate(check, ["0", "1", None]) == expected


def test_without_scripts_the_first_frame_and_the_question_remain(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    explorer, quiz = page.locator(".rmt-explorer").first, page.locator(".rmt-quiz")
    assert explorer.locator("img").is_visible()
    box, image = explorer.locator("img").bounding_box(), explorer.locator("img")
    shape = [int(image.get_attribute(side)) for side in ("height", "width")]
    assert box["height"] == pytest.approx(box["width"] * shape[0] / shape[1], abs=1)
    assert explorer.locator(".rmt-caption").is_visible()
    assert not explorer.locator("form").is_visible()
    assert quiz.first.get_by_text("Right edge for").is_visible()
    assert quiz.nth(1).get_by_text("stays as it is").is_visible()
    assert page.locator("input:visible, button:visible").count() == 0
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_accessible_before_and_after_a_verdict(page, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page.emulate_media(color_scheme=scheme)
    for k in range(3):
        bad = [
            (v["id"], v["impact"], [node["html"][:200] for node in v["nodes"]])
            for v in Axe().run(page).response["violations"]
            if v["impact"] in ("serious", "critical")
        ]
        assert bad == []
        page.locator(".rmt-choices").get_by_role("radio").nth(k % 2).check()
        for button in page.get_by_role("button", name="Check").all():
            button.click()


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_page_fits_its_width_and_targets_are_large_enough(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    targets = ".rmt-slider input, .rmt-options span, .rmt-reply button, .rmt-reply [type=text]"
    for target in page.locator(f"{targets}, .rmt-choices label").all():
        box = target.bounding_box()
        assert min(box["width"], box["height"]) >= 24
    for image in page.locator(".rmt-frame").all():
        box = image.bounding_box()
        ratio = image.evaluate("image => image.naturalWidth / image.naturalHeight")
        assert image.evaluate("image => image.clientWidth <= image.parentNode.clientWidth")
        assert box["width"] / box["height"] == pytest.approx(ratio, rel=0.01)


def test_focus_is_visible(page):
    slider = page.get_by_role("slider").first
    before = slider.screenshot()
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert slider.screenshot() != before
    for control in (page.get_by_role("textbox").first, page.get_by_role("button").first):
        page.keyboard.press("Tab")
        control.focus()
        assert control.evaluate("node => getComputedStyle(node).outlineStyle") == "solid"


def test_print_keeps_the_figure_and_drops_the_controls(page):
    page.emulate_media(media="print")
    assert page.locator(".rmt-frame:visible").count() == 2
    assert page.locator(".rmt-controls:visible, .rmt-quiz button:visible").count() == 0


def test_play_moves_the_slider_to_its_end_and_stops(page):
    explorer = page.locator(".rmt-explorer").nth(1)
    slider = explorer.get_by_role("slider", name="k")
    explorer.get_by_role("button", name="Play").click()
    explorer.get_by_role("button", name="Pause").wait_for()
    explorer.get_by_role("button", name="Play").wait_for()
    assert slider.get_attribute("aria-valuetext") == "3"


def test_step_and_reset(page):
    explorer = page.locator(".rmt-explorer").first
    slider, other = (explorer.get_by_role("slider", name=name) for name in ("c", "n"))
    start = picture(explorer)
    explorer.get_by_role("button", name="Step forward").click()
    assert slider.get_attribute("aria-valuetext") == "2"
    other.press("End")  # the slider used last is the one that steps
    explorer.get_by_role("button", name="Step back").click()
    assert [s.get_attribute("aria-valuetext") for s in (slider, other)] == ["2", "10"]
    explorer.get_by_role("button", name="Reset").click()
    assert slider.get_attribute("aria-valuetext") == "0.5"
    assert picture(explorer) == start


def test_the_address_opens_the_picture_that_was_meant(page, address):
    explorer = page.locator(".rmt-explorer").first
    explorer.get_by_role("slider", name="c").press("End")
    page.wait_for_function("location.hash")
    assert page.evaluate("location.hash") == "#explorer-1?c=2&n=10&draw=second"
    meant, linked = picture(explorer), page.url
    page.goto("about:blank")
    open_page(page, linked)
    assert picture(page.locator(".rmt-explorer").first) == meant


def test_reload_and_back_keep_all_explorers_as_they_were(page):
    def values():
        return page.locator("input[type=range]").evaluate_all("e => e.map(x => x.value)")

    for k, key in ((0, "End"), (2, "End")):
        page.locator("input[type=range]").nth(k).press(key)
        page.wait_for_timeout(300)
    moved = values()
    page.reload()
    assert values() == moved
    page.goto("about:blank")
    page.go_back()
    assert values() == moved


def test_explorers_have_names_of_their_own(page):
    names = page.locator(".rmt-explorer").evaluate_all("e => e.map(x => x.ariaLabel)")
    assert names == ['Explorer: A "histogram" <1>', "Explorer: Noise"]
