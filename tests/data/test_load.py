import gzip
import hashlib
import io
import os
import re
import socket
import subprocess
import sys
import tarfile
import threading
import time
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from rmtlib import as_rng
from rmtlib.data import CorruptData, DataUnavailable, load
from rmtlib.data import _download as download
from rmtlib.data import _files as data_files
from rmtlib.data.__main__ import main

DATA = os.environ.get("RMTLIB_DATA")
MNIST_FILES = [
    f"{part}-{kind}-ubyte.gz"
    for part in ("train", "t10k")
    for kind in ("images-idx3", "labels-idx1")
]


def published(*paths):
    """A test that reads the published files, and is skipped where they are absent."""
    absent = [path for path in paths if not (DATA and (Path(DATA) / path).is_file())]
    reason = f"missing data: RMTLIB_DATA={DATA} lacks {', '.join(absent)}"
    return pytest.mark.skipif(bool(absent), reason=reason)


@pytest.fixture(autouse=True)
def isolated(tmp_path, monkeypatch):
    """No data folder, no network, an empty cache."""
    for variable in ("RMTLIB_DATA", "RMTLIB_MIRROR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("RMTLIB_OFFLINE", "1")
    monkeypatch.setenv("RMTLIB_CACHE", str(tmp_path / "cache"))


def idx(array):
    header = (0x0800 + array.ndim).to_bytes(4, "big")
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return gzip.compress(header + sizes + array.tobytes(), mtime=0)


def small_mnist():
    """Published bytes of a 12 + 5 point MNIST with the labels 0, 1, 2, 0, 1, 2, ..."""
    rng = as_rng(0)
    return {
        f"mnist/{name}": idx(
            rng.integers(0, 256, (size, 28, 28), dtype=np.uint8)
            if "images" in name
            else np.arange(size, dtype=np.uint8) % 3
        )
        for name, size in zip(MNIST_FILES, (12, 12, 5, 5), strict=True)
    }


def write(folder, files):
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def files_of(contents, url="http://127.0.0.1:9/"):
    return tuple(
        data_files.File(path, f"sha256:{hashlib.sha256(content).hexdigest()}", url + path)
        for path, content in contents.items()
    )


def publish(monkeypatch, name, contents, read, source="small"):
    """Make the checksums of `contents` the published ones, the only edition of the data set."""
    edition = data_files.Edition(files_of(contents), read, source)
    monkeypatch.setitem(data_files.EDITIONS, name, (edition,))
    return contents


@pytest.fixture
def mnist(monkeypatch):
    return publish(monkeypatch, "mnist", small_mnist(), data_files._read_idx)


@pytest.fixture
def folder(mnist, tmp_path, monkeypatch):
    """The small MNIST in a folder that RMTLIB_DATA names."""
    monkeypatch.setenv("RMTLIB_DATA", str(tmp_path / "data"))
    return write(tmp_path / "data", mnist)


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.server.requested.append(self.path)
        self.server.before(self)
        super().do_GET()


class Mirror(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client may hang up on an error page before all of it was sent."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@pytest.fixture
def server(mnist, tmp_path, monkeypatch):
    """A mirror of the small MNIST on this machine; `before` is called with each request."""
    write(tmp_path / "served", mnist)
    handler = partial(Handler, directory=str(tmp_path / "served"))
    with Mirror(("127.0.0.1", 0), handler) as server:
        server.requested, server.before = [], lambda request: None
        server.files = tmp_path / "served"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        monkeypatch.setenv("RMTLIB_MIRROR", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("RMTLIB_OFFLINE", "0")
        yield server
        server.shutdown()
        thread.join()


def cached(tmp_path):
    root = tmp_path / "cache"
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


# What is returned


def test_columns_are_samples_in_file_order_and_pixels_are_in_0_1(folder, mnist):
    data = load("mnist")
    train = np.frombuffer(gzip.decompress(mnist[f"mnist/{MNIST_FILES[0]}"])[16:], np.uint8)
    assert data.X.shape == (784, 17)
    assert data.X.dtype == np.float64
    assert np.array_equal(data.X[:, 3], train[3 * 784 : 4 * 784] / 255)
    assert np.array_equal(data.X[:, 3].reshape(data.shape), train.reshape(12, 28, 28)[3] / 255)
    assert data.labels.tolist() == [0, 1, 2] * 4 + [0, 1, 2, 0, 1]
    assert data.train.tolist() == [True] * 12 + [False] * 5
    assert (data.name, data.shape) == ("mnist", (28, 28))
    assert data.source
    assert data.licence
    assert repr(data) == "Dataset('mnist', X (784, 17), 12 for training)"


def test_classes_are_selected_in_file_order(folder):
    everything, data = load("mnist"), load("mnist", classes=(2, 0))
    keep = everything.labels != 1
    assert np.array_equal(data.X, everything.X[:, keep])
    assert np.array_equal(data.labels, everything.labels[keep])
    assert np.array_equal(data.train, everything.train[keep])


def test_an_integer_n_takes_the_first_points_of_the_classes(folder):
    data = load("mnist", classes=[0, 1], n=9)
    assert data.labels.tolist() == [0, 1, 0, 1, 0, 1, 0, 1, 0]
    assert data.train.tolist() == [True] * 8 + [False]


def test_a_pair_takes_the_first_points_of_each_part(folder):
    everything, data = load("mnist"), load("mnist", n=(3, 2))
    assert np.array_equal(data.X, everything.X[:, [0, 1, 2, 12, 13]])
    assert data.train.tolist() == [True] * 3 + [False] * 2
    assert not load("mnist", n=(0, 4)).train.any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "imagenet"}, "name must be one of 'mnist', 'fashion-mnist'"),
        ({"name": None}, "name must be one of"),
        ({"classes": (0, 7)}, r"classes must be among \[0, 1, 2\], got \[0, 7\]"),
        ({"classes": ()}, "classes must be a nonempty vector of integers"),
        ({"classes": (0.0, np.nan)}, "classes must be a nonempty vector of integers"),
        ({"classes": 1}, "classes must be a nonempty vector of integers"),
        ({"n": 0}, "n must be an integer >= 1"),
        ({"n": -3}, "n must be an integer >= 1"),
        ({"n": 2.5}, "n must be an integer"),
        ({"n": np.nan}, "n must be an integer"),
        ({"n": 18}, "n must be at most 17, got 18"),
        ({"n": (3, 6)}, r"n must be at most \(12, 5\), got \(3, 6\)"),
        ({"n": (0, 0)}, "n must be an integer >= 1, got 0 .n_train . n_test"),
        ({"n": (1, 2, 3)}, r"n must be an integer or \(n_train, n_test\)"),
        ({"n": (1, -2)}, "n must be an integer >= 0"),
        ({"fallback": "mnist"}, "fallback must be one of 'digits', 'synthetic-table'"),
    ],
)
def test_bad_arguments_are_refused(folder, arguments, message):
    with pytest.raises(ValueError, match=message):
        load(**{"name": "mnist", **arguments})


