"""nbgrader's settings; README.md says how a class is run."""

from pathlib import Path

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "rmt-for-ml"
c.CourseDirectory.root = str(Path(__file__).parent)

# The student's stub raises, and nothing else may.
c.ClearSolutions.code_stub = {
    "python": "raise NotImplementedError  # your code here"
}
c.ClearSolutions.text_stub = "*Your answer here.*"

# Submissions run in the kernel that has rmtlib, each cell at most a minute.
c.ExecutePreprocessor.kernel_name = "rmt-for-ml"
c.ExecutePreprocessor.timeout = 60
c.ExecutePreprocessor.interrupt_on_timeout = True
c.ExecutePreprocessor.raise_on_iopub_timeout = False
c.LimitOutput.max_lines = 200
c.LimitOutput.max_traceback = 40

# Files that students send are called ID-SET.ipynb; browsers add " (1)".
c.FileNameCollectorPlugin.named_regexp = (
    r".*[/\\](?P<student_id>[\w.@-]+)-(?P<file_id>\w+)(?: \(\d+\))?\.ipynb$"
)
