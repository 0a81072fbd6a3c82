"""Files with far more bytes than their pictures, and pictures of one column: neither takes much memory nor time."""

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import stegnet
from stegnet import Key, MediaError
from stegnet.core.pixels import is_grey
from stegnet.image.pictures import read_picture
from stegnet.jpeg.coefficients import read_jpeg
from tests.support import stills
from tests.support.films import picture
from tests.support.memory import memory_limited

KEY = Key(bytes(range(32)))
MOST_MEMORY = 600 << 20
LARGE = 315_000_000  # bytes of a chunk
BEHIND = 3 << 30  # zeros that no disk has to hold


def saved(form: str) -> bytes:
    return stills.saved(Image.fromarray(picture(96, 128)), form, quality=90)


JPEG = saved("JPEG")


def write(path: Path, before: bytes, zeros: int = BEHIND, behind: bytes = b"") -> None:
    """Writes a file with zeros in the middle or at its end."""
    with path.open("wb") as file:
        file.write(before)
        file.seek(zeros, os.SEEK_CUR)
        file.write(behind)
        file.truncate()


def with_segments(path: Path) -> None:
    """Writes a JPEG with so many segments of metadata, as long as they may be, which hold nothing but zeros."""
    with path.open("wb") as file:
        file.write(JPEG[:2])
        for _ in range(6000):
            file.write(b"\xff\xe5\xff\xff")
            file.seek(0xFFFD, os.SEEK_CUR)
        file.write(JPEG[2:])


def with_chunk(path: Path, name: bytes, before: bytes) -> None:
    """Writes a PNG with a large chunk before another one."""
    data = saved("PNG")
    at = data.index(before) - 4
    write(path, data[:at] + LARGE.to_bytes(4, "big") + name, LARGE + 4, data[at:])


FIRST_SCAN = JPEG.index(b"\xff\xda")
BESIDE = r"the JPEG has [\d.]+ [MG]B beside its picture: too many to keep"
REFUSED: dict[str, tuple[str, Callable[[Path], None], str]] = {  # suffix, what writes it, and the message
    "behind its end": (".jpg", partial(write, before=JPEG), BESIDE),
    "instead of its end": (".jpg", partial(write, before=JPEG[:-2]), BESIDE),
    "instead of its frame": (".jpg", partial(write, before=JPEG[:20]), BESIDE),
    "in its metadata": (".jpg", with_segments, BESIDE),
    "before its scan": (".jpg", partial(write, before=JPEG[:FIRST_SCAN], behind=JPEG[FIRST_SCAN:]), BESIDE),
    **{
        form: (f".{form}", partial(write, before=saved(form)), r"the picture's file has 3\.22 GB: too large to read")
        for form in ("webp", "avif")
    },
    **{
        f"{name!r} before {before!r}": (
            ".png",
            partial(with_chunk, name=name, before=before),
            "the PNG has 315 MB beside its picture: too many to keep",
        )
        for name in (b"tEXt", b"eXIf", b"prVt")
        for before in (b"IDAT", b"IEND")
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("where", REFUSED)
def test_a_file_with_far_more_than_its_picture_is_refused(where, tmp_path):
    suffix, make, message = REFUSED[where]
    make(path := tmp_path / f"a{suffix}")
    readers = [stegnet.info, read_picture, lambda path: stegnet.reveal(path, key=KEY)]
    if suffix == ".jpg":
        hides = (partial(stegnet.hide, secret=b"at nine", to=tmp_path / f"b{out}", key=KEY) for out in (".jpg", ".png"))
        readers += [read_jpeg, *hides]
    with memory_limited(MOST_MEMORY // (3 if suffix == ".png" else 1)):
        for read in readers:
            with pytest.raises(MediaError, match=message):
                read(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("form", ["png", "gif", "bmp", "tiff"])
def test_what_follows_another_picture_is_not_read(form, tmp_path):
    write(tmp_path / f"a.{form}", saved(form))
    with memory_limited(MOST_MEMORY):
        assert stegnet.info(tmp_path / f"a.{form}")["width"] == 128


def test_what_a_phone_appends_is_kept(tmp_path):
    """A film of some megabytes."""
    film = np.random.default_rng(0).bytes(24 << 20)
    (tmp_path / "a.jpg").write_bytes(JPEG + film)
    with memory_limited(MOST_MEMORY):
        stegnet.hide(tmp_path / "a.jpg", b"see you at nine", tmp_path / "sent.jpg", key=KEY)
        assert stegnet.reveal(tmp_path / "sent.jpg", key=KEY).data == b"see you at nine"
    assert (tmp_path / "sent.jpg").read_bytes().endswith(JPEG[-2:] + film)


@pytest.mark.parametrize("shape", [(65_501, 8), (8, 65_501)])
def test_a_picture_too_long_for_a_jpeg(shape, tmp_path):
    Image.fromarray(np.tile(np.arange(251, dtype=np.uint8), 2_100)[: 65_501 * 8].reshape(shape)).save(
        tmp_path / "a.png"
    )
    with pytest.raises(MediaError, match="can't be made JPEG, which has at most 65500 a side") as caught:
        stegnet.hide(tmp_path / "a.png", b"note", tmp_path / "out.jpg", key=KEY)
    assert caught.value.hint == "reduce it first: `resize=65500`"
    assert not (tmp_path / "out.jpg").exists()


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
