"""Stage shuffle: attacks on the shuffle by an observer with the program but without the key."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.config.config import Config
from stegnet.core.compute import cpu_threads, make_deterministic
from stegnet.core.measures import PSNR, SSIM
from stegnet.data.catalogue import read_catalogue, read_package_pictures
from stegnet.data.scenes import render_scene
from stegnet.evaluation.contact_sheet import image_grid
from stegnet.media import write_png
from study.jigsaw.assembly import RANDOM, SIMILARITY, SOLVERS
from study.jigsaw.attacks import (
    BLOCK,
    BLOCKS,
    FILMS,
    NEIGHBOURS,
    REVEALED,
    SIZE,
    TITLES,
    UNMASKED,
    NamedPicture,
    Task,
    attack,
    block_statistics,
    central_square,
    example,
    wide_enough,
)

NO_SCENE = {"hubble_deep_field.jpg", "ihc.png"}  # packaged pictures of stars and of cells
SHOWN = 4
UNUSED_SCENES = 10**6  # more scenes than any data set has: these are in none
_SOURCES = {"jigsaw": "", "revealed": "read out of a container: "}
_HEADLINE = {
    "read": ("revealed", "one picture"),
    "unmasked": ("revealed", f"one picture{UNMASKED}"),
    "exact": ("jigsaw", "coded, turned, negated"),
    "exact_means": ("jigsaw", "means, turned, negated"),
}
_NOTES = {
    "jigsaw": """\
## Jigsaw solver, exact blocks

Share of true neighbours that a solver places side by side, with the right relative orientation and sign: mean over
the pictures, and in brackets the picture that it solves best. The blocks are exact, the best case for the attacker;
`random` is random placement. The base is sealed: `plain` blocks are those of the picture itself, `means` lack their
mean, `coded` blocks are what a coded picture leaves. The blind solver removes brightness first.
""",
    "revealed": """\
## Jigsaw solver, blocks as the reveal network gives them

The same for the blocks that the public reveal network reads from containers: the attacker's real input. A mask that the
key gives may hide them; without it, the shuffle alone would protect. In a still film, blocks of several frames are
matched with each other, with no frame known, and their mean has fewer errors.
""",
    "pictures": """\
## The picture that the solver assembles

PSNR in dB / SSIM / correlation with the hidden picture, means over the pictures. The largest fragment is placed where
most of its blocks belong, as a person would who recognises it; the others where they fit. `random` is random placement.
Both are residuals on grey, since their base is sealed: even the true one shows only what the base leaves.
""",
    "one shuffle": """\
## One shuffle for a whole film, which stegnet does *not* use

Share of the blocks of every other frame whose place follows from one known frame, which reveals the shuffle. The rest
are blocks that are equal in the known frame.
""",
    "fresh shuffle": """\
## A fresh shuffle for each frame, and a known frame before it

Share of the next frame's blocks that are placed correctly by matching them with the known frame's: at the same place,
or moved by the known motion. PSNR, SSIM and correlation are of the resulting picture, with the known frame's base;
`known` is the known frame itself, moved or not, as a guess.
""",
    "glimpse": """\
## Statistics of shuffled blocks

