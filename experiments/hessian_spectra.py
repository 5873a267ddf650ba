"""Hessians of trained networks: a test of freeness, and the errors of Lanczos quadrature.

Command: python experiments/hessian_spectra.py [--quick] [--seeds 5] [--rotations 20]
         [--images 2000] [--probes 10] (--quick: one network, few rotations, writes nothing)
Data:    400 images of scikit-learn's digits, MNIST and CIFAR-10, the first of the file, as 20
         principal components; for the large network the first 2000 images of MNIST.
Models:  tanh networks 20-20-10 (600 weights, no biases, tangent-kernel parametrization), squared
         loss and cross-entropy, before training and after 400 steps of gradient descent (rate 1,
         momentum 0.9, all images at every step), seeds 0 to 4, 20 Haar rotations each;
         the large one is 784-128-10 (101632 weights), cross-entropy, 200 steps.
Time:    three minutes on one core, most of it rotations; a GPU helps the large network only.
Writes:  the tables
         hessian_freeness: one row a Hessian: data, loss, steps, seed,
         norm of the gradient, norms of both parts, distance of the spectrum from that of the
         rotated copies and between these, mixed and square statistic of curvature.freeness with
         mean and standard deviation of their controls, index of H and of the rotated copies;
         hessian_quadrature: steps, probes, error of the smoothed density (L1) and of the
         eigenvalues (Wasserstein distance over the norm), means over 12 repetitions;
         hessian_large: Ritz values and weights of the large network.
"""

import argparse

import numpy as np
import torch
from _tables import write
from joblib import Parallel, delayed
from scipy.stats import norm

from rmtlib.curvature import Curvature, freeness, principal_features, spectral_estimate
from rmtlib.data import load
from rmtlib.networks import MLP, train

DATA, LOSSES, STEPS = ("digits", "mnist", "cifar10"), ("squared", "cross-entropy"), (0, 400)
CASE = {"data": "", "loss": "", "steps": "d", "seed": "d"}
STATISTICS = [
    *("gradient", "norm0", "norm1", "distance", "distance_control"),
    *("mixed", "mixed_mean", "mixed_sd", "square", "square_mean", "square_sd"),
    *("index", "index_rotated"),
]


def images(name, n):
    """Images and labels, the first n of the file."""
    data = load(name) if name == "digits" else load(name, fallback="digits")
    return data.X[:, :n], data.labels[:n], data.name


def small_hessian(name, loss, steps, seed):
    """The two parts of the Hessian of one small network, and the norm of its gradient."""
    torch.set_num_threads(1)
    X, labels, _ = images(name, 400)
    X = principal_features(X, 20)
    y = labels if loss == "cross-entropy" else np.eye(10)[labels].T
    network = MLP([20, 20, 10], "tanh", rng=seed)
    if steps:
        settings = {"learning_rate": 1.0, "momentum": 0.9, "record_every": steps}
        train(network, X, y, loss=loss, steps=steps, progress=False, **settings)
    curvature = Curvature(network, X, y, loss)
    return *curvature.dense(), np.linalg.norm(curvature.gradient)


def freeness_row(name, loss, steps, seed, rotations):
    """One line of the table of freeness."""
    H0, H1, slope = small_hessian(name, loss, steps, seed)
    found = freeness(H0, H1, rotations=rotations, rng=seed)
    tiny = 1e-10 * np.abs(found.eigenvalues).max()
    numbers = [
        *(slope, np.linalg.norm(H0, 2), np.linalg.norm(H1, 2)),
        *(found.distance.mean(), found.distance_control.mean()),
        *(found.mixed, found.mixed_control.mean(), found.mixed_control.std(ddof=1)),
        *(found.square, found.square_control.mean(), found.square_control.std(ddof=1)),
        *(np.mean(found.eigenvalues < -tiny), np.mean(found.rotated < -tiny)),
    ]
    return [images(name, 1)[2], loss, steps, seed, *numbers]


