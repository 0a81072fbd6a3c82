"""Stage check: the folders of data.* are there, model.* can be trained by train.loss, detect.backbone is one.

It comes first, since DVC removes the outputs of a stage that is to run. Its output is always the same, so that no
other stage repeats because of it.
"""

from pathlib import Path

import torch

from pipeline.config import Config, ModelConfig
from pipeline.prepare.folders import check_folders
from pipeline.stage import run_stage, write_json
from pipeline.train.losses import check_measures
from pipeline.train.prediction import grid_bits
from stegnet.core.compute import make_deterministic, pick_device
from stegnet.core.errors import ConfigError, called
from stegnet.networks.card import MULTISCALE, STEGANOGAN
from stegnet.networks.families.multiscale import Multiscale
from stegnet.networks.layers import make_stage
from stegnet.networks.pair import build_from


def main(config: Config, out: Path) -> None:
    """Check folders, loss, network and backbone; an impossible one raises its own error."""
    check_folders(config.data)
    make_deterministic(config.seed, config.train.threads)
    check_measures(config.train.loss)
    check_network(config.model, config.train.crop)
    others = {"mse": 1.0, "own": "none", "space": "rgb"}
    weights = {key: value for key, value in config.train.loss.items() if key != "chroma" and value}
    if config.model.name == MULTISCALE and weights != others:
        hint = "leave train.loss as it is, or choose a pair, such as model.name=costa"
        raise ConfigError(f"train.loss: {MULTISCALE} learns by the bits that pictures take, and by no measure", hint)
    if config.detect.pairs:
        with called("detect.backbone", "model.backbone"):
            make_stage(config.detect.backbone, 3, pretrained=False)
    write_json(out, {"folders": "found"})


def check_network(section: ModelConfig, crop: int) -> None:
    """Build the pair of the `model` section of params.yaml, and compute its gradients for two pairs of crops."""
    pair = build_from(section).to(pick_device()).train()
    if isinstance(pair, Multiscale):
        levels = torch.randint(256, (2, 3, crop, crop), device=pick_device()).float()
        grid_bits([network(0) for network in pair.predictors], levels, 0)[0].mean().backward()
        return
    if not pair.hides_pictures:
        compared = section.name == STEGANOGAN
        hint = "`make zoo` trains and measures it" if compared else f"train it by `dvc --cd study repro {section.name}`"
        raise ConfigError(f"model.name: {section.name} hides no pictures", hint)
    cover, secret = torch.rand(2, 2, 3, crop, crop, device=pick_device())
    try:
        container = pair.hide(cover, pair.prepare(secret))
        (container + pair.restore(pair.enhance(secret), pair.reveal(container))).square().mean().backward()
    except (RuntimeError, TypeError, ValueError) as error:  # of timm, for anything that a backbone does not support
        reason = " ".join(str(error).split())
        raise ConfigError(f"model.backbone: {section.backbone} can't be trained ({reason})", "resnet18 can") from error


if __name__ == "__main__":
    run_stage(main, "out")
