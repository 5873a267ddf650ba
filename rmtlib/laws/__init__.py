"""Limiting spectral laws, how to draw from them, and how far eigenvalues are from them."""

from ._base import SpectralLaw as SpectralLaw
from ._closed_forms import Discrete as Discrete
from ._closed_forms import MarchenkoPastur as MarchenkoPastur
from ._closed_forms import Semicircle as Semicircle
from ._diagnosis import Diagnosis as Diagnosis
from ._diagnosis import diagnose as diagnose
from ._diagnosis import kolmogorov_distance as kolmogorov_distance
from ._free_poisson import FreePoisson as FreePoisson
from ._fuss_catalan import FussCatalan as FussCatalan
from ._sample_covariance import SampleCovariance as SampleCovariance
from ._tracy_widom import TracyWidom as TracyWidom
from ._wishart import sample_covariance_eigenvalues as sample_covariance_eigenvalues
from ._wishart import spiked_wishart as spiked_wishart
from ._wishart import wishart_eigenvalues as wishart_eigenvalues
