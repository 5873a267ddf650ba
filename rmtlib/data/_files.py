"""The published files of the data sets, and how they are decoded.

Data are decoded without being trusted: a file in the wrong format raises
`CorruptData`. Nothing is unpickled, and of an archive only the members known
by name are read. ``files.txt`` lists paths, checksums and homes.
"""

import gzip
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from io import BytesIO

import numpy as np

_CIFAR_ROWS, _CIFAR_BYTES = 10_000, 1 + 3 * 32 * 32


class CorruptData(RuntimeError):
    """A file is truncated, altered or in the wrong format; the message names it."""


@dataclass(frozen=True)
class File:
    """A published file: its path in a data folder, ``"sha256:..."`` or ``"md5:..."``, its home."""

    path: str
    checksum: str
    url: str = ""


@dataclass(frozen=True)
class Blob:
    """The bytes of a file, and what to call it in an error."""

    origin: str
    data: bytes


@dataclass(frozen=True)
class Raw:
    """Decoded points, shape (n, ...), training part first; X is ``values / divisor``."""

    values: np.ndarray
    labels: np.ndarray
    n_train: int
    divisor: float = 255.0


@dataclass(frozen=True)
class Edition:
    """Files that together make a data set, and the function that decodes their blobs."""

    files: tuple[File, ...]
    read: Callable[..., Raw]
    source: str

    def decode(self, blobs: Sequence[Blob]) -> Raw:
        """Points in the files; `CorruptData` whatever is wrong with them."""
        with _expecting(blobs[0], "data in the published format"):
            return self.read(*blobs)


@contextmanager
def _expecting(blob: Blob, what: str) -> Iterator[None]:
    """Turn anything that a decoder raises on a crafted file into `CorruptData`."""
    try:
        yield
    except CorruptData:
        raise
    except Exception as error:
        raise CorruptData(f"{blob.origin}: expected {what}, got: {error}") from error


def _gunzip(blob: Blob) -> bytes:
    with _expecting(blob, "a whole gzip file"):
        return gzip.decompress(blob.data)


def _joined(
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    blobs: Sequence[Blob],
    n_train: int,
    divisor: float = 255.0,
) -> Raw:
    """Points and labels of all parts, one label a point."""
    for (values, labels), blob in zip(parts, blobs, strict=True):
        if labels.shape != values.shape[:1]:
            rule = f"expected one label per image, {len(values)}"
            raise CorruptData(f"{blob.origin}: {rule}, got {labels.size}")
    values, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Raw(values, labels, n_train, divisor)


def _idx(blob: Blob, magic: int) -> np.ndarray:
    body, axes = _gunzip(blob), magic & 0xFF
    got = int.from_bytes(body[:4], "big")
    if got != magic:
        raise CorruptData(f"{blob.origin}: expected the magic number {magic}, got {got}")
    header = 4 + 4 * axes
    shape = np.frombuffer(body[4:header].ljust(4 * axes, b"\0"), ">u4").astype(int)
    if len(body) != header + shape.prod():
        size = f"{header + shape.prod()} bytes for shape {tuple(shape.tolist())}"
        raise CorruptData(f"{blob.origin}: expected {size}, got {len(body)} bytes")
    return np.frombuffer(body, np.uint8, offset=header).reshape(shape)


def _read_idx(*blobs: Blob) -> Raw:
    arrays = [_idx(blob, magic) for blob, magic in zip(blobs, (2051, 2049) * 2, strict=True)]
    return _joined([arrays[:2], arrays[2:]], blobs[1::2], len(arrays[0]))


def _read_npz(*blobs: Blob, n_train: int) -> Raw:
    parts = []
    for blob in blobs:
        with (
            _expecting(blob, "an npz file of plain arrays x and y"),
            np.load(BytesIO(blob.data), allow_pickle=False) as arrays,
        ):
            parts.append((arrays["x"], arrays["y"]))
        if any(array.dtype != np.uint8 for array in parts[-1]):
            raise CorruptData(f"{blob.origin}: expected arrays of uint8")
    return _joined(parts, blobs, n_train)


