"""Every public function at its door, from its signature: bad input is refused by name.

A valid call is put together from the names of the parameters; then each parameter in
turn gets what its annotation does not allow.
"""

import dataclasses
import importlib
import inspect
import re
import typing

import numpy as np
import pytest

from rmtlib._types import ArrayLike
from rmtlib.activations import ERF, RELU, Activation, Quadratic
from rmtlib.clustering import HEAT
from rmtlib.jacobians import SquaredSlopes
from rmtlib.kernels import KernelCoefficients
from rmtlib.laws import Discrete, MarchenkoPastur, SampleCovariance, Semicircle
from rmtlib.mixtures import GaussianMixture

PACKAGES = [
    "activations",
    "clustering",
    "covariance",
    "curvature",
    "dynamics",
    "features",
    "jacobians",
    "kernels",
    "laws",
    "mixtures",
    "quantization",
]
X = np.array([[1.0, 2, 0, 4], [0, 1, 3, 1], [2, 0, 1, 5]])
K = np.array([[4.0, 1, 0, 1], [1, 4, 2, 0], [0, 2, 5, 1], [1, 0, 1, 6]])
Y = np.array([1.0, 2, 3, 4])
MIXTURE = GaussianMixture([[2.0, -2], [0, 0], [1, 1]])
LAYER = KernelCoefficients.of_data(1.0).then(RELU)

# What a parameter of this name may be.
VALUES = {
    "A": K, "B": K, "K": K, "Theta": K, "Sigma": X, "X": X, "W": [[1.0, 2, 1], [3, 4, 1]],
    "activation": "tanh", "activations": ["tanh", "relu"], "alignment": [0.0, 1.0],
    "beta": [1.0, 2.0], "bias_variance": 1.0, "center": 2.0, "classes": 2, "components": 2,
    "contrast": 2.0, "correlations": [1.0, 0.5, 0.25],
    "covariance": 0.5, "curvature": 1.0, "depth": 2, "distance": 3.0,
    "eigenvalues": [1.0, 2, 3], "eigenvalue": 30.0, "energy": 1.0, "eta": 2.0, "features": 2,
    "features_per_dimension": 2.0, "features_per_sample": 1.0, "feedback": 0.5, "first": -1.0,
    "high": 4.0, "init_variance": 1.0, "injection": 1.0, "input_variance": 1.0,
    "jumps": [1.0, -2], "labels": np.array([0, 1, 0, 1]), "law": MarchenkoPastur(2.0),
    "layer": LAYER, "learning_rate": 0.1, "left": 0.5, "level": 1.0, "levels": [-1.0, 0, 1],
    "low": 0.0, "margin": 1.0, "means": [[1.0, 2], [3, 4]], "mixture": MIXTURE, "N": 5, "n": 4,
    "noise": 1.0, "offset": 0.0, "operator": "centered", "overlap": 0.5, "p": 3,
    "parameters": 6, "parameters_per_residual": 2.0, "points": [1.0, 3.0],
    "population": Discrete([1.0, 3.0]), "position": [3.0, 9.0], "predicted": np.array([0, 1, 0, 1]),
    "previous": MarchenkoPastur(0.5), "profile": HEAT, "rates": [1.0, 2.0],
    "ratio": 2.0, "residuals": 8, "ridge": 1.0, "right": 1.0, "rng": 0, "samples": 8,
    "samples_per_dimension": 8.0, "samples_per_feature": [1.0, 2.0], "second": 1.0,
    "separation": 3.0, "shape": (2, 3), "signal": 3.0, "slope": 1.0, "slopes":
    SquaredSlopes("tanh", 1.0), "sparsity": 0.5, "start": [1.0, 0, 2], "step_size": 1.0,
    "steps": 3, "strength": [1.0, 3.0], "student": "tanh", "teacher": "tanh",
    "thresholds": [-1.0, 1.0], "times": [1.0, 3.0], "trace_difference": 2.0, "value": 4.0,
    "variance": 1.0, "variance_u": 1.0, "variance_v": 2.0, "variances": [1.0, 2.0],
    "weights": None, "width": 4, "y": Y, "z": 1j, "zeta": 1.0, "mean_strength": 1.0,
}  # fmt: skip
# Where a function needs something else under the same name.
SPECIAL = {
    "clustering.linearization_terms": {"X": X},
    "covariance.oracle_shrinkage": {"law": SampleCovariance(2.0, Discrete([1.0, 3.0]))},
    "covariance.largest_eigenvalue_test": {"n": 9},
    "covariance.nonlinear_shrinkage": {"n": 20},
    "covariance.autocorrelation": {"X": np.array([[1.0, 2, 0, 4, 3], [0, 1, 3, 1, 1]])},
    "kernels.feedback_limit": {"activation": "relu"},
    "kernels.match_clip": {"layer": KernelCoefficients.of_data(1.0).then(ERF)},
    "kernels.weight_moment_correction": {"activation": Quadratic(1.0, 1.0, 0.0)},
    "laws.diagnose": {"eigenvalues": np.linspace(0.1, 2.5, 30)},
    "mixtures.nearest_neighbor_accuracy": {"p": 50.0, "n": 20},
    "curvature.lanczos": {"A": K, "start": [1.0, 0, 2, 1]},
    "features.first_layer_gradient": {"y": Y},
    "laws.spiked_wishart": {"strength": 2.0, "p": 5, "n": 9},
    "quantization.memory_bits": {"weights": 100},
}
# Public, but without a numerical door of their own, or tested with bad input elsewhere.
ELSEWHERE = {
    "activations.Activation": "takes functions: tests/activations",
    "curvature.Curvature": "takes a network: tests/curvature",
    "laws.SpectralLaw": "abstract",
    "covariance.Outlier": "a result",
    "clustering.RadialProfile": "takes functions: tests/clustering",
    "covariance.report": "takes data: tests/covariance",
    "covariance.SpikeShrinkage": "refuses in fit, as scikit-learn does: tests/covariance",
    "covariance.NonlinearShrinkage": "refuses in fit, as scikit-learn does: tests/covariance",
}


