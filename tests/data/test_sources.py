import hashlib
import io
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.prepare import folders, sources, store
from pipeline.prepare.groups import Group, cut_squares, fit_square
from stegnet import ConfigError, DataError
from stegnet.media import read_picture, write_png
from tests.data.served import at_once, member, pack, serving
from tests.support.lab import CATALOGUE

FOLDER = "imagenette2/train"
PICTURES = {"n01440764/a.jpeg": (70, 90), "n01440764/b.jpeg": (100, 64), "n03888257/c.jpeg": (20, 30)}


@pytest.fixture
def groups(data_config, tmp_path) -> Callable[..., list[Group]]:
    """The groups of a source, in order."""
    return lambda **changes: [
        g for job in sources.list_jobs(data_config(**changes), tmp_path / "data", 0) for g in job()
    ]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path) -> Iterator[None]:
    monkeypatch.setenv("STEGNET_CACHE", str(tmp_path / "cache"))
    sources._open_torchvision.cache_clear()
    yield
    sources._open_torchvision.cache_clear()


def test_a_folder_is_read_recursively_without_text_files(groups, picture, tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    write_png(tmp_path / "in" / "deep" / "b.png", picture(64, 80))
    write_png(tmp_path / "in" / "a.png", picture(64, 64))
    (tmp_path / "in" / "LICENCE.md").write_text("MIT")
    (tmp_path / "in" / ".hidden.png").write_bytes(b"")
    found = groups(source="folder", folder=str(tmp_path / "in"))
    assert [group.samples[0].name for group in found] == ["a.png", "deep/b.png"]
    assert (found[1].samples[0].width, found[1].samples[0].height) == (80, 64)
    assert found[0].key == hashlib.sha256((tmp_path / "in" / "a.png").read_bytes()).hexdigest()


def test_links_that_lead_to_no_file_are_named_and_names_are_lines_of_utf_8(groups, picture, tmp_path):
    folder, other = tmp_path / "in", tmp_path / "other"
    for each in (folder, other):
        each.mkdir()
        write_png(each / "a.png", picture(64, 64))
    for name, target in {"broken": "nowhere", "circle": ".", "deep": other, "file.png": other / "a.png"}.items():
        (folder / name).symlink_to(target)
    (folder / os.fsdecode(b"\xff\n.png")).write_bytes(b"")
    shutil.copy(other / "a.png", folder / os.fsdecode(b"\xfe\n.png"))
    found = groups(source="folder", folder=str(folder))
    assert [sample.name for group in found for sample in group.samples] == ["a.png", "file.png", r"\udcfe\n.png"]
    assert [line.removeprefix(f"{folder}/") for group in found for line in group.damaged] == [
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


def test_the_catalogue_s_archives_are_known_sources(groups, tmp_path):
    (tmp_path / "data").mkdir()
    shutil.copy(CATALOGUE, tmp_path / "data")
    with pytest.raises(ConfigError, match=r"^data.source: unknown source 'imagnet-sample'") as caught:
        groups(source="scenes+imagnet-sample")
    assert caught.value.hint == (
        "did you mean imagenet-sample? known: scenes, folder, data, torchvision:<class>, imagenet-sample, bsds500, "
        "or several joined by +"
    )


def test_torchvision_downloads_verifies_and_keeps(groups, picture, tmp_path, monkeypatch):
    members = []
    for index, (name, (height, width)) in enumerate(PICTURES.items()):
        content = io.BytesIO()
        Image.fromarray(picture(height, width, index)).save(content, "JPEG")
        members.append(member(f"{FOLDER}/{name}", content.getvalue()))
    archive, archives = pack(members), {}
    monkeypatch.setattr("torchvision.datasets.Imagenette._ARCHIVES", archives)
    with serving(at_once(archive)) as site:
        address = f"http://127.0.0.1:{site.server_port}/imagenette2.tgz"
        archives["full"] = address, "0" * 32
        with pytest.raises(DataError, match=r"Imagenette: can't be downloaded \(File not found or corrupted.\)"):
            groups(source="torchvision:Imagenette")
        archives["full"] = address, hashlib.md5(archive, usedforsecurity=False).hexdigest()
        found = groups(source="torchvision:Imagenette")
    folder = tmp_path / "cache" / "torchvision" / "Imagenette" / FOLDER
    assert [[sample.name for sample in group.samples] for group in found] == [["0000000"], ["0000001"], []]
    assert [(s.width, s.height) for group in found for s in group.samples] == [(90, 70), (64, 100)]
    assert found[2].small == ["0000002 (30×20)"]
    assert np.array_equal(found[0].samples[0].pixels, read_picture(folder / "n01440764" / "a.jpeg")[3:67, 13:77])
    assert {group.source for group in found} == {"torchvision:Imagenette"}
    sources._open_torchvision.cache_clear()  # and now from the disk
    assert [group.key for group in groups(source="torchvision:Imagenette")] == [group.key for group in found]


@pytest.mark.parametrize("name", ["NoSuchSet", "Kinetics", "utils"])
def test_a_class_that_needs_more_arguments(groups, name):
    with pytest.raises(ConfigError, match=f"^data.source: torchvision can't download 'torchvision:{name}'"):
        groups(source=f"torchvision:{name}")


def test_the_cache_folder(monkeypatch, tmp_path):
    assert store.cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("STEGNET_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert store.cache_folder() == tmp_path / "xdg" / "stegnet"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert store.cache_folder() == Path.home() / ".cache" / "stegnet"
    monkeypatch.setenv("HOME", "~")
    with pytest.raises(ConfigError, match="no home"):
        store.cache_folder()


def test_a_big_picture_is_averaged_down_about_its_centre():
    rows, cols = np.mgrid[:160, :320]
    checks = ((rows + cols) % 2 * 255).astype(np.uint8)[..., None].repeat(3, -1)  # 160 to 80: means of 2×2 pixels
    assert np.all(np.abs(fit_square(checks, 64).astype(int) - 127.5) < 1)
    pixels = np.zeros((640, 1280, 3), np.uint8)
    pixels[310:330, 630:650] = 255  # scaled by 1/8: 2.5 pixels about the centre
    rows, cols, _ = np.nonzero(fit_square(pixels, 64))
    assert (rows.min() + rows.max(), cols.min() + cols.max()) == (63, 63)


def test_cut_squares_are_adjacent_and_centred(picture):
    pixels = picture(70, 137)
    left, right = cut_squares(pixels, 64, 4)
    assert np.array_equal(left, pixels[3:67, 4:68])
    assert np.array_equal(right, pixels[3:67, 68:132])
