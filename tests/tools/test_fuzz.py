"""The fuzzer of containers: it runs, and finds nothing in a few dozen."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.waiting import LIMIT


@pytest.mark.long
def test_a_few_damaged_containers() -> None:
    command = [sys.executable, "-m", "tools.fuzz", "--runs", "32"]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAULT" not in done.stdout
    for container in ("c.png", "c.mkv", "c.mp4", "h.mp4"):
        assert container in done.stdout
