"""Stage robust: bits, files and pictures that come back from containers after real JPEG.

Containers of the modem, and of the same bits by plain dithered quantisation index modulation, from which it was
trained; the same error correction for both.
"""

import io
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from pipeline.evaluate.quality import map_in_threads
from pipeline.evaluate.statistics import share_interval
from pipeline.parameters.evaluate import EvaluateParameters
from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.channels import MESSENGER, PictureChannel, parse_picture_channel
from stegnet.core.compute import make_deterministic
from stegnet.core.errors import CapacityError
from stegnet.core.measures import CONTAINER_PSNR, SECRET_PSNR, psnr
from stegnet.core.pixels import BLOCK, DITHER, through_jpeg
from stegnet.hiding import Context
from stegnet.keys import KEY_BYTES, Key, seeded
from stegnet.methods.robust import (
    WRITTEN_QUALITY,
    OperatingPoint,
    PictureModem,
    PictureReader,
    embed_surviving,
    fit_picture,
    picture_cover,
    read_points,
)
from stegnet.networks.card import MODEM, SHIPPED_MODEM, read_card
from stegnet.networks.engines.torch_engine import TorchEngine
from stegnet.networks.pair import build
from stegnet.sealing.fec import information
from study.photograph_pairs import Pair, large_photographs, photograph_pairs
from study.tasks.modem_task import INFORMATION

QIM = "QIM"
# What is promised: a channel, and the container's PSNR in dB.
PROMISES = (
    ("jpeg:50", 38.0), ("jpeg:75", 38.0), ("jpeg:75", 42.0), ("jpeg:80", 32.0), ("jpeg:90", 38.0), ("jpeg:95", 38.0),
    ("messenger", 38.0),
)  # fmt: skip
SMALL, LARGE = "256²", "1 megapixel"  # the test photographs, and larger ones
_CASE = ["method", "rung", "quality"]
PICTURES = 44  # covers for which a secret picture is fitted and measured
Row = dict[str, object]


