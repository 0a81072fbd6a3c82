"""A stage that fails as if its pictures were missing, and counts how often it is started."""

from pathlib import Path

from pipeline.config import Config
from stegnet.core.errors import DataError


def main(config: Config, started: Path) -> None:
    with open(started, "a", encoding="utf-8") as file:
        file.write(f"{config.train.launcher}\n")
    raise DataError("no pictures", "take some")
