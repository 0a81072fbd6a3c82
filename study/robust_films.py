"""Stage robust_films: texts and files that come back from films, by every channel, encoded again in many ways.

Films in which random bytes are hidden are encoded again by ffmpeg's command line, in ways within what containers are
promised to survive, and beyond. Results of a film are kept in the cache folder, so that a run that was interrupted goes
on where it ended.
"""

import argparse
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from joblib import Memory

from pipeline.config import load
from pipeline.evaluate.statistics import share_interval
from pipeline.fingerprint import source_hash
from pipeline.parameters.shared import MeasureParameters
from pipeline.shards import cache_folder, file_hash
from pipeline.stage import bar, program, write_json, write_table
from stegnet.core.compute import cpu_threads, make_deterministic
from stegnet.core.errors import CapacityError, DataError
from stegnet.core.measures import CONTAINER, PEAK, PSNR, VMAF, mean_squared_error, psnr_from_mse
from stegnet.core.names import FILM
from stegnet.core.parallel import parallel_map
from stegnet.core.pixels import BLOCK
from stegnet.formats.ffmpeg_cli import BITEXACT, input_file, run_ffmpeg
from stegnet.hide_file import HideJob, hide_file
from stegnet.hiding import Context
from stegnet.keys import KEY_BYTES, Key, seeded
from stegnet.media.cover import kind
from stegnet.methods import METHODS
from stegnet.methods.robust import (
    CONTAINER_PSNR,
    GROUP,
    WRITTEN as CODING,
    MessagePieces,
    RobustOptions,
    file_content,
    read_film,
)
from stegnet.results import OutputTarget
from stegnet.video.coding import ENCODER, Coding
from stegnet.video.film_writer import write_h264
from stegnet.video.films import read_frames, scan
from study.vmaf import vmaf

TEXT, FILLED = "a text", "filled"  # contents
FRAMES = 2 * GROUP  # of a film that are measured
_TOO_LARGE = 1 << 25  # bytes, that no film here has room for
_ROOM = re.compile(r"bytes, more than the capacity of (\d+)")
# What decides the results.
CODE = (
    *("stegnet/core", "stegnet/channels", "stegnet/image", "stegnet/media", "stegnet/video"),
    *("stegnet/hiding", "stegnet/methods", "stegnet/jpeg", "stegnet/png"),
    "study/robust_films.py",
)

TEXT_BYTES = 43
_KEYS = ["channel", "content"]
_MEDIANS = ("bits", "larger", PSNR.of(CONTAINER), VMAF.of(CONTAINER))

Row = dict[str, object]


@dataclass(frozen=True)
class Reencoding:
    """A way of encoding a film again."""

    name: str  # in tables; unique
    promised: bool  # what is hidden must come back
    above: int = 0  # its CRF less the promised one
    options: Mapping[str, str | int] = field(default_factory=dict)  # of ffmpeg's command line
    generations: int = 1  # times that the film is encoded, one after the other

    def encode(self, film: Path, crf: int, out: Path) -> None:
        """Writes the film without sound as Matroska, at a bit rate or relative to the promised constant rate factor."""
        quality = {} if "b:v" in self.options else {"crf": crf + self.above}
        options = {"c:v": ENCODER, "pix_fmt": "yuv420p", "threads": 1} | quality | self.options
        between = [out.with_name(f"{out.stem}-{generation}.mkv") for generation in range(self.generations - 1)]
        for source, target in pairwise([film, *between, out]):
            error = f"{source}: can't be encoded again ({self.name})"
            run_ffmpeg(target, [input_file(source).video], options | {"format": "matroska"} | BITEXACT, error)


def x264(name: str, promised: bool, above: int = 0, generations: int = 1, **options: str | int) -> Reencoding:
    """A way of x264."""
    return Reencoding(f"x264 {name}", promised, above, options, generations)


