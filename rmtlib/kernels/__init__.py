"""Kernels of wide networks and their equivalents in high dimension."""

from rmtlib.kernels._deep import DeepKernels, KernelCoefficients, deep_kernels, kernel_coefficients
from rmtlib.kernels._equilibrium import Equilibrium, EquilibriumKernels
from rmtlib.kernels._equilibrium_matching import feedback_limit, match_clip, match_two_slopes
from rmtlib.kernels._equivalents import (
    KernelEquivalent,
    entrywise_equivalent,
    mixture_equivalent,
    operator_norm,
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
    "Equilibrium",
    "EquilibriumKernels",
    "KernelCoefficients",
    "KernelEquivalent",
    "TangentFlow",
    "conjugate_kernel",
    "deep_kernels",
    "derivative_kernel",
    "entrywise_equivalent",
    "feedback_limit",
    "kernel_coefficients",
    "match_clip",
    "match_two_slopes",
    "mixture_equivalent",
    "operator_norm",
    "random_feature_kernel",
    "tangent_flow",
    "two_point",
    "weight_moment_correction",
]
