"""BMP, TIFF and lossless WebP files by real programs, written back, and files that can't be."""

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage.data import astronaut

from stegnet.core.errors import MediaError
from stegnet.formats.bmp import read_bmp
from stegnet.formats.tiff import read_tiff
from stegnet.image.pictures import orientation_of, turned_back
from stegnet.image.webp import WebpFile
from tests.support.real_programs import check_written_back, save_by_ffmpeg, save_by_opencv

FILES = Path(__file__).parent / "lossless"
READERS: dict[str, Callable[[Path], Any]] = {".bmp": read_bmp, ".tif": read_tiff, ".webp": WebpFile}
NOT_RECOGNISED = {"cwebp.webp"}
OPACITY = np.linspace(0, 255, 61).astype(np.uint8)[None].repeat(45, 0)
COLOUR = astronaut()[100:145, 200:261]
SAMPLES = {"grey": COLOUR[..., 1], "colour": COLOUR, "transparent": np.dstack([COLOUR, OPACITY])}


def rewritten(path: Path, step: int = 0) -> tuple[bytes, str]:
    """The bytes of the file whose samples are larger by a step, modulo 256, and the line on its program."""
    with Image.open(path) as image:
        layers = np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))
    stored = turned_back(layers, orientation_of(path))
    line = READERS[path.suffix](path).write(file := io.BytesIO(), stored + np.uint8(step))
    return file.getvalue(), line


@pytest.mark.parametrize("path", sorted(FILES.glob("*.[btw]*")), ids=lambda path: path.name)
def test_a_file_of_a_real_program_is_written_back(path):
    data, line = rewritten(path)
    check_written_back(path, data, line, recognised=path.name not in NOT_RECOGNISED)


def pillow(**options: Any):
    return lambda path, samples: Image.fromarray(samples).save(path, **options)


def by_tifffile(**options: Any):
    return lambda path, samples: tifffile.imwrite(
        path,
        samples,
        photometric="minisblack" if samples.ndim == 2 else "rgb",
        extrasamples=["unassalpha"] if samples.shape[2:] == (4,) else None,
        metadata=None,
        **options,
    )


PROGRAMS = {
    "Pillow.bmp": pillow(),
    "OpenCV.bmp": save_by_opencv,
    "ffmpeg.bmp": save_by_ffmpeg,
    "Pillow.tif": pillow(),
    "Pillow, BigTIFF.tif": pillow(big_tiff=True),
    "OpenCV.tif": lambda path, samples: save_by_opencv(path, samples, cv2.IMWRITE_TIFF_COMPRESSION, 1),
    "ffmpeg.tif": lambda path, samples: save_by_ffmpeg(path, samples, "-compression_algo", "raw"),
    "tifffile.tif": by_tifffile(),
    "tifffile, rows.tif": by_tifffile(rowsperstrip=1, byteorder=">"),
    "tifffile, tiles.tif": by_tifffile(tile=(16, 32), bigtiff=True),
    "Pillow.webp": pillow(lossless=True),
    "Pillow, exact.webp": pillow(lossless=True, exact=True),
    "Pillow, method 6.webp": pillow(lossless=True, method=6, quality=100),
    "OpenCV.webp": save_by_opencv,
    "ffmpeg.webp": lambda path, samples: save_by_ffmpeg(path, samples, "-c:v", "libwebp", "-lossless", "1"),
}


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_is_written_back(tmp_path, program, kind):
    path = tmp_path / f"cover.{program.split('.')[-1]}"
    PROGRAMS[program](path, SAMPLES[kind])
    assert rewritten(path) == (path.read_bytes(), "")


@pytest.mark.parametrize("path", sorted(FILES.glob("*.[bt]*")), ids=lambda path: path.name)
def test_other_samples_stand_where_the_first_ones_stood(tmp_path, path):
    (other := tmp_path / path.name).write_bytes(rewritten(path, step=1)[0])
    with Image.open(path) as first, Image.open(other) as second:
        assert np.array_equal(np.asarray(second), np.asarray(first) + np.uint8(1))
    assert rewritten(other, step=-1 % 256)[0] == path.read_bytes()


def test_a_bmp_whose_first_row_is_the_highest(tmp_path):
    path = tmp_path / "cover.bmp"
    Image.fromarray(COLOUR).save(path)
    data = bytearray(path.read_bytes())
    struct.pack_into("<i", data, 22, -45)
    path.write_bytes(data)
    assert rewritten(path)[0] == bytes(data)
    (other := tmp_path / "other.bmp").write_bytes(rewritten(path, step=3)[0])
    assert np.array_equal(Image.open(other), np.asarray(Image.open(path)) + np.uint8(3))


def test_all_else_in_a_webp_is_kept(tmp_path):
    path, exif = tmp_path / "cover.webp", Image.Exif()
    exif[270] = "a name"
    Image.fromarray(COLOUR).save(path, lossless=True, exif=exif, xmp=b"<x/>", icc_profile=b"profile")
    path.write_bytes(path.read_bytes() + b"trailing")
    assert rewritten(path) == (path.read_bytes(), "")
    with Image.open(path) as first, Image.open(io.BytesIO(rewritten(path, step=5)[0])) as second:
        assert first.info == second.info
        assert np.array_equal(np.asarray(second), np.asarray(first) + np.uint8(5))


