"""Presets: files of changes to params.yaml by name, such as `gpu`, or a published network of pipeline/zoo.

`python -m pipeline.preset hinet` is `dvc exp run` with its changes; what follows the name is passed on to it, so that
`-S beta=2` changes a value of the preset. Without a name, it lists the presets.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from pipeline.config import parse
from stegnet.core.errors import ConfigError, did_you_mean

FOLDER = Path(__file__).parent
ZOO = FOLDER / "zoo"


def preset_files() -> dict[str, Path]:
    """Return the file of each preset by its name: those beside this module, then the published networks."""
    return {file.stem: file for folder in (FOLDER, ZOO) for file in sorted(folder.glob("*.txt"))}


def read_preset(name: str) -> dict[str, object]:
    """Return a preset's values by dotted keys of params.yaml. Raises ConfigError for a name that is unknown.

    A line that begins with `-S key=value` is a change; what follows it, and all other lines, are comments.
    """
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


def arguments_of(values: Mapping[str, object]) -> Iterator[str]:
    """Yield the arguments by which `dvc exp run` makes the changes."""
    for key, value in values.items():
        yield "-S"
        yield f"{key}={yaml.safe_dump(value, default_flow_style=True).splitlines()[0]}"


def main(arguments: Sequence[str]) -> int:
    """Run `dvc exp run` with a preset; return its exit code."""
    parser = argparse.ArgumentParser("python -m pipeline.preset", description=__doc__)
    parser.add_argument("name", nargs="?", help="a preset; without one, all are listed")
    options, further = parser.parse_known_args(arguments)
    if options.name is None:
        print("\n".join(preset_files()))
        return 0
    try:
        changes = list(arguments_of(read_preset(options.name)))
    except ConfigError as error:
        print(error.as_text(), file=sys.stderr)
        return 1
    return subprocess.run(["dvc", "exp", "run", *changes, *further], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
