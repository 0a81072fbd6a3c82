"""Fuzzes the H.264 reader with damaged slices: python -m tools.fuzz_h264 [--seconds 60] [--seed 0].

The reader runs without Python, compiled with AddressSanitizer and UndefinedBehaviorSanitizer. Needs gcc.
"""

import argparse
import struct
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.h264 import CODINGS, slices, stream, units

ROOT = Path(__file__).parents[1]
FLAGS = ["-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined"]
FRAMES = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        done = fuzz(Path(folder), options.seconds, options.seed)
    print(done.stdout, done.stderr, sep="", end="")
    sys.exit(done.returncode)


def fuzz(folder: Path, seconds: int, seed: int) -> subprocess.CompletedProcess[str]:
    """Runs the fuzzer on slices of all codings; its exit code is 0 if it finds nothing."""
    program, collected = folder / "fuzz_h264", folder / "slices"
    sources = [ROOT / "tools/fuzz_h264.c", *(ROOT / "stegnet/h264").glob("_h264_*.c")]
    subprocess.run(["gcc", *FLAGS, "-fno-sanitize-recover=all", *sources, "-o", program], check=True)
    with open(collected, "wb") as file:
        for number, coding in enumerate(CODINGS):
            for part in _parts(stream(folder / f"{number}.h264", FRAMES, coding)):
                file.write(struct.pack("=I", len(part)) + part)
    command = [str(program), str(collected), str(seconds), str(seed)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _parts(film: Path) -> list[bytes]:
    """Each slice after its parameter sets."""
    found = slices(units(film.read_bytes()))
    return [part for _, parameters, nal in found for part in (*parameters.of(nal), nal)]


if __name__ == "__main__":
    main()
