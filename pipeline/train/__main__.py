"""Stage train: a hide/reveal pair from shards to a weights file."""

import logging
import os
from pathlib import Path

import numpy as np

from pipeline.parameters.training import TrainParameters
from pipeline.stage import bar, run_stage, write_json
from pipeline.tracking import track
from pipeline.tracking.results import PREVIEW, train_result
from pipeline.train.checkpoint import Checkpoint
from pipeline.train.complexity import size_of
from pipeline.train.hiding import Point
from pipeline.train.processes import training_processes, unused_gpus
from pipeline.train.run import TrainingRun, prepare_run, write_curve, write_weights
from pipeline.train.train import train
from stegnet.core.compute import device_name
from stegnet.core.parallel import rank, world_size

_log = logging.getLogger(__name__)


def main(config: TrainParameters, shards: Path, weights: Path, curve: Path) -> None:
    """Train the pair in this process or several; the first one writes weights and curve, and tracks the run."""
    checkpoints = Path(os.environ.get("DVC_ROOT", ".")) / ".checkpoints"
    with training_processes("pipeline.train", config):
        run = prepare_run(config, shards)
        if rank() == 0:
            _lead(config, run, checkpoints, weights, curve)
        else:
            train(run, checkpoints)


def _lead(config: TrainParameters, training: TrainingRun, checkpoints: Path, weights: Path, curve: Path) -> None:
    points = list[Point]()
    batch = config.train.batch
    each = batch // world_size()
    setup = {
        "device": device_name(training.device),
        "precision": training.precision,
        "processes": f"{world_size()}, each with {each} of the batch's {batch} pairs",
    }
    _log.info("training: %s", "; ".join(f"{name} {value}" for name, value in setup.items()))
    if gpus := unused_gpus():
        _log.warning("the CPU trains, since PyTorch can't use %s; a newer driver or another PyTorch may help", gpus)
    setup["threads"] = str(training.threads)
    checkpoint = Checkpoint(checkpoints, training.fingerprint)
    with track("train", setup) as run:

        def report(point: Point) -> None:
            points.append(point)
            write_curve(curve, points)
            run.log_point("train", point)

        def show(step: int, pictures: np.ndarray) -> None:
            run.log_picture(PREVIEW, step, pictures)

        try:
            pair, card, rate = train(training, checkpoints, report, lambda steps: bar(steps, "train"), show)
            write_weights(weights, pair, card)
            figures = {
                "steps": points[-1]["step"] + 1,
                "training_loss": points[-1]["loss"],
                **card.figures,
                **size_of(pair),
            }
            write_json(curve.with_name("metrics.json"), figures)
            speed = {} if rate is None else {"pairs_per_second": rate}
            run.finish(train_result(weights, curve, training.data), **speed)
        except KeyboardInterrupt:
            if checkpoint.path.exists():
                _log.info("the same command resumes from its last checkpoint, %s", checkpoint.path)
            raise
    checkpoint.remove()


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "curve", reads=TrainParameters)
