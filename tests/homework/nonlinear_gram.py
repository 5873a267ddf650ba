from homework import Mistake

MISTAKES = [
    Mistake(
        "zeta_not_squared",
        "numbers",
        "(weight @ (x * g)) ** 2",
        "abs(weight @ (x * g))",
        {
            "numbers-scaling": "should grow like its square",
            "numbers-simulated": "share that a line explains",
        },
    ),
    Mistake(
        "not_centered",
        "numbers",
        "f(x) - weight @ f(x)",
        "f(x)",
        {"numbers-scaling": "not been centered", "numbers-simulated": "your eta is"},
    ),
    Mistake(
        "ratios_inverted",
        "law",
        "    found = []",
        "    a, b, found = 1 / a, 1 / b, []\n    A = np.polynomial.Polynomial([1, 1 + a, a])",
        {"law-equation": "equation is missed", "law-trace": "upside down"},
    ),
    Mistake(
        "root_by_one_sign",
        "law",
        "np.argmax(np.minimum(m.imag, -roots.imag))",
        "np.argmax(m.imag)",
        {"law-equation": "another root", "law-trace": "away from the trace"},
    ),
    Mistake(
        "noise_not_reduced",
        "twin",
        "np.sqrt(eta - zeta)",
        "np.sqrt(eta)",
        {"twin-entries": "not what is left", "twin-spectrum": "layer and twin differ"},
    ),
    Mistake(
        "logarithm_for_factor",
        "forget",
        "np.exp(np.polyfit(range(4), np.log(gaps), 1)[0])",
        "np.polyfit(range(4), np.log(gaps), 1)[0]",
        {"forget-factor": "its logarithm"},
    ),
]
