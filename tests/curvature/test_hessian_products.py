"""Curvature of torch models: exact cases, the split, products against torch's own Hessian."""

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import eigsh

from rmtlib import as_rng
from rmtlib.curvature import Curvature, lanczos, principal_features, spectral_estimate
from rmtlib.networks import MLP


def data(p=6, n=40, classes=3, seed=0):
    rng = as_rng(seed)
    return rng.standard_normal((p, n)), rng.integers(classes, size=n), rng.standard_normal((3, n))


def reference(network, X, objective):
    """Hessian and gradient by torch.func, from the definition."""
    theta = {k: p.detach() for k, p in network.named_parameters()}
    sizes = [p.numel() for p in theta.values()]

    def loss(flat):
        parts = zip(theta.items(), flat.split(sizes), strict=True)
        named = {k: part.reshape(p.shape) for (k, p), part in parts}
        return objective(torch.func.functional_call(network, named, (torch.as_tensor(X.T),)))

    flat = torch.cat([p.reshape(-1) for p in theta.values()])
    gradient = torch.func.grad(loss)
    return torch.func.jacrev(gradient)(flat).numpy(), gradient(flat).numpy()


LOSSES = {
    "squared": lambda Y, labels: lambda out: ((out - torch.as_tensor(Y.T)) ** 2).sum() / 80,
    "cross-entropy": lambda Y, labels: (
        lambda out: torch.nn.functional.cross_entropy(out, torch.as_tensor(labels))
    ),
}


@pytest.mark.parametrize("activation", ["tanh", "ReLU", "sigmoid"])
@pytest.mark.parametrize("loss", LOSSES)
def test_products_are_those_of_the_hessian_of_the_loss(activation, loss):
    X, labels, Y = data()
    network = MLP([6, 5, 4, 3], activation, bias=0.3, rng=1)
    H, slope = reference(network, X, LOSSES[loss](Y, labels))
    curvature = Curvature(network, X, labels if loss == "cross-entropy" else Y, loss)
    assert curvature.size == len(H) == 5 * 7 + 4 * 6 + 3 * 5
    assert curvature.gradient == pytest.approx(slope, abs=1e-13)
    H0, H1 = curvature.dense()
    assert pytest.approx(H, abs=1e-13) == H0 + H1
    v = as_rng(2).standard_normal((curvature.size, 3))
    assert curvature.hessian @ v == pytest.approx(H @ v, abs=1e-12)
    assert curvature.hessian.matvec(v[:, 0]) == pytest.approx(H @ v[:, 0], abs=1e-12)
    assert curvature.gauss_newton @ v == pytest.approx(H0 @ v, abs=1e-12)
    assert curvature.residual @ v[:, 1] == pytest.approx(H1 @ v[:, 1], abs=1e-12)
    # H0 is positive semidefinite, and of the rank that the sheet of outputs allows
    assert np.linalg.eigvalsh(H0)[0] > -1e-13
    assert np.linalg.eigvalsh(H1)[0] < -1e-5


def test_gauss_newton_part_is_that_of_the_jacobian():
    X, labels, _ = data()
    network = MLP([6, 4, 3], "tanh", rng=3)
    theta = dict(network.named_parameters())
    rows = torch.as_tensor(X.T)
    jacobian = torch.func.jacrev(lambda t: torch.func.functional_call(network, t, (rows,)))(theta)
    J = torch.cat([g.reshape(40, 3, -1) for g in jacobian.values()], dim=2).detach().numpy()
    p = torch.softmax(network(rows), dim=1).detach().numpy()
    weights = np.einsum("ic,cd->icd", p, np.eye(3)) - np.einsum("ic,id->icd", p, p)
    H0, _ = Curvature(network, X, labels, "cross-entropy").dense()
    assert pytest.approx(np.einsum("ica,icd,idb->ab", J, weights, J) / 40, abs=1e-13) == H0
    H0, _ = Curvature(network, X, np.zeros((3, 40)), "squared").dense()
    assert pytest.approx(np.einsum("ica,icb->ab", J, J) / 40, abs=1e-13) == H0


