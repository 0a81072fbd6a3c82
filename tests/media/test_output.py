import os

import pytest

from stegnet.errors import MediaError
from stegnet.media import whole_file


def test_a_whole_file_takes_its_place(tmp_path):
    target = tmp_path / "a.mkv"
    target.write_text("old")
    with whole_file(target) as part:
        assert (part.parent, part.suffix) == (tmp_path, ".mkv")
        part.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_its_mode_is_that_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    with whole_file(tmp_path / "a.png"):
        pass
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_whatever_fails_leaves_nothing(tmp_path, error):
    with pytest.raises(error), whole_file(tmp_path / "a.png") as part:
        part.write_text("half")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(MediaError, match="no such folder"), whole_file(tmp_path / "b" / "a.png"):
        pass


def test_a_folder_in_its_place(tmp_path):
    with pytest.raises(MediaError, match="is a folder"), whole_file(tmp_path):
        pass


def test_a_folder_that_can_not_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(MediaError, match="can't be written"), whole_file(tmp_path / "file" / "a.png"):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(MediaError, match="can't be written"), whole_file(tmp_path / "a.png"):
        pass
