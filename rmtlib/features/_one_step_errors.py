r"""Test error of a two-layer network after one gradient step on its first layer.

Model, step and names of `rmtlib.feature_learning`: one step on n samples, then ridge
regression of the labels of n fresh samples on the features.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq, minimize_scalar

from rmtlib._checks import as_rng, count, nonnegative, nonnegative_array, positive
from rmtlib.activations import Activation
from rmtlib.features._one_step import (
    FEATURES,
    SAMPLES,
    differentiable,
    first_layer_gradient,
    gradient_overlap,
    sample_teacher,
    teacher_moments,
    teacher_student,
)
from rmtlib.features._ridge import simulate_errors
from rmtlib.kernels import two_point
from rmtlib.laws import MarchenkoPastur


class SmallStepErrors(NamedTuple):
    """Limits of the test error; fields of the shape of the step size."""

    test: float | np.ndarray
    """Mean squared error of the prediction, label noise not counted."""
    ridge: float | np.ndarray
    """The ridge that was given, or the best one."""


def single_direction_bound(
    overlap: ArrayLike, teacher: Activation, modulated: bool = False
) -> np.ndarray | float:
    r"""Least error of predictors that are linear but for one direction.

    The direction :math:`\hat u` has squared cosine :math:`\omega` with the teacher's.
    Over all :math:`g(\hat u^{\mathsf T}x)+v^{\mathsf T}x`, g any function and v any
    vector, with :math:`K(\omega)=\mathbb E\,\sigma_*(z)\sigma_*(z')` at correlation
    :math:`\omega`,

    .. math:: \min\mathbb E\bigl(\sigma_*-g-v^{\mathsf T}x\bigr)^2
        =\sum_{k\ge2}f_k^2(1-\omega^k)=K(1)-K(\omega)-(1-\omega)(\mu_1^*)^2 .

    At :math:`\omega=0` this is the error :math:`\|P_{>1}\sigma_*\|^2` of the best affine
    predictor, at 1 it is zero.

    Parameters
    ----------
    overlap : array of numbers in [0, 1]
        :math:`\omega`, any shape; `gradient_overlap` after one step.
    teacher : Activation
        :math:`\sigma_*`, with Hermite coefficients :math:`f_k`.
    modulated : bool
        Whether the linear part may depend on the direction,
        :math:`g(\hat u^{\mathsf T}x)+h(\hat u^{\mathsf T}x)\,v^{\mathsf T}x`: less by
        :math:`(1-\omega)(K'(\omega)-(\mu_1^*)^2)`.

    Returns
    -------
    array of the shape of ``overlap``

    Raises
    ------
    ValueError
        If an overlap is not in [0, 1], or ``teacher`` is not an activation.

    Notes
    -----
    Expansion in Hermite polynomials, Mehler's formula. Near :math:`\omega=1` the error is
    :math:`(1-\omega)\operatorname{Var}\sigma_*'(\xi)`, and of second order if modulated.

    Example
    -------
    For a square, only :math:`f_2^2=2` counts:

    >>> from rmtlib.activations import quadratic
    >>> single_direction_bound([0, 0.5, 1], quadratic(1, 0, 0))
    array([2. , 1.5, 0. ])
    """
    omega = nonnegative_array("overlap", overlap)
    if np.any(omega > 1):
        raise ValueError(f"overlap must be between 0 and 1, got {omega.max():g} (squared cosine)")
    slope, energy = teacher_moments(teacher, 0.0)
    flat = omega.ravel()
    one = np.ones_like(flat)
    bound = energy - two_point(teacher, one, one, flat) - (1 - flat) * slope**2
    if modulated:
        inner = flat < 1  # the derivative kernel may be infinite at 1, with factor zero
        part = np.zeros_like(flat)
        part[inner] = two_point(teacher, one[inner], one[inner], flat[inner], derivative=True)
        bound -= (1 - flat) * np.where(inner, part - slope**2, 0.0)
    return np.maximum(bound, 0.0).reshape(omega.shape)[()]


def _stieltjes(law: MarchenkoPastur, z: float) -> tuple[float, float]:
    """Transform and its derivative at z < 0, the latter from the quadratic equation."""
    c, v = law.ratio, law.variance
    m = float(law.stieltjes(z).real)
    return m, -m * (c * v * m + 1) / (2 * c * v * z * m + z + (c - 1) * v)


@dataclass(frozen=True)
class _Equivalent:
    """Ridge regression on Gaussian features of covariance h W W' + d, parametrized by kappa."""

    h: float  # mu_1^2 of the student
    d: float  # its energy beyond the linear part
    c: float  # N / p
    ratio: float  # n / p
    signal: float  # squared mean derivative of the teacher
    power: float  # variance of the labels, noise included
    overlap: float

    def freedom(self, kappa: float) -> tuple[float, float]:
        """Degrees of freedom a sample: tr CR / n and tr (CR)^2 / n."""
        k = kappa / self.h
        m, slope = _stieltjes(MarchenkoPastur(self.c), -(self.d + kappa) / self.h)
        share = self.c / self.ratio
        return share * (1 - k * m), share * (1 - 2 * k * m + k**2 * slope)

    def test(self, kappa: float, strength: np.ndarray) -> np.ndarray:
        """Test error, label noise included, at singular values theta of the rank-one part."""
        z = -(self.d + kappa) / self.h
        m, dm = _stieltjes(MarchenkoPastur(self.c), z)
        dual, ddual = _stieltjes(MarchenkoPastur(1 / self.c, self.c), z)
        t = 1 - strength**2 * z * m * dual
        dt = -(strength**2) * (m * dual + z * (dm * dual + m * ddual))
        g = self.overlap * dual / t + (1 - self.overlap) * dual
        dg = self.overlap * (ddual - dual * dt / t) / t + (1 - self.overlap) * ddual
        explained = 1 + z * g + kappa / self.h * (g + z * dg)
        return (self.power - self.signal * explained) / (1 - self.freedom(kappa)[1])

    def kappa(self, ridge: float) -> float:
        """Root of ridge = kappa (1 - df1(kappa) / n)."""

        def gap(log: float) -> float:
            kappa = np.exp(log)
            return self.freedom(kappa)[0] + ridge / kappa - 1

        top = ridge + self.c / self.ratio * (self.h + self.d)
        low = ridge if ridge > 0 else 1e-14 * top
        if gap(np.log(low)) <= 0:  # ridge 0 and fewer features than samples
            return low
        return float(np.exp(brentq(gap, np.log(low), np.log(2 * top), xtol=1e-14)))


