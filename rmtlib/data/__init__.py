"""Data sets that are verified when they are read, and stored tables of long runs."""

from ._classes import standardize_classes as standardize_classes
from ._download import DataUnavailable as DataUnavailable
from ._files import CorruptData as CorruptData
from ._load import NAMES as NAMES
from ._load import Dataset as Dataset
from ._load import load as load
from ._stored import Table as Table
from ._stored import stored as stored
