import math
from typing import Any

import numpy as np
import pytest
import torch

from stegnet.networks import Pair, build
from tests.networks.conftest import perturbed
from tests.support.jpegs import DITHER, through_jpeg
from tests.support.lab import render_scene
from tests.support.training import from_8_bits, to_8_bits

pytestmark = pytest.mark.arithmetic

RUNGS: list[dict[str, Any]] = [{"bits": 3, "scale": 2.0}, {"bits": 12, "scale": 1.2}]


def scene(height: int, width: int) -> np.ndarray:
    """A rendered picture, (H, W, 3) uint8."""
    return render_scene(max(height, width, 64), (3, 0))[:height, :width]


def message(modem: Pair, rung: int, rows: int, cols: int, seed: int = 0) -> torch.Tensor:
    """Random bits of a rung, and dither, (1, bits + DITHER, rows, cols)."""
    random = torch.Generator().manual_seed(seed)
    bits = torch.zeros(1, modem.bits, rows, cols)
    first = sum(each["bits"] for each in RUNGS[:rung])
    used = RUNGS[rung]["bits"]
    bits[:, first : first + used] = torch.randint(2, (1, used, rows, cols), generator=random) * 2.0 - 1
    return torch.cat([bits, torch.rand(1, DITHER, rows, cols, generator=random)], dim=1)


def tensor(picture: np.ndarray) -> torch.Tensor:
    return from_8_bits(torch.from_numpy(picture)).permute(2, 0, 1)[None]


def stored(container: torch.Tensor) -> np.ndarray:
    return to_8_bits(container[0]).permute(1, 2, 0).numpy()


@pytest.fixture
def modem() -> Pair:
    torch.manual_seed(0)
    return build("modem", rungs=RUNGS, width=8, blocks=2)


@pytest.mark.parametrize(("rung", "quality", "least"), [(0, 50, 0.8), (1, 75, 0.85), (1, 90, 0.98)])
def test_untrained_it_is_quantisation_index_modulation(modem, rung, quality, least):
    """Most bits come back through real JPEG at qualities that the periods are made for."""
    picture = scene(96, 128)
    hidden = message(modem, rung, 12, 16)
    container = stored(modem.hide(tensor(picture), hidden))
    likelihoods = modem.reveal(tensor(through_jpeg(container, quality)), hidden[:, modem.bits :])
    used = hidden[:, : modem.bits] != 0
    right = (likelihoods[used] * hidden[:, : modem.bits][used] > 0).float().mean()
    assert right > least
    assert likelihoods.shape == (1, modem.bits, 12, 16)
    error = np.square(container.astype(float) - picture).mean()
    # A share of the way from a uniform phase, over the used ones of 64 luma coefficients, and rounding.
    way = 1 / (1 + math.exp(-1.4))
    periods = (modem.periods.flatten() * 255)[[slice(0, 3), slice(3, 15)][rung]]
    assert error == pytest.approx((periods.square().sum().item() * way**2 / 12) / 64 + 1 / 12, rel=0.15)


def test_bits_of_other_rungs_move_nothing(modem):
    cover = tensor(scene(32, 32))
    nothing = torch.cat([torch.zeros(1, modem.bits, 4, 4), torch.rand(1, DITHER, 4, 4)], dim=1)
    torch.testing.assert_close(modem.hide(cover, nothing), cover)


def test_the_gradient_reaches_every_parameter():
    pair = perturbed("modem", rungs=RUNGS, width=8, blocks=2)
    for rung in (0, 1):
        hidden = message(pair, rung, 4, 4)
        container = pair.hide(torch.rand(1, 3, 32, 32), hidden)
        (pair.reveal(container, hidden[:, pair.bits :]) * hidden[:, : pair.bits]).sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in pair.parameters())
