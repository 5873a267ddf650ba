"""Exact draws of a spiked Gaussian sample covariance."""

import numpy as np
import pytest

from rmtlib import as_rng
from rmtlib.covariance import covariance_spike
from rmtlib.laws import sample_covariance_eigenvalues, spiked_wishart, wishart_eigenvalues


@pytest.mark.parametrize("beta", [1, 2])
@pytest.mark.parametrize(("p", "n"), [(40, 90), (90, 40), (50, 50), (2, 2)])
def test_bidiagonal_draws_have_the_law_of_dense_ones(p, n, beta):
    strength, draws = 2.0, 400
    rng = as_rng(p + n)
    dense = np.empty((2, draws))
    for k in range(draws):
        X = rng.standard_normal((p, n))
        if beta == 2:
            X = (X + 1j * rng.standard_normal((p, n))) / np.sqrt(2)
        X[0] *= np.sqrt(1 + strength)
        values, vectors = np.linalg.eigh(X @ X.conj().T / n)
        dense[:, k] = values[-1], np.abs(vectors[0, -1]) ** 2
    top = spiked_wishart(strength, p=p, n=n, size=4 * draws, beta=beta, rng=rng)
    fast = np.array([top.position, top.alignment])
    error = np.sqrt(dense.var(1) / draws + fast.var(1) / (4 * draws))
    assert np.all(np.abs(dense.mean(1) - fast.mean(1)) < 4 * error)
    np.testing.assert_allclose(fast.std(1), dense.std(1), rtol=0.2)


def test_large_spike_sits_where_the_theorem_says():
    p, n, strength = 400, 1200, 2.0
    expected = covariance_spike(strength, ratio=p / n)
    top = spiked_wishart(strength, p=p, n=n, size=200, rng=0)
    error = np.sqrt(expected.variance / n / 200)
    assert abs(top.position.mean() - expected.position) < 4 * error + 3 / n
    assert abs(top.alignment.mean() - expected.alignment) < 0.01


def test_one_draw_is_the_first_of_many():
    one, many = (spiked_wishart(2.0, p=9, n=20, size=size, rng=3) for size in (None, 1))
    assert isinstance(one.position, float)
    assert isinstance(one.alignment, float)
    assert (many.position.tolist(), many.alignment.tolist()) == ([one.position], [one.alignment])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"p": 1}, "p must be an integer >= 2"),
        ({"n": 1}, "n must be an integer >= 2"),
        ({"p": 5.0}, "p must be an integer"),
        ({"strength": -1}, "strength must be > -1"),
        ({"strength": np.nan}, "strength must be finite"),
        ({"size": 0}, "size must be an integer >= 1"),
        ({"beta": 4}, "beta must be 1 or 2"),
    ],
)
def test_bad_input_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        spiked_wishart(**({"strength": 1.0, "p": 5, "n": 5} | change))


def test_complex_draws_have_the_moments_of_complex_data():
    p, n, draws = 20, 30, 2000
    eigenvalues = wishart_eigenvalues(p, n, size=draws, beta=2, rng=0)
    # E tr W^2 / p = 1 + p / n for complex data, without the 1 / n of real ones
    second = np.mean(eigenvalues**2, axis=1)
    assert abs(second.mean() - (1 + p / n)) < 4 * second.std() / np.sqrt(draws)
    rng = as_rng(1)
    X = (rng.standard_normal((200, p, n)) + 1j * rng.standard_normal((200, p, n))) / np.sqrt(2)
    largest = [sample_covariance_eigenvalues(x)[-1] for x in X]
    spread = np.std(largest) * np.sqrt(1 / 200 + 1 / draws)
    assert abs(np.mean(largest) - eigenvalues[:, -1].mean()) < 4 * spread


def test_complex_data_and_their_gram_matrix_share_eigenvalues():
    X = as_rng(2).standard_normal((4, 7)) + 1j * as_rng(3).standard_normal((4, 7))
    expected = np.linalg.eigvalsh(X @ X.conj().T / 7)
    np.testing.assert_allclose(sample_covariance_eigenvalues(X), expected, rtol=1e-10)
    padded = sample_covariance_eigenvalues(X.conj().T)
    np.testing.assert_allclose(padded[3:], expected * 7 / 4, rtol=1e-10)
    assert not padded[:3].any()
