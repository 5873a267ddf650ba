"""What stands beside lines: their names, names of reference lines, plain ticks."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from rmtlib._types import ArrayLike
from rmtlib.book._figures import INK, describe, legend_below, panels_of

SIZE, ROOM = 9.5, 12.5  # of a name in points, and from one name to the next
PAIR = {
    "theory": Line2D([], [], color=INK),
    "simulation": Line2D([], [], color=INK, marker="o", ls="none", ms=4.5),
}


def finish(figure: Figure, text: str = "") -> None:
    """Name the lines, tidy the ticks, and attach the text that stands for the figure.

    Written last in a figure's cell. Explorers finish their figures themselves.

    Parameters
    ----------
    figure : matplotlib Figure
        A figure of `panels`.
    text : str
        What the figure shows, with its numbers; one or two sentences. It may be left
        out where `spectrum` wrote one.
    """
    memory = panels_of(figure)
    if text:
        describe(figure, text)
    if memory.finished:
        return
    memory.finished, shown, pairs = True, {}, memory.pairs
    for k, ax in enumerate(memory.axes):
        place = memory.legend[k] if isinstance(memory.legend, list) else memory.legend
        _tidy(ax.xaxis, ax.get_xlim())
        _tidy(ax.yaxis, ax.get_ylim())
        for mark in memory.marks.get(ax, ()):
            _name_mark(ax, *mark)
        names = {name: _handle(found) for name, found in memory.entries.get(ax, {}).items()}
        if place is None or ax.get_legend() or not names or names.keys() <= shown.keys():
            continue
        shown |= names
        if place == "below" or (len(names) == 1 and names.keys() <= PAIR.keys()):
            continue
        alone = names.keys() <= PAIR.keys()  # a curve and its dots end in one place
        beside = not place and not alone and _name_lines(ax, memory.entries[ax])
        listed = {} if beside else names
        listed, pairs = (listed | PAIR, False) if pairs else (listed, False)
        if listed:
            columns = 2 if len(listed) > 4 else 1
            ax.legend(listed.values(), listed.keys(), loc=place or "best", ncols=columns)
    if memory.legend == "below":
        memory.below = shown | (PAIR if pairs else {})
        legend_below(figure, 4)


def _handle(artists: list) -> Any:
    """What stands for a name in a legend: its line and its dots in one, or its bars."""
    line = artists[0]
    if not isinstance(line, Line2D) or len(artists) == 1:
        return line
    return Line2D([], [], color=line.get_color(), ls=line.get_linestyle(),
                  marker=artists[1].get_marker(), ms=4.5)  # fmt: skip


def plain(value: float, _: int | None = None) -> str:
    """A number in digits, without zeros at its end."""
    return f"{value:.10f}".rstrip("0").rstrip(".").replace("-", "\N{MINUS SIGN}")


def power(value: float, _: int | None = None) -> str:
    """A number as a power of ten, with a factor where it is none.

    Example
    -------
    >>> [power(v) for v in (1, 1e-07, 3e8)], plain(0.5), plain(2500)
    (['1', '10⁻⁷', '3·10⁸'], '0.5', '2500')
    """
    factor, exponent = f"{value:.2e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    factor = f"{float(factor):g}·" if float(factor) != 1 else ""
    return "1" if value == 1 else f"{factor}10{raised}"


def ticks_at(ax: Axes, sizes: ArrayLike) -> None:
    """Label the horizontal axis at these sizes, every other one where there are many."""
    sizes = np.asarray(sizes)
    ax.xaxis.set_major_locator(FixedLocator(sizes if len(sizes) < 8 else sizes[::-2]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(plain))


def _tidy(axis: Any, limits: tuple[float, float]) -> None:
    """Plain labels on a logarithmic axis, at 1, 2, 5 where it spans less than two decades."""
    if axis.get_scale() != "log" or isinstance(axis.get_major_locator(), FixedLocator):
        return
    decades = abs(np.log10(limits[1] / limits[0]))
    few = decades < 2
    if decades > 3:
        axis.set_minor_locator(NullLocator())
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,), numticks=8))
    short = min(limits) > 1e-4 and max(limits) < 1e6
    axis.set_major_formatter(FuncFormatter(plain if short else power))
    axis.set_minor_formatter(NullFormatter())


def _name_mark(ax: Axes, where: str, at: float, label: str) -> None:
    """Write the name of a reference line: at the top of a vertical one, on a level one."""
    style = {"color": INK, "fontsize": SIZE, "textcoords": "offset points"}
    if where == "y":
        ax.annotate(label, (1, at), xycoords=("axes fraction", "data"), xytext=(0, 3),
                    va="bottom", ha="right", **style)  # fmt: skip
        return
    right = ax.transAxes.inverted().transform(ax.transData.transform((at, 1)))[0] > 0.7
    shift, side = (-4, "right") if right else (4, "left")
    ax.annotate(label, (at, 1), xycoords=("data", "axes fraction"), va="top",
                xytext=(shift, -1), ha=side, **style)  # fmt: skip


def _name_lines(ax: Axes, entries: dict[str, list]) -> bool:
    """Write names at the right ends of their lines; False where they would not find room."""
    if len(entries) < 2 or max(map(len, entries)) > 18:
        return False
    ends = []
    for artists in entries.values():
        if not isinstance(artists[0], Line2D):
            return False
        at = ax.transAxes.inverted().transform(ax.transData.transform(artists[0].get_xydata()))
        at = at[np.all(np.isfinite(at), axis=1) & (at[:, 0] < 1.01)]
        if not len(at) or at[-1, 0] < 0.8 or not -0.02 <= at[-1, 1] <= 1.02:
            return False
        ends.append(at[-1])
    tall = ax.figure.get_size_inches()[1] * 72 * 0.75
    order = np.argsort([end[1] for end in ends])
    wanted = np.array([ends[k][1] for k in order]) * tall
    placed = wanted.copy()
    for _ in range(50):  # neighbors push each other apart
        overlap = np.maximum(0, ROOM - np.diff(placed)) / 2
        placed[:-1] -= overlap
        placed[1:] += overlap
    if np.max(np.abs(placed - wanted)) > 1.2 * ROOM or np.min(np.diff(placed)) < 0.9 * ROOM:
        return False
    for k, shift in zip(order, placed - wanted, strict=True):
        name, artists = list(entries.items())[k]
        ax.annotate(name, (max(1, ends[k][0]), ends[k][1]), xycoords="axes fraction",
                    xytext=(5, shift), textcoords="offset points", va="center",
                    color=artists[0].get_color(), fontsize=SIZE)  # fmt: skip
    return True
