"""Measures peak memory of hiding and revealing by film length: python -m tools.memory [--frames 100 5000].

Each length runs in its own process, on small frames; the peak must not grow with the length.
"""

import argparse
import resource
import subprocess
import sys
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from stegnet.keys import Key
from stegnet.media import FilmWriter, read_frames, resize
from stegnet.methods.network import Network, hide_film, reveal_film, run_of
from stegnet.results import OutputTarget

FILMS = Path("assets/cover.mp4"), Path("assets/secret.mp4")
HEIGHT, WIDTH = 120, 160


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, nargs="+", default=(100, 5000))
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print("{:6} frames of {}×{}: {:.0f} MB to hide, {:.0f} MB to hide and reveal".format(*_measure(options.worker)))
        return
    for frames in options.frames:
        subprocess.run([sys.executable, "-m", "tools.memory", "--worker", str(frames)], check=True)


def _measure(frames: int) -> tuple[int, int, int, float, float]:
    network, key = Network.load(), Key(bytes(32))
    with TemporaryDirectory() as folder:
        films = [_film(source, Path(folder) / f"{source.stem}.mkv", frames) for source in FILMS]
        out, back = Path(folder) / "out.mkv", Path(folder) / "back.mkv"
        run = run_of(network)
        hide_film(*films, OutputTarget(out), key, run=run)
        hiding = _peak()
        reveal_film(out, OutputTarget(back), key, run=run)
    return frames, WIDTH, HEIGHT, hiding, _peak()


def _film(source: Path, path: Path, frames: int) -> Path:
    with FilmWriter(path, WIDTH, HEIGHT, Fraction(25)) as film:
        few = [resize(frame, HEIGHT, WIDTH) for frame in islice(read_frames(source), 20)]
        for index, frame in enumerate(islice(cycle(few), frames)):
            film.write(frame, Fraction(index, 25))
    return path


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
