r"""Spectrum of the Hessian of a loss at a critical point: Wishart plus semicircle.

The Hessian of a squared loss is a covariance of gradients plus a sum of second
derivatives weighted by residuals, H = H0 + H1. When the two are free, H0 has a
Marchenko-Pastur law and H1 a semicircle, or the law of a network of rectified
linear units, H follows a free compound Poisson law with a semicircle added.
Its equation is rational, so that everything here is in closed form up to the
roots of one polynomial.
"""

import numpy as np

from rmtlib._checks import as_rng, count, nonnegative, positive, positive_array, scalar_out
from rmtlib._types import ArrayLike, Seed
from rmtlib.laws import FreePoisson

_AT_ZERO = "at energy 0 the law is MarchenkoPastur(parameters_per_residual)"


class HessianLaw(FreePoisson):
    r"""Hessian of a squared loss at a critical point, if Wishart and semicircle were free.

    :math:`H = \frac1m JJ^{\mathsf T} + H_1`, J of shape (n, m) with independent entries
    of variance one, H1 symmetric with independent entries of variance :math:`2\varepsilon/n`
    off the diagonal; :math:`\phi = n/m` parameters per residual, energy
    :math:`\varepsilon` (half the mean squared residual). The law is
    ``MarchenkoPastur(phi) + Semicircle(2 * energy)``. With :math:`G = -m`,

    .. math::

        z = \frac1{1 - \phi G} + 2 \varepsilon G + \frac1G
        \iff 2 \varepsilon \phi G^3 - (2 \varepsilon + z \phi) G^2 + (z + \phi - 1) G - 1 = 0 .

    Parameters
    ----------
    parameters_per_residual : positive number
        n / m.
    energy : positive number
        Energy; at energy 0 the law is ``MarchenkoPastur(parameters_per_residual)``.

    Notes
    -----
    Model and cubic: :cite:t:`PenningtonBahri17`. The Kolmogorov distance between the
    eigenvalues of one matrix and the law is O(1/n) up to logarithms, the index of one
    matrix differs from `index` by O(1/n), its extreme eigenvalues from the edges by O(n^(-2/3)).

    Example
    -------
    >>> law = HessianLaw(0.5, 0.1)
    >>> round(law.index(), 10), round(law.moment(2), 10)  # 1 + phi + 2 energy
    (0.1135620321, 1.7)
    """

    def __init__(self, parameters_per_residual: float, energy: float):
        phi = positive("parameters_per_residual", parameters_per_residual)
        self.parameters_per_residual, self.energy = phi, positive("energy", energy, _AT_ZERO)
        super().__init__([phi], [1 / phi], 2 * self.energy)

    @staticmethod
    def critical_energy(parameters_per_residual: ArrayLike) -> np.ndarray | float:
        r"""Energy below which the law has no mass below zero.

        At :math:`\phi` parameters per residual, with :math:`s = \sqrt{1 + 8\phi}`,

        .. math::

            \varepsilon_c = \tfrac1{16}\big(1 - 20\phi - 8\phi^2 + (1 + 8\phi)^{3/2}\big)
                = \frac{4 (1 - \phi)^3 (1 + s)}{(3 + s)^3} \quad (\phi \le 1),
            \qquad \varepsilon_c = 0 \quad (\phi \ge 1).

        The second form loses no digit, neither near :math:`\phi = 0`, where it is 1/8, nor near
        :math:`\phi = 1`, where it is :math:`\frac2{27}(1 - \phi)^3`. The first is in
        :cite:t:`PenningtonBahri17`. At finite n the smallest eigenvalue reaches 0 within
        O(n^(-2/3)) of this energy.

        Parameters
        ----------
        parameters_per_residual : array of positive numbers, any shape

        Returns
        -------
        array of the shape of ``parameters_per_residual``

        Example
        -------
        >>> round(HessianLaw.critical_energy(0.5), 12)
        0.011271242969
        """
        phi = positive_array("parameters_per_residual", parameters_per_residual)
        s = np.sqrt(1 + 8 * phi)
        return scalar_out(4 * np.clip(1 - phi, 0, None) ** 3 * (1 + s) / (3 + s) ** 3)

    @staticmethod
    def index_coefficient(parameters_per_residual: ArrayLike) -> np.ndarray | float:
        r"""Coefficient :math:`\alpha_0` of the index just above the critical energy.

        At :math:`\phi < 1`, as :math:`\varepsilon \downarrow \varepsilon_c`,

        .. math::

            \alpha \simeq
                \alpha_0 \Big(\frac{\varepsilon - \varepsilon_c}{\varepsilon_c}\Big)^{3/2},
            \qquad \alpha_0 = \frac{2}{3\pi} \sqrt{\frac{2}{|z''|}}\;
                \big(2 |G| \varepsilon_c\big)^{3/2},
            \qquad z'' = \frac{2\phi^2}{(1 - \phi G)^3} + \frac2{G^3},

        at the double root :math:`G = -(3 + s) / ((1 + s)(1 - \phi))`, :math:`s = \sqrt{1 + 8\phi}`.
        The exponent is in :cite:t:`PenningtonBahri17`. The relative error is of the order of the
        relative excess of energy.

        Parameters
        ----------
        parameters_per_residual : array of positive numbers below 1, any shape

        Returns
        -------
        array of the shape of ``parameters_per_residual``

        Example
        -------
        >>> round(HessianLaw.index_coefficient(0.5), 11)
        0.03350066642
        """
        phi = positive_array("parameters_per_residual", parameters_per_residual)
        if phi.size and phi.max() >= 1:
            raise ValueError(
                f"parameters_per_residual must be below 1, got {phi.max():g} "
                "(the critical energy is 0)"
            )
        s, energy = np.sqrt(1 + 8 * phi), HessianLaw.critical_energy(phi)
        G = -(3 + s) / ((1 + s) * (1 - phi))
        bend = 2 * phi**2 / (1 - phi * G) ** 3 + 2 / G**3
        return scalar_out(2 / (3 * np.pi) * np.sqrt(2 / np.abs(bend)) * (-2 * G * energy) ** 1.5)


