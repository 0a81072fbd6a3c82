import hashlib
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline import shards
from pipeline.prepare import downloads, folders
from pipeline.prepare.prepare import list_jobs
from pipeline.prepare.sources import SOURCES, Picture, squares_of
from stegnet import ConfigError
from stegnet.image import read_picture, write_png
from tests.pipeline.prepare.served import at_once, jpeg, member, pack, serving
from tests.support.lab import CATALOGUE, ROOT, SPLITS, DataError

FOLDER = "imagenette2/train"
PICTURES = {"n01440764/a.jpeg": (70, 90), "n01440764/b.jpeg": (100, 64), "n03888257/c.jpeg": (20, 30)}


@pytest.fixture
def read(data_config, tmp_path) -> Callable[..., list[Picture | str]]:
    """What the jobs of a source give, in order."""
    return lambda **changes: [
        found for job in list_jobs(data_config(test_scenes=0, **changes), tmp_path / "data", 0) for found in job()
    ]


def test_a_folder_is_read_recursively_links_to_no_file_are_named_and_names_are_lines_of_utf_8(read, picture, tmp_path):
    folder, other = tmp_path / "in", tmp_path / "other"
    for each in (folder, folder / "sub", other):
        each.mkdir()
        write_png(each / "a.png", picture(64, 64))
    for name, target in {"broken": "nowhere", "circle": ".", "deep": other, "file.png": other / "a.png"}.items():
        (folder / name).symlink_to(target)
    (folder / "LICENCE.md").write_text("MIT")
    (folder / ".hidden.png").write_bytes(b"")
    (folder / os.fsdecode(b"\xff\n.png")).write_bytes(b"")
    shutil.copy(other / "a.png", folder / os.fsdecode(b"\xfe\n.png"))
    found = read(source="folder", folder=str(folder))
    pictures = [each for each in found if isinstance(each, Picture)]
    assert [picture.name for picture in pictures] == ["a.png", "file.png", "sub/a.png", r"\udcfe\n.png"]
    assert pictures[0].key == hashlib.sha256((folder / "a.png").read_bytes()).hexdigest()
    assert [line.removeprefix(f"{folder}/") for line in found if line not in pictures] == [
        "broken: a link to no file",
        "circle: a linked folder, not followed since DVC sees no change in it",
        "deep: a linked folder, not followed since DVC sees no change in it",
        r"\udcff\n.png: the file is empty",
    ]


@pytest.mark.parametrize(("made", "hint"), [(True, "DVC runs this in a copy"), (False, "give a folder with pictures")])
def test_a_folder_that_dvc_s_copy_lacks(data_config, monkeypatch, tmp_path, made, hint):
    if made:
        (tmp_path / "mine").mkdir()
    (tmp_path / "copy").mkdir()
    monkeypatch.chdir(tmp_path / "copy")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    with pytest.raises(DataError, match=r"^data.folder: mine is not a folder$") as caught:
        folders.check_folders(data_config(folder="mine"))
    assert caught.value.hint.startswith(hint)


def test_the_catalogue_s_archives_are_known_sources(read, tmp_path):
    (tmp_path / "data").mkdir()
    shutil.copy(CATALOGUE, tmp_path / "data")
    with pytest.raises(ConfigError, match=r"^data.source: unknown source 'imagnet-sample'") as caught:
        read(source="scenes+imagnet-sample")
    assert caught.value.hint == (
        "did you mean imagenet-sample? known: data, folder, scenes, torchvision:<class>, imagenet-sample, bsds500, "
        "or several joined by +"
    )


