"""Write the repository's address wherever it is needed: `make address URL=...`.

It is stated once, in _config.yml, with that of the site; README's badges, CITATION.cff, the
set-up cell of every notebook and the links of the problem sets are made from it. An empty URL
takes it out again.
"""

import json
import re
import sys
from functools import partial
from pathlib import Path

from notebooks import canonical

ROOT = Path(__file__).resolve().parents[1]
CONFIG_URL = re.compile(r'^(repository:\n  url: ")(.*)(")$', re.MULTILINE)
CONFIG_HUB = re.compile(r'^(  jupyterhub_url: ")(.*)(")$', re.MULTILINE)
CONFIG_SITE = re.compile(r'^(  baseurl: ")(.*)(")$', re.MULTILINE)
BADGES = re.compile(r"(<!-- badges -->\n).*?(<!-- end of badges -->)", re.DOTALL)
CITED_URL = re.compile(r"^repository-code:.*\n", re.MULTILINE)
PROBLEM_SET = re.compile(
    r"(\{download\}`[^`]*<\.\./(exercises/release/\w+/\w+\.ipynb)>`)( \(\[Colab\]\([^)]*\)\))?"
)
OF_CHAPTER = re.compile(r"(goes with the chapter \*[^*]+\*)(?: \(\[Colab\]\([^)]*\)\))?")
PLAIN, FIRST = "plain", "sample_covariance.ipynb"  # the branch that `publish` writes
SETUP_MARK = "# Set-up: installs rmtlib where it is missing, sets the book's style."


def setup_cell(url: str) -> str:
    """The first code cell of every notebook; what goes wrong, it says in one sentence."""
    return f"""{SETUP_MARK}
import importlib
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ADDRESS = "{url}"
NETWORK = "resolve host|resolution|connect|connection|unreachable|timed out"
WHY = {{
    NETWORK: "there is no network",
    "Username|Authentication|403": "the repository is private or absent",
    "not found|404": "there is no repository at this address",
}}


class SetUpError(Exception):
    def _render_traceback_(self):
        return [f"Set-up: {{self}}."]


if sys.version_info[:2] < (3, 11):
    version = sys.version.split()[0]
    raise SetUpError(f"the course needs Python 3.11, and this is {{version}}")
if find_spec("rmtlib") is None:
    here = Path.cwd() / "notebook"
    found = [p for p in here.parents if (p / "rmtlib" / "laws").is_dir()]
    if not found and not ADDRESS:
        raise SetUpError(
            "rmtlib is missing: download the whole course from the place of"
            " this notebook, and open the notebook inside its folder"
        )
    source = found[0].as_uri() if found else f"git+{{ADDRESS}}"
    pip = [sys.executable, "-m", "pip", "install", "-q"]
    pip = subprocess.run(
        [*pip, f"rmtlib[book] @ {{source}}"],
        env={{**os.environ, "GIT_TERMINAL_PROMPT": "0"}},
        stderr=subprocess.PIPE,
        text=True,
    )
    if pip.returncode:
        log = pip.stderr
        said = re.findall("(?:ERROR|fatal): (.+)", log)
        why = [WHY[words] for words in WHY if re.search(words, log)]
        raise SetUpError(
            f"rmtlib was not installed from {{source}}, because"
            f" {{[*why, *said, 'pip failed'][0]}}; mend that, run this again"
        )
    importlib.invalidate_caches()
if find_spec("torch") is None:
    print("torch is missing (pip install torch): networks need it.")

from rmtlib.book.plots import use_style

use_style()"""