def test_one_linear_layer_has_the_covariance_of_the_inputs_as_its_hessian():
    X, labels, Y = data()
    covariance = np.linalg.eigvalsh(X @ X.T / 40)
    network = torch.nn.Linear(6, 3, bias=False, dtype=torch.float64)
    H0, H1 = Curvature(network, X, Y).dense()
    assert np.linalg.eigvalsh(H0) == pytest.approx(np.sort(np.tile(covariance, 3)))
    assert pytest.approx(np.zeros((18, 18)), abs=1e-14) == H1
    with torch.no_grad():
        network.weight.zero_()
    # equal probabilities: covariance / C with multiplicity C - 1, and one zero an input
    H0, H1 = Curvature(network, X, labels, "cross-entropy").dense()
    expected = np.sort(np.concatenate([np.zeros(6), np.tile(covariance / 3, 2)]))
    assert np.linalg.eigvalsh(H0) == pytest.approx(expected, abs=1e-13)
    assert pytest.approx(np.zeros((18, 18)), abs=1e-13) == H1


def test_residual_part_of_a_two_layer_relu_network_is_symmetric_about_zero():
    X, _, Y = data()
    network = MLP([6, 5, 3], "ReLU", rng=4)
    _, H1 = Curvature(network, X, Y).dense()
    assert H1[:30, :30] == pytest.approx(np.zeros((30, 30)), abs=1e-14)
    assert H1[30:, 30:] == pytest.approx(np.zeros((15, 15)), abs=1e-14)
    lam = np.linalg.eigvalsh(H1)
    assert lam == pytest.approx(-lam[::-1], abs=1e-14)
    assert lam[-1] > 1e-3


def test_rank_of_the_gauss_newton_part_is_at_most_residuals_and_free_directions():
    X, labels, Y = data(n=5)
    network = MLP([6, 8, 3], "tanh", rng=5)
    for loss, y, rank in (("squared", Y[:, :5], 15), ("cross-entropy", labels[:5], 10)):
        H0, _ = Curvature(network, X, y, loss).dense()
        lam = np.linalg.eigvalsh(H0)
        assert np.sum(lam > 1e-12 * lam[-1]) == rank
    # a common shift of all output rows changes no probability: one direction a hidden unit
    X, labels, _ = data(n=60)
    H0, _ = Curvature(network, X, labels, "cross-entropy").dense()
    lam = np.linalg.eigvalsh(H0)
    assert np.sum(lam > 1e-12 * lam[-1]) == 72 - 8


def test_other_architectures_and_tensors_as_they_are():
    torch.manual_seed(int(as_rng(6).integers(2**31)))
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.LazyLinear(2)
    ).double()
    images = torch.as_tensor(as_rng(7).standard_normal((10, 1, 6, 6)))
    network(images)
    labels = torch.as_tensor(as_rng(8).integers(2, size=10))
    curvature = Curvature(network, images, labels, "cross-entropy")
    H0, H1 = curvature.dense()
    step = 1e-5 * as_rng(9).standard_normal(curvature.size)

    def gradient(sign):
        with torch.no_grad():
            offset = 0
            moved = []
            for p in network.parameters():
                part = torch.as_tensor(sign * step[offset : offset + p.numel()]).reshape(p.shape)
                moved.append(p.detach().clone())
                p += part
                offset += p.numel()
        slope = Curvature(network, images, labels, "cross-entropy").gradient
        with torch.no_grad():
            for p, old in zip(network.parameters(), moved, strict=True):
                p.copy_(old)
        return slope

    difference = (gradient(1) - gradient(-1)) / 2
    # central differences: third derivatives times the square of a step of 1e-5
    assert (H0 + H1) @ step == pytest.approx(difference, abs=1e-7 * np.abs(difference).max())
    same = Curvature(
        network, images, labels, lambda out, y: torch.nn.functional.cross_entropy(out, y)
    )
    assert same.dense()[1] == pytest.approx(H1, abs=1e-14)


