"""Where a pair's ONNX files lie, and what they say of themselves; what is in them, docs/onnx.md says."""

from pathlib import Path

NETWORKS = ("prepare", "hide", "reveal", "restore")
ALWAYS = ("hide", "reveal")  # a pair without networks at its ends has no others
# What a file says of itself: the id of its weights, their card, the networks exported with it, its inputs' ranges.
ID, CARD, NAMES, INPUTS = "stegnet.weights", "stegnet.core.card", "stegnet.networks", "stegnet.inputs"


def graph_file(weights: Path, network: str) -> Path:
    """Where a network of a weights file is looked for: `pair.hide.onnx` beside `pair.safetensors`."""
    return weights.with_suffix(f".{network}.onnx")


def is_exported(weights: Path) -> bool:
    """Is there what `stegnet export` writes?"""
    return all(graph_file(weights, network).is_file() for network in ALWAYS)
