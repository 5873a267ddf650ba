"""Comparisons with packages that the course does not need.

They are curvlinops and torchdeq, and for covariances non-linear-shrinkage, optht and
TracyWidom. Others do not run here: scikit-rmt imports a function that SciPy no longer has,
pyRMT does not build, horns asks for versions of NumPy before 2; factor-analyzer counts
components by Kaiser's rule only.
"""

import math

import nonlinshrink
import numpy as np
import optht
import torch
import TracyWidom as tracy_widom
from curvlinops import HessianLinearOperator, lanczos_approximate_spectrum
from torchdeq import get_deq

from benchmarks.cases import Case, Way, equilibrium_model, labelled_images
from rmtlib import as_rng
from rmtlib.covariance import NonlinearShrinkage, count_components
from rmtlib.curvature import Curvature, spectral_estimate
from rmtlib.laws import TracyWidom, sample_covariance_eigenvalues

_STEPS, _KAPPA, _MARGIN, _POINTS = 80, 3.0, 0.05, 400


def _operators(p: int, width: int, n: int) -> tuple[Curvature, HessianLinearOperator]:
    """Hessian of one network, by this library and by curvlinops."""
    network, rows, labels = labelled_images(p, width, n)
    return Curvature(network, rows, labels, loss="cross-entropy"), HessianLinearOperator(
        network,
        torch.nn.CrossEntropyLoss(),
        list(network.parameters()),
        [(rows, labels)],
        check_deterministic=False,
    )


def hessian_products(p: int, width: int, n: int, vectors: int) -> tuple[Way, Way]:
    ours, theirs = _operators(p, width, n)
    V = as_rng(3).standard_normal((ours.size, vectors))
    columns = torch.as_tensor(V)
    return lambda: ours.hessian @ V, lambda: (theirs @ columns).numpy()


def hessian_density(p: int, width: int, n: int, probes: int) -> tuple[Way, Way]:
    ours, theirs = _operators(p, width, n)
    ends = spectral_estimate(ours.hessian, steps=_STEPS, probes=1, rng=5).points[0, [0, -1]]
    # what curvlinops makes of these settings: its grid, and the width of its bumps
    middle, half = ends.mean(), (0.5 + _MARGIN) * np.ptp(ends)
    x = np.linspace(middle - half, middle + half, _POINTS)
    smoothing = half * 2 / (_STEPS - 1) / math.sqrt(8 * math.log(_KAPPA))

    def masses(density: np.ndarray) -> np.ndarray:
        return np.cumsum(density) * (x[1] - x[0])  # densities show single Ritz values

    def quadrature() -> np.ndarray:
        estimate = spectral_estimate(ours.hessian, steps=_STEPS, probes=probes, rng=0)
        return masses(estimate.density(x, smoothing)[0])

    def peer() -> np.ndarray:
        torch.manual_seed(0)
        settings = {"num_points": _POINTS, "num_repeats": probes, "kappa": _KAPPA}
        grid, density = lanczos_approximate_spectrum(
            theirs, _STEPS, boundaries=tuple(ends), margin=_MARGIN, **settings
        )
        np.testing.assert_allclose(grid.numpy(), x, atol=1e-12)
        return masses(density.numpy())

    return quadrature, peer


def equilibrium(p: int, m: int, n: int) -> tuple[Way, Way]:
    model, rows, targets, gradients = equilibrium_model(p, m, n)
    solver = get_deq(
        f_solver="fixed_point_iter",
        b_solver="fixed_point_iter",
        f_stop_mode="rel",
        b_stop_mode="rel",
        f_tol=1e-10,
        b_tol=1e-10,
        f_max_iter=1000,
        b_max_iter=1000,
        ift=True,
    )

    def peer() -> list[np.ndarray]:
        injected = model.injection * rows @ model.B.T
        start = torch.zeros(n, m, dtype=rows.dtype)

        def update(z: torch.Tensor) -> torch.Tensor:
            return model.g(model.feedback * z @ model.A.T + injected) / m**0.5

        (z,), _ = solver(update, start)
        loss = ((z @ model.beta.T - targets) ** 2).mean()
        return [g.numpy() for g in torch.autograd.grad(loss, list(model.parameters()))]

    return gradients, peer


def nonlinear_shrinkage(p: int, n: int) -> tuple[Way, Way]:
    rows = as_rng(0).standard_normal((n, p)) * np.sqrt(np.linspace(1, 10, p))
    return (
        lambda: NonlinearShrinkage(store_precision=False).fit(rows).covariance_,
        lambda: nonlinshrink.shrink_cov(rows),
    )


def threshold(p: int, n: int) -> tuple[Way, Way]:
    X = as_rng(0).standard_normal((p, n))
    X[:10] *= 5

    def ours() -> int:
        return count_components(sample_covariance_eigenvalues(X), n=n, method="threshold").count

    return ours, lambda: optht.optht(X, sv=np.linalg.svd(X, compute_uv=False), sigma=None)


def distribution(points: int) -> tuple[Way, Way]:
    x = np.linspace(-6, 6, points)
    law, table = TracyWidom(), tracy_widom.TracyWidom(beta=1)
    return lambda: law.cdf(x), lambda: table.cdf(x)


SHRINKAGE = {"non-linear-shrinkage": lambda rows: nonlinshrink.shrink_cov(rows, k=0)}
PEERS = [
    Case(
        "covariance",
        "nonlinear shrinkage of {n} samples, p = {p}",
        "non-linear-shrinkage",
        nonlinear_shrinkage,
        {"p": 500, "n": 1000},
        0.02,
        "an isotonic step moves single eigenvalues by the error of the kernel estimate",
        {"p": 60, "n": 120},
    ),
    Case(
        "covariance",
        "components above the optimal threshold, p = {p}",
        "optht",
        threshold,
        {"p": 500, "n": 1000},
        0,
        "counts",
        {"p": 60, "n": 120},
    ),
    Case(
        "covariance",
        "Tracy-Widom distribution function at {points} points",
        "TracyWidom",
        distribution,
        {"points": 1000},
        1e-4,
        "the peer interpolates a table",
        {"points": 50},
    ),
    Case(
        "hessian",
        "{vectors} products with a Hessian",
        "curvlinops",
        hessian_products,
        {"p": 50, "width": 40, "n": 400, "vectors": 64},
        1e-11,
        "rounding",
        {"p": 5, "width": 6, "n": 30, "vectors": 3},
    ),
    Case(
        "hessian",
        "density of a Hessian by {probes} probes",
        "curvlinops",
        hessian_density,
        {"p": 50, "width": 40, "n": 400, "probes": 10},
        0.05,
        "a mass has a standard error of at most (parameters times probes)^(-1/2): 0.01, times five",
        {"p": 30, "width": 20, "n": 50, "probes": 8},
        once=True,
    ),
    Case(
        "equilibrium",
        "gradient of an equilibrium of width {m}",
        "torchdeq",
        equilibrium,
        {"p": 100, "m": 500, "n": 200},
        1e-8,
        "both stop at corrections of 1e-10 of the solution",
        {"p": 5, "m": 40, "n": 8},
    ),
]
