"""Explorers and quizzes without a browser: frames, live widgets, feedback, errors."""

import base64
import io
import json
import re
import subprocess
import sys
import time
from html import escape, unescape
from html.parser import HTMLParser
from itertools import product
from urllib.parse import unquote

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from PIL import Image

from rmtlib import as_rng
from rmtlib.book import _explorers as explorers
from rmtlib.book import _frames as frames
from rmtlib.book import explore, quiz_choice, quiz_number
from rmtlib.book._quiz import read_number

C, N, DRAWS = [0.25, 0.5, 2], np.array([10, 20]), ("first", "second")


def bars(c, n, draw):
    x = as_rng(len(draw)).standard_normal(n)
    fig, ax = plt.subplots(figsize=(2.5, 1.5))
    ax.hist(x, bins=n // 4, color="C0")
    ax.plot([0, c], [0, 1], "o-", color="C1")
    return fig, rf"\(c = {c:g}\), largest {x.max():.3f}"


def line(k):
    fig, ax = plt.subplots(figsize=(2, 1.5))
    ax.plot([0, 0.5, 1], [0, 0.5**k, 1])
    return fig


def noise(k):
    fig, ax = plt.subplots(figsize=(4, 3))
    ax.imshow(as_rng(int(k * k)).random((250, 250)))
    return fig


@pytest.fixture
def static(monkeypatch):
    monkeypatch.setenv("RMTLIB_STATIC", "1")
    monkeypatch.setattr(explorers, "_rendered", 0)


@pytest.fixture
def live(monkeypatch):
    monkeypatch.delenv("RMTLIB_STATIC", raising=False)


@pytest.fixture
def shown(monkeypatch):
    calls = []
    monkeypatch.setattr("IPython.display.display", lambda *a, **k: calls.append((a, k)))
    return calls


class Page(HTMLParser):
    """Tags with their attributes, and the texts of scripts, of an element."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.scripts = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] == "script" and self.scripts[-1] == "":
            self.scripts[-1] = data

    def first(self, tag):
        return next(attrs for name, attrs in self.tags if name == tag)


def bars_explorer():
    return explore(
        bars, c=C, n=N, draw=DRAWS, start={"c": 0.5, "draw": "second"}, alt='A "histogram" <1>.'
    )


def frames_of_bars(explorer):
    """Lines of SVG and caption of each frame, drawn one by one into the room that all have."""
    grid = [dict(zip(["c", "n", "draw"], at, strict=True)) for at in product(C, N.tolist(), DRAWS)]
    places = [explorer._frame(grid[k], frames.places)[0] for k in (0, len(grid) // 2, -1)]
    return [
        explorer._frame(at, lambda figure: frames.put(figure, places, frames.slim_svg))
        for at in grid
    ]


def test_static_bundle_is_html_png_and_text(static, shown):
    explorer = bars_explorer()
    assert not hasattr(explorer, "_repr_mimebundle_")
    explorer._ipython_display_()
    [((bundle,), options)] = shown
    assert options == {"raw": True}
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    assert bundle["text/plain"] == 'A "histogram" <1>: c = 0.5, n = 10, draw = second.'
    with Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))) as picture:
        assert picture.size == (480, 288)
        assert picture.info["Description"] == bundle["text/plain"]
    assert plt.get_fignums() == []


def test_page_holds_every_frame_of_the_grid(static):
    explorer = bars_explorer()
    grid = list(product(C, N.tolist(), DRAWS))
    page = Page(explorer.bundle["text/html"])
    data = json.loads(page.scripts[0])
    assert data == explorer.data
    assert len(data["edits"]) == len(data["alts"]) == len(data["captions"]) == len(grid) == 12
    image = page.first("img")
    assert image["src"].startswith("data:image/svg+xml,")
    base = unquote(image["src"].partition(",")[2]).split("\n")
    assert (image["width"], image["height"]) == ("240", "144")
    seen = set()
    for k, (expected, caption) in enumerate(frames_of_bars(explorer)):
        assert frames.unpack(base, data, k) == expected
        assert data["captions"][k] == caption
        seen.add("\n".join(expected))
    assert len(seen) == len(grid)
    assert image["alt"] == data["alts"][grid.index((0.5, 10, "second"))]
    assert data["texts"] == [["0.25", "0.5", "2"], ["10", "20"], ["first", "second"]]


def test_a_frame_costs_what_moves_in_it(static):
    explorer = explore(line, k=range(1, 81), alt="Power")
    first = len(Page(explorer.bundle["text/html"]).first("img")["src"])
    assert len(explorer.data["edits"]) == 80
    # One path of three points, some 150 bytes, moves; a whole frame has 8 KB.
    assert len(json.dumps([explorer.data["lines"], explorer.data["edits"]])) < 80 * 200
    assert first > 5_000
    assert explorer.weight < 16_000


def test_slim_svg_draws_the_same_picture_with_fewer_bytes():
    figure, _ = bars(0.5, 40, "first")
    lines = frames.slim_svg(figure)
    with plt.rc_context(frames.STYLE), io.StringIO() as buffer:
        figure.savefig(buffer, format="svg", transparent=True)
        full = buffer.getvalue()
    plt.close(figure)
    assert sum(map(len, lines)) < 0.75 * len(full)
    text = "\n".join(lines)
    assert text.startswith("<svg")
    for gone in ("<!--", "<metadata", "<?xml", "<g id="):
        assert gone not in text
    assert "scale(0.015625)" in text
    referenced = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text))
    ids = set(re.findall(r'\bid="([^"]+)"', text))
    assert {a or b for a, b in referenced} <= ids

    def numbers(svg):
        paths = re.findall(r'\bd="([^"]*)"', svg)
        return np.array([float(x) for d in paths for x in re.findall(r"-?\d+(?:\.\d+)?", d)])

    assert np.max(np.abs(numbers(text) - numbers(full))) <= 0.005 + 1e-12


def test_image_frames_are_webp_of_the_screen_size(static):
    explorer = explore(noise, k=[1, 2, 3], start={"k": 2}, alt="Noise")
    first, _, third = explorer.data["frames"]
    assert explorer.data["frames"][1] is None
    uris = [first, Page(explorer.bundle["text/html"]).first("img")["src"], third]
    assert len(set(uris)) == 3
    for uri in uris:
        kind, _, data = uri.partition(";base64,")
        assert kind == "data:image/webp"
        with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
            assert picture.format == "WEBP"
            assert picture.size == (480, 360)


def test_small_images_stay_svg_and_large_ones_do_not():
    sizes = {}
    for pixels in (8, 100):
        figure, ax = plt.subplots(figsize=(2, 1.5))
        ax.imshow(as_rng(0).random((pixels, pixels)), interpolation="none")
        lines = frames.slim_svg(figure)
        assert all(line.startswith("<") for line in lines)
        assert sum(map(len, lines)) < frames.SVG_LIMIT
        sizes[pixels] = frames.suits_svg(lines)
        plt.close(figure)
    assert sizes == {8: True, 100: False}
    assert frames.suits_svg(["<svg>", "x" * 59_000])
    assert not frames.suits_svg(["<svg>", "x" * 60_000])


def test_equal_calls_give_equal_bytes(static):
    assert bars_explorer().bundle == bars_explorer().bundle


def test_another_process_gives_the_same_bytes(static):
    code = (
        "import sys; sys.path.insert(0, 'tests/book'); import hashlib, test_interactive as t;"
        "b = t.bars_explorer().bundle; print(hashlib.sha256(repr(b).encode()).hexdigest())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"RMTLIB_STATIC": "1", "PYTHONHASHSEED": seed, "PATH": ""},
            cwd=__file__.rpartition("tests")[0],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


def test_controls_are_named_and_hidden_until_the_script_runs(static):
    labels = {"c": r"Ratio \(c = p/n\)"}
    explorer = explore(bars, c=[-0.5, 0.5], n=N, draw=DRAWS, labels=labels, alt="Bars")
    page = Page(explorer.bundle["text/html"])
    assert "hidden" in page.first("form")
    sliders = [a for tag, a in page.tags if tag == "input" and a["type"] == "range"]
    assert [a["aria-label"] for a in sliders] == ["Ratio c = p/n", "n"]
    assert [a["aria-valuetext"] for a in sliders] == ["−0.5", "10"]
    assert [a["max"] for a in sliders] == ["1", "1"]
    radios = [a for tag, a in page.tags if tag == "input" and a["type"] == "radio"]
    assert [("checked" in a) for a in radios] == [True, False]
    assert page.first("div")["class"].split() == ["rmt", "rmt-explorer", "tex2jax_process"]
    assert not [tag for tag, attrs in page.tags if "id" in attrs or tag in ("figure", "noscript")]


def test_texts_cannot_break_out_of_the_page(static):
    evil = '</script><!--<script> & "it\'s" <b>'

    def fn(k):
        return line(k), evil

    explorer = explore(fn, k=[1, 2], alt=evil, labels={"k": evil})
    page = Page(explorer.bundle["text/html"])
    assert [tag for tag, _ in page.tags].count("script") == 2
    assert "<!--" not in explorer.bundle["text/html"]
    assert "b" not in [tag for tag, _ in page.tags]
    assert json.loads(page.scripts[0])["captions"] == [evil, evil]
    assert page.first("input")["aria-label"] == evil
    assert page.first("img")["alt"] == f"{evil}: k = 1."


def test_alt_may_be_a_function_of_the_values(static):
    explorer = explore(line, k=[1, 2], alt=lambda k: f"The power {k}")
    assert explorer.data["alts"] == ["The power 1: k = 1.", "The power 2: k = 2."]


def test_an_explorer_has_at_most_80_frames(static):
    with pytest.raises(ValueError, match=r"at most 80 combinations, got 9 x 9 = 81"):
        explore(bars, c=range(1, 10), n=range(10, 19), alt="Bars")
    assert explorers._rendered == 0


def test_a_page_has_at_most_200_frames(static):
    explorers._rendered = 197
    explore(line, k=[1, 2, 3], alt="Power")
    with pytest.raises(ValueError, match=r"at most 200 frames, got 2 after the 200 of"):
        explore(line, k=[1, 2], alt="Power")


@pytest.mark.usefixtures("static")
def test_figures_that_change_from_call_to_call_are_refused():
    rng = as_rng(0)

    def fn(k):
        fig, ax = plt.subplots(figsize=(2, 1.5))
        ax.plot(rng.standard_normal(5))
        return fig

    with pytest.raises(ValueError, match=r"fn must draw the same figure .*seed"):
        explore(fn, k=[1, 2, 3], alt="Noise")
    assert plt.get_fignums() == []


@pytest.mark.parametrize("restless", [1, 2, 3], ids=["first", "middle", "last"])
def test_first_middle_and_last_frames_are_drawn_twice_and_compared(static, restless):
    calls = []

    def draw(x):
        calls.append(x)
        figure, ax = plt.subplots()
        ax.plot([0, calls.count(x) if x == restless else 1])
        return figure

    with pytest.raises(ValueError, match=rf"fn must draw the same figure .*'x': {restless}\b"):
        explore(draw, x=[1, 2, 3], alt="A line")


GOOD = {"fn": line, "alt": "Power", "k": [1, 2]}


@pytest.mark.parametrize("mode", ["", "1"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fn": 3}, "fn must be a function"),
        ({"fn": lambda k: None}, "fn must return a matplotlib Figure or .*got NoneType at"),
        ({"fn": lambda k: (line(k), 3)}, "fn must return a matplotlib Figure"),
        ({"fn": lambda k: (line(k), "a", "b")}, "fn must return a matplotlib Figure"),
        ({"alt": ""}, "alt must be a nonempty text"),
        ({"alt": None}, "alt must be a nonempty text"),
        ({"alt": lambda k: " "}, "alt must return a nonempty text"),
        ({"k": []}, "k must hold at least two values"),
        ({"k": [1]}, "k must hold at least two values"),
        ({"k": [1, 1.0]}, "k must hold at least two values, all different"),
        ({"k": [1, float("nan")]}, "k must be finite"),
        ({"k": [1, np.inf]}, "k must be finite"),
        ({"k": [1, "a"]}, "k must hold numbers only or nonempty strings only"),
        ({"k": [True, False]}, "k must hold numbers only"),
        ({"k": [1, 2j]}, "k must hold numbers only"),
        ({"k": ["a", ""]}, "k must hold numbers only or nonempty strings"),
        ({"k": [[1, 2], [3]]}, "k must hold numbers only"),
        ({"k": np.eye(2)}, "k must hold numbers only"),
        ({"k": "ab"}, "k must be a list"),
        ({"k": {1, 2}}, "k must be a list"),
        ({"k": 3}, "k must be a list"),
        ({"a": [1, 2], "b": [1, 2]}, "at most two lists of numbers and one list of strings, got 3"),
        ({"a": ["x", "y"], "b": ["x", "y"]}, "one list of strings, got 1 and 2"),
        ({"k": None}, "k must be a list"),
        ({"start": {"k": 3}}, "start must give k one of its values"),
        ({"start": {"k": "1"}}, "start must give k one of its values"),
        ({"start": {"q": 1}}, "start must name parameters"),
        ({"labels": {"q": "name"}}, "labels must be"),
        ({"labels": {"k": ""}}, "labels must be"),
    ],
)
def test_bad_explorers_are_refused(monkeypatch, mode, change, message):
    monkeypatch.setenv("RMTLIB_STATIC", mode)
    arguments = GOOD | change
    with pytest.raises(ValueError, match=message):
        explore(arguments.pop("fn"), **arguments)
    plt.close("all")


def test_explorer_without_parameters_is_refused(live):
    with pytest.raises(ValueError, match="parameters must be"):
        explore(line, alt="Power")


def test_start_is_found_up_to_rounding(live):
    explorer = explore(line, k=np.linspace(0, 1, 11), start={"k": 0.3}, alt="Power")
    assert explorer.start == {"k": np.linspace(0, 1, 11)[3]}


def test_live_slider_changes_picture_and_caption(live, shown):
    explorer = bars_explorer()
    explorer._ipython_display_()
    assert shown == [((explorer.widget,), {})]
    first, caption = bytes(explorer.image.value), explorer.caption.value
    assert first.startswith(b"\x89PNG")
    assert r"\(c = 0.5\)" in caption
    explorer.sliders["c"].value = 2
    assert explorer.image.value != first
    assert r"\(c = 2\)" in explorer.caption.value
    assert "c = 2, n = 10, draw = second." in explorer.caption.value
    explorer.sliders["c"].index = 1
    assert explorer.image.value == first
    explorer.sliders["draw"].value = "first"
    assert explorer.image.value != first
    assert explorer.values == {"c": 0.5, "n": 10, "draw": "first"}
    assert plt.get_fignums() == []
    with Image.open(io.BytesIO(first)) as picture:
        assert picture.size == (300, 180)
    assert explorer.image.width == "240"


def test_values_reach_fn_as_python_numbers(live):
    kinds = []

    def fn(**values):
        kinds.append({name: type(value) for name, value in values.items()})
        return line(1)

    explore(fn, n=np.array([1, 2]), c=np.array([1.0, 2.0], dtype=np.float32), alt="Power")
    assert kinds == [{"n": int, "c": float}]


def test_live_error_is_shown_and_the_next_value_recovers(live):
    def fn(k):
        fig = line(k)
        if k == 2:
            raise RuntimeError("no <equilibrium> at 2")
        return fig

    explorer = explore(fn, k=[1, 2, 3], alt="Power")
    before = explorer.image.value
    explorer.sliders["k"].value = 2
    assert "RuntimeError: no &lt;equilibrium&gt; at 2" in explorer.caption.value
    assert 'role="alert"' in explorer.caption.value
    assert explorer.image.value == before
    assert plt.get_fignums() == []
    explorer.sliders["k"].value = 3
    assert "alert" not in explorer.caption.value
    assert explorer.image.value != before


@pytest.mark.parametrize(("mode", "wrong"), [("", 1), ("1", 2)])
def test_error_of_a_frame_that_is_drawn_at_once_is_raised(monkeypatch, mode, wrong):
    def fn(k):
        if k == wrong:
            raise ZeroDivisionError("here")
        return line(k)

    monkeypatch.setenv("RMTLIB_STATIC", mode)
    with pytest.raises(ZeroDivisionError, match="here"):
        explore(fn, k=[1, 2, 3], alt="Power")


SET_UP = """
import matplotlib.pyplot as plt
from rmtlib.book import explore, quiz_number

def line(k):
    fig, ax = plt.subplots(figsize=(2, 1.5))
    ax.plot([0, 0.5, 1], [0, 0.5**k, 1])
    return fig
"""


def run_notebook(*cells):
    cells = [nbformat.v4.new_code_cell(cell, id=f"c{k}") for k, cell in enumerate(cells)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    return NotebookClient(notebook, kernel_name="python3", timeout=60), notebook


def test_live_kernel_answers_a_slider_message_with_a_new_picture(live):
    client, notebook = run_notebook(
        SET_UP,
        "explorer = explore(line, k=[1, 2, 3], alt='Power')\n"
        "print(explorer.sliders['k'].model_id, explorer.image.model_id)\nexplorer",
    )
    with client.setup_kernel():
        for k, cell in enumerate(notebook.cells):
            client.execute_cell(cell, k)
        text, view = notebook.cells[1].outputs
        slider, image = text["text"].split()
        assert "application/vnd.jupyter.widget-view+json" in view["data"]
        assert "text/html" not in view["data"]
        channel = client.kc.session
        content = {
            "comm_id": slider,
            "data": {"method": "update", "state": {"index": 2}, "buffer_paths": []},
        }
        client.kc.shell_channel.send(channel.msg("comm_msg", content))
        for _ in range(50):
            message = run_sync(client.kc.get_iopub_msg)(timeout=20)
            content = message["content"]
            if message["msg_type"] == "comm_msg" and content["comm_id"] == image:
                break
        assert content["data"]["buffer_paths"] == [["value"]]
        assert bytes(message["buffers"][0]).startswith(b"\x89PNG")


def test_static_kernel_writes_html_that_needs_no_kernel(monkeypatch):
    monkeypatch.setenv("RMTLIB_STATIC", "1")
    client, notebook = run_notebook(
        SET_UP,
        "explore(line, k=[1, 2, 3], alt='Power')",
        "quiz_number('Twice one?', 2)",
        "explore(line, k=[1, 2, 3], alt=lambda k: '')",
    )
    with pytest.raises(Exception, match="alt must return a nonempty text"):
        client.execute()
    explorer, quiz = (cell.outputs for cell in notebook.cells[1:3])
    assert [set(output["data"]) for output in explorer] == [
        {"text/html", "image/png", "text/plain"}
    ]
    assert [set(output["data"]) for output in quiz] == [{"text/html", "text/latex", "text/plain"}]


REPLIES = {
    "1.5": 1.5,
    " 3/2 ": 1.5,
    "1,5": 1.5,
    "+1.5": 1.5,
    "15e-1": 1.5,
    "15E−1": 1.5,
    "−1.5": -1.5,
    "-3 / 2": -1.5,
    "3/-2": -1.5,
    ".5": 0.5,
    "5.": 5.0,
    "0,125": 0.125,
    "1e-2/4": 0.0025,
    "007": 7.0,
    "1\u00a0/\u00a04": 0.25,
    "0": 0.0,
    "-0": 0.0,
    "1e308": 1e308,
    "50%": None,
    "": None,
    " ": None,
    "abc": None,
    "nan": None,
    "inf": None,
    "-inf": None,
    "Infinity": None,
    "0x2": None,
    "1_0": None,
    "1/0": None,
    "0/0": None,
    "1e999": None,
    "1e999/1e999": None,
    "2,250": None,
    "12,345": None,
    "1.5.2": None,
    "1,5,2": None,
    "1 5": None,
    "--1": None,
    "1/2/3": None,
    ".": None,
    ",": None,
    "e3": None,
    "1e": None,
    "1e1.5": None,
    "٣": None,
    "½": None,
    "2^2": None,
    "sqrt(2)": None,
    "1.5 x": None,
    "1.5\n": None,
}


@pytest.mark.parametrize(("reply", "value"), REPLIES.items())
def test_reply_is_read_as_the_number_that_it_states(reply, value):
    assert read_number(reply) == value


LONG = {
    "digits and a letter": "1" * 20_000 + "x",
    "digits": "9" * 20_000,
    "spaces": "1" + " " * 20_000 + "x",
    "fractions": "1/" * 10_000,
    "commas": "1,2" * 10_000,
    "powers": "1e" * 10_000,
    "points": "." * 20_000,
}


@pytest.mark.parametrize("reply", LONG.values(), ids=LONG)
def test_a_long_reply_takes_no_longer_than_its_length(reply):
    start = time.perf_counter()
    assert read_number(reply) is None
    assert time.perf_counter() - start < 0.5


@pytest.mark.parametrize("reply", [None, True, [1.5], float("nan"), np.inf, 1j])
def test_what_is_not_a_reply_is_not_read(reply):
    assert read_number(reply) is None


def edge_quiz():
    return quiz_number(
        r"Right edge for \(c = 1/4\)?",
        9 / 4,
        hints=[(1.5, r"Square \(1+\sqrt c\)."), (1.51, "Close to the first."), (-9 / 4, "Sign!")],
        explain=r"\((1+\sqrt c)^2\)",
    )


@pytest.mark.parametrize(
    ("reply", "verdict", "message"),
    [
        ("2.25", True, r"Right. \((1+\sqrt c)^2\)"),
        ("9/4", True, r"Right. \((1+\sqrt c)^2\)"),
        (np.float64(2.2725), True, r"Right. \((1+\sqrt c)^2\)"),
        ("2.2726", False, "Not yet. Your number is too large."),
        ("2.2274", False, "Not yet. Your number is too small."),
        ("3/2", False, r"Not yet. Square \(1+\sqrt c\)."),
        ("1.509", False, "Not yet. Close to the first."),
        ("-2,25", False, "Not yet. Sign!"),
        ("two", None, "Enter a number such as 1.5, 3/2 or 2e-3, without thousands separators."),
    ],
)
def test_number_quiz_gives_the_nearest_hint(reply, verdict, message):
    assert edge_quiz().check(reply) == (verdict, message)


def test_answer_zero_has_an_absolute_tolerance():
    quiz = quiz_number("Mean?", 0, rtol=0.01)
    assert quiz.check("0.01")[0] is True
    assert quiz.check("-0.011") == (False, "Not yet. Your number is too small.")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("", 1), "question must be a nonempty text"),
        ((None, 1), "question must be a nonempty text"),
        (("q", float("nan")), "answer must be finite"),
        (("q", np.inf), "answer must be finite"),
        (("q", "1"), "answer must be a real number"),
        (("q", 1, 0), "rtol must be between"),
        (("q", 1, 0.6), "rtol must be between"),
        (("q", 1, float("nan")), "rtol must be finite"),
        (("q", 1, 0.01, [(1.005, "why")]), r"hints must be wrong, got 1.005 \(it passes"),
        (("q", 0, 0.01, [(0.001, "why")]), "hints must be wrong"),
        (("q", 1, 0.01, [(np.nan, "why")]), "hints must be finite"),
        (("q", 1, 0.01, [(2, "")]), "hints must be a nonempty text"),
        (("q", 1, 0.01, [2]), "hints must be pairs"),
        (("q", 1, 0.01, [(2, "a", "b")]), "hints must be pairs"),
        (("q", 1, 0.01, [], None), "explain must be a text"),
    ],
)
def test_bad_number_quizzes_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        quiz_number(*arguments)


RIGHT, WRONG = ("at one", True, "Yes."), ("at two", False, "No.")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "exactly one of them correct"),
        ([RIGHT], "at least two different texts"),
        ([WRONG, ("c", False, "w")], "with 0 correct"),
        ([RIGHT, ("c", True, "w")], "with 2 correct"),
        ([RIGHT, WRONG, WRONG], "different texts"),
        ([RIGHT, ("c", False, "")], "options must be a nonempty text"),
        ([RIGHT, ("", False, "w")], "options must be a nonempty text"),
        ([RIGHT, ("c", 0, "w")], "correct must be True or False"),
        ([RIGHT, ("c", False)], "options must be triples"),
        ([RIGHT, "abc"], "options must be triples"),
    ],
)
def test_bad_choice_quizzes_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        quiz_choice("Where?", options)


def test_choice_quiz_takes_a_text_or_an_index():
    quiz = quiz_choice("Where?", [WRONG, RIGHT])
    assert quiz.check(1) == quiz.check("at one") == (True, "Right. Yes.")
    assert quiz.check(0) == quiz.check("at two") == (False, "Not yet. No.")
    for reply in (None, "", "nowhere", -1, 2, True, 1.0):
        assert quiz.check(reply) == (None, "Choose one of the answers.")


def test_live_quizzes_give_both_verdicts(live, shown):
    quiz = edge_quiz()
    quiz._ipython_display_()
    [((widget,), _)] = shown
    _, field, button, verdict = widget.children
    field.value = "1,5"
    assert r"Not yet. Square \(1+\sqrt c\)." in verdict.value
    field.value = "9/4"
    button.click()
    assert "Right." in verdict.value
    _, options, button, verdict = quiz_choice("Where?", [WRONG, RIGHT]).widget.children
    button.click()
    assert "Choose one of the answers." in verdict.value
    options.index = 0
    button.click()
    assert "Not yet. No." in verdict.value
    options.index = 1
    button.click()
    assert "Right. Yes." in verdict.value


def test_live_quizzes_show_formulas_and_say_them_in_words():
    options = [
        (r"\(\frac1p \operatorname{tr} A\)", True, "Yes."),
        (r"\((1 + \frac{10}{\sqrt p})^{-1/2}\) & more", False, "No."),
        ("none", False, "No."),
    ]
    question, field, _, _ = quiz_choice("Which?", options).widget.children
    assert field.options == (("A", 0), ("B", 1), ("C", 2))
    shown = re.findall(r"<b>(\w)\.</b> <span aria-hidden=\"true\">(.*?)</span>", question.value)
    texts = [escape(text) for text, _, _ in options]
    assert shown == list(zip("ABC", texts, strict=True))
    said = re.findall(r"nowrap\">(.*?)</span>", question.value)
    assert said == ["1 over p tr A", "(1 + 10 over root of p ) to the -1/2 &amp; more", "none"]
    page = Page(quiz_choice("Which?", options).bundle["text/html"])
    labels = [attrs["aria-label"] for tag, attrs in page.tags if tag == "input"]
    assert labels == [unescape(text) for text in said]


def test_live_quizzes_without_formulas_have_their_answers_on_the_buttons():
    question, field, _, _ = quiz_choice("Where?", [WRONG, RIGHT]).widget.children
    assert field.options == (("at two", 0), ("at one", 1))
    assert question.value == "<b>Where?</b>"


@pytest.mark.parametrize("quiz", [edge_quiz(), quiz_choice("Where?", [WRONG, RIGHT])])
def test_static_quiz_carries_its_rule_but_does_not_show_it(static, shown, quiz):
    quiz._ipython_display_()
    [((bundle,), options)] = shown
    assert options == {"raw": True}
    assert set(bundle) == {"text/html", "text/latex", "text/plain"}
    page = Page(bundle["text/html"])
    rule = json.loads(base64.b64decode(json.loads(page.scripts[0])))
    assert rule == quiz.rule
    assert "Right. " not in bundle["text/html"]
    assert "hidden" in page.first("input") or "hidden" in page.first("form")
    assert quiz.bundle == bundle


def test_questions_are_latex_outside_formulas_escaped(static):
    quiz = quiz_choice(r"50% of \(x_1\) & {y}?", [WRONG, ("a_b", True, "Yes.")])
    source = quiz.bundle["text/latex"]
    assert source.startswith(
        r"\parbox{0.95\linewidth}{\textbf{Question.} 50\% of \(x_1\) \& \{y\}?"
    )
    assert r"\item at two \item a\_b \end{itemize}}" in source
