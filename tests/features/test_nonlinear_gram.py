"""Nonlinear Gram spectra: the quartic, its limits, outliers and depth."""

import numpy as np
import pytest
from battery import Battery, interior_points
from hypothesis import given, settings
from hypothesis import strategies as st

from rmtlib import ConvergenceError, as_rng
from rmtlib.features import DeepGram, NonlinearGram
from rmtlib.laws import Discrete, MarchenkoPastur, SampleCovariance, SpectralLaw

ETA_RELU = 0.5 - 0.5 / np.pi
ETA_TANH, ZETA_TANH = 0.3942944904, 0.3668791644


def gram(eta, zeta, a, b):
    """Law of N / n = a and N / p = b."""
    return NonlinearGram(eta, zeta, features_per_sample=a, features_per_dimension=b)


def deep(zeta, first, ratios):
    """Law after layers of n / N = ratios, for n / p = first."""
    return DeepGram(zeta, samples_per_dimension=first, samples_per_feature=ratios)


LAWS = [
    gram(ETA_RELU, 0.25, 1.0, 2.0),
    gram(ETA_RELU, 0.25, 0.5, 0.5),
    gram(ETA_RELU, 0.25, 3.0, 0.2),
    gram(1.0, 0.5, 0.01, 3.0),  # two bands
    gram(1.0, 0.0, 0.5, 1.0),
    gram(1.0, 0.0, 2.0, 1.0),
    gram(1.0, 1.0, 1.0, 1.0),
    gram(2.0, 2.0, 0.5, 3.0),
    gram(2.0, 2.0, 4.0, 3.0),
    deep(0.93, 1.0, [1.0, 1.0]),
    deep([0.5, 0.3], 0.7, [1.5, 0.4]),
]


@pytest.mark.parametrize("law", LAWS, ids=repr)
class TestNonlinearGramLaws(Battery):
    pass


REFERENCE = [
    # eta, zeta, a, b, G(1+.5i), E+, y_c, density(1), M_1, M_2, M_3
    (ETA_RELU, 0.25, 1, 2, 0.6605911431 - 0.6911080778j, 2.462552277, 1.173390282, 0.1641770589,
     (0.3408450569, 0.3573507056, 0.5161227664)),
    (ETA_RELU, 0.25, 0.5, 0.5, 0.8074203979 - 0.8204855279j, 1.314901500, 0.4787955735,
     0.2346405991, (0.3408450569, 0.2055130292, 0.1607315217)),
    (ETA_TANH, ZETA_TANH, 1, 2, 0.6007785348 - 0.6430407994j, 3.311824933, 1.683183091,
     0.1499122092, (0.3942944904, 0.5801369328, 1.140895360)),
    (1, 0.5, 1, 1, 0.3055531499 - 0.7582496516j, 4.972829402, 1.755773571, 0.2552242438,
     (1, 2.25, 6.625)),
    (1, 1, 1, 1, 0.3911787176 - 0.6420236230j, 6.75, 3, 0.1789791275, (1, 3, 12)),
    (1, 0, 1, 1, 0.2449769369 - 0.7842427958j, 4, 1, 0.2756644477, (1, 2, 5)),
]  # fmt: skip


@pytest.mark.parametrize(("eta", "zeta", "a", "b", "G", "edge", "y", "density", "M"), REFERENCE)
def test_reference_numbers(eta, zeta, a, b, G, edge, y, density, M):
    law = gram(eta, zeta, a, b)
    # tanh's eta and zeta are known to 1e-10: its numbers to 3e-9 (the printed digits are 10)
    rel = 5e-9 if eta == ETA_TANH else 1e-9
    assert -law.stieltjes(1 + 0.5j) == pytest.approx(G, rel=rel)
    assert law.support()[1] == pytest.approx(edge, rel=rel)
    assert law.outlier_threshold == pytest.approx(y, rel=rel)
    assert law.pdf(1.0) == pytest.approx(density, rel=rel)
    assert [law.moment(k) for k in (1, 2, 3)] == pytest.approx(M, rel=rel)


