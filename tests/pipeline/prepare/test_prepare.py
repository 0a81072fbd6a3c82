import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.prepare.sources import Picture, squares_of
from stegnet.image import write_png
from stegnet.image.avif import decode_avif, fit_avif
from tests.support.lab import CATALOGUE, CODED, TEST, TRAIN, VALIDATION, DataError, Shards, data_hash, read_manifest
from tests.support.temporary import contents

FOLDERS = ["train", "val", "test"]


@pytest.fixture
def folder(tmp_path, picture, make_film) -> Path:
    """A folder with all kinds of files."""
    folder = tmp_path / "in"
    folder.mkdir()
    for index in range(8):
        write_png(folder / f"p{index}.png", picture(64, 80, index))
    make_film(folder / "film.mkv", frames=4, seed=50)
    write_png(folder / "twin.png", picture(70, 70, 90))
    shutil.copy(folder / "twin.png", folder / "twin again.png")
    Image.fromarray(picture(80, 80)).save(folder / "damaged.jpg")
    (folder / "damaged.jpg").write_bytes((folder / "damaged.jpg").read_bytes()[:900])
    write_png(folder / "tiny.png", picture(20, 20))
    (folder / "about.txt").write_text("who took them")
    (folder / "letter").write_text("neither picture nor note")
    return folder


def test_a_folder_with_all_kinds_of_files_gives_the_same_bytes_from_any_number_of_processes(
    folder, prepared, tmp_path, caplog
):
    counts, rows = prepared("three", source="folder", folder=str(folder), workers=3)
    assert counts == {
        "train": 12, "validation": 0, "test": 2, "skipped": 3, "sources.folder": 12, "sources.scenes": 2,
    }  # fmt: skip
    names = [row.name for row in rows if row.split == TRAIN]
    assert names == ["film.mkv#0", "film.mkv#2", *(f"p{index}.png" for index in range(8)), "twin again.png", "twin.png"]
    assert len(Shards(tmp_path / "three", TRAIN)) == 12
    warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warned.pop().startswith("none of your pictures is tested")
    assert len(warned) == 3
    assert all(any(f"{name}:" in line for line in warned) for name in ("damaged.jpg", "letter"))
    assert all(line.startswith("skipped ") for line in warned)
    assert warned[-1] == "skipped 1 smaller than data.side 64: tiny.png (20×20)"
    prepared("none", source="folder", folder=str(folder))
    assert contents(tmp_path / "three") == contents(tmp_path / "none")


def test_the_split_of_own_pictures_is_said_and_that_none_is_tested(prepared, picture, tmp_path, caplog):
    (folder := tmp_path / "own").mkdir()
    for index in range(20):
        write_png(folder / f"{index}.png", picture(64, 64, index))
    with caplog.at_level(logging.INFO):
        counts, _ = prepared(source="folder", folder=str(folder), validation_share=0.1, test_share=0.001)
    assert f"pictures of folder: {counts['train']} train, {counts['validation']} validation, 0 test" in caplog.messages
    assert caplog.messages[-1].startswith(
        "none of your pictures is tested, since a pair needs two: raise data.test_share"
    )
    caplog.clear()
    prepared("again", source="folder", folder=str(folder), validation_share=0.1, test_share=0.4)
    assert not caplog.messages


@pytest.fixture
def sides(prepared):
    """The split of each file of a folder."""

    def find(folder: Path, share: float = 0.5, out: str = "out", validation: float = 0.0) -> dict[str, str]:
        shares = {"test_share": share, "validation_share": validation}
        _, rows = prepared(out, source="folder", folder=str(folder), **shares)
        return {row.name: row.split for row in rows if row.source == "folder"}

    return find


def test_parts_of_a_file_and_equal_files_stay_together_and_new_files_move_no_others(folder, sides, picture):
    before = sides(folder)
    assert {TRAIN, TEST} == set(before.values())
    assert before["film.mkv#0"] == before["film.mkv#2"]
    assert before["twin.png"] == before["twin again.png"]
    for index in range(8):
        write_png(folder / f"a new one {index}.png", picture(64, 64, 200 + index))
    (folder / "p0.png").rename(folder / "zzz.png")
    after = sides(folder, out="again")
    before["zzz.png"] = before.pop("p0.png")
    assert {name: after[name] for name in before} == before


@pytest.fixture
def by_hand(tmp_path, picture) -> Callable[..., Path]:
    """A folder with six pictures in each of its sub-folders."""

    def make(*names: str) -> Path:
        for number, name in enumerate(names):
            (tmp_path / "in" / name / "class").mkdir(parents=True)
            for index in range(6):
                write_png(tmp_path / "in" / name / "class" / f"{index}.png", picture(64, 70, 10 * number + index))
        return tmp_path / "in"

    return make


