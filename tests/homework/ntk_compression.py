from homework import Mistake

MISTAKES = [
    Mistake(
        "weights_not_rescaled",
        "weights",
        "kept * signs / np.sqrt(1 - sparsity)",
        "kept * signs",
        {"weights-law": "zeros take variance away"},
    ),
    Mistake(
        "signs_only",
        "weights",
        "return -np.sum(shares * np.log2(shares))",
        "return 1 - sparsity",
        {"weights-bits": "but where are they?"},
    ),
    Mistake(
        "not_centered",
        "moments",
        "shares @ (levels - mean) ** 2",
        "shares @ levels**2",
        {
            "moments-measured": "subtract the mean",
            "moments-scaling": "three times plus five",
            "match-noise": "look for the best pair",
        },
    ),
    Mistake(
        "matched_at_variance_one",
        "match",
        "    tau = np.sqrt(variance)",
        "    tau = 1.0",
        {"match-moments": "hold at variance one", "match-noise": "look for the best pair"},
    ),
    Mistake(
        "thresholds_not_searched",
        "match",
        "    u = np.array([best[0], best[0] + np.exp(best[1])])\n",
        "    u = np.array([-1.0, 1.0])\n",
        {"match-noise": "look for the best pair", "width-factors": "three-level"},
    ),
    Mistake(
        "ridge_added",
        "ridge",
        "ridge - (compressed - dense)",
        "ridge + (compressed - dense)",
        {"ridge-predict": "the noise is a ridge already"},
    ),
    Mistake(
        "ratio_of_errors",
        "width",
        "np.mean(row / dense) ** 2",
        "np.mean(row / dense)",
        {"width-factors": "ratio of errors"},
    ),
]
