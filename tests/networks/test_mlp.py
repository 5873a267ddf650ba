"""Torch networks: initialization, training, empirical kernels, Jacobians, bad input."""

import copy
import io
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from rmtlib import ConvergenceError, as_rng, networks
from rmtlib.activations import CATALOGUE, ERF, RELU, SIGN, TANH, Activation, Clip, Steps
from rmtlib.kernels import conjugate_kernel, derivative_kernel
from rmtlib.networks import (
    MLP,
    SigmoidNetwork,
    empirical_conjugate_kernel,
    empirical_tangent_kernel,
    train,
)
from rmtlib.networks._activations import torch_activation

PUBLIC = [name for name in dir(networks) if not name.startswith("_")]
X = as_rng(0).standard_normal((5, 12)) / np.sqrt(5)
POINTS = np.linspace(-3, 3, 25) + 0.01  # no kink, no jump


def tensor(array):
    return torch.as_tensor(np.asarray(array, dtype=float))


def all_gradients(network, X):
    """Gradient of every output in all parameters by one reverse pass each."""
    out = network(tensor(X.T))
    return np.array(
        [
            [
                np.concatenate(
                    [
                        g.numpy().ravel()
                        for g in torch.autograd.grad(
                            out[i, k], list(network.parameters()), retain_graph=True
                        )
                    ]
                )
                for i in range(out.shape[0])
            ]
            for k in range(out.shape[1])
        ]
    )


