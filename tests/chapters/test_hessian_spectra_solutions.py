"""Numbers that the chapter on Hessians and its solutions state."""

import numpy as np
import pytest
from notebook import markdown, numbers, solution

from rmtlib import as_rng, curvature

CHAPTER = "hessian_spectra"


def test_moments_and_third_free_cumulant():
    text = solution(CHAPTER, "ex-hs-moments")
    one, factor = numbers(r"\\tau\(H\^2\) = (\d) \+ \\phi \+ (\d)\\varepsilon", text)
    (power,) = numbers(r"third free cumulant is \$\\phi\^(\d)\$", text)
    for phi, energy in ((0.5, 0.1), (2.0, 0.3)):
        law = curvature.HessianLaw(phi, energy)
        m1, m2, m3 = (law.moment(k) for k in (1, 2, 3))
        assert m1 == pytest.approx(1, rel=1e-10)
        assert m2 == pytest.approx(one + phi + factor * energy, rel=1e-10)
        assert m3 - 3 * m1 * m2 + 2 * m1**3 == pytest.approx(phi**power, rel=1e-9)


def test_index_at_large_and_small_energy():
    assert curvature.HessianLaw(0.5, 1e8).index() == pytest.approx(0.5, abs=1e-4)
    for phi in (2.0, 4.0):
        small = curvature.HessianLaw(phi, 1e-8).index()
        assert small == pytest.approx((1 - 1 / phi) / 2, abs=1e-3)


def test_two_bands_merge_at_the_stated_energy():
    text = solution(CHAPTER, "ex-hs-bands")
    root, power = numbers(r"2\\varepsilon < \\phi\(\\phi\^\{1/(\d)\} - 1\)\^(\d)", text)
    merge = 4 * (4 ** (1 / root) - 1) ** power / 2
    assert len(curvature.HessianLaw(4, 0.999 * merge).bands()) == 2
    assert len(curvature.HessianLaw(4, 1.001 * merge).bands()) == 1


def test_ghosts_share_the_weight_of_one_eigenvalue():
    H = np.diag(np.append(np.linspace(0, 1, 499), 5.0))
    start = as_rng(0).standard_normal(500)
    run = curvature.lanczos(H, start, 200, reorthogonalize=False)
    at_five = np.abs(run.ritz_values - 5) < 1e-6
    assert at_five.sum() > 1
    share = start[-1] ** 2 / np.sum(start**2)
    assert run.weights[at_five].sum() == pytest.approx(share, rel=1e-6)


def test_jumps_of_the_relu_model():
    text = solution(CHAPTER, "ex-hs-jumps")
    (half,) = numbers(r"= 2\\varepsilon\(\\phi/(\d)\)\^2", text)
    (twice,) = numbers(r"\\frac\{S\}\{4N\} = \\frac1\{(\d)\\phi\}", text)
    phi, energy, rng = 0.5, 0.3, as_rng(1)
    square, rate = 2 * energy * (phi / half) ** 2, 1 / (twice * phi)
    law = curvature.ReluHessianLaw(phi, energy)
    assert law.moment(2) - 1 - phi == pytest.approx(2 * rate * square, rel=1e-9)
    N, S = 400, 1600
    x, e = rng.standard_normal(N), np.sqrt(2 * energy) * rng.standard_normal(N)
    lam = np.linalg.eigvalsh(
        np.block([[np.zeros((N, N)), np.outer(e, x)], [np.outer(x, e), np.zeros((N, N))]]) / S
    )
    # t^2 is a product of two chi squares: relative deviation 2 / sqrt(N)
    assert lam[-1] ** 2 == pytest.approx(square, rel=6 / np.sqrt(N))
    assert lam[0] == pytest.approx(-lam[-1], rel=1e-12)


def test_critical_energies():
    (eighth,) = numbers(r"it falls from \$1/(\d)\$ at \$\\phi\\to0\$", markdown(CHAPTER))
    energy = curvature.HessianLaw.critical_energy
    assert energy(1e-9) == pytest.approx(1 / eighth, rel=1e-6)
    assert energy(1.0) == energy(4.0) == 0
    top, bottom = numbers(
        r"is \$\\varepsilon_c = \\frac(\d)\{(\d+)\}\(1 - \\phi\)\^3", markdown(CHAPTER)
    )
    assert energy(1 - 1e-4) == pytest.approx(top / bottom * 1e-12, rel=1e-3)


def test_the_relu_model_is_critical_first_at_equal_variance():
    for phi in (0.1, 0.25, 0.5, 0.75, 0.9):
        gaussian = 2 * curvature.HessianLaw.critical_energy(phi)
        relu = curvature.ReluHessianLaw.critical_energy(phi) * phi / 2
        assert relu < gaussian
