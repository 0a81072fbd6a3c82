"""Stage robust: bits, files and pictures that come back from containers after real JPEG.

Containers of the modem, and of the same bits by plain dithered quantisation index modulation, from which it was
trained; the same error correction for both.
"""

import io
import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch
from PIL import Image

from pipeline.chart import chart
from pipeline.config import Config
from pipeline.evaluate.quality import map_in_threads
from pipeline.evaluate.statistics import share_interval
from pipeline.side_by_side import has_vmaf, vmaf
from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.channels import MESSENGER, PictureChannel, parse_picture_channel
from stegnet.core.compute import make_deterministic
from stegnet.core.errors import CapacityError
from stegnet.core.measures import CONTAINER_PSNR, PSNR, SECRET, SSIM, VMAF, psnr, ssim
from stegnet.core.pixels import BLOCK, DITHER, through_jpeg
from stegnet.keys import KEY_BYTES, Key, seeded
from stegnet.methods import Context
from stegnet.methods.robust import (
    WRITTEN_QUALITY,
    OperatingPoint,
    PictureModem,
    PictureReader,
    RobustPicture,
    Surviving,
    embed_surviving,
    fit_picture,
    parse_content,
    picture_cover,
    read_points,
)
from stegnet.networks.card import MODEM, SHIPPED_MODEM, read_card
from stegnet.networks.engines.torch_engine import TorchEngine
from stegnet.networks.pair import build
from stegnet.sealing.fec import information
from stegnet.video.film_writer import FilmWriter
from study.photograph_pairs import Pair, large_photographs, photograph_pairs
from study.stats import mean_interval
from study.tasks.modem_task import INFORMATION

QIM = "QIM"
QUALITIES = (40, 50, 60, 70, 75, 80, 85, 90, 95, 98)
# What is promised: a channel, and the container's PSNR in dB.
PROMISES = (
    ("jpeg:50", 38.0), ("jpeg:75", 38.0), ("jpeg:75", 42.0), ("jpeg:80", 32.0), ("jpeg:90", 38.0), ("jpeg:95", 38.0),
    ("messenger", 38.0),
)  # fmt: skip
SMALL, LARGE = "256²", "1 megapixel"  # the test photographs, and larger ones
PICTURES = 44  # covers for which a secret picture is fitted and measured
CONTAINER_VMAF = VMAF.of("container")
CONTAINER_SSIM, SECRET_PSNR, SECRET_SSIM = SSIM.of("container"), PSNR.of(SECRET), SSIM.of(SECRET)
Row = dict[str, object]


