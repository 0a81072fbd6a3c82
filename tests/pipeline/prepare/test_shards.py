import hashlib

import numpy as np
import psutil
import pytest

from tests.support.lab import TEST, TRAIN, DataError, Shards, data_hash, read_manifest
from tests.support.shards import ShardWriter


@pytest.fixture
def pictures(picture) -> list[np.ndarray]:
    return [picture(16, 16, seed) for seed in range(5)]


def write(folder, pictures, per_shard: int = 2, names: str = "abcde") -> None:
    writer = ShardWriter(folder, per_shard)
    for name, pixels in zip(names, pictures, strict=True):
        writer.add(pixels, TRAIN, name, "folder", 20, 30)
    writer.add(pictures[0], TEST, "ä, with a comma", "scenes", 1, 2)
    writer.close()


def test_pictures_are_read_in_the_order_written_and_no_file_stays_open(tmp_path, pictures):
    write(tmp_path, pictures)
    shards, rows = Shards(tmp_path, TRAIN), list(read_manifest(tmp_path))
    before = psutil.Process().num_fds()
    assert all(np.array_equal(shards[index], pixels) for index, pixels in enumerate(pictures))
    assert psutil.Process().num_fds() == before
    assert np.array_equal(Shards(tmp_path, TEST)[0], pictures[0])
    assert (len(shards), len(list(tmp_path.glob("train-*.tar")))) == (5, 3)
    assert [(row.name, row.split) for row in rows] == [*((name, TRAIN) for name in "abcde"), ("ä, with a comma", TEST)]
    digest = hashlib.sha256(pictures[1].tobytes()).hexdigest()
    assert rows[1] == ("b", "folder", digest, 20, 30, TRAIN)


def test_the_hash_depends_on_the_pixels_and_not_on_the_shard_size(tmp_path, pictures):
    write(tmp_path / "a", pictures, 2)
    write(tmp_path / "b", pictures, 3)
    changed = [pixels.copy() for pixels in pictures]
    changed[4][0, 0, 0] ^= 1
    write(tmp_path / "c", changed, 2)
    assert data_hash(tmp_path / "a") == data_hash(tmp_path / "b") != data_hash(tmp_path / "c")


def test_shards_that_are_cut_off_or_missing_are_named(tmp_path, pictures):
    write(tmp_path, pictures)
    shards, second = Shards(tmp_path, TRAIN), tmp_path / "train-00001.tar"
    second.write_bytes(second.read_bytes()[:1024])
    with pytest.raises(DataError, match=r"train-00001.tar: damaged \(no picture of this size\)$") as caught:
        shards[2]
    assert caught.value.hint == "prepare the pictures again"
    second.unlink()
    with pytest.raises(DataError, match=r"train-00001.tar: can't be read \(No such file or directory\)$"):
        shards[2]
    assert np.array_equal(shards[0], pictures[0])
