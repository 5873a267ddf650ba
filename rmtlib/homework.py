r"""Homework that grades itself and explains.

Each student works on their own matrices: `ProblemSet` turns the student's id
into seeds. Checks test properties (mass, edges, moments, residuals, rates) and
raise `Wrong` with a sentence that says what went wrong; none of them contains
the answer. The problem sets are in ``exercises/``, whose README says how a
class is run.
"""

import hashlib
import hmac
import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rmtlib import _checks

__all__ = [
    "ProblemSet",
    "Wrong",
    "check",
    "compare",
    "log_slope",
    "mass",
    "returns_array",
    "withheld",
]

SECRET = "RMTLIB_COURSE_SECRET"
PLACEHOLDER = "your-id"


class Wrong(AssertionError):
    """An answer that fails a check; the message says in which way."""


class Withheld(RuntimeError):
    """A library function was called where the problem asks to write it."""


@dataclass(frozen=True)
class ProblemSet:
    """One student's copy of a problem set.

    In a grader's folder, ``.../autograded/ID/SET``, the id comes from the
    folder and the key from the course secret, whatever the notebook says.

    Parameters
    ----------
    name : str
        Name of the set, for example ``"sample_covariance"``.
    student : str
        The student's id: letters, digits and ``. _ @ -``.
    key : str
        The student's key, where the course gives one (``python -m rmtlib.homework ID``
        prints it); it enters the seeds, so that nobody can draw somebody else's data.

    Examples
    --------
    >>> ada = ProblemSet("sample_covariance", "ada")
    >>> bob = ProblemSet("sample_covariance", "bob")
    >>> bool(ada.rng("spikes").random() == bob.rng("spikes").random())
    False
    """

    name: str
    student: str
    key: str = ""
    graded: str | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "graded", _student_of_folder(self.name))
        if self.graded is None and (
            self.student == PLACEHOLDER or not re.fullmatch(r"[\w.@-]+", self.student)
        ):
            raise ValueError(
                f"student must be your id (letters, digits, '.', '_', '@', '-'), got"
                f" {self.student!r} (your data are drawn from it)"
            )

    def rng(self, problem: str) -> np.random.Generator:
        """Source of this student's data for one problem, the same at every call.

        Different problems have independent data.
        """
        key = self.key if self.graded is None else _student_key(self.graded)
        return _generator(self.name, problem, self.graded or self.student, key)

    def hidden_rng(self, problem: str) -> np.random.Generator:
        """Source of the data of hidden tests; a course secret makes it unknown to students."""
        secret = os.environ.get(SECRET, "")
        return _generator(self.name, problem, self.graded or self.student, "hidden", secret)

    def check_identity(self) -> None:
        """Refuse a notebook whose id or key is not that of the grader's folder it came in."""
        if self.graded is None:
            return
        check(
            self.student == self.graded,
            f"the notebook says student {self.student!r}, the submission is from {self.graded!r}:"
            f" it was graded on {self.graded!r}'s data",
        )
        check(
            self.key == _student_key(self.graded),
            "the key is not the one of this student: take it from your course's list",
        )


def _student_key(student: str, secret: str | None = None) -> str:
    """The key that a course hands to a student: empty where the course has no secret.

    Twelve hexadecimal digits of the HMAC-SHA256 of the id with the course's secret, by default
    the environment's ``RMTLIB_COURSE_SECRET``.
    """
    secret = os.environ.get(SECRET, "") if secret is None else secret
    if not secret:
        return ""
    return hmac.new(secret.encode(), student.encode(), hashlib.sha256).hexdigest()[:12]


def check(condition: bool, message: str) -> None:
    """Raise `Wrong` with ``message``, a sentence for the student, unless ``condition`` holds."""
    if not bool(condition):
        raise Wrong(message)


def compare(
    what: str, value: float, target: float, tol: float, hints: Sequence[tuple[float, str]] = ()
) -> None:
    """Refuse a number that is not near ``target``, with the hint that fits it best.

    Parameters
    ----------
    what : str
        Name of the number, the subject of the message.
    value : float
        The student's number.
    target : float
        What the property requires of it.
    tol : float
        Largest accepted difference.
    hints : sequence of (float, str)
        Values that typical mistakes give, and what each mistake is.

    Examples
    --------
    >>> compare("the mass", 1.0, 1.0, 1e-6)
    >>> compare("the mass", 0.25, 1.0, 1e-6, [(0.25, "the atom at zero is missing")])
    Traceback (most recent call last):
        ...
    rmtlib.homework.Wrong: the mass is 0.25, but should be 1: the atom at zero is missing
    """
    number = _number(what, value)
    if abs(number - target) <= tol:
        return
    message = f"{what} is {number:.4g}, but should be {target:.4g}"
    fitting = [why for wrong, why in hints if abs(number - wrong) <= tol]
    raise Wrong(": ".join([message, *fitting[:1]]))


