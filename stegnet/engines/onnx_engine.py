"""A pair in ONNX Runtime, on a CPU."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as state

from stegnet.engines.engine import too_large
from stegnet.engines.graphs import GraphEngine, Run
from stegnet.errors import WeightsError

UNREADABLE = (state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NoSuchFile)
_QUIET = 4  # what can't be done is said by the error, not by a log


class OnnxEngine(GraphEngine):
    """As `stegnet.engines.Engine`, at 32 bits; arguments and errors as `GraphEngine`."""

    backend = "onnx"

    def load(self, path: Path, threads: int) -> tuple[Run, Mapping[str, str]]:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, _QUIET
        try:
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except UNREADABLE as error:
            raise WeightsError(f"{path}: can't be read as ONNX") from error
        names = [node.name for node in session.get_inputs()]

        def run(*pictures: np.ndarray) -> np.ndarray:
            try:
                return session.run(None, dict(zip(names, pictures, strict=True)))[0]
            except (state.RuntimeException, state.Fail) as error:
                if "alloc" not in str(error):
                    raise
                raise too_large() from error

        return run, session.get_modelmeta().custom_metadata_map
