"""Every public function at its door: bad input is refused by name, integers are right."""

import importlib
import importlib.util
import inspect
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import rmtlib
from rmtlib.activations import RELU, TANH
from rmtlib.book import _check as check
from rmtlib.book import plots as plotting
from rmtlib.clustering import _distance_kernels as distance_kernels
from rmtlib.clustering import _spectral as clustering
from rmtlib.clustering import _spikes as kernel_spikes
from rmtlib.clustering import heat_kernel
from rmtlib.covariance import _shrinkage as shrinkage
from rmtlib.covariance import _spikes as spikes
from rmtlib.curvature import _hessian_law as hessian
from rmtlib.curvature import _lanczos as lanczos
from rmtlib.dynamics import _contour as descent_contour
from rmtlib.dynamics import _modes as descent_modes
from rmtlib.dynamics import _two_class as gradient_descent
from rmtlib.features import _families as feature_families
from rmtlib.features import _gram as nonlinear_gram
from rmtlib.features import _linear as linear_regression
from rmtlib.features import _one_step as feature_learning
from rmtlib.features import _one_step_errors as one_step_errors
from rmtlib.features import _ridge as random_features
from rmtlib.jacobians import _law as jacobian
from rmtlib.jacobians import _mean_field as mean_field
from rmtlib.jacobians import _samples as jacobian_samples
from rmtlib.jacobians import _slopes as slopes
from rmtlib.kernels import _deep as deep_kernels
from rmtlib.kernels import _equilibrium as equilibrium_kernels
from rmtlib.kernels import _equivalents as kernel_equivalents
from rmtlib.kernels import _tangent_flow as tangent_flow
from rmtlib.laws import Discrete, MarchenkoPastur, SampleCovariance, Semicircle
from rmtlib.laws import _closed_forms as laws
from rmtlib.laws import _free_poisson as free_poisson
from rmtlib.laws import _fuss_catalan as fuss_catalan
from rmtlib.laws import _tracy_widom as tracy_widom
from rmtlib.laws import _wishart as wishart
from rmtlib.mixtures import GaussianMixture
from rmtlib.mixtures import _errors as discrimination
from rmtlib.mixtures import _mixture as mixtures
from rmtlib.networks import _bounds as generalization
from rmtlib.quantization import _network as kernel_matching

LAW = MarchenkoPastur(2)
GENERAL = SampleCovariance(2, Discrete([1, 3]))
MIXTURE = GaussianMixture([[2, -2], [0, 0], [1, 1]])
X = np.array([[1, 2, 0, 4], [0, 1, 3, 1], [2, 0, 1, 5]])
K = np.array([[4, 1, 0, 1], [1, 4, 2, 0], [0, 2, 5, 1], [1, 0, 1, 6]])

