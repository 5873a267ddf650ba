"""Hessians: laws, Lanczos quadrature, freeness, and products with torch models."""

from typing import Any

from rmtlib._lazy import lazily
from rmtlib.curvature._freeness import Freeness, freeness
from rmtlib.curvature._hessian_law import (
    HessianLaw,
    ReluHessianLaw,
    sample_hessian,
    sample_relu_curvature,
)
from rmtlib.curvature._lanczos import Lanczos, SpectralEstimate, lanczos, spectral_estimate
from rmtlib.curvature._principal import principal_features

__all__ = [
    "Curvature",
    "Freeness",
    "HessianLaw",
    "Lanczos",
    "ReluHessianLaw",
    "SpectralEstimate",
    "freeness",
    "lanczos",
    "principal_features",
    "sample_hessian",
    "sample_relu_curvature",
    "spectral_estimate",
]

_TORCH = {"Curvature": "rmtlib.curvature._torch"}


def __getattr__(name: str) -> Any:
    return lazily(__name__, name, _TORCH)


def __dir__() -> list[str]:
    return __all__
