"""Detection of what arrives through a channel: `python -m study.channel_steganalysis FOLDER OUT.csv [TRIAL…]`.

A channel is Pillow's encoder at a quality. It is learned as a sender learns it; then what is sent goes through the
encoder itself. Covers are photographs of 256×256, and mosaics of 32 of them, 2048×1024, which are hidden in as one
picture of two megapixels and judged in parts. An observer compares what arrives with the same photographs, sent once or
twice by somebody who hides nothing, or with what hiding prepares without a message, so that the table says what the
preparation betrays and what the message does.

Each photograph is judged by a classifier that was trained on others. Features are kept in the cache folder, and the
table is written after every row; rows of trials that are not named stay in it.

The server of an app keeps what is sent, too: trials of uploads tell it from a picture that was saved from the app and
is sent again, by the share of luma blocks that still move.
"""

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch
from joblib import Memory
from PIL import Image

from pipeline.detect.methods import container_seed
from pipeline.evaluate.statistics import Scores
from pipeline.fingerprint import source_hash
from pipeline.shards import cache_folder
from pipeline.stage import bar, write_table
from stegnet.channels import learn_channel
from stegnet.channels.channel_cover import channel_cover
from stegnet.channels.jpeg_form import jpeg_of
from stegnet.channels.through_channel import ThroughChannel
from stegnet.channels.transit import Transit, transit_of_file
from stegnet.core.errors import CapacityError
from stegnet.core.names import FILE
from stegnet.formats.opened_file import FileInMemory
from stegnet.jpeg.coefficients import JpegPicture
from stegnet.jpeg.medium import JpegMedium
from stegnet.keys import FILM_ID_BYTES, KEY_BYTES, Key, Randomness, seeded
from stegnet.media.cover import Cover
from stegnet.record import Record, empty_record_bytes
from stegnet.record.coding import File, Header
from study.ensemble import FOLDS, Features, by_folds, summarise
from study.jpeg_features import EXTRACTORS, Luma, luma_of
from study.jpeg_steganalysis import DIMENSIONS, LEAST_BITS, covers
from study.stats import LEVEL, auc, auc_interval

ONCE, AGAIN, PREPARED, ARRIVES, CAME = "sent once", "sent again", "prepared", "arrives", "arrives, of what came"
NAME = "a"  # of the file that is hidden
ROWS, COLUMNS = 4, 8  # photographs in a mosaic
UPLOADED = 200  # photographs
DCTR, SPAM, SENT = "DCTR", "SPAM", "sent"
SEED = 0
# What decides what arrives, and its features.
CODE = (
    *("stegnet/channels", "stegnet/hiding", "stegnet/jpeg", "stegnet/methods", "stegnet/sealing"),
    *("study/channel_steganalysis.py", "study/features.py", "study/jpeg_features.py"),
)


@dataclass(frozen=True)
class SavingChannel:
    """Pillow's encoder at a quality, 1 to 100."""

    quality: int

    @property
    def name(self) -> str:
        """The encoder and the quality."""
        return f"Pillow {self.quality}"

    def arriving(self, sent: bytes) -> JpegPicture:
        """Return what arrives of a PNG or JPEG."""
        received = io.BytesIO()
        with Image.open(io.BytesIO(sent)) as image:
            image.save(received, "JPEG", quality=self.quality)
        return jpeg_of(received.getvalue(), "received.jpg")

    def learned(self, photographs: Sequence[np.ndarray]) -> Transit:
        """Return the transit that a sender learns from photographs, (H, W, 3) uint8, each of them sent twice."""
        with TemporaryDirectory() as folder:
            pairs = []
            for number, photograph in enumerate(photographs):
                sent, received, again = (Path(folder) / f"{number}-{name}" for name in ("0.png", "1.jpg", "2.jpg"))
                sent.write_bytes(png_of(photograph))
                received.write_bytes(self.arriving(sent.read_bytes()).file.data)
                again.write_bytes(self.arriving(received.read_bytes()).file.data)
                pairs += [(sent, received), (received, again)]
            file = Path(folder) / "app.channel"
            file.write_text(learn_channel(pairs).text(), encoding="utf-8")
            return transit_of_file(file)