# Valid calls with integers wherever a real number is allowed.
CALLS = {
    "check.standard_errors": (check.standard_errors, {"multiple": 3}),
    "check.kolmogorov_distance": (check.kolmogorov_distance, {"eigenvalues": [0, 1, 2]}),
    "check.diagnose": (check.diagnose, {"eigenvalues": [1, 2, 3], "ratio": 1}),
    "kernel_spikes.clustering_accuracy": (kernel_spikes.clustering_accuracy, {"alignment": [0, 1]}),
    "kernel_spikes.bayes_accuracy": (
        kernel_spikes.bayes_accuracy,
        {"mean_strength": 1, "trace_difference": 1},
    ),
    "kernel_spikes.mean_spike": (kernel_spikes.mean_spike, {"strength": [1, 3], "ratio": 2}),
    "kernel_spikes.trace_spike": (kernel_spikes.trace_spike, {"trace_difference": 2, "ratio": 1}),
    "clustering.spectral_embedding": (clustering.spectral_embedding, {"K": K, "components": 2}),
    "clustering.spectral_clustering": (clustering.spectral_clustering, {"K": K, "classes": 2}),
    "clustering.two_class_accuracy": (clustering.two_class_accuracy, {"eigenvector": [1, -1, 2]}),
    "distance_kernels.quadratic_profile": (
        distance_kernels.quadratic_profile,
        {"value": 4, "first": -1, "second": 1, "center": 2},
    ),
    "distance_kernels.squared_distances": (distance_kernels.squared_distances, {"X": X}),
    "distance_kernels.distance_kernel": (distance_kernels.distance_kernel, {"X": X}),
    "distance_kernels.center": (distance_kernels.center, {"K": K}),
    "distance_kernels.normalized_laplacian": (distance_kernels.normalized_laplacian, {"K": K}),
    "distance_kernels.linearization_terms": (distance_kernels.linearization_terms, {"X": X}),
    "distance_kernels.linearized_kernel": (distance_kernels.linearized_kernel, {"X": X}),
    "laws.MarchenkoPastur": (MarchenkoPastur, {"ratio": 2, "variance": 3}),
    "laws.Semicircle": (Semicircle, {"variance": 2}),
    "laws.Discrete": (Discrete, {"points": [1, 3], "weights": [0.5, 0.5]}),
    "wishart.wishart_eigenvalues": (laws.wishart_eigenvalues, {"p": 3, "n": 4}),
    "wishart.sample_covariance_eigenvalues": (laws.sample_covariance_eigenvalues, {"X": X}),
    "silverstein.SampleCovariance": (SampleCovariance, {"ratio": 2}),
    "spectral_law.pdf": (LAW.pdf, {"x": [1, 2]}),
    "spectral_law.cdf": (LAW.cdf, {"x": [1, 2]}),
    "spectral_law.ppf": (LAW.ppf, {"q": [0, 1]}),
    "spectral_law.moment": (LAW.moment, {"k": 2}),
    "mixtures.GaussianMixture": (GaussianMixture, {"means": [[1, 2], [3, 4]], "weights": None}),
    "mixtures.sample": (MIXTURE.sample, {"n": 4}),
    "mixtures.bayes_classify": (MIXTURE.bayes_classify, {"X": X}),
    "mixtures.log_likelihood_ratio": (MIXTURE.log_likelihood_ratio, {"X": X}),
    "discrimination.isotropic_quadratic_error": (
        discrimination.isotropic_quadratic_error,
        {"p": 16, "contrast": 2},
    ),
    "discrimination.plug_in_linear_discriminant_error": (
        discrimination.plug_in_linear_discriminant_error,
        {"distance": 3, "ratio": 2},
    ),
    "discrimination.distance_auc": (discrimination.distance_auc, {"distance": 3, "p": 10}),
    "discrimination.distance_auc_limit": (
        discrimination.distance_auc_limit,
        {"distance": 3, "p": 10},
    ),
    "mixtures.two_classes": (mixtures.two_classes, {"p": 5, "separation": 3}),
    "discrimination.nearest_neighbor_accuracy": (
        discrimination.nearest_neighbor_accuracy,
        {"distance": 3, "p": 10, "n": 20},
    ),
    "plotting.spectrum": (plotting.spectrum, {"eigenvalues": [1, 2, 3]}),
    "shrinkage.shrink_eigenvalues": (
        shrinkage.shrink_eigenvalues,
        {"eigenvalues": [1, 2, 9], "ratio": 1, "variance": 1},
    ),
    "shrinkage.oracle_shrinkage": (shrinkage.oracle_shrinkage, {"eigenvalues": [1, 2]}),
    "shrinkage.nonlinear_shrinkage": (
        shrinkage.nonlinear_shrinkage,
        {"eigenvalues": [1, 2, 3], "n": 20},
    ),
    "spikes.covariance_spike_threshold": (spikes.covariance_spike_threshold, {"ratio": 2}),
    "spikes.covariance_spike": (spikes.covariance_spike, {"strength": [1, 3], "ratio": 1}),
    "spikes.estimate_spike_strength": (
        spikes.estimate_spike_strength,
        {"position": [3, 9], "ratio": 1},
    ),
    "spikes.population_spike": (spikes.population_spike, {"eigenvalue": 30, "ratio": 1}),
    "spikes.signal_plus_noise_spike": (
        spikes.signal_plus_noise_spike,
        {"strength": [1, 3], "ratio": 1},
    ),
    "tracy_widom.tracy_widom_cdf": (tracy_widom.tracy_widom_cdf, {"x": [-1, 0]}),
    "tracy_widom.tracy_widom_sf": (tracy_widom.tracy_widom_sf, {"x": [-1, 0]}),
    "tracy_widom.tracy_widom_pdf": (tracy_widom.tracy_widom_pdf, {"x": [-1, 0]}),
    "tracy_widom.tracy_widom_ppf": (tracy_widom.tracy_widom_ppf, {"q": [0.1, 0.9]}),
    "tracy_widom.largest_eigenvalue_scale": (
        tracy_widom.largest_eigenvalue_scale,
        {"p": 20, "n": 40},
    ),
    "tracy_widom.largest_eigenvalue_test": (
        tracy_widom.largest_eigenvalue_test,
        {"eigenvalues": [1, 2, 3], "n": 9},
    ),
    "nonlinear_gram.NonlinearGram": (
        nonlinear_gram.NonlinearGram,
        {"eta": 2, "zeta": 1, "features_per_sample": 1, "features_per_dimension": 2},
    ),
    "nonlinear_gram.gram_outliers": (
        nonlinear_gram.gram_outliers,
        {"theta": 1, "weight_fourth_moment": 3, "data_fourth_moment": 1, "mean": 0},
    ),
    "nonlinear_gram.deep_gram": (
        nonlinear_gram.deep_gram,
        {"zeta": 0, "samples_per_dimension": 1, "samples_per_feature": [1, 2]},
    ),
    "random_features.effective_ridge": (
        random_features.effective_ridge,
        {"eigenvalues": [1, 2, 3], "features": 2, "ridge": 1},
    ),
    "random_features.prepare": (
        random_features.prepare,
        {
            "K": K,
            "y": [1, 2, 3, 4],
            "K_cross": K[:, :2],
            "y_test": [1, 2],
            "K_test_diagonal": [4, 4],
        },
    ),
    "feature_families.family_errors": (
        feature_families.family_errors,
        {
            "kernels": [K],
            "y": [1, 2, 3, 4],
            "cross_kernels": [K[:, :2]],
            "y_test": [1, 2],
            "test_diagonals": [[4, 4]],
            "features": 2,
            "ridge": 1,
        },
    ),
    "random_features.simulate_errors": (
        random_features.simulate_errors,
        {
            "features": X,
            "y": [1, 2, 3, 4],
            "test_features": X,
            "y_test": [1, 2, 3, 4],
            "ridge": 1,
        },
    ),
    "random_features.random_features": (random_features.random_features, {"X": X}),
    "linear_regression.ridgeless_risk": (
        linear_regression.ridgeless_risk,
        {"ratio": 2, "signal": 1, "noise": 1},
    ),
    "linear_regression.ridgeless_risk_finite": (
        linear_regression.ridgeless_risk_finite,
        {"p": 3, "n": 9, "signal": 1, "noise": 1},
    ),
    "linear_regression.ridge_risk": (
        linear_regression.ridge_risk,
        {"ratio": 2, "ridge": 1, "signal": 1, "noise": 1},
    ),
    "gradient_descent.descent_filters": (
        gradient_descent.descent_filters,
        {"eigenvalues": [0, 1, 2], "times": [1, 3], "learning_rate": 1},
    ),
    "gradient_descent.descent_measures": (
        gradient_descent.descent_measures,
        {"ratio": 2, "signal": 3},
    ),
    "gradient_descent.descent_statistics": (
        gradient_descent.descent_statistics,
        {
            "times": [1, 9],
            "ratio": 2,
            "signal": 3,
            "init_variance": 1,
            "learning_rate": 1,
            "ridge": 1,
        },
    ),
    "gradient_descent.converged_statistics": (
        gradient_descent.converged_statistics,
        {"ratio": 2, "signal": 3, "init_variance": 1, "ridge": 1},
    ),
    "gradient_descent.best_error": (gradient_descent.best_error, {"ratio": 2, "signal": 3}),
    "gradient_descent.optimal_stopping": (
        gradient_descent.optimal_stopping,
        {"ratio": 2, "signal": 3, "init_variance": 1, "learning_rate": 1, "ridge": 1},
    ),
    "descent_contour.contour_statistics": (
        descent_contour.contour_statistics,
        {
            "times": [1, 9],
            "ratio": 2,
            "signal": 3,
            "init_variance": 1,
            "learning_rate": 1,
            "ridge": 1,
        },
    ),
    "descent_contour.ellipse": (
        descent_contour.ellipse,
        {"low": 0, "high": 4, "margin": 1},
    ),
    "descent_modes.momentum_factors": (
        descent_modes.momentum_factors,
        {"eigenvalues": [1, 2], "steps": [0, 3], "learning_rate": 1, "momentum": 0},
    ),
    "descent_modes.momentum_rate": (
        descent_modes.momentum_rate,
        {"eigenvalues": [1, 2], "learning_rate": 1, "momentum": 0},
    ),
    "descent_modes.best_tuning": (descent_modes.best_tuning, {"smallest": 1, "largest": 4}),
    "descent_modes.descend": (
        descent_modes.descend,
        {
            "X": X,
            "y": [1, 2, 3, 4],
            "start": [1, 0, 2],
            "times": [1, 3],
            "learning_rate": 1,
            "ridge": 1,
        },
    ),
    "descent_modes.simulate_descent": (
        descent_modes.simulate_descent,
        {
            "p": 3,
            "n": 8,
            "times": [1, 3],
            "signal": 4,
            "init_variance": 1,
            "learning_rate": 1,
            "ridge": 1,
        },
    ),
    "descent_modes.standardize_classes": (descent_modes.standardize_classes, {"X": X}),
    "descent_modes.sgd_loss": (
        descent_modes.sgd_loss,
        {"times": [1, 3], "ratio": 2, "signal": 1, "noise": 1, "learning_rate": 1},
    ),
    "feature_learning.first_layer_gradient": (
        feature_learning.first_layer_gradient,
        {"W": [[1, 2], [3, 4]], "beta": [1, 2], "X": [[1, 0, 2], [0, 1, 1]], "y": [1, 2, 3]},
    ),
    "feature_learning.rank_one_gradient": (
        feature_learning.rank_one_gradient,
        {"beta": [1, 2], "X": [[1, 0, 2], [0, 1, 1]], "y": [1, 2, 3]},
    ),
    "feature_learning.teacher_student": (
        feature_learning.teacher_student,
        {"p": 3, "n": 4, "N": 5, "noise": 1},
    ),
    "feature_learning.gradient_overlap": (
        feature_learning.gradient_overlap,
        {"samples_per_dimension": 2, "noise": 1},
    ),
    "feature_learning.one_step_spike": (
        feature_learning.one_step_spike,
        {"step_size": 1, "features_per_dimension": 2, "samples_per_dimension": 8, "noise": 1},
    ),
    "feature_learning.singular_value_density": (
        feature_learning.singular_value_density,
        {"s": 1, "features_per_dimension": 2, "variance": 1},
    ),
    "one_step_errors.single_direction_bound": (
        one_step_errors.single_direction_bound,
        {"overlap": 1},
    ),
    "one_step_errors.small_step_errors": (
        one_step_errors.small_step_errors,
        {
            "step_size": 1,
            "features_per_dimension": 2,
            "samples_per_dimension": 8,
            "ridge": 1,
            "noise": 1,
        },
    ),
    "one_step_errors.simulate_one_step": (
        one_step_errors.simulate_one_step,
        {"p": 3, "n": 4, "N": 5, "step_size": 1, "ridge": 1, "noise": 1, "n_test": 5},
    ),
    "deep_kernels.deep_kernels": (deep_kernels.deep_kernels, {"X": X, "input_variance": 2}),
    "deep_kernels.first_layer": (deep_kernels.first_layer, {"input_variance": 2}),
    "kernel_equivalents.operator_norm": (kernel_equivalents.operator_norm, {"A": K}),
    "tangent_flow.tangent_flow": (
        tangent_flow.tangent_flow,
        {"Theta": K, "y": [1, 2, 3, 4], "times": [0, 1]},
    ),
    "fuss_catalan.fuss_catalan_pdf": (fuss_catalan.fuss_catalan_pdf, {"x": [1, 2], "depth": 2}),
    "fuss_catalan.fuss_catalan_moment": (fuss_catalan.fuss_catalan_moment, {"k": 2, "depth": 2}),
    "mean_field.variance_map": (
        mean_field.variance_map,
        {"variance": [1, 2], "weight_variance": 2, "bias_variance": 1},
    ),
    "mean_field.preactivation_variances": (
        mean_field.preactivation_variances,
        {"depth": 2, "weight_variance": 2, "bias_variance": 1, "input_variance": 1},
    ),
    "mean_field.fixed_point": (
        mean_field.fixed_point,
        {"weight_variance": 2, "bias_variance": 1},
    ),
    "mean_field.susceptibility": (
        mean_field.susceptibility,
        {"variance": [1, 2], "weight_variance": 2},
    ),
    "mean_field.critical_point": (mean_field.critical_point, {"variance": 1}),
    "slopes.squared_slopes": (slopes.squared_slopes, {"variance": 1}),
    "jacobian_samples.sample_jacobian": (
        jacobian_samples.sample_jacobian,
        {"n": 4, "depth": 2, "weight_variance": 2, "bias_variance": 1, "input_variance": 1},
    ),
    "jacobian_samples.sample_spectrum": (
        jacobian_samples.sample_spectrum,
        {"n": 4, "depth": 2, "size": 2, "weight_variance": 2},
    ),
    "jacobian.JacobianLaw": (
        jacobian.JacobianLaw,
        {"variances": [1, 2], "weight_variance": 2},
    ),
    "free_poisson.FreePoisson": (
        free_poisson.FreePoisson,
        {"jumps": [1, -2], "rates": [1, 2]},
    ),
    "hessian.HessianLaw": (hessian.HessianLaw, {"parameters_per_residual": 2, "energy": 1}),
    "hessian.ReluHessianLaw": (
        hessian.ReluHessianLaw,
        {"parameters_per_residual": 2, "energy": 1},
    ),
    "hessian.critical_energy": (hessian.critical_energy, {"parameters_per_residual": 2}),
    "hessian.relu_critical_energy": (
        hessian.relu_critical_energy,
        {"parameters_per_residual": 2},
    ),
    "hessian.splitting_energy": (hessian.splitting_energy, {"parameters_per_residual": 2}),
    "hessian.index_coefficient": (hessian.index_coefficient, {"parameters_per_residual": 0.5}),
    "lanczos.trace_deviation": (lanczos.trace_deviation, {"F": [[1, 2], [2, 5]]}),
    "generalization.margin_bound": (
        generalization.margin_bound,
        {"margins": [1, 2, -1], "complexity": 1},
    ),
    "generalization.pac_bayes_bound": (
        generalization.pac_bayes_bound,
        {"error": 0, "divergence": 3, "n": 50},
    ),
    "kernel_matching.scale_slack": (kernel_matching.scale_slack, {"variance": 1}),
    "equilibrium_kernels.equilibrium_variance": (
        equilibrium_kernels.equilibrium_variance,
        {"feedback": 0, "injection": 1, "input_variance": 2},
    ),
    "equilibrium_kernels.equilibrium_kernels": (
        equilibrium_kernels.equilibrium_kernels,
        {"X": X, "feedback": 0, "injection": 1, "input_variance": 2},
    ),
    "wishart.spiked_wishart": (wishart.spiked_wishart, {"p": 5, "n": 9, "strength": 2}),
}
# Arguments that are not numbers, needed for a valid call.
OTHERS = {
    "check.kolmogorov_distance": {"law": LAW},
    "kernel_spikes.mean_spike": {"profile": heat_kernel()},
    "kernel_spikes.trace_spike": {"profile": heat_kernel(), "operator": "centered"},
    "clustering.spectral_clustering": {"rng": 0},
    "clustering.two_class_accuracy": {"labels": np.array([0, 1, 0])},
    "distance_kernels.distance_kernel": {"profile": heat_kernel()},
    "distance_kernels.linearization_terms": {
        "labels": np.array([0, 1, 0, 1]),
        "mixture": MIXTURE,
        "profile": heat_kernel(),
    },
    "distance_kernels.linearized_kernel": {
        "labels": np.array([0, 1, 0, 1]),
        "mixture": MIXTURE,
        "profile": heat_kernel(),
    },
    "wishart.wishart_eigenvalues": {"rng": 0},
    "mixtures.sample": {"rng": 0},
    "silverstein.SampleCovariance": {"population": Discrete([1, 3])},
    "shrinkage.oracle_shrinkage": {"law": GENERAL},
    "spikes.population_spike": {"population": Discrete([1, 3])},
    "nonlinear_gram.gram_outliers": {"law": nonlinear_gram.NonlinearGram(1, 0, 2, 3)},
    "random_features.random_features": {"activation": np.tanh, "features": 3, "rng": 0},
    "descent_contour.ellipse": {"points": 16},
    "descent_modes.simulate_descent": {"rng": 0},
    "descent_modes.standardize_classes": {"labels": np.array([0, 1, 0, 1])},
    "feature_learning.first_layer_gradient": {"activation": TANH},
    "feature_learning.rank_one_gradient": {"activation": TANH},
    "feature_learning.teacher_student": {"teacher": TANH, "rng": 0},
    "feature_learning.gradient_overlap": {"teacher": TANH},
    "feature_learning.one_step_spike": {"student": TANH, "teacher": TANH},
    "one_step_errors.single_direction_bound": {"teacher": TANH},
    "one_step_errors.small_step_errors": {"student": TANH, "teacher": TANH},
    "one_step_errors.simulate_one_step": {"student": TANH, "teacher": TANH, "rng": 0},
    "deep_kernels.deep_kernels": {"activations": [RELU]},
    "mean_field.variance_map": {"activation": TANH},
    "mean_field.preactivation_variances": {"activation": TANH},
    "mean_field.fixed_point": {"activation": TANH},
    "mean_field.susceptibility": {"activation": TANH},
    "mean_field.critical_point": {"activation": TANH},
    "slopes.squared_slopes": {"activation": TANH},
    "jacobian.JacobianLaw": {"activation": TANH},
    "jacobian_samples.sample_jacobian": {"activation": TANH, "rng": 0},
    "jacobian_samples.sample_spectrum": {"activation": TANH, "rng": 0},
    "kernel_matching.scale_slack": {"target": RELU.moments(1.0)},
    "equilibrium_kernels.equilibrium_variance": {"activation": RELU},
    "equilibrium_kernels.equilibrium_kernels": {"activation": RELU},
    "wishart.spiked_wishart": {"rng": 0},
}
# Quantities that are positive: zero and negative numbers are refused.
POSITIVE = {"ratio", "variance", "multiple", "p", "n", "components", "classes"}
# Public, with no numerical argument of their own, or tested elsewhere with other bad input.
ELSEWHERE = {
    "check.agree": "test_check.py",
    "clustering.matched_accuracy": "two label vectors: test_clustering.py",
    "distance_kernels.heat_kernel": "no argument",
    "free.free_sum": "laws only: test_free.py",
    "free.free_product": "laws only: test_free.py",
    "interactive.explore": "test_interactive.py",
    "plotting.use_style": "no argument",
    "plotting.describe": "test_plotting.py",
    "plotting.alt_text": "a figure",
    "plotting.density_curve": "test_plotting.py",
    "activation_matching.match_activation": "test_activation_matching.py",
    "activation_matching.ternary_noise_floor": "a name only: test_activation_matching.py",
    **dict.fromkeys(
        [f"activations.{f}" for f in ("clip", "leaky_relu", "quadratic", "two_slopes")],
        "test_activations.py",
    ),
    **dict.fromkeys(
        [
            f"kernels.{f}"
            for f in (
                "two_point",
                "conjugate_kernel",
                "derivative_kernel",
                "random_feature_kernel",
                "weight_moment_correction",
            )
        ],
        "test_kernels.py",
    ),
    **dict.fromkeys(
        [
            f"quantization.{f}"
            for f in (
                "ternary_weights",
                "ternary_kurtosis",
                "memory_bits",
                "pack_ternary",
                "unpack_ternary",
            )
        ],
        "test_quantization.py",
    ),
    **dict.fromkeys(
        [
            f"homework.{f}"
            for f in (
                "check",
                "compare",
                "log_slope",
                "mass",
                "returns_array",
                "student_key",
                "withheld",
            )
        ],
        "test_homework_checks.py",
    ),
    **dict.fromkeys(
        [
            f"kernel_equivalents.{f}"
            for f in ("conjugate_equivalent", "entrywise_equivalent", "tangent_equivalent")
        ],
        "test_kernel_equivalents.py",
    ),
    "deep_kernels.kernel_coefficients": "test_deep_kernels.py",
    "deep_kernels.next_layer": "test_deep_kernels.py",
    "slopes.diamond": "test_jacobian.py",
    "slopes.s_transform": "test_jacobian.py",
    **dict.fromkeys(
        [f"hessian.{f}" for f in ("sample_hessian", "sample_relu_curvature")], "test_hessian.py"
    ),
    **dict.fromkeys([f"lanczos.{f}" for f in ("lanczos", "spectral_estimate")], "test_lanczos.py"),
    "freeness.freeness": "test_freeness.py",
    "curvature.principal_features": "test_curvature.py",
    **dict.fromkeys(
        [
            f"empirical_kernels.{f}"
            for f in (
                "empirical_conjugate_kernel",
                "empirical_tangent_kernel",
                "input_output_jacobian",
            )
        ],
        "test_nets.py",
    ),
    "nets.train": "test_nets.py",
    "torch_activations.torch_activation": "test_nets.py",
    "backpropagation.check_widths": "test_backpropagation.py",
    **dict.fromkeys(
        [
            f"kernel_matching.{f}"
            for f in ("match_network", "require_scale_match", "largest_first_mode_share")
        ],
        "test_kernel_matching.py",
    ),
    **dict.fromkeys(
        [
            f"compression.{f}"
            for f in (
                "compress",
                "last_features",
                "load_packed",
                "magnitude_pruned",
                "packed_size",
                "save_packed",
                "zeroed",
            )
        ],
        "test_compression.py",
    ),
    **dict.fromkeys(
        [
            f"equilibrium_matching.{f}"
            for f in ("feedback_limit", "match_clip", "match_two_slopes", "matched_network")
        ],
        "test_equilibrium_kernels.py",
    ),
    "equilibrium_kernels.equilibrium_coefficients": "test_equilibrium_kernels.py",
    "equilibrium.fixed_point": "test_equilibrium.py",
    "replicates.replicate": "test_replicates.py",
    "quiz.quiz_number": "test_interactive.py",
    "quiz.quiz_choice": "test_interactive.py",
}
# Modules that need torch, where it is not installed.
WITHOUT_TORCH = {
    path.stem
    for path in Path(rmtlib.__path__[0]).glob("*.py")
    if re.search(r"^(import|from) torch", path.read_text(encoding="utf-8"), re.MULTILINE)
    and importlib.util.find_spec("torch") is None
}
PLUMBING = {"inputs", "page", "frames", "replies", "explorers", "data_files", "datasets"}


