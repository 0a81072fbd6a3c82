"""Detection of what arrives through a channel: `python -m study.channel_steganalysis FOLDER OUT.csv [TRIAL…]`.

Covers are photographs of 256×256, and mosaics of 32 of them, 2048×1024, which are hidden in as one picture of two
megapixels and judged in parts. Reduced photographs were never JPEGs of that size; those of their own size were, and the
channel saves them a second time. An observer compares what arrives with the same photographs, sent once or twice by
somebody who hides nothing, or with what hiding prepares without a message, so that the table says what the preparation
betrays and what the message does; beside it the method jpeg in what arrived of the photograph that was sent once.

Each photograph is judged by a classifier that was trained on others. Features are kept in the cache folder, and the
table is written after every row; rows of trials that are not named stay in it. The control is the same comparison of
what was prepared with what arrives, of which half of the pairs, drawn at random, are exchanged: nothing can be told.

The server of an app keeps what is sent, too: trials of uploads tell it from a picture that was saved from the app and
is sent again, by the share of luma blocks that still move.
"""

import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from joblib import Memory

from pipeline.detect.methods import container_seed
from pipeline.evaluate.statistics import Scores
from pipeline.fingerprint import source_hash
from pipeline.shards import cache_folder
from pipeline.stage import bar, write_table
from stegnet.channels import Transit
from stegnet.channels.jpeg_form import jpeg_of
from stegnet.core.errors import CapacityError
from stegnet.image.jpeg_coefficients import JpegPicture
from stegnet.keys import KEY_BYTES, Key, seeded
from study.channel_hiders import (
    AGAIN,
    ARRIVES,
    CAME,
    JPEG,
    KNOWN,
    ONCE,
    PREPARED,
    ChannelCase,
    Message,
    SavingChannel,
    medium_for,
    nonzero_of,
    pictures_of,
    png_of,
)
from study.ensemble import FOLDS, Features, by_folds, summarise
from study.jpeg_features import EXTRACTORS, Luma, luma_of
from study.jpeg_hiders import LEAST_BITS
from study.jpeg_steganalysis import DIMENSIONS, covers
from study.stats import LEVEL, auc, auc_interval

ROWS, COLUMNS = 4, 8  # photographs in a mosaic
UPLOADED = 200  # photographs
DCTR, SPAM = "DCTR", "SPAM"
SEED = 0
CONTROL = ChannelCase("control")
# What decides what arrives, and its features.
CODE = (
    *("stegnet/channels", "stegnet/methods", "stegnet/sealing", "stegnet/image/libjpeg.py"),
    *("stegnet/media/jpeg_cover.py", "study/channel_hiders.py", "study/features.py", "study/jpeg_features.py"),
)


@dataclass(frozen=True)
class Trial:
    """Photographs that are sent through a channel, and what they are judged by.

    Attributes:
        channel: what they go through.
        reduced: whether they are reduced to their size, or parts of a larger JPEG.
        mosaic: whether they are sent together, as a picture of two megapixels.
        messages: what is hidden.
        beside: kinds of the method jpeg that are measured, too, with the first message.
        most: photographs, at most.
    """

    channel: SavingChannel
    reduced: bool
    mosaic: bool
    messages: tuple[Message, ...]
    beside: tuple[str, ...]
    most: int = 800

    @property
    def name(self) -> str:
        """The channel, and what is sent."""
        size = "2 megapixels" if self.mosaic else "256" if self.reduced else "own size"
        return f"{self.channel.name}, {size}"

    @property
    def comparisons(self) -> list[tuple[ChannelCase, ChannelCase]]:
        """Return pairs of cases to tell apart, the most telling first."""
        once = ChannelCase(ONCE)
        again = ChannelCase(AGAIN)
        prepared = ChannelCase(PREPARED)
        pairs = [(once, again), (again, prepared)]
        pairs += [(before, ChannelCase(ARRIVES, message)) for message in self.messages for before in (prepared, again)]
        pairs += [(again, ChannelCase(CAME, message)) for message in self.messages]
        pairs += [(once, ChannelCase(kind, self.messages[0])) for kind in self.beside]
        return pairs if self.mosaic else [*pairs, (prepared, CONTROL)]

    @property
    def cases(self) -> tuple[ChannelCase, ...]:
        """Return the cases that are compared."""
        return tuple(dict.fromkeys(case for pair in self.comparisons for case in pair if case != CONTROL))


