"""Exact draws of a spiked Gaussian sample covariance."""

import numpy as np
import pytest

from rmtlib import as_rng
from rmtlib.covariance import covariance_spike
from rmtlib.laws import spiked_wishart


@pytest.mark.parametrize(("p", "n"), [(40, 90), (90, 40), (50, 50), (2, 2)])
def test_bidiagonal_draws_have_the_law_of_dense_ones(p, n):
    strength, draws = 2.0, 400
    rng = as_rng(p + n)
    dense = np.empty((2, draws))
    for k in range(draws):
        X = rng.standard_normal((p, n))
        X[0] *= np.sqrt(1 + strength)
        values, vectors = np.linalg.eigh(X @ X.T / n)
        dense[:, k] = values[-1], vectors[0, -1] ** 2
    fast = np.array(spiked_wishart(p, n, strength, size=4 * draws, rng=rng))
    error = np.sqrt(dense.var(1) / draws + fast.var(1) / (4 * draws))
    assert np.all(np.abs(dense.mean(1) - fast.mean(1)) < 4 * error)
    np.testing.assert_allclose(fast.std(1), dense.std(1), rtol=0.2)


def test_large_spike_sits_where_the_theorem_says():
    p, n, strength = 400, 1200, 2.0
    expected = covariance_spike(strength, p / n)
    position, alignment = spiked_wishart(p, n, strength, size=200, rng=0)
    error = np.sqrt(expected.variance / n / 200)
    assert abs(position.mean() - expected.position) < 4 * error + 3 / n
    assert abs(alignment.mean() - expected.alignment) < 0.01


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 5, 1.0), "p must be an integer >= 2"),
        ((5, 1, 1.0), "n must be an integer >= 2"),
        ((5.0, 5, 1.0), "p must be an integer"),
        ((5, 5, -1), "strength must be > -1"),
        ((5, 5, np.nan), "strength must be finite"),
        ((5, 5, 1.0, 0), "size must be an integer >= 1"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        spiked_wishart(*arguments)
