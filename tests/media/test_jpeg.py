"""JPEGs by their coefficients: what is not changed stays, byte for byte."""

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

from stegnet import MediaError
from stegnet.core.pixels import encode_jpeg, through_jpeg
from stegnet.image import read_picture
from stegnet.image.jpeg_markers import HuffmanTable, parse_jpeg
from tests.support.jpegs import FACTORS, SCANS, read_jpeg, sampled
from tests.support.kernels import both
from tests.support.quality import psnr

WAYS: tuple[dict[str, Any], ...] = (
    {},
    {"optimize": True},
    {"progressive": True},
    {"restart_marker_rows": 1},
    {"progressive": True, "restart_marker_blocks": 3},
)
BEFORE, BEHIND = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0", b"\xff\xd8\xff a film that a phone appended \xff\xd9"


@pytest.fixture
def encoded(picture: Callable[..., np.ndarray]) -> Callable[..., bytes]:
    """Makes a JPEG with metadata, and something behind it."""

    def make(height: int = 61, width: int = 75, mode: str = "RGB", **options: object) -> bytes:
        file = io.BytesIO()
        options = {"quality": 85, "subsampling": "4:2:0", "exif": BEFORE} | options
        Image.fromarray(picture(height, width)).convert(mode).save(file, "JPEG", **options)
        return file.getvalue() + BEHIND

    return make


def read(path: Path, data: bytes):
    path.write_bytes(data)
    return read_jpeg(path)


def check_written(folder: Path, data: bytes) -> None:
    """Checks that a file is written back byte for byte, and with other coefficients so that libjpeg decodes it.

    All but these, and tables that were made for them, stays.
    """
    jpeg = read(folder / "a.jpg", data)
    assert jpeg.with_planes(jpeg.planes) == data
    planes = [plane[::-1, ::-1] + np.int16(np.arange(64) % 3 == 1) for plane in jpeg.planes]
    written = jpeg.with_planes(planes)
    for plane, back in zip(planes, read(folder / "b.jpg", written).planes, strict=True):
        np.testing.assert_array_equal(plane, back)
    first = data.index(b"\xff\xc4")
    assert written[:first] == data[:first]
    assert BEFORE in written and written.endswith(BEHIND) == data.endswith(BEHIND)
    with Image.open(folder / "b.jpg") as image:
        image.load()


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_jpeg_is_written_as_its_encoder_wrote_it(tmp_path, encoded, way):
    for mode, subsampling in (("RGB", "4:2:0"), ("RGB", "4:2:2"), ("L", "4:4:4")):
        for size in ((61, 75), (9, 17), (1, 1)):
            check_written(tmp_path, encoded(*size, mode, subsampling=subsampling, **way))


@pytest.mark.parametrize("factors", FACTORS, ids=str)
def test_any_sampling_and_any_scans(monkeypatch, tmp_path, encoded, factors):
    """As ffmpeg, cameras and webcams write them; kernels code them as NumPy does."""
    for scans, interval in product(SCANS, (0, 1)):
        data = sampled(encoded(), factors, scans, interval)
        check_written(tmp_path, data)
        jpeg = read(tmp_path / "a.jpg", data)
        planes = [plane[::-1, ::-1] for plane in jpeg.planes]
        both(lambda jpeg=jpeg, planes=planes: np.frombuffer(jpeg.with_planes(planes), np.uint8))


BYTES_TOO_MANY = {
    "zeros before its end": lambda data: data[:-2] + bytes(32) + data[-2:],
    "a restart marker too many": lambda data: data[:-2] + b"\xff\xd3" + data[-2:],
    "something between segments": lambda data: changed(data, b"\xff\xdb", b"\0 junk \xff\0\xff\xdb"),
    "fill bytes": lambda data: changed(data, b"\xff\xdb", b"\xff\xff\xff\xdb"),
    "a hundred segments": lambda data: changed(data, b"\xff\xdb", b"\xff\xed\0\x04me" * 100 + b"\xff\xdb"),
    "a later JFIF": lambda data: changed(data, b"\xff\xe0\0\x10JFIF\0\1", b"\xff\xe0\0\x10JFIF\0\3"),
}


