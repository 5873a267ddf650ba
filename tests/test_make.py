"""The commands around the course: what make says, and what the workflows call."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
MAKEFILE = (ROOT / "Makefile").read_text()
WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text())
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))
}
OLD = """#!/bin/sh
[ "$1" = -V ] && echo "Python 3.9.18"
[ "$1" = -m ] && mkdir -p "$3/bin"
[ "$1" != -c ]
"""

pytestmark = pytest.mark.book


@pytest.fixture
def make(tmp_path):
    """Run make in a copy of the checkout's set-up files; give what it says."""
    for name in ("Makefile", "pyproject.toml", "requirements.txt", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)

    def run(*arguments):
        command = ["make", "--no-print-directory", *arguments]
        alone = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
        return subprocess.run(
            command, cwd=tmp_path, env=alone, capture_output=True, text=True, check=False
        )

    return run


@pytest.mark.parametrize("target", ["book", "test-fast"])
def test_a_wrong_python_is_named_in_one_sentence_and_leaves_nothing(make, tmp_path, target):
    python = tmp_path / "python"
    python.write_text(OLD)
    python.chmod(0o755)
    for name, found in [(str(python), "Python 3.9.18"), ("nowhere", "no Python")]:
        ran = make(target, f"PYTHON={name}")
        said, error = ran.stderr.splitlines()
        assert said == (
            f"The course needs Python 3.11, 3.12 or 3.13, and {name} is {found}:"
            f" name another one, as in 'make {target} PYTHON=python3.12'."
        )
        assert error.startswith("make: ***")
        assert ran.stdout == ""
        assert not (tmp_path / ".venv").exists()


def test_an_environment_of_a_wrong_python_is_made_anew(make, tmp_path):
    broken = tmp_path / ".venv" / "bin" / "python"
    broken.parent.mkdir(parents=True)
    broken.write_text(OLD)
    broken.chmod(0o755)
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\n[ "$1" = -c ] || { [ "$1" = -m ] && mkdir "$3"; }\n')
    python.chmod(0o755)
    make("book", f"PYTHON={python}")
    assert (tmp_path / ".venv").is_dir()
    assert not broken.exists()


def commands(workflow):
    """Shell lines of all steps of a workflow."""
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    return [line.strip() for step in steps for line in step.get("run", "").splitlines()]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflows_call_targets_and_files_that_exist(name):
    lines = commands(WORKFLOWS[name])
    assert lines
    for target in re.findall(r"^make ([a-z][a-z-]*)", "\n".join(lines), re.MULTILINE):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target
    for folder in re.findall(
        r"(?<!\S)(?:tests|rmtlib|chapters|_build)(?=[/\s]|$)", "\n".join(lines)
    ):
        assert folder == "_build" or (ROOT / folder).is_dir()


def test_the_library_is_tested_on_every_supported_python():
    job = WORKFLOWS["test"]["jobs"]["test"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert "make test PYTHON=python" in commands(WORKFLOWS["test"])
    (supported,) = re.findall(r"\((3, \d+)\) <= .* <= \((3, \d+)\)", MAKEFILE)
    assert supported == ("3, 11", "3, 13")
    assert 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text()


def test_chapters_are_tested_on_what_colab_has_under_the_python_that_colab_has():
    text = (ROOT / "requirements-colab.txt").read_text()
    (python,) = re.findall(r"Python (3\.\d+)", text)
    assert re.search(r"Read on \d{4}-\d\d-\d\d from ", text)
    job = WORKFLOWS["test"]["jobs"]["test"]
    assert python in job["strategy"]["matrix"]["python"]
    assert "$(COLAB)/.ready" in MAKEFILE.partition("\ntest:")[2].partition("\n\n")[0]


def test_publishing_survives_missing_data_and_writes_the_branch_that_colab_opens():
    sys.path.insert(0, str(ROOT / "_ext"))
    from address import PLAIN

    steps = WORKFLOWS["publish"]["jobs"]["publish"]["steps"]
    (data,) = [step for step in steps if step.get("run") == "make data"]
    assert data["continue-on-error"] is True
    lines = commands(WORKFLOWS["publish"])
    assert f"git init -q -b {PLAIN}" in lines
    assert any(line.startswith("git push") and line.endswith(f" {PLAIN}") for line in lines)
    assert WORKFLOWS["publish"]["permissions"]["contents"] == "write"
