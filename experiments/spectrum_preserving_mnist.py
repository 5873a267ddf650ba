"""Handwritten digits learned with an activation that preserves the spectrum, and with ReLU.

The third experiment of the report of M. Ponnapati (2018): a network with one hidden layer,
with f3 (a normalized absolute value) and with ReLU of mean 0 and variance 1, here for a number
of training images.

Command: python experiments/spectrum_preserving_mnist.py [--quick]
         (--quick: 50 steps, one seed, prints and writes nothing)
Data:    MNIST, centered, one scale for all pixels; the first images of the training part; the
         first 2000 of the test part.
Model:   60 hidden neurons, standard parametrization, biases of scale 0.1; cross-entropy, 600
         steps on batches of 50, learning rate 0.01, momentum 0.9. Seeds 0 to 2.
Time:    half a minute on one core.
Writes:  the table spectrum_preserving_mnist: activation (0 f3, 1 ReLU), training images, seed,
         test accuracy after 100 and after 600 steps.
"""

import argparse

from _tables import write
from joblib import Parallel, delayed

from rmtlib.activations import ABS, RELU
from rmtlib.data import load
from rmtlib.networks import MLP, train

SIZES = (500, 2000, 8000)
SEEDS, STEPS, EARLY = 3, 600, 100


def activations():
    """f3 of the report, which is |t| of mean 0 and variance 1, and ReLU likewise."""
    return tuple(f.centered().affine(f.gram_parameters().eta ** -0.5) for f in (ABS, RELU))


def data():
    """Pixels (p, n) and labels, for training and for testing."""
    images = load("mnist", n=(max(SIZES), 2000), fallback="digits")
    X = images.X[images.X[:, images.train].std(axis=1) > 0]
    X = X - X[:, images.train].mean(axis=1, keepdims=True)
    X = X / X[:, images.train].std()
    labels = images.labels
    return X[:, images.train], labels[images.train], X[:, ~images.train], labels[~images.train]


def one(index, size, seed, steps):
    """A row of the table."""
    X, y, X_test, y_test = data()
    network = MLP(
        (len(X), 60, 10), activations()[index], bias=0.1, parametrization="standard", rng=seed
    )
    accuracy = train(
        network,
        X[:, :size],
        y[:size],
        loss="cross-entropy",
        steps=steps,
        learning_rate=0.01,
        momentum=0.9,
        batch=50,
        record_every=EARLY,
        X_test=X_test,
        y_test=y_test,
        rng=seed,
        progress=False,
    ).test_accuracy
    return index, size, seed, accuracy[min(1, len(accuracy) - 1)], accuracy[-1]


def main() -> None:
    """Train all networks, and store or print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--jobs", type=int, default=-1)
    arguments = parser.parse_args()
    seeds, steps = (1, 50) if arguments.quick else (SEEDS, STEPS)
    tasks = [(k, n, seed) for k in (0, 1) for n in SIZES for seed in range(seeds)]
    table = Parallel(n_jobs=arguments.jobs)(delayed(one)(*task, steps) for task in tasks)
    write(
        "spectrum_preserving_mnist",
        "Handwritten digits learned with an activation that preserves the spectrum (0, f3) and"
        f" with ReLU (1): test accuracy after {EARLY} and after {steps} steps.",
        {"activation": "d", "images": "d", "seed": "d", "early": ".4f", "final": ".4f"},
        table,
        seeds=f"0 to {seeds - 1}",
        sizes="60 hidden neurons; the column images for training, 2000 for the test; batches of 50",
        quick=arguments.quick,
    )


if __name__ == "__main__":
    main()
