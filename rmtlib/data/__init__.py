"""Data sets and stored tables."""

from rmtlib.data._files import CorruptData
from rmtlib.data._load import (
    NAMES,
    Dataset,
    DataUnavailable,
    cache_folder,
    fetch,
    files_at_hand,
    load,
)

__all__ = [
    "NAMES",
    "CorruptData",
    "DataUnavailable",
    "Dataset",
    "cache_folder",
    "fetch",
    "files_at_hand",
    "load",
]
