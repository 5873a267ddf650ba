"""The figure of a covariance report."""

import numpy as np
from matplotlib.figure import Figure

from rmtlib._checks import instance
from rmtlib.book._figures import ACCENT, INK, SIMULATION, THEORY, describe, new_figure
from rmtlib.book._spectrum import density_curve
from rmtlib.covariance import Report


def report(result: Report) -> Figure:
    """Histogram of the eigenvalues of a report, the law of its noise, components marked.

    Bars have area (eigenvalues in the bin) / (all eigenvalues). Eigenvalues that are zero
    because p > n, and components far beyond the bulk, are counted in words.

    Parameters
    ----------
    result : rmtlib.covariance.Report
        What `rmtlib.covariance.report` returned.

    Returns
    -------
    matplotlib Figure
        With a text alternative made from its numbers.

    Example
    -------
    >>> from rmtlib import covariance
    >>> from rmtlib.book._figures import alt_text
    >>> X = np.random.default_rng(0).standard_normal((30, 90))
    >>> "0 components" in alt_text(report(covariance.report(X)))
    True
    """
    instance("result", result, Report, "what covariance.report returns")
    lam, law, found = result.eigenvalues, result.noise.law, result.components
    edge = max(law.support()[1], found.threshold)
    right = max(1.15 * edge, min(1.05 * lam[0], 3 * edge))
    shown = lam[(lam > 1e-9 * lam[0]) & (lam <= right)]
    edges = np.linspace(0, right, min(90, max(20, lam.size // 3)))
    ax = new_figure(1, None)[1]
    heights = np.histogram(shown, edges)[0] / (lam.size * edges[1])
    ax.stairs(heights, edges, fill=True, color=SIMULATION, label="eigenvalues")
    x, density = density_curve(law)
    top = 1.25 * max(ax.get_ylim()[1], min(np.nanmax(density), 1.5 * ax.get_ylim()[1]))
    ax.plot(x, np.minimum(density, 2 * top), color=THEORY, label="law of the noise")
    ax.axvline(found.threshold, color=INK, ls=":", lw=1.2, label="threshold")
    marked, beyond = lam[: found.count], np.count_nonzero(lam > right)
    marked = marked[marked <= right]
    ax.plot(marked, np.full(marked.size, 0.02 * top), "v", color=ACCENT, label="components")
    ax.set(xlabel=r"eigenvalue $\lambda$", ylabel="density", xlim=(0, right), ylim=(0, top))
    if beyond:
        far = f"{beyond} more, up to {lam[0]:.4g} \N{RIGHTWARDS ARROW}"
        ax.text(0.99, 0.3, far, transform=ax.transAxes, ha="right", color=INK)
    ax.legend(loc="upper right")
    low, high = law.bands()[0, 0], law.support()[1]
    return describe(
        ax.figure,
        f"Histogram of {lam.size} eigenvalues with the law of the noise on [{low:.3g}, "
        f"{high:.3g}]; {found.count} components beyond {found.threshold:.3g}, the largest "
        f"eigenvalue at {lam[0]:.4g}.",
    )
