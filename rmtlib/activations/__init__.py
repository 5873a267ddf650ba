"""Activations with their derivatives and Gaussian moments.

`CATALOGUE` lists those that have a name, which every function of the library accepts in place
of the activation; `TwoSlopes`, `leaky_relu`, `Clip`, `Steps` and `Quadratic` make more, and
`Activation` takes any function.
"""

from rmtlib.activations._activation import Activation
from rmtlib.activations._catalogue import CATALOGUE, as_activation
from rmtlib.activations._moments import DCoefficients, GaussianMoments, GramParameters
from rmtlib.activations._piecewise import (
    ABS,
    HARDTANH,
    LEAKY_RELU,
    LINEAR,
    RELU,
    SIGN,
    STEP,
    Clip,
    Steps,
    TwoSlopes,
    leaky_relu,
)
from rmtlib.activations._smooth import ARCTAN, COS, ERF, GAUSSIAN, SIGMOID, SIN, TANH, Quadratic

__all__ = [
    "ABS",
    "ARCTAN",
    "CATALOGUE",
    "COS",
    "ERF",
    "GAUSSIAN",
    "HARDTANH",
    "LEAKY_RELU",
    "LINEAR",
    "RELU",
    "SIGMOID",
    "SIGN",
    "SIN",
    "STEP",
    "TANH",
    "Activation",
    "Clip",
    "DCoefficients",
    "GaussianMoments",
    "GramParameters",
    "Quadratic",
    "Steps",
    "TwoSlopes",
    "as_activation",
    "leaky_relu",
]
