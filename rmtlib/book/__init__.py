"""What the pages of the course are made with: checks, explorers, quizzes, figures."""

from rmtlib.book import plots
from rmtlib.book._check import (
    Diagnosis,
    Disagreement,
    agree,
    diagnose,
    kolmogorov_distance,
    standard_errors,
)
from rmtlib.book._explore import explore
from rmtlib.book._quiz import quiz_choice, quiz_number

__all__ = [
    "Diagnosis",
    "Disagreement",
    "agree",
    "diagnose",
    "explore",
    "kolmogorov_distance",
    "plots",
    "quiz_choice",
    "quiz_number",
    "standard_errors",
]
