r"""Real data: MNIST, Fashion-MNIST, CIFAR-10, a9a, and stand-ins that need no network.

A data set is looked for in three places, in this order:

1. the folder named by the environment variable ``RMTLIB_DATA``, with
   subfolders ``mnist``, ``fashion-mnist``, ``cifar10`` and ``census``;
2. the user's cache (``RMTLIB_CACHE``; by default ``~/.cache/rmtlib``, or ``rmtlib`` in
   ``XDG_CACHE_HOME``), with the same subfolders;
3. its canonical home, from which it is downloaded into the cache, unless
   ``RMTLIB_OFFLINE=1``. ``RMTLIB_MIRROR``, a base address under which the
   same subfolders are served, replaces the canonical homes (a classroom's
   server, for example).

Every file is checked against its published checksum each time it is read. A
file that fails is refused (``CorruptData``) and never enters the cache.
``python -m rmtlib.data mnist a9a`` downloads ahead of time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rmtlib import _checks
from rmtlib.data._download import DataUnavailable, read
from rmtlib.data._files import EDITIONS, LICENCES, Raw


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Points with labels, in the order of their files.

    Parameters
    ----------
    name : str
        What was loaded: the name of the fallback where that was used.
    X : float array, shape (p, n)
        Columns are samples; pixels are in [0, 1].
    labels : array, shape (n,)
        Labels as published (integers); -1.0 and 1.0 after `pair`.
    train : boolean array, shape (n,)
        True for the points of the training part.
    source, licence : str
        Where the data come from and their terms.
    shape : tuple of int
        Shape of one sample: ``X[:, i].reshape(shape)`` is an image.
    """

    name: str
    X: np.ndarray
    labels: np.ndarray
    train: np.ndarray
    source: str
    licence: str
    shape: tuple[int, ...]

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}, X {self.X.shape}, {self.train.sum()} for training)"

    def centered(
        self, *, train_only: bool = True, varying: bool = False, squared_norm: float | None = None
    ) -> "Dataset":
        r"""The points minus their mean.

        .. math:: x_i \mapsto (x_i - \bar x) \sqrt{s \big/ \tfrac1m
            \textstyle\sum_j \|x_j - \bar x\|^2} ,

        where the sum and the mean :math:`\bar x` are over the m training points.

        Parameters
        ----------
        train_only : bool
            Whether the mean and the scale are those of the training points, or of all.
        varying : bool
            Leave out coordinates that are the same in all these points.
        squared_norm : positive float, optional
            Mean squared norm s of these points afterwards; without it nothing is scaled.

        Returns
        -------
        Dataset
            ``shape`` is (p,) if coordinates were left out.

        Example
        -------
        >>> digits = load("digits").centered(squared_norm=1.0)
        >>> float(np.mean(np.sum(digits.X[:, digits.train] ** 2, axis=0)).round(12))
        1.0
        """
        used = self.train if train_only else np.ones_like(self.train)
        if not used.any():
            raise ValueError("train must hold a training point, got none (or train_only=False)")
        X, shape = self.X, self.shape
        if varying:
            X = X[X[:, used].std(axis=1) > 0]
            shape = shape if X.shape == self.X.shape else (len(X),)
        X = X - X[:, used].mean(axis=1, keepdims=True)
        if squared_norm is not None:
            wanted = _checks.positive("squared_norm", squared_norm)
            found = np.mean(np.sum(X[:, used] ** 2, axis=0))
            if found == 0:
                raise ValueError("X must vary, got equal columns")
            X = X / np.sqrt(found / wanted)
        return replace(self, X=X, shape=shape)

    def pair(self, negative: int, positive: int) -> "Dataset":
        """The points of two classes, with labels -1.0 and 1.0.

        Example
        -------
        >>> load("digits", n=10).pair(3, 8).labels
        array([-1.,  1.])
        """
        for label in (negative, positive):
            if label not in self.labels:
                raise ValueError(f"labels must hold {label}, got {np.unique(self.labels)}")
        if negative == positive:
            raise ValueError(f"positive must be another label than negative, got {positive} twice")
        keep = np.isin(self.labels, (negative, positive))
        labels = np.where(self.labels[keep] == positive, 1.0, -1.0)
        return replace(self, X=self.X[:, keep], labels=labels, train=self.train[keep])


# Stand-ins that need no network


def _digits() -> Raw:
    from sklearn.datasets import load_digits

    digits = load_digits()
    return Raw(digits.images, digits.target, 1200, divisor=16.0)


def _synthetic_table() -> Raw:
    rng = _checks.as_rng(1994)
    n, levels = 32_561 + 16_281, (5, 8, 5, 16, 5, 7, 14, 6, 5, 2, 2, 2, 5, 41)
    drawn = np.stack([rng.choice(k, size=n, p=rng.dirichlet(np.ones(k))) for k in levels])
    columns = drawn + np.cumsum((0, *levels[:-1]))[:, None]
    effects = rng.standard_normal(sum(levels))
    score = effects[columns].sum(axis=0) + 2 * rng.standard_normal(n)
    values = np.zeros((n, sum(levels)))
    values[np.arange(n), columns] = 1
    return Raw(values, np.where(score > np.quantile(score, 0.76), 1, -1), 32_561, divisor=1.0)


