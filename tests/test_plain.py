"""The plain edition of the chapters: a small book with every kind of markup, and the built one."""

import base64
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "_ext"))
SITE = "https://some-owner.github.io/some-name/"
URL = "https://github.com/some-owner/some-name"

pytestmark = pytest.mark.book

MARKUP = r"""# A page

(sec-laws)=
## Laws

The text cites {cite:t}`BaiSilverstein98` and {cite:p}`BaiSilverstein10,BaiSilverstein98`. See
{prf:ref}`thm-one`, {numref}`fig-one`, {eq}`eq-one`, [laws](sec-laws), [another](other.ipynb),
{prf:ref}`thm-two`, {eq}`eq-two`,
{ref}`ex-one` and the {download}`set <../a_set.ipynb>`.

````{prf:theorem} Marčenko-Pastur
:label: thm-one
Let $c > 0$. Then

$$
m(z) = \begin{aligned} a \end{aligned}
$$ (eq-one)

and, unnumbered,

$$
b
$$

````

```{prf:proof} Sketch.
Use {eq}`eq-one`.
```

```{admonition} Symbols of this chapter
:class: note
The ratio $c$.
```

```{admonition} What the slides print
:class: warning dropdown
A slip.
```

```{exercise} A $c$ of zero
:label: ex-one
Show it.
```

```{solution} ex-one
:class: dropdown
It is {prf:ref}`thm-one`.
```

```python
x = "{not a directive}"
```
"""
OTHER = r"""# Another

```{prf:definition}
:label: thm-two
A word.
```

$$
d
$$ (eq-two)
"""


def picture():
    """A PNG file of one pixel with a text alternative, as a notebook stores it."""
    text = PngImagePlugin.PngInfo()
    text.add_text("Description", "A pixel.")
    file = io.BytesIO()
    Image.new("1", (1, 1)).save(file, "png", pnginfo=text)
    return base64.b64encode(file.getvalue()).decode()


def markdown(source):
    return {"cell_type": "markdown", "id": f"m{len(source)}", "metadata": {}, "source": source}


def code(source, **metadata):
    output = {
        "output_type": "display_data",
        "data": {"image/png": picture(), "text/plain": "a picture"},
        "metadata": {},
    }
    return {
        "cell_type": "code",
        "id": f"c{len(source)}",
        "metadata": metadata,
        "source": source,
        "outputs": [output] if "mystnb" in metadata else [],
        "execution_count": None,
    }


FIGURE = {"figure": {"caption": "A claim, with $c$.", "name": "fig-one"}}
CELLS = [
    markdown(MARKUP),
    code("draw()", mystnb=FIGURE),
    code('quiz_number("What?", 1)'),
    code("x = 1"),
]


