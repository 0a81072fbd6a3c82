import random

import numpy as np
import pytest

from stegnet.codec import Key
from stegnet.codec.seal import LEAD_BYTES, UnsealedRecord, read_salt, room, seal, too_small, unseal
from stegnet.core.errors import CapacityError
from tests.codec import by_the_book
from tests.codec.by_the_book import NONCE, SALT, SECRET

SIZES = [(8, 54), (1, 432), (432, 1), (24, 18), (21, 23), (40, 48), (37, 61)]
RECORD = b"What must arrive exact."


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    """All levels, the lowest and the highest often."""
    levels = np.random.default_rng(seed).integers(-64, 320, (height, width, 3))
    return levels.clip(0, 255).astype(np.uint8)


def leaning(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(1).integers(-1, 2, (height, width, 3)).astype(np.int8)


def sealed(
    picture: np.ndarray,
    key: Key,
    record: bytes = RECORD,
    nonce: bytes = NONCE,
    salt: bytes | None = SALT,
    direction=None,
) -> np.ndarray:
    result = picture.copy()
    seal(result, record, key, nonce, salt, direction)
    return result


def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a.astype(int) - b


@pytest.mark.parametrize("salt", [None, SALT])
@pytest.mark.parametrize("direction", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_sealing_is_the_definition(key, size, direction, salt):
    direction = leaning(*size) if direction else None
    written = sealed(noise(*size), key, salt=salt, direction=direction)
    np.testing.assert_array_equal(written, by_the_book.write(noise(*size), RECORD, SECRET, NONCE, salt, direction))


@pytest.mark.parametrize("size", SIZES)
def test_reading_is_the_definition(key, size):
    """What was written by the book can be read, and what was written here can be read by the book."""
    written = by_the_book.write(noise(*size), RECORD, SECRET, NONCE, SALT)
    assert unseal(written, key) == UnsealedRecord(RECORD, True)
    assert by_the_book.read(sealed(noise(*size), key), SECRET) == (RECORD, True)
    assert read_salt(written) == by_the_book.read_salt(written) == SALT


def test_room_is_half_of_the_samples():
    for height in range(1, 40):
        for width in range(1, 60):
            samples = 3 * height * width
            assert room(height, width) == ((samples - 520) // 16 - 16 if samples >= 1296 else -1)


@pytest.mark.parametrize("size", SIZES)
def test_the_room_can_be_filled_to_the_last_byte(key, size):
    record = random.Random(3).randbytes(room(*size))
    written = sealed(noise(*size), key, record)
    assert unseal(written, key) == UnsealedRecord(record, True)
    assert by_the_book.read(written, SECRET) == (record, True)
    assert (written != noise(*size)).mean() < 0.5


@pytest.mark.parametrize("size", SIZES)
def test_one_byte_more_is_refused(key, size):
    before = noise(*size)
    with pytest.raises(CapacityError, match=f"too small: {size[1]}×{size[0]} pixels"):
        sealed(before, key, bytes(room(*size) + 1))


@pytest.mark.parametrize("size", [(1, 1), (1, 431), (7, 61), (20, 21)])
def test_smaller_pictures_hold_nothing(key, size):
    before = noise(*size)
    with pytest.raises(CapacityError):
        seal(before, b"", key, NONCE)
    np.testing.assert_array_equal(before, noise(*size))
    assert unseal(before, key) is None


def test_every_small_picture_can_be_looked_at(key):
    for height in range(1, 26):
        for width in range(1, 26):
            assert unseal(noise(height, width), key) is None
            assert len(read_salt(noise(height, width))) == 16


def test_an_empty_record(key):
    assert unseal(sealed(noise(8, 54), key, b""), key) == UnsealedRecord(b"", True)


@pytest.mark.parametrize("level", [0, 1, 127, 128, 254, 255])
def test_samples_change_by_one_level_and_never_wrap(key, level):
    even = np.full((40, 48, 3), level, np.uint8)
    step = apart(sealed(even, key, bytes(200)), even)
    assert set(np.unique(step)) <= {-1, 0, 1}
    if level in (0, 255):
        assert set(np.unique(step)) == {0, 1 if level == 0 else -1}


def test_samples_step_in_their_rounding_direction(key):
    even, ways = np.full((40, 48, 3), 128, np.uint8), leaning(40, 48)
    step = apart(sealed(even, key, bytes(200), direction=ways), even).reshape(-1)
    mac = {place for place, _ in by_the_book.lead_and_mac_places(even.size, SECRET)[1]}
    moved = [place for place in np.flatnonzero(step) if place not in mac and ways.reshape(-1)[place]]
    assert len(moved) > 300
    assert all(step[place] == ways.reshape(-1)[place] for place in moved)


def test_the_key_decides_the_other_steps(key):
    """Half do: 5 standard deviations. The MAC's places, by replacement, all step up from an even level."""
    even = np.full((64, 96, 3), 128, np.uint8)
    step = apart(sealed(even, key, bytes(900)), even)
    moved = np.count_nonzero(step)
    assert abs(np.count_nonzero(step == 1) - 64 - (moved - 64) / 2) < 2.5 * moved**0.5


def test_bits_of_a_frame_never_meet():
    for height, width in SIZES:
        samples = 3 * height * width
        lead, mac = by_the_book.lead_and_mac_places(samples, SECRET)
        record = by_the_book.record_places(samples, SECRET, NONCE, room(height, width) + 16)
        places = by_the_book.salt_places(samples) + [place for place, _ in lead + mac + record]
        assert len(set(places)) == len(places)
        assert 0 <= min(places) <= max(places) < samples


def test_positions_are_spread_evenly(key):
    """Chi-square of where 300 nonces put the bits of a record: in their cells of 27 places, and over 24 strips.

    A bit is wrong, and its sample changes, half of the time. 71 and 66 are the 0.0005 % quantiles for 26 and 23 degrees
    of freedom.
    """
    dark = np.zeros((60, 50, 3), np.uint8)
    lead, mac = by_the_book.lead_and_mac_places(dark.size, SECRET)
    taken = {place for place, _ in lead + mac} | set(by_the_book.salt_places(dark.size))
    free = [place for place in range(dark.size) if place not in taken]
    hits = np.zeros(dark.size)
    for number in range(300):
        hits += sealed(dark, key, bytes(39 - 16), number.to_bytes(12, "big"), salt=None).reshape(-1)
    cells = hits[free][: 27 * 8 * 39].reshape(8 * 39, 27)
    assert hits[free].sum() == cells.sum()
    for counts, most in ((cells.sum(0), 71), (cells.reshape(24, -1).sum(1), 66)):
        assert ((counts - counts.mean()) ** 2 / counts.mean()).sum() < most
    assert abs(cells.sum() - 300 * 4 * 39) < 5 * (300 * 2 * 39) ** 0.5


def test_two_nonces_share_no_more_than_chance(key):
    dark = np.zeros((64, 96, 3), np.uint8)
    lead, mac = by_the_book.lead_and_mac_places(dark.size, SECRET)
    a, b = (
        {place for place, _ in by_the_book.record_places(dark.size, SECRET, bytes([number]) * 12, 200)}
        for number in (1, 2)
    )
    cell = (dark.size - 520) // 1600
    assert abs(len(a & b) - 1600 / cell) < 5 * (1600 / cell) ** 0.5
    assert not (a | b) & {place for place, _ in lead + mac}


def test_another_key_opens_nothing(key):
    written = sealed(noise(40, 48), key)
    for number in range(20):
        assert unseal(written, Key(number.to_bytes(32, "big"))) is None


@pytest.mark.parametrize("level", [0, 255])
def test_a_picture_that_hides_nothing(key, level):
    assert unseal(np.full((40, 48, 3), level, np.uint8), key) is None
    assert unseal(noise(40, 48), key) is None


def test_no_flipped_bit_goes_unnoticed(key):
    """Of every sample the lowest bit: lead and record open no more, all others are altered and say what they said."""
    written = sealed(noise(21, 23), key, b"short")
    lead, _ = by_the_book.lead_and_mac_places(written.size, SECRET)
    record = by_the_book.record_places(written.size, SECRET, NONCE, 5 + 16)
    closed = {place for place, _ in lead + record}
    samples = written.reshape(-1)
    for place in range(written.size):
        samples[place] ^= 1
        assert unseal(written, key) == (None if place in closed else UnsealedRecord(b"short", False)), place
        samples[place] ^= 1
    assert unseal(written, key) == UnsealedRecord(b"short", True)


def test_no_higher_bit_goes_unnoticed(key):
    written = sealed(noise(21, 23), key, b"short")
    for place in range(0, written.size, 7):
        written.reshape(-1)[place] ^= 2 << place % 7
        assert unseal(written, key) == UnsealedRecord(b"short", False), place
        written.reshape(-1)[place] ^= 2 << place % 7


def test_the_mac_knows_the_shape(key):
    written = sealed(noise(40, 48), key)
    assert unseal(written.reshape(48, 40, 3), key) == UnsealedRecord(RECORD, False)


def test_a_record_of_another_frame_does_not_open(key):
    """The lowest bits of one frame's record under the lead of another."""
    one, two = (sealed(noise(40, 48), key, nonce=bytes([number]) * 12) for number in (1, 2))
    for place, _ in by_the_book.lead_and_mac_places(one.size, SECRET)[0]:
        one.reshape(-1)[place] = two.reshape(-1)[place]
    assert unseal(one, key) is None


@pytest.mark.parametrize("version", [0, 2, 255])
def test_an_unknown_version_opens_nothing(key, version):
    assert unseal(by_the_book.write(noise(40, 48), RECORD, SECRET, NONCE, version=version), key) is None


@pytest.mark.parametrize("size", [0, 15, 16, 38, 40, 328, 329, 1 << 31, (1 << 32) - 1])
def test_a_lead_that_lies_about_the_length(key, size):
    assert (3 * 40 * 48 - 520) // 16 == 327
    assert unseal(by_the_book.write(noise(40, 48), RECORD, SECRET, NONCE, size=size), key) is None


def test_any_memory_layout_can_be_read(key):
    written = sealed(noise(40, 48), key)
    for view in (np.asfortranarray(written), np.repeat(written, 2, 1)[:, ::2], written[::-1].copy()[::-1]):
        assert unseal(view, key) == UnsealedRecord(RECORD, True)
        assert read_salt(view) == SALT


def test_reading_changes_nothing(key):
    written = sealed(noise(40, 48), key)
    before = written.copy()
    written.flags.writeable = False
    unseal(written, key)
    np.testing.assert_array_equal(written, before)


def test_a_large_picture(key):
    """More samples than 16 bits can count, several of them in each cell."""
    record = random.Random(1).randbytes(30_000)
    picture = noise(360, 640)
    written = sealed(picture, key, record)
    assert np.abs(apart(written, picture)).max() == 1
    assert unseal(written, key) == UnsealedRecord(record, True)


def test_without_a_salt_its_places_stay(key):
    picture = noise(40, 48)
    places = by_the_book.salt_places(picture.size)
    np.testing.assert_array_equal(sealed(picture, key, salt=None).reshape(-1)[places], picture.reshape(-1)[places])


@pytest.mark.parametrize("needed", [0, 33, 500, 100_000])
@pytest.mark.parametrize("size", [(1, 1), (3, 400), (20, 20), (360, 640)])
def test_the_hint_names_a_size_that_would_do(size, needed):
    wide, high = too_small(*size, needed).hint.split()[-1].split("×")
    assert room(int(high), int(wide)) >= needed
    assert int(high) >= size[0]
    assert int(wide) >= size[1]


def test_parts_have_the_sizes_of_the_book(key):
    assert len(by_the_book.make_lead(SECRET, NONCE, 99)) == LEAD_BYTES == 33