ACTIVATIONS = CATALOGUE | {
    "clip": Clip(1.2, 0.8),
    "steps": Steps([-1, 0.4], [1.3, 0, 1.3]),
    "affine tanh": TANH.affine(2, -1, 3),
    "centered erf": ERF.centered(1.3),
    "affine clip": Clip(1.2, 0.8).affine(-1, 0.3, 2),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_torch_activations_have_the_values_and_slopes_of_the_library(name):
    f = ACTIVATIONS[name]
    t = tensor(POINTS).requires_grad_()
    out = torch_activation(f)(t)
    np.testing.assert_allclose(out.detach(), f(POINTS), rtol=1e-14, atol=1e-14)
    if not f.jumps:
        (slope,) = torch.autograd.grad(out.sum(), t)
        np.testing.assert_allclose(slope, f.derivative(POINTS), rtol=1e-13, atol=1e-13)


def test_steps_take_the_side_of_the_library_at_their_thresholds():
    f = Steps([-1, 0.4], [1.3, 0, 1.3])
    np.testing.assert_array_equal(torch_activation(f)(tensor([-1, 0.4])), f([-1, 0.4]))


SOFTPLUS = Activation("softplus", lambda t: np.logaddexp(0, t), lambda t: 1 / (1 + np.exp(-t)))


def test_an_activation_known_to_numpy_only_works_in_every_transform():
    mixed = MLP([5, 6, 3], SOFTPLUS, rng=1)
    native = MLP([5, 6, 3], torch.nn.functional.softplus, rng=1)
    kernels = [empirical_tangent_kernel(network, X) for network in (mixed, native)]
    np.testing.assert_allclose(*kernels, rtol=1e-12)


def test_second_derivatives_unknown_to_numpy_are_refused_not_zero():
    t = tensor([0.3]).requires_grad_()
    (slope,) = torch.autograd.grad(torch_activation(SOFTPLUS)(t), t, create_graph=True)
    with pytest.raises(NotImplementedError, match="softplus"):
        slope.backward()


@pytest.mark.parametrize("weights", ["gaussian", "rademacher", "uniform", "orthogonal"])
@pytest.mark.parametrize("parametrization", ["ntk", "standard"])
def test_initial_entries_have_the_stated_variance(weights, parametrization):
    network = MLP(
        [300, 200, 400], "tanh", weights=weights, parametrization=parametrization,
        bias=0.7, scale=1.5, rng=0,
    )  # fmt: skip
    for W, fan_in in zip(network.weights, (300, 200), strict=True):
        standard = parametrization == "standard"
        # relative error of a variance of N entries is at most sqrt(2 / N): 6 of them
        variance = 1.5**2 / (fan_in if standard else 1)
        assert W.detach().square().mean().item() == pytest.approx(
            variance, rel=6 * (2 / W.numel()) ** 0.5
        )
    b = torch.cat([b.detach() for b in network.biases])
    variance = 0.7**2 if parametrization == "standard" else 1.0
    assert b.square().mean().item() == pytest.approx(variance, rel=6 * (2 / 600) ** 0.5)


def test_orthogonal_weights_are_orthogonal_up_to_scale():
    network = MLP([4, 9, 3], "tanh", weights="orthogonal", rng=0)
    W1, W2 = (W.detach().numpy() for W in network.weights)
    np.testing.assert_allclose(W1.T @ W1, 9 * np.eye(4), atol=1e-12)
    np.testing.assert_allclose(W2 @ W2.T, 9 * np.eye(3), atol=1e-12)


def test_the_two_parametrizations_start_as_the_same_network():
    networks = [
        MLP([5, 7, 6, 2], ["ReLU", "erf"], parametrization=name, bias=0.4, rng=3)
        for name in ("ntk", "standard")
    ]
    outputs = [network(tensor(X.T)).detach() for network in networks]
    np.testing.assert_allclose(*outputs, rtol=1e-12, atol=1e-14)


def test_forward_pass_is_the_formula():
    network = MLP([5, 7, 2], "tanh", bias=0.4, rng=3)
    (W1, W2), (b1, b2) = (
        [p.detach().numpy() for p in group] for group in (network.weights, network.biases)
    )
    hidden = np.tanh(W1 @ X / np.sqrt(5) + 0.4 * b1[:, None])
    out = W2 @ hidden / np.sqrt(7) + 0.4 * b2[:, None]
    np.testing.assert_allclose(network(tensor(X.T)).detach().T, out, atol=1e-15)


def test_same_seed_gives_the_same_network():
    a, b, c = (MLP([5, 7, 1], "ReLU", rng=seed) for seed in (1, 1, 2))
    assert torch.equal(a.weights[0], b.weights[0])
    assert not torch.equal(a.weights[0], c.weights[0])


@pytest.mark.parametrize("parametrization", ["ntk", "standard"])
@pytest.mark.parametrize("bias", [0, 0.6])
@pytest.mark.parametrize("outputs", [1, 3])
def test_tangent_kernel_is_the_gram_matrix_of_all_gradients(parametrization, bias, outputs):
    network = MLP(
        [5, 8, 6, outputs], ["ReLU", "tanh"], parametrization=parametrization, bias=bias, rng=2
    )
    G, H = all_gradients(network, X), all_gradients(network, X[:, :4])
    expected = np.einsum("kit,kjt->ij", G, H) / outputs
    np.testing.assert_allclose(empirical_tangent_kernel(network, X, X[:, :4]), expected, rtol=1e-12)
    np.testing.assert_allclose(empirical_tangent_kernel(network, X)[:, :4], expected, rtol=1e-12)


def test_tangent_kernel_of_any_module_is_that_of_the_perceptron(monkeypatch):
    network = MLP([5, 8, 6, 2], "erf", bias=0.3, rng=2)

    class Wrapped(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = network

        def forward(self, rows):
            return self.inner(rows)

    expected = empirical_tangent_kernel(network, X, X[:, 3:])
    np.testing.assert_allclose(
        empirical_tangent_kernel(Wrapped(), X, X[:, 3:]), expected, rtol=1e-12
    )
    monkeypatch.setattr("rmtlib.networks._kernels._ENTRIES", 200)  # several blocks of samples
    np.testing.assert_allclose(
        empirical_tangent_kernel(Wrapped(), X, X[:, 3:]), expected, rtol=1e-12
    )
    np.testing.assert_allclose(empirical_tangent_kernel(network, X, X[:, 3:]), expected, rtol=1e-12)


def test_empirical_kernels_approach_their_limits_at_rate_one_over_root_width():
    gram = X.T @ X
    K = conjugate_kernel(RELU, gram)
    T = K + gram * derivative_kernel(RELU, gram)
    errors = []
    for width in (256, 4096):
        found = [
            [
                np.linalg.norm(empirical_conjugate_kernel(net, np.sqrt(5) * X) - K)
                / np.linalg.norm(K),
                np.linalg.norm(empirical_tangent_kernel(net, np.sqrt(5) * X) - T)
                / np.linalg.norm(T),
            ]
            for net in (MLP([5, width, 1], "ReLU", rng=seed) for seed in range(20))
        ]
        errors.append(np.sqrt(np.mean(np.square(found), axis=0)))
    slope = np.log(errors[1] / errors[0]) / np.log(4096 / 256)
    # 20 draws give a root mean square to about 15 %, so the slope to 0.2 / log 16
    np.testing.assert_allclose(slope, -0.5, atol=0.15)
    assert np.all(errors[1] < 0.05)


def test_wide_networks_need_no_gradient_in_memory():
    network = MLP([5, 4096, 4096, 1], "ReLU", rng=0, dtype=torch.float32)
    kernel = empirical_tangent_kernel(network, X)  # gradients would take 12 * 64 MiB
    assert kernel.shape == (12, 12)
    assert np.all(np.linalg.eigvalsh(kernel) > 0)


def test_one_step_of_training_is_the_formula():
    network = MLP([5, 8, 1], "tanh", rng=4)
    y, W = X[0], network.weights[1].detach().clone()
    hidden = np.tanh(network.weights[0].detach().numpy() @ X / np.sqrt(5)) / np.sqrt(8)
    residual = W.numpy() @ hidden - y
    train(network, X, y, steps=1, learning_rate=0.3)
    expected = W.numpy() - 0.3 * residual @ hidden.T / 12
    np.testing.assert_allclose(network.weights[1].detach(), expected, atol=1e-15)


def test_momentum_is_the_heavy_ball():
    y, rate, mu = np.array([[2.0, 4.0]]), 0.1, 0.8
    x = np.array([[1.0, 2.0]])
    network = MLP([1, 1], [], rng=0)
    w, v = network.weights[0].item(), 0.0
    train(network, x, y, steps=5, learning_rate=rate, momentum=mu)
    for _ in range(5):
        v = mu * v + (w - 2.0) * 2.5  # mean of x^2 is 2.5
        w -= rate * v
    assert network.weights[0].item() == pytest.approx(w, rel=1e-12)


def test_gradient_flow_of_a_linear_model_reaches_least_squares():
    y = X[0] - 2 * X[1] + 0.1 * X[2] ** 2
    network = MLP([5, 1], [], rng=0)
    train(network, X, y, steps=1000, learning_rate=20)
    best = np.linalg.lstsq(X.T, y, rcond=None)[0]
    np.testing.assert_allclose(network.weights[0].detach()[0] / np.sqrt(5), best, atol=1e-6)


def test_torch_gradients_equal_back_propagation_by_hand():
    plain = SigmoidNetwork([5, 3, 2], rng=1)
    network = MLP([5, 3, 2], "sigmoid", parametrization="standard", bias=1, rng=0)
    with torch.no_grad():
        for group, source in ((network.weights, plain.W), (network.biases, plain.b)):
            for parameter, value in zip(group, source, strict=True):
                parameter.copy_(torch.as_tensor(value.reshape(parameter.shape)))
    Y = as_rng(2).uniform(size=(2, 12))
    out = torch.sigmoid(network(tensor(X.T)))  # MLP's last layer is linear
    (((out - tensor(Y.T)) ** 2).sum() / 24).backward()
    dW, db = plain.gradient(X, Y)
    for parameter, slope in zip((*network.weights, *network.biases), (*dW, *db), strict=True):
        np.testing.assert_allclose(
            parameter.grad.numpy(), slope.reshape(parameter.shape), atol=1e-16
        )


def test_history_records_what_and_when_it_says():
    labels = (X[0] > 0).astype(int)
    network = MLP([5, 8, 2], "ReLU", rng=4)
    history = train(
        network, X, labels, loss="cross-entropy", steps=25, learning_rate=1, batch=5,
        record_every=10, X_test=X[:, :3], y_test=labels[:3], rng=0,
        measure=lambda net: net.weights[0].norm().item(),
    )  # fmt: skip
    np.testing.assert_array_equal(history.steps, [0, 10, 20, 25])
    assert history.test_loss.shape == history.accuracy.shape == history.test_accuracy.shape == (4,)
    assert len(history.measured) == 4
    assert history.loss[-1] < history.loss[0]
    with torch.no_grad():
        out = network(tensor(X.T))
    assert history.accuracy[-1] == np.mean(out.argmax(1).numpy() == labels)
    assert history.loss[-1] == pytest.approx(
        torch.nn.functional.cross_entropy(out, torch.as_tensor(labels)).item(), rel=1e-12
    )
    squared = train(network, X, np.stack([labels, labels]), steps=1, learning_rate=0.1)
    assert squared.accuracy is squared.test_loss is squared.test_accuracy is None


def test_an_epoch_of_batches_uses_every_sample_once():
    identity = np.eye(6)
    network = MLP([6, 1], [], rng=0)
    with torch.no_grad():
        network.weights[0].zero_()
    train(network, identity, np.ones(6), steps=3, learning_rate=0.1, batch=2, rng=5)
    # every coordinate has been moved once, by 0.1 * (1 / 2) / sqrt(6)
    np.testing.assert_allclose(network.weights[0].detach(), 0.05 / np.sqrt(6), rtol=1e-12)


def test_divergence_is_an_error_that_names_the_learning_rate():
    network = MLP([5, 1], [], rng=0)
    with pytest.raises(ConvergenceError, match="learning_rate = 1e\\+06"):
        train(network, X, X[0], steps=200, learning_rate=1e6)


def test_float32_networks_stay_float32():
    network = MLP([5, 8, 1], "ReLU", rng=0, dtype=torch.float32)
    train(network, X, X[0], steps=2, learning_rate=0.1)
    assert network.weights[0].dtype == torch.float32
    assert empirical_conjugate_kernel(network, X).dtype == np.float32


def test_integer_data_are_right():
    whole = np.arange(10).reshape(5, 2)
    network = MLP([5, 8, 1], "ReLU", rng=0)
    for function in (empirical_conjugate_kernel, empirical_tangent_kernel):
        np.testing.assert_array_equal(function(network, whole), function(network, whole * 1.0))
    losses = [
        train(MLP([5, 8, 1], "ReLU", rng=0), A, b, steps=3, learning_rate=1e-3).loss
        for A, b in ((whole, [1, 2]), (whole * 1.0, [1.0, 2.0]))
    ]
    np.testing.assert_array_equal(*losses)


def test_a_jump_has_no_tangent_kernel():
    network = MLP([5, 8, 1], SIGN, rng=0)
    assert empirical_conjugate_kernel(network, X)[0, 0] == 1
    with pytest.raises(ValueError, match="no tangent kernel"):
        empirical_tangent_kernel(network, X)


BAD_DATA = {
    "nan": np.full((5, 3), np.nan),
    "inf": np.full((5, 3), np.inf),
    "rows": np.ones((4, 3)),
    "empty": np.ones((5, 0)),
    "ragged": [[1, 2], [3]],
    "vector": np.ones(5),
    "text": "one",
}


@pytest.mark.parametrize("bad", BAD_DATA.values(), ids=BAD_DATA)
def test_bad_data_are_refused_by_name(bad):
    network = MLP([5, 8, 1], "ReLU", rng=0)
    for function in (empirical_conjugate_kernel, empirical_tangent_kernel):
        with pytest.raises(ValueError, match="X must"):
            function(network, bad)
    for function in (empirical_conjugate_kernel, empirical_tangent_kernel):
        with pytest.raises(ValueError, match="Y must"):
            function(network, X, bad)
    with pytest.raises(ValueError, match="X must"):
        train(network, bad, [1, 2, 3], steps=1, learning_rate=0.1)
    with pytest.raises(ValueError, match="X_test must"):
        train(network, X, X[0], steps=1, learning_rate=0.1, X_test=bad, y_test=[1, 2, 3])


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"widths": [5]}, "widths"),
        ({"widths": [5, 0, 1]}, "widths"),
        ({"widths": [5, 2.5, 1]}, "widths"),
        ({"activations": ["ReLU", "ReLU"]}, "activations"),
        ({"activations": "swish"}, "activation"),
        ({"activations": 3}, "activation"),
        ({"weights": "normal"}, "weights"),
        ({"parametrization": "mup"}, "parametrization"),
        ({"bias": -1}, "bias"),
        ({"bias": np.nan}, "bias"),
        ({"scale": 0}, "scale"),
        ({"rng": 1.5}, "rng"),
    ],
)
def test_bad_networks_are_refused_by_name(options, name):
    with pytest.raises(ValueError, match=name):
        MLP(**({"widths": [5, 4, 1], "activations": "ReLU"} | options))


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"y": X[0][:5]}, "y"),
        ({"y": np.full(12, np.nan)}, "y"),
        ({"y": np.ones((2, 12))}, "y"),
        ({"y": None}, "y"),
        ({"y": X[0], "loss": "cross-entropy"}, "y"),
        ({"loss": "hinge"}, "loss"),
        ({"steps": 0}, "steps"),
        ({"steps": 1.0}, "steps"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"learning_rate": np.inf}, "learning_rate"),
        ({"momentum": 1}, "momentum"),
        ({"momentum": -0.1}, "momentum"),
        ({"batch": 0}, "batch"),
        ({"batch": 13}, "batch"),
        ({"record_every": 0}, "record_every"),
        ({"X_test": X}, "y_test"),
        ({"rng": "one"}, "rng"),
    ],
)
def test_bad_training_is_refused_by_name(options, name):
    valid = {"X": X, "y": X[0], "steps": 2, "learning_rate": 0.1}
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        train(MLP([5, 4, 1], "ReLU", rng=0), **(valid | options))


