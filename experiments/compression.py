"""Test accuracy of compressed networks against their memory, on images: two tables.

Readout: three hidden layers of equal width, random and kept, with a ridge readout that is
trained; the ridge is chosen on validation images. Methods: the dense ReLU network; ternary
weights alone; ternary weights with matched activations of two or three levels; and, from the
weights of the dense network, 80 % of them zeroed at random, magnitude pruning, and the binary
activation 1{|t| > 1}.

Training: all weights of networks of the same shape with ten outputs, by gradient descent with
momentum on the squared loss; the number of steps is chosen on validation images, and the
outputs before training are subtracted. Methods: dense, weights-only (ternary at the start),
and, with weights that are zero at the start kept at zero, ternary and magnitude-pruned ones.
Rows of width 0 are infinitely wide: the same steps with the limiting tangent kernel. Movement
is that of the Gram matrix of the last features, gap the distance of the test outputs from
those of the limit after all steps, both relative.

Command: python experiments/compression.py [--part readout] [--data mnist ...] [--widths 125 ...]
         [--draws 5] [--quick]
         (--quick: two widths, one draw, digits only, prints and writes nothing)
Data:    digits, mnist, fashion-mnist, cifar10 (pixels), file order: SIZES training, validation and
         test images. Pixels minus their mean over the training images, scaled to mean squared
         norm p; one-hot targets minus their means.
Sizes:   readout: widths 125 to 2000; training: 125 to 1000, at 1000 with 90 % of zeros only.
         Seeds 0, 1, ...: five of the readout at every width; of training two, and one from
         width 1000 on.
Time:    about twenty minutes of one core.
Writes:  the tables compression and compression_training
"""

import argparse
from collections.abc import Iterator

import numpy as np
import torch
from _tables import write
from scipy.stats import norm
from tqdm import tqdm

from rmtlib.activations import RELU, Steps
from rmtlib.data import load
from rmtlib.kernels import deep_kernels, kernel_coefficients
from rmtlib.networks import MLP, compress, last_features, magnitude_pruned, train, zeroed

LAYERS = 3
SIZES = {
    "digits": (900, 300, 597),
    "mnist": (1200, 400, 1000),
    "fashion-mnist": (1200, 400, 1000),
    "cifar10": (1200, 400, 1000),
}
RIDGES = np.geomspace(1e-7, 1, 11)
KINDS = ("weights-only", "three-level", "two-level")
DENSE = ("dense", 0.0)
BINARY = Steps((-1.0, 1.0), (1.0, 0.0, 1.0))  # the naive binary activation
METHODS = [
    DENSE,
    *((kind, sparsity) for kind in KINDS for sparsity in (0.0, 0.5, 0.9)),
    ("zeroed", 0.8),
    ("magnitude", 0.5),
    ("magnitude", 0.9),
    ("binary", 0.0),
]


TRAINED = [
    DENSE,
    *(("weights-only", sparsity) for sparsity in (0.0, 0.5, 0.9)),
    *((method, sparsity) for method in ("zeros kept", "magnitude") for sparsity in (0.5, 0.9)),
]
STEPS, EVERY, MOMENTUM = 40, 4, 0.9
WIDTHS = {"readout": [125, 250, 500, 1000, 2000], "training": [125, 250, 500, 1000]}
DRAWS = {"readout": 5, "training": 2}
TABLES = {"readout": "compression", "training": "compression_training"}
SEEDS = {
    "readout": "0 to {} at every width",
    "training": "0 to {}, fewer at large widths; width 0 is the infinitely wide network",
}
TITLES = {
    "readout": "random networks with three hidden layers and a ridge readout",
    "training": "networks with three hidden layers, all weights trained",
}
CASE = {"data": "", "p": "d", "method": "", "sparsity": "g", "width": "d", "seed": "d"}
SCORES = {"validation_accuracy": ".4f", "test_accuracy": ".4f"}
COLUMNS = {
    "readout": CASE | {"ridge": ".3g"} | SCORES,
    "training": CASE | {"steps": "d"} | SCORES | {"movement": ".4g", "gap": ".4g"},
}


def relu() -> list:
    """Centered activations of all layers, for data of mean squared norm p."""
    return [layer.activation for layer in kernel_coefficients([RELU] * LAYERS, 1.0)[1:]]


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
    widths = (p, *[width] * LAYERS, 1)
    dense = MLP(widths, relu(), rng=seed, dtype=torch.float32)
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


def row(name: str, method: str, sparsity: float, width: int, seed: int, data: tuple) -> tuple:
    """One row of the table."""
    X, labels, sizes = data
    network = build(method, sparsity, len(X), width, seed)
    table = accuracies(last_features(network, X), labels, sizes)
    best = table[:, 0].argmax()
    return name, len(X), method, sparsity, width, seed, RIDGES[best], *table[best]


def readout_rows(name: str, widths: list[int], draws: int) -> Iterator[tuple]:
    """Rows of the first table about one data set."""
    data = images(name)
    for width in tqdm(widths, desc=name, disable=None):
        for seed in range(draws):
            for method, sparsity in METHODS:
                yield row(name, method, sparsity, width, seed, data)


