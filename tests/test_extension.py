"""The book's Sphinx extension: what re-executes pages, and text alternatives."""

import importlib
import re
import shutil
import sys
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from PIL import Image

from rmtlib.book import plots as plotting
from rmtlib.book._figures import STYLE, _render, both_forms

mpl.use("agg")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "_ext"))
pytestmark = pytest.mark.book


@pytest.fixture
def extension(tmp_path, monkeypatch):
    """The extension, looking at a copy of what pages depend on."""
    module = importlib.import_module("rmt_book")
    caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "rmtlib", tmp_path / "rmtlib", ignore=caches)
    for name in ("requirements.txt", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


@pytest.mark.parametrize(
    "path",
    [
        "rmtlib/laws/_base.py",
        "rmtlib/book/assets/interactive.js",
        "rmtlib/book/assets/interactive.css",
        "rmtlib/data/tables/compression.txt",
        "constraints.txt",
    ],
)
def test_a_change_of_the_library_or_the_pins_re_executes_every_page(extension, path):
    before = extension.fingerprint()
    assert extension.fingerprint() == before
    target = extension.ROOT / path
    target.write_text(target.read_text() + "\n")
    assert extension.fingerprint() != before


def test_data_that_appear_re_execute_every_page(extension, monkeypatch, tmp_path):
    before = extension.fingerprint()
    file = tmp_path / "mnist.gz"
    file.write_bytes(b"data")
    monkeypatch.setattr(extension, "files_at_hand", lambda name: (file,))
    assert extension.fingerprint() != before


@pytest.mark.parametrize("fmt", ["svg", "png"])
def test_text_alternative_survives_the_way_through_a_file(extension, tmp_path, fmt):
    text = 'Less < more & "quotes".'
    figure = plotting.describe(plt.figure(), text)
    file = tmp_path / f"figure.{fmt}"
    file.write_bytes(_render(figure, fmt))
    plt.close(figure)
    assert extension.description(file) == text


def pixels(path: Path) -> float:
    """Width of a computed SVG or PNG file on a screen, in CSS pixels."""
    if path.suffix == ".svg":
        box = re.search(r'viewBox="0 0 ([\d.]+) ', path.read_text(encoding="utf-8"))
        return float(box[1]) * 96 / 72
    with Image.open(path) as image:
        return image.width * 96 / image.info.get("dpi", (96,))[0]


@pytest.mark.parametrize("fmt", ["svg", "png"])
def test_figure_without_text_has_no_description(extension, tmp_path, fmt):
    file = tmp_path / f"figure.{fmt}"
    file.write_bytes(_render(plt.figure(), fmt))
    plt.close("all")
    assert extension.description(file) == ""


@pytest.mark.parametrize("fmt", ["svg", "png"])
def test_the_width_of_a_file_is_that_of_its_figure(extension, tmp_path, fmt):
    with plt.rc_context(STYLE):
        figure, _ = plt.subplots(1, 2, figsize=(6.2, 3.2))
    file = tmp_path / f"figure.{fmt}"
    file.write_bytes(_render(plotting.describe(figure, "Two panels."), fmt))
    plt.close(figure)
    assert pixels(file) == pytest.approx(96 * 6.2, rel=0.03)


def test_a_mark_behind_a_formula_is_tied_to_it(extension):
    from docutils import nodes
    from docutils.utils import new_document

    paragraph = nodes.paragraph("", "", nodes.math("", "x"), nodes.Text(", and on"))
    document = new_document("page")
    document += paragraph
    extension.keep_punctuation(None, document)
    tied, rest = paragraph.children
    assert (tied.astext(), tied["classes"], rest.astext()) == ("x,", ["tied"], " and on")


def test_a_name_is_described_by_the_first_sentence_of_its_docstring(extension):
    from rmtlib import activations, laws

    assert extension.first_line(laws.MarchenkoPastur).startswith("Marchenko-Pastur law")
    assert "\n" not in extension.first_line(laws.sample_covariance_eigenvalues)
    assert extension.first_line(plotting.THEORY) == f"constant: ``{plotting.THEORY!r}``"
    assert "``'ReLU'``" in extension.first_line(activations.CATALOGUE)


def test_the_table_of_names_links_to_what_follows(small_book):
    book = small_book("1")
    page = "# Names\n\n```{eval-rst}\n.. names:: rmtlib.book.plots\n\n"
    page += ".. automodule:: rmtlib.book.plots\n   :members:\n\n"
    page += ".. py:function:: rmtlib.covariance.report\n```\n"  # quoted by plots.report
    (book.folder / "chapters" / "names.md").write_text(page)
    with (book.folder / "_toc.yml").open("a") as toc:
        toc.write("- file: chapters/names\n")
    book.build(execute=True)
    assert re.fullmatch(r" 1 of 1  chapters/page +\d+\.\d s\n", book.said), book.said
    html = (book.folder / "_build" / "html" / "chapters" / "names.html").read_text()
    assert '<tr class="row-odd" id="rmtlib.book.plots.ACCENT">' in html.replace("even", "odd")
    for name in plotting.__all__:
        assert f'href="#rmtlib.book.plots.{name}"' in html
        assert f'id="rmtlib.book.plots.{name}"' in html


def test_every_package_has_a_page_of_the_reference():
    import rmtlib

    contents = (ROOT / "_toc.yml").read_text()
    for package in (name for name in rmtlib.__all__ if (ROOT / "rmtlib" / name).is_dir()):
        page = (ROOT / "chapters" / "api" / f"{package}.md").read_text()
        assert f".. names:: rmtlib.{package}\n" in page
        assert f".. automodule:: rmtlib.{package}\n" in page
        assert f"chapters/api/{package}\n" in contents


@pytest.mark.parametrize(
    ("source", "metadata", "kind"),
    [
        ("def mean(x):\n    return sum(x) / len(x)", {}, "open"),
        ("x = 1\n" * 25, {}, "fold"),
        ("import numpy as np", {}, "fold"),
        ("for k in range(3):\n    agree('k', k, k, tol=1, why='', wrong={})", {}, "fold"),
        ("fig, ax = plots.panels()", {}, "fold"),
        ("fig = draw()", {"mystnb": {"figure": {"name": "fig-x"}}}, "fold"),
        ("explore(draw, c=[1, 2], alt='x')", {"tags": ["show-input"]}, "open"),
        ("x = 1", {"tags": ["hide-input"]}, "fold"),
        ("x = 1", {"tags": ["remove-input"]}, "gone"),
        ("quiz_number('1 + 1?', 2)", {"tags": ["show-input"]}, "gone"),
        ("# Set-up: installs\nimport sys", {}, "gone"),
        ("%matplotlib inline\nx = 1", {}, "open"),
    ],
)
def test_ideas_are_open_plumbing_is_folded_and_answers_are_not_there(source, metadata, kind):
    from folding import treatment

    assert treatment(source, metadata) == kind


@pytest.mark.parametrize("fmt", ["svg", "png"])
def test_a_file_is_split_into_its_wide_and_its_narrow_form(extension, monkeypatch, tmp_path, fmt):
    monkeypatch.setenv("RMTLIB_STATIC", "1")
    with plt.rc_context(STYLE):
        figure, axes = plotting.panels(2)
        for ax in axes:
            ax.plot([0, 1])
        plotting.finish(figure, "Two panels.")
        file = tmp_path / f"figure.{fmt}"
        file.write_bytes(both_forms(figure, fmt))
    plt.close(figure)
    narrow = extension.split_forms(file)
    assert pixels(file) == pytest.approx(672, abs=2)
    assert pixels(narrow) == pytest.approx(346, abs=2)
    assert extension.description(file) == extension.description(narrow) == "Two panels."
    assert extension.split_forms(file).read_bytes() == narrow.read_bytes()
    assert not extension.split_forms(narrow).exists()
