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

import numpy as np

from rmtlib import _checks
from rmtlib._types import ArrayLike
from rmtlib.activations import Activation, as_activation
from rmtlib.covariance import Outlier, signal_plus_noise_spike

FEATURES = "features_per_dimension = N / p"
SAMPLES = "samples_per_dimension = n / p"


@dataclass(frozen=True)
class TeacherStudent:
    r"""One draw of network, teacher and sample, made by `teacher_student`.

    Parameters
    ----------
    W, beta : ndarrays, shapes (N, p) and (N,)
        :math:`W_0` and :math:`\beta_0`.
    direction : ndarray, shape (p,)
        :math:`\beta_*`, of norm one.
    X, y : ndarrays, shapes (p, n) and (n,)
        Samples in columns, and their labels.
    """

    W: np.ndarray
    beta: np.ndarray
    direction: np.ndarray
    X: np.ndarray
    y: np.ndarray


def differentiable(activation: Activation | str, name: str) -> Activation:
    """An activation without jumps."""
    activation = as_activation(activation, name)
    if activation.jumps:
        raise ValueError(
            f"{name} must be continuous, got {activation.name} "
            "(it is constant between its jumps: the gradient is zero)"
        )
    return activation


def teacher_moments(teacher: Activation | str, noise: float) -> tuple[float, float]:
    r""":math:`\mu_1^*` and :math:`\mathbb E y^2`."""
    moments = as_activation(teacher, "teacher").moments(1.0)
    noise = _checks.nonnegative("noise", noise, "variance of the labels")
    return moments.mean_derivative, moments.second_moment + noise


def teacher_student(
    teacher: Activation | str,
    *,
    p: int,
    n: int,
    N: int,
    noise: float = 0.0,
    rng: int | np.random.Generator | None = None,
) -> TeacherStudent:
    r"""Draw a network at initialization, a teacher and a sample of the teacher.

    :math:`W_0` has variance 1 / p, :math:`\beta_0` variance 1 / N, X variance 1;
    :math:`y=\sigma_*(X^{\mathsf T}\beta_*)+\varepsilon`.

    Parameters
    ----------
    teacher : Activation or str
        :math:`\sigma_*`.
    p, n, N : integers >= 1
        Dimension, samples, neurons.
    noise : nonnegative number
        Variance of :math:`\varepsilon`.
    rng : None, int or Generator
        Source of randomness.

    Notes
    -----
    The model of :cite:t:`Ba22`; :math:`\beta_*` is uniform on the sphere.

    Example
    -------
    >>> teacher_student("tanh", p=3, n=5, N=4, rng=0).W.shape
    (4, 3)
    """
    teacher = as_activation(teacher, "teacher")
    p, n, N = _checks.count("p", p), _checks.count("n", n), _checks.count("N", N)
    noise, rng = _checks.nonnegative("noise", noise, "variance of the labels"), _checks.as_rng(rng)
    W = rng.standard_normal((N, p)) / np.sqrt(p)
    beta = rng.standard_normal(N) / np.sqrt(N)
    direction = rng.standard_normal(p)
    direction /= np.linalg.norm(direction)
    return TeacherStudent(W, beta, direction, *sample_teacher(direction, n, teacher, noise, rng))


