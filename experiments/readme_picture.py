"""The picture in README.md: Marčenko-Pastur at the sizes of the first chapter.

Command: python experiments/readme_picture.py    (seed 1, p = 500, n = 50 000, one second)
Writes:  experiments/marchenko_pastur.svg
"""

from pathlib import Path

from rmtlib.book import plots as plotting
from rmtlib.laws import MarchenkoPastur, wishart_eigenvalues

P, N, SEED = 500, 50_000, 1


def main() -> None:
    """Draw and store the picture."""
    plotting.use_style()
    figure = plotting.spectrum(
        wishart_eigenvalues(P, N, rng=SEED),
        MarchenkoPastur(P / N),
        bins=40,
        law_label="Marčenko-Pastur law",
    )
    figure.set_size_inches(6.4, 2.8)
    target = Path(__file__).with_name("marchenko_pastur.svg")
    figure.savefig(target, metadata={"Date": None, "Description": plotting.alt_text(figure)})


if __name__ == "__main__":
    main()