def main(config: Config, shards: Path, catalogue: Path, media: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    pairs, large = photograph_pairs(shards, config.evaluate.shift), large_photographs(catalogue, media)
    modems = {MODEM: PictureModem.load(weights), QIM: untrained(weights)}
    carried = map_in_threads(partial(carried_bits, modems, config.seed), bar(list(enumerate(pairs)), "bits"))
    means, sent = summarise_bits(pd.DataFrame([row for rows in carried for row in rows])), []
    for size, some in ((SMALL, pairs), (LARGE, large)):
        jobs = [(number, pair, *promise) for promise in PROMISES for number, pair in enumerate(some)]
        rows = map_in_threads(partial(send, modems[MODEM], len(some)), bar(jobs, f"messages, {size}"))
        sent += [{"size": size} | row for row in rows]
    messages = summarise_messages(pd.DataFrame(sent), means)
    write_table(out / "bits.csv", means)
    write_table(out / "messages.csv", messages)
    draw(means, out / "bits.png")
    write_json(out / "metrics.json", headline(messages))
    print(messages.to_string(index=False))


def untrained(weights: Path) -> PictureModem:
    """The modem before training: dithered quantisation index modulation with the same periods."""
    torch.manual_seed(0)
    engine = TorchEngine(build(MODEM, **read_card(weights).options), "cpu", "fp32")
    return PictureModem(engine, read_points(weights))


def carried_bits(modems: dict[str, PictureModem], seed: int, item: tuple[int, Pair]) -> list[Row]:
    """Bits per pixel that a cover carries, for each method, point and quality, and the container's quality."""
    number, (cover, _) = item
    draw = np.random.default_rng((seed, number))
    rows = []
    for method, modem in modems.items():
        for point in modem.points:
            container, sent, dither = _random_container(modem, point, cover, draw)
            seen = {CONTAINER_PSNR: psnr(cover, container), CONTAINER_SSIM: ssim(cover, container)}
            for quality in QUALITIES:
                ratios = modem.reveal(through_jpeg(container, quality), dither)[..., point.places]
                carried = point.bits / BLOCK**2 * information((ratios * sent).reshape(-1))
                row = {"method": method, "rung": point.name, "quality": quality, "errors": (ratios * sent < 0).mean()}
                rows.append(row | {INFORMATION: max(carried, 0.0)} | seen)
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
        found = embed_surviving(sent, lambda capacity: (random_content(number, capacity), None))
    except CapacityError:
        return row | {"refused": True}
    container = found.container
    row |= {"refused": False, "rung": sent.point.name, "bits": 8 * found.capacity / cover[..., 0].size}
    row |= {CONTAINER_PSNR: psnr(cover, container), CONTAINER_SSIM: ssim(cover, container)}
    row[CONTAINER_VMAF] = still_vmaf(cover, container)
    read, content = PictureReader(modem, key).read, random_content(number, found.capacity)
    for name, distort in unforeseen(channel).items():
        row[name] = read(distort(through_jpeg(container, WRITTEN_QUALITY))) == content
    if number * PICTURES // pictures != (number - 1) * PICTURES // pictures:
        row |= _picture_quality(secret, found)
    return row


def random_content(number: int, capacity: int) -> bytes:
    """Bytes that fill the room."""
    return seeded(number + 2)(capacity)


def unforeseen(channel: PictureChannel) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Channels within a promise that hiding does not simulate, by name."""
    lowest = channel.quality
    higher = {f"+{more}": partial(through_jpeg, quality=min(lowest + more, 100)) for more in (3, 5, 9, 14)}
    other = {
        f"{sampling} +{more}": partial(_saved, quality=min(lowest + more, 100), subsampling=sampling)
        for sampling, more in (("4:2:2", 0), ("4:2:2", 6), ("4:4:4", 6))
    }
    return higher | other


def summarise_bits(rows: pd.DataFrame) -> pd.DataFrame:
    """Means over pictures, and the 95 % interval of the information."""
    groups = rows.groupby(["method", "rung", "quality"], sort=False)
    means = groups[["errors", INFORMATION, CONTAINER_PSNR, CONTAINER_SSIM]].mean().reset_index()
    intervals = [mean_interval(group.to_numpy()) for _, group in groups[INFORMATION]]
    means[[f"{INFORMATION}_low", f"{INFORMATION}_high"]] = intervals
    return means


def still_vmaf(cover: np.ndarray, container: np.ndarray) -> float:
    """VMAF of a picture, as a film of one frame: without motion, even a picture against itself gets less than 100."""
    with TemporaryDirectory() as folder:
        films = [Path(folder) / name for name in ("cover.mkv", "container.mkv")]
        for film, picture in zip(films, (cover, container), strict=True):
            with FilmWriter(film, cover.shape[1], cover.shape[0], Fraction(25)) as still:
                still.write(picture, Fraction(0))
        return vmaf(*films)[0] if has_vmaf(*cover.shape[:2]) else math.nan


def summarise_messages(rows: pd.DataFrame, means: pd.DataFrame) -> pd.DataFrame:
    """One row per size and promise: net bits per pixel, what comes back whole, quality of both pictures.

    The means of `summarise_bits` say what ideal coding would carry at the promised quality.
    """
    channels, found = [*unforeseen(parse_picture_channel("jpeg:75"))], []
    for (size, promise, wanted), group in rows.groupby(["size", "promise", "wanted"], sort=False):
        hidden = group[~group["refused"].astype(bool)]
        whole = hidden[channels].astype(bool).to_numpy()
        low, high = share_interval(float(whole.mean()), whole.size)
        pictures = hidden.dropna(subset=[SECRET_PSNR])
        figures = {name: hidden[name].mean() for name in ("bits", CONTAINER_PSNR, CONTAINER_SSIM, CONTAINER_VMAF)}
        secret = {name: pictures[name].mean() for name in (SECRET_PSNR, SECRET_SSIM)}
        shares = {name: hidden[name].astype(bool).mean() for name in channels}
        found.append(
            {"size": size, "promise": promise, "wanted": wanted, "containers": len(hidden)}
            | {"refused": len(group) - len(hidden)} | figures | _ideal(means, hidden["rung"].iloc[0], promise)
            | {"messages": whole.size, "whole": whole.mean(), "whole_low": low, "whole_high": high}
            | secret | shares
        )  # fmt: skip
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


def draw(means: pd.DataFrame, path: Path) -> None:
    """Information by JPEG quality, a line for each point; the modem's solid, plain QIM's dashed."""
    with chart(path, "JPEG quality", "information, bits per pixel") as axes:
        colours: dict[str, str] = {}
        for (method, point), group in means.groupby(["method", "rung"], sort=False):
            (line,) = axes.plot(
                group["quality"], group[INFORMATION], "-" if method == MODEM else "--", color=colours.get(point),
                label=f"{point}, {group[CONTAINER_PSNR].mean():.1f} dB" if method == MODEM else f"{point}, {QIM}",
            )  # fmt: skip
            colours.setdefault(point, line.get_color())


def _picture_quality(secret: np.ndarray, found: Surviving) -> Row:
    """PSNR and SSIM of the secret picture that this container has room for."""
    try:
        fitted = fit_picture(secret, found.capacity, lambda done, total: None)
    except CapacityError:
        return {}
    revealed = parse_content(fitted.content, found.container[..., 0].size)
    assert isinstance(revealed, RobustPicture)
    return {SECRET_PSNR: fitted.psnr, SECRET_SSIM: ssim(secret, revealed.decoded())}


def _random_container(
    modem: PictureModem, point: OperatingPoint, cover: np.ndarray, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A container of random bits, the bits, and the dither."""
    shape = cover.shape[0] // BLOCK, cover.shape[1] // BLOCK
    bits, dither = np.zeros((*shape, modem.bits), np.float32), draw.random((*shape, DITHER), np.float32)
    bits[..., point.places] = sent = draw.integers(0, 2, (*shape, point.bits)) * 2.0 - 1
    return modem.hide(cover, bits, dither), sent, dither


def _ideal(means: pd.DataFrame, point: str, promise: str) -> Row:
    """Bits per pixel that ideal coding would carry at the promised quality: the modem's, and plain QIM's.

    nan for messengers, of which no single quality tells.
    """
    quality = means["quality"] == parse_picture_channel(promise).quality
    rows = means[quality & (means["rung"] == point)].set_index("method")[INFORMATION]
    known = not promise.startswith(MESSENGER)
    return {f"ideal_{method}": rows[method] if known else math.nan for method in (MODEM, QIM)}


def _saved(picture: np.ndarray, **options: object) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", **options)
    with Image.open(file) as image:
        return np.array(image.convert("RGB"))


if __name__ == "__main__":
    run_stage(main, "shards", "catalogue", "media", "weights", "out")
