"""Opening ONNX files on ONNX Runtime: CPU, 32 bits, without threads that spin."""

from pathlib import Path
from typing import TypeAlias

from stegnet.core.process_settings import default_variable

with default_variable("ORT_DISABLE_TELEMETRY", "1"):  # read by the import: it would report to its makers
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

Graph: TypeAlias = onnxruntime.InferenceSession

ID = "stegnet.weights"  # metadata key of an ONNX file: id of its weights
# Raised for a file that is not ONNX, or whose networks can't be computed.
UNUSABLE = (
    *(state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NoSuchFile),
    *(state.NotImplemented, state.RuntimeException, ValueError),
)  # ValueError: names that are not UTF-8; another number of inputs
# All networks share one arena, which grows to what the largest of them needs, not to the sum.
onnxruntime.create_and_register_allocator(
    onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    ),
    None,
)


def open_graph(path: Path, threads: int) -> Graph:
    """Open an ONNX file, to be computed with so many threads. Raises one of UNUSABLE if it can't be."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # fatal: errors are raised, not logged
    # Spinning threads slow down other work on a busy machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.use_env_allocators", "1")
    # A fallback would print what is damaged on standard output.
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"], enable_fallback=0)


def shrinking() -> onnxruntime.RunOptions:
    """Return the options of a run after which its memory is freed."""
    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options
