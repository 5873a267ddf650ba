"""Hessians: laws, Lanczos quadrature, freeness, and products with torch models."""

from .._lazy import lazily as _lazily
from ._freeness import Freeness as Freeness
from ._freeness import freeness as freeness
from ._hessian_law import HessianLaw as HessianLaw
from ._hessian_law import ReluHessianLaw as ReluHessianLaw
from ._hessian_law import sample_hessian as sample_hessian
from ._lanczos import Lanczos as Lanczos
from ._lanczos import SpectralEstimate as SpectralEstimate
from ._lanczos import lanczos as lanczos
from ._lanczos import spectral_estimate as spectral_estimate
from ._principal import principal_features as principal_features

__getattr__, __dir__ = _lazily(__name__, {"_torch": ("Curvature",)})
