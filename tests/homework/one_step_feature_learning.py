from homework import Mistake

MISTAKES = [
    Mistake(
        "mean_slope_forgotten",
        "gradient",
        "weights @ slope(nodes) / np.sum(weights)",
        "1.0",
        {"gradient-rank": "the mean of the slope is missing"},
    ),
    Mistake(
        "slope_in_the_residual",
        "gradient",
        "residual = y - beta @ ramp(h) / root",
        "residual = y - beta @ slope(h) / root",
        {"gradient-quotient": "now that the predictions matter"},
    ),
    Mistake(
        "ascent",
        "gradient",
        "residual = y - beta @ ramp(h) / root",
        "residual = beta @ ramp(h) / root - y",
        {"gradient-quotient": "the sign is wrong"},
    ),
    Mistake(
        "left_for_right",
        "spike",
        "(t**2 - c_bar) / (t * (t + 1))",
        "(t**2 - c_bar) / (t * (t + c_bar))",
        {"spike-cosine": "left vector, in the space of neurons"},
    ),
    Mistake(
        "other_root",
        "spike",
        "(b + np.sqrt(b**2 - 4 * c_bar)) / 2",
        "(b - np.sqrt(b**2 - 4 * c_bar)) / 2",
        {"spike-inverse": "the other root"},
    ),
    Mistake(
        "linear_part_not_explained",
        "direction",
        "total - weights @ given**2 - (1 - omega) * linear**2",
        "total - weights @ given**2",
        {
            "direction-ends": "linear functions of all inputs",
            "direction-regression": "linear functions of the other",
        },
    ),
]
