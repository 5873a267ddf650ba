r"""Real data: MNIST, Fashion-MNIST, CIFAR-10, a9a, and stand-ins that need no network.

A data set is looked for in three places, in this order:

1. the folder named by the environment variable ``RMTLIB_DATA``, with
   subfolders ``mnist``, ``fashion-mnist``, ``cifar10`` and ``census``;
2. the user's cache (``RMTLIB_CACHE``; by default ``rmtlib`` in the system's
   folder for caches), with the same subfolders;
3. its canonical home, from which it is downloaded into the cache, unless
   ``RMTLIB_OFFLINE=1``. ``RMTLIB_MIRROR``, a base address under which the
   same subfolders are served, replaces the canonical homes (a classroom's
   server, for example).

Every file is checked against its published checksum each time it is read. A
file that fails is refused (``CorruptData``) and never enters the cache.
`rmtlib.data._files` lists the files and decodes them.

``python -m rmtlib.data mnist a9a`` downloads ahead of time.
"""

import hashlib
import os
import secrets
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO

import numpy as np
from sklearn.datasets import load_digits
from tqdm import tqdm

from rmtlib import _checks
from rmtlib.data._files import EDITIONS, LICENCES, Blob, CorruptData, Edition, File, Raw

_TIMEOUT = 30  # seconds without an answer
_CHUNK = 1 << 16
_NETWORK_ERRORS = (OSError, HTTPException)  # URLError and TimeoutError are OSErrors


class DataUnavailable(RuntimeError):
    """A data set is in none of the places searched; the message says how to get it."""


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Points with labels, in the order of their files.

    Parameters
    ----------
    name : str
        What was loaded: the name of the fallback where that was used.
    X : float array, shape (p, n)
        Columns are samples; pixels are in [0, 1].
    labels : integer array, shape (n,)
        Labels as published.
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


# Stand-ins that need no network


def _digits() -> Raw:
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


# Finding and downloading


def cache_folder() -> Path:
    """Folder into which data are downloaded.

    ``RMTLIB_CACHE`` if set; otherwise ``rmtlib`` in ``XDG_CACHE_HOME`` or in
    the system's folder for caches.

    Returns
    -------
    pathlib.Path
        It may not exist yet.
    """
    if chosen := os.environ.get("RMTLIB_CACHE"):
        return Path(chosen).expanduser()
    if root := os.environ.get("XDG_CACHE_HOME"):
        return Path(root) / "rmtlib"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "rmtlib"
    caches = Path("Library", "Caches") if sys.platform == "darwin" else Path(".cache")
    return Path.home() / caches / "rmtlib"


def _folders() -> list[Path]:
    data = os.environ.get("RMTLIB_DATA")
    return [*([Path(data).expanduser()] if data else []), cache_folder()]


def _offline() -> bool:
    return os.environ.get("RMTLIB_OFFLINE", "") not in ("", "0")


def _url(file: File) -> str:
    mirror = os.environ.get("RMTLIB_MIRROR")
    url = f"{mirror.rstrip('/')}/{file.path}" if mirror else file.url
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"RMTLIB_MIRROR must begin with http:// or https://, got {mirror!r}")
    return url


def _has(folder: Path, edition: Edition) -> bool:
    return all((folder / file.path).is_file() for file in edition.files)


def _downloadable(name: str) -> Edition:
    return next(edition for edition in EDITIONS[name] if all(file.url for file in edition.files))


def _verified(path: Path, file: File, origin: str = "") -> Blob:
    advice = "it was not kept" if origin else "delete it, and the next load fetches it anew"
    origin = origin or str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataUnavailable(f"cannot read {path}: {error}") from error
    algorithm, _, expected = file.checksum.partition(":")
    got = hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()
    if got != expected:
        raise CorruptData(
            f"{origin}: expected {algorithm} {expected}, got {got} ({len(data)} bytes): "
            f"truncated, or not the published file; {advice}"
        )
    return Blob(origin, data)