class Attention(torch.nn.Module):
    """Every row three times, scaled, with attention between the three."""

    def __init__(self):
        super().__init__()
        self.attention = torch.nn.MultiheadAttention(6, 2, batch_first=True)
        self.readout = torch.nn.Linear(6, 3)

    def forward(self, rows):
        z = rows[:, None, :] * rows.new_tensor([1.0, 2.0, 3.0])[None, :, None]
        return self.readout(self.attention(z, z, z, need_weights=False)[0].mean(1))


def group_norm():
    return torch.nn.Sequential(
        torch.nn.Linear(6, 8), torch.nn.GroupNorm(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3)
    )


@pytest.mark.parametrize("build", [group_norm, Attention])
def test_layers_without_batched_or_fused_second_derivatives(build):
    torch.manual_seed(int(as_rng(20).integers(2**31)))
    network = build().double()
    X, _, Y = data()
    curvature = Curvature(network, X, Y)
    H0, H1 = curvature.dense()
    v = as_rng(21).standard_normal(curvature.size)
    h, theta = 1e-5, [p.detach().clone() for p in network.parameters()]
    slopes = []
    for sign in (1, -1):
        parts = torch.as_tensor(sign * h * v).split([p.numel() for p in theta])
        with torch.no_grad():
            for p, old, part in zip(network.parameters(), theta, parts, strict=True):
                p.copy_(old + part.reshape(p.shape))
        slopes.append(Curvature(network, X, Y).gradient)
    # central differences: h^2 times a third derivative
    expected = (slopes[0] - slopes[1]) / (2 * h)
    assert (H0 + H1) @ v == pytest.approx(expected, abs=1e-5 * np.abs(expected).max())
    assert np.linalg.eigvalsh(H0)[0] > -1e-12


def test_a_wrong_second_derivative_of_torch_is_noticed():
    torch.manual_seed(int(as_rng(22).integers(2**31)))
    layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(6, 4))
    network = torch.nn.Sequential(layer, torch.nn.Tanh(), torch.nn.Linear(4, 3)).double()
    X, _, Y = data()
    with pytest.raises(ValueError, match="symmetric Hessian"):
        Curvature(network, X, Y)


def test_operators_keep_to_their_point_when_training_goes_on():
    X, _, Y = data()
    network = MLP([6, 4, 3], "tanh", rng=10)
    curvature = Curvature(network, X, Y)
    v = np.ones(curvature.size)
    before = curvature.hessian @ v, curvature.gauss_newton @ v
    with torch.no_grad():
        for p in network.parameters():
            p += 1.0
    assert np.array_equal(curvature.hessian @ v, before[0])
    assert np.array_equal(curvature.gauss_newton @ v, before[1])
    assert not np.allclose(Curvature(network, X, Y).hessian @ v, before[0])


def test_scipy_and_lanczos_solve_with_the_operators():
    X, labels, _ = data()
    curvature = Curvature(MLP([6, 8, 3], "tanh", rng=11), X, labels, "cross-entropy")
    exact = np.linalg.eigvalsh(sum(curvature.dense()))
    assert eigsh(curvature.hessian, 3, which="LA", return_eigenvectors=False) == pytest.approx(
        exact[-3:], abs=1e-10
    )
    result = lanczos(curvature.hessian, as_rng(12).standard_normal(curvature.size), 72)
    assert result.ritz_values[[0, -1]] == pytest.approx(exact[[0, -1]], abs=1e-10)
    value, error = spectral_estimate(curvature.hessian, steps=5, probes=40, rng=13).mean_of(
        lambda x: x
    )
    assert abs(value - exact.mean()) < 4 * error


def test_a_loss_that_is_linear_in_the_parameters_has_no_curvature():
    network = torch.nn.Linear(6, 1, bias=False, dtype=torch.float64)
    X = data()[0]
    curvature = Curvature(network, X, np.zeros(40), lambda out, y: out.sum())
    assert np.array_equal(curvature.hessian @ np.ones(6), np.zeros(6))
    assert np.array_equal(curvature.gauss_newton @ np.ones(6), np.zeros(6))


