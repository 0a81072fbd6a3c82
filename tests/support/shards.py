"""Small shards."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pipeline import shards
from pipeline.shards import NPY, SPLITS, TEST, Entry, ShardLayout, StoredPicture, write_tables
from tests.support.films import picture


class ShardWriter:
    """Writes shards of any pictures to a folder; call `close` at the end."""

    def __init__(self, folder: Path, pictures_per_shard: int, coding: str = NPY) -> None:
        self._folder, self._limit, self._coding = folder, pictures_per_shard, coding
        self._pictures: dict[str, list[tuple]] = {split: [] for split in SPLITS}

    def add(
        self, pixels: np.ndarray, split: str, name: str, source: str, *size: int, base: np.ndarray | None = None
    ) -> None:
        """Adds one picture, (size, size, 3) uint8, the width and height that it once had, and its coded base."""
        width, height = size
        digest = hashlib.sha256(pixels.tobytes()).hexdigest()
        self._pictures[split].append((Entry(name, source, digest, width, height, split), pixels, base))

    def close(self) -> None:
        """Writes all files."""
        self._folder.mkdir(parents=True, exist_ok=True)
        rows = {split: list(self._write(split)) for split in SPLITS}
        sides = [pixels.shape[0] for pictures in self._pictures.values() for _, pixels, _ in pictures]
        write_tables(self._folder, ShardLayout(sides[0] if sides else 8, self._coding), rows.__getitem__)

    def _write(self, split: str) -> Iterable[StoredPicture]:
        pictures = self._pictures[split]
        for number, start in enumerate(range(0, len(pictures), self._limit)):
            with shards.ShardWriter(self._folder, number, self._coding) as writer:
                for entry, *both in pictures[start : start + self._limit]:
                    yield StoredPicture(entry, writer.add(split, *both))


def write_shards(folder: Path, kinds: Iterable[tuple[str, str]], per_shard: int = 4, side: int = 64) -> Path:
    """Writes a picture for each split and source; its number is its seed and its name. Returns the folder.

    The coded base of a picture to train or validate on is the picture itself, darker.
    """
    writer = ShardWriter(folder, per_shard)
    for number, (split, source) in enumerate(kinds):
        pixels = picture(side, side, number)
        base = None if split == TEST else pixels - pixels // 16
        writer.add(pixels, split, str(number), source, side, side, base=base)
    writer.close()
    return folder