def quartic(law, z):
    """Q = z G - 1, its equation as printed, and what rounding in Q can change in it."""
    eta, zeta, a, b = law.eta, law.zeta, law.ratio, law.features_per_dimension
    Q = -z * law.stieltjes(z) - 1
    A, slope = (1 + Q) * (1 + a * Q), abs(1 + Q) * a + abs(1 + a * Q)
    second = zeta * (eta - zeta) * b
    value = z**2 * Q - z * A * (eta + zeta * b * Q) + second * A**2
    change = abs(z) ** 2 + abs(z) * (slope * abs(eta + zeta * b * Q) + abs(A) * zeta * b)
    return Q, value, (change + 2 * second * abs(A) * slope) * (1 + abs(Q))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    share=st.floats(0.0, 1.0),
    a=st.floats(-2, 2).map(lambda e: 10**e),
    b=st.floats(-2, 2).map(lambda e: 10**e),
    eta=st.floats(-2, 2).map(lambda e: 10**e),
    place=st.floats(-0.2, 1.2),
    height=st.floats(-9, 1),
)
def test_quartic_holds_on_the_branch_where_both_imaginary_parts_are_negative(
    share, a, b, eta, place, height
):
    law = gram(eta, share * eta, a, b)
    low, high = law.support()
    z = low + (high - low) * (place + 1j * 10**height)
    Q, value, change = quartic(law, z)
    assert abs(value) <= 1e-11 * change
    assert law.stieltjes(z).imag > 0
    assert Q.imag < 1e-14


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    share=st.floats(0.01, 0.99),
    a=st.floats(-2, 2).map(lambda e: 10**e),
    b=st.floats(-2, 2).map(lambda e: 10**e),
)
def test_quartic_is_the_silverstein_equation_of_the_gaussian_equivalent(share, a, b):
    law = gram(1.0, share, a, b)
    equivalent = SampleCovariance(a, MarchenkoPastur(b, share) + Discrete([1 - share]))
    x = interior_points(law, 12)
    assert law.pdf(x) == pytest.approx(equivalent.pdf(x), rel=1e-9)
    z = x + 0.01j * law.support()[1]
    assert law.stieltjes(z) == pytest.approx(equivalent.stieltjes(z), rel=1e-11)
    assert law.support()[1] == pytest.approx(law.outlier_position(0.0), rel=1e-12)


def test_zeta_zero_is_marchenko_pastur_and_zeta_eta_the_product_of_two():
    x = np.linspace(0.05, 3, 40)
    for a, b in ((0.5, 2.0), (2.0, 0.3)):
        mp, product = MarchenkoPastur(a, 1.7), MarchenkoPastur(a) @ MarchenkoPastur(b, 1.7)
        for law, closed in ((gram(1.7, 0.0, a, b), mp), (gram(1.7, 1.7, a, b), product)):
            assert law.pdf(x) == pytest.approx(closed.pdf(x), rel=1e-9, abs=1e-13)
            assert dict(law.atoms) == pytest.approx(dict(closed.atoms))
            assert law.bands() == pytest.approx(closed.bands(), rel=1e-10)
            assert law.moment(4) == pytest.approx(SpectralLaw.moment(closed, 4), rel=1e-9)


def test_high_dimension_hides_the_nonlinearity():
    # b = N / p to 0: MP of variance eta, the difference is O(b)
    law, mp = gram(1.0, 0.6, 0.5, 1e-7), MarchenkoPastur(0.5)
    x = interior_points(mp)
    assert law.pdf(x) == pytest.approx(mp.pdf(x), rel=1e-5)


def test_series_moments_are_those_of_the_density_at_high_order():
    law = gram(ETA_RELU, 0.25, 1.0, 2.0)
    for k in (6, 10, 14):
        assert law.moment(k) == pytest.approx(SpectralLaw.moment(law, k), rel=1e-10)


def test_atom_at_zero_is_the_missing_rank():
    assert gram(1.0, 0.5, 4.0, 9.0).atoms == ((0.0, 0.75),)
    assert gram(1.0, 0.5, 0.5, 9.0).atoms == ()
    # linear: rank at most p
    assert gram(1.0, 1.0, 4.0, 8.0).atoms == ((0.0, 0.875),)
    assert gram(1.0, 1.0, 0.5, 8.0).atoms == ((0.0, 0.875),)


def test_the_two_gram_matrices_share_their_nonzero_spectrum():
    # (1/N) Y.T Y: exchange N and n, W and X; eigenvalues scale by n / N
    a, b = 0.5, 3.0
    law, other = gram(1.0, 0.4, a, b), gram(1.0, 0.4, 1 / a, b / a)
    x = interior_points(law)
    assert other.pdf(x / a) / a * (1 / a) == pytest.approx(law.pdf(x), rel=1e-11)


