"""Robust containers come back from real JPEG, change little of their cover, and open with their key alone."""

import random
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from scipy.fft import dctn

from stegnet import CapacityError, Key, Passphrase
from stegnet.channels import parse_picture_channel
from stegnet.hide_file import HideJob, hide_file
from stegnet.hiding import Context
from stegnet.image import read_cover
from stegnet.methods import METHODS
from stegnet.methods.robust import (
    BlockPlacement,
    JpegContainer,
    PictureModem,
    PictureReader,
    RobustOptions,
    Surviving,
    choose_point,
    coded_bits,
    dither_of,
    embed_surviving,
    hidden_area,
    own_grid,
    picture_cover,
)
from stegnet.methods.robust.survival import CodePlan, Transmission
from stegnet.networks import SHIPPED_MODEM
from stegnet.results import OutputTarget
from tests.support.jpegs import DITHER, ZIGZAG, jpeg_cover, read_jpeg, through_jpeg
from tests.support.modem import RUNGS, index_modem
from tests.support.quality import psnr

pytestmark = pytest.mark.slow

MODEM = index_modem()
KEY, OTHER = Key(bytes(range(32))), Key(bytes(32))
JPEG75, JPEG90, _ = RUNGS


def read(picture: np.ndarray, key: Key | Passphrase = KEY) -> bytes | None:
    """The content of a picture that was not moved."""
    return PictureReader(MODEM, key).read(picture)


@pytest.fixture(scope="module")
def cover(picture) -> np.ndarray:
    return picture(200, 266, 3)


def hide(
    cover: np.ndarray,
    content: bytes | None = None,
    seed: int = 0,
    channel: str = "jpeg:75",
    modem: PictureModem = MODEM,
) -> Surviving:
    """Hides content, or as much as there is room for."""
    context = Context(randomness=random.Random(seed).randbytes, networks={SHIPPED_MODEM: modem})
    sent = picture_cover(cover, KEY, parse_picture_channel(channel), 38, context=context)
    return embed_surviving(sent, lambda capacity: (b"\2" * capacity if content is None else content, None))


def changed(cover: np.ndarray, container: np.ndarray) -> np.ndarray:
    """Blocks that changed, (rows, columns)."""
    rows, cols = cover.shape[0] // 8, cover.shape[1] // 8
    return (hidden_area(container) != hidden_area(cover)).reshape(rows, 8, cols, 24).any((1, 3))


@pytest.fixture(scope="module")
def full(cover) -> Surviving:
    return hide(cover)


def test_it_comes_back_from_the_promised_quality_and_all_above(cover, full):
    """And from messengers, which save twice."""
    for quality in (75, 79, 83, 91, 100):
        for picture in (full.container, through_jpeg(full.container, 95)):
            assert read(through_jpeg(picture, quality)) == b"\2" * full.capacity
    assert psnr(cover, full.container) > 40


class Small:
    """A cover that holds one byte."""

    def measured_plan(self) -> CodePlan:
        plans = (CodePlan(JPEG75, blocks, [16]) for blocks in range(10, 999))
        return next(plan for plan in plans if plan.capacity == 1)

    def modulate(self, content: bytes, plan: CodePlan) -> bytes:
        return content

    def transmit(self, container: bytes, content: bytes, plan: CodePlan) -> Transmission:
        return Transmission(frozenset())

    def lowered(self, plan: CodePlan, share: int, sent: Transmission, attempt: int) -> CodePlan:
        raise NotImplementedError

    def refusal(self) -> CapacityError:
        return CapacityError("holds nothing")


def test_a_cover_of_one_byte_holds_it():
    assert embed_surviving(Small(), lambda capacity: (bytes(capacity), None)).container == bytes(1)


def test_short_content_gets_a_more_robust_rate_and_few_blocks(cover, full):
    short = hide(cover, bytes(10))
    assert short.capacity < full.capacity
    survived = [
        sum(read(through_jpeg(each.container, quality)) is not None for quality in (54, 62, 66, 70))
        for each in (full, short)
    ]
    assert survived[0] < survived[1]
    assert changed(cover, full.container).mean() > 0.9
    assert changed(cover, short.container).mean() < 0.5
    assert psnr(cover, short.container) > psnr(cover, full.container) + 2.5


