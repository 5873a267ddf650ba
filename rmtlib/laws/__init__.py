"""Limiting spectral laws, how to draw from them, and how far eigenvalues are from them."""

from rmtlib.laws._base import SpectralLaw
from rmtlib.laws._closed_forms import Discrete, MarchenkoPastur, Semicircle
from rmtlib.laws._diagnosis import Diagnosis, diagnose, kolmogorov_distance
from rmtlib.laws._free_poisson import FreePoisson
from rmtlib.laws._fuss_catalan import FussCatalan
from rmtlib.laws._sample_covariance import SampleCovariance
from rmtlib.laws._tracy_widom import TracyWidom
from rmtlib.laws._wishart import sample_covariance_eigenvalues, spiked_wishart, wishart_eigenvalues

__all__ = [
    "Diagnosis",
    "Discrete",
    "FreePoisson",
    "FussCatalan",
    "MarchenkoPastur",
    "SampleCovariance",
    "Semicircle",
    "SpectralLaw",
    "TracyWidom",
    "diagnose",
    "kolmogorov_distance",
    "sample_covariance_eigenvalues",
    "spiked_wishart",
    "wishart_eigenvalues",
]
