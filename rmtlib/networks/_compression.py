r"""Deep random networks compressed by matching their kernels, with baselines and packed storage.

A network of ternary weights and of the piecewise-constant activations of
`rmtlib.kernel_matching` has the conjugate kernel of the original, up to a multiple of the
identity. What is matched is the kernel of the *random* network: weights that were trained
are not quantized here.
"""

import json
from collections.abc import Callable, Sequence
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike

from rmtlib import _checks
from rmtlib.activations import HARDTANH, RELU, SIGMOID, TANH, Activation, Steps, leaky_relu
from rmtlib.networks._mlp import MLP
from rmtlib.quantization import (
    NetworkMatch,
    match_network,
    pack_ternary,
    ternary_weights,
    unpack_ternary,
)

_MAGIC = b"rmtlib ternary network 1\n"
_MODULES = {torch.nn.ReLU: RELU, torch.nn.Tanh: TANH, torch.nn.Sigmoid: SIGMOID}
_DTYPES = {"float32": torch.float32, "float64": torch.float64}
BINARY = Steps((-1.0, 1.0), (1.0, 0.0, 1.0), name="1{|t| > 1}")
"""The naive binary activation."""


class TernaryNetwork(torch.nn.Module):
    r"""A random network of sparse ternary weights, as `compress` makes it.

    .. math::

        \Sigma_\ell=\sigma_\ell\Bigl(\frac1{\sqrt{d_{\ell-1}}}W_\ell\Sigma_{\ell-1}\Bigr),
        \qquad\Sigma_0=x,

    and its output is :math:`d_L^{-1/2}\Sigma_L`: features for a readout, so that their Gram
    matrix is the conjugate kernel.

    Parameters
    ----------
    signs : sequence of integer arrays, shapes (d_1, p), (d_2, d_1), ...
        Entries -1, 0, 1.
    sparsity : number in [0, 1)
        :math:`\varepsilon`; weights are the signs divided by :math:`\sqrt{1-\varepsilon}`.
    activations : sequence of Activation
        One a layer.
    dtype : torch dtype
        Of the computation, float32 or float64.

    Raises
    ------
    ValueError
        If a sign is not -1, 0 or 1, shapes or activations do not fit, or the sparsity is not
        in [0, 1).
    """

    def __init__(
        self,
        signs: Sequence[np.ndarray],
        sparsity: float,
        activations: Sequence[Activation],
        *,
        dtype: torch.dtype = torch.float64,
    ):
        super().__init__()
        if dtype not in _DTYPES.values():
            raise ValueError(f"dtype must be torch.float32 or torch.float64, got {dtype}")
        self.sparsity = _share("sparsity", sparsity, "fraction of zero weights")
        signs = [_checks.matrix("signs", S) for S in signs]
        if not signs:
            raise ValueError("signs must have a matrix a layer, got none")
        for S in signs:
            if not np.isin(S, (-1, 0, 1)).all():
                raise ValueError(f"signs must be -1, 0 or 1, got up to {np.abs(S).max():g}")
        self.signs = tuple(S.astype(np.int8) for S in signs)
        self.widths = (signs[0].shape[1], *(len(S) for S in signs))
        for S, width in zip(signs, self.widths, strict=False):
            if S.shape[1] != width:
                raise ValueError(f"signs must have {width} columns here, got shape {S.shape}")
        self.network = MLP((*self.widths, 1), list(activations), rng=0, dtype=dtype)
        self.activations = self.network.activations
        with torch.no_grad():
            for W, S in zip(self.network.weights[:-1], self.signs, strict=True):
                W.copy_(torch.as_tensor(S, dtype=dtype) / np.sqrt(1 - self.sparsity))
        self.network.requires_grad_(False)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Features, shape (n, d_L), from rows of shape (n, p)."""
        return self.network.layers(rows)[-2] / np.sqrt(self.widths[-1])


class Compression(NamedTuple):
    """What `compress` returns."""

    network: TernaryNetwork
    """The compressed network."""
    match: NetworkMatch
    """The match of its activations, with the ridge shift."""


def compress(
    network: MLP | torch.nn.Sequential,
    input_variance: float,
    *,
    sparsity: float = 0.0,
    kind: str = "three-level",
    rng: int | np.random.Generator | None = None,
) -> Compression:
    r"""A network of ternary weights with the kernel of another one, of the same widths.

    It takes the widths and the activations of ``network`` and **draws its weights afresh**:
    the random networks have the same conjugate kernel in large dimension, up to
    :math:`\delta I`. Trained weights are not quantized, and what training has learned is not
    kept. Both networks are those of centered activations.

    Parameters
    ----------
    network : rmtlib.networks.MLP or torch.nn.Sequential
        Without biases; its last layer, the readout, is left out. A ``Sequential`` alternates
        ``Linear(..., bias=False)`` with ``ReLU``, ``LeakyReLU``, ``Tanh``, ``Sigmoid`` or
        ``Hardtanh``; of it, too, only widths and activations are used.
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

    Raises
    ------
    ValueError
        If the network is no MLP of such activations, has biases or no hidden layer, or an
        argument is not as above.

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
    >>> small, match = compress(dense, 1.0, sparsity=0.9, rng=1)
    >>> small.widths, len(small.activations), packed_size(small) < 36_000
    ((50, 400, 300), 2, True)
    >>> Linear = torch.nn.Linear
    >>> plain = torch.nn.Sequential(
    ...     Linear(50, 400, bias=False), torch.nn.ReLU(), Linear(400, 1, bias=False)
    ... )
    >>> compress(plain, 1.0, rng=1).network.widths
    (50, 400)
    """
    widths, activations, dtype = _architecture(network)
    if len(widths) < 3:
        raise ValueError(f"network must have a hidden layer, got widths {widths}")
    match = match_network(activations, input_variance, kind=kind)
    generator = _checks.as_rng(rng)
    shapes = zip(widths[1:-1], widths[:-2], strict=True)
    signs = [np.sign(ternary_weights(shape, sparsity, rng=generator)) for shape in shapes]
    return Compression(TernaryNetwork(signs, sparsity, match.activations, dtype=dtype), match)


def _architecture(
    network: MLP | torch.nn.Sequential,
) -> tuple[tuple[int, ...], list[Activation], torch.dtype]:
    """Widths, activations and dtype of a network without biases."""
    if isinstance(network, MLP):
        bias = network.bias
        widths, activations = network.widths, list(network.activations)
        dtype = network.weights[0].dtype
        if not all(isinstance(f, Activation) for f in activations):
            raise ValueError(
                "network must have activations of the library (their moments are needed)"
            )
    elif isinstance(network, torch.nn.Sequential):
        layers, functions = list(network[::2]), network[1::2]
        if len(network) % 2 == 0 or not all(isinstance(f, torch.nn.Linear) for f in layers):
            raise ValueError(
                "network must alternate Linear layers and activations and end with a Linear one,"
                f" got {[type(f).__name__ for f in network]}"
            )
        bias = float(any(layer.bias is not None for layer in layers))
        widths = (layers[0].in_features, *(layer.out_features for layer in layers))
        activations = [_of_module(f) for f in functions]
        dtype = layers[0].weight.dtype
    else:
        raise ValueError(
            "network must be an rmtlib.networks.MLP or a torch.nn.Sequential, got"
            f" {type(network).__name__}"
        )
    if bias:
        raise ValueError(
            f"network must have no biases, got bias {bias:g} (the kernels matched here are those"
            " of networks without)"
        )
    return widths, activations, dtype


def _of_module(module: torch.nn.Module) -> Activation:
    if isinstance(module, torch.nn.LeakyReLU):
        return leaky_relu(module.negative_slope)
    if isinstance(module, torch.nn.Hardtanh) and (module.min_val, module.max_val) == (-1, 1):
        return HARDTANH
    if type(module) not in _MODULES:
        raise ValueError(
            "network must have activations LeakyReLU, Hardtanh between -1 and 1,"
            f" {', '.join(f.__name__ for f in _MODULES)}, got {module}"
        )
    return _MODULES[type(module)]


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

    Raises
    ------
    ValueError
        If the network is of another kind or has no hidden layer, or X has not p rows.

    Example
    -------
    >>> last_features(MLP((2, 4, 1), "ReLU", rng=0), [[1, 2], [3, 4]]).shape
    (4, 2)
    """
    if not isinstance(network, (MLP, TernaryNetwork)) or len(network.widths) < 2:
        raise ValueError(
            f"network must be an MLP or a TernaryNetwork, got {type(network).__name__}"
        )
    network = network.network if isinstance(network, TernaryNetwork) else network
    if len(network.widths) < 3:
        raise ValueError(f"network must have a hidden layer, got widths {network.widths}")
    X = _checks.matrix("X", X, (network.widths[0], None), "columns are samples")
    with torch.no_grad():
        rows = torch.as_tensor(X.T.copy()).to(network.weights[0])
        features = network.layers(rows)[-2].T / np.sqrt(network.widths[-2])
    return features.numpy()


