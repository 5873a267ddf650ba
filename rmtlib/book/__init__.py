"""What the pages of the course are made with: checks, explorers, quizzes, figures."""

from .._lazy import extra as _extra

with _extra("book", "rmtlib.book", "matplotlib", "ipywidgets", "PIL"):
    from . import plots as plots
    from ._check import Disagreement as Disagreement
    from ._check import agree as agree
    from ._check import standard_errors as standard_errors
    from ._explore import explore as explore
    from ._quiz import quiz_choice as quiz_choice
    from ._quiz import quiz_number as quiz_number
