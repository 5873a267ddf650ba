"""The problem sets under the real grader: stubs, solutions, mistakes, hostile submissions."""

import csv
import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXERCISES = ROOT / "exercises"
GRADING = Path(os.environ.get("RMTLIB_GRADING", ROOT / ".venv-grading")) / "bin"
SETS = sorted(path.stem for path in EXERCISES.glob("source/*/*.ipynb"))
PLACEHOLDER = '"your-id"'

pytestmark = pytest.mark.homework


class Course:
    """A course in a temporary folder, run through nbgrader's command line."""

    def __init__(self, root):
        self.root = root
        shutil.copytree(EXERCISES / "source", root / "source")
        shutil.copy(EXERCISES / "nbgrader_config.py", root)

    def run(self, *command, fails=False):
        if not (GRADING / "nbgrader").exists():
            pytest.fail("the grader's environment is missing: run `make release`")
        path = f"{GRADING.absolute()}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["nbgrader", *command],
            cwd=self.root,
            env={**os.environ, "PATH": path, "RMTLIB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        log = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, log[-3000:]
        return log

    def release(self, name):
        self.run("generate_assignment", name, "--force")
        return self.root / "release" / name / f"{name}.ipynb"

    def submit(self, student, name, text):
        folder = self.root / "submitted" / student / name
        folder.mkdir(parents=True)
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


def edited(text, student, changes=()):
    """A submission: the notebook of ``student`` with some cells' code replaced."""
    notebook = json.loads(
        text.replace(json.dumps(PLACEHOLDER)[1:-1], json.dumps(f'"{student}"')[1:-1])
    )
    for cell_id, old, new in changes:
        cell = next(c for c in notebook["cells"] if grade_id(c) == cell_id)
        code = "".join(cell["source"])
        assert code.count(old) == 1, f"{old!r} is not once in {cell_id}"
        cell["source"] = code.replace(old, new)
    return json.dumps(notebook)


def graded_cells(name, kind="code"):
    """Points of the graded cells of a set: by machine (code) or by hand (markdown)."""
    return {
        grade_id(cell): cell["metadata"]["nbgrader"]["points"]
        for cell in json.loads(source(name))["cells"]
        if cell["metadata"].get("nbgrader", {}).get("grade") and cell["cell_type"] == kind
    }


class Battery:
    """What every problem set satisfies; one class a set, so that sets run in parallel."""

    name: str

    @pytest.fixture(scope="class")
    @classmethod
    def course(cls, tmp_path_factory):
        """The set, released, with a stub, the solution and the mistakes graded."""
        course = Course(tmp_path_factory.mktemp("course"))
        released = course.release(cls.name)
        course.submit("stub", cls.name, released.read_text(encoding="utf-8"))
        course.submit("ada", cls.name, edited(source(cls.name), "ada"))
        for mistake in cls.mistakes():
            changes = [(mistake.cell, mistake.old, mistake.new)]
            course.submit(mistake.name, cls.name, edited(source(cls.name), mistake.name, changes))
        course.run("autograde", cls.name)
        return course

    @classmethod
    def mistakes(cls):
        return importlib.import_module(f"homework.{cls.name}").MISTAKES

    def test_released_notebook_is_the_committed_one(self, course):
        sys.path.insert(0, str(ROOT / "_ext"))
        from notebooks import canonical

        made = canonical((course.root / "release" / self.name / f"{self.name}.ipynb").read_text())
        committed = EXERCISES / "release" / self.name / f"{self.name}.ipynb"
        assert committed.read_text(encoding="utf-8") == made, "run `make release`"

    def test_release_holds_no_solution_and_no_hidden_test(self, course):
        text = (EXERCISES / "release" / self.name / f"{self.name}.ipynb").read_text()
        assert "SOLUTION" not in text
        assert "HIDDEN" not in text
        assert "hidden_rng" in source(self.name)
        stubs = text.count("raise NotImplementedError")
        assert stubs == source(self.name).count('"### BEGIN SOLUTION\\n') - text.count(
            "Your answer here.*"
        )

    def test_stub_earns_nothing(self, course):
        marks = course.marks(self.name)["stub"]
        assert sum(value or 0 for value in marks.values()) == 0

    def test_solution_earns_full_marks(self, course):
        marks = course.marks(self.name)["ada"]
        points = graded_cells(self.name)
        assert {cell: marks[cell] for cell in points} == points

    def test_mistakes_earn_part_of_the_marks_and_get_the_right_hint(self, course):
        points = graded_cells(self.name)
        marks = course.marks(self.name)
        assert len(self.mistakes()) >= 2
        for mistake in self.mistakes():
            messages = course.messages(mistake.name, self.name)
            failed = {cell for cell in points if marks[mistake.name][cell] == 0}
            assert failed == set(mistake.loses), (mistake.name, messages)
            assert 0 < sum(marks[mistake.name][cell] for cell in points) < sum(points.values())
            for cell, words in mistake.loses.items():
                assert words in messages[cell], (mistake.name, cell, messages[cell])

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


@pytest.mark.parametrize("name", SETS)
def test_readme_states_the_points_of_every_set(name):
    readme = (EXERCISES / "README.md").read_text(encoding="utf-8")
    (row,) = [line for line in readme.splitlines() if line.startswith(f"| `{name}` |")]
    by_machine, by_hand = (sum(graded_cells(name, kind).values()) for kind in ("code", "markdown"))
    assert row.endswith(f"| {by_machine}, {by_hand} |")


def test_every_set_has_its_battery():
    tested = {cls.name for cls in Battery.__subclasses__()}
    assert tested == set(SETS)


def changed(student, changes):
    """The solution of sample_covariance with the code of some cells put through functions."""
    notebook = json.loads(edited(source("sample_covariance"), student))
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


class TestHostileSubmissions:
    """Each earns what it should, is reported, and leaves the other marks intact."""

    name = "sample_covariance"

    @pytest.fixture(scope="class")
    @classmethod
    def course(cls, tmp_path_factory):
        course = Course(tmp_path_factory.mktemp("hostile"))
        course.release(cls.name)
        for student in ("ada", "bob", "eve"):
            course.submit(student, cls.name, edited(source(cls.name), student))
        hostile = {
            "syntax": {"spikes": before("def (:")},
            "endless": {"spikes": before("while True: pass")},
            "exits": {"spikes": before("import os; os._exit(0)")},
            "noisy": {"spikes": before("print('x' * 10_000_000)")},
            "renames": {"spikes": lambda code: code.replace("def count_spikes", "def spikes")},
            "overwrites": {
                "density": lambda code: code.replace("max(0.0, 1 - 1 / c)", "0.0") + OVERWRITE
            },
        }
        for student, changes in hostile.items():
            course.submit(student, cls.name, changed(student, changes))
        course.submit("copies", cls.name, edited(source(cls.name), "ada"))
        notebook = json.loads(edited(source(cls.name), "deletes"))
        notebook["cells"] = [c for c in notebook["cells"] if grade_id(c) != "density-mass"]
        course.submit("deletes", cls.name, json.dumps(notebook))
        course.log = course.run(
            "autograde", cls.name, "--ExecutePreprocessor.timeout=15", fails=True
        )
        return course

    def lost(self, course, student):
        points, marks = graded_cells(self.name), course.marks(self.name)[student]
        return {cell for cell in points if marks[cell] != points[cell]}

    @pytest.mark.parametrize("student", ["ada", "bob", "eve", "noisy"])
    def test_honest_and_noisy_submissions_earn_full_marks(self, course, student):
        assert self.lost(course, student) == set()

    @pytest.mark.parametrize("student", ["syntax", "endless"])
    def test_a_cell_that_does_not_run_costs_its_own_checks(self, course, student):
        assert self.lost(course, student) == {"spikes-count", "spikes-strength"}

    def test_a_renamed_function_costs_its_check_and_the_message_names_it(self, course):
        assert self.lost(course, "renames") == {"spikes-count"}
        assert "count_spikes" in course.messages("renames", self.name)["spikes-count"]

    def test_overwriting_the_helpers_of_the_checks_does_not_help(self, course):
        assert self.lost(course, "overwrites") == {"density-mass"}

    def test_a_deleted_check_earns_nothing(self, course):
        assert self.lost(course, "deletes") == {"density-mass"}

    def test_another_students_notebook_loses_the_identity(self, course):
        assert self.lost(course, "copies") == {"identity"}
        assert "'ada'" in course.messages("copies", self.name)["identity"]

    def test_a_submission_that_kills_its_kernel_earns_nothing_and_is_named(self, course):
        assert self.lost(course, "exits") == set(graded_cells(self.name))
        assert "for student 'exits'" in course.log

    def test_exported_marks_are_those_of_the_cells(self, course):
        total = sum(graded_cells(self.name).values())
        exported = course.exported()
        assert exported["ada"] == exported["noisy"] == total
        assert exported["exits"] == 0
        assert exported["copies"] == total - 1

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
        assert set(lines) == {"exits", "deletes", "copies", "noisy"}
        assert "density-mass" in lines["deletes"]


class TestCollecting:
    """What students hand in as files becomes submissions: nbgrader's zip_collect."""

    def test_downloaded_files_are_collected_under_the_student_s_name(self, tmp_path):
        course = Course(tmp_path)
        name = "sample_covariance"
        course.release(name)
        downloaded = tmp_path / "downloaded" / name / "archive"
        downloaded.mkdir(parents=True)
        (downloaded / f"ada-{name}.ipynb").write_text(edited(source(name), "ada"))
        course.run("zip_collect", name, "--force")
        assert (tmp_path / "submitted" / "ada" / name / f"{name}.ipynb").exists()
