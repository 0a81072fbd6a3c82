"""Stage check: the folders that data.* names are there. First, for DVC removes the outputs of a stage that is to run.

Its output is always the same, so that no other stage repeats because of it.
"""

from pathlib import Path

from pipeline.stage import run_stage, write_json
from stegnet.config.config import Config
from stegnet.data.folders import check_folders


def main(config: Config, out: Path) -> None:
    check_folders(config.data)
    write_json(out, {"folders": "found"})


if __name__ == "__main__":
    run_stage(main, "out")
