"""Memory of one call: ``python -m benchmarks.memory NAME SIZE`` prints what it adds.

The process does nothing else than import, draw its data and make the call.
"""

import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np

from benchmarks.cases import Way
from benchmarks.command import ROOT, table
from rmtlib import __main__, as_rng
from rmtlib.activations import RELU, TANH
from rmtlib.clustering import HEAT, distance_kernel
from rmtlib.curvature import Curvature, spectral_estimate
from rmtlib.kernels import conjugate_kernel, random_feature_kernel
from rmtlib.networks import MLP, empirical_tangent_kernel

_FLOAT = np.dtype(float).itemsize


@dataclass(frozen=True)
class Footprint:
    """What one call returns and what the obvious way would hold, in bytes.

    Parameters
    ----------
    what, instead : str
        The call, and the array that the obvious way makes.
    make : callable
        From the size to the call.
    result, obvious : callable
        From the size to bytes.
    sizes : tuple of int
        Three sizes.
    most : float
        What the call may add, as a multiple of the obvious way.
    """

    what: str
    instead: str
    make: Callable[[int], Way]
    result: Callable[[int], int]
    obvious: Callable[[int], int]
    sizes: tuple[int, int, int]
    most: float = 0.5


def _data(n: int, p: int) -> np.ndarray:
    return as_rng(0).standard_normal((p, n)) / np.sqrt(p)


def _square(n: int) -> int:
    return _FLOAT * n**2


def heat(n: int) -> Way:
    X = _data(n, 200)
    return lambda: distance_kernel(X, HEAT)


def features(activation) -> Callable[[int], Way]:
    def make(n: int) -> Way:
        X = _data(n, 200)
        return lambda: random_feature_kernel(activation, X)

    return make


def recursion(n: int) -> Way:
    X = _data(n, 200)
    K = X.T @ X
    return lambda: conjugate_kernel(RELU, K)


_WIDTH = 1000


def tangent(n: int) -> Way:
    network, X = MLP([100, _WIDTH, _WIDTH, 1], "tanh", rng=0), _data(n, 100)
    return lambda: empirical_tangent_kernel(network, X)


def _parameters(width: int) -> int:
    return 100 * width + width**2 + 10 * width


def lanczos(width: int) -> Way:
    network = MLP([100, width, width, 10], "tanh", rng=0)
    X, y = _data(50, 100), as_rng(1).integers(10, size=50)

    def call():
        H = Curvature(network, X, y, loss="cross-entropy").hessian
        return spectral_estimate(H, steps=40, probes=2, reorthogonalize=False, rng=0)

    return call


def shell(suffix: str) -> Callable[[int], Way]:
    def make(p: int) -> Way:
        def call(size: int = p) -> None:
            with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
                __main__.main([str(table(size, suffix))])

        table(p, suffix)
        call(20)  # loads what draws the figure
        return call

    return make


def eigh(p: int) -> Way:
    path = table(p, ".npy")

    def call() -> None:
        rows = np.load(path)
        np.linalg.eigh(rows.T @ rows)

    return call


def _rows(p: int) -> int:
    return _FLOAT * (5 * p // 2) * p


_DIFFERENCES = "differences of all pairs of samples"
_SAMPLES = (1000, 2000, 4000)
FOOTPRINTS = {
    "heat": Footprint(
        "heat kernel", _DIFFERENCES, heat, _square, lambda n: 200 * _square(n), _SAMPLES
    ),
    "relu": Footprint(
        "ReLU kernel", _DIFFERENCES, features(RELU), _square, lambda n: 200 * _square(n), _SAMPLES
    ),
    "tanh": Footprint(
        "tanh kernel",
        "Gaussian nodes for all pairs, 12 by 12",
        features(TANH),
        _square,
        lambda n: 144 * _square(n),
        _SAMPLES,
    ),
    "recursion": Footprint(
        "one layer of a conjugate kernel",
        "Gaussian nodes for all pairs, 12 by 12",
        recursion,
        _square,
        lambda n: 144 * _square(n),
        _SAMPLES,
    ),
    "tangent": Footprint(
        f"tangent kernel, width {_WIDTH}",
        "gradients of all samples",
        tangent,
        _square,
        lambda n: _FLOAT * n * (100 * _WIDTH + _WIDTH**2 + _WIDTH),
        (500, 1000, 2000),
    ),
    "lanczos": Footprint(
        "Lanczos quadrature of a Hessian",
        "the Hessian",
        lanczos,
        lambda width: _FLOAT * _parameters(width),
        lambda width: _FLOAT * _parameters(width) ** 2,
        (500, 1000, 2000),
    ),
    **{
        name: Footprint(
            f"{what}, n = 2.5 p", "the data", make, result, _rows, (500, 1000, 2000), most
        )
        for name, what, make, result, most in (
            ("csv", "python -m rmtlib FILE.csv", shell(".csv"), lambda p: _FLOAT * p, 6),
            ("npy", "python -m rmtlib FILE.npy", shell(".npy"), lambda p: _FLOAT * p, 6),
            ("eigh", "reading a FILE.npy and eigh", eigh, lambda p: _FLOAT * (p**2 + p), 6),
        )
    },
}


def added(name: str, size: int) -> int:
    """Bytes that the call adds to the peak of a process of its own."""
    command = [sys.executable, "-m", "benchmarks.memory", name, str(size)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return int(ran.stdout)


def _status(field: str) -> int:
    """A line of the kernel's record of this process, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return 1024 * int(line.split()[1])
    raise RuntimeError(f"no {field} in /proc/self/status (memory is measured on Linux)")


def main(name: str, size: str) -> None:
    """Draw the data, make the call, print its peak above what was held before."""
    call = FOOTPRINTS[name].make(int(size))
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts from here
    before = _status("VmRSS")
    call()
    print(_status("VmHWM") - before)


if __name__ == "__main__":
    main(*sys.argv[1:])
