"""Names of hidden files and of results.

A hidden file's own name comes from somebody else, who may want a file overwritten, hidden or run, or a terminal
deceived. Where it names a result, what is left of it is harmless on all common systems.
"""

import re
from pathlib import Path, PurePath

from stegnet.core.names import FALLBACK, safe_name
from stegnet.media import FILM, PICTURE
from stegnet.methods.robust.content import RobustFile
from stegnet.methods.robust.modems import Modems
from stegnet.record.container import Container
from stegnet.record.record import FILM as HIDDEN_FILM
from stegnet.record.record import File
from stegnet.results.output import FORMS, Progress

TEXT_NAME, MOST_TEXT = "message.txt", 1 << 16  # of a hidden text, and its bytes in UTF-8 at most
WATCHABLE_SUFFIX = ".mp4"
_PLAIN_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,16}")


def secret_name(container: Container, modems: Modems, progress: Progress) -> str | None:
    """Own name of the hidden file; None if a picture or film is hidden without one.

    Raises:
        RevealError: nothing opens with this key.
    """
    robust = container.robust(modems, progress)
    if robust is not None:
        return robust.name if isinstance(robust, RobustFile) else None
    secret = container.header(progress).secret
    return secret.name if isinstance(secret, File) else None


def unnamed_suffix(container: Container, modems: Modems, progress: Progress, lossless: bool) -> str:
    """Suffix of the result where a picture or film is hidden without a name; errors as `secret_name`."""
    if container.robust(modems, progress) is not None or container.header(progress).kind != HIDDEN_FILM:
        return FORMS[PICTURE][0]
    return FORMS[FILM][0] if lossless else WATCHABLE_SUFFIX


def result_name(container: Container, modems: Modems, progress: Progress, lossless: bool) -> str:
    """Name of the result where the user gives none; errors as `secret_name`."""
    name = secret_name(container, modems, progress)
    if name is None:
        return FALLBACK + unnamed_suffix(container, modems, progress, lossless)
    return safe_name(name)


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
