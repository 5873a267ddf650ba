"""What every interactive element of a page shares: the build's switch, HTML, the runtime.

An element of the built page is a ``<div class="rmt">`` that carries its data as
JSON and the runtime (``interactive.css``, ``interactive.js``) inline, so that it
works with no server, no kernel and no other file. It contains no ids: any number
of elements can stand on one page, and equal calls give equal bytes.
"""

import json
import os
import re
from html import escape
from pathlib import Path
from typing import Any

STATIC = "RMTLIB_STATIC"
FOLDER = Path(__file__).parent / "assets"


def static_mode() -> bool:
    """Whether elements are written for a page without a kernel (``RMTLIB_STATIC=1``)."""
    return os.environ.get(STATIC, "") not in ("", "0")


def plain(text: str) -> str:
    r"""The text as a screen reader should say it: formulas without LaTeX's marks.

    Example
    -------
    >>> plain(r"ratio \(c = p/n\)"), plain(r"signal \(\rho = \|\mu_1\|^2\)")
    ('ratio c = p/n', 'signal rho = | mu_1|^2')
    """
    words = re.sub(r"\\([A-Za-z]+)", r" \1 ", re.sub(r"\\[()]|[{}]", "", text))
    return re.sub(r" +(?=[_^]|$)", "", re.sub(r" +", " ", words.replace("\\|", "|"))).strip()


def latex(text: str) -> str:
    r"""Plain text with ``\( \)`` formulas, as LaTeX: what is outside formulas is escaped.

    Example
    -------
    >>> latex(r"50% of \(x_1\)")
    '50\\% of \\(x_1\\)'
    """
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    special |= {char: "\\" + char for char in "&%$#_{}"}
    words = re.split(r"(\\\(.*?\\\))", text, flags=re.DOTALL)
    words[::2] = ("".join(special.get(char, char) for char in word) for word in words[::2])
    return "".join(words)


def element(kind: str, label: str, body: str, data: Any) -> str:
    """The HTML of one element: ``body``, its JSON ``data`` and the runtime.

    Its class is ``rmt-<kind>``, screen readers call it ``label``; what needs JavaScript
    in ``body`` carries ``hidden``.
    """
    store = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    store = store.replace("</", "<\\/").replace("<!--", "\\u003c!--")
    style = (FOLDER / "interactive.css").read_text(encoding="utf-8")
    script = (FOLDER / "interactive.js").read_text(encoding="utf-8")
    return (
        f'<div class="rmt rmt-{kind} tex2jax_process" data-rmt="{kind}" role="group" '
        f'aria-label="{escape(label)}">\n<style>{style}</style>\n{body}\n'
        f'<script type="application/json">{store}</script>\n<script>{script}</script>\n</div>'
    )


def show(bundle: dict[str, str]) -> None:
    """Display a MIME bundle in the notebook that is running."""
    from IPython.display import display

    display(bundle, raw=True)
