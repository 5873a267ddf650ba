"""Independent replicates of a simulation, on one core, on all of them or on a cluster."""

from collections.abc import Callable
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from rmtlib._checks import as_rng, count
from rmtlib._types import Seed


def replicate(
    simulate: Callable[[np.random.Generator], Any],
    draws: int,
    *,
    rng: Seed = None,
    n_jobs: int | None = None,
) -> list[Any]:
    """Results of ``simulate`` for ``draws`` independent random generators, in order.

    Draw k always gets the k-th child of ``rng``, so that the results depend neither on the
    number of workers nor on where they run. Work goes through joblib: inside
    ``joblib.parallel_config(backend="dask")`` it is sent to the cluster that the current Dask
    client is connected to.

    Parameters
    ----------
    simulate : callable
        Takes a ``numpy.random.Generator`` and returns anything that can be pickled. It runs
        in another process when there are several workers.
    draws : integer >= 1
        Number of replicates.
    rng : None, int or Generator
        Randomness; a generator is advanced, so that the next call draws something new.
    n_jobs : None or nonzero integer
        Number of workers, -1 for all cores. None leaves the choice to
        ``joblib.parallel_config``, and to one worker where that says nothing.

    Returns
    -------
    list
        The ``draws`` results.

    Raises
    ------
    ValueError
        If ``draws`` or ``rng`` is not of the kind above, or ``n_jobs`` is zero.

    Example
    -------
    >>> def largest(rng):
    ...     return np.linalg.eigvalsh(np.cov(rng.standard_normal((5, 50))))[-1]
    >>> serial, parallel = replicate(largest, 4, rng=0), replicate(largest, 4, rng=0, n_jobs=2)
    >>> len(serial), bool(np.allclose(serial, parallel, rtol=1e-12))
    (4, True)
    """
    children = as_rng(rng).spawn(count("draws", draws))
    if n_jobs == 0:
        raise ValueError("n_jobs must be None or a nonzero integer, got 0 (no worker)")
    return Parallel(n_jobs=n_jobs)(delayed(simulate)(child) for child in children)
