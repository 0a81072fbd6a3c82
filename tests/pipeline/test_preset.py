"""Presets by name: what a user sees, and what `dvc exp run` gets."""

import os
import subprocess
import sys
from pathlib import Path

from pipeline.preset import read_preset
from tests.support.lab import ROOT


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a preset with a program in the place of DVC that prints its arguments, one a line."""
    program = folder / "dvc"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nexit 3\n')
    program.chmod(0o755)
    environment = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pipeline.preset", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_dvc_gets_the_changes_and_then_those_of_the_user(tmp_path):
    done = run(tmp_path, "unet", "-S", "beta=2", "--queue")
    said = done.stdout.splitlines()
    assert said[:2] == ["exp", "run"]
    assert said[-3:] == ["-S", "beta=2", "--queue"]
    changes = {key: value for key, _, value in (word.partition("=") for word in said[2:-3] if word != "-S")}
    assert changes["train.rounded"] == "false"
    assert changes["scramble.base"] == "none"
    assert changes.keys() == read_preset("unet").keys()
    assert done.returncode == 3


def test_without_a_name_all_are_listed(tmp_path):
    assert {"gpu", "baluja", "unet"} <= set(run(tmp_path).stdout.split())


def test_an_unknown_name(tmp_path):
    done = run(tmp_path, "balujo")
    assert done.returncode == 1
    assert done.stdout == ""
    first, second = done.stderr.splitlines()
    assert first == "error: no preset has the name 'balujo'"
    assert second.startswith("hint: did you mean baluja? known: costa, gpu, invertible_large, baluja,")