def test_a_manual_split_is_kept_and_what_is_missing_in_it_is_drawn(by_hand, prepared):
    folder = by_hand("train", "val", "test")
    (folder / "README.md").write_text("where they come from")
    changes = {"source": "folder", "folder": str(folder), "test_share": 0.9, "validation_share": 0.5}
    for validation in ("val", "validation"):
        (folder / "val").rename(folder / validation)
        counts, rows = prepared(validation, **changes)
        assert (counts[TRAIN], counts[VALIDATION], counts[TEST]) == (6, 6, 6 + 2)
        sides = {"train": TRAIN, validation: VALIDATION, "test": TEST}
        assert all(row.split == sides[row.name.split("/")[0]] for row in rows if row.source == "folder")
    shutil.rmtree(folder / "validation")
    found = {(row.name.split("/")[0], row.split) for row in prepared(**changes)[1] if row.source == "folder"}
    assert found == {("train", TRAIN), ("train", VALIDATION), ("test", TEST)}


def test_a_picture_outside_the_manual_split_is_an_error(by_hand, prepared, tmp_path, picture):
    folder = by_hand("train", "val")
    write_png(folder / "stray.png", picture(64, 64))
    with pytest.raises(DataError, match=r"^data.folder: .*stray.png is outside val/, train/$") as caught:
        prepared(source="folder", folder=str(folder))
    assert caught.value.hint == "move it into one of these folders, or rename them"
    assert not (tmp_path / "out").exists()


def test_a_picture_in_two_splits_is_only_in_the_test_split(by_hand, prepared, caplog, tmp_path):
    folder = by_hand("train", "val", "test")
    shutil.copy(folder / "test" / "class" / "1.png", folder / "train" / "one.png")
    Image.open(folder / "val" / "class" / "2.png").save(folder / "train" / "two.bmp")  # other bytes, same pixels
    shutil.copy(folder / "test" / "class" / "3.png", folder / "val" / "three.png")
    counts, rows = prepared(source="folder", folder=str(folder), shard=1)
    assert (counts[TRAIN], counts[VALIDATION], counts[TEST], counts["skipped"]) == (6, 6, 8, 3)
    assert len(list((tmp_path / "out").glob("*.tar"))) == len(rows)  # nor is it left in a shard
    assert len({row.sha256 for row in rows}) == len(rows)
    assert caplog.messages == ["skipped 3 that are in another split too: val/three.png, train/one.png, train/two.bmp"]


def test_a_folder_of_test_pictures(by_hand, prepared, tmp_path):
    folder = by_hand("mine", "tests")
    shutil.copy(folder / "tests" / "class" / "5.png", folder / "mine" / "again.png")
    changes = {"folder": str(folder / "mine"), "test_folder": str(folder / "tests")}
    counts, rows = prepared(source="folder+scenes", test_share=0.9, validation_share=0.5, **changes)
    assert {row.name for row in rows if row.source == "test_folder"} == {f"class/{index}.png" for index in range(6)}
    assert {row.split for row in rows if row.source == "test_folder"} == {TEST}
    assert {row.split for row in rows if row.source == "folder"} == {TRAIN, VALIDATION}
    assert counts["skipped"] == 1
    with pytest.raises(DataError, match=r"^data.test_folder: .*nowhere is not a folder$"):
        prepared("again", source="scenes", test_folder=str(tmp_path / "nowhere"))


def test_validation_pictures_come_from_separate_files(folder, sides, tmp_path, picture):
    for index in range(24):
        write_png(folder / f"more {index}.png", picture(64, 64, 300 + index))
    plain, split = sides(folder, 0.3), sides(folder, 0.3, "again", validation=0.2)
    assert set(split.values()) == {TRAIN, VALIDATION, TEST}
    assert {name for name, side in split.items() if side == TEST} == {n for n, side in plain.items() if side == TEST}
    more = sides(folder, 0.3, "more", validation=0.5)
    few, many = ({name for name, side in found.items() if side == VALIDATION} for found in (split, more))
    assert few < many
    rows = list(read_manifest(tmp_path / "again"))
    stored = [{row.sha256 for row in rows if row.split == side} for side in (TRAIN, VALIDATION, TEST)]
    assert sum(map(len, stored)) == len(set.union(*stored))


