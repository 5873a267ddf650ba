"""Jacobians of sampled random networks, to compare with their limiting law."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import ortho_group

from rmtlib._checks import as_rng, count, nonnegative, one_of, positive
from rmtlib._types import Seed
from rmtlib.activations import Activation, as_activation


def sample_jacobian(
    activation: Activation | str,
    *,
    n: int,
    depth: int,
    weight_variance: float = 1.0,
    bias_variance: float = 0.0,
    input_variance: float = 1.0,
    weights: str | Callable[[np.random.Generator, tuple[int, int]], np.ndarray] = "gaussian",
    frozen: bool = False,
    size: int | None = None,
    rng: Seed = None,
) -> np.ndarray:
    r"""Jacobian :math:`J=D^LW^L\cdots D^1W^1` of one random network at a random input.

    Parameters
    ----------
    activation : Activation or name
        :math:`\sigma`.
    n : integer >= 2
        Width.
    depth : integer >= 1
        L.
    weight_variance, bias_variance, input_variance : numbers
        :math:`\sigma_w^2>0,\ \sigma_b^2\ge0`; the input is Gaussian, scaled to
        :math:`\|x^0\|^2=nq^0`.
    weights : "gaussian", "orthogonal" or callable
        Called with (rng, shape) it returns entries of mean zero and variance one,
        which are multiplied by :math:`\sigma_w/\sqrt n`.
    frozen : bool
        Take each :math:`D^l` from another network, independent of the weights.
    size : integer >= 1, optional
        Number of networks; one without an axis by default.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    ndarray, shape (n, n) or (size, n, n)

    Example
    -------
    >>> J = sample_jacobian("linear", n=50, depth=3, weights="orthogonal", rng=0)
    >>> bool(np.allclose(J @ J.T, np.eye(50)))
    True
    """
    activation = as_activation(activation)
    n, depth = count("n", n, at_least=2, why="width"), count("depth", depth, why="layers")
    weight = np.sqrt(positive("weight_variance", weight_variance))
    bias = np.sqrt(nonnegative("bias_variance", bias_variance))
    signal = np.sqrt(positive("input_variance", input_variance))
    if not callable(weights):
        one_of("weights", weights, ("gaussian", "orthogonal"))
    repeats = 1 if size is None else count("size", size)
    rng = as_rng(rng)

    def draw() -> np.ndarray:
        if callable(weights):
            return weight / np.sqrt(n) * weights(rng, (n, n))
        if weights == "orthogonal":
            return weight * ortho_group.rvs(n, random_state=rng)
        return weight / np.sqrt(n) * rng.standard_normal((n, n))

    def jacobian() -> np.ndarray:
        x = rng.standard_normal(n)
        x *= signal * np.sqrt(n) / np.linalg.norm(x)
        J = np.eye(n)
        for _ in range(depth):
            W = draw()
            y = (draw() if frozen else W) @ x + bias * rng.standard_normal(n)
            J = activation.derivative(y)[:, None] * (W @ J)
            x = activation.value(y)
        return J

    found = np.array([jacobian() for _ in range(repeats)])
    return found[0] if size is None else found


def sample_spectrum(
    activation: Activation | str,
    *,
    n: int,
    depth: int,
    size: int | None = None,
    rng: Seed = None,
    **network: Any,
) -> np.ndarray:
    r"""Eigenvalues of :math:`JJ^{\mathsf T}`, as squared singular values of sampled Jacobians.

    Parameters
    ----------
    activation, n, depth, size, rng
        As `sample_jacobian`.
    **network
        Its other arguments.

    Returns
    -------
    ndarray, shape (n,) or (size, n), ascending
        Below 1e-13 of the largest, singular values of a product of many layers are
        rounding.

    Example
    -------
    >>> lam = sample_spectrum("ReLU", n=100, depth=2, weight_variance=2, size=3, rng=0)
    >>> lam.shape, bool(np.all(np.mean(lam < 1e-12, axis=1) > 0.4))
    ((3, 100), True)
    """
    J = sample_jacobian(activation, n=n, depth=depth, size=size, rng=rng, **network)
    return np.linalg.svd(J, compute_uv=False)[..., ::-1] ** 2
