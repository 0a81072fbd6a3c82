"""Validation: what is measured, which weights are kept, and when a training stops early."""

from pathlib import Path
from types import MethodType

import numpy as np
import pytest
import torch

from stegnet.networks import Pair
from tests.pipeline.train.conftest import Stopped
from tests.support.lab import TEST, TRAIN, VALIDATION, Config, ScrambleConfig
from tests.support.quality import psnr
from tests.support.shards import ShardWriter, write_shards
from tests.support.training import FIGURES, HidingTask, Validation, first_pair, make_deterministic, seal_strength

LOSS = "validation_loss"


pytestmark = pytest.mark.usefixtures("on_the_cpu")


def same(a: Pair, b: Pair) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def scripted(monkeypatch, *losses: float) -> None:
    """Replaces the validation losses by these."""
    found = iter(losses)
    monkeypatch.setattr(Validation, "measure", lambda self, pair: dict(zip(FIGURES, (next(found), 1.0, 2.0))))  # noqa: B905


class Plain(Pair):
    """Shifts the cover slightly, and reveals the container itself."""

    def hide(self, cover, hidden):
        return cover + 0.6 / 255

    def reveal(self, container):
        return container


def opened(config: Config, shards: Path) -> Validation:
    measure = HidingTask(Plain(), config, "fp32", 1).validation(shards, torch.device("cpu"), 2)
    assert isinstance(measure, MethodType)
    validation = measure.__self__
    assert isinstance(validation, Validation)
    return validation


