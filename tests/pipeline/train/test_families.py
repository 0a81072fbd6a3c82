"""Each family learns to hide more than its base, with the defaults that it comes with."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stegnet.core.measures import psnr
from stegnet.record import encode_base
from tests.support.lab import PARAMS, TRAIN, VALIDATION, changed, check, read, render_scene
from tests.support.shards import ShardWriter
from tests.support.training import prepare_run, train

SIDE, CROP, STEPS = 64, 32, 300
SMALL: dict[str, dict[str, Any]] = {
    "costa": {},
    "invertible": {"blocks": 2, "width": 16, "ends": 0, "backbone": "none"},
    "timm_unet": {"backbone": "test_resnet", "width": 16},
    "unet": {"width": 8},
}  # Baluja's networks take too long, which docs/networks.md says


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[np.ndarray]]:
    """Shards of rendered scenes, and the crops to validate on."""
    writer, crops, middle = ShardWriter(folder := tmp_path_factory.mktemp("scenes"), 100), [], slice(16, 16 + CROP)
    for number in range(48):
        scene, split = render_scene(SIDE, (number, 0)), TRAIN if number >= 8 else VALIDATION
        base = encode_base(scene, "coded", 90, 10**6)[1].picture
        writer.add(scene, split, str(number), "scenes", SIDE, SIDE, base=base)
        crops += [np.ascontiguousarray(scene[middle, middle])] * (split == VALIDATION)
    writer.close()
    return folder, crops


@pytest.mark.long
@pytest.mark.parametrize(
    "name", [name if name == "costa" else pytest.param(name, marks=pytest.mark.night) for name in SMALL]
)
def test_a_short_training_adds_a_decibel_to_the_base(name: str, scenes, tmp_path: Path) -> None:
    config = check(changed(read(PARAMS), {"model.name": name}))
    alone = replace(config.train, devices=1, threads=1, workers=0, precision="fp32")
    short = replace(alone, pairs=8 * STEPS, crop=CROP, validate=STEPS, ema=0.95, warmup=10)
    config = replace(config, model=replace(config.model, name=name, **SMALL[name]), train=short)
    kind, (shards, crops) = config.scramble.base, scenes
    bases = np.concatenate([encode_base(crop, kind, config.scramble.quality, 10**6)[1].picture for crop in crops])
    secret = train(prepare_run(config, shards), tmp_path).card.figures["validation_secret_psnr"]
    assert secret > psnr(np.concatenate(crops), bases) + 1
