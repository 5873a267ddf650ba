"""How figures look, and how a notebook writes them: one style, wide and narrow, with their text."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from rmtlib.book._page import static_mode

SIMULATION = "#7aa6c2"
SIMULATION_DARK = "#2f6690"
THEORY = "#c0303a"
TRAINING = "#2e7d4f"
TEST = "#7b4fa3"
WRONG = "#6d747d"
ACCENT = "#e39b26"
INK = "#22272e"
MUTED = "#8a929c"
CLASSES = ("#b35c00", "#0b7d8c", "#b03a86", "#66711a", "#3c4754")
PNG_DPI = 200
WIDTH, HEIGHTS = 7.0, {1: 3.3, 2: 3.0, 3: 2.7}  # inches; the width of the book's column
EXPLORER = (4.1, 2.7)  # one panel of an explorer: readable on a phone, enlarged on a desk
NARROW = (3.6, 2.5)  # a phone's column, and the height of a panel there
NARROW_MARK = "<!-- below 600 px -->"  # in a figure's file, between its wide and its narrow form

STYLE = {
    "figure.figsize": (WIDTH, HEIGHTS[1]),
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "savefig.facecolor": "white",
    "svg.hashsalt": "rmtlib",
    "font.size": 10.5,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.prop_cycle": plt.cycler(color=CLASSES),
    "axes.axisbelow": True,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "image.cmap": "cividis",
}


@dataclass
class Panels:
    """What a figure of `panels` remembers: its panels, where names go, the look of each name."""

    axes: list[Axes]
    narrow: bool = True
    legend: Any = ""
    keep: int = 0
    looks: dict[str, dict] = field(default_factory=dict)
    entries: dict[Axes, dict] = field(default_factory=dict)
    marks: dict[Axes, list] = field(default_factory=dict)
    below: dict[str, Any] = field(default_factory=dict)
    pairs: bool = False
    finished: bool = False


def new_figure(n: int, size: Any, legend: Any = "", keep: int = 0, **share: bool) -> Any:
    """A figure that remembers its panels, and one ``Axes`` or an array of them."""
    figure, axes = plt.subplots(1, n, figsize=size, **share)
    figure._rmtlib_panels = Panels(list(figure.axes), True, legend, keep)
    return figure, axes


def panels_of(figure: Figure) -> Panels:
    """The memory of a figure, made where it has none."""
    if not hasattr(figure, "_rmtlib_panels"):
        figure._rmtlib_panels = Panels(list(figure.axes), narrow=False)
    return figure._rmtlib_panels


def use_style() -> None:
    """Set the book's matplotlib style, and how a notebook shows its figures.

    In a notebook, figures made of lines and bars are shown as SVG and figures
    with images or many points as PNG at 200 dpi; the text given to `finish`
    travels in the file as its ``Description``. In the book's build figures of
    `panels` are written twice, the second time stacked for a phone.

    Example
    -------
    >>> use_style()
    >>> plt.rcParams["axes.spines.top"]
    False
    """
    plt.rcParams.update(STYLE)
    # It depends on how busy the machine is, and a warning fails the book's build.
    warnings.filterwarnings("ignore", message='Creating legend with loc="best"')
    try:
        from IPython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    set_matplotlib_formats("svg", "png")
    formatters = shell.display_formatter.formatters
    formatters["image/svg+xml"].for_type(Figure, _as_svg)
    formatters["image/png"].for_type(Figure, _as_png)


def _as_svg(figure: Figure) -> str | None:
    return None if _needs_raster(figure) else both_forms(figure, "svg").decode()


def _as_png(figure: Figure) -> bytes | None:
    return both_forms(figure, "png") if _needs_raster(figure) else None


def _needs_raster(figure: Figure) -> bool:
    for axes in figure.axes:
        if axes.images or any(isinstance(c, QuadMesh) for c in axes.collections):
            return True
        points = [len(c.get_offsets()) for c in axes.collections if isinstance(c, PathCollection)]
        if sum(points) + sum(len(line.get_xdata()) for line in axes.lines) > 12_000:
            return True
    return False


def both_forms(figure: Figure, fmt: str) -> bytes:
    """The figure as a file; in the book's build its narrow form follows after a mark."""
    wide = _render(figure, fmt)
    if not (static_mode() and panels_of(figure).narrow):
        return wide
    with stacked(figure):
        return wide + NARROW_MARK.encode() + _render(figure, fmt)


