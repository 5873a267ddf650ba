import numpy as np
import pytest
from sklearn.base import clone
from sklearn.covariance import EmpiricalCovariance, LedoitWolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.utils.estimator_checks import parametrize_with_checks

from rmtlib import as_rng
from rmtlib.covariance import NonlinearShrinkage, SpikeShrinkage, spike_shrinkage

ESTIMATORS = [SpikeShrinkage, NonlinearShrinkage]
each = pytest.mark.parametrize("estimator", ESTIMATORS)


def checks_of_scikit_learn(*estimators):
    """Its checks as a list, which pytest asks for, without those of arrays other than NumPy's."""
    mark = parametrize_with_checks(list(estimators))
    names, values = mark.args
    values = [pair for pair in values if "array_api" not in str(pair)]
    assert len(values) >= 40 * len(estimators)
    return pytest.mark.parametrize(names, values, **mark.kwargs)


@checks_of_scikit_learn(*(estimator() for estimator in ESTIMATORS))
def test_checks_of_scikit_learn_pass(estimator, check):
    check(estimator)


def draw(n, p, rng=0):
    """Rows with three components and noise of variance 2, and their covariance."""
    rng = as_rng(rng)
    variances = np.full(p, 2.0)
    variances[:3] = 60, 40, 20
    turn = np.linalg.qr(rng.standard_normal((p, p)))[0]
    rows = (rng.standard_normal((n, p)) * np.sqrt(variances)) @ turn.T + 5
    return rows, (turn * variances) @ turn.T


@each
@pytest.mark.parametrize(("n", "p"), [(200, 60), (60, 60), (61, 60), (60, 200)])
def test_estimate_beats_the_sample_covariance_and_linear_shrinkage(estimator, n, p):
    rows, truth = draw(n, p)
    fitted = estimator().fit(rows)
    error = fitted.error_norm(truth)
    # a general shrinker pays for not knowing that the bulk is white
    slack = 1.0 if estimator is SpikeShrinkage else 1.1
    assert error < slack * EmpiricalCovariance().fit(rows).error_norm(truth)
    assert error < slack * LedoitWolf().fit(rows).error_norm(truth)
    np.testing.assert_allclose(fitted.covariance_ @ fitted.precision_, np.eye(p), atol=1e-8)
    np.testing.assert_allclose(np.linalg.eigvalsh(fitted.covariance_), fitted.eigenvalues_[::-1])
    np.testing.assert_allclose(fitted.location_, rows.mean(axis=0))
    new = draw(50, p)[0]
    assert np.isfinite(fitted.score(new))
    assert np.all(fitted.mahalanobis(new) > 0)


@each
def test_single_precision_stays_single_and_agrees(estimator):
    rows, _ = draw(100, 40)
    double, single = estimator().fit(rows), estimator().fit(rows.astype(np.float32))
    assert single.covariance_.dtype == single.precision_.dtype == np.float32
    np.testing.assert_allclose(single.covariance_, double.covariance_, atol=2e-3)


@each
def test_constant_column_is_refused_by_its_number(estimator):
    rows, _ = draw(100, 40)
    rows[:, 7] = 3.0
    with pytest.raises(ValueError, match="column 7 is constant"):
        estimator().fit(rows)


@each
def test_options_are_those_of_scikit_learn(estimator):
    rows, _ = draw(80, 20)
    kept = clone(estimator(store_precision=False, assume_centered=True))
    kept.fit(rows - rows.mean(axis=0))
    assert kept.precision_ is None
    np.testing.assert_allclose(kept.get_precision() @ kept.covariance_, np.eye(20), atol=1e-8)
    assert not kept.location_.any()


@each
def test_estimator_works_in_a_classifier(estimator):
    rng = as_rng(1)
    labels = rng.integers(2, size=120)
    rows = rng.standard_normal((120, 80)) + 0.4 * labels[:, None]
    model = LinearDiscriminantAnalysis(solver="lsqr", covariance_estimator=estimator())
    assert model.fit(rows[:80], labels[:80]).score(rows[80:], labels[80:]) > 0.85


def test_isotonic_step_mends_the_square_case():
    rows = as_rng(2).standard_normal((200, 200))
    values = NonlinearShrinkage(assume_centered=True).fit(rows).eigenvalues_
    assert np.mean((values - 1) ** 2) < 0.05
    assert np.all(np.diff(values) <= 0)


def test_bad_options_are_refused_at_fit():
    rows, _ = draw(50, 20)
    with pytest.raises(ValueError, match="loss must be one of"):
        SpikeShrinkage(loss="l2").fit(rows)
    with pytest.raises(ValueError, match="spikes must be"):
        SpikeShrinkage(spikes=-1).fit(rows)


def test_each_loss_is_least_for_its_own_shrinkage():
    """Against the neighbors of the shrunk value, in the model that the loss is computed in."""
    rows, truth = draw(400, 100, rng=4)
    centered = rows - rows.mean(axis=0)
    lam, vectors = np.linalg.eigh(centered.T @ centered / 399)
    losses = {
        "frobenius": lambda C: np.linalg.norm(C - truth),
        "operator": lambda C: np.linalg.norm(C - truth, 2),
        "precision": lambda C: np.linalg.norm(np.linalg.inv(C) - np.linalg.inv(truth)),
    }
    found = {
        loss: (vectors * spike_shrinkage(lam, n=399, loss=loss, spikes=3)) @ vectors.T
        for loss in losses
    }
    # one draw: the other losses' values may win by their fluctuation, n^(-1/2)
    for loss, size in losses.items():
        assert size(found[loss]) <= 1.05 * min(size(C) for C in found.values())
    order = [spike_shrinkage(lam, n=399, loss=loss)[-1] for loss in losses]
    assert order[2] < order[0] < order[1] < lam[-1]


def test_shrunk_eigenvalues_keep_the_order_of_the_argument():
    lam = np.array([1.0, 9.0, 0.8, 1.2, 0.9, 1.1, 1.05, 0.95, 7.0, 1.0, 0.97, 1.03])
    delta = spike_shrinkage(lam, n=300, spikes=2)
    assert list(np.argsort(-delta, kind="stable")[:2]) == [1, 8]
    assert np.ptp(np.delete(delta, [1, 8])) == 0
