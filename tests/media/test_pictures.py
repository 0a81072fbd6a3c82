import struct
import subprocess
import sys
import warnings
import zlib
from collections.abc import Callable
from contextlib import nullcontext
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

import stegnet
from stegnet import MediaError
from stegnet.core.measures import psnr
from stegnet.core.names import PICTURE
from stegnet.image import read_cover, read_picture, resize, write_png
from stegnet.media.cover import kind
from stegnet.networks.unresize import unresize
from tests.support.pngs import as_png, chunks_of

KEY = stegnet.Key(bytes(range(32)))
MODES = [
    ("L", 100, (100, 100, 100)),
    ("1", 1, (255, 255, 255)),
    ("P", 0, (0, 0, 0)),
    ("CMYK", (0, 0, 0, 255), (0, 0, 0)),
    ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
    ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
    ("RGBA", (0, 0, 0, 128), (127, 127, 127)),  # half transparent is half white
    ("LA", (0, 0), (255, 255, 255)),
    ("I;16", 65535, (255, 255, 255)),
    ("I;16", 257 * 100, (100, 100, 100)),
    ("I;16", 257 * 255 - 129, (254, 254, 254)),  # rounded, not cut
    ("I", 257 * 100, (100, 100, 100)),
]


def test_pillows_limit_may_be_off_before_the_import():
    program = "from PIL import Image; Image.MAX_IMAGE_PIXELS = None; import stegnet.image"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_every_mode_becomes_rgb(tmp_path):
    path = tmp_path / "a.tif"
    for mode, colour, shown in MODES:
        Image.new(mode, (9, 8), colour).save(path)
        pixels = read_picture(path)
        assert (pixels.dtype, pixels.shape, tuple(pixels[3, 3])) == (np.uint8, (8, 9, 3), shown)
    levels = np.arange(0, 65536, 257, np.uint16).reshape(16, 16, 1).repeat(3, -1)
    for suffix in ("png", "tif"):
        assert cv2.imwrite(str(tmp_path / f"a.{suffix}"), levels)
        assert np.abs(read_picture(tmp_path / f"a.{suffix}").astype(int) - levels // 257).max() <= 1


@pytest.mark.parametrize(("suffix", "name"), [("mpo", b"MPF\0"), ("png", b"acTL")])
def test_a_damaged_list_of_pictures_hinders_nobody(tmp_path, suffix, name):
    """That of views and that of frames: viewers show the first picture. Nobody is warned of what is not lost."""
    stills = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    stills[0].save(tmp_path / "a", suffix, save_all=True, append_images=stills[1:], default_image=True)
    content = bytearray((tmp_path / "a").read_bytes())
    place = content.index(name) + len(name)
    content[place : place + 4] = bytes(4)
    if suffix == "png":
        content[place + 8 : place + 12] = zlib.crc32(content[place - 4 : place + 8]).to_bytes(4, "big")
    (tmp_path / "a").write_bytes(content)
    assert kind(tmp_path / "a") == PICTURE
    assert np.abs(read_picture(tmp_path / "a")[8, 8].astype(int) - (255, 0, 0)).max() <= 4


def test_a_profile_is_applied_and_keeps_transparency(tmp_path, swapped_profile, srgb_profile):
    """One that is sRGB changes nothing: because of rounding, applying it would change one colour in a thousand."""
    image = Image.new("RGBA", (8, 8), (250, 10, 30, 255))
    image.paste((0, 0, 0, 0), (0, 0, 8, 4))
    image.save(tmp_path / "a.png", icc_profile=swapped_profile)
    pixels = read_picture(tmp_path / "a.png")
    assert pixels[1, 1].tolist() == [255, 255, 255]
    assert np.abs(pixels[6, 6].astype(int) - (10, 250, 30)).max() <= 2
    levels = np.arange(0, 256, 5, np.uint8)
    pixels = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(104, -1, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png", icc_profile=srgb_profile)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), pixels)


# The levels of sRGB for a light of ½: IEC 61966-2-1 gives 1.055·0.5^(1/2.4) − 0.055.
HALF = round(255 * (1.055 * 0.5 ** (1 / 2.4) - 0.055))


def keeps_grey(path, level, profile, written):
    """A grey cover comes back with its level and profile, and is written in a mode that a file of it can have."""
    pixels, found = read_cover(path)
    assert (pixels[4, 4].tolist(), found) == ([level] * 3, profile)
    write_png(path, pixels, found)
    with Image.open(path) as image:
        assert (image.mode, image.info["icc_profile"]) == (written, profile)


def test_grey_pictures_have_profiles_of_both_kinds(tmp_path, linear_grey_profile, swapped_profile):
    """Many programs write grey with an RGB profile; it stays grey."""
    path = tmp_path / "a.png"
    for mode, colour in (("I;16", 128 * 257), ("L", 128), ("LA", (128, 255))):
        Image.new(mode, (8, 8), colour).save(path, icc_profile=linear_grey_profile)
        assert np.abs(read_picture(path)[4, 4].astype(int) - HALF).max() <= 2
    keeps_grey(path, 128, linear_grey_profile, "L")
    Image.new("L", (8, 8), 100).save(path, icc_profile=swapped_profile)
    assert np.abs(read_picture(path)[4, 4].astype(int) - 100).max() <= 2
    keeps_grey(path, 100, swapped_profile, "RGB")


def test_a_cmyk_profile_is_applied(tmp_path, cmyk_profile):
    image = Image.new("CMYK", (8, 8), (200, 100, 50, 0))
    image.paste((0, 0, 0, 255), (0, 0, 8, 4))
    image.save(tmp_path / "a.tif", icc_profile=cmyk_profile)
    for pixels in (read_picture(tmp_path / "a.tif"), read_cover(tmp_path / "a.tif")[0]):
        assert pixels[1, 1].max() <= 8
        assert pixels[6, 6].min() >= 247
    assert read_cover(tmp_path / "a.tif")[1] is None


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_broken_profile_is_ignored_with_a_warning(
    tmp_path, mode, swapped_profile, linear_grey_profile, cmyk_profile, srgb_profile
):
    """Or one of other colours, or without the curve of red: a grey picture is asked whether its profile is sRGB's."""
    levels = np.random.default_rng(1).integers(60, 200, (64, 64, 3), np.uint8)
    image, path = Image.fromarray(levels).convert(mode), tmp_path / "a.png"
    broken = [b"nonsense", swapped_profile[:200], cmyk_profile, srgb_profile.replace(b"rTRC", b"xTRC", 1)]
    for profile in [linear_grey_profile, *broken] if mode == "RGB" else broken:
        image.save(path, icc_profile=profile)
        for read in (read_picture, lambda path: read_cover(path)[0]):
            with pytest.warns(UserWarning, match=r"a\.png: its colour profile is ignored"):
                np.testing.assert_array_equal(read(path), image.convert("RGB"))
        with pytest.warns(UserWarning, match="ignored"):
            assert read_cover(path)[1] is None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stegnet.hide(path, b"note", tmp_path / "out.png", key=KEY)
    assert stegnet.reveal(tmp_path / "out.png", key=KEY).data == b"note"


def test_pictures_are_rotated_and_composited_over_white(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGBA", (20, 10), (0, 0, 0, 0)).save(tmp_path / "a.png", exif=exif)
    Image.new("P", (10, 20), 0).save(tmp_path / "b.png", transparency=0)
    for pixels in (read_cover(tmp_path / "a.png")[0], *(read_picture(tmp_path / f"{name}.png") for name in "ab")):
        assert pixels.shape == (20, 10, 3)
        assert (pixels == 255).all()


SHORT, RATIONAL, DOUBLE = 3, 10, 12
TURNED = 0x112, SHORT, 6


@pytest.mark.parametrize(
    ("tags", "suffix", "prefix"),
    [
        ((TURNED, (0x10F, RATIONAL, 8)), "png", b""),
        ((TURNED, (0x131, DOUBLE, 8)), "jpg", b"Exif\0\0Exif\0\0"),
        ((TURNED, (0x11A, RATIONAL, 38)), "jpg", b"Exif\0\0"),
    ],
    ids=["a rational for text", "a float for text", "-1/0"],
)
def test_a_picture_is_turned_whatever_else_its_exif_has(tmp_path, picture, key, tags, suffix, prefix):
    """Pillow can't write most of these again."""
    entries = b"".join(struct.pack("<HHII", tag, form, 1, value) for tag, form, value in tags)
    tiff = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + struct.pack("<Iii", 0, -1, 0)
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(picture(96, 128)).save(path, exif=prefix + tiff)
    (tmp_path / "s").write_bytes(b"secret")
    assert read_picture(path).shape == (128, 96, 3)
    report = stegnet.hide(path, tmp_path / "s", tmp_path / "o.jpg", key=key, quality=90)
    assert (report.height, report.width) == (128, 96)
    assert stegnet.reveal(tmp_path / "o.jpg", key=key).data == b"secret"


def png(depth: int, colours: int, row: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of 2×1 pixels."""
    head = struct.pack(">IIBBBBB", 2, 1, depth, colours, 0, 0, 0)
    return as_png([(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(b"\0" + row)), (b"IEND", b"")])


@pytest.mark.parametrize(
    ("depth", "colours", "row", "colour", "shown"),
    [
        (1, 0, b"\x40", (0,), (255, 255)),
        (2, 0, b"\x60", (1,), (255, 170)),
        (4, 0, b"\x5a", (5,), (255, 170)),
        (16, 0, b"\1\2\1\3", (0x102,), (255, 1)),
        (16, 0, b"\5\2\2\7", (0x502,), (255, 2)),
        (16, 2, b"\1\2\1\2\1\2\1\2\1\3\1\2", (0x102, 0x102, 0x102), (255, 1)),
    ],
)
def test_the_transparent_colour_of_a_png_is_that_of_its_samples(tmp_path, depth, colours, row, colour, shown):
    data = png(depth, colours, row, (b"tRNS", struct.pack(f">{len(colour)}H", *colour)))
    (tmp_path / "a.png").write_bytes(data)
    assert read_picture(tmp_path / "a.png")[0, :, 0].tolist() == list(shown)


def test_large_profiles_and_texts_of_a_png_are_read(tmp_path, srgb_profile):
    """As cameras write them; not a bomb."""
    for size, name in product((3 << 20, 40 << 20), (b"iCCP", b"zTXt")):
        content = (len(srgb_profile) + size).to_bytes(4, "big") + srgb_profile[4:] + bytes(size)
        (tmp_path / "a.png").write_bytes(png(8, 0, b"\1\2", (name, b"a\0\0" + zlib.compress(content, 1))))
        with pytest.raises(MediaError, match="the PNG picture is damaged") if size > 9 << 20 else nullcontext():
            assert read_picture(tmp_path / "a.png")[0, :, 0].tolist() == [1, 2]


def test_truncated_pictures_and_other_files_are_refused(tmp_path, picture):
    for suffix in ("png", "jpg", "webp", "gif", "tif", "bmp"):
        path = tmp_path / f"a.{suffix}"
        Image.fromarray(picture(64, 96)).save(path)
        data = path.read_bytes()
        for size in (len(data) // 2, len(data) // 4):
            path.write_bytes(data[:size])
            with pytest.raises(MediaError, match=r"a\..*(damaged|truncated|is a file, not a picture)"):
                read_picture(path)
    for path, message in {"b.png": "no such file", ".": "not a file"}.items():
        with pytest.raises(MediaError, match=message):
            read_picture(tmp_path / path)


@pytest.mark.parametrize(
    "size", [(3000, 3001), (40, 110_000), (90_000, 59), (20, 300_000), (61, 97), (16, 17), (40, 60)]
)
def test_a_picture_that_is_resized_in_parts_is_as_pillow_resizes_it(size, picture):
    pixels = picture(40, 60)
    whole = Image.fromarray(pixels).resize(size[::-1], Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(resize(pixels, *size), np.asarray(whole))


def enlarging(length: int, enlarged: int) -> np.ndarray:
    """The matrix that Pillow enlarges a line by, (enlarged, length)."""
    return np.array(
        Image.fromarray(np.eye(length, dtype=np.float32)).resize((length, enlarged), Image.Resampling.LANCZOS)
    )


@pytest.mark.parametrize("size", [(270, 360), (40, 63), (300, 77), (29, 66)])
def test_what_was_enlarged_is_undone_by_least_squares(size, picture):
    """Also in blocks, and along one side."""
    height, width = 28, 60
    large = resize(picture(height, width), *size)
    rows, cols = (np.linalg.pinv(enlarging(side, new)) for side, new in zip((height, width), size, strict=True))
    expected = np.einsum("ij,jkc,lk->ilc", rows, large.astype(float), cols)
    found = unresize(large, height, width, noise=0.001)
    assert np.abs(found - np.rint(expected).clip(0, 255)).max() <= 1


def test_a_secret_that_was_enlarged_comes_back_sharper():
    """With the noise that networks leave, in blocks, with one side reduced, and not at all enlarged."""
    small, random = resize(astronaut(), 270, 405), np.random.default_rng(0)
    for size, gain in {(360, 540): 3, (276, 415): 2, (600, 405): 2, (360, 300): 0}.items():
        large = resize(small, *size)
        noisy = (large + random.normal(0, 1, large.shape)).round().clip(0, 255).astype(np.uint8)
        assert psnr(small, unresize(noisy, 270, 405, noise=1.5)) > psnr(small, resize(noisy, 270, 405)) + gain
    np.testing.assert_array_equal(unresize(small, 300, 405, noise=1.5), resize(small, 300, 405))


def test_pages_of_a_tiff_are_not_counted_without_end(tmp_path):
    """Pillow compares each with all before it."""
    tags = ((256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 1), (279, 1))
    page = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 3, 1, value) for tag, value in tags)
    starts = range(12, 12 + 200_000 * (len(page) + 4), len(page) + 4)
    following = (struct.pack("<I", start) for start in (*starts[1:], 0))
    data = b"II*\0" + struct.pack("<I", starts[0]) + b"\x80\0\0\0" + b"".join(page + after for after in following)
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.warns(UserWarning, match="of its more than 1000 pages, only the first one"):
        assert read_picture(tmp_path / "a.tif").tolist() == [[[128, 128, 128]]]


def test_a_page_of_a_tiff_without_a_size_is_not_counted(tmp_path):
    stills = [Image.new("L", (9, 8), level) for level in (50, 60)]
    stills[0].save(tmp_path / "a.tif", save_all=True, append_images=stills[1:])
    before, width, behind = (tmp_path / "a.tif").read_bytes().rpartition(struct.pack("<HHI", 256, 4, 1))
    (tmp_path / "a.tif").write_bytes(before + struct.pack("<HHI", 4096, 4, 1) + behind)
    assert width and read_picture(tmp_path / "a.tif")[0, 0].tolist() == [50, 50, 50]


def with_samples(wrong: bytes) -> Callable[[Path], None]:
    """Saves a TIFF with another tag for the place of its samples."""

    def write(path: Path) -> None:
        Image.new("RGB", (8, 8)).save(path, "TIFF")
        before, place, behind = path.read_bytes().rpartition(struct.pack("<HHI", 273, 4, 1))
        path.write_bytes(before + (wrong or place + struct.pack("<I", 1 << 31)) + behind[4:])

    return write


def by_apple(path: Path) -> None:
    """Saves a PNG whose samples have no zlib header, and whose red and blue are exchanged."""
    Image.new("RGB", (8, 8)).save(path, "PNG")
    path.write_bytes(as_png([(b"CgBI", b"\x50\0\x20\2"), *chunks_of(path.read_bytes())]))


# Pillow would read as many bytes as lie between the samples of a TIFF and its tags, and show a raw file's preview.
FAR_AWAY = "the TIFF is truncated: its samples are said to be behind its end"
PREVIEW = "its first page is but a preview of 16×12 pixels"
REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "L*a*b*": (lambda path: Image.new("LAB", (8, 8)).save(path, "TIFF"), r"its pixels are .*L\*a\*b\*"),
    "far away": (with_samples(b""), FAR_AWAY),
    "far away by a text": (with_samples(struct.pack("<HHII", 273, 2, 3, 8)), FAR_AWAY),
    "raw": (lambda path: Image.new("RGB", (16, 12)).save(path, "TIFF", tiffinfo={254: 1}), PREVIEW),
    "Apple's": (by_apple, r"is a PNG of Apple's own kind \(CgBI\)"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_pillow_reads_otherwise_is_refused(tmp_path, kind):
    write, message = REFUSED[kind]
    write(tmp_path / "a")
    with pytest.raises(MediaError, match=f"a: {message}"):
        read_picture(tmp_path / "a")


def test_a_tiffs_own_first_page_is_read(tmp_path):
    Image.new("RGB", (16, 12), "red").save(tmp_path / "a.dng", "TIFF", tiffinfo={254: 0})
    assert read_picture(tmp_path / "a.dng").shape == (12, 16, 3)


def test_a_strip_is_not_searched_for_resized_copies(tmp_path, monkeypatch):
    """One of ten rows and half a million columns was not made to survive; to look for copies takes long."""
    path = tmp_path / "thin.png"
    Image.fromarray(np.zeros((10, 500_000, 3), np.uint8)).save(path)
    monkeypatch.setattr("stegnet.methods.robust.picture_reader.salts_of_copies", None)
    with pytest.raises(stegnet.RevealError, match="nothing can be revealed"):
        stegnet.reveal(path, key=KEY)
