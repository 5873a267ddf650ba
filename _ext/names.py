"""The public names of a module, for the reference and the guards."""

from types import ModuleType


def public(module: ModuleType) -> list[str]:
    """Names that a module lists, or all that begin with no underscore."""
    listed = getattr(module, "__all__", None)
    return listed or sorted(name for name in dir(module) if not name.startswith("_"))
