"""What the pages of the course are made with: checks, explorers, quizzes, figures."""

from rmtlib._lazy import require

require("rmtlib.book", "book", "matplotlib", "ipywidgets", "PIL")

from rmtlib.book import plots  # noqa: E402
from rmtlib.book._check import Disagreement, agree, standard_errors  # noqa: E402
from rmtlib.book._explore import explore  # noqa: E402
from rmtlib.book._quiz import quiz_choice, quiz_number  # noqa: E402

__all__ = [
    "Disagreement",
    "agree",
    "explore",
    "plots",
    "quiz_choice",
    "quiz_number",
    "standard_errors",
]
