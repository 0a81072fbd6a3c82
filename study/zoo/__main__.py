"""The zoo: published networks on one ruler, each trained from nothing for the same time, and for the same pairs.

    python -m study.zoo SHARDS OUT [NAME...] [--minutes 3] [--pairs 400] [-S train.crop=96 …]

Each profile, a YAML file beside this one, is trained by the parameters of ./params.yaml with its changes, and with
those of -S over them. First, three steps of each tell how long the trainings will take. OUT gets a folder for
each network, budget and set of parameters, and, when all are measured, zoo.csv, zoo.png and budget.json. Trainings,
figures and containers that are there are not made again, and an interrupted training goes on: the same command resumes.
Only the detector is trained each time. It needs neither DVC nor MLflow.
"""

import argparse
import hashlib
import json
import logging
import os
import platform
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from pipeline.chart import COLOURS, MARKERS, chart
from pipeline.config import changed, check, flatten, load, parse, read
from pipeline.detect.detection import CONTROL_FOUND, CONTROLS
from pipeline.detect.detector import detect, train_detector
from pipeline.detect.methods import PicturePair, container_seed, picture_pairs
from pipeline.evaluate.quality import PicturePairs
from pipeline.evaluate.statistics import headline_kind
from pipeline.parameters.detect import DetectParameters
from pipeline.parameters.whole import Config
from pipeline.shards import TEST, TRAIN
from pipeline.stage import bar, program, write_json, write_table
from pipeline.train.checkpoint import Checkpoint
from pipeline.train.complexity import size_of
from pipeline.train.pairs import Pairs, load_batches
from pipeline.train.run import prepare_run, write_weights
from pipeline.train.train import Trainer, train
from stegnet.core.compute import device_name, make_deterministic, pick_device
from stegnet.core.disk import atomic_write
from stegnet.core.errors import ConfigError, did_you_mean
from stegnet.core.measures import CONTAINER_PSNR, SECRET_PSNR
from stegnet.core.names import TRUSTED
from stegnet.networks.card import read_card
from stegnet.networks.pair import family_names, load_pair
from study.photograph_pairs import pairs_of
from study.zoo.ruler import EXACT, STORED, Pixels, means, ruler_of

OURS = "costa"  # this project's own pair, to compare with
PROFILES = {file.stem: file for file in sorted(Path(__file__).parent.glob("*.yaml"))}
FIGURES = "figures.json"
WEIGHTS = "pair.safetensors"


@dataclass(frozen=True)
class Budget:
    """What each network may be trained for: minutes, or else pairs."""

    minutes: float | None = None
    pairs: int | None = None

    @property
    def name(self) -> str:
        """Its name in the table, and that of its folder."""
        return f"{self.minutes:g} minutes" if self.pairs is None else f"{self.pairs} pairs"