def test_a_network_without_hidden_layer_has_no_conjugate_kernel():
    with pytest.raises(ValueError, match="hidden layer"):
        empirical_conjugate_kernel(MLP([5, 1], [], rng=0), X)


class Recurrent(torch.nn.Module):
    """An LSTM over the entries of a row, with a readout."""

    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(1, 4, batch_first=True, dtype=torch.float64)
        self.readout = torch.nn.Linear(4, 2, dtype=torch.float64)

    def forward(self, rows):
        return self.readout(self.lstm(rows[..., None])[0][:, -1])


def test_tangent_kernel_of_a_recurrent_network_is_the_gram_matrix_of_its_gradients():
    network = Recurrent()
    G = all_gradients(network, X)
    expected = np.einsum("kit,kjt->ij", G, G) / 2
    np.testing.assert_allclose(empirical_tangent_kernel(network, X), expected, rtol=1e-11)


def test_layers_that_make_another_function_at_every_call_are_refused():
    for layer in (torch.nn.Dropout(), torch.nn.BatchNorm1d(5)):
        network = torch.nn.Sequential(layer, torch.nn.Linear(5, 1)).double()
        with pytest.raises(ValueError, match="evaluation mode"):
            empirical_tangent_kernel(network, X)
        assert empirical_tangent_kernel(network.eval(), X).shape == (12, 12)