def test_the_digits_are_those_of_scikit_learn():
    data = load("digits")
    assert data.X.shape == (64, 1797)
    assert (data.X.min(), data.X.max()) == (0, 1)
    assert data.train.sum() == 1200
    assert np.array_equal(np.unique(data.labels), np.arange(10))


def test_the_synthetic_table_is_seeded_and_looks_like_a9a():
    data, again = load("synthetic-table"), load("synthetic-table")
    assert np.array_equal(data.X, again.X)
    assert np.array_equal(data.labels, again.labels)
    assert data.X.shape == (123, 48_842)
    assert data.train.sum() == 32_561
    assert np.array_equal(np.unique(data.X), [0, 1])
    assert np.all(data.X.sum(axis=0) == 14)
    assert abs(np.mean(data.labels == 1) - 0.24) < 1e-3


def test_the_labels_of_the_synthetic_table_can_be_learned():
    data = load("synthetic-table", n=(4000, 4000))
    X, y = data.X[:, data.train], data.labels[data.train]
    w = np.linalg.solve(X @ X.T + 40 * np.eye(123), X @ y)
    accuracy = np.mean(np.sign(w @ data.X[:, ~data.train]) == data.labels[~data.train])
    assert 0.8 < accuracy < 0.95


# Where it looks


def test_a_data_folder_comes_before_the_cache_and_the_cache_before_the_network(
    server, mnist, tmp_path, monkeypatch
):
    load("mnist")
    assert len(server.requested) == 4
    load("mnist")
    assert len(server.requested) == 4
    (tmp_path / "cache/mnist" / MNIST_FILES[0]).write_bytes(b"damaged")
    monkeypatch.setenv("RMTLIB_DATA", str(write(tmp_path / "data", mnist)))
    assert load("mnist").X.shape == (784, 17)


