"""Activations of the library as differentiable functions of torch tensors."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from rmtlib.activations import Activation


class _Value(torch.autograd.Function):
    """An activation evaluated by NumPy, differentiable once."""

    @staticmethod
    def forward(t, f):
        return torch.as_tensor(f.value(t.detach().cpu().numpy())).to(t)

    @staticmethod
    def setup_context(ctx, arguments, output):
        t, ctx.f = arguments
        ctx.save_for_backward(t)

    @staticmethod
    def backward(ctx, slope):
        return slope * _Slope.apply(ctx.saved_tensors[0], ctx.f), None

    @staticmethod
    def vmap(info, in_dims, t, f):
        return _Value.apply(t, f), in_dims[0]


class _Slope(torch.autograd.Function):
    """Its derivative, which can't be differentiated again."""

    @staticmethod
    def forward(t, f):
        return torch.as_tensor(np.asarray(f.derivative(t.detach().cpu().numpy()))).to(t)

    @staticmethod
    def setup_context(ctx, arguments, output):
        ctx.f = arguments[1]

    @staticmethod
    def backward(ctx, slope):
        raise NotImplementedError(
            f"second derivatives of {ctx.f.name!r} are not known: give a torch function instead"
        )

    @staticmethod
    def vmap(info, in_dims, t, f):
        return _Slope.apply(t, f), in_dims[0]


def torch_activation(activation: Activation | Callable) -> Callable:
    """An activation as a function of tensors, which can be pickled; other functions as they are.

    An `~rmtlib.activations.Activation` that torch does not know is evaluated by NumPy and
    can be differentiated once. Jumps have derivative zero.
    """
    if not isinstance(activation, Activation):
        return activation
    return activation.torch_function or partial(_by_numpy, activation)


def _by_numpy(activation: Activation, t: torch.Tensor) -> torch.Tensor:
    return _Value.apply(t, activation)
