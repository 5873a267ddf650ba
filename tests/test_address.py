"""The repository's address: unknown, or written everywhere by `make address`."""

import http.server
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "_ext"))
URL = "https://github.com/Some-Owner/some-name"
SITE = "https://some-owner.github.io/some-name/"
COLAB = "https://colab.research.google.com/github/Some-Owner/some-name/blob"

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
    assert f'ADDRESS = \\"{URL}\\"' in after["page.ipynb"]
    assert f'  baseurl: "{SITE}"\n' in after["_config.yml"]
    assert f"The course is published at {SITE}." in after["README.md"]
    assert "https://hub.example.org" in after["_config.yml"]
    write_address("", root=checkout)
    assert files(checkout) == before


def test_problem_sets_get_a_launch_link_with_an_address_and_lose_it_without():
    from address import _with_setup

    download = "{download}`problem set <../exercises/release/a_set/a_set.ipynb>`"
    cell = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": f"The {download}."}
    page = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    plain, linked = _with_setup(page, ""), _with_setup(page, URL)
    assert COLAB not in plain
    launch = f"{COLAB}/main/exercises/release/a_set/a_set.ipynb"
    assert f"{download} ([Colab]({launch}))." in linked
    assert _with_setup(linked, URL) == linked
    assert _with_setup(linked, "") == plain


def test_problem_sets_lead_to_the_plain_edition_of_their_chapter():
    from address import _with_setup

    path = ROOT / "exercises" / "source" / "random_features" / "random_features.ipynb"
    without = path.read_text(encoding="utf-8")
    linked = _with_setup(without, URL, path.stem)
    chapter = f"([Colab]({COLAB}/plain/random_features.ipynb))"
    assert f"*Random features and double descent* {chapter}." in linked
    assert _with_setup(linked, URL, path.stem) == linked
    assert _with_setup(linked, "", path.stem) == without


def test_every_problem_set_names_its_chapter_once():
    from address import OF_CHAPTER

    for path in sorted((ROOT / "exercises" / "source").glob("*/*.ipynb")):
        assert len(OF_CHAPTER.findall(path.read_text(encoding="utf-8"))) == 1, path.stem


@pytest.mark.parametrize(
    "url", ["some-owner/some-name", "http://a/b/c", "https://a/b", "https://a/b c/d"]
)
def test_bad_address_is_refused(book, url):
    from address import write_address

    with pytest.raises(ValueError, match="URL must be https"):
        write_address(url, root=book.folder)
    command = [sys.executable, ROOT / "_ext" / "address.py", url]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr == f"URL must be https://HOST/OWNER/NAME or empty, got {url!r}\n"


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


def set_up(folder, url="", before=""):
    """What the set-up cell prints in IPython, in a folder of a machine without rmtlib.

    ``before`` runs first. A pip that succeeds makes rmtlib appear.
    """
    from address import setup_cell

    script = f"""
import importlib.util, os, subprocess, sys
from IPython.core.interactiveshell import InteractiveShell

found, run, missing = importlib.util.find_spec, subprocess.run, {{"rmtlib"}}
importlib.util.find_spec = lambda name, package=None: (
    None if name in missing else found(name, package)
)
{before}
shell = InteractiveShell.instance(colors="NoColor")
for k in range(2):
    shell.run_cell({setup_cell(url)!r})
"""
    command = [sys.executable, "-c", script]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return [line for line in ran.stdout.splitlines() if line]


FAKE_PIP = """
def run(command, **how):
    print(*command[1:])
    failed = failures.pop() if failures else ""
    if not failed:
        missing.discard("rmtlib")
    return subprocess.CompletedProcess(command, bool(failed), stderr=failed)


failures = {failures}
subprocess.run = run
"""
INSTALLS = FAKE_PIP.format(failures=[])
COMMAND = "-m pip install -q rmtlib[book] @ "


@pytest.mark.parametrize("name", ["chapters", "exercises/release/set", "anywhere/a/b"])
def test_set_up_cell_installs_from_the_checkout_around_it(tmp_path, name):
    checkout = tmp_path / "a résumé"
    folder = checkout / name
    folder.mkdir(parents=True)
    (checkout / "rmtlib" / "laws").mkdir(parents=True)
    assert set_up(folder, URL, INSTALLS) == [COMMAND + checkout.as_uri()]
    assert "a%20r%C3%A9sum%C3%A9" in checkout.as_uri()


def test_set_up_cell_of_a_notebook_alone_installs_from_the_address(tmp_path):
    assert set_up(tmp_path, URL, INSTALLS) == [COMMAND + f"git+{URL}"]


def test_set_up_cell_without_an_address_says_where_to_get_one(tmp_path):
    (said, again) = set_up(tmp_path, "", INSTALLS)
    assert said == again
    assert said == (
        "Set-up: rmtlib is missing: download the whole course from the place of this notebook,"
        " and open the notebook inside its folder."
    )


@pytest.mark.parametrize(
    ("failed", "why"),
    [
        ("fatal: unable to access: Could not resolve host: github.com", "there is no network"),
        ("fatal: unable to access: Failed to connect to github.com", "there is no network"),
        ("ERROR: no matching distribution\nERROR: the last word", "no matching distribution"),
        ("", "pip failed"),
    ],
)
def test_a_failed_install_says_why_in_one_sentence_and_the_second_run_works(tmp_path, failed, why):
    lines = set_up(tmp_path, URL, FAKE_PIP.format(failures=[failed or " "]))
    pip = COMMAND + f"git+{URL}"
    said = f"rmtlib was not installed from git+{URL}, because {why}; mend that, run this again"
    assert lines == [pip, f"Set-up: {said}.", pip]


class Refusing(http.server.BaseHTTPRequestHandler):
    """A host of repositories that are private or not there."""

    def do_GET(self):
        self.send_response(401 if "private" in self.path else 404)
        self.send_header("WWW-Authenticate", "Basic")
        self.end_headers()

    def log_message(self, *message):
        pass


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("private", "the repository is private or absent"),
        ("wrong", "there is no repository at this address"),
    ],
)
def test_a_wrong_address_and_a_private_repository_are_told_by_what_git_says(tmp_path, name, why):
    with http.server.HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/owner/{name}"
        lines = set_up(tmp_path, url)
        server.shutdown()
    assert len(lines) == 2
    assert lines[0] == lines[1]
    assert lines[0].startswith(f"Set-up: rmtlib was not installed from git+{url}, because {why};")


def test_an_old_python_and_a_missing_torch_are_named(tmp_path):
    old = 'sys.version_info, sys.version = (3, 10, 4, "final", 0), "3.10.4 (main)"'
    said = "Set-up: the course needs Python 3.11, and this is 3.10.4."
    assert set_up(tmp_path, URL, old) == [said, said]
    without = 'missing.discard("rmtlib"); missing.add("torch")'
    said = "torch is missing (pip install torch): networks need it."
    assert set_up(tmp_path, URL, without) == [said, said]
