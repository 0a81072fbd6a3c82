"""Stage shuffle: what the shuffle gives away to somebody who has the program but not the key."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.core.config import Config
from stegnet.core.reproducible import cpu_threads, make_deterministic
from stegnet.data.catalogue import read_catalogue, read_package_pictures
from stegnet.data.scenes import render_scene
from stegnet.evaluation.contact_sheet import image_grid
from stegnet.media import write_png
from study.shuffle.attacks import SIZE, TITLES, Named, Task, attack, glimpses, look, middle, wide_enough
from study.shuffle.report import headline, report

CATALOGUE = Path("assets/sources.yaml")
NO_SCENE = {"hubble_deep_field.jpg", "ihc.png"}  # packaged pictures of stars and of cells
SHOWN = 4
BEYOND = 10**6  # no data set has so many scenes: these are in none


def main(config: Config, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    photographs = list(_photographs())
    squares = [(name, middle(picture)) for name, picture in photographs]
    tasks = [
        Task(weights, name, picture, squares[number - 1][1], config.seed + number)
        for number, (name, picture) in enumerate(photographs)
    ]
    with ProcessPoolExecutor(cpu_threads(config.train.threads), mp_context=get_context("spawn")) as pool:
        rows = list(bar(pool.map(attack, tasks), "shuffle", len(tasks)))
        pictures = list(bar(pool.map(look, _scenes(config.seed, weights)), "pictures", SHOWN))
    table = pd.DataFrame([*chain.from_iterable(rows), *glimpses(squares)])
    write_table(out / "attack.csv", table)
    (out / "attack.md").write_text(report(table), encoding="utf-8")
    figures = headline(table)
    write_json(out / "metrics.json", figures)
    write_png(out / "pictures.png", image_grid(TITLES, pictures))
    shares = [f"{block} px {figures[f'read_{block}_neighbours']:.3f}" for block in (8, 16, 32)]
    print(f"neighbours put back, of what is read out of a container: {', '.join(shares)}")


def _scenes(seed: int, weights: Path) -> list[Task]:
    """To look at."""
    scenes = [render_scene(SIZE, (seed, BEYOND + number)) for number in range(SHOWN)]
    return [Task(weights, str(number), scene, scenes[number - 1], seed) for number, scene in enumerate(scenes)]


def _photographs() -> Iterator[Named]:
    """The packaged ones that are large enough for a film that pans."""
    packages = [source for source in read_catalogue(CATALOGUE) if source.kind == "package"]
    for name, picture in chain.from_iterable(map(read_package_pictures, packages)):
        if name not in NO_SCENE and wide_enough(picture):
            yield name, picture


if __name__ == "__main__":
    run_stage(main, "weights", "out")
