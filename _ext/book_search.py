"""Search that finds chapters by what people type.

Words are compared without their diacritics, in the index and in the query. Chapters are
entered in the index under the names and abbreviations of their subjects; `book_search.js` ranks
them above reference pages and quotes prose, not code.
"""

import unicodedata
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.search.en import SearchEnglish

SCRIPT = Path(__file__).parent / "book_search.js"
# Words under which a chapter is looked for; most of them are not in its title.
SUBJECTS = {
    "sample_covariance": (
        "Marchenko, Marcenko, Marchenko-Pastur, Marcenko-Pastur, MP law, BBP, PCA, spike, spiked, "
        "principal components, Silverstein, Ledoit-Wolf, shrinkage, Tracy-Widom, Wishart, "
        "Stieltjes, deterministic equivalent, bulk edge, number of components, noise level"
    ),
    "curse_of_dimensionality": (
        "nearest neighbor, kNN, distances, concentration, LDA, discriminant, high dimension"
    ),
    "kernel_spectral_clustering": "clustering, spectral clustering, kernel PCA, heat kernel, RBF, "
    "Gaussian kernel, unsupervised",
    "deep_learning_primer": "backpropagation, backprop, neural network, SGD, VC dimension, "
    "PAC-Bayes, Rademacher, depth separation, lazy, lazy training, introduction",
    "random_features": "double descent, ridgeless, interpolation threshold, overparametrization, "
    "ridge regression, kernel ridge, bias-variance, ternary, quantized features, NNGP",
    "nonlinear_gram": "Pennington-Worah, Gram matrix, nonlinear random matrix, Gaussian "
    "equivalence, quartic",
    "gradient_descent_dynamics": "gradient flow, early stopping, momentum, learning rate, "
    "training dynamics, residue, contour integral, stochastic gradient",
    "one_step_feature_learning": "feature learning, one step, large learning rate, single index, "
    "lazy, rich regime, mean field, neural scaling law",
    "deep_kernels": "NTK, neural tangent kernel, conjugate kernel, CK, lazy training, lazy, "
    "infinite width, NNGP, arc-cosine, Gaussian process",
    "ntk_compression": "NTK, pruning, quantization, compression, sparsity, ternary, memory",
    "hessian_spectra": "Hessian, loss landscape, critical points, saddle, Lanczos, SLQ, curvature, "
    "free probability, freeness, R-transform, semicircle, Wigner, sharpness",
    "jacobian_spectra": "dynamical isometry, Jacobian, edge of chaos, vanishing gradients, "
    "exploding gradients, initialization, orthogonal weights, S-transform, mean field, Pastur",
    "deep_equilibrium": "DEQ, implicit, implicit layers, fixed point, equilibrium, Anderson, "
    "implicit differentiation",
}


def fold(text: str) -> str:
    """Lower case without diacritics."""
    parts = unicodedata.normalize("NFKD", text.lower())
    return "".join(part for part in parts if not unicodedata.combining(part))


class FoldedEnglish(SearchEnglish):
    """English whose words have lost their diacritics."""

    js_splitter_code = r"""
    const fold = (text) => text.toLowerCase().normalize("NFKD").replace(/\p{Mn}/gu, "");
    var splitQuery = (query) => fold(query)
      .split(/[^\p{Letter}\p{Number}_]+/gu)
      .filter((term) => term);
    """

    def split(self, text: str) -> list[str]:
        """Words of a text."""
        return super().split(fold(text))

    def stem(self, word: str) -> str:
        """Stem of a word."""
        return super().stem(fold(word))


def configure(app: Sphinx, config: Config) -> None:
    config.html_search_scorer = str(SCRIPT)


def enter_subjects(app: Sphinx, doctree: nodes.document) -> None:
    """Index entries of a chapter, which point at its title."""
    subjects = SUBJECTS.get(app.env.docname.removeprefix("chapters/"))
    title = next(doctree.findall(nodes.section), None)
    if subjects and title:
        entries = [("single", name, title["ids"][0], "main", None) for name in subjects.split(", ")]
        title.insert(1, addnodes.index(entries=entries))
        app.env.get_domain("index").entries.setdefault(app.env.docname, []).extend(entries)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_search_language(FoldedEnglish)
    app.connect("config-inited", configure)
    app.connect("doctree-read", enter_subjects)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
