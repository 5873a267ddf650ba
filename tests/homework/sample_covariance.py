from homework import Mistake

MISTAKES = [
    Mistake(
        "ratio_inverted",
        "density",
        "(1 - np.sqrt(c)) ** 2, (1 + np.sqrt(c)) ** 2",
        "(1 - np.sqrt(1 / c)) ** 2, (1 + np.sqrt(1 / c)) ** 2",
        {
            "density-edges": "edge for n / p",
            "density-mass": "should be 1",
            "density-moments": "moment 1",
            "stieltjes-branch": "equation is missed",
            "stieltjes-trace": "away from the trace",
        },
    ),
    Mistake(
        "atom_missing",
        "density",
        "max(0.0, 1 - 1 / c)",
        "0.0",
        {"density-mass": "the atom at zero is missing"},
    ),
    Mistake(
        "one_square_root",
        "stieltjes",
        "np.sqrt(z - low) * np.sqrt(z - high)",
        "np.sqrt((z - low) * (z - high))",
        {"stieltjes-branch": "the other root", "stieltjes-trace": "branch"},
    ),
    Mistake(
        "eigenvalue_taken_for_strength",
        "spikes",
        "(b + np.sqrt(b**2 - 4 * c)) / 2",
        "position - 1",
        {"spikes-strength": "eigenvalue minus one"},
    ),
]
