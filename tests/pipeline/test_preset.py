"""Presets by name, and as `dvc exp run` gets them from a file by the printed command."""

import subprocess

import pytest

from pipeline.preset import parse_changes, preset_files, read_preset
from stegnet.core.errors import ConfigError


@pytest.mark.parametrize("name", preset_files())
def test_the_printed_command_gives_dvc_the_changes(name: str) -> None:
    command = f"echo $(grep -o '^-S [^ ]*' {preset_files()[name]})"
    words = subprocess.check_output(command, shell=True, text=True).split()
    assert set(words[::2]) == {"-S"}
    assert parse_changes(words[1::2]) == read_preset(name)


def test_an_unknown_name() -> None:
    with pytest.raises(ConfigError, match="no preset has the name 'balujo'") as raised:
        read_preset("balujo")
    assert raised.value.hint.startswith("did you mean baluja? known: costa, gpu, invertible_large, baluja,")
