"""Benchmarks the engines that run the shipped pair: python -m tools.backends.

Each engine hides the same secret in the same cover and reveals it, all in memory. The engines alternate in every round;
each number of threads has its own process. Quality is measured on 8-bit containers.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from stegnet.core.measures import psnr
from stegnet.core.samples import Base
from stegnet.core.shuffle import Shuffle, draw, grid
from stegnet.media import read_frames, resize
from stegnet.methods.network import HideResult, Network
from stegnet.record import through_bytes

FILMS = Path("assets/cover.mp4"), Path("assets/secret.mp4")
ENGINES = (("torch", "fp32"), ("torch", "bf16"), ("onnx", "fp32"))
SIZES = ("640x360", "512x512")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=SIZES, metavar="WxH")
    parser.add_argument("--threads", type=int, nargs="+", default=(1, 2))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        measure(options.sizes, options.rounds)
        return
    for threads in options.threads:
        print(f"\n{threads} thread{'s' if threads > 1 else ''}", flush=True)
        call = [sys.executable, "-m", "tools.backends", "--worker", "--rounds", str(options.rounds)]
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        subprocess.run([*call, "--sizes", *options.sizes], env=environment, check=True)


def measure(sizes: list[str], rounds: int) -> None:
    """Prints the times of hiding and revealing, and the quality for each pair of hiding and revealing engine."""
    networks = {f"{backend} {precision}": _load(backend, precision) for backend, precision in ENGINES}
    for size in sizes:
        width, height = map(int, size.split("x"))
        cover, secret = (resize(next(read_frames(path)), height, width) for path in FILMS)
        shuffle = draw(bytes(32), *grid(height, width))
        times, hidden = _times(networks, cover, secret, shuffle, rounds)
        print(f"\n{size}: milliseconds, medians of {rounds} rounds; CPU time is summed over threads\n")
        print(pd.DataFrame(times).T.round(1).to_markdown(), flush=True)
        print(f"\n{size}: PSNR in dB of the container, and of the secret revealed by each engine (column)\n")
        print(pd.DataFrame(_quality(networks, hidden, cover, secret, shuffle)).T.round(3).to_markdown(), flush=True)


def _load(backend: str, precision: str) -> Network:
    return Network.load(backend=backend, precision=precision, device="cpu")


def _times(
    networks: dict[str, Network], cover: np.ndarray, secret: np.ndarray, shuffle: Shuffle, rounds: int
) -> tuple[dict[str, dict[str, float]], dict[str, HideResult]]:
    times: dict[str, list[list[float]]] = {name: [] for name in networks}
    base = _base(next(iter(networks.values())), secret)
    hidden = {name: network.hide(cover, secret, shuffle, base) for name, network in networks.items()}
    for name, network in networks.items():
        network.reveal(hidden[name].container, shuffle, base)
    for _ in range(rounds):
        for name, network in networks.items():
            one, started = hidden[name], _clocks()
            network.hide(cover, secret, shuffle, base)
            middle = _clocks()
            network.reveal(one.container, shuffle, base)
            times[name].append([*(middle - started), *(_clocks() - middle)])
    columns = ("hide", "hide, CPU", "reveal", "reveal, CPU")
    medians = {name: np.median(rows, axis=0) for name, rows in times.items()}
    return {name: dict(zip(columns, row, strict=True)) for name, row in medians.items()}, hidden


def _base(network: Network, secret: np.ndarray) -> Base:
    """The secret's base, without a limit of its bytes."""
    return through_bytes(secret, network.base, network.quality, secret.size)


def _clocks() -> np.ndarray:
    """Wall and CPU time in milliseconds."""
    return 1000 * np.array([time.perf_counter(), time.process_time()])


def _quality(
    networks: dict[str, Network], hidden: dict[str, HideResult], cover: np.ndarray, secret: np.ndarray, shuffle: Shuffle
) -> dict[str, dict[str, float]]:
    base = _base(next(iter(networks.values())), secret)
    return {
        f"hidden by {name}": {"container": psnr(cover, one.container)}
        | {reader: psnr(secret, net.reveal(one.container, shuffle, base)) for reader, net in networks.items()}
        for name, one in hidden.items()
    }


if __name__ == "__main__":
    main()
