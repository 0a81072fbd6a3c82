"""A training step of the modem for films: pictures that move, real codecs, and bits that come back."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from stegnet.config.config import Config, RungConfig
from stegnet.core.video import BLACK, WHITE, through_codec
from stegnet.data.distortions import Distortions
from stegnet.training.film_pass import MARGIN, UNITS, FilmPass, film_randomness, moving, through_channel
from stegnet.training.objectives import ModemObjective, lost_bits
from tests.models.test_modem import scene

CPU = torch.device("cpu")
FRAMES, SIDE = 4, 32
RUNGS = [RungConfig("mild", 5, 2.0, 38.0, 4, 8, 1), RungConfig("hard", 3, 4.0, 36.0, 24, 28, 4)]
BITS = 5 * FRAMES + 3


@pytest.fixture
def config(make_config) -> Config:
    config = make_config(crop=SIDE + MARGIN)
    model = replace(config.model, name="modem", frames=FRAMES, rungs=RUNGS, blocks=2, width=8)
    return replace(config, model=model, channel=replace(config.channel, twice=0.0))


@pytest.fixture
def pictures() -> torch.Tensor:
    side = SIDE + MARGIN
    picture = torch.from_numpy(scene(side, 2 * side)).permute(2, 0, 1)
    return torch.stack([picture[:, :, :side], picture[:, :, side:]])[:, None]  # (2, 1, 3, side, side)


def randomness(config, modem, rung: int = 0, seed: int = 0):
    return film_randomness(config, modem, rung, 2, torch.Generator().manual_seed(seed), CPU)


def test_randomness_follows_from_seed_and_step(config, modem):
    objective = ModemObjective(config, modem, 20)
    draws = [objective.draw(step, CPU) for step in range(12)]
    assert torch.equal(objective.draw(7, CPU).bits, draws[7].bits)
    assert {draw.rung for draw in draws} == {0, 1}
    for draw in draws:
        used = draw.bits[0, 0, :, 0, 0] != 0
        assert used.tolist() == [(place < 20) == (draw.rung == 0) for place in range(BITS)]
        assert ((draw.crf >= RUNGS[draw.rung].lowest) & (draw.crf <= RUNGS[draw.rung].highest)).all()


def test_films_are_drawn_in_the_shares_that_the_parameters_name(config, modem):
    channel = replace(config.channel, twice=0.3)
    random = torch.Generator().manual_seed(0)
    draw = film_randomness(replace(config, channel=channel), modem, 1, 400, random, CPU)
    assert 0.2 < draw.twice.float().mean() < 0.4
    assert set(draw.crf.tolist()) == {24, 25, 26, 27, 28}
    assert 0.4 < (draw.noise > 0).float().mean() < 0.6
    assert 1.8 / 255 < draw.noise.max() <= 2 / 255  # two levels of 8 bits


def test_a_still_film_is_its_picture(config, modem, pictures):
    draw = randomness(config, modem)
    motion = torch.zeros_like(draw.motion)
    motion[..., 0], motion[..., 1], motion[..., 2] = 5, 9, 1  # place down, across, and size
    draw = replace(draw, motion=motion, noise=torch.zeros(2), front=torch.zeros(2, 4))
    film = moving(pictures[:, 0].float() / 255, draw)
    weights = torch.tensor([0.2126, 0.7152, 0.0722])[:, None, None]
    expected = (pictures[:, 0].float() * weights).sum(1)[:, 5 : 5 + SIDE, 9 : 9 + SIDE]
    for frame in film.unbind(1):
        assert (frame * 255 - expected).abs().max() <= 0.51


def test_the_channel_is_real_h264(config, modem, pictures):
    draw, none = randomness(config, modem), Distortions(config.channel.distort)
    stored = moving(pictures[:, 0].float() / 255, draw).requires_grad_()
    received = through_channel(stored, draw, none)
    levels = (stored.detach() * (WHITE - BLACK) + BLACK).round().to(torch.uint8).numpy()
    presets = ("medium", "medium", "fast", "veryfast")
    expected = through_codec(levels[1], "h264", int(draw.crf[1]), presets[int(draw.preset[1])])
    np.testing.assert_allclose(received[1].detach() * (WHITE - BLACK) + BLACK, expected.clip(BLACK, WHITE), atol=1e-3)
    received.sum().backward()
    torch.testing.assert_close(stored.grad, torch.ones_like(stored))
    twice = through_channel(stored, replace(draw, twice=torch.ones(2, dtype=torch.bool)), none)
    written = through_codec(levels[1], "h264", 18, "medium")
    expected = through_codec(written, "h264", int(draw.crf[1]), presets[int(draw.preset[1])])
    np.testing.assert_allclose(twice[1].detach() * (WHITE - BLACK) + BLACK, expected.clip(BLACK, WHITE), atol=1e-3)


def test_a_pass_hides_and_reveals(config, modem, pictures):
    network = FilmPass(modem, config.channel, "fp32")
    result = network(pictures, randomness(config, modem))
    assert result.cover.shape == result.container.shape == (2 * UNITS, FRAMES, SIDE, SIDE)
    assert result.bits.shape == result.likelihoods.shape == (2 * UNITS, BITS, SIDE // 8, SIDE // 8)
    used = result.bits != 0
    assert ((result.likelihoods * result.bits)[used] > 0).float().mean() > 0.9  # at CRF 4 to 8
    lost_bits(result.bits, result.likelihoods).backward()
    assert all(torch.isfinite(weight.grad).all() for weight in modem.parameters() if weight.grad is not None)
    assert modem.modulator.last.weight.grad.abs().sum() > 0


def test_a_part_of_a_batch_is_as_in_the_whole(config, modem, pictures):
    draw, network = randomness(config, modem), FilmPass(modem, config.channel, "fp32")
    draw = replace(draw, front=torch.zeros(2, 4))  # which come from another picture of the batch
    whole = network(pictures, draw)
    part = network(pictures[1:], draw.select(slice(1, 2)))
    for there, here in zip(whole, part, strict=True):
        torch.testing.assert_close(there[UNITS:], here)
