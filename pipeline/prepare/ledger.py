"""Ledger of a run: what is finished of it, so that a second run continues after a kill.

It is a folder with a record of each finished part, in JSON, and the digest of the run that wrote them.
"""

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import cv2
import PIL

from pipeline.prepare.parts import PartSettings, SourcePart
from stegnet.core.errors import DataError

_CODE = ("stegnet/core", "stegnet/media", "pipeline/prepare")  # what computes the pictures


class Ledger:
    """The records of one run.

    Args:
        folder: created if it does not exist; emptied if another run wrote it.
        run: digest of the run.
        parts: number of its parts.
    """

    def __init__(self, folder: Path, run: str, parts: int) -> None:
        self._folder, self._parts = folder, parts
        mark = folder / "run"
        if not mark.is_file() or mark.read_text(encoding="utf-8") != run:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            mark.write_text(run, encoding="utf-8")

    def __contains__(self, part: SourcePart) -> bool:
        return self._path(part.number).exists()

    @property
    def missing(self) -> int:
        """Number of parts that are not finished."""
        return self._parts - sum(1 for _ in self._folder.glob("*.json"))

    def write(self, record: dict) -> None:
        """Adds the record of a finished part, or replaces it."""
        path = self._path(record["number"])
        unfinished = path.with_suffix(".part")
        unfinished.write_text(json.dumps(record), encoding="utf-8")
        os.replace(unfinished, path)

    def __iter__(self) -> Iterator[dict]:
        """All records in order, read one by one.

        Raises:
            DataError: a part was not prepared.
        """
        for number in range(self._parts):
            try:
                yield json.loads(self._path(number).read_text(encoding="utf-8"))
            except FileNotFoundError as error:
                raise DataError("data.source: files were removed while it was prepared", "start again") from error

    def duplicates(self) -> dict[int, list[int]]:
        """Numbers of the pictures in each part whose pixels are in another split already.

        The digests of all pictures are in a table on disk, not in memory.
        """
        found: dict[int, list[int]] = {}
        with closing(sqlite3.connect(self._folder / "digests", isolation_level=None)) as table:
            table.execute("PRAGMA synchronous = OFF")
            table.execute("DROP TABLE IF EXISTS seen")
            table.execute("CREATE TABLE seen (digest BLOB PRIMARY KEY, split TEXT) WITHOUT ROWID")
            table.execute("BEGIN")
            for record in self:
                for index, (digest, split) in enumerate(_keyed(record)):
                    if digest and not _is_first(table, digest, split):
                        found.setdefault(record["number"], []).append(index)
        return found

    def remove(self) -> None:
        """Deletes it."""
        shutil.rmtree(self._folder)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:05d}.json"


def _keyed(record: dict) -> Iterator[tuple[bytes, str]]:
    """Digest and split of each picture; no digest where only one split is possible."""
    for _name, _source, digest, _width, _height, split, keyed, *_row in record["pictures"]:
        yield bytes.fromhex(digest[:32]) if keyed else b"", split


def _is_first(table: sqlite3.Connection, digest: bytes, split: str) -> bool:
    """Notes a picture's split, and returns whether the first picture with these pixels is in it, too."""
    if table.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (digest, split)).rowcount:
        return True
    return table.execute("SELECT split FROM seen WHERE digest = ?", (digest,)).fetchone()[0] == split


def digest_of(settings: PartSettings, parts: Iterable[SourcePart]) -> tuple[str, int]:
    """Digest of a run by all that its bytes depend on: parameters, files, code, packages; and the number of parts."""
    digest = hashlib.sha256(repr((settings, cv2.__version__, PIL.__version__)).encode())
    for package in _CODE:
        for path in sorted((Path(__file__).parents[2] / package).rglob("*.py")):
            digest.update(path.read_bytes())
    count = 0
    for part in parts:
        for job in part.jobs:
            digest.update(repr((job.func.__qualname__, job.args)).encode(errors="surrogateescape"))
        count += 1
    return digest.hexdigest(), count
