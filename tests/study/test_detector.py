"""The detecting network: its filters against scipy, and what it must not depend on."""

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d

from study.steganalysis.detector import THRESHOLD, Detector, high_pass

KB = np.array([[-1, 2, -1], [2, -4, 2], [-1, 2, -1]]) / 4  # Fridrich and Kodovský 2012, SQUARE 3×3


def test_filters_give_nothing_on_an_even_area_and_one_step_for_one() -> None:
    filters = high_pass()
    assert filters.shape == (6, 1, 5, 5)
    assert filters.sum((1, 2, 3)).abs().max() < 1e-6
    assert filters.abs().amax((1, 2, 3)).tolist() == [1] * 6


def test_residuals_of_each_colour_are_scipys(picture) -> None:
    colours = picture(24, 24)
    detector, seen = Detector().eval(), []
    detector.body.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        detector(torch.from_numpy(colours).permute(2, 0, 1)[None].float())
    found = seen[0][0].reshape(3, 6, 20, 20)
    for colour in range(3):
        expected = correlate2d(colours[..., colour].astype(float), KB, "same")[2:-2, 2:-2]
        assert np.allclose(found[colour, 4], expected.clip(-THRESHOLD, THRESHOLD), atol=1e-3)


@pytest.mark.parametrize("side", [32, 40])
def test_one_score_a_picture_at_any_size_and_no_matter_how_bright(side: int) -> None:
    torch.manual_seed(0)
    pictures, detector = torch.randint(0, 200, (2, 3, side, side)).float(), Detector().eval()
    with torch.inference_mode():
        scores = detector(pictures)
        assert scores.shape == (2,)
        assert torch.allclose(detector(pictures + 50), scores, atol=1e-3)
