"""The two renderings of an explorer: ipywidgets in a kernel, frames on a page without one."""

import base64
import traceback
import zlib
from collections.abc import Callable, Mapping
from html import escape
from itertools import product
from numbers import Integral
from typing import Any

import ipywidgets
from matplotlib.figure import Figure

from rmtlib.book import _frames as frames
from rmtlib.book._page import element, plain, show

NOTEBOOK_LIMIT = 200
UNSEEN = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)"
_rendered = 0


def _text(value: Any) -> str:
    """A parameter's value for the reader, with a typographic minus."""
    if isinstance(value, str):
        return value
    short = str(value) if isinstance(value, Integral) else f"{value:.4g}"
    return short.replace("-", "\N{MINUS SIGN}")


class _Explorer:
    """What both renderings share: the grid, and one checked call of ``fn``."""

    def __init__(
        self,
        fn: Callable[..., Figure | tuple[Figure, str]],
        grid: dict[str, list],
        start: dict[str, Any],
        alt: str | Callable[..., str],
        labels: dict[str, str],
    ) -> None:
        self.fn, self.grid, self.start, self.labels = fn, grid, start, labels
        self._alt = alt

    def alt(self, values: Mapping[str, Any]) -> str:
        """Alternative text at these values of the parameters."""
        text = self._alt(**values) if callable(self._alt) else self._alt
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"alt must return a nonempty text, got {text!r}")
        where = ", ".join(f"{name} = {_text(value)}" for name, value in values.items())
        return f"{text.strip().rstrip('.')}: {where}."

    def _frame(self, values: Mapping[str, Any], encode: Callable[[Figure], Any]) -> tuple[Any, str]:
        """What ``encode`` makes of the figure at these values, and the caption."""
        with frames.closing_figures():
            figure, caption = self.draw(values)
            return encode(figure), caption

    def draw(self, values: Mapping[str, Any]) -> tuple[Figure, str]:
        """Figure and caption (or an empty text) at these values of the parameters."""
        result = self.fn(**values)
        figure, caption = result if isinstance(result, tuple) and len(result) == 2 else (result, "")
        if not isinstance(figure, Figure) or not isinstance(caption, str):
            raise ValueError(
                "fn must return a matplotlib Figure or (Figure, caption), got "
                f"{type(result).__name__} at {dict(values)}"
            )
        return figure, caption


