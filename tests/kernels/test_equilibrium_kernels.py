"""Kernels of deep equilibrium models and the explicit networks that share them."""

import numpy as np
import pytest

from rmtlib import ConvergenceError, _checks
from rmtlib.activations import (
    ABS,
    COS,
    ERF,
    GAUSSIAN,
    LINEAR,
    RELU,
    SIGN,
    SIN,
    TANH,
    Quadratic,
    TwoSlopes,
    leaky_relu,
)
from rmtlib.kernels import (
    Equilibrium,
    KernelCoefficients,
    conjugate_kernel,
    deep_kernels,
    derivative_kernel,
    feedback_limit,
    kernel_coefficients,
    match_clip,
    match_two_slopes,
    mixture_equivalent,
    operator_norm,
)
from rmtlib.mixtures import GaussianMixture

SIZES = np.array([150, 300, 600])


def sample(n, rng=0):
    """Two classes that differ in mean, trace and shape of the covariance."""
    p = round(0.8 * n)
    means = np.zeros((p, 2))
    means[0, 0] = means[1, 1] = 2
    i = np.arange(p)
    model = GaussianMixture(means, [1.0, (1 + 4 / np.sqrt(p)) * 0.4 ** np.abs(i[:, None] - i)])
    X, labels = model.sample(n, normalize=True, rng=rng)
    return model, X, labels


def first_four(layer):
    """Variance and the three coefficients that conjugate kernels share."""
    return layer.variance, *layer.alpha[:3]


def slope(errors):
    return np.polyfit(np.log(SIZES), np.log(errors), 1)[0]


@pytest.mark.parametrize(
    ("activation", "scale", "alphas", "betas", "tangent"),
    [
        (
            RELU,
            1.02843611669,
            (0.360505288183, 0.260416666667, 0.0438372747062, 0.0850397152316, 0.360505288183),
            (0.531684027778, 0.265749110099),
            0.935331834981,
        ),
        (
            ERF,
            1.03757590436,
            (0.478523483193, 0.431693082854, 0, 0, 0.180355542734),
            (0.893203592554, 0),
            1.1313072155,
        ),
        (
            TANH,
            1.03194945875,
            (0.40574803381, 0.37428301228, 0, 0, 0.176060626676),
            (0.770980068286, 0),
            0.926159634659,
        ),
        (
            COS,
            1.01646070828,
            (0.207452321714, 0, 0.0958706532644, 0.177934539484, 0.237953509146),
            (0, 0.533803618453),
            0.692516029816,
        ),
    ],
    ids=["relu", "erf", "tanh", "cos"],
)
def test_coefficients_at_unit_scales(activation, scale, alphas, betas, tangent):
    layer = Equilibrium(activation, feedback=0.4).coefficients
    s = Equilibrium(activation, feedback=0.4).variance
    np.testing.assert_allclose(np.sqrt(s), scale, rtol=0, atol=1e-11)
    np.testing.assert_allclose((layer.variance, *layer.alpha[:4]), alphas, rtol=0, atol=1e-11)
    np.testing.assert_allclose((layer.beta[0], layer.beta[2]), betas, rtol=0, atol=1e-11)
    assert layer.tangent_variance == pytest.approx(tangent, abs=1e-11)
    assert (layer.alpha[4], layer.beta[4]) == (0, 0)
    assert s == pytest.approx(0.16 * layer.variance + 1, rel=1e-13)


def test_without_feedback_the_equilibrium_is_one_explicit_layer():
    equilibrium = Equilibrium(RELU, feedback=0, injection=1, input_variance=1.7).coefficients
    explicit = kernel_coefficients([RELU], 1.7)[-1]
    np.testing.assert_allclose(equilibrium.alpha, explicit.alpha, rtol=1e-13)
    np.testing.assert_allclose(equilibrium.beta, explicit.beta, rtol=1e-13)
    assert equilibrium.variance == pytest.approx(explicit.variance, rel=1e-13)
    assert equilibrium.tangent_variance == pytest.approx(explicit.tangent_variance, rel=1e-13)
    X = _checks.as_rng(0).standard_normal((4, 6)) / 2
    found = Equilibrium(ERF, feedback=0).kernels(X)
    wanted = deep_kernels([ERF], X)
    np.testing.assert_allclose(found.conjugate, wanted.conjugate, atol=1e-14)
    np.testing.assert_allclose(found.tangent, wanted.tangent, atol=1e-14)


