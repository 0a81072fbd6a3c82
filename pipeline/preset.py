"""Presets: files of changes to params.yaml by name, such as `gpu`, or a published network of pipeline/zoo.

A line that begins with `-S key=value` is a change, as `dvc exp run` takes it; what follows it, and all other lines, are
comments.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from pipeline.config import parse
from stegnet.core.errors import ConfigError, did_you_mean

FOLDER = Path(__file__).parent
ZOO = FOLDER / "zoo"


def preset_files() -> dict[str, Path]:
    """Return the file of each preset by its name: those beside this module, then the published networks."""
    return {file.stem: file for folder in (FOLDER, ZOO) for file in sorted(folder.glob("*.txt"))}


def read_preset(name: str) -> dict[str, object]:
    """Return a preset's values by dotted keys of params.yaml. Raises ConfigError for a name that is unknown."""
    files = preset_files()
    if name not in files:
        hint = f"{did_you_mean(name, files)} known: {', '.join(files)}".lstrip()
        raise ConfigError(f"no preset has the name {name!r}", hint)
    text = files[name].read_text(encoding="utf-8")
    return parse_changes(re.findall(r"^-S ([\w.]+=\S+)", text, re.MULTILINE))


def parse_changes(texts: Iterable[str]) -> dict[str, object]:
    """Return the values of texts `key=value` by dotted keys. Raises ConfigError for a text without =."""
    changes = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"-S {text}: not of the form key=value", "such as -S train.crop=64")
        changes[key] = parse(value)
    return changes
