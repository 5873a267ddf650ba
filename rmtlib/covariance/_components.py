"""How many components are real: one function, four rules."""

from dataclasses import dataclass

import numpy as np

from rmtlib import _checks, _data_checks
from rmtlib._types import ArrayLike
from rmtlib.covariance._largest_eigenvalue import largest_eigenvalue_scale, ratio_pvalue
from rmtlib.covariance._noise import candidate_ratio, descending, noise_variance, quantile, search
from rmtlib.laws import MarchenkoPastur, TracyWidom, wishart_eigenvalues

METHODS = ("tracy-widom", "threshold", "parallel")


@dataclass(frozen=True)
class Components:
    """Outcome of `count_components`.

    Parameters
    ----------
    count : int
        Number of components.
    threshold : float
        What an eigenvalue has to exceed to be counted, in units of the eigenvalues: the first
        that was not counted was compared with it.
    pvalues : ndarray
        One for each component that was counted and one for the next; empty for the method
        "threshold", which is no test.
    variance : float
        Variance of the noise, given or estimated.
    method : str
        Which rule.
    beta : int
        1 if the laws of real data were used, 2 if those of complex data.
    """

    count: int
    threshold: float
    pvalues: np.ndarray
    variance: float
    method: str
    beta: int


def count_components(
    eigenvalues: ArrayLike,
    *,
    n: float,
    method: str = "tracy-widom",
    variance: float | None = None,
    level: float = 0.05,
    beta: int = 1,
    draws: int = 200,
    rng: int | np.random.Generator | None = 0,
) -> Components:
    r"""Number of components that white noise does not explain.

    Eigenvalues :math:`\lambda_1\ge\lambda_2\ge\dots` of :math:`\frac1nXX^*`, X of size (p, n),
    Gaussian noise of one variance and a few directions with more. Methods:

    ``"tracy-widom"``
        Count k when :math:`\lambda_k` is significant among the noise and
        :math:`\lambda_{k+1}` is not, by `largest_eigenvalue_test` with p - k and n - k for p
        and n. An unknown variance is that of `fit_noise` with k spikes. The search begins
        where the median of the eigenvalues puts the edge, so that many equal components
        don't hide each other.
    ``"threshold"``
        The threshold on singular values that is best for the squared error of the
        truncated matrix,

        .. math::

            \lambda>\sigma^2\max(1,c)\Bigl(2(\gamma+1)
            +\frac{8\gamma}{\gamma+1+\sqrt{\gamma^2+14\gamma+1}}\Bigr),\qquad
            \gamma=\min(c,1/c),\quad c=p/n;

        an unknown variance is the median of the positive eigenvalues over that of the
        Marchenko-Pastur law.
    ``"parallel"``
        Horn's parallel analysis: :math:`\lambda_j` must exceed the quantile 1 - level of the
        j-th eigenvalue of white noise with as large a trace, for all j up to k; with a given
        variance, that of the largest eigenvalue of the noise. The noise is drawn exactly, by
        a bidiagonal matrix, where permutation of the data needs a product and a spectrum a
        draw.

    Parameters
    ----------
    eigenvalues : array_like, shape (p,)
        All p of them, zeros included, in any order.
    n : float
        Number of samples; one less if their mean was subtracted, the effective number if
        they are correlated.
    method : str
        "tracy-widom", "threshold" or "parallel".
    variance : float or None
        Variance of the noise; None if it is not known.
    level : float
        Probability of counting one component too many, for the tests.
    beta : 1 or 2
        1 for real data, 2 for complex data.
    draws : int
        Number of noise matrices of parallel analysis.
    rng : None, int or Generator
        Their randomness; a fixed seed by default.

    Returns
    -------
    Components

    Notes
    -----
    Sequential test: :cite:t:`KritchmanNadler08`; threshold: :cite:t:`GavishDonoho14`; parallel
    analysis: :cite:t:`Horn65`. At level 5 % the first method counts too many with a frequency
    of 4 to 5 % if there is no component, and of 1 to 4 % behind others, which push the bulk
    away. The threshold leaves out components that are visible but cost more than they bring; strong
    components hide weak ones from parallel analysis, since they use up the trace.

    Example
    -------
    >>> from rmtlib.laws import wishart_eigenvalues
    >>> noise = 3.0 * wishart_eigenvalues(200, 400, rng=0)
    >>> found = count_components(np.append(noise[:-2], [20.0, 60.0]), n=400)
    >>> found.count, found.pvalues.round(3)[:2]
    (2, array([0., 0.]))
    """
    lam = descending(eigenvalues, n)
    method = _checks.one_of("method", method, METHODS)
    level = _checks.between("level", level, 1e-9, 0.5, "probability of a false component")
    beta, draws = _data_checks.dyson_index(beta), _checks.count("draws", draws)
    if variance is not None:
        variance = _checks.positive("variance", variance, "of the noise")
    rng = _checks.as_rng(rng)
    if method == "threshold":
        found = _optimal_threshold(lam, n, variance)
    elif method == "parallel":
        found = _parallel_analysis(lam, n, variance, level, beta, draws, rng)
    elif variance is None:
        found = _sequential(lam, n, level, beta)
    else:
        found = _sequential_known(lam, n, variance, level, beta)
    count, threshold, pvalues, variance = found
    return Components(
        int(count), float(threshold), np.asarray(pvalues), float(variance), method, beta
    )


