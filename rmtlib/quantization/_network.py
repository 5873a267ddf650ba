r"""Piecewise-constant activations that give a deep network the kernel of another one.

In large dimension the conjugate kernel of a wide random network depends on its activations
through few Gaussian moments (`rmtlib.kernels.kernel_coefficients`). A network whose
activations have few levels, and the same moments at *its own* variances, has the same
kernel, up to a multiple of the identity, which the ridge of a readout absorbs.
`rmtlib.compression` builds such networks; here are their activations, and the tests that say
what no function of so few levels can do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import ndtr, ndtri

from rmtlib import _checks
from rmtlib._checks import ConvergenceError
from rmtlib.activations import Activation, GaussianMoments, Steps
from rmtlib.kernels import KernelCoefficients, first_layer, kernel_coefficients, next_layer
from rmtlib.quantization._activation import match_activation

KINDS = ("two-level", "three-level", "weights-only")
_SMALL = 1e-12


@dataclass(frozen=True, eq=False)
class NetworkMatch:
    r"""Activations matched to those of a network, and what the match costs.

    Parameters
    ----------
    activations : tuple of Activation
        Of the compressed network, centered at its own variances: `rmtlib.activations.Steps`,
        unless the activations were kept.
    dense, compressed : tuple of KernelCoefficients
        Coefficients of both, index 0 for the data.
    """

    activations: tuple[Activation, ...]
    dense: tuple[KernelCoefficients, ...]
    compressed: tuple[KernelCoefficients, ...]

    @property
    def ridge_shift(self) -> float:
        r"""The shift :math:`\delta=(\tau^c_L)^2-\tau_L^2`.

        The compressed kernel is the dense one plus :math:`\delta I`, so that the ridge
        :math:`\lambda-\delta` gives the same predictor.
        """
        return self.compressed[-1].variance - self.dense[-1].variance

    @property
    def residuals(self) -> tuple[float, float, float]:
        r"""Compressed minus dense :math:`\alpha_{L,1},\alpha_{L,2},\alpha_{L,3}`."""
        pairs = zip(self.compressed[-1][1:4], self.dense[-1][1:4], strict=True)
        return tuple(float(c - d) for c, d in pairs)

    @property
    def activation_bits(self) -> int:
        """Bits of one activation, 1 for two levels, 2 for three, 32 where one is no step."""
        return max(
            int(np.ceil(np.log2(np.unique(f.levels).size))) if isinstance(f, Steps) else 32
            for f in self.activations
        )


def match_network(
    activations: Sequence[Activation], input_variance: float, *, kind: str = "three-level"
) -> NetworkMatch:
    r"""Piecewise-constant activations with the kernel of a deep network.

    Layer by layer, an activation with the same :math:`e_1^2,e_2^2` and q (moments of
    `rmtlib.activations.GaussianMoments`) at the compressed network's own variance
    :math:`(\tau^c_{\ell-1})^2` as the original has at :math:`\tau_{\ell-1}^2`. Then all
    coefficients :math:`\alpha_{L,1},\alpha_{L,2},\alpha_{L,3}` agree, and

    .. math:: \tilde K^c_L=\tilde K_L+\delta I_n,\qquad\delta=(\tau_L^c)^2-\tau_L^2 .

    Parameters
    ----------
    activations : sequence of Activation
        :math:`\sigma_1,\dots,\sigma_L`; centered or not, the result is the same.
    input_variance : positive number
        :math:`\tau_0^2`, a variance: typical squared norm of a sample.
    kind : str
        ``"two-level"``: :math:`a(1_{t<r_1}+1_{t>r_2})`, one bit, with q in every layer; where
        :math:`e_2=0`, an odd three-level function instead. ``"three-level"``:
        :math:`-c_1,0,c_2`, two bits, of the least variance; q only where a later layer has
        :math:`e_2\ne0`, since it does not matter elsewhere. ``"weights-only"``: the
        activations as they are.

    Returns
    -------
    NetworkMatch

    Raises
    ------
    ValueError
        If an argument is not as above, or no activation of this kind has the moments.
    ~rmtlib.ConvergenceError
        If a match misses its coefficients by more than 1e-7 of the largest.

    Notes
    -----
    Source: :cite:t:`Gu22`, :cite:t:`LiaoTalk24`; there the equations are minimized from
    random starts and the scale :math:`\tau_L` is asked for in the last layer, which
    `require_scale_match` shows to be impossible for ReLU. Here each layer is one bracketed
    unknown, which takes less than a millisecond for two levels, and the scale goes into the
    ridge. Kernels of the two networks,
    :math:`\delta I` set aside, differ by :math:`O(p^{-1/2})` in operator norm.

    Example
    -------
    >>> from rmtlib.activations import SIN
    >>> match = match_network([SIN] * 3, 1.0)
    >>> round(match.ridge_shift, 10), max(map(abs, match.residuals)) < 1e-9
    (0.1168603244, True)
    """
    kind = _checks.one_of("kind", kind, KINDS)
    dense = kernel_coefficients(activations, input_variance)
    layers, matched = [first_layer(input_variance)], []
    for depth, target in enumerate(dense[1:], start=1):
        variance, before = layers[-1].variance, dense[depth - 1].variance
        later = any(
            not _vanishes(layer.moments, above.variance)
            for above, layer in zip(dense[depth:], dense[depth + 1 :], strict=False)
        )
        found = target.activation
        if kind == "three-level" and later and not _vanishes(target.moments, before):
            found = _least_noise(target.moments, variance, found.name)
        elif kind != "weights-only":
            one = kind
            if _vanishes(target.moments, before):
                one = "odd" if later else "three-level"
            found = match_activation(found, variance, one, target_variance=before).activation
        layers.append(next_layer(layers[-1], found))
        matched.append(_plain_steps(layers[-1].activation))
    match = NetworkMatch(tuple(matched), dense, tuple(layers))
    size = max(abs(a) for a in dense[-1][1:4])
    if not max(map(abs, match.residuals)) <= 1e-7 * size:
        raise ConvergenceError(f"match_network: kernel coefficients differ by {match.residuals}")
    return match


def scale_slack(target: GaussianMoments, variance: float) -> float:
    r"""Whether a two-level function has the moments *and* the variance of another function.

    For a function with values 0 and b on a set S, q and the variance
    :math:`\tau_L^2` force :math:`b=\sqrt{4q^2/e_2^2+4\tau_L^2}` and
    :math:`P(S)=\frac12(1-2q/(e_2b))`. What remains is :math:`\mathbb E\,\xi1_S=A_1` and
    :math:`\mathbb E(\xi^2-1)1_S=A_2`, with :math:`A_1=e_1\tau/b,\ A_2=e_2\tau^2/b`. Such sets
    exist if and only if

    .. math::

        A_1\cos\theta+A_2\sin\theta\le h_P(\theta)=\max_{P(S)=P}
        \mathbb E\bigl(\xi\cos\theta+(\xi^2-1)\sin\theta\bigr)1_S\quad\text{for all }\theta,

    because the pairs they reach form a convex set.

    Parameters
    ----------
    target : GaussianMoments
        Moments to be had, of a function with :math:`e_2\ne0`.
    variance : positive number
        :math:`\tau^2` of the preactivations of the two-level function.

    Returns
    -------
    float
        The least difference of the two sides: a two-level function exists where it is not
        negative.

    Raises
    ------
    ValueError
        If the mean curvature is 0 or the variance not positive.

    Notes
    -----
    Convexity is a theorem of Lyapunov on the range of a vector measure
    :cite:p:`Lyapunov40`. The maximum is reached by the inside or the outside of an interval.

    Example
    -------
    >>> from rmtlib.activations import RELU
    >>> round(scale_slack(RELU.moments(1.0), 1.0), 4)  # no two-level function matches ReLU
    -0.0859
    """
    if not isinstance(target, GaussianMoments):
        raise ValueError(f"target must be GaussianMoments, got {type(target).__name__}")
    s = _checks.positive("variance", variance, "of the preactivation")
    if _vanishes(target, s):
        raise ValueError("target must have a mean curvature, got 0 (b is not determined then)")
    tau = np.sqrt(s)
    _, e1, e2, s2, q, _ = target
    b = np.sqrt(4 * q**2 / e2**2 + 4 * s2)
    P = (1 - 2 * q / (e2 * b)) / 2
    A1, A2 = e1 * tau / b, e2 * tau**2 / b

    def slack(theta: float) -> float:
        c, s = np.cos(theta), np.sin(theta)
        return _support_function(P, c, s) - (A1 * c + A2 * s)

    angles = np.linspace(0, 2 * np.pi, 361)
    worst = angles[np.argmin([slack(theta) for theta in angles])]
    ends = worst - angles[1], worst + angles[1]
    return float(minimize_scalar(slack, bounds=ends, options={"xatol": 1e-12}).fun)


def largest_first_mode_share(levels: int) -> float:
    r"""Largest share of its variance that a function of few levels has in its first mode.

    .. math::

        f=\frac{(\mathbb E\,\xi\sigma)^2}{\mathrm{Var}\,\sigma(\xi)}\le
        \frac2\pi\text{ for two levels},\qquad
        f\le\max_u\frac{2\varphi(u)^2}{\Phi(-u)}\text{ for three.}

    Parameters
    ----------
    levels : 2 or 3
        How many values the function takes.

    Returns
    -------
    float
        :math:`2/\pi` or 0.80983.

    Raises
    ------
    ValueError
        For another number of levels.

    Notes
    -----
    The best quantizers of a normal variable :cite:p:`Lloyd82,Max60`: the share is one minus
    their relative squared error.

    Example
    -------
    >>> round(largest_first_mode_share(3), 9)
    0.809825961
    """
    levels = _checks.count("levels", levels)
    if levels not in (2, 3):
        raise ValueError(f"levels must be 2 or 3, got {levels}")
    if levels == 2:
        return 2 / np.pi
    best = minimize_scalar(lambda u: -2 * _phi(u) ** 2 / ndtr(-u), bounds=(0, 2))
    return float(-best.fun)


def require_scale_match(
    activations: Sequence[Activation], input_variance: float, *, levels: int = 2
) -> None:
    r"""Refuse networks whose kernel *and* scale no network of few levels can have.

    Asking for :math:`\tau_L^c=\tau_L` besides equal coefficients would make
    :math:`\delta=0`. But

    .. math::

        \frac{\tau_0^2\alpha_{L,1}}{\tau_L^2}=\prod_{\ell=1}^Lf_\ell,\qquad
        f_\ell=\frac{e_1^2\tau_{\ell-1}^2}{\tau_\ell^2},

    and each factor of the compressed network is at most `largest_first_mode_share`, whatever
    its scales. One layer of two levels with :math:`e_2\ne0` has the exact test
    `scale_slack` besides.

    Parameters
    ----------
    activations : sequence of Activation
        Of the network to be matched.
    input_variance : positive number
        :math:`\tau_0^2`.
    levels : 2 or 3
        Of each activation of the compressed network.

    Raises
    ------
    ValueError
        If there is no such network, with the reason, or an argument is not as above.

    Notes
    -----
    A network that is not refused may still have no match, unless it has one layer, two levels
    and :math:`e_2\ne0`.

    Example
    -------
    >>> from rmtlib.activations import RELU
    >>> try:
    ...     require_scale_match([RELU], 1.0)
    ... except ValueError as error:
    ...     print(error)
    no two-level activation matches the scale: first-mode share 0.733 > 2/pi
    """
    limit = largest_first_mode_share(levels)
    dense = kernel_coefficients(activations, input_variance)
    last, depth = dense[-1], len(dense) - 1
    share = dense[0].variance * last.alpha1 / last.variance
    names, bound = {2: ("two-level", "2/pi"), 3: ("three-level", f"{limit:.3f}")}[levels]
    what = f"{names} activation" if depth == 1 else f"{names} network of {depth} layers"
    bound = bound if depth == 1 else f"({bound})^{depth}"
    if share > limit**depth * (1 + _SMALL):
        raise ValueError(f"no {what} matches the scale: first-mode share {share:.3f} > {bound}")
    if levels == 2 and depth == 1 and not _vanishes(last.moments, dense[0].variance):
        slack = scale_slack(last.moments, dense[0].variance)
        if slack < -_SMALL:
            raise ValueError(
                f"no {what} matches the scale: its first two modes are out of reach of sets of"
                f" the right probability, by {-slack:.3f}"
            )


def _vanishes(moments: GaussianMoments, variance: float) -> bool:
    """Whether the mean curvature is zero, in units of the function."""
    size = np.sqrt(moments.centered_second_moment)
    return abs(moments.mean_curvature) * variance <= _SMALL * size


def _plain_steps(activation: Activation) -> Activation:
    """An affine image of a step function as thresholds and levels; others unchanged."""
    form = activation.form
    if form is None or form.family != "steps":
        return activation
    thresholds, levels = (np.array(part) for part in form.parameters)
    return Steps(thresholds / form.stretch, form.gain * levels + form.offset, name=activation.name)


def _support_function(P: float, c: float, s: float) -> float:
    """Max of E (c x + s (x^2 - 1)) over sets of probability P: where the parabola is high."""
    if abs(s) < 1e-9:
        return _phi(ndtri(P)) * abs(c)
    middle = -c / (2 * s)

    def inside(w: float) -> float:
        low, high = middle - w, middle + w
        return ndtr(high) - ndtr(low) if low < 0 else ndtr(-low) - ndtr(-high)

    share = P if s < 0 else 1 - P
    w = brentq(lambda w: inside(w) - share, 0.0, abs(middle) + 40.0, xtol=1e-15)
    u, v = middle - w, middle + w
    first, second = _phi(u) - _phi(v), u * _phi(u) - v * _phi(v)
    value = c * first + s * second
    return value if s < 0 else -value


def _phi(u):
    return np.exp(-np.square(u) / 2) / np.sqrt(2 * np.pi)


def _least_noise(target: GaussianMoments, variance: float, name: str) -> Steps:
    """Levels -c_1, 0, c_2 with the target's e_1, e_2 and q, of the least variance.

    In units of tau: c_1, c_2 are linear in e_1, e_2 at given thresholds u_1 < u_2. The
    thresholds with the right q form curves in the plane; the best cell of a grid along them
    is polished in u_1, with u_2 bracketed.
    """
    tau = np.sqrt(variance)
    F, S, q = tau * target.mean_derivative, variance * target.mean_curvature, variance * target[4]

    def levels(u1, u2):
        c1 = (F * u2 - S) / ((u2 - u1) * _phi(u1))
        c2 = (S - F * u1) / ((u2 - u1) * _phi(u2))
        return c1, c2, c2 * ndtr(-u2) - c1 * ndtr(u1)

    def slope_gap(u1, u2):
        c1, c2, m = levels(u1, u2)
        left, right = c1 * (c1 + 2 * m) * u1 * _phi(u1), c2 * (c2 - 2 * m) * u2 * _phi(u2)
        return (right - left) / 2 - q

    def noise(u1, u2):
        c1, c2, m = levels(u1, u2)
        return ndtr(u1) * c1**2 + ndtr(-u2) * c2**2 - m**2

    gaps = np.geomspace(1e-3, 8, 300)

    def crossings(u1: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values = slope_gap(u1[:, None], u1[:, None] + gaps)
        return np.nonzero(np.sign(values[:, :-1]) != np.sign(values[:, 1:]))

    def partner(u1: float) -> float:
        """The u_2 of least noise."""
        _, spots = crossings(np.array([u1]))
        roots = [
            brentq(lambda u2: slope_gap(u1, u2), u1 + gaps[k], u1 + gaps[k + 1], xtol=1e-15)
            for k in spots
        ]
        return min(roots, key=lambda u2: noise(u1, u2), default=np.nan)

    def best(u1: float) -> float:
        value = noise(u1, partner(u1))
        return value if np.isfinite(value) else np.inf

    grid = np.linspace(-4, 4, 161)
    rows, spots = crossings(grid)
    if not rows.size:
        raise ConvergenceError(f"no three-level match of {name} with thresholds below 4")
    rough = noise(grid[rows], grid[rows] + np.sqrt(gaps[spots] * gaps[spots + 1]))
    start = grid[rows[np.argmin(rough)]]
    step = grid[1] - grid[0]
    polished = minimize_scalar(
        best, bounds=(start - 2 * step, start + 2 * step), options={"xatol": 1e-11}
    )
    u1 = float(min(polished.x, start, key=best))
    u2 = partner(u1)
    c1, c2, _ = levels(u1, u2)
    return Steps((tau * u1, tau * u2), (-c1, 0.0, c2), name=f"three-level {name}")
