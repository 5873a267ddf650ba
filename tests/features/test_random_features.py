"""Random-feature regression: the equivalent, its limits, simulations, linear double descent."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rmtlib import ConvergenceError, as_rng
from rmtlib import features as rf
from rmtlib.features import RandomFeatureRidge, _ridge
from rmtlib.laws import MarchenkoPastur

LAM = 3 * (np.arange(1, 201) / 200) ** 2
ROWS = [
    # N, ridge, kappa, delta, df1, df2, train
    (100, 1e-2, 0.6137899787, 29.68949894, 96.74155645, 61.81897683, 0.5013904099),
    (200, 1e-3, 0.01116051565, 10.16051565, 182.0796811, 173.2392417, 0.06000163142),
    (200, 1e-7, 3.405303961e-05, 339.5303961, 199.4126809, 198.9370460, 0.001622571146),
    (400, 1e-2, 0.009245307817, 0.8490615634, 183.6740496, 175.5675425, 0.04256125244),
    (400, 1e-9, 9.999998907e-10, 0.9999997813, None, None, 9.739933078e-13),
    (100, 0.0, 0.5588572472, np.inf, 100, None, 0.5),
]


def diagonal_theory():
    K = np.diag([*LAM, 1.0])
    return RandomFeatureRidge(K, np.append(np.ones(200), 0.0), 200)


@pytest.mark.parametrize(("N", "ridge", "kappa", "delta", "df1", "df2", "train"), ROWS)
def test_reference_numbers(N, ridge, kappa, delta, df1, df2, train):
    found = rf.effective_ridge(LAM, N, ridge)
    assert found == pytest.approx(kappa, rel=1e-9)
    if ridge:
        # delta = kappa N / (n ridge) - 1, printed to 10 digits
        assert found * N / (200 * ridge) - 1 == pytest.approx(delta, rel=1e-9)
    theory = diagonal_theory()
    errors = theory.errors(N, ridge)
    assert errors.effective_ridge == found
    if df1:
        assert theory.degrees_of_freedom(found) == pytest.approx(df1, rel=1e-9)
    if df2:
        assert theory.degrees_of_freedom(found, order=2) == pytest.approx(df2, rel=1e-9)
    assert errors.train == pytest.approx(train, rel=1e-9)
    assert isinstance(errors.test, float)


def psd(size, rank, rng):
    root = rng.standard_normal((size, rank)) / np.sqrt(rank)
    return root @ root.T


def whole(n=30, n_test=11, rank=60, seed=0):
    """Positive semidefinite matrix of n + n_test samples, targets, and n."""
    rng = as_rng(seed)
    K = psd(n + n_test, rank, rng)
    return K, rng.standard_normal(n + n_test), n


def split(**sizes):
    """Blocks of the kernel and of the targets."""
    K, y, n = whole(**sizes)
    return K[:n, :n], y[:n], K[:n, n:], y[n:], np.diag(K)[n:], K[n:, n:]


@settings(max_examples=80, deadline=None, derandomize=True)
@given(N=st.integers(1, 90), exponent=st.floats(-12, 4), rank=st.sampled_from([7, 30, 60]))
def test_effective_ridge_solves_its_equation_inside_its_bracket(N, exponent, rank):
    ridge, n = 10**exponent, 30
    lam = np.linalg.eigvalsh(psd(n, rank, as_rng(rank)))
    kappa = rf.effective_ridge(np.maximum(lam, 0), N, ridge)
    assert ridge * n / N * (1 - 1e-12) <= kappa <= (lam.sum() + n * ridge) / N * (1 + 1e-12)
    positive = lam[lam > 1e-10]
    # df1 - min(rank, N) without cancellation
    left = np.sum(kappa / (positive + kappa)) + max(N - positive.size, 0)
    right = n * ridge / kappa + max(positive.size - N, 0)
    assert left == pytest.approx(right, rel=1e-11)


def test_ridgeless_limits_of_the_effective_ridge():
    n = 200
    assert np.array_equal(rf.effective_ridge(LAM, [200, 300], 0.0), [0.0, 0.0])
    assert np.sum(LAM / (LAM + rf.effective_ridge(LAM, 60, 0.0))) == pytest.approx(60, rel=1e-12)
    # N > n: gamma n / (N - n); N = n: sqrt(n gamma / tr K^-1); relative errors O(gamma), O(sqrt)
    assert rf.effective_ridge(LAM, 300, 1e-13) == pytest.approx(1e-13 * n / 100, rel=1e-6)
    at_peak = np.sqrt(n * 1e-13 / np.sum(1 / LAM))
    assert rf.effective_ridge(LAM, n, 1e-13) == pytest.approx(at_peak, rel=1e-3)
    # K of rank 120: the same with the rank for n
    lam = np.concatenate([np.zeros(80), LAM[80:]])
    assert rf.effective_ridge(lam, 121, 0.0) == 0
    kappa = rf.effective_ridge(lam, 100, 0.0)
    assert np.sum(lam / (lam + kappa)) == pytest.approx(100, rel=1e-12)


def test_many_features_are_kernel_ridge_regression():
    K, y, cross, y_test, *_ = split()
    n, N, ridge = 30, 1e9, 0.2
    errors = RandomFeatureRidge(*whole()).errors(N, ridge * N / n)
    R = np.linalg.inv(K + ridge * np.eye(n))
    assert errors.effective_ridge == pytest.approx(ridge, rel=1e-6)
    assert errors.train == pytest.approx(ridge**2 * y @ R @ R @ y / n, rel=1e-6)
    assert errors.test == pytest.approx(np.mean((y_test - cross.T @ R @ y) ** 2), rel=1e-6)


@pytest.mark.parametrize(("N", "gamma"), [(15, 1e-3), (30, 1e-2), (80, 0.3), (20, 5.0)])
def test_effective_ridge_form_is_the_matrix_form_of_the_theorem(N, gamma):
    K, y, cross, y_test, _, full = split()
    n, n_test = cross.shape
    errors = RandomFeatureRidge(*whole()).errors(N, gamma)
    delta = errors.effective_ridge * N / (n * gamma) - 1
    eye = np.eye(n)
    Kb, crossb, fullb = (N / n / (1 + delta) * block for block in (K, cross, full))
    Q = np.linalg.inv(Kb + gamma * eye)
    assert np.trace(Q @ K) / n == pytest.approx(delta, rel=1e-9)
    below = 1 - np.trace(Kb @ Q @ Kb @ Q) / N
    middle = np.trace(Q @ Kb @ Q) / N / below * Kb + eye
    assert errors.train == pytest.approx(gamma**2 / n * y @ Q @ middle @ Q @ y, rel=1e-9)
    bias = np.mean((y_test - crossb.T @ Q @ y) ** 2)
    last = np.trace(fullb) / n_test - np.trace((eye + gamma * Q) @ crossb @ crossb.T @ Q) / n_test
    variance = (y @ Q @ Kb @ Q @ y) / N / below * last
    assert errors.bias == pytest.approx(bias, rel=1e-9)
    assert errors.variance == pytest.approx(variance, rel=1e-9)


def test_ridgeless_errors_are_the_limit_of_small_ridges():
    for rank in (60, 12):  # nonsingular and singular kernel
        theory = RandomFeatureRidge(*whole(rank=rank))
        N = np.array([5, 10, 20, 29, 40, 90])
        limit, near = theory.errors(N, 0.0), theory.errors(N, 1e-12)
        for field in ("train", "bias", "variance"):
            # relative difference O(ridge / smallest eigenvalue)
            assert getattr(limit, field) == pytest.approx(
                getattr(near, field), rel=1e-5, abs=1e-7
            ), field


def test_variance_is_infinite_without_ridge_at_the_interpolation_threshold_only():
    theory = RandomFeatureRidge(*whole())
    assert np.isinf(theory.errors(30, 0.0).test)
    assert np.all(np.isfinite(theory.errors([29, 31], 0.0).test))


def test_ridgeless_variance_is_finite_if_all_samples_share_the_rank():
    # 41 samples of rank 12: every test sample is in the span of the training samples
    theory = RandomFeatureRidge(*whole(rank=12))
    limit = theory.errors(12, 0.0)
    assert limit.variance == 0
    # the variance is of order kappa, and kappa of order sqrt(ridge)
    assert theory.errors(12, 1e-12).test == pytest.approx(limit.test, rel=1e-4)
    # rank 60 in 200 training samples, as in the chapter's exercise
    K, y, n = whole(n=200, n_test=100, rank=60, seed=3)
    wide = RandomFeatureRidge(K, y, n)
    assert wide.errors(60, 0.0).test == pytest.approx(wide.errors(60, 1e-12).test, rel=1e-4)
    # and networks with these features say the same
    root = np.linalg.cholesky(K + 1e-13 * np.eye(len(K)))
    rng = as_rng(8)
    found = [
        rf.simulate_errors(rng.standard_normal((60, 300)) @ root.T, y, n, 1e-9).test
        for _ in range(40)
    ]
    error = np.std(found) / np.sqrt(40)
    assert np.mean(found) == pytest.approx(wide.errors(60, 0.0).test, abs=4 * error)


def test_best_ridge_is_the_best():
    theory = RandomFeatureRidge(*whole())
    N = np.array([10, 30, 200])
    best = theory.best(N)
    assert best.test == pytest.approx(theory.errors(N, best.ridge).test, rel=1e-14)
    grid = theory.errors(N[:, None], N[:, None] * np.geomspace(1e-6, 10, 400)).test
    assert np.all(best.test <= grid.min(axis=1) * (1 + 1e-9))
    assert isinstance(theory.best(30).ridge, float)


def test_isotropic_kernel_has_training_error_one_minus_n_over_n():
    errors = RandomFeatureRidge(np.eye(40), np.ones(40)).errors([10, 20, 40, 60], 0.0)
    assert errors.train == pytest.approx([0.75, 0.5, 0, 0])
    assert np.isnan(errors.test).all()


def test_peak_is_the_constant_over_the_square_root_of_the_ridge():
    theory, (K, y, n) = RandomFeatureRidge(*whole()), whole()
    inverse, cross = np.linalg.inv(K[:n, :n]), K[:n, n:]
    left = np.mean(np.diag(K)[n:] - np.sum(cross * (inverse @ cross), axis=0))
    C = y[:n] @ inverse @ y[:n] * left / (2 * np.sqrt(n * np.trace(inverse)))
    ratios = np.array([np.sqrt(g) * theory.errors(30, g).test / C for g in (1e-6, 1e-8, 1e-10)])
    # relative error O(sqrt(ridge)): factor 10 at each step
    assert np.abs(ratios[-1] - 1) < 1e-2
    assert (ratios[:-1] - 1) / (ratios[1:] - 1) == pytest.approx(10, rel=0.25)


def test_one_eigendecomposition_serves_the_sweep(monkeypatch):
    calls, eigh = [], np.linalg.eigh

    def counted(matrix):
        calls.append(1)
        return eigh(matrix)

    monkeypatch.setattr(np.linalg, "eigh", counted)
    theory = RandomFeatureRidge(*whole())
    widths = np.arange(1, 90)
    errors = theory.errors(widths, 1e-7)
    grid = theory.errors(widths[:, None], [1e-3, 1e-1])
    assert len(calls) == 1
    assert errors.test.shape == (89,)
    assert grid.test.shape == grid.train.shape == (89, 2)
    assert grid.test[3, 1] == pytest.approx(theory.errors(4, 0.1).test, rel=1e-13)
    assert np.argmax(errors.test) == 29  # N = n
    used = theory.degrees_of_freedom(errors.effective_ridge)
    assert np.all(used <= widths)


def ridge_for(theory, N, kappa):
    return kappa / theory.eigenvalues.size * (N - theory.degrees_of_freedom(kappa))


def test_the_equation_of_the_effective_ridge_read_backward_gives_the_ridge():
    theory = RandomFeatureRidge(*whole())
    for N, ridge in ((15, 0.1), (30, 1e-3), (90, 2.0)):
        kappa = rf.effective_ridge(theory.eigenvalues, N, ridge)
        assert ridge_for(theory, N, kappa) == pytest.approx(ridge, rel=1e-9)


def test_a_gap_in_d0_is_more_ridge_with_the_same_bias_and_more_variance():
    K, y, n = whole()
    gap, N, ridge = 0.1, 60, 0.6
    first = RandomFeatureRidge(K, y, n)
    second = RandomFeatureRidge(K + gap * np.eye(len(K)), y, n)
    left = first.errors(N, ridge)
    compensated = ridge_for(second, N, left.effective_ridge - gap)
    right = second.errors(N, compensated)
    assert right.bias == pytest.approx(left.bias, rel=1e-9)
    assert right.variance > 1.05 * left.variance
    # and the loss disappears with the number of features: variance O(1 / N)
    many = [theory.errors(1e7, ridge_for(theory, 1e7, left.effective_ridge - add))
            for theory, add in ((first, 0.0), (second, gap))]  # fmt: skip
    assert many[0].test == pytest.approx(many[1].test, rel=1e-5)


# --- against simulation ---


def relu_kernel(X):
    norms = np.sqrt(np.einsum("ij,ij->j", X, X))
    scale = np.outer(norms, norms)
    angle = np.clip(X.T @ X / scale, -1, 1)
    np.fill_diagonal(angle, 1.0)
    return scale / (2 * np.pi) * (angle * np.arccos(-angle) + np.sqrt(1 - angle**2))


def relu(t):
    return np.maximum(t, 0)


def mixture(n, n_test, seed):
    rng, p = as_rng(seed), n // 2
    y = rng.choice([-1.0, 1.0], size=n + n_test)
    mean = np.zeros((p, 1))
    mean[0] = 2
    return (mean * y + rng.standard_normal((p, n + n_test))) / np.sqrt(p), y


def test_resolvent_trace_converges_at_rate_one_over_n():
    ridge = 1e-2
    for n in (64, 128, 256):
        X, _ = mixture(n, 0, n)
        kappa = rf.effective_ridge(np.linalg.eigvalsh(relu_kernel(X)), 2 * n, ridge)
        lam = np.linalg.eigvalsh(relu_kernel(X))
        theory = np.mean(kappa / (lam + kappa))
        rng, traces = as_rng(n + 1), []
        for _ in range(40):
            S = rf.random_features(relu, X, 2 * n, rng=rng)
            traces.append(np.mean(ridge / (np.linalg.eigvalsh(S.T @ S / n) + ridge)))
        # bias 2.5 / n relative (2.4% at 64 ... 0.2% at 1024 and twice that is published)
        error = np.mean(traces) / theory - 1
        assert 0.8 / n < abs(error) < 4 / n


@pytest.mark.parametrize("share", [0.5, 2.0])
def test_errors_of_relu_features_agree_with_the_simulation(share):
    n, n_test = 192, 96
    X, y = mixture(n, n_test, 1)
    K = relu_kernel(X)
    theory = RandomFeatureRidge(K, y, n)
    ridges, N = np.array([1e-3, 1e-1, 1.0]), round(share * n)
    rng, draws = as_rng(2), []
    for _ in range(40):
        S = rf.random_features(relu, X, N, rng=rng)
        errors = rf.simulate_errors(S, y, n, ridges)
        draws.append((errors.train, errors.test))
    simulated = np.mean(draws, axis=0)
    spread = np.std(draws, axis=0) / np.sqrt(40)
    limits = theory.errors(N, ridges)
    for got, want, error in zip(simulated, (limits.train, limits.test), spread, strict=True):
        # bias at most 6 / n of the published check, and 4 standard errors
        assert np.all(np.abs(got - want) < 10 / n * want + 4 * error)


def test_simulated_errors_are_those_of_the_normal_equations():
    rng = as_rng(0)
    for N in (4, 9, 15):
        S, T = rng.standard_normal((N, 9)), rng.standard_normal((N, 5))
        y, y_test = rng.standard_normal(9), rng.standard_normal(5)
        ridges = np.array([1e-3, 0.5])
        columns, targets = np.hstack([S, T]), np.append(y, y_test)
        found = rf.simulate_errors(columns, targets, 9, ridges)
        assert np.array_equal(found.ridge, ridges)
        for k, ridge in enumerate(ridges):
            beta = np.linalg.solve(S @ S.T / 9 + ridge * np.eye(N), S @ y / 9)
            assert found.train[k] == pytest.approx(np.mean((y - S.T @ beta) ** 2), rel=1e-9)
            assert found.test[k] == pytest.approx(np.mean((y_test - T.T @ beta) ** 2), rel=1e-9)
        beta = np.linalg.pinv(S.T) @ y
        least = rf.simulate_errors(columns, targets, 9, 0)
        assert least.train == pytest.approx(np.mean((y - S.T @ beta) ** 2), abs=1e-12)
        assert least.test == pytest.approx(np.mean((y_test - T.T @ beta) ** 2), rel=1e-9)


@pytest.mark.parametrize("sparsity", [None, 0.0, 0.9])
def test_weights_have_variance_one_and_the_stated_fourth_moment(sparsity):
    W = rf.random_features("linear", np.eye(200), 2000, sparsity=sparsity, rng=0)
    fourth = 3.0 if sparsity is None else 1 / (1 - sparsity)
    # 4e5 entries: standard errors sqrt(fourth / 4e5) and sqrt(E W^8 / 4e5)
    assert np.mean(W) == pytest.approx(0, abs=5 / np.sqrt(4e5))
    assert np.mean(W**2) == pytest.approx(1, abs=5 * np.sqrt(fourth / 4e5))
    eighth = 105.0 if sparsity is None else fourth**3
    assert np.mean(W**4) == pytest.approx(fourth, abs=5 * np.sqrt(eighth / 4e5))
    if sparsity is not None:
        assert np.mean(W == 0) == pytest.approx(sparsity, abs=0.003)
    again = rf.random_features("linear", np.eye(200), 2000, sparsity=sparsity, rng=0)
    assert np.array_equal(W, again)


# --- linear regression ---


def test_ridgeless_risk_reference_numbers():
    c = np.array([0.5, 0.8, 1.25, 2, 5])
    assert rf.ridgeless_risk(c, signal=1, noise=0.25) == pytest.approx([0.25, 1, 1.2, 0.75, 0.8625])
    assert rf.ridgeless_risk(1.0, signal=1.0, noise=0.25) == np.inf
    assert rf.ridgeless_risk([0.5, 1.0], signal=1.0, noise=0.0).tolist() == [0.0, 0.0]


def test_second_descent_has_its_minimum_where_stated():
    for signal in (2.33, 3.66, 5.0):
        r, best = np.sqrt(signal), np.sqrt(signal) / (np.sqrt(signal) - 1)
        assert rf.ridgeless_risk(best, signal=signal, noise=1.0) == pytest.approx(
            2 * r - 1, rel=1e-12
        )
        near = rf.ridgeless_risk(best * np.array([0.98, 1.02]), signal=signal, noise=1.0)
        assert np.all(near > 2 * r - 1)


@pytest.mark.parametrize(("p", "n"), [(20, 30), (30, 20)])
def test_finite_ridgeless_risk_is_exact(p, n):
    signal, noise, rng = 1.0, 0.5, as_rng(p)
    beta = np.zeros(p)
    beta[0] = np.sqrt(signal)
    risks = []
    for _ in range(2000):
        X = rng.standard_normal((p, n))
        fit = np.linalg.lstsq(
            X.T, X.T @ beta + np.sqrt(noise) * rng.standard_normal(n), rcond=None
        )[0]
        risks.append(np.sum((fit - beta) ** 2))
    error = np.std(risks) / np.sqrt(2000)
    theory = rf.ridgeless_risk_finite(p=p, n=n, signal=signal, noise=noise)
    assert np.mean(risks) == pytest.approx(theory, abs=4 * error)
    # the limit is off by more than that: 1 against 1.111, 1.333 against 1.444
    assert abs(rf.ridgeless_risk(p / n, signal=signal, noise=noise) - theory) > 5 * error


def test_finite_risk_tends_to_the_limit_at_rate_one_over_n():
    gaps = [
        rf.ridgeless_risk_finite(p=n // 2, n=n, signal=1, noise=0.25) - 0.25 for n in (50, 100, 200)
    ]
    assert gaps == pytest.approx([0.26042 - 0.25, 0.25510 - 0.25, 0.25253 - 0.25], abs=6e-6)
    assert rf.ridgeless_risk_finite(p=20, n=21, signal=1.0, noise=0.25) == np.inf
    assert rf.ridgeless_risk_finite(p=20, n=20, signal=1.0, noise=0.0) == 0.0


def test_growing_model_has_a_double_descent():
    n, D, noise = 100, 300, 0.1
    errors = []
    for p in (20, 60, 90, 120, 200):
        out = 1 - p / D
        errors.append(
            noise + out + rf.ridgeless_risk_finite(p=p, n=n, signal=p / D, noise=noise + out)
        )
    assert errors == pytest.approx([1.2949, 2.2846, 8.8000, 4.4509, 1.2044], abs=6e-5)


def test_ridge_risk_reference_numbers_and_formula():
    c, lam = np.array([0.5, 1, 2]), np.array([0.1, 0.25, 0.5])
    assert rf.ridge_risk(c, lam, signal=1, noise=0.25) == pytest.approx(
        [0.1767837257, 0.3903882032, 0.6403882032], rel=1e-9
    )
    for ratio, ridge in ((0.5, 0.1), (3.0, 1e-3), (0.2, 50.0)):
        # m from its quadratic equation, m' = m (1 + c m) / S
        A = 1 - ratio + ridge
        S = np.sqrt(A**2 + 4 * ratio * ridge)
        m = 2 / (A + S) if A > 0 else (S - A) / (2 * ratio * ridge)
        slope = m * (1 + ratio * m) / S
        assert rf.ridge_risk(ratio, ridge, signal=2.0, noise=0.7) == pytest.approx(
            2 * ridge**2 * slope + 0.7 * ratio * (m - ridge * slope), rel=1e-9
        )


def test_ridge_risk_tends_to_the_ridgeless_one():
    for c in (0.5, 2.0):
        assert rf.ridge_risk(c, 1e-11, signal=1.3, noise=0.4) == pytest.approx(
            rf.ridgeless_risk(c, signal=1.3, noise=0.4), rel=1e-9
        )


def test_the_best_ridge_is_noise_over_signal_times_the_ratio_and_removes_the_peak():
    c, signal, noise = np.array([0.5, 0.9, 1.0, 1.1, 3.0]), 2.0, 0.5
    best = c * noise / signal
    risk = rf.ridge_risk(c, best, signal=signal, noise=noise)
    for factor in (0.9, 1.1):
        assert np.all(rf.ridge_risk(c, factor * best, signal=signal, noise=noise) > risk)
    m = [MarchenkoPastur(ratio).stieltjes(-ridge) for ratio, ridge in zip(c, best, strict=True)]
    assert risk == pytest.approx(noise * c * np.array(m), rel=1e-12)
    assert np.all(np.diff(risk) > 0)
    assert np.all(risk < rf.ridgeless_risk(c, signal=signal, noise=noise))


# --- the door ---

GOOD = dict(zip(("K", "y", "n"), whole(), strict=True))


@pytest.mark.parametrize(
    ("key", "bad"),
    [
        *(
            (key, bad)
            for key in ("K", "y")
            for bad in ([], "x", [[1.0], [1.0, 2.0]], np.full((2, 3), 1.0), [np.nan], None, 1j)
        ),
        *(("n", bad) for bad in (0, 42, 2.5, "x", np.nan, 1j)),
    ],
)
def test_theory_refuses_by_name(key, bad):
    with pytest.raises(ValueError, match=rf"{key} must be"):
        RandomFeatureRidge(**(GOOD | {key: bad}))


def test_theory_refuses_what_is_no_kernel():
    indefinite = whole()[0]
    indefinite[29] = indefinite[:, 29] = 0.0
    indefinite[29, 35] = indefinite[35, 29] = 1.0
    for K, message in (
        (-np.eye(41), "eigenvalues of K must be nonnegative"),
        (np.zeros((41, 41)), "eigenvalues of K must be nonnegative and not all zero"),
        (np.triu(np.ones((41, 41))), "K must be symmetric"),
        (np.full((41, 41), np.inf), "K must be finite"),
        (indefinite, "K between training and test samples must be in the range"),
    ):
        with pytest.raises(ValueError, match=message):
            RandomFeatureRidge(**(GOOD | {"K": K}))
    assert repr(RandomFeatureRidge(**GOOD)) == "RandomFeatureRidge(n=30, n_test=11)"
    with pytest.raises(ValueError, match="n must be less than the size of K"):
        RandomFeatureRidge(np.eye(3), np.ones(3)).best(2)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0, "x", 1j, None, [1.0, [2.0]]], ids=repr)
def test_widths_and_ridges_that_are_none_are_refused(bad):
    theory = RandomFeatureRidge(**GOOD)
    S = np.ones((2, 3))
    for call, name in (
        (lambda: theory.errors(bad, 1.0), "features"),
        (lambda: theory.errors(3, bad), "ridge"),
        (lambda: rf.effective_ridge([1.0], bad, 1.0), "features"),
        (lambda: rf.effective_ridge([1.0], 1.0, bad), "ridge"),
        (lambda: rf.simulate_errors(S, np.ones(3), 2, bad), "ridge"),
        (lambda: rf.simulate_errors(S, np.ones(3), bad, 1.0), "n"),
        (lambda: theory.best(bad), "features"),
        (lambda: theory.degrees_of_freedom(bad), "effective"),
        (lambda: rf.ridgeless_risk(bad, signal=1.0, noise=1.0), "ratio"),
        (lambda: rf.ridgeless_risk(1.0, signal=bad, noise=1.0), "signal"),
        (lambda: rf.ridgeless_risk(1.0, signal=1.0, noise=bad), "noise"),
        (lambda: rf.ridge_risk(bad, 1.0, signal=1.0, noise=1.0), "ratio"),
        (lambda: rf.ridge_risk(1.0, bad, signal=1.0, noise=1.0), "ridge"),
        (lambda: rf.ridge_risk(1.0, 1.0, signal=bad, noise=1.0), "signal"),
        (lambda: rf.ridgeless_risk_finite(p=bad, n=3, signal=1.0, noise=1.0), "p"),
        (lambda: rf.ridgeless_risk_finite(p=3, n=bad, signal=1.0, noise=1.0), "n"),
        (lambda: rf.random_features(relu, S, bad), "features"),
    ):
        with pytest.raises(ValueError, match=rf"\b{name} must be"):
            call()


@pytest.mark.parametrize("bad", [np.nan, -0.1, 1.0, "x"], ids=repr)
def test_sparsity_is_in_the_half_open_unit_interval(bad):
    with pytest.raises(ValueError, match="sparsity must be"):
        rf.random_features(relu, np.eye(2), 3, sparsity=bad)


def test_other_arguments_are_refused_by_name():
    with pytest.raises(ValueError, match="eigenvalues must be nonnegative"):
        rf.effective_ridge([1.0, -1.0], 2, 1.0)
    with pytest.raises(ValueError, match="features must be positive, got 0"):
        rf.effective_ridge([1.0], 0, 1.0)
    with pytest.raises(ValueError, match="X must be"):
        rf.random_features(relu, [1.0], 3)
    for bad in ("no such", 3, None):
        with pytest.raises(ValueError, match="activation must be an Activation"):
            rf.random_features(bad, np.eye(2), 3)
    with pytest.raises(ValueError, match=r"activation\(W X\) must be of shape"):
        rf.random_features(lambda t: t[:1], np.eye(2), 3)
    with pytest.raises(ValueError, match="rng must be"):
        rf.random_features(relu, np.eye(2), 3, rng="seed")
    S = np.ones((2, 3))
    for name, arguments in (
        ("y", (S, np.ones(2), 2, 1.0)),
        ("n", (S, np.ones(3), 4, 1.0)),
        ("Sigma", ([[np.nan]], [1.0], 1, 1.0)),
    ):
        with pytest.raises(ValueError, match=f"{name} must be"):
            rf.simulate_errors(*arguments)


def test_an_unsolved_equation_raises_instead_of_returning_numbers(monkeypatch):
    monkeypatch.setattr(_ridge, "brentq", lambda f, low, high, **_: 0.5 * (low + high))
    with pytest.raises(ConvergenceError, match="effective ridge not found for N = 100"):
        rf.effective_ridge(LAM, 100, 0.1)