def test_missing_file_is_reported_with_the_folders_and_the_remedies(folder, tmp_path):
    (folder / "mnist" / MNIST_FILES[2]).unlink()
    with pytest.raises(DataUnavailable) as error:
        load("mnist")
    for part in (
        str(folder / "mnist"),
        str(tmp_path / "cache" / "mnist"),
        "RMTLIB_OFFLINE",
        "RMTLIB_DATA",
        "make data",
        "digits",
    ):
        assert part in str(error.value)


def test_fallback_is_used_and_named_when_the_data_cannot_be_had(mnist):
    data = load("mnist", classes=(0, 1), n=1000, fallback="digits")
    assert data.name == "digits"
    assert data.X.shape == (64, 360)  # all that digits has of two classes
    assert load("mnist", fallback="synthetic-table").shape == (123,)


def test_fallback_is_not_used_when_the_data_are_there(folder):
    assert load("mnist", fallback="digits").name == "mnist"
    with pytest.raises(ValueError, match="n must be at most 17"):
        load("mnist", n=100, fallback="digits")


def test_no_network_is_unavailable_data(mnist, monkeypatch):
    with socket.socket() as taken:  # bound and not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("RMTLIB_MIRROR", f"http://127.0.0.1:{taken.getsockname()[1]}")
        monkeypatch.setenv("RMTLIB_OFFLINE", "")
        with pytest.raises(DataUnavailable, match=r"downloading http://127.0.0.1.* failed"):
            load("mnist")
        assert load("mnist", fallback="digits").name == "digits"


def test_a_server_that_does_not_answer_times_out(server, monkeypatch):
    monkeypatch.setattr(download, "_TIMEOUT", 0.1)
    server.before = lambda request: time.sleep(0.5)
    with pytest.raises(DataUnavailable, match="timed out"):
        load("mnist")


def test_a_file_the_server_lacks_is_unavailable_data(server, tmp_path):
    (server.files / "mnist" / MNIST_FILES[1]).unlink()
    with pytest.raises(DataUnavailable, match=r"train-labels-idx1-ubyte.gz failed: HTTP Error 404"):
        load("mnist")
    assert cached(tmp_path) == [f"mnist/{MNIST_FILES[0]}"]


def test_offline_never_asks_the_network(server, monkeypatch):
    monkeypatch.setenv("RMTLIB_OFFLINE", "1")
    with pytest.raises(DataUnavailable, match="RMTLIB_OFFLINE"):
        load("mnist")
    assert server.requested == []


@pytest.mark.parametrize("mirror", ["ftp://example.org", "/some/folder", "file:///tmp"])
def test_a_mirror_is_a_web_address(mnist, monkeypatch, mirror):
    monkeypatch.setenv("RMTLIB_OFFLINE", "0")
    monkeypatch.setenv("RMTLIB_MIRROR", mirror)
    with pytest.raises(ValueError, match="RMTLIB_MIRROR must begin with http"):
        load("mnist")


def test_without_a_mirror_the_canonical_homes_are_used(monkeypatch):
    homes = {
        "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "fashion-mnist": "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "cifar10": "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        "a9a": "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/binary/a9a",
    }
    for name, home in homes.items():
        for file in download._downloadable(name).files:
            assert download._url(file).startswith(home)
            assert download._url(file).rsplit("/", 1)[1] == file.path.rsplit("/", 1)[1]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"RMTLIB_CACHE": "/chosen", "XDG_CACHE_HOME": "/xdg"}, "/chosen"),
        ({"RMTLIB_CACHE": "~/chosen"}, "/home/me/chosen"),
        ({"XDG_CACHE_HOME": "/xdg"}, "/xdg/rmtlib"),
        ({}, "/home/me/.cache/rmtlib"),
    ],
)
def test_the_cache_is_where_the_user_or_the_desktop_says(monkeypatch, variables, expected):
    monkeypatch.delenv("RMTLIB_CACHE")
    monkeypatch.setenv("HOME", "/home/me")
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    assert download.cache_folder() == Path(expected)


