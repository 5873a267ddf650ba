"""Names for annotations that `help` prints short."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike as ArrayLike
else:

    class ArrayLike:
        """Anything that NumPy reads as an array: numbers, lists, arrays, data frames, tensors."""

        __module__ = "numpy.typing"


Seed = int | np.random.Generator | None
