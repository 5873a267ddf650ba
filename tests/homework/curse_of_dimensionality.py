from homework import Mistake

MISTAKES = [
    Mistake(
        "means_do_not_fluctuate",
        "distance",
        " + 4 * gap @ S @ gap",
        "",
        {
            "distance-moments": "does not feel the distance of the means",
            "distance-auc": "your AUC for means at distance 9",
        },
    ),
    Mistake(
        "single_coordinates",
        "distance",
        "2 * np.sum(S**2)",
        "2 * np.sum(np.diag(S) ** 2)",
        {
            "distance-moments": "your variance",
            "distance-symmetry": "variances of single coordinates",
        },
    ),
    Mistake(
        "covariances_count_double",
        "separation",
        "np.trace(relative @ relative) / 2",
        "np.trace(relative @ relative)",
        {"separation-error": "look for a factor 1/2"},
    ),
    Mistake(
        "not_whitened",
        "separation",
        "np.linalg.solve(between, gap)",
        "gap",
        {"separation-error": "units of the noise", "separation-units": "other coordinates"},
    ),
    Mistake(
        "one_rival_only",
        "race",
        "norm.sf(t - handicap) ** other",
        "norm.sf(t - handicap)",
        {
            "race-simulation": "all runners of the other team",
            "race-symmetry": "together",
            "race-neighbor": "your accuracy",
        },
    ),
    Mistake(
        "further_class",
        "average",
        "np.argmin(means",
        "np.argmax(means",
        {"average-ends": "further away", "average-exponent": "errors must be positive"},
    ),
]
