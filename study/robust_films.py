"""Stage robust_films: texts and files that come back from films, by every channel, encoded again in many ways.

Results of a film are kept in the cache folder, so that a run that was interrupted goes on where it ended.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice, product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from joblib import Memory

from pipeline.chart import chart
from pipeline.config import load
from pipeline.evaluate.statistics import share_interval
from pipeline.fingerprint import source_hash
from pipeline.shards import cache_folder, file_hash
from pipeline.stage import bar, program, write_json, write_table
from stegnet.core.compute import cpu_threads, make_deterministic
from stegnet.core.errors import DataError
from stegnet.core.measures import CONTAINER, CONTAINER_PSNR, VMAF, psnr
from stegnet.core.names import FILM
from stegnet.core.parallel import parallel_map
from stegnet.core.pixels import BLOCK
from stegnet.media.cover import kind
from stegnet.methods.robust import ALL_FILM_POINTS, GROUP, OperatingPoint, modulated, signal_of, sines, sureness
from stegnet.methods.robust import WRITTEN as CODING
from stegnet.video.coding import Coding
from stegnet.video.film_writer import write_h264
from stegnet.video.films import read_frames, scan
from study.film_trial import CODE, FRAMES, WAYS, Row, encode_again, measure_film
from study.robust_hiders import motion
from study.tasks.modem_task import INFORMATION

TEXT_BYTES = 43
CRFS = (18, 20, 22, 23, 24, 26, 28, 30)  # of the curves
_LEAST = 1e-5  # bits per pixel that are drawn
_KEYS = ["channel", "content"]
_MEDIANS = ("bits", "larger", "larger_alike", CONTAINER_PSNR, VMAF.of(CONTAINER))


def main(films: Path, out: Path, channels: Sequence[str]) -> None:
    config = load(Path("params.yaml"))
    make_deterministic(config.seed, config.train.threads)
    workers, found, code = cpu_threads(config.train.threads), list_films(films), source_hash(CODE)
    cached = Memory(cache_folder() / "films", verbose=0)
    measure = cached.cache(_measured, ignore=["film", "workers"])
    curve = cached.cache(curves, ignore=["film", "workers"])
    measured, survived = [], []
    for channel, film, size in bar(list(product(channels, found, (TEXT_BYTES, None))), "films"):
        row, ways = measure(film, (file_hash(film), code), channel, size, config.seed, workers)
        measured.append({"film": film.stem} | row)
        survived += [{"film": film.stem} | way for way in ways]
    bits = [row for film in bar(found, "curves") for row in curve(film, (file_hash(film), code), config.seed, workers)]
    means = pd.DataFrame(bits).groupby(["rung", "crf"], sort=False)[[INFORMATION, CONTAINER_PSNR]].mean().reset_index()
    write_tables(out, pd.DataFrame(measured), pd.DataFrame(survived))
    write_table(out / "bits.csv", means)
    draw(means, out / "bits.png")


def list_films(folder: Path) -> list[Path]:
    """The films in a folder that hold a group at least, by name; at least one."""
    found = [path for path in sorted(folder.iterdir()) if path.is_file() and path.suffix in {".mp4", ".mkv", ".mov"}]
    films = [path for path in found if kind(path) == FILM and len(scan(path).pts) >= GROUP]
    if not films:
        raise DataError(f"{folder}: no films of {GROUP} frames or more", "put .mp4, .mkv or .mov files there")
    return films


def curves(film: Path, digests: tuple[str, str], seed: int, workers: int) -> list[Row]:
    """Information that the bits of each point hold after each CRF, in bits per pixel and frame of the first groups.

    Digests of the film and of the code tell cached results apart.
    """
    info = scan(film)
    count = min(len(info.pts), FRAMES) // GROUP * GROUP
    info, frames = replace(info, pts=info.pts[:count], sound=()), list(islice(read_frames(film), count))
    rows: list[Row] = []
    with TemporaryDirectory() as folder:
        for number, point in enumerate(ALL_FILM_POINTS):
            read, container = _random_container(frames, point, seed + number)
            written = Path(folder) / "written.mp4"
            write_h264(written, iter(container), info, CODING)
            carried = partial(_carried, written, read)
            quality = float(np.mean([psnr(*pair) for pair in zip(frames, container, strict=True)]))
            for crf, found in zip(CRFS, parallel_map(carried, CRFS, workers), strict=True):
                rows.append({"rung": point.name, "crf": crf, INFORMATION: found, CONTAINER_PSNR: quality})
    return rows


def write_tables(out: Path, measured: pd.DataFrame, survived: pd.DataFrame) -> None:
    """Writes a row for each film and way, those of `measure_film` with the film's name, and summaries of them."""
    if survived.empty:
        raise DataError("no film has room for a text through any of these channels", "give other films, or channels")
    summary = pd.DataFrame(summarise(measured, survived))
    write_table(out / "films.csv", measured)
    write_table(out / "ways.csv", survived)
    write_table(out / "encodings.csv", pd.DataFrame(summarise_ways(survived)))
    write_table(out / "promises.csv", summary)
    write_json(out / "metrics.json", headline(summary))
    print(summary.to_string(index=False))


