"""Spectra of the features of white data after several nonlinear random layers."""

from collections.abc import Sequence

import numpy as np

from rmtlib._checks import positive, positive_array, unit_interval_array, vector
from rmtlib._types import ArrayLike
from rmtlib.features._gram import ROUNDING
from rmtlib.features._weighted_grams import WeightedGrams
from rmtlib.laws import Discrete, SpectralLaw


class DeepGram(WeightedGrams):
    r"""Spectrum of the features of white data after several nonlinear random layers.

    :math:`Y_\ell = f_\ell(W_\ell Y_{\ell-1} / \sqrt{N_{\ell-1}})`, :math:`Y_0 = X` of shape
    (p, n), W with independent entries of mean 0 and variance 1, every activation
    centered with :math:`\eta = 1`. The law of :math:`\frac1{N_\ell} Y_\ell^{\mathsf T} Y_\ell`
    (n by n) is

    .. math::

        \nu_0 = \mathrm{MP}_{n/p}, \qquad
        \nu_\ell = \mathrm{MP}_{n/N_\ell} \boxtimes (\zeta \nu_{\ell-1} + 1 - \zeta) ,

    of mean 1 and variance :math:`\zeta^2 \operatorname{var}_{\ell-1} + n / N_\ell`. At
    :math:`\zeta = 0` it is :math:`\mathrm{MP}_{n/N_\ell}` at every depth, at
    :math:`\zeta = 1` that of a product of L + 1 Wishart matrices; one layer is `NonlinearGram`
    with n and N, data and weights exchanged. One Newton iteration in the upper half plane solves
    the equations of all layers at once.

    Parameters
    ----------
    zeta : number in [0, 1], or one for each layer
        Squared mean slope of the activation; within 1e-12 of 0 or 1 it counts as equal.
    samples_per_dimension : positive number
        n / p.
    samples_per_feature : sequence of positive numbers
        n / N for each layer, first to last.

    Notes
    -----
    :cite:t:`FanWang20`. Bulk only: isolated eigenvalues grow with depth. Traces of smooth
    functions differ from their limit by O(1/n).

    Example
    -------
    Three square linear layers, a product of four Wishart matrices:

    >>> law = DeepGram(1.0, samples_per_dimension=1.0, samples_per_feature=[1.0, 1.0, 1.0])
    >>> bool(abs(law.support()[1] - 5**5 / 4**4) < 1e-9)
    True
    """

    def __init__(
        self, zeta: ArrayLike, *, samples_per_dimension: float, samples_per_feature: Sequence[float]
    ):
        first = positive("samples_per_dimension", samples_per_dimension, "n / p")
        why = "n / N for each layer"
        ratios = vector("samples_per_feature", samples_per_feature, why=why)
        ratios = positive_array("samples_per_feature", ratios, why).tolist()
        zetas = _each_layer("zeta", unit_interval_array("zeta", zeta), len(ratios))
        near = np.minimum(zetas, 1 - zetas) <= ROUNDING
        self.zeta = np.where(near, np.round(zetas), zetas).tolist()
        self.samples_per_dimension, self.samples_per_feature = first, ratios
        # Layers before one of slope 0, whose output is white, are forgotten.
        self._start = max((k for k, slope in enumerate(self.zeta, 1) if slope == 0), default=0)
        super().__init__(*self._layers(), [0.0] * (len(ratios) - self._start) + [1.0])

    def _layers(self) -> tuple[list[float], list[float]]:
        """Ratios and slopes of the layers that are not forgotten."""
        chain = [self.samples_per_dimension, *self.samples_per_feature]
        return chain[self._start :], self.zeta[self._start :]

    def tangent(self, squared_slope: ArrayLike) -> SpectralLaw:
        r"""Spectrum of the neural tangent kernel of the same network, at initialization.

        The kernel (n by n) of :math:`f = v^{\mathsf T} Y_L / \sqrt{N_L}`, v of variance 1, in all
        weights. Its law is that of

        .. math::

            \sum_{\ell=0}^{L-1} (r_\ell - q_\ell)\, I + \sum_{\ell=0}^L q_\ell K_\ell, \qquad
            q_\ell = \prod_{k>\ell} \zeta_k, \quad r_\ell = \prod_{k>\ell} a_k,

        with :math:`K_\ell = \frac1{N_\ell} Y_\ell^{\mathsf T} Y_\ell`, not free from each other,
        and :math:`a = \mathbb E f'(\xi)^2`. For one layer it is
        :math:`(1 + \mathrm{MP}_{n/N}) \boxtimes (\zeta\,\mathrm{MP}_{n/p} + 1 - \zeta) + a - 1`.

        Parameters
        ----------
        squared_slope : number >= 1, or one for each layer
            :math:`a`, at least the variance 1 of the activation; `GaussianMoments` calls it
            ``mean_squared_derivative``.

        Raises
        ------
        ~rmtlib.ConvergenceError
            If the ratios are so extreme that an edge of the support is not found.

        Notes
        -----
        :cite:t:`FanWang20`, second theorem; by an equation for every layer. Bulk only. Traces of
        smooth functions differ from their limit by O(1/n).

        Example
        -------
        One linear layer of n neurons on data of dimension n; its mean is 2:

        >>> law = DeepGram(1.0, samples_per_dimension=1.0, samples_per_feature=[1.0]).tangent(1.0)
        >>> bool(abs(law.mean() - 2) < 1e-12)
        True
        """
        slopes = positive_array("squared_slope", squared_slope, "mean of f'(xi)**2")
        slopes = _each_layer("squared_slope", slopes, len(self.zeta))
        if np.any(slopes < 1 - ROUNDING):
            raise ValueError(
                f"squared_slope must be at least 1, the variance of f, got {slopes.min():g}"
            )
        q, r = (np.append(np.cumprod(a[::-1])[::-1], 1.0) for a in (self.zeta, slopes))
        law = WeightedGrams(*self._layers(), q[self._start :].tolist())
        return law + Discrete([float(np.sum(r - q))])

    def var(self) -> float:
        """Variance, by the recursion over the layers."""
        variance = self.ratios[0]
        for ratio, slope in zip(self.ratios[1:], self.zetas, strict=True):
            variance = slope**2 * variance + ratio
        return variance


def _each_layer(name: str, values: np.ndarray, layers: int) -> np.ndarray:
    """One number for each layer."""
    if values.shape not in ((), (layers,)):
        raise ValueError(f"{name} must be of shape () or ({layers},), got shape {values.shape}")
    return np.broadcast_to(values, layers)
