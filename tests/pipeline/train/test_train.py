import json
import math
import os
import re
import shutil
import signal
from collections.abc import Iterable, Iterator
from dataclasses import asdict, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.train.run import TrainingRun
from stegnet.networks import SHIPPED, Pair, load_pair, read_card, weights_id
from tests.pipeline.train.conftest import Stopped, Training
from tests.support.lab import TRAIN, Config, Pairs, TrainingError, data_hash
from tests.support.shards import write_shards
from tests.support.training import (
    FIGURES,
    Checkpoint,
    HidingTask,
    Trainer,
    container_weight,
    fingerprint,
    first_pair,
    learning_rate,
    make_deterministic,
    prepare_run,
    train,
    write_weights,
)

CPU = torch.device("cpu")


pytestmark = pytest.mark.usefixtures("on_the_cpu")


def weights(pair: Pair) -> bytes:
    return b"".join(tensor.numpy().tobytes() for tensor in pair.state_dict().values())


def stop_before(run, config: Config, step: int) -> None:
    with pytest.raises(Stopped):
        run(config, stop=step)


def test_every_setting_changes_the_weights(run, make_config):
    settings = ({}, {"seed": 1}, {"lr": 0.001}, {"scrambled": 0.0}, {"bits": 0.2}, {"ema": 0.5})
    few = {"pairs": 6, "validate": 0}
    assert len({weights(run(make_config(**few, **changes)).pair) for changes in settings}) == len(settings)


def test_a_training_that_ctrl_c_stops_goes_on_from_its_checkpoint_and_ends_with_the_same_bits(
    run, make_config, shards, tmp_path
):
    whole = run(make_config(), "whole")
    assert [point["step"] for point in whole.curve] == list(range(12))

    def interrupted(steps: range) -> Iterable[int]:
        for step in steps:
            if step == 5:
                os.kill(os.getpid(), signal.SIGINT)
            yield step

    with pytest.raises(KeyboardInterrupt):
        train(prepare_run(make_config(), shards), tmp_path / "checkpoints", progress=interrupted)
    torch.rand(7)
    late = run(make_config())
    assert late.steps == list(range(4, 12))
    assert (weights(late.pair), late.curve, late.card) == (weights(whole.pair), whole.curve, whole.card)


def changed(section: Any) -> Iterator[tuple[str, Any]]:
    """Name of each value in a section, and the section with that value changed."""
    for name, value in vars(section).items():
        if is_dataclass(value):
            yield from ((f"{name}.{key}", replace(section, **{name: other})) for key, other in changed(value))
        elif name == "name":
            yield name, replace(section, name="unet")
        elif value is not None:
            yield name, replace(section, **{name: f"{value}x" if isinstance(value, str) else not value})


def test_every_setting_changes_the_fingerprint(make_config, shards, tmp_path):
    """Except settings of later stages, of the data, which have a hash, and those that only cost time."""
    config = make_config()
    name = fingerprint(config, shards, CPU, "fp32", HidingTask)
    found = {key: fingerprint(other, shards, CPU, "fp32", HidingTask) for key, other in changed(config)}
    same = {key for key, other in found.items() if other == name}
    assert {key for key in same if key.split(".")[0] not in ("data", "evaluate", "detect", "video")} == {
        "code", "train.workers", "train.checkpoint", "train.devices",
    }  # fmt: skip
    others = [found[key] for key in found.keys() - same]
    others += [
        fingerprint(config, shards, torch.device("cuda"), "fp32", HidingTask),
        fingerprint(config, shards, CPU, "bf16", HidingTask),
    ]
    others.append(fingerprint(config, write_shards(tmp_path / "others", [(TRAIN, "folder")]), CPU, "fp32", HidingTask))
    assert len({name, *others}) == 1 + len(others)


def assert_close(one: Training, other: Training) -> None:
    torch.testing.assert_close(one.pair.state_dict(), other.pair.state_dict(), atol=1e-4, rtol=1e-3)
    for point, again in zip(one.curve, other.curve, strict=True):
        assert again == pytest.approx(point, rel=1e-3)


