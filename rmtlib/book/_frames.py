"""Figures as the frames of a page: slim SVG in a shared table of lines, or WebP.

A matplotlib SVG of 25 KB differs from the next frame's in a few lines. Frames are
therefore slimmed to one path per line and stored as edits against the frame that
the page shows first; a frame then costs about 1 KB of compressed page.
"""

import base64
import gc
import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from difflib import SequenceMatcher
from typing import Any
from urllib.parse import quote

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser
from PIL import Image

from rmtlib.book._figures import lay_out, without_layout

CSS_DPI = 96
SVG_LIMIT = 60_000
IMAGE_LIMIT = 8_000
SCREEN_DPI = 1.25 * CSS_DPI
PRINT_DPI = 2 * CSS_DPI
STYLE = {
    "svg.hashsalt": "rmtlib",
    "svg.fonttype": "path",
    "figure.constrained_layout.use": False,
    "savefig.bbox": "standard",
    "savefig.facecolor": "white",
    "savefig.transparent": False,
}


@contextmanager
def closing_figures() -> Iterator[None]:
    """Close every pyplot figure that was opened inside the block, also on an error."""
    before = set(plt.get_fignums())
    try:
        yield
    finally:
        for number in set(plt.get_fignums()) - before:
            plt.close(number)


def places(figure: Figure) -> np.ndarray:
    """Left, bottom, right and top of each panel, after the layout of the figure."""
    lay_out(figure)
    return np.array([ax.get_position().extents for ax in figure.axes])


def put(figure: Figure, places: Sequence[np.ndarray], write: Callable[[Figure], Any]) -> Any:
    """What ``write`` makes of the figure with its panels where all layouts have room for them.

    No frame moves an axis then, and none has to be laid out. Figures whose number of panels
    changes keep their own layout.
    """
    if len({len(found) for found in (*places, figure.axes)}) == 1:
        without_layout(figure)
        low, high = np.max(places, axis=0)[:, :2], np.min(places, axis=0)[:, 2:]
        for ax, (x, y), (right, top) in zip(figure.axes, low, high, strict=True):
            ax.set_position((x, y, right - x, top - y))
    return write(figure)


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """Look for garbage a hundred times less often: figures are many objects that live long."""
    usual = gc.get_threshold()
    gc.set_threshold(100 * usual[0], *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


@contextmanager
def parsing_once() -> Iterator[None]:
    """Parse a formula once for all frames: matplotlib keeps the last 50, and one for each file."""
    original, found = MathTextParser._parse_cached, {}

    def parse(parser: MathTextParser, *args: Any) -> Any:
        key = (parser._output_type, *args)
        if key not in found:
            found[key] = original.__wrapped__(parser, *args)
        return found[key]

    MathTextParser._parse_cached = parse
    try:
        yield
    finally:
        MathTextParser._parse_cached = original


def png(figure: Figure, dpi: float, description: str = "") -> bytes:
    """The figure as PNG; the same bytes for the same figure."""
    metadata = {"Software": None} | ({"Description": description} if description else {})
    lay_out(figure)
    with plt.rc_context(STYLE), io.BytesIO() as buffer:
        figure.savefig(buffer, format="png", dpi=dpi, metadata=metadata)
        return buffer.getvalue()


def slim_svg(figure: Figure) -> list[str]:
    """The figure as lines of SVG, one tag or path a line, that stay equal between frames.

    Prolog, comments, metadata and unreferenced ids of groups are dropped, and the
    coordinates of paths and markers are rounded to 0.01 (other numbers are not: the
    glyphs' ``scale(0.015625)`` must keep its digits).
    """
    metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    lay_out(figure)
    with plt.rc_context(STYLE), io.StringIO() as buffer:
        figure.savefig(buffer, format="svg", metadata=metadata, transparent=True)
        svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r'(?<=\bd=")[^"]*', _round, svg)
    svg = re.sub(r'(?<=\b[xy]=")-?\d+\.\d+', _round, svg)
    svg = re.sub(r'(?<=;base64,)[^"]*', lambda match: "".join(match[0].split()), svg)
    return [line.strip() for line in svg.splitlines() if line.strip()]


def _round(match: re.Match) -> str:
    short = re.sub(r"-?\d+\.\d+", lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), match[0])
    return " ".join(short.split())


def pack(frames: Sequence[list[str]], first: int) -> dict[str, Any]:
    """Frames as edits against ``frames[first]``, in a table of unique lines.

    The page holds the lines of ``frames[first]``, which are not stored again. The result has
    ``lines``: those that are not in the first frame; ``edits``: for each frame ``[position,
    lines dropped, number of a line inserted, ...]``, last edit first. Line numbers count the
    first frame's lines, then ``lines``.

    Example
    -------
    >>> pack([["a", "b", "c"], ["a", "x", "y", "c"]], first=0)
    {'lines': ['x', 'y'], 'edits': [[], [[1, 1, 3, 4]]]}
    """
    base = frames[first]
    table = {line: number for number, line in reversed(list(enumerate(base)))}
    extra: list[str] = []
    edits = []
    for lines in frames:
        for line in lines:
            if line not in table:
                table[line] = len(base) + len(extra)
                extra.append(line)
        codes = SequenceMatcher(None, base, lines).get_opcodes()
        edits.append(
            [
                [start, stop - start, *(table[line] for line in lines[low:high])]
                for tag, start, stop, low, high in reversed(codes)
                if tag != "equal"
            ]
        )
    return {"lines": extra, "edits": edits}


def unpack(base: list[str], packed: dict[str, Any], index: int) -> list[str]:
    """Lines of frame ``index``: the inverse of `pack`, as the page computes it."""
    table = base + packed["lines"]
    lines = list(base)
    for start, dropped, *inserted in packed["edits"][index]:
        lines[start : start + dropped] = [table[number] for number in inserted]
    return lines


def suits_svg(frame: list[str] | str) -> bool:
    """Whether a frame is light enough as SVG: below 60 KB, and no image in it above 8 KB."""
    images = [len(line) for line in frame if line.startswith("<image")]
    light = sum(map(len, frame)) < SVG_LIMIT and sum(images) < IMAGE_LIMIT
    return isinstance(frame, list) and light


def webp(figure: Figure) -> str:
    """The figure as a WebP data URI: of 64 colors without loss, or lossy where that is smaller."""
    with Image.open(io.BytesIO(png(figure, SCREEN_DPI))) as picture:
        picture = picture.convert("RGB")
    flat = picture.quantize(64, dither=Image.Dither.NONE).convert("RGB")
    data = min(_webp(flat, lossless=True), _webp(picture, quality=65), key=len)
    return "data:image/webp;base64," + base64.b64encode(data).decode()


def _webp(picture: Image.Image, **options: Any) -> bytes:
    with io.BytesIO() as buffer:
        picture.save(buffer, "WEBP", method=4, **options)
        return buffer.getvalue()


def svg_uri(lines: list[str]) -> str:
    """SVG lines as a data URI that keeps the text compressible."""
    return "data:image/svg+xml," + quote("\n".join(lines), safe=" /:=;,.-_()+*@!?$[]{}|~")
