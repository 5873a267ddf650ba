"""Limiting spectral laws, and how to draw from them."""

from rmtlib.laws._base import SpectralLaw
from rmtlib.laws._closed_forms import Discrete, MarchenkoPastur, Semicircle
from rmtlib.laws._free import free_product, free_sum
from rmtlib.laws._free_poisson import FreePoisson
from rmtlib.laws._fuss_catalan import fuss_catalan_moment, fuss_catalan_pdf
from rmtlib.laws._sample_covariance import SampleCovariance
from rmtlib.laws._tracy_widom import (
    TRACY_WIDOM_MEAN,
    TRACY_WIDOM_VARIANCE,
    EigenvalueTest,
    largest_eigenvalue_scale,
    largest_eigenvalue_test,
    tracy_widom_cdf,
    tracy_widom_pdf,
    tracy_widom_ppf,
    tracy_widom_sf,
)
from rmtlib.laws._wishart import sample_covariance_eigenvalues, spiked_wishart, wishart_eigenvalues

__all__ = [
    "TRACY_WIDOM_MEAN",
    "TRACY_WIDOM_VARIANCE",
    "Discrete",
    "EigenvalueTest",
    "FreePoisson",
    "MarchenkoPastur",
    "SampleCovariance",
    "Semicircle",
    "SpectralLaw",
    "free_product",
    "free_sum",
    "fuss_catalan_moment",
    "fuss_catalan_pdf",
    "largest_eigenvalue_scale",
    "largest_eigenvalue_test",
    "sample_covariance_eigenvalues",
    "spiked_wishart",
    "tracy_widom_cdf",
    "tracy_widom_pdf",
    "tracy_widom_ppf",
    "tracy_widom_sf",
    "wishart_eigenvalues",
]