def gram_eigenvalues(f, N, n, p, rng, entries=None):
    draw = entries or (lambda shape: rng.standard_normal(shape))
    Y = f(draw((N, p)) @ draw((p, n)) / np.sqrt(p))
    return np.linalg.eigvalsh(Y @ Y.T / n)


@pytest.mark.parametrize("a, b", [(1.0, 2.0), (0.5, 0.5)])  # noqa: PT006
def test_stieltjes_transform_of_centered_relu_converges_at_rate_one_over_n(a, b):
    law = gram(ETA_RELU, 0.25, a, b)
    z = ETA_RELU * (1 + 0.5j)
    shift = 1 / np.sqrt(2 * np.pi)
    for N in (100, 300):
        rng = as_rng(N)
        errors = [
            np.mean(
                1
                / (
                    gram_eigenvalues(
                        lambda t: np.maximum(t, 0) - shift, N, round(N / a), round(N / b), rng
                    )
                    - z
                )
            )
            - law.stieltjes(z)
            for _ in range(8)
        ]
        # rms of one draw 2.3 to 4.4 over N, measured
        assert np.sqrt(np.mean(np.abs(errors) ** 2)) < 7 / N


# --- outliers ---

ROOT = 1 / np.sqrt(2)
THETA_3 = np.sqrt(2 / np.pi) / np.sqrt(1 - 2 / np.pi)


@pytest.mark.parametrize(
    ("zeta", "theta", "a", "b", "strength", "threshold", "edge", "position"),
    [
        (0.0, THETA_3, 1, 4, 3.503876788, 1, 4, 5.789274951),
        (0.0, 2**0.5, 0.5, 2, 2, 0.7071067812, 2.914213562, 3.75),
        (0.2, 1.6**0.5, 1, 8, 6.4, 2.705732246, 5.898990763, 8.711111111),
        (0.3, 1.4**0.5, 0.5, 12, 8.4, 5.055313213, 7.968649066, 10.32682292),
    ],
)
def test_outlier_reference_numbers(zeta, theta, a, b, strength, threshold, edge, position):
    law = gram(1.0, zeta, a, b)
    outliers = law.outliers(theta)
    assert outliers.strength == pytest.approx([strength] * 2, rel=1e-9)
    assert outliers.threshold == pytest.approx(threshold, rel=1e-9)
    assert outliers.edge == pytest.approx(edge, rel=1e-9)
    assert outliers.position == pytest.approx([position] * 2, rel=1e-9)
    assert outliers.isolated.all()


def test_outliers_number_zero_one_or_two():
    law = gram(1.0, 0.0, 1.0, 4.0)
    signs, gauss = 1.0, 3.0
    assert law.outliers(0.0).isolated.sum() == 0
    assert law.outliers(THETA_3, signs, signs).isolated.sum() == 0
    assert law.outliers(THETA_3, signs, gauss).isolated.sum() == 1
    assert law.outliers(THETA_3, gauss, signs).isolated.sum() == 1
    assert law.outliers(THETA_3).isolated.sum() == 2
    # centered ReLU at a = 1, b = 8: not strong enough
    relu = gram(ETA_RELU, 0.25, 1.0, 8.0)
    none = relu.outliers(1 / np.sqrt(2 * np.pi))
    assert none.strength[0] == pytest.approx(0.6366197724, rel=1e-9)
    assert none.threshold == pytest.approx(3.151572350, rel=1e-9)
    assert not none.isolated.any()
    assert np.array_equal(none.position, [none.edge] * 2)


def test_outlier_leaves_the_edge_tangentially():
    law = gram(1.0, 0.3, 0.5, 12.0)
    y, edge = law.outlier_threshold, law.support()[1]
    gaps = law.outlier_position(y * (1 + np.array([1e-3, 2e-3]))) - edge
    assert gaps[1] / gaps[0] == pytest.approx(4, rel=5e-3)
    assert law.outlier_position(0.9 * y) == pytest.approx(edge, rel=1e-13)


