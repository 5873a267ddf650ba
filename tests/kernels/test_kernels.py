"""Two-point Gaussian expectations and kernels of random features."""

import tracemalloc

import numpy as np
import pytest

from rmtlib import ConvergenceError, _checks
from rmtlib.activations import (
    ABS,
    CATALOGUE,
    COS,
    ERF,
    GAUSSIAN,
    HARDTANH,
    RELU,
    SIGMOID,
    SIGN,
    SIN,
    STEP,
    TANH,
    Activation,
    Clip,
    Quadratic,
    Steps,
    TwoSlopes,
)
from rmtlib.kernels import (
    conjugate_kernel,
    derivative_kernel,
    random_feature_kernel,
    two_point,
    weight_moment_correction,
)
from rmtlib.quantization import ternary_weights

STEPS = Steps([-1, 0.4], [1.3, 0, 1.3])
WAVES = Activation(
    "waves",
    lambda t: np.sin(2 * t) + np.cos(1.5 * t),
    lambda t: 2 * np.cos(2 * t) - 1.5 * np.sin(1.5 * t),
)
ALL = CATALOGUE | {"clip": Clip(1.2, 0.8), "steps": STEPS}
CLOSED = {name: f for name, f in ALL.items() if f.closed_form}


def without_form(f):
    return Activation(f.name, f.value, f.derivative, f.kinks, f.jumps)


def gauss_hermite(f, a, b, s):
    """Reference for smooth functions, 100 nodes an axis."""
    x, w = np.polynomial.hermite_e.hermegauss(100)
    w = w / w.sum()
    rho = s / np.sqrt(a * b)
    v = np.sqrt(b) * (rho * x[:, None] + np.sqrt(1 - rho**2) * x[None, :])
    return float(np.einsum("i,j,i,ij->", w, w, f(np.sqrt(a) * x), f(v)))


@pytest.mark.parametrize(
    ("f", "value"),
    [
        (RELU, 0.2815531964),
        (ABS, 0.6762127854),
        (TwoSlopes(1, -0.1), 0.2730580891),
        (SIGN, 0.3127392756),
        (STEP, 0.3281848189),
        (ERF, 0.1981060428),
        (COS, 0.4057600492),
        (SIN, 0.1711897611),
        (GAUSSIAN, 0.5193491440),
        (Quadratic(-0.5, 0.3, 1), 0.3692500000),
        (Steps([-0.7, 0.4], [-1.2, 0, 1.2]), 0.3264463804),
        (TANH, 0.1702647030),
    ],
    ids=lambda x: getattr(x, "name", ""),
)
def test_values_of_the_table(f, value):
    assert two_point(f, 1.3, 0.7, 0.45) == pytest.approx(value, abs=5.1e-11)


@pytest.mark.parametrize(
    ("f", "value", "slope"),
    [
        (RELU, 0.409553598913, 0.315036734573),
        (ABS, 1.03821439565, 0.260146938293),
        (ERF, 0.192001787667, 0.330071975928),
        (SIN, 0.135128432841, 0.251612590614),
        (GAUSSIAN, 0.40756957297, 0.0406215521232),
        (Clip(1.2, 0.8), 0.150041838145, 0.261926987994),
        (STEPS, 0.588886260532, None),
    ],
    ids=lambda x: getattr(x, "name", ""),
)
def test_values_and_derivative_kernels_of_the_table(f, value, slope):
    assert two_point(f, 1.2, 1.9, 0.6) == pytest.approx(value, abs=5e-12)
    if slope:
        assert two_point(f, 1.2, 1.9, 0.6, derivative=True) == pytest.approx(slope, abs=5e-12)


RHO = [0.0, 0.3, -0.7, 0.89, 0.91, -0.97, 0.999, 1 - 1e-9]


