import inspect
import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from stegnet.config.config import AUTO, ModelConfig
from stegnet.core.errors import ConfigError, WeightsError
from stegnet.models import (
    Baluja,
    Card,
    Invertible,
    Pair,
    TimmUNet,
    build,
    build_from,
    load_pair,
    names,
    options_of,
    read_card,
    save_pair,
    weights_id,
)
from stegnet.models.pair import register

SCRAMBLE = {"base": "means", "quality": 85, "block": 8, "period": 0.0}
KNOWN = ["baluja", "costa", "invertible", "invertible_large", "modem", "timm_unet", "unet"]
OWN = ModelConfig("", *[AUTO] * 5, pretrained=False, frames=1, rungs=[])


def section(name: str, **keys: object) -> ModelConfig:
    return replace(OWN, name=name, **keys)


def test_names():
    assert names() == KNOWN


def test_a_family_is_built_by_name():
    pair = build("invertible", blocks=3, width=4)
    assert isinstance(pair, Invertible)
    assert len(pair.blocks) == 3


def test_a_name_can_be_registered_only_once():
    with pytest.raises(ValueError, match="'baluja' is registered twice"):
        register("baluja")(Pair)
    assert isinstance(build("baluja", width=1), Baluja)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"model.name: unknown family 'invertable'") as caught:
        build("invertable")
    assert caught.value.hint == f"did you mean invertible? known: {', '.join(KNOWN)}"


def test_an_unknown_name_without_close_matches():
    with pytest.raises(ConfigError) as caught:
        options_of(section("zzz"))
    assert caught.value.hint == f"known: {', '.join(KNOWN)}"


@pytest.mark.parametrize("name", [name for name in KNOWN if name != "modem"])  # its rungs have no default
def test_auto_takes_the_familys_default(name):
    options = options_of(section(name))
    built = inspect.signature(type(build(name))).parameters
    assert options == {key: parameter.default for key, parameter in built.items()}
    assert AUTO not in options.values()
    assert json.loads(json.dumps(options)) == options


@pytest.mark.parametrize("name", KNOWN)
def test_family_options_are_keys_of_the_section(name):
    assert options_of(section(name)).keys() <= {field.name for field in fields(ModelConfig)}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("baluja", {"width": 5}),
        ("unet", {"width": 5}),
        ("timm_unet", {"backbone": "test_resnet", "pretrained": True, "width": 5}),
    ],
)
def test_a_family_ignores_options_of_others(name, options):
    assert options_of(section(name, blocks=2, width=5, backbone="test_resnet", pretrained=True)) == options


def test_falsy_options_are_not_replaced_by_defaults():
    options = options_of(section("invertible", ends=0, backbone="none"))
    assert (options["ends"], options["backbone"], options["pretrained"]) == (0, "none", False)
    own = options_of(section("invertible"))
    assert own["ends"] > 0


def test_a_pair_is_built_from_the_section():
    assert isinstance(build_from(section("timm_unet", backbone="test_resnet")), TimmUNet)
    assert build_from(section("baluja", width=5)).revealer[-1].in_channels == 15


def foreign(path: Path) -> None:
    safetensors.torch.save_file({"a": torch.zeros(2)}, path)


def foreign_card(path: Path) -> None:
    safetensors.torch.save_file({"a": torch.zeros(2)}, path, metadata={"stegnet": json.dumps({"name": "x"})})


def card_is_no_json(path: Path) -> None:
    safetensors.torch.save_file({"a": torch.zeros(2)}, path, metadata={"stegnet": "{"})


def cut_short(path: Path) -> None:
    save_pair(path, build("invertible", blocks=1, width=2), Card("invertible", {"blocks": 1, "width": 2}, SCRAMBLE))
    path.write_bytes(path.read_bytes()[:-100])


NOT_WEIGHTS = {
    "empty": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(bytes(range(256)) * 9),
    "text": lambda path: path.write_text("no weights at all"),
    "foreign": foreign,
    "foreign card": foreign_card,
    "card is no JSON": card_is_no_json,
    "cut short": cut_short,
}


@pytest.mark.parametrize("make", NOT_WEIGHTS.values(), ids=NOT_WEIGHTS)
def test_invalid_weights_files(tmp_path, make):
    path = tmp_path / "weights"
    make(path)
    with pytest.raises(WeightsError) as caught:
        load_pair(path)
    assert str(caught.value) == f"{path}: not a stegnet weights file"


@pytest.mark.parametrize("name", ["none", "."])
def test_a_missing_file(tmp_path, name):
    with pytest.raises(WeightsError, match="no such weights file"):
        read_card(tmp_path / name)


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("invertible", {"blocks": 1, "width": 3}),
        ("invertible", {"blocks": 2, "width": 2}),
        ("baluja", {"width": 2}),
        ("invertible", {"depth": 1}),
        ("unheard-of", {}),
    ],
)
def test_weights_and_card_that_do_not_match(tmp_path, model, options):
    save_pair(tmp_path / "w", build("invertible", blocks=1, width=2), Card(model, options, SCRAMBLE))
    with pytest.raises(WeightsError, match="weights and card do not match") as caught:
        load_pair(tmp_path / "w")
    assert "\n" not in str(caught.value)


def test_loading_weights_downloads_no_pretrained_ones(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    card = Card("timm_unet", {"backbone": "test_resnet", "pretrained": True}, SCRAMBLE)
    save_pair(tmp_path / "w", build("timm_unet", backbone="test_resnet"), card)
    _, read = load_pair(tmp_path / "w")
    assert read == card


def test_the_id_is_the_sha256_of_the_file(tmp_path):
    (tmp_path / "w").write_bytes(b"abc")  # FIPS 180-2, appendix B.1
    assert weights_id(tmp_path / "w") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_weights_files_have_default_permissions(tmp_path):
    (tmp_path / "other").write_bytes(b"")
    save_pair(tmp_path / "pair.safetensors", build("baluja", width=1), Card("baluja", {"width": 1}, {}))
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1
