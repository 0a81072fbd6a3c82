"""Stage train: a hide/reveal pair from shards to a weights file."""

import csv
import os
from pathlib import Path

import numpy as np

from pipeline.results import name_of, open_tracker, train_result, training_sets
from pipeline.stage import bar, run_stage
from stegnet.core.config import Config
from stegnet.core.ranks import rank
from stegnet.training.devices import shared_out
from stegnet.training.train import Point, checkpoint_of, train, write_weights
from stegnet.training.validation import FIGURES


def main(config: Config, shards: Path, weights: Path, curve: Path) -> None:
    with shared_out("pipeline.train", config):
        checkpoints = Path(os.environ.get("DVC_ROOT", ".")) / ".checkpoints"
        if rank() == 0:
            _lead(config, shards, checkpoints, weights, curve)
        else:
            train(config, shards, checkpoints, report=lambda point: None, progress=lambda steps: steps)


def _lead(config: Config, shards: Path, checkpoints: Path, weights: Path, curve: Path) -> None:
    checkpoint = checkpoint_of(config, shards, checkpoints)
    points: list[Point] = []
    with open_tracker(config).run("train", name_of(config), checkpoint.fingerprint) as run:

        def report(point: Point) -> None:
            points.append(point)
            _write_curve(curve, points)
            run.point("train", point)

        def show(step: int, pictures: np.ndarray) -> None:
            run.picture("train/cover - container - difference x10 - secret - revealed", step, pictures)

        pair, card = train(config, shards, checkpoints, report, lambda steps: bar(steps, "train"), show)
        write_weights(weights, pair, card)
        run.finish(train_result(weights, curve, live=True, datasets=training_sets(shards)))
    if run.whole:  # else the same command logs what is missing, and has nothing to train
        checkpoint.remove()


def _write_curve(path: Path, points: list[Point]) -> None:
    """All points so far, with each new one: DVC's plots grow while the training runs, and never show half a row."""
    part = path.with_suffix(".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = dict.fromkeys([*points[0], *FIGURES])  # cells of what was not measured at a step are empty
    with open(part, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(points)
    part.replace(path)


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "curve")
