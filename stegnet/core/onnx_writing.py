"""Networks as ONNX files."""

import logging
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from stegnet.core.errors import extra

OPSET = 18


def serialised(
    network: nn.Module,
    example: tuple[Tensor, ...],
    inputs: Sequence[str],
    outputs: Sequence[str],
    dynamic: tuple[Any, ...],
    metadata: Mapping[str, str],
) -> bytes:
    """Return a network as an ONNX file: the same bytes on every machine.

    Args:
        network: the network.
        example: inputs with which it is traced.
        inputs: their names.
        outputs: names of the outputs.
        dynamic: of each input, the sides that may differ, as torch.export takes them.
        metadata: entries of the file.

    Raises:
        torch.onnx.OnnxExporterError: ONNX can't express it.
        PackageError: the packages for exporting are not installed.
    """
    with extra("export", "stegnet export"):
        import onnxscript  # noqa: F401  # torch.onnx needs it
    for name in ("onnxscript", "onnx_ir"):  # they log every node that they simplify
        logging.getLogger(name).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(?s).*The axis name: .* will not be used")  # both inputs have one size
        # Warnings about numbers, which are compared when the files are complete.
        warnings.simplefilter("ignore", RuntimeWarning)
        program = torch.onnx.export(
            network.eval(),
            example,
            input_names=inputs,
            output_names=outputs,
            opset_version=OPSET,
            dynamo=True,
            dynamic_shapes=dynamic,
            verbose=False,
        )
    assert program is not None  # with dynamo=True
    model = program.model_proto  # created anew each time it is asked for
    graph = model.graph
    # Without where and how it was made, the file is the same on every machine.
    for part in (graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    del graph.value_info[:]
    del model.metadata_props[:]
    for key, value in sorted(metadata.items()):
        model.metadata_props.add(key=key, value=value)
    data: bytes = model.SerializeToString(deterministic=True)
    return data
