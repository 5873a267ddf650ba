"""Histograms have the right areas, and every figure carries its text."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from rmtlib.book import plots as plotting
from rmtlib.laws import Discrete, MarchenkoPastur, SampleCovariance, wishart_eigenvalues

mpl.use("agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def area(figure):
    return sum(bar.get_width() * bar.get_height() for bar in figure.axes[0].patches)


@pytest.mark.parametrize("ratio", [0.2, 1.0, 4.0])
def test_bars_have_the_mass_of_the_continuous_part(ratio):
    p = 200
    figure = plotting.spectrum(
        wishart_eigenvalues(p, round(p / ratio), rng=0), MarchenkoPastur(ratio)
    )
    assert area(figure) == pytest.approx(min(1, 1 / ratio))


def test_outliers_are_marked_and_kept_out_of_the_bars():
    lam = np.append(wishart_eigenvalues(99, 400, rng=0), 9.0)
    figure = plotting.spectrum(lam, MarchenkoPastur(0.25))
    assert area(figure) == pytest.approx(0.99)
    assert "1 outside the bulk, at 9" in plotting.alt_text(figure)


def test_text_names_bands_and_atom():
    law = SampleCovariance(2.0, Discrete([1, 3, 7]))
    text = plotting.alt_text(plotting.spectrum(np.append(np.zeros(5), np.arange(1.0, 6)), law))
    assert "10 eigenvalues" in text
    assert "[0.42, 26.4]" in text
    assert "50.0% of the eigenvalues are 0 (mass 0.500 in the law)" in text


def test_density_curve_breaks_between_bands():
    x, density = plotting.density_curve(SampleCovariance(0.1, Discrete([1, 3, 7])), 50)
    assert np.isnan(x).sum() == np.isnan(density).sum() == 3
    segments = np.split(np.arange(x.size), np.flatnonzero(np.isnan(x)))
    masses = [
        np.trapezoid(density[s][~np.isnan(x[s])], x[s][~np.isnan(x[s])]) for s in segments[:3]
    ]
    np.testing.assert_allclose(masses, 1 / 3, rtol=3e-3)


@pytest.mark.parametrize(
    ("eigenvalues", "law"),
    [
        ([1.0, 1.0, 1.0], None),
        ([0.0, 0.0], None),
        ([2.5], MarchenkoPastur(0.5)),
        ([1.0, 1.0, 3.0, 3.0], Discrete([1, 3])),
        ([1.0, 2.0, 3.0, 9.0], Discrete([1, 3])),
        ([0.0, 0.0], Discrete([0])),
        ([1e-12, 1e-12], None),
    ],
)
def test_laws_without_bands_and_constant_eigenvalues_are_drawn(eigenvalues, law):
    figure = plotting.spectrum(eigenvalues, law)
    atoms = [position for position, _ in law.atoms] if law is not None else []
    continuous = [x for x in eigenvalues if x not in atoms]
    outside = plotting.alt_text(figure).count("outside the bulk")
    assert area(figure) + outside / len(eigenvalues) == pytest.approx(
        len(continuous) / len(eigenvalues)
    )
    low, high = figure.axes[0].get_ylim()
    assert 0 == low < high
    assert plotting.density_curve(Discrete([1, 3]))[0].size == 0


def test_rendered_files_carry_the_description():
    figure = plotting.describe(plt.figure(), "A <small> & empty   picture.")
    assert "A &lt;small&gt; &amp; empty picture." in plotting._render(figure, "svg").decode()
    assert b"A <small> & empty picture." in plotting._render(figure, "png")


def test_same_figure_gives_the_same_bytes():
    def draw():
        plotting.use_style()
        return plotting._render(
            plotting.spectrum([0.5, 1.0, 1.5], MarchenkoPastur(0.25), bins=3), "svg"
        )

    assert draw() == draw()


def test_images_and_large_scatters_are_rastered():
    lines, image, scatter = plt.figure(), plt.figure(), plt.figure()
    lines.subplots().plot([0, 1])
    image.subplots().imshow(np.eye(3))
    scatter.subplots().scatter(*np.random.default_rng(0).random((2, 15_000)))
    assert [plotting._needs_raster(f) for f in (lines, image, scatter)] == [False, True, True]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plotting.spectrum([]), "eigenvalues must be nonempty"),
        (lambda: plotting.spectrum([np.nan]), "eigenvalues must be finite"),
        (lambda: plotting.spectrum([1.0], "MP"), "law must be a SpectralLaw, got str"),
        (lambda: plotting.spectrum([1.0, 2.0], bins=0), "bins must be an integer >= 1"),
        (lambda: plotting.describe(plt.figure(), "  "), "text must say"),
        (lambda: plotting.density_curve(MarchenkoPastur(1), 2), "points must be an integer >= 3"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_integer_eigenvalues_are_drawn():
    assert area(plotting.spectrum([1, 2, 3, 4])) == pytest.approx(1)