@dataclass(frozen=True)
class ZooEntry:
    """A network of the zoo, to be trained for a budget.

    Attributes:
        name: of its profile.
        budget: what it is trained for.
        values: of params.yaml, nested, with the profile's changes.
        folder: of its weights, figures and containers; other parameters, pictures or code have another folder.
    """

    name: str
    budget: Budget
    values: Any
    folder: Path

    def config(self, pairs: int) -> Config:
        """Return the parameters of a training of `pairs` pairs.

        Warm-up, averaging of weights and validation of params.yaml are for thousands of steps. Here, a tenth of the
        steps is for warm-up, the average is over about as many, and the last weights count.
        """
        batch = check(self.values, Config).train.batch
        steps = max(1, pairs // batch)
        short = {"pairs": pairs, "devices": 1, "validate": 0, "warmup": min(50, steps // 10), "checkpoint": 100}
        short["ema"] = min(0.99, max(0.0, 1 - 10 / steps))
        return check(changed(self.values, {f"train.{key}": value for key, value in short.items()}), Config)


def main() -> None:
    """Train and measure what is missing, then write table and figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path, help="prepared pictures, as `dvc repro prepare` writes them: build/shards")
    parser.add_argument("out", type=Path, help="folder of the results")
    parser.add_argument("names", nargs="*", help="profiles, or families; without any, all profiles, and costa")
    parser.add_argument("--minutes", type=float, default=3, help="time for each training; 0: no such trainings")
    parser.add_argument("--pairs", type=int, default=400, help="pairs for each training; 0: no such trainings")
    changes = "a value of params.yaml for all networks, over the profiles'; repeatable"
    parser.add_argument("-S", "--set-param", action="append", default=[], metavar="KEY=VALUE", help=changes)
    parser.add_argument("--pictures", type=int, help="test pictures that are hidden in; without it, all photographs")
    parser.add_argument("--detect", type=int, default=100, help="pictures that the detector is trained on; 0: none")
    options = parser.parse_args()
    with program():
        run(options)


def run(options: argparse.Namespace) -> None:
    """Do what the command line asks for."""
    budgets = [Budget(minutes=options.minutes)] if options.minutes else []
    budgets += [Budget(pairs=options.pairs)] if options.pairs else []
    names = options.names or [*PROFILES, OURS]
    changes = parse_changes(options.set_param)
    tables = []
    rows = [[entry_of(name, budget, changes, options.shards, options.out) for name in names] for budget in budgets]
    announce([entry for entries in rows for entry in entries], options.shards)
    for entries in rows:
        for entry in entries:
            measured_once(entry, options.shards, options.pictures)
        table = pd.DataFrame([figures_of(entry) for entry in entries])
        if options.detect:
            table["detection"] = detection(entries, options.shards, options.detect)
        tables.append(table)
    table = pd.concat(tables)
    write_table(options.out / "zoo.csv", table)
    draw(table, options.out / "zoo.png")
    done = {"changes": changes, "budgets": [budget.name for budget in budgets]}
    write_json(options.out / "budget.json", machine() | done)
    default = read(Path("params.yaml"))["model"]["name"]
    print(table.replace({"network": {default: f"{default} (the default)"}}).to_string(index=False))


def read_profile(name: str) -> dict[str, object]:
    """Return a profile's changes by dotted keys of params.yaml; of a family without a profile, its name alone."""
    if name in PROFILES:
        return flatten(read(PROFILES[name]))
    if name not in family_names():
        known = [*PROFILES, *family_names()]
        hint = f"{did_you_mean(name, known)} known: {', '.join(dict.fromkeys(known))}".lstrip()
        raise ConfigError(f"the zoo has no network {name!r}", hint)
    return {"model.name": name}


def parse_changes(texts: Iterable[str]) -> dict[str, object]:
    """Return the values of texts `key=value` by dotted keys. Raises ConfigError for a text without =."""
    changes = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"-S {text}: not of the form key=value", "such as -S train.crop=64")
        changes[key] = parse(value)
    return changes


def entry_of(name: str, budget: Budget, changes: dict[str, object], shards: Path, out: Path) -> ZooEntry:
    """Return the entry of a profile; `changes` go over it."""
    values = changed(read(Path("params.yaml")), read_profile(name) | changes)
    training = prepare_run(check(values, Config), shards)
    return ZooEntry(name, budget, values, out / budget.name.replace(" ", "-") / f"{name}-{training.fingerprint[:8]}")


def announce(entries: Sequence[ZooEntry], shards: Path) -> None:
    """Plan what is missing, and say how long it will train."""
    missing = [entry for entry in entries if not (entry.folder / FIGURES).exists()]
    plans = [plan_of(entry, shards) for entry in bar(missing, "time three steps of each")]
    minutes = [plan.pairs / plan.rate / 60 for plan in plans]
    if plans:
        each = ", ".join(f"{entry.name} {time:.1f}" for entry, time in zip(missing, minutes, strict=True))
        logging.info("trainings, in minutes: %s; together %.0f, and measuring after them", each, sum(minutes))
        logging.info("Ctrl-C stops, and the same command goes on")


@dataclass(frozen=True)
class Plan:
    """The pairs that an entry is trained on, and how fast, by three of its steps."""

    pairs: int
    rate: float  # pairs a second


def plan_of(entry: ZooEntry, shards: Path) -> Plan:
    """Return the plan of an entry, made when it is first asked for."""
    planned = entry.folder / "planned.json"
    if not planned.exists():
        train_config = entry.config(1000).train
        rate = pairs_per_second(entry, shards)
        batches = max(1, int(rate / train_config.batch * 60 * (entry.budget.minutes or 0)))
        pairs = entry.budget.pairs or batches * train_config.batch
        write_json(planned, {"pairs": pairs, "rate": rate})
    return Plan(**json.loads(planned.read_text(encoding="utf-8")))


def measured_once(entry: ZooEntry, shards: Path, pictures: int | None) -> None:
    """Train an entry, and measure it on so many test pictures, unless its figures are there."""
    if (entry.folder / FIGURES).exists():
        return
    os.environ[TRUSTED] = entry.values["model"]["name"]
    weights = entry.folder / WEIGHTS
    if not weights.exists():
        train_entry(entry, shards, weights)
    ruler = ruler_of(weights)
    shift = check(entry.values, Config).evaluate.shift
    seen = read_card(weights).training
    figures = {
        "network": entry.name,
        "budget": entry.budget.name,
        **json.loads((entry.folder / "trained.json").read_text(encoding="utf-8")),
        "crop": seen["train"]["crop"],
        "batch": seen["train"]["batch"],
        **means(ruler, bar(photographs(shards, shift)[:pictures], f"{entry.name}: measure")),
        **ruler.speed(),
    }
    write_json(entry.folder / FIGURES, figures)


def figures_of(entry: ZooEntry) -> dict[str, Any]:
    """Return what was measured of an entry, and its size: parameters, and multiply-adds a pixel of 256×256."""
    pair, _ = load_pair(entry.folder / WEIGHTS)
    figures: dict[str, Any] = json.loads((entry.folder / FIGURES).read_text(encoding="utf-8"))
    return figures | size_of(pair.to("meta"), side=256)


def train_entry(entry: ZooEntry, shards: Path, weights: Path) -> None:
    """Train an entry for its budget; write its weights, and trained.json with pairs and seconds."""
    pairs = plan_of(entry, shards).pairs
    training = prepare_run(entry.config(pairs), shards)
    checkpoints = entry.folder / "checkpoints"
    begun = time.monotonic()
    result = train(training, checkpoints, progress=partial(bar, desc=f"{entry.name}, {entry.budget.name}"))
    seconds = round(time.monotonic() - begun, 1)  # of the last part, if it was interrupted
    write_json(entry.folder / "trained.json", {"pairs": pairs, "seconds": seconds})
    write_weights(weights, result.pair, result.card)
    Checkpoint(checkpoints, training.fingerprint).remove()


def pairs_per_second(entry: ZooEntry, shards: Path) -> float:
    """Return the pairs that a training of an entry sees in a second, by three of its steps.

    The first steps are not timed: in them, networks are compiled, and CUDA graphs recorded.
    """
    untimed, steps = 3, 3
    run_of_steps = prepare_run(entry.config(1000 * steps), shards)
    config = run_of_steps.config
    make_deterministic(config.seed, config.train.threads)
    trainer = Trainer(run_of_steps)
    train_config = config.train
    pictures = Pairs(shards, train_config.crop, train_config.augment, config.seed, trainer.task.pictures_per_pair)
    (batch,) = load_batches(pictures, [range(train_config.batch)], 0)
    for _ in range(untimed):
        trainer.step(batch)
    begun = time_of(run_of_steps.device)
    for _ in range(steps):
        trainer.step(batch)
    return steps * train_config.batch / (time_of(run_of_steps.device) - begun)


def time_of(device: torch.device) -> float:
    """Return the time in seconds at which a device has done all its work."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.monotonic()


def photographs(shards: Path, shift: int) -> list[tuple[Pixels, Pixels]]:
    """Return covers and secrets of the test pictures that every data set has; `shift` is evaluate.shift."""
    pairs = PicturePairs(shards, shift)
    return pairs_of(pairs, headline_kind(pairs.kinds))


def detection(entries: Sequence[ZooEntry], shards: Path, count: int) -> list[float | None]:
    """Return how often one small detector is right about each, trained on `count` pictures and their containers.

    It is tested on half as many others. All are the middles of pictures, since some networks are slow. None of each, if
    it misses one of its controls.
    """
    config = load(Path("params.yaml"), DetectParameters)
    shift = config.evaluate.shift
    known = list(picture_pairs(shards, TRAIN, shift, count))
    unseen = list(picture_pairs(shards, TEST, shift, max(1, count // 2)))
    pairs = [PicturePair(pair.kind, middle(pair.cover), middle(pair.secret)) for pair in (*known, *unseen)]
    covers = [pair.cover for pair in pairs]
    controls = [[hide(pair.cover, pair.secret, 0) for pair in pairs] for hide in CONTROLS.values()]
    sides = np.stack([covers, *controls, *(containers(entry, pairs) for entry in entries)])
    training, test = np.split(sides, [len(known)], axis=1)
    detector = train_detector(config.detect.backbone, training, config.seed)
    accuracies = [round(scores.accuracy, 3) for scores in detect(detector, test)]
    control, found = min(accuracies[: len(CONTROLS)]), accuracies[len(CONTROLS) :]
    if control < CONTROL_FOUND:
        logging.warning("the detector finds one of its controls in %.0f %% alone: raise --detect", 100 * control)
        return [None] * len(found)
    return [*found]


def middle(picture: Pixels) -> Pixels:
    """Return the middle of a picture, at most 128×128 pixels."""
    side = 128
    top, left = (max(0, length - side) // 2 for length in picture.shape[:2])
    return np.ascontiguousarray(picture[top : top + side, left : left + side])


def containers(entry: ZooEntry, pairs: Sequence[PicturePair]) -> Pixels:
    """Return the containers of an entry, as PNGs hold them, (N, H, W, 3), and keep them for the next run."""
    used = hashlib.sha256(b"".join(side.tobytes() for pair in pairs for side in (pair.cover, pair.secret)))
    kept = entry.folder / f"containers-{used.hexdigest()[:8]}.npy"
    if kept.exists():
        return np.load(kept)
    weights = entry.folder / WEIGHTS
    os.environ[TRUSTED] = entry.values["model"]["name"]
    ruler = ruler_of(weights)
    numbered = enumerate(bar(pairs, f"{entry.name}: hide"))
    hidden = np.stack([ruler.stored(each.cover, each.secret, container_seed(0, number)) for number, each in numbered])
    with atomic_write(kept) as part, part.open("wb") as file:
        np.save(file, hidden)
    return hidden


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw what the networks reach: lines lead from exact containers to a mark for those of 8 bits, by budget."""
    markers = dict(zip(table["budget"].unique(), MARKERS, strict=False))
    with chart(path, "container, PSNR in dB", "secret, PSNR in dB") as axes:
        axes.margins(0.12)  # for the names
        for budget, marker in markers.items():
            axes.plot([], [], color="grey", marker=marker, linestyle="", label=budget)
        for number, (network, rows) in enumerate(table.groupby("network", sort=False)):
            colour = COLOURS[number % len(COLOURS)]
            reached = [(row["budget"], np.array(list(points_of(row)))) for row in rows.to_dict("records")]
            for budget, points in reached:
                axes.plot(*points.T, color=colour, marker="", alpha=0.5)
                axes.plot(*points[-1], color=colour, marker=markers[budget], linestyle="")
            _, first = reached[0]
            axes.annotate(str(network), first[-1], (4, 3), textcoords="offset points", fontsize="small")


def points_of(row: dict[str, Any]) -> Iterator[tuple[float, float]]:
    """Yield container and secret, exact and stored, if measured."""
    for state in (EXACT, STORED):
        point = row.get(f"{CONTAINER_PSNR}_{state}"), row.get(f"{SECRET_PSNR}_{state}")
        if point[0] is not None and np.isfinite(point).all():
            yield point


def machine() -> dict[str, str]:
    """Return the device and software that trained."""
    return {
        "device": device_name(pick_device()),
        "cpus": str(os.cpu_count()),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    main()
