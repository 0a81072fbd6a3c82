import errno
import fcntl
import hashlib
import itertools
import os
import re
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from stegnet import MediaError
from stegnet.keys.keyfiles import make_key_file
from stegnet.media import FilmWriter, atomic_write, check_film, check_picture, digest, write_png
from stegnet.media.output import FilmCheck
from tests.support.films import write_film
from tests.support.waiting import LIMIT

STALE = ".a.mkv.0123456789ab.part"
NAMES = ["-a.png", "--help", "ä ö.mkv", "a\nb", "..a", "%d.png", os.fsdecode(b"a\xff.mkv")]
NAMES += ["日本" * 41 + ".mkv", "a" * 255, "é" * 127, "a" * 235 + "é" * 10]


@pytest.mark.parametrize("name", ["a.mkv", *NAMES])
def test_a_complete_file_of_any_name_is_renamed(tmp_path, monkeypatch, name):
    """With the mode of any new file, unless it is private; a part that was left is removed later."""
    monkeypatch.chdir(tmp_path)
    target, private = Path(name), name == "--help"
    for content in ("old", "new"):
        with atomic_write(target, private=private) as part:
            assert part.parent == target.parent
            assert re.fullmatch(r"\..*\.[0-9a-f]{12}\.part", part.name, re.DOTALL)
            assert part.name.startswith(f".{name[:20]}") and len(os.fsencode(part.name)) <= 255
            part.write_text(content)
            assert content == "old" or target.read_text() == "old"
        assert target.read_text() == content
    assert list(Path().iterdir()) == [target]
    Path("plain").touch()
    mode = 0o600 if private else stat.S_IMODE(Path("plain").stat().st_mode)
    assert stat.S_IMODE(target.stat().st_mode) == mode
    part.write_text("half")
    with atomic_write(Path("b")):
        assert not part.exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_a_failure_leaves_what_was_there(tmp_path, error):
    for before in ([], [tmp_path / "a.png"]):
        for path in before:
            path.write_text("old")
        with pytest.raises(error), atomic_write(tmp_path / "a.png") as part:
            part.write_text("half")
            raise error
        assert list(tmp_path.iterdir()) == before
    assert (tmp_path / "a.png").read_text() == "old"
    with pytest.raises(MediaError) as caught, atomic_write(tmp_path / "a.png") as part:
        raise MediaError(f"{part}: can't be written (No space left on device)", "make room")
    assert str(caught.value) == f"{tmp_path / 'a.png'}: can't be written (No space left on device)"
    assert caught.value.hint == "make room"


def test_a_locked_part_is_left_alone(tmp_path):
    """Also after an encoder has opened it by its name and truncated it."""
    with atomic_write(tmp_path / "a.png") as first:
        first.write_bytes(b"x" * 100)
        with first.open("wb") as file, first.open("rb") as other:
            file.write(b"y")
            with pytest.raises(BlockingIOError):
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with atomic_write(tmp_path / "a.png") as second:
            second.write_text("second")
            assert first != second
            assert first.exists()
        assert (tmp_path / "a.png").read_text() == "second"
    assert (tmp_path / "a.png").read_text() == "y"


