r"""Test error after one gradient step, against step size and against samples per dimension.

Two tables for chapters/one_step_feature_learning.ipynb. Student tanh, weights of variance
1 / p, label noise 0.05, ridge regression on n fresh samples with the best ridge of a grid
(for each draw), test error without label noise; teachers tanh, erf(3t) and centered ReLU.

kind 0, "steps":   N = 2 p, n = 8 p, step sizes 0.3 ... 1000, p = 32, 128, 512.
kind 1, "samples": p = 128, N = 8 p, n / p = 1 ... 64, step sizes 0, 1, sqrt(N), 4 sqrt(N);
                   ridge regression on the inputs (written as step size -1).

Columns: kind, teacher (0 tanh, 1 erf(3t), 2 centered ReLU), p, N, n, step size, number of
draws, mean test error, standard deviation over draws.

Command: python experiments/one_step_errors.py [--size full] [--jobs -1] [--quick]
         full:    200, 40 and 8 draws of kind 0 at p = 32, 128, 512; 10 of kind 1
         small:   12 and 4 draws of kind 0 at p = 32 and 128; 4 of kind 1 at p = 64, n / p <= 32
         --quick: 2 draws at p = 16; prints, writes nothing
Seeds:   1000 * teacher + draw.
Time:    full 11 minutes, small half a minute on one idle core.
Writes:  the table one_step_errors.
"""

import argparse

import numpy as np
from _tables import write
from joblib import Parallel, delayed

from rmtlib import as_rng
from rmtlib.activations import ERF, RELU, TANH
from rmtlib.features import simulate_errors, simulate_one_step, teacher_student

TEACHERS = {"tanh": TANH, "erf(3t)": ERF.affine(stretch=3), "centered ReLU": RELU.centered()}
RIDGES = np.geomspace(3e-3, 300, 16)
NOISE = 0.05
STEPS = np.geomspace(0.3, 1000, 15)


def steps(teacher, p, draw):
    """Best test error at every step size, one draw."""
    found = simulate_one_step(
        TANH,
        list(TEACHERS.values())[teacher],
        STEPS,
        p=p,
        n=8 * p,
        N=2 * p,
        ridge=RIDGES,
        noise=NOISE,
        rng=1000 * teacher + draw,
    )
    best = found.test.min(axis=1)
    return [(0, teacher, p, 2 * p, 8 * p, eta, e) for eta, e in zip(STEPS, best, strict=True)]


def samples(teacher, p, ratio, draw):
    """Best test error without a step, after three of them, and of linear regression."""
    activation, n, N = list(TEACHERS.values())[teacher], ratio * p, 8 * p
    sizes = np.array([0.0, 1.0, np.sqrt(N), 4 * np.sqrt(N)])
    seed = 1000 * teacher + draw
    found = simulate_one_step(
        TANH, activation, sizes, p=p, n=n, N=N, ridge=RIDGES, noise=NOISE, rng=seed
    ).test.min(axis=1)
    rng = as_rng(seed)
    data = teacher_student(activation, p=p, n=n + 2000, N=1, rng=rng)
    data.y[:n] += np.sqrt(NOISE) * rng.standard_normal(n)
    linear = simulate_errors(data.X, data.y, n, RIDGES).test.min()
    values = [*zip(sizes, found, strict=True), (-1.0, linear)]
    return [(1, teacher, p, N, n, eta, e) for eta, e in values]


SIZES = {  # draws of kind 0 at each p, of kind 1 at each (p, n / p)
    "full": ({32: 200, 128: 40, 512: 8}, {(128, 2**k): 10 for k in range(7)}),
    "small": ({32: 12, 128: 4}, {(64, 2**k): 4 for k in range(6)}),
    "quick": ({16: 2}, {(16, 1): 2, (16, 4): 2}),
}


def main() -> None:
    """Run the jobs, average over draws, write or print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=("full", "small"), default="full")
    parser.add_argument("--jobs", type=int, default=-1)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    widths, ratios = SIZES["quick" if arguments.quick else arguments.size]
    jobs = [delayed(steps)(t, p, d) for p, k in widths.items() for t in range(3) for d in range(k)]
    jobs += [
        delayed(samples)(t, p, ratio, d)
        for (p, ratio), k in ratios.items()
        for t in range(3)
        for d in range(k)
    ]
    rows = [row for rows in Parallel(n_jobs=arguments.jobs)(jobs) for row in rows]
    groups: dict[tuple, list[float]] = {}
    for *key, error in rows:
        groups.setdefault(tuple(key), []).append(error)
    case = {"kind": "d", "teacher": "d", "p": "d", "N": "d", "n": "d", "step_size": ".6g"}
    scores = {"draws": "d", "mean_test_error": ".6f", "standard_deviation": ".6f"}
    write(
        "one_step_errors",
        "Test error after one gradient step. Kind 0: against the step size; kind 1: against"
        " samples per dimension. Teacher 0 tanh, 1 erf(3t), 2 centered ReLU; step size -1 is"
        " ridge regression on the inputs.",
        case | scores,
        [(*key, len(e), np.mean(e), np.std(e, ddof=1)) for key, e in groups.items()],
        seeds="1000 * teacher + draw",
        sizes="the columns p, N, n and draws",
        quick=arguments.quick,
    )


if __name__ == "__main__":
    main()
