"""Records in samples: against the book, at every limit, altered anywhere, and by what gives them away."""

import random

import numpy as np
import pytest

from stegnet.core.errors import CapacityError
from stegnet.keys import Key
from stegnet.keys.keys import ContainerKeys, KeyRing
from stegnet.sealing import seal as module
from stegnet.sealing.carriers import LEAD_BITS, frame_salt
from stegnet.sealing.costs import Costs, rounding_costs, texture_costs
from stegnet.sealing.seal import FILM_EFFORT, UnsealedRecord, room, seal, too_small, unseal
from tests.format import by_the_book
from tests.format import seal_by_the_book as book
from tests.format.by_the_book import NONCE, SECRET
from tests.support.tampering import harmless_places

# The smallest first, of other shapes too; with samples behind the last run and the last block of 31, and without.
SIZES = [(16, 15), (1, 240), (24, 18), (21, 23), (31, 32), (40, 48), (37, 61)]
RECORD = b"What must arrive exact."
EFFORTS = [1, 1 << 20, FILM_EFFORT]


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    """All levels, the lowest and the highest often."""
    levels = np.random.default_rng(seed).integers(-64, 320, (height, width, 3))
    return levels.clip(0, 255).astype(np.uint8)


def even(height: int, width: int, level: int = 128) -> np.ndarray:
    """One level; in colour, by a single sample."""
    picture = np.full((height, width, 3), level, np.uint8)
    picture[-1, -1, 2] ^= 1
    return picture


def checkers(height: int, width: int) -> np.ndarray:
    """Black and white by turns, in colour by a single sample."""
    board = np.indices((height, width)).sum(0) % 2 * 255
    picture = np.repeat(board[..., None], 3, 2).astype(np.uint8)
    picture[-1, -1, 2] ^= 1  # in colour
    return picture


def equal_costs(picture: np.ndarray) -> Costs:
    return Costs(*(np.full(picture.shape, 40, np.uint16) for _ in range(2)))


def sealed(
    picture: np.ndarray, key: Key, record: bytes = RECORD, seed: int = 0, costs=texture_costs, effort=1, grey=False
) -> np.ndarray:
    """A copy with the record; quickly, if the effort is not given."""
    result, keys = picture.copy(), ContainerKeys(key, bytes(16))
    seed = random.Random(seed).randbytes(32)
    seal(result, record, keys, seed, costs(picture), first=True, effort=effort, grey=grey)
    return result


def read(picture: np.ndarray, key: Key) -> UnsealedRecord | None:
    return unseal(picture, KeyRing(key), first=True)


def zones_of(picture: np.ndarray) -> dict[str, set[int]]:
    found = by_the_book.zones(picture, SECRET)
    return {name: set(getattr(found, name)) for name in ("lead", "mac", "record")}


def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a.astype(int) - b


@pytest.mark.parametrize("effort", EFFORTS)
@pytest.mark.parametrize("size", SIZES)
def test_what_is_sealed_is_read_by_the_book(key, size, effort):
    record = RECORD[: room(*size)]
    written = sealed(noise(*size), key, record, effort=effort)
    assert by_the_book.read(written, SECRET) == (record, True)
    assert read(written, key) == UnsealedRecord(record, True)
    assert frame_salt(written) == by_the_book.frame_salt(written)


@pytest.mark.parametrize("grey", [False, True])
def test_parts_that_bound_the_memory_change_nothing(key, monkeypatch, grey):
    cover = noise(61, 83)
    whole = sealed(cover, key, grey=grey)
    for place, value in (("core.samples._STRIP", 1000), ("codec.steps._PART", 77), ("codec.carriers._PIECE", 48)):
        monkeypatch.setattr(f"stegnet.{place}", value)
    np.testing.assert_array_equal(sealed(cover, key, grey=grey), whole)


@pytest.mark.parametrize("height", range(1, 7))
@pytest.mark.parametrize("size", SIZES)
def test_what_the_book_wrote_is_read(key, size, height):
    record = RECORD[: room(*size)]
    written = by_the_book.write(noise(*size), record, SECRET, NONCE, code=height)
    assert read(written, key) == UnsealedRecord(record, True)


