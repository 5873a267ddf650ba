"""The repository's address: unknown, or written everywhere by `make address`."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "_ext"))
URL = "https://github.com/some-owner/some-name"

pytestmark = pytest.mark.book


@pytest.fixture
def checkout(tmp_path):
    """A copy of what carries the address, with one small notebook."""
    from address import setup_cell
    from notebooks import canonical

    for name in ("_config.yml", "README.md", "CITATION.cff"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "chapters").mkdir()
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "# A page"},
        {"cell_type": "code", "metadata": {"tags": ["hide-input"]}, "source": setup_cell("")},
    ]
    for k, cell in enumerate(cells):
        cell["id"] = f"cell-{k}"
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    text = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    (tmp_path / "chapters" / "page.ipynb").write_text(canonical(text))
    return tmp_path


def files(folder):
    return {p.name: p.read_text() for p in folder.rglob("*") if p.is_file()}


def test_address_is_written_everywhere_and_taken_out_again(checkout):
    from address import read_address, write_address

    write_address("", root=checkout)
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
def test_bad_address_is_refused(checkout, url):
    from address import write_address

    with pytest.raises(ValueError, match="URL must be https"):
        write_address(url, root=checkout)


@pytest.mark.parametrize("url", ["", URL])
def test_buttons_are_rendered_only_with_an_address(checkout, url):
    from address import write_address

    write_address(url, hub="https://hub.example.org" if url else "", root=checkout)
    shutil.copytree(ROOT / "_ext", checkout / "_ext", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "_vendor", checkout / "_vendor")
    shutil.copy(ROOT / "references.bib", checkout)
    (checkout / "_toc.yml").write_text(
        "format: jb-book\nroot: index\nchapters:\n- file: chapters/page\n"
    )
    (checkout / "index.md").write_text("# Start\n")
    config = (checkout / "_config.yml").read_text()
    (checkout / "_config.yml").write_text(config.replace("notebooks: cache", 'notebooks: "off"'))
    built = subprocess.run(
        [Path(sys.executable).parent / "jupyter-book", "build", checkout, "-n", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    page = (checkout / "_build" / "html" / "chapters" / "page.html").read_text()
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