def test_single_precision_is_kept():
    X, _, Y = data()
    network = MLP([6, 4, 3], "tanh", rng=14)
    double = Curvature(network, X, Y)
    single = Curvature(network.float(), X, Y)
    assert single.hessian.dtype == single.dense()[0].dtype == np.float32
    assert single.dense()[0] == pytest.approx(double.dense()[0], abs=1e-6)


def test_frozen_parameters_are_left_out():
    X, _, Y = data()
    network = MLP([6, 4, 3], "tanh", rng=15)
    full = Curvature(network, X, Y).dense()[0]
    network.weights[0].requires_grad_(False)
    assert Curvature(network, X, Y).dense()[0] == pytest.approx(full[24:, 24:], abs=1e-14)
    network.weights[1].requires_grad_(False)
    with pytest.raises(ValueError, match="network must have parameters"):
        Curvature(network, X, Y)


def test_bad_input_is_refused_by_name():
    X, labels, Y = data()
    network = MLP([6, 4, 3], "tanh", rng=16)
    for bad in (np.full((6, 40), np.nan), "x", [[1.0], [1.0, 2.0]], np.ones(6), np.empty((6, 0))):
        with pytest.raises(ValueError, match="X must be"):
            Curvature(network, bad, Y)
    with pytest.raises(ValueError, match="X must be"):
        Curvature(network, torch.full((40, 6), torch.nan), Y)
    for bad in (Y[:, :5], Y[:2], np.full((3, 40), np.inf), "x", None, np.ones((2, 3, 40))):
        with pytest.raises(ValueError, match="y must"):
            Curvature(network, X, bad)
    for bad in (labels[:5], Y, labels + 1, labels - 1, labels + 0.0, None):
        with pytest.raises(ValueError, match="y must"):
            Curvature(network, X, bad, "cross-entropy")
    with pytest.raises(ValueError, match="loss must be one of"):
        Curvature(network, X, Y, "hinge")
    with pytest.raises(ValueError, match="loss must be a finite scalar"):
        Curvature(network, X, Y, lambda out, y: out)
    for layer in (torch.nn.Dropout(), torch.nn.BatchNorm1d(6, dtype=torch.float64)):
        model = torch.nn.Sequential(layer, torch.nn.Linear(6, 3, dtype=torch.float64))
        with pytest.raises(ValueError, match="evaluation mode"):
            Curvature(model, X, Y)
        assert Curvature(model.eval(), X, Y).size >= 21
    with pytest.raises(ValueError, match="at most 6000 parameters"):
        Curvature(torch.nn.Linear(6, 1200, dtype=torch.float64), X, np.zeros((1200, 40))).dense()


def test_principal_features_are_uncorrelated_and_of_mean_square_one():
    X = as_rng(17).standard_normal((5, 30)) * np.array([[3], [2], [1], [0.5], [0.1]])
    F = principal_features(X, 3)
    covariance = F @ F.T / 30
    lam = np.linalg.eigvalsh(np.cov(X, bias=True))[::-1][:3]
    assert covariance == pytest.approx(np.diag(3 * lam / lam.sum()), abs=1e-12)
    assert F.mean(axis=1) == pytest.approx(np.zeros(3), abs=1e-13)
    peaks = F[np.arange(3), np.abs(F).argmax(axis=1)]
    assert np.all(peaks > 0)
    assert np.array_equal(
        principal_features(X.astype(int), 2), principal_features(X.astype(int) * 1.0, 2)
    )
    equal = np.full((3, 1000), 14.62)  # their mean is rounded
    for bad in (np.nan * X, "x", [1.0], [], [[1.0], [1.0, 2.0]], np.ones((2, 4)), equal):
        with pytest.raises(ValueError, match="X must"):
            principal_features(bad, 1)
    for bad in (0, 6, 2.0, "1", None):
        with pytest.raises(ValueError, match="components must"):
            principal_features(X, bad)