@pytest.mark.parametrize("rho", RHO)
@pytest.mark.parametrize("name", CLOSED)
def test_closed_forms_are_the_general_method(name, rho):
    # 1e-12 is where the series is cut; a second pair of variances is nearly equal
    f, a, b = CLOSED[name], np.array([1.3, 2.0]), np.array([0.7, 2.001])
    s = rho * np.sqrt(a * b)
    bound = np.sqrt(two_point(f, a, a, a) * two_point(f, b, b, b))
    gap = two_point(f, a, b, s) - two_point(without_form(f), a, b, s)
    assert np.all(np.abs(gap) <= 2e-12 * bound)


@pytest.mark.parametrize("rho", RHO)
@pytest.mark.parametrize("name", [name for name, f in CLOSED.items() if not f.jumps])
def test_derivative_kernels_are_the_general_method(name, rho):
    f, a, b = CLOSED[name], 1.3, 0.7
    s = rho * np.sqrt(a * b)
    closed = two_point(f, a, b, s, derivative=True)
    general = two_point(without_form(f), a, b, s, derivative=True)
    assert closed == pytest.approx(general, abs=1e-11)


@pytest.mark.parametrize("f", [TANH, SIGMOID, WAVES], ids=lambda f: f.name)
def test_mehler_series_is_the_double_integral(f):
    # 100 nodes of Gauss-Hermite quadrature are good to 5e-12 for tanh
    for s in (0.0, 0.3, -0.8):
        assert two_point(f, 1.3, 0.7, s) == pytest.approx(gauss_hermite(f, 1.3, 0.7, s), abs=2e-11)


@pytest.mark.parametrize("name", ["sign", "step", "steps", "clip"])
def test_derivative_kernel_is_the_slope_in_the_covariance(name):
    # Price's theorem: d/ds E f(u) f(v) = E f'(u) f'(v); central difference of order h^2
    f, a, b, s, h = ALL[name], 1.1, 0.8, 0.35, 1e-4
    slope = (two_point(f, a, b, s + h) - two_point(f, a, b, s - h)) / (2 * h)
    assert two_point(f, a, b, s, derivative=True) == pytest.approx(slope, abs=1e-7)


@pytest.mark.parametrize("name", ALL)
def test_diagonal_is_the_second_moment(name):
    f = ALL[name]
    X = _checks.as_rng(0).standard_normal((7, 5)) / 2
    a = np.einsum("ki,ki->i", X, X)
    exact = f.moments(a).second_moment
    np.testing.assert_array_equal(np.diag(random_feature_kernel(f, X)), exact)
    np.testing.assert_allclose(np.diag(conjugate_kernel(f, X.T @ X)), exact, rtol=1e-13)


@pytest.mark.parametrize("name", ALL)
def test_duplicate_and_opposite_columns_are_exact(name):
    f = ALL[name]
    X = _checks.as_rng(1).standard_normal((50, 3)) / 7
    left, right = X[:, :1], np.concatenate([X[:, :1], -X[:, :1]], axis=1)
    a = float(np.sum(left**2))
    square = two_point(f, a, a, a)
    # f(t) f(-t) = f_even^2 - f_odd^2
    even = Activation("even", lambda t: (f(t) + f(-t)) / 2, np.zeros_like, f.kinks, f.jumps)
    both = sorted({*f.jumps, *(-r for r in f.jumps)})
    even = Activation("even", even.value, np.zeros_like, (*f.kinks, *(-r for r in f.kinks)), both)
    opposite = 2 * even.moments(a).second_moment - square
    K = random_feature_kernel(f, left, right)
    np.testing.assert_allclose(K, [[square, opposite]], atol=1e-12 * (1 + square))


def test_collinear_columns_of_the_sign_kernel_lose_nothing():
    x = _checks.as_rng(2).standard_normal((300, 1))
    K = random_feature_kernel(SIGN, np.concatenate([x, 3 * x, -0.1 * x], axis=1))
    exact = np.array([[1, 1, -1], [1, 1, -1], [-1, -1, 1]])
    np.testing.assert_allclose(K, exact, atol=1e-14)  # 1e-8 with arcsin of the cosine


