"""A BMP, TIFF or lossless WebP that something is hidden in stays the file that it was, but for its samples."""

import io
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from skimage.data import astronaut

from stegnet import Key, hide, hide_album, reveal
from stegnet.core.errors import ConfigError, MediaError, StegnetError
from stegnet.results import Report
from tests.formats.test_lossless_files import rewritten

KEY = Key(bytes(range(32)))
COLOURS = astronaut()[100:228, 200:360]
LAYERS = np.dstack([COLOURS, np.asarray(Image.linear_gradient("L").resize((160, 128)))])
SAVE: dict[str, dict[str, Any]] = {".bmp": {}, ".tif": {}, ".tiff": {"big_tiff": True}, ".webp": {"lossless": True}}
GPS = 0x8825
TEXT = "hi" * 9


def cover_of(folder: Path, suffix: str, samples: np.ndarray = COLOURS, **save: Any) -> Path:
    path = folder / f"cover{suffix}"
    Image.fromarray(samples).save(path, **SAVE[suffix], **save)
    return path


def sent(cover: Path, **options: Any) -> tuple[Path, Report]:
    """A container of a text, which opens, and the report."""
    out = cover.with_name(f"sent{cover.suffix}")
    report = hide(cover, TEXT.encode(), out, key=KEY, **options)
    assert reveal(out, key=KEY).text == TEXT
    return out, report


def changes(first: Path, second: Path) -> int:
    """The largest difference of two pictures, not 0."""
    with Image.open(first) as one, Image.open(second) as other:
        assert one.mode == other.mode
        assert one.info == other.info
        most = np.abs(np.asarray(one).astype(int) - np.asarray(other)).max()
    assert most > 0
    return most


@pytest.mark.parametrize("suffix", SAVE)
def test_a_picture_stays_of_its_form(tmp_path, suffix):
    cover = cover_of(tmp_path, suffix)
    out, report = sent(cover)
    assert changes(cover, out) <= 2
    assert not [line for line in report.notes if "left out" in line or "recognised" in line]
    if suffix != ".webp":
        one, other = (np.frombuffer(path.read_bytes(), np.uint8) for path in (cover, out))
        assert 0 < np.count_nonzero(one != other) < 2000


@pytest.mark.parametrize("suffix", [".tif", ".webp"])
def test_a_transparent_picture_keeps_its_opacity(tmp_path, suffix):
    cover = cover_of(tmp_path, suffix, LAYERS)
    out, report = sent(cover)
    assert report.hiding.method == "transparent"
    with Image.open(out) as image:
        assert np.array_equal(np.asarray(image)[..., 3], LAYERS[..., 3])
    assert changes(cover, out) <= 2
    with pytest.raises(MediaError, match="would become opaque"):
        hide(cover, b"hi", tmp_path / f"new{suffix}", key=KEY, method="sealed")
    assert not (tmp_path / f"new{suffix}").exists()


@pytest.mark.slow
def test_a_container_is_coded_as_its_cover(tmp_path):
    cover = cover_of(tmp_path, ".webp", method=6, quality=80)
    out, _ = sent(cover)
    with Image.open(out) as image:
        image.save(file := io.BytesIO(), "WEBP", lossless=True, method=6, quality=80)
    assert out.read_bytes() == file.getvalue()


@pytest.mark.slow
def test_an_unknown_program_is_noted(tmp_path):
    cover = cover_of(tmp_path, ".webp", method=1, quality=77)
    _, report = sent(cover)
    assert [line for line in report.notes if "this WebP is not recognised" in line]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".tif", ".webp"])
