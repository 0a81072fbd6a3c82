"""Writing what a robust container hid: a picture, or a file as it was."""

from pathlib import Path

import numpy as np

from stegnet.codec.extract import as_png, printable, suffix_note
from stegnet.codec.output import FORMS, OutputTarget, Report, write_picture
from stegnet.codec.robust_content import RobustFile
from stegnet.media import PICTURE, atomic_write


def write_revealed(out: OutputTarget, found: np.ndarray | RobustFile, container: Path) -> Report:
    """Writes what a robust container hid, readable by its owner only.

    Raises:
        MediaError: it can't be written.
    """
    if isinstance(found, RobustFile):
        out.check((), "file", container)
        with atomic_write(out.path, overwrite=out.force, private=True) as part:
            part.write_bytes(found.data)
            note = as_png(part, found.name, out.path) or suffix_note(found.name, out.path)
        line = f"hidden: {printable(found.name)}, {len(found.data)} bytes"
        return Report(0, 0, notes=(line, *note))
    out.check(FORMS[PICTURE], PICTURE, container)
    return write_picture(out, found, private=True)
