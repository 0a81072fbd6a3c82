"""Scans of JPEGs are decoded as by libjpeg, in jpeglib: sound ones, damaged ones, and none that it refuses."""

import io
import re
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import jpeglib
import numpy as np
import pytest
from PIL import Image

from stegnet import MediaError
from stegnet.image import read_picture
from tests.support.jpegs import FACTORS, SCANS, ZIGZAG, read_jpeg, sampled
from tests.support.kernels import both

REFUSED = "the JPEG is damaged, or of a kind that can't be read"
WAYS: tuple[dict[str, Any], ...] = (
    {},
    {"optimize": True, "quality": 100},
    {"restart_marker_blocks": 1},
    {"progressive": True},
    {"progressive": True, "quality": 100, "restart_marker_blocks": 7},
)


@pytest.fixture
def encoded(picture: Callable[..., np.ndarray]) -> Callable[..., bytes]:
    """Makes a JPEG."""

    def make(height: int = 61, width: int = 75, mode: str = "RGB", **options: object) -> bytes:
        file = io.BytesIO()
        Image.fromarray(picture(height, width)).convert(mode).save(file, "JPEG", **{"quality": 85} | options)
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


@pytest.fixture
def decoded(tmp_path: Path) -> Callable[[bytes], tuple[np.ndarray, ...]]:
    """Reads a JPEG's planes by the compiled kernel, and checks that Python finds the same."""

    def read(data: bytes) -> tuple[np.ndarray, ...]:
        (tmp_path / "a.jpg").write_bytes(data)
        both(lambda: np.concatenate([plane.ravel() for plane in read_jpeg(tmp_path / "a.jpg").planes]))
        return read_jpeg(tmp_path / "a.jpg").planes

    return read


def assert_same(planes: tuple[np.ndarray, ...], others: list[np.ndarray]) -> None:
    for plane, other in zip(planes, others, strict=True):
        np.testing.assert_array_equal(plane, other)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_coefficients_are_those_of_libjpeg(encoded, decoded, libjpeg, way):
    kinds = [("RGB", sampling) for sampling in ("4:4:4", "4:2:2", "4:2:0")]
    for (mode, subsampling), size in product([*kinds, ("L", "4:4:4")], [(61, 75), (9, 17), (1, 1)]):
        data = encoded(*size, mode, subsampling=subsampling, **way)
        assert_same(decoded(data), libjpeg(data))


@pytest.mark.parametrize("factors", FACTORS, ids=str)
def test_any_sampling_and_any_scans_are_those_of_libjpeg(encoded, decoded, libjpeg, factors):
    for scans, interval in product(SCANS, (0, 1, 3)):
        data = sampled(encoded(subsampling="4:2:0"), factors, scans, interval)
        assert_same(decoded(data), libjpeg(data))


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
    random, data, read = np.random.default_rng(0), encoded(32, 40, **way), 0
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


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


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
        read_jpeg(written(tmp_path / "a.jpg", data))
    assert caught.value.hint == "convert it to an ordinary JPEG or to PNG first"
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
    assert read_picture(written(tmp_path / "a.jpg", most)).ndim == 3
    for read in (read_jpeg, read_picture):
        with pytest.raises(MediaError, match="more than 32 scans: too slow to read"):
            read(written(tmp_path / "a.jpg", more))


PROGRAM = """
import os, sys, threading
from pathlib import Path
from stegnet import MediaError
from stegnet.image.jpeg_coefficients import read_jpeg

def read():
    for _ in range(30):
        for path in sys.argv[2:]:
            try:
                read_jpeg(Path(path))
            except MediaError:
                pass

reader, count = threading.Thread(target=read), 0
reader.start()
while count < 100 or reader.is_alive():
    for descriptor in (1, 2):
        os.write(descriptor, b"line %d\\n" % count)
    count += 1
Path(sys.argv[1]).write_text(str(count))
"""


def test_what_other_threads_write_arrives(tmp_path, encoded):
    """On standard output and standard error of the process, and nothing else does: no word of a decoder."""
    data = encoded(200, 300)
    files = data, data[: len(data) // 2] + b"\xff\xd9", with_scan(data, 0, 2, 0x22)  # the last one is refused
    paths = [written(tmp_path / f"{number}.jpg", each) for number, each in enumerate(files)]
    command = [sys.executable, "-c", PROGRAM, tmp_path / "count", *paths]
    done = subprocess.run(command, capture_output=True, check=True)
    lines = [b"line %d" % number for number in range(int((tmp_path / "count").read_text()))]
    assert done.stdout.splitlines() == lines
    assert done.stderr.splitlines() == lines
