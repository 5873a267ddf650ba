from homework import Mistake

MISTAKES = [
    Mistake(
        "sum_for_mean",
        "gradient",
        "delta = delta / labels.size",
        "delta = delta / 1",
        {
            "gradient-quotient": "mean over the samples",
            "gradient-symmetry": "showing every sample twice",
        },
    ),
    Mistake(
        "slope_forgotten",
        "gradient",
        "(1 - a[layer] ** 2) * (W[layer].T @ delta)",
        "W[layer].T @ delta",
        {"gradient-quotient": "layer 1 of 2, weights"},
    ),
    Mistake(
        "one_matrix_too_few",
        "signal",
        "q, product = variance, variance",
        "q, product = variance, 1.0",
        {"signal-slope": "one factor s^2 is missing"},
    ),
    Mistake(
        "neutral_at_zero_only",
        "signal",
        "2 / (1 + a**2)",
        "2.0",
        {"signal-neutral": "right for a = 0 only"},
    ),
    Mistake(
        "slopes_for_kinks",
        "knots",
        "np.diff(slopes, prepend=0.0)",
        "slopes",
        {"knots-exact": "misses f by"},
    ),
    Mistake(
        "equal_distances",
        "knots",
        "(np.arange(N + 1) / N) ** 4",
        "np.arange(N + 1) / N",
        {"knots-rate": "rate of equal distances"},
    ),
    Mistake(
        "readout_only",
        "kernel",
        "(a.T @ a + (delta.T @ delta) * (X.T @ X)) / beta.size",
        "a.T @ a / beta.size",
        {"kernel-quotient": "the gradient in the weights is missing"},
    ),
]
