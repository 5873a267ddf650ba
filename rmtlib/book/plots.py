r"""The words that the book's figures are written in.

`panels` makes a figure; `compare`, `theory`, `points`, `histogram`, `rates`, `density`
and `spectrum` draw into it; `mark` sets a reference line; `finish` names the lines and
attaches the text that stands for the figure. Sizes, ticks, colors and legends follow.

A curve is theory, a mark (dot, bar) is simulation. Colors have one meaning: a label
that begins with *theory*, *simulation*, *training*, *test* or *wrong* takes its look
(color, line style and marker); every other label takes the next look of a cycle, and
keeps it in all panels of the figure.

Data come as one array with a ``label``, or as a mapping from labels to arrays.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from rmtlib._checks import count
from rmtlib._types import ArrayLike
from rmtlib.book._figures import (
    ACCENT,
    CLASSES,
    HEIGHTS,
    INK,
    MUTED,
    SIMULATION,
    SIMULATION_DARK,
    TEST,
    THEORY,
    TRAINING,
    WIDTH,
    WRONG,
    describe,
    new_figure,
    panels_of,
    use_style,
)
from rmtlib.book._names import finish, ticks_at
from rmtlib.book._report import report
from rmtlib.book._spectrum import density_curve, spectrum

__all__ = [
    "ACCENT",
    "CLASSES",
    "INK",
    "MUTED",
    "SIMULATION",
    "SIMULATION_DARK",
    "TEST",
    "THEORY",
    "TRAINING",
    "WRONG",
    "compare",
    "density_curve",
    "describe",
    "finish",
    "histogram",
    "mark",
    "panels",
    "points",
    "rates",
    "report",
    "spectrum",
    "theory",
    "use_style",
]

LOOKS = {
    "theory": {"color": THEORY, "ls": "-", "marker": "o"},
    "simulation": {"color": SIMULATION_DARK, "ls": "-", "marker": "o"},
    "training": {"color": TRAINING, "ls": (0, (5, 1.5)), "marker": "s"},
    "test": {"color": TEST, "ls": "-", "marker": "D"},
    "wrong": {"color": WRONG, "ls": (0, (1, 1.2)), "marker": "x"},
}
STYLES = ("-", (0, (5, 1.5)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (7, 1, 1, 1, 1, 1)))
CYCLE = [
    {"color": color, "ls": style, "marker": marker}
    for color, style, marker in zip(CLASSES, STYLES, "os^Dv", strict=True)
]


def panels(
    n: int = 1,
    *,
    x: str | Sequence[str] = "",
    y: str | Sequence[str] = "",
    title: str | Sequence[str] = "",
    log: str | Sequence[str] = "",
    xlim: Any = None,
    ylim: Any = None,
    xticks: Any = None,
    share: str = "",
    height: float | None = None,
    legend: str | Sequence[str] | None = "",
    keep: int = 0,
) -> tuple[Figure, Any]:
    r"""A figure of one to three panels side by side, and its axes.

    On a phone the panels are stacked, and an explorer keeps one of them.

    Parameters
    ----------
    n : int
        Number of panels, at most 3.
    x, y, title : str, or a list of one for each panel
        Names of the axes and titles of the panels.
    log : str, or a list
        Logarithmic axes: ``"x"``, ``"y"`` or ``"xy"``.
    xlim, ylim : pair, or a list of pairs
        Limits of the axes.
    xticks : array, or a list of arrays
        Where the horizontal axis is labeled: the sizes of an experiment.
    share : str
        ``"x"``, ``"y"`` or ``"xy"``: axes that all panels have in common.
    height : float
        Height in inches where the usual one is too low.
    legend : str or None, or a list
        Where names stand if not beside their lines: a location of matplotlib,
        ``"below"`` for one legend under all panels, or None for no names. By default lines
        are named at their right ends where there is room; explorers give a location.
    keep : int
        The panel that an explorer keeps on a phone.

    Returns
    -------
    figure, axes
        ``axes`` is one ``Axes`` for a single panel and an array of them for more.

    Example
    -------
    >>> fig, ax = panels(x="ratio $c$", y="error", log="x", ylim=(0, 1))
    >>> ax.get_xscale(), ax.get_ylim()
    ('log', (np.float64(0.0), np.float64(1.0)))
    """
    if count("n", n) > 3:
        raise ValueError(f"n must be at most 3 (a page is one column wide), got {n}")
    width, usual = plt.rcParams["figure.figsize"] if n == 1 else (WIDTH, HEIGHTS[n])
    shared = {"sharex": "x" in share, "sharey": "y" in share}
    figure, axes = new_figure(n, (width, height or usual), legend, keep, **shared)

    def of_panel(value: Any, k: int) -> Any:
        return value[k] if n > 1 and isinstance(value, list) else value

    for k, ax in enumerate(np.atleast_1d(axes)):
        named_y = of_panel(y, k) if isinstance(y, list) or k == 0 or "y" not in share else ""
        ax.set(xlabel=of_panel(x, k), ylabel=named_y, title=of_panel(title, k))
        scales = of_panel(log, k)
        ax.set(xscale="log" if "x" in scales else "linear")
        ax.set(yscale="log" if "y" in scales else "linear")
        for which, limits in (("xlim", of_panel(xlim, k)), ("ylim", of_panel(ylim, k))):
            if limits is not None:
                ax.set(**{which: limits})
        if of_panel(xticks, k) is not None:
            ticks_at(ax, of_panel(xticks, k))
    return figure, axes


def _named(data: Any, label: str) -> dict[str, np.ndarray]:
    named = data if isinstance(data, Mapping) else {label: data}
    return {name: np.asarray(values, dtype=float) for name, values in named.items()}


def _look(ax: Axes, label: str) -> dict:
    """The look of a label in the figure: by its meaning, or the next one of the cycle."""
    looks = panels_of(ax.figure).looks
    if label not in looks:
        meaning = LOOKS.get(label.split(" ")[0].strip(",:"))
        free = len([look for look in looks.values() if look in CYCLE])
        looks[label] = meaning or CYCLE[free % len(CYCLE)]
    return looks[label]


def _shade(ax: Axes, names: Sequence[str]) -> None:
    """Give the names, in order of a parameter, shades from dark to light."""
    colors = plt.get_cmap("viridis")(np.linspace(0, 0.6, len(names)))
    for name, color, look in zip(names, colors, CYCLE * len(names), strict=False):
        panels_of(ax.figure).looks[name] = look | {"color": to_hex(color), "ls": "-"}


def _enter(ax: Axes, label: str, artist: Any) -> None:
    """Note what a label names: a curve, its dots, or bars."""
    panels_of(ax.figure).entries.setdefault(ax, {}).setdefault(label, []).append(artist)


def _mean(draws: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Mean and standard deviation over an axis of draws before the axis of ``size``."""
    if draws.ndim == 2 and draws.shape[1] == size:
        return draws.mean(axis=0), draws.std(axis=0, ddof=len(draws) > 1)
    return draws, None


