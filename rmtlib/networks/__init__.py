"""Networks that are trained: torch and NumPy."""

from typing import Any

from rmtlib._lazy import lazily
from rmtlib.networks._bounds import margin_bound, pac_bayes_bound
from rmtlib.networks._sigmoid import SigmoidNetwork

__all__ = [
    "BINARY",
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
    "load_packed",
    "magnitude_pruned",
    "margin_bound",
    "pac_bayes_bound",
    "packed_size",
    "save_packed",
    "solve_fixed_point",
    "train",
    "zeroed",
]

_TORCH = {
    "History": "rmtlib.networks._mlp",
    "MLP": "rmtlib.networks._mlp",
    "train": "rmtlib.networks._mlp",
    "empirical_conjugate_kernel": "rmtlib.networks._kernels",
    "empirical_tangent_kernel": "rmtlib.networks._kernels",
    "input_output_jacobian": "rmtlib.networks._kernels",
    "DeepEquilibrium": "rmtlib.networks._equilibrium",
    "FixedPoint": "rmtlib.networks._equilibrium",
    "solve_fixed_point": "rmtlib.networks._equilibrium",
    "Compression": "rmtlib.networks._compression",
    "TernaryNetwork": "rmtlib.networks._compression",
    "compress": "rmtlib.networks._compression",
    "last_features": "rmtlib.networks._compression",
    "load_packed": "rmtlib.networks._compression",
    "magnitude_pruned": "rmtlib.networks._compression",
    "packed_size": "rmtlib.networks._compression",
    "save_packed": "rmtlib.networks._compression",
    "zeroed": "rmtlib.networks._compression",
    "BINARY": "rmtlib.networks._compression",
}


def __getattr__(name: str) -> Any:
    return lazily(__name__, name, _TORCH)