@dataclass(frozen=True)
class Message:
    """What is hidden: a file of a number of bytes, or what fits a rate.

    Attributes:
        rate: bits for each nonzero coefficient of luma, the first of blocks not counted, with all that is added.
        file_bytes: bytes of the file, if the rate is 0.
    """

    rate: float
    file_bytes: int = 0

    def record_bytes(self, nonzero: int) -> int:
        """Return the bytes of the record in a picture with this number of nonzero coefficients."""
        empty = empty_record_bytes(NAME)
        if self.file_bytes:
            return self.file_bytes + empty
        return max(round((self.rate * nonzero - LEAST_BITS) / 8), empty)

    def record(self, nonzero: int, random: Randomness) -> Record:
        """Return the record of a random file."""
        size = self.record_bytes(nonzero) - empty_record_bytes(NAME)
        header = Header(random(FILM_ID_BYTES), FILE, 1, File(NAME, size, random(32)))
        return Record(header, 0, data=random(size))


@dataclass(frozen=True)
class ChannelCase:
    """What is done to a photograph before it arrives; without a message, nothing is hidden.

    Attributes:
        kind: ONCE: saved by the channel; AGAIN: what arrived is sent once more; PREPARED: as hiding prepares it, and
            then sent; ARRIVES: the same with a message; CAME: a message in what arrived, sent once more.
        message: what is hidden, if anything.
    """

    kind: str
    message: Message | None = None


def pictures_of(
    photograph: np.ndarray, channel: SavingChannel, transit: Transit, cases: Sequence[ChannelCase], seed: int
) -> Iterator[JpegPicture | None]:
    """Yield what arrives of a photograph, (H, W, 3) uint8, in each case; None if hiding is refused."""
    once = channel.arriving(png_of(photograph))
    key = Key(seeded(seed)(KEY_BYTES))
    medium = medium_for(png_of(photograph), transit)
    medium_that_came = medium_for(once.file.data, transit)
    for case in cases:
        if case.message is not None:
            yield _arriving(medium_that_came if case.kind == CAME else medium, channel, case.message, key, seeded(seed))
        elif case.kind == PREPARED:
            yield channel.arriving(medium.cover.picture.file.data)
        else:
            yield channel.arriving(once.file.data) if case.kind == AGAIN else once


def _arriving(
    medium: JpegMedium, channel: SavingChannel, message: Message, key: Key, random: Randomness
) -> JpegPicture | None:
    """Return the container that arrives; None if hiding is refused."""
    record = message.record(nonzero_of(medium.container.picture), random)
    try:
        luma = medium.sealed(record, key.new_keys(random), random)
    except CapacityError:
        return None
    return channel.arriving(medium.file_of(luma))


def medium_for(photograph: bytes, transit: Transit) -> JpegMedium:
    """Return the JPEG of a photograph, a PNG or JPEG, in which a container arrives through a channel."""
    with Cover(FileInMemory("cover", photograph), quiet=True) as cover:
        made = channel_cover(cover, transit)
    return ThroughChannel(made)


def nonzero_of(jpeg: JpegPicture) -> int:
    """Return the number of luma coefficients that are not 0, the first of blocks not counted."""
    return int(np.count_nonzero(jpeg.planes[0][..., 1:]))


def png_of(photograph: np.ndarray) -> bytes:
    """Return (H, W, 3) uint8 as a PNG."""
    file = io.BytesIO()
    Image.fromarray(photograph).save(file, "PNG", compress_level=1)
    return file.getvalue()


@dataclass(frozen=True)
class Trial:
    """Photographs that are sent through a channel, and what they are judged by.

    Attributes:
        channel: what they go through.
        mosaic: whether they are sent together, as a picture of two megapixels.
        message: what is hidden.
        most: photographs, at most.
    """

    channel: SavingChannel
    mosaic: bool
    message: Message
    most: int = 480

    @property
    def name(self) -> str:
        """The channel, and what is sent."""
        return f"{self.channel.name}, {'2 megapixels' if self.mosaic else '256'}"

    @property
    def comparisons(self) -> list[tuple[ChannelCase, ChannelCase]]:
        """Return pairs of cases to tell apart, the most telling first."""
        once, again, prepared = (ChannelCase(kind) for kind in (ONCE, AGAIN, PREPARED))
        arrives, came = (ChannelCase(kind, self.message) for kind in (ARRIVES, CAME))
        return [(once, again), (again, prepared), (prepared, arrives), (again, arrives), (again, came)]

    @property
    def cases(self) -> tuple[ChannelCase, ...]:
        """Return the cases that are compared."""
        return tuple(dict.fromkeys(case for pair in self.comparisons for case in pair))