def badges(url: str, site: str) -> str:
    """README's badges and the link to the site; nothing while there is no address."""
    if not url:
        return ""
    owner_and_name = "/".join(url.rstrip("/").split("/")[-2:])
    binder = f"https://mybinder.org/v2/gh/{owner_and_name}/main?urlpath=lab/tree/chapters"
    first = _colab(url, FIRST, PLAIN)
    return (
        f"[![tests]({url}/actions/workflows/test.yml/badge.svg)]({url}/actions)\n"
        f"[![Binder](https://mybinder.org/badge_logo.svg)]({binder})\n"
        f"[![Colab](https://colab.research.google.com/assets/colab-badge.svg)]({first})\n"
    ) + (f"\nThe course is published at {site}.\n" if site else "")


def site_of(url: str) -> str:
    """Where the workflow `publish` puts the site of a repository on GitHub; else nowhere."""
    found = re.fullmatch(r"https://github\.com/([\w.-]+)/([\w.-]+)", url)
    return f"https://{found[1].lower()}.github.io/{found[2]}/" if found else ""


def read_address(root: Path = ROOT) -> str:
    """The address stated in _config.yml; an empty string while it is unknown."""
    return CONFIG_URL.search((root / "_config.yml").read_text()).group(2)


def write_address(url: str, hub: str = "", site: str = "", root: Path = ROOT) -> None:
    """State ``url``, a JupyterHub and the address of the site in every file that needs it.

    A repository on GitHub has its site on GitHub Pages if no other is named.

    Raises
    ------
    ValueError
        If ``url`` is neither empty nor https://HOST/OWNER/NAME.
    """
    url = url.removesuffix("/").removesuffix(".git")
    if url and not re.fullmatch(r"https://[\w.-]+/[\w.-]+/[\w.-]+", url):
        raise ValueError(f"URL must be https://HOST/OWNER/NAME or empty, got {url!r}")
    for name, value in {"HUB": hub, "SITE": site}.items():
        if value and not re.fullmatch(r"https://\S+", value):
            raise ValueError(f"{name} must be an https address or empty, got {value!r}")
    site = site or site_of(url)

    def edit(name: str, change) -> None:
        path = root / name
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")

    edit("_config.yml", lambda text: CONFIG_URL.sub(rf"\g<1>{url}\g<3>", text))
    edit("_config.yml", lambda text: CONFIG_HUB.sub(rf"\g<1>{hub}\g<3>", text))
    edit("_config.yml", lambda text: CONFIG_SITE.sub(rf"\g<1>{site}\g<3>", text))
    edit("README.md", lambda text: BADGES.sub(lambda m: m[1] + badges(url, site) + m[2], text))
    cited = f'repository-code: "{url}"\n' if url else ""
    edit("CITATION.cff", lambda text: CITED_URL.sub("", text) + cited)
    for path in sorted([*root.glob("chapters/*.ipynb"), *root.glob("exercises/*/*/*.ipynb")]):
        edit(str(path.relative_to(root)), partial(_with_setup, url=url, name=path.stem))


def _colab(url: str, path: str, branch: str = "main") -> str:
    """Address that opens a notebook of the repository in Colab."""
    place = url.removeprefix("https://github.com/")
    return f"https://colab.research.google.com/github/{place}/blob/{branch}/{path}"


def _with_setup(text: str, url: str, name: str = "") -> str:
    """A notebook with its set-up cell and its links to and from the problem set ``name``."""
    notebook = json.loads(text)
    chapter = f" ([Colab]({_colab(url, f'{name}.ipynb', PLAIN)}))" if url else ""

    def problem_set(found: re.Match) -> str:
        return found[1] + (f" ([Colab]({_colab(url, found[2])}))" if url else "")

    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if source.startswith(SETUP_MARK):
            source = setup_cell(url)
            cell["metadata"] = {"tags": ["hide-input"]}
        elif cell["cell_type"] == "markdown":
            source = PROBLEM_SET.sub(problem_set, source)
            source = OF_CHAPTER.sub(lambda m: m[1] + chapter, source)
        cell["source"] = source
    return canonical(json.dumps(notebook))


if __name__ == "__main__":
    try:
        write_address(*sys.argv[1:4])
    except ValueError as error:
        sys.exit(str(error))
