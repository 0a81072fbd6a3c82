"""Engine on ONNX Runtime: CPU, 32 bits."""

import threading
from functools import cache
from pathlib import Path

import numpy as np

from stegnet.core.errors import WeightsError
from stegnet.core.onnx_graphs import ID, UNUSABLE, Graph, open_graph, shrinking
from stegnet.core.parallel import thread_count
from stegnet.core.text import CommandLine, Text
from stegnet.networks.card import NETWORKS, weights_id
from stegnet.networks.engines import (
    ALWAYS,
    NAMES,
    Engine,
    Pool,
    checked,
    graph_file,
    is_exported,
    out_of_memory,
    pictures_in_memory,
)

Sessions = dict[str, Graph]


class OnnxEngine(Engine):
    """A `stegnet.networks.Engine` on the ONNX files next to a weights file, which must have been exported from it."""

    backend = "onnx"
    device = "cpu"
    precision = "fp32"

    def __init__(self, weights: Path) -> None:
        if not is_exported(weights):
            hint = Text("export them in stegnet's folder", _export_command(weights))
            raise WeightsError("no ONNX files next to it", hint, subject=weights)
        self._weights = weights
        self._id = weights_id(weights)
        self._sessions: dict[int, Sessions] = {}  # by number of threads
        self._shrinking = shrinking()
        self._local = threading.local()
        self._lock = threading.Lock()
        self._sessions_with(thread_count())

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle it as its weights file, which a process opens once."""
        return _opened, (self._weights.absolute(),)

    def pool(self, pixels: int) -> Pool:
        """Return a thread for each picture that fits into memory, at most one per core; they share the cores."""
        workers = min(thread_count(), pictures_in_memory(pixels))
        return Pool(workers, lambda: setattr(self._local, "threads", thread_count() // workers))

    def _run(self, name: str, *pictures: np.ndarray) -> np.ndarray:
        threads = getattr(self._local, "threads", None)  # if the thread is in a pool
        session = self._sessions_with(threads or thread_count()).get(name)
        if session is None:
            first, *rest = pictures
            return sum(rest, first)  # the network is not exported: an identity, or the sum of base and residual
        # After a large picture, memory is freed, unless the thread computes a film, whose next frame needs it again.
        large_pixels = 1 << 18
        is_large = pictures[0].shape[0] * pictures[0].shape[1] > large_pixels
        planes = [np.ascontiguousarray(picture.transpose(2, 0, 1))[None] for picture in pictures]
        inputs = dict(zip((node.name for node in session.get_inputs()), planes, strict=False))
        try:
            result, *_ = session.run(None, inputs, self._shrinking if is_large and threads is None else None)
        except UNUSABLE as error:
            if "alloc" in str(error):
                raise out_of_memory() from error
            raise self._useless(name) from error
        blocks = name == "reveal" and len(pictures) > 1  # a modem's bits, per block, as its dither
        like = pictures[-1 if blocks else 0]
        whole = result.dtype == np.float32 and result.ndim == 4 and result.shape[2:] == like.shape[:2]
        if not whole or (result.shape[1] != like.shape[2] and not blocks):
            raise self._useless(name)
        return checked(result[0].transpose(1, 2, 0))

    def _sessions_with(self, threads: int) -> Sessions:
        """Return the sessions of all networks, each with `threads` threads."""
        with self._lock:
            if threads not in self._sessions:
                hide = self._open("hide", threads)
                names = hide.get_modelmeta().custom_metadata_map.get(NAMES, "").split()
                if not {*ALWAYS} <= {*names} <= {*NETWORKS}:
                    raise self._useless("hide")
                remaining = {name: self._open(name, threads) for name in names if name != "hide"}
                self._sessions[threads] = {"hide": hide, **remaining}
            return self._sessions[threads]

    def _open(self, name: str, threads: int) -> Graph:
        path = graph_file(self._weights, name)
        try:
            session = open_graph(path, threads)
        except UNUSABLE as error:
            raise self._useless(name, "can't be read as ONNX") from error
        if session.get_modelmeta().custom_metadata_map.get(ID) != self._id:
            raise self._useless(name, f"was not exported from {self._weights.name}")
        return session

    def _useless(self, name: str, reason: str = "can't be computed") -> WeightsError:
        """Return the error for a network's file."""
        path = graph_file(self._weights, name)
        hint = Text("export it again in stegnet's folder", _export_command(self._weights))
        return WeightsError(reason, hint, subject=path)


def _export_command(weights: Path) -> CommandLine:
    return CommandLine(f"python -m pipeline.export {weights} {weights.parent}", "")


@cache
def _opened(weights: Path) -> OnnxEngine:
    return OnnxEngine(weights)