def quadrature_rows(grid, repeats):
    """Errors of Lanczos quadrature on one exact Hessian."""
    H0, H1, _ = small_hessian("digits", "cross-entropy", 400, 0)
    H = H0 + H1
    lam = np.linalg.eigvalsh(H)
    width = 0.01 * np.ptp(lam)
    x = np.linspace(lam[0] - 5 * width, lam[-1] + 5 * width, 600)
    exact = norm.pdf(x[:, None], lam, width).mean(axis=1)
    fine = np.linspace(lam[0] - width, lam[-1] + width, 20_000)
    steps_of = np.searchsorted(lam, fine, side="right") / lam.size
    rows = []
    for steps, probes in grid:
        errors = []
        for repeat in range(repeats):
            estimate = spectral_estimate(H, steps=steps, probes=probes, rng=repeat)
            density = estimate.density(x, width)[0]
            cdf, _ = estimate.cdf(fine)
            gap = np.mean(np.abs(cdf - steps_of)) * np.ptp(fine) / np.abs(lam).max()
            errors.append((np.mean(np.abs(density - exact)) * np.ptp(x), gap))
        rows.append([steps, probes, *np.mean(errors, axis=0)])
    return rows


def large_rows(n, steps, probes):
    """Ritz values and weights of the Hessian of the large network, which is never stored."""
    X, labels, name = images("mnist", n)
    X = (X - X.mean(axis=1, keepdims=True)) / X.std()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = MLP([len(X), 128, 10], "tanh", rng=0).to(device)
    settings = {"learning_rate": 1.0, "momentum": 0.9, "record_every": 200}
    history = train(network, X, labels, loss="cross-entropy", steps=200, progress=False, **settings)
    curvature = Curvature(network, X, labels, "cross-entropy")
    found = spectral_estimate(curvature.hessian, steps=steps, probes=probes, rng=0)
    probe = np.arange(probes)[:, None] + np.zeros_like(found.points)
    print(f"{name}, {n} images, {curvature}, accuracy {history.accuracy[-1]:.3f}, on {device}")
    sizes = f"{name} {n} images, {curvature.size} parameters (784-128-10), loss "
    sizes += f"{curvature.loss:.4g}; {steps} steps, {probes} probes"
    columns = [column.ravel() for column in (probe, found.points, found.weights)]
    return zip(*columns, strict=True), sizes


def main(arguments=None):
    """Run the three parts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rotations", type=int, default=20)
    parser.add_argument("--images", type=int, default=2000, help="for the large network")
    parser.add_argument("--probes", type=int, default=10, help="for the large network")
    options = parser.parse_args(arguments)
    quick = options.quick
    cases = [
        (name, loss, steps, seed)
        for name in DATA
        for loss in LOSSES
        for steps in STEPS
        for seed in range(options.seeds)
    ]
    rotations = 2 if quick else options.rotations
    rows = Parallel(n_jobs=-1)(
        delayed(freeness_row)(*case, rotations) for case in (cases[:1] if quick else cases)
    )
    write(
        "hessian_freeness",
        "Hessians of trained networks: a test of freeness, one row a Hessian.",
        CASE | dict.fromkeys(STATISTICS, ".5g"),
        rows,
        seeds=f"0 to {options.seeds - 1}",
        sizes="400 images as 20 principal components; networks 20-20-10, 600 weights; "
        f"{rotations} rotations",
        quick=quick,
    )
    grid = [(k, v) for k in (5, 10, 20, 40, 80, 160) for v in (1, 10)]
    repeats = 2 if quick else 12
    write(
        "hessian_quadrature",
        "Hessians of trained networks: errors of Lanczos quadrature, of the smoothed density (L1)"
        " and of the eigenvalues (Wasserstein distance over the norm).",
        {"steps": "d", "probes": "d", "density_error": ".4g", "distance": ".4g"},
        quadrature_rows(grid[:2] if quick else grid, repeats),
        seeds=f"0 to {repeats - 1}, one a repetition",
        sizes="400 images of digits as 20 principal components; a network 20-20-10; "
        f"means over {repeats} repetitions",
        quick=quick,
    )
    rows, sizes = large_rows(*((200, 10, 2) if quick else (options.images, 80, options.probes)))
    write(
        "hessian_large",
        "The Hessian of a large trained network: Ritz values and weights.",
        {"probe": ".0f", "point": ".7g", "weight": ".7g"},
        rows,
        seeds="0",
        sizes=sizes,
        quick=quick,
    )


if __name__ == "__main__":
    main()
