import itertools
import math

import pytest

from stegnet.media.forecast import FILMS, PICTURES, film_frames, film_quality, picture_quality


@pytest.mark.parametrize("table", [PICTURES, FILMS])
def test_more_bits_are_better(table):
    assert list(table) == sorted(table)
    for (rate, quality), (more, better) in itertools.pairwise(table.items()):
        # A bit more for each sample halves the error of what is coded well: at most 6 dB for 3 bits, 9 for a doubling.
        assert 0 < better - quality < 9 * math.log2(more / rate) + 0.1


def test_measured_points_are_met_and_those_between_and_beyond_are_plausible():
    rate, quality = list(PICTURES.items())[3]
    assert picture_quality(round(rate * 256 * 256 / 8), 256, 256) == pytest.approx(quality, abs=0.01)
    rate, quality = list(FILMS.items())[2]
    assert film_quality(round(rate * 640 * 360 * 50 / 8), 640, 360, 50) == pytest.approx(quality, abs=0.01)
    assert picture_quality(10_000, 100, 200) == picture_quality(20_000, 200, 200) < picture_quality(21_000, 200, 200)
    assert film_quality(10**6, 640, 360, 50) == film_quality(2 * 10**6, 640, 360, 100)
    assert picture_quality(100, 1000, 1000) < min(PICTURES.values())
    assert picture_quality(10**6, 256, 256) > max(PICTURES.values())
    assert picture_quality(0, 256, 256) == 0


@pytest.mark.parametrize("quality", [32, 38, 44])
def test_the_length_of_a_film_is_the_inverse_of_its_quality(quality):
    frames = film_frames(10**8, 640, 360, quality)
    assert film_quality(10**8, 640, 360, frames) == pytest.approx(quality, abs=0.05)
