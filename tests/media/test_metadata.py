"""What a picture says of its maker stays out of its container on request; how it is shown stays."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, PngImagePlugin

import stegnet
from stegnet.image import read_picture

KEY = stegnet.Key(bytes(range(32)))
SECRETS = (b"Jane Doe", b"Secret Camera", b"<x:xmpmeta", b"Photoshop 3.0", b"behind")
ADOBE = {ExifTags.Base.ColorSpace: 65535}


@pytest.fixture(params=["a.jpg", "a.png"])
def cover(request: pytest.FixtureRequest, picture: Callable[..., np.ndarray], tmp_path: Path) -> Path:
    """A photograph, turned and in Adobe RGB, that says who took it, where and with what, in each place for that."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Artist] = "Jane Doe"
    exif.get_ifd(ExifTags.IFD.Exif).update(ADOBE | {ExifTags.Base.CameraOwnerName: "Secret Camera"})
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.IFD.Interop] = {ExifTags.Interop.InteropIndex: "R03"}
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({ExifTags.GPS.GPSLatitudeRef: "N", ExifTags.GPS.GPSLatitude: (48, 8, 0)})
    path = tmp_path / request.param
    xmp = b"<x:xmpmeta>Jane Doe</x:xmpmeta>"
    if path.suffix == ".jpg":
        Image.fromarray(picture(240, 320, 1)).save(path, quality=90, exif=exif, xmp=xmp, comment=b"Jane Doe")
    else:
        texts = PngImagePlugin.PngInfo()
        texts.add_text("Author", "Jane Doe")
        texts.add_itxt("XML:com.adobe.xmp", xmp.decode())
        Image.fromarray(picture(240, 320, 1)).save(path, exif=exif, pnginfo=texts)
    path.write_bytes(path.read_bytes() + b"data behind the picture")
    return path


def test_nothing_of_its_maker_is_in_the_container(cover: Path, tmp_path: Path) -> None:
    out = tmp_path / f"sent{cover.suffix}"
    before = cover.read_bytes()
    report = stegnet.hide(cover, b"a note", to=out, key=KEY, strip_metadata=True)
    data = out.read_bytes()
    assert cover.read_bytes() == before and not [word for word in SECRETS if word in data]
    with Image.open(out) as image:
        image.load()
        exif = image.getexif()
    assert set(exif) == {ExifTags.Base.Orientation, ExifTags.IFD.Exif} and exif[ExifTags.Base.Orientation] == 6
    assert set(exif.get_ifd(ExifTags.IFD.Exif)) == {ExifTags.Base.ColorSpace, ExifTags.IFD.Interop}
    assert not report.warnings and not exif.get_ifd(ExifTags.IFD.GPSInfo)
    assert stegnet.reveal(out, key=KEY, strict=True).data == b"a note"
    assert np.abs(read_picture(out).astype(int) - read_picture(cover)).max() < 40, "it is turned and coloured as before"


def test_what_a_picture_says_is_listed_and_warned_of(cover: Path, tmp_path: Path) -> None:
    for strips in (False, True):
        out = tmp_path / f"sent{strips}{cover.suffix}"
        report = stegnet.hide(cover, b"a note", to=out, key=KEY, strip_metadata=strips)
        assert any("GPS position, for anyone to read" in line for line in report.warnings) is not strips
        info = stegnet.info(out)
        listed = info["metadata"]
        assert all(line.startswith("as PNG: ") for line in info["notes"]), "a PNG keeps what it says"
        assert listed == [] if strips else {"GPS position", "EXIF"} <= set(listed)


@pytest.mark.parametrize(("name", "mode"), [("a.jpg", "CMYK"), ("a.avif", "RGB")])
def test_a_jpeg_made_anew_has_none(name: str, mode: str, picture: Callable[..., np.ndarray], tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Jane Doe"
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({ExifTags.GPS.GPSLatitudeRef: "N", ExifTags.GPS.GPSLatitude: (48, 8, 0)})
    Image.fromarray(picture(240, 320, 1)).convert(mode).save(tmp_path / name, exif=exif)
    for strips in (False, True):
        out = tmp_path / f"sent{strips}.jpg"
        stegnet.hide(tmp_path / name, b"a note", to=out, key=KEY, strip_metadata=strips)
        assert (b"Jane Doe" in out.read_bytes()) is not strips


def test_films_and_sounds_keep_theirs(make_film: Callable[..., Path], tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mkv", frames=2, height=64, width=96)
    with pytest.raises(stegnet.ConfigError, match="only pictures lose their metadata"):
        stegnet.hide(film, b"a note", to=tmp_path / "b.mkv", key=KEY, strip_metadata=True)
