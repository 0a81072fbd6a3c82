"""What survived, drawn and tabled: a chart for each kind of distortion, and one table for people."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from stegnet.evaluation.chart import chart
from study.survival.distortion import NONE, Distortion
from study.survival.measure import Material

_NOTE = """\
Secret PSNR in dB after the container was distorted, mean over {pairs} pairs of 256×256; for `{file}`, the share of
containers whose file still opens. The second column is the container of `{shown}` after the distortion, against its
cover. {free}
"""


def draw(table: pd.DataFrame, material: Material, folder: Path) -> list[Path]:
    """Writes one chart per kind of distortion that has several strengths, named by it; gives their paths.

    Args:
        table: as `survival.measure` gave it, of this material and perhaps others.
        folder: must exist.
    """
    mine = table[table["material"] == material.name]
    several = [distortion for distortion in material.distortions if len(distortion.strengths) > 1]
    paths = [folder / f"{material.name}_{distortion.kind}.png" for distortion in several]
    for distortion, path in zip(several, paths, strict=True):
        _draw(mine, distortion, path)
    return paths


def markdown(table: pd.DataFrame, material: Material, shown: str, free: str) -> str:
    """A table with a line for each distortion and strength, and a column for each method.

    Args:
        shown: the method whose container's PSNR is given.
        free: what the reader has to know of the methods that get something for nothing.
    """
    mine = table[table["material"] == material.name]
    methods = list(dict.fromkeys(mine["method"]))
    file = next((method for method in methods if _of(mine, method)["opened"].notna().any()), "none")
    note = _NOTE.format(pairs=int(mine["pairs"].max()), file=file, shown=shown, free=free)
    head = ["distortion", f"container ({shown})", *methods]
    lines = [_line(mine, *step, methods, shown) for step in material.steps]
    rows = [head, ["---"] + ["--:"] * (len(head) - 1), *lines]
    return f"## {material.name.capitalize()}\n\n{note}\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _draw(mine: pd.DataFrame, distortion: Distortion, path: Path) -> None:
    """Strengths side by side, evenly apart, what is undistorted where it belongs among them."""
    places = _places(distortion)
    below = "\nbelow it: share of the sealed files that still open" if mine["opened"].notna().any() else ""
    with chart(path, f"{distortion.title}: {distortion.unit}{below}", "secret PSNR in dB", size=(9, 5)) as axes:
        for method in dict.fromkeys(mine["method"]):
            values = _of(mine, method).set_index(["kind", "strength"])["secret_psnr"]
            if values.isna().all():
                continue
            if (distortion.kind, distortion.strengths[0]) in values.index:
                axes.plot(range(len(places)), [values[place] for place in places], label=method)
            else:
                axes.axhline(values[NONE.kind, 0], color="#94a3b8", linestyle="--", label=method)
        axes.set_xticks(range(len(places)), [_tick(mine, *place) for place in places])
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize="small")


def _places(distortion: Distortion) -> list[tuple[str, float]]:
    """Kinds and strengths from left to right."""
    places = [(distortion.kind, strength) for strength in distortion.strengths]
    before = 0 if distortion.neutral is None else sum(one < distortion.neutral for one in distortion.strengths)
    return [*places[:before], (NONE.kind, 0), *places[before:]]


def _tick(mine: pd.DataFrame, kind: str, strength: float) -> str:
    """The strength, and below it how many of the sealed files opened, where there are any."""
    opened = mine[(mine["kind"] == kind) & (mine["strength"] == strength)]["opened"].dropna()
    name = NONE.kind if kind == NONE.kind else f"{strength:g}"
    return "\n".join([name, *(f"{share:.0%}" for share in opened)])


def _line(mine: pd.DataFrame, distortion: Distortion, strength: float, methods: Sequence[str], shown: str) -> list[str]:
    here = mine[(mine["kind"] == distortion.kind) & (mine["strength"] == strength)].set_index("method")
    name = (
        f"{distortion.title}, {strength:g} ({distortion.unit})" if len(distortion.strengths) > 1 else distortion.title
    )
    return [name, f"{here['container_psnr'][shown]:.1f}", *_cells(here, methods)]


def _cells(here: pd.DataFrame, methods: Iterable[str]) -> list[str]:
    cells = []
    for method in methods:
        if method not in here.index:
            cells.append("")
        elif pd.notna(here["opened"][method]):
            cells.append(f"{here['opened'][method]:.0%}")
        else:
            cells.append(f"{here['secret_psnr'][method]:.1f}")
    return cells


def _of(table: pd.DataFrame, method: str) -> pd.DataFrame:
    return table[table["method"] == method]
