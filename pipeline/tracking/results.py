"""Results of the stages, read from their files as MLflow logs them, and the tracker that logs them."""

import csv
import hashlib
import json
import logging
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.config import Config, flatten
from pipeline.shards import SPLITS, TEST, TRAIN, VALIDATION, data_hash, read_manifest
from pipeline.tracking.result import DataSet, Result
from stegnet.core.errors import DataError, TrackingError

if TYPE_CHECKING:
    from pipeline.tracking.run import LiveRun
    from pipeline.tracking.store import Tracker

_DIGEST = 16  # digits of a data set's hash
_CONTEXTS = {TRAIN: "training", VALIDATION: "validation", TEST: "evaluation"}


def open_tracker(config: Config) -> "StageTracker":
    """The tracker of a stage's run, which a store that can't be used does not stop."""
    return StageTracker(config)


def open_store(config: Config) -> "Tracker | NullTracker":
    """The store of this stage's repository, even if DVC runs it in a temporary copy.

    Without MLflow, stages run all the same, untracked.

    Raises:
        TrackingError: it can't be opened.
    """
    if find_spec("mlflow") is None:
        logging.warning("MLflow is not installed: nothing is tracked")
        return NullTracker()
    try:
        from pipeline.tracking.store import Tracker
    except RuntimeError as error:  # without a home, which MLflow asks for
        raise TrackingError(f"MLflow can't be imported ({error})", "set HOME to a folder") from error

    return Tracker(Path(os.environ.get("DVC_ROOT", ".")), flatten(asdict(config)))


class StageTracker:
    """Tracks the run of a stage; what a store that can't be used misses of it, stage publish logs from its files."""

    def __init__(self, config: Config) -> None:
        self._config = config

    @contextmanager
    def run(self, stage: str, name: str, training: str = "") -> Iterator["LiveRun | NullRun"]:
        """Starts a run for the block, as `Tracker.run`; with a warning, none if the store can't be used."""
        with ExitStack() as stack:
            try:
                run: LiveRun | NullRun = stack.enter_context(open_store(self._config).run(stage, name, training))
            except TrackingError as error:
                logging.warning("%s: %s goes on, and stage publish logs it later; %s", error, stage, error.hint)
                run = NullRun(complete=False)
            yield run


class NullTracker:
    """A tracker that does nothing, with the methods of `pipeline.tracking.store.Tracker`."""

    @contextmanager
    def run(self, stage: str, name: str, training: str = "") -> Iterator["NullRun"]:
        """Logs nothing of the block."""
        yield NullRun()

    def log_result(self, result: Result, name: str) -> None:
        """Does nothing."""

    def add_to_model(self, weights: str, paths: Sequence[Path]) -> None:
        """Does nothing."""


class NullRun:
    """A run that does nothing, with the methods of `pipeline.tracking.run.LiveRun`."""

    def __init__(self, complete: bool = True) -> None:
        self.complete = complete

    def log_tags(self, tags: Mapping[str, str]) -> None:
        """Does nothing."""

    def log_point(self, stage: str, point: Mapping[str, float]) -> None:
        """Does nothing."""

    def log_picture(self, name: str, step: int, pixels: np.ndarray) -> None:
        """Does nothing."""

    def finish(self, result: Result) -> None:
        """Does nothing."""


def training_name(config: Config) -> str:
    """A training's name in MLflow, unless parameters differ from the commit's."""
    return f"{config.model.name} beta={config.beta:g}"


def prepare_result(shards: Path, metrics: Path) -> Result:
    """The prepared pictures, and their number by source and split."""
    figures = flatten(_read(metrics))
    sets = tuple(each for split in SPLITS for each in picture_sets(shards, split))
    return Result("prepare", data_hash(shards), metrics=figures, artifacts={shards / "manifest.csv": ""}, datasets=sets)


def train_result(weights: Path, curve: Path, live: bool = False, datasets: tuple[DataSet, ...] = ()) -> Result:
    """The weights and the training curve; `live`: the points of the curve are logged already."""
    points = () if live else _curve(curve)
    name = _sha256(weights)
    return Result("train", name, name, curve=points, artifacts={curve: ""}, datasets=datasets, model=weights)


def evaluate_result(weights: Path, out: Path, datasets: tuple[DataSet, ...] = ()) -> Result:
    """Quality on test pictures: headline figures, all figures as evaluate/…, contact sheets."""
    details, headline = flatten(_read(out / "details.json")), _read(out / "metrics.json")
    metrics = {f"evaluate/{name.replace('.', '/')}": value for name, value in details.items()}
    pictures = {f"evaluate/{path.stem}": path for path in sorted((out / "pictures").glob("*.png"))}
    return _measured("evaluate", weights, out, metrics, headline, pictures=pictures, datasets=datasets)


def video_result(weights: Path, out: Path, datasets: tuple[DataSet, ...] = ()) -> Result:
    """Quality of the demonstration film: headline figures, all figures, and a curve with one point per frame."""
    points = tuple({"step": point.pop("frame"), **point} for point in _curve(out / "frames.csv"))
    details, headline = _read(out / "details.json"), _read(out / "metrics.json")
    pictures = {"video/frames": out / "frames.png"}
    return _measured("video", weights, out, details, headline, curve=points, pictures=pictures, datasets=datasets)


def study_result(name: str, weights: Path, out: Path) -> Result:
    """All files of a study, and the figures in its metrics.json, as name/figure.

    Raises:
        DataError: a figure is not a number.
    """
    figures = _read(out / "metrics.json")
    for key, value in figures.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise DataError(f"{out / 'metrics.json'}: {key}: must be a number, is {value!r}")
    return _measured(name, weights, out, {}, {f"{name}/{key}": value for key, value in figures.items()})


def picture_sets(shards: Path, split: str) -> tuple[DataSet, ...]:
    """The prepared pictures of one split, one data set per source."""
    counts: Counter[str] = Counter()
    hashes: dict[str, Any] = defaultdict(hashlib.sha256)
    for entry in read_manifest(shards, split):
        counts[entry.source] += 1
        hashes[entry.source].update(entry.sha256.encode())
    return tuple(
        DataSet(
            f"{kind}, {split}", str(shards), hashes[kind].hexdigest()[:_DIGEST], _CONTEXTS[split], {"pictures": count}
        )
        for kind, count in counts.items()
    )


def training_sets(shards: Path) -> tuple[DataSet, ...]:
    """Training and validation pictures."""
    return (*picture_sets(shards, TRAIN), *picture_sets(shards, VALIDATION))


def film_sets(*films: Path) -> tuple[DataSet, ...]:
    """Cover and secret films."""
    return tuple(DataSet(film.name, str(film), _sha256(film)[:_DIGEST], "evaluation") for film in films)


def _measured(
    stage: str, weights: Path, out: Path, metrics: Mapping[str, float], headline: Mapping[str, float], **more: Any
) -> Result:
    name = _sha256(weights)
    key = hashlib.sha256(name.encode() + (out / "metrics.json").read_bytes()).hexdigest()
    return Result(stage, key, name, metrics, headline, artifacts={out: ""}, **more)


def _curve(path: Path) -> tuple[dict[str, float], ...]:
    with open(path, newline="", encoding="utf-8") as file:
        return tuple({key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digest(*hashes: str) -> str:
    return hashlib.sha256("".join(hashes).encode()).hexdigest()[:_DIGEST]


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))
