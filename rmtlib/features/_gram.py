r"""Spectra of nonlinear Gram matrices: random features of white data.

Y = f(W X / sqrt(p)) with W of shape (N, p) and X of shape (p, n), independent
entries of mean 0 and variance 1: N features of n samples. The bulk depends on
the activation f through two numbers of a centered f,

.. math:: \eta = \mathbb E f(\xi)^2, \qquad
          \zeta = (\mathbb E f'(\xi))^2 = (\mathbb E\,\xi f(\xi))^2, \qquad
          \xi \sim \mathcal N(0, 1),

and the isolated eigenvalues on a third, :math:`\theta = \mathbb E\,\xi^2 f(\xi)`;
`rmtlib.activations.Activation.gram_parameters` gives all three.
"""

from functools import cached_property

import numpy as np
from scipy.optimize import brentq

from rmtlib import _checks
from rmtlib._types import ArrayLike
from rmtlib.covariance import Outlier
from rmtlib.laws import Discrete, MarchenkoPastur, SampleCovariance

ROUNDING = 1e-12


class NonlinearGram(SampleCovariance):
    r"""Spectrum of the Gram matrix of a nonlinear random layer on white data.

    Limit of the eigenvalues of :math:`\frac1n Y Y^{\mathsf T}` (N by N),
    :math:`Y = f(W X / \sqrt p)`, at :math:`N / n \to a`, :math:`N / p \to b`. It
    is that of the Gaussian equivalent
    :math:`\sqrt\zeta\, W X / \sqrt p + \sqrt{\eta - \zeta}\, Z`, Z white: a sample
    covariance with population law :math:`\zeta\,\mathrm{MP}_b + \eta - \zeta`. With
    :math:`Q = -1 - z m` and :math:`A = (1 + Q)(1 + a Q)`,

    .. math:: z^2 Q - z A\,(\eta + \zeta b Q) + \zeta (\eta - \zeta) b A^2 = 0 .

    At :math:`\zeta = 0` the law is ``MarchenkoPastur(a, eta)``, at
    :math:`\zeta = \eta` that of a product of two Wishart matrices. By symmetry, the law of
    :math:`\frac1N Y^{\mathsf T} Y` (n by n) has n / N for a and n / p for b.

    Parameters
    ----------
    eta : positive number
        Variance of the centered activation.
    zeta : number in [0, eta]
        Squared mean slope; equal to ``eta`` for a linear activation only.
    features_per_sample : positive number
        a = N / n.
    features_per_dimension : positive number
        b = N / p.

    Notes
    -----
    Law: :cite:t:`PenningtonWorah17`; any sub-Gaussian entries: :cite:t:`BenigniPeche21`.
    Traces of smooth functions of the eigenvalues differ from their limit by
    O(1/N). An activation of mean other than 0 has the same bulk (``eta`` its variance) and
    one eigenvalue of order N; see `outliers`. A ``zeta`` within 1e-12 eta of ``eta``
    counts as equal; below that, a small :math:`\eta - \zeta` leaves eigenvalues of its order.

    Example
    -------
    >>> law = NonlinearGram(1.0, 0.0, features_per_sample=0.25, features_per_dimension=2.0)
    >>> [round(edge, 12) for edge in law.support()]  # Marchenko-Pastur
    [0.25, 2.25]
    """

    def __init__(
        self, eta: float, zeta: float, *, features_per_sample: float, features_per_dimension: float
    ):
        eta = _checks.positive("eta", eta, "the variance of the activation")
        zeta = _checks.nonnegative("zeta", zeta, "the squared mean slope of the activation")
        if zeta > eta * (1 + ROUNDING):
            raise ValueError(
                f"zeta must be at most eta, got {zeta:g} > {eta:g} "
                "(equality for linear activations only)"
            )
        a = _checks.positive("features_per_sample", features_per_sample, "N / n")
        b = _checks.positive("features_per_dimension", features_per_dimension, "N / p")
        self.eta, self.zeta = eta, min(zeta, eta)
        self.features_per_sample, self.features_per_dimension = a, b
        self._delta = eta - self.zeta if eta - self.zeta > ROUNDING * eta else 0.0
        population = Discrete([self._delta])
        if self.zeta:
            population = MarchenkoPastur(b, self.zeta) + population
        super().__init__(a, population)

    def _Q(self, y: ArrayLike) -> np.ndarray | float:
        """Q at the squared strength y > zeta b."""
        return self._delta / y + self.zeta / (y - self.zeta * self.features_per_dimension)

    def _log_slope(self, t: ArrayLike) -> np.ndarray | float:
        """Derivative of log z(y) at y = zeta b + t."""
        y = self.zeta * self.features_per_dimension + t
        Q, slope = self._delta / y + self.zeta / t, self._delta / y**2 + self.zeta / t**2
        return 1 / y - slope / (1 + Q) - self.ratio * slope / (1 + self.ratio * Q)

    @cached_property
    def outlier_threshold(self) -> float:
        """Squared strength beyond which a low-rank perturbation of Y / sqrt(n) is seen."""
        t = self.eta * 4.0 ** np.arange(-60, 60)
        k = int(np.argmax(self._log_slope(t) > 0))
        root = brentq(self._log_slope, t[k - 1], t[k], xtol=1e-300, rtol=1e-15)
        return self.zeta * self.features_per_dimension + root

    def outlier_position(self, squared_strength: ArrayLike) -> np.ndarray | float:
        r"""Eigenvalue created by a low-rank perturbation of :math:`Y / \sqrt n`.

        For a perturbation with singular value s, independent of the rest, and
        :math:`y = s^2` past ``outlier_threshold``, the minimizer of z(y) on
        :math:`y > \zeta b`, an eigenvalue of :math:`\frac1n Y Y^{\mathsf T}` is at

        .. math::

            z(y) = y\,(1 + Q)(1 + a Q), \qquad
            Q(y) = \frac{\eta - \zeta}{y} + \frac{\zeta}{y - \zeta b} ;

        otherwise it sticks to the upper edge, which is the minimum of z.

        Parameters
        ----------
        squared_strength : array of nonnegative numbers
            y, any shape.

        Example
        -------
        >>> law = NonlinearGram(1.0, 0.0, features_per_sample=0.5, features_per_dimension=2.0)
        >>> round(law.outlier_position(2.0), 12)  # (y + 1)(y + a) / y
        3.75
        """
        y = _checks.nonnegative_array("squared_strength", squared_strength)
        return _checks.scalar_out(self._position(np.maximum(y, self.outlier_threshold)))

    def _position(self, y: np.ndarray) -> np.ndarray:
        Q = self._Q(y)
        return y * (1 + Q) * (1 + self.ratio * Q)

    def outliers(
        self,
        theta: float,
        weight_fourth_moment: float = 3.0,
        data_fourth_moment: float = 3.0,
        *,
        mean: float = 0.0,
        features: int | None = None,
    ) -> Outlier:
        r"""Eigenvalues outside the bulk: at most two.

        To the next order the activation sees the norms
        :math:`\alpha_i = \|w_i\|^2 / p - 1` and :math:`\beta_j = \|x_j\|^2 / p - 1`: with f its
        mean, Y contains :math:`f 1 1^{\mathsf T}
        + \frac\theta2 (\alpha 1^{\mathsf T} + 1 \beta^{\mathsf T})`, whose singular values
        divided by :math:`\sqrt n` are those of

        .. math::

            \begin{pmatrix} f \sqrt N & s_x \\ s_w & 0 \end{pmatrix}, \qquad
            s_w^2 = \tfrac14 \theta^2 b\,(\mathbb E W_{11}^4 - 1), \qquad
            s_x^2 = \tfrac14 \theta^2 b\,(\mathbb E X_{11}^4 - 1) .

        Each of them creates the eigenvalue `outlier_position` if its square y is past
        `outlier_threshold`. A centered activation has at most two; a mean of order 1 has one,
        near :math:`N f^2`, and hides the others.

        Parameters
        ----------
        theta : number
            Mean of :math:`\xi^2 f(\xi)`, f centered.
        weight_fourth_moment : number >= 1
            Fourth moment of an entry of W: 3 Gaussian, 1 for signs, 1 / (1 - sparsity) for sparse
            signs.
        data_fourth_moment : number >= 1
            Fourth moment of an entry of X.
        mean, features : number and integer >= 1
            Mean of the activation, 0 if it is centered; N, needed with a ``mean`` only.

        Returns
        -------
        Outlier
            Two entries each, strongest first. ``strength`` is the squared singular value,
            ``alignment`` :math:`(1 + Q)\,y\,z'(y) / z` is that of the eigenvector (the neurons)
            with the singular vector of the part of rank two, ``right_alignment``, with aQ for Q,
            that of the samples; with their span where both strengths are equal.

        Notes
        -----
        Positions: :cite:t:`BenigniPeche22`; the entries of W or of X must have third moment 0.
        Two outliers with the same limit split by :math:`O(N^{-1/2})`: compare their mean. The
        error of the mean is :math:`O(N^{-1/2})` too; that of the eigenvalue of order N is
        :math:`O(\sqrt N)`. The alignments are those of an independent part of rank two.

        Example
        -------
        Gaussian weights and data, f(x) = (x**2 - 1) / sqrt(2):

        >>> law = NonlinearGram(1.0, 0.0, features_per_sample=0.5, features_per_dimension=2.0)
        >>> law.outliers(theta=2**0.5).position.round(10)
        array([3.75, 3.75])
        """
        theta, mean = _checks.finite("theta", theta), _checks.finite("mean", mean)
        scale = 0.5 * abs(theta) * np.sqrt(self.features_per_dimension)
        weights = _checks.between("weight_fourth_moment", weight_fourth_moment, 1, 1e9)
        data = _checks.between("data_fourth_moment", data_fourth_moment, 1, 1e9)
        s_w, s_x = scale * np.sqrt(weights - 1), scale * np.sqrt(data - 1)
        if features is None and mean != 0:
            raise ValueError(
                "features must be an integer, got None (mean adds an eigenvalue of its order)"
            )
        top = mean * np.sqrt(_checks.count("features", features)) if features is not None else 0.0
        squares = np.linalg.svd(np.array([[top, s_x], [s_w, 0.0]]), compute_uv=False) ** 2
        threshold = self.outlier_threshold
        isolated, y = squares > threshold, np.maximum(squares, threshold)
        Q, turn = (
            self._Q(y),
            np.where(
                isolated, y * self._log_slope(y - self.zeta * self.features_per_dimension), 0.0
            ),
        )
        return Outlier(
            strength=squares,
            threshold=threshold,
            isolated=isolated,
            position=self._position(y),
            edge=float(self._position(threshold)),
            alignment=turn * (1 + Q),
            right_alignment=turn * (1 + self.ratio * Q),
        )
