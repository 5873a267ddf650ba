r"""Deep equilibrium models in torch: a layer defined by an equation.

.. math::

    z^*=\frac1{\sqrt m}\,g(\sigma_aAz^*+\sigma_bBx),\qquad f(x)=\beta^{\mathsf T}z^*,\qquad
    g=\phi-\mathbb E\phi(\tau_*\xi),\quad\xi\sim\mathcal N(0,1),

with standard normal entries in A, B and :math:`\beta` at the start. The backward pass solves a
second, linear equation at the solution instead of going back through the iterations, so that
memory does not depend on their number.

Tensors hold samples in rows, shape (n, width), as everywhere in torch. The kernels of the
model for m large are `rmtlib.kernels.Equilibrium.kernels`.
"""

from collections.abc import Callable

import torch

from rmtlib import _checks
from rmtlib._torch_batch import array_of, rows_of
from rmtlib._types import ArrayLike, Seed
from rmtlib.activations import Activation, as_activation
from rmtlib.kernels import DeepKernels, Equilibrium
from rmtlib.networks._activations import torch_activation
from rmtlib.networks._fixed_point import METHODS, FixedPoint, solve_fixed_point


class _Equilibrium(torch.autograd.Function):
    """The solution as a function of A and of the injected input, with implicit gradients."""

    @staticmethod
    def forward(ctx, A, injected, model):
        def preactivation(z):
            return model.feedback * z @ A.T + injected

        model.solution = model._solve(
            lambda z: model.g(preactivation(z)) / model.m**0.5,
            torch.zeros_like(injected),
            lambda z: model.slopes(preactivation(torch.nan_to_num(z))),
        )
        z = model.solution.value.detach()  # autograd marks what is returned, not what is kept
        ctx.model = model
        ctx.save_for_backward(A, z, injected)
        return z

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        A, z, injected = ctx.saved_tensors
        model = ctx.model
        a = model.feedback
        slopes = model.slopes(a * z @ A.T + injected)
        D = slopes / model.m**0.5
        model.adjoint = model._solve(
            lambda v: gradient + a * (D * v) @ A, gradient, lambda v: slopes
        )
        Dv = D * model.adjoint.value
        return a * Dv.T @ z, Dv, None