def test_mean_of_the_two_outliers_of_the_absolute_value():
    law = gram(1.0, 0.0, 1.0, 4.0)
    theory = law.outliers(THETA_3)
    rng, N = as_rng(3), 600

    def f(t):
        return (np.abs(t) - np.sqrt(2 / np.pi)) / np.sqrt(1 - 2 / np.pi)

    top = np.array([gram_eigenvalues(f, N, N, N // 4, rng)[-3:] for _ in range(4)])
    # one draw of the mean: standard deviation about 5 / sqrt(N) = 0.2 (measured 0.1 to 0.25)
    assert top[:, 1:].mean() == pytest.approx(theory.position[0], abs=0.35)
    assert top[:, 0].mean() == pytest.approx(theory.edge, abs=0.25)


def test_alignments_of_the_outliers_with_the_norms_of_neurons_and_samples():
    # one outlier: signs in W, or in X, switch the other part off
    N, p, n = 600, 150, 900
    law, rng = gram(1.0, 0.0, N / n, N / p), as_rng(6)
    root = np.sqrt(1 - 2 / np.pi)

    def top(W, X):
        Y = (np.abs(W @ X / np.sqrt(p)) - np.sqrt(2 / np.pi)) / root / np.sqrt(n)
        values, vectors = np.linalg.eigh(Y @ Y.T)
        left = vectors[:, -1]
        return left, Y.T @ left / np.sqrt(values[-1])

    found = []
    for _ in range(6):
        signs, gauss = rng.choice([-1.0, 1.0], size=(p, n)), rng.standard_normal((p, n))
        _, right = top(rng.standard_normal((N, p)), signs)
        ones = np.sum(right) ** 2 / n
        left2, right2 = top(rng.choice([-1.0, 1.0], size=(N, p)), gauss)
        norms = np.sum(gauss**2, axis=0) / p - 1
        found.append([ones, (norms @ right2) ** 2 / (norms @ norms), np.sum(left2) ** 2 / N])
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(6)
    one = law.outliers(THETA_3, 3.0, 1.0)
    assert one.isolated.tolist() == [True, False]
    assert one.alignment[1] == one.right_alignment[1] == 0
    expected = [one.right_alignment[0], one.right_alignment[0], one.alignment[0]]
    # 4 standard errors, and a bias of order N^(-1/2)
    assert np.all(np.abs(mean - expected) < 4 * error + 1.5 / np.sqrt(N)), (mean, expected, error)


@pytest.mark.parametrize("mean", [0.1, 0.5])
def test_a_mean_makes_one_large_eigenvalue_and_hides_the_others(mean):
    law, N = gram(1.0, 0.0, 1.0, 4.0), 600
    theory = law.outliers(THETA_3, mean=mean, features=N)
    rng = as_rng(5)

    def f(t):
        return mean + (np.abs(t) - np.sqrt(2 / np.pi)) / np.sqrt(1 - 2 / np.pi)

    top = np.mean([gram_eigenvalues(f, N, N, N // 4, rng)[-2:] for _ in range(4)], axis=0)
    assert theory.isolated[0]
    # relative fluctuation of the largest about 5 / sqrt(N) in the strength: 4 draws
    assert top[1] == pytest.approx(theory.position[0], rel=0.12)
    assert top[0] == pytest.approx(theory.position[1], abs=0.45)
    assert theory.position[1] < law.outliers(THETA_3).position[1] - 1


# --- several layers ---


def test_linear_layers_are_fuss_catalan():
    for layers in (1, 2, 3):
        law = deep(1.0, 1.0, [1.0] * layers)
        k = layers + 1
        assert law.support()[1] == pytest.approx((k + 1) ** (k + 1) / k**k, rel=1e-11)
        assert law.var() == pytest.approx(k, rel=1e-10)
    z = 1 + 0.5j
    two, three = (deep(1.0, 1.0, [1.0] * k).stieltjes(z) for k in (2, 3))
    assert -two == pytest.approx(0.4647753994 - 0.5791476817j, rel=1e-9)
    assert -three == pytest.approx(0.5114164235 - 0.5424258478j, rel=1e-9)


def test_linear_layers_of_any_width_satisfy_the_product_equation():
    # (1/n) Y Y.T and (1/N) Y.T Y: with Q of the n by n matrix, z Q = (1+Q) prod (1 + r_k Q)
    c = [0.7, 1.5, 0.4]
    law = deep(1.0, c[0], c[1:])
    for z in (0.3 + 0.2j, 2 + 1e-3j, 8 + 1j):
        Q = -1 - z * law.stieltjes(z)
        right = (1 + Q) * np.prod([1 + r * Q for r in c])
        assert z * Q == pytest.approx(right, rel=1e-10)


def test_normalized_tanh_reference_numbers():
    zeta = ZETA_TANH / ETA_TANH
    law = deep(zeta, 1.0, [1.0, 1.0])
    assert law.stieltjes(1 + 0.5j) == pytest.approx(-0.4547329712 + 0.6165582526j, rel=1e-9)
    moments = [deep(zeta, 1.0, [1.0] * k).moment(2) for k in (1, 2, 3)]
    assert moments == pytest.approx([2.8658, 3.6153, 4.2643], abs=5e-5)


def test_zeta_zero_keeps_marchenko_pastur_at_every_depth():
    law = deep([0.7, 0.0], 1.3, [2.0, 0.5])
    mp = MarchenkoPastur(0.5)
    x = interior_points(mp)
    assert law.pdf(x) == pytest.approx(mp.pdf(x), rel=1e-12)
    assert law.support() == pytest.approx(mp.support(), rel=1e-14)
    again = deep([0.7, 0.0, 0.6], 1.3, [2.0, 0.5, 0.8])
    x = interior_points(again)
    assert again.pdf(x) == pytest.approx(gram(1.0, 0.6, 0.8, 0.5).pdf(x), rel=1e-12)


def test_one_newton_iteration_for_all_layers_is_the_nested_equation():
    law = deep([0.8, 0.3, 0.6], 0.7, [1.5, 0.4, 0.9])
    inner = SampleCovariance(0.4, Discrete([0.3]) @ gram(1.0, 0.8, 1.5, 0.7) + Discrete([0.7]))
    nested = SampleCovariance(0.9, Discrete([0.6]) @ inner + Discrete([0.4]))
    x = interior_points(law, 5)
    assert law.pdf(x) == pytest.approx(nested.pdf(x), rel=1e-10)
    outside = np.array([-1.0, 1.01, 2.0]) * law.support()[1]
    assert law.stieltjes(outside) == pytest.approx(nested.stieltjes(outside), rel=1e-10)


def test_variance_recursion_through_depth():
    zetas, ratios = [0.8, 0.3, 0.6], [1.5, 0.4, 0.9]
    variance = 0.7
    for depth, (zeta, ratio) in enumerate(zip(zetas, ratios, strict=True), start=1):
        variance = zeta**2 * variance + ratio
        law = deep(zetas[:depth], 0.7, ratios[:depth])
        assert SpectralLaw.mean(law) == pytest.approx(1, rel=1e-10)
        assert SpectralLaw.var(law) == pytest.approx(variance, rel=1e-9)


@pytest.mark.parametrize("zeta", [4e-33, 1e-15, 1e-9, 1e-6])
def test_a_tiny_slope_keeps_mass_mean_and_variance(zeta):
    law = deep(zeta, 1.0, [1.0, 2.0])
    assert law.mean() == 1
    assert law.var() == pytest.approx(2, rel=1e-5)
    # by quadrature, and by the moments of the population
    assert SpectralLaw.mean(law) == pytest.approx(1, rel=1e-9)
    assert SpectralLaw.var(law) == pytest.approx(2, rel=1e-5)
    assert law.moment(2) == pytest.approx(3, rel=1e-5)
    assert law.cdf(law.support()[1]) == pytest.approx(1, abs=1e-12)
    assert law.pdf(1.0) == pytest.approx(MarchenkoPastur(2.0).pdf(1.0), rel=1e-5)


def test_two_layers_of_tanh_converge_to_the_law():
    law = deep(ZETA_TANH / ETA_TANH, 1.0, [1.0, 1.0])
    z = 1 + 0.5j
    for n in (100, 300):
        rng = as_rng(n)
        errors = []
        for _ in range(6):
            Y = rng.standard_normal((n, n))
            for _layer in range(2):
                Y = np.tanh(rng.standard_normal((n, n)) @ Y / np.sqrt(n)) / np.sqrt(ETA_TANH)
            errors.append(np.mean(1 / (np.linalg.eigvalsh(Y.T @ Y / n) - z)) - law.stieltjes(z))
        # rms of one draw 1.0 / n measured
        assert np.sqrt(np.mean(np.abs(errors) ** 2)) < 2.0 / n


# --- the door ---

NUMBERS = [np.nan, np.inf, "1", None, 1j, [1.0], True]
VALID = {"eta": 1, "zeta": 0, "features_per_sample": 2, "features_per_dimension": 3}


@pytest.mark.parametrize("key", VALID)
@pytest.mark.parametrize("bad", [*NUMBERS, -1], ids=repr)
def test_a_parameter_of_the_law_that_is_no_number_is_refused(key, bad):
    with pytest.raises(ValueError, match=rf"{key} must be"):
        NonlinearGram(**(VALID | {key: bad}))


@pytest.mark.parametrize("key", ["eta", "features_per_sample", "features_per_dimension"])
def test_zero_ratios_and_variances_are_refused(key):
    with pytest.raises(ValueError, match=f"{key} must be positive"):
        NonlinearGram(**(VALID | {key: 0}))


def test_zeta_is_at_most_eta_up_to_rounding():
    with pytest.raises(ValueError, match=r"zeta must be at most eta, got 1\.1 > 1"):
        gram(1.0, 1.1, 1.0, 1.0)
    law = gram(1.0, 1 + 1e-14, 1.0, 1.0)
    assert law.support() == gram(1, 1, 1, 1).support()


LAW = gram(1, 0, 2, 3)


@pytest.mark.parametrize("bad", NUMBERS, ids=repr)
@pytest.mark.parametrize("key", ["theta", "weight_fourth_moment", "data_fourth_moment", "mean"])
def test_what_is_no_number_is_refused_by_the_outliers(key, bad):
    with pytest.raises(ValueError, match=f"{key} must be"):
        LAW.outliers(**({"theta": 1, "features": 9} | {key: bad}))


def test_outliers_refuse_what_has_no_meaning():
    with pytest.raises(ValueError, match="weight_fourth_moment must be between 1"):
        LAW.outliers(1.0, weight_fourth_moment=0.9)
    with pytest.raises(ValueError, match="features must be an integer"):
        LAW.outliers(1.0, mean=0.1)
    for bad in (0, 2.5, "3", np.nan):
        with pytest.raises(ValueError, match="features must be an integer"):
            LAW.outliers(1.0, mean=0.1, features=bad)
    for bad in (-1.0, [np.nan], "x", [1.0, [2.0]], 1j):
        with pytest.raises(ValueError, match="squared_strength must be"):
            LAW.outlier_position(bad)
    assert LAW.outlier_position(np.full((2, 3), 7)).shape == (2, 3)
    assert LAW.outlier_position([]).shape == (0,)
    with pytest.raises(ValueError, match="k must be an integer"):
        LAW.moment(1.5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"zeta": -0.1}, "zeta must be between 0 and 1, got -0.1"),
        ({"zeta": 1.1}, "zeta must be between 0 and 1, got 1.1"),
        ({"zeta": [0.5]}, r"zeta must be of shape \(\) or \(2,\)"),
        ({"zeta": np.nan}, "zeta must be finite"),
        ({"zeta": "x"}, "zeta must be an array of real numbers"),
        ({"samples_per_dimension": 0}, "samples_per_dimension must be positive"),
        ({"samples_per_feature": []}, "samples_per_feature must be nonempty"),
        ({"samples_per_feature": [1.0, 0.0]}, "samples_per_feature must be positive"),
        ({"samples_per_feature": 1.0}, "samples_per_feature must be a vector"),
        ({"samples_per_feature": [1.0, np.inf]}, "samples_per_feature must be finite"),
        ({"samples_per_feature": [[1.0], [1.0, 2.0]]}, "samples_per_feature must be"),
    ],
)
def test_bad_layers_are_refused(changes, message):
    arguments = {"zeta": 0.5, "samples_per_dimension": 1, "samples_per_feature": [1, 2]}
    assert DeepGram(**arguments).mean() == 1
    with pytest.raises(ValueError, match=message):
        DeepGram(**(arguments | changes))


def test_an_unsolved_equation_raises_instead_of_returning_numbers(monkeypatch):
    law = gram(1.0, 0.5, 1.0, 2.0)
    monkeypatch.setattr(
        "rmtlib.laws._sample_covariance.follow", lambda step, z, singular: z + 1e-3j
    )
    with pytest.raises(ConvergenceError, match="residual"):
        law.pdf([0.5, 1.0])
