"""What the pages of the course are made with: checks, explorers, quizzes, figures."""

from .._lazy import require as _require

_require("rmtlib.book", "book", "matplotlib", "ipywidgets", "PIL")

from . import plots as plots  # noqa: E402
from ._check import Disagreement as Disagreement  # noqa: E402
from ._check import agree as agree  # noqa: E402
from ._check import standard_errors as standard_errors  # noqa: E402
from ._explore import explore as explore  # noqa: E402
from ._quiz import quiz_choice as quiz_choice  # noqa: E402
from ._quiz import quiz_number as quiz_number  # noqa: E402
