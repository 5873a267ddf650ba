"""Histograms of eigenvalues against the density of a law."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rmtlib._checks import count, instance, vector
from rmtlib._types import ArrayLike
from rmtlib.book._figures import ACCENT, SIMULATION, SIMULATION_DARK, THEORY, describe, new_figure
from rmtlib.laws import SpectralLaw


def spectrum(
    eigenvalues: ArrayLike,
    law: SpectralLaw | None = None,
    *,
    ax: Axes | None = None,
    bins: int = 60,
    label: str = "eigenvalues",
    law_label: str = "limiting law",
    xlabel: str = r"eigenvalue $\lambda$",
) -> Figure:
    r"""Histogram of eigenvalues against the density of a law.

    Bars have area (number of eigenvalues in the bin) / (number of all
    eigenvalues), so that histogram and density agree also when the law has an
    atom: the bulk then has area one minus the atom's mass. Eigenvalues at an
    atom are counted in a stem whose height is written beside it, and
    eigenvalues outside the bulk by more than a tenth of its width are marked
    one by one.

    Parameters
    ----------
    eigenvalues : array, shape (p,)
        All eigenvalues, exact zeros included.
    law : SpectralLaw, optional
        The law to draw; bands, edges and atoms are its own.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.
    bins : int
        Number of bars over the bulk.
    label, law_label, xlabel : str
        Names in the legend and on the axis.

    Returns
    -------
    matplotlib Figure
        The figure, with a text alternative made from the numbers drawn.

    Example
    -------
    >>> from rmtlib.laws import MarchenkoPastur
    >>> figure = spectrum([0.5, 1.0, 1.5], MarchenkoPastur(0.25), bins=3)
    >>> heights, edges, _ = figure.axes[0].patches[0].get_data()
    >>> float(heights @ np.diff(edges))
    1.0
    """
    lam = np.sort(vector("eigenvalues", eigenvalues))
    count("bins", bins)
    if law is not None:
        instance("law", law, SpectralLaw)
    ax = new_figure(1, None)[1] if ax is None else ax
    atoms = law.atoms if law is not None else ()
    at_atom = np.zeros(lam.size, dtype=bool)
    for position, _ in atoms:
        at_atom |= np.abs(lam - position) <= 1e-9 * max(1.0, abs(lam[-1]))
    continuous = lam[~at_atom]
    bands = law.bands() if law is not None else np.empty((0, 2))
    inside = bands if bands.size else (continuous if continuous.size else lam)
    low, high = np.min(inside), np.max(inside)
    if high - low <= 1e-9 * max(abs(low), abs(high)):  # constant eigenvalues
        half = 0.05 * max(abs(low), abs(high)) or 0.05
        low, high = low - half, high + half
    margin = 0.1 * (high - low)
    bulk = continuous[(continuous >= low - margin) & (continuous <= high + margin)]
    outliers = np.setdiff1d(continuous, bulk)
    low, high = min(low, bulk.min(initial=low)), max(high, bulk.max(initial=high))

    width = (high - low) / bins
    edges = np.linspace(low, high, bins + 1)
    heights = np.histogram(bulk, edges)[0] / (lam.size * width)
    ax.stairs(heights, edges, fill=True, color=SIMULATION, label=label)
    top = 1.25 * heights.max(initial=0.0) or 1.0
    text = f"Histogram of {lam.size} eigenvalues between {lam[0]:.3g} and {lam[-1]:.3g}"
    if bands.size:
        x, density = density_curve(law)
        ax.plot(x, np.minimum(density, 10 * top), color=THEORY, label=law_label)
        top = max(top, min(1.1 * np.nanmax(density), 1.6 * top))
        bands = " and ".join(f"[{a:.3g}, {b:.3g}]" for a, b in bands)
        text += f", with the density of {law_label} on {bands}"
    for position, mass in atoms:
        share = np.mean(np.abs(lam - position) <= 1e-9 * max(1.0, abs(lam[-1])))
        note = f"{share:.1%} at {position:.3g} (law: {mass:.1%})"
        ax.plot([position, position], [0, 0.92 * top], color=SIMULATION_DARK, lw=3, label=note)
        text += f"; {share:.1%} of the eigenvalues are {position:.3g} (mass {mass:.3f} in the law)"
    if outliers.size:
        ax.plot(outliers, np.full(outliers.size, 0.02 * top), "v", color=ACCENT, markersize=8,
                label="outside the bulk", clip_on=False)  # fmt: skip
        listed = ", ".join(f"{x:.3g}" for x in outliers[:6])
        text += f"; {outliers.size} outside the bulk, at {listed}"
    ax.set(xlabel=xlabel, ylabel="density", ylim=(0, top))
    ax.legend(loc="upper right")
    return describe(ax.figure, text + ".")


def density_curve(law: SpectralLaw, points: int = 400) -> tuple[np.ndarray, np.ndarray]:
    r"""Abscissas and density of a law, ready to be drawn.

    Each band :math:`[a, b]` is sampled at
    :math:`x = \frac{a+b}2 - \frac{b-a}2\cos\theta` for equidistant
    :math:`\theta`, which is dense where the density rises like a square root;
    bands are separated by NaN so that no line joins them.

    Parameters
    ----------
    law : SpectralLaw
        The law to draw.
    points : int
        Number of points a band, at least 3.

    Returns
    -------
    x, density : arrays, shape (bands * (points + 1),)

    Example
    -------
    >>> from rmtlib.laws import Semicircle
    >>> x, density = density_curve(Semicircle(), points=5)
    >>> bool(np.isclose(density[2], 1 / np.pi))
    True
    """
    count("points", points, at_least=3)
    theta = np.linspace(1e-4, np.pi - 1e-4, points)
    bands = law.bands()
    if not len(bands):
        return np.empty(0), np.empty(0)
    x = np.concatenate([(a + b) / 2 - (b - a) / 2 * np.cos(theta) for a, b in bands])
    gaps = points * np.arange(1, len(bands) + 1)
    return np.insert(x, gaps, np.nan), np.insert(law.pdf(x), gaps, np.nan)
