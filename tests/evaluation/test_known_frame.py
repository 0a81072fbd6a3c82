import numpy as np
import pytest
import torch

from stegnet.evaluation.borders import Rules
from stegnet.evaluation.known_frame import likeness, match, pan, placed, predicted, recover, to_hide
from stegnet.scramble import apply, random_shuffle

BLOCK, SIDE = 8, 6
SIZE = SIDE * BLOCK


@pytest.fixture
def frame() -> np.ndarray:
    """Noise: every block is unlike every other one."""
    return np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)


def shuffled(hidden, seed):
    shuffle = random_shuffle(torch.Generator().manual_seed(seed), SIDE, SIDE)
    pixels = torch.from_numpy(np.ascontiguousarray(hidden)).permute(2, 0, 1)[None]
    return apply(pixels, [shuffle])[0].permute(1, 2, 0).contiguous().numpy(), shuffle


@pytest.mark.parametrize("detail", [False, True])
def test_a_still_film_is_given_away_by_one_frame(frame, detail):
    blocks, shuffle = shuffled(to_hide(frame, detail), 2)
    found = match(to_hide(frame, detail), blocks, BLOCK, Rules())
    assert placed(found, shuffle) == 1
    recovered = recover(blocks, found, shuffle, frame, frame, detail)
    assert recovered.placed == 1
    assert recovered.psnr > 50


def test_another_frame_tells_nothing(frame):
    other = np.random.default_rng(9).integers(0, 256, frame.shape, dtype=np.uint8)
    blocks, shuffle = shuffled(to_hide(other, True), 4)
    assert placed(match(to_hide(frame, True), blocks, BLOCK, Rules()), shuffle) < 0.2


def test_a_pan_moves_by_its_step(frame):
    wide = np.concatenate([frame, frame[:, ::-1]], axis=1)
    first, second = pan(wide, SIZE, 8)
    assert first.shape == second.shape == (SIZE, SIZE, 3)
    np.testing.assert_array_equal(first[:, 8:], second[:, :-8])
    np.testing.assert_array_equal(predicted(first, 8)[:, :-8], second[:, :-8])


def test_likeness_of_a_picture_with_itself_and_its_negative(frame):
    assert likeness(frame, frame) == (np.inf, pytest.approx(1), pytest.approx(1))
    assert likeness(255 - frame, frame)[2] == pytest.approx(-1)
