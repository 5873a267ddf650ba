r"""Sparse ternary weights, and the memory that weights and activations take.

A random layer :math:`\sigma(Wx)` with weights 0 and :math:`\pm(1-\varepsilon)^{-1/2}` has, up
to small terms, the kernel of one with normal weights (`rmtlib.activation_matching` finds
activations of few levels to go with them). Here such weights are drawn, counted in bits
and packed into bytes.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr

from rmtlib import _checks

_SPARSITY = "fraction of zero weights"


def ternary_weights(
    shape: int | tuple[int, ...],
    sparsity: float,
    *,
    rng: int | np.random.Generator | None = None,
) -> np.ndarray:
    r"""Random weights 0 and :math:`\pm(1-\varepsilon)^{-1/2}`, of mean 0 and variance 1.

    .. math::

        P(W_{ij}=0)=\varepsilon,\qquad
        P\bigl(W_{ij}=\pm(1-\varepsilon)^{-1/2}\bigr)=\frac{1-\varepsilon}2 .

    Parameters
    ----------
    shape : tuple of integers
        Shape of the result, (N, p) for N features.
    sparsity : number in [0, 1)
        :math:`\varepsilon`.
    rng : None, int or numpy.random.Generator
        Randomness.

    Returns
    -------
    ndarray, of shape ``shape``

    Raises
    ------
    ValueError
        If the sparsity is outside [0, 1) or a size is not a positive integer.

    Notes
    -----
    Source: :cite:t:`LiaoTalk23`. A row has :math:`(1-\varepsilon)p` nonzero entries on
    average: below about ten, its product with a data vector is not Gaussian.

    Example
    -------
    >>> W = ternary_weights((2, 5), 0.75, rng=0)
    >>> sorted(set(W.ravel()) | {-2.0, 0.0, 2.0}) == [-2, 0, 2]
    True
    """
    epsilon = _sparsity(sparsity)
    sizes = shape if isinstance(shape, tuple) else (shape,)
    sizes = tuple(_checks.count("shape", size) for size in sizes)
    uniform = _checks.as_rng(rng).random(sizes)
    signs = (uniform < (1 - epsilon) / 2) * 1.0 - (uniform >= (1 + epsilon) / 2)
    return signs / np.sqrt(1 - epsilon)


def ternary_kurtosis(sparsity: float) -> float:
    r"""Fourth moment :math:`\mathbb EW^4=1/(1-\varepsilon)` of sparse ternary weights.

    It is 3, as for normal weights, at :math:`\varepsilon=2/3` only.

    Parameters
    ----------
    sparsity : number in [0, 1)
        :math:`\varepsilon`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the sparsity is outside [0, 1).

    Example
    -------
    >>> ternary_kurtosis(0.5)
    2.0
    """
    return 1 / (1 - _sparsity(sparsity))


def memory_bits(
    weights: int,
    activations: int = 0,
    *,
    sparsity: float = 0.0,
    model: str = "entropy",
    activation_bits: int = 1,
) -> float:
    r"""Bits of a layer or a network, under a named model of storage.

    With N weights of which a fraction :math:`\varepsilon` is zero, and M activations of
    b bits each:

    - ``"dense"``: :math:`32(N+M)`, floating point.
    - ``"published"``: :math:`(1-\varepsilon)N+bM`: one sign a nonzero weight, their
      positions for free.
    - ``"entropy"``: :math:`N(h(\varepsilon)+1-\varepsilon)+bM`, h the binary entropy: no
      code of random ternary weights is shorter.
    - ``"fixed"``: :math:`2N+bM`, two bits a weight.

    Parameters
    ----------
    weights, activations : integer >= 0
        N and M.
    sparsity : number in [0, 1)
        :math:`\varepsilon`.
    model : str
        One of the four.
    activation_bits : integer >= 1
        b: 1 for two levels, 2 for three; ignored by ``"dense"``.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a count is negative, or the model unknown.

    Notes
    -----
    The published count is that of :cite:t:`LiaoTalk23`. Weights that a generator can draw
    again from a seed need no memory under any model.

    Example
    -------
    >>> memory_bits(1000, sparsity=0.5, model="entropy")
    1500.0
    """
    N, M = _checks.count("weights", weights, 0), _checks.count("activations", activations, 0)
    epsilon = _sparsity(sparsity)
    model = _checks.one_of("model", model, ("dense", "published", "entropy", "fixed"))
    b = _checks.count("activation_bits", activation_bits)
    if model == "dense":
        return 32.0 * (N + M)
    entropy = (entr(epsilon) + entr(1 - epsilon)) / np.log(2)
    per_weight = {
        "published": 1 - epsilon,
        "entropy": entropy + 1 - epsilon,
        "fixed": 2.0,
    }
    return float(N * per_weight[model] + b * M)


def pack_ternary(W: ArrayLike) -> bytes:
    r"""Signs of ternary weights in two bits each, four weights a byte.

    Zero is 0, positive 1 and negative 2, in the order of ``ravel``, the first weight in
    the lowest bits; the last byte is filled with zeros.

    Parameters
    ----------
    W : array_like
        Entries 0, a and -a for one a > 0.

    Returns
    -------
    bytes, of length ceil(size / 4)

    Raises
    ------
    ValueError
        If the entries have more than one absolute value besides 0.

    Example
    -------
    >>> pack_ternary([0, 1, -1, 0, 1])
    b'$\x01'
    """
    W = _checks.real_array("W", W)
    size = np.abs(W[W != 0])
    if size.size and np.ptp(size) > 0:
        raise ValueError(
            f"W must be ternary, got absolute values from {size.min():g} to {size.max():g}"
        )
    codes = np.where(W > 0, 1, np.where(W < 0, 2, 0)).astype(np.uint8).ravel()
    codes = np.concatenate([codes, np.zeros(-codes.size % 4, np.uint8)]).reshape(-1, 4)
    return np.bitwise_or.reduce(codes << np.array([0, 2, 4, 6], np.uint8), axis=1).tobytes()


def unpack_ternary(data: bytes, shape: int | tuple[int, ...], scale: float = 1.0) -> np.ndarray:
    r"""Ternary weights from their packed signs.

    Parameters
    ----------
    data : bytes
        What `pack_ternary` returned.
    shape : tuple of integers
        Shape of the weights.
    scale : positive number
        Absolute value of the nonzero ones, :math:`(1-\varepsilon)^{-1/2}` for variance 1.

    Returns
    -------
    ndarray, of shape ``shape``

    Raises
    ------
    ValueError
        If the length of ``data`` does not fit the shape, or a code is not in use.

    Example
    -------
    >>> unpack_ternary(pack_ternary([0, 2, -2, 0, 2]), 5, scale=2)
    array([ 0.,  2., -2.,  0.,  2.])
    """
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise ValueError(f"data must be bytes, got {type(data).__name__}")
    sizes = shape if isinstance(shape, tuple) else (shape,)
    sizes = tuple(_checks.count("shape", size, 0) for size in sizes)
    scale, total = _checks.positive("scale", scale), int(np.prod(sizes))
    packed = np.frombuffer(data, np.uint8)
    if packed.size != -(-total // 4):
        raise ValueError(
            f"data must have {-(-total // 4)} bytes for shape {sizes}, got {packed.size}"
        )
    codes = (packed[:, None] >> np.array([0, 2, 4, 6], np.uint8) & 3).ravel()
    if np.any(codes == 3) or np.any(codes[total:]):
        raise ValueError("data must be packed ternary weights, got a code that is not in use")
    return np.array([0.0, scale, -scale])[codes[:total]].reshape(sizes)


def _sparsity(sparsity: float) -> float:
    epsilon = _checks.between("sparsity", sparsity, 0, 1, _SPARSITY)
    if epsilon == 1:
        raise ValueError(f"sparsity must be below 1, got 1 ({_SPARSITY})")
    return epsilon
