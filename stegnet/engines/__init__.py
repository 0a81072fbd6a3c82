"""What computes the networks of a pair: PyTorch or ONNX Runtime."""

from stegnet.engines.choice import BACKENDS, PRECISIONS, load_engine
from stegnet.engines.engine import Engine, Pool

__all__ = ["BACKENDS", "PRECISIONS", "Engine", "Pool", "load_engine"]
