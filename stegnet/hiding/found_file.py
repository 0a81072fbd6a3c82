"""A file that is revealed byte for byte, found in the pixels of a container or in other samples of it."""

import io
from collections.abc import Generator
from typing import Any

import numpy as np

from stegnet.core.disk import atomic_write
from stegnet.core.names import ALBUM, FILE, FILM, MOST_TEXT, TEXT_NAME, counted, printable
from stegnet.hiding.method import Context, FoundSecret
from stegnet.keys import Opener
from stegnet.media.cover import Cover
from stegnet.record import UNREADABLE, Container, Header, collect_whole, may_be_lost
from stegnet.results import OutputTarget, Report, as_named, text_report
from stegnet.sealing import SampleRules


class FoundFile(FoundSecret):
    """A file that is revealed byte for byte."""

    kind = FILE

    def __init__(self, container: Container, context: Context, method: str, header: Header) -> None:
        super().__init__(container, context)
        self.method = method
        self.name = header.file.name
        self.size = header.file.size

    def text(self, strict: bool = False) -> Report | None:
        """Return a report with the text if the file came from a text and is short enough; else None."""
        if self.name != TEXT_NAME or self.size is None or self.size > MOST_TEXT:
            return None
        data = io.BytesIO()
        lines = collect_whole(self.container, data, strict, self.context.progress)[1]
        return text_report(TEXT_NAME, data.getvalue(), lines)

    def write(self, out: OutputTarget, strict: bool = False) -> Report:
        """Write the file byte for byte, converted only if the suffix of `out` asks for another form."""
        container = self.container
        progress = self.context.progress
        out.check((), "file", *container.files)
        with atomic_write(out.path, overwrite=out.force, private=True) as part:
            with part.open("w+b") as file:
                found, lines = collect_whole(container, file, strict, progress)
            secret = found.header.file
            named = as_named(part, secret.name, out, progress)
        hidden = f"hidden: {printable(secret.name)}, {counted(secret.size, 'byte')}"
        spared = f"complete: any {found.enough} of {found.header.frames} were enough; {found.absent()}"
        notes = (hidden, *([spared] if found.absent() else ()), *found.strangers(), *named.notes)
        return Report(
            notes=notes,
            warnings=named.warnings,
            trouble=lines,
            name=secret.name,
            size=secret.size,
            unchanged=named.unchanged,
        )

    def details(self) -> dict[str, Any]:
        """Return name, size, digest and number of frames that may be lost, and the damage, if any."""
        inspection = self.container.inspect(self.context.progress)
        header = inspection.header
        secret = header.file
        lost = may_be_lost(header)
        found = {"hidden_name": secret.name, "hidden_bytes": secret.size, "hidden_sha256": secret.digest.hex()}
        if header.enough:
            found |= {"album_pictures": header.frames, "album_pictures_needed": header.enough}
            if self.container.kind == ALBUM:
                found["album_pictures_here"] = sum(status is not UNREADABLE for status in inspection.statuses)
        elif lost is not None and self.container.kind == FILM:
            found |= {"frames_when_hidden": header.frames, "frames_that_may_be_lost": lost}
        return found | inspection.damage


def found_file(container: Container, context: Context, method: str) -> FoundSecret | None:
    """Return the file that a method has hidden, if any; errors are those of `Method.find`."""
    header = container.header(context.progress)
    if header is None:
        return None
    return FoundFile(container, context, method, header) if header.kind == FILE else None


class SamplesContainer(Container):
    """A picture whose only frame is samples that are not its pixels, (rows, columns, channels) uint8."""

    _has_samples = True

    def __init__(self, file: Cover, key_source: Opener, samples: np.ndarray, rules: SampleRules) -> None:
        self._samples = samples
        self.rules = rules
        super().__init__(file, key_source)

    def _decode(self) -> Generator[np.ndarray, None, None]:
        yield self._samples
