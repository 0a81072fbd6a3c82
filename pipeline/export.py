"""Stage export: the pair as ONNX files, checked against its weights; serving them needs no PyTorch.

docs/networks.md describes the files.
"""

import copy
import json
import logging
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from pipeline.stage import run_stage, write_json
from stegnet.core.disk import atomic_write, temporary_folder
from stegnet.core.errors import WeightsError
from stegnet.core.onnx_graphs import ID
from stegnet.core.pixels import BLOCK, DITHER, GREY, LEVELS, from_8_bits, to_8_bits
from stegnet.networks.card import NETWORKS, Card, weights_id
from stegnet.networks.engines import ALWAYS, NAMES, Engine, graph_file
from stegnet.networks.engines.onnx_engine import OnnxEngine
from stegnet.networks.engines.torch_engine import TorchEngine
from stegnet.networks.pair import Pair, load_pair

OPSET = 18
SIZE = 128  # side of the pictures that the files are checked on
MAX_DIFFERENCE = 1e-3  # limit for samples in [0, 1]; a level is 4e-3
# Names of the inputs; the output of each network is "picture". A modem's "hidden" is bits and dither, and its "reveal"
# returns log-likelihood ratios.
_INPUTS = {
    "prepare": ("secret",),
    "enhance": ("base",),
    "hide": ("cover", "hidden"),
    "reveal": ("container",),
    "restore": ("base", "residual"),
}
_EXAMPLE = 64, 96  # height and width of a picture with which networks are traced


@dataclass(frozen=True)
class Agreement:
    """Agreement of a network's ONNX file with its weights, over all samples of all pictures.

    `difference` is the largest absolute difference of samples in [0, 1], ignoring one sample in 10,000: halfway between
    two periods (`stegnet.networks.families.costa`), a sample may go either way.
    """

    network: str
    difference: float
    equal: float  # share of samples that are equal when rounded to 8 bits


def main(weights: Path, out: Path) -> None:
    """Export the pair to ONNX files in `out`, with their agreement with PyTorch.

    A backbone that can't be exported only causes a warning, since no other stage needs ONNX files.
    """
    out.mkdir(parents=True, exist_ok=True)
    load_pair(weights)  # what is no weights file is an error
    try:
        networks = export(weights, out)
    except WeightsError as error:  # the other stages go on, since not every backbone can be exported
        logging.warning("%s; without ONNX files, the model needs PyTorch", error)
        return
    # By network: largest difference of a sample, and share of samples that are equal as 8 bits.
    figures = {
        graph.network: {"difference": float(f"{graph.difference:.1e}"), "equal": round(graph.equal, 5)}
        for graph in networks
    }
    write_json(out / "agreement.json", figures)
    for graph in networks:
        print(f"{graph.network}: {graph.difference:.1e} apart at most, {100 * graph.equal:.3f} % equal as 8 bits")


def export(weights: Path, folder: Path) -> list[Agreement]:
    """Write the ONNX files of a weights file. The same weights and packages give the same bytes.

    Raises:
        WeightsError: no such weights file, or the ONNX files disagree with it.
        MediaError: they can't be written.
    """
    pair, card = load_pair(weights)
    graphs = make_graphs(pair, card, weights_id(weights))
    agreements = _checked(pair, weights, graphs)
    with ExitStack() as files:  # all or none
        for name, graph in graphs.items():
            files.enter_context(atomic_write(folder / graph_file(weights, name).name)).write_bytes(graph)
    return agreements


def make_graphs(pair: Pair, card: Card, identifier: str) -> dict[str, bytes]:
    """Return the pair's networks as ONNX files, by name, with the id of its weights. Identities are left out."""
    pair = copy.deepcopy(pair).cpu().eval()
    for module in pair.modules():
        if isinstance(module, _Freezable):  # ONNX can't invert its matrix
            module.freeze()
    names = [name for name in NETWORKS if name in ALWAYS or _computes(pair, name)]
    metadata = {ID: identifier, "stegnet.card": json.dumps(asdict(card), sort_keys=True), NAMES: " ".join(names)}
    return {name: _graph(pair, name, metadata) for name in names}


