r"""Activations and weights of few levels that keep a kernel.

A random layer :math:`\sigma(Wx)` is known to its kernel through few numbers: the variance of
the weights and a few Gaussian moments of the activation. Weights and activations of few bits
that have the same numbers give the same kernel, up to a multiple of the identity.
"""

from ._activation import Match as Match
from ._activation import match_activation as match_activation
from ._network import NetworkMatch as NetworkMatch
from ._network import match_network as match_network
from ._scale import ScaleMatch as ScaleMatch
from ._scale import scale_match as scale_match
from ._ternary import memory_bits as memory_bits
from ._ternary import ternary_weights as ternary_weights
