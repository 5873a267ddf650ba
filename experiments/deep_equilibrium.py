"""Deep equilibrium models against explicit networks: kernels, spectra and test accuracy.

Command: python experiments/deep_equilibrium.py [--seeds 5] [--steps 300] [--part kernels|images]
         [--quick]      (--quick: small sizes, prints and writes nothing)
Kernels: two Gaussian classes with different means and covariances, p = 0.8 n, n = 250 to 1000
         (ReLU, erf also 2000), seeds 0 and 1 (one at 2000); operator norms of differences.
         Spectra of the tanh kernels at n = 1000, p = 800, seed 1.
Images:  MNIST and Fashion-MNIST in file order, ten classes: 2500 training images, 500 for the
         choice of ridge (frozen) or step (trained), 1000 test images; centered, mean squared
         norm 1. Frozen: random weights, width 1000, ridge regression on the last features.
         Trained: width 200, all weights by 300 steps of stochastic gradient descent on
         the cross-entropy, batches of 100, momentum 0.9, the step size chosen on MNIST with
         seed 0 from 0.5, 1 and 2. Seeds 0 to 4, the same data for all.
Time:    about 6 minutes for the kernels, 3 for the images, on one core; rows have their own.
Writes:  the tables deep_equilibrium_kernels, deep_equilibrium_spectra, deep_equilibrium_accuracy
"""

import argparse
import time

import numpy as np
import torch
from _tables import write
from tqdm import tqdm

from rmtlib import ConvergenceError
from rmtlib.activations import ERF, RELU, TANH
from rmtlib.data import load
from rmtlib.kernels import (
    Equilibrium,
    deep_kernels,
    kernel_coefficients,
    mixture_equivalent,
    operator_norm,
)
from rmtlib.mixtures import standard_example
from rmtlib.networks import MLP, DeepEquilibrium, train

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
RIDGES = np.geomspace(1e-4, 1e2, 13)
FEEDBACK = {RELU: 0.9, TANH: 0.9}
RATES = (0.5, 1.0, 2.0)
SPLIT = 2500, 500, 1000
WIDTHS = {"frozen": 1000, "trained": 200}


def mixture(n: int, seed: int):
    """Two classes that differ in mean, trace and shape of the covariance; p = 0.8 n."""
    model = standard_example(round(0.8 * n))
    return model, *model.sample(n, normalize=True, rng=seed)


def explicit(activations, X, s0):
    """Conjugate kernel of an explicit network."""
    return deep_kernels(activations, X, input_variance=s0, tangent=False).conjugate


def kernels(sizes, seeds) -> tuple[list, list]:
    """Rows of distances, and the spectra of the tanh kernels."""
    rows, spectra = [], []
    for activation, feedback in ((RELU, 0.4), (RELU, 0.9), (ERF, 0.4), (TANH, 0.4)):
        for n in tqdm(sizes, disable=None):
            if n > 1000 and activation is TANH:
                continue
            for seed in range(1 if n > 1000 else seeds):
                start = time.process_time()
                model, X, labels = mixture(n, seed)
                s0 = model.typical_squared_norm()
                settings = {"feedback": feedback, "input_variance": s0}
                limit = Equilibrium(activation, **settings)
                G = limit.kernels(X, tangent=False, tol=1e-8)
                net = limit.matched_network()
                K = explicit(net, X, s0)
                plain = explicit([activation] * len(net), X, s0)
                near = mixture_equivalent(limit.coefficients, X, labels, model).matrix()
                norms = [operator_norm(G.conjugate - other) for other in (near, K, plain)]
                seconds = time.process_time() - start
                norms = [operator_norm(G.conjugate), *norms, seconds]
                rows.append([activation.name, feedback, len(net), n, seed, *norms])
                if activation is TANH and n == max(m for m in sizes if m <= 1000) and seed == 1:
                    spectra = [np.linalg.eigvalsh(M) for M in (G.conjugate, K, plain)]
    return rows, spectra


def images(name: str, split) -> tuple[list, list, str]:
    """Training, validation and test images of shape (p, n), their labels, and the name."""
    fit, held, test = split
    data = load(name, n=(fit + held, test), fallback="digits")
    first = np.flatnonzero(~data.train)[0]
    fit = min(fit, first - held)
    cuts = [slice(0, fit), slice(fit, first), slice(first, None)]
    X = data.X - data.X[:, cuts[0]].mean(axis=1, keepdims=True)
    X /= np.sqrt(np.mean(np.sum(X[:, cuts[0]] ** 2, axis=0)))
    return [X[:, cut] for cut in cuts], [data.labels[cut] for cut in cuts], data.name


def network(kind, activation, p, width, seed):
    """The model, and what to multiply data by before it sees them."""
    settings = {"feedback": FEEDBACK[activation], "input_variance": 1.0}
    if kind == "deq":
        model = DeepEquilibrium(
            activation,
            p=p,
            m=width,
            outputs=10,
            rng=seed,
            dtype=torch.float32,
            tol=1e-4,
            max_iterations=300,
            **settings,
        )
        return model.to(DEVICE), 1.0
    matched = Equilibrium(activation, **settings).matched_network()
    chosen = matched if kind == "matched" else [activation] * len(matched)
    centered = [layer.activation for layer in kernel_coefficients(chosen, 1.0)[1:]]
    model = MLP([p, *[width] * len(chosen), 10], centered, rng=seed, dtype=torch.float32)
    return model.to(DEVICE), np.sqrt(p)


