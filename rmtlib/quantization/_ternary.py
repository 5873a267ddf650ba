"""Sparse ternary weights, and the memory that weights and activations take."""

import numpy as np
from scipy.special import entr

from rmtlib import _checks

_SPARSITY = "fraction of zero weights"


def ternary_weights(
    shape: int | tuple[int, ...], sparsity: float, *, rng: int | np.random.Generator | None = None
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

    Notes
    -----
    Source: :cite:t:`LiaoTalk23`. The fourth moment is :math:`1/(1-\varepsilon)`, 3 as for
    normal weights at :math:`\varepsilon=2/3` only. A row has :math:`(1-\varepsilon)p` nonzero
    entries on average: below about ten, its product with a data vector is not Gaussian.

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

    Notes
    -----
    The published count is that of :cite:t:`LiaoTalk23`. Weights that a generator can draw
    again from a seed need no memory under any model.

    Example
    -------
    >>> memory_bits(1000, sparsity=0.5, model="entropy")
    1500.0
    """
    N = _checks.count("weights", weights, 0, at_most=np.inf)
    M = _checks.count("activations", activations, 0, at_most=np.inf)
    epsilon = _sparsity(sparsity)
    model = _checks.one_of("model", model, ("dense", "published", "entropy", "fixed"))
    b = _checks.count("activation_bits", activation_bits)
    if model == "dense":
        return 32.0 * (N + M)
    entropy = (entr(epsilon) + entr(1 - epsilon)) / np.log(2)
    per_weight = {"published": 1 - epsilon, "entropy": entropy + 1 - epsilon, "fixed": 2.0}
    return float(N * per_weight[model] + b * M)


def _sparsity(sparsity: float) -> float:
    epsilon = _checks.between("sparsity", sparsity, 0, 1, _SPARSITY)
    if epsilon == 1:
        raise ValueError(f"sparsity must be below 1, got 1 ({_SPARSITY})")
    return epsilon
