"""The tables of tools.attack, as Markdown and as CSV."""

from pathlib import Path

import pandas as pd

_NOTES = {
    "jigsaw": """\
## Jigsaw solver, exact blocks

Share of truly adjacent blocks that a solver puts side by side, turned and negated alike: the mean over the pictures,
and in brackets the picture that it solves best. The blocks are exact, the best case for the attacker; `random` is what
blind assembly gets. The blind solver takes brightness out first, as the detail layer has done already.
""",
    "revealed": """\
## Jigsaw solver, blocks as the reveal net gives them

The same for detail blocks that the public reveal net reads out of containers: what an attacker really has. It is the
net's error that keeps small blocks apart, not the shuffle: in a still film, blocks of several frames are matched with
each other, with no frame known, and their mean gives more away; so would a better network.
""",
    "one shuffle": """\
## One shuffle for a whole film, which stegnet does *not* use

Share of the blocks of every other frame that one known frame puts right: it gives the shuffle away. What is missing
to 1 are blocks that are equal in the known frame.
""",
    "fresh shuffle": """\
## A fresh shuffle for each frame, and a known frame before it

Share of the next frame's blocks that are put where they belong by matching them with the known frame's: at the same
place, or where the motion (if known) takes them. PSNR, SSIM and correlation are of the picture that comes out, with
the known frame's block means; `known` is what the known frame, moved or not, is worth as a guess by itself.
""",
    "glimpse": """\
## Seen without putting anything together

Correlation of the histograms of shuffled blocks and secret, how far their mean colours are apart (8-bit steps), and
the share of secrets that are told among the pictures here by how busy their blocks are. Which of some known pictures
is hidden is not concealed by any shuffle.
""",
}


def write(table: pd.DataFrame, folder: Path) -> None:
    """Prints the tables, and writes attack.md and attack.csv, one figure a line.

    Args:
        table: columns picture, attack, kind, block, setting, measure, value.
    """
    text = report(table)
    folder.mkdir(parents=True, exist_ok=True)
    table.round(4).to_csv(folder / "attack.csv", index=False, lineterminator="\n")
    (folder / "attack.md").write_text(text, encoding="utf-8")
    print(text, end="")


def report(table: pd.DataFrame) -> str:
    """All tables, each with a note."""
    pictures = ", ".join(dict.fromkeys(table["picture"]))
    title = (
        f"# What the shuffle gives away\n\nMiddle squares of {pictures}; nothing is scaled. Made by `make attack`.\n"
    )
    parts = {
        "jigsaw": _neighbours(table[table["attack"] == "jigsaw"]),
        "revealed": _neighbours(table[table["attack"] == "revealed"]),
        "one shuffle": _pivot(table[table["attack"] == "one shuffle"], ["kind"], "setting"),
        "fresh shuffle": _fresh(table[table["attack"].str.startswith("fresh")]),
        "glimpse": _pivot(table[table["attack"] == "glimpse"], ["kind"], "measure"),
    }
    return "\n".join([title, *(f"{_NOTES[name]}\n{part}\n" for name, part in parts.items())])


def _neighbours(rows: pd.DataFrame) -> str:
    """Blocks and kinds down, solvers across; the mean and (the best)."""
    groups = rows.groupby(["block", "kind", "measure"], sort=False)["value"]
    cells = groups.agg(lambda values: f"{values.mean():.3f} ({values.max():.2f})")
    return cells.unstack(sort=False).reset_index().to_markdown(index=False)


def _fresh(rows: pd.DataFrame) -> str:
    rows = rows.assign(attack=rows["attack"].str.removeprefix("fresh shuffle, "))
    return _pivot(rows, ["kind", "setting", "attack"], "measure")


def _pivot(rows: pd.DataFrame, down: list[str], across: str) -> str:
    means = rows.groupby([*down, across], sort=False)["value"].mean().unstack(sort=False)
    return means.reset_index().to_markdown(index=False, floatfmt=".3f")
