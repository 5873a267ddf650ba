"""The two renderings of an explorer: ipywidgets in a kernel, frames on a page without one."""

import base64
import traceback
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from html import escape
from itertools import product
from numbers import Integral
from typing import Any

import ipywidgets
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from rmtlib.book import _frames as frames
from rmtlib.book._figures import EXPLORER, panels_of
from rmtlib.book._names import finish
from rmtlib.book._page import element, plain, show

NOTEBOOK_LIMIT = 200
ENLARGED = 1.22  # of a frame, at most
BUTTONS = {
    "play": ("Play", '<path d="M3 1l9 6-9 6z"/><path d="M2 1h3.5v12H2zM8.5 1H12v12H8.5z"/>'),
    "back": ("Step back", '<path d="M10 1v12L3 7z"/>'),
    "next": ("Step forward", '<path d="M4 1v12l7-6z"/>'),
    "reset": ("Reset", '<path d="M7 2a5 5 0 1 0 5 5h-1.6A3.4 3.4 0 1 1 7 3.6V6l4-3.2L7 0z"/>'),
}
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
        with plt.rc_context({"figure.figsize": EXPLORER}):
            result = self.fn(**values)
        figure, caption = result if isinstance(result, tuple) and len(result) == 2 else (result, "")
        if not isinstance(figure, Figure) or not isinstance(caption, str):
            raise ValueError(
                "fn must return a matplotlib Figure or (Figure, caption), got "
                f"{type(result).__name__} at {dict(values)}"
            )
        finish(figure)
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
        with frames.parsing_once(), frames.collecting_rarely():
            places = [self._frame(cells[k], frames.places)[0] for k in twice]
            for write in (frames.slim_svg, frames.webp):
                encode = partial(frames.put, places=places, write=write)
                first = [self._frame(cells[k], encode) for k in twice]
                if vector := all(frames.suits_svg(frame) for frame, _ in first):
                    break
            drawn = [self._frame(cell, encode) for cell in cells]
        for k, frame in zip(twice, first, strict=True):
            if drawn[k] != frame:
                raise ValueError(
                    "fn must draw the same figure whenever it gets the same values, got two "
                    f"different ones at {cells[k]} (take randomness from a seed)"
                )
        pictures, captions = zip(*drawn, strict=True)
        write = partial(frames.put, places=places, write=lambda f: _print(f, alts[at]))
        (still, size, kept), _ = self._frame(self.start, write)
        others = [picture if k != at else None for k, picture in enumerate(pictures)]
        packed = frames.pack(pictures, at) if vector else {"frames": others}
        self.data = {
            "texts": [[_text(value) for value in values] for values in lists],
            "alts": alts,
            "captions": list(captions),
            **packed,
        }
        source = frames.svg_uri(pictures[at]) if vector else pictures[at]
        ink = " rmt-ink" * vector
        body = (
            f'<form class="rmt-controls" autocomplete="off" hidden>{self._controls()}</form>\n'
            f'<div class="rmt-paper{ink}{kept}"><img class="rmt-frame" src="{escape(source)}" '
            f'alt="{escape(alts[at])}" width="{size[0]}" height="{size[1]}" '
            f'style="--most:{round(ENLARGED * size[0])}px"></div>'
        )
        if any(captions):
            body += f'\n<p class="rmt-caption" aria-live="polite">{escape(captions[at])}</p>'
        self.bundle = {
            "text/html": element("explorer", self._name(), body, self.data),
            "image/png": base64.b64encode(still).decode(),
            "text/plain": alts[at],
        }

    @property
    def weight(self) -> int:
        """Bytes of the explorer on a page, compressed."""
        return len(zlib.compress(self.bundle["text/html"].encode(), 6))

    def _name(self) -> str:
        """What screen readers call the explorer: the first sentence of its text."""
        text = self._alt(**self.start) if callable(self._alt) else self._alt
        return "Explorer: " + text.strip().partition(". ")[0].rstrip(".")

    def _controls(self) -> str:
        sliders = any(not isinstance(values[0], str) for values in self.grid.values())
        buttons = "".join(
            f'<button type="button" class="rmt-{do}" data-do="{do}" aria-label="{label}">'
            f'<svg viewBox="0 0 14 14" aria-hidden="true">{paths}</svg></button>'
            for do, (label, paths) in BUTTONS.items()
            if sliders or do == "reset"
        )
        controls = "".join(map(self._control, self.grid))
        return f'{controls}<div class="rmt-buttons">{buttons}</div>'

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


def _print(figure: Figure, alt: str) -> tuple[bytes, tuple[int, int], str]:
    """PNG for print, size on a screen, and the style that keeps one panel on a phone."""
    still = frames.png(figure, frames.PRINT_DPI, alt)
    memory, style = panels_of(figure), ""
    if len(memory.axes) > 1 and memory.narrow:
        back = figure.transFigure.inverted()
        boxes = [ax.get_tightbbox().transformed(back) for ax in memory.axes]
        left, right, kept = 0.0, 1.0, boxes.pop(memory.keep)
        left = max([left, *(box.x1 for box in boxes if box.x1 < kept.x1)])
        right = min([right, *(box.x0 for box in boxes if box.x0 > kept.x0)])
        style = f' rmt-panels" style="--left:{left:.3f};--share:{right - left:.3f}'
    return still, _pixels(figure), style


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
