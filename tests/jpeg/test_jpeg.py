"""JPEGs by their coefficients: read as libjpeg reads them, damaged or not; what is not changed stays, byte for byte."""

import io
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import av
import jpeglib
import numpy as np
import pytest
from PIL import Image

from stegnet import MediaError
from stegnet.core.pixels import ZIGZAG, encode_jpeg, through_jpeg
from stegnet.image import read_picture
from stegnet.jpeg.markers import HuffmanTable, parse_jpeg
from stegnet.jpeg.scan_encoder import scan_symbols
from tests.support.jpegs import JpegPicture, read_jpeg
from tests.support.kernels import both

WAYS: tuple[dict[str, Any], ...] = (
    {},
    {"optimize": True, "quality": 100},
    {"restart_marker_blocks": 1},
    {"restart_marker_rows": 1, "optimize": True},
    {"progressive": True},
    {"progressive": True, "quality": 100, "restart_marker_blocks": 3},
)
FACTORS = [((4, 1), (1, 1), (1, 1)), ((1, 2), (1, 1), (1, 1)), ((2, 2), (1, 2), (1, 2)), ((2, 2), (2, 1), (1, 2))]
SCANS = [((0, 1, 2),), ((0,), (1,), (2,)), ((0,), (1, 2))]
BEFORE, BEHIND = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0", b"\xff\xd8\xff a film that a phone appended \xff\xd9"
REFUSED = "the JPEG is damaged, or of a kind that can't be read"
HINT = "convert it to an ordinary JPEG or to PNG first"


@pytest.fixture
def encoded(picture: Callable[..., np.ndarray]) -> Callable[..., bytes]:
    """Makes a JPEG with metadata."""

    def make(height: int = 61, width: int = 75, mode: str = "RGB", **options: object) -> bytes:
        options = {"quality": 85, "subsampling": "4:2:0", "exif": BEFORE} | options
        Image.fromarray(picture(height, width)).convert(mode).save(file := io.BytesIO(), "JPEG", **options)
        return file.getvalue()

    return make


@pytest.fixture
def libjpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], list[np.ndarray]]:
    """Reads a JPEG's planes by libjpeg; raises OSError if it refuses it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # where jpeglib leaves what it could not read

    def read(data: bytes) -> list[np.ndarray]:
        (tmp_path / "libjpeg.jpg").write_bytes(data)
        found = jpeglib.read_dct(str(tmp_path / "libjpeg.jpg"))
        found.load()
        planes = [plane for plane in (found.Y, found.Cb, found.Cr) if plane is not None]
        return [plane.reshape(*plane.shape[:2], 64)[..., ZIGZAG] for plane in planes]

    return read


@pytest.mark.parametrize("options", WAYS)
def test_tables_of_the_standard_are_known(
    options: dict[str, Any], encoded: Callable[..., bytes], tmp_path: Path
) -> None:
    """Tables that an encoder optimised for its picture are told from those that libjpeg takes from the standard."""
    (tmp_path / "a.jpg").write_bytes(encoded(**options))
    is_optimised = "optimize" in options or "progressive" in options
    assert read_jpeg(tmp_path / "a.jpg").has_optimised_tables == is_optimised


def read(path: Path, data: bytes) -> JpegPicture:
    path.write_bytes(data)
    return read_jpeg(path)


@pytest.fixture
def decoded(tmp_path: Path) -> Callable[[bytes], tuple[np.ndarray, ...]]:
    """Reads a JPEG's planes by the compiled kernel, and checks that Python finds the same."""

    def planes(data: bytes) -> tuple[np.ndarray, ...]:
        both(lambda: np.concatenate([plane.ravel() for plane in read(tmp_path / "a.jpg", data).planes]))
        return read_jpeg(tmp_path / "a.jpg").planes

    return planes


