"""Records in samples: at every limit, altered anywhere, and by what gives them away."""

import random
from itertools import product

import numpy as np
import pytest

from stegnet import CapacityError
from stegnet.keys import ContainerKeys, Identity, Key, KeyRing
from stegnet.sealing import (
    FILM_EFFORT,
    Costs,
    SampleRules,
    SealOptions,
    frame_salt,
    idle_samples,
    most_fixed,
    record_capacity,
    rounding_costs,
    seal,
    siv,
    texture_costs,
    trellis,
    unseal,
)
from tests.support.memory import memory_limited
from tests.support.sealing import lead_of, salt_samples, sealed, sides, zones

# The smallest first, of other shapes too; with samples behind the last run and the last block of 31, and without.
SIZES = [(16, 15), (1, 240), (21, 23), (31, 32), (40, 48)]
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
    picture[-1, -1, 2] ^= 1
    return picture


def equal_costs(picture: np.ndarray) -> Costs:
    return Costs(*(np.full(picture.shape, 4000, np.uint16) for _ in range(2)))


def read(picture: np.ndarray, key: Key) -> tuple[bytes, bool] | None:
    """The record, and whether the picture is whole; None if nothing opens."""
    found = unseal(picture, KeyRing(key), first=True)
    return (found.record, found.whole) if found else None


def zones_of(picture: np.ndarray) -> dict[str, set[int]]:
    return {name: set(found.tolist()) for name, found in zones(picture).items()}


def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a.astype(int) - b


def code_of(picture: np.ndarray, key: Key) -> int:
    """What the lead says of the record's code."""
    fields = siv.decrypt(key.lead(frame_salt(picture)), lead_of(picture))
    assert fields is not None
    return fields[0]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_what_is_sealed_is_read(key, size):
    """Empty, short, and to the last byte of the room; one more is refused. In grey records, too, of which one that is
    too large for the green samples is an ordinary one."""
    codes, most = set(), random.Random(3).randbytes(record_capacity(*size))
    records, makers = (b"", most[:23], most), (noise, even, checkers)
    for make, effort, record, grey in product(makers, EFFORTS[::2], records, (False, True)):
        written = sealed(make(*size), record, effort=effort, grey=grey)
        assert read(written, key) == (record, True)
        assert np.abs(apart(written, make(*size))).max() <= 2 + grey  # a pixel moves with its neighbour too
        codes.add(code := code_of(written, key))
        assert size != (40, 48) or (code > 16) == (grey and record != most)
    assert size != (40, 48) or len(codes) >= 4, "of several heights, by effort"
    with pytest.raises(CapacityError, match=f"too small: {size[1]}×{size[0]} pixels"):
        sealed(noise(*size), most + b"\0")


@pytest.mark.slow
def test_a_large_picture_is_filled_for_a_recipient():
    """A record of 65,536 lanes has more trits for each sample than fit into the zone of the ephemeral key."""
    identity, random_bytes = Identity(bytes(range(32))), random.Random(0).randbytes
    cover = np.random.default_rng(0).integers(0, 256, (4900, 4900, 1), np.uint8)
    keys, cost = identity.recipient.new_keys(random_bytes), np.broadcast_to(np.uint16(4000), cover.shape)
    record = random_bytes(record_capacity(*cover.shape[:2], keys.film, 1))
    container = seal(cover, record, keys, random_bytes(32), Costs(cost, cost), SealOptions(True, FILM_EFFORT))
    found = unseal(container, KeyRing(identity), first=True)
    assert (found.record == record, found.whole) == (True, True)


def test_a_large_picture_is_sealed_in_little_memory(monkeypatch):
    """A short record in 24 bytes a pixel, besides the picture and its costs, with the stacks of two threads."""
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    picture = np.random.default_rng(0).integers(60, 180, (2000, 2000, 3), np.uint8)
    keys, options = ContainerKeys(Key(bytes(32)), bytes(16)), SealOptions(True, grey=True)
    cost = np.broadcast_to(np.uint16(4000), picture.shape)
    with memory_limited(96 << 20):
        seal(picture, bytes(100), keys, bytes(32), Costs(cost, cost), options)


@pytest.mark.parametrize("key", [Key(bytes(32)), Identity(bytes(range(32)))], ids=["key", "identity"])
def test_fixed_samples_stay(key):
    """If a trit of the lead or the MAC has no others, another order of the carriers is tried."""
    random_bytes, rules = random.Random(1).randbytes, SampleRules(2048)
    cover = np.random.default_rng(0).integers(120, 136, (80, 100, 1), np.uint8)
    fixed = np.random.default_rng(1).random(cover.shape) < most_fixed(cover.size, rules)
    cost = np.full(cover.shape, 4000, np.uint16)
    for _ in range(2):
        keys = (key.recipient or key).new_keys(random_bytes)
        options = SealOptions(True, FILM_EFFORT, clustered=False, rules=rules, fixed=fixed)
        container = seal(cover, RECORD, keys, random_bytes(32), Costs(cost, cost), options)
        moved = container != cover
        assert moved.sum() > 60 and not moved[fixed].any()
        assert unseal(container, KeyRing(key), first=True, rules=rules).record == RECORD