def test_the_heights_that_efforts_give(key):
    """The book reads the height in the lead."""
    found = {by_the_book.read_lead(sealed(noise(40, 48), key, effort=effort), SECRET)[1][1] for effort in EFFORTS}
    assert len(found) == 3


def test_room_is_the_books():
    for height in range(1, 40):
        for width in range(1, 60):
            samples = 3 * height * width
            carriers = samples // 31 * 30
            zone = carriers // 32 * 32 - 528 * min(max(carriers // 12288, 1), 64)
            expected = book.largest_record(zone) if zone > 0 else -1
            assert max(room(height, width), -1) == max(expected, -1)
    assert room(360, 640) > 3 * 360 * 640 * 1.45 / 8


@pytest.mark.parametrize("make", [noise, even, checkers])
@pytest.mark.parametrize("effort", EFFORTS)
@pytest.mark.parametrize("size", SIZES)
def test_the_room_can_be_filled_to_the_last_byte(key, size, effort, make):
    record = random.Random(3).randbytes(room(*size))
    written = sealed(make(*size), key, record, effort=effort)
    assert read(written, key) == UnsealedRecord(record, True)
    assert by_the_book.read(written, SECRET) == (record, True)


@pytest.mark.parametrize("size", SIZES)
def test_one_byte_more_is_refused(key, size):
    with pytest.raises(CapacityError, match=f"too small: {size[1]}×{size[0]} pixels"):
        sealed(noise(*size), key, bytes(room(*size) + 1))


@pytest.mark.parametrize("size", [(1, 1), (1, 227), (15, 15), (7, 32)])
def test_smaller_pictures_hold_nothing(key, size):
    with pytest.raises(CapacityError):
        sealed(noise(*size), key, b"")
    assert read(noise(*size), key) is None


def test_every_small_picture_can_be_looked_at(key):
    for height in range(1, 26):
        for width in range(1, 26):
            assert read(noise(height, width), key) is None


@pytest.mark.parametrize("size", SIZES)
def test_an_empty_record(key, size):
    assert read(sealed(noise(*size), key, b""), key) == UnsealedRecord(b"", True)


@pytest.mark.parametrize("costs", [texture_costs, equal_costs])
@pytest.mark.parametrize("level", [0, 1, 127, 128, 254, 255])
@pytest.mark.parametrize("size", [0, 200, 960])
def test_samples_change_by_one_level_and_never_wrap(key, level, size, costs):
    """By two only from 0 and 255, in the MAC's zone, whose pairs leave no choice, and where the room is full."""
    before = even(40, 48, level)
    written = sealed(before, key, bytes(size), costs=costs, effort=FILM_EFFORT)
    assert read(written, key) == UnsealedRecord(bytes(size), True)
    step = apart(written, before)
    inwards = {0: 1, 255: -1}.get(level)
    assert set(np.unique(step[before == level])) <= ({-1, 0, 1} if inwards is None else {0, inwards, 2 * inwards})
    if size < 960:
        assert set(np.flatnonzero(np.abs(step) == 2)) <= zones_of(written)["mac"]


@pytest.mark.parametrize("seed", range(20))
def test_saturated_checkers(key, seed):
    """The MAC's pairs may leave samples that can't change."""
    written = sealed(checkers(21, 23), key, RECORD, seed)
    assert read(written, key) == UnsealedRecord(RECORD, True)
    assert np.abs(apart(written, checkers(21, 23))).max() <= 2


@pytest.mark.parametrize("level", [0, 255])
def test_groups_that_no_pair_can_change(key, level, monkeypatch):
    """Of all sides 1, no sample at 0 or 255 has a partner: one of each group is moved first."""
    ones = module.order_of

    def one_sided(*args):
        order = ones(*args)
        order.sides[:] = 1
        return order

    monkeypatch.setattr(module, "order_of", one_sided)
    written = sealed(even(24, 18, level), key)
    assert read(written, key) == UnsealedRecord(RECORD, True)
    assert np.abs(apart(written, even(24, 18, level))).max() <= 2


def test_samples_step_towards_their_second_nearest_level(key):
    error = np.random.default_rng(1).choice([-100, 100], (64, 96, 3)).astype(np.int8)
    step = apart(sealed(even(64, 96), key, bytes(400), costs=lambda _: rounding_costs(error)), even(64, 96))
    moved = step != 0
    assert moved.sum() > 500
    assert (step[moved] == np.sign(error[moved])).mean() > 0.9


