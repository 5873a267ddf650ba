"""Activations and weights of few levels that keep a kernel."""

from rmtlib.quantization._activation import Match, NoiseFloor, match_activation, ternary_noise_floor
from rmtlib.quantization._network import (
    NetworkMatch,
    largest_first_mode_share,
    match_network,
    require_scale_match,
    scale_slack,
)
from rmtlib.quantization._ternary import (
    memory_bits,
    pack_ternary,
    ternary_kurtosis,
    ternary_weights,
    unpack_ternary,
)

__all__ = [
    "Match",
    "NetworkMatch",
    "NoiseFloor",
    "largest_first_mode_share",
    "match_activation",
    "match_network",
    "memory_bits",
    "pack_ternary",
    "require_scale_match",
    "scale_slack",
    "ternary_kurtosis",
    "ternary_noise_floor",
    "ternary_weights",
    "unpack_ternary",
]