@contextmanager
def stacked(figure: Figure) -> Iterator[None]:
    """The panels of the figure one below the other, as wide as a phone's column.

    Legends of three names or more stand below their panel.
    """
    axes, size = panels_of(figure).axes, figure.get_size_inches()
    before = [
        (ax, ax.get_subplotspec(), ax.yaxis.get_tick_params()["labelleft"], ax.get_legend())
        for ax in axes
    ]
    rows = 2 * len(figure.legends)
    for ax, place in zip(axes, GridSpec(len(axes), 1, figure=figure), strict=True):
        ax.set_subplotspec(place)
        ax.tick_params(labelleft=True)
        if (legend := ax.get_legend()) and len(names := legend.get_texts()) > 2:
            texts = [name.get_text() for name in names]
            columns = 1 if max(map(len, texts)) > 16 else 2
            where = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.28), "ncols": columns}
            ax.legend(legend.legend_handles, texts, **where)
            rows += -(-len(texts) // columns)
    figure.set_size_inches(NARROW[0], NARROW[1] * len(axes) + 0.25 * rows)
    figure.set_layout_engine("constrained")
    legend_below(figure, 2)
    try:
        yield
    finally:
        figure.set_size_inches(size)
        for ax, place, labeled, legend in before:
            ax.set_subplotspec(place)
            ax.tick_params(labelleft=labeled)
            ax.legend_ = legend
        legend_below(figure, 4)


def legend_below(figure: Figure, columns: int) -> None:
    """One legend under all panels, in place of what is there, in as many columns as fit."""
    both = panels_of(figure).below.values(), panels_of(figure).below.keys()
    for ncols in range(min(columns, len(both[0])), 0, -1):
        for old in list(figure.legends):
            old.remove()
        legend = figure.legend(*both, loc="outside lower center", ncols=ncols)
        if legend.get_window_extent().width <= figure.bbox.width:
            break


def lay_out(figure: Figure) -> None:
    """Place the panels once. matplotlib would draw a figure with a layout twice to save it."""
    engine = figure.get_layout_engine()
    if engine and figure.axes:
        engine.execute(figure)
    without_layout(figure)


def without_layout(figure: Figure) -> None:
    """Keep the panels where they are."""
    with plt.rc_context({"figure.constrained_layout.use": False, "figure.autolayout": False}):
        figure.set_layout_engine(None)


def _render(figure: Figure, fmt: str) -> bytes:
    box = None if panels_of(figure).narrow else "tight"
    lay_out(figure)
    buffer = BytesIO()
    if fmt == "svg":
        metadata = {"Description": alt_text(figure), "Date": None}
        figure.savefig(buffer, format="svg", bbox_inches=box, metadata=metadata, transparent=True)
        return buffer.getvalue()
    figure.savefig(buffer, format="png", dpi=PNG_DPI, bbox_inches=box)
    # A palette of 256 colors can't be told from the original here, at a third of its size.
    picture = Image.open(buffer).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    compact, chunk = BytesIO(), PngInfo()
    chunk.add_itxt("Description", alt_text(figure))
    picture.save(compact, format="png", optimize=True, pnginfo=chunk, dpi=(PNG_DPI, PNG_DPI))
    return compact.getvalue()


def describe(figure: Figure, text: str) -> Figure:
    """Attach the text that stands for the figure where it can't be seen.

    Parameters
    ----------
    figure : matplotlib Figure
        The figure to describe, which is returned.
    text : str
        What the figure shows, with its numbers; one or two sentences.

    Example
    -------
    >>> alt_text(describe(plt.figure(), "A parabola with its minimum at 1."))
    'A parabola with its minimum at 1.'
    """
    if not text.strip():
        raise ValueError("text must say what the figure shows, got an empty string")
    figure._rmtlib_alt = " ".join(text.split())
    return figure


def alt_text(figure: Figure) -> str:
    """The text attached by `finish` or `spectrum`; empty if there is none."""
    return getattr(figure, "_rmtlib_alt", "")