def features(model, X):
    """Last features, samples in rows."""
    rows = torch.as_tensor(X.T.copy(), dtype=torch.float32, device=DEVICE)
    with torch.no_grad():
        if isinstance(model, DeepEquilibrium):
            return model.features(rows).cpu().numpy().astype(float)
        last = model.layers(rows)[-2]
        return last.cpu().numpy().astype(float) / np.sqrt(last.shape[1])


def frozen(kind, activation, X, y, width, seed):
    """Ridge regression on the last features: ridge by validation, then test accuracy."""
    start = time.process_time()
    model, factor = network(kind, activation, len(X[0]), width, seed)
    Z = [features(model, factor * part) for part in X]
    targets = np.eye(10)[y[0]]
    lam, U = np.linalg.eigh(Z[0].T @ Z[0])
    coordinates = U.T @ (Z[0].T @ targets)
    best = (-1.0, 0.0)
    for ridge in RIDGES:
        weights = U @ (coordinates / (np.maximum(lam, 0) + ridge)[:, None])
        held, test = (
            np.mean(np.argmax(part @ weights, axis=1) == labels)
            for part, labels in zip(Z[1:], y[1:], strict=True)
        )
        best = max(best, (held, test), key=lambda pair: pair[0])
    return best[1], time.process_time() - start


def trained(kind, activation, X, y, width, seed, steps):
    """Test accuracy after training all weights; the step is chosen once, by validation."""

    def run(rate, test):
        model, factor = network(kind, activation, len(X[0]), width, seed)
        start = time.process_time()
        history = train(
            model,
            factor * X[0],
            y[0],
            loss="cross-entropy",
            steps=steps,
            learning_rate=rate,
            momentum=0.9,
            batch=100,
            record_every=steps,
            X_test=factor * X[test],
            y_test=y[test],
            rng=seed,
        )
        return history.test_accuracy[-1], time.process_time() - start

    key = kind, activation.name
    if key not in CHOSEN:
        scores = []
        for rate in RATES:
            try:
                scores.append(run(rate, 1)[0])
            except ConvergenceError:
                scores.append(-1.0)
        CHOSEN[key] = RATES[int(np.argmax(scores))]
    try:
        return *run(CHOSEN[key], 2), CHOSEN[key]
    except ConvergenceError:  # the equilibrium was lost on the way
        return np.nan, np.nan, CHOSEN[key]


CHOSEN: dict = {}


def accuracies(names, split, widths, seeds, steps) -> list:
    """Rows of the table of test accuracies."""
    rows = []
    for name in names:
        X, y, source = images(name, split)
        for activation in (RELU, TANH):
            for seed in tqdm(range(seeds), disable=None):
                for kind in ("deq", "matched", "plain"):
                    case = kind, activation, X, y
                    runs = {
                        "frozen": (*frozen(*case, widths["frozen"], seed), np.nan),
                        "trained": trained(*case, widths["trained"], seed, steps),
                    }
                    for weights, (found, seconds, rate) in runs.items():
                        row = [source, activation.name, kind, weights, widths[weights], seed]
                        rows.append([*row, found, rate, seconds])
    return rows


CASE = {"activation": "", "feedback": "", "layers": "d", "n": "d", "seed": "d"}
NORMS = dict.fromkeys(["norm", "equivalent", "matched", "plain"], ".5g")
MODEL = {"data": "", "activation": "", "model": "", "weights": "", "width": "d", "seed": "d"}


def main():
    """Run what the options ask for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--part", choices=("kernels", "images"))
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1 if DEVICE.type == "cpu" else torch.get_num_threads())
    if options.part != "images":
        sizes, seeds = ([60, 120], 2) if options.quick else ([250, 500, 1000, 2000], 2)
        rows, spectra = kernels(sizes, seeds)
        write(
            "deep_equilibrium_kernels",
            "Operator norms of the conjugate kernel G of equilibrium models and of its differences"
            " from three others.",
            CASE | NORMS | {"seconds": ".1f"},
            rows,
            seeds="0 and 1, one at n = 2000",
            sizes=f"two Gaussian classes, p = 0.8 n, n = {sizes[0]} to {sizes[-1]}",
            quick=options.quick,
        )
        write(
            "deep_equilibrium_spectra",
            "Eigenvalues of tanh kernels, feedback 0.4: equilibrium, matched clipped line, plain"
            " tanh layer.",
            dict.fromkeys(["equilibrium", "matched", "plain"], ".6g"),
            zip(*spectra, strict=True),
            seeds="1",
            sizes=f"two Gaussian classes, n = {len(spectra[0])}, p = 0.8 n",
            quick=options.quick,
        )
    if options.part != "kernels":
        split, widths = SPLIT, WIDTHS
        if options.quick:
            split, widths = (300, 100, 200), dict.fromkeys(WIDTHS, 80)
        names = ["mnist", "fashion-mnist"]
        seeds, steps = (options.seeds, options.steps) if not options.quick else (1, 20)
        rows = accuracies(names, split, widths, seeds, steps)
        write(
            "deep_equilibrium_accuracy",
            "Test accuracy on images, ten classes: equilibrium models (deq), matched and plain"
            " explicit networks.",
            MODEL | {"accuracy": ".4f", "learning_rate": "", "seconds": ".2f"},
            rows,
            seeds=f"0 to {seeds - 1}",
            sizes=f"width {widths['frozen']} (frozen) and {widths['trained']} (trained with {steps}"
            f" steps); {split[0]} training, {split[1]} validation and {split[2]} test images;"
            f" feedback 0.9; processor time in seconds ({DEVICE.type})",
            quick=options.quick,
        )


if __name__ == "__main__":
    main()
