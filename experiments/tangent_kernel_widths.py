"""Deep networks of growing width: their kernels before, during and after training.

For every width and seed: the relative distance of the conjugate and of the tangent kernel at
initialization from their limits, the relative distance that the tangent kernel moves while the
network is trained by gradient descent, the relative distance that the weights move, and the
distance of the trained network's outputs at test points from those of gradient flow with the
limiting kernel, and with the kernel of the same network before training (root mean square;
the targets are +1 and -1).

Data: images 6 and 8 of scikit-learn's digits, centered, mean squared norm 1, 60 for training
and 200 for testing. Network: three hidden layers of centered ReLU, parametrization with
factors in the forward pass, so that its tangent kernel has a limit. Full-batch gradient
descent, 600 steps, learning rate a tenth of n / (largest eigenvalue of the limiting kernel).

Command: python experiments/tangent_kernel_widths.py [--widths 32 64 ...] [--seeds 10]
         [--jobs 1] [--quick]
Sizes:   see WIDTHS and SEEDS. Seeds: 0, ..., SEEDS - 1, one a network.
Time:    6 minutes on one core; every doubling of the width takes four times as long.
Writes:  the table tangent_kernel_widths
"""

import argparse

import numpy as np
import torch
from _tables import write
from joblib import Parallel, delayed

from rmtlib.activations import RELU
from rmtlib.data import load
from rmtlib.kernels import deep_kernels, kernel_coefficients, tangent_flow
from rmtlib.networks import MLP, empirical_conjugate_kernel, empirical_tangent_kernel, train

WIDTHS = (32, 64, 128, 256, 512, 1024)
SEEDS = 10
DEPTH, N_TRAIN, N_TEST, STEPS = 3, 60, 200, 600
DISTANCES = (
    *("ck_distance", "ntk_distance", "ntk_movement", "weight_movement"),
    *("limit_gap", "own_gap"),
)


def data():
    """Centered and scaled images (p, n), targets +1 and -1, training points first."""
    images = load("digits", classes=(6, 8), n=N_TRAIN + N_TEST)
    X = images.X - images.X[:, :N_TRAIN].mean(axis=1, keepdims=True)
    X /= np.sqrt(np.mean(np.sum(X[:, :N_TRAIN] ** 2, axis=0)))
    return X, np.where(images.labels == 8, 1.0, -1.0)


def relative(A, B):
    """Frobenius norm of A - B over that of B."""
    return np.linalg.norm(A - B) / np.linalg.norm(B)


def one(width, seed, steps=STEPS):
    """A row of the table."""
    X, y = data()
    p, n = len(X), N_TRAIN
    activations = [layer.activation for layer in kernel_coefficients([RELU] * DEPTH, 1.0)[1:]]
    limit = deep_kernels([RELU] * DEPTH, X, input_variance=1.0)
    K, Theta = limit.conjugate, limit.tangent
    network = MLP([p, *[width] * DEPTH, 1], activations, rng=seed)
    if torch.cuda.is_available():
        network = network.cuda()
    before = [W.detach().clone() for W in network.weights]
    Z = np.sqrt(p) * X
    K0, Theta0 = empirical_conjugate_kernel(network, Z), empirical_tangent_kernel(network, Z)

    def outputs():
        with torch.no_grad():
            rows = torch.as_tensor(Z.T.copy()).to(before[0])
            return network(rows)[:, 0].cpu().numpy()

    start = outputs()
    rate = 0.1 * n / np.linalg.eigvalsh(Theta[:n, :n])[-1]
    train(
        network,
        Z[:, :n],
        y[:n],
        steps=steps,
        learning_rate=rate,
        record_every=steps,
        progress=False,
    )
    end = outputs()
    moved = [
        float(torch.linalg.norm(W.detach() - V) / torch.linalg.norm(V))
        for W, V in zip(network.weights, before, strict=True)
    ]
    gaps = []
    for kernel in (Theta, Theta0):
        flow = tangent_flow(
            kernel[:n, :n],
            y[:n],
            [rate * steps / n],
            initial=start[:n],
            Theta_cross=kernel[:n, n:],
            initial_test=start[n:],
        )
        gaps.append(np.sqrt(np.mean((end[n:] - flow.test_outputs[0]) ** 2)))
    movement = relative(empirical_tangent_kernel(network, Z), Theta0)
    return width, seed, relative(K0, K), relative(Theta0, Theta), movement, max(moved), *gaps


def main():
    """Compute all rows; write them, or print a few with --quick."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny sizes, printed only")
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--jobs", type=int, default=-1, help="processes, all cores by default")
    options = parser.parse_args()
    widths = (32, 64, 128) if options.quick else options.widths
    tasks = [(w, seed) for w in widths for seed in range(2 if options.quick else options.seeds)]
    jobs = 1 if torch.cuda.is_available() or options.quick else options.jobs
    rows = Parallel(n_jobs=jobs)(delayed(one)(*task) for task in tasks)
    write(
        "tangent_kernel_widths",
        "Deep networks of growing width: relative distances of their kernels, weights and outputs"
        " from their limits.",
        {"width": "d", "seed": "d"} | dict.fromkeys(DISTANCES, ".5g"),
        rows,
        seeds=f"0 to {options.seeds - 1}",
        sizes=f"widths {', '.join(map(str, widths))}; {DEPTH} hidden layers; n = {N_TRAIN}; "
        f"{STEPS} steps",
        quick=options.quick,
    )


if __name__ == "__main__":
    main()
