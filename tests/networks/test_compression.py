"""Compressed networks: kernels, baselines, packed files."""

import numpy as np
import pytest
import torch

from rmtlib import as_rng
from rmtlib.activations import RELU, SIN, TANH, Steps
from rmtlib.kernels import deep_kernels, kernel_coefficients
from rmtlib.networks import (
    MLP,
    TernaryNetwork,
    compress,
    empirical_conjugate_kernel,
    last_features,
    magnitude_pruned,
    zeroed,
)
from rmtlib.networks._ternary import _MAGIC, _sealed, pack, unpack

WIDTHS = (30, 40, 25, 1)
BINARY = Steps((-1.0, 1.0), (1.0, 0.0, 1.0), name="1{|t| > 1}")


def centered(net, variance=1.0):
    return [layer.activation for layer in kernel_coefficients(net, variance)[1:]]


def dense_network(widths=WIDTHS, net=(RELU, RELU), seed=0):
    return MLP(widths, centered(net), rng=seed)


def data(p, n, seed):
    return as_rng(seed).standard_normal((p, n))


# kernels


@pytest.mark.parametrize("kind", ["two-level", "three-level", "weights-only"])
def test_features_of_a_compressed_network_have_its_kernel(kind):
    """The mean of Gram matrices tends to the limit of infinite width of the same activations."""
    p, n, width, draws = 60, 8, 600, 12
    X = data(p, n, 1)
    limit = deep_kernels(
        compress(dense_network((p, 5, 5, 1)), 1.0, kind=kind, rng=0).match.activations,
        X / np.sqrt(p),
        centered=False,
        tangent=False,
    ).conjugate
    dense = dense_network((p, width, width, 1))
    grams = []
    for seed in range(draws):
        small = compress(dense, 1.0, sparsity=2 / 3, kind=kind, rng=seed).network
        Sigma = last_features(small, X)
        grams.append(Sigma.T @ Sigma)
    # entries vary like variance / sqrt(width draws); p = 60 weights a sum are not quite normal
    size = np.trace(limit) / n
    error = np.abs(np.mean(grams, axis=0) - limit).max()
    assert error < 8 * size / np.sqrt(width * draws) + 2 * size / p


def test_network_and_features_agree():
    small = compress(dense_network(), 1.0, sparsity=0.5, rng=0).network
    X = data(30, 7, 2)
    Sigma = last_features(small, X)
    assert Sigma.shape == (25, 7)
    np.testing.assert_array_equal(small(torch.as_tensor(X.T)).numpy(), Sigma.T)
    np.testing.assert_allclose(
        Sigma.T @ Sigma, empirical_conjugate_kernel(small.network, X), atol=1e-14
    )


def test_forward_pass_is_the_formula():
    small = compress(dense_network(), 1.0, sparsity=0.5, rng=0).network
    X = a = data(30, 7, 2)
    for S, f in zip(small.signs, small.activations, strict=True):
        a = f(S / np.sqrt(0.5) @ a / np.sqrt(len(a)))
    np.testing.assert_allclose(last_features(small, X), a / 5, atol=1e-13)


def test_dense_features_have_the_kernel_of_the_network():
    network, X = dense_network(), data(30, 7, 3)
    Sigma = last_features(network, X)
    np.testing.assert_allclose(Sigma.T @ Sigma, empirical_conjugate_kernel(network, X), atol=1e-14)


def test_weights_are_fresh_and_sparse():
    dense = dense_network((200, 300, 1), (RELU,))
    small = compress(dense, 1.0, sparsity=0.9, rng=1).network
    S = small.signs[0]
    assert S.shape == (300, 200)
    assert S.dtype == np.int8
    # binomial: four standard deviations of 60 000 weights
    assert abs(np.mean(S == 0) - 0.9) < 4 * np.sqrt(0.09 / S.size)
    W = dense.weights[0].detach().numpy()
    assert abs(np.mean(np.sign(W) * S)) < 4 * np.sqrt(0.1 / S.size)
    same, other = (compress(dense, 1.0, sparsity=0.9, rng=k).network.signs[0] for k in (1, 2))
    assert np.array_equal(S, same)
    assert not np.array_equal(S, other)


def test_activations_match_and_the_shift_is_reported():
    result = compress(dense_network(), 1.0, kind="two-level", rng=0)
    small, match = result.network, result.match
    assert match.ridge_shift == pytest.approx(0.3426197264, abs=1e-10)
    assert small.activations == match.activations
    assert all(isinstance(f, Steps) for f in small.activations)


def test_dtype_follows_the_network():
    dense = MLP(WIDTHS, "ReLU", rng=0, dtype=torch.float32)
    small = compress(dense, 1.0, rng=0).network
    assert last_features(small, data(30, 3, 0)).dtype == np.float32


