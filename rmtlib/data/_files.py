"""The published files of the data sets: addresses, checksums and decoding.

Data are decoded without being trusted: a file in the wrong format raises
`CorruptData`. Nothing is unpickled, and of an archive only the members known
by name are read. `rmtlib.datasets` finds, checks and downloads the files.
"""

import gzip
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_svmlight_file

_CIFAR_ROWS, _CIFAR_BYTES = 10_000, 1 + 3 * 32 * 32


class CorruptData(RuntimeError):
    """A file is truncated, altered or in the wrong format; the message names it."""


class File(NamedTuple):
    """A published file: its path in a data folder, ``"sha256:..."`` or ``"md5:..."``, its home."""

    path: str
    checksum: str
    url: str = ""


class Blob(NamedTuple):
    """The bytes of a file, and what to call it in an error."""

    origin: str
    data: bytes


class Raw(NamedTuple):
    """Decoded points, shape (n, ...), training part first; X is ``values / divisor``."""

    values: np.ndarray
    labels: np.ndarray
    n_train: int
    divisor: float = 255.0


class Edition(NamedTuple):
    """Files that together make a data set, and the function that decodes their blobs."""

    files: tuple[File, ...]
    read: Callable[..., Raw]
    source: str


def _gunzip(blob: Blob) -> bytes:
    try:
        return gzip.decompress(blob.data)
    except (OSError, EOFError, zlib.error) as error:
        raise CorruptData(f"{blob.origin}: expected a whole gzip file, got: {error}") from error


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
    train, train_labels, test, test_labels = (
        _idx(blob, magic) for blob, magic in zip(blobs, (2051, 2049, 2051, 2049), strict=True)
    )
    values, labels = np.concatenate([train, test]), np.concatenate([train_labels, test_labels])
    return _paired(Raw(values, labels, len(train)), blobs[1])


def _read_npz(*blobs: Blob, n_train: int) -> Raw:
    parts = []
    for blob in blobs:
        try:
            with np.load(BytesIO(blob.data), allow_pickle=False) as arrays:
                parts.append((arrays["x"], arrays["y"]))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            rule = "expected an npz file of plain arrays x and y"
            raise CorruptData(f"{blob.origin}: {rule}, got: {error}") from error
        if any(array.dtype != np.uint8 for array in parts[-1]):
            raise CorruptData(f"{blob.origin}: expected arrays of uint8")
    values, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return _paired(Raw(values, labels, n_train), blobs[0])


def _read_cifar_archive(blob: Blob) -> Raw:
    batches = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
    found = {}
    try:
        with tarfile.open(fileobj=BytesIO(blob.data), mode="r:gz") as archive:
            for member in archive:
                folder, _, batch = member.name.partition("/")
                if folder == "cifar-10-batches-bin" and batch in batches and member.isfile():
                    found[batch] = archive.extractfile(member).read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise CorruptData(f"{blob.origin}: expected a tar.gz archive, got: {error}") from error
    for batch in batches:
        size = len(found.get(batch, b""))
        if size != _CIFAR_ROWS * _CIFAR_BYTES:
            rule = f"expected {_CIFAR_ROWS * _CIFAR_BYTES} bytes in {batch}"
            raise CorruptData(f"{blob.origin}: {rule}, got {size}")
    rows = np.frombuffer(b"".join(found[batch] for batch in batches), np.uint8)
    rows = rows.reshape(-1, _CIFAR_BYTES)
    return Raw(rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0], 5 * _CIFAR_ROWS)


def _read_svmlight(train: Blob, test: Blob) -> Raw:
    parts = []
    for blob in (train, test):
        text = _gunzip(blob) if blob.origin.endswith(".gz") else blob.data
        try:
            parts.append(load_svmlight_file(BytesIO(text), n_features=123))
        except ValueError as error:
            rule = "expected LIBSVM text with 123 features"
            raise CorruptData(f"{blob.origin}: {rule}, got: {error}") from error
    values = np.concatenate([rows.toarray() for rows, _ in parts])
    labels = np.concatenate([labels for _, labels in parts]).astype(int)
    return Raw(values, labels, parts[0][0].shape[0], divisor=1.0)


