"""One call for people's own data: what is noise in it, what is not, and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rmtlib import _checks, _data_checks
from rmtlib._types import ArrayLike
from rmtlib.covariance._components import Components, count_components
from rmtlib.covariance._correlated import autocorrelation, correlated_samples_law, effective_samples
from rmtlib.covariance._noise import NoiseFit, fit_noise
from rmtlib.covariance._spikes import covariance_spike, estimate_spike_strength
from rmtlib.laws import Discrete, kolmogorov_distance, sample_covariance_eigenvalues

_SHOWN = 10
_MISFIT = 5.0  # of white noise it is below 4.3 in 99 of 100 draws at p = 2000


@dataclass(frozen=True)
class Report:
    r"""Outcome of `report`; ``print`` shows it as text.

    Parameters
    ----------
    p, n : int
        Number of variables and of samples.
    samples : float
        What n counts for: one less for the mean, and the effective number if the samples are
        correlated.
    beta : int
        1 for real data, 2 for complex data.
    standardized : bool
        Whether the variables were scaled to variance 1.
    eigenvalues : ndarray, shape (p,)
        Of the covariance or correlation matrix, the largest first; those that are zero because
        variables determine each other are left out.
    noise : NoiseFit
        Variance of the noise, its law and the misfit of the bulk.
    components : Components
        Number of components and p-values.
    strength, strength_error : ndarray, shape (count,)
        :math:`\ell` in units of ``components.variance``, the bias of the eigenvalue removed,
        and its standard error.
    angle, angle_error : ndarray, shape (count,)
        Between the sample eigenvector and the true direction, in degrees.
    notes, advice : tuple of str
        What was noticed in the data; two sentences.
    """

    p: int
    n: int
    samples: float
    beta: int
    standardized: bool
    eigenvalues: np.ndarray
    noise: NoiseFit
    components: Components
    strength: np.ndarray
    strength_error: np.ndarray
    angle: np.ndarray
    angle_error: np.ndarray
    notes: tuple[str, ...]
    advice: tuple[str, ...]

    def __str__(self) -> str:
        noise, found = self.noise, self.components
        matrix = "correlation" if self.standardized else "covariance"
        low, high = noise.law.bands()[0, 0], noise.law.support()[1]
        kind = ("real", "complex")[self.beta - 1]
        lines = [
            f"{self.p} variables, {self.n} samples ({kind}); they count for {self.samples:.4g}, "
            f"p / n = {self.p / self.samples:.3g}",
            f"eigenvalues of the {matrix} matrix: {self.eigenvalues[-1]:.3g} to "
            f"{self.eigenvalues[0]:.4g}",
            f"noise variance {noise.variance:.4g} +- {noise.standard_error:.2g}, bulk from "
            f"{low:.3g} to {high:.3g}, misfit {noise.misfit:.2g} (noise: below {_MISFIT:g})",
            f"components: {found.count}, above {found.threshold:.4g} at level 5 %, noise of "
            f"variance {found.variance:.4g}",
        ]
        if found.count:
            lines.append("     eigenvalue   strength            angle to the truth   p-value")
        for j in range(min(found.count, _SHOWN)):
            lines.append(
                f"{j + 1:3}  {self.eigenvalues[j]:10.4g}   {self.strength[j]:7.4g} +- "
                f"{self.strength_error[j]:<7.2g}  {self.angle[j]:5.1f} +- "
                f"{self.angle_error[j]:.1f} degrees  {found.pvalues[j]:9.1g}"
            )
        if found.count > _SHOWN:
            lines.append(f"     and {found.count - _SHOWN} more")
        return "\n".join([*lines, *self.notes, " ".join(self.advice)])


def report(
    X: ArrayLike,
    *,
    standardize: bool = True,
    ordered: bool = False,
    names: Sequence[str] | None = None,
) -> Report:
    r"""What is noise in a data matrix, what stands out of it, and what to do.

    Subtracts the mean, scales variables to variance 1 if asked to, and puts together
    `fit_noise`, `count_components` (sequential Tracy-Widom test at 5 %) and
    `estimate_spike_strength`. Where the misfit of the bulk exceeds 5 and p / 200, the noise is
    not white and its fitted variance says little: the mean of all eigenvalues, the largest
    that it can be, is then used for counting. With
    :math:`c=(p-k)/n`, :math:`\ell` and the squared cosine of its angle have the standard errors

    .. math:: (1+\ell)\sqrt{\frac2{\beta n(1-c/\ell^2)}}\qquad\text{and}\qquad
              \frac{c\,(\ell^2+2\ell+c)}{(\ell^2+c\,\ell)^2}\quad\text{times that.}

    Parameters
    ----------
    X : array_like, shape (p, n)
        Data, real or complex: **columns are samples**, so pass ``frame.T`` of a data frame.
    standardize : bool
        Whether to use the correlation matrix; False for variables in one unit.
    ordered : bool
        Whether the columns are in the order of time: `autocorrelation` is then estimated, and
        `effective_samples` and `correlated_samples_law` take the place of n and of the
        Marchenko-Pastur law.
    names : sequence of str or None
        Names of the variables, for messages; the index of a data frame by default.

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        For what can't be read, with the name of the variable: NaN, constant rows, text.

    Notes
    -----
    Errors are those of the Gaussian limit :cite:p:`Paul07`: a strength near the threshold
    has larger ones. Correlation matrices of white data have the same law and edge
    :cite:p:`BaoPanZhou12`.

    Example
    -------
    >>> X = np.random.default_rng(0).standard_normal((100, 400))
    >>> X[:30] += 0.6 * np.random.default_rng(1).standard_normal(400)
    >>> result = report(X, standardize=False)
    >>> result.components.count, bool(abs(result.strength[0] - 30 * 0.36) < 3)
    (1, True)
    """
    X, p = _readable(X, names, standardize), len(X)
    n, beta = X.shape[1], 2 if np.iscomplexobj(X) else 1
    lam = sample_covariance_eigenvalues(X)[::-1] * (n / (n - 1))
    correlations = autocorrelation(X) if ordered else np.ones(1)
    samples = effective_samples(correlations, p=p, n=n) - 1 if ordered else n - 1.0
    notes, rank = _notes(X, ordered), np.count_nonzero(_checks.eigenvalues("X", lam))
    if rank < min(p, n - 1) == p:
        notes.append(f"{p - rank} variables are determined by the others and left out.")
        lam = lam[:rank]
    noise = fit_noise(lam, n=samples, beta=beta)
    if correlations.size > 1:
        law = correlated_samples_law(correlations, ratio=lam.size / n)
        law = law @ Discrete([noise.variance])
        misfit = lam[noise.spikes :].size * kolmogorov_distance(lam[noise.spikes :], law)
        noise = replace(noise, law=law, misfit=float(misfit))
    white = noise.misfit < max(_MISFIT, 0.005 * lam.size)
    variance = None if white else float(lam.mean())
    found = count_components(lam, n=samples, beta=beta, variance=variance)
    k, c = found.count, (lam.size - found.count) / samples
    ell = np.atleast_1d(estimate_spike_strength(lam[:k] / found.variance, ratio=c))
    safe = np.where(ell**2 > c, ell, np.nan)
    alignment = np.asarray(covariance_spike(ell, ratio=c).alignment)
    error = (1 + safe) * np.sqrt(2 / (beta * samples * (1 - c / safe**2)))
    slope = c * (safe**2 + 2 * safe + c) / (safe**2 + c * safe) ** 2
    sine = np.where(safe > 0, 2 * np.sqrt(alignment * (1 - alignment)), np.nan)
    angle = np.degrees([np.arccos(np.sqrt(alignment)), slope * error / sine])
    about = p, n, samples, beta, standardize, lam, noise, found
    advice = _advice(found, white, lam.size, c)
    return Report(*about, ell, error, *angle, tuple(notes), advice)


def _readable(X: ArrayLike, names: Sequence[str] | None, standardize: bool) -> np.ndarray:
    """Centered and perhaps scaled data; refuses a variable by its name."""
    if names is None and hasattr(X, "index") and hasattr(X, "columns"):
        names = [str(name) for name in X.index]

    def variable(i: int) -> str:
        return f"variable {i}" if names is None else f"variable {names[i]!r}"

    values = np.asarray(X)
    if values.dtype.kind in "fc" and values.ndim == 2 and not np.isfinite(values).all():
        i, j = np.argwhere(~np.isfinite(values))[0]
        raise ValueError(
            f"X must be finite, got {values[i, j]} in {variable(i)}, sample {j} (fill it in, or "
            "leave out the variable or the sample)"
        )
    X = _data_checks.data_matrix("X", X)
    if names is not None and len(names) != len(X):
        raise ValueError(f"names must be {len(X)}, one a row of X, got {len(names)}")
    if min(X.shape[0], X.shape[1] - 1) < 2:
        raise ValueError(f"X must have 2 rows and 3 columns at least, got shape {X.shape}")
    deviation = X.std(axis=1)
    constant = np.flatnonzero(deviation <= 1e-12 * np.abs(X).max(axis=1))
    if constant.size:
        raise ValueError(
            f"X must vary, got the same value in all samples of {variable(constant[0])} (leave "
            "it out; are columns the samples?)"
        )
    X = X - X.mean(axis=1, keepdims=True)
    if standardize:
        X /= deviation[:, None] * np.sqrt(X.shape[1] / (X.shape[1] - 1))
    return X


def _notes(X: np.ndarray, ordered: bool) -> list[str]:
    neighbors = np.vdot(X[:, :-1], X[:, 1:]).real / np.vdot(X, X).real
    if ordered or abs(neighbors) < max(0.1, 4 / np.sqrt(X.shape[1])):
        return []
    return [
        f"Neighboring samples correlate by {neighbors:.2f}: ordered=True if they are in the "
        "order of time; if they are sorted by class that is no reason."
    ]


def _advice(found: Components, white: bool, p: int, ratio: float) -> tuple[str, str]:
    k, spread = found.count, 4 * np.sqrt(ratio)
    if not white:
        first = (
            f"The bulk is not that of white noise: {k} components exceed what uncorrelated "
            "variables of the same total variance give, and weaker ones are a matter of definition."
        )
    else:
        first = f"{k or 'No'} component{'s' * (k > 1)} out of the bulk; "
        first += f"the {p - k} eigenvalues inside it are not evidence of structure."
    if spread < 0.2:
        return first, f"No need to shrink: noise spreads the eigenvalues by {spread:.0%} only."
    shrink = f"covariance.{'Spike' if white else 'Nonlinear'}Shrinkage"
    return first, f"Noise spreads equal eigenvalues by {spread:.0%}: invert {shrink} instead."
