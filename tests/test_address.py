"""The repository's address: unknown, or written everywhere by `make address`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "_ext"))
URL = "https://github.com/some-owner/some-name"

pytestmark = pytest.mark.book


@pytest.fixture
def book(small_book):
    from address import setup_cell, write_address

    book = small_book(setup_cell(""))
    write_address("", root=book.folder)
    return book


def files(folder):
    return {p.name: p.read_text() for p in folder.rglob("*") if p.is_file()}


def test_address_is_written_everywhere_and_taken_out_again(book):
    from address import read_address, write_address

    checkout = book.folder
    before = files(checkout)
    assert read_address(checkout) == ""
    write_address(URL + ".git", hub="https://hub.example.org", root=checkout)
    after = files(checkout)
    assert read_address(checkout) == URL
    assert {name for name in after if URL in after[name]} == {
        "_config.yml",
        "README.md",
        "CITATION.cff",
        "page.ipynb",
    }
    assert f'address = Path.cwd().parent, \\"{URL}\\"' in after["page.ipynb"]
    assert "https://hub.example.org" in after["_config.yml"]
    write_address("", root=checkout)
    assert files(checkout) == before


def test_problem_sets_get_a_launch_link_with_an_address_and_lose_it_without():
    from address import _with_setup

    download = "{download}`problem set <../exercises/release/a_set/a_set.ipynb>`"
    cell = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": f"The {download}."}
    page = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    plain, linked = _with_setup(page, ""), _with_setup(page, URL)
    launch = "colab.research.google.com/github/some-owner/some-name/blob/main/exercises/release"
    assert launch not in plain
    assert f"{download} ([Colab](https://{launch}/a_set/a_set.ipynb))." in linked
    assert _with_setup(linked, URL) == linked
    assert _with_setup(linked, "") == plain


@pytest.mark.parametrize(
    "url", ["some-owner/some-name", "http://a/b/c", "https://a/b", "https://a/b c/d"]
)
def test_bad_address_is_refused(book, url):
    from address import write_address

    with pytest.raises(ValueError, match="URL must be https"):
        write_address(url, root=book.folder)


@pytest.mark.parametrize("url", ["", URL])
def test_buttons_are_rendered_only_with_an_address(book, url):
    from address import write_address

    write_address(url, hub="https://hub.example.org" if url else "", root=book.folder)
    page = book.build(execute=False)
    shown = {
        "binder": "mybinder.org/v2" in page,
        "colab": "colab.research.google.com" in page,
        "jupyterhub": "hub.example.org" in page,
        "source": f'href="{URL}"' in page,
        "issue": f"{URL}/issues" in page,
    }
    assert shown == dict.fromkeys(shown, bool(url))
    assert "page.ipynb" in page, "the notebook's download stays in both states"


def set_up(folder, url=""):
    """The set-up cell, run in a folder of a machine without rmtlib; installs are printed."""
    from address import setup_cell

    script = f"""
import importlib.util, subprocess, sys

found = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == "rmtlib" else found(name)


def run(command, check):
    print(*command[1:])


subprocess.run = run
{setup_cell(url)}
"""
    return subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=False
    )


def test_set_up_cell_installs_from_the_checkout_around_it(tmp_path):
    chapters = tmp_path / "chapters"
    chapters.mkdir()
    (tmp_path / "rmtlib").mkdir()
    ran = set_up(chapters)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == f"-m pip install -q {tmp_path}[book]\n"


def test_set_up_cell_of_a_notebook_alone_installs_from_the_address(tmp_path):
    ran = set_up(tmp_path, URL)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == f"-m pip install -q rmtlib[book] @ git+{URL}\n"


def test_set_up_cell_without_an_address_says_what_to_do(tmp_path):
    ran = set_up(tmp_path)
    assert ran.returncode == 1
    assert "rmtlib is missing" in ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1
