"""The training of a network that hides bits in every pixel: its randomness, its loss, and a few steps."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from pipeline.check import check_network
from stegnet import ConfigError
from stegnet.networks import build_from
from stegnet.networks.families.steganogan import SteganoGAN
from tests.support.lab import Config
from tests.support.training import (
    CONTAINER_PSNR,
    INFORMATION,
    BitsPass,
    BitsRandomness,
    BitsResult,
    BitsTask,
    bits_terms,
    prepare_run,
    reed_solomon_bits,
    train,
)

CPU = torch.device("cpu")


@pytest.fixture
def config(make_config) -> Config:
    made = make_config(lr=0.01, clip=1.0, container_start=1.0, bits=0.0, ema=0.5)
    return replace(made, model=replace(made.model, name="steganogan", blocks=1, width=8))


@pytest.fixture
def pair(config: Config) -> SteganoGAN:
    torch.manual_seed(0)
    made = build_from(config.model)
    assert isinstance(made, SteganoGAN)
    return made


@pytest.fixture
def covers() -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.randint(256, (2, 1, 3, 32, 32), generator=random, dtype=torch.uint8)


def test_randomness_follows_from_seed_and_step(config, pair):
    task = BitsTask(pair, config, "fp32", 100)
    bits = task.plan(7, CPU).randomness.bits
    assert bits.shape == (2, 1, 32, 32)
    assert bits.unique().tolist() == [0, 1]
    assert abs(bits.mean() - 0.5) < 0.05
    assert torch.equal(task.plan(7, CPU).randomness.bits, bits)
    others = task.plan(8, CPU).randomness, BitsTask(pair, replace(config, seed=1), "fp32", 100).plan(7, CPU).randomness
    assert not any(torch.equal(other.bits, bits) for other in others)
    assert torch.equal(task.plan(7, CPU).randomness.select(slice(1, 2)).bits, bits[1:])


def test_bits_are_read_from_what_is_stored(pair, covers):
    bits = torch.ones(2, 1, 32, 32)
    with torch.no_grad():
        pair.encoder.last.bias += 0.4  # some samples overshoot
    for rounded in (True, False):
        result = BitsPass(pair.eval(), rounded, "fp32")(covers, BitsRandomness(bits))
        assert result.container.max() > 1
        levels = result.container.clamp(0, 1) * 255
        torch.testing.assert_close(result.stored * 255, levels.round() if rounded else levels, rtol=0, atol=1e-4)
        assert torch.equal(result.logits, pair.reveal(result.stored))
        assert torch.equal(result.penalty, pair.penalty(result.cover, result.container))


def test_the_terms_are_the_authors_loss():
    """100 · MSE of samples in [−1, 1] with the penalty, and the cross-entropy in nats."""
    random = torch.Generator().manual_seed(0)
    cover, container = torch.rand(2, 2, 3, 8, 8, generator=random)
    logits = torch.randn(2, 4, 8, 8, generator=random)
    bits = torch.randint(2, (2, 4, 8, 8), generator=random).float()
    terms = bits_terms(BitsResult(cover, container, container, bits, logits, torch.tensor(0.7)))
    mse = functional.mse_loss(2 * container - 1, 2 * cover - 1)
    torch.testing.assert_close(terms.container, 100 * mse + 0.7)
    probability = torch.where(bits == 1, logits.sigmoid(), 1 - logits.sigmoid())
    torch.testing.assert_close(terms.secret, -probability.log().mean())
    torch.testing.assert_close(terms.container_mse, mse / 4)
    torch.testing.assert_close(terms.secret_figure, (probability > 0.5).float().mean())


def test_a_reed_solomon_code_carries_what_its_rate_says():
    """A code of n = 255 and k = 223, as on compact discs, corrects 16 symbols."""
    assert reed_solomon_bits(6, 1 - 16 / 255) == pytest.approx(6 * 223 / 255)
    assert reed_solomon_bits(6, 1.0) == 6
    assert reed_solomon_bits(6, 0.4) == reed_solomon_bits(6, 0.5) == 0


def test_figures_are_psnr_and_bits_per_pixel(config, pair):
    pair.depth = 4
    figures = BitsTask(pair, config, "fp32", 100).figures(torch.tensor([0.0, 0.0, 0.001, 0.875]))
    assert figures == {CONTAINER_PSNR: pytest.approx(30), INFORMATION: pytest.approx(3)}


def test_a_step_clamps_the_critic(config, pair):
    task = BitsTask(pair, config, "fp32", 100)
    task.after_step(0, task.plan(0, CPU).randomness, torch.zeros(4))
    assert max(weight.abs().max() for weight in pair.critic.parameters()) <= 0.1 + 1e-7
    assert max(weight.abs().max() for weight in pair.encoder.parameters()) > 0.1


def test_a_training_learns_to_reveal_bits_and_validates_on_files(config: Config, shards: Path, tmp_path: Path):
    points: list[dict[str, float]] = []
    config = replace(config, train=replace(config.train, pairs=120, rounded=False, validate=30))
    trained, card, _ = train(prepare_run(config, shards), tmp_path / "checkpoints", points.append)
    assert isinstance(trained, SteganoGAN)
    assert all(math.isfinite(value) for point in points for value in point.values())
    assert points[-1][INFORMATION] > 0.5 > points[0][INFORMATION]
    assert max(weight.abs().max() for weight in trained.critic.parameters()) <= 0.1 + 1e-7
    validated = {f"validation_{name}" for name in ("loss", CONTAINER_PSNR, INFORMATION)}
    assert validated <= card.figures.keys()
    assert validated <= points[-1].keys()
    assert points[-1][f"validation_{INFORMATION}"] > 0.2


def test_the_validation_measures_rounded_containers_without_the_critic(config: Config, pair, shards: Path):
    """It is the same for a critic of other weights, and for a training that doesn't round."""

    def measured(rounded: bool) -> dict[str, float]:
        trained = replace(config, train=replace(config.train, rounded=rounded))
        measure = BitsTask(pair, trained, "fp32", 100).validation(shards, CPU, 2)
        assert measure
        return measure(pair)

    psnr = f"validation_{CONTAINER_PSNR}"
    found = measured(rounded=True)
    with torch.no_grad():
        pair.critic[-1].weight += 1
    assert measured(rounded=False) == found
    assert found["validation_loss"] > 400 * 10 ** (-found[psnr] / 10)
    with torch.no_grad():
        pair.encoder.last.weight.zero_()
        pair.encoder.last.bias.fill_(0.6 / 255)  # a change of 0.3 levels, which rounding undoes
    assert measured(rounded=False)[psnr] == math.inf


def test_the_pipeline_names_what_trains_it(config: Config):
    with pytest.raises(ConfigError, match="steganogan hides no pictures") as caught:
        check_network(config.model, 32)
    assert caught.value.hint == "`make zoo` trains and measures it"
