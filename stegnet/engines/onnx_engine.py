"""A pair in ONNX Runtime, on a CPU, at 32 bits."""

import threading
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as state

from stegnet.core.card import weights_id
from stegnet.core.errors import WeightsError
from stegnet.engines.engine import Pool, cores, room_on_cpu, too_large
from stegnet.engines.graphs import ID, NAMES, graph_file, is_exported

Sessions = dict[str, onnxruntime.InferenceSession]

_UNREADABLE = (state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NoSuchFile)
_LARGE = 1 << 18  # pixels: beyond, memory goes back after each run, or every network would keep its own
_SHRINKING = onnxruntime.RunOptions()
_SHRINKING.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
_QUIET = 4  # what can't be done is said by the error, not by a log


class OnnxEngine:
    """As `stegnet.engines.Engine`.

    Args:
        weights: the weights file that the ONNX files were made of, and lie beside.
    Raises:
        WeightsError: they are missing, damaged, or made of other weights.
    """

    backend, device, precision = "onnx", "cpu", "fp32"

    def __init__(self, weights: Path) -> None:
        if not is_exported(weights):
            hint = f"`stegnet export {weights}` makes them; it needs PyTorch: pip install 'stegnet[export]'"
            raise WeightsError(f"{weights}: there are no ONNX files beside it", hint)
        self._weights, self._id = weights, weights_id(weights)
        self._sessions: dict[int, Sessions] = {}  # by the threads that each of them uses
        self._here, self._lock = threading.local(), threading.Lock()
        self._with(cores())

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
        return Pool(workers, partial(setattr, self._here, "threads", cores() // workers))

    def _run(self, name: str, *pictures: np.ndarray) -> np.ndarray:
        session = self._with(getattr(self._here, "threads", cores())).get(name)
        if session is None:
            return pictures[0]
        options = _SHRINKING if pictures[0].shape[0] * pictures[0].shape[1] > _LARGE else None
        planes = [np.ascontiguousarray(picture.transpose(2, 0, 1))[None] for picture in pictures]
        try:
            (result,) = session.run(
                None, dict(zip((one.name for one in session.get_inputs()), planes, strict=True)), options
            )
        except (state.RuntimeException, state.Fail) as error:
            if "alloc" not in str(error):
                raise
            raise too_large() from error
        return np.ascontiguousarray(result[0].transpose(1, 2, 0))

    def _with(self, threads: int) -> Sessions:
        """The networks, each of which computes in so many threads."""
        with self._lock:
            if threads not in self._sessions:
                hide = self._open("hide", threads)
                names = hide.get_modelmeta().custom_metadata_map[NAMES].split()
                others = {name: self._open(name, threads) for name in names if name != "hide"}
                self._sessions[threads] = {"hide": hide, **others}
            return self._sessions[threads]

    def _open(self, name: str, threads: int) -> onnxruntime.InferenceSession:
        path = graph_file(self._weights, name)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, _QUIET
        # Threads that wait by spinning take the time of those that work, on a machine that has other things to do.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except _UNREADABLE as error:
            raise WeightsError(f"{path}: can't be read as ONNX", f"`stegnet export --force {self._weights}`") from error
        if session.get_modelmeta().custom_metadata_map.get(ID) != self._id:
            hint = f"`stegnet export --force {self._weights}` makes it anew"
            raise WeightsError(f"{path}: was not made of {self._weights.name}", hint)
        return session
