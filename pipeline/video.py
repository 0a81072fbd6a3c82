"""Stage video: a film hidden in its cover and revealed, measured frame by frame from the files.

The secret's frames are shuffled by the key in `stegnet.networks.frames`.
"""

from collections.abc import Generator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

import ffmpeg
import pandas as pd

from pipeline.evaluate.quality import (
    HideRevealResult,
    Row,
    contact_sheet,
    map_in_threads,
    measure_quality,
    setup_of,
)
from pipeline.parameters.video import PUBLIC_KEY, VideoParameters
from pipeline.stage import film_bar, run_stage, write_json, write_table
from pipeline.tracking import track
from pipeline.tracking.results import video_result
from stegnet.core.compute import make_deterministic
from stegnet.core.disk import atomic_write
from stegnet.core.measures import (
    BASE_PSNR,
    CONTAINER_PSNR,
    PSNR,
    SECRET_PSNR,
    SIDES,
    psnr,
)
from stegnet.core.parallel import Progress
from stegnet.formats.ffmpeg_cli import BITEXACT, input_file, run_ffmpeg
from stegnet.hide_file import HideJob, hide_file
from stegnet.hiding import Context
from stegnet.image.pictures import write_png
from stegnet.keys import PUBLIC_DEMONSTRATION_KEY, Key, KeyRing, read_key, seeded
from stegnet.methods.network import NetworkMethod, NetworkOptions
from stegnet.methods.network_containers import FoundPictures
from stegnet.networks import Network, at_own_size
from stegnet.record import open_container, read_record
from stegnet.results import OutputTarget
from stegnet.video.films import read_frames
from stegnet.video.forms import X264_DETERMINISTIC

FILM = "film_"  # prefix of columns with a film's figures
HEADLINE = (CONTAINER_PSNR, SECRET_PSNR, BASE_PSNR)  # the columns whose means represent a film


def main(config: VideoParameters, weights: Path, cover: Path, secret: Path, out: Path) -> None:
    """Hide the demonstration film in another, reveal it, and write films, figures and the tracked run to `out`."""
    make_deterministic(config.seed, config.train.threads)
    out.mkdir(parents=True, exist_ok=True)
    network = Network.load(weights, backend="torch")
    key = PUBLIC_DEMONSTRATION_KEY if config.video.key == PUBLIC_KEY else read_key(config.video.key)
    with track("video", setup_of(network)) as run:
        with film_bar() as progress:
            frames = demonstrate(network, cover, secret, out, config.seed, progress, key)
        write_table(out / "frames.csv", frames, index="frame")
        figures = summarise_film(frames, out / "container.mkv")
        write_json(out / "details.json", figures)
        write_json(out / "metrics.json", film_headline(figures))
        run.finish(video_result(weights, out, cover, secret))
    of_container, of_secret, of_base = film_headline(figures).values()
    print(f"film: container {of_container:.2f} dB, secret {of_secret:.2f} dB ({of_base:.2f} from its base alone)")


class Films(NamedTuple):
    """The films of a demonstration."""

    cover: Path
    container: Path
    secret: Path
    revealed: Path


def demonstrate(  # noqa: PLR0913 - all of a demonstration
    network: Network,
    cover: Path,
    secret: Path,
    out: Path,
    seed: int,
    progress: Progress,
    key: Key = PUBLIC_DEMONSTRATION_KEY,
) -> pd.DataFrame:
    """Write container.mkv, revealed.mkv, a preview.mp4 of both side by side and frames.png to the folder `out`.

    Return a row for each hidden frame: PSNR, SSIM and APD of container and secret, PSNR of the secret's base alone.
    """
    films = Films(cover, out / "container.mkv", secret, out / "revealed.mkv")
    context = Context.of(network, randomness=seeded(seed), progress=progress)
    # Verification is unnecessary: revealing strictly reads everything, and fails if a sample is not as it was hidden.
    job = HideJob(NetworkMethod(), NetworkOptions(longer="cut", any_quality=True, verify=False), context)
    hide_file(job, cover, secret, OutputTarget(films.container, force=True), key)
    with open_container(films.container, key) as opened:
        found = NetworkMethod().find(opened, context)
        assert isinstance(found, FoundPictures)  # as was hidden
        report = found.write(OutputTarget(films.revealed, force=True), strict=True)
    height, width = 180, 320  # of a picture in the preview and on the contact sheet
    write_preview(films.container, films.revealed, out / "preview.mp4", width, height)
    measures, shown = _measure(films, key, report.frames, progress)
    write_png(out / "frames.png", contact_sheet(shown, (height, width)))
    return measures


