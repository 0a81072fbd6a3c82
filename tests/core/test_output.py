"""Output files: nothing half-written and nothing overwritten, whatever the file system can't do; and read back."""

import errno
import fcntl
import itertools
import os
import re
import stat
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from unittest import mock

import pytest

from stegnet import MediaError, make_key_file
from stegnet.core.disk import atomic_write, locked_folder, temporary_file
from tests.support.waiting import LIMIT

STALE = ".a.mkv.0123456789ab.part"
NAMES = ["a.mkv", "-a.png", "--help", "ä ö.mkv", "a\nb", "..a", "%d.png", os.fsdecode(b"a\xff.mkv")]
NAMES += ["日本" * 41 + ".mkv", "a" * 255, "é" * 127, "a" * 235 + "é" * 10]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets calls of the system fail with an error, as a disk or file system may."""

    def fail(number: int, *calls: str) -> None:
        for call in calls:
            monkeypatch.setattr(call, mock.Mock(side_effect=OSError(number, os.strerror(number))))

    return fail


@pytest.fixture(params=[True, False], ids=["hard links", "no hard links"])
def target(tmp_path: Path, failing: Callable[..., None], request: pytest.FixtureRequest) -> Path:
    """An output on a file system that has hard links, or has none."""
    if not request.param:
        failing(errno.EPERM, "os.link")
    return tmp_path / "a.png"


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_copy_beside_an_output_is_for_its_owner_alone_and_goes(tmp_path):
    """A revealed film is rewritten by way of one, whoever may read the folder."""
    with temporary_file(tmp_path / "a.mkv") as copy:
        copy.write_bytes(b"revealed")
        assert copy.parent == tmp_path
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == []


def test_a_complete_file_of_any_name_is_renamed(tmp_path, monkeypatch):
    """With the mode of any new file, unless it is private; a part that was left is removed after a week."""
    for number, name in enumerate(NAMES):
        (folder := tmp_path / str(number)).mkdir()
        monkeypatch.chdir(folder)
        private = number % 2 == 1
        for content in ("old", "new"):
            with atomic_write(Path(name), private=private and content == "new") as part:
                assert part.parent == Path(name).parent
                assert re.fullmatch(r"\..*\.[0-9a-f]{12}\.part", part.name, re.DOTALL)
                assert part.name.startswith(f".{name[:20]}") and len(os.fsencode(part.name)) <= 255
                part.write_text(content)
                assert content == "old" or Path(name).read_text() == "old"
        assert contents(folder) == {name: "new"}
        Path("plain").touch()  # private ones replace such a file
        mode = 0o600 if private else stat.S_IMODE(Path("plain").stat().st_mode)
        assert stat.S_IMODE(Path(name).stat().st_mode) == mode
        part.write_text("half")
        for days, stays in ((6, True), (8, False)):
            os.utime(part, (time.time() - 86400 * days,) * 2)
            with atomic_write(Path("b")):
                assert part.exists() is stays


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_failure_leaves_what_was_there(tmp_path, error):
    for before in ({}, {"a.png": "old"}):
        for name, content in before.items():
            (tmp_path / name).write_text(content)
        with pytest.raises(error), atomic_write(tmp_path / "a.png") as part:
            part.write_text("half")
            raise error
        assert contents(tmp_path) == before
    with pytest.raises(MediaError) as caught, atomic_write(tmp_path / "a.png") as part:
        raise MediaError("can't be written (No space left on device)", "make room", subject=part)
    assert str(caught.value) == f"{tmp_path / 'a.png'}: can't be written (No space left on device)"
    assert caught.value.hint == "make room"


def test_the_part_of_another_run_is_left_alone(tmp_path):
    with atomic_write(tmp_path / "a.png") as first:
        first.write_text("y")
        with atomic_write(tmp_path / "a.png") as second:
            second.write_text("second")
            assert first != second
            assert first.exists()
        assert (tmp_path / "a.png").read_text() == "second"
    assert (tmp_path / "a.png").read_text() == "y"


def test_files_with_other_names_and_of_other_kinds_are_left_alone(tmp_path):
    mine = {"a.part", ".a.part", ".a.0123456789a.part", ".a.0123456789AB.part", ".a.0123456789ab.part.mkv"}
    for name in mine | {"x.a.0123456789ab.part"}:
        (tmp_path / name).write_text("mine")
    (tmp_path / STALE).symlink_to(tmp_path / "a.part")
    (tmp_path / ".b.0123456789ab.part").mkdir()
    os.mkfifo(tmp_path / ".c.0123456789ab.part")
    before = set(tmp_path.iterdir())
    for path in before:
        os.utime(path, (0, 0), follow_symlinks=False)
    with atomic_write(tmp_path / "b.png"):
        pass
    assert set(tmp_path.iterdir()) == before | {tmp_path / "b.png"}
    assert {(tmp_path / name).read_text() for name in mine} == {"mine"}


def test_a_folder_removed_as_abandoned_is_created_again(tmp_path, monkeypatch):
    """Another run may find the folder after its lock was created and before it is locked."""
    lock, made = fcntl.flock, []

    def robbed(descriptor, how):
        if not made:
            made.extend(tmp_path.iterdir())
            (made[0] / "lock").unlink()
        return lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", robbed)
    with locked_folder("a", tmp_path) as folder:
        assert folder not in made and folder.is_dir()
    assert contents(tmp_path) == {}


def test_a_folder_in_use_is_left_alone_and_an_abandoned_one_goes(tmp_path):
    (abandoned := tmp_path / "a-killed").mkdir()
    for name in ("lock", "what was secret"):
        (abandoned / name).touch()
    with locked_folder("a", tmp_path) as first:
        assert not abandoned.exists()
        with locked_folder("a", tmp_path) as second:
            assert first.is_dir() and first != second


def test_a_file_system_that_can_not_lock_or_sync(tmp_path, failing):
    failing(errno.EOPNOTSUPP, "fcntl.flock")
    with locked_folder("b", tmp_path) as folder:
        assert folder.is_dir()
    for number in (errno.EINVAL, errno.ENOTSUP):
        failing(number, "os.fsync")
        with atomic_write(tmp_path / "a.png") as part:
            part.write_text("new")
        make_key_file(tmp_path / f"k{number}")
        (tmp_path / f"k{number}").unlink()
    assert contents(tmp_path) == {"a.png": "new"}


def test_a_file_system_that_counts_no_links(tmp_path, monkeypatch):
    """Phones and some network folders tell zero; without the limit, the test would fill the disk."""
    status, made = os.fstat, itertools.count()

    def uncounted(descriptor):
        assert next(made) < 9
        return os.stat_result((*status(descriptor)[:3], 0, *status(descriptor)[4:]))

    monkeypatch.setattr(os, "fstat", uncounted)
    with locked_folder("a", tmp_path) as folder:
        assert folder.is_dir()
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    ("number", "calls"),
    [(errno.EIO, ["os.fsync"]), (errno.ENOSPC, ["os.fsync"]), (errno.EROFS, ["os.open", "os.unlink"])],
)
def test_a_file_system_that_fails(tmp_path, failing, number, calls):
    """The file is synced before it is renamed; one that can only be read refuses to remove what is not there, too."""
    (tmp_path / "a.png").write_text("old")
    failing(number, *calls)
    message = rf"a\.png: can't be written \({os.strerror(number)}\)"
    with pytest.raises(MediaError, match=message), atomic_write(tmp_path / "a.png") as part:
        part.write_text("new")
        assert number != errno.EROFS, "a night's work would be lost"
    assert contents(tmp_path) == {"a.png": "old"}


def test_what_can_not_be_written_fails_early(tmp_path):
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    for name, message in {
        "a" * 256: "can't be written",
        "b/a.png": "b: no such folder",
        ".": "is a folder",
        "pipe": "is not a file that can be replaced",
        "file/a.png": "can't be written",
    }.items():
        with pytest.raises(MediaError, match=message), atomic_write(tmp_path / name):
            pytest.fail("a night's work would be lost")
    assert (tmp_path / "pipe").is_fifo()


def test_nothing_is_overwritten(tmp_path, failing, target):
    """A free name is taken, and what is there is known at once; of a disk that fails, nothing is left."""
    with atomic_write(target, overwrite=False) as part:
        part.write_text("new")
        inode = part.stat().st_ino
    assert (contents(tmp_path), target.stat().st_ino) == ({"a.png": "new"}, inode)
    target.unlink()
    target.symlink_to("nowhere")
    with pytest.raises(MediaError, match="already exists"), atomic_write(target, overwrite=False):
        pytest.fail("a night's work would be lost")
    target.unlink()
    failing(errno.EIO, "os.link", "os.replace")
    with pytest.raises(MediaError, match="Input/output"), atomic_write(target, overwrite=False) as part:
        part.write_text("new")
    assert contents(tmp_path) == {}


def test_what_has_come_meanwhile_is_not_overwritten(tmp_path, target):
    for late in (Path.touch, lambda path: path.symlink_to("nowhere"), Path.mkdir):
        with (
            pytest.raises(MediaError, match=r"a\.png: already exists") as caught,
            atomic_write(target, overwrite=False) as part,
        ):
            part.write_text("new")
            late(target)
        assert caught.value.hint == "`overwrite=True` overwrites it"
        assert list(tmp_path.iterdir()) == [target]
        assert target.is_symlink() or target.is_dir() or target.read_text() == ""
        if not target.is_dir():  # the last
            target.unlink()


def test_of_many_runs_that_end_at_once_one_wins(tmp_path, target):
    gate, won = threading.Barrier(8), []

    def write(number: int) -> None:
        with suppress(MediaError), atomic_write(target, overwrite=False) as part:
            part.write_text(str(number))
            gate.wait(LIMIT)
        if target.read_text() == str(number):
            won.append(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert contents(tmp_path) == {"a.png": str(*won)}