@pytest.mark.parametrize("activation", [RELU, ERF, COS], ids=lambda f: f.name)
def test_coefficients_are_the_fixed_point_of_the_recursion_with_injected_input(activation):
    a2, b2, s0 = 0.45**2, 0.9**2, 1.3
    layer = Equilibrium(activation, feedback=0.45, injection=0.9, input_variance=s0).coefficients
    variance, a, b, kappa2 = layer.variance, layer.alpha[:4], layer.beta[:3], layer.tangent_variance
    moments = layer.activation.moments(a2 * variance + b2 * s0)
    e1, e2, v1 = moments.mean_derivative, moments.mean_curvature, moments.mean_squared_derivative
    s2, q = moments.centered_second_moment, moments.centered_second_moment_slope
    w = [a2 * a[0] + b2, a2 * a[1], a2 * a[2], a2 * a[3] + b2]
    wb = [a2 * b[0] + b2, a2 * b[1], a2 * b[2]]
    again = (
        s2,
        e1**2 * w[0],
        e1**2 * w[1] + e2**2 / 4 * w[3] ** 2,
        e1**2 * w[2] + e2**2 / 2 * w[0] ** 2,
        q * w[3],
        s2 + v1 * (a2 * kappa2 + b2 * s0),
        a[0] + e1**2 * wb[0],
        a[1] + e1**2 * wb[1],
        a[2] + e1**2 * wb[2] + e2**2 * w[0] * wb[0],
    )
    np.testing.assert_allclose(again, (variance, *a, kappa2, *b), rtol=1e-12, atol=1e-14)


def test_variance_of_homogeneous_activations_in_closed_form():
    f = leaky_relu(0.2)
    q = f.moments(1).centered_second_moment_slope
    s = Equilibrium(f, feedback=1.1, injection=0.5, input_variance=3).variance
    assert s == pytest.approx(0.75 / (1 - 1.21 * q), rel=1e-12)


DATA = np.array([[1.0, 0.6, -0.3, 2.0], [0.0, 0.8, 0.4, 0.0]])


@pytest.mark.parametrize(("activation", "feedback"), [(RELU, 0.4), (RELU, 1.2), (SIN, 0.6)])
def test_kernel_is_what_iteration_with_injected_input_converges_to(activation, feedback):
    s0 = np.mean(np.sum(DATA**2, axis=0))
    model = Equilibrium(activation, feedback=feedback, injection=0.7, input_variance=s0)
    found, g = model.kernels(DATA), activation.centered(model.variance)
    gram = 0.49 * DATA.T @ DATA
    K = T = np.zeros((4, 4))
    for _ in range(300):
        inner = feedback**2 * K + gram
        T = conjugate_kernel(g, inner) + derivative_kernel(g, inner) * (feedback**2 * T + gram)
        K = conjugate_kernel(g, inner)
    np.testing.assert_allclose(found.conjugate, K, rtol=0, atol=2e-12)
    np.testing.assert_allclose(found.tangent, T, rtol=0, atol=1e-10)  # amplified by 1 / (1 - rate)


def test_linear_equilibrium_has_closed_form_kernels():
    found = Equilibrium(LINEAR, feedback=0.5, injection=2).kernels(DATA)
    gram = DATA.T @ DATA
    np.testing.assert_allclose(found.conjugate, 4 * gram / 0.75, rtol=1e-11)
    np.testing.assert_allclose(found.tangent, (4 / 0.75 + 4) * gram / 0.75, rtol=1e-11)


def test_collinear_and_zero_samples_are_allowed():
    X = np.array([[1.0, 2.0, -1.0, 0.0]])
    G = Equilibrium(RELU, feedback=0.9, input_variance=1.0).kernels(X, tangent=False).conjugate
    assert np.all(np.isfinite(G))
    assert np.linalg.eigvalsh(G)[0] > -1e-10


