"""Checks of theory against simulation."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from textwrap import fill as wrap

import numpy as np

from rmtlib._checks import nonnegative_array, positive, real_array
from rmtlib._types import ArrayLike
from rmtlib.book._page import show, static_mode

HOW = (
    "How to read a check: while this page was built, a formula of the text was compared with a "
    "simulation. The mark says that they differ by less than the tolerance, which comes from the "
    "rate at which the theorem holds. A click shows where the tolerance comes from, and what "
    "plausible mistakes would have given: they are refused."
)
_explained = False
_PLAIN = str.maketrans({"±": "+-"})


class Disagreement(AssertionError):
    """Theory and simulation differ by more than the tolerance."""


@dataclass(frozen=True, eq=False)
class Tolerance:
    """``multiple`` standard errors of the simulated mean, plus ``bias``."""

    multiple: float
    bias: ArrayLike = 0.0

    def __add__(self, bias: ArrayLike) -> "Tolerance":
        return Tolerance(self.multiple, self.bias + nonnegative_array("tol", bias))

    __radd__ = __add__
    __array_ufunc__ = None  # an array on the left leaves the sum to this class

    def __str__(self) -> str:
        bias = np.max(self.bias)
        return f"{self.multiple:g} standard errors" + (f" and a bias of {bias:.2g}" * bool(bias))


def standard_errors(multiple: float) -> Tolerance:
    """The tolerance "``multiple`` standard errors", for `agree`.

    Tolerances add: ``standard_errors(4) + 3 / n`` allows a bias of 3/n as well.

    Example
    -------
    >>> print(standard_errors(4) + 0.03)
    4 standard errors and a bias of 0.03
    """
    return Tolerance(positive("multiple", multiple))


def agree(
    name: str,
    theory: ArrayLike,
    simulation: ArrayLike,
    *,
    tol: float | Tolerance,
    why: str = "",
    wrong: Mapping[str, ArrayLike],
    sizes: str = "",
) -> None:
    r"""Show theory beside simulation and stop when they disagree.

    The check passes when :math:`\max |\text{theory} - \overline{\text{simulation}}|
    \le \text{tol}`. It also stops when a value in ``wrong`` would have passed:
    a tolerance that can't tell the theorem from a plausible mistake is no check.
    It is printed as text; on the built page it is one line, with the reason of the
    tolerance and the wrong values behind a click.

    Parameters
    ----------
    name : str
        What is compared, in a few words.
    theory : float or array
        The prediction.
    simulation : float or array
        The measured value, or independent draws of it along an additional
        first axis; their mean is compared and its standard error printed.
    tol : float or standard_errors(k) or standard_errors(k) + bias
        Largest difference allowed, from the theorem's own rate.
    why : str
        Where ``tol`` comes from; may be left out where the tolerance says it.
    wrong : mapping of str to float or array
        What plausible mistakes would predict: a factor of two, n/p for p/n, a
        sign, a missing atom.
    sizes : str
        The sizes behind the simulation, for the printed line.

    Raises
    ------
    ~rmtlib.book.Disagreement
        If the difference exceeds ``tol``, or a wrong value would pass.

    Example
    -------
    >>> agree("mean of 1..9", 5, np.arange(1.0, 10), tol=0.5, why="exact",
    ...       wrong={"off by one": 6.0})
    ok  mean of 1..9: theory 5, simulation 5 ± 0.91, tolerance 0.5
        difference 0; exact
        would fail: off by one (2 tolerances away)
    """
    expected = real_array("theory", theory)
    measured = real_array("simulation", simulation)
    if not wrong:
        raise ValueError("wrong must name at least one plausible mistake, got none")
    error = None
    if measured.ndim == expected.ndim + 1 and len(measured) > 1:
        error = measured.std(axis=0, ddof=1) / np.sqrt(len(measured))
        measured = measured.mean(axis=0)
    if measured.shape != expected.shape:
        raise ValueError(
            f"simulation must be of the shape of theory {expected.shape}, or of that shape after "
            f"an axis of at least two draws, got shape {np.shape(simulation)}"
        )
    if isinstance(tol, Tolerance):
        if error is None:
            raise ValueError("tol in standard errors needs draws along the first axis")
        allowed, why = tol.multiple * error + tol.bias, why or str(tol)
    else:
        allowed = np.asarray(positive("tol", tol))
    if not why:
        raise ValueError("why must say where tol comes from, got an empty text")
    if np.any(allowed == 0):
        raise ValueError("tol must be positive, got 0 (the draws are all equal)")

    def distance(value: np.ndarray) -> float:
        return float(np.max(np.abs(value - measured) / allowed))

    near = distance(expected)
    far = {
        label: distance(np.broadcast_to(real_array(f"wrong[{label!r}]", value), expected.shape))
        for label, value in wrong.items()
    }
    gap, most = np.max(np.abs(expected - measured)), np.max(allowed)
    line = f"{name}: {expected.size} values, theory and simulation differ by at most {gap:.2g}"
    if expected.size == 1:
        digits = int(np.clip(np.log10(max(abs(expected.item()), most) / most) + 3, 2, 6))
        spread = "" if error is None else f" ± {np.max(error):.2g}"
        theory, simulation = (f"{value.item():.{digits}g}" for value in (expected, measured))
        line = f"{name}: theory {theory}, simulation {simulation}{spread}"
    line += f", tolerance {most:.2g}"
    reason = f"difference {gap:.2g}; {why}" + f" ({sizes})" * bool(sizes)
    mistakes = "; ".join(f"{k} ({d:.3g} tolerances away)" for k, d in far.items())
    report = _report("ok" if near <= 1 else "DISAGREE", line, reason, mistakes)
    if near > 1:
        raise Disagreement(report)
    passing = [label for label, d in far.items() if d <= 1]
    if passing:
        raise Disagreement(
            f"{name}: the check can't tell the theory from {', '.join(passing)}, "
            "which is within the tolerance too"
        )
    if static_mode():
        show({"text/html": _html(line, reason, mistakes), "text/plain": report})
    else:
        print(_printable(report))


def _report(verdict: str, line: str, reason: str, mistakes: str) -> str:
    """A check as text, at most 78 characters wide."""
    starts = {f"{verdict}  ": line, "    ": reason, "    would fail: ": mistakes}
    return "\n".join(
        wrap(text, 78, initial_indent=start, subsequent_indent=" " * 8)
        for start, text in starts.items()
    )


def _html(line: str, reason: str, mistakes: str) -> str:
    """A check as one line of a page, the rest behind a click; the first one explains itself."""
    global _explained
    how, _explained = "" if _explained else f'<p class="rmt-how">{HOW}</p>\n', True
    return (
        f'{how}<details class="rmt-check"><summary>{escape(line)}</summary>\n'
        f"<p>Here: {escape(reason)}.</p><p>Would fail: {escape(mistakes)}.</p></details>"
    )


def _printable(text: str) -> str:
    """The text in characters that standard output can write."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_PLAIN).encode(encoding, "replace").decode(encoding)
    return text
