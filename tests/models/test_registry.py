import inspect
import json
from dataclasses import fields, replace

import pytest

from stegnet.core.config import AUTO, ModelConfig
from stegnet.core.errors import ConfigError
from stegnet.models import Baluja, Invertible, Pair, TimmUNet, build, build_from, names, options_of
from stegnet.models.registry import register

KNOWN = ["baluja", "invertible", "invertible_large", "timm_unet", "unet"]
OWN = ModelConfig("", blocks=AUTO, width=AUTO, ends=AUTO, backbone=AUTO, place=AUTO, pretrained=False)


def section(name: str, **keys: object) -> ModelConfig:
    return replace(OWN, name=name, **keys)


def test_the_names_are_known():
    assert names() == KNOWN


def test_a_family_is_built_by_name():
    pair = build("invertible", blocks=3, width=4)
    assert isinstance(pair, Invertible)
    assert len(pair.blocks) == 3


def test_a_name_is_given_once():
    with pytest.raises(ValueError, match="'baluja' is registered twice"):
        register("baluja")(Pair)
    assert isinstance(build("baluja", width=1), Baluja)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"model.name: unknown family 'invertable'") as caught:
        build("invertable")
    assert caught.value.hint == f"did you mean invertible? known: {', '.join(KNOWN)}"


def test_a_name_like_none_of_them():
    with pytest.raises(ConfigError) as caught:
        options_of(section("zzz"))
    assert caught.value.hint == f"known: {', '.join(KNOWN)}"


@pytest.mark.parametrize("name", KNOWN)
def test_auto_is_the_familys_own(name):
    options = options_of(section(name))
    built = inspect.signature(type(build(name))).parameters
    assert options == {key: parameter.default for key, parameter in built.items()}
    assert AUTO not in options.values()
    assert json.loads(json.dumps(options)) == options


@pytest.mark.parametrize("name", KNOWN)
def test_a_family_asks_for_keys_that_there_are(name):
    assert options_of(section(name)).keys() <= {field.name for field in fields(ModelConfig)}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("baluja", {"width": 5}),
        ("unet", {"width": 5}),
        ("timm_unet", {"backbone": "test_resnet", "pretrained": True, "width": 5}),
    ],
)
def test_a_family_takes_its_part_of_the_section(name, options):
    assert options_of(section(name, blocks=2, width=5, backbone="test_resnet", pretrained=True)) == options


def test_what_is_nothing_is_not_taken_for_the_familys_own():
    options = options_of(section("invertible", ends=0, backbone="none"))
    assert (options["ends"], options["backbone"], options["pretrained"]) == (0, "none", False)
    own = options_of(section("invertible"))
    assert own["ends"] > 0


def test_a_pair_from_a_section():
    assert isinstance(build_from(section("timm_unet", backbone="test_resnet")), TimmUNet)
    assert build_from(section("baluja", width=5)).revealer[-1].in_channels == 15
