"""Stage prepare: pictures from data.source to shards for training and testing."""

import logging
from functools import partial
from pathlib import Path

import yaml

from pipeline.parameters.data import PrepareParameters
from pipeline.prepare.prepare import prepare
from pipeline.stage import bar, run_stage, write_json
from pipeline.tracking import track
from pipeline.tracking.results import prepare_result

IMPORT = Path("data.dvc")


def main(config: PrepareParameters, data: Path, shards: Path, metrics: Path) -> None:
    """Write the shards and their counts.

    Warns if data/ is an import and a source, since `dvc repro` removes files that are added there.
    """
    imported = IMPORT.exists() and "deps" in yaml.safe_load(IMPORT.read_text(encoding="utf-8"))
    if imported and "data" in config.data.source.split("+"):
        warning = "data/ is a copy of assets/: add your files to assets/, `dvc repro` removes them from data/"
        logging.getLogger(__name__).warning(warning)
    with track("prepare") as run:
        shown = partial(bar, desc="prepare", unit="shard")
        counts = prepare(config.data, config.scramble, config.data.seed, data, shards, shown)
        write_json(metrics, counts)
        run.finish(prepare_result(shards, metrics))
    others = f"{counts['validation']} to validate on, {counts['test']} to test on, {counts['skipped']} skipped"
    print(f"{counts['train']} pictures to train on, {others}")


if __name__ == "__main__":
    run_stage(main, "data", "shards", "metrics", reads=PrepareParameters)