class DeepEquilibrium(torch.nn.Module):
    r"""A deep equilibrium model with one implicit layer and a linear readout.

    :math:`z^*=\frac1{\sqrt m}g(\sigma_aAz^*+\sigma_bBx)` and :math:`f(x)=\beta z^*`, with A of
    shape (m, m), B of shape (m, p) and :math:`\beta` of shape (outputs, m), all three trained.
    In the backward pass, with :math:`u=\sigma_aAz^*+\sigma_bBx`,
    :math:`D=\mathrm{diag}(\phi'(u))/\sqrt m` and :math:`\partial` the gradient of the loss in
    :math:`z^*`,

    .. math::

        v=\partial+\sigma_aA^{\mathsf T}Dv,\qquad
        \nabla_A=\sigma_a\sum_iD_iv_i\,z_i^{*\mathsf T},\qquad
        \nabla_B=\sigma_b\sum_iD_iv_i\,x_i^{\mathsf T} .

    Nothing divides Bx by :math:`\sqrt p`: the data carry their own scale. ``solution`` and
    ``adjoint`` hold the `FixedPoint` of the last forward and backward pass.

    Parameters
    ----------
    activation : Activation or name
        :math:`\phi`.
    p, m, outputs : integers >= 1
        Dimension of the data, width, number of outputs.
    feedback : nonnegative number
        :math:`\sigma_a`.
    injection : positive number
        :math:`\sigma_b`.
    input_variance : positive number
        :math:`\tau_0^2`, the typical :math:`\|x\|^2`, which decides the centering constant.
    centered : bool
        Whether to subtract the constant.
    method : str
        "picard" or "anderson", of both passes.
    tol : positive number, optional
        As in `solve_fixed_point`. It bounds the error of the gradient too, up to the factor
        1 / (1 - rate).
    max_iterations : integer >= 1
        Cap, of both passes.
    rng : None, int or numpy.random.Generator
        Randomness of the weights.
    dtype : torch dtype
        float64 or float32.

    Raises
    ------
    ~rmtlib.ConvergenceError
        In the constructor if the variance of the preactivations has no equilibrium; in the
        forward and backward passes if the iteration does not converge, naming the estimate
        :math:`\sigma_a\sqrt{\mathbb E\phi'^2}` of its spectral radius, from the slopes.

    Notes
    -----
    Source: :cite:t:`BaiKolterKoltun19`; centered and in this normalization
    :cite:t:`Ling24`. The solution is unique if :math:`\sigma_a\|A\|L/\sqrt m<1`, L the
    Lipschitz constant of the activation and :math:`\|A\|\approx2\sqrt m`; the iteration
    converges from nearby if :math:`\sigma_a^2\,\mathbb E\phi'^2<1`.

    Example
    -------
    >>> model = DeepEquilibrium("tanh", p=3, m=50, outputs=1, feedback=0.4, rng=0)
    >>> x = torch.ones(2, 3, dtype=torch.float64) / 3**0.5
    >>> z = model.features(x)
    >>> bool(torch.allclose(z, model.update(z, x)))
    True
    """

    def __init__(
        self,
        activation: Activation | str,
        *,
        p: int,
        m: int,
        outputs: int,
        feedback: float,
        injection: float = 1.0,
        input_variance: float = 1.0,
        centered: bool = True,
        method: str = "picard",
        tol: float | None = None,
        max_iterations: int = 1000,
        rng: Seed = None,
        dtype: torch.dtype = torch.float64,
    ):
        super().__init__()
        self.p, self.m = _checks.count("p", p), _checks.count("m", m)
        outputs = _checks.count("outputs", outputs)
        activation = as_activation(activation)
        self.feedback = _checks.nonnegative("feedback", feedback, "scale of the feedback weights")
        self.injection = _checks.positive("injection", injection, "scale of the input weights")
        variance = Equilibrium(
            activation, feedback=feedback, injection=injection, input_variance=input_variance
        ).variance
        self.activation = activation.centered(variance) if centered else activation
        self.g = torch_activation(self.activation)
        self.method = _checks.one_of("method", method, METHODS)
        self.tol = None if tol is None else _checks.positive("tol", tol)
        self.max_iterations = _checks.count("max_iterations", max_iterations)
        source = torch.Generator().manual_seed(int(_checks.as_rng(rng).integers(2**62)))
        shapes = {"A": (self.m, self.m), "B": (self.m, self.p), "beta": (outputs, self.m)}
        for name, shape in shapes.items():
            entries = torch.empty(shape, dtype=dtype).normal_(generator=source)
            setattr(self, name, torch.nn.Parameter(entries))
        self.solution: FixedPoint | None = None
        self.adjoint: FixedPoint | None = None

    def slopes(self, u: torch.Tensor) -> torch.Tensor:
        """Derivatives of the activation at u, of the same shape."""
        with torch.enable_grad():
            u = u.detach().requires_grad_()
            return torch.autograd.grad(self.g(u).sum(), u)[0]

    def update(self, z: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """One iteration, from z of shape (n, m), at inputs of shape (n, p)."""
        u = self.feedback * z @ self.A.T + self.injection * rows @ self.B.T
        return self.g(u) / self.m**0.5

    def _solve(self, function: Callable, start: torch.Tensor, slopes: Callable) -> FixedPoint:
        """`solve_fixed_point` with the settings of the model; ``slopes`` are for its message."""
        return solve_fixed_point(
            function,
            start,
            method=self.method,
            tol=self.tol,
            max_iterations=self.max_iterations,
            cause=lambda z: self._cause(slopes(z)),
        )

    def features(self, rows: torch.Tensor) -> torch.Tensor:
        """The equilibria, shape (n, m), from rows of shape (n, p)."""
        return _Equilibrium.apply(self.A, self.injection * rows @ self.B.T, self)

    def unrolled(self, rows: torch.Tensor, depth: int) -> torch.Tensor:
        """The state after ``depth`` iterations from zero, with ordinary gradients."""
        z = rows.new_zeros(len(rows), self.m)
        injected = self.injection * rows @ self.B.T
        for _ in range(_checks.count("depth", depth)):
            z = self.g(self.feedback * z @ self.A.T + injected) / self.m**0.5
        return z

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Outputs, shape (n, outputs), from rows of shape (n, p)."""
        return self.features(rows) @ self.beta.T

    def spectral_radius(self, rows: torch.Tensor) -> float:
        r"""Estimate :math:`\sigma_a\sqrt{\mathbb E\phi'^2}`, from the slopes at equilibrium."""
        with torch.no_grad():
            z = self.features(rows)
            u = self.feedback * z @ self.A.T + self.injection * rows @ self.B.T
        return self._radius(self.slopes(u))

    def kernels(self, X: ArrayLike) -> DeepKernels:
        r"""Conjugate and tangent kernel of this model, of one output and finite width.

        .. math::

            \hat G_{ij}=z_i^{*\mathsf T}z_j^*,\qquad
            \hat H_{ij}=\hat G_{ij}+q_i^{\mathsf T}q_j
            (\sigma_a^2\hat G_{ij}+\sigma_b^2x_i^{\mathsf T}x_j),\qquad q_i=D_iv_i .

        Parameters
        ----------
        X : array_like, shape (p, n)
            Data, columns are samples.

        Returns
        -------
        DeepKernels
        """
        if len(self.beta) != 1:
            raise ValueError(f"model must have one output, got {len(self.beta)}")
        rows = rows_of("X", X, self.A, self.p)
        injected = (self.injection * rows @ self.B.T).detach().requires_grad_()
        z = _Equilibrium.apply(self.A.detach(), injected, self)
        (q,) = torch.autograd.grad((z @ self.beta.detach().T).sum(), injected)
        G = z @ z.T
        H = G + (q @ q.T) * (self.feedback**2 * G + self.injection**2 * rows @ rows.T)
        return DeepKernels(array_of(G), array_of(H))

    def _radius(self, slopes: torch.Tensor) -> float:
        return self.feedback * float(slopes.pow(2).mean()) ** 0.5

    def _cause(self, slopes: torch.Tensor) -> str:
        """Why an iteration failed."""
        radius = self._radius(slopes)
        formula = f"spectral radius sigma_a * sqrt(E[phi'^2]) = {radius:.4g}"
        if radius >= 1:
            return f"no stable equilibrium, {formula} >= 1"
        growth = self._growth(slopes)
        if growth >= 1:
            return (
                f"no stable equilibrium, the iteration grows by {growth:.4g} a step ({formula} "
                "if A had independent entries)"
            )
        return f"{formula} < 1, raise max_iterations or tol"

    def _growth(self, slopes: torch.Tensor) -> float:
        """Factor a step of the linearized iteration, largest over samples, in 50 steps."""
        v, size = torch.ones_like(slopes), 0.0
        for _ in range(50):
            v = self.feedback * slopes * (v @ self.A.T) / self.m**0.5
            length = v.norm(dim=1, keepdim=True).clamp(min=torch.finfo(v.dtype).tiny)
            v, size = v / length, size + length.log()
        return float(torch.exp(size.max() / 50))