def test_too_many_fixed_samples():
    cost, keys = np.full((30, 100, 1), 4000, np.uint16), Key(bytes(32)).new_keys(random.Random(1).randbytes)
    options = SealOptions(True, 1, clustered=False, fixed=np.ones(cost.shape, bool))
    with pytest.raises(CapacityError, match="may change"):
        seal(np.full(cost.shape, 128, np.uint8), RECORD, keys, bytes(32), Costs(cost, cost), options)


@pytest.mark.parametrize("grey", [False, True])
def test_parts_that_bound_the_memory_change_nothing(monkeypatch, grey):
    cover = noise(61, 83)
    whole = sealed(cover, RECORD, grey=grey)
    for place, value in (("core.pixels._STRIP", 1000), ("core.parallel._PART", 77)):
        monkeypatch.setattr(f"stegnet.{place}", value)
    np.testing.assert_array_equal(sealed(cover, RECORD, grey=grey), whole)


@pytest.mark.parametrize("level", [0, 1, 127, 128, 254, 255])
def test_samples_change_by_one_level_and_never_wrap(key, level):
    """By two only from 0 and 255, in the MAC's zone, whose triples leave no choice, and where the room is full."""
    before, inwards = even(40, 48, level), {0: 1, 255: -1}.get(level)
    for size, costs in product((0, 200, 950), (texture_costs, equal_costs)):
        written = sealed(before, bytes(size), costs=costs, effort=FILM_EFFORT)
        assert read(written, key) == (bytes(size), True)
        step = apart(written, before)
        allowed = {-1, 0, 1} if inwards is None else {0, inwards, 2 * inwards}
        assert set(np.unique(step[before == level])) <= allowed
        if size < 950:
            assert set(np.flatnonzero(np.abs(step) == 2)) <= zones_of(written)["mac"]


def test_samples_step_towards_their_second_nearest_level():
    error = np.random.default_rng(1).choice([-100, 100], (64, 96, 3)).astype(np.int8)
    step = apart(sealed(even(64, 96), bytes(400), costs=lambda _: rounding_costs(error)), even(64, 96))
    moved = step != 0
    assert moved.sum() > 500
    assert (step[moved] == np.sign(error[moved])).mean() > 0.9


def test_few_samples_change_and_those_of_textures(picture):
    cover = picture(96, 128)
    cover[:, :64] = 100
    steps = [apart(sealed(cover, bytes(400), effort=effort), cover) != 0 for effort in EFFORTS]
    assert steps[2].sum() < steps[1].sum() < 0.9 * steps[0].sum(), "higher codes change less"
    seeded = [apart(sealed(cover, bytes(400), seed, effort=EFFORTS[2]), cover) != 0 for seed in range(12)]
    textured, flat = (sum(made[:, columns].sum() for made in seeded) for columns in (slice(80, None), slice(48)))
    assert textured > 10 * flat, "of one, the places of lead and MAC decide"


def test_nothing_opens_with_another_key_or_where_nothing_is(key):
    """Nor where a lead is of another frame."""
    written = sealed(noise(40, 48), RECORD)
    assert all(read(written, Key(number.to_bytes(32, "big"))) is None for number in range(20))
    for cover in (even(40, 48, 0), even(40, 48, 255), noise(40, 48), written.reshape(48, 40, 3)):
        assert read(cover, key) is None, "the size belongs to the salt"
    other = sealed(noise(40, 48), RECORD, seed=2)
    np.put(written, zones(written)["lead"], other.flat[zones(other)["lead"]])
    assert read(written, key) is None


def test_any_memory_layout_is_read_and_stays(key):
    """A seed gives the same; its costs stay."""
    costs = texture_costs(noise(40, 48))
    before = Costs(*(part.copy() for part in costs))
    written, again = (sealed(noise(40, 48), RECORD, costs=lambda _: costs) for _ in range(2))
    np.testing.assert_array_equal(written, again)
    np.testing.assert_array_equal(costs, before)
    before = written.copy()
    for view in (np.asfortranarray(written), np.repeat(written, 2, 1)[:, ::2], written[::-1].copy()[::-1], written):
        view.flags.writeable = False
        assert read(view, key) == (RECORD, True)
    np.testing.assert_array_equal(written, before)