def sample_teacher(
    direction: np.ndarray, n: int, teacher: Activation, noise: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Samples in the n columns of X, and their labels."""
    X = rng.standard_normal((direction.size, n))
    return X, teacher(direction @ X) + np.sqrt(noise) * rng.standard_normal(n)


def first_layer_gradient(
    activation: Activation | str, W: ArrayLike, beta: ArrayLike, X: ArrayLike, y: ArrayLike
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
    activation : Activation or str
        :math:`\sigma`, continuous.
    W, beta : matrix of shape (N, p), vector of N numbers
        First and second layer.
    X, y : matrix of shape (p, n), vector of n numbers
        Samples in columns, labels.

    Notes
    -----
    :cite:t:`Ba22`. Exact: the derivative of the cost, not an approximation.

    Example
    -------
    A linear neuron, one sample: :math:`G=\beta(y-\beta wx)x`

    >>> first_layer_gradient("linear", [[2.0]], [0.5], [[3.0]], [4.0])
    array([[1.5]])
    """
    sigma = differentiable(activation, "activation")
    W = _checks.matrix("W", W).astype(float)
    beta = _checks.vector("beta", beta, length=W.shape[0]).astype(float)
    X = _checks.matrix("X", X, shape=(W.shape[1], None), why="columns are samples").astype(float)
    y = _checks.vector("y", y, length=X.shape[1]).astype(float)
    return gradient(sigma, W, beta, X, y)


def gradient(
    sigma: Activation, W: np.ndarray, beta: np.ndarray, X: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """G of `first_layer_gradient`."""
    H = W @ X
    residual = y - beta @ sigma(H) / np.sqrt(beta.size)
    return (np.outer(beta, residual) / np.sqrt(beta.size) * sigma.derivative(H)) @ X.T / y.size


def rank_one_gradient(
    activation: Activation | str, beta: ArrayLike, X: ArrayLike, y: ArrayLike
) -> np.ndarray:
    r"""The matrix of rank one that the first gradient approaches at initialization.

    .. math:: A=\frac{\mu_1}{n\sqrt N}\,\beta_0\,(Xy)^{\mathsf T},\qquad
        \sqrt N\,\|G_0-A\|=O(N^{-1/2})\ \text{up to logarithms},

    while :math:`\sqrt N\,\|A\|=O(1)`. Weights of variance 1 / p.

    Parameters
    ----------
    activation : Activation or str
        :math:`\sigma`, continuous; of mean derivative :math:`\mu_1` (0 for even functions).
    beta, X, y : arrays
        As for `first_layer_gradient`.

    Notes
    -----
    :cite:t:`Ba22`. Without the factor :math:`\sqrt N` both matrices vanish.

    Example
    -------
    >>> rank_one_gradient("relu", [1.0], [[2.0, 0.0]], [3.0, 1.0])
    array([[1.5]])
    """
    mean_derivative = differentiable(activation, "activation").moments(1.0).mean_derivative
    beta = _checks.vector("beta", beta).astype(float)
    X = _checks.matrix("X", X, why="columns are samples").astype(float)
    y = _checks.vector("y", y, length=X.shape[1]).astype(float)
    return mean_derivative / (y.size * np.sqrt(beta.size)) * np.outer(beta, X @ y)


def gradient_overlap(
    teacher: Activation | str, *, samples_per_dimension: ArrayLike, noise: float = 0.0
) -> np.ndarray | float:
    r"""Squared cosine between the direction of the gradient, :math:`Xy`, and the teacher's.

    .. math:: \omega=\lim\frac{(\beta_*^{\mathsf T}Xy)^2}{\|Xy\|^2}
        =\frac{(\mu_1^*)^2}{(\mu_1^*)^2+\frac pn\,\mathbb Ey^2} .

    Parameters
    ----------
    teacher : Activation or str
        :math:`\sigma_*`; its mean counts in :math:`\mathbb Ey^2`, so center it.
    samples_per_dimension : array of positive numbers
        n / p, any shape.
    noise : nonnegative number
        Variance of the label noise.

    Notes
    -----
    :cite:t:`Ba22`. The error at finite size is :math:`O(n^{-1/2})`.

    Example
    -------
    Linear teacher, no noise:

    >>> gradient_overlap("linear", samples_per_dimension=[1.0, 4.0])
    array([0.5, 0.8])
    """
    slope, energy = teacher_moments(teacher, noise)
    ratio = _checks.positive_array("samples_per_dimension", samples_per_dimension, SAMPLES)
    if energy == 0:
        raise ValueError("teacher must not vanish, got zero labels (E y^2 = 0)")
    return _checks.scalar_out(slope**2 / (slope**2 + energy / ratio))


def one_step_spike(
    student: Activation | str,
    teacher: Activation | str,
    step_size: ArrayLike,
    *,
    features_per_dimension: float,
    samples_per_dimension: float,
    noise: float = 0.0,
) -> Outlier:
    r"""Largest singular value of the first layer after one gradient step, and its vectors.

    :math:`W_1=W_0+\eta\sqrt N\,G_0\approx W_0+\beta_0u^{\mathsf T}` with
    :math:`u=\eta\mu_1\frac1nXy`, variance of :math:`W_0` 1 / p and
    :math:`\bar c=N/p`:

    .. math::

        \theta^2=\eta^2\mu_1^2\Bigl[(\mu_1^*)^2+\frac pn\mathbb Ey^2\Bigr],\qquad
        s_1^2\to\frac{(1+\theta^2)(\bar c+\theta^2)}{\theta^2}\quad(\theta^4>\bar c),

    squared cosines :math:`\frac{\theta^4-\bar c}{\theta^2(\theta^2+\bar c)}` with
    :math:`\beta_0` and :math:`\frac{\theta^4-\bar c}{\theta^2(\theta^2+1)}` with Xy. Otherwise
    :math:`s_1\to1+\sqrt{\bar c}` and both vanish.

    Parameters
    ----------
    student, teacher : Activation or str
        :math:`\sigma` (continuous) and :math:`\sigma_*`.
    step_size : array of nonnegative numbers
        :math:`\eta`, of order one; any shape.
    features_per_dimension, samples_per_dimension : positive numbers
        N / p and n / p.
    noise : nonnegative number
        Variance of the label noise.

    Returns
    -------
    Outlier
        ``strength`` is :math:`\theta`, proportional to the step size, ``threshold``
        :math:`\bar c^{1/4}`; ``position`` and ``edge`` are singular values; ``alignment`` is that
        of the left vector with :math:`\beta_0`, ``right_alignment`` that of the right one with Xy.
        Times `gradient_overlap` it is the right vector's with :math:`\beta_*`.

    Notes
    -----
    :cite:t:`Ba22`, through `rmtlib.covariance.signal_plus_noise_spike` :cite:p:`BGN12`. The
    error at finite size is :math:`O(n^{-1/2})`, most of it in
    :math:`\theta=\eta\mu_1\|\beta_0\|\|Xy\|/n`, which can be measured; near the threshold
    the alignments are smeared.

    Example
    -------
    >>> from rmtlib.activations import RELU
    >>> spike = one_step_spike("tanh", RELU.centered(), 6, noise=0.01,
    ...                        features_per_dimension=2, samples_per_dimension=4)
    >>> print(f"{spike.strength:.9f} {spike.position:.9f}")
    2.111959316 2.812252697
    """
    mu1 = abs(differentiable(student, "student").moments(1.0).mean_derivative)
    slope, energy = teacher_moments(teacher, noise)
    eta = _checks.nonnegative_array("step_size", step_size)
    c = _checks.positive("features_per_dimension", features_per_dimension, FEATURES)
    ratio = _checks.positive("samples_per_dimension", samples_per_dimension, SAMPLES)
    theta = eta * (mu1 * np.sqrt(slope**2 + energy / ratio))
    squared = signal_plus_noise_spike(theta**2, ratio=c)
    return Outlier(
        strength=_checks.scalar_out(theta),
        threshold=c**0.25,
        isolated=squared.isolated,
        position=_checks.scalar_out(np.sqrt(squared.position)),
        edge=_checks.scalar_out(np.sqrt(squared.edge)),
        alignment=squared.alignment,
        right_alignment=squared.right_alignment,
    )