def test_torchvision_downloads_verifies_and_keeps(read, picture, tmp_path, monkeypatch):
    files = {name: jpeg(picture(*size, index)) for index, (name, size) in enumerate(PICTURES.items())}
    archive, archives = pack([member(f"{FOLDER}/{name}", content) for name, content in files.items()]), {}
    monkeypatch.setattr("torchvision.datasets.Imagenette._ARCHIVES", archives)
    with serving(at_once(archive)) as site:
        address = f"http://127.0.0.1:{site.server_port}/imagenette2.tgz"
        archives["full"] = address, "0" * 32
        with pytest.raises(DataError, match=r"Imagenette: can't be downloaded \(File not found or corrupted.\)"):
            read(source="torchvision:Imagenette")
        archives["full"] = address, hashlib.md5(archive, usedforsecurity=False).hexdigest()
        found = read(source="torchvision:Imagenette")
    folder = tmp_path / "cache" / "torchvision" / "Imagenette" / FOLDER
    assert [picture.name for picture in found] == ["0000000", "0000001", "0000002"]
    for each, name in zip(found, PICTURES, strict=True):
        assert np.array_equal(each.pixels, read_picture(folder / name))
    assert {picture.source for picture in found} == {"torchvision:Imagenette"}
    downloads._open_torchvision.cache_clear()  # and now from the disk
    assert [picture.name for picture in read(source="torchvision:Imagenette")] == [picture.name for picture in found]


@pytest.mark.parametrize("name", ["NoSuchSet", "Kinetics", "utils"])
def test_a_class_that_needs_more_arguments(read, name):
    with pytest.raises(ConfigError, match=f"^data.source: torchvision can't download 'torchvision:{name}'"):
        read(source=f"torchvision:{name}")


def test_the_cache_folder(monkeypatch, tmp_path):
    assert shards.cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("STEGNET_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert shards.cache_folder() == tmp_path / "xdg" / "stegnet"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert shards.cache_folder() == Path.home() / ".cache" / "stegnet"
    monkeypatch.setenv("HOME", "~")
    with pytest.raises(ConfigError, match="no home"):
        shards.cache_folder()


def test_a_big_picture_is_averaged_down_about_its_centre():
    rows, cols = np.mgrid[:160, :320]
    checks = ((rows + cols) % 2 * 255).astype(np.uint8)[..., None].repeat(3, -1)  # 160 to 80: means of 2×2 pixels
    (square,) = squares_of(Picture("", "", checks), 64, 1, "")
    assert np.all(np.abs(square.astype(int) - 127.5) < 1)
    pixels = np.zeros((640, 1280, 3), np.uint8)
    pixels[310:330, 630:650] = 255  # scaled by 1/8: 2.5 pixels about the centre
    (square,) = squares_of(Picture("", "", pixels), 64, 1, "")
    rows, cols, _ = np.nonzero(square)
    assert (rows.min() + rows.max(), cols.min() + cols.max()) == (63, 63)


def test_crops_are_adjacent_and_centred(picture):
    pixels = picture(70, 137)
    left, right = squares_of(Picture("", "", pixels, crops=4), 64, 1, "")
    assert np.array_equal(left, pixels[3:67, 4:68])
    assert np.array_equal(right, pixels[3:67, 68:132])


def test_a_source_in_one_file_and_one_line_as_the_docs_add_it(prepared):
    code = re.search(r'```python\n("""Colour.*?)```', (ROOT / "docs" / "data.md").read_text(), re.DOTALL)[1]
    exec(code, {})
    try:
        counts, rows = prepared(source="gradients", test_share=0.2, validation_share=0.1)
        with pytest.raises(ValueError, match="two sources are named gradients"):
            exec(code, {})
    finally:
        del SOURCES["gradients"]
    assert {row.name for row in rows if row.source == "gradients"} == {f"blue-{blue}" for blue in range(256)}
    assert min(counts[split] for split in SPLITS) > 10


def test_a_missing_folder_is_named_by_its_key(data_config):
    for key, other in (("test_folder", "folder"), ("folder", "test_folder")):
        config = data_config(**{"source": "folder", key: "nowhere", other: "tests"})
        with pytest.raises(DataError, match=rf"^data\.{key}: nowhere is not a folder$"):
            folders.check_folders(config)
