"""Checks of theory against simulation, and a diagnosis of spectra that do not fit."""

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import fill as wrap

import numpy as np
from numpy.typing import ArrayLike

from rmtlib._checks import positive, real_array, vector
from rmtlib.laws import MarchenkoPastur, SpectralLaw


class Disagreement(AssertionError):
    """Theory and simulation differ by more than the tolerance."""


@dataclass(frozen=True)
class StandardErrors:
    """A tolerance of ``multiple`` standard errors of the simulated mean."""

    multiple: float


def standard_errors(multiple: float) -> StandardErrors:
    """The tolerance "``multiple`` standard errors", for `agree`.

    Raises
    ------
    ValueError
        If ``multiple`` is not positive.

    Example
    -------
    >>> standard_errors(4)
    StandardErrors(multiple=4.0)
    """
    return StandardErrors(positive("multiple", multiple))


def agree(
    name: str,
    theory: ArrayLike,
    simulation: ArrayLike,
    *,
    tol: float | StandardErrors,
    why: str,
    wrong: Mapping[str, ArrayLike],
    sizes: str = "",
) -> None:
    r"""Print theory beside simulation and stop when they disagree.

    The check passes when :math:`\max |\text{theory} - \overline{\text{simulation}}|
    \le \text{tol}`. It also stops when a value in ``wrong`` would have passed:
    a tolerance that can't tell the theorem from a plausible mistake is no check.

    Parameters
    ----------
    name : str
        What is compared, in a few words.
    theory : float or array
        The prediction.
    simulation : float or array
        The measured value, or independent draws of it along an additional
        first axis; their mean is compared and its standard error printed.
    tol : float or standard_errors(k)
        Largest difference allowed, from the theorem's own rate.
    why : str
        Where ``tol`` comes from.
    wrong : mapping of str to float or array
        What plausible mistakes would predict: a factor of two, n/p for p/n, a
        sign, a missing atom.
    sizes : str
        The sizes behind the simulation, for the printed line.

    Raises
    ------
    ~rmtlib.book.Disagreement
        If the difference exceeds ``tol``, or a wrong value would pass.
    ValueError
        If an array is not finite, shapes do not match, ``tol`` is not positive
        or ``wrong`` is empty.

    Example
    -------
    >>> agree("mean of 1..9", 5, np.arange(1.0, 10), tol=0.5, why="exact",
    ...       wrong={"off by one": 6.0})
    ok  mean of 1..9: theory 5, simulation 5 ± 0.913
        |difference| 0 <= 0.5: exact
        would fail: off by one (2 tol away)
    """
    expected = real_array("theory", theory)
    measured = real_array("simulation", simulation)
    if not wrong:
        raise ValueError("wrong must name at least one plausible mistake, got none")
    error = None
    if measured.ndim == expected.ndim + 1 and len(measured) > 1:
        error = measured.std(axis=0, ddof=1) / np.sqrt(len(measured))
        measured = measured.mean(axis=0)
    if measured.shape != expected.shape:
        raise ValueError(
            f"simulation must be of the shape of theory {expected.shape}, or of that shape after "
            f"an axis of at least two draws, got shape {np.shape(simulation)}"
        )
    if isinstance(tol, StandardErrors):
        if error is None:
            raise ValueError("tol in standard errors needs draws along the first axis")
        allowed = tol.multiple * error
    else:
        allowed = np.asarray(positive("tol", tol))
    if np.any(allowed == 0):
        raise ValueError("tol must be positive, got 0 (the draws are all equal)")

    def distance(value: np.ndarray) -> float:
        return float(np.max(np.abs(value - measured) / allowed))

    near = distance(expected)
    far = {
        label: distance(np.broadcast_to(real_array(f"wrong[{label!r}]", value), expected.shape))
        for label, value in wrong.items()
    }
    spread = "" if error is None else f" ± {np.max(error):.3g}"
    verdict, relation = ("ok", "<=") if near <= 1 else ("DISAGREE", "is not <=")
    gap = np.max(np.abs(expected - measured))
    together = sizes.replace(" ", "\N{NO-BREAK SPACE}")
    lines = {
        f"{verdict}  ": f"{name}: theory {_brief(expected)}, simulation {_brief(measured)}{spread}"
        + f" ({together})" * bool(sizes),
        "    ": f"|difference| {gap:.2g} {relation} {np.max(allowed):.2g}: {why}",
        "    would fail: ": "; ".join(f"{k} ({d:.3g} tol away)" for k, d in far.items()),
    }
    report = "\n".join(
        wrap(text, 78, initial_indent=start, subsequent_indent=" " * 8)
        for start, text in lines.items()
    )
    if near > 1:
        raise Disagreement(report)
    passing = [label for label, d in far.items() if d <= 1]
    if passing:
        raise Disagreement(
            f"{name}: the check can't tell the theory from {', '.join(passing)}, "
            "which is within the tolerance too"
        )
    print(report)


