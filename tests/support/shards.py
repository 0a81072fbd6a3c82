"""Small shards."""

from collections.abc import Iterable
from pathlib import Path

from stegnet.data.shards import TEST, ShardWriter
from tests.conftest import picture


def write_shards(folder: Path, kinds: Iterable[tuple[str, str]], per_shard: int = 4, side: int = 64) -> Path:
    """Writes a picture for each split and source; its number is its seed and its name. Returns the folder.

    The coded base of a picture to train or validate on is the picture itself, darker.
    """
    writer = ShardWriter(folder, per_shard)
    for number, (split, source) in enumerate(kinds):
        pixels = picture(side, side, number)
        base = None if split == TEST else pixels - pixels // 16
        writer.add(pixels, split, str(number), source, side, side, base)
    writer.close()
    return folder
