"""Jacobians of sampled random networks, to compare with their limiting law."""

from collections.abc import Callable

import numpy as np
from scipy.stats import ortho_group

from rmtlib._checks import as_rng, count, nonnegative, one_of, positive
from rmtlib.activations import Activation


def sample_jacobian(
    activation: Activation,
    n: int,
    depth: int,
    *,
    weight_variance: float = 1.0,
    bias_variance: float = 0.0,
    input_variance: float = 1.0,
    weights: str | Callable = "gaussian",
    frozen: bool = False,
    rng: int | np.random.Generator | None = None,
) -> np.ndarray:
    r"""Jacobian :math:`J=D^LW^L\cdots D^1W^1` of one random network at a random input.

    Parameters
    ----------
    activation : Activation
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
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    ndarray, shape (n, n)

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Example
    -------
    >>> from rmtlib.activations import LINEAR
    >>> J = sample_jacobian(LINEAR, 50, 3, weights="orthogonal", rng=0)
    >>> bool(np.allclose(J @ J.T, np.eye(50)))
    True
    """
    n, depth = count("n", n, at_least=2, why="width"), count("depth", depth, why="layers")
    weight = np.sqrt(positive("weight_variance", weight_variance))
    bias = np.sqrt(nonnegative("bias_variance", bias_variance))
    signal = np.sqrt(positive("input_variance", input_variance))
    if not callable(weights):
        one_of("weights", weights, ("gaussian", "orthogonal"))
    rng = as_rng(rng)

    def draw() -> np.ndarray:
        if callable(weights):
            return weight / np.sqrt(n) * weights(rng, (n, n))
        if weights == "orthogonal":
            return weight * ortho_group.rvs(n, random_state=rng)
        return weight / np.sqrt(n) * rng.standard_normal((n, n))

    x = rng.standard_normal(n)
    x *= signal * np.sqrt(n) / np.linalg.norm(x)
    J = np.eye(n)
    for _ in range(depth):
        W = draw()
        y = (draw() if frozen else W) @ x + bias * rng.standard_normal(n)
        J = activation.derivative(y)[:, None] * (W @ J)
        x = activation.value(y)
    return J


def sample_spectrum(
    activation: Activation,
    n: int,
    depth: int,
    *,
    size: int | None = None,
    rng: int | np.random.Generator | None = None,
    **network,
) -> np.ndarray:
    r"""Eigenvalues of :math:`JJ^{\mathsf T}`, as squared singular values of sampled Jacobians.

    Parameters
    ----------
    activation, n, depth
        As `sample_jacobian`.
    size : integer >= 1, optional
        Number of networks; one without an axis by default.
    rng : None, int or Generator
        Source of randomness.
    **network
        Other arguments of `sample_jacobian`.

    Returns
    -------
    ndarray, shape (n,) or (size, n), ascending
        Below 1e-13 of the largest, singular values of a product of many layers are
        rounding.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Example
    -------
    >>> from rmtlib.activations import RELU
    >>> lam = sample_spectrum(RELU, 100, 2, weight_variance=2, size=3, rng=0)
    >>> lam.shape, bool(np.all(np.mean(lam < 1e-12, axis=1) > 0.4))
    ((3, 100), True)
    """
    repeats = 1 if size is None else count("size", size)
    rng = as_rng(rng)
    spectra = np.array(
        [
            np.linalg.svd(
                sample_jacobian(activation, n, depth, rng=rng, **network), compute_uv=False
            )[::-1]
            ** 2
            for _ in range(repeats)
        ]
    )
    return spectra[0] if size is None else spectra
