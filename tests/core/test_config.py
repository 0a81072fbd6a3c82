import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stegnet.config.config import Config, load
from stegnet.config.params_file import flatten
from stegnet.core.errors import ConfigError

PARAMS = Path(__file__).parents[2] / "params.yaml"
TEXT = PARAMS.read_text(encoding="utf-8")
FLAT = flatten(yaml.safe_load(TEXT))
WRONG = {int: 1.5, float: "much", bool: 1, str: 3, list: "some"}


@pytest.fixture
def changed(tmp_path):
    """Loads the repository's params.yaml with one key changed; `...` takes it out."""

    def load_changed(key: str, value: Any) -> Config:
        values = yaml.safe_load(TEXT)
        *sections, last = key.split(".")
        section = values
        for name in sections:
            section = section[name]
        if value is ...:
            del section[last]
        else:
            section[last] = value
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(values), encoding="utf-8")
        return load(path)

    return load_changed


def leaves(node: yaml.MappingNode, prefix: str = "") -> Iterator[tuple[str, int]]:
    """Dotted key and line number of each value."""
    for key, value in node.value:
        if isinstance(value, yaml.MappingNode):
            yield from leaves(value, f"{prefix}{key.value}.")
        else:
            yield prefix + key.value, key.start_mark.line


def test_the_repository_s_params_load():
    assert flatten(dataclasses.asdict(load(PARAMS))) == FLAT


@pytest.mark.parametrize(
    ("spelt", "value"),
    [
        ("1e-05", 1e-5),
        ("1e-5", 1e-5),
        ("1E-5", 1e-5),
        ("1.0e-05", 1e-5),
        ("1.e-5", 1e-5),
        (".1e-4", 1e-5),
        ("+1e-05", 1e-5),
    ],
)
def test_a_number_may_have_an_exponent(tmp_path, spelt, value):
    """As DVC's -S and people write it; in YAML 1.1 it is text."""
    path = tmp_path / "params.yaml"
    path.write_text(TEXT.replace("  lr: 0.005 ", f"  lr: {spelt} "), encoding="utf-8")
    assert load(path).train.lr == value


@pytest.mark.parametrize("value", [1e5, 100000.0, 100000])
def test_an_integer_may_have_an_exponent(changed, value):
    pairs = changed("train.pairs", value).train.pairs
    assert (pairs, type(pairs)) == (100_000, int)


def test_an_integer_with_an_exponent_has_the_same_bounds(changed):
    with pytest.raises(ConfigError, match=r"^params.yaml: train.pairs: must be int, is 1.5$"):
        changed("train.pairs", 1.5)
    with pytest.raises(
        ConfigError, match=r"^params.yaml: train.pairs: must lie between 1 and 10000000000, is 100000000000\.0$"
    ):
        changed("train.pairs", 1e11)
    with pytest.raises(ConfigError, match=r"^params.yaml: train.workers: must be int, is inf$"):
        changed("train.workers", float("inf"))


def test_every_key_has_a_comment():
    lines = TEXT.splitlines()
    found = dict(leaves(yaml.compose(TEXT)))
    assert found.keys() == FLAT.keys()
    assert [key for key, line in found.items() if " # " not in lines[line]] == []


@pytest.mark.parametrize("key", FLAT)
def test_a_missing_key_is_named(changed, key):
    with pytest.raises(ConfigError, match=rf"^params.yaml: {key}: missing$"):
        changed(key, ...)


@pytest.mark.parametrize("key", FLAT)
def test_a_wrong_type_is_named(changed, key):
    kind = type(FLAT[key]) if key not in {"beta"} else float
    with pytest.raises(ConfigError, match=rf"^params.yaml: {key}: must be (one of )?\w+.*, is"):
        changed(key, WRONG[kind] if FLAT[key] != "auto" else [1.5])


def test_auto_values(changed):
    assert changed("model.width", 8).model.width == 8
    assert changed("model.width", "auto").model.width == "auto"
    with pytest.raises(ConfigError, match=r"^params.yaml: model.width: must be int, is 'car'$"):
        changed("model.width", "car")
    with pytest.raises(ConfigError, match=r"^params.yaml: model.width: must lie between 1 and 4096, is 0$"):
        changed("model.width", 0)


@pytest.mark.parametrize(("key", "close"), [("sede", "seed"), ("data.sized", "size"), ("train.augment.flips", "flip")])
def test_an_unknown_key_is_named_with_the_closest_match(changed, key, close):
    with pytest.raises(ConfigError, match=rf"^params.yaml: {key}: unknown key$") as caught:
        changed(key, 1)
    assert caught.value.hint == f"did you mean {close}?"


