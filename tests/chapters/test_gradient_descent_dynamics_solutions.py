"""Numbers and claims of the solutions on gradient descent, and of two of its theorems."""

import numpy as np
import pytest
from contour import ellipse
from notebook import markdown, numbers, solution
from scipy.special import ndtr

from rmtlib import dynamics, features, laws

CHAPTER = "gradient_descent_dynamics"


def two_classes(p, n, rho, rng, noise=1.0):
    y = np.where(np.arange(n) % 2, 1.0, -1.0)
    X = np.sqrt(noise) * rng.standard_normal((p, n))
    X[0] += np.sqrt(rho) * y
    return X, y


def test_a_training_score_is_a_contour_integral_of_leave_one_out_scores():
    text = markdown(CHAPTER)
    assert "affine function of the Gaussian score" not in text
    assert r"\tfrac1nX_{-i}y_{-i} + cm\bigr)}{1 + cm}\,dz" in text
    p, n, rho, sigma2, clock = 200, 200, 2.0, 2.0, 5.0
    rng = np.random.default_rng(1)
    X, y = two_classes(p, n, rho, rng)
    w0 = np.sqrt(sigma2 / p) * rng.standard_normal(p)
    w = dynamics.descend(X, y, w0, [1.0], learning_rate=clock)[:, 0]
    spike = (1 + rho) * (1 + p / n / rho)
    z, weights = ellipse(0.0, spike + 0.8, margin=0.1, points=500)
    f = np.exp(-clock * z)
    cm = p / n * laws.MarchenkoPastur(p / n).stieltjes(z)
    chosen, left_out, predicted = range(30), [], []
    for i in chosen:
        rest = np.delete(np.arange(n), i)
        lam, U = np.linalg.eigh(X[:, rest] @ X[:, rest].T / n)
        lam = np.maximum(lam, 1e-12)  # one is zero
        x, start, drive = y[i] * X[:, i] @ U, U.T @ w0, U.T @ (X[:, rest] @ y[rest]) / n
        filters = np.exp(-clock * lam), -np.expm1(-clock * lam) / lam
        left_out.append(x @ (filters[0] * start + filters[1] * drive))
        forms = np.array([x * start, x * drive]) @ (1 / (lam[:, None] - z))
        inside = f * forms[0] + (1 - f) / z * (forms[1] + cm)
        predicted.append(-np.sum(weights * inside / (1 + cm)).real)
    scores = (y * (X.T @ w))[list(chosen)]
    assert np.corrcoef(scores, left_out)[0, 1] < 0.97  # no affine function of it
    assert np.corrcoef(scores, predicted)[0, 1] > 0.99
    assert np.mean((scores - predicted) ** 2) < 0.02 * np.var(scores)


def test_stochastic_descent_at_and_beyond_the_threshold():
    text = markdown(CHAPTER)
    assert "stays bounded if and only if" not in text
    (threshold,) = numbers(r"for \$\\eta > (\d)\$ it grows without bound", text)

    def loss(ratio, noise, rate, times=(100.0, 400.0)):
        return dynamics.sgd_loss(times, ratio=ratio, signal=1.0, noise=noise, learning_rate=rate)

    for ratio, noise in [(0.5, 0.3), (2.0, 0.3), (2.0, 0.0)]:
        below, above = loss(ratio, noise, threshold - 0.1), loss(ratio, noise, threshold + 0.1)
        floor = noise * max(1 - ratio, 0) / (1 - (threshold - 0.1) / 2)
        assert below[1] == pytest.approx(floor, abs=1e-3)
        assert above[1] > 100 * above[0]
        first, second = loss(ratio, noise, threshold)
        bounded = noise == 0 or ratio > 1
        assert (second < 1.01 * first) == bounded
    first, second = loss(1.0, 0.3, threshold)
    assert second == pytest.approx(2 * first, rel=0.1)  # like the root of the time