def test_gradient_accumulation_gives_the_same_result(run, make_config):
    assert_close(*(run(make_config(batch=4, pairs=16, accumulate=parts)) for parts in (1, 2)))


@pytest.mark.night
@pytest.mark.skipif(shutil.which("cc") is None and shutil.which("g++") is None, reason="no C compiler")
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # PyTorch's own look at it
def test_compiled_networks_train_the_same(run, make_config):
    model = replace(make_config().model, ends=0)
    assert_close(*(run(make_config(model=model, pairs=6, compile=compiled)) for compiled in (False, True)))


def test_the_checkpoint_stays_until_the_result_is_safe(run, shards, make_config, tmp_path):
    config, curve = make_config(), []
    first, *_ = train(prepare_run(config, shards), tmp_path / "checkpoints", curve.append)
    late = run(config)
    assert late.steps == []
    assert (weights(late.pair), late.curve) == (weights(first), curve)
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_changed_code_does_not_resume_old_checkpoints(run, make_config, monkeypatch):
    stop_before(run, make_config(), 9)
    monkeypatch.setattr("pipeline.train.run.source_hash", lambda names: "other")
    assert run(make_config()).steps[0] == 0


def test_the_schedules():
    """The rate ends its warm-up at step 9, and is half way between 2 and 0.2 at 60; 35 is at a cosine of 45°."""

    def rate(step: int, steps: int = 110, warmup: int = 10) -> float:
        return learning_rate(step, steps, peak=2.0, end=0.1, warmup=warmup)

    expected = {0: 0.2, 4: 1, 9: 2, 10: 2, 35: 0.2 + 1.8 * (1 + math.sqrt(0.5)) / 2, 60: 1.1, 110: 0.2}
    assert {step: rate(step) for step in expected} == pytest.approx(expected)
    assert rate(0, warmup=0) == 2
    for warmup in (5, 50):  # as long as the training, or longer
        assert [rate(step, 5, warmup) for step in range(5)] == pytest.approx(
            [2 * (step + 1) / warmup for step in range(5)]
        )
    # The container's weight grows geometrically: half way is 0.1.
    expected = {0: 0.01, 15: 0.01**0.75, 30: 0.1, 60: 1, 61: 1, 99: 1}
    assert {step: container_weight(step, 100, start=0.01, ramp=0.6) for step in expected} == pytest.approx(expected)
    assert container_weight(0, 100, start=0.01, ramp=0) == 1


def flat(pair: Pair) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in pair.parameters()])


def some_pairs(count: int = 2) -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.randint(256, (count, 2, 3, 32, 32), dtype=torch.uint8, generator=random)


def run_of(config: Config, precision: str = "fp32") -> TrainingRun:
    """A training of no shards, on the CPU."""
    return TrainingRun(config, Path(), CPU, precision, 1, 0, "", HidingTask)


def stepped(config: Config) -> Trainer:
    """A training after its first step."""
    make_deterministic(config.seed, 1)
    trainer = Trainer(run_of(config))
    trainer.step(some_pairs())
    return trainer


def gradient(*networks: torch.Tensor | torch.nn.Module) -> torch.Tensor:
    """The gradient of all weights of networks, as one vector."""
    parts: list[torch.Tensor] = []
    for network in networks:
        assert isinstance(network, torch.nn.Module)
        for weight in network.parameters():
            assert weight.grad is not None
            parts.append(weight.grad.flatten())
    return torch.cat(parts)


def test_each_term_s_gradient_has_its_own_weight(make_config):
    """In Baluja's pair, the revealing network shares no weights with the hiding one."""
    model = replace(make_config().model, name="baluja", width=4)

    def pull(container: float, secret: float) -> tuple[torch.Tensor, torch.Tensor]:
        config = make_config(model=model, container_start=container, container_ramp=1.0, clip=1e8, bits=0.0, noise=0.0)
        pair = stepped(replace(config, beta=secret))._pair
        return gradient(pair.preparer, pair.hider), gradient(pair.revealer)

    hiding, revealing = zip(pull(1.0, 0.0), pull(0.0, 1.0), pull(0.25, 3.0), strict=True)
    assert hiding[0].any() and not revealing[0].any()  # the container alone teaches no revealing
    assert hiding[1].any() and revealing[1].any()
    torch.testing.assert_close(hiding[2], 0.25 * hiding[0] + 3 * hiding[1], rtol=1e-3, atol=1e-7)
    torch.testing.assert_close(revealing[2], 3 * revealing[1], rtol=1e-3, atol=1e-7)


