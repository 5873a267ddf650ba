"""Gradient descent with momentum on a quadratic objective."""

from dataclasses import dataclass

import numpy as np

from rmtlib._checks import between, nonnegative_array, positive, scalar_out, vector
from rmtlib._types import ArrayLike


@dataclass(frozen=True)
class Tuning:
    r"""A learning rate and a momentum, and what they do along each eigenvector.

    The iteration :math:`z \leftarrow \beta z + \nabla f`, :math:`w \leftarrow w - \alpha z` from
    z = 0. On a quadratic objective the pair (z, error) along an eigenvector of eigenvalue
    :math:`\lambda` is multiplied in each step by

    .. math::

        M = \begin{pmatrix} \beta & \lambda \\ -\alpha \beta & 1 - \alpha \lambda \end{pmatrix} .

    Parameters
    ----------
    learning_rate : positive number
        :math:`\alpha`.
    momentum : number in [0, 1)
        :math:`\beta`; 0 is gradient descent.

    Notes
    -----
    :cite:t:`Polyak64,Goh17`. Exact.

    Example
    -------
    At the edges of the Marchenko-Pastur law the best momentum is the ratio p / n:

    >>> Tuning.best((1 - 0.5) ** 2, (1 + 0.5) ** 2)
    Tuning(learning_rate=1.0, momentum=0.25)
    """

    learning_rate: float
    momentum: float = 0.0

    def __post_init__(self) -> None:
        positive("learning_rate", self.learning_rate)
        between("momentum", self.momentum, 0.0, np.nextafter(1.0, 0.0), "below 1")

    @classmethod
    def best(cls, smallest: float, largest: float, *, momentum: bool = True) -> "Tuning":
        r"""The tuning that makes the slowest mode as fast as possible.

        With eigenvalues in [a, b] and :math:`\kappa = b / a`:

        .. math::

            \alpha = \frac2{a + b}, \quad \text{rate } \frac{\kappa - 1}{\kappa + 1}
            \qquad\text{and}\qquad
            \alpha = \Bigl(\frac2{\sqrt a + \sqrt b}\Bigr)^{\!2}, \quad
            \sqrt\beta = \text{rate} = \frac{\sqrt\kappa - 1}{\sqrt\kappa + 1}

        without and with momentum.

        Parameters
        ----------
        smallest, largest : positive numbers
            a <= b.
        momentum : bool
            Whether to use momentum. The matrices of the extreme modes are then defective:
            the error falls like k times rate**k.

        Returns
        -------
        Tuning
        """
        a, b = positive("smallest", smallest), positive("largest", largest)
        if a > b:
            raise ValueError(f"smallest must be at most largest = {b:g}, got {a:g}")
        if not momentum:
            return cls(2 / (a + b))
        roots = np.sqrt(a), np.sqrt(b)
        return cls(float((2 / sum(roots)) ** 2), float((np.diff(roots)[0] / sum(roots)) ** 2))

    def rate(self, eigenvalues: ArrayLike) -> np.ndarray | float:
        r"""Factor by which the error along an eigenvector shrinks in a step, after many steps.

        The spectral radius of M. It is :math:`\sqrt\beta` where the mode oscillates,
        :math:`(1 - \sqrt{\alpha \lambda})^2 < \beta < (1 + \sqrt{\alpha \lambda})^2`, and below 1
        iff :math:`0 < \alpha \lambda < 2 + 2 \beta`.

        Parameters
        ----------
        eigenvalues : array of nonnegative numbers, any shape
            :math:`\lambda`.

        Returns
        -------
        array of the shape of ``eigenvalues``
        """
        lam = nonnegative_array("eigenvalues", eigenvalues)
        half_trace = np.abs(1 + self.momentum - self.learning_rate * lam) / 2
        discriminant = half_trace**2 - self.momentum
        rounding = 4 * np.finfo(float).eps * self.momentum
        discriminant = np.where(np.abs(discriminant) <= rounding, 0.0, discriminant)
        real = half_trace + np.sqrt(np.maximum(discriminant, 0.0))
        return scalar_out(np.where(discriminant < 0, np.sqrt(self.momentum), real))

    def factors(self, eigenvalues: ArrayLike, steps: ArrayLike) -> np.ndarray:
        r"""What k steps leave of the error along each eigenvector.

        The lower right entry of :math:`M^k`: :math:`(1 - \alpha \lambda)^k` at
        :math:`\beta = 0`; infinite where an unstable mode overflows.

        Parameters
        ----------
        eigenvalues : array of nonnegative numbers, shape (d,)
            :math:`\lambda`.
        steps : array of integers, shape (T,)
            k, from 0 to :math:`2^{63} - 1`; by repeated squaring, with no loop over steps.

        Returns
        -------
        array, shape (T, d)

        Example
        -------
        >>> Tuning(0.5).factors([1.0, 2.0], [0, 2])
        array([[1.  , 1.  ],
               [0.25, 0.  ]])
        """
        lam = nonnegative_array("eigenvalues", vector("eigenvalues", eigenvalues))
        k = nonnegative_array("steps", vector("steps", steps))
        bad = (k != np.round(k)) | (k >= 2.0**63)
        if bad.any():
            raise ValueError(f"steps must be integers below 2**63, got {k[bad][0]:g}")
        alpha, beta, bits = self.learning_rate, self.momentum, k.astype(np.int64)
        square = np.empty((lam.size, 2, 2))
        square[:, 0, 0], square[:, 0, 1] = beta, lam
        square[:, 1, 0], square[:, 1, 1] = -alpha * beta, 1 - alpha * lam
        square, square_size = _normalized(square, np.zeros(lam.size))
        power = np.broadcast_to(np.eye(2), (k.size, lam.size, 2, 2)).copy()
        power_size = np.zeros((k.size, lam.size))
        while bits.any():
            odd = bits % 2 == 1
            power[odd], power_size[odd] = _normalized(
                power[odd] @ square, power_size[odd] + square_size
            )
            bits //= 2
            square, square_size = _normalized(square @ square, 2 * square_size)
        with np.errstate(over="ignore"):  # unstable modes diverge
            return np.ldexp(power[..., 1, 1], np.clip(power_size, -5000, 5000).astype(int))


def _normalized(M: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The matrices M * 2**size with the largest entry of M moved to [1/2, 1)."""
    _, exponent = np.frexp(np.abs(M).max(axis=(-2, -1)))
    return np.ldexp(M, -exponent[..., None, None]), size + exponent
