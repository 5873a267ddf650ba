"""One training loop for all torch modules."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from rmtlib import _checks
from rmtlib._checks import ConvergenceError
from rmtlib._torch_batch import LOSSES, targets_of
from rmtlib._types import ArrayLike, Seed
from rmtlib.networks._mlp import network_rows


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
    rng: Seed = None,
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
    ~rmtlib.ConvergenceError
        If the loss stops being finite.

    Example
    -------
    >>> from rmtlib.networks import MLP
    >>> X = np.array([[1.0, 2.0, 3.0]])
    >>> line = MLP([1, 1], [], rng=0)
    >>> history = train(line, X, 2 * X[0], steps=50, learning_rate=0.2)
    >>> bool(history.loss[-1] < 1e-12), round(line.weights[0].item(), 6)
    (True, 2.0)
    """
    objective = LOSSES[_checks.one_of("loss", loss, tuple(LOSSES))]
    rows, target = _batch(network, X, y, loss)
    tests = None if X_test is None else _batch(network, X_test, y_test, loss, "_test")
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
    classes = loss == "cross-entropy"

    def record(rows: torch.Tensor, target: torch.Tensor) -> tuple[float, float]:
        with torch.no_grad():
            out = network(rows)
            share = (out.argmax(1) == target).double().mean().item() if classes else np.nan
            return objective(out, target).item(), share

    records, measured = [], []
    order = np.empty(0, dtype=int)
    for step in tqdm(range(steps + 1), disable=None if progress else True, leave=False):
        if step % every == 0 or step == steps:
            records.append([step, *record(rows, target), *(record(*tests) if tests else ())])
            if not np.isfinite(records[-1][1]):
                raise ConvergenceError(
                    f"training diverged: loss {records[-1][1]} after {step} steps; "
                    f"learning_rate = {rate:g} is too large"
                )
            if measure is not None:
                measured.append(measure(network))
        if step == steps:
            break
        some = slice(None)
        if size < n:
            if order.size < size:
                order = rng.permutation(n)
            some, order = torch.as_tensor(order[:size], device=rows.device), order[size:]
        optimizer.zero_grad()
        objective(network(rows[some]), target[some]).backward()
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


def _batch(
    network: torch.nn.Module, X: ArrayLike, y: ArrayLike | None, loss: str, suffix: str = ""
) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows and targets, once they fit the network."""
    rows = network_rows(network, f"X{suffix}", X)
    with torch.no_grad():
        out = network(rows)
    return rows, targets_of(f"y{suffix}", y, out, loss)