class StaticExplorer(_Explorer):
    """An explorer on a page without a kernel; all frames are drawn on construction.

    Attributes
    ----------
    bundle
        The MIME bundle: ``text/html`` (the explorer), ``image/png`` (its first
        frame, for print) and ``text/plain`` (the alternative text).
    data
        What the page's script reads: texts of the values, frames, captions.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        names, lists = list(self.grid), list(self.grid.values())
        cells = [dict(zip(names, point, strict=True)) for point in product(*lists)]
        _spend(len(cells))
        at = cells.index(self.start)
        alts = [self.alt(cell) for cell in cells]
        twice = (0, len(cells) // 2, -1)
        first = [self._frame(cells[k], frames.slim_svg) for k in twice]
        vector = all(frames.suits_svg(lines) for lines, _ in first)
        encode = frames.slim_svg if vector else frames.webp
        if not vector:
            first = [self._frame(cells[k], encode) for k in twice]
        drawn = [self._frame(cell, encode) for cell in cells]
        for k, frame in zip(twice, first, strict=True):
            if drawn[k] != frame:
                raise ValueError(
                    "fn must draw the same figure whenever it gets the same values, got two "
                    f"different ones at {cells[k]} (take randomness from a seed)"
                )
        pictures, captions = zip(*drawn, strict=True)
        (still, size), _ = self._frame(self.start, lambda figure: _print(figure, alts[at]))
        others = [picture if k != at else None for k, picture in enumerate(pictures)]
        packed = frames.pack(pictures, at) if vector else {"frames": others}
        self.data = {
            "texts": [[_text(value) for value in values] for values in lists],
            "alts": alts,
            "captions": list(captions),
            **packed,
        }
        source = frames.svg_uri(pictures[at]) if vector else pictures[at]
        wide = " rmt-wide" if size[0] > frames.WIDE else ""
        body = (
            f'<form class="rmt-controls" autocomplete="off" hidden>{self._controls()}</form>\n'
            f'<div class="rmt-paper{wide}"><img class="rmt-frame" src="{escape(source)}" '
            f'alt="{escape(alts[at])}" width="{size[0]}" height="{size[1]}"></div>'
        )
        if any(captions):
            body += f'\n<p class="rmt-caption" aria-live="polite">{escape(captions[at])}</p>'
        self.bundle = {
            "text/html": element("explorer", "Interactive figure", body, self.data),
            "image/png": base64.b64encode(still).decode(),
            "text/plain": alts[at],
        }

    @property
    def weight(self) -> int:
        """Bytes of the explorer on a page, compressed."""
        return len(zlib.compress(self.bundle["text/html"].encode(), 6))

    def _controls(self) -> str:
        return "".join(map(self._control, self.grid))

    def _control(self, name: str) -> str:
        values, label = self.grid[name], self.labels[name]
        at = values.index(self.start[name])
        if isinstance(values[0], str):
            options = "".join(
                f'<label><input type="radio" name="{escape(name)}" value="{k}"'
                f"{' checked' if k == at else ''}><span>{escape(value)}</span></label>"
                for k, value in enumerate(values)
            )
            return (
                f'<fieldset class="rmt-control rmt-choice"><legend>{escape(label)}</legend>'
                f'<div class="rmt-options">{options}</div></fieldset>'
            )
        stops = len(values) - 1
        ticks = " rmt-ticks" if stops <= 24 else ""
        return (
            f'<label class="rmt-control rmt-slider{ticks}" style="--stops:{stops};--at:{at}">'
            f'<span class="rmt-name">{escape(label)}</span>'
            f'<output aria-hidden="true">{_text(values[at])}</output>'
            f'<input type="range" name="{escape(name)}" min="0" max="{stops}" step="1" '
            f'value="{at}" aria-label="{escape(plain(label))}" '
            f'aria-valuetext="{_text(values[at])}"></label>'
        )

    def _ipython_display_(self) -> None:
        show(self.bundle)


def _print(figure: Figure, alt: str) -> tuple[bytes, tuple[int, int]]:
    """PNG for print, and width and height on a screen."""
    return frames.png(figure, frames.PRINT_DPI, alt), _pixels(figure)


def _pixels(figure: Figure) -> tuple[int, int]:
    width, height = figure.get_size_inches() * frames.CSS_DPI
    return round(width), round(height)


def _spend(count: int) -> None:
    global _rendered
    if _rendered + count > NOTEBOOK_LIMIT:
        raise ValueError(
            f"a page must hold at most {NOTEBOOK_LIMIT} frames, got {count} after the "
            f"{_rendered} of the explorers before this one (list fewer values)"
        )
    _rendered += count


class LiveExplorer(_Explorer):
    """An explorer in a kernel, made of ipywidgets.

    Attributes
    ----------
    sliders
        The control of each parameter: a ``SelectionSlider``, or ``ToggleButtons``.
    image, caption
        The figure (PNG) and the text under it, where an error of ``fn`` is shown.
    widget
        All of them in a box.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.sliders = {name: self._control(name) for name in self.grid}
        self.image = ipywidgets.Image(format="png", layout={"max_width": "100%"})
        self.caption = ipywidgets.HTMLMath()
        self.update()
        for slider in self.sliders.values():
            slider.observe(self._moved, names="value")
        self.widget = ipywidgets.VBox([*self.sliders.values(), self.image, self.caption])

    def _control(self, name: str) -> ipywidgets.Widget:
        values = self.grid[name]
        kind = (
            ipywidgets.ToggleButtons if isinstance(values[0], str) else ipywidgets.SelectionSlider
        )
        return kind(
            options=[(_text(value), value) for value in values],
            value=self.start[name],
            description=self.labels[name],
            style={"description_width": "initial"},
        )

    @property
    def values(self) -> dict[str, Any]:
        """The value of each parameter now."""
        return {name: slider.value for name, slider in self.sliders.items()}

    def update(self) -> None:
        """Draw the figure at the present values; errors of ``fn`` are raised."""
        (picture, size), caption = self._frame(
            self.values, lambda figure: (frames.png(figure, frames.SCREEN_DPI), _pixels(figure))
        )
        self.image.value, self.image.width = picture, str(size[0])
        self.caption.value = (
            f'<div aria-live="polite">{escape(caption)}'
            f'<span style="{UNSEEN}">{escape(self.alt(self.values))}</span></div>'
        )

    def _moved(self, change: Any) -> None:
        try:
            self.update()
        except Exception as error:
            last = traceback.format_exception_only(error)[-1].strip()
            where = ", ".join(f"{name} = {_text(value)}" for name, value in self.values.items())
            self.caption.value = (
                f'<div role="alert" style="color:#b00020">No figure at {escape(where)}: '
                f"<code>{escape(last)}</code></div>"
            )

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.widget)