# baselines


def test_magnitude_pruning_removes_the_smallest_weights():
    network = dense_network()
    pruned = magnitude_pruned(network, 0.7)
    for W, V in zip(network.weights[:-1], pruned.weights[:-1], strict=True):
        W, V = W.detach().numpy(), V.detach().numpy()
        kept = V != 0
        assert kept.sum() == W.size - round(0.7 * W.size)
        np.testing.assert_array_equal(V[kept], W[kept])
        assert np.abs(W[~kept]).max() < np.abs(W[kept]).min()
    assert torch.equal(network.weights[-1], pruned.weights[-1])


def test_magnitude_pruning_keeps_the_variance_of_its_tail():
    """90 % pruned: the kept tenth carries E xi^2 1{|xi| > 1.645} = 0.44 of the variance."""
    pruned = magnitude_pruned(dense_network((400, 400, 1), (RELU,)), 0.9)
    second = float(pruned.weights[0].detach().square().mean())
    u = 1.6448536
    expected = 0.1 + 2 * u * np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi)
    assert second == pytest.approx(expected, abs=4 * np.sqrt(3 / 400**2))


def test_zeroing_keeps_a_random_share_and_does_not_rescale():
    network = dense_network((200, 300, 1), (RELU,))
    sparse = zeroed(network, 0.8, rng=1)
    W, V = (net.weights[0].detach().numpy() for net in (network, sparse))
    kept = V != 0
    assert abs(kept.mean() - 0.2) < 4 * np.sqrt(0.16 / W.size)
    np.testing.assert_array_equal(V[kept], W[kept])
    assert np.array_equal(V, zeroed(network, 0.8, rng=1).weights[0].detach().numpy())


def test_baselines_leave_the_original_alone():
    network = dense_network()
    before = [W.detach().clone() for W in network.weights]
    zeroed(network, 0.8, rng=0)
    magnitude_pruned(network, 0.8)
    assert all(torch.equal(W, V) for W, V in zip(network.weights, before, strict=True))


def test_nothing_is_removed_at_zero():
    network = dense_network()
    for copy in (zeroed(network, 0, rng=0), magnitude_pruned(network, 0)):
        assert all(torch.equal(W, V) for W, V in zip(network.weights, copy.weights, strict=True))


def test_biases_and_parametrization_of_baselines_are_kept():
    network = MLP(WIDTHS, "tanh", bias=0.5, parametrization="standard", rng=0)
    rows = torch.as_tensor(data(30, 4, 0).T)
    assert torch.equal(network(rows), zeroed(network, 0, rng=0)(rows))


# files


@pytest.mark.parametrize("kind", ["two-level", "three-level"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("net", [(RELU, RELU), (TANH, SIN)], ids=str)
def test_saved_networks_come_back_to_the_last_bit(tmp_path, kind, dtype, net):
    path = tmp_path / "network.bin"
    dense = MLP((30, 41, 25, 1), list(net), rng=0, dtype=dtype)
    small = compress(dense, 1.3, sparsity=0.7, kind=kind, rng=3).network
    size = small.save(path)
    assert size == path.stat().st_size == small.packed_size
    again = TernaryNetwork.load(path)
    X = data(30, 9, 4)
    np.testing.assert_array_equal(last_features(again, X), last_features(small, X))
    assert (again.widths, again.sparsity) == (small.widths, small.sparsity)


def test_file_takes_two_bits_a_weight_and_a_header():
    small = compress(dense_network((100, 300, 200, 1)), 1.0, sparsity=0.9, rng=0).network
    weights = 100 * 300 + 300 * 200
    assert weights / 4 < small.packed_size < weights / 4 + 600


def test_weights_only_networks_are_not_packed(tmp_path):
    small = compress(dense_network(), 1.0, kind="weights-only", rng=0).network
    with pytest.raises(ValueError, match="piecewise-constant activations to be packed, got 'ReLU'"):
        small.save(tmp_path / "network.bin")
    with pytest.raises(ValueError, match="piecewise-constant"):
        _ = small.packed_size


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda b: b[:-1], "bytes of weights"),
        (lambda b: b + b"\0", "bytes of weights"),
        (lambda b: b"", "damaged header"),
        (lambda b: b.replace(b'"widths"', b'"width"'), "damaged header"),
        (lambda b: b.replace(b"float64", b"float16"), "damaged header"),
        (lambda b: b.replace(b"[30, ", b"[-3, "), "damaged header"),
        (lambda b: b.replace(b'"sparsity": 0.5', b'"sparsity": 1.5'), "sparsity"),
        (lambda b: b[:-1] + b"\xff", "not in use"),
    ],
)
def test_damaged_files_are_refused(tmp_path, damage, message):
    path = tmp_path / "network.bin"
    compress(dense_network(), 1.0, sparsity=0.5, rng=0).network.save(path)
    body = path.read_bytes().split(b"\n", 2)[2]
    path.write_bytes(_sealed(damage(body)))  # with a checksum that fits
    with pytest.raises(ValueError, match=message):
        TernaryNetwork.load(path)