def test_half_precision_comes_back_as_single():
    network = MLP([5, 8, 1], "ReLU", rng=0, dtype=torch.bfloat16)
    exact = MLP([5, 8, 1], "ReLU", rng=0, dtype=torch.bfloat16).double()
    for function in (empirical_conjugate_kernel, empirical_tangent_kernel):
        found = function(network, X)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, function(exact, X), rtol=0.1, atol=0.05)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"y": np.full(12, 2)}, "y"),
        ({"y": np.full(12, -1)}, "y"),
        ({"X_test": X, "y_test": np.full(12, 7)}, "y_test"),
    ],
)
def test_labels_beyond_the_outputs_are_refused_by_name(options, name):
    valid = {"X": X, "y": np.ones(12, dtype=int), "steps": 2, "learning_rate": 0.1}
    with pytest.raises(ValueError, match=rf"^{name} must be"):
        train(MLP([5, 4, 2], "ReLU", rng=0), loss="cross-entropy", **(valid | options))


def test_networks_are_copied_and_stored():
    for activations in ("ReLU", [TANH.affine(2, -1, 3), ERF.centered(1.3)], clip_like()):
        network = MLP([5, 4, 3, 1], activations, rng=0)
        network(tensor(X.T)).sum().backward()
        for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
            assert torch.equal(other(tensor(X.T)), network(tensor(X.T)))
            assert other.weights[0] is not network.weights[0]
    file = io.BytesIO()
    torch.save(network, file)
    file.seek(0)
    same = torch.load(file, weights_only=False)
    assert torch.equal(same(tensor(X.T)), network(tensor(X.T)))


