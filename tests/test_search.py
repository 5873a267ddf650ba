"""The search page of the built site answers what people type with the right chapter."""

import functools
import http.server
import threading
from pathlib import Path

import pytest

SITE = Path(__file__).resolve().parents[1] / "_build" / "html"
pytestmark = [pytest.mark.site, pytest.mark.book]

QUERIES = {
    "Marchenko": "sample_covariance",
    "Marcenko": "sample_covariance",
    "Marčenko-Pastur": "sample_covariance",
    "BBP": "sample_covariance",
    "PCA": "sample_covariance",
    "spike": "sample_covariance",
    "shrinkage": "sample_covariance",
    "nearest neighbor": "curse_of_dimensionality",
    "clustering": "kernel_spectral_clustering",
    "backpropagation": "deep_learning_primer",
    "double descent": "random_features",
    "ridgeless": "random_features",
    "early stopping": "gradient_descent_dynamics",
    "momentum": "gradient_descent_dynamics",
    "feature learning": "one_step_feature_learning",
    "NTK": "deep_kernels",
    "neural tangent kernel": "deep_kernels",
    "lazy training": "deep_kernels",
    "pruning": "ntk_compression",
    "Lanczos": "hessian_spectra",
    "dynamical isometry": "jacobian_spectra",
    "DEQ": "deep_equilibrium",
}


@pytest.fixture(scope="module")
def address():
    """The site behind a local server: snippets are fetched, which a folder does not allow."""
    if not SITE.exists():
        pytest.skip("the site is not built: run `make book`")
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    handler = functools.partial(quiet, directory=str(SITE))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def tab(browser):
    context = browser.new_context()
    yield context.new_page()
    context.close()


def results(tab, address, query):
    tab.goto(f"{address}/search.html?q={query}")
    tab.wait_for_function(
        "document.querySelector('#search-results h2')?.innerText.includes('Results')"
    )
    return tab.locator("#search-results li")


@pytest.mark.parametrize("query", QUERIES)
def test_the_right_chapter_is_among_the_first_three_results(query, tab, address):
    found = (
        results(tab, address, query)
        .locator("a")
        .evaluate_all("links => links.slice(0, 3).map(a => a.getAttribute('href'))")
    )
    assert any(f"chapters/{QUERIES[query]}.html" in link for link in found), found


def test_chapters_stand_above_reference_pages(tab, address):
    links = (
        results(tab, address, "ridge")
        .locator("a")
        .evaluate_all("links => links.map(a => a.getAttribute('href'))")
    )
    kinds = ["chapters/api" in link for link in links]
    assert any(kinds)
    assert kinds == sorted(kinds)


def test_a_chapter_is_found_once(tab, address):
    links = (
        results(tab, address, "NTK")
        .locator("a")
        .evaluate_all("links => links.map(a => a.getAttribute('href').split('#')[0])")
    )
    chapters = [link for link in links if "chapters/api" not in link]
    assert len(chapters) == len(set(chapters))


def test_snippets_are_prose(tab, address):
    items = results(tab, address, "clustering")
    tab.wait_for_selector("#search-results li p.context")
    text = items.first.locator("p.context").inner_text()
    assert "clustering" in text.lower()
    assert not any(mark in text for mark in ("import ", ".pdf", "Contents", "plt.", "def "))
