"""Run every claim at other seeds: `make seeds`.

Each round shifts all seeds (RMTLIB_SEED_SHIFT) and runs the library's tests and
the chapters. A claim that fails in more than one round of twenty has a wrong
tolerance or a wrong rate, and makes this script fail.
"""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROUNDS = int(os.environ.get("ROUNDS", "20"))
ROOT = Path(__file__).resolve().parents[1]
COMMAND = [
    *(sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider"),
    *("-n", "2", "--dist", "loadscope", "-m", "not site and not book and not homework"),
    *("--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=120"),
    *(sys.argv[1:] or ["tests", "chapters"]),
]


def failures(shift: int) -> set[str]:
    """Names of the tests and cells that fail with all seeds shifted."""
    environment = os.environ | {"RMTLIB_SEED_SHIFT": str(shift)}
    ran = subprocess.run(
        COMMAND, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if ran.returncode not in (0, 1):
        raise RuntimeError(f"pytest did not run at shift {shift}:\n{ran.stdout}{ran.stderr}")
    return set(re.findall(r"^(?:FAILED|ERROR) (\S+)", ran.stdout, re.MULTILINE))


def main() -> int:
    """Run all rounds, print who failed how often."""
    tally: Counter[str] = Counter()
    for shift in range(1, ROUNDS + 1):
        failed = failures(shift)
        tally.update(failed)
        print(f"shift {shift}: {len(failed)} failed", *sorted(failed), flush=True)
    wrong = [name for name, times in tally.items() if times > 1]
    print(f"{ROUNDS} rounds: {len(wrong)} claims failed more than once", *wrong, sep="\n  ")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
