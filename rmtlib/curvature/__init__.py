"""Hessians: laws, Lanczos quadrature, freeness, and products with torch models."""

from typing import Any

from rmtlib._lazy import lazily
from rmtlib.curvature._freeness import Freeness, freeness
from rmtlib.curvature._hessian_law import (
    HessianLaw,
    ReluHessianLaw,
    critical_energy,
    index_coefficient,
    relu_critical_energy,
    sample_hessian,
    sample_relu_curvature,
    splitting_energy,
)
from rmtlib.curvature._lanczos import (
    Lanczos,
    SpectralEstimate,
    lanczos,
    spectral_estimate,
    trace_deviation,
)

__all__ = [
    "Curvature",
    "Freeness",
    "HessianLaw",
    "Lanczos",
    "ReluHessianLaw",
    "SpectralEstimate",
    "critical_energy",
    "freeness",
    "index_coefficient",
    "lanczos",
    "principal_features",
    "relu_critical_energy",
    "sample_hessian",
    "sample_relu_curvature",
    "spectral_estimate",
    "splitting_energy",
    "trace_deviation",
]

_TORCH = {"Curvature": "rmtlib.curvature._torch", "principal_features": "rmtlib.curvature._torch"}


def __getattr__(name: str) -> Any:
    return lazily(__name__, name, _TORCH)