# Damaged files


@pytest.mark.parametrize("damage", ["truncated", "changed", "empty"])
def test_a_file_with_a_wrong_checksum_is_refused_even_with_a_fallback(folder, damage):
    path = folder / "mnist" / MNIST_FILES[0]
    content = path.read_bytes()
    flipped = content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]
    path.write_bytes({"truncated": content[:-100], "changed": flipped, "empty": b""}[damage])
    published = hashlib.sha256(content).hexdigest()
    with pytest.raises(CorruptData, match=f"{path}: expected sha256 {published}, got"):
        load("mnist", fallback="digits")


def test_a_damaged_file_in_the_cache_is_refused_and_replaced_by_fetch(server, tmp_path):
    assert main(["mnist"]) == 0
    path = tmp_path / "cache/mnist" / MNIST_FILES[1]
    path.write_bytes(b"damaged")
    with pytest.raises(CorruptData, match="train-labels"):
        load("mnist")
    assert main(["mnist"]) == 0
    assert load("mnist").X.shape == (784, 17)
    assert len(server.requested) == 5


def damaged_idx(name, content):
    return {**small_mnist(), f"mnist/{name}": content}


images = np.zeros((12, 28, 28), np.uint8)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (MNIST_FILES[0], idx(images)[:-20], "expected a whole gzip file"),
        (MNIST_FILES[0], b"<html>not found</html>", "expected a whole gzip file"),
        (MNIST_FILES[0], idx(images[:, 0]), "expected the magic number 2051, got 2050"),
        (MNIST_FILES[1], idx(images), "expected the magic number 2049, got 2051"),
        (MNIST_FILES[0], gzip.compress(b"", mtime=0), "expected the magic number 2051, got 0"),
        (
            MNIST_FILES[0],
            gzip.compress(b"\0\0\x08\x03\0\0", mtime=0),
            "expected 16 bytes for shape",
        ),
        (
            MNIST_FILES[0],
            gzip.compress(gzip.decompress(idx(images))[:-1], mtime=0),
            r"expected 9424 bytes for shape \(12, 28, 28\), got 9423",
        ),
        (MNIST_FILES[1], idx(np.zeros(11, np.uint8)), "expected one label per image, 12, got 11"),
    ],
)
def test_idx_files_in_the_wrong_format_are_refused(monkeypatch, tmp_path, name, content, message):
    contents = damaged_idx(name, content)
    publish(monkeypatch, "mnist", contents, data_files._read_idx)
    monkeypatch.setenv("RMTLIB_DATA", str(write(tmp_path / "data", contents)))
    with pytest.raises(CorruptData, match=message) as error:
        load("mnist")
    assert name in str(error.value)


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def load_npz(monkeypatch, tmp_path, content):
    contents = {"fashion-mnist/subset.npz": content}
    publish(monkeypatch, "fashion-mnist", contents, partial(data_files._read_npz, n_train=2))
    monkeypatch.setenv("RMTLIB_DATA", str(write(tmp_path / "data", contents)))
    return load("fashion-mnist")


def test_npz_subset_is_read(monkeypatch, tmp_path):
    x, y = np.arange(3 * 784, dtype=np.uint8).reshape(3, 28, 28), np.array([4, 5, 6], np.uint8)
    data = load_npz(monkeypatch, tmp_path, npz(x=x, y=y))
    assert np.array_equal(data.X, x.reshape(3, -1).T / 255)
    assert data.labels.tolist() == [4, 5, 6]
    assert data.train.tolist() == [True, True, False]


class Canary:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_pickled_arrays_are_never_executed(monkeypatch, tmp_path):
    canary = tmp_path / "executed"
    content = npz(x=np.array([Canary(canary)], dtype=object), y=np.zeros(1, np.uint8))
    with pytest.raises(CorruptData, match="plain arrays"):
        load_npz(monkeypatch, tmp_path, content)
    assert not canary.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a zip file", "expected an npz file"),
        (npz(x=np.zeros((2, 28, 28), np.uint8)), "expected an npz file"),
        (npz(x=np.zeros((2, 28, 28)), y=np.zeros(2, np.uint8)), "expected arrays of uint8"),
        (npz(x=np.zeros((2, 2), np.uint8), y=np.zeros(3, np.uint8)), "one label per image"),
        (npz(x=np.zeros((9, 28), np.uint8), y=np.zeros(9, np.uint8))[:-30], "expected an npz file"),
    ],
)
def test_npz_files_in_the_wrong_format_are_refused(monkeypatch, tmp_path, content, message):
    with pytest.raises(CorruptData, match=message):
        load_npz(monkeypatch, tmp_path, content)


