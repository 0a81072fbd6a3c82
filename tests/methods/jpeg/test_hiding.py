"""The method jpeg: a JPEG stays the JPEG it was, every byte comes back, and what is hard to find in it is known."""

from contextlib import nullcontext
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from stegnet import CapacityError, MediaError, RevealError, Session
from stegnet.core.names import USUAL_NAME
from stegnet.jpeg.medium import JpegMedium
from stegnet.keys import Identity, Key
from stegnet.media.cover import Cover
from tests.support.jpegs import jpeg_cover, read_jpeg
from tests.support.sealing import KEY

EXIF = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"
SESSION, DATA = Session(), bytes(range(200))


@pytest.fixture
def cover(tmp_path: Path, picture) -> Path:
    Image.fromarray(picture(203, 277)).save(tmp_path / "cover.jpg", quality=90, exif=EXIF, comment=b"by hand")
    with (tmp_path / "cover.jpg").open("ab") as file:
        file.write(b"appended")
    return tmp_path / "cover.jpg"


def test_all_but_the_coefficients_stays(tmp_path, cover):
    """Containers of one cover differ at other places."""
    made = []
    for name in "ab":
        out = tmp_path / f"{name}.jpg"
        report = SESSION.hide(cover, DATA, to=out, key=KEY)
        before, after = cover.read_bytes(), out.read_bytes()
        jpeg, own = read_jpeg(cover), read_jpeg(out)
        ((start, end, last),) = {(scan.start, scan.end, own.file.scans[0].end) for scan in jpeg.file.scans}
        assert (after[:start], after[last:]) == (before[:start], before[end:])
        assert abs(len(after) - len(before)) < 0.01 * len(before)
        for index, (plane, other) in enumerate(zip(jpeg.planes, own.planes, strict=True)):
            moved = other.astype(int) - plane
            assert np.abs(moved).max() == (index == 0)
            assert not moved[..., 0].any()
        assert report.hiding.method == "jpeg" and report.hiding.container_psnr > 50
        assert SESSION.reveal(out, key=KEY).data == DATA
        made.append(own.planes[0] != jpeg.planes[0])
    both, each = (made[0] & made[1]).sum(), min(part.sum() for part in made)
    assert each > 300 and both < each / 2


def test_a_height_that_shows_less_is_told(tmp_path, picture):
    """All its blocks stay."""
    Image.fromarray(picture(200, 277)).save(tmp_path / "cover.jpg", quality=90)
    SESSION.hide(tmp_path / "cover.jpg", DATA, tmp_path / "out.jpg", key=KEY)
    for place, side in ((3, 193), (5, 273)):  # height and width in the frame's header (T.81, B.2.2)
        data = bytearray((tmp_path / "out.jpg").read_bytes())
        frame = data.index(b"\xff\xc0") + 2 + place
        data[frame : frame + 2] = side.to_bytes(2, "big")
        (tmp_path / "cropped.jpg").write_bytes(data)
        found = SESSION.reveal(tmp_path / "cropped.jpg", key=KEY)
        assert (found.data, found.trouble) == (DATA, ("the picture was altered since it was hidden",))
        with pytest.raises(RevealError, match="altered"):
            SESSION.reveal(tmp_path / "cropped.jpg", key=KEY, strict=True)


def test_pixels_are_decoded_where_nothing_opens(tmp_path, cover, monkeypatch):
    """What is damaged in them is said there, whatever the key."""

    def damaged(opened: Cover) -> None:
        raise MediaError(f"{opened}: the picture is damaged")

    SESSION.hide(cover, DATA, to=tmp_path / "o.jpg", key=KEY)
    monkeypatch.setattr(Cover, "picture", property(damaged))
    assert SESSION.reveal(tmp_path / "o.jpg", key=KEY).data == DATA
    for wrong in (Key(bytes(32)), Identity(bytes(range(32)))):
        with pytest.raises(MediaError, match="damaged"):
            SESSION.reveal(tmp_path / "o.jpg", key=wrong)