_BASELINE = {"preset": "veryfast", "profile:v": "baseline", "g": 30, "b:v": "1500k"}
_RATES = (
    *(x264(f"veryfast, {rate} kbit/s", False, preset="veryfast", **{"b:v": f"{rate}k"}) for rate in (500, 1000, 2000)),
    x264("baseline, 1500 kbit/s, a key frame a second", False, **_BASELINE),
)
_ONCE = (
    x264("fast", True, preset="fast"), x264("medium", True), x264("slow", True, preset="slow"),
    x264("veryfast", False, preset="veryfast"),
    x264("baseline, a key frame a second", False, g=25, **{"profile:v": "baseline"}),
    x264("medium, twice", False, generations=2), x264("medium, CRF +2", False, above=2),
)  # fmt: skip
WAYS = {  # by channel: the constant rate factor, and ways of encoding
    **{f"h264:{crf}": (crf, _ONCE) for crf in (18, 23, 28)},
    "messenger": (28, (
        x264("medium", True), x264("veryfast", True, preset="veryfast"), x264("ultrafast", False, preset="ultrafast"),
        x264("veryfast, CRF +3", False, above=3, preset="veryfast"),
        x264("veryfast, twice", False, generations=2, preset="veryfast"), *_RATES,
    )),
}  # fmt: skip


def main(films: Path, out: Path, channels: Sequence[str]) -> None:
    config = load(Path("params.yaml"), MeasureParameters)
    make_deterministic(config.seed, config.train.threads)
    workers, found, code = cpu_threads(config.train.threads), list_films(films), source_hash(CODE)
    cached = Memory(cache_folder() / "films", verbose=0)
    measure = cached.cache(_measured, ignore=["film", "workers"])
    measured, survived = [], []
    for channel, film, size in bar(list(product(channels, found, (TEXT_BYTES, None))), "films"):
        row, ways = measure(film, (file_hash(film), code), channel, size, config.seed, workers)
        measured.append({"film": film.stem} | row)
        survived += [{"film": film.stem} | way for way in ways]
    write_tables(out, pd.DataFrame(measured), pd.DataFrame(survived))


def list_films(folder: Path) -> list[Path]:
    """The films in a folder that hold a group at least, by name; at least one."""
    found = [path for path in sorted(folder.iterdir()) if path.is_file() and path.suffix in {".mp4", ".mkv", ".mov"}]
    films = [path for path in found if kind(path) == FILM and len(scan(path).pts) >= GROUP]
    if not films:
        raise DataError(f"{folder}: no films of {GROUP} frames or more", "put .mp4, .mkv or .mov files there")
    return films


def _measured(
    film: Path, digests: tuple[str, str], channel: str, size: int | None, seed: int, workers: int
) -> tuple[Row, list[Row]]:
    """`measure_film`; digests of the film and of the code tell cached results apart."""
    with TemporaryDirectory(prefix="stegnet-") as folder:
        return measure_film(film, channel, size, Path(folder), seed, workers)


@dataclass(frozen=True)
class FilledFilm:
    """A container, full of random bytes."""

    path: Path  # H.264 in MP4
    content: bytes  # the message in it
    key: Key


def fill_film(cover: Path, options: RobustOptions, folder: Path, seed: int, size: int = _TOO_LARGE) -> FilledFilm:
    """Hides so many random bytes, or as many as a film has room for; a CapacityError if there is no room."""
    key, secret, out = Key(seeded(seed)(KEY_BYTES)), folder / "secret.bin", folder / "container.mp4"
    while True:
        secret.write_bytes(data := seeded(seed + 1)(size))
        try:
            run = Context(randomness=seeded(seed + 2))
            job = HideJob(METHODS["robust"], options, run)
            hide_file(job, cover, secret, OutputTarget(out, force=True), key)
        except CapacityError as error:
            room = _ROOM.search(str(error))  # the largest file that fits, from the refusal of a larger one
            if not room or room[1] == "0":
                raise
            size = int(room[1])
        else:
            return FilledFilm(out, file_content(secret.name, data), key)