def test_texture_is_changed_rather_than_flat_areas(key, picture):
    cover = picture(128, 128)
    cover[:, :64] = 100
    step = apart(sealed(cover, key, bytes(400), effort=FILM_EFFORT), cover)
    assert (step[:, 80:] != 0).sum() > 20 * (step[:, :48] != 0).sum()


def test_higher_codes_change_less(key, picture):
    cover = picture(64, 96)
    changed = [np.count_nonzero(apart(sealed(cover, key, bytes(1500), effort=effort), cover)) for effort in EFFORTS]
    assert changed[2] < changed[1] < 0.9 * changed[0]


def test_costs_stay_as_they_are(key):
    costs = texture_costs(noise(40, 48))
    before = Costs(*(part.copy() for part in costs))
    sealed(noise(40, 48), key, costs=lambda _: costs)
    np.testing.assert_array_equal(costs, before)


def test_a_seed_repeats_it(key):
    one, other, third = (sealed(noise(40, 48), key, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, other)
    assert (one != third).any()


def test_another_key_opens_nothing(key):
    written = sealed(noise(40, 48), key)
    for number in range(20):
        assert read(written, Key(number.to_bytes(32, "big"))) is None


@pytest.mark.parametrize("level", [0, 255])
def test_a_picture_that_hides_nothing(key, level):
    assert read(even(40, 48, level), key) is None
    assert read(noise(40, 48), key) is None


# No fixed places


def test_no_two_frames_of_a_key_share_places_or_sides(key):
    """Beyond chance: the share of two random sets; and no two have a salt in common."""
    frames = [sealed(even(64, 96), key, b"", seed) for seed in range(12)]
    assert len({frame_salt(frame) for frame in frames}) == 12
    zones = [zones_of(frame) for frame in frames]
    sides = np.array([by_the_book.zones(frame, SECRET).sides for frame in frames])
    total = sum(map(len, zones[0].values()))
    for name in ("lead", "mac"):
        size = len(zones[0][name])
        shared = [len(zones[a][name] & zones[b][name]) for a in range(12) for b in range(a)]
        # Runs of 32 are drawn as one: the variance of their number, times 32².
        assert abs(np.mean(shared) - size**2 / total) < 5 * 32 * (size**2 / total / 32 / len(shared)) ** 0.5
        assert max(shared) < 0.6 * size
    agreeing = (sides[:, None] == sides[None]).mean(2)[np.triu_indices(12, 1)]
    assert abs(agreeing.mean() - 0.5) < 0.05


def changes(key: Key, cover: np.ndarray, record: bytes, count: int, costs=equal_costs, effort=1) -> np.ndarray:
    """Steps of `count` containers of one cover, (count, S)."""
    return np.stack(
        [apart(sealed(cover, key, record, seed, costs, effort), cover).reshape(-1) for seed in range(count)]
    )


@pytest.mark.parametrize(("size", "count"), [(0, 100), (300, 200), (444, 200)])
def test_no_place_stands_out_over_many_containers(key, size, count):
    """Of one cover, key and record, all costs equal: each sample changes as often as every other.

    Chi-square over the samples: of how often they change, which a place that is fixed does never, always, or half of
    the time; and of the sum of their directions. Samples that are side by side go together, which adds some variance.
    """
    cover = even(31, 32)
    steps = changes(key, cover, bytes(size), count)
    share, counts = (steps != 0).mean(), (steps != 0).sum(0)
    spread = count * share * (1 - share)
    places = counts.size
    assert ((counts - counts.mean()) ** 2 / spread).mean() == pytest.approx(1, abs=0.15)
    assert (steps.sum(0) ** 2 / (count * share)).mean() == pytest.approx(1, abs=0.15)
    assert np.abs(counts - counts.mean()).max() < 6 * spread**0.5 + 3
    assert places == 2976


@pytest.mark.parametrize("size", [0, 200, 440])
@pytest.mark.parametrize("costs", [equal_costs, texture_costs])
def test_samples_that_carry_nothing_change_as_often(key, picture, size, costs):
    """The salt's, and those behind the last run, though they are at public places: within 5 deviations and 4 %.

    They are so few here that those of one cover may all be cheap: 32 covers.
    """
    cover = picture(31, 33)
    steps = np.concatenate([changes(key, picture(31, 33, seed), bytes(size), 2, costs) for seed in range(32)])
    salts = set(book.salt_samples(cover.size))
    behind = [place for place in book.free_samples(cover.size) if place not in salts]
    assert len(behind) == 26
    everywhere = (steps != 0).mean()
    for places in (sorted(salts), behind):
        tries = 64 * len(places)
        found = (steps[:, places] != 0).mean()
        assert abs(found - everywhere) < 5 * (everywhere * (1 - everywhere) / tries) ** 0.5 + 0.04 * everywhere


@pytest.mark.parametrize("level", [3, 128, 251])
@pytest.mark.parametrize("costs", [equal_costs, texture_costs])
def test_steps_are_as_often_up_as_down(key, level, costs):
    """In all zones and among the samples that carry nothing, and for even and odd levels alike: 5 deviations."""
    cover = even(31, 32, level)
    cover[::2, ::3] += 1
    steps = changes(key, cover, bytes(300), 60, costs)
    salts = book.salt_samples(cover.size)
    for part in (steps, steps[:, salts], steps[:, cover.reshape(-1) % 2 == 0], steps[:, cover.reshape(-1) % 2 == 1]):
        moved = np.count_nonzero(part)
        assert abs(part.sum()) < 5 * moved**0.5


def test_a_full_room_changes_two_samples_of_three(key):
    steps = changes(key, even(31, 32), bytes(room(31, 32)), 40)
    assert (steps != 0).mean() == pytest.approx(2 / 3, abs=0.06), "lead and MAC change half of theirs"
    assert (steps != 0)[:, book.salt_samples(steps.shape[1])].mean() == pytest.approx(2 / 3, abs=0.06)


def test_salts_never_repeat(key):
    """Even with nothing to hide in a small picture."""
    assert len({frame_salt(sealed(even(31, 32), key, b"", seed)) for seed in range(150)}) == 150


@pytest.mark.parametrize("seed", range(10))
def test_some_salt_samples_always_change(key, seed):
    cover = even(64, 96)
    cover[:, 48:] = noise(64, 48)
    step = apart(sealed(cover, key, b"", seed), cover).reshape(-1)
    assert np.count_nonzero(step[book.salt_samples(cover.size)]) >= 4


# Grey records


@pytest.mark.parametrize("effort", EFFORTS)
@pytest.mark.parametrize("make", [noise, even, checkers])
@pytest.mark.parametrize("size", [0, 23, 60, 200, 400])
def test_a_grey_record(key, size, make, effort):
    """Of any size: one that is too large for the green samples is an ordinary one."""
    record = random.Random(size).randbytes(size)
    written = sealed(make(40, 48), key, record, effort=effort, grey=True)
    assert read(written, key) == UnsealedRecord(record, True)
    assert by_the_book.read(written, SECRET) == (record, True)
    assert (by_the_book.read_lead(written, SECRET)[1][1] > 16) == (size < 100)


def test_a_grey_record_moves_whole_pixels(key):
    """But for lead, MAC, and what carries nothing."""
    cover = even(64, 96)
    step = apart(sealed(cover, key, bytes(150), grey=True, effort=FILM_EFFORT), cover).reshape(-1, 3)
    moved = step[(step != 0).any(1)]
    together = (moved == moved[:, :1]).all(1)
    assert together.sum() > 200
    assert together.mean() > 0.5
    alone = apart(sealed(cover, key, bytes(150), effort=FILM_EFFORT), cover).reshape(-1, 3)
    assert (alone[(alone != 0).any(1)] != 0).all(1).mean() < 0.15


# Alterations


def test_no_altered_sample_goes_unnoticed(key):
    """Every sample, by one level and by three. The salt's and, by one, the record's leave nothing to open."""
    written = sealed(noise(21, 23), key, b"short")
    zones = zones_of(written)
    samples, found = written.reshape(-1), by_the_book.zones(written, SECRET)
    closed = set(book.salt_samples(written.size)) | zones["lead"]
    used = {
        found.record[element]
        for row in book.lanes(5 + 16, len(found.record)).rows[0]
        for sums in row
        for element in sums
    }
    harmless = set(harmless_places(written))
    assert harmless == zones["mac"] | set(book.free_samples(written.size)) - set(book.salt_samples(written.size))
    for place in range(written.size):
        for step in (1, 3):
            kept = samples[place]
            samples[place] = kept + step if kept < 128 else kept - step
            opened = read(written, key)
            samples[place] = kept
            assert opened is None or opened == UnsealedRecord(b"short", False), place
            if place in closed or (place in used and step == 1):
                assert opened is None, place
            else:
                assert opened is not None, place
    assert read(written, key) == UnsealedRecord(b"short", True)


def test_no_higher_bit_goes_unnoticed(key):
    written = sealed(noise(21, 23), key, b"short")
    for place in range(0, written.size, 7):
        written.reshape(-1)[place] ^= 2 << place % 7
        assert read(written, key) in (None, UnsealedRecord(b"short", False)), place
        written.reshape(-1)[place] ^= 2 << place % 7


def test_the_size_belongs_to_the_salt(key):
    assert read(sealed(noise(40, 48), key).reshape(48, 40, 3), key) is None


def test_zones_of_one_frame_in_another_open_nothing(key):
    one, two = (sealed(noise(40, 48), key, seed=seed) for seed in (1, 2))
    mixed = one.copy()
    for ours, theirs in zip(by_the_book.zones(one, SECRET).lead, by_the_book.zones(two, SECRET).lead, strict=True):
        mixed.reshape(-1)[ours] = two.reshape(-1)[theirs]
    assert read(mixed, key) is None


@pytest.mark.parametrize("version", [0, 1, 3, 255])
def test_an_unknown_version_opens_nothing(key, version):
    assert read(by_the_book.write(noise(40, 48), RECORD, SECRET, NONCE, version=version), key) is None


@pytest.mark.parametrize("height", [0, 7, 16, 23, 33, 255])
def test_an_unknown_height_opens_nothing(key, height):
    assert read(by_the_book.write(noise(40, 48), RECORD, SECRET, NONCE, code=height), key) is None


@pytest.mark.parametrize("secret", [bytes(15) + b"\1", b"\1" + bytes(15), bytes(range(16))])
def test_with_a_key_file_the_film_secret_is_zeros(key, secret):
    assert read(by_the_book.write(noise(40, 48), RECORD, SECRET, NONCE, film_secret=secret), key) is None


@pytest.mark.parametrize("size", [0, 15, 16, 38, 40, 983, 984, 985, 1 << 31, (1 << 32) - 1])
def test_a_lead_that_lies_about_the_length(key, size):
    assert room(40, 48) + 16 == 983
    assert read(by_the_book.write(noise(40, 48), RECORD, SECRET, NONCE, size=size), key) is None


def test_any_memory_layout_can_be_read(key):
    written = sealed(noise(40, 48), key)
    for view in (np.asfortranarray(written), np.repeat(written, 2, 1)[:, ::2], written[::-1].copy()[::-1]):
        assert read(view, key) == UnsealedRecord(RECORD, True)


def test_reading_changes_nothing(key):
    written = sealed(noise(40, 48), key)
    before = written.copy()
    written.flags.writeable = False
    read(written, key)
    np.testing.assert_array_equal(written, before)


@pytest.mark.parametrize("size", [60_000, 100_000])
def test_a_large_picture(key, size):
    """More samples than 16 bits can count, and several in each group of lead and MAC."""
    record, cover = random.Random(1).randbytes(size), noise(360, 640).clip(1, 254)
    written = sealed(cover, key, record)
    assert np.abs(apart(written, cover)).max() == 1
    assert read(written, key) == UnsealedRecord(record, True)


@pytest.mark.parametrize("needed", [0, 33, 500, 100_000])
@pytest.mark.parametrize("size", [(1, 1), (3, 400), (20, 20), (360, 640)])
def test_the_hint_names_a_size_that_would_do(size, needed):
    wide, high = too_small(*size, needed).hint.split()[-1].split("×")
    assert room(int(high), int(wide)) >= needed
    assert int(high) >= size[0]
    assert int(wide) >= size[1]


def test_a_lead_has_the_size_of_the_book():
    fields = book.lead_fields(99, 3)
    assert len(book.make_lead(SECRET, bytes(16), NONCE, fields)) == LEAD_BITS // 8 == 50
