"""Names of hidden files and of results.

A hidden file's own name comes from somebody else, who may want a file overwritten, hidden or run, or a terminal
deceived. Where it names a result, what is left of it is harmless on all common systems.
"""

import re
from pathlib import Path, PurePath

from stegnet.codec.container import Container
from stegnet.codec.modems import Modems
from stegnet.codec.output import FORMS, Progress
from stegnet.codec.record import FILM as HIDDEN_FILM
from stegnet.codec.record import File
from stegnet.codec.robust_content import RobustFile
from stegnet.media import FILM, PICTURE

TEXT_NAME, MOST_TEXT = "message.txt", 1 << 16  # of a hidden text, and its bytes in UTF-8 at most
WATCHABLE_SUFFIX = ".mp4"
_PLAIN_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,16}")
_UNSAFE = re.compile(r'[<>:"|?*]')  # on Windows
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.IGNORECASE | re.DOTALL)
_MOST_BYTES = 200  # of a name, which leaves room for that of the temporary file
_UNNAMED = "revealed"


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
        return _UNNAMED + unnamed_suffix(container, modems, progress, lossless)
    return safe_name(name)


def safe_name(name: str) -> str:
    """What is left of a name without folders, control and formatting characters, and all that is special anywhere.

    It does not begin with a dot or dash, nor end with a dot or space; names that Windows reserves get an underscore,
    and a long one is cut, its suffix kept.
    """
    last = re.split(r"[/\\]", name)[-1]
    plain = _UNSAFE.sub("_", "".join(sign for sign in last if sign.isprintable()))
    plain = plain.lstrip(".- ").rstrip(". ")
    if not plain:
        return _UNNAMED
    return _shortened(f"_{plain}" if _RESERVED.fullmatch(plain) else plain)


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


def _shortened(name: str) -> str:
    suffix = plain_suffix(name)
    stem = name[: len(name) - len(suffix)].encode()[: _MOST_BYTES - len(suffix)]
    return stem.decode(errors="ignore") + suffix  # without a character that was cut in two
