"""Stage check: the folders of data.* are there, model.* can be trained by train.loss, detect.backbone is one.

It comes first, since DVC removes the outputs of a stage that is to run. Its output is always the same, so that no
other stage repeats because of it.
"""

from dataclasses import asdict
from pathlib import Path

import torch

from pipeline.config import Config, ModelConfig, flatten, recipe_of
from pipeline.prepare.folders import check_folders
from pipeline.stage import run_stage, write_json
from pipeline.train.losses import check_measures
from stegnet.core.compute import pick_device
from stegnet.core.errors import ConfigError, called
from stegnet.core.parallel import AUTO
from stegnet.networks.layers import NONE as NO_BACKBONE, make_stage
from stegnet.networks.pair import Pair, build_from, find_family, options_of


def main(config: Config, out: Path) -> None:
    """Check folders, loss, network and backbone; an impossible one raises its own error."""
    check_folders(config.data)
    check_measures(config.train.loss)
    check_used(config)
    check_network(config.model, config.train.crop)
    if config.detect.pairs:
        with called("detect.backbone", "model.backbone"):
            make_stage(config.detect.backbone, 3, pretrained=False)
    write_json(out, {"folders": "found"})


def check_used(config: Config) -> None:
    """Refuse a value that the family does not use, unless it is the default."""
    name = config.model.name
    uses = options_of(config.model)
    for key, value in asdict(config.model).items():
        if key not in uses and key != "name" and value not in (AUTO, False):
            raise ConfigError(f"model.{key}: {name} does not use it", f"it uses: {', '.join(uses) or 'none'}")
    default = recipe_of(flatten(asdict(config)))["train.base_weight"]
    if find_family(name).enhance is Pair.enhance and config.train.base_weight != default:
        hint = f"train.base_weight={default}"
        raise ConfigError(f"train.base_weight: {name} has no network that enhances bases", hint)
    if config.model.pretrained and config.model.backbone == NO_BACKBONE:
        raise ConfigError("model.pretrained: without a backbone, nothing is pretrained", "model.pretrained=false")


def check_network(section: ModelConfig, crop: int) -> None:
    """Build the pair of the `model` section of params.yaml, and compute its gradients for two pairs of crops."""
    if not find_family(section.name).hides_pictures:
        hint = f"train it by `dvc --cd study repro {section.name}`"
        raise ConfigError(f"model.name: {section.name} hides no pictures", hint)
    pair = build_from(section).to(pick_device()).train()
    cover, secret = torch.rand(2, 2, 3, crop, crop, device=pick_device())
    try:
        container = pair.hide(cover, pair.prepare(secret))
        (container + pair.restore(pair.enhance(secret), pair.reveal(container))).square().mean().backward()
    except (RuntimeError, TypeError, ValueError) as error:  # of timm, for anything that a backbone does not support
        reason = " ".join(str(error).split())
        raise ConfigError(f"model.backbone: {section.backbone} can't be trained ({reason})", "resnet18 can") from error


if __name__ == "__main__":
    run_stage(main, "out")
