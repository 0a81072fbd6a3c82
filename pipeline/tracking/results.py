"""Results of the stages, read from their files: all that MLflow logs of them, but imported without it.

A stage and stage publish log the same Result. Another figure or file of a stage is one entry in its function here.
"""

import csv
import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.config import flatten
from pipeline.shards import SPLITS, TEST, TRAIN, VALIDATION, data_hash, file_hash, read_manifest
from stegnet.core.errors import DataError
from stegnet.core.measures import DIFFERENCE_GAIN, SEALED, SPEED

PREVIEW = f"train/cover - container - difference x{DIFFERENCE_GAIN} - secret - revealed"  # name of pictures in training
Figures = dict[tuple[str, int], float]  # by name and step
_CONTEXTS = {TRAIN: "training", VALIDATION: "validation", TEST: "evaluation"}


@dataclass(frozen=True)
class DataSet:
    """Pictures or a film that a stage read."""

    name: str
    source: str
    digest: str
    context: str
    profile: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """Result of one stage on disk."""

    stage: str
    key: str  # hash of its outputs; executions with the same outputs have the same key
    weights: str = ""  # hash of the weights that it trained or measured
    metrics: Mapping[str, float] = field(default_factory=dict)
    headline: Mapping[str, float] = field(default_factory=dict)  # figures that the row of the training also shows
    params: Mapping[str, object] = field(default_factory=dict)  # values that params.yaml leaves to "auto"
    curve: tuple[Mapping[str, float], ...] = ()  # points with a "step", in order
    artifacts: tuple[Path, ...] = ()  # files and folders
    texts: Mapping[str, str] = field(default_factory=dict)  # text files by name, logged without passwords
    pictures: Mapping[str, Path] = field(default_factory=dict)  # PNG files that the row of the training also shows
    datasets: tuple[DataSet, ...] = ()  # its inputs, first the one that gave the headline
    model: Path | None = None  # the weights file of a whole experiment, to be registered
    onnx: tuple[Path, ...] = ()  # files to add to it

    def points(self) -> Figures:
        """Return the figures of the curve."""
        return {place: value for point in self.curve for place, value in figures_at(self.stage, point).items()}


def figures_at(stage: str, point: Mapping[str, float]) -> Figures:
    """Return the figures of a point of a stage's curve, at its "step"."""
    return {(f"{stage}/{name}", int(point["step"])): value for name, value in point.items() if name != "step"}


def prepare_result(shards: Path, metrics: Path) -> Result:
    """Return the prepared pictures, and their number by source and split."""
    sets = _picture_sets(shards, *SPLITS)
    files = (shards / "manifest.csv",)
    return Result("prepare", data_hash(shards), metrics=flatten(_read(metrics)), artifacts=files, datasets=sets)


def train_result(weights: Path, curve: Path, shards: Path) -> Result:
    """Return the weights, their figures in training and validation as weights/…, and the training curve.

    The values that replaced "auto", and the family's options, are parameters resolved.…, by which MLflow can group
    trainings.
    """
    name = file_hash(weights)
    metrics = curve.with_name("metrics.json")
    card = _read(weights.with_suffix(".json"))
    training = card["training"]
    chosen = {"model": card["options"], "scramble": card["scramble"]}
    chosen |= {"train": {key: training["train"][key] for key in ("bits", "devices", "lr", "threads")}}
    chosen |= {key: training[key] for key in ("device", "precision")}
    params = {f"resolved.{key}": value for key, value in flatten(chosen).items()}
    figures = {f"weights/{key}": value for key, value in _read(metrics).items()}
    sets = _picture_sets(shards, TRAIN, VALIDATION)
    files = (curve, metrics)
    return Result("train", name, name, figures, params=params, curve=_curve(curve), artifacts=files, datasets=sets)


