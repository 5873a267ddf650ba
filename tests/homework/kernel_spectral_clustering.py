from homework import Mistake

MISTAKES = [
    Mistake(
        "quadratic_term_dropped",
        "linear",
        "f0 + f2 / (2 * p)",
        "f0",
        {
            "linear-terms": "squares of inner products have a positive mean",
            "linear-rate": "a term of order one is missing",
            "linear-hidden": "the error has norm",
        },
    ),
    Mistake(
        "diagonal_counted_twice",
        "linear",
        "(fdiag - f0 - f1)",
        "(fdiag - f0)",
        {"linear-terms": "a diagonal of its own", "linear-hidden": "the error has norm"},
    ),
    Mistake(
        "sizes_ignored",
        "unequal",
        "4 * share * (1 - share) * rho",
        "rho",
        {"unequal-alignment": "classes of equal size"},
    ),
    Mistake(
        "levels_exchanged",
        "unequal",
        "np.sqrt((1 - share) / share)",
        "np.sqrt(share / (1 - share))",
        {"unequal-accuracy": "your accuracy at"},
    ),
    Mistake(
        "smaller_root",
        "estimate",
        "(b + np.sqrt(b**2 - 4 * c)) / 2",
        "(b - np.sqrt(b**2 - 4 * c)) / 2",
        {"estimate-own": "larger solution", "estimate-mean": "the smaller solution"},
    ),
    Mistake(
        "one_norm_for_all",
        "robust",
        "np.sum(X**2, axis=0)",
        "np.mean(np.sum(X**2, axis=0))",
        {"robust-invariant": "one number for all points", "robust-accuracy": "of loud points"},
    ),
]
