"""params.yaml: what is in it, and the line that a user reads when something in it is wrong."""

import dataclasses
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from stegnet import ConfigError
from study.zoo.__main__ import PROFILES, parse_changes, read_profile
from tests.support.lab import PARAMS, ROOT, Config, changed, check, flatten, load, parse, read

TEXT = PARAMS.read_text(encoding="utf-8")
VALUES = parse(TEXT)
FLAT = flatten(VALUES)
WRONG = {int: 1.5, float: "much", bool: 1, str: 3, list: "some"}


def changed_to(key: str, value: Any) -> Config:
    """The repository's parameters with one changed."""
    return check(changed(VALUES, {key: value}))


def without(values: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    first, *rest = keys
    if rest:
        return values | {first: without(values[first], rest)}
    return {key: value for key, value in values.items() if key != first}


def error(values: Any) -> tuple[str, str]:
    """The message, without the file's name, and the hint."""
    with pytest.raises(ConfigError) as caught:
        check(values)
    message = str(caught.value)
    assert message.startswith("params.yaml: ")
    assert "\n" not in message
    return message.removeprefix("params.yaml: "), caught.value.hint


def as_given(config: Config, given: dict[str, Any]) -> dict[str, Any]:
    """Parameters by dotted keys; those that are given as "auto" are so."""
    values = flatten(dataclasses.asdict(config))
    return values | {key: "auto" for key, value in given.items() if value == "auto" and key in values}


def leaves(node: yaml.MappingNode, prefix: str = "") -> Iterator[tuple[str, int]]:
    """Dotted key and line number of each value."""
    for key, value in node.value:
        if isinstance(value, yaml.MappingNode):
            yield from leaves(value, f"{prefix}{key.value}.")
        else:
            yield prefix + key.value, key.start_mark.line


def test_the_repository_s_params_load():
    assert as_given(load(PARAMS), FLAT) == FLAT


@pytest.mark.parametrize(
    ("changes", "base", "rate", "bits", "start"),
    [
        ({"model.name": "costa"}, "coded", 0.005, 1.35, 1.0),
        ({"model.name": "study.zoo.hinet:HiNet"}, "means", 0.002, 0.05, 0.02),
        ({"model.name": "unet", "scramble.base": "coded"}, "coded", 0.002, 1.35, 0.0001),
        ({"model.name": "costa", "scramble.base": "none", "train.lr": 0.1}, "none", 0.1, 0.0, 1.0),
    ],
)
def test_auto_is_what_suits_family_and_base(changes, base, rate, bits, start):
    config = check(changed(VALUES, changes))
    train = config.train
    assert (config.scramble.base, train.lr, train.bits, train.container_start) == (base, rate, bits, start)


@pytest.mark.parametrize(
    ("key", "value", "beside"),
    [
        ("scramble.quality", 80, {"scramble.base": "means"}),
        ("train.bits", 1.0, {"train.rounded": False}),
        ("train.loss.chroma", 0.5, {"train.loss.space": "rgb"}),
        ("train.patience", 3, {"train.validate": 0}),
        ("train.container_start", 0.5, {"train.container_ramp": 0.0}),
        ("data.limit", 50, {"data.source": "scenes"}),
        ("data.tiles", 4, {"data.source": "scenes"}),
    ],
)
def test_a_value_that_acts_on_nothing_is_refused_unless_it_is_the_default(key, value, beside):
    message, hint = error(changed(VALUES, {key: value, **beside}))
    assert message.startswith(f"{key}: acts on nothing: ")
    name, _, default = hint.partition("=")
    assert name == key
    check(changed(VALUES, {key: parse(default), **beside}))
    check(changed(VALUES, beside))


def test_sources_and_shares_that_leave_nothing_are_refused():
    shares = {"data.validation_share": 0.5, "data.test_share": 0.5}
    assert error(changed(VALUES, shares))[0].endswith("leave no pictures for training")
    check(changed(VALUES, shares | {"data.test_share": 0.4}))
    assert error(changed(VALUES, {"data.source": "folder+scenes + folder"}))[0].endswith("a source is named twice")


def test_no_key_has_a_name_that_dvc_s_run_cache_ignores():
    assert {"size", "nfiles"}.isdisjoint(name for key in FLAT for name in key.split("."))


def test_every_key_has_a_comment():
    lines = TEXT.splitlines()
    found = dict(leaves(yaml.compose(TEXT)))
    assert found.keys() == FLAT.keys()
    assert [key for key, line in found.items() if " # " not in lines[line]] == []


def test_a_missing_key_or_a_wrong_type_is_named():
    for key in [key for key in FLAT][::10]:
        assert error(without(VALUES, key.split("."))) == (f"{key}: missing", "")
    for key, value in FLAT.items():
        wrong = [1.5] if value == "auto" else WRONG[float if key == "beta" else type(value)]
        assert error(changed(VALUES, {key: wrong}))[0].startswith(f"{key}: must be ")
    for key in ("seed", "beta", "train.ema"):
        assert error(changed(VALUES, {key: True}))[0].endswith(", is True")


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("beta", float("nan"), "must be less than or equal to 1000000, is nan"),
        ("data.side", 100, "must be a multiple of 8, is 100"),
        ("model.width", "car", "must be a valid integer, is 'car'"),
        ("train.precision", "fp8", "must be 'auto', 'bf16', 'fp16' or 'fp32', is 'fp8'"),
    ],
)
def test_the_rule_that_a_value_breaks_is_said(key, value, rule):
    assert error(changed(VALUES, {key: value})) == (f"{key}: {rule}", "")


