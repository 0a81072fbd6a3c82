"""Motion of a film's blocks, and what follows it."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stegnet.media import FilmInfo
from stegnet.media.films.encoders import PACE, Coding
from stegnet.media.films.h264 import write_h264
from stegnet.media.films.motion import SEARCH, Motion, motion_of

DOWN, ACROSS = 2, 3  # pixels a frame
SIZE = 128, 192


def panned(count: int) -> list[np.ndarray]:
    """A window that moves over a picture of many flat squares."""
    sides = (SIZE[0] + DOWN * count) // 5 + 1, (SIZE[1] + ACROSS * count) // 5 + 1, 3
    whole = np.random.default_rng(0).integers(40, 216, sides, np.uint8).repeat(5, 0).repeat(5, 1)
    return [whole[DOWN * at :, ACROSS * at :][: SIZE[0], : SIZE[1]] for at in range(count)]


def write(path: Path, frames: list[np.ndarray], coding: Coding) -> Path:
    info = FilmInfo(*SIZE[::-1], tuple(range(len(frames))), Fraction(1, 25), Fraction(25), Fraction(1), ())
    write_h264(path, iter(frames), info, coding)
    return path


def types_of(film: Path) -> str:
    with av.open(str(film)) as opened:
        return "".join("?IPB"[int(frame.pict_type)] for frame in opened.decode(video=0))


def test_motion_of_a_pan(tmp_path):
    found = list(motion_of(write(tmp_path / "film.mp4", panned(9), SEARCH)))
    assert len(found) == 9
    assert np.isnan(found[0].before).all()
    for at in range(1, 9):
        behind = at % PACE or PACE
        expected = DOWN * behind, ACROSS * behind
        inside = found[at].before[1:-1, 1:-1].reshape(-1, 2)
        assert np.nanmedian(inside, 0) == pytest.approx(expected, abs=0.25)
        assert np.isnan(found[at].after).all() == (at % PACE == 0)
        if at % PACE:
            inside = found[at].after[1:-1, 1:-1].reshape(-1, 2)
            assert np.nanmedian(inside, 0) == pytest.approx((DOWN * (behind - 4), ACROSS * (behind - 4)), abs=0.25)


def test_what_follows_motion_moves_with_it():
    """Also by half a pixel, and beyond the edges, where the values there go on."""
    values = np.random.default_rng(0).normal(size=(32, 48)).astype(np.float32)
    motion = Motion(np.zeros((4, 6, 2), np.float32) + (2, -3), np.full((4, 6, 2), np.nan, np.float32))
    moved = motion.follow(values, None, 1)
    np.testing.assert_allclose(moved[:30, 3:], values[2:, :-3], atol=1e-5)
    np.testing.assert_allclose(moved[31, 3:], values[31, :-3], atol=1e-5)
    half = Motion(motion.before * 0 + (0, 0.5), motion.after).follow(values, None, 1)
    np.testing.assert_allclose(half[:, :-1], (values[:, :-1] + values[:, 1:]) / 2, atol=1e-5)
    far = Motion(motion.before * 0 + (1e6, -1e6), motion.after).follow(values, None, 1)
    assert np.isfinite(far).all()


def test_shares_of_the_frames_before_and_after():
    """Only where a block is predicted from both; from neither, it has nothing."""
    before, after = np.full((16, 16), 2, np.float32), np.full((16, 16), 10, np.float32)
    nowhere = np.full((2, 2, 2), np.nan, np.float32)
    known = [nowhere.copy(), nowhere.copy()]
    known[0][0] = known[1][:, 0] = 0
    found = Motion(*known).follow(before, after, 0.75)[::8, ::8]
    np.testing.assert_allclose(found, [[0.75 * 2 + 0.25 * 10, 2], [10, 0]])
    np.testing.assert_allclose(Motion(*known).follow(before, None, 0.75)[::8, ::8], [[2, 2], [0, 0]])


def test_frames_are_predicted_as_they_are_paced(tmp_path):
    """The file tells no settings."""
    paced, own = (write(tmp_path / f"{paced}.mp4", panned(10), Coding(20, paced=paced)) for paced in (True, False))
    assert types_of(paced) == "IBBBPBBBPP"
    assert b"options: " in own.read_bytes()
    assert b"x264" not in paced.read_bytes()
    assert [int(Coding(20, paced=True).kind_of(index, 500)) for index in (0, 239, 240, 244, 499)] == [1, 3, 1, 2, 2]
