"""Times of the library's way and of the other one, case by case, and that they agree."""

import pytest

from benchmarks.cases import CASES, Case, difference
from benchmarks.peers import PEERS
from benchmarks.timing import timed

ALL = CASES + PEERS


@pytest.fixture(scope="module")
def at_hand():
    """Ways of the case in turn, and the library's result."""
    return {}


@pytest.mark.parametrize("way", ["library", "other"])
@pytest.mark.parametrize("case", ALL, ids=map(str, ALL))
def test_two_ways_to_one_result(benchmark, at_hand, small, case: Case, way: str):
    sizes = case.small if small else case.sizes
    if at_hand.get("case") is not case:
        at_hand.clear()
        at_hand.update(case=case, ways=case.make(**sizes))
    library, other = at_hand["ways"]
    benchmark.group = f"{case.what}, against {case.against}".format(**sizes)
    benchmark.extra_info |= {
        "kind": "ratio",
        "subject": case.subject,
        "what": case.what.format(**sizes),
        "against": case.against.format(**sizes),
        "way": way,
    }
    if way == "library":
        at_hand["result"] = timed(benchmark, library)
    else:
        theirs = timed(benchmark, other, once=case.once)
        ours = at_hand["result"] if "result" in at_hand else library()
        found = difference(ours, theirs)
        benchmark.extra_info["difference"] = found
        assert found <= case.tol, case.why
