"""Folders as secrets: archives that no honest sender packs are refused, and nothing is left of them."""

import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest

import stegnet
from stegnet import Key, MediaError

KEY = Key(bytes(range(32)))


def entry(name: str, mode: int = 0) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.external_attr = mode << 16
    return made


def claims_more(path: Path) -> None:
    """Says that its file has 32 GB."""
    data = path.read_bytes()
    place = data.rindex(b"PK\1\2")
    path.write_bytes(data[: place + 24] + (2**32 - 2).to_bytes(4, "little") + data[place + 28 :])


def damaged(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[40] ^= 255
    path.write_bytes(data)


def overlapping(path: Path) -> None:
    """Names its one file 40 times, as archives do that unpack to petabytes."""
    data = path.read_bytes()
    start, end = data.rindex(b"PK\1\2"), data.rindex(b"PK\5\6")
    header = data[start:end]
    size = (len(header) * 40).to_bytes(4, "little")
    several = b"".join(header[:46] + b"%03d" % number + header[49:] for number in range(40))
    path.write_bytes(data[:start] + several + data[end : end + 8] + b"\50\0\50\0" + size + data[end + 16 :])


def nothing(path: Path) -> None:
    pass


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
        ([], lambda path: path.write_bytes(b"no archive"), "is damaged"),
    ],
)
def test_a_bad_archive_is_refused(tmp_path, entries, change, told, picture, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile("x.folder.zip", "w", zipfile.ZIP_DEFLATED) as packing:
        for each in entries:
            packing.writestr(each, np.random.default_rng(1).bytes(200))
    change(Path("x.folder.zip"))
    stegnet.hide(picture(200, 200, 1), Path("x.folder.zip"), Path("sent.png"), key=KEY)
    before = set(tmp_path.rglob("*"))
    with pytest.raises(MediaError, match=told) as caught:
        stegnet.reveal(Path("sent.png"), Path("out"), key=KEY)
    assert caught.value.hint == '`to="NAME.folder.zip"` writes the archive without unpacking it'
    assert set(tmp_path.rglob("*")) == before
    stegnet.reveal(Path("sent.png"), Path("kept.folder.zip"), key=KEY)
    found = stegnet.reveal(Path("sent.png"), key=KEY)
    assert Path("kept.folder.zip").read_bytes() == Path("x.folder.zip").read_bytes() == found.data
