"""PNGs by real programs, written back, and what of a cover a container keeps."""

import io
import struct
import subprocess
import zlib
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image, ImageCms
from skimage.data import astronaut

from stegnet import info
from stegnet.image import read_picture
from stegnet.png.file import LIBPNG_DEFLATE, LIBPNG_FILTERS, Deflate, PngFile, PngForm, profile_chunk
from stegnet.png.rows import Filters, filtered
from tests.support.kernels import both
from tests.support.pngs import SIGNATURE, as_png

FILES = Path(__file__).parent / "files"
NOT_RECOGNISED = {"chromium", "imagemagick-interlaced"}
ALPHA = np.linspace(0, 255, 512).astype(np.uint8)[None].repeat(512, 0)


def picture(kind: str) -> np.ndarray:
    """A photograph with noise in its lowest bits, (512, 512) or (512, 512, 3 or 4) uint8."""
    noise = np.random.default_rng(5).integers(-2, 3, (512, 512, 3))
    colour = (astronaut().astype(int) + noise).clip(0, 255).astype(np.uint8)
    return {"grey": colour[..., 1], "colour": colour, "transparent": np.dstack([colour, ALPHA])}[kind]


def written_back(path: Path) -> tuple[bytes, str]:
    """The file of the same pixels, and the line on its program."""
    with Image.open(path) as image:
        samples = np.atleast_3d(np.asarray(image))
    form, line = PngFile(path).form(samples.shape[2])
    form.write(file := io.BytesIO(), samples)
    return file.getvalue(), line


def save_by_opencv(path: Path, samples: np.ndarray, *options: int) -> None:
    bgr = samples if samples.ndim == 2 else samples[..., [2, 1, 0, 3][: samples.shape[2]]]
    assert cv2.imwrite(str(path), bgr, options)


def save_by_ffmpeg(path: Path, samples: np.ndarray, *options: str) -> None:
    """Saves by the ffmpeg of imageio-ffmpeg, which reads them from a PAM."""
    source = path.with_suffix(".pam")
    height, width, channels = np.atleast_3d(samples).shape
    kind = {1: "GRAYSCALE", 3: "RGB", 4: "RGB_ALPHA"}[channels]
    header = f"P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {channels}\nMAXVAL 255\nTUPLTYPE {kind}\nENDHDR\n"
    source.write_bytes(header.encode() + samples.tobytes())
    subprocess.run([get_ffmpeg_exe(), "-v", "error", "-y", "-i", source, *options, path], check=True)


def check_written_back(path: Path, data: bytes, line: str, *, recognised: bool) -> None:
    """Checks that these are the bytes of the file; or, with a line that says so, its pixels."""
    if recognised:
        assert (data == path.read_bytes(), line) == (True, "")
    else:
        assert data != path.read_bytes()
        assert "not recognised" in line
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), np.asarray(Image.open(path)))


@pytest.mark.parametrize("path", sorted(FILES.glob("*.png")), ids=lambda path: path.stem)
def test_a_file_of_a_real_program_is_written_back(path):
    data, line = written_back(path)
    check_written_back(path, data, line, recognised=path.stem not in NOT_RECOGNISED)


PROGRAMS = {
    "Pillow, fixed codes": lambda path, samples: Image.fromarray(samples).save(path, compress_type=zlib.Z_FIXED),
    "OpenCV": save_by_opencv,
    "OpenCV, level 9": lambda path, samples: save_by_opencv(path, samples, cv2.IMWRITE_PNG_COMPRESSION, 9),
    "OpenCV, level 3": lambda path, samples: save_by_opencv(path, samples, cv2.IMWRITE_PNG_COMPRESSION, 3),
    "ffmpeg": save_by_ffmpeg,
    "ffmpeg, no filter": lambda path, samples: save_by_ffmpeg(path, samples, "-pred", "none"),
}