def evaluate_result(weights: Path, out: Path, speed: Path, shards: Path) -> Result:
    """Return quality on test pictures and speed: the headline, all statistics as evaluate/…, and pictures."""
    details = _read(out / "details.json")
    headline = _read(out / "metrics.json")
    metrics = {f"evaluate/{name.replace('.', '/')}": value for name, value in flatten(details).items()}
    means = {kind: {name: stats["mean"] for name, stats in modes[SEALED].items()} for kind, modes in details.items()}
    shown = {
        f"{kind}, {TEST}"
        for kind in means
        if all(means[kind].get(name, value) == value for name, value in headline.items())
    }
    sets = sorted(_picture_sets(shards, TEST), key=lambda data: data.name not in shown)
    pictures = {f"evaluate/{path.stem}": path for path in sorted((out / "pictures").glob("*.png"))}
    times = {name: _read(speed)[name] for name in SPEED}  # not in the key: they differ each time
    known = {name: value for name, value in metrics.items() if not math.isnan(value)}  # one value has no interval
    measured = _measured("evaluate", weights, out, known, headline | times)
    return replace(measured, pictures=pictures, datasets=tuple(sets))


def detect_result(weights: Path, out: Path, shards: Path) -> Result:
    """Return how often a detector is right about the pair's containers, sealed ones and the control, with intervals."""
    sets = _picture_sets(shards, TEST, VALIDATION)
    return replace(_measured("detect", weights, out, {}, _read(out / "metrics.json")), datasets=sets)


def video_result(weights: Path, out: Path, cover: Path, secret: Path) -> Result:
    """Return the quality of the demonstration film: headline, all figures, and a curve with one point per frame."""
    points = tuple({"step": point.pop("frame"), **point} for point in _curve(out / "frames.csv"))
    details = _read(out / "details.json")
    headline = _read(out / "metrics.json")
    sets = tuple(DataSet(film.name, str(film), file_hash(film)[:16], "evaluation") for film in (cover, secret))
    measured = _measured("video", weights, out, details, headline)
    return replace(measured, curve=points, pictures={"video/frames": out / "frames.png"}, datasets=sets)


def study_result(name: str, weights: Path, out: Path) -> Result:
    """Return all files of a study, and the figures in its metrics.json, which must be numbers, as name/figure."""
    figures = _read(out / "metrics.json")
    for key, value in figures.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise DataError(f"{out / 'metrics.json'}: {key}: must be a number, is {value!r}")
    return _measured(name, weights, out, {}, {f"{name}/{key}": value for key, value in figures.items()})


def experiment_result(weights: Path, onnx: Path, reports: Path, studies: Path | None) -> Result:
    """Return facts on a whole experiment for the row of its training: parameters, dvc.lock, report, ONNX files."""
    name = file_hash(weights)
    lock = Path("dvc.lock")
    page = (studies or reports) / "index.html"
    files = {"study.lock": lock, "study.html": page} if studies else {"dvc.lock": lock, "report.html": page}
    files |= {"params.yaml": Path("params.yaml")}
    texts = {name: path.read_text(encoding="utf-8") for name, path in files.items() if path.exists()}
    agreement = flatten(_read(onnx / "agreement.json") if (onnx / "agreement.json").exists() else {})
    # MLflow's charts are sorted by name: these come after the curves, train/….
    figures = {f"weights/onnx/{key.replace('.', '/')}": value for key, value in agreement.items()}
    return Result("publish", name, name, figures, texts=texts, model=weights, onnx=tuple(sorted(onnx.glob("*.onnx"))))


def _picture_sets(shards: Path, *splits: str) -> tuple[DataSet, ...]:
    """Return the prepared pictures of some splits, one data set per split and source."""
    pictures = defaultdict(list)
    for split in splits:
        for entry in read_manifest(shards, split):
            pictures[entry.source, split].append(entry.sha256)
    return tuple(
        DataSet(
            f"{kind}, {split}", str(shards), _digest(*hashes)[:16], _CONTEXTS[split], {"pictures": len(hashes)},
        )
        for (kind, split), hashes in pictures.items()
    )  # fmt: skip


def _measured(
    stage: str, weights: Path, out: Path, metrics: Mapping[str, float], headline: Mapping[str, float]
) -> Result:
    name = file_hash(weights)
    key = _digest(name, (out / "metrics.json").read_text(encoding="utf-8"))
    return Result(stage, key, name, metrics, headline, artifacts=(out,))


def _curve(path: Path) -> tuple[dict[str, float], ...]:
    with open(path, newline="", encoding="utf-8") as file:
        return tuple({key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file))


def _digest(*texts: str) -> str:
    return hashlib.sha256("".join(texts).encode()).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values