def _paired(raw: Raw, blob: Blob) -> Raw:
    if len(raw.values) != len(raw.labels):
        rule = f"expected one label per image, {len(raw.values)}"
        raise CorruptData(f"{blob.origin}: {rule}, got {len(raw.labels)}")
    return raw


_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_LIBSVM = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/binary/"
_CIFAR = "https://www.cs.toronto.edu/~kriz/"


def _idx_files(folder: str, home: str, *sha256: str) -> tuple[File, ...]:
    kinds = ("images-idx3", "labels-idx1")
    names = [f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in kinds]
    return tuple(
        File(f"{folder}/{name}", f"sha256:{digest}", home + name)
        for name, digest in zip(names, sha256, strict=True)
    )


EDITIONS: dict[str, tuple[Edition, ...]] = {
    "mnist": (
        Edition(
            _idx_files(
                "mnist",
                _MNIST,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
            _read_idx,
            "MNIST, 60000 training and 10000 test images (LeCun, Cortes, Burges)",
        ),
    ),
    "fashion-mnist": (
        Edition(
            _idx_files(
                "fashion-mnist",
                _FASHION,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
            _read_idx,
            "Fashion-MNIST, 60000 training and 10000 test images (Zalando Research)",
        ),
        Edition(
            (
                File(
                    "fashion-mnist/fashion-mnist-t10k-first4443.npz",
                    "sha256:80d5f6a26123f9f31ca2b4829ede67377b57b0e8f425af56278628725ba531c1",
                ),
            ),
            partial(_read_npz, n_train=3000),
            "Fashion-MNIST (Zalando Research), the first 4443 images of the test file: "
            "here 3000 for training, 1443 for testing",
        ),
    ),
    "cifar10": (
        Edition(
            (
                File(
                    "cifar10/cifar-10-binary.tar.gz",
                    "md5:c32a1d4ab5d03f1284b67883e8d87530",
                    _CIFAR + "cifar-10-binary.tar.gz",
                ),
            ),
            _read_cifar_archive,
            "CIFAR-10, 50000 training and 10000 test images (Krizhevsky)",
        ),
        Edition(
            (
                File(
                    "cifar10/cifar10-train-0000-1999.npz",
                    "sha256:3e61b12e5ea87b11132595e57f0c0f5cb88dae9d723f5b95fdf6f8f950ad6358",
                ),
                File(
                    "cifar10/cifar10-train-2000-3999.npz",
                    "sha256:70ddf501c84866dd3255df748c8eec292d55a64a3965f68a72811009d8be312a",
                ),
                File(
                    "cifar10/cifar10-test-0000-0999.npz",
                    "sha256:f35df2079df7cfd3075718d9ad450501dcb4695e81c8114668e6ad05d4b2feec",
                ),
            ),
            partial(_read_npz, n_train=4000),
            "CIFAR-10 (Krizhevsky), the first 4000 training and 1000 test images",
        ),
    ),
    "a9a": (
        Edition(
            (
                File(
                    "census/a9a.gz",
                    "sha256:b301f3e87350539f3ebc751d07b4691a8c66f0bf38c1d179c86bbf5e2d9623b2",
                ),
                File(
                    "census/a9a.t.gz",
                    "sha256:92967561181c73a60149cc8221b936eb746573fda8cbf483115d673f42b26c3f",
                ),
            ),
            _read_svmlight,
            "a9a, the UCI Adult census extract as 123 indicators (LIBSVM data page)",
        ),
        Edition(
            (
                File("census/a9a", "md5:fb3596510d780aaf76a06dc721d49662", _LIBSVM + "a9a"),
                File("census/a9a.t", "md5:f0bb16cf1ee3e80ff560e9d132ee647e", _LIBSVM + "a9a.t"),
            ),
            _read_svmlight,
            "a9a, the UCI Adult census extract as 123 indicators (LIBSVM data page)",
        ),
    ),
}

LICENCES = {
    "mnist": "CC BY-SA 3.0 (Yann LeCun, Corinna Cortes; derived from NIST data)",
    "fashion-mnist": "MIT (Zalando SE)",
    "cifar10": "none stated; free use with citation is the custom",
    "a9a": "CC BY 4.0 (UCI Adult)",
}