def main(config: EvaluateParameters, shards: Path, catalogue: Path, media: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    pairs, large = photograph_pairs(shards, config.evaluate.shift), large_photographs(catalogue, media)
    modems = {MODEM: PictureModem.load(weights), QIM: untrained(weights)}
    carried = map_in_threads(partial(carried_bits, modems, config.seed), bar(list(enumerate(pairs)), "bits"))
    means = pd.DataFrame([row for rows in carried for row in rows]).groupby(_CASE)[INFORMATION].mean()
    sent = []
    for size, some in ((SMALL, pairs), (LARGE, large)):
        jobs = [(number, pair, *promise) for promise in PROMISES for number, pair in enumerate(some)]
        rows = map_in_threads(partial(send, modems[MODEM], len(some)), bar(jobs, f"messages, {size}"))
        sent += [{"size": size} | row for row in rows]
    messages = summarise_messages(pd.DataFrame(sent), means)
    write_table(out / "messages.csv", messages)
    write_json(out / "metrics.json", headline(messages))
    print(messages.to_string(index=False))


def untrained(weights: Path) -> PictureModem:
    """The modem before training: dithered quantisation index modulation with the same periods."""
    torch.manual_seed(0)
    engine = TorchEngine(build(MODEM, **read_card(weights).options), "cpu", "fp32")
    return PictureModem(engine, read_points(weights))


def carried_bits(modems: dict[str, PictureModem], seed: int, item: tuple[int, Pair]) -> list[Row]:
    """Bits per pixel that a cover carries, for each method, point and promised quality."""
    number, (cover, _) = item
    draw = np.random.default_rng((seed, number))
    qualities = dict.fromkeys(parse_picture_channel(promise).quality for promise, _ in PROMISES)
    rows: list[Row] = []
    for method, modem in modems.items():
        for point in modem.points:
            container, sent, dither = _random_container(modem, point, cover, draw)
            for quality in qualities:
                ratios = modem.reveal(through_jpeg(container, quality), dither)[..., point.places]
                carried = point.bits / BLOCK**2 * information((ratios * sent).reshape(-1))
                row = {"method": method, "rung": point.name, "quality": quality}
                rows.append(row | {INFORMATION: max(carried, 0.0)})
    return rows


def send(modem: PictureModem, pictures: int, item: tuple[int, Pair, str, float]) -> Row:
    """Hides as much as a cover carries for a promise, and counts what comes back from channels that were not simulated.

    With PICTURES of the covers, the secret picture is measured as well.
    """
    number, (cover, secret), promise, wanted = item
    key, random = Key(seeded(number)(KEY_BYTES)), seeded(number + 1)
    channel = parse_picture_channel(promise)
    row: Row = {"promise": promise, "wanted": wanted, "picture": number}
    try:
        context = Context(randomness=random, networks={SHIPPED_MODEM: modem})
        sent = picture_cover(cover, key, channel, wanted, context=context)
        found = embed_surviving(sent, lambda capacity: (seeded(number + 2)(capacity), None))
    except CapacityError:
        return row | {"refused": True}
    container = found.container
    row |= {"refused": False, "rung": sent.point.name, "bits": 8 * found.capacity / cover[..., 0].size}
    row[CONTAINER_PSNR] = psnr(cover, container)
    read, content = PictureReader(modem, key).read, seeded(number + 2)(found.capacity)
    for name, distort in unforeseen(channel).items():
        row[name] = read(distort(through_jpeg(container, WRITTEN_QUALITY))) == content
    if number * PICTURES // pictures != (number - 1) * PICTURES // pictures:
        row[SECRET_PSNR] = _picture_psnr(secret, found.capacity)
    return row


def unforeseen(channel: PictureChannel) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Channels within a promise that hiding does not simulate, by name."""
    lowest = channel.quality
    higher = {f"+{more}": partial(through_jpeg, quality=min(lowest + more, 100)) for more in (3, 5, 9, 14)}
    other = {
        f"{sampling} +{more}": partial(_saved, quality=min(lowest + more, 100), subsampling=sampling)
        for sampling, more in (("4:2:2", 0), ("4:2:2", 6), ("4:4:4", 6))
    }
    return higher | other


def summarise_messages(rows: pd.DataFrame, means: "pd.Series[float]") -> pd.DataFrame:
    """One row per size and promise: net bits per pixel, what comes back whole, quality of both pictures.

    The means of `carried_bits` say what ideal coding would carry at the promised quality.
    """
    channels, found = [*unforeseen(parse_picture_channel("jpeg:75"))], []
    for (size, promise, wanted), group in rows.groupby(["size", "promise", "wanted"], sort=False):
        hidden = group[~group["refused"].astype(bool)]
        whole = hidden[channels].astype(bool).to_numpy()
        low, high = share_interval(float(whole.mean()), whole.size)
        row = {"size": size, "promise": promise, "wanted": wanted, "containers": len(hidden)}
        row |= {"refused": len(group) - len(hidden)} | {name: hidden[name].mean() for name in ("bits", CONTAINER_PSNR)}
        row |= _ideal(means, hidden["rung"].iloc[0], promise)
        row |= {"messages": whole.size, "whole": whole.mean(), "whole_low": low, "whole_high": high}
        shares = {name: hidden[name].astype(bool).mean() for name in channels}
        found.append(row | {SECRET_PSNR: hidden[SECRET_PSNR].mean()} | shares)
    return pd.DataFrame(found)


def headline(messages: pd.DataFrame) -> dict[str, float]:
    """Net bits per pixel, share of whole messages and quality of each promise, at the smaller size."""
    figures = {}
    for row in messages[messages["size"] == SMALL].to_dict("records"):
        name = f"robust_{row['promise'].replace(':', '_')}_{row['wanted']:.0f}db"
        figures |= {
            f"{name}_{key}": round(float(row[key]), 5) for key in ("bits", "whole", CONTAINER_PSNR, SECRET_PSNR)
        }
    return figures


def _picture_psnr(secret: np.ndarray, capacity: int) -> float:
    """PSNR of the secret picture that is compressed to this capacity, in bytes; nan if none fits."""
    try:
        return fit_picture(secret, capacity, lambda done, total: None).psnr
    except CapacityError:
        return math.nan


def _random_container(
    modem: PictureModem, point: OperatingPoint, cover: np.ndarray, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A container of random bits, the bits, and the dither."""
    shape = cover.shape[0] // BLOCK, cover.shape[1] // BLOCK
    bits, dither = np.zeros((*shape, modem.bits), np.float32), draw.random((*shape, DITHER), np.float32)
    bits[..., point.places] = sent = draw.integers(0, 2, (*shape, point.bits)) * 2.0 - 1
    return modem.hide(cover, bits, dither), sent, dither


def _ideal(means: "pd.Series[float]", point: str, promise: str) -> Row:
    """Bits per pixel that ideal coding would carry at the promised quality: the modem's, and plain QIM's.

    nan for messengers, of which no single quality tells.
    """
    quality = parse_picture_channel(promise).quality
    known = not promise.startswith(MESSENGER)
    return {f"ideal_{method}": means[method, point, quality] if known else math.nan for method in (MODEM, QIM)}


def _saved(picture: np.ndarray, **options: object) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", **options)
    with Image.open(file) as image:
        return np.array(image.convert("RGB"))


if __name__ == "__main__":
    run_stage(main, "shards", "catalogue", "media", "weights", "out", reads=EvaluateParameters)
