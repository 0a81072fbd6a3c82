"""Measures how the cost of hiding grows, in reports/compare/growth.json and docs/growth.svg: python -m tools.growth.

Each figure is a run of `stegnet hide` by default settings, from file to file: seconds of processor time of all its
processes, and peak memory. A curve's exponent is the slope of its last three points on logarithmic axes: 1 where ten
times as much takes ten times as long.
"""

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import ffmpeg
import imageio_ffmpeg
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image
from tqdm import tqdm

from stegnet.core.pixels import encode_jpeg
from stegnet.image.pictures import write_png
from tools.bench import FILMS, JPEG_QUALITY, film_of, machine, mirrored, run
from tools.figures import save

PICTURE, FIGURES = Path("docs/growth.svg"), Path("reports/compare/growth.json")
MEGAPIXELS, FRAMES, MINUTES = (0.1, 0.4, 1.6, 6, 12, 24, 48, 108), (25, 50, 100, 200, 400, 800), (1, 3, 10, 30, 60)
FILES, BYTES = (5, 10, 20, 40, 80), (100, 1_000, 10_000, 100_000, 1_000_000)
NOTE = "note.txt"
Run = tuple[float, str, str, str]  # the size, cover, secret, container's suffix
Point = tuple[float, float, float]  # the size, CPU seconds, MB
Figures = dict[str, dict[str, list[Point]]]  # by axis and curve


def megapixels(folder: Path) -> Iterator[tuple[str, Run]]:
    photograph = load_sample_image("china.jpg")
    for size in MEGAPIXELS:
        height = round((size * 1e6 * 3 / 4) ** 0.5)
        picture = mirrored(photograph, height, height * 4 // 3)
        write_png(folder / "cover.png", picture)
        yield "PNG", (size, "cover.png", NOTE, ".png")
        (folder / "cover.jpg").write_bytes(encode_jpeg(picture, JPEG_QUALITY))
        yield "JPEG", (size, "cover.jpg", NOTE, ".jpg")


def frames(folder: Path) -> Iterator[tuple[str, Run]]:
    for count in FRAMES:
        film_of(FILMS["cover"], folder / "cover.mp4", count)
        yield "MP4 to MKV", (count, "cover.mp4", NOTE, ".mkv")


def minutes(folder: Path) -> Iterator[tuple[str, Run]]:
    for count in MINUTES:
        tone = ffmpeg.input(f"anoisesrc=a=0.1:d={60 * count}:seed=1", f="lavfi")
        for suffix in (".wav", ".flac"):
            sound = ffmpeg.output(tone, str(folder / f"cover{suffix}"), ac=2, ar=44100, sample_fmt="s16")
            sound.overwrite_output().run(cmd=imageio_ffmpeg.get_ffmpeg_exe(), quiet=True)
            yield suffix[1:].upper(), (count, f"cover{suffix}", NOTE, suffix)


def files(folder: Path) -> Iterator[tuple[str, Run]]:
    (folder / "one.jpg").write_bytes(encode_jpeg(mirrored(load_sample_image("china.jpg"), 864, 1152), JPEG_QUALITY))
    (folder / "covers").mkdir()
    for count in FILES:
        for number in range(count):
            shutil.copy(folder / "one.jpg", folder / f"covers/{number}.jpg")
        yield "JPEGs of 1 megapixel", (count, "covers", NOTE, "")


def hidden_bytes(folder: Path) -> Iterator[tuple[str, Run]]:
    write_png(folder / "cover.png", mirrored(load_sample_image("china.jpg"), 3000, 4000))
    for count in BYTES:
        (folder / "secret.bin").write_bytes(np.random.default_rng(0).bytes(count))
        yield "PNG of 12 megapixels", (count, "cover.png", "secret.bin", ".png")


AXES = {
    "megapixels": megapixels, "frames of 640×360": frames, "minutes of stereo": minutes, "files in a folder": files,
    "bytes hidden": hidden_bytes,
}  # fmt: skip


def main() -> None:
    figures: Figures = {}
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / NOTE).write_text("The quick brown fox jumps over the lazy dog.", encoding="utf-8")
        run(("keygen", "k"), folder)
        for axis, make in AXES.items():
            for curve, (size, cover, secret, suffix) in tqdm(make(folder), desc=axis, file=sys.stderr):
                cost = run(("hide", cover, secret, "--key-file", "k", "-o", f"sent{suffix}", "--force"), folder)
                figures.setdefault(axis, {}).setdefault(curve, []).append((size, cost.cpu, cost.megabytes))
    FIGURES.write_text(json.dumps({"machine": machine(), "curves": figures}, indent=1) + "\n", encoding="utf-8")
    draw(figures, PICTURE)


def exponent(points: Sequence[Point]) -> float:
    """Return the slope of seconds over size on logarithmic axes, of the last three points."""
    sizes, seconds, _ = zip(*points[-3:], strict=True)
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def draw(figures: Figures, path: Path) -> None:
    """Draw seconds above and memory below, a column for each axis."""
    matplotlib.rcParams["font.size"] = 15
    figure, rows = plt.subplots(
        2, len(figures), figsize=(19, 8.5), sharex="col", sharey="row", layout="constrained", squeeze=False
    )
    for column, (axis, curves) in enumerate(figures.items()):
        for curve, points in curves.items():
            sizes, seconds, megabytes = zip(*points, strict=True)
            rows[0, column].plot(
                sizes, seconds, "o-", label=f"{curve}: time as size^{exponent(points):.2f}", markersize=3
            )
            rows[1, column].plot(sizes, megabytes, "o-", markersize=3)
        for cell in rows[:, column]:
            cell.set(xscale="log", yscale="log")
            for each in (cell.xaxis, cell.yaxis):
                each.set_major_formatter("{x:g}")
                each.set_minor_formatter("")
            cell.grid(alpha=0.3)
        rows[0, column].legend(fontsize="x-small", loc="upper left")
        rows[1, column].set_xlabel(axis)
    rows[0, 0].set_ylabel("CPU seconds to hide")
    rows[1, 0].set_ylabel("peak memory, MB")
    save(figure, path)


if __name__ == "__main__":
    main()
