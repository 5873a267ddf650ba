"""Data sets that are verified when they are read, and stored tables of long runs."""

from rmtlib.data._classes import standardize_classes
from rmtlib.data._download import DataUnavailable
from rmtlib.data._files import CorruptData
from rmtlib.data._load import NAMES, Dataset, load
from rmtlib.data._stored import Table, stored

__all__ = [
    "NAMES",
    "CorruptData",
    "DataUnavailable",
    "Dataset",
    "Table",
    "load",
    "standardize_classes",
    "stored",
]
