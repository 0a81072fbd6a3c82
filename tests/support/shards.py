"""Small shards."""

from collections.abc import Iterable
from pathlib import Path

from stegnet.data.shards import ShardWriter
from tests.conftest import picture


def write_shards(folder: Path, kinds: Iterable[tuple[str, str]], per_shard: int = 4, side: int = 64) -> Path:
    """Writes a picture for each split and source; its number is its seed and its name. Returns the folder."""
    writer = ShardWriter(folder, per_shard)
    for number, (split, source) in enumerate(kinds):
        writer.add(picture(side, side, number), split, str(number), source, side, side)
    writer.close()
    return folder
