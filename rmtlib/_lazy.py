"""Names that are imported when they are first asked for."""

import importlib
from collections.abc import Mapping
from typing import Any


def lazily(package: str, name: str, places: Mapping[str, str]) -> Any:
    """Value of ``package.name``, from the module that ``places`` gives for it."""
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
