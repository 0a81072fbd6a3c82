"""A film in which random bytes are hidden, encoded again: what comes back, what it costs in quality and bytes."""

import hashlib
import re
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np

from pipeline.side_by_side import has_vmaf, vmaf
from stegnet.core.errors import CapacityError
from stegnet.core.measures import CONTAINER, FLICKER, PEAK, PSNR, SSIM, VMAF, mean_squared_error, psnr_from_mse, ssim
from stegnet.core.parallel import parallel_map
from stegnet.formats.ffmpeg_cli import input_file, run_ffmpeg
from stegnet.keys import KEY_BYTES, Key, seeded
from stegnet.methods import METHODS, Context, HideJob, hide_file
from stegnet.methods.robust import CONTAINER_PSNR, GROUP, Pieces, RobustOptions, file_content, hidden_pixels, read_film
from stegnet.methods.robust import WRITTEN as CODING
from stegnet.results import OutputTarget
from stegnet.video.film_writer import Coding, write_h264
from stegnet.video.films import read_frames, scan
from study.reencodings import WAYS, Reencoding

TEXT, FILLED = "a text", "filled"  # contents
FRAMES = 2 * GROUP  # of a film that are measured
_TOO_LARGE = 1 << 25  # bytes, that no film here has room for
_ROOM = re.compile(r"takes (\d+) bytes, more than the capacity of (\d+)")
_SSIM_EVERY = 8  # frames
# What decides the results.
CODE = (
    "stegnet/core",
    "stegnet/image",
    "stegnet/media",
    "stegnet/video",
    "stegnet/methods",
    "study/film_trial.py",
    "study/reencodings.py",
)

Row = dict[str, object]


@dataclass(frozen=True)
class FilledFilm:
    """A container, full of random bytes.

    Attributes:
        path: H.264 in MP4.
        content: the message in it.
        key: opens it.
        seconds: that hiding took.
    """

    path: Path
    content: bytes
    key: Key
    seconds: float


def fill_film(cover: Path, options: RobustOptions, folder: Path, seed: int, size: int = _TOO_LARGE) -> FilledFilm:
    """Hides so many random bytes, or as many as a film has room for.

    Raises:
        CapacityError: there is no room.
    """
    key, secret, out = Key(seeded(seed)(KEY_BYTES)), folder / "secret.bin", folder / "container.mp4"
    while True:
        secret.write_bytes(data := seeded(seed + 1)(size))
        start = perf_counter()
        try:
            run = Context(randomness=seeded(seed + 2))
            job = HideJob(METHODS["robust"], options, run)
            hide_file(job, cover, secret, OutputTarget(out, force=True), key)
        except CapacityError as error:
            size = smaller(size, error)
        else:
            return FilledFilm(out, file_content(secret.name, data), key, perf_counter() - start)


def smaller(size: int, error: CapacityError) -> int:
    """The size of the largest file that fits, from the refusal of one of the given size.

    Raises:
        CapacityError: none does, or nothing comes back.
    """
    found = _ROOM.search(str(error))
    taken, room = map(int, found.groups()) if found else (0, 0)
    if not found or size <= taken - room:
        raise error
    return size - (taken - room)


def survival(filled: FilledFilm, crf: int, encoding: Reencoding, groups: int) -> Row:
    """Results of encoding a film again: the groups that come back, and its PSNR against the film that was encoded.

    Args:
        groups: that carry a piece of the message.
    """
    again = filled.path.with_name(f"{hashlib.sha256(encoding.name.encode()).hexdigest()}.mkv")
    encoding.encode(filled.path, crf, again)
    found = read(again, filled.key)
    row = {"encoding": encoding.name, "promised": encoding.promised, "groups": groups}
    row |= {"groups_whole": found.groups if found else 0, "whole": bool(found and found.message == filled.content)}
    with closing(read_frames(filled.path)) as before, closing(read_frames(again)) as after:
        errors = [mean_squared_error(*pair) for pair in zip(before, after, strict=True)]
    row[PSNR.key] = psnr_from_mse(float(np.mean(errors)), PEAK)
    again.unlink()
    return row


