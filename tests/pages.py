"""What the pages of the chapters must keep to, and the chapters that do not yet."""

# Chapters that are not converted yet; the list is to become empty.
NOT_YET = {
    "curse_of_dimensionality",
    "deep_kernels",
    "deep_learning_primer",
    "gradient_descent_dynamics",
    "hessian_spectra",
    "jacobian_spectra",
    "kernel_spectral_clustering",
    "nonlinear_gram",
    "ntk_compression",
    "one_step_feature_learning",
    "random_features",
    "sample_covariance",
}
MOST_OPEN, IN_NOTEBOOK = 350, 1_050  # lines of code that are open on a page, and in a notebook
PICTURE_BY = 1_200  # pixels from the top of a page 1280 wide