def returns_array(what: str, function: Callable[..., object], *arguments: object) -> np.ndarray:
    """What ``function`` returns for an array, checked to be finite and of the same shape.

    Parameters
    ----------
    what : str
        Name of the function, for the message.
    function : callable
        The student's function.
    *arguments : object
        Its arguments; the first is an array.
    """
    value = function(*arguments)
    check(value is not None, f"{what} returns None: is the return statement missing?")
    try:
        value = np.asarray(value)
        finite = np.all(np.isfinite(value))
    except (TypeError, ValueError):
        raise Wrong(f"{what} returns {type(value).__name__}, not an array of numbers") from None
    expected = np.shape(arguments[0])
    check(
        value.shape == expected,
        f"{what} of an array of shape {expected} has shape {value.shape}: it must act entry by"
        " entry",
    )
    check(finite, f"{what} returns NaN or infinity: check the points at and outside the edges")
    return value


def mass(
    density: Callable[[np.ndarray], np.ndarray],
    bands: Sequence[tuple[float, float]],
    power: int = 0,
) -> float:
    r"""Integral of :math:`x^k` against a density whose edges may be square roots.

    Parameters
    ----------
    density : callable
        The density, a function of an array.
    bands : sequence of (float, float)
        Intervals on which it lives.
    power : int
        The exponent :math:`k`.

    Returns
    -------
    float
        The sum of the integrals over the bands, by the Gauss-Chebyshev
        rule with 400 nodes, exact to rounding for square-root edges.

    Examples
    --------
    >>> semicircle = lambda x: np.sqrt(4 - x**2) / (2 * np.pi)
    >>> round(mass(semicircle, [(-2, 2)], power=2), 12)
    1.0
    """
    angles = (np.arange(400) + 0.5) * np.pi / 400
    total = 0.0
    for low, high in bands:
        x = (low + high) / 2 + (high - low) / 2 * np.cos(angles)
        values = returns_array("the density", density, x)
        weight = np.sin(angles) * (high - low) / 2 * np.pi / 400
        total += float(np.sum(weight * x**power * values))
    return total


def log_slope(x: np.ndarray, y: np.ndarray) -> float:
    """Slope of ``log y`` against ``log x`` by least squares: the exponent of a power law.

    Examples
    --------
    >>> round(log_slope(np.array([1, 2, 4]), np.array([1.0, 0.25, 0.0625])), 12)
    -2.0
    """
    y = np.asarray(y, dtype=float)
    usable = np.all((y > 0) & np.isfinite(y))
    check(usable, f"errors must be positive and finite to have a rate, got {y}")
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


@contextmanager
def withheld(*names: str) -> Iterator[None]:
    """Make library functions raise while a student's own version is tested.

    Every reference to them is replaced, in rmtlib and among the names of the
    notebook, so that an earlier ``from rmtlib.laws import ...`` does not help.

    Parameters
    ----------
    *names : str
        Functions and classes, ``"laws.MarchenkoPastur"`` for
        ``rmtlib.laws.MarchenkoPastur``.

    Examples
    --------
    >>> from rmtlib import laws
    >>> with withheld("laws.MarchenkoPastur"):
    ...     laws.MarchenkoPastur(0.5)
    Traceback (most recent call last):
        ...
    rmtlib.homework.Withheld: write it yourself: this problem asks for laws.MarchenkoPastur
    """
    refused = {}
    for name in names:
        module, _, attribute = name.rpartition(".")
        target = getattr(importlib.import_module(f"rmtlib.{module}"), attribute)
        refused[id(target)] = _refuse(name)
    spaces = [
        vars(module)
        for name, module in list(sys.modules.items())
        if name == "__main__" or name.split(".")[0] == "rmtlib"
    ]
    changed = [
        (space, key, value)
        for space in spaces
        for key, value in list(space.items())
        if id(value) in refused
    ]
    try:
        for space, key, value in changed:
            space[key] = refused[id(value)]
        yield
    finally:
        for space, key, value in changed:
            space[key] = value


def _refuse(name: str) -> Callable[..., None]:
    def refuse(*args: object, **kwargs: object) -> None:
        raise Withheld(f"write it yourself: this problem asks for {name}")

    return refuse


def _student_of_folder(name: str) -> str | None:
    here = Path.cwd()
    graded = here.name == name and here.parent.parent.name == "autograded"
    return here.parent.name if graded else None


def _generator(*words: str) -> np.random.Generator:
    digest = hashlib.sha256("\0".join(words).encode()).digest()
    return _checks.as_rng(int.from_bytes(digest[:8], "big"))


def _number(what: str, value: object) -> float:
    try:
        number = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise Wrong(f"{what} must be a real number, got {value!r}") from None
    check(number.size == 1, f"{what} must be one number, got an array of shape {number.shape}")
    check(np.isfinite(number).all(), f"{what} must be finite, got {value}")
    return float(number.reshape(()))


if __name__ == "__main__":
    for _student in sys.argv[1:]:
        print(_student, _student_key(_student))