@pytest.mark.parametrize("angle", [1e-3, 1e-6, 1e-9])
def test_small_angles_of_the_sign_kernel_are_resolved(angle):
    X = np.array([[1.0, np.cos(angle)], [0.0, np.sin(angle)]])
    found = 1 - random_feature_kernel(SIGN, X)[0, 1]
    # 1 - K = 2 angle / pi; K itself is rounded to 1e-16
    assert found == pytest.approx(2 * angle / np.pi, rel=1e-12, abs=4e-16)


@pytest.mark.parametrize("name", ALL)
def test_zero_columns_give_value_at_zero_times_the_mean(name):
    f = ALL[name]
    x = np.array([0.3, -0.5, 1.0])
    X = np.stack([x, np.zeros(3), np.zeros(3)], axis=1)
    at_zero, mean = float(f(0.0)), f.moments(float(x @ x)).mean
    K = random_feature_kernel(f, X)
    np.testing.assert_allclose(K[0, 1:], at_zero * mean, atol=1e-15)
    np.testing.assert_allclose(K[1:, 1:], at_zero**2, atol=1e-15)
    assert np.all(np.isfinite(random_feature_kernel(f, X, X)))


@pytest.mark.parametrize("name", ALL)
def test_kernels_are_symmetric_and_positive_semidefinite(name):
    X = _checks.as_rng(3).standard_normal((4, 30)) / 2
    K = random_feature_kernel(ALL[name], X, block_size=7)
    np.testing.assert_array_equal(K, K.T)
    low, high = np.linalg.eigvalsh(K)[[0, -1]]
    assert low >= -1e-12 * high * len(K)


@pytest.mark.parametrize("f", [RELU, TANH, Clip(2, 1), STEPS], ids=lambda f: f.name)
def test_blocks_do_not_change_the_kernel(f):
    X = _checks.as_rng(4).standard_normal((20, 33)) / 4
    whole = random_feature_kernel(f, X, block_size=100)
    np.testing.assert_allclose(random_feature_kernel(f, X, block_size=5), whole, atol=2e-12)
    np.testing.assert_allclose(random_feature_kernel(f, X, X), whole, atol=2e-12)
    np.testing.assert_allclose(conjugate_kernel(f, X.T @ X, block_size=8), whole, atol=2e-12)


@pytest.mark.parametrize("f", [RELU, SIN, TANH, HARDTANH], ids=lambda f: f.name)
def test_derivative_kernels_of_data_and_of_their_gram_matrix_agree(f):
    X = _checks.as_rng(5).standard_normal((20, 12)) / 4
    K = random_feature_kernel(f, X, derivative=True)
    np.testing.assert_allclose(derivative_kernel(f, X.T @ X), K, atol=2e-12)
    v1 = f.moments(np.einsum("ki,ki->i", X, X)).mean_squared_derivative
    np.testing.assert_allclose(np.diag(K), v1, rtol=1e-14)


def test_quantized_activations_have_no_tangent_kernel():
    X = _checks.as_rng(6).standard_normal((5, 4))
    K = derivative_kernel(STEPS, X.T @ X)
    assert np.all(np.isinf(np.diag(K)))
    assert np.all(np.isfinite(K[~np.eye(4, dtype=bool)]))


@pytest.mark.parametrize("name", ALL)
def test_random_features_converge_to_their_kernel(name):
    f, N = ALL[name], 40_000
    rng = _checks.as_rng(7)
    X = rng.standard_normal((10, 6)) / 3
    features = f(rng.standard_normal((N, 10)) @ X)
    products = features[:, :, None] * features[:, None, :]
    error = products.std(axis=0) / np.sqrt(N) + 1e-12
    # 21 correlated averages: 4.5 standard errors is passed once in 7000 draws
    assert np.all(np.abs(products.mean(axis=0) - random_feature_kernel(f, X)) < 4.5 * error)