_Found = tuple[int, float, list[float], float]


def _sequential(lam: np.ndarray, n: float, level: float, beta: int) -> _Found:
    k = search(lam, n, beta, level)
    p, m, variance = lam.size - k, n - k, noise_variance(lam, n, k)
    # each of the k with the rest as its noise, so that none hides another
    alone = [
        candidate_ratio(np.concatenate([np.delete(lam[:k], j), lam[[j]], lam[k:]]), n, k - 1)
        for j in range(k)
    ]
    pvalues = [
        *(ratio_pvalue(np.array(alone), p=p + 1, n=m + 1, beta=beta) if k else ()),
        ratio_pvalue(candidate_ratio(lam, n, k), p=p, n=m, beta=beta),
    ]
    center, scale = largest_eigenvalue_scale(p=p, n=m, beta=beta)
    ratios = center + scale * (quantile(beta, level) + np.linspace(-2, 1, 16))
    levels = np.log(ratio_pvalue(ratios, p=p, n=m, beta=beta))
    critical = np.interp(-np.log(level), -levels, ratios)
    return k, critical * variance * (1 - k / n), pvalues, variance


def _sequential_known(
    lam: np.ndarray, n: float, variance: float, level: float, beta: int
) -> _Found:
    most = min(np.count_nonzero(lam > variance), round(min(lam.size, n)) - 1)
    scales = np.array(
        [largest_eigenvalue_scale(p=lam.size - k, n=n - k, beta=beta) for k in range(most + 1)]
    )
    scales *= (1 - np.arange(most + 1)[:, None] / n) * variance
    pvalues = TracyWidom(beta).sf((lam[: most + 1] - scales[:, 0]) / scales[:, 1])
    k = int(np.argmax(pvalues > level))
    threshold = scales[k] @ [1, quantile(beta, level)]
    return k, threshold, pvalues[: k + 1], variance


def _optimal_threshold(lam: np.ndarray, n: float, variance: float | None) -> _Found:
    small, large = sorted((lam.size, n))
    gamma = small / large
    if variance is None:
        median = MarchenkoPastur(gamma).ppf(0.5) * large / n
        variance = np.median(lam[: round(small)]) / median
    root = np.sqrt(gamma**2 + 14 * gamma + 1)
    threshold = variance * large / n * (2 * (gamma + 1) + 8 * gamma / (gamma + 1 + root))
    return np.count_nonzero(lam > threshold), threshold, (), variance


def _parallel_analysis(
    lam: np.ndarray,
    n: float,
    variance: float | None,
    level: float,
    beta: int,
    draws: int,
    rng: np.random.Generator,
) -> _Found:
    noise = wishart_eigenvalues(lam.size, round(n), size=draws, beta=beta, rng=rng)[:, ::-1]
    noise, variance = (noise, lam.mean()) if variance is None else (noise[:, :1], variance)
    pvalues = (1 + np.sum(variance * noise >= lam, axis=0)) / (1 + draws)
    positive = round(min(lam.size, n))
    k = int(np.argmax(np.append(pvalues[:positive] > level, True)))
    last = min(k, positive - 1)
    limits = np.broadcast_to(variance * np.quantile(noise, 1 - level, axis=0), lam.shape)
    return k, limits[last], pvalues[: last + 1], variance
