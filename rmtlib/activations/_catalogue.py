"""The activations that have a name, and the door that takes names."""

from rmtlib.activations._activation import Activation
from rmtlib.activations._piecewise import PIECEWISE
from rmtlib.activations._smooth import SMOOTH

CATALOGUE: dict[str, Activation] = {f.name: f for f in (*PIECEWISE, *SMOOTH)}


def as_activation(activation: Activation | str, name: str = "activation") -> Activation:
    """The activation itself, or the one of the catalogue that has this name.

    Parameters
    ----------
    activation : Activation or str
        Upper and lower case are the same: ``"relu"``, ``"ReLU"``.
    name : str
        Parameter that an error names.

    Example
    -------
    >>> as_activation("relu").name
    'ReLU'
    """
    if isinstance(activation, Activation):
        return activation
    known = {key.casefold(): entry for key, entry in CATALOGUE.items()}
    if isinstance(activation, str) and activation.casefold() in known:
        return known[activation.casefold()]
    raise ValueError(
        f"{name} must be an Activation or one of {', '.join(CATALOGUE)}, got {activation!r}"
    )