@dataclass(frozen=True)
class Upload:
    """Files that are sent through a channel, which its server sees, with a message."""

    channel: SavingChannel
    message: Message
    reduced = True
    most = UPLOADED

    @property
    def name(self) -> str:
        """The channel, and that the upload is meant."""
        return f"{self.channel.name}, upload"


@dataclass(frozen=True)
class Measured:
    """Photographs in one case.

    Attributes:
        features: by name, (N, F) float32.
        sent: whether each was sent, (N,) bool; False: hiding was refused.
        nonzero, changed: coefficients of what was prepared, or sent once, that are not 0, and those that differ, (N,).
    """

    features: dict[str, np.ndarray]
    sent: np.ndarray
    nonzero: np.ndarray
    changed: np.ndarray


ALONE = (Message(0.1),)
TOGETHER = (Message(0, 1000),)
TRIALS: tuple[Trial | Upload, ...] = (
    Trial(SavingChannel("Pillow", 80), reduced=True, mosaic=True, messages=TOGETHER, beside=(JPEG, KNOWN)),
    Trial(SavingChannel("mozjpeg", 80), reduced=True, mosaic=True, messages=TOGETHER, beside=(), most=320),
    Trial(SavingChannel("Pillow", 80), reduced=True, mosaic=False, messages=ALONE, beside=(JPEG, KNOWN), most=480),
    *(
        Trial(SavingChannel("Pillow", quality), reduced=True, mosaic=True, messages=TOGETHER, beside=(), most=480)
        for quality in (75, 92)
    ),
    Trial(SavingChannel("mozjpeg", 80), reduced=True, mosaic=False, messages=ALONE, beside=(), most=480),
    *(
        Trial(SavingChannel("Pillow", quality), reduced=True, mosaic=False, messages=ALONE, beside=(JPEG,), most=480)
        for quality in (75, 92)
    ),
    Trial(SavingChannel("Pillow", 80), reduced=False, mosaic=False, messages=ALONE, beside=(), most=480),
    *(Upload(SavingChannel("Pillow", quality), ALONE[0]) for quality in (80, 75, 92)),
)


def main(folder: Path, out: Path, *names: str) -> None:
    """Measure the trials whose names begin with one of the names; all by default."""
    torch.set_num_threads(1)
    chosen = [trial for trial in TRIALS if not names or trial.name.startswith(names)]
    rows = pd.read_csv(out).to_dict("records") if out.exists() else []
    rows = [row for row in rows if row["trial"] not in {trial.name for trial in chosen}]
    for trial in chosen:
        photographs = np.stack(covers(folder, trial.most, reduced=trial.reduced))
        for row in measure(trial, photographs) if isinstance(trial, Trial) else uploaded(trial, photographs):
            rows.append(row)
            write_table(out, pd.DataFrame(rows))
            print(row, flush=True)


