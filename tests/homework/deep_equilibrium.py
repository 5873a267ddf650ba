from homework import Mistake

MISTAKES = [
    Mistake(
        "iterations_not_checked",
        "solve",
        '    raise ValueError(f"not settled at feedback {feedback}")',
        "    return Z",
        {"solve-honest": "misses the equation by"},
    ),
    Mistake(
        "factor_forgotten",
        "solve",
        "f(feedback * A @ Z + U) / np.sqrt(len(A))",
        "f(feedback * (A / np.sqrt(len(A))) @ Z + U)",
        {"solve-residual": "the factor in front of f is missing", "solve-honest": "is missed"},
    ),
    Mistake(
        "feedback_not_squared",
        "kernel",
        "feedback**2 * G + gram",
        "feedback * G + gram",
        {"kernel-wide": "square of the feedback"},
    ),
    Mistake(
        "two_layers_only",
        "kernel",
        "        if np.max(np.abs(G - before)) < 1e-12:",
        "        if np.any(before):",
        {"kernel-wide": "two layers are not an equilibrium"},
    ),
    Mistake(
        "feedback_held_fixed",
        "gradient",
        "np.linalg.solve(np.eye(m) - feedback * A.T * D, e)",
        "e",
        {"gradient-input": "right side fixed", "gradient-weights": "right side fixed"},
    ),
    Mistake(
        "gradient_transposed",
        "gradient",
        "np.outer(D * v, z)",
        "np.outer(z, D * v)",
        {"gradient-weights": "the matrix is transposed"},
    ),
    Mistake(
        "limits_not_checked",
        "explicit",
        "if not 2 / np.pi < share < 1:",
        "share = np.clip(share, 0.637, 0.999)\n    if share > 1:",
        {"explicit-limits": "raise a ValueError"},
    ),
]
