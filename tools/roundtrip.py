"""Hides films in each other, reveals them, and compares input and output.

    python -m tools.roundtrip A.mp4 B.mp4 [C.mp4 …] [--longer cut]

Each film is hidden in every other one. The table has, for each pair: frames, size, the largest timestamp difference,
a byte comparison of all sound packets, and the PSNR of container and revealed film.
"""

import argparse
import hashlib
import time
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from pipeline.stage import film_bar
from stegnet.core.measures import psnr
from stegnet.keys import Key
from stegnet.keys.keys import SYSTEM
from stegnet.media import read_frames, read_sound, scan, sound_tracks
from stegnet.methods import Run
from stegnet.methods.network import Network, NetworkOptions, hide_film, reveal_film, run_of
from stegnet.results import OutputTarget


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path, nargs="+")
    parser.add_argument("--longer", choices=("refuse", "cut"), default="cut")
    parser.add_argument("--form", choices=("mkv", "mp4"), default="mkv")
    options = parser.parse_args()
    network = Network.load()
    rows = [
        row(network, cover, secret, options.longer, options.form) for cover, secret in permutations(options.films, 2)
    ]
    print(pd.DataFrame(rows).set_index("cover ← secret").T.to_markdown())


def row(network: Network, cover: Path, secret: Path, longer: str, form: str) -> dict[str, object]:
    """The table's row for one pair."""
    key = Key(SYSTEM(32))
    with TemporaryDirectory() as folder:
        container, back = Path(folder) / f"container.{form}", Path(folder) / f"back.{form}"
        start = time.perf_counter()
        with film_bar() as progress:
            run = run_of(network, Run(progress=progress))
            hide_film(cover, secret, OutputTarget(container), key, NetworkOptions(longer), run)
            middle = time.perf_counter()
            reveal_film(container, OutputTarget(back, lossless=True), key, strict=True, run=run)
        end = time.perf_counter()
        before, after = scan(secret), scan(back)
        count = len(after.pts)
        drift = max(abs(a - b) for a, b in zip(before.times, after.times, strict=False))
        return {
            "cover ← secret": f"{cover.stem} ← {secret.stem}",
            "cover": _shape(cover),
            "secret": _shape(secret),
            "container": _shape(container),
            "revealed": _shape(back),
            "container, MB": round(container.stat().st_size / 1e6, 1),
            "hide, frames/s": round(len(scan(container).pts) / (middle - start), 1),
            "reveal, frames/s": round(count / (end - middle), 1),
            "maximum timestamp difference, ms": round(float(drift * 1000), 3),
            "cover's sound": _same(_digest(cover), _digest(container)),
            "secret's sound": _same(_digest(secret, before.pts, count, before.time_base), _digest(back)),
            "container PSNR, mean / worst": _quality(cover, container),
            "secret PSNR, mean / worst": _quality(secret, back),
        }


def _shape(path: Path) -> str:
    info = scan(path)
    return f"{len(info.pts)} × {info.width}×{info.height}, {', '.join(info.sound) or 'silent'}"


def _digest(path: Path, pts: tuple[int, ...] = (), count: int = 0, base: object = 0) -> tuple[int, str]:
    """Number of sound packets and SHA-256 of their bytes, without those after a cut."""
    tracks = sound_tracks(path)
    end = pts[count] * base if count < len(pts) else None
    data = hashlib.sha256()
    number = 0
    for packet in read_sound(path) if tracks else ():
        stamp = packet.pts if packet.pts is not None else packet.dts
        if end is None or stamp is None or stamp * tracks[packet.track].time_base < end:
            data.update(packet.data)
            number += 1
    return number, data.hexdigest()[:12]


def _same(before: tuple[int, str], after: tuple[int, str]) -> str:
    return f"same {before[0]} packets, {before[1]}" if before == after else f"DIFFERENT: {before} {after}"


def _quality(original: Path, copy: Path) -> str:
    values = list(_psnrs(original, copy))
    return f"{np.mean(values):.2f} / {min(values):.2f}"


def _psnrs(original: Path, copy: Path) -> Iterator[float]:
    for frames in zip(read_frames(original), read_frames(copy), strict=False):
        yield psnr(*frames)


if __name__ == "__main__":
    main()
