"""Runs a grid of experiments; logs mean and standard deviation over their seeds as the parent row of their trainings.

    python -m pipeline.sweep -S beta=0.25,0.5,1 -S seed=0,1,2 [--jobs 2] [--cluster ADDRESS]

DVC's queue runs the experiments up to stage evaluate, and restores those that it has run before. A grid needs neither
Optuna nor Ray Tune, which choose what to try next; with --cluster, Ray runs the trainings (train.launcher).
"""

import argparse
import hashlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from statistics import mean, stdev
from subprocess import run
from typing import TYPE_CHECKING, Any

from pipeline.config import changed, check, flatten, parse, read
from pipeline.stage import program
from pipeline.tracking.results import Result
from stegnet.core.errors import ConfigError, TrainingError, extra
from stegnet.core.measures import PSNR, SIDES, SSIM, measure_of

if TYPE_CHECKING:
    from pipeline.tracking.store import Run

SHOWN = tuple(measure.of(side) for measure in (PSNR, SSIM) for side in SIDES)
STD = "_std"  # sample standard deviation
Grid = dict[str, list[str]]  # values of each parameter, as they were written
Figures = Mapping[str, float]


def main(changes: Sequence[str], jobs: int, cluster: str | None) -> None:
    with extra("pipeline", "a sweep"):
        from pipeline.tracking.store import Tracker

    grid = parse_grid([*changes, "train.launcher=ray"] if cluster else changes)
    points = list(grid_points(grid))
    root = Path(os.environ.get("DVC_ROOT", "."))
    run_experiments(grid, jobs, cluster)
    trainings: dict[str, list[Run]] = {}
    for point, params in points:
        if (training := Tracker(root, params).training()) is None:
            raise TrainingError(f"{point}: MLflow has no finished training", "`dvc queue status` shows what failed")
        varied = [key for key, values in grid.items() if len(values) > 1 and key != "seed"]  # seeds repeat a setting
        setting = " ".join(f"{key} {point[key]}" for key in varied)
        trainings.setdefault(setting, []).append(training)  # with all seeds; MLflow's names contain no equals sign

    means = {setting: summarise([run.data.metrics for run in runs]) for setting, runs in trainings.items()}
    runs = [run for of_setting in trainings.values() for run in of_setting]
    table = as_markdown(means, len(runs) // len(means))
    key = hashlib.sha256(" ".join([*words_of(grid), *(run.info.run_id for run in runs)]).encode()).hexdigest()
    figures = {
        f"{setting}/{name}".lstrip("/"): value for setting, of_all in means.items() for name, value in of_all.items()
    }
    sweep = Result("sweep", key, metrics=figures)
    Tracker(root, {key: ",".join(values) for key, values in grid.items()}).log_sweep(sweep, table, runs)
    print(table)


def parse_grid(changes: Sequence[str]) -> Grid:
    """Return the values of each parameter from words such as "beta=0.5,1". Raises ConfigError for any other word."""
    grid: Grid = {}
    for word in changes:
        key, equals, values = word.partition("=")
        if not equals or key in grid or not all(values.split(",")):
            raise ConfigError(f"-S {word}: not a parameter and its values", "for example -S beta=0.5,1 -S seed=0,1,2")
        grid[key] = values.split(",")
    return grid


def words_of(grid: Grid) -> list[str]:
    """Return the grid in the syntax of DVC's -S."""
    return [f"{key}={','.join(values)}" for key, values in grid.items()]


def grid_points(grid: Grid) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """Yield each combination of the values, checked, and all parameters of its experiment by dotted keys."""
    params = read(Path("params.yaml"))
    for values in product(*grid.values()):
        point = dict(zip(grid, values, strict=True))
        config = check(changed(params, {key: parse(value) for key, value in point.items()}))
        yield point, flatten(asdict(config))


def run_experiments(grid: Grid, jobs: int, cluster: str | None) -> None:
    """Queue all experiments and wait until they are done; use a Ray cluster for the trainings, if one is given."""
    dvc = [sys.executable, "-m", "dvc", "exp", "run"]
    environment = dict(os.environ)
    if cluster:
        environment["RAY_ADDRESS"] = cluster
    queue = [*dvc, "--queue", *(f"--set-param={word}" for word in words_of(grid)), "evaluate"]
    for command in (queue, [*dvc, "--run-all", f"--jobs={jobs}"]):
        if run(command, env=environment, check=False).returncode:
            raise TrainingError("the sweep failed", "`dvc queue status` and `dvc queue logs` show what happened")


def summarise(repetitions: Sequence[Figures]) -> dict[str, float]:
    """Return the mean of each figure on test pictures that all have, and its standard deviation if there are several.

    The training curve and the machine's load, which have a / in their names, are left out.
    """
    names = {name for name in set.intersection(*map(set, repetitions)) if "/" not in name}
    summary = {name: mean(figures[name] for figures in repetitions) for name in names}
    if len(repetitions) > 1:
        summary |= {f"{name}{STD}": stdev(figures[name] for figures in repetitions) for name in names}
    return summary


def as_markdown(found: Mapping[str, Figures], seeds: int) -> str:
    """Return a table with one row for each setting."""
    heads = [f"{name.partition('_')[0]} {measure_of(name).label}" for name in SHOWN]
    rows = [f"| mean ± standard deviation, {seeds} each | {' | '.join(heads)} |"]
    rows.append("|".join(["", *("---" for _ in ("setting", *heads)), ""]))
    for setting, figures in found.items():
        rows.append(f"| {setting or 'all'} | {' | '.join(_cell(name, figures) for name in SHOWN)} |")
    return "\n".join(rows)


def _cell(name: str, figures: Figures) -> str:
    digits = measure_of(name).digits
    std = f" ± {figures[name + STD]:.{digits}f}" if name + STD in figures else ""
    return f"{figures[name]:.{digits}f}{std}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-S", "--set-param", dest="changes", action="append", required=True, metavar="KEY=A,B,…")
    parser.add_argument("--jobs", type=int, default=1, help="experiments at a time")
    parser.add_argument("--cluster", metavar="ADDRESS", help="of a Ray cluster for the trainings")
    with program():
        main(**vars(parser.parse_args()))
