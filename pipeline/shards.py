"""Prepared pictures: shards in the format of WebDataset, a manifest and an index.

manifest.csv      one row per picture: all of the training split, of the validation split, of the test split
layout.json       side of the pictures, and how they are coded
train.index       a row per picture of the training split: shard, then offset and length of the picture and of its
                  base, in bytes; five little-endian 64-bit integers; likewise for the other splits
train-00000.tar   pictures as 00000-000000.npy or .webp; coded bases of those to train and validate on, if
validation-00000.tar  scramble.base is coded, as 00000-000000.base.npy or .base.webp
test-00000.tar

Shards with the same number are of the same part of the source; a part without pictures of a split has no shard of it.
"""

import csv
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from stegnet.core.errors import ConfigError, DataError

TRAIN, VALIDATION, TEST = SPLITS = "train", "validation", "test"
RENDERED = "scenes"  # source of rendered pictures
OWN = "test_folder", "folder", "data"  # sources of one's own pictures, the best to test on first
NPY = "npy"  # coding of pictures; the other is webp
LAYOUT = "layout.json"
MANIFEST = "manifest.csv"
INDEX = ".index"
_COLUMNS = 5  # of an index
_INTEGER = np.dtype("<i8")
_AGAIN = "prepare the pictures again"


class Entry(NamedTuple):
    """A row of manifest.csv."""

    name: str  # file name, or name and number of a rendered or cropped picture
    source: str  # its kind: scenes, folder, data, photographs, torchvision:<class>, or an archive's name
    sha256: str  # of the stored pixels
    width: int  # of the original before resizing and cropping, in pixels
    height: int
    split: str  # train, validation or test


class StoredPicture(NamedTuple):
    """A picture in the manifest and in the index."""

    entry: Entry
    row: bytes  # of the index


class ShardLayout(NamedTuple):
    """The content of layout.json."""

    size: int  # side of the pictures in pixels
    coding: str  # npy or webp


# Writing