def test_large_norms_do_not_overflow():
    X = np.array([[100.0, 100.0, -80.0]])
    K = random_feature_kernel(COS, X)
    np.testing.assert_allclose(K, [[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 0.5]], atol=1e-15)
    assert random_feature_kernel(ERF, X)[0, 1] == pytest.approx(
        ERF.moments(1e4).centered_second_moment, rel=1e-13
    )


def test_constant_centering_of_a_kernel():
    X = _checks.as_rng(8).standard_normal((9, 5)) / 3
    a = np.einsum("ki,ki->i", X, X)
    m, means = RELU.moments(1.0).mean, RELU.moments(a).mean
    centered = random_feature_kernel(RELU, X) - m * (means[:, None] + means) + m**2
    found = random_feature_kernel(RELU.centered(1.0), X)
    np.testing.assert_allclose(found, centered, atol=1e-15)


def test_deep_centered_kernel_of_two_layers():
    X = np.array([[1.0, 0.6, -0.3], [0.0, 0.8, 0.4]])
    first = RELU.moments(1.0).centered_second_moment
    K = random_feature_kernel(RELU.centered(1.0), X)
    K = conjugate_kernel(ERF.centered(first), K)
    exact = (0.13704894809, -0.0529189124992, 0.128188433698)
    np.testing.assert_allclose((K[0, 1], K[0, 2], K[2, 2]), exact, atol=5e-12)


def test_memory_is_the_result_and_a_few_blocks():
    n, block = 1200, 20
    X = _checks.as_rng(9).standard_normal((20, n)) / 5
    tracemalloc.start()
    K = random_feature_kernel(TANH, X, block_size=block)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert K.nbytes == 8 * n**2
    # twenty arrays of a block; quadrature for 256 variances at a time, ten arrays of 1400 nodes
    assert peak < K.nbytes + 20 * 8 * block * n + 10 * 8 * 256 * 1400


@pytest.mark.parametrize("sparsity", [0, 0.9])
def test_non_gaussian_weights_add_their_kurtosis_to_quadratic_kernels(sparsity):
    f, N = Quadratic(0.5, 1, 0), 200_000
    X = _checks.as_rng(10).standard_normal((6, 3)) / 2
    features = f(ternary_weights((N, 6), sparsity, rng=11) @ X)
    products = features[:, :, None] * features[:, None, :]
    error = products.std(axis=0) / np.sqrt(N)
    gaussian = random_feature_kernel(f, X)
    exact = gaussian + weight_moment_correction(f, X, fourth_moment=1 / (1 - sparsity))
    assert np.all(np.abs(products.mean(axis=0) - exact) < 4.5 * error)
    assert np.any(np.abs(products.mean(axis=0) - gaussian) > 20 * error)


def test_skewed_weights_add_their_third_moment():
    # w = 2 with probability 1/5 and -1/2 with 4/5: mean 0, variance 1, m3 = 3/2, m4 = 13/4
    f, X, w, P = Quadratic(1, 3, -2), np.array([[0.7, -1.2]]), np.array([2, -0.5]), [0.2, 0.8]
    features = f(w[:, None] * X)
    exact = np.einsum("k,ki,kj->ij", P, features, features)
    correction = weight_moment_correction(f, X, third_moment=1.5, fourth_moment=3.25)
    np.testing.assert_allclose(random_feature_kernel(f, X) + correction, exact, rtol=1e-13)


def test_integers_are_right():
    X = np.array([[1, 0, 2], [0, 1, -1]])
    for f in (RELU, TANH, STEPS):
        np.testing.assert_array_equal(
            random_feature_kernel(f, X), random_feature_kernel(f, X.astype(float))
        )
    K = X.T @ X
    np.testing.assert_array_equal(conjugate_kernel(RELU, K), conjugate_kernel(RELU, K + 0.0))
    assert two_point(ERF, 1, 2, 1) == two_point(ERF, 1.0, 2.0, 1.0)
    assert two_point(ERF, [], 1, 1).shape == (0,)


