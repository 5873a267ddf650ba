"""Typical wrong solutions of the problem sets, one module a set."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """A change of the solution that costs points.

    ``loses`` names the graded cells that must fail, each with words that the
    message to the student must contain; every other graded cell must pass.
    """

    name: str
    cell: str
    old: str
    new: str
    loses: dict[str, str]
