r"""Activations with few levels that have the Gaussian moments of another one.

A random layer :math:`\sigma(Wx)` is known to its kernel through few numbers: the
variance of the weights and, at preactivation variance s, the Gaussian moments
:math:`e_1=\mathbb E\sigma',\ e_2=\mathbb E\sigma''` and the slope q of
`rmtlib.activations.GaussianMoments`. Weights (`rmtlib.quantization`) and activations
of few bits that have the same numbers give the same kernel, up to a multiple of the
identity.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize, minimize_scalar
from scipy.special import ndtr

from rmtlib import _checks
from rmtlib._checks import ConvergenceError
from rmtlib.activations import Activation, DCoefficients, GaussianMoments, Steps

_KINDS = ("two-level", "odd", "three-level", "ternary")


@dataclass(frozen=True)
class Match:
    """A quantized activation, and how far its moments are from the target's.

    Parameters
    ----------
    activation : Steps
        The match.
    moments, target : GaussianMoments
        Its moments and those to be matched, at the same variance.
    matched : tuple of str
        Fields of the moments that are equal, up to sign and rounding.
    """

    activation: Steps
    moments: GaussianMoments
    target: GaussianMoments
    matched: tuple[str, ...]

    @property
    def residuals(self) -> dict[str, float]:
        """Difference of absolute values, match minus target, of every matched moment."""
        return {
            name: abs(getattr(self.moments, name)) - abs(getattr(self.target, name))
            for name in self.matched
        }

    @property
    def excess(self) -> float:
        r"""Centered second moment of the match minus the target's.

        The kernel of the match is that of the target plus this number times the
        identity: a ridge that much smaller gives the same predictor.
        """
        return self.moments.centered_second_moment - self.target.centered_second_moment


def match_activation(
    target: Activation | DCoefficients,
    variance: float,
    kind: str = "three-level",
    *,
    target_variance: float | None = None,
) -> Match:
    r"""Piecewise-constant activation with the Gaussian moments of another one.

    At preactivation variance s, with :math:`e_1,e_2,q,s_2` the mean derivative, mean
    curvature, slope and centered second moment of `rmtlib.activations.GaussianMoments`:

    - ``"two-level"``: :math:`a(1_{t<r_1}+1_{t>r_2})` with the same
      :math:`e_1^2,e_2^2` and q; always exists if :math:`e_2\ne0`.
    - ``"odd"``: :math:`a(1_{t>r}-1_{t<-r})` with the same :math:`e_1` and q, for
      :math:`e_2=0\ne e_1`.
    - ``"three-level"``: levels :math:`-c_1,0,c_2` with the same :math:`e_1,e_2` and the
      smallest :math:`s_2`.
    - ``"ternary"``: levels :math:`-A,0,A` with the same :math:`e_1,e_2` and :math:`s_2`
      where possible, as close as possible otherwise; for :math:`e_1=0` the even function
      :math:`A(1_{t>r}+1_{t<-r})`.

    Parameters
    ----------
    target : Activation or DCoefficients
        What to match; the coefficients :math:`d_0,d_1,d_2` if it is not one function
        (cosines and sines of random Fourier features), for the last two kinds.
    variance : positive number
        s.
    kind : str
        One of the four.
    target_variance : positive number, optional
        Where the target's moments are taken, s by default: in a deep network the
        preactivations of the two networks have different variances.

    Returns
    -------
    Match
        With the residuals and the excess in :math:`s_2`.

    Raises
    ------
    ValueError
        If the variance is not positive, the kind unknown, or no activation of this kind
        has the target's moments.
    ~rmtlib.ConvergenceError
        If the solution found does not have the target's moments to 1e-7.

    Notes
    -----
    Source: :cite:t:`LiaoTalk23` and :cite:t:`LiaoTalk24`, where the equations are solved by
    random restarts; here they are reduced to one bracketed unknown. Kernels of matched
    activations differ by :math:`O(p^{-1/2})` in operator norm, plus the excess.

    Example
    -------
    >>> from rmtlib.activations import ERF
    >>> match = match_activation(ERF, 1.0, "ternary")
    >>> [round(float(r), 6) for r in match.activation.thresholds], round(match.excess, 8)
    ([-0.612003, 0.612003], 0.05952044)
    """
    s = _checks.positive("variance", variance, "of the preactivation")
    kind = _checks.one_of("kind", kind, _KINDS)
    if isinstance(target, DCoefficients):
        name, wanted = "random features", _moments_of(target, s)
        if kind in ("two-level", "odd"):
            raise _impossible(kind, name, "d0, d1, d2 do not determine q")
    elif isinstance(target, Activation):
        at = s if target_variance is None else _checks.positive("target_variance", target_variance)
        name, wanted = target.name, target.moments(at)
    else:
        raise ValueError(f"target must be an Activation or DCoefficients, got {target!r}")
    tau = np.sqrt(s)
    # first two Hermite coefficients (times k!) and the slope, in units of the value
    F, S, q = tau * wanted.mean_derivative, s * wanted.mean_curvature, s * wanted[4]
    small = 1e-12 * np.sqrt(wanted.centered_second_moment)
    F, S = (0.0 if abs(number) <= small else number for number in (F, S))
    solve = {"two-level": _two_level, "odd": _odd, "three-level": _three_level}
    if kind == "ternary":
        u, levels, scale = _ternary(F, S, wanted.centered_second_moment, name)
    else:
        u, levels, scale = solve[kind](F, S, q, name)
    matched = ["mean_derivative", "mean_curvature"]
    if kind in ("two-level", "odd"):
        matched.append("centered_second_moment_slope")
    steps = Steps(tau * np.asarray(u), scale * np.asarray(levels) + 0.0, name=f"{kind} {name}")
    match = Match(steps, steps.moments(s), wanted, tuple(matched))
    units = {"mean_derivative": tau, "mean_curvature": s, "centered_second_moment_slope": s}
    size = np.nanmax(np.abs([F, S, q]))
    worst = max(abs(gap) * units[moment] for moment, gap in match.residuals.items())
    if not worst <= 1e-7 * size:
        raise ConvergenceError(
            f"no {kind} match of {name} at variance {s:g}: moments differ by {worst:.2g}"
        )
    return match


def _moments_of(d: DCoefficients, s: float) -> GaussianMoments:
    d0, d1, d2 = (_checks.nonnegative(f"target.{key}", v) for key, v in d._asdict().items())
    nan = float("nan")
    return GaussianMoments(nan, np.sqrt(d1), 2 * np.sqrt(d2), d0 + s * d1, nan, nan)


def _normal(u):
    return np.exp(-np.square(u) / 2) / np.sqrt(2 * np.pi)


def _impossible(kind: str, name: str, why: str) -> ValueError:
    return ValueError(f"kind {kind!r} cannot match {name}: {why}")


def _two_level(F: float, S: float, q: float, name: str) -> tuple:
    """1 outside [u_1, u_2]: w(u_1) = w(u_2) for e_1 / e_2, then R = 0 for q."""
    if S == 0:
        raise _impossible("two-level", name, "its mean curvature is 0 (take 'odd')")
    G, H = abs(F / S), 2 * q / S**2

    # plain floats: these run some two hundred times a match
    def density(u: float) -> float:
        return math.exp(-u * u / 2) / math.sqrt(2 * math.pi)

    def upper_tail(u: float) -> float:
        return math.erfc(u / math.sqrt(2)) / 2

    def w(u: float) -> float:
        return (1 - G * u) * density(u)

    def curvature(first: float, second: float) -> float:
        return second * density(second) - first * density(first)

    def remainder(first: float, second: float) -> float:
        return 1 - 2 * (upper_tail(-first) + upper_tail(second)) - H * curvature(first, second)

    if G < 1e-10:
        # even: 1 - 4 Phi(-u) = 2 H u phi(u)
        second = brentq(lambda u: remainder(-u, u), 1e-12, 38.0, xtol=1e-15)
        first = -second
    else:
        root = math.sqrt(1 + 4 * G**2)
        low, high, zero = -2 * G / (1 + root), (1 + root) / (2 * G), 1 / G
        if (1 - 2 * upper_tail(zero)) - H * zero * density(zero) > 0:
            # u_2 from the maximum of w to its zero, u_1 below the maximum
            def partner(second: float) -> float:
                level = max(w(second), 0.0)
                return brentq(lambda u: w(u) - level, -40.0, low, xtol=1e-15)

            def residual(second: float) -> float:
                return remainder(partner(second), second)

            second = brentq(residual, low, zero, xtol=1e-15)
            first = partner(second)
        else:
            # u_1 from the zero of w to its minimum, u_2 above the minimum
            far = max(40.0, high + 40.0)

            def partner(first: float) -> float:
                level = min(w(first), 0.0)
                return brentq(lambda u: w(u) - level, high, far, xtol=1e-15)

            def residual(first: float) -> float:
                return remainder(first, partner(first))

            first = brentq(residual, zero, high, xtol=1e-15)
            second = partner(first)
    a = S / curvature(first, second)
    # F / S > 0 was assumed: t -> -t otherwise
    u = (first, second) if F * S >= 0 else (-second, -first)
    return u, (1, 0, 1), a


def _odd(F: float, S: float, q: float, name: str) -> tuple:
    """Unique root of u / (4 phi(u)) = q / e_1^2, increasing in u."""
    if S != 0:
        raise _impossible("odd", name, "its mean curvature is not 0")
    if F == 0:
        raise _impossible("odd", name, "its mean derivative is 0")
    ratio = q / F**2
    if ratio < -1e-12:
        raise _impossible("odd", name, f"its second moment decreases, by {q:.3g}")
    if ratio <= 1e-14:
        return (0.0,), (-1, 1), F / (2 * _normal(0.0))
    u = brentq(lambda u: np.log(u / (4 * _normal(u) * ratio)), 1e-16, 37.0, xtol=1e-16)
    return (-u, u), (-1, 0, 1), F / (2 * _normal(u))


def _three_level(F: float, S: float, q: float, name: str) -> tuple:
    """Levels -c_1, 0, c_2 are linear in F, S at given thresholds; the least variance."""
    if F == 0 and S == 0:
        raise _impossible("three-level", name, "mean derivative and curvature are 0")

    def jumps(u: np.ndarray) -> tuple:
        c1 = (F * u[1] - S) / ((u[1] - u[0]) * _normal(u[0]))
        c2 = (S - F * u[0]) / ((u[1] - u[0]) * _normal(u[1]))
        return c1, c2

    def variance(x: np.ndarray) -> np.ndarray:
        u = x[0], x[0] + np.exp(x[1])
        c1, c2 = jumps(u)
        P, Q = ndtr(u[0]), ndtr(-u[1])
        return P * c1**2 + Q * c2**2 - (Q * c2 - P * c1) ** 2

    grid = np.meshgrid(np.linspace(-4, 4, 81), np.linspace(-3, 2, 51), indexing="ij")
    values = variance(np.array(grid))
    start = np.array([axis.flat[np.argmin(values)] for axis in grid])
    tolerance = {"xatol": 1e-9, "fatol": 1e-14 * values.min(), "maxfev": 4000, "maxiter": 4000}
    found = minimize(variance, start, method="Nelder-Mead", options=tolerance)
    if not found.success:
        raise ConvergenceError(f"least variance of a three-level match of {name}: {found.message}")
    u = np.array([found.x[0], found.x[0] + np.exp(found.x[1])])
    c1, c2 = jumps(u)
    return u, (-c1, 0.0, c2), 1.0


def _ternary(F: float, S: float, s2: float, name: str) -> tuple:
    """Levels -A, 0, A: thresholds m + w and m - w on the curve of given S / F."""
    if F == 0:
        if S == 0:
            raise _impossible("ternary", name, "mean derivative and curvature are 0")
        return _even(S, s2)

    def centers(w: float) -> list[float]:
        # m - w tanh(m w) = S / F: up to three roots, all of |m| <= |S / F| + w
        bound = abs(S / F) + w + 1
        m = np.linspace(-bound, bound, 401)
        f = m - w * np.tanh(m * w) - S / F
        spots = np.flatnonzero(np.sign(f[:-1]) * np.sign(f[1:]) < 0)
        exact = [float(point) for point in m[f == 0]]
        return exact + [
            brentq(lambda x: x - w * np.tanh(x * w) - S / F, m[i], m[i + 1], xtol=1e-15)
            for i in spots
        ]

    def amplitude(m: float, w: float) -> float:
        return F / (_normal(m + w) + _normal(m - w))

    def gap(m: float, w: float) -> float:
        P, M = ndtr(-(m + w)), ndtr(m - w)
        return amplitude(m, w) ** 2 * (P + M - (P - M) ** 2) - s2

    def solution(m: float, w: float) -> tuple:
        if w == 0:
            return (m,), (-1, 1), amplitude(m, w)
        return (m - w, m + w), (-1, 0, 1), amplitude(m, w)

    def nearest(w: float, m: float) -> float:
        return min(centers(w), key=lambda x: abs(x - m))

    def along(w: float, m: float) -> float:
        return gap(nearest(w, m), w)

    tiny = 1e-12 * s2
    widths = np.linspace(0, 4, 401)
    table = [(gap(m, w), m, w) for w in widths for m in centers(w)]
    # the first width with a gap <= 0: exact match, of small thresholds
    _, m, w = next((row for row in table if row[0] <= tiny), min(table))
    if gap(m, w) > tiny:
        ends = (max(w - 0.02, 0.0), w + 0.02)
        w = minimize_scalar(along, bounds=ends, args=(m,), options={"xatol": 1e-12}).x
        m = nearest(w, m)
    if gap(m, w) > tiny:
        return solution(m, w)
    if w == 0 and gap(m, w) < -tiny:  # a two-level function has less: widen until it fits
        wider = next((x for x in widths if along(x, m) > 0), None)
        if wider is None:
            raise ConvergenceError(f"no ternary match of {name} with thresholds below 4")
        w, low, high = wider, wider - 0.01, wider
    else:
        low, high = max(w - 0.02, 0.0), w
    if gap(m, w) != 0 and along(low, m) * along(high, m) < 0:
        w = brentq(along, low, high, args=(m,), xtol=1e-15)
    m = nearest(w, m)
    if abs(gap(m, w)) > 1e-9 * s2:
        raise ConvergenceError(f"no ternary match of {name}: the gap jumps between branches")
    return solution(m, w)


def _even(S: float, s2: float) -> tuple:
    """A outside [-u, u]: A = S / (2 u phi(u)), then P (1 - P) A^2 = s2, or the smallest."""

    def gap(u: float) -> float:
        P = 2 * ndtr(-u)
        return P * (1 - P) * (S / (2 * u * _normal(u))) ** 2 - s2

    least = minimize_scalar(gap, bounds=(0.5, 3.0), options={"xatol": 1e-12})
    u = float(least.x)
    if least.fun < 0:
        u = brentq(gap, 1e-9, u, xtol=1e-15)
    return (-u, u), (1, 0, 1), S / (2 * u * _normal(u))


@dataclass(frozen=True)
class NoiseFloor:
    r"""Least irreducible noise of a ternary activation, and where it is reached.

    Parameters
    ----------
    ratio : float
        Least value of :math:`d_0 / (\tau d_1)` (odd) or :math:`d_0 / (2 \tau^2 d_2)` (even).
    threshold : float
        Thresholds are :math:`\pm` this number times :math:`\sqrt\tau`.
    """

    ratio: float
    threshold: float


def ternary_noise_floor(parity: str = "odd") -> NoiseFloor:
    r"""What a symmetric ternary activation cannot match.

    High-dimensional kernels see an activation f at variance :math:`\tau` through
    :math:`d_1 = (\mathbb E f')^2`, :math:`d_2 = \frac14 (\mathbb E f'')^2` and
    :math:`d_0 = \operatorname{Var} f - \tau d_1`, at arguments :math:`\sqrt\tau z`. For the odd
    ternary function with values -A, 0, A and the even one with values A, 0, A, thresholds
    :math:`\pm u \sqrt\tau` and tail :math:`P = \Phi(-u)`,

    .. math::

        \frac{d_0}{\tau d_1} = \frac{P}{2 \varphi(u)^2} - 1, \qquad
        \frac{d_0}{2 \tau^2 d_2} = \frac{P - 2 P^2}{u^2 \varphi(u)^2} .

    A target with :math:`d_2 = 0` (odd) or :math:`d_1 = 0` (even) is matched exactly if and
    only if its own ratio is at least the minimum over u, given here; otherwise the gap in
    :math:`d_0` acts as additional ridge.

    Parameters
    ----------
    parity : "odd" or "even"
        Which symmetric ternary function.

    Returns
    -------
    NoiseFloor

    Raises
    ------
    ValueError
        If ``parity`` is neither.

    Notes
    -----
    Coefficients: :cite:t:`AliLiaoCouillet22`. The odd minimizer is the ternary quantizer of
    least mean squared error for a Gaussian. No limit is taken.

    Example
    -------
    >>> floor = ternary_noise_floor("odd")
    >>> round(floor.ratio, 10), round(floor.threshold, 5)
    (0.2348332215, 0.612)
    """
    odd = _checks.one_of("parity", parity, ("odd", "even")) == "odd"

    def ratio(u: float) -> float:
        P, density = ndtr(-u), _normal(u)
        if odd:
            return P / (2 * density**2) - 1
        return (P - 2 * P**2) / (u * density) ** 2

    best = minimize_scalar(ratio, bounds=(0.1, 4), method="bounded", options={"xatol": 1e-12})
    return NoiseFloor(float(best.fun), float(best.x))
