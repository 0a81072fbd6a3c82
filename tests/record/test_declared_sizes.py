"""Containers of a sender who knows the key, and who declares pictures of any size: refused before they are decoded."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import stegnet
from stegnet.core.pixels import CODED, MEANS
from stegnet.formats.boxes import box
from stegnet.image.avif import BareCoder, as_file, decode_avif, decode_bare, encode_avif
from stegnet.keys import FILM_ID_BYTES, KeyRing
from stegnet.methods.robust import RobustPicture, parse_content
from stegnet.methods.robust.robust_content import FittedPicture
from stegnet.record import Header, Pictures, Record, format_record, read_record
from stegnet.record.base import decode_base
from tests.support.memory import memory_limited
from tests.support.sealing import KEY, sealed

SIDE = 640  # of a container: 67 megapixels are the most that it may declare
HUGE = 8200, 8200
WIDE = 64, 1 << 20  # which would be resized by way of 671 megapixels
LEVEL = bytes([40])  # gain of a base
QUICK = BareCoder.quick(10)


@pytest.fixture(scope="module")
def cover(picture) -> NDArray[np.uint8]:
    made: NDArray[np.uint8] = picture(SIDE, SIDE, 1)
    return made


def hidden_by_pair(height: int, width: int, kind: str = "picture", **more: Any) -> Record:
    """Return the record of a picture or film with means of zeros as its base."""
    one = Fraction(1)
    secret = Pictures(width, height, 1, one, one, MEANS, 8, "00" * 32, **more)
    means = LEVEL + b"x\xda" + bytes(8)  # never unpacked
    return Record(Header(bytes(FILM_ID_BYTES), kind, 1, secret), 0, base=means)


def robust(height: int, width: int, depth: int = 8, scale: int = 32) -> bytes:
    small = np.zeros((max(1, round(height * 2 ** (-scale / 4))), max(1, round(width * 2 ** (-scale / 4))), 3), np.uint8)
    return FittedPicture(height, width, scale, depth, QUICK.encode(small, 20), 40.0).content


@pytest.mark.parametrize(
    "record",
    [
        hidden_by_pair(*HUGE),
        hidden_by_pair(*WIDE),
        hidden_by_pair(*HUGE, kind="film"),
        hidden_by_pair(*HUGE, kind="film", aspect=Fraction(4, 3)),
    ],
    ids=["picture", "a wide picture", "film", "anamorphic film"],
)
def test_a_record_that_declares_far_too_much_opens_nothing(cover, record, monkeypatch):
    monkeypatch.setattr("stegnet.record.base.decode_base", lambda *_: pytest.fail("it was decoded"))
    assert read_record(sealed(cover, format_record(record, bytes(16))), KeyRing(KEY), first=True).record is None


@pytest.mark.parametrize("depth", [8, 10])
def test_a_robust_record_that_declares_far_too_much_is_none(depth):
    with memory_limited(64 << 20), pytest.raises(ValueError, match="far too large"):
        parse_content(robust(*HUGE, depth), SIDE**2)


def test_what_the_free_memory_can_not_hold_is_refused_with_a_reason(cover, monkeypatch):
    monkeypatch.setattr("stegnet.core.pixels.free_memory", lambda: 150_000_000)
    told = "the hidden picture has 5000×4000 pixels, which take 0.2 GB of memory"
    for call in (stegnet.info, stegnet.reveal):
        with pytest.raises(stegnet.MediaError, match=told) as caught:
            call(sealed(cover, format_record(hidden_by_pair(4000, 5000), bytes(16))), key=KEY)
        assert caught.value.hint == "0.1 GB are free: close other programs"
    with pytest.raises(stegnet.MediaError, match=told):
        parse_content(robust(4000, 5000), SIDE**2)


def test_a_file_of_a_picture_that_the_free_memory_can_not_hold_is_refused(tmp_path, cover, monkeypatch):
    Image.new("L", (5000, 4000)).save(tmp_path / "page.png")
    stegnet.hide(cover, tmp_path / "page.png", tmp_path / "sent.png", key=KEY)
    monkeypatch.setattr("stegnet.core.pixels.free_memory", lambda: 150_000_000)
    with pytest.raises(stegnet.MediaError, match=r"the picture has 5000×4000 pixels, which take 0\.2 GB"):
        stegnet.reveal(tmp_path / "sent.png", tmp_path / "page.jpg", key=KEY)
    assert not (tmp_path / "page.jpg").exists()
    stegnet.reveal(tmp_path / "sent.png", tmp_path / "back.png", key=KEY)
    assert (tmp_path / "back.png").read_bytes() == (tmp_path / "page.png").read_bytes()


def test_a_picture_much_larger_than_its_container_comes_back():
    found = parse_content(robust(1500, 2000, scale=24), 64 * 64)
    assert isinstance(found, RobustPicture)
    assert found.decoded().shape == (1500, 2000, 3)


DATA = QUICK.encode(np.zeros((64, 96, 3), np.uint8), 20)  # temporal delimiter, sequence header, frame
OF_8192 = bytes.fromhex("0a0a3ff33ffffffe1010d069")  # sequence header of 8192×8192 pixels, as libaom writes it


def sequence_header(data: bytes) -> bytes:
    return data[2 : 2 + 2 + data[3]]


SAYING_OTHERWISE = {
    "a larger frame": DATA[:2] + OF_8192 + DATA[2 + len(sequence_header(DATA)) :],
    "a larger frame after the first header": DATA[:2] + sequence_header(DATA) + OF_8192 + DATA[13:],
    "two frames": DATA + DATA[2 + len(sequence_header(DATA)) :],
    "no header": DATA[2 + len(sequence_header(DATA)) :],
    "no frame": DATA[: 2 + len(sequence_header(DATA))],
    "a unit of no size": DATA[:2] + b"\x0a" + b"\xff" * 9,
    "nothing": b"",
}


@pytest.mark.parametrize("data", SAYING_OTHERWISE.values(), ids=SAYING_OTHERWISE)
def test_av1_data_must_declare_the_size_itself(data):
    """Decoders believe it, whatever the boxes say, and scale what they have decoded."""
    assert decode_bare(DATA, 64, 96, 8).shape == (64, 96, 3)
    with memory_limited(64 << 20):
        with pytest.raises(ValueError, match="not an AVIF picture of this size"):
            decode_bare(data, 64, 96, 8)
        with pytest.raises(ValueError, match="not a base"):
            decode_base(LEVEL + as_file(data, 64, 96, 8), CODED, 64, 96)
        with pytest.raises(ValueError, match="not an AVIF picture of this size"):
            parse_content(FittedPicture(64, 96, 0, 8, data or b"-", 40.0).content, 64 * 96)


def test_an_avif_file_must_be_one_picture():
    file = encode_avif(np.zeros((64, 96, 3), np.uint8), 20)
    assert decode_avif(file, 64, 96).shape == (64, 96, 3)
    places = file.index(b"iloc")
    several = file[: places + 11] + b"\2" + file[places + 12 :]
    items = file.index(b"iinf")
    derived = file[: items + 9] + b"\2" + file[items + 10 :]
    for strange in (several, derived, file + box(b"moov"), file.replace(b"meta", b"free"), file + file, file[:40]):
        with pytest.raises(ValueError):
            decode_avif(strange, 64, 96)
