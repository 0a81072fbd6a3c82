from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from stegnet.config.config import Config, DistortConfig, RungConfig
from stegnet.core.jpeg import through_jpeg, through_webp
from stegnet.data.distortions import Distortions
from stegnet.models.tensors import from_8_bits
from stegnet.training.modem_pass import (
    ModemPass,
    randomness_of,
    through_channel,
    with_halved_chroma,
)
from stegnet.training.objectives import ModemObjective
from tests.models.test_modem import scene

CPU = torch.device("cpu")
RUNGS = [RungConfig("low", 3, 2.0, 38.0, 50, 60), RungConfig("high", 5, 0.6, 40.0, 90, 95)]


@pytest.fixture
def config(make_config) -> Config:
    config = make_config()
    return replace(config, model=replace(config.model, name="modem", rungs=RUNGS, blocks=2, width=8))


@pytest.fixture
def covers() -> torch.Tensor:
    picture = torch.from_numpy(scene(32, 64)).permute(2, 0, 1)
    return torch.stack([picture[:, :, :32], picture[:, :, 32:]])[:, None]  # (2, 1, 3, 32, 32)


def test_randomness_follows_from_seed_and_step(config, modem):
    objective = ModemObjective(config, modem, 20)
    draws = [objective.draw(step, CPU) for step in range(20)]
    again = objective.draw(7, CPU)
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
    randomness = randomness_of(config, modem, 0, 2, torch.Generator().manual_seed(0), CPU)
    network = ModemPass(modem, config.channel, "fp32")
    whole = network(covers, randomness)
    for part in (slice(0, 1), slice(1, 2)):
        for there, here in zip(whole, network(covers[part], randomness.select(part)), strict=True):
            torch.testing.assert_close(there[part], here)


def received(config, modem, seed: int = 0, **channel) -> tuple[torch.Tensor, int]:
    """A picture after a channel with other parameters, and the quality that was drawn."""
    config = replace(config, channel=replace(config.channel, **channel))
    stored = from_8_bits(torch.from_numpy(scene(32, 32))).permute(2, 0, 1)[None].requires_grad_()
    randomness = randomness_of(config, modem, 0, 1, torch.Generator().manual_seed(seed), CPU)
    found = through_channel(stored, randomness, Distortions(config.channel.distort))
    found.backward(torch.ones_like(found))
    torch.testing.assert_close(stored.grad, torch.ones_like(stored))
    return found.detach(), int(randomness.quality)


@pytest.mark.parametrize("full_chroma", [False, True])
def test_the_channel_is_real(config, modem, full_chroma):
    """The first of two saves is like the second, but of quality 95."""
    full, twice = {"full_chroma": full_chroma}, through_jpeg(scene(32, 32), 95, full_chroma=full_chroma)
    for channel, expected in (
        ({"twice": 0.0}, lambda quality: through_jpeg(scene(32, 32), quality, **full)),
        ({"twice": 1.0}, lambda quality: through_jpeg(twice, quality, **full)),
        ({"twice": 0.0, "webp": 1.0}, lambda quality: through_webp(scene(32, 32), quality)),
    ):
        found, quality = received(config, modem, full_chroma=float(full_chroma), **channel)
        np.testing.assert_allclose(found[0].permute(1, 2, 0) * 255, expected(quality), atol=1e-3)


@pytest.mark.parametrize("name", [field.name for field in fields(DistortConfig)])
def test_distortions_come_before_the_codec(config, modem, name):
    distort = replace(config.channel.distort, **{name: 1.0})
    changes = []
    for seed in range(4):
        plain, _ = received(config, modem, seed, twice=0.0)
        changed = [received(config, modem, seed, twice=0.0, distort=distort)[0] for _ in range(2)]
        assert torch.equal(*changed)  # as it follows from the seed
        changes.append((changed[0] - plain).square().mean().sqrt().item())
    assert 0 < max(changes) < 0.2


def test_halved_chroma_keeps_luma_and_means():
    pictures = torch.rand(2, 3, 8, 8)
    halved = with_halved_chroma(pictures)
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    torch.testing.assert_close((halved * weights).sum(1), (pictures * weights).sum(1))
    torch.testing.assert_close(halved.mean((2, 3)), pictures.mean((2, 3)))
    grey = pictures.mean(1, keepdim=True).repeat(1, 3, 1, 1)
    torch.testing.assert_close(with_halved_chroma(grey), grey)
