r"""Test error of a two-layer network after one gradient step on its first layer.

Model, step and names of `rmtlib.features.one_step_spike`: one step on n samples, then ridge
regression of the labels of n fresh samples on the features.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from rmtlib import _checks
from rmtlib._types import ArrayLike
from rmtlib.activations import Activation, as_activation
from rmtlib.features._errors import RidgeErrors
from rmtlib.features._one_step import (
    FEATURES,
    SAMPLES,
    differentiable,
    gradient,
    gradient_overlap,
    sample_teacher,
    teacher_moments,
    teacher_student,
)
from rmtlib.features._random_features import fit
from rmtlib.kernels import two_point
from rmtlib.laws import MarchenkoPastur


def single_direction_bound(
    teacher: Activation | str, overlap: ArrayLike, modulated: bool = False
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
    teacher : Activation or str
        :math:`\sigma_*`, with Hermite coefficients :math:`f_k`.
    overlap : array of numbers in [0, 1]
        :math:`\omega`, any shape; `gradient_overlap` after one step.
    modulated : bool
        Whether the linear part may depend on the direction,
        :math:`g(\hat u^{\mathsf T}x)+h(\hat u^{\mathsf T}x)\,v^{\mathsf T}x`: less by
        :math:`(1-\omega)(K'(\omega)-(\mu_1^*)^2)`.

    Notes
    -----
    Expansion in Hermite polynomials, Mehler's formula. Near :math:`\omega=1` the error is
    :math:`(1-\omega)\operatorname{Var}\sigma_*'(\xi)`, and of second order if modulated.

    Example
    -------
    For a square, only :math:`f_2^2=2` counts:

    >>> from rmtlib.activations import Quadratic
    >>> single_direction_bound(Quadratic(1, 0, 0), [0, 0.5, 1])
    array([2. , 1.5, 0. ])
    """
    slope, energy = teacher_moments(teacher, 0.0)
    omega = _checks.unit_interval_array("overlap", overlap, "squared cosine")
    flat = omega.ravel()
    one = np.ones_like(flat)
    bound = energy - two_point(teacher, one, one, flat) - (1 - flat) * slope**2
    if modulated:
        inner = flat < 1  # the derivative kernel may be infinite at 1, with factor zero
        part = np.zeros_like(flat)
        part[inner] = two_point(teacher, one[inner], one[inner], flat[inner], derivative=True)
        bound -= (1 - flat) * np.where(inner, part - slope**2, 0.0)
    return _checks.scalar_out(np.maximum(bound, 0.0).reshape(omega.shape))


@dataclass(frozen=True)
class _Equivalent:
    """Ridge regression on Gaussian features of covariance h W W' + d, parametrized by kappa."""

    h: float  # mu_1^2 of the student
    d: float  # its energy beyond the linear part
    c: float  # N / p
    ratio: float  # n / p
    signal: float  # squared mean derivative of the teacher
    power: float  # of the labels, noise included
    overlap: float

    def freedom(self, kappa: np.ndarray | float) -> tuple:
        """Degrees of freedom a sample: tr CR / n and tr (CR)^2 / n."""
        k = kappa / self.h
        law, z = MarchenkoPastur(self.c), -(self.d + kappa) / self.h
        m, slope = law.stieltjes(z), law.stieltjes(z, derivative=True)
        share = self.c / self.ratio
        return share * (1 - k * m), share * (1 - 2 * k * m + k**2 * slope)

    def test(self, kappa: np.ndarray | float, strength: np.ndarray | float) -> np.ndarray:
        """Test error, label noise included, at singular values theta of the rank-one part."""
        law, z = MarchenkoPastur(self.c), -(self.d + kappa) / self.h
        m, dm = law.stieltjes(z), law.stieltjes(z, derivative=True)
        dual, ddual = law.companion(z), law.companion(z, derivative=True)
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

    def best(self, strength: float) -> float:
        """Kappa of least test error."""
        size = self.h + self.d
        low = np.log(max(self.kappa(0.0), 1e-9 * size))
        high = np.log(1e4 * size * (1 + self.c / self.ratio))
        found = minimize_scalar(
            lambda log: float(self.test(np.exp(log), strength)),
            bounds=(low, high),
            options={"xatol": 1e-6},
        )
        return float(np.exp(found.x))


