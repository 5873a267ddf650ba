r"""Quiz questions: one rule for reading a reply, in a kernel, in tests and on the page.

A question knows its feedback as data (`NumberQuiz.rule`, `ChoiceQuiz.rule`); the
``check`` methods and the page's script apply it in the same way. The page holds
the answers, only lightly hidden: questions are for self-checks, not for marks.
"""

import base64
import json
import math
import re
import string
from collections.abc import Sequence
from html import escape
from numbers import Integral, Real
from typing import Any

import ipywidgets

from rmtlib import _checks
from rmtlib.book._page import element, latex, plain, show, static_mode

# The page's script applies the same two regular expressions: they use only what Python and
# JavaScript have in common, and match in one way only, so that no reply takes long.
_SPACE = "[ \\t\u00a0\u2009\u202f]*"
_DECIMAL = "([+\\-\u2212]?)([0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE]([+\\-\u2212]?[0-9]+))?"
PATTERN = f"^{_SPACE}{_DECIMAL}(?:{_SPACE}/{_SPACE}{_DECIMAL})?{_SPACE}$"
THOUSANDS = "(?:^|[^0-9])[1-9][0-9]{0,2},[0-9]{3}(?![0-9])"
UNSEEN = "position:absolute;clip-path:inset(50%);white-space:nowrap"
UNREADABLE = "Enter a number such as 1.5, 3/2 or 2e-3, without thousands separators."


def read_number(reply: str | float) -> float | None:
    """The number that a reply states, or ``None`` if it does not state one.

    A decimal point or comma, a power of ten, one fraction bar and the typographic
    minus are understood. Percent signs, names, ``inf`` and what could be a
    thousands separator (``2,250``) are not.

    Example
    -------
    >>> [read_number(reply) for reply in ("1.5", "3/2", "1,5", "15e-1", "50%", "1/0")]
    [1.5, 1.5, 1.5, 1.5, None, None]
    """
    if isinstance(reply, Real) and not isinstance(reply, bool):
        return float(reply) if math.isfinite(reply) else None
    if not isinstance(reply, str) or re.search(THOUSANDS, reply):
        return None
    found = re.fullmatch(PATTERN, reply)
    if not found:
        return None
    top, bottom = _decimal(*found.groups()[:3]), 1.0
    if found[5]:
        bottom = _decimal(*found.groups()[3:])
    value = top / bottom if bottom else math.inf
    return value if math.isfinite(value) else None


def _decimal(sign: str, digits: str, power: str | None) -> float:
    text = f"{sign}{digits}e{power or 0}"
    return float(text.replace("\u2212", "-").replace(",", "."))


_GROUP = r"\s*(?:\{([^{}]*)\}|([^\s\\{}]))"
_SPOKEN = {
    r"\\[,;!]|\\(?:big|left|right)[lr]?(?![a-z])": " ",
    r"\\(?:operatorname|math(?:bb|cal|rm|sf))" + _GROUP: r" \1\2 ",
    r"\\sqrt" + _GROUP: r" root of \1\2 ",
    r"\\[dt]?frac" + _GROUP + _GROUP: r" \1\2 over \3\4 ",
    r"\^\s*(?:\{\s*)?T\b(?:\s*\})?": " transposed ",
    r"\^2(?!\d)": " squared ",
    r"\^" + _GROUP: r" to the \1\2 ",
    r"\\pm": " plus or minus ",
}


def spoken(text: str) -> str:
    r"""The text as a screen reader should say it, its formulas in words.

    Example
    -------
    >>> spoken(r"\(\frac1p \operatorname{tr} A Q(z)\) and \(x_1^{\mathsf T}x_1/\sqrt{n}\)")
    '1 over p tr A Q(z) and x_1 transposed x_1/ root of n'
    """
    for mark, words in _SPOKEN.items():
        text = re.sub(mark, words, text)
    return plain(text)


def _near(value: float, target: float, rtol: float) -> bool:
    return abs(value - target) <= rtol * (abs(target) or 1.0)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} must be a nonempty text, got {value!r}")
    return value.strip()


def _sentences(verdict: str, reason: str) -> str:
    return f"{verdict} {reason}".strip()


