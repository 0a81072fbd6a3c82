import inspect
import json
import subprocess
import sys
from dataclasses import fields, replace
from typing import Any

import pytest

from stegnet import ConfigError
from stegnet.networks import Card, Pair, build, build_from, family_names, options_of, save_pair
from tests.support.lab import ModelConfig

SCRAMBLE = {"base": "means", "quality": 85, "block": 8, "period": 0.0}
OWN = ModelConfig("", "auto", "auto", "auto", "auto", "auto", pretrained=False)
TINY = {"blocks": 1, "width": 2}  # of an invertible pair


def section(name: str, **keys: Any) -> ModelConfig:
    return replace(OWN, name=name, **keys)


def test_every_family_is_found_by_name_with_keys_of_the_section_as_options():
    for name in family_names():
        options = options_of(section(name))
        if name != "modem":  # its operating points are in study/modem.yaml
            assert options.keys() <= {field.name for field in fields(ModelConfig)}
            pair = build_from(section(name))
            assert isinstance(pair, Pair)
            assert options == {key: value.default for key, value in inspect.signature(type(pair)).parameters.items()}
            assert json.loads(json.dumps(options)) == options


def test_loading_the_shipped_weights_imports_no_rival_and_no_configuration():
    program = (
        "import sys; from stegnet.networks import load_pair; load_pair(); "
        "print(*(name for name in sys.modules if name.startswith(('stegnet.networks.', 'pipeline', 'pydantic'))))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if not name.startswith("stegnet.networks.layers")}
    assert loaded == {f"stegnet.networks.{name}" for name in ("card", "families", "families.costa", "pair")}


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"model.name: unknown family 'invertable'") as caught:
        build("invertable")
    registered = ", ".join(family_names())  # with those that others have registered in this process
    known = f"known: {registered}; or a class of your own, my.module:Class"
    assert {"costa", "invertible", "modem", "unet"} <= set(family_names())
    assert caught.value.hint == f"did you mean invertible? {known}"
    with pytest.raises(ConfigError) as caught:
        options_of(section("zzz"))
    assert caught.value.hint == known


def test_a_family_takes_its_options_from_the_section_and_ignores_those_of_others():
    given = {"blocks": 2, "width": 5, "backbone": "test_resnet", "pretrained": True, "ends": 0}
    assert options_of(section("baluja", **given)) == {"width": 5}
    assert options_of(section("timm_unet", **given)) == {"backbone": "test_resnet", "pretrained": True, "width": 5}
    assert options_of(section("invertible", **given))["ends"] == 0  # falsy values are no reason for a default
    assert build_from(section("baluja", **given)).revealer[-1].in_channels == 15


def test_weights_files_have_default_permissions(tmp_path):
    (tmp_path / "other").write_bytes(b"")
    save_pair(tmp_path / "pair.safetensors", build("baluja", width=1), Card("baluja", {"width": 1}, {}))
    assert len({path.stat().st_mode for path in tmp_path.iterdir()}) == 1