def test_the_first_step_is_as_long_as_the_schedule_says(make_config):
    """Adam's first step is as long as the learning rate, whatever the gradient (Kingma and Ba 2015, section 2.1)."""
    for warmup in (4, 16):
        config = make_config(lr=0.01, warmup=warmup, weight_decay=0.0)
        make_deterministic(0, 1)
        before = flat(first_pair(config))
        moved = (flat(stepped(config)._pair) - before).abs().max().item()
        assert moved == pytest.approx(0.01 / warmup, rel=0.01)


def test_gradients_are_clipped_to_the_maximum_norm(make_config):
    """The reported norm is the one before clipping."""

    def norms(clip: float) -> tuple[float, float]:
        trainer = stepped(make_config(clip=clip, pairs=2))
        return gradient(trainer._pair).norm().item(), trainer.curve[-1]["gradient_norm"]

    whole, reported = norms(1e8)
    assert reported == pytest.approx(whole, rel=1e-4)
    clipped, reported = norms(whole / 4)
    assert (clipped, reported) == pytest.approx((whole / 4, whole), rel=1e-3)


def test_weights_decay(make_config):
    """Decoupled from the gradient (Loshchilov and Hutter 2019, algorithm 2)."""
    config = make_config(lr=0.01, warmup=2)
    make_deterministic(0, 1)
    before = flat(first_pair(config))
    kept, decayed = (
        flat(stepped(replace(config, train=replace(config.train, weight_decay=decay)))._pair) for decay in (0.0, 0.5)
    )
    torch.testing.assert_close(kept - decayed, 0.01 / 2 * 0.5 * before, rtol=0, atol=1e-6)
    assert before.abs().max() > 0.01


def test_the_average_follows_its_decay(make_config):
    """Of weights, and of the statistics of batch norms."""
    model = replace(make_config().model, name="timm_unet", width=4, backbone="test_resnet")
    config = make_config(ema=0.75, model=model)
    trainer = Trainer(run_of(config))

    def values(pair: Pair) -> torch.Tensor:
        return torch.cat([flat(pair), *(each.flatten() for each in pair.buffers() if each.is_floating_point())])

    expected = None
    for _ in range(3):
        trainer.step(some_pairs())
        now = values(trainer._pair)
        expected = now if expected is None else 0.75 * expected + 0.25 * now
    torch.testing.assert_close(values(trainer.averaged()), expected)
    assert not torch.equal(expected, now)


def test_a_training_in_fp16_learns_as_in_fp32_and_resumes(run, make_config):
    config = make_config(precision="fp16")
    whole = run(config, "whole")
    stop_before(run, config, 7)
    late = run(config)
    assert late.steps == list(range(4, 12))
    assert (weights(late.pair), late.curve) == (weights(whole.pair), whole.curve)
    assert whole.card.training["precision"] == "fp16"
    exact = run(make_config(), "exact")
    assert weights(exact.pair) != weights(whole.pair)
    losses = [[point["loss"] for point in training.curve] for training in (whole, exact)]
    np.testing.assert_allclose(*losses, rtol=0.02)


def test_a_step_whose_scaled_gradients_overflow_is_left_out(make_config):
    config = make_config()
    trainer = Trainer(run_of(config, "fp16"))
    trainer._scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)
    before = flat(trainer._pair)
    trainer.step(some_pairs())
    assert torch.equal(flat(trainer._pair), before)
    assert trainer._scaler.get_scale() == 2.0**126
    trainer._scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    trainer.step(some_pairs())
    assert not torch.equal(flat(trainer._pair), before)
    trainer._scaler = torch.amp.GradScaler("cpu", init_scale=0.5)
    with pytest.raises(FloatingPointError, match="the loss or its gradient is no longer finite"):
        trainer.step(some_pairs())