Correlation of the histograms of shuffled blocks and secret, and difference of their mean colours (8-bit steps).
""",
}


def main(config: Config, catalogue: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    photographs = list(_photographs(catalogue))
    quality = config.scramble.quality
    squares = [(name, central_square(picture)) for name, picture in photographs]
    tasks = [
        Task(weights, name, picture, squares[number - 1][1], quality, config.seed + number)
        for number, (name, picture) in enumerate(photographs)
    ]
    with ProcessPoolExecutor(cpu_threads(config.train.threads), mp_context=get_context("spawn")) as pool:
        rows = list(bar(pool.map(attack, tasks), "shuffle", len(tasks)))
        pictures = list(bar(pool.map(example, _scenes(config, weights)), "pictures", SHOWN))
    table = pd.DataFrame([*chain.from_iterable(rows), *block_statistics(squares, quality)])
    write_table(out / "attack.csv", table)
    (out / "attack.md").write_text(report(table), encoding="utf-8")
    figures = headline(table)
    write_json(out / "metrics.json", figures)
    write_png(out / "pictures.png", image_grid(TITLES, pictures))
    shares = [f"{block} px {figures[f'read_{block}_neighbours']:.3f}" for block in (8, 16, 32)]
    print(f"true neighbours found, in blocks that are read from a container: {', '.join(shares)}")


def report(table: pd.DataFrame) -> str:
    """All tables in Markdown, each with a note.

    Args:
        table: columns picture, attack, kind, block, setting, measure, value.
    """
    pictures = ", ".join(dict.fromkeys(table["picture"]))
    how = "nothing is scaled. Made by `dvc --cd study repro shuffle@shipped`."
    title = f"# Attacks on the shuffle\n\nCentral squares of {pictures}; {how}\n"
    neighbours = table["setting"] == NEIGHBOURS
    parts = {
        "jigsaw": _neighbours(table[(table["attack"] == "jigsaw") & neighbours]),
        "revealed": _neighbours(table[(table["attack"] == "revealed") & neighbours]),
        "pictures": _pictures(table[table["setting"].isin(SIMILARITY)]),
        "one shuffle": _pivot(table[table["attack"] == "one shuffle"], ["kind"], "setting"),
        "fresh shuffle": _fresh(table[table["attack"].str.startswith("fresh")]),
        "glimpse": _pivot(table[table["attack"] == "glimpse"], ["kind"], "measure"),
    }
    return "\n".join([title, *(f"{_NOTES[name]}\n{part}\n" for name, part in parts.items())])


def headline(table: pd.DataFrame) -> dict[str, float]:
    """The headline figures: means over the pictures; of the two solvers, the better one.

    read_: blocks as the public reveal network gives them; unmasked_: if the network has a mask, the same without it;
    exact_: blocks of a coded base's residual without error; exact_means_: the same with block means as base; by side of
    the block in pixels. placed_: share of the next frame's 8 px blocks that a known frame puts right, as the network
    reads them.
    """
    means = table.groupby(["attack", "kind", "block", "setting", "measure"])["value"].mean()
    figures = {}
    present = {name: label for name, label in _HEADLINE.items() if label in means.index.droplevel([2, 3, 4])}
    for block in sorted(BLOCKS):
        for name, (attacked, kind) in present.items():
            for setting in (NEIGHBOURS, "correlation"):
                solvers = means[attacked, kind, block, setting]
                figures[f"{name}_{block}_{setting}"] = max(solvers[solver] for solver in SOLVERS)
    figures["read_8_correlation_random"] = means["revealed", "one picture", BLOCK, "correlation", RANDOM]
    for film, name in zip(FILMS, ("still", "slow", "fast"), strict=True):
        figures[f"placed_{name}"] = means["fresh shuffle, same place", REVEALED, BLOCK, film, "placed"]
    return {name: round(float(value), 4) for name, value in figures.items()}


def _neighbours(rows: pd.DataFrame) -> str:
    """Blocks and kinds down, solvers across; the mean and (the best)."""
    groups = rows.groupby(["block", "kind", "measure"], sort=False)["value"]
    cells = groups.agg(lambda values: f"{values.mean():.3f} ({values.max():.2f})")
    return cells.unstack(sort=False).reset_index().to_markdown(index=False)


def _pictures(rows: pd.DataFrame) -> str:
    """Blocks and kinds down, solvers across; the means of all measures in one cell."""
    rows = rows.assign(kind=rows["attack"].map(_SOURCES) + rows["kind"])
    means = rows.groupby(["block", "kind", "measure", "setting"], sort=False)["value"].mean().unstack("setting")
    cells = means.apply(lambda row: f"{row[PSNR.key]:.1f} / {row[SSIM.key]:.3f} / {row['correlation']:.3f}", axis=1)
    return cells.unstack(sort=False).reset_index().to_markdown(index=False)


def _fresh(rows: pd.DataFrame) -> str:
    rows = rows.assign(attack=rows["attack"].str.removeprefix("fresh shuffle, "))
    return _pivot(rows, ["kind", "setting", "attack"], "measure")


def _pivot(rows: pd.DataFrame, down: list[str], across: str) -> str:
    means = rows.groupby([*down, across], sort=False)["value"].mean().unstack(sort=False)
    return means.reset_index().to_markdown(index=False, floatfmt=".3f")


def _scenes(config: Config, weights: Path) -> list[Task]:
    """Examples to show."""
    seed, quality = config.seed, config.scramble.quality
    scenes = [render_scene(SIZE, (seed, UNUSED_SCENES + number)) for number in range(SHOWN)]
    return [Task(weights, str(number), scene, scenes[number - 1], quality, seed) for number, scene in enumerate(scenes)]


def _photographs(catalogue: Path) -> Iterator[NamedPicture]:
    """Packaged photographs that are large enough for a panning film."""
    packages = [source for source in read_catalogue(catalogue) if source.kind == "package"]
    for name, picture in chain.from_iterable(map(read_package_pictures, packages)):
        if name not in NO_SCENE and wide_enough(picture):
            yield name, picture


if __name__ == "__main__":
    run_stage(main, "catalogue", "weights", "out")
