"""Eigenvalue densities of JJ^T for sampled networks: the figures of Pastur's talk of 2022.

Command: python experiments/jacobian_samples.py [--scale 1.0] [--quick]
         (--scale multiplies all numbers of networks; --quick: a thousandth of them, prints the
         table and writes nothing)
Model:   Gaussian weights of variance 1/n, input variance 1. The talk does not state the
         variance of the biases: here it is 0.1 at depth 2 and 0.01 at depth 32.
Sizes:   widths 10, 30, 100, 1000; linear and HardTanh at depths 2 and 32; at width 1000 and
         depth 2 also tanh, arctan and ReLU. Numbers of networks: SAMPLES below, times --scale.
Seeds:   one a chunk of networks, counted from 0.
Time:    about 6000 s on one core at --scale 1 (NumPy only, a GPU is not used); joblib spreads
         it over all cores.
Writes:  the table jacobian_samples
"""

import argparse
import time

import numpy as np
from _tables import write
from joblib import Parallel, delayed
from tqdm import tqdm

from rmtlib import as_rng
from rmtlib.jacobians import JacobianLaw, sample_spectrum

BINS = 60  # equal ones, from 0 to REACH times the upper edge of the limit
REACH = 1.3
ZERO = 1e-13  # eigenvalues below this share of the largest count as zeros
BIAS = {2: 0.1, 32: 0.01}
SAMPLES = {(10, 2): 300_000, (30, 2): 100_000, (100, 2): 30_000, (1000, 2): 1000,
           (10, 32): 100_000, (30, 32): 30_000, (100, 32): 10_000, (1000, 32): 300}  # fmt: skip
CASES = [
    (name, depth, n)
    for depth in (2, 32)
    for name in ("linear", "hardtanh", "tanh", "arctan", "ReLU")
    for n in (10, 30, 100, 1000)
    if name in ("linear", "hardtanh") or (depth, n) == (2, 1000)
]


def chunk(name: str, depth: int, n: int, size: int, width: float, seed: int) -> list[np.ndarray]:
    """Counts in the bins (the last: beyond), zeros, sums of powers 1 and 2, sum of the largest."""
    lam = sample_spectrum(
        name, n=n, depth=depth, bias_variance=BIAS[depth], size=size, rng=as_rng(seed)
    )
    counts = np.bincount(np.minimum(lam / width, BINS).astype(int).ravel(), minlength=BINS + 1)
    zeros = np.sum(lam <= ZERO * lam[:, -1:])
    return [counts, np.array([zeros, lam.sum(), np.sum(lam**2), lam[:, -1].sum()])]


def main() -> None:
    """Sample all cases, print one line each and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    scale = 1e-3 if arguments.quick else arguments.scale
    rows, seed = [], 0
    for name, depth, n in tqdm(CASES, disable=None):
        began = time.perf_counter()
        size = max(2, round(scale * SAMPLES[n, depth]))
        law = JacobianLaw.of_network(name, depth=depth, bias_variance=BIAS[depth])
        width = REACH * law.support()[1] / BINS
        sizes = [len(part) for part in np.array_split(range(size), min(size, 64))]
        parts = Parallel(n_jobs=-1)(
            delayed(chunk)(name, depth, n, part, width, seed + k) for k, part in enumerate(sizes)
        )
        seed += len(sizes)
        counts, sums = (sum(x) for x in zip(*parts, strict=True))
        zeros, first, second, top = sums / (size * np.array([n, n, n, 1]))
        row = (name, depth, n, size, width, zeros, first, second, top)
        rows.append((*row, counts / (size * n)))
        seconds = time.perf_counter() - began
        tqdm.write(
            f"{name:9} L = {depth:<3} n = {n:<5} networks {size:<7} zeros {zeros:.4f} mean "
            f"{first:.4f} (limit {law.mean():.4f}) largest {top:.3f} (edge {law.support()[1]:.3f}) "
            f"{seconds:.1f} s"
        )
    case = {"activation": "", "depth": "d", "n": "d", "networks": "d", "bin_width": ".9g"}
    means = dict.fromkeys(["zeros", "mean", "mean_square", "mean_largest"], ".6g")
    write(
        "jacobian_samples",
        f"Eigenvalues of JJ^T of sampled networks: mean shares of {BINS} equal bins from 0, and of"
        " what is beyond.",
        case | means | {f"shares[{BINS + 1}]": ".6g"},
        rows,
        seeds="one a chunk of networks, counted from 0",
        sizes="the columns n, depth and networks",
        quick=arguments.quick,
    )


if __name__ == "__main__":
    main()
