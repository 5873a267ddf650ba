"""Gradient flow with a tangent kernel that stands still."""

import numpy as np
import pytest

from rmtlib import _checks
from rmtlib.kernels import tangent_flow


def test_flow_solves_its_differential_equation():
    rng = _checks.as_rng(4)
    G = rng.standard_normal((6, 4))
    Theta = G.T @ G
    y, u0, times = rng.standard_normal(4), rng.standard_normal(4), np.array([0.3, 0.3 + 1e-6])
    u = tangent_flow(Theta, y, times, initial=u0).outputs
    np.testing.assert_allclose((u[1] - u[0]) / 1e-6, -Theta @ (u[0] - y), atol=1e-3)
    np.testing.assert_allclose(tangent_flow(Theta, y, [0], initial=u0).outputs[0], u0, atol=1e-14)


def test_flow_at_the_training_points_is_the_same_by_both_formulas():
    rng = _checks.as_rng(5)
    G = rng.standard_normal((6, 4))
    Theta, y, u0 = G.T @ G, rng.standard_normal(4), rng.standard_normal(4)
    flow = tangent_flow(Theta, y, [0.0, 0.1, 500.0], initial=u0, Theta_cross=Theta, initial_test=u0)
    np.testing.assert_allclose(flow.test_outputs, flow.outputs, atol=1e-12)
    np.testing.assert_allclose(flow.outputs[2], y, atol=1e-2)


def test_flow_ends_at_ridgeless_kernel_regression():
    rng = _checks.as_rng(6)
    G = rng.standard_normal((9, 7))
    Theta = G.T @ G
    y = rng.standard_normal(4)
    flow = tangent_flow(Theta[:4, :4], y, [1e6], Theta_cross=Theta[:4, 4:])
    wanted = Theta[4:, :4] @ np.linalg.solve(Theta[:4, :4], y)
    np.testing.assert_allclose(flow.test_outputs[0], wanted, rtol=1e-9)


def test_flow_leaves_null_directions_where_they_are():
    flow = tangent_flow([[1, 0], [0, 0]], [1, 1], [3.0], Theta_cross=[[0], [2]])
    np.testing.assert_allclose(flow.outputs[0], [1 - np.exp(-3), 0])
    np.testing.assert_allclose(flow.test_outputs[0], [6.0])  # grows like t, as the formula says


GOOD = {"Theta": [[2.0, 1.0], [1.0, 2.0]], "y": [1.0, 2.0], "times": [0.0, 1.0]}


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("Theta", [[1.0, 2.0]]),
        ("Theta", [[1.0, 2.0], [0.0, 1.0]]),
        ("Theta", [[1.0, 2.0], [2.0, 1.0]]),
        ("Theta", [[np.nan, 0.0], [0.0, 1.0]]),
        ("y", [1.0]),
        ("y", [1.0, np.inf]),
        ("times", []),
        ("times", [-1.0]),
        ("times", 1.0),
        ("times", [np.nan]),
        ("initial", [0.0]),
        ("Theta_cross", [[1.0]]),
        ("initial_test", [1.0]),
    ],
)
def test_flow_refuses_bad_input_by_name(name, bad):
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        tangent_flow(**(GOOD | {name: bad}))


def test_flow_refuses_initial_outputs_of_another_size():
    with pytest.raises(ValueError, match="initial_test must be of shape"):
        tangent_flow(**GOOD, Theta_cross=[[1.0], [0.0]], initial_test=[1.0, 2.0])
