"""The catalogue; archives from a local server, in the layout of GitHub's, and broken ones."""

import hashlib
import shutil
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Literal

import pytest
import yaml

from pipeline.prepare.downloads import fetch
from tests.pipeline.prepare.served import Site, at_once, broken, in_chunks, jpeg, member, pack, serving
from tests.support.lab import (
    CATALOGUE,
    TEST,
    TRAIN,
    CatalogueEntry,
    DataError,
    Listed,
    read_catalogue,
    read_listing,
    read_photographs,
)
from tests.support.temporary import contents

VERSION = "0123456789abcdef0123456789abcdef01234567"
FOLDER = f"set-{VERSION[:12]}"
SPLITS: dict[str, Literal["train", "test"]] = {
    "a.jpg": "train", "b.jpg": "test", "c.jpg": "train", "d.jpg": "train", "e.jpg": "test", "tiny.jpg": "train",
}  # fmt: skip


@pytest.fixture
def files(picture) -> dict[str, bytes]:
    """The pictures in the archive."""
    sizes = dict.fromkeys(SPLITS, (64, 80)) | {"tiny.jpg": (20, 30)}
    return {name: jpeg(picture(*size, index)) for index, (name, size) in enumerate(sizes.items())}


@pytest.fixture
def listing(files) -> list[Listed]:
    return [Listed(name, hashlib.sha256(files[name]).hexdigest(), split) for name, split in SPLITS.items()]


def laid_out(files: dict[str, bytes]) -> list[tuple]:
    """The pictures in two folders, after members that must be ignored."""
    top = f"set-images-{VERSION}"
    return [
        member(top, kind=tarfile.DIRTYPE),
        member(f"{top}/README.md", b"# Pictures"),
        member(f"{top}/Thumbs.db", b"\0" * 100),
        member(f"{top}/small/a.jpg", b"a picture of the same name"),
        member("../evil.jpg", b"evil"),
        member("../b.jpg", b"evil"),
        member("/c.jpg", b"evil"),
        member(f"{top}/{'long' * 60}/d.jpg", kind=tarfile.DIRTYPE),
        member(f"{top}/other/e.jpg", kind=tarfile.SYMTYPE, link="/etc/hostname"),
        member(f"{top}/other/d.jpg", kind=tarfile.LNKTYPE, link=f"{top}/README.md"),
        *(member(f"{top}/images/{SPLITS[name]}/{name}", content) for name, content in reversed(files.items())),
        member(f"{top}/images/train/a.jpg", b"once more"),
    ]


@pytest.fixture
def site(files) -> Iterator[Site]:
    with serving(in_chunks(pack(laid_out(files), VERSION))) as site:
        yield site


@pytest.fixture
def source(site) -> CatalogueEntry:
    address = f"http://127.0.0.1:{site.server_port}/archive/{VERSION}.tar.gz"
    return CatalogueEntry("set", "archive", address, VERSION, "MIT", files="set.csv")


def test_only_the_listed_files_are_extracted(source, listing, files, tmp_path, capfd):
    folder = fetch(source, listing, tmp_path / "cache" / "archives")
    assert folder == tmp_path / "cache" / "archives" / FOLDER
    assert contents(folder) == files
    everything = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert everything == {f"cache/archives/{FOLDER}/{name}" for name in files} | {f"cache/archives/{FOLDER}.lock"}
    shown = capfd.readouterr()
    assert "set:" in shown.err
    assert not shown.out


def test_two_processes_and_all_later_ones_download_once(source, site, listing, files, tmp_path):
    together = Barrier(2)

    def both(_: int) -> Path:
        together.wait()
        return fetch(source, listing, tmp_path)

    with ThreadPoolExecutor(2) as pool:
        folders = list(pool.map(both, range(2)))
    site.answer = at_once(b"gone", 404)
    folders.append(fetch(source, listing, tmp_path))
    assert [contents(folder) for folder in folders] == [files] * 3
    assert site.asked == 1


def check_refused(source, listing, tmp_path, reason: str, hint: str) -> DataError:
    """The error names the source, and no folder is left."""
    with pytest.raises(DataError, match=f"^set: .*{reason}") as caught:
        fetch(source, listing, tmp_path / "archives")
    assert "\n" not in str(caught.value)
    assert hint in caught.value.hint
    assert {path.name for path in tmp_path.rglob("*")} <= {"archives", f"{FOLDER}.lock"}
    return caught.value


def test_a_file_that_differs_or_is_too_large_is_missed_and_a_folder_that_is_a_file_is_named(
    source, site, listing, tmp_path
):
    wrong = [replace(row, sha256="0" * 64) if row.file == "d.jpg" else row for row in listing]
    reason = r"lacks 1 of the files listed in set.csv, or they differ: d.jpg first"
    check_refused(source, wrong, tmp_path, reason, "try again later, or use another")
    huge = bytes(2**26 + 1)
    rows = [replace(row, sha256=hashlib.sha256(huge).hexdigest()) for row in listing if row.file == "a.jpg"]
    site.answer = in_chunks(pack([member("a.jpg", huge)]))
    check_refused(source, rows, tmp_path, "lacks 1 of the files", "try again later")
    shutil.rmtree(tmp_path / "archives")
    (tmp_path / "archives").write_bytes(b"")
    check_refused(source, listing, tmp_path, r"can't be used \(", "free some space")