@pytest.mark.parametrize(
    ("activation", "feedback", "injection"),
    [(RELU, 0.4, 1.0), (RELU, 1.2, 0.5), (ERF, 0.4, 1.0), (COS, 0.4, 1.0)],
    ids=["relu", "relu-far", "erf", "cos"],
)
def test_equivalents_converge_in_operator_norm_like_one_over_root_n(
    activation, feedback, injection
):
    scales = {"feedback": feedback, "injection": injection}
    errors, wrong, norms = [], [], []
    for n in SIZES:
        pairs = []
        for seed in range(2):
            model, X, labels = sample(n, seed)
            s0 = model.typical_squared_norm()
            layer = Equilibrium(activation, input_variance=s0, **scales).coefficients
            K = Equilibrium(activation, input_variance=s0, **scales).kernels(X, tol=1e-8)
            near = mixture_equivalent(layer, X, labels, model).matrix()
            tangent = mixture_equivalent(layer, X, labels, model, tangent=True).matrix()
            explicit = kernel_coefficients([activation], s0)[-1]
            plain = mixture_equivalent(explicit, X, labels, model).matrix()
            pairs.append([operator_norm(K.conjugate - near), operator_norm(K.tangent - tangent)])
            wrong.append(operator_norm(K.conjugate - plain))
            norms.append(operator_norm(K.conjugate))
        errors.append(np.mean(pairs, axis=0))
    errors = np.array(errors)
    # n^(-1/2) up to the logarithm of a maximum over samples
    for k in range(2):
        assert -0.85 < slope(errors[:, k]) < -0.3, errors
    assert errors[-1, 0] < 0.09 * norms[-1]
    if (activation, feedback) == (RELU, 1.2):  # feedback matters: the plain layer does not fit
        assert wrong[-1] > 5 * errors[-1, 0]


@pytest.mark.parametrize(
    ("activation", "feedback", "tangent", "slope_level"),
    [
        (TANH, 0.4, False, (0.828390211474, 0.930208719115)),
        (ERF, 0.4, False, (0.966405208678, 0.960798615291)),
        (SIN, 0.45, False, (1.36738654262, 0.795579533641)),
        (TANH, 0.4, True, (0.822617566991, 0.955871450407)),
        (ERF, 0.4, True, (0.957279337018, 0.988276905736)),
    ],
)
def test_clipped_lines_that_match(activation, feedback, tangent, slope_level):
    layer = Equilibrium(activation, feedback=feedback).coefficients
    found = match_clip(layer, tangent=tangent)
    np.testing.assert_allclose((found.slope, found.level), slope_level, atol=1e-10)
    explicit = kernel_coefficients([found], 1.0)[-1]
    pairs = (
        ((explicit.beta[0], layer.beta[0]), (explicit.tangent_variance, layer.tangent_variance))
        if tangent
        else ((explicit.alpha[0], layer.alpha[0]), (explicit.variance, layer.variance))
    )
    for one, other in pairs:
        assert one == pytest.approx(other, rel=1e-11)


def test_scales_of_the_data_carry_over_to_the_clipped_line():
    layer = Equilibrium(ERF, feedback=0.4, injection=0.8, input_variance=2.5).coefficients
    explicit = kernel_coefficients([match_clip(layer, input_variance=2.5)], 2.5)[-1]
    np.testing.assert_allclose(first_four(explicit), first_four(layer), rtol=1e-11, atol=1e-14)


def test_two_leaky_relus_that_match():
    layer = Equilibrium(RELU, feedback=0.4).coefficients
    found = [(f.right, f.left) for f in match_two_slopes(layer)]
    np.testing.assert_allclose(
        found, [(1.71051923063, -0.00499766037964), (0.729273219685, -0.460596412618)], atol=1e-9
    )


