r"""Hessians of torch models: products, the split in two parts, exact matrices of small nets.

For a loss :math:`L(\theta) = \ell(f(\theta))`, f the outputs on a fixed batch,

.. math::

    \nabla^2 L = \underbrace{J^{\mathsf T}\, \nabla^2\ell\, J}_{H_0}
        + \underbrace{\sum_k \frac{\partial\ell}{\partial f_k} \nabla^2 f_k}_{H_1},
    \qquad J = \frac{\partial f}{\partial\theta} ;

H0 (Gauss-Newton) is positive semidefinite when the loss is convex in the outputs,
H1 carries the residuals. All three are SciPy ``LinearOperator``, so that
``scipy.sparse.linalg.eigsh``, ``cg`` and `rmtlib.curvature.lanczos` apply to them.
"""

from collections.abc import Callable

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from rmtlib import _checks
from rmtlib._torch_batch import LOSSES, array_of, fitting, refuse_random_layers, rows_of, targets_of
from rmtlib._types import ArrayLike

_DENSE_LIMIT = 6000
_CHUNK = 64


class Curvature:
    r"""Second derivatives of the loss of a torch model at its present parameters.

    The loss is :math:`\frac1{2n}\sum_i \|f(x_i) - y_i\|^2` for ``"squared"`` and
    :math:`-\frac1n\sum_i \log\mathrm{softmax}(f(x_i))_{y_i}` for ``"cross-entropy"``.
    Products with the Hessian are gradients of :math:`\langle\nabla L, v\rangle` (double
    backward). Products with H0 take :math:`Jv`, which is the gradient of
    :math:`\langle J^{\mathsf T} u, v\rangle` in u, then the Hessian of the loss in the outputs,
    then a backward pass; J is never stored. Parameters are those that require
    a gradient, in the order of ``named_parameters``, each flattened; they are copied, so
    that the operators keep to this point when training goes on. At a kink (ReLU at 0)
    torch's derivative is taken. Products of several vectors are batched where torch can.

    Parameters
    ----------
    network : torch module
        Any architecture that torch can differentiate twice; without dropout and batch
        normalization in training mode, which would make products of different functions.
    X : array_like, shape (p, n), or torch tensor
        Data. An array has samples in columns and is passed transposed, as in
        `rmtlib.networks`; a tensor is passed as it is, samples first.
    y : array_like or torch tensor
        Real targets, shape (n,) or (outputs, n), or n class labels 0, 1, ... for
        cross-entropy; a tensor is taken as it is, samples first.
    loss : str or callable
        "squared", "cross-entropy", or a function of (outputs, targets) that returns a scalar.

    Notes
    -----
    The split: :cite:t:`PenningtonBahri17`; products: :cite:t:`Pearlmutter94` and
    :cite:t:`Schraudolph02`. Exact up to rounding: use float64 to count small eigenvalues.

    Example
    -------
    >>> line = torch.nn.Linear(2, 1, bias=False, dtype=torch.float64)
    >>> X = np.array([[1.0, 0.0, 1.0], [0.0, 2.0, 2.0]])
    >>> H0, H1 = Curvature(line, X, [1.0, 1.0, 1.0]).dense()
    >>> bool(np.allclose(H0, X @ X.T / 3)), bool(np.allclose(H1, 0))
    (True, True)
    """

    def __init__(
        self,
        network: torch.nn.Module,
        X: ArrayLike | torch.Tensor,
        y: ArrayLike | torch.Tensor,
        loss: str | Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = "squared",
    ):
        live = {k: p for k, p in network.named_parameters() if p.requires_grad}
        if not live:
            raise ValueError("network must have parameters that require a gradient, got none")
        refuse_random_layers(network)
        if not callable(loss):
            _checks.one_of("loss", loss, tuple(LOSSES), "or a function of outputs and targets")
        leaves = {k: p.detach().clone().requires_grad_() for k, p in live.items()}
        self._leaves = list(leaves.values())
        rows = _rows(X, self._leaves[0])
        with sdpa_kernel(SDPBackend.MATH):  # the fused kernels have no second derivative
            self._out = functional_call(network, leaves, (rows,))
        out = self._out.detach()
        if isinstance(y, torch.Tensor):
            target = fitting("y", y.to(out.device), out, loss)
        else:
            target = targets_of("y", y, out, loss)
        function = loss if callable(loss) else LOSSES[loss]
        value = function(self._out, target)
        if value.ndim or not torch.isfinite(value):
            raise ValueError(f"loss must be a finite scalar, got {value.detach()}")
        self._slope = self._pull_back(value, None)
        self._u = torch.zeros_like(self._out, requires_grad=True)
        self._pulled = self._pull_back(self._out, self._u)
        self._free = self._out.detach().requires_grad_()
        at_outputs = function(self._free, target)
        self._errors = torch.autograd.grad(at_outputs, self._free, create_graph=True)[0]

        #: Number of parameters.
        self.size = self._slope.numel()
        #: Value of the loss.
        self.loss = value.item()
        #: Gradient of the loss, shape (size,).
        self.gradient = array_of(self._slope).copy()
        #: Hessian of the loss.
        self.hessian = self._operator(self._hessian_product)
        #: Gauss-Newton part H0.
        self.gauss_newton = self._operator(self._gauss_newton_product)
        #: Residual part, H1 = H - H0.
        self.residual = self.hessian - self.gauss_newton
        self._refuse_asymmetry()

    def __repr__(self) -> str:
        return f"Curvature({self.size} parameters, loss {self.loss:.6g})"

    def dense(self) -> tuple[np.ndarray, np.ndarray]:
        """Both parts as matrices: H0 and H1, shape (size, size) each.

        Raises
        ------
        ValueError
            If there are more than 6000 parameters.
        """
        if self.size > _DENSE_LIMIT:
            raise ValueError(
                f"dense matrices are for at most {_DENSE_LIMIT} parameters, got {self.size} "
                "(use the operators and rmtlib.curvature.lanczos)"
            )
        identity = np.eye(self.size, dtype=self.gradient.dtype)
        H, H0 = self.hessian @ identity, self.gauss_newton @ identity
        H, H0 = (H + H.T) / 2, (H0 + H0.T) / 2
        return H0, H - H0

    def _refuse_asymmetry(self) -> None:
        """Some layers of torch have wrong second derivatives; two directions show it."""
        source = torch.Generator().manual_seed(0)
        V = torch.randn(2, self.size, generator=source, dtype=torch.float64).to(self._slope)
        HV = self._hessian_product(V)
        gap = float((HV[0] @ V[1] - HV[1] @ V[0]).abs() / (HV.norm() * V.norm()).clamp(min=1e-300))
        if gap > torch.finfo(HV.dtype).eps ** 0.5:
            raise ValueError(
                f"network must have a symmetric Hessian, got |u'Hv - v'Hu| = {gap:.2g} |Hv| |u| "
                "(torch's second derivative of one of its layers is wrong, weight_norm for one)"
            )

    def _operator(self, product: Callable[[torch.Tensor], torch.Tensor]) -> LinearOperator:
        def matmat(V: np.ndarray) -> np.ndarray:
            columns = torch.as_tensor(np.ascontiguousarray(V.T)).to(self._slope)
            done = [product(some) for some in columns.split(_CHUNK)]
            return array_of(torch.cat(done)).T

        def matvec(v: np.ndarray) -> np.ndarray:
            return matmat(np.reshape(v, (-1, 1)))[:, 0]

        return LinearOperator(
            (self.size, self.size),
            matvec=matvec,
            rmatvec=matvec,
            matmat=matmat,
            rmatmat=matmat,
            dtype=self.gradient.dtype,
        )

    def _pull_back(self, outputs: torch.Tensor, u: torch.Tensor | None) -> torch.Tensor:
        slopes = torch.autograd.grad(
            outputs, self._leaves, u, create_graph=True, materialize_grads=True
        )
        return torch.cat([g.reshape(-1) for g in slopes])

    def _hessian_product(self, V: torch.Tensor) -> torch.Tensor:
        return _products(self._slope, self._leaves, V)

    def _gauss_newton_product(self, V: torch.Tensor) -> torch.Tensor:
        JV = _products(self._pulled, [self._u], V).reshape(-1, *self._out.shape)
        curved = _products(self._errors, [self._free], JV).reshape(JV.shape)
        return _products(self._out, self._leaves, curved)


def _products(
    of: torch.Tensor, leaves: list[torch.Tensor], directions: torch.Tensor
) -> torch.Tensor:
    """Gradients in the leaves of <of, v>, one row a direction v."""
    if not of.requires_grad:
        return torch.zeros(len(directions), sum(p.numel() for p in leaves)).to(of)

    def pulled(v: torch.Tensor, batched: bool) -> torch.Tensor:
        slopes = torch.autograd.grad(
            of, leaves, v, retain_graph=True, materialize_grads=True, is_grads_batched=batched
        )
        return torch.cat([g.reshape(len(v) if batched else 1, -1) for g in slopes], dim=1)

    try:
        return pulled(directions, True)
    except RuntimeError:  # a layer that torch can't batch: one direction at a time
        return torch.cat([pulled(v, False) for v in directions])


def _rows(X: ArrayLike | torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    if not isinstance(X, torch.Tensor):
        return rows_of("X", X, like)
    if X.ndim == 0 or X.numel() == 0 or (X.is_floating_point() and not X.isfinite().all()):
        raise ValueError(f"X must be finite and nonempty, got shape {tuple(X.shape)}")
    return X.to(like) if X.is_floating_point() else X.to(like.device)