def small_step_errors(
    step_size: ArrayLike,
    student: Activation,
    teacher: Activation,
    *,
    features_per_dimension: float,
    samples_per_dimension: float,
    ridge: float | None = None,
    noise: float = 0.0,
) -> SmallStepErrors:
    r"""Test error of ridge regression on the features after a step of order one.

    One step on n samples, then on n **fresh** samples
    :math:`\min_a\frac1n\|y-a^{\mathsf T}\sigma(W_1X)\|^2+\gamma\|a\|^2`. For
    :math:`\eta=O(1)` the features act as the Gaussian ones of covariance
    :math:`C=\mu_1^2W_1W_1^{\mathsf T}+dI`, :math:`d=\|P_{>1}\sigma\|^2`, and the part of
    the labels beyond their linear one as noise. With
    :math:`R=(C+\kappa I)^{-1}`, :math:`n=\operatorname{tr}CR+n\gamma/\kappa` and
    :math:`b=\mu_1\mu_1^*W_1\beta_*`,

    .. math:: E+\sigma_\varepsilon^2=
        \frac{\operatorname{Var}y-b^{\mathsf T}Rb-\kappa\,b^{\mathsf T}R^2b}
        {1-\frac1n\operatorname{tr}(CR)^2} .

    Traces see the Marchenko-Pastur law of :math:`W_0`. With :math:`m(z)` its transform
    for :math:`WW^{\mathsf T}` and :math:`\tilde m` for :math:`W^{\mathsf T}W`, the forms see

    .. math:: \beta_*^{\mathsf T}(W_1^{\mathsf T}W_1-z)^{-1}\beta_*\to
        \frac{\omega\,\tilde m}{1-\theta^2z\,m\tilde m}+(1-\omega)\tilde m .

    Parameters
    ----------
    step_size : array of nonnegative numbers
        :math:`\eta`, any shape.
    student, teacher : Activation
        :math:`\sigma` (continuous, with :math:`\mu_1\ne0`) and :math:`\sigma_*`.
    features_per_dimension, samples_per_dimension : positive numbers
        N / p and n / p.
    ridge : nonnegative number or None
        :math:`\gamma`; None for the best one at each step size.
    noise : nonnegative number
        Variance :math:`\sigma_\varepsilon^2` of the label noise.

    Returns
    -------
    SmallStepErrors

    Raises
    ------
    ValueError
        If a number is out of range, an activation is not one, :math:`\mu_1=0`, or
        ``ridge`` is 0 with as many features as samples.

    Notes
    -----
    :cite:t:`Ba22`. Never below ``single_direction_bound(0, teacher)``, the best affine
    predictor's. Errors at :math:`\eta=O(1)` are :math:`O(n^{-1/2})` for one draw; at
    :math:`\eta` of order :math:`\sqrt N` the equivalent does not hold.

    Example
    -------
    A linear student with many neurons is linear regression; without ridge its test error is
    :math:`d + (d + \sigma_\varepsilon^2)/(n/p - 1)`, d the energy beyond the linear part:

    >>> from rmtlib.activations import LINEAR, TANH
    >>> d, noise = TANH.d_coefficients(1.0).d0, 0.1
    >>> E = small_step_errors(0, LINEAR, TANH, noise=noise, ridge=0,
    ...                       features_per_dimension=2, samples_per_dimension=5).test
    >>> bool(abs(E - (d + (d + noise) / 4)) < 1e-9)
    True
    """
    eta = nonnegative_array("step_size", step_size)
    moments = differentiable("student", student).moments(1.0)
    c = positive("features_per_dimension", features_per_dimension, FEATURES)
    ratio = positive("samples_per_dimension", samples_per_dimension, SAMPLES)
    slope, energy = teacher_moments(teacher, noise)
    h = moments.mean_derivative**2
    if h < 1e-20:
        raise ValueError(
            f"student must have a linear part, got {student.name} (its mean derivative is 0)"
        )
    d = max(student.d_coefficients(1.0).d0, 0.0)
    if d < 1e-14 * h:
        d = 0.0
    overlap = gradient_overlap(ratio, teacher, noise) if energy else 0.0
    power = teacher.moments(1.0).centered_second_moment + noise
    model = _Equivalent(h, d, c, ratio, slope**2, power, overlap)
    theta = eta * np.sqrt(h * (slope**2 + energy / ratio))
    if ridge is not None:
        ridge = nonnegative("ridge", ridge)
        rank = c if d else min(c, 1.0)
        if ridge == 0 and rank == ratio:
            raise ValueError("ridge must be positive with as many features as samples, got 0")
        total = model.test(model.kappa(ridge), theta)
        return SmallStepErrors(total - noise, np.full(eta.shape, ridge)[()])
    low = np.log(max(model.kappa(0.0), 1e-9 * (h + d)))
    high = np.log(1e4 * (h + d) * (1 + c / ratio))
    test, best = np.empty(eta.shape), np.empty(eta.shape)
    for index in np.ndindex(eta.shape):
        found = minimize_scalar(
            lambda log, k=index: float(model.test(np.exp(log), theta[k])),
            bounds=(low, high),
            method="bounded",
            options={"xatol": 1e-6},
        )
        kappa = np.exp(found.x)
        test[index], best[index] = found.fun - noise, kappa * (1 - model.freedom(kappa)[0])
    return SmallStepErrors(test[()], np.maximum(best, 0.0)[()])


