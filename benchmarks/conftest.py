"""Settings of the benchmarks."""

import pytest


def pytest_addoption(parser):
    parser.addoption("--small", action="store_true", help="sizes of the tests, for a quick look")


def pytest_configure(config):
    for warning in (
        "`torch.jit.script:DeprecationWarning",  # curvlinops and torch's own forward mode
        "Importing from numpy.matlib:PendingDeprecationWarning",  # non-linear-shrinkage
        "scipy.misc is deprecated:DeprecationWarning",  # TracyWidom
    ):
        config.addinivalue_line("filterwarnings", f"ignore:{warning}")


@pytest.fixture
def small(request):
    return request.config.getoption("--small")


def pytest_benchmark_update_machine_info(config, machine_info):
    machine_info["small"] = config.getoption("--small")
