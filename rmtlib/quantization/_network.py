r"""Piecewise-constant activations that give a deep network the kernel of another one.

In large dimension the conjugate kernel of a wide random network depends on its activations
through few Gaussian moments (`rmtlib.kernels.kernel_coefficients`). A network whose
activations have few levels, and the same moments at *its own* variances, has the same
kernel, up to a multiple of the identity, which the ridge of a readout absorbs.
`rmtlib.networks.compress` builds such networks; here are their activations.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rmtlib import _checks
from rmtlib._checks import ConvergenceError
from rmtlib.activations import Activation, Steps
from rmtlib.kernels import KernelCoefficients, kernel_coefficients
from rmtlib.quantization._activation import KINDS, curved, match_moments


@dataclass(frozen=True, eq=False)
class NetworkMatch:
    r"""Activations matched to those of a network, and what the match costs.

    Parameters
    ----------
    activations : tuple of Activation
        Of the compressed network, centered at its own variances: `rmtlib.activations.Steps`,
        unless the activations were kept.
    dense, compressed : tuple of KernelCoefficients
        Coefficients of both, index 0 for the data.
    """

    activations: tuple[Activation, ...]
    dense: tuple[KernelCoefficients, ...]
    compressed: tuple[KernelCoefficients, ...]

    @property
    def ridge_shift(self) -> float:
        r"""The shift :math:`\delta=(\tau^c_L)^2-\tau_L^2`.

        The compressed kernel is the dense one plus :math:`\delta I`, so that the ridge
        :math:`\lambda-\delta` gives the same predictor.
        """
        return self.compressed[-1].variance - self.dense[-1].variance

    @property
    def residuals(self) -> tuple[float, float, float]:
        r"""Compressed minus dense :math:`\alpha_{L,1},\alpha_{L,2},\alpha_{L,3}`."""
        pairs = zip(self.compressed[-1].alpha[:3], self.dense[-1].alpha[:3], strict=True)
        return tuple(float(c - d) for c, d in pairs)

    @property
    def activation_bits(self) -> int:
        """Bits of one activation, 1 for two levels, 2 for three, 32 where one is no step."""
        return max(
            int(np.ceil(np.log2(np.unique(f.levels).size))) if isinstance(f, Steps) else 32
            for f in self.activations
        )


def match_network(
    activations: Sequence[Activation | str], input_variance: float, *, kind: str = "three-level"
) -> NetworkMatch:
    r"""Piecewise-constant activations with the kernel of a deep network.

    Layer by layer, an activation with the same :math:`e_1^2,e_2^2` and q (moments of
    `rmtlib.activations.GaussianMoments`) at the compressed network's own variance
    :math:`(\tau^c_{\ell-1})^2` as the original has at :math:`\tau_{\ell-1}^2`. Then all
    coefficients :math:`\alpha_{L,1},\alpha_{L,2},\alpha_{L,3}` agree, and

    .. math:: \tilde K^c_L=\tilde K_L+\delta I_n,\qquad\delta=(\tau_L^c)^2-\tau_L^2 .

    Parameters
    ----------
    activations : sequence of Activation or str
        :math:`\sigma_1,\dots,\sigma_L`; centered or not, the result is the same.
    input_variance : positive number
        :math:`\tau_0^2`, a variance: typical squared norm of a sample.
    kind : str
        As in `match_activation`: ``"two-level"``, one bit, or an odd three-level function where
        :math:`e_2=0`; ``"three-level"``, two bits, of the least variance; ``"ternary"``;
        ``"weights-only"``. The last three have q only where a later layer has
        :math:`e_2\ne0`, since it does not matter elsewhere; a ternary function cannot have
        it unless it is odd.

    Returns
    -------
    NetworkMatch

    Raises
    ------
    ValueError
        Also if no activation of this kind has the moments.
    ~rmtlib.ConvergenceError
        If a match misses its coefficients by more than 1e-7 of the largest.

    Notes
    -----
    Source: :cite:t:`Gu22`, :cite:t:`LiaoTalk24`; there the equations are minimized from
    random starts and the scale :math:`\tau_L` is asked for in the last layer, which
    `scale_match` shows to be impossible for ReLU. Here each layer is one bracketed
    unknown, which takes less than a millisecond for two levels, and the scale goes into the
    ridge. Kernels of the two networks,
    :math:`\delta I` set aside, differ by :math:`O(p^{-1/2})` in operator norm.

    Example
    -------
    >>> from rmtlib.activations import SIN
    >>> match = match_network([SIN] * 3, 1.0)
    >>> round(match.ridge_shift, 10), max(map(abs, match.residuals)) < 1e-9
    (0.1168603244, True)
    """
    kind = _checks.one_of("kind", kind, KINDS)
    dense = kernel_coefficients(activations, input_variance)
    layers, matched = [dense[0]], []
    bends = [curved(layer.moments, before.variance) for before, layer in pairwise(dense)]
    for depth, target in enumerate(dense[1:], start=1):
        found = target.activation
        if kind != "weights-only":
            later = any(bends[depth:])
            own = layers[-1].variance
            found = match_moments(target.moments, own, kind, found.name, slope=later).activation
        layers.append(layers[-1].then(found))
        matched.append(layers[-1].activation)
    match = NetworkMatch(tuple(matched), dense, tuple(layers))
    size = max(abs(a) for a in dense[-1].alpha[:3])
    if not max(map(abs, match.residuals)) <= 1e-7 * size:
        raise ConvergenceError(f"match_network: kernel coefficients differ by {match.residuals}")
    return match
