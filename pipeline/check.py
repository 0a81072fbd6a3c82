"""Stage check: asks of all parameters what the other stages would ask, and hashes the code of one's own.

It comes first, since DVC removes the outputs of a stage that is to run. Its first output is always the same, so that no
other stage repeats because of it. The second, of the files that define network, loss and augmentation, is what
stage train depends on: a change of another network trains nothing. DVC can't find files by a module's name, so `code`
in params.yaml is the path of one's own, which this stage depends on.
"""

import logging
from dataclasses import asdict, replace
from pathlib import Path

import torch

from pipeline.parameters.training import BASE_WEIGHT, ModelConfig
from pipeline.parameters.video import PUBLIC_KEY
from pipeline.parameters.whole import Config
from pipeline.prepare.folders import check_folders
from pipeline.prepare.prepare import find_sources
from pipeline.stage import run_stage, write_json
from pipeline.train.losses import check_loss
from pipeline.train.own_code import code_hashes, own_code
from pipeline.train.pairs import check_augmentation
from pipeline.train.processes import process_count
from pipeline.train.run import training_precision
from pipeline.train.train import first_pair
from stegnet.core.compute import make_deterministic, pick_device
from stegnet.core.errors import ConfigError, called
from stegnet.core.names import MARK
from stegnet.core.parallel import AUTO
from stegnet.keys import read_key
from stegnet.networks.layers import NONE as NO_BACKBONE, make_stage
from stegnet.networks.pair import Pair, build_from, find_family, options_of

_log = logging.getLogger(__name__)


def main(config: Config, data: Path, checked: Path, code: Path) -> None:
    """Check everything; what is impossible raises its own error, what acts on nothing is logged. Write both files."""
    check_code(config)
    check_folders(config.data)
    find_sources(config.data, data)
    has_own_key = config.video.key != PUBLIC_KEY
    for name, file in asdict(config.video).items():
        if (name != "key" or has_own_key) and not Path(file).is_file():
            raise ConfigError(f"params.yaml: video.{name}: there is no file {file}")
    if has_own_key:
        read_key(config.video.key)
    check_loss(config.train.loss)
    check_augmentation(config.train.crop, config.train.augment)
    check_network(config)
    check_idle(config)
    training_precision(config.train.precision, pick_device())
    process_count(config)
    if config.detect.pairs:
        with called("detect.backbone", "model.backbone"):
            make_stage(config.detect.backbone, 3, pretrained=False)
    write_json(checked, {"parameters": "can be used"})
    write_json(code, code_hashes(config))


def check_code(config: Config) -> None:
    """Check that DVC notices a change of the code of one's own, which `code` must name."""
    root = Path.cwd()
    watched = Path(config.code).resolve()
    for key, path in own_code(config).items():
        if not path.is_relative_to(watched):
            named = path.relative_to(root) if path.is_relative_to(root) else path
            reason = f"{key}: its code is in {named}, which DVC does not watch for changes"
            raise ConfigError(reason, f"-S code={named}, or a folder that holds all code of yours")
    for folder in (watched, *watched.parents) if watched.is_dir() and watched.is_relative_to(root) else ():
        if folder != root and (folder / ".dvc").is_dir():
            project = folder.relative_to(root)
            raise ConfigError(
                f"code: {config.code}: DVC watches no folder in {project}, a project of its own", "name a file"
            )


def check_network(config: Config) -> None:
    """Build the pair, and compute its gradients for two pairs of crops, by the algorithms of a training."""
    section = config.model
    if not find_family(section.name).hides_pictures:
        hint = f"train it by `dvc --cd study repro {section.name}`"
        raise ConfigError(f"model.name: {section.name} hides no pictures", hint)
    make_deterministic(config.seed, config.train.threads)
    pair = first_pair(config).to(pick_device()).train()
    cover, secret = torch.rand(2, 2, 3, config.train.crop, config.train.crop, device=pick_device())
    try:
        container = pair.hide(cover, pair.prepare(secret))
        base = pair.enhance(secret)
        (container + pair.restore(base, pair.reveal(container))).square().mean().backward()
    except (RuntimeError, TypeError, ValueError) as error:  # of timm, for anything that a backbone does not support
        reason = " ".join(str(error).split())
        raise ConfigError(f"model.backbone: {section.backbone} can't be trained ({reason})", "resnet18 can") from error
    if config.train.base_weight != BASE_WEIGHT and not base.requires_grad:
        reason = f"{section.name} has no network that enhances bases"
        if find_family(section.name).enhance is not Pair.enhance:
            hint = f"train.base_weight={BASE_WEIGHT}"
            raise ConfigError(f"train.base_weight: acts on nothing: {reason}, by model.ends and model.place", hint)
        _log.warning("params.yaml: train.base_weight: acts on nothing: %s", reason)


def check_idle(config: Config) -> None:
    """Refuse a backbone and a place that change no network; log values of another family, and a long warm-up."""
    section = config.model
    uses = options_of(section)
    for key, value in asdict(section).items():
        if key not in uses and key != "name" and value not in (AUTO, False):
            of = ", ".join(uses) or "none"
            _log.warning("params.yaml: model.%s: %s does not use it; it uses: %s", key, section.name, of)
    if section.pretrained and section.backbone == NO_BACKBONE:
        raise ConfigError("model.pretrained: without a backbone, nothing is pretrained", "model.pretrained=false")
    own = MARK in section.name  # whose networks may look alike, and compute otherwise
    for key, other in () if own else (("backbone", NO_BACKBONE), ("place", AUTO)):
        value = getattr(section, key)
        if (
            value not in (AUTO, other)
            and key in uses
            and _networks(section, key, value) == _networks(section, key, other)
        ):
            raise ConfigError(f"model.{key}: acts on nothing: there is no such network", f"model.{key}=auto")
    steps = config.train.pairs // config.train.batch
    if config.train.warmup >= steps:
        said = "params.yaml: train.warmup: the rate never reaches train.lr: %d steps of warm-up, the training has %d"
        _log.warning(said, config.train.warmup, steps)


def _networks(section: ModelConfig, key: str, value: str) -> str:
    """Return the layers of a pair with another option, for a comparison."""
    changed = replace(section, pretrained=False)
    changed = replace(changed, place=value) if key == "place" else replace(changed, backbone=value)
    try:
        with torch.device("meta"):
            return str(build_from(changed))
    except ConfigError:  # it needs a backbone
        return ""


if __name__ == "__main__":
    run_stage(main, "data", "checked", "code", reads=Config)
