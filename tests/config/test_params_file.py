"""Parameter files: numbers in YAML, and values by dotted keys."""

import pytest

from stegnet import ConfigError
from stegnet.config.params_file import changed, flatten, parse, read


def test_exponents_are_those_of_yaml_1_2():
    """As DVC's -S and people write them; in YAML 1.1, they are text."""
    for text in ("1e-05", "1e-5", "1E-5", "1.0e-05", "1.e-5", ".1e-4", "+1e-05"):
        assert parse(f"lr: {text}  # a rate") == {"lr": 1e-5}
    for text in ("1e", "e5", "1e5x", "0x1e5", "v1e5", "1e5.0"):
        assert not isinstance(parse(text), float)


def test_a_file_is_read_unchecked(tmp_path):
    (tmp_path / "a.yaml").write_text("a: {b: 1e-05}\n")
    assert read(tmp_path / "a.yaml") == {"a": {"b": 1e-5}}
    with pytest.raises(ConfigError, match=r"b\.yaml: No such file"):
        read(tmp_path / "b.yaml")


def test_values_are_read_and_changed_by_dotted_keys():
    before = {"a": {"b": 1, "c": {"d": 2}}, "e": 3}
    assert flatten(before) == {"a.b": 1, "a.c.d": 2, "e": 3}
    assert changed(before, {"a.b": 4, "f.g": 5}) == {"a": {"b": 4, "c": {"d": 2}}, "e": 3, "f": {"g": 5}}
    assert before == {"a": {"b": 1, "c": {"d": 2}}, "e": 3}