def test_few_blocks_are_where_there_is_texture():
    """Through codecs, too; where it is the same all over, they are anywhere, and what they hide comes back."""
    y, x = np.mgrid[:250, :333]
    smooth = np.stack([120 + 40 * np.sin(x / 40 + plane) + 30 * np.cos(y / 30) for plane in range(3)], -1)
    noise = np.random.default_rng(0).integers(-20, 21, (250, 333, 1))
    partly, even = (smooth + noise * (x < side)[..., None] for side in (96, 333))  # of 12 of 41 columns of blocks
    for levels, least, most in ((partly, 0.6, 1), (even, 0.2, 0.4)):
        before = levels.astype(np.uint8)
        after = hide(before, b"\2").container
        where = changed(before, after).mean(0)
        assert least < where[:12].sum() / where.sum() < most
        assert where.mean() < 0.5
        assert read(through_jpeg(after, 75)).startswith(b"\2")


def test_what_all_pairs_of_qualities_leave(picture):
    """Of a picture that is not small, where the worst of them alone are decoded before it is written."""
    cover = picture(528, 520, 3)
    found = hide(cover, channel="messenger")
    for first in (70, 74, 80):
        once = through_jpeg(through_jpeg(found.container, 95), first)
        for second in (71, 72, 77, 80):
            assert read(through_jpeg(once, second)) == b"\2" * found.capacity


@pytest.mark.long
def test_large_pictures_take_part_of_the_search(picture):
    """The rate of a large picture is found by squares of it, and what it hides comes back as from any other."""
    cover = np.tile(picture(250, 333, 3), (7, 5, 1))
    assert cover[..., 0].size > 1 << 21
    found = hide(cover)
    assert read(through_jpeg(found.container, 75)) == b"\2" * found.capacity
    assert found.capacity > 6000


def test_the_same_content_is_never_hidden_alike(cover):
    """Neither bits nor used blocks. Nor do the bits say that zeros are hidden."""
    uniform = coded_bits(
        BlockPlacement((25, 33), JPEG90, KEY, next(own_grid(*cover.shape[:2]).salts(cover))), 40, b"", bytes(7)
    )
    assert abs(uniform.mean((0, 1)) - 0.5).max() < 0.07
    some = [hide(cover, b"\2", seed).container for seed in range(6)]
    dither = dither_of((25, 33), KEY, next(own_grid(*cover.shape[:2]).salts(cover)))
    bits = [MODEM.reveal(hidden_area(each), dither)[..., JPEG75.places] > 0 for each in some]
    moved = [changed(cover, each) for each in some]
    for first, second in combinations(range(6), 2):
        both = moved[first] & moved[second]
        assert not both.any() or 0.3 < (bits[first] != bits[second])[both].mean() < 0.7
    apart = [(one != other).sum() / (one | other).sum() for one, other in combinations(moved, 2)]
    assert max(apart) > 0.25


@pytest.fixture(scope="module")
def shipped() -> PictureModem:
    return PictureModem.load(device="cpu")


def test_the_shipped_modem_through_real_jpeg(shipped, picture):
    """At the quality of the picture that was wished for."""
    cover = picture(128, 200, 4)
    found = hide(cover, channel="jpeg:50", modem=shipped)
    assert psnr(cover, found.container) == pytest.approx(38, abs=1.5)
    for quality in (50, 56):
        shared = through_jpeg(through_jpeg(found.container, 95), quality)
        for key, content in ((KEY, b"\2" * found.capacity), (OTHER, None)):
            assert PictureReader(shipped, key).read(shared) == content


def test_without_the_dither_bits_of_a_rung_are_not_read(shipped, picture):
    draw, point = np.random.default_rng(0), choose_point(shipped.points, parse_picture_channel("jpeg:75"), 38)
    bits = np.zeros((16, 25, shipped.bits), np.float32)
    bits[..., point.places] = sent = draw.integers(0, 2, (16, 25, point.bits)) * 2.0 - 1
    dither, other = (draw.random((16, 25, DITHER), np.float32) for _ in range(2))
    container = shipped.hide(picture(128, 200, 4), bits, dither)
    right = [
        ((shipped.reveal(container, each)[..., point.places] > 0) == (sent > 0)).mean() for each in (dither, other)
    ]
    assert right[0] > 0.95
    assert right[1] == pytest.approx(0.5, abs=0.03)


# The cover's own JPEG


def saved(path: Path, pixels: np.ndarray, orientation: int = 1, **how) -> Path:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(pixels).save(path, "JPEG", exif=exif, comment=b"by hand", **{"quality": 92, **how})
    with path.open("ab") as file:
        file.write(b"appended")
    return path


