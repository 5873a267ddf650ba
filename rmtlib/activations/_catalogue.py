r"""Activation functions with their Gaussian moments, at any variance.

Random matrices of neural networks see an activation only through expectations
over Gaussian variables. With :math:`\xi\sim\mathcal N(0,1)`, s the variance of the
preactivation and :math:`t=\sqrt s\,\xi`, every function here is about the numbers
:math:`\mathbb E\sigma(t)`, :math:`\mathbb E\sigma'(t)`, ... of one activation
:math:`\sigma`. Derivatives are weak ones: expectations of
:math:`\sigma',\sigma''` are those of :math:`\xi\sigma,(\xi^2-1)\sigma`, also at kinks and jumps.

`CATALOGUE` lists the activations by name; `leaky_relu`, `clip`, `quadratic` and
`Steps` make more, and `Activation` takes any function.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erf, expit

from rmtlib import _checks
from rmtlib._checks import ConvergenceError
from rmtlib.activations._moments import (
    DCoefficients,
    Form,
    GaussianMoments,
    GramParameters,
    closed_form_moments,
    gaussian_nodes,
    hermite_rows,
)

_WHY_VARIANCE = "of the preactivation"
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Activation:
    r"""A scalar function :math:`\sigma` applied to every entry of a matrix.

    Expectations are over :math:`t=\sqrt s\,\xi`, :math:`\xi\sim\mathcal N(0,1)`, s
    the variance. They come from closed forms where the catalogue has one, and
    from Gauss-Legendre panels split at kinks and jumps otherwise.

    Parameters
    ----------
    name : str
        For legends.
    value, derivative : callable
        :math:`\sigma` and :math:`\sigma'` (almost everywhere), vectorized.
    kinks, jumps : sequence of float
        Points where :math:`\sigma'` jumps, where :math:`\sigma` itself does.
    form : Form, optional
        Set by the catalogue: which closed form holds.

    Raises
    ------
    ValueError
        If ``value`` or ``derivative`` cannot be called, or a kink or a jump is
        not a finite number.

    Notes
    -----
    Moments and coefficients :cite:p:`CouilletLiao22`. Quadrature is compared with a
    finer one; what differs by more than 1e-9 raises
    `~rmtlib.ConvergenceError`: a kink that was not declared does.

    Example
    -------
    >>> softplus = Activation("softplus", lambda t: np.logaddexp(0, t), expit)
    >>> relu = RELU.moments(1.0)
    >>> bool(abs(relu.mean - 1 / np.sqrt(2 * np.pi)) < 1e-15), relu.mean_derivative
    (True, 0.5)
    >>> abs(softplus.moments(1.0).mean_derivative - 0.5) < 1e-14
    True
    """

    name: str
    value: Callable[[np.ndarray], np.ndarray] = field(repr=False)
    derivative: Callable[[np.ndarray], np.ndarray] = field(repr=False)
    kinks: tuple[float, ...] = ()
    jumps: tuple[float, ...] = ()
    form: Form | None = field(default=None, repr=False)

    def __post_init__(self):
        for name in ("value", "derivative"):
            if not callable(getattr(self, name)):
                raise ValueError(f"{name} must be a function, got {getattr(self, name)!r}")
        for name in ("kinks", "jumps"):
            points = getattr(self, name)
            if len(points):
                points = _checks.vector(name, points)
            object.__setattr__(self, name, tuple(sorted(float(r) for r in points)))

    def __call__(self, t: ArrayLike) -> np.ndarray:
        """Values at t, of the same shape."""
        return self.value(_checks.real_array("t", t))

    def moments(self, variance: ArrayLike) -> GaussianMoments:
        r"""The six Gaussian moments at a variance, or at an array of variances.

        Parameters
        ----------
        variance : positive number or array_like of them
            s.

        Returns
        -------
        GaussianMoments
            Of floats, or of arrays of the shape of ``variance``.

        Raises
        ------
        ValueError
            If a variance is not positive.
        ~rmtlib.ConvergenceError
            If quadrature does not resolve the activation.

        Example
        -------
        >>> ERF.moments(0.5).centered_second_moment  # (2 / pi) arcsin(1 / 2)
        0.333333...
        """
        s = _variances(variance)
        if self.form is None:
            parts = np.array_split(s.ravel(), max(1, -(-s.size // 256)))  # bounded memory
            found = np.concatenate([self._quadrature(part) for part in parts], axis=1)
        else:
            found = closed_form_moments(self.form, s.ravel())
        fields = (np.broadcast_to(moment, s.size).reshape(s.shape) for moment in found)
        return GaussianMoments(*(x.copy() if x.ndim else float(x) for x in fields))

    def hermite_coefficients(self, count: int, variance: float = 1.0) -> np.ndarray:
        r"""Coefficients on the orthonormal Hermite polynomials.

        .. math::

            f_k=\frac{1}{\sqrt{k!}}\,\mathbb E\bigl[\sigma(\sqrt s\,\xi)\,\mathrm{He}_k(\xi)\bigr],
            \qquad \mathbb E\sigma^2=\sum_kf_k^2 .

        Parameters
        ----------
        count : integer >= 1
            How many: k = 0, ..., count - 1.
        variance : positive number
            s.

        Returns
        -------
        ndarray, shape (count,)

        Raises
        ------
        ValueError
            If ``count`` or ``variance`` is not positive.
        ~rmtlib.ConvergenceError
            If quadrature does not resolve the activation.

        Example
        -------
        >>> f = LINEAR.hermite_coefficients(3, variance=4.0)
        >>> bool(np.allclose(f, [0, 2, 0], atol=1e-14))
        True
        """
        count = _checks.count("count", count)
        s = np.array([_checks.positive("variance", variance, _WHY_VARIANCE)])
        breaks = self.kinks + self.jumps
        return self._checked(lambda order: hermite_rows(self.value, s, breaks, count, order)[:, 0])

    def d_coefficients(self, variance: float) -> DCoefficients:
        r"""The numbers :math:`d_0,d_1,d_2` of the kernel of random features.

        .. math::

            d_0=\mathbb Eg^2-s\,(\mathbb E\sigma')^2,\qquad d_1=(\mathbb E\sigma')^2,
            \qquad d_2=\tfrac14(\mathbb E\sigma'')^2,

        expectations at :math:`\sqrt s\,\xi`, s the limit of :math:`\|x_i\|^2`;
        :math:`d_0\ge2s^2d_2`.

        Parameters
        ----------
        variance : positive number
            s.

        Returns
        -------
        DCoefficients

        Raises
        ------
        ValueError
            If ``variance`` is not positive.
        ~rmtlib.ConvergenceError
            If quadrature does not resolve the activation.

        Notes
        -----
        Source: :cite:t:`LiaoTalk24`, section on ternary random features.

        Example
        -------
        >>> d = RELU.d_coefficients(2.0)
        >>> abs(d.d0 - 2 * (1 / 4 - 1 / (2 * np.pi))) < 1e-15, d.d1
        (True, 0.25)
        """
        s = _checks.positive("variance", variance, _WHY_VARIANCE)
        m, e1, e2, s2, _, _ = self.moments(s)
        d0 = s2 - s * e1**2
        if d0 < 1e-2 * s2:  # the difference loses digits: integrate the square instead
            d0 = self._checked(lambda order: self._residual(s, m, e1, order), scale=s2)
        return DCoefficients(d0, e1**2, e2**2 / 4)

    def gram_parameters(self, variance: float = 1.0) -> GramParameters:
        r"""The numbers of a nonlinear Gram matrix, of the centered activation.

        .. math::

            \eta=\mathbb Eg(t)^2,\qquad \zeta=(\mathbb E\,\xi g(t))^2,\qquad
            \theta=\mathbb E\,\xi^2g(t),\qquad t=\sqrt s\,\xi,\ g=\sigma-\mathbb E\sigma(t) .

        :math:`0\le\zeta\le\eta`, with :math:`\zeta=\eta` for linear functions only.

        Parameters
        ----------
        variance : positive number
            s, 1 if weights and data are normalized.

        Returns
        -------
        GramParameters

        Raises
        ------
        ValueError
            If ``variance`` is not positive.
        ~rmtlib.ConvergenceError
            If quadrature does not resolve the activation.

        Example
        -------
        >>> quadratic(1, 0, 0).gram_parameters()
        GramParameters(eta=2.0, zeta=0.0, theta=2.0)
        """
        s = _checks.positive("variance", variance, _WHY_VARIANCE)
        _, e1, e2, s2, _, _ = self.moments(s)
        return GramParameters(s2, s * e1**2, s * e2)

    def affine(self, gain: float = 1.0, offset: float = 0.0, stretch: float = 1.0) -> "Activation":
        r"""The activation :math:`t\mapsto a\,\sigma(\lambda t)+b`.

        Parameters
        ----------
        gain, offset : float
            a and b.
        stretch : positive number
            :math:`\lambda`.

        Returns
        -------
        Activation

        Raises
        ------
        ValueError
            If a parameter is not finite, or ``stretch`` is not positive.

        Example
        -------
        >>> ERF.affine(stretch=3).moments(1.0) == ERF.moments(9.0)._replace(
        ...     mean_derivative=3 * ERF.moments(9.0).mean_derivative,
        ...     centered_second_moment_slope=9 * ERF.moments(9.0).centered_second_moment_slope,
        ...     mean_squared_derivative=9 * ERF.moments(9.0).mean_squared_derivative,
        ... )
        True
        """
        a, b = _checks.finite("gain", gain), _checks.finite("offset", offset)
        scale = _checks.positive("stretch", stretch)
        form = self.form and replace(
            self.form,
            gain=a * self.form.gain,
            offset=a * self.form.offset + b,
            stretch=scale * self.form.stretch,
        )
        return Activation(
            self.name,
            lambda t: a * self.value(scale * t) + b,
            lambda t: a * scale * self.derivative(scale * t),
            tuple(r / scale for r in self.kinks),
            tuple(r / scale for r in self.jumps),
            form,
        )

    def centered(self, variance: float = 1.0) -> "Activation":
        r"""The activation minus its mean :math:`\mathbb E\sigma(\sqrt s\,\xi)`.

        Parameters
        ----------
        variance : positive number
            s.

        Returns
        -------
        Activation

        Raises
        ------
        ValueError
            If ``variance`` is not positive.
        ~rmtlib.ConvergenceError
            If quadrature does not resolve the activation.

        Example
        -------
        >>> RELU.centered(2.0).moments(2.0).mean
        0.0
        """
        s = _checks.positive("variance", variance, _WHY_VARIANCE)
        return self.affine(offset=-self.moments(s).mean)

    def _quadrature(self, s: np.ndarray) -> np.ndarray:
        def integrals(order: int) -> np.ndarray:
            xi, weight = gaussian_nodes(s, self.kinks + self.jumps, order)
            t = np.sqrt(s)[:, None] * xi
            m = np.sum(weight * self.value(t), axis=1)
            g = self.value(t) - m[:, None]
            e1 = np.sum(weight * xi * g, axis=1) / np.sqrt(s)
            e2 = np.sum(weight * (xi**2 - 1) * g, axis=1) / s
            s2 = np.sum(weight * g**2, axis=1)
            q = np.sum(weight * (xi**2 - 1) * g**2, axis=1) / (2 * s)
            v1 = np.sum(weight * self.derivative(t) ** 2, axis=1)
            # each in units of the value: what decides whether the quadrature has converged
            return np.array([m, e1 * np.sqrt(s), e2 * s, s2, q * s, v1 * s])

        m, e1, e2, s2, q, v1 = self._checked(integrals)
        if self.jumps:
            v1 = np.full_like(s, np.inf)
        return np.array([m, e1 / np.sqrt(s), e2 / s, s2, q / s, v1 / s])

    def _residual(self, s: float, m: float, e1: float, order: int) -> float:
        xi, weight = gaussian_nodes(np.array([s]), self.kinks + self.jumps, order)
        t = np.sqrt(s) * xi
        return float(np.sum(weight * (self.value(t) - m - e1 * t) ** 2))

    def _checked(self, integrals: Callable[[int], np.ndarray], scale: float = 0.0) -> np.ndarray:
        """The finer of two quadratures, if they agree."""
        coarse, fine = integrals(16), integrals(24)
        size = np.maximum(np.max(np.abs(np.atleast_1d(fine)), axis=0), scale)
        gap = np.max(np.abs(np.atleast_1d(fine - coarse)), axis=0)
        if not np.all(gap <= _TOLERANCE * size):
            raise ConvergenceError(
                f"quadrature of {self.name} does not converge, "
                f"two grids differ by {np.max(gap):.2g}: "
                "declare its kinks and jumps; the variance may be too large for a function "
                "that oscillates"
            )
        return fine


def _variances(variance: ArrayLike) -> np.ndarray:
    s = _checks.real_array("variance", variance, why=_WHY_VARIANCE).astype(float)
    if np.any(s <= 0):
        raise ValueError(f"variance must be positive, got {s.min():g} ({_WHY_VARIANCE})")
    return s


class Steps(Activation):
    r"""Piecewise-constant activation: level :math:`v_k` between two thresholds.

    .. math:: \sigma(t)=v_0+\sum_j(v_j-v_{j-1})\,1_{t>r_j} .

    Parameters
    ----------
    thresholds : array_like, shape (M,), M >= 1
        :math:`r_1<\dots<r_M`.
    levels : array_like, shape (M + 1,)
        :math:`v_0,\dots,v_M`.
    name : str
        For legends.

    Raises
    ------
    ValueError
        If the thresholds do not increase, or the lengths do not fit.

    Notes
    -----
    Quantized activations of :cite:t:`LiaoTalk23`. The expected squared derivative
    is infinite: networks of such functions have a conjugate kernel and no
    neural tangent kernel.

    Example
    -------
    >>> ternary = Steps([-1, 2], [-1, 0, 1])
    >>> ternary([-3, 0, 1, 5])
    array([-1.,  0.,  0.,  1.])
    """

    def __init__(self, thresholds: ArrayLike, levels: ArrayLike, name: str = "steps"):
        r = _checks.vector("thresholds", thresholds).astype(float)
        v = _checks.vector("levels", levels, r.size + 1, "one more than thresholds").astype(float)
        if np.any(np.diff(r) <= 0):
            raise ValueError(f"thresholds must be increasing, got {r.tolist()}")
        super().__init__(
            name,
            lambda t: v[np.searchsorted(r, t)],
            lambda t: np.zeros(np.shape(t)),
            jumps=tuple(r.tolist()),
            form=Form("steps", (tuple(r.tolist()), tuple(v.tolist()))),
        )

    @property
    def thresholds(self) -> np.ndarray:
        """Thresholds, shape (M,)."""
        return np.array(self.form.parameters[0])

    @property
    def levels(self) -> np.ndarray:
        """Levels, shape (M + 1,)."""
        return np.array(self.form.parameters[1])


def two_slopes(right: float, left: float, name: str = "two slopes") -> Activation:
    r"""The positively homogeneous function :math:`a\,t^++b\,(-t)^+`.

    Parameters
    ----------
    right, left : float
        a and b: (1, 0) is ReLU, (1, 1) the absolute value, (1, -1) linear.
    name : str
        For legends.

    Returns
    -------
    Activation

    Raises
    ------
    ValueError
        If a slope is not finite.

    Example
    -------
    >>> two_slopes(1, 1).moments(4.0).mean_squared_derivative
    1.0
    """
    a, b = _checks.finite("right", right), _checks.finite("left", left)
    return Activation(
        name,
        lambda t: np.where(t > 0, a * t, -b * t),
        lambda t: np.where(t > 0, a, np.where(t < 0, -b, (a - b) / 2 if a == -b else 0.0)),
        kinks=() if a == -b else (0.0,),
        form=Form("slopes", (a, b)),
    )


def leaky_relu(slope: float = 0.01) -> Activation:
    r"""The leaky ReLU :math:`\max(t,0)+\text{slope}\cdot\min(t,0)`.

    Parameters
    ----------
    slope : float
        Slope on the left; torch's default is 0.01.

    Returns
    -------
    Activation

    Raises
    ------
    ValueError
        If ``slope`` is not finite.

    Example
    -------
    >>> leaky_relu(0.1)([-1.0, 1.0])
    array([-0.1,  1. ])
    """
    return two_slopes(1.0, -_checks.finite("slope", slope), name="leaky ReLU")


def clip(slope: float = 1.0, level: float = 1.0) -> Activation:
    r"""The clipped line :math:`\max(-c,\min(\alpha t,c))`.

    Parameters
    ----------
    slope, level : positive numbers
        :math:`\alpha` and c.

    Returns
    -------
    Activation

    Raises
    ------
    ValueError
        If a parameter is not positive.

    Example
    -------
    >>> clip(2, 1)([-3, 0.25])
    array([-1. ,  0.5])
    """
    alpha, c = _checks.positive("slope", slope), _checks.positive("level", level)
    return replace(HARDTANH.affine(gain=c, stretch=alpha / c), name="clip")


def quadratic(curvature: float, slope: float, offset: float) -> Activation:
    r"""The polynomial :math:`c_2t^2+c_1t+c_0`.

    Parameters
    ----------
    curvature, slope, offset : float
        :math:`c_2,c_1,c_0`.

    Returns
    -------
    Activation

    Raises
    ------
    ValueError
        If a coefficient is not finite.

    Example
    -------
    >>> float(quadratic(1, 2, 3)(2))
    11.0
    """
    c2 = _checks.finite("curvature", curvature)
    c1, c0 = _checks.finite("slope", slope), _checks.finite("offset", offset)
    return Activation(
        "quadratic",
        lambda t: (c2 * t + c1) * t + c0,
        lambda t: 2 * c2 * t + c1,
        form=Form("quadratic", (c2, c1, c0)),
    )


LINEAR = two_slopes(1.0, -1.0, name="linear")
RELU = two_slopes(1.0, 0.0, name="ReLU")
LEAKY_RELU = leaky_relu()
ABS = two_slopes(1.0, 1.0, name="abs")
TANH = Activation("tanh", np.tanh, lambda t: 1 / np.cosh(np.clip(t, -300, 300)) ** 2)
SIGMOID = Activation("sigmoid", expit, lambda t: expit(t) * expit(-t))
ARCTAN = Activation("arctan", np.arctan, lambda t: 1 / (1 + t**2))
ERF = Activation("erf", erf, lambda t: 2 / np.sqrt(np.pi) * np.exp(-(t**2)), form=Form("erf"))
SIN = Activation("sin", np.sin, np.cos, form=Form("sin"))
COS = Activation("cos", np.cos, lambda t: -np.sin(t), form=Form("cos"))
GAUSSIAN = Activation(
    "gaussian",
    lambda t: np.exp(-(t**2) / 2),
    lambda t: -t * np.exp(-(t**2) / 2),
    form=Form("gaussian"),
)
HARDTANH = Activation(
    "hardtanh",
    lambda t: np.clip(t, -1, 1),
    lambda t: (np.abs(t) < 1).astype(float),
    kinks=(-1.0, 1.0),
    form=Form("hardtanh"),
)
SIGN = Activation(
    "sign",
    np.sign,
    lambda t: np.zeros(np.shape(t)),
    jumps=(0.0,),
    form=Form("steps", ((0.0,), (-1.0, 1.0))),
)
STEP = Steps([0.0], [0.0, 1.0], name="step")

# Four activations proposed for zeta = 0 and eta = 1 (report of 2018), as its code has them:
# only the third satisfies both.
REPORT = {
    "f1": replace(GAUSSIAN.affine(np.sqrt(5), -1, 2), name="f1"),
    "f2": Activation(
        "f2",
        lambda t: np.sin(2 * t) + np.cos(1.5 * t) - 2 * np.exp(-2) * t - np.exp(-9 / 8),
        lambda t: 2 * np.cos(2 * t) - 1.5 * np.sin(1.5 * t) - 2 * np.exp(-2),
    ),
    "f3": replace(
        ABS.affine(1 / np.sqrt(1 - 2 / np.pi), -np.sqrt(2 / np.pi) / np.sqrt(1 - 2 / np.pi)),
        name="f3",
    ),
    "f4": replace(GAUSSIAN.affine(-4 / np.sqrt(3), 1), name="f4"),
}
_F4_ERF = Activation(
    "f4 erf",
    lambda t: (1 - 4 / np.sqrt(3) * np.exp(-(t**2) / 2)) * erf(t),
    lambda t: (
        4 / np.sqrt(3) * t * np.exp(-(t**2) / 2) * erf(t)
        + (1 - 4 / np.sqrt(3) * np.exp(-(t**2) / 2)) * 2 / np.sqrt(np.pi) * np.exp(-(t**2))
    ),
)
# The same four with zeta = 0 and eta = 1: the missing factor erf, and the variance one.
REPORT_CORRECTED = {
    name: replace(f.affine(f.gram_parameters().eta ** -0.5), name=f"{name} corrected")
    for name, f in (REPORT | {"f4": _F4_ERF}).items()
}
CATALOGUE: dict[str, Activation] = {
    activation.name: activation
    for activation in (
        LINEAR,
        RELU,
        LEAKY_RELU,
        ABS,
        TANH,
        SIGMOID,
        ARCTAN,
        ERF,
        SIN,
        COS,
        SIGN,
        STEP,
        HARDTANH,
        GAUSSIAN,
        quadratic(np.sqrt(0.5), 0, -np.sqrt(0.5)),
        *REPORT.values(),
        *REPORT_CORRECTED.values(),
    )
}


def as_activation(activation: Activation | str, name: str = "activation") -> Activation:
    """The activation itself, or the one of the catalogue that has this name.

    Parameters
    ----------
    activation : Activation or str
        Upper and lower case are the same: ``"relu"``, ``"ReLU"``.
    name : str
        Parameter that an error names.

    Example
    -------
    >>> as_activation("relu") is RELU
    True
    """
    if isinstance(activation, Activation):
        return activation
    known = {key.casefold(): entry for key, entry in CATALOGUE.items()}
    if isinstance(activation, str) and activation.casefold() in known:
        return known[activation.casefold()]
    raise ValueError(
        f"{name} must be an Activation or one of {', '.join(CATALOGUE)}, got {activation!r}"
    )