def measure(trial: Trial, photographs: np.ndarray) -> Iterator[dict[str, object]]:
    """Yield rows of a trial on photographs, (N, H, W, 3) uint8."""
    at_once = ROWS * COLUMNS
    photographs = photographs[: len(photographs) // at_once * at_once]
    found = measured(trial, photographs)
    for before, after in trial.comparisons:
        for name in (DCTR, SPAM):
            yield from _rows(trial, (before, after), found, name)


def measured(trial: Trial, photographs: np.ndarray) -> dict[ChannelCase, Measured]:
    """Return what arrives of photographs in all cases of a trial; of parts of a mosaic where they are sent in one."""
    transit = trial.channel.learned([mosaic_of(photographs[: ROWS * COLUMNS])])
    # How much moves is learned from one photograph, as a sender does; of mosaics of small ones, several times as much.
    of_one = trial.channel.learned([photographs[0]]).known
    transit = replace(transit, known=replace(transit.known, moved=of_one.moved))
    cached = Memory(cache_folder() / "features", verbose=0).cache(_extract)
    parts = [
        cached(
            trial, transit, photographs[start : start + ROWS * COLUMNS], container_seed(SEED, start), source_hash(CODE)
        )
        for start in bar(range(0, len(photographs), ROWS * COLUMNS), trial.name)
    ]
    found = {}
    for number, case in enumerate(trial.cases):
        held = [part[number] for part in parts]
        names = held[0].features
        found[case] = Measured(
            {name: np.concatenate([part.features[name] for part in held]) for name in names},
            *(np.concatenate([getattr(part, field) for part in held]) for field in ("sent", "nonzero", "changed")),
        )
    return found


def uploaded(upload: Upload, photographs: np.ndarray) -> Iterator[dict[str, object]]:
    """Yield a row of uploads of photographs, (N, H, W, 3): what is told by the share of blocks that move, untrained."""
    channel = upload.channel
    transit = channel.learned([mosaic_of(photographs[: ROWS * COLUMNS])])
    shares = []
    for number, photograph in enumerate(bar(photographs, upload.name)):
        once = channel.arriving(png_of(photograph))
        random = seeded(container_seed(SEED, number))
        key = Key(random(KEY_BYTES))
        medium = medium_for(png_of(photograph), transit, key)
        record = upload.message.record(nonzero_of(medium.container.picture), random)
        with suppress(CapacityError):
            luma = medium.sealed(record, key.new_keys(random), random)
            sent = jpeg_of(medium.file_of(luma), "sent.jpg")
            shares.append([_share_moving(each, channel) for each in (once, sent)])
    again, container = np.array(shares).T
    yield {
        "trial": upload.name,
        "before": "sent again",
        "after": "container",
        "rate": upload.message.rate,
        "refused": len(photographs) - len(shares),
        "features": "blocks that move",
        "tested": len(shares),
        "at_once": 1,
        "auc": auc(again, container),
        **dict(zip(("auc_low", "auc_high"), auc_interval(again, container, SEED), strict=True)),
        "moving_before": again.mean(),
        "moving_after": container.mean(),
    }


def _share_moving(sent: JpegPicture, channel: SavingChannel) -> float:
    """Return the share of luma blocks that do not arrive as they are sent."""
    arrived = channel.arriving(sent.file.data)
    return float((arrived.planes[0] != sent.planes[0]).any(2).mean())


def mosaic_of(photographs: np.ndarray) -> np.ndarray:
    """Return photographs, (N, H, W, 3), beside and below each other, (ROWS · H, N / ROWS · W, 3)."""
    height, width = photographs.shape[1:3]
    placed = photographs.reshape(ROWS, -1, height, width, 3).swapaxes(1, 2)
    return np.ascontiguousarray(placed.reshape(ROWS * height, -1, 3))


def parts_of(luma: Luma, count: int) -> list[Luma]:
    """Return the luma of each photograph of a mosaic, or of the only one."""
    if count == 1:
        return [luma]
    rows, cols = (side // number for side, number in zip(luma.coefficients.shape, (ROWS, count // ROWS), strict=False))
    return [
        Luma(luma.coefficients[top : top + rows, left : left + cols], luma.table, luma.quality)
        for top in range(0, ROWS * rows, rows)
        for left in range(0, count // ROWS * cols, cols)
    ]


def auc_together(scores: Scores, at_once: int, seed: int) -> tuple[float, float, float]:
    """Return the AUC of mean votes on photographs that are judged together, with its interval.

    Covers and containers are each drawn at random; the interval is a percentile bootstrap over photographs.
    """
    random = np.random.default_rng(seed)
    groups = 1000
    draws = 500

    def area(chosen: np.ndarray) -> float:
        covers, containers = (
            np.sort(side[random.choice(chosen, (groups, at_once))].mean(1))
            for side in (scores.covers, scores.containers)
        )
        wins, ties = (np.searchsorted(covers, containers, side).sum() for side in ("left", "right"))
        return float(wins + ties) / (2 * groups**2)

    every = np.arange(len(scores.covers))
    areas = [area(random.choice(every, len(every))) for _ in range(draws)]
    low, high = np.quantile(areas, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(np.mean([area(every) for _ in range(20)])), float(low), float(high)


def _extract(trial: Trial, transit: Transit, photographs: np.ndarray, first_seed: int, code: str) -> list[Measured]:
    """Return what is measured of photographs in each case; `code` only tells results of other code apart."""
    sent = [mosaic_of(photographs)] if trial.mosaic else list(photographs)
    count = len(photographs) // len(sent)
    columns: list[list[Measured]] = [[] for _ in trial.cases]
    for number, photograph in enumerate(sent):
        pictures = list(pictures_of(photograph, trial.channel, transit, trial.cases, first_seed + number))
        for column, case, picture in zip(columns, trial.cases, pictures, strict=True):
            before = ChannelCase({ARRIVES: PREPARED, CAME: AGAIN}.get(case.kind, ONCE))
            column.append(_measure(picture, pictures[trial.cases.index(before)], trial.channel.quality, count))
    return [
        Measured(
            {name: np.concatenate([each.features[name] for each in column]) for name in (DCTR, SPAM)},
            *(np.concatenate([getattr(each, field) for each in column]) for field in ("sent", "nonzero", "changed")),
        )
        for column in columns
    ]


def _measure(picture: JpegPicture | None, before: JpegPicture | None, quality: int, count: int) -> Measured:
    assert before is not None  # a picture without a message
    shown = before if picture is None else picture
    unequal = (shown.planes[0] != before.planes[0]).sum()
    lumas = parts_of(luma_of(shown, quality), count)
    return Measured(
        {name: np.stack([EXTRACTORS[name](luma) for luma in lumas]) for name in (DCTR, SPAM)},
        np.full(count, picture is not None),
        np.full(count, nonzero_of(before) / count),
        np.full(count, unequal / count),
    )


def _rows(
    trial: Trial, pair: tuple[ChannelCase, ChannelCase], found: dict[ChannelCase, Measured], name: str
) -> Iterator[dict[str, object]]:
    """Yield the rows of a comparison by a kind of features: of single photographs, and of several at once."""
    before, after = pair
    is_control = after == CONTROL
    containers = found[ChannelCase(ARRIVES, trial.messages[0]) if is_control else after]
    features = Features(found[before].features[name], containers.features[name])[containers.sent]
    if is_control:
        exchanged = np.random.default_rng(SEED).random((len(features), 1)) < 0.5
        features = Features(
            np.where(exchanged, features.containers, features.covers),
            np.where(exchanged, features.covers, features.containers),
        )
    message = after.message or Message(0)
    bits = message.rate
    if after.message is not None:
        together = ROWS * COLUMNS if trial.mosaic else 1
        held = np.array([8 * message.record_bytes(round(together * n)) + LEAST_BITS for n in containers.nonzero])
        bits = float(np.mean(held / (together * containers.nonzero)))

    labels = {
        "trial": trial.name,
        "before": before.kind,
        "after": after.kind,
        "rate": message.rate,
        "file_bytes": message.file_bytes,
        "bits": bits,
        "changed": float(containers.changed.sum() / containers.nonzero.sum()),
        "refused": int((~containers.sent).sum()),
        "features": name,
        "tested": len(features),
    }
    if len(features) < 2 * FOLDS:  # too many were refused
        yield labels
        return
    scores = by_folds(features, SEED, DIMENSIONS)
    yield labels | {"at_once": 1} | summarise([scores], SEED)
    for at_once in (16, 32):
        area, low, high = auc_together(scores, at_once, SEED)
        yield labels | {"at_once": at_once, "auc": area, "auc_low": low, "auc_high": high}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
