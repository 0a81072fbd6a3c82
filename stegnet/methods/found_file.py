"""Files that are hidden byte for byte: how they are described and, found in a container, written."""

import io
from typing import Any

from stegnet.core.errors import MediaError
from stegnet.core.kinds import FILE, FILM
from stegnet.formats.output import atomic_write
from stegnet.methods.context import Context
from stegnet.methods.method import FoundSecret
from stegnet.record import Container, Header, collect_whole, may_be_lost
from stegnet.results import MOST_TEXT, TEXT_NAME, OutputTarget, Report, as_named, printable, text_report


class FoundFile(FoundSecret):
    """A file, byte for byte."""

    kind = FILE

    def __init__(self, container: Container, context: Context, method: str, header: Header) -> None:
        super().__init__(container, context)
        self.method, self.name, self.size = method, header.secret.name, header.secret.size

    def text(self, strict: bool = False) -> Report | None:
        if self.name != TEXT_NAME or self.size > MOST_TEXT:
            return None
        data = io.BytesIO()
        lines = collect_whole(self.container, data, strict, self.context.progress)[1]
        return text_report(TEXT_NAME, data.getvalue(), lines)

    def write(self, out: OutputTarget, strict: bool = False) -> Report:
        container, progress = self.container, self.context.progress
        out.check((), "file", *container.files)
        with atomic_write(out.path, overwrite=out.force, private=True) as part:
            with part.open("w+b") as file:
                found, lines = collect_whole(container, file, strict, progress)
            secret = found.header.secret
            named = as_named(part, secret.name, out, progress)
        notes = (describe_file(found.header), *found.strangers(), *named.notes)
        return Report(notes=notes, trouble=lines, name=secret.name, size=secret.size, unchanged=named.unchanged)

    def details(self) -> dict[str, Any]:
        inspection = self.container.inspect(self.context.progress)
        header = inspection.header
        secret, lost = header.secret, may_be_lost(header)
        found = {"hidden_name": secret.name, "hidden_bytes": secret.size, "hidden_sha256": secret.digest.hex()}
        if self.container.kind != FILM and header.enough:
            found |= {"album_pictures": header.frames, "album_pictures_needed": header.enough}
        elif lost is not None:
            found |= {"frames_when_hidden": header.frames, "frames_that_may_be_lost": lost}
        return found | inspection.damage


def found_file(container: Container, context: Context, method: str) -> FoundFile | None:
    """The file that a method has hidden in a container; None if there is none; errors as `Method.find`."""
    header = container.header(context.progress)
    return FoundFile(container, context, method, header) if header and header.kind == FILE else None


def found_file_by(kind: type[Container], container: Container, context: Context, method: str) -> FoundFile | None:
    """As `found_file`, in samples that are not pixels; None also if the container has none that are supported."""
    try:
        opened = kind(container.file, container.key_source)
    except MediaError:
        return None
    return found_file(opened, context, method)


def loss_note(
    header: Header, first_needed: bool, called: str = "frames", lost: str = "lost or altered"
) -> tuple[str, ...]:
    """Line that says how many frames may be lost; none for a file that is not spread.

    Args:
        first_needed: the key opens frame 0, and most others only after it.
        called: what frames are to the user.
        lost: what may have happened to them.
    """
    most = may_be_lost(header)
    if most is None:
        return ()
    if most == 0:
        return (f"recovered only if none of its {header.frames} {called} is {lost}",)
    note = f"recovered even if up to {most} of its {header.frames} {called} are {lost}"
    return (f"{note}, but not the first" if first_needed else note,)


def describe_file(header: Header) -> str:
    """Line with name and size of a hidden file."""
    return f"hidden: {printable(header.secret.name)}, {header.secret.size} bytes"