def simulate_one_step(
    p: int,
    n: int,
    N: int,
    step_size: ArrayLike,
    student: Activation,
    teacher: Activation,
    *,
    ridge: ArrayLike,
    noise: float = 0.0,
    n_test: int = 2000,
    rng: int | np.random.Generator | None = None,
) -> np.ndarray:
    r"""One draw of the experiment: a step, then ridge regression on fresh samples.

    Weights of variance 1 / p, :math:`W_1=W_0+\eta\sqrt N\,G_0` on n samples, then
    :math:`\min_a\frac1n\|y-a^{\mathsf T}\sigma(W_1X)\|^2+\gamma\|a\|^2` on n others.

    Parameters
    ----------
    p, n, N : integers >= 1
        Dimension, samples (of the step, and of the regression), neurons.
    step_size : array of nonnegative numbers
        :math:`\eta`, any shape; all on the same draw.
    student, teacher : Activation
        :math:`\sigma` (continuous) and :math:`\sigma_*`.
    ridge : array of nonnegative numbers
        :math:`\gamma`, any shape.
    noise : nonnegative number
        Variance of the label noise, in both training samples.
    n_test : integer >= 1
        Size of the test sample, which has no noise.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    array of shape (shape of ``step_size``) + (shape of ``ridge``)
        Mean squared test errors.

    Raises
    ------
    ValueError
        If a number is out of range or an activation not one.

    Notes
    -----
    The protocol of :cite:t:`Ba22`. Compare with `small_step_errors` at :math:`\eta=O(1)`.

    Example
    -------
    >>> from rmtlib.activations import TANH
    >>> simulate_one_step(8, 30, 10, [0, 1], TANH, TANH, ridge=[0.1, 1, 3], rng=0).shape
    (2, 3)
    """
    eta, gamma = nonnegative_array("step_size", step_size), nonnegative_array("ridge", ridge)
    n_test = count("n_test", n_test)
    sigma = differentiable("student", student)
    rng = as_rng(rng)
    W, beta, direction, X, y = teacher_student(p, n, N, teacher, noise, rng)
    G = first_layer_gradient(W, beta, X, y, sigma)
    X, y = sample_teacher(direction, n, teacher, noise, rng)
    X_test, y_test = sample_teacher(direction, n_test, teacher, 0.0, rng)
    errors = np.empty(eta.shape + gamma.shape)
    for index in np.ndindex(eta.shape):
        W1 = W + eta[index] * np.sqrt(N) * G
        errors[index] = _ridge_errors(sigma(W1 @ X), y, sigma(W1 @ X_test), y_test, gamma)
    return errors


def _ridge_errors(S, y, T, y_test, gamma):
    """Test errors of `simulate_errors`, from the smaller Gram matrix: faster for n >> N."""
    N, n = S.shape
    if n < 2 * N:
        return simulate_errors(S, y, T, y_test, gamma)[1]
    lam, U = np.linalg.eigh(S @ S.T / n)
    scaled = lam + gamma.reshape(-1, 1)
    inverse = np.where(scaled > N * np.finfo(float).eps * lam[-1], 1 / scaled, 0.0)
    beta = inverse * (U.T @ (S @ y / n))
    return np.mean((y_test - beta @ (U.T @ T)) ** 2, axis=1).reshape(gamma.shape)
