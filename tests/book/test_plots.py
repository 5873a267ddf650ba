"""Histograms have the right areas, and every figure carries its text."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from rmtlib.book import plots as plotting
from rmtlib.book._figures import _needs_raster, _render, alt_text, both_forms, stacked
from rmtlib.laws import Discrete, MarchenkoPastur, SampleCovariance, wishart_eigenvalues

mpl.use("agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def area(figure):
    heights, edges, _ = figure.axes[0].patches[0].get_data()
    return heights @ np.diff(edges)


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
    assert "1 outside the bulk, at 9" in alt_text(figure)


def test_text_names_bands_and_atom():
    law = SampleCovariance(2.0, Discrete([1, 3, 7]))
    text = alt_text(plotting.spectrum(np.append(np.zeros(5), np.arange(1.0, 6)), law))
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
    outside = alt_text(figure).count("outside the bulk")
    assert area(figure) + outside / len(eigenvalues) == pytest.approx(
        len(continuous) / len(eigenvalues)
    )
    low, high = figure.axes[0].get_ylim()
    assert 0 == low < high
    assert plotting.density_curve(Discrete([1, 3]))[0].size == 0


def test_rendered_files_carry_the_description():
    figure = plotting.describe(plt.figure(), "A <small> & empty   picture.")
    assert "A &lt;small&gt; &amp; empty picture." in _render(figure, "svg").decode()
    assert b"A <small> & empty picture." in _render(figure, "png")


def test_same_figure_gives_the_same_bytes():
    def draw():
        plotting.use_style()
        return _render(plotting.spectrum([0.5, 1.0, 1.5], MarchenkoPastur(0.25), bins=3), "svg")

    assert draw() == draw()


def test_images_and_large_scatters_are_rastered():
    lines, image, scatter = plt.figure(), plt.figure(), plt.figure()
    lines.subplots().plot([0, 1])
    image.subplots().imshow(np.eye(3))
    scatter.subplots().scatter(*np.random.default_rng(0).random((2, 15_000)))
    assert [_needs_raster(f) for f in (lines, image, scatter)] == [False, True, True]


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


@pytest.fixture
def errors():
    sizes = np.array([10, 20, 40, 80])
    return sizes, {"fast": 1 / sizes, "slow": 3 / np.sqrt(sizes)}


def lines(ax):
    return [line for line in ax.lines if len(line.get_xdata()) > 2]


@pytest.mark.parametrize("word", plotting.LOOKS)
def test_a_word_has_one_look_in_all_panels(word):
    _, (left, right) = plotting.panels(2)
    plotting.theory(left, [0, 1, 2], [0, 1, 2], f"{word}: anything")
    plotting.points(right, [0, 1, 2], [0, 1, 2], f"{word}, measured", join=True)
    looks = [(ax.lines[0].get_color(), ax.lines[0].get_linestyle()) for ax in (left, right)]
    assert looks[0] == looks[1]


def test_looks_are_told_apart_by_color_and_without_it():
    words = [look for word, look in plotting.LOOKS.items() if word != "theory"]  # a curve alone
    for looks in (words, plotting.CYCLE):
        assert len({look["color"] for look in looks}) == len(looks)
        assert len({(str(look["ls"]), look["marker"]) for look in looks}) == len(looks)
    colors = [look["color"] for look in (*plotting.LOOKS.values(), *plotting.CYCLE)]
    assert len(set(colors)) == len(colors)


def test_a_label_keeps_its_look_in_all_panels_and_curve_and_dots_share_it(errors):
    sizes, family = errors
    _, axes = plotting.panels(2)
    plotting.compare(axes[0], sizes, family, family)
    plotting.points(axes[1], sizes, family["slow"], "slow")
    colors = [line.get_color() for line in axes[0].lines]
    assert colors == [plotting.CLASSES[k] for k in (0, 1, 0, 1)]
    assert axes[1].lines[0].get_color() == plotting.CLASSES[1]


def test_dots_are_the_mean_of_the_draws():
    _, ax = plotting.panels()
    plotting.points(ax, [1, 2], [[0.0, 2.0], [2.0, 4.0]])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [1, 3])


def test_rates_are_the_slopes_of_the_errors(errors):
    figure, ax = plotting.panels()
    assert plotting.rates(ax, *errors, guide=-0.5) == {"fast": -1.0, "slow": -0.5}
    plotting.finish(figure, "Errors.")
    figure.draw_without_rendering()
    assert [t.get_text() for t in ax.get_xticklabels()] == ["10", "20", "40", "80"]
    assert "slope \N{MINUS SIGN}1/2" in {t.get_text() for t in ax.texts}


def test_lines_are_named_at_their_ends_or_where_there_is_no_room_in_a_legend(errors):
    sizes, family = errors
    figure, axes = plotting.panels(2)
    plotting.theory(axes[0], sizes, family)
    plotting.theory(axes[1], sizes, {"a": sizes, "b": sizes, "c": sizes, "d": sizes})
    plotting.finish(figure, "Names.")
    assert [t.get_text() for t in axes[0].texts] == ["fast", "slow"]
    assert axes[0].get_legend() is None
    assert [t.get_text() for t in axes[1].get_legend().get_texts()] == list("abcd")


def test_a_legend_says_once_that_curves_are_theory_and_dots_simulation(errors):
    sizes, family = errors
    figure, axes = plotting.panels(2, legend="upper right")
    for ax in axes:
        plotting.compare(ax, sizes, family, family)
    plotting.finish(figure, "Pairs.")
    names = [t.get_text() for t in axes[0].get_legend().get_texts()]
    assert names == ["fast", "slow", "theory", "simulation"]
    assert axes[1].get_legend() is None


def test_narrow_form_stacks_the_panels_and_leaves_the_figure_as_it_was(errors):
    figure, axes = plotting.panels(3, share="y", legend="below")
    for ax in axes:
        plotting.theory(ax, *errors)
    plotting.finish(figure, "Three panels.")
    wide = _render(figure, "svg")
    with stacked(figure):
        figure.draw_without_rendering()
        boxes = [ax.get_position() for ax in axes]
    assert boxes[0].y0 > boxes[1].y1 > boxes[1].y0 > boxes[2].y1
    assert boxes[0].x0 == pytest.approx(boxes[2].x0, abs=0.01)
    assert _render(figure, "svg") == wide


@pytest.mark.parametrize("static", ["0", "1"])
def test_only_the_build_of_the_book_writes_the_narrow_form(monkeypatch, static):
    monkeypatch.setenv("RMTLIB_STATIC", static)
    figure, ax = plotting.panels()
    plotting.theory(ax, [0, 1], [0, 1])
    assert both_forms(figure, "svg").count(b"<svg") == 1 + int(static)
    assert both_forms(plt.figure(), "svg").count(b"<svg") == 1


def test_ticks_of_a_logarithmic_axis_are_plain_numbers_or_all_powers():
    figure, (few, many) = plotting.panels(2, log="x", xlim=[(0.2, 50), (1e-7, 10)])
    plotting.finish(figure, "Ticks.")
    figure.draw_without_rendering()
    texts = [[t.get_text() for t in ax.get_xticklabels()] for ax in (few, many)]
    assert {"1", "10"} <= set(texts[0])
    assert {"10⁻⁷", "10⁻¹"} <= set(texts[1])
    assert not [t for t in texts[1] if "." in t]


def test_four_panels_are_refused():
    with pytest.raises(ValueError, match="n must be at most 3"):
        plotting.panels(4)


@pytest.mark.parametrize("name", ["a name", "the largest eigenvalue of noise"])
def test_a_legend_below_the_panels_is_no_wider_than_the_figure(name):
    figure, ax = plotting.panels(legend="below")
    for k in range(5):
        plotting.theory(ax, [0, 1], [k, k], f"{name} {k}")
    plotting.finish(figure, "Five level lines.")
    (legend,) = figure.legends
    assert len(legend.get_texts()) == 5
    assert legend.get_window_extent().width <= figure.bbox.width
