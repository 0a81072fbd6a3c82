import pickle
import sys
from pathlib import Path

import pytest

from stegnet import MediaError, PackageError
from stegnet.core.remote_path import RemotePath, fetched, place, size_of, stored

FOLDER = RemotePath("memory://store/folder")


@pytest.fixture(autouse=True)
def store():
    """A folder with two files and a folder, in memory."""
    with FOLDER.opened() as (files, path):
        files.pipe({f"{path}/a.b.png": b"1", f"{path}/c": b"22", f"{path}/more/d": b"333"})
    yield files
    files.store.clear()


def test_places():
    assert place("covers/a.png") == Path("covers/a.png")
    assert place("file:///covers/a.png") == place("local:///covers/a.png") == Path("/covers/a.png")
    assert place("s3://bucket/folder/") == RemotePath("s3://bucket/folder")
    for drive in ("C:\\covers\\a.png", "c:/covers", "C://covers"):
        assert place(drive) == Path(drive)


def test_folders_and_parts_of_a_name():
    file = FOLDER / "a.b.png"
    assert (str(file), file.name, file.stem, file.suffix) == ("memory://store/folder/a.b.png", "a.b.png", "a.b", ".png")
    assert (FOLDER.name, FOLDER.suffix) == ("folder", "")
    files, others = FOLDER.files()
    assert {file.name: size_of(file) for file in files} == {"a.b.png": 1, "c": 2}
    assert others == ["more"]
    assert FOLDER.is_dir() and not files[0].is_dir()
    with pytest.raises(MediaError, match="memory://nowhere: no such file or folder"):
        RemotePath("memory://nowhere").files()


def test_fetched():
    with fetched(FOLDER / "c") as path:
        assert path.name == "c" and path.read_bytes() == b"22"
        assert path.stat().st_mode & 0o77 == 0 or path.parent.stat().st_mode & 0o77 == 0
    assert not path.parent.exists()
    with fetched(Path("here")) as path:
        assert path == Path("here")
    with pytest.raises(MediaError, match="memory://store/folder/e: no such file"), fetched(FOLDER / "e"):
        pass


def test_stored_when_it_is_whole():
    with stored(FOLDER / "new") as path:
        path.write_bytes(b"4444")
        assert not (FOLDER / "new").is_dir() and "new" not in {file.name for file in FOLDER.files()[0]}
    assert size_of(FOLDER / "new") == 4
    with pytest.raises(MediaError, match="memory://store/folder/half: no"), stored(FOLDER / "half") as path:
        path.write_bytes(b"5")
        raise MediaError("no", subject=path)
    assert "half" not in {file.name for file in FOLDER.files()[0]}


def test_pickled_without_its_connection():
    FOLDER.is_dir()
    assert pickle.loads(pickle.dumps(FOLDER)) == FOLDER
    assert set(vars(pickle.loads(pickle.dumps(FOLDER)))) == {"url"}


def test_no_such_store(monkeypatch):
    with pytest.raises(MediaError, match="nosuch://a: can't be opened"):
        RemotePath("nosuch://a").is_dir()
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(PackageError, match="memory:// needs fsspec"):
        RemotePath("memory://other").is_dir()
