"""Engines that run the networks of a pair: PyTorch or ONNX Runtime."""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # ONNX Runtime reads it when it is imported, and reports to its makers if not

from stegnet.networks.engines.engine import Engine, Pool
from stegnet.networks.engines.selection import BACKENDS, PRECISIONS, load_engine
