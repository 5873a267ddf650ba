"""The plain edition of the chapters: a small book with every kind of markup, and the built one."""

import base64
import io
import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "_ext"))
CHAPTERS = sorted(path.stem for path in (ROOT / "chapters").glob("*.ipynb"))
BUILT = ROOT / "_build" / "html" / "plain"
SITE = "https://some-owner.github.io/some-name/"
URL = "https://github.com/some-owner/some-name"

pytestmark = pytest.mark.book

MARKUP = r"""# A page

(sec-laws)=
## Laws

The text cites {cite:t}`BaiSilverstein98` and {cite:p}`BaiSilverstein10,BaiSilverstein98`. See
{prf:ref}`thm-one`, {numref}`fig-one`, {eq}`eq-one`, [laws](sec-laws), [another](other.ipynb),
{prf:ref}`thm-two`, {eq}`eq-two` and the {download}`set <../a_set.ipynb>`.

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

```{prf:proof} Sketch
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
    code('quiz_number("What?", 1)', tags=["hide-input"]),
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
[Definition 2.1]({other}#thm-two), [(2.1)]({other}#equation-eq-two) and the [set]({set}).

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
    expected = PLAIN
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