GOOD = {
    "two_point": (two_point, {"variance_u": 1.0, "variance_v": 2.0, "covariance": 0.5}),
    "conjugate_kernel": (conjugate_kernel, {"K": np.eye(2)}),
    "derivative_kernel": (derivative_kernel, {"K": np.eye(2)}),
    "random_feature_kernel": (random_feature_kernel, {"X": np.eye(2), "Y": np.eye(2)}),
}
RAGGED = [[1.0, 2.0], [3.0]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, "one", 1j, RAGGED], ids=str)
@pytest.mark.parametrize(("name", "key"), [(n, k) for n, (_, ks) in GOOD.items() for k in ks])
def test_what_is_not_finite_is_refused_by_name(name, key, bad):
    function, arguments = GOOD[name]
    if isinstance(bad, float) and np.ndim(arguments[key]):
        bad = np.array([[1.0, bad], [bad, 1.0]])
    with pytest.raises(ValueError, match=rf"\b{key}\b"):
        function(RELU, **(arguments | {key: bad}))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: two_point(RELU, -1, 1, 0), "variance_u must be nonnegative"),
        (lambda: two_point(RELU, 1, -1, 0), "variance_v must be nonnegative"),
        (lambda: two_point(RELU, 1, 1, 1.1), "covariance must be at most"),
        (lambda: two_point(RELU, [1, 1], [1, 1, 1], 0), "covariance must broadcast"),
        (lambda: conjugate_kernel(RELU, np.ones((2, 3))), "K must be square"),
        (lambda: conjugate_kernel(RELU, [[1, 2], [3, 1]]), "K must be symmetric"),
        (lambda: conjugate_kernel(RELU, [[1, 2], [2, 1]]), "K must be at most"),
        (lambda: conjugate_kernel(RELU, [[-1.0]]), "K must have a nonnegative diagonal"),
        (lambda: conjugate_kernel(RELU, np.empty((0, 0))), "K must be nonempty"),
        (lambda: random_feature_kernel(RELU, np.empty((0, 3))), "X must be nonempty"),
        (lambda: random_feature_kernel(RELU, np.eye(2), np.eye(3)), "Y must be of shape"),
        (lambda: random_feature_kernel(RELU, np.eye(2), block_size=0), "block_size"),
        (lambda: weight_moment_correction(RELU, np.eye(2)), "must be quadratic"),
        (lambda: weight_moment_correction(Quadratic(1, 0, 0), [[np.nan]]), "X must be finite"),
        (
            lambda: weight_moment_correction(
                Quadratic(1, 0, 0), np.eye(2), third_moment=2, fourth_moment=4
            ),
            "fourth_moment must be at least",
        ),
        (lambda: derivative_kernel(without_form(SIGN), np.eye(2)), "activation must not jump"),
    ],
)
def test_bad_arguments_are_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_activations_may_be_given_by_name():
    K = np.array([[2.0, 0.3], [0.3, 1.0]])
    for function in (conjugate_kernel, derivative_kernel, random_feature_kernel):
        np.testing.assert_array_equal(function("relu", K), function(RELU, K))
    assert two_point("ReLU", 2.0, 1.0, 0.3) == two_point(RELU, 2.0, 1.0, 0.3)
    assert isinstance(two_point("ReLU", 2.0, 1.0, 0.3), float)
    quadratic = CATALOGUE["quadratic"]
    np.testing.assert_array_equal(
        weight_moment_correction("quadratic", K), weight_moment_correction(quadratic, K)
    )
    with pytest.raises(ValueError, match="activation must be an Activation or one of linear"):
        two_point("softplus", 1, 1, 0)


def test_kink_that_is_not_declared_raises():
    hidden = Activation("hidden", lambda t: np.abs(t - 0.37), lambda t: np.sign(t - 0.37))
    with pytest.raises(ConvergenceError, match="declare its kinks"):
        two_point(hidden, 1, 1, 0.999)
