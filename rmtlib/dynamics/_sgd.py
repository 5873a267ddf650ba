"""Stochastic gradient descent on least squares."""

import numpy as np

from rmtlib._checks import nonnegative, positive
from rmtlib._types import ArrayLike
from rmtlib.dynamics._filters import clock
from rmtlib.dynamics._quadrature import nodes


def sgd_loss(
    times: ArrayLike, *, ratio: float, signal: float, noise: float, learning_rate: float
) -> np.ndarray | float:
    r"""Training loss of stochastic gradient descent on least squares, in the limit.

    Responses :math:`y = X^{\mathsf T} \beta + \varepsilon` on white data, :math:`\|\beta\|^2 =
    r^2` (``signal``), noise of variance :math:`s^2` (``noise``), start at zero; step
    :math:`w \leftarrow w - \frac\eta p x_i (x_i^{\mathsf T} w - y_i)` with i drawn anew among the
    n samples. At step k = t p the loss :math:`\frac1n \|y - X^{\mathsf T} w\|^2` tends to the
    solution of

    .. math::

        \psi(t) = h(t) + \eta^2 \int_0^t \kappa(t - u)\,\psi(u)\,du, \qquad
        \kappa(u) = \int x^2 e^{-2 \eta x u} \nu(dx),

    with the Marchenko-Pastur law :math:`\nu` and the loss of gradient flow
    :math:`h(t) = \int (r^2 x + s^2 c)\,e^{-2 \eta x t} \nu(dx) + s^2 (1 - c)`.

    Parameters
    ----------
    times : array, shape (T,), or number
        t >= 0, steps divided by p; at c within 2 percent of 1 at most :math:`2\cdot10^4/\eta`.
    ratio : positive number
        c = p / n.
    signal, noise : nonnegative numbers
        :math:`r^2` and :math:`s^2`.
    learning_rate : positive number
        :math:`\eta`; the loss converges below 2 and grows without bound above.

    Returns
    -------
    array, shape (T,), or float

    Notes
    -----
    :cite:t:`Paquette21`. On the nodes of `TwoClassDescent.measures` the equation is a linear
    differential equation with a diagonal matrix plus one of rank one; its eigenvectors give all
    times at once. Fluctuations of a run are :math:`O(n^{-1/2})`.

    Example
    -------
    As time grows the loss is that of least squares divided by :math:`1 - \eta / 2`:

    >>> loss = sgd_loss([0, 1000], ratio=0.5, signal=1, noise=0.3, learning_rate=1)
    >>> np.round(loss, 10)
    array([1.3, 0.3])
    """
    clocked = clock(times, learning_rate)
    t, eta = clocked.t, clocked.alpha
    c = positive("ratio", ratio, "ratio = p / n")
    r2 = nonnegative("signal", signal, "squared norm of the coefficients")
    s2 = nonnegative("noise", noise, "variance of the label noise")
    points = min(10 * np.sqrt(2 * eta * t.max()), 40 / max(abs(np.log(c)), 1e-300))
    if points > 2000:
        raise ValueError(
            f"times must be at most {2e4 / eta:g} at ratio {c:g}, got {t.max():g} "
            "(near p = n ever smaller eigenvalues would have to be resolved)"
        )
    x, _, nu = (values[:-2] for values in nodes(c, 1.0, max(100, int(points) + 1)))
    # Losses y of the nodes: y' = -2 eta x y + eta^2 nu x^2 (sum y + floor); y = sqrt(nu) x u.
    floor = s2 * max(1 - c, 0.0)
    side = np.sqrt(nu) * x
    rates, V = np.linalg.eigh(np.diag(-2 * eta * x) + eta**2 * np.outer(side, side))
    start = V.T @ (np.sqrt(nu) * (r2 + s2 * c / x))
    drive = V.T @ (eta**2 * side * floor)
    growth = np.exp(np.outer(t, rates))
    flat = np.abs(rates) < 1e-12
    done = np.where(flat, t[:, None], np.expm1(np.outer(t, rates)) / np.where(flat, 1, rates))
    loss = floor + (growth * start + done * drive) @ (V.T @ side)
    return loss if np.ndim(times) else float(loss[0])
