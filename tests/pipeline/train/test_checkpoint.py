import errno
import os
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch

from pipeline.train.checkpoint import TrainingState
from stegnet import MediaError
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


def test_the_last_state_is_kept_until_it_is_removed(checkpoint, tmp_path):
    state = Checkpoint(tmp_path / "new", "abc").load()
    assert (state["step"], state["parts"]["task"]["w"].tolist()) == (12, [12, 12])
    assert files(tmp_path / "new") == ["abc.pt"]
    assert Checkpoint(tmp_path / "new", "other").load() is None
    checkpoint.remove()
    checkpoint.remove()
    assert files(tmp_path / "new") == []


@pytest.mark.parametrize("length", [0, -100, None])
def test_a_damaged_file_is_reported_and_the_training_starts_again(checkpoint, length, caplog):
    """Empty, cut, or with one bit changed."""
    content = bytearray(checkpoint.path.read_bytes())
    content[len(content) // 2] ^= 4 if length is None else 0
    checkpoint.path.write_bytes(content[:length])
    assert checkpoint.load() is None
    assert caplog.messages == [f"{checkpoint.path}: is damaged; the training starts again"]


def test_a_failed_write_leaves_the_previous_file(checkpoint, monkeypatch):
    monkeypatch.setattr(os, "fsync", Mock(side_effect=OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(MediaError, match=r"abc\.pt: can't be written \(No space left"):
        checkpoint.save(state_at(16))
    assert checkpoint.load()["step"] == 12
    assert files(checkpoint.path.parent) == ["abc.pt"]
