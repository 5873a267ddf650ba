"""Times of a function and of its floor at three sizes."""

import pytest

from benchmarks.growth import GROWTH, Growth
from benchmarks.timing import timed

POINTS = [(growth, size) for growth in GROWTH for size in growth.sizes]


@pytest.mark.parametrize("way", ["library", "floor"])
@pytest.mark.parametrize(
    ("growth", "size"), POINTS, ids=[f"{growth.what}-{size}" for growth, size in POINTS]
)
def test_growth_with_size(benchmark, small, growth: Growth, size: int, way: str):
    size = size // 8 if small else size
    function, floor = growth.make(size)
    benchmark.group = f"{growth.what}, {growth.size} = {size}"
    benchmark.extra_info |= {
        "kind": "growth",
        "what": growth.what,
        "size": size,
        "unit": growth.size,
        "floor": growth.floor,
        "exponent": growth.exponent,
        "way": way,
    }
    timed(benchmark, function if way == "library" else floor)
