"""Estimators beside a known truth: error, spread and time on the same draws.

The noise level is estimated from eigenvalues whose noise has variance 1, a covariance from
samples. Estimators of other packages are in `benchmarks.peers`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.covariance import OAS, LedoitWolf

from rmtlib import as_rng
from rmtlib.covariance import NonlinearShrinkage, SpikeShrinkage, fit_noise
from rmtlib.laws import MarchenkoPastur, sample_covariance_eigenvalues, wishart_eigenvalues


@dataclass(frozen=True)
class Study:
    """Estimators of one quantity.

    Parameters
    ----------
    what : str
        The quantity, with fields of ``sizes`` in braces.
    draw : callable
        From sizes to draws of the data.
    error : callable
        From an estimate and the sizes to its error.
    estimators : mapping
        From names to functions of a draw, the library's first.
    sizes, small : dict
        Sizes in the benchmarks, and with ``--small``.
    """

    what: str
    draw: Callable[..., list[Any]]
    error: Callable[..., float]
    estimators: Mapping[str, Callable[[Any], Any]]
    sizes: dict[str, int]
    small: dict[str, int]

    def __str__(self) -> str:
        return self.what.format(**self.sizes)


def spiked(
    p: int, n: int, populations: Sequence[float], rng: np.random.Generator, beta: int = 1
) -> np.ndarray:
    """Eigenvalues of data in white noise of variance 1, some population eigenvalues larger."""
    X = rng.standard_normal((p, n))
    if beta == 2:
        X = (X + 1j * rng.standard_normal((p, n))) / np.sqrt(2)
    X[: len(populations)] *= np.sqrt(populations)[:, None]
    return sample_covariance_eigenvalues(X)


def strong(p: int, n: int, count: int) -> np.ndarray:
    """Population eigenvalues far above what is visible in noise of variance 1."""
    return 1 + np.linspace(10, 20, count) * max(1, np.sqrt(p / n))


def median_noise(eigenvalues: np.ndarray, n: int) -> float:
    """Median of the positive eigenvalues over that of the law: Gavish and Donoho."""
    small, large = sorted((eigenvalues.size, n))
    median = MarchenkoPastur(small / large).ppf(0.5) * large / n
    return np.median(np.sort(eigenvalues)[-small:]) / median


def quantile_noise(eigenvalues: np.ndarray, n: int) -> float:
    """Least squares of the quantiles from a tenth to eight tenths against those of the law."""
    small, large = sorted((eigenvalues.size, n))
    law = MarchenkoPastur(small / large).ppf((np.arange(small) + 0.5) / small) * large / n
    inner = slice(small // 10, small - small // 5)
    x, y = np.sort(eigenvalues)[-small:][inner], law[inner]
    return x @ y / (y @ y)


def noisy(p: int, n: int, signal: int, draws: int) -> list[tuple[np.ndarray, int]]:
    rng = as_rng(0)
    if signal == 0:
        return [(lam, n) for lam in wishart_eigenvalues(p, n, size=draws, rng=rng)]
    return [(spiked(p, n, strong(p, n, signal), rng), n) for _ in range(draws)]


def populations(p: int, spikes: int) -> np.ndarray:
    """Variances: strong ones in white noise, or 1, 3 and 10 with weights 1, 2 and 2 of 5."""
    if spikes:
        return np.append(strong(p, 2 * p, spikes), np.ones(p - spikes))
    return np.array([1.0, 3, 3, 10, 10])[np.arange(p) % 5]


def samples(p: int, n: int, spikes: int, draws: int) -> list[np.ndarray]:
    scales, rng = np.sqrt(populations(p, spikes)), as_rng(0)
    return [rng.standard_normal((n, p)) * scales for _ in range(draws)]


def frobenius(estimate: np.ndarray, p: int, spikes: int, **_: int) -> float:
    """Distance to the truth in Frobenius norm, relative to the norm of the truth."""
    truth = populations(p, spikes)
    return float(np.linalg.norm(estimate - np.diag(truth)) / np.linalg.norm(truth))


NOISE = {
    "fit_noise": lambda draw: fit_noise(draw[0], n=draw[1]).variance,
    "median": lambda draw: median_noise(*draw),
    "quantiles": lambda draw: quantile_noise(*draw),
}
COVARIANCE = {
    kind.__name__: lambda rows, kind=kind: (
        kind(assume_centered=True, store_precision=False).fit(rows).covariance_
    )
    for kind in (NonlinearShrinkage, SpikeShrinkage, LedoitWolf, OAS)
}
STUDIES = [
    *(
        Study(
            "variance of the noise, p = {p}, n = {n}, {signal} components",
            noisy,
            lambda estimate, **_: estimate - 1,
            NOISE,
            {"p": p, "n": 2 * p, "signal": signal, "draws": draws},
            {"p": 20, "n": 40, "signal": signal and 2, "draws": 5},
        )
        for p, draws in ((20, 200), (100, 100), (500, 20), (2000, 5))
        for signal in (0, p // 10)
    ),
    *(
        Study(
            "covariance of {n} samples, p = {p}, " + kind,
            samples,
            frobenius,
            COVARIANCE,
            {"p": p, "n": 2 * p, "spikes": spikes, "draws": draws},
            {"p": 20, "n": 40, "spikes": spikes and 2, "draws": 5},
        )
        for p, draws in ((100, 20), (500, 5))
        for kind, spikes in (("variances 1, 3 and 10", 0), ("{spikes} components", 5))
    ),
]
