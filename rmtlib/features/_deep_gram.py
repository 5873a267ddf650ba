"""Spectra of the features of white data after several nonlinear random layers."""

from collections.abc import Sequence

import numpy as np

from rmtlib._checks import positive, positive_array, unit_interval_array, vector
from rmtlib._types import ArrayLike
from rmtlib.features._gram import ROUNDING, NonlinearGram, without_rounding
from rmtlib.features._tangent import WeightedGrams
from rmtlib.laws import Discrete, MarchenkoPastur, SampleCovariance, SpectralLaw


class DeepGram(SampleCovariance):
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
    with n and N, data and weights exchanged. The point :math:`\omega` of every layer is an
    explicit function of the first one's: one Newton iteration in the upper half plane solves
    all layers at once.

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
        zetas = unit_interval_array("zeta", zeta)
        if zetas.shape not in ((), (len(ratios),)):
            raise ValueError(
                f"zeta must be of shape () or ({len(ratios)},), got shape {zetas.shape}"
            )
        near = np.minimum(zetas, 1 - zetas) <= ROUNDING
        zetas = np.broadcast_to(np.where(near, np.round(zetas), zetas), len(ratios)).tolist()
        self._name = (
            f"DeepGram({zetas}, samples_per_dimension={first:g}, samples_per_feature={ratios})"
        )
        self._network = first, ratios, zetas
        layers = list(zip(ratios, zetas, strict=True))
        forgotten = max((k for k, slope in enumerate(zetas) if slope == 0), default=-1)
        if forgotten >= 0:  # the output of such a layer is white
            first, layers = ratios[forgotten], layers[forgotten + 1 :]
        self._chain, self._shallow = [(first, 1.0), *layers], None
        if len(layers) <= 1:
            ratio, slope = layers[0] if layers else (first, 0.0)
            self._shallow = NonlinearGram(
                1.0, slope, features_per_sample=ratio, features_per_dimension=first
            )
            super().__init__(ratio, self._shallow.population)
            return
        before, (ratio, slope) = list(zip(*layers[:-1], strict=True)), layers[-1]
        inner = DeepGram(before[1], samples_per_dimension=first, samples_per_feature=before[0])
        super().__init__(ratio, Discrete([slope]) @ inner + Discrete([1 - slope]))

    def __repr__(self) -> str:
        return self._name

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
        first, ratios, zetas = self._network
        slopes = positive_array("squared_slope", squared_slope, "mean of f'(xi)**2")
        if slopes.shape not in ((), (len(ratios),)):
            raise ValueError(
                f"squared_slope must be of shape () or ({len(ratios)},), got shape {slopes.shape}"
            )
        if np.any(slopes < 1 - ROUNDING):
            raise ValueError(
                f"squared_slope must be at least 1, the variance of f, got {slopes.min():g}"
            )
        slopes = np.broadcast_to(slopes, len(ratios))
        q = np.append(np.cumprod(zetas[::-1])[::-1], 1.0)
        r = np.append(np.cumprod(slopes[::-1])[::-1], 1.0)
        chain = [first, *ratios]
        start = int(np.flatnonzero(q > 0)[0])  # layers before one of slope 0 are forgotten
        if start == len(ratios):
            law = MarchenkoPastur(chain[-1])
        else:
            law = WeightedGrams(chain[start:], zetas[start:], q[start:].tolist())
        return law + Discrete([float(np.sum(r - q))])

    def mean(self) -> float:
        """Mean: 1."""
        return 1.0

    def var(self) -> float:
        """Variance, by the recursion over the layers."""
        variance = self._chain[0][0]
        for ratio, slope in self._chain[1:]:
            variance = slope**2 * variance + ratio
        return variance

    def _climb(self, w: np.ndarray) -> tuple[np.ndarray, ...]:
        """From the innermost point w: (z, dz/dw, last omega, least sine of an angle on the way)."""
        c = self._chain[0][0]
        m = 1 / (1 - w - c)
        z, z_w, m_w = w * (1 - w) ** -1 / m, 1 - c / (1 - w) ** 2, m**2
        angle = w.imag / np.abs(w)
        for c, zeta in self._chain[1:]:
            angle = np.minimum(angle, z.imag / np.abs(z))
            omega, omega_w = zeta * z + 1 - zeta, zeta * z_w
            t = 1 + omega * m / zeta
            t_w = (omega_w * m + omega * m_w) / zeta
            z, z_w = omega * (1 - c * t), omega_w * (1 - c * t) - omega * c * t_w
            m_w = m_w / zeta / (1 - c * t) + m / zeta * c * t_w / (1 - c * t) ** 2
            m = m / zeta / (1 - c * t)
        return z, z_w, omega, angle

    def _subordinate(self, z: np.ndarray) -> np.ndarray:
        if self._shallow is not None:
            return self._shallow._subordinate(z)
        z = without_rounding(z)
        scale = np.prod([zeta for _, zeta in self._chain[1:]])
        distance = np.abs(z[:, None] - self._singular).min(axis=1)
        lowest = np.maximum(z.imag, 1e-4 * distance)
        height = np.full(z.shape, 10 * (np.abs(self._singular).max() + np.abs(z).max()))
        w = (z.real + 1j * height) / scale
        with np.errstate(all="ignore"):
            for _ in range(20):
                w = w + (z.real + 1j * height - self._climb(w)[0]) / scale
            while np.any(height > lowest):
                height = np.maximum(height / 2, lowest)
                w = self._newton(w, z.real + 1j * height, 4)
            # All points of the way above the axis: then it is the solution at every layer.
            upper = self._climb(w)[3] > 0
            w = self._newton(w, z, 6)
            value, _, omega, angle = self._climb(w)
            outside = (z.imag == 0) & ~self._in_band(z)
            solved = upper & (outside | (angle > 0)) & (np.abs(value - z) <= 1e-13 * np.abs(z))
        if not solved.all():
            omega[~solved] = super()._subordinate(z[~solved])
        omega[outside] = omega[outside].real
        return omega

    def _newton(self, w: np.ndarray, z: np.ndarray, steps: int) -> np.ndarray:
        for _ in range(steps):
            value, slope = self._climb(w)[:2]
            w = w - (value - z) / slope
        return w