def test_numbers_in_other_spellings(tmp_path):
    """DVC's -S and people write exponents as in YAML 1.2; in YAML 1.1, they are text, and 1e5 is a float."""
    pairs, beta = changed_to("train.pairs", 1e5).train.pairs, changed_to("beta", 2).beta
    assert (pairs, type(pairs), beta, type(beta)) == (100_000, int, 2.0, float)
    assert (changed_to("model.width", 8).model.width, changed_to("model.width", "auto").model.width) == (8, "auto")
    for text in ("1e-05", "1E-5", "1.e-5", ".1e-4", "+1e-05"):
        assert parse(f"lr: {text}  # a rate") == {"lr": 1e-5}
    for text in ("1e", "e5", "1e5x", "0x1e5", "1e5.0"):
        assert not isinstance(parse(text), float)
    (tmp_path / "a.yaml").write_text("a: {b: 1e-05}\n")
    assert read(tmp_path / "a.yaml") == {"a": {"b": 1e-5}}


def test_unknown_keys_come_with_the_closest_one():
    assert error(VALUES | {"sede": 1}) == ("sede: unknown key", "did you mean seed?")
    assert error(changed(VALUES, {"data.sides": 1})) == ("data.sides: unknown key", "did you mean side?")
    flips = error(changed(VALUES, {"train.augment.flips": 1}))
    assert flips == ("train.augment.flips: unknown key", "did you mean flip?")
    assert error(changed(VALUES, {"train.loss.msee": 1.0})) == ("train.loss.msee: unknown key", "did you mean mse?")
    assert error(without(VALUES, ["train", "loss", "l1"]))[0].startswith("train.loss.l1: ")
    assert error(VALUES | {"data": VALUES["data"] | {7: 1}}) == ("data.7: unknown key", "")


def test_the_first_section_is_named_first_and_in_it_a_misspelt_key():
    misspelt = without(changed(VALUES, {"train.pears": 17000}), ["train", "pairs"])
    assert error(misspelt) == ("train.pears: unknown key", "did you mean pairs?")
    assert error(changed(misspelt, {"data.test_share": 10.1}))[0].startswith("data.test_share: must be")
    assert error(without(misspelt, ["beta"]) | {"beat": 1})[0] == "beat: unknown key"


def test_keys_that_do_not_fit_together():
    """Blocks of 48 fill crops of 96 alone, and blocks of 64 pictures of 256 alone."""
    for block in (48, 64):
        wrong = error(changed(VALUES, {"scramble.block": block, "train.crop": 96}))[0]
        assert wrong == f"scramble.block: must divide data.side and train.crop, is {block}"
    assert changed_to("scramble.block", 32).scramble.block == 32
    assert changed_to("data.side", 96).data.side == 96
    assert (
        error(changed(VALUES, {"data.side": 88, "train.crop": 96}))[0]
        == "train.crop: must not exceed data.side 88, is 96"
    )
    assert changed_to("train.loss.l1", 1.0).train.loss.l1 == 1
    assert error(changed(VALUES, {"train.loss.mse": 0.0}))[0].startswith("train.loss: all weights are 0")


def printed_changes(page: str) -> list[dict[str, Any]]:
    """The changes of each `dvc exp run` that a page prints."""
    runs = re.findall(r"dvc exp run((?: +\\?\n? *-S [\w.]+=\S+)+)", (ROOT / page).read_text(encoding="utf-8"))
    return [parse_changes(word for word in run.split() if "=" in word) for run in runs]


@pytest.mark.parametrize("name", PROFILES)
def test_what_a_profile_of_the_zoo_changes_is_known(name):
    values = changed(VALUES, read_profile(name))
    assert as_given(check(values), flatten(values)) == flatten(values)


def test_lines_to_copy_are_those_of_the_makefile_and_of_a_profile():
    (of_gpus,) = printed_changes("docs/gpu.md")
    command = ["make", "--no-print-directory", "-n", "-o", ".venv/.ready", "repro-gpu"]
    line = subprocess.check_output(command, cwd=ROOT, text=True)
    made = parse_changes(line.split()[4::2])
    assert made == of_gpus
    assert check(changed(VALUES, made)).train.compile
    assert printed_changes("docs/zoo.md") == [read_profile("hinet")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "the file must be a mapping"), (b"a: [1", "not YAML"), (b"\xff\xfe\x00a", "not YAML"), (None, "No such")],
)
def test_an_unreadable_file(tmp_path, content, reason):
    path = tmp_path / "params.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=reason) as caught:
        load(path)
    assert "\n" not in str(caught.value)