def test_no_two_frames_of_a_key_share_places_or_sides():
    """Beyond chance: the share of two random sets; and no two have a salt or a lead in common."""
    frames = [sealed(even(64, 96), b"", seed) for seed in range(12)]
    assert len({frame_salt(frame) for frame in frames}) == len({lead_of(frame) for frame in frames}) == 12
    places = [zones_of(frame) for frame in frames]
    drawn = np.array([sides(frame) for frame in frames])
    total = sum(map(len, places[0].values()))
    for name in ("lead", "mac"):
        size = len(places[0][name])
        shared = [len(places[a][name] & places[b][name]) for a in range(12) for b in range(a)]
        # Runs of 32 are drawn as one: the variance of their number, times 32².
        assert abs(np.mean(shared) - size**2 / total) < 5 * 32 * (size**2 / total / 32 / len(shared)) ** 0.5
        assert max(shared) < 0.6 * size
    agreeing = (drawn[:, None] == drawn[None]).mean(2)[np.triu_indices(12, 1)]
    assert abs(agreeing.mean() - 1 / 3) < 0.05


def changes(cover: np.ndarray, record: bytes, count: int, costs=equal_costs) -> np.ndarray:
    """Steps of `count` containers of one cover, (count, S)."""
    return np.stack([apart(sealed(cover, record, seed, costs), cover).reshape(-1) for seed in range(count)])


@pytest.mark.slow
@pytest.mark.parametrize(("size", "count"), [(0, 100), (300, 150), (435, 150)])
def test_no_place_stands_out_over_many_containers(key, size, count):
    """Of one cover, key and record, all costs equal: each sample changes as often as every other.

    Chi-square over the samples: of how often they change, which a place that is fixed does never, always, or half of
    the time; and of the sum of their directions. Samples that are side by side go together, which adds some variance.
    """
    steps = changes(even(31, 32), bytes(size), count)
    share, counts = (steps != 0).mean(), (steps != 0).sum(0)
    spread = count * share * (1 - share)
    assert ((counts - counts.mean()) ** 2 / spread).mean() == pytest.approx(1, abs=0.15)
    assert (steps.sum(0) ** 2 / (count * share)).mean() == pytest.approx(1, abs=0.15)
    assert np.abs(counts - counts.mean()).max() < 6 * spread**0.5 + 3


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 200, 430])
@pytest.mark.parametrize("costs", [equal_costs, texture_costs])
def test_samples_that_carry_nothing_change_as_often(picture, size, costs):
    """The salt's, and those behind the last run, though they are at public places: within 5 deviations and 4 %.

    They are so few here that those of one cover may all be cheap: 32 covers.
    """
    steps = np.concatenate([changes(picture(31, 33, seed), bytes(size), 2, costs) for seed in range(32)])
    salts = salt_samples(steps.shape[1])
    behind = np.setdiff1d(idle_samples(steps.shape[1]), salts)
    assert len(behind) == 26
    everywhere = (steps != 0).mean()
    for places in (salts, behind):
        tries = 64 * len(places)
        found = (steps[:, places] != 0).mean()
        assert abs(found - everywhere) < 5 * (everywhere * (1 - everywhere) / tries) ** 0.5 + 0.04 * everywhere


@pytest.mark.parametrize("level", [3, 128, 251])
def test_steps_are_as_often_up_as_down(level):
    """In all zones and among the samples that carry nothing, and for even and odd levels alike: 5 deviations."""
    cover = even(31, 32, level)
    cover[::2, ::3] += 1
    salts, odd = salt_samples(cover.size), cover.reshape(-1) % 2 == 1
    for costs in (equal_costs, texture_costs):
        steps = changes(cover, bytes(300), 60, costs)
        for part in (steps, steps[:, salts], steps[:, ~odd], steps[:, odd]):
            assert abs(part.sum()) < 5 * np.count_nonzero(part) ** 0.5


def test_a_grey_record_moves_whole_pixels():
    """But for lead, MAC, and what carries nothing."""
    cover = even(64, 96)
    step = apart(sealed(cover, bytes(150), grey=True, effort=FILM_EFFORT), cover).reshape(-1, 3)
    moved = step[(step != 0).any(1)]
    together = (moved == moved[:, :1]).all(1)
    assert together.sum() > 200
    assert together.mean() > 0.5
    alone = apart(sealed(cover, bytes(150), effort=FILM_EFFORT), cover).reshape(-1, 3)
    assert (alone[(alone != 0).any(1)] != 0).all(1).mean() < 0.15


def test_no_altered_sample_goes_unnoticed(key):
    """Every sample, by one level and by three; some in a higher bit. Of those of the salt and, by one level, those of
    the lead and the record, nothing opens."""
    written = sealed(noise(18, 15), b"short")
    samples, record = written.reshape(-1), zones(written)["record"]
    closed = set(salt_samples(written.size))
    used = set(record[: trellis.layout(trellis.count_trits(5 + 16), record.size, 1).sums(record).size])
    used |= zones_of(written)["lead"]
    for place, step in product(range(written.size), (1, 3, 2 << 4)):
        if step > 3 and place % 7:
            continue
        kept = samples[place]
        samples[place] = kept + step if kept < 128 else kept - step
        opened = read(written, key)
        samples[place] = kept
        assert opened in (None, (b"short", False)), place
        if step <= 3:
            assert (opened is None) == (place in closed or (place in used and step == 1)), place
    assert read(written, key) == (b"short", True)
