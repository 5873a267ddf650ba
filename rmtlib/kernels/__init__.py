"""Kernels of wide networks and their equivalents in high dimension."""

from rmtlib.kernels._deep import (
    DeepKernels,
    KernelCoefficients,
    deep_kernels,
    first_layer,
    kernel_coefficients,
    next_layer,
)
from rmtlib.kernels._equilibrium import (
    EquilibriumKernels,
    equilibrium_coefficients,
    equilibrium_kernels,
    equilibrium_variance,
)
from rmtlib.kernels._equilibrium_matching import (
    feedback_limit,
    match_clip,
    match_two_slopes,
    matched_network,
)
from rmtlib.kernels._equivalents import (
    KernelEquivalent,
    conjugate_equivalent,
    entrywise_equivalent,
    operator_norm,
    tangent_equivalent,
)
from rmtlib.kernels._tangent_flow import TangentFlow, tangent_flow
from rmtlib.kernels._two_point import (
    conjugate_kernel,
    derivative_kernel,
    random_feature_kernel,
    two_point,
    weight_moment_correction,
)

__all__ = [
    "DeepKernels",
    "EquilibriumKernels",
    "KernelCoefficients",
    "KernelEquivalent",
    "TangentFlow",
    "conjugate_equivalent",
    "conjugate_kernel",
    "deep_kernels",
    "derivative_kernel",
    "entrywise_equivalent",
    "equilibrium_coefficients",
    "equilibrium_kernels",
    "equilibrium_variance",
    "feedback_limit",
    "first_layer",
    "kernel_coefficients",
    "match_clip",
    "match_two_slopes",
    "matched_network",
    "next_layer",
    "operator_norm",
    "random_feature_kernel",
    "tangent_equivalent",
    "tangent_flow",
    "two_point",
    "weight_moment_correction",
]