def call(name, **changes):
    function, numbers = CALLS[name]
    result = function(**(OTHERS.get(name, {}) | numbers | changes))
    plotting.plt.close("all")
    return result


def arguments(wanted):
    return [
        pytest.param(name, key, id=f"{name}-{key}")
        for name, (_, numbers) in CALLS.items()
        for key, value in numbers.items()
        if value is not None and wanted(key, value)
    ]


def is_array(key, value):
    return np.ndim(value) > 0


def test_every_public_function_is_covered():
    found = set()
    for module in pkgutil.iter_modules(rmtlib.__path__):
        if module.name in PLUMBING | WITHOUT_TORCH:
            continue
        namespace = importlib.import_module(f"rmtlib.{module.name}")
        found |= {
            f"{module.name}.{name}"
            for name, thing in vars(namespace).items()
            if inspect.isfunction(thing)
            and not name.startswith("_")
            and thing.__module__ == namespace.__name__
        }
    internal = {
        "gaussian_moments.closed_form_moments",
        "gaussian_moments.gaussian_nodes",
        "gaussian_moments.hermite_rows",
        "feature_learning.differentiable",
        "feature_learning.sample_teacher",
        "feature_learning.teacher_moments",
        "gradient_descent.clock",
        "gradient_descent.gaussian_statistics",
        "gradient_descent.model",
        "mehler.series_expectation",
        "nets.rows_of",
        "silverstein.follow",
        "slopes.inverse_psi",
        "spectral_law.complex_points",
        "spectral_law.quantile_levels",
        "subordination.check_laws",
    }
    assert found - internal <= set(CALLS) | set(ELSEWHERE)
    assert {name for name in ELSEWHERE if name.split(".")[0] not in WITHOUT_TORCH} <= found


