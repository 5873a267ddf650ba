"""Samples that are correlated with each other: their law, and how many they are worth."""

import numpy as np
from scipy.linalg import eigh_tridiagonal

from rmtlib import _checks, _data_checks
from rmtlib._types import ArrayLike
from rmtlib.laws import FreePoisson, SpectralLaw

_FREQUENCIES, _NODES = 64, 16


def autocorrelation(X: ArrayLike) -> np.ndarray:
    r"""Correlation of samples at a distance in time, pooled over the variables.

    X of shape (p, n), the columns in the order of time, :math:`X=C^{1/2}ZT^{1/2}` with
    :math:`T_{st}=r_{|s-t|}`. With :math:`\bar x` the mean over time,

    .. math:: \hat r_h=\frac{\frac1{n-h}\sum_t(x_t-\bar x)^*(x_{t+h}-\bar x)}
              {\frac1n\sum_t\|x_t-\bar x\|^2},

    real part. The mean over time takes :math:`b=\frac1n\sum_hr_h` (lags of both signs) from
    all lags, and :math:`(1-b)\hat r_h+b` puts it back. The result is cut at the first lag at
    which it and the next one are below two standard errors, :math:`2/\sqrt{n\,p'}` with
    :math:`p'=(\operatorname{tr}\hat C)^2/\operatorname{tr}\hat C^2` for the number of
    variables that vary by themselves.

    Parameters
    ----------
    X : array_like, shape (p, n)
        Data, real or complex, n at least 4. Scale the variables alike if they have units.

    Returns
    -------
    ndarray, shape (lags,)
        :math:`\hat r_0=1,\hat r_1,\dots`, at most n / 4 of them; [1.] for independent samples.

    Notes
    -----
    A mean that drifts, and samples sorted by class, look like correlation. The standard
    error is Bartlett's for independent samples :cite:p:`Bartlett46`.

    Example
    -------
    >>> autocorrelation(np.random.default_rng(0).standard_normal((50, 400)))
    array([1.])
    """
    X = _data_checks.data_matrix("X", X)
    p, n = X.shape
    if n < 4:
        raise ValueError(f"X must have at least 4 columns, got {n} (samples in order of time)")
    X = X - X.mean(axis=1, keepdims=True)
    power = np.sum(np.abs(np.fft.fft(X, 2 * n, axis=1)) ** 2, axis=0)
    if power.max() == 0:
        raise ValueError("X must vary, got constant rows (rows are variables)")
    lags = np.fft.ifft(power).real[: n // 4] / (n - np.arange(n // 4))
    raw = lags / lags[0]
    gram = X @ X.conj().T if p <= n else X.conj().T @ X
    noise = np.linalg.norm(gram) / np.trace(gram).real / np.sqrt(n)
    shift, lags = 0.0, raw
    for _ in range(4):
        lags = raw * (1 - shift) + shift
        small = np.abs(np.append(lags[1:], [0.0, 0.0])) < 2 * noise
        lags = lags[: 1 + int(np.argmax(small[:-1] & small[1:]))]
        shift = max(2 * lags.sum() - 1, 0) / n
    return lags


def correlated_samples_law(
    correlations: ArrayLike, *, ratio: float, population: SpectralLaw | None = None
) -> SpectralLaw:
    r"""Spectrum of the sample covariance when the samples are correlated in time.

    Limit of the eigenvalues of :math:`\frac1nXX^*`, :math:`X=C^{1/2}ZT^{1/2}` of shape (p, n),
    Z with independent entries of variance 1, :math:`T_{st}=r_{|s-t|}`, :math:`p/n\to c`:
    the free product of the law of C and of that of :math:`\frac1nZTZ^*`,

    .. math:: \mu=\nu\boxtimes\mathrm{FreePoisson}\Bigl(t(\theta)\,c,\ \tfrac1c\Bigr),\qquad
              t(\theta)=1+2\sum_{h\ge1}r_h\cos h\theta,

    with jumps :math:`t(\theta)`, :math:`\theta` uniform: the eigenvalues of T tend to the
    values of its spectral density. Gauss's rule of the law of :math:`t(\theta)` gives the
    jumps that are used, as many as 16 or c.

    Parameters
    ----------
    correlations : array_like, shape (lags,)
        :math:`r_0=1,r_1,\dots`, from a model or `autocorrelation`; zero afterwards.
    ratio : float
        c = p / n.
    population : SpectralLaw or None
        :math:`\nu`, the law of the eigenvalues of C; None for C = I.

    Returns
    -------
    SpectralLaw

    Notes
    -----
    Eigenvalues of T: Szegő's theorem :cite:p:`Gray06`; free product: :cite:t:`Voiculescu91`.
    The density is taken at max(64, 4 lags) frequencies, and is at least 1/1000 where an
    estimate makes it smaller. Linear statistics are reached at rate 1/p.

    Example
    -------
    Independent samples give the Marchenko-Pastur law:

    >>> law = correlated_samples_law([1.0], ratio=0.25)
    >>> round(law.support()[1], 6)
    2.25
    """
    r = _checks.vector("correlations", correlations, why="of samples at a distance in time")
    r, c = r.astype(float), _checks.positive("ratio", ratio, "ratio = p / n")
    if r[0] != 1 or np.abs(r).max() > 1:
        raise ValueError(
            f"correlations must begin with 1 and be at most 1, got {r[np.abs(r).argmax()]:g} "
            f"and {r[0]:g} at lag 0"
        )
    size = max(_FREQUENCIES, 4 * r.size)
    theta = np.pi * (np.arange(size) + 0.5) / size
    density = np.maximum(2 * np.cos(np.outer(theta, np.arange(r.size))) @ r - 1, 1e-3)
    nodes, weights = _gauss(density / density.mean(), min(max(_NODES, round(c)), size))
    white = FreePoisson(c * nodes, weights / c)
    return white if population is None else white @ population


def _gauss(values: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of Gauss's rule of equally likely values, by Lanczos's recursion."""
    basis = [np.full(values.size, values.size**-0.5)]
    main, side = [], []
    for _ in range(most):
        new = values * basis[-1]
        main.append(new @ basis[-1])
        for _ in range(2):
            new = new - np.transpose(basis) @ (basis @ new)
        side.append(np.linalg.norm(new))
        if side[-1] < 1e-10 * np.abs(values).max():
            break
        basis.append(new / side[-1])
    nodes, vectors = eigh_tridiagonal(main, side[: len(main) - 1])
    return nodes, np.maximum(vectors[0] ** 2, 1e-14)


def effective_samples(correlations: ArrayLike, *, p: int, n: int) -> float:
    r"""Number of independent samples whose noise reaches as far as that of correlated ones.

    For white variables, :math:`X=ZT^{1/2}` of shape (p, n): the n' for which the
    Marchenko-Pastur law ends where `correlated_samples_law` does,

    .. math:: \Bigl(1+\sqrt{p/n'}\Bigr)^2=E_+ .

    Use it for n wherever a function of this package asks for the number of samples.

    Parameters
    ----------
    correlations : array_like, shape (lags,)
        :math:`r_0=1,r_1,\dots` as for `correlated_samples_law`.
    p, n : int
        Shape of the data.

    Returns
    -------
    float
        n', at most n and not an integer.

    Notes
    -----
    It matches the edge, on which tests of components depend. The width of the spectrum is
    that of :math:`n/\sum_hr_h^2` samples (lags of both signs, :cite:t:`Bartlett46`), which
    are more: the two laws have other shapes.

    Example
    -------
    Correlation 1/2 from each sample to the next one:

    >>> round(effective_samples(0.5 ** np.arange(20), p=200, n=400))
    196
    """
    p, n = _checks.count("p", p), _checks.count("n", n, why="number of samples")
    high = correlated_samples_law(correlations, ratio=p / n).support()[1]
    return float(min(n, p / (np.sqrt(high) - 1) ** 2))
