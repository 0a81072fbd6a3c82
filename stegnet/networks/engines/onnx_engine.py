"""Engine on ONNX Runtime: CPU, 32 bits."""

import threading
from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as state

from stegnet.core.errors import WeightsError
from stegnet.core.parallel import thread_count
from stegnet.networks.card import weights_id
from stegnet.networks.engines import ID, NAMES, Pool, graph_file, is_exported, out_of_memory, pictures_in_memory

Sessions = dict[str, onnxruntime.InferenceSession]

_UNREADABLE = (state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NoSuchFile)
_LARGE = 1 << 18  # pixels above which memory is freed after each run, since every network has an arena of its own
_SHRINKING = onnxruntime.RunOptions()
_SHRINKING.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
_FATAL = 4  # log level: errors are raised, not logged


class OnnxEngine:
    """Implements `stegnet.networks.Engine` by the ONNX files next to a weights file, which must be exported from it."""

    backend, device, precision = "onnx", "cpu", "fp32"

    def __init__(self, weights: Path) -> None:
        if not is_exported(weights):
            hint = f"`stegnet export {weights}` creates them; it needs PyTorch: pip install 'stegnet[export]'"
            raise WeightsError(f"{weights}: no ONNX files next to it", hint)
        self._weights, self._id = weights, weights_id(weights)
        self._sessions: dict[int, Sessions] = {}  # by number of threads
        self._local, self._lock = threading.local(), threading.Lock()
        self._sessions_with(thread_count())

    def __reduce__(self) -> tuple[object, ...]:
        """Pickled, it is its weights file, which a process opens once."""
        return _opened, (self._weights.absolute(),)

    def prepare(self, secret: np.ndarray) -> np.ndarray:
        return self._run("prepare", secret)

    def hide(self, cover: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        return self._run("hide", cover, hidden)

    def reveal(self, container: np.ndarray, *dither: np.ndarray) -> np.ndarray:
        return self._run("reveal", container, *dither)

    def enhance(self, base: np.ndarray) -> np.ndarray:
        return self._run("enhance", base)

    def restore(self, base: np.ndarray, residual: np.ndarray) -> np.ndarray:
        return self._run("restore", base, residual)

    def pool(self, pixels: int) -> Pool:
        workers = min(thread_count(), pictures_in_memory(pixels))
        return Pool(workers, lambda: setattr(self._local, "threads", thread_count() // workers))

    def _run(self, name: str, *pictures: np.ndarray) -> np.ndarray:
        session = self._sessions_with(getattr(self._local, "threads", thread_count())).get(name)
        if session is None:
            return sum(pictures)  # the network is not exported: an identity, or the sum of base and residual
        options = _SHRINKING if pictures[0].shape[0] * pictures[0].shape[1] > _LARGE else None
        planes = [np.ascontiguousarray(picture.transpose(2, 0, 1))[None] for picture in pictures]
        inputs = dict(zip((each.name for each in session.get_inputs()), planes, strict=True))
        try:
            (result,) = session.run(None, inputs, options)
        except (state.RuntimeException, state.Fail) as error:
            if "alloc" not in str(error):
                raise
            raise out_of_memory() from error
        return result[0].transpose(1, 2, 0)

    def _sessions_with(self, threads: int) -> Sessions:
        """Returns the sessions of all networks, each with `threads` threads."""
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
        options.intra_op_num_threads, options.log_severity_level = threads, _FATAL
        # Spinning threads slow down other work on a busy machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        hint = f"export it again with `stegnet export --force {self._weights}`"
        try:
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except _UNREADABLE as error:
            raise WeightsError(f"{path}: can't be read as ONNX", hint) from error
        if session.get_modelmeta().custom_metadata_map.get(ID) != self._id:
            raise WeightsError(f"{path}: was not exported from {self._weights.name}", hint)
        return session


@cache
def _opened(weights: Path) -> OnnxEngine:
    return OnnxEngine(weights)
