r"""An activation and its Gaussian moments, at any variance.

Random matrices of neural networks see an activation only through expectations
over Gaussian variables. With :math:`\xi\sim\mathcal N(0,1)`, s the variance of the
preactivation and :math:`t=\sqrt s\,\xi`, everything here is about the numbers
:math:`\mathbb E\sigma(t)`, :math:`\mathbb E\sigma'(t)`, ... of one activation
:math:`\sigma`. Derivatives are weak ones: expectations of
:math:`\sigma',\sigma''` are those of :math:`\xi\sigma,(\xi^2-1)\sigma`, also at kinks and jumps.
"""

from collections.abc import Callable, Sequence

import numpy as np

from rmtlib import _checks
from rmtlib._checks import ConvergenceError
from rmtlib._gaussian import gaussian_nodes
from rmtlib._types import ArrayLike
from rmtlib.activations._moments import DCoefficients, GaussianMoments, GramParameters

_WHY_VARIANCE = "of the preactivation"
_TOLERANCE = 1e-9


class Activation:
    r"""A scalar function :math:`\sigma` applied to every entry of a matrix.

    Expectations are over :math:`t=\sqrt s\,\xi`, :math:`\xi\sim\mathcal N(0,1)`, s
    the variance. They are closed forms for the activations of the catalogue that have
    them, and otherwise Gauss-Legendre panels split at kinks and jumps.

    Parameters
    ----------
    name : str
        For legends.
    value, derivative : callable
        :math:`\sigma` and :math:`\sigma'` (almost everywhere), vectorized.
    kinks, jumps : sequence of float
        Points where :math:`\sigma'` jumps, where :math:`\sigma` itself does.

    Notes
    -----
    Moments and coefficients :cite:p:`CouilletLiao22`. Quadrature is compared with a
    finer one; what differs by more than 1e-9 raises
    `~rmtlib.ConvergenceError`: a kink that was not declared does.

    Example
    -------
    >>> from scipy.special import expit
    >>> softplus = Activation("softplus", lambda t: np.logaddexp(0, t), expit)
    >>> abs(softplus.moments(1.0).mean_derivative - 0.5) < 1e-14
    True
    """

    closed_form: bool = False
    needs_angles: bool = True  # of pairs of samples, in the closed forms
    kinks: tuple[float, ...] = ()
    jumps: tuple[float, ...] = ()
    torch_name: str | None = None  # method of a tensor

    def __init__(
        self,
        name: str,
        value: Callable[[np.ndarray], np.ndarray],
        derivative: Callable[[np.ndarray], np.ndarray],
        kinks: Sequence[float] = (),
        jumps: Sequence[float] = (),
    ):
        for key, function in (("value", value), ("derivative", derivative)):
            if not callable(function):
                raise ValueError(f"{key} must be a function, got {function!r}")
        self.__dict__.update(name=name, value=value, derivative=derivative)
        for key, points in (("kinks", kinks), ("jumps", jumps)):
            if len(points):
                points = _checks.vector(key, points)
            self.__dict__[key] = tuple(sorted(float(r) for r in points))

    def __setattr__(self, key: str, value: object) -> None:
        raise AttributeError(f"an activation cannot be changed, got {key}: make another one")

    def __repr__(self) -> str:
        return f"Activation({self.name!r})"

    def __call__(self, t: ArrayLike) -> float | np.ndarray:
        """Values at t, of the same shape."""
        return _checks.scalar_out(self.value(_checks.real_array("t", t)))

    @property
    def torch_function(self) -> Callable | None:
        """The same function of torch tensors, differentiable; None if only NumPy knows it."""
        return self._on_tensor if self.torch_name else None

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
        ~rmtlib.ConvergenceError
            If quadrature does not resolve the activation, here and in the other methods.

        Example
        -------
        >>> from rmtlib.activations import ERF
        >>> ERF.moments(0.5).centered_second_moment  # (2 / pi) arcsin(1 / 2)
        0.333333...
        """
        s = _checks.positive_array("variance", variance, _WHY_VARIANCE)
        fields = (
            np.broadcast_to(moment, s.size).reshape(s.shape).copy()
            for moment in self._moments(s.ravel())
        )
        return GaussianMoments(*(_checks.scalar_out(x) for x in fields))

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

        Notes
        -----
        Source: :cite:t:`LiaoTalk24`, section on ternary random features.

        Example
        -------
        >>> from rmtlib.activations import RELU
        >>> d = RELU.d_coefficients(2.0)
        >>> abs(d.d0 - 2 * (1 / 4 - 1 / (2 * np.pi))) < 1e-15, d.d1
        (True, 0.25)
        """
        s = _checks.positive("variance", variance, _WHY_VARIANCE)
        at = self.moments(s)
        square, slope = at.centered_second_moment, at.mean_derivative
        d0 = square - s * slope**2
        if d0 < 1e-2 * square:  # the difference loses digits: integrate the square instead
            d0 = self._checked(lambda order: self._residual(s, at.mean, slope, order), scale=square)
        return DCoefficients(d0, slope**2, at.mean_curvature**2 / 4)

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

        Example
        -------
        >>> from rmtlib.activations import Quadratic
        >>> Quadratic(1, 0, 0).gram_parameters()
        GramParameters(eta=2.0, zeta=0.0, theta=2.0)
        """
        s = _checks.positive("variance", variance, _WHY_VARIANCE)
        at = self.moments(s)
        return GramParameters(
            at.centered_second_moment, s * at.mean_derivative**2, s * at.mean_curvature
        )

    def affine(self, gain: float = 1.0, offset: float = 0.0, stretch: float = 1.0) -> "Activation":
        r"""The activation :math:`t\mapsto a\,\sigma(\lambda t)+b`, with all that is known of it.

        Parameters
        ----------
        gain, offset : float
            a and b.
        stretch : positive number
            :math:`\lambda`.

        Returns
        -------
        Activation

        Example
        -------
        >>> from rmtlib.activations import ERF
        >>> ERF.affine(stretch=3).moments(1.0).mean == ERF.moments(9.0).mean
        True
        """
        a, b = _checks.finite("gain", gain), _checks.finite("offset", offset)
        return self._affine(a, b, _checks.positive("stretch", stretch))

    def centered(self, variance: float = 1.0) -> "Activation":
        r"""The activation minus its mean :math:`\mathbb E\sigma(\sqrt s\,\xi)`.

        Parameters
        ----------
        variance : positive number
            s.

        Returns
        -------
        Activation

        Example
        -------
        >>> from rmtlib.activations import RELU
        >>> RELU.centered(2.0).moments(2.0).mean
        0.0
        """
        s = _checks.positive("variance", variance, _WHY_VARIANCE)
        return self.affine(offset=-self.moments(s).mean)

    def _on_tensor(self, t):
        return getattr(t, self.torch_name)()

    def _affine(self, gain: float, offset: float, stretch: float) -> "Activation":
        return _Affine(self, gain, offset, stretch)

    def _moments(self, s: np.ndarray) -> np.ndarray | tuple:
        """The six moments at the variances s, shape (n,)."""
        parts = np.array_split(s, max(1, -(-s.size // 256)))  # bounded memory
        return np.concatenate([self._quadrature(part) for part in parts], axis=1)

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


class ClosedForm(Activation):
    r"""An activation whose expectations are known in closed form: what a subclass gives.

    ``name``, ``value(t)``, ``derivative(t)``, ``torch_name`` or ``torch_function(t)`` of a
    tensor, ``kinks`` and ``jumps`` if it has some, and

    - ``_moments(s)``: the fields of `GaussianMoments` at variances s, shape (n,);
    - ``product(a, b, s, alpha)`` and ``derivative_product(a, b, s, alpha)``:
      :math:`\mathbb E[\sigma(u)\sigma(v)]` and :math:`\mathbb E[\sigma'(u)\sigma'(v)]` for
      Gaussian u, v of variances a, b and covariance s, in arrays that broadcast.
      :math:`\alpha=\arcsin\rho,\ \rho=s/\sqrt{ab}`: take :math:`\cos\alpha` for
      :math:`\sqrt{1-\rho^2}`, since rounding in :math:`\rho` near 1 is a hundred million
      times larger in :math:`\alpha`. With ``needs_angles = False`` it is not computed.
    """

    closed_form = True


class _Affine(Activation):
    """gain * base(stretch * t) + offset."""

    def __init__(self, base: Activation, gain: float, offset: float, stretch: float):
        kinks, jumps = (tuple(r / stretch for r in x) for x in (base.kinks, base.jumps))
        self.__dict__.update(base=base, gain=gain, offset=offset, stretch=stretch)
        self.__dict__.update(name=base.name, kinks=kinks, jumps=jumps)
        self.__dict__.update(closed_form=base.closed_form, needs_angles=base.needs_angles)

    @property
    def torch_function(self) -> Callable | None:
        return self._on_tensor if self.base.torch_function else None

    def _on_tensor(self, t):
        return self.gain * self.base.torch_function(self.stretch * t) + self.offset

    def value(self, t: np.ndarray) -> np.ndarray:
        return self.gain * self.base.value(self.stretch * t) + self.offset

    def derivative(self, t: np.ndarray) -> np.ndarray:
        return self.gain * self.stretch * self.base.derivative(self.stretch * t)

    def product(self, a, b, s, alpha):
        square = self.stretch**2
        base = self.gain**2 * self.base.product(square * a, square * b, square * s, alpha)
        if self.offset == 0:
            return base
        return base + self.offset * (self.moments(a).mean + self.moments(b).mean - self.offset)

    def derivative_product(self, a, b, s, alpha):
        square = self.stretch**2
        base = self.base.derivative_product(square * a, square * b, square * s, alpha)
        return self.gain**2 * square * base

    def _affine(self, gain: float, offset: float, stretch: float) -> Activation:
        offset = gain * self.offset + offset
        return _Affine(self.base, gain * self.gain, offset, stretch * self.stretch)

    def _moments(self, s: np.ndarray) -> tuple:
        a, c = self.gain, self.stretch
        m, e1, e2, s2, q, v1 = self.base._moments(c**2 * s)
        gain = np.broadcast_to(a**2 * c**2, s.shape)
        slope = np.multiply(gain, v1, out=np.zeros_like(s), where=gain > 0)
        return a * m + self.offset, a * c * e1, a * c**2 * e2, a**2 * s2, a**2 * c**2 * q, slope
