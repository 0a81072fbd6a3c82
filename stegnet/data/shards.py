"""Prepared pictures on disk: shards in NumPy's format, and a manifest.

manifest.csv           one row per picture, in the order of the shards
train-00000.npy        (N, size, size, 3) uint8, N = data.shard except in the last
validation-00000.npy
test-00000.npy
base-train-00000.npy   coded bases of the pictures in train-00000.npy, if scramble.base is coded; so for validation
"""

import csv
import hashlib
import math
from bisect import bisect_right
from dataclasses import asdict, dataclass, fields
from itertools import accumulate
from pathlib import Path

import numpy as np

from stegnet.core.errors import DataError

TRAIN, VALIDATION, TEST = SPLITS = "train", "validation", "test"
_BASE = "base-"


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


class ShardWriter:
    """Writes shards and manifest to an empty folder; call `close` at the end.

    Raises:
        DataError: the folder is not empty.
    """

    def __init__(self, folder: Path, pictures_per_shard: int) -> None:
        self._folder = folder
        self._limit = pictures_per_shard
        self._pending: dict[str, list[np.ndarray]] = {split: [] for split in SPLITS}
        self._bases: dict[str, list[np.ndarray]] = {split: [] for split in SPLITS}
        self._written = dict.fromkeys(SPLITS, 0)
        self._entries: dict[str, list[Entry]] = {split: [] for split in SPLITS}
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise DataError(f"{folder}: is not empty", "empty it, or let `dvc repro` do so")

    def add(
        self,
        pixels: np.ndarray,
        split: str,
        name: str,
        source: str,
        width: int,
        height: int,
        base: np.ndarray | None = None,
    ) -> None:
        """Adds one picture, (size, size, 3) uint8, and its coded base; all pictures of a split have one, or none."""
        digest = hashlib.sha256(pixels.tobytes()).hexdigest()
        self._entries[split].append(Entry(name, source, digest, width, height, split))
        self._pending[split].append(pixels)
        if base is not None:
            self._bases[split].append(base)
        if len(self._pending[split]) == self._limit:
            self._flush(split)

    def close(self) -> None:
        """Writes the last shards and the manifest."""
        for split in self._pending:
            self._flush(split)
        with open(self._folder / "manifest.csv", "w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, [field.name for field in fields(Entry)], lineterminator="\n")
            table.writeheader()
            table.writerows(asdict(entry) for entries in self._entries.values() for entry in entries)

    def _flush(self, split: str) -> None:
        pictures, bases = self._pending[split], self._bases[split]
        name = f"{split}-{self._written[split]:05d}.npy"
        if bases:
            np.save(self._folder / f"{_BASE}{name}", np.stack(bases))
            bases.clear()
        if pictures:
            np.save(self._folder / name, np.stack(pictures))
            self._written[split] += 1
            pictures.clear()


class Shards:
    """The pictures of one split: `shards[i]` is (size, size, 3) uint8, read from disk on access.

    No file stays open or mapped. Memory-mapped reads would take three times as long because of readahead, and one
    mapping per shard would exhaust the limit of open files.

    Args:
        bases: the coded bases of the pictures instead.
    Raises:
        DataError: the split is empty.
    """

    def __init__(self, folder: Path, split: str, bases: bool = False) -> None:
        self._paths = sorted(folder.glob(f"{_BASE if bases else ''}{split}-*.npy"))
        if not self._paths:
            what = "coded bases of" if bases else ""
            message = f"{folder}: contains no {what} {split} pictures".replace("  ", " ")
            raise DataError(message, "see data.* and scramble.base in params.yaml, then `dvc repro`")
        headers = [_header(path) for path in self._paths]
        self._ends = list(accumulate(shape[0] for shape, _ in headers))
        self._starts = [offset for _, offset in headers]  # of the first picture, in bytes
        self._shape = headers[0][0][1:]

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> np.ndarray:
        shard = bisect_right(self._ends, index)
        size = math.prod(self._shape)
        start = self._starts[shard] + (index - (self._ends[shard - 1] if shard else 0)) * size
        return np.fromfile(self._paths[shard], np.uint8, size, offset=start).reshape(self._shape)


def _header(path: Path) -> tuple[tuple[int, ...], int]:
    """Shape of a shard's array, and its offset in the file in bytes."""
    pictures = np.load(path, mmap_mode="r")
    return pictures.shape, pictures.offset


def read_manifest(folder: Path) -> list[Entry]:
    """The rows of manifest.csv, in order."""
    with open(folder / "manifest.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [Entry(**{**row, "width": int(row["width"]), "height": int(row["height"])}) for row in rows]


def data_hash(folder: Path) -> str:
    """SHA-256 of the manifest, which identifies every stored pixel."""
    return hashlib.sha256((folder / "manifest.csv").read_bytes()).hexdigest()
