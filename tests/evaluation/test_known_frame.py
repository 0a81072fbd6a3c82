import numpy as np
import pytest
import torch

from stegnet.evaluation.known_frame import correlation, match, share_right, undo
from stegnet.scramble import apply, random_shuffle

BLOCK, SIDE = 8, 6


@pytest.fixture
def frame() -> np.ndarray:
    """Noise: every block is unlike every other one."""
    return np.random.default_rng(0).normal(0, 0.2, (SIDE * BLOCK, SIDE * BLOCK, 3)).astype(np.float32)


def shuffled(frame, seed):
    shuffle = random_shuffle(torch.Generator().manual_seed(seed), SIDE, SIDE)
    pixels = torch.from_numpy(frame).permute(2, 0, 1)[None]
    return apply(pixels, [shuffle])[0].permute(1, 2, 0).contiguous().numpy(), shuffle


def test_one_shuffle_for_a_film_is_given_away_by_one_frame(frame):
    pieces, shuffle = shuffled(frame, 1)
    guess = undo(pieces, shuffle, BLOCK)
    assert share_right(guess, shuffle) == 1
    np.testing.assert_array_equal(guess.picture, frame)


def test_a_still_film_is_matched_block_by_block(frame):
    pieces, shuffle = shuffled(frame, 2)
    guess = match(pieces, frame, BLOCK)
    assert share_right(guess, shuffle) == 1
    np.testing.assert_array_equal(guess.picture, frame)
    assert correlation(guess.picture, frame) == pytest.approx(1)


def test_a_moved_film_is_matched_up_to_its_movement(frame):
    pieces, shuffle = shuffled(np.roll(frame, -BLOCK, axis=1), 3)
    guess = match(pieces, frame, BLOCK)
    assert share_right(guess, shuffle) == 0
    assert share_right(guess, shuffle, moved=True) == pytest.approx((SIDE - 1) / SIDE)


def test_another_frame_tells_nothing(frame):
    pieces, shuffle = shuffled(np.random.default_rng(9).normal(0, 0.2, frame.shape).astype(np.float32), 4)
    guess = match(pieces, frame, BLOCK)
    assert share_right(guess, shuffle) < 0.2
    assert abs(correlation(guess.picture, frame)) < 0.5
