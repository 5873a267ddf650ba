r"""Kernels of deep equilibrium models, and explicit networks that have the same ones.

The model, with normal weights :math:`A\in\mathbb R^{m\times m},\ B\in\mathbb R^{m\times p}`
and :math:`\beta\in\mathbb R^m` of variance one,

.. math::

    z^*=\frac1{\sqrt m}\,g(\sigma_aAz^*+\sigma_bBx),\qquad f(x)=\beta^{\mathsf T}z^*,\qquad
    g=\phi-\mathbb E\phi(\tau_*\xi),\quad\xi\sim\mathcal N(0,1) .

``feedback`` is :math:`\sigma_a` and ``injection`` is :math:`\sigma_b`, both scales. Nothing
divides :math:`Bx`: the data carry their own scale, :math:`\|x_i\|=O(1)`, and
:math:`\tau_0^2` is the typical :math:`\|x_i\|^2`. The variance of the preactivations at
equilibrium is :math:`\tau_*^2`.

In large dimension an equilibrium is one more set of
`~rmtlib.kernels.KernelCoefficients`, and `~rmtlib.kernels.mixture_equivalent` takes them as they
are. An explicit network with the same coefficients has the same kernel.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from functools import cached_property

import numpy as np

from rmtlib import _checks
from rmtlib._checks import ConvergenceError
from rmtlib._types import ArrayLike
from rmtlib.activations import Activation, TwoSlopes, as_activation
from rmtlib.kernels._deep import VARIANCE, DeepKernels, KernelCoefficients, advance, refuse_jumps
from rmtlib.kernels._equilibrium_matching import feedback_limit, match_clip, match_two_slopes
from rmtlib.kernels._two_point import derivative_kernel

_FEEDBACK = "scale of the weights that feed the state back"
_INJECTION = "scale of the weights that inject the input"
_STEPS = 1000


@dataclass(frozen=True)
class Equilibrium:
    r"""An equilibrium model of infinite width: its scalars, kernels and explicit twin.

    Parameters
    ----------
    activation : Activation or str
        :math:`\phi`; it is centered here.
    feedback : nonnegative number
        :math:`\sigma_a`; 0 gives one explicit layer.
    injection : positive number
        :math:`\sigma_b`.
    input_variance : positive number
        :math:`\tau_0^2`.

    Notes
    -----
    Source: :cite:t:`Ling24`, with centered activations.

    Example
    -------
    >>> model = Equilibrium("linear", feedback=0.6)
    >>> round(model.variance, 12)  # 1 / (1 - 0.36)
    1.5625
    >>> model.kernels([[1.0, 0.5]]).conjugate
    array([[1.5625  , 0.78125 ],
           [0.78125 , 0.390625]])
    """

    activation: Activation | str
    _: KW_ONLY
    feedback: float
    injection: float = 1.0
    input_variance: float = 1.0

    def __post_init__(self):
        self.__dict__.update(
            activation=as_activation(self.activation),
            feedback=_checks.nonnegative("feedback", self.feedback, _FEEDBACK),
            injection=_checks.positive("injection", self.injection, _INJECTION),
            input_variance=_checks.positive("input_variance", self.input_variance, VARIANCE),
        )

    @cached_property
    def variance(self) -> float:
        r"""Variance of the preactivations at equilibrium, the smallest solution.

        .. math::

            \tau_*^2=\sigma_a^2\,\mathbb Eg^2(\tau_*\xi)+\sigma_b^2\tau_0^2,\qquad
            g=\phi-\mathbb E\phi(\tau_*\xi) .

        For a positively homogeneous activation it is
        :math:`\sigma_b^2\tau_0^2/(1-\sigma_a^2q)`, q of `~rmtlib.activations.GaussianMoments`.

        Raises
        ------
        ~rmtlib.ConvergenceError
            If there is no solution: the feedback amplifies variances without bound.
        """
        a2, source = self.feedback * self.feedback, self.injection**2 * self.input_variance

        def image(s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            m = self.activation.moments(s)
            return a2 * m.centered_second_moment + source, a2 * m.centered_second_moment_slope

        cause = (
            f"no equilibrium of {self.activation.name}: at feedback = {self.feedback:.15g} the "
            "variance of the preactivations grows without bound"
        )
        return float(_smallest_solution(image, np.array([source]), cause)[0])

    @cached_property
    def coefficients(self) -> KernelCoefficients:
        r"""The scalars that the kernels depend on in large dimension.

        With :math:`e_1=\mathbb Eg',\ e_2=\mathbb Eg'',\ q=\frac12\mathbb E[(g^2)''],\
        v_1=\mathbb E[g'^2]` at :math:`\tau_*\xi`, and
        :math:`\omega_i=\sigma_a^2\alpha_i+\sigma_b^2`,

        .. math::

            \begin{aligned}
            \alpha_1&=\frac{\sigma_b^2e_1^2}{1-\sigma_a^2e_1^2},
            &\alpha_4&=\frac{\sigma_b^2q}{1-\sigma_a^2q},
            &\alpha_2&=\frac{\frac14e_2^2\omega_4^2}{1-\sigma_a^2e_1^2},
            &\alpha_3&=\frac{\frac12e_2^2\omega_1^2}{1-\sigma_a^2e_1^2},\\
            \beta_1&=\frac{\alpha_1+\sigma_b^2e_1^2}{1-\sigma_a^2e_1^2},
            &\beta_2&=\frac{\alpha_2}{1-\sigma_a^2e_1^2},
            &\beta_3&=\frac{\alpha_3+e_2^2\omega_1(\sigma_a^2\beta_1+\sigma_b^2)}
            {1-\sigma_a^2e_1^2},
            &\kappa^2&=\frac{\gamma_*^2+v_1\sigma_b^2\tau_0^2}{1-\sigma_a^2v_1} .
            \end{aligned}

        ``variance`` is :math:`\gamma_*^2=\mathbb Eg^2`, ``tangent_variance`` is
        :math:`\kappa^2`; ``activation`` is g, with ``moments`` at :math:`\tau_*^2`.

        Raises
        ------
        ~rmtlib.ConvergenceError
            If there is no stable equilibrium: the spectral radius :math:`\sigma_a\sqrt{v_1}` of
            the iteration is 1 or more.
        """
        a2, b2 = self.feedback**2, self.injection**2
        g = self.activation.centered(self.variance)
        moments = g.moments(self.variance)
        e1, e2 = moments.mean_derivative, moments.mean_curvature
        s2, v1 = moments.centered_second_moment, moments.mean_squared_derivative
        q = moments.centered_second_moment_slope
        if a2 * v1 >= 1:
            raise ConvergenceError(
                f"no stable equilibrium of {self.activation.name}: spectral radius "
                f"sigma_a * sqrt(E[phi'^2]) = {np.sqrt(a2 * v1):.4g} >= 1"
            )
        rest = 1 - a2 * e1**2
        one, four = b2 * e1**2 / rest, b2 * q / (1 - a2 * q)
        w1, w4 = a2 * one + b2, a2 * four + b2
        two, three = e2**2 / 4 * w4**2 / rest, e2**2 / 2 * w1**2 / rest
        b_one = (one + b2 * e1**2) / rest
        b_three = (three + e2**2 * w1 * (a2 * b_one + b2)) / rest
        kappa2 = (s2 + v1 * b2 * self.input_variance) / (1 - a2 * v1)
        alpha, beta = (one, two, three, four, 0.0), (b_one, two / rest, b_three, np.nan, 0.0)
        return KernelCoefficients(s2, alpha, kappa2, beta, g, moments)

    def kernels(
        self, X: ArrayLike, *, tangent: bool = True, tol: float = 1e-12, max_sweeps: int = 500
    ) -> DeepKernels:
        r"""Conjugate and tangent kernel for given data.

        .. math::

            &G=\mathbb E[g(u)g(v)],\quad\dot G=\mathbb E[\phi'(u)\phi'(v)],\quad
            (u,v)\sim\mathcal N(0,\Lambda),\quad\Lambda=\sigma_a^2G+\sigma_b^2X^{\mathsf T}X, \\
            &H=\frac{G+\sigma_b^2\,\dot G\circ X^{\mathsf T}X}{1-\sigma_a^2\dot G}

        entry by entry; H is for gradients in A, B and :math:`\beta`. The diagonal is solved
        first, one number a sample; the other entries by the iteration
        :math:`G\leftarrow G+(\mathbb E[g(u)g(v)]-G)/(1-\sigma_a^2e_1^2)`, whose denominator is
        the slope at a pair of orthogonal samples.

        Parameters
        ----------
        X : array_like, shape (p, n)
            The data, :math:`\|x_i\|=O(1)`. For kernels between training and test data, put them
            side by side and cut the result.
        tangent : bool
            Whether to compute H too; :math:`\phi` must not jump.
        tol : positive number
            Largest correction of an entry at the end, relative to the largest entry.
        max_sweeps : integer >= 1
            Cap on the iterations.

        Raises
        ------
        ~rmtlib.ConvergenceError
            If there is no stable equilibrium, or the iteration meets its cap.

        Notes
        -----
        Source: :cite:t:`FengKolter20`, :cite:t:`Ling24`. Weights tied between iterations and
        independent ones have the same limit. Kernels of models of width m differ by
        :math:`O(m^{-1/2})`.
        """
        X = _checks.matrix("X", X, why="columns are samples").astype(float, copy=False)
        tol = _checks.positive("tol", tol)
        cap = _checks.count("max_sweeps", max_sweeps)
        if tangent:
            refuse_jumps("activation", self.activation)
        layer, a2, b2 = self.coefficients, self.feedback**2, self.injection**2
        g, rest = layer.activation, 1 - a2 * layer.moments.mean_derivative**2
        gram = b2 * (X.T @ X)
        diagonal = _diagonal(g, np.diag(gram), a2)
        spread = np.sqrt(a2 * diagonal + np.diag(gram))
        roof = np.outer(spread, spread)
        # the first guess: off the diagonal, the linear part of the fixed point
        G = layer.alpha[0] / b2 * gram
        np.fill_diagonal(G, diagonal)
        for _ in range(cap):
            step = np.clip(a2 * G + gram, -roof, roof)
            advance(g, step, None)
            step = (step - G) / rest
            np.fill_diagonal(step, 0.0)
            residual = float(np.max(np.abs(step)))
            G += step
            if residual <= tol * layer.variance:
                break
        else:
            raise ConvergenceError(
                f"the kernel did not converge: corrections of {residual:.2g} after {cap} "
                f"sweeps at feedback = {self.feedback:g}; raise max_sweeps"
            )
        if not tangent:
            return DeepKernels(G, None)
        slopes = derivative_kernel(g, np.clip(a2 * G + gram, -roof, roof))
        if a2 * slopes.max() >= 1:
            raise ConvergenceError(
                "no stable equilibrium for a sample: spectral radius sigma_a * sqrt(E[phi'^2]) = "
                f"{np.sqrt(a2 * slopes.max()):.4g} >= 1"
            )
        H = (G + slopes * gram) / (1 - a2 * slopes)
        return DeepKernels(G, H)

    def matched_network(self, depth: int | None = None) -> tuple[Activation, ...]:
        r"""Activations of an explicit network with the same conjugate kernel.

        One clipped line (`match_clip`) for an odd activation, leaky ReLUs (`match_two_slopes`)
        for a positively homogeneous one, up to `feedback_limit`.

        Parameters
        ----------
        depth : integer >= 1, optional
            Number of layers; the smallest possible by default.

        Returns
        -------
        tuple of Activation
            For ``deep_kernels(activations, X)`` with the same ``input_variance``.

        Example
        -------
        >>> [len(Equilibrium("ReLU", feedback=a).matched_network()) for a in (0.4, 1.0, 1.2)]
        [2, 3, 7]
        >>> Equilibrium("tanh", feedback=0.4).matched_network()[0].name
        'clip'
        """
        name, layer = self.activation.name, self.coefficients
        if not isinstance(self.activation, TwoSlopes):
            if depth not in (None, 1):
                raise ValueError(f"depth must be 1 for {name}, got {depth} (one clipped line)")
            return (match_clip(layer, input_variance=self.input_variance),)
        if depth is None:
            limit = feedback_limit(self.activation)
            if self.feedback >= limit:
                raise ValueError(
                    f"feedback must be below {limit:.6g} for {name}, got {self.feedback:g} "
                    "(no leaky-ReLU network without injected input has this kernel)"
                )
            depth = 1 if self.feedback == 0 else 2
            while depth > 1 and self.feedback > feedback_limit(self.activation, depth):
                depth += 1
        return match_two_slopes(layer, depth=depth, input_variance=self.input_variance)


def _diagonal(g: Activation, source: np.ndarray, a2: float) -> np.ndarray:
    """E g^2 for every sample, from the variance ``source`` that its input injects."""

    def image(s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        m = g.moments(s)
        value = a2 * (m.second_moment) + source
        return value, a2 * (m.centered_second_moment_slope + m.mean * m.mean_curvature)

    cause = (
        "no equilibrium for some sample: the variance of its preactivations does not settle "
        "(its norm may be too far from the typical one)"
    )
    return g.moments(_smallest_solution(image, source, cause)).second_moment


def _smallest_solution(image: Callable, source: np.ndarray, cause: str) -> np.ndarray:
    """Smallest s with s = image(s), elementwise; ``image`` returns values and derivatives.

    From ``source`` by Newton steps, none longer than a quarter of s unless the plain
    iteration's step is, and by those of the plain iteration where its derivative exceeds one.
    """
    eps, tiny = np.finfo(float).eps, np.finfo(float).tiny
    s, limit = np.maximum(source, tiny), 1e60 * max(1.0, np.max(source))
    for _ in range(_STEPS):
        value, slope = image(s)
        step = value - s
        newton = step / np.where(slope < 1, 1 - slope, 1.0)
        bound = np.maximum(np.abs(step), s / 4)
        moved = np.maximum(s + np.clip(newton, -bound, bound), tiny)
        if not np.all(moved <= limit):
            break
        if np.all((np.abs(newton) <= 1e-9 * s + 2 * tiny) | (np.abs(step) <= 4 * eps * s)):
            return moved
        s = moved
    raise ConvergenceError(cause)
