"""The door of every public function: checks of arguments, and what to raise.

A check takes the parameter's name, its value and, where it helps, the reason
for the rule; it returns the value in the form that the caller computes with
(``float``, ``int`` or a float array) or raises ``ValueError`` naming all
three, for example
``ratio must be positive, got -0.5 (ratio = p / n)``.
"""

import os
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np

from rmtlib._types import ArrayLike


class ConvergenceError(RuntimeError):
    """A solver did not reach its tolerance; the message names the cause."""


def as_rng(rng: int | np.random.Generator | None) -> np.random.Generator:
    """Random generator from ``None`` (fresh entropy), a seed or a generator.

    A generator is returned as it is, so that successive calls continue its
    stream; nothing in the library reads or writes NumPy's global state. The
    environment variable ``RMTLIB_SEED_SHIFT`` (an integer, 0 by default) turns
    every seed into another one: a claim that holds at one shift and fails at
    others has a wrong tolerance.

    Raises
    ------
    ValueError
        If ``rng`` is anything else (a ``RandomState`` included).

    Example
    -------
    >>> bool(as_rng(3).integers(100) == as_rng(3).integers(100))
    True
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None:
        return np.random.default_rng()
    if isinstance(rng, Integral) and not isinstance(rng, bool) and rng >= 0:
        shift = int(os.environ.get("RMTLIB_SEED_SHIFT", "0"))
        return np.random.default_rng([int(rng), shift] if shift else int(rng))
    raise ValueError(f"rng must be None, an integer >= 0 or a numpy.random.Generator, got {rng!r}")


def _reject(name: str, rule: str, got: Any, why: str) -> ValueError:
    return ValueError(f"{name} must be {rule}, got {got}" + (f" ({why})" if why else ""))


def finite(name: str, value: Any, why: str = "") -> float:
    """A finite real number, as ``float``."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not isinstance(value, Real) or isinstance(value, (bool, np.bool_)):
        raise _reject(name, "a real number", repr(value), why)
    if not np.isfinite(value):
        raise _reject(name, "finite", repr(float(value)), why)
    return float(value)


def positive(name: str, value: Any, why: str = "") -> float:
    """A finite real number > 0, as ``float``.

    Example
    -------
    >>> positive("ratio", -0.5, "ratio = p / n")
    Traceback (most recent call last):
        ...
    ValueError: ratio must be positive, got -0.5 (ratio = p / n)
    """
    number = finite(name, value, why)
    if number <= 0:
        raise _reject(name, "positive", f"{number:g}", why)
    return number


def nonnegative(name: str, value: Any, why: str = "") -> float:
    """A finite real number >= 0, as ``float``."""
    number = finite(name, value, why)
    if number < 0:
        raise _reject(name, "nonnegative", f"{number:g}", why)
    return number


def between(name: str, value: Any, low: float, high: float, why: str = "") -> float:
    """A finite real number in the closed interval [low, high], as ``float``."""
    number = finite(name, value, why)
    if not low <= number <= high:
        raise _reject(name, f"between {low:g} and {high:g}", f"{number:g}", why)
    return number


def count(
    name: str, value: Any, at_least: int = 1, why: str = "", *, at_most: float = 10**8
) -> int:
    """An integer >= ``at_least``, as ``int``; 3.0 is refused, ``np.int64(3)`` is not.

    Sizes of arrays and numbers of steps stop at a hundred million, before they fill the
    memory or run for days; where the count only enters a formula, ``at_most`` is infinite.
    """
    if not isinstance(value, Integral) or isinstance(value, (bool, np.bool_)):
        raise _reject(name, "an integer", repr(value), why)
    if value < at_least:
        raise _reject(name, f"an integer >= {at_least}", repr(int(value)), why)
    if value > at_most:
        raise _reject(name, f"at most {at_most:,}", f"{int(value):,}", "more is not computed")
    return int(value)


def instance(name: str, value: Any, kind: type, why: str = "") -> Any:
    """An object of the class ``kind``, as it is."""
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        raise _reject(name, f"{article} {kind.__name__}", type(value).__name__, why)
    return value


def one_of(name: str, value: Any, allowed: tuple[str, ...], why: str = "") -> str:
    """One of the strings ``allowed``."""
    if not isinstance(value, str) or value not in allowed:
        choices = ", ".join(repr(choice) for choice in allowed)
        raise _reject(name, f"one of {choices}", repr(value), why)
    return value


