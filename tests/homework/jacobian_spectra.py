from homework import Mistake

MISTAKES = [
    Mistake(
        "variance_for_deviation",
        "field",
        "f(np.sqrt(q) * x)",
        "f(q * x)",
        {"field-layer": "taken for a standard deviation", "field-edge": "squared gradient"},
    ),
    Mistake(
        "biases_forgotten",
        "field",
        "return weight_variance * square + bias_variance",
        "return weight_variance * square",
        {"field-layer": "the biases are missing"},
    ),
    Mistake(
        "weights_all_gaussian",
        "trace",
        'depth * (weights == "orthogonal")',
        "0",
        {"trace-orthogonal": "with Gaussian weights"},
    ),
    Mistake(
        "one_layer_too_few",
        "trace",
        "depth * (np.log(u) - log_h)",
        "(depth - 1) * (np.log(u) - log_h)",
        {"trace-gaussian": "this is the trace of 0 layers", "trace-orthogonal": "your trace"},
    ),
    Mistake(
        "losses_multiplied",
        "shares",
        "1 - np.min(shares)",
        "1 - np.prod(shares)",
        {"shares-lost": "cannot be lost again"},
    ),
    Mistake(
        "negative_share",
        "shares",
        "max(0.0, 1 - np.sum(1 - np.asarray(shares)))",
        "1 - np.sum(1 - np.asarray(shares))",
        {"shares-untouched": "cannot be negative"},
    ),
    Mistake(
        "slopes_forgotten",
        "gain",
        "(y > 0) * (W @ v)",
        "W @ v",
        {"gain-moments": "the slopes are missing"},
    ),
]
