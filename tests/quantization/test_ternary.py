"""Ternary weights, memory, packing."""

import numpy as np
import pytest

from rmtlib import _checks
from rmtlib.quantization import (
    memory_bits,
    pack_ternary,
    ternary_kurtosis,
    ternary_weights,
    unpack_ternary,
)


@pytest.mark.parametrize("sparsity", [0, 0.5, 2 / 3, 0.9])
def test_ternary_weights_have_mean_zero_variance_one_and_the_stated_kurtosis(sparsity):
    n = 400_000
    W = ternary_weights((n // 4, 4), sparsity, rng=0)
    scale = 1 / np.sqrt(1 - sparsity)
    assert set(np.unique(W)) <= {-scale, 0.0, scale}
    m4 = ternary_kurtosis(sparsity)
    # 4.5 standard errors; W^2 is 0 or scale^2, so that W^4 = scale^2 W^2
    assert abs(W.mean()) < 4.5 / np.sqrt(n)
    assert abs((W**2).mean() - 1) < 4.5 * np.sqrt((m4 - 1) / n) + 1e-12
    assert (W**4).mean() == pytest.approx(scale**2 * (W**2).mean(), rel=1e-12)
    assert m4 == pytest.approx(scale**2)


def test_kurtosis_is_gaussian_at_two_thirds_and_least_for_signs():
    assert ternary_kurtosis(2 / 3) == pytest.approx(3, rel=1e-14)
    assert ternary_kurtosis(0) == 1


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


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 1023])
def test_packing_is_undone(size):
    W = np.sign(_checks.as_rng(size).standard_normal(size).round()) * 1.5
    data = pack_ternary(W)
    assert len(data) == -(-size // 4)
    np.testing.assert_array_equal(unpack_ternary(data, size, 1.5), W)


def test_packing_keeps_shapes_and_uses_two_bits():
    W = ternary_weights((31, 17), 0.7, rng=3)
    data = pack_ternary(W)
    assert 8 * len(data) == pytest.approx(memory_bits(31 * 17, model="fixed"), abs=8)
    np.testing.assert_array_equal(unpack_ternary(data, (31, 17), 1 / np.sqrt(1 - 0.7)), W)
    assert pack_ternary(np.array([1, 0, -1])) == pack_ternary([1.0, 0.0, -1.0])


RAGGED = [[1.0, 2.0], [3.0]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.1, 1, 1.5, "one", 1j, RAGGED])
@pytest.mark.parametrize(
    "call",
    [
        lambda x: ternary_weights((2, 2), x),
        ternary_kurtosis,
        lambda x: memory_bits(3, sparsity=x),
    ],
    ids=["ternary_weights", "ternary_kurtosis", "memory_bits"],
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
        (lambda: pack_ternary([1, 2]), "W must be ternary"),
        (lambda: pack_ternary([np.nan]), "W must be finite"),
        (lambda: pack_ternary(RAGGED), "W must be a rectangular"),
        (lambda: unpack_ternary("abc", 3), "data must be bytes"),
        (lambda: unpack_ternary(b"\x00", 5), "data must have 2 bytes"),
        (lambda: unpack_ternary(b"\x03", 1), "not in use"),
        (lambda: unpack_ternary(b"\x04", 1), "not in use"),
        (lambda: unpack_ternary(b"\x00", -1), "shape"),
        (lambda: unpack_ternary(b"\x00", 1, scale=0), "scale"),
        (lambda: unpack_ternary(b"\x00", 1, scale=np.nan), "scale"),
    ],
)
def test_bad_arguments_are_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()
