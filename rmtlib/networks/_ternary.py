"""Random networks of sparse ternary weights, and their files: two bits a weight."""

import json
import zlib
from collections.abc import Sequence
from math import ceil, prod
from pathlib import Path

import numpy as np
import torch

from rmtlib import _checks
from rmtlib.activations import Activation, Steps
from rmtlib.networks._mlp import MLP

_MAGIC = b"rmtlib ternary network 2\n"
_DTYPES = {"float32": torch.float32, "float64": torch.float64}


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
        self.sparsity = share("sparsity", sparsity, "fraction of zero weights")
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

    @property
    def packed_size(self) -> int:
        """Bytes of the file that `save` writes: two bits a weight, and a header."""
        return len(_sealed(_header(self))) + sum(ceil(S.size / 4) for S in self.signs)

    def save(self, path: str | Path) -> int:
        """Store the network in ``packed_size`` bytes, and return that number.

        Its activations must be piecewise constant (`rmtlib.activations.Steps`).
        """
        return Path(path).write_bytes(
            _sealed(b"".join([_header(self), *(pack(S) for S in self.signs)]))
        )

    @classmethod
    def load(cls, path: str | Path) -> "TernaryNetwork":
        """The network of a file that `save` wrote, with the same outputs to the last bit.

        Raises
        ------
        ValueError
            If the file is not of this kind, or any byte of it has changed.
        """
        magic, _, sealed = Path(path).read_bytes().partition(b"\n")
        if magic + b"\n" != _MAGIC:
            raise ValueError(f"{path} is no packed network: it begins with {magic[:24]!r}")
        body = sealed.partition(b"\n")[2]
        if _sealed(body) != _MAGIC + sealed:
            raise ValueError(f"{path} is damaged: its checksum does not fit its contents")
        line, _, packed = body.partition(b"\n")
        try:
            header = json.loads(line)
            widths = [_checks.count("widths", width) for width in header["widths"]]
            sparsity, dtype = header["sparsity"], _DTYPES[header["dtype"]]
            steps = [Steps(tuple(u), tuple(v)) for u, v in header["activations"]]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"{path} has a damaged header: {error}") from None
        shapes = list(zip(widths[1:], widths[:-1], strict=True))
        ends = np.cumsum([ceil(prod(shape) / 4) for shape in shapes])
        if not shapes or len(packed) != ends[-1]:
            raise ValueError(
                f"{path} must hold the bytes of weights for widths {widths}, got {len(packed)}"
            )
        signs = [
            unpack(packed[end - ceil(prod(shape) / 4) : end], shape)
            for end, shape in zip(ends, shapes, strict=True)
        ]
        return cls(signs, sparsity, steps, dtype=dtype)


def share(name: str, value: float, why: str) -> float:
    """A number in [0, 1)."""
    share = _checks.between(name, value, 0, 1, why)
    if share == 1:
        raise ValueError(f"{name} must be below 1, got 1 ({why})")
    return share


def pack(signs: np.ndarray) -> bytes:
    """Signs in two bits each: 0 is 0, 1 is 1, -1 is 2, the first in the lowest bits of a byte."""
    bits = np.stack([signs > 0, signs < 0], axis=-1)
    return np.packbits(bits, bitorder="little").tobytes()


def unpack(packed: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """The signs that `pack` stored in ceil(size / 4) bytes."""
    bits = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little").astype(np.int8)
    above, below = bits[::2], bits[1::2]
    if np.any(above & below) or np.any(bits[2 * prod(shape) :]):
        raise ValueError("packed weights must be ternary, got a code that is not in use")
    return (above - below)[: prod(shape)].reshape(shape)


def _sealed(body: bytes) -> bytes:
    """A file: its kind, a checksum, the body."""
    return _MAGIC + b"%08x\n" % zlib.crc32(body) + body


def _header(network: TernaryNetwork) -> bytes:
    levels = []
    for f in network.activations:
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
