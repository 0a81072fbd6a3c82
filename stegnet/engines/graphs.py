"""A pair as ONNX files, beside its weights: `pair.hide.onnx` and so on beside `pair.safetensors`.

What is in them, docs/onnx.md says.
"""

import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from stegnet.card import weights_id
from stegnet.engines.engine import Pool, cores, room_on_cpu
from stegnet.errors import WeightsError

NETWORKS = ("prepare", "hide", "reveal", "restore")
ALWAYS = ("hide", "reveal")  # a pair without networks at its ends has no others
# What a file says of itself: the id of its weights, their card, the networks exported with it, its inputs' ranges.
ID, CARD, NAMES, INPUTS = "stegnet.weights", "stegnet.card", "stegnet.networks", "stegnet.inputs"

# Runs a network: pictures (1, 3, H, W) float32 to one of the same shape.
Run = Callable[..., np.ndarray]


def graph_file(weights: Path, network: str) -> Path:
    """Where a network of a weights file is looked for."""
    return weights.with_suffix(f".{network}.onnx")


def is_exported(weights: Path) -> bool:
    """Is there what `stegnet export` writes?"""
    return all(graph_file(weights, network).is_file() for network in ALWAYS)


class GraphEngine:
    """An engine that runs ONNX files, without what reads and runs a file; as `stegnet.engines.Engine`.

    Args:
        weights: the weights file that they were made of, and lie beside.
    Raises:
        WeightsError: they are missing, damaged, or made of other weights.
    """

    backend: str
    device = "cpu"
    precision = "fp32"

    def __init__(self, weights: Path) -> None:
        if not is_exported(weights):
            hint = f"`stegnet export {weights}` makes them; it needs PyTorch: pip install 'stegnet[torch]'"
            raise WeightsError(f"{weights}: there are no ONNX files beside it", hint)
        self._weights, self._id = weights, weights_id(weights)
        self._loaded: dict[int, dict[str, Run]] = {}
        self._mine, self._lock = threading.local(), threading.Lock()
        self._networks(cores())

    def prepare(self, secret: np.ndarray) -> np.ndarray:
        return self._run("prepare", secret)

    def hide(self, cover: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        return self._run("hide", cover, hidden)

    def reveal(self, container: np.ndarray) -> np.ndarray:
        return self._run("reveal", container)

    def restore(self, picture: np.ndarray) -> np.ndarray:
        return self._run("restore", picture)

    def pool(self, pixels: int) -> Pool:
        workers = min(cores(), room_on_cpu(pixels))
        return Pool(workers, partial(setattr, self._mine, "threads", cores() // workers))

    def load(self, path: Path, threads: int) -> tuple[Run, Mapping[str, str]]:
        """A network, and what its file says of itself.

        Raises:
            WeightsError: it can't be read.
        """
        raise NotImplementedError

    def _run(self, name: str, *pictures: np.ndarray) -> np.ndarray:
        network = self._networks(getattr(self._mine, "threads", cores())).get(name)
        if network is None:
            return pictures[0]
        planes = (np.ascontiguousarray(picture.transpose(2, 0, 1))[None] for picture in pictures)
        return np.ascontiguousarray(network(*planes)[0].transpose(1, 2, 0))

    def _networks(self, threads: int) -> dict[str, Run]:
        with self._lock:
            if threads not in self._loaded:
                hide, said = self._load("hide", threads)
                others = (name for name in said[NAMES].split() if name != "hide")
                self._loaded[threads] = {"hide": hide} | {name: self._load(name, threads)[0] for name in others}
            return self._loaded[threads]

    def _load(self, name: str, threads: int) -> tuple[Run, Mapping[str, str]]:
        path = graph_file(self._weights, name)
        run, said = self.load(path, threads)
        if said.get(ID) != self._id:
            raise WeightsError(
                f"{path}: was not made of {self._weights.name}",
                f"`stegnet export --force {self._weights}` makes it anew",
            )
        return run, said
