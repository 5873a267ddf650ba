r"""Activations and weights of few levels that keep a kernel.

A random layer :math:`\sigma(Wx)` is known to its kernel through few numbers: the variance of
the weights and a few Gaussian moments of the activation. Weights and activations of few bits
that have the same numbers give the same kernel, up to a multiple of the identity.
"""

from rmtlib.quantization._activation import Match, match_activation
from rmtlib.quantization._network import NetworkMatch, match_network
from rmtlib.quantization._scale import ScaleMatch, scale_match
from rmtlib.quantization._ternary import memory_bits, ternary_weights

__all__ = [
    "Match",
    "NetworkMatch",
    "ScaleMatch",
    "match_activation",
    "match_network",
    "memory_bits",
    "scale_match",
    "ternary_weights",
]