def summarise(measured: pd.DataFrame, survived: pd.DataFrame) -> Iterator[Row]:
    """One row per channel and content: what comes back as promised, medians of net bits, bytes and quality."""
    for (channel, content), films in measured.groupby(_KEYS, sort=False):
        hidden = films[~films["refused"].astype(bool)]
        row = {"channel": channel, "content": content, "films": len(hidden), "refused": len(films) - len(hidden)}
        within = survived[(survived[_KEYS] == [channel, content]).all(axis=1) & survived["promised"]]
        if len(hidden):
            row |= {name: hidden[name].median() for name in _MEDIANS} | _shares(within)
        yield row


def summarise_ways(survived: pd.DataFrame) -> Iterator[Row]:
    """One row per channel, content and way of encoding again."""
    for (channel, content, way), group in survived.groupby([*_KEYS, "encoding"], sort=False):
        row = {"channel": channel, "content": content, "encoding": way, "promised": bool(group["promised"].iloc[0])}
        yield row | _shares(group)


def headline(summary: pd.DataFrame) -> dict[str, float]:
    """Net bits per pixel and frame, share of whole groups, and quality, of filled films and of those with a text."""
    figures = {}
    for row in summary[summary["films"] > 0].to_dict("records"):
        name = f"robust_films_{row['channel']}_{row['content']}".translate(str.maketrans(":+ ", "___"))
        keys = ("bits", "groups_whole", "whole", CONTAINER_PSNR, "larger")
        figures |= {f"{name}_{key}": round(float(row[key]), 5) for key in keys}
    return figures


def draw(means: pd.DataFrame, path: Path) -> None:
    """Information by constant rate factor, a line for each point."""
    with chart(path, "H.264 constant rate factor", "information, bits per pixel and frame") as axes:
        for point, group in means.groupby("rung", sort=False):
            label = f"{point}, {group[CONTAINER_PSNR].mean():.1f} dB"
            axes.plot(group["crf"], group[INFORMATION].clip(lower=_LEAST), label=label)
        axes.set_yscale("log")


def _measured(
    film: Path, digests: tuple[str, str], channel: str, size: int | None, seed: int, workers: int
) -> tuple[Row, list[Row]]:
    """`measure_film`; digests of the film and of the code tell cached results apart."""
    with TemporaryDirectory(prefix="stegnet-") as folder:
        return measure_film(film, channel, size, Path(folder), seed, workers)


def _random_container(
    frames: list[np.ndarray], point: OperatingPoint, seed: int
) -> tuple[Callable[[Path], float], list[np.ndarray]]:
    """A function that reads the information of random bits in a film, and the frames that carry them."""
    draw, parts, container, moves = np.random.default_rng(seed), [], [], motion(frames)
    shape = signal_of(frames[0]).shape
    count = shape[0] * shape[1]
    for start in range(0, len(frames), GROUP):
        signs = draw.integers(0, 2, (*shape, point.bits)) * np.float32(2) - 1
        dither, some = draw.random((count, point.bits), np.float32), slice(start, start + GROUP)
        container += modulated(frames[some], signs, dither, point, moves[some])
        parts.append((signs.reshape(count, -1), dither))

    def read(film: Path) -> float:
        again, right = read_frames(film), []
        for signs, dither in parts:
            some = [signal_of(frame).coefficients for frame in islice(again, 0, GROUP, point.run)]
            right.append(sines(some, dither, point) * signs)
        return max(sureness(np.concatenate(right))[1], 0.0) * point.bits / (BLOCK**2 * GROUP)

    return read, container


def _carried(written: Path, read: Callable[[Path], float], crf: int) -> float:
    return read(encode_again(written, Coding(crf), written.with_name(f"{crf}.mp4")))


def _shares(rows: pd.DataFrame) -> Row:
    """Numbers of groups and messages, and shares of them that come back whole, those of groups with an interval."""
    groups = int(rows["groups"].sum())
    share = float(rows["groups_whole"].sum() / groups)
    low, high = share_interval(share, groups)
    figures = {"groups": groups, "groups_whole": share, "groups_low": low, "groups_high": high}
    return figures | {"messages": len(rows), "whole": rows["whole"].astype(float).mean()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("films", type=Path, help="folder")
    parser.add_argument("out", type=Path, help="folder")
    parser.add_argument("--channel", dest="channels", action="append", choices=WAYS, help="may be repeated; else all")
    options = parser.parse_args()
    with program():
        main(options.films, options.out, options.channels or list(WAYS))
