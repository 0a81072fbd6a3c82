"""Weights files that anybody may have made: each gives one clear error, in little memory."""

import json
import struct
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from pydantic import TypeAdapter

from pipeline.export import export
from stegnet import WeightsError
from stegnet.cli import main
from stegnet.core.onnx_graphs import ID
from stegnet.networks import Card, build, load_pair, save_pair, weights_id
from stegnet.networks.card import RANGES
from stegnet.networks.engines import NAMES, graph_file
from stegnet.networks.engines.onnx_engine import OnnxEngine
from study.tasks.modem_config import RungConfig
from tests.support.lab import ModelConfig
from tests.support.memory import memory_limited
from tests.support.pairs import save_untrained

MOST_MEMORY = 800 << 20  # bytes more than before
SCRAMBLE = {"base": "means", "quality": 50, "block": 8, "period": 0.0}
RUNGS = [{"bits": 2, "scale": 1.0, "name": "jpeg-75", "psnr": 38.0, "lowest": 74, "highest": 86}]
OPTIONS = {
    "invertible": {"blocks": 1, "width": 2, "ends": 2, "backbone": "none", "place": "ends", "pretrained": False},
    "costa": {"blocks": 2, "width": 4, "ends": 1, "backbone": "test_resnet", "place": "base", "pretrained": False},
    "modem": {"rungs": RUNGS, "width": 6, "blocks": 2, "backbone": "none", "pretrained": False},
}
NAN, INFINITY = float("nan"), float("inf")
LISTS = "[" * 100_000 + "]" * 100_000
# Values that can't be in a card, by where they are.
CARDS: dict[tuple, tuple] = {
    ("model",): (None, 5, [], "", "x" * 100_000, "../pair", "builtins:print", "os:system", "costa\n"),
    ("options",): (None, [], 3, "width", {"width": 2, "depth": 3}, {"0": {}}),
    ("options", "width"): (40_000, 10**30, 0, -2, 2.0, "2", None, True, [2], NAN, 1e308, 4096),
    ("options", "blocks"): (10**9, 0, -1, 1.5, "1", [], {}, 65, 64),
    ("options", "ends"): (10**9, 1, -1, "2", None, 64),
    ("options", "backbone"): (
        *(None, 3, [], "", "resnet", "x" * 100_000, "vit_giant_patch14_224", "resnet18"),
        *("hf-hub:timm/resnet18", "local-dir:/tmp", "resnet18.hf-hub:a/b", "resnet18.a/b", "/etc/passwd"),
    ),
    ("options", "place"): (None, 3, [], "nowhere", "+" * 100_000),
    ("options", "pretrained"): ("yes", 1, None, []),
    ("scramble",): (None, [], "means"),
    ("training",): (None, [], 3),
    ("figures",): (None, [], "high"),
    ("receptive_fields",): (None, [], *({"hide": reach} for reach in (-1, "6", 2.5, None, True)), {"hidden": 3}),
    ("more",): (1,),
}
SCRAMBLES: dict[tuple, tuple] = {  # the networks can be built and exported, but hide nothing
    ("scramble",): ({}, {"base": "means"}, SCRAMBLE | {"more": 1}),
    ("scramble", "base"): (None, [], {}, 1, "all"),
    ("scramble", "quality"): (None, 101, -1, 50.0, True, "50", NAN, []),
    ("scramble", "block"): (None, 0, -8, 12, 264, 8.0, 1 << 40, "8", []),
    ("scramble", "period"): (None, 0, "0", -0.5, 1.0, NAN, INFINITY, True, [], 10**400),
}
MODEMS: dict[tuple, tuple] = {
    ("options", "rungs"): (None, [], {}, "jpeg", [1], [[]], [{}], [{"bits": 2}], RUNGS * 2, RUNGS * 1000),
    ("options", "rungs", 0, "bits"): (0, -1, 65, 10**9, 2.0, "2", None, True),
    ("options", "rungs", 0, "scale"): (0, -1.0, NAN, INFINITY, "1", None, 1e300),
    ("options", "rungs", 0, "name"): (None, 3, [], "x" * 100_000),
    ("options", "rungs", 0, "psnr"): (None, "38", NAN, []),
    ("options", "rungs", 0, "lowest"): (None, "74", -5),
    ("options", "width"): (4096, 5),
}
Make = Callable[[Mapping[str, bytes]], bytes]  # a damaged file, made of whole ones


