"""Fixed points and training past their limit raise or are right, in float32 and float64."""

import numpy as np
import pytest
import torch

from rmtlib import ConvergenceError
from rmtlib.networks import MLP, DeepEquilibrium, solve_fixed_point, train

PRECISIONS = [torch.float32, torch.float64]
MAPS = {
    "expands": lambda z: 2 * z + 1,
    "turns": lambda z: -z + 1,
    "overflows": lambda z: torch.exp(z**2 + 1),
    "is not a number": lambda z: torch.sqrt(-1 - z**2),
    "barely contracts": lambda z: (1 - 1e-9) * z + 1,
    "contracts slowly": lambda z: 0.999 * torch.tanh(z) + 0.1,
    "contracts": torch.cos,
}


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("method", ["picard", "anderson"])
@pytest.mark.parametrize("case", MAPS)
def test_a_fixed_point_is_one_or_none_is_returned(case, method, precision):
    start = torch.zeros(5, 3, dtype=precision)
    try:
        found = solve_fixed_point(MAPS[case], start, method=method, max_iterations=200)
    except ConvergenceError:
        assert case != "contracts"
        return
    value = found.value.double()
    gap = torch.linalg.norm(MAPS[case](value) - value) / torch.linalg.norm(value)
    assert gap <= (1e-4 if precision is torch.float32 else 1e-8)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_model_without_equilibrium_returns_nothing(precision):
    sizes = {"p": 5, "m": 40, "outputs": 1}
    with pytest.raises(ConvergenceError):
        DeepEquilibrium("relu", feedback=3.0, rng=0, dtype=precision, **sizes)(torch.ones(4, 5))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("learning_rate", [1e4, 1e30])
def test_training_that_diverges_raises(learning_rate, precision):
    network = MLP([3, 30, 1], "linear", rng=0, dtype=precision)
    X, y = np.eye(3, 20) + 1, np.ones(20)
    with pytest.raises(ConvergenceError):
        train(network, X, y, steps=200, learning_rate=learning_rate, rng=0, progress=False)
