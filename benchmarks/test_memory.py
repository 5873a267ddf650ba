"""Memory that a call adds to its process, at three sizes."""

import pytest

from benchmarks.memory import FOOTPRINTS, added

POINTS = [(name, size) for name, footprint in FOOTPRINTS.items() for size in footprint.sizes]


@pytest.mark.parametrize(("name", "size"), POINTS)
def test_memory_stays_below_that_of_the_obvious_way(benchmark, small, name: str, size: int):
    size = size // 2 if small else size
    footprint = FOOTPRINTS[name]
    found = benchmark.pedantic(added, (name, size), rounds=1)
    benchmark.extra_info |= {
        "kind": "memory",
        "what": footprint.what,
        "instead": footprint.instead,
        "size": size,
        "added": found,
        "result": footprint.result(size),
        "obvious": footprint.obvious(size),
    }
    assert found < footprint.obvious(size) * footprint.most