@pytest.mark.parametrize(
    ("activation", "feedback", "depth"),
    [
        (RELU, 0.3, 2),
        (RELU, 0.923, 2),
        (RELU, 0.9, 3),
        (RELU, 1.06, 3),
        (RELU, 0.4, 5),
        (RELU, 1.2, 7),
        (leaky_relu(0.2), 0.4, 2),
        (TwoSlopes(1, 0.3), 0.9, 4),
    ],
)
def test_matched_leaky_relus_have_the_coefficients_of_the_equilibrium(activation, feedback, depth):
    scales = {"feedback": feedback, "injection": 0.6, "input_variance": 1.9}
    layer = Equilibrium(activation, **scales).coefficients
    net = Equilibrium(activation, **scales).matched_network(depth)
    assert len(net) == depth
    explicit = kernel_coefficients(net, 1.9)
    np.testing.assert_allclose(first_four(explicit[-1]), first_four(layer), rtol=1e-8)
    # the normalization of the free scales
    np.testing.assert_allclose([k.variance for k in explicit[1:-1]], 1.9, rtol=1e-12)


def test_general_depth_agrees_with_the_cubic_for_two_layers():
    from rmtlib.kernels._equilibrium_matching import _more_layers, _smallest_sum, _two_layers

    for G, H in ((0.4, 0.39), (0.7, 0.6), (2.0, 1.5)):
        np.testing.assert_allclose(
            _more_layers(G, H, _smallest_sum(G, 2)), _two_layers(G, H), rtol=1e-7
        )


def test_smallest_sum_is_the_smallest():
    from rmtlib.kernels._equilibrium_matching import _smallest_sum, _sum

    rng = _checks.as_rng(3)
    for L, G in ((2, 0.5), (3, 2.0), (5, 7.0)):
        shares = rng.dirichlet(np.ones(L), 400)
        sums = [_sum(np.expm1(share * np.log1p(G))) for share in shares]
        best = _sum(_smallest_sum(G, L))
        assert G / (1 + G) < best <= min(sums)
        assert best > min(sums) - 0.2 * G  # reached, not a loose bound
        assert np.prod(1 + _smallest_sum(G, L)) == pytest.approx(1 + G, rel=1e-12)


def test_limits_of_existence_for_relu():
    found = [feedback_limit(RELU, depth) for depth in (1, 2, 3)] + [feedback_limit(RELU)]
    np.testing.assert_allclose(
        found, (0, 0.9234644194, 1.065317508, 1.30095776238), rtol=0, atol=1e-9
    )
    assert feedback_limit(RELU, 6) < 1.2 < feedback_limit(RELU, 7)
    assert feedback_limit(RELU, 200) < feedback_limit(RELU)


@pytest.mark.parametrize(
    ("feedback", "depth", "words"),
    [
        (0.93, 2, "3 are needed"),
        (1.07, 3, "4 are needed"),
        (0.1, 1, "2 are needed"),
        (1.31, 9, "no number is enough"),
    ],
)
def test_beyond_the_limits_the_error_says_how_many_layers_are_needed(feedback, depth, words):
    layer = Equilibrium(RELU, feedback=feedback).coefficients
    with pytest.raises(ValueError, match=words):
        match_two_slopes(layer, depth=depth)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_closest_network_beyond_the_limits_is_right_but_for_one_coefficient(depth):
    layer = Equilibrium(RELU, feedback=1.2).coefficients
    net = match_two_slopes(layer, depth=depth, closest=True)
    found = kernel_coefficients(net, 1.0)[-1]
    np.testing.assert_allclose(first_four(found)[:3], first_four(layer)[:3], rtol=1e-9)
    assert found.alpha[2] > 1.05 * layer.alpha[2]


def test_default_depth_is_the_smallest():
    depths = [
        len(Equilibrium(RELU, feedback=a).matched_network())
        for a in (0, 0.5, 0.92, 0.93, 1.06, 1.07, 1.2)
    ]
    assert depths == [1, 2, 2, 3, 3, 4, 7]
    with pytest.raises(ValueError, match=r"below 1\.30096"):
        Equilibrium(RELU, feedback=1.35).matched_network()


