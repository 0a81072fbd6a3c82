"""Populations of covers: what stegnet calls hard to find, and what an opponent who knows the kind of cover finds.

    python -m study.populations SOURCES MEDIA OUT.csv [KIND…]

Covers are made as `study.cover_kinds` says, of photographs and recordings in and below the folder MEDIA, and of those
that come with packages. Each becomes two containers: one of 20 bytes, one of as many as are called hard to find. The
table is written after each kind; kinds that stand in it are not measured again unless they are named. Controls are
plain covers with changes that the attack on them must find, as its AUC of 0.5 would say nothing otherwise.
"""

import argparse
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

import stegnet
from pipeline.stage import bar, program, write_table
from stegnet.core.errors import StegnetError
from stegnet.results.figures import Detection, HidingFigures
from study.cover_attacks import attack_on, control
from study.cover_kinds import FILM, KINDS, PLAIN, Kind, Recording, sources_for
from study.stats import auc, auc_interval

COVERS, PLAIN_COVERS, FILMS = 8, 12, 4  # of a kind
TEXT = 20  # bytes of a short text
SHORT, FULL, CONTROL = "short text", "as much as is called hard", "control"
CONTROLS = ("JPEG 85", "PNG", "WAV")  # plain kinds of which one attack each is made on all plain kinds of a medium
SEED = 0


@dataclass(frozen=True)
class Hidden:
    """A container, and the figures of its report."""

    data: bytes
    figures: HidingFigures


def hidden(cover: bytes, suffix: str, size: int, seed: int) -> Hidden:
    """Hide random bytes in a file as a user does, by a key of its own."""
    random = np.random.default_rng([SEED, seed, size])
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what gives a container away
        source, out = Path(folder, f"cover{suffix}"), Path(folder, f"sent{suffix}")
        source.write_bytes(cover)
        report = stegnet.hide(source, random.bytes(size), out, key=stegnet.Key(random.bytes(32)))
        assert report.hiding is not None
        return Hidden(out.read_bytes(), report.hiding)


def measured(kind: Kind, sources: Sequence[np.ndarray] | Sequence[Recording]) -> list[dict[str, object]]:
    """Return the rows of a kind: of a short text, of what is called hard to find, and of a control if there is one."""
    attack = attack_on(kind)
    called, most, covers = [], [], []
    scores: dict[str, list[float]] = {SHORT: [], FULL: []} | ({CONTROL: []} if kind.name in CONTROLS else {})
    for number, source in enumerate(sources):
        cover = kind.make(source)
        try:
            text = hidden(cover, kind.suffix, TEXT, number)
        except StegnetError:  # nothing can be hidden in this one
            continue
        called.append(text.figures.detection is Detection.HARD)
        most.append(max(TEXT, (text.figures.secure.hard or 0) if text.figures.secure else 0) if called[-1] else TEXT)
        covers.append(attack(cover))
        scores[SHORT].append(attack(text.data))
        full = hidden(cover, kind.suffix, most[-1], number) if most[-1] > TEXT else text
        scores[FULL].append(attack(full.data))
        if CONTROL in scores:
            scores[CONTROL].append(attack(control(cover, kind.suffix, number)))
    if not covers:
        return [{"kind": kind.name, "plain": kind.plain, "covers": 0, "hard": 0.0}]
    if not any(called):
        del scores[FULL]
    common = {"kind": kind.name, "plain": kind.plain, "covers": len(covers), "hard": np.mean(called)}
    sizes = {SHORT: TEXT, FULL: int(np.median(most)), CONTROL: None}
    rows: list[dict[str, object]] = []
    for name, each in scores.items():
        before, after = np.array(covers), np.array(each)
        low, high = auc_interval(before, after, SEED)
        figures = {"hidden": name, "bytes": sizes[name], "auc": auc(before, after), "low": low, "high": high}
        rows.append(common | figures)
    return rows


def main(catalogue: Path, media: Path, out: Path, names: Sequence[str]) -> None:
    """Measure the kinds that are not in the table, or those that are named."""
    table = pd.read_csv(out) if out.exists() else pd.DataFrame({"kind": []})
    every = (*PLAIN, *KINDS)
    chosen = [kind for kind in every if kind.name in (names or {kind.name for kind in every} - set(table["kind"]))]
    folder = media if media.is_dir() else None
    for kind in bar(chosen, "kinds"):
        number = FILMS if kind.medium == FILM else PLAIN_COVERS if kind.plain else COVERS
        rows = pd.DataFrame(measured(kind, sources_for(kind.medium, catalogue, folder, number)))
        table = pd.concat([table[table["kind"] != kind.name], rows], ignore_index=True)
        table = table.astype({"bytes": "Int64", "covers": "Int64"})
        write_table(out, table)
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("sources", "media", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("kinds", nargs="*")
    given = parser.parse_args()
    with program():
        main(given.sources, given.media, given.out, given.kinds)
