"""The training of a modem: its channel, its task, and a few steps."""

import math
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from stegnet import ConfigError
from stegnet.networks import build_from
from study.tasks.modem_config import DistortConfig, ModemConfig
from study.tasks.modem_task import (
    INFORMATION,
    Distortions,
    ModemPass,
    ModemResult,
    ModemTask,
    lost_bits,
    randomness_of,
    through_channel,
    with_halved_chroma,
)
from study.training import changed_config
from tests.study.tasks.conftest import RUNGS
from tests.support.jpegs import through_jpeg, through_webp
from tests.support.lab import PARAMS, ROOT, changed, check_as, flatten, read, render_scene
from tests.support.training import CONTAINER_PSNR, from_8_bits, prepare_run, train

CPU = torch.device("cpu")
BITS = sum(rung.bits for rung in RUNGS)


@cache
def scene() -> np.ndarray:
    """A rendered picture, (32, 64, 3) uint8."""
    return render_scene(64, (3, 0))[:32]


@pytest.fixture
def covers() -> torch.Tensor:
    picture = torch.from_numpy(scene()).permute(2, 0, 1)
    return torch.stack([picture[:, :, :32], picture[:, :, 32:]])[:, None]  # (2, 1, 3, 32, 32)


@pytest.fixture
def task(modem_config: ModemConfig, modem) -> ModemTask:
    return ModemTask(modem, modem_config, "fp32", 100)


def test_randomness_follows_from_seed_and_step(task):
    draws = [task.plan(step, CPU).randomness for step in range(20)]
    again = task.plan(7, CPU).randomness
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


def test_a_part_of_a_batch_is_as_in_the_whole(modem_config, modem, covers):
    randomness = randomness_of(modem_config, modem, 0, 2, torch.Generator().manual_seed(0), CPU)
    network = ModemPass(modem, modem_config.channel, "fp32")
    whole = network(covers, randomness)
    for part in (slice(0, 1), slice(1, 2)):
        for there, here in zip(whole, network(covers[part], randomness.select(part)), strict=True):
            torch.testing.assert_close(there[part], here)


def received(config, modem, seed: int = 0, **channel) -> tuple[torch.Tensor, int]:
    """A picture after a channel with other parameters, and the quality that was drawn."""
    config = replace(config, channel=replace(config.channel, **channel))
    stored = from_8_bits(torch.from_numpy(scene()[:, :32])).permute(2, 0, 1)[None].requires_grad_()
    randomness = randomness_of(config, modem, 0, 1, torch.Generator().manual_seed(seed), CPU)
    found = through_channel(stored, randomness, Distortions(config.channel.distort))
    found.backward(torch.ones_like(found))
    torch.testing.assert_close(stored.grad, torch.ones_like(stored))
    return found.detach(), int(randomness.quality)


@pytest.mark.parametrize("full_chroma", [False, True])
def test_the_channel_is_real(modem_config, modem, full_chroma):
    """The first of two saves is like the second, but of quality 95."""
    picture, full = scene()[:, :32], {"full_chroma": full_chroma}
    twice = through_jpeg(picture, 95, full_chroma=full_chroma)
    for channel, expected in (
        ({"twice": 0.0}, lambda quality: through_jpeg(picture, quality, **full)),
        ({"twice": 1.0}, lambda quality: through_jpeg(twice, quality, **full)),
        ({"twice": 0.0, "webp": 1.0}, lambda quality: through_webp(picture, quality)),
    ):
        found, quality = received(modem_config, modem, full_chroma=float(full_chroma), **channel)
        np.testing.assert_allclose(found[0].permute(1, 2, 0) * 255, expected(quality), atol=1e-3)


def test_distortions_come_before_the_codec(modem_config, modem):
    for field in fields(DistortConfig):
        distort = replace(modem_config.channel.distort, **{field.name: 1.0})
        changes = []
        for seed in range(2):
            plain, _ = received(modem_config, modem, seed, twice=0.0)
            changed = [received(modem_config, modem, seed, twice=0.0, distort=distort)[0] for _ in range(2)]
            assert torch.equal(*changed)  # as it follows from the seed
            changes.append((changed[0] - plain).square().mean().sqrt().item())
        assert 0 < max(changes) < 0.2, field.name


def test_halved_chroma_keeps_luma_and_means():
    pictures = torch.rand(2, 3, 8, 8)
    halved = with_halved_chroma(pictures)
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    torch.testing.assert_close((halved * weights).sum(1), (pictures * weights).sum(1))
    torch.testing.assert_close(halved.mean((2, 3)), pictures.mean((2, 3)))
    grey = pictures.mean(1, keepdim=True).repeat(1, 3, 1, 1)
    torch.testing.assert_close(with_halved_chroma(grey), grey)


