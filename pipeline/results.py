"""What each stage left on disk, as MLflow is told of it."""

import csv
import hashlib
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.untracked import Untracked
from stegnet.config import Config, flatten
from stegnet.data.shards import data_hash
from stegnet.result import Result

if TYPE_CHECKING:
    from stegnet.tracking import Tracker


def open_tracker(config: Config) -> "Tracker | Untracked":
    """The store of the repository that this stage belongs to, be it run in a temporary copy.

    A bare machine may have no MLflow; a training there is worth something all the same.
    """
    if find_spec("mlflow") is None:
        logging.warning("MLflow is not installed: nothing is tracked")
        return Untracked()
    from stegnet.tracking import Tracker

    return Tracker(Path(os.environ.get("DVC_ROOT", ".")), flatten(asdict(config)))


def name_of(config: Config) -> str:
    """What a training is called in a list: DVC's name of the experiment, else what tells it from others."""
    return os.environ.get("DVC_EXP_NAME") or f"{config.model.name} beta={config.beta:g}"


def prepare_result(shards: Path, metrics: Path) -> Result:
    figures = flatten(json.loads(metrics.read_text(encoding="utf-8")))
    return Result("prepare", data_hash(shards), metrics=figures, artifacts={shards / "manifest.csv": ""})


def train_result(weights: Path, curve: Path, live: bool = False) -> Result:
    """`live`: the curve was sent while it grew."""
    points = () if live else _curve(curve)
    name = _sha256(weights)
    artifacts = {weights: "weights", weights.with_suffix(".json"): "weights", curve: ""}
    return Result("train", name, name, curve=points, artifacts=artifacts)


def evaluate_result(weights: Path, out: Path) -> Result:
    details = flatten(_read(out / "details.json"))
    headline = {name: value for name, value in _read(out / "metrics.json").items() if name != "trained_beta"}
    metrics = {f"evaluate/{name.replace('.', '/')}": value for name, value in details.items()}
    return _measured("evaluate", weights, out, metrics, headline)


def video_result(weights: Path, out: Path) -> Result:
    headline = _read(out / "metrics.json")
    points = tuple({"step": point.pop("frame"), **point} for point in _curve(out / "frames.csv"))
    return replace(_measured("video", weights, out, {}, headline), curve=points)


def _measured(
    stage: str, weights: Path, out: Path, metrics: Mapping[str, float], headline: Mapping[str, float]
) -> Result:
    name = _sha256(weights)
    key = hashlib.sha256(name.encode() + (out / "metrics.json").read_bytes()).hexdigest()
    return Result(stage, key, name, metrics, headline, artifacts={out: ""})


def _curve(path: Path) -> tuple[dict[str, float], ...]:
    with open(path, newline="", encoding="utf-8") as file:
        return tuple({key: float(value) for key, value in row.items()} for row in csv.DictReader(file))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))