@pytest.mark.parametrize("name", CALLS)
def test_integers_give_what_floats_give(name):
    def as_float(key, value):
        whole = {"p", "n", "N", "n_test", "k", "depth", "size", "components", "classes"}
        return value if value is None or key in whole else np.asarray(value, dtype=float)[()]

    floats = {key: as_float(key, value) for key, value in CALLS[name][1].items()}
    left, right = call(name), call(name, **floats)
    if isinstance(left, np.ndarray | float | tuple):
        np.testing.assert_equal(left, right)
    else:
        assert type(left) is type(right)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize(("name", "key"), arguments(lambda key, value: True))
def test_nan_and_infinity_are_refused_by_name(name, key, bad):
    value = CALLS[name][1][key]
    if np.ndim(value):
        value = np.array(value, dtype=float)
        value.flat[-1] = bad
        if value.ndim == 2 and key == "K":
            value.flat[0] = bad
    else:
        value = bad
    with pytest.raises(ValueError, match=rf"\b{re.escape(key)}\b"):
        call(name, **{key: value})


@pytest.mark.parametrize("bad", [0, -1, -0.5], ids=str)
@pytest.mark.parametrize(("name", "key"), arguments(lambda key, value: key in POSITIVE))
def test_quantities_that_are_positive_refuse_the_rest(name, key, bad):
    if (name, bad) == ("discrimination.plug_in_linear_discriminant_error", 0):
        return  # ratio 0 is the limit of known means
    with pytest.raises(ValueError, match=rf"\b{key}\b"):
        call(name, **{key: bad})


