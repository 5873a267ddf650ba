"""Test accuracy of compressed random networks against their memory, on images.

Three hidden layers of equal width, random and kept, with a ridge readout that is trained; the
ridge is chosen on validation images. Methods: the dense ReLU network; ternary weights alone;
ternary weights with matched activations of two or three levels; and, from the weights of the
dense network, 80 % of them zeroed at random, magnitude pruning, and the binary activation
1{|t| > 1}.

Command: python experiments/compression.py [--widths 125 250 ...] [--draws 2] [--quick]
         (--quick: two widths, one draw, digits only, prints and writes nothing)
Data:    digits, mnist, fashion-mnist, cifar10 (pixels), file order: SIZES training, validation and
         test images. Pixels minus their mean over the training images, scaled to mean squared
         norm p; one-hot targets minus their means.
Sizes:   widths 125 to 2000, seeds 0 and 1 (one draw at widths 1000 and 2000).
Time:    in the table's header; about four minutes of one core.
Writes:  experiments/results/compression.txt
"""

import argparse
import time
from pathlib import Path
from textwrap import wrap

import numpy as np
import torch
from tqdm import tqdm

from rmtlib.activations import RELU
from rmtlib.compression import BINARY, compress, last_features, magnitude_pruned, zeroed
from rmtlib.datasets import load
from rmtlib.deep_kernels import kernel_coefficients
from rmtlib.nets import MLP

LAYERS = 3
SIZES = {
    "digits": (900, 300, 597),
    "mnist": (1200, 400, 1000),
    "fashion-mnist": (1200, 400, 1000),
    "cifar10": (1200, 400, 1000),
}
RIDGES = np.geomspace(1e-7, 1, 11)
KINDS = ("weights-only", "three-level", "two-level")
METHODS = [
    ("dense", 0.0),
    *((kind, sparsity) for kind in KINDS for sparsity in (0.0, 0.5, 0.9)),
    ("zeroed", 0.8),
    ("magnitude", 0.5),
    ("magnitude", 0.9),
    ("binary", 0.0),
]


def images(name: str) -> tuple[np.ndarray, np.ndarray, tuple[int, int, int]]:
    """Training, validation and test images side by side, their labels, the three sizes."""
    data = load(name)  # no fallback: a row must be about the data that it names
    training, validation, test = SIZES[name]
    first = np.flatnonzero(~data.train)[0]
    keep = np.r_[: training + validation, first : first + test]
    X = data.X[:, keep] - data.X[:, :training].mean(axis=1, keepdims=True)
    X *= np.sqrt(X[:, :training].size / np.sum(X[:, :training] ** 2))
    return X, data.labels[keep], (training, validation, test)


def build(method: str, sparsity: float, p: int, width: int, seed: int):
    """One network with weights of its own seed."""
    relu = [layer.activation for layer in kernel_coefficients([RELU] * LAYERS, 1.0)[1:]]
    widths = (p, *[width] * LAYERS, 1)
    dense = MLP(widths, relu, rng=seed, dtype=torch.float32)
    if method == "zeroed":
        return zeroed(dense, sparsity, rng=seed)
    if method == "magnitude":
        return magnitude_pruned(dense, sparsity)
    if method == "binary":
        return MLP(widths, BINARY, rng=seed, dtype=torch.float32)
    if method in KINDS:
        return compress(dense, 1.0, sparsity=sparsity, kind=method, rng=seed + 100).network
    return dense


def accuracies(Sigma: np.ndarray, labels: np.ndarray, sizes: tuple) -> np.ndarray:
    """Validation and test accuracy at every ridge, shape (ridges, 2).

    Centered features F of n training images: minimizes |Y - B F|^2 / n + ridge |B|^2.
    """
    n, validation, _ = sizes
    F = torch.as_tensor(Sigma)
    F = (F - F[:, :n].mean(dim=1, keepdim=True)).double()
    Y = torch.as_tensor(np.eye(10)[labels[:n]])
    mean = Y.mean(dim=0)
    dual = n < len(F)
    gram = (F[:, :n].T @ F[:, :n] if dual else F[:, :n] @ F[:, :n].T) / n
    right = (Y - mean) if dual else F[:, :n] @ (Y - mean) / n
    held_out = F[:, :n].T @ F[:, n:] / n if dual else F[:, n:]
    eye = torch.eye(len(gram), dtype=gram.dtype)
    found = []
    for ridge in RIDGES:
        solution = torch.cholesky_solve(right, torch.linalg.cholesky(gram + ridge * eye))
        guess = (held_out.T @ solution + mean).argmax(dim=1).numpy()
        right_ones = guess == labels[n:]
        found.append([right_ones[:validation].mean(), right_ones[validation:].mean()])
    return np.array(found)


def row(name: str, method: str, sparsity: float, width: int, seed: int, data: tuple) -> str:
    """One line of the table."""
    X, labels, sizes = data
    network = build(method, sparsity, len(X), width, seed)
    table = accuracies(last_features(network, X), labels, sizes)
    best = table[:, 0].argmax()
    validation, test = table[best]
    return (
        f"{name},{len(X)},{method},{sparsity:g},{width},{seed},{RIDGES[best]:.3g},"
        f"{validation:.4f},{test:.4f}"
    )


def main() -> None:
    """Compute the table and store it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--widths", type=int, nargs="+", default=[125, 250, 500, 1000, 2000])
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    names = list(SIZES)
    if options.quick:
        options.widths, options.draws, names = [125, 250], 1, ["digits"]
    start = time.perf_counter()
    lines = []
    for name in names:
        data = images(name)
        jobs = [
            (method, sparsity, width, seed)
            for width in options.widths
            for seed in range(min(options.draws, max(1, 1000 // width)))
            for method, sparsity in METHODS
        ]
        lines += [row(name, *job, data) for job in tqdm(jobs, desc=name, disable=None)]
    seconds = time.perf_counter() - start
    sizes = "; ".join(f"{name} {' '.join(map(str, SIZES[name]))}" for name in names)
    about = (
        f"Training, validation and test images: {sizes}. Draws: two, at width 1000 and above one."
    )
    header = [
        "# Test accuracy of random networks with three hidden layers and a ridge readout.",
        *wrap(about, 98, initial_indent="# ", subsequent_indent="# "),
        f"# Made by experiments/compression.py in {seconds:.0f} s on {torch.get_num_threads()}"
        " threads.",
        "data,p,method,sparsity,width,seed,ridge,validation_accuracy,test_accuracy",
    ]
    text = "\n".join([*header, *lines]) + "\n"
    if options.quick:
        print(text)
    else:
        folder = Path(__file__).parent / "results"
        folder.mkdir(exist_ok=True)
        (folder / "compression.txt").write_text(text)


if __name__ == "__main__":
    main()