@pytest.mark.parametrize(
    ("name", "read", "files"),
    [
        ("fashion-mnist", partial(data_files._read_npz, n_train=2), [npz(x=np.uint8(1), y=[1])]),
        (
            "fashion-mnist",
            partial(data_files._read_npz, n_train=2),
            [npz(x=np.ones((2, k), np.uint8), y=np.ones(2, np.uint8)) for k in (3, 4)],
        ),
        (
            "mnist",
            data_files._read_idx,
            [idx(np.zeros(s, np.uint8)) for s in ((2, 3, 3), 2, (1, 4, 4), 1)],
        ),
        (
            "mnist",
            data_files._read_idx,
            [idx(np.zeros(s, np.uint8)) for s in ((3, 4, 4), 2, (1, 4, 4), 2)],
        ),
        ("a9a", data_files._read_svmlight, [b"nan 3:1\n", b"1 1:1\n"]),
        ("a9a", data_files._read_svmlight, [b"1,2 3:1\n", b"1 1:1\n"]),
        ("cifar10", data_files._read_cifar_archive, [gzip.compress(b"\xff" * 600)]),
    ],
)
def test_crafted_files_are_corrupt_data_and_nothing_else(monkeypatch, tmp_path, name, read, files):
    contents = {f"{name}/{k}": content for k, content in enumerate(files)}
    publish(monkeypatch, name, contents, read)
    monkeypatch.setenv("RMTLIB_DATA", str(write(tmp_path / "data", contents)))
    with pytest.raises(CorruptData):
        load(name)