def zeroed(network: MLP, fraction: float, *, rng: int | np.random.Generator | None = None) -> MLP:
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

    Raises
    ------
    ValueError
        If the network is no MLP or the fraction outside [0, 1).
    """
    generator = _checks.as_rng(rng)

    def keep(W: np.ndarray, share: float) -> np.ndarray:
        return generator.random(W.shape) >= share

    return _masked(network, fraction, keep)


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

    Raises
    ------
    ValueError
        If the network is no MLP or the fraction outside [0, 1).

    Example
    -------
    >>> pruned = magnitude_pruned(MLP((4, 10, 1), "ReLU", rng=0), 0.5)
    >>> int((pruned.weights[0] == 0).sum())
    20
    """

    def keep(W: np.ndarray, share: float) -> np.ndarray:
        size = np.abs(W).ravel()
        zeros = round(share * size.size)
        kept = np.ones(size.size, dtype=bool)
        kept[np.argpartition(size, zeros)[:zeros]] = False
        return kept.reshape(W.shape)

    return _masked(network, fraction, keep)


def _masked(network: MLP, fraction: float, keep: Callable) -> MLP:
    if not isinstance(network, MLP):
        raise ValueError(f"network must be an rmtlib.networks.MLP, got {type(network).__name__}")
    share = _share("fraction", fraction, "of the weights that become zero")
    copy = MLP(
        network.widths,
        network.activations,
        parametrization=network.parametrization,
        bias=network.bias,
        rng=0,
        dtype=network.weights[0].dtype,
    )
    copy.load_state_dict(network.state_dict())
    with torch.no_grad():
        for W in copy.weights[:-1]:
            W.mul_(torch.as_tensor(keep(W.numpy(), share)))
    return copy


