"""Times and compares the engines that can run the shipped pair, side by side in one run: python -m tools.backends.

Every row hides the same secret in the same cover and reveals it again, all from memory; each engine has its turn in
every round, in a process of its own for each number of threads. Quality is of 8-bit containers.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from stegnet.codec import Network
from stegnet.codec.network import HideResult
from stegnet.core.measures import psnr
from stegnet.core.shuffle import Shuffle, draw, grid
from stegnet.media import read_frames, resize

FILMS = Path("assets/cover.mp4"), Path("assets/secret.mp4")
ENGINES = (("torch", "fp32"), ("torch", "bf16"), ("onnx", "fp32"))
SIZES = ("640x360", "512x512")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=SIZES, metavar="WxH")
    parser.add_argument("--threads", type=int, nargs="+", default=(1, 2))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        measure(options.sizes, options.rounds)
        return
    for threads in options.threads:
        print(f"\n{threads} thread{'s' if threads > 1 else ''}", flush=True)
        call = [sys.executable, "-m", "tools.backends", "--inside", "--rounds", str(options.rounds)]
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        subprocess.run([*call, "--sizes", *options.sizes], env=environment, check=True)


def measure(sizes: list[str], rounds: int) -> None:
    """Prints times of hiding and revealing, and who can read whom how well."""
    networks = {f"{backend} {precision}": _load(backend, precision) for backend, precision in ENGINES}
    for size in sizes:
        width, height = map(int, size.split("x"))
        cover, secret = (resize(next(read_frames(path)), height, width) for path in FILMS)
        shuffle = draw(bytes(32), *grid(height, width))
        times, hidden = _times(networks, cover, secret, shuffle, rounds)
        print(f"\n{size}: milliseconds, medians of {rounds} rounds; processor time is that of all threads\n")
        print(pd.DataFrame(times).T.round(1).to_markdown(), flush=True)
        print(f"\n{size}: PSNR of the container, and of the secret as each engine (column) reveals it, dB\n")
        print(pd.DataFrame(_quality(networks, hidden, cover, secret, shuffle)).T.round(3).to_markdown(), flush=True)


def _load(backend: str, precision: str) -> Network:
    return Network.load(backend=backend, precision=precision, device="cpu")


def _times(
    networks: dict[str, Network], cover: np.ndarray, secret: np.ndarray, shuffle: Shuffle, rounds: int
) -> tuple[dict[str, dict[str, float]], dict[str, HideResult]]:
    taken: dict[str, list[list[float]]] = {name: [] for name in networks}
    hidden = {name: network.hide(cover, secret, shuffle) for name, network in networks.items()}
    for name, network in networks.items():
        network.reveal(hidden[name].container, shuffle, hidden[name].means)
    for _ in range(rounds):
        for name, network in networks.items():
            one, started = hidden[name], _clocks()
            network.hide(cover, secret, shuffle)
            middle = _clocks()
            network.reveal(one.container, shuffle, one.means)
            taken[name].append([*(middle - started), *(_clocks() - middle)])
    columns = ("hide", "hide, processor", "reveal", "reveal, processor")
    medians = {name: np.median(rows, axis=0) for name, rows in taken.items()}
    return {name: dict(zip(columns, row, strict=True)) for name, row in medians.items()}, hidden


def _clocks() -> np.ndarray:
    """Wall and processor time in milliseconds."""
    return 1000 * np.array([time.perf_counter(), time.process_time()])


def _quality(
    networks: dict[str, Network], hidden: dict[str, HideResult], cover: np.ndarray, secret: np.ndarray, shuffle: Shuffle
) -> dict[str, dict[str, float]]:
    return {
        f"hidden by {name}": {"container": psnr(cover, one.container)}
        | {reader: psnr(secret, net.reveal(one.container, shuffle, one.means)) for reader, net in networks.items()}
        for name, one in hidden.items()
    }


if __name__ == "__main__":
    main()
