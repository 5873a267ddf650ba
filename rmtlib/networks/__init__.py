"""Networks that are trained, measured and compressed, in torch, and one in plain NumPy."""

from typing import Any

from rmtlib._lazy import lazily
from rmtlib.networks._bounds import margin_bound, pac_bayes_bound
from rmtlib.networks._sigmoid import SigmoidNetwork

__all__ = [
    "MLP",
    "Compression",
    "DeepEquilibrium",
    "FixedPoint",
    "History",
    "SigmoidNetwork",
    "TernaryNetwork",
    "compress",
    "empirical_conjugate_kernel",
    "empirical_tangent_kernel",
    "input_output_jacobian",
    "last_features",
    "magnitude_pruned",
    "margin_bound",
    "pac_bayes_bound",
    "solve_fixed_point",
    "train",
    "zeroed",
]

_FILES = {
    "_compression": ("Compression", "compress", "last_features", "magnitude_pruned", "zeroed"),
    "_equilibrium": ("DeepEquilibrium",),
    "_fixed_point": ("FixedPoint", "solve_fixed_point"),
    "_kernels": ("empirical_conjugate_kernel", "empirical_tangent_kernel", "input_output_jacobian"),
    "_mlp": ("MLP",),
    "_ternary": ("TernaryNetwork",),
    "_train": ("History", "train"),
}
_TORCH = {name: f"{__name__}.{file}" for file, names in _FILES.items() for name in names}


def __getattr__(name: str) -> Any:
    return lazily(__name__, name, _TORCH)


def __dir__() -> list[str]:
    return __all__