def archive(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            if content is None:
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/hostname"
            else:
                member.size = len(content)
            tar.addfile(member, io.BytesIO(content or b""))
    return buffer.getvalue()


def cifar_members():
    batches = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
    rows = as_rng(1).integers(0, 10, (6, 2, 3073), dtype=np.uint8)
    names = [f"cifar-10-batches-bin/{batch}" for batch in batches]
    return rows, {name: row.tobytes() for name, row in zip(names, rows, strict=True)}


def load_archive(monkeypatch, tmp_path, content):
    monkeypatch.setattr(data_files, "_CIFAR_ROWS", 2)
    contents = {"cifar10/cifar-10-binary.tar.gz": content}
    publish(monkeypatch, "cifar10", contents, data_files._read_cifar_archive)
    monkeypatch.setenv("RMTLIB_DATA", str(write(tmp_path / "data", contents)))
    return load("cifar10")


def test_cifar_archive_is_read_in_the_order_of_its_batches(monkeypatch, tmp_path):
    rows, members = cifar_members()
    shuffled = dict(reversed(members.items()))
    data = load_archive(monkeypatch, tmp_path, archive(shuffled))
    rows = rows.reshape(12, 3073)
    assert data.shape == (3, 32, 32)
    assert np.array_equal(data.X, rows[:, 1:].T / 255)
    assert np.array_equal(data.labels, rows[:, 0])
    assert data.train.tolist() == [True] * 10 + [False] * 2


def test_other_members_of_an_archive_are_neither_read_nor_written(monkeypatch, tmp_path):
    _, members = cifar_members()
    members["../../escaped.bin"] = b"x" * 10
    members["cifar-10-batches-bin/readme.html"] = b"hello"
    before = {path for path in tmp_path.rglob("*") if "data" not in path.parts}
    load_archive(monkeypatch, tmp_path, archive(members))
    after = {path for path in tmp_path.rglob("*") if "data" not in path.relative_to(tmp_path).parts}
    assert after == before
    assert not (tmp_path.parent / "escaped.bin").exists()


@pytest.mark.parametrize("replacement", ["absent", "short", "link"])
def test_an_archive_without_a_whole_batch_is_refused(monkeypatch, tmp_path, replacement):
    _, members = cifar_members()
    name = "cifar-10-batches-bin/data_batch_3.bin"
    content = members.pop(name)
    if replacement != "absent":
        members[name] = content[:-1] if replacement == "short" else None
    with pytest.raises(CorruptData, match=r"expected 6146 bytes in data_batch_3.bin, got"):
        load_archive(monkeypatch, tmp_path, archive(members))


@pytest.mark.parametrize("content", [b"no archive", archive(cifar_members()[1])[:5000]])
def test_a_damaged_archive_is_refused(monkeypatch, tmp_path, content):
    with pytest.raises(CorruptData, match=r"expected a tar.gz archive"):
        load_archive(monkeypatch, tmp_path, content)


def load_table(monkeypatch, tmp_path, text, ending):
    pack = gzip.compress if ending else bytes
    contents = {f"census/a9a{ending}": pack(text), f"census/a9a.t{ending}": pack(b"+1 1:1\n")}
    publish(monkeypatch, "a9a", contents, data_files._read_svmlight)
    monkeypatch.setenv("RMTLIB_DATA", str(write(tmp_path / "data", contents)))
    return load("a9a")


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_table_is_dense_with_123_features(monkeypatch, tmp_path, ending):
    data = load_table(monkeypatch, tmp_path, b"-1 3:1 120:1\n+1 5:1\n", ending)
    assert data.X.shape == (123, 3)
    assert [list(np.flatnonzero(column)) for column in data.X.T] == [[2, 119], [4], [0]]
    assert data.labels.tolist() == [-1, 1, 1]
    assert data.train.tolist() == [True, True, False]


@pytest.mark.parametrize("text", [b"-1 3:one\n", b"-1 500:1\n", b"<html>\n"])
def test_a_table_in_the_wrong_format_is_refused(monkeypatch, tmp_path, text):
    with pytest.raises(CorruptData, match="expected LIBSVM text with 123 features"):
        load_table(monkeypatch, tmp_path, text, "")


# Datasets made from others


def test_centered_uses_the_training_points_only(folder):
    images = load("mnist")
    X = images.X - images.X[:, images.train].mean(axis=1, keepdims=True)
    assert np.array_equal(images.centered().X, X)
    X = X / np.sqrt(np.mean(np.sum(X[:, images.train] ** 2, axis=0)) / 784)
    np.testing.assert_allclose(images.centered(squared_norm=784).X, X, rtol=1e-14)
    every = images.centered(train_only=False)
    np.testing.assert_allclose(every.X.mean(axis=1), 0, atol=1e-15)
    assert every.shape == images.shape


def test_coordinates_that_do_not_vary_are_left_out():
    digits = load("digits")
    varying = digits.centered(varying=True)
    assert varying.X.shape == (61, 1797)
    assert varying.shape == (61,)
    assert np.all(varying.X[:, digits.train].std(axis=1) > 0)


def test_a_pair_has_signs_for_labels():
    digits, pair = load("digits"), load("digits").pair(7, 1)
    keep = np.isin(digits.labels, (1, 7))
    assert np.array_equal(pair.X, digits.X[:, keep])
    assert np.array_equal(pair.labels, np.where(digits.labels[keep] == 1, 1.0, -1.0))
    assert np.array_equal(pair.train, digits.train[keep])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d: d.pair(1, 1), "positive must be another label"),
        (lambda d: d.pair(1, 11), "labels must hold 11"),
        (lambda d: d.centered(squared_norm=0), "squared_norm must be positive"),
        (lambda d: replace(d, X=np.ones_like(d.X)).centered(squared_norm=1), "X must vary"),
        (lambda d: replace(d, train=~(d.train | True)).centered(), "train must hold"),
    ],
)
def test_impossible_datasets_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(load("digits"))


# Downloads


def test_a_download_that_fails_its_checksum_never_enters_the_cache(server, tmp_path):
    (server.files / "mnist" / MNIST_FILES[0]).write_bytes(b"<html>log in first</html>")
    with pytest.raises(CorruptData, match=r"http://127.0.0.1.*it was not kept"):
        load("mnist", fallback="digits")
    assert cached(tmp_path) == []


