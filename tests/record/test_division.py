"""Dividing a file over an album: what each picture gets, and that what is promised to be enough is."""

import io
import random
from itertools import combinations

import pytest

from stegnet import CapacityError
from stegnet.record import File, Gathering, Header, divide

FILM_ID = bytes(range(16))


class Divided:
    """A file divided over an album."""

    def __init__(self, division, data: bytes, enough: int) -> None:
        self._needed = division.needed
        self._header = division.of(
            Header(FILM_ID, "file", len(division.counts), File("a", len(data), bytes(32))), enough
        )
        self._records = list(division.records(self._header, io.BytesIO(data)))

    def joined(self, kept) -> bytes | None:
        """The file that some pictures give; None if they are too few."""
        if not self._needed:
            return b"".join(self._records[index].data for index in sorted(kept))
        file = io.BytesIO()
        gathering = Gathering(self._header.spread, file)
        for index in kept:
            for number, share in self._records[index].shares():
                gathering.add(number, share)
        if gathering.least < self._needed:
            return None
        gathering.restore()
        return file.getvalue()


def test_any_pictures_that_are_enough_give_the_file():
    for seed in range(10):
        draw = random.Random(seed)
        count = draw.randrange(2, 7)
        capacities, enough = [draw.randrange(50, 1000) for _ in range(count)], draw.randrange(1, count)
        data = draw.randbytes(draw.randrange(1, sum(sorted(capacities)[:enough]) // 2))
        division = divide(len(data), capacities, [int(capacity**0.5) for capacity in capacities], enough)
        share = -(-len(data) // division.needed)
        assert sum(division.counts) <= 256
        assert all(number * share <= capacity for number, capacity in zip(division.counts, capacities, strict=True))
        divided = Divided(division, data, enough)
        for kept in combinations(range(count), enough):
            assert divided.joined(draw.sample(kept, enough)) == data
        assert enough == 1 or divided.joined(range(enough - 1)) in (None, data)


def test_parts_are_in_proportion_to_what_is_hard_to_find():
    division = divide(700, [10_000, 10_000, 10_000], [100, 200, 400], 3)
    assert (division.counts, division.needed) == ((100, 200, 400), 0)
    division = divide(700, [10_000, 10_000, 10_000], [100, 200, 400], 2)
    small, middle, large = division.counts
    assert middle == large == pytest.approx(2 * small, abs=1), "what one that may be missing has more is of no use"
    assert divide(700, [50, 10_000, 10_000], [100, 200, 400], 3).counts[0] == 50, "there is no more room"


def test_all_the_capacity_can_be_used():
    for capacities in ([1000] * 20, [7, 50, 333, 1], [random.Random(0).randrange(5000) for _ in range(300)]):
        division = divide(sum(capacities), capacities, [1] * len(capacities), len(capacities))
        assert list(division.counts) == capacities
        data = bytes(sum(capacities))
        assert Divided(division, data, len(capacities)).joined(range(len(capacities))) == data
        with pytest.raises(CapacityError, match=f"these {len(capacities)} covers hold {sum(capacities):,}$"):
            divide(sum(capacities) + 1, capacities, [1] * len(capacities), len(capacities))


def test_the_capacity_that_an_error_tells_can_be_used():
    for capacities, enough in (([1000] * 20, 18), ([100, 400, 900, 1600], 3), ([500, 10, 10], 2), ([7] * 256, 200)):
        with pytest.raises(CapacityError, match=f"any {enough} of these {len(capacities)} covers hold") as error:
            divide(10**6, capacities, capacities, enough)
        most = int(str(error.value).split()[-1].replace(",", ""))
        assert most > 0.9 * sum(sorted(capacities)[:enough])
        assert divide(most, capacities, capacities, enough).needed
        with pytest.raises(CapacityError):
            divide(most + 1, capacities, capacities, enough)


def test_an_album_that_is_to_be_hard_to_find_holds_less_and_the_error_tells_both_numbers():
    hard = [700, 20, 500]
    for enough, held in ((3, "5,500, of which 1,220"), (2, "2,500, of which 520")):
        who = "these" if enough == 3 else f"any {enough} of these"
        error = f"^the secret has 1,000,000 bytes, and {who} 3 covers hold {held} are hard to find$"
        with pytest.raises(CapacityError, match=error):
            divide(10**6, [1000, 1500, 3000], hard, enough, True)
        most = int(held.split()[-1].replace(",", ""))
        assert divide(most, [1000, 1500, 3000], hard, enough, True)
        with pytest.raises(CapacityError):
            divide(most + 1, [1000, 1500, 3000], hard, enough, True)
    assert divide(3, [1000, 1000], [-1, 3], 2, True).counts == (0, 3)


def test_small_files():
    assert divide(0, [10, 10], [1, 1], 1).counts == (0, 0)
    assert sum(divide(1, [10, 10], [1, 1], 2).counts) == 1
    assert Divided(divide(1, [10, 10, 10], [1, 1, 1], 1), b"x", 1).joined([2]) == b"x"
    with pytest.raises(CapacityError, match="hold 0"):
        divide(1, [0, 0, 0], [0, 0, 0], 2)
