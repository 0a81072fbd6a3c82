"""Trains sets of models with one budget on the same data and compares them: python -m tools.compare.

The sets are defined in tools/compare.yaml. Trained pairs are kept in build/compare; after an interruption, the same
command resumes. The table is printed, and written to a folder as Markdown and CSV.
"""

import argparse
import difflib
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stegnet.config.config import Config, check, load
from stegnet.config.params_file import changed, read
from stegnet.core.compute import cpu_threads
from stegnet.core.errors import ConfigError, StegnetError
from stegnet.data.shards import TRAIN, Shards
from stegnet.evaluation.quality import PicturePairs
from stegnet.models import build_from
from tools.compare_table import head, measure, write
from tools.compare_train import Budget, Row, RowFiles, train_row

PARAMS = Path("params.yaml")
ROWS = Path("tools/compare.yaml")
TRAINED = Path("build/compare")
SAME = {"seed", "data", "train.pairs", "train.batch", "train.crop", "train.threads", "train.devices"}
STOPPED = 130  # exit code, a shell's after Ctrl-C


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 1 if anything failed or diverged."""
    options = _options(arguments)
    try:
        return compare(options)
    except StegnetError as error:
        print(error.as_text(), file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:
        print(str(stop) or "interrupted; the same command resumes", file=sys.stderr)
        return getattr(stop, "code", STOPPED)


def compare(options: argparse.Namespace) -> int:
    """Trains the missing rows, measures all, and writes the table."""
    base = load(PARAMS)
    budget = Budget(options.pairs or base.train.pairs, options.seconds)
    threads = options.threads or cpu_threads(base.train.threads)
    common = {"train.pairs": budget.pairs, "train.threads": threads, "train.devices": 1}
    rows = read_rows(options.file, options.set, options.rows, common)
    _check(rows, options.data)
    files = [RowFiles(TRAINED, options.set, row, options.data, budget) for row in rows]
    if options.fresh:
        for paths in files:
            paths.clear()
    trained = [train_row(row, paths, options.data, budget) for row, paths in zip(rows, files, strict=True)]
    table = measure(trained, options.data)
    above = head(_command(options, budget, threads), rows[0].config, options.data, budget)
    write(table, options.out, options.set, above)
    return int(any(row.run.diverged is not None for row in trained))


def read_rows(path: Path, set_name: str, chosen: list[str], common: Mapping[str, Any]) -> list[Row]:
    """The rows of one set in `path`, in order.

    Args:
        chosen: names of the rows; empty: all.
        common: values that replace those of params.yaml in every row, by dotted key.
    Raises:
        ConfigError: unknown set or row, or a row changes a value that must be common.
    """
    rows = _pick(f"{path}: the set", read(path), set_name)
    wanted = {name: _pick(f"{path}: {set_name}: the row", rows, name) for name in chosen or rows}
    return [Row(name, _config(f"{path}: {name}", changes, common)) for name, changes in wanted.items()]


def _pick(what: str, known: Any, name: str) -> dict[str, Any]:
    """The mapping `name` within another."""
    if not isinstance(known, dict) or not isinstance(known.get(name, {}), dict):
        raise ConfigError(f"{what} {name}: must be a mapping")
    if name not in known:
        close = difflib.get_close_matches(name, map(str, known), n=1)
        hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(map(str, known))}"
        raise ConfigError(f"{what} {name}: there is none", hint)
    return known[name]


def _config(where: str, changes: Mapping[str, Any], common: Mapping[str, Any]) -> Config:
    """params.yaml with one row's changes."""
    values = changed(read(PARAMS), {**common, **changes})
    for key in changes:
        if {key, key.partition(".")[0]} & SAME:
            raise ConfigError(f"{where}: {key}: must be the same for all rows")
    try:
        return check(values)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}", error.hint) from error


def _check(rows: list[Row], data: Path) -> None:
    """Fails early if pictures or a network are not available."""
    Shards(data, TRAIN)
    PicturePairs(data, rows[0].config.evaluate.shift)
    for row in rows:
        build_from(row.config.model)


def _command(options: argparse.Namespace, budget: Budget, threads: int) -> str:
    """The command line without paths."""
    rows = ["--rows", ",".join(options.rows)] if options.rows else []
    limits = ["--pairs", str(budget.pairs), "--seconds", f"{budget.seconds:g}", "--threads", str(threads)]
    return shlex.join(["python", "-m", "tools.compare", "--set", options.set, *rows, *limits])


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", default="models", metavar="NAME", help="the set of rows (default: models)")
    parser.add_argument("--rows", type=_names, default=[], metavar="A,B", help="only these of the set")
    parser.add_argument("--pairs", type=_positive, metavar="N", help="training pairs per row (default: params.yaml)")
    parser.add_argument(
        "--seconds", type=_positive, default=1200, metavar="S", help="time limit per row (default: %(default)s)"
    )
    parser.add_argument("--data", type=Path, default=Path("build/shards"), help="shards, output of `dvc repro prepare`")
    parser.add_argument("--out", type=Path, default=Path("reports/compare"), help="output folder of the table")
    parser.add_argument("--threads", type=_positive, metavar="N", help="CPU threads (default: params.yaml)")
    parser.add_argument("--file", type=Path, default=ROWS, help="definition of the sets")
    parser.add_argument("--fresh", action="store_true", help="retrain rows that are trained already")
    return parser.parse_args(arguments)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


if __name__ == "__main__":
    sys.exit(main())