@dataclass
class Weights:
    """A weights file, taken apart: its card, what its header says of each tensor, and their bytes."""

    card: Any
    header: dict[str, Any]
    data: bytearray

    @classmethod
    def of(cls, file: bytes) -> "Weights":
        (length,) = struct.unpack_from("<Q", file)
        header = json.loads(file[8 : 8 + length])
        return cls(json.loads(header.pop("__metadata__")["stegnet"]), header, bytearray(file[8 + length :]))

    def file(self, card: str | None = None, **metadata: Any) -> bytes:
        described = {"stegnet": json.dumps(self.card) if card is None else card} | metadata
        return as_file(json.dumps({"__metadata__": described} | self.header).encode(), bytes(self.data))

    def put(self, name: str, number: float) -> None:
        """Writes a number as the first value of a tensor."""
        struct.pack_into("<f", self.data, self.header[name]["data_offsets"][0], number)


def as_file(header: bytes, data: bytes, length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def with_card(family: str, place: tuple, value: Any) -> Make:
    """A file with another value in its card."""

    def make(whole: Mapping[str, bytes]) -> bytes:
        weights = Weights.of(whole[family])
        within = weights.card
        for name in place[:-1]:
            within = within[name]
        within[place[-1]] = deepcopy(value)
        return weights.file()

    return make


def with_cards(family: str, values: dict[tuple, tuple]) -> Iterator[tuple[str, Make]]:
    for place, others in values.items():
        for number, value in enumerate(others):
            yield f"{family} {'.'.join(map(str, place))} {number}: {str(value)[:20]!r}", with_card(family, place, value)


def changed(change: Callable[[Weights], bytes | None], family: str = "invertible") -> Make:
    def make(whole: Mapping[str, bytes]) -> bytes:
        done = change(weights := Weights.of(whole[family]))
        return done if isinstance(done, bytes) else weights.file()

    return make


def with_tensor(**values: Any) -> Make:
    return changed(lambda weights: weights.header["mixing.weight"].update(values))


def with_number(name: str, number: float, family: str = "invertible") -> Make:
    return changed(lambda weights: weights.put(name, number), family)


def with_more_tensors(weights: Weights) -> None:
    weights.header["more"] = {"dtype": "F32", "shape": [0], "data_offsets": [len(weights.data)] * 2}


def with_a_renamed_tensor(weights: Weights) -> None:
    weights.header["other"] = weights.header.pop("mixing.weight")


def without_tensors(weights: Weights) -> None:
    weights.header.clear()
    weights.data.clear()


FILES: dict[str, Make] = {
    "empty": lambda whole: b"",
    "five bytes": lambda whole: b"\5\0\0\0\0",
    "a length alone": lambda whole: bytes(8),
    "a length of 2^60": lambda whole: as_file(b"{}", b"", 1 << 60),
    "a length of 2^64 - 1": lambda whole: as_file(b"{}", b"", (1 << 64) - 1),
    "a long header": lambda whole: as_file(b'{"a":' + b" " * (64 << 20) + b"}", b""),
    "a header that is no JSON": lambda whole: as_file(b"{", b""),
    "a header of lists": lambda whole: as_file(LISTS.encode(), b""),
    "no metadata": lambda whole: as_file(b"{}", b""),
    "a PNG": lambda whole: b"\x89PNG\r\n\x1a\n" + bytes(100),
    "a pickle": lambda whole: b"\x80\x04cposix\nsystem\n(S'touch out'\ntR.",
    "cut short": lambda whole: whole["invertible"][:-100],
    "cut within its header": lambda whole: whole["invertible"][:300],
    "longer than it says": lambda whole: whole["invertible"] + bytes(100),
    "a card of lists": changed(lambda weights: weights.file(LISTS)),
    "lists in a card": changed(lambda weights: weights.file('{"model": ' + LISTS + "}")),
    "a card that is a number": changed(lambda weights: weights.file("5")),
    "a card that is a list": changed(lambda weights: weights.file('["model"]')),
    "an empty card": changed(lambda weights: weights.file("")),
    "half a character in a card": changed(lambda weights: weights.file('{"model": "\\ud800"}')),
    "a number of many digits in a card": changed(lambda weights: weights.file('{"model": ' + "9" * 10_000 + "}")),
    "metadata that are no text": changed(lambda weights: weights.file(more=5)),
    "metadata in metadata": changed(lambda weights: weights.file(more={"more": {}})),
    "no tensors": changed(without_tensors),
    "a tensor too many": changed(with_more_tensors),
    "a tensor of another name": changed(with_a_renamed_tensor),
    "a tensor of another shape": with_tensor(shape=[144]),
    "a tensor of whole numbers": with_tensor(dtype="I32"),
    "a tensor of no known type": with_tensor(dtype="F33"),
    "a tensor of a negative shape": with_tensor(shape=[-12, -12]),
    "a tensor of a huge shape": with_tensor(shape=[1 << 40, 1 << 40]),
    "tensors in one place": with_tensor(data_offsets=[0, 576]),
    "a tensor behind the end": with_tensor(data_offsets=[1 << 40, (1 << 40) + 576]),
    "no number": with_number("mixing.weight", NAN),
    "an infinite number": with_number("blocks.0.phi.first.bias", INFINITY),
    **dict(with_cards("invertible", CARDS)),
    **dict(with_cards("modem", MODEMS)),
}
NO_NUMBERS: dict[str, Make] = {
    "a huge period": with_number("log_period", 1e30, "costa"),
    "a negative variance": with_number("enhancer.encoder.model.bn1.running_var", -1.0, "costa"),
}
# What hides nothing, though the card may be of a pair that can be built.
USELESS: dict[str, Make] = NO_NUMBERS | dict(with_cards("invertible", SCRAMBLES))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Weights files that are whole, of an untrained pair of each of three families."""
    files, folder = {}, tmp_path_factory.mktemp("whole")
    for family, options in OPTIONS.items():
        save_pair(folder / family, build(family, **options), Card(family, options, SCRAMBLE))
        files[family] = (folder / family).read_bytes()
    return files


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key, a cover, secrets, and containers of a pair and of a modem."""
    folder = tmp_path_factory.mktemp("made")
    levels = np.random.default_rng(0).integers(60, 190, (160, 160, 3), dtype=np.uint8)
    Image.fromarray(levels).save(folder / "cover.png")
    Image.fromarray(levels[:96, :96]).save(folder / "secret.png")
    (folder / "note.txt").write_text("see you at nine", "utf-8")
    assert main(["keygen", str(folder / "k")]) == 0
    both = [str(folder / "cover.png"), "--key-file", str(folder / "k")]
    hide = ["hide", *both, str(folder / "secret.png"), "--method", "network", "--any-quality"]
    assert main([*hide, "-o", str(folder / "sent.png")]) == 0
    assert main(["hide", *both, str(folder / "note.txt"), "--survive", "jpeg:75", "-o", str(folder / "sent.jpg")]) == 0
    return folder


def commands(made: Path, weights: Path, modem: bool) -> dict[str, list[str]]:
    """The commands that use a weights file, by name; what they write is called out."""
    secret, sent = ("note.txt", "sent.jpg") if modem else ("secret.png", "sent.png")
    method = ["--survive", "jpeg:75"] if modem else ["--method", "network", "--any-quality"]
    given = ["--weights", str(weights), "--backend", "torch:fp32", "--key-file", str(made / "k")]
    hide = ["hide", str(made / "cover.png"), str(made / secret), *given, *method]
    hide += ["-o", str(weights.with_name("out").with_suffix(Path(sent).suffix))]
    reveal = ["reveal", str(made / sent), *given, "-o", str(weights.with_name("out").with_suffix(Path(secret).suffix))]
    return {"hide": hide, "reveal": reveal, "info": ["info", str(weights)]}


def check_refused(command: list[str], capsys: pytest.CaptureFixture) -> str:
    """Runs a command, which must end with one error, and a hint at most; returns the error.

    How easily the container would have been found may be said before.
    """
    capsys.readouterr()
    with memory_limited(MOST_MEMORY):
        code = main(command)
    out, err = capsys.readouterr()
    error, *others = [
        line for line in err.splitlines() if not line.endswith(": easy to find, like everything hidden this way")
    ]
    assert (code, out) == (1, ""), command
    assert error.startswith("error: ") and len(error) < 400
    assert [line.partition(":")[0] for line in others] in ([], ["hint"])
    return error


@pytest.mark.parametrize("name", FILES)
def test_damaged_weights_are_refused(name, whole, made, tmp_path, capsys):
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(FILES[name](whole))
    for what, command in commands(made, weights, name.startswith("modem")).items():
        error = check_refused(command, capsys)
        assert what == "info" or "w.safetensors: " in error
    assert [*tmp_path.iterdir()] == [weights]


@pytest.mark.parametrize("command", ["hide", pytest.param("reveal", marks=pytest.mark.night)])
@pytest.mark.parametrize("name", USELESS)
def test_weights_that_can_not_hide_are_refused_where_they_are_used(name, command, whole, made, tmp_path, capsys):
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(USELESS[name](whole))
    check_refused(commands(made, weights, modem=False)[command], capsys)
    assert [*tmp_path.iterdir()] == [weights]


@pytest.mark.parametrize("name", NO_NUMBERS)
def test_weights_that_compute_no_numbers_are_not_exported(name, whole, tmp_path):
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(NO_NUMBERS[name](whole))
    with pytest.raises(WeightsError, match="finite numbers"):
        export(weights, tmp_path)
    assert [*tmp_path.iterdir()] == [weights]


def test_of_a_large_backbone_only_what_the_file_holds_is_built(tmp_path):
    """The first stage of 846 million parameters is 5 million."""
    options = OPTIONS["costa"] | {"backbone": "convnext_xxlarge"}
    with torch.device("meta"):
        shapes = build("costa", **options).state_dict()
    header, place = {"__metadata__": {"stegnet": json.dumps({"model": "costa", "options": options, "scramble": {}})}}, 0
    for name, tensor in shapes.items():
        size = 4 * tensor.numel()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [place, place := place + size]}
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(as_file(json.dumps(header).encode(), bytes(place)))
    with memory_limited(MOST_MEMORY):
        pair, _ = load_pair(weights)
    assert not any(tensor.is_meta for tensor in pair.state_dict().values())