def small_step_errors(
    student: Activation | str,
    teacher: Activation | str,
    step_size: ArrayLike,
    *,
    features_per_dimension: float,
    samples_per_dimension: float,
    ridge: float | None = None,
    noise: float = 0.0,
) -> RidgeErrors:
    r"""Errors of ridge regression on the features after a step of order one.

    One step on n samples, then on n **fresh** samples
    :math:`\min_a\frac1n\|y-a^{\mathsf T}\sigma(W_1X)\|^2+\gamma\|a\|^2`. For
    :math:`\eta=O(1)` the features act as the Gaussian ones of covariance
    :math:`C=\mu_1^2W_1W_1^{\mathsf T}+dI`, :math:`d=\|P_{>1}\sigma\|^2`, and the part of
    the labels beyond their linear one as noise. With
    :math:`R=(C+\kappa I)^{-1}`, :math:`n=\operatorname{tr}CR+n\gamma/\kappa` and
    :math:`b=\mu_1\mu_1^*W_1\beta_*`,

    .. math:: E+\sigma_\varepsilon^2=
        \frac{v-b^{\mathsf T}Rb-\kappa\,b^{\mathsf T}R^2b}
        {1-\frac1n\operatorname{tr}(CR)^2}, \qquad
        E_{\rm train}=\frac{\gamma^2}{\kappa^2}(E+\sigma_\varepsilon^2) .

    If :math:`\mathbb E\sigma(\xi)=0`, as for odd students, no feature fits the mean of the
    labels and :math:`v=\mathbb Ey^2`; otherwise the features have a common mean that serves as
    an intercept, and :math:`v=\operatorname{Var}y`. Traces see the Marchenko-Pastur law of
    :math:`W_0`. With :math:`m(z)` its transform for :math:`WW^{\mathsf T}` and
    :math:`\tilde m` for :math:`W^{\mathsf T}W`, the forms see

    .. math:: \beta_*^{\mathsf T}(W_1^{\mathsf T}W_1-z)^{-1}\beta_*\to
        \frac{\omega\,\tilde m}{1-\theta^2z\,m\tilde m}+(1-\omega)\tilde m .

    Parameters
    ----------
    student, teacher : Activation or str
        :math:`\sigma` (continuous, with :math:`\mu_1\ne0`) and :math:`\sigma_*`.
    step_size : array of nonnegative numbers
        :math:`\eta`, any shape, that of the result.
    features_per_dimension, samples_per_dimension : positive numbers
        N / p and n / p.
    ridge : nonnegative number or None
        :math:`\gamma`; None for the best one at each step size. Not 0 with as many features as
        samples.
    noise : nonnegative number
        Variance :math:`\sigma_\varepsilon^2` of the label noise, not counted in the test error.

    Raises
    ------
    ~rmtlib.ConvergenceError
        If a ratio or the ridge is so extreme that rounding leaves no error.

    Notes
    -----
    :cite:t:`Ba22`. Never below ``single_direction_bound(teacher, 0)``, the best affine
    predictor's. Errors at :math:`\eta=O(1)` are :math:`O(n^{-1/2})` for one draw; at
    :math:`\eta` of order :math:`\sqrt N` the equivalent does not hold.

    Example
    -------
    A linear student with many neurons is linear regression; without ridge its test error is
    :math:`d + (d + \sigma_\varepsilon^2)/(n/p - 1)`, d the energy beyond the linear part:

    >>> from rmtlib.activations import TANH
    >>> d, noise = TANH.d_coefficients(1.0).d0, 0.1
    >>> E = small_step_errors("linear", "tanh", 0, noise=noise, ridge=0,
    ...                       features_per_dimension=2, samples_per_dimension=5).test
    >>> bool(abs(E - (d + (d + noise) / 4)) < 1e-9)
    True
    """
    student, teacher = differentiable(student, "student"), as_activation(teacher, "teacher")
    eta = _checks.nonnegative_array("step_size", step_size)
    c = _checks.positive("features_per_dimension", features_per_dimension, FEATURES)
    ratio = _checks.positive("samples_per_dimension", samples_per_dimension, SAMPLES)
    slope, energy = teacher_moments(teacher, noise)
    moments = student.moments(1.0)
    h = moments.mean_derivative**2
    if h < 1e-20:
        raise ValueError(
            f"student must have a linear part, got {student.name} (its mean derivative is 0)"
        )
    d = max(student.d_coefficients(1.0).d0, 0.0)
    if d < 1e-14 * h:
        d = 0.0
    overlap = gradient_overlap(teacher, samples_per_dimension=ratio, noise=noise) if energy else 0.0
    intercept = moments.mean**2 > 1e-20 * moments.centered_second_moment
    power = teacher.moments(1.0).centered_second_moment + noise if intercept else energy
    model = _Equivalent(h, d, c, ratio, slope**2, power, overlap)
    theta = eta * np.sqrt(h * (slope**2 + energy / ratio))
    if ridge is None:
        kappa = np.vectorize(model.best, otypes=[float])(theta)
    else:
        ridge = _checks.nonnegative("ridge", ridge)
        if ridge == 0 and (c if d else min(c, 1.0)) == ratio:
            raise ValueError("ridge must be positive with as many features as samples, got 0")
        kappa = np.full(eta.shape, model.kappa(ridge))
    total, spare = model.test(kappa, theta), 1 - model.freedom(kappa)[0]
    if not np.all((total >= noise - 1e-9 * power) & (total < np.inf)):
        raise _checks.ConvergenceError(
            f"no effective ridge found at N / p = {c:g}, n / p = {ratio:g}, ridge = {ridge}: "
            "rounding or overflow"
        )
    spare = np.maximum(spare, 0.0)  # ridge / kappa
    chosen = kappa * spare if ridge is None else np.full(eta.shape, ridge)
    fields = {"effective_ridge": kappa, "ridge": chosen}
    fields |= {"train": spare**2 * total, "test": total - noise}
    return RidgeErrors(**{name: _checks.scalar_out(field) for name, field in fields.items()})


