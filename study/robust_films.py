"""Stage robust_films: bits and files that come back from films after H.264 and other codecs.

Each film of a folder is filled with random bytes for each promise, as `stegnet hide --survive h264:CRF` would, and
encoded again in ways that hiding does not simulate. Results of a film are kept in the cache folder, so that a run that
was interrupted goes on where it ended.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from joblib import Memory

from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.config.config import Config
from stegnet.core.compute import cpu_threads, make_deterministic
from stegnet.core.errors import DataError
from stegnet.core.jpeg import BLOCK
from stegnet.core.measures import CONTAINER, CONTAINER_PSNR, FLICKER, INFORMATION, PSNR, SSIM, VMAF, psnr
from stegnet.core.parallel import ordered
from stegnet.data.store import cache_folder
from stegnet.evaluation.chart import chart
from stegnet.media import FILM, kind, read_frames, scan
from stegnet.media.films.encoders import Coding
from stegnet.media.films.h264 import write_h264
from stegnet.methods.robust import Rung
from stegnet.methods.robust_film import (
    ALL_RUNGS,
    GROUP,
    modulated,
    signal_of,
    sines,
    sureness,
)
from stegnet.methods.robust_film import WRITTEN as CODING
from study.film_motion import motion
from study.film_trial import (
    RECEIVED,
    WRITTEN,
    Row,
    code_digest,
    encode_again,
    measure_film,
    stage_qualities,
)  # fmt: skip
from study.reencodings import REENCODINGS
from study.stats import share_interval

# What is promised: a constant rate factor, and the container's PSNR in dB.
PROMISES = (23, 38.0), (18, 38.0), (28, 38.0)
LARGE, PROMISES_OF_LARGE = 1 << 20, ((23, 38.0),)  # pixels of a frame above which films are only measured for these
CRFS = (18, 20, 22, 23, 24, 26, 28, 30)  # of the curves
CURVE_GROUPS = 2  # of each film that curves are measured on
COVER = "cover"  # encoded as the container is: what the codec alone does
LARGER = {"larger": WRITTEN, "larger_received": RECEIVED}  # bytes of pictures against those of the cover
_LEAST = 1e-5  # bits per pixel that are drawn
_QUALITY = tuple(measure.of(CONTAINER) for measure in (PSNR, SSIM, VMAF, FLICKER))


def main(config: Config, films: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    workers, found = cpu_threads(config.train.threads), list_films(films)
    cached = Memory(cache_folder() / "films", verbose=0)
    measure = cached.cache(_film_in_folder, ignore=["cover", "workers"])
    curve = cached.cache(curves, ignore=["cover", "workers"])
    cover_quality = cached.cache(_cover_in_folder, ignore=["cover"])
    code, jobs, results = code_digest(), list(promises(found)), []
    for film, promise in bar(jobs, "films"):
        row, survived = measure(film, (_digest(film), code), promise, config.seed, workers)
        covers = cover_quality(film, _digest(film), promise[0], code)
        results.append((film.stem, _against_cover(row, covers), survived))
    bits = [
        {"film": film.stem} | row
        for film in bar([film for film in found if not is_large(film)], "curves")
        for row in curve(film, _digest(film), config.seed, code, workers)
    ]
    means = summarise_bits(pd.DataFrame(bits))
    measured, survived = tables(results)
    summary = summarise(measured, survived)
    speed = ["film", "crf", "wanted", "hide_fps", "reveal_fps"]
    write_table(out / "films.csv", measured.drop(columns=speed[3:]))
    write_table(out / "speed.csv", measured[speed])
    write_table(out / "encodings.csv", summarise_encodings(survived))
    write_table(out / "promises.csv", summary)
    write_table(out / "bits.csv", means)
    draw(means, out / "bits.png")
    write_json(out / "metrics.json", headline(summary))
    print(summary.to_string(index=False))


def list_films(folder: Path) -> list[Path]:
    """The films in a folder that hold a group at least, by name.

    Raises:
        DataError: there are none.
    """
    found = [path for path in sorted(folder.iterdir()) if path.is_file() and path.suffix in {".mp4", ".mkv", ".mov"}]
    films = [path for path in found if kind(path) == FILM and len(scan(path).pts) >= GROUP]
    if not films:
        raise DataError(f"{folder}: no films of {GROUP} frames or more", "put .mp4, .mkv or .mov files there")
    return films


@cache
def is_large(film: Path) -> bool:
    """True if a film is only measured for some promises, and has no curve."""
    info = scan(film)
    return info.width * info.height > LARGE


def promises(films: Sequence[Path]) -> Iterator[tuple[Path, tuple[int, float]]]:
    """Each promise with each film that is measured for it."""
    for promise in PROMISES:
        for film in films:
            if promise in PROMISES_OF_LARGE or not is_large(film):
                yield film, promise


def curves(cover: Path, name: str, seed: int, code: str, workers: int) -> list[Row]:
    """Information that the bits of each rung hold after each CRF, in bits per pixel and frame of the first groups.

    Args:
        name, code: digests of the film and of the code, which tell cached results apart.
    """
    info = scan(cover)
    count = min(len(info.pts) // GROUP, CURVE_GROUPS) * GROUP
    info, frames = replace(info, pts=info.pts[:count], sound=()), list(islice(read_frames(cover), count))
    rows: list[Row] = []
    with TemporaryDirectory() as folder:
        for number, rung in enumerate(ALL_RUNGS):
            read, container = _random_container(frames, rung, seed + number)
            written = Path(folder) / "written.mp4"
            write_h264(written, iter(container), info, CODING)
            carried = partial(_carried, written, read)
            quality = float(np.mean([psnr(*pair) for pair in zip(frames, container, strict=True)]))
            for crf, found in zip(CRFS, ordered(carried, CRFS, workers), strict=True):
                rows.append({"rung": rung.name, "crf": crf, INFORMATION: found, CONTAINER_PSNR: quality})
    return rows


def tables(results: list[tuple[str, Row, list[Row]]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row per film and promise; and one per film, promise and way of encoding it again."""
    measured = [{"film": film} | row for film, row, _ in results]
    labels = ("crf", "wanted")
    survived = [
        {"film": film} | {name: row[name] for name in labels} | encoding
        for film, row, encodings in results
        for encoding in encodings
    ]
    names = ["film", *labels, "encoding", "promised", "groups", "groups_whole", "whole", PSNR.key]
    return pd.DataFrame(measured), pd.DataFrame(survived, columns=names)


