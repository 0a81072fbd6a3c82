"""A pair in OpenVINO, on a CPU, which uses bfloat16 where that is fast."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import openvino
from openvino import properties
from openvino.properties import hint

from stegnet.engines.engine import too_large
from stegnet.engines.graphs import GraphEngine, Run
from stegnet.errors import WeightsError

_TYPES = {"bf16": openvino.Type.bf16, "fp32": openvino.Type.f32}


class OpenVinoEngine(GraphEngine):
    """As `stegnet.engines.Engine`; arguments and errors as `GraphEngine`.

    Args:
        precision: "auto" is bfloat16 where it is fast, else 32 bits; or "bf16", "fp32".
    """

    backend = "openvino"

    def __init__(self, weights: Path, precision: str = "auto") -> None:
        self._core = openvino.Core()
        fast = "BF16" in self._core.get_property("CPU", properties.device.capabilities)
        self.precision = ("bf16" if fast else "fp32") if precision == "auto" else precision
        super().__init__(weights)

    def load(self, path: Path, threads: int) -> tuple[Run, Mapping[str, str]]:
        settings = {
            hint.performance_mode: hint.PerformanceMode.LATENCY,
            hint.inference_precision: _TYPES[self.precision],
            properties.inference_num_threads: threads,
        }
        try:
            model = self._core.read_model(path)
            compiled = self._core.compile_model(model, "CPU", settings)
        except RuntimeError as error:
            raise WeightsError(f"{path}: can't be read as ONNX") from error
        said = model.get_rt_info("framework").value

        def run(*pictures: np.ndarray) -> np.ndarray:
            try:
                return compiled.create_infer_request().infer(pictures)[0]
            except RuntimeError as error:
                if "alloc" not in str(error):
                    raise
                raise too_large() from error

        return run, {name: value.value for name, value in said.items()}