def classes_and_functions():
    for package in PACKAGES:
        face = importlib.import_module(f"rmtlib.{package}")
        for name in dir(face):
            if name.startswith("_") or f"{package}.{name}" in ELSEWHERE:
                continue
            thing = getattr(face, name)
            result = dataclasses.is_dataclass(thing) and not hasattr(thing, "__post_init__")
            if inspect.isfunction(thing) or (inspect.isclass(thing) and not result):
                yield f"{package}.{name}", thing


def kind(annotation):
    """What an annotation asks for, in one word; None where a test knows nothing about it."""
    if annotation in (ArrayLike, ArrayLike | None) or (
        typing.get_origin(annotation) is not None and float in typing.get_args(annotation)
        and "Sequence" in str(annotation)
    ):  # fmt: skip
        return "array"
    parts = {a for a in typing.get_args(annotation) or (annotation,) if isinstance(a, type)}
    if Activation in parts:
        return "activation"
    if np.random.Generator in parts:
        return "rng"
    for one in (str, int, float):
        if one in parts and parts <= {one, type(None)}:
            return one.__name__
    return None


THINGS = dict(classes_and_functions())
DOORS = [
    pytest.param(name, key, kind(parameter.annotation), id=f"{name}-{key}")
    for name, thing in THINGS.items()
    for key, parameter in inspect.signature(thing).parameters.items()
    if kind(parameter.annotation) and key not in ("name", "block_size")
]


def annotation_of(name, key):
    return inspect.signature(THINGS[name]).parameters[key].annotation


def of(*kinds):
    return [door for door in DOORS if door.values[2] in kinds]


def arguments(name, **changes):
    """Positional-or-keyword arguments of a valid call, with changes."""
    signature = inspect.signature(THINGS[name]).parameters
    chosen = {
        key: VALUES[key]
        for key, parameter in signature.items()
        if parameter.default is inspect.Parameter.empty
        and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        and key not in SPECIAL.get(name, {})
    }
    return chosen | {k: v for k, v in SPECIAL.get(name, {}).items() if k in signature} | changes


def call(name, **changes):
    given = arguments(name, **changes)
    if "rng" in inspect.signature(THINGS[name]).parameters:
        given.setdefault("rng", 0)
    return THINGS[name](**given)


def same(left, right):
    """Equal up to the precision of float32, whatever a result is made of."""
    if dataclasses.is_dataclass(left):
        return all(
            same(getattr(left, f.name), getattr(right, f.name)) for f in dataclasses.fields(left)
        )
    if isinstance(left, tuple):
        return all(map(same, left, right))
    if isinstance(left, np.ndarray) and left.dtype.kind not in "biufc":
        return True
    if isinstance(left, int | float | complex | np.ndarray):
        return np.allclose(left, right, rtol=1e-4, atol=1e-4, equal_nan=True)
    return type(left) is type(right)


@pytest.mark.parametrize("name", THINGS)
def test_a_valid_call_can_be_put_together_and_is_repeated_exactly(name):
    first, second = call(name), call(name)
    assert same(first, second)


@pytest.mark.parametrize("bad", [np.nan, np.inf, "one", 1j, [[1.0, 2.0], [3.0]], None], ids=str)
@pytest.mark.parametrize(("name", "key", "what"), of("float"))
def test_what_is_no_finite_number_is_refused_by_name(name, key, what, bad):
    if bad is None and type(None) in typing.get_args(annotation_of(name, key)):
        return
    with pytest.raises(ValueError, match=rf"\b{re.escape(key)}\b"):
        call(name, **{key: bad})


@pytest.mark.parametrize("bad", [2.5, "3", True, np.nan, 0, -1], ids=str)
@pytest.mark.parametrize(("name", "key", "what"), of("int"))
def test_what_is_no_size_is_refused_by_name(name, key, what, bad):
    if bad == 0 and (name == "quantization.memory_bits" or key == "spikes"):
        return
    with pytest.raises(ValueError, match=rf"\b{re.escape(key)}\b"):
        call(name, **{key: bad})


