"""What all tests share: a browser, the built site, and CI's rule about skips."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure(config):
    os.environ.setdefault("RMTLIB_OFFLINE", "1")


def pytest_terminal_summary(terminalreporter, exitstatus, config):
    for reason in _forbidden_skips(terminalreporter):
        terminalreporter.write_line(f"not allowed in CI: {reason}", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and exitstatus == 0 and _forbidden_skips(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _forbidden_skips(reporter):
    """Under CI=true only missing data may skip a test."""
    if os.environ.get("CI") != "true":
        return []
    skipped = reporter.stats.get("skipped", [])
    return [
        f"{report.nodeid}: {report.longrepr[2]}"
        for report in skipped
        if "missing data:" not in str(report.longrepr)
    ]


@pytest.fixture(scope="session")
def chromium():
    """Path of the browser that the site's tests drive."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("RMTLIB_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("no Chromium: install it, or name it in RMTLIB_CHROMIUM")
    return path


@pytest.fixture(scope="session")
def browser(chromium):
    """A headless browser that makes no request of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


class SmallBook:
    """A copy of the book's configuration around one notebook, ``chapters/page.ipynb``."""

    def __init__(self, folder, *sources):
        self.folder = folder
        for name in ("_config.yml", "README.md", "CITATION.cff", "references.bib"):
            shutil.copy(ROOT / name, folder)
        (folder / "_toc.yml").write_text(
            "format: jb-book\nroot: index\nchapters:\n- file: chapters/page\n"
        )
        (folder / "index.md").write_text("# Start\n")
        (folder / "chapters").mkdir()
        cells = [{"cell_type": "markdown", "id": "title", "metadata": {}, "source": "# A page"}]
        cells += [
            {
                "cell_type": "code",
                "id": f"cell-{k}",
                "metadata": {},
                "source": source,
                "outputs": [],
                "execution_count": None,
            }
            for k, source in enumerate(sources)
        ]
        notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (folder / "chapters" / "page.ipynb").write_text(json.dumps(notebook))

    def build(self, execute):
        """Build it with warnings as errors; return the page's HTML, keep what was said."""
        skip = shutil.ignore_patterns("__pycache__")
        for name in ("_ext", "_vendor"):
            shutil.copytree(ROOT / name, self.folder / name, ignore=skip)
        if not execute:
            config = (self.folder / "_config.yml").read_text()
            config = config.replace("execute_notebooks: cache", 'execute_notebooks: "off"')
            (self.folder / "_config.yml").write_text(config)
        command = [Path(sys.executable).parent / "jupyter-book", "build", self.folder]
        built = subprocess.run(
            [*command, "-W", "-n", "--keep-going", "--quiet"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert built.returncode == 0, built.stdout + built.stderr
        self.said = built.stderr
        return (self.folder / "_build" / "html" / "chapters" / "page.html").read_text()


@pytest.fixture
def small_book(tmp_path):
    """Make a `SmallBook` in an empty folder from the source of its code cells."""

    def make(*sources):
        folder = tmp_path / "book"
        folder.mkdir()
        return SmallBook(folder, *sources)

    return make
