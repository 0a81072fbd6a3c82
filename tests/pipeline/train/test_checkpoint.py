import errno
import logging
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch

from pipeline.train import checkpoint as module
from pipeline.train.checkpoint import TrainingState
from stegnet import MediaError
from tests.support.lab import ROOT, TrainingError
from tests.support.training import Checkpoint


@pytest.fixture
def checkpoint(tmp_path) -> Checkpoint:
    """The checkpoint of the training "abc", saved after steps 4, 8 and 12."""
    (tmp_path / "new").mkdir()
    saved = Checkpoint(tmp_path / "new", "abc")
    for step in (4, 8, 12):
        saved.save(state_at(step))
    return saved


def state_at(step: int) -> TrainingState:
    """A small state, whose weights are the number of the step."""
    weights = {"w": torch.full((2,), step)}
    return TrainingState(step=step, curve=[], best={}, parts={"task": weights})


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_last_two_states_are_kept_and_the_newest_is_loaded_until_they_are_removed(checkpoint, tmp_path):
    state = Checkpoint(tmp_path / "new", "abc").load()
    assert (state["step"], state["parts"]["task"]["w"].tolist()) == (12, [12, 12])
    assert files(tmp_path / "new") == ["abc-000000008.pt", "abc-000000012.pt"]
    assert checkpoint.newest() == tmp_path / "new" / "abc-000000012.pt"
    with checkpoint.lock():
        pass
    checkpoint.remove()
    checkpoint.remove()
    assert files(tmp_path / "new") == []


@pytest.mark.parametrize("length", [0, -100, None])
def test_a_damaged_file_is_reported_and_the_previous_one_is_used(checkpoint, length, caplog):
    """Empty, cut, or with one bit changed."""
    content = bytearray(checkpoint.newest().read_bytes())
    content[len(content) // 2] ^= 4 if length is None else 0
    checkpoint.newest().write_bytes(content[:length])
    with caplog.at_level(logging.WARNING):
        assert checkpoint.load()["step"] == 8
    (said,) = caplog.messages
    assert said.startswith(str(checkpoint.newest()))
    (checkpoint.newest().parent / "abc-000000008.pt").write_bytes(b"?")
    assert checkpoint.load() is None  # training starts again


def test_a_failed_write_leaves_the_previous_file(checkpoint, monkeypatch):
    monkeypatch.setattr(os, "fsync", Mock(side_effect=OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(MediaError, match=r"abc-000000016\.pt: can't be written \(No space left"):
        checkpoint.save({"step": 16})
    assert checkpoint.load()["step"] == 12
    assert files(checkpoint.newest().parent) == ["abc-000000008.pt", "abc-000000012.pt"]


def test_a_second_process_is_locked_out_until_the_first_ends_or_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LOCK_TIMEOUT", 0.1)
    checkpoint = Checkpoint(tmp_path, "abc")
    with checkpoint.lock(), pytest.raises(TrainingError, match="is running already"), checkpoint.lock():
        pass
    code = "import os, sys; from pathlib import Path; from pipeline.train.checkpoint import Checkpoint\n"
    code += "with Checkpoint(Path(sys.argv[1]), 'abc').lock(): os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, cwd=ROOT)
    assert files(tmp_path) == ["abc.lock"]
    with checkpoint.lock():
        pass
