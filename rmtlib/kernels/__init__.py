"""Kernels of wide networks and their equivalents in high dimension."""

from ._deep import DeepKernels as DeepKernels
from ._deep import KernelCoefficients as KernelCoefficients
from ._deep import deep_kernels as deep_kernels
from ._deep import kernel_coefficients as kernel_coefficients
from ._equilibrium import Equilibrium as Equilibrium
from ._equilibrium_matching import feedback_limit as feedback_limit
from ._equilibrium_matching import match_clip as match_clip
from ._equilibrium_matching import match_two_slopes as match_two_slopes
from ._equivalents import KernelEquivalent as KernelEquivalent
from ._equivalents import entrywise_equivalent as entrywise_equivalent
from ._equivalents import mixture_equivalent as mixture_equivalent
from ._equivalents import operator_norm as operator_norm
from ._tangent_flow import TangentFlow as TangentFlow
from ._tangent_flow import tangent_flow as tangent_flow
from ._two_point import conjugate_kernel as conjugate_kernel
from ._two_point import derivative_kernel as derivative_kernel
from ._two_point import random_feature_kernel as random_feature_kernel
from ._two_point import two_point as two_point
from ._two_point import weight_moment_correction as weight_moment_correction
