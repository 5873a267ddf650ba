"""How often a way is run."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

SECONDS = 1.0  # of repetitions of one way
MOST = 50  # repetitions


def timed(benchmark: Any, way: Callable[[], Any], once: bool = False) -> Any:
    """Result of the way, run about a second after a first time to warm up, or only once."""
    if once:
        return benchmark.pedantic(way, rounds=1)
    start = perf_counter()
    result = way()
    rounds = min(max(int(SECONDS / (perf_counter() - start)), 1), MOST)
    benchmark.pedantic(way, rounds=rounds)
    return result
