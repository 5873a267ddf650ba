"""Every iterative solver past its limit raises or is right, in float32 and float64.

A case returns the residual of the solver's own equation, relative to its terms; where no
solution exists it is in `IMPOSSIBLE` and has to raise.
"""

import numpy as np
import pytest

from rmtlib import (
    ConvergenceError,
    activations,
    curvature,
    dynamics,
    features,
    jacobians,
    kernels,
    laws,
    quantization,
)

PRECISIONS = [np.float32, np.float64]


def relative(left, right):
    left, right = np.asarray(left, complex), np.asarray(right, complex)
    return float(np.max(np.abs(left - right) / np.maximum(np.abs(left), np.abs(right))))


def points(precision, law):
    """Points above the middle of each band and beyond the edges, down to the axis."""
    low, high = law.support()
    x = np.array([low, np.nextafter(high, 2 * high), (low + high) / 3, 0.9 * low, 1.5 * high])
    heights = high * np.array([1e-12, 1e-7, 1e-2, 1e6])
    z = (x[:, None] + 1j * heights).ravel()
    return z.astype(np.complex64 if precision is np.float32 else complex)


def mass(law):
    """Of the density, by a rule that knows nothing of the law but its bands."""
    node, weight = np.polynomial.legendre.leggauss(12)
    total = 0.0
    for low, high in law.bands():
        start = low if low > 0 or high <= 0 else 1e-12 * high
        total += float(law.cdf(start)) if start > low else 0.0
        theta = np.linspace(0, np.pi, 41)
        theta = theta[:-1, None] + np.pi / 80 * (1 + node)  # x = start + width * share
        share, slope = np.sin(theta / 2) ** 2, np.sin(theta) / 2
        if start > 0 and high > 10 * start:  # in log x
            x = start * (high / start) ** share
            jacobian = x * np.log(high / start) * slope
        else:
            x, jacobian = start + (high - start) * share, (high - start) * slope
        total += np.pi / 80 * np.sum(weight * law.pdf(x) * jacobian)
    return abs(total + sum(m for x, m in law.atoms if x or not np.any(law.bands() == 0)) - 1)


def silverstein(precision, ratio, atoms, weights=None):
    population = laws.Discrete(np.array(atoms, precision), weights)
    law = laws.SampleCovariance(precision(ratio), population)
    z = points(precision, law)
    companion = law.companion(z)
    t, w = population.points, population.weights
    c = float(precision(ratio))
    inverse = -z.astype(complex) + c * np.sum(w * t / (1 + t * companion[:, None]), axis=1)
    return relative(1, inverse * companion)


def free_sum(precision, left, right):
    law = left + right
    z = points(precision, law)
    m, (w1, w2) = law.stieltjes(z), law.subordination(z)
    return max(
        relative(left.stieltjes(w1), m),
        relative(right.stieltjes(w2), m),
        relative(w1 + w2 + 1 / m, z.astype(complex)),
    )


def free_product(precision, left, right):
    law = left @ right
    z = points(precision, law).astype(complex)
    moment = -1 - z * law.stieltjes(z)  # psi = E[x / (1/z - x)], at 1/z
    residuals = [
        relative(-1 - w * factor.stieltjes(w), moment)
        for factor, w in zip((left, right), law.subordination(z), strict=True)
    ]
    return max(residuals)


def effective_ridge(precision, N, ridge, smallest):
    lam = np.geomspace(smallest, 1, 40).astype(precision)
    kappa = features.effective_ridge(lam, precision(N), precision(ridge))
    lam = lam.astype(float)
    freedom = float(np.sum(lam / (lam + kappa)))
    return abs(N - freedom - lam.size * float(precision(ridge)) / kappa) / max(N, lam.size)


def nonlinear_gram(precision, zeta, per_sample, per_dimension):
    law = features.NonlinearGram(
        precision(1),
        precision(zeta),
        features_per_sample=per_sample,
        features_per_dimension=per_dimension,
    )
    return mass(law)


def quantiles(precision, law, smallest=1e-30, atom=0.0):
    q = np.array([smallest, 1e-7, 0.3, 0.5, 1 - 1e-7], precision)
    found = law.cdf(law.ppf(q))
    return 1e4 * float(np.max(np.abs(found - np.maximum(q.astype(float), atom))))


def equilibrium(precision, name, feedback, input_variance):
    found = kernels.Equilibrium(
        name, feedback=precision(feedback), input_variance=precision(input_variance)
    )
    g = found.activation.centered(found.variance)
    image = g.moments(found.variance).centered_second_moment
    want = float(precision(feedback)) ** 2 * image + float(precision(input_variance))
    return relative(found.variance, want)


