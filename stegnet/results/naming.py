"""Names of hidden files and of results.

A hidden file's own name comes from somebody else, who may want a file overwritten, hidden or run, or a terminal
deceived. Where it names a result, what is left of it is harmless on all common systems.
"""

import os
import re
from pathlib import Path, PurePath

from stegnet.record import MAX_NAME

TEXT_NAME, MOST_TEXT = "message.txt", 1 << 16  # of a hidden text, and its bytes in UTF-8 at most
WATCHABLE_SUFFIX = ".mp4"
_PLAIN_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,16}")


def plain_suffix(name: str) -> str:
    """Suffix of a hidden file's own name if it is harmless, else ""."""
    suffix = PurePath(name).suffix
    return suffix if _PLAIN_SUFFIX.fullmatch(suffix) else ""


def suffix_note(name: str, out: Path) -> tuple[str, ...]:
    """Note on a result whose suffix, by which programs choose how to open it, differs from the file's own."""
    own = plain_suffix(name)
    if not own or out.suffix.lower() == own.lower():
        return ()
    return (f"its own name ends in {own}: programs may want it named {out.with_suffix(own).name}",)


def printable(name: str) -> str:
    """A name with control and formatting characters escaped, since they could forge what a terminal shows."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in name)


def stored_name(file: Path) -> str:
    """The name without folders, cut to what a record holds, its suffix kept."""
    name = os.fsencode(file.name)
    if len(name) > MAX_NAME:
        suffix = os.fsencode(file.suffix)[:16]
        # A character that is cut in two is left out.
        name = name[: MAX_NAME - len(suffix)].decode("utf-8", "ignore").encode() + suffix
    return name.decode("utf-8", "surrogateescape")
