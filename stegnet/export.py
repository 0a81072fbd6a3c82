"""A pair as ONNX files, made of its weights file and checked against it. What is in them, docs/onnx.md says."""

import copy
import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from stegnet.core.card import weights_id
from stegnet.core.errors import WeightsError, extra
from stegnet.core.samples import GREY, from_8_bits, to_8_bits
from stegnet.data.scenes import render_scene
from stegnet.engines.engine import ALWAYS, CARD, ID, INPUTS, NAMES, NETWORKS, Engine, graph_file
from stegnet.engines.onnx_engine import OnnxEngine
from stegnet.engines.torch_engine import TorchEngine
from stegnet.media import whole_file
from stegnet.models import Card, Pair, load_pair
from stegnet.models.invertible import Mixing

OPSET = 18
PICTURES, SIZE = 6, 128  # rendered scenes, on which the files are checked: 290,000 samples for each network
MOST_APART, LEAST_EQUAL = 1e-3, 0.999  # of samples; a level is 4e-3
# Names and ranges of what goes in; what comes out of each is "picture".
_LIMITS = {"secret": (0, 1), "cover": (0, 1), "hidden": (-1, 1), "container": (0, 1), "ordered": (0, 1)}
_INPUTS = {"prepare": ("secret",), "hide": ("cover", "hidden"), "reveal": ("container",), "restore": ("ordered",)}
_EXAMPLE = 64, 96


@dataclass(frozen=True)
class Agreement:
    """How alike a network's ONNX file and its weights compute, over all samples of all pictures.

    Attributes:
        network: its name.
        apart: the largest difference.
        equal: the share of samples that are equal as 8 bits.
    """

    network: str
    apart: float
    equal: float


def export(weights: Path, folder: Path) -> list[Agreement]:
    """Writes the ONNX files of a weights file; the same weights and packages give the same bytes.

    Raises:
        WeightsError: there is no such weights file, or the ONNX files do not compute what it does.
        MediaError: they can't be written.
        PackageError: what exports is not installed.
    """
    pair, card = load_pair(weights)
    graphs = make_graphs(pair, card, weights_id(weights))
    agreements = _checked(pair, weights, graphs)
    for name, graph in graphs.items():
        with whole_file(folder / graph_file(weights, name).name) as part:
            part.write_bytes(graph)
    return agreements


def make_graphs(pair: Pair, card: Card, key: str) -> dict[str, bytes]:
    """The pair's networks as ONNX files, by name; those that do nothing are left out.

    Args:
        key: id of the weights.
    """
    with extra("export", "stegnet export"):
        import onnxscript  # noqa: F401  # torch.onnx needs it
    for name in ("onnxscript", "onnx_ir"):  # they log every node that they simplify
        logging.getLogger(name).setLevel(logging.WARNING)
    pair = _settled(pair)
    names = [name for name in NETWORKS if name in ALWAYS or _does_something(pair, name)]
    said = {ID: key, CARD: json.dumps(asdict(card), sort_keys=True), NAMES: " ".join(names)}
    return {name: _graph(pair, name, said) for name in names}


class _One(nn.Module):
    """One of a pair's networks."""

    def __init__(self, pair: Pair, name: str) -> None:
        super().__init__()
        self._pair, self._name = pair, name

    def forward(self, *pictures: Tensor) -> Tensor:
        return getattr(self._pair, self._name)(*pictures)


def _settled(pair: Pair) -> Pair:
    """A copy that inverts no matrix, which ONNX can't."""
    pair = copy.deepcopy(pair).cpu().eval()
    for module in pair.modules():
        if isinstance(module, Mixing):
            module.freeze()
    return pair


def _does_something(pair: Pair, name: str) -> bool:
    picture = torch.zeros(1, 3, *_EXAMPLE)
    with torch.inference_mode():
        return getattr(pair, name)(picture) is not picture


