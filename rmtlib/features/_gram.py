r"""Spectra of nonlinear Gram matrices: random features of white data, one layer or several.

Y = f(W X / sqrt(p)) with W of shape (N, p) and X of shape (p, n), independent
entries of mean 0 and variance 1: N features of n samples. The bulk depends on
the activation f through two numbers of a centered f,

.. math:: \eta = \mathbb E f(\xi)^2, \qquad
          \zeta = (\mathbb E f'(\xi))^2 = (\mathbb E\,\xi f(\xi))^2, \qquad
          \xi \sim \mathcal N(0, 1),

and the isolated eigenvalues on a third, :math:`\theta = \mathbb E\,\xi^2 f(\xi)`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from rmtlib._checks import between, count, finite, nonnegative, positive, real_array, vector
from rmtlib.laws import (
    Discrete,
    MarchenkoPastur,
    SampleCovariance,
    SpectralLaw,
    free_product,
    free_sum,
)

_ROUNDING = 1e-12


class NonlinearGram(SampleCovariance):
    r"""Spectrum of the Gram matrix of a nonlinear random layer on white data.

    Limit of the eigenvalues of :math:`\frac1n Y Y^{\mathsf T}` (N by N),
    :math:`Y = f(W X / \sqrt p)`, at :math:`N / n \to a`, :math:`N / p \to b`. It
    is that of the Gaussian equivalent
    :math:`\sqrt\zeta\, W X / \sqrt p + \sqrt{\eta - \zeta}\, Z`, Z white: a sample
    covariance with population law :math:`\zeta\,\mathrm{MP}_b + \eta - \zeta`. With
    :math:`Q = -1 - z m` and :math:`A = (1 + Q)(1 + a Q)`,

    .. math:: z^2 Q - z A\,(\eta + \zeta b Q) + \zeta (\eta - \zeta) b A^2 = 0 .

    It is solved for :math:`\omega = z / (1 + a Q)`, in which it is a quartic with
    leading coefficient 1 at every :math:`\zeta`: with :math:`\delta = \eta - \zeta` and
    :math:`m_\nu = ((1 - a)\,\omega - z) / (a \omega^2)`,

    .. math::

        \zeta b\,(\omega - \delta)\, m_\nu^2
        + (\omega - \delta + (b - 1)\,\zeta)\, m_\nu + 1 = 0, \qquad
        m = \omega\, m_\nu / z .

    Exactly one root has :math:`\Im \omega > 0` and :math:`\Im m_\nu > 0` when
    :math:`\Im z > 0`; inside a band of the real axis there is one complex pair.
    At :math:`\zeta = 0` the law is ``MarchenkoPastur(a, eta)``, at
    :math:`\zeta = \eta` that of a product of two Wishart matrices. By symmetry, the law of
    :math:`\frac1N Y^{\mathsf T} Y` (n by n) has n / N for a and n / p for b.

    Parameters
    ----------
    eta : positive number
        Variance of the centered activation.
    zeta : number in [0, eta]
        Squared mean slope; equal to ``eta`` for a linear activation only.
    features_per_sample : positive number
        a = N / n.
    features_per_dimension : positive number
        b = N / p.

    Raises
    ------
    ValueError
        If ``eta`` or a ratio is not positive, or ``zeta`` is not in [0, eta].

    Notes
    -----
    Law: :cite:t:`PenningtonWorah17`; any sub-Gaussian entries: :cite:t:`BenigniPeche21`.
    Traces of smooth functions of the eigenvalues differ from their limit by
    O(1/N). An activation of mean other than 0 has the same bulk (``eta`` its variance) and
    one eigenvalue of order N; see `gram_outliers`. A ``zeta`` within 1e-12 eta of ``eta``
    counts as equal; below that, a small :math:`\eta - \zeta` leaves eigenvalues of its order.

    Example
    -------
    >>> law = NonlinearGram(1.0, 0.0, 0.25, 2.0)
    >>> [round(edge, 12) for edge in law.support()]  # Marchenko-Pastur
    [0.25, 2.25]
    """

    def __init__(
        self, eta: float, zeta: float, features_per_sample: float, features_per_dimension: float
    ):
        eta = positive("eta", eta, "the variance of the activation")
        zeta = nonnegative("zeta", zeta, "the squared mean slope of the activation")
        if zeta > eta * (1 + _ROUNDING):
            raise ValueError(
                f"zeta must be at most eta, got {zeta:g} > {eta:g} "
                "(equality for linear activations only)"
            )
        a = positive("features_per_sample", features_per_sample, "N / n")
        b = positive("features_per_dimension", features_per_dimension, "N / p")
        self._eta, self._zeta, self._b = eta, min(zeta, eta), b
        self._delta = eta - self._zeta if eta - self._zeta > _ROUNDING * eta else 0.0
        if self._zeta == 0:
            population = Discrete([eta])
        else:
            population = free_sum(MarchenkoPastur(b, self._zeta), Discrete([self._delta]))
        super().__init__(a, population)

    def __repr__(self) -> str:
        return (
            f"NonlinearGram(eta={self._eta:g}, zeta={self._zeta:g}, "
            f"features_per_sample={self._ratio:g}, features_per_dimension={self._b:g})"
        )

    @property
    def eta(self) -> float:
        """Variance of the activation."""
        return self._eta

    @property
    def zeta(self) -> float:
        """Squared mean slope of the activation."""
        return self._zeta

    @property
    def features_per_sample(self) -> float:
        """Ratio a = N / n."""
        return self._ratio

    @property
    def features_per_dimension(self) -> float:
        """Ratio b = N / p."""
        return self._b

    def _subordinate(self, z: np.ndarray) -> np.ndarray:
        z = _without_rounding(z)
        omega = self._by_quartic(z)
        # Rounding in a root is a relative error 1e-16 (1 + |omega|) divided by its separation.
        with np.errstate(invalid="ignore", divide="ignore"):
            wrong = ~(self._error(omega, z) <= _ROUNDING)
        wrong |= (omega.imag <= 0) & ((z.imag > 0) | self._in_band(z))
        outside = (z.imag == 0) & ~self._in_band(z)
        if outside.any():
            slope = 1 - self._ratio * self._averages(omega[outside])[1].real
            wrong[outside] |= ~(slope > 0)
        if wrong.any():
            omega[wrong] = super()._subordinate(z[wrong])
        return omega

    def _by_quartic(self, z: np.ndarray) -> np.ndarray:
        a, b, zeta, delta = self._ratio, self._b, self._zeta, self._delta
        d, e, g = 1 - a, (b - 1) * zeta - delta, b * zeta / a
        coefficients = np.array(
            [
                np.ones_like(z),
                d * e - z + g * d**2,
                -e * z - g * d * (2 * z + delta * d),
                g * z * (z + 2 * delta * d),
                -g * delta * z**2,
            ]
        )
        omega = _quartic_roots(coefficients)
        with np.errstate(divide="ignore", invalid="ignore"):
            m_nu = (d * omega - z) / (a * omega**2)
            score = np.minimum(omega.imag / np.abs(omega), m_nu.imag / np.abs(m_nu))
            real = z.imag == 0
            if real.any():
                inside = self._in_band(z[real])
                omega[:, real] = np.where(inside, omega[:, real], omega[:, real].real)
                s, q = self._averages(omega[:, real])
                solves = np.abs(omega[:, real] * (1 - a * s) - z[real]) < 1e-7 * (
                    np.abs(z[real]) + np.abs(omega[:, real])
                )
                slope = np.where(solves, 1 - a * q.real, -np.inf)
                imaginary = omega[:, real].imag / np.abs(omega[:, real])
                score[:, real] = np.where(inside, imaginary, slope)
        score[np.isnan(score)] = -np.inf
        chosen = np.take_along_axis(omega, np.argmax(score, axis=0)[None], axis=0)[0]
        outside = real & ~self._in_band(z)
        chosen[outside] = chosen[outside].real
        return chosen

    def _moment(self, k: int) -> float:
        # Q = sum_k M_k s^k is the fixed point of s A (eta + zeta b Q) - zeta delta b s^2 A^2.
        a, b, eta, zeta = self._ratio, self._b, self._eta, self._zeta
        one = np.eye(1, k + 1)[0]
        Q = np.zeros(k + 1)
        for _ in range(k):
            A = np.convolve(one + Q, one + a * Q)[: k + 1]
            first = np.convolve(A, eta * one + zeta * b * Q)[:k]
            second = zeta * self._delta * b * np.convolve(A, A)[: max(k - 1, 0)]
            Q = np.concatenate([[0.0], first]) - np.concatenate([[0.0, 0.0], second])[: k + 1]
        return float(Q[k]) if k else 1.0

    def mean(self) -> float:
        """Mean: eta."""
        return self._eta

    def var(self) -> float:
        """Variance: a eta**2 + b zeta**2."""
        return self._ratio * self._eta**2 + self._b * self._zeta**2

    def _log_slope(self, t: float) -> float:
        """Derivative of log z(y) at y = zeta b + t."""
        y = self._zeta * self._b + t
        Q = self._delta / y + self._zeta / t if self._zeta else self._delta / y
        slope = self._delta / y**2 + (self._zeta / t**2 if self._zeta else 0.0)
        return 1 / y - slope / (1 + Q) - self._ratio * slope / (1 + self._ratio * Q)

    @cached_property
    def outlier_threshold(self) -> float:
        """Squared strength beyond which a low-rank perturbation of Y / sqrt(n) is seen."""
        high = self._eta
        while self._log_slope(high) <= 0:
            high *= 4
        low = high
        while self._log_slope(low) >= 0:
            low /= 4
        root = brentq(self._log_slope, low, high, xtol=1e-300, rtol=1e-15)
        return self._zeta * self._b + root

    def outlier_position(self, squared_strength: ArrayLike) -> np.ndarray | float:
        r"""Eigenvalue created by a low-rank perturbation of :math:`Y / \sqrt n`.

        For a perturbation with singular value s, independent of the rest, and
        :math:`y = s^2` past ``outlier_threshold``, the minimizer of z(y) on
        :math:`y > \zeta b`, an eigenvalue of :math:`\frac1n Y Y^{\mathsf T}` is at

        .. math::

            z(y) = y\,(1 + Q)(1 + a Q), \qquad
            Q(y) = \frac{\eta - \zeta}{y} + \frac{\zeta}{y - \zeta b} ;

        otherwise it sticks to the upper edge, which is the minimum of z.

        Parameters
        ----------
        squared_strength : array of nonnegative numbers
            y, any shape.

        Returns
        -------
        array of the shape of ``squared_strength``.

        Raises
        ------
        ValueError
            If a squared strength is negative, NaN or infinite.

        Example
        -------
        >>> law = NonlinearGram(1.0, 0.0, 0.5, 2.0)
        >>> round(float(law.outlier_position(2.0)), 12)  # (y + 1)(y + a) / y
        3.75
        """
        y = real_array("squared_strength", squared_strength).astype(float)
        if y.size and y.min() < 0:
            raise ValueError(f"squared_strength must be nonnegative, got {y.min():g}")
        y = np.maximum(y, self.outlier_threshold)
        Q = self._delta / y
        if self._zeta:
            Q = Q + self._zeta / (y - self._zeta * self._b)
        return (y * (1 + Q) * (1 + self._ratio * Q))[()]


def _without_rounding(z: np.ndarray) -> np.ndarray:
    """Points that an outer law found on the real axis, back on it."""
    return np.where(np.abs(z.imag) < 1e-15 * np.abs(z), z.real, z)


def _quartic_roots(c: np.ndarray) -> np.ndarray:
    """Roots of c[0] x**4 + ... + c[4], c[0] = 1, by Euler's formula and polished; shape (4, k)."""
    shift = c[1] / 4
    p = c[2] - 6 * shift**2
    q = c[3] - 2 * c[2] * shift + 8 * shift**3
    r = c[4] - c[3] * shift + c[2] * shift**2 - 3 * shift**4
    # x = -shift + (s1 + s2 + s3) / 2; the squares of s solve
    # y**3 + 2 p y**2 + (p**2 - 4 r) y - q**2 = 0
    u, v = -(p**2) / 9 - 4 * r / 3, p**3 / 27 - 4 * p * r / 3 + q**2 / 2
    root = np.sqrt(v**2 + u**3)
    big = v + np.where((v * root.conj()).real < 0, -root, root)
    cube = big ** (1 / 3)
    with np.errstate(divide="ignore", invalid="ignore"):
        turn = np.exp(2j * np.pi / 3 * np.arange(3))[:, None] * cube
        y = -2 * p / 3 + turn - np.where(turn == 0, 0, u / np.where(turn == 0, 1, turn))
        y = np.take_along_axis(y, np.argsort(-np.abs(y), axis=0), axis=0)
        s1, s2 = np.sqrt(y[0]), np.sqrt(y[1])
        product = s1 * s2
        s3 = np.where(product == 0, 0, -q / np.where(product == 0, 1, product))
    x = np.array([s1 + s2 + s3, s1 - s2 - s3, s2 - s1 - s3, s3 - s1 - s2]) / 2 - shift
    for _ in range(3):
        value = (((x + c[1]) * x + c[2]) * x + c[3]) * x + c[4]
        slope = ((4 * x + 3 * c[1]) * x + 2 * c[2]) * x + c[3]
        x = x - np.where(slope == 0, 0, value / np.where(slope == 0, 1, slope))
    return x


