"""Replicates: independent, ordered, and the same wherever they run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from joblib import Parallel, parallel_config

from rmtlib import replicate
from rmtlib.covariance import largest_eigenvalue_scale
from rmtlib.laws import TracyWidom, wishart_eigenvalues


def largest_eigenvalue(rng):
    return wishart_eigenvalues(20, 40, rng=rng).max()


def test_draws_do_not_depend_on_the_number_of_workers():
    serial = replicate(largest_eigenvalue, 6, rng=5)
    np.testing.assert_array_equal(serial, replicate(largest_eigenvalue, 6, rng=5, n_jobs=2))


def test_draws_are_different_and_the_first_ones_stay_when_more_are_asked_for():
    few, many = (replicate(largest_eigenvalue, k, rng=5) for k in (3, 6))
    assert len(set(many)) == 6
    assert few == many[:3]


def test_a_generator_moves_on_between_two_calls():
    rng = np.random.default_rng(5)
    first = replicate(largest_eigenvalue, 3, rng=rng)
    assert not set(first) & set(replicate(largest_eigenvalue, 3, rng=rng))


def test_an_error_in_a_draw_is_raised():
    with pytest.raises(ZeroDivisionError):
        replicate(lambda rng: 1 / 0, 2, rng=0)


def test_no_worker_is_refused():
    with pytest.raises(ValueError, match="n_jobs must be None or a nonzero integer, got 0"):
        replicate(largest_eigenvalue, 2, rng=0, n_jobs=0)


def test_the_context_of_joblib_chooses_the_workers():
    with parallel_config(backend="threading", n_jobs=2):
        assert Parallel().n_jobs == 2
        found = replicate(largest_eigenvalue, 4, rng=5)
    assert found == replicate(largest_eigenvalue, 4, rng=5)


def process_and_draw(rng):
    return os.getpid(), largest_eigenvalue(rng)


@pytest.mark.book
def test_a_dask_cluster_computes_the_same_draws_in_its_own_processes():
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster),
        parallel_config(backend="dask"),
    ):
        processes, found = zip(*replicate(process_and_draw, 6, rng=5), strict=True)
    assert list(found) == replicate(largest_eigenvalue, 6, rng=5)
    assert os.getpid() not in processes


@pytest.mark.book
def test_the_script_of_the_page_on_clusters_prints_the_edge_and_the_fluctuations(tmp_path):
    page = Path(__file__).resolve().parents[1] / "chapters" / "cluster.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "edge.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "edge.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    mean, deviation = map(float, done.stdout.split())
    center, scale = largest_eigenvalue_scale(p=400, n=800)
    x = np.linspace(-8, 6, 600)
    density = TracyWidom().pdf(x)
    expected = np.trapezoid(x * density, x)
    spread = np.sqrt(np.trapezoid((x - expected) ** 2 * density, x))
    error = spread / np.sqrt(200)
    assert (mean - center) / scale == pytest.approx(expected, abs=4 * error)
    assert deviation / scale == pytest.approx(spread, abs=4 * error / np.sqrt(2))
