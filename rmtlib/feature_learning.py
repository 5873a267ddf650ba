r"""One gradient step on the first layer of a two-layer network, in high dimension.

Network of N neurons on data of dimension p,

.. math:: f(x) = \frac1{\sqrt N}\beta^{\mathsf T}\sigma(Wx), \qquad
    [W_0]_{ij}\sim\mathcal N(0,\tfrac1p), \quad \beta_{0,j}\sim\mathcal N(0,\tfrac1N),

samples :math:`x\sim\mathcal N(0,I_p)` in the n columns of X, and a teacher with one
direction, :math:`y=\sigma_*(\beta_*^{\mathsf T}x)+\varepsilon`, :math:`\|\beta_*\|=1`.
Gaussian moments are written :math:`\mu_1=\mathbb E\sigma'(\xi)`,
:math:`\mu_1^*=\mathbb E\sigma_*'(\xi)`; sizes enter through N / p
(``features_per_dimension``) and n / p (``samples_per_dimension``).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq, minimize_scalar

from rmtlib.activations import Activation
from rmtlib.inputs import (
    as_rng,
    count,
    matrix,
    nonnegative,
    nonnegative_array,
    positive,
    real_array,
    vector,
)
from rmtlib.kernels import two_point
from rmtlib.laws import MarchenkoPastur
from rmtlib.random_features import simulate_errors
from rmtlib.spikes import signal_plus_noise_spike

_FEATURES = "features_per_dimension = N / p"
_SAMPLES = "samples_per_dimension = n / p"


class TeacherStudent(NamedTuple):
    r"""One draw of network, teacher and sample, made by `teacher_student`."""

    W: np.ndarray
    r""":math:`W_0`, shape (N, p)."""
    beta: np.ndarray
    r""":math:`\beta_0`, shape (N,)."""
    direction: np.ndarray
    r""":math:`\beta_*`, shape (p,), of norm one."""
    X: np.ndarray
    """Samples in columns, shape (p, n)."""
    y: np.ndarray
    """Labels, shape (n,)."""


@dataclass(frozen=True)
class OneStepSpike:
    r"""Limits for the largest singular value after the step; fields of the shape of the step size.

    Parameters
    ----------
    strength : float or ndarray
        :math:`\theta`, singular value of the rank-one part.
    position : float or ndarray
        Limit of the largest singular value; the upper edge if not isolated.
    neuron_alignment : float or ndarray
        Limit of the squared cosine of the left singular vector with :math:`\beta_0`.
    data_alignment : float or ndarray
        Of the right singular vector with :math:`Xy`.
    teacher_alignment : float or ndarray
        Of the right singular vector with :math:`\beta_*`.
    isolated : bool or ndarray
        Whether the largest singular value leaves the bulk.
    threshold : float
        Step size beyond which it does; infinite if :math:`\mu_1=0` or the labels vanish.
    """

    strength: float | np.ndarray
    position: float | np.ndarray
    neuron_alignment: float | np.ndarray
    data_alignment: float | np.ndarray
    teacher_alignment: float | np.ndarray
    isolated: bool | np.ndarray
    threshold: float


class SmallStepErrors(NamedTuple):
    """Limits of the test error; fields of the shape of the step size."""

    test: float | np.ndarray
    """Mean squared error of the prediction, label noise not counted."""
    ridge: float | np.ndarray
    """The ridge that was given, or the best one."""


def _unwrap(value: np.ndarray) -> float | np.ndarray:
    return float(value) if np.ndim(value) == 0 else value


def _differentiable(name: str, activation: Activation) -> Activation:
    if not isinstance(activation, Activation):
        raise ValueError(
            f"{name} must be an Activation, got {type(activation).__name__} "
            "(rmtlib.activations has a catalogue)"
        )
    if activation.jumps:
        raise ValueError(
            f"{name} must be continuous, got {activation.name} "
            "(it is constant between its jumps: the gradient is zero)"
        )
    return activation


def _teacher(teacher: Activation, noise: float) -> tuple[float, float]:
    r""":math:`\mu_1^*` and :math:`\mathbb E y^2`."""
    if not isinstance(teacher, Activation):
        raise ValueError(
            f"teacher must be an Activation, got {type(teacher).__name__} "
            "(rmtlib.activations has a catalogue)"
        )
    moments = teacher.moments(1.0)
    energy = moments.centered_second_moment + moments.mean**2
    return moments.mean_derivative, energy + nonnegative("noise", noise, "variance of the labels")


def teacher_student(
    p: int,
    n: int,
    N: int,
    teacher: Activation,
    noise: float = 0.0,
    rng: int | np.random.Generator | None = None,
) -> TeacherStudent:
    r"""Draw a network at initialization, a teacher and a sample of the teacher.

    :math:`W_0` has variance 1 / p, :math:`\beta_0` variance 1 / N, X variance 1;
    :math:`y=\sigma_*(X^{\mathsf T}\beta_*)+\varepsilon`.

    Parameters
    ----------
    p, n, N : integers >= 1
        Dimension, samples, neurons.
    teacher : Activation
        :math:`\sigma_*`.
    noise : nonnegative number
        Variance of :math:`\varepsilon`.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    TeacherStudent

    Raises
    ------
    ValueError
        If a size is not an integer >= 1, ``noise`` is negative or ``teacher`` not an
        activation.

    Notes
    -----
    The model of :cite:t:`Ba22`; :math:`\beta_*` is uniform on the sphere.

    Example
    -------
    >>> from rmtlib.activations import TANH
    >>> teacher_student(3, 5, 4, TANH, rng=0).W.shape
    (4, 3)
    """
    p, n, N = count("p", p), count("n", n), count("N", N)
    _teacher(teacher, noise)
    rng = as_rng(rng)
    W = rng.standard_normal((N, p)) / np.sqrt(p)
    beta = rng.standard_normal(N) / np.sqrt(N)
    direction = rng.standard_normal(p)
    direction /= np.linalg.norm(direction)
    X, y = _sample(direction, n, teacher, noise, rng)
    return TeacherStudent(W, beta, direction, X, y)


def _sample(direction, n, teacher, noise, rng):
    X = rng.standard_normal((direction.size, n))
    return X, teacher(direction @ X) + np.sqrt(noise) * rng.standard_normal(n)


def first_layer_gradient(
    W: ArrayLike, beta: ArrayLike, X: ArrayLike, y: ArrayLike, activation: Activation
) -> np.ndarray:
    r"""Direction of steepest descent in the first layer, for all neurons at once.

    Of :math:`\text{Cost}=\frac1{2n}\sum_i(y_i-f(x_i))^2` with
    :math:`f(x)=\frac1{\sqrt N}\beta^{\mathsf T}\sigma(Wx)`:

    .. math::

        G=-\frac{\partial\,\text{Cost}}{\partial W}=\frac1n\Bigl[\frac1{\sqrt N}\beta
        \Bigl(y^{\mathsf T}-\frac1{\sqrt N}\beta^{\mathsf T}\sigma(WX)\Bigr)
        \odot\sigma'(WX)\Bigr]X^{\mathsf T}.

    One step of size :math:`\eta` is :math:`W_1=W_0+\eta\sqrt N\,G`.

    Parameters
    ----------
    W : matrix of shape (N, p)
        First layer.
    beta : vector of N numbers
        Second layer.
    X : matrix of shape (p, n)
        Samples in columns.
    y : vector of n numbers
        Labels.
    activation : Activation
        :math:`\sigma`, continuous.

    Returns
    -------
    array of shape (N, p)

    Raises
    ------
    ValueError
        If a shape does not match, or the activation jumps.

    Notes
    -----
    :cite:t:`Ba22`. Exact: the derivative of the cost, not an approximation.

    Example
    -------
    A linear neuron, one sample: :math:`G=\beta(y-\beta wx)x`

    >>> from rmtlib.activations import LINEAR
    >>> first_layer_gradient([[2.0]], [0.5], [[3.0]], [4.0], LINEAR)
    array([[1.5]])
    """
    W = matrix("W", W).astype(float)
    N = W.shape[0]
    beta = vector("beta", beta, length=N).astype(float)
    X = matrix("X", X, shape=(W.shape[1], None), why="columns are samples").astype(float)
    y = vector("y", y, length=X.shape[1]).astype(float)
    sigma = _differentiable("activation", activation)
    H = W @ X
    residual = y - beta @ sigma(H) / np.sqrt(N)
    return (np.outer(beta, residual) / np.sqrt(N) * sigma.derivative(H)) @ X.T / y.size


def rank_one_gradient(
    beta: ArrayLike, X: ArrayLike, y: ArrayLike, activation: Activation
) -> np.ndarray:
    r"""The matrix of rank one that the first gradient approaches at initialization.

    .. math:: A=\frac{\mu_1}{n\sqrt N}\,\beta_0\,(Xy)^{\mathsf T},\qquad
        \sqrt N\,\|G_0-A\|=O(N^{-1/2})\ \text{up to logarithms},

    while :math:`\sqrt N\,\|A\|=O(1)`. Weights of variance 1 / p.

    Parameters
    ----------
    beta : vector of N numbers
        Second layer.
    X : matrix of shape (p, n)
        Samples in columns.
    y : vector of n numbers
        Labels.
    activation : Activation
        :math:`\sigma`, continuous; of mean derivative :math:`\mu_1` (0 for even functions).

    Returns
    -------
    array of shape (N, p)

    Raises
    ------
    ValueError
        If a shape does not match, or the activation jumps.

    Notes
    -----
    :cite:t:`Ba22`. Without the factor :math:`\sqrt N` both matrices vanish.

    Example
    -------
    >>> from rmtlib.activations import RELU
    >>> rank_one_gradient([1.0], [[2.0, 0.0]], [3.0, 1.0], RELU)
    array([[1.5]])
    """
    beta = vector("beta", beta).astype(float)
    X = matrix("X", X, why="columns are samples").astype(float)
    y = vector("y", y, length=X.shape[1]).astype(float)
    mean_derivative = _differentiable("activation", activation).moments(1.0).mean_derivative
    return mean_derivative / (y.size * np.sqrt(beta.size)) * np.outer(beta, X @ y)


def gradient_overlap(
    samples_per_dimension: ArrayLike, teacher: Activation, noise: float = 0.0
) -> np.ndarray | float:
    r"""Squared cosine between the direction of the gradient, :math:`Xy`, and the teacher's.

    .. math:: \omega=\lim\frac{(\beta_*^{\mathsf T}Xy)^2}{\|Xy\|^2}
        =\frac{(\mu_1^*)^2}{(\mu_1^*)^2+\frac pn\,\mathbb Ey^2} .

    Parameters
    ----------
    samples_per_dimension : array of positive numbers
        n / p, any shape.
    teacher : Activation
        :math:`\sigma_*`; its mean counts in :math:`\mathbb Ey^2`, so center it.
    noise : nonnegative number
        Variance of the label noise.

    Returns
    -------
    array of the shape of ``samples_per_dimension``

    Raises
    ------
    ValueError
        If a number is out of range, or ``teacher`` not an activation.

    Notes
    -----
    :cite:t:`Ba22`. The error at finite size is :math:`O(n^{-1/2})`.

    Example
    -------
    Linear teacher, no noise:

    >>> from rmtlib.activations import LINEAR
    >>> round(gradient_overlap(4.0, LINEAR), 12)
    0.8
    """
    slope, energy = _teacher(teacher, noise)
    ratio = _positive_numbers("samples_per_dimension", samples_per_dimension, _SAMPLES)
    if energy == 0:
        raise ValueError("teacher must not vanish, got zero labels (E y^2 = 0)")
    return _unwrap(slope**2 / (slope**2 + energy / ratio))


def _positive_numbers(name: str, value: ArrayLike, why: str) -> np.ndarray:
    array = real_array(name, value, why=why).astype(float)
    if np.any(array <= 0):
        raise ValueError(f"{name} must be positive, got {array.min():g} ({why})")
    return array


def one_step_spike(
    step_size: ArrayLike,
    student: Activation,
    teacher: Activation,
    *,
    features_per_dimension: float,
    samples_per_dimension: float,
    noise: float = 0.0,
) -> OneStepSpike:
    r"""Largest singular value of the first layer after one gradient step, and its vectors.

    :math:`W_1=W_0+\eta\sqrt N\,G_0\approx W_0+\beta_0u^{\mathsf T}` with
    :math:`u=\eta\mu_1\frac1nXy`, variance of :math:`W_0` 1 / p and
    :math:`\bar c=N/p`:

    .. math::

        \theta^2=\eta^2\mu_1^2\Bigl[(\mu_1^*)^2+\frac pn\mathbb Ey^2\Bigr],\qquad
        s_1^2\to\frac{(1+\theta^2)(\bar c+\theta^2)}{\theta^2}\quad(\theta^4>\bar c),

    squared cosines :math:`\frac{\theta^4-\bar c}{\theta^2(\theta^2+\bar c)}` with
    :math:`\beta_0`, :math:`\frac{\theta^4-\bar c}{\theta^2(\theta^2+1)}` with Xy, and the
    latter times `gradient_overlap` with :math:`\beta_*`. Otherwise
    :math:`s_1\to1+\sqrt{\bar c}` and all three vanish.

    Parameters
    ----------
    step_size : array of nonnegative numbers
        :math:`\eta`, of order one; any shape.
    student, teacher : Activation
        :math:`\sigma` (continuous) and :math:`\sigma_*`.
    features_per_dimension, samples_per_dimension : positive numbers
        N / p and n / p.
    noise : nonnegative number
        Variance of the label noise.

    Returns
    -------
    OneStepSpike

    Raises
    ------
    ValueError
        If a number is out of range, or an activation is not one.

    Notes
    -----
    :cite:t:`Ba22`, through `rmtlib.spikes.signal_plus_noise_spike` :cite:p:`BGN12`. The
    error at finite size is :math:`O(n^{-1/2})`, most of it in
    :math:`\theta=\eta\mu_1\|\beta_0\|\|Xy\|/n`, which can be measured; near the threshold
    the alignments are smeared.

    Example
    -------
    >>> from rmtlib.activations import RELU, TANH
    >>> spike = one_step_spike(6, TANH, RELU.centered(), noise=0.01,
    ...                        features_per_dimension=2, samples_per_dimension=4)
    >>> round(spike.strength, 9), round(spike.position, 9)
    (2.111959316, 2.812252697)
    """
    eta = nonnegative_array("step_size", step_size)
    mu1 = abs(_differentiable("student", student).moments(1.0).mean_derivative)
    c = positive("features_per_dimension", features_per_dimension, _FEATURES)
    ratio = positive("samples_per_dimension", samples_per_dimension, _SAMPLES)
    slope, energy = _teacher(teacher, noise)
    gain = mu1 * np.sqrt(slope**2 + energy / ratio)
    theta = eta * gain
    spike = signal_plus_noise_spike(theta**2, c)
    overlap = gradient_overlap(ratio, teacher, noise) if energy else 0.0
    return OneStepSpike(
        _unwrap(theta),
        _unwrap(np.sqrt(spike.position)),
        spike.left_alignment,
        spike.right_alignment,
        spike.right_alignment * overlap,
        spike.isolated,
        float(c**0.25 / gain) if gain else np.inf,
    )


def singular_value_density(
    s: ArrayLike, features_per_dimension: float, variance: float = 1.0
) -> np.ndarray:
    r"""Density of the singular values of the first layer, the bulk, at initialization.

    W of shape (N, p), variance of the entries v / p; all :math:`\min(N,p)` singular
    values, with :math:`\bar c=N/p` and :math:`E_\pm=v(1\pm\sqrt{\bar c})^2`:

    .. math:: \frac{\sqrt{(s^2-E_-)^+(E_+-s^2)^+}}{\pi v\min(\bar c,1)\,s} .

    Parameters
    ----------
    s : array of nonnegative numbers
        Singular values, any shape.
    features_per_dimension : positive number
        N / p.
    variance : positive number
        v.

    Returns
    -------
    array of the shape of ``s``

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    The Marchenko-Pastur law :cite:p:`MP67` of :math:`WW^{\mathsf T}` in the variable
    :math:`s=\sqrt\lambda`. A step of rank one does not change it. Linear statistics have
    errors O(1/p).

    Example
    -------
    A square matrix has the quarter-circle law:

    >>> density = singular_value_density([0.5, 1.0], 1.0)
    >>> bool(np.allclose(density, np.sqrt(4 - np.array([0.25, 1.0])) / np.pi))
    True
    """
    s = nonnegative_array("s", s)
    c = positive("features_per_dimension", features_per_dimension, _FEATURES)
    law = MarchenkoPastur(c, positive("variance", variance))
    low, high = law.bands()[0]
    product = np.maximum(s**2 - low, 0) * np.maximum(high - s**2, 0)
    return np.sqrt(product) / (np.pi * law.variance * min(c, 1.0) * np.where(s > 0, s, 1.0))


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
    slope, energy = _teacher(teacher, 0.0)
    flat = omega.ravel()
    one = np.ones_like(flat)
    bound = energy - two_point(teacher, one, one, flat) - (1 - flat) * slope**2
    if modulated:
        inner = flat < 1  # the derivative kernel may be infinite at 1, with factor zero
        part = np.zeros_like(flat)
        part[inner] = two_point(teacher, one[inner], one[inner], flat[inner], derivative=True)
        bound -= (1 - flat) * np.where(inner, part - slope**2, 0.0)
    return _unwrap(np.maximum(bound, 0.0).reshape(omega.shape))


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
    moments = _differentiable("student", student).moments(1.0)
    c = positive("features_per_dimension", features_per_dimension, _FEATURES)
    ratio = positive("samples_per_dimension", samples_per_dimension, _SAMPLES)
    slope, energy = _teacher(teacher, noise)
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
        return SmallStepErrors(_unwrap(total - noise), _unwrap(np.full(eta.shape, ridge)))
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
    return SmallStepErrors(_unwrap(test), _unwrap(np.maximum(best, 0.0)))


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
    sigma = _differentiable("student", student)
    rng = as_rng(rng)
    W, beta, direction, X, y = teacher_student(p, n, N, teacher, noise, rng)
    G = first_layer_gradient(W, beta, X, y, sigma)
    X, y = _sample(direction, n, teacher, noise, rng)
    X_test, y_test = _sample(direction, n_test, teacher, 0.0, rng)
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