_STAND_INS = {
    "digits": (_digits, "scikit-learn's load_digits: 1200 training, 597 test images", "CC BY 4.0"),
    "synthetic-table": (
        _synthetic_table,
        "14 independent categorical attributes as 123 indicators, seeded: not real data",
        "none needed",
    ),
}


NAMES = (*EDITIONS, *_STAND_INS)


def _open(name: str) -> tuple[Raw, str, str]:
    if name in _STAND_INS:
        make, source, licence = _STAND_INS[name]
        return make(), source, licence
    edition, blobs = read(name)
    return edition.decode(blobs), edition.source, LICENCES[name]


def load(
    name: str,
    classes: Sequence[int] | None = None,
    n: int | tuple[int, int] | None = None,
    fallback: str | None = None,
) -> Dataset:
    r"""Load a data set, from disk or from its home.

    Points come in the order of their files, the training part first; nothing
    is shuffled or centered. With x the published bytes of a pixel,

    .. math:: X = x / 255 \in [0, 1] .

    Parameters
    ----------
    name : str
        - ``"mnist"``: 28 x 28 digits, 60000 + 10000 :cite:`LeCun98`;
        - ``"fashion-mnist"``: 28 x 28 clothes, 60000 + 10000 :cite:`Xiao17`, or the first
          4443 images of its test file, taken as 3000 + 1443;
        - ``"cifar10"``: 3 x 32 x 32 pixels, 50000 + 10000 :cite:`Krizhevsky09`, or the first
          4000 + 1000;
        - ``"a9a"``: 123 indicators of a census extract and labels -1, 1, 32561 + 16281
          :cite:`BeckerKohavi96`, :cite:`Platt98`. It holds sensitive attributes (race, sex):
          a feature matrix for experiments, not grounds for conclusions about people;
        - ``"digits"``: 8 x 8 digits, inside scikit-learn, 1200 + 597, divided by 16;
        - ``"synthetic-table"``: a seeded table of the shape of a9a.
    classes : sequence of int, optional
        Keep the points with these labels, still in the order of the files.
    n : int or pair of int, optional
        An integer keeps the first n points after the selection of classes,
        which are training points as long as there are enough. A pair
        ``(n_train, n_test)`` keeps the first of each part. A fallback that
        has fewer gives all it has.
    fallback : str, optional
        ``"digits"`` or ``"synthetic-table"``: what to load instead when the
        data cannot be had. ``Dataset.name`` tells which one it was.

    Returns
    -------
    Dataset
        With ``X`` of shape (p, n), float64.

    Raises
    ------
    ~rmtlib.data.DataUnavailable
        If the data cannot be had and there is no fallback.
    ~rmtlib.data.CorruptData
        If a file that was found or downloaded is not the published one, even
        with a fallback.
    ValueError
        If an argument is not as above, or the data hold fewer points than ``n``.

    Example
    -------
    >>> data = load("digits", classes=(0, 1), n=100)
    >>> data.X.shape, data.X[:, 0].reshape(data.shape).shape
    ((64, 100), (8, 8))
    >>> data.labels[:6], bool(data.train.all())
    (array([0, 1, 0, 1, 0, 1]), True)
    """
    _checks.one_of("name", name, NAMES)
    if fallback is not None:
        _checks.one_of("fallback", fallback, tuple(_STAND_INS), "it must need no network")
    used = name
    try:
        raw, source, licence = _open(name)
    except DataUnavailable:
        if fallback is None:
            raise
        used = fallback
        raw, source, licence = _open(fallback)
    keep = _select(raw, classes, n, may_be_short=used != name)
    values = raw.values[keep]
    return Dataset(
        name=used,
        X=values.reshape(len(keep), -1).T / raw.divisor,
        labels=raw.labels[keep].astype(int),
        train=keep < raw.n_train,
        source=source,
        licence=licence,
        shape=values.shape[1:],
    )


def _select(
    raw: Raw, classes: Sequence[int] | None, n: int | tuple[int, int] | None, may_be_short: bool
) -> np.ndarray:
    keep = np.arange(len(raw.labels))
    if classes is not None:
        wanted, known = _checks.labels("classes", classes), np.unique(raw.labels)
        if not np.isin(wanted, known).all():
            raise ValueError(f"classes must be among {known.tolist()}, got {wanted.tolist()}")
        keep = np.flatnonzero(np.isin(raw.labels, wanted))
    if n is None:
        return keep
    if not isinstance(n, tuple | list):
        parts, sizes = [keep], [_checks.count("n", n)]
    elif len(n) == 2:
        parts = [keep[keep < raw.n_train], keep[keep >= raw.n_train]]
        sizes = [_checks.count("n", size, 0) for size in n]
        _checks.count("n", sum(sizes), why="n_train + n_test")
    else:
        raise ValueError(f"n must be an integer or (n_train, n_test), got {n!r}")
    have = [len(part) for part in parts]
    if not may_be_short and any(size > most for size, most in zip(sizes, have, strict=True)):
        most = have[0] if len(have) == 1 else tuple(have)
        raise ValueError(f"n must be at most {most}, got {n} (what this copy holds of the classes)")
    return np.concatenate([part[:size] for part, size in zip(parts, sizes, strict=True)])
