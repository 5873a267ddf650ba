"""The one rule for reading a number that a reader typed, in Python and on the page.

The page's script applies the same two regular expressions: they use only what
Python and JavaScript have in common.
"""

import math
import re
from numbers import Real

_SPACE = "[ \\t\u00a0\u2009\u202f]*"
_DECIMAL = "([+\\-\u2212]?)([0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE]([+\\-\u2212]?[0-9]+))?"
PATTERN = f"^{_SPACE}{_DECIMAL}(?:{_SPACE}/{_SPACE}{_DECIMAL})?{_SPACE}$"
THOUSANDS = "(?:^|[^0-9])[1-9][0-9]{0,2},[0-9]{3}(?![0-9])"
UNREADABLE = "Enter a number such as 1.5, 3/2 or 2e-3, without thousands separators."


def read_number(reply: str | float) -> float | None:
    """The number that a reply states, or ``None`` if it does not state one.

    A decimal point or comma, a power of ten, one fraction bar and the typographic
    minus are understood. Percent signs, names, ``inf`` and what could be a
    thousands separator (``2,250``) are not.

    Parameters
    ----------
    reply
        Text, or a number.

    Returns
    -------
    float or None
        A finite number.

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
