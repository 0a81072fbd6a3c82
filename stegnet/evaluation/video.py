"""One film hidden in another and brought back, measured frame by frame from the files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from stegnet.codec import HideOptions, Network, hide_film, reveal_film
from stegnet.codec.progress import Progress
from stegnet.evaluation.demonstration import PUBLIC_DEMONSTRATION_KEY, seeded
from stegnet.evaluation.quality import Trip, measures
from stegnet.evaluation.sheet import sheet
from stegnet.media import read_frames, write_png, write_preview

SHOWN = 4  # frames on the contact sheet
SHOWN_SIZE = (180, 320)  # height and width of a picture on it


def demonstrate(network: Network, cover: Path, secret: Path, out: Path, seed: int, progress: Progress) -> pd.DataFrame:
    """Writes container.mkv, revealed.mkv, both side by side as preview.mp4, and frames.png to the folder `out`.

    Returns:
        One row per hidden frame: container_ and secret_ psnr (dB), ssim and apd (0–255).
    Raises:
        StegnetError: a film can't be read or hidden.
    """
    container, revealed = out / "container.mkv", out / "revealed.mkv"
    key = PUBLIC_DEMONSTRATION_KEY
    hide_film(network, cover, secret, container, key, HideOptions(longer="cut"), seeded(seed), progress)
    frames = reveal_film(network, container, revealed, key, strict=True, progress=progress).frames
    write_preview(container, revealed, out / "preview.mp4", *reversed(SHOWN_SIZE))
    chosen = range(0, frames, max(1, frames // SHOWN))[:SHOWN]
    rows, shown = [], []
    for index, trip in enumerate(_trips(cover, container, secret, revealed)):
        rows.append(measures(trip))
        if index in chosen:
            shown.append(trip)
    write_png(out / "frames.png", sheet(shown, SHOWN_SIZE))
    return pd.DataFrame(rows)


def summarise_film(table: pd.DataFrame, container: Path) -> dict[str, Any]:
    """film_…: mean and worst of a film's frames, their number, and the container's size in megabytes (10⁶ bytes)."""
    means = {column: round(float(table[column].mean()), 4) for column in table}
    worst = {f"{side}_psnr_worst": round(float(table[f"{side}_psnr"].min()), 4) for side in ("container", "secret")}
    size = {"frames": len(table), "megabytes": round(container.stat().st_size / 1e6, 3)}
    return {f"film_{name}": value for name, value in (size | means | worst).items()}


def _trips(cover: Path, container: Path, secret: Path, revealed: Path) -> Iterator[Trip]:
    """The hidden frames; they end with the revealed film."""
    frames = (read_frames(path) for path in (cover, container, secret, revealed))
    for shown, hiding, hidden, back in zip(*frames, strict=False):
        yield Trip((cover.name, secret.name), shown, hiding, hidden, back)