def survival(filled: FilledFilm, crf: int, encoding: Reencoding, groups: int) -> Row:
    """Results of encoding a film again: the groups that come back, of so many."""
    again = filled.path.with_name(f"{hashlib.sha256(encoding.name.encode()).hexdigest()}.mkv")
    encoding.encode(filled.path, crf, again)
    found = read(again, filled.key)
    row = {"encoding": encoding.name, "promised": encoding.promised, "groups": groups}
    row |= {"groups_whole": found.groups if found else 0, "whole": bool(found and found.message == filled.content)}
    again.unlink()
    return row


def read(film: Path, key: Key) -> MessagePieces | None:
    """The message in a film, or what is left of it."""
    return read_film(read_frames(film), key)


def film_quality(original: Path, copy: Path) -> dict[str, float]:
    """PSNR over all samples, and VMAF, of a film against its original."""
    with closing(read_frames(original)) as before, closing(read_frames(copy)) as after:
        errors = [mean_squared_error(*pair) for pair in zip(before, after, strict=True)]
    scores = vmaf(original, copy)
    return {PSNR.of(CONTAINER): psnr_from_mse(float(np.mean(errors)), PEAK), VMAF.of(CONTAINER): float(np.mean(scores))}


def encode_again(film: Path, coding: Coding, out: Path) -> Path:
    """A film without its sound."""
    with closing(read_frames(film)) as frames:
        write_h264(out, frames, replace(scan(film), sound=()), coding)
    return out


def measure_film(
    film: Path, channel: str, size: int | None, folder: Path, seed: int, workers: int
) -> tuple[Row, list[Row]]:
    """Figures of a film in which random bytes are hidden, and what comes back from each way of encoding it again.

    As many bytes are hidden as there is room for, unless their number is given; films stay in `folder`.
    """
    cover = _copied(film, folder / "cover.mkv", **{"frames:v": FRAMES})  # its beginning, about so many
    crf, ways = WAYS[channel]
    named = {"channel": channel, "content": FILLED if size is None else TEXT}
    sizes = {} if size is None else {"size": size}
    try:
        filled = fill_film(cover, RobustOptions(channel, CONTAINER_PSNR), folder, seed, **sizes)
    except CapacityError:
        return named | {"refused": True}, []
    info, found = scan(filled.path), read(filled.path, filled.key)
    assert found is not None, "hiding checks that what it writes comes back"
    pixels = (info.height // BLOCK * BLOCK) * (info.width // BLOCK * BLOCK) * (len(info.pts) // GROUP * GROUP)
    row = named | {"refused": False, "width": info.width, "height": info.height, "frames": len(info.pts)}
    row |= {"bytes": len(filled.content), "bits": 8 * len(filled.content) / pixels, "groups": found.groups}
    row |= against_cover(cover, filled.path)
    jobs = [partial(survival, filled, crf, way, found.groups) for way in ways]
    survived = parallel_map(lambda job: job(), jobs, workers)
    return row, [named | each for each in survived]


def against_cover(cover: Path, container: Path) -> Row:
    """Bytes against those of the cover as anyone writes it by that CRF and preset; quality.

    Nothing where the cover was reduced.
    """
    before, after = scan(cover), scan(container)
    if (before.height, before.width, len(before.pts)) != (after.height, after.width, len(after.pts)):
        return {}
    plain = encode_again(cover, Coding(CODING.crf, CODING.preset), container.with_name("plain.mp4"))
    return {"larger": picture_bytes(container) / picture_bytes(plain)} | film_quality(cover, container)


def picture_bytes(film: Path) -> int:
    """Bytes of a film without its sound, as Matroska."""
    return _copied(film, film.with_name(f"{film.stem}-silent.mkv")).stat().st_size


def _copied(film: Path, out: Path, **options: int) -> Path:
    """A film as it is, without its sound."""
    options = {"vcodec": "copy", "format": "matroska", **options, **BITEXACT}
    run_ffmpeg(out, [input_file(film).video], options, f"{film}: can't be copied")
    return out


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
        keys = ("bits", "groups_whole", "whole", PSNR.of(CONTAINER), "larger")
        figures |= {f"{name}_{key}": round(float(row[key]), 5) for key in keys}
    return figures


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