def _brief(value: np.ndarray) -> str:
    if value.size == 1:
        return f"{value.item():.6g}"
    return f"{value.flat[0]:.4g} … {value.flat[-1]:.4g} ({value.size} values)"


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
        All eigenvalues.
    law : SpectralLaw
        The law to compare with.

    Returns
    -------
    float
        Of order 1/p up to logarithms when the eigenvalues follow the law.

    Raises
    ------
    ValueError
        If the eigenvalues are not a nonempty vector of finite numbers.

    Example
    -------
    >>> law = MarchenkoPastur(0.5)
    >>> p = 100
    >>> quantiles = law.ppf((np.arange(p) + 0.5) / p)
    >>> round(kolmogorov_distance(quantiles, law), 6)
    0.005
    """
    lam = np.sort(vector("eigenvalues", eigenvalues))
    values, first = np.unique(lam, return_index=True)
    last = np.append(first[1:], lam.size)
    cdf = law.cdf(values)
    jump = np.zeros_like(values)
    for position, mass in law.atoms:
        jump[np.isclose(values, position, rtol=0, atol=1e-12)] = mass
    return float(
        max(np.max(np.abs(last / lam.size - cdf)), np.max(np.abs(cdf - jump - first / lam.size)))
    )


def diagnose(eigenvalues: ArrayLike, ratio: float) -> Diagnosis:
    r"""Say which slip of normalisation a spectrum that misses Marchenko-Pastur shows.

    The reference is the law of :math:`\frac1n XX^{\mathsf T}` for white data of
    unit variance, ratio :math:`c = p/n`. Each candidate slip predicts another
    Marchenko-Pastur law (another scale, or the ratio 1/c); the one nearest in
    Kolmogorov distance is named if it is within 5/p + 0.01 of the eigenvalues.
    Eigenvalues beyond twice the bulk's upper edge are set aside first: one of
    them is the mark of uncentered data (or of a spike).

    Parameters
    ----------
    eigenvalues : array, shape (p,)
        All eigenvalues of the matrix under suspicion, exact zeros included.
    ratio : float
        The ratio p / n that was intended.

    Returns
    -------
    Diagnosis
        ``cause`` is ``"none"``, ``"divided by p"``, ``"not divided by n"``,
        ``"divided by sqrt(n)"``, ``"transposed"``, ``"transposed and divided by n"``,
        ``"uncentered"``, ``"variance"`` or ``"unknown"``.

    Raises
    ------
    ValueError
        If the eigenvalues are not a nonempty vector of finite numbers >= 0 (up
        to rounding), or the ratio is not positive.

    Notes
    -----
    At ratio 1 the transposed matrix and the division by p can't be told from
    the right ones, and are not named.

    Example
    -------
    >>> from rmtlib.laws import wishart_eigenvalues
    >>> diagnose(wishart_eigenvalues(300, 600, rng=0) * 600 / 300, 0.5).cause
    'divided by p'
    """
    lam = np.sort(vector("eigenvalues", eigenvalues))
    c = positive("ratio", ratio, "ratio = p / n")
    if lam[0] < -1e-8 * max(1.0, lam[-1]):
        raise ValueError(
            f"eigenvalues must be nonnegative, got {lam[0]:g} (a Gram matrix has none below zero)"
        )
    lam = np.maximum(lam, 0.0)
    lam[lam < 1e-10 * lam[-1]] = 0.0
    size = lam.size
    bulk, outside = _without_outliers(lam)
    level = bulk.mean()
    # Standard deviation of the mean eigenvalue, with entries of kurtosis up to 9.
    slack = 5 * np.sqrt(8 * c) / size + outside * np.max(lam) / size
    allowed = 5 / size + 0.01 + outside / size

    def distance(law: SpectralLaw) -> float:
        return kolmogorov_distance(bulk, law)

    n = size / c
    scales = {
        "none": (1.0, "the spectrum fits the Marchenko-Pastur law."),
        "divided by p": (1 / c, "the matrix was divided by p instead of n."),
        "not divided by n": (n, "the factor 1/n is missing (1/sqrt(n) on the data)."),
        "divided by sqrt(n)": (np.sqrt(n), "the matrix was divided by sqrt(n) instead of n."),
    }
    straight, transposed = (
        distance(MarchenkoPastur(c, level)),
        distance(MarchenkoPastur(1 / c, level)),
    )
    if straight <= min(allowed, transposed):
        for cause, (scale, message) in scales.items():
            if abs(level / scale - 1) <= slack:
                if cause == "none" and outside:
                    return Diagnosis(
                        "uncentered",
                        f"all but {outside} of the eigenvalues fit; the largest, {lam[-1]:.4g}, is "
                        "far outside: the data were not centered (or carry a spike).",
                        straight,
                    )
                return Diagnosis(cause, message, straight)
        return Diagnosis("variance", f"the entries have variance {level:.4g}, not 1.", straight)
    if transposed <= allowed:
        if abs(level / c - 1) <= slack / c:
            return Diagnosis(
                "transposed and divided by n",
                "this is the n x n Gram matrix X.T @ X / n: its ratio is n / p.",
                transposed,
            )
        return Diagnosis(
            "transposed", "the data are transposed: samples must be columns.", transposed
        )
    return Diagnosis(
        "unknown",
        "no Marchenko-Pastur law of this ratio or its inverse fits: the population covariance is "
        "not a multiple of the identity, or entries or samples are dependent.",
        min(straight, transposed),
    )


def _without_outliers(lam: np.ndarray) -> tuple[np.ndarray, int]:
    """Drop up to three eigenvalues that stand more than twice above the next one."""
    top = lam[-4:][::-1]
    gaps = np.flatnonzero(top[:-1] > 2 * top[1:])
    outside = int(gaps[-1]) + 1 if gaps.size and lam.size > 10 else 0
    return lam[: lam.size - outside], outside
