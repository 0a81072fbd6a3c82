"""Robust containers stay the cover's own JPEG where nothing is hidden."""

from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from stegnet import CapacityError
from stegnet.core.card import SHIPPED_MODEM
from stegnet.keys import Key
from stegnet.media import read_cover
from stegnet.media.jpeg import read_jpeg
from stegnet.media.jpeg.markers import JpegFile
from stegnet.methods import CoverSize, Run
from stegnet.methods.jpeg import jpeg_cover
from stegnet.methods.robust import Robust, RobustOptions
from stegnet.methods.robust.own_jpeg import OwnJpeg
from stegnet.results import OutputTarget
from tests.support.modem import index_modem

KEY = Key(bytes(range(32)))
KINDS = {
    "4:2:0": {"subsampling": "4:2:0"},
    "4:4:4": {"subsampling": "4:4:4", "quality": 85},
    "4:2:2, progressive": {"subsampling": "4:2:2", "progressive": True},
    "restarts": {"restart_marker_blocks": 5},
}


def saved(path: Path, pixels: np.ndarray, orientation: int = 1, **how) -> Path:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(pixels).save(path, "JPEG", exif=exif, comment=b"by hand", **{"quality": 92, **how})
    with path.open("ab") as file:
        file.write(b"appended")
    return path


def changed_in(container: np.ndarray, top: int, left: int) -> np.ndarray:
    """It, with one block that is brighter."""
    changed = container.copy()
    changed[top : top + 8, left : left + 8] = np.clip(changed[top : top + 8, left : left + 8].astype(int) + 9, 0, 255)
    return changed


def outside(file: JpegFile) -> list[bytes]:
    """All segments but entropy-coded data and its tables."""
    coded = [(scan.start, scan.end) for scan in file.scans] + [each[:2] for each in file.huffman_segments]
    places = [0, *(place for part in sorted(coded) for place in part), len(file.data)]
    return [file.data[start:end] for start, end in zip(places[::2], places[1::2], strict=True)]


@pytest.mark.parametrize("how", KINDS.values(), ids=KINDS)
def test_all_but_the_blocks_that_carry_something_stays(tmp_path, picture, how):
    cover = saved(tmp_path / "c.jpg", picture(203, 277), **how)
    (tmp_path / "s.txt").write_text("meet me at noon")
    out = OutputTarget(tmp_path / "o.jpg", inputs=(cover,))
    run = Run(networks={SHIPPED_MODEM: index_modem()})
    report = Robust().hide(cover, tmp_path / "s.txt", out, KEY, RobustOptions("jpeg:75"), run)
    before, after = read_jpeg(cover), read_jpeg(out.path)
    same = (before.planes[0] == after.planes[0]).all(2)
    assert 0.05 < same.mean() < 1
    assert all(map(np.array_equal, before.planes[1:], after.planes[1:]))
    assert outside(before.file) == outside(after.file)
    assert 0 < report.hiding.changed_pixels < 1.5 * 64 * np.count_nonzero(~same)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_that_are_stored_turned(tmp_path, picture, orientation):
    cover = jpeg_cover(saved(tmp_path / "c.jpg", picture(96, 128), orientation), 95)
    wanted = changed_in(cover.shown, 16, 40)
    shown = OwnJpeg(cover)(wanted)
    apart = np.abs(shown.astype(int) - wanted).max(2) > 4
    assert apart.mean() < 0.001
    same = (cover.picture.planes[0] == OwnJpeg(cover).planes(wanted)[0]).all(2)
    assert np.count_nonzero(~same) == 1


def test_a_jpeg_that_is_made_knows_what_it_rounded(tmp_path, picture):
    """Blocks that carry nothing are those of a plain JPEG; the others are nearer to what is wanted."""
    Image.fromarray(picture(96, 128)).save(tmp_path / "c.png")
    cover = jpeg_cover(tmp_path / "c.png", 60)
    own = OwnJpeg(cover)
    assert all(map(np.array_equal, own.planes(cover.shown), cover.picture.planes))
    wanted = changed_in(cover.shown, 16, 40)
    planes = own.planes(wanted)
    ((row, col),) = np.argwhere((planes[0] != cover.picture.planes[0]).any(2))
    assert (row, col) == (2, 5)


def test_parts_are_rounded_as_the_whole_is(tmp_path, picture):
    cover = jpeg_cover(saved(tmp_path / "c.jpg", picture(96, 128), quality=75), 95)
    part = np.ascontiguousarray(cover.shown[16:64, 32:96])
    own = OwnJpeg(cover)
    assert np.abs(own(part).astype(int) - part).max() <= 3, "it was rounded so before"
    noise = np.random.default_rng(0).integers(-6, 7, (*cover.shown.shape[:2], 1))
    wanted = np.clip(cover.shown + noise, 0, 255).astype(np.uint8)
    whole, alone = own(wanted)[16:64, 32:96], own(np.ascontiguousarray(wanted[16:64, 32:96]))
    assert np.abs(whole.astype(int) - alone).mean() < 1 < np.abs(whole.astype(int) - wanted[16:64, 32:96]).mean()


def test_a_file_that_is_read_back(tmp_path, picture):
    cover = jpeg_cover(saved(tmp_path / "c.jpg", picture(60, 77)), 95)
    wanted = changed_in(cover.shown, 8, 16)
    (tmp_path / "o.jpg").write_bytes(cover.picture.with_planes(OwnJpeg(cover).planes(wanted)))
    assert np.array_equal(read_cover(tmp_path / "o.jpg")[0], OwnJpeg(cover)(wanted))


def test_coarse_steps_leave_less_room(tmp_path, picture):
    """Which is said before; where it is too little, another format is."""
    rooms = []
    for quality in (95, 75):
        cover = saved(tmp_path / f"{quality}.jpg", picture(203, 277), quality=quality)
        rooms.append(Robust().file_room(CoverSize(203, 277, file=cover), "s", RobustOptions("jpeg:75")).bytes)
    assert 0.6 < rooms[1] / rooms[0] < 0.8
    (tmp_path / "s.bin").write_bytes(bytes(100_000))
    run = Run(networks={SHIPPED_MODEM: index_modem()})
    with pytest.raises(CapacityError) as caught:
        Robust().hide(cover, tmp_path / "s.bin", OutputTarget(tmp_path / "o.jpg"), KEY, RobustOptions("jpeg:75"), run)
    assert "write a PNG" in caught.value.hint
