"""A picture in a picture, on arrays: what comes back, what is told, and that nothing repeats."""

import random
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stegnet import CapacityError, RevealError
from stegnet.keys import Key, KeyRing, Passphrase
from stegnet.media import read_picture, resize
from stegnet.methods.network import frame, hide_picture, reveal_picture
from stegnet.record import MAX_PIXEL_RATIO, Header, Pictures, Record, format_record, read_record
from stegnet.sealing import frame_salt
from tests.support.sealing import FILM_ID, sealed, zones
from tests.support.tampering import unreadable

VECTORS = Path(__file__).parents[2] / "format" / "vectors"


@pytest.fixture
def hidden(exact, key, picture) -> np.ndarray:
    return hide_picture(exact, picture(64, 96, 1), picture(64, 96, 2), key)


@pytest.fixture
def refusal(exact):
    """The error and hint where nothing is revealed."""

    def run(container: np.ndarray, source) -> tuple[str, str]:
        with pytest.raises(RevealError) as caught:
            reveal_picture(exact, container, source)
        return str(caught.value), caught.value.hint

    return run


def test_a_picture_comes_back(exact, key, picture, five_levels):
    """Exactly at the same size, else resized; the margin is the cover but for sealed bits."""
    for height, width in ((64, 96), (61, 97), (32, 32), (15, 200), (8, 130), (200, 9)):
        cover, secret = picture(height, width, 1), picture(height // 8 * 8, width // 8 * 8, 2)
        before = cover.copy()
        container = hide_picture(exact, cover, secret, key)
        assert container.shape == cover.shape
        np.testing.assert_array_equal(cover, before)
        revealed = reveal_picture(exact, container, key)
        assert revealed.whole
        np.testing.assert_array_equal(revealed.picture, five_levels(secret))
    cover = picture(61, 97, 1)
    for size in ((1, 1), (7, 300), (123, 45), (200, 200)):
        container = hide_picture(exact, cover, picture(*size, 2), key)
        expected = resize(five_levels(resize(picture(*size, 2), 56, 96)), *size)
        np.testing.assert_array_equal(reveal_picture(exact, container, key).picture, expected)
    step = np.abs(container.astype(int) - cover)
    assert max(step[56:].max(), step[:, 96:].max()) == 1
    assert step[:56, :96].max() > 1
    assert 0 < (step[56:] > 0).mean() < 0.2  # with chance, a fourth of the time without a run of lead or MAC


def test_hidden_twice_is_unrelated(exact, key, picture):
    """Another salt, film id, shuffle and places, though the key is the same; but not with the same randomness."""
    pictures = picture(64, 96, 1), picture(64, 96, 2)
    a, b = (hide_picture(exact, *pictures, key) for _ in range(2))
    assert (a % 16 // 3 != b % 16 // 3).mean() > 0.5
    records = [read_record(container, KeyRing(key), first=True).record for container in (a, b)]
    assert records[0].header.film_id != records[1].header.film_id
    assert frame_salt(a) != frame_salt(b)
    a, b = (hide_picture(exact, *pictures, key, random.Random(1).randbytes) for _ in range(2))
    np.testing.assert_array_equal(a, b)


def test_a_record_that_claims_more_pixels_than_its_container_can_hold(exact, key, picture, monkeypatch, refusal):
    """Whoever made it had another program: this one refuses to hide so much, and to make room for it."""
    cover, secret = picture(64, 96), np.zeros((MAX_PIXEL_RATIO, 64 * 96 + 1, 3), np.uint8)
    with pytest.raises(CapacityError, match="too large for its cover: 6145×256 pixels in 96×64"):
        hide_picture(exact, cover, secret, key)
    monkeypatch.setattr(frame, "MAX_PIXEL_RATIO", 1 << 20)
    container = hide_picture(exact, cover, secret, key)
    monkeypatch.undo()
    assert "nothing can be revealed" in refusal(container, key)[0]
    assert reveal_picture(exact, hide_picture(exact, cover, secret[:, :-1], key), key).whole


def test_one_error_for_every_reason(hidden, key, picture, quick_scrypt, refusal):
    broken = hidden.copy()
    broken.reshape(-1)[zones(hidden)["lead"][0]] ^= 1
    unknown = read_picture(VECTORS / "version.png")
    rejected = sealed(hidden, b"no record")
    containers = [picture(64, 96), hidden[:4, :4], hidden[:, ::-1], broken, unreadable(hidden), unknown, rejected]
    cases = [(container, key) for container in (*containers, resize(hidden, 65, 96))]
    cases += [(hidden, Key(bytes(32))), (hidden, Passphrase("x"))]
    assert len({refusal(*case) for case in cases}) == 1


def test_a_frame_of_a_film_is_no_picture(exact, key, picture, refusal):
    one = Fraction(1)
    film = Header(FILM_ID, "film", 1, Pictures(8, 8, 1, one, one, "none", 8, exact.weights))
    container = sealed(picture(64, 96), format_record(Record(film, 0), key))
    assert "no picture" in refusal(container, key)[0]
