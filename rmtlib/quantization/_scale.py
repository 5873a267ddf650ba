r"""Whether few levels can keep a kernel *and* its scale: what no matched network can do."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import ndtr, ndtri

from rmtlib import _checks
from rmtlib._gaussian import normal_density
from rmtlib.activations import Activation, GaussianMoments
from rmtlib.kernels import kernel_coefficients
from rmtlib.quantization._activation import curved

_SMALL = 1e-12


@dataclass(frozen=True)
class ScaleMatch:
    r"""What stands between a network and one of few levels with its kernel and its scale.

    Parameters
    ----------
    share : float
        Share of its variance that the network has in its first mode,
        :math:`\tau_0^2\alpha_{L,1}/\tau_L^2`.
    limit : float
        The largest share of networks of these levels and this depth.
    slack : float
        Of one layer of two levels with :math:`e_2\ne0`: the least difference of the two sides
        of the exact test; a two-level function exists where it is not negative. NaN otherwise.
    """

    share: float
    limit: float
    slack: float = float("nan")

    @property
    def possible(self) -> bool:
        """False if there is no such network; True decides for one layer, two levels, e_2 not 0."""
        return self.share <= self.limit * (1 + _SMALL) and not self.slack < -_SMALL

    @property
    def reason(self) -> str:
        """One line for people."""
        if self.possible:
            return "nothing speaks against it"
        if self.share > self.limit * (1 + _SMALL):
            return f"first-mode share {self.share:.3f} > {self.limit:.3f}"
        return f"its first two modes are out of reach of two levels, by {-self.slack:.3f}"


def scale_match(
    activations: Sequence[Activation | str], input_variance: float, *, levels: int = 2
) -> ScaleMatch:
    r"""Whether a network of few levels can have the kernel *and* the scale of another one.

    Asking for :math:`\tau_L^c=\tau_L` besides equal coefficients would make
    :math:`\delta=0` in `match_network`. But

    .. math::

        \frac{\tau_0^2\alpha_{L,1}}{\tau_L^2}=\prod_{\ell=1}^Lf_\ell,\qquad
        f_\ell=\frac{e_1^2\tau_{\ell-1}^2}{\tau_\ell^2}
        =\frac{(\mathbb E\,\xi g)^2}{\mathbb E g^2},

    and each factor of the compressed network is at most :math:`2/\pi` (two levels) or
    :math:`\max_u2\varphi(u)^2/\Phi(-u)=0.80983` (three), the shares of the best quantizers of a
    normal variable.

    One layer of two levels 0 and b on a set S, with :math:`e_2\ne0`, has an exact test. q and
    :math:`\tau_1^2` force :math:`b=\sqrt{4q^2/e_2^2+4\tau_1^2}` and
    :math:`P(S)=\frac12(1-2q/(e_2b))`. What remains is :math:`\mathbb E\,\xi1_S=A_1` and
    :math:`\mathbb E(\xi^2-1)1_S=A_2`, with :math:`A_1=e_1\tau_0/b,\ A_2=e_2\tau_0^2/b`. Such
    sets exist if and only if

    .. math::

        A_1\cos\theta+A_2\sin\theta\le h_P(\theta)=\max_{P(S)=P}
        \mathbb E\bigl(\xi\cos\theta+(\xi^2-1)\sin\theta\bigr)1_S\quad\text{for all }\theta,

    because the pairs they reach form a convex set.

    Parameters
    ----------
    activations : sequence of Activation or str
        Of the network to be matched.
    input_variance : positive number
        :math:`\tau_0^2`.
    levels : 2 or 3
        Of each activation of the compressed network.

    Returns
    -------
    ScaleMatch

    Notes
    -----
    Best quantizers :cite:p:`Lloyd82,Max60`. Convexity is a theorem of Lyapunov on the range of
    a vector measure :cite:p:`Lyapunov40`; the maximum is reached by the inside or the
    outside of an interval.

    Example
    -------
    >>> verdict = scale_match(["ReLU"], 1.0)
    >>> verdict.possible, verdict.reason, round(verdict.slack, 4)
    (False, 'first-mode share 0.733 > 0.637', -0.0859)
    """
    levels = _checks.count("levels", levels)
    if levels not in (2, 3):
        raise ValueError(f"levels must be 2 or 3, got {levels}")
    dense = kernel_coefficients(activations, input_variance)
    last, depth, s = dense[-1], len(dense) - 1, dense[0].variance
    share, limit = s * last.alpha[0] / last.variance, largest_share(levels) ** depth
    if levels == 2 and depth == 1 and curved(last.moments, s):
        return ScaleMatch(share, limit, scale_slack(last.moments, s))
    return ScaleMatch(share, limit)


def largest_share(levels: int) -> float:
    """Largest share of its variance that a function of two or three levels has in mode one."""
    if levels == 2:
        return 2 / np.pi
    best = minimize_scalar(lambda u: -2 * normal_density(u) ** 2 / ndtr(-u), bounds=(0, 2))
    return float(-best.fun)


def scale_slack(target: GaussianMoments, variance: float) -> float:
    """The exact test, of moments to be had at a preactivation variance."""
    tau, e1, e2 = np.sqrt(variance), target.mean_derivative, target.mean_curvature
    q = target.centered_second_moment_slope
    b = np.sqrt(4 * q**2 / e2**2 + 4 * target.centered_second_moment)
    P = (1 - 2 * q / (e2 * b)) / 2
    A1, A2 = e1 * tau / b, e2 * tau**2 / b

    def slack(theta: float) -> float:
        c, s = np.cos(theta), np.sin(theta)
        return _support_function(P, c, s) - (A1 * c + A2 * s)

    angles = np.linspace(0, 2 * np.pi, 361)
    worst = angles[np.argmin([slack(theta) for theta in angles])]
    ends = worst - angles[1], worst + angles[1]
    return float(minimize_scalar(slack, bounds=ends, options={"xatol": 1e-12}).fun)


def _support_function(P: float, c: float, s: float) -> float:
    """Max of E (c x + s (x^2 - 1)) over sets of probability P: where the parabola is high."""
    if abs(s) < 1e-9:
        return normal_density(ndtri(P)) * abs(c)
    middle = -c / (2 * s)

    def inside(w: float) -> float:
        low, high = middle - w, middle + w
        return ndtr(high) - ndtr(low) if low < 0 else ndtr(-low) - ndtr(-high)

    share = P if s < 0 else 1 - P
    w = brentq(lambda w: inside(w) - share, 0.0, abs(middle) + 40.0, xtol=1e-15)
    u, v = middle - w, middle + w
    first = normal_density(u) - normal_density(v)
    second = u * normal_density(u) - v * normal_density(v)
    value = c * first + s * second
    return value if s < 0 else -value
