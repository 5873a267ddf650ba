"""Write the repository's address wherever it is needed: `make address URL=... [HUB=...]`.

It is stated once, in _config.yml; README's badges, CITATION.cff and the set-up
cell of every notebook are made from it. An empty URL takes it out again.
"""

import json
import re
import sys
from pathlib import Path

from notebooks import canonical

ROOT = Path(__file__).resolve().parents[1]
CONFIG_URL = re.compile(r'^(repository:\n  url: ")(.*)(")$', re.MULTILINE)
CONFIG_HUB = re.compile(r'^(  jupyterhub_url: ")(.*)(")$', re.MULTILINE)
BADGES = re.compile(r"(<!-- badges -->\n).*?(<!-- end of badges -->)", re.DOTALL)
CITED_URL = re.compile(r"^repository-code:.*\n", re.MULTILINE)
PROBLEM_SET = re.compile(
    r"(\{download\}`[^`]*<\.\./(exercises/release/\w+/\w+\.ipynb)>`)( \(\[Colab\]\([^)]*\)\))?"
)
SETUP_MARK = "# Set-up: installs rmtlib where it is missing, sets the book's style."


def setup_cell(url: str) -> str:
    """The first code cell of every notebook."""
    return f"""{SETUP_MARK}
import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

if importlib.util.find_spec("rmtlib") is None:
    checkout, address = Path.cwd().parent, "{url}"
    if (checkout / "rmtlib").is_dir():
        source = f"{{checkout}}[book]"
    elif address:
        source = f"rmtlib[book] @ git+{{address}}"
    else:
        raise SystemExit(
            "rmtlib is missing: run this notebook in its folder of a"
            " checkout, or pip install the checkout first."
        )
    pip = [sys.executable, "-m", "pip", "install", "-q", source]
    subprocess.run(pip, check=True)
    importlib.invalidate_caches()

from rmtlib.book.plots import use_style

use_style()"""


def badges(url: str) -> str:
    """README's badges; nothing while there is no address."""
    if not url:
        return ""
    owner_and_name = "/".join(url.rstrip("/").split("/")[-2:])
    binder = f"https://mybinder.org/v2/gh/{owner_and_name}/main?urlpath=lab/tree/chapters"
    colab = f"https://colab.research.google.com/github/{owner_and_name}/blob/main/chapters/sample_covariance.ipynb"
    return (
        f"[![tests]({url}/actions/workflows/test.yml/badge.svg)]({url}/actions)\n"
        f"[![Binder](https://mybinder.org/badge_logo.svg)]({binder})\n"
        f"[![Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab})\n"
    )


def read_address(root: Path = ROOT) -> str:
    """The address stated in _config.yml; an empty string while it is unknown."""
    return CONFIG_URL.search((root / "_config.yml").read_text()).group(2)


def write_address(url: str, hub: str = "", root: Path = ROOT) -> None:
    """State ``url`` (and a JupyterHub) in every file that needs it.

    Raises
    ------
    ValueError
        If ``url`` is neither empty nor https://HOST/OWNER/NAME.
    """
    url = url.removesuffix("/").removesuffix(".git")
    if url and not re.fullmatch(r"https://[\w.-]+/[\w.-]+/[\w.-]+", url):
        raise ValueError(f"URL must be https://HOST/OWNER/NAME or empty, got {url!r}")
    if hub and not re.fullmatch(r"https://\S+", hub):
        raise ValueError(f"HUB must be an https address or empty, got {hub!r}")

    def edit(name: str, change) -> None:
        path = root / name
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")

    edit("_config.yml", lambda text: CONFIG_URL.sub(rf"\g<1>{url}\g<3>", text))
    edit("_config.yml", lambda text: CONFIG_HUB.sub(rf"\g<1>{hub}\g<3>", text))
    edit("README.md", lambda text: BADGES.sub(lambda m: m[1] + badges(url) + m[2], text))
    cited = f'repository-code: "{url}"\n' if url else ""
    edit("CITATION.cff", lambda text: CITED_URL.sub("", text) + cited)
    for path in sorted([*root.glob("chapters/*.ipynb"), *root.glob("exercises/*/*/*.ipynb")]):
        edit(str(path.relative_to(root)), lambda text: _with_setup(text, url))


def _launch(url: str, path: str) -> str:
    """Link that opens a problem set in Colab; nothing while there is no address."""
    if not url:
        return ""
    place = url.removeprefix("https://github.com/")
    return f" ([Colab](https://colab.research.google.com/github/{place}/blob/main/{path}))"


def _with_setup(text: str, url: str) -> str:
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if source.startswith(SETUP_MARK):
            source = setup_cell(url)
            cell["metadata"] = {"tags": ["hide-input"]}
        cell["source"] = PROBLEM_SET.sub(lambda m: m[1] + _launch(url, m[2]), source)
    return canonical(json.dumps(notebook))


if __name__ == "__main__":
    write_address(*sys.argv[1:3])
