"""The program with weights of one's own, which PyTorch computes: a process of its own, and all that it prints."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stegnet.image import write_png


@pytest.mark.slow
def test_nothing_but_its_own_lines_is_printed(
    weights: Path, picture: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    """PyTorch's extensions print what they call leaks, where objects are left at the exit."""
    for name, seed in (("cover.png", 0), ("secret.png", 1)):
        write_png(tmp_path / name, picture(64, 64, seed))
    (tmp_path / "k").write_text("a passphrase of some words that nobody guesses\n", encoding="utf-8")

    def said(*arguments: str) -> list[str]:
        given = [*arguments, "--weights", str(weights), "--passphrase-file", "k"]
        command = [sys.executable, "-m", "stegnet", *given]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stderr.splitlines()

    lines = said("hide", "cover.png", "secret.png", "--method", "network", "--any-quality", "-o", "c.png")
    assert all(line.startswith(("c.png: ", "warning: ", "note: ")) for line in lines), lines
    assert said("reveal", "c.png", "-o", "r.png") == []