def tags_changed(path: Path, changes: dict[int, int]) -> None:
    """Changes the first value of tags of a little-endian TIFF, which are stored in the tag itself."""
    data = bytearray(path.read_bytes())
    (page,) = struct.unpack_from("<L", data, 4)
    for at in range(page + 2, page + 2 + 12 * data[page], 12):
        tag, kind = struct.unpack_from("<HH", data, at)
        if tag in changes:
            struct.pack_into("<H" if kind == 3 else "<L", data, at + 8, changes[tag])
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({259: 5}, "it is compressed"),
        ({262: 6}, "neither grey nor RGB"),
        ({284: 2}, "unusual order"),
        ({273: 0}, "it is damaged"),
        ({273: 1 << 31}, "truncated"),
        ({278: 0}, "it is damaged"),
        ({278: 1}, "it is damaged"),
        ({256: 1 << 31}, "truncated"),
        ({257: 1 << 31}, "it is damaged"),
    ],
    ids=str,
)
def test_a_tiff_that_is_refused(tmp_path, changes, reason):
    path = tmp_path / "cover.tif"
    tifffile.imwrite(path, COLOUR, photometric="rgb", metadata=None)
    tags_changed(path, changes)
    with pytest.raises(MediaError, match=reason):
        read_tiff(path)


@pytest.mark.parametrize("save", [{"mode": "1"}, {"mode": "P"}, {"mode": "CMYK"}, {"mode": "I;16"}], ids=str)
def test_a_tiff_of_another_kind(tmp_path, save):
    Image.new(save["mode"], (9, 9)).save(tmp_path / "cover.tif")
    with pytest.raises(MediaError, match="can't stay one"):
        read_tiff(tmp_path / "cover.tif")


def test_a_tiff_of_two_pages(tmp_path):
    picture = Image.fromarray(COLOUR)
    picture.save(tmp_path / "cover.tif", save_all=True, append_images=[picture])
    with pytest.raises(MediaError, match="several pages"):
        read_tiff(tmp_path / "cover.tif")


@pytest.mark.parametrize(
    ("at", "form", "value", "reason"),
    [(28, "<H", 16, "16 bits"), (28, "<H", 8, "8 bits"), (30, "<I", 1, "compressed"), (14, "<I", 16, "16 bytes"),
     (10, "<I", 1 << 31, "truncated"), (18, "<i", -61, "truncated"), (22, "<i", 1 << 30, "truncated")],
)  # fmt: skip
def test_a_bmp_that_is_refused(tmp_path, at, form, value, reason):
    path = tmp_path / "cover.bmp"
    Image.fromarray(COLOUR).save(path)
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, at, value)
    path.write_bytes(data)
    with pytest.raises(MediaError, match=reason):
        read_bmp(path)


@pytest.mark.parametrize(
    ("bits", "masks"),
    [(24, (255 << 24, 255 << 8, 255)), (32, (255, 255, 255 << 8)), (32, (31 << 10, 31 << 5, 31)), (32, (0, 0, 0)),
     (8, (255, 255, 255))],
)  # fmt: skip
def test_a_bmp_of_unusual_masks(tmp_path, bits, masks):
    path = tmp_path / "cover.bmp"
    header = struct.pack("<2sIIIIiiHHIIiiII", b"BM", 0, 0, 66, 40, 4, 4, 1, bits, 3, 0, 0, 0, 0, 0)
    path.write_bytes(header + struct.pack("<3I", *masks) + bytes(4096))
    with pytest.raises(MediaError, match=r"no whole bytes|bits a pixel"):
        read_bmp(path)


@pytest.mark.parametrize("path", sorted(FILES.glob("*.[btw]*")), ids=lambda path: path.name)
def test_what_is_cut_off_is_refused(tmp_path, path):
    data, cut = path.read_bytes(), tmp_path / path.name
    for length in {*range(20, 200, 7), *range(200, len(data), 1999)} - {len(data)}:
        cut.write_bytes(data[:length])
        try:
            file = READERS[path.suffix](cut)
        except MediaError:
            continue
        assert path.suffix == ".tif"  # whose tags stand before its samples, or whose last ones are of no use
        assert max(end for _, end in file.spans()) <= length


@pytest.mark.parametrize("path", sorted(FILES.glob("*.[btw]*")), ids=lambda path: path.name)
def test_bytes_that_are_changed_raise_nothing_else(tmp_path, path):
    rng, data, hostile = np.random.default_rng(3), path.read_bytes(), tmp_path / path.name
    ends = [*range(min(160, len(data))), *range(max(0, len(data) - 260), len(data))]
    for _ in range(300):
        changed = bytearray(data)
        for at in rng.choice(ends, 2):
            changed[at] = rng.choice([0, 1, 127, 255, rng.integers(256)])
        hostile.write_bytes(changed)
        try:
            READERS[path.suffix](hostile)
        except MediaError as error:
            assert "\n" not in str(error)
            assert error.hint


@pytest.mark.parametrize("save", [{}, {"lossless": True, "save_all": True}], ids=["lossy", "animation"])
def test_a_webp_that_is_refused(tmp_path, save):
    path, picture = tmp_path / "cover.webp", Image.fromarray(COLOUR)
    picture.save(path, **save, **({"append_images": [picture.rotate(90)]} if save else {}))
    with pytest.raises(MediaError, match="lossy, or an animation"):
        WebpFile(path)