def test_a_download_cut_short_never_enters_the_cache(server, mnist, tmp_path):
    def cut(request):
        content = mnist[request.path[1:]]
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content[: len(content) // 2])
        raise ConnectionAbortedError

    server.before = cut
    server.handle_error = lambda *arguments: None
    with pytest.raises((CorruptData, DataUnavailable)):
        load("mnist")
    assert cached(tmp_path) == []


@pytest.mark.parametrize("length", ["many", "-5", "1.5", ""])
def test_a_length_that_is_no_number_does_not_stop_a_download(server, mnist, length):
    def answer(request):
        content = mnist[request.path[1:]]
        request.send_response(200)
        request.send_header("Content-Length", length)
        request.end_headers()
        request.wfile.write(content)
        raise ConnectionAbortedError

    server.before = answer
    server.handle_error = lambda *arguments: None
    assert load("mnist").X.shape == (784, 17)


def test_an_endless_download_is_stopped(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "_LARGEST", 100)
    with pytest.raises(CorruptData, match="expected at most 100 bytes"):
        load("mnist")
    assert cached(tmp_path) == []


def test_an_interrupted_download_leaves_nothing_behind(server, tmp_path, monkeypatch):
    def interrupted(url, out, title):
        out.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "_transfer", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load("mnist")
    assert cached(tmp_path) == []


def test_a_download_enters_the_cache_whole_or_not_at_all(server, tmp_path, monkeypatch):
    def refused(part, target):
        raise PermissionError(f"no renaming to {target.name}")

    monkeypatch.setattr(download.os, "replace", refused)
    with pytest.raises(DataUnavailable, match="no renaming"):
        load("mnist")
    assert cached(tmp_path) == []


def test_an_unwritable_cache_is_named(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("RMTLIB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(DataUnavailable) as error:
        load("mnist")
    assert f"cannot write into the cache folder {tmp_path / 'file' / 'cache'}" in str(error.value)
    assert "RMTLIB_CACHE" in str(error.value)
    assert load("mnist", fallback="digits").name == "digits"
    assert server.requested == []


def test_fetch_downloads_only_what_is_missing(server, mnist, tmp_path, monkeypatch):
    write(tmp_path / "cache", {path: mnist[path] for path in list(mnist)[:3]})
    assert main(["mnist", "digits", "synthetic-table"]) == 0
    assert server.requested == [f"/mnist/{MNIST_FILES[3]}"]
    monkeypatch.setenv("RMTLIB_OFFLINE", "1")
    assert main(["mnist"]) == 0
    assert load("mnist").X.shape == (784, 17)


def test_fetch_downloads_nothing_that_the_data_folder_holds(server, mnist, tmp_path, monkeypatch):
    monkeypatch.setenv("RMTLIB_DATA", str(write(tmp_path / "data", mnist)))
    assert main(["mnist"]) == 0
    assert server.requested == []


def test_fetch_refuses_an_unknown_name(capsys):
    with pytest.raises(SystemExit):
        main(["imagenet"])
    assert "invalid choice: 'imagenet'" in capsys.readouterr().err


def test_the_command_reports_each_data_set_and_counts_failures(
    server, tmp_path, capsys, monkeypatch
):
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)  # a terminal shows a bar
    assert main(["mnist", "a9a"]) == 1
    printed = capsys.readouterr()
    assert printed.out == f"mnist: in {tmp_path / 'cache'}\n"
    assert printed.err.startswith("a9a: a9a is not at hand")


def program(mnist):
    """Source that makes the small MNIST the published one and loads it."""
    return (
        "from dataclasses import replace\n"
        "from rmtlib.data import load\n"
        "from rmtlib.data._files import EDITIONS, File\n"
        f"small = replace(EDITIONS['mnist'][0], files={files_of(mnist)!r})\n"
        "EDITIONS['mnist'] = (small,)\n"
        "print(load('mnist').X.shape)"
    )


def test_two_processes_at_once_both_succeed(server, mnist, tmp_path):
    together = threading.Barrier(2)

    def wait_for_the_other(request):
        if request.path.endswith(MNIST_FILES[0]):
            together.wait(timeout=60)

    server.before = wait_for_the_other
    command = [sys.executable, "-c", program(mnist)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(2)]
    for process in processes:
        out, err = process.communicate(timeout=90)
        assert (process.returncode, out, err) == (0, "(784, 17)\n", "")
    assert cached(tmp_path) == sorted(mnist)


def test_a_download_in_a_notebook_says_what_and_how_large_and_writes_nothing_to_stderr(
    server, mnist, tmp_path
):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(program(mnist))])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    outputs = notebook.cells[0].outputs
    assert {output.name for output in outputs} == {"stdout"}
    *files, result = "".join(output.text for output in outputs).splitlines()
    assert result == "(784, 17)"
    assert len(files) == len(mnist)
    for line in files:
        assert re.fullmatch(r"Downloading \S+, \d+\.\d MB, from http://\S+", line)
    assert cached(tmp_path) == sorted(mnist)