def _download(file: File) -> None:
    url, target = _url(file), cache_folder() / file.path
    part = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        out = part.open("xb")
    except OSError as error:
        raise DataUnavailable(
            f"cannot write into the cache folder {target.parent}: {error}; "
            "name another folder in the environment variable RMTLIB_CACHE"
        ) from error
    try:
        with out:
            _transfer(url, out, target.name)
        _verified(part, file, url)
        os.replace(part, target)
    except _NETWORK_ERRORS as error:
        raise DataUnavailable(f"downloading {url} failed: {error}") from error
    finally:
        part.unlink(missing_ok=True)


def _transfer(url: str, out: BinaryIO, title: str) -> None:
    request = urllib.request.Request(url, headers={"User-Agent": "rmtlib"})
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
        total = int(response.headers.get("Content-Length", 0)) or None
        with tqdm(total=total, desc=title, unit="B", unit_scale=True, disable=None) as bar:
            while chunk := response.read(_CHUNK):
                bar.update(out.write(chunk))


def _find(name: str) -> tuple[Path, Edition] | None:
    for folder in _folders():
        for edition in EDITIONS[name]:
            if _has(folder, edition):
                return folder, edition
    return None


def files_at_hand(name: str) -> tuple[Path, ...]:
    """Files from which `load` would read a data set; none if it is not at hand.

    Parameters
    ----------
    name : str
        One of `NAMES`; the stand-ins need no file and have none.

    Returns
    -------
    tuple of Path

    Raises
    ------
    ValueError
        If there is no data set of this name.

    Example
    -------
    >>> files_at_hand("digits")
    ()
    """
    _checks.one_of("name", name, NAMES)
    if name in _STAND_INS or (found := _find(name)) is None:
        return ()
    folder, edition = found
    return tuple(folder / file.path for file in edition.files)


def _unavailable(name: str, why: str) -> DataUnavailable:
    folders = [f"{folder / Path(EDITIONS[name][0].files[0].path).parent}" for folder in _folders()]
    return DataUnavailable(
        f"{name} is not at hand: looked in {' and in '.join(folders)}; {why}. Name a folder that "
        "holds it in RMTLIB_DATA, or run `make data` (or `python -m rmtlib.datasets "
        f"{name}`) with a network; a fallback such as 'digits' needs neither"
    )


def _open(name: str) -> tuple[Raw, str, str]:
    if name in _STAND_INS:
        make, source, licence = _STAND_INS[name]
        return make(), source, licence
    if _find(name) is None:
        fetch(name)
    folder, edition = _find(name)
    blobs = [_verified(folder / file.path, file) for file in edition.files]
    return edition.read(*blobs), edition.source, LICENCES[name]


def fetch(*names: str) -> None:
    """Download into the cache what is neither there nor in ``RMTLIB_DATA``.

    A damaged file in the cache is replaced. Several processes may do this at once.

    Parameters
    ----------
    *names : str
        Among ``"mnist"``, ``"fashion-mnist"``, ``"cifar10"``, ``"a9a"``; the
        names of stand-ins are accepted and need nothing.

    Raises
    ------
    ~rmtlib.data.DataUnavailable
        If there is no network, ``RMTLIB_OFFLINE=1``, or the cache is not writable.
    ~rmtlib.data.CorruptData
        If what arrives is not the published file; it is not kept.
    ValueError
        If a name is unknown.
    """
    for name in names:
        _checks.one_of("name", name, NAMES)
        if name in _STAND_INS:
            continue
        found = _find(name)
        if found and found[0] != cache_folder():
            continue
        for file in (found[1] if found else _downloadable(name)).files:
            if _sound(file):
                continue
            if _offline():
                raise _unavailable(name, "nothing is downloaded because RMTLIB_OFFLINE is set")
            try:
                _download(file)
            except DataUnavailable as error:
                raise _unavailable(name, str(error)) from error


def _sound(file: File) -> bool:
    path = cache_folder() / file.path
    try:
        return path.is_file() and bool(_verified(path, file))
    except CorruptData:
        if not file.url:
            raise
        return False


# Loading


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
    raw: Raw,
    classes: Sequence[int] | None,
    n: int | tuple[int, int] | None,
    may_be_short: bool,
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
