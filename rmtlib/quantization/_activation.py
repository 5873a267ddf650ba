"""Step functions of few levels that have the Gaussian moments of another activation."""

from dataclasses import dataclass

import numpy as np

from rmtlib import _checks
from rmtlib._checks import ConvergenceError
from rmtlib.activations import Activation, DCoefficients, GaussianMoments, Steps, as_activation
from rmtlib.quantization import _levels

KINDS = ("two-level", "three-level", "ternary", "weights-only")
_SMALL = 1e-12


@dataclass(frozen=True, eq=False)
class Match:
    """A quantized activation, and how far its moments are from the target's.

    Parameters
    ----------
    activation : Activation
        The match, not centered; `rmtlib.activations.Steps` but for ``"weights-only"``.
    moments, target : GaussianMoments
        Its moments and those to be matched.
    matched : tuple of str
        Fields of the moments that are equal, up to sign and rounding.
    """

    activation: Activation
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
        identity, both of them centered: a ridge that much smaller gives the same predictor.
        """
        return self.moments.centered_second_moment - self.target.centered_second_moment


def match_activation(
    activation: Activation | str | DCoefficients,
    variance: float,
    kind: str = "three-level",
    *,
    target_variance: float | None = None,
) -> Match:
    r"""Step function of few levels with the Gaussian moments of an activation, not centered.

    At preactivation variance s, with :math:`e_1,e_2,q,s_2` the mean derivative, mean
    curvature, slope and centered second moment of `rmtlib.activations.GaussianMoments`:

    - ``"two-level"``: :math:`a(1_{t<r_1}+1_{t>r_2})` with the same
      :math:`e_1^2,e_2^2` and q. If :math:`e_2=0\ne e_1`, where no such function exists, the odd
      one :math:`a(1_{t>r}-1_{t<-r})` with the same :math:`e_1` and q.
    - ``"three-level"``: levels :math:`-c_1,0,c_2` with the same :math:`e_1,e_2` and the
      smallest :math:`s_2`.
    - ``"ternary"``: levels :math:`-A,0,A` with the same :math:`e_1,e_2` and :math:`s_2`
      where possible, as close as possible otherwise; for :math:`e_1=0` the even function
      :math:`A(1_{t>r}+1_{t<-r})`.
    - ``"weights-only"``: the activation as it is.

    Parameters
    ----------
    activation : Activation, str or DCoefficients
        What to match; the coefficients :math:`d_0,d_1,d_2` if it is not one function
        (cosines and sines of random Fourier features), for three levels.
    variance : positive number
        s.
    kind : str
        One of the four.
    target_variance : positive number, optional
        Where the moments of ``activation`` are taken, s by default: in a deep network the
        preactivations of the two networks have different variances.

    Returns
    -------
    Match

    Raises
    ------
    ValueError
        Also if no activation of this kind has the moments.
    ~rmtlib.ConvergenceError
        If the solution found does not have the moments to 1e-7.

    Notes
    -----
    Source: :cite:t:`LiaoTalk23` and :cite:t:`LiaoTalk24`, where the equations are solved by
    random restarts; here they are reduced to one bracketed unknown. Kernels of matched
    activations differ by :math:`O(p^{-1/2})` in operator norm, plus the excess, once the
    activations are centered (``match.activation.centered(s)``) or the features are.

    An odd ternary function, of thresholds :math:`\pm u\sqrt s`, has
    :math:`d_0/(sd_1)=\Phi(-u)/(2\varphi(u)^2)-1`, at least 0.2348 :cite:p:`AliLiaoCouillet22`:
    an odd activation with less is not matched exactly, and the gap in :math:`d_0` acts as
    additional ridge.

    Example
    -------
    >>> match = match_activation("erf", 1.0, "ternary")
    >>> [round(float(r), 6) for r in match.activation.thresholds], round(match.excess, 8)
    ([-0.612003, 0.612003], 0.05952044)
    """
    s = _checks.positive("variance", variance, "of the preactivation")
    at = s if target_variance is None else _checks.positive("target_variance", target_variance)
    kind = _checks.one_of("kind", kind, KINDS)
    if isinstance(activation, DCoefficients):
        name, wanted = "random features", _moments_of(activation, at)
        if kind in ("two-level", "weights-only"):
            raise _levels.impossible(kind, name, "d0, d1, d2 do not determine it")
    else:
        activation = as_activation(activation)
        name, wanted = activation.name, activation.moments(at)
        if kind == "weights-only":
            return Match(activation, activation.moments(s), wanted, ())
    return match_moments(wanted, s, kind, name, slope=kind == "two-level")


def match_moments(wanted: GaussianMoments, s: float, kind: str, name: str, *, slope: bool) -> Match:
    """A step function with these moments at variance s, the slope q among them or not."""
    tau, second = np.sqrt(s), wanted.centered_second_moment
    F, S = tau * wanted.mean_derivative, s * wanted.mean_curvature
    q = s * wanted.centered_second_moment_slope
    F, S = (0.0 if abs(number) <= _SMALL * np.sqrt(second) else number for number in (F, S))
    if kind == "ternary" and not slope:
        u, levels = _levels.ternary(F, S, second, name)
    elif slope and S == 0:
        u, levels = _levels.odd(F, q, name)
    elif kind == "ternary":
        raise _levels.impossible(kind, name, "later layers need its slope too")
    elif kind == "two-level" and S != 0:
        slope = True
        try:
            u, levels = _levels.two_level(F, S, q)
        except ValueError as error:  # a bracket that rounding has closed
            raise ConvergenceError(
                f"no two-level match of {name} at variance {s:g}: thresholds are beyond the "
                "reach of double precision"
            ) from error
    elif slope:
        u, levels = _levels.three_level_with_slope(F, S, q, name)
    else:
        u, levels = _levels.three_level(F, S, name)
    steps = Steps(tau * u, levels + 0.0, name=f"{kind} {name}")
    units = {"mean_derivative": tau, "mean_curvature": s}
    if slope:
        units["centered_second_moment_slope"] = s
    match = Match(steps, steps.moments(s), wanted, tuple(units))
    worst = max(abs(gap) * units[moment] for moment, gap in match.residuals.items())
    if not worst <= 1e-7 * np.nanmax(np.abs([F, S, q])):
        raise ConvergenceError(
            f"no {kind} match of {name} at variance {s:g}: moments differ by {worst:.2g}"
        )
    return match


def curved(moments: GaussianMoments, variance: float) -> bool:
    """Whether the mean curvature is not zero, in units of the function."""
    size = np.sqrt(moments.centered_second_moment)
    return abs(moments.mean_curvature) * variance > _SMALL * size


def _moments_of(d: DCoefficients, s: float) -> GaussianMoments:
    d0, d1, d2 = (
        _checks.nonnegative(f"activation.{key}", getattr(d, key)) for key in ("d0", "d1", "d2")
    )
    nan = float("nan")
    return GaussianMoments(nan, np.sqrt(d1), 2 * np.sqrt(d2), d0 + s * d1, nan, nan)
