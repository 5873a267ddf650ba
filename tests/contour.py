"""The contour form of the descent theorem, which shares no line with the library's real form."""

import numpy as np

from rmtlib.laws import MarchenkoPastur


def ellipse(low, high, margin, points):
    """Nodes around [low, high], and weights of dz / (2 pi i): errors fall like exp(-h points)."""
    h = np.arccosh(1 + 2 * margin / (high - low))
    angle = 2 * np.pi * (np.arange(points) + 0.5) / points - 1j * h
    half = (high - low) / 2
    return (low + high) / 2 + half * np.cos(angle), 1j * half * np.sin(angle) / points


def contour_moments(model, times, alpha, points=4000):
    """E_test, V_test, E_train, V_train of gradient flow at an array of times."""
    c, rho, gamma = model.ratio, model.signal, model.ridge
    spike = (1 + rho) * (1 + c / rho) if rho**2 > c else 0.0
    low = gamma + (0.0 if c >= 1 else (1 - np.sqrt(c)) ** 2)
    high = gamma + max((1 + np.sqrt(c)) ** 2, spike)
    rate = alpha * np.asarray(times, dtype=float)[:, None]
    margin = min(1.0, low + 0.5 / rate.max())  # exp(-rate z) grows to the left of the origin
    z, weights = ellipse(low, high, margin, points)
    m = MarchenkoPastur(c).stieltjes(z - gamma)
    D = (rho + c) * m + 1
    f, done = np.exp(-rate * z), -np.expm1(-rate * z) / z
    square = done**2 / D - model.init_variance * f**2 * m
    E_test, E_train = -(done * (rho * m / D)) @ weights, (done / D) @ weights
    V_train = (square * (z - gamma)) @ weights - E_train**2
    return np.array([E_test, square @ weights, E_train, V_train]).real
