import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from stegnet.config.config import Config
from stegnet.core.measures import CONTAINER_PSNR, INFORMATION
from stegnet.models import build_from
from stegnet.training.modem_pass import ModemResult
from stegnet.training.objectives import ModemObjective, lost_bits, objective_of
from stegnet.training.train import train
from tests.training.test_modem_pass import CPU, RUNGS

BITS = sum(rung.bits for rung in RUNGS)


@pytest.fixture
def config(make_config) -> Config:
    config = make_config(pairs=24, lr=0.001, clip=0.5)
    channel = replace(config.channel, ramp=0.5, start_psnr=30.0, steer=0.1)
    return replace(config, channel=channel, model=replace(config.model, name="modem", rungs=RUNGS, blocks=2, width=8))


@pytest.fixture
def objective(config) -> ModemObjective:
    found = objective_of(config, build_from(config.model), 100)
    assert isinstance(found, ModemObjective)
    return found


def result(scale: float) -> ModemResult:
    """The first rung's bits, known by a log-likelihood ratio of `scale`."""
    bits = torch.zeros(2, BITS, 4, 4)
    bits[:, :3] = torch.randint(2, (2, 3, 4, 4)) * 2.0 - 1
    cover = torch.full((2, 3, 32, 32), 0.5)
    return ModemResult(cover, cover + 2 / 255, bits, bits * scale + (bits == 0) * 7.0)


@pytest.mark.parametrize("scale", [0.0, 50.0, -1.0])
def test_lost_bits_are_the_cross_entropy(scale):
    found, known = result(scale), torch.sigmoid(torch.tensor(scale))
    expected = (functional.binary_cross_entropy(known, torch.tensor(1.0)) / math.log(2)).item()
    assert lost_bits(found.bits, found.likelihoods).item() == pytest.approx(expected, abs=1e-6)


def test_figures_are_bits_per_pixel_and_psnr(objective):
    figures = objective.figures(objective.terms(result(50.0)).stack())
    assert figures[INFORMATION] == pytest.approx(3 / 64)
    assert figures[CONTAINER_PSNR] == pytest.approx(20 * math.log10(255 / 2))


def test_the_weight_steers_towards_the_targets_psnr(config, objective):
    """Below the target, errors weigh more; above it, less; the target rises from 30 dB to the rung's 38."""
    randomness = objective.draw(0, CPU)
    before, rung = objective.weight(0, randomness), RUNGS[randomness.rung]

    def observed(step: int, psnr: float) -> float:
        start = objective.weight(step, randomness)
        objective.observe(step, randomness, torch.tensor([0, 0, 10 ** (-psnr / 10), 0]))
        return objective.weight(step, randomness) / start

    assert observed(0, 29.9) == pytest.approx(math.exp(0.1))
    assert observed(0, 30.1) == pytest.approx(math.exp(-0.1))
    middle = (30 + rung.psnr) / 2
    assert observed(25, middle - 0.1) > 1 > observed(25, middle + 0.1)
    assert observed(99, rung.psnr - 0.1) > 1 > observed(99, rung.psnr + 0.1)
    assert objective.weight(0, randomness) == pytest.approx(before)
    other = replace(randomness, rung=1 - randomness.rung)
    objective.observe(0, other, torch.tensor([0, 0, 1.0, 0]))
    assert objective.weight(0, randomness) == pytest.approx(before)
    copy = objective_of(config, build_from(config.model), 100)
    copy.load_state_dict(objective.state_dict())
    assert copy.weight(0, other) == objective.weight(0, other) > before


def test_a_training_ends_with_weights_that_carry_more(config: Config, shards: Path, tmp_path: Path):
    points = []
    pair, card = train(config, shards, tmp_path / "checkpoints", points.append)
    assert card.options["rungs"][0] == {
        "name": "low", "bits": 3, "scale": 2.0, "psnr": 38.0, "lowest": 50, "highest": 60,
    }  # fmt: skip
    assert card.figures.keys() == {f"training_{CONTAINER_PSNR}", f"training_{INFORMATION}"}
    measured = [point for point in points if f"validation_low_{INFORMATION}" in point]
    assert measured
    assert all(0 < point[f"validation_{name}_{INFORMATION}"] < 0.1 for point in measured for name in ("low", "high"))
    untrained = build_from(config.model).state_dict()
    assert any(not torch.equal(value, untrained[name]) for name, value in pair.state_dict().items())
