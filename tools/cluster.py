"""Hides on Ray nodes of this machine: python -m tools.cluster.

Hides films on two nodes, kills one of them half way, and compares all containers with those that one process writes.
"""

import argparse
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np

from pipeline.prepare.scenes import render_scene
from stegnet.cluster.cluster import HidingWork, run_on_cluster, tasks_of
from stegnet.cluster.envelope import SEED_BYTES, Secrets
from stegnet.files import FolderPlan, plan_hiding
from stegnet.keys import Key
from stegnet.media import FilmWriter
from stegnet.methods import METHODS, Hider, Run
from stegnet.results import OutputTarget
from tests.support.nodes import Nodes, settings

KEY, SEED = Key(bytes(range(32))), bytes(SEED_BYTES)
SEALED = METHODS["sealed"]
WORK = HidingWork(Hider(SEALED, SEALED.options(), Run()))
_RATE = Fraction(25)


def main() -> int:
    """The exit code: 1 if a container differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=60, metavar="N", help="films (default: 60)")
    parser.add_argument("--frames", type=int, default=12, metavar="N", help="of each film (default: 12)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cluster", dir="/tmp") as name:
        folder = Path(name)
        os.environ |= settings(folder) | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        return kill(folder, options.films, options.frames)


def kill(folder: Path, films: int, frames: int) -> int:
    """Kills a node half way, prints what came of it, and returns the exit code."""
    plan = make_films(folder, films, frames)
    expected = results_of(folder, lambda out: work_through(plan, out))
    with cluster(folder, nodes=2, processors=2) as nodes:
        start = time.monotonic()

        def spread(out: Path) -> None:
            target = OutputTarget(out)
            with closing(run_on_cluster(nodes.address, plan, target, WORK, KEY, lambda size: SEED)) as running:
                outcomes = [next(running) for _ in range(films // 2)]
                nodes.kill()
                print(f"a node of 2 killed after {len(outcomes)} films, {time.monotonic() - start:.1f} s")
                outcomes += list(running)
            failed = sum(outcome.error is not None for outcome in outcomes)
            print(f"{len(outcomes)} films in {time.monotonic() - start:.1f} s, {failed} failed")

        found = results_of(folder, spread)
    equal = sum(found.get(name) == data for name, data in expected.items())
    print(f"{equal} of {len(expected)} containers are those of one process, byte for byte; {len(found)} files in all")
    return 0 if found == expected else 1


def work_through(plan: FolderPlan, out: Path) -> None:
    """Hides all in this process."""
    for task in tasks_of(plan, OutputTarget(out)):
        assert all(outcome.error is None for outcome in WORK.outcomes(task, Secrets(KEY, SEED)))


def results_of(folder: Path, write: Callable[[Path], None]) -> dict[str, bytes]:
    """Contents of the files that `write` writes into a folder."""
    out = fresh(folder)
    write(out)
    return {path.name: path.read_bytes() for path in out.iterdir()}


def fresh(folder: Path) -> Path:
    """A new folder."""
    return Path(tempfile.mkdtemp(dir=folder, prefix="out"))


@contextmanager
def cluster(folder: Path, nodes: int, processors: int) -> Iterator[Nodes]:
    """A cluster that runs within the block."""
    started = Nodes(folder)
    try:
        started.keep(nodes, processors)
        yield started
    finally:
        started.stop()


def make_films(folder: Path, films: int, frames: int, height: int = 180, width: int = 320) -> FolderPlan:
    """Films that pan over a rendered scene, and a plan to hide a file in each."""
    covers, secrets = folder / "covers", folder / "secrets"
    covers.mkdir()
    secrets.mkdir()
    random = np.random.default_rng(0)
    scene = render_scene(max(height + films, width + frames), seed=0)
    for index in range(films):
        (secrets / f"{index}.bin").write_bytes(random.bytes(500 * frames))
        with FilmWriter(covers / f"{index}.mkv", width, height, _RATE) as film:
            for shift in range(frames):
                film.write(scene[index : index + height, shift : shift + width], shift / _RATE)
    return plan_hiding(covers, secrets, any_file=True)


if __name__ == "__main__":
    sys.exit(main())
