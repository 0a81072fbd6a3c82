"""Stage train: a hide/reveal pair from shards to a weights file."""

import csv
import os
from pathlib import Path

from pipeline.results import name_of, open_tracker, train_result
from pipeline.stage import bar, run_stage
from stegnet.config import Config
from stegnet.training.train import checkpoint_of, train, write_weights


def main(config: Config, shards: Path, weights: Path, curve: Path) -> None:
    checkpoints = Path(os.environ.get("DVC_ROOT", ".")) / ".checkpoints"
    points: list[dict[str, float]] = []
    with open_tracker(config).run("train", name_of(config)) as run:

        def report(point: dict[str, float]) -> None:
            points.append(point)
            run.point("train", point)

        pair, card = train(config, shards, checkpoints, report, lambda steps: bar(steps, "train"))
        write_weights(weights, pair, card)
        _write_curve(curve, points)
        run.finish(train_result(weights, curve, live=True))
    checkpoint_of(config, shards, checkpoints).remove()


def _write_curve(path: Path, points: list[dict[str, float]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, points[0], lineterminator="\n")
        table.writeheader()
        table.writerows(points)


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "curve")
