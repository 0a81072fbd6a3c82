from dataclasses import replace

import numpy as np
import pytest
import torch

from stegnet.core.config import Config, RungConfig
from stegnet.core.jpeg import through_jpeg
from stegnet.core.tensors import from_8_bits
from stegnet.models import build_from
from stegnet.models.modem import Modem
from stegnet.training.batch_pass import first_pairs
from stegnet.training.modem_pass import (
    ModemPass,
    draw_modem_randomness,
    preview_modem,
    randomness_of,
    through_channel,
    with_halved_chroma,
)
from tests.models.test_modem import scene

CPU = torch.device("cpu")
RUNGS = [RungConfig("low", 3, 2.0, 38.0, 50, 60), RungConfig("high", 5, 0.6, 40.0, 90, 95)]


@pytest.fixture
def config(make_config) -> Config:
    config = make_config()
    return replace(config, model=replace(config.model, name="modem", rungs=RUNGS, blocks=2, width=8))


@pytest.fixture
def modem(config) -> Modem:
    torch.manual_seed(0)
    return build_from(config.model)


@pytest.fixture
def covers() -> torch.Tensor:
    picture = torch.from_numpy(scene(32, 64)).permute(2, 0, 1)
    return torch.stack([picture[:, :, :32], picture[:, :, 32:]])[:, None]  # (2, 1, 3, 32, 32)


def test_randomness_follows_from_seed_and_step(config):
    draws = [draw_modem_randomness(config, step, CPU) for step in range(20)]
    again = draw_modem_randomness(config, 7, CPU)
    assert torch.equal(again.bits, draws[7].bits)
    assert torch.equal(again.dither, draws[7].dither)
    assert {draw.rung for draw in draws} == {0, 1}
    for draw in draws:
        rung, used = RUNGS[draw.rung], draw.bits != 0
        assert draw.bits.shape == (2, 8, 4, 4)
        assert used[:, slice(0, 3) if draw.rung == 0 else slice(3, 8)].all()
        assert used.sum() == 2 * rung.bits * 16
        assert ((draw.quality >= rung.lowest) & (draw.quality <= rung.highest)).all()
        assert 0 <= draw.dither.min() <= draw.dither.max() < 1


def test_a_part_of_a_batch_is_as_in_the_whole(config, modem, covers):
    randomness, network = randomness_of(config, 0, 2, torch.Generator().manual_seed(0), CPU), ModemPass(modem, "fp32")
    whole = network(covers, randomness)
    for part in (slice(0, 1), slice(1, 2)):
        for there, here in zip(whole, network(covers[part], randomness.select(part)), strict=True):
            torch.testing.assert_close(there[part], here)


@pytest.mark.parametrize("full_chroma", [False, True])
def test_the_channel_is_real_jpeg(config, full_chroma):
    channel = replace(config.channel, twice=0.0, full_chroma=float(full_chroma))
    randomness = randomness_of(replace(config, channel=channel), 0, 1, torch.Generator().manual_seed(0), CPU)
    picture = scene(32, 32)
    stored = from_8_bits(torch.from_numpy(picture)).permute(2, 0, 1)[None].requires_grad_()
    received = through_channel(stored, randomness)
    expected = through_jpeg(picture, int(randomness.quality), full_chroma=full_chroma)
    np.testing.assert_allclose(received[0].detach().permute(1, 2, 0).numpy() * 255, expected, atol=1e-3)
    # A change of the luma passes; one of the chroma from pixel to pixel does not, if chroma is halved.
    received.backward(torch.ones_like(received))
    torch.testing.assert_close(stored.grad, torch.ones_like(stored))


def test_twice_is_another_result(config):
    stored = from_8_bits(torch.from_numpy(scene(32, 32))).permute(2, 0, 1)[None]
    once, twice = (
        through_channel(stored, randomness_of(replace(config, channel=replace(config.channel, twice=share)), 0, 1,
                                              torch.Generator().manual_seed(0), CPU))
        for share in (0.0, 1.0)
    )  # fmt: skip
    assert not torch.equal(once, twice)


def test_halved_chroma_keeps_luma_and_means():
    pictures = torch.rand(2, 3, 8, 8)
    halved = with_halved_chroma(pictures)
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    torch.testing.assert_close((halved * weights).sum(1), (pictures * weights).sum(1))
    torch.testing.assert_close(halved.mean((2, 3)), pictures.mean((2, 3)))
    grey = pictures.mean(1, keepdim=True).repeat(1, 3, 1, 1)
    torch.testing.assert_close(with_halved_chroma(grey), grey)


def test_the_preview_shows_cover_container_and_their_difference(config, modem, covers):
    randomness = randomness_of(config, 1, 2, torch.Generator().manual_seed(0), CPU)
    result = first_pairs(ModemPass(modem, "fp32")(covers, randomness))
    assert not result.container.requires_grad
    page = preview_modem(result)
    assert page.shape == (64, 96, 3)
    np.testing.assert_array_equal(page[:32, :32], covers[0, 0].permute(1, 2, 0).numpy())
