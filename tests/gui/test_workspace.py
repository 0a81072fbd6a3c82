"""The private folder for temporary files, and what others have put beside it."""

import os
import stat
from pathlib import Path

import pytest

from stegnet import MediaError
from stegnet.gui import server as gui
from tests.support.temporary import temporary_files_in


@pytest.fixture
def left(temporary: Path) -> Path:
    """A folder as a program that was killed leaves it."""
    folder = temporary / "stegnet-gui-left"
    folder.mkdir()
    (folder / "lock").touch()
    return folder


def test_the_folder_is_private_and_removed(temporary: Path) -> None:
    with gui.Workspace() as workspace, workspace.inputs() as inputs:
        assert [each.stat().st_mode & 0o777 for each in (inputs, inputs.parent)] == [0o700, 0o700]
        assert inputs.parent.parent == temporary
    assert list(temporary.iterdir()) == []
    with temporary_files_in(temporary / "gone"), pytest.raises(MediaError, match="no folder for temporary files"):
        gui.Workspace()


def test_what_a_killed_program_left_is_removed(temporary: Path, left: Path) -> None:
    """But nothing that another program has open, nor what a link of another user leads to."""
    (left / "secret.png").touch()
    (temporary / "others").mkdir()
    (temporary / "others/lock").touch()
    (temporary / "stegnet-gui-link").symlink_to(temporary / "others")
    with gui.Workspace() as first, first.inputs() as inputs:
        assert not left.exists()
        with gui.Workspace():
            assert inputs.exists()
    assert (temporary / "others/lock").exists()
    assert (temporary / "stegnet-gui-link").is_symlink()


def test_what_another_user_left_is_not_removed(left: Path, monkeypatch) -> None:
    """Whoever may remove all files, as an administrator, would remove theirs."""
    user, lstat = left.stat().st_uid, Path.lstat

    def of_another(path: Path) -> os.stat_result:
        found = list(lstat(path))
        found[stat.ST_UID] = user + (path == left)
        return os.stat_result(found)

    monkeypatch.setattr(Path, "lstat", of_another)
    with gui.Workspace():
        assert (left / "lock").exists()
