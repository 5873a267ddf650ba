"""Gradient flow of a network whose tangent kernel stands still."""

from dataclasses import dataclass

import numpy as np

from rmtlib import _checks
from rmtlib._types import ArrayLike


@dataclass(frozen=True, eq=False)
class TangentFlow:
    """Outputs of a network under gradient flow: what `tangent_flow` returns."""

    outputs: np.ndarray
    """At the training points, shape (times, n)."""
    test_outputs: np.ndarray | None
    """At the test points, shape (times, m), if there are any."""


def tangent_flow(
    Theta: ArrayLike,
    y: ArrayLike,
    times: ArrayLike,
    *,
    initial: ArrayLike | None = None,
    Theta_cross: ArrayLike | None = None,
    initial_test: ArrayLike | None = None,
) -> TangentFlow:
    r"""Outputs of a very wide network trained by gradient flow, from its tangent kernel.

    For the cost :math:`\frac12\sum_i(f(x_i)-y_i)^2` and a kernel that does not move,
    :math:`\dot u=-\Theta(u-y)`, so that

    .. math::

        u(t)=y+e^{-t\Theta}(u_0-y),\qquad
        f(x,t)=f(x,0)+\theta(x)^{\mathsf T}\Theta^{-1}\bigl(I-e^{-t\Theta}\bigr)(y-u_0),

    :math:`\theta(x)` the kernel between x and the training points. For the cost with
    :math:`\frac1{2n}` in front, multiply times by n.

    Parameters
    ----------
    Theta : array_like, shape (n, n)
        Positive semidefinite.
    y : array_like, shape (n,)
        Targets.
    times : array_like, shape (T,)
        Nonnegative times.
    initial : array_like, shape (n,), optional
        :math:`u_0`, outputs before training; 0 by default.
    Theta_cross : array_like, shape (n, m), optional
        Kernel between training and test points, :math:`\theta(x)` in its columns.
    initial_test : array_like, shape (m,), optional
        :math:`f(x,0)`; 0 by default.

    Returns
    -------
    TangentFlow

    Notes
    -----
    Source: :cite:t:`JacotGabrielHongler18`, :cite:t:`LeeXiao19`. Networks of width d differ by
    :math:`O(d^{-1/2})`. One eigendecomposition serves all times.

    Example
    -------
    >>> flow = tangent_flow([[2.0]], [1.0], [0.0, np.log(2) / 2], Theta_cross=[[1.0, 2.0]])
    >>> flow.outputs.ravel(), flow.test_outputs[1]
    (array([0. , 0.5]), array([0.25, 0.5 ]))
    """
    Theta = _checks.symmetric("Theta", Theta, why="a kernel matrix").astype(float, copy=False)
    n = len(Theta)
    y = _checks.vector("y", y, n, "one target per row of Theta").astype(float)
    times = _checks.nonnegative_array("times", _checks.vector("times", times))[:, None]
    u0 = np.zeros(n)
    if initial is not None:
        u0 = _checks.vector("initial", initial, n, "one output per row of Theta").astype(float)
    lam, U = np.linalg.eigh(Theta)
    if lam[0] < -1e-9 * max(lam[-1], 0.0) or lam[-1] < 0:
        raise ValueError(f"Theta must be positive semidefinite, got eigenvalue {lam[0]:.3g}")
    lam = np.maximum(lam, 0.0)
    r = U.T @ (y - u0)
    outputs = y - (np.exp(-times * lam) * r) @ U.T
    if Theta_cross is None:
        if initial_test is not None:
            raise ValueError("initial_test needs Theta_cross, got None")
        return TangentFlow(outputs, None)
    cross = _checks.matrix("Theta_cross", Theta_cross, (n, None), "training points in rows")
    f0 = np.zeros(cross.shape[1])
    if initial_test is not None:
        f0 = _checks.vector("initial_test", initial_test, f0.size, "one per test point")
    tiny = lam <= np.finfo(float).eps * lam[-1]
    growth = np.where(tiny, times, -np.expm1(-times * lam) / np.where(tiny, 1.0, lam))
    return TangentFlow(outputs, f0 + (growth * r) @ (U.T @ cross))