def test_a_diverging_training_names_pictures_and_checkpoint(run, make_config, tmp_path):
    model = replace(make_config().model, name="baluja", width=4)
    config = make_config(model=model, lr=1.0, clip=1e8, warmup=0, pairs=200, checkpoint=1)
    with pytest.raises(TrainingError) as caught:
        run(config)
    said = re.fullmatch(
        r"training diverged at step (\d+): the loss or its gradient is no longer finite; covers: (.*); secrets: (.*)",
        str(caught.value),
    )
    step = int(said[1])
    pairs = Pairs(tmp_path / "shards", 32, config.train.augment, 0).names(range(2 * step, 2 * step + 2))
    assert [said[2].split(", "), said[3].split(", ")] == [list(names) for names in zip(*pairs, strict=True)]
    (last,) = (tmp_path / "checkpoints").glob("*.pt")
    assert caught.value.hint.startswith(f"the last good state is {last}; ")
    assert Checkpoint(last.parent, last.stem).load()["step"] == step


def test_from_a_step_that_diverges_on_no_weight_changes(make_config, monkeypatch):
    """A GPU is not waited for in each step: the failure of one may be seen some steps later."""
    monkeypatch.setattr(Trainer, "waits", False)
    trainer = stepped(make_config(pairs=2 * 2000))
    next(trainer._pair.parameters()).data.fill_(torch.inf)
    before = flat(trainer._pair)
    for _ in range(2):
        trainer.step(some_pairs())
    assert torch.equal(flat(trainer._pair), before)
    with pytest.raises(FloatingPointError, match="the loss or its gradient is no longer finite"):
        trainer.state_dict()


def test_too_little_memory_is_said_in_one_line(make_config, run):
    model = replace(make_config().model, name="baluja", width=10**13)
    with pytest.raises(TrainingError, match="more memory than the device has") as caught:
        run(make_config(model=model))
    assert "train.accumulate" in caught.value.hint


def test_the_card_suffices_to_build_the_pair(run, make_config, shards, tmp_path):
    model = replace(make_config().model, name="timm_unet", width=4, backbone="test_resnet")
    config = make_config(model=model, pairs=2, validate=5)
    config = replace(config, seed=3, beta=0.4, data=replace(config.data, source="folder"))  # none as in params.yaml
    pair, card, curve, _ = run(config)
    path, cached = tmp_path / "new" / "pair.safetensors", tmp_path / "cached"
    path.parent.mkdir()
    cached.write_bytes(b"of DVC's cache, which outputs may be links to")
    path.symlink_to(cached)
    write_weights(path, pair, card)
    assert cached.read_bytes().startswith(b"of DVC")
    back, read = load_pair(path)
    assert weights(back) == weights(pair)
    last = curve[-1]
    figures = {f"training_{side}_psnr": round(last[f"{side}_psnr"], 4) for side in ("container", "secret")}
    assert read == card
    assert card.figures == figures | {name: last[name] for name in FIGURES} | {"validation_step": 1}
    assert json.loads(path.with_suffix(".json").read_text(encoding="utf-8")) == asdict(card)
    assert card.training["data"] == data_hash(shards)
    assert card.training["train"]["lr"] == config.train.lr
    assert (card.training["seed"], card.training["beta"]) == (config.seed, config.beta)
    assert (card.training["precision"], card.training["device"]) == ("fp32", "cpu")
    assert card.training["source"] == config.data.source


def test_the_shipped_pair_can_be_trained_further(make_config, run):
    options = read_card(SHIPPED).options
    config = make_config(start="shipped", lr=1e-8, weight_decay=0.0)
    pair, card, *_ = run(replace(config, model=replace(config.model, name=read_card(SHIPPED).model, **options)))
    shipped = dict(load_pair()[0].named_parameters())
    assert all(torch.allclose(tensor, shipped[name], atol=1e-5) for name, tensor in pair.named_parameters())
    assert card.training["train"]["start"] == weights_id(SHIPPED)
