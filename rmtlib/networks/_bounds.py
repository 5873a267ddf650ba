r"""Two classical guarantees for a classifier: a margin bound and a PAC-Bayes bound.

Both say, with probability at least 1 - d over the n independent examples, that
the probability of an error on a new example is at most a number that can be
computed from the training set. Compare with the exact asymptotics elsewhere in
this library, which assume a model of the data.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import rel_entr

from rmtlib import _checks
from rmtlib._types import ArrayLike


def _confidence(d: float) -> float:
    why = "probability that the bound fails"
    return _checks.between("failure", _checks.positive("failure", d, why), 0, 1, why)


def margin_bound(margins: ArrayLike, complexity: float, *, failure: float = 0.05) -> float:
    r"""Margin bound by Rademacher complexity, at the best margin.

    With :math:`y_if(x_i)` the margins and R the Rademacher complexity of the family that f
    was chosen from, for every margin :math:`\kappa>0` fixed beforehand,

    .. math::

        L\le\frac1n\#\{i:y_if(x_i)<\kappa\}+\frac{2R}{\kappa}+3\sqrt{\frac{\log(2/d)}{2n}} .

    Parameters
    ----------
    margins : array_like, shape (n,)
        Positive where the example is classified correctly.
    complexity : nonnegative number
        R. For :math:`f(x)=\sum_i\beta_i\max(w_i^{\mathsf T}x,0)` with path norm
        :math:`\sum_i|\beta_i|\,\|w_i\|\le A` it is at most
        :math:`2A\sqrt{\overline{\|x\|^2}/n}`, with the mean of the squared norms.
    failure : number in (0, 1]
        d.

    Returns
    -------
    float
        The least value over :math:`\kappa`, as an indication: a margin chosen after the fact
        costs another :math:`O(\sqrt{\log\log n/n})`. Values above 1 mean nothing.

    Notes
    -----
    Source: :cite:t:`BartlettMendelson02`. A bound at finite n, not an asymptotic statement.

    Example
    -------
    >>> round(margin_bound([2.0, 2.0, -1.0, 4.0], 0.1, failure=2 * np.exp(-8)), 12)
    3.35
    """
    margins = np.sort(_checks.vector("margins", margins))
    R = _checks.nonnegative("complexity", complexity, "Rademacher complexity")
    n, d = margins.size, _confidence(failure)
    share = np.searchsorted(margins, margins, side="left") / n
    positive = margins > 0
    at_margins = share[positive] + 2 * R / margins[positive]
    return float(min(1.0, at_margins.min(initial=1.0)) + 3 * np.sqrt(np.log(2 / d) / (2 * n)))


def pac_bayes_bound(error: float, divergence: float, *, n: int, failure: float = 0.05) -> float:
    r"""PAC-Bayes bound on the error of a stochastic classifier.

    The largest L with

    .. math::

        \mathrm{kl}(\hat L\,\|\,L)\le\frac{\mathrm{KL}(Q\,\|\,P)+\log(2\sqrt n/d)}n,\qquad
        \mathrm{kl}(a\,\|\,b)=a\log\frac ab+(1-a)\log\frac{1-a}{1-b},

    for the classifier that draws its parameters from Q for every prediction, P a law fixed
    before the data were seen.

    Parameters
    ----------
    error : number in [0, 1]
        :math:`\hat L`, mean share of errors on the examples under Q.
    divergence : nonnegative number
        :math:`\mathrm{KL}(Q\,\|\,P)`; for Gaussians of the same covariance
        :math:`h^2I` at distance r it is :math:`r^2/(2h^2)`.
    n : integer >= 1
        Number of examples.
    failure : number in (0, 1]
        d.

    Returns
    -------
    float
        At most 1.

    Notes
    -----
    Source: :cite:t:`McAllester99`, in the form of :cite:t:`Maurer04`. A bound at finite n,
    not an asymptotic statement.

    Example
    -------
    With no error, :math:`L=1-e^{-b}`, b the right side.

    >>> L = pac_bayes_bound(0.0, 3.0, n=100, failure=0.1)
    >>> bool(np.isclose(L, 1 - np.exp(-(3 + np.log(200)) / 100)))
    True
    """
    a = _checks.between("error", error, 0, 1)
    n = _checks.count("n", n, at_most=np.inf)
    budget = _checks.nonnegative("divergence", divergence, "KL(Q || P)") + np.log(
        2 * np.sqrt(n) / _confidence(failure)
    )

    def excess(b: float) -> float:
        return float(rel_entr(a, b) + rel_entr(1 - a, 1 - b) - budget / n)

    if a == 1 or excess(1 - 1e-15) <= 0:
        return 1.0
    return float(brentq(excess, a, 1 - 1e-15, xtol=1e-15))