@dataclass(frozen=True)
class GramOutliers:
    """Isolated eigenvalues of a nonlinear Gram matrix, in the limit.

    Parameters
    ----------
    squared_strengths : ndarray, shape (2,)
        Squared singular values of the rank-two part of Y / sqrt(n), descending.
    positions : ndarray, shape (2,)
        Limits of the eigenvalues; the upper edge where none is isolated.
    isolated : ndarray of bool, shape (2,)
        Whether the strength is past the threshold.
    threshold : float
        Squared strength beyond which an eigenvalue leaves the bulk.
    edge : float
        Upper edge of the bulk.
    """

    squared_strengths: np.ndarray
    positions: np.ndarray
    isolated: np.ndarray
    threshold: float
    edge: float


def gram_outliers(
    law: NonlinearGram,
    theta: float,
    weight_fourth_moment: float = 3.0,
    data_fourth_moment: float = 3.0,
    mean: float = 0.0,
    features: int | None = None,
) -> GramOutliers:
    r"""Eigenvalues outside the bulk of a nonlinear Gram matrix: at most two.

    Matrix :math:`\frac1n Y Y^{\mathsf T}` as in `NonlinearGram`. To the next order the
    activation sees the norms :math:`\alpha_i = \|w_i\|^2 / p - 1` and
    :math:`\beta_j = \|x_j\|^2 / p - 1`: with f its mean, Y contains
    :math:`f 1 1^{\mathsf T} + \frac\theta2 (\alpha 1^{\mathsf T} + 1 \beta^{\mathsf T})`, whose
    singular values divided by :math:`\sqrt n` are those of

    .. math::

        \begin{pmatrix} f \sqrt N & s_x \\ s_w & 0 \end{pmatrix}, \qquad
        s_w^2 = \tfrac14 \theta^2 b\,(\mathbb E W_{11}^4 - 1), \qquad
        s_x^2 = \tfrac14 \theta^2 b\,(\mathbb E X_{11}^4 - 1) .

    Each of them creates the eigenvalue `NonlinearGram.outlier_position` if its square is past
    `NonlinearGram.outlier_threshold`. A centered activation has at most two;
    a mean of order 1 has one, near :math:`N f^2`, and hides the others.

    Parameters
    ----------
    law : NonlinearGram
        The bulk, for the centered activation.
    theta : number
        Mean of :math:`\xi^2 f(\xi)`, f centered.
    weight_fourth_moment : number >= 1
        Fourth moment of an entry of W: 3 Gaussian, 1 for signs, 1 / (1 - sparsity) for sparse
        signs.
    data_fourth_moment : number >= 1
        Fourth moment of an entry of X.
    mean : number
        Mean of the activation, 0 if it is centered.
    features : integer >= 1
        N, needed with a ``mean`` only.

    Returns
    -------
    GramOutliers

    Raises
    ------
    ValueError
        If ``law`` is not a ``NonlinearGram``, a fourth moment is below 1, or ``mean`` is given
        without ``features``.

    Notes
    -----
    :cite:t:`BenigniPeche22`. The entries of W or of X must have third moment 0. Two outliers
    with the same limit split by :math:`O(N^{-1/2})`: compare their mean. The error of
    the mean is :math:`O(N^{-1/2})` too; that of the eigenvalue of order N is
    :math:`O(\sqrt N)`.

    Example
    -------
    Gaussian weights and data, f(x) = (x**2 - 1) / sqrt(2):

    >>> gram_outliers(NonlinearGram(1.0, 0.0, 0.5, 2.0), theta=2**0.5).positions.round(10)
    array([3.75, 3.75])
    """
    if not isinstance(law, NonlinearGram):
        raise ValueError(f"law must be a NonlinearGram, got {type(law).__name__}")
    theta, mean = finite("theta", theta), finite("mean", mean)
    s_w, s_x = (
        0.5 * abs(theta) * np.sqrt(law.features_per_dimension * (between(name, value, 1, 1e9) - 1))
        for name, value in (
            ("weight_fourth_moment", weight_fourth_moment),
            ("data_fourth_moment", data_fourth_moment),
        )
    )
    if features is None and mean != 0:
        raise ValueError(
            "features must be an integer, got None (mean adds an eigenvalue of its order)"
        )
    top = mean * np.sqrt(count("features", features)) if features is not None else 0.0
    squares = np.linalg.svd(np.array([[top, s_x], [s_w, 0.0]]), compute_uv=False) ** 2
    threshold = law.outlier_threshold
    return GramOutliers(
        squares,
        law.outlier_position(squares),
        squares > threshold,
        threshold,
        float(law.outlier_position(0.0)),
    )