def summarise_encodings(survived: pd.DataFrame) -> pd.DataFrame:
    """One row per promise and way of encoding again: shares of groups and messages that come back whole."""
    rows = []
    for (crf, wanted, name), group in survived.groupby(["crf", "wanted", "encoding"], sort=False):
        row = {"crf": crf, "wanted": wanted, "encoding": name, "promised": bool(group["promised"].iloc[0])}
        row |= _shares(group) | {PSNR.key: group[PSNR.key].mean()}
        rows.append(row)
    order = {encoding.name: number for number, encoding in enumerate(REENCODINGS)}
    return pd.DataFrame(rows).sort_values(["crf", "wanted", "encoding"], key=lambda each: each.map(order).fillna(each))


def summarise(measured: pd.DataFrame, survived: pd.DataFrame) -> pd.DataFrame:
    """One row per promise and size of the films: net bits, what comes back as promised, quality, bytes and speed.

    `larger` and `larger_received` are bytes against those of the cover, encoded alike.
    """
    rows = []
    for (crf, wanted, size), films in measured.groupby(["crf", "wanted", "size"], sort=False):
        hidden = films[~films["refused"].astype(bool)]
        row = {"promise": f"h264:{crf}", "wanted": wanted, "size": size, "films": len(hidden)}
        row["refused"] = len(films) - len(hidden)
        if len(hidden):
            names = ["bits", *(f"{stage}_{name}" for stage in (WRITTEN, RECEIVED) for name in _QUALITY)]
            names += [f"{COVER}_{stage}_{VMAF.of(CONTAINER)}" for stage in (WRITTEN, RECEIVED)]
            names += [*LARGER, "hide_fps", "reveal_fps"]
            within = survived[
                survived["promised"] & (survived["crf"] == crf) & (survived["wanted"] == wanted)
                & survived["film"].isin(hidden["film"])
            ]  # fmt: skip
            row |= {name: hidden[name].mean() for name in names} | _shares(within)
        rows.append(row)
    return pd.DataFrame(rows)


