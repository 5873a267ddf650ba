from homework import Mistake

MISTAKES = [
    Mistake(
        "half_of_the_even_part",
        "kernel",
        "even = 2 / np.pi * lengths * even",
        "even = 1 / np.pi * lengths * even",
        {
            "kernel-network": "a factor 2 too small",
            "kernel-diagonal": "a diagonal entry over the squared length",
        },
    ),
    Mistake(
        "lengths_forgotten",
        "kernel",
        "2 / np.pi * lengths * even",
        "2 / np.pi * even",
        {
            "kernel-network": "your kernel",
            "kernel-properties": "homogeneous",
            "kernel-diagonal": "a diagonal entry over the squared length",
        },
    ),
    Mistake(
        "variance_term_missing",
        "ridge",
        "return bias + kappa * share / left * np.sum(lam * squares) / n",
        "return bias",
        {"training-network": "a term is missing"},
    ),
    Mistake(
        "sum_for_average",
        "ensemble",
        "np.mean((truth - prediction / m) ** 2)",
        "np.mean((truth - prediction) ** 2)",
        {"ensemble-limit": "your error for very many networks", "ensemble-exponent": "positive"},
    ),
]