class DeepGram(SampleCovariance):
    r"""Spectrum after the second and later layers; made by `deep_gram`, whose formula it is.

    The point :math:`\omega` of every layer is an explicit function of the first one's: one
    Newton iteration in the upper half plane solves all layers at once.

    Parameters
    ----------
    ratio : positive number
        n / N of the last layer.
    population : SpectralLaw
        :math:`\zeta \nu + 1 - \zeta`, with :math:`\nu` the law of the previous layer.
    chain : list of pairs
        (n / p, 1), then (n / N, zeta) for each layer.
    """

    def __init__(self, ratio: float, population: SpectralLaw, chain: list[tuple[float, float]]):
        self._chain = chain
        super().__init__(ratio, population)

    def __repr__(self) -> str:
        ratios, zeta = (
            ", ".join(f"{t:g}" for t in side) for side in zip(*self._chain[1:], strict=True)
        )
        return f"DeepGram(zeta=[{zeta}], first={self._chain[0][0]:g}, ratios=[{ratios}])"

    def _climb(self, w: np.ndarray) -> tuple[np.ndarray, ...]:
        """From the innermost point w: (z, dz/dw, last omega, least sine of an angle on the way)."""
        c = self._chain[0][0]
        m = 1 / (1 - w - c)
        z, z_w, m_w = w * (1 - w) ** -1 / m, 1 - c / (1 - w) ** 2, m**2
        angle = w.imag / np.abs(w)
        for c, zeta in self._chain[1:]:
            angle = np.minimum(angle, z.imag / np.abs(z))
            omega, omega_w = zeta * z + 1 - zeta, zeta * z_w
            t = 1 + omega * m / zeta
            t_w = (omega_w * m + omega * m_w) / zeta
            z, z_w = omega * (1 - c * t), omega_w * (1 - c * t) - omega * c * t_w
            m_w = m_w / zeta / (1 - c * t) + m / zeta * c * t_w / (1 - c * t) ** 2
            m = m / zeta / (1 - c * t)
        return z, z_w, omega, angle

    def _subordinate(self, z: np.ndarray) -> np.ndarray:
        z = _without_rounding(z)
        scale = np.prod([zeta for _, zeta in self._chain[1:]])
        distance = np.abs(z[:, None] - self._singular).min(axis=1)
        lowest = np.maximum(z.imag, 1e-4 * distance)
        height = np.full(z.shape, 10 * (np.abs(self._singular).max() + np.abs(z).max()))
        w = (z.real + 1j * height) / scale
        with np.errstate(all="ignore"):
            for _ in range(20):
                w = w + (z.real + 1j * height - self._climb(w)[0]) / scale
            while np.any(height > lowest):
                height = np.maximum(height / 2, lowest)
                w = self._newton(w, z.real + 1j * height, 4)
            # All points of the way above the axis: then it is the solution at every layer.
            upper = self._climb(w)[3] > 0
            w = self._newton(w, z, 6)
            value, _, omega, angle = self._climb(w)
            outside = (z.imag == 0) & ~self._in_band(z)
            solved = upper & (outside | (angle > 0)) & (np.abs(value - z) <= 1e-13 * np.abs(z))
        if not solved.all():
            omega[~solved] = super()._subordinate(z[~solved])
        omega[outside] = omega[outside].real
        return omega

    def _newton(self, w: np.ndarray, z: np.ndarray, steps: int) -> np.ndarray:
        for _ in range(steps):
            value, slope = self._climb(w)[:2]
            w = w - (value - z) / slope
        return w