def summarise_bits(rows: pd.DataFrame) -> pd.DataFrame:
    """Means over films."""
    return rows.groupby(["rung", "crf"], sort=False)[[INFORMATION, CONTAINER_PSNR]].mean().reset_index()


def headline(summary: pd.DataFrame) -> dict[str, float]:
    """Net bits per pixel and frame, share of whole groups, and quality, of each promise and size."""
    figures = {}
    for row in summary[summary["films"] > 0].to_dict("records"):
        name = f"robust_films_{row['promise'].replace(':', '_')}_{row['wanted']:.0f}db_{row['size'].replace('×', 'x')}"
        keys = ("bits", "groups_whole", "whole", f"{WRITTEN}_{CONTAINER_PSNR}", "larger")
        figures |= {f"{name}_{key}": round(float(row[key]), 5) for key in keys}
    return figures


def draw(means: pd.DataFrame, path: Path) -> None:
    """Information by constant rate factor, a line for each rung."""
    with chart(path, "H.264 constant rate factor", "information, bits per pixel and frame") as axes:
        for rung, group in means.groupby("rung", sort=False):
            label = f"{rung}, {group[CONTAINER_PSNR].mean():.1f} dB"
            axes.plot(group["crf"], group[INFORMATION].clip(lower=_LEAST), label=label)
        axes.set_yscale("log")


def _digest(film: Path) -> str:
    return hashlib.sha256(film.read_bytes()).hexdigest()


def _film_in_folder(
    cover: Path, digests: tuple[str, str], promise: tuple[int, float], seed: int, workers: int
) -> tuple[Row, list[Row]]:
    """`measure_film`; digests of the film and of the code tell cached results apart."""
    with TemporaryDirectory(prefix="stegnet-") as folder:
        return measure_film(cover, promise, Path(folder), seed, workers)


def _cover_in_folder(cover: Path, name: str, crf: int, code: str) -> Row:
    """`stage_qualities` of a cover."""
    with TemporaryDirectory(prefix="stegnet-") as folder:
        return stage_qualities(cover, None, crf, Path(folder))


def _against_cover(row: Row, cover: Row) -> Row:
    """A film's row with what the codec alone does to its cover, and the container's bytes against the cover's."""
    if row["refused"]:
        return row
    larger = {name: row[f"{stage}_bytes"] / cover[f"{stage}_bytes"] for name, stage in LARGER.items()}
    return row | {f"{COVER}_{name}": value for name, value in cover.items()} | larger


def _random_container(
    frames: list[np.ndarray], rung: Rung, seed: int
) -> tuple[Callable[[Path], float], list[np.ndarray]]:
    """A function that reads the information of random bits in a film, and the frames that carry them."""
    draw, parts, container, moves = np.random.default_rng(seed), [], [], motion(frames)
    shape = signal_of(frames[0]).shape
    count = shape[0] * shape[1]
    for start in range(0, len(frames), GROUP):
        signs = draw.integers(0, 2, (*shape, rung.bits)) * np.float32(2) - 1
        dither, some = draw.random((count, rung.bits), np.float32), slice(start, start + GROUP)
        container += modulated(frames[some], signs, dither, rung, moves[some])
        parts.append((signs.reshape(count, -1), dither))

    def read(film: Path) -> float:
        again, right = read_frames(film), []
        for signs, dither in parts:
            some = [signal_of(frame).coefficients for frame in islice(again, 0, GROUP, rung.run)]
            right.append(sines(some, dither, rung) * signs)
        return max(sureness(np.concatenate(right))[1], 0.0) * rung.bits / (BLOCK**2 * GROUP)

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
    run_stage(main, "films", "out")
