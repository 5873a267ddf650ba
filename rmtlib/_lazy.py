"""Names that are imported when they are first asked for."""

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazily(
    package: str, files: Mapping[str, tuple[str, ...]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package with names in files that need torch."""
    places = {name: f"{package}.{file}" for file, names in files.items() for name in names}

    def get(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            return getattr(importlib.import_module(places[name]), name)
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
            raise ImportError(
                f"{package}.{name} needs torch: pip install rmtlib[torch]", name="torch"
            ) from error

    return get, lambda: [*vars(sys.modules[package]), *places]


def require(package: str, extra: str, *modules: str) -> None:
    """Say which extra to install where one of the modules is missing."""
    for module in modules:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name not in modules:
                raise
            raise ImportError(
                f"{package} needs {error.name}: pip install rmtlib[{extra}]", name=error.name
            ) from error