@runtime_checkable
class _Freezable(Protocol):
    """Module with values that follow from its weights, and can be computed once."""

    def freeze(self) -> None:
        """Compute these values; the weights must not change afterwards."""


class _PairNetwork(nn.Module):
    """One network of a pair as a module."""

    def __init__(self, pair: Pair, name: str) -> None:
        super().__init__()
        self._pair = pair
        self._name = name

    def forward(self, *pictures: Tensor) -> Tensor:
        output: Tensor = getattr(self._pair, self._name)(*pictures)
        return output


def _computes(pair: Pair, name: str) -> bool:
    """Return whether a network does more than return its input, or the sum of its inputs."""
    first, *rest = [torch.rand(1, 3, *_EXAMPLE) for _ in _INPUTS[name]]
    with torch.inference_mode():
        return not torch.equal(getattr(pair, name)(first, *rest), sum(rest, first))


def _graph(pair: Pair, name: str, metadata: dict[str, str]) -> bytes:
    """Return a network as an ONNX file: the same bytes on every machine."""
    sides = [torch.export.Dim(side, min=1, max=1 << 16) for side in ("rows", "cols")]
    inputs = ("container", "dither") if pair.bits and name == "reveal" else _INPUTS[name]
    pictures = tuple(torch.rand(_shape(input_name, pair)) for input_name in inputs)
    scales = [BLOCK * picture.shape[2] // _EXAMPLE[0] for picture in pictures]
    ranges = {name: (-1, 1) if name in ("hidden", "residual") else (0, 1) for name in inputs}
    dynamic = (tuple({2: scale * sides[0], 3: scale * sides[1]} for scale in scales),)
    for library in ("onnxscript", "onnx_ir"):  # they log every node that they simplify
        logging.getLogger(library).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(?s).*The axis name: .* will not be used")  # both inputs have one size
        # Warnings about numbers, which are compared when the files are complete.
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            program = torch.onnx.export(
                _PairNetwork(pair, name).eval(),
                pictures,
                input_names=inputs,
                output_names=("picture",),
                opset_version=OPSET,
                dynamo=True,
                dynamic_shapes=dynamic,
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:
            reason = type(error.__cause__ or error).__name__
            raise WeightsError(f"the network {name!r} of this pair can't be written as ONNX ({reason})") from error
    assert program is not None  # with dynamo=True
    model = program.model_proto  # created anew each time it is asked for
    graph = model.graph
    # Without where and how it was made, the file is the same on every machine.
    for part in (graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    del graph.value_info[:]
    del model.metadata_props[:]
    for key, value in sorted((metadata | {"stegnet.inputs": json.dumps(ranges)}).items()):
        model.metadata_props.add(key=key, value=value)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _shape(name: str, pair: Pair) -> tuple[int, int, int, int]:
    rows, cols = _EXAMPLE
    if name == "dither" or (pair.bits and name == "hidden"):
        return 1, DITHER + (pair.bits if name == "hidden" else 0), rows // BLOCK, cols // BLOCK
    return 1, 3, rows, cols


def _checked(pair: Pair, weights: Path, graphs: dict[str, bytes]) -> list[Agreement]:
    """Compare the files with the weights. Raises WeightsError if they disagree."""
    min_equal = 0.999  # share of samples that are equal when rounded to 8 bits
    with temporary_folder() as folder:
        copied = folder / weights.name
        copied.write_bytes(weights.read_bytes())
        for name, graph in graphs.items():
            graph_file(copied, name).write_bytes(graph)
        exported = OnnxEngine(copied)
        threads = torch.get_num_threads()
        exported.pool(SIZE * SIZE).prepare()
        torch.set_num_threads(1)  # on small pictures, several threads are slower
        try:
            agreements = compare(TorchEngine(pair, "cpu", "fp32"), exported, list(graphs), pair)
        finally:
            torch.set_num_threads(threads)
    for agreement in agreements:
        if not (agreement.difference <= MAX_DIFFERENCE and agreement.equal >= min_equal):
            raise WeightsError(
                f"its ONNX file {agreement.network!r} disagrees with it: samples are up to "
                f"{agreement.difference:.2g} apart, {100 * agreement.equal:.3f} % are equal as 8 bits",
                subject=weights,
            )
    return agreements


def compare(reference: Engine, other: Engine, networks: Sequence[str], pair: Pair) -> list[Agreement]:
    """Compare the networks of two engines of a pair on smooth and noisy pictures. Both get the same inputs."""
    pictures_compared = 6  # 290,000 samples for each network
    certain = 10.0  # log-likelihood ratio
    unsure = 1e-4  # share of samples that may differ by more
    differences: dict[str, list[float]] = {name: [] for name in networks}
    equal: dict[str, list[float]] = {name: [] for name in networks}
    scenes = [_picture(seed) for seed in range(pictures_compared)]
    for index, cover in enumerate(scenes):
        height = SIZE - 8 * (index % 3)
        steps = _steps(reference, cover[:height], scenes[index - 1][:height], pair)
        for name in networks:
            inputs, expected = steps[name]
            output = getattr(other, name)(*inputs)
            if pair.bits and name == "reveal":  # bits that are as good as certain count as 1
                output = output / certain
                expected = expected / certain
            base = GREY / LEVELS if name == "reveal" else 0  # its output is around 0
            differences[name].append(float(np.quantile(np.abs(output - expected), 1 - unsure)))
            equal[name].append(float(np.mean(to_8_bits(output + base) == to_8_bits(expected + base))))
    return [Agreement(name, max(differences[name]), float(np.mean(equal[name]))) for name in networks]


def _picture(seed: int) -> np.ndarray:
    """Return smooth colours with edges and noise, (SIZE, SIZE, 3) float32 in [0, 1]."""
    random = np.random.default_rng(seed)
    colours = Image.fromarray(random.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    smooth = np.asarray(colours.resize((SIZE, SIZE), Image.Resampling.BICUBIC), dtype=np.float64)
    edges = 60 * (np.add.outer(np.arange(SIZE), np.arange(SIZE)) // random.integers(8, 40) % 2)
    return from_8_bits((smooth + edges[..., None] + random.normal(0, 4, smooth.shape)).clip(0, 255).astype(np.uint8))


def _steps(
    engine: Engine, cover: np.ndarray, secret: np.ndarray, pair: Pair
) -> dict[str, tuple[tuple[np.ndarray, ...], np.ndarray]]:
    """Return inputs and output of each network when a secret is hidden and revealed."""
    prepared = engine.prepare(secret)
    hidden = prepared - GREY / LEVELS
    if pair.bits:  # bits, −1 or 1, and dither: (H/8, W/8, bits + DITHER)
        random = np.random.default_rng(len(cover))
        blocks = (cover.shape[0] // BLOCK, cover.shape[1] // BLOCK)
        signs = 2 * random.integers(0, 2, (*blocks, pair.bits)) - 1
        hidden = np.concatenate([signs, random.random((*blocks, DITHER))], axis=2, dtype=np.float32)
    dither = (hidden[..., pair.bits :],) if pair.bits else ()
    hiding = engine.hide(cover, hidden)
    container = from_8_bits(to_8_bits(hiding))
    revealed = engine.reveal(container, *dither)
    base = engine.enhance(secret)
    residual = (revealed if not pair.bits else container) / 8
    return {
        "enhance": ((secret,), base),
        "prepare": ((secret,), prepared),
        "hide": ((cover, hidden), hiding),
        "reveal": ((container, *dither), revealed),
        "restore": ((base, residual), engine.restore(base, residual)),
    }


if __name__ == "__main__":
    run_stage(main, "weights", "out")
