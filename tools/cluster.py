"""Hides films on two Ray nodes of this machine, kills one half way, and compares all: python -m tools.cluster.

Each container must be the one that a single process writes, byte for byte, and there must be no other file.
"""

import argparse
import os
import secrets
import sys
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.films import make_film
from tests.support.nodes import Nodes, errors, hiding, settings
from tests.support.temporary import contents


def main() -> None:
    """Exits with 1 if a container differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=60, metavar="N", help="films (default: 60)")
    parser.add_argument("--frames", type=int, default=12, metavar="N", help="of each film (default: 12)")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="cluster", dir="/tmp") as folder:  # short: a socket's path may have 107 bytes
        os.environ |= settings(Path(folder)) | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        os.chdir(folder)
        _make_films(options.films, options.frames)
        assert not errors(hiding(1, "expected"))
        _hide_and_kill(Path(folder), options.films // 2)
        found, expected = contents("out"), contents("expected")
    equal = sum(found.get(name) == data for name, data in expected.items())
    print(f"{equal} of {len(expected)} containers are those of one process, byte for byte; {len(found)} files in all")
    sys.exit(found != expected)


def _make_films(films: int, frames: int) -> None:
    for name in ("covers", "secrets", "expected", "out"):
        Path(name).mkdir()
    for index in range(films):
        make_film(Path(f"covers/{index}.mkv"), frames, 180, 320, seed=index)
        Path(f"secrets/{index}.bin").write_bytes(os.urandom(500 * frames))


def _hide_and_kill(folder: Path, before: int) -> None:
    """Hides all into "out"; after so many films, a node is killed."""
    nodes = Nodes(folder)
    try:
        nodes.keep(2)
        start = time.monotonic()
        with closing(hiding(nodes.address)) as running:
            outcomes = [next(running) for _ in range(before)]
            nodes.kill()
            print(f"a node of 2 killed after {before} films, {time.monotonic() - start:.1f} s")
            outcomes += running
        failed = len(errors(outcomes))
        print(f"{len(outcomes)} films in {time.monotonic() - start:.1f} s, {failed} failed")
    finally:
        nodes.stop()


if __name__ == "__main__":
    main()