@dataclass(frozen=True)
class Upload:
    """Files that are sent through a channel, which its server sees, with a message."""

    channel: SavingChannel
    message: Message
    most = UPLOADED

    @property
    def name(self) -> str:
        """The channel, and that the upload is meant."""
        return f"{self.channel.name}, upload"


# Features of photographs in one case by name, (N, F) float32, and SENT: whether each was sent, (N,) bool; False: hiding
# was refused.
Measured = dict[str, np.ndarray]

ALONE, TOGETHER = Message(0.1), Message(0, 1000)
PILLOW = {quality: SavingChannel(quality) for quality in (80, 75, 92)}
TRIALS: tuple[Trial | Upload, ...] = (
    Trial(PILLOW[80], True, TOGETHER, most=800),
    *(Trial(PILLOW[quality], True, TOGETHER) for quality in (75, 92)),
    *(Trial(channel, False, ALONE) for channel in PILLOW.values()),
    *(Upload(channel, ALONE) for channel in PILLOW.values()),
)


def main(folder: Path, out: Path, *names: str) -> None:
    """Measure the trials whose names begin with one of the names; all by default."""
    torch.set_num_threads(1)
    chosen = [trial for trial in TRIALS if not names or trial.name.startswith(names)]
    rows = pd.read_csv(out).to_dict("records") if out.exists() else []
    rows = [row for row in rows if row["trial"] not in {trial.name for trial in chosen}]
    for trial in chosen:
        photographs = np.stack(covers(folder, trial.most))
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
    cached = Memory(cache_folder() / "features", verbose=0).cache(_extract)
    parts = [
        cached(
            trial, transit, photographs[start : start + ROWS * COLUMNS], container_seed(SEED, start), source_hash(CODE)
        )
        for start in bar(range(0, len(photographs), ROWS * COLUMNS), trial.name)
    ]
    return {case: _joined([part[number] for part in parts]) for number, case in enumerate(trial.cases)}


def _joined(parts: list[Measured]) -> Measured:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def uploaded(upload: Upload, photographs: np.ndarray) -> Iterator[dict[str, object]]:
    """Yield a row of uploads of photographs, (N, H, W, 3): what is told by the share of blocks that move, untrained."""
    channel = upload.channel
    transit = channel.learned([mosaic_of(photographs[: ROWS * COLUMNS])])
    shares = []
    for number, photograph in enumerate(bar(photographs, upload.name)):
        once = channel.arriving(png_of(photograph))
        random = seeded(container_seed(SEED, number))
        key = Key(random(KEY_BYTES))
        medium = medium_for(png_of(photograph), transit)
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
        for column, picture in zip(columns, pictures, strict=True):
            column.append(_measure(picture or pictures[0], trial.channel.quality, count))
            column[-1][SENT] = np.full(count, picture is not None)
    return [_joined(column) for column in columns]


def _measure(picture: JpegPicture, quality: int, count: int) -> Measured:
    lumas = parts_of(luma_of(picture, quality), count)
    return {name: np.stack([EXTRACTORS[name](luma) for luma in lumas]) for name in (DCTR, SPAM)}


def _rows(
    trial: Trial, pair: tuple[ChannelCase, ChannelCase], found: dict[ChannelCase, Measured], name: str
) -> Iterator[dict[str, object]]:
    """Yield the rows of a comparison by a kind of features: of single photographs, and of several at once."""
    before, after = pair
    sent, message = found[after][SENT], after.message or Message(0)
    features = Features(found[before][name], found[after][name])[sent]
    labels = {
        "trial": trial.name,
        "before": before.kind,
        "after": after.kind,
        "rate": message.rate,
        "file_bytes": message.file_bytes,
        "refused": int((~sent).sum()),
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
