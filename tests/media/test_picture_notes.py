"""Notes of what is left out or converted when a picture is read, one line each."""

from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, PngImagePlugin

from stegnet.media.pictures.picture_notes import about_cover, about_secret, picture_notes

PIXELS = Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 20, 3), np.uint8))
DEEP = Image.fromarray(np.zeros((9, 9), np.uint16))
GREY, CLEAR = "it is grey: converted to RGB", "it can be transparent: composited over white"
BITS = "it has 16 bits per sample: reduced to 8"
CMYK, PALETTE = "its colours are CMYK: converted to RGB", "its colours are those of a palette: converted to RGB"
HEIC = Path(__file__).parent / "heic"


def exif(*, gps: bool = False, date: bool = False, turned: bool = False, model: bool = False) -> Image.Exif:
    made = Image.Exif()
    if gps:
        made.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (52.0, 31.0, 5.0)})
    if date:
        made.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2026:07:01 12:00:00"
    if turned:
        made[ExifTags.Base.Orientation] = 6
    if model:
        made[ExifTags.Base.Model] = "A phone"
    return made


@pytest.mark.parametrize(("name", "picture", "expected"), [
    ("a.png", PIXELS, ()),
    ("a.tif", PIXELS, ()),
    ("a.ppm", PIXELS, ()),
    ("a.avif", PIXELS, ()),
    ("a.png", PIXELS.convert("L"), (GREY,)),
    ("a.png", PIXELS.convert("1"), (GREY,)),
    ("a.png", PIXELS.convert("LA"), (GREY, CLEAR)),
    ("a.png", PIXELS.convert("RGBA"), (CLEAR,)),
    ("a.png", PIXELS.convert("P"), (PALETTE,)),
    ("a.jpg", PIXELS.convert("CMYK"), (CMYK,)),
    ("a.png", DEEP, (BITS, GREY)),
    ("a.tif", DEEP, (BITS, GREY)),
])  # fmt: skip
def test_pixels(tmp_path: Path, name: str, picture: Image.Image, expected: tuple[str, ...]) -> None:
    """Grey covers stay grey, and those of a palette are refused."""
    picture.save(tmp_path / name)
    assert picture_notes(tmp_path / name, secret=True) == expected
    assert picture_notes(tmp_path / name) == tuple(line for line in expected if line not in (GREY, PALETTE))


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.parametrize(("tags", "expected"), [
    ({"gps": True, "date": True, "turned": True}, "EXIF with GPS position and date is left out"),
    ({"gps": True}, "EXIF with GPS position is left out"),
    ({"date": True}, "EXIF with date is left out"),
    ({"model": True}, "EXIF is left out"),
    ({"turned": True}, None),  # which is applied
])  # fmt: skip
def test_exif(tmp_path: Path, suffix: str, tags: dict[str, bool], expected: str | None) -> None:
    PIXELS.save(tmp_path / f"a.{suffix}", exif=exif(**tags).tobytes())
    assert picture_notes(tmp_path / f"a.{suffix}") == ((expected,) if expected else ())


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_other_metadata_and_depths(tmp_path: Path) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", "me")
    PIXELS.save(tmp_path / "a.png", pnginfo=texts)
    PIXELS.save(tmp_path / "a.jpg", comment=b"me", xmp=b"<x/>")
    PIXELS.save(tmp_path / "damaged.jpg", exif=b"Exif\0\0II*\0" + b"\xff" * 40)
    (tmp_path / "a.ppm").write_bytes(b"P6\n1 1\n65535\n" + bytes(6))
    assert picture_notes(tmp_path / "a.png") == ("its comments are left out",)
    assert picture_notes(tmp_path / "a.jpg") == ("XMP metadata is left out", "its comments are left out")
    assert picture_notes(tmp_path / "damaged.jpg") in ((), ("EXIF is left out",))
    assert picture_notes(tmp_path / "a.ppm") == (BITS,)
    assert picture_notes(HEIC / "ten_bits.heic") == ("it has 10 bits per sample: reduced to 8",)


def test_a_cover_keeps_its_colours(tmp_path: Path, swapped_profile: bytes) -> None:
    PIXELS.save(tmp_path / "a.png", icc_profile=swapped_profile)
    (tmp_path / "a.bin").write_bytes(b"no picture")
    assert about_cover(tmp_path / "a.png") == ()
    assert about_secret(tmp_path / "a.png") == (
        "secret: its colour profile is left out: its colours are converted to sRGB",
    )
    assert about_secret(tmp_path / "a.bin") == ()