def test_steps_for_each_digit():
    text = solution(CHAPTER, "ex-gd-step")
    (stated,) = numbers(r"momentum about (\d+)\.", text)
    assert "more than a thousand steps" in text
    edges = (1 - np.sqrt(0.9)) ** 2, (1 + np.sqrt(0.9)) ** 2
    steps = {}
    for momentum in (False, True):
        rate = dynamics.Tuning.best(*edges, momentum=momentum).rate(edges[0])
        steps[momentum] = np.log(10) / -np.log(rate)
    assert round(steps[True]) == stated
    assert 1000 < steps[False] < 2000


def momentum_curve(model, alpha, beta, steps):
    x, omega, nu = model.measures(400)
    f = dynamics.Tuning(alpha, beta).factors(x, steps)
    g = np.divide(1 - f, x, out=np.full_like(f, 7.0), where=x > 0)  # any number at zero
    k = (model.signal + model.ratio) / model.signal
    return ndtr(-(g @ omega) / np.sqrt(k * g**2 @ omega + model.init_variance * f**2 @ nu))


def test_momentum_on_the_classifier():
    text = solution(CHAPTER, "ex-gd-momentum")
    rho, sigma2, alpha, none, beta = numbers(
        r"\$\\rho = (\d)\$, \$\\sigma\^2 = ([\d.]+)\$, \$\\alpha = ([\d.]+)\$"
        r" with \$\\beta = (\d)\$ and \$\\beta = ([\d.]+)\$",
        text,
    )
    steps = np.arange(1, 400)
    model = dynamics.TwoClassDescent(0.5, rho, init_variance=sigma2)
    plain, fast = (momentum_curve(model, alpha, b, steps) for b in (none, beta))
    assert fast.min() < plain.min() - 0.002  # from the larger start it does better
    assert fast.argmin() < plain.argmin()
    assert fast.min() > model.best_error()
    small = dynamics.TwoClassDescent(0.5, rho, init_variance=1e-4)
    plain, fast = (momentum_curve(small, alpha, b, steps) for b in (none, beta))
    assert abs(fast.min() - plain.min()) < 0.002  # nearly the same
    assert fast.argmin() <= plain.argmin()
    assert np.all(fast[5:60] > plain[5:60])  # overfits sooner

    rng, k, found = np.random.default_rng(2), 30, []
    for _ in range(40):
        X, y = two_classes(100, 200, rho, rng)
        w, z = np.sqrt(sigma2 / 100) * rng.standard_normal(100), 0
        for _ in range(k):
            z = beta * z + X @ (X.T @ w - y) / 200
            w = w - alpha * z
        found.append(ndtr(-np.sqrt(rho) * w[0] / np.linalg.norm(w)))
    theory = momentum_curve(model, alpha, beta, [k])[0]
    assert np.mean(found) == pytest.approx(theory, abs=4 * np.std(found) / np.sqrt(40) + 3 / 200)


def test_excess_risk_of_regression_by_gradient_flow():
    text = solution(CHAPTER, "ex-gd-regression")
    assert r"$r^2\int f_t^2\,d\nu + s^2c\int x\,g_t^2\,d\nu$" in text
    assert "within a few percent" in text
    p, n, r2, s2 = 200, 400, 1.0, 0.5
    c, times = p / n, np.geomspace(0.1, 300, 60)
    x, _, nu = dynamics.TwoClassDescent(c, 1.0, init_variance=0).measures(400)
    f, g = dynamics.descent_filters(x, times, learning_rate=1.0)
    risk = r2 * f**2 @ nu + s2 * c * (x * g**2) @ nu
    rng, runs = np.random.default_rng(3), []
    for _ in range(10):
        X, w_star = rng.standard_normal((p, n)), np.sqrt(r2 / p) * rng.standard_normal(p)
        y = X.T @ w_star + np.sqrt(s2) * rng.standard_normal(n)
        w = dynamics.descend(X, y, np.zeros(p), times, learning_rate=1.0)
        runs.append(np.sum((w - w_star[:, None]) ** 2, axis=0))
    spread = 4 * np.std(runs, axis=0).max() / np.sqrt(10) + 3 / n
    np.testing.assert_allclose(np.mean(runs, axis=0), risk, atol=spread)
    end = s2 * c / (1 - c)
    assert risk[-1] == pytest.approx(end, rel=1e-6)
    assert features.ridgeless_risk(c, signal=r2, noise=s2) == pytest.approx(end)
    best = features.ridge_risk(c, c * s2 / r2, signal=r2, noise=s2)
    for other in (0.7, 1.4):
        assert features.ridge_risk(c, other * c * s2 / r2, signal=r2, noise=s2) > best
    assert best < risk.min() < 1.05 * best


