"""One film hidden in another and brought back, measured frame by frame from the files."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stegnet.codec import HideOptions, Network, hide_film, reveal_film
from stegnet.codec.output import Progress
from stegnet.evaluation.contact_sheet import sheet
from stegnet.evaluation.demonstration import PUBLIC_DEMONSTRATION_KEY, seeded
from stegnet.evaluation.quality import SIDES, Trip, measures, side_by_side
from stegnet.media import read_frames, write_png
from stegnet.media.preview import write_preview
from stegnet.media.vmaf import has_vmaf, vmaf

SHOWN = 4  # frames on the contact sheet
SHOWN_SIZE = (180, 320)  # height and width of a picture on it


def demonstrate(network: Network, cover: Path, secret: Path, out: Path, seed: int, progress: Progress) -> pd.DataFrame:
    """Writes container.mkv, revealed.mkv, both side by side as preview.mp4, and frames.png to the folder `out`.

    Returns:
        One row per hidden frame: container_ and secret_ psnr (dB), ssim and apd (0–255), and vmaf (0–100) where
        ffmpeg has it.
    Raises:
        StegnetError: a film can't be read or hidden.
    """
    container, revealed = out / "container.mkv", out / "revealed.mkv"
    key = PUBLIC_DEMONSTRATION_KEY
    hide_film(network, cover, secret, container, key, HideOptions(longer="cut", force=True), seeded(seed), progress)
    frames = reveal_film(network, container, revealed, key, strict=True, progress=progress).frames
    write_preview(container, revealed, out / "preview.mp4", *reversed(SHOWN_SIZE))
    chosen = range(0, frames, max(1, frames // SHOWN))[:SHOWN]
    rows, shown = [], []
    trips = enumerate(_trips(cover, container, secret, revealed))
    with closing(side_by_side(partial(_measured, chosen), trips)) as measured:
        for row, trip in measured:
            rows.append(row)
            shown += [trip] if trip else []
            progress("measure", len(rows), frames)
    write_png(out / "frames.png", sheet(shown, SHOWN_SIZE))
    vmafs = {"container_vmaf": _vmaf(cover, container), "secret_vmaf": _vmaf(secret, revealed)}
    return pd.DataFrame(rows).assign(**{column: scores[:frames] for column, scores in vmafs.items() if scores})


def summarise_film(frames: pd.DataFrame, container: Path, steps: pd.DataFrame | None = None) -> dict[str, Any]:
    """film_…: mean and worst of a film's frames, their number, and the container's size in megabytes (10⁶ bytes).

    Args:
        frames: what `demonstrate` gives; of its VMAF, the first percentile comes too.
        steps: what `measure_flicker` gives; a film of one frame has none, and no flicker.
    """
    size = {"frames": len(frames), "megabytes": round(container.stat().st_size / 1e6, 3)}
    means = {column: frames[column].mean() for column in frames}
    worst = {f"{side}_psnr_worst": frames[f"{side}_psnr"].min() for side in SIDES}
    low = {f"{column}_p1": np.percentile(frames[column], 1) for column in frames if column.endswith("_vmaf")}
    moving = [] if steps is None or steps.empty else SIDES
    restless = {f"{side}_flicker": steps[f"{side}_flicker"].mean() for side in moving}
    rounded = {name: round(float(value), 4) for name, value in (means | worst | low | restless).items()}
    return {f"film_{name}": value for name, value in (size | rounded).items()}


def _measured(chosen: range, item: tuple[int, Trip]) -> tuple[dict[str, float], Trip | None]:
    """A frame's measures, and the frame itself if it is to be shown."""
    index, trip = item
    return measures(trip), trip if index in chosen else None


def _vmaf(original: Path, copy: Path) -> list[float]:
    """Of each frame; empty where it can't be measured."""
    with closing(read_frames(copy)) as frames:
        height, width = next(frames).shape[:2]
    return vmaf(original, copy) if has_vmaf(height, width) else []


def _trips(cover: Path, container: Path, secret: Path, revealed: Path) -> Iterator[Trip]:
    """The hidden frames; they end with the revealed film."""
    frames = (read_frames(path) for path in (cover, container, secret, revealed))
    for shown, hiding, hidden, back in zip(*frames, strict=False):
        yield Trip((cover.name, secret.name), shown, hiding, hidden, back)