def test_a_killed_run_leaves_a_part_that_the_next_one_removes(tmp_path):
    script = (
        "import sys\nfrom pathlib import Path\nfrom stegnet.media import atomic_write\n"
        "with atomic_write(Path(sys.argv[1])) as part:\n"
        "    part.write_text('half')\n    print('ready', flush=True)\n    sys.stdin.read()"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", script, str(tmp_path / "a.mkv")]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stdout.readline() == b"ready\n"
        (part,) = tmp_path.iterdir()
        with atomic_write(tmp_path / "b.mkv"):
            assert part.exists()
        run.kill()
        run.wait()
    assert part.exists()
    with atomic_write(tmp_path / "c.mkv"):
        assert not part.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.mkv", "c.mkv"]


def test_files_with_other_names_and_of_other_kinds_are_left_alone(tmp_path):
    mine = {"a.part", ".a.part", ".a.0123456789a.part", ".a.0123456789AB.part", ".a.0123456789ab.part.mkv"}
    for name in mine | {"x.a.0123456789ab.part"}:
        (tmp_path / name).write_text("mine")
    (tmp_path / STALE).symlink_to(tmp_path / "a.part")
    (tmp_path / ".b.0123456789ab.part").mkdir()
    os.mkfifo(tmp_path / ".c.0123456789ab.part")
    before = set(tmp_path.iterdir())
    with atomic_write(tmp_path / "b.png"):
        pass
    assert set(tmp_path.iterdir()) == before | {tmp_path / "b.png"}
    assert {(tmp_path / name).read_text() for name in mine} == {"mine"}


def test_a_part_removed_as_stale_is_created_again(tmp_path, monkeypatch):
    """Another run may find the part after it was created and before it is locked."""
    lock, made = fcntl.flock, []

    def robbed(descriptor, how):
        if not made:
            made.extend(tmp_path.iterdir())
            made[0].unlink()
        return lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", robbed)
    with atomic_write(tmp_path / "a.png") as part:
        assert part not in made
        part.write_text("new")
    assert (tmp_path / "a.png").read_text() == "new"


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    def refused(descriptor, how):
        raise OSError(95, "Operation not supported")

    (tmp_path / STALE).write_text("perhaps alive")
    monkeypatch.setattr(fcntl, "flock", refused)
    with atomic_write(tmp_path / "a.png") as part:
        part.write_text("new")
    assert sorted(path.name for path in tmp_path.iterdir()) == [STALE, "a.png"]


def test_a_file_system_that_counts_no_links(tmp_path, monkeypatch):
    """Phones and some network folders tell zero; without the limit, the test would fill the disk."""
    status, made = os.fstat, itertools.count()

    def uncounted(descriptor):
        assert next(made) < 9
        return os.stat_result((*status(descriptor)[:3], 0, *status(descriptor)[4:]))

    monkeypatch.setattr(os, "fstat", uncounted)
    with atomic_write(tmp_path / "a.png") as part:
        part.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_file_system_that_can_not_sync(tmp_path, monkeypatch):
    """An error of the disk is none of that kind."""
    for number in (errno.EINVAL, errno.ENOTSUP):
        monkeypatch.setattr(os, "fsync", mock.Mock(side_effect=OSError(number, "")))
        with atomic_write(tmp_path / "a.png") as part:
            part.write_text("new")
        make_key_file(tmp_path / f"k{number}")
    monkeypatch.setattr(os, "fsync", mock.Mock(side_effect=OSError(errno.EIO, "Input/output error")))
    with pytest.raises(MediaError, match="Input/output error"), atomic_write(tmp_path / "b.png"):
        pass
    assert not (tmp_path / "b.png").exists()


def test_the_file_is_synced_before_it_is_renamed(tmp_path, monkeypatch):
    sync, replace, calls = os.fsync, os.replace, []
    monkeypatch.setattr(os, "fsync", lambda number: (calls.append(os.fstat(number).st_ino), sync(number)))
    monkeypatch.setattr(os, "replace", lambda one, other: (calls.append("move"), replace(one, other)))
    with atomic_write(tmp_path / "a.png") as part:
        part.write_text("old")
    assert calls == [(tmp_path / "a.png").stat().st_ino, "move", tmp_path.stat().st_ino]

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    message = r"a\.png: can't be written \(No space left on device\)"
    with pytest.raises(MediaError, match=message), atomic_write(tmp_path / "a.png") as part:
        part.write_text("new")
    assert (tmp_path / "a.png").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.fixture(params=["hard links", "no hard links"])
def links(request, monkeypatch) -> None:
    """A file system with or without hard links."""

    def refused(*names):
        raise PermissionError(1, "Operation not permitted")

    if request.param == "no hard links":
        monkeypatch.setattr(os, "link", refused)


@pytest.mark.usefixtures("links")
class TestWithoutOverwriting:
    def test_a_free_name_is_taken(self, tmp_path):
        with atomic_write(tmp_path / "a.png", overwrite=False) as part:
            part.write_text("new")
            inode = part.stat().st_ino
        assert (tmp_path / "a.png").read_text() == "new"
        assert (tmp_path / "a.png").stat().st_ino == inode
        assert list(tmp_path.iterdir()) == [tmp_path / "a.png"]

    @pytest.mark.parametrize("late", [Path.touch, lambda path: path.symlink_to("nowhere"), Path.mkdir])
    def test_of_two_runs_the_later_one_fails(self, tmp_path, late):
        target = tmp_path / "a.png"
        with (
            pytest.raises(MediaError, match=r"a\.png: exists") as caught,
            atomic_write(target, overwrite=False) as part,
        ):
            part.write_text("new")
            late(target)
        assert caught.value.hint == "choose another name, or overwrite it"
        (left,) = tmp_path.iterdir()
        assert left.is_symlink() or left.is_dir() or left.read_text() == ""

    def test_what_is_there_is_known_at_once(self, tmp_path):
        (tmp_path / "a.png").symlink_to("nowhere")
        with pytest.raises(MediaError, match="exists already"), atomic_write(tmp_path / "a.png", overwrite=False):
            pytest.fail("a night's work would be lost")

    def test_a_disk_that_fails_while_it_is_moved(self, tmp_path, monkeypatch):
        def fail(*names):
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(os, "link", fail)
        monkeypatch.setattr(os, "replace", fail)
        target = tmp_path / "a.png"
        with pytest.raises(MediaError, match="Input/output"), atomic_write(target, overwrite=False) as part:
            part.write_text("new")
        assert list(tmp_path.iterdir()) == []

    def test_many_at_once(self, tmp_path):
        """Threads that reach the last step at the same time."""
        gate, won = threading.Barrier(8), []

        def write(number: int) -> None:
            with suppress(MediaError), atomic_write(tmp_path / "a.png", overwrite=False) as part:
                part.write_text(str(number))
                gate.wait(LIMIT)
            if (tmp_path / "a.png").read_text() == str(number):
                won.append(number)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write, range(8)))
        assert len(won) == 1
        assert list(tmp_path.iterdir()) == [tmp_path / "a.png"]


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_private_file_is_readable_by_its_owner_only(tmp_path, overwrite):
    if overwrite:
        (tmp_path / "a.png").touch(0o644)
    with atomic_write(tmp_path / "a.png", overwrite=overwrite, private=True) as part:
        assert stat.S_IMODE(part.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == 0o600


def test_a_digest_is_blake2b_of_size_and_pixels(picture):
    pixels = picture(7, 9)
    assert digest(pixels) == hashlib.blake2b(b"7 9" + pixels.tobytes(), digest_size=16).digest()
    assert digest(pixels[::-1, ::2]) == digest(np.ascontiguousarray(pixels[::-1, ::2]))
    assert digest(np.zeros((2, 8, 3), np.uint8)) != digest(np.zeros((4, 4, 3), np.uint8))


@pytest.mark.parametrize("form", ["mkv", "mp4"])
def test_what_differs_in_a_film_is_found(tmp_path, picture, form):
    frames, film, calls = [picture(17, 33, seed) for seed in range(5)], tmp_path / "a", []
    write_film(film, frames, form=form)
    check_film(film, [digest(frame) for frame in frames], lambda *call: calls.append(call))
    assert calls == [(n, 5) for n in range(1, 6)]
    other = [frame ^ np.uint8(index in (2, 4)) for index, frame in enumerate(frames)]
    expected = {f"with 5 frames, not {count}$": (frames + frames)[:count] for count in (0, 4, 6)}
    for message, shown in (expected | {"frame 3 does not read back": other}).items():
        with pytest.raises(MediaError, match=message) as caught:
            check_film(film, [digest(frame) for frame in shown], lambda *_: None)
        assert "faulty" in caught.value.hint
    if form == "mkv":  # FFmpeg only logs a wrong checksum of FFV1, and decodes something else
        data = bytearray(film.read_bytes())
        data[len(data) // 2] ^= 1
        film.write_bytes(data)
        with pytest.raises(MediaError):
            check_film(film, [digest(frame) for frame in frames], lambda *_: None)


def test_pictures(tmp_path, picture, swapped_profile):
    pixels = picture(17, 33)
    for profile in (None, swapped_profile):
        write_png(tmp_path / "a.png", pixels, icc=profile)
        check_picture(tmp_path / "a.png", pixels)
    for other in (pixels ^ np.eye(33, dtype=np.uint8)[:17, :, None], pixels[:16], pixels[:, :1]):
        with pytest.raises(MediaError, match="does not read back") as caught:
            check_picture(tmp_path / "a.png", other)
        assert "faulty" in caught.value.hint


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


def test_a_file_system_that_can_only_be_read(tmp_path, monkeypatch):
    """It refuses to remove what is not there, too."""
    refused = OSError(errno.EROFS, os.strerror(errno.EROFS))
    monkeypatch.setattr("stegnet.media.output.create_locked", mock.Mock(side_effect=refused))
    monkeypatch.setattr(Path, "unlink", mock.Mock(side_effect=refused))
    with pytest.raises(MediaError, match=r"a\.png: can't be written \(Read-only"), atomic_write(tmp_path / "a.png"):
        pytest.fail("a night's work would be lost")


@pytest.mark.parametrize("form", ["mkv", "mp4"])
def test_a_film_is_read_back_while_it_is_written(tmp_path, picture, form):
    frames = [picture(48, 64, seed) for seed in range(40)]
    for wrong in (None, 3, 39):
        path, calls = tmp_path / f"{wrong}.{form}", []
        path.touch()
        with FilmCheck(path, lambda *call, calls=calls: calls.append(call)) as checking:
            with FilmWriter(path, 64, 48, Fraction(25), form=form) as film:
                if film.is_stream:
                    checking.start()
                for index, frame in enumerate(frames):
                    checking.expect(frame ^ np.uint8(index == wrong))
                    film.write(frame, Fraction(index, 25))
            if wrong is None:
                checking.finish()
                assert calls[-1] == (40, 40)
            else:
                with pytest.raises(MediaError, match=f"frame {wrong + 1} does not read back"):
                    checking.finish()


def test_a_film_that_is_not_finished_is_not_waited_for(tmp_path, picture):
    (tmp_path / "a").touch()
    with pytest.raises(ZeroDivisionError), FilmCheck(tmp_path / "a", lambda *_: None) as checking:
        checking.start()
        raise ZeroDivisionError