def fixed_point(precision, name, weight_variance, bias_variance):
    q = jacobians.fixed_point_variance(
        name, weight_variance=precision(weight_variance), bias_variance=precision(bias_variance)
    )
    second = activations.as_activation(name).moments(q)
    second = second.centered_second_moment + second.mean**2
    return relative(q, precision(weight_variance) * second + precision(bias_variance))


def layers(precision, name, variance, depth, weights):
    return mass(jacobians.JacobianLaw(name, np.full(depth, variance, precision), weights=weights))


def matched(precision, name, variance, kind):
    return max(
        abs(gap) * float(precision(variance)) ** {"mean_derivative": 0.5}.get(moment, 1.0)
        for moment, gap in quantization.match_activation(
            name, precision(variance), kind
        ).residuals.items()
    )


def hessian(precision, ratio, energy):
    law = curvature.HessianLaw(precision(ratio), precision(energy))
    z = points(precision, law)
    m = law.stieltjes(z)
    shifted = z.astype(complex) + 2 * float(precision(energy)) * m
    return relative(m, laws.MarchenkoPastur(float(precision(ratio))).stieltjes(shifted))


def free_poisson(precision, jumps, rates, variance):
    jumps, rates = np.array(jumps, precision), np.array(rates, precision)
    law = laws.FreePoisson(jumps, rates, precision(variance))
    z = points(precision, law)
    w = -1 / law.stieltjes(z)[:, None]
    t, r = jumps.astype(float), rates.astype(float)
    image = w + np.sum(r * t * w / (w - t), axis=1, keepdims=True) + float(precision(variance)) / w
    return relative(image[:, 0], z.astype(complex))


def descent(precision, ratio, signal, learning_rate, time):
    model = dynamics.TwoClassDescent(
        precision(ratio), precision(signal), init_variance=precision(0.1)
    )
    late = model.at(precision(time), learning_rate=precision(learning_rate))
    end = model.limit()
    return relative(late.test_error, end.test_error)


def small_step(precision, c, ratio, ridge):
    found = features.small_step_errors(
        "tanh",
        "relu",
        precision(1),
        features_per_dimension=precision(c),
        samples_per_dimension=precision(ratio),
        ridge=ridge,
    )
    return 0.0 if np.isfinite(found.test) and found.test > 0 else np.inf


def lanczos_of(precision, scale):
    A = (scale * np.diag(np.arange(1.0, 31.0))).astype(precision)
    found = curvature.lanczos(A, np.ones(30, precision), 30)
    T = np.diag(found.diagonal) + np.diag(found.off_diagonal, 1) + np.diag(found.off_diagonal, -1)
    return (
        relative(np.linalg.eigvalsh(T), np.diag(A).astype(float)) / np.finfo(precision).eps * 1e-16
    )