def test_validation_measures_pictures_as_files_hold_them(make_config):
    """Recomputed in numpy on uint8: the container is rounded up by one level, and some samples by none or two."""
    config = make_config(bits=0.5, scramble=ScrambleConfig(base="none", quality=85, block=8))
    pictures = torch.randint(40, 200, (5, 2, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    validation = Validation(pictures, config, "fp32", 2)
    found = validation.measure(Plain())
    # 0.6 lies nearest to 1, second-nearest to 0, and third-nearest to 2.
    strength, drawn = seal_strength(0.5), validation._randomness.sealed.numpy()
    weights = np.exp(-strength * np.square([0.4, 0.6, 1.4]))
    shares = np.cumsum(weights / weights.sum())
    assert 0.6 < shares[0] < 0.9
    cover = pictures[:, 0].numpy()
    container = cover + np.where(drawn < shares[0], 1, np.where(drawn < shares[1], 0, 2)).astype(np.uint8)
    assert found["validation_container_psnr"] == pytest.approx(psnr(container, cover), abs=1e-3)
    assert found["validation_secret_psnr"] < 15  # the shuffle is undone on a picture that was never shuffled
    mse = (10 ** (-found[f"validation_{side}_psnr"] / 10) for side in ("container", "secret"))
    assert found[LOSS] == pytest.approx(next(mse) + config.beta * next(mse), rel=1e-4)


def test_coded_bases_are_those_of_the_secrets(make_config, shards):
    config = make_config(scramble=ScrambleConfig(base="coded", quality=85, block=8), validate=5)
    validation = opened(config, shards)
    cover, secret, base = validation._pictures.unbind(1)
    assert torch.equal(base, secret - secret // 16)
    assert torch.equal(cover.roll(-1, 0), secret)
    assert validation.measure(Plain())["validation_container_psnr"] > 30


def test_revealed_pictures_are_rounded_as_files_are(make_config):
    """The secret comes back 0.4 levels too bright, and is exact in 8 bits."""

    class Bright(Plain):
        def hide(self, cover, hidden):
            self.hidden = hidden
            return cover

        def reveal(self, container):
            return self.hidden + 0.4 / 255

    config = make_config(bits=0.0, scramble=ScrambleConfig(base="none", quality=85, block=8))
    pictures = torch.randint(40, 200, (2, 2, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert Validation(pictures, config, "fp32", 2).measure(Bright())["validation_secret_psnr"] > 90


def test_only_validation_pictures_are_validated_on(make_config, tmp_path):
    """The secret is the next picture, its base a sixteenth darker; training pictures are brighter than all of them."""
    writer = ShardWriter(tmp_path / "shards", 2)
    for split, levels in ((TRAIN, (200, 210, 220)), (VALIDATION, (16, 48, 80)), (TEST, (230, 240))):
        for level in levels:
            grey = np.full((64, 64, 3), level, np.uint8)
            writer.add(grey, split, f"{level}", "folder", 64, 64, base=grey - grey // 16)
    writer.close()
    config = make_config(scramble=ScrambleConfig(base="coded", quality=85, block=8), validate=5)
    found = opened(config, tmp_path / "shards")._pictures
    expected = torch.tensor([[16, 48, 45], [48, 80, 75], [80, 16, 15]], dtype=torch.uint8)
    assert torch.equal(found, expected[:, :, None, None, None].expand(found.shape))


def test_the_averaged_weights_are_validated_and_kept(run, make_config, shards):
    """Their figures are those of the pair that the same training ends with where nothing is validated."""
    scramble = ScrambleConfig(base="none", quality=85, block=8)
    config = make_config(validate=12, ema=0.9, scramble=scramble)
    kept, card, *_ = run(config)
    assert card.figures["validation_step"] == 12
    plain, *_ = run(make_config(validate=0, ema=0.9, scramble=scramble), "plain")
    assert same(kept, plain)
    found = opened(config, shards).measure(plain)
    assert {name: card.figures[name] for name in FIGURES} == pytest.approx(found, rel=1e-6)


def test_a_training_that_makes_the_pair_worse_keeps_the_start(run, make_config, monkeypatch, caplog):
    scripted(monkeypatch, 1.0, 2.0, 3.0)
    pair, card, *_ = run(make_config(validate=6))
    assert (card.figures["validation_step"], card.figures[LOSS]) == (0, 1.0)
    make_deterministic(0, 1)
    assert same(pair, first_pair(make_config()))
    assert "the weights are those of the start" in caplog.text


def test_validation_only_changes_which_weights_are_kept(run, make_config, monkeypatch):
    scripted(monkeypatch, 4.0, 3.0, 2.0, 1.0)
    with_it, _, curve, _ = run(make_config(validate=5))
    without, card, plain, _ = run(make_config(validate=0), "without")
    assert same(with_it, without)
    assert [{name: value for name, value in point.items() if name not in FIGURES} for point in curve] == plain
    assert not [name for name in card.figures if name.startswith("validation")]


def test_the_best_weights_are_kept(run, make_config, monkeypatch):
    scripted(monkeypatch, 10.0, 9.0, 3.0, 1.0, 2.0, 3.0, 3.0)  # the first before step 1
    best, card, curve, _ = run(make_config(validate=2, container_ramp=0.0))
    assert (card.figures["validation_step"], card.figures[LOSS]) == (6, 1.0)
    assert [point["step"] for point in curve if LOSS in point] == [1, 3, 5, 7, 9, 11]
    scripted(monkeypatch, 10.0, 9.0, 3.0, 1.0, 2.0)
    stopped, again, _, taken = run(make_config(validate=2, container_ramp=0.0, patience=1))
    assert taken == list(range(8))
    assert again.figures["validation_step"] == 6
    assert same(stopped, best)
    scripted(monkeypatch, 9.0, 1.0, 1.0, 1.0, 5.0, 4.0, 6.0)
    ramped = run(make_config(validate=2, container_ramp=0.5))[1]
    assert ramped.figures["validation_step"] == 10  # of 12: measurements before the full weight, at 6, do not count


def test_a_resumed_training_keeps_best_weights_and_patience(run, make_config, monkeypatch):
    """They are restored from the checkpoint of step 8: the best are of step 4, three measurements before the end."""
    losses = {0: 5.0, 2: 4.0, 4: 1.0, 6: 3.0, 8: 3.0, 10: 1.5}
    config = make_config(validate=2, container_ramp=0.0, patience=3)
    scripted(monkeypatch, *losses.values())
    whole, card, curve, taken = run(config, "whole")
    assert (card.figures["validation_step"], taken[-1]) == (4, 9)
    scripted(monkeypatch, *losses.values())
    with pytest.raises(Stopped):
        run(config, stop=9)
    scripted(monkeypatch, losses[10])
    resumed, again, late, taken = run(config)
    assert taken == [8, 9]
    assert same(resumed, whole)
    assert (again, late) == (card, curve)


def test_too_few_pictures_to_validate_on(run, make_config, tmp_path, caplog):
    few = write_shards(tmp_path / "few", [(TRAIN, "folder")] * 3 + [(VALIDATION, "folder")])
    _, card, curve, _ = run(make_config(validate=5), data=few)
    assert not [name for point in (card.figures, *curve) for name in point if name.startswith("validation")]
    (line,) = caplog.messages
    assert line.endswith("too few pictures to validate on (1): the last weights are kept, not the best; "
                         "raise data.validation_share")  # fmt: skip