class ReluHessianLaw(FreePoisson):
    r"""As `HessianLaw`, with the second derivatives of a network of rectified linear units.

    One hidden layer, all widths equal: the only second derivatives join a first-layer
    weight to the second-layer weight of the same unit, and each residual adds a pair of
    eigenvalues :math:`\pm t`, :math:`t^2 = \varepsilon\phi^2/2`, to H1 at rate
    :math:`1/(2\phi)`. With :math:`G = -m`,

    .. math::

        z = \frac1{1 - \phi G} + \frac{\varepsilon \phi G}{2 - \varepsilon \phi^2 G^2} + \frac1G .

    The variance of H1 is :math:`\varepsilon\phi/2`, its kurtosis :math:`2 + \phi`. The Hessian has
    an atom at 0 of mass :math:`1 - 2/\phi` if :math:`\phi > 2`.

    Parameters
    ----------
    parameters_per_residual : positive number
        :math:`\phi = 2 n / m`, n the common width, m the number of samples.
    energy : positive number
        Half the mean squared residual.

    Notes
    -----
    :cite:t:`PenningtonBahri17`. Errors as in `HessianLaw`.

    Example
    -------
    >>> round(ReluHessianLaw(0.5, 0.5).index(), 10)
    0.0775404573
    """

    def __init__(self, parameters_per_residual: float, energy: float):
        phi = positive("parameters_per_residual", parameters_per_residual)
        self.parameters_per_residual, self.energy = phi, positive("energy", energy, _AT_ZERO)
        t = phi * np.sqrt(self.energy / 2)
        super().__init__([phi, t, -t], [1 / phi, 0.5 / phi, 0.5 / phi])

    @staticmethod
    def critical_energy(parameters_per_residual: ArrayLike) -> np.ndarray | float:
        r"""Energy below which the law has no mass below zero.

        At :math:`\phi` parameters per residual, with :math:`\chi = 1 + 16\phi - 8\phi^2`
        and :math:`s = \sqrt\chi`,

        .. math::

            \varepsilon_c = \frac{27 - 18\chi - \chi^2 + 8\chi^{3/2}}{32\,\phi\,(1 - \phi)^3}
                = \frac{16 (1 - \phi)^3 (1 + s)}{\phi\,(3 + s)^3} \quad (\phi \le 1),
            \qquad \varepsilon_c = 0 \quad (\phi \ge 1).

        The first form is in :cite:t:`PenningtonBahri17`. Finite n as in
        `HessianLaw.critical_energy`.

        Parameters
        ----------
        parameters_per_residual : array of positive numbers, any shape

        Returns
        -------
        array of the shape of ``parameters_per_residual``

        Example
        -------
        >>> round(ReluHessianLaw.critical_energy(0.5), 10)
        0.0810367098
        """
        phi = positive_array("parameters_per_residual", parameters_per_residual)
        below = np.clip(1 - phi, 0, None)
        s = np.sqrt(1 + 8 * np.minimum(phi, 1) * (2 - np.minimum(phi, 1)))
        return scalar_out(16 * below**3 * (1 + s) / (phi * (3 + s) ** 3))


def sample_hessian(
    *, parameters: int, residuals: int, energy: float, size: int | None = None, rng: Seed = None
) -> tuple[np.ndarray, np.ndarray]:
    r"""Draw the two parts of the Hessian that `HessianLaw` describes.

    .. math:: H_0 = \tfrac1m JJ^{\mathsf T}, \qquad
              H_1 = \sqrt{\varepsilon / n}\,(W + W^{\mathsf T}),

    J of shape (n, m) and W of shape (n, n) with independent standard Gaussian entries.

    Parameters
    ----------
    parameters : integer >= 1
        n.
    residuals : integer >= 1
        m.
    energy : number >= 0
        Half the mean squared residual.
    size : integer >= 1 or None
        Number of independent pairs; None for one.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    H0, H1 : arrays, shape (n, n) or (size, n, n)

    Notes
    -----
    :cite:t:`PenningtonBahri17`; finite n as in `HessianLaw`.

    Example
    -------
    >>> H0, H1 = sample_hessian(parameters=40, residuals=80, energy=0.1, rng=0)
    >>> bool(np.linalg.eigvalsh(H0)[0] > 0), bool(np.allclose(H1, H1.T))
    (True, True)
    """
    n, m = count("parameters", parameters), count("residuals", residuals)
    energy, rng = nonnegative("energy", energy), as_rng(rng)
    draws = () if size is None else (count("size", size),)
    J, W = rng.standard_normal((*draws, n, m)), rng.standard_normal((*draws, n, n))
    return J @ J.mT / m, np.sqrt(energy / n) * (W + W.mT)
