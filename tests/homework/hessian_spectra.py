from homework import Mistake

MISTAKES = [
    Mistake(
        "energy_for_variance",
        "law",
        "2 * energy * G**2",
        "energy * G**2",
        {
            "law-moments": "variance twice the energy",
            "law-density": "the mass of your density",
            "law-trace": "away from the trace",
        },
    ),
    Mistake(
        "sign_of_the_root",
        "law",
        "G[np.argmin(G.imag * np.sign(np.imag(point)))]",
        "G[np.argmin(G.imag)]",
        {"law-moments": "another root", "law-trace": "away from the trace"},
    ),
    Mistake(
        "scale_not_in_the_pole",
        "law",
        "[1, -phi * s]",
        "[1, -phi]",
        {
            "law-moments": "the mean is right",
            "law-density": "the mass of your density",
            "law-trace": "away from the trace",
        },
    ),
    Mistake(
        "variance_for_energy",
        "critical",
        "(parts + 1 / G) / (2 * G)",
        "(parts + 1 / G) / G",
        {"critical-simulated": "that is the variance of the residual part"},
    ),
    Mistake(
        "ghosts",
        "lanczos",
        "for _ in range(2):\n            v = v - np.transpose(basis) @ (np.asarray(basis) @ v)",
        "v = v - diagonal[-1] * basis[-1]\n        v = v - beside[-1] * basis[-2] if beside else v",
        {"lanczos-moments": "no longer orthogonal"},
    ),
    Mistake(
        "weights_forgotten",
        "lanczos",
        "vectors[0] ** 2 @ f(points)",
        "np.mean(f(points))",
        {"lanczos-trace": "the Ritz values have weights"},
    ),
    Mistake(
        "not_centered",
        "free",
        "A = A - np.trace(A) / len(A) * np.eye(len(A))\n    ",
        "",
        {"free-statistic": "centered by their traces"},
    ),
]
