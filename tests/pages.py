"""What the pages of the chapters must keep to, and the chapters that do not yet."""

# Chapters that are not converted yet; the list is to become empty.
NOT_YET = {
    "curse_of_dimensionality",
    "deep_equilibrium",
    "deep_kernels",
    "deep_learning_primer",
    "gradient_descent_dynamics",
    "hessian_spectra",
    "jacobian_spectra",
    "kernel_spectral_clustering",
    "nonlinear_gram",
    "ntk_compression",
    "one_step_feature_learning",
    "sample_covariance",
}
MOST_OPEN, IN_NOTEBOOK = 350, 1_025  # lines of code: open on a page; of a notebook, without set-up
PICTURE_BY = 1_200  # pixels from the top of a page 1280 wide