def deep_gram(
    zeta: ArrayLike, samples_per_dimension: float, samples_per_feature: Sequence[float]
) -> SpectralLaw:
    r"""Spectrum of the features of white data after several nonlinear random layers.

    :math:`Y_\ell = f_\ell(W_\ell Y_{\ell-1} / \sqrt{N_{\ell-1}})`, :math:`Y_0 = X` of shape
    (p, n), W with independent entries of mean 0 and variance 1, every activation
    centered with :math:`\eta = 1`. The law of :math:`\frac1{N_\ell} Y_\ell^{\mathsf T} Y_\ell`
    (n by n) is

    .. math::

        \nu_0 = \mathrm{MP}_{n/p}, \qquad
        \nu_\ell = \mathrm{MP}_{n/N_\ell} \boxtimes (\zeta \nu_{\ell-1} + 1 - \zeta) ,

    of mean 1 and variance :math:`\zeta^2 \operatorname{var}_{\ell-1} + n / N_\ell`. At
    :math:`\zeta = 0` it is :math:`\mathrm{MP}_{n/N_\ell}` at every depth, at
    :math:`\zeta = 1` that of a product of L + 1 Wishart matrices.

    Parameters
    ----------
    zeta : number in [0, 1], or one for each layer
        Squared mean slope of the activation.
    samples_per_dimension : positive number
        n / p.
    samples_per_feature : sequence of positive numbers
        n / N for each layer, first to last.

    Returns
    -------
    SpectralLaw

    Raises
    ------
    ValueError
        If a ratio is not positive, ``zeta`` is not in [0, 1], or their numbers differ.

    Notes
    -----
    :cite:t:`FanWang20`. Bulk only: isolated eigenvalues grow with depth. Traces of smooth
    functions differ from their limit by O(1/n).

    Example
    -------
    Three square linear layers, a product of four Wishart matrices:

    >>> law = deep_gram(1.0, 1.0, [1.0, 1.0, 1.0])
    >>> bool(abs(law.support()[1] - 5**5 / 4**4) < 1e-9)
    True
    """
    first = positive("samples_per_dimension", samples_per_dimension, "n / p")
    ratios = vector("samples_per_feature", samples_per_feature, why="n / N for each layer")
    if ratios.min() <= 0:
        raise ValueError(f"samples_per_feature must be positive, got {ratios.min():g} (n / N)")
    zeta = real_array("zeta", zeta).astype(float)
    if zeta.ndim > 1 or zeta.shape not in ((), ratios.shape):
        raise ValueError(f"zeta must be of shape () or {ratios.shape}, got shape {zeta.shape}")
    if zeta.min() < 0 or zeta.max() > 1:
        raise ValueError(
            f"zeta must be between 0 and 1, got {zeta.flat[np.abs(zeta - 0.5).argmax()]:g}"
        )
    chain = [(first, 1.0)]
    law = None
    for c, slope in zip(ratios.tolist(), np.broadcast_to(zeta, ratios.shape).tolist(), strict=True):
        if slope == 0 or 1 - slope <= _ROUNDING:
            slope = round(slope)
        if slope == 0:
            law, chain = MarchenkoPastur(c), [(c, 1.0)]
            continue
        chain = [*chain, (c, slope)]
        if len(chain) == 2:
            law = NonlinearGram(1.0, slope, c, chain[0][0])
        else:
            scaled = free_product(Discrete([slope]), law)
            law = DeepGram(c, free_sum(scaled, Discrete([1 - slope])), chain)
    return law