@pytest.mark.parametrize(("activation", "bound"), [(ERF, 0.007), (RELU, 2e-4)], ids=["erf", "relu"])
def test_matched_networks_have_the_kernel_and_plain_ones_have_not(activation, bound):
    gaps, controls = [], []
    for n in SIZES:
        model, X, _ = sample(n, 1)
        s0 = model.typical_squared_norm()
        limit = Equilibrium(activation, feedback=0.4, input_variance=s0)
        G = limit.kernels(X, tangent=False).conjugate
        for found, chain in ((gaps, limit.matched_network()), (controls, [activation])):
            K = deep_kernels(chain, X, input_variance=s0, tangent=False).conjugate
            found.append(operator_norm(G - K))
    assert slope(gaps) < -0.4  # n^(-1/2) or faster
    assert gaps[-1] < bound, gaps
    assert abs(slope(controls)) < 0.15  # the plain layer stays away
    assert controls[-1] > 10 * gaps[-1]


def test_tangent_matched_network_has_the_tangent_kernel_and_the_other_has_not():
    model, X, _ = sample(400, 1)
    s0 = model.typical_squared_norm()
    limit = Equilibrium(ERF, feedback=0.4, input_variance=s0)
    H, layer = limit.kernels(X).tangent, limit.coefficients
    gaps = [
        operator_norm(
            H
            - deep_kernels(
                [match_clip(layer, input_variance=s0, tangent=tangent)], X, input_variance=s0
            ).tangent
        )
        for tangent in (True, False)
    ]
    assert gaps[0] < 0.05
    assert gaps[1] > 3 * gaps[0]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.5, 1.0, 1.1])
def test_samples_far_from_the_typical_norm_have_their_equilibrium(share):
    """Where the plain iteration converges, whatever the slope at the typical norm."""
    f, scales = Quadratic(0.3, 0.8, 0.2), {"feedback": 0.6992, "injection": 1.2055}
    X = _checks.as_rng(0).standard_normal((5, 4))
    X *= np.sqrt(share * 0.7541) / np.linalg.norm(X, axis=0)
    model = Equilibrium(f, input_variance=0.7541, **scales)
    found, g = model.kernels(X), f.centered(model.variance)
    K = np.zeros((4, 4))
    for _ in range(1000):
        K = conjugate_kernel(g, 0.6992**2 * K + 1.2055**2 * X.T @ X)
    np.testing.assert_allclose(found.conjugate, K, rtol=0, atol=1e-11)


@pytest.mark.filterwarnings("error")
def test_samples_without_equilibrium_are_named():
    f, X = Quadratic(0.3, 0.8, 0.2), np.sqrt(2 * 0.7541) * np.eye(2)
    with pytest.raises(ConvergenceError, match="no equilibrium for some sample"):
        Equilibrium(f, feedback=0.6992, injection=1.2055, input_variance=0.7541).kernels(X)


@pytest.mark.filterwarnings("error")
def test_variance_next_to_the_largest_feedback():
    for gap in (1e-6, 1e-9, 1e-12):  # rounding of feedback^2 is amplified by 1 / gap
        found = Equilibrium("linear", feedback=1 - gap).variance
        assert found == pytest.approx(1 / gap / (2 - gap), rel=1e-15 / gap)
    for feedback in (1.0, 1 + 1e-12, 2.0, 1e200):
        with pytest.raises(ConvergenceError, match="grows without bound"):
            _ = Equilibrium("linear", feedback=feedback).variance


@pytest.mark.parametrize("activation", [TANH, SIN, COS, ERF, GAUSSIAN], ids=lambda f: f.name)
def test_variance_is_the_smallest_solution(activation):
    for feedback in (0.3, 1.5, 6.0):
        found = Equilibrium(activation, feedback=feedback, injection=0.2).variance
        s = np.linspace(0.04, found, 400)[:-1]
        excess = feedback**2 * activation.moments(s).centered_second_moment + 0.04 - s
        assert np.all(excess[:-1] > 0)
        again = feedback**2 * activation.moments(found).centered_second_moment + 0.04
        assert again == pytest.approx(found, rel=1e-13)


