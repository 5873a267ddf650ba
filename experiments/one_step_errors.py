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
Writes:  experiments/results/one_step_errors.txt.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from rmtlib import as_rng
from rmtlib.activations import ERF, RELU, TANH
from rmtlib.features import simulate_errors, simulate_one_step, teacher_student

RESULT = Path(__file__).parent / "results" / "one_step_errors.txt"
TEACHERS = {"tanh": TANH, "erf(3t)": ERF.affine(stretch=3), "centered ReLU": RELU.centered()}
RIDGES = np.geomspace(3e-3, 300, 16)
NOISE = 0.05
STEPS = np.geomspace(0.3, 1000, 15)


def steps(teacher, p, draw):
    """Best test error at every step size, one draw."""
    found = simulate_one_step(
        p,
        8 * p,
        2 * p,
        STEPS,
        TANH,
        list(TEACHERS.values())[teacher],
        ridge=RIDGES,
        noise=NOISE,
        rng=1000 * teacher + draw,
    )
    return [
        (0, teacher, p, 2 * p, 8 * p, eta, e) for eta, e in zip(STEPS, found.min(1), strict=True)
    ]


def samples(teacher, p, ratio, draw):
    """Best test error without a step, after three of them, and of linear regression."""
    activation, n, N = list(TEACHERS.values())[teacher], ratio * p, 8 * p
    sizes = np.array([0.0, 1.0, np.sqrt(N), 4 * np.sqrt(N)])
    seed = 1000 * teacher + draw
    found = simulate_one_step(
        p, n, N, sizes, TANH, activation, ridge=RIDGES, noise=NOISE, rng=seed
    ).min(1)
    rng = as_rng(seed)
    data = teacher_student(p, n + 2000, 1, activation, rng=rng)
    y = data.y[:n] + np.sqrt(NOISE) * rng.standard_normal(n)
    linear = simulate_errors(data.X[:, :n], y, data.X[:, n:], data.y[n:], RIDGES)[1].min()
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
    start = time.time()
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
    lines = [
        f"# experiments/one_step_errors.py --size {arguments.size} --jobs {arguments.jobs},"
        f" {time.time() - start:.0f} s",
        "# kind teacher p N n step_size draws mean_test_error standard_deviation",
        *(
            f"{kind} {teacher} {p} {N} {n} {eta:.6g} {len(e)} {np.mean(e):.6f}"
            f" {np.std(e, ddof=1):.6f}"
            for (kind, teacher, p, N, n, eta), e in groups.items()
        ),
    ]
    text = "\n".join(lines) + "\n"
    if arguments.quick:
        print(text)
    else:
        RESULT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
