"""The problem sets: stubs, solutions and mistakes in one process, a class under the real grader.

The grader releases every set; its answers are run by `homework.running`, which executes only
the cells that an answer changes. One set goes through the grader whole, with hostile answers.
"""

import csv
import importlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import ids
import pytest

ROOT = Path(__file__).resolve().parents[1]
EXERCISES = ROOT / "exercises"
GRADING = Path(os.environ.get("RMTLIB_GRADING", ROOT / ".venv-grading")) / "bin"
SETS = sorted(path.stem for path in EXERCISES.glob("source/*/*.ipynb"))
sys.path.insert(0, str(ROOT / "_ext"))
PLACEHOLDER = '"your-id"'
OTHER = "o.neil-b@uni"
NO_KEY = 'KEY = ""'

pytestmark = pytest.mark.homework


class Course:
    """A course in a temporary folder, run through nbgrader's command line."""

    def __init__(self, root, secret=""):
        self.root = root
        self.secret = secret
        shutil.copytree(EXERCISES / "source", root / "source")
        shutil.copy(EXERCISES / "nbgrader_config.py", root)

    def run(self, *command, fails=False):
        if not (GRADING / "nbgrader").exists():
            pytest.fail("the grader's environment is missing: run `make release`")
        path = f"{GRADING.absolute()}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["nbgrader", *command],
            cwd=self.root,
            env={**os.environ, "PATH": path, "RMTLIB_COURSE_SECRET": self.secret},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        log = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, log[-3000:]
        return log

    def shell(self, line):
        """Exit code and words of a line typed in the course's folder."""
        ran = subprocess.run(
            ["bash", "-c", line],
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=600,
        )
        return ran.returncode, ran.stdout

    def release(self, name):
        self.run("generate_assignment", name, "--force")
        return self.root / "release" / name / f"{name}.ipynb"

    def submit(self, student, name, text):
        folder = self.root / "submitted" / student / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.ipynb").write_text(text, encoding="utf-8")

    def marks(self, name):
        """For every student: points of each automatic cell that has been graded."""
        query = (
            "import json, sys; from nbgrader.api import Gradebook\n"
            "with Gradebook('sqlite:///gradebook.db') as book:\n"
            "    print(json.dumps({s.student.id: {g.name: g.auto_score"
            " for notebook in s.notebooks for g in notebook.grades}"
            f" for s in book.assignment_submissions({name!r})}}))"
        )
        done = subprocess.run(
            [GRADING / "python", "-c", query],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    def exported(self):
        self.run("export", "--to", "marks.csv")
        with open(self.root / "marks.csv", newline="", encoding="utf-8") as file:
            return {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}

    def messages(self, student, name):
        """What the student reads below each graded cell."""
        path = self.root / "autograded" / student / name / f"{name}.ipynb"
        found = {}
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            errors = [o for o in cell.get("outputs", ()) if o["output_type"] == "error"]
            found[grade_id(cell)] = " ".join(o["evalue"] for o in errors)
        return found


def grade_id(cell):
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


def source(name):
    return (EXERCISES / "source" / name / f"{name}.ipynb").read_text(encoding="utf-8")


def edited(text, student, key=""):
    """A submission: the notebook of ``student``, with the key."""
    for old, new in [(PLACEHOLDER, f'"{student}"'), (NO_KEY, f'KEY = "{key}"')]:
        text = text.replace(json.dumps(old)[1:-1], json.dumps(new)[1:-1])
    return text


def committed(name):
    return (EXERCISES / "release" / name / f"{name}.ipynb").read_text(encoding="utf-8")


def graded_cells(name, kind="code"):
    """Points of the graded cells of a set: by machine (code) or by hand (markdown)."""
    return {
        grade_id(cell): cell["metadata"]["nbgrader"]["points"]
        for cell in json.loads(source(name))["cells"]
        if cell["metadata"].get("nbgrader", {}).get("grade") and cell["cell_type"] == kind
    }


def regions(text, mark):
    """What stands between the marks BEGIN and END in the cells of a source notebook."""
    for cell in json.loads(text)["cells"]:
        parts = "".join(cell["source"]).split(f"### BEGIN {mark}\n")[1:]
        yield from (part.split(f"### END {mark}")[0].strip() for part in parts)


class Battery:
    """What every problem set satisfies; one class a set, so that sets run in parallel."""

    name: str

    @pytest.fixture(scope="class")
    @classmethod
    def released(cls, tmp_path_factory):
        """The student's notebook as the grader makes it from the source."""
        return Course(tmp_path_factory.mktemp("course")).release(cls.name).read_text("utf-8")

    @pytest.fixture(scope="class")
    @classmethod
    def said(cls):
        """What the checks say of the reference, of stubs, and of each mistake."""
        stubs = {
            grade_id(cell): "".join(cell["source"])
            for cell in json.loads(committed(cls.name))["cells"]
            if cell["cell_type"] == "code" and cell["metadata"].get("nbgrader", {}).get("solution")
        }
        answers = {"reference": {}, "another id": {"student": OTHER}, "stubs": {"cells": stubs}}
        for mistake in cls.mistakes():
            answers[mistake.name] = {"cells": {mistake.cell: mistake.planted(cls.name)}}
        return dict(zip(answers, ids.said(cls.name, list(answers.values())), strict=True))

    @classmethod
    def mistakes(cls):
        return importlib.import_module(f"homework.{cls.name}").MISTAKES

    def test_released_notebook_is_the_committed_one(self, released):
        from notebooks import canonical

        assert committed(self.name) == canonical(released), "run `make release`"

    def test_release_holds_no_solution_and_no_hidden_test(self):
        text = committed(self.name)
        assert "SOLUTION" not in text
        assert "HIDDEN" not in text
        student = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
        solutions, hidden = (
            list(regions(source(self.name), mark)) for mark in ("SOLUTION", "HIDDEN TESTS")
        )
        assert solutions
        assert hidden
        assert not [part for part in solutions + hidden if part in student]
        stubs = student.count("raise NotImplementedError") + student.count("*Your answer here.*")
        assert stubs == len(solutions)

    def test_stubs_fail_every_check(self, said):
        passed = [cell for cell, words in said["stubs"].items() if not words]
        assert passed == ["identity"]

    @pytest.mark.parametrize("who", ["reference", "another id"])
    def test_solution_passes_every_check(self, said, who):
        assert said[who] == dict.fromkeys(graded_cells(self.name), "")

    @pytest.mark.parametrize("secret", ["", ids.SECRET], ids=["open", "with a secret"])
    def test_solution_passes_for_five_students(self, secret):
        assert ids.lost(self.name, ids.students(0, 5), secret) == {}

    def test_mistakes_fail_their_checks_only_and_get_the_right_hint(self, said):
        assert len(self.mistakes()) >= 2
        for mistake in self.mistakes():
            failed = {cell: words for cell, words in said[mistake.name].items() if words}
            assert failed.keys() == mistake.loses.keys(), (mistake.name, failed)
            for cell, hint in mistake.loses.items():
                assert hint in failed[cell], (mistake.name, cell, hint, failed[cell])

    def test_set_has_three_to_five_problems_and_points_on_each(self):
        cells = json.loads(source(self.name))["cells"]
        headings = [
            line
            for cell in cells
            if cell["cell_type"] == "markdown"
            for line in "".join(cell["source"]).splitlines()
            if line.startswith("## ")
        ]
        assert 3 <= len(headings) <= 5
        stated = [int(line.split("(")[1].split()[0]) for line in headings]
        earned = sum(graded_cells(self.name).values()) + sum(
            graded_cells(self.name, "markdown").values()
        )
        assert sum(stated) + 1 == earned, "stated points, and one for the identity"


class TestSampleCovariance(Battery):
    name = "sample_covariance"


class TestCurseOfDimensionality(Battery):
    name = "curse_of_dimensionality"


class TestKernelSpectralClustering(Battery):
    name = "kernel_spectral_clustering"


class TestDeepLearningPrimer(Battery):
    name = "deep_learning_primer"


class TestRandomFeatures(Battery):
    name = "random_features"


class TestNonlinearGram(Battery):
    name = "nonlinear_gram"


class TestGradientDescentDynamics(Battery):
    name = "gradient_descent_dynamics"


class TestOneStepFeatureLearning(Battery):
    name = "one_step_feature_learning"


class TestDeepKernels(Battery):
    name = "deep_kernels"


class TestNtkCompression(Battery):
    name = "ntk_compression"


class TestHessianSpectra(Battery):
    name = "hessian_spectra"


class TestJacobianSpectra(Battery):
    name = "jacobian_spectra"


class TestDeepEquilibrium(Battery):
    name = "deep_equilibrium"


def code_cells(name):
    cells = json.loads(source(name))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def first_cell(name):
    return "".join(json.loads(source(name))["cells"][0]["source"])


def table(name):
    """The cells of the set's row in the guide's table of sets."""
    readme = (EXERCISES / "README.md").read_text(encoding="utf-8")
    (row,) = [line for line in readme.splitlines() if line.startswith(f"| `{name}` |")]
    return [cell.strip() for cell in row.strip("|").split("|")]


@pytest.mark.parametrize("name", SETS)
def test_guide_states_hours_prerequisites_and_points_of_every_set(name):
    hours, needs = re.search(r"Plan (.+?) hours; you need (.+?)\.", first_cell(name)).groups()
    points = (sum(graded_cells(name, kind).values()) for kind in ("code", "markdown"))
    assert table(name)[1:] == [hours, needs, "{}, {}".format(*points)]


@pytest.mark.parametrize("name", SETS)
def test_guide_has_a_rubric_for_every_written_cell_with_a_reason_for_each_point(name):
    readme = (EXERCISES / "README.md").read_text(encoding="utf-8")
    rubrics = dict(re.findall(rf"^- `{name}/([\w-]+)`: (.+)$", readme, re.MULTILINE))
    reasons = {cell: len(re.findall(r"\(\d\) ", text)) for cell, text in rubrics.items()}
    assert reasons == graded_cells(name, "markdown")


@pytest.mark.parametrize("name", SETS)
def test_every_set_has_visible_and_hidden_checks_a_widget_with_a_question_and_free_writing(name):
    cells = json.loads(source(name))["cells"]
    code = code_cells(name)
    checks = [
        "".join(cell["source"])
        for cell in cells
        if grade_id(cell) in graded_cells(name) and grade_id(cell) != "identity"
    ]
    hidden = [text for text in checks if "### BEGIN HIDDEN TESTS" in text]
    assert 2 <= len(hidden) < len(checks) - 1
    assert all("homework." in text for text in checks)
    assert any(text.count("homework.withheld(") for text in checks)
    assert any(re.search(r"^explore\(", text, re.MULTILINE) for text in code)
    assert any(re.search(r"^quiz_\w+\(", text, re.MULTILINE) for text in code)
    assert len(graded_cells(name, "markdown")) >= 2


@pytest.mark.parametrize("name", SETS)
def test_names_that_a_set_withholds_exist(name):
    calls = re.findall(r"withheld\(([^)]*)\)", "\n".join(code_cells(name)))
    names = re.findall(r'"([\w.]+)"', " ".join(calls))
    assert names
    for module, _, attribute in (found.rpartition(".") for found in names):
        assert hasattr(importlib.import_module(f"rmtlib.{module}"), attribute), (module, attribute)


@pytest.mark.parametrize("name", SETS)
def test_chapter_offers_its_set_in_the_form_that_make_address_turns_into_a_launch_link(name):
    from address import PROBLEM_SET

    chapter = json.loads((ROOT / "chapters" / f"{name}.ipynb").read_text(encoding="utf-8"))
    text = " ".join("".join(cell["source"]) for cell in chapter["cells"])
    assert {match[2] for match in PROBLEM_SET.finditer(text)} == {
        f"exercises/release/{name}/{name}.ipynb"
    }


def test_every_set_has_its_battery():
    tested = {cls.name for cls in Battery.__subclasses__()}
    assert tested == set(SETS)


def changed(student, changes, key=""):
    """The solution of sample_covariance with the code of some cells put through functions."""
    notebook = json.loads(edited(source("sample_covariance"), student, key=key))
    for cell in notebook["cells"]:
        if grade_id(cell) in changes:
            cell["source"] = changes[grade_id(cell)]("".join(cell["source"]))
    return json.dumps(notebook)


def before(code):
    return lambda old: f"{code}\n{old}"


OVERWRITE = """
import rmtlib.homework
for helper in ("check", "compare", "mass", "returns_array"):
    setattr(rmtlib.homework, helper, lambda *args, **kwargs: 1.0)
"""


HONEST = ("ada", "bob", "eve")
HOSTILE = {
    "syntax": {"spikes": before("def (:")},
    "endless": {"spikes": before("while True: pass")},
    "exits": {"spikes": before("import os; os._exit(0)")},
    "noisy": {"spikes": before("print('x' * 10_000_000)")},
    "renames": {"spikes": lambda code: code.replace("def count_spikes", "def spikes")},
    "overwrites": {"density": lambda code: code.replace("max(0.0, 1 - 1 / c)", "0.0") + OVERWRITE},
}


def keys(secret, *students):
    """The list of keys that the guide's command prints for a course's secret."""
    done = subprocess.run(
        [sys.executable, "-m", "rmtlib.homework", *students],
        env={**os.environ, "RMTLIB_COURSE_SECRET": secret},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split(" ") for line in done.stdout.splitlines())


class TestHostileSubmissions:
    """Each earns what it should, is reported, and leaves the other marks intact.

    The course has a secret, and everybody but one has the right key.
    """

    name = "sample_covariance"

    @pytest.fixture(scope="class")
    @classmethod
    def course(cls, tmp_path_factory):
        course = Course(tmp_path_factory.mktemp("hostile"), secret="autumn")
        course.release(cls.name)
        key = keys("autumn", *HONEST, *HOSTILE, "deletes")
        for student in HONEST:
            course.submit(student, cls.name, edited(source(cls.name), student, key=key[student]))
        for student, changes in HOSTILE.items():
            course.submit(student, cls.name, changed(student, changes, key[student]))
        course.submit("copies", cls.name, edited(source(cls.name), "ada", key=key["ada"]))
        course.submit("keyless", cls.name, edited(source(cls.name), "keyless"))
        notebook = json.loads(edited(source(cls.name), "deletes", key=key["deletes"]))
        notebook["cells"] = [c for c in notebook["cells"] if grade_id(c) != "density-mass"]
        course.submit("deletes", cls.name, json.dumps(notebook))
        course.log = course.run(
            "autograde", cls.name, "--ExecutePreprocessor.timeout=15", fails=True
        )
        return course

    @pytest.fixture(scope="class")
    @classmethod
    def marks(cls, course):
        return course.marks(cls.name)

    @pytest.fixture(scope="class")
    @classmethod
    def lost(cls, marks):
        """For every student the graded cells that did not earn all their points."""
        points = graded_cells(cls.name)
        return {
            student: {cell for cell in points if earned[cell] != points[cell]}
            for student, earned in marks.items()
        }

    @pytest.mark.parametrize("student", [*HONEST, "noisy"])
    def test_honest_and_noisy_submissions_earn_full_marks(self, lost, student):
        assert lost[student] == set()

    @pytest.mark.parametrize("student", ["syntax", "endless"])
    def test_a_cell_that_does_not_run_costs_its_own_checks(self, lost, student):
        assert lost[student] == {"spikes-count", "spikes-strength"}

    def test_a_renamed_function_costs_its_check_and_the_message_names_it(self, course, lost):
        assert lost["renames"] == {"spikes-count"}
        assert "count_spikes" in course.messages("renames", self.name)["spikes-count"]

    def test_overwriting_the_helpers_of_the_checks_does_not_help(self, lost):
        assert lost["overwrites"] == {"density-mass"}

    def test_a_deleted_check_earns_nothing(self, lost):
        assert lost["deletes"] == {"density-mass"}

    @pytest.mark.parametrize(("student", "words"), [("copies", "'ada'"), ("keyless", "the key")])
    def test_another_id_or_a_wrong_key_loses_the_identity(self, course, lost, student, words):
        assert lost[student] == {"identity"}
        assert words in course.messages(student, self.name)["identity"]

    def test_a_submission_that_kills_its_kernel_earns_nothing_and_is_named(self, course, lost):
        assert lost["exits"] == set(graded_cells(self.name))
        assert "for student 'exits'" in course.log

    def test_exported_marks_are_those_of_the_cells(self, course):
        total = sum(graded_cells(self.name).values())
        exported = course.exported()
        assert exported["ada"] == exported["noisy"] == total
        assert exported["exits"] == 0
        assert exported["copies"] == exported["keyless"] == total - 1

    def test_feedback_is_written_and_shows_the_hint(self, course):
        course.run("generate_feedback", self.name)
        page = course.root / "feedback" / "overwrites" / self.name / f"{self.name}.html"
        assert "the atom at zero is missing" in page.read_text(encoding="utf-8")

    def test_report_names_what_a_grader_should_look_at(self, course):
        shutil.copy(EXERCISES / "report.py", course.root)
        done = subprocess.run(
            [GRADING / "python", "report.py", self.name],
            cwd=course.root,
            capture_output=True,
            text=True,
            check=True,
        )
        lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
        assert set(lines) == {"exits", "deletes", "copies", "keyless", "noisy"}
        assert "density-mass" in lines["deletes"]


def guide():
    """The commands of the guide, with the problem set's name put in, in their order."""
    readme = (EXERCISES / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^    (.+?)(?: {2,}#.*)?$", readme, re.MULTILINE)
    tools = ("nbgrader ", "python ", "jupyter ", "export ", "RMTLIB_COURSE_SECRET=")
    return [line.replace("SET", "sample_covariance") for line in lines if line.startswith(tools)]


class TestGuide:
    """The guide's commands as they stand, from files that students have sent to their marks."""

    name = "sample_covariance"
    SENT = (
        "ada-lena.l@uni-sample_covariance.ipynb",
        "bob-sample_covariance (1).ipynb",
        "homework.ipynb",
    )

    @pytest.fixture(scope="class")
    @classmethod
    def course(cls, tmp_path_factory):
        """A checkout's folder of exercises, in which the commands ran one after the other."""
        checkout = tmp_path_factory.mktemp("checkout")
        for folder in (".venv", ".venv-grading"):
            target = GRADING.parent if folder == ".venv-grading" else Path(sys.prefix)
            (checkout / folder).symlink_to(target.absolute())
        (checkout / "exercises").mkdir()
        course = Course(checkout / "exercises")
        shutil.copy(EXERCISES / "report.py", course.root)
        sent = course.root / "downloaded" / cls.name / "archive"
        sent.mkdir(parents=True)
        for file in cls.SENT:
            change = "import os; os._exit(0)" if file.startswith("bob") else ""
            student = file.partition(f"-{cls.name}")[0]
            (sent / file).write_text(changed(student, {"density": before(change)}), "utf-8")
        course.said, environment = {}, "true"
        for command in guide():
            if command.startswith("export "):
                environment = command
            elif not command.startswith(("jupyter ", "RMTLIB_COURSE_SECRET=")):
                course.said[command] = course.shell(f"{environment}; {command}")
        return course

    def test_every_command_of_the_guide_ran(self, course):
        ran = [*course.said, "jupyter lab"]
        assert len(ran) == 7
        rest = [command for command in guide() if command not in ran]
        assert len(rest) == 2, rest
        assert rest[0] == "export PATH=$PWD/../.venv-grading/bin:$PATH"
        assert rest[1].startswith(
            "RMTLIB_COURSE_SECRET=... ../.venv/bin/python -m rmtlib.homework "
        )

    def test_only_the_dead_kernel_makes_a_command_fail(self, course):
        failed = [command for command, (code, _) in course.said.items() if code]
        assert failed == [f"nbgrader autograde {self.name}"]

    def test_a_file_under_another_name_is_skipped_and_named(self, course):
        _, said = course.said[f"nbgrader zip_collect {self.name}"]
        assert "2 files collected, 1 files skipped" in said
        assert re.search("Skipped submission .*homework.ipynb", said)

    def test_files_are_graded_under_the_name_of_their_student(self, course):
        rows = csv.DictReader((course.root / "marks.csv").read_text("utf-8").splitlines())
        marks = {row["student_id"]: float(row["score"]) for row in rows}
        assert marks == {"ada-lena.l@uni": sum(graded_cells(self.name).values()), "bob": 0}

    def test_the_report_names_the_dead_kernel_and_feedback_is_written(self, course):
        _, said = course.said[f"python report.py {self.name}"]
        assert said.splitlines() == ["bob: not graded, the kernel died"]
        assert (course.root / "feedback/ada-lena.l@uni" / self.name).is_dir()

    def test_two_files_of_one_student_stop_the_collection(self, course):
        sent = course.root / "downloaded" / self.name / "archive"
        shutil.copy(sent / self.SENT[1], sent / f"bob-{self.name}.ipynb")
        log = course.run("zip_collect", self.name, "--force", fails=True)
        assert "Duplicate submission" in log

    def test_one_submission_is_graded_again_and_the_others_keep_their_marks(self, course):
        course.submit("bob", self.name, edited(source(self.name), "bob"))
        course.run("autograde", self.name, "--student=bob", "--force")
        total = sum(graded_cells(self.name).values())
        assert course.exported() == {"ada-lena.l@uni": total, "bob": total}

    def test_keys_are_printed(self):
        (command,) = [line for line in guide() if line.startswith("RMTLIB_COURSE_SECRET=")]
        students = command.split("rmtlib.homework ")[1].split()
        assert list(keys("...", *students)) == students

    def test_the_grader_s_pages_open_in_a_browser(self, course):
        """`jupyter lab`, with what a machine without a browser needs."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = ["--no-browser", "--allow-root", f"--port={port}", "--IdentityProvider.token="]
        path = f"{GRADING.absolute()}{os.pathsep}{os.environ['PATH']}"
        server = subprocess.Popen(
            ["jupyter", "lab", *options],
            cwd=course.root,
            env={**os.environ, "PATH": path},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            page = fetched(f"http://127.0.0.1:{port}/formgrader/manage_assignments")
        finally:
            server.terminate()
            server.wait(timeout=60)
        assert "<title>nbgrader - Manage Assignments" in page or "Manage Assignments" in page

    def test_the_report_without_a_set_asks_for_one(self, course):
        ran = course.shell(f"{GRADING.absolute()}/python report.py")
        assert ran == (1, "Name one problem set: python report.py SET\n")


def fetched(url):
    """A page of a server that is starting, within two minutes."""
    for _ in range(240):
        try:
            with urllib.request.urlopen(url, timeout=60) as page:
                return page.read().decode()
        except OSError:
            time.sleep(0.5)
    raise TimeoutError(url)
