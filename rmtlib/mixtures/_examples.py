"""Mixtures that the chapters use again and again."""

from collections.abc import Sequence

import numpy as np

from rmtlib import _checks
from rmtlib._types import ArrayLike
from rmtlib.mixtures._mixture import GaussianMixture


def two_classes(
    separation: float, *, p: int, covariances: Sequence[ArrayLike] | None = None
) -> GaussianMixture:
    r"""Two classes of equal weight with opposite means along the first coordinate.

    .. math:: \mu_{1,2} = \pm\tfrac12\Delta\, e_1, \qquad \|\mu_1 - \mu_2\| = \Delta .

    Parameters
    ----------
    separation : float
        :math:`\Delta \ge 0`.
    p : int
        Dimension, at least 1.
    covariances : sequence of two covariances, optional
        As for `GaussianMixture`; the identity by default.

    Returns
    -------
    GaussianMixture

    Example
    -------
    >>> print(f"{two_classes(3.0, p=50).bayes_error():.4f}")
    0.0668
    """
    means = np.zeros((_checks.count("p", p), 2))
    half = _checks.nonnegative("separation", separation) / 2
    means[0] = half, -half
    return GaussianMixture(means, covariances)


def standard_example(p: int) -> GaussianMixture:
    r"""Two classes that differ in mean, trace and shape of the covariance.

    .. math::

        \mu_1 = 2e_1, \quad C_1 = I, \qquad \mu_2 = 2e_2, \quad
        (C_2)_{ij} = \Bigl(1 + \frac4{\sqrt p}\Bigr)\, 0.4^{|i - j|} .

    Parameters
    ----------
    p : int
        Dimension, at least 2.

    Returns
    -------
    GaussianMixture

    Example
    -------
    >>> standard_example(16).second_order().t
    array([-2.,  2.])
    """
    p = _checks.count("p", p, at_least=2, why="the means take two coordinates")
    means = np.zeros((p, 2))
    means[0, 0] = means[1, 1] = 2
    i = np.arange(p)
    return GaussianMixture(means, [1.0, (1 + 4 / np.sqrt(p)) * 0.4 ** np.abs(i[:, None] - i)])
