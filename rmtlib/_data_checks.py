"""Checks of what data sets bring: a number of samples, real or complex, a matrix of columns."""

from numbers import Integral
from typing import Any

import numpy as np

from rmtlib._checks import _array, _reject, finite, matrix
from rmtlib._types import ArrayLike


def samples(name: str, value: Any) -> float:
    """A number of samples: a real number >= 1, an integer or not."""
    number = finite(name, value, "number of samples")
    if number < 1:
        raise _reject(name, "at least 1", f"{number:g}", "number of samples")
    return number


def dyson_index(beta: Any) -> int:
    """1 for real matrices or 2 for complex ones."""
    if not isinstance(beta, Integral) or isinstance(beta, bool) or beta not in (1, 2):
        raise _reject("beta", "1 or 2", repr(beta), "1 for real matrices, 2 for complex ones")
    return int(beta)


def data_matrix(name: str, value: ArrayLike, why: str = "columns are samples") -> np.ndarray:
    """A nonempty matrix in double precision, real or complex.

    Raises
    ------
    ValueError
        As `matrix`.
    """
    array = _array(name, value, why)
    if array.dtype.kind != "c":
        return matrix(name, array, why=why).astype(float)
    real, imaginary = (matrix(name, part, why=why) for part in (array.real, array.imag))
    return real.astype(float) + 1j * imaginary
