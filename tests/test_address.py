"""The repository's address: unknown, or written everywhere by `make address`."""

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
    assert f"git+{URL}" in after["page.ipynb"]
    assert "https://hub.example.org" in after["_config.yml"]
    write_address("", root=checkout)
    assert files(checkout) == before


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


@pytest.mark.parametrize("inside", [True, False])
def test_set_up_cell_installs_from_a_checkout_or_says_how(tmp_path, inside):
    from address import setup_cell

    chapters = tmp_path / "chapters"
    chapters.mkdir()
    if inside:
        (tmp_path / "rmtlib").mkdir()
    script = f"""
import importlib.util, subprocess, sys
found = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == "rmtlib" else found(name)
subprocess.run = lambda command, check: print(*command)
{setup_cell("")}
"""
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=chapters, capture_output=True, text=True, check=False
    )
    if inside:
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.split()[-5:] == ["-m", "pip", "install", "-q", str(tmp_path)]
    else:
        assert ran.returncode == 1
        assert "rmtlib is missing" in ran.stderr
        assert len(ran.stderr.strip().splitlines()) == 1
