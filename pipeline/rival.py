"""Stage rival: one of the pairs in study/rivals.yaml, to measure others beside it."""

import dataclasses
from pathlib import Path

from pipeline.stage import bar, run_stage
from stegnet.config import Config, changed, check, read
from stegnet.errors import ConfigError
from stegnet.training.train import checkpoint_of, train, write_weights

CHECKPOINTS = Path(".checkpoints/rivals")


def main(config: Config, rivals: Path, shards: Path, weights: Path) -> None:
    config = rival(config, rivals, weights.stem)
    result = train(config, shards, CHECKPOINTS, lambda point: None, lambda steps: bar(steps, weights.stem))
    write_weights(weights, *result)
    checkpoint_of(config, shards, CHECKPOINTS).remove()


def rival(config: Config, rivals: Path, name: str) -> Config:
    """The parameters of one rival.

    Raises:
        ConfigError: there is none of this name, or it changes a key that there is not.
    """
    known = read(rivals)
    if name not in known:
        raise ConfigError(f"{rivals}: {name}: there is none", f"known: {', '.join(known)}")
    return check(changed(dataclasses.asdict(config), {"train.pairs": config.study.pairs, **known[name]}))


if __name__ == "__main__":
    run_stage(main, "rivals", "shards", "weights")
