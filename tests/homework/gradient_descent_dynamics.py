from homework import Mistake

MISTAKES = [
    Mistake(
        "samples_not_counted",
        "flow",
        "np.linalg.eigh(X @ X.T / n)",
        "np.linalg.eigh(X @ X.T)",
        {"flow-equation": "factors 1/n", "flow-limits": "gradient must vanish"},
    ),
    Mistake(
        "start_forgotten",
        "flow",
        "f * begun + g * target",
        "g * target",
        {"flow-limits": "must be the start"},
    ),
    Mistake(
        "spike_missing",
        "signal",
        "max(rho**2 - c, 0.0) / rho",
        "0.0",
        {
            "signal-mass": "the atom at the spike is missing",
            "signal-moments": "moment 1",
            "curve-limits": "error at late times",
            "curve-simulated": "your test error",
        },
    ),
    Mistake(
        "unseen_start_missing",
        "curve",
        "max(0, 1 - 1 / c)",
        "0",
        {"curve-limits": "no sample sees"},
    ),
    Mistake(
        "filter_not_squared",
        "curve",
        "sigma2 * f**2 @ nu",
        "sigma2 * f @ nu",
        {"curve-simulated": "your test error"},
    ),
    Mistake(
        "test_labels_wrong_too",
        "labels",
        "    return error\n",
        "    return flips + (1 - 2 * flips) * error\n",
        {"labels-runs": "test labels must be the right ones", "labels-best": "too"},
    ),
]