@pytest.mark.parametrize(
    "case",
    [
        (lambda body: at_once(b"gone", 404), "HTTP Error 404"),
        (lambda body: at_once(b"<html>Sign in to this hotel's network</html>"), "not a gzip file"),
        (lambda body: at_once(body, missing=len(body) // 2), "ended before"),
        (lambda body: in_chunks(body[: len(body) // 2], end=b""), "IncompleteRead"),
        (lambda body: at_once(broken(body)), "Error -3 while decompressing"),
        (lambda body: lambda visit: visit.wfile.write(b"hello\r\n"), r"\(.+\)"),
    ],
)
def test_bad_answers_of_a_server(source, site, listing, files, tmp_path, case):
    answer, reason = case
    site.answer = answer(pack(laid_out(files)))
    reason = rf"http://127.0.0.1:\d+/archive/{VERSION}.tar.gz can't be downloaded .*{reason}"
    check_refused(source, listing, tmp_path, reason, "check the network, or use another data.source")


def test_an_interrupted_download_leaves_nothing(source, listing, files, tmp_path, monkeypatch):
    write = Path.write_bytes

    def interrupt(path: Path, content: bytes) -> None:
        write(path, content[:100])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fetch(source, listing, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f"{FOLDER}.lock"]
    assert contents(fetch(source, listing, tmp_path)) == files


@pytest.mark.parametrize("change", [lambda path: path.write_bytes(b"other"), Path.unlink])
def test_a_stored_file_that_changed(source, listing, tmp_path, change):
    folder = fetch(source, listing, tmp_path)
    change(folder / "d.jpg")
    with pytest.raises(
        DataError, match=r"^set: .*d.jpg is missing or differs from the file listed in set.csv$"
    ) as caught:
        fetch(source, listing, tmp_path)
    assert caught.value.hint == f"remove {folder}: the next run downloads it again"
    shutil.rmtree(folder)
    fetch(source, listing, tmp_path)


# As a source of pictures


@pytest.fixture
def data(source, listing, tmp_path) -> Path:
    """A folder with a catalogue that lists the archive."""
    folder = tmp_path / "data"
    folder.mkdir()
    kept = ("name", "kind", "address", "version", "licence", "files")
    (folder / "sources.yaml").write_text(yaml.safe_dump([{key: getattr(source, key) for key in kept}]))
    rows = [f"{row.file},{row.sha256},{row.split}" for row in reversed(listing)]
    (folder / "set.csv").write_text("\n".join(["file,sha256,split", *rows, ""]))
    return folder


@pytest.mark.usefixtures("data")
def test_the_catalogue_decides_the_test_pictures(prepared):
    counts, rows = prepared(source="set", test_share=0.9, test_scenes=0)
    assert [(row.name, row.source, row.split) for row in rows] == [
        *((name, "set", TRAIN) for name in ("a.jpg", "c.jpg", "d.jpg")),
        *((name, "set", TEST) for name in ("b.jpg", "e.jpg")),
    ]
    assert counts == {"train": 3, "test": 2, "skipped": 1, "validation": 0, "sources.set": 5}


# The catalogue


PACKAGE = next(source for source in read_catalogue(CATALOGUE) if source.kind == "package")


def test_a_file_that_changed_and_a_package_that_is_not_installed():
    file, pin = next(iter(PACKAGE.sha256.items()))
    source = replace(PACKAGE, sha256={file: pin[:-1] + ("0" if pin[-1] != "0" else "1")})
    with pytest.raises(DataError, match=f"{file} differs from its SHA-256 in sources.yaml") as caught:
        list(read_photographs(source))
    assert caught.value.hint == f"install {source.package} {source.version}"
    with pytest.raises(DataError, match="the package no-such-package-here is not installed"):
        list(read_photographs(replace(source, package="no-such-package-here")))


ENTRY = {"name": "a", "kind": "folder", "address": "b", "version": "1", "licence": "MIT"}
SUM = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("read", "text", "reason"),
    [
        (read_catalogue, None, "not a valid catalogue"),
        (read_catalogue, "- [", "not a valid catalogue"),
        (read_catalogue, f"- {ENTRY | {'licens': 'MIT'}}", "not a valid catalogue"),
        (read_listing, None, "not a valid list of pictures"),
        (read_listing, "file,sha256,split\na.jpg\n", "0.sha256: .* is None"),
        (read_listing, f"file,sha256,split\n../a.jpg,{SUM},train\n", "0.file: .* is '../a.jpg'"),
        (read_listing, f"file,sha256,split\n..,{SUM},train\n", "0.file: .* is '..'"),
        (read_listing, f"file,sha256,split\na.jpg,{SUM},train\na.jpg,{SUM[::-1]},test\n", "lists a file twice"),
    ],
)
def test_a_bad_catalogue_or_listing(tmp_path, read, text, reason):
    path = tmp_path / "sources"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=reason) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
