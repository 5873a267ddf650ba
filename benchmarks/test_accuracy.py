"""Error, spread and time of estimators on the same draws."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.accuracy import COVARIANCE, STUDIES, Study
from benchmarks.peers import SHRINKAGE
from benchmarks.timing import timed

ALL = [
    replace(study, estimators=COVARIANCE | SHRINKAGE) if study.estimators is COVARIANCE else study
    for study in STUDIES
]
POINTS = [(study, name) for study in ALL for name in study.estimators]


@pytest.fixture(scope="module")
def at_hand():
    """Draws of the study in turn."""
    return {}


@pytest.mark.parametrize(
    ("study", "name"), POINTS, ids=[f"{study}-{name}" for study, name in POINTS]
)
def test_estimators_on_the_same_draws(benchmark, at_hand, small, study: Study, name: str):
    sizes = study.small if small else study.sizes
    if at_hand.get("study") is not study:
        at_hand.clear()
        at_hand.update(study=study, draws=study.draw(**sizes))
    draws, estimate = at_hand["draws"], study.estimators[name]
    found = timed(benchmark, lambda: [estimate(draw) for draw in draws])
    errors = [study.error(one, **sizes) for one in found]
    benchmark.group = study.what.format(**sizes)
    benchmark.extra_info |= {
        "kind": "accuracy",
        "what": benchmark.group,
        "estimator": name,
        "draws": len(draws),
        "error": np.mean(errors),
        "spread": np.std(errors, ddof=1),
    }