def read(film: Path, key: Key) -> Pieces | None:
    """The message in a film, or what is left of it."""
    return read_film(partial(read_frames, film), lambda: list(scan(film).times), key)


def film_quality(original: Path, copy: Path) -> dict[str, float]:
    """PSNR over all samples, SSIM of some frames, VMAF and flicker of a film against its original.

    Flicker is that of `pipeline.video.temporal_error`. VMAF is nan where ffmpeg has no filter for it.
    """
    errors, similarity, flicker, last = [], [], [], None
    with closing(read_frames(original)) as before, closing(read_frames(copy)) as after:
        for number, pair in enumerate(zip(before, after, strict=True)):
            error = pair[1].astype(np.int16) - pair[0]
            errors.append(mean_squared_error(*pair))
            similarity += [] if number % _SSIM_EVERY else [ssim(*pair)]
            flicker += [] if last is None else [np.abs(error - last).mean()]
            last = error
    scores = vmaf(original, copy) if has_vmaf(*last.shape[:2]) else [np.nan]
    return {
        PSNR.of(CONTAINER): psnr_from_mse(float(np.mean(errors)), PEAK), SSIM.of(CONTAINER): float(np.mean(similarity)),
        VMAF.of(CONTAINER): float(np.mean(scores)), FLICKER.of(CONTAINER): float(np.mean(flicker)),
    }  # fmt: skip


def encode_again(film: Path, coding: Coding, out: Path) -> Path:
    """A film without its sound."""
    with closing(read_frames(film)) as frames:
        write_h264(out, frames, replace(scan(film), sound=()), coding)
    return out


def measure_film(
    film: Path, channel: str, size: int | None, folder: Path, seed: int, workers: int
) -> tuple[Row, list[Row]]:
    """Figures of a film in which random bytes are hidden, and what comes back from each way of encoding it again.

    Args:
        size: bytes; None: as many as there is room for.
        folder: for films; they stay there.
        workers: films that are encoded at once.
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
    pixels = hidden_pixels(info.height, info.width, len(info.pts))
    row = named | {"refused": False, "width": info.width, "height": info.height, "frames": len(info.pts)}
    row |= {"bytes": len(filled.content), "bits": 8 * len(filled.content) / pixels, "groups": found.groups}
    row |= {"seconds": filled.seconds} | against_cover(cover, filled.path)
    jobs = [partial(survival, filled, crf, way, found.groups) for way in ways]
    survived = parallel_map(lambda job: job(), jobs, workers)
    return row, [named | each for each in survived]


def against_cover(cover: Path, container: Path) -> Row:
    """Bytes against those of the cover as anyone writes it by that CRF and preset, and with the same options; quality.

    Nothing where the cover was reduced.
    """
    before, after = scan(cover), scan(container)
    if (before.height, before.width, len(before.pts)) != (after.height, after.width, len(after.pts)):
        return {}
    plain = encode_again(cover, Coding(CODING.crf, CODING.preset), container.with_name("plain.mp4"))
    alike = encode_again(cover, replace(CODING, paced=False), container.with_name("alike.mp4"))
    size = picture_bytes(container)
    larger = {"larger": size / picture_bytes(plain), "larger_alike": size / picture_bytes(alike)}
    return larger | film_quality(cover, container)


def picture_bytes(film: Path) -> int:
    """Bytes of a film without its sound, as Matroska."""
    return _copied(film, film.with_name(f"{film.stem}-silent.mkv")).stat().st_size


def _copied(film: Path, out: Path, **options: int) -> Path:
    """A film as it is, without its sound."""
    run_ffmpeg(out, [input_file(film).video], f"{film}: can't be copied", vcodec="copy", format="matroska", **options)
    return out
