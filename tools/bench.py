"""Benchmarks hiding and revealing films on this machine: python -m tools.bench.

All rows use the same films and frames. "Network alone" runs only the network on the same frames; "codec alone" decodes
both films, writes the container with nothing hidden in it, reads it back and compares it. Earlier networks are Baluja's
(three branches of five convolutions, 50 channels each), with random weights, since only their time is measured. Single
steps are measured on one core.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import ffmpeg
import imageio_ffmpeg
import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from stegnet.codec import HideOptions, Key, Network, hide_film, reveal_film
from stegnet.codec import base as bases
from stegnet.codec.costs import rounding_costs
from stegnet.codec.keys import SYSTEM, KeyRing
from stegnet.codec.seal import FILM_EFFORT, SEED_BYTES, room, seal, unseal
from stegnet.core.compute import pick_device
from stegnet.core.parallel import ahead, ordered
from stegnet.core.shuffle import apply, draw, grid
from stegnet.engines import BACKENDS
from stegnet.engines.engine import thread_count
from stegnet.media import FilmWriter, check_film, digest, read_frames, resize, scan
from stegnet.models import build

FILMS = Path("assets/cover.mp4"), Path("assets/secret.mp4")
SIZES = ("640x360", "1280x720")
KEY = Key(bytes(32))
RATE = 25
_ANCESTOR_FRAMES = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=SIZES, metavar="WxH")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--precision", default="auto", choices=("auto", "bf16", "fp32"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--backend", default="auto", choices=BACKENDS)
    parser.add_argument("--no-ancestor", action="store_true", help="skip the earlier networks, which are slow")
    parser.add_argument("--out", type=Path, help="also write the figures as JSON")
    options = parser.parse_args()
    network = Network.load(device=options.device, precision=options.precision, backend=options.backend)
    engine = network.engine
    print(f"{engine.backend}, {engine.device}, {engine.precision}, {thread_count()} threads, {options.frames} frames")
    results = {size: bench(network, size, options.frames, not options.no_ancestor) for size in options.sizes}
    for kind in ("frames/s", "ms a frame on one core"):
        print(f"\n{kind}")
        print(pd.DataFrame({size: result[kind] for size, result in results.items()}).round(2).to_markdown())
    if options.out:
        options.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def bench(network: Network, size: str, frames: int, ancestor: bool) -> dict[str, dict[str, float]]:
    """All figures for one frame size."""
    width, height = map(int, size.split("x"))
    with TemporaryDirectory() as folder:
        cover, secret = (_film(path, Path(folder) / path.name, width, height, frames) for path in FILMS)
        container, back = Path(folder) / "container.mkv", Path(folder) / "back.mkv"
        options = HideOptions(sound=False)
        jobs: dict[str, Callable[[], object]] = {
            "network alone, hide": lambda: _network_alone(network, cover, secret, frames),
            "codec alone": lambda: _codec_alone(cover, secret, container),
            "hide": lambda: hide_film(network, cover, secret, container, KEY, options),
            "reveal": lambda: reveal_film(network, container, back, KEY),
        }
        speeds = {}
        for name, job in tqdm(jobs.items(), desc=size, leave=False):
            speeds[name] = frames / _seconds(job)
        speeds["hide: wall time / network alone"] = speeds["network alone, hide"] / speeds["hide"]
        if ancestor:
            speeds |= _ancestor(cover, pick_device(str(network.engine.device)))
            speeds["hide: times the ancestors'"] = speeds["hide"] / speeds["ancestors' nets, hide"]
        with _one_thread():
            return {"frames/s": speeds, "ms a frame on one core": _parts(network, cover, secret, Path(folder))}


def _network_alone(network: Network, cover: Path, secret: Path, frames: int) -> None:
    """Hides frames that were decoded before; the results are discarded."""
    few = [list(islice(read_frames(path), 4)) for path in (cover, secret)]
    height, width, _ = few[0][0].shape
    most = room(height, width)
    decoded = [bases.through_bytes(frame, network.base, network.quality, most, film=True) for frame in few[1]]
    inputs = list(zip(*few, decoded, strict=True))
    items = (inputs[index % len(inputs)] for index in range(frames))
    pool = network.pool(height, width)
    hide = network.hide
    for _ in ordered(lambda item: hide(item[0], item[1], None, item[2]), items, pool.workers, pool.prepare):
        pass


def _codec_alone(cover: Path, secret: Path, out: Path) -> None:
    info = scan(cover)
    digests = []
    with FilmWriter(out, info.width, info.height, info.rate) as film:
        for frame, _, stamp in zip(ahead(read_frames(cover)), ahead(read_frames(secret)), info.times, strict=True):
            film.write(frame, stamp)
            digests.append(digest(frame))
    check_film(out, digests, lambda done, total: None)


def _ancestor(cover: Path, device: torch.device) -> dict[str, float]:
    pair = build("baluja", width=50).eval().to(device, memory_format=torch.channels_last)
    frame = next(read_frames(cover))
    picture = torch.tensor(frame, device=device).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        seconds = {
            "hide": _seconds(lambda: [pair.hide(picture, picture) for _ in range(_ANCESTOR_FRAMES)]),
            "reveal": _seconds(lambda: [pair.reveal(picture) for _ in range(_ANCESTOR_FRAMES)]),
        }
    return {f"ancestors' nets, {side}": _ANCESTOR_FRAMES / took for side, took in seconds.items()}


def _parts(network: Network, cover: Path, secret: Path, folder: Path) -> dict[str, float]:
    """Milliseconds of one core for each step of hiding a frame."""
    frame, hidden = next(read_frames(cover)), next(read_frames(secret))
    rows, cols = grid(*frame.shape[:2], network.block)
    area = frame[: rows * network.block, : cols * network.block]
    fitted = resize(hidden, *area.shape[:2])
    shuffle = draw(bytes(32), rows, cols)
    pixels = np.zeros(area.shape, np.float32)
    coded = bases.encode(fitted, network.base, network.quality, room(*frame.shape[:2]) - 200, film=True)
    base = bases.decode(coded, network.base, *area.shape[:2])
    sealed, keys = frame.copy(), KEY.new_keys(SYSTEM)
    costs = rounding_costs(np.zeros(frame.shape, np.int8))
    repeat: dict[str, Callable[[], object]] = {
        "decode one film": lambda: sum(1 for _ in islice(read_frames(cover), 20)) / 20,
        "network": lambda: network.hide(area, fitted, None, base),
        "draw the shuffle": lambda: draw(bytes(32), rows, cols),
        "scramble": lambda: apply(pixels, shuffle),
        "code the base": lambda: bases.encode(fitted, network.base, network.quality, len(coded), film=True),
        "decode the base": lambda: bases.decode(coded, network.base, *area.shape[:2]),
        "seal": lambda: seal(
            sealed, bytes(200) + coded, keys, bytes(SEED_BYTES), costs, first=True, effort=FILM_EFFORT
        ),
        "unseal": lambda: unseal(sealed, KeyRing(KEY), first=True),
    }
    parts = {name: 1000 * _least(job) for name, job in repeat.items()}
    parts["decode one film"] /= 20
    parts["encode FFV1"] = 1000 * _encode(frame, folder / "encoded.mkv", 20) / 20
    return parts


@contextmanager
def _one_thread() -> Iterator[None]:
    """Context in which every engine computes with one thread."""
    variable, threads = os.environ.get("OMP_NUM_THREADS", ""), torch.get_num_threads()
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    yield
    os.environ["OMP_NUM_THREADS"] = variable
    torch.set_num_threads(threads)


def _encode(frame: np.ndarray, path: Path, frames: int) -> float:
    with FilmWriter(path, frame.shape[1], frame.shape[0], Fraction(RATE)) as film:
        start = time.perf_counter()
        for index in range(frames):
            film.write(frame, Fraction(index, RATE))
        return time.perf_counter() - start


def _film(source: Path, path: Path, width: int, height: int, frames: int) -> Path:
    """The source's frames, looped and scaled, as a typical film: H.264 4:2:0 in MP4, without sound."""
    looped = ffmpeg.input(str(source), stream_loop=-1).video.filter("scale", width, height)
    film = ffmpeg.output(looped, str(path), vcodec="libx264", pix_fmt="yuv420p", crf=20, r=RATE, vframes=frames)
    film.overwrite_output().run(cmd=imageio_ffmpeg.get_ffmpeg_exe(), quiet=True)
    return path


def _least(job: Callable[[], object], times: int = 5) -> float:
    return min(_seconds(job) for _ in range(times))


def _seconds(job: Callable[[], object]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