def clip_like():
    return [Steps([-1, 0.4], [1.3, 0, 1.3]), Activation("cube", cube, cube_slope)]


def cube(t):
    return t**3


def cube_slope(t):
    return 3 * t**2


def test_without_torch_the_package_loads_and_says_what_is_missing():
    program = (
        "import sys\n"
        "class Blocked:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'torch':\n"
        "            raise ModuleNotFoundError(name, name='torch')\n"
        "sys.meta_path.insert(0, Blocked())\n"
        "import numpy as np, rmtlib.curvature, rmtlib.networks as networks\n"
        "networks.SigmoidNetwork([2, 2]).forward(np.ones((2, 1)))\n"
        "rmtlib.curvature.principal_features(np.eye(3), 1)\n"
        "for package, name in [(networks, name) for name in dir(networks)] + [\n"
        "    (rmtlib.curvature, 'Curvature')]:\n"
        "    try:\n"
        "        getattr(package, name)\n"
        "    except ImportError as error:\n"
        "        print(name, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert {line.split()[0] for line in lines} == {
        *PUBLIC, "Curvature"
    } - {"SigmoidNetwork"}  # fmt: skip
    assert all("needs torch: pip install rmtlib[torch]" in line for line in lines)


def test_every_name_of_the_package_is_there():
    assert {"MLP", "SigmoidNetwork", "train"} <= {*PUBLIC}
    assert all(hasattr(networks, name) for name in PUBLIC)