@pytest.mark.book
def test_a_page_that_downloads_builds_without_a_warning(server, mnist, tmp_path, small_book):
    page = small_book(program(mnist)).build(execute=True)
    assert "(784, 17)" in page
    assert cached(tmp_path) == sorted(mnist)


# The published files


@pytest.fixture
def real(monkeypatch):
    monkeypatch.setenv("RMTLIB_DATA", str(DATA))


def ridge_accuracy(data, penalty):
    """Test accuracy of one-hot ridge regression on centered points, penalty times n."""
    train = data.train
    Z = data.X - data.X[:, train].mean(axis=1, keepdims=True)
    classes = np.unique(data.labels)
    Y = (data.labels[train] == classes[:, None]).astype(float)
    offset = Y.mean(axis=1, keepdims=True)
    gram = Z[:, train] @ Z[:, train].T + penalty * train.sum() * np.eye(len(Z))
    W = np.linalg.solve(gram, Z[:, train] @ (Y - offset).T).T
    return np.mean(classes[np.argmax(W @ Z[:, ~train] + offset, axis=0)] == data.labels[~train])


@published(*(f"mnist/{name}" for name in MNIST_FILES))
def test_published_mnist(real):
    assert load("mnist", n=10).labels.tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    data = load("mnist", classes=(1, 7))
    assert data.X.shape == (784, 13_007 + 2_163)
    assert data.train.sum() == 13_007
    assert (data.X.min(), data.X.max()) == (0, 1)
    assert ridge_accuracy(data, 1e-2) == pytest.approx(0.988, abs=5e-4)


@published("fashion-mnist/fashion-mnist-t10k-first4443.npz")
def test_published_fashion_mnist_subset(real):
    data = load("fashion-mnist")
    assert data.X.shape == (784, 4443)
    counts = [452, 429, 470, 437, 458, 428, 435, 452, 467, 415]
    assert np.bincount(data.labels).tolist() == counts
    assert data.train.sum() == 3000
    assert ridge_accuracy(data, 1e-2) == pytest.approx(0.773, abs=5e-4)


@published(
    "cifar10/cifar10-train-0000-1999.npz",
    "cifar10/cifar10-train-2000-3999.npz",
    "cifar10/cifar10-test-0000-0999.npz",
)
def test_published_cifar10_subset(real):
    data = load("cifar10")
    assert data.X.shape == (3072, 5000)
    assert data.shape == (3, 32, 32)
    train, test = data.labels[data.train], data.labels[~data.train]
    assert np.bincount(train).tolist() == [396, 366, 420, 384, 422, 393, 414, 385, 407, 413]
    assert np.bincount(test).tolist() == [103, 89, 100, 103, 90, 86, 112, 102, 106, 109]
    assert ridge_accuracy(data, 1) == pytest.approx(0.369, abs=5e-4)


@published("census/a9a.gz", "census/a9a.t.gz")
def test_published_a9a(real):
    data = load("a9a")
    assert data.X.shape == (123, 32_561 + 16_281)
    assert np.sum(data.labels[data.train] == 1) == 7_841
    assert np.sum(data.labels[~data.train] == 1) == 3_846
    assert data.X[:, data.train].sum() / 32_561 == pytest.approx(13.9, abs=0.05)
    assert ridge_accuracy(data, 1e-4) == pytest.approx(0.846, abs=5e-4)


@published("census/a9a.gz", "census/a9a.t.gz")
def test_the_published_table_is_the_one_that_would_be_downloaded(real, tmp_path):
    packed, plain = data_files.EDITIONS["a9a"]
    for gz, text in zip(packed.files, plain.files, strict=True):
        content = gzip.decompress((Path(DATA) / gz.path).read_bytes())
        (tmp_path / "text").write_bytes(content)
        assert download._verified(tmp_path / "text", text).data == content
