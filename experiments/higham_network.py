"""A million iterations of the four-layer network of Higham and Higham (SIAM Review, 2019).

Command: python experiments/higham_network.py [--quick]
Model:   SigmoidNetwork of widths 2-2-3-2, weights and biases 0.5 * randn, ten points in the
         plane, one random point an iteration, learning rate 0.05, 10^6 iterations; 20 networks
         (initializations: seed 0) see the same sequence of points (seed 1).
Time:    two minutes on one core. --quick runs 2000 iterations, prints and writes nothing.
Writes:  the table higham_network: iteration, and the cost
         (1 / 10) sum_i |y_i - f(x_i)|^2 / 2 of each of the 20 networks.
"""

import sys

import numpy as np
from _tables import write

from rmtlib.networks import SigmoidNetwork

X = np.array(
    [
        [0.1, 0.3, 0.1, 0.6, 0.4, 0.6, 0.5, 0.9, 0.4, 0.7],
        [0.1, 0.4, 0.5, 0.9, 0.2, 0.3, 0.6, 0.2, 0.4, 0.6],
    ]
)
Y = np.repeat(np.eye(2), 5, axis=1)
COPIES, RATE, STEPS, EVERY = 20, 0.05, 1_000_000, 10_000


def main() -> None:
    """Train, and store or print the costs."""
    quick = "--quick" in sys.argv[1:]
    steps, every = (2000, 200) if quick else (STEPS, EVERY)
    network = SigmoidNetwork([2, 2, 3, 2], copies=COPIES, rng=np.random.default_rng(0))
    costs = network.descend(
        X, Y, steps=steps, learning_rate=RATE, record_every=every, rng=np.random.default_rng(1)
    )
    write(
        "higham_network",
        "A million iterations of the four-layer network of Higham and Higham (SIAM Review, 2019):"
        f" the cost (1 / 10) sum_i |y_i - f(x_i)|^2 / 2 of each of {COPIES} networks.",
        {"iteration": "d", f"cost[{COPIES}]": ".8e"},
        zip(every * np.arange(len(costs)), costs, strict=True),
        seeds="0 (initializations) and 1 (sequence of points)",
        sizes=f"widths 2-2-3-2, ten points, {COPIES} networks, {steps} iterations, learning rate "
        f"{RATE}",
        quick=quick,
    )


if __name__ == "__main__":
    main()