@pytest.mark.parametrize("kind", ["grey", "colour", "transparent"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_is_recognised(tmp_path, program, kind):
    path = tmp_path / "cover.png"
    PROGRAMS[program](path, picture(kind))
    assert written_back(path) == (path.read_bytes(), "")


@pytest.mark.parametrize("kind", ["grey", "colour", "transparent"])
@pytest.mark.parametrize("size", [512, 60])
def test_the_default_form_is_opencvs(tmp_path, kind, size):
    samples = picture(kind)[:size, :size]
    save_by_opencv(tmp_path / "opencv.png", samples)
    PngForm().write(file := io.BytesIO(), samples)
    assert file.getvalue() == (tmp_path / "opencv.png").read_bytes()


def test_a_profile_is_stored_as_opencv_does(tmp_path):
    samples, profile = picture("colour"), ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    path = tmp_path / "opencv.png"
    given = [np.frombuffer(profile, np.uint8)[None]]
    assert cv2.imwriteWithMetadata(str(path), samples[..., ::-1], [cv2.IMAGE_METADATA_ICCP], given)
    PngForm(profile=profile_chunk(profile)).write(file := io.BytesIO(), samples)
    assert file.getvalue() == path.read_bytes()


@pytest.mark.parametrize("tried", [[0, 1, 2, 3, 4], [0, 2, 1, 4], [3], [4]])
@pytest.mark.parametrize("apart", [1, 3, 8])
def test_filters_are_those_of_numpy(tried, apart):
    rng = np.random.default_rng(apart)
    rows, before = rng.integers(0, 256, (30, 48), np.uint8), rng.integers(0, 256, 48, np.uint8)
    rows[10:20] //= 64
    both(lambda: filtered(rows, before, apart, bytes(tried)))


def chunk(kind: bytes, data: bytes) -> bytes:
    return as_png([(kind, data)]).removeprefix(SIGNATURE)


@pytest.fixture
def cover(tmp_path) -> Path:
    path = tmp_path / "cover.png"
    Image.fromarray(picture("colour")[:100, :120]).save(path)
    return path


def with_stream(
    path: Path, stream: bytes, ends: Iterable[int], more: tuple[bytes, bytes, bytes] = (b"", b"", b"")
) -> None:
    """Writes another stream into a PNG, in chunks with these ends, with bytes before and behind it, and at the end."""
    data = path.read_bytes()
    start, end = data.index(b"IDAT") - 4, data.rindex(b"IEND") - 4
    pieces = [stream[first:last] for first, last in pairwise([0, *ends, len(stream)])]
    middle = b"".join(chunk(b"IDAT", piece) for piece in pieces)
    path.write_bytes(data[:start] + more[0] + middle + more[1] + data[end:] + more[2])


def stream_of(path: Path) -> bytes:
    data = path.read_bytes()
    return data[data.index(b"IDAT") + 4 : data.rindex(b"IEND") - 8]


@pytest.mark.parametrize("ends", [range(1, 9000), range(700, 9000, 700), range(4096, 9000, 4096), (), (10, 10, 300)])
def test_chunks_and_their_sizes_are_kept(cover, ends):
    """Bytes beside the image data, and behind the end, such as another picture; and the pixels are read."""
    before = b"".join(chunk(b"tEXt", b"Comment\0%d" % number) for number in range(1000)) + chunk(b"teSt", b"private")
    stream, pixels = stream_of(cover), np.asarray(Image.open(cover))
    assert len(stream) > 9000
    with_stream(cover, stream, ends, (before, chunk(b"tEXt", b"Author\0me"), cover.read_bytes()))
    assert written_back(cover) == (cover.read_bytes(), "")
    assert np.array_equal(read_picture(cover), pixels)
    assert info(cover)["width"] == 120


def in_stored_blocks(path: Path) -> None:
    """Writes the rows of a PNG as they are, in blocks whose headers are cut by the ends of chunks."""
    raw = zlib.decompress(stream_of(path))
    stream, at = b"\x78\x01", 0
    for size in (1000, 0, 20_001, len(raw) - 21_001, 0):
        is_last = len(raw) == at and size == 0
        stream += struct.pack("<BHH", is_last, size, size ^ 0xFFFF) + raw[at : at + size]
        at += size
    with_stream(path, stream + struct.pack(">I", zlib.adler32(raw)), (3, 1009))


def saved_without_compression(path: Path) -> None:
    with Image.open(path) as image:
        image.load()
    image.save(path, compress_level=0)


@pytest.mark.parametrize("store", [in_stored_blocks, saved_without_compression])
def test_what_is_not_compressed_is_of_no_known_program(cover, store):
    store(cover)
    data, line = written_back(cover)
    check_written_back(cover, data, line, recognised=False)


def test_a_window_that_is_smaller_than_the_picture(cover):
    with Image.open(cover) as image:
        samples = np.asarray(image)
    form = PngForm(Filters.of(4), Deflate("zlib", 9, 8, zlib.Z_FILTERED), header=bytes.fromhex("28cf"))
    form.write(file := io.BytesIO(), samples)
    cover.write_bytes(file.getvalue())
    assert np.array_equal(Image.open(cover), samples)
    assert written_back(cover) == (cover.read_bytes(), "")


def sky_and_ground() -> np.ndarray:
    """A sky that libpng and Pillow filter by Sub and Paeth alone, above rows that libpng filters by Average."""
    rng = np.random.default_rng(2)
    sky = np.cumsum(rng.integers(0, 2, (100, 300)), 1) // 8 + np.cumsum(rng.integers(0, 2, (100, 1)), 0)
    ground = (np.cumsum(rng.integers(-3, 4, (100, 300)), 0) + np.cumsum(rng.integers(-3, 4, (100, 300)), 1)) // 2
    return np.concatenate([sky, ground + rng.integers(-9, 9, (100, 300))]).astype(np.uint8)


def plaid_and_stripes() -> np.ndarray:
    """Rows that libpng and Pillow filter by Paeth, but the first by Sub, above rows that they filter by Sub."""
    rng = np.random.default_rng(3)
    by_row = 40 * (np.arange(400) % 2)[:, None] + rng.integers(0, 20, (400, 1))
    by_column = rng.integers(0, 180, (1, 700)) * (np.arange(400) < 300)[:, None]
    return (by_row + by_column + rng.integers(0, 3, (400, 700))).astype(np.uint8)


@pytest.mark.parametrize("made", [sky_and_ground, plaid_and_stripes])
@pytest.mark.parametrize("level", [1, 6])
def test_pillow_is_told_by_its_chunks(tmp_path, made, level):
    """By how a container would be written, whose samples differ a little."""
    samples = made()
    Image.fromarray(samples).save(tmp_path / "cover.png", compress_level=level)
    form, line = PngFile(tmp_path / "cover.png").form(1)
    assert not line
    changed = samples ^ (np.random.default_rng(4).random(samples.shape) < 0.05).astype(np.uint8)
    form.write(file := io.BytesIO(), changed)
    Image.fromarray(changed).save(tmp_path / "container.png", compress_level=level)
    assert file.getvalue() == (tmp_path / "container.png").read_bytes()


def test_filters_that_no_early_row_has_tell_programs_apart(tmp_path):
    samples = sky_and_ground()
    path = tmp_path / "cover.png"
    with path.open("wb") as file:
        PngForm(LIBPNG_FILTERS, LIBPNG_DEFLATE).write(file, samples)
    assert written_back(path) == (path.read_bytes(), "")