def test_errors_with_unequal_covariances():
    text = solution(CHAPTER, "ex-gd-unequal")
    for formula in (
        r"\frac1m = -z + \frac12\sum_a\frac{v_a}{1 + c\,v_am}",
        r"1 - b = \frac12\sum_a\frac1{1 + c\,v_am}",
        r"\frac{\rho m(1 - b)}{1 + \rho m(1 - b)}",
        r"\frac1{1 - b} + \rho m",
    ):
        assert formula in text
    p, n = numbers(r"at \$p = (\d+)\$, \$n = (\d+)\$ agrees to two percent", text)
    p, n, v, rho, sigma2 = int(p), int(n), np.array([0.5, 1.5]), 2.0, 0.2
    clock, c = np.array([1.0, 4.0]), p / n
    z, weights = ellipse(0.0, 9.0, margin=0.4, points=300)
    m = -1 / z
    for _ in range(400):
        m = 0.5 * m + 0.5 / (-z + np.sum(v[:, None] / (1 + c * np.outer(v, m)), axis=0) / 2)
    rest = np.sum(1 / (1 + c * np.outer(v, m)), axis=0) / 2  # 1 - b
    f = np.exp(-np.outer(clock, z))
    g = (1 - f) / z
    E = -((g * rho * m * rest / (1 + rho * m * rest)) @ weights).real
    V = ((g**2 / (1 / rest + rho * m) - sigma2 * f**2 * m) @ weights).real
    theory = ndtr(-E / np.sqrt(np.outer(v, V)))
    rng, runs = np.random.default_rng(4), []
    for _ in range(12):
        X, y = two_classes(p, n, rho, rng, np.where(np.arange(n) % 2, v[1], v[0]))
        w0 = np.sqrt(sigma2 / p) * rng.standard_normal(p)
        w = dynamics.descend(X, y, w0, clock, learning_rate=1.0)
        runs.append(np.sqrt(rho) * w[0] / np.linalg.norm(w, axis=0))
    assert np.all(theory[1] > theory[0])  # the noisier class errs more often
    spread = 4 * np.std(runs, axis=0).max() / np.sqrt(12)
    np.testing.assert_allclose(np.mean(runs, axis=0), E / np.sqrt(V), atol=spread)
    np.testing.assert_allclose(np.mean(runs, axis=0), E / np.sqrt(V), rtol=0.02)


def test_best_time_on_the_slider_inverts_the_spike_and_not_the_lower_edge():
    text = solution(CHAPTER, "ex-gd-clock")
    assert "only a fifth to a third at the lower edge" in text
    (rho,) = numbers(r"set \$\\rho = ([\d.]+)\$ and find the time", markdown(CHAPTER))
    c, clock = 0.25, np.array([0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.3, 1.7, 2.5, 4, 8, 20])
    model = dynamics.TwoClassDescent(c, rho, init_variance=0.1)
    at = model.at(clock, 1.0)
    best = at.test_error.argmin()
    spike, edge = (1 + rho) * (1 + c / rho), (1 - np.sqrt(c)) ** 2
    assert -np.expm1(-clock[best] * spike) > 0.95
    assert 1 / 5 < -np.expm1(-clock[best] * edge) < 1 / 3
    assert (
        at.test_variance[-1] / at.test_variance[best] > (at.test_mean[-1] / at.test_mean[best]) ** 2
    )
    x, _, nu = model.measures()
    f, _ = dynamics.descent_filters(x, clock[:2], learning_rate=1.0)
    assert np.all(model.init_variance * f**2 @ nu > at.test_variance[:2] / 2)  # early on