def _measure(films: Films, key: Key, count: int, progress: Progress) -> tuple[pd.DataFrame, list[HideRevealResult]]:
    """Measure the `count` hidden frames in one pass over all films; return also the frames for the contact sheet."""
    frames_shown = 4  # on the contact sheet
    chosen = range(0, count, max(1, count // frames_shown))[:frames_shown]
    rows: list[Row] = []
    shown: list[HideRevealResult] = []

    def measured(numbered: tuple[int, HideRevealResult]) -> tuple[Row, HideRevealResult | None]:
        """Return a frame's measures, and the frame if the contact sheet shows it."""
        index, frame = numbered
        reading = read_record(frame.container, KeyRing(key), first=index == 0)
        assert reading.base
        base = psnr(frame.secret, at_own_size(reading.base.picture, reading))
        return {**measure_quality(frame), BASE_PSNR: base}, frame if index in chosen else None

    with closing(_hidden_frames(films)) as hidden, closing(map_in_threads(measured, enumerate(hidden))) as found:
        for row, frame in found:
            rows.append(row)
            shown += [frame] if frame else []
            progress("measure", len(rows), count)
    return pd.DataFrame(rows), shown


def _hidden_frames(films: Films) -> Generator[HideRevealResult, None, None]:
    """Yield the hidden frames; the cover and the secret may have more."""
    with ExitStack() as open_films:
        revealed, secrets, covers, containers = (
            open_films.enter_context(closing(frames))
            for frames in (
                read_frames(films.revealed), read_frames(films.secret),
                read_frames(films.cover, as_ffmpeg=True), read_frames(films.container),
            )
        )  # fmt: skip
        for shown, secret, cover, container in zip(revealed, secrets, covers, containers, strict=False):
            yield HideRevealResult((films.cover.name, films.secret.name), cover, container, secret, shown)


def write_preview(left: Path, right: Path, out: Path, width: int, height: int) -> None:
    """Write an MP4 (H.264 4:2:0, AAC) that any browser plays: two films side by side, as long as the shorter one.

    The sound is the left film's. Width and height of each film in the preview are even numbers.
    """
    inputs = [input_file(film) for film in (left, right)]
    sized = [film.video.filter("scale", width, height).filter("setsar", 1).filter("fps", 25) for film in inputs]
    pictures = ffmpeg.filter(sized, "hstack", inputs=len(sized), shortest=1)
    options: dict[str, str | int | None] = {
        "format": "mp4",
        "movflags": "+faststart",
        "acodec": "aac",
        "shortest": None,
        "vcodec": "libx264",
        "pix_fmt": "yuv420p",
        "crf": 20,
        "threads": 1,
        "flags:v": "+bitexact",
        **X264_DETERMINISTIC,
    }
    streams = [pictures, inputs[0]["a?"]]
    with atomic_write(out) as part:
        run_ffmpeg(part, streams, options | BITEXACT, "ffmpeg can't make it", out)


def summarise_film(frames: pd.DataFrame, container: Path) -> dict[str, float]:
    """Return film_…: mean and worst of a film's frames, their number, and the container's megabytes (10⁶ bytes)."""
    size = {"frames": len(frames), "megabytes": round(container.stat().st_size / 1e6, 3)}
    means = {str(column): frames[column].mean() for column in frames}
    worst = {PSNR.of(side, "worst"): frames[PSNR.of(side)].min() for side in SIDES}
    rounded = {name: round(float(value), 4) for name, value in (means | worst).items()}
    return {FILM + name: value for name, value in (size | rounded).items()}


def film_headline(figures: dict[str, float]) -> dict[str, float]:
    """Return the few figures of `summarise_film` that represent a film."""
    return {FILM + column: figures[FILM + column] for column in HEADLINE}


if __name__ == "__main__":
    run_stage(main, "weights", "cover", "secret", "out", reads=VideoParameters)
