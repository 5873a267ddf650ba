"""Random matrix theory for machine learning: laws, equivalents and checks.

Data matrices are (p, n) with samples in columns. Packages are loaded when they
are first used; importing this one does not import torch.
"""

import importlib
from importlib.metadata import version as _version
from types import ModuleType

from rmtlib._checks import ConvergenceError, as_rng
from rmtlib._replicate import replicate

_PACKAGES = (
    "activations",
    "book",
    "clustering",
    "covariance",
    "curvature",
    "data",
    "dynamics",
    "features",
    "homework",
    "jacobians",
    "kernels",
    "laws",
    "mixtures",
    "networks",
    "quantization",
)

__version__ = _version("rmtlib")
__all__ = ["ConvergenceError", "__version__", "as_rng", "replicate", *_PACKAGES]


def __getattr__(name: str) -> ModuleType:
    if name in _PACKAGES:
        return importlib.import_module(f"rmtlib.{name}")
    raise AttributeError(f"module 'rmtlib' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