class _Quiz:
    """What both kinds share: how a question is shown."""

    kind: str
    question: str
    rule: dict[str, Any]
    listed = ""  # answers that buttons cannot show, since they hold formulas

    @property
    def widget(self) -> ipywidgets.Widget:
        """The question as ipywidgets, for a kernel."""
        field = self._field()
        button = ipywidgets.Button(description="Check", button_style="primary")
        verdict = ipywidgets.HTMLMath()

        def answer(_: Any) -> None:
            right, message = self.check(field.value)
            mark, color = {
                True: ("\u2713", "#1b6e2d"),
                False: ("\u2717", "#a3360a"),
                None: ("", "inherit"),
            }[right]
            verdict.value = (
                f'<div role="status"><b style="color:{color}">{mark}</b> {escape(message)}</div>'
            )

        button.on_click(answer)
        if isinstance(field, ipywidgets.Text):
            field.observe(answer, names="value")
        question = ipywidgets.HTMLMath(f"<b>{escape(self.question)}</b>{self.listed}")
        return ipywidgets.VBox([question, field, button, verdict])

    @property
    def bundle(self) -> dict[str, str]:
        """The question as a MIME bundle, for a page without a kernel."""
        data = base64.b64encode(json.dumps(self.rule).encode()).decode()
        verdict = '<p class="rmt-verdict" role="status"></p>'
        body = f"{self._form()}\n{verdict}"
        return {
            "text/html": element("quiz", f"Question: {plain(self.question)}", body, data),
            # In a box, since the book's LaTeX writer puts such output into an equation.
            "text/latex": rf"\parbox{{0.95\linewidth}}{{\textbf{{Question.}} {self._latex()}}}",
            "text/plain": self._plain(),
        }

    def _ipython_display_(self) -> None:
        if static_mode():
            show(self.bundle)
        else:
            from IPython.display import display

            display(self.widget)


class NumberQuiz(_Quiz):
    """A question whose answer is a number; made by `quiz_number`."""

    kind = "number"

    def __init__(
        self,
        question: str,
        answer: float,
        rtol: float,
        hints: Sequence[tuple[float, str]],
        explain: str,
    ) -> None:
        self.question = _text("question", question)
        self.answer = _checks.finite("answer", answer)
        self.rtol = _checks.between("rtol", rtol, 1e-12, 0.5, "relative tolerance")
        pairs = []
        for hint in hints:
            if not isinstance(hint, Sequence) or isinstance(hint, str) or len(hint) != 2:
                raise ValueError(f"hints must be pairs (wrong value, why), got {hint!r}")
            wrong = _checks.finite("hints", hint[0], "the wrong value of each pair")
            if _near(wrong, self.answer, self.rtol):
                raise ValueError(
                    f"hints must be wrong, got {wrong:g} (it passes for the answer "
                    f"{self.answer:g} at rtol {self.rtol:g})"
                )
            pairs.append([wrong, _sentences("Not yet.", _text("hints", hint[1]))])
        if not isinstance(explain, str):
            raise ValueError(f"explain must be a text, got {explain!r}")
        self.rule = {
            "kind": self.kind,
            "pattern": PATTERN,
            "thousands": THOUSANDS,
            "answer": self.answer,
            "rtol": self.rtol,
            "hints": pairs,
            "right": _sentences("Right.", explain.strip()),
            "large": "Not yet. Your number is too large.",
            "small": "Not yet. Your number is too small.",
            "unreadable": UNREADABLE,
        }

    def check(self, reply: str | float) -> tuple[bool | None, str]:
        """Verdict (``None`` if the reply is not a number) and feedback."""
        value = read_number(reply)
        if value is None:
            return None, self.rule["unreadable"]
        if _near(value, self.answer, self.rtol):
            return True, self.rule["right"]
        near = [hint for hint in self.rule["hints"] if _near(value, hint[0], self.rtol)]
        if near:
            return False, min(near, key=lambda hint: abs(value - hint[0]))[1]
        return False, self.rule["large" if value > self.answer else "small"]

    def _field(self) -> ipywidgets.Widget:
        return ipywidgets.Text(placeholder="a number", continuous_update=False)

    def _form(self) -> str:
        return (
            f'<p class="rmt-question">{escape(self.question)}</p>\n'
            '<form class="rmt-reply" autocomplete="off" hidden>'
            '<input type="text" name="reply" aria-label="Your answer" placeholder="a number" '
            'spellcheck="false" autocapitalize="off"><button type="submit">Check</button></form>'
        )

    def _latex(self) -> str:
        return latex(self.question)

    def _plain(self) -> str:
        return f"Question. {self.question}"


