"""What the build prints: one line a chapter, as it is read and executed, and nothing else.

Lines go to standard error, as warnings do; what jupyter-book announces goes to standard
output, which the Makefile drops. Kernels get a configuration that does not let them warn of
connections within this machine.
"""

import os
import sys
import time
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

QUIET = "c.IPKernelApp.log_level = 40\n"


class Progress:
    """Times the chapters of a build."""

    def __init__(self) -> None:
        self.chapters: list[str] = []
        self.done, self.start = 0, 0.0

    def plan(self, app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
        """Note which chapters will be read."""
        self.chapters = [name for name in docnames if env.doc2path(name).endswith(".ipynb")]

    def begin(self, app: Sphinx, docname: str, source: list[str]) -> None:
        """Start the clock of a page."""
        self.start = time.perf_counter()

    def end(self, app: Sphinx, doctree: object) -> None:
        """Say how long a chapter took."""
        name = app.env.docname
        if name in self.chapters:
            self.done += 1
            spent, of = time.perf_counter() - self.start, len(self.chapters)
            print(f"{self.done:2} of {of}  {name:38}{spent:6.1f} s", file=sys.stderr, flush=True)


def quiet_kernels(app: Sphinx) -> None:
    folder = Path(app.outdir).absolute().parent / "ipython"
    config = folder / "profile_default" / "ipython_kernel_config.py"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(QUIET)
    os.environ["IPYTHONDIR"] = str(folder)


def setup(app: Sphinx) -> dict[str, bool]:
    progress = Progress()
    app.connect("builder-inited", quiet_kernels)
    app.connect("env-before-read-docs", progress.plan)
    app.connect("source-read", progress.begin)
    app.connect("doctree-read", progress.end)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
