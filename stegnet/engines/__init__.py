"""Engines that run the networks of a pair: PyTorch or ONNX Runtime."""

from stegnet.engines.engine import Engine, Pool
from stegnet.engines.selection import BACKENDS, PRECISIONS, load_engine

__all__ = ["BACKENDS", "PRECISIONS", "Engine", "Pool", "load_engine"]
