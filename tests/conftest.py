"""What all tests share: a browser, the built site, and CI's rule about skips."""

import os
import shutil
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
