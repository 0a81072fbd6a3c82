"""Notes of what is left out or converted when a picture is read, one line each."""

from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from stegnet.media.cover import Cover, about_cover, about_secret

PIXELS = Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 20, 3), np.uint8))
DEEP = Image.fromarray(np.zeros((9, 9), np.uint16))
GREY, CLEAR = "it is grey: converted to RGB", "it can be transparent: composited over white"
BITS = "it has 16 bits per sample: reduced to 8"
CMYK, PALETTE = "its colours are CMYK: converted to RGB", "its colours are those of a palette: converted to RGB"
HEIC = Path(__file__).parents[1] / "image/heic"


def notes_of_cover(path: Path) -> tuple[str, ...]:
    """Those that are found where its pixels are read, and those without them."""
    with Cover(path) as read, Cover(path) as other:
        assert read.pixels.size and about_cover(read) == about_cover(other)
        return about_cover(other)


def notes(path: Path, *lines: str) -> None:
    """A secret has these; grey covers stay grey, and those of a palette are refused."""
    assert about_secret(path) == tuple(f"secret: {line}" for line in lines)
    assert notes_of_cover(path) == tuple(f"cover: {line}" for line in lines if line not in (GREY, PALETTE))


@pytest.mark.parametrize(("name", "picture", "expected"), [
    ("a.tif", PIXELS, ()),
    ("a.avif", PIXELS, ()),
    ("a.png", PIXELS.convert("1"), (GREY,)),
    ("a.png", PIXELS.convert("LA"), (GREY, CLEAR)),
    ("a.png", PIXELS.convert("RGBA"), (CLEAR,)),
    ("a.png", PIXELS.convert("P"), (PALETTE,)),
    ("a.jpg", PIXELS.convert("CMYK"), (CMYK,)),
    ("a.png", DEEP, (BITS, GREY)),
    ("a.tif", DEEP, (BITS, GREY)),
])  # fmt: skip
def test_pixels(tmp_path: Path, name: str, picture: Image.Image, expected: tuple[str, ...]) -> None:
    picture.save(tmp_path / name)
    notes(tmp_path / name, *expected)


def test_metadata(tmp_path: Path, swapped_profile: bytes) -> None:
    for suffix in ("jpg", "png", "webp"):
        exif, path = Image.Exif(), tmp_path / f"a.{suffix}"
        exif[ExifTags.Base.Orientation] = 6  # which is applied
        PIXELS.save(path, exif=exif.tobytes())
        notes(path)
        exif[ExifTags.Base.Model] = "A phone"
        PIXELS.save(path, exif=exif.tobytes())
        notes(path, "EXIF is left out")
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2026:07:01 12:00:00"
        PIXELS.save(path, exif=exif.tobytes())
        notes(path, "EXIF with date is left out")
        exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (52.0, 31.0, 5.0)})
        PIXELS.save(path, exif=exif.tobytes())
        notes(path, "EXIF with GPS position and date is left out")
    PIXELS.save(tmp_path / "b.jpg", comment=b"me", xmp=b"<x/>")
    notes(tmp_path / "b.jpg", "XMP metadata is left out", "its comments are left out")
    PIXELS.save(tmp_path / "damaged.jpg", exif=b"Exif\0\0II*\0" + b"\xff" * 40)
    assert notes_of_cover(tmp_path / "damaged.jpg") in ((), ("cover: EXIF is left out",))
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", "me")
    PIXELS.save(tmp_path / "b.png", pnginfo=texts, icc_profile=swapped_profile)
    profile = "secret: its colour profile is left out: its colours are converted to sRGB"
    assert set(about_secret(tmp_path / "b.png")) == {profile, "secret: its comments are left out"}
    assert notes_of_cover(tmp_path / "b.png") == ("cover: its comments are left out",)


@pytest.mark.filterwarnings("ignore:.*its colour profile is ignored")
def test_a_profile_that_does_not_fit_is_ignored_and_nothing_more(tmp_path: Path) -> None:
    """That of CIE L*a*b* colours in a grey picture, and in one in colour."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for mode, more in (("L", (GREY,)), ("RGB", ())):
        PIXELS.convert(mode).save(tmp_path / "a.png", icc_profile=lab)
        notes(tmp_path / "a.png", *more)


def test_depths_and_what_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "a.ppm").write_bytes(b"P6\n1 1\n65535\n" + bytes(6))
    notes(tmp_path / "a.ppm", BITS)
    notes(HEIC / "ten_bits.heic", "it has 10 bits per sample: reduced to 8")
    notes(HEIC / "grey_ten_bits.heic", "it has 10 bits per sample: reduced to 8", GREY)  # heif-enc -b 10
    (tmp_path / "a.bin").write_bytes(b"no picture")
    assert about_secret(tmp_path / "a.bin") == ()
