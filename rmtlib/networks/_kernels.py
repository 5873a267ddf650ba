r"""Empirical kernels of torch networks.

Of one network at its present weights: the Gram matrix of its last features, and the Gram
matrix of its gradients. Data are :math:`(p,n)`,
columns are samples.
"""

from functools import partial

import numpy as np
import torch
from torch.autograd.functional import jacobian
from torch.func import functional_call, jacrev, vjp, vmap

from rmtlib._checks import instance
from rmtlib._torch_batch import array_of, refuse_random_layers
from rmtlib._types import ArrayLike
from rmtlib.activations import Activation
from rmtlib.networks._mlp import MLP, network_rows

_ENTRIES = 2**24  # of the largest intermediate array: 128 MiB


def empirical_conjugate_kernel(
    network: MLP, X: ArrayLike, Y: ArrayLike | None = None
) -> np.ndarray:
    r"""Conjugate kernel of one network: the Gram matrix of its last hidden layer.

    .. math::

        K(x,y)=\frac{1}{d_L}\,a_L(x)^{\mathsf T}a_L(y),

    normalized by the width, in both parametrizations.

    Parameters
    ----------
    network : MLP
        With at least one hidden layer.
    X : array_like, shape (p, n)
        Data, columns are samples.
    Y : array_like, shape (p, m), optional
        Other data; X by default.

    Returns
    -------
    ndarray, shape (n, m)

    Notes
    -----
    Source: :cite:t:`LiaoTalk24`, section on deep networks. The distance to the limit of
    infinite width is of order :math:`1/\sqrt{\min d_\ell}`, for each entry.

    Example
    -------
    >>> wide = MLP([1, 40_000, 1], "ReLU", rng=0)  # limit: x^2 / 2
    >>> bool(abs(empirical_conjugate_kernel(wide, [[1.0]])[0, 0] - 0.5) < 0.02)
    True
    """
    left = hidden_layer(network, "X", X)
    right = left if Y is None else hidden_layer(network, "Y", Y)
    return array_of(left @ right.T / left.shape[1])


def hidden_layer(network: MLP, name: str, X: ArrayLike) -> torch.Tensor:
    """Entries of the last hidden layer, shape (n, d_L)."""
    instance("network", network, MLP)
    if len(network.widths) < 3:
        raise ValueError(f"network must have a hidden layer, got widths {network.widths}")
    with torch.no_grad():
        return network.layers(network_rows(network, name, X))[-2]


def empirical_tangent_kernel(
    network: torch.nn.Module, X: ArrayLike, Y: ArrayLike | None = None
) -> np.ndarray:
    r"""Neural tangent kernel of one network: the Gram matrix of its gradients.

    .. math::

        \Theta(x,y)=\frac1{\text{outputs}}\sum_k
        \nabla_\theta f_k(x)^{\mathsf T}\,\nabla_\theta f_k(y),

    over all parameters. In an `MLP` the gradient of a layer is the product of its
    error signal :math:`\delta_\ell=\partial f/\partial h_\ell` and its input, so that

    .. math::

        \Theta=\sum_\ell\bigl(\delta_\ell^{\mathsf T}\delta_\ell\bigr)\circ
        \bigl(\tfrac1{d_{\ell-1}}a_{\ell-1}^{\mathsf T}a_{\ell-1}+\beta^2\bigr)

    (without the factors in the standard parametrization) and no gradient is ever
    formed. Other modules are differentiated one parameter block at a time.

    Parameters
    ----------
    network : torch module
        An `MLP`, or any module that takes rows, with one output or more.
    X : array_like, shape (p, n)
        Data, columns are samples.
    Y : array_like, shape (p, m), optional
        Other data; X by default.

    Returns
    -------
    ndarray, shape (n, m)

    Raises
    ------
    ValueError
        If an activation jumps: its gradient is zero where it exists, and there is no
        tangent kernel.

    Notes
    -----
    Source: :cite:t:`JacotGabrielHongler18`. The distance to the limit of infinite width
    is of order :math:`1/\sqrt{\min d_\ell}`, for each entry, if the parametrization is "ntk".

    Example
    -------
    >>> linear = MLP([2, 1], [], rng=0)
    >>> empirical_tangent_kernel(linear, [[1.0, 0.0], [0.0, 2.0]])  # X^T X / p
    array([[0.5, 0. ],
           [0. , 2. ]])
    """
    x = network_rows(network, "X", X)
    y = x if Y is None else network_rows(network, "Y", Y)
    if not isinstance(network, MLP):
        return array_of(_gram_of_gradients(network, x, y))
    jumping = [f.name for f in network.activations if isinstance(f, Activation) and f.jumps]
    if jumping:
        raise ValueError(f"network must have no jumps, got {jumping[0]!r} (no tangent kernel)")
    left = _error_signals(network, x)
    right = left if Y is None else _error_signals(network, y)
    kernel = torch.zeros(len(x), len(y), dtype=x.dtype, device=x.device)
    extra = network.bias_factor**2 if network.biases else 0.0
    for factor, (a, delta), (b, epsilon) in zip(network.factors, left, right, strict=True):
        errors = torch.einsum("kid,kjd->ij", delta, epsilon) / network.widths[-1]
        kernel += errors * (factor**2 * a @ b.T + extra)
    return array_of(kernel)


def _error_signals(network: MLP, rows: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """A layer's input (n, d) and the derivatives of all outputs in its preactivation (k, n, d)."""
    outputs = network.widths[-1]
    step = max(1, _ENTRIES // (outputs * max(network.widths)))
    parts = []
    for block in torch.split(rows, step):
        zeros = [block.new_zeros(len(block), d) for d in network.widths[1:]]
        with torch.no_grad():
            a = network.layers(block)[:-1]
        _, pull = vjp(lambda s, block=block: network.layers(block, s)[-1], zeros)
        each = torch.eye(outputs, dtype=rows.dtype, device=rows.device)
        (delta,) = vmap(pull)(each[:, None, :].expand(-1, len(block), -1))
        parts.append(list(zip(a, [d.detach() for d in delta], strict=True)))
    return [
        (torch.cat([a for a, _ in layer]), torch.cat([d for _, d in layer], dim=1))
        for layer in zip(*parts, strict=True)
    ]


def _gram_of_gradients(network: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Tangent kernel of any module, one parameter block and one block of samples at a time."""
    refuse_random_layers(network)
    parameters = {name: value.detach() for name, value in network.named_parameters()}
    outputs = network(x[:1]).shape[1]
    kernel = x.new_zeros(len(x), len(y))
    for name, value in parameters.items():

        def output(theta, sample, name=name):
            return functional_call(network, parameters | {name: theta}, (sample[None],))[0]

        def gradients(theta, rows, output=output):
            try:
                return vmap(jacrev(output), in_dims=(None, 0))(theta, rows)
            except RuntimeError:  # a layer that torch can't batch: one gradient at a time
                each = [jacobian(partial(output, sample=row), theta) for row in rows]
                return torch.stack(each)

        step = max(1, _ENTRIES // (outputs * value.numel()))
        for i in range(0, len(x), step):
            left = gradients(value, x[i : i + step]).flatten(1)
            for j in range(0, len(y), step):
                same = y is x and i == j
                right = left if same else gradients(value, y[j : j + step]).flatten(1)
                kernel[i : i + step, j : j + step] += left @ right.T / outputs
    return kernel