def theory(ax: Axes, x: ArrayLike, y: Any, label: str = "theory", *, ordered: bool = False) -> None:
    """Curves of a formula: ``y`` against ``x``, or a mapping from labels to curves.

    ``ordered`` colors a family by the order of its parameter, from dark to light.

    Example
    -------
    >>> fig, ax = panels()
    >>> theory(ax, [1, 2, 3], {"N = 10": [1, 2, 3], "wrong: N = 1": [3, 2, 1]})
    >>> [line.get_color() for line in ax.lines] == [CLASSES[0], WRONG]
    True
    """
    curves = _named(y, label)
    if ordered:
        _shade(ax, list(curves))
    for name, values in curves.items():
        look = _look(ax, name)
        (line,) = ax.plot(x, values, color=look["color"], ls=look["ls"])
        _enter(ax, name, line)


def points(
    ax: Axes,
    x: ArrayLike,
    draws: Any,
    label: str = "simulation",
    *,
    spread: bool = False,
    join: bool = False,
) -> None:
    """Measured values: dots, at the mean where ``draws`` has an axis of draws before.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    x : array, shape (m,)
        Abscissas.
    draws : array, shape (m,) or (draws, m), or a mapping from labels to such arrays
        The values.
    label : str
        What they are.
    spread : bool
        Whether bars show the standard deviation of the draws.
    join : bool
        Whether a thin line joins the dots (more than 40 of them are a line only).
    """
    x = np.asarray(x)
    for name, values in _named(draws, label).items():
        look = _look(ax, name)
        mean, deviation = _mean(values, x.size)
        alone = join and x.size > 40
        style = {"color": look["color"], "ls": look["ls"] if join else "none", "lw": 1.4, "ms": 4.5}
        (dots,) = ax.plot(x, mean, marker=None if alone else look["marker"], **style)
        if spread and deviation is not None:
            ax.errorbar(x, mean, deviation, fmt="none", ecolor=look["color"], elinewidth=1)
        _enter(ax, name, dots)


