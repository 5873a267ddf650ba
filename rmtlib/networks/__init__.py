"""Networks that are trained, measured and compressed, in torch, and one in plain NumPy."""

from .._lazy import lazily as _lazily
from ._sigmoid import SigmoidNetwork as SigmoidNetwork

__getattr__, __dir__ = _lazily(
    __name__,
    {
        "_compression": ("Compression", "compress", "last_features", "magnitude_pruned", "zeroed"),
        "_equilibrium": ("DeepEquilibrium",),
        "_fixed_point": ("FixedPoint", "solve_fixed_point"),
        "_kernels": ("empirical_conjugate_kernel", "empirical_tangent_kernel"),
        "_mlp": ("MLP",),
        "_ternary": ("TernaryNetwork",),
        "_train": ("History", "train"),
    },
)
