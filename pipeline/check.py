"""Stage check: the folders that data.* names are there, and the network of model.* can be trained.

It comes first, since DVC removes the outputs of a stage that is to run. Its output is always the same, so that no
other stage repeats because of it.
"""

from pathlib import Path

from pipeline.stage import run_stage, write_json
from stegnet.config.config import Config
from stegnet.core.compute import make_deterministic
from stegnet.data.folders import check_folders
from stegnet.models.trial import check_network


def main(config: Config, out: Path) -> None:
    check_folders(config.data)
    make_deterministic(config.seed, config.train.threads)
    check_network(config.model, config.train.crop)
    write_json(out, {"folders": "found"})


if __name__ == "__main__":
    run_stage(main, "out")
