r"""Neural networks in torch: perceptrons, one training loop, empirical kernels.

`MLP` is a multilayer perceptron in one of the two parametrizations of this
course, `train` descends the gradient of any torch module, and three functions
give the matrices that random matrix theory asks about:
`empirical_conjugate_kernel`, `empirical_tangent_kernel` and
`input_output_jacobian`.

Data are :math:`(p,n)`, columns are samples, in every function; a torch module
takes rows, so call it as ``network(torch.as_tensor(X.T))``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch.func import functional_call, jacrev, vjp, vmap
from tqdm import tqdm

from rmtlib import inputs
from rmtlib.activations import ARCTAN, CATALOGUE, SIGMOID, TANH, Activation
from rmtlib.backpropagation import check_widths
from rmtlib.inputs import ConvergenceError

_ENTRIES = 2**24  # of the largest intermediate array: 128 MiB


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
        inputs.one_of("activation", activation, tuple(CATALOGUE))
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
        inputs.one_of("weights", weights, tuple(_WEIGHTS))
        self.parametrization = inputs.one_of(
            "parametrization", parametrization, ("ntk", "standard")
        )
        self.bias = inputs.nonnegative("bias", bias)
        scale = inputs.positive("scale", scale)
        source = torch.Generator().manual_seed(int(inputs.as_rng(rng).integers(2**62)))
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
    ~rmtlib.inputs.ConvergenceError
        If the loss stops being finite.

    Example
    -------
    >>> X = np.array([[1.0, 2.0, 3.0]])
    >>> line = MLP([1, 1], [], rng=0)
    >>> history = train(line, X, 2 * X[0], steps=50, learning_rate=0.2)
    >>> bool(history.loss[-1] < 1e-12), round(line.weights[0].item(), 6)
    (True, 2.0)
    """
    inputs.one_of("loss", loss, ("squared", "cross-entropy"))
    classes = loss == "cross-entropy"
    rows = _rows(network, "X", X)
    target = _targets("y", y, rows, classes)
    tests = None
    if X_test is not None:
        test_rows = _rows(network, "X_test", X_test)
        tests = (test_rows, _targets("y_test", y_test, test_rows, classes))
    n = len(rows)
    steps = inputs.count("steps", steps)
    rate = inputs.positive("learning_rate", learning_rate)
    momentum = inputs.between("momentum", momentum, 0, 1 - 1e-9)
    size = n if batch is None else inputs.count("batch", batch)
    if size > n:
        raise ValueError(f"batch must be at most n = {n}, got {size}")
    every = inputs.count("record_every", record_every)
    rng = inputs.as_rng(rng)
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

    Raises
    ------
    ValueError
        If the data are not finite matrices of p rows, or there is no hidden layer.

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
    if len(network.widths) < 3:
        raise ValueError(f"network must have a hidden layer, got widths {network.widths}")

    def features(name, data):
        with torch.no_grad():
            return network.layers(_rows(network, name, data))[-2]

    left = features("X", X)
    right = left if Y is None else features("Y", Y)
    return (left @ right.T / left.shape[1]).cpu().numpy()


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
        If the data are not finite matrices of p rows, or an activation jumps: its
        gradient is zero where it exists, and there is no tangent kernel.

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
    x = _rows(network, "X", X)
    y = x if Y is None else _rows(network, "Y", Y)
    if not isinstance(network, MLP):
        return _gram_of_gradients(network, x, y).cpu().numpy()
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
    return kernel.cpu().numpy()


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
    parameters = {name: value.detach() for name, value in network.named_parameters()}
    outputs = network(x[:1]).shape[1]
    kernel = x.new_zeros(len(x), len(y))
    for name, value in parameters.items():

        def output(theta, sample, name=name):
            return functional_call(network, parameters | {name: theta}, (sample[None],))[0]

        gradients = vmap(jacrev(output), in_dims=(None, 0))
        step = max(1, _ENTRIES // (outputs * value.numel()))
        for i in range(0, len(x), step):
            left = gradients(value, x[i : i + step]).flatten(1)
            for j in range(0, len(y), step):
                same = y is x and i == j
                right = left if same else gradients(value, y[j : j + step]).flatten(1)
                kernel[i : i + step, j : j + step] += left @ right.T / outputs
    return kernel


def input_output_jacobian(network: torch.nn.Module, X: ArrayLike) -> np.ndarray:
    r"""Jacobians of the outputs in the inputs, one a sample.

    .. math::

        J(x)_{ki}=\frac{\partial f_k(x)}{\partial x_i} .

    Parameters
    ----------
    network : torch module
        Takes rows.
    X : array_like, shape (p, n)
        Data, columns are samples.

    Returns
    -------
    ndarray, shape (n, outputs, p)

    Raises
    ------
    ValueError
        If ``X`` is not a finite matrix of p rows.

    Example
    -------
    >>> linear = MLP([4, 2], [], rng=0)
    >>> J = input_output_jacobian(linear, np.ones((4, 3)))
    >>> J.shape, bool(np.allclose(J[0], linear.weights[0].detach() / 2))
    ((3, 2, 4), True)
    """
    rows = _rows(network, "X", X)
    with torch.no_grad():
        outputs = network(rows[:1]).shape[1]
    widest = max(max(W.shape) for W in network.parameters())
    slopes = vmap(
        jacrev(lambda sample: network(sample[None])[0]),
        chunk_size=max(1, _ENTRIES // (outputs * widest)),
    )
    return slopes(rows).detach().cpu().numpy()


def _rows(network: torch.nn.Module, name: str, X: ArrayLike) -> torch.Tensor:
    """The columns of X as rows, on the network's device and in its dtype."""
    p = network.widths[0] if isinstance(network, MLP) else None
    X = inputs.matrix(name, X, shape=(p, None))
    return torch.as_tensor(X.T.copy()).to(next(network.parameters()))


def _targets(name: str, y: ArrayLike | None, rows: torch.Tensor, classes: bool) -> torch.Tensor:
    """Targets beside the rows: (n,) class labels, or (n, outputs) numbers."""
    if y is None:
        raise ValueError(f"{name} must come with the data it belongs to, got None")
    if classes:
        labels = inputs.labels(name, y, length=len(rows), why="classes 0, 1, ...")
        return torch.as_tensor(labels, dtype=torch.int64, device=rows.device)
    y = inputs.real_array(name, y)
    y = inputs.matrix(name, y[None] if y.ndim == 1 else y, shape=(None, len(rows)))
    return torch.as_tensor(y.T.copy()).to(rows)
