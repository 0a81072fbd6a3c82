"""Names: of kinds of covers and secrets, of files that every system accepts, and of classes, as my.module:Name.

The name of a file in a container was chosen by its sender. `safe_name` turns it into one that stays in its folder on
Linux, macOS and Windows, is not hidden, names no device and cannot be taken for an option.
"""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any, Final

from stegnet.core.errors import ConfigError

PICTURE: Final = "picture"
FILM: Final = "film"
SOUND: Final = "sound"
FILE: Final = "file"
COVERS = (PICTURE, FILM, SOUND)
ALBUM = "album"  # pictures or sounds that hold one file together
CHANNEL_SUFFIX = ".channel"  # of the file of a known channel
STANDARD_INPUT = "stdin"  # name of the file to which it is copied
USUAL_NAME = 32 * "n"  # stands for the name of a file that is not known yet: 32 bytes, more than most have
TEXT_NAME = "message.txt"  # name of a hidden text
MOST_TEXT = 1 << 16  # bytes of a hidden text in UTF-8
MARK = ":"  # in the name of a class or function from outside this program
TRUSTED = "STEGNET_NETWORK"  # environment variable: the class that weights files may name, and whose code then runs
FALLBACK = "revealed"
MAX_BYTES = 200  # of UTF-8; file systems allow 255, and endings such as -2 and .part need some


def safe_name(name: str) -> str:
    """Return a name for a new file, of at most `MAX_BYTES` bytes, as similar to `name` as possible.

    Folders are dropped, including those of Windows. Characters that a system forbids or a terminal does not show become
    "_", and so does a leading "-"; leading dots and trailing dots and spaces are dropped. A device's name, such as NUL
    or aux.png, gets a "_" in front. If nothing is left, the name is `FALLBACK`.
    """
    forbidden = '<>:"/\\|?*'  # by Windows
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    clean = "".join("_" if char in forbidden or not char.isprintable() else char for char in last)
    clean = clean.lstrip(". ").rstrip(". ")
    clean = "_" + clean[1:] if clean.startswith("-") else clean

    device = re.compile(
        r"(con|prn|aux|nul|conin\$|conout\$|clock\$|(com|lpt)[0-9¹²³]) *(\..*)?", re.IGNORECASE | re.DOTALL
    )
    clean = f"_{clean}" if device.fullmatch(clean) else clean or FALLBACK
    if len(clean.encode()) <= MAX_BYTES:
        return clean

    suffix = PurePath(clean).suffix.encode()
    longest_suffix = 17  # bytes
    ending = suffix if len(suffix) <= longest_suffix else b""  # a longer one is cut, too
    return clean.encode()[: MAX_BYTES - len(ending)].decode(errors="ignore").rstrip(". ") + ending.decode()


def printable(text: str) -> str:
    """Escape characters that a terminal does not show as they are: line breaks, control sequences, lone surrogates."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def counted(count: int, noun: str) -> str:
    """Return a number of things: "1 file", "3 files"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def shown_size(count: int) -> str:
    """Return a number of bytes in a readable unit, rounded to three digits."""
    if count < 1000:
        return counted(count, "byte")
    step = _last_of_three_digits(count)
    rounded = (count + step // 2) // step * step
    units = ("kB", "MB", "GB", "TB")
    power = min((len(str(rounded)) - 1) // 3, len(units))
    return f"{rounded / 1000**power:g} {units[power - 1]}"


def shown_capacity(count: int) -> str:
    """Return a number of bytes that fit, as `shown_size` but rounded down: so many do fit."""
    step = _last_of_three_digits(count)
    return shown_size(count // step * step)


def _last_of_three_digits(count: int) -> int:
    """Return what the last of a number's first three digits counts."""
    return int(10 ** max(len(str(count)) - 3, 0))


def either(names: Sequence[str]) -> str:
    """Join names in a sentence: "picture, film or sound"."""
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def folded(name: str) -> str:
    """Return a form of a name that is equal for names that some system takes for the same file, as A.png and a.PNG."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


class Names:
    """Unique names for the results in one folder, compared by `folded`."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, stem: str, suffix: str) -> str:
        """Join `stem` and `suffix`, with -2, -3, … between them if the name is taken."""
        name = stem + suffix
        count = 1
        while folded(name) in self._taken:
            count += 1
            name = f"{stem}-{count}{suffix}"
        self._taken.add(folded(name))
        return name


def load_object(key: str, name: str) -> Any:
    """Import a module and return the object in it. Raises ConfigError, which names `key`, if that fails."""
    import pkgutil  # only for objects that are named

    try:
        return pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        hint = "the current folder is searched, and those in PYTHONPATH"
        raise ConfigError(f"{name} can't be imported ({error})", hint, subject=key) from error


def is_channel_file(name: object) -> bool:
    """Return whether the name of a channel is that of a channel's file, NAME.channel or any path."""
    return isinstance(name, PurePath) or (isinstance(name, str) and name.endswith(CHANNEL_SUFFIX))
