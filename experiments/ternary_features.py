"""Test error of ridge regression on random features of a census table, for several kinds.

Command: python experiments/ternary_features.py [--samples 16000] [--widths 500 1000 ...]
         [--draws 3] [--quick]      (--quick: 1000 samples, prints rows, writes nothing)
Data:    a9a in file order: 16 000 training samples, the next 2000 for the choice of the ridge,
         the first 2000 of its test part for the error. Columns are centered by the training
         mean and scaled to mean squared norm VARIANCE. Labels -1 and 1 are the targets.
Sizes:   500, 1000, 5000, 10 000 and 50 000 features, seeds 0 to 2, only seed 0 above 5000
         (Nyström: at most 5000 landmarks, one seed).
Time:    single precision; up to 5000 features 25 minutes on two cores, the rest about an hour.
Writes:  the table ternary_features; rows of widths that are not asked for stay.
"""

import argparse

import numpy as np
import torch
from _tables import write
from sklearn.kernel_approximation import Nystroem
from tqdm import tqdm

from rmtlib import as_rng
from rmtlib.activations import DCoefficients
from rmtlib.data import load, stored
from rmtlib.quantization import match_activation, ternary_weights

VARIANCE = 2.0
HELD_OUT = 2000
RIDGES = np.geomspace(0.1, 1000, 13)
START = 4
BLOCK = 4000
FLOAT = torch.float32
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
# name: bits of a feature, sparsity of ternary weights (NaN: Gaussian weights)
KINDS = {
    "fourier": (32, np.nan),
    "fourier-4": (4, np.nan),
    "fourier-1": (1, np.nan),
    "ternary-0": (2, 0.0),
    "ternary-50": (2, 0.5),
    "ternary-90": (2, 0.9),
    "nystroem": (32, np.nan),
}
# d0, d1, d2 of cosine and sine features of the same projections
FOURIER = DCoefficients(
    1 - (1 + VARIANCE) * np.exp(-VARIANCE), np.exp(-VARIANCE), np.exp(-VARIANCE) / 4
)


def census(samples: int) -> tuple[np.ndarray, np.ndarray, str]:
    """Data of shape (p, samples + 2 * HELD_OUT): training, validation, test; targets; name."""
    table = load("a9a", fallback="synthetic-table")
    first_test = np.flatnonzero(~table.train)[0]
    keep = np.r_[: samples + HELD_OUT, first_test : first_test + HELD_OUT]
    X, y = table.X[:, keep], table.labels[keep].astype(float)
    X = X - X[:, :samples].mean(axis=1, keepdims=True)
    X *= np.sqrt(VARIANCE / np.mean(np.sum(X[:, :samples] ** 2, axis=0)))
    return X, y, table.name


