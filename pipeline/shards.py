"""Prepared pictures: shards in the format of WebDataset, a manifest and an index.

manifest.csv      one row per picture: all of the training split, of the validation split, of the test split
layout.json       side of the pictures, how they are coded, and the address of the shards if they are elsewhere
train.index       a row per picture of the training split: shard, then offset and length of the picture and of its
                  base, in bytes; five little-endian 64-bit integers; so for the other splits
train-00000.tar   pictures as 00000-000000.npy or .webp; coded bases of those to train and validate on, if
validation-00000.tar  scramble.base is coded, as 00000-000000.base.npy or .base.webp
test-00000.tar

Shards of one number are of the same part of the source; a part without pictures of a split has no shard of it.
"""

import csv
import hashlib
import io
import json
import os
import struct
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from pipeline.store import read_range
from stegnet.core.errors import DataError

TRAIN, VALIDATION, TEST = SPLITS = "train", "validation", "test"
NPY, WEBP = CODINGS = "npy", "webp"
LAYOUT, MANIFEST, INDEX = "layout.json", "manifest.csv", ".index"
_ROW = struct.Struct("<5q")  # of an index


@dataclass(frozen=True)
class Entry:
    """A row of manifest.csv.

    Attributes:
        name: file name, or name and number of a rendered or cropped picture.
        source: kind of the source: scenes, folder, data, photographs, torchvision:<class>, or an archive's name.
        sha256: of the stored pixels.
        width, height: of the original before resizing and cropping, in pixels.
        split: train, validation or test.
    """

    name: str
    source: str
    sha256: str
    width: int
    height: int
    split: str


@dataclass(frozen=True)
class ShardLayout:
    """Attributes: side of the pictures in pixels; npy or webp; address of the shards, "" if they are beside it."""

    size: int
    coding: str
    store: str


def shard_name(split: str, number: int) -> str:
    """File name of a shard."""
    return f"{split}-{number:05d}.tar"


class TarWriter:
    """Writes one shard to an open file; the same pictures give the same bytes.

    Args:
        file: binary; it need not be seekable.
        coding: npy or webp.
    """

    def __init__(self, file: io.BufferedIOBase, number: int, coding: str) -> None:
        self._tar = tarfile.open(fileobj=file, mode="w|", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        self._number, self._coding = number, coding
        self._count = 0

    def add(self, pixels: np.ndarray, base: np.ndarray | None) -> list[int]:
        """Adds a picture, (size, size, 3) uint8, and its coded base; returns their row of the index."""
        key = f"{self._number:05d}-{self._count:06d}"
        self._count += 1
        place = self._write(f"{key}.{self._coding}", pixels)
        return [self._number, *place, *((0, 0) if base is None else self._write(f"{key}.base.{self._coding}", base))]

    def close(self) -> None:
        """Ends the tar; the file stays open."""
        self._tar.close()

    def _write(self, name: str, pixels: np.ndarray) -> tuple[int, int]:
        """Offset and length of the coded pixels, without the header of .npy."""
        content = encode(pixels, self._coding)
        member = tarfile.TarInfo(name)
        member.size = len(content)
        start = self._tar.offset + tarfile.BLOCKSIZE  # behind the member's header
        self._tar.addfile(member, io.BytesIO(content))
        length = pixels.size if self._coding == NPY else len(content)
        return start + len(content) - length, length


def encode(pixels: np.ndarray, coding: str) -> bytes:
    """Codes a picture, (H, W, 3) uint8, without loss; WebP at its fastest: half the bytes in 4 ms for 256×256."""
    content = io.BytesIO()
    if coding == NPY:
        np.save(content, pixels)
    else:
        Image.fromarray(pixels).save(content, "WEBP", lossless=True, method=0, quality=0)
    return content.getvalue()


def decode(content: np.ndarray, layout: ShardLayout) -> np.ndarray:
    """Reads (size, size, 3) uint8 from its bytes, without the header of .npy.

    Raises:
        ValueError: the bytes are no such picture.
    """
    shape = (layout.size, layout.size, 3)
    pixels = content if layout.coding == NPY else cv2.imdecode(content, cv2.IMREAD_COLOR_RGB)
    if pixels is None or pixels.size != layout.size * layout.size * 3:
        raise ValueError("no picture of this size")
    return pixels.reshape(shape)


class Shards:
    """The pictures of one split: `shards[i]` is (size, size, 3) uint8, read on access.

    No file stays open or mapped, nor is the index in memory: it grows with the number of pictures. Memory-mapped reads
    would take three times as long because of readahead.

    Args:
        bases: the coded bases of the pictures instead.
    Raises:
        DataError: the split is empty, or the folder holds no shards.
    """

    def __init__(self, folder: Path, split: str, bases: bool = False) -> None:
        self._index = folder / f"{split}{INDEX}"
        self._columns = slice(3, 5) if bases else slice(1, 3)
        self._count = self._index.stat().st_size // _ROW.size if self._index.is_file() else 0
        if not self._count or not self._row(0)[self._columns][1]:
            what = "coded bases of" if bases else ""
            message = f"{folder}: contains no {what} {split} pictures".replace("  ", " ")
            raise DataError(message, "see data.* and scramble.base in params.yaml, then `dvc repro`")
        self._layout = read_layout(folder)
        self._store = self._layout.store or str(folder)
        self._split = split

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> np.ndarray:
        if not 0 <= index < self._count:
            raise IndexError(index)
        row = self._row(index)
        offset, length = row[self._columns]
        name = shard_name(self._split, row[0])
        try:
            return decode(read_range(self._store, name, offset, length), self._layout)
        except ValueError as error:
            raise DataError(f"{self._store}/{name}: damaged ({error})", "prepare the pictures again") from error

    def _row(self, index: int) -> tuple[int, ...]:
        with open(self._index, "rb", buffering=0) as file:
            return _ROW.unpack(os.pread(file.fileno(), _ROW.size, index * _ROW.size))


def read_layout(folder: Path) -> ShardLayout:
    """Reads layout.json: how the shards of a folder are stored.

    Raises:
        DataError: it holds none.
    """
    try:
        return ShardLayout(**json.loads((folder / LAYOUT).read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError) as error:
        raise DataError(f"{folder}: no prepared pictures ({error})", "run `dvc repro prepare`") from error


def write_layout(folder: Path, layout: ShardLayout) -> None:
    """Writes layout.json."""
    (folder / LAYOUT).write_text(json.dumps(asdict(layout), indent=2) + "\n", encoding="utf-8")


def write_tables(folder: Path, rows: Callable[[str], Iterable[tuple[Sequence, Sequence[int]]]]) -> None:
    """Writes the manifest and the indices.

    Args:
        rows: gives the pictures of a split: the values of their `Entry`, and their rows of the index.
    """
    with open(folder / MANIFEST, "w", newline="", encoding="utf-8") as manifest:
        table = csv.writer(manifest, lineterminator="\n")
        table.writerow([field.name for field in fields(Entry)])
        for split in SPLITS:
            with open(folder / f"{split}{INDEX}", "wb") as index:
                for entry, place in rows(split):
                    table.writerow(entry)
                    index.write(_ROW.pack(*place))


def read_manifest(folder: Path, split: str = "") -> Iterator[Entry]:
    """The rows of manifest.csv, in order: all of them, or those of a split, in the order of its shards."""
    with open(folder / MANIFEST, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if split in ("", row["split"]):
                yield Entry(**{**row, "width": int(row["width"]), "height": int(row["height"])})


def data_hash(folder: Path) -> str:
    """SHA-256 of the manifest, which identifies every stored pixel."""
    with open(folder / MANIFEST, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
