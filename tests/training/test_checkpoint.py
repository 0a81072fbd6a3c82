import pytest
import torch

from stegnet.training.checkpoint import Checkpoint


def test_what_was_saved_last_is_loaded(tmp_path):
    checkpoint = Checkpoint(tmp_path / "new", "abc")
    assert checkpoint.load() is None
    checkpoint.save({"step": 1, "w": torch.ones(2)})
    checkpoint.save({"step": 2, "w": torch.zeros(2)})
    state = Checkpoint(tmp_path / "new", "abc").load()
    assert (state["step"], state["w"].tolist()) == (2, [0, 0])
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["abc.pt"]


def test_another_training_has_another_checkpoint(tmp_path):
    Checkpoint(tmp_path, "abc").save({"step": 1})
    assert Checkpoint(tmp_path, "abd").load() is None


def test_a_write_that_fails_leaves_the_one_before(tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path, "abc")
    checkpoint.save({"step": 1})

    def fail(state, path):
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        checkpoint.save({"step": 2})
    assert checkpoint.load() == {"step": 1}


def test_it_can_be_removed_twice(tmp_path):
    checkpoint = Checkpoint(tmp_path, "abc")
    checkpoint.save({})
    checkpoint.remove()
    checkpoint.remove()
    assert list(tmp_path.iterdir()) == []
