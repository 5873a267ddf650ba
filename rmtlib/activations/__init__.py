"""Activations with their derivatives and Gaussian moments.

`CATALOGUE` lists those that have a name, which every function of the library accepts in place
of the activation; `TwoSlopes`, `leaky_relu`, `Clip`, `Steps` and `Quadratic` make more, and
`Activation` takes any function.
"""

from ._activation import Activation as Activation
from ._catalogue import CATALOGUE as CATALOGUE
from ._catalogue import as_activation as as_activation
from ._moments import DCoefficients as DCoefficients
from ._moments import GaussianMoments as GaussianMoments
from ._moments import GramParameters as GramParameters
from ._piecewise import ABS as ABS
from ._piecewise import HARDTANH as HARDTANH
from ._piecewise import LEAKY_RELU as LEAKY_RELU
from ._piecewise import LINEAR as LINEAR
from ._piecewise import RELU as RELU
from ._piecewise import SIGN as SIGN
from ._piecewise import STEP as STEP
from ._piecewise import Clip as Clip
from ._piecewise import Steps as Steps
from ._piecewise import TwoSlopes as TwoSlopes
from ._piecewise import leaky_relu as leaky_relu
from ._smooth import ARCTAN as ARCTAN
from ._smooth import COS as COS
from ._smooth import ERF as ERF
from ._smooth import GAUSSIAN as GAUSSIAN
from ._smooth import SIGMOID as SIGMOID
from ._smooth import SIN as SIN
from ._smooth import TANH as TANH
from ._smooth import Quadratic as Quadratic
