r"""Are two matrices free? Three statistics, each against a Haar rotation as control.

Two large symmetric matrices are free when the eigenvectors of one say nothing
about those of the other. Turning one of them by a random rotation makes them
free (asymptotically) without changing either spectrum, so that whatever
differs between the matrices and their rotated copies is due to eigenvectors.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import ortho_group

from rmtlib._checks import as_rng, count, symmetric
from rmtlib._types import ArrayLike, Seed


@dataclass(frozen=True, eq=False)
class Freeness:
    r"""What `freeness` measured; every control has one entry a rotation.

    Parameters
    ----------
    mixed
        :math:`\tau(\bar a\bar b\bar a\bar b) / (\tau(\bar a^2)\tau(\bar b^2))`: 0 if free, 1 if the
        matrices commute and their eigenvalues are paired independently.
    mixed_control
        The same for each rotated copy, shape (rotations,).
    square
        :math:`\tau(\bar a^2\bar b^2) / (\tau(\bar a^2)\tau(\bar b^2)) - 1`: 0 if free.
    square_control
        The same for each rotated copy, shape (rotations,).
    distance
        Mean distance of sorted eigenvalues (Wasserstein distance) between A + B and each
        rotated copy, over the standard deviation of the spectrum of A + B; shape (rotations,).
    distance_control
        The same between each rotated copy and the next, shape (rotations,).
    eigenvalues
        Of A + B, ascending, shape (n,).
    rotated
        Of :math:`A + O B O^{\mathsf T}`, ascending, shape (rotations, n).
    """

    mixed: float
    mixed_control: np.ndarray
    square: float
    square_control: np.ndarray
    distance: np.ndarray
    distance_control: np.ndarray
    eigenvalues: np.ndarray
    rotated: np.ndarray


def freeness(A: ArrayLike, B: ArrayLike, *, rotations: int = 10, rng: Seed = None) -> Freeness:
    r"""Compare two symmetric matrices with copies made free by a random rotation.

    With :math:`\tau = \frac1n \mathrm{tr}` and :math:`\bar a = A - \tau(A)`, freeness says that
    alternating products of centered polynomials have trace zero, so

    .. math::

        \tau(\bar a\bar b\bar a\bar b) \to 0, \qquad
        \tau(\bar a^2\bar b^2) \to \tau(\bar a^2)\,\tau(\bar b^2),

    and that the spectrum of A + B is that of :math:`A + O B O^{\mathsf T}`, O uniform on the
    orthogonal group.

    Parameters
    ----------
    A : symmetric matrix, shape (n, n)
        Not a multiple of the identity.
    B : symmetric matrix, shape (n, n)
        The same.
    rotations : integer >= 2
        Number of rotated copies; each costs O(n**3).
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    Freeness

    Notes
    -----
    Asymptotic freeness of rotated matrices: :cite:t:`Voiculescu91`. For free matrices
    the two ratios fluctuate by O(1/n) and the distance is O(1/n) up to logarithms.

    Example
    -------
    >>> A = np.diag(np.arange(60.0) % 2)
    >>> found = freeness(A, A, rng=0)  # a matrix is not free from itself
    >>> bool(found.mixed > 10 * np.abs(found.mixed_control).max())
    True
    """
    A = symmetric("A", A).astype(float)
    B = symmetric("B", B, size=len(A), why="A and B act on one space").astype(float)
    rotations, rng = count("rotations", rotations, at_least=2), as_rng(rng)
    n, identity = len(A), np.eye(len(A))
    a, b = A - np.trace(A) / n * identity, B - np.trace(B) / n * identity
    size_a, size_b = np.mean(np.sum(a**2, axis=1)), np.mean(np.sum(b**2, axis=1))
    for name, size, whole in (("A", size_a, A), ("B", size_b, B)):
        if size <= 1e-24 * np.mean(np.sum(whole**2, axis=1)):
            raise ValueError(f"{name} must not be a multiple of the identity (it is free from all)")

    def statistics(b: np.ndarray) -> tuple[float, float, np.ndarray]:
        ab = a @ b
        mixed = np.sum(ab * ab.T) / n / (size_a * size_b)
        square = np.sum(ab**2) / n / (size_a * size_b) - 1
        return float(mixed), float(square), np.linalg.eigvalsh(A + b + np.trace(B) / n * identity)

    mixed, square, eigenvalues = statistics(b)
    copies = []
    for _ in range(rotations):
        turn = ortho_group.rvs(n, random_state=rng)
        copies.append(statistics(turn @ b @ turn.T))
    rotated = np.array([spectrum for _, _, spectrum in copies])
    width = eigenvalues.std()
    return Freeness(
        mixed=mixed,
        mixed_control=np.array([value for value, _, _ in copies]),
        square=square,
        square_control=np.array([value for _, value, _ in copies]),
        distance=np.mean(np.abs(rotated - eigenvalues), axis=1) / width,
        distance_control=np.mean(np.abs(rotated - np.roll(rotated, 1, axis=0)), axis=1) / width,
        eigenvalues=eigenvalues,
        rotated=rotated,
    )
