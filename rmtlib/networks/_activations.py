"""Activations of the library as differentiable functions of torch tensors."""

from collections.abc import Callable

import numpy as np
import torch

from rmtlib import _checks
from rmtlib.activations import ARCTAN, CATALOGUE, SIGMOID, TANH, Activation


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


def _steps(t: torch.Tensor, thresholds: tuple, levels: tuple) -> torch.Tensor:
    return t.new_tensor(levels)[torch.bucketize(t, t.new_tensor(thresholds))]


_NATIVE = {TANH.value: torch.tanh, SIGMOID.value: torch.sigmoid, ARCTAN.value: torch.arctan}
_FORMS = {
    "slopes": lambda t, a, b: (a - b) / 2 * t + (a + b) / 2 * torch.abs(t),
    "erf": torch.erf,
    "sin": torch.sin,
    "cos": torch.cos,
    "gaussian": lambda t: torch.exp(-(t**2) / 2),
    "quadratic": lambda t, c2, c1, c0: (c2 * t + c1) * t + c0,
    "hardtanh": torch.nn.functional.hardtanh,
    "steps": _steps,
}


def torch_activation(activation: Activation | str | Callable) -> Callable:
    r"""An activation of the library as a function of torch tensors.

    Catalogue entries and their affine images become native torch operations;
    an `~rmtlib.activations.Activation` without a closed form is evaluated by
    NumPy and can be differentiated once. Jumps have derivative zero.

    Parameters
    ----------
    activation : Activation, str or callable
        An activation, its name in the catalogue, or a function of tensors,
        which is returned as it is.

    Returns
    -------
    callable
        From a tensor to a tensor of the same shape.

    Raises
    ------
    ValueError
        If it is none of the three, or the catalogue has no such name.

    Example
    -------
    >>> torch_activation("ReLU")(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    if isinstance(activation, str):
        _checks.one_of("activation", activation, tuple(CATALOGUE))
        activation = CATALOGUE[activation]
    if not isinstance(activation, Activation):
        if not callable(activation):
            raise ValueError(f"activation must be an Activation or a name, got {activation!r}")
        return activation
    form = activation.form
    if form is not None:
        base = _FORMS[form.family]
        return lambda t: form.gain * base(form.stretch * t, *form.parameters) + form.offset
    if activation.value in _NATIVE:
        return _NATIVE[activation.value]
    return lambda t: _Value.apply(t, activation)