def _array(name: str, value: ArrayLike, why: str = "") -> np.ndarray:
    """Anything that NumPy reads as an array: lists, data frames, tensors of torch."""
    if isinstance(value, np.ma.MaskedArray):
        raise _reject(name, "an array without a mask", "a masked array", why)
    if getattr(value, "requires_grad", False):
        raise _reject(name, "detached from its gradient", "a tensor that requires grad", why)
    try:
        return np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:
        got = "a ragged sequence" if isinstance(value, list | tuple) else f"{type(value).__name__}"
        raise _reject(name, "a rectangular array of numbers", got, why) from error


def real_array(name: str, value: ArrayLike, ndim: int | None = None, why: str = "") -> np.ndarray:
    """A float array of finite numbers, of any shape or of ``ndim`` axes.

    Integer arrays are converted to float64; float32 stays float32.

    Raises
    ------
    ValueError
        If ``value`` is ragged, not numeric, complex, has another number of
        axes, or holds NaN or infinities (the message gives the first one's
        position).
    """
    array = _array(name, value, why)
    if array.dtype.kind not in "iuf":
        raise _reject(name, "an array of real numbers", f"dtype {array.dtype}", why)
    if array.dtype.kind != "f" or array.dtype.itemsize < 4:
        array = array.astype(float)
    if ndim is not None and array.ndim != ndim:
        rule = {1: "a vector", 2: "a matrix"}.get(ndim, f"an array with {ndim} axes")
        raise _reject(name, rule, f"shape {array.shape}", why)
    if not np.all(np.isfinite(array)):
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise _reject(name, "finite", f"{array[where]} at index {where}", why)
    return array


def complex_array(name: str, value: ArrayLike) -> np.ndarray:
    """An array of finite numbers, complex or real."""
    array = _array(name, value)
    if array.dtype.kind != "c":
        return real_array(name, array)
    if not np.all(np.isfinite(array)):
        raise _reject(name, "finite", f"{array[~np.isfinite(array)][0]}", "")
    return array


def solved(what: str, z: np.ndarray, error: np.ndarray, tol: float = 1e-10) -> None:
    """Raise `ConvergenceError` where the relative error of an equation at z is above ``tol``."""
    if not np.all(error <= tol):
        worst = np.argmax(np.where(np.isnan(error), np.inf, error))
        raise ConvergenceError(
            f"{what} not solved at z = {z[worst]:.6g}: "
            f"relative residual {error[worst]:.2g} > {tol:g}"
        )


def scalar_out(array: np.ndarray) -> Any:
    """A Python number for an array without axes, the array itself otherwise."""
    return array.item() if np.ndim(array) == 0 else array


def _within(name: str, value: ArrayLike, allowed: Callable, rule: str, why: str) -> np.ndarray:
    array = real_array(name, value, why=why).astype(float)
    wrong = array[~allowed(array)]
    if wrong.size:
        raise _reject(name, rule, f"{wrong[np.abs(wrong - 0.5).argmax()]:g}", why)
    return array


def positive_array(name: str, value: ArrayLike, why: str = "") -> np.ndarray:
    """A float64 array of numbers > 0, of any shape."""
    return _within(name, value, lambda x: x > 0, "positive", why)


def nonnegative_array(name: str, value: ArrayLike, why: str = "") -> np.ndarray:
    """A float64 array of numbers >= 0, of any shape."""
    return _within(name, value, lambda x: x >= 0, "nonnegative", why)


def unit_interval_array(name: str, value: ArrayLike, why: str = "") -> np.ndarray:
    """A float64 array of numbers in [0, 1], of any shape."""
    return _within(name, value, lambda x: np.abs(x - 0.5) <= 0.5, "between 0 and 1", why)


def vector(name: str, value: ArrayLike, length: int | None = None, why: str = "") -> np.ndarray:
    """A nonempty float vector, of ``length`` entries if given.

    Raises
    ------
    ValueError
        As `real_array`, and if the vector is empty or of another length.
    """
    array = real_array(name, value, ndim=1, why=why)
    if array.size == 0:
        raise _reject(name, "nonempty", "shape (0,)", why)
    if length is not None and array.size != length:
        raise _reject(name, f"of shape ({length},)", f"shape {array.shape}", why)
    return array


