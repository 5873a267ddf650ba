"""Deep equilibrium models in torch: solver, implicit gradients, kernels of finite width."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch

from rmtlib import ConvergenceError, _checks
from rmtlib.activations import ERF, RELU, TANH
from rmtlib.kernels import Equilibrium
from rmtlib.networks import DeepEquilibrium, solve_fixed_point, train
from rmtlib.networks._fixed_point import METHODS


def rows(n, p, rng=0, dtype=torch.float64):
    return torch.as_tensor(_checks.as_rng(rng).standard_normal((n, p)) / p**0.5, dtype=dtype)


def gradients(model, features):
    model.zero_grad()
    (features @ model.beta.T).pow(2).sum().backward()
    return [parameter.grad.clone() for parameter in model.parameters()]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("activation", "feedback"), [("tanh", 0.9), ("ReLU", 0.4), ("erf", 0.45)])
def test_implicit_gradients_are_those_of_unrolling(method, activation, feedback):
    model = DeepEquilibrium(
        activation, p=5, m=60, outputs=2, feedback=feedback, method=method, tol=1e-15, rng=1
    )
    x = rows(6, 5)
    implicit, unrolled = (
        gradients(model, features) for features in (model.features(x), model.unrolled(x, 400))
    )
    for one, other in zip(implicit, unrolled, strict=True):
        assert (one - other).abs().max() < 1e-12 * other.abs().max()


@pytest.mark.parametrize("method", METHODS)
def test_implicit_gradients_pass_gradcheck(method):
    model = DeepEquilibrium(
        TANH, p=3, m=6, outputs=2, feedback=0.5, method=method, tol=1e-14, rng=0
    )
    names = [name for name, _ in model.named_parameters()]

    def outputs(x, *parameters):
        return torch.func.functional_call(model, dict(zip(names, parameters, strict=True)), (x,))

    x = rows(2, 3).requires_grad_()
    assert torch.autograd.gradcheck(outputs, (x, *model.parameters()))


@pytest.mark.parametrize("method", METHODS)
def test_equilibrium_solves_its_equation_and_does_not_depend_on_the_method(method):
    model = DeepEquilibrium(
        RELU, p=20, m=200, outputs=1, feedback=0.9, method=method, tol=1e-12, rng=2
    )
    x = rows(4, 20)
    with torch.no_grad():
        z = model.features(x)
        gap = (model.update(z, x) - z).norm() / z.norm()
        picard = DeepEquilibrium(
            RELU, p=20, m=200, outputs=1, feedback=0.9, tol=1e-12, rng=2
        ).features(x)
    assert gap < 2e-12
    assert model.solution.residual <= 1e-12
    assert len(model.solution.history) == model.solution.iterations
    assert (z - picard).norm() < 1e-10 * z.norm()


def test_picard_converges_at_the_rate_of_the_spectral_radius():
    model = DeepEquilibrium(RELU, p=40, m=800, outputs=1, feedback=1.0, tol=1e-10, rng=3)
    x = rows(3, 40)
    model.features(x)
    history = model.solution.history
    rate = (history[45] / history[15]) ** (1 / 30)
    # sqrt(1/2); the spectral radius of a matrix of size m is off by about m^(-1/2)
    assert abs(rate - 0.5**0.5) < 0.05
    assert abs(model.spectral_radius(x) - 0.5**0.5) < 0.02


def test_anderson_needs_fewer_iterations_near_the_edge():
    counts = {}
    for method in METHODS:
        model = DeepEquilibrium(
            TANH, p=20, m=400, outputs=1, feedback=1.4, method=method, tol=1e-8, rng=1
        )
        model.features(rows(2, 20))
        counts[method] = model.solution.iterations
    assert counts["anderson"] < 0.9 * counts["picard"]


def test_anderson_solves_linear_equations_in_dimension_many_iterations():
    M = torch.as_tensor([[0.9, 0.2, 0.0], [0.0, 0.8, 0.1], [0.1, 0.0, 0.7]], dtype=torch.float64)
    b = torch.ones(1, 3, dtype=torch.float64)
    found = solve_fixed_point(
        lambda z: z @ M.T + b, torch.zeros_like(b), method="anderson", tol=1e-9, memory=3
    )
    torch.testing.assert_close(found.value[0], torch.linalg.solve(torch.eye(3) - M, b[0]))
    assert found.iterations <= 8
    slow = solve_fixed_point(lambda z: z @ M.T + b, torch.zeros_like(b), tol=1e-9)
    assert slow.iterations > 100


def test_rows_do_not_influence_each_other():
    x = rows(5, 10)
    for method in METHODS:
        model = DeepEquilibrium(
            TANH, p=10, m=50, outputs=1, feedback=0.8, method=method, tol=1e-13, rng=1
        )
        together = model.features(x)
        alone = torch.cat([model.features(row[None]) for row in x])
        torch.testing.assert_close(together, alone, rtol=0, atol=1e-11)


def test_single_precision():
    model = DeepEquilibrium(
        "ReLU", p=10, m=100, outputs=1, feedback=0.8, rng=1, dtype=torch.float32
    )
    x = rows(3, 10, dtype=torch.float32)
    out = model(x)
    assert out.dtype == torch.float32
    out.sum().backward()
    double = DeepEquilibrium("ReLU", p=10, m=100, outputs=1, feedback=0.8, rng=1)
    double.load_state_dict(model.state_dict())
    exact = double(x.double())
    exact.sum().backward()
    torch.testing.assert_close(out.double(), exact, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(model.A.grad.double(), double.A.grad, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("device", ["cpu"] + ["cuda"] * torch.cuda.is_available())
def test_every_device_gives_the_same_equilibrium(device):
    model = DeepEquilibrium("tanh", p=10, m=100, outputs=1, feedback=0.8, rng=1)
    x = rows(3, 10)
    state = model.features(x).detach().numpy()
    moved = model.to(device).features(x.to(device)).detach().cpu().numpy()
    np.testing.assert_allclose(moved, state, rtol=1e-10)


def test_memory_of_the_backward_pass_does_not_grow_with_the_iterations():
    saved = {}
    x = rows(8, 10)
    for feedback in (0.2, 0.9):
        model = DeepEquilibrium(TANH, p=10, m=100, outputs=1, feedback=feedback, rng=1)
        for name, features in (
            ("implicit", lambda: model.features(x)),  # noqa: B023
            ("unrolled", lambda: model.unrolled(x, model.solution.iterations)),  # noqa: B023
        ):
            sizes = []
            with torch.autograd.graph.saved_tensors_hooks(
                lambda t: (sizes.append(t.numel()), t)[1],  # noqa: B023
                lambda t: t,
            ):
                features()
            saved[name, feedback] = sum(sizes)
    assert saved["implicit", 0.2] == saved["implicit", 0.9]
    assert saved["unrolled", 0.9] > 3 * saved["unrolled", 0.2]


@pytest.mark.parametrize(("activation", "feedback"), [(RELU, 0.4), (ERF, 0.45), (RELU, 0.8)])
def test_kernels_of_finite_width_approach_the_limits_like_one_over_root_width(activation, feedback):
    X = rows(12, 30).numpy().T
    limit = Equilibrium(activation, feedback=feedback).kernels(X)
    widths, errors = np.array([128, 512, 2048]), []
    for m in widths:
        draws = []
        for seed in range(4 if m < 2000 else 2):
            model = DeepEquilibrium(
                activation, p=30, m=m, outputs=1, feedback=feedback, tol=1e-8, rng=seed
            )
            found = model.kernels(X)
            draws.append(
                [
                    np.linalg.norm(a - b) / np.linalg.norm(b)
                    for a, b in ((found.conjugate, limit.conjugate), (found.tangent, limit.tangent))
                ]
            )
        errors.append(np.mean(draws, axis=0))
    for k in range(2):
        fit = np.polyfit(np.log(widths), np.log(np.array(errors)[:, k]), 1)[0]
        # four draws: 0.15 on each logarithm, 0.1 on the slope over four octaves
        assert abs(fit + 0.5) < 0.25, errors
    assert np.max(errors[-1]) < 0.2


def test_tangent_kernel_is_the_gram_matrix_of_gradients():
    model = DeepEquilibrium(
        TANH,
        p=4,
        m=30,
        outputs=1,
        feedback=0.7,
        injection=0.8,
        input_variance=2.0,
        tol=1e-14,
        rng=5,
    )
    x = rows(3, 4)
    jacobian = []
    for row in x:
        model.zero_grad()
        model(row[None]).sum().backward()
        jacobian.append(torch.cat([w.grad.ravel() for w in model.parameters()]))
    J = torch.stack(jacobian).numpy()
    found = model.kernels(x.numpy().T)
    G, H = found.conjugate, found.tangent
    np.testing.assert_allclose(H, J @ J.T, rtol=1e-11)
    z = model.features(x).detach().numpy()
    np.testing.assert_allclose(G, z @ z.T, rtol=1e-12)


def test_model_is_trained_by_the_common_loop():
    X = rows(20, 5).numpy().T
    model = DeepEquilibrium("ReLU", p=5, m=60, outputs=1, feedback=0.4, rng=0)
    history = train(model, X, np.sign(X[0]), steps=60, learning_rate=0.3)
    assert history.loss[-1] < 0.3 * history.loss[0]


def test_same_seed_same_model():
    one, other, third = (
        DeepEquilibrium("tanh", p=4, m=9, outputs=2, feedback=0.3, rng=seed) for seed in (1, 1, 2)
    )
    assert torch.equal(one.A, other.A)
    assert not torch.equal(one.A, third.A)


def test_failure_names_the_spectral_radius():
    model = DeepEquilibrium(RELU, p=5, m=200, outputs=1, feedback=1.6, max_iterations=60, rng=0)
    with pytest.raises(
        ConvergenceError, match=r"no stable equilibrium, spectral radius .* = 1\.1\d* >= 1"
    ):
        model(rows(2, 5))
    model = DeepEquilibrium(RELU, p=5, m=200, outputs=1, feedback=0.9, max_iterations=10, rng=0)
    with pytest.raises(ConvergenceError, match=r"= 0\.6\d* < 1, raise max_iterations or tol"):
        model(rows(2, 5))


def test_divergence_is_told_from_slow_convergence():
    start = torch.ones(1, 1, dtype=torch.float64)
    with pytest.raises(ConvergenceError, match=r"\(picard\) diverges"):
        solve_fixed_point(lambda z: 1e3 * z**2, start)
    with pytest.raises(ConvergenceError, match="raise max_iterations"):
        solve_fixed_point(lambda z: 2 - z, 0.5 * start, max_iterations=20)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("method", METHODS)
def test_a_diverging_iteration_is_never_a_solution(dtype, method):
    for start in (0.0, 1e30):
        with pytest.raises(ConvergenceError, match=r"diverges|no fixed point"):
            solve_fixed_point(
                lambda z: 2 * z + 1 + z.abs(), torch.full((3, 2), start, dtype=dtype),
                method=method, max_iterations=5000,
            )  # fmt: skip
    if method == "picard":
        with pytest.raises(ConvergenceError, match="diverges"):
            solve_fixed_point(lambda z: 2 * z + 1, torch.zeros(3, 2, dtype=dtype))
    else:
        found = solve_fixed_point(
            lambda z: 2 * z + 1, torch.zeros(3, 2, dtype=dtype), method=method
        )
        torch.testing.assert_close(found.value, torch.full((3, 2), -1.0, dtype=dtype))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_model_with_tripled_weights_diverges_and_says_so(dtype):
    model = DeepEquilibrium(
        RELU, p=5, m=60, outputs=1, feedback=0.9, max_iterations=5000, rng=0, dtype=dtype
    )
    with torch.no_grad():
        model.A.mul_(3)
    with pytest.raises(
        ConvergenceError, match=r"diverges: no stable equilibrium, the iteration gr"
    ):
        model(rows(2, 5, dtype=dtype))


def test_a_backward_pass_that_diverges_is_an_error():
    # the forward pass converges in one step: its slopes are 1, its value is 0
    model = DeepEquilibrium("linear", p=3, m=20, outputs=1, feedback=0.5, rng=0)
    with torch.no_grad():
        model.A.mul_(10)
    out = model(torch.zeros(2, 3, dtype=torch.float64))
    with pytest.raises(ConvergenceError, match=r"diverges|no fixed point"):
        out.sum().backward()


def test_models_are_copied_and_stored_after_a_backward_pass():
    x = rows(2, 5)
    for activation in ("ReLU", TANH, "erf"):
        model = DeepEquilibrium(activation, p=5, m=30, outputs=1, feedback=0.4, rng=0)
        model(x).sum().backward()
        file = io.BytesIO()
        torch.save(model, file)
        file.seek(0)
        for other in (
            copy.deepcopy(model),
            pickle.loads(pickle.dumps(model)),
            torch.load(file, weights_only=False),
        ):
            assert torch.equal(other(x), model(x))
            assert other.solution.iterations == model.solution.iterations


def test_bad_input_is_refused_by_name():
    start = torch.ones(1, 2, dtype=torch.float64)
    good = {"p": 3, "m": 4, "outputs": 1, "activation": "tanh", "feedback": 0.3}
    for name, value in [
        ("start", np.ones((1, 2))),
        ("start", torch.ones(2)),
        ("start", torch.ones(1, 2, dtype=torch.int64)),
        ("method", "newton"),
        ("memory", 0),
        ("tol", np.nan),
        ("tol", 0),
        ("max_iterations", 0),
    ]:
        arguments = {"start": start} | {name: value}
        with pytest.raises(ValueError, match=f"^{name} must"):
            solve_fixed_point(torch.cos, **arguments)
    with pytest.raises(ValueError, match=r"^function must keep the shape"):
        solve_fixed_point(lambda z: z[:, :1], start)
    for name, value in [
        ("p", 0),
        ("m", 2.5),
        ("outputs", -1),
        ("activation", "swish"),
        ("activation", torch.tanh),
        ("feedback", -0.1),
        ("feedback", np.nan),
        ("injection", 0),
        ("input_variance", np.inf),
        ("method", "broyden"),
        ("tol", -1),
        ("max_iterations", 1.0),
        ("rng", "seed"),
    ]:
        with pytest.raises(ValueError, match=f"^{name} must"):
            DeepEquilibrium(**(good | {name: value}))
    model = DeepEquilibrium(**good)
    for X in (np.ones((2, 3)), [[np.nan]] * 3, [1.0, 2.0, 3.0]):
        with pytest.raises(ValueError, match=r"^X must be"):
            model.kernels(X)
    with pytest.raises(ValueError, match=r"^depth must be"):
        model.unrolled(rows(1, 3), 0)
    with pytest.raises(ValueError, match=r"^model must have one output"):
        DeepEquilibrium(**(good | {"outputs": 2})).kernels(np.ones((3, 2)))