def test_numbers_have_the_ranges_that_params_yaml_gives_them():
    for section in (ModelConfig, RungConfig):
        for name, schema in TypeAdapter(section).json_schema()["properties"].items():
            for kind in schema.get("anyOf", [schema]):
                if kind.get("type") in ("integer", "number"):
                    least, most = kind.get("minimum", kind.get("ge")), kind.get("maximum", kind.get("le"))
                    assert RANGES[name] == (least, most)
                    assert {type(bound) for bound in RANGES[name]} == {int if kind["type"] == "integer" else float}


SUM = "picture = Add(cover, hidden)"
GRAPHS = {
    "another size": "picture = Concat<axis = 2>(cover, hidden)",
    "more channels": "picture = Concat<axis = 1>(cover, hidden)",
    "fewer dimensions": "picture = Flatten(cover)",
    "whole numbers": "picture = Shape(cover)",
    "no numbers": "zeros = Sub(cover, cover) picture = Div(zeros, zeros)",
    "what can't be computed": "both = Concat<axis = 0>(cover, hidden) picture = MatMul(both, cover)",
    "too many inputs": SUM,
}


def as_graphs(weights: Path, nodes: str, names: str | None, wrong: str = "") -> Path:
    """Writes two ONNX files, which say that they are of these weights and which networks there are."""
    inputs = "float[] cover, float[] hidden" + (", float[] more" if wrong == "too many inputs" else "")
    output = "int64[] picture" if wrong == "whole numbers" else "float[] picture"
    graph = f"graph ({inputs}) => ({output}) {{ {nodes} }}"
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 18]> {graph}')
    said = {ID: weights_id(weights)} | ({} if names is None else {NAMES: names})
    onnx.helper.set_model_props(model, said)
    for name in ("hide", "reveal"):
        onnx.save(model, graph_file(weights, name))
    return weights


@pytest.mark.parametrize("wrong", GRAPHS)
def test_onnx_files_that_compute_something_else_are_refused(wrong, tmp_path):
    weights = save_untrained(tmp_path / "w.safetensors")
    engine = OnnxEngine(as_graphs(weights, GRAPHS[wrong], "hide reveal", wrong))
    cover = np.full((16, 24, 3), 0.5, np.float32)
    with pytest.raises(WeightsError) as caught:
        engine.hide(cover, cover)
    assert ("finite numbers" if wrong == "no numbers" else "w.hide.onnx: can't be computed") in str(caught.value)


@pytest.mark.parametrize("names", [None, "", "hide", "hide reveal other"])
def test_onnx_files_that_do_not_name_their_networks_are_refused(names, tmp_path):
    weights = as_graphs(save_untrained(tmp_path / "w.safetensors"), SUM, names)
    with pytest.raises(WeightsError, match=r"w\.hide\.onnx: can't be computed") as caught:
        OnnxEngine(weights)
    assert (
        caught.value.hint == f"export it again in stegnet's folder (`python -m pipeline.export {weights} {tmp_path}`)"
    )