def assert_same(planes: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> None:
    for plane, other in zip(planes, others, strict=True):
        np.testing.assert_array_equal(plane, other)


def coded_alike(jpeg: JpegPicture, planes: Sequence[np.ndarray]) -> bytes:
    """Writes other coefficients by the compiled kernel, and checks that Python writes the same."""
    both(lambda: np.frombuffer(jpeg.with_planes(planes), np.uint8))
    return jpeg.with_planes(planes)


@pytest.fixture
def check(
    tmp_path: Path, decoded: Callable[[bytes], tuple[np.ndarray, ...]], libjpeg: Callable[[bytes], list[np.ndarray]]
) -> Callable[[bytes], None]:
    """Checks that a JPEG's coefficients are libjpeg's, that they are written back to its bytes, and so are others.

    These are long runs of zeros, the largest values, and symbols that need other tables; all but them and tables that
    were made for them stays.
    """

    def compare(data: bytes) -> None:
        assert_same(decoded(data), libjpeg(data))
        jpeg, random = read(tmp_path / "a.jpg", data), np.random.default_rng(0)
        assert jpeg.with_planes(jpeg.planes) == data
        first = data.index(b"\xff\xc4")
        for highest, share in ((1, 0.5), (1023, 0.02), (1023, 1.0)):
            planes = [random.integers(-highest, highest + 1, plane.shape, np.int16) for plane in jpeg.planes]
            for plane in planes:
                plane[random.random(plane.shape) >= share] = 0
            written = coded_alike(jpeg, planes)
            assert_same(planes, libjpeg(written))
            assert_same(planes, read(tmp_path / "b.jpg", written).planes)
            assert (written[:first], written.endswith(BEHIND)) == (data[:first], data.endswith(BEHIND))

    return compare


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0", "grey"])
def test_coefficients_are_those_of_libjpeg_and_written_as_its_encoder_wrote_them(encoded, check, way, subsampling):
    mode, sampling = ("L", "4:4:4") if subsampling == "grey" else ("RGB", subsampling)
    for size in ((61, 75), (9, 17), (1, 1)):
        check(encoded(*size, mode, subsampling=sampling, **way) + BEHIND)


def sampled(
    data: bytes, factors: tuple[tuple[int, int], ...], scans: tuple[tuple[int, ...], ...], interval: int
) -> bytes:
    """A baseline JPEG with the head of another, other sampling factors and scans, and random coefficients."""
    file, random = parse_jpeg(data, "a JPEG"), np.random.default_rng(0)
    head, (usual,) = bytearray(data[: data.index(b"\xff\xda")]), file.scans
    file.components = tuple(
        replace(each, across=across, down=down) for each, (across, down) in zip(file.components, factors, strict=True)
    )
    for place, (across, down) in enumerate(factors):
        head[file.frame + 7 + 3 * place] = across << 4 | down
    planes = [random.integers(-3, 4, (*file.blocks(each), 64)).astype(np.int16) for each in file.components]
    pieces = [bytes(head), b"\xff\xdd\0\4" + interval.to_bytes(2, "big")]
    for own in scans:
        tables = [(usual.dc[place], usual.ac[place]) for place in own]
        pieces.append(b"\xff\xda\0" + bytes([6 + 2 * len(own), len(own)]))
        pieces += [bytes([file.components[place].number, usual.dc[place] << 4 | usual.ac[place]]) for place in own]
        dc, ac = zip(*tables, strict=True)
        scan = replace(usual, components=own, dc=dc, ac=ac, interval=interval)
        pieces += [bytes([0, 63, 0]), scan_symbols(file, scan, planes).coded(usual.tables)]
    return b"".join((*pieces, b"\xff\xd9"))


@pytest.mark.parametrize("factors", FACTORS, ids=str)
def test_any_sampling_and_any_scans(encoded, check, factors):
    """As ffmpeg, cameras and webcams write them."""
    for scans, interval in product(SCANS, (0, 1, 3)):
        check(sampled(encoded(), factors, scans, interval) + BEHIND)


def places_of_data(data: bytes) -> list[int]:
    """Return where the bytes of scans are, up to the next segment."""
    places: list[int] = []
    for found in re.finditer(rb"\xff\xda..", data, re.DOTALL):
        start = found.start() + 2 + int.from_bytes(found[0][2:], "big")
        following = re.search(rb"\xff[^\0\xd0-\xd7]", data[start:])
        assert following
        places += range(start, start + following.start())
    return places


def flipped(data: bytes, random: np.random.Generator) -> bytes:
    """Return a JPEG of which some bits of scans are others."""
    damaged = bytearray(data)
    for place in random.choice(places_of_data(data), 3):
        damaged[place] ^= 1 << random.integers(8)
    return bytes(damaged)


def shortened(data: bytes, random: np.random.Generator) -> bytes:
    """Return a JPEG without some bytes of a scan, such as its last ones."""
    place = random.choice(places_of_data(data))
    return data[:place] + data[place + random.choice([1, 2, 40]) :]


def with_other_markers(data: bytes, random: np.random.Generator) -> bytes:
    """Return a JPEG with a restart marker too many, or with another number."""
    there = [found.start() for found in re.finditer(rb"\xff[\xd0-\xd7]", data)]
    place = random.choice(there or places_of_data(data))
    return data[:place] + bytes([0xFF, 0xD0 + random.integers(8)]) + data[place + 2 * (random.random() < 0.5) :]


@pytest.mark.parametrize("damage", [flipped, shortened, with_other_markers])
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_damaged_scans_are_read_as_by_libjpeg(encoded, decoded, libjpeg, way, damage):
    """Viewers show them as it does, grey where data are missing."""
    random, data, read = np.random.default_rng(0), encoded(32, 40, subsampling="4:2:0", **way), 0
    for _ in range(25):
        damaged = damage(data, random)
        try:
            planes = decoded(damaged)
        except MediaError as error:  # a segment or an end came of it
            assert re.search(f"{REFUSED}|truncated|no picture|height at its end|no component|not supported", str(error))
            continue
        read += 1
        assert_same(planes, libjpeg(damaged))
    assert read > 12


def test_data_that_end_too_early_leave_zeros(encoded, decoded):
    """A file that was cut off, and then ended, shows what there was: of luma nearly a half."""
    data = encoded(160, 160, "L")
    (whole,), (half,) = decoded(data), decoded(data[: len(data) // 2] + b"\xff\xd9")
    missing = (whole != half).any(2).ravel().argmax()
    assert 100 < missing < 300
    assert not half.reshape(-1, 64)[missing + 1 :].any()


def changed(data: bytes, old: bytes, new: bytes) -> bytes:
    assert old in data
    return data.replace(old, new, 1)


def with_segment(data: bytes, marker: int, content: bytes) -> bytes:
    """Return a JPEG with another segment before its first scan."""
    length = (len(content) + 2).to_bytes(2, "big")
    return changed(data, b"\xff\xda", bytes([0xFF, marker]) + length + content + b"\xff\xda")


def lengthened(data: bytes, marker: int) -> bytes:
    """Return a JPEG whose first segment of a kind has a byte more."""
    start = data.index(bytes([0xFF, marker])) + 2
    length = int.from_bytes(data[start : start + 2], "big")
    end = start + length
    return data[:start] + (length + 1).to_bytes(2, "big") + data[start + 2 : end] + b"\0" + data[end:]


def moved_to_end(data: bytes, begin: bytes, length: int) -> bytes:
    """Return a JPEG of which a segment stands before its end."""
    start = data.index(begin)
    return data[:start] + data[start + length : -2] + data[start : start + length] + data[-2:]


def with_scan(data: bytes, number: int, place: int, new: int) -> bytes:
    """Return a JPEG of which a byte in the header of a scan, counted from its components' number, is another."""
    starts = [found.start() for found in re.finditer(b"\xff\xda", data)]
    at = starts[number] + 4 + place
    return data[:at] + bytes([new]) + data[at + 1 :]


def with_sampling(data: bytes, *factors: int) -> bytes:
    """Return a JPEG whose components claim other sampling factors."""
    start = data.index(b"\xff\xc0") + 11
    for component, both_ways in enumerate(factors):
        place = start + 3 * component
        data = data[:place] + bytes([both_ways]) + data[place + 1 :]
    return data


SEQUENTIAL = {
    "an unknown segment": lambda data: with_segment(data, 0xF3, b""),
    "a frame of another length": lambda data: lengthened(data, 0xC0),
    "two frames": lambda data: changed(data, b"\xff\xda", data[data.index(b"\xff\xc0") :][:19] + b"\xff\xda"),
    "a scan's header of another length": lambda data: lengthened(data, 0xDA),
    "a restart interval of another length": lambda data: with_segment(data, 0xDD, bytes(3)),
    "a quantisation table of another length": lambda data: with_segment(data, 0xDB, b"\0\1"),
    "a quantisation table of no number": lambda data: with_segment(data, 0xDB, b"\4" + bytes(64)),
    "a quantisation table behind its scan": lambda data: moved_to_end(data, b"\xff\xdb\0\x43\1", 69),
    "a Huffman table of no number": lambda data: with_segment(data, 0xC4, b"\4" + bytes(16)),
    "a Huffman table of another length": lambda data: with_segment(data, 0xC4, b"\3" + bytes(16) + b"\3" + bytes(15)),
    "a Huffman table of 257 codes": lambda data: with_segment(data, 0xC4, b"\3" + bytes(14) + b"\2\xff" + bytes(257)),
    "no Huffman table": lambda data: with_scan(data, 0, 2, 0x22),
    "codes that are too many": lambda data: changed(data, b"\xff\xc4\0\x1f\0\0\1", b"\xff\xc4\0\x1f\0\2\1"),
    "a code of ones alone": lambda data: changed(data, b"\0\1\5\1\1\1\1\1\1\0\0", b"\1" * 10 + b"\2"),
    "a size of DC that there is not": lambda data: changed(data, bytes(range(12)), bytes([*range(11), 16])),
    "two scans of all components": lambda data: data[:-2] + data[data.index(b"\xff\xda") :],
    "a component twice": lambda data: with_scan(data, 0, 3, 1),
    "samples of no whole number": lambda data: with_sampling(data, 0x31, 0x21, 0x11),
    "an MCU of eleven blocks": lambda data: with_sampling(data, 0x42, 0x12, 0x11),
}
PROGRESSIVE = {
    "a scan of no component": lambda data: data[:-2] + b"\xff\xda\0\6\0\0\0\0" + data[-2:],
    "DC and AC in one scan": lambda data: with_scan(data, 6, 8, 5),
    "AC from no coefficient on": lambda data: with_scan(data, 1, 3, 70),
    "AC from behind its end": lambda data: with_scan(data, 1, 3, 9),
    "a bit that no sample has": lambda data: with_scan(data, 0, 9, 0x0E),
    "a refinement of two bits": lambda data: with_scan(data, 6, 9, 0x20),
    "no table for AC": lambda data: with_scan(data, 1, 2, 3),
}


@pytest.mark.parametrize(
    ("damage", "options"),
    [*((each, {}) for each in SEQUENTIAL.values()), *((each, {"progressive": True}) for each in PROGRESSIVE.values())],
    ids=[*SEQUENTIAL, *PROGRESSIVE],
)
def test_what_libjpeg_refuses_is_refused_in_one_line(tmp_path, encoded, libjpeg, damage, options):
    """Even libjpeg 6b takes a component twice, which no later version does."""
    data = damage(encoded(**options))
    with pytest.raises(MediaError, match=f"a.jpg: {REFUSED}$") as caught:
        read(tmp_path / "a.jpg", data)
    assert caught.value.hint == HINT
    if damage is not SEQUENTIAL["a component twice"]:
        with pytest.raises(OSError, match="failed"):
            libjpeg(data)


def test_scans_are_counted_before_they_are_decoded(tmp_path, encoded, decoded, libjpeg):
    """Thousands of them, each over all of the picture, fit into a file of some kilobytes; in a comment is none."""
    whole = encoded(progressive=True, comment=b"\xff\xd8\xff\xda\xff\xd9")
    start, marker, last = whole.rpartition(b"\xff\xda")
    missing = 33 - start.count(marker)
    most, more = (start + (marker + last[:-2]) * (missing + extra) + last[-2:] + marker * 99 for extra in (0, 1))
    assert_same(decoded(most), libjpeg(most))
    assert read_picture(tmp_path / "a.jpg").ndim == 3
    (tmp_path / "a.jpg").write_bytes(more)
    for reader in (read_jpeg, read_picture):
        with pytest.raises(MediaError, match="more than 32 scans: too slow to read"):
            reader(tmp_path / "a.jpg")


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
        data = more(encoded(exif=b"", **way)) + BEHIND
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
        data = encoded(size, 24, subsampling="4:4:4", exif=b"")
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


def with_frame(data: bytes, place: int, new: bytes) -> bytes:
    """A JPEG with other bytes at a place of its frame."""
    place += data.index(b"\xff\xc0")
    return data[:place] + new + data[place + len(new) :]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"\x89PNG" + data, "not a JPEG"),
        (lambda data: data[: len(data) // 2], "truncated"),
        (lambda data: data[:30], "truncated"),
        (lambda data: data[: data.index(b"\xff\xda")] + b"\xff\xda\0\2\xff\xd9", "truncated"),
        (lambda data: changed(data, b"\xff\xc0", b"\xff\xc9"), "arithmetically coded"),
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
        (lambda data: data[:-2] + b"a tail", "truncated"),
        (lambda data: changed(data, b"\xff\xdb", b"\xfe\xdb"), "no table"),
    ],
)
def test_what_is_not_supported_is_said(tmp_path, encoded, damage, message):
    with pytest.raises(MediaError, match=message):
        read(tmp_path / "a.jpg", damage(encoded()))
    if "which is not supported" in message:  # by no decoder of pixels, either
        with pytest.raises(MediaError, match=message) as caught:
            read_picture(tmp_path / "a.jpg")
        assert caught.value.hint == HINT


def test_other_kinds_are_said(tmp_path, encoded):
    """Decoders show a progressive JPEG without its last scan, less sharp; its lowest bits have no place in the file."""
    start = encoded(progressive=True).rpartition(b"\xff\xda")[0]
    for data, message in (
        (start + b"\xff\xd9", "lacks its last scans"),
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
    jpegs = [encoded(**options) for options in ({}, {"optimize": True})]
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
    """As libjpeg writes it, with nothing that tells of this program; a profile is kept."""
    shown = picture(40, 56)
    for full_chroma, sampling, icc in ((False, "4:2:0", None), (True, "4:4:4", b"any profile")):
        image = Image.fromarray(shown)
        image.save(file := io.BytesIO(), "JPEG", quality=50, subsampling=sampling, icc_profile=icc)
        assert encode_jpeg(shown, 50, full_chroma=full_chroma, icc=icc) == file.getvalue()
        np.testing.assert_array_equal(Image.open(file), through_jpeg(shown, 50, full_chroma=full_chroma))
