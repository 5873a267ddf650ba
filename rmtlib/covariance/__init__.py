"""What sample covariance matrices say about their population: spikes and shrinkage."""

from rmtlib.covariance._shrinkage import nonlinear_shrinkage, oracle_shrinkage, shrink_eigenvalues
from rmtlib.covariance._spikes import (
    SignalSpike,
    Spike,
    covariance_spike,
    covariance_spike_threshold,
    estimate_spike_strength,
    population_spike,
    signal_plus_noise_spike,
)

__all__ = [
    "SignalSpike",
    "Spike",
    "covariance_spike",
    "covariance_spike_threshold",
    "estimate_spike_strength",
    "nonlinear_shrinkage",
    "oracle_shrinkage",
    "population_spike",
    "shrink_eigenvalues",
    "signal_plus_noise_spike",
]