def test_a_changed_byte_anywhere_is_noticed(tmp_path):
    path = tmp_path / "network.bin"
    compress(dense_network((6, 8, 1), (RELU,)), 1.0, sparsity=0.5, rng=0).network.save(path)
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises(ValueError, match=r"no packed network|damaged"):
            TernaryNetwork.load(path)
    for other in (b"PK" + whole, b"", whole[:-1], whole + b"\0"):
        path.write_bytes(other)
        with pytest.raises(ValueError, match=r"no packed network|damaged"):
            TernaryNetwork.load(path)
    assert whole.startswith(_MAGIC)


def test_a_deeply_nested_header_is_a_damaged_one(tmp_path):
    path = tmp_path / "network.bin"
    path.write_bytes(_sealed(b"[" * 10**6 + b"\n"))
    with pytest.raises(ValueError, match="damaged header"):
        TernaryNetwork.load(path)


@pytest.mark.parametrize("size", range(1, 10))
def test_packed_signs_come_back_from_a_quarter_of_a_byte_each(size):
    signs = as_rng(size).integers(-1, 2, (size, 1)).astype(np.int8)
    packed = pack(signs)
    assert len(packed) == -(-size // 4)
    np.testing.assert_array_equal(unpack(packed, (size, 1)), signs)
    assert pack(np.array([0, 1, -1, 0, 1])) == b"$\x01"


# bad input


def with_bias():
    return MLP(WIDTHS, "ReLU", bias=1.0, rng=0)


NET = dense_network()
STEP = BINARY


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: compress("net", 1.0), "network must be a MLP"),
        (lambda: compress(with_bias(), 1.0), "no biases, got bias 1"),
        (lambda: compress(MLP(WIDTHS, torch.relu, rng=0), 1.0), "activations of the library"),
        (lambda: compress(MLP((3, 1), [], rng=0), 1.0), "hidden layer"),
        (lambda: compress(NET, -1.0), "input_variance must be positive"),
        (lambda: compress(NET, np.nan), "input_variance"),
        (lambda: compress(NET, 1.0, sparsity=1), "sparsity must be below 1"),
        (lambda: compress(NET, 1.0, sparsity=-0.1), "sparsity"),
        (lambda: compress(NET, 1.0, kind="binary"), "kind must be"),
        (lambda: compress(NET, 1.0, rng=-1), "rng"),
        (lambda: zeroed("net", 0.5), "network must be"),
        (lambda: zeroed(NET, 1), "fraction must be below 1"),
        (lambda: zeroed(NET, np.nan), "fraction"),
        (lambda: magnitude_pruned("net", 0.5), "network must be"),
        (lambda: magnitude_pruned(NET, 1.5), "fraction"),
        (lambda: magnitude_pruned(NET, -0.5), "fraction"),
        (lambda: last_features("net", np.ones((3, 2))), "network must be"),
        (lambda: last_features(MLP((3, 1), [], rng=0), np.ones((3, 2))), "hidden layer"),
        (lambda: last_features(NET, np.ones((3, 2))), "X must"),
        (lambda: last_features(NET, np.full((30, 2), np.nan)), "X must"),
        (lambda: TernaryNetwork([], 0.0, []), "signs must"),
        (lambda: TernaryNetwork([[[2, 0]]], 0.0, [STEP]), "-1, 0 or 1, got up to 2"),
        (lambda: TernaryNetwork([[[1, 0]]], 1.0, [STEP]), "sparsity must be below 1"),
        (lambda: TernaryNetwork([[[1, 0]]], 0.0, [STEP, STEP]), "activations must be one"),
        (lambda: TernaryNetwork([[[1, 0]], [[1, 1]]], 0.0, [STEP] * 2), "1 columns"),
        (lambda: TernaryNetwork([[[1]]], 0.0, [STEP], dtype=torch.float16), "dtype must be"),
    ],
)
def test_bad_arguments_are_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_integers_are_right():
    one, two = (compress(NET, v, sparsity=0, rng=0).network for v in (1, 1.0))
    X = as_rng(0).integers(-2, 3, (30, 4))
    np.testing.assert_array_equal(last_features(one, X), last_features(two, X * 1.0))