def test_a_turned_picture_stays_turned(tmp_path, suffix, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    cover = cover_of(tmp_path, suffix, exif=exif)
    out, _ = sent(cover)
    with Image.open(out) as image:
        stored = tifffile.imread(out) if suffix == ".tif" else np.asarray(image)  # neither of which is turned
    assert 0 < np.abs(stored.astype(int) - COLOURS).max() <= 2


@pytest.mark.parametrize("suffix", [".tif", ".webp"])
def test_metadata_are_kept_and_a_position_is_warned_of(tmp_path, suffix):
    exif = Image.Exif()
    exif[GPS] = {1: "N", 2: (1.0, 2.0, 3.0)}
    exif[270] = "a name"
    cover = cover_of(tmp_path, suffix, exif=exif.tobytes())
    out, report = sent(cover)
    assert [line for line in report.warnings if "keeps the cover's GPS position" in line]
    with Image.open(cover) as one, Image.open(out) as other:
        assert one.getexif().get_ifd(GPS) == other.getexif().get_ifd(GPS)
        assert other.getexif()[270] == "a name"


@pytest.mark.parametrize("suffix", [".bmp", ".tif"])
def test_a_grey_picture_stays_grey(tmp_path, suffix):
    cover = cover_of(tmp_path, suffix, COLOURS[..., 1])
    assert changes(cover, sent(cover)[0]) <= 2


def test_a_colour_profile_stays(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    cover = cover_of(tmp_path, ".tif", icc_profile=profile)
    with Image.open(sent(cover)[0]) as image:
        assert image.info["icc_profile"] == profile


def test_a_profile_that_does_not_fit_stays(tmp_path):
    """It is ignored, by viewers, too."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    cover = cover_of(tmp_path, ".tif", icc_profile=profile)
    with pytest.warns(UserWarning, match="its colour profile is ignored"):
        out, _ = sent(cover)
    assert changes(cover, out) <= 2


@pytest.mark.parametrize("suffix", SAVE)
def test_another_form_is_refused(tmp_path, suffix):
    for other in {".bmp", ".png", ".tif", ".webp"} - {suffix.removesuffix("f") if suffix == ".tiff" else suffix}:
        cover = tmp_path / f"cover{other}"
        Image.fromarray(COLOURS).save(cover, **SAVE.get(other, {}))
        with pytest.raises(MediaError, match="a picture is written as") as caught:
            hide(cover, b"hi", tmp_path / f"sent{suffix}", key=KEY)
        assert "sent.png" in caught.value.hint


@pytest.mark.parametrize("method", ["network", "robust", "jpeg", "transparent"])
def test_other_methods_refuse_it(tmp_path, method):
    cover = cover_of(tmp_path, ".bmp")
    with pytest.raises(StegnetError, match=r"is written as|can't be transparent"):
        hide(cover, cover, tmp_path / "sent.bmp", key=KEY, method=method)
    assert not (tmp_path / "sent.bmp").exists()


def test_a_lossy_webp_is_refused(tmp_path):
    cover = tmp_path / "cover.webp"
    Image.fromarray(COLOURS).save(cover)
    with pytest.raises(MediaError, match="it is lossy") as caught:
        hide(cover, b"hi", tmp_path / "sent.webp", key=KEY)
    assert ".png" in caught.value.hint


def test_a_webp_for_which_memory_does_not_suffice(tmp_path, monkeypatch):
    cover = cover_of(tmp_path, ".webp")
    free = SimpleNamespace(available=50 * COLOURS[..., 0].size)
    monkeypatch.setattr("psutil.virtual_memory", lambda: free)
    with pytest.raises(MediaError, match="pixels of a WebP needs"):
        hide(cover, b"hi", tmp_path / "sent.webp", key=KEY)


def test_a_resized_picture_is_a_png(tmp_path):
    with pytest.raises(ConfigError, match="what is resized becomes a PNG"):
        hide(cover_of(tmp_path, ".bmp"), b"hi", tmp_path / "sent.bmp", key=KEY, resize=96)


def test_16_bits_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "cover.tif", COLOURS.astype(np.uint16) << 8, photometric="rgb")
    with pytest.raises(MediaError, match="8 bits") as caught:
        hide(tmp_path / "cover.tif", b"hi", tmp_path / "sent.tif", key=KEY)
    assert ".png" in caught.value.hint


def test_a_cut_picture_is_refused_in_one_line(tmp_path):
    for suffix in SAVE:
        cover = cover_of(tmp_path, suffix)
        cover.write_bytes(cover.read_bytes()[:3000])
        with pytest.raises(MediaError) as caught:
            hide(cover, b"hi", tmp_path / f"sent{suffix}", key=KEY)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / f"sent{suffix}").exists()


@pytest.mark.parametrize("out", ["sent.tif", "sent.png"])
def test_a_tiff_whose_samples_are_said_to_be_far_away(tmp_path, out):
    cover, place = tmp_path / "cover.tif", 1 << 50
    tifffile.imwrite(cover, COLOURS, photometric="rgb", metadata=None, bigtiff=True, rowsperstrip=8)
    with tifffile.TiffFile(cover) as file:
        tag = file.pages[0].tags["StripOffsets"]
    data = bytearray(cover.read_bytes())
    struct.pack_into("<Q", data, tag.valueoffset + 8, place)
    cover.write_bytes(data)
    with pytest.raises(MediaError, match="the TIFF is truncated"):
        hide(cover, b"hi", tmp_path / out, key=KEY)


def test_what_stands_behind_the_pixels_of_a_bmp_is_kept(tmp_path):
    cover = cover_of(tmp_path, ".bmp")
    data = bytearray(cover.read_bytes())
    struct.pack_into("<i", data, 22, 100)
    cover.write_bytes(data)
    out, _ = sent(cover)
    assert out.read_bytes()[-20:] == cover.read_bytes()[-20:]


def test_an_album_of_such_pictures_becomes_pngs(tmp_path):
    covers = tmp_path / "covers"
    covers.mkdir()
    for suffix in (".bmp", ".tif", ".webp"):
        cover_of(covers, suffix)
    reports = hide_album(covers, b"x" * 3000, tmp_path / "sent", key=KEY)
    assert {report.path.suffix for report in reports} == {".png"}


def test_bytes_in_memory_become_a_png(tmp_path):
    data = cover_of(tmp_path, ".bmp").read_bytes()
    assert hide(data, b"hi", key=KEY).container.startswith(b"\x89PNG")
    assert hide(data, b"hi", tmp_path / "sent.bmp", key=KEY).path.read_bytes().startswith(b"BM")
    with pytest.raises(MediaError, match="is written as"):
        hide(COLOURS, b"hi", tmp_path / "array.bmp", key=KEY)


def test_what_is_written_can_be_hidden_in_again(tmp_path):
    out, _ = sent(cover_of(tmp_path, ".webp"))
    assert rewritten(out) == (out.read_bytes(), "")


def test_a_tiff_whose_tiles_reach_over_the_edge_is_refused(tmp_path):
    """What stands there repeats other pixels, in files by libtiff."""
    path = tmp_path / "cover.tif"
    tifffile.imwrite(path, astronaut()[:100, :120], photometric="rgb", tile=(64, 64), metadata=None)
    with pytest.raises(MediaError, match="its tiles reach over its edge") as caught:
        hide(path, b"hi", tmp_path / "out.tif", key=KEY)
    assert ".png" in caught.value.hint
