"""Names that are imported when they are first asked for, and what to install for them."""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any


@contextmanager
def extra(name: str, what: str, *modules: str) -> Iterator[None]:
    """Say which extra to install where ``what`` needs a module that is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in modules:
            raise
        message = f"{what} needs {error.name}: pip install rmtlib[{name}]"
        raise ImportError(message, name=error.name) from error


def lazily(
    package: str, files: Mapping[str, tuple[str, ...]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package with names in files that need torch."""
    places = {name: f"{package}.{file}" for file, names in files.items() for name in names}

    def get(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        with extra("torch", f"{package}.{name}", "torch"):
            return getattr(importlib.import_module(places[name]), name)

    return get, lambda: [*vars(sys.modules[package]), *places]