def _read_cifar_archive(blob: Blob) -> Raw:
    batches = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
    size, found = _CIFAR_ROWS * _CIFAR_BYTES, {}
    with (
        _expecting(blob, "a tar.gz archive"),
        tarfile.open(fileobj=BytesIO(blob.data), mode="r:gz") as archive,
    ):
        for member in archive:
            folder, _, batch = member.name.partition("/")
            if folder == "cifar-10-batches-bin" and batch in batches and member.isfile():
                found[batch] = archive.extractfile(member).read(size + 1)
    for batch in batches:
        if (got := len(found.get(batch, b""))) != size:
            raise CorruptData(f"{blob.origin}: expected {size} bytes in {batch}, got {got}")
    rows = np.frombuffer(b"".join(found[batch] for batch in batches), np.uint8)
    rows = rows.reshape(-1, _CIFAR_BYTES)
    return Raw(rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0], 5 * _CIFAR_ROWS)


def _read_svmlight(*blobs: Blob) -> Raw:
    from sklearn.datasets import load_svmlight_file

    parts = []
    for blob in blobs:
        text = _gunzip(blob) if blob.origin.endswith(".gz") else blob.data
        with _expecting(blob, "LIBSVM text with 123 features"):
            rows, labels = load_svmlight_file(BytesIO(text), n_features=123)
        if not np.isin(labels, (-1, 1)).all():
            raise CorruptData(f"{blob.origin}: expected the labels -1 and 1")
        parts.append((rows.toarray(), labels.astype(int)))
    return _joined(parts, blobs, len(parts[0][1]), divisor=1.0)


def _registry() -> dict[str, tuple[File, ...]]:
    listed: dict[str, tuple[File, ...]] = {}
    for line in files("rmtlib.data").joinpath("files.txt").read_text("utf-8").splitlines()[1:]:
        edition, path, checksum, url = line.split()
        listed[edition] = (*listed.get(edition, ()), File(path, checksum, url.strip("-")))
    return listed


_FILES = _registry()
_MNIST = "60000 training and 10000 test images"
_A9A = "a9a, the UCI Adult census extract as 123 indicators (LIBSVM data page)"
EDITIONS: dict[str, tuple[Edition, ...]] = {
    "mnist": (Edition(_FILES["mnist"], _read_idx, f"MNIST, {_MNIST} (LeCun, Cortes, Burges)"),),
    "fashion-mnist": (
        Edition(_FILES["fashion-mnist"], _read_idx, f"Fashion-MNIST, {_MNIST} (Zalando Research)"),
        Edition(
            _FILES["fashion-mnist-subset"],
            partial(_read_npz, n_train=3000),
            "Fashion-MNIST (Zalando Research), the first 4443 images of the test file: "
            "here 3000 for training, 1443 for testing",
        ),
    ),
    "cifar10": (
        Edition(
            _FILES["cifar10"],
            _read_cifar_archive,
            "CIFAR-10, 50000 training and 10000 test images (Krizhevsky)",
        ),
        Edition(
            _FILES["cifar10-subset"],
            partial(_read_npz, n_train=4000),
            "CIFAR-10 (Krizhevsky), the first 4000 training and 1000 test images",
        ),
    ),
    "a9a": (
        Edition(_FILES["a9a-packed"], _read_svmlight, _A9A),
        Edition(_FILES["a9a"], _read_svmlight, _A9A),
    ),
}

LICENCES = {
    "mnist": "CC BY-SA 3.0 (Yann LeCun, Corinna Cortes; derived from NIST data)",
    "fashion-mnist": "MIT (Zalando SE)",
    "cifar10": "none stated; free use with citation is the custom",
    "a9a": "CC BY 4.0 (UCI Adult)",
}
