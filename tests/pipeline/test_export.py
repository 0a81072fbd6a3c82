"""ONNX files against the weights that they are made of."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from unittest import mock

import numpy as np
import onnx
import pytest
import torch

from pipeline import export as stage
from stegnet import MediaError, WeightsError
from stegnet.networks import (
    MODEM,
    NETWORKS,
    SHIPPED,
    SHIPPED_MODEM,
    Card,
    load_pair,
    read_card,
    save_pair,
    weights_id,
)
from stegnet.networks.engines import ALWAYS, graph_file
from stegnet.networks.engines.onnx_engine import OnnxEngine
from stegnet.networks.engines.torch_engine import TorchEngine
from stegnet.networks.pair import find_family
from tests.networks.conftest import NAMES, perturbed

pytestmark = pytest.mark.slow


def made(family: str, folder: Path) -> Path:
    """Weights of a small pair."""
    path = folder / "pair.safetensors"
    scramble = {"base": "means", "quality": 85, "block": 8, "period": 0.0}
    save_pair(path, perturbed(family), Card(family, dict(find_family(family).small), scramble))
    return path


FAMILIES = [
    name if name in ("costa", "invertible") else pytest.param(name, marks=pytest.mark.night)  # they have all graphs
    for name in NAMES
    if name != MODEM
]


@pytest.mark.long
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family(family, tmp_path, monkeypatch):
    """On pictures that were not exported with, the smallest too, and on others than it is checked on."""
    monkeypatch.setenv("STEGNET_NETWORK", family)
    weights = made(family, tmp_path)
    agreements = stage.export(weights, tmp_path)
    both = {"invertible": ("prepare", *ALWAYS, "restore"), "costa": ("enhance", *ALWAYS, "restore")}
    exported = both.get(family, ALWAYS)
    assert tuple(found.network for found in agreements) == exported
    assert [name for name in NETWORKS if graph_file(weights, name).exists()] == list(exported)
    theirs, ours = OnnxEngine(weights), TorchEngine(load_pair(weights)[0], "cpu", "fp32")
    random = np.random.default_rng(0)
    for shape in ((8, 8, 3), (40, 72, 3), (264, 136, 3)):
        cover, hidden = random.random(shape, np.float32), random.random(shape, np.float32) - np.float32(0.5)
        np.testing.assert_allclose(theirs.hide(cover, hidden), ours.hide(cover, hidden), atol=2e-5)
        for name in ("prepare", "enhance", "reveal"):
            np.testing.assert_allclose(getattr(theirs, name)(cover), getattr(ours, name)(cover), atol=2e-5)
        np.testing.assert_allclose(theirs.restore(cover, hidden), ours.restore(cover, hidden), atol=5e-5)


def test_a_modem_by_the_stage(tmp_path, capsys):
    weights = made(MODEM, tmp_path)
    stage.main(weights, tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [*ALWAYS]
    assert all("apart at most" in line and line.endswith("% equal as 8 bits") for line in lines)
    theirs, ours = OnnxEngine(weights), TorchEngine(load_pair(weights)[0], "cpu", "fp32")
    random = np.random.default_rng(0)
    for rows, cols in ((1, 1), (5, 9), (33, 17)):
        cover, dither = random.random((8 * rows, 8 * cols, 3), np.float32), random.random((rows, cols, 64), np.float32)
        bits = random.integers(-1, 2, (rows, cols, 5)).astype(np.float32)
        hidden = np.concatenate([bits, dither], axis=2)
        np.testing.assert_allclose(theirs.hide(cover, hidden), ours.hide(cover, hidden), atol=2e-5)
        likelihoods = ours.reveal(cover, dither)
        assert likelihoods.shape == (rows, cols, 5)
        np.testing.assert_allclose(theirs.reveal(cover, dither), likelihoods, atol=2e-3)


def test_the_shipped_files_belong_to_the_shipped_weights():
    """And to no others, if they are only a little different."""
    key, card = weights_id(SHIPPED), asdict(read_card(SHIPPED))
    names = [name for name in NETWORKS if name != "prepare"]
    for name in names:
        model = onnx.load(graph_file(SHIPPED, name))
        onnx.checker.check_model(model, full_check=True)
        said = {entry.key: entry.value for entry in model.metadata_props}
        assert said["stegnet.weights"] == key
        assert json.loads(said["stegnet.card"]) == card
        assert said["stegnet.networks"].split() == names
        assert json.loads(said["stegnet.inputs"]).keys() == {node.name for node in model.graph.input}
        assert [(each.domain, each.version) for each in model.opset_import] == [("", stage.OPSET)]
    pair, shipped = load_pair(SHIPPED)[0], OnnxEngine(SHIPPED)
    for found in stage.compare(TorchEngine(pair, "cpu", "fp32"), shipped, names, pair):
        assert found.difference <= 1e-5
        assert found.equal >= 0.9998
    for parameter in pair.parameters():
        parameter.data *= 1.01
    assert all(
        found.difference > stage.MAX_DIFFERENCE
        for found in stage.compare(TorchEngine(pair, "cpu", "fp32"), shipped, ALWAYS, pair)
    )


def test_no_operator_of_a_modem_adds_to_one_place_from_several_threads():
    """ONNX Runtime's threads lose sums of ScatterND where an index occurs twice."""
    for name in ("hide", "reveal"):
        assert "ScatterND" not in {node.op_type for node in onnx.load(graph_file(SHIPPED_MODEM, name)).graph.node}


@pytest.mark.night
def test_the_same_weights_give_the_same_files_and_stay_as_they_are(tmp_path):
    weights = made("invertible", tmp_path)
    pair, card = load_pair(weights)
    pair.train()
    first, second = (stage.make_graphs(pair, card, weights_id(weights)) for _ in range(2))
    assert first == second
    assert str(Path(stage.__file__).parent).encode() not in b"".join(first.values())
    for name, value in load_pair(weights)[0].state_dict().items():
        assert torch.equal(value, pair.state_dict()[name])
    assert pair.training and all(parameter.requires_grad for parameter in pair.parameters())


@pytest.fixture
def compared() -> Iterator[list[stage.Agreement]]:
    """What is found by comparing files that are not made."""
    found, graphs = [stage.Agreement("hide", 1e-5, 1.0)], {"hide": b"", "reveal": b""}
    made, engine = mock.Mock(return_value=graphs), mock.MagicMock()
    with mock.patch.multiple(stage, make_graphs=made, OnnxEngine=engine, compare=mock.Mock(return_value=found)):
        yield found


def test_what_is_no_weights_file_is_an_error_and_no_warning(tmp_path):
    (path := tmp_path / "pair.safetensors").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="not a stegnet weights file"):
        stage.main(path, tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_files_that_disagree_are_not_written_nor_one_of_several(weights, tmp_path, compared):
    """Either the worst sample or nearly all of them are enough to refuse them."""
    for apart, equal in ((2e-3, 1.0), (1e-5, 0.99), (float("nan"), 1.0), (1e-5, float("nan"))):
        compared[1:] = [stage.Agreement("reveal", apart, equal)]
        with pytest.raises(WeightsError, match="'reveal' disagrees with it"):
            stage.export(weights, tmp_path)
    assert not list(tmp_path.iterdir())
    compared[1:] = [stage.Agreement("reveal", 1e-5, 1.0)]
    (taken := tmp_path / graph_file(weights, "reveal").name).mkdir()
    with pytest.raises(MediaError, match="is a folder"):
        stage.export(weights, tmp_path)
    assert list(tmp_path.iterdir()) == [taken]