def _graph(pair: Pair, name: str, said: dict[str, str]) -> bytes:
    rows, cols = (8 * torch.export.Dim(side, min=1, max=1 << 16) for side in ("rows", "cols"))
    inputs = _INPUTS[name]
    pictures = tuple(torch.rand(1, 3, *_EXAMPLE) for _ in inputs)
    with _quiet(name):
        program = torch.onnx.export(
            _One(pair, name).eval(),
            pictures,
            input_names=inputs,
            output_names=("picture",),
            opset_version=OPSET,
            dynamo=True,
            dynamic_shapes=(({2: rows, 3: cols},) * len(inputs),),
            verbose=False,
        )
    model = program.model_proto
    _strip(model)
    said = said | {INPUTS: json.dumps({each: _LIMITS[each] for each in inputs})}
    del model.metadata_props[:]
    for key, value in sorted(said.items()):
        model.metadata_props.add(key=key, value=value)
    return model.SerializeToString(deterministic=True)


def _strip(model: Any) -> None:
    """Takes out what says where and how the file was made: it would not be the same elsewhere."""
    graph = model.graph
    for part in (graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    del graph.value_info[:]


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """torch.onnx warns that both inputs are of one size, which they are, and tells failures at length."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(?s).*The axis name: .* will not be used")
        try:
            yield
        except torch.onnx.OnnxExporterError as error:
            reason = type(error.__cause__ or error).__name__
            raise WeightsError(f"the network {name!r} of this pair can't be written as ONNX ({reason})") from error


def _checked(pair: Pair, weights: Path, graphs: dict[str, bytes]) -> list[Agreement]:
    """How well the files agree with the weights.

    Raises:
        WeightsError: not well enough.
    """
    with TemporaryDirectory() as folder:
        copied = Path(folder) / weights.name
        copied.write_bytes(weights.read_bytes())
        for name, graph in graphs.items():
            graph_file(copied, name).write_bytes(graph)
        theirs = OnnxEngine(copied)
        theirs.pool(SIZE * SIZE).prepare()
        with _one_thread():
            agreements = compare(TorchEngine(pair, "cpu", "fp32"), theirs, list(graphs))
    for found in agreements:
        if not (found.apart <= MOST_APART and found.equal >= LEAST_EQUAL):
            raise WeightsError(
                f"{weights}: its ONNX file {found.network!r} does not compute what it does: samples are up to "
                f"{found.apart:.2g} apart, {100 * found.equal:.3f} % are equal as 8 bits"
            )
    return agreements


@contextmanager
def _one_thread() -> Iterator[None]:
    """Small pictures take several threads longer: they wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def compare(ours: Engine, theirs: Engine, networks: Sequence[str]) -> list[Agreement]:
    """How alike two engines compute, on rendered scenes; each network is given the same by both."""
    apart: dict[str, list[float]] = {name: [] for name in networks}
    equal: dict[str, list[float]] = {name: [] for name in networks}
    scenes = [from_8_bits(render_scene(SIZE, (seed, 0))) for seed in range(PICTURES)]
    for index, cover in enumerate(scenes):
        height = SIZE - 8 * (index % 3)
        steps = _steps(ours, cover[:height], scenes[index - 1][:height])
        for name in networks:
            given, expected = steps[name]
            found = getattr(theirs, name)(*given)
            base = GREY if name == "reveal" else 0  # what is hidden lies around 0
            apart[name].append(float(np.abs(found - expected).max()))
            equal[name].append(float(np.mean(to_8_bits(found + base) == to_8_bits(expected + base))))
    return [Agreement(name, max(apart[name]), float(np.mean(equal[name]))) for name in networks]


def _steps(
    engine: Engine, cover: np.ndarray, secret: np.ndarray
) -> dict[str, tuple[tuple[np.ndarray, ...], np.ndarray]]:
    """What each network is given when a secret is hidden and revealed, and what it makes of it."""
    prepared = engine.prepare(secret)
    hidden = prepared - GREY
    hiding = engine.hide(cover, hidden)
    container = from_8_bits(to_8_bits(hiding))
    revealed = engine.reveal(container)
    ordered = revealed + GREY
    return {
        "prepare": ((secret,), prepared),
        "hide": ((cover, hidden), hiding),
        "reveal": ((container,), revealed),
        "restore": ((ordered,), engine.restore(ordered)),
    }