def compare(
    ax: Axes,
    x: ArrayLike,
    curves: Any,
    draws: Any,
    *,
    at: ArrayLike | None = None,
    label: str = "",
    spread: bool = False,
    ordered: bool = False,
) -> None:
    """Curves of a formula with the dots of a simulation, a pair in one look.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    x : array
        Abscissas of the curves.
    curves, draws : array, or mappings from the same labels to arrays
        Theory at ``x``, and simulation at ``at`` (mean over an axis of draws before).
    at : array
        Abscissas of the dots, by default those of the curves.
    label : str
        What the pair is; without one, the curve is named theory and the dots simulation.
    spread, ordered : bool
        As in `points` and `theory`.
    """
    at = x if at is None else at
    if not label and not isinstance(curves, Mapping):
        theory(ax, x, curves)
        points(ax, at, draws, spread=spread)
        return
    theory(ax, x, curves, label, ordered=ordered)
    points(ax, at, draws, label, spread=spread)
    panels_of(ax.figure).pairs = True


def histogram(
    ax: Axes, draws: Any, label: str = "simulation", *, bins: int | ArrayLike = 40
) -> None:
    """Bars of area one: ``draws``, or a mapping from labels to them, over common bins.

    On a logarithmic axis it is the density of the logarithm to base ten.
    """
    named = {name: values.ravel() for name, values in _named(draws, label).items()}
    to, back = (np.log10, lambda e: 10.0**e) if ax.get_xscale() == "log" else (np.array,) * 2
    pooled = to(np.concatenate(list(named.values())))
    edges = np.histogram_bin_edges(pooled, bins if np.ndim(bins) == 0 else to(bins))
    for name, values in named.items():
        color = SIMULATION if name == "simulation" else _look(ax, name)["color"]
        heights, _ = np.histogram(to(values), edges, density=True)
        alpha = 0.6 if len(named) > 1 else 1
        bars = ax.stairs(heights, back(edges), fill=True, color=color, alpha=alpha)
        _enter(ax, name, bars)


def density(ax: Axes, laws: Any, label: str = "theory", *, ordered: bool = False) -> None:
    """Densities of laws: one law, or a mapping from labels to laws."""
    named = laws if isinstance(laws, Mapping) else {label: laws}
    if ordered:
        _shade(ax, list(named))
    for name, law in named.items():
        theory(ax, *density_curve(law), name)


def rates(
    ax: Axes,
    sizes: ArrayLike,
    errors: Any,
    label: str = "simulation",
    *,
    guide: float | None = None,
) -> dict[str, float]:
    """Errors against sizes on logarithmic axes, and the slopes of their decay.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    sizes : array, shape (m,)
        Sizes, which label the axis.
    errors : array, shape (m,) or (draws, m), or a mapping from labels to such arrays
        Positive errors.
    label : str
        What they are.
    guide : float
        Slope of a dotted line below the first errors, for the eye.

    Returns
    -------
    dict
        Slope of the fitted line for each label.

    Example
    -------
    >>> fig, ax = panels(x="$n$", y="error")
    >>> rates(ax, [10, 100], [0.5, 0.05], guide=-1)
    {'simulation': -1.0}
    """
    sizes, slopes = np.asarray(sizes, dtype=float), {}
    ax.set(xscale="log", yscale="log")
    ticks_at(ax, sizes)
    for name, values in _named(errors, label).items():
        mean, _ = _mean(values, sizes.size)
        points(ax, sizes, mean, name, join=True)
        slopes[name] = round(float(np.polyfit(np.log(sizes), np.log(mean), 1)[0]), 12)
    if guide is not None:
        first, _ = _mean(next(iter(_named(errors, label).values())), sizes.size)
        text = f"slope {Fraction(guide).limit_denominator(12)}".replace("-", "−")
        eye = 0.8 * first[0] * (sizes / sizes[0]) ** guide
        (line,) = ax.plot(sizes, eye, color=INK, ls=":", lw=1.2)
        _enter(ax, text, line)
    return slopes


def mark(ax: Axes, *, x: Any = None, y: Any = None, label: str = "") -> None:
    """Thin dotted reference lines at ``x`` or ``y``, with a name beside the first."""
    for where, value in (("x", x), ("y", y)):
        for k, at in enumerate(np.atleast_1d(value) if value is not None else ()):
            draw = ax.axvline if where == "x" else ax.axhline
            draw(at, color=INK, ls=":", lw=1.1, zorder=1.5)
            if label and k == 0:
                panels_of(ax.figure).marks.setdefault(ax, []).append((where, at, label))