@pytest.mark.parametrize("more", BYTES_TOO_MANY.values(), ids=BYTES_TOO_MANY)
def test_bytes_too_many_stay_without_a_word(tmp_path, encoded, capfd, more):
    for way in WAYS:
        data = more(encoded(exif=b"", **way).removesuffix(BEHIND)) + BEHIND
        jpeg = read(tmp_path / "a.jpg", data)
        assert jpeg.with_planes(jpeg.planes) == data
    assert capfd.readouterr() == ("", "")


def by_script(data: bytes) -> bytes:
    """A baseline JPEG of chroma of full size, with the segments and the end that jpeg-js gives it."""
    file = parse_jpeg(data, "a JPEG")
    tables = b"".join(table.content for _, _, own in file.huffman_segments for table in own)
    steps = b"".join(bytes([number, *own]) for number, own in file.quantisation.items())
    (frame,) = (data[start:end] for start, end in file.parts if data[start + 1] == 0xC0)
    (scan,) = file.scans
    parts = segment(0xDB, steps), frame, segment(0xC4, tables), data[data.index(b"\xff\xda") : scan.end]
    more = b"" if bits_left(data) else b"\xff\0"
    return b"".join((b"\xff\xd8", segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"), *parts, more, b"\xff\xd9"))


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content


def bits_left(data: bytes) -> int:
    """Bits that are left in the last byte of a baseline JPEG whose chroma has full size, by decoding it."""
    file = parse_jpeg(data, "a JPEG")
    (scan,) = file.scans
    plain = data[scan.start : scan.end].replace(b"\xff\0", b"\xff")
    bits, at = "".join(f"{byte:08b}" for byte in plain), 0
    symbols = {key: codes_of(table) for key, table in scan.tables.items()}
    rows, cols = file.blocks(file.components[0])
    for number in range(3 * rows * cols):
        component, coefficient = number % 3, 0
        while coefficient < 64:
            table = symbols[scan.dc[component] if coefficient == 0 else 16 + scan.ac[component]]
            end = next(end for end in range(at + 1, at + 17) if bits[at:end] in table)
            symbol, at = table[bits[at:end]], end
            at += symbol & 15
            coefficient = 64 if symbol == 0 and coefficient else coefficient + 1 + (symbol >> 4)
    return -at % 8


def codes_of(table: HuffmanTable) -> dict[str, int]:
    """The symbol of each code (ITU-T T.81, annex C)."""
    code, symbols, codes = 0, iter(table.symbols), {}
    for length, count in enumerate(table.counts, 1):
        for _ in range(count):
            codes[f"{code:0{length}b}"] = next(symbols)
            code += 1
        code <<= 1
    return codes


def test_a_last_byte_is_filled_up_as_the_encoder_fills_it(tmp_path, encoded):
    """jpeg-js writes one more byte of ones if the last is whole, libjpeg none: other ends would prove a change."""
    seen = set()
    for size in range(16, 48, 2):
        data = encoded(size, 24, subsampling="4:4:4", exif=b"").removesuffix(BEHIND)
        for cover, is_script in ((data, False), (by_script(data), True)):
            jpeg = read(tmp_path / "a.jpg", cover)
            assert jpeg.with_planes(jpeg.planes) == cover
            for bits in range(1, 9):
                planes = [plane.copy() for plane in jpeg.planes]
                planes[0][0, 0, 1] = 1 << bits
                changed = jpeg.with_planes(planes)
                left = bits_left(changed)
                assert changed.endswith(b"\xff\0\xff\xd9") == (is_script and not left)
                seen.add((is_script, bits_left(cover) > 0, left > 0))
    assert len(seen) == 8


@pytest.mark.parametrize("sampling", ["yuvj420p", "yuvj422p", "yuvj444p", "grey of two by two"])
def test_blocks_that_only_fill_up_stay(tmp_path, picture, encoded, sampling):
    """As ffmpeg writes them; a grey JPEG has none."""
    if sampling.startswith("grey"):
        data = bytearray(encoded(mode="L"))
        data[data.index(b"\xff\xc0") + 11] = 0x22
    else:
        coder = av.CodecContext.create("mjpeg", "w")
        coder.height, coder.width, coder.pix_fmt, coder.time_base = 65, 81, sampling, Fraction(1, 25)
        frame = av.VideoFrame.from_ndarray(picture(65, 81), format="rgb24").reformat(format=sampling)
        frame.pts = 0
        data = b"".join(map(bytes, (*coder.encode(frame), *coder.encode(None))))
    jpeg = read(tmp_path / "a.jpg", bytes(data))
    assert jpeg.with_planes(jpeg.planes) == data


def test_a_table_without_a_code_is_made_anew(tmp_path):
    """That of a flat picture has a single code."""
    Image.new("L", (16, 16), 100).save(tmp_path / "a.jpg", optimize=True)
    jpeg = read_jpeg(tmp_path / "a.jpg")
    plane = np.arange(-128, 128).reshape(2, 2, 64).astype(np.int16)
    assert np.array_equal(read(tmp_path / "b.jpg", jpeg.with_planes([plane])).planes[0], plane)


def test_coefficients_are_those_of_the_pixels(tmp_path, picture):
    """Against the DCT of T.81, A.3.3, written out."""
    pixels = picture(16, 24)[..., 0]
    Image.fromarray(pixels).save(tmp_path / "a.jpg", quality=100)
    jpeg = read_jpeg(tmp_path / "a.jpg")
    places, waves = np.arange(8), np.outer(np.arange(8), 2 * np.arange(8) + 1)
    basis = np.cos(waves * np.pi / 16) * np.where(places, 0.5, np.sqrt(1 / 8))[:, None]
    zigzag = sorted(np.ndindex(8, 8), key=lambda p: (sum(p), p[0] if sum(p) % 2 else p[1]))
    block = basis @ (pixels[8:, 16:].astype(float) - 128) @ basis.T
    assert np.abs([block[place] for place in zigzag] - jpeg.planes[0][1, 2]).max() <= 1


def changed(data: bytes, old: bytes, new: bytes) -> bytes:
    assert old in data
    return data.replace(old, new, 1)


def with_frame(data: bytes, place: int, new: bytes) -> bytes:
    """A JPEG with other bytes at a place of its frame."""
    place += data.index(b"\xff\xc0")
    return data[:place] + new + data[place + len(new) :]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"\x89PNG" + data, "not a JPEG"),
        (lambda data: data[: len(data) // 2].rstrip(BEHIND), "truncated"),
        (lambda data: data[:30], "truncated"),
        (lambda data: data[: data.index(b"\xff\xda")] + b"\xff\xda\0\2\xff\xd9", "truncated"),
        (lambda data: changed(data, b"\xff\xc0", b"\xff\xc9"), "arithmetically coded"),
        (lambda data: changed(data, b"\xff\xc0", b"\xff\xc3"), "is lossless, which is not supported"),
        (
            lambda data: changed(data, b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c"),
            "has 12 bits a sample, which is not supported",
        ),
        (
            lambda data: with_frame(data, 5, bytes(2)),
            "has its height at its end, which is not supported",
        ),  # T.81, B.2.5
        (lambda data: with_frame(data, 5, b"\xff\xff"), "at most 65500 a side"),
        (lambda data: with_frame(data, 11, b"\x52"), "it has no size"),
        (lambda data: changed(data, b"\xff\xda\0\x0c\x03\x01", b"\xff\xda\0\x0c\x03\x09"), "a scan of no component"),
        (lambda data: changed(data, b"\xff\xdb", b"\xff\xd9"), "no picture"),
        (lambda data: data.removesuffix(BEHIND)[:-2] + b"a tail", "truncated"),
        (lambda data: changed(data, b"\xff\xdb", b"\xfe\xdb"), "no table"),
    ],
)
def test_what_is_not_supported_is_said(tmp_path, encoded, damage, message):
    with pytest.raises(MediaError, match=message):
        read(tmp_path / "a.jpg", damage(encoded()))
    if "which is not supported" in message:  # by no decoder of pixels, either
        with pytest.raises(MediaError, match=message) as caught:
            read_picture(tmp_path / "a.jpg")
        assert caught.value.hint == "convert it to an ordinary JPEG or to PNG first"


def test_other_kinds_are_said(tmp_path, encoded):
    """Decoders show a progressive JPEG without its last scan, less sharp; its lowest bits have no place in the file."""
    start = encoded(progressive=True).rpartition(b"\xff\xda")[0]
    for data, message in (
        (start + b"\xff\xd9", "its last scans are missing"),
        (encoded(mode="CMYK"), "CMYK"),
        (encoded(keep_rgb=True, subsampling="4:4:4"), "in RGB"),
    ):
        with pytest.raises(MediaError, match=message):
            read(tmp_path / "a.jpg", data)


def with_tables_first(data: bytes) -> bytes:
    """A JPEG of two pictures, of which the first one's Huffman tables are before the index, and so grow there."""
    index, start, end = data.index(b"MPF\0") + 4, data.index(b"\xff\xc4"), data.index(b"\xff\xda")
    place = data.index(b"\xff\xd8\xff", end) - index
    moved = b"".join((data[:2], data[start:end], data[2:start], data[end:]))
    return changed(moved, place.to_bytes(4, "little"), (place - (end - start)).to_bytes(4, "little"))


@pytest.mark.parametrize("zeros", [False, True])
def test_other_pictures_of_a_file_are_still_found(tmp_path, picture, zeros):
    """Gain maps and second views stand behind the first picture, at a distance that its index has."""
    first, second = (Image.fromarray(picture(64, 96, seed)) for seed in (1, 2))
    first.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[second], optimize=True)
    if zeros:
        (tmp_path / "a.jpg").write_bytes(with_tables_first((tmp_path / "a.jpg").read_bytes()))
    jpeg = read_jpeg(tmp_path / "a.jpg")
    start, end = jpeg.file.index
    assert jpeg.with_planes(jpeg.planes) == jpeg.file.data
    planes = [jpeg.planes[0] // 2 * 2 + 1, *jpeg.planes[1:]]
    (tmp_path / "b.jpg").write_bytes(jpeg.with_planes(planes))
    assert abs((tmp_path / "b.jpg").stat().st_size - len(jpeg.file.data)) > 500
    pictures = []
    for name in "ab":
        with Image.open(tmp_path / f"{name}.jpg") as image:
            assert image.n_frames == 2
            image.seek(1)
            pictures.append(np.asarray(image.convert("RGB")))
    np.testing.assert_array_equal(*pictures)
    entries, counted = (b"\2\xb0\7\0" + size.to_bytes(4, "little") for size in (32, 2))  # pictures, not their bytes
    wrong = read(tmp_path / "c.jpg", changed(jpeg.file.data, entries, counted)).with_planes(planes)
    assert changed(wrong, counted, entries) == jpeg.with_planes(planes)
    damaged = bytearray(jpeg.file.data)
    damaged[start + 8 : end] = bytes(end - start - 8) if zeros else b"\xff" * (end - start - 8)
    after = read(tmp_path / "c.jpg", bytes(damaged)).with_planes(planes)
    assert damaged[start:end] in after


@dataclass(frozen=True)
class Index:
    """Index of two pictures (CIPA DC-007), right in all that programs read of it."""

    order: str = ">"  # of the bytes
    backwards: bool = False  # its tags are
    apart: bool = False  # the version stands behind the tags
    inner: bool = False  # its entries are counted from the tags
    short: bool = False  # the number of pictures has 16 bits
    counted: bool = False  # the number of pictures stands instead of the bytes of its entries

    def pack(self, form: str, *values: Any) -> bytes:
        return struct.pack(self.order + form, *values)

    def between(self, first: bytes, second: bytes, offset: int = 0, longer: int = 0, astray: int = 0) -> bytes:
        """A file of two JPEGs; the offset and length of the first, and the place of the other, may be wrong."""
        directory = 8
        behind = b"0100" * self.apart
        place = directory + 2 + 3 * 12 + 4 + len(behind)
        version = self.pack("I", place - 4) if self.apart else b"0100"
        number = self.pack("HHIHH", 0xB001, 3, 1, 2, 0) if self.short else self.pack("HHII", 0xB001, 4, 1, 2)
        entries = 2 if self.counted else 32, place - (directory if self.inner else 0)
        tags = [self.pack("HHI", 0xB000, 7, 4) + version, number, self.pack("HHII", 0xB002, 7, *entries)]
        start = (b"II" if self.order == "<" else b"MM") + self.pack("HIH", 42, directory, 3)
        start += b"".join(tags[::-1] if self.backwards else tags) + bytes(4) + behind
        length = len(first) + 8 + len(start) + 32
        list_of_pictures = self.pack("IIIHH", 0x20030000, length + longer, offset, 0, 0)
        list_of_pictures += self.pack("IIIHH", 0, len(second), length - 10 + astray, 0, 0)
        content = b"MPF\0" + start + list_of_pictures
        return first[:2] + b"\xff\xe2" + (len(content) + 2).to_bytes(2) + content + first[2:] + second


ODD_INDEXES = [Index(order, *odd) for order in "<>" for odd in product((False, True), repeat=3)]
ODD_INDEXES += [Index(order, short=short, counted=not short) for order in "<>" for short in (False, True)]


@pytest.mark.parametrize("index", ODD_INDEXES, ids=str)
def test_odd_indexes_of_pictures(tmp_path, encoded, index):
    """The length of the first picture changes, and the place of the other; what is wrong stays, and all else."""
    jpegs = [encoded(**options).removesuffix(BEHIND) for options in ({}, {"optimize": True})]
    cases = {  # what is wrong, and which of the two change
        (0, 0, 0): (1, 1),
        (9, -5, 0): (0, 0),  # its first entry is not that of the first picture
        (0, -5, 0): (0, 1),
        (0, 0, 3): (1, 0),
    }
    for wrong, changes in cases.items():
        data = index.between(*jpegs, *wrong)
        jpeg = read(tmp_path / "a.jpg", data)
        out = jpeg.with_planes([jpeg.planes[0] // 2 * 2 + 1, *jpeg.planes[1:]])
        end = jpeg.file.index[1]
        wanted = list(struct.unpack(index.order + "8I", data[end - 32 : end]))
        wanted[1] += changes[0] * (len(out) - len(data))
        wanted[6] += changes[1] * (len(out) - len(data))
        assert len(out) - len(data) > 100
        assert out[:end] == data[: end - 32] + struct.pack(index.order + "8I", *wanted)


def test_an_encoded_picture_is_an_ordinary_file(picture):
    """Tables as libjpeg scales them, baseline, JFIF, and nothing that tells of this program; a profile is kept."""
    shown, errors = picture(40, 56), []
    for full_chroma, sampling, icc in ((False, 2, None), (True, 0, b"any profile")):
        coded = encode_jpeg(shown, 50, full_chroma=full_chroma, icc=icc)
        with Image.open(io.BytesIO(coded)) as image:
            assert (image.format, image.size, image.mode) == ("JPEG", (56, 40), "RGB")
            assert JpegImagePlugin.get_sampling(image) == sampling
            assert image.quantization[0][:4] == [16, 11, 10, 16]
            profile = {"icc_profile"} if icc else set()
            assert image.info.keys() == {"jfif", "jfif_version", "jfif_unit", "jfif_density"} | profile
            assert image.info.get("icc_profile") == icc
            np.testing.assert_array_equal(np.asarray(image), through_jpeg(shown, 50, full_chroma=full_chroma))
        errors.append(psnr(np.asarray(image), shown))
    assert errors[0] < errors[1] < psnr(through_jpeg(shown, 90, full_chroma=True), shown)