@pytest.mark.parametrize("bad", ["one", 1j, [[1.0, 2.0], [3.0]]], ids=["text", "complex", "ragged"])
@pytest.mark.parametrize(("name", "key"), arguments(lambda key, value: True))
def test_what_is_not_a_number_is_refused_by_name(name, key, bad):
    with pytest.raises(ValueError, match=rf"\b{re.escape(key)}\b"):
        call(name, **{key: bad})


ANY_SHAPE = re.compile(
    r"spectral_law\.|tracy_widom\.tracy_widom|kernel_spikes\.(clustering_accuracy|mean_spike)"
    r"|spikes\.(covariance_spike|estimate|signal)"
    r"|descent_modes\.momentum_rate|fuss_catalan\.fuss_catalan_pdf"
    r"|mean_field\.(variance_map|susceptibility)"
)
SHAPES = {"0": [], "0x3": np.empty((0, 3)), "2x2x2": np.full((2, 2, 2), 0.5)}


@pytest.mark.parametrize("bad", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(("name", "key"), arguments(is_array))
def test_shapes_are_kept_by_functions_of_a_number_and_refused_by_others(name, key, bad):
    if ANY_SHAPE.match(name):
        result = call(name, **{key: bad})
        field = getattr(result, "position", getattr(result, "eigenvalue", result))
        assert np.shape(field) == np.shape(bad)
    else:
        with pytest.raises(ValueError, match=rf"\b{re.escape(key)}\b"):
            call(name, **{key: bad})
