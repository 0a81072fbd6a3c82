"""The modem for films: lumas of frames in place of colours, and runs of frames that carry the same bits."""

import numpy as np
import pytest
import scipy.fft
import torch

from stegnet.core.errors import ConfigError
from stegnet.core.jpeg import LUMA_STEPS
from stegnet.models import build
from stegnet.models.modem import COEFFICIENTS, Modem

pytestmark = pytest.mark.arithmetic

FRAMES = 4
RUNGS = [{"bits": 5, "scale": 2.0, "run": 1}, {"bits": 3, "scale": 3.0, "run": 2}, {"bits": 2, "scale": 3.0, "run": 4}]


@pytest.fixture
def modem() -> Modem:
    torch.manual_seed(0)
    return build("modem", rungs=RUNGS, frames=FRAMES, width=8, blocks=2)


def films(seed: int = 0) -> torch.Tensor:
    """Lumas of four frames, (1, 4, 24, 32)."""
    return torch.rand(1, FRAMES, 24, 32, generator=torch.Generator().manual_seed(seed)) * 0.6 + 0.2


def message(modem: Modem, bits: slice) -> torch.Tensor:
    random = torch.Generator().manual_seed(1)
    sent = torch.zeros(1, modem.bits, 3, 4)
    sent[:, bits] = torch.randint(2, sent[:, bits].shape, generator=random) * 2.0 - 1
    return torch.cat([sent, torch.rand(1, modem.dither, 3, 4, generator=random)], dim=1)


def test_bits_are_those_of_all_runs(modem):
    assert modem.bits == 5 * 4 + 3 * 2 + 2
    assert modem.phases == 5 * 4 + 3 * 4 + 2 * 4
    assert modem.dither == FRAMES * COEFFICIENTS


@pytest.mark.parametrize("bits", [slice(0, 20), slice(20, 26), slice(26, 28)], ids=["run-1", "run-2", "run-4"])
def test_bits_come_back(modem, bits):
    secret = message(modem, bits)
    ratios = modem.reveal(modem.hide(films(), secret), secret[:, modem.bits :])
    assert (ratios * secret[:, : modem.bits])[:, bits].min() > 0


def test_a_bit_is_the_phase_of_a_coefficient_in_each_frame_of_its_run(modem):
    """Read with SciPy: bit 20 + 3 · run + coefficient of the second rung, with the dither of the run's first frame."""
    secret = message(modem, slice(20, 26))
    container = modem.hide(films(), secret)[0].detach().numpy() - 0.5
    order = sorted(range(COEFFICIENTS), key=lambda index: LUMA_STEPS[index])[:3]
    dither = secret[0, modem.bits :].reshape(FRAMES, COEFFICIENTS, 3, 4).numpy()
    for frame in range(FRAMES):
        block = scipy.fft.dctn(container[frame, 8:16, 16:24], norm="ortho").reshape(-1)
        for number, place in enumerate(order):
            period = LUMA_STEPS[place] * 3.0 / 255
            phase = block[place] / period - dither[frame // 2 * 2, place, 1, 2]
            sent = secret[0, 20 + 3 * (frame // 2) + number, 1, 2].item()
            assert np.sin(2 * np.pi * phase) * sent > 0.5


def test_a_run_that_does_not_divide_the_frames_is_refused():
    with pytest.raises(ConfigError, match=r"model.frames: must be a multiple of 3, the run of odd"):
        build("modem", rungs=[{"name": "odd", "bits": 2, "scale": 1.0, "run": 3}], frames=4)
