"""Revealing a file that was hidden byte for byte: from a picture array, or from a container on disk."""

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np

from stegnet.core.errors import RevealError
from stegnet.core.kinds import FILE, FILM
from stegnet.keys import KeyRing, KeySource
from stegnet.media import atomic_write
from stegnet.methods.method import Hidden
from stegnet.methods.run import DEFAULT_RUN, Run
from stegnet.methods.sealed import SEALED
from stegnet.methods.sealed.collecting import ALL_OR_NOTHING, collect_whole, not_a_file
from stegnet.record import (
    Container,
    File,
    Header,
    nothing_revealed,
    open_container,
    read_record,
)
from stegnet.results import MOST_TEXT, TEXT_NAME, OutputTarget, Report, as_named, printable, text_report


def reveal_bytes(container: np.ndarray, key_source: KeySource) -> bytes:
    """Reveals the bytes that `hide_bytes`, or `embed_file` in a picture, hid.

    Args:
        container: (H, W, 3) uint8.
    Raises:
        RevealError: wrong key, nothing hidden, a picture or film is hidden instead, or bytes are missing.
    """
    record = read_record(container, KeyRing(key_source), first=True).record
    if record is None:
        raise nothing_revealed()
    if record.header.kind != FILE:
        raise not_a_file()
    if hashlib.sha256(record.data).digest() != record.header.secret.digest:
        raise RevealError("the bytes are not those that were hidden", ALL_OR_NOTHING)
    return record.data


class HiddenFile(Hidden):
    """A file, byte for byte."""

    kind, method = FILE, SEALED

    def __init__(self, container: Container, run: Run, header: Header) -> None:
        super().__init__(container, run)
        self.name, self.size = header.secret.name, header.secret.size

    def text(self, strict: bool = False) -> Report | None:
        if self.name != TEXT_NAME or self.size > MOST_TEXT:
            return None
        data = io.BytesIO()
        lines = collect_whole(self.container, data, strict, self.run.progress)[1]
        return text_report(TEXT_NAME, data.getvalue(), lines)

    def write(self, out: OutputTarget, strict: bool = False) -> Report:
        container, progress = self.container, self.run.progress
        out.check((), "file", *container.files)
        with atomic_write(out.path, overwrite=out.force, private=True) as part:
            with part.open("w+b") as file:
                found, lines = collect_whole(container, file, strict, progress)
            header = found.header
            named = as_named(part, header.secret.name, out, progress)
        notes, secret = (describe_file(header), *found.strangers(), *named.notes), header.secret
        return Report(notes=notes, trouble=lines, name=secret.name, size=secret.size, unchanged=named.unchanged)

    def details(self) -> dict[str, Any]:
        inspection = self.container.inspect(self.run.progress)
        secret: File = inspection.header.secret
        values = {"name": secret.name, "bytes": secret.size, "sha256": secret.digest.hex()}
        found = {f"hidden_{name}": value for name, value in values.items()}
        header = inspection.header
        lost = may_be_lost(header)
        if self.container.kind != FILM and header.enough:
            found |= {"album_pictures": header.frames, "album_pictures_needed": header.enough}
        elif lost is not None:
            found |= {"frames_when_hidden": header.frames, "frames_that_may_be_lost": lost}
        return found | inspection.damage


def hidden_file(container: Container, run: Run) -> HiddenFile | None:
    """The file that is hidden in a container; None if there is none; errors as `Method.open`."""
    header = container.header(run.progress)
    return HiddenFile(container, run, header) if header and header.kind == FILE else None


def extract_file(
    container: Path, out: OutputTarget, key_source: KeySource, *, strict: bool = False, run: Run = DEFAULT_RUN
) -> Report:
    """Reveals the file that `embed_file` hid, readable by its owner only; its own name is reported, and never used.

    Args:
        out: of any suffix.
        strict: refuse a container that is not exactly as it was hidden, even if the file is whole.
    Raises:
        MediaError: the container can't be read, or the file not written.
        RevealError: wrong key, nothing hidden, not a file, or bytes of it are missing.
    """
    out.check((), "file", container)
    with open_container(container, key_source, run.progress) as opened:
        found = hidden_file(opened, run)
        if found is None:
            raise not_a_file() if opened.header() else opened.not_opened()
        return found.write(out, strict)


def frames_with_data(header: Header) -> int:
    """Number of frames that hold bytes of the file, or shares of it."""
    size = header.secret.size
    return header.frames if header.spread and size else min(header.frames, size)


def may_be_lost(header: Header) -> int | None:
    """Frames of a film that may be lost or altered, and the file comes back all the same; None if it is not spread."""
    return header.spread.most_lost() if header.spread else None


def loss_note(header: Header, first_needed: bool) -> tuple[str, ...]:
    """Line that says how many frames may be lost or altered; none for a file that is not spread.

    Args:
        first_needed: the key opens frame 0, and most others only after it.
    """
    lost = may_be_lost(header)
    if lost is None:
        return ()
    if lost == 0:
        return (f"comes back only if none of its {header.frames} frames is lost or altered",)
    note = f"comes back whole if up to {lost} of its {header.frames} frames are lost or altered"
    return (note + ", but not the first" * first_needed,)


def describe_file(header: Header) -> str:
    """Line with name and size of a hidden file."""
    return f"hidden: {printable(header.secret.name)}, {header.secret.size} bytes"
