r"""Deep random networks compressed by matching their kernels, and pruned ones to compare.

A network of ternary weights and of the piecewise-constant activations of
`rmtlib.quantization.match_network` has the conjugate kernel of the original, up to a multiple
of the identity. What is matched is the kernel of the *random* network: weights that were
trained are not quantized here.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.utils import prune

from rmtlib import _checks
from rmtlib._torch_batch import array_of
from rmtlib._types import ArrayLike, Seed
from rmtlib.activations import Activation
from rmtlib.networks._kernels import hidden_layer
from rmtlib.networks._mlp import MLP
from rmtlib.networks._ternary import TernaryNetwork, share
from rmtlib.quantization import NetworkMatch, match_network, ternary_weights


@dataclass(frozen=True, eq=False)
class Compression:
    """What `compress` returns."""

    network: TernaryNetwork
    """The compressed network."""
    match: NetworkMatch
    """The match of its activations, with the ridge shift."""


def compress(
    network: MLP,
    input_variance: float,
    *,
    sparsity: float = 0.0,
    kind: str = "three-level",
    rng: Seed = None,
) -> Compression:
    r"""A network of ternary weights with the kernel of another one, of the same widths.

    It takes the widths and the activations of ``network`` and **draws its weights afresh**:
    the random networks have the same conjugate kernel in large dimension, up to
    :math:`\delta I`. Trained weights are not quantized, and what training has learned is not
    kept. Both networks are those of centered activations.

    Parameters
    ----------
    network : rmtlib.networks.MLP
        Without biases; its last layer, the readout, is left out.
    input_variance : positive number
        Mean of :math:`\|x\|^2/p` over the samples that it will see.
    sparsity : number in [0, 1)
        Fraction of zero weights.
    kind : str
        As in `rmtlib.quantization.match_network`.
    rng : None, int or numpy.random.Generator
        Randomness of the weights.

    Returns
    -------
    Compression
        The network and the match.

    Notes
    -----
    Source: :cite:t:`Gu22`, :cite:t:`LiaoTalk23`. The kernel of infinite width is kept; at
    width d each of the two Gram matrices is within :math:`O(d^{-1/2})` of it, and :math:`\delta`
    makes that fluctuation larger for the compressed network: it needs more neurons. Unless
    ``sparsity`` is 2/3 or the first :math:`e_2` is 0, the fourth moment of the weights adds the
    term :math:`\alpha_{L,5}` of `rmtlib.kernels.KernelCoefficients`, nearly a constant
    matrix.

    Example
    -------
    >>> dense = MLP((50, 400, 300, 1), "ReLU", rng=0)
    >>> small = compress(dense, 1.0, sparsity=0.9, rng=1).network
    >>> small.widths, len(small.activations), small.packed_size < 36_000
    ((50, 400, 300), 2, True)
    """
    _checks.instance("network", network, MLP)
    widths = network.widths
    if len(widths) < 3:
        raise ValueError(f"network must have a hidden layer, got widths {widths}")
    if network.bias:
        raise ValueError(
            f"network must have no biases, got bias {network.bias:g} (the kernels matched here are"
            " those of networks without)"
        )
    if not all(isinstance(f, Activation) for f in network.activations):
        raise ValueError("network must have activations of the library (their moments are needed)")
    match = match_network(network.activations, input_variance, kind=kind)
    generator = _checks.as_rng(rng)
    shapes = zip(widths[1:-1], widths[:-2], strict=True)
    signs = [np.sign(ternary_weights(shape, sparsity, rng=generator)) for shape in shapes]
    dtype = network.weights[0].dtype
    return Compression(TernaryNetwork(signs, sparsity, match.activations, dtype=dtype), match)


def last_features(network: MLP | TernaryNetwork, X: ArrayLike) -> np.ndarray:
    r"""Features of the last hidden layer, divided by the root of its width.

    .. math:: \Sigma=\frac1{\sqrt{d_L}}\sigma_L(\cdots),\qquad\hat K=\Sigma^{\mathsf T}\Sigma .

    Parameters
    ----------
    network : rmtlib.networks.MLP or TernaryNetwork
        With a hidden layer.
    X : array_like, shape (p, n)
        Data, columns are samples, of mean squared norm about p.

    Returns
    -------
    ndarray, shape (d_L, n)

    Example
    -------
    >>> last_features(MLP((2, 4, 1), "ReLU", rng=0), [[1, 2], [3, 4]]).shape
    (4, 2)
    """
    network = network.network if isinstance(network, TernaryNetwork) else network
    hidden = hidden_layer(network, "X", X)
    return array_of(hidden.T / np.sqrt(hidden.shape[1]))


def zeroed(network: MLP, fraction: float, *, rng: Seed = None) -> MLP:
    r"""Naive sparsification: a copy with a random fraction of the hidden weights set to zero.

    Nothing is rescaled, so that preactivations lose their variance: the comparison that the
    matched networks are held against.

    Parameters
    ----------
    network : rmtlib.networks.MLP
        The original.
    fraction : number in [0, 1)
        Of each layer but the readout.
    rng : None, int or numpy.random.Generator
        Randomness.

    Returns
    -------
    rmtlib.networks.MLP
    """
    generator = _checks.as_rng(rng)

    def kept(W: torch.Tensor, share: float) -> torch.Tensor:
        return W * torch.as_tensor(generator.random(W.shape) >= share, device=W.device)

    return _masked(network, fraction, kept)


def magnitude_pruned(network: MLP, fraction: float) -> MLP:
    r"""Magnitude pruning: a copy with the smallest hidden weights set to zero.

    Parameters
    ----------
    network : rmtlib.networks.MLP
        The original.
    fraction : number in [0, 1)
        Of each layer but the readout.

    Returns
    -------
    rmtlib.networks.MLP

    Example
    -------
    >>> pruned = magnitude_pruned(MLP((4, 10, 1), "ReLU", rng=0), 0.5)
    >>> int((pruned.weights[0] == 0).sum())
    20
    """
    return _masked(network, fraction, lambda W, share: prune.L1Unstructured(share).prune(W))


def _masked(network: MLP, fraction: float, kept: Callable) -> MLP:
    _checks.instance("network", network, MLP)
    fraction = share("fraction", fraction, "of the weights that become zero")
    network = copy.deepcopy(network)
    with torch.no_grad():
        for W in network.weights[:-1]:
            W.copy_(kept(W, fraction))
    return network
