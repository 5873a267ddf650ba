r"""The statistics of gradient descent by quadrature on two measures: the real form."""

import numpy as np
from scipy.special import expit

from rmtlib._checks import ConvergenceError
from rmtlib.dynamics._filters import Clock
from rmtlib.dynamics._statistics import DescentStatistics, gaussian_statistics

_MOST_NODES = 5e6


def nodes(c: float, rho: float, M: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Nodes and weights of `TwoClassDescent.measures`.

    Midpoint rule in the angle of :math:`x = 1 + c + 2 \sqrt c \cos\theta`. The poles at
    :math:`\lambda_s` and 0 would spoil it near :math:`\rho = \sqrt c` and c = 1; there the atoms
    are multiplied by :math:`(1 + (\sqrt c / \rho)^{2M})^{-1}` and :math:`(1 + c^{-M})^{-1}`, and
    are kept below the threshold (negative and tiny): this cancels the error of the rule exactly.
    """
    theta = (np.arange(M) + 0.5) * np.pi / M
    root = np.sqrt(c)
    x = (1 - root) ** 2 + 4 * root * np.cos(theta / 2) ** 2
    sine = np.sin(theta) ** 2
    to_spike = (rho - root) ** 2 / rho + 4 * root * np.sin(theta / 2) ** 2
    spike_mass = (rho**2 - c) / rho * expit(2 * M * np.log(rho / root))
    zero_mass = (1 - 1 / c) * expit(M * np.log(c))
    spike = (1 + rho) * (1 + c / rho)
    return (
        np.append(x, [spike, 0.0]),
        np.append(2 * c / M * sine / to_spike, [spike_mass, 0.0]),
        np.append(2 / M * sine / x, [0.0, zero_mass]),
    )


def quadrature_statistics(
    clock: Clock, c: float, rho: float, sigma2: float, gamma: float
) -> DescentStatistics:
    """Statistics of flow or steps from the integrals in `TwoClassDescent.at`."""
    t, alpha, steps = clock.t, clock.alpha, clock.dynamics == "steps"
    edge, spike = (1 + np.sqrt(c)) ** 2, (1 + rho) * (1 + c / rho)
    largest = gamma + (spike if rho**2 > c else edge)
    if steps and alpha * largest >= 2:
        raise ValueError(
            f"learning_rate must be below {2 / largest:g}, got {alpha:g} "
            f"(steps diverge beyond 2 / {largest:g}, the largest eigenvalue)"
        )
    # The lower edge: exp(-alpha t x) until the ridge has stopped it, and 1 / x.
    reach = np.minimum(alpha * t, 40 / gamma if gamma else np.inf)
    needed = np.minimum(10 * np.sqrt(reach), 40 / max(abs(np.log(c)), 1e-300))
    factor = alpha * (edge + gamma) - 1
    if steps and factor > 0:
        lasting = np.minimum(t, 40 / -np.log(factor))  # until the upper edge has arrived
        needed = np.maximum(needed, 10 * np.sqrt(alpha * lasting / factor))
        if alpha * (spike + gamma) >= 2:  # f grows at omega's pole: let its error vanish
            needed = np.maximum(needed, 40 / np.log(np.sqrt(c) / rho))
    if needed.max() > _MOST_NODES:
        raise ConvergenceError(
            f"learning_rate * t = {alpha * t.max():g} needs {needed.max():.1g} nodes at ratio "
            f"{c:g} (near p = n ever smaller eigenvalues would have to be resolved)"
        )
    doublings = np.ceil(np.log2(np.maximum(needed / 100, 1)))
    integrals = np.empty((5, t.size))
    for power in np.unique(doublings):
        some = doublings == power
        x, omega, nu = nodes(c, rho, int(100 * 2**power))
        if rho**2 <= c and abs(omega[-2]) < 1e-17 * rho:
            x[-2] = x[0]  # no atom; and no power of a number beyond 1 at its place
        integrals[:, some] = _integrals(clock[some], gamma, x, omega, nu)
    g, gg, xgg, ff, xff = integrals
    k = (rho + c) / rho
    V_train = k * xgg + sigma2 * xff - (k * g) ** 2
    return gaussian_statistics(g, k * gg + sigma2 * ff, k * g, V_train)


def _integrals(
    clock: Clock, gamma: float, x: np.ndarray, omega: np.ndarray, nu: np.ndarray
) -> np.ndarray:
    """Of g, g^2, x g^2 with respect to omega, of f^2, x f^2 with respect to nu."""
    lam = x + gamma
    first = clock[[clock.t.argmin()]].filters(lam)[0][0]
    moving = np.abs(first) > 1e-18  # the other modes have arrived: f = 0, g = 1 / lambda
    moving[np.argmin(lam)] = True
    f, g = clock.filters(lam[moving])
    there, share = 1 / lam[~moving], omega[~moving]
    x, omega, nu, settled = x[moving], omega[moving], nu[moving], x[~moving]
    rows = (
        g @ omega + there @ share,
        g**2 @ omega + there**2 @ share,
        g**2 @ (x * omega) + there**2 @ (settled * share),
        f**2 @ nu,
        f**2 @ (x * nu),
    )
    return np.array(rows)
