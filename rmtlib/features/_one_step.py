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

from rmtlib._checks import (
    as_rng,
    count,
    matrix,
    nonnegative,
    nonnegative_array,
    positive,
    positive_array,
    vector,
)
from rmtlib.activations import Activation
from rmtlib.covariance import signal_plus_noise_spike
from rmtlib.laws import MarchenkoPastur

FEATURES = "features_per_dimension = N / p"
SAMPLES = "samples_per_dimension = n / p"


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


def _activation(name: str, value: Activation) -> Activation:
    if not isinstance(value, Activation):
        raise ValueError(
            f"{name} must be an Activation, got {type(value).__name__} "
            "(rmtlib.activations has a catalogue)"
        )
    return value


def differentiable(name: str, activation: Activation) -> Activation:
    """An activation without jumps, as it is."""
    if _activation(name, activation).jumps:
        raise ValueError(
            f"{name} must be continuous, got {activation.name} "
            "(it is constant between its jumps: the gradient is zero)"
        )
    return activation


def teacher_moments(teacher: Activation, noise: float) -> tuple[float, float]:
    r""":math:`\mu_1^*` and :math:`\mathbb E y^2`."""
    moments = _activation("teacher", teacher).moments(1.0)
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
    teacher_moments(teacher, noise)
    rng = as_rng(rng)
    W = rng.standard_normal((N, p)) / np.sqrt(p)
    beta = rng.standard_normal(N) / np.sqrt(N)
    direction = rng.standard_normal(p)
    direction /= np.linalg.norm(direction)
    X, y = sample_teacher(direction, n, teacher, noise, rng)
    return TeacherStudent(W, beta, direction, X, y)


def sample_teacher(
    direction: np.ndarray, n: int, teacher: Activation, noise: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Samples in the n columns of X, and their labels."""
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
    sigma = differentiable("activation", activation)
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
    mean_derivative = differentiable("activation", activation).moments(1.0).mean_derivative
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
    >>> gradient_overlap([1.0, 4.0], LINEAR)
    array([0.5, 0.8])
    """
    slope, energy = teacher_moments(teacher, noise)
    ratio = positive_array("samples_per_dimension", samples_per_dimension, SAMPLES)
    if energy == 0:
        raise ValueError("teacher must not vanish, got zero labels (E y^2 = 0)")
    return (slope**2 / (slope**2 + energy / ratio))[()]


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
    :cite:t:`Ba22`, through `rmtlib.covariance.signal_plus_noise_spike` :cite:p:`BGN12`. The
    error at finite size is :math:`O(n^{-1/2})`, most of it in
    :math:`\theta=\eta\mu_1\|\beta_0\|\|Xy\|/n`, which can be measured; near the threshold
    the alignments are smeared.

    Example
    -------
    >>> from rmtlib.activations import RELU, TANH
    >>> spike = one_step_spike(6, TANH, RELU.centered(), noise=0.01,
    ...                        features_per_dimension=2, samples_per_dimension=4)
    >>> print(f"{spike.strength:.9f} {spike.position:.9f}")
    2.111959316 2.812252697
    """
    eta = nonnegative_array("step_size", step_size)
    mu1 = abs(differentiable("student", student).moments(1.0).mean_derivative)
    c = positive("features_per_dimension", features_per_dimension, FEATURES)
    ratio = positive("samples_per_dimension", samples_per_dimension, SAMPLES)
    slope, energy = teacher_moments(teacher, noise)
    gain = mu1 * np.sqrt(slope**2 + energy / ratio)
    theta = eta * gain
    spike = signal_plus_noise_spike(theta**2, c)
    overlap = gradient_overlap(ratio, teacher, noise) if energy else 0.0
    return OneStepSpike(
        theta[()],
        np.sqrt(spike.position),
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
    c = positive("features_per_dimension", features_per_dimension, FEATURES)
    law = MarchenkoPastur(c, positive("variance", variance))
    low, high = law.bands()[0]
    product = np.maximum(s**2 - low, 0) * np.maximum(high - s**2, 0)
    return np.sqrt(product) / (np.pi * law.variance * min(c, 1.0) * np.where(s > 0, s, 1.0))
