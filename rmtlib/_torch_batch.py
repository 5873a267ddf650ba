"""Batches for torch models: data and targets as tensors, losses, results as arrays."""

import numpy as np
import torch

from rmtlib import _checks
from rmtlib._types import ArrayLike


def _squared(out: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return ((out - target) ** 2).sum() / (2 * len(out))


LOSSES = {"squared": _squared, "cross-entropy": torch.nn.functional.cross_entropy}


def rows_of(name: str, X: ArrayLike, like: torch.Tensor, p: int | None = None) -> torch.Tensor:
    """The columns of X, shape (p, n), as rows on the device and in the dtype of ``like``."""
    X = _checks.matrix(name, X, shape=(p, None), why="columns are samples")
    return torch.as_tensor(X.T.copy()).to(like)


def targets_of(name: str, y: ArrayLike | None, out: torch.Tensor, loss: object) -> torch.Tensor:
    """Targets beside the outputs: numbers of shape (n,) or (outputs, n), or n class labels."""
    if y is None:
        raise ValueError(f"{name} must come with the data it belongs to, got None")
    n = len(out)
    if loss == "cross-entropy":
        labels = _checks.labels(name, y, length=n, why="classes 0, 1, ...")
        target = torch.as_tensor(labels, dtype=torch.int64, device=out.device)
    else:
        values = _checks.real_array(name, y)
        if values.ndim not in (1, 2) or values.shape[-1] != n:
            raise ValueError(
                f"{name} must be of shape ({n},) or (outputs, {n}), got {values.shape}"
            )
        target = torch.as_tensor(values.T.copy()).to(out)
    return fitting(name, target, out, loss)


def fitting(name: str, target: torch.Tensor, out: torch.Tensor, loss: object) -> torch.Tensor:
    """The tensor of targets, samples first, if it fits the outputs under this loss."""
    if loss == "squared":
        target = target.to(out)
        target = target[:, None] if target.ndim == 1 and out.ndim == 2 else target
        if target.shape != out.shape:
            raise ValueError(
                f"{name} must have one entry an output, outputs have shape {tuple(out.shape)} "
                f"(samples first), targets {tuple(target.shape)}"
            )
    elif loss == "cross-entropy":
        classes = out.shape[1] if out.ndim > 1 else 0
        if target.is_floating_point() or target.shape[:1] != out.shape[:1] or target.min() < 0:
            raise ValueError(
                f"{name} must be {len(out)} class labels 0, 1, ..., got {target.dtype}, "
                f"{tuple(target.shape)}"
            )
        if target.max() >= classes:
            raise ValueError(
                f"{name} must be below the number of outputs {classes}, got {int(target.max())}"
            )
    return target


def refuse_random_layers(network: torch.nn.Module) -> None:
    """Dropout and batch normalization in training mode make another function at every call."""
    random = (torch.nn.modules.dropout._DropoutNd, torch.nn.modules.batchnorm._BatchNorm)
    for name, layer in network.named_modules():
        if layer.training and isinstance(layer, random):
            raise ValueError(
                f"network must be in evaluation mode, got layer {name!r} in training mode "
                "(call network.eval() first)"
            )


def array_of(tensor: torch.Tensor) -> np.ndarray:
    """The tensor as an array; bfloat16, which NumPy lacks, as float32."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