def fourier_blocks(X: torch.Tensor, N: int, bits: int, seed: int):
    """Blocks of sqrt(2) cos and sin of Gaussian projections, N rows in all, at b bits.

    Below 32 bits a value in [-1, 1] is rounded at random, without bias, to one of 2^b
    equidistant levels.
    """
    W = torch.as_tensor(as_rng(seed).standard_normal((N // 2, len(X))), dtype=FLOAT, device=DEVICE)
    coin = torch.Generator(DEVICE).manual_seed(seed)
    for start in range(0, len(W), BLOCK // 2):
        projections = W[start : start + BLOCK // 2] @ X
        block = torch.cat([torch.cos(projections), torch.sin(projections)])
        if bits < 32:
            step = 2 / (2**bits - 1)
            coins = torch.rand(block.shape, generator=coin, device=DEVICE, dtype=block.dtype)
            block = torch.floor((block + 1) / step + coins) * step - 1
        yield np.sqrt(2) * block


def ternary_blocks(X: torch.Tensor, N: int, sparsity: float, seed: int):
    """Blocks of ternary features: sparse weights, levels -A, 0 and A."""
    match = match_activation(FOURIER, VARIANCE, "ternary").activation
    thresholds, levels = (
        torch.as_tensor(v, dtype=FLOAT, device=DEVICE) for v in (match.thresholds, match.levels)
    )
    W = torch.as_tensor(
        ternary_weights((N, len(X)), sparsity, rng=seed), dtype=FLOAT, device=DEVICE
    )
    for start in range(0, N, BLOCK):
        projections = W[start : start + BLOCK] @ X
        yield levels[torch.searchsorted(thresholds, projections)]


def nystroem_blocks(X: torch.Tensor, samples: int, N: int, seed: int):
    """Nyström features of the Gaussian kernel exp(-|x - y|^2 / 2), by scikit-learn."""
    rows = X.T.cpu().double().numpy()
    transform = Nystroem(kernel="rbf", gamma=0.5, n_components=N, random_state=seed)
    features = transform.fit(rows[:samples]).transform(rows)
    yield np.sqrt(N) * torch.as_tensor(features.T, dtype=FLOAT, device=DEVICE)


def ridge_errors(blocks, y: torch.Tensor, samples: int, N: int) -> dict[int, tuple]:
    """Validation and test error by the ridge's index, with an intercept.

    Features S (divided by sqrt(N), centered): minimizes |y - S' b|^2 + ridge |b|^2, through
    the smaller of S S' and S' S. From the middle of the grid the search walks down the
    validation error to the first ridge that is better than both neighbors.
    """
    mean = y[:samples].mean()
    target = y[:samples] - mean
    dual = samples < N
    kept, gram = [], 0.0
    for raw in blocks:
        S = (raw - raw[:, :samples].mean(dim=1, keepdim=True)) / np.sqrt(N)
        if dual:
            gram = gram + S[:, :samples].T @ S
        else:
            kept.append(S)
    if not dual:
        S = torch.cat(kept)
        gram, moment = S[:, :samples] @ S[:, :samples].T, S[:, :samples] @ target
    square, right = gram[:, : len(gram)], target if dual else moment
    held_out = gram[:, samples:] if dual else S[:, samples:]
    diagonal = square.diagonal().clone()
    errors: dict[int, tuple] = {}

    def validation(index: int) -> float:
        if not 0 <= index < len(RIDGES):
            return np.inf
        if index not in errors:
            square.diagonal().copy_(diagonal + RIDGES[index])
            factor = torch.linalg.cholesky(square)
            solution = torch.cholesky_solve(right[:, None], factor)[:, 0]
            residual = (y[samples:] - mean - held_out.T @ solution).double()
            errors[index] = tuple(part.square().mean().item() for part in residual.split(HELD_OUT))
        return errors[index][0]

    best, step = START, 0
    while step is not None:
        best += step
        step = next((s for s in (-1, 1) if validation(best + s) < validation(best)), None)
    return errors


def row(kind: str, X: torch.Tensor, y: torch.Tensor, samples: int, N: int, seed: int) -> tuple:
    """One row of the table."""
    bits, sparsity = KINDS[kind]
    if kind == "nystroem":
        blocks = nystroem_blocks(X, samples, N, seed)
    elif kind.startswith("ternary"):
        blocks = ternary_blocks(X, N, sparsity, seed)
    else:
        blocks = fourier_blocks(X, N, bits, seed)
    errors = ridge_errors(blocks, y, samples, N)
    best = min(errors, key=lambda index: errors[index][0])
    return kind, N, seed, bits, sparsity, RIDGES[best], *errors[best]


def main() -> None:
    """Compute the table and store it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=16_000)
    parser.add_argument("--widths", type=int, nargs="+", default=[500, 1000, 5000, 10_000, 50_000])
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.samples, options.widths, options.draws = 1000, [200, 2000], 1
    data, targets, name = census(options.samples)
    X, y = (torch.as_tensor(v, dtype=FLOAT, device=DEVICE) for v in (data, targets))
    jobs = [
        (kind, N, seed)
        for N in options.widths
        for kind in KINDS
        for seed in range(options.draws)
        if (seed == 0 or N <= 5000) and (kind != "nystroem" or (seed == 0 and N <= 5000))
    ]
    case = {"kind": "", "features": "d", "seed": "d", "feature_bits": "d", "sparsity": "g"}
    scores = {"ridge": ".6g", "validation_mse": ".6f", "test_mse": ".6f"}
    old = [] if options.quick else stored("ternary_features").rows.tolist()
    rows = [entry for entry in old if entry[1] not in options.widths]
    for kind, N, seed in tqdm(jobs, disable=None):
        rows.append(row(kind, X, y, options.samples, N, seed))
        write(  # after every row: the large ones take long
            "ternary_features",
            f"Ridge regression on random features of {name}, in single precision.",
            case | scores,
            rows,
            seeds=f"0 to {options.draws - 1}, only 0 above 5000 features",
            sizes=f"p = {len(data)}, mean squared norm {VARIANCE:g}; {HELD_OUT} samples for the "
            f"choice of the ridge, {HELD_OUT} for the test error",
            samples=options.samples,
            quick=options.quick,
        )


if __name__ == "__main__":
    main()
