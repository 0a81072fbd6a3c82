"""Files spread over the frames of films, at the level of shares; tests/methods/sealed/test_embed.py has the films."""

import io
import json
import random
from itertools import product
from pathlib import Path

from scipy.stats import binom

from stegnet.record import File, Gathering, Header, choose_needed, frames_for, full_capacity

FILM_ID = bytes(range(0xA0, 0xB0))
STEPS = json.loads((Path(__file__).parents[1] / "format/spread.json").read_text(encoding="utf-8"))
# Frames of a film and bytes of a file: one group, and several.
SIZES = [(2, 500), (3, 1), (62, 34), (62, 1000), (62, 20_000), (256, 9000), (257, 20_001), (700, 999)]


def spread_of(frames: int, size: int, needed: int, film_id: bytes = FILM_ID):
    """Places of a file's bytes in a film's frames."""
    return Header(film_id, "file", frames, File("x", size, bytes(32), needed)).spread


def thirds(frames: int) -> list[set[int]]:
    """Some ways to lose a third of the frames: the first, the last, every third, two of six, any."""
    count = -(-frames // 3)
    ways = [set(range(count)), set(range(frames - count, frames))]
    ways += [set(range(start, frames, 3)) for start in range(3)]
    ways += [{frame for frame in range(frames) if frame % 6 in (2, 3)}]
    return [*ways, set(random.Random(frames).sample(range(frames), count))]


def gathered(spread, found: dict[int, bytes], seed: int) -> tuple[int, bytes]:
    """Shares that arrive in any order, some twice: the least of a group, and the file they give."""
    order, file = [*found, *list(found)[:3]], io.BytesIO()
    random.Random(seed).shuffle(order)
    gathering = Gathering(spread, file)
    for frame in order:
        gathering.add(frame, found[frame])
    gathering.restore()
    return gathering.least, file.getvalue()


def shares_of(spread, data: bytes) -> dict[int, bytes]:
    return {frame: spread.share(io.BytesIO(data), frame) for frame in range(spread.frames)}


def test_a_file_comes_back_without_a_third_of_its_frames():
    for frames, size in SIZES:
        data = random.Random(size).randbytes(size)
        spread = spread_of(frames, size, choose_needed(size, frames, 1 << 20))
        shares = shares_of(spread, data)
        for lost in thirds(frames):
            found = {frame: share for frame, share in shares.items() if frame not in lost}
            least, restored = gathered(spread, found, size)
            assert least >= spread.needed
            assert restored == data
    data = random.Random(1).randbytes(200_001)  # piece by piece
    spread = spread_of(3, len(data), 2)
    shares = shares_of(spread, data)
    assert gathered(spread, {frame: shares[frame] for frame in (1, 2)}, 0)[1] == data


def test_any_shares_that_are_enough_give_the_file():
    """With one group, any that are as many as needed."""
    for number in range(40):
        draw = random.Random(number)
        frames, size = draw.randrange(2, 30), draw.randrange(400)
        data, needed = draw.randbytes(size), draw.randrange(1, frames + 1)
        spread = spread_of(frames, size, needed)
        shares = shares_of(spread, data)
        kept = draw.sample(range(frames), frames - spread.most_lost())
        least, restored = gathered(spread, {frame: shares[frame] for frame in kept}, number)
        assert least == needed == len(kept)
        assert restored == data


def test_the_shares_are_those_of_the_vectors():
    for step in STEPS:
        data, film_id = bytes.fromhex(step["data"]), bytes.fromhex(step["film_id"])
        spread = spread_of(step["frames"], len(data), step["needed"], film_id)
        assert [share.hex() for share in shares_of(spread, data).values()] == step["shares"]


def test_a_third_may_be_lost_where_there_is_capacity():
    for frames, size in product([2, 3, 5, 62, 256, 257, 300, 1000, 90_000, 1 << 24], [10**3, 10**6, 10**9]):
        spread = spread_of(frames, size, choose_needed(size, frames, size))
        assert spread.most_lost() >= frames / 3
        assert spread.needed == 1 or spread.share_bytes >= 63 or frames > 10**6


def test_random_losses_are_within_what_may_be_lost():
    """By the bound, one film in a million may be lost; of a hundred films, none is."""
    frames = 3000
    spread = spread_of(frames, 10**6, choose_needed(10**6, frames, 10**6))
    groups, shares = [spread.place(frame)[0] for frame in range(frames)], frames // spread.groups
    risks = [
        spread.groups * binom.sf(shares - spread.needed, shares, lost / (spread.groups * shares))
        for lost in (spread.most_lost(), spread.most_lost() + 1)
    ]
    assert risks[0] < 1e-6 < risks[1]
    for seed in range(100):
        left = [0] * spread.groups
        for frame in set(range(frames)) - set(random.Random(seed).sample(range(frames), spread.most_lost())):
            left[groups[frame]] += 1
        assert min(left) >= spread.needed


def test_the_capacity_is_exact():
    for frames, capacity in ((2, 1), (62, 100), (256, 7), (257, 50), (1000, 333)):
        most = full_capacity(frames, capacity)
        for size in (most, most - 1, most // 2, 1, 0):
            spread = spread_of(frames, size, choose_needed(size, frames, capacity))
            assert 0 < spread.needed <= frames // spread.groups
            assert spread.share_bytes <= capacity
            assert spread.most_lost() >= 0
        for size in range(1, 3 * most, 1 + most // 50):
            assert full_capacity(frames_for(size, capacity), capacity) >= size
            assert (
                size <= 256 * capacity or frames_for(size, capacity) - -(-size // capacity) < 1 + size / capacity / 200
            )
