"""Files with far more bytes than their pictures, and pictures of one column: neither takes much memory nor time."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import stegnet
from stegnet import Key, MediaError
from stegnet.core.pixels import is_grey
from stegnet.image.jpeg_coefficients import read_jpeg
from stegnet.image.pictures import read_picture
from tests.support.memory import memory_limited

KEY = Key(bytes(range(32)))
MOST_MEMORY = 600 << 20
LARGE = 315_000_000  # bytes of a chunk
BEHIND = 3 << 30  # zeros that no disk has to hold


def lengthened(path: Path, more: int = BEHIND) -> Path:
    os.truncate(path, path.stat().st_size + more)
    return path


@pytest.fixture
def jpeg(tmp_path: Path, picture) -> bytes:
    Image.fromarray(picture(96, 128)).save(tmp_path / "whole.jpg", quality=90)
    return (tmp_path / "whole.jpg").read_bytes()


def with_segments(data: bytes, path: Path) -> None:
    """Writes a JPEG with so many segments of metadata, as long as they may be, which hold nothing but zeros."""
    with path.open("wb") as file:
        file.write(data[:2])
        for _ in range(6000):
            file.write(b"\xff\xe5\xff\xff")
            file.seek(0xFFFD, os.SEEK_CUR)
        file.write(data[2:])


def with_junk(data: bytes, path: Path) -> None:
    """Writes a JPEG with zeros before its first scan."""
    at = data.index(b"\xff\xda")
    with path.open("wb") as file:
        file.write(data[:at])
        file.seek(BEHIND, os.SEEK_CUR)
        file.write(data[at:])


MAKERS = {
    "behind its end": lambda data, path: lengthened(path) if path.write_bytes(data) else None,
    "instead of its end": lambda data, path: lengthened(path) if path.write_bytes(data[:-2]) else None,
    "instead of its frame": lambda data, path: lengthened(path) if path.write_bytes(data[:20]) else None,
    "in its metadata": with_segments,
    "before its scan": with_junk,
}


@pytest.mark.slow
@pytest.mark.parametrize("where", MAKERS)
def test_a_jpeg_with_gigabytes_beside_its_picture_is_refused(where, jpeg, tmp_path):
    path, note = tmp_path / "a.jpg", tmp_path / "note.txt"
    MAKERS[where](jpeg, path)
    note.write_text("see you at nine", "utf-8")
    with memory_limited(MOST_MEMORY):
        for read in (
            stegnet.info,
            read_picture,
            read_jpeg,
            lambda path: stegnet.hide(path, note, tmp_path / "b.jpg", key=KEY),
            lambda path: stegnet.hide(path, note, tmp_path / "b.png", key=KEY),
            lambda path: stegnet.reveal(path, key=KEY),
        ):
            with pytest.raises(MediaError, match=r"the JPEG has [\d.]+ [MG]B beside its picture: too many to keep"):
                read(path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.jpg", "note.txt", "whole.jpg"]


def test_what_a_phone_appends_is_kept(jpeg, tmp_path):
    """A film of some megabytes."""
    film = np.random.default_rng(0).bytes(24 << 20)
    path, note, sent = tmp_path / "a.jpg", tmp_path / "note.txt", tmp_path / "sent.jpg"
    path.write_bytes(jpeg + film)
    note.write_text("see you at nine", "utf-8")
    with memory_limited(MOST_MEMORY):
        stegnet.hide(path, note, sent, key=KEY)
        assert stegnet.reveal(sent, key=KEY).text == "see you at nine"
    assert sent.read_bytes().endswith(jpeg[-2:] + film)


@pytest.mark.parametrize("suffix", ["webp", "avif"])
def test_a_picture_that_would_be_read_whole_is_refused(suffix, picture, tmp_path):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(picture(96, 128)).save(path)
    lengthened(path)
    with memory_limited(MOST_MEMORY):
        for read in (stegnet.info, read_picture, lambda path: stegnet.reveal(path, key=KEY)):
            with pytest.raises(MediaError, match=r"the picture's file has 3\.22 GB: too large to read"):
                read(path)


@pytest.mark.parametrize("before", [b"IDAT", b"IEND"])
@pytest.mark.parametrize("name", [b"tEXt", b"eXIf", b"prVt"])
def test_a_png_with_a_large_chunk_beside_its_picture_is_refused(name, before, picture, tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(picture(96, 128)).save(path)
    data = path.read_bytes()
    at = data.index(before) - 4
    with path.open("wb") as file:
        file.write(data[:at] + LARGE.to_bytes(4, "big") + name)
        file.seek(LARGE + 4, os.SEEK_CUR)
        file.write(data[at:])
    with memory_limited(MOST_MEMORY // 3):
        for read in (stegnet.info, read_picture, lambda path: stegnet.reveal(path, key=KEY)):
            with pytest.raises(MediaError, match="the PNG has 315 MB beside its picture: too many to keep"):
                read(path)


@pytest.mark.parametrize("side", ["height", "width"])
def test_a_picture_too_long_for_a_jpeg(side, tmp_path):
    shape = (65_501, 8) if side == "height" else (8, 65_501)
    Image.fromarray(np.tile(np.arange(251, dtype=np.uint8), 2_100)[: 65_501 * 8].reshape(shape)).save(
        tmp_path / "a.png"
    )
    with pytest.raises(MediaError, match="can't be made JPEG, which has at most 65500 a side") as caught:
        stegnet.hide(tmp_path / "a.png", b"note", tmp_path / "out.jpg", key=KEY)
    assert caught.value.hint == "reduce it first: `resize=65500`"
    assert not (tmp_path / "out.jpg").exists()


@pytest.mark.parametrize("suffix", ["png", "gif", "bmp", "tif"])
def test_what_follows_another_picture_is_not_read(suffix, picture, tmp_path):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(picture(96, 128)).save(path)
    lengthened(path)
    with memory_limited(MOST_MEMORY):
        assert stegnet.info(path)["width"] == 128


@pytest.mark.parametrize("shape", [(1 << 20, 1, 3), (1, 1 << 20, 3), (1 << 17, 8, 3)])
def test_the_work_on_a_picture_does_not_grow_with_its_rows(shape):
    """Counted in calls, of which a million rows would take thousands."""
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    picture = np.zeros(shape, np.uint8)
    sys.setprofile(count)
    try:
        grey = is_grey(picture)
    finally:
        sys.setprofile(None)
    assert grey
    assert calls < 1000
    picture[-1, -1, 2] = 1
    assert not is_grey(picture)