def test_a_misspelt_key_is_unknown_before_it_is_missing(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(TEXT.replace("  pairs: 17000 ", "  pears: 17000 "), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^params.yaml: train.pears: unknown key$") as caught:
        load(path)
    assert caught.value.hint == "did you mean pairs?"


def test_errors_are_named_in_the_order_of_the_sections(tmp_path):
    path, misspelt = tmp_path / "params.yaml", TEXT.replace("  pairs: ", "  pears: ")
    path.write_text(misspelt.replace("  test_share: ", "  test_share: 1"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^params.yaml: data.test_share: must lie between 0 and 0.9, is 10.1$"):
        load(path)
    path.write_text(misspelt.replace("beta: ", "beat: "), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^params.yaml: beat: unknown key$"):
        load(path)


def test_a_key_that_is_not_text_is_unknown(changed):
    with pytest.raises(ConfigError, match=r"^params.yaml: data.7: unknown key$"):
        changed("data", yaml.safe_load(TEXT)["data"] | {7: 1})


@pytest.mark.parametrize("key", [key for key, value in FLAT.items() if isinstance(value, int | float)])
def test_true_is_not_a_number(changed, key):
    if isinstance(FLAT[key], bool):
        pytest.skip("a yes or no")
    with pytest.raises(ConfigError, match=rf"{key}: must be (int|float), is True"):
        changed(key, True)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", -1),
        ("seed", 2**31),
        ("beta", 0),
        ("beta", float("nan")),
        ("data.size", 63),
        ("data.test_share", 1.0),
        ("data.shard", 0),
        ("model.blocks", 0),
        ("train.ema", 1),
        ("train.lr", float("inf")),
        ("train.augment.noise", 1.01),
        ("evaluate.shift", 0),
    ],
)
def test_out_of_range_is_named(changed, key, value):
    with pytest.raises(ConfigError, match=rf"^params.yaml: {key}: must lie between .* is"):
        changed(key, value)


def test_an_invalid_choice_lists_the_valid_ones(changed):
    with pytest.raises(ConfigError, match=r"train.precision: must be one of auto, bf16, fp32, is 'fp16'"):
        changed("train.precision", "fp16")


@pytest.mark.parametrize("crop", [33, 100])
def test_a_crop_that_blocks_do_not_fill(changed, crop):
    with pytest.raises(ConfigError, match=rf"^params.yaml: train.crop: must be a multiple of 8, is {crop}$"):
        changed("train.crop", crop)


def test_a_size_that_blocks_do_not_fill(changed):
    with pytest.raises(ConfigError, match=r"^params.yaml: data.size: must be a multiple of 8, is 100$"):
        changed("data.size", 100)


@pytest.mark.parametrize("block", [48, 64])
def test_blocks_fill_pictures_and_crops(changed, block):
    """48 divides crops of 96 alone, 64 pictures of 256 alone."""
    with pytest.raises(ConfigError, match=rf"scramble.block: must divide data.size and train.crop, is {block}$"):
        changed("scramble.block", block)
    assert changed("scramble.block", 32).scramble.block == 32


def test_a_crop_larger_than_its_pictures(changed):
    assert changed("data.size", 96).data.size == 96
    with pytest.raises(ConfigError, match=r"^params.yaml: train.crop: must not exceed data.size 88, is 96$"):
        changed("data.size", 88)


def test_an_integer_is_accepted_as_a_float(changed):
    beta = changed("beta", 2).beta
    assert (beta, type(beta)) == (2.0, float)


@pytest.mark.parametrize("key", ["data", "train.augment"])
def test_a_section_must_be_a_mapping(changed, key):
    with pytest.raises(ConfigError, match=rf"^params.yaml: {key} must be a mapping"):
        changed(key, 3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file must be a mapping"),
        (b"a: [1", "not YAML"),
        (b"\xff\xfe\x00a", "not YAML"),
        (None, "No such file"),
    ],
)
def test_an_unreadable_file(tmp_path, content, reason):
    path = tmp_path / "params.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=reason) as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_a_loss_without_weights_is_refused(changed):
    assert changed("train.loss.l1", 1.0).train.loss.l1 == 1
    with pytest.raises(ConfigError, match=r"^params.yaml: train.loss: all weights are 0"):
        changed("train.loss.mse", 0.0)


def test_a_rung_is_named_by_its_number(changed):
    rungs = yaml.safe_load(TEXT)["model"]["rungs"]
    with pytest.raises(ConfigError, match=r"^params.yaml: model.rungs.1.bits: must lie between 1 and 64, is 65$"):
        changed("model.rungs", [rungs[0], rungs[1] | {"bits": 65}])
    with pytest.raises(ConfigError, match=r"^params.yaml: model.rungs.0.bitz: unknown key$") as caught:
        changed("model.rungs", [rungs[0] | {"bitz": 1}])
    assert caught.value.hint == "did you mean bits?"
    with pytest.raises(ConfigError, match=r"^params.yaml: model.rungs: jpeg-50: lowest must not exceed highest$"):
        changed("model.rungs", [rungs[0] | {"lowest": 99, "highest": 98}])