def outside(file) -> list[bytes]:
    """All segments of a JPEG but entropy-coded data and its tables."""
    coded = [(scan.start, scan.end) for scan in file.scans] + [each[:2] for each in file.huffman_segments]
    places = [0, *(place for part in sorted(coded) for place in part), len(file.data)]
    return [file.data[start:end] for start, end in zip(places[::2], places[1::2], strict=True)]


@pytest.mark.parametrize(
    "how", [{}, {"subsampling": "4:2:2", "progressive": True, "restart_marker_blocks": 5}], ids=str
)
def test_all_but_the_blocks_that_carry_something_stays(tmp_path, picture, how):
    """Of a JPEG; if that leaves too little room, another format is named."""
    cover, secret = saved(tmp_path / "c.jpg", picture(203, 277), **how), tmp_path / "s.txt"
    secret.write_text("meet me at noon")
    out, run = OutputTarget(tmp_path / "o.jpg", inputs=(cover,)), Context(networks={SHIPPED_MODEM: MODEM})
    job = HideJob(METHODS["robust"], RobustOptions("jpeg:75"), run)
    report = hide_file(job, cover, secret, out, KEY)
    before, after = read_jpeg(cover), read_jpeg(out.path)
    same = (before.planes[0] == after.planes[0]).all(2)
    assert 0.05 < same.mean() < 1
    assert all(map(np.array_equal, before.planes[1:], after.planes[1:]))
    assert outside(before.file) == outside(after.file)
    assert 0 < report.hiding.changed_pixels < 1.5 * 64 * np.count_nonzero(~same)
    secret.write_bytes(bytes(100_000))
    with pytest.raises(CapacityError) as caught:
        hide_file(
            HideJob(METHODS["robust"], RobustOptions("jpeg:75"), run), cover, secret, replace(out, force=True), KEY
        )
    assert "write a PNG" in caught.value.hint


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_that_are_stored_turned(tmp_path, picture, orientation):
    """The file that is written shows the block that was to change, and no other."""
    cover = jpeg_cover(saved(tmp_path / "c.jpg", picture(64, 80), orientation), 95)
    wanted, block = cover.file.pixels.copy(), np.s_[16:24, 40:48]
    wanted[block] = np.clip(wanted[block].astype(int) + 9, 0, 255)
    own = JpegContainer(cover)
    planes = own.planes(wanted)
    (tmp_path / "o.jpg").write_bytes(cover.picture.with_planes(planes))
    shown = read_cover(tmp_path / "o.jpg")[0]
    assert (np.abs(shown.astype(int) - wanted).max(2) > 4).mean() < 0.005
    assert np.array_equal(shown, own(wanted))
    assert np.count_nonzero((cover.picture.planes[0] != planes[0]).any(2)) == 1


def test_of_a_picture_that_is_saved_first_what_is_hidden_is_rounded_once(tmp_path, picture):
    """It is added to the picture itself, not to what its JPEG has left of it."""
    pixels, change = (60 + picture(64, 80) * 0.5).astype(np.uint8), picture(64, 80, 1)[..., :1].astype(int) // 10 - 12
    Image.fromarray(pixels).save(tmp_path / "c.png")
    cover = jpeg_cover(tmp_path / "c.png", 60)
    luma = np.asarray(Image.fromarray(pixels).convert("YCbCr"))[..., 0] + change[..., 0] - 128.0
    exact = dctn(luma.reshape(8, 8, 10, 8).swapaxes(1, 2), axes=(2, 3), norm="ortho").reshape(8, 10, 64)[..., ZIGZAG]
    exact /= cover.picture.quanta(0)
    planes = JpegContainer(cover).planes((cover.file.pixels + change).astype(np.uint8))
    changed = (planes[0] != cover.picture.planes[0]).any(2)
    assert changed.mean() > 0.8
    # Half a step at most, but for the DCT of the encoder, and the levels that the cover's pixels are rounded to.
    assert (np.abs(planes[0] - exact)[changed] > 0.55).mean() < 0.01


@pytest.mark.parametrize("orientation", [1, 3, 8])
def test_blocks_that_stick_out_over_the_edge_stay(tmp_path, picture, orientation):
    """Their part beyond the edge, which nobody sees, is as the encoder filled it."""
    cover = jpeg_cover(saved(tmp_path / "c.jpg", picture(61, 85), orientation), 95)
    changed = np.clip(cover.file.pixels.astype(int) + picture(*cover.file.pixels.shape[:2], 1) // 16, 0, 255).astype(
        np.uint8
    )
    moved = (cover.picture.planes[0] != JpegContainer(cover).planes(changed)[0]).any(2)
    assert moved[:7, :10].all() and moved.sum() == 7 * 10
