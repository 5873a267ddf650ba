"""Guards: what the repository as a whole must satisfy."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "_ext"))

CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
PROSE = [
    *CHAPTERS,
    *sorted((ROOT / "chapters").glob("*.md")),
    ROOT / "index.md",
    ROOT / "README.md",
]
SHINGLE = 9

pytestmark = pytest.mark.book


def cells(path, kind):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == kind]


def chapter(function):
    return pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)(function)


@chapter
def test_notebook_is_canonical_and_holds_no_output(path):
    from notebooks import canonical

    text = path.read_text(encoding="utf-8")
    assert text == canonical(text), f"run `make tidy`: {path.name} is not in canonical form"


@chapter
def test_set_up_cell_is_the_same_everywhere(path):
    from address import read_address, setup_cell

    assert cells(path, "code")[0] == setup_cell(read_address())


@chapter
def test_chapter_has_checks_explorers_and_quizzes(path):
    code = "\n".join(cells(path, "code"))
    counts = {
        what: len(re.findall(rf"^\s*{what}\w*\(", code, re.MULTILINE))
        for what in ("agree", "explore", "quiz_")
    }
    assert counts["agree"] >= 3, counts
    assert counts["explore"] >= 2, counts
    assert counts["quiz_"] >= 3, counts


@chapter
def test_chapter_has_exercises_practice_summary_and_reading(path):
    text = "\n".join(cells(path, "markdown"))
    assert len(re.findall(r"```+\{exercise\}|:::+\{exercise\}", text)) >= 3
    assert len(re.findall(r"\{solution\}", text)) >= 3
    for heading in ("## Exercises", "## In practice", "## Summary", "## Further reading"):
        assert heading in text, f"{path.name} has no section {heading!r}"


@chapter
def test_code_lines_have_at_most_76_characters(path):
    long = [line for code in cells(path, "code") for line in code.splitlines() if len(line) > 76]
    assert not long, long


@chapter
def test_code_of_quizzes_is_folded_so_that_answers_are_out_of_sight(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    open_quizzes = [
        cell["id"]
        for cell in notebook["cells"]
        if re.search(r"^quiz_", "".join(cell["source"]), re.MULTILINE)
        and cell["cell_type"] == "code"
        and "hide-input" not in cell["metadata"].get("tags", [])
    ]
    assert not open_quizzes


def test_every_chapter_is_in_the_table_of_contents():
    toc = (ROOT / "_toc.yml").read_text()
    missing = [p.stem for p in CHAPTERS if f"chapters/{p.stem}" not in toc]
    assert not missing, missing


def words(text):
    """Lower-case words of prose: no code, formulas, links or markup."""
    text = re.sub(r"```.*?```", " ", text, flags=re.DOTALL)
    text = re.sub(r"\$\$.*?\$\$|\$[^$\n]*\$|`[^`\n]*`|https?://\S+", " | ", text, flags=re.DOTALL)
    return [re.findall(r"[a-z']+", part.lower()) for part in re.split(r"[|.:;!?()\[\]]", text)]


def shingles(text):
    return {
        " ".join(part[i : i + SHINGLE])
        for part in words(text)
        for i in range(len(part) - SHINGLE + 1)
    }


def book_text(path):
    return "\n\n".join(cells(path, "markdown")) if path.suffix == ".ipynb" else path.read_text()


def test_shingles_find_a_copied_sentence():
    sentence = "The spectrum of a large random matrix does not depend on the draw that was made."
    assert shingles(sentence) & shingles("As is known, " + sentence.lower())
    assert not shingles(sentence) & shingles("Large random matrices have spectra that hardly vary.")


def test_no_sentence_of_the_notes_or_sources_is_in_the_book():
    notes = [
        path
        for folder in ("theory", "sources")
        for path in sorted((ROOT.parent / "shared" / folder).glob("*.*"))
    ]
    if not notes:
        pytest.skip("missing data: the notes that the book was written from")
    known = set().union(*(shingles(path.read_text(encoding="utf-8")) for path in notes))
    copied = {
        f"{path.name}: {found}" for path in PROSE for found in shingles(book_text(path)) & known
    }
    assert not copied, sorted(copied)


def test_importing_rmtlib_does_not_import_torch():
    code = (
        "import sys, pkgutil, rmtlib, rmtlib.laws, rmtlib.networks, rmtlib.curvature, rmtlib.book;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.frozen
def test_environment_is_the_frozen_one():
    from lock import pins

    lines = (ROOT / "constraints.txt").read_text().splitlines()
    frozen = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    installed = pins()
    differing = {
        name: (version, frozen.get(name))
        for name, version in installed.items()
        if frozen.get(name) != version
    }
    assert not differing, f"installed, frozen: {differing}; `make lock` rewrites constraints.txt"
    if sys.version_info[:2] == (3, 11) and sys.platform == "linux":
        assert set(frozen) == set(installed)


def test_requirements_pin_exact_versions():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    named = [line for line in lines if line and not line.startswith(("#", "-e"))]
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", line) for line in named), named
    assert lines[-1] == "-e ."


def test_local_links_of_the_front_pages_exist():
    for name in ("README.md", "CONTRIBUTING.md"):
        targets = re.findall(r"\]\(([^)#]+)\)", (ROOT / name).read_text())
        missing = [t for t in targets if "://" not in t and not (ROOT / t).exists()]
        assert not missing, (name, missing)


def test_make_targets_of_the_contributing_guide_exist():
    makefile = (ROOT / "Makefile").read_text()
    text = (ROOT / "README.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"(?:`|^    )make ([a-z][a-z-]+)", text, re.MULTILINE))
    missing = {name for name in named if not re.search(rf"^{name}:", makefile, re.MULTILINE)}
    assert not missing, missing
