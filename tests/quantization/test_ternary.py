"""Ternary weights, memory."""

import numpy as np
import pytest

from rmtlib.quantization import memory_bits, ternary_weights


@pytest.mark.parametrize("sparsity", [0, 0.5, 2 / 3, 0.9])
def test_ternary_weights_have_mean_zero_variance_one_and_the_stated_kurtosis(sparsity):
    n = 400_000
    W = ternary_weights((n // 4, 4), sparsity, rng=0)
    scale = 1 / np.sqrt(1 - sparsity)
    assert set(np.unique(W)) <= {-scale, 0.0, scale}
    m4 = 1 / (1 - sparsity)
    # 4.5 standard errors; W^2 is 0 or scale^2, so that W^4 = scale^2 W^2
    assert abs(W.mean()) < 4.5 / np.sqrt(n)
    assert abs((W**2).mean() - 1) < 4.5 * np.sqrt((m4 - 1) / n) + 1e-12
    assert (W**4).mean() == pytest.approx(scale**2 * (W**2).mean(), rel=1e-12)
    assert (W**4).mean() == pytest.approx(m4, rel=4.5 * np.sqrt((m4 - 1) / n) + 1e-12)


def test_same_seed_same_weights():
    first, second = (ternary_weights((3, 4), 0.5, rng=1) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert ternary_weights(5, 0.5, rng=1).shape == (5,)


def test_memory_of_the_table():
    p, N, epsilon = 119, 10_000, 0.9
    assert memory_bits(p * N, model="dense") == 38_080_000
    assert memory_bits(p * N, sparsity=epsilon, model="fixed") == 2_380_000
    entropy = memory_bits(p * N, sparsity=epsilon, model="entropy")
    assert entropy == pytest.approx(677_104.76, abs=5e-3)


def test_memory_of_a_deep_network():
    weights = 784 * 2000 + 2000 * 2000 + 2000 * 1100 + 1100 * 5
    sizes = {"weights": weights, "activations": 5100, "sparsity": 0.9}
    assert memory_bits(**sizes, model="dense") == 248_915_200
    assert memory_bits(**sizes, model="published") == pytest.approx(782_450)
    assert memory_bits(**sizes, model="entropy") == pytest.approx(4_428_187.25, abs=5e-3)
    assert memory_bits(**sizes, model="fixed") == 15_552_100
    extra = memory_bits(**sizes, model="fixed", activation_bits=2) - 15_552_100
    assert extra == 5100


def test_dense_signs_take_one_bit():
    assert memory_bits(7, model="entropy") == memory_bits(7, model="published") == 7


RAGGED = [[1.0, 2.0], [3.0]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.1, 1, 1.5, "one", 1j, RAGGED])
@pytest.mark.parametrize(
    "call",
    [lambda x: ternary_weights((2, 2), x), lambda x: memory_bits(3, sparsity=x)],
    ids=["ternary_weights", "memory_bits"],
)
def test_sparsity_is_in_its_range(call, bad):
    with pytest.raises(ValueError, match="sparsity"):
        call(bad)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ternary_weights((2, 0), 0.5), "shape"),
        (lambda: ternary_weights((2.0,), 0.5), "shape"),
        (lambda: ternary_weights(3, 0.5, rng="one"), "rng"),
        (lambda: memory_bits(-1), "weights"),
        (lambda: memory_bits(2.5), "weights"),
        (lambda: memory_bits(1, -1), "activations"),
        (lambda: memory_bits(1, model="sparse"), "model"),
        (lambda: memory_bits(1, activation_bits=0), "activation_bits"),
    ],
)
def test_bad_arguments_are_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()
