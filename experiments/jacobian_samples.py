"""Eigenvalue densities of JJ^T for sampled networks: the figures of Pastur's talk of 2022.

Command: python experiments/jacobian_samples.py [--scale 1.0] [--quick]
         (--scale multiplies the numbers of networks; --quick: a thousandth of them, prints the
         table and writes nothing)
Model:   Gaussian weights of variance 1/n, input variance 1. The talk does not state the
         variance of the biases: here it is 0.1 at depth 2 and 0.01 at depth 32.
Sizes:   widths 10, 30, 100, 1000; linear and HardTanh at depths 2 and 32; at width 1000 and
         depth 2 also tanh, arctan and ReLU. Numbers of networks: NETWORKS below, times --scale.
         The talk has 10^3 (its first figure), 10^4 (second), and 10^7, 10^7, 10^6, 10^4 for the
         four widths (third).
Seeds:   [place of the case in CASES, number of the chunk]; chunks of BATCH networks.
Time:    about 2400 s on two busy cores (NumPy only, a GPU is not used), spread by joblib.
Writes:  the table jacobian_samples
"""

import argparse
import time

import numpy as np
from _tables import write
from joblib import Parallel, delayed
from tqdm import tqdm

from rmtlib.activations import Activation, as_activation
from rmtlib.jacobians import JacobianLaw

BINS = 60  # equal ones, from 0 to REACH times the upper edge of the limit
REACH = 1.3
ZERO = 1e-13  # eigenvalues below this share of the largest count as zeros
BIAS = {2: 0.1, 32: 0.01}
BATCH = {10: 10_000, 30: 2_000, 100: 200, 1000: 5}
NETWORKS = {(10, 2): 10_000_000, (30, 2): 1_000_000, (100, 2): 100_000, (1000, 2): 300,
            (10, 32): 1_000_000, (30, 32): 100_000, (100, 32): 10_000, (1000, 32): 60}  # fmt: skip
FEWER = {"tanh": 100, "arctan": 100, "ReLU": 100}
CASES = [
    (name, depth, n)
    for depth in (2, 32)
    for name in ("linear", "hardtanh", "tanh", "arctan", "ReLU")
    for n in (10, 30, 100, 1000)
    if name in ("linear", "hardtanh") or (depth, n) == (2, 1000)
]


def spectra(
    activation: Activation, *, n: int, depth: int, size: int, rng: np.random.Generator
) -> np.ndarray:
    """Eigenvalues, shape (size, n), of many networks at once; `sample_spectrum` takes them singly.

    Two layers lose nothing by squaring, so the symmetric solver serves; 32 need singular values.
    """
    x = rng.standard_normal((size, n))
    x *= np.sqrt(n) / np.linalg.norm(x, axis=1, keepdims=True)
    J = None
    for _ in range(depth):
        W = rng.standard_normal((size, n, n))
        W *= 1 / np.sqrt(n)
        y = (W @ x[:, :, None])[:, :, 0] + np.sqrt(BIAS[depth]) * rng.standard_normal((size, n))
        J = activation.derivative(y)[:, :, None] * (W if J is None else W @ J)
        x = activation.value(y)
    if depth == 2:
        return np.maximum(np.linalg.eigvalsh(J @ J.swapaxes(1, 2)), 0)
    return np.linalg.svd(J, compute_uv=False)[:, ::-1] ** 2


def chunk(case: int, number: int, size: int, width: float) -> list[np.ndarray]:
    """Counts in the bins (the last: beyond), zeros, sums of powers 1 and 2, sum of the largest."""
    name, depth, n = CASES[case]
    rng = np.random.default_rng([case, number])
    lam = spectra(as_activation(name), n=n, depth=depth, size=size, rng=rng)
    counts = np.bincount(np.minimum(lam / width, BINS).astype(int).ravel(), minlength=BINS + 1)
    zeros = np.sum(lam <= ZERO * lam[:, -1:])
    return [counts, np.array([zeros, lam.sum(), np.sum(lam**2), lam[:, -1].sum()])]


def sample(case: int, scale: float, jobs: int = -1) -> tuple:
    """The table's row of a case."""
    name, depth, n = CASES[case]
    chunks = max(1, round(scale * FEWER.get(name, NETWORKS[n, depth])) // BATCH[n])
    law = JacobianLaw.of_network(name, depth=depth, bias_variance=BIAS[depth])
    width = REACH * law.support()[1] / BINS
    parts = Parallel(n_jobs=jobs)(delayed(chunk)(case, k, BATCH[n], width) for k in range(chunks))
    counts, sums = (sum(x) for x in zip(*parts, strict=True))
    size = chunks * BATCH[n]
    return (name, depth, n, size, width, *(sums / (size * np.array([n, n, n, 1]))),
            counts / (size * n))  # fmt: skip


def store(rows: list[tuple], *, quick: bool) -> None:
    """Write the table."""
    case = {"activation": "", "depth": "d", "n": "d", "networks": "d", "bin_width": ".9g"}
    means = dict.fromkeys(["zeros", "mean", "mean_square", "mean_largest"], ".6g")
    write(
        "jacobian_samples",
        f"Eigenvalues of JJ^T of sampled networks: mean shares of {BINS} equal bins from 0, and of"
        " what is beyond.",
        case | means | {f"shares[{BINS + 1}]": ".6g"},
        rows,
        seeds="[place of the case in CASES, number of the chunk]",
        sizes="the columns n, depth and networks",
        quick=quick,
    )


def main() -> None:
    """Sample all cases, print one line each and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    rows = []
    for case in tqdm(range(len(CASES)), disable=None):
        began = time.perf_counter()
        rows.append(sample(case, 1e-3 if arguments.quick else arguments.scale))
        name, depth, n, size, width, zeros, mean, _, largest, shares = rows[-1]
        tqdm.write(
            f"{name:9} L = {depth:<3} n = {n:<5} networks {size:<8} zeros {zeros:.4f} mean "
            f"{mean:.4f} largest {largest:.3f} (edge {width * BINS / REACH:.3f}) beyond "
            f"{shares[-1]:.2e} {time.perf_counter() - began:.1f} s"
        )
    store(rows, quick=arguments.quick)


if __name__ == "__main__":
    main()