def result(scale: float) -> ModemResult:
    """The first rung's bits, known by a log-likelihood ratio of `scale`."""
    bits = torch.zeros(2, BITS, 4, 4)
    bits[:, :3] = torch.randint(2, (2, 3, 4, 4)) * 2.0 - 1
    cover = torch.full((2, 3, 32, 32), 0.5)
    return ModemResult(cover, cover + 2 / 255, bits, bits * scale + (bits == 0) * 7.0)


def test_lost_bits_are_the_cross_entropy_and_figures_bits_per_pixel_and_psnr(task):
    for scale in (0.0, 50.0, -1.0):
        found, known = result(scale), torch.sigmoid(torch.tensor(scale))
        expected = (functional.binary_cross_entropy(known, torch.tensor(1.0)) / math.log(2)).item()
        assert lost_bits(found.bits, found.likelihoods).item() == pytest.approx(expected, abs=1e-6)
    figures = task.figures(task.terms(result(50.0)).stack())
    assert figures[INFORMATION] == pytest.approx(3 / 64)
    assert figures[CONTAINER_PSNR] == pytest.approx(20 * math.log10(255 / 2))


def test_the_weight_steers_towards_the_targets_psnr(modem_config, modem, task):
    """Below the target, errors weigh more; above it, less; the target rises from 30 dB to the rung's 38."""
    steps = {task.plan(step, CPU).randomness.rung: step for step in range(20)}  # a step of each rung

    def weight(rung: int, of: ModemTask = task) -> float:
        return of.plan(steps[rung], CPU).container_weight

    def observed(step: int, psnr: float, rung: int = 0) -> float:
        start = weight(rung)
        task.after_step(step, task.plan(steps[rung], CPU).randomness, torch.tensor([0, 0, 10 ** (-psnr / 10), 0]))
        return weight(rung) / start

    before, target = weight(0), RUNGS[0].psnr
    assert observed(0, 29.9) == pytest.approx(math.exp(0.1))
    assert observed(0, 30.1) == pytest.approx(math.exp(-0.1))
    middle = (30 + target) / 2
    assert observed(25, middle - 0.1) > 1 > observed(25, middle + 0.1)
    assert observed(99, target - 0.1) > 1 > observed(99, target + 0.1)
    assert weight(0) == pytest.approx(before)
    assert observed(0, 0.0, rung=1) > 1
    assert weight(0) == pytest.approx(before)
    copy = ModemTask(modem, modem_config, "fp32", 100)
    copy.load_state_dict(task.state_dict())
    assert weight(1, copy) == weight(1) > before


@pytest.mark.night
def test_a_training_ends_with_weights_that_carry_more(modem_config: ModemConfig, shards: Path, tmp_path: Path):
    points: list[dict[str, float]] = []
    pair, card, _ = train(prepare_run(modem_config, shards, ModemTask), tmp_path / "checkpoints", points.append)
    assert card.options["rungs"][0] == {
        "name": "low", "bits": 3, "scale": 2.0, "psnr": 38.0, "lowest": 50, "highest": 60,
    }  # fmt: skip
    assert card.figures.keys() == {f"training_{CONTAINER_PSNR}", f"training_{INFORMATION}"}
    measured = [point for point in points if f"validation_low_{INFORMATION}" in point]
    assert measured
    assert all(0 < point[f"validation_{name}_{INFORMATION}"] < 0.1 for point in measured for name in ("low", "high"))
    untrained = build_from(modem_config.model).state_dict()
    assert any(not torch.equal(value, untrained[name]) for name, value in pair.state_dict().items())


def test_an_augmentation_that_a_study_does_not_name_is_0_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    modem = ROOT / "study" / "modem.yaml"
    (tmp_path / "other.yaml").write_text(
        modem.read_text(encoding="utf-8").replace("    blur: 0.05\n", ""), encoding="utf-8"
    )
    whole, other = (changed_config(path).train.augment for path in (modem, tmp_path / "other.yaml"))
    assert (whole.blur, other) == (0.05, replace(whole, blur=0.0))


def error(changes: dict[str, object]) -> str:
    """The line on parameters of a modem with changed values."""
    values = changed(changed(read(PARAMS), flatten(read(ROOT / "study" / "modem.yaml"))), changes)
    with pytest.raises(ConfigError) as caught:
        check_as(values, ModemConfig)
    return str(caught.value).removeprefix("params.yaml: ")


def test_a_rung_is_named_by_its_number():
    rungs = read(ROOT / "study" / "modem.yaml")["model"]["rungs"]
    wrong = error({"model.rungs": [rungs[0], rungs[1] | {"bits": 65}]})
    assert wrong == "model.rungs.1.bits: must be less than or equal to 64, is 65"
    assert error({"model.rungs": [rungs[0] | {"bitz": 1}]}) == "model.rungs.0.bitz: unknown key"
    upside_down = error({"model.rungs": [rungs[0] | {"lowest": 99, "highest": 98}]})
    assert upside_down == "model.rungs.0: lowest must not exceed highest"