def _share(name: str, value: float, why: str) -> float:
    share = _checks.between(name, value, 0, 1, why)
    if share == 1:
        raise ValueError(f"{name} must be below 1, got 1 ({why})")
    return share


def packed_size(network: TernaryNetwork) -> int:
    """Bytes of the file that `save_packed` writes.

    Parameters
    ----------
    network : TernaryNetwork
        What is to be stored.

    Returns
    -------
    int
        Two bits a weight, four weights a byte, and a header with the activations.

    Raises
    ------
    ValueError
        If the network is no `TernaryNetwork`, or an activation is not piecewise constant.
    """
    weights = sum(ceil(S.size / 4) for S in _ternary(network).signs)
    return len(_MAGIC) + len(_header(network)) + weights


def save_packed(network: TernaryNetwork, path: str | Path) -> int:
    """Store a network in `packed_size` bytes.

    Parameters
    ----------
    network : TernaryNetwork
        With piecewise-constant activations.
    path : str or Path
        The file.

    Returns
    -------
    int
        Its size in bytes.

    Raises
    ------
    ValueError
        If the network is no `TernaryNetwork`, or an activation is not piecewise constant.
    """
    parts = [_MAGIC, _header(network), *(pack_ternary(S) for S in network.signs)]
    return Path(path).write_bytes(b"".join(parts))


def load_packed(path: str | Path) -> TernaryNetwork:
    """A network from a file of `save_packed`.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    TernaryNetwork
        With the same outputs, to the last bit.

    Raises
    ------
    ValueError
        If the file is not of this kind, is cut short or longer than it should be.
    """
    data = Path(path).read_bytes()
    magic, _, rest = data.partition(b"\n")
    if magic + b"\n" != _MAGIC:
        raise ValueError(f"{path} is no packed network: it begins with {data[:24]!r}")
    line, _, packed = rest.partition(b"\n")
    try:
        header = json.loads(line)
        widths = [_checks.count("widths", width) for width in header["widths"]]
        sparsity = header["sparsity"]
        dtype = _DTYPES[header["dtype"]]
        steps = [Steps(tuple(u), tuple(v)) for u, v in header["activations"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} has a damaged header: {error}") from None
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    sizes = [ceil(m * k / 4) for m, k in shapes]
    if len(packed) != sum(sizes):
        raise ValueError(
            f"{path} must hold {sum(sizes)} bytes of weights, got {len(packed)}: it is damaged"
        )
    starts = np.cumsum([0, *sizes])
    signs = [
        unpack_ternary(packed[start : start + size], shape)
        for start, size, shape in zip(starts, sizes, shapes, strict=False)
    ]
    return TernaryNetwork(signs, sparsity, steps, dtype=dtype)


def _ternary(network: TernaryNetwork) -> TernaryNetwork:
    if not isinstance(network, TernaryNetwork):
        raise ValueError(f"network must be a TernaryNetwork, got {type(network).__name__}")
    return network


def _header(network: TernaryNetwork) -> bytes:
    levels = []
    for f in _ternary(network).activations:
        if not isinstance(f, Steps):
            raise ValueError(
                f"network must have piecewise-constant activations to be packed, got {f.name!r}"
            )
        levels.append([list(map(float, f.thresholds)), list(map(float, f.levels))])
    header = {
        "widths": [int(k) for k in network.widths],
        "sparsity": network.sparsity,
        "dtype": str(network.network.weights[0].dtype).removeprefix("torch."),
        "activations": levels,
    }
    return json.dumps(header).encode() + b"\n"
