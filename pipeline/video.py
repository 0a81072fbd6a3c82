"""Stage video: a film hidden in its cover and revealed, measured frame by frame from the files."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.config import Config
from pipeline.evaluate.quality import (
    HideRevealResult,
    base_alone,
    contact_sheet,
    map_in_threads,
    measure_quality,
    setup_of,
)
from pipeline.side_by_side import has_vmaf, vmaf, write_preview
from pipeline.stage import film_bar, run_stage, write_json, write_table
from pipeline.tracking import track
from pipeline.tracking.results import video_result
from stegnet.core.compute import make_deterministic
from stegnet.core.disk import temporary_folder
from stegnet.core.measures import (
    BASE_PSNR,
    CONTAINER,
    CONTAINER_PSNR,
    FLICKER,
    PSNR,
    SECRET,
    SECRET_PSNR,
    SIDES,
    VMAF,
    apd,
    psnr,
)
from stegnet.core.parallel import Progress
from stegnet.image.pictures import write_png
from stegnet.keys import PUBLIC_DEMONSTRATION_KEY, seeded
from stegnet.methods import Context, HideJob, hide_file
from stegnet.methods.network import NetworkMethod, NetworkOptions
from stegnet.networks import Network
from stegnet.record import open_container
from stegnet.results import OutputTarget, Report
from stegnet.video.films import read_frames

SHEET_ROWS = 4  # frames on the contact sheet
CELL_SIZE = (180, 320)  # height and width of a picture on it
FILM = "film_"  # before the name of a column: the film's figure
HEADLINE = (CONTAINER_PSNR, SECRET_PSNR, BASE_PSNR)  # the columns whose means stand for a film


def main(config: Config, weights: Path, cover: Path, secret: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    out.mkdir(parents=True, exist_ok=True)
    network = Network.load(weights, backend="torch")
    with track(config, "video", setup_of(network)) as run:
        with film_bar() as progress:
            frames = demonstrate(network, cover, secret, out, config.seed, progress)
        steps = measure_flicker(cover, out / "container.mkv", secret, out / "revealed.mkv")
        write_table(out / "frames.csv", frames, index="frame")
        write_table(out / "flicker.csv", steps, index="step")
        figures = summarise_film(frames, out / "container.mkv", steps)
        write_json(out / "details.json", figures)
        write_json(out / "metrics.json", film_headline(figures))
        run.finish(video_result(weights, out, cover, secret))
    container, secret, base = film_headline(figures).values()
    print(f"film: container {container:.2f} dB, secret {secret:.2f} dB ({base:.2f} from its base alone)")


def _reveal(container: Path, out: OutputTarget, context: Context) -> Report:
    with open_container(container, PUBLIC_DEMONSTRATION_KEY) as opened:
        return NetworkMethod().find(opened, context).write(out, strict=True)


def demonstrate(network: Network, cover: Path, secret: Path, out: Path, seed: int, progress: Progress) -> pd.DataFrame:
    """Writes container.mkv, revealed.mkv, a preview.mp4 of both side by side and frames.png to the folder `out`.

    One row per hidden frame: PSNR, SSIM and APD of container and secret, PSNR of the secret's base alone, and VMAF if
    ffmpeg can measure it.
    """
    container, revealed = out / "container.mkv", out / "revealed.mkv"
    key = PUBLIC_DEMONSTRATION_KEY
    context = Context.of(network, randomness=seeded(seed), progress=progress)
    job = HideJob(NetworkMethod(), NetworkOptions("cut", any_quality=True), context)
    hide_file(job, cover, secret, OutputTarget(container, force=True), key)
    frames = _reveal(container, OutputTarget(revealed, force=True), context).frames
    write_preview(container, revealed, out / "preview.mp4", *reversed(CELL_SIZE))
    chosen = range(0, frames, max(1, frames // SHEET_ROWS))[:SHEET_ROWS]
    rows, shown = [], []

    def measured(item: tuple[np.ndarray, HideRevealResult, int]) -> tuple[dict[str, float], list[HideRevealResult]]:
        """A frame's measures, and the frame itself if it was chosen for the contact sheet."""
        base, result, index = item
        found = measure_quality(result) | {BASE_PSNR: psnr(result.secret, base)}
        return found, [result] if index in chosen else []

    with temporary_folder() as folder:
        base = folder / "base.mkv"
        _reveal(container, OutputTarget(base), Context.of(base_alone(network)))
        # The base's film comes first: zip stops at the end of the first one, whose file must then be closed.
        results = zip(read_frames(base), _results(cover, container, secret, revealed), count(), strict=False)
        with closing(map_in_threads(measured, results)) as found:
            for row, result in found:
                rows.append(row)
                shown += result
                progress("measure", len(rows), frames)
    write_png(out / "frames.png", contact_sheet(shown, CELL_SIZE))
    scores = zip(SIDES, (_vmaf(cover, container), _vmaf(secret, revealed)), strict=True)
    return pd.DataFrame(rows).assign(**{VMAF.of(side): values[:frames] for side, values in scores if values})


