"""Multilayer perceptrons in torch, in the two parametrizations of this course."""

from collections.abc import Callable, Sequence

import torch

from rmtlib import _checks
from rmtlib._torch_batch import rows_of
from rmtlib._types import ArrayLike, Seed
from rmtlib.activations import Activation, as_activation
from rmtlib.networks._activations import torch_activation
from rmtlib.networks._sigmoid import check_widths

_WEIGHTS = {
    "gaussian": lambda W, source: W.normal_(generator=source),
    "rademacher": lambda W, source: W.bernoulli_(0.5, generator=source).mul_(2).sub_(1),
    "uniform": lambda W, source: W.uniform_(-(3**0.5), 3**0.5, generator=source),
    "orthogonal": lambda W, source: torch.nn.init.orthogonal_(
        W, gain=max(W.shape) ** 0.5, generator=source
    ),
}


class MLP(torch.nn.Module):
    r"""A fully connected network, with a linear last layer.

    Widths :math:`(p,d_1,\dots,d_L,\text{outputs})` and, with :math:`d_0=p`,

    .. math::

        a_0=x,\qquad h_\ell=\frac{1}{\sqrt{d_{\ell-1}}}W_\ell a_{\ell-1}+\beta b_\ell,
        \qquad a_\ell=\sigma_\ell(h_\ell),\qquad f(x)=h_{L+1}

    in the parametrization ``"ntk"``, where entries of :math:`W_\ell` have variance
    :math:`s^2` and those of :math:`b_\ell` variance one. In ``"standard"`` the factors
    are in the entries: variance :math:`s^2/d_{\ell-1}` and :math:`\beta^2`, and
    :math:`h_\ell=W_\ell a_{\ell-1}+b_\ell`. The two start as the same network and
    differ in how far a gradient step moves each layer. Where data carry the factor
    :math:`1/\sqrt p` already, call the network on :math:`\sqrt p\,X`. Functions of this
    package take data as columns; the network itself takes rows, as all torch modules:
    ``network(torch.as_tensor(X.T))``.

    Parameters
    ----------
    widths : sequence of integers >= 1
        Inputs first, outputs last.
    activations : Activation, name, torch function, or list of them
        One for all hidden layers, or one a hidden layer.
    weights : str
        Entries are "gaussian", "rademacher" (signs), "uniform", or those of a
        random "orthogonal" matrix times the root of its larger side.
    parametrization : str
        "ntk" or "standard".
    bias : nonnegative number
        :math:`\beta`; with 0 the network has no biases.
    scale : positive number
        :math:`s`.
    rng : None, int or numpy.random.Generator
        Randomness of weights and biases.
    dtype : torch dtype
        Of all parameters.

    Notes
    -----
    Source: :cite:t:`JacotGabrielHongler18` for the factors in the forward pass.

    Example
    -------
    >>> network = MLP([3, 100, 50, 1], "ReLU", rng=0)
    >>> network(torch.ones(5, 3, dtype=torch.float64)).shape
    torch.Size([5, 1])
    """

    def __init__(
        self,
        widths: Sequence[int],
        activations: Activation | str | Callable | Sequence,
        *,
        weights: str = "gaussian",
        parametrization: str = "ntk",
        bias: float = 0.0,
        scale: float = 1.0,
        rng: Seed = None,
        dtype: torch.dtype = torch.float64,
    ):
        super().__init__()
        self.widths = check_widths(widths)
        hidden = len(self.widths) - 2
        if not isinstance(activations, (list, tuple)):
            activations = [activations] * hidden
        if len(activations) != hidden:
            raise ValueError(
                f"activations must be one, or one a hidden layer ({hidden}), got {len(activations)}"
            )
        self.activations = tuple(
            f if callable(f) else as_activation(f, "activations") for f in activations
        )
        self._functions = [torch_activation(f) for f in self.activations]
        draw = _WEIGHTS[_checks.one_of("weights", weights, tuple(_WEIGHTS))]
        self.parametrization = _checks.one_of(
            "parametrization", parametrization, ("ntk", "standard")
        )
        self.bias = _checks.nonnegative("bias", bias)
        scale = _checks.positive("scale", scale)
        source = torch.Generator().manual_seed(int(_checks.as_rng(rng).integers(2**62)))
        ntk = self.parametrization == "ntk"
        fans = list(zip(self.widths[1:], self.widths, strict=False))
        self.factors = [k**-0.5 if ntk else 1.0 for _, k in fans]
        self.bias_factor = self.bias if ntk else 1.0
        entries = [scale * draw(torch.empty(m, k, dtype=dtype), source) for m, k in fans]
        shifts = [torch.empty(m, dtype=dtype).normal_(generator=source) for m, _ in fans]
        self.weights = torch.nn.ParameterList(
            W if ntk else W * k**-0.5 for W, (_, k) in zip(entries, fans, strict=True)
        )
        self.biases = torch.nn.ParameterList(
            (b if ntk else self.bias * b for b in shifts) if self.bias else ()
        )

    def layers(self, rows: torch.Tensor, shifts: Sequence | None = None) -> list[torch.Tensor]:
        r"""All layers, :math:`a_0,\dots,a_L,f`, as tensors of shapes (n, width).

        ``shifts``, one tensor a layer, are added to :math:`h_1,\dots,h_{L+1}`: the
        derivative in a shift is the error signal of back-propagation.
        """
        a = [rows]
        for layer, W in enumerate(self.weights):
            h = self.factors[layer] * a[-1] @ W.T
            if self.biases:
                h = h + self.bias_factor * self.biases[layer]
            if shifts is not None:
                h = h + shifts[layer]
            a.append(self._functions[layer](h) if layer < len(self._functions) else h)
        return a

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Outputs, shape (n, outputs), from rows of shape (n, p)."""
        return self.layers(rows)[-1]


def network_rows(network: torch.nn.Module, name: str, X: ArrayLike) -> torch.Tensor:
    """The columns of X as rows, on the network's device and in its dtype."""
    p = network.widths[0] if isinstance(network, MLP) else None
    return rows_of(name, X, next(network.parameters()), p)
