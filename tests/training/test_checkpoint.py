import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from stegnet.core.errors import TrainingError
from stegnet.training import checkpoint as module
from stegnet.training.checkpoint import Checkpoint


@pytest.fixture
def checkpoint(tmp_path) -> Checkpoint:
    """Of the training "abc", after steps 4, 8 and 12."""
    saved = Checkpoint(tmp_path / "new", "abc")
    for step in (4, 8, 12):
        saved.save({"step": step, "w": torch.full((2,), step)})
    return saved


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_was_saved_last_is_loaded(checkpoint, tmp_path):
    state = Checkpoint(tmp_path / "new", "abc").load()
    assert (state["step"], state["w"].tolist()) == (12, [12, 12])


def test_the_last_two_are_kept(checkpoint, tmp_path):
    assert files(tmp_path / "new") == ["abc-000000008.pt", "abc-000000012.pt"]
    assert checkpoint.newest() == tmp_path / "new" / "abc-000000012.pt"


def test_before_anything_is_saved_there_is_nothing(tmp_path):
    empty = Checkpoint(tmp_path / "none", "abc")
    assert (empty.load(), empty.newest(), files(tmp_path)) == (None, None, [])


def test_another_training_has_another_checkpoint(checkpoint, tmp_path):
    assert Checkpoint(tmp_path / "new", "abd").load() is None


@pytest.mark.parametrize("damage", ["cut", "one bit", "empty"])
def test_a_damaged_file_is_told_and_the_one_before_is_used(checkpoint, damage, caplog):
    content = bytearray(checkpoint.newest().read_bytes())
    content[len(content) // 2] ^= 4 if damage == "one bit" else 0
    length = {"cut": len(content) - 100, "one bit": len(content), "empty": 0}[damage]
    checkpoint.newest().write_bytes(content[:length])
    with caplog.at_level(logging.WARNING):
        assert checkpoint.load()["step"] == 8
    (said,) = caplog.messages
    assert said.startswith(str(checkpoint.newest()))


def test_when_all_are_damaged_the_training_begins_anew(checkpoint, tmp_path, caplog):
    for path in (tmp_path / "new").iterdir():
        path.write_bytes(b"?")
    assert checkpoint.load() is None
    assert len(caplog.messages) == 2


def test_a_write_that_fails_leaves_the_one_before(checkpoint, monkeypatch):
    def fail(path, content):
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(module, "_write", fail)
    with pytest.raises(OSError, match="disk full"):
        checkpoint.save({"step": 16})
    assert checkpoint.load()["step"] == 12


def test_all_is_on_the_disk_before_it_counts(checkpoint, monkeypatch):
    """File, then name, then folder: so that a power failure leaves the old or the new one."""
    done = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, name=name, real=real: done.append(name) or real(*args))
    checkpoint.save({"step": 16})
    assert done == ["fsync", "replace", "fsync"]


def test_it_can_be_removed_twice(checkpoint, tmp_path):
    with checkpoint.lock():
        pass
    (tmp_path / "new" / "abc.tmp").write_bytes(b"half")
    checkpoint.remove()
    checkpoint.remove()
    assert files(tmp_path / "new") == []


def test_two_trainings_do_not_share_it(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LOCK_TIMEOUT", 0.1)
    with checkpoint.lock(), pytest.raises(TrainingError, match="is running already"), checkpoint.lock():
        pass
    with checkpoint.lock():
        pass


def test_who_dies_gives_it_free(tmp_path, monkeypatch):
    code = "import os, sys; from pathlib import Path; from stegnet.training.checkpoint import Checkpoint\n"
    code += "with Checkpoint(Path(sys.argv[1]), 'abc').lock(): os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, cwd=Path(__file__).parents[2])
    monkeypatch.setattr(module, "LOCK_TIMEOUT", 0.1)
    assert files(tmp_path) == ["abc.lock"]
    with Checkpoint(tmp_path, "abc").lock():
        pass