class ShardWriter(ExitStack):
    """A writer of a part's shards, one for each split that gets a picture. The same pictures give the same bytes."""

    def __init__(self, folder: Path, number: int, coding: str) -> None:
        super().__init__()
        self._folder = folder
        self._number = number
        self._coding = coding
        self._tars: dict[str, tarfile.TarFile] = {}
        self._counts = dict.fromkeys(SPLITS, 0)

    def add(self, split: str, pixels: np.ndarray, base: np.ndarray | None) -> bytes:
        """Add a picture, (size, size, 3) uint8, and its coded base, and return their row of the index."""
        if split not in self._tars:
            file = self._folder / shard_name(split, self._number)
            tar = tarfile.open(file, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
            self._tars[split] = self.enter_context(tar)
        key = f"{self._number:05d}-{self._counts[split]:06d}"
        self._counts[split] += 1
        place = self._write(self._tars[split], key, pixels)
        of_base = (0, 0) if base is None else self._write(self._tars[split], f"{key}.base", base)
        return np.array([self._number, *place, *of_base], _INTEGER).tobytes()

    def _write(self, tar: tarfile.TarFile, key: str, pixels: np.ndarray) -> tuple[int, int]:
        """Write coded pixels, and return their offset and length, without the header of .npy.

        They are coded without loss; WebP at its fastest: half the bytes in 4 ms for 256×256.
        """
        content = io.BytesIO()
        if self._coding == NPY:
            np.save(content, pixels)
        else:
            Image.fromarray(pixels).save(content, "WEBP", lossless=True, method=0, quality=0)
        member = tarfile.TarInfo(f"{key}.{self._coding}")
        member.size = content.tell()
        end = tar.offset + tarfile.BLOCKSIZE + member.size  # after the member's header
        content.seek(0)
        tar.addfile(member, content)
        length = pixels.size if self._coding == NPY else member.size
        return end - length, length


def shard_name(split: str, number: int) -> str:
    """Return the file name of a shard."""
    return f"{split}-{number:05d}.tar"


def write_tables(folder: Path, layout: ShardLayout, rows: Callable[[str], Iterable[StoredPicture]]) -> None:
    """Write the layout, the manifest and the indices.

    `rows` yields the pictures of a split.
    """
    (folder / LAYOUT).write_text(json.dumps(layout._asdict(), indent=2) + "\n", encoding="utf-8")
    with open(folder / MANIFEST, "w", newline="", encoding="utf-8") as manifest:
        table = csv.writer(manifest, lineterminator="\n")
        table.writerow(Entry._fields)
        for split in SPLITS:
            with open(folder / f"{split}{INDEX}", "wb") as index:
                for entry, row in rows(split):
                    table.writerow(entry)
                    index.write(row)


# Reading


class Shards:
    """The pictures of one split, or their coded bases: `shards[i]` is (size, size, 3) uint8, read on access.

    No file stays open or mapped, and the index, which grows with the number of pictures, is not kept in memory.
    Memory-mapped reads would take three times as long because of readahead. Raises DataError for an empty split.
    """

    def __init__(self, folder: Path, split: str, bases: bool = False) -> None:
        self._index = folder / f"{split}{INDEX}"
        self._split = split
        self._columns = slice(3, 5) if bases else slice(1, 3)
        size = self._index.stat().st_size if self._index.is_file() else 0
        self._count = size // (_COLUMNS * _INTEGER.itemsize)
        if not self._count or not self._row(0)[self._columns][1]:
            pictures = f"coded bases of {split} pictures" if bases else f"{split} pictures"
            hint = "see data.* and scramble.base in params.yaml, then `dvc repro`"
            raise DataError(f"{folder}: contains no {pictures}", hint)
        self._folder = folder
        self._layout = read_layout(folder)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> np.ndarray:
        if not 0 <= index < self._count:
            raise IndexError(index)
        row = self._row(index)
        shard = self._folder / shard_name(self._split, row[0])
        offset, length = row[self._columns]
        try:
            content = np.fromfile(shard, np.uint8, length, offset=offset)
        except OSError as error:
            raise DataError(f"{shard}: can't be read ({error.strerror})", _AGAIN) from error
        pixels = content if self._layout.coding == NPY else cv2.imdecode(content, cv2.IMREAD_COLOR_RGB)
        side = self._layout.size
        if pixels is None or pixels.size != side * side * 3:
            raise DataError(f"{shard}: damaged (no picture of this size)", _AGAIN)
        return pixels.reshape(side, side, 3)

    def _row(self, index: int) -> list[int]:
        start = index * _COLUMNS * _INTEGER.itemsize
        row: list[int] = np.fromfile(self._index, _INTEGER, _COLUMNS, offset=start).tolist()
        return row


def read_layout(folder: Path) -> ShardLayout:
    """Read layout.json: how the shards of a folder are stored."""
    try:
        return ShardLayout(**json.loads((folder / LAYOUT).read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError) as error:
        raise DataError(f"{folder}: no prepared pictures ({error})", "run `dvc repro prepare`") from error


def read_manifest(folder: Path, split: str = "") -> Iterator[Entry]:
    """Yield the rows of manifest.csv, in order: all of them, or those of a split, in the order of its shards."""
    with open(folder / MANIFEST, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if split in ("", row["split"]):
                width = int(row["width"])
                height = int(row["height"])
                yield Entry(row["name"], row["source"], row["sha256"], width, height, row["split"])


def data_hash(folder: Path) -> str:
    """Return the SHA-256 of the manifest, which identifies every stored pixel. Raises DataError if there is none."""
    try:
        return file_hash(folder / MANIFEST)
    except FileNotFoundError as error:
        hint = "`dvc repro prepare` writes them to build/shards"
        raise DataError(f"{folder}: holds no prepared pictures ({MANIFEST} is missing)", hint) from error


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cache_folder() -> Path:
    """Return the folder of downloads: $STEGNET_CACHE, else stegnet/ in the user's cache folder."""
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return Path(os.environ.get("STEGNET_CACHE") or f"{caches}/stegnet").expanduser()
    except RuntimeError as error:
        raise ConfigError("there is no home folder for downloads", "set STEGNET_CACHE or HOME to a folder") from error
