r"""Explorers and quizzes: live in a kernel, self-contained HTML on the built page.

The same cell serves both. In a kernel `explore`, `quiz_number` and `quiz_choice`
are ordinary ipywidgets. With the environment variable ``RMTLIB_STATIC=1``, which
the book's build sets, they write HTML that needs neither kernel nor server.

Texts (questions, hints, captions, labels) are plain text with formulas between
``\(`` and ``\)``.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from rmtlib.book._explorers import LiveExplorer, StaticExplorer
from rmtlib.book._page import static_mode

EXPLORER_LIMIT = 80


def explore(
    fn: Callable[..., Figure | tuple[Figure, str]],
    /,
    *,
    start: Mapping[str, Any] | None = None,
    alt: str | Callable[..., str],
    labels: Mapping[str, str] | None = None,
    **parameters: Sequence[float] | Sequence[str],
) -> "LiveExplorer | StaticExplorer":
    r"""A figure with sliders: ``fn`` over the grid of the values of its parameters.

    Written as the last expression of a cell, it shows itself. Moving a slider
    calls ``fn`` in a kernel; the built page holds all the frames.

    Parameters
    ----------
    fn
        Called with one value of each parameter, by keyword; returns a matplotlib
        ``Figure`` or ``(Figure, caption)``. It must not depend on earlier calls:
        take randomness from a seed.
    start
        Value of each parameter at first, one of those listed; the first value
        where none is given.
    alt
        What the figure shows, in words, for those who do not see it; text, or a
        function of the same keywords. The values of the parameters are appended.
    labels
        Names of the parameters for the reader, such as ``{"c": r"\(c = p/n\)"}``.
    **parameters
        Values of each parameter, at least two and all different: numbers for a
        slider (at most two), strings for a choice (at most one). At most 80
        combinations, and 200 in all explorers of a page.

    Returns
    -------
    LiveExplorer or StaticExplorer
        The object to show. What ``fn`` raises at the first frame (in the book's build: at
        any frame) is passed on.

    Notes
    -----
    A frame takes 0.1 to 0.2 s of build time. On the page (compressed) histograms take
    about 1 KB a frame, curves of hundreds of points and scatter plots of 300 points 2 to
    5 KB, images and larger scatter plots 5 to 30 KB (they are stored as WebP); ``weight``
    of the object says how much it is. Ends of the grid are drawn twice and must agree.

    Example
    -------
    >>> import matplotlib.pyplot as plt
    >>> def power(k):
    ...     fig, ax = plt.subplots(figsize=(3, 2))
    ...     ax.plot([0, 0.5, 1], [0, 0.5**k, 1])
    ...     return fig, rf"\(0.5^k = {0.5**k:g}\)"
    >>> explorer = explore(power, k=[1, 2, 3], alt="The power function on [0, 1]")
    >>> explorer.start
    {'k': 1}
    """
    if not callable(fn):
        raise ValueError(f"fn must be a function, got {fn!r}")
    grid = {name: _values(name, values) for name, values in parameters.items()}
    sliders = [name for name, values in grid.items() if not isinstance(values[0], str)]
    if not grid or len(sliders) > 2 or len(grid) - len(sliders) > 1:
        raise ValueError(
            "parameters must be at most two lists of numbers and one list of strings, got "
            f"{len(sliders)} and {len(grid) - len(sliders)} (make a third one an axis, a color "
            "or another explorer)"
        )
    size = math.prod(map(len, grid.values()))
    if size > EXPLORER_LIMIT:
        shape = " x ".join(str(len(values)) for values in grid.values())
        raise ValueError(
            f"parameters must have at most {EXPLORER_LIMIT} combinations, got {shape} = {size} "
            "(the page holds a frame of each)"
        )
    labels = {name: name for name in grid} | dict(labels or {})
    if set(labels) != set(grid) or not all(isinstance(s, str) and s for s in labels.values()):
        raise ValueError(f"labels must be texts for some of {', '.join(grid)}, got {labels!r}")
    if not callable(alt) and (not isinstance(alt, str) or not alt.strip()):
        raise ValueError(f"alt must be a nonempty text or a function, got {alt!r}")
    kind = StaticExplorer if static_mode() else LiveExplorer
    return kind(fn, grid, _start(grid, start or {}), alt, labels)


def _values(name: str, values: Any) -> list:
    if isinstance(values, (str, bytes, Mapping, set)) or not np.iterable(values):
        raise ValueError(f"{name} must be a list of numbers or of strings, got {values!r}")
    values = [v.item() if isinstance(v, np.generic) else v for v in values]
    numbers = all(isinstance(v, Real) and not isinstance(v, bool) for v in values)
    if not numbers and not all(isinstance(v, str) and v for v in values):
        raise ValueError(f"{name} must hold numbers only or nonempty strings only, got {values!r}")
    if numbers and not all(map(math.isfinite, values)):
        raise ValueError(f"{name} must be finite, got {values!r}")
    if len(values) < 2 or len(set(values)) < len(values):
        raise ValueError(f"{name} must hold at least two values, all different, got {values!r}")
    return values


def _start(grid: dict[str, list], start: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := set(start) - set(grid):
        raise ValueError(f"start must name parameters ({', '.join(grid)}), got {unknown.pop()!r}")
    found = {}
    for name, values in grid.items():
        wanted = start.get(name, values[0])
        near = [v for v in values if v == wanted or _close(v, wanted)]
        if not near:
            raise ValueError(f"start must give {name} one of its values {values}, got {wanted!r}")
        found[name] = near[0]
    return found


def _close(value: Any, wanted: Any) -> bool:
    return isinstance(value, Real) and isinstance(wanted, Real) and math.isclose(value, wanted)
