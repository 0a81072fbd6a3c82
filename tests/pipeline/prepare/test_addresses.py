"""Pictures at addresses: an S3 server, and archives."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest
import webdataset
from PIL import Image

from stegnet import ConfigError
from tests.support.lab import CODED, SPLITS, TRAIN, DataError, Shards
from tests.support.object_store import object_store
from tests.support.temporary import contents

SHARES = {"source": "folder", "test_share": 0.2, "validation_share": 0.2, "shard": 8}


@pytest.fixture
def bucket() -> Iterator[str]:
    with object_store() as address:
        yield address


@pytest.fixture
def folder(tmp_path, picture) -> Path:
    """A folder of 24 pictures in three folders, a copy with other bytes and a damaged file."""
    folder = tmp_path / "in"
    for index in range(24):
        (folder / f"{index % 3}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(64, 70, index)).save(folder / f"{index % 3}" / f"{index:02d}.png")
    for index in range(4):
        Image.open(folder / f"{index % 3}" / f"{index:02d}.png").save(folder / f"copy {index}.bmp")
    (folder / "damaged.jpg").write_bytes(b"\xff\xd8\xff damaged")
    return folder


def tar(folder: Path, path: Path) -> None:
    """The files of a folder in a tar, with labels as WebDataset has them."""
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.add(file, file.relative_to(folder))
            label = tarfile.TarInfo(f"{file.relative_to(folder).with_suffix('')}.cls")
            label.size = 1
            archive.addfile(label, io.BytesIO(b"7"))


def test_an_object_store_gives_the_same_bytes_as_a_folder(folder, bucket, prepared, tmp_path, caplog):
    fsspec.filesystem("s3").put(str(folder), "pictures/in", recursive=True)
    places = {"here": str(folder), "there": f"{bucket}/in"}
    rows = [prepared(out, folder=place, scramble=CODED, **SHARES)[1] for out, place in places.items()]
    assert contents(tmp_path / "here") == contents(tmp_path / "there")
    assert {row.split for row in rows[0]} == set(SPLITS)
    reason = "damaged.jpg: the JPEG is truncated"
    damaged = [line for line in caplog.messages if line.startswith("skipped") and "damaged.jpg" in line]
    assert damaged == [f"skipped {place}/{reason}" for place in places.values()]
    with pytest.raises(DataError, match=r"^data.folder: s3://pictures/none is not a folder"):
        prepared("none", folder=f"{bucket}/none", **SHARES)


def test_an_unknown_protocol(prepared):
    with pytest.raises(ConfigError, match=r"^nowhere://pictures: can't be opened \(Protocol not known"):
        prepared(folder="nowhere://pictures", **SHARES)


def test_tars_give_the_pictures_of_a_folder_and_a_damaged_one_what_can_be_read(folder, prepared, tmp_path, caplog):
    plain = {(row.name, row.sha256, row.split) for row in prepared("here", folder=str(folder), **SHARES)[1]}
    (tmp_path / "tars").mkdir()
    for name in ("a.tar.gz", "a.tar"):
        tar(folder, tmp_path / "tars" / name)
        _, rows = prepared(f"from {name}", folder=str(tmp_path / "tars"), **SHARES)
        assert {(row.name.removeprefix(f"{name}/"), row.sha256, row.split) for row in rows} == plain
        whole = (tmp_path / "tars" / name).read_bytes()
        (tmp_path / "tars" / name).unlink()
    (tmp_path / "tars" / "a.tar").write_bytes(whole[: len(whole) // 2])
    assert 6 < len(prepared(folder=str(tmp_path / "tars"), **SHARES)[1]) < 24
    assert any(line.startswith("skipped") and "a.tar: " in line for line in caplog.messages)


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")  # WebDataset
def test_other_tools_read_the_shards(folder, prepared, tmp_path):
    prepared(folder=str(folder), scramble=CODED, coding="webp", **SHARES)
    urls = [str(path) for path in sorted((tmp_path / "out").glob("train-*.tar"))]
    samples = list(webdataset.WebDataset(urls, shardshuffle=False).decode("rgb8"))
    pictures, bases = Shards(tmp_path / "out", TRAIN), Shards(tmp_path / "out", TRAIN, bases=True)
    assert len(samples) == len(pictures)
    for index, sample in enumerate(samples):
        assert np.array_equal(sample["webp"], pictures[index])
        assert np.array_equal(sample["base.webp"], bases[index])
