"""Folders as secrets: archives that no honest sender packs are refused, and nothing is left of them."""

import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import stegnet
from stegnet import Key, MediaError
from stegnet.files.archive import pack

KEY = Key(bytes(range(32)))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


def entry(name: str, mode: int = 0, compression: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.external_attr, made.compress_type = mode << 16, compression
    return made


def claims_more(data: bytearray, listed: int) -> None:
    """Says that its file has 32 GB."""
    data[listed + 24 : listed + 28] = (2**32 - 2).to_bytes(4, "little")


def damaged(data: bytearray, listed: int) -> None:
    data[40] ^= 255


def overlapping(data: bytearray, listed: int) -> None:
    """Names its one file 40 times, as archives do that unpack to petabytes."""
    end = data.rindex(b"PK\5\6")
    header = data[listed:end]
    size = (len(header) * 40).to_bytes(4, "little")
    several = b"".join(header[:46] + b"%03d" % number + header[49:] for number in range(40))
    data[listed:] = several + data[end : end + 8] + b"\50\0\50\0" + size + data[end + 16 :]


def undecodable(data: bytearray, listed: int) -> None:
    """Says that its name is UTF-8, which it is not (APPNOTE 6.3.10, 4.4.4: bit 11 of the flags)."""
    data[listed + 9] |= 8
    data[listed + 46] = 0xFF


def undecodable_inside(data: bytearray, listed: int) -> None:
    """The same in the file's own header alone."""
    data[7] |= 8
    data[30] = 0xFF


def begins_before_the_file(data: bytearray, listed: int) -> None:
    """Says that its list is longer than all before it, and that its file begins before the archive."""
    end = data.rindex(b"PK\5\6")
    data[listed + 42 : listed + 46] = bytes(4)
    data[end + 16 : end + 20] = (listed + 1000).to_bytes(4, "little")


def unnamed(data: bytearray, listed: int) -> None:
    data[:] = data.replace(b"abc", b"\0bc")


def no_archive(data: bytearray, listed: int) -> None:
    data[:] = b"no archive"


def nothing(data: bytearray, listed: int) -> None:
    """The archive is bad by what is in it."""


def hide_archive(picture, *entries: zipfile.ZipInfo, change: Callable[[bytearray, int], None] = nothing) -> None:
    """Hides an archive of these entries in sent.png; `change` is told where they are listed in it."""
    with zipfile.ZipFile("x.folder.zip", "w", zipfile.ZIP_DEFLATED) as packing:
        for each in entries:
            packing.writestr(each, np.random.default_rng(1).bytes(200), each.compress_type)
    data = bytearray(Path("x.folder.zip").read_bytes())
    change(data, data.rfind(b"PK\1\2"))
    Path("x.folder.zip").write_bytes(data)
    stegnet.hide(picture(200, 200, 1), Path("x.folder.zip"), Path("sent.png"), key=KEY)


@pytest.mark.parametrize(
    ("entries", "change", "told"),
    [
        ([entry("../up")], nothing, "leads elsewhere"),
        ([entry("a/../../up")], nothing, "leads elsewhere"),
        ([entry("/etc/up")], nothing, "leads elsewhere"),
        ([entry("..\\up")], nothing, "leads elsewhere"),
        ([entry("C:up")], nothing, "leads elsewhere"),
        ([entry("a//b")], nothing, "leads elsewhere"),
        ([entry("link", stat.S_IFLNK | 0o777)], nothing, "leads elsewhere"),
        ([entry("a"), entry("A")], nothing, "same name"),
        ([entry("a"), entry("a/b")], nothing, "same name"),
        ([entry("a")], claims_more, "is damaged|more than may be unpacked"),
        ([entry("a")], damaged, "is damaged"),
        ([entry("abc")], overlapping, "overlap"),
        ([entry("abc")], unnamed, "without a name"),
        ([entry("abc")], undecodable, "is damaged"),
        ([entry("abc")], undecodable_inside, "is damaged"),
        ([entry("abc")], begins_before_the_file, "is damaged"),
        ([entry("abc", compression=zipfile.ZIP_LZMA)], nothing, "another method"),
        ([entry("abc", compression=zipfile.ZIP_BZIP2)], nothing, "another method"),
        ([], no_archive, "is damaged"),
        ([entry("/".join(["d"] * 1500 + ["note"]))], nothing, "has a file that lies 1500 folders deep"),
        ([entry("/".join(["d"] * 65 + ["note"]))], nothing, "has a file that lies 65 folders deep"),
        ([entry("/".join(["a" * 100] * 11))], nothing, "has a file that has a path of 1110 bytes"),
    ],
)
def test_a_bad_archive_is_refused(tmp_path, entries, change, told, picture):
    hide_archive(picture, *entries, change=change)
    before = set(tmp_path.rglob("*"))
    with pytest.raises(MediaError, match=told) as caught:
        stegnet.reveal(Path("sent.png"), Path("out"), key=KEY)
    assert caught.value.hint == '`to="NAME.folder.zip"` writes the archive without unpacking it'
    assert set(tmp_path.rglob("*")) == before
    stegnet.reveal(Path("sent.png"), Path("kept.folder.zip"), key=KEY)
    found = stegnet.reveal(Path("sent.png"), key=KEY)
    assert Path("kept.folder.zip").read_bytes() == Path("x.folder.zip").read_bytes() == found.data


def test_folders_that_are_not_listed_count(picture, monkeypatch):
    """A file in sixty folders of its own is one entry, and unpacks to sixty-one."""
    monkeypatch.setattr("stegnet.files.archive._FILES", 100)
    hide_archive(picture, *(entry("/".join([str(number)] * 61)) for number in range(2)))
    with pytest.raises(MediaError, match="holds 122 files and folders of 400 bytes, more than may be unpacked here"):
        stegnet.reveal(Path("sent.png"), Path("out"), key=KEY)


@pytest.mark.parametrize(
    ("one", "other"), [("note", "NOTE"), ("é", "e\u0301"), ("straße", "STRASSE"), ("d/note", "D/note"), ("d/é", "d/É")]
)
def test_names_that_some_system_takes_for_one_are_not_packed(tmp_path, one, other):
    """Of case and of accents: there, one of both files would be lost."""
    for name in (one, other):
        file = Path("folder", name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    with pytest.raises(MediaError, match="take it for another's"):
        pack(Path("folder"), tmp_path)


def test_what_can_be_unpacked_can_be_packed(tmp_path):
    deepest = Path(tmp_path, "folder", *["d"] * 64)
    deepest.mkdir(parents=True)
    (deepest / "note").write_bytes(b"note")
    with zipfile.ZipFile(pack(tmp_path / "folder", tmp_path)) as packed:
        assert packed.namelist()[-1] == "d/" * 64 + "note"
    (deepest / "d").mkdir()
    (deepest / "d" / "note").touch()
    with pytest.raises(MediaError, match="lies 65 folders deep, and 64 are allowed"):
        pack(tmp_path / "folder", tmp_path)
    shutil.rmtree(tmp_path / "folder" / "d")
    long = Path(tmp_path, "folder", *["a" * 150] * 7)
    long.mkdir(parents=True)
    with pytest.raises(MediaError, match="has a path of 1056 bytes, and 1024 are allowed"):
        pack(tmp_path / "folder", tmp_path)
