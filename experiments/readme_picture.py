"""The picture in README.md: a chapter's page at an explorer, from the built site.

Command: make book && python experiments/readme_picture.py    (a second; needs Chromium)
Writes:  experiments/page.png
"""

import io
import os
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "_build" / "html" / "chapters" / "random_features.html"
VIEW = {"width": 1240, "height": 780}


def main(page: Path = PAGE) -> None:
    """Take and store the picture."""
    if not page.exists():
        sys.exit(f"There is no {page}: run `make book` first.")
    browser = os.environ.get("RMTLIB_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        tab = chromium.new_page(viewport=VIEW, color_scheme="light")
        tab.goto(page.as_uri())
        tab.wait_for_selector("mjx-container", state="attached")
        tab.evaluate(
            "const e = document.querySelector('#fig-rf-explore-error .rmt-explorer');"
            "window.scrollTo(0, e.getBoundingClientRect().top + scrollY - 210)"
        )
        tab.wait_for_timeout(1000)
        taken = Image.open(io.BytesIO(tab.screenshot()))
        chromium.close()
    colors = taken.convert("RGB").quantize(128, dither=Image.Dither.NONE)
    colors.save(Path(__file__).with_name("page.png"), optimize=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
