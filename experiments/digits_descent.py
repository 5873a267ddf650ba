"""Gradient flow on two digits: errors over time, averaged over draws, against the theory.

Command: python experiments/digits_descent.py [--draws 100] [--quick]
         (--quick: 4 draws of the 8 x 8 digits, prints and writes nothing)
Data:    MNIST, all images of 1 and 7; p = 784 pixels in the units of
         rmtlib.data.standardize_classes. Kind 0: the images. Kind 1: Gaussian samples
         with the mean and covariance of each class. Kind 2: the images with white noise that
         lowers the signal to 2. Each draw trains on n = 784 random ones and tests on 4000 others
         (or as many as there are).
Model:   least squares by gradient flow, learning rate 0.01, start of variance 0.1, no ridge
         (the figure of Liao and Couillet, ICML 2018, which averages 100 runs); seed 0.
Time:    four minutes on one core.
Writes:  the table digits_descent: kind; time; mean and standard deviation over draws of the test
         and the training error; test and training error of the theory.
"""

import argparse

import numpy as np
from _tables import write
from joblib import Parallel, delayed

from rmtlib import as_rng
from rmtlib.data import load, standardize_classes
from rmtlib.dynamics import TwoClassDescent, descend

RATE, VARIANCE, SEED, TARGET = 0.01, 0.1, 0, 2.0
TIMES = np.unique(np.round(np.geomspace(1, 3000, 45)))


def gaussian_twin(X, y, rng):
    """Gaussian samples, as many as in X, with the mean and covariance of each class."""
    twin = np.empty_like(X)
    for side in (-1, 1):
        group = X[:, y == side]
        size = group.shape[1]
        mean = group.mean(axis=1, keepdims=True)
        # A random combination of centered samples has the sample covariance.
        lam, U = np.linalg.eigh((group - mean) @ (group - mean).T / size)
        noise = np.sqrt(np.maximum(lam, 0))[:, None] * rng.standard_normal(group.shape)
        twin[:, y == side] = mean + U @ noise
    return twin


def one_draw(X, y, kind, noise, seed):
    """Test and training errors at all times for one training sample, noise and start."""
    p, total = X.shape
    rng = as_rng(seed)
    chosen = rng.permutation(total)[: p + 4000]
    if kind == 1:
        X = gaussian_twin(X, y, rng)
    X, y = X[:, chosen], y[chosen]
    if kind == 2:
        X = (X + np.sqrt(noise) * rng.standard_normal(X.shape)) / np.sqrt(1 + noise)
    start = np.sqrt(VARIANCE / p) * rng.standard_normal(p)
    w = descend(X[:, :p], y[:p], start, TIMES, learning_rate=RATE)
    scores = y[:, None] * (X.T @ w)
    return np.mean(scores[p:] < 0, axis=0), np.mean(scores[:p] < 0, axis=0)


def main() -> None:
    """Run the draws, and store or print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.draws = 4
    images = load("digits" if arguments.quick else "mnist", classes=(1, 7))
    X, y, signal = standardize_classes(images.X, images.labels)
    pool, tables = Parallel(n_jobs=-1), []
    for kind in range(3):
        seeds = 1000 * (3 * SEED + kind) + np.arange(arguments.draws)
        job = delayed(one_draw)
        runs = np.array(pool(job(X, y, kind, signal / TARGET - 1, int(s)) for s in seeds))
        mean, spread = runs.mean(axis=0), runs.std(axis=0, ddof=1)
        strength = TARGET if kind == 2 else signal
        theory = TwoClassDescent(1.0, strength, init_variance=VARIANCE).at(TIMES, RATE)
        columns = [np.full(len(TIMES), kind), TIMES, mean[0], spread[0], mean[1], spread[1]]
        tables.append(np.column_stack([*columns, theory.test_error, theory.train_error]))
    names = ("test", "test_sd", "train", "train_sd", "test_theory", "train_theory")
    write(
        "digits_descent",
        "Gradient flow on two digits: errors over time, averaged over draws, against the theory."
        " Kind 0: the images. Kind 1: Gaussian samples with the mean and covariance of each class."
        " Kind 2: the images with white noise that lowers the signal to 2.",
        {"kind": ".0f", "time": ".6g"} | dict.fromkeys(names, ".6g"),
        np.vstack(tables),
        seeds=str(SEED),
        sizes=f"{images.name}, p = n = {len(X)}, 4000 test images, {arguments.draws} draws, "
        f"signal of the images {signal:.6f}",
        quick=arguments.quick,
    )


if __name__ == "__main__":
    main()
