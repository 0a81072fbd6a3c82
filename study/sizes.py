"""Stage sizes: the pair's quality on pictures of 64² to 1024²."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.evaluate.quality import HideRevealResult, hide_and_reveal, map_in_threads, measure_quality
from pipeline.evaluate.statistics import REAL, summary_stats
from pipeline.parameters.evaluate import EvaluateParameters
from pipeline.prepare.downloads import photograph_jobs
from pipeline.prepare.scenes import render_scene
from pipeline.shards import RENDERED
from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.core.compute import make_deterministic
from stegnet.core.errors import DataError
from stegnet.core.measures import PSNR, SIDES
from stegnet.image.pictures import resize
from stegnet.networks import Network

SIZES = (64, 128, 256, 512, 1024)
SCENES = 6
_NEVER_TRAINED = 2**31  # seeds of scenes from here on are for tests, as in pipeline/prepare/prepare.py

Pictures = dict[tuple[str, int], list[np.ndarray]]


def main(config: EvaluateParameters, catalogue: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    pictures = pictures_of_all_sizes(catalogue, config.seed)
    network = Network.load(weights, backend="torch")
    table = measure(network, pictures, config.evaluate.shift, config.seed)
    write_table(out / "sizes.csv", table)
    figures = summarise(table)
    write_json(out / "metrics.json", figures)
    print(f"on scenes, from PNG files: {', '.join(f'{name} {value:.2f} dB' for name, value in figures.items())}")


def pictures_of_all_sizes(catalogue: Path, seed: int) -> Pictures:
    """Sets of (size, size, 3) uint8 pictures by kind and size; a kind has the same motifs at each of its sizes.

    Nothing is enlarged: each is the central square of a larger picture, downscaled. The sizes of the photographs in the
    catalogue's packages end at the smallest photograph. Scenes are rendered at the largest size. So a smaller picture
    has finer detail, as it would if a user downscaled it.
    """
    photographs = [picture.pixels for job in photograph_jobs(catalogue) for picture in job()]
    if not photographs:
        raise DataError(f"{catalogue}: names no photographs of a package")
    scenes = [render_scene(SIZES[-1], (seed, _NEVER_TRAINED + index)) for index in range(SCENES)]
    return _scaled(REAL, photographs) | _scaled(RENDERED, scenes)


def measure(network: Network, pictures: Pictures, shift: int, seed: int) -> pd.DataFrame:
    """One row per kind, size, side and measure: the number of pairs, and the statistics of `summary_stats`.

    Picture i hides picture i + shift of its kind and size, by key with sealed bits, through a PNG file.
    """
    jobs = [(kind, size, index) for (kind, size), members in pictures.items() for index in range(len(members))]

    def measured(job: tuple[str, int, int]) -> dict[str, float]:
        members, index = pictures[job[:2]], job[2]
        cover, secret = members[index], members[(index + (shift % len(members) or 1)) % len(members)]
        container, revealed = hide_and_reveal(network, cover, secret, seed + index)
        return measure_quality(HideRevealResult(("", ""), cover, container, secret, revealed))

    with closing(map_in_threads(measured, bar(jobs, "sizes"))) as measures:
        table = pd.DataFrame(list(measures))
    table[["kind", "size"]] = [job[:2] for job in jobs]
    lines = []
    for (kind, size), rows in table.groupby(["kind", "size"], sort=False):
        for column in rows.columns.drop(["kind", "size"]):
            side, _, name = column.partition("_")
            start = {"kind": kind, "size": size, "pairs": len(rows), "side": side, "measure": name}
            lines.append(start | summary_stats(rows[column]))
    return pd.DataFrame(lines)


def summarise(table: pd.DataFrame) -> dict[str, float]:
    """sizes_…_psnr_…: mean PSNR of scenes, the kind that has all sizes, at the smallest and the largest size."""
    means = table[(table["kind"] == RENDERED) & (table["measure"] == PSNR.key)].set_index(["side", "size"])["mean"]
    return {
        f"sizes_{PSNR.of(side, str(size))}": float(means[side, size])
        for side in SIDES
        for size in (SIZES[0], SIZES[-1])
    }


def _scaled(kind: str, pictures: list[np.ndarray]) -> Pictures:
    """The pictures at each size for which all of them are large enough, if there are at least two."""
    least = min((min(picture.shape[:2]) for picture in pictures), default=0)
    sizes = [size for size in SIZES if size <= least] if len(pictures) > 1 else []
    squares = []
    for picture in pictures:
        side = min(picture.shape[:2])
        top, left = ((length - side) // 2 for length in picture.shape[:2])
        squares.append(picture[top : top + side, left : left + side])
    return {(kind, size): [resize(square, size, size) for square in squares] for size in sizes}


if __name__ == "__main__":
    run_stage(main, "catalogue", "weights", "out", reads=EvaluateParameters)