@pytest.mark.parametrize("quality", [60, 98])
@pytest.mark.parametrize(("height", "width", "sampling"), [(120, 129, 0), (135, 152, 2), (131, 142, 1), (128, 144, 2)])
def test_blocks_that_stick_out_over_the_edge_stay(tmp_path, picture, height, width, sampling, quality):
    """Even where as much is hidden as fits: whatever an encoder fills them with, steps in them would be proven."""
    path, out = tmp_path / "cover.jpg", tmp_path / "out.jpg"
    Image.fromarray(picture(height, width)).save(path, quality=quality, subsampling=sampling)
    name, most = USUAL_NAME, SESSION.info(path)["fits"][0].bytes
    (tmp_path / name).write_bytes(np.random.default_rng(0).bytes(most))
    SESSION.hide(path, tmp_path / name, to=out, key=KEY, method="jpeg")
    luma, own = (read_jpeg(each).planes[0] for each in (path, out))
    moved = (luma != own).any(2)
    assert moved[: height // 8, : width // 8].mean() > 0.5
    assert not moved[height // 8 :].any() and not moved[:, width // 8 :].any()


def test_blocks_beside_a_fill_that_repeats_them_stay(tmp_path, picture):
    """FFmpeg fills MCUs with the last column and row, from which the blocks beside follow; libjpeg does not."""
    with av.open(tmp_path / "cover.jpg", "w", format="mjpeg") as film:
        stream = film.add_stream("mjpeg", width=152, height=136, pix_fmt="yuvj420p")
        stream.codec_context.qscale, stream.codec_context.global_quality = True, 236
        film.mux(stream.encode(av.VideoFrame.from_ndarray(picture(136, 152), format="rgb24")))
        film.mux(stream.encode())
    SESSION.hide(tmp_path / "cover.jpg", DATA, to=tmp_path / "out.jpg", key=KEY)
    luma, own = (read_jpeg(tmp_path / name).planes[0] for name in ("cover.jpg", "out.jpg"))
    moved = (luma != own).any(2)
    assert moved[:-1, :-1].any() and not moved[-1].any() and not moved[:, -1].any()


def test_too_many_blocks_that_must_stay(tmp_path, picture):
    """In a small JPEG whose blocks mostly stick out, places of the lead can't be chosen."""
    pixels = np.random.default_rng(0).choice(np.uint8([0, 255]), (63, 63))
    Image.fromarray(pixels).save(tmp_path / "a.jpg", quality=95)
    assert not any(fit.method == "jpeg" for fit in SESSION.info(tmp_path / "a.jpg")["fits"])
    with pytest.raises(CapacityError, match="more than the capacity"):
        SESSION.hide(tmp_path / "a.jpg", b"a", to=tmp_path / "o.jpg", key=KEY)


def test_exif_of_other_covers(tmp_path, picture):
    """It stays, but for how to turn the picture; what a JPEG has no room for is left out."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 6
    Image.fromarray(picture(203, 277)).save(tmp_path / "turned.jpg", quality=90, exif=exif)
    report = SESSION.hide(tmp_path / "turned.jpg", DATA, to=tmp_path / "o.jpg", key=KEY, resize=160)
    assert not report.warnings
    with Image.open(tmp_path / "o.jpg") as image:
        assert (image.size, dict(image.getexif())) == ((117, 160), {0x010F: "Maker"})
    exif[0x010F] = "x" * (1 << 16)
    Image.fromarray(picture(96, 128)).save(tmp_path / "a.png", exif=exif)
    assert "cover: EXIF is left out" in SESSION.hide(tmp_path / "a.png", DATA, to=tmp_path / "p.jpg", key=KEY).notes


def test_where_every_step_shows_the_cover_is_saved_first(tmp_path, picture):
    for quality, said in ((98, False), (99, True), (100, True)):
        Image.fromarray(picture(96, 128)).save(tmp_path / "a.jpg", quality=quality)
        with pytest.warns(UserWarning, match="at its quality, 99 or 100,") if said else nullcontext():
            report = SESSION.hide(tmp_path / "a.jpg", DATA, to=tmp_path / "o.jpg", key=KEY, overwrite=True)
        assert any("at its quality, 99 or 100," in note for note in report.notes) == said
        assert (read_jpeg(tmp_path / "o.jpg").quanta(0).max() > 8) == said


# What is hard to find


def test_what_is_hard_to_find_follows_the_square_root_law(tmp_path, picture):
    """Four times the picture, and the same bits for twice as many; finer tables and known rounding errors bear more."""
    tile, path = picture(256, 256), tmp_path / "a.jpg"

    def bits(sides: int, quality: int, made: bool = False) -> float:
        own = tmp_path / "a.png" if made else path
        Image.fromarray(np.tile(tile, (sides, sides, 1))).save(own, quality=quality)
        hard = JpegMedium(jpeg_cover(own, quality)).secure.hard
        assert hard is not None
        return 8 * hard + 8 * 200  # what every record takes is counted

    assert bits(8, 75) == pytest.approx(2 * bits(4, 75), rel=0.01)
    assert bits(4, 75) < bits(4, 85) < bits(4, 95) and bits(4, 85) < bits(4, 85, made=True)


def test_a_picture_is_made_to_fit_what_is_hard_to_find(tmp_path, picture):
    Image.fromarray(picture(768, 768)).save(tmp_path / "c.jpg", quality=90)
    Image.fromarray(picture(48, 48, 3)).save(tmp_path / "p.png")
    (safe,) = (fit.safe for fit in SESSION.capacity(tmp_path / "c.jpg") if fit.method == "jpeg")
    with pytest.warns(UserWarning, match=r"p\.png is more than is hard to find here: hidden as a compressed copy"):
        report = SESSION.hide(tmp_path / "c.jpg", tmp_path / "p.png", tmp_path / "o.jpg", key=KEY, at_most_safe=True)
    assert 100 < report.hiding.hidden_bytes <= safe


def test_nothing_is_hard_to_find_in_what_was_saved_before(tmp_path, picture):
    """A coarser table leaves gaps, a decoder its colours; a resized cover has neither. That is told before the work."""
    out, how = tmp_path / "o.jpg", {"key": KEY, "overwrite": True}
    large = Image.fromarray(picture(768, 768))
    large.save(tmp_path / "once.jpg", quality=75)
    decoded = Image.open(tmp_path / "once.jpg")
    decoded.save(tmp_path / "twice.jpg", quality=92)
    decoded.save(tmp_path / "copy.png")
    for name, said in (("twice.jpg", "saved before with coarser tables"), ("copy.png", "a copy of one")):
        with pytest.warns(UserWarning, match=said):
            report = SESSION.hide(tmp_path / name, b"text", to=out, **how)
        assert report.hiding.detection == "easy"
        with pytest.raises(CapacityError, match="none are hard to find"):
            SESSION.hide(tmp_path / name, b"text", to=out, at_most_safe=True, **how)
    large.save(tmp_path / "a.webp", quality=80)
    large.save(tmp_path / "a.avif", quality=80)
    large.convert("CMYK").save(tmp_path / "cmyk.jpg", quality=75)
    covers = {"a.webp": "a lossy WebP", "a.avif": "an AVIF", "cmyk.jpg": "a JPEG that can't stay one, since it is CMYK"}
    for name, said in covers.items():  # one rule for all covers with loss of which a JPEG is made
        with pytest.warns(UserWarning) as warned:
            report = SESSION.hide(tmp_path / name, b"text", to=out, **how)
        assert any(f"the cover is {said}: anyone can tell" in str(each.message) for each in warned), name
        assert report.hiding.verdict.startswith(f"easy to find: the cover is {said}; reduce it to half its sides first")
    sides = {"once.jpg": None, "twice.jpg": 700, "copy.png": 700, "a.avif": 380}
    for name, side in sides.items():
        report = SESSION.hide(tmp_path / name, b"text", to=out, at_most_safe=True, resize=side, **how)
        assert (report.warnings, report.hiding.detection) == ((), "hard")
