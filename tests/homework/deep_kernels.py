from homework import Mistake

MISTAKES = [
    Mistake(
        "derivative_kernel_missing",
        "relu",
        "K + Theta * slopes",
        "K + Theta",
        {"tangent-depth": "the derivative kernel is missing"},
    ),
    Mistake(
        "angle_for_its_complement",
        "relu",
        "np.sqrt(1 - cosine**2) + (np.pi - angle) * cosine",
        "np.sqrt(1 - cosine**2) + (np.pi / 2 - angle) * cosine",
        {
            "relu-symmetry": "angle of a sample with itself",
            "relu-sampled": "first kernel is",
            "tangent-depth": "the ratio of the diagonals",
        },
    ),
    Mistake(
        "kernel_not_centered",
        "coefficients",
        "g = g - weight @ g",
        "g = g + 0",
        {
            "coefficients-measured": "has not been centered",
            "coefficients-norm": "operator norm of the error",
        },
    ),
    Mistake(
        "recursion_not_started",
        "coefficients",
        "1.0, 0.0, 0.0, 1.0",
        "1.0, 0.0, 0.0, 0.0",
        {
            "coefficients-measured": "has not started",
            "coefficients-norm": "operator norm of the error",
        },
    ),
    Mistake(
        "start_ignored",
        "flow",
        "U.T @ (u0 - y)",
        "U.T @ (0 * u0 - y)",
        {"flow-equation": "away from u0", "flow-singular": "does not see"},
    ),
    Mistake(
        "mean_not_divided_out",
        "width",
        "np.var(squared) / np.mean(squared) ** 2",
        "np.var(squared)",
        {"width-spread": "squared mean has to be divided", "width-exponents": "exponent of the"},
    ),
]
