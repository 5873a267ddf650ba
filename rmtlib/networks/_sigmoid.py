r"""Back-propagation line by line: a network of logistic layers in plain NumPy.

`SigmoidNetwork` is made to be read: its forward and backward passes are the
formulas, one line each. Networks to be used are `rmtlib.networks.MLP`.
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from rmtlib import _checks
from rmtlib._types import ArrayLike, Seed


class SigmoidNetwork:
    r"""A network of logistic layers in plain NumPy, with its gradient by hand.

    .. math::

        a_0=x,\qquad z_\ell=W_\ell a_{\ell-1}+b_\ell,\qquad a_\ell=\sigma(z_\ell),
        \qquad\sigma(t)=\frac1{1+e^{-t}},\qquad\ell=1,\dots,L,

    and :math:`\mathrm{Cost}=\frac1n\sum_i\frac12\|y_i-a_L(x_i)\|^2`. Entries of weights
    and biases start as independent :math:`\mathcal N(0,s^2)`, s the ``scale``.

    Parameters
    ----------
    widths : sequence of integers >= 1
        :math:`(N_0,\dots,N_L)`, inputs first, outputs last.
    scale : positive number
        Standard deviation of the initial weights and biases.
    copies : integer >= 1, optional
        As many independent networks, trained side by side at little more than
        the cost of one; every array gets a leading axis of this length.
    rng : None, int or numpy.random.Generator
        Randomness.

    Notes
    -----
    Source: :cite:t:`HighamHigham19`, sections 3 to 6.

    Example
    -------
    >>> network = SigmoidNetwork([2, 2, 3, 2], rng=0)
    >>> [W.shape for W in network.W], sum(W.size + b.size for W, b in network.layers)
    ([(2, 2), (3, 2), (2, 3)], 23)
    """

    def __init__(
        self,
        widths: Sequence[int],
        *,
        scale: float = 0.5,
        copies: int | None = None,
        rng: Seed = None,
    ):
        self.widths = check_widths(widths)
        scale = _checks.positive("scale", scale)
        axes = () if copies is None else (_checks.count("copies", copies),)
        rng = _checks.as_rng(rng)
        fans = list(zip(self.widths[1:], self.widths, strict=False))
        self.W = [scale * rng.standard_normal((*axes, m, k)) for m, k in fans]
        self.b = [scale * rng.standard_normal((*axes, m, 1)) for m, _ in fans]

    @property
    def layers(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Pairs of weights and biases, first layer first."""
        return list(zip(self.W, self.b, strict=True))

    def forward(self, X: np.ndarray) -> list[np.ndarray]:
        """Activations of all layers, the inputs included.

        Parameters
        ----------
        X : array, shape (N_0, n)
            Inputs; not checked, this is the inner loop.

        Returns
        -------
        list of arrays, shapes (N_l, n)
        """
        a = [X]
        for W, b in self.layers:
            a.append(expit(W @ a[-1] + b))
        return a

    def gradient(self, X: np.ndarray, Y: np.ndarray) -> tuple[list, list]:
        r"""Gradient of the cost by back-propagation.

        .. math::

            \delta_L=a_L\circ(1-a_L)\circ(a_L-y),\qquad
            \delta_\ell=a_\ell\circ(1-a_\ell)\circ W_{\ell+1}^{\mathsf T}\delta_{\ell+1},\qquad
            \nabla_{W_\ell}=\delta_\ell a_{\ell-1}^{\mathsf T},\quad\nabla_{b_\ell}=\delta_\ell,

        averaged over the samples.

        Parameters
        ----------
        X, Y : arrays, shapes (N_0, n) and (N_L, n)
            Inputs and targets; not checked, this is the inner loop.

        Returns
        -------
        two lists of arrays
            Of the shapes of the weights and of the biases.
        """
        a, n = self.forward(X), X.shape[-1]
        delta = a[-1] * (1 - a[-1]) * (a[-1] - Y)
        dW, db = [], []
        for layer in reversed(range(len(self.W))):
            dW.insert(0, delta @ a[layer].mT / n)
            db.insert(0, delta.sum(axis=-1, keepdims=True) / n)
            if layer:
                delta = a[layer] * (1 - a[layer]) * (self.W[layer].mT @ delta)
        return dW, db

    def cost(self, X: np.ndarray, Y: np.ndarray) -> float | np.ndarray:
        """Half the squared error, averaged over samples; one number a copy."""
        return np.sum((self.forward(X)[-1] - Y) ** 2, axis=(-2, -1)) / (2 * X.shape[-1])

    def descend(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        *,
        steps: int,
        learning_rate: float,
        batch: int | None = 1,
        record_every: int | None = None,
        rng: Seed = None,
    ) -> np.ndarray:
        """Stochastic gradient descent, in place.

        Parameters
        ----------
        X, Y : array_like, shapes (N_0, n) and (N_L, n)
            Inputs and targets.
        steps : integer >= 1
            Number of updates.
        learning_rate : positive number
            Step size.
        batch : integer >= 1 or None
            Samples a step, drawn with replacement (1 is the classical choice);
            None takes all samples in every step.
        record_every : integer >= 1, optional
            How often the cost over all samples is computed; ``steps`` by default.
        rng : None, int or numpy.random.Generator
            Which samples.

        Returns
        -------
        ndarray, shape (1 + steps // record_every, ...)
            Costs, the initial one first.
        """
        X = _checks.matrix("X", X, shape=(self.widths[0], None))
        n = X.shape[1]
        Y = _checks.matrix("Y", Y, shape=(self.widths[-1], n))
        steps = _checks.count("steps", steps)
        rate = _checks.positive("learning_rate", learning_rate)
        every = steps if record_every is None else _checks.count("record_every", record_every)
        rng = _checks.as_rng(rng)
        chosen = [slice(None)] * steps
        if batch is not None:
            chosen = rng.integers(n, size=(steps, _checks.count("batch", batch)))
        costs = [self.cost(X, Y)]
        for step, k in enumerate(chosen):
            dW, db = self.gradient(X[:, k], Y[:, k])
            for W, b, slope_W, slope_b in zip(self.W, self.b, dW, db, strict=True):
                W -= rate * slope_W
                b -= rate * slope_b
            if (step + 1) % every == 0:
                costs.append(self.cost(X, Y))
        return np.array(costs)


def check_widths(widths: Sequence[int]) -> tuple[int, ...]:
    """The widths of a network, inputs and outputs included, as a tuple of integers."""
    entries = np.atleast_1d(np.asarray(widths, dtype=object))
    widths = tuple(_checks.count("widths", d) for d in entries)
    if len(widths) < 2:
        raise ValueError(f"widths must name inputs and outputs at least, got {widths}")
    return widths
