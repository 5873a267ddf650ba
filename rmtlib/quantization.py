r"""Sparse ternary weights, activations with few levels, and the memory they take.

A random layer :math:`\sigma(Wx)` is known to its kernel through few numbers: the
variance of the weights and, at preactivation variance s, the Gaussian moments
:math:`e_1=\mathbb E\sigma',\ e_2=\mathbb E\sigma''` and the slope q of
`rmtlib.activations.GaussianMoments`. Weights and activations of few bits that
have the same numbers give the same kernel, up to a multiple of the identity.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq, minimize, minimize_scalar
from scipy.special import entr, ndtr

from rmtlib import inputs
from rmtlib.activations import Activation, DCoefficients, GaussianMoments, Steps
from rmtlib.inputs import ConvergenceError

_SPARSITY = "fraction of zero weights"
_KINDS = ("two-level", "odd", "three-level", "ternary")


def ternary_weights(
    shape: int | tuple[int, ...],
    sparsity: float,
    *,
    rng: int | np.random.Generator | None = None,
) -> np.ndarray:
    r"""Random weights 0 and :math:`\pm(1-\varepsilon)^{-1/2}`, of mean 0 and variance 1.

    .. math::

        P(W_{ij}=0)=\varepsilon,\qquad
        P\bigl(W_{ij}=\pm(1-\varepsilon)^{-1/2}\bigr)=\frac{1-\varepsilon}2 .

    Parameters
    ----------
    shape : tuple of integers
        Shape of the result, (N, p) for N features.
    sparsity : number in [0, 1)
        :math:`\varepsilon`.
    rng : None, int or numpy.random.Generator
        Randomness.

    Returns
    -------
    ndarray, of shape ``shape``

    Raises
    ------
    ValueError
        If the sparsity is outside [0, 1) or a size is not a positive integer.

    Notes
    -----
    Source: :cite:t:`LiaoTalk23`. A row has :math:`(1-\varepsilon)p` nonzero entries on
    average: below about ten, its product with a data vector is not Gaussian.

    Example
    -------
    >>> W = ternary_weights((2, 5), 0.75, rng=0)
    >>> sorted(set(W.ravel()) | {-2.0, 0.0, 2.0}) == [-2, 0, 2]
    True
    """
    epsilon = _sparsity(sparsity)
    sizes = shape if isinstance(shape, tuple) else (shape,)
    sizes = tuple(inputs.count("shape", size) for size in sizes)
    uniform = inputs.as_rng(rng).random(sizes)
    signs = (uniform < (1 - epsilon) / 2) * 1.0 - (uniform >= (1 + epsilon) / 2)
    return signs / np.sqrt(1 - epsilon)


def ternary_kurtosis(sparsity: float) -> float:
    r"""Fourth moment :math:`\mathbb EW^4=1/(1-\varepsilon)` of sparse ternary weights.

    It is 3, as for normal weights, at :math:`\varepsilon=2/3` only.

    Parameters
    ----------
    sparsity : number in [0, 1)
        :math:`\varepsilon`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the sparsity is outside [0, 1).

    Example
    -------
    >>> ternary_kurtosis(0.5)
    2.0
    """
    return 1 / (1 - _sparsity(sparsity))


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
    ~rmtlib.inputs.ConvergenceError
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
    s = inputs.positive("variance", variance, "of the preactivation")
    kind = inputs.one_of("kind", kind, _KINDS)
    if isinstance(target, DCoefficients):
        name, wanted = "random features", _moments_of(target, s)
        if kind in ("two-level", "odd"):
            raise _impossible(kind, name, "d0, d1, d2 do not determine q")
    elif isinstance(target, Activation):
        at = s if target_variance is None else inputs.positive("target_variance", target_variance)
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
    d0, d1, d2 = (inputs.nonnegative(f"target.{key}", v) for key, v in d._asdict().items())
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

    def remainder(first: float, second: float) -> float:
        outside = ndtr(first) + ndtr(-second)
        return 1 - 2 * outside - H * (second * _normal(second) - first * _normal(first))

    if G < 1e-10:
        # even: 1 - 4 Phi(-u) = 2 H u phi(u)
        second = brentq(lambda u: remainder(-u, u), 1e-12, 38.0, xtol=1e-15)
        first = -second
    else:

        def w(u: float) -> float:
            return (1 - G * u) * _normal(u)

        root = np.sqrt(1 + 4 * G**2)
        low, high, zero = -2 * G / (1 + root), (1 + root) / (2 * G), 1 / G
        if (2 * ndtr(zero) - 1) - H * zero * _normal(zero) > 0:
            # u_2 from the maximum of w to its zero, u_1 below the maximum
            def partner(second: float) -> float:
                return brentq(lambda u: w(u) - max(w(second), 0.0), -40.0, low, xtol=1e-15)

            def residual(second: float) -> float:
                return remainder(partner(second), second)

            second = brentq(residual, low, zero, xtol=1e-15)
            first = partner(second)
        else:
            # u_1 from the zero of w to its minimum, u_2 above the minimum
            far = max(40.0, high + 40.0)

            def partner(first: float) -> float:
                return brentq(lambda u: w(u) - min(w(first), 0.0), high, far, xtol=1e-15)

            def residual(first: float) -> float:
                return remainder(first, partner(first))

            first = brentq(residual, zero, high, xtol=1e-15)
            second = partner(first)
    a = S / (second * _normal(second) - first * _normal(first))
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


def memory_bits(
    weights: int,
    activations: int = 0,
    *,
    sparsity: float = 0.0,
    model: str = "entropy",
    activation_bits: int = 1,
) -> float:
    r"""Bits of a layer or a network, under a named model of storage.

    With N weights of which a fraction :math:`\varepsilon` is zero, and M activations of
    b bits each:

    - ``"dense"``: :math:`32(N+M)`, floating point.
    - ``"published"``: :math:`(1-\varepsilon)N+bM`: one sign a nonzero weight, their
      positions for free.
    - ``"entropy"``: :math:`N(h(\varepsilon)+1-\varepsilon)+bM`, h the binary entropy: no
      code of random ternary weights is shorter.
    - ``"fixed"``: :math:`2N+bM`, two bits a weight.

    Parameters
    ----------
    weights, activations : integer >= 0
        N and M.
    sparsity : number in [0, 1)
        :math:`\varepsilon`.
    model : str
        One of the four.
    activation_bits : integer >= 1
        b: 1 for two levels, 2 for three; ignored by ``"dense"``.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a count is negative, or the model unknown.

    Notes
    -----
    The published count is that of :cite:t:`LiaoTalk23`. Weights that a generator can draw
    again from a seed need no memory under any model.

    Example
    -------
    >>> memory_bits(1000, sparsity=0.5, model="entropy")
    1500.0
    """
    N, M = inputs.count("weights", weights, 0), inputs.count("activations", activations, 0)
    epsilon = _sparsity(sparsity)
    model = inputs.one_of("model", model, ("dense", "published", "entropy", "fixed"))
    b = inputs.count("activation_bits", activation_bits)
    if model == "dense":
        return 32.0 * (N + M)
    entropy = (entr(epsilon) + entr(1 - epsilon)) / np.log(2)
    per_weight = {
        "published": 1 - epsilon,
        "entropy": entropy + 1 - epsilon,
        "fixed": 2.0,
    }
    return float(N * per_weight[model] + b * M)


def pack_ternary(W: ArrayLike) -> bytes:
    r"""Signs of ternary weights in two bits each, four weights a byte.

    Zero is 0, positive 1 and negative 2, in the order of ``ravel``, the first weight in
    the lowest bits; the last byte is filled with zeros.

    Parameters
    ----------
    W : array_like
        Entries 0, a and -a for one a > 0.

    Returns
    -------
    bytes, of length ceil(size / 4)

    Raises
    ------
    ValueError
        If the entries have more than one absolute value besides 0.

    Example
    -------
    >>> pack_ternary([0, 1, -1, 0, 1])
    b'$\x01'
    """
    W = inputs.real_array("W", W)
    size = np.abs(W[W != 0])
    if size.size and np.ptp(size) > 0:
        raise ValueError(
            f"W must be ternary, got absolute values from {size.min():g} to {size.max():g}"
        )
    codes = np.where(W > 0, 1, np.where(W < 0, 2, 0)).astype(np.uint8).ravel()
    codes = np.concatenate([codes, np.zeros(-codes.size % 4, np.uint8)]).reshape(-1, 4)
    return np.bitwise_or.reduce(codes << np.array([0, 2, 4, 6], np.uint8), axis=1).tobytes()


def unpack_ternary(data: bytes, shape: int | tuple[int, ...], scale: float = 1.0) -> np.ndarray:
    r"""Ternary weights from their packed signs.

    Parameters
    ----------
    data : bytes
        What `pack_ternary` returned.
    shape : tuple of integers
        Shape of the weights.
    scale : positive number
        Absolute value of the nonzero ones, :math:`(1-\varepsilon)^{-1/2}` for variance 1.

    Returns
    -------
    ndarray, of shape ``shape``

    Raises
    ------
    ValueError
        If the length of ``data`` does not fit the shape, or a code is not in use.

    Example
    -------
    >>> unpack_ternary(pack_ternary([0, 2, -2, 0, 2]), 5, scale=2)
    array([ 0.,  2., -2.,  0.,  2.])
    """
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise ValueError(f"data must be bytes, got {type(data).__name__}")
    sizes = shape if isinstance(shape, tuple) else (shape,)
    sizes = tuple(inputs.count("shape", size, 0) for size in sizes)
    scale, total = inputs.positive("scale", scale), int(np.prod(sizes))
    packed = np.frombuffer(data, np.uint8)
    if packed.size != -(-total // 4):
        raise ValueError(
            f"data must have {-(-total // 4)} bytes for shape {sizes}, got {packed.size}"
        )
    codes = (packed[:, None] >> np.array([0, 2, 4, 6], np.uint8) & 3).ravel()
    if np.any(codes == 3) or np.any(codes[total:]):
        raise ValueError("data must be packed ternary weights, got a code that is not in use")
    return np.array([0.0, scale, -scale])[codes[:total]].reshape(sizes)


def _sparsity(sparsity: float) -> float:
    epsilon = inputs.between("sparsity", sparsity, 0, 1, _SPARSITY)
    if epsilon == 1:
        raise ValueError(f"sparsity must be below 1, got 1 ({_SPARSITY})")
    return epsilon