def simulate_one_step(
    student: Activation | str,
    teacher: Activation | str,
    step_size: ArrayLike,
    *,
    p: int,
    n: int,
    N: int,
    ridge: ArrayLike,
    noise: float = 0.0,
    n_test: int = 2000,
    size: int | tuple[int, ...] | None = None,
    rng: int | np.random.Generator | None = None,
) -> RidgeErrors:
    r"""Draws of the experiment: a step, then ridge regression on fresh samples.

    Weights of variance 1 / p, :math:`W_1=W_0+\eta\sqrt N\,G_0` on n samples, then
    :math:`\min_a\frac1n\|y-a^{\mathsf T}\sigma(W_1X)\|^2+\gamma\|a\|^2` on n others.

    Parameters
    ----------
    student, teacher : Activation or str
        :math:`\sigma` (continuous) and :math:`\sigma_*`.
    step_size : array of nonnegative numbers
        :math:`\eta`, any shape; all on the same draw.
    p, n, N : integers >= 1
        Dimension, samples (of the step, and of the regression), neurons.
    ridge : array of nonnegative numbers
        :math:`\gamma`, any shape.
    noise : nonnegative number
        Variance of the label noise, in both training samples.
    n_test : integer >= 1
        Size of the test sample, which has no noise.
    size : int, tuple of ints or None
        Number of independent draws, the first axes of the result; None for one draw.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    RidgeErrors
        ``train`` and ``test`` of shape ``size`` + (shape of ``step_size``) + (shape of ``ridge``).

    Notes
    -----
    The protocol of :cite:t:`Ba22`. Compare with `small_step_errors` at :math:`\eta=O(1)`.

    Example
    -------
    >>> sizes = {"p": 8, "n": 30, "N": 10, "ridge": [0.1, 1, 3]}
    >>> simulate_one_step("tanh", "tanh", [0, 1], **sizes, size=4, rng=0).test.shape
    (4, 2, 3)
    """
    sigma, teacher = differentiable(student, "student"), as_activation(teacher, "teacher")
    eta = _checks.nonnegative_array("step_size", step_size)
    gamma = _checks.nonnegative_array("ridge", ridge)
    sizes = {"p": p, "n": n, "N": N, "n_test": n_test}
    p, n, N, n_test = (_checks.count(name, size) for name, size in sizes.items())
    shape = () if size is None else np.atleast_1d(size).tolist()
    shape, rng = tuple(_checks.count("size", k) for k in shape), _checks.as_rng(rng)
    errors = np.empty((2, *shape, *eta.shape, *gamma.shape))
    for draw in np.ndindex(shape):
        start = teacher_student(teacher, p=p, n=n, N=N, noise=noise, rng=rng)
        G = gradient(sigma, start.W, start.beta, start.X, start.y)
        X, y = sample_teacher(start.direction, n, teacher, noise, rng)
        X_test, y_test = sample_teacher(start.direction, n_test, teacher, 0.0, rng)
        for index in np.ndindex(eta.shape):
            W1 = start.W + eta[index] * np.sqrt(N) * G
            found = fit(sigma(W1 @ X), y, sigma(W1 @ X_test), y_test, gamma)
            errors[(slice(None), *draw, *index)] = found.train, found.test
    ridges = np.broadcast_to(gamma, errors.shape[1:])
    return RidgeErrors(*map(_checks.scalar_out, errors), ridge=_checks.scalar_out(ridges))
