"""Shards in a folder, or in an object store through a cache of bounded size on disk.

Pictures are drawn at random, so a cache of whole shards would load 128 for each that is used: it holds single pictures.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stegnet.core.address import store_errors
from stegnet.core.errors import ConfigError, DataError

if TYPE_CHECKING:
    from diskcache import Cache
    from fsspec import AbstractFileSystem

CACHE_GB = "STEGNET_CACHE_GB"
_DEFAULT_GB = "20"
_AGAIN = "prepare the pictures again"


def cache_folder() -> Path:
    """Folder of downloads: $STEGNET_CACHE, else stegnet/ in the user's cache folder.

    Raises:
        ConfigError: the user has no home, and neither is set.
    """
    if own := os.environ.get("STEGNET_CACHE"):
        return Path(own)
    if caches := os.environ.get("XDG_CACHE_HOME"):
        return Path(caches) / "stegnet"
    try:
        return Path.home() / ".cache" / "stegnet"
    except RuntimeError as error:
        raise ConfigError("there is no home folder for downloads", "set STEGNET_CACHE or HOME to a folder") from error


def is_remote(address: str) -> bool:
    """Returns whether fsspec has to open it: s3://bucket/prefix, but no path."""
    return "://" in address


def open_files(address: str) -> tuple["AbstractFileSystem", str]:
    """The file system of an address or path, and the path in it.

    Raises:
        ConfigError: fsspec knows no such protocol, or lacks its package.
    """
    import fsspec  # its first import takes a while

    try:
        files, path = fsspec.url_to_fs(address)
    except (ImportError, ValueError) as error:
        raise ConfigError(
            f"{address}: can't be opened ({error})", "for s3://, pip install 'stegnet[cluster]'"
        ) from error
    return files, path.rstrip("/")


def read_range(store: str, name: str, offset: int, length: int) -> np.ndarray:
    """Bytes of a file in a store, (length,) uint8; fewer if the file ends before.

    Raises:
        DataError: the store can't be read.
    """
    if not is_remote(store):
        try:
            return np.fromfile(f"{store}/{name}", np.uint8, length, offset=offset)
        except OSError as error:
            raise DataError(f"{store}/{name}: can't be read ({error.strerror})", _AGAIN) from error
    kept, key = _cache(cache_folder() / "pictures", _bound()), f"{store}/{name}@{offset}"
    content = kept.get(key)
    if content is None:
        content = _fetch(f"{store}/{name}", offset, length)
        kept.set(key, content)
    return np.frombuffer(bytearray(content), np.uint8)


def _fetch(address: str, offset: int, length: int) -> bytes:
    files, path = open_files(address)
    with refusals(address):
        return files.cat_file(path, start=offset, end=offset + length)


@contextmanager
def refusals(address: str) -> Iterator[None]:
    """Turns what file systems raise in the block into a DataError."""
    try:
        yield
    except store_errors() as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{address}: can't be read ({reason})", "check the network and your access") from error


def _bound() -> int:
    """Largest size of the cache in bytes."""
    value = os.environ.get(CACHE_GB, _DEFAULT_GB)
    if not value.isdecimal():
        raise ConfigError(f"{CACHE_GB}: must be a whole number of gigabytes, is {value!r}")
    return int(value) * 10**9


@cache
def _cache(folder: Path, bound: int) -> "Cache":
    """The cache, which all processes of a machine share."""
    import diskcache

    return diskcache.Cache(folder, size_limit=bound, eviction_policy="least-recently-stored")