COUNTS_IN_FORMULAS = {
    "covariance.largest_eigenvalue_scale",
    "covariance.largest_eigenvalue_test",
    "covariance.nonlinear_shrinkage",
    "features.ridgeless_risk_finite",
    "quantization.memory_bits",
}


@pytest.mark.parametrize(("name", "key", "what"), of("int"))
def test_a_size_that_would_fill_the_memory_is_refused_by_name(name, key, what):
    if name in COUNTS_IN_FORMULAS and key not in ("activation_bits", "beta"):
        call(name, **{key: 10**9})
        return
    with pytest.raises(ValueError, match=rf"\b{re.escape(key)}\b"):
        call(name, **{key: 10**9})


COMPLEX = {"covariance.autocorrelation.X", "laws.sample_covariance_eigenvalues.X"}
BAD_ARRAYS = {
    "nan": lambda a: np.where(np.arange(a.size).reshape(a.shape) == a.size - 1, np.nan, a),
    "complex": lambda a: a * 1j,
    "text": lambda a: np.full(a.shape, "x"),
    "ragged": lambda a: [[1.0, 2.0], [3.0]],
    "masked": lambda a: np.ma.masked_array(a, mask=np.zeros(a.shape, dtype=bool)),
    "no number": lambda a: {"a": 1},
}


@pytest.mark.parametrize("spoil", BAD_ARRAYS.values(), ids=BAD_ARRAYS)
@pytest.mark.parametrize(("name", "key", "what"), of("array"))
def test_what_is_no_array_of_finite_numbers_is_refused_by_name(name, key, what, spoil):
    value = arguments(name).get(key)
    if value is None:
        value = Y
    if spoil is BAD_ARRAYS["complex"] and f"{name}.{key}" in COMPLEX:
        return
    with pytest.raises(ValueError, match=rf"\b{re.escape(key)}\b"):
        call(name, **{key: spoil(np.array(value, dtype=float))})


@pytest.mark.parametrize(("name", "key", "what"), of("array"))
def test_single_precision_and_lists_give_what_double_precision_gives(name, key, what):
    value = arguments(name).get(key)
    if value is None or key in ("labels", "predicted"):
        return
    array = np.array(value, dtype=float)
    right = call(name, **{key: array})
    assert same(call(name, **{key: array.astype(np.float32)}), right)
    assert same(call(name, **{key: array.tolist()}), right)


@pytest.mark.parametrize("bad", ["no such function", None, 3, np.tanh], ids=str)
@pytest.mark.parametrize(("name", "key", "what"), of("activation"))
def test_what_is_no_activation_is_refused_by_name(name, key, what, bad):
    if bad is np.tanh and name == "features.random_features":
        return  # any function is a feature map
    with pytest.raises(ValueError, match=rf"\b{re.escape(key)}\b"):
        call(name, **{key: bad})


@pytest.mark.parametrize(("name", "key", "what"), of("activation"))
def test_names_of_activations_are_as_good_as_activations(name, key, what):
    if name == "kernels.weight_moment_correction":
        return  # quadratic ones only
    assert same(call(name, **{key: "ReLU"}), call(name, **{key: RELU}))


@pytest.mark.parametrize("bad", [-1, 1.5, "seed", np.random.RandomState(0)], ids=str)
@pytest.mark.parametrize(("name", "key", "what"), of("rng"))
def test_what_is_no_source_of_randomness_is_refused_by_name(name, key, what, bad):
    with pytest.raises(ValueError, match="rng"):
        call(name, **{key: bad})


@pytest.mark.parametrize(("name", "key", "what"), of("str"))
def test_unknown_choices_are_refused_by_name(name, key, what):
    for bad in ("no such choice", 3, None):
        with pytest.raises(ValueError, match=rf"\b{re.escape(key)}\b"):
            call(name, **{key: bad})


@pytest.mark.book
@pytest.mark.parametrize(("name", "key", "what"), of("array"))
def test_tensors_are_read_and_refused_while_they_carry_a_gradient(name, key, what):
    import torch

    value = arguments(name).get(key)
    if value is None or key in ("labels", "predicted"):
        return
    tensor = torch.tensor(np.array(value, dtype=float))
    assert same(call(name, **{key: tensor}), call(name, **{key: tensor.numpy()}))
    with pytest.raises(ValueError, match=rf"\b{re.escape(key)}\b"):
        call(name, **{key: tensor.requires_grad_()})


LAW_METHODS = {"pdf": "x", "cdf": "x", "ppf": "q", "stieltjes": "z"}


@pytest.mark.parametrize("method", LAW_METHODS)
@pytest.mark.parametrize("law", [MarchenkoPastur(0.5), Semicircle(), Discrete([1.0])], ids=repr)
def test_laws_refuse_points_that_are_no_numbers(law, method):
    for bad in (np.nan, "x", [[1.0, 2.0], [3.0]]):
        with pytest.raises(ValueError, match=rf"\b{LAW_METHODS[method]}\b"):
            getattr(law, method)(bad)
