"""Numbers that the solutions, captions and bounds of the chapter on Jacobians state."""

import json
import re

import numpy as np
import pytest
from notebook import CHAPTERS, numbers, solution

from rmtlib import activations, as_rng, data, jacobians

CHAPTER = "jacobian_spectra"


def caption(name: str) -> str:
    notebook = json.loads((CHAPTERS / f"{CHAPTER}.ipynb").read_text(encoding="utf-8"))
    figures = [c["metadata"].get("mystnb", {}).get("figure", {}) for c in notebook["cells"]]
    (found,) = [figure["caption"] for figure in figures if figure.get("name") == name]
    return found


def powers(text: str) -> list[int]:
    """Whole numbers of a text, where ``$10^7$`` is a power."""
    found = re.findall(r"\$10\^(\d)\$|(?<![\d.^])(\d+)(?![\d.^])", text)
    return [10 ** int(a) if a else int(b) for a, b in found]


def networks(depth: int, names: str) -> set[int]:
    table = data.stored("jacobian_samples").where(depth=depth, n=1000)
    return {row["networks"] for row in table.rows if row["activation"] in names.split()}


def test_captions_state_the_numbers_of_networks():
    table = data.stored("jacobian_samples")
    (stated,) = numbers(r"average over (\d+) networks", caption("fig-js-two-layers"))
    assert networks(2, "linear hardtanh") == {stated}
    pattern = r"(\d+) networks for linear and HardTanh, (\d+) for the others"
    many, fewer = numbers(pattern, caption("fig-js-activations"))
    assert networks(2, "linear hardtanh") == {many}
    assert networks(2, "tanh arctan ReLU") == {fewer}
    text = re.search(r"four widths: (.*) at depth 2, (.*) at depth 32;", caption("fig-js-grid"))
    for depth, part in zip((2, 32), text.groups(), strict=True):
        for name in ("linear", "hardtanh"):
            rows = table.where(depth=depth, activation=name)
            assert rows["networks"].tolist() == powers(part), (depth, name)


@pytest.mark.parametrize("name", ["tanh", "arctan", "ReLU"])
def test_moments_of_the_table_at_width_1000(name):
    row = data.stored("jacobian_samples").where(activation=name, depth=2, n=1000).rows[0]
    n = row["n"]
    J = jacobians.sample_jacobian(name, n=n, depth=2, bias_variance=0.1, rng=as_rng(1))
    first, second = np.sum(J**2) / n, np.sum((J @ J.T) ** 2) / n
    # one network: slopes and variance fluctuate at the rate n^(-1/2)
    assert first == pytest.approx(row["mean"], rel=2 / np.sqrt(n))
    assert second == pytest.approx(row["mean_square"], rel=4 / np.sqrt(n))
    limit = jacobians.JacobianLaw.of_network(name, depth=2, bias_variance=0.1)
    assert row["mean"] == pytest.approx(limit.mean(), rel=1 / np.sqrt(n))


def test_first_moment_is_exact_at_any_width_with_frozen_slopes():
    q = jacobians.preactivation_variances("tanh", depth=2, bias_variance=0.1)
    product = np.prod([jacobians.SquaredSlopes("tanh", v).moment(1) for v in q])
    law = jacobians.JacobianLaw("tanh", q)
    assert law.mean() == pytest.approx(product, rel=1e-12)
    rng, n = as_rng(2), 5
    K = activations.TANH.derivative(np.sqrt(q)[:, None] * rng.standard_normal((20_000, 2, n)))
    W = rng.standard_normal((2, 20_000, n, n)) / np.sqrt(n)
    J = K[:, 1, :, None] * (W[1] @ (K[:, 0, :, None] * W[0]))
    traces = np.sum(J**2, axis=(1, 2)) / n
    assert abs(traces.mean() - product) < 4 * traces.std() / np.sqrt(traces.size)


def test_edge_of_a_deep_linear_network():
    (twice,) = numbers(r"e\(1 - \\frac1\{(\d)L\} \+", solution(CHAPTER, "ex-js-edge"))
    for L in (8, 64):
        edge = jacobians.JacobianLaw("linear", np.ones(L)).support()[1]
        assert edge == pytest.approx((L + 1) ** (L + 1) / L**L, rel=1e-11)
        assert edge / (L + 1) == pytest.approx(np.e * (1 - 1 / (twice * L)), rel=1 / L**2)


def test_gap_of_two_layers_closes_at_the_fixed_point():
    (root,) = numbers(r"diverges like \$\\lambda\^\{-1/(\d)\}\$", solution(CHAPTER, "ex-js-gap"))
    f = activations.HARDTANH
    assert jacobians.JacobianLaw.of_network(f, depth=2, bias_variance=0.1).bands()[0, 0] > 1e-3
    q = jacobians.fixed_point_variance(f, bias_variance=0.1)
    law = jacobians.JacobianLaw(f, [q, q])
    x = np.array([1e-9, 1e-10])
    assert law.bands()[0, 0] == 0
    assert np.diff(np.log(law.pdf(x)))[0] / np.diff(np.log(x))[0] == pytest.approx(-1 / root, 1e-4)


def test_largest_eigenvalue_approaches_the_edge_at_the_stated_rate():
    a, b = numbers(r"falls like \$n\^\{-(\d)/(\d)\}\$", solution(CHAPTER, "ex-js-width"))
    table = data.stored("jacobian_samples").where(activation="linear", depth=2)
    edge = jacobians.JacobianLaw("linear", [1.0, 1.0]).support()[1]
    below = {row["n"]: edge - row["mean_largest"] for row in table.rows}
    slope = np.log(below[30] / below[100]) / np.log(100 / 30)
    assert slope == pytest.approx(a / b, abs=0.5 * 30 ** (-2 / 3))


def test_small_variance_rule_of_the_last_exercise():
    text = solution(CHAPTER, "ex-js-design")
    a, rule = numbers(r"for tanh \$a = (\d)\$, hence \$(\d)q\^2\$", text)
    t = 1e-3
    assert (1 - activations.TANH.derivative(t) ** 2) / t**2 == pytest.approx(a, rel=1e-5)
    assert rule == 2 * a**2
    K = jacobians.SquaredSlopes("tanh", 1e-4)
    assert (K.moment(2) / K.moment(1) ** 2 - 1) / 1e-8 == pytest.approx(rule, rel=2e-3)


def test_bound_on_the_variance_of_a_trace_of_the_resolvent():
    n, draws, xi, rng = 30, 1000, 0.5, as_rng(3)
    K, R = rng.uniform(0, 2, n), np.diag(rng.uniform(0.5, 2, n))
    A = np.diag(rng.choice([-1.0, 1.0], n))
    Y = np.sqrt(R) @ rng.standard_normal((draws, n, n)) / np.sqrt(n)
    G = np.linalg.inv((Y * K) @ Y.transpose(0, 2, 1) + xi * np.eye(n))
    traces = np.trace(G @ A, axis1=1, axis2=2)
    assert 0 < np.var(traces / n) < 1 / (n * xi**2)
    # the step of its proof: one term moves the trace by at most 1 / xi
    Y[:, :, 0] = 0
    fewer = np.linalg.inv((Y * K) @ Y.transpose(0, 2, 1) + xi * np.eye(n))
    assert np.abs(traces - np.trace(fewer @ A, axis1=1, axis2=2)).max() < 1 / xi