def matrix(
    name: str, value: ArrayLike, shape: tuple[int | None, int | None] = (None, None), why: str = ""
) -> np.ndarray:
    """A nonempty float matrix; ``None`` in ``shape`` allows any size there.

    Raises
    ------
    ValueError
        As `real_array`, and if the matrix is empty or of another shape.

    Example
    -------
    >>> matrix("X", [[1, 2], [3, 4]], shape=(3, None))
    Traceback (most recent call last):
        ...
    ValueError: X must be of shape (3, any), got shape (2, 2)
    """
    array = real_array(name, value, ndim=2, why=why)
    if array.size == 0:
        raise _reject(name, "nonempty", f"shape {array.shape}", why)
    if any(
        want is not None and want != size for want, size in zip(shape, array.shape, strict=True)
    ):
        wanted = ", ".join("any" if want is None else str(want) for want in shape)
        raise _reject(name, f"of shape ({wanted})", f"shape {array.shape}", why)
    return array


def symmetric(name: str, value: ArrayLike, size: int | None = None, why: str = "") -> np.ndarray:
    """A square matrix equal to its transpose up to rounding.

    Raises
    ------
    ValueError
        As `matrix`, and if the matrix is not square or not symmetric.
    """
    array = matrix(name, value, shape=(size, size), why=why)
    if array.shape[0] != array.shape[1]:
        raise _reject(name, "square", f"shape {array.shape}", why)
    gap = np.max(np.abs(array - array.T))
    if gap > 1e3 * np.finfo(array.dtype).eps * np.max(np.abs(array)):
        raise _reject(name, "symmetric", f"max |A - A.T| = {gap:.3g}", why)
    return array


def eigenvalues(name: str, value: ArrayLike, why: str = "of X X.T / n") -> np.ndarray:
    """Eigenvalues of a positive semidefinite matrix, with rounding zeros made exact.

    Parameters
    ----------
    name : str
        Name of the parameter.
    value : array of shape (p,)
        All p eigenvalues, in any order; not all zero.
    why : str
        Reason for the rule.

    Returns
    -------
    float64 vector in the order of ``value``, with 0 wherever an entry is at most
    100 eps p max in absolute value, eps that of the given precision.

    Example
    -------
    >>> eigenvalues("eigenvalues", [2.0, -3e-15, 1.0])
    array([2., 0., 1.])
    """
    array = vector(name, value, why=why)
    eps, array = np.finfo(array.dtype).eps, array.astype(float)
    array = np.where(np.abs(array) <= 100 * eps * array.size * array.max(), 0.0, array)
    if array.min() < 0 or array.max() == 0:
        got = f"{array.min():g} to {array.max():g}"
        raise _reject(name, "nonnegative and not all zero", got, why)
    return array


def covariance(name: str, value: ArrayLike, size: int | None = None, why: str = "") -> np.ndarray:
    """A symmetric positive semidefinite matrix.

    Raises
    ------
    ValueError
        As `symmetric`, and if an eigenvalue is negative beyond rounding.
    """
    array = symmetric(name, value, size=size, why=why)
    low, high = np.linalg.eigvalsh(array)[[0, -1]]
    if low < -1e3 * np.finfo(array.dtype).eps * max(abs(high), abs(low)):
        raise _reject(name, "positive semidefinite", f"eigenvalue {low:.3g}", why)
    return array


def probabilities(
    name: str, value: ArrayLike, length: int | None = None, why: str = "", *, zero: bool = False
) -> np.ndarray:
    """A vector of positive numbers, or with ``zero`` of nonnegative ones, that sum to one.

    Raises
    ------
    ValueError
        As `vector`, and if an entry is not positive or the sum is not one.
    """
    array = vector(name, value, length=length, why=why)
    array = (nonnegative_array if zero else positive_array)(name, array, why)
    if abs(array.sum() - 1) > 1e-9:
        raise _reject(name, "probabilities that sum to 1", f"sum {array.sum():.12g}", why)
    return array


def labels(name: str, value: ArrayLike, length: int | None = None, why: str = "") -> np.ndarray:
    """A nonempty vector of integer class labels, as an integer array.

    Raises
    ------
    ValueError
        If the entries are not integers, or the shape is wrong.
    """
    array = _array(name, value, why)
    array = array.astype(int) if array.dtype.kind == "b" else array
    if array.dtype.kind not in "iu" or array.ndim != 1 or array.size == 0:
        raise _reject(
            name, "a nonempty vector of integers", f"dtype {array.dtype}, shape {array.shape}", why
        )
    if length is not None and array.size != length:
        raise _reject(name, f"of shape ({length},)", f"shape {array.shape}", why)
    return array
