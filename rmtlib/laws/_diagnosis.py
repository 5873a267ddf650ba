"""How far eigenvalues are from a law, and which slip would explain the distance."""

from dataclasses import dataclass

import numpy as np

from rmtlib import _checks
from rmtlib._types import ArrayLike
from rmtlib.laws._base import SpectralLaw
from rmtlib.laws._closed_forms import MarchenkoPastur

_FEWEST = 20  # fewer eigenvalues are within 5 / p + 0.01 of many laws


@dataclass(frozen=True)
class Diagnosis:
    """What `diagnose` found.

    Attributes
    ----------
    cause : str
        ``"none"`` when the spectrum fits, ``"unknown"`` when nothing does.
    message : str
        One sentence for the reader.
    distance : float
        Kolmogorov distance between the eigenvalues (without those outside the
        bulk) and the law of the diagnosed cause.
    """

    cause: str
    message: str
    distance: float


def kolmogorov_distance(eigenvalues: ArrayLike, law: SpectralLaw) -> float:
    r""":math:`\sup_x |F_p(x) - F(x)|` between eigenvalues and a law.

    :math:`F_p` counts all p eigenvalues, exact zeros included, and :math:`F`
    includes the law's atoms.

    Parameters
    ----------
    eigenvalues : array, shape (p,)
        All eigenvalues; those that miss an atom of the law by rounding are put on it.
    law : SpectralLaw
        The law to compare with.

    Returns
    -------
    float
        Of order 1/p up to logarithms when the eigenvalues follow the law.

    Example
    -------
    >>> law = MarchenkoPastur(0.5)
    >>> p = 100
    >>> quantiles = law.ppf((np.arange(p) + 0.5) / p)
    >>> round(kolmogorov_distance(quantiles, law), 6)
    0.005
    """
    lam = _checks.vector("eigenvalues", eigenvalues)
    _checks.instance("law", law, SpectralLaw, "the law to compare with")
    rounding = 100 * np.finfo(lam.dtype).eps * lam.size * np.abs(lam).max()
    lam, atoms = lam.astype(float), dict(law.atoms)
    for position in atoms:
        lam[np.abs(lam - position) <= rounding] = position
    values, numbers = np.unique(lam, return_counts=True)
    last = np.cumsum(numbers)
    cdf = law.cdf(values)
    below = cdf - [atoms.get(value, 0.0) for value in values]
    above_gap, below_gap = last / lam.size - cdf, (last - numbers) / lam.size - below
    return float(max(np.abs(above_gap).max(), np.abs(below_gap).max()))


def diagnose(eigenvalues: ArrayLike, *, ratio: float) -> Diagnosis:
    r"""Say which slip of normalization a spectrum that misses Marchenko-Pastur shows.

    The reference is the law of :math:`\frac1n XX^{\mathsf T}` for white data of
    unit variance, ratio :math:`c = p/n`. Each candidate slip predicts another
    Marchenko-Pastur law (another scale, or the ratio 1/c); the one nearest in
    Kolmogorov distance is named if it is within 5/p + 0.01 of the eigenvalues.
    Eigenvalues beyond twice the bulk's upper edge are set aside first: one of
    them is the mark of uncentered data (or of a spike).

    Parameters
    ----------
    eigenvalues : array, shape (p,)
        All eigenvalues of the matrix under suspicion, at least 20, zeros included.
    ratio : float
        The ratio p / n that was intended.

    Returns
    -------
    Diagnosis
        ``cause`` is ``"none"``, ``"divided by p"``, ``"not divided by n"``,
        ``"divided by sqrt(n)"``, ``"transposed"``, ``"transposed and divided by n"``,
        ``"uncentered"``, ``"variance"`` or ``"unknown"``.

    Notes
    -----
    At ratio 1 the transposed matrix and the division by p can't be told from
    the right ones, and are not named.

    Example
    -------
    >>> from rmtlib.laws import wishart_eigenvalues
    >>> diagnose(wishart_eigenvalues(300, 600, rng=0) * 600 / 300, ratio=0.5).cause
    'divided by p'
    """
    lam = np.sort(_checks.eigenvalues("eigenvalues", eigenvalues))
    c = _checks.positive("ratio", ratio, "ratio = p / n")
    if lam.size < _FEWEST:
        raise ValueError(
            f"eigenvalues must be at least {_FEWEST}, got {lam.size} (fewer fit many laws)"
        )
    size = lam.size
    bulk, outside = _without_outliers(lam)
    level = bulk.mean()
    # Standard deviation of the mean eigenvalue, with entries of kurtosis up to 9.
    slack = 5 * np.sqrt(8 * c) / size + outside * np.max(lam) / size
    allowed = 5 / size + 0.01 + outside / size

    n = size / c
    scales = {
        "none": (1.0, "the spectrum fits the Marchenko-Pastur law."),
        "divided by p": (1 / c, "the matrix was divided by p instead of n."),
        "not divided by n": (n, "the factor 1/n is missing (1/sqrt(n) on the data)."),
        "divided by sqrt(n)": (np.sqrt(n), "the matrix was divided by sqrt(n) instead of n."),
    }
    straight, transposed = (
        kolmogorov_distance(bulk, MarchenkoPastur(ratio, level)) for ratio in (c, 1 / c)
    )
    if straight <= min(allowed, transposed):
        cause, message = "variance", f"the entries have variance {level:.4g}, not 1."
        for slip, (scale, sentence) in reversed(scales.items()):
            if abs(level / scale - 1) <= slack:
                cause, message = slip, sentence
        if cause == "none" and outside:
            cause = "uncentered"
            message = (
                f"all but {outside} of the eigenvalues fit; the largest, {lam[-1]:.4g}, is "
                "far outside: the data were not centered (or carry a spike)."
            )
        return Diagnosis(cause, message, straight)
    if transposed <= allowed:
        cause, message = "transposed", "the data are transposed: samples must be columns."
        if abs(level / c - 1) <= slack / c:
            cause = "transposed and divided by n"
            message = "this is the n x n Gram matrix X.T @ X / n: its ratio is n / p."
        return Diagnosis(cause, message, transposed)
    return Diagnosis(
        "unknown",
        "no Marchenko-Pastur law of this ratio or its inverse fits: the population covariance is "
        "not a multiple of the identity, or entries or samples are dependent.",
        min(straight, transposed),
    )


def _without_outliers(lam: np.ndarray) -> tuple[np.ndarray, int]:
    """Drop up to three eigenvalues that stand more than twice above the next one."""
    top = lam[-4:][::-1]
    gaps = np.flatnonzero((top[:-1] > 2 * top[1:]) & (top[1:] > 0))
    outside = int(gaps[-1]) + 1 if gaps.size else 0
    return lam[: lam.size - outside], outside