class ChoiceQuiz(_Quiz):
    """A question with one right answer among several; made by `quiz_choice`."""

    kind = "choice"

    def __init__(self, question: str, options: Sequence[tuple[str, bool, str]]) -> None:
        self.question = _text("question", question)
        triples = []
        for option in options:
            if not isinstance(option, Sequence) or isinstance(option, str) or len(option) != 3:
                raise ValueError(f"options must be triples (text, correct, why), got {option!r}")
            if not isinstance(option[1], bool):
                raise ValueError(f"correct must be True or False, got {option[1]!r}")
            triples.append((_text("options", option[0]), option[1], _text("options", option[2])))
        self.options = [text for text, _, _ in triples]
        right = sum(correct for _, correct, _ in triples)
        if right != 1 or len(set(self.options)) < max(2, len(triples)):
            raise ValueError(
                "options must be at least two different texts, exactly one of them correct, "
                f"got {self.options} with {right} correct"
            )
        if any("\\(" in text for text in self.options):
            self.listed = "".join(
                f'<div><b>{letter}.</b> <span aria-hidden="true">{escape(text)}</span>'
                f'<span style="{UNSEEN}">{escape(spoken(text))}</span></div>'
                for letter, text in zip(string.ascii_uppercase, self.options, strict=False)
            )
        self.rule = {
            "kind": self.kind,
            "options": [
                [correct, _sentences("Right." if correct else "Not yet.", why)]
                for _, correct, why in triples
            ],
            "unreadable": "Choose one of the answers.",
        }

    def check(self, reply: int | str | None) -> tuple[bool | None, str]:
        """Verdict (``None`` without a choice) and feedback; ``reply`` is a text or an index."""
        if isinstance(reply, str) and reply in self.options:
            reply = self.options.index(reply)
        known = isinstance(reply, Integral) and not isinstance(reply, bool)
        if not known or not 0 <= reply < len(self.options):
            return None, self.rule["unreadable"]
        correct, message = self.rule["options"][reply]
        return correct, message

    def _field(self) -> ipywidgets.Widget:
        names = string.ascii_uppercase if self.listed else self.options
        texts = list(zip(names, range(len(self.options)), strict=False))
        return ipywidgets.RadioButtons(options=texts, value=None, layout={"width": "max-content"})

    def _form(self) -> str:
        options = "".join(
            f'<label><input type="radio" name="reply" value="{k}" '
            f'aria-label="{escape(spoken(text))}" hidden><span>{escape(text)}</span></label>'
            for k, text in enumerate(self.options)
        )
        return (
            '<form class="rmt-reply" autocomplete="off"><fieldset class="rmt-choices">'
            f'<legend class="rmt-question">{escape(self.question)}</legend>{options}</fieldset>'
            '<button type="submit" hidden>Check</button></form>'
        )

    def _latex(self) -> str:
        items = " ".join(rf"\item {latex(text)}" for text in self.options)
        return rf"{latex(self.question)} \begin{{itemize}} {items} \end{{itemize}}"

    def _plain(self) -> str:
        return "\n- ".join([f"Question. {self.question}", *self.options])


def quiz_number(
    question: str,
    answer: float,
    rtol: float = 1e-2,
    hints: Sequence[tuple[float, str]] = (),
    explain: str = "",
) -> NumberQuiz:
    r"""A question whose answer is a number, with feedback for foreseen mistakes.

    Parameters
    ----------
    question
        Text with ``\( \)`` formulas.
    answer
        The right value, finite; compute it where it can be computed.
    rtol
        Relative tolerance, at most 0.5 (absolute where the value is 0).
    hints
        Pairs of a wrong value and what to say to it; others hear "too large" or "too small".
    explain
        What is added to "Right."

    Returns
    -------
    NumberQuiz
        The question; its ``check(reply)`` gives ``(verdict, message)``.

    Example
    -------
    >>> quiz = quiz_number(
    ...     r"Right edge \(\lambda_+\) for \(c = 1/4\)?",
    ...     (1 + 0.25**0.5) ** 2,
    ...     hints=[(1.5, r"That is \(1+\sqrt c\): it must be squared.")],
    ... )
    >>> quiz.check("9/4")
    (True, 'Right.')
    >>> quiz.check("1,5")[0]
    False
    """
    return NumberQuiz(question, answer, rtol, hints, explain)


def quiz_choice(question: str, options: Sequence[tuple[str, bool, str]]) -> ChoiceQuiz:
    r"""A question with several answers, exactly one of them correct.

    Parameters
    ----------
    question
        Text with ``\( \)`` formulas.
    options
        Triples of the answer's text, whether it is correct, and why.

    Returns
    -------
    ChoiceQuiz
        The question; its ``check(reply)`` takes a text or an index.

    Example
    -------
    >>> quiz = quiz_choice(
    ...     "With p fixed and n growing, the histogram",
    ...     [
    ...         ("stays as wide", False, "Look at c = p/n."),
    ...         ("shrinks to a point", True, "c tends to 0."),
    ...     ],
    ... )
    >>> quiz.check("stays as wide")
    (False, 'Not yet. Look at c = p/n.')
    """
    return ChoiceQuiz(question, options)