def test_tiles_are_squares_of_native_resolution_that_do_not_overlap(by_hand, prepared, tmp_path, picture):
    folder = by_hand("train", "val", "test")
    large, middling = picture(64 * 3, 64 * 5, 90), picture(64 * 2 - 1, 64 * 9, 91)
    for name in ("train", "val", "test"):
        write_png(folder / name / "large.png", large + FOLDERS.index(name))
    write_png(folder / "train" / "middling.png", middling)
    changes = {"source": "folder", "folder": str(folder), "test_scenes": 0}
    one, tiled, again = (prepared(f"tiles {tiles} {n}", tiles=tiles, **changes)[1] for n, tiles in enumerate((1, 7, 7)))
    others = [row for row in tiled if "#" not in row.name]
    assert others == [row for row in one if row.name != "train/large.png"]
    tiles = {row.name: row for row in tiled if row not in others}
    assert list(tiles) == [f"train/large.png#{index}" for index in range(6)]  # of 2×3 or 3×2 cells
    assert {(row.width, row.height, row.split) for row in tiles.values()} == {(64 * 5, 64 * 3, TRAIN)}
    assert tiled == again
    where = np.lib.stride_tricks.sliding_window_view(large, (64, 64, 3))[:, :, 0]
    taken = np.zeros(large.shape[:2], int)
    for index, row in enumerate(row for row in tiled if row.split == TRAIN):
        if row.name in tiles:
            pixels = Shards(tmp_path / "tiles 7 1", TRAIN)[index]
            ((top, left),) = np.argwhere((where == pixels).all((2, 3, 4)))
            taken[top : top + 64, left : left + 64] += 1
    assert taken.max() == 1
    assert taken.sum() == 6 * 64 * 64


def test_tiles_reach_both_ends_of_their_cells(picture):
    """A picture of two by three squares is cut into just these; of one pixel more, each place comes."""
    whole = picture(65, 97, 90)
    exact = squares_of(Picture("folder", "a", whole[:64, :96]), 32, 6, "0123456789abcdef")
    parts = [whole[top : top + 32, left : left + 32] for top in (0, 32) for left in (0, 32, 64)]
    np.testing.assert_array_equal(exact, parts)
    found = [squares_of(Picture("folder", "a", whole), 32, 6, f"{number:016x}")[-1] for number in range(40)]
    corners = {"top left": whole[32:64, 64:96], "bottom right": whole[33:65, 65:97]}
    for name, corner in corners.items():
        assert any(np.array_equal(square, corner) for square in found), name


def test_scenes_depend_on_the_seed_and_each_split_has_its_own(prepared, tmp_path, folder):
    changes = {"folder": str(folder), "validation_scenes": 3, "scenes": 3, "test_scenes": 3, "test_share": 0.9}
    counts, rows = prepared("one", seed=1, source="scenes", **changes)
    assert [counts[split] for split in (TRAIN, VALIDATION, TEST)] == [3, 3, 3]
    assert [row.name for row in rows if row.split == VALIDATION] == [f"validation-scene-000{i}" for i in range(3)]
    assert len({row.sha256 for row in rows}) == 9
    prepared("same", seed=1, source="scenes", **changes)
    prepared("two", seed=2, source="scenes", **changes)
    assert data_hash(tmp_path / "one") == data_hash(tmp_path / "same") != data_hash(tmp_path / "two")
    with pytest.raises(DataError, match="is not empty"):
        prepared("two", seed=2, source="scenes", **changes)
    counts, _ = prepared("again", source="folder", **changes | {"test_share": 0.5})  # of files, by their bytes
    assert counts[VALIDATION] == 0  # scenes are validated on by those who train on them


def test_photographs_are_in_the_test_split(prepared, tmp_path):
    (tmp_path / "data").mkdir()
    shutil.copy(CATALOGUE, tmp_path / "data")
    counts, rows = prepared(source="scenes", scenes=1, test_photographs=True, test_scenes=0)
    photographs = [row for row in rows if row.source == "photographs"]
    assert counts["test"] == len(photographs) == counts["sources.photographs"] == 9 * 4
    assert photographs[0].name == "astronaut.png#0"
    assert {row.split for row in photographs} == {TEST}


def test_nothing_to_train_on(prepared, tmp_path, picture):
    (tmp_path / "in").mkdir()
    with pytest.raises(DataError, match=r"data.source folder: nothing usable to train on \(it contains no pictures\)"):
        prepared(source="folder", folder=str(tmp_path / "in"))
    write_png(tmp_path / "in" / "tiny.png", picture(8, 8))
    with pytest.raises(DataError, match=r"nothing usable to train on \(1 skipped, see above\)"):
        prepared("again", source="folder", folder=str(tmp_path / "in"))


@pytest.mark.arithmetic
def test_training_pictures_get_the_base_of_the_whole_picture(prepared, tmp_path):
    prepared(source="scenes", validation_scenes=2, scramble=CODED)
    for split, count in ((TRAIN, 3), (VALIDATION, 2)):
        pictures, bases = (Shards(tmp_path / "out", split, bases) for bases in (False, True))
        assert len(pictures) == len(bases) == count
        for picture, base in zip(pictures, bases, strict=True):
            np.testing.assert_array_equal(base, decode_avif(fit_avif(picture, 80, int(4.2 * 64 * 64 / 8)), 64, 64))
    with pytest.raises(DataError, match="no coded bases of test pictures"):
        Shards(tmp_path / "out", TEST, bases=True)
