import pytest

from stegnet.config import ModelConfig
from stegnet.errors import ConfigError
from stegnet.models import Baluja, Invertible, Pair, TimmUNet, build, build_from, names, options_of
from stegnet.models.registry import register


def section(name: str) -> ModelConfig:
    return ModelConfig(name, blocks=2, width=5, backbone="test_resnet", pretrained=False)


def test_the_names_are_known():
    assert names() == ["baluja", "invertible", "timm_unet"]


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
    assert caught.value.hint == "did you mean invertible? known: baluja, invertible, timm_unet"


def test_a_name_like_none_of_them():
    with pytest.raises(ConfigError) as caught:
        options_of(section("zzz"))
    assert caught.value.hint == "known: baluja, invertible, timm_unet"


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("invertible", {"blocks": 2, "width": 5}),
        ("baluja", {"width": 5}),
        ("timm_unet", {"backbone": "test_resnet", "pretrained": False}),
    ],
)
def test_a_family_takes_its_part_of_the_section(name, options):
    assert options_of(section(name)) == options


def test_a_pair_from_a_section():
    assert isinstance(build_from(section("timm_unet")), TimmUNet)
    assert build_from(section("baluja")).revealer[-1].in_channels == 15