def notebook(*cells):
    return {
        "cells": list(cells),
        "metadata": {"language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


@pytest.fixture(scope="module", params=["", SITE], ids=["no address", "address"])
def small(request, tmp_path_factory):
    """The plain edition of a small book, and the text of its page."""
    from address import write_address
    from conftest import SmallBook

    book = SmallBook(tmp_path_factory.mktemp("book"))
    write_address(URL if request.param else "", root=book.folder)
    chapters = book.folder / "chapters"
    (chapters / "page.ipynb").write_text(json.dumps(notebook(*CELLS)))
    (chapters / "other.ipynb").write_text(json.dumps(notebook(markdown(OTHER))))
    (book.folder / "a_set.ipynb").write_text(json.dumps(notebook(markdown("# A set"))))
    shutil.copy(ROOT / "chapters" / "bibliography.md", chapters)
    files = ["chapters/page", "chapters/other"]
    toc = "format: jb-book\nroot: index\nparts:\n- caption: A part\n  numbered: 1\n  chapters:\n"
    toc += "".join(f"  - file: {file}\n" for file in files)
    toc += "- caption: Reference\n  chapters:\n  - file: chapters/bibliography\n"
    (book.folder / "_toc.yml").write_text(toc)
    page = book.build(execute=False)
    made = json.loads((book.folder / "_build/html/plain/page.ipynb").read_text())
    return made, page, request.param


def text_of(cell):
    return "".join(cell["source"])


PLAIN = r"""# A page

<a id="sec-laws"></a>

## Laws

The text cites Bai and Silverstein [[1998]({book})] and [[Bai and Silverstein, 1998]({book}), \
[Bai and Silverstein, 2010]({book})]. See
[Theorem 1.1](#thm-one), [Fig. 1.1](#fig-one), [(1.1)](#equation-eq-one), [laws](#sec-laws), \
[another]({other}),
[Definition 2.1]({other}#thm-two), [(2.1)]({other}#equation-eq-two),
[Exercise 1.1](#ex-one) and the [set]({set}).

---

<a id="thm-one"></a>**Theorem 1.1 (Marčenko-Pastur).**

Let $c > 0$. Then

<a id="equation-eq-one"></a>
$$
m(z) = \begin{aligned} a \end{aligned}
\tag{1.1}
$$

and, unnumbered,

$$
b
$$

---

*Proof (Sketch).* Use [(1.1)](#equation-eq-one).

---

**Symbols of this chapter.**

The ratio $c$.

---

<details>
<summary><b>What the slides print</b></summary>

A slip.

</details>

<a id="ex-one"></a>**Exercise 1.1 (A $c$ of zero).** Show it.

<details>
<summary><b>Solution to Exercise 1.1 (A $c$ of zero)</b></summary>

It is [Theorem 1.1](#thm-one).

</details>

```python
x = "{not a directive}"
```
"""


def test_directives_roles_labels_and_links_become_plain_markdown(small):
    made, _, site = small
    text = text_of(made["cells"][0])
    text = re.sub(r"bibliography\.html#id\d+", "bibliography.html", text)
    text = re.sub(r"_downloads/\w{32}/", "_downloads/", text)
    around = site or "../"
    places = {
        "{book}": f"{around}chapters/bibliography.html",
        "{other}": f"{site}chapters/other.html" if site else "other.ipynb",
        "{set}": f"{around}_downloads/a_set.ipynb",
    }
    expected = PLAIN.replace("\\\n", "")
    for name, place in places.items():
        expected = expected.replace(name, place)
    assert text.strip() == expected.strip()


def test_captions_stand_below_their_figures_and_folded_code_stays_folded(small):
    drawn, caption, quiz, rest = small[0]["cells"][1:]
    assert text_of(drawn) == "draw()"
    assert drawn["metadata"] == rest["metadata"] == {}
    assert text_of(caption) == '<a id="fig-one"></a>**Fig. 1.1.** A claim, with $c$.'
    assert text_of(quiz) == '#@title Question\nquiz_number("What?", 1)'
    assert quiz["metadata"] == {"cellView": "form", "jupyter": {"source_hidden": True}}
    assert text_of(rest) == "x = 1"


def test_buttons_of_the_page_lead_to_the_plain_edition(small):
    _, page, site = small
    assert 'href="../plain/page.ipynb"' in page
    assert "_sources/chapters/page.ipynb" not in page
    colab = "https://colab.research.google.com/github/some-owner/some-name/blob/plain/page.ipynb"
    assert (colab in page) == bool(site)
    assert (f"{SITE}chapters/page.html" in page) == bool(site), "the canonical address"


def test_what_has_no_plain_form_stops_the_build():
    from plain import Page
    from sphinx.errors import ExtensionError

    page = object.__new__(Page)
    page.docname, page.numbers = "chapters/page", {}
    with pytest.raises(ExtensionError, match="the directive 'unknown' has no plain form"):
        page.convert("```{unknown} Title\nText.\n```\n")
    with pytest.raises(ExtensionError, match="the theorem '' has no number"):
        page.convert("```{prf:theorem}\nText.\n```\n")
    page.references = {}
    for role in ("{term}`word`", "{eq}`eq-missing`"):
        with pytest.raises(ExtensionError, match=f"the role {re.escape(role)} has no plain form"):
            page.convert(role)


CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
PLAINS = ROOT / "_build" / "html" / "plain"
LEFT = {
    "directive": r"^ *(?:`{3,}|:{3,})\{.*$",
    "role": r"\{[\w:-]+\}`[^`]*`",
    "label": r"^\([\w-]+\)=|^\$\$ \(.*$|^:[\w-]+: .*$",
}


def joined(cells, kind="markdown"):
    return "\n\n".join(text_of(cell) for cell in cells if cell["cell_type"] == kind)


def plain_cells(name):
    return json.loads((PLAINS / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]


def anchors(name):
    return set(re.findall(r'<a id="([^"]+)"></a>', joined(plain_cells(name))))


@pytest.mark.site
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
class TestChapters:
    """The chapters in the plain edition that the build has written."""

    @pytest.fixture(autouse=True)
    def _cells(self, path):
        if not (PLAINS / path.name).exists():
            pytest.skip("the site is not built: run `make book`")
        self.source = json.loads(path.read_text(encoding="utf-8"))["cells"]
        self.cells = plain_cells(path.stem)
        self.text = joined(self.cells)

    def test_no_directive_no_role_and_no_label_is_left(self):
        left = {what: re.findall(mark, self.text, re.MULTILINE) for what, mark in LEFT.items()}
        assert not any(left.values()), left

    def test_no_solution_is_open(self):
        solutions = joined(self.source).count("{solution}")
        folds = re.findall(r"<details>\n<summary><b>(.*?)</b></summary>\n\n(?!\n)", self.text)
        assert sum(title.startswith("Solution to Exercise") for title in folds) == solutions >= 3
        assert self.text.count("<details>") == self.text.count("\n</details>") == len(folds)

    def test_code_is_that_of_the_chapter_and_folded_where_the_page_folds_it(self):
        from plain import FOLDED

        code = [cell for cell in self.cells if cell["cell_type"] == "code"]
        given = [cell for cell in self.source if cell["cell_type"] == "code"]
        for cell, old in zip(code, given, strict=True):
            quiz = re.search(r"^quiz_", text_of(old), re.MULTILINE)
            tagged = FOLDED & set(old["metadata"].get("tags", []))
            folded = bool(quiz or tagged or text_of(old).startswith("# Set-up"))
            assert folded == cell["metadata"].get("jupyter", {}).get("source_hidden", False)
            text = text_of(cell)
            if folded:
                title, _, text = text.partition("\n")
                assert title.startswith("#@title ")
            assert text == text_of(old)
        quizzes = [cell for cell in code if re.search(r"^quiz_", text_of(cell), re.MULTILINE)]
        assert all(cell["metadata"]["cellView"] == "form" for cell in quizzes)

    def test_numbers_are_those_of_the_page(self, path):
        """Every heading of a statement, exercise and figure, in order, and every equation."""
        page = (PLAINS.parent / "chapters" / f"{path.stem}.html").read_text(encoding="utf-8")
        said = re.findall(r"\*\*((?:[A-Z]\w+|Fig\.) \d+\.\d+)", self.text)
        assert said == re.findall(r'class="caption-number">([^<]+?) ?<', page)
        tags = re.findall(r"\\tag\{(.+?)\}", self.text)
        assert tags == re.findall(r'class="eqno">\(([^)]+)\)', page)

    def test_links_within_the_edition_lead_somewhere(self, path):
        for name, place in re.findall(r"\]\((\w+\.ipynb|)#([^)]+)\)", self.text):
            assert place in anchors(Path(name or path.name).stem), (name, place)


COLAB = ROOT / ".venv-colab" / "bin" / "python"
EXECUTE = """
import sys
import nbformat
from nbclient import NotebookClient

notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
for cell in notebook.cells:
    for output in cell.get("outputs", ()):
        if output.get("name") == "stderr":
            sys.exit(output.text)
import numpy
print(notebook.metadata.language_info.version, numpy.__version__)
"""


@pytest.fixture(scope="module")
def colab(tmp_path_factory):
    """What runs a notebook on what Colab has, with rmtlib from a wheel and nothing else of ours."""
    if not COLAB.exists():
        pytest.fail("the environment with Colab's versions is missing: make .venv-colab/.ready")
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "rmtlib", folder / "rmtlib")
    pip = [sys.executable, "-m", "pip", "-q"]
    wheel = ["wheel", "--no-deps", "--no-build-isolation", "-w", folder / "out", folder]
    subprocess.run([*pip, *wheel], check=True)
    (made,) = (folder / "out").glob("rmtlib-*.whl")
    install = ["install", "-q", "--no-deps", "--target", folder / "site", made]
    subprocess.run([COLAB, "-m", "pip", *install], check=True)

    def run(path):
        environment = {**os.environ, "PYTHONPATH": str(folder / "site")}
        return subprocess.run(
            [COLAB, "-c", EXECUTE, path.name],
            cwd=path.parent,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.site
@pytest.mark.parametrize(
    ("name", "place"),
    [
        pytest.param("sample_covariance", "empty", id="an empty folder"),
        pytest.param("curse_of_dimensionality", "a résumé/of mine", id="a space and an accent"),
    ],
)
def test_a_chapter_alone_runs_on_what_colab_has(colab, tmp_path, name, place):
    if not (PLAINS / f"{name}.ipynb").exists():
        pytest.skip("the site is not built: run `make book`")
    folder = tmp_path / place
    folder.mkdir(parents=True)
    path = shutil.copy(PLAINS / f"{name}.ipynb", folder)
    ran = colab(Path(path))
    assert ran.returncode == 0, ran.stderr[-3000:]
    pins = (ROOT / "requirements-colab.txt").read_text()
    assert f"numpy=={ran.stdout.split()[-1]}\n" in pins
    assert [made.name for made in folder.iterdir()] == [f"{name}.ipynb"]