def limit_kernel(method: str, sparsity: float, X: np.ndarray) -> np.ndarray:
    """Tangent kernel of infinite width, for the weights that are trained.

    Magnitude pruning leaves weights of variance v; with g(s t), s^2 = v, those of variance 1
    give the same network, and their gradient is s times that in the weights themselves. If a
    share of the hidden weights does not move, the kernel is K + share (Theta - K).
    """
    variance = 1.0
    if method == "magnitude":
        cut = norm.isf(1 / 2 - sparsity / 2)
        variance = 1 - sparsity + 2 * cut * norm.pdf(cut)
    activations = [g.affine(stretch=np.sqrt(variance)) for g in relu()]
    limit = deep_kernels(activations, X / np.sqrt(len(X)), centered=False)
    K, Theta = limit.conjugate, limit.tangent
    trained = 1 - sparsity if method in ("magnitude", "zeros kept") else 1.0
    return K + trained / variance * (Theta - K)


def limit_outputs(Theta: np.ndarray, Y: np.ndarray, rate: float) -> np.ndarray:
    """Outputs at held-out points along gradient descent with momentum on a fixed kernel.

    Shape (records, held out, 10). In an eigendirection the output after some steps is the
    target times lambda G, and the velocity of G is what the residual 1 - lambda G drives.
    """
    n = len(Y)
    lam, U = np.linalg.eigh(Theta[:n, :n])
    cross, target = Theta[n:, :n] @ U, U.T @ Y
    G, velocity, records = np.zeros(n), np.zeros(n), []
    for step in range(STEPS + 1):
        if step % EVERY == 0:
            records.append(cross @ (G[:, None] * target))
        velocity = MOMENTUM * velocity + (1 - lam * G) / n
        G = G + rate * velocity
    return np.array(records)


def trainable(method: str, sparsity: float, p: int, width: int, seed: int) -> MLP:
    """Ten outputs, hidden weights of `build`; zeros that are kept have no gradient."""
    network = MLP((p, *[width] * LAYERS, 10), relu(), rng=seed, dtype=torch.float32)
    source = build({"zeros kept": "weights-only"}.get(method, method), sparsity, p, width, seed)
    hidden = getattr(source, "network", source).weights[:-1]
    for W, V in zip(network.weights, hidden, strict=False):
        with torch.no_grad():
            W.copy_(V)
        if method in ("zeros kept", "magnitude"):
            W.register_hook(lambda gradient, mask=(V != 0): gradient * mask)
    return network


def training_rows(name: str, widths: list[int], draws: int) -> Iterator[tuple]:
    """Rows of the second table about one data set."""
    X, labels, (n, validation, _) = images(name)
    Y = np.eye(10)[labels[:n]]
    Y -= Y.mean(axis=0)
    rows = torch.as_tensor(X.T.copy()).float()

    def line(method, sparsity, width, seed, outputs, movement, gap):
        hits = outputs.argmax(axis=2) == labels[n:]
        best = hits[:, :validation].mean(axis=1).argmax()
        found = hits[best, :validation].mean(), hits[best, validation:].mean()
        steps = int(best) * EVERY
        return name, len(X), method, sparsity, width, seed, steps, *found, movement, gap

    limits, rates = {}, {}
    for method, sparsity in TRAINED:
        if method == "weights-only":  # the limit of normal weights
            limits[method, sparsity], rates[method, sparsity] = limits[DENSE], rates[DENSE]
            continue
        Theta = limit_kernel(method, sparsity, X)
        rates[method, sparsity] = 0.5 * n / np.linalg.eigvalsh(Theta[:n, :n])[-1]
        limits[method, sparsity] = limit_outputs(Theta, Y, rates[method, sparsity])
        yield line(method, sparsity, 0, 0, limits[method, sparsity], 0.0, 0.0)
    jobs = [
        (*key, width, seed)
        for width in widths
        for seed in range(min(draws, max(1, 1000 // width)))
        for key in TRAINED
        if width <= 500 or key == DENSE or key[1] == 0.9
    ]
    for method, sparsity, width, seed in tqdm(jobs, desc=name, disable=None):
        network = trainable(method, sparsity, len(X), width, seed)
        with torch.no_grad():
            start = network(rows).double().numpy()
        some = X[:, n : n + 300]
        before = last_features(network, some)

        def outputs(network, start=start):
            with torch.no_grad():
                return network(rows[n:]).double().numpy() - start[n:]

        history = train(
            network,
            X[:, :n],
            (Y + start[:n]).T,
            steps=STEPS,
            learning_rate=rates[method, sparsity],
            momentum=MOMENTUM,
            record_every=EVERY,
            measure=outputs,
            progress=False,
        )
        after, along = last_features(network, some), np.array(history.measured)
        K, limit = before.T @ before, limits[method, sparsity][-1]
        movement = np.linalg.norm(after.T @ after - K) / np.linalg.norm(K)
        gap = np.linalg.norm(along[-1] - limit) / np.linalg.norm(limit)
        yield line(method, sparsity, width, seed, along, movement, gap)


PARTS = {"readout": readout_rows, "training": training_rows}


def main() -> None:
    """Compute the tables and store them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--part", choices=PARTS, help="both by default")
    parser.add_argument("--data", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--widths", type=int, nargs="+")
    parser.add_argument("--draws", type=int, help="see DRAWS")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.data, options.widths, options.draws = ["digits"], [64, 125], 1
    for part in [options.part] if options.part else PARTS:
        widths, draws = options.widths or WIDTHS[part], options.draws or DRAWS[part]
        sizes = "; ".join(f"{name} {' '.join(map(str, SIZES[name]))}" for name in options.data)
        write(
            TABLES[part],
            f"Test accuracy of {TITLES[part]}.",
            COLUMNS[part],
            [row for name in options.data for row in PARTS[part](name, widths, draws)],
            seeds=SEEDS[part].format(draws - 1),
            sizes=f"training, validation and test images: {sizes}",
            quick=options.quick,
        )


if __name__ == "__main__":
    main()
