"""Every kind of line of the compression chapter's figure of accuracy, recomputed on a slice.

One width and one seed of the table for each method, share of zeros and data set, with the
functions of the script that made it. Data sets that are not on this machine are skipped.
"""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from rmtlib.data import DataUnavailable, stored

pytestmark = pytest.mark.book  # the script needs torch
EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
WIDTH, SEED = 125, 4


@pytest.fixture(scope="module")
def script():
    sys.path.insert(0, str(EXPERIMENTS))
    try:
        yield importlib.import_module("compression")
    finally:
        sys.path.remove(str(EXPERIMENTS))


@pytest.mark.parametrize("name", ["digits", "mnist", "fashion-mnist", "cifar10"])
def test_a_slice_of_the_table_is_recomputed(script, name):
    try:
        images = script.images(name)
    except DataUnavailable:
        pytest.skip(f"missing data: {name}")
    table = stored("compression")
    test_images = script.SIZES[name][2]
    for method, sparsity in script.METHODS:
        row = table.where(data=name, method=method, sparsity=sparsity, width=WIDTH, seed=SEED).rows
        assert len(row) == 1
        *_, accuracy = script.row(name, method, sparsity, WIDTH, SEED, images)
        # rounding in single precision may turn a few images, or the choice of the ridge
        spread = np.std(
            table.where(data=name, method=method, sparsity=sparsity, width=WIDTH)["test_accuracy"]
        )
        assert abs(accuracy - row["test_accuracy"][0]) <= max(3 / test_images, spread / 2)


def test_five_draws_at_every_width(script):
    table = stored("compression")
    for name in script.SIZES:
        for method, sparsity in script.METHODS:
            for width in script.WIDTHS["readout"]:
                rows = table.where(data=name, method=method, sparsity=sparsity, width=width)
                assert sorted(rows["seed"]) == [0, 1, 2, 3, 4]
