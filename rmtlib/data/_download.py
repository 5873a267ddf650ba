"""Where data sets are looked for, and how they are downloaded and verified."""

import hashlib
import os
import secrets
import sys
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from rmtlib.data._files import EDITIONS, Blob, CorruptData, Edition, File

_TIMEOUT = 30  # seconds without an answer
_CHUNK = 1 << 16
_LARGEST = 1 << 28  # bytes; the largest published file has 170 million
_NETWORK_ERRORS = (OSError, HTTPException)  # URLError and TimeoutError are OSErrors


class DataUnavailable(RuntimeError):
    """A data set is in none of the places searched; the message says how to get it."""


def cache_folder() -> Path:
    """Folder into which data are downloaded: it may not exist yet."""
    root = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("RMTLIB_CACHE") or f"{root}/rmtlib").expanduser()


def _folders() -> list[Path]:
    data = os.environ.get("RMTLIB_DATA")
    return [*([Path(data).expanduser()] if data else []), cache_folder()]


def _url(file: File) -> str:
    mirror = os.environ.get("RMTLIB_MIRROR")
    url = f"{mirror.rstrip('/')}/{file.path}" if mirror else file.url
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"RMTLIB_MIRROR must begin with http:// or https://, got {mirror!r}")
    return url


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
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() else None
        with tqdm(total=total, desc=title, unit="B", unit_scale=True, disable=None) as bar:
            if "ipykernel" in sys.modules:  # a notebook shows no bar
                print(f"Downloading {title}, {(total or 0) / 1e6:.1f} MB, from {url}")
            while chunk := response.read(_CHUNK):
                bar.update(out.write(chunk))
                if out.tell() > _LARGEST:
                    raise CorruptData(f"{url}: expected at most {_LARGEST} bytes; it was not kept")


def find(name: str) -> tuple[Path, Edition] | None:
    """Folder and edition of a data set, the first in the order of search."""
    for folder in _folders():
        for edition in EDITIONS[name]:
            if all((folder / file.path).is_file() for file in edition.files):
                return folder, edition
    return None


def files_at_hand(name: str) -> tuple[Path, ...]:
    """Files from which a published data set would be read; none if it is not at hand."""
    if (found := find(name)) is None:
        return ()
    folder, edition = found
    return tuple(folder / file.path for file in edition.files)


def _unavailable(name: str, why: str) -> DataUnavailable:
    folders = [f"{folder / Path(EDITIONS[name][0].files[0].path).parent}" for folder in _folders()]
    return DataUnavailable(
        f"{name} is not at hand: looked in {' and in '.join(folders)}; {why}. Name a folder that "
        "holds it in RMTLIB_DATA, or run `make data` (or `python -m rmtlib.data "
        f"{name}`) with a network; a fallback such as 'digits' needs neither"
    )


def fetch(name: str) -> None:
    """Download into the cache what is neither there nor in ``RMTLIB_DATA``.

    A damaged file in the cache is replaced. Several processes may do this at once.
    """
    found = find(name)
    if found and found[0] != cache_folder():
        return
    for file in (found[1] if found else _downloadable(name)).files:
        if _sound(file):
            continue
        if os.environ.get("RMTLIB_OFFLINE", "") not in ("", "0"):
            raise _unavailable(name, "nothing is downloaded because RMTLIB_OFFLINE is set")
        try:
            _download(file)
        except DataUnavailable as error:
            raise _unavailable(name, str(error)) from error


def read(name: str) -> tuple[Edition, list[Blob]]:
    """The edition of a published data set that is found or fetched, and its files."""
    if find(name) is None:
        fetch(name)
    folder, edition = find(name)
    return edition, [_verified(folder / file.path, file) for file in edition.files]


def _sound(file: File) -> bool:
    path = cache_folder() / file.path
    try:
        return path.is_file() and bool(_verified(path, file))
    except CorruptData:
        if not file.url:
            raise
        return False
