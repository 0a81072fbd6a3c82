"""Stage rival: trains one of the pairs in study/rivals.yaml, for comparison with others."""

import dataclasses
from functools import partial
from pathlib import Path

from pipeline.config import Config, changed, check, read
from pipeline.stage import bar, run_stage
from pipeline.train.checkpoint import checkpoint_of
from pipeline.train.devices import training_processes
from pipeline.train.train import train, write_weights
from stegnet.core.errors import ConfigError
from stegnet.core.parallel import rank

CHECKPOINTS = Path(".checkpoints/rivals")


def main(config: Config, rivals: Path, shards: Path, weights: Path) -> None:
    config = rival_config(config, rivals, weights.stem)
    with training_processes("study.rival", config):
        leads = rank() == 0
        checkpoint = checkpoint_of(config, shards, CHECKPOINTS)
        progress = partial(bar, desc=weights.stem, disable=not leads)
        result = train(config, shards, CHECKPOINTS, lambda point: None, progress)
        if leads:
            write_weights(weights, result.pair, result.card)
            checkpoint.remove()


def rival_config(config: Config, rivals: Path, name: str) -> Config:
    """The parameters of a rival.

    Raises:
        ConfigError: there is no rival of this name, or it changes an unknown key.
    """
    known = read(rivals)
    if name not in known:
        raise ConfigError(f"{rivals}: {name}: there is none", f"known: {', '.join(known)}")
    return check(changed(dataclasses.asdict(config), {"train.pairs": config.study.pairs, **known[name]}))


if __name__ == "__main__":
    run_stage(main, "rivals", "shards", "weights")
