r"""Linear regression in large dimension: the risk of the ridgeless and the ridge estimator.

Data X of shape (p, n) with independent standard Gaussian columns, responses
:math:`y = X^{\mathsf T}\beta + \varepsilon`; ``ratio`` is p / n.
"""

import numpy as np

from rmtlib._checks import count, nonnegative, positive_array, scalar_out
from rmtlib._types import ArrayLike
from rmtlib.laws import MarchenkoPastur


def _linear(signal: float, noise: float) -> tuple[float, float]:
    signal = nonnegative("signal", signal, "squared norm of the coefficients")
    return signal, nonnegative("noise", noise, "variance of the label noise")


def ridgeless_risk(ratio: ArrayLike, *, signal: float, noise: float) -> np.ndarray | float:
    r"""Excess risk of least squares of least norm, in the limit: the double descent.

    Samples :math:`y = \beta^{\mathsf T} x + \varepsilon`, x of covariance :math:`I_p`,
    :math:`\|\beta\|^2 = r^2` (``signal``), variance of the noise :math:`\sigma^2` (``noise``);
    :math:`\hat\beta = X (X^{\mathsf T} X)^+ y`. At :math:`p / n \to c`,

    .. math::

        \mathbb E (x^{\mathsf T} \hat\beta - x^{\mathsf T} \beta)^2 \to
        \begin{cases} \sigma^2 \dfrac c{1 - c} & c < 1 \\[2mm]
        r^2 \Bigl(1 - \dfrac1c\Bigr) + \dfrac{\sigma^2}{c - 1} & c > 1 . \end{cases}

    Test error is ``noise`` more. For :math:`r > \sigma` there is a second minimum
    :math:`2 \sigma r - \sigma^2` at :math:`c = r / (r - \sigma)`.

    Parameters
    ----------
    ratio : array of positive numbers
        c, any shape; the risk is infinite at 1 (if there is noise).
    signal, noise : nonnegative numbers
        :math:`r^2` and :math:`\sigma^2`.

    Notes
    -----
    :cite:t:`HMRT22`. The error is O(1/n): `ridgeless_risk_finite` is exact for Gaussian data.

    Example
    -------
    >>> ridgeless_risk([0.5, 2.0], signal=1.0, noise=0.25)
    array([0.25, 0.75])
    """
    c = positive_array("ratio", ratio, "ratio = p / n")
    signal, noise = _linear(signal, noise)
    gap = np.abs(1 - c)
    peak = np.full(c.shape, np.inf if noise else 0.0)
    np.divide(noise * np.minimum(c, 1.0), gap, out=peak, where=gap > 0)
    return scalar_out(peak + signal * np.maximum(1 - 1 / c, 0.0))


def ridgeless_risk_finite(*, p: int, n: int, signal: float, noise: float) -> float:
    r"""Excess risk of least squares of least norm, exact for Gaussian data at any p and n.

    Model and estimator of `ridgeless_risk`; mean over samples and noise:

    .. math::

        \sigma^2 \frac p{n - p - 1} \quad (p \le n - 2), \qquad
        r^2 \Bigl(1 - \frac np\Bigr) + \sigma^2 \frac n{p - n - 1} \quad (p \ge n + 2) .

    Parameters
    ----------
    p, n : integers >= 1
        Dimension and number of samples.
    signal, noise : nonnegative numbers
        :math:`r^2` and :math:`\sigma^2`.

    Returns
    -------
    float; infinite for abs(p - n) <= 1 if there is noise.

    Notes
    -----
    Means of inverse Wishart matrices :cite:p:`Anderson03`. Exact. With p of D
    equally informative coordinates, :math:`r^2 p / D` is the signal and
    :math:`\sigma^2 + r^2 (1 - p / D)` the noise.

    Example
    -------
    >>> ridgeless_risk_finite(p=10, n=21, signal=1.0, noise=0.5)
    0.5
    """
    p, n = count("p", p, at_most=np.inf), count("n", n, at_most=np.inf)
    signal, noise = _linear(signal, noise)
    peak = 0.0
    if noise:
        peak = noise * min(p, n) / (abs(p - n) - 1) if abs(p - n) > 1 else np.inf
    return float(peak + signal * max(1 - n / p, 0.0))


def ridge_risk(
    ratio: ArrayLike, ridge: ArrayLike, *, signal: float, noise: float
) -> np.ndarray | float:
    r"""Excess risk of ridge regression on white data, in the limit.

    Model of `ridgeless_risk`, objective
    :math:`\frac1n \|y - X^{\mathsf T} \beta\|^2 + \lambda \|\beta\|^2`. With m the Stieltjes
    transform of ``MarchenkoPastur(c)`` and all at :math:`-\lambda`,

    .. math:: R = r^2 \lambda^2 m' + \sigma^2 c\,(m - \lambda m') .

    The best ridge is :math:`\lambda = c \sigma^2 / r^2`, of risk :math:`\sigma^2 c\, m`:
    continuous at c = 1, with no peak.

    Parameters
    ----------
    ratio, ridge : arrays of positive numbers
        c = p / n and :math:`\lambda`, of shapes that broadcast.
    signal, noise : nonnegative numbers
        :math:`r^2` and :math:`\sigma^2`.

    Notes
    -----
    :cite:t:`HMRT22`. The error is O(1/n).

    Example
    -------
    >>> round(ridge_risk(1.0, 0.25, signal=1.0, noise=0.25), 10)
    0.3903882032
    """
    c, lam = np.broadcast_arrays(
        positive_array("ratio", ratio, "ratio = p / n"), positive_array("ridge", ridge)
    )
    signal, noise = _linear(signal, noise)
    risk = np.empty(c.shape)
    for index in np.ndindex(c.shape):
        law, z = MarchenkoPastur(c[index]), -lam[index]
        # c (m + z m') is the same for the companion, which stays finite at z = 0 for c > 1
        scale, side = (c[index], law.stieltjes) if c[index] <= 1 else (1.0, law.companion)
        spread = scale * (side(z) + z * side(z, derivative=True))
        risk[index] = signal * z**2 * law.stieltjes(z, derivative=True) + noise * spread
    return scalar_out(risk)