def test_unstable_equilibria_are_named():
    with pytest.raises(ConvergenceError, match=r"spectral radius .* = 1.061 >= 1"):
        _ = Equilibrium(RELU, feedback=1.5).coefficients
    with pytest.raises(ConvergenceError, match="grows without bound"):
        _ = Equilibrium(RELU, feedback=1.72).variance
    assert Equilibrium(RELU, feedback=1.71).variance > 0
    with pytest.raises(ConvergenceError, match="raise max_sweeps"):
        Equilibrium(ERF, feedback=0.9).kernels(
            np.eye(2)[:, [0, 0, 1]] + [[0, 0, 0.6], [0, 0, -0.6]], max_sweeps=12
        )


@pytest.mark.parametrize("value", [np.nan, np.inf, -1, "a", None, True])
@pytest.mark.parametrize("name", ["feedback", "injection", "input_variance"])
def test_bad_scales_are_refused_by_name(name, value):
    good = {"feedback": 0.4, "injection": 1, "input_variance": 1}
    with pytest.raises(ValueError, match=f"^{name} must be"):
        Equilibrium(RELU, **(good | {name: value}))


def test_other_bad_input_is_refused_by_name():
    layer = Equilibrium(RELU, feedback=0.4).coefficients
    odd = Equilibrium(ERF, feedback=0.4).coefficients
    cases = [
        ("activation", lambda: Equilibrium("nothing", feedback=0.4).variance),
        ("activation", lambda: Equilibrium(np.tanh, feedback=0.4).kernels(DATA)),
        ("activation", lambda: Equilibrium(SIGN, feedback=0.1).kernels(DATA)),
        ("X", lambda: Equilibrium(RELU, feedback=0.4).kernels([[np.nan]])),
        ("X", lambda: Equilibrium(RELU, feedback=0.4).kernels([1.0, 2.0])),
        ("X", lambda: Equilibrium(RELU, feedback=0.4).kernels(np.empty((0, 3)))),
        ("feedback", lambda: Equilibrium(RELU, feedback=np.nan).kernels(DATA)),
        ("injection", lambda: Equilibrium(RELU, feedback=0.4, injection=0).kernels(DATA)),
        ("input_variance", lambda: Equilibrium(RELU, feedback=0, input_variance=0).kernels(DATA)),
        ("tol", lambda: Equilibrium(RELU, feedback=0.4).kernels(DATA, tol=0)),
        ("max_sweeps", lambda: Equilibrium(RELU, feedback=0.4).kernels(DATA, max_sweeps=0)),
        ("layer", lambda: match_clip(layer)),
        ("layer", lambda: match_clip(KernelCoefficients.of_data(1.0))),
        ("layer", lambda: match_clip("erf")),
        ("input_variance", lambda: match_clip(odd, input_variance=-1)),
        ("layer", lambda: match_two_slopes(odd)),
        ("layer", lambda: match_two_slopes(None)),
        ("layer", lambda: match_two_slopes(layer, input_variance=2.0)),
        ("depth", lambda: match_two_slopes(layer, depth=0)),
        ("depth", lambda: match_two_slopes(layer, depth=2.0)),
        ("input_variance", lambda: match_two_slopes(layer, input_variance=np.inf)),
        ("activation", lambda: feedback_limit(ERF)),
        ("activation", lambda: feedback_limit(ABS)),
        ("activation", lambda: feedback_limit(LINEAR, 2)),
        ("activation", lambda: feedback_limit("erf")),
        ("depth", lambda: feedback_limit(RELU, 0)),
        ("depth", lambda: Equilibrium(ERF, feedback=0.4).matched_network(2)),
        ("layer", lambda: Equilibrium(COS, feedback=0.4).matched_network()),
    ]
    for name, call in cases:
        with pytest.raises(ValueError, match=f"^{name} must"):
            call()


def test_integers_are_numbers():
    ints = Equilibrium(ERF, feedback=0, injection=1, input_variance=1).kernels([[1, 0], [0, 1]])
    floats = Equilibrium(ERF, feedback=0.0).kernels(np.eye(2))
    np.testing.assert_array_equal(ints.conjugate, floats.conjugate)
