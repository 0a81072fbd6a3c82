"""The private folder for temporary files, and what others have put beside it."""

import os
import stat
from pathlib import Path

import pytest

from stegnet import MediaError
from stegnet.gui.workspace import Workspace


@pytest.fixture
def left(temporary: Path) -> Path:
    """A folder as a program that was killed leaves it."""
    folder = temporary / "stegnet-gui-left"
    folder.mkdir()
    (folder / "lock").touch()
    return folder


def test_the_folder_is_private_and_removed(temporary: Path, monkeypatch) -> None:
    with Workspace() as workspace:
        assert workspace._folder.stat().st_mode & 0o777 == 0o700
        with workspace.inputs() as inputs:
            assert inputs.stat().st_mode & 0o777 == 0o700
    assert list(temporary.iterdir()) == []
    monkeypatch.setattr("tempfile.tempdir", str(temporary / "gone"))
    with pytest.raises(MediaError, match="no folder for temporary files"):
        Workspace()


def test_what_a_killed_program_left_is_removed(left: Path) -> None:
    (left / "secret.png").touch()
    with Workspace() as first:
        assert not left.exists()
        with Workspace():
            assert first._folder.exists()


def test_what_another_user_left_is_not_removed(left: Path, monkeypatch) -> None:
    """Whoever may remove all files, as an administrator, would remove theirs."""
    user, lstat = left.stat().st_uid, Path.lstat

    def of_another(path: Path) -> os.stat_result:
        found = list(lstat(path))
        found[stat.ST_UID] = user + (path == left)
        return os.stat_result(found)

    monkeypatch.setattr(Path, "lstat", of_another)
    with Workspace():
        assert (left / "lock").exists()


def test_links_in_the_folder_for_temporary_files_are_left(temporary: Path, left: Path, tmp_path: Path) -> None:
    """Another user may have put them there."""
    other = left.rename(tmp_path / "other")
    (temporary / "stegnet-gui-link").symlink_to(other)
    with Workspace():
        assert (other / "lock").exists()
    assert (temporary / "stegnet-gui-link").is_symlink()
