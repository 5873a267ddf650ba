r"""Neural networks in torch: perceptrons and one training loop.

`MLP` is a multilayer perceptron in one of the two parametrizations of this
course, and `train` descends the gradient of any torch module. The matrices that
random matrix theory asks about are in `rmtlib.empirical_kernels`.

Data are :math:`(p,n)`, columns are samples, in every function; a torch module
takes rows, so call it as ``network(torch.as_tensor(X.T))``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from tqdm import tqdm

from rmtlib import _checks
from rmtlib._checks import ConvergenceError
from rmtlib.activations import CATALOGUE, Activation
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
    :math:`1/\sqrt p` already, call the network on :math:`\sqrt p\,X`.

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

    Raises
    ------
    ValueError
        If an argument is out of range, or the activations do not fit the widths.

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
        rng: int | np.random.Generator | None = None,
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
            CATALOGUE.get(f, f) if isinstance(f, str) else f for f in activations
        )
        self._functions = [torch_activation(f) for f in activations]
        _checks.one_of("weights", weights, tuple(_WEIGHTS))
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
        entries = [
            scale * _WEIGHTS[weights](torch.empty(m, k, dtype=dtype), source) for m, k in fans
        ]
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


@dataclass(frozen=True)
class History:
    """What `train` recorded, at ``steps`` (0 is the initial network).

    Test entries are None without test data, accuracies without class labels.
    """

    steps: np.ndarray
    loss: np.ndarray
    test_loss: np.ndarray | None
    accuracy: np.ndarray | None
    test_accuracy: np.ndarray | None
    measured: tuple


def train(
    network: torch.nn.Module,
    X: ArrayLike,
    y: ArrayLike,
    *,
    loss: str = "squared",
    steps: int,
    learning_rate: float,
    momentum: float = 0.0,
    batch: int | None = None,
    record_every: int = 1,
    X_test: ArrayLike | None = None,
    y_test: ArrayLike | None = None,
    measure: Callable[[torch.nn.Module], Any] | None = None,
    rng: int | np.random.Generator | None = None,
    progress: bool = True,
) -> History:
    r"""Gradient descent on all parameters, in place.

    The objective is :math:`\frac1n\sum_i\frac12\|y_i-f(x_i)\|^2` for ``"squared"`` and
    :math:`-\frac1n\sum_i\log\mathrm{softmax}(f(x_i))_{y_i}` for ``"cross-entropy"``; a step is

    .. math::

        v\leftarrow\mu v+\nabla,\qquad\theta\leftarrow\theta-\eta v .

    Parameters
    ----------
    network : torch module
        Takes rows; changed in place.
    X : array_like, shape (p, n)
        Data, columns are samples.
    y : array_like, shape (n,) or (outputs, n)
        Real targets, or integer class labels 0, 1, ... for cross-entropy.
    loss : str
        "squared" or "cross-entropy".
    steps : integer >= 1
        Number of updates.
    learning_rate : positive number
        :math:`\eta`.
    momentum : number in [0, 1)
        :math:`\mu`.
    batch : integer >= 1, optional
        Samples a step, drawn without replacement until too few are left; all by default.
    record_every : integer >= 1
        Steps between two records; the first and the last are always recorded.
    X_test, y_test : array_like, optional
        Test data, of the same form.
    measure : callable, optional
        Called with the network at every record; what it returns is kept.
    rng : None, int or numpy.random.Generator
        Which samples make a batch.
    progress : bool
        A bar where standard error is a terminal.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        If an argument is out of range, or shapes do not match.
    ~rmtlib.ConvergenceError
        If the loss stops being finite.

    Example
    -------
    >>> X = np.array([[1.0, 2.0, 3.0]])
    >>> line = MLP([1, 1], [], rng=0)
    >>> history = train(line, X, 2 * X[0], steps=50, learning_rate=0.2)
    >>> bool(history.loss[-1] < 1e-12), round(line.weights[0].item(), 6)
    (True, 2.0)
    """
    _checks.one_of("loss", loss, ("squared", "cross-entropy"))
    classes = loss == "cross-entropy"
    rows = rows_of(network, "X", X)
    target = _targets("y", y, rows, classes)
    tests = None
    if X_test is not None:
        test_rows = rows_of(network, "X_test", X_test)
        tests = (test_rows, _targets("y_test", y_test, test_rows, classes))
    n = len(rows)
    steps = _checks.count("steps", steps)
    rate = _checks.positive("learning_rate", learning_rate)
    momentum = _checks.between("momentum", momentum, 0, 1 - 1e-9)
    size = n if batch is None else _checks.count("batch", batch)
    if size > n:
        raise ValueError(f"batch must be at most n = {n}, got {size}")
    every = _checks.count("record_every", record_every)
    rng = _checks.as_rng(rng)
    optimizer = torch.optim.SGD(network.parameters(), lr=rate, momentum=momentum)

    def objective(rows, target):
        out = network(rows)
        if classes:
            return torch.nn.functional.cross_entropy(out, target), out
        if out.shape != target.shape:
            raise ValueError(
                f"y must be of shape ({out.shape[1]}, {n}), one row an output, or a vector "
                f"for one output; got {target.shape[1]} rows"
            )
        return ((out - target) ** 2).sum() / (2 * len(rows)), out

    def record(rows, target):
        with torch.no_grad():
            value, out = objective(rows, target)
        share = (out.argmax(1) == target).double().mean().item() if classes else np.nan
        return value.item(), share

    records, measured = [], []
    order = np.empty(0, dtype=int)
    for step in tqdm(range(steps + 1), disable=None if progress else True, leave=False):
        if step % every == 0 or step == steps:
            records.append((step, *record(rows, target), *(record(*tests) if tests else ())))
            if not np.isfinite(records[-1][1]):
                raise ConvergenceError(
                    f"training diverged: loss {records[-1][1]} after {step} steps; "
                    f"learning_rate = {rate:g} is too large"
                )
            if measure is not None:
                measured.append(measure(network))
        if step == steps:
            break
        if size == n:
            some = slice(None)
        else:
            if order.size < size:
                order = rng.permutation(n)
            some, order = torch.as_tensor(order[:size], device=rows.device), order[size:]
        optimizer.zero_grad()
        objective(rows[some], target[some])[0].backward()
        optimizer.step()
    table = np.array(records).T
    return History(
        steps=table[0].astype(int),
        loss=table[1],
        test_loss=table[3] if tests else None,
        accuracy=table[2] if classes else None,
        test_accuracy=table[4] if tests and classes else None,
        measured=tuple(measured),
    )


def rows_of(network: torch.nn.Module, name: str, X: ArrayLike) -> torch.Tensor:
    """The columns of X as rows, on the network's device and in its dtype."""
    p = network.widths[0] if isinstance(network, MLP) else None
    X = _checks.matrix(name, X, shape=(p, None))
    return torch.as_tensor(X.T.copy()).to(next(network.parameters()))


def _targets(name: str, y: ArrayLike | None, rows: torch.Tensor, classes: bool) -> torch.Tensor:
    """Targets beside the rows: (n,) class labels, or (n, outputs) numbers."""
    if y is None:
        raise ValueError(f"{name} must come with the data it belongs to, got None")
    if classes:
        labels = _checks.labels(name, y, length=len(rows), why="classes 0, 1, ...")
        return torch.as_tensor(labels, dtype=torch.int64, device=rows.device)
    y = _checks.real_array(name, y)
    y = _checks.matrix(name, y[None] if y.ndim == 1 else y, shape=(None, len(rows)))
    return torch.as_tensor(y.T.copy()).to(rows)
