"""Stage modem: train the pair that survives JPEG by params.yaml, and by the changes in modem.yaml."""

from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.config import changed, check, flatten, read
from pipeline.parameters.training import AugmentConfig
from pipeline.stage import bar, run_stage
from pipeline.train.checkpoint import Checkpoint
from pipeline.train.processes import training_processes
from pipeline.train.run import prepare_run, write_weights
from pipeline.train.train import train
from stegnet.core.parallel import rank
from study.tasks.modem_config import ModemConfig
from study.tasks.modem_task import ModemTask

CHECKPOINTS = Path(".checkpoints/others")


def main(changes: Path, shards: Path, weights: Path) -> None:
    changed_to = changed_config(changes)
    with training_processes("study.training", changed_to):
        leads = rank() == 0
        run = prepare_run(changed_to, shards, ModemTask)
        progress = partial(bar, desc=weights.stem, disable=not leads)
        result = train(run, CHECKPOINTS, lambda point: None, progress)
        if leads:
            write_weights(weights, result.pair, result.card)
            Checkpoint(CHECKPOINTS, run.fingerprint).remove()


def changed_config(changes: Path) -> ModemConfig:
    """The parameters of the training: params.yaml, changed by a YAML file; augmentations that this omits are 0."""
    none = {f"train.augment.{each.name}": "none" if each.name == "own" else 0.0 for each in fields(AugmentConfig)}
    values: Any = changed(read(Path("params.yaml")), none | flatten(read(changes)))
    return check(values, ModemConfig)


if __name__ == "__main__":
    run_stage(main, "changes", "shards", "weights")