def summarise_film(frames: pd.DataFrame, container: Path, steps: pd.DataFrame | None = None) -> dict[str, Any]:
    """film_…: mean and worst of a film's frames, their number, and the container's size in megabytes (10⁶ bytes).

    VMAF also gets its first percentile, film_…_vmaf_p1. A film with one frame has no steps, and no flicker.
    """
    size = {"frames": len(frames), "megabytes": round(container.stat().st_size / 1e6, 3)}
    means = {column: frames[column].mean() for column in frames}
    worst = {PSNR.of(side, "worst"): frames[PSNR.of(side)].min() for side in SIDES}
    p1 = {VMAF.of(side, "p1"): np.percentile(frames[VMAF.of(side)], 1) for side in SIDES if VMAF.of(side) in frames}
    flickering = [] if steps is None or steps.empty else [FLICKER.of(side) for side in SIDES]
    flicker = {column: steps[column].mean() for column in flickering}
    rounded = {name: round(float(value), 4) for name, value in (means | worst | p1 | flicker).items()}
    return {FILM + name: value for name, value in (size | rounded).items()}


def film_headline(figures: dict[str, Any]) -> dict[str, float]:
    """The few of the figures of `summarise_film` that stand for a film."""
    return {FILM + column: figures[FILM + column] for column in HEADLINE}


def measure_flicker(cover: Path, container: Path, secret: Path, revealed: Path) -> pd.DataFrame:
    """One row per pair of neighbouring frames: container_flicker, cover_change, secret_flicker, secret_change."""
    names = (FLICKER.of(CONTAINER), "cover_change", FLICKER.of(SECRET), "secret_change")
    with ExitStack() as open_films:
        opened = read_frames(secret), read_frames(revealed), read_frames(cover, as_ffmpeg=True), read_frames(container)
        films = [open_films.enter_context(closing(frames)) for frames in opened]
        # The secret's films come first: zip stops at the first one that ends, and they are never the longer ones.
        both = zip(temporal_error(*films[:2]), temporal_error(*films[2:]), strict=False)
        rows = [dict(zip(names, (*container_step, *secret_step), strict=True)) for secret_step, container_step in both]
    return pd.DataFrame(rows, columns=names)


def temporal_error(originals: Iterable[np.ndarray], copies: Iterable[np.ndarray]) -> Iterator[tuple[float, float]]:
    """Flicker and the original's own change from each frame to the next, both in levels, 0 to 255.

    With the error e(t) = copy(t) − original(t), flicker is the mean of |e(t + 1) − e(t)| over all samples. It equals
    the difference between both films' temporal differences: the temporal error of Lai et al. 2018 ("Learning blind
    video temporal consistency") without its warping, which is not needed since both films move alike; without it no
    motion estimate biases the figure. 0 is a constant error; a Gaussian error drawn anew for each frame flickers by √2
    times its APD. The original's change is the mean of |original(t + 1) − original(t)|: motion that may mask flicker.
    """
    both = zip(originals, copies, strict=False)
    with_error = ((original, copy.astype(np.int16) - original) for original, copy in both)
    for before, after in pairwise(with_error):
        yield apd(before[1], after[1]), apd(before[0], after[0])


def _vmaf(original: Path, copy: Path) -> list[float]:
    """VMAF of each frame; empty if it can't be measured."""
    with closing(read_frames(copy)) as frames:
        height, width = next(frames).shape[:2]
    return vmaf(original, copy) if has_vmaf(height, width) else []


def _results(cover: Path, container: Path, secret: Path, revealed: Path) -> Iterator[HideRevealResult]:
    """The hidden frames, up to the end of the revealed film."""
    frames = (read_frames(path) for path in (container, secret, revealed))
    for pictures in zip(read_frames(cover, as_ffmpeg=True), *frames, strict=False):
        yield HideRevealResult((cover.name, secret.name), *pictures)


if __name__ == "__main__":
    run_stage(main, "weights", "cover", "secret", "out")