MP = laws.MarchenkoPastur
HARD = {
    "Silverstein, clusters of atoms": lambda d: silverstein(d, 0.3, [1e-6, 1.0, 1.0001, 1e6]),
    "Silverstein, ratio of a million": lambda d: silverstein(d, 1e6, [1.0, 3.0]),
    "Silverstein, ratio of a millionth": lambda d: silverstein(d, 1e-6, [1.0, 3.0]),
    "Silverstein, forty atoms": lambda d: silverstein(d, 2.0, np.geomspace(1e-4, 1, 40)),
    "sum of a law and a narrow one": lambda d: free_sum(d, MP(d(0.5)), laws.Semicircle(d(1e-10))),
    "sum of two hard edges": lambda d: free_sum(d, MP(d(1.0)), MP(d(1.0))),
    "sum with far atoms": lambda d: free_sum(d, laws.Discrete([0, 1e5]), laws.Semicircle(d(1))),
    "product with far atoms": lambda d: free_product(d, MP(d(1e-3)), laws.Discrete([1, 1e3])),
    "product of two laws": lambda d: free_product(d, MP(d(2.0)), MP(d(0.5))),
    "effective ridge, no ridge": lambda d: effective_ridge(d, 20, 0.0, 1e-2),
    "effective ridge, tiny ridge": lambda d: effective_ridge(d, 40, 1e-30, 1e-2),
    "effective ridge, huge ridge": lambda d: effective_ridge(d, 3, 1e30, 1e-3),
    "Gram, nearly no linear part": lambda d: nonlinear_gram(d, 1e-12, 2.0, 1.0),
    "Gram, nearly linear": lambda d: nonlinear_gram(d, 1 - 1e-7, 2.0, 1.0),
    "Gram, ratios far apart": lambda d: nonlinear_gram(d, 0.5, 1e-6, 1e6),
    "Hessian, no energy": lambda d: hessian(d, 0.25, 1e-12),
    "Hessian at the hard edge": lambda d: hessian(d, 1.0, 1e-6),
    "Hessian of a great energy": lambda d: hessian(d, 1e-3, 1e6),
    "free Poisson, rates far apart": lambda d: free_poisson(d, [-1, 1, 50], [1e-6, 1, 1e3], 0.1),
    "deep Gram, nearly linear": lambda d: mass(
        features.DeepGram(
            d(1 - 1e-6), samples_per_dimension=1.0, samples_per_feature=[d(1.0), d(0.1)]
        )
    ),
    "deep Gram, tangent kernel": lambda d: mass(
        features.DeepGram(d(0.3), samples_per_dimension=4.0, samples_per_feature=[d(0.01)]).tangent(
            d(1.5)
        )
    ),
    "relu Hessian above its critical energy": lambda d: mass(
        curvature.ReluHessianLaw(d(0.5), d(0.4))
    ),
    "product of 40 layers": lambda d: quantiles(d, laws.FussCatalan(40), 1e-7),
    "quantiles of a hard edge": lambda d: quantiles(d, MP(d(1.0))),
    "quantiles with an atom": lambda d: quantiles(d, MP(d(7.0)), atom=6 / 7),
    "quantiles of a product": lambda d: quantiles(d, laws.FussCatalan(6)),
    "quantiles of the largest eigenvalue": lambda d: quantiles(d, laws.TracyWidom(), 1e-9),
    "equilibrium at its limit": lambda d: equilibrium(d, "tanh", 1.0, 1e-8),
    "equilibrium of linear near 1": lambda d: equilibrium(d, "linear", 1 - 1e-6, 1.0),
    "equilibrium of a large input": lambda d: equilibrium(d, "relu", 1.2, 1e12),
    "mean field at the edge of chaos": lambda d: fixed_point(d, "tanh", 1.0, 1e-12),
    "mean field, relu near 2": lambda d: fixed_point(d, "relu", 2 - 1e-6, 1.0),
    "Jacobian, 64 layers": lambda d: layers(d, "tanh", 1e-3, 64, "gaussian"),
    "Jacobian, saturated": lambda d: layers(d, "erf", 50.0, 3, "gaussian"),
    "Jacobian, orthogonal, saturated": lambda d: layers(d, "erf", 8.0, 2, "orthogonal"),
    "match of a nearly linear function": lambda d: matched(d, "tanh", 1e-8, "three-level"),
    "match at a large variance": lambda d: matched(d, "tanh", 1e4, "three-level"),
    "match of two levels": lambda d: matched(d, "sigmoid", 1e4, "two-level"),
    "descent, late, p = n": lambda d: descent(d, 1.0, 1.0, 0.01, 1e30),
    "descent, late": lambda d: descent(d, 0.5, 2.0, 0.01, 1e30),
    "small step, as many features as samples": lambda d: small_step(d, 2.0, 2.0, 1e-12),
    "small step, best ridge": lambda d: small_step(d, 1e-4, 1e4, None),
    "Lanczos, matrix of 1e-20": lambda d: lanczos_of(d, 1e-20),
    "Lanczos, nearly overflow": lambda d: lanczos_of(d, float(np.finfo(d).max) / 50),
}

IMPOSSIBLE = {
    "equilibrium of relu beyond its limit": lambda d: (
        kernels.Equilibrium("relu", feedback=d(1.5)).coefficients
    ),
    "equilibrium of linear at 1": lambda d: equilibrium(d, "linear", 1.0, 1.0),
    "mean field, relu at 2": lambda d: fixed_point(d, "relu", 2.0, 1.0),
    "moments of a function that oscillates": lambda d: activations.Activation(
        "sine", lambda t: np.sin(1e4 * t), lambda t: 1e4 * np.cos(1e4 * t)
    ).moments(d(1.0)),
}


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("case", HARD)
def test_a_solver_past_its_limit_raises_or_solves_its_equation(case, precision):
    try:
        residual = HARD[case](precision)
    except ConvergenceError:
        return
    assert residual <= 1e-7


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_a_solver_without_solution_says_so(case, precision):
    with pytest.raises(ConvergenceError):
        IMPOSSIBLE[case](precision)
